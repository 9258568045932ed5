/* Let G be the computed Gram matrix A A' (or A'A, the smaller), n x n, |G - A A'| <= gamma |A| |A'|.
 * If the Cholesky factorisation of  B = fl(tau I - G)  runs to completion, then
 *
 *     lambda_max(A A')  <=  tau + slack(n, trace B) + 2 UNIT max |B_ii| + gamma ||A||_F^2,
 *
 * the terms being the backward error of the factorisation (linalg/cholesky.h), the rounding of the n
 * subtractions on the diagonal, and || |A| |A'| ||_2 <= ||A||_F^2.  tau is guessed a little above an
 * estimate of lambda_max by Lanczos iterations; if the factorisation fails, tau grows. */
#include "linalg/spectral.h"

#include "base/memory.h"
#include "base/round.h"
#include "linalg/cholesky.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANCZOS_STEPS = 120, COLUMNS = 64 };

/* ---- Lanczos ----------------------------------------------------------------------------- */

/* Orthogonalise w against the first `count` basis vectors, twice. */
static void orthogonalise(size_t n, size_t count, const double *basis, double *w) {
    for (int pass = 0; pass < 2; ++pass)
        for (size_t j = 0; j < count; ++j) {
            double dot = cblas_ddot((int)n, basis + j * n, 1, w, 1);
            cblas_daxpy((int)n, -dot, basis + j * n, 1, w, 1);
        }
}

/* The largest eigenvalue of the tridiagonal matrix; d and e are overwritten. */
static double tridiagonal_largest(size_t steps, double *d, double *e) {
    if (LAPACKE_dsterf((lapack_int)steps, d, e) != 0) return NAN;
    return d[steps - 1];
}

bool lip_lanczos_largest(size_t n, const double *a, double *eigenvalue) {
    size_t steps = n < LANCZOS_STEPS ? n : LANCZOS_STEPS, done = 0, size;
    double d[LANCZOS_STEPS], e[LANCZOS_STEPS];
    double *basis = lip_multiply_sizes(n, steps + 1, &size) ? LIP_NEW(double, size) : NULL;
    if (!basis) return false;
    double norm = 0;
    for (size_t i = 0; i < n; ++i) { /* a fixed start without special directions */
        basis[i] = 1 + 0.5 * sin(1.7 * (double)i + 0.3);
        norm += basis[i] * basis[i];
    }
    cblas_dscal((int)n, 1 / sqrt(norm), basis, 1);
    while (done < steps) {
        double *v = basis + done * n, *w = v + n;
        cblas_dsymv(CblasRowMajor, CblasLower, (int)n, 1, a, (int)n, v, 1, 0, w, 1);
        d[done] = cblas_ddot((int)n, v, 1, w, 1);
        orthogonalise(n, done + 1, basis, w);
        e[done] = cblas_dnrm2((int)n, w, 1);
        if (!(e[done++] > 1e-14 * fabs(d[0]))) break;
        cblas_dscal((int)n, 1 / e[done - 1], w, 1);
    }
    *eigenvalue = tridiagonal_largest(done, d, e);
    free(basis);
    return true;
}

/* ---- The Gram matrix --------------------------------------------------------------------- */

static void gram_dense(const lip_op *op, bool by_rows, double *g) {
    size_t n = by_rows ? op->rows : op->cols, inner = by_rows ? op->cols : op->rows;
    cblas_dsyrk(CblasRowMajor, CblasLower, by_rows ? CblasNoTrans : CblasTrans, (int)n, (int)inner,
                1, op->value, (int)op->cols, 0, g, (int)n);
}

/* Columns of A A' are A (A' e_j); the first product copies entries of A and rounds nothing. */
static bool gram_by_products(const lip_op *op, bool by_rows, double *g) {
    size_t n = by_rows ? op->rows : op->cols, inner = by_rows ? op->cols : op->rows, size;
    if (!lip_multiply_sizes(2 * n + inner, COLUMNS, &size)) return false;
    double *unit = LIP_NEW(double, size);
    if (!unit) return false;
    double *mid = unit + n * COLUMNS, *out = mid + inner * COLUMNS;
    for (size_t first = 0; first < n; first += COLUMNS) {
        size_t k = n - first < COLUMNS ? n - first : COLUMNS;
        memset(unit, 0, size * sizeof *unit);
        for (size_t j = 0; j < k; ++j) unit[(first + j) * k + j] = 1;
        if (by_rows) {
            lip_op_adjoint(op, k, unit, mid);
            lip_op_apply(op, k, mid, out);
        } else {
            lip_op_apply(op, k, unit, mid);
            lip_op_adjoint(op, k, mid, out);
        }
        for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j < k; ++j) g[i * n + first + j] = out[i * k + j];
    }
    free(unit);
    return true;
}

