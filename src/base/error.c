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
    case LIP_INTERNAL: return "internal error";
    }
    return "unknown status";
}

/* Copy with truncation; control characters of hostile files become '?', so a message stays a line. */
static void copy_text(char *to, size_t size, const char *from) {
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; ++i) {
        bool control = (from[i] >= 0 && from[i] < 0x20) || from[i] == 0x7f;
        to[i] = from[i];
        if (control) to[i] = '?';
    }
    to[i] = '\0';
}

static void record(lip_error *err, lip_status status, const char *place, const char *format,
                   va_list args) {
    char text[sizeof err->message];
    if (!err) return;
    vsnprintf(text, sizeof text, format, args);
    err->status = status;
    err->file[0] = '\0';
    copy_text(err->place, sizeof err->place, place);
    copy_text(err->message, sizeof err->message, text);
}

void lip_record(lip_error *err, lip_status status, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    record(err, status, place, format, args);
    va_end(args);
}

void lip_record_at(lip_error *err, lip_status status, const char *unit, size_t number,
                   const char *format, ...) {
    char place[40];
    va_list args;
    snprintf(place, sizeof place, "%s %zu", unit, number);
    va_start(args, format);
    record(err, status, place, format, args);
    va_end(args);
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
