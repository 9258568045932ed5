/* The method `search`: every heuristic for lower bounds in turn, one incumbent.
 *
 * It starts with a sweep of annealed ascent (search/ascent.c) and a climb from its best point
 * (search/climb.c).  Then rounds of different kinds follow each other:
 *
 *   formal     a random pattern, improved without regard to the region (search/formal.c), made
 *              attainable (search/hunt.c), climbed from
 *   random     a random point of the region; the pattern that its direction asks for, made attainable
 *   nearby     the same from the best point so far with the importance of the phases disturbed
 *   lines      exact line searches from the best point so far (search/line.c)
 *   ascent     another sweep, half of it starting near the best point
 *
 * Each kind gets the same work, more if it set records (which kinds do depends on the network and the
 * region).  What a round costs is measured in work (multiplications), not in seconds, so that the same seed gives
 * the same bound wherever time does not run out.  The search ends after --rounds rounds in a row without a
 * new record, provided that they cost a minimum of work in proportion to --rounds (rounds of small networks take microseconds). */
#include "base/error.h"
#include "search/ascent.h"
#include "search/hunt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Work without a record before the search may end, for 30 rounds: so much, and so much per neuron that is not
 * stable. */
static const double least_work = 1e7, least_per_neuron = 4e6;

enum { FORMAL_TRIES = 16, FORMAL_FRESH = 4 }; /* batches per round, of which fresh */

enum { MOST_KINDS = 8 };

typedef struct search {
    lip_hunt hunt;
    lip_ascent *ascent;
    int sweeps, formal_rounds; /* done */
    double sweep_work;         /* multiplications in sweeps */
    double spent[MOST_KINDS],
        records[MOST_KINDS]; /* per kind of round: work, and how often it paid */
} search;

static double work(const search *s) { return lip_hunt_work(&s->hunt) + s->sweep_work; }

/* xi = the best witness, which another method or a sweep may have found. */
static void go_to_witness(search *s) {
    lip_hunt *hunt = &s->hunt;
    const double *x = hunt->task->result->witness_x;
    for (size_t i = 0; i < hunt->n; ++i) {
        double half = hunt->chart.half[i];
        hunt->xi[i] = half > 0 ? (x[i] - hunt->chart.centre[i]) / half : 0;
    }
}

static void go_to_best(search *s) {
    lip_hunt *hunt = &s->hunt;
    memcpy(hunt->xi, hunt->best_xi, hunt->n * sizeof *hunt->xi);
}

static size_t idle_moves(const search *s) {
    size_t neurons = s->hunt.here.neurons;
    return 4 + (neurons < 16 ? neurons : 16);
}

/* Climb from xi. */
static lip_status climb_from(search *s, lip_error *err) {
    lip_status status = lip_hunt_locate(&s->hunt, err);
    return status == LIP_OK ? lip_hunt_climb(&s->hunt, idle_moves(s), err) : status;
}

/* ---- Kinds of rounds --------------------------------------------------------------------- */

static lip_status sweep_round(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    int steps = hunt->task->settings->steps;
    if (s->sweeps == 0 && steps > 100) steps = 100;
    double found = hunt->task->result->lower;
    lip_status status =
        lip_ascent_sweep(s->ascent, s->sweeps++, steps, hunt->deadline, hunt->step, err);
    s->sweep_work += steps * lip_ascent_step_work(s->ascent);
    if (status != LIP_OK || !hunt->task->result->witness_x) return status;
    if (s->sweeps > 1 && !(hunt->task->result->lower > found)) return LIP_OK;
    go_to_witness(s);
    return climb_from(s, err);
}

/* As many directions at once as fit about 32 MiB. */
static size_t batch_size(const lip_network *net) {
    size_t fit = ((size_t)1 << 20) / net->units;
    return fit < 1 ? 1 : fit > 64 ? 64 : fit;
}

/* A pattern that is locally best for the formal norm, in trial: from random ones, or from the best so far
 * disturbed. */
