/* Printing a bound in decimal without breaking it.
 *
 * printf("%.10g") rounds to nearest, so about every second upper bound would be printed as a
 * smaller number than was proved.  But every finite double is a finite decimal number: x = m 2^e
 * has at most 767 significant digits (reached just above 2^-1022).  So we let printf write x
 * exactly and round that string by hand: cut after the wanted digits and, if something that is
 * not zero was cut off and the direction leads away from zero, add one to the last digit kept.
 * No floating-point operation takes part, hence nothing depends on the rounding mode, and the
 * result is exact in the strict sense: the decimal number itself is a bound, not just the double
 * that it parses to. */
#include "decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_DIGITS = 767 };

/* Add one to a number of n decimal digits; true if it was 99..9 and became 100..0 (n digits, times
 * ten). */
static bool add_one(char *digit, int n) {
    for (int i = n - 1; i >= 0; i--) {
        if (digit[i] != '9') {
            digit[i]++;
            return false;
        }
        digit[i] = '0';
    }
    digit[0] = '1';
    return true;
}

/* Write the number d1.d2..dn * 10^exponent the way %g does; n <= digits. */
static void lay_out(const char *digit, int n, int exponent, int digits, char *text, size_t size) {
    if (exponent < -4 || exponent >= digits)
        snprintf(text, size, "%c%s%.*se%+03d", digit[0], n > 1 ? "." : "", n - 1, digit + 1,
                 exponent);
    else if (exponent < 0)
        snprintf(text, size, "0.%.*s%.*s", -exponent - 1, "000", n, digit);
    else if (n <= exponent + 1)
        snprintf(text, size, "%.*s%.*s", n, digit, exponent + 1 - n,
                 "0000000000000000000000000000000000000000");
    else
        snprintf(text, size, "%.*s.%.*s", exponent + 1, digit, n - exponent - 1,
                 digit + exponent + 1);
}

void cli_decimal(double x, int digits, cli_rounding rounding, char text[CLI_DECIMAL_SIZE]) {
    if (!isfinite(x) || x == 0) {
        snprintf(text, CLI_DECIMAL_SIZE, "%s",
                 isnan(x) ? "nan"
                 : x > 0  ? "inf"
                 : x < 0  ? "-inf"
                          : "0");
        return;
    }
    /* d.ddd...e-324: exactly EXACT_DIGITS digits, so nothing is rounded here */
    char full[EXACT_DIGITS + 16];
    snprintf(full, sizeof full, "%.*e", EXACT_DIGITS - 1, fabs(x));
    const char *tail = full + EXACT_DIGITS + 1; /* at the letter e */
    int exponent = (int)strtol(tail + 1, NULL, 10);
    full[1] = full[0]; /* over the point: the digits are now full[1 .. EXACT_DIGITS] */
    char *digit = full + 1;

    const char *cut = digit + digits;
    bool exact = strspn(cut, "0") >= (size_t)(tail - cut);
    bool away = (rounding == CLI_UP) == (x > 0);
    if (!exact && away && add_one(digit, digits)) exponent++;

    int n = digits;
    while (n > 1 && digit[n - 1] == '0') n--;
    size_t sign = x < 0;
    text[0] = '-';
    lay_out(digit, n, exponent, digits, text + sign, CLI_DECIMAL_SIZE - sign);
}
