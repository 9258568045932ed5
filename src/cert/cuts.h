/* Triangles and products of a lifted problem as lines of a part. */
#ifndef LIP_CERT_CUTS_H
#define LIP_CERT_CUTS_H

#include "cert/part.h"
#include "problem/family.h"

/* x 2^e; *unfit becomes true if that is not exact. */
double lip_scaled_exactly(double x, int e, bool *unfit);

/* Fill the triangles and products of a part whose roles and values are complete, those with a multiplier other
 * than 0.  *unfit becomes true if a multiplier leaves the range of numbers.  False if memory is short. */
bool lip_part_cuts(lip_part *part, const lip_lifted *lifted, const double *lambda, bool *unfit);

#endif
