/* ONNX operators that give the same elements another shape or order, and those that make constants. */
#include "base/error.h"
#include "base/memory.h"
#include "read/onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Transpose --------------------------------------------------------------------------------- */

lip_status lip_tensor_transpose(lip_node *n, lip_tensor *t, const size_t *perm) {
    size_t strides[LIP_RANK];
    ptrdiff_t stride[LIP_RANK];
    lip_shape shape = t->shape;
    const size_t *index;
    lip_shape_strides(&t->shape, strides);
    for (size_t k = 0; k < shape.rank; ++k) {
        shape.dim[k] = t->shape.dim[perm[k]];
        stride[k] = (ptrdiff_t)strides[perm[k]];
    }
    LIP_TRY(lip_node_walk(n, &shape, 0, stride, &index));
    t->shape = shape;
    return lip_expression_pick(n->affine, &t->e, t->e.size, index);
}

lip_status lip_onnx_transpose(lip_node *n) {
    const int64_t *given;
    size_t count, perm[LIP_RANK];
    bool seen[LIP_RANK] = {false};
    lip_tensor *t;
    LIP_TRY(lip_node_ints(n, "perm", &given, &count));
    LIP_TRY(lip_node_take(n, 0, &t));
    size_t rank = t->shape.rank;
    if (given && count != rank)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute perm has %zu entries for a tensor of shape %s", count,
                        lip_shape_text(&t->shape).text);
    for (size_t k = 0; k < rank; ++k) {
        perm[k] = rank - 1 - k;
        if (given) LIP_TRY(lip_node_axis(n, given[k], rank, &perm[k]));
        if (seen[perm[k]])
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "attribute perm is no permutation");
        seen[perm[k]] = true;
    }
    LIP_TRY(lip_tensor_transpose(n, t, perm));
    return lip_node_give(n, 0, t);
}

/* ---- The same order ---------------------------------------------------------------------------- */

lip_status lip_onnx_flatten(lip_node *n) {
    int64_t axis;
    lip_tensor *t;
    LIP_TRY(lip_node_int(n, "axis", 1, &axis));
    LIP_TRY(lip_node_take(n, 0, &t));
    int64_t rank = (int64_t)t->shape.rank;
    if (axis < -rank || axis > rank)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "axis %lld is outside a tensor with %zu dimensions", (long long)axis,
                        t->shape.rank);
    size_t cut = (size_t)(axis < 0 ? axis + rank : axis);
    lip_shape shape = {2, {1, 1}};
    for (size_t k = 0; k < t->shape.rank; ++k) shape.dim[k >= cut] *= t->shape.dim[k];
    t->shape = shape;
    return lip_node_give(n, 0, t);
}

/* The shape that Reshape asks for: 0 copies a dimension (unless allowzero), -1 is what is left. */
static lip_status new_shape(lip_node *n, const lip_tensor *t, const int64_t *wanted, size_t count,
                            bool allow_zero, lip_shape *shape) {
    lip_error *err = n->affine->err;
    size_t product = 1, unknown = LIP_RANK;
    if (count > LIP_RANK)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected a shape of at most %d dimensions, found %zu", LIP_RANK, count);
    shape->rank = count;
    for (size_t k = 0; k < count; ++k) {
        bool copy = wanted[k] == 0 && !allow_zero;
        if (wanted[k] < -1 || (wanted[k] == -1 && unknown < LIP_RANK) ||
            (copy && k >= t->shape.rank))
            return lip_fail(err, LIP_FORMAT, NULL,
                            "entry %zu of the wanted shape, %lld, has no meaning for an input of "
                            "shape %s",
                            k, (long long)wanted[k], lip_shape_text(&t->shape).text);
        if (wanted[k] == -1) {
            unknown = k;
            continue;
        }
        shape->dim[k] = copy ? t->shape.dim[k] : (size_t)wanted[k];
        if (!lip_multiply_sizes(product, shape->dim[k], &product))
            return lip_fail(err, LIP_FORMAT, NULL, "the wanted shape is too large");
    }
    if (unknown < LIP_RANK) shape->dim[unknown] = product ? t->e.size / product : 0;
    size_t made = unknown < LIP_RANK ? product * shape->dim[unknown] : product;
    if (made != t->e.size)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "%zu elements (shape %s) cannot take the wanted shape", t->e.size,
                        lip_shape_text(&t->shape).text);
    return LIP_OK;
}

