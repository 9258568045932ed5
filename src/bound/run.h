/* One question, method by method: what lip_bound and lip_bound_margins have in common. */
#ifndef LIP_BOUND_RUN_H
#define LIP_BOUND_RUN_H

#include "problem/task.h"

enum { LIP_MOST_METHODS = 32 };

/* A reason for lip_run_leave. */
#define LIP_NOT_BEGUN "not begun"

/* chosen[LIP_MOST_METHODS]: which methods the list `names` (NULL: "auto") asks for; refuses unknown ones and
 * those that do not fit.  chosen[0]: "auto" is among them; the others that it
 * stands for are chosen, but for those it ends with (bound.c). */
lip_status lip_run_choose(const char *names, const lip_network *net, const lip_query *query,
                          bool *chosen, lip_error *err);

/* A result without bounds, with room for LIP_MOST_METHODS steps; NULL if memory is short. */
lip_result *lip_run_result(size_t n);

/* Bounds of all pre-activations in task->bounds, for the caller to clear; how they were found goes into
 * the proof, and the phases they decide are counted.  When the watch expires they are coarser. */
lip_status lip_run_bounds(lip_task *task, lip_error *err);

/* The same for another task on that network and region: its bounds are those of `from`, not to be cleared
 * twice. */
lip_status lip_run_share(lip_task *task, const lip_task *from, lip_error *err);

/* Run method `index`, record its step and keep its bound if it is the best.  When the watch has expired only
 * method 1 runs, and one that cannot, for it says why. */
lip_status lip_run_method(lip_task *task, size_t index, lip_error *err);

/* Would method `index` try at all, after lip_run_bounds or lip_run_share?  Where it would refuse the question,
 * whatever the time, it is not left (lip_run_leave). */
bool lip_run_possible(const lip_task *task, size_t index);

/* Add a method to result->unfinished, if it is not there. */
void lip_run_leave(lip_result *result, const char *method, const char *reason);

/* Proved bounds cannot cross: LIP_INTERNAL if they do. */
lip_status lip_run_check(const lip_result *result, lip_error *err);

#endif
