/* The kernels behind lip_op_apply and lip_op_adjoint, one pair per kind; same contract. */
#ifndef LIP_LINALG_OP_KINDS_H
#define LIP_LINALG_OP_KINDS_H

#include "linalg/op.h"

void lip_dense_apply(const lip_op *op, size_t k, const double *x, double *y);
void lip_dense_adjoint(const lip_op *op, size_t k, const double *y, double *x);
void lip_sparse_apply(const lip_op *op, size_t k, const double *x, double *y);
void lip_sparse_adjoint(const lip_op *op, size_t k, const double *y, double *x);
void lip_conv_apply(const lip_op *op, size_t k, const double *x, double *y);
void lip_conv_adjoint(const lip_op *op, size_t k, const double *y, double *x);

/* The entries of the matrix; dense[rows * cols] is zero before. */
void lip_conv_to_dense(const lip_op *op, double *dense);

/* y += a x over n entries. */
static inline void lip_axpy(size_t n, double a, const double *x, double *y) {
    for (size_t i = 0; i < n; ++i) y[i] += a * x[i];
}

#endif
