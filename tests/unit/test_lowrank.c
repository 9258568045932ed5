/* The low-rank solver for lifted problems: its tables against dense matrices, its values against the
 * interior-point method on every family, any rank and any start, and failures that end cleanly. */
#include "allocation.h"
#include "support.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cert/repair.h"
#include "problem/forms.h"
#include "problem/triangles.h"
#include "region/region.h"
#include "relax/tight.h"
#include "solve/interior.h"
#include "solve/lowrank.h"
#include "solve/lowrank_work.h"

/* ---- Lifted problems --------------------------------------------------------------------- */

typedef struct subject {
    lip_network *net;
    lip_region *region;
    lip_preactivation bounds;
    lip_query query;
    lip_lifted *lifted;
} subject;

static void drop(subject *s) {
    lip_lifted_free(s->lifted);
    lip_preactivation_clear(&s->bounds);
    lip_region_free(s->region);
    lip_network_free(s->net);
}

static lip_region *some_region(lip_rng *rng, size_t n) {
    static const double centre[4] = {0.1, -0.3, 0.2, 0.4};
    lip_region *region = NULL;
    lip_error err;
    size_t kind = pick(rng, 3);
    lip_status status =
        kind == 0   ? lip_region_everywhere(n, &region, &err)
        : kind == 1 ? lip_region_ball(n, centre, 1, &region, &err)
                    : lip_region_box_around(n, centre, 1, -INFINITY, INFINITY, &region, &err);
    assert_int_equal(status, LIP_OK);
    return region;
}

/* A lifted problem with products and triangles, or false if it has no objective. */
static bool random_subject(lip_rng *rng, size_t layers, subject *s) {
    lip_error err;
    size_t inputs = 1 + pick(rng, 4);
    *s = (subject){.net = random_network(rng, inputs, layers, 5, 2)};
    s->region = some_region(rng, inputs);
    assert_int_equal(lip_preactivation_create(s->net, s->region, true, NULL, &s->bounds, &err),
                     LIP_OK);
    s->query = (lip_query){pick(rng, 2) ? LIP_NORM_2 : LIP_NORM_INF,
                           pick(rng, 2) ? LIP_NORM_2 : LIP_NORM_1,
                           {pick(rng, 2) ? LIP_OUTPUT_ALL : LIP_OUTPUT_ROW, 0, 0},
                           s->region,
                           NULL};
    lip_lifted_options options = {.phases = true, .gram_limit = 4096, .region = true};
    assert_int_equal(lip_lifted_create(s->net, &s->bounds, &s->query, &options, &s->lifted, &err),
                     LIP_OK);
    if (s->lifted->products > 0) return true;
    drop(s);
    return false;
}

static void add_cuts(lip_rng *rng, lip_lifted *lifted) {
    size_t n = lifted->n;
    assert_true(lip_family_add_products(lifted) && lip_forms_create(lifted));
    for (int k = 0; k < 12; ++k) {
        size_t i = pick(rng, n), j = pick(rng, n), l = pick(rng, n);
        if (i < j && j < l)
            assert_true(lip_family_add_triangle(lifted, i, j, l, pick(rng, 2) ? 1 : -1,
                                                pick(rng, 2) ? 1 : -1));
        assert_true(
            lip_family_add_product(lifted, pick(rng, lifted->forms), pick(rng, lifted->forms)));
    }
}

/* ---- Tables ------------------------------------------------------------------------------ */

static double constraint_value(const lip_lifted *lifted, size_t place, const double *x,
                               lip_product *room) {
    int family = 0;
    double sum = 0;
    while (place >= lip_family_count(lifted, (lip_family)family))
        place -= lip_family_count(lifted, (lip_family)family++);
    size_t count = lip_family_products(lifted, (lip_family)family, place, room);
    for (size_t c = 0; c < count; ++c) sum += room[c].value * x[room[c].i * lifted->n + room[c].j];
    return sum;
}

