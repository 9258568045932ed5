/* All margins f_i - f_j in one call.
 *
 * A margin is a question of its own: its relaxations have their own multipliers and its best points lie
 * elsewhere.  What margins have in common is shared:
 *
 *   bounds     pre-activation bounds depend on the network and the region only: found once
 *   points     a witness of one margin gives a lower bound for every other.  One reverse pass yields the
 *              whole Jacobian at the point, hence the gradients of all margins; where such a norm beats
 *              what is known it is proved like any other witness.  Searches that come later start there.
 *   meeting    as soon as lower and upper bound of a margin agree it is done.  So upper bounds come
 *              before searches: a search that cannot gain anything is never begun.
 *   time       method by method, each for all margins, so that everything cheap is done before
 *              anything is expensive.  A method gets a share of the time that is left, by its weight,
 *              and every margin an even share of that; what it does not use goes to those after it.
 *              When all methods are through, margins that were cut short, by the end of the share or by
 *              themselves for want of time, are taken up again, the one with the largest gap first, with at
 *              least twice the time.
 *
 * As long as time does not run out, nothing depends on the clock. */
#include "base/error.h"
#include "base/floating.h"
#include "base/listener.h"
#include "base/memory.h"
#include "bound/methods.h"
#include "bound/run.h"
#include "linalg/norms.h"
#include "search/direction.h"
#include "search/witness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OUTPUTS = 128, FIRST_METHOD = 1 };

static const size_t MOST_COTANGENTS = (size_t)1
                                      << 26; /* numbers of a whole Jacobian's reverse pass */
static const double LEAST_SHARE = 1e-3;      /* seconds */
static const double MEETING = 1e-9;          /* relative gap of a margin that is done */
static const double RECORD =
    1e-9; /* gain below which a point of another margin is not worth a proof */

typedef struct margin {
    lip_query query;
    lip_settings settings; /* time_limit is that of the running method */
    lip_task task;
    double had[LIP_MOST_METHODS]; /* time that a method ran out of; 0: there is none such */
    bool todo[LIP_MOST_METHODS];
    const char *early[LIP_MOST_METHODS]; /* why it ended before its watch; NULL: it did not */
    size_t shared; /* the step of points found for other margins; LIP_MOST_METHODS: none yet */
} margin;

typedef struct call {
    const lip_network *net;
    size_t outputs, pairs;
    margin *margin;
    double started, limit, deadline; /* limit: of the whole call, in seconds */
    lip_listener caller;
    double lower, upper; /* bounds on the largest L_ij when the running method began */
    /* the Jacobian at one point: values and cotangents; NULL if that were too many numbers */
    double *h, *z, *d, *g, *difference;
} call;

size_t lip_margin_number(size_t m, size_t i, size_t j) {
    return i * (2 * m - i - 1) / 2 + (j - i - 1);
}

/* ---- Which margins still need work ------------------------------------------------------- */

static bool meet(double lower, double upper) { return lower >= upper * (1 - MEETING); }

static bool done(const margin *a) { return meet(a->task.result->lower, a->task.result->upper); }

static double gap(const margin *a) {
    const lip_result *result = a->task.result;
    return result->upper < INFINITY ? 1 - result->lower / result->upper : 1;
}

/* Time is up or the caller has had enough. */
static bool over(const call *c) { return c->caller.stopped || lip_clock_now() >= c->deadline; }

static void update_largest(call *c) {
    c->lower = c->upper = 0;
    for (size_t k = 0; k < c->pairs; ++k) {
        c->lower = fmax(c->lower, c->margin[k].task.result->lower);
        c->upper = fmax(c->upper, c->margin[k].task.result->upper);
    }
}

/* A lip_progress_fn between the watch of one margin and the caller: stops a margin whose bounds meet. */
static bool look(const lip_progress *now, void *user) {
    call *c = user;
    lip_progress all = {now->method, fmax(c->lower, now->lower), c->upper,
                        lip_clock_now() - c->started};
    return lip_listen(&all, &c->caller) || meet(now->lower, now->upper);
}

/* ---- One method for one margin ----------------------------------------------------------- */

/* Time of its own for the margin's next piece of work. */
static void arm(call *c, margin *a, double seconds) {
    lip_watch *watch = &a->task.watch;
    const lip_result *result = a->task.result;
    watch->stop = LIP_FINISHED;
    watch->deadline = fmin(c->deadline, lip_clock_now() + seconds);
    watch->bounds.lower = result->lower;
    watch->bounds.upper = result->upper;
    a->settings.time_limit = fmin(c->limit, seconds);
    update_largest(c);
}

