/* The method exact through lip_bound: the same tree twice, bounds that hold for any number of threads and whenever
 * it is stopped, limits, the gap, and memory that runs out.  Certificates are verified by lipcheck. */
#include "allocation.h"
#include "chains.h"

#include <sys/wait.h>
#include <time.h>

static const char network_file[] = "branch.net", certificate_file[] = "branch.cert";

/* ---- Questions --------------------------------------------------------------------------- */

/* A dense network with Gaussian weights, of the scale that keeps values where they are. */
static lip_network *gaussian(lip_rng *rng, size_t layers, const size_t *width) {
    double *weight[5], *bias[5];
    lip_network *net;
    lip_error err;
    for (size_t l = 0; l < layers; ++l) {
        weight[l] = calloc(width[l] * width[l + 1], sizeof(double));
        bias[l] = calloc(width[l + 1], sizeof(double));
        for (size_t k = 0; k < width[l] * width[l + 1]; ++k)
            weight[l][k] = lip_rng_gaussian(rng) * sqrt(2 / (double)width[l]);
        for (size_t k = 0; k < width[l + 1]; ++k) bias[l][k] = 0.5 * lip_rng_gaussian(rng);
    }
    assert_int_equal(lip_network_create_dense(layers, width, (const double *const *)weight,
                                              (const double *const *)bias, &net, &err),
                     LIP_OK);
    for (size_t l = 0; l < layers; ++l) {
        free(weight[l]);
        free(bias[l]);
    }
    return net;
}

static lip_settings standard(void) {
    lip_settings settings;
    lip_settings_default(&settings);
    settings.time_limit = 100; /* not the clock ends a run */
    return settings;
}

static lip_result *bound_with(const char *methods, const lip_network *net, const lip_query *query,
                              const lip_settings *settings, lip_progress_fn progress, void *user) {
    lip_result *result = NULL;
    lip_error err = {0};
    lip_status status = lip_bound(net, query, methods, settings, progress, user, &result, &err);
    if (status != LIP_OK) print_message("%s\n", err.message);
    assert_int_equal(status, LIP_OK);
    assert_true(result->lower >= 0 && result->lower <= result->upper);
    return result;
}

static lip_result *bound(const lip_network *net, const lip_query *query,
                         const lip_settings *settings, lip_progress_fn progress, void *user) {
    return bound_with("exact", net, query, settings, progress, user);
}

static const lip_step *upper_step(const lip_result *result) {
    for (size_t k = 0; k < result->steps; ++k)
        if (result->step[k].side == LIP_UPPER && strcmp(result->step[k].method, "exact") == 0)
            return &result->step[k];
    fail_msg("no step of the method exact");
    return NULL;
}

static bool closed(const lip_result *result, double gap) {
    return result->upper <= result->lower * (1 + gap);
}

/* ---- Certificates ------------------------------------------------------------------------ */

static char *certificate(const lip_network *net, const lip_query *query, const lip_result *result,
                         size_t *size) {
    char *text;
    lip_error err = {0};
    assert_int_equal(lip_certificate(net, query, result, &text, size, &err), LIP_OK);
    return text;
}

