/* From multipliers to a proved upper bound. */
#ifndef LIP_CERT_REPAIR_H
#define LIP_CERT_REPAIR_H

#include "base/clock.h"
#include "problem/family.h"

/* What a certificate of a lifted problem consists of, and what a solver proposes. */
typedef struct lip_multipliers {
    double *y;      /* one per group, >= 0 unless the group is an equality */
    double *lambda; /* lip_family_multipliers of them, >= 0 for inequalities */
} lip_multipliers;

typedef struct lip_repair_options {
    size_t steps;     /* most Newton steps on y; 0: prove what was given */
    double gain;      /* stop when what can still be gained is below this, relative to the bound */
    lip_watch *watch; /* may be NULL */
} lip_repair_options;

/* *bound: a proved upper bound on the lifted problem, so on the largest w' J t of its part, whatever
 * the multipliers are: nonsense in them is replaced by 0, and only makes the bound worse.  INFINITY if
 * nothing could be proved.  On return the multipliers are those the bound was proved with (where it is
 * finite).  Memory: six n x n matrices; time: about 4 n^3 for every step.  Failing to allocate is the only
 * error. */
lip_status lip_repair(const lip_lifted *lifted, lip_multipliers *multipliers,
                      const lip_repair_options *options, double *bound, lip_error *err);

#endif
