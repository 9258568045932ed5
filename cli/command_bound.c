/* lipcert bound: prove  lower <= L <= upper.
 *
 * Order of events: check everything that can be checked, among it that the output files can be
 * written; run; print the bounds; then write the files.  So a failure to write costs no result,
 * and a signal or the time limit only shortens the run. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "margins.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

lip_status cli_check_methods(const char *list, lip_error *err) {
    const char *names[64] = {"auto"};
    size_t count = 1;
    for (const lip_method *m = lip_methods(); m->name && count < 64; m++) names[count++] = m->name;
    for (const char *from = list;; from++) {
        char name[48];
        size_t length = strcspn(from, ","), k = 0;
        snprintf(name, sizeof name, "%.*s", length < 47 ? (int)length : 47, from);
        while (k < count && strcmp(names[k], name) != 0) k++;
        if (k == count) {
            const char *closest = cli_closest(name, names, count);
            return cli_fail(err, LIP_ARGUMENT, "option --method",
                            "unknown method '%s'; %s%s%s'lipcert methods' lists them", name,
                            closest ? "did you mean '" : "", closest ? closest : "",
                            closest ? "'? " : "");
        }
        from += length;
        if (*from == '\0') return LIP_OK;
    }
}

/* The files that `bound` may write; NULL where none was asked for. */
static const cli_option_id outputs[] = {CLI_JSON, CLI_WITNESS, CLI_CERTIFICATE};
enum { OUTPUTS = sizeof outputs / sizeof outputs[0] };

static const char *output_file(const cli_arguments *arguments, size_t i) {
    const char *path = arguments->value[outputs[i]][0];
    if (arguments->given[CLI_ALL_MARGINS] && outputs[i] == CLI_CERTIFICATE) return NULL;
    return outputs[i] == CLI_JSON && path && strcmp(path, "-") == 0 ? NULL : path;
}

/* Output i can be written, and is neither the network nor an earlier output. */
static lip_status check_output(const cli_arguments *arguments, size_t i, lip_error *err) {
    const char *path = output_file(arguments, i);
    if (!path) return LIP_OK;
    lip_status status = cli_check_output(path, arguments->operand[0], err);
    for (size_t j = 0; !status && j < i; j++) {
        const char *other = output_file(arguments, j);
        bool same = false;
        if (other) status = cli_same_file(other, path, &same, err);
        if (!status && same)
            status =
                cli_fail(err, LIP_ARGUMENT, CLI_PLACE(outputs[i]),
                         "the file is that of --%s: %.200s", cli_options[outputs[j]].name, path);
    }
    return status;
}

/* What can be refused before the network is read. */
static lip_status check_arguments(const cli_arguments *arguments, lip_error *err) {
    lip_status status = LIP_OK;
    bool margins = arguments->given[CLI_ALL_MARGINS];
    if (arguments->given[CLI_METHOD])
        status = cli_check_methods(arguments->value[CLI_METHOD][0], err);
    if (!status && margins) status = cli_check_margins(arguments, NULL, err);
    for (size_t i = 0; !status && i < OUTPUTS; i++) status = check_output(arguments, i, err);
    return status;
}

static int nothing_to_write(const char *place, const char *what) {
    lip_error err = {0};
    cli_record(&err, LIP_ARGUMENT, place, "%s, nothing is written", what);
    (void)cli_complain(&err);
    return CLI_EXIT_NO_ANSWER;
}

static int write_witness(const char *path, const lip_result *result) {
    lip_error err = {0};
    if (!result->witness_x) return nothing_to_write("option --witness", "no witness was found");
    if (cli_write_npy(path, result->witness_x, result->n, &err)) return cli_complain_output(&err);
    return CLI_EXIT_SUCCESS;
}

static int write_certificate(const char *path, const cli_question *question,
                             const lip_result *result) {
    lip_error err = {0};
    char *text = NULL;
    size_t size = 0;
    if (!result->witness_x && !(result->certified < INFINITY))
        return nothing_to_write("option --certificate", "there is no bound to certify");
    lip_status status =
        lip_certificate(question->net, &question->query, result, &text, &size, &err);
    if (status) return cli_complain(&err);
    status = cli_write_file(path, text, size, &err);
    free(text);
    return status ? cli_complain_output(&err) : CLI_EXIT_SUCCESS;
}

/* Print the result and write the files asked for; an exit code. */
static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_result *result) {
    const char *json = arguments->value[CLI_JSON][0], *witness = arguments->value[CLI_WITNESS][0];
    const char *certificate = arguments->value[CLI_CERTIFICATE][0];
    lip_error err = {0};
    int code = CLI_EXIT_SUCCESS;
    if (!json || strcmp(json, "-") != 0) cli_print_bound(arguments, question, result);
    if (json && cli_json_emit(cli_json_bound(arguments, question, result), json, &err))
        return cli_complain_output(&err);
    if (certificate) code = write_certificate(certificate, question, result);
    if (witness && code == CLI_EXIT_SUCCESS) code = write_witness(witness, result);
    return code;
}

static int run(const cli_arguments *arguments, const cli_question *question) {
    lip_error err = {0};
    lip_result *result = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted(),
                                   .history = question->history};
    cli_interrupt_install();
    lip_status status = lip_bound(question->net, &question->query, arguments->value[CLI_METHOD][0],
                                  &arguments->settings, cli_progress, &progress, &result, &err);
    cli_progress_end(&progress);
    if (status) return cli_complain(&err);

    cli_history_add(question->history, result->seconds, result->lower, result->upper);
    int code = report(arguments, question, result);
    if (result->stop == LIP_INTERRUPTED && (code == CLI_EXIT_SUCCESS || code == CLI_EXIT_NO_ANSWER))
        code = CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    lip_result_free(result);
    return code;
}

int cli_bound(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    cli_history history = {0};
    lip_status status = check_arguments(arguments, &err);
    if (status) return cli_complain_output(&err);
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    question.history = &history;
    int code =
        question.margins ? cli_bound_margins(arguments, &question) : run(arguments, &question);
    cli_question_free(&question);
    return code;
}
