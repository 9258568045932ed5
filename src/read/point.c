/* One point from a .npy array or a text table.
 *
 * .npy: entry `row` along the first axis, flattened, has n entries; an array with one dimension, or with
 * n entries in all, is a point as it is.  There are no labels: an array of another length is another
 * network's.  Text: numbers separated by commas, semicolons or blanks, one point per line; '#' starts a
 * comment; a file with one number on each of several lines is one point; a line of n + 1 numbers starts
 * with a label, which is dropped.
 *
 * A first line of words is a header.  It must hold nothing that could have been meant as a number: a
 * point with a typo or a NaN in it would otherwise be skipped, and the next one taken for it. */
#include "base/error.h"
#include "base/memory.h"
#include "read/file.h"
#include "read/npy.h"
#include "read/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lip_status fail_length(lip_error *err, size_t n, size_t found) {
    return lip_fail(err, LIP_ARGUMENT, NULL, "expected %zu number%s, found %zu", n,
                    n == 1 ? "" : "s", found);
}

static lip_status fail_row(lip_error *err, size_t row, size_t rows) {
    if (rows == 0) return lip_fail(err, LIP_FORMAT, NULL, "expected numbers, found none");
    return lip_fail(err, LIP_ARGUMENT, NULL,
                    "expected a row from 0 to %zu, because there %s %zu row%s, found %zu", rows - 1,
                    rows == 1 ? "is" : "are", rows, rows == 1 ? "" : "s", row);
}

/* x = scale * value[0..n), each of them finite. */
static lip_status finish(const double *value, double scale, size_t n, double *x, lip_error *err) {
    for (size_t i = 0; i < n; ++i)
        if (!isfinite(value[i]) || !isfinite(scale * value[i]))
            return lip_fail(err, LIP_FORMAT, NULL,
                            "expected finite numbers, but entry %zu of the point is %s", i,
                            isnan(value[i]) ? "nan" : "infinite or too large");
    for (size_t i = 0; i < n; ++i) x[i] = scale * value[i];
    return LIP_OK;
}

/* ---- .npy -------------------------------------------------------------------------------- */

static lip_status from_array(const lip_npy *array, const double *value, size_t row, double scale,
                             size_t n, double *x, lip_error *err) {
    size_t rows = array->dimensions > 0 ? array->shape[0] : 1, length = array->count;
    bool whole = array->dimensions < 2 || length == n;
    if (whole)
        rows = length > 0;
    else
        length = rows > 0 ? array->count / rows : 0;
    if (row >= rows) return fail_row(err, row, rows);
    if (length != n) return fail_length(err, n, length);
    return finish(value + row * length, scale, n, x, err);
}

static lip_status read_array(const unsigned char *bytes, size_t size, size_t row, double scale,
                             size_t n, double *x, lip_error *err) {
    lip_npy array;
    lip_status status = lip_npy_parse(bytes, size, &array, err);
    if (status != LIP_OK) return status;
    double *value = LIP_NEW(double, array.count);
    if (!value) return lip_fail_memory(err);
    lip_npy_values(&array, value);
    status = from_array(&array, value, row, scale, n, x, err);
    free(value);
    return status;
}

/* ---- Text -------------------------------------------------------------------------------- */

typedef struct table {
    lip_lines lines;
    const char *line;
    size_t length;
    bool started; /* a line of numbers or a header was seen */
} table;

/* The next line with something on it, without its comment. */
static bool next_row(table *t) {
    while (lip_next_line(&t->lines, &t->line, &t->length)) {
        const char *comment = memchr(t->line, '#', t->length);
        if (comment) t->length = (size_t)(comment - t->line);
        for (size_t i = 0; i < t->length; ++i)
            if (t->line[i] != ' ' && t->line[i] != '\t') return true;
    }
    return false;
}

/* The numbers of the current line; at most `room` are stored.  *bad is the first token that is none. */
static size_t row_numbers(const table *t, double *value, size_t room, const char **bad,
                          size_t *bad_length) {
    const char *token;
    size_t at = 0, length, count = 0;
    double number;
    *bad = NULL;
    while (lip_next_field(t->line, t->length, ",;", &at, &token, &length)) {
        if (!lip_parse_decimal(token, length, &number)) {
            *bad = token;
            *bad_length = length;
            return count;
        }
        if (count < room) value[count] = number;
        ++count;
    }
    return count;
}

/* Does token[length] start with this lower-case word, in any case, and no letter behind it? */
static bool is_word(const char *token, size_t length, const char *word) {
    size_t n = strlen(word);
    if (length < n) return false;
    for (size_t i = 0; i < n; ++i)
        if ((token[i] | 0x20) != word[i]) return false;
    char next = length > n ? (char)(token[n] | 0x20) : ' ';
    return next < 'a' || next > 'z';
}

/* Would somebody have meant this as a number?  A digit, perhaps behind a quote, a sign and a point; or
 * nan, inf, infinity. */
static bool looks_numeric(const char *token, size_t length) {
    size_t i = 0;
    if (i < length && (token[i] == '"' || token[i] == '\'')) ++i;
    if (i < length && (token[i] == '+' || token[i] == '-')) ++i;
    if (is_word(token + i, length - i, "nan") || is_word(token + i, length - i, "inf") ||
        is_word(token + i, length - i, "infinity"))
        return true;
    if (i < length && token[i] == '.') ++i;
    return i < length && token[i] >= '0' && token[i] <= '9';
}

/* The first field of the current line that looks like a number, whether it is one or not. */
static bool find_numeric(const table *t, const char **token, size_t *length) {
    size_t at = 0;
    while (lip_next_field(t->line, t->length, ",;", &at, token, length))
        if (looks_numeric(*token, *length)) return true;
    return false;
}

