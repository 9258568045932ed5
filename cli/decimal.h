/* Decimal numbers that are still bounds. */
#ifndef LIPCERT_CLI_DECIMAL_H
#define LIPCERT_CLI_DECIMAL_H

#define CLI_DECIMAL_DIGITS_MAX 40
#define CLI_DECIMAL_SIZE       64 /* room for any text that cli_decimal writes */

/* Digits of a bound in the tables. */
#define CLI_DIGITS 10

typedef enum cli_rounding { CLI_DOWN, CLI_UP } cli_rounding;

/* Write x with at most `digits` significant digits (1 .. CLI_DECIMAL_DIGITS_MAX), rounded so that
 * the decimal number, read exactly, is <= x (CLI_DOWN) or >= x (CLI_UP), and differs from x by less
 * than one unit of its last digit.  Trailing zeros are dropped.  Infinities become "inf", "-inf";
 * NaN becomes "nan".  Does not depend on the rounding mode. */
void cli_decimal(double x, int digits, cli_rounding rounding, char text[CLI_DECIMAL_SIZE]);

#endif
