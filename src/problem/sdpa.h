/* A lifted problem as a file for semidefinite programming solvers. */
#ifndef LIP_PROBLEM_SDPA_H
#define LIP_PROBLEM_SDPA_H

#include "problem/lifted.h"

/* The relaxation in SDPA sparse format: text of *size bytes, ended by a 0 that is not counted, for the
 * caller to free.  `title` becomes a comment; docs/relaxations.md gives the order of everything.  Of
 * coefficients with a radius the value is written. */
lip_status lip_sdpa_text(const lip_lifted *lifted, const char *title, char **text, size_t *size,
                         lip_error *err);

#endif
