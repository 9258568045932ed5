/* Decimal numbers and .nnet files. */
#include "common.h"

#include "read/file.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers ----------------------------------------------------------------------------- */

static void test_decimals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"1", 1},
                {"+1.", 1},
                {".5", .5},
                {"-12.34e5", -12.34e5},
                {"1E+3", 1e3},
                {"1e-3", 1e-3},
                {"0.1", .1},
                {"1e-400", 0},
                {"0e999999999", 0},
                {"4.9e-324", 4.9e-324},
                {"179769313486231570e291", 1.7976931348623157e308},
                {"000000000000000000000000000000000000000000000001", 1},
                {"0.000000000000000000000000000001", 1e-30},
                {"2.2250738585072011e-308", 2.2250738585072011e-308}};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        double value = -1;
        if (!lip_parse_decimal(good[i].text, strlen(good[i].text), &value))
            fail_msg("refused '%s'", good[i].text);
        if (value != good[i].value || (value == 0 && signbit(value)))
            fail_msg("'%s' gave %.17g", good[i].text, value);
    }
    static const char *const bad[] = {
        "",    ".",   "-",     "e5",    "1e",       "1e+", "1.2.3", "1,5",  "0x10",
        "nan", "inf", "-inf",  "1e999", "-1e999",   "1 2", " 1",    "1 ",   "1f",
        "--1", "+-1", "1e5.0", "1_000", "infinity", "1d5", "1e5e5", "1e--5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        double value;
        if (lip_parse_decimal(bad[i], strlen(bad[i]), &value)) fail_msg("accepted '%s'", bad[i]);
    }
}

static void expect_enclosure(const char *text, double down, double up) {
    double low, high;
    assert_true(lip_enclose_decimal(text, strlen(text), &low, &high));
    if (low != down || high != up)
        fail_msg("'%s' in [%a, %a], not [%a, %a]", text, low, high, down, up);
}

/* x in full is enclosed by x alone; a digit behind it, or one less at its end, opens one side. */
static void test_enclosures(void **state) {
    (void)state;
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 2000; ++i) {
        double x;
        char text[1300], *end;
        do {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            memcpy(&x, &bits, sizeof bits);
        } while (!isfinite(x) || fabs(x) > 1e300);
        if (i % 2) x = ldexp(fmod(x, 1), -(i % 60));
        if (x == 0) continue;
        snprintf(text, sizeof text, i % 2 ? "%.1100f" : "%.800e", x);
        if (strchr(text, ',')) *strchr(text, ',') = '.'; /* printf has the point of the locale */
        expect_enclosure(text, x, x);
        end = strchr(text, 'e'); /* a 1 behind the last digit: a little away from 0 */
        char tail[16] = "";
        if (end) snprintf(tail, sizeof tail, "%s", end);
        snprintf(end ? end : text + strlen(text), 24, "1%s", tail);
        double away = nextafter(x, x > 0 ? INFINITY : -INFINITY);
        expect_enclosure(text, x > 0 ? x : away, x > 0 ? away : x);
    }
    expect_enclosure("0.1", nextafter(.1, 0), .1);
    expect_enclosure("-0.1", -.1, -nextafter(.1, 0));
    expect_enclosure("0.5", .5, .5);
    expect_enclosure("1e-400", 0, 5e-324);
    expect_enclosure("-1e-400", -5e-324, 0);
    expect_enclosure("0", 0, 0);
}

/* The decimal point of the program's locale is of no importance. */
static void test_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8",
                                        "fr_FR"};
    bool found = false;
    for (size_t i = 0; !found && i < sizeof names / sizeof *names; ++i)
        found = setlocale(LC_ALL, names[i]) && localeconv()->decimal_point[0] == ',';
    if (!found) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    test_decimals(NULL);
    test_enclosures(NULL);
    setlocale(LC_ALL, "C");
}

/* ---- .nnet ------------------------------------------------------------------------------- */

static const char tiny[] = "// a comment\n"
                           "// another\n"
                           "2,2,1,3,\n"
                           "2,3,1,\n"
                           "0,\n"
                           "-1,-1,\n"
                           "1,1,\n"
                           "1,2,10,\n"
                           "2,4,0.5,\n"
                           "1,2,\n"
                           "-1.5e0,0.5,\n"
                           "0,1,\n"
                           "0.25,\n"
                           "-1,\n"
                           "1e-1,\n"
                           "1,2,3,\n"
                           "7,\n";

static void test_nnet(void **state) {
    (void)state;
    lip_network *net = expect_network(tiny, strlen(tiny));
    double x[] = {1, -1}; /* z = (-.75, -3, -.9) */
    double y = 7;
    expect_outputs(net, x, &y, 1);
    double x2[] = {2, 1}, y2 = 4.25 + 3 * 1.1 + 7; /* z = (4.25, -3.5, 1.1) */
    expect_outputs(net, x2, &y2, 1);
    lip_network_info info;
    lip_network_get_info(net, &info);
    assert_string_equal(info.format, "nnet");
    assert_int_equal(info.folds, 0);
    lip_network_free(net);
}

/* The same points in the units of the user: x = mean + range u. */
static void test_nnet_normalised(void **state) {
    (void)state;
    lip_read_options options = {.nnet_normalise = true};
    lip_network *net = NULL;
    lip_network_info info;
    assert_int_equal(load(tiny, strlen(tiny), &options, &net, NULL), LIP_OK);
    double x[] = {1 + 2 * 2, 2 + 4 * 1}, y = (4.25 + 3 * 1.1 + 7) * .5 + 10;
    expect_outputs(net, x, &y, 1);
    lip_network_get_info(net, &info);
    assert_int_equal(info.folds, 2);
    lip_network_free(net);
    char *plain = replaced(tiny, "1,2,10,\n2,4,0.5,\n", "0,0,0,\n1,1,1,\n");
    assert_int_equal(load(plain, strlen(plain), &options, &net, NULL), LIP_OK);
    lip_network_get_info(net, &info);
    assert_int_equal(info.folds, 0);
    expect_same(net, expect_network(tiny, strlen(tiny)));
    free(plain);
}

