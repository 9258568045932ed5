/* The spectral norm, proved. */
#ifndef LIP_LINALG_SPECTRAL_H
#define LIP_LINALG_SPECTRAL_H

#include "linalg/op.h"

/* *bound >= ||A||_2, within about 3 n^2 2^-52 relative (n = min(rows, cols)); INFINITY if n exceeds
 * gram_limit or the numbers overflow.  False if memory is short.
 * Cost: forming the n x n Gram matrix, a few tens of products with it, one or a few factorisations. */
bool lip_spectral_bound(const lip_op *op, size_t gram_limit, double *bound);

/* A floating-point estimate (no bound) of the largest eigenvalue of a symmetric n x n matrix, full
 * storage, by Lanczos iterations with full reorthogonalisation.  False if memory is short. */
bool lip_lanczos_largest(size_t n, const double *a, double *eigenvalue);

#endif
