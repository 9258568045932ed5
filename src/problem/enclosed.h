/* Numbers as value +- radius, in products and sums. */
#ifndef LIP_PROBLEM_ENCLOSED_H
#define LIP_PROBLEM_ENCLOSED_H

#include "base/round.h"

#include <stdbool.h>

typedef struct lip_enclosed {
    double value, radius;
} lip_enclosed;

static inline lip_enclosed lip_enclosed_multiply(lip_enclosed a, lip_enclosed b) {
    lip_enclosed p = {a.value * b.value, 0};
    if ((a.value == 0 && a.radius == 0) || (b.value == 0 && b.radius == 0)) return p;
    double x = lip_magnitude(a.value), y = lip_magnitude(b.value);
    double rx = lip_magnitude(a.radius), ry = lip_magnitude(b.radius);
    double r = LIP_UNIT * x * y + x * ry + rx * y + rx * ry;
    p.radius = lip_up(r * (1 + 16 * LIP_UNIT));
    return p;
}

static inline lip_enclosed lip_enclosed_add(lip_enclosed a, lip_enclosed b) {
    lip_enclosed s = {a.value + b.value, 0};
    bool exact = a.value == 0 || b.value == 0;
    if (exact && a.radius == 0 && b.radius == 0) return s;
    double rounding = exact ? 0 : LIP_UNIT * fabs(s.value);
    s.radius = lip_up((a.radius + b.radius + rounding) * (1 + 8 * LIP_UNIT));
    return s;
}

#endif
