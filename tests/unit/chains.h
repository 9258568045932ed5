/* Random networks without branches, with everything in them that tends to break programs, and copies
 * whose neurons are shuffled. */
#ifndef LIP_TEST_CHAINS_H
#define LIP_TEST_CHAINS_H

#include "support.h"

enum { CHAIN_INPUTS = 4, CHAIN_OUTPUTS = 3, CHAIN_WIDEST = 6 };

/* `hidden` hidden layers, sometimes linear, dead or of width 1; zero, equal and tiny rows; biases small,
 * large (stable neurons) or absent. */
lip_network *random_chain(lip_rng *rng, size_t hidden);

/* A chain of `layers` dense matrices, width[layers + 1], without anything odd: Gaussian weights, variance 1 / fan-in, and small
 * biases, so that most neurons are unstable on a box around 0. */
lip_network *gaussian_chain(lip_rng *rng, size_t layers, const size_t *width);

/* Every matrix of a chain with entries -1, 0, 1: full of symmetries. */
void round_weights(lip_network *net);

/* A copy of a chain of dense matrices with the neurons of every hidden layer in random order: neuron i of
 * layer l of the copy is number order[l][i] in net.  order: layers + 1 arrays, for free_orders. */
lip_network *shuffled(lip_rng *rng, const lip_network *net, size_t ***order);
void free_orders(const lip_network *net, size_t **order);

/* One of all pairs of norms and kinds of output selection. */
lip_query random_query(lip_rng *rng, const lip_region *region);

/* R^n, or a small or large box around 0. */
lip_region *random_region(lip_rng *rng, size_t n);

#endif
