/* The caller's progress function: called for every change and else rarely, and never again after it has asked
 * to stop.  And what a result says of work that was left. */
#include "support.h"

#include "base/listener.h"

typedef struct witness {
    size_t calls, stop_at; /* 0: never */
    size_t rare, broken;   /* calls without news, and those that came too soon */
    bool asked;            /* to stop */
    lip_progress last;
} witness;

static bool look(const lip_progress *now, void *user) {
    witness *w = user;
    assert_false(w->asked);
    assert_true(now->lower <= now->upper);
    if (w->calls++ > 0 && now->lower == w->last.lower && now->upper == w->last.upper &&
        strcmp(now->method, w->last.method) == 0) {
        ++w->rare;
        if (!(now->seconds >= w->last.seconds + 0.05)) ++w->broken;
    }
    w->last = *now;
    w->asked = w->calls == w->stop_at;
    return w->asked;
}

typedef struct subject {
    lip_network *net;
    lip_region *region;
    lip_query query;
} subject;

static subject create(uint64_t seed, size_t widest) {
    lip_rng rng;
    lip_error err;
    double centre[3] = {0.1, -0.2, 0.3};
    lip_rng_seed(&rng, seed);
    subject s = {.net = random_network(&rng, 3, 2, widest, 3)};
    assert_int_equal(lip_region_box_around(3, centre, 1, -INFINITY, INFINITY, &s.region, &err), 0);
    s.query = (lip_query){LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_MARGIN, 0, 2}, s.region, NULL};
    return s;
}

static void destroy(subject *s) {
    lip_region_free(s->region);
    lip_network_free(s->net);
}

/* More points than there is time for. */
static lip_settings endless(double seconds) {
    lip_settings settings;
    lip_settings_default(&settings);
    settings.samples = 100000000;
    settings.time_limit = seconds;
    return settings;
}

/* ---- How often --------------------------------------------------------------------------- */

typedef lip_stop (*call_fn)(const subject *s, const lip_settings *settings, witness *w);

static lip_stop call_bound(const subject *s, const lip_settings *settings, witness *w) {
    lip_error err;
    lip_result *r;
    assert_int_equal(
        lip_bound(s->net, &s->query, "product,lbs", settings, w ? look : NULL, w, &r, &err), 0);
    lip_stop stop = r->stop;
    lip_result_free(r);
    return stop;
}

static lip_stop call_margins(const subject *s, const lip_settings *settings, witness *w) {
    lip_error err;
    lip_margins *m;
    assert_int_equal(
        lip_bound_margins(s->net, &s->query, "product,lbs", settings, w ? look : NULL, w, &m, &err),
        0);
    lip_stop stop = m->stop;
    lip_margins_free(m);
    return stop;
}

/* Twice, so that neither the clock nor luck decides: what is told is told by this rule. */
static void test_news_at_once_and_else_rarely(void **state) {
    (void)state;
    static const call_fn calls[] = {call_bound, call_margins};
    for (size_t i = 0; i < 2; ++i) {
        subject s = create(40 + i, 9);
        lip_settings settings = endless(0.6);
        witness w = {0};
        assert_int_equal(calls[i](&s, &settings, &w), LIP_OUT_OF_TIME);
        assert_true(w.calls > 2 && w.rare > 0);
        assert_int_equal(w.broken, 0);
        assert_true((double)w.rare <= 0.6 / LIP_LISTENER_PAUSE + 1);
        assert_int_equal(calls[i](&s, &settings, NULL), LIP_OUT_OF_TIME);
        destroy(&s);
    }
}

