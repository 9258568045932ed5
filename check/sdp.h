/* What the files about the statement `sdp` share (certificate.md, section 9).
 *
 *   sdp.c      a part: variables, images, ranges, objective; all parts
 *   table.c    the constraints, each a sum of products of two short forms
 *   slack.c    the quadratic form p'S_p p as a sum of multiplier * function * function, its matrix
 *
 * Functions are linear in the variables p = (1, t, v, s, w, x', h') and numbered: function i is
 * variable i itself as long as there is one, then come those of neurons: y and what is passed on, z
 * and the value image.  A product with such a function stands for as many entries of the matrix as
 * the function has, so products are only multiplied out by slack.c, after the multipliers of equal
 * products were added up. */
#ifndef CHECK_SDP_H
#define CHECK_SDP_H

#include "round.h"

#define NOTHING SIZE_MAX

struct item { /* a variable and its coefficient */
    uint32_t variable;
    struct ball ball;
};
struct function {
    size_t begin, end; /* items */
};
struct pair { /* of two functions: the multiplier of their product */
    uint32_t left, right;
    struct ball m;
};
struct neuron {                /* numbers of functions, or NOTHING */
    size_t v, s, x;            /* variables; x: x' or h' */
    size_t y, z, image, value; /* images: of the tangent and of the value */
};
struct work {
    const struct problem *p;
    const struct part *part;
    struct neuron *neuron;
    size_t variables, dual; /* dual: the number of the first w */
    size_t items, functions, pairs, touches;
    struct item *item;
    struct function *function;
    struct pair *pair; /* 4 p'S_p p as a sum of products */
    struct cell *cell; /* by variable: the sums under way, 0 but for those that are touched */
    uint32_t *touched;
    double *norm, *reach, bound; /* N of layers, B of variables, U */
};

/* slack.c.  The sum under way, a function, gets another term; it ends as a list of items. */
void sum_function(struct work *w, struct ball a, size_t function, bool rounded);
size_t sum_end(struct work *w); /* its number */
void append_item(struct work *w, size_t variable, double value, double radius);
size_t end_function(struct work *w, size_t begin); /* the items from `begin` on */

struct form { /* twice a linear function: functions, some of them twice, with exact coefficients */
    struct {
        size_t function;
        double c;
    } term[6]; /* unused ones have c = 0 */
};
struct ball times_exact(struct ball a, double b);
#define FORM(...) ((struct form){{__VA_ARGS__}})
/* Add m f g to p'S_p p, f and g the functions of which the forms are the double. */
void add_product(struct work *w, struct ball m, struct form f, struct form g);
void slack_check(struct work *w); /* is S_p positive semidefinite? */

/* table.c.  The squares and the constraints of neuron i; all triangles and products. */
double inequality(double multiplier); /* itself; rejected if negative */
void constrain_tangent(struct work *w, size_t i, double range);
void constrain_point(struct work *w, size_t i);
void constrain_cuts(struct work *w);

#endif
