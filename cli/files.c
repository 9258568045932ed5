/* Writing files whole or not at all.
 *
 * A result that is cut off in the middle is worse than none.  So the bytes go to a new file in
 * the same folder, and rename(2), which is atomic, gives it its name once everything was written
 * and the file was closed without complaint.  On any failure the new file is removed and an old
 * file of that name is untouched. */
#define _XOPEN_SOURCE 700 /* realpath */

#include "files.h"

#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lip_status fail_write(const char *path, const char *what, int number, lip_error *err) {
    cli_record(err, LIP_IO, NULL, "%s: %s", what, strerror(number));
    snprintf(err->file, sizeof err->file, "%s", path);
    return LIP_IO;
}

/* Write everything and close; 0 or an errno. */
static int write_and_close(int descriptor, const char *bytes, size_t size) {
    int error = 0;
    while (size > 0 && error == 0) {
        ssize_t done = write(descriptor, bytes, size);
        if (done < 0) {
            if (errno != EINTR) error = errno;
            continue;
        }
        bytes += done;
        size -= (size_t)done;
    }
    if (close(descriptor) != 0 && error == 0) error = errno;
    return error;
}

/* Open a new file called path.tmpPID-k for the first k that is free; -1 and errno on failure. */
static int open_temporary(const char *path, char *name, size_t size) {
    int descriptor = -1;
    for (int k = 0; k < 100; k++) {
        snprintf(name, size, "%s.tmp%ld-%d", path, (long)getpid(), k);
        descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (descriptor >= 0 || errno != EEXIST) break;
    }
    return descriptor;
}

static lip_status replace_file(const char *path, const void *bytes, size_t size, lip_error *err) {
    size_t room = strlen(path) + 48;
    char *name = cli_alloc(room, 1);
    if (!name) return cli_fail_memory(err);
    lip_status status = LIP_OK;
    int descriptor = open_temporary(path, name, room);
    if (descriptor < 0) {
        status = fail_write(path, "cannot create the file", errno, err);
    } else {
        int error = write_and_close(descriptor, bytes, size);
        if (error == 0 && rename(name, path) != 0) error = errno;
        if (error) {
            unlink(name);
            status = fail_write(path, "cannot write the file", error, err);
        }
    }
    free(name);
    return status;
}

lip_status cli_write_file(const char *path, const void *bytes, size_t size, lip_error *err) {
    struct stat what;
    if (stat(path, &what) == 0 && !S_ISREG(what.st_mode)) {
        int descriptor = open(path, O_WRONLY);
        int error = descriptor < 0 ? errno : write_and_close(descriptor, bytes, size);
        return error ? fail_write(path, "cannot write to it", error, err) : LIP_OK;
    }
    /* behind a symbolic link, replace the file and not the link */
    char *target = lstat(path, &what) == 0 && S_ISLNK(what.st_mode) ? realpath(path, NULL) : NULL;
    lip_status status = replace_file(target ? target : path, bytes, size, err);
    free(target);
    return status;
}

lip_status cli_check_writable(const char *path, lip_error *err) {
    struct stat what;
    if (*path == '\0') return cli_fail(err, LIP_IO, NULL, "the name of the output file is empty");
    if (stat(path, &what) == 0) {
        if (S_ISDIR(what.st_mode)) return fail_write(path, "cannot write the file", EISDIR, err);
        if (!S_ISREG(what.st_mode)) return LIP_OK;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 1;
    char *folder = cli_alloc(length + 1, 1);
    if (!folder) return cli_fail_memory(err);
    snprintf(folder, length + 1, "%.*s", (int)length, slash ? path : ".");
    int error = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return error ? fail_write(path, "cannot create the file", error, err) : LIP_OK;
}

lip_status cli_write_npy(const char *path, const double *x, size_t n, lip_error *err) {
    /* version 1.0, and 118 bytes of text follow */
    static const unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    char header[129];
    memset(header, ' ', sizeof header);
    memcpy(header, magic, sizeof magic);
    int length = snprintf(header + 10, 118,
                          "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu,), }", n);
    header[10 + length] = ' ';
    header[127] = '\n';

    unsigned char *bytes = cli_alloc(n + 16, sizeof *x);
    if (!bytes) return cli_fail_memory(err);
    memcpy(bytes, header, 128);
    for (size_t i = 0; i < n; i++) {
        uint64_t word;
        memcpy(&word, &x[i], sizeof word);
        for (size_t k = 0; k < 8; k++) bytes[128 + 8 * i + k] = (unsigned char)(word >> 8 * k);
    }
    lip_status status = cli_write_file(path, bytes, 128 + 8 * n, err);
    free(bytes);
    return status;
}

lip_status cli_finish_stdout(lip_error *err) {
    /* closing reports what some file systems keep to the end; errno of the first failure may be
     * gone, so flush before asking */
    errno = 0;
    bool bad = fflush(stdout) != 0 || ferror(stdout) != 0;
    int number = errno;
    if (fclose(stdout) != 0 && !bad) {
        bad = true;
        number = errno;
    }
    if (!bad) return LIP_OK;
    return fail_write("standard output", "cannot write", number ? number : EIO, err);
}
