/* Witnesses: confirmed only off kinks and inside the region; directions are good; points stay inside.
 * Search: polytopes, line search, wanted patterns, formal constant against brute force. */
#include "support.h"

#include "search/direction.h"
#include "search/hunt.h"
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

/* ---- The method search ------------------------------------------------------------------- */

static void random_rows(lip_rng *rng, size_t m, size_t n, double *row, double *offset) {
    for (size_t i = 0; i < m * n; ++i) row[i] = lip_rng_gaussian(rng);
    for (size_t i = 0; i < m; ++i) offset[i] = 0.7 * lip_rng_gaussian(rng);
}

/* Smallest s_i (a_i x + b_i) / |a_i| over the rows, s_i from the bits of signs. */
static double clearance(size_t m, size_t n, const double *row, const double *offset, unsigned signs,
                        const double *x) {
    double least = INFINITY;
    for (size_t i = 0; i < m; ++i) {
        double z = offset[i];
        for (size_t j = 0; j < n; ++j) z += row[i * n + j] * x[j];
        z /= lip_plain_norm(n, row + i * n, LIP_NORM_2);
        least = fmin(least, signs >> i & 1 ? z : -z);
    }
    return least;
}

static bool in_hull(lip_hull hull, size_t n, const double *x) {
    if (hull == LIP_HULL_CUBE) return lip_plain_norm(n, x, LIP_NORM_INF) <= 1 + 1e-8;
    return hull == LIP_HULL_NONE || lip_plain_norm(n, x, LIP_NORM_2) <= 1 + 1e-8;
}

static bool load_cell(lip_polytope *p, size_t m, const double *row, const double *offset,
                      unsigned signs, const double *start) {
    lip_polytope_start(p, start);
    for (size_t i = 0; i < m; ++i)
        assert_true(
            lip_polytope_append(p, row + i * p->n, NULL, signs >> i & 1 ? 1 : -1, offset[i], 1e-7));
    return lip_polytope_solve(p, 0);
}

/* Patterns that random points have; cells that nobody hit count as unknown. */
static void sample_cells(lip_rng *rng, lip_hull hull, size_t m, size_t n, const double *row,
                         const double *offset, bool *occurs) {
    for (int trial = 0; trial < 4000; ++trial) {
        double x[4], size = hull == LIP_HULL_NONE ? pow(10, 2 * lip_rng_uniform(rng) - 0.5) : 1;
        unsigned signs = 0;
        for (size_t j = 0; j < n; ++j) x[j] = size * (2 * lip_rng_uniform(rng) - 1);
        if (!in_hull(hull, n, x)) continue;
        for (size_t i = 0; i < m; ++i) {
            double z = offset[i];
            for (size_t j = 0; j < n; ++j) z += row[i * n + j] * x[j];
            if (z > 0) signs |= 1u << i;
        }
        if (clearance(m, n, row, offset, signs, x) > 1e-6) occurs[signs] = true;
    }
}

/* A cell that some point has is found, and what is found is a point of the cell. */
static void test_polytope_finds_cells(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 53);
    int empty = 0, full = 0;
    for (int trial = 0; trial < 60; ++trial) {
        size_t n = 1 + pick(&rng, 4), m = 1 + pick(&rng, 6);
        lip_hull hull = (lip_hull)(trial % 3);
        double row[24], offset[6], start[4];
        bool occurs[64] = {false};
        random_rows(&rng, m, n, row, offset);
        sample_cells(&rng, hull, m, n, row, offset, occurs);
        lip_polytope p;
        assert_true(lip_polytope_create(n, m, hull, &p));
        for (unsigned signs = 0; signs < 1u << m; ++signs) {
            for (size_t j = 0; j < n; ++j) start[j] = uniform(&rng, -1, 1);
            bool found = load_cell(&p, m, row, offset, signs, start);
            assert_true(found || !occurs[signs]);
            assert_true(!found || clearance(m, n, row, offset, signs, p.x) > 0.9e-7);
            assert_true(!found || in_hull(hull, n, p.x));
            full += found;
            empty += !found;
        }
        lip_polytope_clear(&p);
    }
    assert_true(full > 200 && empty > 200);
}

