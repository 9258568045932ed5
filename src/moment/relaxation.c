/* Building relaxations, and reading identities off their solutions.  moment/assemble.c has the
 * program. */
#include "moment/relaxation.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

bool lip_relaxation_block(lip_relaxation *r, size_t factors, const lip_factor *factor, size_t size,
                          const lip_monomial *basis) {
    if (!lip_grow((void **)&r->block, &r->block_room, r->blocks + 1, sizeof *r->block))
        return false;
    lip_moment_block *block = &r->block[r->blocks];
    *block = (lip_moment_block){.factors = factors, .size = size};
    block->basis = LIP_NEW(lip_monomial, size);
    if (!block->basis) return false;
    for (size_t i = 0; i < factors; ++i) block->factor[i] = factor[i];
    for (size_t i = 0; i < size; ++i) block->basis[i] = basis[i];
    r->unknowns += size * (size + 1) / 2;
    ++r->blocks;
    return true;
}

bool lip_relaxation_scalar(lip_relaxation *r, size_t factors, const lip_factor *factor) {
    if (!lip_grow((void **)&r->scalar, &r->scalar_room, r->scalars + 1, sizeof *r->scalar))
        return false;
    lip_moment_scalar *scalar = &r->scalar[r->scalars++];
    *scalar = (lip_moment_scalar){.factors = factors};
    for (size_t i = 0; i < factors; ++i) scalar->factor[i] = factor[i];
    ++r->unknowns;
    return true;
}

bool lip_relaxation_zero(lip_relaxation *r, bool symbol, lip_equality equality,
                         lip_poly *multiplier) {
    if (!lip_grow((void **)&r->zero, &r->zero_room, r->zeros + 1, sizeof *r->zero)) return false;
    r->zero[r->zeros++] = (lip_moment_zero){symbol, equality, *multiplier};
    *multiplier = (lip_poly){0};
    ++r->unknowns;
    return true;
}

void lip_relaxation_free(lip_relaxation *r) {
    if (!r) return;
    for (size_t i = 0; i < r->blocks; ++i) free(r->block[i].basis);
    for (size_t i = 0; i < r->zeros; ++i) lip_poly_clear(&r->zero[i].multiplier);
    free(r->block);
    free(r->scalar);
    free(r->zero);
    free(r->binary);
    free(r->meaning);
    lip_poly_clear(&r->objective);
    free(r);
}

double lip_relaxation_unit(const lip_relaxation *r, size_t factors, const lip_factor *factor) {
    double unit = 1;
    for (size_t i = 0; i < factors; ++i) {
        lip_factor_kind kind = factor[i].kind;
        bool of_z = kind >= LIP_FACTOR_ABOVE && kind != LIP_FACTOR_STATE && kind != LIP_FACTOR_ROOM;
        if (of_z) unit /= r->problem->gate[factor[i].number].size;
    }
    return unit;
}

/* ---- Identities -------------------------------------------------------------------------- */

/* m with symbols replaced by what they stand for. */
static lip_monomial spelled_out(const lip_relaxation *r, const lip_monomial *m) {
    lip_monomial out = lip_monomial_one();
    for (size_t i = 0; i < m->degree; ++i) {
        lip_monomial v = lip_monomial_variable(m->variable[i]);
        if (m->variable[i] >= r->problem->variables)
            v = r->meaning[m->variable[i] - r->problem->variables];
        out = lip_monomial_multiply(&out, &v, r->binary);
    }
    return out;
}

static bool write_blocks(const lip_relaxation *r, lip_identity *identity) {
    for (size_t b = 0; b < r->blocks; ++b) {
        const lip_moment_block *block = &r->block[b];
        lip_identity_term *term = lip_identity_add(identity, LIP_IDENTITY_GRAM, block->factors,
                                                   block->factor, block->size);
        if (!term) return false;
        for (size_t i = 0; i < block->size; ++i) term->basis[i] = spelled_out(r, &block->basis[i]);
    }
    return true;
}

/* S = C - sum y A, into the Gram terms; the program has the relaxation's blocks in the same order.
 * */
static void fill_blocks(const lip_relaxation *r, const lip_sdp *sdp, const double *y, double scale,
                        lip_identity *identity) {
    for (size_t i = 0; i < sdp->entries; ++i) {
        const lip_sdp_entry *e = &sdp->entry[i];
        const lip_moment_block *block = &r->block[e->block];
        double value = e->variable ? -y[e->variable - 1] * e->value : e->value;
        double factor = lip_relaxation_unit(r, block->factors, block->factor) / scale;
        size_t n = block->size;
        identity->term[e->block].number[e->row * n + e->column] += factor * value;
        if (e->row != e->column)
            identity->term[e->block].number[e->column * n + e->row] += factor * value;
    }
}

