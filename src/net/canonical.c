/* Writing the canonical form, to a file or into a hash.
 *
 * Every number is written exactly, in one way only (base/text.c).  Equal networks give equal bytes, so
 * SHA-256 of the bytes names the network.  A file is written beside its destination and renamed when
 * it is complete. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "net/canonical.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Sinks ------------------------------------------------------------------------------- */

/* Where the bytes go: a hash, or a file descriptor.  `error` is the errno of the first failure. */
typedef struct sink {
    SHA2_CTX *hash;
    int fd;
    int error;
    size_t used;
    char buffer[1 << 14];
} sink;

static void flush(sink *s) {
    if (s->hash) SHA256Update(s->hash, (const uint8_t *)s->buffer, s->used);
    for (size_t done = 0; !s->hash && s->error == 0 && done < s->used;) {
        ssize_t n = write(s->fd, s->buffer + done, s->used - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            s->error = errno;
        else
            done += (size_t)n;
    }
    s->used = 0;
}

static void put(sink *s, const char *text, size_t length) {
    if (s->used + length > sizeof s->buffer) flush(s);
    memcpy(s->buffer + s->used, text, length);
    s->used += length;
}

static void put_char(sink *s, char c) { put(s, &c, 1); }

static void put_word(sink *s, const char *word) { put(s, word, strlen(word)); }

static void put_size(sink *s, size_t value) {
    char text[24];
    int n = snprintf(text, sizeof text, " %zu", value);
    put(s, text, (size_t)n);
}

/* ---- Numbers ----------------------------------------------------------------------------- */

static void put_number(sink *s, double x) {
    char spelling[LIP_SPELLING];
    put(s, spelling, lip_spell_real(x, spelling));
}

/* count numbers on one line, which has begun with `started` if there is a word before them. */
static void put_row(sink *s, const double *value, size_t count, bool started) {
    for (size_t i = 0; i < count; ++i) {
        if (started || i > 0) put_char(s, ' ');
        put_number(s, value[i]);
    }
    put_char(s, '\n');
}

/* ---- The network ------------------------------------------------------------------------- */

static void put_sparse_rows(sink *s, const lip_op *op) {
    char text[24];
    for (size_t i = 0; i < op->rows; ++i) {
        int n = snprintf(text, sizeof text, "%zu", op->start[i + 1] - op->start[i]);
        put(s, text, (size_t)n);
        for (size_t e = op->start[i]; e < op->start[i + 1]; ++e) {
            put_size(s, op->column[e]);
            put_char(s, ' ');
            put_number(s, op->value[e]);
        }
        put_char(s, '\n');
    }
}

static void put_conv_shape(sink *s, const lip_conv_shape *c) {
    const size_t fields[] = {c->in_c,       c->in_h,       c->in_w,    c->out_c,    c->out_h,
                             c->out_w,      c->k_h,        c->k_w,     c->stride_h, c->stride_w,
                             c->dilation_h, c->dilation_w, c->pad_top, c->pad_left, c->groups};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) put_size(s, fields[i]);
}

static void put_term(sink *s, const lip_term *term) {
    const lip_op *op = term->op;
    put_word(s, "term");
    put_size(s, term->source);
    put_char(s, ' ');
    put_word(s, lip_op_name(op));
    if (op->kind == LIP_OP_CONV) {
        put_conv_shape(s, &op->conv);
    } else {
        put_size(s, op->rows);
        put_size(s, op->cols);
        if (op->kind == LIP_OP_SPARSE) put_size(s, op->nvalues);
    }
    put_char(s, '\n');
    if (op->kind == LIP_OP_SPARSE) {
        put_sparse_rows(s, op);
        return;
    }
    size_t rows = op->kind == LIP_OP_CONV ? op->conv.out_c : op->rows, cols = op->nvalues / rows;
    for (size_t i = 0; i < rows; ++i) put_row(s, op->value + i * cols, cols, false);
}

