/* The dense methods as wholes: brackets, no worse than products of norms, exact scaling, refusals, and
 * any stop leaves a bound. */
#include "support.h"

#include "problem/task.h"
#include "region/region.h"
#include "relax/lifted_bound.h"

typedef struct stopper {
    int calls, stop_at;
} stopper;

static bool stop_soon(const lip_progress *progress, void *user) {
    stopper *s = user;
    (void)progress;
    return ++s->calls >= s->stop_at;
}

static lip_step run(lip_method_fn method, const lip_network *net, const lip_query *query,
                    stopper *stop) {
    lip_settings settings;
    lip_error err;
    lip_result result = {0};
    lip_settings_default(&settings);
    lip_task task = {.net = net, .query = query, .settings = &settings, .result = &result};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    if (stop) task.watch.progress = stop_soon, task.watch.user = stop;
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    assert_int_equal(lip_preactivation_create(net, query->region, true, NULL, &task.bounds, &err),
                     LIP_OK);
    assert_int_equal(method(&task, &step, &err), LIP_OK);
    lip_statement_clear(&task.statement);
    lip_preactivation_clear(&task.bounds);
    return step;
}

/* The largest |w' J t| that random points show. */
static double sampled(lip_rng *rng, const lip_network *net, const lip_query *query) {
    double best = 0, x[4];
    lip_error err;
    for (int k = 0; k < 200; ++k) {
        double lower, upper;
        bool decided;
        for (size_t i = 0; i < lip_inputs(net); ++i)
            x[i] = uniform(rng, fmax(query->region->lo[i], -3), fmin(query->region->hi[i], 3));
        for (size_t i = 0; query->region->kind == LIP_BALL && i < lip_inputs(net); ++i)
            x[i] = query->region->centre[i] + 0.5 * (x[i] - query->region->centre[i]);
        assert_int_equal(lip_gradient_norm(net, query, x, &lower, &upper, &decided, &err), LIP_OK);
        best = fmax(best, lower);
    }
    return best;
}

static void test_bounds_samples_on_any_graph(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    size_t tighter = 0, cases = 150;
    lip_rng_seed(&rng, 321);
    for (size_t i = 0; i < cases; ++i) {
        size_t n = 1 + pick(&rng, 4), m = 2;
        lip_network *net = random_network(&rng, n, 1 + pick(&rng, 4), 6, m);
        lip_region *region;
        double centre[4] = {0.1, -0.2, 0.3, 0.5};
        if (i % 2)
            assert_int_equal(lip_region_everywhere(n, &region, &err), LIP_OK);
        else
            assert_int_equal(
                lip_region_box_around(n, centre, 1, -INFINITY, INFINITY, &region, &err), LIP_OK);
        lip_query query = {(lip_norm)(1 + pick(&rng, 3)),
                           (lip_norm)(1 + pick(&rng, 3)),
                           {pick(&rng, 2) ? LIP_OUTPUT_ALL : LIP_OUTPUT_MARGIN, 0, 1},
                           region,
                           NULL};
        lip_step step = run(lip_tangent_general, net, &query, NULL);
        lip_step product = run(lip_product_method, net, &query, NULL);
        double lower = sampled(&rng, net, &query);
        assert_true(step.complete && isfinite(step.value));
        assert_true(step.value >= lower);
        if (step.value <= product.value * (1 + 1e-6) + 1e-30) ++tighter;
        for (int at = 1; at <= 4; ++at) { /* whenever it is stopped */
            stopper stop = {0, at};
            lip_step cut = run(lip_tangent_general, net, &query, &stop);
            assert_true(cut.value >= lower);
        }
        lip_region_free(region);
        lip_network_free(net);
    }
    assert_int_equal(tighter, cases);
}

static double norm_gap(double a, double b) { return (a - b) / fmax(b, 1e-30); }

/* What knows the region is no worse than what does not, and no sample lies above; any stop leaves a bound. */
static void test_regions_only_help(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    size_t gains = 0;
    lip_rng_seed(&rng, 327);
    for (size_t i = 0; i < 30; ++i) {
        size_t n = 1 + pick(&rng, 3);
        lip_network *net = random_network(&rng, n, 1 + pick(&rng, 3), 5, 2);
        lip_region *region;
        double centre[4] = {0.1, -0.2, 0.3, 0.5};
        assert_int_equal(
            i % 2 ? lip_region_ball(n, centre, 0.5, &region, &err)
                  : lip_region_box_around(n, centre, 0.5, -INFINITY, INFINITY, &region, &err),
            LIP_OK);
        lip_query query = {(lip_norm)(1 + pick(&rng, 3)),
                           (lip_norm)(1 + pick(&rng, 3)),
                           {pick(&rng, 2) ? LIP_OUTPUT_ALL : LIP_OUTPUT_MARGIN, 0, 1},
                           region,
                           NULL};
        lip_step plain = run(lip_tangent_general, net, &query, NULL);
        lip_step hr2 = run(lip_hr2_method, net, &query, NULL);
        lip_step tight = run(lip_tight_method, net, &query, NULL);
        double lower = sampled(&rng, net, &query);
        assert_true(hr2.complete && tight.complete);
        assert_true(tight.value >= lower && hr2.value >= lower);
        assert_true(norm_gap(hr2.value, plain.value) <= 1e-6);
        assert_true(norm_gap(tight.value, hr2.value) <= 1e-6);
        if (norm_gap(tight.value, plain.value) < -1e-3) ++gains;
        for (int at = 2; at <= 32; at *= 4) {
            stopper stop = {0, at};
            lip_step cut = run(lip_tight_method, net, &query, &stop);
            assert_true(cut.value >= lower);
        }
        lip_region_free(region);
        lip_network_free(net);
    }
    assert_true(gains > 2);
}

