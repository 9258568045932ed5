/* Running an ONNX graph.
 *
 * The graph is interpreted, not matched against patterns: each node turns tensors into tensors, where
 * a tensor is an affine expression of the input and of earlier layers (net/expression.h).  Affine
 * operators act on the expression; Relu ends a layer of the network and starts a new expression. */
#include "read/onnx_graph.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The input ------------------------------------------------------------------------------- */

static const LipOnnx__ValueInfo *input_info(const lip_graph *g) {
    return g->proto->input[g->value[g->input].index];
}

/* The declared tensor type with a shape, or NULL. */
static const LipOnnx__TensorType *declared_type(const LipOnnx__ValueInfo *info) {
    if (info->n_type != 1 || info->type[0]->n_tensor_type != 1) return NULL;
    const LipOnnx__TensorType *type = info->type[0]->tensor_type[0];
    return type->n_shape == 1 ? type : NULL;
}

/* A free dimension in front is the batch, and one point at a time goes through a network. */
static lip_status read_dimension(const LipOnnx__Dimension *d, size_t k, const char *place,
                                 lip_error *err, size_t *size) {
    bool fixed = d->has_dim_value && d->dim_value > 0;
    if (!fixed && k > 0)
        return lip_fail(
            err, LIP_UNSUPPORTED, place,
            "only the first dimension (the batch) may be free, but dimension %zu of the "
            "input is '%.40s'; export with fixed sizes",
            k, d->dim_param && *d->dim_param ? d->dim_param : "unknown");
    *size = fixed ? (size_t)d->dim_value : 1;
    return LIP_OK;
}

