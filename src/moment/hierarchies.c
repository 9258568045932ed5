/* The published relaxations (Chen, Lasserre, Magron, Pauwels: Semialgebraic optimization for
 * Lipschitz constants of ReLU networks, NeurIPS 2020), as blocks, scalars and zeros.
 *
 *     first order   b = (1, t, w, x', h', u), one dense matrix;  t^2 <= 1, w^2 <= 1, x'^2 <= 1,
 *                   (u - 1/2) z >= 0, h >= z, h >= 0, h' (1 - h') >= 0
 *     SHOR          the first order, for objectives of degree 2
 *     HR-1          objectives of higher degree: blocks for products of phases (moment/products.c)
 *     HR-2          and matrices of order 2 with localising matrices of order 1 for (x'_i, t_i),
 *                   (u, z') and (h', z'); z' tied to the first order by E z', E z'^2, E u z', E h' z'
 *     Lasserre      order d: all monomials of degree d on every clique
 *
 * Bases leave out what is redundant because of u^2 = u and h'^2 ~ h' z'; what remains is linearly
 * independent on true points, which gives the moment side an interior:
 *
 *     (u, z')      1, z', u, u z', z'^2          both localised by (1, z', u)
 *     (h', z')     1, z', h', h' z', z'^2        localised by (1, z'), since h (h - z) = 0 and h^2
 * = h z */
#include "moment/relaxation.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

enum { MOST_UNKNOWNS = 4000000, MOST_ORDER = LIP_MOST_DEGREE / 2 };

static bool scalar(lip_relaxation *r, lip_factor_kind kind, size_t number) {
    lip_factor f = {kind, number};
    return lip_relaxation_scalar(r, 1, &f);
}

static lip_monomial power(size_t a, size_t times_a, size_t b, size_t times_b) {
    lip_monomial m = lip_monomial_one(), x = lip_monomial_variable(a), y = lip_monomial_variable(b);
    for (size_t i = 0; i < times_a; ++i) m = lip_monomial_multiply(&m, &x, NULL);
    for (size_t i = 0; i < times_b; ++i) m = lip_monomial_multiply(&m, &y, NULL);
    return m;
}

/* ---- First order ------------------------------------------------------------------------- */

static bool first_block(lip_relaxation *r) {
    const lip_poly_problem *q = r->problem;
    lip_monomial *basis = LIP_NEW(lip_monomial, q->variables + 1);
    size_t size = 1;
    for (size_t v = 0; basis && v < q->variables; ++v)
        if (q->variable[v].kind != LIP_RING_Z) basis[size++] = lip_monomial_variable(v);
    bool ok = basis && lip_relaxation_block(r, 0, NULL, size, basis);
    free(basis);
    return ok;
}

/* Squares of the variables of a kind: a ball or each. */
static bool squares(lip_relaxation *r, lip_ring_kind kind, bool ball, lip_factor_kind ball_kind) {
    const size_t *first = r->problem->first;
    if (first[kind] == first[kind + 1]) return true;
    if (ball) return scalar(r, ball_kind, 0);
    bool ok = true;
    for (size_t v = first[kind]; ok && v < first[kind + 1]; ++v)
        ok = scalar(r, LIP_FACTOR_SQUARE, v);
    return ok;
}

static bool gate_scalars(lip_relaxation *r, size_t k) {
    const lip_gate *g = &r->problem->gate[k];
    bool kept = g->u == LIP_ABSENT;
    lip_factor interval[2] = {{kept ? LIP_FACTOR_BASE : LIP_FACTOR_STATE, k}, {LIP_FACTOR_ROOM, k}};
    if (!kept && !scalar(r, LIP_FACTOR_HALF, k)) return false;
    return g->h == LIP_ABSENT ||
           (scalar(r, LIP_FACTOR_EXCESS, k) && scalar(r, LIP_FACTOR_STATE, k) &&
            lip_relaxation_scalar(r, 2, interval));
}

static bool first_order(lip_relaxation *r) {
    const lip_poly_problem *q = r->problem;
    bool ok = first_block(r) && squares(r, LIP_RING_T, q->input_ball, LIP_FACTOR_TBALL) &&
              squares(r, LIP_RING_W, q->output_ball, LIP_FACTOR_WBALL) &&
              squares(r, LIP_RING_X, q->point_ball, LIP_FACTOR_XBALL);
    for (size_t k = 0; ok && k < q->gates; ++k) ok = gate_scalars(r, k);
    return ok;
}

