/* What to split where no semidefinite bound tells: guesses from magnitudes of weights.  They make no bound. */
#ifndef LIP_BNB_INFLUENCE_H
#define LIP_BNB_INFLUENCE_H

#include "bnb/leaf.h"

/* The input of a box whose width times its weights on undecided neurons of first layers, in units of their ranges,
 * is largest. */
size_t lip_influence_input(const lip_dense *dense, const lip_leaf_node *view);

/* Of the neurons (by relu number) with phase LIP_UNSTABLE, the one through which most of the Jacobian may pass: sums over
 * all ways from inputs to it, and from it to outputs, of products of magnitudes.  SIZE_MAX: there is none.
 * ahead, behind: room for units each. */
size_t lip_influence_neuron(const lip_dense *dense, const signed char *phase, double *ahead,
                            double *behind);

#endif
