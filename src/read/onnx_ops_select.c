/* ONNX operators that select, repeat or join elements along an axis. */
#include "base/error.h"
#include "base/memory.h"
#include "read/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

/* All of them end here: one dimension is read through a table. */
lip_status lip_tensor_pick_axis(lip_node *n, lip_tensor *t, size_t axis, size_t length,
                                const size_t *map) {
    size_t count, inner = 1, old = t->shape.dim[axis];
    lip_shape shape = t->shape;
    shape.dim[axis] = length;
    LIP_TRY(lip_node_count(n, &shape, &count));
    LIP_TRY(lip_affine_spend(n->affine, count));
    for (size_t k = axis + 1; k < shape.rank; ++k) inner *= shape.dim[k];
    size_t *index = lip_node_memory(n, count, sizeof *index);
    if (!index) return LIP_OUT_OF_MEMORY;
    for (size_t i = 0; inner > 0 && length > 0 && i < count; ++i) { /* count is 0 otherwise */
        size_t from = map[i / inner % length];
        index[i] = from == LIP_NOTHING ? LIP_NOTHING
                                       : (i / inner / length * old + from) * inner + i % inner;
    }
    t->shape = shape;
    return lip_expression_pick(n->affine, &t->e, count, index);
}

/* ---- Concat and Split -------------------------------------------------------------------------- */

/* Entries 0 .. length-1 of a tensor's axis at `offset` of a longer one. */
static lip_status embed(lip_node *n, lip_tensor *t, size_t axis, size_t offset, size_t total) {
    size_t length = t->shape.dim[axis];
    size_t *map = lip_node_memory(n, total, sizeof *map);
    if (!map) return LIP_OUT_OF_MEMORY;
    for (size_t i = 0; i < total; ++i)
        map[i] = i >= offset && i - offset < length ? i - offset : LIP_NOTHING;
    return lip_tensor_pick_axis(n, t, axis, total, map);
}

/* The joined length; refuses tensors that do not fit together. */
static lip_status join_lengths(lip_node *n, const lip_tensor *first, size_t axis, size_t *total) {
    const lip_tensor *t;
    *total = 0;
    for (size_t i = 0; i < n->proto->n_input; ++i) {
        LIP_TRY(lip_node_look(n, i, &t));
        lip_shape shape = t->shape;
        if (shape.rank == first->shape.rank) shape.dim[axis] = first->shape.dim[axis];
        if (!lip_shape_equal(&shape, &first->shape) ||
            lip_type_is_float(t->type) != lip_type_is_float(first->type))
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "tensors of shapes %s and %s cannot be joined along axis %zu",
                            lip_shape_text(&first->shape).text, lip_shape_text(&t->shape).text,
                            axis);
        *total += t->shape.dim[axis];
        if (*total > LIP_FILE_LIMIT)
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "the result is too large");
    }
    return LIP_OK;
}

lip_status lip_onnx_concat(lip_node *n) {
    const lip_tensor *first;
    lip_tensor *t, *sum;
    int64_t wanted;
    size_t axis, total, offset = 0;
    LIP_TRY(lip_node_look(n, 0, &first));
    LIP_TRY(lip_node_int(n, "axis", n->opset < 4 ? 1 : INT64_MIN, &wanted));
    if (wanted == INT64_MIN)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "attribute axis is missing");
    LIP_TRY(lip_node_axis(n, wanted, first->shape.rank, &axis));
    LIP_TRY(join_lengths(n, first, axis, &total));
    lip_shape shape = first->shape;
    shape.dim[axis] = total;
    LIP_TRY(lip_node_zeros(n, first->type, &shape, &sum));
    for (size_t i = 0; i < n->proto->n_input; ++i) {
        LIP_TRY(lip_node_take(n, i, &t));
        size_t length = t->shape.dim[axis];
        LIP_TRY(embed(n, t, axis, offset, total));
        LIP_TRY(lip_expression_add(n->affine, &sum->e, &t->e));
        offset += length;
    }
    return lip_node_give(n, 0, sum);
}

