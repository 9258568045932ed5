/* ONNX operators that slide a window over one or two spatial dimensions, or sum whole dimensions.
 *
 * A tensor of shape N x C x H x W with N > 1 is treated as N C channels in N groups; a missing H is 1.
 * Convolutions stay convolutions, unless the window is the whole image: then they are dense matrices.
 * Averages become sparse matrices. */
#include "base/error.h"
#include "base/memory.h"
#include "read/onnx_graph.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The window -------------------------------------------------------------------------------- */

enum { LARGEST_SPATIAL = 2 };

/* Axis 0 is vertical, 1 horizontal. */
typedef struct window {
    size_t images, channels; /* N, C */
    size_t in[2], out[2], kernel[2], stride[2], dilation[2], before[2], after[2];
    bool ceiling;
} window;

/* The attribute as positive numbers at the last `spatial` of two places; `otherwise` if absent. */
static lip_status read_sizes(lip_node *n, const char *name, size_t spatial, size_t otherwise,
                             size_t out[2]) {
    const int64_t *value;
    size_t count;
    LIP_TRY(lip_node_ints(n, name, &value, &count));
    out[0] = 1;
    for (size_t k = 0; k < spatial; ++k) out[2 - spatial + k] = otherwise;
    if (!value) return LIP_OK;
    if (count != spatial)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute %s has %zu entries, expected %zu", name, count, spatial);
    for (size_t k = 0; k < spatial; ++k) {
        if (value[k] < 1 || value[k] > INT_MAX)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "expected positive entries of attribute %s, found %lld", name,
                            (long long)value[k]);
        out[2 - spatial + k] = (size_t)value[k];
    }
    return LIP_OK;
}

static size_t extent(const window *w, size_t k) { return (w->kernel[k] - 1) * w->dilation[k] + 1; }

/* SAME: as many outputs as strides fit; the odd one at the end (upper) or at the start (lower). */
static void same_padding(window *w, bool upper) {
    for (size_t k = 0; k < 2; ++k) {
        size_t outputs = (w->in[k] + w->stride[k] - 1) / w->stride[k];
        size_t reach = (outputs - 1) * w->stride[k] + extent(w, k);
        size_t total = reach > w->in[k] ? reach - w->in[k] : 0;
        w->before[k] = upper ? total / 2 : total - total / 2;
        w->after[k] = total - w->before[k];
    }
}

static lip_status read_padding(lip_node *n, size_t spatial, window *w) {
    char mode[16];
    const int64_t *pads;
    size_t count;
    LIP_TRY(lip_node_string(n, "auto_pad", mode, sizeof mode));
    LIP_TRY(lip_node_ints(n, "pads", &pads, &count));
    bool upper = strcmp(mode, "SAME_UPPER") == 0, lower = strcmp(mode, "SAME_LOWER") == 0;
    bool valid = strcmp(mode, "VALID") == 0;
    if (!upper && !lower && !valid && *mode && strcmp(mode, "NOTSET") != 0)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "auto_pad '%s' is not known", mode);
    if (upper || lower) same_padding(w, upper);
    if (upper || lower || valid || !pads) return LIP_OK;
    if (count != 2 * spatial)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute pads has %zu entries, expected %zu", count, 2 * spatial);
    for (size_t k = 0; k < 2 * spatial; ++k) {
        if (pads[k] < 0 || pads[k] > INT_MAX)
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                            "expected paddings of at least 0, found %lld", (long long)pads[k]);
        (k < spatial ? w->before : w->after)[2 - spatial + k % spatial] = (size_t)pads[k];
    }
    return LIP_OK;
}

/* Image sizes from a tensor of shape N x C x L or N x C x H x W. */
static lip_status read_image(lip_node *n, const lip_tensor *t, size_t *spatial, window *w) {
    memset(w, 0, sizeof *w);
    *spatial = t->shape.rank < 3 ? 0 : t->shape.rank - 2;
    if (*spatial < 1 || *spatial > LARGEST_SPATIAL)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "expected an input with one or two spatial dimensions, found the shape %s",
                        lip_shape_text(&t->shape).text);
    w->images = t->shape.dim[0];
    w->channels = t->shape.dim[1];
    w->in[0] = *spatial == 2 ? t->shape.dim[2] : 1;
    w->in[1] = t->shape.dim[t->shape.rank - 1];
    if (t->e.size == 0) return lip_fail(n->affine->err, LIP_FORMAT, NULL, "the input is empty");
    return LIP_OK;
}

