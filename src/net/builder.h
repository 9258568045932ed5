/* Building a network layer by layer; what every reader ends in. */
#ifndef LIP_NET_BUILDER_H
#define LIP_NET_BUILDER_H

#include "linalg/op.h"
#include "lipcert.h"

typedef struct lip_builder lip_builder;

/* NULL if memory is short.  `format` names what is being read ("onnx", ...). */
lip_builder *lip_builder_create(size_t inputs, const char *format);
void lip_builder_free(lip_builder *builder);

/* Add a layer of `width` neurons without terms and with zero bias; *index becomes its number. */
lip_status lip_builder_layer(lip_builder *builder, size_t width, bool relu, size_t *index,
                             lip_error *err);

/* The bias of a layer, width entries, to be filled in.  Valid until the builder is freed/finished. */
double *lip_builder_bias(lip_builder *builder, size_t layer);

/* Width of the input (0) or of a layer. */
size_t lip_builder_width(const lip_builder *builder, size_t layer);

/* Add op * source to a layer, source < layer.  Takes ownership of op, also on failure; a NULL op is
 * reported as out of memory, so that a constructor can be passed directly. */
lip_status lip_builder_term(lip_builder *builder, size_t layer, size_t source, lip_op *op,
                            lip_error *err);

/* Count a folding of one operation into weights in floating point. */
void lip_builder_note_fold(lip_builder *builder);

/* The network whose output is the last layer.  Checks that shapes fit and that every number is
 * finite, replaces -0 by 0, adds an identity output layer if the last layer has a ReLU, drops layers
 * that the output does not depend on, and computes what the library keeps beside it.  The builder
 * stays the caller's to free. */
lip_status lip_builder_finish(lip_builder *builder, lip_network **net, lip_error *err);

#endif