/* Why a step was cut short, unless the method says it: what a single question says would be wrong. */
static void explain(const call *c, const margin *a, lip_step *step) {
    bool plain = strcmp(step->note, "interrupted") == 0 || strcmp(step->note, "out of time") == 0;
    if (!step->complete && a->task.watch.stop == LIP_FINISHED && a->task.early && !step->note[0])
        snprintf(step->note, sizeof step->note, "%s", a->task.early);
    if (step->complete || a->task.watch.stop == LIP_FINISHED || !plain) return;
    const char *why = c->caller.stopped ? "interrupted"
                      : done(a)         ? "ended, the bounds have met"
                      : over(c)         ? "out of time"
                                        : "out of its share of the time";
    snprintf(step->note, sizeof step->note, "%s", why);
}

/* A second attempt takes the place of the first. */
static void merge(const margin *a, lip_step *step) {
    lip_result *result = a->task.result;
    for (size_t i = 0; &result->step[i] < step; ++i) {
        lip_step *old = &result->step[i];
        if (i == a->shared || old->method != step->method) continue;
        bool lower = step->side == LIP_LOWER;
        step->seconds += old->seconds;
        step->value = lower ? fmax(step->value, old->value) : fmin(step->value, old->value);
        *old = *step;
        --result->steps;
        return;
    }
}

/* What is left to do of a method that has run for so many seconds.  More time helps where time was short, not
 * where something else was. */
static void remember(margin *a, size_t method, const lip_step *step, double seconds) {
    bool cut = a->task.watch.stop != LIP_FINISHED;
    const char *early = step->complete || cut ? NULL : a->task.early;
    bool short_of_time = cut || (early && strcmp(early, LIP_OUT_OF_SHARE) == 0);
    a->todo[method] = !step->complete && (cut || early);
    a->early[method] = early;
    a->had[method] = a->todo[method] && short_of_time ? fmax(seconds, LEAST_SHARE) : 0;
}

static lip_status run(call *c, margin *a, size_t method, double seconds, lip_error *err) {
    lip_result *result = a->task.result;
    arm(c, a, seconds);
    /* search takes a third of the limit: here it gets a share of its own, and the watch ends it */
    if (lip_method_function(method) == lip_search_method) a->settings.time_limit = 4 * seconds;
    lip_status status = lip_run_method(&a->task, method, err);
    if (status == LIP_OK) status = lip_run_check(result, err);
    if (status != LIP_OK) return status;
    lip_step *step = &result->step[result->steps - 1];
    explain(c, a, step);
    remember(a, method, step, seconds);
    merge(a, step);
    return LIP_OK;
}

/* ---- Points of one margin for the others ------------------------------------------------- */

static bool sharing_create(call *c) {
    size_t units = c->net->units, block;
    if (!lip_multiply_sizes(units, c->outputs, &block)) return false;
    if (block > MOST_COTANGENTS) return true;
    c->h = LIP_NEW(double, 3 * units);
    c->g = LIP_NEW(double, block);
    c->difference = LIP_NEW(double, lip_inputs(c->net));
    if (!c->h || !c->g || !c->difference) return false;
    c->z = c->h + units;
    c->d = c->z + units;
    return true;
}

/* g's input block = J(x)', one column for each output. */
static void whole_jacobian(call *c, const double *x) {
    const lip_network *net = c->net;
    lip_output all = {LIP_OUTPUT_ALL, 0, 0};
    memcpy(c->h, x, lip_inputs(net) * sizeof *x);
    lip_forward(net, 1, c->h, c->z);
    lip_pattern(net, c->z, c->d);
    memset(c->g, 0, net->units * c->outputs * sizeof *c->g);
    lip_output_block(net, &all, c->g + net->layer[net->layers].offset * c->outputs);
    lip_reverse(net, c->outputs, c->d, c->g);
}

/* The norm of a margin's gradient in that Jacobian, floating point. */
static double gradient_norm(const call *c, const margin *a) {
    size_t n = lip_inputs(c->net), m = c->outputs;
    for (size_t i = 0; i < n; ++i)
        c->difference[i] = c->g[i * m + a->query.output.i] - c->g[i * m + a->query.output.j];
    return lip_plain_norm(n, c->difference, lip_norm_dual(a->query.norm_in));
}

