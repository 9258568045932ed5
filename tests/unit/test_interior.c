/* The interior-point method for lifted problems: its algebra against dense matrices, its values against
 * the chain method and a proof of optimality, and multipliers that are usable whenever it is stopped. */
#include "support.h"

#include "base/clock.h"
#include "cert/repair.h"
#include "cert/slack.h"
#include "problem/forms.h"
#include "problem/task.h"
#include "region/region.h"
#include "relax/chain.h"
#include "solve/conic.h"
#include "solve/interior.h"

/* ---- Lifted problems --------------------------------------------------------------------- */

typedef struct subject {
    lip_network *net;
    lip_region *region;
    lip_preactivation bounds;
    lip_query query;
    lip_lifted *lifted;
} subject;

static void lift(subject *s, lip_network *net, lip_norm p, lip_norm q, lip_output output,
                 bool phases) {
    lip_error err;
    s->net = net;
    assert_int_equal(lip_region_everywhere(lip_inputs(net), &s->region, &err), LIP_OK);
    assert_int_equal(lip_preactivation_create(net, s->region, true, NULL, &s->bounds, &err),
                     LIP_OK);
    s->query = (lip_query){p, q, output, s->region, NULL};
    lip_lifted_options options = {.phases = phases, .gram_limit = 4096};
    assert_int_equal(lip_lifted_create(net, &s->bounds, &s->query, &options, &s->lifted, &err),
                     LIP_OK);
}

static void drop(subject *s) {
    lip_lifted_free(s->lifted);
    lip_preactivation_clear(&s->bounds);
    lip_region_free(s->region);
    lip_network_free(s->net);
}

/* A graph with skips, or NULL if it has no tangents. */
static bool random_subject(lip_rng *rng, bool phases, subject *s) {
    lip_network *net = random_network(rng, 1 + pick(rng, 4), 2 + pick(rng, 3), 6, 2);
    lip_norm p = pick(rng, 2) ? LIP_NORM_2 : LIP_NORM_INF;
    lip_norm q = pick(rng, 2) ? LIP_NORM_2 : LIP_NORM_1;
    lip_output output = {pick(rng, 2) ? LIP_OUTPUT_ALL : LIP_OUTPUT_ROW, 0, 0};
    lift(s, net, p, q, output, phases);
    if (s->lifted->neurons > 0 && s->lifted->products > 0) return true;
    drop(s);
    return false;
}

typedef struct stopper {
    int calls, stop_at;
} stopper;

static bool stop_soon(const lip_progress *progress, void *user) {
    stopper *s = user;
    (void)progress;
    return ++s->calls >= s->stop_at;
}

/* sum y size that the method believes in; *bound is what can be proved with it.  stop_at 0: never. */
static double solve(const lip_lifted *lifted, int stop_at, double *bound) {
    lip_multipliers m = {calloc(lifted->groups, sizeof(double)),
                         calloc(lip_family_multipliers(lifted), sizeof(double))};
    stopper stop = {0, stop_at};
    lip_watch watch = {.started = lip_clock_now(), .deadline = INFINITY};
    lip_error err;
    double value = 0;
    if (stop_at) watch.progress = stop_soon, watch.user = &stop;
    assert_int_equal(lip_interior_solve(lifted, 0, &watch, &m, &err), LIP_OK);
    for (size_t g = 0; g < lifted->groups; ++g) value += m.y[g] * lifted->group[g].size;
    lip_repair_options options = {0, 1e-9, NULL};
    assert_int_equal(lip_repair(lifted, &m, &options, bound, &err), LIP_OK);
    free(m.y);
    free(m.lambda);
    return ldexp(value, lifted->exponent);
}

/* ---- Algebra ----------------------------------------------------------------------------- */

static double *random_symmetric(lip_rng *rng, size_t n) {
    double *a = calloc(n * n, sizeof *a);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = lip_rng_gaussian(rng);
    return a;
}

