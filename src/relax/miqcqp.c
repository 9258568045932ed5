/* The method `miqcqp`: both mixed-integer formulations (miqcqp_build.c) by HiGHS.
 *
 * What HiGHS says is floating point: the value is reported as computed and never becomes an upper bound.  Its optimal
 * pattern is another matter: an interior point of that cell (miqcqp_solve.c) is a candidate like any other, and
 * once interval arithmetic has confirmed the gradient there, L >= value is proved.  Then
 *
 *     value of the lower formulation <= L <= value of the upper formulation = the gradient at a point inside,
 *
 * so that both formulations coincide and the value is L, if HiGHS is right that no pattern has more.  Only
 * where no such point is found is the lower formulation solved too. */
#include "relax/miqcqp.h"
#include "base/error.h"
#include "base/memory.h"
#include "problem/lifted.h"
#include "problem/task.h"
#include "search/witness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double AGREE = 1e-6; /* two values that differ by less, relative, are the same */

typedef struct formulation {
    double value, bound; /* largest objective found, and claimed */
    bool solved;
} formulation;

typedef struct run {
    lip_task *task;
    const lip_lp_library *library;
    lip_witness witness;
    lip_rng rng;
    lip_step offer; /* what the witness proves */
    size_t parts;
    double *bound; /* by part, of the upper formulation */
    double *d;     /* by unit: the pattern */
    bool *care;    /* by unit: its phase is in the model */
    double *x;     /* inputs */
} run;

/* ---- One formulation of one part --------------------------------------------------------- */

/* The pattern of a solution: stable neurons as they are, phases that do not matter 0. */
static void take_pattern(run *r, const lip_miqcqp *m, const double *solution) {
    const lip_network *net = r->task->net;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t i = 0; i < net->layer[l].width; ++i) {
            size_t unit = net->layer[l].offset + i;
            bool active = !net->layer[l].relu ||
                          lip_preactivation_phase(&r->task->bounds, unit) == LIP_ACTIVE;
            r->care[unit] = m->u[unit] != LIP_NO_COLUMN;
            if (r->care[unit]) active = solution[m->u[unit]] > 0.5;
            r->d[unit] = active ? 1 : 0;
        }
}

static lip_status offer_pattern(run *r, lip_error *err) {
    bool found;
    lip_status status = lip_miqcqp_interior(r->task->net, r->task->query->region, r->d, r->care,
                                            r->library, &r->task->watch, r->x, &found, err);
    if (status != LIP_OK || !found) return status;
    return lip_witness_offer(&r->witness, r->task, r->x, &r->rng, &r->offer, err);
}

static lip_status solve_part(run *r, size_t part, double tau, formulation *f, lip_error *err) {
    lip_miqcqp *model = NULL;
    lip_miqcqp_answer answer = {0};
    lip_miqcqp_options options = {part, tau};
    lip_status status =
        lip_miqcqp_create(r->task->net, &r->task->bounds, r->task->query, &options, &model, err);
    if (status != LIP_OK) return status;
    double *solution = LIP_NEW(double, model->columns);
    status = solution ? lip_miqcqp_solve(model, r->library, &r->task->watch, solution, &answer, err)
                      : lip_fail_memory(err);
    if (status == LIP_OK && answer.found) {
        take_pattern(r, model, solution);
        status = offer_pattern(r, err);
    }
    free(solution);
    lip_miqcqp_free(model);
    *f = (formulation){answer.value, answer.bound, answer.solved};
    return status;
}

/* ---- All parts --------------------------------------------------------------------------- */

static void add_part(formulation *all, const formulation *part) {
    all->value = fmax(all->value, part->value);
    all->bound = fmax(all->bound, part->bound);
    all->solved = all->solved && part->solved;
}

static lip_status solve_upper(run *r, formulation *all, lip_error *err) {
    *all = (formulation){.solved = true};
    for (size_t part = 0; part < r->parts; ++part) {
        formulation f = {0, INFINITY, false};
        if (part == 0 || !lip_watch_expired(&r->task->watch)) {
            lip_status status = solve_part(r, part, 0, &f, err);
            if (status != LIP_OK) return status;
        }
        r->bound[part] = f.bound;
        add_part(all, &f);
    }
    return LIP_OK;
}

/* Where the upper formulation leaves room above what is proved; elsewhere the lower one cannot have more. */
static lip_status solve_lower(run *r, formulation *all, lip_error *err) {
    *all = (formulation){r->offer.value, r->offer.value, true};
    for (size_t part = 0; part < r->parts; ++part) {
        formulation f = {0, INFINITY, false};
        if (r->bound[part] <= r->offer.value * (1 + AGREE)) continue;
        if (!lip_watch_expired(&r->task->watch)) {
            lip_status status = solve_part(r, part, LIP_MIQCQP_TAU, &f, err);
            if (status != LIP_OK) return status;
        }
        add_part(all, &f);
    }
    return LIP_OK;
}

