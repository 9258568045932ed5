/* From multipliers to a proved bound.
 *
 * Theorem.  Let lam_i >= 0 for unstable neurons, tau_j > 0 for inputs, sigma_k > 0 for outputs (all tau
 * equal if t is in a Euclidean ball, all sigma equal if s is), and let
 *
 *     Q(t, v, s) = sum tau_j t_j^2 + sum 2 lam_i v_i (v_i - y_i(t, v)) + sum sigma_k s_k^2 - s' y_out(t, v)
 *
 * as a quadratic form in t, s and the v of *unstable* neurons only: y_l = W_l v_{l-1} in which the
 * entries of v_{l-1} that belong to active neurons are replaced by those of y_{l-1}, and so on
 * backwards, so that y_l is a linear function P_l of t and of earlier unstable v.  If Q >= 0 everywhere,
 * then the tangents of the network satisfy s'y_out <= sum tau + sum sigma (ball: tau + sigma).
 * Proof.  On true tangents v_i is 0 or y_i, so every term 2 lam_i v_i (v_i - y_i) is 0.
 * Replacing (t, v, s) by (t/c, v/c, c s) turns (tau, lam, sigma) into (tau/c^2, lam/c^2, c^2 sigma), so
 * the bound may be balanced:  2 (sum tau * sum sigma)^.5.
 *
 * The matrix of Q.  t is eliminated exactly (tau_j = 1 / g_j^2 for *doubles* g_j): with R_i the part of
 * P_i that reads t and f_i = lam_i (neurons) or 1/2 (outputs), Q >= 0 if the matrix
 *
 *     S_ii = 2 lam_i or sigma_i,   S_ij = - f_i P_ij  (j earlier than i),     minus  B B',  B_ij = f_i R_ij g_j
 *
 * over unstable neurons and outputs is positive semidefinite.  Rows and columns are scaled by powers of
 * two d_i such that S_ii d_i^2 is in [1/2, 2); this changes nothing about definiteness.
 *
 * Rounding.  S as computed differs from S of the real weights by a matrix of 2-norm <= radius:
 *   - P_l = W_a P_{l-1} is a product: |computed - true| <= r_l with
 *     r_l = |W_a| r_{l-1} + GAMMA |W_a| |P_{l-1}|; zero where no active neuron is in between;
 *   - the last matrix may be a rounded difference of two rows: relative error 2 UNIT;
 *   - f_i d_i P_ij d_j takes one rounding (d are powers of two), B two; B B' errs by GAMMA |B| |B|'.
 * Entrywise errors are bounded by their largest row sum, errors of B B' by Frobenius norms.  Then
 * lip_envelope_prove decides.  Underflow: see RANGE below. */
#include "base/memory.h"
#include "base/round.h"
#include "relax/chain_envelope.h"
#include "relax/chain_work.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Multipliers, scales and g outside [2^-RANGE, 2^RANGE] are not tried.  An underflow, at most 2^-1022, is
 * then multiplied by at most 2^RANGE and by an entry of at most 2^40 afterwards: below 2^-700. */
enum { RANGE = 220, ATTEMPTS = 24 };
#define UNDERFLOW 0x1p-700

/* y_l as a linear function of t (if open) and of unstable v from block `start` on. */
typedef struct composite {
    size_t rows, cols; /* cols = tcols + unstable neurons of blocks start .. l - 1 */
    size_t start, tcols;
    double *p, *r; /* rows x cols each; r NULL if p is exact */
} composite;

typedef struct proof {
    const lip_chain *chain;
    const lip_chain_dual *dual;
    lip_envelope *s;
    double *g;                 /* inputs: tau^-.5; 1 for a ball */
    double *diagonal;          /* n: 2 lam, sigma */
    double *factor;            /* n: f_i d_i */
    double *scale;             /* n: d_i */
    double *sums;              /* n: row sums of the entrywise error */
    double *b;                 /* n x inputs */
    double b_square, r_square; /* squared Frobenius norms of B and of its radius, as computed */
    double radius;
} proof;