static lip_status read_window(lip_node *n, size_t spatial, window *w) {
    LIP_TRY(read_sizes(n, "strides", spatial, 1, w->stride));
    LIP_TRY(read_sizes(n, "dilations", spatial, 1, w->dilation));
    return read_padding(n, spatial, w);
}

/* How many windows fit; with `ceiling` also one that overlaps the end, if it starts before it. */
static lip_status count_windows(lip_node *n, window *w) {
    for (size_t k = 0; k < 2; ++k) {
        size_t padded = w->before[k] + w->in[k] + w->after[k];
        if (padded < extent(w, k) && !w->ceiling)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                            "a window of %zu does not fit an image of %zu with padding",
                            extent(w, k), padded);
        size_t room = padded < extent(w, k) ? 0 : padded - extent(w, k);
        w->out[k] = (room + (w->ceiling ? w->stride[k] - 1 : 0)) / w->stride[k] + 1;
        if (w->ceiling && w->out[k] > 1 &&
            (w->out[k] - 1) * w->stride[k] >= w->in[k] + w->before[k])
            --w->out[k];
    }
    return LIP_OK;
}

static void window_shape(const lip_tensor *t, size_t channels, const window *w, lip_shape *shape) {
    *shape = t->shape;
    shape->dim[1] = channels;
    if (shape->rank == 4) shape->dim[2] = w->out[0];
    shape->dim[shape->rank - 1] = w->out[1];
}

/* ---- Conv -------------------------------------------------------------------------------------- */

static lip_status check_kernel(lip_node *n, const lip_tensor *x, const lip_tensor *weight,
                               size_t spatial, size_t groups, window *w) {
    size_t given[2];
    lip_error *err = n->affine->err;
    const lip_shape *s = &weight->shape;
    if (s->rank != spatial + 2 || weight->e.size == 0 || !lip_type_is_float(weight->type) ||
        w->channels % groups != 0 || s->dim[1] != w->channels / groups || s->dim[0] % groups != 0)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "weights of shape %s in %zu group(s) do not fit an input of shape %s",
                        lip_shape_text(s).text, groups, lip_shape_text(&x->shape).text);
    w->kernel[0] = spatial == 2 ? s->dim[2] : 1;
    w->kernel[1] = s->dim[s->rank - 1];
    LIP_TRY(read_sizes(n, "kernel_shape", spatial, 0, given));
    for (size_t k = 0; k < 2; ++k)
        if (given[1] != 0 && given[k] != w->kernel[k])
            return lip_fail(err, LIP_FORMAT, NULL,
                            "attribute kernel_shape does not fit weights of shape %s",
                            lip_shape_text(s).text);
    return LIP_OK;
}

/* Tap t of axis k lies on pixel t, for every t: the kernel is as long as the image, starts at its
 * first pixel, and has no gaps (with gaps, taps beyond the first would fall on later pixels, and the
 * last ones into the padding behind the image). */
static bool taps_are_pixels(const window *w, size_t k) {
    return w->out[k] == 1 && w->kernel[k] == w->in[k] && w->before[k] == 0 &&
           (w->kernel[k] == 1 || w->dilation[k] == 1);
}

/* A window over the whole of one image is a dense matrix with the same numbers in the same order. */
static bool covers_image(const window *w, size_t groups) {
    return w->images == 1 && groups == 1 && taps_are_pixels(w, 0) && taps_are_pixels(w, 1);
}

