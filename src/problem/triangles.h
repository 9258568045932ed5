/* Which triangles a moment matrix violates. */
#ifndef LIP_PROBLEM_TRIANGLES_H
#define LIP_PROBLEM_TRIANGLES_H

#include "problem/family.h"

/* Add the triangles that X (n x n) violates most, `most` at most, none twice: with the constant 1 only,
 * or any if `general`.  False: out of memory. */
bool lip_triangles_separate(lip_lifted *lifted, const double *x, bool general, size_t most,
                            size_t *added);

#endif
