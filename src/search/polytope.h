/* The point of a polytope nearest to a given one, in floating point (candidates, no bounds). */
#ifndef LIP_SEARCH_POLYTOPE_H
#define LIP_SEARCH_POLYTOPE_H

#include <stdbool.h>
#include <stddef.h>

/* Where x may be beside the rows: anywhere, in [-1, 1]^n, or in the unit ball around 0. */
typedef enum lip_hull { LIP_HULL_NONE, LIP_HULL_CUBE, LIP_HULL_BALL } lip_hull;

/* { x : row_i x >= rhs_i, x in the hull }.  The caller appends rows and asks for the nearest point. */
typedef struct lip_polytope {
    size_t n, capacity, m; /* dimension, most rows, rows so far */
    lip_hull hull;
    double *row, *rhs; /* capacity * n, capacity */
    double *start, *x; /* n: the point to be near to; the nearest one */
    size_t q;          /* active constraints: rows, then n lower and n upper bounds */
    size_t *active;
    double *u; /* their multipliers */
    double *
        q_of; /* orthonormal basis of the active normals, one vector of n numbers after the other */
    double *r_of; /* upper triangle, column j at j * n: normal_j = sum_i r_ij q_i */
    double *z, *c, *normal,
        *part;     /* n each: step, coefficients, the constraint coming in, scratch */
    double *gap;   /* capacity: row x - rhs */
    double *saved; /* a whole state, to go back to */
    size_t *saved_active;
    double work; /* multiplications so far, about */
    size_t
        blocked; /* after a solve without success: constraint `blocked`, and the active ones times -part, are
                       a sum of 0 with coefficients >= 0; SIZE_MAX if that is not why */
} lip_polytope;

bool lip_polytope_create(size_t n, size_t capacity, lip_hull hull, lip_polytope *p);
void lip_polytope_clear(lip_polytope *p);

/* No rows; x = start = the given point, which must lie in the hull (NULL, and always for a ball: 0). */
void lip_polytope_start(lip_polytope *p, const double *point);

/* Append row * scale (entries; NULL: all 1), normalised to length 1, with row x + offset >= margin after that.  False and
 * nothing appended if the row is 0 (or not finite). */
bool lip_polytope_append(lip_polytope *p, const double *row, const double *scale, double sign,
                         double offset, double margin);

/* x = the point nearest to start.  False if there is none, if that took more than `most` steps (0: as many
 * as any polytope should need), or if rounding got in the way.  That there is no point often needs n
 * active constraints to see; a point that exists close by is found in a few steps. */
bool lip_polytope_solve(lip_polytope *p, size_t most);

/* Before a solve: make the given rows active, as far as they are independent and have multipliers >= 0;
 * x is the nearest point on them.  Those of an earlier solution of a similar polytope save steps. */
void lip_polytope_resume(lip_polytope *p, size_t count, const size_t *row);

/* The same if only the last row is new; if it does not fit, it is taken away and x is as before. */
bool lip_polytope_extend(lip_polytope *p, size_t most);

/* After a solve that succeeded: turn row i, appended with this margin, round, so that x is on the other
 * side of its hyperplane.  False if that side is empty (as for
 * lip_polytope_solve); then row and x are as before. */
bool lip_polytope_turn(lip_polytope *p, size_t i, double margin, size_t most);

#endif
