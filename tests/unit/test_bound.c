/* lip_bound: bounds bracket dense sampling, determinism, interruption, time, refusals, exact scaling. */
#include "support.h"

#include <fenv.h>

#include "region/region.h"

static lip_settings quick(void) {
    lip_settings s;
    lip_settings_default(&s);
    s.samples = 64;
    s.starts = 4;
    s.steps = 20;
    s.sweeps = 1;
    s.rounds = 1;
    return s;
}

static lip_result *bound(const lip_network *net, const lip_query *q, const char *methods) {
    lip_settings s = quick();
    lip_result *r = NULL;
    lip_error err;
    lip_status status = lip_bound(net, q, methods, &s, NULL, NULL, &r, &err);
    if (status != LIP_OK) fail_msg("%s", err.message);
    return r;
}

static void test_lower_meets_upper_in_order(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 60);
    for (int i = 0; i < 60; ++i) {
        lip_network *net =
            i % 12 == 11 ? random_conv_network(&rng) : random_network(&rng, 3, 2, 6, 3);
        size_t n = lip_inputs(net);
        bool wide = n > 10;
        double *c = calloc(n, sizeof *c);
        lip_region *region;
        lip_error err;
        if (i % 3 == 0)
            lip_region_everywhere(n, &region, &err);
        else if (i % 3 == 1)
            lip_region_box_around(n, c, 0.5, -INFINITY, INFINITY, &region, &err);
        else
            lip_region_ball(n, c, 0.5, &region, &err);
        lip_output outputs[] = {
            {LIP_OUTPUT_ROW, 1, 0}, {LIP_OUTPUT_MARGIN, 0, 2}, {LIP_OUTPUT_ALL, 0, 0}};
        for (int o = 0; o < 3; ++o)
            for (int p = 1; p <= 3; ++p)
                for (int q = 1; q <= 3; ++q) {
                    lip_query query = {(lip_norm)p, (lip_norm)q, outputs[o], region, NULL};
                    /* norm 1 on 60 inputs is 60 semidefinite programs: not for the wide network */
                    lip_result *r = bound(net, &query, wide ? "product,interval,lbs,ascent" : NULL);
                    /* auto leaves out what comes after the bounds have met */
                    assert_true(wide ? r->steps == 4 : r->steps >= 1 && r->steps <= 7);
                    assert_true(r->lower <= r->upper && isfinite(r->upper));
                    for (size_t s = 0; s < r->steps; ++s) {
                        /* what a method cannot do it says */
                        assert_true(r->step[s].complete || r->step[s].note[0]);
                        assert_true(r->step[s].evidence == LIP_PROVED);
                        if (r->step[s].side == LIP_UPPER)
                            assert_true(r->step[s].value >= r->upper);
                        else
                            assert_true(r->step[s].value <= r->lower);
                    }
                    double lo, hi; /* the witness confirms the lower bound */
                    bool decided;
                    assert_int_equal(r->witness_x != NULL, r->lower > 0);
                    if (!r->witness_x) {
                        lip_result_free(r);
                        continue;
                    }
                    assert_int_equal(
                        lip_gradient_norm(net, &query, r->witness_x, &lo, &hi, &decided, &err),
                        LIP_OK);
                    if (decided) assert_true(lo >= r->lower * (1 - 1e-12) && hi >= r->lower);
                    assert_true(lip_region_contains(region, r->witness_x));
                    lip_result_free(r);
                }
        lip_region_free(region);
        lip_network_free(net);
        free(c);
    }
}

static void test_same_seed_same_bits(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 61);
    lip_network *net = random_network(&rng, 4, 3, 8, 2);
    lip_region *region;
    lip_error err;
    lip_region_everywhere(4, &region, &err);
    lip_query q = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    const char *lists[][2] = {{"auto", "auto"},
                              {"product,interval,lbs,ascent,search,tangent,exact",
                               "tangent,exact,search,ascent,lbs,interval,product"}};
    for (int i = 0; i < 2; ++i) {
        lip_result *a = bound(net, &q, lists[i][0]), *b = bound(net, &q, lists[i][1]);
        assert_true(a->lower == b->lower && a->upper == b->upper);
        assert_memory_equal(a->witness_x, b->witness_x, 4 * sizeof(double));
        lip_result_free(a);
        lip_result_free(b);
    }
    lip_region_free(region);
    lip_network_free(net);
}

typedef struct stopper {
    int calls, stop_at;
} stopper;
static bool stop_soon(const lip_progress *progress, void *user) {
    stopper *s = user;
    assert_true(progress->lower <= progress->upper);
    return ++s->calls >= s->stop_at;
}

/* Nothing is left if the bounds have met; else every method that was cut short is, which the interruption did, and what
 * was left is no method that has done its work. */
static void check_unfinished(const lip_result *r, double gap) {
    bool met = r->upper <= r->lower * (1 + gap);
    if (met || r->stop == LIP_FINISHED) assert_int_equal(r->unfinished_count, 0);
    if (!met && r->stop != LIP_FINISHED) assert_true(r->unfinished_count > 0);
    for (size_t i = 0; i < r->unfinished_count; ++i)
        for (size_t s = 0; s < r->steps; ++s)
            if (strcmp(r->step[s].method, r->unfinished[i].method) == 0)
                assert_false(r->step[s].complete);
    for (size_t s = 0; s < r->steps; ++s) {
        size_t i = 0;
        while (i < r->unfinished_count && strcmp(r->step[s].method, r->unfinished[i].method) != 0)
            ++i;
        if (!r->step[s].complete && !met) assert_true(i < r->unfinished_count);
    }
}

