/* The node bound of branch and bound: the tangent relaxation with known phases substituted, solved by Newton
 * steps from the parent's multipliers.  Floating point: what it proposes is proved by bnb/leaf.h. */
#ifndef LIP_BNB_GRAM_H
#define LIP_BNB_GRAM_H

#include "bnb/leaf.h"

typedef struct lip_gram lip_gram;

/* Multipliers of a node, and what the last solve says about neurons. */
typedef struct lip_gram_point {
    double *y;    /* lip_gram_groups: of the squares of t, and of w for an output cube */
    double *tau;  /* by relu number: 2 tau v (v - y) */
    double bound; /* of L, floating point; INFINITY before the first solve */
} lip_gram_point;

/* Room for the nodes of one part of a question, for one thread.  NULL if memory is short. */
lip_gram *lip_gram_create(const lip_dense *dense, const lip_leaf_part *part);
void lip_gram_free(lip_gram *gram);

size_t lip_gram_groups(const lip_gram *gram);

/* Order of the slack matrix if no phase is known, for a network and question. */
double lip_gram_order(const lip_dense *dense, const lip_leaf_part *part);

/* Load a node: the phases of the relu neurons by number (LIP_UNSTABLE, LIP_ACTIVE, LIP_INACTIVE). */
void lip_gram_load(lip_gram *gram, const signed char *phase);

/* Multipliers that are feasible whatever the phases are.  False if memory is short. */
bool lip_gram_start(const lip_gram *gram, lip_gram_point *point);

/* Minimise, from a feasible point, at most `steps` Newton steps; stop as soon as the bound is below target, or
 * surely will not be (target 0: at the optimum).  False if the point was lost to rounding (it may be used, with a bound of INFINITY). */
bool lip_gram_solve(lip_gram *gram, lip_gram_point *point, double target, int steps);

/* After a solve: E v^2 and E (y - v)^2 of a free neuron, by relu number: how far it is from either phase. */
double lip_gram_on(const lip_gram *gram, size_t relu);
double lip_gram_off(const lip_gram *gram, size_t relu);

/* The multipliers of lip_leaf_sdp that belong to a point: tangent by unit; input, dual: as that says. */
typedef struct lip_gram_proof {
    double one, *input, *dual, *tangent;
} lip_gram_proof;
void lip_gram_translate(const lip_gram *gram, const lip_gram_point *point, lip_gram_proof *proof);

/* The other way round: the point that belongs to multipliers (of a fixed output: `one`, else `dual`). */
void lip_gram_adopt(const lip_gram *gram, const lip_gram_proof *proof, lip_gram_point *point);

/* Newton steps so far, and about how many multiplications they took. */
size_t lip_gram_steps(const lip_gram *gram);
double lip_gram_work(const lip_gram *gram);

#endif
