/* One point from a .npy array or a text table.
 *
 * .npy: entry `row` along the first axis, flattened; an array with n (or n + 1) entries in all is a
 * point as it is, whatever its shape.  Text: numbers separated by commas, semicolons or blanks, one
 * point per line; '#' starts a comment, a first line that is not numeric is a header; a file with one
 * number on each of several lines is one point.  n + 1 numbers: the first is a label and dropped. */
#include "base/error.h"
#include "base/memory.h"
#include "read/file.h"
#include "read/npy.h"
#include "read/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lip_status fail_length(lip_error *err, const char *place, size_t n, size_t found) {
    return lip_fail(err, LIP_ARGUMENT, place,
                    "expected %zu numbers (or %zu, the first a label), found %zu", n, n + 1, found);
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
    bool whole = array->dimensions < 2 || length == n || length == n + 1;
    if (whole)
        rows = length > 0;
    else
        length = rows > 0 ? array->count / rows : 0;
    if (row >= rows) return fail_row(err, row, rows);
    if (length != n && length != n + 1) return fail_length(err, NULL, n, length);
    return finish(value + row * length + (length - n), scale, n, x, err);
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

/* The next row of numbers, skipping the header.  *found is false at the end of the file. */
static lip_status next_numbers(table *t, double *value, size_t room, size_t *count, bool *found,
                               lip_error *err) {
    const char *bad;
    size_t bad_length;
    char quoted[LIP_QUOTE_SIZE];
    *found = false;
    while (next_row(t)) {
        bool first = !t->started;
        t->started = true;
        *count = row_numbers(t, value, room, &bad, &bad_length);
        if (bad && first) continue;
        if (bad)
            return lip_fail_line(err, LIP_FORMAT, t->lines.number,
                                 "expected a finite number, found %s",
                                 lip_quote(quoted, bad, bad_length));
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
    if (status == LIP_OK && length != n && length != n + 1) {
        if (column)
            status = fail_length(err, NULL, n, length);
        else
            status = lip_fail_line(err, LIP_ARGUMENT, line,
                                   "expected %zu numbers (or %zu, the first a label), found %zu", n,
                                   n + 1, length);
    }
    if (status == LIP_OK) status = finish(value + (length - n), scale, n, x, err);
    free(value);
    return status;
}

lip_status lip_read_point(const unsigned char *bytes, size_t size, size_t row, double scale,
                          size_t n, double *x, lip_error *err) {
    if (size == 0) return lip_fail(err, LIP_FORMAT, NULL, "expected a point, found no data");
    if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        return read_array(bytes, size, row, scale, n, x, err);
    if (memchr(bytes, '\0', size))
        return lip_fail(err, LIP_FORMAT, NULL,
                        "expected a .npy array or a table of numbers, found binary data");
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
