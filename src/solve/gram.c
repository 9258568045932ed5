/* Augmented Lagrangian over products of spheres.
 *
 *     maximise <F, V V'>  subject to  g_k(V V') >= 0 or = 0,  and for every group
 *     sum of |v_i|^2  = size  (equality)   or   <= size.
 *
 * A group's rows are x / |x| of a free block x, |x| the Frobenius norm over the group; an inequality has
 * one private slack number more in its block, which takes up the length that is not needed.  For fixed
 * multipliers lambda and penalty rho the function
 *
 *     - <F, V V'> + sum_ineq (max(0, lambda - rho g)^2 - lambda^2) / (2 rho)
 *                 + sum_eq  (- lambda g + rho g^2 / 2)
 *
 * is smooth in x and minimised by L-BFGS; then lambda <- max(0, lambda - rho g) or lambda - rho g.  At a
 * stationary point the multiplier of a group is y = <gradient of its rows, rows> / 2 size.
 *
 * Measured lessons kept from the prototypes: update lambda only when the gradient is small, cap rho
 * (uncapped it spoils the dual), and choose the rank large enough, since the rank decides the dual. */
#include "solve/gram.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "solve/lbfgs.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct gram {
    const lip_lifted *q;
    lip_watch *watch;
    size_t k;              /* rank */
    size_t constraints;    /* families' multipliers */
    double *x;             /* n * k + groups: free blocks, then the slack numbers */
    double *v, *gv;        /* n * k: rows and gradient with respect to them */
    double *y, *gy;        /* neurons * k: Y = A V and its gradient */
    double *length;        /* groups: |x| of the block */
    double *g;             /* constraints: values */
    double *lambda;        /* constraints */
    double *mu;            /* constraints: lambda after the update that would follow */
    double rho, objective; /* penalty; <F, V V'> at the last evaluation */
} gram;

void lip_gram_defaults(lip_gram_options *options) {
    *options =
        (lip_gram_options){.rank = 0, .rounds = 60, .steps = 200, .tolerance = 1e-6, .seed = 1};
}

/* ---- From x to V and Y ------------------------------------------------------------------- */

static double *slack_of(const gram *w, double *x, size_t group) {
    return x + w->q->n * w->k + group;
}

/* V from x; the length of every block is kept. */
static void normalise(gram *w, const double *x) {
    size_t k = w->k;
    for (size_t j = 0; j < w->q->groups; ++j) {
        const lip_group *group = &w->q->group[j];
        size_t first = group->first * k, count = group->count * k;
        double slack = group->equality ? 0 : x[w->q->n * k + j], square = slack * slack;
        for (size_t e = first; e < first + count; ++e) square += x[e] * x[e];
        w->length[j] = sqrt(square);
        double factor = square > 0 ? sqrt(group->size) / w->length[j] : 0;
        for (size_t e = first; e < first + count; ++e) w->v[e] = factor * x[e];
    }
}

/* Y = A V. */
static void images(gram *w) {
    size_t k = w->k;
    memset(w->y, 0, w->q->neurons * k * sizeof *w->y);
    for (size_t i = 0; i < w->q->neurons; ++i)
        for (size_t c = w->q->neuron[i].first; c < w->q->neuron[i].last; ++c)
            cblas_daxpy((int)k, w->q->coefficient[c].value, w->v + w->q->coefficient[c].column * k,
                        1, w->y + i * k, 1);
}

/* gv += A' gy. */
static void pull_back(gram *w) {
    size_t k = w->k;
    for (size_t i = 0; i < w->q->neurons; ++i)
        for (size_t c = w->q->neuron[i].first; c < w->q->neuron[i].last; ++c)
            cblas_daxpy((int)k, w->q->coefficient[c].value, w->gy + i * k, 1,
                        w->gv + w->q->coefficient[c].column * k, 1);
}

/* ---- The families as inner products ------------------------------------------------------ */

static double dot(const gram *w, const double *a, const double *b) {
    return cblas_ddot((int)w->k, a, 1, b, 1);
}

static void add(const gram *w, double factor, const double *a, double *b) {
    if (factor != 0) cblas_daxpy((int)w->k, factor, a, 1, b, 1);
}

/* Values of the constraints of neuron i, as in problem/family.c. */
static void evaluate_neuron(gram *w, size_t i) {
    const lip_neuron *neuron = &w->q->neuron[i];
    size_t k = w->k;
    const double *one = w->v, *v = w->v + neuron->v * k, *y = w->y + i * k;
    double vv = dot(w, v, v);
    w->g[lip_family_place(w->q, LIP_FAMILY_TANGENT, i)] = dot(w, v, y) - vv;
    if (!w->q->phases) return;
    const double *s = w->v + neuron->s * k;
    w->g[lip_family_place(w->q, LIP_FAMILY_GATE, i)] = dot(w, s, v) - dot(w, one, v);
    w->g[lip_family_place(w->q, LIP_FAMILY_SWITCH, i)] =
        (dot(w, s, y) + dot(w, one, y)) / 2 - dot(w, one, v);
    w->g[lip_family_place(w->q, LIP_FAMILY_RANGE, i)] =
        neuron->range * (1 + dot(w, one, s)) / 2 - vv;
}

