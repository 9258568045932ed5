/* Regions inside the library. */
#ifndef LIP_REGION_REGION_H
#define LIP_REGION_REGION_H

#include "lipcert.h"

struct lip_region {
    lip_region_kind kind;
    size_t n;
    double radius;   /* ball only */
    double *lo, *hi; /* box: the region; ball: smallest box around it, outwards; R^n: +-inf */
    double *centre;  /* ball: centre; box: midpoint, inside; R^n: 0 */
};

/* Does the region have interior points?  Only then may a pre-activation that is >= 0 everywhere, but
 * not > 0, be called active: see docs/theory.md, "Kinks". */
bool lip_region_has_interior(const lip_region *region);

/* Proved membership: x is in the region (a point of the boundary of a ball may be refused). */
bool lip_region_contains(const lip_region *region, const double *x);

#endif
