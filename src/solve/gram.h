/* The Gram engine: multipliers for a lifted problem from a low-rank factor, without n x n matrices.
 *
 * Burer and Monteiro 2003: the moment matrix is written X = V V', V with n rows of length `rank`; groups
 * fix or bound the length of rows, everything else is an inner product of rows of V and of Y = A V. */
#ifndef LIP_SOLVE_GRAM_H
#define LIP_SOLVE_GRAM_H

#include "cert/repair.h"

typedef struct lip_gram_options {
    size_t rank;      /* length of the rows; 0: chosen from the number of constraints */
    size_t rounds;    /* multiplier updates at most */
    size_t steps;     /* L-BFGS steps per round */
    double tolerance; /* stop when constraints hold to this and the gradient is as small */
    uint64_t seed;
} lip_gram_options;

/* Reasonable values for everything. */
void lip_gram_defaults(lip_gram_options *options);

/* Propose multipliers (arrays of lifted->groups and lip_family_multipliers entries, owned by the
 * caller, filled in).  *value is the objective reached, in floating point, no bound.  A solver that is
 * cut short by the watch leaves what it has, which lip_repair can always use.  Failing to allocate is
 * the only error. */
lip_status lip_gram_solve(const lip_lifted *lifted, const lip_gram_options *options,
                          lip_watch *watch, lip_multipliers *multipliers, double *value,
                          lip_error *err);

#endif