static lip_status formal_pattern(search *s, bool fresh, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    lip_cell *cell = &hunt->trial;
    fresh = fresh || hunt->formal_value == 0;
    if (!fresh) lip_cell_take(cell, hunt->formal);
    lip_status status = lip_formal_batch(cell, batch_size(hunt->net), fresh, &hunt->rng, err);
    if (status == LIP_OK) status = lip_formal_alternate(cell, err);
    if (status == LIP_OK && cell->value > 0.97 * hunt->formal_value)
        status = lip_formal_flips(cell, &hunt->task->watch, err);
    if (status != LIP_OK || !(cell->value > hunt->formal_value)) return status;
    hunt->formal_value = cell->value;
    memcpy(hunt->formal, cell->d, hunt->net->units * sizeof *hunt->formal);
    return status;
}

/* Patterns below the record are not worth the trouble of attaining them. */
static lip_status formal_round(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    lip_cell *cell = &hunt->trial;
    lip_status status = LIP_OK;
    bool all;
    double enough = hunt->best * (1 + 1e-9);
    for (int i = 0; status == LIP_OK && i < FORMAL_TRIES && !lip_hunt_expired(hunt); ++i) {
        status = formal_pattern(s, s->formal_rounds % 2 == 0 && i < FORMAL_FRESH, err);
        if (i + 1 >= FORMAL_FRESH && cell->value > enough) break;
    }
    ++s->formal_rounds;
    if (status != LIP_OK || !(cell->value > enough)) return status;
    if (!lip_cell_update(cell, true)) return lip_fail_memory(err);
    lip_hunt_wishes(hunt, cell);
    memcpy(hunt->want, cell->d, hunt->net->units * sizeof *hunt->want);
    status = lip_hunt_attain(hunt, hunt->want, hunt->weight, &all, err);
    return status == LIP_OK ? lip_hunt_climb(hunt, idle_moves(s), err) : status;
}

static lip_status random_round(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    lip_chart_draw(&hunt->chart, &hunt->rng, 1, 0, hunt->xi);
    lip_status status = lip_hunt_locate(hunt, err);
    if (status == LIP_OK) status = lip_hunt_alternate(hunt, err);
    return status == LIP_OK ? lip_hunt_climb(hunt, idle_moves(s), err) : status;
}

static lip_status nearby_round(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    bool all;
    go_to_best(s);
    lip_status status = lip_hunt_locate(hunt, err);
    if (status != LIP_OK) return status;
    lip_hunt_wishes(hunt, &hunt->here);
    double spread = 2 * lip_rng_uniform(&hunt->rng);
    for (size_t i = 0; i < hunt->here.neurons; ++i)
        hunt->weight[hunt->here.unit[i]] *= exp(spread * lip_rng_gaussian(&hunt->rng));
    status = lip_hunt_attain(hunt, hunt->want, hunt->weight, &all, err);
    if (status == LIP_OK) status = lip_hunt_alternate(hunt, err);
    return status == LIP_OK ? lip_hunt_climb(hunt, idle_moves(s), err) : status;
}

/* A direction: one coordinate, the normal of one hyperplane, towards a vertex, or a random one. */
static void choose_line(search *s, size_t kind) {
    lip_hunt *hunt = &s->hunt;
    lip_rng *rng = &hunt->rng;
    size_t n = hunt->n, count = hunt->here.neurons;
    memset(hunt->direction, 0, n * sizeof *hunt->direction);
    size_t unit = count > 0 ? hunt->here.unit[lip_rng_next(rng) % count] : 0;
    for (size_t i = 0; i < n; ++i) {
        double random = lip_rng_gaussian(rng);
        if (kind == 1 && count > 0)
            hunt->direction[i] = hunt->here.slope[unit * n + i] * hunt->chart.half[i];
        else if (kind == 2)
            hunt->direction[i] = (random > 0 ? 1 : -1) - hunt->xi[i];
        else if (kind == 3)
            hunt->direction[i] = random;
    }
    if (kind == 0) hunt->direction[lip_rng_next(rng) % n] = 1;
}

static lip_status line_round(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    bool any = false;
    go_to_best(s);
    lip_status status = lip_hunt_locate(hunt, err);
    for (size_t i = 0; status == LIP_OK && i < 32 + hunt->n && !lip_hunt_expired(hunt); ++i) {
        bool improved;
        choose_line(s, i % 4);
        status = lip_hunt_line(hunt, &improved, err);
        any = any || improved;
    }
    return status == LIP_OK && any ? lip_hunt_climb(hunt, idle_moves(s), err) : status;
}

