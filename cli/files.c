/* Writing files whole or not at all.
 *
 * A result that is cut off in the middle is worse than none.  So the bytes go to a new file in
 * the same folder, and rename(2), which is atomic, gives it its name once everything was written
 * and the file was closed without complaint.  On any failure the new file is removed and an old
 * file of that name is untouched.
 *
 * rename(2) would replace a symbolic link by the new file.  So links are followed first, also a
 * link to a file that does not exist yet, and the file at their end is the one replaced. */

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

/* ---- Names ------------------------------------------------------------------------------- */

enum { LINKS_MAX = 40, LINK_SIZE = 4096 };

/* The folder of `path`, with a slash at its end; NULL if memory is short. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 2;
    char *folder = cli_alloc(length + 1, 1);
    if (folder) memcpy(folder, slash ? path : "./", length);
    return folder;
}

static const char *last_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What the symbolic link `path` points to, seen from here; NULL if memory is short, "" if the link
 * cannot be read. */
static char *read_link(const char *path) {
    char text[LINK_SIZE];
    ssize_t length = readlink(path, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    size_t before = text[0] && text[0] != '/' ? strlen(path) - strlen(last_name(path)) : 0;
    size_t room = before + strlen(text) + 1;
    char *target = cli_alloc(room, 1);
    if (target) snprintf(target, room, "%.*s%s", (int)before, path, text);
    return target;
}

lip_status cli_follow_links(const char *path, char **target, lip_error *err) {
    char *at = cli_alloc(strlen(path) + 1, 1);
    if (!at) return cli_fail_memory(err);
    memcpy(at, path, strlen(path));
    for (int k = 0; k < LINKS_MAX; k++) {
        struct stat what;
        if (lstat(at, &what) != 0 || !S_ISLNK(what.st_mode)) {
            *target = at;
            return LIP_OK;
        }
        char *next = read_link(at);
        free(at);
        at = next;
        if (!at) return cli_fail_memory(err);
    }
    free(at);
    return fail_write(path, "cannot write the file", ELOOP, err);
}

/* Do two names of files that do not exist yet mean the same file? */
static lip_status same_new_file(const char *a, const char *b, bool *same, lip_error *err) {
    char *end[2] = {NULL, NULL}, *folder[2] = {NULL, NULL};
    struct stat what[2];
    lip_status status = cli_follow_links(a, &end[0], err);
    if (!status) status = cli_follow_links(b, &end[1], err);
    for (int i = 0; !status && i < 2; i++)
        if (!(folder[i] = folder_of(end[i]))) status = cli_fail_memory(err);
    if (!status)
        *same = strcmp(last_name(end[0]), last_name(end[1])) == 0 &&
                stat(folder[0], &what[0]) == 0 && stat(folder[1], &what[1]) == 0 &&
                what[0].st_dev == what[1].st_dev && what[0].st_ino == what[1].st_ino;
    for (int i = 0; i < 2; i++) {
        free(end[i]);
        free(folder[i]);
    }
    return status;
}

lip_status cli_same_file(const char *a, const char *b, bool *same, lip_error *err) {
    struct stat what_a, what_b;
    bool there_a = stat(a, &what_a) == 0, there_b = stat(b, &what_b) == 0;
    *same = strcmp(a, b) == 0;
    if (*same || there_a != there_b) return LIP_OK;
    if (!there_a) return same_new_file(a, b, same, err);
    /* one terminal under two names is fine: nothing is lost there */
    *same =
        S_ISREG(what_a.st_mode) && what_a.st_dev == what_b.st_dev && what_a.st_ino == what_b.st_ino;
    return LIP_OK;
}

/* ---- Writing ----------------------------------------------------------------------------- */

lip_status cli_write_file(const char *path, const void *bytes, size_t size, lip_error *err) {
    struct stat what;
    if (stat(path, &what) == 0 && !S_ISREG(what.st_mode)) {
        int descriptor = open(path, O_WRONLY);
        int error = descriptor < 0 ? errno : write_and_close(descriptor, bytes, size);
        return error ? fail_write(path, "cannot write to it", error, err) : LIP_OK;
    }
    char *target;
    lip_status status = cli_follow_links(path, &target, err);
    if (status) return status;
    status = replace_file(target, bytes, size, err);
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
    char *target;
    lip_status status = cli_follow_links(path, &target, err);
    if (status) return status;
    char *folder = folder_of(target);
    free(target);
    if (!folder) return cli_fail_memory(err);
    int error = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return error ? fail_write(path, "cannot create the file", error, err) : LIP_OK;
}

lip_status cli_check_output(const char *path, const char *source, lip_error *err) {
    bool same = false;
    lip_status status = cli_check_writable(path, err);
    if (!status) status = cli_same_file(path, source, &same, err);
    if (!status && same)
        status = cli_fail(err, LIP_ARGUMENT, NULL,
                          "the output would replace the network that is read: %.200s", path);
    return status;
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
