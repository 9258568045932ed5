/* LipOpt: the enumeration against formulas, cuts against corners, proofs from any multipliers, degrees
 * against each other, against enumeration and against what is exact; refusals, time, memory.  What
 * needs HiGHS is skipped without it. */
#include "allocation.h"
#include "chains.h"
#include "support.h"

#include "base/memory.h"
#include "region/region.h"
#include "relax/lipopt.h"

enum { MOST_ROW = 1 << LIP_HANDELMAN_MOST };

typedef struct question {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_preactivation bounds;
} question;

/* On R^n no neuron is stable. */
static void ask(question *q, lip_network *net, lip_norm norm_in) {
    lip_error err;
    q->net = net;
    assert_int_equal(lip_region_everywhere(lip_inputs(net), &q->region, &err), LIP_OK);
    q->query = (lip_query){norm_in, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, q->region, NULL};
    assert_int_equal(lip_preactivation_create(net, q->region, true, NULL, &q->bounds, &err),
                     LIP_OK);
}

static void forget(question *q) {
    lip_preactivation_clear(&q->bounds);
    lip_region_free(q->region);
    lip_network_free(q->net);
}

static lip_poly_problem *problem_of(const question *q) {
    lip_poly_problem *problem;
    lip_error err = {0};
    lip_poly_options options = {0};
    assert_int_equal(
        lip_poly_problem_create(q->net, &q->bounds, &q->query, &options, &problem, &err), LIP_OK);
    return problem;
}

static lip_handelman *products_of(const lip_poly_problem *problem, size_t degree) {
    lip_handelman *h;
    lip_error err = {0};
    assert_int_equal(lip_handelman_create(problem, degree, 0, &h, &err), LIP_OK);
    return h;
}

/* max over patterns of the 1-norm of the product of the matrices: the formal constant, at most 2
 * hidden layers. */
static double all_patterns(const lip_network *net) {
    size_t n = lip_inputs(net), units = 0, last = net->layers;
    double most = 0, derivative[64] = {0}, one = 1;
    for (size_t l = 1; l < last; ++l) units += net->layer[l].width;
    for (size_t pattern = 0; pattern < (size_t)1 << units; ++pattern) {
        for (size_t i = 0; i < net->units; ++i) derivative[i] = 1;
        for (size_t i = 0; i < units; ++i) derivative[n + i] = (double)(pattern >> i & 1);
        exact_values row = exact_reverse(net, derivative, &one);
        double norm = 0;
        for (size_t j = 0; j < n; ++j) norm += fabs(mpfr_get_d(row.v[j], MPFR_RNDN));
        exact_clear(&row);
        most = fmax(most, norm);
    }
    return most;
}

/* ---- Enumeration ------------------------------------------------------------------------- */

static size_t choose(size_t n, size_t k) {
    size_t result = 1;
    for (size_t i = 0; i < k; ++i) result = result * (n - i) / (i + 1);
    return result;
}

/* n inputs, m dense neurons, k <= m: sets of k neurons, and of an input with k - 1. */
static void test_counts(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 31);
    const size_t width[][3] = {{4, 4, 1}, {3, 6, 1}, {20, 20, 1}};
    for (size_t c = 0; c < 3; ++c)
        for (size_t k = 2; k <= (c == 2 ? 3 : 4); ++k) {
            size_t n = width[c][0], m = width[c][1], monomials = 1;
            question q;
            ask(&q, gaussian_chain(&rng, 2, width[c]), LIP_NORM_INF);
            lip_poly_problem *problem = problem_of(&q);
            lip_handelman *h = products_of(problem, k);
            for (size_t i = 1; i <= k; ++i) monomials += choose(m, i) + n * choose(m, i - 1);
            assert_int_equal(h->products, (choose(m, k) + n * choose(m, k - 1)) << k);
            assert_int_equal(h->monomials, monomials);
            if (c == 2 && k == 3) assert_int_equal(h->products, 39520); /* the published size */
            lip_handelman_free(h);
            lip_poly_problem_free(problem);
            forget(&q);
        }
}

