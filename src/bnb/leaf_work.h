/* What the files about leaf proofs share. */
#ifndef LIP_BNB_LEAF_WORK_H
#define LIP_BNB_LEAF_WORK_H

#include "base/round.h"
#include "bnb/leaf.h"

/* Room for the slack matrix of a leaf (leaf_sdp.c) and for what the other proofs need by unit. */
struct lip_leaf {
    const lip_dense *dense;
    lip_norm norm_in, norm_out;
    lip_leaf_part part;
    size_t roundings; /* more than those on any way through the network, those of sums included */

    /* Variables: t, v of the neurons with role v by unit, then w or the constant 1. */
    size_t inputs, neurons, outputs; /* how many of each */
    size_t room;                     /* for v, w and 1: columns of `side` and `corner` */
    size_t stride;                   /* of y */
    char *role;                      /* units: a, i, v; for others a */
    bool *reached;                   /* units: y has entries */
    size_t *variable;                /* units with role v: the number of v */
    size_t *width;                   /* layers + 1: y of a layer uses so many variables */
    double *y;                       /* units - inputs rows */
    double *ahead, *back;            /* units: magnitudes, passed on and passed back */
    double *diagonal, *scale, *sum;  /* by variable */
    double *side, *corner; /* t by v, w and 1; v, w and 1 by themselves (upper triangle) */
    double one, *input, *dual, *tangent; /* the multipliers as they are written */
};

/* |x| with tiny numbers enlarged (base/round.h), without a function call. */
static inline double lip_leaf_size(double x) {
    double a = x < 0 ? -x : x;
    return a >= LIP_TINY ? a : a == 0 ? 0 : LIP_TINY;
}

/* As lipcheck takes a neuron of which both phases are known (its range is 0, or the cell is empty): inactive. */
static inline lip_phase lip_leaf_linear(const lip_leaf_node *node, size_t unit) {
    if (node->path[unit] == LIP_INACTIVE || node->hi[unit] <= 0) return LIP_INACTIVE;
    return lip_leaf_phase(node, unit);
}

/* y of a unit that is no input. */
static inline double *lip_leaf_y(const lip_leaf *leaf, size_t unit) {
    return leaf->y + (unit - leaf->dense->inputs) * leaf->stride;
}

/* How many units a layer has as leaf proofs see it: of the last one, only a fixed row. */
static inline void lip_leaf_units(const lip_leaf *leaf, size_t l, size_t *first, size_t *last) {
    const lip_dense_layer *layer = &leaf->dense->layer[l];
    bool fixed = l == leaf->dense->layers && leaf->part.output == LIP_SET_FIXED;
    *first = fixed ? leaf->part.output_index : 0;
    *last = fixed ? leaf->part.output_index + 1 : layer->width;
}

#endif
