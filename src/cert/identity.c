/* Proving with identities.
 *
 * P = F + sum of terms is multiplied out with value and radius for each coefficient
 * (poly/polynomial.c), whatever rounding did to the numbers of the terms: they are what they are,
 * and only their signs matter.  What does not cancel is bounded by its magnitudes.
 *
 * Signs.  Scalars: compared with 0.  Gram matrices: with s = lip_cholesky_slack(n, trace), if the
 * Cholesky factorisation of fl(Q - d I) completes, then
 *
 *     lambda_min(Q) >= d - (UNIT max (Q_ii + d)) - s,
 *
 * the middle term for the rounding of the subtraction; d >= twice the two others makes Q positive
 * semidefinite.  That is how lip_identity_prove sees it; lip_identity_repair adds 4 d to the
 * diagonal first.  The factor goes up until the factorisation completes: solvers end near the
 * boundary, on either side. */
#include "cert/identity.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "linalg/cholesky.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RAISE = 16, MOST_RAISED = 0x1p-6; /* of the trace */

lip_identity_term *lip_identity_add(lip_identity *identity, lip_identity_kind kind, size_t factors,
                                    const lip_factor *factor, size_t size) {
    size_t numbers = kind == LIP_IDENTITY_SCALAR ? 1 : size;
    if (!lip_grow((void **)&identity->term, &identity->room, identity->count + 1,
                  sizeof *identity->term))
        return NULL;
    if (kind == LIP_IDENTITY_GRAM && !lip_multiply_sizes(size, size, &numbers)) return NULL;
    lip_identity_term *term = &identity->term[identity->count];
    *term = (lip_identity_term){.kind = kind, .factors = factors, .size = size};
    for (size_t i = 0; i < factors; ++i) term->factor[i] = factor[i];
    term->basis = LIP_NEW(lip_monomial, size);
    term->number = LIP_NEW(double, numbers);
    if (!term->basis || !term->number) {
        free(term->basis);
        free(term->number);
        return NULL;
    }
    ++identity->count;
    return term;
}

void lip_identity_clear(lip_identity *identity) {
    for (size_t i = 0; i < identity->count; ++i) {
        free(identity->term[i].basis);
        free(identity->term[i].number);
    }
    free(identity->term);
    *identity = (lip_identity){0};
}

/* ---- Multiplying out --------------------------------------------------------------------- */

/* *p = the product of a term's factors, or its equality. */
static bool carrier(const lip_poly_problem *problem, const lip_identity_term *term, lip_poly *p) {
    lip_poly factor = {0};
    lip_monomial one = lip_monomial_one();
    if (term->kind == LIP_IDENTITY_ZERO) return lip_poly_equality(problem, term->equality, p);
    lip_poly_clear(p);
    bool ok = lip_poly_append(p, &one, 1, 0);
    for (size_t i = 0; ok && i < term->factors; ++i)
        ok = lip_poly_factor(problem, term->factor[i], &factor) &&
             lip_poly_multiply(p, p, &factor, problem->binary);
    lip_poly_clear(&factor);
    return ok;
}

static bool add_gram(const lip_poly_problem *problem, const lip_identity_term *term,
                     const lip_poly *p, lip_poly_sum *sum) {
    size_t n = term->size;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) {
            lip_monomial m =
                lip_monomial_multiply(&term->basis[i], &term->basis[j], problem->binary);
            /* doubling is exact, or overflows and is found not to be finite */
            double q = term->number[i * n + j] * (i == j ? 1 : 2);
            if (!lip_poly_sum_add(sum, q, &m, p, problem->binary)) return false;
        }
    return true;
}

static bool add_term(const lip_poly_problem *problem, const lip_identity_term *term,
                     lip_poly_sum *sum) {
    lip_poly p = {0};
    lip_monomial one = lip_monomial_one();
    bool ok = carrier(problem, term, &p);
    if (ok && term->kind == LIP_IDENTITY_GRAM)
        ok = add_gram(problem, term, &p, sum);
    else if (ok && term->kind == LIP_IDENTITY_SCALAR)
        ok = lip_poly_sum_add(sum, term->number[0], &one, &p, problem->binary);
    for (size_t i = 0; ok && term->kind == LIP_IDENTITY_ZERO && i < term->size; ++i)
        ok = lip_poly_sum_add(sum, term->number[i], &term->basis[i], &p, problem->binary);
    lip_poly_clear(&p);
    return ok;
}