/* Prove the gradient norm at x; a record is one more step of the margin, or replaces the last such step. */
static lip_status offer(call *c, margin *a, const double *x, const margin *from, lip_error *err) {
    lip_result *result = a->task.result;
    lip_witness witness;
    lip_rng rng;
    lip_step step = {.method = from->task.result->lower_method,
                     .side = LIP_LOWER,
                     .evidence = LIP_PROVED,
                     .complete = true};
    double before = result->lower, started = lip_clock_now();
    arm(c, a, INFINITY);
    lip_rng_seed(&rng, (uint64_t)a->settings.seed);
    lip_status status = lip_witness_create(c->net, &a->query, &a->task.bounds, &witness, err);
    if (status != LIP_OK) return status;
    status = lip_witness_offer(&witness, &a->task, x, &rng, &step, err);
    lip_witness_clear(&witness);
    if (status != LIP_OK || !(result->lower > before)) return status;
    if (a->shared == LIP_MOST_METHODS) a->shared = result->steps++;
    step.seconds = result->step[a->shared].seconds + lip_clock_now() - started;
    snprintf(step.note, sizeof step.note, "at the witness of margin %zu,%zu", from->query.output.i,
             from->query.output.j);
    result->step[a->shared] = step;
    return lip_run_check(result, err);
}

/* Try the witness of one margin for all others. */
static lip_status share_witness(call *c, const margin *from, lip_error *err) {
    const double *x = from->task.result->witness_x;
    lip_status status = LIP_OK;
    if (!c->g || !x) return LIP_OK;
    whole_jacobian(c, x);
    for (size_t k = 0; status == LIP_OK && k < c->pairs && !over(c); ++k) {
        margin *a = &c->margin[k];
        if (a == from || done(a)) continue;
        if (gradient_norm(c, a) > a->task.result->lower * (1 + RECORD))
            status = offer(c, a, x, from, err);
    }
    return status;
}

static lip_status run_and_share(call *c, margin *a, size_t method, double seconds, lip_error *err) {
    double before = a->task.result->lower;
    lip_status status = run(c, a, method, seconds, err);
    if (status != LIP_OK || !(a->task.result->lower > before)) return status;
    return share_witness(c, a, err);
}

/* ---- All methods for all margins --------------------------------------------------------- */

/* Searches come behind the upper bounds, and the method that takes as long as it may last. */
static int rank(size_t method) {
    lip_method_fn f = lip_method_function(method);
    return f == lip_tight_method ? 2 : f == lip_ascent_method || f == lip_search_method ? 1 : 0;
}

/* What a method gets of the time, relative to others. */
static double weight(size_t method) {
    lip_method_fn f = lip_method_function(method);
    return f == lip_tight_method                                                           ? 6
           : f == lip_interval_method || f == lip_point_method || f == lip_sampling_method ? 1
                                                                                           : 3;
}

/* The chosen methods from the second on in the order in which they run; how many. */
static size_t plan(const bool *chosen, size_t order[LIP_MOST_METHODS]) {
    size_t count = 0;
    for (int r = 0; r < 3; ++r)
        for (size_t i = FIRST_METHOD + 1; i < lip_method_count(); ++i)
            if (chosen[i] && rank(i) == r) order[count++] = i;
    return count;
}

/* One method for all margins in `seconds`. */
static lip_status run_level(call *c, size_t method, double seconds, lip_error *err) {
    double end = lip_clock_now() + seconds;
    lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && k < c->pairs && !over(c); ++k) {
        size_t left = 0;
        if (done(&c->margin[k])) continue;
        for (size_t i = k; i < c->pairs; ++i)
            if (!done(&c->margin[i])) ++left;
        double share = (end - lip_clock_now()) / (double)left;
        status = run_and_share(c, &c->margin[k], method, fmax(share, 0), err);
    }
    return status;
}

static lip_status run_levels(call *c, const bool *chosen, lip_error *err) {
    size_t order[LIP_MOST_METHODS], count = plan(chosen, order);
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count && !over(c); ++i) {
        double total = 0, left = c->deadline - lip_clock_now();
        for (size_t k = i; k < count; ++k) total += weight(order[k]);
        status = run_level(c, order[i], left * (weight(order[i]) / total), err);
    }
    return status;
}

/* What a second attempt of a method gets: with no more than before it would end where it ended. */
static double again(const margin *a, size_t method) { return 2 * a->had[method]; }

