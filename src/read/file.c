/* Files, decompression and plain text, before anything is known about a format.
 *
 * Decimal numbers.  strtod is correctly rounded but wants the decimal point of the program's locale.
 * An integer with an exponent needs no point, and 12.34e5 = 1234e3 exactly, so the digits are copied
 * without their point and the exponent is moved: the same real number, hence the same double, in
 * every locale.  To enclose the number, the double is written out exactly (a binary64 has at most 767
 * significant decimal digits) and compared digit by digit. */
#include "read/file.h"

#include "base/error.h"
#include "base/memory.h"
#include "read/reader.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* ---- Whole files ------------------------------------------------------------------------- */

static lip_status fail_errno(lip_error *err, const char *what, int code) {
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", code);
    return lip_fail(err, LIP_IO, NULL, "cannot %s: %s", what, text);
}

static lip_status fail_large(lip_error *err, size_t limit, bool regular) {
    return lip_fail(err, LIP_UNSUPPORTED, NULL, "expected at most %zu bytes%s, found more", limit,
                    regular ? "" : " from a pipe or device");
}

/* More than this from a device or a pipe is no network: /dev/zero never ends. */
#define STREAM_LIMIT ((size_t)1 << 26)

/* Read on to the end; files that do not know their size (pipes) grow the buffer. */
static lip_status read_stream(FILE *file, bool regular, size_t expected, size_t limit,
                              unsigned char **bytes, size_t *size, lip_error *err) {
    size_t capacity = 0, used = 0;
    void *buffer = NULL;
    lip_status status = LIP_OK;
    if (!lip_grow(&buffer, &capacity, expected + 2, 1)) return lip_fail_memory(err);
    for (;;) {
        size_t got = fread((unsigned char *)buffer + used, 1, capacity - used - 1, file);
        used += got;
        if (used > limit)
            status = fail_large(err, limit, regular);
        else if (got == 0 && ferror(file))
            status = fail_errno(err, "read", errno);
        else if (got > 0 && used + 1 == capacity && !lip_grow(&buffer, &capacity, capacity + 1, 1))
            status = lip_fail_memory(err);
        if (status != LIP_OK || got == 0) break;
    }
    if (status != LIP_OK) {
        free(buffer);
        return status;
    }
    ((unsigned char *)buffer)[used] = 0;
    *bytes = buffer;
    *size = used;
    return LIP_OK;
}

lip_status lip_read_file(const char *path, size_t limit, unsigned char **bytes, size_t *size,
                         lip_error *err) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file && errno == ENOMEM) return lip_fail_memory(err);
    if (!file) return fail_errno(err, "open", errno);
    lip_status status = LIP_OK;
    size_t expected = 4096;
    bool regular = false;
    if (fstat(fileno(file), &info) != 0) {
        status = fail_errno(err, "inspect", errno);
    } else if (S_ISDIR(info.st_mode)) {
        status = lip_fail(err, LIP_IO, NULL, "expected a file, found a directory");
    } else if (!S_ISREG(info.st_mode)) {
        if (limit > STREAM_LIMIT) limit = STREAM_LIMIT;
    } else {
        regular = true;
        if (info.st_size > 0 && (uintmax_t)info.st_size > limit)
            status = fail_large(err, limit, true);
        else
            expected = (size_t)info.st_size;
    }
    if (status == LIP_OK) status = read_stream(file, regular, expected, limit, bytes, size, err);
    fclose(file);
    return status;
}

/* ---- Decompression ----------------------------------------------------------------------- */

size_t lip_inflate_limit(size_t size) {
    size_t limit = (size_t)1 << 28;
    if (size > LIP_FILE_LIMIT / 64) return LIP_FILE_LIMIT;
    return size * 64 > limit ? size * 64 : limit;
}

typedef struct inflation {
    z_stream z;
    const unsigned char *in;
    size_t left; /* of `in`, not yet handed to zlib */
    void *out;
    size_t capacity, used, limit;
} inflation;

