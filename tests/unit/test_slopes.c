/* Bounds with optimised slopes and linear programs: they contain the exact values, are never looser than
 * linear bounds, come close to the linear program's value, and their records are enough for a second
 * implementation to find them again. */
#include "allocation.h"
#include "support.h"

#include "region/preactivation.h"
#include "region/slopes.h"
#include "region/triangle.h"

static const lip_bounding LINEAR = {.linear = true, .deadline = INFINITY};
static const lip_bounding SLOPES = {true, 40, 0, 1e18, INFINITY};
static const lip_bounding PROGRAMS = {true, 0, 100000, 1e18, INFINITY};
static const lip_bounding BOTH = {true, 20, 100000, 1e18, INFINITY};

static bool highs_found(void) {
    lip_lp_library *library;
    lip_error err;
    assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
    lip_lp_library_close(library);
    return library != NULL;
}

static lip_network *network(lip_rng *rng, int i) {
    if (i % 12 == 11) return random_conv_network(rng);
    return random_network(rng, 1 + pick(rng, 5), 2 + pick(rng, 3), 9, 2);
}

static lip_region *region_of(lip_rng *rng, size_t n, bool ball) {
    double c[64], eps = pow(10, uniform(rng, -1.5, 0.5));
    lip_region *region;
    lip_error err;
    assert_true(n <= 64);
    for (size_t i = 0; i < n; ++i) c[i] = lip_rng_gaussian(rng);
    assert_int_equal(ball ? lip_region_ball(n, c, eps, &region, &err)
                          : lip_region_box_around(n, c, eps, -INFINITY, INFINITY, &region, &err),
                     LIP_OK);
    return region;
}

static lip_preactivation find(const lip_network *net, const lip_region *region,
                              const lip_bounding *how) {
    lip_preactivation bounds;
    lip_error err;
    assert_int_equal(lip_preactivation_find(net, region, how, NULL, &bounds, &err), LIP_OK);
    return bounds;
}

/* ---- Points ------------------------------------------------------------------------------ */

/* Somewhere in the region, often at its border. */
static void random_point(lip_rng *rng, const lip_region *region, double *x) {
    double square = 0, size = region->radius * (pick(rng, 2) ? 0.9999999 : lip_rng_uniform(rng));
    for (size_t i = 0; i < region->n; ++i) {
        x[i] = lip_rng_gaussian(rng);
        square += x[i] * x[i];
    }
    for (size_t i = 0; i < region->n; ++i) {
        if (region->kind == LIP_BALL)
            x[i] = region->centre[i] + x[i] / sqrt(square) * size;
        else
            x[i] = pick(rng, 3) == 0 ? uniform(rng, region->lo[i], region->hi[i])
                   : x[i] > 0        ? region->hi[i]
                                     : region->lo[i];
    }
}

static void check_contains(lip_rng *rng, const lip_network *net, const lip_region *region,
                           const lip_preactivation *b, int points) {
    double x[64];
    for (int p = 0; p < points; ++p) {
        random_point(rng, region, x);
        if (!lip_region_contains(region, x)) continue;
        exact_values z = exact_forward(net, x);
        for (size_t u = 0; u < net->units; ++u)
            assert_true(exact_between(z.v[u], b->lo[u], b->hi[u]));
        exact_clear(&z);
    }
}

/* ---- A second implementation: what docs/certificate.md, section 5, says ------------------- */

typedef struct checker {
    const lip_network *net;
    const lip_region *region;
    const lip_preactivation *given; /* digits and refinements come from here, bounds do not */
    double *lo, *hi;
    bool needed; /* only refinements that phases need */
} checker;

/* The number that the `relu` of a refinement stands for, by unit. */
static size_t relu_number(const lip_network *net, size_t unit) {
    size_t number = 0;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (!layer->relu) continue;
        if (unit < layer->offset + layer->width) return number + unit - layer->offset;
        number += layer->width;
    }
    fail();
    return 0;
}