/* The margin with the largest gap that has a method to go on with in so many seconds; NULL if there is none. */
static margin *worst(const call *c, double seconds, size_t *method) {
    margin *found = NULL;
    for (size_t k = 0; k < c->pairs; ++k) {
        margin *a = &c->margin[k];
        if (done(a) || (found && !(gap(a) > gap(found)))) continue;
        for (size_t i = FIRST_METHOD + 1; i < lip_method_count(); ++i) {
            if (!a->todo[i] || a->had[i] == 0 || again(a, i) > seconds) continue;
            if (found == a && a->had[*method] <= a->had[i]) continue;
            found = a;
            *method = i;
        }
    }
    return found;
}

/* What was cut short gets the rest of the time. */
static lip_status second_round(call *c, lip_error *err) {
    lip_status status = LIP_OK;
    size_t method = 0;
    while (status == LIP_OK && !over(c)) {
        margin *a = worst(c, c->deadline - lip_clock_now(), &method);
        if (!a) return LIP_OK;
        status = run_and_share(c, a, method, again(a, method), err);
    }
    return status;
}

static void clear_bounds(call *c) { lip_preactivation_clear(&c->margin[0].task.bounds); }

static lip_status run_all(call *c, const bool *chosen, lip_error *err) {
    lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && chosen[FIRST_METHOD] && k < c->pairs; ++k)
        status = run(c, &c->margin[k], FIRST_METHOD, INFINITY, err);
    if (status != LIP_OK) return status;
    arm(c, &c->margin[0], INFINITY);
    /* for all margins: not over when this one is done */
    c->margin[0].task.watch.bounds.upper = INFINITY;
    status = lip_run_bounds(&c->margin[0].task, err);
    for (size_t k = 1; status == LIP_OK && k < c->pairs; ++k)
        status = lip_run_share(&c->margin[k].task, &c->margin[0].task, err);
    if (status == LIP_OK) status = run_levels(c, chosen, err);
    if (status == LIP_OK) status = second_round(c, err);
    clear_bounds(c);
    return status;
}

/* ---- The answer -------------------------------------------------------------------------- */

void lip_margins_free(lip_margins *margins) {
    if (!margins) return;
    for (size_t k = 0; margins->result && k < margins->pairs; ++k)
        lip_result_free(margins->result[k]);
    free(margins->result);
    free(margins->lower);
    free(margins);
}

static lip_margins *margins_create(size_t m) {
    lip_margins *margins = LIP_NEW(lip_margins, 1);
    if (!margins) return NULL;
    margins->outputs = m;
    margins->pairs = m * (m - 1) / 2;
    margins->lower = LIP_NEW(double, 2 * m * m);
    margins->result = LIP_NEW(lip_result *, margins->pairs);
    if (margins->lower && margins->result) {
        margins->upper = margins->lower + m * m;
        return margins;
    }
    lip_margins_free(margins);
    return NULL;
}

/* Methods that were never begun and would have refused are not left. */
static void drop_refusing(margin *a) {
    for (size_t i = 0; i < lip_method_count(); ++i)
        a->todo[i] = a->todo[i] && lip_run_possible(&a->task, i);
}

/* Did the margin get all the time that was asked for?  As in a single question, a method that ended early for another
 * reason is left, but the run is finished. */
static lip_stop stop_of(const call *c, const margin *a) {
    bool more = false;
    for (size_t i = 0; i < LIP_MOST_METHODS; ++i)
        more = more || (a->todo[i] && (!a->early[i] || a->had[i] > 0));
    if (!more || done(a)) return LIP_FINISHED;
    return c->caller.stopped ? LIP_INTERRUPTED : LIP_OUT_OF_TIME;
}

/* What is left of what was asked for, and why. */
static void leave(const call *c, const margin *a, lip_result *result) {
    result->unfinished_count = 0;
    for (size_t i = 0; !done(a) && i < lip_method_count(); ++i)
        if (a->todo[i])
            lip_run_leave(result, lip_methods()[i].name,
                          a->early[i]         ? a->early[i]
                          : a->had[i] == 0    ? LIP_NOT_BEGUN
                          : c->caller.stopped ? "interrupted"
                                              : LIP_OUT_OF_SHARE);
}

static void fill(call *c, lip_margins *out) {
    size_t m = c->outputs;
    for (size_t k = 0; k < c->pairs; ++k) {
        margin *a = &c->margin[k];
        lip_result *result = a->task.result;
        size_t i = a->query.output.i, j = a->query.output.j;
        for (size_t s = 0; s < result->steps; ++s) result->seconds += result->step[s].seconds;
        drop_refusing(a);
        result->stop = stop_of(c, a);
        leave(c, a, result);
        if (result->stop != LIP_FINISHED) out->stop = result->stop;
        out->lower[i * m + j] = out->lower[j * m + i] = result->lower;
        out->upper[i * m + j] = out->upper[j * m + i] = result->upper;
        if (result->lower > out->result[out->lower_pair]->lower) out->lower_pair = k;
        if (result->upper > out->result[out->upper_pair]->upper) out->upper_pair = k;
    }
    out->largest_lower = out->result[out->lower_pair]->lower;
    out->largest_upper = out->result[out->upper_pair]->upper;
    out->seconds = lip_clock_now() - c->started;
}

