/* Rounding, once and for all.
 *
 * Every proof in lipcert rests on two facts about IEEE binary64, with UNIT = 2^-52 (twice the usual
 * unit roundoff, so that both hold in every rounding mode; base/floating.h sets the default one):
 *
 *   (1) one operation:  fl(a op b) = (a op b)(1 + d) + e,  |d| <= UNIT, |e| <= 2^-1022
 *       (e covers gradual or abrupt underflow of products, quotients and square roots).  The true
 *       value lies between the neighbours of the computed one: lip_down/lip_up below step there.
 *   (2) a sum of n products in any order, with or without fused multiply-add, satisfies
 *       |fl(x'y) - x'y| <= GAMMA(n) |x|'|y|  (+ underflow),   GAMMA(n) = n UNIT / (1 - n UNIT)
 *       (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1).
 *
 * Underflow in (2) is paid for by *inflating* magnitudes: a nonzero number below TINY = 2^-480 is
 * taken as TINY when it enters an error term.  A product of two inflated magnitudes is at least 2^-960
 * and GAMMA times it at least 2^-1012 > 2^-1022, so one term of the error bound already exceeds the
 * underflow of that product; and a sum of true zeros still has the error bound 0. */
#ifndef LIP_BASE_ROUND_H
#define LIP_BASE_ROUND_H

#include <math.h>
#include <stddef.h>

#define LIP_UNIT 0x1p-52
#define LIP_TINY 0x1p-480

static inline double lip_up(double x) { return nextafter(x, INFINITY); }
static inline double lip_down(double x) { return nextafter(x, -INFINITY); }

static inline double lip_add_up(double a, double b) { return lip_up(a + b); }
static inline double lip_add_down(double a, double b) { return lip_down(a + b); }
static inline double lip_sub_up(double a, double b) { return lip_up(a - b); }
static inline double lip_sub_down(double a, double b) { return lip_down(a - b); }

/* 0 times anything is 0 exactly, infinity included: the bounds of a neuron that is not connected. */
static inline double lip_mul_up(double a, double b) { return a == 0 || b == 0 ? 0 : lip_up(a * b); }
static inline double lip_mul_down(double a, double b) {
    return a == 0 || b == 0 ? 0 : lip_down(a * b);
}
static inline double lip_div_up(double a, double b) { return a == 0 ? 0 : lip_up(a / b); }
static inline double lip_div_down(double a, double b) { return a == 0 ? 0 : lip_down(a / b); }
static inline double lip_sqrt_up(double a) { return a <= 0 ? 0 : lip_up(sqrt(a)); }
static inline double lip_sqrt_down(double a) { return a <= 0 ? 0 : lip_down(sqrt(a)); }

/* An upper bound on GAMMA(n) for n <= 2^40; the factor covers the two roundings here. */
static inline double lip_gamma(size_t n) {
    double nu = (double)n * LIP_UNIT;
    return nu / (1 - nu) * (1 + 4 * LIP_UNIT);
}

/* |x|, inflated to TINY if it is smaller but not 0. */
static inline double lip_magnitude(double x) {
    double a = fabs(x);
    return a != 0 && a < LIP_TINY ? LIP_TINY : a;
}

/* From s = fl(sum of n nonnegative terms that did not underflow): an upper and a lower bound on the
 * true sum.  s (1 + 2 GAMMA(n+2)) >= s / (1 - GAMMA(n)) with two roundings to spare, n < 2^40. */
static inline double lip_sum_up(double s, size_t n) { return s * (1 + 2 * lip_gamma(n + 2)); }
static inline double lip_sum_down(double s, size_t n) { return s * (1 - 2 * lip_gamma(n + 2)); }

#endif
