/* The semidefinite program of a relaxation.
 *
 * Unknowns are the entries Q_ij of all Gram matrices, scalars c >= 0 and zeros y.  Each brings a
 * polynomial into the identity, and the coefficients of every monomial but 1 have to add up to 0:
 *
 *     F_m + sum over unknowns k of  y_k P_km = 0        for all monomials m != 1.
 *
 * Every m is a product b_i b_j of some block without factors, whose entry Q_ij brings (2 -) Q_ij m
 * and nothing else.  The first such entry becomes m's *pivot*: it is solved for, and all other
 * unknowns are free:
 *
 *     Q_pivot = -(F_m + sum y_k P_km) / (1 or 2),
 *
 * so the Gram matrices are affine functions of y, and the constant, F_1 + sum y_k P_k1, is the
 * cost.  There is one y for every Gram entry *beyond* the first one of its monomial: few, since a
 * dense first-order matrix has hardly any.  Every y gives an identity; the solver only has to keep
 * the matrices positive.
 *
 * h'^2 = h' z / most is used as a rule; lip_identity_repair writes the multiples of the equality
 * RELU that this means into the identity. */
#include "moment/relaxation.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

/* DSDP needs a dense matrix of this order, 512 MB, and factorises it in every iteration, half a
 * minute. */
enum { MOST_VARIABLES = 8000 };

/* Entries of the program, 24 bytes here and 12 more in DSDP: 300 MB; and terms of polynomials that
 * become entries. */
enum { MOST_ENTRIES = 1 << 23 };

typedef struct pivot {
    uint32_t block, row, column;
    double multiple; /* 1 on the diagonal, 2 off it */
} pivot;

typedef struct assembling {
    const lip_relaxation *r;
    lip_sdp *sdp;
    double scale;
    lip_monomial_table table; /* monomials with pivots */
    size_t pivot_room;
    pivot *pivot;
    size_t cost_room, sign_room;
    size_t *squared; /* by variable: the gate whose h' it is, or LIP_ABSENT */
    lip_error *err;
} assembling;

/* ---- The rule for h'^2 ------------------------------------------------------------------- */

/* A variable h' that occurs twice; LIP_ABSENT if none does. */
static size_t repeated(const assembling *a, const lip_monomial *m) {
    for (size_t i = 0; i + 1 < m->degree; ++i)
        if (m->variable[i] == m->variable[i + 1] && a->squared[m->variable[i]] != LIP_ABSENT)
            return m->variable[i];
    return LIP_ABSENT;
}

/* Append what the rule makes of one term of p, which the caller drops. */
static bool apply_rule(const assembling *a, lip_poly *p, lip_poly_term term, size_t h) {
    const lip_poly_problem *problem = a->r->problem;
    const lip_gate *g = &problem->gate[a->squared[h]];
    lip_monomial rest = lip_monomial_divide(&term.monomial, h, 1);
    double factor = term.value / g->most;
    if (g->z == LIP_ABSENT)
        return lip_poly_append_product(p, factor, &rest, &g->value, a->r->binary);
    lip_monomial z = lip_monomial_variable(g->z);
    z = lip_monomial_multiply(&rest, &z, a->r->binary);
    return lip_poly_append(p, &z, factor * g->size, 0);
}

/* Rewrite p until no h' is squared. */
static bool reduce(const assembling *a, lip_poly *p) {
    for (size_t i = 0; i < p->count; ++i) {
        size_t h = repeated(a, &p->term[i].monomial);
        if (h == LIP_ABSENT) continue;
        lip_poly_term term = p->term[i];
        p->term[i].value = p->term[i].radius = 0;
        if (!apply_rule(a, p, term, h)) return false;
    }
    lip_poly_gather(p);
    return true;
}

/* ---- Polynomials of unknowns ------------------------------------------------------------- */

static bool symbol_factor(lip_factor f, lip_poly *p) {
    lip_monomial one = lip_monomial_one(), s = lip_monomial_variable(f.number);
    lip_poly_clear(p);
    if (f.kind == LIP_FACTOR_ON) return lip_poly_append(p, &s, 1, 0);
    s = lip_monomial_multiply(&s, &s, NULL);
    return lip_poly_append(p, &one, 1, 0) && lip_poly_append(p, &s, -1, 0);
}

/* *p = the product of factors, in its unit. */
static bool product(const lip_relaxation *r, size_t factors, const lip_factor *factor,
                    lip_poly *p) {
    lip_poly f = {0};
    lip_monomial one = lip_monomial_one();
    lip_poly_clear(p);
    bool ok = lip_poly_append(p, &one, lip_relaxation_unit(r, factors, factor), 0);
    for (size_t i = 0; ok && i < factors; ++i) {
        bool symbol = (factor[i].kind == LIP_FACTOR_ON || factor[i].kind == LIP_FACTOR_SQUARE) &&
                      factor[i].number >= r->problem->variables;
        ok = symbol ? symbol_factor(factor[i], &f) : lip_poly_factor(r->problem, factor[i], &f);
        ok = ok && lip_poly_multiply(p, p, &f, r->binary);
    }
    lip_poly_clear(&f);
    return ok;
}

