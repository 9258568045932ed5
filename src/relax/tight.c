/* Methods "hr2" and "tight": the lifted problem with what the region says, and triangles.
 *
 *     stage 0   the tangent families, and those of the region; for one hidden layer HR-2 of Chen et al.
 *     stage 1   triangles with the constant 1, and products of forms, those that the last X violates most
 *     stage 2   triangles of any three variables, and products
 *
 * hr2 is stage 0.  Every stage is solved by the interior-point method and its bound proved; cuts without
 * a multiplier are dropped before the next ones come.  The best bound is kept, so that tight can be
 * stopped at any time.  Of several parts every one gets stage 0, then the largest the others.  On R^n no
 * pattern is out of reach of a first layer of full row rank: there are no variables for x then, and stage
 * 0 is the tangent relaxation with all phases.
 *
 * Nothing here is written into certificates yet: the statement stays empty. */
#include "base/error.h"
#include "base/memory.h"
#include "cert/repair.h"
#include "problem/family.h"
#include "problem/forms.h"
#include "problem/triangles.h"
#include "relax/lifted_bound.h"
#include "solve/interior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST = 1400,
    STEPS = 60,
    MOST_STAGES = 60,
    MOST_CUTS = 6000,
    ROUND = 1000,
    ROUND_FIXED = 50,
    ROUND_PER_VARIABLE = 3
};

static const double PROOF_LOSS = 1e-4; /* more than a proof costs, even in deep networks */
static const double MOST_SHARES = 4;   /* even shares of the time that one of many parts may take */
static const double FOR_SOLVER = 0.9;  /* of the time that is left; the rest is for the proof */
static const double ROUGH = 3e-4;      /* relative gap of the first stages of tight */
static const double LITTLE = 0.01;     /* relative gain below which general triangles come */
static const double FINE = 1e-6;       /* and of the last ones */
static const double INACTIVE = 1e-3;   /* multiplier relative to the largest one */
static const double CLOSE = 0.01;      /* slack of a triangle that stays */

typedef struct stages {
    lip_task *task;
    lip_lifted *lifted;
    lip_multipliers m;
    double *primal;
    double enough; /* what another part has: less than this is of no use */
    double best;   /* least proved bound */
    double share;  /* of the time that is left, for this part */
    bool cut_short;
} stages;

/* ---- One stage --------------------------------------------------------------------------- */

static double value_of(const stages *q) {
    double sum = 0;
    for (size_t g = 0; g < q->lifted->groups; ++g) sum += q->m.y[g] * q->lifted->group[g].size;
    return ldexp(sum, q->lifted->exponent);
}

static lip_status propose(stages *q, double tolerance, bool warm, lip_error *err) {
    lip_watch *watch = &q->task->watch, share = *watch;
    double now = lip_clock_now();
    share.deadline = now + q->share * (watch->deadline - now);
    lip_interior_options options = {ldexp(q->enough / (1 + PROOF_LOSS), -q->lifted->exponent),
                                    tolerance, &share, q->primal, warm};
    lip_status status = lip_interior_run(q->lifted, &options, &q->m, err);
    if (share.stop != LIP_FINISHED) {
        q->cut_short = true;
        if (share.stop == LIP_INTERRUPTED || q->share >= FOR_SOLVER) watch->stop = share.stop;
    }
    return status;
}

static lip_status prove(stages *q, lip_error *err) {
    double bound, proposed = value_of(q);
    lip_repair_options options = {0, 1e-9, &q->task->watch};
    lip_status status = lip_repair(q->lifted, &q->m, &options, &bound, err);
    if (status == LIP_OK && !(bound <= proposed * (1 + PROOF_LOSS))) {
        options.steps = STEPS;
        status = lip_repair(q->lifted, &q->m, &options, &bound, err);
    }
    if (status == LIP_OK) q->best = fmin(q->best, bound);
    return status;
}

static lip_status solve_stage(stages *q, double tolerance, bool warm, lip_error *err) {
    lip_status status = propose(q, tolerance, warm, err);
    if (status == LIP_OK) status = prove(q, err);
    return status;
}

/* ---- Stages ------------------------------------------------------------------------------ */

static bool over(stages *q) {
    return q->cut_short || q->best <= q->enough || lip_watch_expired(&q->task->watch);
}