static bool multiply_out(const lip_poly_problem *problem, const lip_identity *identity,
                         lip_poly_sum *sum) {
    lip_monomial one = lip_monomial_one();
    bool ok = lip_poly_sum_add(sum, 1, &one, &problem->objective, problem->binary);
    for (size_t i = 0; ok && i < identity->count; ++i)
        ok = add_term(problem, &identity->term[i], sum);
    return ok;
}

/* ---- Signs ------------------------------------------------------------------------------- */

/* What has to come off the diagonal for a proof; INFINITY if Q is not finite or its trace not
 * positive. */
static double shift_of(size_t n, const double *q) {
    double trace = 0, most = 0, check = 0;
    for (size_t i = 0; i < n; ++i) {
        trace = lip_add_up(trace, fabs(q[i * n + i]));
        most = fmax(most, fabs(q[i * n + i]));
        for (size_t j = 0; j <= i; ++j) check += 0 * q[i * n + j];
    }
    if (check != 0 || !(trace > 0) || !(trace < 0x1p900)) return INFINITY;
    return lip_up(2 * lip_add_up(lip_cholesky_slack(n, 2 * trace), 4 * LIP_UNIT * most));
}

/* Is Q positive semidefinite, even when its diagonal entries are smaller by this fraction of theirs?
 * work has n x n entries. */
static bool semidefinite(size_t n, const double *q, double fraction, double *work) {
    bool zero = true;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) zero = zero && q[i * n + j] == 0;
    if (zero) return true;
    if (n == 1) return q[0] >= 0;
    double shift = shift_of(n, q);
    if (!(shift < INFINITY)) return false;
    memcpy(work, q, n * n * sizeof *q);
    for (size_t i = 0; i < n; ++i) work[i * n + i] -= shift + fraction * fabs(q[i * n + i]);
    return lip_cholesky(n, work);
}

static bool nonnegative(const lip_identity_term *term, double *work) {
    if (term->kind == LIP_IDENTITY_ZERO) return true;
    if (term->kind == LIP_IDENTITY_SCALAR) return term->number[0] >= 0;
    return semidefinite(term->size, term->number, 0, work);
}

static size_t largest(const lip_identity *identity) {
    size_t most = 0;
    for (size_t i = 0; i < identity->count; ++i)
        if (identity->term[i].size > most) most = identity->term[i].size;
    return most;
}

static double *workspace(const lip_identity *identity) {
    size_t n = largest(identity), count;
    return lip_multiply_sizes(n, n, &count) ? LIP_NEW(double, count) : NULL;
}

/* ---- Form -------------------------------------------------------------------------------- */

static bool is_gate(const lip_poly_problem *q, size_t k) { return k < q->gates; }

/* Is there such a factor, as the table of docs/certificate.md, section 10, has it? */
static bool valid_factor(const lip_poly_problem *q, lip_factor f) {
    size_t v = f.number;
    bool u = v < q->variables && q->binary[v], other = v < q->variables && !q->binary[v];
    bool open = is_gate(q, v) && q->gate[v].u != LIP_ABSENT;
    bool state = is_gate(q, v) && q->gate[v].h != LIP_ABSENT;
    switch (f.kind) {
    case LIP_FACTOR_PLUS:
    case LIP_FACTOR_MINUS:
    case LIP_FACTOR_SQUARE: return other;
    case LIP_FACTOR_ON:
    case LIP_FACTOR_OFF: return u;
    case LIP_FACTOR_TBALL: return q->input_ball;
    case LIP_FACTOR_WBALL: return q->output_ball;
    case LIP_FACTOR_XBALL: return q->point_ball;
    case LIP_FACTOR_ABOVE:
    case LIP_FACTOR_BELOW:
    case LIP_FACTOR_HALF: return open;
    case LIP_FACTOR_EXCESS:
    case LIP_FACTOR_STATE:
    case LIP_FACTOR_ROOM: return state;
    case LIP_FACTOR_BASE: return state && !open;
    case LIP_FACTOR_TOP:
    case LIP_FACTOR_BOTTOM: return is_gate(q, v);
    default: return false;
    }
}

static bool valid_equality(const lip_poly_problem *q, lip_equality e) {
    if (!is_gate(q, e.number)) return false;
    const lip_gate *g = &q->gate[e.number];
    bool open = g->u != LIP_ABSENT, state = g->h != LIP_ABSENT;
    switch (e.kind) {
    case LIP_EQUALITY_OPEN:
    case LIP_EQUALITY_CLOSED: return open && state;
    case LIP_EQUALITY_RELU: return state;
    case LIP_EQUALITY_LINK: return g->z != LIP_ABSENT;
    default: return false;
    }
}

