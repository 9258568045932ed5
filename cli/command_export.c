/* lipcert export: a relaxation as a file for other solvers. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "lipcert.h"
#include "number.h"
#include "question.h"

#include <stdlib.h>
#include <string.h>

/* Is the program that was asked for a linear one? */
static bool linear(const cli_arguments *arguments) {
    const char *format = arguments->value[CLI_FORMAT][0];
    const char *relaxation = arguments->value[CLI_RELAXATION][0];
    return relaxation ? strcmp(relaxation, "lipopt") == 0 : format && strcmp(format, "mps") == 0;
}

static lip_status check_arguments(const cli_arguments *arguments, lip_export_options *options,
                                  lip_error *err) {
    const char *format = arguments->value[CLI_FORMAT][0], *part = arguments->value[CLI_PART][0];
    if (format && strcmp(format, "sdpa") != 0 && strcmp(format, "mps") != 0)
        return cli_fail(err, LIP_ARGUMENT, "option --format",
                        "unknown format '%.60s'; expected sdpa or mps", format);
    options->phases = arguments->given[CLI_PHASES];
    options->relaxation = arguments->value[CLI_RELAXATION][0];
    if (linear(arguments) && format && strcmp(format, "mps") != 0)
        return cli_fail(err, LIP_ARGUMENT, "option --format",
                        "expected mps for --relaxation lipopt, a linear program, found %s", format);
    if (options->phases && linear(arguments))
        return cli_fail(err, LIP_ARGUMENT, "option --phases",
                        "is for the relaxation tangent, found the linear program lipopt");
    if (options->phases && options->relaxation && strcmp(options->relaxation, "tangent") != 0)
        return cli_fail(err, LIP_ARGUMENT, "option --phases",
                        "is for the relaxation tangent, found --relaxation %.60s",
                        options->relaxation);
    if (part) return cli_parse_index(part, "option --part", &options->part, err);
    return LIP_OK;
}

/* Several programs: the user has to say which. */
static lip_status check_part(const cli_arguments *arguments, const cli_question *question,
                             const lip_export_options *options, lip_error *err) {
    size_t parts;
    lip_status status = lip_export_parts(question->net, &question->query, &parts, err);
    if (status) return status;
    if (parts > 1 && !arguments->given[CLI_PART])
        return cli_fail(err, LIP_ARGUMENT, "option --part",
                        "needed: the question has %zu programs, expected a number from 0 to %zu",
                        parts, parts - 1);
    if (options->part >= parts)
        return cli_fail(err, LIP_ARGUMENT, "option --part",
                        "found %zu, but the question has %zu program%s, counted from 0",
                        options->part, parts, parts == 1 ? "" : "s");
    return LIP_OK;
}

static int run(const cli_arguments *arguments, const cli_question *question,
               const lip_export_options *options) {
    lip_error err = {0};
    char *text = NULL;
    size_t size = 0;
    const char *format = arguments->value[CLI_FORMAT][0];
    bool mps = linear(arguments) || (format && strcmp(format, "mps") == 0);
    if (check_part(arguments, question, options, &err) ||
        (mps ? lip_export_mps : lip_export_sdpa)(question->net, &question->query,
                                                 &arguments->settings, options, &text, &size, &err))
        return cli_complain(&err);
    lip_status status = cli_write_file(arguments->operand[1], text, size, &err);
    free(text);
    return status ? cli_complain_output(&err) : CLI_EXIT_SUCCESS;
}

int cli_export(const cli_arguments *arguments) {
    lip_error err = {0};
    lip_export_options options = {0};
    cli_question question;
    if (check_arguments(arguments, &options, &err)) return cli_complain(&err);
    if (cli_check_output(arguments->operand[1], arguments->operand[0], &err))
        return cli_complain_output(&err);
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    int code = run(arguments, &question, &options);
    cli_question_free(&question);
    return code;
}