/* An upper bound on ||A||_F^2, every matrix entry counted (a convolution's weights many times). */
static bool frobenius_squared(const lip_op *op, double *bound) {
    double *one = LIP_NEW(double, op->cols), *sum = LIP_NEW(double, op->rows);
    lip_op *mag = lip_op_map(op, lip_magnitude);
    bool ok = one && sum && mag;
    if (ok) {
        for (size_t i = 0; i < mag->nvalues; ++i) mag->value[i] *= mag->value[i];
        for (size_t j = 0; j < op->cols; ++j) one[j] = 1;
        lip_op_apply(mag, 1, one, sum);
        double total = 0;
        for (size_t i = 0; i < op->rows; ++i) total += sum[i];
        *bound = lip_sum_up(total, op->rows + lip_op_row_terms(op) + 2);
    }
    free(one);
    free(sum);
    lip_op_free(mag);
    return ok;
}

/* ---- The proof --------------------------------------------------------------------------- */

/* Try to prove lambda_max(G) <= the returned bound with shift tau; INFINITY if it fails.  b is work. */
static double try_shift(size_t n, const double *g, double tau, double *b) {
    double trace = 0, most = 0;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) b[i * n + j] = -g[i * n + j];
    for (size_t i = 0; i < n; ++i) {
        double diagonal = tau - g[i * n + i];
        b[i * n + i] = diagonal;
        trace += fabs(diagonal);
        most = fmax(most, fabs(diagonal));
    }
    if (!isfinite(trace) || !lip_cholesky(n, b)) return INFINITY;
    double slack = lip_cholesky_slack(n, lip_sum_up(trace, n));
    return lip_add_up(lip_add_up(tau, slack), lip_mul_up(2 * LIP_UNIT, most));
}

static double prove_largest(size_t n, const double *g, double estimate, double *b) {
    double margin = fmax(0.1 * (double)n * (double)(n + 1) * LIP_UNIT, 0x1p-46), bound = INFINITY;
    while (bound == INFINITY && margin < 1) {
        bound = try_shift(n, g, estimate * (1 + margin), b);
        margin *= 8;
    }
    return bound;
}

/* What lipcheck, which factorises s^2 I - G without knowing how (docs/certificate.md, theorem 8), takes
 * off the diagonal relative to s^2: at most 8 n (n + 1) u for the factorisation, n k u for G. */
static double checking_margin(size_t n, size_t terms) {
    return ((double)n * (double)(10 * (n + 1)) + (double)n * (double)(terms + 4)) * LIP_UNIT / 2;
}

bool lip_spectral_bound(const lip_op *op, size_t gram_limit, double *bound) {
    bool by_rows = op->rows <= op->cols;
    size_t n = by_rows ? op->rows : op->cols, square;
    *bound = INFINITY;
    if (n > gram_limit || n > INT_MAX || !lip_multiply_sizes(n, n, &square)) return true;
    double *g = LIP_NEW(double, square), *b = LIP_NEW(double, square), frobenius, estimate;
    bool ok = g && b && frobenius_squared(op, &frobenius);
    if (ok && op->kind == LIP_OP_DENSE)
        gram_dense(op, by_rows, g);
    else if (ok)
        ok = gram_by_products(op, by_rows, g);
    if (ok) ok = lip_lanczos_largest(n, g, &estimate);
    if (ok && isfinite(estimate) && estimate > 0) {
        size_t terms = by_rows ? lip_op_row_terms(op) : lip_op_col_terms(op);
        double square_bound = prove_largest(n, g, estimate, b);
        square_bound = lip_add_up(square_bound, lip_mul_up(lip_gamma(terms + 2), frobenius));
        square_bound = lip_mul_up(square_bound, 1 + checking_margin(n, terms));
        if (square_bound < INFINITY) *bound = lip_sqrt_up(square_bound);
    }
    free(g);
    free(b);
    return ok;
}
