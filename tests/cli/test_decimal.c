/* cli_decimal against strtod under directed rounding.
 *
 * glibc's strtod obeys the rounding mode: downward it returns the largest double <= the decimal
 * number.  So  text >= x  holds exactly if and only if  strtod_down(text) >= x,  and likewise
 * upward.  This oracle shares nothing with cli_decimal, which edits the digits that printf
 * wrote. */
#include "decimal.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double parse(const char *text, int mode) {
    char *end;
    fesetround(mode);
    volatile double value = strtod(text, &end);
    fesetround(FE_TONEAREST);
    assert_int_equal(*end, '\0');
    return value;
}

/* Digits in the text before an exponent, without leading zeros. */
static int significant(const char *text) {
    int count = 0, trailing = 0;
    bool leading = true;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        if (*text != '0') leading = false;
        if (leading) continue;
        count++;
        trailing = *text == '0' ? trailing + 1 : 0;
    }
    return count - trailing;
}

/* down <= x <= up, at most `digits` digits, and less than one unit of the last digit apart from
 * x. */
static void check(double x, int digits) {
    char down[CLI_DECIMAL_SIZE], up[CLI_DECIMAL_SIZE];
    cli_decimal(x, digits, CLI_DOWN, down);
    cli_decimal(x, digits, CLI_UP, up);
    assert_true(parse(down, FE_UPWARD) <= x);
    assert_true(parse(up, FE_DOWNWARD) >= x);
    assert_true(significant(down) <= digits);
    assert_true(significant(up) <= digits);
    if (digits > 15 || fabs(x) < DBL_MIN || fabs(x) > 1e307) return;
    /* the decimal nearest to x is one of the two, and they are at most one unit apart */
    char nearest[64], a[64], b[64];
    snprintf(nearest, sizeof nearest, "%.*e", digits - 1, x);
    snprintf(a, sizeof a, "%.*e", digits - 1, strtod(down, NULL));
    snprintf(b, sizeof b, "%.*e", digits - 1, strtod(up, NULL));
    assert_true(strcmp(nearest, a) == 0 || strcmp(nearest, b) == 0);
    long double unit = powl(10, (int)strtol(strchr(a, 'e') + 1, NULL, 10) - digits + 1);
    if (x < 0) unit = powl(10, (int)strtol(strchr(b, 'e') + 1, NULL, 10) - digits + 1);
    assert_true(strtold(up, NULL) - strtold(down, NULL) <= unit * 1.001L);
}

static void both(double x, int digits, const char *down, const char *up) {
    char text[CLI_DECIMAL_SIZE];
    cli_decimal(x, digits, CLI_DOWN, text);
    assert_string_equal(text, down);
    cli_decimal(x, digits, CLI_UP, text);
    assert_string_equal(text, up);
}

static void test_oracle(void **state) {
    (void)state;
    assert_true(parse("0.1", FE_UPWARD) > parse("0.1", FE_DOWNWARD));
    assert_true(parse("0.5", FE_UPWARD) == parse("0.5", FE_DOWNWARD));
}

static void test_known(void **state) {
    (void)state;
    both(0, 10, "0", "0");
    both(-0.0, 10, "0", "0");
    both(INFINITY, 10, "inf", "inf");
    both(-INFINITY, 10, "-inf", "-inf");
    both(NAN, 10, "nan", "nan");
    both(17.5, 10, "17.5", "17.5");
    both(1, 1, "1", "1");
    both(100, 10, "100", "100");
    both(100, 2, "1e+02", "1e+02");
    both(0.1, 10, "0.1", "0.1000000001"); /* the double is a little above 1/10 */
    both(0.3, 10, "0.2999999999", "0.3"); /* and this one below 3/10 */
    both(-0.1, 10, "-0.1000000001", "-0.1");
    both(123456789012, 10, "1.23456789e+11", "1.234567891e+11");
    both(9999999999.5, 10, "9999999999", "1e+10");
    both(99.96, 3, "99.9", "100");
    both(0.00099996, 3, "0.000999", "0.001");
    both(0.000099996, 3, "9.99e-05", "0.0001");
    both(1e22, 10, "1e+22", "1e+22");
    both(5e-324, 10, "4.940656458e-324", "4.940656459e-324");
    both(DBL_MAX, 10, "1.797693134e+308", "1.797693135e+308");
    both(DBL_MIN, 3, "2.22e-308", "2.23e-308");
    both(0x1p-10, 40, "0.0009765625", "0.0009765625");
}

static void test_integers(void **state) {
    (void)state;
    char text[CLI_DECIMAL_SIZE], plain[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(plain, sizeof plain, "%d", i);
        cli_decimal(i, 10, i % 2 ? CLI_UP : CLI_DOWN, text);
        assert_string_equal(text, plain);
    }
}

/* Random bit patterns: all magnitudes, subnormal numbers included; and every binary exponent. */
static void test_random(void **state) {
    (void)state;
    uint64_t word = 88172645463325252u;
    for (int i = 0; i < 60000; i++) {
        word ^= word << 13, word ^= word >> 7, word ^= word << 17;
        double x;
        memcpy(&x, &word, sizeof x);
        if (isfinite(x)) check(x, 1 + i % 20);
    }
    for (int e = -1074; e < 1024; e++)
        for (int digits = 1; digits <= CLI_DECIMAL_DIGITS_MAX; digits += 3) {
            check(ldexp(1, e), digits);
            check(-nextafter(ldexp(1, e), 0), digits);
            check(nextafter(ldexp(1, e), INFINITY), digits);
        }
}

/* Numbers within a few units of a short decimal: where carrying and cutting go wrong. */
static void test_near_decimals(void **state) {
    (void)state;
    for (int e = -30; e < 30; e++)
        for (int m = 1; m < 1000; m += 7) {
            char text[32];
            snprintf(text, sizeof text, "%de%d", m, e);
            double x = strtod(text, NULL);
            for (int digits = 1; digits <= 18; digits++) {
                check(x, digits);
                check(nextafter(x, 0), digits);
                check(nextafter(x, INFINITY), digits);
            }
        }
}

static void test_rounding_modes(void **state) {
    (void)state;
    const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    char nearest[CLI_DECIMAL_SIZE], text[CLI_DECIMAL_SIZE];
    for (int i = 1; i < 3000; i++)
        for (int k = 0; k < 3; k++) {
            double x = i / 7.0;
            cli_decimal(x, 10, CLI_UP, nearest);
            fesetround(modes[k]);
            cli_decimal(x, 10, CLI_UP, text);
            fesetround(FE_TONEAREST);
            assert_string_equal(text, nearest);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle),        cmocka_unit_test(test_known),
        cmocka_unit_test(test_integers),      cmocka_unit_test(test_random),
        cmocka_unit_test(test_near_decimals), cmocka_unit_test(test_rounding_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
