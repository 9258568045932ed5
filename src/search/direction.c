#include "search/direction.h"

#include "base/memory.h"
#include "linalg/norms.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double lip_plain_norm(size_t n, const double *v, lip_norm p) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; ++i) most = fmax(most, fabs(v[i]));
    if (p == LIP_NORM_INF || most == 0 || !isfinite(most)) return most;
    for (size_t i = 0; i < n; ++i) {
        double a = fabs(v[i]) / most; /* squares neither overflow nor vanish */
        sum += p == LIP_NORM_2 ? a * a : a;
    }
    return most * (p == LIP_NORM_2 ? sqrt(sum) : sum);
}

void lip_dual_maximiser(size_t n, const double *v, size_t stride, lip_norm p, double *t) {
    size_t best = 0;
    double square = 0, most;
    for (size_t i = 0; i < n; ++i)
        if (fabs(v[i * stride]) > fabs(v[best * stride])) best = i;
    most = fabs(v[best * stride]);
    for (size_t i = 0; i < n && most > 0; ++i)
        square += v[i * stride] / most * (v[i * stride] / most);
    for (size_t i = 0; i < n; ++i) {
        double a = v[i * stride];
        if (p == LIP_NORM_INF)
            t[i * stride] = a < 0 ? -1 : 1;
        else if (p == LIP_NORM_2)
            t[i * stride] = square > 0 ? a / most / sqrt(square) : 0;
        else
            t[i * stride] = i != best ? 0 : a < 0 ? -1 : 1;
    }
}

/* y[k] = J t and u[n] = J' s; gt is n x k by rows. */
static void image(size_t n, size_t k, const double *gt, const double *t, double *y) {
    cblas_dgemv(CblasRowMajor, CblasTrans, (int)n, (int)k, 1, gt, (int)k, t, 1, 0, y, 1);
}
static void pullback(size_t n, size_t k, const double *gt, const double *s, double *u) {
    cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)n, (int)k, 1, gt, (int)k, s, 1, 0, u, 1);
}

/* p = 1: the best unit vector. */
static void best_column(size_t n, size_t k, const double *gt, lip_norm q, double *t) {
    size_t best = 0;
    double most = -1;
    for (size_t i = 0; i < n; ++i) {
        double norm = lip_plain_norm(k, gt + i * k, q);
        if (norm > most) {
            most = norm;
            best = i;
        }
    }
    memset(t, 0, n * sizeof *t);
    t[best] = 1;
}

/* q = inf: the dual maximiser of the row with the largest dual norm. */
static void best_row(size_t n, size_t k, const double *gt, lip_norm p, double *t, double *scratch) {
    size_t best = 0;
    double most = -1;
    for (size_t j = 0; j < k; ++j) {
        for (size_t i = 0; i < n; ++i) scratch[i] = gt[i * k + j];
        double norm = lip_plain_norm(n, scratch, lip_norm_dual(p));
        if (norm > most) {
            most = norm;
            best = j;
        }
    }
    for (size_t i = 0; i < n; ++i) scratch[i] = gt[i * k + best];
    lip_dual_maximiser(n, scratch, 1, p, t);
}

/* p = q = 2: top eigenvector of the smaller Gram matrix. */
static bool top_singular(size_t n, size_t k, const double *gt, double *t, double *y) {
    bool outputs = k <= n;
    size_t m = outputs ? k : n, square;
    if (!lip_multiply_sizes(m, m, &square)) return false;
    double *g = LIP_NEW(double, square), *values = LIP_NEW(double, m);
    bool ok = g && values;
    if (ok) {
        cblas_dsyrk(CblasRowMajor, CblasLower, outputs ? CblasTrans : CblasNoTrans, (int)m,
                    (int)(outputs ? n : k), 1, gt, (int)k, 0, g, (int)m);
        if (LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'V', 'L', (lapack_int)m, g, (lapack_int)m, values) != 0)
            memset(g, 0, square * sizeof *g);
        double *top = outputs ? y : t;
        for (size_t i = 0; i < m; ++i) top[i] = g[i * m + m - 1];
        if (outputs) pullback(n, k, gt, y, t);
        double norm = lip_plain_norm(n, t, LIP_NORM_2);
        for (size_t i = 0; i < n && norm > 0; ++i) t[i] /= norm;
    }
    free(g);
    free(values);
    return ok;
}

/* The other norms: t and the dual vector s of the output improve each other, from each row and from
 * the sum of rows with alternating signs. */
static bool alternate(size_t n, size_t k, const double *gt, lip_norm p, lip_norm q, double *best) {
    double *memory = LIP_NEW(double, 2 * n + 2 * k), most = -1;
    if (!memory) return false;
    double *t = memory, *u = t + n, *y = u + n, *s = y + k;
    size_t starts = k + 8 < 40 ? k + 8 : 40;
    for (size_t start = 0; start < starts; ++start) {
        for (size_t j = 0; j < k; ++j)
            s[j] = start < k ? (j == start) : (((j * 2654435761u) >> (start - k)) & 16 ? 1 : -1);
        double value = -1, before;
        int round = 0;
        do {
            before = value;
            pullback(n, k, gt, s, u);
            lip_dual_maximiser(n, u, 1, p, t);
            image(n, k, gt, t, y);
            value = lip_plain_norm(k, y, q);
            lip_dual_maximiser(k, y, 1, lip_norm_dual(q), s);
        } while (value > before * (1 + 1e-13) && ++round < 50);
        if (value > most) {
            most = value;
            memcpy(best, t, n * sizeof *t);
        }
    }
    free(memory);
    return true;
}

bool lip_best_direction(size_t n, size_t k, const double *gt, lip_norm p, lip_norm q, double *t) {
    if (k == 1) {
        lip_dual_maximiser(n, gt, 1, p, t);
        return true;
    }
    if (p == LIP_NORM_1) {
        best_column(n, k, gt, q, t);
        return true;
    }
    if (q != LIP_NORM_INF && !(p == LIP_NORM_2 && q == LIP_NORM_2))
        return alternate(n, k, gt, p, q, t);
    double *scratch = LIP_NEW(double, n > k ? n : k);
    bool ok = scratch != NULL;
    if (ok && q == LIP_NORM_INF)
        best_row(n, k, gt, p, t, scratch);
    else if (ok)
        ok = top_singular(n, k, gt, t, scratch);
    free(scratch);
    return ok;
}

bool lip_estimate_norm(size_t n, size_t k, const double *gt, lip_norm p, lip_norm q, double *t,
                       double *norm) {
    if (k == 1) {
        *norm = lip_plain_norm(n, gt, lip_norm_dual(p));
        return true;
    }
    if (!lip_best_direction(n, k, gt, p, q, t)) return false;
    double *y = LIP_NEW(double, k);
    if (!y) return false;
    image(n, k, gt, t, y);
    double length = lip_plain_norm(n, t, p);
    *norm = length > 0 ? lip_plain_norm(k, y, q) / length : 0;
    free(y);
    return true;
}
