/* The network of a question as branch and bound reads it: dense rows, exact doubles, nothing folded.
 *
 * Units are those of lip_network: an array over the input and all layers, layer l from `offset` on.  The last
 * layer is replaced by its selected rows (S times the terms): its units are rows of S, of which only the
 * first lip_output_rows count. */
#ifndef LIP_BNB_DENSE_H
#define LIP_BNB_DENSE_H

#include "net/network.h"

typedef struct lip_dense_term {
    size_t source;
    double *row; /* rows x width of the source */
} lip_dense_term;

typedef struct lip_dense_layer {
    size_t width, offset; /* width of the last layer: rows of S */
    bool relu;
    size_t nterms;
    lip_dense_term *term;
    const double *bias; /* the network's; of no meaning for the last layer */
} lip_dense_layer;

typedef struct lip_dense {
    const lip_network *net;
    size_t layers, inputs, rows, units;
    bool rounded; /* the last layer's entries have a relative error of up to 2^-53 (a margin) */
    lip_dense_layer *layer; /* layers + 1 */
    size_t relus, *relu;    /* the units that are ReLU neurons, ascending */
    size_t *layer_of;       /* units */
} lip_dense;

/* NULL if memory is short. */
lip_dense *lip_dense_create(const lip_network *net, const lip_output *output);
void lip_dense_free(lip_dense *dense);

/* How many doubles that would take. */
double lip_dense_size(const lip_network *net);

#endif