static lip_status build_conv(lip_node *n, const lip_tensor *weight, size_t groups, const window *w,
                             lip_op **op) {
    size_t out_c = weight->shape.dim[0];
    lip_conv_shape shape = {.in_c = w->images * w->channels,
                            .in_h = w->in[0],
                            .in_w = w->in[1],
                            .out_c = w->images * out_c,
                            .out_h = w->out[0],
                            .out_w = w->out[1],
                            .k_h = w->kernel[0],
                            .k_w = w->kernel[1],
                            .stride_h = w->stride[0],
                            .stride_w = w->stride[1],
                            .dilation_h = w->dilation[0],
                            .dilation_w = w->dilation[1],
                            .pad_top = w->before[0],
                            .pad_left = w->before[1],
                            .groups = w->images * groups};
    size_t numbers;
    if (!lip_multiply_sizes(w->images, weight->e.size, &numbers)) numbers = SIZE_MAX;
    LIP_TRY(lip_affine_spend(n->affine, numbers));
    *op =
        covers_image(w, groups) ? lip_op_dense(out_c, weight->e.size / out_c) : lip_op_conv(&shape);
    if (!*op) return lip_fail_memory(n->affine->err);
    for (size_t i = 0; i < numbers; ++i)
        (*op)->value[i] = lip_expression_value(&weight->e, i % weight->e.size);
    return LIP_OK;
}

/* One number per output channel. */
static lip_status add_bias(lip_node *n, lip_tensor *x) {
    const double *bias;
    size_t count, area = 1;
    if (!lip_node_has(n, 2)) return LIP_OK;
    LIP_TRY(lip_node_numbers(n, 2, &bias, &count));
    if (count != x->shape.dim[1])
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "the bias has %zu numbers for %zu output channels", count, x->shape.dim[1]);
    for (size_t k = 2; k < x->shape.rank; ++k) area *= x->shape.dim[k];
    double *shift = lip_node_memory(n, x->e.size, sizeof *shift);
    if (!shift) return LIP_OUT_OF_MEMORY;
    for (size_t i = 0; i < x->e.size; ++i) shift[i] = bias[i / area % count];
    return lip_expression_shift(n->affine, &x->e, shift);
}

lip_status lip_onnx_conv(lip_node *n) {
    lip_tensor *x;
    const lip_tensor *weight;
    window w;
    lip_shape shape;
    size_t spatial, count;
    int64_t groups;
    lip_op *op = NULL;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_node_look(n, 1, &weight));
    if (!lip_expression_is_constant(&weight->e))
        return lip_fail(
            n->affine->err, LIP_UNSUPPORTED, NULL,
            "the weights depend on the network's input, such a product is not piecewise "
            "linear");
    LIP_TRY(read_image(n, x, &spatial, &w));
    LIP_TRY(lip_node_int(n, "group", 1, &groups));
    if (groups < 1 || (uint64_t)groups > w.channels)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "expected 1 to %zu groups, found %lld",
                        w.channels, (long long)groups);
    LIP_TRY(check_kernel(n, x, weight, spatial, (size_t)groups, &w));
    LIP_TRY(read_window(n, spatial, &w));
    LIP_TRY(count_windows(n, &w));
    window_shape(x, weight->shape.dim[0], &w, &shape);
    LIP_TRY(lip_node_count(n, &shape, &count));
    LIP_TRY(build_conv(n, weight, (size_t)groups, &w, &op));
    LIP_TRY(lip_expression_apply(n->affine, &x->e, op));
    x->shape = shape;
    LIP_TRY(add_bias(n, x));
    return lip_node_give(n, 0, x);
}

/* ---- Averages ---------------------------------------------------------------------------------- */

/* The part of a window that lies on the image: first and one past the last tap; for one axis. */
static void taps_on_image(const window *w, size_t k, size_t at, size_t *from, size_t *to) {
    *from = *to = w->kernel[k];
    for (size_t tap = 0; tap < w->kernel[k]; ++tap) {
        size_t position = at * w->stride[k] + tap * w->dilation[k]; /* counted from the padding */
        if (position < w->before[k] || position >= w->before[k] + w->in[k]) continue;
        if (*from == w->kernel[k]) *from = tap;
        *to = tap + 1;
    }
    if (*from == w->kernel[k]) *from = *to = 0;
}

