/* Augmented Lagrangian over products of spheres.  With X = V V', V of few columns,
 *
 *     maximise s <F, X>   subject to   g_k(X) >= 0 or = 0,   sum of |v_i|^2 over a group = or <= size.
 *
 * A group's rows are sqrt(size) x / |x| of a free block x; an inequality has one private slack number more
 * in its block, which takes up the length that is not needed.  Row 0 is fixed: only rotations change it.
 * For fixed multipliers lambda and penalties rho_k the function
 *
 *     - s <F, V V'> + sum_ineq (max(0, lambda - rho g)^2 - lambda^2) / (2 rho)
 *                   + sum_eq  (- lambda g + rho g^2 / 2)
 *
 * is smooth in x and minimised by L-BFGS; then lambda <- max(0, lambda - rho g) or lambda - rho g.  At a
 * stationary point the multiplier of a group is y = - <gradient of its rows, rows> / (2 size).
 *
 * Scales: s makes the mean of y about 1; blocks get the length sqrt(y size), which makes the Hessian of
 * the sphere about the identity; rho_k is one number rho times the inverse squared norm of A_k.
 *
 * What was measured on a network with n = 2,001: momentum on the multipliers (Nesterov 1983; for augmented
 * Lagrangians He and Yuan 2010) takes 12 updates instead of 30 and more; rho must be capped (with 10 instead
 * of 3 the gradient stays large and 10 rounds of triangles prove 11.79 instead of 11.58); and the rank decides
 * the dual: after 5 rounds rank 80 proves 11.83, rank 120 proves 11.68.
 *
 * At multipliers that do not change any more the best V is found quickly (50 to 200 evaluations), and y from it
 * needs a tiny shift only to make S positive definite: the last step before a proof (options.fixed). */
#include "solve/lowrank.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "solve/lbfgs.h"
#include "solve/lowrank_work.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FIRST_PENALTY = 1;
static const double SHORTEST = 0.05, LONGEST = 20; /* blocks, relative to 1 */
static const double FRESH = 0.02;                  /* length of the rows of new columns */
static const double FIRST_TARGET = 0.02;           /* for the gradient, relative */
static const double NEXT_TARGET = 0.7;             /* of the last one, if that was met */
static const double PROGRESS = 0.5;                /* violations that fall less want more penalty */
static const double GROWTH = 1.5;

enum { MEMORY = 12 };

typedef struct work {
    const lip_lifted *lifted;
    lip_watch *watch;
    lip_lowrank *factor;
    lip_lowrank_tables tables;
    lip_lowrank_point point;
    double *length; /* by group: |x| of its block */
    double *y;      /* by group */
    double *lambda, *mu,
        *penalty;     /* by constraint; mu: lambda after the update that would follow */
    double *previous; /* by constraint: lambda without momentum */
    double theta;     /* of the momentum */
    size_t evaluations;
} work;

/* ---- The factor -------------------------------------------------------------------------- */

static size_t unknowns(const lip_lowrank *f) { return f->n * f->rank + f->groups; }

bool lip_lowrank_create(const lip_lifted *lifted, size_t rank, uint64_t seed, lip_lowrank *f) {
    size_t rows;
    lip_rng rng;
    *f = (lip_lowrank){lifted->n, lifted->groups, rank, NULL, 0, 0};
    if (!lip_multiply_sizes(f->n, rank, &rows)) return false;
    f->x = LIP_NEW(double, rows + f->groups);
    if (!f->x) return false;
    lip_rng_seed(&rng, seed);
    for (size_t e = 0; e < rows; ++e) f->x[e] = lip_rng_gaussian(&rng) / sqrt((double)rank);
    for (size_t g = 0; g < f->groups; ++g) f->x[rows + g] = 1;
    return true;
}

void lip_lowrank_clear(lip_lowrank *f) {
    free(f->x);
    *f = (lip_lowrank){0};
}

bool lip_lowrank_copy(const lip_lowrank *f, lip_lowrank *copy) {
    *copy = *f;
    copy->x = LIP_NEW(double, unknowns(f));
    if (copy->x) memcpy(copy->x, f->x, unknowns(f) * sizeof *f->x);
    return copy->x != NULL;
}

