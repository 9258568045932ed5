/* ONNX operators that act element by element: sums, products with constants, normalisation, ReLU. */
#include "base/error.h"
#include "read/onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Broadcasting ---------------------------------------------------------------------------- */

/* Stretch t to a shape. */
static lip_status stretch(lip_node *n, lip_tensor *t, const lip_shape *to) {
    if (lip_shape_equal(&t->shape, to)) return LIP_OK;
    size_t count;
    const size_t *index;
    LIP_TRY(lip_node_count(n, to, &count));
    if (count != t->e.size) { /* else only dimensions of length 1 are new */
        LIP_TRY(lip_node_broadcast(n, &t->shape, to, &index));
        LIP_TRY(lip_expression_pick(n->affine, &t->e, count, index));
    }
    t->shape = *to;
    return LIP_OK;
}

/* The common shape of two tensors of one kind. */
static lip_status common_shape(lip_node *n, const lip_tensor *x, const lip_tensor *y,
                               lip_shape *out) {
    if (lip_type_is_float(x->type) != lip_type_is_float(y->type))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "cannot combine %s and %s",
                        lip_type_name(x->type), lip_type_name(y->type));
    if (!lip_shape_broadcast(&x->shape, &y->shape, out))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "the shapes %s and %s do not fit together", lip_shape_text(&x->shape).text,
                        lip_shape_text(&y->shape).text);
    return LIP_OK;
}

/* Before opset 7, broadcasting had to be asked for, it stretched y only, and `axis` said which
 * dimension of x the first of y belongs to (default: the last ones belong together). */
static lip_status align_legacy(lip_node *n, const lip_tensor *x, lip_tensor *y) {
    if (n->opset >= 7) return LIP_OK;
    int64_t broadcast, axis;
    size_t at;
    LIP_TRY(lip_node_int(n, "broadcast", 0, &broadcast));
    LIP_TRY(lip_node_int(n, "axis", INT64_MIN, &axis));
    if (!broadcast) {
        if (lip_shape_equal(&x->shape, &y->shape)) return LIP_OK;
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "the shapes %s and %s differ, and the attribute broadcast is not set",
                        lip_shape_text(&x->shape).text, lip_shape_text(&y->shape).text);
    }
    at = x->shape.rank - y->shape.rank;
    if (axis != INT64_MIN) LIP_TRY(lip_node_axis(n, axis, x->shape.rank, &at));
    lip_shape given = y->shape, common;
    if (y->shape.rank <= x->shape.rank && y->e.size == 1) return LIP_OK;
    bool fits = y->shape.rank <= x->shape.rank && at <= x->shape.rank - y->shape.rank;
    for (size_t k = at + given.rank; fits && k < x->shape.rank; ++k)
        y->shape.dim[y->shape.rank++] = 1;
    if (fits && lip_shape_broadcast(&x->shape, &y->shape, &common) &&
        lip_shape_equal(&x->shape, &common))
        return LIP_OK;
    return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                    "the second input of shape %s cannot be stretched to the first of shape %s%s",
                    lip_shape_text(&given).text, lip_shape_text(&x->shape).text,
                    axis == INT64_MIN ? "" : " from the attribute axis on");
}

/* ---- Sums ------------------------------------------------------------------------------------- */

lip_status lip_tensor_scale(lip_node *n, lip_tensor *x, double factor) {
    if (factor == 1) return LIP_OK;
    double *s = lip_node_memory(n, x->e.size, sizeof *s);
    if (!s) return LIP_OUT_OF_MEMORY;
    for (size_t i = 0; i < x->e.size; ++i) s[i] = factor;
    return lip_expression_scale(n->affine, &x->e, s, false);
}

lip_status lip_tensor_add(lip_node *n, lip_tensor *x, lip_tensor *y, bool subtract) {
    lip_shape shape;
    LIP_TRY(common_shape(n, x, y, &shape));
    LIP_TRY(stretch(n, x, &shape));
    LIP_TRY(stretch(n, y, &shape));
    if (subtract) LIP_TRY(lip_tensor_scale(n, y, -1));
    return lip_expression_add(n->affine, &x->e, &y->e);
}

static lip_status add_or_subtract(lip_node *n, bool subtract) {
    lip_tensor *x, *y;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_node_take(n, 1, &y));
    LIP_TRY(align_legacy(n, x, y));
    LIP_TRY(lip_tensor_add(n, x, y, subtract));
    return lip_node_give(n, 0, x);
}

