/* lipcert sweep: the questions of a list, in parallel, resumable, on one machine or several.
 *
 * Every rank (process of mpirun or srun; there is one without them) does the same: look for an instance that
 * has no record and that nobody works on, take it, run it in a process of its own, append its record, give it
 * back.  Ranks share nothing but the output file and its locks (sweep_records.c), so no MPI library is
 * needed: mpirun only starts the ranks and tells each its number.  A rank that dies gives back what it had taken,
 * and the others stay until every instance has a record. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "number.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_JOBS = 256 };
static const double PATIENCE = 0.1; /* seconds between looks at signals and other ranks */

typedef struct sweep {
    const cli_arguments *arguments;
    cli_instances list;
    cli_records records;
    cli_job *job;
    size_t jobs, running, next;
    int rank, ranks;
    bool retry, show;
} sweep;

/* ---- Who am I ---------------------------------------------------------------------------- */

static int from_environment(const char *const *names, int otherwise) {
    for (; *names; ++names) {
        const char *text = getenv(*names);
        long long value;
        lip_error err;
        if (text && cli_parse_integer(text, "", &value, &err) == LIP_OK && value >= 0 &&
            value <= 1000000)
            return (int)value;
    }
    return otherwise;
}

/* Open MPI, MPICH and others with PMI, Slurm. */
static void find_rank(sweep *s) {
    static const char *const rank[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                       "SLURM_PROCID", NULL};
    static const char *const size[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", NULL};
    s->ranks = from_environment(size, 1);
    s->rank = from_environment(rank, 0);
    if (s->ranks < 1 || s->rank >= s->ranks) s->rank = 0;
}

static lip_status parse_jobs(sweep *s, lip_error *err) {
    const char *text = s->arguments->value[CLI_JOBS][0];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    s->jobs = s->ranks > 1 || cores < 1 ? 1 : (size_t)cores;
    lip_status status = text ? cli_parse_index(text, "option --jobs", &s->jobs, err) : LIP_OK;
    if (!status && text && (s->jobs < 1 || s->jobs > MOST_JOBS))
        status = cli_fail(err, LIP_ARGUMENT, "option --jobs",
                          "expected a number from 1 to %d, found %s", MOST_JOBS, text);
    if (s->jobs > MOST_JOBS) s->jobs = MOST_JOBS;
    return status;
}

/* The output file: --out, or the list's name with .jsonl in place of its ending. */
static char *output_name(const cli_arguments *arguments) {
    const char *list = arguments->operand[0], *given = arguments->value[CLI_OUT][0];
    const char *slash = strrchr(list, '/'), *dot = strrchr(list, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : list) ? (size_t)(dot - list) : strlen(list);
    size_t room = (given ? strlen(given) : stem) + 8;
    char *name = cli_alloc(room, 1);
    if (name && given)
        snprintf(name, room, "%s", given);
    else if (name)
        snprintf(name, room, "%.*s.jsonl", (int)stem, list);
    return name;
}

/* ---- The loop ---------------------------------------------------------------------------- */

static size_t count_done(const sweep *s) {
    size_t done = 0;
    for (size_t i = 0; i < s->list.count; ++i) done += s->list.item[i].done;
    return done;
}

static void show(const sweep *s) {
    if (s->show)
        fprintf(stderr, "\r\033[K%zu of %zu instances, %zu running", count_done(s), s->list.count,
                s->running);
}

/* Take the next instance that is free and has no record; *found is false if there is none now. */
static lip_status take_instance(sweep *s, size_t *taken, bool *found, lip_error *err) {
    *found = false;
    for (size_t tried = 0; tried < s->list.count; ++tried) {
        size_t i = s->next;
        s->next = (s->next + 1) % s->list.count;
        bool own = false; /* a lock of our own process would be given to us again */
        for (size_t k = 0; k < s->jobs; ++k) own |= s->job[k].pid && s->job[k].instance == i;
        if (own || s->list.item[i].done || !cli_records_claim(&s->records, i)) continue;
        lip_status status = cli_records_refresh(&s->records, &s->list, s->retry, err);
        if (status) return status;
        if (!s->list.item[i].done) {
            *taken = i;
            *found = true;
            return LIP_OK;
        }
        cli_records_release(&s->records, i);
    }
    return LIP_OK;
}

static lip_status fill(sweep *s, lip_error *err) {
    lip_status status = LIP_OK;
    for (size_t k = 0; !status && k < s->jobs; ++k) {
        size_t i;
        bool found;
        if (s->job[k].pid) continue;
        status = take_instance(s, &i, &found, err);
        if (status || !found) return status;
        status = cli_job_start(&s->list, i, &s->job[k], err);
        if (!status) ++s->running;
    }
    return status;
}

static lip_status collect(sweep *s, lip_error *err) {
    lip_status status = LIP_OK;
    for (size_t k = 0; !status && k < s->jobs; ++k) {
        if (!cli_job_ended(&s->job[k])) continue;
        size_t i = s->job[k].instance;
        json_t *record = cli_job_collect(&s->list, &s->job[k], s->rank);
        --s->running;
        if (cli_interrupt_signal()) { /* Ctrl-C reached the instance too: it is not finished */
            json_decref(record);
            return LIP_OK;
        }
        s->list.item[i].mine = true;
        status = record ? cli_records_append(&s->records, record, err) : cli_fail_memory(err);
        if (!status) status = cli_records_refresh(&s->records, &s->list, s->retry, err);
        cli_records_release(&s->records, i);
    }
    return status;
}

/* Until every instance has a record, whoever writes it. */
static lip_status loop(sweep *s, lip_error *err) {
    lip_status status = cli_records_refresh(&s->records, &s->list, s->retry, err);
    s->next = s->list.count * (size_t)s->rank / (size_t)s->ranks;
    while (!status && count_done(s) < s->list.count && !cli_interrupt_signal()) {
        status = fill(s, err);
        if (status) break;
        show(s);
        cli_jobs_wait(s->job, s->jobs, PATIENCE);
        status = collect(s, err);
        if (!status) status = cli_records_refresh(&s->records, &s->list, s->retry, err);
    }
    for (size_t k = 0; k < s->jobs; ++k) cli_job_abandon(&s->job[k]);
    if (s->show) fputs("\r\033[K", stderr);
    return status;
}

/* ---- The command ------------------------------------------------------------------------- */

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

/* What there is at the end; one rank says it. */
static int report(const sweep *s, size_t before) {
    size_t done = count_done(s), failed = 0;
    for (size_t i = 0; i < s->list.count; ++i)
        failed += s->list.item[i].done && s->list.item[i].failed;
    if (s->rank == 0) {
        if (!s->arguments->given[CLI_QUIET]) {
            printf("list      ");
            cli_print_clean(s->list.path, stdout);
            printf(", %zu instance%s", s->list.count, plural(s->list.count));
            if (s->list.repeated)
                printf(" (%zu more line%s repeat%s one)", s->list.repeated,
                       plural(s->list.repeated), s->list.repeated == 1 ? "s" : "");
            printf("\noutput    ");
            cli_print_clean(s->records.path, stdout);
            putchar('\n');
            if (before) printf("resumed   %zu had a record already\n", before);
            if (s->records.damaged)
                printf("skipped   %zu line%s that %s no record\n", s->records.damaged,
                       plural(s->records.damaged), s->records.damaged == 1 ? "is" : "are");
        }
        printf("%zu of %zu instances have a record, %zu failed\n", done, s->list.count, failed);
    }
    if (cli_interrupt_signal()) return CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    /* mpirun ends all ranks when one fails: only the one that reports says so */
    return failed && s->rank == 0 ? CLI_EXIT_NO_ANSWER : CLI_EXIT_SUCCESS;
}

static int run(sweep *s) {
    lip_error err = {0};
    s->job = cli_alloc(s->jobs, sizeof *s->job);
    if (!s->job) {
        (void)cli_fail_memory(&err);
        return cli_complain(&err);
    }
    if (cli_records_refresh(&s->records, &s->list, s->retry, &err))
        return cli_complain_output(&err);
    size_t before = count_done(s);
    cli_interrupt_install();
    s->show = s->rank == 0 && !s->arguments->given[CLI_QUIET] && cli_progress_wanted();
    if (loop(s, &err)) return cli_complain_output(&err);
    return report(s, before);
}

int cli_sweep(const cli_arguments *arguments) {
    lip_error err = {0};
    sweep s = {.arguments = arguments, .retry = arguments->given[CLI_RETRY]};
    find_rank(&s);
    const cli_option_id outputs[] = {CLI_OUTPUT, CLI_MARGIN, CLI_ALL};
    if (cli_refuse_both(arguments, outputs, 3, &err) || parse_jobs(&s, &err) ||
        cli_load_instances(arguments, &s.list, &err))
        return cli_complain(&err);
    char *name = output_name(arguments);
    int code;
    bool same = false;
    lip_status status = name ? cli_check_writable(name, &err) : cli_fail_memory(&err);
    if (!status) status = cli_same_file(name, s.list.path, &same, &err);
    if (!status && same)
        status = cli_fail(&err, LIP_ARGUMENT, "option --out",
                          "the output would be appended to the list that is read: %.200s", name);
    if (!status) status = cli_records_open(name, &s.records, &err);
    if (status) {
        code = cli_complain_output(&err);
    } else {
        code = run(&s);
        cli_records_close(&s.records);
    }
    free(s.job);
    free(name);
    cli_instances_free(&s.list);
    return code;
}
