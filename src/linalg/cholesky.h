/* Positive definiteness, proved by a floating-point Cholesky factorisation. */
#ifndef LIP_LINALG_CHOLESKY_H
#define LIP_LINALG_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* Factorise the symmetric n x n matrix whose lower triangle (a[i * n + j], j <= i) is given; a is
 * overwritten.  True if the factorisation ran to completion, and then
 *
 *     lambda_min(A) >= -lip_cholesky_slack(n, trace of A). */
bool lip_cholesky(size_t n, double *a);

/* An upper bound on the backward error in the 2-norm; `trace` an upper bound on the trace. */
double lip_cholesky_slack(size_t n, double trace);

#endif
