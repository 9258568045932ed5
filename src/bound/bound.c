/* Answering a question: pre-activation bounds once, then the methods in turn, best bounds kept. */
#include "base/error.h"
#include "base/floating.h"
#include "base/listener.h"
#include "base/memory.h"
#include "bound/methods.h"
#include "bound/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which methods ----------------------------------------------------------------------- */

static lip_status unknown_method(const char *name, size_t length, lip_error *err) {
    char known[300] = "";
    for (size_t i = 0; i < lip_method_count(); ++i) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", lip_methods()[i].name);
    }
    return lip_fail(err, LIP_ARGUMENT, NULL, "unknown method '%.*s': expected one of %s",
                    length > 40 ? 40 : (int)length, name, known);
}

static lip_status find_method(const char *name, size_t length, size_t *index, lip_error *err) {
    for (size_t i = 0; i < lip_method_count(); ++i) {
        const char *known = lip_methods()[i].name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            *index = i;
            return LIP_OK;
        }
    }
    return unknown_method(name, length, err);
}

/* chosen[i] says whether method i runs; they run in table order, each once. */
lip_status lip_run_choose(const char *names, const lip_network *net, const lip_query *query,
                          bool *chosen, lip_error *err) {
    memset(chosen, 0, LIP_MOST_METHODS * sizeof *chosen);
    if (!names) names = "auto";
    for (;;) {
        size_t length = strcspn(names, ","), index = 0;
        lip_status status = find_method(names, length, &index, err);
        if (status == LIP_OK) status = lip_method_check(index, net, query, err);
        if (status != LIP_OK) return status;
        chosen[index] = true;
        if (!names[length]) break;
        names += length + 1;
    }
    for (size_t i = 1; chosen[0] && i < lip_method_count(); ++i)
        if (lip_method_in_auto(i, query)) chosen[i] = true;
    return LIP_OK;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* Keep the step's value if it is the best of its side; lower bounds were stored with their witness.  A
 * value that is computed only is shown, and is no bound. */
static void keep_best(lip_task *task, const lip_step *step) {
    if (step->side != LIP_UPPER || step->evidence != LIP_PROVED) return;
    if (step->value < task->result->upper) {
        task->result->upper = task->watch.bounds.upper = step->value;
        task->result->upper_method = step->method;
    }
    lip_proof_offer(task->result->proof, step->value, &task->statement);
    task->result->certified = task->result->proof->upper;
}

static void note_incomplete(const lip_task *task, lip_step *step) {
    if (step->complete || step->note[0]) return;
    const char *why = task->watch.stop == LIP_OUT_OF_TIME ? "out of time" : "interrupted";
    if (task->watch.stop != LIP_FINISHED) snprintf(step->note, sizeof step->note, "%s", why);
}

/* Something about the pre-activation bounds that was asked for and left out. */
static void note_bounds(const lip_task *task, lip_step *step) {
    if (task->bounds.note && step->side == LIP_UPPER && !step->note[0])
        snprintf(step->note, sizeof step->note, "%s", task->bounds.note);
}

void lip_run_leave(lip_result *result, const char *method, const char *reason) {
    for (size_t i = 0; i < result->unfinished_count; ++i)
        if (strcmp(result->unfinished[i].method, method) == 0) return;
    result->unfinished[result->unfinished_count++] = (lip_unfinished){method, reason};
}

/* Remember a method that more time would go to. */
static void leave_incomplete(lip_task *task, const lip_step *step, bool begun) {
    const char *reason = task->early;
    double end = task->watch.started + task->settings->time_limit;
    if (task->watch.stop == LIP_OUT_OF_TIME)
        reason = lip_clock_now() < end ? LIP_OUT_OF_SHARE : "stopped by the time limit";
    if (task->watch.stop == LIP_INTERRUPTED) reason = "interrupted";
    if (!begun) reason = LIP_NOT_BEGUN;
    if (!step->complete && reason) lip_run_leave(task->result, step->method, reason);
}

bool lip_run_possible(const lip_task *task, size_t index) {
    return lip_method_function(index) != lip_exact_method || lip_exact_possible(task);
}

lip_status lip_run_method(lip_task *task, size_t index, lip_error *err) {
    lip_step *step = &task->result->step[task->result->steps++];
    double started = lip_clock_now();
    *step = (lip_step){0};
    step->method = lip_methods()[index].name;
    step->side = lip_method_side(index);
    step->value = step->side == LIP_UPPER ? INFINITY : 0;
    step->evidence = LIP_PROVED;
    task->watch.bounds.method = step->method;
    task->early = NULL;
    lip_status status = LIP_OK;
    bool possible = lip_run_possible(task, index);
    bool begun = index == 1 || !possible || !lip_watch_expired(&task->watch);
    if (begun) status = lip_method_function(index)(task, step, err);
    if (status == LIP_OK && task->statement.text.failed) status = lip_fail_memory(err);
    if (!(step->value >= 0)) step->value = step->side == LIP_UPPER ? INFINITY : 0;
    keep_best(task, step);
    note_incomplete(task, step);
    note_bounds(task, step);
    if (possible) leave_incomplete(task, step, begun);
    step->seconds = lip_clock_now() - started;
    return status;
}

static void count_phases(const lip_task *task) {
    const lip_network *net = task->net;
    lip_result *result = task->result;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = 0; layer->relu && i < layer->width; ++i) {
            lip_phase phase = lip_preactivation_phase(&task->bounds, layer->offset + i);
            ++result->neurons;
            if (phase == LIP_ACTIVE) ++result->stable_active;
            if (phase == LIP_INACTIVE) ++result->stable_inactive;
        }
    }
}