/* Drop separated cuts without a multiplier that X does not meet closely.  False: out of memory. */
static bool drop_inactive(stages *q) {
    lip_lifted *lifted = q->lifted;
    size_t count = lip_family_separated(lifted);
    size_t first = lip_family_place(lifted, LIP_FAMILY_TRIANGLE, 0);
    bool *keep = LIP_NEW(bool, count), ok = keep != NULL;
    lip_product *room = LIP_NEW(lip_product, lip_family_most_products(lifted));
    double most = 0;
    for (size_t k = 0; k < count; ++k) most = fmax(most, q->m.lambda[first + k]);
    for (size_t k = 0; ok && room && k < count; ++k) {
        size_t triangles = lip_family_count(lifted, LIP_FAMILY_TRIANGLE);
        bool triangle = k < triangles;
        size_t products =
            lip_family_products(lifted, triangle ? LIP_FAMILY_TRIANGLE : LIP_FAMILY_PRODUCT,
                                triangle ? k : k - triangles, room);
        double slack = 0;
        for (size_t c = 0; c < products; ++c)
            slack += room[c].value * q->primal[room[c].i * lifted->n + room[c].j];
        keep[k] = q->m.lambda[first + k] > INACTIVE * most || slack < CLOSE;
    }
    ok = ok && room && lip_family_keep(lifted, keep, q->m.lambda);
    free(room);
    free(keep);
    return ok;
}

/* Copy multipliers after `added` triangles and then products have come.  False: out of memory. */
static bool grow_multipliers(stages *q, size_t added, size_t products) {
    lip_lifted *lifted = q->lifted;
    double *lambda = LIP_NEW(double, lip_family_multipliers(lifted));
    size_t end = lip_family_place(lifted, LIP_FAMILY_PRODUCT, 0);
    if (!lambda) return false;
    memcpy(lambda, q->m.lambda, (end - added) * sizeof *lambda);
    memcpy(lambda + end, q->m.lambda + end - added, products * sizeof *lambda);
    free(q->m.lambda);
    q->m.lambda = lambda;
    return true;
}

/* What X violates; *added: how many.  False: out of memory. */
static bool add_cuts(stages *q, bool general, size_t *added) {
    lip_lifted *lifted = q->lifted;
    size_t present = lip_family_multipliers(lifted), products, more = 0;
    size_t most = present < MOST_CUTS ? MOST_CUTS - present : 0;
    size_t round = ROUND_FIXED + ROUND_PER_VARIABLE * lifted->n;
    if (most > round) most = round;
    if (most > ROUND) most = ROUND;
    products = lip_family_count(lifted, LIP_FAMILY_PRODUCT);
    if (!lip_triangles_separate(lifted, q->primal, general, most, added)) return false;
    if (lifted->forms > 0 && !lip_forms_separate(lifted, q->primal, most, &more)) return false;
    if (!grow_multipliers(q, *added, products)) return false;
    *added += more;
    return true;
}

/* Rounds of cuts: with the constant 1 until that gains little, then general ones, solved more and more
 * closely until nothing is gained. */
static lip_status cut_rounds(stages *q, lip_error *err) {
    lip_status status = LIP_OK;
    double tolerance = ROUGH;
    bool general = false;
    for (int k = 0; status == LIP_OK && k < MOST_STAGES && !over(q); ++k) {
        double before = q->best, gain;
        size_t added;
        if (!drop_inactive(q) || !add_cuts(q, general, &added)) return lip_fail_memory(err);
        if (added > 0) status = solve_stage(q, tolerance, true, err);
        gain = (before - q->best) / before;
        if (gain > (general ? 3 * tolerance : LITTLE)) continue;
        if (general && (tolerance <= FINE || (added == 0 && tolerance < ROUGH))) break;
        if (general) tolerance = fmax(0.03 * tolerance, FINE);
        general = true;
    }
    return status;
}

