/* Sparse polynomials whose coefficients are known as value +- radius.
 *
 * Every operation enlarges radii by its own rounding (base/round.h), so that the true coefficient
 * stays within; a coefficient that came from a double and was only moved about keeps the radius 0.
 * */
#ifndef LIP_POLY_POLYNOMIAL_H
#define LIP_POLY_POLYNOMIAL_H

#include "poly/monomial.h"

typedef struct lip_poly_term {
    lip_monomial monomial;
    double value, radius;
} lip_poly_term;

/* Terms in ascending order of their monomials, each once, after lip_poly_gather; before that in any
 * order. Zero-initialise for the polynomial 0.  Functions that return bool say false if memory is
 * short. */
typedef struct lip_poly {
    size_t count, room;
    lip_poly_term *term;
    double loose; /* radii of all coefficients together, by the rules of a checker that takes no
                     operation for exact but those with 0 and products with +-1, in any order; terms
                     that have cancelled count */
} lip_poly;

void lip_poly_clear(lip_poly *p);

/* Append one term; not gathered. */
bool lip_poly_append(lip_poly *p, const lip_monomial *m, double value, double radius);

/* Append factor * q, factor known as value +- radius; not gathered. */
bool lip_poly_append_scaled(lip_poly *p, double value, double radius, const lip_poly *q);

/* Append factor * m * q for an exact factor; not gathered. */
bool lip_poly_append_product(lip_poly *p, double factor, const lip_monomial *m, const lip_poly *q,
                             const bool *binary);

/* Sort, and add up terms of the same monomial; terms that are exactly 0 go. */
void lip_poly_gather(lip_poly *p);

/* *p = a b, gathered; p may be a or b. */
bool lip_poly_multiply(lip_poly *p, const lip_poly *a, const lip_poly *b, const bool *binary);

/* A polynomial that grows by many small pieces: a table of monomials with their coefficients. */
typedef struct lip_poly_sum {
    lip_monomial_table table;
    size_t value_room, radius_room, size_room, addend_room;
    double *value, *radius;
    double *size,
        *addends; /* what was added to a coefficient: sum of magnitudes; how many numbers */
    double loose; /* as in lip_poly, without additions to coefficients */
} lip_poly_sum;

/* += factor * m * q, exact factor.  False: out of memory. */
bool lip_poly_sum_add(lip_poly_sum *sum, double factor, const lip_monomial *m, const lip_poly *q,
                      const bool *binary);
/* += (value +- radius) m. */
bool lip_poly_sum_add_term(lip_poly_sum *sum, const lip_monomial *m, double value, double radius);
void lip_poly_sum_clear(lip_poly_sum *sum);

/* A proved upper bound on the polynomial where every variable is in [-1, 1]: its constant plus the
 * magnitudes of its other coefficients; INFINITY if numbers overflowed.  Radii count four times, so
 * that a checker that adds in another order and with coarser radii proves the bound as well. */
double lip_poly_sum_bound(const lip_poly_sum *sum);

/* At least what a checker finds that knows of no exact operations (lip_poly.loose). */
double lip_poly_sum_claim(const lip_poly_sum *sum);

#endif
