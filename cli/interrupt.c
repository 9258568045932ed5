/* Ctrl-C, SIGTERM and the progress line.
 *
 * A handler may do next to nothing, so it stores the signal's number; the library asks the progress
 * callback now and then whether to go on, and the callback reads that number.  The handler is
 * installed to serve once (SA_RESETHAND): if the library should not come to ask, a second Ctrl-C
 * finds the default action. */
#include "interrupt.h"

#include "decimal.h"
#include "report.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The one global variable of the program: a signal handler can reach nothing else. */
static volatile sig_atomic_t caught;

static void remember(int number) { caught = number; }

static void install(int number) {
    struct sigaction old, action;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN) return;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    sigaction(number, &action, NULL);
}

void cli_interrupt_install(void) {
    install(SIGINT);
    install(SIGTERM);
}

int cli_interrupt_signal(void) { return (int)caught; }

bool cli_progress_wanted(void) { return isatty(STDERR_FILENO) == 1; }

void cli_history_add(cli_history *history, double seconds, double lower, double upper) {
    const cli_moment *last = history->count ? &history->moment[history->count - 1] : NULL;
    if (last ? last->lower == lower && last->upper == upper : lower == 0 && upper == INFINITY)
        return;
    if (history->count == CLI_MOMENTS_MAX) {
        for (size_t i = 0; 2 * i + 1 < CLI_MOMENTS_MAX; i++)
            history->moment[i] = history->moment[2 * i + 1];
        history->count = CLI_MOMENTS_MAX / 2;
    }
    history->moment[history->count++] = (cli_moment){seconds, lower, upper};
}

/* Time, stage, both bounds and, once there is an upper one, the gap, as the report has it. */
static void show(const lip_progress *progress) {
    char lower[CLI_DECIMAL_SIZE], upper[CLI_DECIMAL_SIZE], gap[CLI_DECIMAL_SIZE];
    double relative = cli_relative_gap(progress->lower, progress->upper);
    cli_decimal(progress->lower, 6, CLI_DOWN, lower);
    cli_decimal(progress->upper, 6, CLI_UP, upper);
    fprintf(stderr, "\r\033[K%.1f s  %s  %s <= L <= %s", progress->seconds,
            progress->method ? progress->method : "", lower, upper);
    if (!isnan(relative)) {
        cli_decimal(100 * relative, 4, CLI_UP, gap);
        fprintf(stderr, "  gap %s %%", gap);
    }
    fflush(stderr);
}

bool cli_progress(const lip_progress *progress, void *user) {
    cli_progress_state *state = user;
    if (state->history)
        cli_history_add(state->history, progress->seconds, progress->lower, progress->upper);
    if (state->show && (!state->shown || progress->seconds >= state->last + 0.1)) {
        show(progress);
        state->shown = true;
        state->last = progress->seconds;
    }
    return caught != 0;
}

void cli_progress_end(cli_progress_state *state) {
    if (!state->shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    state->shown = false;
}
