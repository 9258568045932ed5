/* The tangent relaxation, method "tangent": semidefinite bounds on chains of any depth.
 *
 * One problem gives the bound for p = 2 or inf and for one output, q = 2 or q = 1.  The norms that are
 * maxima are taken apart: p = 1 into input columns, q = inf into output rows, and the largest bound of
 * all parts counts.  All parts together are bounded first by the problem with Euclidean balls, since
 * ||J||_{1 -> q} <= ||J||_{2 -> q} and ||J||_{p -> inf} <= ||J||_{p -> 2}: something to show for when
 * time is short.  Then only parts that may be the largest are worth work: every part is bounded by the
 * closed form; the part with the largest bound is improved, until it has been improved already and is
 * still the largest.  Improving a part stops early once another one is known to be larger.
 *
 * Small chains then go through the general engine as well (relax/lifted_bound.c). */
#include "base/error.h"
#include "base/memory.h"
#include "relax/chain.h"
#include "relax/lifted_bound.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_DOUBLES = 1 << 28, MANY_PARTS = 16 };

/* Parts times the cube of the number of units up to which the general engine takes a second or so. */
static const double SMALL = 1e8;

typedef struct parts {
    lip_task *task;
    const lip_chain_base *base;
    long columns, rows; /* LIP_CHAIN_EVERY: one problem for all */
    size_t count;
    double *bound;
    lip_text *text; /* what proves the bound of each part; empty if it is the common one */
    double common;  /* bound of all parts together */
    lip_text common_text;
    bool uncertified; /* some bound was proved, but its proof does not fit the format */
    double *promise;  /* the closed form of each part: which one is likely to be the largest */
    bool *improved;
    bool too_large, inexact;
} parts;

/* Part k; k = count: all of them together.  A part with one input or output needs no ball, and with
 * one entry there is no difference. */
static lip_chain *create_part(const parts *q, size_t k, bool substitute) {
    const lip_query *query = q->task->query;
    size_t rows = q->rows == LIP_CHAIN_EVERY ? 1 : (size_t)q->rows;
    bool all = k == q->count;
    long column = all || q->columns == LIP_CHAIN_EVERY ? LIP_CHAIN_EVERY : (long)(k / rows);
    long row = all || q->rows == LIP_CHAIN_EVERY ? LIP_CHAIN_EVERY : (long)(k % rows);
    return lip_chain_part(q->base, column, row, query->norm_in != LIP_NORM_INF,
                          query->norm_out != LIP_NORM_1, substitute);
}

/* Write down the proof of a bound, which grows a little. */
static bool certify(parts *q, const lip_chain *chain, const lip_chain_dual *dual, double eta,
                    double *bound, lip_text *text) {
    double value;
    if (!lip_chain_certify(chain, q->task, dual, eta, text, &value,
                           &q->task->statement.uses_bounds))
        return false;
    if (value < INFINITY)
        *bound = value;
    else
        q->uncertified = true;
    return !text->failed;
}

/* Bound one chain, by the closed form if watch is NULL: proved, INFINITY if it cannot be.  False if
 * memory is short. */
static bool bound_chain(parts *q, const lip_chain *chain, lip_watch *watch, double enough,
                        double *bound, lip_text *text) {
    double eta = 0;
    *bound = chain->zero ? 0 : INFINITY;
    if (chain->zero) return certify(q, chain, NULL, 0, bound, text);
    if (chain->inexact) q->inexact = true;
    if (lip_chain_footprint(chain) > MOST_DOUBLES) q->too_large = true;
    if (q->inexact || q->too_large) return true;
    lip_chain_work *work = lip_chain_work_create(chain);
    lip_chain_dual dual = {0};
    bool ok = work && lip_chain_dual_create(chain, &dual);
    if (ok) {
        enough = watch ? ldexp(enough, -(int)chain->exponent) : INFINITY;
        ok = lip_chain_solve(work, watch, enough, &dual);
    }
    if (ok) ok = lip_chain_prove(work, &dual, &eta, bound);
    if (ok && *bound < INFINITY) ok = certify(q, chain, &dual, eta, bound, text);
    lip_chain_dual_clear(&dual);
    lip_chain_work_free(work);
    return ok;
}

