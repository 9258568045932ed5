/* The plain sparse hierarchy of Lasserre, order d: for every clique C
 *
 *     all monomials of degree <= d in C:  b b' >= 0;    for every factor f with variables in C:
 *     f b b' >= 0 with all monomials of degree <= d - ceil(deg f / 2).
 *
 * Cliques.  t_i (and w) with all u that F has together with it; and, if the point is known, all x',
 * h' and u, which z ties together.  (With p = 2 the ball ties everything together: one clique.) 
 * Monomials are squarefree in u and in h' (h^2 = h z).  Blocks grow like binomial(n + d, d): for
 * tiny networks.  unknowns stops growing above its limit, so that what is too large is refused
 * before it is built. */
#include "base/memory.h"
#include "moment/relaxation.h"

#include <stdlib.h>
#include <string.h>

typedef struct clique {
    lip_relaxation *r;
    size_t order, count;
    size_t *variable; /* ascending */
    bool *member;
    size_t size, room; /* basis: by degree, then lexicographically */
    lip_monomial *basis;
} clique;

static bool squarefree(const lip_poly_problem *q, size_t v) {
    return q->variable[v].kind == LIP_RING_U || q->variable[v].kind == LIP_RING_H;
}

/* Monomials of degree d from those of degree d - 1, which are basis[from .. to - 1]. */
static bool next_degree(clique *c, size_t from, size_t to) {
    const lip_poly_problem *q = c->r->problem;
    for (size_t i = from; i < to; ++i)
        for (size_t k = 0; k < c->count; ++k) {
            lip_monomial m = c->basis[i], v = lip_monomial_variable(c->variable[k]);
            size_t last = m.degree ? m.variable[m.degree - 1] : 0;
            if (m.degree &&
                (c->variable[k] < last || (c->variable[k] == last && squarefree(q, last))))
                continue;
            if (c->size * c->size / 2 > c->r->most) return true;
            if (!lip_grow((void **)&c->basis, &c->room, c->size + 1, sizeof *c->basis))
                return false;
            c->basis[c->size++] = lip_monomial_multiply(&m, &v, NULL);
        }
    return true;
}

/* How many of the basis have a degree <= d. */
static size_t upto(const clique *c, size_t d) {
    size_t count = 0;
    while (count < c->size && c->basis[count].degree <= d) ++count;
    return count;
}

/* The localising matrix of some factors; none if one of them is 0 or all are constants (z of a neuron that is 0 on
 * a flat region): the multipliers would be free to grow without an effect. */
static bool localise(clique *c, size_t factors, const lip_factor *factor) {
    lip_poly p = {0};
    bool inside = true, vanishes = false, ok = true;
    size_t degree = 0;
    for (size_t i = 0; ok && i < factors; ++i) {
        ok = lip_poly_factor(c->r->problem, factor[i], &p);
        for (size_t k = 0; ok && k < p.count; ++k)
            for (size_t v = 0; v < p.term[k].monomial.degree; ++v)
                inside = inside && c->member[p.term[k].monomial.variable[v]];
        vanishes = vanishes || p.count == 0;
        if (ok && p.count > 0) degree += p.term[p.count - 1].monomial.degree;
    }
    lip_poly_clear(&p);
    size_t half = (degree + 1) / 2;
    if (!ok || !inside || vanishes || degree == 0 || half > c->order) return ok;
    return lip_relaxation_block(c->r, factors, factor, upto(c, c->order - half), c->basis);
}

static bool localise_one(clique *c, lip_factor_kind kind, size_t number) {
    lip_factor f = {kind, number};
    return localise(c, 1, &f);
}

