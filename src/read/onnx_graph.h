/* Running an ONNX graph symbolically: the graph, and one node of it as an operator sees it. */
#ifndef LIP_READ_ONNX_GRAPH_H
#define LIP_READ_ONNX_GRAPH_H

#include "read/onnx_tensor.h"

/* A result may have this many elements more than the files have bytes. */
#define LIP_ELEMENT_LIMIT ((size_t)1 << 24)

/* Numbers that reading may make, before the file's size is counted in (see lip_affine.budget). */
#define LIP_NUMBER_LIMIT ((size_t)1 << 26)

/* A named tensor: an initialiser, the input, or an output of a node. */
typedef struct lip_value {
    const char *name;
    enum { LIP_VALUE_INITIALISER, LIP_VALUE_INPUT, LIP_VALUE_NODE } kind;
    size_t index; /* of the initialiser or the node */
    size_t uses;  /* how often it is still to be read */
    bool ready;   /* tensor is there */
    lip_tensor tensor;
} lip_value;

typedef struct lip_graph {
    const LipOnnx__Graph *proto;
    const lip_source *source;
    int64_t opset;
    lip_affine affine;
    size_t external;  /* bytes of external data read */
    lip_value *value; /* sorted by name */
    size_t nvalues;
    size_t *order; /* the nodes that the output needs, each after those it needs */
    size_t norder;
    size_t input, output; /* values */
} lip_graph;

/* A node being run.  Everything it holds is freed when it is done. */
typedef struct lip_node {
    lip_graph *graph;
    lip_affine *affine; /* of the graph */
    const LipOnnx__Node *proto;
    int64_t opset;
    lip_tensor *held; /* tensors taken or made */
    size_t nheld, capacity;
    void **scratch;
    size_t nscratch, scratch_capacity;
    uint64_t read_attributes; /* bit i: attribute i was understood */
} lip_node;

/* ---- The graph (onnx_graph.c, onnx_order.c) ---------------------------------------------- */

/* Build the network of a decoded graph. */
lip_status lip_graph_run(const LipOnnx__Graph *proto, int64_t opset, const lip_source *source,
                         lip_network **net, lip_error *err);

/* The value of a name, or NULL. */
lip_value *lip_graph_find(const lip_graph *g, const char *name);

/* Collect the values, refusing names that are defined twice. */
lip_status lip_graph_collect(lip_graph *g);

/* Find the input and the output, order the nodes and count uses.  Refuses several inputs or outputs,
 * tensors that nothing defines, and cycles. */
lip_status lip_graph_order(lip_graph *g);

/* A node that needs the shape of its input only, so that its reading does not count as a use. */
bool lip_node_reads_shape_only(const LipOnnx__Node *node);

/* "node 'name' (Op)" or "node 3 (Op)", with the output's name. */
void lip_node_place(const LipOnnx__Graph *graph, size_t node, char *text, size_t size);

/* ---- What operators call (onnx_node.c).  Errors get the node's place from the caller. ------- */

/* Zeroed memory that lives as long as the node; NULL with the error set. */
void *lip_node_memory(lip_node *n, size_t count, size_t size);

/* Is input i given?  (An empty name means absent.) */
bool lip_node_has(const lip_node *n, size_t i);

/* Input i, which must be there: to look at, or moved out (copied if it is needed again). */
lip_status lip_node_look(lip_node *n, size_t i, const lip_tensor **t);
lip_status lip_node_take(lip_node *n, size_t i, lip_tensor **t);

/* Input i as constant numbers, or as integers; *value lives as long as the node. */
lip_status lip_node_numbers(lip_node *n, size_t i, const double **value, size_t *count);
lip_status lip_node_integers(lip_node *n, size_t i, const int64_t **value, size_t *count);

/* A new tensor held by the node: empty, or a constant of zeros. */
lip_status lip_node_new(lip_node *n, lip_tensor **t);
lip_status lip_node_zeros(lip_node *n, int32_t type, const lip_shape *shape, lip_tensor **t);

/* t becomes output k.  Fails if its size does not fit its shape, or a number has overflowed. */
lip_status lip_node_give(lip_node *n, size_t k, lip_tensor *t);

/* Attributes, with a default.  A wrong type, a value in the field of another type, and several values
 * are refused. */
