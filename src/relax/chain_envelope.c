/* Cholesky factorisation inside an envelope, and its error.
 *
 * A = R'R; block column k of R (our block row k of R') is nonzero only from block first[k] to k, and so
 * is its fill.  Each entry is computed as in linalg/cholesky.h, r_ij = (a_ij - sum r_ki r_kj) / r_ii, but
 * terms outside the envelope are zeros and not computed: with `length` the longest row,
 *
 *     A + E = R'R,   |E| <= G |R'| |R|,   G = GAMMA(length + 1)        (Higham 2002, Theorem 10.3, whose
 *                                     proof counts the terms of each sum and nothing else of n)
 *
 * The 2-norm of |R'||R| is at most that of the small matrix of the Frobenius norms of its blocks (k, l),
 * which is at most the largest row sum.  Block (k, l) is |R_k|'|R_l|, of norm <= ||R_k||_F ||R_l||_F, and
 * zero unless the supports [first, k] and [first, l] of the two block columns meet.  ||R_k||_F^2 is the
 * trace of block k of R'R, <= trace(A_kk) / (1 - G).  Hence
 *
 *     ||E||_2 <= G / (1 - G)  max_k  sum over l whose support meets k's  (trace(A_kk) trace(A_ll))^.5 .
 *
 * For a block tridiagonal matrix of width w that is about 2^-52 * 2w * 3w whatever the depth, where the
 * bound for a full matrix grows with n^2.
 *
 * Underflow: each of at most length + 2 operations on an entry errs by 2^-1022 more, times at most
 * max(1, r_ii), and r_ii^2 is at most the largest diagonal entry, which callers keep below 2^20; over a
 * row of n entries that is at most n (length + 2) 2^-1000. */
#include "relax/chain_envelope.h"

#include "base/memory.h"
#include "base/round.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

enum { PANEL = 32 };

void lip_envelope_free(lip_envelope *m) {
    if (!m) return;
    for (size_t b = 0; m->row && b < m->blocks; ++b) free(m->row[b]);
    free(m->row);
    free(m->offset);
    free(m->first);
    free(m->root);
    free(m);
}

lip_envelope *lip_envelope_create(size_t blocks, const size_t *size, const size_t *first) {
    lip_envelope *m = LIP_NEW(lip_envelope, 1);
    if (!m) return NULL;
    m->blocks = blocks;
    m->offset = LIP_NEW(size_t, blocks + 1);
    m->first = LIP_NEW(size_t, blocks);
    m->row = LIP_NEW(double *, blocks);
    m->root = LIP_NEW(double, blocks);
    bool ok = m->offset && m->first && m->row && m->root;
    for (size_t b = 0; ok && b < blocks; ++b) {
        size_t entries;
        m->offset[b + 1] = m->offset[b] + size[b];
        m->first[b] = first[b];
        ok = lip_multiply_sizes(size[b], lip_envelope_length(m, b), &entries);
        if (ok) m->row[b] = LIP_NEW(double, entries);
        ok = ok && m->row[b];
    }
    m->n = ok ? m->offset[blocks] : 0;
    if (ok) return m;
    lip_envelope_free(m);
    return NULL;
}

/* ---- The factorisation ------------------------------------------------------------------- */

/* Entry (i, j) of block row b, both counted from the first row and column of the matrix. */
static double *entry(const lip_envelope *m, size_t b, size_t i, size_t j) {
    size_t start = m->offset[m->first[b]];
    return m->row[b] + (i - m->offset[b]) * lip_envelope_length(m, b) + (j - start);
}

static size_t later(size_t a, size_t b) { return a > b ? a : b; }

/* Columns j .. j + width - 1 (inside block p) of rows i .. end - 1 of block row b: subtract the products
 * with earlier columns. */
static void subtract_products(lip_envelope *m, size_t p, size_t j, size_t width, size_t b, size_t i,
                              size_t end) {
    size_t start = later(m->offset[m->first[p]], m->offset[m->first[b]]);
    if (start >= j || i >= end) return;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)(end - i), (int)width,
                (int)(j - start), -1, entry(m, b, i, start), (int)lip_envelope_length(m, b),
                entry(m, p, j, start), (int)lip_envelope_length(m, p), 1, entry(m, b, i, j),
                (int)lip_envelope_length(m, b));
}

/* The panel's own triangle: rows and columns j .. j + width - 1 of block p. */
static bool factor_triangle(lip_envelope *m, size_t p, size_t j, size_t width) {
    size_t length = lip_envelope_length(m, p);
    double *top = entry(m, p, j, j);
    for (size_t i = 0; i < width; ++i) {
        double *row = top + i * length;
        for (size_t k = 0; k < i; ++k) {
            const double *other = top + k * length;
            double sum = row[k];
            for (size_t c = 0; c < k; ++c) sum -= row[c] * other[c];
            row[k] = sum / other[k];
        }
        double pivot = row[i];
        for (size_t c = 0; c < i; ++c) pivot -= row[c] * row[c];
        if (!(pivot > 0) || !isfinite(pivot)) return false;
        row[i] = sqrt(pivot);
    }
    return true;
}