static void put_network(sink *s, const lip_network *net) {
    put_word(s, LIP_CANONICAL_HEADER "\ninput");
    put_size(s, lip_inputs(net));
    put_word(s, "\nlayers");
    put_size(s, net->layers);
    put_char(s, '\n');
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        put_word(s, "layer");
        put_size(s, l);
        put_size(s, layer->width);
        put_word(s, layer->relu ? " relu" : " linear");
        put_size(s, layer->nterms);
        put_word(s, "\nbias");
        put_row(s, layer->bias, layer->width, true);
        for (size_t t = 0; t < layer->nterms; ++t) put_term(s, &layer->term[t]);
    }
    put_word(s, "end\n");
    flush(s);
}

lip_status lip_canonical_hash(const lip_network *net, char hex[65], lip_error *err) {
    SHA2_CTX hash;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    sink *s = LIP_NEW(sink, 1);
    if (!s) return lip_fail_memory(err);
    SHA256Init(&hash);
    s->hash = &hash;
    put_network(s, net);
    free(s);
    SHA256Final(digest, &hash);
    for (size_t i = 0; i < sizeof digest; ++i) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return LIP_OK;
}

/* ---- Files ------------------------------------------------------------------------------- */

static lip_status fail_errno(lip_error *err, const char *what, int code) {
    char text[128];
    if (code == ENOMEM) return lip_fail_memory(err);
    if (strerror_r(code, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", code);
    return lip_fail(err, LIP_IO, NULL, "cannot %s: %s", what, text);
}

static lip_status write_fd(const lip_network *net, int fd, bool sync, lip_error *err) {
    sink *s = LIP_NEW(sink, 1);
    if (!s) return lip_fail_memory(err);
    s->fd = fd;
    put_network(s, net);
    int code = s->error;
    free(s);
    if (code == 0 && sync && fsync(fd) != 0) code = errno;
    return code == 0 ? LIP_OK : fail_errno(err, "write", code);
}

/* A new file beside `path`; *name is the caller's to free. */
static lip_status open_beside(const char *path, char **name, int *fd, lip_error *err) {
    size_t size = strlen(path) + 48;
    char *text = LIP_NEW(char, size);
    if (!text) return lip_fail_memory(err);
    for (unsigned attempt = 0; attempt < 100; ++attempt) {
        snprintf(text, size, "%s.%ld-%u.part", path, (long)getpid(), attempt);
        *fd = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0 || errno != EEXIST) break;
    }
    if (*fd < 0) {
        lip_status status = fail_errno(err, "create a file beside it", errno);
        free(text);
        return status;
    }
    *name = text;
    return LIP_OK;
}

static lip_status save_by_rename(const lip_network *net, const char *path, lip_error *err) {
    char *name = NULL;
    int fd = -1;
    lip_status status = open_beside(path, &name, &fd, err);
    if (status != LIP_OK) return status;
    status = write_fd(net, fd, true, err);
    if (close(fd) != 0 && status == LIP_OK) status = fail_errno(err, "write", errno);
    if (status == LIP_OK && rename(name, path) != 0) status = fail_errno(err, "replace", errno);
    if (status != LIP_OK) unlink(name);
    free(name);
    return status;
}

/* Devices and pipes are written to; they cannot be replaced. */
static lip_status save_to_device(const lip_network *net, const char *path, lip_error *err) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "open", errno);
    lip_status status = write_fd(net, fd, false, err);
    if (close(fd) != 0 && status == LIP_OK) status = fail_errno(err, "write", errno);
    return status;
}

static lip_status save(const lip_network *net, const char *path, lip_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) {
        if (errno != ENOENT) return fail_errno(err, "write", errno);
        return save_by_rename(net, path, err);
    }
    if (S_ISDIR(info.st_mode))
        return lip_fail(err, LIP_IO, NULL, "expected the name of a file, found a directory");
    if (!S_ISREG(info.st_mode)) return save_to_device(net, path, err);
    char *target = realpath(path, NULL); /* a link stays a link: what it points to is replaced */
    if (!target) return fail_errno(err, "resolve", errno);
    lip_status status = save_by_rename(net, target, err);
    free(target);
    return status;
}

lip_status lip_network_save(const lip_network *net, const char *path, lip_error *err) {
    return lip_fail_in_file(err, path, save(net, path, err));
}
