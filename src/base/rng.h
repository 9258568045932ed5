/* Random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. */
#ifndef LIP_BASE_RNG_H
#define LIP_BASE_RNG_H

#include <stdint.h>

typedef struct lip_rng {
    uint64_t state[4];
} lip_rng;

void lip_rng_seed(lip_rng *rng, uint64_t seed);
uint64_t lip_rng_next(lip_rng *rng);
double lip_rng_uniform(lip_rng *rng);  /* in [0, 1) */
double lip_rng_gaussian(lip_rng *rng); /* mean 0, variance 1 */

#endif