static void test_doubling_an_output_doubles_the_bound(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 322);
    for (int i = 0; i < 10; ++i) {
        size_t width[] = {3, 5, 1};
        double a[15], c[5], twice[5];
        for (size_t k = 0; k < 15; ++k) a[k] = lip_rng_gaussian(&rng);
        for (size_t k = 0; k < 5; ++k) c[k] = lip_rng_gaussian(&rng), twice[k] = 2 * c[k];
        const double *weights[] = {a, c}, *doubled[] = {a, twice}, *biases[] = {NULL, NULL};
        lip_network *net, *net2;
        lip_region *region;
        assert_int_equal(lip_network_create_dense(2, width, weights, biases, &net, &err), LIP_OK);
        assert_int_equal(lip_network_create_dense(2, width, doubled, biases, &net2, &err), LIP_OK);
        assert_int_equal(lip_region_everywhere(3, &region, &err), LIP_OK);
        lip_query query = {(lip_norm)(2 + i % 2), LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
        lip_step one = run(lip_shor_method, net, &query, NULL);
        lip_step two = run(lip_shor_method, net2, &query, NULL);
        assert_true(one.complete && two.value == 2 * one.value);
        lip_region_free(region);
        lip_network_free(net);
        lip_network_free(net2);
    }
}

static void test_shor_refuses_depth(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_region *region;
    lip_rng_seed(&rng, 323);
    lip_network *net = random_conv_network(&rng);
    assert_int_equal(lip_region_everywhere(lip_inputs(net), &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    lip_step step = run(lip_shor_method, net, &query, NULL);
    assert_true(!step.complete && isinf(step.value));
    assert_non_null(strstr(step.note, "one hidden layer"));
    lip_region_free(region);
    lip_network_free(net);
}

static size_t add_layer(lip_builder *b, size_t source, size_t width, double weight, bool relu) {
    size_t index = 0, from = lip_builder_width(b, source);
    lip_error err;
    lip_op *op = lip_op_dense(width, from);
    assert_int_equal(lip_builder_layer(b, width, relu, &index, &err), LIP_OK);
    for (size_t i = 0; i < width * from; ++i) op->value[i] = weight;
    for (size_t i = 0; relu && i < width; ++i) lip_builder_bias(b, index)[i] = -0x1p-1074;
    assert_int_equal(lip_builder_term(b, index, source, op, &err), LIP_OK);
    return index;
}

/* Ranges of tangents that fall below the smallest numbers and come back: their sums must not underflow.
 * A term of zeros from input to output makes it a graph; the gradient at x = 1e300 is known. */
static void test_tiny_ranges_do_not_underflow(void **state) {
    (void)state;
    lip_builder *b = lip_builder_create(1, "test");
    lip_error err;
    lip_network *net;
    lip_region *region;
    lip_result *r = NULL;
    double x = 1e300, lo, hi;
    bool decided;
    size_t l = add_layer(b, 0, 1, 0x1p-480, true);
    l = add_layer(b, l, 1, 0x1p-480, true);
    l = add_layer(b, l, 280, 0x1p-38, true);
    l = add_layer(b, l, 1, 0x1p-79, true);
    l = add_layer(b, l, 1, 0x1p1000, true);
    l = add_layer(b, l, 2, 1, false);
    assert_int_equal(lip_builder_term(b, l, 0, lip_op_dense(2, 1), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    assert_int_equal(lip_region_everywhere(1, &region, &err), LIP_OK);
    lip_query q = {LIP_NORM_INF, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    assert_int_equal(lip_gradient_norm(net, &q, &x, &lo, &hi, &decided, &err), LIP_OK);
    assert_true(decided && lo > 0);
    assert_int_equal(lip_bound(net, &q, "tangent", NULL, NULL, NULL, &r, &err), LIP_OK);
    assert_true(r->upper >= lo);
    lip_result_free(r);
    lip_region_free(region);
    lip_network_free(net);
}

/* No path from input to output: the bound is 0, not the rounding loss of a proof. */
static void test_no_path_is_zero(void **state) {
    (void)state;
    lip_builder *b = lip_builder_create(2, "test");
    lip_error err;
    lip_network *net;
    lip_region *region;
    lip_result *r = NULL;
    size_t l = add_layer(b, 0, 3, 1, true);
    l = add_layer(b, l, 1, 0, false);
    assert_int_equal(lip_builder_term(b, l, 0, lip_op_dense(1, 2), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    assert_int_equal(lip_region_everywhere(2, &region, &err), LIP_OK);
    lip_query q = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    assert_int_equal(lip_bound(net, &q, "tangent", NULL, NULL, NULL, &r, &err), LIP_OK);
    assert_true(r->upper == 0);
    lip_result_free(r);
    lip_region_free(region);
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tiny_ranges_do_not_underflow),
                                       cmocka_unit_test(test_no_path_is_zero),
                                       cmocka_unit_test(test_bounds_samples_on_any_graph),
                                       cmocka_unit_test(test_regions_only_help),
                                       cmocka_unit_test(test_doubling_an_output_doubles_the_bound),
                                       cmocka_unit_test(test_shor_refuses_depth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
