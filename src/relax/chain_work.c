/* The forward Schur recursion of the tangent relaxation on a chain.
 *
 * With multipliers tau (inputs), lam (unstable neurons) and sigma (outputs) the slack form is
 *
 *     Q(t, v, s) = sum tau_i t_i^2 + sum_l sum_i 2 lam_i v_i (v_i - y_i) + sum sigma_k s_k^2 - s' C v,
 *
 * and if Q >= 0 for all t, v, s then s'Cv <= sum tau + sum sigma wherever v_i (v_i - y_i) <= 0.
 * Eliminating t, v_0, v_1, ... in turn from Q >= 0 leaves, in covariance form,
 *
 *     F_0     = W_0 Diag(1/tau) W_0'                                         covariance of y_0
 *     M_l     = 2 Lam - Lam F_uu Lam          must be positive definite      (u: unstable rows of F_l)
 *     B_l     = [ I ; F_au Lam ]                                             (a: active rows, v = y)
 *     Pi_l    = B_l M_l^-1 B_l' + [ 0 0 ; 0 F_aa ]                           covariance of v_l
 *     F_{l+1} = W_{l+1} Pi_l W_{l+1}'
 *
 * and Q >= 0 iff all M_l > 0 and Diag(sigma) >= F_out / 4.  Scaling (tau, lam) up and sigma down by
 * the same factor keeps Q >= 0, so the best bound is sqrt(sum tau * sum share * lambda), where
 * lambda = lambda_max(Diag(share)^-.5 F_out Diag(share)^-.5).  References: Fazlyab et al. 2019
 * (LipSDP); Xu and Sivaranjani 2024 (ECLipsE: this recursion, with lam fixed layer by layer).
 *
 * M is factorised as Lam^.5 (2I - Lam^.5 F_uu Lam^.5) Lam^.5: the inner matrix is free of scales.
 * Cost: a few products of width^3 per layer; nothing of the size of the whole network. */
#include "relax/chain_work.h"

#include "base/memory.h"
#include "linalg/spectral.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory ------------------------------------------------------------------------------ */

void lip_chain_work_free(lip_chain_work *work) {
    if (!work) return;
    for (size_t l = 0; work->stage && l < work->chain->hidden; ++l) free(work->stage[l].f);
    free(work->stage);
    free(work->gram);
    free(work->scaled);
    free(work->tau);
    free(work->f_out);
    free(work->compressed);
    free(work->buffer);
    free(work);
}

/* The last matrix C has more rows than columns and s is in a ball: R with R'R = C'C does as well. */
static bool compress_output(lip_chain_work *work) {
    const lip_chain_layer *last = &work->chain->layer[work->chain->hidden];
    size_t rows = last->rows, cols = last->cols, size;
    work->outputs = rows;
    if (!work->chain->output_ball || rows <= cols || work->chain->hidden == 0) return true;
    if (!lip_multiply_sizes(rows + 1, cols, &size)) return false;
    double *copy = LIP_NEW(double, size);
    work->compressed = LIP_NEW(double, cols *cols);
    bool ok = copy && work->compressed;
    if (ok) { /* by columns the copy is C', and C' = L Q, so that C C' has the spectrum of L L' */
        double *reflector = copy + rows * cols;
        memcpy(copy, last->w, rows * cols * sizeof *copy);
        ok = LAPACKE_dgelqf(LAPACK_COL_MAJOR, (lapack_int)cols, (lapack_int)rows, copy,
                            (lapack_int)cols, reflector) == 0;
        for (size_t j = 0; j < cols; ++j)
            for (size_t i = j; i < cols; ++i) work->compressed[j * cols + i] = copy[j * cols + i];
        work->outputs = cols;
    }
    free(copy);
    return ok;
}

static bool create_stage(lip_chain_work *work, size_t l) {
    const lip_chain_layer *layer = &work->chain->layer[l], *next = layer + 1;
    lip_chain_stage *stage = &work->stage[l];
    bool last = l + 1 == work->chain->hidden;
    stage->n = layer->rows;
    stage->unstable = layer->unstable;
    stage->next = last && work->compressed ? work->compressed : next->w;
    stage->next_rows = last ? work->outputs : next->rows;
    size_t n = stage->n, u = stage->unstable;
    stage->f = LIP_NEW(double, n *n + u * (u + stage->next_rows + 3) + 1);
    if (!stage->f) return false;
    stage->chol = stage->f + n * n;
    stage->z = stage->chol + u * u;
    stage->norm = stage->z + stage->next_rows * u;
    stage->lam = stage->norm + u;
    stage->root = stage->lam + u;
    if (n > work->wide) work->wide = n;
    return true;
}