/* More factors than a clique has variables: the clique itself is the set. */
static void test_small_cliques(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 32);
    const size_t width[] = {3, 2, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), LIP_NORM_INF);
    lip_poly_problem *problem = problem_of(&q);
    lip_handelman *h = products_of(problem, 5);
    assert_int_equal(h->products, 3 * 8);
    assert_int_equal(h->monomials, 4 + 3 * 4); /* of u1, u2; each with every t */
    lip_handelman_free(h);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* ---- Cuts -------------------------------------------------------------------------------- */

/* L of the columns for a probability distribution: points with weights, here random ones. */
static void moments(lip_rng *rng, const lip_handelman *h, size_t points, double *y) {
    memset(y, 0, h->column.count * sizeof *y);
    for (size_t i = 0; i < points; ++i) {
        bool x[64] = {false};
        for (size_t v = 0; v < h->problem->variables; ++v) x[v] = pick(rng, 2) == 1;
        for (size_t j = 0; j < h->column.count; ++j) {
            bool one = true;
            for (size_t k = 0; k < h->column.item[j].degree; ++k)
                one = one && x[h->column.item[j].variable[k]];
            y[j] += one / (double)points;
        }
    }
}

static double row_at(const lip_handelman *h, lip_handelman_cut cut, const double *y) {
    size_t column[MOST_ROW];
    double value[MOST_ROW], sum = 0;
    size_t count = lip_handelman_row(h, cut, column, value);
    for (size_t i = 0; i < count; ++i) sum += value[i] * y[column[i]];
    return sum;
}

/* Distributions violate nothing; other y violate what the row says. */
static void check_cuts(lip_rng *rng, const lip_handelman *h) {
    double *y = LIP_NEW(double, h->column.count);
    size_t found = 0;
    for (int round = 0; round < 20; ++round) {
        lip_handelman_cut cut;
        moments(rng, h, 1 + pick(rng, 4), y);
        for (size_t s = 0; s < h->sets; ++s) {
            assert_true(lip_handelman_violation(h, s, y, &cut) <= 1e-12);
            assert_true(row_at(h, cut, y) >= -1e-12);
        }
        for (size_t j = 1; j < h->column.count; ++j) y[j] = uniform(rng, 0, 1);
        for (size_t s = 0; s < h->sets; ++s) {
            double violation = lip_handelman_violation(h, s, y, &cut);
            assert_true(fabs(fmin(row_at(h, cut, y), 0) + violation) <= 1e-12);
            found += violation > 0;
        }
    }
    assert_true(found > 0);
    free(y);
}

/* A cut of one degree and its translation are the same polynomial. */
static void check_translation(lip_rng *rng, const lip_handelman *low, const lip_handelman *high) {
    double *y = LIP_NEW(double, low->column.count), *z = LIP_NEW(double, high->column.count);
    size_t translated = 0;
    for (size_t j = 0; j < high->column.count; ++j) z[j] = uniform(rng, 0, 1);
    for (size_t j = 0; j < low->column.count; ++j)
        y[j] = z[lip_monomial_find(&high->column, &low->column.item[j])];
    for (size_t s = 0; s < low->sets; ++s) {
        lip_handelman_cut cut, moved;
        size_t count;
        if (lip_handelman_violation(low, s, y, &cut) == 0) continue;
        assert_true(lip_handelman_translate(low, high, 1, &cut, &count, &moved));
        if (count == 0) continue;
        ++translated;
        assert_true(fabs(row_at(low, cut, y) - row_at(high, moved, z)) <= 1e-12);
    }
    assert_true(translated > 0);
    free(y);
    free(z);
}

static void test_cuts(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 33);
    const size_t one[] = {3, 5, 1}, two[] = {2, 3, 3, 1}, narrow[] = {3, 2, 1};
    for (int shape = 0; shape < 3; ++shape) {
        question q;
        lip_network *net = shape == 0   ? gaussian_chain(&rng, 2, one)
                           : shape == 1 ? gaussian_chain(&rng, 3, two)
                                        : gaussian_chain(&rng, 2, narrow);
        ask(&q, net, LIP_NORM_INF);
        lip_poly_problem *problem = problem_of(&q);
        lip_handelman *h[6] = {NULL};
        for (size_t k = 3; k < 6; ++k) check_cuts(&rng, h[k] = products_of(problem, k));
        if (shape < 2) check_translation(&rng, h[3], h[4]);
        if (shape < 2) check_translation(&rng, h[4], h[5]);
        for (size_t k = 3; k < 6; ++k) lip_handelman_free(h[k]);
        lip_poly_problem_free(problem);
        forget(&q);
    }
}

