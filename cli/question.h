/* The question on the command line: which network, which outputs, which norms, which region. */
#ifndef LIPCERT_CLI_QUESTION_H
#define LIPCERT_CLI_QUESTION_H

#include "options.h"

typedef struct cli_question {
    const char *path; /* of the network, as typed */
    lip_network *net;
    lip_network_info info;
    lip_region *region;
    double *point;               /* of --input, or NULL */
    lip_query query;             /* refers to region and point */
    bool margins;                /* --all-margins; query.output is "all" then */
    struct cli_history *history; /* of the run for --json, or NULL */
    double eps;                  /* of --box and --ball, else 0 */
    double clip_lo, clip_hi;     /* of --clip, else -INFINITY and INFINITY */
} cli_question;

/* Load operand 0 as a network and fill path, net and info.  On failure nothing is left to free. */
lip_status cli_load_network(const cli_arguments *arguments, cli_question *question, lip_error *err);

/* Load the network and everything the options say; the same on failure. */
lip_status cli_load_question(const cli_arguments *arguments, cli_question *question,
                             lip_error *err);

/* The point that the option `id` names in its value `which`, with --row and --scale: n numbers for
 * the caller to free. */
lip_status cli_load_point(const cli_arguments *arguments, cli_option_id id, int which, size_t n,
                          double **point, lip_error *err);

/* Refuse --row and --scale unless a value of the options ids[0 .. count-1] is a file. */
lip_status cli_check_row_and_scale(const cli_arguments *arguments, const cli_option_id *ids,
                                   size_t count, lip_error *err);

/* Refuse a list of methods with an unknown or empty name. */
lip_status cli_check_methods(const char *list, lip_error *err);

/* The name of a norm: "1", "2" or "inf". */
const char *cli_norm_name(lip_norm norm);

void cli_question_free(cli_question *question);

#endif
