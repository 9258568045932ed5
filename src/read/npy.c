/* .npy: a magic, a version, the length of a header, the header, the entries.
 *
 *     93 'N' 'U' 'M' 'P' 'Y'  major minor  length (2 bytes in version 1, else 4; little endian)
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   padded with blanks and "\n"
 *
 * The header is a Python dictionary with exactly these keys, in any order.  `descr` is byte order
 * (< > = |), kind and bytes per entry.  Arrays of Python objects are pickles, which run code when they
 * are read: they are refused. */
#include "read/npy.h"

#include "base/error.h"
#include "base/memory.h"
#include "read/file.h"

#include <math.h>
#include <string.h>

/* ---- Header ------------------------------------------------------------------------------ */

typedef struct cursor {
    const char *start, *at, *end;
    lip_error *err;
} cursor;

static void skip_blanks(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) ++c->at;
}

static lip_status fail_header(const cursor *c, const char *expected) {
    char quoted[LIP_QUOTE_SIZE];
    size_t left = (size_t)(c->end - c->at);
    if (left > 16) left = 16;
    return lip_fail(c->err, LIP_FORMAT, "array header", "expected %s, found %s", expected,
                    left ? lip_quote(quoted, c->at, left) : "its end");
}

static bool take(cursor *c, char wanted) {
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted) return false;
    ++c->at;
    return true;
}

static lip_status expect(cursor *c, char wanted, const char *expected) {
    return take(c, wanted) ? LIP_OK : fail_header(c, expected);
}

/* A string in single or double quotes without escapes. */
static lip_status read_string(cursor *c, const char **text, size_t *length) {
    skip_blanks(c);
    char quote = c->at < c->end ? *c->at : '\0';
    if (quote != '\'' && quote != '"') return fail_header(c, "a string");
    const char *close = memchr(c->at + 1, quote, (size_t)(c->end - c->at) - 1);
    if (!close) return fail_header(c, "a closed string");
    *text = c->at + 1;
    *length = (size_t)(close - *text);
    c->at = close + 1;
    return LIP_OK;
}