/* ---- What there is to say ---------------------------------------------------------------- */

static void note_lower(const formulation *upper, const formulation *lower, lip_step *step) {
    char *note = step->note;
    if (!lower->solved)
        snprintf(note, sizeof step->note,
                 "upper formulation %.12g; its pattern has no interior point, and HiGHS did not "
                 "finish the lower one",
                 upper->bound);
    else if (lower->bound >= upper->bound * (1 - AGREE))
        snprintf(note, sizeof step->note,
                 "both formulations %.12g, but no interior point of the pattern was confirmed",
                 upper->bound);
    else
        snprintf(note, sizeof step->note,
                 "upper formulation %.12g, lower %.12g: the patterns between hold on boundaries of "
                 "cells only",
                 upper->bound, lower->bound);
}

static lip_status report(run *r, const formulation *upper, lip_step *step, lip_error *err) {
    formulation lower;
    step->value = upper->bound;
    step->complete = upper->solved;
    if (r->task->result->lower > upper->bound * (1 + AGREE)) {
        snprintf(step->note, sizeof step->note,
                 "HiGHS claims less than the proved lower bound: numerical difficulties");
        step->complete = false;
    } else if (!upper->solved) {
        snprintf(step->note, sizeof step->note,
                 "HiGHS did not finish; largest value found %.12g, confirmed %.12g", upper->value,
                 r->offer.value);
    } else if (r->offer.value >= upper->bound * (1 - AGREE)) {
        snprintf(step->note, sizeof step->note,
                 "both formulations %.12g: the optimal pattern has an interior point; exact if "
                 "HiGHS is right",
                 upper->bound);
    } else {
        lip_status status = solve_lower(r, &lower, err);
        if (status != LIP_OK) return status;
        step->complete = lower.solved;
        note_lower(upper, &lower, step);
    }
    return LIP_OK;
}

/* ---- The method -------------------------------------------------------------------------- */

lip_status lip_miqcqp_check(const lip_network *net, const lip_query *query, lip_error *err) {
    bool vector = query->output.kind == LIP_OUTPUT_ALL && lip_outputs(net) > 1;
    bool two = query->norm_in == LIP_NORM_2 || (vector && query->norm_out == LIP_NORM_2);
    if (query->region->kind != LIP_BOX)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "method 'miqcqp' needs a box, for its linearisation bounds every "
                        "pre-activation; the region is %s: use 'exact'",
                        query->region->kind == LIP_BALL ? "a ball" : "all of R^n");
    if (!two) return LIP_OK;
    return lip_fail(
        err, LIP_ARGUMENT, NULL,
        "method 'miqcqp' solves mixed-integer linear programs, expected norms 1 or inf, "
        "found 2: use 'exact' (lipcert export --format lp writes the quadratic program)");
}

static bool allocate(run *r) {
    const lip_network *net = r->task->net;
    r->parts = lip_lifted_parts(net, r->task->query);
    r->bound = LIP_NEW(double, r->parts);
    r->d = LIP_NEW(double, net->units);
    r->care = LIP_NEW(bool, net->units);
    r->x = LIP_NEW(double, lip_inputs(net));
    return r->bound && r->d && r->care && r->x;
}

static lip_status solve(run *r, lip_step *step, lip_error *err) {
    formulation upper;
    lip_error why = {0};
    if (!allocate(r)) return lip_fail_memory(err);
    lip_status status =
        lip_witness_create(r->task->net, r->task->query, &r->task->bounds, &r->witness, err);
    if (status != LIP_OK) return status;
    lip_rng_seed(&r->rng, (uint64_t)r->task->settings->seed);
    status = solve_upper(r, &upper, &why);
    if (status == LIP_OK) status = report(r, &upper, step, &why);
    if (status == LIP_UNSUPPORTED) {
        snprintf(step->note, sizeof step->note, "%.150s", why.message);
        step->complete = false;
        return LIP_OK;
    }
    return status == LIP_OK ? LIP_OK : lip_fail(err, status, NULL, "%s", why.message);
}

lip_status lip_miqcqp_method(lip_task *task, lip_step *step, lip_error *err) {
    lip_lp_library *library;
    lip_status status = lip_lp_library_open(&library, err);
    if (status != LIP_OK) return status;
    step->evidence = LIP_COMPUTED;
    if (!library) {
        snprintf(step->note, sizeof step->note,
                 "needs HiGHS for its mixed-integer programs, which was not found: tools/deps.sh "
                 "--highs, or LIPCERT_HIGHS");
        step->complete = false;
        return LIP_OK;
    }
    run r = {.task = task, .library = library};
    r.offer = (lip_step){.method = step->method, .side = LIP_LOWER, .evidence = LIP_PROVED};
    status = solve(&r, step, err);
    lip_witness_clear(&r.witness);
    free(r.bound);
    free(r.d);
    free(r.care);
    free(r.x);
    lip_lp_library_close(library);
    return status;
}
