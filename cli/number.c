/* Numbers on the command line.
 *
 * strtod and strtoll alone accept too much: leading blanks, trailing garbage, "nan", values that
 * overflow.  Here the whole argument must be one finite number, or the user is told what was found.
 * The program never calls setlocale, so the decimal separator is a point in every environment. */
#include "number.h"

#include "failure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_blank(const char *text) {
    return *text == '\0' || strchr(" \t\n\v\f\r", *text) != NULL;
}

bool cli_is_number(const char *text) {
    char *end;
    if (starts_blank(text)) return false;
    (void)strtod(text, &end);
    return *end == '\0';
}

lip_status cli_parse_double(const char *text, const char *place, double *value, lip_error *err) {
    if (!cli_is_number(text))
        return cli_fail(err, LIP_ARGUMENT, place, "expected a number, found '%.60s'", text);
    errno = 0;
    double x = strtod(text, NULL);
    if (isnan(x) || (isinf(x) && errno != ERANGE))
        return cli_fail(err, LIP_ARGUMENT, place, "expected a finite number, found '%.60s'", text);
    if (errno == ERANGE && (isinf(x) || x == 0))
        return cli_fail(err, LIP_ARGUMENT, place, "'%.60s' is too %s for a double", text,
                        isinf(x) ? "large" : "small");
    *value = x;
    return LIP_OK;
}

lip_status cli_parse_integer(const char *text, const char *place, long long *value,
                             lip_error *err) {
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    if (starts_blank(text) || *end != '\0')
        return cli_fail(err, LIP_ARGUMENT, place, "expected an integer, found '%.60s'", text);
    if (errno == ERANGE)
        return cli_fail(err, LIP_ARGUMENT, place, "the integer '%.60s' is too large", text);
    *value = x;
    return LIP_OK;
}

lip_status cli_parse_index(const char *text, const char *place, size_t *value, lip_error *err) {
    long long x;
    lip_status status = cli_parse_integer(text, place, &x, err);
    if (status) return status;
    if (x < 0) return cli_fail(err, LIP_ARGUMENT, place, "expected 0, 1, 2, ..., found %lld", x);
    if ((unsigned long long)x > PTRDIFF_MAX)
        return cli_fail(err, LIP_ARGUMENT, place, "the integer %lld is too large", x);
    *value = (size_t)x;
    return LIP_OK;
}

lip_status cli_split_pair(const char *text, const char *place, const char *form,
                          char first[CLI_HALF_SIZE], char second[CLI_HALF_SIZE], lip_error *err) {
    const char *comma = strchr(text, ',');
    if (!comma || strchr(comma + 1, ',') || (size_t)(comma - text) >= CLI_HALF_SIZE ||
        strlen(comma + 1) >= CLI_HALF_SIZE)
        return cli_fail(err, LIP_ARGUMENT, place, "expected %s, found '%.60s'", form, text);
    snprintf(first, CLI_HALF_SIZE, "%.*s", (int)(comma - text), text);
    snprintf(second, CLI_HALF_SIZE, "%s", comma + 1);
    return LIP_OK;
}