/* Of a search for a radius and of monotonicity only the rule is known. */
static void test_other_calls_keep_the_rule(void **state) {
    (void)state;
    subject s = create(43, 9);
    lip_settings settings = endless(0.3);
    lip_error err;
    double x[3] = {0.1, 0.2, 0.3};
    lip_radius_query query = {x, LIP_NORM_2, LIP_LARGEST_OUTPUT, -INFINITY, INFINITY, 1e-12};
    lip_radius_result *radius;
    lip_monotone *monotone;
    witness a = {0}, b = {0};
    assert_int_equal(lip_radius(s.net, &query, NULL, &settings, look, &a, &radius, &err), 0);
    assert_int_equal(lip_monotonicity_of(s.net, &s.query, &settings, look, &b, &monotone, &err), 0);
    assert_true(a.calls > 0 && a.broken == 0 && b.broken == 0);
    lip_radius_free(radius);
    lip_monotone_free(monotone);
    destroy(&s);
}

/* Whoever asks to stop is not asked again (the witness sees to that). */
static void test_stop_is_the_last_word(void **state) {
    (void)state;
    static const call_fn calls[] = {call_bound, call_margins};
    subject s = create(44, 9);
    lip_settings settings = endless(1000);
    for (size_t i = 0; i < 2; ++i)
        for (size_t at = 1; at < 5; ++at) {
            witness w = {.stop_at = at};
            assert_int_equal(calls[i](&s, &settings, &w), LIP_INTERRUPTED);
            assert_int_equal(w.calls, at);
        }
    destroy(&s);
}

static void test_listener(void **state) {
    (void)state;
    witness w = {.stop_at = 5};
    lip_listener listener = {.progress = look, .user = &w}, nobody = {0};
    lip_progress now = {"a", 1, 3, 0};
    assert_false(lip_listen(&now, &listener) || lip_listen(&now, &nobody));
    assert_int_equal(w.calls, 1);
    now.seconds = 0.049;
    assert_false(lip_listen(&now, &listener));
    assert_int_equal(w.calls, 1);
    now.lower = 2;
    assert_false(lip_listen(&now, &listener));
    now.upper = 2.5;
    assert_false(lip_listen(&now, &listener));
    now.method = "b";
    assert_false(lip_listen(&now, &listener) || lip_listen(&now, &listener));
    assert_int_equal(w.calls, 4);
    now.seconds = 0.1;
    assert_true(lip_listen(&now, &listener) && lip_listen(&now, &listener));
    assert_int_equal(w.calls, 5);
}

/* ---- What was left ----------------------------------------------------------------------- */

static const char *reason(const lip_result *r, const char *method) {
    for (size_t i = 0; i < r->unfinished_count; ++i)
        if (strcmp(r->unfinished[i].method, method) == 0) return r->unfinished[i].reason;
    return "";
}

static lip_result *run(const subject *s, const char *methods, const lip_settings *settings,
                       witness *w) {
    lip_error err;
    lip_result *r;
    lip_progress_fn progress = w ? look : NULL;
    assert_int_equal(lip_bound(s->net, &s->query, methods, settings, progress, w, &r, &err), 0);
    return r;
}

static void test_no_time_leaves_everything(void **state) {
    (void)state;
    subject s = create(45, 9);
    lip_settings settings = endless(0);
    lip_result *r = run(&s, NULL, &settings, NULL);
    assert_true(r->steps > 1 && r->lower == 0);
    size_t whole =
        r->step[0].complete; /* of product the first pass is done whatever the clock says */
    assert_string_equal(reason(r, "product"), whole ? "" : "stopped by the time limit");
    for (size_t i = 1; i < r->steps; ++i)
        assert_string_equal(reason(r, r->step[i].method), "not begun");
    assert_string_equal(reason(r, "exact"), "not begun"); /* with which auto ends here */
    assert_int_equal(r->unfinished_count, r->steps + 1 - whole);
    lip_result_free(r);
    destroy(&s);
}

