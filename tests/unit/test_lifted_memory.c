/* The k-th allocation fails, for every k: lifting, exporting, repairing, the dense methods and those for
 * chains end in "out of memory" and give everything back. */
#include "allocation.h"
#include "chains.h"

#include "base/error.h"
#include "lipcert.h"
#include "region/region.h"
#include "relax/chain.h"
#include "relax/lifted_bound.h"

typedef struct subject {
    const lip_network *net;
    const lip_query *query;
    lip_method_fn method; /* NULL: export */
} subject;

static lip_status act(const subject *s, lip_error *err) {
    lip_settings settings;
    lip_result result = {0};
    lip_settings_default(&settings);
    if (!s->method) {
        lip_export_options options = {0, true, 0, NULL};
        char *text = NULL;
        size_t size;
        lip_status status =
            lip_export_sdpa(s->net, s->query, &settings, &options, &text, &size, err);
        free(text);
        return status;
    }
    lip_task task = {.net = s->net, .query = s->query, .settings = &settings, .result = &result};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    lip_status status =
        lip_preactivation_create(s->net, s->query->region, true, NULL, &task.bounds, err);
    if (status != LIP_OK) return status;
    status = s->method(&task, &step, err);
    if (status == LIP_OK && task.statement.text.failed) status = lip_fail_memory(err);
    lip_statement_clear(&task.statement);
    lip_preactivation_clear(&task.bounds);
    return status;
}

/* Without the general engine, which has its own test and takes many more allocations. */
static lip_status chain_only(lip_task *task, lip_step *step, lip_error *err) {
    bool chain;
    return lip_tangent_chain(task, step, &chain, err);
}

static void every_failure(const subject *s) {
    lip_error err;
    lip_status status = LIP_OUT_OF_MEMORY;
    long fail_at = 1;
    for (; status != LIP_OK && fail_at < 3000; ++fail_at) {
        err.status = LIP_OK;
        allocation_begin(fail_at);
        status = act(s, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (count.calls >= fail_at) { /* it did fail, and that was noticed */
            assert_int_equal(status, LIP_OUT_OF_MEMORY);
            assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        }
    }
    assert_int_equal(status, LIP_OK);
    assert_true(fail_at > 20);
}

static void test_every_allocation(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 331);
    for (int i = 0; i < 6; ++i) {
        lip_network *net = random_network(&rng, 2, 3, 4, 2);
        lip_region *region;
        assert_int_equal(lip_region_everywhere(2, &region, &err), LIP_OK);
        lip_query query = {
            LIP_NORM_2, LIP_NORM_2, {i % 2 ? LIP_OUTPUT_ALL : LIP_OUTPUT_ROW, 0, 0}, region, NULL};
        every_failure(&(subject){net, &query, NULL});
        every_failure(&(subject){net, &query, lip_tangent_general});
        lip_region_free(region);
        lip_network_free(net);
    }
}

static void test_every_allocation_of_tight(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    double centre[2] = {0.1, -0.2};
    lip_rng_seed(&rng, 333);
    for (int i = 0; i < 4; ++i) {
        lip_network *net = random_network(&rng, 2, 2, 3, 2);
        lip_region *region;
        assert_int_equal(i < 2 ? lip_region_ball(2, centre, 1, &region, &err)
                               : lip_region_everywhere(2, &region, &err),
                         LIP_OK);
        lip_query query = {LIP_NORM_INF,
                           LIP_NORM_1,
                           {i % 2 ? LIP_OUTPUT_ALL : LIP_OUTPUT_ROW, 0, 0},
                           region,
                           NULL};
        every_failure(&(subject){net, &query, lip_tight_method});
        lip_region_free(region);
        lip_network_free(net);
    }
}

static void test_every_allocation_of_chains(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 332);
    for (size_t i = 0; i < 12; ++i) {
        lip_network *net = random_chain(&rng, 1 + i % 4);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        every_failure(&(subject){net, &query, chain_only});
        lip_region_free(region);
        lip_network_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation),
                                       cmocka_unit_test(test_every_allocation_of_tight),
                                       cmocka_unit_test(test_every_allocation_of_chains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
