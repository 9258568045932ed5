/* Memory, files and tokens.
 *
 * A file is read whole.  The readers walk through it once with `expect` (exact bytes, line feeds
 * included), `integer` and `real`, so a text is accepted in its one spelling only.  Sizes that a file
 * claims are compared with the bytes that are left (`need`) before anything is allocated. */
#include "check.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)8 << 30)

static struct block {
    struct block *before;
    size_t bytes;
} *newest;
static size_t taken;

size_t times(size_t a, size_t b) { return a && b > SIZE_MAX / a ? SIZE_MAX : a * b; }

void *take(size_t count, size_t size) {
    size_t bytes = times(count, size);
    if (bytes > LIMIT - taken) reject("more than 8 GiB of memory are needed");
    struct block *b = calloc(1, sizeof *b + bytes);
    if (!b) reject("the system has no memory left for another %zu bytes", bytes);
    *b = (struct block){newest, bytes};
    newest = b;
    taken += bytes;
    return b + 1;
}

void *mark(void) { return newest; }

void release(const void *mark) {
    while (newest != mark) {
        struct block *before = newest->before;
        taken -= newest->bytes;
        free(newest);
        newest = before;
    }
}

void *grow(void *array, size_t used, size_t size) {
    if (used == 1 || used & (used - 1)) return array;
    void *more = take(used ? 2 * used : 2, size);
    return used ? memcpy(more, array, used * size) : more;
}

struct text text_open(const char *name) {
    FILE *file = fopen(name, "rb");
    long size = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
    if (size < 0 || fseek(file, 0, SEEK_SET)) give_up("cannot read %s: %s", name, strerror(errno));
    if ((size_t)size >= LIMIT) give_up("%s is not a file of less than 8 GiB", name);
    struct text t = {name, take((size_t)size + 1, 1), (size_t)size, 0, 1};
    if (fread(t.bytes, 1, t.size, file) != t.size) give_up("cannot read %s to its end", name);
    fclose(file);
    return t;
}

void malformed(const struct text *t, const char *expected, ...) {
    va_list args;
    char found[41] = "";
    for (size_t n = 0; n < 40 && t->at + n < t->size; n++) {
        char c = t->bytes[t->at + n];
        if (c == '\n' || (c == ' ' && n)) break;
        found[n] = c >= ' ' && c <= '~' ? c : '?';
    }
    printf("s MALFORMED %s, line %zu: expected ", t->name, t->line);
    va_start(args, expected);
    vprintf(expected, args);
    va_end(args);
    printf(", found %s%s\n", *found ? "" : "the end of the ",
           *found ? found : t->at < t->size ? "line" : "file");
    exit(2);
}

bool maybe(struct text *t, const char *s) {
    size_t n = strlen(s);
    if (n > t->size - t->at || memcmp(t->bytes + t->at, s, n) != 0) return false;
    for (t->at += n; *s; s++) t->line += *s == '\n';
    return true;
}

void expect(struct text *t, const char *s) {
    if (maybe(t, s)) return;
    if (*s == '\n') malformed(t, "the end of the line");
    malformed(t, "'%.*s'", (int)strcspn(s, "\n"), s);
}

size_t integer(struct text *t, size_t least, size_t most, const char *what) {
    const char *s = t->bytes + t->at, *begin = s;
    size_t value = 0;
    bool fits = true;
    for (; *s >= '0' && *s <= '9'; s++) {
        size_t digit = (size_t)(*s - '0');
        fits = fits && (s == begin || value > 0) && digit <= most && value <= (most - digit) / 10;
        if (fits) value = 10 * value + digit;
    }
    if (s == begin || !fits || value < least)
        malformed(t, least == most ? "%s, %zu" : "%s from %zu to %zu", what, least, most);
    t->at += (size_t)(s - begin);
    return value;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* [-]0x1[.f]p(+|-)e, [-]0x0.fp-1022 or 0x0p+0: sign, exponent, fraction are the bits of the number. */
double real(struct text *t) {
    const char *s = t->bytes + t->at;
    uint64_t fraction = 0, negative = *s == '-';
    int digits = 0, e = 0;
    s += negative;
    bool good = s[0] == '0' && s[1] == 'x' && (s[2] == '0' || s[2] == '1'), one = good && s[2] == '1';
    if (good && *(s += 3) == '.') {
        for (s++; hex_digit(*s) >= 0 && digits < 13; s++, digits++)
            fraction = fraction << 4 | (uint64_t)hex_digit(*s);
        good = digits > 0 && s[-1] != '0';
        fraction <<= 4 * (13 - digits);
    }
    good = good && s[0] == 'p' && (s[1] == '+' || s[1] == '-');
    if (good) {
        bool minus = s[1] == '-', zero = s[2] == '0';
        for (s += 2, digits = 0; *s >= '0' && *s <= '9' && digits < 5; s++, digits++)
            e = 10 * e + *s - '0';
        good = digits > 0 && !(zero && (minus || digits > 1)) && (*s == ' ' || *s == '\n');
        if (minus) e = -e;
    }
    if (!good || (one ? e < -1022 || e > 1023 : fraction ? e != -1022 : e != 0 || negative))
        malformed(t, "a real in its canonical spelling");
    uint64_t bits = negative << 63 | (one ? (uint64_t)(e + 1023) << 52 : 0) | fraction;
    double value;
    memcpy(&value, &bits, sizeof value);
    t->at = (size_t)(s - t->bytes);
    return value;
}

void need(const struct text *t, size_t count, size_t bytes) {
    if (count > (t->size - t->at) / bytes)
        malformed(t, "%zu more entries, for which the file is too short", count);
}

double *reals(struct text *t, size_t count) {
    need(t, count, 7);
    double *value = take(count, sizeof *value);
    for (size_t i = 0; i < count; i++) {
        expect(t, " ");
        value[i] = real(t);
    }
    expect(t, "\n");
    return value;
}