/* ---- HR-2 -------------------------------------------------------------------------------- */

static bool direction_blocks(lip_relaxation *r) {
    const lip_poly_problem *q = r->problem;
    bool ok = true;
    for (size_t t = q->first[LIP_RING_T]; ok && t < q->first[LIP_RING_T + 1]; ++t) {
        size_t x = q->first[LIP_RING_X];
        while (x < q->first[LIP_RING_X + 1] && q->variable[x].index != q->variable[t].index) ++x;
        if (x == q->first[LIP_RING_X + 1]) {
            ok = q->input_ball || scalar(r, LIP_FACTOR_SQUARE, t);
            continue;
        }
        lip_monomial basis[6] = {power(x, 0, t, 0), power(x, 1, t, 0), power(t, 1, x, 0),
                                 power(x, 2, t, 0), power(t, 1, x, 1), power(t, 2, x, 0)};
        lip_factor ft = {LIP_FACTOR_SQUARE, t}, fx = {LIP_FACTOR_SQUARE, x};
        ok = lip_relaxation_block(r, 0, NULL, 6, basis) &&
             lip_relaxation_block(r, 1, &fx, 3, basis) && lip_relaxation_block(r, 1, &ft, 3, basis);
    }
    return ok;
}

/* z' is tied to the first order by the equality LINK times each of these. */
static bool link_gate(lip_relaxation *r, size_t k) {
    const lip_gate *g = &r->problem->gate[k];
    lip_equality link = {LIP_EQUALITY_LINK, k};
    lip_monomial one = lip_monomial_one(), z = lip_monomial_variable(g->z);
    lip_monomial m[3] = {one, lip_monomial_variable(g->u), one};
    size_t count = 2;
    lip_poly p = {0};
    if (g->h != LIP_ABSENT) m[count++] = lip_monomial_variable(g->h);
    bool ok = true;
    for (size_t i = 0; ok && i < count; ++i)
        ok = lip_poly_append(&p, &m[i], 1, 0) && lip_relaxation_zero(r, false, link, &p);
    /* (size z' + value) (size z' - value), divided by size */
    ok = ok && lip_poly_append(&p, &z, 1, 0) &&
         lip_poly_append_product(&p, 1 / g->size, &one, &g->value, NULL);
    lip_poly_gather(&p);
    ok = ok && lip_relaxation_zero(r, false, link, &p);
    lip_poly_clear(&p);
    return ok;
}

static bool gate_blocks(lip_relaxation *r, size_t k) {
    const lip_gate *g = &r->problem->gate[k];
    size_t u = g->u, z = g->z, h = g->h;
    lip_monomial phase[5] = {power(z, 0, u, 0), power(z, 1, u, 0), power(u, 1, z, 0),
                             power(u, 1, z, 1), power(z, 2, u, 0)};
    lip_factor half = {LIP_FACTOR_HALF, k}, excess = {LIP_FACTOR_EXCESS, k};
    lip_factor range[2] = {{LIP_FACTOR_TOP, k}, {LIP_FACTOR_BOTTOM, k}};
    lip_factor state[2] = {{LIP_FACTOR_STATE, k}, {LIP_FACTOR_ROOM, k}};
    bool ok = link_gate(r, k) && lip_relaxation_block(r, 0, NULL, 5, phase) &&
              lip_relaxation_block(r, 1, &half, 3, phase) &&
              lip_relaxation_block(r, 2, range, 3, phase);
    if (!ok || h == LIP_ABSENT) return ok;
    lip_monomial value[5] = {power(z, 0, h, 0), power(z, 1, h, 0), power(h, 1, z, 0),
                             power(h, 1, z, 1), power(z, 2, h, 0)};
    return lip_relaxation_block(r, 0, NULL, 5, value) &&
           lip_relaxation_block(r, 1, &excess, 2, value) &&
           lip_relaxation_block(r, 1, state, 2, value) &&
           lip_relaxation_block(r, 2, state, 2, value);
}

