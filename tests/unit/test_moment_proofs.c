/* Proofs of moment relaxations that must not go through, what is refused, DSDP on programs with known
 * answers, and allocations that fail. */
#include "allocation.h"
#include "moments.h"

#include "base/memory.h"
#include "region/region.h"
#include "relax/lifted_bound.h"
#include "relax/moment_bound.h"

/* ---- Text -------------------------------------------------------------------------------- */

/* |z| = max(z, 0) + max(-z, 0) in one variable: the ring, written out.  The rest of the format is lipcheck's to read
 * (tests/oracle/test_published.py). */
static void test_text(void **state) {
    (void)state;
    static const double w0[] = {1, -1}, w1[] = {1, 1}, none[] = {0, 0};
    const double *weight[] = {w0, w1}, *bias[] = {none, none};
    static const size_t width[] = {1, 2, 1};
    static const char start[] = "statement identity 1\npart cube fixed 0\nroles 1 uu\n"
                                "values 1 zz\nleast 1 -0x1.";
    lip_network *net;
    lip_error err;
    question q;
    lip_settings settings;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    ask(&q, net, 1);
    lip_settings_default(&settings);
    lip_task task = {.net = q.net, .query = &q.query, .settings = &settings, .bounds = q.bounds};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    assert_int_equal(lip_hr1_method(&task, &step, &err), LIP_OK);
    const lip_text *text = &task.statement.text;
    assert_true(task.statement.uses_bounds && text->size > sizeof start);
    assert_memory_equal(text->bytes, start, sizeof start - 1);
    assert_true(step.value >= 1 && step.value < 2.1);
    lip_statement_clear(&task.statement);
    forget(&q);
}

/* ---- Proofs that must fail --------------------------------------------------------------- */

static void test_wrong_identities(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 16);
    const size_t width[] = {2, 3, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    lip_identity identity = {0};
    lip_moment_report report;
    lip_error err = {0};
    double bound;
    assert_int_equal(
        lip_moment_bound(problem, LIP_HIERARCHY_SHOR, 1, NULL, &identity, &report, &err), LIP_OK);
    assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
    assert_true(bound == report.bound && bound > 0);
    int grams = 0, scalars = 0;
    for (size_t k = 0; k < identity.count; ++k) {
        lip_identity_term *term = &identity.term[k];
        double kept = term->number[0];
        if (term->kind == LIP_IDENTITY_ZERO) continue;
        ++*(term->kind == LIP_IDENTITY_GRAM ? &grams : &scalars);
        /* one number made negative: no bound; one number made larger: a worse bound, not a better
         * one */
        term->number[0] = -1e-9;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_true(bound == INFINITY);
        term->number[0] = NAN;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_true(bound == INFINITY);
        term->number[0] = kept;
    }
    assert_true(grams > 0 && scalars > 0);
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* Factors that the problem lacks, and terms of too large a degree, prove nothing. */
static void test_malformed_identities(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 26);
    const size_t width[] = {2, 3, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_HR1);
    size_t u = problem->first[LIP_RING_U], last = problem->variables;
    const lip_factor on = {LIP_FACTOR_ON, u}, square = {LIP_FACTOR_SQUARE, 0};
    const lip_factor wrong[][5] = {{{LIP_FACTOR_PLUS, u}},
                                   {{LIP_FACTOR_ON, 0}},
                                   {{LIP_FACTOR_OFF, last}},
                                   {{LIP_FACTOR_TBALL, 0}},
                                   {{LIP_FACTOR_WBALL, 0}},
                                   {{LIP_FACTOR_XBALL, 0}},
                                   {{LIP_FACTOR_ABOVE, problem->gates}},
                                   {{LIP_FACTOR_STATE, 0}}, /* nothing reads h */
                                   {{LIP_FACTOR_BASE, 0}},
                                   {{LIP_FACTORS, 0}},
                                   {square, square, square, square, on}};
    const size_t count = sizeof wrong / sizeof *wrong;
    for (size_t k = 0; k < count + 2; ++k) {
        lip_identity identity = {0};
        lip_error err = {0};
        double bound = 0, claim = 0;
        size_t factors = k < count - 1 ? 1 : 5;
        if (k == count) factors = 1; /* the right ones: a bound */
        if (k == count + 1) factors = 4;
        const lip_factor right[4] = {square, square, square, on};
        lip_identity_term *term = lip_identity_add(&identity, LIP_IDENTITY_SCALAR, factors,
                                                   k < count ? wrong[k] : right, 0);
        assert_non_null(term);
        term->number[0] = 1;
        assert_int_equal(lip_identity_claim(problem, &identity, &bound, &claim, &err), LIP_OK);
        assert_int_equal(bound < INFINITY, k >= count);
        assert_true(bound <= claim);
        lip_identity_clear(&identity);
    }
    lip_poly_problem_free(problem);
    forget(&q);
}

