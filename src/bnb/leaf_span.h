/* The leaf `empty span`. */
#ifndef LIP_BNB_LEAF_SPAN_H
#define LIP_BNB_LEAF_SPAN_H

#include "bnb/leaf_work.h"

/* Try all levels from the lowest listed layer downwards, with the constant 1 and without.  *empty: proved, for *level
 * and *one.  False if memory is short. */
bool lip_leaf_span(const lip_leaf *leaf, const lip_leaf_node *node, size_t count,
                   const size_t *unit, size_t *level, bool *one, bool *empty);

#endif
