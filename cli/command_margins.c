/* lipcert bound --all-margins: L_ij for every difference f_i - f_j, and a certificate for each.
 *
 * A certificate states one question, so a matrix has as many files as margins: PREFIX-I-J.cert, I < J
 * (or FOLDER/I-J.cert).
 * As with a single question everything that can be refused is refused before the computation, among it
 * that one of these files is the network or the file of --json. */
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "margins.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

lip_output cli_margin_output(size_t m, size_t k) {
    lip_output output = {LIP_OUTPUT_MARGIN, 0, 1};
    while (lip_margin_number(m, output.i, m - 1) < k) output.i++;
    output.j = m - 1 - (lip_margin_number(m, output.i, m - 1) - k);
    return output;
}

char *cli_margin_file(const char *prefix, const lip_output *margin) {
    size_t length = strlen(prefix), room = length + 64;
    bool folder = length > 0 && prefix[length - 1] == '/';
    char *path = cli_alloc(room, 1);
    if (path)
        snprintf(path, room, "%s%s%zu-%zu.cert", prefix, folder ? "" : "-", margin->i, margin->j);
    return path;
}

/* ---- Before the computation -------------------------------------------------------------- */

static lip_status check_file(const cli_arguments *arguments, const char *prefix,
                             const lip_output *margin, lip_error *err) {
    const char *json = arguments->value[CLI_JSON][0];
    char *path = cli_margin_file(prefix, margin);
    bool same = false;
    if (!path) return cli_fail_memory(err);
    lip_status status = cli_check_output(path, arguments->operand[0], err);
    if (!status && json && strcmp(json, "-") != 0) status = cli_same_file(json, path, &same, err);
    if (!status && same)
        status = cli_fail(err, LIP_ARGUMENT, "option --certificate",
                          "the file is that of --json: %.200s", path);
    free(path);
    return status;
}

lip_status cli_check_margins(const cli_arguments *arguments, const cli_question *question,
                             lip_error *err) {
    const char *prefix = arguments->value[CLI_CERTIFICATE][0];
    lip_status status = LIP_OK;
    if (arguments->given[CLI_WITNESS])
        return cli_fail(err, LIP_ARGUMENT, "option --witness",
                        "cannot be combined with --all-margins: --json holds every witness");
    if (prefix && *prefix == '\0')
        return cli_fail(err, LIP_ARGUMENT, "option --certificate",
                        "expected the start of file names, found nothing");
    if (!prefix) return LIP_OK;
    size_t m = question ? question->info.outputs : 2;
    for (size_t k = 0; !status && k < m * (m - 1) / 2; k++) {
        lip_output margin = cli_margin_output(m, k);
        status = check_file(arguments, prefix, &margin, err);
    }
    return status;
}

/* ---- After it ---------------------------------------------------------------------------- */

static lip_status write_certificate(const char *prefix, const cli_question *question,
                                    const lip_output *margin, const lip_result *result,
                                    lip_error *err) {
    lip_query query = question->query;
    char *text = NULL, *path = cli_margin_file(prefix, margin);
    size_t size = 0;
    if (!path) return cli_fail_memory(err);
    query.output = *margin;
    lip_status status = lip_certificate(question->net, &query, result, &text, &size, err);
    if (!status) status = cli_write_file(path, text, size, err);
    free(text);
    free(path);
    return status;
}

/* Every margin that has a bound gets its file; an exit code. */
static int write_certificates(const char *prefix, const cli_question *question,
                              const lip_margins *margins) {
    lip_error err = {0};
    size_t missing = 0;
    for (size_t k = 0; k < margins->pairs; k++) {
        const lip_result *result = margins->result[k];
        lip_output margin = cli_margin_output(margins->outputs, k);
        if (!result->witness_x && !(result->certified < INFINITY))
            missing++;
        else if (write_certificate(prefix, question, &margin, result, &err))
            return cli_complain_output(&err);
    }
    if (missing == 0) return CLI_EXIT_SUCCESS;
    cli_record(&err, LIP_ARGUMENT, "option --certificate",
               "there is no bound to certify for %zu of %zu margins, nothing is written for them",
               missing, margins->pairs);
    (void)cli_complain(&err);
    return CLI_EXIT_NO_ANSWER;
}

static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_margins *margins) {
    const char *json = arguments->value[CLI_JSON][0];
    const char *prefix = arguments->value[CLI_CERTIFICATE][0];
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) cli_print_margins(arguments, question, margins);
    if (json && cli_json_emit(cli_json_margins(arguments, question, margins), json, &err))
        return cli_complain_output(&err);
    return prefix ? write_certificates(prefix, question, margins) : CLI_EXIT_SUCCESS;
}

int cli_bound_margins(const cli_arguments *arguments, const cli_question *question) {
    lip_error err = {0};
    lip_margins *margins = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted()};
    lip_status status = cli_check_margins(arguments, question, &err);
    if (status) return cli_complain_output(&err);
    cli_interrupt_install();
    status = lip_bound_margins(question->net, &question->query, arguments->value[CLI_METHOD][0],
                               &arguments->settings, cli_progress, &progress, &margins, &err);
    cli_progress_end(&progress);
    if (status) return cli_complain(&err);
    int code = report(arguments, question, margins);
    if (margins->stop == LIP_INTERRUPTED &&
        (code == CLI_EXIT_SUCCESS || code == CLI_EXIT_NO_ANSWER))
        code = CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    lip_margins_free(margins);
    return code;
}
