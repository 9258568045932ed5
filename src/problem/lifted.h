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
    LIP_VARIABLE_DUAL,    /* w_index */
    LIP_VARIABLE_POINT,   /* x'_index, x_index = centre + width x' */
    LIP_VARIABLE_STATE    /* h' of that neuron, h = hi (1 + h') / 2 */
} lip_variable_kind;

/* The true quantity is p_i 2^exponent; of points and states centre + width p_i. */
typedef struct lip_variable {
    lip_variable_kind kind;
    size_t layer, index;
    int exponent;
    size_t group;
    double centre, width;
    double most; /* |p_i| <= most <= 1 on true points */
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
 * value p_column, in the scale of v; |y| <= most of v, and range is its square, rounded up.  most is a claim
 * (lip_claim): a little more than what was proved. */
typedef struct lip_neuron {
    size_t layer, index;
    size_t v, s; /* variables; s is LIP_NONE where the phase was dropped */
    size_t first, last;
    double range;
} lip_neuron;

/* A linear form of p: coefficients first .. last - 1 of row_coefficient, no column twice. */
typedef struct lip_row {
    size_t first, last;
} lip_row;

/* An unstable neuron whose pre-activation is a row: z = 2^exponent row(p), lo <= row(p) <= hi.  lo and hi are
 * claims: a little wider than what was proved.  Only where the region matters. */
typedef struct lip_relu {
    size_t layer, index;
    size_t s,
        state; /* variables; state is LIP_NONE where nothing but the output reads the neuron */
    size_t row;
    double lo, hi; /* lo < 0 < hi */
    int exponent;
    bool value_only; /* s says nothing about a tangent: no path from t, or none to the output */
} lip_relu;

/* The families of constraints; problem/family.h. */
typedef enum lip_family {
    LIP_FAMILY_TANGENT,
    LIP_FAMILY_GATE,
    LIP_FAMILY_SWITCH,
    LIP_FAMILY_RANGE,
    LIP_FAMILY_SQUARE,
    LIP_FAMILY_CLOSED,
    LIP_FAMILY_OPEN,
    LIP_FAMILY_ABOVE,
    LIP_FAMILY_BELOW,
    LIP_FAMILY_PHASES,
    LIP_FAMILY_UPPER,
    LIP_FAMILY_LOWER,
    LIP_FAMILY_TRIANGLE,
    LIP_FAMILY_PRODUCT,
    LIP_FAMILIES,
    LIP_FIRST_CUT = LIP_FAMILY_SQUARE
} lip_family;

/* factor w_i(p) w_j(p): w_i = p_i for i < n, then b_k = y - v of neuron k = i - n, then the rows. */
typedef struct lip_pair {
    double factor;
    size_t i, j;
} lip_pair;

/* Linear forms that are >= 0 on true points, for products of two of them.  r bounds |p_i|. */
typedef enum lip_form_kind {
    LIP_FORM_VARIABLE, /* r + sign p_of */
    LIP_FORM_CLOSED,   /* h - z of lip_relu `of`, which has h */
    LIP_FORM_UPPER,    /* hi u - h of such a one */
    LIP_FORM_LOWER,    /* z - h - lo (1 - u) of such a one */
    LIP_FORM_TOP,      /* hi u - z of a lip_relu without h */
    LIP_FORM_BOTTOM,   /* z - lo (1 - u) of such a one */
    LIP_FORM_ON,       /* r u + sign v of lip_neuron `of` */
    LIP_FORM_OFF       /* r (1 - u) + sign (y - v) */
} lip_form_kind;

typedef struct lip_form {
    lip_form_kind kind;
    size_t of;
    int sign;
    size_t row;
} lip_form;

/* A constraint that is written down, pairs first .. last - 1.  What `of` and `sign` mean depends on the
 * family: of[0] is the number of a lip_relu; for triangles three variables, sign those of products
 * with of[0]; for products two numbers of forms. */
typedef struct lip_cut {
    lip_family family;
    size_t of[3];
    signed char sign[2];
    size_t first, last;
} lip_cut;

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

    /* The region; all empty unless lip_lifted_options.region. */
    size_t rows, relus;
    lip_row *row;
    lip_coefficient *row_coefficient;
    lip_relu *relu;
    size_t forms, row_room, row_coefficient_room;
    lip_form *form; /* none until lip_forms_create */

    /* Cuts in the order of their families; problem/family.h adds and removes them. */
    size_t cuts, cut_capacity, pairs, pair_capacity;
    lip_cut *cut;
    lip_pair *pair;
    size_t cut_count[LIP_FAMILIES];
} lip_lifted;

typedef struct lip_lifted_options {
    size_t part;       /* 0 .. lip_lifted_parts - 1 */
    bool phases;       /* keep the phases of the neurons with a tangent variable */
    size_t largest;    /* refuse more variables than this; 0: LIP_LIFTED_LARGEST */
    size_t gram_limit; /* of the spectral norms that tighten ranges; see lip_settings */
    bool region; /* variables for x and h, and rows z, if the region is bounded; needs phases */
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