static bool write_scalar(lip_identity *identity, size_t factors, const lip_factor *factor,
                         double c) {
    lip_identity_term *term = lip_identity_add(identity, LIP_IDENTITY_SCALAR, factors, factor, 0);
    if (!term) return false;
    term->number[0] = c;
    return true;
}

/* 1 - (u_1 .. u_d)^2 = (1 - u_1) + u_1 (1 - u_2) + .. + u_1 .. u_(d-1) (1 - u_d) */
static bool write_square(lip_identity *identity, const lip_monomial *meaning, double c) {
    lip_factor factor[LIP_MOST_FACTORS];
    for (size_t d = 0; d < meaning->degree; ++d) {
        factor[d] = (lip_factor){LIP_FACTOR_OFF, meaning->variable[d]};
        if (!write_scalar(identity, d + 1, factor, c)) return false;
        factor[d].kind = LIP_FACTOR_ON;
    }
    return true;
}

static bool write_symbols(const lip_relaxation *r, const lip_moment_scalar *scalar,
                          lip_identity *identity, double c) {
    lip_monomial all = lip_monomial_one();
    lip_factor factor[LIP_MOST_FACTORS];
    for (size_t i = 0; i < scalar->factors; ++i) {
        lip_monomial v = lip_monomial_variable(scalar->factor[i].number);
        all = lip_monomial_multiply(&all, &v, NULL);
    }
    all = spelled_out(r, &all);
    if (scalar->factor[0].kind == LIP_FACTOR_SQUARE) return write_square(identity, &all, c);
    for (size_t i = 0; i < all.degree; ++i)
        factor[i] = (lip_factor){LIP_FACTOR_ON, all.variable[i]};
    return write_scalar(identity, all.degree, factor, c);
}

/* Scalars are about symbols altogether or not at all. */
static bool about_symbols(const lip_relaxation *r, const lip_moment_scalar *scalar) {
    return scalar->factors > 0 &&
           (scalar->factor[0].kind == LIP_FACTOR_SQUARE ||
            scalar->factor[0].kind == LIP_FACTOR_ON) &&
           scalar->factor[0].number >= r->problem->variables;
}

static bool write_scalars(const lip_relaxation *r, const double *c, double factor,
                          lip_identity *identity) {
    bool ok = true;
    for (size_t i = 0; ok && i < r->scalars; ++i) {
        const lip_moment_scalar *scalar = &r->scalar[i];
        if (!(c[i] > 0)) continue;
        if (about_symbols(r, scalar))
            ok = write_symbols(r, scalar, identity, factor * c[i]);
        else
            ok = write_scalar(identity, scalar->factors, scalar->factor,
                              factor * c[i] *
                                  lip_relaxation_unit(r, scalar->factors, scalar->factor));
    }
    return ok;
}

/* "symbol - what it stands for" is nothing once symbols are spelled out. */
static bool write_zeros(const lip_relaxation *r, const double *y, double factor,
                        lip_identity *identity) {
    for (size_t i = 0; i < r->zeros; ++i) {
        const lip_moment_zero *zero = &r->zero[i];
        if (zero->symbol) continue;
        lip_identity_term *term =
            lip_identity_add(identity, LIP_IDENTITY_ZERO, 0, NULL, zero->multiplier.count);
        if (!term) return false;
        term->equality = zero->equality;
        double unit = factor / r->problem->gate[zero->equality.number].size;
        for (size_t k = 0; k < term->size; ++k) {
            term->basis[k] = zero->multiplier.term[k].monomial;
            term->number[k] = unit * y[i] * zero->multiplier.term[k].value;
        }
    }
    return true;
}

lip_status lip_relaxation_identity(const lip_relaxation *r, const lip_sdp *sdp, const double *y,
                                   double scale, lip_identity *identity, lip_error *err) {
    const double *zeros = y + (sdp->variables - r->zeros), *scalars = zeros - r->scalars;
    bool ok = write_blocks(r, identity);
    if (ok) fill_blocks(r, sdp, y, scale, identity);
    ok = ok && write_scalars(r, scalars, 1 / scale, identity) &&
         write_zeros(r, zeros, 1 / scale, identity);
    return ok ? LIP_OK : lip_fail_memory(err);
}
