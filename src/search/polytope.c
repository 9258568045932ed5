/* Nearest point of a polytope by the dual active-set method of Goldfarb and Idnani 1983,
 *
 *     min |x - x_0|^2 / 2     s.t.  a_i x >= b_i.
 *
 * Start at x_0 with no active constraint and take in violated ones, one at a time.  With the active
 * normals N = Q R (Q orthonormal), the violated normal a splits as
 *
 *     a = z + N r,    c = Q' a,   z = a - Q c,   r = R^-1 c.
 *
 * Moving x along z raises a x and keeps the active constraints tight, while their multipliers change by
 * -r per unit and that of the newcomer by 1.  The step ends where a x = b (the newcomer is active) or
 * where a multiplier reaches 0 (that constraint leaves, and the rest of the way is tried again).  If z = 0
 * and no multiplier falls, a is a nonpositive combination of active normals: there is no point.
 *
 * The distance grows with every step, so that the method ends, and leaving the ball is final.  A start
 * inside all constraints but one needs few steps.  Cost: O(n q) per step and O(m n) per newcomer. */
#include "search/polytope.h"

#include "base/memory.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const double slack = 1e-10; /* a row counts as satisfied from here */
static const double parallel =
    1e-9; /* |z| / |a| below which a lies in the span of the active normals */

bool lip_polytope_create(size_t n, size_t capacity, lip_hull hull, lip_polytope *p) {
    size_t rows, square;
    memset(p, 0, sizeof *p);
    p->n = n;
    p->capacity = capacity;
    p->hull = hull;
    if (!lip_multiply_sizes(capacity, n + 2, &rows) || !lip_multiply_sizes(n, n, &square))
        return false;
    p->row = LIP_NEW(double, rows);
    p->q_of = LIP_NEW(double, 2 * square);
    p->x = LIP_NEW(double, 7 * n + 1);
    p->saved = LIP_NEW(double, 2 * square + 2 * n);
    p->active = LIP_NEW(size_t, 2 * n + 1);
    if (!p->row || !p->q_of || !p->x || !p->saved || !p->active) {
        lip_polytope_clear(p);
        return false;
    }
    p->rhs = p->row + capacity * n;
    p->gap = p->rhs + capacity;
    p->r_of = p->q_of + square;
    p->start = p->x + n;
    p->z = p->x + 2 * n;
    p->c = p->x + 3 * n;
    p->normal = p->x + 4 * n;
    p->part = p->x + 5 * n;
    p->u = p->x + 6 * n;
    p->saved_active = p->active + n + 1;
    return true;
}

void lip_polytope_clear(lip_polytope *p) {
    free(p->row);
    free(p->q_of);
    free(p->x);
    free(p->saved);
    free(p->active);
    memset(p, 0, sizeof *p);
}

void lip_polytope_start(lip_polytope *p, const double *point) {
    p->m = p->q = 0;
    for (size_t i = 0; i < p->n; ++i)
        p->x[i] = p->start[i] = point && p->hull != LIP_HULL_BALL ? point[i] : 0;
}

bool lip_polytope_append(lip_polytope *p, const double *row, const double *scale, double sign,
                         double offset, double margin) {
    double *to = p->row + p->m * p->n;
    for (size_t i = 0; i < p->n; ++i) to[i] = sign * row[i] * (scale ? scale[i] : 1);
    double length = cblas_dnrm2((int)p->n, to, 1);
    if (!(length > 0) || !isfinite(length) || !isfinite(offset / length)) return false;
    for (size_t i = 0; i < p->n; ++i) to[i] /= length;
    p->rhs[p->m++] = margin - sign * offset / length;
    return true;
}

/* ---- The factors of the active normals --------------------------------------------------- */

static double *basis(const lip_polytope *p, size_t j) { return p->q_of + j * p->n; }

/* z = normal - Q c, c = Q' normal; a second time if z is short, which makes it orthogonal to Q to working
 * precision ("twice is enough", Giraud, Langou, Rozloznik 2005). */
static void split_normal(lip_polytope *p) {
    int n = (int)p->n, q = (int)p->q;
    memcpy(p->z, p->normal, p->n * sizeof *p->z);
    memset(p->c, 0, p->n * sizeof *p->c);
    p->work += 4 * (double)p->n * (double)p->q;
    for (int pass = 0; pass < 2 && q > 0; ++pass) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, q, n, 1, p->q_of, n, p->z, 1, 0, p->part, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, q, n, -1, p->q_of, n, p->part, 1, 1, p->z, 1);
        cblas_daxpy(q, 1, p->part, 1, p->c, 1);
        if (cblas_dnrm2(n, p->z, 1) > 0.5 * cblas_dnrm2(n, p->normal, 1))
            break; /* little cancelled */
    }
}

