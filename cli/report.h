/* What `bound` and `gradient` tell: for people, and for programs.  docs/cli.md gives the schema. */
#ifndef LIPCERT_CLI_REPORT_H
#define LIPCERT_CLI_REPORT_H

#include "json.h"
#include "question.h"

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
/* All but the final line. */
void cli_print_run(const cli_arguments *arguments, const cli_question *question,
                   const lip_result *result);
void cli_print_margins(const cli_arguments *arguments, const cli_question *question,
                       const lip_margins *margins);
void cli_print_gradient(const cli_arguments *arguments, const cli_question *question,
                        const cli_gradient_bounds *gradient);

/* Parts of these: the network; the outputs; the region; the point of --input; what was asked and how; the last line. */
void cli_print_network(const cli_question *question);
void cli_print_outputs(const cli_question *question);
void cli_print_region(const cli_arguments *arguments, const cli_question *question);
void cli_print_point(const cli_arguments *arguments);
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
json_t *cli_json_decide(const cli_arguments *arguments, const cli_question *question,
                        const lip_result *result, double at_most, const char *decision);
json_t *cli_json_margins(const cli_arguments *arguments, const cli_question *question,
                         const lip_margins *margins);
json_t *cli_json_gradient(const cli_arguments *arguments, const cli_question *question,
                          const cli_gradient_bounds *gradient);
json_t *cli_json_info(const cli_question *question);

/* Parts of these: the head of a document, what was asked, a region, every setting by field name. */
cli_builder cli_start_document(const char *kind, const cli_question *question);
void cli_put_question(cli_builder *b, const cli_arguments *arguments, const cli_question *question);
json_t *cli_json_region(const lip_region *where);
json_t *cli_json_settings(const lip_settings *values);

#endif
