/* The mixed-integer formulations on graphs with skip connections, their refusals, and memory that runs out. */
#include "support.h"

#include "allocation.h"
#include "relax/miqcqp.h"

static bool have_highs(void) {
    lip_lp_library *library;
    lip_error err;
    assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
    lip_lp_library_close(library);
    if (!library) print_message("HiGHS was not found: tools/deps.sh --highs\n");
    return library != NULL;
}

static lip_region *box(lip_rng *rng, size_t n) {
    double lo[8], hi[8];
    lip_region *region;
    lip_error err;
    assert_true(n <= 8);
    for (size_t i = 0; i < n; ++i) {
        lo[i] = uniform(rng, -1, 0.5);
        hi[i] = lo[i] + uniform(rng, 0.1, 2);
    }
    assert_int_equal(lip_region_box(n, lo, hi, &region, &err), LIP_OK);
    return region;
}

static const lip_step *step_of(const lip_result *result, const char *method) {
    for (size_t i = 0; i < result->steps; ++i)
        if (strcmp(result->step[i].method, method) == 0) return &result->step[i];
    fail_msg("no step of %s", method);
    return NULL;
}

/* No gradient that sampling finds exceeds the value, and mostly a witness attains it. */
static void test_graphs(void **state) {
    (void)state;
    if (!have_highs()) skip();
    lip_rng rng;
    lip_rng_seed(&rng, 707);
    int coincide = 0, graphs = 60;
    for (int i = 0; i < graphs; ++i) {
        lip_network *net = random_network(&rng, 3, 1 + pick(&rng, 3), 4, 2);
        lip_region *region = box(&rng, 3);
        lip_output outputs[] = {
            {LIP_OUTPUT_ROW, 1, 0}, {LIP_OUTPUT_MARGIN, 0, 1}, {LIP_OUTPUT_ALL, 0, 0}};
        lip_query query = {.norm_in = i % 2 ? LIP_NORM_1 : LIP_NORM_INF,
                           .norm_out = i % 4 < 2 ? LIP_NORM_1 : LIP_NORM_INF,
                           .output = outputs[i % 3],
                           .region = region};
        lip_result *sampled, *result;
        lip_error err = {0};
        assert_int_equal(lip_bound(net, &query, "lbs", NULL, NULL, NULL, &sampled, &err), LIP_OK);
        assert_int_equal(lip_bound(net, &query, "miqcqp", NULL, NULL, NULL, &result, &err), LIP_OK);
        const lip_step *step = step_of(result, "miqcqp");
        assert_true(step->complete && step->evidence == LIP_COMPUTED);
        assert_true(step->value >= sampled->lower * (1 - 1e-7));
        assert_true(step->value >= result->lower * (1 - 1e-7));
        assert_true(result->upper == INFINITY && !result->upper_method[0]);
        coincide += result->lower >= step->value * (1 - 1e-6);
        lip_result_free(sampled);
        lip_result_free(result);
        lip_region_free(region);
        lip_network_free(net);
    }
    /* where biases are 0, closed regions allow more at 0 */
    assert_true(coincide >= graphs * 3 / 4);
}

/* Sizes that no solver would finish, and parts that there are not. */
static void test_refusals(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 708);
    lip_network *net = random_network(&rng, 3, 2, 4, 2);
    lip_region *region = box(&rng, 3);
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    lip_export_options options = {.part = 2};
    char *text;
    size_t size;
    lip_error err = {0};
    assert_int_equal(lip_export_lp(net, &query, NULL, &options, &text, &size, &err), LIP_ARGUMENT);
    assert_non_null(strstr(err.message, "from 0 to 1"));
    options = (lip_export_options){.relaxation = "tangent"};
    assert_int_equal(lip_export_lp(net, &query, NULL, &options, &text, &size, &err), LIP_ARGUMENT);
    assert_non_null(strstr(err.message, "expected miqcqp"));
    lip_network_free(net);
    lip_region_free(region);

    const size_t width[] = {2100, 2000, 1};
    double *weight[2] = {calloc(width[0] * width[1], sizeof(double)),
                         calloc(width[1], sizeof(double))};
    assert_int_equal(
        lip_network_create_dense(2, width, (const double *const *)weight, NULL, &net, &err),
        LIP_OK);
    assert_int_equal(lip_region_everywhere(width[0], &region, &err), LIP_OK);
    query.region = region;
    assert_int_equal(lip_export_lp(net, &query, NULL, NULL, &text, &size, &err), LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, "4000000"));
    lip_network_free(net);
    lip_region_free(region);
    free(weight[0]);
    free(weight[1]);
}

