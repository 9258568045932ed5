/* One sentence per failure.
 *
 * Whatever goes wrong ends up in a lip_error, and only here does it become text.  The exit code
 * follows from the status: what the user typed (1), what a file holds (2), memory (3), output
 * (4). The library reports an argument that came out of a file as LIP_ARGUMENT too; the file's
 * name in the error tells the two apart. */
#include "failure.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_record(lip_error *err, lip_status status, const char *place, const char *format, ...) {
    memset(err, 0, sizeof *err);
    err->status = status;
    if (place) snprintf(err->place, sizeof err->place, "%s", place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
}

void cli_fail_place(lip_error *err, const char *place) {
    if (err->place[0] == '\0' && err->file[0] == '\0' && err->status != LIP_OUT_OF_MEMORY)
        snprintf(err->place, sizeof err->place, "%s", place);
}

size_t cli_printable(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x80) return c[0] >= 0x20 && c[0] != 0x7f;
    size_t length = c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    for (size_t k = 1; k < length; k++)
        if ((c[k] & 0xc0) != 0x80) return 0;
    return c[0] == 0xc2 && c[1] < 0xa0 ? 0 : length;
}

void cli_print_clean(const char *text, FILE *file) {
    while (*text) {
        size_t length = cli_printable(text);
        if (length > 0)
            fwrite(text, 1, length, file);
        else
            fputc('?', file);
        text += length > 0 ? length : 1;
    }
}

static void print_sentence(const lip_error *err) {
    char text[sizeof err->file + sizeof err->place + sizeof err->message + 8];
    lip_error_text(err, text, sizeof text);
    for (char *c = text; *c;) {
        size_t length = cli_printable(c);
        if (length == 0) *c = '?';
        c += length > 0 ? length : 1;
    }
    fprintf(stderr, "lipcert: %s\n", text);
}

int cli_complain(const lip_error *err) {
    print_sentence(err);
    switch (err->status) {
    case LIP_OUT_OF_MEMORY:
    case LIP_INTERNAL: return CLI_EXIT_INTERNAL;
    case LIP_ARGUMENT: return err->file[0] ? CLI_EXIT_INPUT : CLI_EXIT_USAGE;
    default: return CLI_EXIT_INPUT;
    }
}

int cli_complain_output(const lip_error *err) {
    if (err->status == LIP_ARGUMENT) return cli_complain(err);
    print_sentence(err);
    return err->status == LIP_OUT_OF_MEMORY ? CLI_EXIT_INTERNAL : CLI_EXIT_OUTPUT;
}

void *cli_alloc(size_t count, size_t size) {
    if (count == 0) count = 1;
    if (size == 0) size = 1;
    if (count > PTRDIFF_MAX / size) return NULL;
    return calloc(count, size);
}
