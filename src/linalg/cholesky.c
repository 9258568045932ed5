/* Blocked left-looking Cholesky, A = R' R with R' the lower triangle.
 *
 * Each entry is computed as  r_ij = (a_ij - sum_k r_ik r_jk) / r_jj  or a square root of such a sum.
 * For every order of summation, with or without fused multiply-add, the computed factor satisfies
 *
 *     A + E = R' R,   |E| <= G |R'| |R|,   G = GAMMA(n + 1)          (Higham 2002, Theorem 10.3),
 *     ||E||_2 <= G || R ||_F^2 <= G / (1 - G) trace(A),
 *
 * so that A + E is positive semidefinite and lambda_min(A) >= -||E||_2.  Underflow adds at most
 * n^2 2^-1000 (each of the n operations on an entry of R errs by 2^-1022 more, and the entries of R
 * are at most max(1, trace)).  The block update is a matrix product, which is a sum in some order;
 * Strassen-like products, for which Theorem 10.3 fails, are not used by the BLAS that we link. */
#include "linalg/cholesky.h"

#include "base/round.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>

enum { BLOCK = 64 };

/* Factorise columns first .. first+width-1, rows first .. n-1; earlier columns were subtracted. */
static bool factor_panel(size_t n, double *a, size_t first, size_t width) {
    for (size_t j = first; j < first + width; ++j) {
        double *pivot_row = a + j * n, pivot = pivot_row[j];
        for (size_t k = first; k < j; ++k) pivot -= pivot_row[k] * pivot_row[k];
        if (!(pivot > 0) || !isfinite(pivot)) return false;
        pivot = sqrt(pivot);
        pivot_row[j] = pivot;
        for (size_t i = j + 1; i < n; ++i) {
            double *row = a + i * n, sum = row[j];
            for (size_t k = first; k < j; ++k) sum -= row[k] * pivot_row[k];
            row[j] = sum / pivot;
        }
    }
    return true;
}

bool lip_cholesky(size_t n, double *a) {
    if (n > INT_MAX) return false;
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t width = n - first < BLOCK ? n - first : BLOCK;
        if (first > 0)
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)(n - first), (int)width,
                        (int)first, -1, a + first * n, (int)n, a + first * n, (int)n, 1,
                        a + first * n + first, (int)n);
        if (!factor_panel(n, a, first, width)) return false;
    }
    return true;
}

double lip_cholesky_slack(size_t n, double trace) {
    double gamma = lip_gamma(n + 1), count = (double)n;
    double slack = lip_mul_up(lip_div_up(gamma, lip_sub_down(1, gamma)), trace);
    return lip_add_up(slack, count * count * 0x1p-1000);
}
