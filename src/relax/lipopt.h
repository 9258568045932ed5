/* LipOpt-k: bounds from linear programs, proved. */
#ifndef LIP_RELAX_LIPOPT_H
#define LIP_RELAX_LIPOPT_H

#include "poly/handelman.h"
#include "problem/task.h"
#include "solve/lp.h"

/* What came out for one part. */
typedef struct lip_lipopt_report {
    double value;               /* of the program, as computed; not proved */
    double bound;               /* proved; INFINITY: nothing was */
    double claim;               /* what a certificate may say: a little more */
    double gap;                 /* the program's value is at least value - gap, as computed */
    bool optimal;               /* it was solved to the end */
    size_t products, monomials; /* of the published program */
    size_t columns, rounds, terms, pivots; /* of the small one; terms of the proof */
    double solve_seconds, prove_seconds;   /* wall clock */
} lip_lipopt_report;

/* One part.  identity may be NULL; else it gets the proof, for the caller to clear.  LIP_UNSUPPORTED
 * if the program is too large or not for this question. */
lip_status lip_lipopt_bound(const lip_poly_problem *problem, size_t degree,
                            const lip_lp_library *library, lip_watch *watch, lip_identity *identity,
                            lip_lipopt_report *report, lip_error *err);

#endif