static bool create_buffers(lip_chain_work *work) {
    const lip_chain *chain = work->chain;
    size_t rows = work->first_rows, out = work->outputs, wide = work->wide;
    work->tau = LIP_NEW(double, work->inputs + lip_chain_outputs(chain));
    work->f_out = LIP_NEW(double, 2 * out * out + out);
    work->a = work->buffer = LIP_NEW(double, 4 * wide * wide);
    if (chain->input_ball)
        work->gram = LIP_NEW(double, rows *rows);
    else
        work->scaled = LIP_NEW(double, 2 * rows * work->inputs);
    if (!work->tau || !work->f_out || !work->a || (!work->gram && !work->scaled)) return false;
    work->share = work->tau + work->inputs;
    work->vectors = work->f_out + out * out;
    work->values = work->vectors + out * out;
    work->b = work->a + wide * wide;
    work->c = work->b + wide * wide;
    work->d = work->c + wide * wide;
    if (work->scaled) work->scaled_product = work->scaled + rows * work->inputs;
    for (size_t k = 0; k < lip_chain_outputs(chain); ++k) work->share[k] = 1;
    for (size_t i = 0; i < work->inputs; ++i) work->tau[i] = 1;
    return true;
}

lip_chain_work *lip_chain_work_create(const lip_chain *chain) {
    lip_chain_work *work = LIP_NEW(lip_chain_work, 1);
    if (!work) return NULL;
    work->chain = chain;
    work->inputs = lip_chain_inputs(chain);
    work->stage = LIP_NEW(lip_chain_stage, chain->hidden);
    bool ok = work->stage && compress_output(work);
    work->first_rows = chain->hidden ? chain->layer[0].rows : work->outputs;
    work->wide = work->outputs;
    for (size_t l = 0; ok && l < chain->hidden; ++l) ok = create_stage(work, l);
    if (ok && create_buffers(work)) return work;
    lip_chain_work_free(work);
    return NULL;
}

/* ---- Small pieces ------------------------------------------------------------------------ */

void lip_chain_softmax(size_t n, const double *x, double *v) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; ++i) most = fmax(most, x[i]);
    for (size_t i = 0; i < n; ++i) sum += v[i] = exp(x[i] - most);
    for (size_t i = 0; i < n; ++i) v[i] = fmax(v[i] / sum, 0x1p-200);
}

static void mirror(size_t n, double *f) {
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < i; ++j) f[j * n + i] = f[i * n + j];
}

bool lip_chain_norms(lip_chain_stage *stage) {
    double most = 0;
    for (size_t i = 0; i < stage->unstable; ++i) {
        stage->norm[i] = stage->f[i * (stage->n + 1)];
        if (!isfinite(stage->norm[i])) return false;
        most = fmax(most, stage->norm[i]);
    }
    for (size_t i = 0; i < stage->unstable; ++i)
        stage->norm[i] = fmax(stage->norm[i], 1e-14 * most);
    return stage->unstable == 0 || most > 1e-290;
}

bool lip_chain_inverse_largest(lip_chain_work *work, size_t l, bool scaled, double *inverse) {
    lip_chain_stage *stage = &work->stage[l];
    size_t n = stage->unstable;
    double largest;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) {
            double f = stage->f[i * stage->n + j];
            work->a[i * n + j] = scaled ? stage->root[i] * f * stage->root[j] : f;
        }
    if (n == 0) return true;
    if (!lip_lanczos_largest(n, work->a, &largest)) {
        work->out_of_memory = true;
        return false;
    }
    *inverse = 1 / largest;
    return true;
}

/* ---- The recursion ----------------------------------------------------------------------- */