lip_status lip_onnx_reshape(lip_node *n) {
    const int64_t *wanted;
    size_t count;
    int64_t allow_zero = 0;
    lip_tensor *t;
    lip_shape shape;
    LIP_TRY(lip_node_list(n, 5, 1, "shape", &wanted, &count));
    if (!wanted) return lip_fail(n->affine->err, LIP_FORMAT, NULL, "the wanted shape is missing");
    if (n->opset >= 14) LIP_TRY(lip_node_int(n, "allowzero", 0, &allow_zero));
    LIP_TRY(lip_node_take(n, 0, &t));
    LIP_TRY(new_shape(n, t, wanted, count, allow_zero != 0, &shape));
    t->shape = shape;
    return lip_node_give(n, 0, t);
}

lip_status lip_onnx_squeeze(lip_node *n) {
    lip_tensor *t;
    bool given, flag[LIP_RANK];
    LIP_TRY(lip_node_take(n, 0, &t));
    LIP_TRY(lip_node_axes(n, 13, 1, "axes", t->shape.rank, &given, flag));
    lip_shape shape = {0, {0}};
    for (size_t k = 0; k < t->shape.rank; ++k) {
        if (given && flag[k] && t->shape.dim[k] != 1)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "axis %zu of a tensor of shape %s has not length 1", k,
                            lip_shape_text(&t->shape).text);
        if (given ? flag[k] : t->shape.dim[k] == 1) continue;
        shape.dim[shape.rank++] = t->shape.dim[k];
    }
    t->shape = shape;
    return lip_node_give(n, 0, t);
}

lip_status lip_onnx_unsqueeze(lip_node *n) {
    lip_tensor *t;
    const int64_t *axis;
    size_t count;
    bool given, flag[LIP_RANK];
    LIP_TRY(lip_node_list(n, 13, 1, "axes", &axis, &count));
    LIP_TRY(lip_node_take(n, 0, &t));
    if (count > LIP_RANK || t->shape.rank + count > LIP_RANK)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the result would have more than %d dimensions", LIP_RANK);
    lip_shape shape = {t->shape.rank + count, {0}};
    LIP_TRY(lip_node_axes(n, 13, 1, "axes", shape.rank, &given, flag));
    if (!given) return lip_fail(n->affine->err, LIP_FORMAT, NULL, "the axes are missing");
    for (size_t k = 0, from = 0; k < shape.rank; ++k)
        shape.dim[k] = flag[k] ? 1 : t->shape.dim[from++];
    t->shape = shape;
    return lip_node_give(n, 0, t);
}

/* ---- Constants --------------------------------------------------------------------------------- */

/* `value`, the only form before opset 12. */
static lip_status constant_tensor(lip_node *n, const char *name, lip_tensor **t) {
    const LipOnnx__Tensor *proto;
    *t = NULL;
    LIP_TRY(lip_node_attached(n, name, &proto));
    if (!proto) return LIP_OK;
    LIP_TRY(lip_node_new(n, t));
    return lip_onnx_constant(n->affine, n->graph->source, proto, &n->graph->external, *t);
}

static bool names_attribute(const lip_node *n, const char *name) {
    for (size_t i = 0; i < n->proto->n_attribute; ++i)
        if (n->proto->attribute[i]->name && strcmp(n->proto->attribute[i]->name, name) == 0)
            return true;
    return false;
}