/* V from x; the lengths of the blocks are kept. */
static void normalise(const lip_lifted *lifted, size_t k, const double *x, double *length,
                      double *v) {
    for (size_t g = 0; g < lifted->groups; ++g) {
        const lip_group *group = &lifted->group[g];
        size_t first = group->first * k, count = group->count * k;
        double slack = group->equality ? 0 : x[lifted->n * k + g];
        double part = cblas_dnrm2((int)count, x + first, 1);
        double all = hypot(part, slack), factor = all > 0 ? sqrt(group->size) / all : 0;
        if (length) length[g] = all;
        for (size_t e = first; e < first + count; ++e) v[e] = factor * x[e];
    }
    memset(v, 0, k * sizeof *v);
    v[0] = 1;
}

bool lip_lowrank_moments(const lip_lifted *lifted, const lip_lowrank *f, double *x) {
    int n = (int)f->n, k = (int)f->rank;
    double *v = LIP_NEW(double, f->n * f->rank);
    if (!v) return false;
    normalise(lifted, f->rank, f->x, NULL, v);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1, v, k, 0, x, n);
    for (size_t i = 0; i < f->n; ++i)
        for (size_t j = 0; j < i; ++j) x[j * f->n + i] = x[i * f->n + j];
    free(v);
    return true;
}

bool lip_lowrank_resize(const lip_lifted *lifted, size_t rank, uint64_t seed, lip_lowrank *f) {
    lip_lowrank more;
    if (!lip_lowrank_create(lifted, rank, seed, &more)) return false;
    size_t kept = rank < f->rank ? rank : f->rank;
    for (size_t g = 0; g < f->groups; ++g) {
        const lip_group *group = &lifted->group[g];
        double *old = f->x + group->first * f->rank;
        double size = cblas_dnrm2((int)(group->count * f->rank), old, 1);
        cblas_dscal((int)(group->count * rank), FRESH * size / sqrt((double)group->count),
                    more.x + group->first * rank, 1);
        for (size_t i = 0; i < group->count; ++i)
            memcpy(more.x + (group->first + i) * rank, old + i * f->rank, kept * sizeof *old);
        more.x[f->n * rank + g] = f->x[f->n * f->rank + g];
    }
    more.scale = f->scale;
    more.penalty = f->penalty;
    lip_lowrank_clear(f);
    *f = more;
    return true;
}

/* ---- The function that L-BFGS minimises -------------------------------------------------- */

/* mu, and the value of the penalties, from g. */
static double penalise(work *w) {
    const lip_lowrank_tables *t = &w->tables;
    double sum = 0;
    for (size_t c = 0; c < t->count; ++c) {
        double rho = w->penalty[c], step = w->lambda[c] - rho * w->point.g[c];
        if (!t->equality[c] && step < 0) step = 0;
        w->mu[c] = step;
        sum += rho > 0 ? (step - w->lambda[c]) * (step + w->lambda[c]) / (2 * rho)
                       : -w->lambda[c] * w->point.g[c];
    }
    return sum;
}

static double lagrangian(work *w, const double *x) {
    normalise(w->lifted, w->factor->rank, x, w->length, w->point.v);
    lip_lowrank_values(&w->point);
    double value = penalise(w);
    lip_lowrank_gradient(&w->point, w->factor->scale, w->mu);
    ++w->evaluations;
    return value - w->factor->scale * w->point.objective;
}

/* The gradient with respect to x: the part of gv across each block, divided by the block's length. */
static double augmented(const double *x, double *g, void *user) {
    work *w = user;
    const lip_lifted *lifted = w->lifted;
    size_t k = w->factor->rank;
    double value = lagrangian(w, x), *gv = w->point.gv, *v = w->point.v;
    for (size_t j = 0; j < lifted->groups; ++j) {
        const lip_group *group = &lifted->group[j];
        size_t first = group->first * k, count = group->count * k;
        double factor = w->length[j] > 0 ? sqrt(group->size) / w->length[j] : 0;
        double along = cblas_ddot((int)count, gv + first, 1, v + first, 1) / group->size;
        for (size_t e = first; e < first + count; ++e) g[e] = factor * (gv[e] - along * v[e]);
        double slack = group->equality ? 0 : x[lifted->n * k + j];
        g[lifted->n * k + j] = -factor * factor * along * slack;
        w->y[j] = -along / 2;
    }
    memset(g, 0, k * sizeof *g);
    return value;
}

