/* A polynomial identity that proves an upper bound:
 *
 *     F + sum of terms = P,     every term >= 0 on true points,
 *     F <= P <= constant of P + sum of |other coefficients of P|       as every variable is in [-1,
 * 1].
 *
 * The section "Statement identity" of docs/certificate.md is the definition. */
#ifndef LIP_CERT_IDENTITY_H
#define LIP_CERT_IDENTITY_H

#include "base/clock.h"
#include "poly/problem.h"

enum { LIP_MOST_FACTORS = 8 };

typedef enum lip_identity_kind {
    LIP_IDENTITY_SCALAR, /* number[0] * product of the factors,  number[0] >= 0 */
    LIP_IDENTITY_GRAM,   /* b'Q b * product of the factors,  Q positive semidefinite */
    LIP_IDENTITY_ZERO    /* (sum of number[i] basis[i]) * equality */
} lip_identity_kind;

typedef struct lip_identity_term {
    lip_identity_kind kind;
    size_t factors;
    lip_factor factor[LIP_MOST_FACTORS];
    lip_equality equality;
    size_t size;         /* of the basis; 0 for a scalar */
    lip_monomial *basis; /* need not be distinct */
    double *number;      /* scalar: 1; gram: size x size, lower triangle counts; zero: size */
} lip_identity_term;

typedef struct lip_identity {
    size_t count, room;
    lip_identity_term *term;
} lip_identity;

/* A new term with zeroed basis and numbers; NULL: out of memory. */
lip_identity_term *lip_identity_add(lip_identity *identity, lip_identity_kind kind, size_t factors,
                                    const lip_factor *factor, size_t size);
void lip_identity_clear(lip_identity *identity);

/* Make what a solver proposed provable: negative scalars become 0, Gram matrices get as much on
 * their diagonals as the proof that they are positive semidefinite takes, and powers of h' go
 * (equality RELU is added as often as needed).  *ok: whether that worked; the watch may expire. 
 * Failing to allocate is the only error. */
lip_status lip_identity_repair(const lip_poly_problem *problem, lip_identity *identity,
                               lip_watch *watch, bool *ok, lip_error *err);

/* A proved bound, all rounding included; INFINITY if some term was not seen to be nonnegative, or has a
 * factor that the problem lacks or too large a degree.
 * Nothing is changed. */
lip_status lip_identity_prove(const lip_poly_problem *problem, const lip_identity *identity,
                              double *bound, lip_error *err);

/* The same, and *claim >= *bound: what a certificate may say.  A checker may pay for the rounding of
 * operations that happened to be exact here, and multiply out in another order. */
lip_status lip_identity_claim(const lip_poly_problem *problem, const lip_identity *identity,
                              double *bound, double *claim, lip_error *err);

#endif
