/* lip_bound_margins: the matrix and its parts agree, interruption after any number of looks, time, refusals,
 * and any allocation failing. */
#include "allocation.h"
#include "support.h"

enum { OUTPUTS = 4, PAIRS = 6 };

static lip_settings quick(void) {
    lip_settings s;
    lip_settings_default(&s);
    s.samples = 32;
    s.starts = 4;
    s.steps = 20;
    s.sweeps = 1;
    s.rounds = 1;
    return s;
}

typedef struct subject {
    lip_network *net;
    lip_region *region;
    lip_query query;
} subject;

static subject create(uint64_t seed, lip_norm norm) {
    subject s;
    lip_rng rng;
    lip_error err;
    double centre[3] = {0};
    lip_rng_seed(&rng, seed);
    s.net = random_network(&rng, 3, 2, 6, OUTPUTS);
    assert_int_equal(lip_region_box_around(3, centre, 0.7, -INFINITY, INFINITY, &s.region, &err),
                     LIP_OK);
    s.query = (lip_query){norm, norm, {LIP_OUTPUT_ALL, 0, 0}, s.region, NULL};
    return s;
}

static void destroy(subject *s) {
    lip_region_free(s->region);
    lip_network_free(s->net);
}

/* What must hold of every answer, whatever happened. */
static void check_matrix(const lip_margins *a) {
    double lower = 0, upper = 0;
    assert_int_equal(a->outputs, OUTPUTS);
    assert_int_equal(a->pairs, PAIRS);
    for (size_t i = 0; i < OUTPUTS; ++i)
        for (size_t j = 0; j < OUTPUTS; ++j) {
            double lo = a->lower[i * OUTPUTS + j], hi = a->upper[i * OUTPUTS + j];
            assert_true(lo == a->lower[j * OUTPUTS + i] && hi == a->upper[j * OUTPUTS + i]);
            assert_true(lo <= hi && isfinite(hi));
            if (i == j) assert_true(hi == 0);
            lower = fmax(lower, lo);
            upper = fmax(upper, hi);
            if (i >= j) continue;
            const lip_result *r = a->result[lip_margin_number(OUTPUTS, i, j)];
            assert_true(r->lower == lo && r->upper == hi && r->steps <= 32);
            assert_int_equal(r->witness_x != NULL, lo > 0);
        }
    assert_true(a->largest_lower == lower && a->largest_upper == upper);
    assert_true(a->result[a->lower_pair]->lower == lower);
    assert_true(a->result[a->upper_pair]->upper == upper);
}

static void test_numbers_of_pairs(void **state) {
    (void)state;
    for (size_t m = 2; m < 40; ++m) {
        size_t k = 0;
        for (size_t i = 0; i < m; ++i)
            for (size_t j = i + 1; j < m; ++j) assert_int_equal(lip_margin_number(m, i, j), k++);
        assert_int_equal(k, m * (m - 1) / 2);
    }
}

/* What auto stands for here, without what it ends with in single calls. */
static const char methods[] = "product,interval,lbs,search,tangent,hr2";

/* Uppers are those of single calls; a lower bound of any kind stays below every upper one. */
static void test_single_calls_agree(void **state) {
    (void)state;
    lip_settings settings = quick();
    lip_error err;
    for (uint64_t seed = 0; seed < 12; ++seed) {
        subject s = create(900 + seed, (lip_norm)(1 + seed % 3));
        lip_margins *a;
        assert_int_equal(
            lip_bound_margins(s.net, &s.query, methods, &settings, NULL, NULL, &a, &err), LIP_OK);
        check_matrix(a);
        assert_int_equal(a->stop, LIP_FINISHED);
        for (size_t i = 0; i < OUTPUTS; ++i)
            for (size_t j = i + 1; j < OUTPUTS; ++j) {
                lip_query query = s.query;
                lip_result *r, *mine = a->result[lip_margin_number(OUTPUTS, i, j)];
                double lo, hi;
                bool decided;
                query.output = (lip_output){LIP_OUTPUT_MARGIN, i, j};
                assert_int_equal(lip_bound(s.net, &query, methods, &settings, NULL, NULL, &r, &err),
                                 LIP_OK);
                assert_true(mine->upper <= r->upper && mine->lower <= r->upper * (1 + 1e-12));
                assert_true(r->lower <= mine->upper);
                lip_result_free(r);
                if (!mine->witness_x) continue;
                assert_int_equal(
                    lip_gradient_norm(s.net, &query, mine->witness_x, &lo, &hi, &decided, &err),
                    LIP_OK);
                if (decided) assert_true(lo >= mine->lower * (1 - 1e-12) && hi >= mine->lower);
            }
        lip_margins_free(a);
        destroy(&s);
    }
}

static void test_same_seed_same_bits(void **state) {
    (void)state;
    lip_settings settings = quick();
    lip_error err;
    subject s = create(77, LIP_NORM_INF);
    lip_margins *a, *b;
    assert_int_equal(lip_bound_margins(s.net, &s.query, NULL, &settings, NULL, NULL, &a, &err),
                     LIP_OK);
    assert_int_equal(lip_bound_margins(s.net, &s.query, NULL, &settings, NULL, NULL, &b, &err),
                     LIP_OK);
    assert_memory_equal(a->lower, b->lower, OUTPUTS * OUTPUTS * sizeof(double));
    assert_memory_equal(a->upper, b->upper, OUTPUTS * OUTPUTS * sizeof(double));
    lip_margins_free(a);
    lip_margins_free(b);
    destroy(&s);
}