static void feed(inflation *job) {
    if (job->z.avail_in > 0 || job->left == 0) return;
    size_t some = job->left < ((size_t)1 << 30) ? job->left : (size_t)1 << 30;
    job->z.next_in = (Bytef *)(uintptr_t)job->in; /* zlib reads only; its field lacks the const */
    job->z.avail_in = (uInt)some;
    job->in += some;
    job->left -= some;
}

static lip_status fail_inflate(const inflation *job, int code, lip_error *err) {
    if (code == Z_MEM_ERROR) return lip_fail_memory(err);
    if (code == Z_OK || code == Z_BUF_ERROR)
        return lip_fail(err, LIP_FORMAT, NULL, "the compressed data ends too early");
    return lip_fail(err, LIP_FORMAT, NULL, "the compressed data is damaged (%s)",
                    job->z.msg ? job->z.msg : "unexpected end or dictionary");
}

/* One compressed stream, to its end. */
static lip_status inflate_stream(inflation *job, lip_error *err) {
    for (;;) {
        if (job->used > job->limit)
            return lip_fail(err, LIP_UNSUPPORTED, NULL,
                            "expected at most %zu bytes after decompression, found more",
                            job->limit);
        if (!lip_grow(&job->out, &job->capacity, job->used + 2, 1)) return lip_fail_memory(err);
        feed(job);
        size_t room = job->capacity - job->used - 1;
        uInt offered = room < ((size_t)1 << 30) ? (uInt)room : (uInt)1 << 30;
        job->z.next_out = (Bytef *)job->out + job->used;
        job->z.avail_out = offered;
        int code = inflate(&job->z, Z_NO_FLUSH);
        job->used += offered - job->z.avail_out;
        if (code == Z_STREAM_END) return LIP_OK;
        bool more = job->z.avail_in > 0 || job->left > 0 || job->z.avail_out == 0;
        if (code != Z_OK && code != Z_BUF_ERROR) return fail_inflate(job, code, err);
        if (!more) return fail_inflate(job, Z_BUF_ERROR, err);
    }
}

/* All streams: gzip files may be several, one behind the other. */
static lip_status inflate_all(inflation *job, lip_deflate_kind kind, lip_error *err) {
    for (;;) {
        lip_status status = inflate_stream(job, err);
        if (status != LIP_OK) return status;
        if (job->used > job->limit) continue; /* one more turn reports it */
        feed(job);
        if (job->z.avail_in == 0 && job->left == 0) return LIP_OK;
        bool again = kind == LIP_GZIP && job->z.avail_in >= 2 && job->z.next_in[0] == 0x1f;
        if (!again || inflateReset(&job->z) != Z_OK)
            return lip_fail(err, LIP_FORMAT, NULL,
                            "expected the end of the compressed data, found %zu more bytes",
                            job->z.avail_in + job->left);
    }
}

lip_status lip_inflate(const unsigned char *in, size_t size, lip_deflate_kind kind, size_t limit,
                       unsigned char **out, size_t *out_size, lip_error *err) {
    inflation job = {.in = in, .left = size, .limit = limit};
    int code = inflateInit2(&job.z, kind == LIP_GZIP ? 16 + MAX_WBITS : MAX_WBITS);
    if (code != Z_OK) return fail_inflate(&job, code, err);
    size_t guess = size < limit / 4 ? 4 * size : limit;
    lip_status status =
        lip_grow(&job.out, &job.capacity, guess + 2, 1) ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) status = inflate_all(&job, kind, err);
    inflateEnd(&job.z);
    if (status != LIP_OK) {
        free(job.out);
        return status;
    }
    ((unsigned char *)job.out)[job.used] = 0;
    *out = job.out;
    *out_size = job.used;
    return LIP_OK;
}

