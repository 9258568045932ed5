/* Questions for the tests of moment relaxations, and their bounds. */
#ifndef LIP_TEST_MOMENTS_H
#define LIP_TEST_MOMENTS_H

#include "chains.h"
#include "support.h"

#include "region/region.h"
#include "relax/moment_bound.h"

typedef struct question {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_preactivation bounds;
} question;

/* The first output of a network, which the question owns from now on, in a box of some radius; 0: in R^n. */
void ask(question *q, lip_network *net, double radius);
void forget(question *q);

/* For lip_poly_problem_free. */
lip_poly_problem *problem_of(const question *q, lip_hierarchy hierarchy);

/* What is proved, held against what the solver says. */
double bound_of(const question *q, lip_hierarchy hierarchy, size_t order);

#endif
