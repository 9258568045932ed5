/* The constraint families of the lifted problem: g_k(p) >= 0 or = 0, each a few products of variables.
 *
 *     tangent   v y - v^2 >= 0                  gate    s v - v = 0
 *     switch    (s y + y) / 2 - v = 0           range   r^2 (1 + s) / 2 - v^2 >= 0
 *
 * One entry per lip_neuron, in that order; gate, switch and range only if the phases are kept.  Where the
 * region matters, with u = (1 + s) / 2 and h = hi (1 + h') / 2, one of each for every lip_relu:
 *
 *     square    (1 + h') (z - h) = 0         closed    (1 - s)(1 + h') = 0         open    u z - h = 0
 *     above     u z >= 0                     below     (u - 1) z >= 0
 *     phases    (hi u - z)(z - lo (1 - u)) + hi lo u (1 - u) >= 0,  the last term being 0
 *     upper     hi u - u z >= 0              lower     (1 - u)(z - lo) >= 0, lo u (1 - u) being 0
 *
 * (square, closed and open only if it has h); triangles for any three variables, and products of two of
 * the forms of problem/forms.h, as many as were added.  These are the *cuts*: lists of pairs in
 * lip_lifted.  Groups (ball, bin, the dual ball and the region) are not listed here: their products are
 * the squares of lip_group. */
#ifndef LIP_PROBLEM_FAMILY_H
#define LIP_PROBLEM_FAMILY_H

#include "problem/lifted.h"

const char *lip_family_name(lip_family family);

/* g = 0 rather than g >= 0. */
bool lip_family_equality(lip_family family);

/* Its number of constraints. */
size_t lip_family_count(const lip_lifted *lifted, lip_family family);

/* Multipliers of all families lie in one array: constraint k of a family has this place. */
size_t lip_family_place(const lip_lifted *lifted, lip_family family, size_t k);

/* Length of that array. */
size_t lip_family_multipliers(const lip_lifted *lifted);

/* Room that lip_family_products needs. */
size_t lip_family_most_products(const lip_lifted *lifted);

/* Write g_k as products, their number; no (i, j) twice but in cuts. */
size_t lip_family_products(const lip_lifted *lifted, lip_family family, size_t k,
                           lip_product *product);

/* The vectors w_i of lip_pair: how many coefficients they have, and coefficient c. */
size_t lip_vector_length(const lip_lifted *lifted, size_t i);
lip_coefficient lip_vector_entry(const lip_lifted *lifted, size_t i, size_t c);

/* Write a pair, multiplied out, as products: the product of both lengths, their number. */
size_t lip_pair_products(const lip_lifted *lifted, const lip_pair *pair, lip_product *product);

/* Cut k of a family (LIP_FIRST_CUT and up). */
const lip_cut *lip_family_cut(const lip_lifted *lifted, lip_family family, size_t k);

/* The cuts of all lip_relu: every family but triangles.  False: out of memory. */
bool lip_family_add_relus(lip_lifted *lifted);

/* r_i r_j r_k + a r_k p_i p_j + b r_j p_i p_k + a b r_i p_j p_k >= 0, r the bounds |p| <= r; three
 * different variables, i may be 0, the constant.  False: out of memory. */
bool lip_family_add_triangle(lip_lifted *lifted, size_t i, size_t j, size_t k, int a, int b);

/* (1 +- x_j)(1 +- t_j) for every coordinate that has both.  False: out of memory. */
bool lip_family_add_products(lip_lifted *lifted);

/* Form a times form b >= 0.  False: out of memory. */
bool lip_family_add_product(lip_lifted *lifted, size_t a, size_t b);

/* Cuts from triangles on are *separated*: they come and go, and are numbered triangles first. */
static inline size_t lip_family_separated(const lip_lifted *lifted) {
    return lifted->cut_count[LIP_FAMILY_TRIANGLE] + lifted->cut_count[LIP_FAMILY_PRODUCT];
}

/* Drop the separated cuts with !keep[k]; multipliers follow.  False: out of memory. */
bool lip_family_keep(lip_lifted *lifted, const bool *keep, double *lambda);

/* A bound on |p_i| over true points. */
double lip_variable_most(const lip_lifted *lifted, size_t i);

/* The value of a list of products at a point, in floating point. */
double lip_products_value(size_t count, const lip_product *product, const double *p);

#endif
