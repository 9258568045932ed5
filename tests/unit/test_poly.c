/* Monomials, polynomials, and the polynomial problem against the network itself. */
#include "allocation.h"
#include "chains.h"

#include "base/memory.h"
#include "poly/problem.h"
#include "problem/lifted.h"
#include "region/region.h"

enum { VARIABLES = 6 };

static lip_monomial random_monomial(lip_rng *rng, size_t degree) {
    lip_monomial m = lip_monomial_one();
    for (size_t d = pick(rng, degree + 1); d > 0; --d) {
        lip_monomial v = lip_monomial_variable(pick(rng, VARIABLES));
        m = lip_monomial_multiply(&m, &v, NULL);
    }
    return m;
}

static void test_order(void **state) {
    (void)state;
    lip_monomial one = lip_monomial_one(), a = lip_monomial_variable(0),
                 b = lip_monomial_variable(1);
    lip_monomial aa = lip_monomial_multiply(&a, &a, NULL), ab = lip_monomial_multiply(&b, &a, NULL),
                 bb = lip_monomial_multiply(&b, &b, NULL);
    lip_monomial ascending[] = {one, a, b, aa, ab, bb};
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) {
            int order = lip_monomial_compare(&ascending[i], &ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(ab.variable[0], 0);
    assert_int_equal(lip_monomial_power(&aa, 0), 2);
    lip_monomial quotient = lip_monomial_divide(&aa, 0, 1);
    assert_int_equal(lip_monomial_compare(&quotient, &a), 0);
}

static void test_binary(void **state) {
    (void)state;
    bool binary[VARIABLES] = {false, true};
    lip_monomial a = lip_monomial_variable(0), b = lip_monomial_variable(1);
    lip_monomial ab = lip_monomial_multiply(&a, &b, binary);
    lip_monomial square = lip_monomial_multiply(&ab, &ab, binary);
    assert_int_equal(square.degree, 3); /* a a b */
    assert_int_equal(lip_monomial_power(&square, 1), 1);
}

static void test_table(void **state) {
    (void)state;
    lip_rng rng;
    lip_monomial_table table = {0};
    lip_rng_seed(&rng, 3);
    for (int i = 0; i < 3000; ++i) {
        lip_monomial m = random_monomial(&rng, 4);
        size_t known = lip_monomial_find(&table, &m), before = table.count, number;
        assert_true(lip_monomial_enter(&table, &m, &number));
        assert_int_equal(known == LIP_NO_MONOMIAL ? before : known, number);
        assert_int_equal(lip_monomial_compare(&table.item[number], &m), 0);
    }
    /* all monomials of degree <= 4 in 6 variables are binomial(10, 4) */
    assert_true(table.count <= 210 && table.count > 150);
    for (size_t i = 0; i < table.count; ++i)
        assert_int_equal(lip_monomial_find(&table, &table.item[i]), i);
    lip_monomial_table_clear(&table);
}

static lip_poly random_poly(lip_rng *rng, bool integers) {
    lip_poly p = {0};
    for (size_t i = pick(rng, 8); i > 0; --i) {
        lip_monomial m = random_monomial(rng, 3);
        double value = uniform(rng, -10, 10);
        assert_true(lip_poly_append(&p, &m, integers ? floor(value) : value, 0));
    }
    lip_poly_gather(&p);
    return p;
}

/* The exact coefficient of m in a b, where a and b have exact coefficients. */
static void exact_coefficient(const lip_poly *a, const lip_poly *b, const lip_monomial *m,
                              mpfr_t sum) {
    mpfr_t x;
    mpfr_init2(x, 300);
    mpfr_set_zero(sum, 1);
    for (size_t i = 0; i < a->count; ++i)
        for (size_t j = 0; j < b->count; ++j) {
            lip_monomial n =
                lip_monomial_multiply(&a->term[i].monomial, &b->term[j].monomial, NULL);
            if (lip_monomial_compare(&n, m) != 0) continue;
            mpfr_set_d(x, a->term[i].value, MPFR_RNDN);
            mpfr_mul_d(x, x, b->term[j].value, MPFR_RNDN);
            mpfr_add(sum, sum, x, MPFR_RNDN);
        }
    mpfr_clear(x);
}

/* The true coefficient lies in value +- radius, and integers have no radius. */
static void test_product(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 4);
    mpfr_t exact, low, high;
    mpfr_inits2(300, exact, low, high, (mpfr_ptr)0);
    for (int round = 0; round < 300; ++round) {
        lip_poly a = random_poly(&rng, round % 2), b = random_poly(&rng, round % 2), p = {0};
        assert_true(lip_poly_multiply(&p, &a, &b, NULL));
        for (size_t i = 0; i < p.count; ++i) {
            const lip_poly_term *term = &p.term[i];
            if (i > 0)
                assert_true(lip_monomial_compare(&p.term[i - 1].monomial, &term->monomial) < 0);
            if (round % 2) assert_true(term->radius == 0);
            exact_coefficient(&a, &b, &term->monomial, exact);
            mpfr_set_d(low, term->value, MPFR_RNDN);
            mpfr_set(high, low, MPFR_RNDN);
            mpfr_sub_d(low, low, term->radius, MPFR_RNDN);
            mpfr_add_d(high, high, term->radius, MPFR_RNDN);
            assert_true(mpfr_cmp(low, exact) <= 0 && mpfr_cmp(exact, high) <= 0);
            assert_true(term->radius <= 0x1p-44 * (1 + fabs(term->value)) * 100);
        }
        lip_poly_clear(&a);
        lip_poly_clear(&b);
        lip_poly_clear(&p);
    }
    mpfr_clears(exact, low, high, (mpfr_ptr)0);
}

