/* The products of LipOpt-k, and the small program that has the same value.
 *
 * Seen from the other side the published program is
 *
 *     maximise L(F)    over linear L with    L(1) = 1,    L(P) >= 0  for all products P.
 *
 * The products of one S are the indicator functions of the 2^|S| corners of {0, 1}^S, so L is a
 * family of probability distributions on the sets S that agree where sets overlap.  With one number
 * y_T = L(product of x over T) for every monomial, L(P_A) = sum over A <= T <= S of (-1)^|T \ A| y_T.
 *
 * Elimination.  If |S| = k, no other set contains S, so y_S occurs in the 2^k products of S only: with
 * the sign + where |S \ A| is even, - where it is odd.  Where F has no monomial S either, y_S can be
 * eliminated (Fourier, Motzkin): what remains are the conditions L(P_A + P_B) >= 0, A even, B odd.
 *
 *     A and B differ in one place:  P_A + P_B is a product of k - 1 factors
 *     k = 3, A and B opposite:      a triangle inequality among y_1, y_2, y_12
 *
 * A program with 5,571 monomials (one hidden layer, 20 x 20, k = 3) has 630 columns then.  The pairs
 * are too many to write down (2^(2k - 2) a set); almost all have the multiplier 0.  So they are found
 * when they are violated, set by set, in O(k 2^k + pairs): relax/lipopt.c adds them.  A multiplier of
 * P_A + P_B is one of P_A and one of P_B: what comes out is a proof in the published form.
 *
 * `set` holds first the sets of k - 1 variables with their single products, then every S, paired or
 * with single products (|S| < k, or F has the monomial S). */
#include "poly/handelman.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CORNERS = 1 << LIP_HANDELMAN_MOST };
static const uint32_t ELIMINATED = UINT32_MAX;

/* ---- Cliques ----------------------------------------------------------------------------- */

typedef struct clique {
    size_t count; /* variables, the first is t */
    uint32_t *variable;
    bool covered; /* its u are among those of an earlier clique */
} clique;

typedef struct enumeration {
    lip_handelman *h;
    size_t most; /* products */
    size_t cliques;
    clique *clique;
    bool *member; /* cliques x variables */
} enumeration;

static void clear_cliques(enumeration *e) {
    for (size_t i = 0; e->clique && i < e->cliques; ++i) free(e->clique[i].variable);
    free(e->clique);
    free(e->member);
}

static bool fill_clique(enumeration *e, size_t i) {
    size_t n = e->h->problem->variables;
    const bool *row = e->member + i * n;
    clique *c = &e->clique[i];
    for (size_t v = 0; v < n; ++v) c->count += row[v];
    c->variable = LIP_NEW(uint32_t, c->count);
    if (!c->variable) return false;
    for (size_t v = 0, at = 0; v < n; ++v)
        if (row[v]) c->variable[at++] = (uint32_t)v;
    for (size_t j = 0; j < i && !c->covered; ++j) {
        c->covered = true;
        for (size_t k = 1; k < c->count; ++k)
            c->covered = c->covered && e->member[j * n + c->variable[k]];
    }
    return true;
}

static bool find_cliques(enumeration *e) {
    e->member = lip_poly_cliques(e->h->problem, &e->cliques);
    e->clique = LIP_NEW(clique, e->cliques);
    if (!e->member || !e->clique) return false;
    for (size_t i = 0; i < e->cliques; ++i)
        if (!fill_clique(e, i)) return false;
    return true;
}

/* n choose k, rounded. */
static double choose(size_t n, size_t k) {
    double result = 1;
    for (size_t i = 0; i < k; ++i) result *= i < n ? (double)(n - i) / (double)(i + 1) : 0;
    return result;
}

/* Fewer products than this there cannot be: the sets with t are all different. */
static double least_products(const enumeration *e) {
    size_t k = e->h->degree;
    double with = 0, without = 0;
    for (size_t i = 0; i < e->cliques; ++i) {
        size_t n = e->clique[i].count;
        if (n == 0) continue;
        if (n <= k)
            with += ldexp(1, (int)n);
        else {
            with += ldexp(choose(n - 1, k - 1), (int)k);
            without = fmax(without, ldexp(choose(n - 1, k), (int)k));
        }
    }
    return with + without;
}

static lip_status too_many(const enumeration *e, double count, lip_error *err) {
    return lip_fail(err, LIP_UNSUPPORTED, NULL,
                    "LipOpt-%zu needs at least %.0f products, more than the limit of %zu",
                    e->h->degree, fmax(count, (double)e->most + 1), e->most);
}