/* If they do cross, something here is wrong, and none of them is given out. */
lip_status lip_run_check(const lip_result *result, lip_error *err) {
    if (result->lower <= result->upper) return LIP_OK;
    return lip_fail(
        err, LIP_INTERNAL, NULL,
        "the lower bound %.17g of '%s' exceeds the upper bound %.17g of '%s': this is a "
        "defect of lipcert, please report it with the network",
        result->lower, result->lower_method, result->upper, result->upper_method);
}

lip_status lip_run_bounds(lip_task *task, lip_error *err) {
    lip_bounding how = lip_bounding_of(task->settings);
    lip_status status = lip_preactivation_find(task->net, task->query->region, &how, &task->watch,
                                               &task->bounds, err);
    if (status != LIP_OK) return status;
    if (!lip_proof_bounds(task->result->proof, task->net, &task->bounds))
        status = lip_fail_memory(err);
    count_phases(task);
    return status;
}

lip_status lip_run_share(lip_task *task, const lip_task *from, lip_error *err) {
    task->bounds = from->bounds;
    count_phases(task);
    return lip_proof_share_bounds(task->result->proof, from->result->proof) ? LIP_OK
                                                                            : lip_fail_memory(err);
}

/* The number whose side is asked for; 0: the bounds themselves are. */
static double at_most(const lip_task *task) {
    return task->exact && task->exact->at_most > 0 ? task->exact->at_most : 0;
}

static bool decided(double most, double lower, double upper) {
    return most > 0 && (upper <= most || lower > most);
}

/* Do the bounds meet, or decide, as far as anybody asked? */
static bool closed(const lip_task *task) {
    const lip_result *result = task->result;
    if (at_most(task) > 0) return decided(at_most(task), result->lower, result->upper);
    return result->upper <= result->lower * (1 + task->settings->gap);
}

/* Is there no use in anything more, asked for by name or not? */
static bool over(const lip_task *task) { return at_most(task) > 0 && closed(task); }

enum { MANY_INPUTS = 200 };

/* In auto: nothing more to do, or the tightest relaxation comes anyway, which begins with hr2, and for one hidden layer with
 * tangent; hr2 is too slow to go before branch and bound if inputs are many. */
static bool superfluous(const lip_task *task, size_t index) {
    lip_method_fn method = lip_method_function(index);
    bool exact = lip_exact_fits(task);
    if (method == lip_hr2_method && (!exact || lip_inputs(task->net) > MANY_INPUTS)) return true;
    if (method == lip_tangent_method && !exact && lip_tight_has_tangent(task)) return true;
    return closed(task);
}

/* What `auto` does with the time that is left: branch and bound where it fits, else the tightest relaxation. */
static lip_status finish(lip_task *task, const bool *chosen, lip_error *err) {
    lip_method_fn last = lip_exact_fits(task) ? lip_exact_method : lip_tight_method;
    size_t index = 0;
    while (lip_method_function(index) != last) ++index;
    if (chosen[index] || closed(task)) return LIP_OK;
    if (lip_watch_expired(&task->watch)) {
        lip_run_leave(task->result, lip_methods()[index].name, LIP_NOT_BEGUN);
        return LIP_OK;
    }
    task->by_auto = true;
    lip_status status = lip_run_method(task, index, err);
    return status == LIP_OK ? lip_run_check(task->result, err) : status;
}

/* The time limit; for a decision, of what comes before branch and bound. */
static const double share = 0.25;

static void arm(lip_task *task, bool last) {
    bool all = last || !(at_most(task) > 0);
    task->watch.deadline = task->watch.started + (all ? 1 : share) * task->settings->time_limit;
    if (task->watch.stop == LIP_OUT_OF_TIME && lip_clock_now() < task->watch.deadline)
        task->watch.stop = LIP_FINISHED;
}

static bool is_last(size_t index) { return lip_method_function(index) == lip_exact_method; }

