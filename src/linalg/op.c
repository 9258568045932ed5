#include "linalg/op.h"

#include "base/memory.h"
#include "linalg/op_kinds.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static lip_op *create(lip_op_kind kind, size_t rows, size_t cols, size_t nvalues) {
    lip_op *op = LIP_NEW(lip_op, 1);
    if (!op) return NULL;
    op->kind = kind;
    op->rows = rows;
    op->cols = cols;
    op->nvalues = nvalues;
    op->value = LIP_NEW(double, nvalues);
    if (!op->value) {
        lip_op_free(op);
        return NULL;
    }
    return op;
}

lip_op *lip_op_dense(size_t rows, size_t cols) {
    size_t count;
    if (!lip_multiply_sizes(rows, cols, &count)) return NULL;
    return create(LIP_OP_DENSE, rows, cols, count);
}

lip_op *lip_op_sparse(size_t rows, size_t cols, size_t nonzeros) {
    if (rows == SIZE_MAX) return NULL;
    lip_op *op = create(LIP_OP_SPARSE, rows, cols, nonzeros);
    if (!op) return NULL;
    op->start = LIP_NEW(size_t, rows + 1);
    op->column = LIP_NEW(size_t, nonzeros);
    if (!op->start || !op->column) {
        lip_op_free(op);
        return NULL;
    }
    return op;
}

lip_op *lip_op_conv(const lip_conv_shape *s) {
    size_t in, out, taps, weights;
    if (!lip_multiply_sizes(s->in_c, s->in_h, &in) || !lip_multiply_sizes(in, s->in_w, &in) ||
        !lip_multiply_sizes(s->out_c, s->out_h, &out) || !lip_multiply_sizes(out, s->out_w, &out) ||
        !lip_multiply_sizes(s->k_h, s->k_w, &taps) ||
        !lip_multiply_sizes(s->out_c, s->in_c / s->groups, &weights) ||
        !lip_multiply_sizes(weights, taps, &weights))
        return NULL;
    lip_op *op = create(LIP_OP_CONV, out, in, weights);
    if (op) op->conv = *s;
    return op;
}

lip_op *lip_op_identity(size_t n) {
    lip_op *op = lip_op_sparse(n, n, n);
    if (!op) return NULL;
    for (size_t i = 0; i < n; ++i) {
        op->value[i] = 1;
        op->column[i] = i;
        op->start[i + 1] = i + 1;
    }
    return op;
}

static lip_op *clone(const lip_op *op) {
    lip_op *copy = op->kind == LIP_OP_DENSE    ? lip_op_dense(op->rows, op->cols)
                   : op->kind == LIP_OP_SPARSE ? lip_op_sparse(op->rows, op->cols, op->nvalues)
                                               : lip_op_conv(&op->conv);
    if (!copy) return NULL;
    if (op->kind == LIP_OP_SPARSE) {
        memcpy(copy->start, op->start, (op->rows + 1) * sizeof *op->start);
        memcpy(copy->column, op->column, op->nvalues * sizeof *op->column);
    }
    return copy;
}

lip_op *lip_op_map(const lip_op *op, double (*f)(double)) {
    lip_op *copy = clone(op);
    if (!copy) return NULL;
    for (size_t i = 0; i < op->nvalues; ++i) copy->value[i] = f(op->value[i]);
    return copy;
}

void lip_op_free(lip_op *op) {
    if (!op) return;
    free(op->value);
    free(op->start);
    free(op->column);
    free(op);
}

void lip_op_apply(const lip_op *op, size_t k, const double *x, double *y) {
    switch (op->kind) {
    case LIP_OP_DENSE: lip_dense_apply(op, k, x, y); break;
    case LIP_OP_SPARSE: lip_sparse_apply(op, k, x, y); break;
    case LIP_OP_CONV: lip_conv_apply(op, k, x, y); break;
    }
}

void lip_op_adjoint(const lip_op *op, size_t k, const double *y, double *x) {
    switch (op->kind) {
    case LIP_OP_DENSE: lip_dense_adjoint(op, k, y, x); break;
    case LIP_OP_SPARSE: lip_sparse_adjoint(op, k, y, x); break;
    case LIP_OP_CONV: lip_conv_adjoint(op, k, y, x); break;
    }
}

size_t lip_op_row_terms(const lip_op *op) {
    if (op->kind == LIP_OP_DENSE) return op->cols;
    if (op->kind == LIP_OP_CONV)
        return op->conv.in_c / op->conv.groups * op->conv.k_h * op->conv.k_w;
    size_t most = 0;
    for (size_t i = 0; i < op->rows; ++i) {
        size_t n = op->start[i + 1] - op->start[i];
        if (n > most) most = n;
    }
    return most;
}

size_t lip_op_col_terms(const lip_op *op) {
    if (op->kind == LIP_OP_DENSE) return op->rows;
    if (op->kind == LIP_OP_CONV)
        return op->conv.out_c / op->conv.groups * op->conv.k_h * op->conv.k_w;
    return op->nvalues < op->rows ? op->nvalues : op->rows; /* columns are distinct within a row */
}

void lip_op_to_dense(const lip_op *op, double *dense) {
    memset(dense, 0, op->rows * op->cols * sizeof *dense);
    if (op->kind == LIP_OP_DENSE) {
        memcpy(dense, op->value, op->nvalues * sizeof *dense);
    } else if (op->kind == LIP_OP_SPARSE) {
        for (size_t i = 0; i < op->rows; ++i)
            for (size_t e = op->start[i]; e < op->start[i + 1]; ++e)
                dense[i * op->cols + op->column[e]] = op->value[e];
    } else {
        lip_conv_to_dense(op, dense);
    }
}

const char *lip_op_name(const lip_op *op) {
    return op->kind == LIP_OP_DENSE ? "dense" : op->kind == LIP_OP_SPARSE ? "sparse" : "conv";
}

/* Output size along one axis; 0 if the dilated kernel does not fit or something overflows. */
static size_t axis_outputs(size_t in, size_t before, size_t after, size_t kernel, size_t stride,
                           size_t dilation) {
    const size_t limit = (size_t)1 << 40;
    if (!in || !kernel || !stride || !dilation) return 0;
    if (in > limit || before > limit || after > limit || kernel > limit || dilation > limit)
        return 0;
    size_t extent;
    if (!lip_multiply_sizes(kernel - 1, dilation, &extent) || extent >= limit) return 0;
    size_t padded = in + before + after;
    return padded < extent + 1 ? 0 : (padded - extent - 1) / stride + 1;
}

bool lip_conv_output_size(lip_conv_shape *s, size_t pad_bottom, size_t pad_right) {
    s->out_h = axis_outputs(s->in_h, s->pad_top, pad_bottom, s->k_h, s->stride_h, s->dilation_h);
    s->out_w = axis_outputs(s->in_w, s->pad_left, pad_right, s->k_w, s->stride_w, s->dilation_w);
    return s->out_h && s->out_w;
}
