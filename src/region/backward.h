/* The proved backward pass: upper bounds of +-z of one layer's neurons, given lower slopes. */
#ifndef LIP_REGION_BACKWARD_H
#define LIP_REGION_BACKWARD_H

#include "region/preactivation.h"

/* Upper bounds of sign * z of one neuron of a layer. */
typedef struct lip_target {
    size_t neuron; /* 0 .. width - 1 of its layer */
    double sign;   /* 1 or -1 */
} lip_target;

typedef struct lip_backward lip_backward;

/* Room for passes of up to `columns` targets of layer l.  The bounds of earlier layers must stay as
 * they are while it is in use; `digits` may be the same.  NULL if memory is short. */
lip_backward *lip_backward_create(const lip_network *net, const lip_region *region,
                                  const lip_preactivation *bounds, const lip_preactivation *digits,
                                  size_t l, size_t columns);
void lip_backward_free(lip_backward *w);

/* bound[j] >= sign_j z_j on the region for k targets; INFINITY where nothing was proved.
 * slope[unit * k + j] in [0, 1] is the lower slope of a neuron in column j; NULL: the digits (below)
 * for all.  used[unit * k + j] becomes true where a slope entered the result; it may be NULL, and must
 * be false everywhere at first. */
void lip_backward_bound(lip_backward *w, size_t k, const lip_target *target, const double *slope,
                        bool *used, double *bound);

/* The lower slope that every neuron has unless a better one is given: 0 or 1. */
static inline double lip_slope_digit(const lip_preactivation *bounds, size_t unit) {
    return bounds->hi[unit] > -bounds->lo[unit] ? 1 : 0;
}

/* The chord h <= s z + t above max(z, 0) on [lo, hi], lo < 0 < hi: t rounded up, any s is right. */
typedef struct lip_chord {
    double s, t;
} lip_chord;
lip_chord lip_chord_of(double lo, double hi);

#endif
