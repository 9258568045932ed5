/* Multipliers in closed form, for any graph.
 *
 * For a chain this is the recursion of docs/tangent.md with one number for every layer (Xu and
 * Sivaranjani 2024).  For any graph: let P be the inverse of S restricted to t and the v of earlier layers.
 * A layer with y = T p and multipliers Lam adds
 *
 *     [ P^-1        -T'Lam/2 ]       Schur complement   N = Lam - Lam F Lam / 4,    F = T P T',
 *     [ -Lam T/2     Lam     ]
 *
 * and Lam = 2 / rho diag(F)^-1, rho the largest eigenvalue of F as a correlation matrix, makes N at least
 * half of Lam.  Then  P_vv = N^-1,  P_vp = N^-1 Lam T P / 2,  and P_pp grows by (Lam T P / 2)' P_vp.
 *
 * The objective couples t and v with the other variables r = (1, s, w) only, by K = F_rp.  So
 * y_r = 2 rho diag(K P K') is enough, with the rho of that matrix.  Scaling the multipliers of t and v by
 * any number and those of r by its inverse changes nothing, and makes both parts of the bound equal.
 * Ranges and what the objective does not mention get a small share of the value. */
#include "solve/conic.h"

#include "base/memory.h"
#include "linalg/spectral.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

static const double SMALL_SHARE = 0.1;

typedef struct beginning {
    const lip_conic *conic;
    double *z, *p, *work, *other;
    size_t last; /* t and v are the variables 1 .. last - 1 */
    double value;
} beginning;

/* a = diag(a) is divided out on both sides; *largest is the largest eigenvalue of what remains. */
static bool correlation(size_t n, const double *a, size_t stride, double *work, double *largest) {
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) {
            double scale = a[i * stride + i] * a[j * stride + j];
            work[i * n + j] = scale > 0 ? a[i * stride + j] / sqrt(scale) : 0;
        }
    if (!lip_lanczos_largest(n, work, largest)) return false;
    *largest = *largest > 0 ? 1.05 * *largest : 1; /* Lanczos estimates from below */
    return true;
}

/* Positive definite inverse of the lower triangle, full. */
static void invert(size_t n, double *a) {
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (int)n, a, (int)n) == 0)
        (void)LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', (int)n, a, (int)n);
    lip_conic_mirror(n, a);
}

/* ---- Layers ------------------------------------------------------------------------------ */

/* lambda of a run, half of Lam T P in `image`, N^-1 in other. */
static bool run_multipliers(beginning *b, const lip_conic_run *run, double *lambda, double *image) {
    size_t n = b->conic->n, count = run->count, width = run->high - run->low;
    int rows = (int)count, stride = (int)n;
    double rho;
    if (width > 0) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, stride, (int)width, 1,
                    run->matrix, (int)width, b->p + run->low * n, stride, 0, image, stride);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, (int)width, 1,
                    image + run->low, stride, run->matrix, (int)width, 0, b->other, rows);
    }
    if (!correlation(count, b->other, count, b->work, &rho)) return false;
    for (size_t k = 0; k < count; ++k) {
        double variance = b->other[k * count + k];
        lambda[k] = variance > 0 ? 2 / (rho * variance) : 1;
        cblas_dscal(stride, lambda[k] / 2, image + k * n, 1);
    }
    for (size_t i = 0; i < count; ++i)
        for (size_t j = 0; j <= i; ++j)
            b->other[i * count + j] =
                (i == j ? lambda[i] : 0) - lambda[i] * lambda[j] * b->other[i * count + j] / 4;
    invert(count, b->other);
    return true;
}

static bool add_run(beginning *b, const lip_conic_run *run) {
    const lip_lifted *lifted = b->conic->lifted;
    size_t n = b->conic->n, count = run->count, v = lifted->neuron[run->first].v;
    double *lambda =
        b->z + lifted->groups + lip_family_place(lifted, LIP_FAMILY_TANGENT, run->first);
    double *image = b->conic->image + run->first * n, *rows = b->p + v * n;
    int stride = (int)n, height = (int)count;
    memset(b->other, 0, count * count * sizeof *b->other);
    memset(image, 0, count * n * sizeof *image);
    if (!run_multipliers(b, run, lambda, image)) return false;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, (int)v, height, 1, b->other,
                height, image, stride, 0, rows, stride);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)v, (int)v, height, 1, image, stride,
                rows, stride, 1, b->p, stride);
    for (size_t k = 0; k < count; ++k) {
        for (size_t j = 0; j < v; ++j) b->p[j * n + v + k] = rows[k * n + j];
        memcpy(rows + k * n + v, b->other + k * count, count * sizeof *rows);
    }
    b->last = v + count;
    return true;
}

static void add_inputs(beginning *b) {
    const lip_lifted *lifted = b->conic->lifted;
    for (size_t i = 0; i < lifted->n; ++i)
        if (lifted->variable[i].kind == LIP_VARIABLE_INPUT) {
            b->p[i * lifted->n + i] = 1;
            b->z[lifted->variable[i].group] = 1;
            b->last = i + 1;
        }
}