/* ---- Proofs ------------------------------------------------------------------------------ */

/* Whatever the multipliers are, what comes out is a bound, and proved to the last digits. */
static void check_any_multipliers(lip_rng *rng, const lip_handelman *h, double exact) {
    lip_handelman_cut *cut = LIP_NEW(lip_handelman_cut, h->sets);
    double *multiplier = LIP_NEW(double, h->sets), *y = LIP_NEW(double, h->column.count);
    double *rest = LIP_NEW(double, h->column.count), value, bound;
    lip_identity identity = {0};
    lip_error err;
    for (size_t j = 0; j < h->column.count; ++j) y[j] = uniform(rng, 0, 1);
    for (size_t s = 0; s < h->sets; ++s) {
        lip_handelman_violation(h, s, y, &cut[s]);
        multiplier[s] = pick(rng, 4) ? lip_rng_gaussian(rng) : 0;
    }
    assert_true(lip_handelman_complete(h, h->sets, cut, multiplier, rest, &identity, &value));
    assert_int_equal(lip_identity_prove(h->problem, &identity, &bound, &err), LIP_OK);
    assert_true(bound >= exact);
    assert_true(fabs(bound - value) <= 1e-9 * bound);
    lip_identity_clear(&identity);
    free(cut);
    free(multiplier);
    free(y);
    free(rest);
}

static void test_any_multipliers(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 34);
    const size_t one[] = {3, 5, 1}, two[] = {2, 3, 3, 1};
    for (int round = 0; round < 6; ++round) {
        question q;
        ask(&q, round % 2 ? gaussian_chain(&rng, 2, one) : gaussian_chain(&rng, 3, two),
            LIP_NORM_INF);
        lip_poly_problem *problem = problem_of(&q);
        double exact = all_patterns(q.net);
        for (size_t k = 3; k < 6; ++k) {
            lip_handelman *h = products_of(problem, k);
            check_any_multipliers(&rng, h, exact);
            lip_handelman_free(h);
        }
        lip_poly_problem_free(problem);
        forget(&q);
    }
}

/* ---- With HiGHS -------------------------------------------------------------------------- */

static lip_lp_library *open_library(void) {
    lip_lp_library *library;
    lip_error err;
    assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
    if (!library) {
        print_message("HiGHS was not found: tools/deps.sh --highs\n");
        skip();
    }
    return library;
}

static double bound_of(const question *q, const lip_lp_library *library, size_t degree) {
    lip_poly_problem *problem = problem_of(q);
    lip_lipopt_report report;
    lip_error err = {0};
    lip_identity identity = {0};
    double again;
    assert_int_equal(lip_lipopt_bound(problem, degree, library, NULL, &identity, &report, &err),
                     LIP_OK);
    assert_true(report.optimal && report.gap <= 2e-7 * report.bound);
    assert_true(fabs(report.bound - report.value) <= 1e-9 * (1 + report.bound));
    assert_int_equal(lip_identity_prove(problem, &identity, &again, &err), LIP_OK);
    assert_true(again == report.bound && identity.count == report.terms);
    for (size_t i = 0; i < identity.count; ++i) {
        assert_int_equal(identity.term[i].kind, LIP_IDENTITY_SCALAR);
        assert_true(identity.term[i].factors <= degree);
    }
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
    return report.bound;
}

