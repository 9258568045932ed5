/* Ctrl-C, SIGTERM and the progress line. */
#ifndef LIPCERT_CLI_INTERRUPT_H
#define LIPCERT_CLI_INTERRUPT_H

#include "lipcert.h"

/* From now on the first SIGINT or SIGTERM is remembered and the second one kills.  A signal that
 * the parent process ignores stays ignored. */
void cli_interrupt_install(void);

/* The signal that came, or 0. */
int cli_interrupt_signal(void);

/* What cli_progress needs between calls; zero-initialise, and set `show` to print the line. */
typedef struct cli_progress_state {
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