/* ---- Composite maps ---------------------------------------------------------------------- */

static void composite_clear(composite *c) {
    free(c->p);
    free(c->r);
    c->p = c->r = NULL;
}

static bool composite_alloc(composite *c, bool radius) {
    size_t size;
    if (!lip_multiply_sizes(c->rows, c->cols, &size)) return false;
    c->p = LIP_NEW(double, size);
    if (radius) c->r = LIP_NEW(double, size);
    return c->p && (!radius || c->r);
}

/* Copy `count` columns of W into the last columns of c, with the error of a rounded difference. */
static void copy_columns(const lip_chain_layer *layer, size_t count, double relative,
                         composite *c) {
    size_t at = c->cols - count;
    for (size_t i = 0; i < c->rows; ++i)
        for (size_t j = 0; j < count; ++j) {
            double w = layer->w[i * layer->cols + j];
            c->p[i * c->cols + at + j] = w;
            if (c->r) c->r[i * c->cols + at + j] = relative * fabs(w);
        }
}

static void magnitudes(size_t rows, size_t cols, const double *from, size_t ld, double *to) {
    for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < cols; ++j) to[i * cols + j] = lip_magnitude(from[i * ld + j]);
}

/* The first columns of c: P = W_a P_prev and r = |W_a| (r_prev + GAMMA |P_prev|).  GAMMA(a + 6) pays for
 * the a products and sums and for a rounded W (relative 2 UNIT, together with 2 UNIT of r_prev's share). */
static bool multiply_active(const lip_chain_layer *layer, size_t u, const composite *prev,
                            composite *c) {
    size_t a = layer->cols - u, rows = c->rows, cols = prev->cols;
    double gamma = lip_gamma(a + 6), *w = LIP_NEW(double, rows *a), *p = LIP_NEW(double, a *cols);
    const double *from = prev->p + u * cols, *radius = prev->r ? prev->r + u * cols : NULL;
    bool ok = w && p;
    if (ok) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)cols, (int)a, 1,
                    layer->w + u, (int)layer->cols, from, (int)cols, 0, c->p, (int)c->cols);
        magnitudes(rows, a, layer->w + u, layer->cols, w);
        magnitudes(a, cols, from, cols, p);
        for (size_t k = 0; k < a * cols; ++k)
            p[k] = gamma * p[k] + (radius ? (1 + gamma) * lip_magnitude(radius[k]) : 0);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)cols, (int)a, 1, w,
                    (int)a, p, (int)cols, 0, c->r, (int)c->cols);
        for (size_t i = 0; i < rows; ++i) /* nonnegative terms: rounding is relative */
            for (size_t j = 0; j < cols; ++j)
                c->r[i * c->cols + j] = lip_sum_up(c->r[i * c->cols + j], a + 4);
    }
    free(w);
    free(p);
    return ok;
}

/* The composite of layer l from that of layer l - 1 (not read for l = 0). */
static bool composite_next(const lip_chain *chain, size_t l, const composite *prev, composite *c) {
    const lip_chain_layer *layer = &chain->layer[l];
    bool rounded = l == chain->hidden && chain->rounded_output;
    size_t u = l ? chain->layer[l - 1].unstable : 0, a = l ? layer->cols - u : 0;
    *c = (composite){.rows = layer->rows, .cols = layer->cols};
    if (l == 0) c->tcols = layer->cols;
    if (l > 0 && a == 0) c->start = l - 1;
    if (a > 0) {
        c->start = prev->start;
        c->tcols = prev->tcols;
        c->cols = prev->cols + u;
    }
    if (!composite_alloc(c, rounded || a > 0)) return false;
    copy_columns(layer, l ? u : layer->cols, rounded ? 2 * LIP_UNIT : 0, c);
    return a == 0 || multiply_active(layer, u, prev, c);
}

/* ---- Scales ------------------------------------------------------------------------------ */

static bool in_range(double x) { return x >= ldexp(1, -RANGE) && x <= ldexp(1, RANGE); }

