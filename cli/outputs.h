/* Files that `bound` and `decide` write besides their report, and the options of checkpoints. */
#ifndef LIPCERT_CLI_OUTPUTS_H
#define LIPCERT_CLI_OUTPUTS_H

#include "question.h"

/* Refuse files that cannot be written, are the network, or are used twice. */
lip_status cli_check_outputs(const cli_arguments *arguments, lip_error *err);

/* Write --certificate and --witness, as far as they were asked for; an exit code. */
int cli_write_outputs(const cli_arguments *arguments, const cli_question *question,
                      const lip_result *result);

/* Was --checkpoint or --resume given?  Put them, and --checkpoint-every, into options. */
bool cli_uses_checkpoints(const cli_arguments *arguments);
lip_status cli_checkpoint_options(const cli_arguments *arguments, lip_exact_options *options,
                                  lip_error *err);

#endif