/* Lengths of the parts: given, or equal (the last one shorter since opset 18). */
static lip_status part_lengths(lip_node *n, size_t length, size_t *part) {
    const int64_t *given;
    size_t count, parts = n->proto->n_output, sum = 0;
    int64_t wanted = (int64_t)parts;
    LIP_TRY(lip_node_list(n, 13, 1, "split", &given, &count));
    if (n->opset >= 18) LIP_TRY(lip_node_int(n, "num_outputs", wanted, &wanted));
    size_t each = parts ? (length + parts - 1) / parts : 0;
    bool fine = wanted == (int64_t)parts && parts > 0 &&
                (given ? count == parts : n->opset >= 18 || each * parts == length);
    for (size_t i = 0; fine && i < parts; ++i) {
        size_t left = length - sum;
        fine = !given || (given[i] >= 0 && (uint64_t)given[i] <= left);
        part[i] = fine && given ? (size_t)given[i] : each < left ? each : left;
        sum += part[i];
    }
    if (!fine || sum != length)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "an axis of length %zu cannot be split into %zu parts as wanted", length,
                        parts);
    return LIP_OK;
}

lip_status lip_onnx_split(lip_node *n) {
    const lip_tensor *whole;
    lip_tensor *t;
    int64_t wanted;
    size_t axis, offset = 0;
    LIP_TRY(lip_node_int(n, "axis", 0, &wanted));
    LIP_TRY(lip_node_look(n, 0, &whole));
    LIP_TRY(lip_node_axis(n, wanted, whole->shape.rank, &axis));
    size_t length = whole->shape.dim[axis];
    size_t *part = lip_node_memory(n, n->proto->n_output, sizeof *part);
    size_t *map = lip_node_memory(n, length, sizeof *map);
    if (!part || !map) return LIP_OUT_OF_MEMORY;
    LIP_TRY(part_lengths(n, length, part));
    for (size_t k = 0; k < n->proto->n_output; ++k) {
        for (size_t i = 0; i < part[k]; ++i) map[i] = offset + i;
        offset += part[k];
        if (!*n->proto->output[k]) continue;
        LIP_TRY(lip_node_new(n, &t));
        t->type = whole->type;
        t->shape = whole->shape;
        LIP_TRY(lip_expression_copy(n->affine, &whole->e, &t->e));
        LIP_TRY(lip_tensor_pick_axis(n, t, axis, part[k], map));
        LIP_TRY(lip_node_give(n, k, t));
    }
    return LIP_OK;
}

/* ---- Slice and Gather -------------------------------------------------------------------------- */

static int64_t clamp(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

/* Python's t[start:end:step] along one axis.  Backwards from before the first element to before the
 * first element is one element in ONNX's text and in ONNX Runtime, which move the start to element 0,
 * but none in numpy and in ONNX's reference implementation. */
static lip_status slice_axis(lip_node *n, lip_tensor *t, size_t axis, int64_t start, int64_t end,
                             int64_t step) {
    int64_t length = (int64_t)t->shape.dim[axis];
    if (step == 0)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "expected a step other than 0");
    if (step < 0 && length > 0 && start < -length && end < -length)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "a start and an end before the first element with a negative step mean "
                        "different things in different runtimes");
    if (start < 0) start = start < -length ? -1 : start + length;
    if (end < 0) end = end < -length ? -1 : end + length;
    start = step > 0 ? clamp(start, 0, length) : clamp(start, -1, length - 1);
    end = step > 0 ? clamp(end, 0, length) : clamp(end, -1, length - 1);
    int64_t stride = clamp(step, -length - 1, length + 1);
    size_t count = 0, *map = lip_node_memory(n, (size_t)length, sizeof *map);
    if (!map) return LIP_OUT_OF_MEMORY;
    for (int64_t i = start; step > 0 ? i < end : i > end; i += stride) map[count++] = (size_t)i;
    return lip_tensor_pick_axis(n, t, axis, count, map);
}

static lip_status fail_lists(lip_node *n) {
    return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                    "starts, ends, axes and steps must be lists of one length");
}

