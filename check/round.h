/* Rounding (certificate.md, section 4).  lipcheck never leaves round-to-nearest.
 *
 *   R1  the exact result of one operation lies between the neighbours of the computed one: up, down
 *   R2  a sum of k products differs from the exact one by at most g(k) sum |products| + k 2^-1074
 *
 * How R2 is used: beside a sum of products a b, the sum m of big(a) big(b) is accumulated.  As big(x)
 * is at least 2^-480, every product adds 2^-960 or more to m, so gam(k) m >= 2^-52 2^-960 pays for its
 * underflow too.  Every factor of an error term goes through big, radii included: a nonzero error never
 * vanishes, so that only what is exactly 0 is left out.  For k < 2^33, with u = 2^-53, k u <= 2^-20,
 *
 *     g(k + 1) (1 + g(k + 1)) (1 + u)^3 <= (k + 1) u (1 + 2^-17) <= gam(k) = (k + 2) u (1 + 2^-16),
 *
 * so gam(k) times the *computed* m is enough, also if every product had one more rounding. */
#ifndef CHECK_ROUND_H
#define CHECK_ROUND_H

#include "check.h"
#include <float.h>
#include <math.h>

_Static_assert(FLT_EVAL_METHOD == 0 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "not binary64");

static inline double up(double x) { return nextafter(x, INFINITY); }
static inline double down(double x) { return nextafter(x, -INFINITY); }
static inline double gam(size_t k) { return ((double)k + 2) * 0x1.0001p-53; }
static inline double larger(double a, double b) { return a > b ? a : b; }
/* The larger upper bound; a NaN proves nothing. */
static inline double worse(double a, double b) { return a != a ? INFINITY : larger(a, b); }
/* At least the exact sum of k magnitudes, or of products of them, that was computed as s. */
static inline double above(double s, size_t k) { return s == 0 ? 0 : up(s + up(gam(k) * s)); }
/* Sum, product and root of upper bounds, exact if one is 0. */
static inline double plus(double a, double b) { return a == 0 ? b : b == 0 ? a : up(a + b); }
static inline double prod(double a, double b) { return a == 0 || b == 0 ? 0 : up(a * b); }
static inline double root(double a) { return a == 0 ? 0 : up(sqrt(a)); }
/* The magnitude of a factor in an error term. */
static inline double big(double x) {
    return fabs(x) >= 0x1p-480 ? fabs(x) : x == 0 ? 0 : x != x ? INFINITY : 0x1p-480;
}

/* A sum of products; `rounded` unless every operation was exact, so exact numbers stay exact.  (The
 * error of a product of at least 2^-900 is a double, and fma finds it; that of a sum always is.) */
struct sum {
    double value, size;
    size_t count;
    bool rounded;
};
static inline void sum_add(struct sum *s, double a, double b) {
    if (a == 0 || b == 0) return; /* also 0 times infinity */
    double x = s->value, p = a * b, t = x + p, part = t - x, lost = (x - (t - part)) + (p - part);
    s->rounded = s->rounded || !(fabs(p) >= 0x1p-900 && fma(a, b, -p) == 0 && lost == 0);
    s->value = t;
    s->size += big(a) * big(b);
    s->count++;
}
/* The value differs from the exact sum by at most this; infinite if anything was. */
static inline double sum_error(const struct sum *s) {
    double e = s->rounded ? gam(s->count) * s->size : 0;
    return e <= DBL_MAX ? e : INFINITY;
}
static inline struct range sum_range(const struct sum *lo, const struct sum *hi) {
    double l = sum_error(lo), h = sum_error(hi);
    return (struct range){l == 0         ? lo->value
                          : l < INFINITY ? down(lo->value - l)
                                         : -INFINITY,
                          h == 0         ? hi->value
                          : h < INFINITY ? up(hi->value + h)
                                         : INFINITY};
}

struct ball { /* all numbers that differ from the value by at most the radius */
    double value, radius;
};

struct cell { /* a sum of products of numbers in balls */
    struct sum sum;
    double radius;
    size_t count;
};
static inline void cell_add(struct cell *c, struct ball a, struct ball b, bool rounded) {
    sum_add(&c->sum, a.value, b.value);
    c->sum.rounded |= rounded;
    c->radius += big(a.value) * big(b.radius) + big(a.radius) * (big(b.value) + big(b.radius));
    c->count++;
}
static inline struct ball cell_ball(const struct cell *c) {
    return (struct ball){c->sum.value, plus(above(c->radius, 3 * c->count), sum_error(&c->sum))};
}

double norm2(const double *x,
             size_t k); /* at least the 2-norm; infinite if a number is not finite */
double total(const double *x, size_t k); /* at least the sum of k magnitudes */

#endif