/* gram = g Diag(1/v) g' where g is rows x cols; scaled holds g Diag(v)^-.5 unless v is NULL. */
static void weighted_gram(size_t rows, size_t cols, const double *g, const double *v,
                          double *scaled, double *gram) {
    const double *factor = g;
    if (v) {
        for (size_t j = 0; j < cols; ++j) scaled[j] = 1 / sqrt(v[j]);
        for (size_t i = rows; i-- > 0;) /* row 0 last: it holds the factors until then */
            for (size_t j = 0; j < cols; ++j) scaled[i * cols + j] = scaled[j] * g[i * cols + j];
        factor = scaled;
    }
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)rows, (int)cols, 1, factor, (int)cols,
                0, gram, (int)rows);
    mirror(rows, gram);
}

void lip_chain_first(lip_chain_work *work, double margin) {
    const lip_chain *chain = work->chain;
    size_t rows = work->first_rows, size = rows * rows;
    double *f = chain->hidden ? work->stage[0].f : work->f_out;
    const double *w = chain->layer[0].w;
    if (!chain->input_ball) {
        weighted_gram(rows, work->inputs, w, work->tau, work->scaled, f);
    } else {
        if (!work->gram_known) weighted_gram(rows, work->inputs, w, NULL, NULL, work->gram);
        work->gram_known = true;
        memcpy(f, work->gram, size * sizeof *f);
    }
    for (size_t k = 0; margin > 0 && k < size; ++k) f[k] /= 1 - margin;
}

bool lip_chain_factor(lip_chain_work *work, size_t l, double margin) {
    lip_chain_stage *stage = &work->stage[l];
    size_t u = stage->unstable;
    double *m = stage->chol;
    for (size_t i = 0; i < u; ++i) {
        stage->root[i] = sqrt(stage->lam[i]);
        for (size_t j = 0; j <= i; ++j)
            m[i * u + j] = -stage->root[i] * stage->f[i * stage->n + j] * stage->root[j];
        m[i * u + i] += 2 * (1 - margin);
        if (!(m[i * u + i] > 0)) return false;
    }
    /* by rows lower is by columns upper: U'U with U' = our lower factor */
    return u == 0 ||
           LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)u, m, (lapack_int)u) == 0;
}

/* F_next = Z Z' + N_a F_aa N_a' with Z = (N_u Lam^-.5 + N_a F_au Lam^.5) chol^-T. */
void lip_chain_push(lip_chain_work *work, size_t l) {
    lip_chain_stage *stage = &work->stage[l];
    int n = (int)stage->n, u = (int)stage->unstable, a = n - u, rows = (int)stage->next_rows;
    bool last = l + 1 == work->chain->hidden;
    double *next = last ? work->f_out : work->stage[l + 1].f, *z = stage->z;
    const double *active = stage->next + u;
    double beta = 0;
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < u; ++j)
            z[(size_t)i * (size_t)u + (size_t)j] = stage->next[(size_t)i * stage->n + (size_t)j];
    if (a > 0) {
        const double *f_a = stage->f + (size_t)u * stage->n;
        double *product = work->a; /* rows x n: N_a [F_au F_aa] */
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, n, a, 1, active, n, f_a, n, 0,
                    product, n);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, a, 1, product + u, n,
                    active, n, 0, next, rows);
        for (int i = 0; i < rows; ++i)
            for (int j = 0; j < u; ++j)
                z[(size_t)i * (size_t)u + (size_t)j] +=
                    product[(size_t)i * stage->n + (size_t)j] * stage->lam[j];
        beta = 1;
    }
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < u; ++j) z[(size_t)i * (size_t)u + (size_t)j] /= stage->root[j];
    if (u > 0) {
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, rows, u, 1,
                    stage->chol, u, z, u);
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, u, 1, z, u, beta, next, rows);
    }
    mirror((size_t)rows, next);
}

double lip_chain_output_eigen(lip_chain_work *work, bool vectors) {
    size_t n = work->outputs;
    bool ball = work->chain->output_ball;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) {
            double scale = ball ? 1 : sqrt(work->share[i] * work->share[j]);
            double f = work->f_out[i * n + j] / scale;
            if (!isfinite(f)) return NAN;
            work->vectors[i * n + j] = f;
        }
    if (n == 1) {
        work->values[0] = work->vectors[0];
        work->vectors[0] = 1;
    } else if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n,
                              work->vectors, (lapack_int)n, work->values) != 0) {
        return NAN;
    }
    return work->values[n - 1];
}
