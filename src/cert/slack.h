/* The slack matrix of a lifted problem, and the proof that it is (nearly) positive semidefinite. */
#ifndef LIP_CERT_SLACK_H
#define LIP_CERT_SLACK_H

#include "cert/repair.h"

/* S = Diag(y by group) - F - sum of lambda_k G_k, where p'F p is the objective and p'G_k p = g_k(p). */
typedef struct lip_slack {
    const lip_lifted *lifted;
    double *base;   /* n x n, lower triangle of S without Diag(y), in floating point */
    double *radius; /* by row: bound on the sum of |true - computed| over the row of the base; then
                     * room for n numbers more */
    double *work;   /* n x n */
    lip_product *product; /* room for one constraint */
} lip_slack;

bool lip_slack_create(const lip_lifted *lifted, lip_slack *slack);
void lip_slack_clear(lip_slack *slack);

/* Compute the base and its radii.  False if something overflows or an inequality has a negative
 * multiplier: then nothing can be proved. */
bool lip_slack_assemble(lip_slack *slack, const double *lambda);

/* work = lower triangle of S in floating point. */
void lip_slack_matrix(const lip_slack *slack, const double *y);

/* A proved bound 2^exponent (sum y size + rounding), or INFINITY if S was not seen to be positive
 * definite.  Destroys work. */
double lip_slack_prove(const lip_slack *slack, const double *y);

#endif
