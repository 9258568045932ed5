/* Proved bounds lo <= z <= hi of every pre-activation on a region, and the phases they decide. */
#ifndef LIP_REGION_PREACTIVATION_H
#define LIP_REGION_PREACTIVATION_H

#include "base/clock.h"
#include "net/network.h"
#include "region/region.h"

/* One bound that has its own lower slopes: what a checker needs to find it again. */
typedef struct lip_refinement {
    size_t layer, neuron; /* the target; the neuron counts within its layer */
    bool upper;           /* of z, else a lower bound */
    bool decides;         /* the neuron is stable by this bound */
    bool needed;          /* some neuron is stable by this bound, itself or a later one */
    size_t first, count;  /* its slopes: entries first .. first + count - 1 of relu and slope */
} lip_refinement;

/* Refinements by layer, then neuron, upper before lower; at most one for each side. */
typedef struct lip_refinements {
    size_t count, room;
    lip_refinement *item;
    size_t used, relu_room, slope_room;
    size_t *
        relu; /* ReLU neurons, numbered through the whole network from 0; ascending for each item */
    double
        *slope; /* their lower slopes, in [0, 1]; all others keep their digit (lip_slope_digit) */
} lip_refinements;

typedef struct lip_preactivation {
    double *lo, *hi; /* units entries each: the input's box, then z of every layer */
    bool interior;   /* lip_region_has_interior */
    bool linear;     /* backward linear bounds were used, where the region is bounded */
    lip_refinements refined;
    const char *note; /* something left out that was asked for, or NULL; a constant */
} lip_preactivation;

typedef enum lip_phase { LIP_UNSTABLE, LIP_ACTIVE, LIP_INACTIVE } lip_phase;

/* How much work goes into the bounds. */
typedef struct lip_bounding {
    bool linear;     /* backward linear bounds; without them nothing of what follows */
    size_t steps;    /* steps that optimise the slopes of each target; 0: none */
    size_t programs; /* at most so many linear programs, by HiGHS */
    double work;     /* at most about so many multiplications for slopes */
    double deadline; /* lip_clock_now() after which slopes and programs are left out */
} lip_bounding;

/* What the settings ask for, begun now. */
lip_bounding lip_bounding_of(const lip_settings *settings);

/* Interval bounds, cut with backward linear bounds if `how->linear` and the region is bounded, cut with
 * optimised slopes and linear programs as `how` says.  When the watch expires the bounds found so far
 * (still proved) are kept; watch may be NULL. */
lip_status lip_preactivation_find(const lip_network *net, const lip_region *region,
                                  const lip_bounding *how, lip_watch *watch,
                                  lip_preactivation *bounds, lip_error *err);

/* The same without slopes and programs. */
lip_status lip_preactivation_create(const lip_network *net, const lip_region *region, bool linear,
                                    lip_watch *watch, lip_preactivation *bounds, lip_error *err);

void lip_preactivation_clear(lip_preactivation *bounds);

/* The phase of a neuron on the whole region; unit is an index into lo and hi.  Only for layers with a
 * ReLU. */
lip_phase lip_preactivation_phase(const lip_preactivation *bounds, size_t unit);

/* Derivative ranges for lip_enclose_reverse: [1,1], [0,0] or [0,1] by phase; [1,1] without ReLU. */
void lip_preactivation_derivatives(const lip_network *net, const lip_preactivation *bounds,
                                   double *dlo, double *dhi);

/* The ways, for one layer l whose sources have bounds already.  `digits` are the bounds that decide the
 * lower slopes: those that are being computed, or other ones. */
lip_status lip_interval_layer(const lip_network *net, const lip_region *region, size_t l,
                              lip_preactivation *bounds, lip_error *err);
lip_status lip_linear_layer(const lip_network *net, const lip_region *region, size_t l,
                            const lip_preactivation *digits, lip_watch *watch,
                            lip_preactivation *bounds, lip_error *err);

#endif