/* Rows i .. end - 1 of block row b in the panel's columns: forward substitution. */
static void solve_rows(lip_envelope *m, size_t p, size_t j, size_t width, size_t b, size_t i,
                       size_t end) {
    size_t length = lip_envelope_length(m, p);
    const double *top = entry(m, p, j, j);
    for (; i < end; ++i) {
        double *row = entry(m, b, i, j);
        for (size_t k = 0; k < width; ++k) {
            const double *other = top + k * length;
            double sum = row[k];
            for (size_t c = 0; c < k; ++c) sum -= row[c] * other[c];
            row[k] = sum / other[k];
        }
    }
}

static bool factor_panel(lip_envelope *m, size_t p, size_t j, size_t width) {
    subtract_products(m, p, j, width, p, j, m->offset[p + 1]);
    if (!factor_triangle(m, p, j, width)) return false;
    solve_rows(m, p, j, width, p, j + width, m->offset[p + 1]);
    for (size_t b = p + 1; b < m->blocks; ++b) {
        if (m->first[b] > p || lip_envelope_size(m, b) == 0) continue;
        subtract_products(m, p, j, width, b, m->offset[b], m->offset[b + 1]);
        solve_rows(m, p, j, width, b, m->offset[b], m->offset[b + 1]);
    }
    return true;
}

static bool factor(lip_envelope *m) {
    for (size_t p = 0; p < m->blocks; ++p) {
        size_t end = m->offset[p + 1], width;
        for (size_t j = m->offset[p]; j < end; j += width) {
            width = end - j < PANEL ? end - j : PANEL;
            if (!factor_panel(m, p, j, width)) return false;
        }
    }
    return true;
}

/* ---- The proof --------------------------------------------------------------------------- */

static double block_trace(const lip_envelope *m, size_t b, double *most) {
    double sum = 0;
    for (size_t i = m->offset[b]; i < m->offset[b + 1]; ++i) {
        double d = *entry(m, b, i, i);
        if (!(d > 0)) return INFINITY;
        *most = fmax(*most, d);
        sum += d;
    }
    return lip_sum_up(sum, lip_envelope_size(m, b));
}

/* max_k sum_l (trace_k trace_l)^.5 over meeting supports, rounded up. */
static double meeting_traces(lip_envelope *m, double *most) {
    double result = 0, *root = m->root;
    for (size_t b = 0; b < m->blocks; ++b) root[b] = lip_sqrt_up(block_trace(m, b, most));
    for (size_t k = 0; k < m->blocks; ++k) {
        double sum = 0;
        for (size_t l = 0; l < m->blocks; ++l)
            if (m->first[l] <= k && m->first[k] <= l) sum = lip_add_up(sum, root[l]);
        result = fmax(result, lip_mul_up(root[k], sum));
    }
    return result;
}

double lip_envelope_shift(lip_envelope *m, double radius) {
    double most = 0, traces = meeting_traces(m, &most);
    size_t length = 0;
    for (size_t b = 0; b < m->blocks; ++b) length = later(length, lip_envelope_length(m, b));
    if (!isfinite(traces) || !(most < 0x1p20)) return INFINITY;
    double gamma = lip_gamma(length + 1);
    double slack = lip_mul_up(lip_div_up(gamma, lip_sub_down(1, gamma)), traces);
    slack = lip_add_up(slack, (double)m->n * (double)(length + 2) * 0x1p-1000);
    slack = lip_add_up(slack, lip_mul_up(2 * LIP_UNIT, most)); /* rounding of the shift itself */
    return lip_add_up(slack, radius);
}

/* Factorise fl(A - shift I) = A - shift I + D with |D| <= UNIT |A_ii - shift| <= 2 UNIT most (the shift is
 * below the smallest diagonal entry, else the pivot test fails).  Traces of that matrix are at most
 * those of A times (1 + UNIT), which lip_sum_up covers.  Success: lambda_min(A - shift I + D) >= -||E||,
 * so lambda_min(B) >= shift - ||E|| - ||D|| - radius >= 0 by the choice of shift. */
bool lip_envelope_prove(lip_envelope *m, double radius) {
    double shift = lip_envelope_shift(m, radius);
    if (!(shift >= 0) || !isfinite(shift)) return false;
    for (size_t b = 0; b < m->blocks; ++b)
        for (size_t i = m->offset[b]; i < m->offset[b + 1]; ++i) *entry(m, b, i, i) -= shift;
    return factor(m);
}