/* exact <= degree 5 <= 4 <= 3; a clique that is one set makes it exact. */
static void test_degrees(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 35);
    lip_lp_library *library = open_library();
    const size_t one[] = {4, 7, 1}, two[] = {2, 4, 3, 1}, small[] = {4, 3, 1};
    for (int round = 0; round < 9; ++round) {
        question q;
        lip_network *net = round % 3 == 0   ? gaussian_chain(&rng, 2, one)
                           : round % 3 == 1 ? gaussian_chain(&rng, 3, two)
                                            : gaussian_chain(&rng, 2, small);
        ask(&q, net, LIP_NORM_INF);
        double exact = all_patterns(q.net), bound[6];
        for (size_t k = 3; k < 6; ++k) bound[k] = bound_of(&q, library, k);
        assert_true(exact <= bound[5]);
        assert_true(bound[4] <= bound[3] * (1 + 1e-6) && bound[5] <= bound[4] * (1 + 1e-6));
        if (round % 3 == 2) assert_true(bound[4] <= exact * (1 + 1e-6));
        forget(&q);
    }
    lip_lp_library_close(library);
}

static double method_value(const question *q, int degree, lip_step *step) {
    lip_settings settings;
    lip_result result = {0};
    lip_error err = {0};
    lip_settings_default(&settings);
    settings.degree = degree;
    lip_task task = {.net = q->net, .query = &q->query, .settings = &settings, .result = &result};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    task.bounds = q->bounds;
    *step = (lip_step){.side = LIP_UPPER, .value = INFINITY};
    assert_int_equal(lip_lipopt_method(&task, step, &err), LIP_OK);
    lip_statement_clear(&task.statement);
    return step->value;
}

/* Norms 1 and inf of inputs and outputs are split into parts: the largest entry, the largest row. */
static void test_parts(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 36);
    lip_lp_library *library = open_library();
    const size_t width[] = {3, 4, 2};
    question q;
    lip_step step;
    ask(&q, gaussian_chain(&rng, 2, width), LIP_NORM_INF);
    double first = method_value(&q, 3, &step);
    assert_true(step.complete);
    q.query.output.i = 1;
    double most = fmax(first, method_value(&q, 3, &step));
    q.query.output = (lip_output){LIP_OUTPUT_ALL, 0, 0};
    assert_true(method_value(&q, 3, &step) == most);
    q.query.norm_in = LIP_NORM_1;
    assert_true(method_value(&q, 3, &step) <= most && step.complete && step.value > 0);
    q.query.norm_out = LIP_NORM_1;
    assert_true(method_value(&q, 3, &step) == INFINITY && !step.complete);
    assert_non_null(strstr(step.note, "found 2 outputs"));
    forget(&q);
    lip_lp_library_close(library);
}

/* No unstable neuron, one, and none that the output reads. */
static void test_corners(void **state) {
    (void)state;
    lip_lp_library *library = open_library();
    const size_t width[] = {2, 1, 1}, none[] = {3, 1};
    const double a[] = {1, -2}, b[] = {0.5}, zero[] = {0}, two[] = {2}, row[] = {1, -2, 4};
    const double *const weight[] = {a, two}, *const dead[] = {a, zero}, *const bias[] = {b, b};
    const double *const linear[] = {row};
    lip_error err;
    question q;
    lip_network *net;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    ask(&q, net, LIP_NORM_INF);
    double bound = bound_of(&q, library, 3);
    assert_true(bound >= 6 && bound <= 6 * (1 + 1e-9));
    forget(&q);
    assert_int_equal(lip_network_create_dense(2, width, dead, bias, &net, &err), LIP_OK);
    ask(&q, net, LIP_NORM_INF);
    assert_true(bound_of(&q, library, 3) == 0);
    forget(&q);
    assert_int_equal(lip_network_create_dense(1, none, linear, bias, &net, &err), LIP_OK);
    ask(&q, net, LIP_NORM_INF);
    bound = bound_of(&q, library, 3);
    assert_true(bound >= 7 && bound <= 7 * (1 + 1e-9));
    forget(&q);
    lip_lp_library_close(library);
}

