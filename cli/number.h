/* Numbers on the command line: the whole text must be the number. */
#ifndef LIPCERT_CLI_NUMBER_H
#define LIPCERT_CLI_NUMBER_H

#include "lipcert.h"

/* True if all of `text` is one number as strtod reads it ("inf" and "nan" included). */
bool cli_is_number(const char *text);

/* A finite double in decimal or hexadecimal; `place` names the option in the sentence. */
lip_status cli_parse_double(const char *text, const char *place, double *value, lip_error *err);

/* A decimal integer that fits in a long long. */
lip_status cli_parse_integer(const char *text, const char *place, long long *value, lip_error *err);

/* A count or index, 0 .. PTRDIFF_MAX. */
lip_status cli_parse_index(const char *text, const char *place, size_t *value, lip_error *err);

/* "A,B": cut at the only comma into two strings of less than CLI_HALF_SIZE bytes.  `form` is
 * what the sentence asks for, such as "I,J". */
#define CLI_HALF_SIZE 64
lip_status cli_split_pair(const char *text, const char *place, const char *form,
                          char first[CLI_HALF_SIZE], char second[CLI_HALF_SIZE], lip_error *err);

#endif