/* ---- The whole --------------------------------------------------------------------------- */

typedef lip_status (*round_fn)(search *s, lip_error *err);
static const round_fn kinds[] = {formal_round, random_round, nearby_round, line_round, sweep_round};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* The kind that has had least work so far, work being divided by 1 + three times its records. */
static size_t next_kind(const search *s) {
    size_t best = 0;
    for (size_t i = 1; i < KINDS; ++i)
        if (s->spent[i] / (1 + 3 * s->records[i]) < s->spent[best] / (1 + 3 * s->records[best]))
            best = i;
    return best;
}

static lip_status rounds(search *s, lip_error *err) {
    lip_hunt *hunt = &s->hunt;
    int idle = 0, most = hunt->task->settings->rounds;
    double last = work(s);
    double least = (least_work + least_per_neuron * (double)hunt->here.neurons) * most / 30;
    lip_status status = LIP_OK;
    while (status == LIP_OK && !lip_hunt_expired(hunt)) {
        double before = hunt->step->value, start = work(s);
        size_t kind = next_kind(s);
        status = kinds[kind](s, err);
        bool record = hunt->step->value > before * (1 + 1e-12);
        s->spent[kind] += work(s) - start + 1;
        s->records[kind] += record;
        idle = record ? 0 : idle + 1;
        if (record) last = work(s);
        if (idle >= most && work(s) - last >= least + last / 2) break;
    }
    return status;
}

/* Without cells: sweeps only. */
static bool cells_fit(const lip_network *net) {
    return lip_inputs(net) <= LIP_CELL_LARGEST / net->units;
}

static lip_status sweeps_only(search *s, lip_task *task, lip_step *step, double deadline,
                              lip_error *err) {
    lip_status status = LIP_OK;
    for (int i = 0; status == LIP_OK && i < task->settings->sweeps; ++i) {
        if (lip_watch_expired(&task->watch) || lip_clock_now() >= deadline) break;
        status = lip_ascent_sweep(s->ascent, i, task->settings->steps, deadline, step, err);
    }
    return status;
}

static lip_status with_cells(search *s, lip_task *task, lip_step *step, double deadline,
                             lip_error *err) {
    lip_status status = lip_hunt_create(task, step, &s->hunt, err);
    s->hunt.deadline = deadline;
    if (status == LIP_OK) status = lip_hunt_locate(&s->hunt, err);
    if (status == LIP_OK && s->hunt.here.neurons > 0) status = sweep_round(s, err);
    if (status == LIP_OK && s->hunt.here.neurons > 0) status = rounds(s, err);
    if (status == LIP_OK) lip_witness_explain(&s->hunt.witness, step);
    lip_hunt_clear(&s->hunt);
    return status;
}

/* Of the time limit: branch and bound, if auto goes on with it, finds lower bounds of its own. */
static const double ALONE = 1.0 / 3, BEFORE_EXACT = 0.2;

lip_status lip_search_method(lip_task *task, lip_step *step, lip_error *err) {
    search s;
    memset(&s, 0, sizeof s);
    double share = task->by_auto && lip_exact_fits(task) ? BEFORE_EXACT : ALONE;
    double deadline = lip_clock_now() + share * task->settings->time_limit;
    lip_status status = lip_ascent_create(task, task->settings->starts, &s.ascent, err);
    if (status != LIP_OK) return status;
    status = cells_fit(task->net) ? with_cells(&s, task, step, deadline, err)
                                  : sweeps_only(&s, task, step, deadline, err);
    bool late = task->watch.stop == LIP_FINISHED && lip_clock_now() >= deadline;
    if (late) task->early = LIP_OUT_OF_SHARE;
    if (late && !step->note[0])
        snprintf(step->note, sizeof step->note, "stopped after its share of --time");
    step->complete = status == LIP_OK && task->watch.stop == LIP_FINISHED && !late;
    lip_ascent_free(s.ascent);
    return status;
}
