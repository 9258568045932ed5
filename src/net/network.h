/* The network inside the library.
 *
 * Layers are numbered 1 .. layers in an order of evaluation; index 0 is the input.
 *     z_l = sum over terms t of layer l:  op_t h_{source_t}   +  bias_l
 *     h_l = max(z_l, 0) if layer l has a ReLU, else z_l;        h_0 = x,   f(x) = z_layers.
 * Layers without ReLU other than the last arise where two affine maps follow each other and are
 * better kept apart than multiplied out. */
#ifndef LIP_NET_NETWORK_H
#define LIP_NET_NETWORK_H

#include "linalg/op.h"
#include "lipcert.h"

typedef struct lip_term {
    size_t source; /* 0 or an earlier layer */
    lip_op *op;
    lip_op *magnitude; /* |op| with lip_magnitude applied: error terms and norms need it */
} lip_term;

typedef struct lip_layer {
    size_t width;
    bool relu;
    size_t nterms;
    lip_term *term;
    double *bias;
    size_t offset; /* where this layer starts in an array over the input and all layers */
} lip_layer;

struct lip_network {
    size_t layers;
    lip_layer *layer; /* layers + 1 of them; layer[0] is the input: a width, no terms, no ReLU */
    size_t units;     /* inputs and all widths: length of an array over everything */
    size_t folds;
    char format[32];
    char sha256[65];
};

static inline size_t lip_inputs(const lip_network *net) { return net->layer[0].width; }
static inline size_t lip_outputs(const lip_network *net) { return net->layer[net->layers].width; }

/* Forward pass for k points.  h and z have units * k entries, a layer's block starts at offset * k;
 * the caller has filled the input block of h; that of z is left alone. */
void lip_forward(const lip_network *net, size_t k, double *h, double *z);

/* Reverse pass for a block of k cotangents at one pattern.  d has one factor per unit (d h / d z of
 * that neuron; 1 for layers without ReLU, ignored for the input); g has units * k entries, zero but
 * for the output block, which the caller has filled.  On return the input block is the product
 * J' times that; the other blocks hold the cotangents of z. */
void lip_reverse(const lip_network *net, size_t k, const double *d, double *g);

/* d[units] = 1 where z > 0 or the layer has no ReLU, else 0. */
void lip_pattern(const lip_network *net, const double *z, double *d);

/* The number of rows that an output selection has: 1 or the number of outputs. */
size_t lip_output_rows(const lip_network *net, const lip_output *output);

/* Fill block[outputs * k], k = lip_output_rows, with the transposed selection matrix: column r of the
 * block is the cotangent of selected output r. */
void lip_output_block(const lip_network *net, const lip_output *output, double *block);

/* Refuse a query that does not fit the network, or has no region or an unknown norm. */
lip_status lip_query_check(const lip_network *net, const lip_query *query, lip_error *err);

#endif
