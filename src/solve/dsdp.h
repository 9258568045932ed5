/* Semidefinite programs in the form
 *
 *     minimise  cost'y   subject to   S_b = C_b - sum_k y_k A_kb positive semidefinite for every
 * block b,
 *                                     y_k >= 0 for some k,
 *
 * solved by DSDP, for blocks of up to a few hundred rows and thousands of y.  DSDP is a dual
 * method: its iterates have S > 0, so every y is a candidate proof. */
#ifndef LIP_SOLVE_DSDP_H
#define LIP_SOLVE_DSDP_H

#include "base/clock.h"
#include "lipcert.h"

/* One entry of C_b (variable 0) or A_kb (variable k + 1), and its mirror image if row != column. */
typedef struct lip_sdp_entry {
    uint32_t variable, block, row, column; /* row >= column */
    double value;
} lip_sdp_entry;

typedef struct lip_sdp {
    size_t variables, blocks;
    double *cost;      /* by variable */
    bool *nonnegative; /* by variable */
    size_t *order;     /* by block: its rows */
    size_t entries, room;
    lip_sdp_entry *entry; /* in any order; those of the same place are added up */
} lip_sdp;

typedef struct lip_sdp_answer {
    double *y;        /* by variable, from the caller */
    double *const *x; /* NULL, or by block order x order for the primal matrices, from the caller */
    double value;     /* cost'y */
    bool optimal;     /* by the solver's own tests */
    size_t iterations;
} lip_sdp_answer;

/* Until the tolerance (relative gap) or the watch ends it.  A solver that fails leaves what it had:
 * nothing it says is a proof.  Failing to allocate is the only error (DSDP's own allocations
 * included, where it reports them). */
lip_status lip_dsdp_solve(lip_sdp *sdp, double tolerance, lip_watch *watch, lip_sdp_answer *answer,
                          lip_error *err);

/* Sort the entries, and add up those of the same place. */
void lip_sdp_gather(lip_sdp *sdp);

void lip_sdp_clear(lip_sdp *sdp);

#endif
