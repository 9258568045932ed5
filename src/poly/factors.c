/* The polynomials of factors and equalities, and the cliques of the objective. */
#include "base/memory.h"
#include "poly/problem.h"

#include <stdlib.h>

static bool add(lip_poly *p, double value, size_t variable) {
    lip_monomial m = variable == LIP_ABSENT ? lip_monomial_one() : lip_monomial_variable(variable);
    return lip_poly_append(p, &m, value, 0);
}

/* 1 - the sum of squares of variables first .. last - 1 */
static bool ball(lip_poly *p, size_t first, size_t last) {
    bool ok = add(p, 1, LIP_ABSENT);
    for (size_t v = first; ok && v < last; ++v) {
        lip_monomial m = lip_monomial_variable(v);
        m = lip_monomial_multiply(&m, &m, NULL);
        ok = lip_poly_append(p, &m, -1, 0);
    }
    return ok;
}

/* += factor m z */
static bool add_z(const lip_poly_problem *problem, const lip_gate *g, double factor,
                  const lip_monomial *m, lip_poly *p) {
    lip_poly z = {0};
    if (g->z == LIP_ABSENT)
        return lip_poly_append_product(p, factor, m, &g->value, problem->binary);
    bool ok = add(&z, g->size, g->z) && lip_poly_append_product(p, factor, m, &z, problem->binary);
    lip_poly_clear(&z);
    return ok;
}

static bool gate_factor(const lip_poly_problem *problem, lip_factor_kind kind, const lip_gate *g,
                        lip_poly *p) {
    lip_monomial one = lip_monomial_one();
    lip_monomial u = g->u == LIP_ABSENT ? one : lip_monomial_variable(g->u);
    switch (kind) {
    case LIP_FACTOR_ABOVE: return add_z(problem, g, 1, &u, p);
    case LIP_FACTOR_BELOW: return add_z(problem, g, 1, &u, p) && add_z(problem, g, -1, &one, p);
    case LIP_FACTOR_HALF: return add_z(problem, g, 1, &u, p) && add_z(problem, g, -0.5, &one, p);
    case LIP_FACTOR_EXCESS: return add(p, g->most, g->h) && add_z(problem, g, -1, &one, p);
    case LIP_FACTOR_STATE: return add(p, 1, g->h);
    case LIP_FACTOR_ROOM: return add(p, 1, LIP_ABSENT) && add(p, -1, g->h);
    case LIP_FACTOR_BASE: return add(p, g->most, g->h) && add(p, -g->least, LIP_ABSENT);
    case LIP_FACTOR_TOP: return add(p, g->most, LIP_ABSENT) && add_z(problem, g, -1, &one, p);
    default: return add(p, -g->least, LIP_ABSENT) && add_z(problem, g, 1, &one, p);
    }
}

static bool make_factor(const lip_poly_problem *problem, lip_factor f, lip_poly *p) {
    const size_t *first = problem->first;
    switch (f.kind) {
    case LIP_FACTOR_PLUS: return add(p, 1, LIP_ABSENT) && add(p, 1, f.number);
    case LIP_FACTOR_MINUS:
    case LIP_FACTOR_OFF: return add(p, 1, LIP_ABSENT) && add(p, -1, f.number);
    case LIP_FACTOR_ON: return add(p, 1, f.number);
    case LIP_FACTOR_SQUARE: return ball(p, f.number, f.number + 1);
    case LIP_FACTOR_TBALL: return ball(p, first[LIP_RING_T], first[LIP_RING_T + 1]);
    case LIP_FACTOR_WBALL: return ball(p, first[LIP_RING_W], first[LIP_RING_W + 1]);
    case LIP_FACTOR_XBALL: return ball(p, first[LIP_RING_X], first[LIP_RING_X + 1]);
    default: return gate_factor(problem, f.kind, &problem->gate[f.number], p);
    }
}

bool lip_poly_factor(const lip_poly_problem *problem, lip_factor factor, lip_poly *p) {
    lip_poly_clear(p);
    bool ok = make_factor(problem, factor, p);
    lip_poly_gather(p);
    return ok;
}

static bool make_equality(const lip_poly_problem *problem, lip_equality e, lip_poly *p) {
    const lip_gate *g = &problem->gate[e.number];
    lip_monomial one = lip_monomial_one();
    lip_monomial u = g->u == LIP_ABSENT ? one : lip_monomial_variable(g->u);
    if (e.kind == LIP_EQUALITY_LINK)
        return add(p, g->size, g->z) &&
               lip_poly_append_product(p, -1, &one, &g->value, problem->binary);
    lip_monomial h = lip_monomial_variable(g->h), uh = lip_monomial_multiply(&u, &h, NULL);
    if (e.kind == LIP_EQUALITY_OPEN)
        return add_z(problem, g, 1, &u, p) && lip_poly_append(p, &h, -g->most, 0);
    if (e.kind == LIP_EQUALITY_CLOSED)
        return lip_poly_append(p, &h, g->most, 0) && lip_poly_append(p, &uh, -g->most, 0);
    lip_poly state = {0}; /* h (h - z), divided by `most`: h' (most h' - z) */
    bool ok = add(&state, g->most, g->h) &&
              lip_poly_append_product(p, 1, &h, &state, problem->binary) &&
              add_z(problem, g, -1, &h, p);
    lip_poly_clear(&state);
    return ok;
}

bool lip_poly_equality(const lip_poly_problem *problem, lip_equality equality, lip_poly *p) {
    lip_poly_clear(p);
    bool ok = make_equality(problem, equality, p);
    lip_poly_gather(p);
    return ok;
}

bool *lip_poly_cliques(const lip_poly_problem *problem, size_t *cliques) {
    size_t first = problem->first[LIP_RING_T], count;
    *cliques = lip_ring_count(problem, LIP_RING_T);
    if (!lip_multiply_sizes(*cliques, problem->variables, &count)) return NULL;
    bool *member = LIP_NEW(bool, count);
    for (size_t i = 0; member && i < problem->objective.count; ++i) {
        /* t has the smallest numbers, so it comes first in its monomial; F is linear in t */
        const lip_monomial *m = &problem->objective.term[i].monomial;
        bool *row = member + (m->variable[0] - first) * problem->variables;
        for (size_t k = 0; k < m->degree; ++k) row[m->variable[k]] = true;
    }
    return member;
}