static double digit(const checker *c, size_t unit) {
    return c->given->hi[unit] > -c->given->lo[unit] ? 1 : 0;
}

static double listed(const checker *c, const lip_refinement *item, size_t unit) {
    const lip_refinements *f = &c->given->refined;
    for (size_t e = item->first; e < item->first + item->count; ++e)
        if (f->relu[e] == relu_number(c->net, unit)) return f->slope[e];
    return digit(c, unit);
}

/* g += c (row k of layer l), and the constant. */
static double spread(const checker *c, size_t l, size_t k, double factor, double *g) {
    const lip_layer *layer = &c->net->layer[l];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_op *op = layer->term[t].op;
        double *a = calloc(op->rows * op->cols, sizeof *a);
        lip_op_to_dense(op, a);
        for (size_t j = 0; j < op->cols; ++j)
            g[c->net->layer[layer->term[t].source].offset + j] += factor * a[k * op->cols + j];
        free(a);
    }
    return factor * layer->bias[k];
}

static double walk_back(const checker *c, size_t l, size_t k, double sign,
                        const lip_refinement *item) {
    double *g = calloc(c->net->units, sizeof *g), value = spread(c, l, k, sign, g), squares = 0;
    for (size_t m = l - 1; m > 0; --m)
        for (size_t i = 0; i < c->net->layer[m].width; ++i) {
            size_t u = c->net->layer[m].offset + i;
            double lo = c->lo[u], hi = c->hi[u], w = g[u];
            if (c->net->layer[m].relu && hi <= 0) w = 0;
            if (c->net->layer[m].relu && lo < 0 && hi > 0) {
                if (w > 0) {
                    w *= hi / (hi - lo);
                    value -= w * lo;
                } else {
                    w *= item ? listed(c, item, u) : digit(c, u);
                }
            }
            if (w != 0) value += spread(c, m, i, w, g);
        }
    for (size_t j = 0; j < c->region->n; ++j) {
        squares += g[j] * g[j];
        if (c->region->kind == LIP_BALL)
            value += g[j] * c->region->centre[j];
        else
            value += g[j] * (g[j] > 0 ? c->region->hi[j] : c->region->lo[j]);
    }
    free(g);
    return value + c->region->radius * sqrt(squares);
}

/* Interval bounds come from the library, for the bounds of earlier layers that were found here. */
static void check_layer(checker *c, size_t l, size_t *next) {
    const lip_refinements *f = &c->given->refined;
    const lip_layer *layer = &c->net->layer[l];
    lip_preactivation mine = {.lo = c->lo, .hi = c->hi};
    lip_error err;
    assert_int_equal(lip_interval_layer(c->net, c->region, l, &mine, &err), LIP_OK);
    for (size_t k = 0; l > 1 && k < layer->width; ++k) {
        size_t u = layer->offset + k;
        c->hi[u] = fmin(c->hi[u], walk_back(c, l, k, 1, NULL));
        c->lo[u] = fmax(c->lo[u], -walk_back(c, l, k, -1, NULL));
    }
    for (; *next < f->count && f->item[*next].layer == l; ++*next) {
        const lip_refinement *item = &f->item[*next];
        size_t u = layer->offset + item->neuron;
        if (c->needed && !item->needed) continue;
        if (item->upper)
            c->hi[u] = fmin(c->hi[u], walk_back(c, l, item->neuron, 1, item));
        else
            c->lo[u] = fmax(c->lo[u], -walk_back(c, l, item->neuron, -1, item));
    }
}