/* The most terms that the localising matrices can have. */
static bool count_terms(const lip_relaxation *r, double *terms) {
    lip_poly f = {0};
    bool ok = true;
    *terms = 0;
    for (size_t b = 0; ok && b < r->blocks; ++b) {
        const lip_moment_block *block = &r->block[b];
        double entries = 0.5 * (double)block->size * (double)(block->size + 1);
        for (size_t i = 0; ok && i < block->factors; ++i) {
            ok = lip_poly_factor(r->problem, block->factor[i], &f);
            entries *= (double)f.count;
        }
        *terms += entries;
    }
    lip_poly_clear(&f);
    return ok;
}

static bool zero_poly(const lip_relaxation *r, const lip_moment_zero *zero, lip_poly *p) {
    lip_poly e = {0}, scaled = {0};
    lip_monomial one = lip_monomial_one();
    bool ok;
    if (zero->symbol) {
        lip_monomial s = lip_monomial_variable(zero->equality.number);
        const lip_monomial *meaning = &r->meaning[zero->equality.number - r->problem->variables];
        ok = lip_poly_append(&e, &s, 1, 0) && lip_poly_append(&e, meaning, -1, 0);
    } else {
        double unit = 1 / r->problem->gate[zero->equality.number].size;
        ok = lip_poly_equality(r->problem, zero->equality, &scaled) &&
             lip_poly_append_product(&e, unit, &one, &scaled, r->binary);
    }
    lip_poly_clear(&scaled);
    ok = ok && lip_poly_multiply(p, &zero->multiplier, &e, r->binary);
    lip_poly_clear(&e);
    return ok;
}

/* ---- The program ------------------------------------------------------------------------- */

static lip_status put(assembling *a, size_t variable, size_t block, size_t row, size_t column,
                      double value) {
    lip_sdp *sdp = a->sdp;
    if (sdp->entries >= MOST_ENTRIES)
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL,
                        "expected at most %d entries in the semidefinite program, found them in "
                        "%zu of its %zu columns",
                        MOST_ENTRIES, sdp->variables, a->r->unknowns - a->table.count);
    if (!lip_grow((void **)&sdp->entry, &sdp->room, sdp->entries + 1, sizeof *sdp->entry))
        return lip_fail_memory(a->err);
    sdp->entry[sdp->entries++] = (lip_sdp_entry){(uint32_t)variable, (uint32_t)block, (uint32_t)row,
                                                 (uint32_t)column, value};
    return LIP_OK;
}

static bool find_pivots(assembling *a) {
    const lip_relaxation *r = a->r;
    for (size_t b = 0; b < r->blocks; ++b)
        for (size_t i = 0; r->block[b].factors == 0 && i < r->block[b].size; ++i)
            for (size_t j = 0; j <= i; ++j) {
                size_t before = a->table.count, number;
                lip_monomial m =
                    lip_monomial_multiply(&r->block[b].basis[i], &r->block[b].basis[j], r->binary);
                if (m.degree == 0 || repeated(a, &m) != LIP_ABSENT) continue;
                if (!lip_monomial_enter(&a->table, &m, &number)) return false;
                if (a->table.count == before) continue;
                if (!lip_grow((void **)&a->pivot, &a->pivot_room, number + 1, sizeof *a->pivot))
                    return false;
                a->pivot[number] =
                    (pivot){(uint32_t)b, (uint32_t)i, (uint32_t)j, i == j ? 1.0 : 2.0};
            }
    return true;
}

/* Solve the equations of p's monomials for their pivots: column `variable` of the program (0: F).
 * */
static lip_status spread(assembling *a, size_t variable, const lip_poly *p, double *constant) {
    for (size_t i = 0; i < p->count; ++i) {
        double value = p->term[i].value * (variable ? 1 : -a->scale);
        if (value == 0) continue;
        if (p->term[i].monomial.degree == 0) {
            *constant += p->term[i].value;
            continue;
        }
        size_t number = lip_monomial_find(&a->table, &p->term[i].monomial);
        if (number == LIP_NO_MONOMIAL || !a->pivot)
            return lip_fail(a->err, LIP_INTERNAL, NULL,
                            "a monomial of degree %u is in no block of the relaxation",
                            (unsigned)p->term[i].monomial.degree);
        const pivot *at = &a->pivot[number];
        lip_status status = put(a, variable, at->block, at->row, at->column, value / at->multiple);
        if (status != LIP_OK) return status;
    }
    return LIP_OK;
}

/* One more y, whose polynomial is p; *variable is its number in entries. */
static lip_status new_variable(assembling *a, lip_poly *p, bool nonnegative, size_t *variable) {
    lip_sdp *sdp = a->sdp;
    size_t k = sdp->variables;
    if (!reduce(a, p) || !lip_grow((void **)&sdp->cost, &a->cost_room, k + 1, sizeof *sdp->cost) ||
        !lip_grow((void **)&sdp->nonnegative, &a->sign_room, k + 1, sizeof *sdp->nonnegative))
        return lip_fail_memory(a->err);
    sdp->cost[k] = 0;
    sdp->nonnegative[k] = nonnegative;
    *variable = ++sdp->variables;
    return spread(a, *variable, p, &sdp->cost[k]);
}

