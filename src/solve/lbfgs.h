/* Limited-memory BFGS for smooth functions, with a domain. */
#ifndef LIP_SOLVE_LBFGS_H
#define LIP_SOLVE_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

/* f(x) with its gradient in g (n entries each).  INFINITY or NaN: x lies outside the domain, and g is
 * not read. */
typedef double (*lip_lbfgs_fn)(const double *x, double *g, void *user);

/* Called with every accepted iterate and its value; true ends the minimisation. */
typedef bool (*lip_lbfgs_look_fn)(const double *x, double f, void *user);

typedef struct lip_lbfgs_options {
    size_t memory;     /* pairs kept, at least 1 */
    size_t iterations; /* at most */
    double gradient;   /* stop when ||g||_2 <= gradient */
    double progress;   /* stop when `patience` iterations lowered f by no more than this */
    size_t patience;
} lip_lbfgs_options;

typedef enum lip_lbfgs_end {
    LIP_LBFGS_SMALL_GRADIENT,
    LIP_LBFGS_NO_PROGRESS, /* by `progress`, or the line search found no decrease */
    LIP_LBFGS_ITERATIONS,
    LIP_LBFGS_TOLD,    /* by look() */
    LIP_LBFGS_OUTSIDE, /* the start is outside the domain */
    LIP_LBFGS_NO_MEMORY
} lip_lbfgs_end;

/* Minimise from x (n entries), which ends as the last accepted iterate; *f is its value. */
lip_lbfgs_end lip_lbfgs(size_t n, double *x, lip_lbfgs_fn fn, lip_lbfgs_look_fn look, void *user,
                        const lip_lbfgs_options *options, double *f);

#endif
