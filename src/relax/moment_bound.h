/* Bounds by the published moment relaxations, proved. */
#ifndef LIP_RELAX_MOMENT_BOUND_H
#define LIP_RELAX_MOMENT_BOUND_H

#include "moment/relaxation.h"
#include "problem/task.h"

/* What came out for one part. */
typedef struct lip_moment_report {
    double value;                      /* what the solver believes; not proved */
    double bound;                      /* proved; INFINITY: nothing was */
    double claim;                      /* what a certificate may say: a little more */
    bool optimal;                      /* the solver's own opinion */
    size_t variables, blocks, largest; /* free multipliers; matrices; rows of the largest */
    size_t iterations;
    double solve_seconds, prove_seconds; /* wall clock */
} lip_moment_report;

/* Which polynomial problem a hierarchy takes. */
lip_poly_options lip_moment_options(lip_hierarchy hierarchy, size_t part);

/* One part: problem -> relaxation -> program -> identity.  identity may be NULL; else it gets the
 * proof, for the caller to clear. */
lip_status lip_moment_bound(const lip_poly_problem *problem, lip_hierarchy hierarchy, size_t order,
                            lip_watch *watch, lip_identity *identity, lip_moment_report *report,
                            lip_error *err);

/* All parts of a question, in the form of problem/task.h, which has the methods hr1, hr2-blocks and
 * lasserre themselves; `order` is that of lasserre. */
lip_status lip_moment_method(lip_task *task, lip_step *step, lip_hierarchy hierarchy, size_t order,
                             lip_error *err);

#endif
