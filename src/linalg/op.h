/* Linear operators: the matrices of a network, kept in the form they came in.
 *
 * An operator A maps blocks of k columns.  A block X is stored with the k entries of one row next to
 * each other, X[i * k + j], so that a row of X is a contiguous vector whatever the kind of A. */
#ifndef LIP_LINALG_OP_H
#define LIP_LINALG_OP_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lip_op_kind { LIP_OP_DENSE, LIP_OP_SPARSE, LIP_OP_CONV } lip_op_kind;

/* A 2-d convolution (cross-correlation, as in ONNX Conv) with zero padding; 1-d has in_h = k_h = 1.
 * Input entry (c, y, x) has index (c * in_h + y) * in_w + x, output likewise.  Weight entry
 * (o, c, y, x), c counted within the group, has index ((o * in_c/groups + c) * k_h + y) * k_w + x. */
typedef struct lip_conv_shape {
    size_t in_c, in_h, in_w;
    size_t out_c, out_h, out_w;
    size_t k_h, k_w;
    size_t stride_h, stride_w;
    size_t dilation_h, dilation_w;
    size_t pad_top, pad_left; /* bottom and right follow from out_h, out_w */
    size_t groups;
} lip_conv_shape;

typedef struct lip_op {
    lip_op_kind kind;
    size_t rows, cols;
    size_t nvalues;
    double *value;  /* dense: rows x cols by rows; sparse: nonzeros by rows; conv: weights */
    size_t *start;  /* sparse: row i holds entries start[i] .. start[i+1]-1 */
    size_t *column; /* sparse: column of each entry, strictly increasing within a row */
    lip_conv_shape conv;
} lip_op;

/* Each returns NULL if memory is short (or sizes overflow); values start as zero and are the
 * caller's to fill.  A sparse operator's start and column arrays are the caller's to fill too. */
lip_op *lip_op_dense(size_t rows, size_t cols);
lip_op *lip_op_sparse(size_t rows, size_t cols, size_t nonzeros);
lip_op *lip_op_conv(const lip_conv_shape *shape);
lip_op *lip_op_identity(size_t n); /* sparse */

/* Same structure, f applied to every stored value.  Each matrix entry is made of exactly one stored
 * value, so that e.g. f = fabs gives |A| exactly. */
lip_op *lip_op_map(const lip_op *op, double (*f)(double));

void lip_op_free(lip_op *op);

/* Y += A X and X += A' Y for blocks of k columns.  x has cols * k, y rows * k entries; no overlap. */
void lip_op_apply(const lip_op *op, size_t k, const double *x, double *y);
void lip_op_adjoint(const lip_op *op, size_t k, const double *y, double *x);

/* Upper bounds on the number of terms in one entry of A x and of A' y. */
size_t lip_op_row_terms(const lip_op *op);
size_t lip_op_col_terms(const lip_op *op);

/* dense[rows * cols] = A. */
void lip_op_to_dense(const lip_op *op, double *dense);

/* "dense", "sparse" or "conv". */
const char *lip_op_name(const lip_op *op);

/* Fill out_h and out_w from the rest for given bottom and right padding; false if the (dilated)
 * kernel does not fit or a size is zero or overflows. */
bool lip_conv_output_size(lip_conv_shape *shape, size_t pad_bottom, size_t pad_right);

#endif
