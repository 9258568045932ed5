/* The subcommands; each runs with parsed arguments, prints its errors and returns the exit code. */
#ifndef LIPCERT_CLI_COMMANDS_H
#define LIPCERT_CLI_COMMANDS_H

#include "options.h"

int cli_bound(const cli_arguments *arguments);
int cli_decide(const cli_arguments *arguments);
int cli_gradient(const cli_arguments *arguments);
int cli_radius(const cli_arguments *arguments);
int cli_monotone(const cli_arguments *arguments);
int cli_sweep(const cli_arguments *arguments);
int cli_plot(const cli_arguments *arguments);
int cli_report(const cli_arguments *arguments);
int cli_eval(const cli_arguments *arguments);
int cli_info(const cli_arguments *arguments);
int cli_check(const cli_arguments *arguments);
int cli_convert(const cli_arguments *arguments);
int cli_export(const cli_arguments *arguments);
int cli_methods(const cli_arguments *arguments);
int cli_version(const cli_arguments *arguments);
int cli_help(const cli_arguments *arguments);

/* All of them, in the order of the help; ends with a NULL name. */
extern const cli_command cli_commands[];

/* The subcommand called `name`; on failure err names it and the most similar one. */
lip_status cli_find_command(const char *name, const cli_command **command, lip_error *err);

#endif