static size_t factor_degree(lip_factor_kind kind) {
    switch (kind) {
    case LIP_FACTOR_SQUARE:
    case LIP_FACTOR_TBALL:
    case LIP_FACTOR_WBALL:
    case LIP_FACTOR_XBALL:
    case LIP_FACTOR_ABOVE:
    case LIP_FACTOR_BELOW:
    case LIP_FACTOR_HALF: return 2;
    default: return 1;
    }
}

/* The degree of a b, u^2 = u. */
static size_t product_degree(const lip_monomial *a, const lip_monomial *b, const bool *binary) {
    size_t degree = a->degree + b->degree;
    for (size_t i = 0, j = 0; i < a->degree && j < b->degree;) {
        uint32_t x = a->variable[i], y = b->variable[j];
        degree -= x == y && binary[x];
        i += x <= y;
        j += y <= x;
    }
    return degree;
}

static bool valid_basis(const lip_poly_problem *q, const lip_identity_term *term) {
    for (size_t i = 0; i < term->size; ++i) {
        if (term->basis[i].degree > LIP_MOST_DEGREE) return false;
        for (size_t k = 0; k < term->basis[i].degree; ++k)
            if (term->basis[i].variable[k] >= q->variables) return false;
    }
    return true;
}

/* Are its factors those of the problem, and its degree at most LIP_MOST_DEGREE?  What follows relies on
 * it. */
static bool well_formed(const lip_poly_problem *q, const lip_identity_term *term) {
    size_t degree = 0, most = 0;
    if (term->factors > LIP_MOST_FACTORS || !valid_basis(q, term)) return false;
    for (size_t i = 0; i < term->factors; ++i) {
        if (!valid_factor(q, term->factor[i])) return false;
        degree += factor_degree(term->factor[i].kind);
    }
    if (term->kind == LIP_IDENTITY_ZERO) {
        if (!valid_equality(q, term->equality)) return false;
        degree += term->equality.kind == LIP_EQUALITY_LINK ? 1 : 2;
    }
    lip_monomial one = lip_monomial_one();
    for (size_t i = 0; i < term->size; ++i)
        for (size_t j = 0; j <= i; ++j) {
            const lip_monomial *other = term->kind == LIP_IDENTITY_GRAM ? &term->basis[j] : &one;
            size_t d = product_degree(&term->basis[i], other, q->binary);
            most = d > most ? d : most;
        }
    return degree + most <= LIP_MOST_DEGREE;
}

/* ---- Proof ------------------------------------------------------------------------------- */

lip_status lip_identity_claim(const lip_poly_problem *problem, const lip_identity *identity,
                              double *bound, double *claim, lip_error *err) {
    lip_poly_sum sum = {0};
    double *work = workspace(identity);
    bool ok = work != NULL, proved = true;
    for (size_t i = 0; ok && proved && i < identity->count; ++i)
        proved = well_formed(problem, &identity->term[i]) && nonnegative(&identity->term[i], work);
    if (ok && proved) ok = multiply_out(problem, identity, &sum);
    *bound = ok && proved ? lip_poly_sum_bound(&sum) : INFINITY;
    *claim = ok && proved ? lip_poly_sum_claim(&sum) : INFINITY;
    /* t = 0 is a true point for every x: no bound lies below 0 */
    if (*bound < 0) *bound = 0;
    if (*claim < 0) *claim = 0;
    lip_poly_sum_clear(&sum);
    free(work);
    return ok ? LIP_OK : lip_fail_memory(err);
}

lip_status lip_identity_prove(const lip_poly_problem *problem, const lip_identity *identity,
                              double *bound, lip_error *err) {
    double claim;
    return lip_identity_claim(problem, identity, bound, &claim, err);
}

/* ---- Repair ------------------------------------------------------------------------------ */

/* Raise the diagonal until the proof goes through, with as much to spare as theorem 8 of
 * docs/certificate.md takes off each entry: checkers use that one.  With u = UNIT / 2 it is
 * 2 c sum over j of (a_ii a_jj)^.5 <= 4 c n a_ii in the scale where all a_jj are within a factor 2 of each
 * other, c about (n + 1) u, and 2 u a_ii: less than 2 (n^2 + 8 n) UNIT a_ii.  Raised first by twice
 * that, a Q that is semidefinite passes at once. */