static double objective_value(const lip_lifted *lifted, const double *x) {
    double sum = 0;
    for (size_t c = 0; c < lifted->products; ++c)
        sum += lifted->objective[c].value *
               x[lifted->objective[c].i * lifted->n + lifted->objective[c].j];
    return sum;
}

static void assert_near(double a, double b, bool single) {
    assert_true(fabs(a - b) <= (single ? 1e-4 : 1e-10) * (10 + fabs(a) + fabs(b)));
}

/* - objective - sum mu g at p->v */
static double lagrangian(lip_lowrank_point *p, const double *mu) {
    double sum = 0;
    lip_lowrank_values(p);
    for (size_t c = 0; c < p->tables->count; ++c) sum -= mu[c] * p->g[c];
    lip_lowrank_gradient(p, 1, mu);
    return sum - p->objective;
}

/* Along a direction that leaves row 0 alone: the function is quadratic, so this is exact. */
static void check_gradient(lip_rng *rng, lip_lowrank_point *p, const double *mu) {
    size_t count = p->tables->n * p->k;
    double *step = calloc(count, sizeof *step), slope = 0, value[2];
    (void)lagrangian(p, mu);
    for (size_t e = p->k; e < count; ++e) {
        step[e] = uniform(rng, -1, 1);
        slope += step[e] * p->gv[e];
    }
    for (int side = 0; side < 2; ++side) {
        for (size_t e = 0; e < count; ++e) p->v[e] += (side ? -2 : 1) * step[e];
        value[side] = lagrangian(p, mu);
    }
    assert_near((value[0] - value[1]) / 2, slope, p->inner_single != NULL);
    free(step);
}

static void check_tables(lip_rng *rng, const lip_lifted *lifted, size_t share, bool single) {
    lip_lowrank_tables tables;
    lip_lowrank_point p;
    size_t n = lifted->n, k = 3;
    assert_true(lip_lowrank_tables_create(lifted, share, &tables));
    assert_true(tables.dense == (share > 0));
    assert_true(lip_lowrank_point_create(&tables, k, single, &p));
    double *x = calloc(n * n, sizeof *x), *mu = calloc(tables.count + 1, sizeof *mu);
    lip_product *room = calloc(lip_family_most_products(lifted), sizeof *room);
    for (size_t e = 0; e < n * k; ++e) p.v[e] = uniform(rng, -1, 1);
    for (size_t c = 0; c < tables.count; ++c) mu[c] = uniform(rng, -1, 1);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j)
            for (size_t c = 0; c < k; ++c) x[i * n + j] += p.v[i * k + c] * p.v[j * k + c];
    (void)lagrangian(&p, mu);
    assert_near(p.objective, objective_value(lifted, x), single);
    for (size_t c = 0; c < tables.count; ++c)
        assert_near(p.g[c], constraint_value(lifted, c, x, room), single);
    check_gradient(rng, &p, mu);
    free(room);
    free(x);
    free(mu);
    lip_lowrank_point_clear(&p);
    lip_lowrank_tables_clear(&tables);
}

static void test_tables(void **state) {
    (void)state;
    lip_rng rng;
    size_t families[LIP_FAMILIES] = {0};
    lip_rng_seed(&rng, 351);
    for (int done = 0; done < 60;) {
        subject s;
        if (!random_subject(&rng, 2 + (size_t)done % 2, &s)) continue;
        add_cuts(&rng, s.lifted);
        check_tables(&rng, s.lifted, 0, false); /* product by product, then V V' */
        check_tables(&rng, s.lifted, (size_t)1 << 30, false);
        check_tables(&rng, s.lifted, (size_t)1 << 30, true);
        for (int f = 0; f < LIP_FAMILIES; ++f)
            families[f] += lip_family_count(s.lifted, (lip_family)f);
        drop(&s);
        ++done;
    }
    for (int f = 0; f < LIP_FAMILIES; ++f) assert_true(families[f] > 0);
}

/* ---- Values ------------------------------------------------------------------------------ */

typedef struct stopper {
    int calls, stop_at;
} stopper;