static bool second_order(lip_relaxation *r) {
    const lip_poly_problem *q = r->problem;
    bool ok = first_block(r) && direction_blocks(r) &&
              squares(r, LIP_RING_W, q->output_ball, LIP_FACTOR_WBALL);
    if (ok && q->input_ball) ok = scalar(r, LIP_FACTOR_TBALL, 0);
    if (ok && q->point_ball) ok = scalar(r, LIP_FACTOR_XBALL, 0);
    /* inputs x' without a t of their own: only one column of the Jacobian is looked at */
    for (size_t x = q->first[LIP_RING_X]; ok && x < q->first[LIP_RING_X + 1]; ++x)
        if (q->input_part != LIP_ABSENT && q->variable[x].index != q->input_part)
            ok = q->point_ball || scalar(r, LIP_FACTOR_SQUARE, x);
    for (size_t k = 0; ok && k < q->gates; ++k)
        ok = q->gate[k].z == LIP_ABSENT || q->gate[k].u == LIP_ABSENT ? gate_scalars(r, k)
                                                                      : gate_blocks(r, k);
    return ok;
}

/* ---- Creating ---------------------------------------------------------------------------- */

static lip_status refuse_depth(const lip_poly_problem *q, size_t most, lip_error *err) {
    if (q->depth <= most && q->fixed) return LIP_OK;
    if (!q->fixed)
        return lip_fail(err, LIP_UNSUPPORTED, NULL, "%s",
                        "expected one output, or the output norm inf, found several outputs");
    return lip_fail(err, LIP_UNSUPPORTED, NULL,
                    "expected at most %zu layers of unstable ReLUs on a path, found %zu", most - 1,
                    q->depth - 1);
}

static bool fill(lip_relaxation *r, lip_hierarchy hierarchy, size_t order) {
    lip_monomial one = lip_monomial_one();
    const lip_poly *f = &r->problem->objective;
    switch (hierarchy) {
    case LIP_HIERARCHY_SHOR:
        return first_order(r) && lip_poly_append_product(&r->objective, 1, &one, f, NULL);
    case LIP_HIERARCHY_HR1: return first_order(r) && lip_relaxation_products(r, true);
    case LIP_HIERARCHY_HR1_TIGHT: return first_order(r) && lip_relaxation_products(r, false);
    case LIP_HIERARCHY_HR2: return second_order(r) && lip_relaxation_products(r, true);
    default:
        return lip_relaxation_lasserre(r, order) &&
               lip_poly_append_product(&r->objective, 1, &one, f, NULL);
    }
}

lip_status lip_relaxation_create(const lip_poly_problem *problem, lip_hierarchy hierarchy,
                                 size_t order, lip_relaxation **relaxation, lip_error *err) {
    lip_status status = LIP_OK;
    if (hierarchy == LIP_HIERARCHY_SHOR) status = refuse_depth(problem, 2, err);
    if (hierarchy == LIP_HIERARCHY_LASSERRE && (order > MOST_ORDER || 2 * order < problem->depth))
        status =
            lip_fail(err, LIP_UNSUPPORTED, NULL,
                     "expected an order from %zu (half the degree %zu of the objective) to %d, "
                     "found %zu",
                     (problem->depth + 1) / 2, problem->depth, MOST_ORDER, order);
    if (status != LIP_OK) return status;
    lip_relaxation *r = LIP_NEW(lip_relaxation, 1);
    if (!r) return lip_fail_memory(err);
    r->problem = problem;
    r->most = MOST_UNKNOWNS;
    r->variables = problem->variables;
    r->binary = LIP_NEW(bool, problem->variables);
    for (size_t v = 0; r->binary && v < problem->variables; ++v) r->binary[v] = problem->binary[v];
    if (!r->binary || !fill(r, hierarchy, order)) status = lip_fail_memory(err);
    if (status == LIP_OK && r->unknowns > r->most)
        status =
            lip_fail(err, LIP_UNSUPPORTED, NULL,
                     "expected at most %zu entries of Gram matrices and multipliers, found %zu",
                     r->most, r->unknowns);
    if (status == LIP_OK)
        *relaxation = r;
    else
        lip_relaxation_free(r);
    return status;
}
