/* One question being answered: what every method is given. */
#ifndef LIP_PROBLEM_TASK_H
#define LIP_PROBLEM_TASK_H

#include "base/clock.h"
#include "net/network.h"
#include "problem/proof.h"
#include "region/preactivation.h"

/* For lip_task.early. */
#define LIP_OUT_OF_SHARE "stopped after its share of the time"

typedef struct lip_task {
    const lip_network *net;
    const lip_query *query;
    const lip_settings *settings;
    const lip_exact_options *exact; /* NULL: none */
    lip_preactivation bounds;       /* on the query's region */
    lip_watch watch;
    bool by_auto;            /* the running method may leave things to others: auto runs it */
    const char *early;       /* why it ended early though the watch goes on; NULL: it did not */
    lip_result *result;      /* best bounds so far; witnesses are stored there */
    lip_statement statement; /* what proves the running upper method's value */
} lip_task;

/* A method: fills step->value, step->complete and, where there is something to say, step->note.  Cut
 * short by the watch it leaves what it has proved and complete = false; failure to allocate is the
 * only error.  step->value comes in as 0 (lower) or INFINITY (upper).  An upper method leaves the proof of
 * its value in task->statement, empty if there is none, and enlarges the value by lip_claim; a text
 * that failed counts as an error.  One that ends early for want of something that a caller can give, with time left
 * on the watch, says so in task->early. */
typedef lip_status (*lip_method_fn)(lip_task *task, lip_step *step, lip_error *err);

/* Upper bounds (src/relax). */
lip_status lip_product_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_interval_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_shor_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_tangent_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_hr2_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_tight_method(lip_task *task, lip_step *step, lip_error *err);
bool lip_tight_has_tangent(const lip_task *task); /* does tight begin with what tangent would do? */
lip_status lip_hr1_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_hr2_blocks_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_lasserre_method(lip_task *task, lip_step *step, lip_error *err);

lip_status lip_lipopt_method(lip_task *task, lip_step *step, lip_error *err);

/* A computed value: step->evidence is LIP_COMPUTED, and it is no bound (src/bound/bound.c, keep_best). */
lip_status lip_miqcqp_method(lip_task *task, lip_step *step, lip_error *err);

/* Both (src/bnb): lower bounds are kept on the way. */
lip_status lip_exact_method(lip_task *task, lip_step *step, lip_error *err);
bool lip_exact_possible(const lip_task *task); /* or does it refuse the question? */
bool lip_exact_fits(const lip_task *task);     /* is branch and bound worth a try? */

/* Lower bounds (src/search). */
lip_status lip_point_method(lip_task *task, lip_step *step, lip_error *err); /* needs a point */
lip_status lip_sampling_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_ascent_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_search_method(lip_task *task, lip_step *step, lip_error *err);

#endif