static double *product(size_t n, const double *a, const double *b) {
    double *c = calloc(n * n, sizeof *c);
    for (size_t i = 0; i < n; ++i)
        for (size_t k = 0; k < n; ++k)
            for (size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    return c;
}

static double inner(size_t n, const double *a, const double *b) {
    double sum = 0;
    for (size_t e = 0; e < n * n; ++e) sum += a[e] * b[e];
    return sum;
}

static void assert_near(double a, double b, double scale) {
    assert_true(fabs(a - b) <= 1e-11 * (scale + fabs(a) + fabs(b)));
}

/* A_k as a dense matrix, from the products of problem/family.h. */
static double *constraint(const lip_lifted *lifted, size_t k, lip_product *room) {
    size_t n = lifted->n;
    double *a = calloc(n * n, sizeof *a);
    if (k < lifted->groups) {
        const lip_group *group = &lifted->group[k];
        for (size_t i = group->first; i < group->first + group->count; ++i) a[i * n + i] = 1;
        return a;
    }
    int family = 0;
    size_t place = k - lifted->groups;
    while (place >= lip_family_count(lifted, (lip_family)family))
        place -= lip_family_count(lifted, (lip_family)family++);
    size_t count = lip_family_products(lifted, (lip_family)family, place, room);
    for (size_t c = 0; c < count; ++c) {
        a[room[c].i * n + room[c].j] -= room[c].value / 2;
        a[room[c].j * n + room[c].i] -= room[c].value / 2;
    }
    return a;
}

static void check_algebra(lip_rng *rng, const lip_lifted *lifted) {
    lip_conic conic;
    assert_true(lip_conic_create(lifted, &conic));
    size_t n = conic.n, m = conic.count, e = conic.extended;
    lip_product *room = calloc(lip_family_most_products(lifted), sizeof *room);
    double *z = random_symmetric(rng, n), *x = random_symmetric(rng, n);
    double *big_z = calloc(e * e, sizeof *z), *big_x = calloc(e * e, sizeof *z);
    double *schur = calloc(m * m, sizeof *z), *value = calloc(3 * m, sizeof *z);
    double *twisted = value + m, *weight = twisted + m, *sum = calloc(2 * n * n, sizeof *z);
    double *image = sum + n * n, **a = calloc(m, sizeof *a);
    double *zx = product(n, z, x), *xz = product(n, x, z);
    for (size_t k = 0; k < m; ++k)
        a[k] = constraint(lifted, k, room), weight[k] = uniform(rng, -1, 1);
    lip_conic_extend(&conic, z, big_z);
    lip_conic_extend(&conic, x, big_x);
    lip_conic_schur(&conic, big_z, big_x, schur);
    lip_conic_values(&conic, z, value);
    lip_conic_product_values(&conic, big_z, xz, twisted); /* R = zx, its transpose is xz */
    lip_conic_matrix(&conic, weight, false, sum);
    lip_conic_multiply(&conic, weight, zx, image);
    double *dense = calloc(n * n, sizeof *dense), *zzx = product(n, z, zx);
    for (size_t k = 0; k < m; ++k) {
        double *za = product(n, z, a[k]), *zax = product(n, za, x);
        assert_near(value[k], inner(n, a[k], z), 1);
        assert_near(twisted[k], inner(n, a[k], zzx), 10);
        for (size_t l = k; l < m; ++l) assert_near(schur[l * m + k], inner(n, a[l], zax), 10);
        for (size_t i = 0; i < n * n; ++i) dense[i] += weight[k] * a[k][i];
        free(za);
        free(zax);
        free(a[k]);
    }
    double *expected = product(n, dense, zx);
    for (size_t i = 0; i < n * n; ++i) {
        assert_near(sum[i], dense[i], 1);
        assert_near(image[i], expected[i], 10);
    }
    double *const all[] = {z, x, big_z, big_x, schur, value, sum, zx, xz, dense, zzx, expected};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) free(all[i]);
    free(a);
    free(room);
    lip_conic_clear(&conic);
}

/* The same in a box or ball, with cuts. */
static void test_algebra_of_regions(void **state) {
    (void)state;
    lip_rng rng;
    size_t relus = 0;
    lip_rng_seed(&rng, 345);
    for (int done = 0; done < 20; ++done) {
        subject s;
        lip_error err;
        double centre[4] = {0.1, -0.3, 0.2, 0.4};
        lip_region *everywhere;
        if (!random_subject(&rng, true, &s)) continue;
        everywhere = s.region;
        lip_preactivation_clear(&s.bounds);
        lip_lifted_free(s.lifted);
        assert_int_equal(done % 2 ? lip_region_ball(lip_inputs(s.net), centre, 1, &s.region, &err)
                                  : lip_region_box_around(lip_inputs(s.net), centre, 1, -INFINITY,
                                                          INFINITY, &s.region, &err),
                         LIP_OK);
        lip_region_free(everywhere);
        s.query.region = s.region;
        assert_int_equal(lip_preactivation_create(s.net, s.region, true, NULL, &s.bounds, &err),
                         LIP_OK);
        lip_lifted_options options = {.phases = true, .region = true, .gram_limit = 4096};
        assert_int_equal(lip_lifted_create(s.net, &s.bounds, &s.query, &options, &s.lifted, &err),
                         LIP_OK);
        assert_true(lip_family_add_products(s.lifted) && lip_forms_create(s.lifted));
        for (int k = 0; k < 20; ++k)
            assert_true(lip_family_add_product(s.lifted, pick(&rng, s.lifted->forms),
                                               pick(&rng, s.lifted->forms)));
        relus += s.lifted->relus;
        check_algebra(&rng, s.lifted);
        drop(&s);
    }
    assert_true(relus > 20);
}