/* The nearest point is unique: turning rows of a solved polytope gives the same as starting afresh. */
static void test_turning_a_row_is_solving_afresh(void **state) {
    (void)state;
    enum { N = 6, M = 14 };
    lip_rng rng;
    lip_rng_seed(&rng, 54);
    int turned = 0;
    for (int trial = 0; trial < 40; ++trial) {
        lip_hull hull = (lip_hull)(trial % 3);
        double row[M * N], offset[M], x[N], start[N];
        unsigned signs = 0;
        random_rows(&rng, M, N, row, offset);
        for (size_t j = 0; j < N; ++j) x[j] = uniform(&rng, -0.4, 0.4);
        for (size_t j = 0; j < N; ++j) start[j] = hull == LIP_HULL_BALL ? 0 : uniform(&rng, -1, 1);
        for (size_t i = 0; i < M; ++i)
            if (clearance(1, N, row + i * N, offset + i, 1, x) > 0) signs |= 1u << i;
        lip_polytope p, fresh;
        assert_true(lip_polytope_create(N, M, hull, &p) && lip_polytope_create(N, M, hull, &fresh));
        assert_true(load_cell(&p, M, row, offset, signs, start));
        for (int step = 0; step < 60; ++step) {
            size_t i = pick(&rng, M);
            bool there = load_cell(&fresh, M, row, offset, signs ^ 1u << i, start);
            memcpy(x, p.x, sizeof x);
            assert_int_equal(lip_polytope_turn(&p, i, 1e-7, 0), there);
            if (there) signs ^= 1u << i;
            turned += there;
            for (size_t j = 0; j < N; ++j)
                assert_true(fabs(p.x[j] - (there ? fresh.x[j] : x[j])) < 1e-7);
        }
        lip_polytope_clear(&p);
        lip_polytope_clear(&fresh);
    }
    assert_true(turned > 300);
}

/* Everything that a hunt on one query needs. */
typedef struct prey {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_settings settings;
    lip_result *result;
    lip_task task;
    lip_step step;
    lip_hunt hunt;
} prey;

static void prey_create(lip_rng *rng, int kind, prey *p) {
    lip_error err;
    memset(p, 0, sizeof *p);
    size_t n = 1 + pick(rng, 3), outputs = 1 + pick(rng, 3);
    p->net = random_network(rng, n, 1 + pick(rng, 3), 5, outputs);
    double centre[3] = {0.3, -0.2, 0.1}, lo[3] = {-1, -2, -1}, hi[3] = {1, 1.5, 2};
    if (kind % 3 == 0) assert_int_equal(lip_region_everywhere(n, &p->region, &err), LIP_OK);
    if (kind % 3 == 1) assert_int_equal(lip_region_box(n, lo, hi, &p->region, &err), LIP_OK);
    if (kind % 3 == 2) assert_int_equal(lip_region_ball(n, centre, 1.5, &p->region, &err), LIP_OK);
    lip_norm p_in = (lip_norm)(1 + pick(rng, 3)), q_out = (lip_norm)(1 + pick(rng, 3));
    p->query = (lip_query){p_in, q_out, {LIP_OUTPUT_ALL, 0, 0}, p->region, NULL};
    lip_settings_default(&p->settings);
    assert_int_equal(
        lip_bound(p->net, &p->query, "product", &p->settings, NULL, NULL, &p->result, &err),
        LIP_OK);
    p->task = (lip_task){
        .net = p->net, .query = &p->query, .settings = &p->settings, .result = p->result};
    p->task.watch = (lip_watch){.deadline = INFINITY};
    p->step.method = "search";
    assert_int_equal(lip_preactivation_create(p->net, p->region, true, NULL, &p->task.bounds, &err),
                     LIP_OK);
    assert_int_equal(lip_hunt_create(&p->task, &p->step, &p->hunt, &err), LIP_OK);
    p->hunt.deadline = INFINITY;
}

static void prey_clear(prey *p) {
    lip_hunt_clear(&p->hunt);
    lip_preactivation_clear(&p->task.bounds);
    lip_result_free(p->result);
    lip_region_free(p->region);
    lip_network_free(p->net);
}

/* ||J|| at search coordinates xi; *clear: how far the nearest kink is, relative to |z|. */
static double norm_at(prey *p, const double *xi, double *clear) {
    double x[3], h[64], z[64], norm;
    lip_chart_points(&p->hunt.chart, 1, xi, x);
    assert_true(p->net->units <= 64);
    memcpy(h, x, lip_inputs(p->net) * sizeof *x);
    lip_forward(p->net, 1, h, z);
    *clear = INFINITY;
    for (size_t i = 0; i < p->hunt.here.neurons; ++i)
        *clear = fmin(*clear, fabs(z[p->hunt.here.unit[i]]));
    double *g = calloc(p->net->units * 3, sizeof *g);
    lip_jacobians(p->net, &p->query.output, 1, z, g);
    assert_true(lip_jacobian_norms(p->net, &p->query, 1, g, &norm));
    free(g);
    return norm;
}

/* No point of the line that is off the kinks beats what the line search found. */
static void test_line_search_finds_the_best_segment(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 55);
    int improved = 0;
    for (int trial = 0; trial < 120; ++trial) {
        prey p;
        lip_error err;
        bool better;
        prey_create(&rng, trial, &p);
        size_t n = lip_inputs(p.net);
        double from[3], xi[3], clear;
        lip_chart_draw(&p.hunt.chart, &rng, 1, 0, p.hunt.xi);
        assert_int_equal(lip_hunt_locate(&p.hunt, &err), LIP_OK);
        double before = p.hunt.here.value;
        memcpy(from, p.hunt.xi, n * sizeof *from);
        for (size_t i = 0; i < n; ++i) p.hunt.direction[i] = lip_rng_gaussian(&rng);
        assert_int_equal(lip_hunt_line(&p.hunt, &better, &err), LIP_OK);
        double found = p.hunt.here.value;
        assert_true(found >= before * (1 - 1e-12));
        improved += better && found > before * (1 + 1e-12);
        for (int i = 0; i <= 2000; ++i) {
            bool inside = true;
            double length = 0;
            for (size_t j = 0; j < n; ++j) {
                xi[j] = from[j] + (i / 500.0 - 2) * p.hunt.direction[j];
                length += xi[j] * xi[j];
                inside = inside && (trial % 3 != 1 || fabs(xi[j]) <= 1);
            }
            if (!inside || (trial % 3 == 2 && length > 1 - 1e-8)) continue;
            double norm = norm_at(&p, xi, &clear);
            assert_true(clear < 1e-7 || norm <= found * (1 + 1e-9));
        }
        prey_clear(&p);
    }
    assert_true(improved > 20);
}

