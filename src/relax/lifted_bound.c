/* Lift, solve, repair; the largest part counts.
 *
 * Where no family acts (one output and one hidden layer) the repair's own interior-point method finds the
 * best y from 0; otherwise solve/interior.c proposes multipliers.  The phases of inner neurons are kept as
 * long as the problem stays small: they cost a variable each and gain 0 to .44 % on the reference
 * networks.  docs/relaxations.md has the measurements behind the limits. */
#include "relax/lifted_bound.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/parts.h"
#include "cert/repair.h"
#include "solve/interior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST_WITH_PHASES = 500, LARGEST = 5000, WIDE = 400, STEPS = 60 };

static const double FOR_SOLVER = 0.9;  /* of the time that is left; the rest is for the proof */
static const double MOST_SHARES = 4;   /* even shares of the time that one of many parts may take */
static const double PROOF_LOSS = 1e-4; /* more than a proof costs, even in deep networks */

/* What a solver believes to have: sum y size. */
static double value_of(const lip_lifted *lifted, const double *y) {
    double sum = 0;
    for (size_t g = 0; g < lifted->groups; ++g) sum += y[g] * lifted->group[g].size;
    return ldexp(sum, lifted->exponent);
}

/* The parts of a question, one after the other. */
typedef struct parts {
    lip_task *task;
    lip_step *step; /* complete becomes false for good when a part is cut short */
    size_t left;    /* parts to do, this one included */
    double most;    /* largest bound so far */
    lip_parts proofs;
} parts;

/* Multipliers that are worth proving, in this part's share of the time (parts that cannot be the largest
 * need little).  None are needed where only groups act: m stays 0. */
static lip_status propose(parts *q, const lip_lifted *lifted, lip_multipliers *m, lip_error *err) {
    lip_watch *watch = &q->task->watch, share = *watch;
    double now = lip_clock_now(), enough = ldexp(q->most / (1 + PROOF_LOSS), -lifted->exponent);
    if (lifted->neurons == 0) return LIP_OK;
    share.deadline =
        now + fmin(FOR_SOLVER, MOST_SHARES / (double)q->left) * (watch->deadline - now);
    lip_status status = lip_interior_solve(lifted, enough, &share, m, err);
    if (share.stop != LIP_FINISHED) {
        q->step->complete = false;
        q->task->early = LIP_OUT_OF_SHARE;
    }
    if (share.stop == LIP_INTERRUPTED || q->left == 1) watch->stop = share.stop;
    return status;
}

/* *bound: proved with the multipliers that m holds on return. */
static lip_status prove(lip_task *task, const lip_lifted *lifted, lip_multipliers *m, double *bound,
                        lip_error *err) {
    bool solved = lifted->neurons > 0;
    double proposed = value_of(lifted, m->y);
    lip_repair_options options = {solved ? 0 : STEPS, 1e-9, &task->watch};
    lip_status status = lip_repair(lifted, m, &options, bound, err);
    if (status == LIP_OK && solved && !(*bound <= proposed * (1 + PROOF_LOSS))) {
        options.steps = STEPS;
        status = lip_repair(lifted, m, &options, bound, err);
    }
    return status;
}

/* Bound one lifted problem, by 0 if there is no path from input to output, and write down the proof. */
static lip_status solve_part(parts *q, const lip_lifted *lifted, size_t part, lip_error *err) {
    double bound = 0;
    lip_multipliers m = {LIP_NEW(double, lifted->groups),
                         LIP_NEW(double, lip_family_multipliers(lifted))};
    lip_status status = m.y && m.lambda ? LIP_OK : lip_fail_memory(err);
    if (lifted->products > 0) {
        if (status == LIP_OK) status = propose(q, lifted, &m, err);
        if (status == LIP_OK) status = prove(q->task, lifted, &m, &bound, err);
    }
    if (status == LIP_OK && !lip_parts_keep(&q->proofs, part, lifted, &m, bound))
        status = lip_fail_memory(err);
    free(m.y);
    free(m.lambda);
    return status;
}

/* Lift one part with as much as fits; *lifted stays NULL, and the note says why, if nothing does. */
static lip_status lift(const lip_task *task, size_t part, lip_lifted **lifted, lip_step *step,
                       lip_error *err) {
    lip_error why = {0};
    lip_lifted_options options = {part, true, LARGEST_WITH_PHASES,
                                  (size_t)task->settings->gram_limit, false};
    lip_status status =
        lip_lifted_create(task->net, &task->bounds, task->query, &options, lifted, &why);
    options.phases = false;
    options.largest = LARGEST;
    if (status == LIP_UNSUPPORTED)
        status = lip_lifted_create(task->net, &task->bounds, task->query, &options, lifted, &why);
    if (status == LIP_UNSUPPORTED) {
        snprintf(step->note, sizeof step->note, "%.150s", why.message);
        status = LIP_OK;
    }
    return status == LIP_OK ? LIP_OK : lip_fail(err, status, NULL, "%s", why.message);
}

static lip_status bound_all(parts *q, lip_error *err) {
    size_t count = q->proofs.count;
    for (size_t part = 0; part < count; ++part) {
        lip_lifted *lifted = NULL;
        q->left = count - part;
        if (part > 0 && lip_watch_expired(&q->task->watch)) return LIP_OK;
        lip_status status = lift(q->task, part, &lifted, q->step, err);
        if (status != LIP_OK) return status;
        if (!lifted) return LIP_OK;
        status = solve_part(q, lifted, part, err);
        lip_lifted_free(lifted);
        if (status != LIP_OK) return status;
        q->most = fmax(q->most, lip_parts_bound(&q->proofs, part));
    }
    return lip_parts_write(&q->proofs, &q->step->value) ? LIP_OK : lip_fail_memory(err);
}

static lip_status bound_parts(lip_task *task, lip_step *step, lip_error *err) {
    parts q = {.task = task, .step = step};
    step->complete = true;
    lip_status status =
        lip_parts_create(task, &q.proofs) ? bound_all(&q, err) : lip_fail_memory(err);
    lip_parts_clear(&q.proofs);
    if (step->value == INFINITY || task->watch.stop != LIP_FINISHED) step->complete = false;
    return status;
}

lip_status lip_tangent_general(lip_task *task, lip_step *step, lip_error *err) {
    return bound_parts(task, step, err);
}

/* For one output SHOR and the tangent relaxation have the same value (docs/relaxations.md), and wide
 * chains are solved much faster in the second form. */
lip_status lip_shor_method(lip_task *task, lip_step *step, lip_error *err) {
    size_t relus = 0;
    for (size_t l = 1; l <= task->net->layers; ++l)
        if (task->net->layer[l].relu) ++relus;
    bool wide = lip_inputs(task->net) + task->net->units > WIDE;
    bool single = lip_output_rows(task->net, &task->query->output) == 1;
    if (relus == 1 && wide && single) return lip_tangent_method(task, step, err);
    if (relus == 1) return bound_parts(task, step, err);
    snprintf(step->note, sizeof step->note,
             "fits networks with one hidden layer, this one has %zu: use tangent", relus);
    return LIP_OK;
}
