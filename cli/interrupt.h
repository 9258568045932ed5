/* Ctrl-C, SIGTERM and the progress line. */
#ifndef LIPCERT_CLI_INTERRUPT_H
#define LIPCERT_CLI_INTERRUPT_H

#include "lipcert.h"

/* From now on the first SIGINT or SIGTERM is remembered and the second one kills.  A signal that
 * the parent process ignores stays ignored. */
void cli_interrupt_install(void);

/* The signal that came, or 0. */
int cli_interrupt_signal(void);

/* The bounds at a moment of the run. */
typedef struct cli_moment {
    double seconds, lower, upper;
} cli_moment;

/* Every change of the bounds; with more than CLI_MOMENTS_MAX of them, every second one is forgotten. */
enum { CLI_MOMENTS_MAX = 512 };
typedef struct cli_history {
    size_t count;
    cli_moment moment[CLI_MOMENTS_MAX];
} cli_history;

/* Keep the bounds if they differ from the last ones kept. */
void cli_history_add(cli_history *history, double seconds, double lower, double upper);

/* What cli_progress needs between calls; zero-initialise, and set `show` to print the line. */
typedef struct cli_progress_state {
    cli_history *history; /* of the run, or NULL */
    bool show;
    bool shown;
    double last; /* seconds of the last line */
} cli_progress_state;

/* True if stderr is a terminal. */
bool cli_progress_wanted(void);

/* A lip_progress_fn: keeps one line on stderr up to date, and asks to stop after a signal. */
bool cli_progress(const lip_progress *progress, void *state);

/* Erase the line. */
void cli_progress_end(cli_progress_state *state);

#endif
