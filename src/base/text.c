/* Exact numbers as text.  Every number has one spelling:
 *
 *     x = (-1)^s 1.f 2^e      "0x1" ["." f in hexadecimal, no trailing zeros] "p" sign e
 *     subnormal: 0.f 2^-1022  "0x0." f ... "p-1022"
 *     0                       "0x0p+0" (there is no -0)
 *
 * which is what printf("%a") prints with glibc, built here from the bits so that neither the locale
 * nor the C library has a say. */
#include "base/text.h"

#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION ((UINT64_C(1) << 52) - 1)

size_t lip_spell_real(double x, char spelling[LIP_SPELLING]) {
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint64_t fraction = bits & FRACTION;
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0 && fraction == 0) return (size_t)snprintf(spelling, LIP_SPELLING, "0x0p+0");
    if (bits >> 63) spelling[n++] = '-';
    spelling[n++] = '0';
    spelling[n++] = 'x';
    spelling[n++] = exponent == 0 ? '0' : '1';
    if (fraction) spelling[n++] = '.';
    for (; fraction; fraction = fraction << 4 & FRACTION) spelling[n++] = digits[fraction >> 48];
    return n + (size_t)snprintf(spelling + n, LIP_SPELLING - n, "p%+d",
                                exponent == 0 ? -1022 : exponent - 1023);
}

static void put(lip_text *text, const char *bytes, size_t size) {
    if (text->failed || size == 0) return;
    if (size > SIZE_MAX - text->size ||
        !lip_grow((void **)&text->bytes, &text->capacity, text->size + size, 1)) {
        text->failed = true;
        return;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void lip_text_word(lip_text *text, const char *word) { put(text, word, strlen(word)); }

void lip_text_size(lip_text *text, size_t value) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, " %zu", value);
    put(text, digits, (size_t)n);
}

void lip_text_real(lip_text *text, double x) {
    char spelling[1 + LIP_SPELLING] = " ";
    if (!isfinite(x)) {
        text->overflown = true;
        return;
    }
    put(text, spelling, 1 + lip_spell_real(x, spelling + 1));
}

void lip_text_reals(lip_text *text, const char *word, size_t count, const double *x) {
    lip_text_word(text, word);
    for (size_t i = 0; i < count; ++i) lip_text_real(text, x[i]);
    lip_text_word(text, "\n");
}

void lip_text_append(lip_text *text, const lip_text *more) {
    put(text, more->bytes, more->size);
    if (more->failed) text->failed = true;
    if (more->overflown) text->overflown = true;
}

void lip_text_clear(lip_text *text) {
    free(text->bytes);
    memset(text, 0, sizeof *text);
}
