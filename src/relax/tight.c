/* Methods "hr2" and "tight": the lifted problem with what the region says, and triangles.
 *
 * hr2 is the first stage: the tangent families, and those of the region; for one hidden layer HR-2 of Chen
 * et al.  tight adds cuts in further stages: triangles with the constant 1, then of any three variables, and
 * products of forms.  Small problems are solved by the interior-point method (tight_stages.c), large ones by
 * a low-rank factor (tight_large.c).  Every stage is proved and the best bound kept, so that both can be
 * stopped at any time.  Of several parts every one gets the first stage, then the largest the others.  On
 * R^n no pattern is out of reach of a first layer of full row rank: there are no variables for x then, and
 * the first stage is the tangent relaxation with all phases. */
#include "relax/tight.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/repair.h"
#include "relax/lifted_bound.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SHALLOW = 500, /* variables, for the interior-point method, with one hidden layer */
    LARGEST_DEEP = 1400,
    LARGEST_START = 2000 /* inputs and neurons, so that there is a first proof within seconds */
};

static const double PROOF_LOSS = 1e-4; /* more than a proof costs, even in deep networks */
static const double MOST_SHARES = 4;   /* even shares of the time that one of many parts may take */
static const double FOR_SOLVER = 0.9;  /* of the time that is left; the rest is for the proof */

/* ---- For all stages ---------------------------------------------------------------------- */

/* `bound` is proved by m, for the cuts that q->lifted has now: keep the certificate of that. */
static lip_status keep_best(lip_stages *q, const lip_multipliers *m, double bound, lip_error *err) {
    if (!lip_parts_keep(q->proofs, q->part, q->lifted, m, bound)) return lip_fail_memory(err);
    q->best = lip_parts_bound(q->proofs, q->part);
    return LIP_OK;
}

lip_status lip_tight_prove(lip_stages *q, lip_multipliers *m, double proposed, size_t steps,
                           lip_error *err) {
    double bound;
    lip_repair_options options = {0, 1e-9, &q->task->watch};
    lip_status status = lip_repair(q->lifted, m, &options, &bound, err);
    if (status == LIP_OK && steps > 0 && !(bound <= proposed * (1 + PROOF_LOSS))) {
        options.steps = steps;
        status = lip_repair(q->lifted, m, &options, &bound, err);
    }
    return status == LIP_OK && bound < q->best ? keep_best(q, m, bound, err) : status;
}

bool lip_tight_over(lip_stages *q) {
    return q->cut_short || q->best <= q->enough || lip_watch_expired(&q->task->watch);
}

double lip_tight_deadline(const lip_stages *q, double reserve) {
    double now = lip_clock_now(), end = now + q->share * (q->task->watch.deadline - now);
    return fmax(now, end - reserve);
}

void lip_tight_stopped(lip_stages *q, lip_stop stop) {
    if (stop == LIP_FINISHED) return;
    q->cut_short = true;
    if (stop == LIP_INTERRUPTED || q->share >= FOR_SOLVER) q->task->watch.stop = stop;
}