/* ---- Enumerating ------------------------------------------------------------------------- */

static bool append_set(lip_handelman *h, const lip_monomial *m, bool paired) {
    if (!lip_grow((void **)&h->set, &h->set_room, h->sets + 1, sizeof *h->set)) return false;
    h->set[h->sets++] = (lip_handelman_set){(unsigned char)m->degree, paired, 0};
    return true;
}

/* Enter the subsets of c that begin with the variables of m and go on from place `from`, up to k
 * variables: small ones as columns, those of k variables as sets. */
static lip_status enter_subsets(enumeration *e, const clique *c, lip_monomial m, size_t from,
                                lip_error *err) {
    lip_handelman *h = e->h;
    size_t number, k = c->count < h->degree ? c->count : h->degree;
    bool whole = m.degree == k;
    if (whole && !lip_monomial_enter(&h->whole, &m, &number)) return lip_fail_memory(err);
    if ((!whole || k < h->degree) && !lip_monomial_enter(&h->column, &m, &number))
        return lip_fail_memory(err);
    if (whole) {
        bool many = h->whole.count > e->most >> k;
        return many ? too_many(e, 0, err) : LIP_OK;
    }
    lip_status status = LIP_OK;
    for (size_t i = from; status == LIP_OK && i < c->count; ++i) {
        lip_monomial next = m;
        next.variable[next.degree++] = c->variable[i];
        status = enter_subsets(e, c, next, i + 1, err);
    }
    return status;
}

/* t is the clique's own: sets with t are new, those without are if the u are not covered. */
static lip_status enter_clique(enumeration *e, const clique *c, lip_error *err) {
    if (c->count == 0) return LIP_OK;
    lip_monomial t = lip_monomial_variable(c->variable[0]);
    lip_status status = enter_subsets(e, c, t, 1, err);
    if (status == LIP_OK && !c->covered && c->count > e->h->degree)
        status = enter_subsets(e, c, lip_monomial_one(), 1, err);
    if (status != LIP_OK || c->count > e->h->degree) return status;
    /* a clique that is a set itself: its parts without t are columns */
    for (size_t subset = 0; subset < (size_t)1 << (c->count - 1); ++subset) {
        lip_monomial m = lip_monomial_one();
        size_t number;
        for (size_t i = 1; i < c->count; ++i)
            if (subset >> (i - 1) & 1) m.variable[m.degree++] = c->variable[i];
        if (!lip_monomial_enter(&e->h->column, &m, &number)) return lip_fail_memory(err);
    }
    return LIP_OK;
}

/* Columns that F needs, each with its coefficient: a t m = 2 a x m - a m. */
static bool enter_objective(lip_handelman *h) {
    const lip_poly *f = &h->problem->objective;
    size_t number;
    for (size_t i = 0; i < f->count; ++i)
        if (!lip_monomial_enter(&h->column, &f->term[i].monomial, &number)) return false;
    h->objective = LIP_NEW(double, h->column.count);
    for (size_t i = 0; h->objective && i < f->count; ++i) {
        const lip_monomial *m = &f->term[i].monomial;
        lip_monomial rest = lip_monomial_divide(m, m->variable[0], 1);
        h->objective[lip_monomial_find(&h->column, m)] += 2 * f->term[i].value;
        h->objective[lip_monomial_find(&h->column, &rest)] -= f->term[i].value;
    }
    return h->objective != NULL;
}

static bool append_sets(lip_handelman *h) {
    for (size_t j = 0; j < h->column.count; ++j)
        if (h->column.item[j].degree == h->degree - 1 && !append_set(h, &h->column.item[j], false))
            return false;
    for (size_t i = 0; i < h->whole.count; ++i) {
        const lip_monomial *m = &h->whole.item[i];
        if (!append_set(h, m, lip_monomial_find(&h->column, m) == LIP_NO_MONOMIAL)) return false;
    }
    return true;
}