/* Gradient of - sum mu_k g_k of neuron i into gv and gy. */
static void differentiate_neuron(gram *w, size_t i) {
    const lip_neuron *neuron = &w->q->neuron[i];
    size_t k = w->k, v_at = neuron->v * k;
    const double *one = w->v, *v = w->v + v_at, *y = w->y + i * k;
    double *gv = w->gv + v_at, *gy = w->gy + i * k;
    double tangent = w->mu[lip_family_place(w->q, LIP_FAMILY_TANGENT, i)];
    add(w, -tangent, y, gv);
    add(w, 2 * tangent, v, gv);
    add(w, -tangent, v, gy);
    if (!w->q->phases) return;
    const double *s = w->v + neuron->s * k;
    double *gs = w->gv + neuron->s * k, *gone = w->gv;
    double gate = w->mu[lip_family_place(w->q, LIP_FAMILY_GATE, i)];
    double change = w->mu[lip_family_place(w->q, LIP_FAMILY_SWITCH, i)];
    double range = w->mu[lip_family_place(w->q, LIP_FAMILY_RANGE, i)];
    add(w, -gate, v, gs);
    add(w, -gate, s, gv);
    add(w, gate + change, v, gone);
    add(w, gate + change, one, gv);
    add(w, -change / 2, y, gs);
    add(w, -change / 2, s, gy);
    add(w, -change / 2, y, gone);
    add(w, -change / 2, one, gy);
    add(w, -range * neuron->range / 2, one, gs);
    add(w, -range * neuron->range / 2, s, gone);
    add(w, 2 * range, v, gv);
}

/* mu and the penalty's value from g. */
static double penalise(gram *w) {
    double sum = 0;
    for (size_t f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(w->q, (lip_family)f); ++i) {
            size_t c = lip_family_place(w->q, (lip_family)f, i);
            double step = w->lambda[c] - w->rho * w->g[c];
            if (!lip_family_equality((lip_family)f) && step < 0) step = 0;
            w->mu[c] = step;
            sum += (step * step - w->lambda[c] * w->lambda[c]) / (2 * w->rho);
        }
    return sum;
}

/* ---- The function that L-BFGS minimises -------------------------------------------------- */

/* Value and gradient with respect to V (in gv) of the augmented Lagrangian. */
static double lagrangian(gram *w) {
    size_t k = w->k;
    images(w);
    for (size_t i = 0; i < w->q->neurons; ++i) evaluate_neuron(w, i);
    double value = penalise(w);
    memset(w->gv, 0, w->q->n * k * sizeof *w->gv);
    memset(w->gy, 0, w->q->neurons * k * sizeof *w->gy);
    w->objective = 0;
    for (size_t e = 0; e < w->q->products; ++e) {
        const lip_product *p = &w->q->objective[e];
        const double *a = w->v + p->i * k, *b = w->v + p->j * k;
        w->objective += p->value * dot(w, a, b);
        add(w, -p->value, b, w->gv + p->i * k);
        add(w, -p->value, a, w->gv + p->j * k);
    }
    for (size_t i = 0; i < w->q->neurons; ++i) differentiate_neuron(w, i);
    pull_back(w);
    return value - w->objective;
}

/* The gradient with respect to x: the part of gv across each block, divided by the block's length. */
static double augmented(const double *x, double *g, void *user) {
    gram *w = user;
    size_t k = w->k;
    normalise(w, x);
    double value = lagrangian(w);
    for (size_t j = 0; j < w->q->groups; ++j) {
        const lip_group *group = &w->q->group[j];
        size_t first = group->first * k, count = group->count * k;
        double factor = w->length[j] > 0 ? sqrt(group->size) / w->length[j] : 0;
        double along = cblas_ddot((int)count, w->gv + first, 1, w->v + first, 1) / group->size;
        for (size_t e = first; e < first + count; ++e) g[e] = factor * (w->gv[e] - along * w->v[e]);
        double slack = group->equality ? 0 : x[w->q->n * k + j];
        g[w->q->n * k + j] = -factor * factor * along * slack;
    }
    return value;
}

static bool out_of_time(const double *x, double f, void *user) {
    gram *w = user;
    (void)x;
    (void)f;
    return lip_watch_expired(w->watch);
}

/* ---- Rounds ------------------------------------------------------------------------------ */

/* Pataki 1998: a solution of rank r with r (r + 1) / 2 <= number of constraints exists. */
static size_t default_rank(const lip_lifted *q) {
    double constraints = (double)(q->groups + lip_family_multipliers(q));
    size_t rank = (size_t)sqrt(2 * constraints) + 2;
    return rank < q->n ? rank : q->n;
}

static void clear(gram *w) {
    free(w->x);
    free(w->v);
    free(w->y);
    free(w->length);
    free(w->g);
}