static lip_status make_input(lip_graph *g) {
    lip_error *err = g->affine.err;
    lip_value *v = &g->value[g->input];
    char place[160];
    snprintf(place, sizeof place, "input '%.80s'", v->name);
    const LipOnnx__TensorType *type = declared_type(input_info(g));
    if (!type)
        return lip_fail(err, LIP_UNSUPPORTED, place, "expected a tensor with a shape, found none");
    if (!lip_type_is_float(type->elem_type))
        return lip_fail(err, LIP_UNSUPPORTED, place, "expected floating-point numbers, found %s",
                        lip_type_name(type->elem_type));
    const LipOnnx__Shape *shape = type->shape[0];
    lip_tensor *t = &v->tensor;
    t->type = type->elem_type;
    if (shape->n_dim > LIP_RANK)
        return lip_fail(err, LIP_UNSUPPORTED, place, "expected at most %d dimensions, found %zu",
                        LIP_RANK, shape->n_dim);
    t->shape.rank = shape->n_dim;
    for (size_t k = 0; k < shape->n_dim; ++k)
        LIP_TRY(read_dimension(shape->dim[k], k, place, err, &t->shape.dim[k]));
    size_t count;
    if (!lip_shape_count(&t->shape, LIP_ELEMENT_LIMIT, &count))
        return lip_fail(err, LIP_UNSUPPORTED, place,
                        "an input of shape %s is too large (limit %zu)",
                        lip_shape_text(&t->shape).text, LIP_ELEMENT_LIMIT);
    g->affine.builder = lip_builder_create(count, "onnx");
    if (!g->affine.builder) return lip_fail_memory(err);
    LIP_TRY(lip_expression_source(&g->affine, &t->e, 0, count));
    v->ready = true;
    return LIP_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void forget(lip_value *v) { lip_expression_clear(&v->tensor.e); }

static void clear_node(lip_node *n) {
    for (size_t i = 0; n->held && i < n->capacity; ++i) lip_expression_clear(&n->held[i].e);
    free(n->held);
    for (size_t i = 0; i < n->nscratch; ++i) free(n->scratch[i]);
    free(n->scratch);
}

/* Inputs that the node only looked at, or did not need, are not needed by it any more. */
static void release_inputs(lip_graph *g, const LipOnnx__Node *proto) {
    if (lip_node_reads_shape_only(proto)) return;
    for (size_t k = 0; k < proto->n_input; ++k) {
        lip_value *v = *proto->input[k] ? lip_graph_find(g, proto->input[k]) : NULL;
        if (v && --v->uses == 0) forget(v);
    }
}

/* What two readers would otherwise copy becomes a layer; what nobody reads is dropped. */
static lip_status settle_outputs(lip_graph *g, const LipOnnx__Node *proto) {
    for (size_t k = 0; k < proto->n_output; ++k) {
        lip_value *v = *proto->output[k] ? lip_graph_find(g, proto->output[k]) : NULL;
        if (!v) continue;
        if (v->uses == 0) forget(v);
        if (v->uses > 1 && v->ready && lip_expression_is_heavy(&v->tensor.e))
            LIP_TRY(lip_expression_materialise(&g->affine, &v->tensor.e));
    }
    return LIP_OK;
}

static lip_status run_node(lip_graph *g, const LipOnnx__Node *proto) {
    lip_node n = {.graph = g, .affine = &g->affine, .proto = proto, .opset = g->opset};
    g->affine.inexact = g->affine.overflow = false;
    n.capacity = proto->n_input + proto->n_output + 4;
    n.held = LIP_NEW(lip_tensor, n.capacity);
    lip_status status = n.held ? lip_node_check_names(&n) : lip_fail_memory(g->affine.err);
    if (status == LIP_OK) status = lip_operator_run(&n);
    if (status == LIP_OK) status = lip_node_check_attributes(&n);
    clear_node(&n);
    if (status == LIP_OK && g->affine.overflow)
        status = lip_fail(g->affine.err, LIP_FORMAT, NULL,
                          "folding this node into the weights overflows");
    if (status != LIP_OK) return status;
    if (g->affine.inexact) lip_builder_note_fold(g->affine.builder);
    release_inputs(g, proto);
    return settle_outputs(g, proto);
}

static lip_status run_nodes(lip_graph *g) {
    for (size_t i = 0; i < g->norder; ++i) {
        lip_status status = run_node(g, g->proto->node[g->order[i]]);
        lip_error *err = g->affine.err;
        if (status == LIP_OK) continue;
        if (status == LIP_OUT_OF_MEMORY || err->place[0]) return status;
        char place[sizeof err->place], message[sizeof err->message];
        lip_node_place(g->proto, g->order[i], place, sizeof place);
        memcpy(message, err->message, sizeof message);
        return lip_fail(err, status, place, "%s", message);
    }
    return LIP_OK;
}

/* ---- The output ------------------------------------------------------------------------------ */

static lip_status finish_output(lip_graph *g) {
    lip_value *v = &g->value[g->output];
    char place[160];
    snprintf(place, sizeof place, "output '%.80s'", v->name);
    if (v->kind == LIP_VALUE_INITIALISER) {
        LIP_TRY(lip_onnx_constant(&g->affine, g->source, g->proto->initializer[v->index],
                                  &g->external, &v->tensor));
        v->ready = true;
    }
    if (!v->ready)
        return lip_fail(g->affine.err, LIP_UNSUPPORTED, place,
                        "this output of its node is not supported");
    if (v->tensor.e.size == 0)
        return lip_fail(g->affine.err, LIP_UNSUPPORTED, place, "the output has no elements");
    if (!lip_type_is_float(v->tensor.type))
        return lip_fail(g->affine.err, LIP_UNSUPPORTED, place,
                        "expected floating-point numbers, found %s", lip_type_name(v->tensor.type));
    return lip_expression_finish(&g->affine, &v->tensor.e);
}

static lip_status run(lip_graph *g, lip_network **net) {
    LIP_TRY(lip_graph_collect(g));
    LIP_TRY(lip_graph_order(g));
    LIP_TRY(make_input(g));
    LIP_TRY(run_nodes(g));
    LIP_TRY(finish_output(g));
    return lip_builder_finish(g->affine.builder, net, g->affine.err);
}

lip_status lip_graph_run(const LipOnnx__Graph *proto, int64_t opset, const lip_source *source,
                         lip_network **net, lip_error *err) {
    lip_graph g = {.proto = proto, .source = source, .opset = opset};
    g.affine.err = err;
    g.affine.budget = LIP_NUMBER_LIMIT;
    if (source->size < SIZE_MAX / 32) g.affine.budget += 16 * source->size;
    lip_status status = run(&g, net);
    for (size_t i = 0; i < g.nvalues; ++i) lip_expression_clear(&g.value[i].tensor.e);
    free(g.value);
    free(g.order);
    lip_builder_free(g.affine.builder);
    return status;
}
