/* Text that grows, with exact numbers: what certificates are written into. */
#ifndef LIP_BASE_TEXT_H
#define LIP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; free with lip_text_clear. */
typedef struct lip_text {
    char *bytes; /* size of them, not terminated */
    size_t size, capacity;
    bool failed;    /* memory was short: bytes are missing */
    bool overflown; /* a number was not finite: the text means nothing */
} lip_text;

enum { LIP_SPELLING = 40 };

/* The canonical spelling of a finite number (docs/canonical-format.md); its length, at most
 * LIP_SPELLING; not terminated. */
size_t lip_spell_real(double x, char spelling[LIP_SPELLING]);

void lip_text_word(lip_text *text, const char *word); /* as it is */
void lip_text_size(lip_text *text, size_t value);     /* " 12" */
void lip_text_real(lip_text *text, double x);         /* " 0x1p+0" */

/* A line: the word, then count numbers. */
void lip_text_reals(lip_text *text, const char *word, size_t count, const double *x);

/* Append another text. */
void lip_text_append(lip_text *text, const lip_text *more);

void lip_text_clear(lip_text *text);

#endif
