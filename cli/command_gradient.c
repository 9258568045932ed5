/* lipcert gradient: enclose the norm of the Jacobian at one point.
 *
 * This is how a witness is confirmed: the point decides every phase in interval arithmetic, and
 * then the norm of that one linear map is enclosed. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "report.h"

#include <string.h>

static lip_status load(const cli_arguments *arguments, cli_question *question, lip_error *err) {
    if (!arguments->given[CLI_INPUT])
        return cli_fail(err, LIP_ARGUMENT, NULL, "missing option --input X, the point");
    return cli_load_question(arguments, question, err);
}

static int report(const cli_arguments *arguments, const cli_question *question,
                  const cli_gradient_bounds *gradient) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) cli_print_gradient(arguments, question, gradient);
    if (json && cli_json_emit(cli_json_gradient(arguments, question, gradient), json, &err))
        return cli_complain_output(&err);
    return gradient->decided ? CLI_EXIT_SUCCESS : CLI_EXIT_NO_ANSWER;
}

int cli_gradient(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    const char *json = arguments->value[CLI_JSON][0];
    if (json && strcmp(json, "-") != 0 && cli_check_output(json, arguments->operand[0], &err))
        return cli_complain_output(&err);
    if (load(arguments, &question, &err)) return cli_complain(&err);

    cli_gradient_bounds gradient = {.x = question.point};
    int code;
    if (lip_gradient_norm(question.net, &question.query, question.point, &gradient.lower,
                          &gradient.upper, &gradient.decided, &err))
        code = cli_complain(&err);
    else
        code = report(arguments, &question, &gradient);
    cli_question_free(&question);
    return code;
}
