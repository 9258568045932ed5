/* Good directions: maximise ||J t||_q over ||t||_p <= 1 for one matrix, in floating point. */
#ifndef LIP_SEARCH_DIRECTION_H
#define LIP_SEARCH_DIRECTION_H

#include "lipcert.h"

/* gt is J' by rows: n inputs, k outputs.  Writes t[n] with ||t||_p about 1.  The best direction for
 * p = 1, for q = inf, for k = 1 and for p = q = 2; else a local maximum by alternating projections
 * from several starts (the problem is NP-hard for inf -> 1, inf -> 2 and 2 -> 1).  False if memory is
 * short. */
bool lip_best_direction(size_t n, size_t k, const double *gt, lip_norm p, lip_norm q, double *t);

/* ||J||_{p -> q} in floating point, by that direction.  t is scratch of n entries. */
bool lip_estimate_norm(size_t n, size_t k, const double *gt, lip_norm p, lip_norm q, double *t,
                       double *norm);

/* The p-norm of n numbers, in floating point. */
double lip_plain_norm(size_t n, const double *v, lip_norm p);

/* t = argmax v' t over ||t||_p <= 1; entries `stride` apart in both. */
void lip_dual_maximiser(size_t n, const double *v, size_t stride, lip_norm p, double *t);

#endif