lip_status lip_onnx_add(lip_node *n) { return add_or_subtract(n, false); }

lip_status lip_onnx_sub(lip_node *n) { return add_or_subtract(n, true); }

lip_status lip_onnx_sum(lip_node *n) {
    lip_tensor *x, *y;
    LIP_TRY(lip_node_take(n, 0, &x));
    for (size_t i = 1; i < n->proto->n_input; ++i) {
        LIP_TRY(lip_node_take(n, i, &y));
        LIP_TRY(lip_tensor_add(n, x, y, false));
    }
    return lip_node_give(n, 0, x);
}

lip_status lip_onnx_neg(lip_node *n) {
    lip_tensor *x;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_tensor_scale(n, x, -1));
    return lip_node_give(n, 0, x);
}

/* ---- Products ---------------------------------------------------------------------------------- */

static lip_status check_no_zero(lip_node *n, const lip_tensor *y) {
    for (size_t i = 0; i < y->e.size; ++i)
        if (lip_expression_value(&y->e, i) == 0)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "division by zero (element %zu of the divisor)", i);
    return LIP_OK;
}

/* x *= y or x /= y, y constant. */
static lip_status multiply(lip_node *n, lip_tensor *x, lip_tensor *y, bool divide) {
    lip_shape shape;
    LIP_TRY(common_shape(n, x, y, &shape));
    if (divide) LIP_TRY(check_no_zero(n, y));
    LIP_TRY(stretch(n, x, &shape));
    LIP_TRY(stretch(n, y, &shape));
    if (!y->e.constant) LIP_TRY(lip_expression_zeros(n->affine, &y->e, y->e.size));
    LIP_TRY(lip_expression_scale(n->affine, &x->e, y->e.constant, divide));
    if (divide && !lip_type_is_float(x->type)) { /* integers, so constants: round towards zero */
        for (size_t i = 0; x->e.constant && i < x->e.size; ++i)
            x->e.constant[i] = trunc(x->e.constant[i]);
        n->affine->inexact = false;
    }
    return LIP_OK;
}

lip_status lip_onnx_mul(lip_node *n) {
    lip_tensor *x, *y;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_node_take(n, 1, &y));
    LIP_TRY(align_legacy(n, x, y));
    bool x_constant = lip_expression_is_constant(&x->e);
    if (!x_constant && !lip_expression_is_constant(&y->e))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "both factors depend on the network's input, such a product is not "
                        "piecewise linear");
    if (x_constant && !lip_expression_is_constant(&y->e)) {
        lip_tensor *swap = x;
        x = y;
        y = swap;
    }
    LIP_TRY(multiply(n, x, y, false));
    return lip_node_give(n, 0, x);
}

lip_status lip_onnx_div(lip_node *n) {
    lip_tensor *x, *y;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_node_take(n, 1, &y));
    LIP_TRY(align_legacy(n, x, y));
    if (!lip_expression_is_constant(&y->e))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the divisor depends on the network's input, such a quotient is not "
                        "piecewise linear");
    LIP_TRY(multiply(n, x, y, true));
    return lip_node_give(n, 0, x);
}

/* ---- Batch normalisation ----------------------------------------------------------------------- */

/* Inference only: statistics that come from the batch are no fixed function. */
static lip_status check_inference(lip_node *n) {
    int64_t training = 0, is_test = 1, spatial = 1;
    if (n->opset < 7) LIP_TRY(lip_node_int(n, "is_test", 0, &is_test));
    if (n->opset < 9) LIP_TRY(lip_node_int(n, "spatial", 1, &spatial));
    if (n->opset >= 14) LIP_TRY(lip_node_int(n, "training_mode", 0, &training));
    for (size_t k = 1; k < n->proto->n_output; ++k) training = training || *n->proto->output[k];
    if (training || !is_test)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the node is in training mode; export the model for inference");
    if (!spatial)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "spatial = 0 is not supported");
    return LIP_OK;
}