/* The order and the numbers of the records follow the rules of the format. */
static void check_records(const lip_network *net, const lip_refinements *f) {
    for (size_t i = 0; i < f->count; ++i) {
        const lip_refinement *b = &f->item[i], *a = i ? b - 1 : NULL;
        assert_true(b->layer > 1 && b->layer <= net->layers && net->layer[b->layer].relu);
        assert_true(b->neuron < net->layer[b->layer].width && b->count > 0);
        assert_true(!a || a->layer < b->layer || (a->layer == b->layer && a->neuron < b->neuron) ||
                    (a->layer == b->layer && a->neuron == b->neuron && a->upper && !b->upper));
        for (size_t e = b->first; e < b->first + b->count; ++e) {
            assert_true(f->slope[e] >= 0 && f->slope[e] <= 1);
            assert_true(e == b->first || f->relu[e - 1] < f->relu[e]);
            assert_true(f->relu[e] < relu_number(net, net->layer[b->layer].offset));
        }
    }
}

/* The second implementation finds bounds that are at least as good, and the same neurons stable; only the
 * latter with the refinements that are marked as needed. */
static void check_again(const lip_network *net, const lip_region *region,
                        const lip_preactivation *given, bool needed) {
    checker c = {net,
                 region,
                 given,
                 calloc(net->units, sizeof(double)),
                 calloc(net->units, sizeof(double)),
                 needed};
    size_t next = 0;
    check_records(net, &given->refined);
    memcpy(c.lo, region->lo, region->n * sizeof(double));
    memcpy(c.hi, region->hi, region->n * sizeof(double));
    for (size_t l = 1; l <= net->layers; ++l) {
        check_layer(&c, l, &next);
        for (size_t k = 0; k < net->layer[l].width; ++k) {
            size_t u = net->layer[l].offset + k;
            double slack = 1e-12 * (1 + fabs(given->lo[u]) + fabs(given->hi[u]));
            if (!needed)
                assert_true(c.hi[u] <= given->hi[u] + slack && c.lo[u] >= given->lo[u] - slack);
            if (!net->layer[l].relu) continue;
            if (given->hi[u] <= 0) assert_true(c.hi[u] <= 1e-14);
            if (given->lo[u] >= 0) assert_true(c.lo[u] >= -1e-14);
        }
    }
    assert_int_equal(next, given->refined.count);
    free(c.lo);
    free(c.hi);
}

/* ---- Tests ------------------------------------------------------------------------------- */

/* The first layer that has two others before it is the first whose digits may change. */
static void check_not_looser(const lip_network *net, const lip_preactivation *linear,
                             const lip_preactivation *b, double *before, double *after) {
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t k = 0; k < net->layer[l].width; ++k) {
            size_t u = net->layer[l].offset + k;
            if (l <= 2) assert_true(b->hi[u] <= linear->hi[u] && b->lo[u] >= linear->lo[u]);
            *before += linear->hi[u] - linear->lo[u];
            *after += b->hi[u] - b->lo[u];
        }
}

static void check_kind(const lip_bounding *how, uint64_t seed, int networks) {
    lip_rng rng;
    double before = 0, after = 0;
    size_t records = 0, decided = 0, dropped = 0;
    lip_rng_seed(&rng, seed);
    for (int i = 0; i < networks; ++i) {
        lip_network *net = network(&rng, i);
        lip_region *region = region_of(&rng, lip_inputs(net), how->steps && i % 3 == 0);
        lip_preactivation linear = find(net, region, &LINEAR), b = find(net, region, how);
        assert_int_equal(linear.refined.count, 0);
        check_contains(&rng, net, region, &b, 10);
        check_not_looser(net, &linear, &b, &before, &after);
        check_again(net, region, &b, false);
        check_again(net, region, &b, true);
        records += b.refined.count;
        for (size_t k = 0; k < b.refined.count; ++k) {
            decided += b.refined.item[k].decides;
            dropped += !b.refined.item[k].needed;
        }
        lip_preactivation_clear(&linear);
        lip_preactivation_clear(&b);
        lip_region_free(region);
        lip_network_free(net);
    }
    print_message("%zu refinements, %zu decide, %zu not needed; widths %.4g, before %.4g\n",
                  records, decided, dropped, after, before);
    assert_true(dropped > 0);
    assert_true(records > 2 * (size_t)networks && decided > 5);
    assert_true(after < 0.97 * before);
}

