/* The linear program behind backward bounds: its multipliers are the best slopes. */
#ifndef LIP_REGION_TRIANGLE_H
#define LIP_REGION_TRIANGLE_H

#include "region/backward.h"
#include "solve/lp.h"

typedef struct lip_triangle lip_triangle;

/* The program for targets of layer l.  *out is NULL where it does not apply: the region is no box, the
 * program is too large, a bound that it needs is infinite, or the solver refuses it. */
lip_status lip_triangle_create(const lip_lp_library *library, const lip_network *net,
                               const lip_region *region, const lip_preactivation *bounds, size_t l,
                               lip_triangle **out, lip_error *err);
void lip_triangle_free(lip_triangle *t);

/* Solve for one target and put the slopes that its multipliers say into slope[unit * stride], for the
 * unstable neurons where they say something.  *value is the optimum, computed only.  False if the
 * solver found none within so many seconds. */
bool lip_triangle_solve(lip_triangle *t, const lip_target *target, double seconds, double *slope,
                        size_t stride, double *value);

#endif
