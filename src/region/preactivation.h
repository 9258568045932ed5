/* Proved bounds lo <= z <= hi of every pre-activation on a region, and the phases they decide. */
#ifndef LIP_REGION_PREACTIVATION_H
#define LIP_REGION_PREACTIVATION_H

#include "base/clock.h"
#include "net/network.h"
#include "region/region.h"

typedef struct lip_preactivation {
    double *lo, *hi; /* units entries each: the input's box, then z of every layer */
    bool interior;   /* lip_region_has_interior */
} lip_preactivation;

typedef enum lip_phase { LIP_UNSTABLE, LIP_ACTIVE, LIP_INACTIVE } lip_phase;

/* Interval bounds, cut with backward linear bounds if `linear` and the region is bounded.  When the
 * watch expires the bounds found so far (still proved) are kept; watch may be NULL. */
lip_status lip_preactivation_create(const lip_network *net, const lip_region *region, bool linear,
                                    lip_watch *watch, lip_preactivation *bounds, lip_error *err);

void lip_preactivation_clear(lip_preactivation *bounds);

/* The phase of a neuron on the whole region; unit is an index into lo and hi.  Only for layers with a
 * ReLU. */
lip_phase lip_preactivation_phase(const lip_preactivation *bounds, size_t unit);

/* Derivative ranges for lip_enclose_reverse: [1,1], [0,0] or [0,1] by phase; [1,1] without ReLU. */
void lip_preactivation_derivatives(const lip_network *net, const lip_preactivation *bounds,
                                   double *dlo, double *dhi);

/* The two ways, for one layer l whose sources have bounds already. */
lip_status lip_interval_layer(const lip_network *net, const lip_region *region, size_t l,
                              lip_preactivation *bounds, lip_error *err);
lip_status lip_linear_layer(const lip_network *net, const lip_region *region, size_t l,
                            lip_watch *watch, lip_preactivation *bounds, lip_error *err);

#endif
