/* Polynomials for the statement `identity` (certificate.md, section 10): lists of monomials with
 * coefficients, each a value and a radius, found by a hash table with linear probing.
 *
 * A term a b that is added to a coefficient v, where a and b are known up to r and s, costs
 *
 *     |a| s + r (|b| + s)  for what is not known,   2^-52 |a b|  for the product, unless |a| or |b| is 1,
 *     2^-52 |v|  for the sum, unless v was 0
 *
 * with v the new value and magnitudes `big` (round.h), so that they pay for underflow (a sum that is
 * subnormal is exact).  Radii are sums of less than 2^32 such numbers; rounding changes that sum by
 * less than a 2^-20th, for which `settled` pays before a radius is used.
 *
 * Every step, that is every place of a table that is looked at, is counted, and their number limited:
 * products of dense polynomials, or monomials that were made to collide, cannot take forever. */
#include "identity.h"
#include <string.h>

#define MOST_TERMS ((size_t)1 << 24)
#define MOST_STEPS ((uint64_t)1 << 30)

/* The variable at some place, plus 1; a large number behind the last. */
static uint32_t at(const struct monomial *m, size_t i) {
    return i < DEGREE && m->variable[i] ? m->variable[i] : UINT32_MAX;
}

size_t monomial_product(const struct part *part, const struct monomial *a, const struct monomial *b,
                        struct monomial *c) {
    size_t i = 0, j = 0;
    *c = (struct monomial){{0}};
    for (size_t degree = 0;; degree++) {
        uint32_t x = at(a, i), y = at(b, j), least = x < y ? x : y;
        if (least == UINT32_MAX) return degree;
        bool is_u = least > part->first_u && least <= part->end_u;
        i += x == least;
        j += y == least && (x != y || is_u);
        if (degree < DEGREE) c->variable[degree] = least;
    }
}

static size_t hash(const struct monomial *m) {
    uint64_t h = 0;
    for (size_t i = 0; i < DEGREE && m->variable[i]; i++) {
        h = (h ^ m->variable[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return (size_t)h;
}

/* A term is in the run of used slots from its hash on, of which others may have cleared the end. */
void polynomial_clear(struct polynomial *p) {
    for (size_t k = 0; k < p->terms; k++)
        for (size_t i = hash(&p->term[k].monomial); p->slot[i & (p->slots - 1)]; i++)
            p->slot[i & (p->slots - 1)] = 0;
    p->terms = 0;
}

struct polynomial polynomial_keep(const struct polynomial *p) {
    struct polynomial copy = {.terms = p->terms, .term = take(p->terms, sizeof *copy.term)};
    if (p->terms) memcpy(copy.term, p->term, p->terms * sizeof *copy.term);
    return copy;
}

/* The coefficient of a monomial, 0 if it is new. */
static struct ball *find(struct ring *r, struct polynomial *p, const struct monomial *m) {
    for (size_t i = hash(m); p->slots; i++) {
        uint32_t k = p->slot[i & (p->slots - 1)];
        if (++r->steps > MOST_STEPS) stop(REJECTED, "polynomials take more than 2^30 steps");
        if (k && memcmp(&p->term[k - 1].monomial, m, sizeof *m) == 0) return &p->term[k - 1].ball;
        if (k) continue;
        if (2 * p->terms == p->slots) break;
        p->slot[i & (p->slots - 1)] = (uint32_t)p->terms + 1;
        p->term[p->terms] = (struct coefficient){*m, {0, 0}};
        return &p->term[p->terms++].ball;
    }
    if (p->terms == MOST_TERMS) stop(REJECTED, "a polynomial has more than 2^24 monomials");
    size_t slots = p->slots ? 2 * p->slots : 16;
    struct polynomial more = {0, slots, take(slots / 2, sizeof *more.term),
                              take(slots, sizeof *more.slot)};
    for (size_t k = 0; k < p->terms; k++) *find(r, &more, &p->term[k].monomial) = p->term[k].ball;
    *p = more;
    return find(r, p, m);
}

static struct ball settled(struct ball a) {
    return (struct ball){a.value, a.radius * (1 + 0x1p-18)};
}

void polynomial_add(struct ring *r, struct polynomial *p, struct ball c, struct monomial m,
                    const struct polynomial *f) {
    static const struct coefficient one = {{{0}}, {1, 0}};
    double a = big(c.value), loose = big(c.radius);
    for (size_t i = 0; i < (f ? f->terms : 1); i++) {
        const struct coefficient *x = f ? &f->term[i] : &one;
        struct ball other = settled(x->ball);
        struct monomial product;
        if (monomial_product(r->part, &m, &x->monomial, &product) > DEGREE)
            stop(REJECTED, "a polynomial has a degree of more than %d", DEGREE);
        struct ball *to = find(r, p, &product);
        double b = big(other.value), s = big(other.radius), sum = to->value + c.value * other.value;
        to->radius += a * s + loose * (b + s) + (a == 1 || b == 1 ? 0 : 0x1p-52 * a * b) +
                      (to->value == 0 ? 0 : 0x1p-52 * fabs(sum));
        to->value = sum;
    }
}

void polynomial_multiply(struct ring *r, struct polynomial *p, const struct polynomial *f,
                         const struct polynomial *g) {
    for (size_t i = 0; i < f->terms; i++)
        polynomial_add(r, p, settled(f->term[i].ball), f->term[i].monomial, g);
}

double polynomial_bound(const struct polynomial *p) {
    double constant = 0, others = 0;
    for (size_t i = 0; i < p->terms; i++) {
        struct ball a = settled(p->term[i].ball);
        bool is_constant = p->term[i].monomial.variable[0] == 0;
        if (is_constant) constant = a.value;
        others = plus(others, plus(is_constant ? 0 : fabs(a.value), a.radius));
    }
    double bound = plus(constant, others);
    if (!(bound <= DBL_MAX)) stop(REJECTED, "a number of an identity is not finite");
    return bound;
}