bool lip_is_gzip(const unsigned char *bytes, size_t size) {
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

lip_status lip_gunzip(unsigned char **bytes, size_t *size, size_t limit, lip_error *err) {
    if (!lip_is_gzip(*bytes, *size)) return LIP_OK;
    unsigned char *plain;
    size_t plain_size, most = lip_inflate_limit(*size);
    lip_status status =
        lip_inflate(*bytes, *size, LIP_GZIP, limit < most ? limit : most, &plain, &plain_size, err);
    if (status != LIP_OK) return status;
    free(*bytes);
    *bytes = plain;
    *size = plain_size;
    return LIP_OK;
}

/* ---- Lines and fields -------------------------------------------------------------------- */

bool lip_next_line(lip_lines *lines, const char **line, size_t *length) {
    if (lines->at >= lines->size) return false;
    const char *start = lines->text + lines->at;
    size_t rest = lines->size - lines->at;
    const char *end = memchr(start, '\n', rest);
    size_t n = end ? (size_t)(end - start) : rest;
    lines->at += end ? n + 1 : n;
    ++lines->number;
    if (n > 0 && start[n - 1] == '\r') --n;
    *line = start;
    *length = n;
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool is_in(char c, const char *set) { return c != '\0' && strchr(set, c) != NULL; }

bool lip_next_field(const char *line, size_t length, const char *separators, size_t *at,
                    const char **token, size_t *token_length) {
    size_t i = *at;
    while (i < length && is_blank(line[i])) ++i;
    if (i >= length) return false;
    size_t start = i;
    while (i < length && !is_blank(line[i]) && !is_in(line[i], separators)) ++i;
    *token = line + start;
    *token_length = i - start;
    while (i < length && is_blank(line[i])) ++i;
    if (i < length && is_in(line[i], separators)) ++i;
    *at = i;
    return true;
}

/* ---- Text for messages ------------------------------------------------------------------- */

/* Bytes of the character at p[0..left) if it is printable: ASCII, or well-formed UTF-8 (RFC 3629: no
 * detours, no surrogates, at most U+10FFFF) other than the control codes U+0080 to U+009F.  Else 0. */
static size_t printable(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return p[0] >= 0x20 && p[0] != 0x7f;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size) return 0;
    uint32_t code = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < 0xa0 || (size == 3 && code < 0x800) || (size == 4 && code < 0x10000)) return 0;
    return (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? 0 : size;
}

void lip_make_printable(char *text, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t size = printable((const unsigned char *)text + i, length - i);
        if (size == 0) text[i] = '?';
        i += size ? size : 1;
    }
}

const char *lip_quote(char buffer[LIP_QUOTE_SIZE], const char *text, size_t length) {
    bool cut = length > 40;
    size_t kept = cut ? 40 : length, from = cut ? kept : 0;
    /* not in the middle of a character: back to where it starts, at most 3 bytes */
    while (from > 37 && ((unsigned char)text[from] & 0xc0) == 0x80) --from;
    if (cut && ((unsigned char)text[from] & 0xc0) != 0x80) kept = from;
    buffer[0] = '\'';
    memcpy(buffer + 1, text, kept);
    lip_make_printable(buffer + 1, kept);
    snprintf(buffer + 1 + kept, LIP_QUOTE_SIZE - 1 - kept, "%s'", cut ? "..." : "");
    return buffer;
}

/* ---- Numbers ----------------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool lip_parse_count(const char *text, size_t length, size_t *value) {
    size_t v = 0;
    if (length == 0 || length > 15) return false;
    for (size_t i = 0; i < length; ++i) {
        if (!is_digit(text[i])) return false;
        v = 10 * v + (size_t)(text[i] - '0');
    }
    *value = v;
    return true;
}

#define MOST_DIGITS 1200

/* (-1)^negative * digits * 10^exponent, digits an integer without leading zeros ("" is 0). */
typedef struct decimal {
    bool negative;
    char digits[MOST_DIGITS + 1];
    size_t count;
    long exponent;
} decimal;

