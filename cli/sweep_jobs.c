/* One process for each instance: `lipcert bound ... --json -` with one thread, started in the folder of the list.
 *
 * Whatever happens there, a crash, no memory, a hang, stays there and becomes a record.  Its report comes
 * through a pipe and counts only if the process ended well and the report is whole.  When the sweep dies
 * its processes do too (on Linux; elsewhere they end at their time limit). */
#define _GNU_SOURCE /* readlink, prctl, pipe2 */
#include "failure.h"
#include "json.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Starting ---------------------------------------------------------------------------- */

static void die_with(pid_t parent) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) _exit(127);
}

/* In the new process: never returns. */
static void become_bound(const char *folder, char *const *argv, int out, int err, pid_t parent) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    die_with(parent);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(127);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (length <= 0 || chdir(folder) != 0) {
        dprintf(STDERR_FILENO, "cannot enter the folder of the list: %s\n", strerror(errno));
        _exit(127);
    }
    self[length] = '\0';
    execv(self, argv);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", self, strerror(errno));
    _exit(127);
}

/* "lipcert bound ARGUMENTS --json -"; pointers into the list. */
static char **make_argv(const cli_instance *item) {
    static char program[] = "lipcert", bound[] = "bound", json[] = "--json", dash[] = "-";
    char **argv = cli_alloc(item->count + 5, sizeof *argv);
    if (!argv) return NULL;
    argv[0] = program;
    argv[1] = bound;
    memcpy(argv + 2, item->argument, item->count * sizeof *argv);
    argv[item->count + 2] = json;
    argv[item->count + 3] = dash;
    return argv;
}

lip_status cli_job_start(const cli_instances *list, size_t i, cli_job *job, lip_error *err) {
    int out[2], error[2];
    char **argv = make_argv(&list->item[i]);
    if (!argv) return cli_fail_memory(err);
    *job = (cli_job){.instance = i, .out = -1, .err = -1, .started = now()};
    job->limit = 2 * list->item[i].time + 60;
    pid_t parent = getpid(), child = -1;
    bool pipes = pipe2(out, O_CLOEXEC) == 0;
    if (pipes && pipe2(error, O_CLOEXEC) != 0) {
        close(out[0]);
        close(out[1]);
        pipes = false;
    }
    if (pipes) {
        fflush(NULL);
        child = fork();
        if (child == 0) become_bound(list->folder, argv, out[1], error[1], parent);
        close(out[1]);
        close(error[1]);
    }
    free(argv);
    if (child < 0) {
        lip_status status =
            cli_fail(err, LIP_IO, NULL, "cannot start a process: %s", strerror(errno));
        if (pipes) {
            close(out[0]);
            close(error[0]);
        }
        return status;
    }
    job->pid = child;
    job->out = out[0];
    job->err = error[0];
    fcntl(job->out, F_SETFL, O_NONBLOCK);
    fcntl(job->err, F_SETFL, O_NONBLOCK);
    return LIP_OK;
}

/* ---- Listening --------------------------------------------------------------------------- */

static void keep_report(cli_job *job, const char *bytes, size_t size) {
    if (job->broken) return;
    if (job->room - job->length < size) {
        size_t room = 2 * job->room + size + 4096;
        char *more = realloc(job->text, room);
        job->broken = more == NULL;
        if (!more) return;
        job->text = more;
        job->room = room;
    }
    memcpy(job->text + job->length, bytes, size);
    job->length += size;
}

static void keep_message(cli_job *job, const char *bytes, size_t size) {
    size_t left = sizeof job->message - 1 - job->said;
    if (size > left) size = left;
    memcpy(job->message + job->said, bytes, size);
    job->said += size;
}

