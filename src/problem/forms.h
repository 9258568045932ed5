/* Linear forms that are >= 0 on true points (lip_form_kind), as rows of the lifted problem. */
#ifndef LIP_PROBLEM_FORMS_H
#define LIP_PROBLEM_FORMS_H

#include "problem/family.h"

/* Add all of them.  False: out of memory. */
bool lip_forms_create(lip_lifted *lifted);

/* Add the products of two forms, one of them more than a bound of a variable (those are triangles), that X
 * violates most, `most` at most, none twice.  False: out of memory. */
bool lip_forms_separate(lip_lifted *lifted, const double *x, size_t most, size_t *added);

#endif
