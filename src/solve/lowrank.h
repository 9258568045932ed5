/* A first-order solver for lifted problems that are too large for the interior-point method. */
#ifndef LIP_SOLVE_LOWRANK_H
#define LIP_SOLVE_LOWRANK_H

#include "base/clock.h"
#include "cert/repair.h"

#include <stdint.h>

/* The factor V of the moment matrix X = V V', kept between runs while cuts come and go. */
typedef struct lip_lowrank {
    size_t n, groups, rank;
    double *x; /* n x rank: V before its groups are brought to their sizes; then a slack number for
                     * every group */
    double
        scale; /* the objective is multiplied by this, so that the y are about 1; 0: not known yet */
    double penalty; /* of violations; 0: not known yet */
} lip_lowrank;

typedef struct lip_lowrank_options {
    size_t rounds;    /* updates of the multipliers, at most */
    size_t steps;     /* of L-BFGS between two of them, at most */
    double tolerance; /* relative length of the gradient and of the violations at the end */
    double most_penalty;
    bool
        fixed; /* multipliers of constraints stay as they are: the best V and y for them, one round */
    bool single; /* V V' in single precision: for tolerances of about 1e-3 */
    lip_watch *watch;
} lip_lowrank_options;

/* What a run ended with, in units of the objective of the part. */
typedef struct lip_lowrank_report {
    double value;     /* sum y size: a bound if V were a global maximum */
    double objective; /* <F, X> */
    double violation; /* relative, as for the tolerance */
    double gradient;
    size_t evaluations;
} lip_lowrank_report;

/* A random factor.  False: out of memory. */
bool lip_lowrank_create(const lip_lifted *lifted, size_t rank, uint64_t seed, lip_lowrank *factor);
void lip_lowrank_clear(lip_lowrank *factor);

/* More or fewer columns: X changes little if the columns that go are short.  False: out of memory. */
bool lip_lowrank_resize(const lip_lifted *lifted, size_t rank, uint64_t seed, lip_lowrank *factor);

/* Improve factor and multipliers (those that come in are where it starts).  Nothing is proved; lip_repair
 * does that.  Failing to allocate is the only error. */
lip_status lip_lowrank_run(const lip_lifted *lifted, const lip_lowrank_options *options,
                           lip_lowrank *factor, lip_multipliers *multipliers,
                           lip_lowrank_report *report, lip_error *err);

/* False: out of memory. */
bool lip_lowrank_copy(const lip_lowrank *factor, lip_lowrank *copy);

/* x = V V', n x n.  False: out of memory. */
bool lip_lowrank_moments(const lip_lifted *lifted, const lip_lowrank *factor, double *x);

#endif