/* y = (x - mean) / sqrt(var + epsilon) * scale + bias, per channel, as factor x + shift. */
lip_status lip_onnx_batch_norm(lip_node *n) {
    lip_affine *a = n->affine;
    const double *p[4]; /* scale, bias, mean, var */
    double epsilon;
    lip_tensor *x;
    LIP_TRY(check_inference(n));
    LIP_TRY(lip_node_float(n, "epsilon", 1e-5, &epsilon));
    lip_node_ignore(n, "momentum");
    LIP_TRY(lip_node_take(n, 0, &x));
    size_t channels = x->shape.rank == 0 ? 0 : x->shape.rank == 1 ? 1 : x->shape.dim[1], count;
    for (size_t i = 0; i < 4; ++i) {
        LIP_TRY(lip_node_numbers(n, i + 1, &p[i], &count));
        if (count != channels)
            return lip_fail(a->err, LIP_FORMAT, NULL,
                            "input %zu has %zu numbers for %zu channels of a tensor of shape %s",
                            i + 2, count, channels, lip_shape_text(&x->shape).text);
    }
    double *factor = lip_node_memory(n, x->e.size, sizeof *factor);
    double *shift = lip_node_memory(n, x->e.size, sizeof *shift);
    if (!factor || !shift) return LIP_OUT_OF_MEMORY;
    size_t area = 1;
    for (size_t k = 2; k < x->shape.rank; ++k) area *= x->shape.dim[k];
    for (size_t i = 0; i < x->e.size; ++i) {
        size_t c = i / area % channels;
        if (!(p[3][c] + epsilon > 0))
            return lip_fail(a->err, LIP_FORMAT, NULL,
                            "variance %g + epsilon %g of channel %zu is not positive", p[3][c],
                            epsilon, c);
        factor[i] = p[0][c] / sqrt(p[3][c] + epsilon);
        shift[i] = p[1][c] - p[2][c] * factor[i];
        a->overflow = a->overflow || !isfinite(factor[i]) || !isfinite(shift[i]);
    }
    LIP_TRY(lip_expression_scale(a, &x->e, factor, false));
    LIP_TRY(lip_expression_shift(a, &x->e, shift));
    a->inexact = true;
    return lip_node_give(n, 0, x);
}

/* ---- The rest ---------------------------------------------------------------------------------- */

lip_status lip_onnx_relu(lip_node *n) {
    lip_tensor *x;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_expression_relu(n->affine, &x->e));
    return lip_node_give(n, 0, x);
}

lip_status lip_onnx_identity(lip_node *n) {
    lip_tensor *x;
    LIP_TRY(lip_node_take(n, 0, &x));
    return lip_node_give(n, 0, x);
}

lip_status lip_onnx_dropout(lip_node *n) {
    int64_t is_test = 1;
    const double *training;
    size_t count;
    bool drops = false;
    lip_node_ignore(n, "ratio");
    lip_node_ignore(n, "seed");
    if (n->opset < 7) LIP_TRY(lip_node_int(n, "is_test", 0, &is_test));
    if (n->opset >= 12 && lip_node_has(n, 2)) {
        LIP_TRY(lip_node_numbers(n, 2, &training, &count));
        for (size_t i = 0; i < count; ++i) drops = drops || training[i] != 0;
    }
    if (!is_test || drops)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the node is in training mode; export the model for inference");
    return lip_onnx_identity(n);
}

/* The target of Cast: a name before opset 6, a number since. */
static lip_status cast_target(lip_node *n, int32_t *type) {
    int64_t number = 0;
    char name[16];
    if (n->opset >= 6) {
        LIP_TRY(lip_node_int(n, "to", 0, &number));
        lip_node_ignore(n, "saturate"); /* concerns 8-bit floats only */
    } else {
        LIP_TRY(lip_node_string(n, "to", name, sizeof name));
        for (int32_t t = 1; t <= LIP_BFLOAT16; ++t)
            if (strcmp(name, lip_type_name(t)) == 0) number = t;
    }
    *type = number > 0 && number < 100 ? (int32_t)number : 0;
    return LIP_OK;
}

/* Constants are converted; a network is a function of real numbers, so that casts of its tensors
 * between floating-point types do nothing. */
lip_status lip_onnx_cast(lip_node *n) {
    lip_tensor *x;
    int32_t type;
    LIP_TRY(cast_target(n, &type));
    LIP_TRY(lip_node_take(n, 0, &x));
    if (!lip_type_is_float(type) && !lip_type_is_integer(type))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "a cast to %s is not supported",
                        lip_type_name(type));
    bool constant = lip_expression_is_constant(&x->e);
    if (!constant && !lip_type_is_float(type))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "a cast of network values to %s is not piecewise linear",
                        lip_type_name(type));
    for (size_t i = 0; constant && x->e.constant && i < x->e.size; ++i)
        if (!lip_type_convert(type, x->e.constant[i], &x->e.constant[i]))
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "the constant %g does not fit in %s",
                            x->e.constant[i], lip_type_name(type));
    x->type = type;
    return lip_node_give(n, 0, x);
}