static bool stop_at_once(const lip_progress *progress, void *user) {
    (void)progress;
    ++*(int *)user;
    return true;
}

/* A caller who stops gets no value, and no error. */
static void test_watch(void **state) {
    (void)state;
    if (!have_highs()) skip();
    lip_rng rng;
    lip_rng_seed(&rng, 709);
    lip_network *net = random_network(&rng, 3, 2, 4, 2);
    lip_region *region = box(&rng, 3);
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    lip_result *result;
    lip_error err;
    int calls = 0;
    assert_int_equal(lip_bound(net, &query, "miqcqp", NULL, stop_at_once, &calls, &result, &err),
                     LIP_OK);
    assert_true(calls > 0 && result->stop == LIP_INTERRUPTED);
    assert_false(step_of(result, "miqcqp")->complete);
    assert_true(step_of(result, "miqcqp")->value == INFINITY);
    lip_result_free(result);
    lip_region_free(region);
    lip_network_free(net);
}

/* ---- Memory ------------------------------------------------------------------------------ */

typedef lip_status (*attempt_fn)(const lip_network *net, const lip_query *query, lip_error *err);

static lip_status attempt_files(const lip_network *net, const lip_query *query, lip_error *err) {
    char *text = NULL;
    size_t size;
    lip_export_options options = {.relaxation = "miqcqp-lower"};
    lip_status status = lip_export_lp(net, query, NULL, &options, &text, &size, err);
    if (status != LIP_OK) return status;
    free(text);
    status = lip_export_mps(net, query, NULL, &options, &text, &size, err);
    if (status == LIP_OK) free(text);
    return status;
}

static lip_status attempt_bound(const lip_network *net, const lip_query *query, lip_error *err) {
    lip_result *result = NULL;
    lip_status status = lip_bound(net, query, "miqcqp", NULL, NULL, NULL, &result, err);
    lip_result_free(result);
    return status;
}

/* Let call number k fail for every k: a clean error each time, nothing leaked. */
static void exhaust(attempt_fn attempt, const lip_network *net, const lip_query *query) {
    lip_status status = LIP_OUT_OF_MEMORY;
    long k = 1;
    for (; status != LIP_OK && k < 20000; ++k) {
        lip_error err = {0};
        allocation_begin(k);
        status = attempt(net, query, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
    }
    assert_int_equal(status, LIP_OK);
    assert_true(k > 40);
}

/* relu(x) - relu(-x), so that the lower formulation is solved as well. */
static lip_network *kink(void) {
    static const double first[] = {1, -1}, last[] = {1, -1};
    static const double *const weight[] = {first, last};
    static const size_t width[] = {1, 2, 1};
    lip_network *net;
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, width, weight, NULL, &net, &err), LIP_OK);
    return net;
}

static void test_memory(void **state) {
    (void)state;
    lip_network *net = kink();
    lip_region *region;
    lip_error err;
    assert_int_equal(lip_region_box(1, (double[]){-1}, (double[]){1}, &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    exhaust(attempt_files, net, &query);
    if (have_highs()) exhaust(attempt_bound, net, &query);
    lip_region_free(region);
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_graphs),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_watch), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
