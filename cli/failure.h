/* Errors of the program: one sentence on stderr and an exit code.  docs/cli.md lists the codes. */
#ifndef LIPCERT_CLI_FAILURE_H
#define LIPCERT_CLI_FAILURE_H

#include "lipcert.h"

#include <stdio.h>

enum {
    CLI_EXIT_SUCCESS = 0, /* also when the time limit ended the run */
    CLI_EXIT_USAGE = 1, /* the command line is wrong, or asks for what the network does not have */
    CLI_EXIT_INPUT = 2, /* a file could not be read, is malformed or unsupported */
    CLI_EXIT_INTERNAL = 3,     /* out of memory */
    CLI_EXIT_OUTPUT = 4,       /* output could not be written */
    CLI_EXIT_NO_ANSWER = 5,    /* done, but what was asked for does not exist or stays undecided */
    CLI_EXIT_REJECTED = 6,     /* a certificate does not prove what it claims */
    CLI_EXIT_ABOVE = 7,        /* `decide` proved the opposite of the claim */
    CLI_EXIT_INTERRUPTED = 128 /* + number of the signal, after printing the best bounds so far */
};

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

/* Fill err; `place` may be NULL.  cli_fail gives `status` back, so that `return cli_fail(...)`
 * unwinds; it is a macro so that compilers and analysers see that this is never LIP_OK. */
void cli_record(lip_error *err, lip_status status, const char *place, const char *format, ...)
    CLI_PRINTF(4, 5);
#define cli_fail(err, status, place, ...)                                                          \
    (cli_record((err), (status), (place), __VA_ARGS__), (status))

static inline lip_status cli_fail_memory(lip_error *err) {
    return cli_fail(err, LIP_OUT_OF_MEMORY, NULL, "%s", "out of memory");
}

/* Give the failure in err a place, unless it has a place or a file. */
void cli_fail_place(lip_error *err, const char *place);

/* Print "lipcert: <sentence>" on stderr, always one line, and return the exit code for it. */
int cli_complain(const lip_error *err);

/* The same for output: CLI_EXIT_OUTPUT unless memory or the command line (LIP_ARGUMENT) was the
 * reason. */
int cli_complain_output(const lip_error *err);

/* Print what came from outside, such as the name of a file, with '?' for every control character
 * and every byte that is not UTF-8: a name must not add lines to a report or drive a terminal. */
void cli_print_clean(const char *text, FILE *file);

/* Bytes of the UTF-8 character at `text`; 0 for a control character (U+0000 .. 1F, 7F .. 9F) and
 * for what is not UTF-8. */
size_t cli_printable(const char *text);

/* count zeroed objects; NULL if memory is short or the product overflows. */
void *cli_alloc(size_t count, size_t size);

#endif
