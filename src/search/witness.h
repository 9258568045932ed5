/* Lower bounds with proof: a point, a direction, and an interval evaluation that confirms them. */
#ifndef LIP_SEARCH_WITNESS_H
#define LIP_SEARCH_WITNESS_H

#include "base/rng.h"
#include "problem/task.h"

/* Buffers for confirming points of one query; reusable. */
typedef struct lip_witness {
    const lip_network *net;
    const lip_query *query;
    const lip_preactivation *bounds; /* decide neurons that are stable on the region */
    size_t k;                        /* selected outputs */
    double *c, *r;                   /* units: enclosures of h at the point */
    double *gc, *gr;                 /* units * k: enclosures of cotangents; input block: J' */
    double *d, *live;                /* units: phases; 0 where h does not change near the point */
    double *work, *t, *x;            /* scratch; direction and nudged point (inputs) */
    size_t *terms;
    size_t failures; /* points in a row that could not be decided */
    bool use_region; /* may phases come from the region's bounds?  (z may be 0 at the point then) */
} lip_witness;

lip_status lip_witness_create(const lip_network *net, const lip_query *query,
                              const lip_preactivation *bounds, lip_witness *w, lip_error *err);
void lip_witness_clear(lip_witness *w);

/* Evaluate at x by intervals.  True if every phase is decided; then J is enclosed in the input block
 * of gc, gr. */
bool lip_witness_decide(lip_witness *w, const double *x);

/* After lip_witness_decide returned true: bounds on ||J||_{p -> q}; *lower is attained in the direction
 * left in w->t.  False if memory is short. */
bool lip_witness_lower(lip_witness *w, double *lower);
bool lip_witness_upper(lip_witness *w, size_t gram_limit, double *upper);

/* Try to confirm a gradient norm at x (a point of the region), nudging x off kinks; if it beats
 * step->value, record it there and, if it beats the best lower bound, in the task's result.  After many
 * failures in a row nothing is tried any more. */
lip_status lip_witness_offer(lip_witness *w, lip_task *task, const double *x, lip_rng *rng,
                             lip_step *step, lip_error *err);

/* Say in step->note why there is no lower bound, if that is so. */
void lip_witness_explain(const lip_witness *w, lip_step *step);

#endif
