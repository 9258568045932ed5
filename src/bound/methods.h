/* Methods by number: index into lip_methods(), 0 being "auto". */
#ifndef LIP_BOUND_METHODS_H
#define LIP_BOUND_METHODS_H

#include "problem/task.h"

size_t lip_method_count(void);
lip_method_fn lip_method_function(size_t index); /* NULL for "auto" */
lip_side lip_method_side(size_t index);

/* shor is not: tangent is as good and fits more networks; nor are ascent, which is part of search, and the published
 * hierarchies, which are for small networks; hr2 on bounded regions, point only if there is one.  exact or tight, with which auto
 * ends, are chosen when the bounds before them are known (bound.c). */
bool lip_method_in_auto(size_t index, const lip_query *query);

/* Refuse a method that was asked for by name and does not fit the network or query, saying what fits. */
lip_status lip_method_check(size_t index, const lip_network *net, const lip_query *query,
                            lip_error *err);

#endif
