/* An interior-point method for the groups alone (Helmberg, Rendl, Vanderbei, Wolkowicz 1996).
 *
 *     dual     min sum_g d_g y_g    S(y) = B + Diag(y) >= 0,  y_g >= 0 (inequalities)
 *     primal   max -<B, X>          sum over g of X_ii + x_g = d_g,  X >= 0,  x >= 0 (0 for equalities)
 *
 * Newton's equations for X = mu S^-1, x_g = mu / y_g are
 *
 *     M dy = mu q - d,   M_gh = sum over the two groups of (S^-1)_ij X_ij + [g = h] x_g / y_g,
 *                        q_g = sum over g of (S^-1)_ii + 1 / y_g,
 *     dX = mu S^-1 - X - S^-1 Diag(dy) X (symmetric part),    dx_g = mu / y_g - x_g - x_g dy_g / y_g.
 *
 * with Mehrotra's correction of the second-order terms.  X starts diagonal and feasible and stays so.
 * A pure dual Newton method, which needs no X, stalled near the boundary of the cone. */
#include "cert/improve.h"

#include "base/memory.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct improvement {
    const lip_slack *slack;
    const lip_lifted *lifted;
    int n, groups;
    double *y, *x, *dy, *dx, *room, *correction; /* by group; y is the caller's */
    double *primal, *change, *trial;             /* n x n, full */
    double *schur;                               /* groups x groups, lower triangle */
} improvement;

static bool create(const lip_slack *slack, double *y, improvement *m) {
    const lip_lifted *lifted = slack->lifted;
    size_t n = lifted->n, groups = lifted->groups;
    *m = (improvement){slack, lifted, (int)n, (int)groups, .x = NULL};
    m->y = y;
    m->x = LIP_NEW(double, 5 * groups);
    m->primal = LIP_NEW(double, (n * n));
    m->change = LIP_NEW(double, (n * n));
    m->trial = LIP_NEW(double, (n * n));
    m->schur = LIP_NEW(double, groups *groups);
    if (!m->x || !m->primal || !m->change || !m->trial || !m->schur) return false;
    m->dy = m->x + groups;
    m->dx = m->dy + groups;
    m->room = m->dx + groups;
    m->correction = m->room + groups;
    return true;
}

static void clear(improvement *m) {
    free(m->x);
    free(m->primal);
    free(m->change);
    free(m->trial);
    free(m->schur);
}

static bool equality(const improvement *m, size_t g) { return m->lifted->group[g].equality; }

static size_t group_of(const improvement *m, size_t i) { return m->lifted->variable[i].group; }

/* Every diagonal entry an equal share of its group, half of it for the slack of inequalities. */
static void start(improvement *m) {
    size_t n = m->lifted->n;
    for (size_t g = 0; g < m->lifted->groups; ++g) {
        const lip_group *group = &m->lifted->group[g];
        m->x[g] = group->equality ? 0 : group->size / 2;
        for (size_t i = group->first; i < group->first + group->count; ++i)
            m->primal[i * n + i] = (group->size - m->x[g]) / (double)group->count;
    }
}

/* Cholesky factor of the lower triangle (row-major, so the upper one for LAPACK). */
static bool factorise(int n, double *a) {
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, a, n) == 0;
}

/* <X, S> + x'y: the gap. */
static double gap(const improvement *m) {
    size_t n = m->lifted->n;
    double sum = cblas_ddot(m->groups, m->x, 1, m->y, 1);
    lip_slack_matrix(m->slack, m->y);
    for (size_t i = 0; i < n; ++i) {
        const double *s = m->slack->work + i * n, *x = m->primal + i * n;
        sum += 2 * cblas_ddot((int)i, s, 1, x, 1) + s[i] * x[i];
    }
    return sum;
}

