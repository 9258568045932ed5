/* Bounds of one layer tightened target by target: optimised slopes, then linear programs. */
#ifndef LIP_REGION_REFINE_H
#define LIP_REGION_REFINE_H

#include "region/preactivation.h"
#include "solve/lp.h"

/* What is left of the work that lip_bounding allows, while the layers go by. */
typedef struct lip_budget {
    lip_lp_library *library; /* NULL: no linear programs */
    size_t layers;           /* ReLU layers still to come, this one included */
    size_t programs;
    double work;
} lip_budget;

/* Cut the bounds of ReLU layer l, which have been cut by the linear rule, and note how.  Ends early,
 * with what was proved, when the watch or how->deadline expires. */
lip_status lip_refine_layer(const lip_network *net, const lip_region *region, size_t l,
                            const lip_bounding *how, lip_budget *budget, lip_watch *watch,
                            lip_preactivation *bounds, lip_error *err);

/* Take the mark `needed` from refinements without which all neurons that are stable remain so; those that
 * come in must all have it.  After the deadline (lip_clock_now()) or the watch's no more are found. */
lip_status lip_refinements_mark(const lip_network *net, const lip_region *region, double deadline,
                                lip_watch *watch, lip_preactivation *bounds, lip_error *err);

/* A bound of sign * z that makes a neuron stable, but by so little that a checker which adds in another
 * order might not find it so. */
bool lip_refinement_unsure(const lip_preactivation *bounds, size_t unit, double bound);

void lip_refinements_clear(lip_refinements *refined);

#endif