static void test_algebra(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 341);
    for (int done = 0; done < 30;) {
        subject s;
        if (!random_subject(&rng, done % 2, &s)) continue;
        check_algebra(&rng, s.lifted);
        drop(&s);
        ++done;
    }
}

/* ---- Values ------------------------------------------------------------------------------ */

static lip_network *gaussian_chain(lip_rng *rng, size_t layers, size_t widest, size_t outputs) {
    size_t width[8] = {2 + pick(rng, 6)};
    double *weight[7];
    const double *weights[7], *biases[7] = {NULL};
    lip_network *net;
    lip_error err;
    for (size_t l = 0; l < layers; ++l) {
        width[l + 1] = l + 1 == layers ? outputs : widest / 2 + pick(rng, widest / 2);
        size_t count = width[l + 1] * width[l];
        weight[l] = calloc(count, sizeof *weight[l]);
        for (size_t k = 0; k < count; ++k) weight[l][k] = lip_rng_gaussian(rng);
        weights[l] = weight[l];
    }
    assert_int_equal(lip_network_create_dense(layers, width, weights, biases, &net, &err), LIP_OK);
    for (size_t l = 0; l < layers; ++l) free(weight[l]);
    return net;
}

static double chain_bound(const subject *s) {
    lip_settings settings;
    lip_error err;
    lip_result result = {0};
    lip_settings_default(&settings);
    lip_task task = {.net = s->net, .query = &s->query, .settings = &settings, .result = &result};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    task.bounds = s->bounds;
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    bool chain;
    assert_int_equal(lip_tangent_chain(&task, &step, &chain, &err), LIP_OK);
    assert_true(chain);
    lip_statement_clear(&task.statement);
    assert_true(step.complete);
    return step.value;
}

/* The chain method has no ranges: here they are made so large that they do not matter.  For several outputs
 * it minimises a smoothed eigenvalue and ends some 1e-6 above the optimum, sometimes more. */
static void test_equals_the_chain_method(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 342);
    for (int i = 0; i < 40; ++i) {
        subject s;
        double bound;
        size_t outputs = i % 4 < 2 ? 1 : 3;
        lift(&s, gaussian_chain(&rng, 2 + pick(&rng, 4), 16, outputs),
             i % 2 ? LIP_NORM_2 : LIP_NORM_INF, i % 8 < 4 ? LIP_NORM_2 : LIP_NORM_1,
             (lip_output){outputs == 1 ? LIP_OUTPUT_ROW : LIP_OUTPUT_ALL, 0, 0}, false);
        for (size_t k = 0; k < s.lifted->neurons; ++k)
            s.lifted->group[s.lifted->variable[s.lifted->neuron[k].v].group].size = 1e4;
        double chain = chain_bound(&s);
        if (s.lifted->neurons > 0) {
            double value = solve(s.lifted, 0, &bound);
            assert_true(value <= chain * (1 + 1e-8));
            assert_true(bound >= value * (1 - 1e-12));
            if (outputs == 1) assert_true(value >= chain * (1 - 1e-6));
        }
        drop(&s);
    }
}

/* Ranges and phases only help, and rounding costs little. */
static void test_more_constraints_are_no_worse(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 343);
    for (int done = 0; done < 40;) {
        subject s;
        lip_lifted_options options = {.phases = true, .gram_limit = 4096};
        lip_lifted *more;
        lip_error err;
        double bound, tighter;
        if (!random_subject(&rng, false, &s)) continue;
        assert_int_equal(lip_lifted_create(s.net, &s.bounds, &s.query, &options, &more, &err),
                         LIP_OK);
        double value = solve(s.lifted, 0, &bound), less = solve(more, 0, &tighter);
        assert_true(bound >= value && bound <= value * (1 + 1e-6));
        assert_true(less <= value * (1 + 1e-6) && tighter <= bound * (1 + 1e-6));
        lip_lifted_free(more);
        drop(&s);
        ++done;
    }
}

/* Wherever it is stopped, the multipliers are feasible: they prove what they promise. */
static void test_every_iterate_is_a_bound(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 344);
    for (int done = 0; done < 20;) {
        subject s;
        double best, bound, before = INFINITY;
        if (!random_subject(&rng, done % 2, &s)) continue;
        double optimum = solve(s.lifted, 0, &best);
        for (int at = 1; at <= 20; ++at) {
            double value = solve(s.lifted, at, &bound);
            assert_true(value <= before && value >= optimum * (1 - 1e-7));
            assert_true(bound >= value && bound <= value * (1 + 1e-6));
            before = value;
        }
        assert_true(before <= optimum * (1 + 1e-3));
        drop(&s);
        ++done;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_algebra),
                                       cmocka_unit_test(test_algebra_of_regions),
                                       cmocka_unit_test(test_equals_the_chain_method),
                                       cmocka_unit_test(test_more_constraints_are_no_worse),
                                       cmocka_unit_test(test_every_iterate_is_a_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
