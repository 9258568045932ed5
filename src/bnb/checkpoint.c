/* Writing checkpoints.
 *
 * At any moment the leaves of the tree cover the whole region, and each has a bound with a proof, once those are
 * proved whose bound is still their parent's.  So the state of a search is a certificate: its claims are the
 * bounds so far, lipcheck verifies it, and resume.c goes on from it.  Nothing else needs to be kept; multipliers
 * are in the proofs.
 *
 * The file is written under another name beside the old one, given to the disk, and renamed: whenever the
 * program is killed, one whole checkpoint is there.  Writing takes as long as the tree is large, so the time to
 * the next one is at least COST times what the last one took. */
#include "bnb/checkpoint.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double usual = 60, cost = 20;

static const lip_exact_options *options_of(const lip_branch *b) { return b->task->exact; }

static void plan_next(lip_branch *b, double took) {
    double every =
        options_of(b)->checkpoint_seconds > 0 ? options_of(b)->checkpoint_seconds : usual;
    b->next_checkpoint = lip_clock_now() + fmax(every, cost * took);
}

void lip_checkpoint_begin(lip_branch *b) {
    if (options_of(b)) plan_next(b, 0);
}

bool lip_checkpoint_wanted(const lip_branch *b) {
    const lip_exact_options *options = options_of(b);
    return options && options->checkpoint && b->next_checkpoint < INFINITY;
}

bool lip_checkpoint_due(const lip_branch *b) {
    return lip_checkpoint_wanted(b) && lip_clock_now() >= b->next_checkpoint;
}

/* ---- The file ---------------------------------------------------------------------------- */

static lip_status fail_errno(lip_error *err, const char *what, int code) {
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", code);
    return lip_fail(err, LIP_IO, NULL, "cannot %s the checkpoint: %s", what, text);
}

/* Everything, to the disk; 0 or an errno. */
static int write_all(int file, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t done = write(file, bytes, size);
        if (done < 0 && errno != EINTR) return errno;
        if (done < 0) continue;
        bytes += done;
        size -= (size_t)done;
    }
    return fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

static lip_status replace(const char *path, const char *bytes, size_t size, lip_error *err) {
    size_t room = strlen(path) + 48;
    char *name = LIP_NEW(char, room);
    if (!name) return lip_fail_memory(err);
    snprintf(name, room, "%s.tmp%ld", path, (long)getpid());
    lip_status status = LIP_OK;
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        status = fail_errno(err, "create", errno);
    } else {
        int code = write_all(file, bytes, size);
        if (close(file) != 0 && code == 0) code = errno;
        if (code == 0 && rename(name, path) != 0) code = errno;
        if (code != 0) unlink(name);
        if (code != 0) status = fail_errno(err, "write", code);
    }
    free(name);
    return status;
}

/* Devices and pipes cannot be replaced. */
static lip_status write_to(const char *path, const char *bytes, size_t size, lip_error *err) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return fail_errno(err, "open", errno);
    int code = write_all(file, bytes, size);
    if (close(file) != 0 && code == 0) code = errno;
    return code == 0 ? LIP_OK : fail_errno(err, "write", code);
}

/* A link stays a link: what it points to is replaced. */
static lip_status write_file(const char *path, const char *bytes, size_t size, lip_error *err) {
    struct stat info;
    bool there = stat(path, &info) == 0;
    char *target = there ? realpath(path, NULL) : NULL;
    lip_status status = there && !S_ISREG(info.st_mode)
                            ? write_to(path, bytes, size, err)
                            : replace(target ? target : path, bytes, size, err);
    free(target);
    return lip_fail_in_file(err, path, status);
}

/* ---- The certificate --------------------------------------------------------------------- */

static bool prove(lip_node *leaf, void *user) {
    lip_worker *worker = user;
    if (leaf->text.size > 0 || !leaf->state) return true;
    size_t before = lip_node_size(leaf);
    bool ok = lip_worker_prove(worker, leaf);
    worker->branch->memory += lip_node_size(leaf) - before;
    return ok;
}

static bool find_gap(lip_node *leaf, void *user) {
    bool *all = user;
    *all = *all && leaf->text.size > 0;
    return true;
}

/* Does every leaf have a proof now?  False if memory is short. */
static bool complete(lip_branch *b, lip_worker *worker, bool *all) {
    bool ok = true;
    *all = true;
    for (size_t k = 0; ok && k < b->parts; ++k)
        ok = lip_tree_leaves(b->root[k], prove, worker) &&
             lip_tree_leaves(b->root[k], find_gap, all);
    return ok;
}

/* What lip_certificate would be asked for if the search ended here. */
static lip_status certify(lip_branch *b, char **text, size_t *size, lip_error *err) {
    const lip_result *result = b->task->result;
    lip_proof proof = *result->proof; /* its texts are borrowed, but for the statement */
    lip_result now = *result;
    now.proof = &proof;
    proof.upper = lip_branch_upper(b);
    proof.statement = (lip_statement){.uses_bounds = true, .uses_ranges = true};
    lip_status status = LIP_OK;
    if (!(proof.upper < INFINITY) || !lip_branch_write(b, &proof.statement.text))
        status = lip_fail_memory(err);
    if (status == LIP_OK)
        status = lip_certificate(b->task->net, b->task->query, &now, text, size, err);
    lip_statement_clear(&proof.statement);
    return status;
}

bool lip_checkpoint_write(lip_branch *b, lip_worker *worker) {
    double begun = lip_clock_now();
    bool all, ok = complete(b, worker, &all);
    if (ok && all) {
        char *text = NULL;
        size_t size = 0;
        lip_error *err = &b->written;
        memset(err, 0, sizeof *err);
        lip_status status = certify(b, &text, &size, err);
        if (status == LIP_OK) status = write_file(options_of(b)->checkpoint, text, size, err);
        free(text);
        ok = status != LIP_OUT_OF_MEMORY;
    }
    plan_next(b, lip_clock_now() - begun);
    return ok;
}
