/* A primal-dual interior-point method for lifted problems of moderate size, any graph. */
#ifndef LIP_SOLVE_INTERIOR_H
#define LIP_SOLVE_INTERIOR_H

#include "cert/repair.h"

/* Fill y and lambda with a near-optimal dual solution, about 8 digits, or one whose value sum y size is at
 * most `enough` (0: never).  Every iterate is strictly feasible, so what the watch cuts short is as good
 * as it got; nothing here is proved, lip_repair does that.  Multipliers that no start was found for are
 * left alone.  Memory: about 11 n x n matrices and one for all multipliers.  Failing to allocate is the
 * only error. */
lip_status lip_interior_solve(const lip_lifted *lifted, double enough, lip_watch *watch,
                              lip_multipliers *multipliers, lip_error *err);

#endif