static lip_status run_stages(stages *q, bool tight, lip_error *err) {
    size_t n = q->lifted->n;
    q->m.y = LIP_NEW(double, q->lifted->groups);
    q->m.lambda = LIP_NEW(double, lip_family_multipliers(q->lifted));
    q->primal = tight ? LIP_NEW(double, n *n) : NULL;
    if (!q->m.y || !q->m.lambda || (tight && !q->primal)) return lip_fail_memory(err);
    lip_status status = solve_stage(q, 0, false, err);
    if (!tight || status != LIP_OK) return status;
    return lip_forms_create(q->lifted) ? cut_rounds(q, err) : lip_fail_memory(err);
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* Lift one part with as much as fits; *lifted stays NULL, and the note says why, if nothing does. */
static lip_status lift(const lip_task *task, size_t part, lip_lifted **lifted, lip_step *step,
                       lip_error *err) {
    lip_error why = {0};
    lip_lifted_options options = {part, true, LARGEST, (size_t)task->settings->gram_limit, true};
    lip_status status =
        lip_lifted_create(task->net, &task->bounds, task->query, &options, lifted, &why);
    if (status == LIP_UNSUPPORTED) {
        options.region = false;
        status = lip_lifted_create(task->net, &task->bounds, task->query, &options, lifted, &why);
        snprintf(step->note, sizeof step->note, "%.150s",
                 status == LIP_OK ? "the points of the region are too many variables: left out"
                                  : why.message);
    }
    if (status == LIP_UNSUPPORTED) return LIP_OK;
    if (status != LIP_OK) return lip_fail(err, status, NULL, "%s", why.message);
    if (lip_family_add_products(*lifted)) return LIP_OK;
    lip_lifted_free(*lifted);
    *lifted = NULL;
    return lip_fail_memory(err);
}

typedef struct parts {
    lip_task *task;
    lip_step *step;
    size_t count;
    double *bound;
    bool *refined;
    bool failed; /* a part does not fit */
} parts;

/* Lower the bound of a part; less than `enough` is of no use. */
static lip_status solve_part(parts *w, size_t part, bool tight, double share, double enough,
                             lip_error *err) {
    stages q = {.task = w->task, .enough = enough, .best = w->bound[part], .share = share};
    lip_status status = lift(w->task, part, &q.lifted, w->step, err);
    if (status != LIP_OK) return status;
    w->refined[part] = tight;
    w->failed = w->failed || !q.lifted;
    if (q.lifted && q.lifted->products == 0)
        q.best = 0;
    else if (q.lifted)
        status = run_stages(&q, tight, err);
    if (q.cut_short || !q.lifted) w->step->complete = false;
    w->bound[part] = q.best;
    free(q.m.y);
    free(q.m.lambda);
    free(q.primal);
    lip_lifted_free(q.lifted);
    return status;
}

/* hr2 for every part; the largest bound counts, so the others may end early. */
static lip_status first_pass(parts *w, lip_error *err) {
    double most = 0;
    for (size_t part = 0; part < w->count; ++part) {
        double share = fmin(FOR_SOLVER, MOST_SHARES / (double)(w->count - part));
        if (part > 0 && lip_watch_expired(&w->task->watch)) return LIP_OK;
        lip_status status = solve_part(w, part, false, share, most, err);
        if (status != LIP_OK || w->failed) return status;
        most = fmax(most, w->bound[part]);
    }
    return LIP_OK;
}

static size_t largest(const parts *w, bool refined_only) {
    size_t best = w->count;
    for (size_t k = 0; k < w->count; ++k)
        if ((!refined_only || w->refined[k]) && (best == w->count || w->bound[k] > w->bound[best]))
            best = k;
    return best;
}

/* All stages for the part with the largest bound, until that has had them. */
static lip_status refine(parts *w, lip_error *err) {
    lip_status status = LIP_OK;
    while (status == LIP_OK && !lip_watch_expired(&w->task->watch)) {
        size_t part = largest(w, false), known = largest(w, true);
        if (w->refined[part] || w->bound[part] == 0) return LIP_OK;
        double enough = known < w->count ? w->bound[known] : 0;
        status = solve_part(w, part, true, FOR_SOLVER, enough, err);
    }
    return status;
}

static lip_status bound_parts(lip_task *task, bool tight, lip_step *step, lip_error *err) {
    parts w = {.task = task, .step = step};
    lip_status status = LIP_OK;
    step->complete = true;
    w.count = lip_lifted_parts(task->net, task->query);
    w.bound = LIP_NEW(double, w.count);
    w.refined = LIP_NEW(bool, w.count);
    if (!w.bound || !w.refined) status = lip_fail_memory(err);
    for (size_t k = 0; status == LIP_OK && k < w.count; ++k) w.bound[k] = INFINITY;
    if (status == LIP_OK && !(tight && w.count == 1)) status = first_pass(&w, err);
    if (status == LIP_OK && tight && !w.failed) status = refine(&w, err);
    if (status == LIP_OK) step->value = lip_claim(w.bound[largest(&w, false)]);
    if (step->value == INFINITY || task->watch.stop != LIP_FINISHED) step->complete = false;
    free(w.bound);
    free(w.refined);
    return status;
}

lip_status lip_hr2_method(lip_task *task, lip_step *step, lip_error *err) {
    return bound_parts(task, false, step, err);
}

lip_status lip_tight_method(lip_task *task, lip_step *step, lip_error *err) {
    return bound_parts(task, true, step, err);
}
