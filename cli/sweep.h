/* lipcert sweep: many questions from a list, each in a process of its own; docs/sweep.md. */
#ifndef LIPCERT_CLI_SWEEP_H
#define LIPCERT_CLI_SWEEP_H

#include "options.h"

#include <jansson.h>

/* One line of the list: what follows `lipcert bound`. */
typedef struct cli_instance {
    size_t line;
    char *text;      /* the arguments, each behind the last one, with its null */
    char **argument; /* count pointers into text; the network comes first */
    size_t count;
    char *key;   /* the arguments in one line: the same for the same question */
    double time; /* the limit in seconds */
    bool done;   /* a record is in the output file */
    bool failed; /* it says "failed" */
    bool mine;   /* this process wrote it */
} cli_instance;

/* Where the instance with a key is. */
typedef struct cli_keyed {
    const char *key;
    size_t index;
} cli_keyed;

typedef struct cli_instances {
    char *path, *folder; /* of the list; arguments are relative to the folder */
    cli_instance *item;
    size_t count;
    cli_keyed *by_key; /* sorted by key */
    size_t repeated;   /* lines left out because an earlier one asks the same */
} cli_instances;

/* Read a list: VNN-COMP style, or with a header.  Options on the command line hold where the list says
 * nothing. */
lip_status cli_load_instances(const cli_arguments *arguments, cli_instances *list, lip_error *err);
void cli_instances_free(cli_instances *list);

/* The instance with that key, or NULL. */
cli_instance *cli_find_instance(const cli_instances *list, const char *key);

/* *key = the key of an array of arguments, for the caller to free; NULL if it is no array of texts.  False if
 * memory is short. */
bool cli_instance_key(const json_t *arguments, char **key);

/* ---- The output file --------------------------------------------------------------------- */

/* Records are lines of JSON.  Several processes may append to one file; locks tell who works on what. */
typedef struct cli_records {
    const char *path;
    int file, lock;
    long long read;                 /* bytes seen so far */
    size_t lines, foreign, damaged; /* records; of other lists; not JSON */
} cli_records;

/* Open or create the file, and PATH.lock beside it. */
lip_status cli_records_open(const char *path, cli_records *records, lip_error *err);
void cli_records_close(cli_records *records);

/* Mark the instances that have a record by now.  With `retry` a failed one counts only if this process
 * wrote it. */
lip_status cli_records_refresh(cli_records *records, cli_instances *list, bool retry,
                               lip_error *err);

/* Take instance number i for this process, if no other process has it; it is given back by
 * cli_records_release, or when the process ends, however that comes. */
bool cli_records_claim(const cli_records *records, size_t i);
void cli_records_release(const cli_records *records, size_t i);

/* Append one line, whole; consumes `record`. */
lip_status cli_records_append(cli_records *records, json_t *record, lip_error *err);

/* ---- Processes --------------------------------------------------------------------------- */

/* One `lipcert bound` that runs. */
typedef struct cli_job {
    long pid; /* 0: none */
    size_t instance;
    int out, err; /* pipes; -1 once at their end */
    char *text;   /* its standard output so far */
    size_t length, room;
    char message[600]; /* the beginning of its standard error */
    size_t said;
    double started, limit; /* it is killed when it has taken `limit` seconds */
    bool killed, broken;   /* for taking too long; memory was short here */
} cli_job;

/* Start instance i in its folder. */
lip_status cli_job_start(const cli_instances *list, size_t i, cli_job *job, lip_error *err);

/* Wait up to `seconds` for news from count jobs, and read it.  True for a job that ended: collect it. */
void cli_jobs_wait(cli_job *jobs, size_t count, double seconds);
bool cli_job_ended(const cli_job *job);

/* Its record; the job is empty then.  NULL if memory is short. */
json_t *cli_job_collect(const cli_instances *list, cli_job *job, int rank);

/* Kill it and forget it. */
void cli_job_abandon(cli_job *job);

#endif