/* What cancels is paid for in the claim: .3 t u - .3 t u and its like are 0 here, but not to a checker
 * that pays for every operation.  What is exact to everybody stays as it is. */
static void test_claims(void **state) {
    (void)state;
    lip_poly f = {0};
    lip_monomial t = lip_monomial_variable(0), one = lip_monomial_one();
    lip_poly_sum sum = {0};
    assert_true(lip_poly_append(&f, &t, 0.3, 0) && lip_poly_sum_add(&sum, 1, &one, &f, NULL));
    double bound = lip_poly_sum_bound(&sum);
    assert_true(bound >= 0.3 && lip_poly_sum_claim(&sum) - bound <= 1e-15);
    assert_true(lip_poly_sum_add(&sum, -1, &one, &f, NULL));
    assert_true(lip_poly_sum_claim(&sum) >= 0x1p-52 * 0.3);
    assert_true(lip_poly_sum_claim(&sum) <= 1e-14);
    lip_poly_sum_clear(&sum);
    /* the same within one polynomial: the term goes, its cost stays, also in products */
    lip_poly g = {0};
    assert_true(lip_poly_append_scaled(&g, 2, 0, &f) && lip_poly_append_scaled(&g, -2, 0, &f));
    lip_poly_gather(&g);
    assert_true(g.count == 0 && g.loose >= 0x1p-52 * 1.2);
    assert_true(lip_poly_multiply(&g, &g, &f, NULL));
    assert_true(g.count == 0 && g.loose >= 0x1p-52 * 0.36);
    lip_poly_clear(&g);
    lip_poly_clear(&f);
}

/* An indefinite matrix just beyond the boundary is refused, a semidefinite one with some room is
 * not. */
static void test_semidefinite(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 17);
    const size_t width[] = {2, 1, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), 0);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    for (int sign = -1; sign <= 1; sign += 2) {
        lip_identity identity = {0};
        double bound;
        lip_error err;
        lip_identity_term *term = lip_identity_add(&identity, LIP_IDENTITY_GRAM, 0, NULL, 2);
        assert_non_null(term);
        term->basis[1] = lip_monomial_variable(0);
        term->number[0] = term->number[3] = 1 + sign * 1e-13;
        term->number[2] = 1;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_int_equal(bound<INFINITY, sign> 0);
        lip_identity_clear(&identity);
    }
    lip_poly_problem_free(problem);
    forget(&q);
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static void refused(const question *q, lip_hierarchy hierarchy, size_t order, const char *why) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_relaxation *r = NULL;
    lip_error err = {0};
    assert_int_equal(lip_relaxation_create(problem, hierarchy, order, &r, &err), LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, why));
    lip_poly_problem_free(problem);
}

/* What is small enough to be listed, but not to be solved. */
static void refused_program(const question *q, lip_hierarchy hierarchy, const char *why) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_relaxation *r = NULL;
    lip_sdp sdp = {0};
    lip_error err = {0};
    double constant;
    assert_int_equal(lip_relaxation_create(problem, hierarchy, 1, &r, &err), LIP_OK);
    assert_int_equal(lip_relaxation_assemble(r, 1, &sdp, &constant, &err), LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, why));
    lip_sdp_clear(&sdp);
    lip_relaxation_free(r);
    lip_poly_problem_free(problem);
}

