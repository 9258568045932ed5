/* Krivine-Handelman products of a Lipschitz problem: LipOpt-k of Latorre, Rolland, Cevher (ICLR
 * 2020).
 *
 * All variables are scaled to x in [0, 1], x = (1 + t) / 2 and x = u.  For every set S of
 * min(k, |C|) variables of a clique C there are 2^|S| products
 *
 *     P_A = product of x_i over A  *  product of 1 - x_i over S \ A,        A a subset of S,
 *
 * all >= 0 on true points, and the published program is
 *
 *     minimise g    subject to    g - F = sum c P,    c >= 0.
 *
 * src/poly/handelman.c says how it is made small. */
#ifndef LIP_POLY_HANDELMAN_H
#define LIP_POLY_HANDELMAN_H

#include "cert/identity.h"

typedef struct lip_handelman_set {
    unsigned char size;
    bool paired;  /* its largest monomial is eliminated */
    size_t first; /* index[first + A]: column of the product of A's variables */
} lip_handelman_set;

/* P_a >= 0, or P_a + P_b >= 0 if a != b. */
typedef struct lip_handelman_cut {
    size_t set;
    unsigned char a, b; /* bit i: the set's i-th variable is in A */
} lip_handelman_cut;

typedef struct lip_handelman {
    const lip_poly_problem *problem;
    size_t degree;              /* k */
    size_t products, monomials; /* of the published program, the constant included */
    lip_monomial_table column;  /* monomials that are kept; number 0 is 1 */
    double *objective;          /* F in terms of x, by column */
    lip_monomial_table whole;   /* the sets S, in the published program's order */
    size_t sets, set_room;
    lip_handelman_set *set;
    size_t indices, index_room;
    uint32_t *index;
} lip_handelman;

enum { LIP_HANDELMAN_MOST = 8, LIP_HANDELMAN_PRODUCTS = 1 << 23 };

/* Enumerate for degree k.  LIP_UNSUPPORTED, naming the size, if there are more than `most` products
 * (0: LIP_HANDELMAN_PRODUCTS), if k is less than the degree of F, or if the input set is not a cube
 * or there are several rows of outputs. */
lip_status lip_handelman_create(const lip_poly_problem *problem, size_t degree, size_t most,
                                lip_handelman **h, lip_error *err);
void lip_handelman_free(lip_handelman *h);

/* The cut's polynomial: at most 2^LIP_HANDELMAN_MOST columns with their coefficients; how many. */
size_t lip_handelman_row(const lip_handelman *h, lip_handelman_cut cut, size_t *column,
                         double *value);

/* y: a value for every column, y[0] = 1.  The cut of a set that is violated most and by how much; 0
 * if none is. */
double lip_handelman_violation(const lip_handelman *h, size_t set, const double *y,
                               lip_handelman_cut *cut);

/* Cuts for one degree as cuts for the next one of the same problem: those that can be written as such.
 * translated: room for all.  False: out of memory. */
bool lip_handelman_translate(const lip_handelman *from, const lip_handelman *to, size_t cuts,
                             const lip_handelman_cut *cut, size_t *count,
                             lip_handelman_cut *translated);

/* Complete multipliers >= 0 of cuts to a proof: what is left of  F + sum multiplier * cut  is removed
 * by c x_A or c (1 - x_A), c >= 0.  The value of g; *identity may be NULL, else terms are added
 * to it.  rest: room for one number for every column.  False: out of memory. */
bool lip_handelman_complete(const lip_handelman *h, size_t cuts, const lip_handelman_cut *cut,
                            const double *multiplier, double *rest, lip_identity *identity,
                            double *value);

/* The published program in free MPS format; text of *size bytes for the caller to free. */
lip_status lip_handelman_mps(const lip_handelman *h, const char *title, char **text, size_t *size,
                             lip_error *err);

#endif
