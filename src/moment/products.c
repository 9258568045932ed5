/* HR-1: blocks for objectives of degree 3 and more.
 *
 * F is a sum of terms  t s,  s a product of phases along a path (times w_o, with several outputs).
 * The first order has the moments of 1, t and single phases; products need blocks of their own:
 *
 *     two layers       for every neuron k of the second: (1, t, s_kj for all j), s_kj = u_j u_k
 *     m layers         for every neuron k of layers 2 .. m: (1, t, v, s for all products s of F, and
 *                      beginnings of such, that end in k); v: the phases of later layers by which
 *                      one of these s goes on; without t where F has only the beginnings
 *     several outputs  w_o is the last factor of every product
 *
 * So a product of three phases is an entry (s, v) of the block of its second factor and the entry
 * (1, s v) of the block of its third: the blocks of a layer are to the next layer's what the first
 * order is to those of the second.  Besides E s s' >= 0 for two products that differ in their first
 * factor only, and E s (1 - w_o^2) >= 0.  (With all pairs s, s' of a block 3-3-3-3-3-1 took ten times
 * as long, 6.3 instead of .65 s, and the bound was .2 % smaller; t in all blocks changed no digit.)
 *
 * An entry has at most LIP_MOST_DEGREE factors: of products with 5 or 6 phases a block has those
 * that end in the same 2 or 4 (and w_o, one more).
 *
 * The published relaxation, for two layers, does not use that s_kj^2 = s_kj, only E s^2 <= 1 and
 * E s s' >= 0, and treats s_kj as a new quantity also where one of its two phases is known.  Here
 * s_kj is a symbol then.  What was not published, other graphs and more layers, uses u^2 = u. */
#include "moment/relaxation.h"

#include "base/memory.h"

#include <stdlib.h>

typedef struct product {
    lip_monomial m; /* of phases, w_o the last; or a symbol */
    size_t shared;  /* its last factors, which all products of its block have */
    size_t group;   /* symbols: the neuron of the second layer */
    bool direct;    /* F has t s, and s is not only the beginning of such a product */
} product;

typedef struct products {
    lip_relaxation *r;
    bool symbols;
    size_t count, room;
    product *item; /* group by group */
    size_t meaning_room, binary_room;
    lip_monomial_table table; /* without symbols: all of them, the direct ones first */
    size_t direct;
} products;

static bool add_product(products *p, product item) {
    if (!lip_grow((void **)&p->item, &p->room, p->count + 1, sizeof *p->item)) return false;
    p->item[p->count++] = item;
    return true;
}

/* w_o if m ends in it, else LIP_ABSENT. */
static size_t output_of(const products *p, const lip_monomial *m) {
    size_t last = m->variable[m->degree - 1];
    return p->symbols || p->r->binary[last] ? LIP_ABSENT : last;
}

static lip_monomial without_last(const lip_monomial *m) {
    return lip_monomial_divide(m, m->variable[m->degree - 1], 1);
}

/* ---- Products of F ----------------------------------------------------------------------- */

/* s s' has the factors of both, the shared ones once (but w_o twice). */
static size_t shared_factors(const products *p, const lip_monomial *m) {
    size_t all = 2 * m->degree + (output_of(p, m) != LIP_ABSENT);
    return all > LIP_MOST_DEGREE + 1 ? all - LIP_MOST_DEGREE : 1;
}

static int by_last_factors(const product *x, const product *y) {
    if (x->shared != y->shared) return x->shared < y->shared ? -1 : 1;
    for (size_t i = 1; i <= x->shared; ++i) {
        uint32_t a = x->m.variable[x->m.degree - i], b = y->m.variable[y->m.degree - i];
        if (a != b) return a < b ? -1 : 1;
    }
    return 0;
}

static int by_group(const void *a, const void *b) {
    const product *x = a, *y = b;
    int order = by_last_factors(x, y);
    return order ? order : lip_monomial_compare(&x->m, &y->m);
}