static bool out_of_time(const double *x, double f, void *user) {
    work *w = user;
    (void)x;
    (void)f;
    return lip_watch_expired(w->watch);
}

/* ---- Rounds ------------------------------------------------------------------------------ */

static void clear(work *w) {
    lip_lowrank_tables_clear(&w->tables);
    lip_lowrank_point_clear(&w->point);
    free(w->length);
    free(w->lambda);
}

static bool create(const lip_lifted *lifted, lip_lowrank *factor,
                   const lip_lowrank_options *options, work *w) {
    *w = (work){.lifted = lifted, .watch = options->watch, .factor = factor};
    if (!lip_lowrank_tables_create(lifted, LIP_LOWRANK_SHARE, &w->tables) ||
        !lip_lowrank_point_create(&w->tables, factor->rank, options->single, &w->point))
        return false;
    w->length = LIP_NEW(double, 2 * lifted->groups);
    w->lambda = LIP_NEW(double, 4 * w->tables.count);
    if (!w->length || !w->lambda) return false;
    w->y = w->length + lifted->groups;
    w->mu = w->lambda + w->tables.count;
    w->penalty = w->mu + w->tables.count;
    w->previous = w->penalty + w->tables.count;
    return true;
}

/* Blocks of x to the length sqrt(y size). */
static void rescale(work *w) {
    size_t k = w->factor->rank;
    for (size_t g = 0; g < w->lifted->groups; ++g) {
        const lip_group *group = &w->lifted->group[g];
        if (!(w->length[g] > 0)) continue;
        double length = sqrt(fmax(fabs(w->y[g]) * group->size, 0));
        length = fmin(fmax(length, SHORTEST), LONGEST);
        cblas_dscal((int)(group->count * k), length / w->length[g], w->factor->x + group->first * k,
                    1);
        w->factor->x[w->lifted->n * k + g] *= length / w->length[g];
    }
}

static void set_penalties(work *w, bool fixed) {
    for (size_t c = 0; c < w->tables.count; ++c)
        w->penalty[c] = fixed ? 0 : w->factor->penalty * w->tables.weight[c];
}

/* Violations relative to the norms of the constraints: root of the sum of squares over the variables. */
static double violation(const work *w) {
    double sum = 0;
    for (size_t c = 0; c < w->tables.count; ++c) {
        double g = w->point.g[c];
        if (!w->tables.equality[c] && g > 0) continue;
        sum += w->tables.weight[c] * g * g;
    }
    return sqrt(sum / (double)w->lifted->n);
}

/* s from the gradient of the objective at random V, which is about half of what it is in the end. */
static void guess_scale(work *w) {
    if (w->factor->scale > 0) return;
    w->factor->scale = 1;
    memset(w->mu, 0, w->tables.count * sizeof *w->mu);
    normalise(w->lifted, w->factor->rank, w->factor->x, w->length, w->point.v);
    lip_lowrank_values(&w->point);
    lip_lowrank_gradient(&w->point, 1, w->mu);
    double norm = cblas_dnrm2((int)(w->lifted->n * w->factor->rank), w->point.gv, 1);
    norm /= sqrt((double)w->lifted->n);
    w->factor->scale = norm > 0 && isfinite(1 / norm) ? 1 / norm : 1;
    for (size_t g = 0; g < w->lifted->groups; ++g) w->y[g] = 1;
}

static lip_lbfgs_end inner(work *w, const lip_lowrank_options *options, double gradient,
                           double *f) {
    lip_lbfgs_options l = {.memory = MEMORY,
                           .iterations = options->steps,
                           .gradient = gradient * sqrt((double)w->lifted->n),
                           .progress = 0,
                           .patience = options->steps};
    rescale(w);
    return lip_lbfgs(unknowns(w->factor), w->factor->x, augmented, out_of_time, w, &l, f);
}

