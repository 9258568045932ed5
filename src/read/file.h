/* What the readers share below the level of a format: decompression, lines, decimal numbers. */
#ifndef LIP_READ_FILE_H
#define LIP_READ_FILE_H

#include "lipcert.h"

/* Largest decompressed content that `size` compressed bytes may have: 256 MiB, or 64 times their
 * own size if that is more (weights do not compress that well), never above LIP_FILE_LIMIT. */
size_t lip_inflate_limit(size_t size);

typedef enum lip_deflate_kind { LIP_GZIP, LIP_ZLIB } lip_deflate_kind;

/* Decompress everything in in[size]; *out is the caller's to free and has one zero byte after its
 * end.  Content above `limit` bytes, damage, truncation and trailing bytes are refused. */
lip_status lip_inflate(const unsigned char *in, size_t size, lip_deflate_kind kind, size_t limit,
                       unsigned char **out, size_t *out_size, lip_error *err);

bool lip_is_gzip(const unsigned char *bytes, size_t size);

/* The lines of a text; zero-initialise all but text and size. */
typedef struct lip_lines {
    const char *text;
    size_t size;
    size_t at;     /* where the next line starts */
    size_t number; /* of the line last returned, from 1 */
} lip_lines;

/* The next line without its end ("\n" or "\r\n"); false at the end of the text. */
bool lip_next_line(lip_lines *lines, const char **line, size_t *length);

/* The next token of a line; tokens are separated by blanks and by at most one of `separators`
 * between two.  *at moves on.  False when none is left; an empty field gives a token of length 0. */
bool lip_next_field(const char *line, size_t length, const char *separators, size_t *at,
                    const char **token, size_t *token_length);

/* A finite decimal number [+-]digits[.digits][(e|E)[+-]digits], all of text[length], rounded as
 * strtod rounds; independent of the locale.  False if it is anything else or too large. */
bool lip_parse_decimal(const char *text, size_t length, double *value);

/* The same number enclosed: *down <= number <= *up, equal if it is a double, else neighbours. */
bool lip_enclose_decimal(const char *text, size_t length, double *down, double *up);

/* A count: decimal digits without sign; false if it is anything else or above 10^15. */
bool lip_parse_count(const char *text, size_t length, size_t *value);

/* Replace every byte that is no part of a printable character (ASCII or well-formed UTF-8) by '?': a
 * message is one line, and a file may not send codes to the reader's terminal. */
void lip_make_printable(char *text, size_t length);

/* text[length] for a message: cut after 40 bytes, made printable, in single quotes. */
#define LIP_QUOTE_SIZE 48
const char *lip_quote(char buffer[LIP_QUOTE_SIZE], const char *text, size_t length);

#endif