/* d = 2^k with x d^2 in [1/2, 2). */
static double scale_of(double x) {
    int e;
    frexp(x, &e); /* x in [2^(e-1), 2^e) */
    return ldexp(1, e >= 0 ? -(e / 2) : (-e + 1) / 2);
}

static bool set_scales(proof *q, double eta) {
    const lip_chain *chain = q->chain;
    size_t n = q->s->n, neurons = lip_chain_unstable(chain);
    for (size_t i = 0; i < n; ++i) {
        bool output = i >= neurons;
        double x = output ? eta * (chain->output_ball ? 1 : q->dual->share[i - neurons])
                          : 2 * q->dual->lam[i];
        if (!in_range(x)) return false;
        q->diagonal[i] = x;
        q->scale[i] = scale_of(x);
        q->factor[i] = q->scale[i] * (output ? 0.5 : q->dual->lam[i]);
    }
    for (size_t j = 0; j < lip_chain_inputs(chain); ++j) {
        q->g[j] = chain->input_ball ? 1 : 1 / sqrt(q->dual->tau[j]);
        if (!in_range(q->g[j])) return false;
    }
    return true;
}

/* ---- Assembly ---------------------------------------------------------------------------- */

/* Rows of B that belong to block b, with their share of the Frobenius norms. */
static void assemble_inputs(proof *q, size_t b, const composite *c) {
    size_t offset = q->s->offset[b], size = lip_envelope_size(q->s, b);
    size_t inputs = lip_chain_inputs(q->chain);
    for (size_t i = 0; i < size; ++i) {
        double *row = q->b + (offset + i) * inputs, f = q->factor[offset + i];
        for (size_t j = 0; j < inputs; ++j) {
            row[j] = f * c->p[i * c->cols + j] * q->g[j];
            q->b_square += row[j] * row[j];
            double r = c->r ? f * c->r[i * c->cols + j] * q->g[j] : 0;
            q->r_square += r * r;
        }
    }
}

/* Entries left of the diagonal block, and the diagonal.  An open row's entries are later one more term
 * in a product over the inputs: GAMMA(inputs + 6); the others are rounded once. */
static void assemble_entries(proof *q, size_t b, const composite *c) {
    size_t offset = q->s->offset[b], size = lip_envelope_size(q->s, b);
    size_t length = lip_envelope_length(q->s, b), left = offset - q->s->offset[q->s->first[b]];
    double relative = c->tcols ? lip_gamma(lip_chain_inputs(q->chain) + 6) : 2 * LIP_UNIT;
    for (size_t i = 0; i < size; ++i) {
        double *row = q->s->row[b] + i * length, f = q->factor[offset + i], own = 0;
        for (size_t j = 0; j < left; ++j) {
            size_t column = offset - left + j, at = i * c->cols + c->tcols + j;
            row[j] = -(f * c->p[at]) * q->scale[column];
            double error = relative * fabs(row[j]);
            if (c->r) error += f * c->r[at] * q->scale[column] * (1 + 4 * LIP_UNIT);
            own += error;
            q->sums[column] += error;
        }
        double d = q->scale[offset + i];
        row[left + i] = q->diagonal[offset + i] * d * d; /* exact */
        q->sums[offset + i] += own + relative * row[left + i];
    }
}

/* Subtract B_b B' where both rows read t; those blocks come first and their rows begin at column 0. */
static void assemble_products(proof *q, size_t b) {
    size_t size = lip_envelope_size(q->s, b), length = lip_envelope_length(q->s, b);
    size_t inputs = lip_chain_inputs(q->chain);
    if (size == 0) return;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)size, (int)length, (int)inputs, -1,
                q->b + q->s->offset[b] * inputs, (int)inputs, q->b, (int)inputs, 1, q->s->row[b],
                (int)length);
}