static void report_to(work *w, double gradient, lip_lowrank_report *report) {
    double sum = 0;
    for (size_t g = 0; g < w->lifted->groups; ++g) sum += w->y[g] * w->lifted->group[g].size;
    report->value = ldexp(sum / w->factor->scale, w->lifted->exponent);
    report->objective = ldexp(w->point.objective, w->lifted->exponent);
    report->violation = violation(w);
    report->gradient = gradient;
    report->evaluations = w->evaluations;
}

static void export_multipliers(const work *w, lip_multipliers *m) {
    double unscale = 1 / w->factor->scale;
    for (size_t c = 0; c < w->tables.count; ++c) m->lambda[c] = unscale * w->mu[c];
    for (size_t g = 0; g < w->lifted->groups; ++g) {
        m->y[g] = unscale * w->y[g];
        if (!w->lifted->group[g].equality && m->y[g] < 0) m->y[g] = 0;
    }
}

/* lambda = mu, and a little more in the direction of the last change. */
static void update_multipliers(work *w) {
    double next = (1 + sqrt(1 + 4 * w->theta * w->theta)) / 2, momentum = (w->theta - 1) / next;
    w->theta = next;
    for (size_t c = 0; c < w->tables.count; ++c) {
        double ahead = w->mu[c] + momentum * (w->mu[c] - w->previous[c]);
        w->previous[c] = w->mu[c];
        w->lambda[c] = w->tables.equality[c] ? ahead : fmax(ahead, 0);
    }
}

/* g: room for a gradient. */
static lip_status rounds(work *w, const lip_lowrank_options *options, double *g,
                         lip_lowrank_report *report, lip_error *err) {
    double before = INFINITY, f, target = options->fixed ? options->tolerance : FIRST_TARGET;
    for (size_t round = 1;; ++round) {
        set_penalties(w, options->fixed);
        lip_lbfgs_end end = inner(w, options, target, &f);
        if (end == LIP_LBFGS_NO_MEMORY) return lip_fail_memory(err);
        (void)augmented(w->factor->x, g, w);
        double norm = cblas_dnrm2((int)unknowns(w->factor), g, 1) / sqrt((double)w->lifted->n);
        report_to(w, norm, report);
        if (round >= options->rounds || options->fixed || w->tables.count == 0 ||
            lip_watch_expired(w->watch) ||
            (report->violation < options->tolerance && norm < options->tolerance))
            return LIP_OK;
        if (end == LIP_LBFGS_SMALL_GRADIENT)
            target = fmax(NEXT_TARGET * target, options->tolerance);
        update_multipliers(w);
        if (report->violation > PROGRESS * before)
            w->factor->penalty = fmin(GROWTH * w->factor->penalty, options->most_penalty);
        before = report->violation;
    }
}

/* Everything at the start, from the multipliers of the caller. */
static void prepare(work *w, const lip_multipliers *m, double *g) {
    size_t bytes = w->tables.count * sizeof *w->lambda;
    guess_scale(w);
    if (!(w->factor->penalty > 0)) w->factor->penalty = FIRST_PENALTY;
    for (size_t c = 0; c < w->tables.count; ++c) w->lambda[c] = w->factor->scale * m->lambda[c];
    memcpy(w->mu, w->lambda, bytes);
    memcpy(w->previous, w->lambda, bytes);
    w->theta = 1;
    set_penalties(w, true);
    (void)augmented(w->factor->x, g, w);
}

lip_status lip_lowrank_run(const lip_lifted *lifted, const lip_lowrank_options *options,
                           lip_lowrank *factor, lip_multipliers *m, lip_lowrank_report *report,
                           lip_error *err) {
    work w;
    double *g = NULL;
    lip_status status = create(lifted, factor, options, &w) ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) {
        g = LIP_NEW(double, unknowns(factor));
        if (!g) status = lip_fail_memory(err);
    }
    if (status == LIP_OK) {
        prepare(&w, m, g);
        status = rounds(&w, options, g, report, err);
    }
    if (status == LIP_OK) export_multipliers(&w, m);
    free(g);
    clear(&w);
    return status;
}
