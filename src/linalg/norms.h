/* Proved upper bounds on operator norms. */
#ifndef LIP_LINALG_NORMS_H
#define LIP_LINALG_NORMS_H

#include "linalg/op.h"
#include "lipcert.h"

/* The nine norms ||A||_{p -> q}, indexed [p - 1][q - 1] in the order 1, 2, inf. */
typedef struct lip_norm_table {
    double value[3][3];
    double spectral; /* value for 2 -> 2 if a Gram matrix proved it, otherwise 0 */
} lip_norm_table;

/* Upper bounds on all nine; INFINITY where something overflows.  Entries below 2^-480 count as that.
 *   1 -> q    exact: the largest q-norm of a column          p -> inf  exact: largest dual norm of a row
 *   2 -> 2    spectral norm (linalg/spectral.h)              inf -> 1  sum of |a_ij|
 *   inf -> 2  min(||row sums||_2, sum of column 2-norms)     2 -> 1    the same for A'
 * ("exact" up to rounding).  gram_limit: largest Gram matrix that is factorised for 2 -> 2.  False if
 * memory is short. */
bool lip_norm_bounds(const lip_op *op, size_t gram_limit, lip_norm_table *table);

/* One of them; the spectral norm is computed only for 2 -> 2. */
bool lip_norm_bound(const lip_op *op, lip_norm p, lip_norm q, size_t gram_limit, double *bound);

/* An upper bound on ||I||_{p -> q} in dimension n. */
double lip_norm_identity(size_t n, lip_norm p, lip_norm q);

/* The dual norm: 1 <-> inf, 2 <-> 2. */
lip_norm lip_norm_dual(lip_norm p);

/* Enclosures of the p-norm of a vector known as c +- r (n entries, `stride` apart); r NULL: 0. */
double lip_vector_norm_up(size_t n, const double *c, const double *r, size_t stride, lip_norm p);
double lip_vector_norm_down(size_t n, const double *c, const double *r, size_t stride, lip_norm p);

#endif