lip_status lip_node_int(lip_node *n, const char *name, int64_t otherwise, int64_t *value);
lip_status lip_node_float(lip_node *n, const char *name, double otherwise, double *value);
/* *value is NULL if absent. */
lip_status lip_node_ints(lip_node *n, const char *name, const int64_t **value, size_t *count);
lip_status lip_node_floats(lip_node *n, const char *name, const float **value, size_t *count);
/* text is cut to its size; "" if absent. */
lip_status lip_node_string(lip_node *n, const char *name, char *text, size_t size);
/* *proto is NULL if absent. */
lip_status lip_node_attached(lip_node *n, const char *name, const LipOnnx__Tensor **proto);
/* An attribute that does not matter here. */
void lip_node_ignore(lip_node *n, const char *name);

/* Refuse two attributes of one name, and more than a node can keep track of; before all else. */
lip_status lip_node_check_names(lip_node *n);

/* Refuse attributes that nobody has asked for: they may change what the node computes. */
lip_status lip_node_check_attributes(lip_node *n);

/* An axis in -rank .. rank-1 as 0 .. rank-1. */
lip_status lip_node_axis(lip_node *n, int64_t axis, size_t rank, size_t *out);

/* A list of axes as flags; from input `i` since opset `since`, from attribute `name` before. */
lip_status lip_node_axes(lip_node *n, int64_t since, size_t i, const char *name, size_t rank,
                         bool *given, bool flag[LIP_RANK]);

/* The same choice of form, as a list; *value is NULL if neither is there. */
lip_status lip_node_list(lip_node *n, int64_t since, size_t i, const char *name,
                         const int64_t **value, size_t *count);

/* Number of elements of a shape within the limits, or a refusal. */
lip_status lip_node_count(lip_node *n, const lip_shape *shape, size_t *count);

/* lip_shape_walk into memory of the node. */
lip_status lip_node_walk(lip_node *n, const lip_shape *shape, size_t base, const ptrdiff_t *stride,
                         const size_t **index);

/* For each element of `to`, the element of `from` that numpy's broadcasting puts there. */
lip_status lip_node_broadcast(lip_node *n, const lip_shape *from, const lip_shape *to,
                              const size_t **index);

/* ---- Operators (onnx_ops_*.c, listed in onnx_operators.c) ---------------------------------- */

/* Run a node on its operator, or refuse it by name. */
lip_status lip_operator_run(lip_node *n);

/* Replace dimension `axis` by one of length `length`, where entry i is old entry map[i] or zero. */
lip_status lip_tensor_pick_axis(lip_node *n, lip_tensor *t, size_t axis, size_t length,
                                const size_t *map);
lip_status lip_tensor_transpose(lip_node *n, lip_tensor *t, const size_t *perm);

/* Sum (or mean) over the flagged axes, which stay with length 1 if `keep`. */
lip_status lip_tensor_reduce(lip_node *n, lip_tensor *t, const bool *flag, bool mean, bool keep);

/* x += y (x -= y) with broadcasting; the result is in x. */
lip_status lip_tensor_add(lip_node *n, lip_tensor *x, lip_tensor *y, bool subtract);
/* x *= factor. */
lip_status lip_tensor_scale(lip_node *n, lip_tensor *x, double factor);

lip_status lip_onnx_relu(lip_node *n), lip_onnx_identity(lip_node *n), lip_onnx_cast(lip_node *n),
    lip_onnx_add(lip_node *n), lip_onnx_sub(lip_node *n), lip_onnx_mul(lip_node *n),
    lip_onnx_div(lip_node *n), lip_onnx_neg(lip_node *n), lip_onnx_sum(lip_node *n),
    lip_onnx_batch_norm(lip_node *n), lip_onnx_dropout(lip_node *n);
lip_status lip_onnx_gemm(lip_node *n), lip_onnx_matmul(lip_node *n);
lip_status lip_onnx_conv(lip_node *n), lip_onnx_average_pool(lip_node *n),
    lip_onnx_global_average_pool(lip_node *n), lip_onnx_reduce_sum(lip_node *n),
    lip_onnx_reduce_mean(lip_node *n);
lip_status lip_onnx_flatten(lip_node *n), lip_onnx_reshape(lip_node *n),
    lip_onnx_squeeze(lip_node *n), lip_onnx_unsqueeze(lip_node *n), lip_onnx_transpose(lip_node *n),
    lip_onnx_constant_node(lip_node *n), lip_onnx_shape(lip_node *n),
    lip_onnx_constant_of_shape(lip_node *n);
lip_status lip_onnx_concat(lip_node *n), lip_onnx_slice(lip_node *n), lip_onnx_split(lip_node *n),
    lip_onnx_gather(lip_node *n), lip_onnx_pad(lip_node *n);

#endif
