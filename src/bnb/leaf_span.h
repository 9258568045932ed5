/* The leaf `empty span`. */
#ifndef LIP_BNB_LEAF_SPAN_H
#define LIP_BNB_LEAF_SPAN_H

#include "bnb/leaf_work.h"

/* Rows of decided neurons, s z >= 0, and of undecided ones, h >= 0 and h - z >= 0: three lists of units, one after the
 * other.  `lifted`: undecided neurons may be met, as coordinates h.
 * Try all levels from the lowest listed layer downwards, with the constant 1 and without.  *empty: proved, for *level
 * and *one.  False if memory is short. */
bool lip_leaf_span(const lip_leaf *leaf, const lip_leaf_node *node, bool lifted,
                   const size_t count[3], const size_t *unit, size_t *level, bool *one,
                   bool *empty);

#endif
