#include "linalg/norms.h"

#include "base/memory.h"
#include "base/round.h"
#include "linalg/spectral.h"

#include <math.h>
#include <stdlib.h>

static double square(double x) { return x * x; }

lip_norm lip_norm_dual(lip_norm p) {
    return p == LIP_NORM_1 ? LIP_NORM_INF : p == LIP_NORM_INF ? LIP_NORM_1 : LIP_NORM_2;
}

double lip_norm_identity(size_t n, lip_norm p, lip_norm q) {
    if (p <= q) return 1; /* a larger exponent gives a smaller norm */
    if (p == LIP_NORM_INF && q == LIP_NORM_1) return (double)n;
    return lip_sqrt_up((double)n);
}

/* ---- Vectors ----------------------------------------------------------------------------- */

/* NaN counts as infinite from above and as 0 from below. */
static double entry_up(double c, double r) {
    double a = lip_add_up(fabs(c), r);
    if (c == 0 && r == 0) return 0;
    return isnan(a) ? INFINITY : a;
}

static double entry_down(double c, double r) {
    double a = r == 0 ? fabs(c) : lip_sub_down(fabs(c), r);
    return a > 0 ? a : 0;
}

/* A power of two near the largest entry: 2-norms are formed after dividing by it, which is exact but for
 * entries that are negligible or, from above, counted as TINY. */
static double unit_of(double most) {
    int exponent = 0;
    if (!(most > 0) || !isfinite(most)) return 1;
    frexp(most, &exponent);
    return ldexp(1, exponent < -1000 ? -1000 : exponent - 1);
}

static double largest_up(size_t n, const double *c, const double *r, size_t stride) {
    double most = 0;
    for (size_t i = 0; i < n; ++i)
        most = fmax(most, entry_up(c[i * stride], r ? r[i * stride] : 0));
    return most;
}

double lip_vector_norm_up(size_t n, const double *c, const double *r, size_t stride, lip_norm p) {
    double sum = 0, most = largest_up(n, c, r, stride), unit = unit_of(most);
    size_t nonzero = 0;
    if (p == LIP_NORM_INF || most == INFINITY) return most;
    for (size_t i = 0; i < n; ++i) {
        double a = entry_up(c[i * stride], r ? r[i * stride] : 0);
        if (a > 0) ++nonzero;
        if (p == LIP_NORM_2) a = lip_magnitude(a / unit > 0 || a == 0 ? a / unit : LIP_TINY);
        sum += p == LIP_NORM_2 ? a * a : a;
    }
    if (nonzero <= 1) return most; /* nothing was added: no rounding */
    sum = lip_sum_up(sum, n + 1);
    return p == LIP_NORM_1 ? sum : lip_mul_up(unit, lip_sqrt_up(sum));
}

double lip_vector_norm_down(size_t n, const double *c, const double *r, size_t stride, lip_norm p) {
    double sum = 0, most = 0;
    size_t nonzero = 0;
    for (size_t i = 0; i < n; ++i) {
        double a = entry_down(c[i * stride], r ? r[i * stride] : 0);
        if (a > most) most = a;
        if (a > 0) ++nonzero;
    }
    if (!isfinite(most)) return 0;
    if (p == LIP_NORM_INF || nonzero <= 1) return most;
    double unit = p == LIP_NORM_2 ? unit_of(most) : 1;
    for (size_t i = 0; i < n; ++i) {
        double a = entry_down(c[i * stride], r ? r[i * stride] : 0) / unit;
        sum += p == LIP_NORM_2 ? (a < LIP_TINY ? 0 : a * a) : a;
    }
    if (!isfinite(sum)) return 0;
    sum = lip_sum_down(sum, n + 1);
    return p == LIP_NORM_1 ? sum : fmax(lip_mul_down(unit, lip_sqrt_down(sum)), 0);
}

/* ---- Operators --------------------------------------------------------------------------- */

/* Sums over rows and columns of |A| and of its squares, and the largest entry; all upper bounds. */
typedef struct sums {
    size_t rows, cols;
    double *row, *col, *row_square, *col_square;
    double most;
} sums;

static void sums_clear(sums *s) {
    free(s->row);
    free(s->col);
    free(s->row_square);
    free(s->col_square);
}

/* NaN counts as infinite. */
static double largest_entry(const lip_op *op) {
    double most = 0;
    for (size_t i = 0; i < op->nvalues; ++i) {
        double a = fabs(op->value[i]);
        if (!(a <= most)) most = isnan(a) ? INFINITY : a;
    }
    return most;
}

