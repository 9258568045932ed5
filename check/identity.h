/* What the files about the statement `identity` share (certificate.md, section 10).
 *
 *   identity_text.c   a part: syntax, the table of factors and equalities
 *   polynomial.c      sums of monomials, each with a value and a radius
 *   identity.c        F, factors, terms: theorem 10; all parts */
#ifndef CHECK_IDENTITY_H
#define CHECK_IDENTITY_H

#include "round.h"

enum { DEGREE = 8 }; /* the largest one of a monomial */

struct monomial { /* 1 + the numbers of its variables, ascending, then 0 */
    uint32_t variable[DEGREE];
};

/* A factor or an equality.  What its number counts: p, u: variables that are u or not; t, w, x: nothing
 * (it is 0), there being such a ball; else gates, the role and value of which are in the list.  The
 * polynomial is a sum of terms, each a sign, a scale (1, H = 1/2, m = most, l = least) and factors: p (the
 * variable; a sum over those of the ball), u, h (that is h'), z, v (that is value). */
struct kind {
    const char *name, *about, *polynomial;
    size_t degree;
};
enum { FIRST_EQUALITY = 17, LINK = 20 };
extern const struct kind kinds[LINK + 1];

struct term {
    enum type { SCALAR, GRAM, ZERO } type;
    size_t factors, order; /* order: of the basis; `zero` has its equality as a factor */
    uint8_t factor[DEGREE];
    size_t number[DEGREE]; /* of the variable or gate */
    struct monomial *basis;
    double c, *value; /* value: Q by rows up to the diagonal, or the c_i */
};

/* c = a b, squarefree in every u of the part; returns its degree, of which the first 8 are in c. */
size_t monomial_product(const struct part *part, const struct monomial *a, const struct monomial *b,
                        struct monomial *c);

/* A sum under way is a table of monomials; a kept one is the list of its terms.  A term stays if its
 * value cancels.  The radius of a term becomes a bound by `settled`. */
struct coefficient {
    struct monomial monomial;
    struct ball ball;
};
struct polynomial {
    size_t terms, slots;
    struct coefficient *term;
    uint32_t *slot; /* 1 + the number of a term, or 0 */
};
struct ring { /* how monomials of a part are multiplied; the steps of all parts together */
    const struct part *part;
    uint64_t steps;
};
void polynomial_clear(struct polynomial *p);
struct polynomial polynomial_keep(const struct polynomial *p); /* a copy */
/* p += c m f (f NULL: 1), and p += f g; p is neither f nor g.  Rejected beyond degree 8, 2^24 monomials
 * and 2^30 steps. */
void polynomial_add(struct ring *r, struct polynomial *p, struct ball c, struct monomial m,
                    const struct polynomial *f);
void polynomial_multiply(struct ring *r, struct polynomial *p, const struct polynomial *f,
                         const struct polynomial *g);
/* The constant plus the magnitudes of all other coefficients, or more; finite. */
double polynomial_bound(const struct polynomial *p);

#endif
