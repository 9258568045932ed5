/* A moment relaxation of a polynomial problem, seen from its dual side: which identities are looked
 * for.
 *
 *     F + sum over blocks of  factors * b'Q b  + sum over scalars of  c * factors  + sum over zeros
 * of
 *     y * multiplier * equality  =  constant,      Q positive semidefinite, c >= 0, constant -> min
 *
 * (The moment side has a matrix of moments  E[factors b b'] >= 0  for each block.)
 *
 * Symbols.  A relaxation may have variables s of its own that stand for products of phases.  To the
 * solver s is a variable with s^2 <= 1 and nothing else; in the proof it is replaced by what it
 * stands for.  That is how published relaxations that do not use u^2 = u for such products are
 * reproduced. */
#ifndef LIP_MOMENT_RELAXATION_H
#define LIP_MOMENT_RELAXATION_H

#include "cert/identity.h"
#include "poly/problem.h"
#include "solve/dsdp.h"

typedef struct lip_moment_block {
    size_t factors;
    lip_factor factor[LIP_MOST_FACTORS];
    size_t size;
    lip_monomial *basis;
} lip_moment_block;

typedef struct lip_moment_scalar {
    size_t factors;
    lip_factor factor[LIP_MOST_FACTORS]; /* a symbol may occur in SQUARE, ON */
} lip_moment_scalar;

typedef struct lip_moment_zero {
    bool symbol; /* the equality is "symbol `number` - what it stands for" */
    lip_equality equality;
    lip_poly multiplier;
} lip_moment_zero;

typedef struct lip_relaxation {
    const lip_poly_problem *problem;
    size_t variables; /* of the problem, then symbols */
    bool *binary;
    size_t meaning_room;
    lip_monomial *meaning; /* by symbol */
    size_t blocks, block_room;
    lip_moment_block *block;
    size_t scalars, scalar_room;
    lip_moment_scalar *scalar;
    size_t zeros, zero_room;
    lip_moment_zero *zero;
    lip_poly objective; /* F, some of its monomials written with symbols */
    size_t unknowns;    /* entries of Gram matrices, scalars and zeros, so far */
    size_t most;        /* refuse more */
} lip_relaxation;

typedef enum lip_hierarchy {
    LIP_HIERARCHY_SHOR,      /* one unstable layer */
    LIP_HIERARCHY_HR1,       /* as published: products of phases are symbols */
    LIP_HIERARCHY_HR1_TIGHT, /* with u^2 = u for them */
    LIP_HIERARCHY_HR2,       /* HR1 with blocks of order 2 */
    LIP_HIERARCHY_LASSERRE
} lip_hierarchy;

/* LIP_UNSUPPORTED, with the size, if it would have more unknowns than a solver can take. */
lip_status lip_relaxation_create(const lip_poly_problem *problem, lip_hierarchy hierarchy,
                                 size_t order, lip_relaxation **relaxation, lip_error *err);
void lip_relaxation_free(lip_relaxation *relaxation);

/* The semidefinite program (sdp: zeroed before, cleared by the caller also on failure); objective
 * and unknowns are multiplied by `scale`, and *constant is to be added to its value. 
 * LIP_UNSUPPORTED, with the size, if the solver cannot take it; LIP_INTERNAL if a monomial has no
 * place in any block. */
lip_status lip_relaxation_assemble(const lip_relaxation *relaxation, double scale, lip_sdp *sdp,
                                   double *constant, lip_error *err);

/* A power of two by which F becomes about 1: what `scale` should be. */
double lip_relaxation_scale(const lip_relaxation *relaxation);

/* The same program in SDPA sparse format: text of *size bytes, not terminated, for the caller to
 * free.  `title` becomes a comment.  moment/export.c says what rows and blocks are. */
lip_status lip_relaxation_sdpa(const lip_relaxation *relaxation, const char *title, char **text,
                               size_t *size, lip_error *err);

/* The identity that y says, not repaired: its numbers are 1 / scale times those of the program. */
lip_status lip_relaxation_identity(const lip_relaxation *relaxation, const lip_sdp *sdp,
                                   const double *y, double scale, lip_identity *identity,
                                   lip_error *err);

/* The program uses factors and the equality LINK of gates divided by their sizes, so that all
 * coefficients are moderate: the power of two by which a product of factors is multiplied. */
double lip_relaxation_unit(const lip_relaxation *relaxation, size_t factors,
                           const lip_factor *factor);

/* ---- For moment/hierarchies.c ------------------------------------------------------------ */

/* Each says false if memory is short.  basis is copied. */
bool lip_relaxation_block(lip_relaxation *r, size_t factors, const lip_factor *factor, size_t size,
                          const lip_monomial *basis);
bool lip_relaxation_scalar(lip_relaxation *r, size_t factors, const lip_factor *factor);
/* Takes the multiplier over. */
bool lip_relaxation_zero(lip_relaxation *r, bool symbol, lip_equality equality,
                         lip_poly *multiplier);

/* moment/products.c: what HR-1 adds to the first order, and the objective.  symbols: as published. */
bool lip_relaxation_products(lip_relaxation *r, bool symbols);

/* moment/lasserre.c: blocks of the plain hierarchy. */
bool lip_relaxation_lasserre(lip_relaxation *r, size_t order);

#endif