static bool stop_soon(const lip_progress *progress, void *user) {
    stopper *s = user;
    (void)progress;
    return ++s->calls >= s->stop_at;
}

static double proved(const lip_lifted *lifted, lip_multipliers *m) {
    double bound;
    lip_error err;
    lip_repair_options options = {60, 1e-9, NULL};
    for (size_t c = 0; c < lip_family_multipliers(lifted); ++c) assert_true(isfinite(m->lambda[c]));
    for (size_t g = 0; g < lifted->groups; ++g) assert_true(isfinite(m->y[g]));
    assert_int_equal(lip_repair(lifted, m, &options, &bound, &err), LIP_OK);
    return bound;
}

static lip_multipliers zeros(const lip_lifted *lifted) {
    return (lip_multipliers){calloc(lifted->groups, sizeof(double)),
                             calloc(lip_family_multipliers(lifted) + 1, sizeof(double))};
}

static void discard(lip_multipliers *m) {
    free(m->y);
    free(m->lambda);
}

static double interior(const lip_lifted *lifted) {
    lip_multipliers m = zeros(lifted);
    lip_watch watch = {.started = lip_clock_now(), .deadline = INFINITY};
    lip_error err;
    assert_int_equal(lip_interior_solve(lifted, 0, &watch, &m, &err), LIP_OK);
    double bound = proved(lifted, &m);
    discard(&m);
    return bound;
}

/* stop_at 0: never. */
static double lowrank(const lip_lifted *lifted, size_t rank, uint64_t seed, int stop_at) {
    lip_multipliers m = zeros(lifted);
    stopper stop = {0, stop_at};
    lip_watch watch = {.started = lip_clock_now(), .deadline = INFINITY};
    lip_lowrank factor;
    lip_lowrank_report report;
    lip_error err;
    if (stop_at) watch.progress = stop_soon, watch.user = &stop;
    lip_lowrank_options options = {150, 200, 1e-8, 10, false, false, &watch};
    assert_true(lip_lowrank_create(lifted, rank, seed, &factor));
    assert_int_equal(lip_lowrank_run(lifted, &options, &factor, &m, &report, &err), LIP_OK);
    assert_true(isfinite(report.value));
    double bound = proved(lifted, &m);
    lip_lowrank_clear(&factor);
    discard(&m);
    return bound;
}

/* lip_repair sees to it that no bound is too small.  Where random cuts depend on each other the
 * interior-point method may stop early (one of these ends at 2.75, the low-rank one at 1.90). */
static void test_equals_the_interior_point_method(void **state) {
    (void)state;
    lip_rng rng;
    int near = 0, all = 0;
    lip_rng_seed(&rng, 352);
    while (all < 30) {
        subject s;
        if (!random_subject(&rng, 2, &s)) continue;
        if (all % 2) add_cuts(&rng, s.lifted);
        double best = interior(s.lifted), bound = lowrank(s.lifted, s.lifted->n, 1, 0);
        assert_true(bound <= best * (1 + 1e-2));
        near += fabs(bound / best - 1) <= 1e-4;
        ++all;
        drop(&s);
    }
    assert_true(5 * near >= 4 * all);
}

/* Any start, and ranks far above the number of variables. */
static void test_any_start_and_rank(void **state) {
    (void)state;
    static const size_t ranks[] = {5, 20, 200};
    lip_rng rng;
    lip_rng_seed(&rng, 353);
    for (int done = 0; done < 6;) {
        subject s;
        if (!random_subject(&rng, 2, &s)) continue;
        if (s.lifted->n < 5) {
            drop(&s);
            continue;
        }
        double best = interior(s.lifted);
        for (size_t r = 0; r < 3; ++r) {
            double bound = lowrank(s.lifted, ranks[r], 1 + r, 0);
            assert_true(bound >= best * (1 - 1e-6) && bound <= best * (1 + 1e-2));
        }
        drop(&s);
        ++done;
    }
}