lip_status lip_onnx_slice(lip_node *n) {
    const int64_t *start, *end, *axes, *steps = NULL;
    size_t starts, ends, naxes, nsteps = 0, axis;
    bool seen[LIP_RANK] = {false};
    lip_tensor *t;
    LIP_TRY(lip_node_list(n, 10, 1, "starts", &start, &starts));
    LIP_TRY(lip_node_list(n, 10, 2, "ends", &end, &ends));
    LIP_TRY(lip_node_list(n, 10, 3, "axes", &axes, &naxes));
    if (n->opset >= 10) LIP_TRY(lip_node_list(n, 10, 4, "", &steps, &nsteps));
    if (!start || !end || ends != starts || (axes && naxes != starts) ||
        (steps && nsteps != starts))
        return fail_lists(n);
    LIP_TRY(lip_node_take(n, 0, &t));
    for (size_t i = 0; i < starts; ++i) {
        LIP_TRY(lip_node_axis(n, axes ? axes[i] : (int64_t)i, t->shape.rank, &axis));
        if (seen[axis])
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "axis %zu is given twice", axis);
        seen[axis] = true;
        LIP_TRY(slice_axis(n, t, axis, start[i], end[i], steps ? steps[i] : 1));
    }
    return lip_node_give(n, 0, t);
}

lip_status lip_onnx_gather(lip_node *n) {
    const lip_tensor *indices;
    const int64_t *entry;
    int64_t wanted;
    size_t count, axis;
    lip_tensor *t;
    LIP_TRY(lip_node_int(n, "axis", 0, &wanted));
    LIP_TRY(lip_node_integers(n, 1, &entry, &count));
    LIP_TRY(lip_node_look(n, 1, &indices));
    lip_shape inner = indices->shape;
    LIP_TRY(lip_node_take(n, 0, &t));
    LIP_TRY(lip_node_axis(n, wanted, t->shape.rank, &axis));
    if (t->shape.rank - 1 + inner.rank > LIP_RANK)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "too many dimensions");
    size_t *map = lip_node_memory(n, count, sizeof *map);
    if (!map) return LIP_OUT_OF_MEMORY;
    int64_t length = (int64_t)t->shape.dim[axis];
    for (size_t i = 0; i < count; ++i) {
        if (entry[i] < -length || entry[i] >= length)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "the index %lld is outside an axis of length %lld", (long long)entry[i],
                            (long long)length);
        map[i] = (size_t)(entry[i] < 0 ? entry[i] + length : entry[i]);
    }
    LIP_TRY(lip_tensor_pick_axis(n, t, axis, count, map));
    lip_shape shape = {0, {0}}; /* the picked axis takes the shape of the indices */
    for (size_t k = 0; k < axis; ++k) shape.dim[shape.rank++] = t->shape.dim[k];
    for (size_t k = 0; k < inner.rank; ++k) shape.dim[shape.rank++] = inner.dim[k];
    for (size_t k = axis + 1; k < t->shape.rank; ++k) shape.dim[shape.rank++] = t->shape.dim[k];
    t->shape = shape;
    return lip_node_give(n, 0, t);
}

/* ---- Pad --------------------------------------------------------------------------------------- */

enum pad_mode { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT };

/* Where position i of a padded axis comes from, i counted from the first old entry. */
static size_t pad_source(int64_t i, int64_t length, enum pad_mode mode) {
    if (i >= 0 && i < length) return (size_t)i;
    if (mode == PAD_CONSTANT) return LIP_NOTHING;
    if (mode == PAD_EDGE) return (size_t)(i < 0 ? 0 : length - 1);
    return (size_t)(i < 0 ? -i : 2 * (length - 1) - i);
}

static lip_status pad_axis(lip_node *n, lip_tensor *t, size_t axis, int64_t before, int64_t after,
                           enum pad_mode mode) {
    const int64_t limit = (int64_t)1 << 32;
    int64_t length = (int64_t)t->shape.dim[axis];
    if (before < -limit || after < -limit || before > limit || after > limit || before < -length ||
        after < -length || length + before + after < 0)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "cannot pad an axis of length %lld by %lld and %lld", (long long)length,
                        (long long)before, (long long)after);
    if ((mode == PAD_REFLECT && (before >= length || after >= length)) ||
        (mode == PAD_EDGE && length == 0))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "an axis of length %lld is too short for its padding", (long long)length);
    lip_shape shape = t->shape;
    size_t count, wide = (size_t)(length + before + after);
    shape.dim[axis] = wide;
    LIP_TRY(lip_node_count(n, &shape, &count));
    LIP_TRY(lip_affine_spend(n->affine, wide));
    size_t *map = lip_node_memory(n, wide, sizeof *map);
    if (!map) return LIP_OUT_OF_MEMORY;
    for (size_t i = 0; i < wide; ++i) map[i] = pad_source((int64_t)i - before, length, mode);
    return lip_tensor_pick_axis(n, t, axis, wide, map);
}