/* The first method needs no pre-activation bounds, and gives an upper bound before anything slow. */
static lip_status run_all(lip_task *task, const bool *chosen, lip_error *err) {
    lip_status status = LIP_OK;
    arm(task, false);
    if (chosen[1]) status = lip_run_method(task, 1, err);
    if (status == LIP_OK && !over(task)) status = lip_run_bounds(task, err);
    for (size_t i = 2; status == LIP_OK && i < lip_method_count(); ++i) {
        if (!chosen[i] || over(task) || (chosen[0] && superfluous(task, i))) continue;
        if (is_last(i)) arm(task, true);
        task->by_auto = chosen[0] && lip_method_function(i) == lip_search_method;
        status = lip_run_method(task, i, err);
        if (status == LIP_OK) status = lip_run_check(task->result, err);
    }
    arm(task, true);
    if (status == LIP_OK && chosen[0]) status = finish(task, chosen, err);
    if (closed(task)) task->result->unfinished_count = 0;
    lip_preactivation_clear(&task->bounds);
    task->result->stop = task->watch.stop;
    task->result->seconds = lip_clock_now() - task->watch.started;
    return status;
}

lip_result *lip_run_result(size_t n) {
    lip_result *result = LIP_NEW(lip_result, 1);
    if (!result) return NULL;
    result->step = LIP_NEW(lip_step, LIP_MOST_METHODS);
    result->unfinished = LIP_NEW(lip_unfinished, LIP_MOST_METHODS);
    result->proof = lip_proof_create();
    if (!result->step || !result->unfinished || !result->proof) {
        lip_result_free(result);
        return NULL;
    }
    result->n = n;
    result->upper = result->certified = INFINITY;
    result->lower_method = result->upper_method = "";
    return result;
}

void lip_result_free(lip_result *result) {
    if (!result) return;
    free(result->witness_x);
    free(result->witness_t);
    free(result->step);
    free(result->unfinished);
    lip_proof_free(result->proof);
    free(result);
}

/* ---- The call ---------------------------------------------------------------------------- */

/* A lip_progress_fn between the watch and the caller: ends what runs as soon as the question is decided. */
typedef struct decision {
    lip_listener caller;
    double at_most;
} decision;

static bool look(const lip_progress *now, void *user) {
    decision *d = user;
    return lip_listen(now, &d->caller) || decided(d->at_most, now->lower, now->upper);
}

/* A run that ended because the question was decided was not interrupted. */
static void settle(const decision *d, lip_result *result) {
    if (d->caller.stopped || !decided(d->at_most, result->lower, result->upper)) return;
    result->stop = LIP_FINISHED;
    for (size_t i = 0; i < result->steps; ++i) {
        lip_step *step = &result->step[i];
        if (strcmp(step->note, "interrupted") == 0)
            snprintf(step->note, sizeof step->note, "ended, the question is decided");
    }
}

static lip_status check_exact(const bool *chosen, lip_error *err) {
    for (size_t i = 1; i < lip_method_count(); ++i)
        if (chosen[i] && is_last(i)) return LIP_OK;
    return lip_fail(err, LIP_ARGUMENT, NULL, "expected 'exact' among the methods");
}

static lip_status answer(lip_task *task, const char *methods, lip_progress_fn progress, void *user,
                         lip_result **out, lip_error *err) {
    bool chosen[LIP_MOST_METHODS];
    decision d = {{.progress = progress, .user = user}, at_most(task)};
    lip_status status = lip_settings_check(task->settings, err);
    if (status == LIP_OK) status = lip_query_check(task->net, task->query, err);
    if (status == LIP_OK) status = lip_run_choose(methods, task->net, task->query, chosen, err);
    if (status == LIP_OK && task->exact) status = check_exact(chosen, err);
    if (status != LIP_OK) return status;
    task->result = lip_run_result(lip_inputs(task->net));
    if (!task->result) return lip_fail_memory(err);
    task->watch = (lip_watch){.started = lip_clock_now(), .user = &d};
    if (progress || d.at_most > 0) task->watch.progress = look;
    task->watch.bounds = (lip_progress){"", 0, INFINITY, 0};
    fenv_t saved;
    lip_floating_enter(&saved);
    status = run_all(task, chosen, err);
    lip_floating_leave(&saved);
    lip_statement_clear(&task->statement);
    settle(&d, task->result);
    if (status == LIP_OK)
        *out = task->result;
    else
        lip_result_free(task->result);
    return status;
}

lip_status lip_bound(const lip_network *net, const lip_query *query, const char *methods,
                     const lip_settings *given, lip_progress_fn progress, void *user,
                     lip_result **out, lip_error *err) {
    lip_settings settings;
    lip_settings_default(&settings);
    if (given) settings = *given;
    lip_task task = {.net = net, .query = query, .settings = &settings};
    return answer(&task, methods, progress, user, out, err);
}

lip_status lip_exact(const lip_network *net, const lip_query *query, const lip_settings *given,
                     const lip_exact_options *options, lip_progress_fn progress, void *user,
                     lip_result **out, lip_error *err) {
    static const lip_exact_options none = {0};
    lip_settings settings;
    lip_settings_default(&settings);
    if (given) settings = *given;
    if (!options) options = &none;
    if (options->written) *options->written = (lip_error){0};
    lip_task task = {.net = net, .query = query, .settings = &settings, .exact = options};
    const char *methods = options->methods ? options->methods : "exact";
    return answer(&task, methods, progress, user, out, err);
}
