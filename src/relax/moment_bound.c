/* The published hierarchies as methods: for every part of the question build the polynomial problem
 * and the relaxation, let DSDP propose an identity, repair it and prove it.
 *
 * F is scaled by a power of two so that its largest coefficient is about 1 for the solver. 
 * Multipliers scale with it, exactly. */
#include "relax/moment_bound.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/identity_text.h"
#include "problem/lifted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double TOLERANCE = 1e-9;

static void describe(const lip_sdp *sdp, lip_moment_report *report) {
    report->variables = sdp->variables;
    report->blocks = sdp->blocks;
    for (size_t b = 0; b < sdp->blocks; ++b)
        if (sdp->order[b] > report->largest) report->largest = sdp->order[b];
}

/* From the program's solution to a proved bound. */
static lip_status prove(const lip_relaxation *r, const lip_sdp *sdp, const double *y, double scale,
                        lip_watch *watch, lip_identity *identity, lip_moment_report *report,
                        lip_error *err) {
    bool repaired = false;
    double began = lip_clock_now();
    lip_status status = lip_relaxation_identity(r, sdp, y, scale, identity, err);
    if (status == LIP_OK) status = lip_identity_repair(r->problem, identity, watch, &repaired, err);
    if (status == LIP_OK && repaired)
        status = lip_identity_claim(r->problem, identity, &report->bound, &report->claim, err);
    report->prove_seconds = lip_clock_now() - began;
    return status;
}

static lip_status solve(const lip_relaxation *r, lip_watch *watch, lip_identity *identity,
                        lip_moment_report *report, lip_error *err) {
    lip_sdp sdp = {0};
    lip_sdp_answer answer = {0};
    double scale = lip_relaxation_scale(r), constant = 0, began = lip_clock_now();
    lip_status status = lip_relaxation_assemble(r, scale, &sdp, &constant, err);
    if (status == LIP_OK) {
        answer.y = LIP_NEW(double, sdp.variables);
        status =
            answer.y ? lip_dsdp_solve(&sdp, TOLERANCE, watch, &answer, err) : lip_fail_memory(err);
    }
    if (status == LIP_OK) describe(&sdp, report);
    report->solve_seconds = lip_clock_now() - began;
    report->value = (answer.value + constant) / scale;
    report->optimal = answer.optimal;
    report->iterations = answer.iterations;
    if (status == LIP_OK) status = prove(r, &sdp, answer.y, scale, watch, identity, report, err);
    free(answer.y);
    lip_sdp_clear(&sdp);
    return status;
}

lip_status lip_moment_bound(const lip_poly_problem *problem, lip_hierarchy hierarchy, size_t order,
                            lip_watch *watch, lip_identity *identity, lip_moment_report *report,
                            lip_error *err) {
    lip_relaxation *r = NULL;
    lip_identity own = {0}, *result = identity ? identity : &own;
    *report = (lip_moment_report){.value = INFINITY, .bound = INFINITY, .claim = INFINITY};
    if (problem->objective.count == 0) {
        report->value = 0;
        report->optimal = true;
        return lip_identity_claim(problem, result, &report->bound, &report->claim, err);
    }
    lip_status status = lip_relaxation_create(problem, hierarchy, order, &r, err);
    if (status == LIP_OK) status = solve(r, watch, result, report, err);
    lip_relaxation_free(r);
    lip_identity_clear(&own);
    return status;
}

/* ---- The method -------------------------------------------------------------------------- */

lip_poly_options lip_moment_options(lip_hierarchy hierarchy, size_t part) {
    return (lip_poly_options){.part = part,
                              .point = true,
                              .lifts = hierarchy == LIP_HIERARCHY_HR2,
                              .keep = hierarchy == LIP_HIERARCHY_HR1};
}

static lip_status bound_part(lip_task *task, lip_step *step, lip_hierarchy hierarchy, size_t order,
                             size_t part, lip_moment_report *report, lip_error *err) {
    lip_poly_problem *problem = NULL;
    lip_identity identity = {0};
    lip_error why = {0};
    lip_poly_options options = lip_moment_options(hierarchy, part);
    lip_status status =
        lip_poly_problem_create(task->net, &task->bounds, task->query, &options, &problem, &why);
    if (status == LIP_OK)
        status = lip_moment_bound(problem, hierarchy, order, &task->watch, &identity, report, &why);
    if (status == LIP_OK && report->bound < INFINITY) lip_identity_part(task, problem, &identity);
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
    if (status == LIP_UNSUPPORTED) {
        snprintf(step->note, sizeof step->note, "%.150s", why.message);
        report->bound = report->claim = INFINITY;
        status = LIP_OK;
    }
    return status == LIP_OK ? LIP_OK : lip_fail(err, status, NULL, "%s", why.message);
}

lip_status lip_moment_method(lip_task *task, lip_step *step, lip_hierarchy hierarchy, size_t order,
                             lip_error *err) {
    size_t parts = lip_lifted_parts(task->net, task->query);
    double most = 0;
    step->complete = true;
    lip_identity_statement(task, parts);
    for (size_t part = 0; part < parts && most < INFINITY; ++part) {
        lip_moment_report report = {.bound = INFINITY, .claim = INFINITY};
        lip_status status = bound_part(task, step, hierarchy, order, part, &report, err);
        if (status != LIP_OK) return status;
        most = fmax(most, report.claim);
        if (!report.optimal && report.bound < INFINITY)
            snprintf(step->note, sizeof step->note,
                     "DSDP stopped before its tolerance: the relaxation may give a little less");
        if (report.bound == INFINITY && !step->note[0])
            snprintf(step->note, sizeof step->note,
                     "%zu multipliers, blocks up to %zu rows: DSDP proposed nothing that could be "
                     "proved",
                     report.variables, report.largest);
        if (part + 1 < parts && lip_watch_expired(&task->watch)) most = INFINITY;
    }
    if (task->watch.stop != LIP_FINISHED || most == INFINITY) step->complete = false;
    if (most < INFINITY)
        step->value = lip_claim(most);
    else
        lip_statement_clear(&task->statement);
    return LIP_OK;
}

lip_status lip_hr1_method(lip_task *task, lip_step *step, lip_error *err) {
    return lip_moment_method(task, step, LIP_HIERARCHY_HR1, 1, err);
}

lip_status lip_hr2_blocks_method(lip_task *task, lip_step *step, lip_error *err) {
    return lip_moment_method(task, step, LIP_HIERARCHY_HR2, 2, err);
}

lip_status lip_lasserre_method(lip_task *task, lip_step *step, lip_error *err) {
    return lip_moment_method(task, step, LIP_HIERARCHY_LASSERRE, (size_t)task->settings->order,
                             err);
}