/* The columns of all subsets of every set. */
static bool number_subsets(lip_handelman *h) {
    size_t small = h->sets - h->whole.count, at = 0;
    for (size_t s = 0; s < h->sets; ++s) h->indices += (size_t)1 << h->set[s].size;
    h->index = LIP_NEW(uint32_t, h->indices);
    if (!h->index) return false;
    for (size_t s = 0, j = 0; s < h->sets; ++s) {
        lip_handelman_set *set = &h->set[s];
        while (s < small && h->column.item[j].degree != h->degree - 1) ++j;
        const lip_monomial *m = s < small ? &h->column.item[j++] : &h->whole.item[s - small];
        set->first = at;
        for (size_t subset = 0; subset < (size_t)1 << set->size; ++subset) {
            lip_monomial part = lip_monomial_one();
            for (size_t i = 0; i < set->size; ++i)
                if (subset >> i & 1) part.variable[part.degree++] = m->variable[i];
            size_t number = lip_monomial_find(&h->column, &part);
            h->index[at++] = number == LIP_NO_MONOMIAL ? ELIMINATED : (uint32_t)number;
        }
    }
    return true;
}

static void count_program(lip_handelman *h) {
    h->monomials = h->column.count;
    for (size_t i = 0; i < h->whole.count; ++i) {
        h->products += (size_t)1 << h->whole.item[i].degree;
        h->monomials += lip_monomial_find(&h->column, &h->whole.item[i]) == LIP_NO_MONOMIAL;
    }
}

static lip_status check(const lip_poly_problem *problem, size_t degree, lip_error *err) {
    if (problem->input_ball)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected the input norm inf or 1, found 2: LipOpt is for cubes");
    if (!problem->fixed)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected one output, a margin or the output norm inf, found %zu outputs "
                        "in another norm",
                        lip_ring_count(problem, LIP_RING_W));
    if (degree < problem->depth || degree < 2 || degree > LIP_HANDELMAN_MOST)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected a degree from %zu to %d for an objective of degree %zu, found "
                        "--degree %zu",
                        problem->depth > 2 ? problem->depth : 2, LIP_HANDELMAN_MOST, problem->depth,
                        degree);
    return LIP_OK;
}

static lip_status enumerate(enumeration *e, lip_error *err) {
    lip_handelman *h = e->h;
    lip_monomial one = lip_monomial_one();
    size_t number;
    if (!find_cliques(e) || !lip_monomial_enter(&h->column, &one, &number))
        return lip_fail_memory(err);
    if (least_products(e) > (double)e->most) return too_many(e, least_products(e), err);
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < e->cliques; ++i)
        status = enter_clique(e, &e->clique[i], err);
    if (status != LIP_OK) return status;
    if (!enter_objective(h) || !append_sets(h) || !number_subsets(h)) return lip_fail_memory(err);
    count_program(h);
    return LIP_OK;
}

lip_status lip_handelman_create(const lip_poly_problem *problem, size_t degree, size_t most,
                                lip_handelman **out, lip_error *err) {
    enumeration e = {.most = most ? most : LIP_HANDELMAN_PRODUCTS};
    lip_status status = check(problem, degree, err);
    *out = NULL;
    if (status != LIP_OK) return status;
    e.h = LIP_NEW(lip_handelman, 1);
    if (!e.h) return lip_fail_memory(err);
    e.h->problem = problem;
    e.h->degree = degree;
    status = enumerate(&e, err);
    clear_cliques(&e);
    if (status == LIP_OK)
        *out = e.h;
    else
        lip_handelman_free(e.h);
    return status;
}

void lip_handelman_free(lip_handelman *h) {
    if (!h) return;
    lip_monomial_table_clear(&h->column);
    lip_monomial_table_clear(&h->whole);
    free(h->objective);
    free(h->set);
    free(h->index);
    free(h);
}

/* ---- Cuts -------------------------------------------------------------------------------- */

static bool odd(size_t bits) {
    bool result = false;
    for (; bits; bits &= bits - 1) result = !result;
    return result;
}

size_t lip_handelman_row(const lip_handelman *h, lip_handelman_cut cut, size_t *column,
                         double *value) {
    const lip_handelman_set *set = &h->set[cut.set];
    size_t count = 0;
    for (size_t subset = 0; subset < (size_t)1 << set->size; ++subset) {
        double v = 0;
        if ((subset & cut.a) == cut.a) v += odd(subset ^ cut.a) ? -1 : 1;
        if (cut.b != cut.a && (subset & cut.b) == cut.b) v += odd(subset ^ cut.b) ? -1 : 1;
        if (v == 0) continue;
        column[count] = h->index[set->first + subset];
        value[count++] = v;
    }
    return count;
}

