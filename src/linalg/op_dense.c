/* Dense operators: BLAS, which sums in some order and may fuse; the error bound of base/round.h holds
 * for every order, so that proofs may use these kernels too. */
#include "linalg/op_kinds.h"

#include <cblas.h>
#include <limits.h>

/* BLAS counts in int; sizes beyond that fall back to plain loops (never seen in practice). */
static bool fits_int(const lip_op *op, size_t k) {
    return op->rows <= INT_MAX && op->cols <= INT_MAX && k <= INT_MAX;
}

void lip_dense_apply(const lip_op *op, size_t k, const double *x, double *y) {
    if (op->rows == 0 || op->cols == 0 || k == 0) return;
    int m = (int)op->rows, n = (int)op->cols, c = (int)k;
    if (!fits_int(op, k)) {
        for (size_t i = 0; i < op->rows; ++i)
            for (size_t j = 0; j < op->cols; ++j)
                lip_axpy(k, op->value[i * op->cols + j], x + j * k, y + i * k);
    } else if (k == 1) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1, op->value, n, x, 1, 1, y, 1);
    } else {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, c, n, 1, op->value, n, x, c, 1, y,
                    c);
    }
}

void lip_dense_adjoint(const lip_op *op, size_t k, const double *y, double *x) {
    if (op->rows == 0 || op->cols == 0 || k == 0) return;
    int m = (int)op->rows, n = (int)op->cols, c = (int)k;
    if (!fits_int(op, k)) {
        for (size_t i = 0; i < op->rows; ++i)
            for (size_t j = 0; j < op->cols; ++j)
                lip_axpy(k, op->value[i * op->cols + j], y + i * k, x + j * k);
    } else if (k == 1) {
        cblas_dgemv(CblasRowMajor, CblasTrans, m, n, 1, op->value, n, y, 1, 1, x, 1);
    } else {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, c, m, 1, op->value, n, y, c, 1, x,
                    c);
    }
}