static lip_status run_stages(lip_stages *q, bool tight, lip_error *err) {
    size_t n = q->lifted->n, count;
    bool small = n <= (q->lifted->neurons > 0 ? LARGEST_DEEP : LARGEST_SHALLOW);
    if (!lip_multiply_sizes(n, n, &count)) return lip_fail_memory(err);
    q->m.y = LIP_NEW(double, q->lifted->groups);
    q->m.lambda = LIP_NEW(double, lip_family_multipliers(q->lifted));
    q->primal = tight ? LIP_NEW(double, count) : NULL;
    if (!q->m.y || !q->m.lambda || (tight && !q->primal)) return lip_fail_memory(err);
    if (q->lifted->products == 0) return keep_best(q, &q->m, 0, err);
    return small ? lip_tight_small(q, tight, err) : lip_tight_large(q, tight, err);
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* One part; with x and h if `region`. */
static lip_status lift_with(const lip_task *task, size_t part, bool region, size_t largest,
                            lip_lifted **lifted, lip_error *why) {
    lip_lifted_options options = {part, true, largest, (size_t)task->settings->gram_limit, region};
    return lip_lifted_create(task->net, &task->bounds, task->query, &options, lifted, why);
}

/* As much as fits.  Of deep networks only what the interior-point method can take: without x it gets
 * farther there than the low-rank one with x.  That one is the last resort.  *lifted stays NULL, and the note
 * says why, if nothing fits. */
static lip_status lift(const lip_task *task, size_t part, lip_lifted **lifted, lip_step *step,
                       lip_error *err) {
    lip_error why = {0};
    bool shallow = task->net->layers <= 2;
    lip_status status = lift_with(task, part, true, shallow ? 0 : LARGEST_DEEP, lifted, &why);
    if (status == LIP_UNSUPPORTED) {
        status = lift_with(task, part, false, LARGEST_DEEP, lifted, &why);
        if (status == LIP_UNSUPPORTED) status = lift_with(task, part, false, 0, lifted, &why);
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
    lip_parts proofs;
    bool *refined;
    bool failed; /* a part does not fit */
} parts;

/* Lower the bound of a part; less than `enough` is of no use. */
static lip_status solve_part(parts *w, size_t part, bool tight, double share, double enough,
                             lip_error *err) {
    lip_stages q = {.task = w->task,
                    .proofs = &w->proofs,
                    .part = part,
                    .enough = enough,
                    .best = lip_parts_bound(&w->proofs, part),
                    .share = share};
    lip_status status = lift(w->task, part, &q.lifted, w->step, err);
    if (status != LIP_OK) return status;
    w->refined[part] = tight;
    w->failed = w->failed || !q.lifted;
    if (q.lifted) status = run_stages(&q, tight, err);
    if (q.cut_short) w->task->early = LIP_OUT_OF_SHARE;
    if (q.cut_short || !q.lifted) w->step->complete = false;
    free(q.m.y);
    free(q.m.lambda);
    free(q.primal);
    lip_lifted_free(q.lifted);
    return status;
}

/* hr2 for every part; the largest bound counts, so the others may end early. */
static lip_status first_pass(parts *w, lip_error *err) {
    double most = 0;
    for (size_t part = 0; part < w->proofs.count; ++part) {
        double share = fmin(FOR_SOLVER, MOST_SHARES / (double)(w->proofs.count - part));
        if (part > 0 && lip_watch_expired(&w->task->watch)) return LIP_OK;
        lip_status status = solve_part(w, part, false, share, most, err);
        if (status != LIP_OK || w->failed) return status;
        most = fmax(most, lip_parts_bound(&w->proofs, part));
    }
    return LIP_OK;
}

/* The part with the largest bound, of those with all stages if `refined_only`; their number if none. */
static size_t largest(const parts *w, bool refined_only) {
    size_t count = w->proofs.count, best = count;
    for (size_t k = 0; k < count; ++k) {
        bool larger =
            best == count || lip_parts_bound(&w->proofs, k) > lip_parts_bound(&w->proofs, best);
        if (larger && (!refined_only || w->refined[k])) best = k;
    }
    return best;
}

/* All stages for the part with the largest bound, until that has had them. */
static lip_status refine(parts *w, lip_error *err) {
    lip_status status = LIP_OK;
    while (status == LIP_OK && !lip_watch_expired(&w->task->watch)) {
        size_t part = largest(w, false), known = largest(w, true);
        if (w->refined[part] || lip_parts_bound(&w->proofs, part) == 0) return LIP_OK;
        double enough = known < w->proofs.count ? lip_parts_bound(&w->proofs, known) : 0;
        status = solve_part(w, part, true, FOR_SOLVER, enough, err);
    }
    return status;
}

static lip_status bound_parts(lip_task *task, bool tight, lip_step *step, lip_error *err) {
    parts w = {.task = task, .step = step};
    lip_status status = LIP_OK;
    step->complete = true;
    w.refined = LIP_NEW(bool, lip_lifted_parts(task->net, task->query));
    if (!w.refined || !lip_parts_create(task, &w.proofs)) status = lip_fail_memory(err);
    if (status == LIP_OK && !(tight && w.proofs.count == 1)) status = first_pass(&w, err);
    if (status == LIP_OK && tight && !w.failed) status = refine(&w, err);
    if (status == LIP_OK && !lip_parts_write(&w.proofs, &step->value))
        status = lip_fail_memory(err);
    if (step->value == INFINITY || task->watch.stop != LIP_FINISHED) step->complete = false;
    lip_parts_clear(&w.proofs);
    free(w.refined);
    return status;
}

lip_status lip_hr2_method(lip_task *task, lip_step *step, lip_error *err) {
    return bound_parts(task, false, step, err);
}

lip_status lip_tight_method(lip_task *task, lip_step *step, lip_error *err) {
    return bound_parts(task, true, step, err);
}

/* One hidden layer, one part, small enough to be sure that the first proof comes about as soon. */
bool lip_tight_has_tangent(const lip_task *task) {
    const lip_network *net = task->net;
    size_t variables = lip_inputs(net) + task->result->neurons;
    return net->layers == 2 && variables <= LARGEST_START &&
           lip_lifted_parts(net, task->query) == 1;
}