static bool assemble(proof *q) {
    const lip_chain *chain = q->chain;
    composite now = {0}, prev = {0};
    bool ok = true;
    for (size_t b = 0; ok && b <= chain->hidden; ++b) {
        ok = composite_next(chain, b, &prev, &now);
        if (ok && now.tcols) assemble_inputs(q, b, &now);
        if (ok) assemble_entries(q, b, &now);
        if (ok && now.tcols) assemble_products(q, b);
        composite_clear(&prev);
        prev = now;
    }
    composite_clear(&prev);
    return ok;
}

/* An upper bound on the 2-norm of (computed - true); INFINITY or NaN if something overflowed.
 *   entrywise: the largest row sum (symmetric matrix);
 *   B: |computed - true| <= rB + 3 UNIT |B| =: rho in Frobenius norm, so B B' is off by
 *      2 ||B|| rho + rho^2 and its computation by GAMMA(inputs + 2) ||B||^2. */
static double assembly_radius(const proof *q) {
    size_t n = q->s->n, inputs = lip_chain_inputs(q->chain), open = n * inputs;
    double most = 0;
    for (size_t i = 0; i < n; ++i) most = fmax(most, q->sums[i]);
    for (size_t i = 0; i < n; ++i)
        if (isnan(q->sums[i])) most = INFINITY;
    double radius = lip_sum_up(most, n + 4);
    double b_square = lip_add_up(lip_sum_up(q->b_square, open + 2), UNDERFLOW);
    double r_square = lip_add_up(lip_sum_up(q->r_square, open + 8), UNDERFLOW);
    if (!(b_square < 0x1p40)) return INFINITY;
    double b = lip_sqrt_up(b_square);
    double rho = lip_add_up(lip_sqrt_up(r_square), lip_mul_up(3 * LIP_UNIT, b));
    radius = lip_add_up(radius, lip_mul_up(lip_gamma(inputs + 2), b_square));
    radius = lip_add_up(radius, lip_mul_up(rho, lip_add_up(2 * b, rho)));
    return lip_add_up(radius, (double)n * (double)(n + inputs) * UNDERFLOW);
}

/* ---- The bound --------------------------------------------------------------------------- */

/* 2 (sum tau * sum sigma)^.5 * 2^exponent, rounded up. */
static double bound_value(const proof *q) {
    const lip_chain *chain = q->chain;
    size_t neurons = lip_chain_unstable(chain), outputs = lip_chain_outputs(chain);
    double tau = chain->input_ball ? 1 : 0, sigma = chain->output_ball ? q->diagonal[neurons] : 0;
    for (size_t j = 0; !chain->input_ball && j < lip_chain_inputs(chain); ++j)
        tau = lip_add_up(tau, lip_div_up(1, lip_mul_down(q->g[j], q->g[j])));
    for (size_t k = 0; !chain->output_ball && k < outputs; ++k)
        sigma = lip_add_up(sigma, q->diagonal[neurons + k]);
    double value = 2 * lip_sqrt_up(lip_mul_up(tau, sigma));
    long e = chain->exponent;
    value = ldexp(value, e > 100000 ? 100000 : e < -100000 ? -100000 : (int)e);
    return value < 0x1p-1020 ? lip_up(value) : value; /* below, ldexp rounds */
}

static void proof_clear(proof *q) {
    lip_envelope_free(q->s);
    free(q->g);
    free(q->b);
}

static bool proof_create(const lip_chain *chain, const lip_chain_dual *dual, proof *q) {
    size_t blocks = chain->hidden + 1, inputs = lip_chain_inputs(chain), size;
    size_t *sizes = LIP_NEW(size_t, 2 * blocks), *first = sizes ? sizes + blocks : NULL;
    *q = (proof){.chain = chain, .dual = dual};
    for (size_t b = 0; sizes && b < blocks; ++b) {
        sizes[b] = b < chain->hidden ? chain->layer[b].unstable : chain->layer[b].rows;
        bool through = b && chain->layer[b - 1].unstable < chain->layer[b - 1].rows;
        first[b] = b == 0 ? 0 : through ? first[b - 1] : b - 1;
    }
    if (sizes) q->s = lip_envelope_create(blocks, sizes, first);
    free(sizes);
    if (!q->s) return false;
    size_t n = q->s->n;
    q->g = LIP_NEW(double, inputs + 4 * n);
    if (lip_multiply_sizes(n, inputs, &size)) q->b = LIP_NEW(double, size);
    if (!q->g || !q->b) {
        proof_clear(q);
        return false;
    }
    q->diagonal = q->g + inputs;
    q->factor = q->diagonal + n;
    q->scale = q->factor + n;
    q->sums = q->scale + n;
    return true;
}

