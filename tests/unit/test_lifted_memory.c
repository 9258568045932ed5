/* The k-th allocation fails, for every k: lifting, exporting, repairing and the dense methods end in "out
 * of memory" and give everything back.  The linker routes calloc, realloc and free through here. */
#include "support.h"

#include "lipcert.h"
#include "region/region.h"
#include "relax/lifted_bound.h"

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static bool armed;
static long calls, fail_at, live;

static bool fails(void) { return armed && ++calls == fail_at; }

void *__wrap_calloc(size_t count, size_t size) {
    void *block = fails() ? NULL : __real_calloc(count, size);
    if (armed && block) ++live;
    return block;
}

void *__wrap_realloc(void *block, size_t size) {
    void *grown = fails() ? NULL : __real_realloc(block, size);
    if (armed && grown && !block) ++live;
    return grown;
}

void __wrap_free(void *block) {
    if (armed && block) --live;
    __real_free(block);
}

typedef struct subject {
    const lip_network *net;
    const lip_query *query;
    bool export;
} subject;

static lip_status act(const subject *s, lip_error *err) {
    lip_settings settings;
    lip_result result = {0};
    lip_settings_default(&settings);
    if (s->export) {
        lip_export_options options = {0, true, 0};
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
    status = lip_tangent_general(&task, &step, err);
    lip_preactivation_clear(&task.bounds);
    return status;
}

static void every_failure(const subject *s) {
    lip_error err;
    lip_status status = LIP_OUT_OF_MEMORY;
    for (fail_at = 1; status != LIP_OK && fail_at < 3000; ++fail_at) {
        calls = live = 0;
        err.status = LIP_OK;
        armed = true;
        status = act(s, &err);
        armed = false;
        assert_int_equal(live, 0);
        if (calls >= fail_at) { /* it did fail, and that was noticed */
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
            LIP_NORM_2, LIP_NORM_2, {i % 2 ? LIP_OUTPUT_ALL : LIP_OUTPUT_ROW, 0, 0}, region};
        every_failure(&(subject){net, &query, true});
        every_failure(&(subject){net, &query, false});
        lip_region_free(region);
        lip_network_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