/* ---- The problem of a network ------------------------------------------------------------ */

static double value_at(const lip_poly *p, const double *point) {
    double sum = 0;
    for (size_t i = 0; i < p->count; ++i) {
        double product = p->term[i].value;
        for (size_t k = 0; k < p->term[i].monomial.degree; ++k)
            product *= point[p->term[i].monomial.variable[k]];
        sum += product;
    }
    return sum;
}

/* A true point: x in the box, t and w in the cubes; *objective = w' S J(x) t. */
static void true_point(lip_rng *rng, const lip_poly_problem *q, const lip_region *region,
                       double *point, double *objective) {
    const lip_network *net = q->net;
    size_t n = lip_inputs(net), m = lip_outputs(net);
    double *h = LIP_NEW(double, net->units), *z = LIP_NEW(double, net->units),
           *d = LIP_NEW(double, net->units), *g = LIP_NEW(double, net->units);
    for (size_t j = 0; j < n; ++j)
        h[j] = region->kind == LIP_BOX ? uniform(rng, region->lo[j], region->hi[j])
                                       : uniform(rng, -3, 3);
    double *x = LIP_NEW(double, n);
    memcpy(x, h, n * sizeof *x);
    lip_forward(net, 1, h, z);
    lip_pattern(net, z, d);
    for (size_t v = 0; v < q->variables; ++v) {
        const lip_ring_variable *r = &q->variable[v];
        size_t unit = net->layer[r->layer].offset + r->index;
        if (r->kind == LIP_RING_T || r->kind == LIP_RING_W) point[v] = uniform(rng, -1, 1);
        if (r->kind == LIP_RING_U) point[v] = d[unit];
        if (r->kind == LIP_RING_X)
            point[v] = (x[r->index] - q->centre[r->index]) / q->width[r->index];
    }
    for (size_t k = 0; k < q->gates; ++k) {
        size_t unit = net->layer[q->gate[k].layer].offset + q->gate[k].neuron;
        if (q->gate[k].h != LIP_ABSENT) point[q->gate[k].h] = fmax(z[unit], 0) / q->gate[k].most;
        if (q->gate[k].z != LIP_ABSENT) point[q->gate[k].z] = z[unit] / q->gate[k].size;
    }
    size_t last = net->layer[net->layers].offset;
    for (size_t o = 0; o < m; ++o) {
        double w = 0;
        if (q->output.kind != LIP_OUTPUT_ALL)
            w = (o == q->output.i) - (q->output.kind == LIP_OUTPUT_MARGIN && o == q->output.j);
        else if (q->output_part != LIP_ABSENT || m == 1)
            w = q->output_part == LIP_ABSENT || o == q->output_part;
        else
            w = point[q->first[LIP_RING_W] + o];
        g[last + o] = w;
    }
    lip_reverse(net, 1, d, g);
    *objective = 0;
    for (size_t v = q->first[LIP_RING_T]; v < q->first[LIP_RING_T + 1]; ++v)
        *objective += g[q->variable[v].index] * point[v];
    free(h);
    free(z);
    free(d);
    free(g);
    free(x);
}

