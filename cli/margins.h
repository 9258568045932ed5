/* lipcert bound --all-margins. */
#ifndef LIPCERT_CLI_MARGINS_H
#define LIPCERT_CLI_MARGINS_H

#include "question.h"

/* The outputs i < j of pair number k of m outputs. */
lip_output cli_margin_output(size_t m, size_t k);

/* The file of a margin's certificate, "PREFIX-I-J.cert", or "I-J.cert" behind a slash; NULL if memory is short, else for the caller
 * to free. */
char *cli_margin_file(const char *prefix, const lip_output *margin);

/* Refuse what cannot be written; with `question` NULL only what is known before the network is read. */
lip_status cli_check_margins(const cli_arguments *arguments, const cli_question *question,
                             lip_error *err);

/* Bound, print, write; an exit code. */
int cli_bound_margins(const cli_arguments *arguments, const cli_question *question);

#endif
