/* lipcert: the program around the library.
 *
 *     main.c       which subcommand; this file
 *     options.c    its arguments, from the tables in options.h, commands.c and lipcert_settings.h
 *     question.c   network, norms, outputs and region from the arguments
 *     command_*.c  one subcommand each
 *     report_*.c   what bound and gradient tell, as text and as JSON; decimal.c keeps bounds bounds
 *     interrupt.c  Ctrl-C and the progress line;  files.c  output that is whole or absent
 *
 * Nothing is printed on standard output before the work is done, so a failure leaves it empty. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "report.h"

#include <string.h>

/* Words that people try in place of a subcommand. */
static const char *alias(const char *word) {
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) return "version";
    return word;
}

static int run(int argc, char **argv) {
    lip_error err = {0};
    const cli_command *command;
    cli_arguments arguments;
    if (argc < 2) {
        cli_record(&err, LIP_ARGUMENT, NULL, "no subcommand; 'lipcert help' lists them");
        return cli_complain(&err);
    }
    if (cli_find_command(alias(argv[1]), &command, &err) ||
        cli_parse(command, argc - 2, argv + 2, &arguments, &err))
        return cli_complain(&err);
    if (arguments.given[CLI_HELP]) {
        cli_print_help(command, stdout);
        return CLI_EXIT_SUCCESS;
    }
    return command->run(&arguments);
}

int main(int argc, char **argv) {
    lip_error err = {0};
    cli_json_start();
    int code = run(argc, argv);
    /* an earlier failure has been explained already, and one sentence is enough */
    bool explained =
        code != CLI_EXIT_SUCCESS && code != CLI_EXIT_NO_ANSWER && code < CLI_EXIT_INTERRUPTED;
    if (cli_finish_stdout(&err) && !explained) return cli_complain_output(&err);
    return code;
}