/* A deadline in the past: what needs no program, and it says so. */
static void test_watch(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 37);
    lip_lp_library *library = open_library();
    const size_t width[] = {4, 7, 1};
    question q;
    lip_error err = {0};
    lip_lipopt_report report;
    lip_watch watch = {.started = 0, .deadline = 0};
    ask(&q, gaussian_chain(&rng, 2, width), LIP_NORM_INF);
    lip_poly_problem *problem = problem_of(&q);
    assert_int_equal(lip_lipopt_bound(problem, 4, library, &watch, NULL, &report, &err), LIP_OK);
    assert_true(!report.optimal && report.bound < INFINITY);
    assert_true(report.bound >= all_patterns(q.net));
    lip_poly_problem_free(problem);
    forget(&q);
    lip_lp_library_close(library);
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static void refused(const question *q, size_t degree, size_t most, const char *why) {
    lip_poly_problem *problem = problem_of(q);
    lip_handelman *h;
    lip_error err = {0};
    assert_int_equal(lip_handelman_create(problem, degree, most, &h, &err), LIP_UNSUPPORTED);
    assert_null(h);
    assert_non_null(strstr(err.message, why));
    lip_poly_problem_free(problem);
}

static void test_refusals(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 38);
    const size_t one[] = {20, 20, 1}, two[] = {3, 4, 4, 1}, wide[] = {300, 300, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, one), LIP_NORM_INF);
    refused(&q, 3, 39519, "39520 products, more than the limit of 39519");
    refused(&q, 9, 0, "from 2 to 8");
    q.query.norm_in = LIP_NORM_2;
    refused(&q, 3, 0, "expected the input norm inf or 1, found 2");
    forget(&q);
    ask(&q, gaussian_chain(&rng, 3, two), LIP_NORM_INF);
    refused(&q, 2, 0, "from 3 to 8 for an objective of degree 3, found --degree 2");
    forget(&q);
    ask(&q, gaussian_chain(&rng, 2, wide), LIP_NORM_INF);
    refused(&q, 3, 0, "LipOpt-3 needs at least 143");
    refused(&q, 8, 0, "LipOpt-8 needs at least");
    forget(&q);
}

/* ---- Memory ------------------------------------------------------------------------------ */

static lip_status everything(const lip_poly_problem *problem, lip_error *err) {
    lip_handelman *low = NULL, *high = NULL;
    lip_identity identity = {0};
    char *text = NULL;
    size_t size, count;
    lip_status status = lip_handelman_create(problem, 3, 0, &low, err);
    if (status == LIP_OK) status = lip_handelman_create(problem, 4, 0, &high, err);
    if (status == LIP_OK) {
        lip_handelman_cut cut = {0, 0, 0}, moved;
        double multiplier = 1, value, *rest = LIP_NEW(double, low->column.count);
        bool ok = rest &&
                  lip_handelman_complete(low, 1, &cut, &multiplier, rest, &identity, &value) &&
                  lip_handelman_translate(low, high, 1, &cut, &count, &moved);
        free(rest);
        status = ok ? lip_handelman_mps(low, "title", &text, &size, err) : LIP_OUT_OF_MEMORY;
        err->status = status;
    }
    free(text);
    lip_identity_clear(&identity);
    lip_handelman_free(low);
    lip_handelman_free(high);
    return status;
}

static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 39);
    const size_t width[] = {2, 2, 2, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 3, width), LIP_NORM_INF);
    lip_poly_problem *problem = problem_of(&q);
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long k = 1; status != LIP_OK; ++k) {
        lip_error err = {0};
        allocation_begin(k);
        status = everything(problem, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        if (status == LIP_OK) assert_true(count.calls < k);
    }
    lip_poly_problem_free(problem);
    forget(&q);
}

/* The same with the solver, which has memory of its own. */
static void test_solver_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 40);
    lip_lp_library *library = open_library();
    const size_t width[] = {2, 3, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), LIP_NORM_INF);
    lip_poly_problem *problem = problem_of(&q);
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long k = 1; status != LIP_OK && k < 20000; ++k) {
        lip_lipopt_report report;
        lip_error err = {0};
        allocation_begin(k);
        status = lip_lipopt_bound(problem, 4, library, NULL, NULL, &report, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
    }
    assert_int_equal(status, LIP_OK);
    lip_poly_problem_free(problem);
    forget(&q);
    lip_lp_library_close(library);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),        cmocka_unit_test(test_small_cliques),
        cmocka_unit_test(test_cuts),          cmocka_unit_test(test_any_multipliers),
        cmocka_unit_test(test_degrees),       cmocka_unit_test(test_parts),
        cmocka_unit_test(test_corners),       cmocka_unit_test(test_watch),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_memory),
        cmocka_unit_test(test_solver_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