/* The Schur matrix, factorised; S^-1 is the lower triangle of slack->work. */
static bool factorise_schur(improvement *m) {
    size_t n = m->lifted->n, groups = m->lifted->groups;
    memset(m->schur, 0, groups * groups * sizeof *m->schur);
    for (size_t g = 0; g < groups; ++g)
        if (!equality(m, g)) m->schur[g * groups + g] = m->x[g] / m->y[g];
    for (size_t i = 0; i < n; ++i) {
        size_t g = group_of(m, i);
        const double *s = m->slack->work + i * n, *x = m->primal + i * n;
        for (size_t j = 0; j < i; ++j) {
            size_t h = group_of(m, j); /* h <= g: groups come in the order of the variables */
            m->schur[g * groups + h] += (g == h ? 2 : 1) * s[j] * x[j];
        }
        m->schur[g * groups + g] += s[i] * x[i];
    }
    return factorise(m->groups, m->schur);
}

/* dy from its right-hand side mu q - d - room. */
static bool solve_dual_step(improvement *m, double mu) {
    size_t n = m->lifted->n;
    for (size_t g = 0; g < m->lifted->groups; ++g)
        m->dy[g] = (equality(m, g) ? 0 : mu / m->y[g]) - m->lifted->group[g].size - m->room[g];
    for (size_t i = 0; i < n; ++i) m->dy[group_of(m, i)] += mu * m->slack->work[i * n + i];
    return LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', m->groups, 1, m->schur, m->groups, m->dy,
                               m->groups) == 0;
}

/* change = mu S^-1 - X - sym(S^-1 trial), dx accordingly; trial = Diag(dy) X + what is to be corrected,
 * correction the same for x. */
static void primal_step(improvement *m, double mu) {
    size_t n = m->lifted->n;
    cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, m->n, m->n, 1, m->slack->work, m->n, m->trial,
                m->n, 0, m->change, m->n);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) {
            double product = (m->change[i * n + j] + m->change[j * n + i]) / 2;
            m->change[i * n + j] = m->change[j * n + i] =
                mu * m->slack->work[i * n + j] - m->primal[i * n + j] - product;
        }
    for (size_t g = 0; g < m->lifted->groups; ++g)
        m->dx[g] =
            equality(m, g) ? 0 : (mu - m->correction[g] - m->x[g] * m->dy[g]) / m->y[g] - m->x[g];
}

/* trial += Diag(dy) times a matrix. */
static void add_scaled(improvement *m, const double *matrix) {
    size_t n = m->lifted->n;
    for (size_t i = 0; i < n; ++i)
        cblas_daxpy(m->n, m->dy[group_of(m, i)], matrix + i * n, 1, m->trial + i * n, 1);
}

/* The step for mu = 0, whose second-order terms dX dy are what the next one corrects (Mehrotra):
 * trial = Diag(dy) dX, correction = dx dy, room = the diagonal of S^-1 trial by groups. */
static bool predict(improvement *m) {
    size_t n = m->lifted->n, groups = m->lifted->groups;
    memset(m->room, 0, groups * sizeof *m->room);
    memset(m->correction, 0, groups * sizeof *m->correction);
    memset(m->trial, 0, n * n * sizeof *m->trial);
    if (!solve_dual_step(m, 0)) return false;
    add_scaled(m, m->primal);
    primal_step(m, 0);
    memset(m->trial, 0, n * n * sizeof *m->trial);
    add_scaled(m, m->change);
    for (size_t g = 0; g < groups; ++g) {
        m->correction[g] = m->dx[g] * m->dy[g];
        m->room[g] = equality(m, g) ? 0 : m->correction[g] / m->y[g];
    }
    for (size_t i = 0; i < n; ++i) {
        const double *s = m->slack->work + i * n;
        m->room[group_of(m, i)] += s[i] * m->trial[i * n + i];
        for (size_t j = 0; j < i; ++j) {
            m->room[group_of(m, i)] += s[j] * m->trial[j * n + i];
            m->room[group_of(m, j)] += s[j] * m->trial[i * n + j];
        }
    }
    return true;
}

