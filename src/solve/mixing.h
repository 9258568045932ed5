/* A first-order solver for the semidefinite bound of one hidden layer and one output, p = inf. */
#ifndef LIP_SOLVE_MIXING_H
#define LIP_SOLVE_MIXING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

/*     max  sum over j  | linear_j e + sum over i  h_ij s_i |        over unit vectors s_i in R^rank
 *
 * with e the first unit vector: the relaxation of max over s in {-1,1}^n of the 1-norm of
 * linear + h's.  h is n x inputs by rows. */
typedef struct lip_mixing_problem {
    size_t n, inputs;
    const double *h, *linear;
} lip_mixing_problem;

/* Alternating maximisation from random vectors; y_t[inputs] and y_s[n] get the norms of the gradients
 * by t_j and s_i, the multipliers of |t_j| = 1 and |s_i| = 1, *value the objective.  Ends when
 * `patience` sweeps gain less than `progress` (relative), or the watch expires (NULL: never).  With
 * rank >= (2 (n + inputs + 1))^.5 stationary points are almost always optimal (Burer and Monteiro
 * 2003, Boumal et al. 2016).  False if memory is short. */
bool lip_mixing(const lip_mixing_problem *problem, size_t rank, double progress, size_t patience,
                lip_watch *watch, double *y_t, double *y_s, double *value);

#endif
