/* Witnesses: confirmed only off kinks and inside the region; directions are good; points stay inside. */
#include "support.h"

#include "search/direction.h"
#include "search/points.h"
#include "search/witness.h"
#include "search/zonotope.h"

/* f(x) = relu(x1) + 2 relu(x2), gradient norms known. */
static lip_network *two_kinks(void) {
    size_t width[] = {2, 2, 1};
    double w1[] = {1, 0, 0, 1}, w2[] = {1, 2};
    const double *weight[] = {w1, w2}, *bias[] = {NULL, NULL};
    lip_network *net;
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    return net;
}

static void test_gradient_norm_by_phase(void **state) {
    (void)state;
    lip_network *net = two_kinks();
    lip_region *region;
    lip_error err;
    assert_int_equal(lip_region_everywhere(2, &region, &err), LIP_OK);
    const struct {
        double x[2], norm1, norm2, norminf;
        bool decided;
    } cases[] = {{{1, 1}, 2, 2.23606797749979, 3, true},
                 {{1, -1}, 1, 1, 1, true},
                 {{-1, 1}, 2, 2, 2, true},
                 {{-1, -1}, 0, 0, 0, true},
                 {{0, 1}, 0, 0, 0, false},
                 {{1, 0x1p-1060}, 2, 2.23606797749979, 3, false}};
    for (size_t i = 0; i < 6; ++i)
        for (int p = 1; p <= 3; ++p) {
            lip_query q = {(lip_norm)p, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
            double lo, hi,
                want = p == 1   ? cases[i].norm1
                       : p == 2 ? cases[i].norm2
                                : cases[i].norminf;
            bool decided;
            assert_int_equal(lip_gradient_norm(net, &q, cases[i].x, &lo, &hi, &decided, &err),
                             LIP_OK);
            assert_int_equal(decided, cases[i].decided);
            if (!decided)
                assert_true(lo == 0 && hi == INFINITY);
            else
                assert_true(lo <= want && want <= hi && hi - lo <= 1e-13 * (1 + want));
        }
    lip_region_free(region);
    lip_network_free(net);
}

static void test_point_outside_region_is_refused(void **state) {
    (void)state;
    lip_network *net = two_kinks();
    lip_region *region;
    lip_error err;
    double c[2] = {0, 0}, x[2] = {2, 0}, lo, hi;
    bool decided;
    assert_int_equal(lip_region_ball(2, c, 1, &region, &err), LIP_OK);
    lip_query q = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    assert_int_equal(lip_gradient_norm(net, &q, x, &lo, &hi, &decided, &err), LIP_ARGUMENT);
    assert_non_null(strstr(err.message, "outside the region"));
    lip_region_free(region);
    lip_network_free(net);
}

/* Against all sign vectors, or a fine search, for small matrices. */
static void test_directions_are_good(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 50);
    int worse = 0;
    for (int i = 0; i < 200; ++i) {
        size_t n = 1 + pick(&rng, 6), k = 1 + pick(&rng, 4);
        double gt[24], t[6], y[4];
        for (size_t j = 0; j < n * k; ++j) gt[j] = lip_rng_gaussian(&rng);
        for (int p = 1; p <= 3; ++p)
            for (int q = 1; q <= 3; ++q) {
                double norm, most = 0;
                assert_true(lip_estimate_norm(n, k, gt, (lip_norm)p, (lip_norm)q, t, &norm));
                assert_true(lip_best_direction(n, k, gt, (lip_norm)p, (lip_norm)q, t));
                assert_true(lip_plain_norm(n, t, (lip_norm)p) <= 1 + 1e-12);
                for (int trial = 0; trial < 400; ++trial) {
                    for (size_t j = 0; j < n; ++j)
                        t[j] = trial < 64 ? (trial >> j & 1 ? 1 : -1) : lip_rng_gaussian(&rng);
                    double length = lip_plain_norm(n, t, (lip_norm)p);
                    memset(y, 0, sizeof y);
                    for (size_t j = 0; j < n; ++j)
                        for (size_t r = 0; r < k; ++r) y[r] += gt[j * k + r] * t[j] / length;
                    most = fmax(most, lip_plain_norm(k, y, (lip_norm)q));
                }
                bool easy = p == 1 || q == 3 || (p == 2 && q == 2) || k == 1;
                if (easy)
                    assert_true(norm >= most * (1 - 1e-12));
                else
                    worse += norm < most * (1 - 1e-9);
            }
    }
    assert_true(worse <= 6); /* of 600 hard ones: a local maximum now and then is allowed */
}