static void test_stopped_anywhere(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 354);
    for (int done = 0; done < 5;) {
        subject s;
        if (!random_subject(&rng, 2, &s)) continue;
        double best = interior(s.lifted);
        for (int at = 1; at < 400; at += 57)
            assert_true(lowrank(s.lifted, 8, 1, at) >= best * (1 - 1e-6));
        drop(&s);
        ++done;
    }
}

/* ---- Stages ------------------------------------------------------------------------------ */

static lip_status stages(subject *s, lip_task *task, bool tight, double *bound, lip_error *err) {
    lip_settings settings;
    lip_settings_default(&settings);
    *task =
        (lip_task){.net = s->net, .bounds = s->bounds, .query = &s->query, .settings = &settings};
    task->watch = (lip_watch){.started = lip_clock_now(), .deadline = lip_clock_now() + 1e6};
    lip_parts proofs;
    bool created = lip_parts_create(task, &proofs);
    lip_stages q = {
        .task = task, .proofs = &proofs, .lifted = s->lifted, .best = INFINITY, .share = 1};
    q.m.y = LIP_NEW(double, s->lifted->groups);
    q.m.lambda = LIP_NEW(double, lip_family_multipliers(s->lifted));
    q.primal = LIP_NEW(double, s->lifted->n * s->lifted->n);
    lip_status status = LIP_OUT_OF_MEMORY;
    if (created && q.m.y && q.m.lambda && q.primal)
        status = lip_tight_large(&q, tight, err);
    else
        err->status = status;
    free(q.m.y);
    free(q.m.lambda);
    free(q.primal);
    lip_parts_clear(&proofs);
    *bound = q.best;
    return status;
}

/* Cuts help and stay above what is true for all of them: the optimum with every triangle. */
static void test_stages(void **state) {
    (void)state;
    lip_rng rng;
    int better = 0;
    lip_rng_seed(&rng, 355);
    for (int done = 0; done < 8;) {
        subject s;
        lip_task task;
        lip_error err;
        double first, all, least;
        if (!random_subject(&rng, 2, &s)) continue;
        if (s.lifted->n > 14) {
            drop(&s);
            continue;
        }
        assert_int_equal(stages(&s, &task, false, &first, &err), LIP_OK);
        double base = interior(s.lifted);
        assert_true(first >= base * (1 - 1e-6) && first <= base * (1 + 2e-2));
        assert_int_equal(stages(&s, &task, true, &all, &err), LIP_OK);
        assert_true(all <= first * (1 + 2e-2));
        for (size_t i = 0; i < s.lifted->n; ++i)
            for (size_t j = i + 1; j < s.lifted->n; ++j)
                for (size_t k = j + 1; k < s.lifted->n; ++k)
                    for (int c = 0; c < 4; ++c)
                        assert_true(lip_family_add_triangle(s.lifted, i, j, k, c & 1 ? 1 : -1,
                                                            c & 2 ? 1 : -1));
        least = interior(s.lifted);
        assert_true(all >= least * (1 - 1e-6));
        better += all < base * (1 - 1e-3);
        drop(&s);
        ++done;
    }
    assert_true(better > 0);
}

static void test_every_allocation(void **state) {
    (void)state;
    lip_rng rng;
    subject s;
    lip_rng_seed(&rng, 356);
    while (!random_subject(&rng, 2, &s) || s.lifted->n > 9 || s.lifted->relus == 0)
        if (s.lifted) drop(&s);
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long fail_at = 1; status != LIP_OK && fail_at < 400; ++fail_at) {
        lip_task task;
        lip_error err = {0};
        double bound;
        allocation_begin(fail_at);
        status = stages(&s, &task, true, &bound, &err);
        allocation_count count = allocation_end();
        if (count.calls >= fail_at) {
            assert_int_equal(status, LIP_OUT_OF_MEMORY);
            assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        }
    }
    drop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_equals_the_interior_point_method),
                                       cmocka_unit_test(test_any_start_and_rank),
                                       cmocka_unit_test(test_stopped_anywhere),
                                       cmocka_unit_test(test_stages),
                                       cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