static void test_refusals(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 18);
    const size_t two[] = {2, 3, 3, 1}, deep[] = {4, 9, 9, 9, 1}, wide[] = {10, 60, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 3, two), 0);
    refused(&q, LIP_HIERARCHY_SHOR, 1, "at most 1 layers of unstable ReLUs on a path, found 2");
    refused(&q, LIP_HIERARCHY_LASSERRE, 1, "expected an order from 2");
    refused(&q, LIP_HIERARCHY_LASSERRE, 5, "to 4, found 5");
    forget(&q);
    ask(&q, gaussian_chain(&rng, 4, deep), 0);
    refused_program(&q, LIP_HIERARCHY_HR1, "at most 8000 free multipliers");
    forget(&q);
    ask(&q, gaussian_chain(&rng, 2, wide), 0);
    refused(&q, LIP_HIERARCHY_LASSERRE, 3, "entries of Gram matrices");
    forget(&q);
}

/* ---- DSDP -------------------------------------------------------------------------------- */

/* minimise y1 + y2  subject to  [y1 1; 1 y2] >= 0,  y1 >= 0: the value is 2. */
static void small_program(lip_sdp *sdp) {
    const lip_sdp_entry entry[] = {{0, 0, 1, 0, 1}, {1, 0, 0, 0, -1}, {2, 0, 1, 1, -1}};
    *sdp = (lip_sdp){.variables = 2, .blocks = 1, .entries = 3};
    sdp->cost = LIP_NEW(double, 2);
    sdp->nonnegative = LIP_NEW(bool, 2);
    sdp->order = LIP_NEW(size_t, 1);
    sdp->entry = LIP_NEW(lip_sdp_entry, 3);
    sdp->cost[0] = sdp->cost[1] = 1;
    sdp->nonnegative[0] = true;
    sdp->order[0] = 2;
    memcpy(sdp->entry, entry, sizeof entry);
}

static void test_dsdp(void **state) {
    (void)state;
    lip_sdp sdp;
    lip_error err;
    double y[2], x0[4] = {0};
    double *x[1] = {x0};
    small_program(&sdp);
    lip_sdp_answer answer = {.y = y, .x = x};
    assert_int_equal(lip_dsdp_solve(&sdp, 1e-9, NULL, &answer, &err), LIP_OK);
    assert_true(answer.optimal && fabs(answer.value - 2) < 1e-6);
    assert_true(fabs(y[0] - 1) < 1e-3 && fabs(y[1] - 1) < 1e-3);
    assert_true(fabs(x0[0] - 1) < 1e-3 && fabs(x0[1] + 1) < 1e-3 && x0[1] == x0[2]);
    lip_sdp_clear(&sdp);
}

