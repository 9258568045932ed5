/* Convolutions, never made dense.  For each weight (o, c, dy, dx) the output pixels that it serves
 * form a rectangle; a row of that rectangle is one scaled addition of a strip of the input:
 *
 *     out[o, y, x] += w[o, c, dy, dx] * in[c, y * stride - pad + dy * dilation, x * ...]
 *
 * With horizontal stride 1 the strip is contiguous, so that the inner loop is long even for k = 1. */
#include "linalg/op_kinds.h"

/* The outputs first .. last-1 along one axis whose input index  i * stride + shift  is in [0, size). */
typedef struct span {
    size_t first, last;
} span;

static span valid_outputs(size_t outputs, size_t size, size_t stride, size_t tap, size_t pad) {
    span s = {0, 0};
    if (tap < pad) s.first = (pad - tap + stride - 1) / stride;
    if (size + pad > tap) s.last = (size + pad - tap - 1) / stride + 1;
    if (s.last > outputs) s.last = outputs;
    if (s.first > s.last) s.first = s.last;
    return s;
}

typedef struct strip_job {
    const lip_conv_shape *s;
    size_t k;
    bool adjoint;
    const double *from; /* apply: input block; adjoint: output block */
    double *to;
} strip_job;

/* Add one weight's contribution to one output channel plane from one input channel plane. */
static void add_tap(const strip_job *job, double w, size_t out_plane, size_t in_plane, size_t ky,
                    size_t kx) {
    const lip_conv_shape *s = job->s;
    size_t k = job->k, tap_y = ky * s->dilation_h, tap_x = kx * s->dilation_w;
    span rows = valid_outputs(s->out_h, s->in_h, s->stride_h, tap_y, s->pad_top);
    span cols = valid_outputs(s->out_w, s->in_w, s->stride_w, tap_x, s->pad_left);
    size_t width = cols.last - cols.first;
    if (width == 0) return;
    for (size_t y = rows.first; y < rows.last; ++y) {
        size_t out = (out_plane + y) * s->out_w + cols.first;
        size_t in = (in_plane + y * s->stride_h + tap_y - s->pad_top) * s->in_w +
                    cols.first * s->stride_w + tap_x - s->pad_left;
        size_t run = s->stride_w == 1 ? width * k : k, runs = s->stride_w == 1 ? 1 : width;
        for (size_t r = 0; r < runs; ++r) {
            size_t o = (out + r) * k, i = (in + r * s->stride_w) * k;
            if (job->adjoint)
                lip_axpy(run, w, job->from + o, job->to + i);
            else
                lip_axpy(run, w, job->from + i, job->to + o);
        }
    }
}

static void for_each_tap(const lip_op *op, const strip_job *job) {
    const lip_conv_shape *s = &op->conv;
    size_t in_per_group = s->in_c / s->groups, out_per_group = s->out_c / s->groups;
    const double *w = op->value;
    for (size_t o = 0; o < s->out_c; ++o) {
        size_t first_in = o / out_per_group * in_per_group;
        for (size_t c = first_in; c < first_in + in_per_group; ++c)
            for (size_t ky = 0; ky < s->k_h; ++ky)
                for (size_t kx = 0; kx < s->k_w; ++kx, ++w)
                    if (*w != 0) add_tap(job, *w, o * s->out_h, c * s->in_h, ky, kx);
    }
}

void lip_conv_apply(const lip_op *op, size_t k, const double *x, double *y) {
    strip_job job = {&op->conv, k, false, x, NULL};
    job.to = y;
    for_each_tap(op, &job);
}

void lip_conv_adjoint(const lip_op *op, size_t k, const double *y, double *x) {
    strip_job job = {&op->conv, k, true, y, NULL};
    job.to = x;
    for_each_tap(op, &job);
}

/* Write one weight to every matrix entry that it serves. */
static void place_tap(const lip_op *op, double w, size_t o, size_t c, size_t ky, size_t kx,
                      double *dense) {
    const lip_conv_shape *s = &op->conv;
    size_t tap_y = ky * s->dilation_h, tap_x = kx * s->dilation_w;
    span rows = valid_outputs(s->out_h, s->in_h, s->stride_h, tap_y, s->pad_top);
    span cols = valid_outputs(s->out_w, s->in_w, s->stride_w, tap_x, s->pad_left);
    for (size_t y = rows.first; y < rows.last; ++y)
        for (size_t x = cols.first; x < cols.last; ++x) {
            size_t in_y = y * s->stride_h + tap_y - s->pad_top;
            size_t in_x = x * s->stride_w + tap_x - s->pad_left;
            dense[((o * s->out_h + y) * s->out_w + x) * op->cols + (c * s->in_h + in_y) * s->in_w +
                  in_x] = w;
        }
}

void lip_conv_to_dense(const lip_op *op, double *dense) {
    const lip_conv_shape *s = &op->conv;
    size_t in_per_group = s->in_c / s->groups, out_per_group = s->out_c / s->groups;
    const double *w = op->value;
    for (size_t o = 0; o < s->out_c; ++o) {
        size_t first_in = o / out_per_group * in_per_group;
        for (size_t c = first_in; c < first_in + in_per_group; ++c)
            for (size_t ky = 0; ky < s->k_h; ++ky)
                for (size_t kx = 0; kx < s->k_w; ++kx, ++w) place_tap(op, *w, o, c, ky, kx, dense);
    }
}
