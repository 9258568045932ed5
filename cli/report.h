/* What `bound` and `gradient` tell: for people, and for programs.  docs/cli.md gives the schema. */
#ifndef LIPCERT_CLI_REPORT_H
#define LIPCERT_CLI_REPORT_H

#include "question.h"

#include <jansson.h>

/* What lip_gradient_norm said about a point. */
typedef struct cli_gradient_bounds {
    const double *x;
    double lower, upper;
    bool decided;
} cli_gradient_bounds;

/* ---- Text, on standard output ------------------------------------------------------------ */

/* With --quiet the final line only. */
void cli_print_bound(const cli_arguments *arguments, const cli_question *question,
                     const lip_result *result);
void cli_print_margins(const cli_arguments *arguments, const cli_question *question,
                       const lip_margins *margins);
void cli_print_gradient(const cli_arguments *arguments, const cli_question *question,
                        const cli_gradient_bounds *gradient);

/* Parts of these: what was asked and how; the last line. */
void cli_print_question(const cli_arguments *arguments, const cli_question *question,
                        const lip_result *result);
void cli_print_answer(double lower, double upper, const char *quantity);

const char *cli_stop_name(lip_stop stop); /* "finished", "out of time", "interrupted" */

/* (upper - lower) / upper, in [0, 1]; NAN if upper is infinite. */
double cli_relative_gap(double lower, double upper);

/* ---- JSON -------------------------------------------------------------------------------- */

/* The documents; NULL means that memory is short. */
json_t *cli_json_bound(const cli_arguments *arguments, const cli_question *question,
                       const lip_result *result);
json_t *cli_json_margins(const cli_arguments *arguments, const cli_question *question,
                         const lip_margins *margins);
json_t *cli_json_gradient(const cli_arguments *arguments, const cli_question *question,
                          const cli_gradient_bounds *gradient);
json_t *cli_json_info(const cli_question *question);

/* Write a document to the file of --json (atomically) or, for "-", to standard output, and release
 * it.  A NULL document is reported as out of memory. */
lip_status cli_json_emit(json_t *document, const char *path, lip_error *err);

/* Make jansson allocate through the program's own allocator; call before any other JSON
 * function. */
void cli_json_start(void);

#endif
