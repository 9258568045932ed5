/* The constraint families of the lifted problem: g_k(p) >= 0 or = 0, each a few products of variables.
 *
 *     tangent   v y - v^2 >= 0                  gate    s v - v = 0
 *     switch    (s y + y) / 2 - v = 0           range   r^2 (1 + s) / 2 - v^2 >= 0
 *
 * One entry per lip_neuron, in that order; gate, switch and range only if the phases are kept.  Groups
 * (ball, bin and the dual ball) are not listed here: their products are the squares of lip_group. */
#ifndef LIP_PROBLEM_FAMILY_H
#define LIP_PROBLEM_FAMILY_H

#include "problem/lifted.h"

typedef enum lip_family {
    LIP_FAMILY_TANGENT,
    LIP_FAMILY_GATE,
    LIP_FAMILY_SWITCH,
    LIP_FAMILY_RANGE,
    LIP_FAMILIES
} lip_family;

const char *lip_family_name(lip_family family);

/* g = 0 rather than g >= 0. */
bool lip_family_equality(lip_family family);

/* Its number of constraints. */
size_t lip_family_count(const lip_lifted *lifted, lip_family family);

/* Multipliers of all families lie in one array: constraint k of a family has this place. */
static inline size_t lip_family_place(const lip_lifted *lifted, lip_family family, size_t k) {
    return (size_t)family * lifted->neurons + k;
}

/* Length of that array. */
size_t lip_family_multipliers(const lip_lifted *lifted);

/* Room that lip_family_products needs. */
size_t lip_family_most_products(const lip_lifted *lifted);

/* Write g_k as products, no (i, j) twice; their number. */
size_t lip_family_products(const lip_lifted *lifted, lip_family family, size_t k,
                           lip_product *product);

/* The value of a list of products at a point, in floating point. */
double lip_products_value(size_t count, const lip_product *product, const double *p);

#endif