static void test_slopes(void **state) {
    (void)state;
    check_kind(&SLOPES, 701, 150);
}

static void test_programs(void **state) {
    (void)state;
    if (!highs_found()) skip();
    check_kind(&PROGRAMS, 702, 80);
    check_kind(&BOTH, 703, 80);
}

/* One target: LP optimum <= any slopes (up to the LIFT of the program's chords); the multipliers' slopes
 * reach it, and so do many steps, nearly. */
static void check_target(lip_rng *rng, const lip_network *net, const lip_region *region,
                         const lip_lp_library *library, size_t *close, size_t *all) {
    lip_preactivation b = find(net, region, &SLOPES);
    size_t l = net->layers, units = net->units;
    lip_target target = {pick(rng, net->layer[l].width), pick(rng, 2) ? 1 : -1};
    lip_triangle *triangle;
    lip_error err;
    double value, bound, *slope = calloc(units, sizeof *slope);
    assert_int_equal(lip_triangle_create(library, net, region, &b, l, &triangle, &err), LIP_OK);
    assert_non_null(triangle);
    lip_backward *w = lip_backward_create(net, region, &b, &b, l, 1);
    lip_slopes *s = lip_slopes_create(net, region, &b, l, 1);
    for (size_t u = 0; u < units; ++u) slope[u] = lip_slope_digit(&b, u);
    assert_true(lip_triangle_solve(triangle, &target, 60, slope, 1, &value));
    for (size_t u = 0; u < units; ++u) assert_true(slope[u] >= 0 && slope[u] <= 1);
    double size = 1e-3 + fabs(value);
    lip_backward_bound(w, 1, &target, slope, NULL, &bound);
    assert_true(bound >= value - 1e-4 * size);
    *all += 1;
    *close += bound <= value + 1e-4 * size;
    for (size_t u = 0; u < units; ++u) slope[u] = lip_slope_digit(&b, u);
    lip_slopes_improve(s, 1, &target, 300, NULL, slope);
    lip_backward_bound(w, 1, &target, slope, NULL, &bound);
    assert_true(bound >= value - 1e-4 * size);
    assert_true(bound <= value + 0.03 * (size + b.hi[net->layer[l].offset + target.neuron] -
                                         b.lo[net->layer[l].offset + target.neuron]));
    lip_triangle_free(triangle);
    lip_backward_free(w);
    lip_slopes_free(s);
    free(slope);
    lip_preactivation_clear(&b);
}

static void test_value_of_the_program(void **state) {
    (void)state;
    lip_rng rng;
    lip_lp_library *library;
    lip_error err;
    size_t close = 0, all = 0;
    lip_rng_seed(&rng, 704);
    assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
    if (!library) skip();
    for (int i = 0; i < 120; ++i) {
        lip_network *net = network(&rng, i);
        lip_region *region = region_of(&rng, lip_inputs(net), false);
        check_target(&rng, net, region, library, &close, &all);
        lip_region_free(region);
        lip_network_free(net);
    }
    print_message("%zu of %zu targets within 1e-4 of the program\n", close, all);
    assert_int_equal(close, all);
    lip_lp_library_close(library);
}

/* Without HiGHS: a note, and the bounds that slopes give. */
static void test_without_highs(void **state) {
    (void)state;
    const char *before = getenv("LIPCERT_HIGHS");
    char *saved = before ? strdup(before) : NULL;
    lip_rng rng;
    lip_rng_seed(&rng, 705);
    lip_network *net = random_network(&rng, 3, 3, 9, 2);
    lip_region *region = region_of(&rng, 3, false);
    lip_bounding slopes = BOTH;
    slopes.programs = 0;
    setenv("LIPCERT_HIGHS", "none", 1);
    lip_preactivation a = find(net, region, &BOTH), b = find(net, region, &slopes);
    assert_non_null(a.note);
    assert_null(b.note);
    for (size_t u = 0; u < net->units; ++u) assert_true(a.lo[u] == b.lo[u] && a.hi[u] == b.hi[u]);
    lip_preactivation_clear(&a);
    lip_preactivation_clear(&b);
    if (saved)
        setenv("LIPCERT_HIGHS", saved, 1);
    else
        unsetenv("LIPCERT_HIGHS");
    free(saved);
    lip_region_free(region);
    lip_network_free(net);
}

