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

/* Record a failure and return `status`, so that `return lip_fail(...)` unwinds.  `place` may be NULL;
 * the file stays empty until lip_fail_in_file names it.  err may be NULL. */
lip_status lip_fail(lip_error *err, lip_status status, const char *place, const char *format, ...)
    LIP_PRINTF(4, 5);

/* As lip_fail, with a place built from the line or byte number. */
lip_status lip_fail_line(lip_error *err, lip_status status, size_t line, const char *format, ...)
    LIP_PRINTF(4, 5);
lip_status lip_fail_byte(lip_error *err, lip_status status, size_t byte, const char *format, ...)
    LIP_PRINTF(4, 5);

/* "out of memory" with what was to be allocated. */
lip_status lip_fail_memory(lip_error *err);

/* Name the file of a failure recorded before, unless it has one; returns `status` unchanged. */
lip_status lip_fail_in_file(lip_error *err, const char *file, lip_status status);

#endif
