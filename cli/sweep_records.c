/* The output of a sweep: a file to which several processes append, and which any of them may leave at any
 * moment.
 *
 * A record is one line of JSON, written by one write(2) at the end of the file while a lock is held.  What a
 * process leaves that dies in the middle of it is a last line without an end; who opens or writes the file
 * next ends that line, and readers skip what is no JSON.
 *
 * Who works on what is told by locks (fcntl) on single bytes of the empty file PATH.lock: byte i for instance i,
 * a byte far behind them for the right to append.  The system drops the locks of a process when it ends,
 * however that comes, so what it had taken is free again and nothing has to be cleaned up.  This works
 * wherever such locks do: between processes of one machine, and between machines on a shared file system
 * with locks (NFS 4 has them). */
#include "failure.h"
#include "json.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const off_t APPENDING = (off_t)1 << 40;

static lip_status fail_file(const char *path, const char *what, lip_error *err) {
    cli_record(err, LIP_IO, NULL, "%s: %s", what, strerror(errno));
    snprintf(err->file, sizeof err->file, "%s", path);
    return LIP_IO;
}

/* Lock or unlock one byte; waits if told to. */
static bool set_lock(int file, off_t byte, short type, bool wait) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int done;
    do {
        done = fcntl(file, wait ? F_SETLKW : F_SETLK, &lock);
    } while (done != 0 && wait && errno == EINTR);
    return done == 0;
}

/* Somebody died while writing: end that line. */
static bool end_torn_line(int file) {
    off_t end = lseek(file, 0, SEEK_END);
    char last;
    if (end <= 0 || pread(file, &last, 1, end - 1) != 1 || last == '\n') return true;
    return write(file, "\n", 1) == 1;
}

lip_status cli_records_open(const char *path, cli_records *records, lip_error *err) {
    *records = (cli_records){.path = path, .file = -1, .lock = -1};
    size_t room = strlen(path) + 8;
    char *name = cli_alloc(room, 1);
    if (!name) return cli_fail_memory(err);
    snprintf(name, room, "%s.lock", path);
    lip_status status = LIP_OK;
    records->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (records->file < 0) status = fail_file(path, "cannot open or create the file", err);
    if (!status) records->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (!status && records->lock < 0)
        status = fail_file(name, "cannot open or create the file", err);
    if (!status && !set_lock(records->lock, APPENDING, F_WRLCK, true))
        status = fail_file(name, "cannot lock the file", err);
    if (!status && !end_torn_line(records->file))
        status = fail_file(path, "cannot write the file", err);
    if (!status) set_lock(records->lock, APPENDING, F_UNLCK, false);
    free(name);
    if (status) cli_records_close(records);
    return status;
}

void cli_records_close(cli_records *records) {
    if (records->file >= 0) close(records->file);
    if (records->lock >= 0) close(records->lock);
    records->file = records->lock = -1;
}

bool cli_records_claim(const cli_records *records, size_t i) {
    return set_lock(records->lock, (off_t)i, F_WRLCK, false);
}

void cli_records_release(const cli_records *records, size_t i) {
    (void)set_lock(records->lock, (off_t)i, F_UNLCK, false);
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* One line: mark the instance that it is about.  False if memory is short. */
static bool take_line(cli_records *records, cli_instances *list, const char *text, size_t length,
                      bool retry) {
    json_error_t error;
    json_t *record = json_loadb(text, length, 0, &error);
    if (cli_json_short()) { /* then even what was read may be incomplete */
        json_decref(record);
        return false;
    }
    if (!record) {
        ++records->damaged;
        return true;
    }
    const char *document = json_string_value(json_object_get(record, "document"));
    const char *status = json_string_value(json_object_get(record, "status"));
    char *key;
    if (!cli_instance_key(json_object_get(record, "arguments"), &key)) {
        json_decref(record);
        return false;
    }
    if (!document || strcmp(document, "lipcert sweep") != 0 || !status || !key) {
        ++records->damaged;
    } else {
        cli_instance *item = cli_find_instance(list, key);
        bool failed = strcmp(status, "failed") == 0;
        ++records->lines;
        if (!item) ++records->foreign;
        if (item && !(failed && retry && !item->mine)) {
            item->done = true;
            item->failed = failed;
        }
    }
    free(key);
    json_decref(record);
    return true;
}

/* The lines in text[0 .. length-1]; what follows the last line feed is left for later.  -1: no memory. */
static long take_lines(cli_records *records, cli_instances *list, const char *text, size_t length,
                       bool retry) {
    size_t used = 0;
    for (;;) {
        const char *end = memchr(text + used, '\n', length - used);
        if (!end) return (long)used;
        size_t size = (size_t)(end - (text + used));
        if (size > 0 && !take_line(records, list, text + used, size, retry)) return -1;
        used += size + 1;
    }
}

lip_status cli_records_refresh(cli_records *records, cli_instances *list, bool retry,
                               lip_error *err) {
    off_t end = lseek(records->file, 0, SEEK_END);
    if (end < 0) return fail_file(records->path, "cannot read the file", err);
    if (end <= records->read) return LIP_OK;
    size_t length = (size_t)(end - records->read), got = 0;
    char *text = cli_alloc(length, 1);
    if (!text) return cli_fail_memory(err);
    lip_status status = LIP_OK;
    while (!status && got < length) {
        ssize_t n =
            pread(records->file, text + got, length - got, (off_t)records->read + (off_t)got);
        if (n < 0 && errno != EINTR) status = fail_file(records->path, "cannot read the file", err);
        if (n == 0) break;
        if (n > 0) got += (size_t)n;
    }
    long used = status ? 0 : take_lines(records, list, text, got, retry);
    free(text);
    if (used < 0) return cli_fail_memory(err);
    records->read += used;
    return status;
}

/* ---- Appending --------------------------------------------------------------------------- */

static bool write_whole(int file, const char *text, size_t length) {
    while (length > 0) {
        ssize_t done = write(file, text, length);
        if (done < 0 && errno != EINTR) return false;
        if (done > 0) {
            text += done;
            length -= (size_t)done;
        }
    }
    return fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP;
}

lip_status cli_records_append(cli_records *records, json_t *record, lip_error *err) {
    char *text = NULL;
    size_t length = 0;
    bool ok = cli_json_text(record, JSON_COMPACT, &text, &length);
    json_decref(record);
    if (!ok) return cli_fail_memory(err);
    lip_status status = LIP_OK;
    if (!set_lock(records->lock, APPENDING, F_WRLCK, true))
        status = fail_file(records->path, "cannot lock the file", err);
    if (!status && !(end_torn_line(records->file) && write_whole(records->file, text, length)))
        status = fail_file(records->path, "cannot write the file", err);
    set_lock(records->lock, APPENDING, F_UNLCK, false);
    free(text);
    return status;
}