/* The exponent part; false if malformed.  Beyond 10^6 it is cut: such a number is 0 or infinite. */
static bool scan_exponent(const char *text, size_t length, long *exponent) {
    size_t i = 0;
    bool negative = length > 0 && text[0] == '-';
    if (length > 0 && (text[0] == '-' || text[0] == '+')) ++i;
    if (i == length) return false;
    long e = 0;
    for (; i < length; ++i) {
        if (!is_digit(text[i])) return false;
        if (e < 1000000) e = 10 * e + (text[i] - '0');
    }
    *exponent = negative ? -e : e;
    return true;
}

static bool scan_decimal(const char *text, size_t length, decimal *d) {
    size_t i = 0, figures = 0;
    bool point = false;
    long after = 0;
    d->negative = length > 0 && text[0] == '-';
    d->count = 0;
    d->exponent = 0;
    if (length > 0 && (text[0] == '-' || text[0] == '+')) ++i;
    for (; i < length && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        ++figures;
        if (point) ++after;
        if (text[i] == '0' && d->count == 0) continue;
        if (d->count == MOST_DIGITS || after > MOST_DIGITS) return false;
        d->digits[d->count++] = text[i];
    }
    d->digits[d->count] = '\0';
    if (figures == 0) return false;
    long exponent = 0;
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        if (!scan_exponent(text + i + 1, length - i - 1, &exponent)) return false;
        i = length;
    }
    d->exponent = exponent - after;
    return i == length;
}

/* |d|, rounded as strtod rounds. */
static bool decimal_magnitude(const decimal *d, double *value) {
    char text[MOST_DIGITS + 32];
    if (d->count == 0) {
        *value = 0;
        return true;
    }
    snprintf(text, sizeof text, "%se%ld", d->digits, d->exponent);
    *value = strtod(text, NULL);
    return isfinite(*value);
}

bool lip_parse_decimal(const char *text, size_t length, double *value) {
    decimal d;
    double magnitude;
    if (!scan_decimal(text, length, &d) || !decimal_magnitude(&d, &magnitude)) return false;
    *value = d.negative && magnitude != 0 ? -magnitude : magnitude;
    return true;
}

/* The exact value of x >= 0 as a decimal: one digit, the locale's point, 766 digits, an exponent. */
static void exact_decimal(double x, decimal *d) {
    char text[MOST_DIGITS];
    snprintf(text, sizeof text, "%.766e", x);
    const char *p = text;
    d->count = 0;
    for (; *p && *p != 'e'; ++p)
        if (is_digit(*p) && (d->count > 0 || *p != '0')) d->digits[d->count++] = *p;
    d->digits[d->count] = '\0';
    d->exponent = (*p ? strtol(p + 1, NULL, 10) : 0) - 766;
}

/* The sign of a - b, both nonnegative. */
static int compare_decimals(const decimal *a, const decimal *b) {
    if (a->count == 0 || b->count == 0) return (a->count > 0) - (b->count > 0);
    long lead_a = a->exponent + (long)a->count, lead_b = b->exponent + (long)b->count;
    if (lead_a != lead_b) return lead_a < lead_b ? -1 : 1;
    for (size_t i = 0; i < a->count || i < b->count; ++i) {
        char x = i < a->count ? a->digits[i] : '0', y = i < b->count ? b->digits[i] : '0';
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

bool lip_enclose_decimal(const char *text, size_t length, double *down, double *up) {
    decimal wanted, found;
    double x;
    if (!scan_decimal(text, length, &wanted) || !decimal_magnitude(&wanted, &x)) return false;
    exact_decimal(x, &found);
    int order = compare_decimals(&found, &wanted);
    double low = order > 0 ? nextafter(x, 0) : x, high = order < 0 ? nextafter(x, INFINITY) : x;
    if (!isfinite(high)) return false;
    if (low == 0) low = 0;
    *down = wanted.negative && high != 0 ? -high : (wanted.negative ? 0 : low);
    *up = wanted.negative && low != 0 ? -low : (wanted.negative ? 0 : high);
    return true;
}