/* part = R^-1 c: how fast the multipliers fall. */
static void solve_triangle(lip_polytope *p) {
    memcpy(p->part, p->c, p->q * sizeof *p->c);
    for (size_t j = p->q; j-- > 0;) { /* columns of R lie in rows of r_of */
        const double *column = p->r_of + j * p->n;
        p->part[j] /= column[j];
        cblas_daxpy((int)j, -p->part[j], column, 1, p->part, 1);
    }
    p->work += (double)p->q * (double)p->q / 2;
}

/* The newcomer, split before, becomes active. */
static void enter(lip_polytope *p, size_t id, double u) {
    size_t n = p->n, q = p->q++;
    double length = cblas_dnrm2((int)n, p->z, 1);
    for (size_t i = 0; i < n; ++i) basis(p, q)[i] = p->z[i] / length;
    memcpy(p->r_of + q * n, p->c, q * sizeof *p->c);
    p->r_of[q * n + q] = length;
    p->active[q] = id;
    p->u[q] = u;
}

/* Active constraint k leaves: the columns behind it move up, rotations restore the triangle. */
static void leave(lip_polytope *p, size_t k) {
    size_t n = p->n, q = --p->q;
    for (size_t j = k; j < q; ++j) {
        memcpy(p->r_of + j * n, p->r_of + (j + 1) * n, (j + 2) * sizeof *p->r_of);
        p->active[j] = p->active[j + 1];
        p->u[j] = p->u[j + 1];
    }
    for (size_t j = k; j < q; ++j) {
        double *at = p->r_of + j * n + j, a = at[0], b = at[1], length = hypot(a, b);
        double cosine = a / length, sine = b / length;
        for (size_t i = j; i < q; ++i) {
            double *entry = p->r_of + i * n + j, e = entry[0], f = entry[1];
            entry[0] = cosine * e + sine * f;
            entry[1] = cosine * f - sine * e;
        }
        cblas_drot((int)n, basis(p, j), 1, basis(p, j + 1), 1, cosine, sine);
        p->work += 4 * (double)n;
    }
}

/* ---- Steps ------------------------------------------------------------------------------- */

/* Constraint id: a row, or after the rows x_i >= -1 and then -x_i >= -1. */
static void load_normal(lip_polytope *p, size_t id) {
    if (id < p->capacity) {
        memcpy(p->normal, p->row + id * p->n, p->n * sizeof *p->normal);
        return;
    }
    memset(p->normal, 0, p->n * sizeof *p->normal);
    size_t i = id - p->capacity;
    p->normal[i % p->n] = i < p->n ? 1 : -1;
}

/* The most violated constraint and its gap < 0; false if all hold. */
static bool most_violated(lip_polytope *p, size_t *id, double *gap) {
    *gap = -slack;
    if (p->m > 0) {
        memcpy(p->gap, p->rhs, p->m * sizeof *p->gap);
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)p->m, (int)p->n, 1, p->row, (int)p->n, p->x,
                    1, -1, p->gap, 1);
        p->work += (double)p->m * (double)p->n;
    }
    for (size_t i = 0; i < p->m; ++i)
        if (p->gap[i] < *gap) {
            *gap = p->gap[i];
            *id = i;
        }
    for (size_t i = 0; p->hull == LIP_HULL_CUBE && i < p->n; ++i) {
        double over = 1 - fabs(p->x[i]);
        if (over >= *gap) continue;
        *gap = over;
        *id = p->capacity + i + (p->x[i] > 0 ? p->n : 0);
    }
    return *gap < -slack;
}

/* Take in one violated constraint.  False if no point satisfies it and the active ones. */
static bool take_in(lip_polytope *p, size_t id, double gap, size_t *steps) {
    double u = 0;
    load_normal(p, id);
    for (;;) {
        if ((*steps)-- == 0) return false;
        split_normal(p);
        solve_triangle(p);
        double zz = cblas_ddot((int)p->n, p->z, 1, p->z, 1), dual = INFINITY;
        size_t first = 0;
        for (size_t j = 0; j < p->q; ++j)
            if (p->part[j] > 1e-14 && p->u[j] / p->part[j] < dual) {
                dual = p->u[j] / p->part[j];
                first = j;
            }
        double full = zz > parallel * parallel && p->q < p->n ? -gap / zz : INFINITY;
        double t = fmin(dual, full);
        if (!isfinite(t)) {
            p->blocked = id;
            return false;
        }
        for (size_t j = 0; j < p->q; ++j) p->u[j] = fmax(p->u[j] - t * p->part[j], 0);
        u += t;
        if (isfinite(full)) {
            cblas_daxpy((int)p->n, t, p->z, 1, p->x, 1);
            gap += t * zz;
        }
        if (full <= dual) break;
        leave(p, first);
    }
    enter(p, id, u);
    return p->hull != LIP_HULL_BALL || cblas_dnrm2((int)p->n, p->x, 1) <= 1 - 1e-9;
}

