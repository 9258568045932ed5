/* Sparse operators: compressed rows; each nonzero moves one contiguous row of the block. */
#include "linalg/op_kinds.h"

void lip_sparse_apply(const lip_op *op, size_t k, const double *x, double *y) {
    for (size_t i = 0; i < op->rows; ++i)
        for (size_t e = op->start[i]; e < op->start[i + 1]; ++e)
            lip_axpy(k, op->value[e], x + op->column[e] * k, y + i * k);
}

void lip_sparse_adjoint(const lip_op *op, size_t k, const double *y, double *x) {
    for (size_t i = 0; i < op->rows; ++i)
        for (size_t e = op->start[i]; e < op->start[i + 1]; ++e)
            lip_axpy(k, op->value[e], y + i * k, x + op->column[e] * k);
}