/* Formal values never fall; a pattern that was fully imposed is the pattern at the point. */
static void test_formal_patterns_and_attaining(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 56);
    int attained = 0, best = 0, counted = 0;
    for (int trial = 0; trial < 150; ++trial) {
        prey p;
        lip_error err;
        bool all;
        prey_create(&rng, trial, &p);
        lip_cell *cell = &p.hunt.trial;
        for (size_t i = 0; i < cell->neurons; ++i) cell->d[cell->unit[i]] = (double)pick(&rng, 2);
        assert_true(lip_cell_update(cell, true));
        double first = cell->value;
        assert_int_equal(lip_formal_alternate(cell, &err), LIP_OK);
        double second = cell->value;
        assert_true(second >= first * (1 - 1e-12));
        assert_int_equal(lip_formal_flips(cell, &p.task.watch, &err), LIP_OK);
        double third = cell->value, most = third;
        assert_true(third >= second * (1 - 1e-12));
        double want[64], weight[64];
        memcpy(want, cell->d, p.net->units * sizeof *want);
        for (size_t u = 0; u < p.net->units; ++u) weight[u] = lip_rng_uniform(&rng);
        for (size_t d = 0; cell->neurons <= 8 && d < (size_t)1 << cell->neurons; ++d) {
            for (size_t i = 0; i < cell->neurons; ++i) cell->d[cell->unit[i]] = d >> i & 1 ? 1 : 0;
            assert_true(lip_cell_update(cell, true));
            most = fmax(most, cell->value);
        }
        if (cell->neurons <= 8 && cell->neurons > 2) {
            ++counted;
            best += third >= most * (1 - 1e-9);
        }
        assert_int_equal(lip_hunt_attain(&p.hunt, want, weight, &all, &err), LIP_OK);
        for (size_t i = 0; all && i < cell->neurons; ++i)
            assert_true(p.hunt.here.d[cell->unit[i]] == want[cell->unit[i]]);
        if (all) assert_true(fabs(p.hunt.here.value - third) <= 1e-9 * third);
        attained += all;
        assert_true(p.hunt.here.value <= most * (1 + 1e-9) || cell->neurons > 8);
        prey_clear(&p);
    }
    assert_true(attained > 30 && counted > 30 && 2 * best > counted);
}

/* Crossing changes the phase of that neuron and of no other. */
static void test_crossing_changes_one_phase(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 57);
    int crossed = 0;
    for (int trial = 0; trial < 150; ++trial) {
        prey p;
        lip_error err;
        prey_create(&rng, trial, &p);
        lip_cell *here = &p.hunt.here;
        lip_chart_draw(&p.hunt.chart, &rng, 1, 0, p.hunt.xi);
        assert_int_equal(lip_hunt_locate(&p.hunt, &err), LIP_OK);
        bool settled = lip_hunt_settle(&p.hunt);
        for (size_t i = 0; settled && i < here->neurons; ++i) {
            double before[64];
            bool moved;
            size_t changed = 0, unit = here->unit[i];
            memcpy(before, here->d, p.net->units * sizeof *before);
            assert_int_equal(lip_hunt_cross(&p.hunt, unit, &moved, &err), LIP_OK);
            for (size_t j = 0; j < here->neurons; ++j)
                changed += before[here->unit[j]] != here->d[here->unit[j]];
            assert_int_equal(changed, moved ? 1 : 0);
            assert_true(!moved || before[unit] != here->d[unit]);
            crossed += moved;
            if (!moved && !here->fixed_slopes) settled = lip_hunt_settle(&p.hunt);
        }
        prey_clear(&p);
    }
    assert_true(crossed > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradient_norm_by_phase),
                                       cmocka_unit_test(test_point_outside_region_is_refused),
                                       cmocka_unit_test(test_directions_are_good),
                                       cmocka_unit_test(test_zonotopes_in_deep_networks),
                                       cmocka_unit_test(test_polytope_finds_cells),
                                       cmocka_unit_test(test_turning_a_row_is_solving_afresh),
                                       cmocka_unit_test(test_line_search_finds_the_best_segment),
                                       cmocka_unit_test(test_formal_patterns_and_attaining),
                                       cmocka_unit_test(test_crossing_changes_one_phase),
                                       cmocka_unit_test(test_drawn_points_lie_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
