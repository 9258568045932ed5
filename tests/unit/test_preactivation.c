/* Pre-activation bounds contain the exact values at random points of the region, linear bounds are
 * never looser than intervals, a smaller region has tighter bounds. */
#include "support.h"

#include "region/preactivation.h"

static void random_point(lip_rng *rng, const lip_region *region, double *x) {
    size_t n = region->n;
    if (region->kind == LIP_BALL) {
        double square = 0;
        for (size_t i = 0; i < n; ++i) {
            x[i] = lip_rng_gaussian(rng);
            square += x[i] * x[i];
        }
        double size = region->radius * (pick(rng, 2) ? 0.999999999 : lip_rng_uniform(rng));
        for (size_t i = 0; i < n; ++i) x[i] = region->centre[i] + x[i] / sqrt(square) * size;
        return;
    }
    for (size_t i = 0; i < n; ++i) {
        if (region->kind == LIP_EVERYWHERE)
            x[i] = lip_rng_gaussian(rng) * pow(10, uniform(rng, -2, 4));
        else if (pick(rng, 3) == 0)
            x[i] = pick(rng, 2) ? region->lo[i] : region->hi[i];
        else
            x[i] = uniform(rng, region->lo[i], region->hi[i]);
    }
}

static lip_region *random_region(lip_rng *rng, size_t n, int kind) {
    lip_region *region = NULL;
    lip_error err;
    double *c = calloc(n, sizeof *c), eps = pow(10, uniform(rng, -3, 1));
    for (size_t i = 0; i < n; ++i) c[i] = lip_rng_gaussian(rng);
    if (kind == 0) assert_int_equal(lip_region_everywhere(n, &region, &err), LIP_OK);
    if (kind == 1)
        assert_int_equal(lip_region_box_around(n, c, eps, -INFINITY, INFINITY, &region, &err),
                         LIP_OK);
    if (kind == 2) assert_int_equal(lip_region_ball(n, c, eps, &region, &err), LIP_OK);
    free(c);
    return region;
}

static void check_contains(lip_rng *rng, const lip_network *net, const lip_region *region,
                           const lip_preactivation *b, int points) {
    double *x = calloc(region->n, sizeof *x);
    for (int p = 0; p < points; ++p) {
        random_point(rng, region, x);
        if (!lip_region_contains(region, x)) continue;
        exact_values z = exact_forward(net, x);
        for (size_t u = 0; u < net->units; ++u)
            assert_true(exact_between(z.v[u], b->lo[u], b->hi[u]));
        exact_clear(&z);
    }
    free(x);
}

static void test_bounds_contain_exact_values(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 20);
    size_t tightened = 0;
    for (int i = 0; i < 150; ++i) {
        lip_network *net = i % 15 == 14
                               ? random_conv_network(&rng)
                               : random_network(&rng, 1 + pick(&rng, 5), 1 + pick(&rng, 4), 8, 2);
        lip_region *region = random_region(&rng, lip_inputs(net), i % 3);
        lip_preactivation plain, linear;
        lip_error err;
        assert_int_equal(lip_preactivation_create(net, region, false, NULL, &plain, &err), LIP_OK);
        assert_int_equal(lip_preactivation_create(net, region, true, NULL, &linear, &err), LIP_OK);
        check_contains(&rng, net, region, &plain, 10);
        check_contains(&rng, net, region, &linear, 10);
        for (size_t u = 0; u < net->units; ++u) {
            assert_true(linear.lo[u] >= plain.lo[u] && linear.hi[u] <= plain.hi[u]);
            tightened += linear.hi[u] < plain.hi[u];
        }
        lip_preactivation_clear(&plain);
        lip_preactivation_clear(&linear);
        lip_region_free(region);
        lip_network_free(net);
    }
    assert_true(tightened > 100); /* the linear bounds do something */
}

static void test_smaller_box_is_tighter(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 21);
    for (int i = 0; i < 60; ++i) {
        lip_network *net = random_network(&rng, 3, 3, 8, 2);
        double c[3] = {lip_rng_gaussian(&rng), lip_rng_gaussian(&rng), lip_rng_gaussian(&rng)};
        lip_region *small, *large;
        lip_preactivation a, b;
        lip_error err;
        lip_region_box_around(3, c, 0.1, -INFINITY, INFINITY, &small, &err);
        lip_region_box_around(3, c, 0.4, -INFINITY, INFINITY, &large, &err);
        assert_int_equal(lip_preactivation_create(net, small, false, NULL, &a, &err), LIP_OK);
        assert_int_equal(lip_preactivation_create(net, large, false, NULL, &b, &err), LIP_OK);
        for (size_t u = 0; u < net->units; ++u) {
            double slack = 1e-12 * (1 + fabs(b.hi[u]) + fabs(b.lo[u]));
            assert_true(a.lo[u] >= b.lo[u] - slack && a.hi[u] <= b.hi[u] + slack);
        }
        lip_preactivation_clear(&a);
        lip_preactivation_clear(&b);
        lip_region_free(small);
        lip_region_free(large);
        lip_network_free(net);
    }
}

