/* The lifted problem: the tangent of a network as quadratic constraints on one vector.
 *
 * p = (1, t, v, s, w):  t the input direction, v = u y the tangents of the unstable neurons, y their
 * tangents before the ReLU (linear in p), s = 2u - 1 in {-1, 1} phases, w the dual vector of the outputs.
 * Everything is scaled by powers of two so that |p_i| <= 1.  On true points
 *
 *     objective(p) = 2^-exponent w' J(x) t,    and every constraint of problem/family.h holds.
 *
 * A norm whose unit ball has few extreme points is split into *parts*, one lifted problem for each:
 * p = 1 into the coordinates (t has one entry then), q = inf into the outputs.  L is at most the largest
 * part.
 * docs/relaxations.md states every constraint with its proof.
 *
 * The neurons of a layer stand in the canonical order of problem/order.h, so that networks that differ in
 * the order of their neurons give the same problem bit for bit, but for the `index` of variables and
 * neurons, which are numbers in the network.  (As long as the same phases are known: the pre-activation
 * bounds that decide them are sums in the network's order.) */
#ifndef LIP_PROBLEM_LIFTED_H
#define LIP_PROBLEM_LIFTED_H

#include "net/network.h"
#include "region/preactivation.h"

#define LIP_NONE ((size_t)-1)

typedef enum lip_variable_kind {
    LIP_VARIABLE_ONE,     /* the constant 1, always number 0 */
    LIP_VARIABLE_INPUT,   /* t_index */
    LIP_VARIABLE_TANGENT, /* v of neuron `index` of layer `layer` */
    LIP_VARIABLE_PHASE,   /* s of that neuron */
    LIP_VARIABLE_DUAL     /* w_index */
} lip_variable_kind;

/* The true quantity is p_i 2^exponent. */
typedef struct lip_variable {
    lip_variable_kind kind;
    size_t layer, index;
    int exponent;
    size_t group;
} lip_variable;

/* sum of p_i^2 over the group's variables <= size, or = size.  Every variable is in one group. */
typedef struct lip_group {
    size_t first, count; /* variables first .. first + count - 1 */
    double size;
    bool equality;
    bool implied; /* by the family "range": left out where constraints are exported */
} lip_group;

/* A coefficient known as value +- radius. */
typedef struct lip_coefficient {
    size_t column;
    double value, radius;
} lip_coefficient;

/* (value +- radius) p_i p_j, i <= j. */
typedef struct lip_product {
    size_t i, j;
    double value, radius;
} lip_product;

/* An unstable neuron with a tangent variable.  y = sum over coefficients first .. last - 1 of
 * value p_column, in the scale of v; y^2 <= range. */
typedef struct lip_neuron {
    size_t layer, index;
    size_t v, s; /* variables; s is LIP_NONE where the phase was dropped */
    size_t first, last;
    double range;
} lip_neuron;

typedef struct lip_lifted {
    size_t n;
    lip_variable *variable;
    size_t groups;
    lip_group *group;
    size_t neurons;
    lip_neuron *neuron;
    lip_coefficient *coefficient;
    size_t products;
    lip_product *objective; /* to be maximised; no (i, j) twice */
    int exponent;
    bool phases; /* the neurons have s */
} lip_lifted;

typedef struct lip_lifted_options {
    size_t part;       /* 0 .. lip_lifted_parts - 1 */
    bool phases;       /* keep the phases of the neurons with a tangent variable */
    size_t largest;    /* refuse more variables than this; 0: LIP_LIFTED_LARGEST */
    size_t gram_limit; /* of the spectral norms that tighten ranges; see lip_settings */
} lip_lifted_options;

enum { LIP_LIFTED_LARGEST = 5000, LIP_LIFTED_SORTABLE = 1 << 25 };

/* How many lifted problems a query has. */
size_t lip_lifted_parts(const lip_network *net, const lip_query *query);

/* Coordinate of t (p = 1) and output (q = inf) of a part; LIP_NONE where the norm is not split. */
void lip_lifted_part(const lip_network *net, const lip_query *query, size_t part, size_t *input,
                     size_t *output);

/* Build one part.  A network whose matrices have more than LIP_LIFTED_SORTABLE entries keeps its order.
 * LIP_UNSUPPORTED if there are too many variables or numbers overflow. */
lip_status lip_lifted_create(const lip_network *net, const lip_preactivation *bounds,
                             const lip_query *query, const lip_lifted_options *options,
                             lip_lifted **lifted, lip_error *err);

/* The same with the neurons of a layer in the network's order, for files that others read. */
lip_status lip_lifted_create_unsorted(const lip_network *net, const lip_preactivation *bounds,
                                      const lip_query *query, const lip_lifted_options *options,
                                      lip_lifted **lifted, lip_error *err);

void lip_lifted_free(lip_lifted *lifted);

#endif