static bool raise(lip_identity_term *term, double *work) {
    size_t n = term->size;
    double *q = term->number, trace = 0, fraction = 2 * (double)(n * n + 8 * n) * LIP_UNIT;
    for (size_t i = 0; n > 1 && i < n; ++i) q[i * n + i] += 2 * fraction * fabs(q[i * n + i]);
    for (size_t i = 0; i < n; ++i) trace += fabs(q[i * n + i]);
    double step = fmax(4 * shift_of(n, q), 0x1p-400);
    if (n == 1) q[0] = fmax(q[0], 0);
    while (!semidefinite(n, q, fraction, work)) {
        if (!(step <= MOST_RAISED * trace)) return false;
        for (size_t i = 0; i < n; ++i) q[i * n + i] += step;
        step *= RAISE;
    }
    return true;
}

/* The gate whose h' occurs at least twice; LIP_ABSENT if none does. */
static size_t squared_gate(const lip_poly_problem *problem, const lip_monomial *m) {
    for (size_t i = 0; i + 1 < m->degree; ++i)
        if (m->variable[i] == m->variable[i + 1])
            for (size_t k = 0; k < problem->gates; ++k)
                if (problem->gate[k].h == m->variable[i]) return k;
    return LIP_ABSENT;
}

/* One term `zero` for each gate, with room for the multipliers m of h'^2 m. */
static bool add_multiplier(lip_identity *identity, size_t *of_gate, size_t gate, lip_monomial m,
                           double number) {
    if (of_gate[gate] == LIP_ABSENT) {
        if (!lip_identity_add(identity, LIP_IDENTITY_ZERO, 0, NULL, 0)) return false;
        of_gate[gate] = identity->count - 1;
        identity->term[of_gate[gate]].equality = (lip_equality){LIP_EQUALITY_RELU, gate};
    }
    lip_identity_term *term = &identity->term[of_gate[gate]];
    size_t room = term->size, other = term->size;
    if (!lip_grow((void **)&term->basis, &room, term->size + 1, sizeof *term->basis) ||
        !lip_grow((void **)&term->number, &other, term->size + 1, sizeof *term->number))
        return false;
    term->basis[term->size] = m;
    term->number[term->size++] = number;
    return true;
}

/* Remove h'^2 m from sum by a multiple of m h' (most h' - z).  The monomials that appear instead
 * have one h' less, so this ends; they come behind the present ones in the table or are there
 * already. */
static bool reduce_one(const lip_poly_problem *problem, lip_identity *identity, size_t *of_gate,
                       size_t gate, size_t number, lip_poly_sum *sum) {
    const lip_gate *g = &problem->gate[gate];
    lip_monomial m = lip_monomial_divide(&sum->table.item[number], g->h, 2);
    double factor = -sum->value[number] / g->most;
    lip_poly relu = {0};
    bool ok = lip_poly_equality(problem, (lip_equality){LIP_EQUALITY_RELU, gate}, &relu) &&
              lip_poly_sum_add(sum, factor, &m, &relu, problem->binary) &&
              add_multiplier(identity, of_gate, gate, m, factor);
    lip_poly_clear(&relu);
    return ok;
}

static bool reduce_squares(const lip_poly_problem *problem, lip_identity *identity) {
    lip_poly_sum sum = {0};
    size_t *of_gate = LIP_NEW(size_t, problem->gates);
    bool ok = of_gate && multiply_out(problem, identity, &sum), found = true;
    for (size_t k = 0; of_gate && k < problem->gates; ++k) of_gate[k] = LIP_ABSENT;
    while (ok && found) { /* degrees go down: a few passes */
        found = false;
        for (size_t i = 0; ok && i < sum.table.count; ++i) {
            size_t gate = squared_gate(problem, &sum.table.item[i]);
            if (gate == LIP_ABSENT || !(fabs(sum.value[i]) > 4 * sum.radius[i])) continue;
            found = true;
            ok = reduce_one(problem, identity, of_gate, gate, i, &sum);
        }
    }
    free(of_gate);
    lip_poly_sum_clear(&sum);
    return ok;
}

lip_status lip_identity_repair(const lip_poly_problem *problem, lip_identity *identity,
                               lip_watch *watch, bool *ok, lip_error *err) {
    double *work = workspace(identity);
    if (!work) return lip_fail_memory(err);
    *ok = true;
    for (size_t i = 0; *ok && i < identity->count; ++i) {
        lip_identity_term *term = &identity->term[i];
        if (term->kind == LIP_IDENTITY_SCALAR) term->number[0] = fmax(term->number[0], 0);
        if (term->kind == LIP_IDENTITY_GRAM) *ok = raise(term, work);
        if (watch && lip_watch_expired(watch) && watch->stop == LIP_INTERRUPTED) *ok = false;
    }
    free(work);
    if (*ok && problem->gates > 0 && !reduce_squares(problem, identity))
        return lip_fail_memory(err);
    return LIP_OK;
}