static bool create(const lip_lifted *q, const lip_gram_options *options, lip_watch *watch,
                   gram *w) {
    memset(w, 0, sizeof *w);
    w->q = q;
    w->watch = watch;
    w->k = options->rank ? options->rank : default_rank(q);
    w->constraints = lip_family_multipliers(q);
    size_t rows = q->n * w->k, images_size = q->neurons * w->k;
    w->x = LIP_NEW(double, rows + q->groups);
    w->v = LIP_NEW(double, 2 * rows);
    w->y = LIP_NEW(double, 2 * images_size);
    w->length = LIP_NEW(double, q->groups);
    w->g = LIP_NEW(double, 3 * w->constraints);
    if (!w->x || !w->v || !w->y || !w->length || !w->g) {
        clear(w);
        return false;
    }
    w->gv = w->v + rows;
    w->gy = w->y + images_size;
    w->lambda = w->g + w->constraints;
    w->mu = w->lambda + w->constraints;
    lip_rng rng;
    lip_rng_seed(&rng, options->seed);
    for (size_t e = 0; e < rows; ++e) w->x[e] = lip_rng_gaussian(&rng);
    for (size_t j = 0; j < q->groups; ++j)
        *slack_of(w, w->x, j) = q->group[j].equality ? 0 : lip_rng_gaussian(&rng);
    return true;
}

/* Blocks of x back to length 1, so that all have the same scale for L-BFGS. */
static void rescale(gram *w) {
    size_t k = w->k;
    normalise(w, w->x);
    for (size_t j = 0; j < w->q->groups; ++j) {
        const lip_group *group = &w->q->group[j];
        if (!(w->length[j] > 0)) continue;
        cblas_dscal((int)(group->count * k), 1 / w->length[j], w->x + group->first * k, 1);
        *slack_of(w, w->x, j) /= w->length[j];
    }
}

/* The worst violation, weighted by nothing: rows have length at most 1. */
static double violation(const gram *w) {
    double worst = 0;
    for (size_t f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(w->q, (lip_family)f); ++i) {
            double g = w->g[lip_family_place(w->q, (lip_family)f, i)];
            worst = fmax(worst, lip_family_equality((lip_family)f) ? fabs(g) : -g);
        }
    return worst;
}

/* Multipliers of groups from stationarity: gv = -2 y v on every row of the group. */
static void export_multipliers(gram *w, lip_multipliers *out) {
    size_t k = w->k;
    normalise(w, w->x);
    lagrangian(w);
    memcpy(out->lambda, w->mu, w->constraints * sizeof *w->mu);
    for (size_t j = 0; j < w->q->groups; ++j) {
        const lip_group *group = &w->q->group[j];
        size_t first = group->first * k;
        double along = cblas_ddot((int)(group->count * k), w->gv + first, 1, w->v + first, 1);
        out->y[j] = -along / (2 * group->size);
        if (!group->equality && out->y[j] < 0) out->y[j] = 0;
    }
}

/* The penalty starts where it matches the objective and grows, up to a cap, while constraints do not
 * improve. */
static void adapt_penalty(gram *w, double now, double before, double cap) {
    if (now > 0.3 * before) w->rho = fmin(3 * w->rho, cap);
}

lip_status lip_gram_solve(const lip_lifted *lifted, const lip_gram_options *options,
                          lip_watch *watch, lip_multipliers *multipliers, double *value,
                          lip_error *err) {
    gram w;
    if (!create(lifted, options, watch, &w)) return lip_fail_memory(err);
    w.rho = 1;
    normalise(&w, w.x);
    lagrangian(&w);
    double norm = cblas_dnrm2((int)(lifted->n * w.k), w.gv, 1) / sqrt((double)lifted->n);
    w.rho = fmax(norm, 1e-3);
    double cap = 100 * w.rho, before = INFINITY, f;
    size_t unknowns = lifted->n * w.k + lifted->groups;
    lip_lbfgs_end end = LIP_LBFGS_ITERATIONS;
    for (size_t round = 0; round < options->rounds && end != LIP_LBFGS_NO_MEMORY; ++round) {
        lip_lbfgs_options inner = {
            .memory = 16,
            .iterations = options->steps,
            .gradient = fmax(5e-3 * pow(0.5, (double)round), options->tolerance) * w.rho,
            .progress = 0,
            .patience = options->steps};
        rescale(&w);
        end = lip_lbfgs(unknowns, w.x, augmented, out_of_time, &w, &inner, &f);
        if (end == LIP_LBFGS_TOLD || lip_watch_expired(watch)) break;
        normalise(&w, w.x);
        lagrangian(&w);
        double worst = violation(&w);
        if (w.constraints == 0 && end != LIP_LBFGS_ITERATIONS) break;
        if (worst < options->tolerance && end == LIP_LBFGS_SMALL_GRADIENT && round > 5) break;
        memcpy(w.lambda, w.mu, w.constraints * sizeof *w.mu);
        adapt_penalty(&w, worst, before, cap);
        before = worst;
    }
    if (end != LIP_LBFGS_NO_MEMORY) export_multipliers(&w, multipliers);
    *value = w.objective * ldexp(1, lifted->exponent);
    clear(&w);
    return end == LIP_LBFGS_NO_MEMORY ? lip_fail_memory(err) : LIP_OK;
}
