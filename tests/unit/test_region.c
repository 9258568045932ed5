/* Regions: construction, refusals, membership. */
#include "support.h"

#include "region/region.h"

static void test_box_around_is_outward(void **state) {
    (void)state;
    double c[3] = {0.1, -0.3, 5}, lo[3], hi[3], mid[3];
    lip_region *r;
    lip_error err;
    assert_int_equal(lip_region_box_around(3, c, 0.2, -1, 5.05, &r, &err), LIP_OK);
    lip_region_get_box(r, lo, hi, mid);
    for (int i = 0; i < 2; ++i) { /* 0.1 + 0.2 exactly, as a sum of doubles, is inside */
        mpfr_t s;
        mpfr_init2(s, 200);
        mpfr_set_d(s, c[i], MPFR_RNDN);
        mpfr_add_d(s, s, 0.2, MPFR_RNDN);
        assert_true(exact_between(s, lo[i], hi[i]));
        mpfr_clear(s);
    }
    assert_true(hi[2] == 5.05);
    for (int i = 0; i < 3; ++i) assert_true(lo[i] <= mid[i] && mid[i] <= hi[i]);
    assert_true(lip_region_get_kind(r) == LIP_BOX && lip_region_dimension(r) == 3);
    lip_region_free(r);
}

static void expect_refusal(lip_status status, const lip_error *err, const char *fragment) {
    assert_int_equal(status, LIP_ARGUMENT);
    if (!strstr(err->message, fragment)) fail_msg("'%s' lacks '%s'", err->message, fragment);
}

static void test_nonsense_is_refused(void **state) {
    (void)state;
    double a[2] = {0, 1}, b[2] = {1, 0}, bad[2] = {0, NAN};
    lip_region *r = NULL;
    lip_error err;
    expect_refusal(lip_region_box(2, a, b, &r, &err), &err, "input 1 has [1, 0]");
    expect_refusal(lip_region_box(2, a, bad, &r, &err), &err, "finite");
    expect_refusal(lip_region_box_around(2, a, -1, -INFINITY, INFINITY, &r, &err), &err,
                   "eps >= 0");
    expect_refusal(lip_region_box_around(2, a, NAN, -INFINITY, INFINITY, &r, &err), &err, "eps");
    expect_refusal(lip_region_box_around(2, a, 0.1, 5, 6, &r, &err), &err, "clip range");
    expect_refusal(lip_region_box_around(2, a, 0.1, 6, 5, &r, &err), &err, "clip range lo <= hi");
    expect_refusal(lip_region_ball(2, bad, 1, &r, &err), &err, "entry 1 is nan");
    expect_refusal(lip_region_ball(2, a, INFINITY, &r, &err), &err, "radius");
    expect_refusal(lip_region_everywhere(0, &r, &err), &err, "dimension");
    assert_null(r);
}

static void test_membership_of_ball_is_proved(void **state) {
    (void)state;
    double c[2] = {0, 0}, in[2] = {0.6, 0.79}, out[2] = {0.6, 0.81}, corner[2] = {0.9, 0.9};
    lip_region *r;
    lip_error err;
    assert_int_equal(lip_region_ball(2, c, 1, &r, &err), LIP_OK);
    assert_true(lip_region_contains(r, in));
    assert_false(lip_region_contains(r, out));
    assert_false(lip_region_contains(r, corner)); /* inside the box around the ball */
    in[0] = NAN;
    assert_false(lip_region_contains(r, in));
    assert_true(lip_region_has_interior(r));
    lip_region_free(r);
    assert_int_equal(lip_region_ball(2, c, 0, &r, &err), LIP_OK);
    assert_false(lip_region_has_interior(r));
    lip_region_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_box_around_is_outward),
                                       cmocka_unit_test(test_nonsense_is_refused),
                                       cmocka_unit_test(test_membership_of_ball_is_proved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