/* ---- The other variables ----------------------------------------------------------------- */

static bool after(const beginning *b, size_t i) { return i == 0 || i >= b->last; }

/* Rows of a, from `row` on, times a matrix: out = a P or, transposed, a b'. */
static void multiply_rows(const beginning *b, size_t row, size_t rows, const double *with,
                          size_t column, size_t columns, bool transposed, const double *a,
                          double *out) {
    size_t n = b->conic->n;
    if (rows == 0 || columns == 0) return;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, (int)rows,
                (int)columns, (int)b->last, 1, a + row * n, (int)n,
                with + (transposed ? column * n : column), (int)n, 0, out + row * n + column,
                (int)n);
}

/* The lower triangle of K P K' in p, 0 where i or j is one of t and v; work holds -K. */
static void couple(beginning *b) {
    size_t n = b->conic->n, rest = n - b->last;
    multiply_rows(b, 0, 1, b->p, 0, b->last, false, b->work, b->other);
    multiply_rows(b, b->last, rest, b->p, 0, b->last, false, b->work, b->other);
    memset(b->p, 0, n * n * sizeof *b->p);
    multiply_rows(b, 0, 1, b->work, 0, 1, true, b->other, b->p);
    multiply_rows(b, b->last, rest, b->work, 0, 1, true, b->other, b->p);
    multiply_rows(b, b->last, rest, b->work, b->last, rest, true, b->other, b->p);
}

/* y of 1, s, w. */
static bool add_objective(beginning *b) {
    const lip_lifted *lifted = b->conic->lifted;
    size_t n = lifted->n;
    double rho;
    lip_conic_matrix(b->conic, b->z, true, b->work);
    couple(b);
    if (!correlation(n, b->p, n, b->work, &rho)) return false;
    for (size_t i = 0; i < n; ++i) {
        double *y = &b->z[lifted->variable[i].group];
        if (after(b, i)) *y = fmax(*y, 2 * rho * b->p[i * n + i]);
    }
    return true;
}

/* Both parts of the bound equal. */
static void balance(beginning *b) {
    const lip_lifted *lifted = b->conic->lifted;
    double inputs = 0, others = 0;
    for (size_t g = 0; g < lifted->groups; ++g)
        *(after(b, lifted->group[g].first) ? &others : &inputs) += b->z[g] * lifted->group[g].size;
    double factor = sqrt(others / inputs);
    if (!(factor > 0) || !isfinite(factor)) factor = 1;
    for (size_t k = 0; k < b->conic->count; ++k) {
        bool other = k < lifted->groups && after(b, lifted->group[k].first);
        b->z[k] *= other ? 1 / factor : factor;
    }
    b->value = inputs * factor + others / factor;
}

/* The multipliers of inequalities must be positive. */
static void fill_gaps(beginning *b) {
    const lip_lifted *lifted = b->conic->lifted;
    double share = SMALL_SHARE * b->value / (double)b->conic->count;
    for (size_t g = 0; g < lifted->groups; ++g)
        if (b->z[g] == 0) b->z[g] = share / lifted->group[g].size;
    for (size_t i = 0; i < lip_family_count(lifted, LIP_FAMILY_RANGE); ++i)
        b->z[lifted->groups + lip_family_place(lifted, LIP_FAMILY_RANGE, i)] =
            share / lifted->neuron[i].range;
    for (int f = LIP_FIRST_CUT; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(lifted, (lip_family)f); ++i)
            if (!lip_family_equality((lip_family)f))
                b->z[lifted->groups + lip_family_place(lifted, (lip_family)f, i)] = share;
}

/* What is left to do (for ranges with phases, and rounding): y is enlarged until S is positive definite. */
static bool enlarge(beginning *b) {
    const lip_lifted *lifted = b->conic->lifted;
    double shift = SMALL_SHARE * b->value / (double)b->conic->count;
    for (int tries = 0; tries < 100; ++tries, shift *= 2) {
        lip_conic_matrix(b->conic, b->z, true, b->work);
        if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (int)lifted->n, b->work, (int)lifted->n) ==
            0)
            return true;
        for (size_t g = 0; g < lifted->groups; ++g)
            b->z[g] += shift * (double)lifted->group[g].count / lifted->group[g].size;
    }
    return false;
}

bool lip_conic_start(const lip_conic *conic, double *z, double *const room[3], bool *found) {
    beginning b = {conic, z, room[0], room[1], room[2], 1, 0};
    memset(z, 0, conic->count * sizeof *z);
    memset(b.p, 0, conic->n * conic->n * sizeof *b.p);
    add_inputs(&b);
    for (size_t r = 0; r < conic->tangent_runs; ++r)
        if (!add_run(&b, &conic->run[r])) return false;
    if (!add_objective(&b)) return false;
    balance(&b);
    fill_gaps(&b);
    *found = b.value > 0 && isfinite(b.value) && enlarge(&b);
    return true;
}
