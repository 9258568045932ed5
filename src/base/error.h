/* Filling the caller's lip_error. */
#ifndef LIP_BASE_ERROR_H
#define LIP_BASE_ERROR_H

#include "lipcert.h"

#include <stdarg.h>

#if defined(__GNUC__)
#define LIP_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LIP_PRINTF(text, first)
#endif

/* Record a failure and give back `status`, so that `return lip_fail(...)` unwinds.  `place` may be
 * NULL; the file stays empty until lip_fail_in_file names it.  err may be NULL.  These are macros so
 * that compilers and analysers see which status comes back, LIP_OK never. */
#define lip_fail(err, status, place, ...)                                                          \
    (lip_record((err), (status), (place), __VA_ARGS__), (status))

/* The same with the place "line N" or "byte N". */
#define lip_fail_line(err, status, line, ...)                                                      \
    (lip_record_at((err), (status), "line", (line), __VA_ARGS__), (status))
#define lip_fail_byte(err, status, byte, ...)                                                      \
    (lip_record_at((err), (status), "byte", (byte), __VA_ARGS__), (status))

void lip_record(lip_error *err, lip_status status, const char *place, const char *format, ...)
    LIP_PRINTF(4, 5);
void lip_record_at(lip_error *err, lip_status status, const char *unit, size_t number,
                   const char *format, ...) LIP_PRINTF(5, 6);

static inline lip_status lip_fail_memory(lip_error *err) {
    return lip_fail(err, LIP_OUT_OF_MEMORY, NULL, "%s", "out of memory");
}

/* Name the file of a failure recorded before, unless it has one; gives `status` back unchanged. */
lip_status lip_fail_in_file(lip_error *err, const char *file, lip_status status);

#endif
