/* The separated cuts of a lifted problem in the words of a certificate.
 *
 * Both number the same variables, but in different orders: the lifted problem follows the canonical order of
 * problem/order.h and has x' behind the phases of the values, the certificate follows the network,
 *
 *     1,  t,  v,  s,  w,  x',  h'.
 *
 * A triangle is symmetric: with q_i = p_i / R_i it is 1 + c_ij q_i q_j + c_ik q_i q_k + c_jk q_j q_k >= 0 and
 * c_ij c_ik c_jk = 1; so sorting its variables takes its signs with it.  True p_i = 2^(e_i) p_i makes it
 * 2^(e_i + e_j + e_k) as large, and the product of two forms of scales 2^e and 2^f becomes 2^(e + f) as large. */
#include "cert/cuts.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double lip_scaled_exactly(double x, int e, bool *unfit) {
    double result = ldexp(x, e);
    if (!isfinite(result) || ldexp(result, -e) != x) *unfit = true;
    return result;
}

/* ---- Numbers ----------------------------------------------------------------------------- */

typedef struct numbering {
    const lip_part *part;
    const lip_lifted *lifted;
    size_t *variable;                     /* by variable of the lifted problem */
    size_t *v, *s, *state, *value, *both; /* by unit */
} numbering;

static bool has(const lip_part *part, const char *roles, const char *values, size_t u) {
    char role = part->role[u], value = part->value ? part->value[u] : '\0';
    return (role && strchr(roles, role)) || (value && strchr(values, value));
}

/* number[u] = next++ for the neurons with one of the letters. */
static size_t count_units(const lip_part *part, const char *roles, const char *values, size_t next,
                          size_t *number) {
    for (size_t u = lip_inputs(part->net); u < part->net->units; ++u)
        if (has(part, roles, values, u)) number[u] = next++;
    return next;
}

static size_t count_kind(const lip_lifted *lifted, lip_variable_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < lifted->n; ++i) count += lifted->variable[i].kind == kind;
    return count;
}

/* w, point: the numbers of the first w and of the next x'. */
static size_t number_of(const numbering *n, const lip_variable *x, size_t w, size_t point) {
    const lip_part *part = n->part;
    size_t unit = part->net->layer[x->layer].offset + x->index;
    switch (x->kind) {
    case LIP_VARIABLE_ONE: return 0;
    case LIP_VARIABLE_INPUT: return part->input == LIP_SET_UNIT ? 1 : 1 + x->index;
    case LIP_VARIABLE_TANGENT: return n->v[unit];
    case LIP_VARIABLE_PHASE: return n->s[unit];
    case LIP_VARIABLE_DUAL: return part->output == LIP_SET_UNIT ? w : w + x->index;
    case LIP_VARIABLE_POINT: return point;
    case LIP_VARIABLE_STATE: return n->state[unit];
    }
    return 0;
}

static void number_variables(numbering *n) {
    const lip_part *part = n->part;
    const lip_lifted *lifted = n->lifted;
    size_t inputs = part->input == LIP_SET_UNIT ? 1 : lip_inputs(part->net);
    size_t v = 1 + inputs, s = count_units(part, "vb", "", v, n->v);
    size_t w = count_units(part, "sb", "hz", s, n->s),
           point = w + count_kind(lifted, LIP_VARIABLE_DUAL);
    count_units(part, "", "h", point + count_kind(lifted, LIP_VARIABLE_POINT), n->state);
    count_units(part, "", "hz", 0, n->value);
    count_units(part, "b", "", 0, n->both);
    for (size_t i = 0; i < lifted->n; ++i) {
        n->variable[i] = number_of(n, &lifted->variable[i], w, point);
        point += lifted->variable[i].kind == LIP_VARIABLE_POINT;
    }
}

static bool numbering_create(const lip_part *part, const lip_lifted *lifted, numbering *n) {
    size_t units = part->net->units;
    *n = (numbering){.part = part, .lifted = lifted};
    n->variable = LIP_NEW(size_t, lifted->n);
    n->v = lip_alloc(units, 5 * sizeof(size_t));
    if (!n->variable || !n->v) return false;
    n->s = n->v + units;
    n->state = n->s + units;
    n->value = n->state + units;
    n->both = n->value + units;
    number_variables(n);
    return true;
}

/* ---- Triangles --------------------------------------------------------------------------- */

static void swap_sizes(size_t *x, size_t *y) {
    size_t z = *x;
    *x = *y;
    *y = z;
}

/* of[i], of[j], c the sign of the third pair: exchanging i and j exchanges the signs of ik and jk. */
static lip_part_triangle triangle_of(const numbering *n, const lip_cut *cut) {
    size_t i = n->variable[cut->of[0]], j = n->variable[cut->of[1]], k = n->variable[cut->of[2]];
    int ij = cut->sign[0] > 0 ? 1 : -1, ik = cut->sign[1] > 0 ? 1 : -1, jk = ij * ik, keep;
    for (int pass = 0; pass < 2; ++pass) {
        if (i > j) swap_sizes(&i, &j), keep = ik, ik = jk, jk = keep;
        if (j > k) swap_sizes(&j, &k), keep = ij, ij = ik, ik = keep;
    }
    return (lip_part_triangle){i, j, k, ij, ik, 0};
}