/* L(P_A) of all A of a set, 0 for what is eliminated. */
static void corners(const lip_handelman *h, const lip_handelman_set *set, const double *y,
                    double *corner) {
    size_t n = (size_t)1 << set->size;
    memset(corner, 0, n * sizeof *corner);
    for (size_t a = 0; a < n; ++a) {
        uint32_t j = h->index[set->first + a];
        if (j != ELIMINATED) corner[a] = y[j];
    }
    for (size_t bit = 1; bit < n; bit <<= 1)
        for (size_t a = 0; a < n; ++a)
            if (!(a & bit)) corner[a] -= corner[a | bit];
}

/* The least sum of an even and an odd corner that differ in three places or more: those that differ
 * in one are products of k - 1 factors, which other sets look after. */
static double least_pair(size_t n, const double *corner, size_t *a, size_t *b) {
    double least = INFINITY;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = i + 1; j < n; ++j) {
            size_t apart = i ^ j;
            if (!odd(apart) || (apart & (apart - 1)) == 0 || corner[i] + corner[j] >= least)
                continue;
            least = corner[i] + corner[j];
            *a = i;
            *b = j;
        }
    return least;
}

static double least_corner(size_t n, const double *corner, size_t *a) {
    double least = INFINITY;
    for (size_t i = 0; i < n; ++i)
        if (corner[i] < least) {
            least = corner[i];
            *a = i;
        }
    return least;
}

double lip_handelman_violation(const lip_handelman *h, size_t s, const double *y,
                               lip_handelman_cut *cut) {
    const lip_handelman_set *set = &h->set[s];
    double corner[CORNERS], least;
    size_t a = 0, b = 0, n = (size_t)1 << set->size;
    corners(h, set, y, corner);
    if (set->paired)
        least = least_pair(n, corner, &a, &b);
    else {
        least = least_corner(n, corner, &a);
        b = a;
    }
    *cut = (lip_handelman_cut){s, (unsigned char)a, (unsigned char)b};
    return fmax(-least, 0);
}

/* ---- From one degree to the next --------------------------------------------------------- */

/* Bits of `from` go, in their order, to the places that are 1 in `to`. */
static size_t spread(size_t from, size_t to) {
    size_t result = 0;
    for (; to; to &= to - 1, from >>= 1)
        if (from & 1) result |= to & ~(to - 1);
    return result;
}

static lip_monomial variables_of(const lip_handelman *h, const lip_handelman_set *set) {
    lip_monomial m = lip_monomial_one();
    for (size_t i = 0; i < set->size; ++i)
        m.variable[m.degree++] =
            h->column.item[h->index[set->first + ((size_t)1 << i)]].variable[0];
    return m;
}

/* For every column the first set that has it among its unpaired ones: 1 + its number. */
static size_t *find_homes(const lip_handelman *h) {
    size_t *home = LIP_NEW(size_t, h->column.count);
    for (size_t s = 0; home && s < h->sets; ++s)
        for (size_t a = 0; !h->set[s].paired && a < (size_t)1 << h->set[s].size; ++a)
            if (!home[h->index[h->set[s].first + a]]) home[h->index[h->set[s].first + a]] = s + 1;
    return home;
}

/* A cut on the variables m as one on set s, of which m's are those at the places `at`: the variable
 * that s has more is summed out, if it is only one and the cut a single product. */
static bool move_cut(const lip_handelman_set *set, size_t s, size_t at, lip_handelman_cut *cut) {
    size_t more = (((size_t)1 << set->size) - 1) ^ at;
    size_t a = spread(cut->a, at), b = spread(cut->b, at);
    if (more && (cut->a != cut->b || (more & (more - 1)))) return false;
    *cut = (lip_handelman_cut){s, (unsigned char)a, (unsigned char)(b | more)};
    return true;
}

bool lip_handelman_translate(const lip_handelman *from, const lip_handelman *to, size_t cuts,
                             const lip_handelman_cut *cut, size_t *count,
                             lip_handelman_cut *translated) {
    size_t *home = find_homes(to);
    *count = 0;
    for (size_t i = 0; home && i < cuts; ++i) {
        lip_monomial m = variables_of(from, &from->set[cut[i].set]);
        size_t column = lip_monomial_find(&to->column, &m), at = 0;
        if (column == LIP_NO_MONOMIAL || !home[column]) continue;
        const lip_handelman_set *set = &to->set[home[column] - 1];
        while (to->index[set->first + at] != column) ++at;
        translated[*count] = cut[i];
        *count += move_cut(set, home[column] - 1, at, &translated[*count]);
    }
    free(home);
    return home != NULL;
}

