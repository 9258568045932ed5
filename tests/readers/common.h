/* What the tests of the readers share: files built in memory, and tables of malformed variants. */
#ifndef TEST_READERS_COMMON_H
#define TEST_READERS_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lipcert.h"
#include "read/reader.h"

/* A growing block of bytes. */
typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

void bytes_add(bytes *b, const void *data, size_t size);
void bytes_add_text(bytes *b, const char *text);
void bytes_add_number(bytes *b, uint64_t value, size_t size, bool big_endian);
void bytes_free(bytes *b);

/* A copy of `text` with the first `from` replaced by `to`; the test fails if there is none. */
char *replaced(const char *text, const char *from, const char *to);

/* One malformed variant: replace, then expect this place and this piece of the message. */
typedef struct variant {
    const char *from, *to;
    const char *place, *words;
} variant;

/* Load from a block of exactly this size (so that sanitizers see reads past its end). */
lip_status load(const void *data, size_t size, const lip_read_options *options, lip_network **net,
                lip_error *err);

/* Load and expect success, or failure with this place (NULL: any) and these words. */
lip_network *expect_network(const void *data, size_t size);
void expect_refusal(const void *data, size_t size, const char *place, const char *words);

/* Every variant of `text` is refused as it says. */
void expect_variants(const char *text, const variant *variants, size_t count);

/* Loading any proper prefix of at most `most` bytes fails with a sentence. */
void expect_prefixes_fail(const void *data, size_t size, size_t most);

/* f(x) equals `wanted` to 1e-15 relative. */
void expect_outputs(const lip_network *net, const double *x, const double *wanted, size_t outputs);

/* The same network: equal hashes.  Frees both. */
void expect_same(lip_network *a, lip_network *b);

/* ---- Builders of files ------------------------------------------------------------------- */

/* A .npy file: `header` is the dictionary. */
bytes npy_file(const char *header, const void *data, size_t size);

/* A .npy of doubles, rows x cols (cols 0: a vector). */
bytes npy_doubles(const double *value, size_t rows, size_t cols);

/* A zip archive with stored entries, added one by one, then closed. */
typedef struct zip_writer {
    bytes file, directory;
    unsigned entries;
} zip_writer;
void zip_entry(zip_writer *zip, const char *name, bytes content); /* frees content */
bytes zip_close(zip_writer *zip);

/* Level 5 .mat: header, element with padding, matrix of doubles. */
bytes mat_header(bool big_endian);
void mat_element(bytes *b, unsigned type, const void *data, size_t size, bool big_endian);
bytes mat_matrix(const char *name, unsigned class, unsigned rows, unsigned cols, bool big_endian);
void mat_add_doubles(bytes *b, const char *name, const double *value, unsigned rows, unsigned cols,
                     bool big_endian);

#endif