bool lip_polytope_solve(lip_polytope *p, size_t most) {
    size_t id = 0, all = 50 + 10 * (p->n + p->m), steps = most && most < all ? most : all;
    double gap;
    p->blocked = SIZE_MAX;
    while (most_violated(p, &id, &gap))
        if (steps == 0 || !take_in(p, id, gap, &steps)) return false;
    return true;
}

/* ---- One row more ------------------------------------------------------------------------ */

/* The state is x, u, the active set and both factors; to and fro. */
static void copy_state(lip_polytope *p, size_t q, bool back) {
    size_t n = p->n;
    double *kept[4] = {p->saved, p->saved + n, p->saved + 2 * n, p->saved + 2 * n + n * n};
    double *live[4] = {p->x, p->u, p->q_of, p->r_of};
    size_t size[4] = {n, q, q * n, q * n};
    for (int i = 0; i < 4; ++i)
        memcpy(back ? live[i] : kept[i], back ? kept[i] : live[i], size[i] * sizeof(double));
    memcpy(back ? p->active : p->saved_active, back ? p->saved_active : p->active,
           q * sizeof *p->active);
    p->q = q;
    p->work += (double)(q * n);
}

bool lip_polytope_extend(lip_polytope *p, size_t most) {
    const double *row = p->row + (p->m - 1) * p->n;
    double gap = cblas_ddot((int)p->n, row, 1, p->x, 1) - p->rhs[p->m - 1];
    p->work += (double)p->n;
    if (gap >= -slack) return true;
    size_t q = p->q;
    copy_state(p, q, false);
    if (lip_polytope_solve(p, most)) return true;
    copy_state(p, q, true);
    --p->m;
    return false;
}

/* ---- One row turned round ---------------------------------------------------------------- */

/* u = (N'N)^-1 (b - N' x_0) for the active normals N: the multipliers of the point nearest to x_0 among
 * those that keep the active constraints tight.  Two triangular solves with R. */
static void find_multipliers(lip_polytope *p) {
    size_t n = p->n, q = p->q;
    for (size_t j = 0; j < q; ++j) {
        size_t id = p->active[j], i = (id - p->capacity) % n;
        const double *r = p->r_of + j * n;
        double rest = id < p->capacity
                          ? p->rhs[id] - cblas_ddot((int)n, p->row + id * n, 1, p->start, 1)
                          : -1 - (id - p->capacity < n ? p->start[i] : -p->start[i]);
        p->c[j] = (rest - cblas_ddot((int)j, r, 1, p->c, 1)) / r[j];
    }
    p->work += (double)(q * n);
    solve_triangle(p);
    memcpy(p->u, p->part, q * sizeof *p->u);
}

/* Let constraints with negative multipliers go until none is left; then x from those that stay. */
static void make_dual_feasible(lip_polytope *p) {
    for (;;) {
        size_t worst = 0;
        find_multipliers(p);
        for (size_t j = 1; j < p->q; ++j)
            if (p->u[j] < p->u[worst]) worst = j;
        if (p->q == 0 || p->u[worst] >= 0) break;
        leave(p, worst);
    }
    /* x - x_0 = N u = Q c, R' c = b - N' x_0 */
    memcpy(p->x, p->start, p->n * sizeof *p->x);
    if (p->q > 0)
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)p->q, (int)p->n, 1, p->q_of, (int)p->n, p->c, 1,
                    1, p->x, 1);
}

void lip_polytope_resume(lip_polytope *p, size_t count, const size_t *row) {
    p->q = 0;
    for (size_t j = 0; j < count && p->q < p->n; ++j) {
        load_normal(p, row[j]);
        split_normal(p);
        if (cblas_dnrm2((int)p->n, p->z, 1) > parallel) enter(p, row[j], 0);
    }
    make_dual_feasible(p);
}

static void turn(lip_polytope *p, size_t i, double margin) {
    cblas_dscal((int)p->n, -1, p->row + i * p->n, 1);
    p->rhs[i] = 2 * margin - p->rhs[i];
}

bool lip_polytope_turn(lip_polytope *p, size_t i, double margin, size_t most) {
    size_t q = p->q, at = 0;
    copy_state(p, q, false);
    while (at < q && p->active[at] != i) ++at;
    if (at < q) leave(p, at);
    turn(p, i, margin);
    if (at < q) make_dual_feasible(p);
    if (lip_polytope_solve(p, most)) return true;
    copy_state(p, q, true);
    turn(p, i, margin);
    return false;
}