static void test_reasons(void **state) {
    (void)state;
    subject s = create(46, 9);
    lip_settings settings = endless(0.1);
    lip_result *r = run(&s, "product,lbs,ascent", &settings, NULL);
    assert_int_equal(r->unfinished_count, 2);
    assert_string_equal(reason(r, "lbs"), "stopped by the time limit");
    assert_string_equal(reason(r, "ascent"), "not begun");
    lip_result_free(r);
    witness w = {.stop_at = 12};
    settings.time_limit = 1000;
    r = run(&s, "product,lbs", &settings, &w);
    assert_int_equal(r->unfinished_count, 1);
    assert_string_equal(reason(r, "lbs"), "interrupted");
    lip_result_free(r);
    settings.samples = 10;
    r = run(&s, "product,lbs", &settings, NULL);
    assert_true(r->upper > r->lower && r->stop == LIP_FINISHED);
    assert_int_equal(r->unfinished_count, 0); /* a gap, but all that was asked for is done */
    lip_result_free(r);
    destroy(&s);
}

/* A search that has its third of the time: the run goes on and ends as finished, but this is left. */
static void test_a_share(void **state) {
    (void)state;
    subject s = create(47, 9);
    lip_settings settings = endless(0.3);
    settings.rounds = 1000000;
    settings.sweeps = 1000;
    settings.steps = 1000000;
    lip_result *r = run(&s, "product,search", &settings, NULL);
    assert_string_equal(reason(r, "search"), "stopped after its share of the time");
    assert_int_equal(r->stop, LIP_FINISHED);
    lip_result_free(r);
    destroy(&s);
}

/* When the bounds have met nothing is left, whatever was cut short or left out. */
static void test_closed_leaves_nothing(void **state) {
    (void)state;
    subject s = create(48, 4);
    lip_settings settings;
    lip_settings_default(&settings);
    lip_result *r = run(&s, NULL, &settings, NULL);
    assert_true(r->upper <= r->lower * (1 + settings.gap));
    assert_int_equal(r->unfinished_count, 0);
    double upper = r->upper;
    lip_result_free(r);
    /* decided by the first method: the others are not begun, and not needed */
    lip_exact_options options = {.methods = "auto,exact", .at_most = 1e6 * upper};
    lip_error err;
    settings.time_limit = 0;
    assert_int_equal(lip_exact(s.net, &s.query, &settings, &options, NULL, NULL, &r, &err), 0);
    assert_int_equal(r->unfinished_count, 0);
    lip_result_free(r);
    options.at_most = upper / 2;
    assert_int_equal(lip_exact(s.net, &s.query, &settings, &options, NULL, NULL, &r, &err), 0);
    assert_string_equal(reason(r, "exact"), "not begun");
    lip_result_free(r);
    destroy(&s);
}

static void test_margins_leave_what_they_did_not_do(void **state) {
    (void)state;
    subject s = create(49, 9);
    lip_settings settings = endless(0.2);
    lip_error err;
    lip_margins *m;
    assert_int_equal(
        lip_bound_margins(s.net, &s.query, "product,interval,lbs", &settings, NULL, NULL, &m, &err),
        0);
    for (size_t k = 0; k < m->pairs; ++k) {
        bool met = m->result[k]->lower >= m->result[k]->upper * (1 - 1e-9);
        assert_int_equal(m->result[k]->unfinished_count, met ? 0 : 1);
        if (!met) assert_string_equal(m->result[k]->unfinished[0].method, "lbs");
        assert_true(met == (m->result[k]->stop == LIP_FINISHED));
    }
    lip_margins_free(m);
    settings.samples = 10;
    assert_int_equal(
        lip_bound_margins(s.net, &s.query, "product,interval,lbs", &settings, NULL, NULL, &m, &err),
        0);
    for (size_t k = 0; k < m->pairs; ++k) assert_int_equal(m->result[k]->unfinished_count, 0);
    lip_margins_free(m);
    destroy(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_news_at_once_and_else_rarely),
                                       cmocka_unit_test(test_other_calls_keep_the_rule),
                                       cmocka_unit_test(test_stop_is_the_last_word),
                                       cmocka_unit_test(test_listener),
                                       cmocka_unit_test(test_no_time_leaves_everything),
                                       cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_a_share),
                                       cmocka_unit_test(test_closed_leaves_nothing),
                                       cmocka_unit_test(test_margins_leave_what_they_did_not_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
