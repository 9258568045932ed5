/* Memory, files and tokens.
 *
 * A file is read whole.  The readers walk through it once with `expect` (exact bytes, line feeds
 * included), `integer` and `real`, so a text is accepted in its one spelling only.  Sizes that a file
 * claims are compared with the bytes that are left (`need`) before anything is allocated. */
#include "round.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)8 << 30)

static struct block {
    struct block *before;
    size_t bytes;
} * newest;
static size_t taken;

size_t times(size_t a, size_t b) { return a && b > SIZE_MAX / a ? SIZE_MAX : a * b; }

void *take(size_t count, size_t size) {
    size_t bytes = times(count, size);
    struct block *b = bytes <= LIMIT - taken ? calloc(1, sizeof *b + bytes) : NULL;
    if (!b) stop(REJECTED, "%zu more bytes of memory are needed; there are 8 GiB at most", bytes);
    *b = (struct block){newest, bytes};
    newest = b;
    taken += bytes;
    return b + 1;
}

void *mark(void) { return newest; }

void release(const void *mark) {
    for (struct block *b; (b = newest) != mark; free(b)) {
        newest = b->before;
        taken -= b->bytes;
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
    if (size < 0 || fseek(file, 0, SEEK_SET))
        stop(FAILED, "cannot read %s: %s", name, strerror(errno));
    if ((size_t)size >= LIMIT) stop(FAILED, "%s is not a file of less than 8 GiB", name);
    struct text t = {name, take((size_t)size + 1, 1), (size_t)size, 0, 1};
    if (fread(t.bytes, 1, t.size, file) != t.size) stop(FAILED, "cannot read %s to its end", name);
    fclose(file);
    return t;
}

void malformed(const struct text *t, const char *expected, ...) {
    const char *found = t->bytes + t->at;
    va_list args;
    printf("s MALFORMED %s, line %zu: expected ", t->name, t->line);
    va_start(args, expected);
    vprintf(expected, args);
    va_end(args);
    printf(", found %s", t->at == t->size ? "the end of the file"
                         : *found == '\n' ? "a line feed"
                                          : "");
    for (size_t n = strcspn(found, "\n"), i = 0; i < n && i < 40; i++)
        printf("%c", found[i] >= ' ' && found[i] <= '~' ? found[i] : '?');
    printf("\n");
    exit(FAILED);
}

bool maybe(struct text *t, const char *s) {
    size_t n = strlen(s);
    if (n > t->size - t->at || memcmp(t->bytes + t->at, s, n) != 0) return false;
    for (t->at += n; *s; s++) t->line += *s == '\n';
    return true;
}

void expect(struct text *t, const char *s) {
    if (!maybe(t, s)) malformed(t, *s == '\n' ? "a line feed" : "'%.*s'", (int)strcspn(s, "\n"), s);
}

int choice(struct text *t, const char *const *word) {
    char all[160] = "";
    for (int i = 0; word[i]; i++) {
        if (maybe(t, word[i])) return i;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s'%.*s'", i ? ", " : "",
                 (int)strcspn(word[i], "\n"), word[i]);
    }
    malformed(t, "one of %s", all);
}

size_t integer(struct text *t, const char *before, size_t least, size_t most, const char *what) {
    expect(t, before);
    const char *begin = t->bytes + t->at, *s = begin;
    size_t value = 0; /* most is at most 10^18 */
    for (; *s >= '0' && *s <= '9' && value <= most && (s == begin || value); s++)
        value = 10 * value + (size_t)(*s - '0');
    if (s == begin || value < least || value > most || (*s >= '0' && *s <= '9'))
        malformed(t, least == most ? "%s, %zu" : "%s from %zu to %zu", what, least, most);
    t->at += (size_t)(s - begin);
    return value;
}

double real(struct text *t, const char *before) {
    expect(t, before);
    char *begin = t->bytes + t->at, *end, again[40];
    double value = strtod(begin, &end);
    size_t size = (size_t)snprintf(again, sizeof again, "%a", value);
    if (begin + size != end || memcmp(begin, again, size) != 0 || !(fabs(value) <= DBL_MAX) ||
        (value == 0 && *begin == '-'))
        malformed(t, "a real in its canonical spelling");
    t->at += size;
    return value;
}

void need(const struct text *t, size_t count, size_t bytes) {
    if (count > (t->size - t->at) / bytes)
        malformed(t, "%zu more entries, for which the file is too short", count);
}

double *reals(struct text *t, const char *name, size_t count) {
    expect(t, name);
    need(t, count, 7);
    double *value = take(count, sizeof *value);
    for (size_t i = 0; i < count; i++) value[i] = real(t, " ");
    expect(t, "\n");
    return value;
}
