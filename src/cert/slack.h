/* The slack matrix of a lifted problem, and the proof that it is (nearly) positive semidefinite. */
#ifndef LIP_CERT_SLACK_H
#define LIP_CERT_SLACK_H

#include "cert/repair.h"

/* factor w_i w_j of two vectors with many coefficients, w_i the one with the smaller number. */
typedef struct lip_long_pair {
    size_t i, j;
    double factor;
} lip_long_pair;

/* What products of long vectors need; all sizes are 0 where there are none. */
typedef struct lip_slack_long {
    size_t pairs, room;
    lip_long_pair *pair;
    size_t columns; /* variables that occur in them */
    size_t *column; /* their numbers, ascending */
    size_t *place;  /* by variable: its place among them */
    double *left, *right, *work;
} lip_slack_long;

/* S = Diag(y by group) - F - sum of lambda_k G_k, where p'F p is the objective and p'G_k p = g_k(p). */
typedef struct lip_slack {
    const lip_lifted *lifted;
    double *base; /* n x n, lower triangle of S without Diag(y), in floating point */
    double *
        radius; /* by row: bound on the sum of |true - computed| times the weight of its column, over the
                     * row of the base; then room for n numbers more */
    /* For another program's order of operations: weights of variables, and the errors of a sum of k products
     * are those of any order, about k rounding errors of each.  NULL, as lip_slack_create leaves it: all weights
     * are 1, and the errors are those of this program. */
    const double *weight;
    double *work;         /* n x n */
    lip_product *product; /* room for one constraint, or a pair of a cut */
    lip_slack_long long_pairs;
} lip_slack;

bool lip_slack_create(const lip_lifted *lifted, lip_slack *slack);
void lip_slack_clear(lip_slack *slack);

/* Compute the base and its radii; destroys work.  False if something overflows or an inequality has a negative
 * multiplier: then nothing can be proved. */
bool lip_slack_assemble(lip_slack *slack, const double *lambda);

/* work = lower triangle of S in floating point. */
void lip_slack_matrix(const lip_slack *slack, const double *y);

/* A proved bound 2^exponent (sum y size + rounding), or INFINITY if S was not seen to be positive
 * definite.  Destroys work. */
double lip_slack_prove(const lip_slack *slack, const double *y);

#endif