/* dy, dX and dx; S^-1 is in slack->work. */
static bool newton_step(improvement *m, double mu) {
    if (!factorise_schur(m) || !predict(m) || !solve_dual_step(m, mu)) return false;
    add_scaled(m, m->primal);
    primal_step(m, mu);
    return true;
}

/* The longest step, 1 at most, that keeps v + step dv positive. */
static double ratio(const improvement *m, const double *v, const double *dv) {
    double length = 1;
    for (size_t g = 0; g < m->lifted->groups; ++g)
        if (!equality(m, g) && dv[g] < 0) length = fmin(length, -v[g] / dv[g]);
    return length < 1 ? 0.95 * length : 1;
}

static double take_primal_step(improvement *m) {
    size_t count = m->lifted->n * m->lifted->n;
    double length = ratio(m, m->x, m->dx);
    for (; length > 1e-8; length *= 0.8) {
        memcpy(m->trial, m->primal, count * sizeof *m->trial);
        cblas_daxpy((int)count, length, m->change, 1, m->trial, 1);
        if (!factorise(m->n, m->trial)) continue;
        if (length < 1) length *= 0.95;
        cblas_daxpy((int)count, length, m->change, 1, m->primal, 1);
        cblas_daxpy(m->groups, length, m->dx, 1, m->x, 1);
        return length;
    }
    return 0;
}

/* 0 if no step keeps S positive definite. */
static double take_dual_step(improvement *m) {
    double length = ratio(m, m->y, m->dy);
    for (; length > 1e-8; length *= 0.8) {
        memcpy(m->room, m->y, m->lifted->groups * sizeof *m->room);
        cblas_daxpy(m->groups, length, m->dy, 1, m->room, 1);
        lip_slack_matrix(m->slack, m->room);
        if (!factorise(m->n, m->slack->work)) continue;
        if (length < 1) length *= 0.95;
        cblas_daxpy(m->groups, length, m->dy, 1, m->y, 1);
        return length;
    }
    return 0;
}

/* How much of the gap the next step aims at: after a short step, back to the central path first.  (Always
 * half of it, as in the paper, needed hundreds of short steps on the 1,285 variables of one network.) */
static double centring(double length) {
    return length < 0.3 ? 0.9 : length < 0.6 ? 0.5 : length < 0.9 ? 0.25 : 0.08;
}

static void iterate(improvement *m, const lip_repair_options *options) {
    double count = (double)(m->lifted->n + m->lifted->groups), mu = 0.5 * gap(m) / count;
    for (size_t k = 0; k < options->steps && !lip_watch_expired(options->watch); ++k) {
        lip_slack_matrix(m->slack, m->y);
        if (!factorise(m->n, m->slack->work) ||
            LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', m->n, m->slack->work, m->n) != 0 ||
            !newton_step(m, mu))
            return;
        double p = take_primal_step(m), d = take_dual_step(m), left = gap(m), value = 0;
        for (size_t g = 0; g < m->lifted->groups; ++g) value += m->y[g] * m->lifted->group[g].size;
        if (p + d == 0 || !(left > options->gain * fabs(value))) return;
        mu = left / count * centring(fmin(p, d));
    }
}

/* Inside the cone by the mean of y: interior points do not like the boundary. */
static void move_inside(const lip_lifted *lifted, double *y) {
    double total = 0, sizes = 0;
    for (size_t g = 0; g < lifted->groups; ++g) {
        total += fabs(y[g]) * lifted->group[g].size;
        sizes += lifted->group[g].size;
    }
    for (size_t g = 0; g < lifted->groups; ++g) y[g] += total / sizes;
}

bool lip_improve(const lip_slack *slack, const lip_repair_options *options, double *y) {
    improvement m;
    bool ok = create(slack, y, &m);
    if (ok) {
        move_inside(slack->lifted, y);
        start(&m);
        iterate(&m, options);
    }
    clear(&m);
    return ok;
}