/* What F has besides t, and what is left without the last factor, and so on. */
static bool find_products(products *p) {
    const lip_poly *f = &p->r->problem->objective;
    size_t number;
    bool ok = true;
    for (size_t i = 0; ok && i < f->count; ++i) {
        const lip_monomial *m = &f->term[i].monomial;
        if (m->degree < 3) continue;
        lip_monomial s = lip_monomial_divide(m, m->variable[0], 1);
        ok = lip_monomial_enter(&p->table, &s, &number);
    }
    p->direct = p->table.count;
    for (size_t i = 0; ok && i < p->table.count; ++i) {
        lip_monomial s = without_last(&p->table.item[i]);
        if (s.degree >= 2) ok = lip_monomial_enter(&p->table, &s, &number);
    }
    return ok;
}

static bool plain_products(products *p) {
    bool ok = find_products(p);
    for (size_t i = 0; ok && i < p->table.count; ++i) {
        const lip_monomial *m = &p->table.item[i];
        ok = add_product(p, (product){*m, shared_factors(p, m), 0, i < p->direct});
    }
    if (ok && p->count > 1) qsort(p->item, p->count, sizeof *p->item, by_group);
    return ok;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* How far the group goes that begins there. */
static size_t group_end(const products *p, size_t first) {
    size_t end = first + 1;
    while (end < p->count && p->item[end].group == p->item[first].group &&
           (p->symbols || by_last_factors(&p->item[end], &p->item[first]) == 0))
        ++end;
    return end;
}

/* marked: variables by which some product of the group goes on to another one. */
static void mark_continuations(const products *p, size_t first, bool *marked) {
    for (size_t v = 0; v < p->r->problem->variables; ++v) marked[v] = false;
    for (size_t i = 0; !p->symbols && i < p->count; ++i) {
        const lip_monomial *m = &p->item[i].m;
        if (m->degree < 3) continue;
        product begin = {.m = without_last(m)};
        begin.shared = shared_factors(p, &begin.m);
        if (by_last_factors(&begin, &p->item[first]) == 0)
            marked[m->variable[m->degree - 1]] = true;
    }
}

/* E s s' >= 0: s s' is a product of phases, or of w_o^2 and phases. */
static bool product_of_two(products *p, size_t a, size_t b) {
    lip_monomial m =
        lip_monomial_multiply(&p->item[b].m, &p->item[a].m, p->symbols ? NULL : p->r->binary);
    size_t w = output_of(p, &p->item[a].m), factors = 0;
    lip_monomial square = w == LIP_ABSENT ? lip_monomial_one() : lip_monomial_variable(w);
    lip_factor f[LIP_MOST_FACTORS];
    for (size_t i = 0; i < m.degree; ++i)
        if (m.variable[i] != w) f[factors++] = (lip_factor){LIP_FACTOR_ON, m.variable[i]};
    if (w != LIP_ABSENT) return lip_relaxation_block(p->r, factors, f, 1, &square);
    return lip_relaxation_scalar(p->r, factors, f);
}

/* E s (1 - w_o^2) >= 0; for the ball also E s (1 - sum over o of w_o^2) >= 0, by the first o, if all
 * s w_o are there. */
static bool limit_output(products *p, const lip_monomial *m) {
    const lip_poly_problem *q = p->r->problem;
    size_t w = output_of(p, m), first = q->first[LIP_RING_W], last = q->first[LIP_RING_W + 1];
    lip_monomial phases = without_last(m);
    lip_factor f[LIP_MOST_FACTORS];
    for (size_t i = 0; i < phases.degree; ++i)
        f[i] = (lip_factor){LIP_FACTOR_ON, phases.variable[i]};
    f[phases.degree] = (lip_factor){LIP_FACTOR_SQUARE, w};
    if (!lip_relaxation_scalar(p->r, phases.degree + 1, f)) return false;
    bool all = q->output_ball && w == first;
    for (size_t o = first; all && o < last; ++o) {
        lip_monomial other = lip_monomial_variable(o);
        other = lip_monomial_multiply(&phases, &other, NULL);
        all = lip_monomial_find(&p->table, &other) != LIP_NO_MONOMIAL;
    }
    f[phases.degree] = (lip_factor){LIP_FACTOR_WBALL, 0};
    return !all || lip_relaxation_scalar(p->r, phases.degree + 1, f);
}

static bool same_but_first(const products *p, size_t a, size_t b) {
    const lip_monomial *x = &p->item[a].m, *y = &p->item[b].m;
    if (p->symbols) return true;
    bool same = x->degree == y->degree;
    for (size_t i = 1; same && i < x->degree; ++i) same = x->variable[i] == y->variable[i];
    return same;
}

static bool group_scalars(products *p, size_t first, size_t end) {
    bool ok = true;
    for (size_t a = first; ok && a < end; ++a) {
        if (output_of(p, &p->item[a].m) != LIP_ABSENT) ok = limit_output(p, &p->item[a].m);
        for (size_t b = first; ok && b < a; ++b)
            if (same_but_first(p, a, b)) ok = product_of_two(p, a, b);
    }
    return ok;
}

/* The block of a group: 1, t, phases, products.  basis and marked: room for it. */
static bool group_block(products *p, size_t first, size_t end, lip_monomial *basis, bool *marked) {
    const lip_poly_problem *q = p->r->problem;
    size_t size = 1;
    bool direct = false;
    basis[0] = lip_monomial_one();
    for (size_t i = first; i < end; ++i) direct = direct || p->item[i].direct;
    for (size_t t = q->first[LIP_RING_T]; direct && t < q->first[LIP_RING_T + 1]; ++t)
        basis[size++] = lip_monomial_variable(t);
    mark_continuations(p, first, marked);
    for (size_t v = 0; v < q->variables; ++v)
        if (marked[v]) basis[size++] = lip_monomial_variable(v);
    for (size_t i = first; i < end; ++i) basis[size++] = p->item[i].m;
    return lip_relaxation_block(p->r, 0, NULL, size, basis) && group_scalars(p, first, end);
}

/* Without products there is nothing to add to the first order. */
static bool all_blocks(products *p) {
    const lip_poly_problem *q = p->r->problem;
    size_t rows = 1 + q->variables + p->count, most = p->r->most, unknowns = p->r->unknowns;
    for (size_t i = 0, end; i < p->count; i = end) {
        end = group_end(p, i);
        size_t n = end - i;
        unknowns += (n + 1) * n / 2; /* n is at most the terms of F */
    }
    if (unknowns > most) { /* to be refused: not built */
        p->r->unknowns = unknowns;
        return true;
    }
    lip_monomial *basis = LIP_NEW(lip_monomial, rows);
    bool *marked = LIP_NEW(bool, q->variables), ok = basis && marked;
    for (size_t i = 0, end; ok && i < p->count; i = end) {
        end = group_end(p, i);
        ok = group_block(p, i, end, basis, marked);
    }
    free(basis);
    free(marked);
    return ok;
}

/* ---- As published: symbols, two hidden layers one after the other ------------------------ */

typedef struct chain {
    size_t inputs, first, second;
    double *a1, *a2, *c; /* dense; c: the selected row */
} chain;

static bool is_chain(const lip_network *net) {
    if (net->layers != 3 || !net->layer[1].relu || !net->layer[2].relu) return false;
    for (size_t l = 1; l <= 3; ++l)
        if (net->layer[l].nterms != 1 || net->layer[l].term[0].source != l - 1) return false;
    return true;
}

static double *dense(const lip_network *net, size_t l) {
    size_t count;
    const lip_op *op = net->layer[l].term[0].op;
    double *w = lip_multiply_sizes(op->rows, op->cols, &count) ? LIP_NEW(double, count) : NULL;
    if (w) lip_op_to_dense(op, w);
    return w;
}

/* F's coefficient of the tangent of neuron k of the second layer: read off F itself would mean to
 * divide, so the row of S A_3 is formed. */
static bool read_chain(const lip_poly_problem *q, chain *c) {
    const lip_network *net = q->net;
    const lip_output *output = &q->output;
    c->inputs = lip_inputs(net);
    c->first = net->layer[1].width;
    c->second = net->layer[2].width;
    c->a1 = dense(net, 1);
    c->a2 = dense(net, 2);
    c->c = LIP_NEW(double, c->second);
    double *a3 = dense(net, 3);
    size_t i = output->kind != LIP_OUTPUT_ALL ? output->i
               : q->output_part != LIP_ABSENT ? q->output_part
                                              : 0;
    bool ok = c->a1 && c->a2 && c->c && a3;
    for (size_t k = 0; ok && k < c->second; ++k) {
        c->c[k] = a3[i * c->second + k];
        if (output->kind == LIP_OUTPUT_MARGIN) c->c[k] -= a3[output->j * c->second + k];
    }
    free(a3);
    return ok;
}

static void clear_chain(chain *c) {
    free(c->a1);
    free(c->a2);
    free(c->c);
}

/* += factor * (tangent of neuron j of the first layer) * m */
static bool add_tangent(products *p, const chain *c, size_t j, double factor,
                        const lip_monomial *m) {
    const lip_poly_problem *q = p->r->problem;
    for (size_t v = q->first[LIP_RING_T]; v < q->first[LIP_RING_T + 1]; ++v) {
        lip_monomial t = lip_monomial_variable(v);
        t = lip_monomial_multiply(&t, m, p->r->binary);
        double value = factor * c->a1[j * c->inputs + q->variable[v].index];
        if (value != 0 && !lip_poly_append(&p->r->objective, &t, value, 0)) return false;
    }
    return true;
}

static bool new_symbol(products *p, const lip_monomial *meaning, size_t *variable) {
    lip_relaxation *r = p->r;
    size_t number = r->variables - r->problem->variables;
    lip_poly one = {0};
    lip_monomial unit = lip_monomial_one();
    if (!lip_grow((void **)&r->meaning, &r->meaning_room, number + 1, sizeof *r->meaning) ||
        !lip_grow((void **)&r->binary, &p->binary_room, r->variables + 1, sizeof *r->binary))
        return false;
    r->meaning[number] = *meaning;
    r->binary[r->variables] = false;
    *variable = r->variables++;
    lip_factor square = {LIP_FACTOR_SQUARE, *variable};
    bool ok = lip_relaxation_scalar(r, 1, &square) && lip_poly_append(&one, &unit, 1, 0) &&
              lip_relaxation_zero(r, true, (lip_equality){LIP_EQUALITY_LINK, *variable}, &one);
    lip_poly_clear(&one);
    return ok;
}

static lip_monomial phase_of(const lip_poly_problem *q, size_t unit) {
    return q->phase[unit] == LIP_ABSENT ? lip_monomial_one()
                                        : lip_monomial_variable(q->phase[unit]);
}

/* Neuron j of the first layer as seen through neuron k of the second. */
static bool symbol_product(products *p, const chain *c, size_t j, size_t k) {
    const lip_poly_problem *q = p->r->problem;
    size_t first = q->net->layer[1].offset + j, second = q->net->layer[2].offset + k, variable;
    double factor = c->c[k] * c->a2[k * c->first + j];
    if (factor == 0 || q->role[first] == 'i' || q->role[second] == 'i') return true;
    lip_monomial a = phase_of(q, first), b = phase_of(q, second);
    lip_monomial m = lip_monomial_multiply(&a, &b, p->r->binary);
    if (m.degree > 0) {
        if (!new_symbol(p, &m, &variable)) return false;
        m = lip_monomial_variable(variable);
        if (!add_product(p, (product){m, 0, k, true})) return false;
    }
    return add_tangent(p, c, j, factor, &m);
}

static bool symbol_products(products *p) {
    chain c = {0};
    bool ok = read_chain(p->r->problem, &c);
    for (size_t k = 0; ok && k < c.second; ++k)
        for (size_t j = 0; ok && j < c.first; ++j) ok = symbol_product(p, &c, j, k);
    lip_poly_gather(&p->r->objective);
    clear_chain(&c);
    return ok;
}

/* ---- All of HR-1 ------------------------------------------------------------------------- */

bool lip_relaxation_products(lip_relaxation *r, bool symbols) {
    const lip_poly_problem *q = r->problem;
    products p = {.r = r, .symbols = symbols && q->fixed && is_chain(q->net)};
    p.binary_room = r->variables;
    lip_monomial one = lip_monomial_one();
    bool ok = p.symbols ? symbol_products(&p) : plain_products(&p);
    if (ok && !p.symbols) ok = lip_poly_append_product(&r->objective, 1, &one, &q->objective, NULL);
    ok = ok && all_blocks(&p);
    free(p.item);
    lip_monomial_table_clear(&p.table);
    return ok;
}
