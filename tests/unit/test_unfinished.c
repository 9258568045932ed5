/* What a result says is left to do: methods of margins that end early although their watch goes on, and methods that would
 * refuse the question however much time there was. */
#include "support.h"

enum { COLUMNS = 16 };

static lip_network *one_layer(size_t inputs, size_t neurons, size_t outputs) {
    lip_rng rng;
    lip_error err;
    lip_network *net;
    size_t widths[] = {inputs, neurons, outputs},
           count = neurons * (inputs > outputs ? inputs : outputs);
    double *w = calloc(2 * count, sizeof *w);
    const double *weight[] = {w, w + count}, *bias[] = {NULL, NULL};
    lip_rng_seed(&rng, 5);
    for (size_t k = 0; k < 2 * count; ++k) w[k] = lip_rng_gaussian(&rng);
    for (size_t k = 0; k < neurons; ++k) w[k * inputs] *= 8; /* the first column counts most */
    assert_int_equal(lip_network_create_dense(2, widths, weight, bias, &net, &err), LIP_OK);
    free(w);
    return net;
}

static bool is_left(const lip_result *r, const char *method) {
    for (size_t i = 0; i < r->unfinished_count; ++i)
        if (strcmp(r->unfinished[i].method, method) == 0) return true;
    return false;
}

/* ---- Shares ------------------------------------------------------------------------------ */

/* Steps that ended for want of time while the watch went on; how many. */
static size_t check_shares(const lip_result *r) {
    size_t early = 0;
    bool met = r->lower >= r->upper * (1 - 1e-9);
    assert_int_equal(r->stop != LIP_FINISHED, r->unfinished_count > 0);
    for (size_t s = 0; s < r->steps; ++s) {
        const lip_step *step = &r->step[s];
        if (!met) assert_int_equal(is_left(r, step->method), !step->complete);
        early += strcmp(step->note, "stopped after its share of the time") == 0;
    }
    return early;
}

/* A relaxation shares its time among the columns, as norm 1 asks for.  One that got too little is left, even if the last
 * column was done before the deadline; with enough time all are complete. */
static void test_shares_of_parts(void **state) {
    (void)state;
    static const char *const method[] = {"product,hr2", "product,tight"};
    lip_network *net = one_layer(COLUMNS, 9, 2);
    lip_region *region;
    lip_settings settings;
    lip_error err;
    size_t early[2] = {0, 0};
    double centre[COLUMNS] = {0};
    lip_settings_default(&settings);
    assert_int_equal(
        lip_region_box_around(COLUMNS, centre, 0.7, -INFINITY, INFINITY, &region, &err), LIP_OK);
    lip_query query = {LIP_NORM_1, LIP_NORM_1, {LIP_OUTPUT_ALL, 0, 0}, region, NULL};
    for (int m = 0; m < 2; ++m) {
        bool finished = false;
        for (double limit = 0.05; !finished && limit < 1000; limit *= 1.1) {
            lip_margins *a;
            settings.time_limit = limit;
            assert_int_equal(
                lip_bound_margins(net, &query, method[m], &settings, NULL, NULL, &a, &err), LIP_OK);
            finished = a->stop == LIP_FINISHED;
            for (size_t k = 0; k < a->pairs; ++k) {
                size_t count = check_shares(a->result[k]);
                early[m] += count;
                if (finished) assert_int_equal(count, 0);
            }
            lip_margins_free(a);
        }
        assert_true(finished);
        print_message("%s: %zu margins with parts out of time\n", method[m], early[m]);
    }
    assert_true(early[0] > 0);
    lip_region_free(region);
    lip_network_free(net);
}

/* ---- Refused questions ------------------------------------------------------------------- */

/* Out of time at once, `exact` is left where it could go on, and not where it refuses the question; why is in the note. */
static void check_refused(const lip_network *net, const lip_region *region, bool possible) {
    lip_settings settings;
    lip_error err;
    lip_result *r;
    lip_margins *a;
    lip_query query = {LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
    lip_settings_default(&settings);
    settings.time_limit = 0;
    assert_int_equal(lip_bound(net, &query, "product,lbs,exact", &settings, NULL, NULL, &r, &err),
                     LIP_OK);
    assert_int_equal(is_left(r, "exact"), possible);
    assert_true(is_left(r, "lbs"));
    const lip_step *last = &r->step[r->steps - 1];
    assert_string_equal(last->method, "exact");
    assert_false(last->complete);
    assert_int_equal(strcmp(last->note, "out of time") == 0, possible);
    if (!possible) assert_true(strstr(last->note, "too many") || strstr(last->note, "no interior"));
    lip_result_free(r);
    query.output = (lip_output){LIP_OUTPUT_ALL, 0, 0};
    for (int lbs = 0; lbs < 2; ++lbs) {
        assert_int_equal(lip_bound_margins(net, &query, lbs ? "product,lbs,exact" : "product,exact",
                                           &settings, NULL, NULL, &a, &err),
                         LIP_OK);
        assert_int_equal(is_left(a->result[0], "exact"), possible);
        assert_int_equal(is_left(a->result[0], "lbs"), lbs);
        assert_int_equal(a->stop != LIP_FINISHED, a->result[0]->unfinished_count > 0);
        lip_margins_free(a);
    }
}

static void test_refused_questions(void **state) {
    (void)state;
    lip_network *small = one_layer(2, 5, 2), *large = one_layer(1, 2100, 2);
    lip_region *box, *flat, *all;
    lip_error err;
    const double lo[2] = {-1, -1}, hi[2] = {1, 1}, edge[2] = {1, -1};
    assert_int_equal(lip_region_box(2, lo, hi, &box, &err), LIP_OK);
    assert_int_equal(lip_region_box(2, lo, edge, &flat, &err), LIP_OK);
    assert_int_equal(lip_region_everywhere(1, &all, &err), LIP_OK);
    check_refused(small, box, true);
    check_refused(small, flat, false);
    check_refused(large, all, false);
    lip_region_free(box);
    lip_region_free(flat);
    lip_region_free(all);
    lip_network_free(small);
    lip_network_free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares_of_parts),
                                       cmocka_unit_test(test_refused_questions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
