/* Writing files whole or not at all. */
#ifndef LIPCERT_CLI_FILES_H
#define LIPCERT_CLI_FILES_H

#include "lipcert.h"

/* Write size bytes to `path`: to a temporary file beside it that is renamed when complete.  A
 * symbolic link stays, and the file it points to is written.  What is there and is no regular file
 * (a pipe, a device) is written to directly. */
lip_status cli_write_file(const char *path, const void *bytes, size_t size, lip_error *err);

/* Refuse a path whose folder does not exist or cannot be written to, or that is a folder itself:
 * better to learn it before a long computation than after. */
lip_status cli_check_writable(const char *path, lip_error *err);

/* The same, and refuse (LIP_ARGUMENT) a path that is the file `source`, which is read. */
lip_status cli_check_output(const char *path, const char *source, lip_error *err);

/* Are `a` and `b` the same file?  Also when it does not exist yet. */
lip_status cli_same_file(const char *a, const char *b, bool *same, lip_error *err);

/* The name at the end of the symbolic links that start at `path`, whether or not a file is there;
 * *target is the caller's to free. */
lip_status cli_follow_links(const char *path, char **target, lip_error *err);

/* The point x[n] as a .npy file of n little-endian doubles. */
lip_status cli_write_npy(const char *path, const double *x, size_t n, lip_error *err);

/* Flush standard output and report what went wrong with it since the start. */
lip_status cli_finish_stdout(lip_error *err);

#endif
