/* Bounds by the published moment relaxations, proved. */
#ifndef LIP_RELAX_MOMENT_BOUND_H
#define LIP_RELAX_MOMENT_BOUND_H

#include "moment/relaxation.h"
#include "problem/task.h"

/* What came out for one part. */
typedef struct lip_moment_report {
    double value;                      /* what the solver believes; not proved */
    double bound;                      /* proved; INFINITY: nothing was */
    bool optimal;                      /* the solver's own opinion */
    size_t variables, blocks, largest; /* free multipliers; matrices; rows of the largest */
    size_t iterations;
    double solve_seconds, prove_seconds; /* wall clock */
} lip_moment_report;

/* One part: problem -> relaxation -> program -> identity.  identity may be NULL; else it gets the
 * proof, for the caller to clear. */
lip_status lip_moment_bound(const lip_poly_problem *problem, lip_hierarchy hierarchy, size_t order,
                            lip_watch *watch, lip_identity *identity, lip_moment_report *report,
                            lip_error *err);

/* All parts of a question, in the form of problem/task.h; `order` is that of lasserre. */
lip_status lip_moment_method(lip_task *task, lip_step *step, lip_hierarchy hierarchy, size_t order,
                             lip_error *err);

/* The methods hr1 and hr2-blocks. */
lip_status lip_hr1_method(lip_task *task, lip_step *step, lip_error *err);
lip_status lip_hr2_blocks_method(lip_task *task, lip_step *step, lip_error *err);

#endif
