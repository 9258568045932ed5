#include "base/rng.h"

#include <math.h>

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

void lip_rng_seed(lip_rng *rng, uint64_t seed) {
    for (int i = 0; i < 4; ++i) { /* splitmix64 */
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        rng->state[i] = z ^ (z >> 31);
    }
}

uint64_t lip_rng_next(lip_rng *rng) {
    uint64_t *s = rng->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double lip_rng_uniform(lip_rng *rng) { return (double)(lip_rng_next(rng) >> 11) * 0x1p-53; }

double lip_rng_gaussian(lip_rng *rng) { /* Box-Muller, one of the pair */
    double u = 1 - lip_rng_uniform(rng), v = lip_rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}