static lip_status fail_number(const table *t, const char *bad, size_t length, lip_error *err) {
    char quoted[LIP_QUOTE_SIZE];
    return lip_fail_line(err, LIP_FORMAT, t->lines.number, "expected a finite number, found %s",
                         lip_quote(quoted, bad, length));
}

/* A first line that is neither numbers nor a header. */
static lip_status fail_header(const table *t, const char *bad, size_t bad_length,
                              const char *number, size_t length, lip_error *err) {
    char quoted[LIP_QUOTE_SIZE], other[LIP_QUOTE_SIZE];
    if (looks_numeric(bad, bad_length)) return fail_number(t, bad, bad_length, err);
    return lip_fail_line(err, LIP_FORMAT, t->lines.number,
                         "expected a finite number, found %s; and a header holds no number, but "
                         "this line holds %s",
                         lip_quote(quoted, bad, bad_length), lip_quote(other, number, length));
}

/* The next row of numbers, skipping the header.  *found is false at the end of the file. */
static lip_status next_numbers(table *t, double *value, size_t room, size_t *count, bool *found,
                               lip_error *err) {
    const char *bad, *number;
    size_t bad_length, length;
    *found = false;
    while (next_row(t)) {
        bool first = !t->started;
        t->started = true;
        *count = row_numbers(t, value, room, &bad, &bad_length);
        if (bad && first && !find_numeric(t, &number, &length)) continue;
        if (bad && first) return fail_header(t, bad, bad_length, number, length, err);
        if (bad) return fail_number(t, bad, bad_length, err);
        *found = true;
        return LIP_OK;
    }
    return LIP_OK;
}

/* Rows in all; *column is true if there are several and each holds one number. */
static lip_status count_rows(const char *text, size_t size, size_t *rows, bool *column,
                             lip_error *err) {
    table t = {.lines = {.text = text, .size = size}};
    bool found = true, single = true;
    *rows = 0;
    for (;;) {
        size_t count;
        lip_status status = next_numbers(&t, NULL, 0, &count, &found, err);
        if (status != LIP_OK) return status;
        if (!found) break;
        ++*rows;
        single = single && count == 1;
    }
    *column = single && *rows > 1;
    return LIP_OK;
}

/* value[n + 1] = the numbers of the selected row, or of the whole column. */
static lip_status select_row(const char *text, size_t size, size_t row, bool column, size_t n,
                             double *value, size_t *length, size_t *line, lip_error *err) {
    table t = {.lines = {.text = text, .size = size}};
    bool found = true;
    size_t total = 0;
    for (size_t i = 0; found; ++i) {
        size_t count, stored = total <= n ? total : n;
        lip_status status = next_numbers(&t, value + (column ? stored : 0),
                                         n + 1 - (column ? stored : 0), &count, &found, err);
        if (status != LIP_OK) return status;
        if (found && column) ++total;
        if (found && !column && i == row) {
            *length = count;
            *line = t.lines.number;
            return LIP_OK;
        }
    }
    *length = total;
    *line = 1;
    return LIP_OK;
}

static lip_status read_table(const char *text, size_t size, size_t row, double scale, size_t n,
                             double *x, lip_error *err) {
    size_t rows, length, line;
    bool column;
    lip_status status = count_rows(text, size, &rows, &column, err);
    if (status != LIP_OK) return status;
    if (column && n > 1)
        rows = 1;
    else
        column = false;
    if (row >= rows) return fail_row(err, row, rows);
    double *value = LIP_NEW(double, n + 1);
    if (!value) return lip_fail_memory(err);
    status = select_row(text, size, row, column, n, value, &length, &line, err);
    if (status == LIP_OK && column && length != n) status = fail_length(err, n, length);
    if (status == LIP_OK && !column && length != n && length != n + 1)
        status = lip_fail_line(err, LIP_ARGUMENT, line,
                               "expected %zu numbers (or %zu, the first a label), found %zu", n,
                               n + 1, length);
    if (status == LIP_OK) status = finish(value + (length - n), scale, n, x, err);
    free(value);
    return status;
}

/* A byte order mark, which some programs write in front of UTF-8. */
static void skip_mark(const unsigned char **bytes, size_t *size) {
    if (*size < 3 || memcmp(*bytes, "\xef\xbb\xbf", 3) != 0) return;
    *bytes += 3;
    *size -= 3;
}

lip_status lip_read_point(const unsigned char *bytes, size_t size, size_t row, double scale,
                          size_t n, double *x, lip_error *err) {
    if (size == 0) return lip_fail(err, LIP_FORMAT, NULL, "expected a point, found no data");
    if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        return read_array(bytes, size, row, scale, n, x, err);
    if (memchr(bytes, '\0', size))
        return lip_fail(err, LIP_FORMAT, NULL,
                        "expected a .npy array or a table of numbers, found binary data");
    skip_mark(&bytes, &size);
    return read_table((const char *)bytes, size, row, scale, n, x, err);
}

lip_status lip_point_load(const char *path, size_t row, double scale, size_t n, double *x,
                          lip_error *err) {
    unsigned char *bytes;
    size_t size;
    lip_status status = lip_read_file(path, LIP_FILE_LIMIT, &bytes, &size, err);
    if (status == LIP_OK) {
        status = lip_gunzip(&bytes, &size, LIP_FILE_LIMIT, err);
        if (status == LIP_OK && size == 0)
            status = lip_fail(err, LIP_FORMAT, NULL, "the file is empty");
        if (status == LIP_OK) status = lip_read_point(bytes, size, row, scale, n, x, err);
        free(bytes);
    }
    return lip_fail_in_file(err, path, status);
}