/* One attempt with repaired multipliers; *shift is what the factorisation needed. */
static bool attempt(const lip_chain *chain, const lip_chain_dual *dual, double eta, double *bound,
                    double *shift) {
    proof q;
    *bound = INFINITY;
    if (!proof_create(chain, dual, &q)) return false;
    bool ok = true;
    if (set_scales(&q, eta)) {
        ok = assemble(&q);
        double radius = ok ? assembly_radius(&q) : INFINITY;
        *shift = lip_envelope_shift(q.s, radius);
        if (ok && lip_envelope_prove(q.s, radius)) *bound = bound_value(&q);
    }
    proof_clear(&q);
    return ok;
}

static void copy_dual(const lip_chain *chain, const lip_chain_dual *from, lip_chain_dual *to) {
    memcpy(to->tau, from->tau, lip_chain_inputs(chain) * sizeof(double));
    memcpy(to->lam, from->lam, lip_chain_unstable(chain) * sizeof(double));
    memcpy(to->share, from->share, lip_chain_outputs(chain) * sizeof(double));
}

static size_t block_size(const lip_chain *chain, size_t b) {
    return b < chain->hidden ? chain->layer[b].unstable : chain->layer[b].rows;
}

/* Columns of the whole slack matrix, t included, before block b. */
static size_t block_offset(const lip_chain *chain, size_t b) {
    size_t offset = lip_chain_inputs(chain);
    for (size_t k = 0; k < b; ++k) offset += block_size(chain, k);
    return offset;
}

/* The first of them in rows of block b: that of the block before, or, through active neurons, earlier. */
static size_t block_start(const lip_chain *chain, size_t b) {
    while (b > 0 && chain->layer[b - 1].unstable < chain->layer[b - 1].rows) --b;
    return b < 2 ? (b == 0 ? 0 : lip_chain_inputs(chain)) : block_offset(chain, b - 1);
}

/* The margin that lipcheck needs, and a little more than twice the shift that lip_envelope_prove will take: a
 * margin just large enough costs least (at depth 64 the bound grows by about 20 times the margin). */
static double first_margin(const lip_chain *chain) {
    size_t longest = 1, most = 1;
    for (size_t b = 0; b <= chain->hidden; ++b) {
        size_t offset = block_offset(chain, b), size = block_size(chain, b);
        size_t length = offset + size - block_start(chain, b), entries = length;
        for (size_t k = b + 1; k <= chain->hidden && block_start(chain, k) <= offset; ++k)
            entries += block_size(chain, k);
        if (length > longest) longest = length;
        if (entries > most) most = entries;
    }
    return lip_checker_margin(longest, most);
}

bool lip_chain_prove(lip_chain_work *work, lip_chain_dual *dual, double *eta, double *bound) {
    const lip_chain *chain = work->chain;
    lip_chain_dual repaired;
    double margin = first_margin(chain), shift = 0;
    *bound = INFINITY;
    if (!lip_chain_dual_create(chain, &repaired)) return false;
    bool ok = true;
    for (int k = 0; ok && k < ATTEMPTS && *bound == INFINITY && margin < 0.1; ++k) {
        copy_dual(chain, dual, &repaired);
        if (lip_chain_repair(work, &repaired, margin, eta))
            ok = attempt(chain, &repaired, *eta, bound, &shift);
        margin = fmax(4 * margin, isfinite(shift) ? fmin(2 * shift, 0.05) : 0);
    }
    if (*bound < INFINITY) copy_dual(chain, &repaired, dual);
    lip_chain_dual_clear(&repaired);
    return ok && !work->out_of_memory;
}