/* The exported program is the one that is solved: its numbers, read back, give the same value. */
static void test_export(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 21);
    const size_t width[] = {2, 3, 1};
    question q;
    lip_relaxation *r;
    lip_error err = {0};
    char *text;
    size_t size, variables, blocks;
    ask(&q, gaussian_chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    assert_int_equal(lip_relaxation_create(problem, LIP_HIERARCHY_SHOR, 1, &r, &err), LIP_OK);
    assert_int_equal(lip_relaxation_sdpa(r, "a title", &text, &size, &err), LIP_OK);
    char *copy = LIP_NEW(char, size + 1);
    memcpy(copy, text, size);
    assert_true(strncmp(copy, "* a title\n* bound", 17) == 0);
    int exponent, used;
    double constant;
    assert_int_equal(sscanf(copy,
                            "* a title\n* bound = (value + constant) * 2^%d, constant = %lf%n",
                            &exponent, &constant, &used),
                     2);
    const char *at = copy + used;
    assert_int_equal(sscanf(at, "%zu %zu%n", &variables, &blocks, &used), 2);
    assert_int_equal(blocks, 2); /* the moment matrix and the signs */
    at += used;
    long order, signs;
    assert_int_equal(sscanf(at, "%ld %ld%n", &order, &signs, &used), 2);
    at += used;
    assert_true(signs < 0);
    lip_sdp sdp = {.variables = variables, .blocks = 1};
    sdp.cost = LIP_NEW(double, variables);
    sdp.nonnegative = LIP_NEW(bool, variables);
    sdp.order = LIP_NEW(size_t, 1);
    sdp.order[0] = (size_t)order;
    sdp.entry = LIP_NEW(lip_sdp_entry, size);
    for (size_t k = 0; k < variables; ++k, at += used)
        assert_int_equal(sscanf(at, "%lf%n", &sdp.cost[k], &used), 1);
    unsigned k, block, i, j;
    double value;
    for (; sscanf(at, "%u %u %u %u %lf%n", &k, &block, &i, &j, &value, &used) == 5; at += used)
        if (block == 1)
            sdp.entry[sdp.entries++] = (lip_sdp_entry){k, 0, j - 1, i - 1, -value};
        else
            sdp.nonnegative[k - 1] = true;
    double *y = LIP_NEW(double, variables), bound = bound_of(&q, LIP_HIERARCHY_SHOR, 1);
    lip_sdp_answer answer = {.y = y};
    assert_int_equal(lip_dsdp_solve(&sdp, 1e-9, NULL, &answer, &err), LIP_OK);
    assert_true(fabs(ldexp(answer.value + constant, exponent) - bound) <= 1e-6 * bound);
    free(y);
    free(copy);
    free(text);
    lip_sdp_clear(&sdp);
    lip_relaxation_free(r);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* A watch that has expired: no answer, but an orderly end. */
static void test_watch(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 19);
    const size_t width[] = {4, 6, 1};
    question q;
    lip_error err = {0};
    lip_moment_report report;
    lip_watch watch = {.started = 0, .deadline = 0};
    ask(&q, gaussian_chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_HR2);
    assert_int_equal(lip_moment_bound(problem, LIP_HIERARCHY_HR2, 2, &watch, NULL, &report, &err),
                     LIP_OK);
    assert_true(!report.optimal && report.iterations < 5);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Every allocation up to some number, which covers building and assembling; then every 13th. */
static void every_failure(const question *q, lip_hierarchy hierarchy) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long k = 1; status != LIP_OK && k < 20000; k += k < 200 ? 1 : 13) {
        lip_moment_report report;
        lip_error err = {0};
        allocation_begin(k);
        status = lip_moment_bound(problem, hierarchy, 2, NULL, NULL, &report, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        if (status == LIP_OK) assert_true(count.calls < k);
    }
    assert_int_equal(status, LIP_OK);
    lip_poly_problem_free(problem);
}

/* The same for a method, which writes its proof. */
static void every_failed_method(const question *q, lip_method_fn method) {
    lip_settings settings;
    lip_status status = LIP_OUT_OF_MEMORY;
    lip_settings_default(&settings);
    for (long k = 1; status != LIP_OK && k < 20000; k += k < 50 ? 1 : 13) {
        lip_result result = {0};
        lip_error err = {0};
        lip_task task = {.net = q->net,
                         .query = &q->query,
                         .settings = &settings,
                         .result = &result,
                         .bounds = q->bounds};
        task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
        lip_step step = {.side = LIP_UPPER, .value = INFINITY};
        allocation_begin(k);
        status = method(&task, &step, &err);
        if (status == LIP_OK && task.statement.text.failed) status = LIP_OUT_OF_MEMORY;
        if (status == LIP_OK) assert_true(step.value < INFINITY && task.statement.text.size > 0);
        lip_statement_clear(&task.statement);
        assert_int_equal(allocation_end().live, 0);
    }
    assert_int_equal(status, LIP_OK);
}

static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 20);
    const size_t two[] = {1, 1, 2, 1}, one[] = {1, 2, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 3, two), 2);
    every_failure(&q, LIP_HIERARCHY_HR1);
    every_failure(&q, LIP_HIERARCHY_HR2);
    every_failed_method(&q, lip_hr2_blocks_method);
    every_failed_method(&q, lip_lasserre_method);
    forget(&q);
    ask(&q, gaussian_chain(&rng, 2, one), 0);
    every_failure(&q, LIP_HIERARCHY_LASSERRE);
    forget(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_identities),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_wrong_identities),
        cmocka_unit_test(test_semidefinite),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_dsdp),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