/* lipcheck finds the same bounds, or better ones. */
static void verify(const lip_network *net, const lip_query *query, const lip_result *result) {
    char command[600];
    size_t size;
    lip_error err;
    char *text = certificate(net, query, result, &size);
    assert_true(result->certified == result->upper);
    assert_int_equal(lip_network_save(net, network_file, &err), LIP_OK);
    FILE *f = fopen(certificate_file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    free(text);
    snprintf(command, sizeof command, "%s %s %s >/dev/null", LIPCHECK, network_file,
             certificate_file);
    int status = system(command);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove(network_file);
    remove(certificate_file);
}

/* ---- Threads ----------------------------------------------------------------------------- */

static bool dawdle(const lip_progress *progress, void *user) {
    (void)progress;
    size_t *rest = user;
    if (*rest > 0) {
        --*rest;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    return false;
}

/* One thread: the same bits, also if the machine is slower the second time. */
static void same_twice(const lip_network *net, const lip_query *query) {
    lip_settings settings = standard();
    size_t first, second, calls = 30;
    lip_result *a = bound(net, query, &settings, NULL, NULL);
    lip_result *b = bound(net, query, &settings, dawdle, &calls);
    char *text_a = certificate(net, query, a, &first),
         *text_b = certificate(net, query, b, &second);
    assert_true(a->lower == b->lower && a->upper == b->upper);
    assert_int_equal(first, second);
    assert_memory_equal(text_a, text_b, first);
    free(text_a);
    free(text_b);
    lip_result_free(a);
    lip_result_free(b);
}

static void test_one_thread(void **state) {
    (void)state;
    static const size_t width[] = {6, 13, 11, 3}, small[] = {3, 6, 5, 3};
    lip_rng rng;
    lip_rng_seed(&rng, 101);
    for (int c = 0; c < 10; ++c) {
        lip_network *net = gaussian(&rng, 3, c < 7 ? small : width);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        same_twice(net, &query);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* More threads: other trees, the same value. */
static void test_threads(void **state) {
    (void)state;
    static const size_t width[] = {5, 10, 8, 2};
    lip_rng rng;
    lip_rng_seed(&rng, 102);
    for (int c = 0; c < 8; ++c) {
        lip_network *net = gaussian(&rng, 3, width);
        lip_region *region = random_region(&rng, 5);
        lip_query query = random_query(&rng, region);
        if (query.output.kind != LIP_OUTPUT_ALL) query.output.i = 0, query.output.j = 1;
        lip_settings settings = standard();
        lip_result *one = bound(net, &query, &settings, NULL, NULL);
        verify(net, &query, one);
        for (int threads = 2; threads < 5; ++threads) {
            settings.threads = threads;
            lip_result *many = bound(net, &query, &settings, NULL, NULL);
            verify(net, &query, many);
            assert_true(closed(one, 1.1e-6) && closed(many, 1.1e-6));
            assert_true(many->lower <= one->upper && one->lower <= many->upper);
            lip_result_free(many);
        }
        lip_result_free(one);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* ---- Stops ------------------------------------------------------------------------------- */

typedef struct stopper {
    size_t calls, at;
    double least, most; /* bounds must not get worse */
    bool broken;
} stopper;

static bool stop_at(const lip_progress *progress, void *user) {
    stopper *s = user;
    s->broken = s->broken || progress->lower < s->least || progress->upper > s->most;
    s->least = progress->lower;
    s->most = progress->upper;
    return ++s->calls == s->at;
}

/* Whenever it is interrupted: two bounds that hold, and their proof.  (Before a method begins, there is only that of `product`.) */
static void test_interrupts(void **state) {
    (void)state;
    static const size_t width[] = {4, 10, 8, 2};
    static const char both[] = "product,exact";
    lip_rng rng;
    lip_rng_seed(&rng, 103);
    size_t stops = 0, open = 0;
    for (int c = 0; c < 4; ++c) {
        lip_network *net = gaussian(&rng, 3, width);
        lip_region *region = random_region(&rng, 4);
        lip_query query = {(lip_norm)(1 + pick(&rng, 3)),
                           (lip_norm)(1 + pick(&rng, 3)),
                           {LIP_OUTPUT_ALL, 0, 0},
                           region,
                           NULL};
        lip_settings settings = standard();
        stopper count = {.most = INFINITY};
        lip_result *whole = bound_with(both, net, &query, &settings, stop_at, &count);
        assert_true(!count.broken && closed(whole, 1.1e-6) && whole->stop == LIP_FINISHED);
        for (size_t at = 1; at <= count.calls; at += at < 6 ? 1 : 1 + count.calls / 12) {
            stopper s = {.at = at, .most = INFINITY};
            settings.threads = 1 + (int)(at % 2);
            lip_result *result = bound_with(both, net, &query, &settings, stop_at, &s);
            assert_true(s.calls <= at && !s.broken);
            if (s.calls == at) assert_int_equal(result->stop, LIP_INTERRUPTED);
            assert_true(result->upper < INFINITY);
            assert_true(result->lower <= whole->upper && result->upper >= whole->lower);
            verify(net, &query, result);
            open += !closed(result, 1e-6);
            ++stops;
            lip_result_free(result);
        }
        settings.time_limit = 0;
        lip_result *none = bound_with(both, net, &query, &settings, NULL, NULL);
        assert_int_equal(none->stop, LIP_OUT_OF_TIME);
        assert_true(none->upper < INFINITY && none->upper >= whole->lower);
        assert_true(none->lower <= whole->upper);
        verify(net, &query, none);
        lip_result_free(none);
        lip_result_free(whole);
        lip_region_free(region);
        lip_network_free(net);
    }
    print_message("%zu stops, %zu with a gap left\n", stops, open);
    assert_true(stops > 20 && open > 5);
}

/* ---- Limits ------------------------------------------------------------------------------ */

static void test_tree_memory(void **state) {
    (void)state;
    static const size_t width[] = {12, 40, 40, 1};
    lip_rng rng;
    lip_rng_seed(&rng, 104);
    lip_region *region;
    lip_error err;
    lip_network *net = gaussian(&rng, 3, width);
    assert_int_equal(lip_region_everywhere(12, &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    lip_settings settings = standard();
    settings.tree_memory = 1;
    for (settings.threads = 1; settings.threads < 3; ++settings.threads) {
        lip_result *result = bound(net, &query, &settings, NULL, NULL);
        size_t size;
        char *text = certificate(net, &query, result, &size);
        const lip_step *step = upper_step(result);
        assert_false(step->complete);
        assert_non_null(strstr(step->note, "tree-memory"));
        assert_true(result->upper < INFINITY && !closed(result, 1e-6));
        assert_true(size < 2 << 20); /* the text is a part of the tree */
        free(text);
        verify(net, &query, result);
        lip_result_free(result);
    }
    lip_region_free(region);
    lip_network_free(net);
}

static size_t nodes(const lip_result *result) {
    size_t count = 0;
    assert_int_equal(sscanf(upper_step(result)->note, "%zu nodes", &count), 1);
    return count;
}

/* The gap that is asked for is reached, and a wider one is cheaper. */
static void test_gap(void **state) {
    (void)state;
    static const size_t width[] = {5, 10, 8, 1};
    static const double gaps[] = {0.5, 0.05, 1e-3, 1e-6, 1e-8};
    lip_rng rng;
    lip_rng_seed(&rng, 105);
    for (int c = 0; c < 4; ++c) {
        lip_network *net = gaussian(&rng, 3, width);
        lip_region *region = random_region(&rng, 5);
        lip_query query = {
            c % 2 ? LIP_NORM_2 : LIP_NORM_INF, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
        lip_settings settings = standard();
        size_t first = 0, last = 0;
        double best = INFINITY;
        for (size_t k = 0; k < 5; ++k) {
            settings.gap = gaps[k];
            lip_result *result = bound(net, &query, &settings, NULL, NULL);
            assert_true(closed(result, gaps[k] * (1 + 1e-6)));
            assert_true(upper_step(result)->complete);
            assert_true(result->lower <= best);
            best = fmin(best, result->upper);
            last = nodes(result);
            if (k == 0) first = last;
            verify(net, &query, result);
            lip_result_free(result);
        }
        assert_true(first <= last);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* What it does not take it says, and other methods do not suffer. */
static void test_refusals(void **state) {
    (void)state;
    static const size_t wide[] = {700, 600, 1}, small[] = {2, 3, 1};
    lip_rng rng;
    lip_rng_seed(&rng, 106);
    lip_error err;
    lip_region *region;
    lip_network *net = gaussian(&rng, 2, wide);
    assert_int_equal(lip_region_everywhere(700, &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    lip_settings settings = standard();
    lip_result *result = bound(net, &query, &settings, NULL, NULL);
    assert_non_null(strstr(upper_step(result)->note, "700 inputs and 600 neurons"));
    assert_true(result->upper == INFINITY);
    lip_result_free(result);
    lip_region_free(region);
    lip_network_free(net);

    net = gaussian(&rng, 2, small);
    assert_int_equal(lip_region_box(2, (double[]){0, 0}, (double[]){1, 0}, &region, &err), LIP_OK);
    query.region = region;
    result = bound(net, &query, &settings, NULL, NULL);
    assert_non_null(strstr(upper_step(result)->note, "no interior"));
    assert_true(result->upper == INFINITY);
    lip_result_free(result);
    lip_region_free(region);
    lip_network_free(net);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Let call number k fail for every k: an error that says so, nothing leaked; or, where it is no harm, the answer. */
static void exhaust(const lip_network *net, const lip_query *query, const lip_settings *settings) {
    lip_result *whole = bound(net, query, settings, NULL, NULL);
    lip_status status = LIP_OUT_OF_MEMORY;
    allocation_count count = {1, 0};
    size_t survived = 0;
    for (long k = 1; k <= count.calls || status != LIP_OK; ++k) {
        lip_error err = {0};
        lip_result *result = NULL;
        allocation_begin(k);
        status = lip_bound(net, query, "exact", settings, NULL, NULL, &result, &err);
        if (status == LIP_OK) {
            assert_true(result->lower <= whole->upper && closed(result, 1.1e-6));
        }
        lip_result_free(result);
        count = allocation_end();
        survived += status == LIP_OK && count.calls >= k;
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        if (status != LIP_OK) assert_int_equal(status, LIP_OUT_OF_MEMORY);
        if (count.calls < k) break;
    }
    assert_int_equal(status, LIP_OK);
    print_message("%ld allocations, %zu of them spared\n", count.calls, survived);
    assert_true(count.calls > 300 && survived * 20 < (size_t)count.calls);
    lip_result_free(whole);
}

static void test_memory(void **state) {
    (void)state;
    static const size_t width[] = {2, 6, 5, 2};
    lip_rng rng;
    lip_rng_seed(&rng, 107);
    lip_error err;
    for (int c = 0; c < 3; ++c) {
        lip_region *region;
        lip_network *net = gaussian(&rng, 3, width);
        double centre[2] = {0.1, -0.2}, lo[2] = {-1, -1}, hi[2] = {1, 2};
        lip_settings settings = standard();
        settings.samples = 20;
        if (c == 0) assert_int_equal(lip_region_everywhere(2, &region, &err), LIP_OK);
        if (c == 1) assert_int_equal(lip_region_box(2, lo, hi, &region, &err), LIP_OK);
        if (c == 2) assert_int_equal(lip_region_ball(2, centre, 1, &region, &err), LIP_OK);
        lip_query query = {c == 1 ? LIP_NORM_INF : LIP_NORM_2,
                           LIP_NORM_1,
                           {c == 2 ? LIP_OUTPUT_MARGIN : LIP_OUTPUT_ALL, 0, 1},
                           region,
                           NULL};
        exhaust(net, &query, &settings);
        lip_region_free(region);
        lip_network_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_interrupts), cmocka_unit_test(test_tree_memory),
        cmocka_unit_test(test_gap),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