static bool localise_gate(clique *c, size_t k) {
    lip_factor range[2] = {{LIP_FACTOR_TOP, k}, {LIP_FACTOR_BOTTOM, k}};
    lip_factor state[2] = {{LIP_FACTOR_STATE, k}, {LIP_FACTOR_ROOM, k}};
    bool kept = c->r->problem->gate[k].u == LIP_ABSENT;
    bool ok = (kept || localise_one(c, LIP_FACTOR_HALF, k)) && localise(c, 2, range);
    if (ok && c->r->problem->gate[k].h != LIP_ABSENT)
        ok = localise_one(c, LIP_FACTOR_EXCESS, k) && localise_one(c, LIP_FACTOR_STATE, k) &&
             localise(c, 2, state);
    return ok;
}

static bool localise_all(clique *c) {
    const lip_poly_problem *q = c->r->problem;
    bool ok = true, ball = q->input_ball, point = q->point_ball;
    if (ball) ok = localise_one(c, LIP_FACTOR_TBALL, 0);
    if (ok && q->output_ball) ok = localise_one(c, LIP_FACTOR_WBALL, 0);
    if (ok && point) ok = localise_one(c, LIP_FACTOR_XBALL, 0);
    for (size_t i = 0; ok && i < c->count; ++i) {
        lip_ring_kind kind = q->variable[c->variable[i]].kind;
        bool square = (kind == LIP_RING_T && !ball) || (kind == LIP_RING_W && !q->output_ball) ||
                      (kind == LIP_RING_X && !point);
        if (square) ok = localise_one(c, LIP_FACTOR_SQUARE, c->variable[i]);
    }
    for (size_t k = 0; ok && k < q->gates; ++k) ok = localise_gate(c, k);
    return ok;
}

static bool add_clique(clique *c) {
    size_t from = 0, to;
    if (!lip_grow((void **)&c->basis, &c->room, 1, sizeof *c->basis)) return false;
    c->basis[0] = lip_monomial_one();
    c->size = 1;
    for (size_t d = 1; d <= c->order; ++d) {
        to = c->size;
        if (!next_degree(c, from, to)) return false;
        from = to;
    }
    if (c->size * (c->size + 1) / 2 > c->r->most) {
        c->r->unknowns += c->size * (c->size + 1) / 2;
        return true;
    }
    return lip_relaxation_block(c->r, 0, NULL, c->size, c->basis) && localise_all(c);
}

/* member[clique * variables + v]; NULL: out of memory. */
static bool *find_cliques(const lip_poly_problem *q, size_t *cliques) {
    size_t directions, count;
    if (q->input_ball) { /* the ball ties all t together */
        bool *all = LIP_NEW(bool, q->variables);
        *cliques = 1;
        for (size_t v = 0; all && v < q->variables; ++v) all[v] = true;
        return all;
    }
    bool *some = lip_poly_cliques(q, &directions), *member = NULL;
    *cliques = directions + (q->point ? 1 : 0);
    if (some && lip_multiply_sizes(*cliques, q->variables, &count)) member = LIP_NEW(bool, count);
    if (member) memcpy(member, some, directions * q->variables * sizeof *member);
    for (size_t v = 0; member && q->point && v < q->variables; ++v) {
        lip_ring_kind kind = q->variable[v].kind;
        member[directions * q->variables + v] = kind != LIP_RING_T && kind != LIP_RING_W;
    }
    free(some);
    return member;
}

bool lip_relaxation_lasserre(lip_relaxation *r, size_t order) {
    const lip_poly_problem *q = r->problem;
    size_t cliques = 0;
    bool *member = find_cliques(q, &cliques);
    clique c = {.r = r, .order = order, .variable = LIP_NEW(size_t, q->variables)};
    bool ok = member && c.variable;
    for (size_t i = 0; ok && i < cliques && r->unknowns <= r->most; ++i) {
        c.member = member + i * q->variables;
        c.count = 0;
        for (size_t v = 0; v < q->variables; ++v)
            if (c.member[v]) c.variable[c.count++] = v;
        ok = add_clique(&c);
    }
    free(member);
    free(c.variable);
    free(c.basis);
    return ok;
}