/* Same input, same bits. */
static void test_deterministic(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 706);
    lip_network *net = random_network(&rng, 4, 4, 12, 2);
    lip_region *region = region_of(&rng, 4, false);
    lip_preactivation a = find(net, region, &BOTH), b = find(net, region, &BOTH);
    assert_int_equal(a.refined.count, b.refined.count);
    assert_memory_equal(a.lo, b.lo, 2 * net->units * sizeof(double));
    lip_preactivation_clear(&a);
    lip_preactivation_clear(&b);
    lip_region_free(region);
    lip_network_free(net);
}

/* ---- Ended early ------------------------------------------------------------------------- */

static bool stop_after(const lip_progress *progress, void *user) {
    (void)progress;
    return --*(int *)user < 0;
}

/* However early the watch expires, what is there is proved and can be found again. */
static void test_interrupted(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 707);
    for (int i = 0; i < 60; ++i) {
        lip_network *net = random_network(&rng, 3, 3, 9, 2);
        lip_region *region = region_of(&rng, 3, i % 2 == 0);
        int left = i * 3;
        lip_watch watch = {.deadline = INFINITY, .progress = stop_after, .user = &left};
        lip_preactivation b;
        assert_int_equal(lip_preactivation_find(net, region, &BOTH, &watch, &b, &err), LIP_OK);
        check_contains(&rng, net, region, &b, 10);
        check_again(net, region, &b, false);
        check_again(net, region, &b, true);
        lip_preactivation_clear(&b);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* No work allowed, or the deadline passed: linear bounds. */
static void test_limits(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 708);
    lip_network *net = random_network(&rng, 3, 3, 9, 2);
    lip_region *region = region_of(&rng, 3, false);
    lip_bounding idle = BOTH, late = BOTH;
    idle.work = 0;
    idle.programs = 0;
    late.deadline = 0;
    lip_preactivation linear = find(net, region, &LINEAR), a = find(net, region, &idle),
                      b = find(net, region, &late);
    assert_memory_equal(a.lo, linear.lo, 2 * net->units * sizeof(double));
    assert_memory_equal(b.lo, linear.lo, 2 * net->units * sizeof(double));
    lip_preactivation_clear(&linear);
    lip_preactivation_clear(&a);
    lip_preactivation_clear(&b);
    lip_region_free(region);
    lip_network_free(net);
}

static void test_every_allocation(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 709);
    for (int i = 0; i < 3; ++i) {
        lip_network *net = random_network(&rng, 2, 3, 7, 2);
        lip_region *region = region_of(&rng, 2, i == 0);
        lip_status status = LIP_OUT_OF_MEMORY;
        long fail_at = 1;
        for (; status != LIP_OK && fail_at < 3000; ++fail_at) {
            lip_preactivation b = {0};
            err.status = LIP_OK;
            allocation_begin(fail_at);
            status = lip_preactivation_find(net, region, &BOTH, NULL, &b, &err);
            lip_preactivation_clear(&b);
            allocation_count count = allocation_end();
            assert_int_equal(count.live, 0);
            if (count.calls >= fail_at) assert_int_equal(status, LIP_OUT_OF_MEMORY);
            if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        }
        assert_int_equal(status, LIP_OK);
        assert_true(fail_at > 40);
        lip_region_free(region);
        lip_network_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slopes),        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_value_of_the_program),
        cmocka_unit_test(test_without_highs), cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