static bool sums_create(const lip_op *op, sums *s) {
    size_t most = op->rows > op->cols ? op->rows : op->cols;
    lip_op *mag = lip_op_map(op, lip_magnitude), *squares = mag ? lip_op_map(mag, square) : NULL;
    double *one = LIP_NEW(double, most);
    *s = (sums){op->rows,
                op->cols,
                LIP_NEW(double, op->rows),
                LIP_NEW(double, op->cols),
                LIP_NEW(double, op->rows),
                LIP_NEW(double, op->cols),
                0};
    bool ok = squares && one && s->row && s->col && s->row_square && s->col_square;
    if (ok) {
        for (size_t i = 0; i < most; ++i) one[i] = 1;
        s->most = largest_entry(op);
        lip_op_apply(mag, 1, one, s->row);
        lip_op_adjoint(mag, 1, one, s->col);
        lip_op_apply(squares, 1, one, s->row_square);
        lip_op_adjoint(squares, 1, one, s->col_square);
        size_t r = lip_op_row_terms(op) + 1, c = lip_op_col_terms(op) + 1;
        for (size_t i = 0; i < op->rows; ++i) {
            s->row[i] = lip_sum_up(s->row[i], r);
            s->row_square[i] = lip_sum_up(s->row_square[i], r);
        }
        for (size_t j = 0; j < op->cols; ++j) {
            s->col[j] = lip_sum_up(s->col[j], c);
            s->col_square[j] = lip_sum_up(s->col_square[j], c);
        }
    }
    lip_op_free(mag);
    lip_op_free(squares);
    free(one);
    if (!ok) sums_clear(s);
    return ok;
}

static double largest(size_t n, const double *v) {
    double most = 0;
    for (size_t i = 0; i < n; ++i)
        if (!(v[i] <= most)) most = isnan(v[i]) ? INFINITY : v[i];
    return most;
}

static double total(size_t n, const double *v) {
    return lip_vector_norm_up(n, v, NULL, 1, LIP_NORM_1);
}

/* Sum of the square roots, an upper bound. */
static double total_roots(size_t n, const double *squares) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += lip_sqrt_up(squares[i]);
    return lip_sum_up(sum, n);
}

static double euclidean(size_t n, const double *v) {
    return lip_vector_norm_up(n, v, NULL, 1, LIP_NORM_2);
}

/* Every norm but 2 -> 2; for that one the cheap bounds: Frobenius and sqrt(||A||_1 ||A||_inf). */
static double from_sums(const sums *s, lip_norm p, lip_norm q) {
    double bound;
    if (p == LIP_NORM_1) {
        bound = q == LIP_NORM_1   ? largest(s->cols, s->col)
                : q == LIP_NORM_2 ? lip_sqrt_up(largest(s->cols, s->col_square))
                                  : s->most;
    } else if (q == LIP_NORM_INF) {
        bound = p == LIP_NORM_INF ? largest(s->rows, s->row)
                                  : lip_sqrt_up(largest(s->rows, s->row_square));
    } else if (p == LIP_NORM_INF) {
        bound = q == LIP_NORM_1
                    ? total(s->rows, s->row)
                    : fmin(euclidean(s->rows, s->row), total_roots(s->cols, s->col_square));
    } else if (q == LIP_NORM_1) {
        bound = fmin(euclidean(s->cols, s->col), total_roots(s->rows, s->row_square));
    } else {
        double schur = lip_sqrt_up(lip_mul_up(largest(s->cols, s->col), largest(s->rows, s->row)));
        bound = fmin(schur, lip_sqrt_up(total(s->rows, s->row_square)));
    }
    return isnan(bound) ? INFINITY : bound;
}

static bool tighten_spectral(const lip_op *op, size_t gram_limit, double *bound) {
    double gram;
    if (*bound == 0) return true;
    if (!lip_spectral_bound(op, gram_limit, &gram)) return false;
    if (gram < *bound) *bound = gram;
    return true;
}

bool lip_norm_bounds(const lip_op *op, size_t gram_limit, lip_norm_table *table) {
    sums s;
    if (!sums_create(op, &s)) return false;
    for (int p = 0; p < 3; ++p)
        for (int q = 0; q < 3; ++q)
            table->value[p][q] = from_sums(&s, (lip_norm)(p + 1), (lip_norm)(q + 1));
    sums_clear(&s);
    double cheap = table->value[1][1];
    if (!tighten_spectral(op, gram_limit, &table->value[1][1])) return false;
    table->spectral = table->value[1][1] < cheap ? table->value[1][1] : 0;
    return true;
}

bool lip_norm_bound(const lip_op *op, lip_norm p, lip_norm q, size_t gram_limit, double *bound) {
    sums s;
    if (!sums_create(op, &s)) return false;
    *bound = from_sums(&s, p, q);
    sums_clear(&s);
    return p != LIP_NORM_2 || q != LIP_NORM_2 || tighten_spectral(op, gram_limit, bound);
}
