/* Lift, solve, repair; the largest part counts.
 *
 * Where no family acts (one output and one hidden layer) the repair's own interior-point method finds the
 * best y from 0, and no solver is needed; otherwise DSDP proposes multipliers, above 300 variables the
 * Gram engine.  The phases of inner
 * neurons are kept as long as the problem stays small: they cost a variable each and gain 0 to .44 %
 * on the reference networks. */
#include "relax/lifted_bound.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/repair.h"
#include "solve/dsdp.h"
#include "solve/gram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST_FOR_DSDP = 300, LARGEST = 2500, WIDE = 400, STEPS = 60 };

/* What a solver believes to have: sum y size. */
static double value_of(const lip_lifted *lifted, const double *y) {
    double sum = 0;
    for (size_t g = 0; g < lifted->groups; ++g) sum += y[g] * lifted->group[g].size;
    return ldexp(sum, lifted->exponent);
}

/* Larger problems: the low-rank engine, with half of the time that is left; the repair needs the rest. */
static lip_status solve_by_gram(lip_task *task, const lip_lifted *lifted, lip_multipliers *m,
                                lip_error *err) {
    lip_gram_options options;
    lip_watch half = task->watch;
    double now = lip_clock_now(), value;
    half.deadline = now + 0.5 * (task->watch.deadline - now);
    lip_gram_defaults(&options);
    lip_status status = lip_gram_solve(lifted, &options, &half, m, &value, err);
    if (half.stop == LIP_INTERRUPTED) task->watch.stop = LIP_INTERRUPTED;
    return status;
}

/* A proved bound of one lifted problem. */
static lip_status solve_part(lip_task *task, const lip_lifted *lifted, double *bound,
                             lip_error *err) {
    if (lifted->products == 0) { /* no path from input to output */
        *bound = 0;
        return LIP_OK;
    }
    lip_repair_options options = {STEPS, 1e-9, &task->watch};
    lip_multipliers m = {LIP_NEW(double, lifted->groups),
                         LIP_NEW(double, lip_family_multipliers(lifted))};
    lip_status status = m.y && m.lambda ? LIP_OK : lip_fail_memory(err);
    double proposed = -1;
    if (status == LIP_OK && lifted->neurons > 0 && lifted->n > LARGEST_FOR_DSDP) {
        status = solve_by_gram(task, lifted, &m, err);
    } else if (status == LIP_OK && lifted->neurons > 0) {
        status = lip_dsdp_solve(lifted, &task->watch, &m, err);
        proposed = value_of(lifted, m.y);
        options.steps = 0; /* DSDP's y is mostly the best one already */
    }
    if (status == LIP_OK) status = lip_repair(lifted, &m, &options, bound, err);
    if (status == LIP_OK && proposed >= 0 && *bound > proposed * (1 + 1e-8)) {
        options.steps = STEPS;
        status = lip_repair(lifted, &m, &options, bound, err);
    }
    free(m.y);
    free(m.lambda);
    return status;
}

/* Lift one part with as much as fits; *lifted stays NULL, and the note says why, if nothing does. */
static lip_status lift(const lip_task *task, size_t part, lip_lifted **lifted, lip_step *step,
                       lip_error *err) {
    lip_error why = {0};
    lip_lifted_options options = {part, true, LARGEST_FOR_DSDP, (size_t)task->settings->gram_limit};
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

static lip_status bound_parts(lip_task *task, lip_step *step, lip_error *err) {
    double most = 0;
    size_t parts = lip_lifted_parts(task->net, task->query);
    for (size_t part = 0; part < parts; ++part) {
        lip_lifted *lifted = NULL;
        double bound = INFINITY;
        if (part > 0 && lip_watch_expired(&task->watch)) return LIP_OK;
        lip_status status = lift(task, part, &lifted, step, err);
        if (status != LIP_OK) return status;
        if (!lifted) return LIP_OK;
        status = solve_part(task, lifted, &bound, err);
        lip_lifted_free(lifted);
        if (status != LIP_OK) return status;
        most = fmax(most, bound);
    }
    step->value = most;
    step->complete = task->watch.stop == LIP_FINISHED;
    return LIP_OK;
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