/* value_float, value_floats, value_int, value_ints. */
static lip_status constant_list(lip_node *n, lip_tensor **t) {
    const int64_t *integer;
    const float *real;
    int64_t one_integer = 0;
    double one_real = 0;
    size_t integers, reals;
    lip_shape shape = {0, {0}};
    LIP_TRY(lip_node_ints(n, "value_ints", &integer, &integers));
    LIP_TRY(lip_node_floats(n, "value_floats", &real, &reals));
    bool is_list = integer || real;
    if (!is_list && names_attribute(n, "value_int"))
        LIP_TRY(lip_node_int(n, "value_int", 0, &one_integer));
    else if (!is_list && names_attribute(n, "value_float"))
        LIP_TRY(lip_node_float(n, "value_float", 0, &one_real));
    else if (!is_list)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "expected the attribute value, value_float(s) or value_int(s)");
    bool is_integer = integer || (!real && names_attribute(n, "value_int"));
    if (is_list) shape = (lip_shape){1, {integer ? integers : reals}};
    LIP_TRY(lip_node_zeros(n, is_integer ? LIP_INT64 : LIP_FLOAT, &shape, t));
    for (size_t i = 0; i < (*t)->e.size; ++i) {
        double v = integer      ? (double)integer[i]
                   : real       ? (double)real[i]
                   : is_integer ? (double)one_integer
                                : one_real;
        if (!isfinite(v))
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "element %zu is not a finite number",
                            i);
        (*t)->e.constant[i] = v;
    }
    return LIP_OK;
}

lip_status lip_onnx_constant_node(lip_node *n) {
    lip_tensor *t;
    LIP_TRY(constant_tensor(n, "value", &t));
    if (!t) LIP_TRY(constant_list(n, &t));
    return lip_node_give(n, 0, t);
}

lip_status lip_onnx_shape(lip_node *n) {
    const lip_tensor *t;
    lip_tensor *out;
    LIP_TRY(lip_node_look(n, 0, &t));
    int64_t rank = (int64_t)t->shape.rank, start = 0, end = rank;
    if (n->opset >= 15) {
        LIP_TRY(lip_node_int(n, "start", 0, &start));
        LIP_TRY(lip_node_int(n, "end", rank, &end));
    }
    if (start < 0) start = start < -rank ? 0 : start + rank;
    if (end < 0) end = end < -rank ? 0 : end + rank;
    if (end > rank) end = rank;
    if (start > end) start = end;
    lip_shape shape = {1, {(size_t)(end - start)}};
    LIP_TRY(lip_node_zeros(n, LIP_INT64, &shape, &out));
    for (size_t k = 0; k < out->e.size; ++k)
        out->e.constant[k] = (double)t->shape.dim[(size_t)start + k];
    return lip_node_give(n, 0, out);
}

lip_status lip_onnx_constant_of_shape(lip_node *n) {
    const int64_t *dim;
    size_t rank;
    lip_tensor *value, *out;
    lip_shape shape = {0, {0}};
    LIP_TRY(lip_node_integers(n, 0, &dim, &rank));
    if (rank > LIP_RANK)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "expected a shape of at most %d dimensions, found %zu", LIP_RANK, rank);
    for (shape.rank = 0; shape.rank < rank; ++shape.rank) {
        if (dim[shape.rank] < 0)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "expected dimensions of at least 0, found %lld",
                            (long long)dim[shape.rank]);
        shape.dim[shape.rank] = (size_t)dim[shape.rank];
    }
    LIP_TRY(constant_tensor(n, "value", &value));
    if (value && value->e.size != 1)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute value must have one element, found %zu", value->e.size);
    LIP_TRY(lip_node_zeros(n, value ? value->type : LIP_FLOAT, &shape, &out));
    for (size_t i = 0; value && i < out->e.size; ++i)
        out->e.constant[i] = lip_expression_value(&value->e, 0);
    return lip_node_give(n, 0, out);
}