/* Read what is there; closes at the end. */
static void drain(cli_job *job, int *file, void (*keep)(cli_job *, const char *, size_t)) {
    char bytes[65536];
    while (*file >= 0) {
        ssize_t got = read(*file, bytes, sizeof bytes);
        if (got > 0) {
            keep(job, bytes, (size_t)got);
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(*file);
            *file = -1;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

bool cli_job_ended(const cli_job *job) { return job->pid && job->out < 0 && job->err < 0; }

enum { POLLED = 512 };

void cli_jobs_wait(cli_job *jobs, size_t count, double seconds) {
    struct pollfd files[POLLED];
    nfds_t used = 0;
    for (size_t i = 0; i < count && used + 2 <= POLLED; ++i) {
        if (jobs[i].pid && jobs[i].out >= 0)
            files[used++] = (struct pollfd){.fd = jobs[i].out, .events = POLLIN};
        if (jobs[i].pid && jobs[i].err >= 0)
            files[used++] = (struct pollfd){.fd = jobs[i].err, .events = POLLIN};
    }
    poll(files, used, (int)(1000 * seconds));
    for (size_t i = 0; i < count; ++i) {
        cli_job *job = &jobs[i];
        if (!job->pid) continue;
        drain(job, &job->out, keep_report);
        drain(job, &job->err, keep_message);
        if (!job->killed && now() > job->started + job->limit) {
            job->killed = true;
            kill((pid_t)job->pid, SIGKILL);
        }
    }
}

/* ---- Ending ------------------------------------------------------------------------------ */

static int reap(cli_job *job) {
    int state = 0;
    while (waitpid((pid_t)job->pid, &state, 0) < 0 && errno == EINTR) {
    }
    return state;
}

static void empty(cli_job *job) {
    if (job->out >= 0) close(job->out);
    if (job->err >= 0) close(job->err);
    free(job->text);
    *job = (cli_job){.out = -1, .err = -1};
}

void cli_job_abandon(cli_job *job) {
    if (!job->pid) return;
    kill((pid_t)job->pid, SIGKILL);
    (void)reap(job);
    empty(job);
}

/* What went wrong, in one sentence, or "". */
static void explain(const cli_job *job, int state, const json_t *report, char text[700]) {
    *text = '\0';
    if (job->killed)
        snprintf(text, 700, "killed: it took more than %.0f s", job->limit);
    else if (WIFSIGNALED(state))
        snprintf(text, 700, "crashed: signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
    else if (WEXITSTATUS(state) != 0)
        snprintf(text, 700, "%.*s", (int)strcspn(job->message, "\n"), job->message);
    else if (!report)
        snprintf(text, 700, "%s", "no report came");
    if (*text == '\0' && WIFEXITED(state) && WEXITSTATUS(state) != 0)
        snprintf(text, 700, "ended with exit code %d", WEXITSTATUS(state));
}

/* Leave out what is long and can be had again from the arguments. */
static void shorten(json_t *report) {
    json_t *region = json_object_get(report, "region"),
           *margins = json_object_get(report, "margins");
    static const char *const keys[] = {"lo", "hi", "centre"};
    for (size_t i = 0; region && i < 3; ++i) json_object_del(region, keys[i]);
    json_object_del(report, "witness");
    for (size_t i = 0; i < json_array_size(margins); ++i)
        json_object_del(json_array_get(margins, i), "witness");
}

static json_t *arguments_json(const cli_instance *item) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < item->count; ++i)
        if (json_array_append_new(list, cli_json_string(item->argument[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *cli_job_collect(const cli_instances *list, cli_job *job, int rank) {
    const cli_instance *item = &list->item[job->instance];
    char error[700];
    json_error_t ignored;
    int state = reap(job);
    json_t *report =
        job->length && !job->broken ? json_loadb(job->text, job->length, 0, &ignored) : NULL;
    explain(job, state, report, error);
    bool failed = *error != '\0', short_of_memory = job->broken || cli_json_short();
    if (report) shorten(report);
    cli_builder b = cli_start();
    cli_put(&b, "document", json_string("lipcert sweep"));
    cli_put(&b, "document_version", json_integer(1));
    cli_put(&b, "line", cli_json_count(item->line));
    cli_put(&b, "arguments", arguments_json(item));
    cli_put(&b, "status", json_string(failed ? "failed" : "done"));
    cli_put(&b, "error", failed ? cli_json_string(error) : json_null());
    cli_put(&b, "rank", json_integer(rank));
    cli_put(&b, "wall", cli_json_number(now() - job->started));
    cli_put(&b, "result", failed || !report ? json_null() : json_incref(report));
    json_decref(report);
    empty(job);
    if (!short_of_memory) return cli_finish(&b);
    json_decref(b.object);
    return NULL;
}
