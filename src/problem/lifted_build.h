/* What lifted.c, lifted_image.c and lifted_objective.c share while a lifted problem is being built. */
#ifndef LIP_PROBLEM_LIFTED_BUILD_H
#define LIP_PROBLEM_LIFTED_BUILD_H

#include "problem/lifted.h"

typedef enum lip_role {
    LIP_ROLE_PASS,    /* active, without ReLU, or input: the tangent passes unchanged */
    LIP_ROLE_DEAD,    /* inactive, or its tangent is 0 */
    LIP_ROLE_TANGENT, /* unstable, with a variable v */
    LIP_ROLE_READOUT  /* unstable and read by a scalar output only: u y, without a variable v */
} lip_role;

/* The tangents of a layer's h as linear functions of p: width x columns, midpoints and radii. */
typedef struct lip_image {
    double *mid, *rad;
    bool units; /* every row is 0 or one power of two, without radius */
} lip_image;

/* A network with its neurons in canonical order: what remains of it for lifting. */
typedef struct lip_sorted {
    lip_network *net;
    lip_preactivation bounds;
    size_t **order; /* by layer and place: the number in the given network */
} lip_sorted;

typedef struct lip_lifting {
    const lip_network *net; /* sorted, but where it is too large */
    const lip_preactivation *bounds;
    const lip_query *query;
    const lip_lifted_options *options;
    lip_lifted *lifted;
    size_t input, output; /* of the part, or LIP_NONE */
    bool scalar;          /* one output; then selection says which */
    lip_output selection;
    size_t inputs;  /* variables t */
    size_t columns; /* room for 1, t and v */
    size_t used;    /* of them in use */
    size_t coefficient_capacity, neuron_capacity;
    unsigned char *role; /* by unit */
    double *range;       /* by unit: bound on |tangent of h| */
    double *most;        /* by column: bound on |p| */
    double *norm;        /* by layer: bound on the 2-norm of the tangent of h */
    bool *inner;         /* by layer: read by a layer other than the output layer */
    size_t *last_reader; /* by layer */
    lip_image *image;    /* by layer; freed once its last reader is done */
    const char *noun;    /* what the images are of, for messages */
} lip_lifting;

/* x * 2^exponent as value +- radius: |value| is 0 or at least 2^-900, radius 0 or at least 2^-950, so
 * that halving them later is exact. */
lip_coefficient lip_lifted_scale(double value, double radius, int exponent);

/* What a certificate will claim for a proved range r: 2^exponent times the result, which is less than 1 and at
 * least 2^-400. */
double lip_lifted_claim(double r, int *exponent);

/* A sorted copy; *sorted stays as it is, zeroed by the caller, if the matrices have too many entries.
 * False if memory is short.  Names are left out; biases do not decide the order. */
bool lip_sorted_create(const lip_network *net, const lip_preactivation *bounds, lip_sorted *sorted);
void lip_sorted_clear(lip_sorted *sorted);

/* The image of the input. */
bool lip_lifting_input(lip_lifting *b);

/* The image of z_l, then of h_l with new variables for its unstable neurons. */
lip_status lip_lifting_layer(lip_lifting *b, size_t l, lip_error *err);

/* The image of z_l alone, for the output layer. */
lip_status lip_lifting_preimage(lip_lifting *b, size_t l, lip_error *err);

void lip_image_clear(lip_image *image);

/* Fill lifted->objective, and add the phases of readouts and the dual vector. */
lip_status lip_lifting_objective(lip_lifting *b, lip_error *err);

/* Add the variables, rows and cuts of the region. */
lip_status lip_lifting_region(lip_lifting *b, lip_error *err);

/* Add a variable to the group that is being built; the caller has counted them before. */
size_t lip_lifting_variable(lip_lifting *b, lip_variable_kind kind, size_t layer, size_t index,
                            int exponent);

#endif
