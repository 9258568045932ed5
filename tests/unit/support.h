/* What the unit tests share: cmocka, random operators and networks, exact evaluation with MPFR. */
#ifndef LIP_TEST_SUPPORT_H
#define LIP_TEST_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mpfr.h>

#include "base/rng.h"
#include "lipcert.h"
#include "net/builder.h"
#include "net/network.h"

/* Random operators of the three kinds, Gaussian entries; never NULL. */
lip_op *random_dense(lip_rng *rng, size_t rows, size_t cols);
lip_op *random_sparse(lip_rng *rng, size_t rows, size_t cols, double density);
lip_op *random_conv(lip_rng *rng, const lip_conv_shape *shape);

/* A random graph: dense, sparse and skip terms, some zero rows, some zero biases, a linear layer inside;
 * `layers` hidden layers of at most `widest` neurons. */
lip_network *random_network(lip_rng *rng, size_t inputs, size_t layers, size_t widest,
                            size_t outputs);

/* A random convolutional network: conv, relu, strided conv, relu, dense. */
lip_network *random_conv_network(lip_rng *rng);

/* |x|, m and so on with 300 bits.  z of every unit at x (units entries, input included) is written as
 * MPFR numbers that the caller clears with exact_clear. */
typedef struct exact_values {
    size_t n;
    mpfr_t *v;
} exact_values;
exact_values exact_forward(const lip_network *net, const double *x);

/* J' of output combination c (outputs entries) for fixed derivatives d (units): n numbers. */
exact_values exact_reverse(const lip_network *net, const double *d, const double *c);
void exact_clear(exact_values *values);

/* lo <= v <= hi for the exact number. */
bool exact_between(const mpfr_t v, double lo, double hi);

double uniform(lip_rng *rng, double lo, double hi);
size_t pick(lip_rng *rng, size_t n); /* 0 .. n-1 */

#endif
