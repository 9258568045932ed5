/* lipcert eval: f(x), and the Jacobian on request, in floating point. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "question.h"

#include <stdlib.h>
#include <string.h>

/* y[m] and, if wanted, jacobian[m * n]; the caller frees both on success and on failure. */
static lip_status evaluate(const cli_arguments *arguments, const cli_question *question, double **y,
                           double **jacobian, lip_error *err) {
    size_t n = question->info.inputs, m = question->info.outputs;
    double *x = NULL;
    lip_status status = cli_load_point(arguments, CLI_INPUT, 0, n, &x, err);
    if (status) return status;
    *y = cli_alloc(m, sizeof **y);
    status = *y ? lip_network_eval(question->net, x, *y, err) : cli_fail_memory(err);
    if (!status && arguments->given[CLI_JACOBIAN]) {
        bool fits = n == 0 || m <= SIZE_MAX / sizeof **jacobian / n;
        *jacobian = fits ? cli_alloc(m * n, sizeof **jacobian) : NULL;
        status = *jacobian ? lip_network_jacobian(question->net, x, *jacobian, err)
                           : cli_fail_memory(err);
    }
    free(x);
    return status;
}

static void print_rows(const double *value, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            printf("%.17g%c", value[i * columns + j], j + 1 < columns ? ' ' : '\n');
}

int cli_eval(const cli_arguments *arguments) {
    const cli_option_id input[] = {CLI_INPUT};
    lip_error err = {0};
    cli_question question;
    double *y = NULL, *jacobian = NULL;
    memset(&question, 0, sizeof question);
    lip_status status = LIP_OK;
    if (!arguments->given[CLI_INPUT])
        status = cli_fail(&err, LIP_ARGUMENT, NULL, "missing option --input X, the point");
    if (!status) status = cli_check_row_and_scale(arguments, input, 1, &err);
    if (!status) status = cli_load_network(arguments, &question, &err);
    if (!status) status = evaluate(arguments, &question, &y, &jacobian, &err);
    if (!status) {
        print_rows(y, question.info.outputs, 1);
        if (jacobian) print_rows(jacobian, question.info.outputs, question.info.inputs);
    }
    free(y);
    free(jacobian);
    cli_question_free(&question);
    return status ? cli_complain(&err) : CLI_EXIT_SUCCESS;
}
