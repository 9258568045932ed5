/* A primal-dual interior-point method for lifted problems of moderate size, any graph. */
#ifndef LIP_SOLVE_INTERIOR_H
#define LIP_SOLVE_INTERIOR_H

#include "cert/repair.h"

typedef struct lip_interior_options {
    double enough;    /* a value sum y size that is good enough; 0: the least */
    double tolerance; /* gap, relative to the value; 0: 1e-9 */
    lip_watch *watch;
    double
        *primal; /* n x n or NULL: the moment matrix X of the last iterate, zero if there is none */
    bool warm;   /* begin near the multipliers and the primal matrix that are given */
} lip_interior_options;

/* Fill y and lambda with a near-optimal dual solution, about 8 digits unless the options ask for less.
 * Every iterate is strictly feasible, so what the watch cuts short is as good as it got; nothing here
 * is proved, lip_repair does that.  Multipliers that no start was found for are left alone.  Memory: about
 * 11 n x n matrices and one for all multipliers.  Failing to allocate is the only error. */
lip_status lip_interior_run(const lip_lifted *lifted, const lip_interior_options *options,
                            lip_multipliers *multipliers, lip_error *err);

/* The same with standard options. */
lip_status lip_interior_solve(const lip_lifted *lifted, double enough, lip_watch *watch,
                              lip_multipliers *multipliers, lip_error *err);

#endif