/* Other spellings of the same file. */
static void test_nnet_dialects(void **state) {
    (void)state;
    static const char *const changes[][2] = {{"2,2,1,3,", "2, 2, 1, 3"},
                                             {"2,3,1,\n", "2,3,1,1,\n"},
                                             {"0,\n-1,-1,\n", "0\n0\n"},
                                             {"1,2,10,\n2,4,0.5,", "0\n0"},
                                             {"0.25,\n", "  .25  \r\n"},
                                             {"1,2,\n-1.5e0", "1 2\n-1.5E+0"},
                                             {"7,\n", "7"},
                                             {"7,\n", "7,\n\n  \n"},
                                             {"// another\n", ""},
                                             {"2,2,1,3", "2,2,1"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; ++i) {
        char *text = replaced(tiny, changes[i][0], changes[i][1]);
        expect_same(expect_network(text, strlen(text)), expect_network(tiny, strlen(tiny)));
        free(text);
    }
}

static const variant variants[] = {
    {"2,2,1,3,", "2,2,", "line 3", "a list of layers, inputs, outputs (3 entries), found 2"},
    {"2,2,1,3,", "2,0,1,", "line 3", "all of them positive counts, found '0'"},
    {"2,2,1,3,", "2,2.5,1,", "line 3", "found '2.5'"},
    {"2,2,1,3,", "99999,2,1,", "line 4", "the widths of the input and 99999 layers"},
    {"2,2,1,3,", "3,2,1,", "line 4", "a list of widths (4 entries), found 3"},
    {"2,3,1,\n0", "3,3,1,\n0", "line 4", "from 2 inputs to 1 outputs, found 3 to 1"},
    {"2,3,1,\n0", "2,3,2,\n0", "line 4", "from 2 inputs to 1 outputs, found 2 to 2"},
    {"2,3,1,\n0", "2,4,1,\n0", "line 13", "weight row 4 of layer 1 of 2 entries, found 1"},
    {"2,3,1,\n0", "2,2,1,\n0", "line 12", "bias 1 of layer 1 of 1 entries, found 2"},
    {"2,3,1,\n0", "2,100000000,1,\n0", "line 10", "100000000 x 2 numbers, but only"},
    {"2,3,1,\n0", "2,-3,1,\n0", "line 4", "found '-3'"},
    {"0,\n-1,-1,", "x,\n-1,-1,", "line 5", "a finite number, found 'x'"},
    {"-1,-1,", "-1,nan,", "line 6", "found 'nan'"},
    {"\n1,1,\n", "\n1,inf,\n", "line 7", "found 'inf'"},
    {"1,2,10,", "1,2,10,,", "line 8", "found ''"},
    {"1,2,\n-1.5e0", "1,2,3\n-1.5e0", "line 10", "weight row 1 of layer 1 of 2 entries, found 3"},
    {"-1.5e0,", "-1.5f0,", "line 11", "found '-1.5f0'"},
    {"-1.5e0,", "1e400,", "line 11", "found '1e400'"},
    {"-1.5e0,", ",", "line 11", "found ''"},
    {"0.25,", "", "line 13", "bias 1 of layer 1 of 1 entries, found 0"},
    {"0.25,\n", "", "line 15", "bias 3 of layer 1 of 1 entries, found 3"},
    {"7,\n", "", "line 17", "1 x 1 numbers, but only 0 bytes"},
    {"1e-1,\n1,2,3,\n7,\n", "", "line 15", "bias 3 of layer 1, found the end of the file"},
    {"7,\n", "7,\n8,\n", "line 18", "the end of the file, found '8,'"},
    {"1,2,3,\n7,\n", "", "line 16", "1 x 3 numbers, but only 0 bytes"},
};

static void test_nnet_refusals(void **state) {
    (void)state;
    expect_variants(tiny, variants, sizeof variants / sizeof *variants);
    expect_prefixes_fail(tiny, strlen(tiny), strlen(tiny) - 3); /* "7" without "," is complete */
}

static const variant scalings[] = {
    {"1,2,10,", "0,", "line 8", "means of 3 entries, found 1"},
    {"2,4,0.5,", "2,4,0.5,1", "line 9", "ranges of 3 entries, found 4"},
    {"2,4,0.5,", "2,0,0.5,", "line 9", "ranges other than 0, found 0 as entry 2"},
    {"2,4,0.5,", "2,1e-320,0.5,", "layer 1", "finite numbers, but bias entry 0 is infinite"},
};

static void test_nnet_scaling_refusals(void **state) {
    (void)state;
    lip_read_options options = {.nnet_normalise = true};
    for (size_t i = 0; i < sizeof scalings / sizeof *scalings; ++i) {
        char *text = replaced(tiny, scalings[i].from, scalings[i].to);
        lip_network *net = NULL;
        lip_error err;
        assert_int_not_equal(load(text, strlen(text), &options, &net, &err), LIP_OK);
        assert_string_equal(err.place, scalings[i].place);
        if (!strstr(err.message, scalings[i].words)) fail_msg("%s", err.message);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals),        cmocka_unit_test(test_enclosures),
        cmocka_unit_test(test_locale),          cmocka_unit_test(test_nnet),
        cmocka_unit_test(test_nnet_normalised), cmocka_unit_test(test_nnet_dialects),
        cmocka_unit_test(test_nnet_refusals),   cmocka_unit_test(test_nnet_scaling_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
