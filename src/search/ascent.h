/* Annealed ascent, one sweep at a time. */
#ifndef LIP_SEARCH_ASCENT_H
#define LIP_SEARCH_ASCENT_H

#include "problem/task.h"

typedef struct lip_ascent lip_ascent;

/* starts: points that move together (fewer if the blocks would be huge). */
lip_status lip_ascent_create(lip_task *task, int starts, lip_ascent **ascent, lip_error *err);
void lip_ascent_free(lip_ascent *ascent);

/* Sweep `number` (its schedule; all but the first start half of the points near the best witness) of so
 * many steps, until the watch expires or the clock reaches deadline.  Records are offered as witnesses. */
lip_status lip_ascent_sweep(lip_ascent *ascent, int number, int steps, double deadline,
                            lip_step *step, lip_error *err);

/* Say in step->note why there is no lower bound, if that is so. */
void lip_ascent_explain(const lip_ascent *ascent, lip_step *step);

/* Multiplications in one step, about. */
double lip_ascent_step_work(const lip_ascent *ascent);

#endif
