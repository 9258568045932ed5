/* Parts of JSON documents, for every report. */
#ifndef LIPCERT_CLI_JSON_H
#define LIPCERT_CLI_JSON_H

#include "decimal.h"
#include "lipcert.h"

#include <jansson.h>

/* An object under construction; `failed` once memory was short. */
typedef struct cli_builder {
    json_t *object;
    bool failed;
} cli_builder;

cli_builder cli_start(void);

/* Consumes the value in every case; NULL counts as failure. */
void cli_put(cli_builder *b, const char *key, json_t *value);

/* A bound in its three forms: key, key_hex, key_decimal. */
void cli_put_bound(cli_builder *b, const char *key, double value, cli_rounding rounding);

/* The finished object, or NULL if any part failed. */
json_t *cli_finish(cli_builder *b);

/* Values; NULL if memory is short.  A number that is not finite is null. */
json_t *cli_json_count(size_t value);
json_t *cli_json_number(double value);
json_t *cli_json_hexadecimal(double value);
json_t *cli_json_array(const double *x, size_t n);

/* Text that need not be UTF-8, such as a file's name: if it is not, its bytes above 127 become
 * U+FFFD. */
json_t *cli_json_string(const char *text);

/* The text of a document and a line feed, for the caller to free; `flags` are jansson's.  False if
 * memory is short or the document is NULL. */
bool cli_json_text(const json_t *document, size_t flags, char **text, size_t *length);

/* Write a document to the file of --json (atomically) or, for "-", to standard output, and release
 * it.  A NULL document is reported as out of memory. */
lip_status cli_json_emit(json_t *document, const char *path, lip_error *err);

/* Make jansson allocate through the program's own allocator; call before any other JSON
 * function. */
void cli_json_start(void);

/* Was memory short in any JSON function so far?  Then a failure to read a document says nothing about it. */
bool cli_json_short(void);

#endif