/* Write the row of one output of one channel, `channel` being the first element of its image. */
static void average_row(const window *w, const size_t at[2], bool whole, size_t channel, size_t *e,
                        lip_op *op) {
    size_t from[2], to[2];
    for (size_t k = 0; k < 2; ++k) taps_on_image(w, k, at[k], &from[k], &to[k]);
    size_t there = (to[0] - from[0]) * (to[1] - from[1]);
    double weight = 1 / (double)(whole ? w->kernel[0] * w->kernel[1] : there);
    for (size_t i = from[0]; i < to[0]; ++i)
        for (size_t j = from[1]; j < to[1]; ++j) {
            size_t y = at[0] * w->stride[0] + i * w->dilation[0] - w->before[0];
            size_t x = at[1] * w->stride[1] + j * w->dilation[1] - w->before[1];
            op->column[*e] = channel + y * w->in[1] + x;
            op->value[(*e)++] = weight;
        }
}

/* 1/count is exact for powers of two only. */
static bool is_power_of_two(double v) {
    int exponent;
    return frexp(fabs(v), &exponent) == .5;
}

static lip_status build_average(lip_node *n, const window *w, bool whole, lip_op **op) {
    size_t planes = w->images * w->channels, outputs, area = w->out[0] * w->out[1], room, e = 0;
    if (!lip_multiply_sizes(planes, area, &outputs) ||
        !lip_multiply_sizes(outputs, w->kernel[0], &room) ||
        !lip_multiply_sizes(room, w->kernel[1], &room) || room > LIP_SPARSE_LIMIT)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the pooling windows have more than %zu elements in all", LIP_SPARSE_LIMIT);
    LIP_TRY(lip_affine_spend(n->affine, room));
    *op = lip_op_sparse(outputs, planes * w->in[0] * w->in[1], room);
    if (!*op) return lip_fail_memory(n->affine->err);
    for (size_t r = 0; r < outputs; ++r) {
        size_t at[2] = {r % area / w->out[1], r % w->out[1]};
        average_row(w, at, whole, r / area * w->in[0] * w->in[1], &e, *op);
        (*op)->start[r + 1] = e;
        if (e > (*op)->start[r] || whole) continue;
        lip_op_free(*op);
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "a window lies wholly in the padding");
    }
    (*op)->nvalues = e;
    for (size_t i = 0; i < e && !n->affine->inexact; ++i)
        n->affine->inexact = !is_power_of_two((*op)->value[i]);
    return LIP_OK;
}

/* Does a window reach beyond the padding? */
static bool overruns(const window *w) {
    for (size_t k = 0; k < 2; ++k)
        if ((w->out[k] - 1) * w->stride[k] + extent(w, k) > w->before[k] + w->in[k] + w->after[k])
            return true;
    return false;
}

lip_status lip_onnx_average_pool(lip_node *n) {
    lip_tensor *x;
    window w;
    lip_shape shape;
    size_t spatial, count;
    int64_t whole = 0, ceiling = 0;
    lip_op *op = NULL;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(read_image(n, x, &spatial, &w));
    LIP_TRY(read_sizes(n, "kernel_shape", spatial, 0, w.kernel));
    if (w.kernel[1] == 0)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "attribute kernel_shape is missing");
    if (n->opset >= 7) LIP_TRY(lip_node_int(n, "count_include_pad", 0, &whole));
    if (n->opset >= 10) LIP_TRY(lip_node_int(n, "ceil_mode", 0, &ceiling));
    w.ceiling = ceiling != 0;
    LIP_TRY(read_window(n, spatial, &w));
    LIP_TRY(count_windows(n, &w));
    if (whole && overruns(&w))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "count_include_pad with a window beyond the padding (ceil_mode) means "
                        "different things in different runtimes");
    window_shape(x, w.channels, &w, &shape);
    LIP_TRY(lip_node_count(n, &shape, &count));
    LIP_TRY(build_average(n, &w, whole != 0, &op));
    LIP_TRY(lip_expression_apply(n->affine, &x->e, op));
    x->shape = shape;
    return lip_node_give(n, 0, x);
}

/* ---- Sums over dimensions ---------------------------------------------------------------------- */

