/* The stages of hr2 and tight for large lifted problems: one low-rank factor (solve/lowrank.h) that goes
 * through all of them, while cuts come and go.
 *
 *     start     nothing but the groups: the bound of Shor, proved at once
 *     base      the families of hr2
 *     cuts      with the constant 1 in the first rounds, then triangles of any three variables
 *
 * A round of cuts drops those without a multiplier, adds those that X = V V' violates most, and updates the
 * multipliers a few times.  What the multipliers are worth is seen only where the gradient vanishes, so a
 * proof begins with a copy of the factor, minimised for multipliers that stay as they are; that gives the y,
 * and they are good enough for lip_repair without further improvement. */
#include "base/error.h"
#include "base/memory.h"
#include "problem/triangles.h"
#include "relax/tight.h"
#include "solve/lowrank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BASE_ROUNDS = 20, /* updates of multipliers, and steps of L-BFGS between them */
    BASE_STEPS = 60,
    BASE_RUNS = 4,
    SHORT_ROUNDS = 4, /* while many triangles are missing */
    SHORT_STEPS = 30,
    LONG_ROUNDS = 10,
    LONG_STEPS = 150,
    POLISH_STEPS = 200,
    WITH_ONE = 2, /* rounds of triangles with 1 */
    SHORT = 6,    /* short rounds of cuts in all */
    PROOF_EVERY = 3,
    MOST = 1000, /* rounds of cuts */
    CUTS_PER_VARIABLE = 45
};

static const double BASE_PENALTY = 10, CUT_PENALTY = 3, LONG_PENALTY = 0.3; /* at most */
static const double FIRST_CUT_PENALTY = 1;
static const double TOLERANCE = 1e-5, POLISHED = 1e-4; /* relative */
static const double LITTLE = 1e-4;       /* relative gain of a proved bound: enough of this */
static const double REPAIR_TIME = 4e-10; /* seconds, times n^3, before one was measured */
static const double RANK_OF_CUTS = 2;    /* relative to that of the base */
static const double RANK_OF_LONG = 1.3;  /* relative to that */
static const double LATER = 1.3;         /* a repair may take longer than the last one */
static const double LATER_PROOF = 2.5;   /* and all the more a proof */

typedef struct large {
    lip_stages *q;
    lip_lowrank factor;
    double polish_time, repair_time; /* of the last proof */
} large;

static lip_status run(large *w, lip_lowrank *factor, lip_multipliers *m,
                      const lip_lowrank_options *wanted, double deadline, double *value,
                      lip_error *err) {
    lip_watch watch = w->q->task->watch;
    lip_lowrank_options options = *wanted;
    lip_lowrank_report report = {0};
    watch.deadline = deadline;
    if (watch.stop == LIP_OUT_OF_TIME)
        watch.stop = LIP_FINISHED; /* only now, with time in reserve */
    options.watch = &watch;
    lip_status status = lip_lowrank_run(w->q->lifted, &options, factor, m, &report, err);
    if (!wanted->fixed) lip_tight_stopped(w->q, watch.stop);
    *value = report.value;
    return status;
}

/* For the solver: before the last proof. */
static double solver_deadline(const large *w) {
    return lip_tight_deadline(w->q, LATER_PROOF * (w->polish_time + w->repair_time));
}

/* ---- Proofs ------------------------------------------------------------------------------ */

/* The best y for the multipliers, and what that proves; both change. */
static lip_status polish_and_prove(large *w, lip_lowrank *factor, lip_multipliers *m,
                                   lip_error *err) {
    lip_lowrank_options options = {.rounds = 1,
                                   .steps = POLISH_STEPS,
                                   .tolerance = POLISHED,
                                   .most_penalty = CUT_PENALTY,
                                   .fixed = true};
    double started = lip_clock_now(), value;
    double deadline = w->q->task->watch.deadline - LATER * w->repair_time;
    lip_status status = run(w, factor, m, &options, fmax(started, deadline), &value, err);
    if (status != LIP_OK) return status;
    double polished = lip_clock_now();
    status = lip_tight_prove(w->q, m, value, 0, err);
    w->polish_time = polished - started;
    w->repair_time = lip_clock_now() - polished;
    return status;
}

/* The same with copies: multipliers that are not the best yet would lead the factor astray. */
static lip_status prove(large *w, lip_error *err) {
    const lip_lifted *lifted = w->q->lifted;
    size_t count = lip_family_multipliers(lifted);
    lip_multipliers m = {LIP_NEW(double, lifted->groups), LIP_NEW(double, count)};
    lip_lowrank copy = {0};
    lip_status status = LIP_OK;
    if (!m.y || !m.lambda || !lip_lowrank_copy(&w->factor, &copy)) status = lip_fail_memory(err);
    if (status == LIP_OK) {
        memcpy(m.lambda, w->q->m.lambda, count * sizeof *m.lambda);
        status = polish_and_prove(w, &copy, &m, err);
    }
    lip_lowrank_clear(&copy);
    free(m.y);
    free(m.lambda);
    return status;
}

/* ---- Base -------------------------------------------------------------------------------- */

