/* From arrays with names to a chain of dense layers: the rules that .npz and .mat share. */
#ifndef LIP_READ_CHAIN_H
#define LIP_READ_CHAIN_H

#include "net/builder.h"
#include "read/reader.h"

#define LIP_NAME_SIZE 64

/* An array of a file.  A one-dimensional one has cols == 1 and `vector` set. */
typedef struct lip_named {
    char name[LIP_NAME_SIZE];
    lip_matrix m;
    bool vector;
} lip_named;

/* A builder that holds the chain x -> ... weight[l] h + bias[l] ..., ReLU after every layer but the
 * last, and after that one too if `last_relu`.  A bias without values is zero; bias may be NULL.
 * Place of failures: "layer 1" and so on. */
lip_status lip_begin_chain(size_t layers, const lip_matrix *weight, const lip_matrix *bias,
                           bool last_relu, const char *format, lip_builder **builder,
                           lip_error *err);

/* The network with the given weights and biases, after settling their orientation: rows x columns is
 * outputs x inputs if the shapes fit together that way, else inputs x outputs if they fit that way
 * throughout (the network's format then says "transposed"); a one-dimensional weight is a single row; a
 * bias may be a vector, a row or a column.
 * Matrices may be transposed in place; they stay the caller's.  bias[l] has no values: zero. */
lip_status lip_build_oriented(size_t layers, lip_named *weight, lip_named *bias, bool last_relu,
                              const char *format, lip_network **net, lip_error *err);

/* True for a name that lip_build_named looks at: A, b, c, or one of A W w b and digits. */
bool lip_is_network_name(const char *name);

/* True for every such name and for what means a parameter elsewhere: A, W, w, B, b or c, alone or with
 * digits, which `_` may separate; and everything that starts with weight or bias, in any case. */
bool lip_looks_like_parameter(const char *name);

/* The network that the names spell out: W0 b0 W1 b1 ..., W1 b1 ..., w1 b1 ..., A b c, or
 * A1 b1 A2 b2 ... c.  Arrays that look like parameters and are none of these are refused by name (they
 * need no values); others are ignored.  `found` lists what the file holds, for the message when
 * nothing fits. */
lip_status lip_build_named(lip_named *array, size_t count, const char *found, const char *format,
                           lip_network **net, lip_error *err);

#endif