/* Row of the reduced tensor for each element. */
static lip_status reduced_index(lip_node *n, const lip_shape *shape, const lip_shape *kept,
                                const size_t **index) {
    size_t strides[LIP_RANK];
    ptrdiff_t stride[LIP_RANK];
    lip_shape_strides(kept, strides);
    for (size_t k = 0; k < shape->rank; ++k)
        stride[k] = kept->dim[k] == shape->dim[k] ? (ptrdiff_t)strides[k] : 0;
    return lip_node_walk(n, shape, 0, stride, index);
}

static lip_status build_sums(lip_node *n, size_t rows, size_t cols, const size_t *row,
                             double weight, lip_op **op) {
    LIP_TRY(lip_affine_spend(n->affine, cols));
    size_t *next = lip_node_memory(n, rows, sizeof *next);
    if (!next) return LIP_OUT_OF_MEMORY;
    *op = lip_op_sparse(rows, cols, cols);
    if (!*op) return lip_fail_memory(n->affine->err);
    for (size_t r = 0; r < rows; ++r) {
        next[r] = r * (cols / rows);
        (*op)->start[r + 1] = (r + 1) * (cols / rows);
    }
    for (size_t i = 0; i < cols; ++i) {
        (*op)->column[next[row[i]]] = i;
        (*op)->value[next[row[i]]++] = weight;
    }
    return LIP_OK;
}

lip_status lip_tensor_reduce(lip_node *n, lip_tensor *t, const bool *flag, bool mean, bool keep) {
    lip_shape kept = t->shape, shape = {0, {0}};
    size_t rows, cols = t->e.size;
    const size_t *row;
    lip_op *op = NULL;
    if (cols == 0) return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "the input is empty");
    for (size_t k = 0; k < kept.rank; ++k) {
        if (flag[k]) kept.dim[k] = 1;
        if (keep || !flag[k]) shape.dim[shape.rank++] = kept.dim[k];
    }
    LIP_TRY(lip_node_count(n, &kept, &rows));
    if (mean && !lip_type_is_float(t->type))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "means of integers are not supported");
    if (rows < cols) {
        size_t group = cols / rows;
        double weight = mean ? 1 / (double)group : 1;
        LIP_TRY(reduced_index(n, &t->shape, &kept, &row));
        LIP_TRY(build_sums(n, rows, cols, row, weight, &op));
        LIP_TRY(lip_expression_apply(n->affine, &t->e, op));
        n->affine->inexact = n->affine->inexact || !is_power_of_two(weight);
    }
    t->shape = shape;
    return LIP_OK;
}

static lip_status reduce_node(lip_node *n, bool mean) {
    lip_tensor *t;
    int64_t keep, nothing = 0, since = mean ? 18 : 13;
    bool given, flag[LIP_RANK];
    LIP_TRY(lip_node_take(n, 0, &t));
    LIP_TRY(lip_node_int(n, "keepdims", 1, &keep));
    LIP_TRY(lip_node_axes(n, since, 1, "axes", t->shape.rank, &given, flag));
    if (n->opset >= since) LIP_TRY(lip_node_int(n, "noop_with_empty_axes", 0, &nothing));
    if (!given && nothing) return lip_node_give(n, 0, t);
    for (size_t k = 0; k < LIP_RANK; ++k) flag[k] = flag[k] || !given;
    LIP_TRY(lip_tensor_reduce(n, t, flag, mean, keep != 0));
    return lip_node_give(n, 0, t);
}

lip_status lip_onnx_reduce_sum(lip_node *n) { return reduce_node(n, false); }

lip_status lip_onnx_reduce_mean(lip_node *n) { return reduce_node(n, true); }

lip_status lip_onnx_global_average_pool(lip_node *n) {
    lip_tensor *t;
    bool flag[LIP_RANK] = {false};
    LIP_TRY(lip_node_take(n, 0, &t));
    if (t->shape.rank < 3)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "expected an image, found a tensor of shape %s",
                        lip_shape_text(&t->shape).text);
    for (size_t k = 2; k < t->shape.rank; ++k) flag[k] = true;
    LIP_TRY(lip_tensor_reduce(n, t, flag, true, true));
    return lip_node_give(n, 0, t);
}
