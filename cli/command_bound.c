/* lipcert bound: prove  lower <= L <= upper.
 *
 * Order of events: check everything that can be checked, among it that the output files can be
 * written; run; print the bounds; then write the files.  So a failure to write costs no result,
 * and a signal or the time limit only shortens the run. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "report.h"

#include <string.h>

/* Refuse a list of methods with an unknown or empty name. */
static lip_status check_methods(const char *list, lip_error *err) {
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

/* What can be refused before the network is read. */
static lip_status check_arguments(const cli_arguments *arguments, lip_error *err) {
    const char *json = arguments->value[CLI_JSON][0], *witness = arguments->value[CLI_WITNESS][0];
    const char *net = arguments->operand[0];
    bool same = false;
    lip_status status = LIP_OK;
    if (json && strcmp(json, "-") == 0) json = NULL;
    if (arguments->given[CLI_METHOD]) status = check_methods(arguments->value[CLI_METHOD][0], err);
    if (!status && json) status = cli_check_output(json, net, err);
    if (!status && witness) status = cli_check_output(witness, net, err);
    if (!status && json && witness) status = cli_same_file(json, witness, &same, err);
    if (!status && same)
        status = cli_fail(err, LIP_ARGUMENT, "option --witness",
                          "the file is that of --json: %.200s", witness);
    return status;
}

/* Print the result and write the files asked for; an exit code. */
static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_result *result) {
    const char *json = arguments->value[CLI_JSON][0], *witness = arguments->value[CLI_WITNESS][0];
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) cli_print_bound(arguments, question, result);
    if (json && cli_json_emit(cli_json_bound(arguments, question, result), json, &err))
        return cli_complain_output(&err);
    if (!witness) return CLI_EXIT_SUCCESS;
    if (!result->witness_x) {
        cli_record(&err, LIP_ARGUMENT, "option --witness",
                   "no witness was found, nothing is written");
        (void)cli_complain(&err);
        return CLI_EXIT_NO_ANSWER;
    }
    if (cli_write_npy(witness, result->witness_x, result->n, &err))
        return cli_complain_output(&err);
    return CLI_EXIT_SUCCESS;
}

static int run(const cli_arguments *arguments, const cli_question *question) {
    lip_error err = {0};
    lip_result *result = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted()};
    cli_interrupt_install();
    lip_status status = lip_bound(question->net, &question->query, arguments->value[CLI_METHOD][0],
                                  &arguments->settings, cli_progress, &progress, &result, &err);
    cli_progress_end(&progress);
    if (status) return cli_complain(&err);

    int code = report(arguments, question, result);
    if (result->stop == LIP_INTERRUPTED && (code == CLI_EXIT_SUCCESS || code == CLI_EXIT_NO_ANSWER))
        code = CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    lip_result_free(result);
    return code;
}

int cli_bound(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    lip_status status = check_arguments(arguments, &err);
    if (status) return cli_complain_output(&err);
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    int code = run(arguments, &question);
    cli_question_free(&question);
    return code;
}