/* ---- The call ---------------------------------------------------------------------------- */

/* Margin number k; the result belongs to the answer. */
static bool begin(call *c, size_t k, lip_output output, const lip_query *query,
                  const lip_settings *settings, const bool *chosen, lip_margins *answer) {
    margin *a = &c->margin[k];
    lip_result *result = lip_run_result(lip_inputs(c->net));
    answer->result[k] = result;
    a->query = *query;
    a->query.output = output;
    a->settings = *settings;
    memcpy(a->todo, chosen, sizeof a->todo);
    a->shared = LIP_MOST_METHODS;
    a->task = (lip_task){.net = c->net, .query = &a->query, .settings = &a->settings};
    a->task.result = result;
    a->task.watch = (lip_watch){.started = c->started, .progress = look, .user = c};
    a->task.watch.bounds = (lip_progress){"", 0, INFINITY, 0};
    return result != NULL;
}

static lip_status begin_all(call *c, const lip_query *query, const lip_settings *settings,
                            const bool *chosen, lip_margins *answer, lip_error *err) {
    bool ok = true;
    c->margin = LIP_NEW(margin, c->pairs);
    if (!c->margin) return lip_fail_memory(err);
    for (size_t i = 0, k = 0; ok && i < c->outputs; ++i)
        for (size_t j = i + 1; ok && j < c->outputs; ++j)
            ok = begin(c, k++, (lip_output){LIP_OUTPUT_MARGIN, i, j}, query, settings, chosen,
                       answer);
    return ok && sharing_create(c) ? LIP_OK : lip_fail_memory(err);
}

static void call_clear(call *c) {
    for (size_t k = 0; c->margin && k < c->pairs; ++k)
        lip_statement_clear(&c->margin[k].task.statement);
    free(c->margin);
    free(c->h);
    free(c->g);
    free(c->difference);
}

static lip_status check(const lip_network *net, const lip_query *query, const char *methods,
                        const lip_settings *settings, bool *chosen, lip_error *err) {
    size_t m = lip_outputs(net);
    lip_query first = *query;
    first.output = (lip_output){LIP_OUTPUT_MARGIN, 0, 1};
    if (m < 2)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "margins need at least two outputs, but the network has one");
    if (m > MOST_OUTPUTS)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "expected at most %d outputs for all margins in one call, but the network "
                        "has %zu: bound them one by one",
                        MOST_OUTPUTS, m);
    lip_status status = lip_settings_check(settings, err);
    if (status == LIP_OK) status = lip_query_check(net, &first, err);
    if (status == LIP_OK) status = lip_run_choose(methods, net, &first, chosen, err);
    chosen[0] = false; /* branch and bound, with which auto ends, would be one for every margin */
    return status;
}

lip_status lip_bound_margins(const lip_network *net, const lip_query *query, const char *methods,
                             const lip_settings *given, lip_progress_fn progress, void *user,
                             lip_margins **out, lip_error *err) {
    lip_settings settings;
    bool chosen[LIP_MOST_METHODS];
    lip_settings_default(&settings);
    if (given) settings = *given;
    lip_status status = check(net, query, methods, &settings, chosen, err);
    if (status != LIP_OK) return status;
    lip_margins *answer = margins_create(lip_outputs(net));
    if (!answer) return lip_fail_memory(err);
    call c = {.net = net, .outputs = answer->outputs, .pairs = answer->pairs};
    c.started = lip_clock_now();
    c.limit = settings.time_limit;
    c.deadline = c.started + c.limit;
    c.caller = (lip_listener){.progress = progress, .user = user};
    fenv_t saved;
    lip_floating_enter(&saved);
    status = begin_all(&c, query, &settings, chosen, answer, err);
    if (status == LIP_OK) status = run_all(&c, chosen, err);
    if (status == LIP_OK) fill(&c, answer);
    lip_floating_leave(&saved);
    call_clear(&c);
    if (status == LIP_OK)
        *out = answer;
    else
        lip_margins_free(answer);
    return status;
}