/* With active neurons substituted, or, if that cannot be proved, treated as unstable ones. */
static bool bound_part(parts *q, size_t k, lip_watch *watch, double enough, double *bound,
                       lip_text *text) {
    bool ok = true;
    *bound = INFINITY;
    for (int substitute = 1; ok && *bound == INFINITY && substitute >= 0; --substitute) {
        lip_chain *chain = create_part(q, k, substitute == 1);
        ok = chain && bound_chain(q, chain, watch, enough, bound, text);
        lip_chain_free(chain);
    }
    return ok;
}

static bool refine_part(parts *q, size_t k, lip_watch *watch, double enough) {
    double bound;
    lip_text text = {0};
    bool ok = bound_part(q, k, watch, enough, &bound, &text);
    if (ok && bound < q->bound[k]) {
        q->bound[k] = bound;
        lip_text_clear(&q->text[k]);
        q->text[k] = text;
    } else {
        lip_text_clear(&text);
    }
    if (!ok) return false;
    if (!watch) q->promise[k] = bound;
    q->improved[k] = watch != NULL;
    return true;
}

/* All parts at once, for a share of the time: many parts take long to go through, and a single part can
 * be so degenerate (one input column has rank one) that only the common bound is any good. */
static bool bound_together(parts *q) {
    lip_watch *watch = &q->task->watch, share = *watch;
    double now = lip_clock_now();
    share.deadline = now + (q->count > MANY_PARTS ? 0.25 : 0.05) * (watch->deadline - now);
    bool ok = bound_part(q, q->count, &share, 0, &q->common, &q->common_text);
    if (share.stop == LIP_INTERRUPTED) watch->stop = LIP_INTERRUPTED;
    for (size_t k = 0; ok && k < q->count; ++k) q->bound[k] = q->common;
    return ok;
}

static size_t largest_part(const parts *q, bool improved_only) {
    size_t best = q->count;
    for (size_t k = 0; k < q->count; ++k) {
        if (improved_only && !q->improved[k]) continue;
        bool tie = best < q->count && q->bound[k] == q->bound[best];
        if (best == q->count || q->bound[k] > q->bound[best] ||
            (tie && q->promise[k] > q->promise[best]))
            best = k;
    }
    return best;
}

/* True if the largest bound cannot be improved any more. */
static bool improve_parts(parts *q, bool *ok) {
    for (;;) {
        size_t k = largest_part(q, false), known = largest_part(q, true);
        if (q->improved[k]) return true;
        double enough = known < q->count ? q->bound[known] * (1 - 1e-9) : 0;
        *ok = refine_part(q, k, &q->task->watch, enough);
        if (!*ok || lip_watch_expired(&q->task->watch)) return false;
    }
}

/* The closed form of every part; false if cut short. */
static bool start_parts(parts *q, bool *ok) {
    if (q->count == 1) return true;
    *ok = bound_together(q);
    for (size_t k = 0; *ok && k < q->count; ++k) {
        if (q->too_large || q->inexact || lip_watch_expired(&q->task->watch)) return false;
        *ok = refine_part(q, k, NULL, 0);
    }
    return *ok;
}

/* The common part alone where nothing is better, otherwise all parts. */
static void write_statement(const parts *q, double value) {
    lip_text *text = &q->task->statement.text;
    if (q->uncertified || !(value < INFINITY)) return;
    if (value >= q->common) {
        lip_statement_parts(text, 1);
        lip_text_append(text, &q->common_text);
        return;
    }
    lip_statement_parts(text, q->count);
    for (size_t k = 0; k < q->count; ++k) lip_text_append(text, &q->text[k]);
}

static void explain(const parts *q, lip_step *step) {
    if (q->too_large)
        snprintf(step->note, sizeof step->note,
                 "the network is too large for the tangent relaxation (more than %d numbers)",
                 (int)MOST_DOUBLES);
    else if (q->inexact)
        snprintf(step->note, sizeof step->note,
                 "weights are too close to the ends of the exponent range");
    else if (step->complete && step->value == INFINITY)
        snprintf(step->note, sizeof step->note, "no multipliers could be proved feasible");
    if (step->note[0]) step->complete = false;
}

