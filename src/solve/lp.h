/* Linear and mixed-integer linear programs
 *
 *     minimise c'x    subject to    row_lo <= A x <= row_hi,   col_lo <= x <= col_hi,   some x integer,
 *
 * solved by HiGHS, which is found while the program runs: lipcert is complete without it.  Nothing that
 * comes back is a bound; it proposes multipliers and points that others prove. */
#ifndef LIP_SOLVE_LP_H
#define LIP_SOLVE_LP_H

#include "base/clock.h"
#include "lipcert.h"

#include <stdbool.h>
#include <stddef.h>

/* The library of the solver, for as long as a program needs it. */
typedef struct lip_lp_library lip_lp_library;

/* One program that is being solved, with its last basis. */
typedef struct lip_lp lip_lp;

/* All arrays are the caller's and are copied.  Infinite bounds are allowed. */
typedef struct lip_lp_problem {
    size_t cols, rows;
    const double *cost;            /* cols */
    const double *col_lo, *col_hi; /* cols */
    const double *row_lo, *row_hi; /* rows */
    const size_t *start;           /* rows + 1: row i has the entries start[i] .. start[i+1] - 1 */
    const size_t *column;
    const double *value;
    const bool *integer; /* cols; NULL: none */
} lip_lp_problem;

typedef enum lip_lp_outcome {
    LIP_LP_OPTIMAL,
    LIP_LP_INFEASIBLE,
    LIP_LP_UNBOUNDED, /* or infeasible, where the solver does not know which */
    LIP_LP_STOPPED,   /* the time limit; x is feasible if `feasible` */
    LIP_LP_FAILED     /* anything else */
} lip_lp_outcome;

/* Room for the arrays is the caller's; each may be NULL.  Duals are those of minimisation: c - A'row_dual
 * = col_dual, row_dual >= 0 where only row_lo is active, <= 0 at row_hi; col_dual likewise.  Of programs
 * with integers there are none (0). */
typedef struct lip_lp_answer {
    lip_lp_outcome outcome;
    bool feasible;
    double value; /* c'x */
    double bound; /* what the solver claims as lower bound: value for linear programs */
    double *x, *col_dual;
    double *row_dual;
} lip_lp_answer;

/* Find HiGHS: the file that the environment variable LIPCERT_HIGHS names ("none": nowhere), else the one
 * found when lipcert was built, else libhighs.so.1 or libhighs.so of the system.  *out is NULL if there
 * is none, or none that fits; only lack of memory is an error.  The code stays loaded until the
 * program ends. */
lip_status lip_lp_library_open(lip_lp_library **out, lip_error *err);
void lip_lp_library_close(lip_lp_library *library);

/* "1.15.1" */
const char *lip_lp_library_version(const lip_lp_library *library);

/* *out is NULL if the solver refuses the program (too large, not finite). */
lip_status lip_lp_create(const lip_lp_library *library, const lip_lp_problem *problem, lip_lp **out,
                         lip_error *err);
void lip_lp_free(lip_lp *lp);

/* Add rows to a linear program that is perhaps solved already; the arrays as in lip_lp_problem. False:
 * memory is short or the solver refused, and the program is not to be used any more. */
bool lip_lp_add_rows(lip_lp *lp, size_t rows, const double *row_lo, const double *row_hi,
                     const size_t *start, const size_t *column, const double *value);

/* Remove the rows for which remove[row]; those behind them move up.  False as above. */
bool lip_lp_remove_rows(lip_lp *lp, const bool *remove);

/* Primal and dual feasibility, 1e-7 at first; of integers too, 1e-6 at first. */
void lip_lp_set_tolerance(lip_lp *lp, double tolerance);

/* Of programs with integers: the gap, relative and absolute, at which they count as solved, 1e-4 and 1e-6 at
 * first; and who says now and then whether to go on (NULL: nobody but the time limit).  When that watch
 * has expired the outcome is LIP_LP_STOPPED. */
void lip_lp_set_gap(lip_lp *lp, double gap);
void lip_lp_set_watch(lip_lp *lp, lip_watch *watch);

/* Solve, for at most so many seconds; with another cost than last time if cost is not NULL.  A linear
 * program continues from the basis of the last call.  One thread; same calls, same answers, unless
 * time runs out. */
void lip_lp_solve(lip_lp *lp, const double *cost, double seconds, lip_lp_answer *answer);

#endif