/* Interrupted after any number of looks, the result is a result. */
static void test_interruption_keeps_bounds(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 62);
    lip_network *net = random_network(&rng, 4, 3, 8, 2);
    lip_region *region;
    lip_error err;
    double c[4] = {0};
    lip_region_box_around(4, c, 1, -INFINITY, INFINITY, &region, &err);
    lip_query q = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    lip_settings s = quick();
    bool finished = false;
    double last_upper = INFINITY, last_lower = 0;
    for (int k = 1; !finished && k < 100000; k += 1 + k / 20) {
        stopper user = {0, k};
        lip_result *r = NULL;
        assert_int_equal(lip_bound(net, &q, NULL, &s, stop_soon, &user, &r, &err), LIP_OK);
        finished = r->stop == LIP_FINISHED;
        if (!finished) assert_true(r->stop == LIP_INTERRUPTED);
        assert_true(r->lower <= r->upper);
        assert_true(r->upper <= last_upper && r->lower >= last_lower); /* later is never worse */
        check_unfinished(r, s.gap);
        last_upper = r->upper;
        last_lower = r->lower;
        lip_result_free(r);
    }
    assert_true(finished);
    lip_region_free(region);
    lip_network_free(net);
}

static void test_no_time_is_no_failure(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 63);
    lip_network *net = random_network(&rng, 2, 2, 4, 1);
    lip_region *region;
    lip_error err;
    lip_region_everywhere(2, &region, &err);
    lip_query q = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    lip_settings s = quick();
    s.time_limit = 0;
    lip_result *r;
    assert_int_equal(lip_bound(net, &q, NULL, &s, NULL, NULL, &r, &err), LIP_OK);
    assert_true(r->stop == LIP_OUT_OF_TIME && r->lower == 0 && isfinite(r->upper));
    assert_null(r->witness_x);
    lip_result_free(r);
    lip_region_free(region);
    lip_network_free(net);
}

static void test_bad_questions_are_refused(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 64);
    lip_network *net = random_network(&rng, 2, 2, 4, 2);
    lip_region *region, *other;
    lip_error err;
    lip_region_everywhere(2, &region, &err);
    lip_region_everywhere(3, &other, &err);
    const struct {
        lip_query query;
        const char *methods, *fragment;
    } cases[] = {
        {{(lip_norm)7, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL}, NULL, "norm 1, 2 or inf"},
        {{LIP_NORM_2, (lip_norm)0, {LIP_OUTPUT_ALL, 0, 0}, region, NULL}, NULL, "norm 1, 2 or inf"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 2, 0}, region, NULL},
         NULL,
         "output from 0 to 1, found 2"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_MARGIN, 0, 5}, region, NULL}, NULL, "found 5"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_MARGIN, 1, 1}, region, NULL},
         NULL,
         "two different outputs"},
        {{LIP_NORM_2, LIP_NORM_2, {(lip_output_kind)9, 1, 1}, region, NULL}, NULL, "unknown kind"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, NULL, NULL}, NULL, "region"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, other, NULL}, NULL, "dimension 3"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL},
         "magic",
         "unknown method 'magic'"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL},
         "lbs,",
         "unknown method ''"},
        {{LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL},
         "shor",
         "one hidden layer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        lip_result *r = NULL;
        lip_status status =
            lip_bound(net, &cases[i].query, cases[i].methods, NULL, NULL, NULL, &r, &err);
        assert_int_equal(status, LIP_ARGUMENT);
        assert_null(r);
        if (!strstr(err.message, cases[i].fragment))
            fail_msg("case %zu: '%s' lacks '%s'", i, err.message, cases[i].fragment);
    }
    lip_settings s = quick();
    s.starts = 0;
    lip_query good = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    lip_result *r = NULL;
    assert_int_equal(lip_bound(net, &good, NULL, &s, NULL, NULL, &r, &err), LIP_ARGUMENT);
    assert_string_equal(err.place, "option --starts");
    lip_region_free(region);
    lip_region_free(other);
    lip_network_free(net);
}

/* The caller's rounding mode changes nothing, not even where sums overflow, and is restored. */
static void test_any_floating_point_environment(void **state) {
    (void)state;
    size_t width[] = {2, 2, 2};
    double w1[] = {1e308, 1e308, 1e308, -1e308}, w2[] = {1, 0, 0, 1};
    const double *weight[] = {w1, w2}, *bias[] = {NULL, NULL};
    int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    lip_network *net;
    lip_region *region;
    lip_error err;
    double c[2] = {3, 1}, first[2] = {0};
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    for (int i = 0; i < 4; ++i) {
        fesetround(modes[i]);
        assert_int_equal(lip_region_box_around(2, c, 0.3, -INFINITY, INFINITY, &region, &err),
                         LIP_OK);
        lip_query q = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
        lip_result *r = bound(net, &q, NULL);
        assert_int_equal(fegetround(), modes[i]);
        fesetround(FE_TONEAREST);
        assert_true(r->upper == INFINITY); /* the true value is 2e308 */
        if (i == 0) memcpy(first, region->lo, sizeof first);
        assert_memory_equal(first, region->lo, sizeof first);
        lip_result_free(r);
        lip_region_free(region);
    }
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lower_meets_upper_in_order),
                                       cmocka_unit_test(test_same_seed_same_bits),
                                       cmocka_unit_test(test_interruption_keeps_bounds),
                                       cmocka_unit_test(test_no_time_is_no_failure),
                                       cmocka_unit_test(test_bad_questions_are_refused),
                                       cmocka_unit_test(test_any_floating_point_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