static bool run_parts(parts *q, lip_step *step) {
    bool ok = true;
    q->bound = LIP_NEW(double, q->count);
    q->promise = LIP_NEW(double, q->count);
    q->improved = LIP_NEW(bool, q->count);
    q->text = LIP_NEW(lip_text, q->count);
    if (!q->bound || !q->promise || !q->improved || !q->text) return false;
    q->common = INFINITY;
    for (size_t k = 0; k < q->count; ++k) q->bound[k] = INFINITY;
    if (start_parts(q, &ok) && ok) step->complete = improve_parts(q, &ok);
    if (ok) step->value = q->bound[largest_part(q, false)];
    if (ok) write_statement(q, step->value);
    explain(q, step);
    return ok;
}

lip_status lip_tangent_chain(lip_task *task, lip_step *step, bool *chain, lip_error *err) {
    lip_chain_base *base;
    bool memory, ok;
    *chain = lip_chain_base_create(task, &base, step->note, sizeof step->note, &memory);
    if (!*chain) {
        step->note[0] = '\0'; /* why it is no chain does not matter */
        return memory ? lip_fail_memory(err) : LIP_OK;
    }
    parts q = {.task = task, .base = base, .columns = LIP_CHAIN_EVERY, .rows = LIP_CHAIN_EVERY};
    q.count = 1;
    if (task->query->norm_in == LIP_NORM_1) q.columns = (long)base->width[0];
    if (task->query->norm_out == LIP_NORM_INF) q.rows = (long)base->width[base->layers];
    if (q.columns != LIP_CHAIN_EVERY) q.count *= (size_t)q.columns;
    if (q.rows != LIP_CHAIN_EVERY) q.count *= (size_t)q.rows;
    ok = run_parts(&q, step);
    free(q.bound);
    free(q.promise);
    free(q.improved);
    for (size_t k = 0; q.text && k < q.count; ++k) lip_text_clear(&q.text[k]);
    free(q.text);
    lip_text_clear(&q.common_text);
    lip_chain_base_free(base);
    return ok ? LIP_OK : lip_fail_memory(err);
}

/* ---- Small chains ------------------------------------------------------------------------ */

/* The general engine keeps the phases of small problems and solves to optimality: worth a try where it takes
 * little.  With one hidden layer and one output the phases gain nothing. */
static bool worth_general(const lip_task *task) {
    double n = (double)task->net->units, pieces = 1;
    size_t relus = 0;
    if (task->query->norm_in == LIP_NORM_1) pieces *= (double)lip_inputs(task->net);
    if (task->query->norm_out == LIP_NORM_INF)
        pieces *= (double)lip_output_rows(task->net, &task->query->output);
    for (size_t l = 1; l <= task->net->layers; ++l) relus += task->net->layer[l].relu ? 1 : 0;
    if (relus < 2 && lip_output_rows(task->net, &task->query->output) == 1) return false;
    return pieces * n * n * n <= SMALL;
}

/* Keep whichever bound is smaller, with its statement. */
static lip_status try_general(lip_task *task, lip_step *step, lip_error *err) {
    lip_statement first = task->statement;
    lip_step second = {.side = LIP_UPPER, .value = INFINITY};
    task->statement = (lip_statement){0};
    lip_status status = lip_tangent_general(task, &second, err);
    if (status == LIP_OK && second.value < step->value) {
        step->value = second.value;
        lip_statement_clear(&first);
    } else {
        lip_statement_clear(&task->statement);
        task->statement = first;
    }
    return status;
}

lip_status lip_tangent_method(lip_task *task, lip_step *step, lip_error *err) {
    bool chain;
    lip_status status = lip_tangent_chain(task, step, &chain, err);
    if (status != LIP_OK) return status;
    if (!chain) return lip_tangent_general(task, step, err);
    if (!step->complete || !worth_general(task)) return LIP_OK;
    return try_general(task, step, err);
}