static lip_status base(large *w, bool once, lip_error *err) {
    lip_lowrank_options options = {.rounds = BASE_ROUNDS,
                                   .steps = BASE_STEPS,
                                   .tolerance = TOLERANCE,
                                   .most_penalty = BASE_PENALTY};
    /* with a copy: V as the start leaves it has few columns that matter, and ends at a worse bound */
    lip_status status = prove(w, err);
    if (lip_family_multipliers(w->q->lifted) == 0) return status;
    for (int k = 0; status == LIP_OK && k < BASE_RUNS && !lip_tight_over(w->q); ++k) {
        double before = w->q->best, value;
        status = run(w, &w->factor, &w->q->m, &options, solver_deadline(w), &value, err);
        if (status == LIP_OK) status = prove(w, err);
        if (once || !(w->q->best < before * (1 - LITTLE))) break;
    }
    return status;
}

/* ---- Cuts -------------------------------------------------------------------------------- */

/* Cuts without a multiplier go.  False: out of memory. */
static bool drop_inactive(large *w) {
    lip_lifted *lifted = w->q->lifted;
    size_t count = lip_family_separated(lifted);
    const double *lambda = w->q->m.lambda + lip_family_place(lifted, LIP_FAMILY_TRIANGLE, 0);
    bool *keep = LIP_NEW(bool, count);
    if (!keep) return false;
    for (size_t k = 0; k < count; ++k) keep[k] = lambda[k] > 0;
    bool ok = lip_family_keep(lifted, keep, w->q->m.lambda);
    free(keep);
    return ok;
}

/* What X violates; multipliers of new ones are 0.  False: out of memory. */
static bool add_cuts(large *w, bool general, size_t most, size_t *added) {
    lip_stages *q = w->q;
    lip_lifted *lifted = q->lifted;
    size_t products = lip_family_count(lifted, LIP_FAMILY_PRODUCT);
    size_t end = lip_family_place(lifted, LIP_FAMILY_PRODUCT, 0);
    if (!lip_lowrank_moments(lifted, &w->factor, q->primal)) return false;
    if (!lip_triangles_separate(lifted, q->primal, general, most, added)) return false;
    double *lambda = LIP_NEW(double, lip_family_multipliers(lifted));
    if (!lambda) return false;
    memcpy(lambda, q->m.lambda, end * sizeof *lambda);
    memcpy(lambda + end + *added, q->m.lambda + end, products * sizeof *lambda);
    free(q->m.lambda);
    q->m.lambda = lambda;
    return true;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* False: out of memory. */
static bool enlarge(large *w, double factor) {
    size_t n = w->q->lifted->n, rank = smaller(n, (size_t)(factor * (double)w->factor.rank));
    return lip_lowrank_resize(w->q->lifted, rank, rank, &w->factor);
}

/* Short rounds first, to find the triangles that matter, then long ones. */
static lip_status cut_round(large *w, int round, lip_error *err) {
    bool early = round < SHORT;
    lip_lowrank_options options = {.rounds = early ? SHORT_ROUNDS : LONG_ROUNDS,
                                   .steps = early ? SHORT_STEPS : LONG_STEPS,
                                   .tolerance = TOLERANCE,
                                   .most_penalty = early ? CUT_PENALTY : LONG_PENALTY,
                                   .single = early};
    size_t most = CUTS_PER_VARIABLE * w->q->lifted->n, added;
    double value;
    if (round == SHORT && !enlarge(w, RANK_OF_LONG)) return lip_fail_memory(err);
    w->factor.penalty = fmin(w->factor.penalty, options.most_penalty);
    if (!drop_inactive(w) || !add_cuts(w, round >= WITH_ONE, most, &added))
        return lip_fail_memory(err);
    return run(w, &w->factor, &w->q->m, &options, solver_deadline(w), &value, err);
}

static lip_status cuts(large *w, lip_error *err) {
    lip_status status = LIP_OK;
    w->factor.penalty = FIRST_CUT_PENALTY;
    for (int k = 0, idle = 0; status == LIP_OK && k < MOST && idle < 2; ++k) {
        double before = w->q->best;
        if (lip_tight_over(w->q)) break;
        status = cut_round(w, k, err);
        if (status != LIP_OK || (k < SHORT && (k + 1) % PROOF_EVERY != 0 && !w->q->cut_short))
            continue;
        status = prove(w, err);
        idle = k < SHORT || w->q->best < before * (1 - LITTLE) ? 0 : idle + 1;
    }
    return status;
}

/* ---- All of it --------------------------------------------------------------------------- */

lip_status lip_tight_large(lip_stages *q, bool tight, lip_error *err) {
    size_t n = q->lifted->n, rank = smaller(n, (size_t)sqrt(2 * (double)n) + 1);
    large w = {.q = q, .repair_time = REPAIR_TIME * (double)n * (double)n * (double)n};
    lip_status status =
        lip_lowrank_create(q->lifted, rank, 1, &w.factor) ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) status = base(&w, tight, err);
    if (status == LIP_OK && tight && !lip_tight_over(q))
        status = enlarge(&w, RANK_OF_CUTS) ? cuts(&w, err) : lip_fail_memory(err);
    lip_lowrank_clear(&w.factor);
    return status;
}