/* pads[k] before and pads[k + count] after the axis that entry k stands for. */
static lip_status pad_all(lip_node *n, lip_tensor *t, const int64_t *pads, size_t count,
                          const int64_t *axes, enum pad_mode mode) {
    bool seen[LIP_RANK] = {false};
    for (size_t k = 0; k < count; ++k) {
        size_t axis;
        LIP_TRY(lip_node_axis(n, axes ? axes[k] : (int64_t)k, t->shape.rank, &axis));
        if (seen[axis])
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "axis %zu is given twice", axis);
        seen[axis] = true;
        if (pads[k] || pads[k + count])
            LIP_TRY(pad_axis(n, t, axis, pads[k], pads[k + count], mode));
    }
    return LIP_OK;
}

/* Add `value` where padding put zeros: value (1 - padded ones). */
static lip_status fill_padding(lip_node *n, lip_tensor *t, const lip_shape *old,
                               const int64_t *pads, size_t count, const int64_t *axes,
                               double value) {
    lip_tensor *ones;
    LIP_TRY(lip_node_zeros(n, LIP_FLOAT, old, &ones));
    for (size_t i = 0; i < ones->e.size; ++i) ones->e.constant[i] = 1;
    LIP_TRY(pad_all(n, ones, pads, count, axes, PAD_CONSTANT));
    for (size_t i = 0; i < ones->e.size; ++i)
        ones->e.constant[i] = lip_expression_value(&ones->e, i) == 0 ? value : 0;
    return lip_expression_shift(n->affine, &t->e, ones->e.constant);
}

static lip_status pad_value(lip_node *n, double *value) {
    const double *given;
    size_t count;
    *value = 0;
    if (n->opset < 11) return lip_node_float(n, "value", 0, value);
    if (!lip_node_has(n, 2)) return LIP_OK;
    LIP_TRY(lip_node_numbers(n, 2, &given, &count));
    if (count != 1)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "the padding value must be one number, found %zu", count);
    *value = given[0];
    return LIP_OK;
}

lip_status lip_onnx_pad(lip_node *n) {
    char name[12];
    const int64_t *pads, *axes = NULL;
    size_t count, naxes = 0;
    double value;
    lip_tensor *t;
    LIP_TRY(lip_node_string(n, "mode", name, sizeof name));
    LIP_TRY(lip_node_list(n, 11, 1, n->opset < 2 ? "paddings" : "pads", &pads, &count));
    LIP_TRY(pad_value(n, &value));
    if (n->opset >= 18) LIP_TRY(lip_node_list(n, 18, 3, "", &axes, &naxes));
    LIP_TRY(lip_node_take(n, 0, &t));
    enum pad_mode mode = strcmp(name, "edge") == 0      ? PAD_EDGE
                         : strcmp(name, "reflect") == 0 ? PAD_REFLECT
                                                        : PAD_CONSTANT;
    if (mode == PAD_CONSTANT && *name && strcmp(name, "constant") != 0)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "the mode '%s' is not supported",
                        name);
    if (!axes) naxes = t->shape.rank;
    if (!pads || count != 2 * naxes || naxes > LIP_RANK)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "expected %zu paddings for a tensor of shape %s, found %zu", 2 * naxes,
                        lip_shape_text(&t->shape).text, count);
    lip_shape old = t->shape;
    LIP_TRY(pad_all(n, t, pads, naxes, axes, mode));
    if (mode == PAD_CONSTANT && value != 0)
        LIP_TRY(fill_padding(n, t, &old, pads, naxes, axes, value));
    return lip_node_give(n, 0, t);
}