typedef struct stopper {
    int calls, stop_at;
} stopper;

static bool stop_soon(const lip_progress *progress, void *user) {
    stopper *s = user;
    assert_true(progress->lower <= progress->upper);
    return ++s->calls >= s->stop_at;
}

/* Interrupted after any number of looks every margin has an upper bound and a certificate. */
static void test_interruption_keeps_bounds(void **state) {
    (void)state;
    lip_settings settings = quick();
    lip_error err;
    subject s = create(62, LIP_NORM_2);
    bool finished = false;
    for (int k = 1; !finished && k < 100000; k += 1 + k / 10) {
        stopper user = {0, k};
        lip_margins *a;
        assert_int_equal(
            lip_bound_margins(s.net, &s.query, NULL, &settings, stop_soon, &user, &a, &err),
            LIP_OK);
        check_matrix(a);
        finished = a->stop == LIP_FINISHED;
        if (!finished) assert_int_equal(a->stop, LIP_INTERRUPTED);
        for (size_t p = 0; p < PAIRS; ++p) {
            lip_query query = s.query;
            char *text;
            size_t size;
            query.output = (lip_output){LIP_OUTPUT_MARGIN, 0, 1};
            assert_int_equal(lip_certificate(s.net, &query, a->result[p], &text, &size, &err),
                             LIP_OK);
            free(text);
        }
        lip_margins_free(a);
    }
    assert_true(finished);
    destroy(&s);
}

static void test_no_time_is_no_failure(void **state) {
    (void)state;
    lip_settings settings = quick();
    lip_error err;
    lip_margins *a;
    subject s = create(63, LIP_NORM_INF);
    settings.time_limit = 0;
    assert_int_equal(lip_bound_margins(s.net, &s.query, NULL, &settings, NULL, NULL, &a, &err),
                     LIP_OK);
    check_matrix(a);
    assert_int_equal(a->stop, LIP_OUT_OF_TIME);
    lip_margins_free(a);
    destroy(&s);
}

static void refused(const lip_network *net, const lip_query *query, const char *names,
                    const char *fragment) {
    lip_error err;
    lip_margins *a = NULL;
    assert_int_equal(lip_bound_margins(net, query, names, NULL, NULL, NULL, &a, &err),
                     LIP_ARGUMENT);
    assert_null(a);
    if (!strstr(err.message, fragment)) fail_msg("'%s' lacks '%s'", err.message, fragment);
}

static void test_bad_questions_are_refused(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 64);
    lip_network *one = random_network(&rng, 3, 1, 4, 1), *many = random_network(&rng, 3, 1, 4, 129);
    subject s = create(65, LIP_NORM_2);
    refused(one, &s.query, NULL, "at least two outputs");
    refused(many, &s.query, NULL, "128 outputs");
    refused(s.net, &s.query, "magic", "unknown method 'magic'");
    s.query.norm_in = (lip_norm)7;
    refused(s.net, &s.query, NULL, "norm 1, 2 or inf");
    lip_network_free(one);
    lip_network_free(many);
    destroy(&s);
}

static lip_status few_methods(const subject *s, lip_margins **answer, lip_error *err) {
    lip_settings settings = quick();
    settings.samples = 1;
    return lip_bound_margins(s->net, &s->query, "product,interval,lbs", &settings, NULL, NULL,
                             answer, err);
}

/* The k-th allocation fails, for every k: out of memory, or the failure made no difference (what could
 * not be written down was not needed in the end). */
static void test_every_allocation(void **state) {
    (void)state;
    lip_error err;
    subject s = create(66, LIP_NORM_2);
    lip_margins *right;
    long noticed = 0;
    allocation_begin(0);
    assert_int_equal(few_methods(&s, &right, &err), LIP_OK);
    long total = allocation_end().calls;
    for (long fail_at = 1; fail_at <= total; ++fail_at) {
        lip_margins *a = NULL;
        bool same = true;
        allocation_begin(fail_at);
        lip_status status = few_methods(&s, &a, &err);
        for (size_t k = 0; a && k < (size_t)OUTPUTS * OUTPUTS; ++k)
            same = same && a->lower[k] == right->lower[k] && a->upper[k] == right->upper[k];
        lip_margins_free(a);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        assert_true(status == LIP_OUT_OF_MEMORY || (status == LIP_OK && same));
        noticed += status == LIP_OUT_OF_MEMORY;
    }
    assert_true(total > 100 && noticed > 9 * total / 10);
    lip_margins_free(right);
    destroy(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_of_pairs),
                                       cmocka_unit_test(test_single_calls_agree),
                                       cmocka_unit_test(test_same_seed_same_bits),
                                       cmocka_unit_test(test_interruption_keeps_bounds),
                                       cmocka_unit_test(test_no_time_is_no_failure),
                                       cmocka_unit_test(test_bad_questions_are_refused),
                                       cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