/* ---- Proofs ------------------------------------------------------------------------------ */

/* x_i or 1 - x_i as a factor of the identity, and its scale: 1 + t = 2 x. */
static double factor_of(const lip_handelman *h, uint32_t variable, bool on, lip_factor *f) {
    bool binary = h->problem->binary[variable];
    *f = (lip_factor){binary ? (on ? LIP_FACTOR_ON : LIP_FACTOR_OFF)
                             : (on ? LIP_FACTOR_PLUS : LIP_FACTOR_MINUS),
                      variable};
    return binary ? 1 : 0.5;
}

/* A term c times the product over the variables of m; bit i of `on`: x_i, else 1 - x_i. */
static bool add_product(const lip_handelman *h, const lip_monomial *m, size_t on, double c,
                        lip_identity *identity) {
    lip_factor factor[LIP_MOST_FACTORS];
    for (size_t i = 0; i < m->degree; ++i)
        c *= factor_of(h, m->variable[i], on >> i & 1, &factor[i]);
    lip_identity_term *term = lip_identity_add(identity, LIP_IDENTITY_SCALAR, m->degree, factor, 0);
    if (term) term->number[0] = c;
    return term != NULL;
}

/* `bits` without the place of `bit`, what stands above it moved down. */
static size_t drop_bit(size_t bits, size_t bit) {
    return (bits & (bit - 1)) | (bits >> 1 & ~(bit - 1));
}

/* The products of a cut; two corners that differ in one place are one product of fewer factors. */
static bool add_cut(const lip_handelman *h, lip_handelman_cut cut, double c,
                    lip_identity *identity) {
    lip_monomial m = variables_of(h, &h->set[cut.set]);
    size_t apart = cut.a ^ cut.b;
    if (apart == 0) return add_product(h, &m, cut.a, c, identity);
    if (apart & (apart - 1))
        return add_product(h, &m, cut.a, c, identity) && add_product(h, &m, cut.b, c, identity);
    size_t i = 0;
    while (apart >> i != 1) ++i;
    m = lip_monomial_divide(&m, m.variable[i], 1);
    return add_product(h, &m, drop_bit(cut.a, apart), c, identity);
}

/* c x_A, or with c (1 - x_A) = c (1 - x_1) + c x_1 (1 - x_2) + c x_1 x_2 (1 - x_3) + .. */
static bool add_rest(const lip_handelman *h, size_t column, double rest, lip_identity *identity) {
    lip_monomial m = h->column.item[column];
    if (rest < 0) return add_product(h, &m, ~(size_t)0, -rest, identity);
    size_t degree = m.degree;
    for (m.degree = 1; m.degree <= degree; ++m.degree)
        if (!add_product(h, &m, ((size_t)1 << (m.degree - 1)) - 1, rest, identity)) return false;
    return true;
}

/* rest = F + sum multiplier * cut. */
static void find_rest(const lip_handelman *h, size_t cuts, const lip_handelman_cut *cut,
                      const double *multiplier, double *rest) {
    size_t column[CORNERS];
    double value[CORNERS];
    memcpy(rest, h->objective, h->column.count * sizeof *rest);
    for (size_t i = 0; i < cuts; ++i) {
        if (!(multiplier[i] > 0)) continue;
        size_t count = lip_handelman_row(h, cut[i], column, value);
        for (size_t j = 0; j < count; ++j) rest[column[j]] += multiplier[i] * value[j];
    }
}

bool lip_handelman_complete(const lip_handelman *h, size_t cuts, const lip_handelman_cut *cut,
                            const double *multiplier, double *rest, lip_identity *identity,
                            double *value) {
    bool ok = true;
    double most = 0;
    find_rest(h, cuts, cut, multiplier, rest);
    for (size_t j = 0; j < h->column.count; ++j) most = fmax(most, fabs(h->objective[j]));
    *value = rest[0];
    for (size_t j = 1; j < h->column.count; ++j) *value += fmax(rest[j], 0);
    for (size_t i = 0; ok && identity && i < cuts; ++i)
        if (multiplier[i] > 0) ok = add_cut(h, cut[i], multiplier[i], identity);
    /* what rounding left is cheaper to pay for than to remove */
    for (size_t j = 1; ok && identity && j < h->column.count; ++j)
        if (fabs(rest[j]) > 0x1p-48 * most) ok = add_rest(h, j, rest[j], identity);
    return ok;
}