static void check_factors(const lip_poly_problem *q, const double *point, double tolerance) {
    lip_poly p = {0};
    for (size_t v = 0; v < q->variables; ++v) {
        assert_true(fabs(point[v]) <= 1 + 1e-9);
        for (int kind = LIP_FACTOR_PLUS; kind <= LIP_FACTOR_SQUARE; ++kind) {
            bool phase = kind == LIP_FACTOR_ON || kind == LIP_FACTOR_OFF;
            if (phase != q->binary[v]) continue;
            assert_true(lip_poly_factor(q, (lip_factor){(lip_factor_kind)kind, v}, &p));
            assert_true(value_at(&p, point) >= -1e-9);
        }
    }
    for (size_t k = 0; k < q->gates; ++k) {
        const lip_gate *g = &q->gate[k];
        for (int kind = LIP_FACTOR_ABOVE; kind < LIP_FACTORS; ++kind) {
            bool of_u = kind <= LIP_FACTOR_HALF,
                 of_h = kind >= LIP_FACTOR_EXCESS && kind <= LIP_FACTOR_BASE;
            if ((of_u && g->u == LIP_ABSENT) || (of_h && g->h == LIP_ABSENT)) continue;
            if (kind == LIP_FACTOR_BASE && g->u != LIP_ABSENT) continue;
            assert_true(lip_poly_factor(q, (lip_factor){(lip_factor_kind)kind, k}, &p));
            assert_true(value_at(&p, point) >= -tolerance);
        }
        for (int kind = 0; kind < LIP_EQUALITIES; ++kind) {
            if (kind == LIP_EQUALITY_LINK ? g->z == LIP_ABSENT : g->h == LIP_ABSENT) continue;
            if (kind < LIP_EQUALITY_RELU && g->u == LIP_ABSENT) continue;
            assert_true(lip_poly_equality(q, (lip_equality){(lip_equality_kind)kind, k}, &p));
            assert_true(fabs(value_at(&p, point)) <= tolerance);
        }
    }
    lip_poly_clear(&p);
}

/* On true points F is w'S J t, factors are >= 0 and equalities 0: what a proof rests on. */
static void check_problem(lip_rng *rng, const lip_network *net, const lip_query *query,
                          const lip_poly_options *options) {
    lip_preactivation bounds;
    lip_poly_problem *q;
    lip_error err = {0};
    assert_int_equal(lip_preactivation_create(net, query->region, true, NULL, &bounds, &err),
                     LIP_OK);
    assert_int_equal(lip_poly_problem_create(net, &bounds, query, options, &q, &err), LIP_OK);
    double *point = LIP_NEW(double, q->variables), objective;
    for (int i = 0; i < 10; ++i) {
        true_point(rng, q, query->region, point, &objective);
        double value = value_at(&q->objective, point);
        assert_true(fabs(value - objective) <= 1e-9 * (1 + fabs(objective)));
        check_factors(q, point, 1e-6);
    }
    size_t cliques;
    bool *member = lip_poly_cliques(q, &cliques);
    assert_non_null(member);
    assert_int_equal(cliques, lip_ring_count(q, LIP_RING_T));
    free(member);
    free(point);
    lip_poly_problem_free(q);
    lip_preactivation_clear(&bounds);
}

static void test_problem(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 5);
    for (int round = 0; round < 120; ++round) {
        bool chain = round % 3 != 0;
        lip_network *net = chain ? random_chain(&rng, 1 + pick(&rng, 3))
                                 : random_network(&rng, 3, 1 + pick(&rng, 2), 5, 2);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        if (query.output.kind != LIP_OUTPUT_ALL) {
            query.output.i %= lip_outputs(net);
            query.output.j = (query.output.i + 1) % lip_outputs(net);
        }
        lip_poly_options options = {
            .point = pick(&rng, 4) > 0, .lifts = pick(&rng, 2) > 0, .keep = pick(&rng, 2) > 0};
        options.part = pick(&rng, lip_lifted_parts(net, &query));
        check_problem(&rng, net, &query, &options);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* Limits are refusals that name a number; failing allocations leave nothing behind. */
static void test_limits(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 6);
    lip_network *net = random_network(&rng, 3, 2, 5, 1);
    lip_region *region;
    lip_preactivation bounds;
    lip_poly_problem *q;
    lip_error err = {0};
    double lo[3] = {-1, -1, -1}, hi[3] = {1, 1, 1};
    assert_int_equal(lip_region_box(3, lo, hi, &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    assert_int_equal(lip_preactivation_create(net, region, false, NULL, &bounds, &err), LIP_OK);
    lip_poly_options options = {.point = true, .lifts = true, .most_terms = 3};
    assert_int_equal(lip_poly_problem_create(net, &bounds, &query, &options, &q, &err),
                     LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, "at most 3 terms, found at least"));
    options.most_terms = 0;
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long k = 1; status != LIP_OK && k < 5000; ++k) {
        allocation_begin(k);
        status = lip_poly_problem_create(net, &bounds, &query, &options, &q, &err);
        if (status == LIP_OK) lip_poly_problem_free(q);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        assert_int_equal(status == LIP_OK ? LIP_OK : err.status,
                         status == LIP_OK ? LIP_OK : LIP_OUT_OF_MEMORY);
    }
    assert_int_equal(status, LIP_OK);
    lip_preactivation_clear(&bounds);
    lip_region_free(region);
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_binary),
        cmocka_unit_test(test_table),   cmocka_unit_test(test_product),
        cmocka_unit_test(test_problem), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