static void test_drawn_points_lie_inside(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 51);
    lip_network *net = two_kinks();
    double lo[2] = {-1, 2}, hi[2] = {-1, 3}, xi[2 * 4], x[2 * 4];
    lip_region *regions[2];
    lip_error err;
    assert_int_equal(lip_region_box(2, lo, hi, &regions[0], &err), LIP_OK);
    assert_int_equal(lip_region_ball(2, lo, 0.1, &regions[1], &err), LIP_OK);
    for (int r = 0; r < 2; ++r) {
        lip_chart chart;
        assert_true(lip_chart_create(net, regions[r], &chart));
        for (int i = 0; i < 300; ++i) {
            for (size_t j = 0; j < 4; ++j) lip_chart_draw(&chart, &rng, 4, j, xi);
            if (i % 2)
                for (size_t j = 0; j < 8; ++j) xi[j] *= 3;
            lip_chart_project(&chart, 4, xi);
            lip_chart_points(&chart, 4, xi, x);
            for (size_t j = 0; j < 4; ++j) {
                double p[2] = {x[j], x[4 + j]};
                double d = hypot(p[0] - lo[0], p[1] - lo[1]);
                if (r == 0)
                    assert_true(lip_region_contains(regions[0], p));
                else
                    assert_true(d <= 0.1 * (1 + 1e-14));
            }
        }
        lip_chart_clear(&chart);
        lip_region_free(regions[r]);
    }
    lip_network_free(net);
}

/* Forty contracting layers: intervals decide nothing, zonotopes do, and contain the exact tangent. */
static void test_zonotopes_in_deep_networks(void **state) {
    (void)state;
    enum { DEPTH = 40, W = 12 };
    lip_rng rng;
    lip_rng_seed(&rng, 52);
    size_t width[DEPTH + 2];
    double *weight[DEPTH + 1], *bias[DEPTH + 1];
    for (size_t l = 0; l <= DEPTH; ++l) {
        width[l] = width[l + 1] = W;
        weight[l] = calloc(W * W, sizeof(double));
        bias[l] = calloc(W, sizeof(double));
        for (size_t i = 0; i < W * W; ++i) weight[l][i] = 0.6 * lip_rng_gaussian(&rng) / sqrt(W);
        for (size_t i = 0; i < W; ++i) bias[l][i] = 0.1 * lip_rng_gaussian(&rng);
    }
    lip_network *net;
    lip_error err;
    assert_int_equal(lip_network_create_dense(DEPTH + 1, width, (const double *const *)weight,
                                              (const double *const *)bias, &net, &err),
                     LIP_OK);
    int done = 0;
    for (int trial = 0; trial < 10; ++trial) {
        double x[W], t[W], c[W], r[W];
        bool decided;
        lip_output all = {LIP_OUTPUT_ALL, 0, 0};
        for (size_t i = 0; i < W; ++i) {
            x[i] = lip_rng_gaussian(&rng);
            t[i] = lip_rng_gaussian(&rng);
        }
        assert_true(lip_zonotope_tangent(net, &all, NULL, x, t, c, r, &decided));
        if (!decided) continue;
        ++done;
        exact_values z = exact_forward(net, x);
        double d[(DEPTH + 2) * W], unit[W];
        for (size_t u = 0; u < net->units; ++u) d[u] = mpfr_sgn(z.v[u]) > 0;
        for (size_t j = 0; j < W; ++j) {
            mpfr_t sum, part;
            mpfr_inits2(400, sum, part, (mpfr_ptr)NULL);
            mpfr_set_zero(sum, 1);
            memset(unit, 0, sizeof unit);
            unit[j] = 1;
            exact_values g = exact_reverse(net, d, unit);
            for (size_t i = 0; i < W; ++i) {
                mpfr_mul_d(part, g.v[i], t[i], MPFR_RNDN);
                mpfr_add(sum, sum, part, MPFR_RNDN);
            }
            assert_true(exact_between(sum, nextafter(c[j] - r[j], -INFINITY),
                                      nextafter(c[j] + r[j], INFINITY)));
            assert_true(r[j] <= 1e-12 * (fabs(c[j]) + 1e-8));
            exact_clear(&g);
            mpfr_clears(sum, part, (mpfr_ptr)NULL);
        }
        exact_clear(&z);
    }
    assert_true(done >= 5);
    lip_network_free(net);
    for (size_t l = 0; l <= DEPTH; ++l) {
        free(weight[l]);
        free(bias[l]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradient_norm_by_phase),
                                       cmocka_unit_test(test_point_outside_region_is_refused),
                                       cmocka_unit_test(test_directions_are_good),
                                       cmocka_unit_test(test_zonotopes_in_deep_networks),
                                       cmocka_unit_test(test_drawn_points_lie_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