static bool is_text(const char *text, size_t length, const char *wanted) {
    return length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static bool known_type(char kind, size_t item) {
    switch (kind) {
    case 'f': return item == 2 || item == 4 || item == 8;
    case 'i':
    case 'u': return item == 1 || item == 2 || item == 4 || item == 8;
    case 'b': return item == 1;
    }
    return false;
}

static lip_status read_descr(cursor *c, lip_npy *array) {
    const char *text = "";
    size_t length = 0;
    skip_blanks(c);
    if (c->at < c->end && (*c->at == '[' || *c->at == '('))
        return lip_fail(c->err, LIP_UNSUPPORTED, "array header",
                        "expected an array of numbers, found a structured array");
    lip_status status = read_string(c, &text, &length);
    if (status != LIP_OK) return status;
    if (memchr(text, 'O', length))
        return lip_fail(c->err, LIP_UNSUPPORTED, "array header",
                        "expected an array of numbers, found pickled Python objects, which are "
                        "never loaded");
    size_t at = length > 0 && strchr("<>=|", text[0]) && text[0] ? 1 : 0;
    array->big_endian = at == 1 && text[0] == '>';
    array->kind = length > at ? text[at] : '\0';
    char quoted[LIP_QUOTE_SIZE];
    if (length <= at + 1 || !lip_parse_count(text + at + 1, length - at - 1, &array->item) ||
        !known_type(array->kind, array->item))
        return lip_fail(c->err, LIP_UNSUPPORTED, "array header",
                        "expected entries of type f2, f4, f8, an integer or bool, found %s",
                        lip_quote(quoted, text, length));
    return LIP_OK;
}

static lip_status read_order(cursor *c, lip_npy *array) {
    skip_blanks(c);
    size_t left = (size_t)(c->end - c->at);
    if (left >= 4 && memcmp(c->at, "True", 4) == 0) {
        array->fortran = true;
        c->at += 4;
    } else if (left >= 5 && memcmp(c->at, "False", 5) == 0) {
        c->at += 5;
    } else {
        return fail_header(c, "True or False");
    }
    return LIP_OK;
}

static lip_status read_shape(cursor *c, lip_npy *array) {
    lip_status status = expect(c, '(', "a shape such as (3, 4)");
    array->dimensions = 0;
    array->count = 1;
    while (status == LIP_OK && !take(c, ')')) {
        skip_blanks(c);
        const char *digits = c->at;
        size_t extent;
        while (c->at < c->end && *c->at >= '0' && *c->at <= '9') ++c->at;
        if (!lip_parse_count(digits, (size_t)(c->at - digits), &extent)) {
            c->at = digits;
            return fail_header(c, "an extent of the shape");
        }
        if (array->dimensions == LIP_NPY_DIMENSIONS ||
            !lip_multiply_sizes(array->count, extent, &array->count))
            return lip_fail(c->err, LIP_FORMAT, "array header",
                            "expected at most %d dimensions and 2^60 entries, found more",
                            LIP_NPY_DIMENSIONS);
        array->shape[array->dimensions++] = extent;
        if (!take(c, ',')) {
            status = expect(c, ')', "',' or ')' in the shape");
            break;
        }
    }
    return status;
}

static lip_status read_entry(cursor *c, lip_npy *array, unsigned *seen) {
    const char *key;
    size_t length;
    lip_status status = read_string(c, &key, &length);
    if (status == LIP_OK) status = expect(c, ':', "':'");
    if (status != LIP_OK) return status;
    unsigned bit = is_text(key, length, "descr")           ? 1
                   : is_text(key, length, "fortran_order") ? 2
                   : is_text(key, length, "shape")         ? 4
                                                           : 0;
    char quoted[LIP_QUOTE_SIZE];
    if (bit == 0 || (*seen & bit))
        return lip_fail(c->err, LIP_FORMAT, "array header",
                        "expected the keys descr, fortran_order and shape once each, found %s",
                        lip_quote(quoted, key, length));
    *seen |= bit;
    if (bit == 1) return read_descr(c, array);
    return bit == 2 ? read_order(c, array) : read_shape(c, array);
}

static lip_status read_header(cursor *c, lip_npy *array) {
    unsigned seen = 0;
    lip_status status = expect(c, '{', "'{'");
    while (status == LIP_OK && !take(c, '}')) {
        status = read_entry(c, array, &seen);
        if (status == LIP_OK && !take(c, ',')) {
            status = expect(c, '}', "',' or '}'");
            break;
        }
    }
    if (status != LIP_OK) return status;
    skip_blanks(c);
    if (c->at != c->end) return fail_header(c, "the end of the header");
    if (seen != 7)
        return lip_fail(
            c->err, LIP_FORMAT, "array header",
            "expected the keys descr, fortran_order and shape, found only some of them");
    return LIP_OK;
}

lip_status lip_npy_parse(const unsigned char *bytes, size_t size, lip_npy *array, lip_error *err) {
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return lip_fail_byte(err, LIP_FORMAT, 0, "expected a .npy array, found something else");
    if (bytes[6] < 1 || bytes[6] > 3)
        return lip_fail_byte(err, LIP_UNSUPPORTED, 6, "expected .npy version 1 to 3, found %d",
                             bytes[6]);
    size_t start = bytes[6] == 1 ? 10 : 12, length = bytes[8] | (size_t)bytes[9] << 8;
    if (start == 12 && size >= 12) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size < start || length > size - start)
        return lip_fail_byte(err, LIP_FORMAT, 8,
                             "expected an array header of %zu bytes, found the end of the data",
                             length);
    const char *text = (const char *)bytes + start;
    cursor c = {text, text, text + length, err};
    *array = (lip_npy){.data = bytes + start + length};
    lip_status status = read_header(&c, array);
    if (status != LIP_OK) return status;
    size_t left = size - start - length, needed;
    if (!lip_multiply_sizes(array->count, array->item, &needed) || needed != left)
        return lip_fail_byte(err, LIP_FORMAT, start + length,
                             "expected %zu entries of %zu bytes, found %zu bytes", array->count,
                             array->item, left);
    return LIP_OK;
}

/* ---- Entries ----------------------------------------------------------------------------- */

static uint64_t load_bits(const unsigned char *p, size_t item, bool big_endian) {
    uint64_t bits = 0;
    for (size_t i = 0; i < item; ++i) bits = bits << 8 | p[big_endian ? i : item - 1 - i];
    return bits;
}

static double from_half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023), x;
    if (exponent == 31)
        x = fraction != 0 ? NAN : INFINITY;
    else
        x = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -x : x;
}

static double from_float(uint64_t bits) {
    uint32_t narrow = (uint32_t)bits;
    float x;
    memcpy(&x, &narrow, sizeof x);
    return x;
}

static double from_double(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double entry(const lip_npy *a, size_t index) {
    uint64_t bits = load_bits(a->data + index * a->item, a->item, a->big_endian);
    unsigned shift = (unsigned)(64 - 8 * a->item) & 63; /* item is 1, 2, 4 or 8 */
    switch (a->kind) {
    case 'f':
        return a->item == 2 ? from_half(bits) : a->item == 4 ? from_float(bits) : from_double(bits);
    case 'i':
        if (bits << shift >> 63) return -(double)((~bits + 1) << shift >> shift);
        return (double)bits;
    default: return (double)bits;
    }
}

void lip_npy_values(const lip_npy *a, double *value) {
    size_t index[LIP_NPY_DIMENSIONS] = {0}, stride[LIP_NPY_DIMENSIONS], step = 1;
    for (size_t d = 0; d < a->dimensions; ++d) {
        stride[d] = step;
        step *= a->shape[d];
    }
    size_t at = 0; /* where the entry `index` lies in a Fortran-ordered file */
    for (size_t i = 0; i < a->count; ++i) {
        value[i] = entry(a, a->fortran ? at : i);
        for (size_t d = a->dimensions; a->fortran && d-- > 0;) {
            at += stride[d];
            if (++index[d] < a->shape[d]) break;
            at -= stride[d] * a->shape[d];
            index[d] = 0;
        }
    }
}
