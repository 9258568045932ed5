/* lipcert export: a relaxation as a file for other solvers. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "lipcert.h"
#include "number.h"
#include "question.h"

#include <stdlib.h>
#include <string.h>

/* The formats, and the functions that write them. */
typedef lip_status (*export_fn)(const lip_network *net, const lip_query *query,
                                const lip_settings *settings, const lip_export_options *options,
                                char **text, size_t *size, lip_error *err);

static const struct {
    const char *name;
    export_fn write;
} formats[] = {{"sdpa", lip_export_sdpa}, {"mps", lip_export_mps}, {"lp", lip_export_lp}};

enum { SDPA, MPS, LP, FORMATS };

static bool is_linear(const char *relaxation) {
    return relaxation && strcmp(relaxation, "lipopt") == 0;
}

static bool is_mixed(const char *relaxation) {
    return relaxation && strncmp(relaxation, "miqcqp", strlen("miqcqp")) == 0;
}

/* The format asked for, else that of the relaxation. */
static size_t format_of(const cli_arguments *arguments) {
    const char *given = arguments->value[CLI_FORMAT][0];
    const char *relaxation = arguments->value[CLI_RELAXATION][0];
    size_t f = 0;
    if (!given) return is_linear(relaxation) ? MPS : is_mixed(relaxation) ? LP : SDPA;
    while (f < FORMATS && strcmp(formats[f].name, given) != 0) ++f;
    return f;
}

/* Does the file that was asked for hold no semidefinite program?  What then, for messages. */
static const char *other_program(const cli_arguments *arguments) {
    const char *relaxation = arguments->value[CLI_RELAXATION][0];
    size_t format = format_of(arguments);
    if (is_mixed(relaxation) || (!relaxation && format == LP))
        return "mixed-integer program miqcqp";
    return is_linear(relaxation) || (!relaxation && format == MPS) ? "linear program lipopt" : NULL;
}

static lip_status check_arguments(const cli_arguments *arguments, lip_export_options *options,
                                  lip_error *err) {
    const char *part = arguments->value[CLI_PART][0], *other = other_program(arguments);
    size_t format = format_of(arguments);
    if (format == FORMATS)
        return cli_fail(err, LIP_ARGUMENT, "option --format",
                        "unknown format '%.60s'; expected sdpa, mps or lp",
                        arguments->value[CLI_FORMAT][0]);
    options->phases = arguments->given[CLI_PHASES];
    options->relaxation = arguments->value[CLI_RELAXATION][0];
    if (is_linear(options->relaxation) && format != MPS)
        return cli_fail(err, LIP_ARGUMENT, "option --format",
                        "expected mps for --relaxation lipopt, a linear program, found %s",
                        formats[format].name);
    if (is_mixed(options->relaxation) && format == SDPA)
        return cli_fail(err, LIP_ARGUMENT, "option --format",
                        "expected lp or mps for --relaxation %.60s, a mixed-integer program, found "
                        "sdpa",
                        options->relaxation);
    if (options->phases && other)
        return cli_fail(err, LIP_ARGUMENT, "option --phases",
                        "is for the relaxation tangent, found the %s", other);
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
    export_fn write = formats[format_of(arguments)].write;
    if (check_part(arguments, question, options, &err) ||
        write(question->net, &question->query, &arguments->settings, options, &text, &size, &err))
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
