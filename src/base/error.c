#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char *lip_status_name(lip_status status) {
    switch (status) {
    case LIP_OK: return "ok";
    case LIP_OUT_OF_MEMORY: return "out of memory";
    case LIP_IO: return "input/output error";
    case LIP_FORMAT: return "malformed input";
    case LIP_UNSUPPORTED: return "unsupported input";
    case LIP_ARGUMENT: return "invalid argument";
    }
    return "unknown status";
}

/* Copy with truncation; control characters of hostile files become '?', so a message stays a line. */
static void copy_text(char *to, size_t size, const char *from) {
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; ++i) {
        unsigned char c = (unsigned char)from[i];
        to[i] = (c < 0x20 || c == 0x7f) ? '?' : from[i];
    }
    to[i] = '\0';
}

static lip_status fail_va(lip_error *err, lip_status status, const char *place, const char *format,
                          va_list args) {
    if (!err) return status;
    char text[sizeof err->message];
    vsnprintf(text, sizeof text, format, args);
    err->status = status;
    err->file[0] = '\0';
    copy_text(err->place, sizeof err->place, place);
    copy_text(err->message, sizeof err->message, text);
    return status;
}

lip_status lip_fail(lip_error *err, lip_status status, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail_va(err, status, place, format, args);
    va_end(args);
    return status;
}

lip_status lip_fail_line(lip_error *err, lip_status status, size_t line, const char *format, ...) {
    char place[40];
    snprintf(place, sizeof place, "line %zu", line);
    va_list args;
    va_start(args, format);
    fail_va(err, status, place, format, args);
    va_end(args);
    return status;
}

lip_status lip_fail_byte(lip_error *err, lip_status status, size_t byte, const char *format, ...) {
    char place[40];
    snprintf(place, sizeof place, "byte %zu", byte);
    va_list args;
    va_start(args, format);
    fail_va(err, status, place, format, args);
    va_end(args);
    return status;
}

lip_status lip_fail_memory(lip_error *err) {
    return lip_fail(err, LIP_OUT_OF_MEMORY, NULL, "out of memory");
}

lip_status lip_fail_in_file(lip_error *err, const char *file, lip_status status) {
    if (err && status != LIP_OK && !err->file[0]) copy_text(err->file, sizeof err->file, file);
    return status;
}

void lip_error_text(const lip_error *err, char *text, size_t size) {
    if (size == 0) return;
    snprintf(text, size, "%s%s%s%s%s", err->file, err->file[0] ? ": " : "", err->place,
             err->place[0] ? ": " : "", err->message);
}