/* On R^n a second-layer neuron with positive weights and bias is active, one with negative ones is not;
 * a neuron without inputs keeps its bias exactly. */
static void test_everywhere_uses_signs(void **state) {
    (void)state;
    size_t width[] = {1, 2, 3, 1};
    double w1[] = {1, -2}, w2[] = {1, 2, -1, -3, 0, 0}, w3[] = {1, 1, 1},
           b2[] = {0.5, -0.25, 0.125};
    const double *weight[] = {w1, w2, w3}, *bias[] = {NULL, b2, NULL};
    lip_network *net;
    lip_region *region;
    lip_preactivation b;
    lip_error err;
    assert_int_equal(lip_network_create_dense(3, width, weight, bias, &net, &err), LIP_OK);
    assert_int_equal(lip_region_everywhere(1, &region, &err), LIP_OK);
    assert_int_equal(lip_preactivation_create(net, region, true, NULL, &b, &err), LIP_OK);
    size_t first = net->layer[2].offset;
    assert_int_equal(lip_preactivation_phase(&b, first), LIP_ACTIVE);
    assert_true(b.hi[first] == INFINITY && b.lo[first] == 0.5);
    assert_int_equal(lip_preactivation_phase(&b, first + 1), LIP_INACTIVE);
    assert_true(b.lo[first + 2] == 0.125 && b.hi[first + 2] == 0.125);
    assert_int_equal(lip_preactivation_phase(&b, net->layer[1].offset), LIP_UNSTABLE);
    lip_preactivation_clear(&b);
    lip_region_free(region);
    lip_network_free(net);
}

/* f = relu(x) - relu(-x) = x, on the degenerate box [0, 0]: neither neuron may be called stable. */
static void test_no_interior_no_touching_phase(void **state) {
    (void)state;
    size_t width[] = {1, 2, 1};
    double w1[] = {1, -1}, w2[] = {1, -1}, zero = 0;
    const double *weight[] = {w1, w2}, *bias[] = {NULL, NULL};
    lip_network *net;
    lip_region *region;
    lip_preactivation b;
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    assert_int_equal(lip_region_box(1, &zero, &zero, &region, &err), LIP_OK);
    assert_int_equal(lip_preactivation_create(net, region, true, NULL, &b, &err), LIP_OK);
    assert_int_equal(lip_preactivation_phase(&b, 1), LIP_UNSTABLE);
    assert_int_equal(lip_preactivation_phase(&b, 2), LIP_UNSTABLE);
    lip_preactivation_clear(&b);
    lip_region_free(region);
    lip_network_free(net);
}

/* A layer may read one source many times: every reading rounds.  h = relu(x), z = h + 20000 readings of
 * 2^-53 h - bias, with the bias just below the true maximum of the sum: z takes both signs. */
static void test_many_readings_of_one_source(void **state) {
    (void)state;
    enum { READINGS = 20000 };
    lip_builder *b = lip_builder_create(1, "test");
    size_t l1, l2, l3;
    lip_error err;
    lip_network *net;
    lip_region *region;
    lip_preactivation bounds;
    assert_int_equal(lip_builder_layer(b, 1, true, &l1, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, l1, 0, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 1, true, &l2, &err), LIP_OK);
    for (int i = 0; i < READINGS; ++i) {
        lip_op *op = lip_op_dense(1, 1);
        op->value[0] = i == 0 ? 1 : 0x1p-53;
        assert_int_equal(lip_builder_term(b, l2, l1, op, &err), LIP_OK);
    }
    lip_builder_bias(b, l2)[0] = -2 * (1 + 5000 * 0x1p-52);
    assert_int_equal(lip_builder_layer(b, 1, false, &l3, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, l3, l2, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    double lo = 1, hi = 2;
    assert_int_equal(lip_region_box(1, &lo, &hi, &region, &err), LIP_OK);
    assert_int_equal(lip_preactivation_create(net, region, true, NULL, &bounds, &err), LIP_OK);
    exact_values z = exact_forward(net, &hi);
    for (size_t u = 0; u < net->units; ++u)
        assert_true(exact_between(z.v[u], bounds.lo[u], bounds.hi[u]));
    assert_true(mpfr_sgn(z.v[net->layer[2].offset]) > 0);
    exact_clear(&z);
    lip_preactivation_clear(&bounds);
    lip_region_free(region);
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds_contain_exact_values),
                                       cmocka_unit_test(test_smaller_box_is_tighter),
                                       cmocka_unit_test(test_everywhere_uses_signs),
                                       cmocka_unit_test(test_no_interior_no_touching_phase),
                                       cmocka_unit_test(test_many_readings_of_one_source)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