static size_t count_used(const lip_lifted *lifted, lip_family family, const double *lambda) {
    size_t used = 0;
    for (size_t k = 0; k < lip_family_count(lifted, family); ++k)
        used += lambda[lip_family_place(lifted, family, k)] != 0;
    return used;
}

static void put_triangles(const numbering *n, const double *lambda, lip_part *part, bool *unfit) {
    const lip_lifted *lifted = n->lifted;
    for (size_t k = 0; k < lip_family_count(lifted, LIP_FAMILY_TRIANGLE); ++k) {
        const lip_cut *cut = lip_family_cut(lifted, LIP_FAMILY_TRIANGLE, k);
        double multiplier = lambda[lip_family_place(lifted, LIP_FAMILY_TRIANGLE, k)];
        if (multiplier == 0) continue;
        int e = 0;
        for (int c = 0; c < 3; ++c) e += lifted->variable[cut->of[c]].exponent;
        lip_part_triangle t = triangle_of(n, cut);
        t.multiplier = lip_scaled_exactly(multiplier, lifted->exponent - e, unfit);
        part->triangle[part->triangles++] = t;
    }
}

/* ---- Products ---------------------------------------------------------------------------- */

static size_t unit_at(const numbering *n, size_t layer, size_t index) {
    return n->part->net->layer[layer].offset + index;
}

/* The form of the document, and the exponent of its scale. */
static lip_part_form form_of(const numbering *n, const lip_form *form, int *exponent) {
    const lip_lifted *lifted = n->lifted;
    bool plus = form->sign > 0;
    lip_part_form out = {LIP_PART_PLUS, 0};
    switch (form->kind) {
    case LIP_FORM_VARIABLE:
        *exponent = lifted->variable[form->of].exponent;
        return (lip_part_form){plus ? LIP_PART_PLUS : LIP_PART_MINUS, n->variable[form->of]};
    case LIP_FORM_CLOSED: out.kind = LIP_PART_CLOSED; break;
    case LIP_FORM_UPPER:
    case LIP_FORM_TOP: out.kind = LIP_PART_UPPER; break;
    case LIP_FORM_LOWER:
    case LIP_FORM_BOTTOM: out.kind = LIP_PART_LOWER; break;
    case LIP_FORM_ON: out.kind = plus ? LIP_PART_ON_PLUS : LIP_PART_ON_MINUS; break;
    case LIP_FORM_OFF: out.kind = plus ? LIP_PART_OFF_PLUS : LIP_PART_OFF_MINUS; break;
    }
    if (form->kind == LIP_FORM_ON || form->kind == LIP_FORM_OFF) {
        const lip_neuron *neuron = &lifted->neuron[form->of];
        *exponent = lifted->variable[neuron->v].exponent;
        out.of = n->both[unit_at(n, neuron->layer, neuron->index)];
    } else {
        const lip_relu *relu = &lifted->relu[form->of];
        *exponent = relu->exponent;
        out.of = n->value[unit_at(n, relu->layer, relu->index)];
    }
    return out;
}

static void put_products(const numbering *n, const double *lambda, lip_part *part, bool *unfit) {
    const lip_lifted *lifted = n->lifted;
    for (size_t k = 0; k < lip_family_count(lifted, LIP_FAMILY_PRODUCT); ++k) {
        const lip_cut *cut = lip_family_cut(lifted, LIP_FAMILY_PRODUCT, k);
        double multiplier = lambda[lip_family_place(lifted, LIP_FAMILY_PRODUCT, k)];
        int e, f;
        if (multiplier == 0) continue;
        lip_part_product product = {form_of(n, &lifted->form[cut->of[0]], &e),
                                    form_of(n, &lifted->form[cut->of[1]], &f), 0};
        product.multiplier = lip_scaled_exactly(multiplier, lifted->exponent - e - f, unfit);
        part->product[part->products++] = product;
    }
}

bool lip_part_cuts(lip_part *part, const lip_lifted *lifted, const double *lambda, bool *unfit) {
    size_t triangles = count_used(lifted, LIP_FAMILY_TRIANGLE, lambda);
    size_t products = count_used(lifted, LIP_FAMILY_PRODUCT, lambda);
    numbering n = {0};
    if (triangles + products == 0) return true;
    part->triangle = LIP_NEW(lip_part_triangle, triangles);
    part->product = LIP_NEW(lip_part_product, products);
    bool ok = part->triangle && part->product && numbering_create(part, lifted, &n);
    if (ok) {
        put_triangles(&n, lambda, part, unfit);
        put_products(&n, lambda, part, unfit);
    }
    free(n.variable);
    free(n.v);
    return ok;
}