/* The entry (i, j) of block b, factors multiplied out in p. */
static lip_status add_entry(assembling *a, size_t b, size_t i, size_t j, const lip_poly *factors) {
    const lip_moment_block *block = &a->r->block[b];
    lip_monomial m = lip_monomial_multiply(&block->basis[i], &block->basis[j], a->r->binary);
    if (block->factors == 0) {
        size_t number = lip_monomial_find(&a->table, &m);
        if (number != LIP_NO_MONOMIAL && a->pivot[number].block == b && a->pivot[number].row == i &&
            a->pivot[number].column == j)
            return LIP_OK;
    }
    lip_poly p = {0};
    size_t variable;
    lip_status status = LIP_OK;
    if (!lip_poly_append_product(&p, i == j ? 1 : 2, &m, factors, a->r->binary))
        status = lip_fail_memory(a->err);
    if (status == LIP_OK) status = new_variable(a, &p, false, &variable);
    if (status == LIP_OK) status = put(a, variable, b, i, j, -1);
    lip_poly_clear(&p);
    return status;
}

static lip_status add_block(assembling *a, size_t b) {
    const lip_moment_block *block = &a->r->block[b];
    lip_poly factors = {0};
    lip_status status = LIP_OK;
    if (!product(a->r, block->factors, block->factor, &factors)) status = lip_fail_memory(a->err);
    for (size_t i = 0; status == LIP_OK && i < block->size; ++i)
        for (size_t j = 0; status == LIP_OK && j <= i; ++j)
            status = add_entry(a, b, i, j, &factors);
    a->sdp->order[b] = block->size;
    lip_poly_clear(&factors);
    return status;
}

/* One y for every unknown without the pivots: known before any of them is built. */
static lip_status check_size(const assembling *a) {
    size_t count = a->r->unknowns - a->table.count;
    double terms;
    if (count > MOST_VARIABLES)
        return lip_fail(
            a->err, LIP_UNSUPPORTED, NULL,
            "expected at most %d free multipliers in the semidefinite program, found %zu",
            MOST_VARIABLES, count);
    if (!count_terms(a->r, &terms)) return lip_fail_memory(a->err);
    if (terms <= MOST_ENTRIES) return LIP_OK;
    return lip_fail(a->err, LIP_UNSUPPORTED, NULL,
                    "expected localising matrices with at most %d terms, found up to %.0f",
                    MOST_ENTRIES, terms);
}

static lip_status add_all(assembling *a, double *constant) {
    const lip_relaxation *r = a->r;
    lip_status status = find_pivots(a) ? check_size(a) : lip_fail_memory(a->err);
    if (status == LIP_OK) status = spread(a, 0, &r->objective, constant);
    for (size_t b = 0; status == LIP_OK && b < r->blocks; ++b) status = add_block(a, b);
    lip_poly p = {0};
    size_t variable;
    for (size_t i = 0; status == LIP_OK && i < r->scalars; ++i)
        status = product(r, r->scalar[i].factors, r->scalar[i].factor, &p)
                     ? new_variable(a, &p, true, &variable)
                     : lip_fail_memory(a->err);
    for (size_t i = 0; status == LIP_OK && i < r->zeros; ++i)
        status = zero_poly(r, &r->zero[i], &p) ? new_variable(a, &p, false, &variable)
                                               : lip_fail_memory(a->err);
    lip_poly_clear(&p);
    return status;
}

lip_status lip_relaxation_assemble(const lip_relaxation *r, double scale, lip_sdp *sdp,
                                   double *constant, lip_error *err) {
    assembling a = {.r = r, .sdp = sdp, .scale = scale, .err = err};
    a.squared = LIP_NEW(size_t, r->variables);
    sdp->order = LIP_NEW(size_t, r->blocks);
    sdp->blocks = r->blocks;
    *constant = 0;
    for (size_t v = 0; a.squared && v < r->variables; ++v) a.squared[v] = LIP_ABSENT;
    for (size_t k = 0; a.squared && k < r->problem->gates; ++k)
        if (r->problem->gate[k].h != LIP_ABSENT) a.squared[r->problem->gate[k].h] = k;
    lip_status status = a.squared && sdp->order ? add_all(&a, constant) : lip_fail_memory(err);
    *constant *= scale;
    lip_monomial_table_clear(&a.table);
    free(a.pivot);
    free(a.squared);
    return status;
}

double lip_relaxation_scale(const lip_relaxation *r) {
    const lip_poly *f = &r->problem->objective;
    double most = 0;
    int exponent;
    for (size_t i = 0; i < f->count; ++i) most = fmax(most, fabs(f->term[i].value));
    if (!(most > 0x1p-500) || !(most < 0x1p500)) return 1;
    frexp(most, &exponent);
    return ldexp(1, -exponent);
}
