/* lipcert decide: is the Lipschitz constant at most K?
 *
 * Less work than `bound`: parts of the region whose bound is at most K are done with, and one witness above K ends
 * the run.  Both answers are proved, by an upper bound that is at most K or by a witness whose gradient norm is more,
 * and can be certified. */
#include "commands.h"
#include "decimal.h"
#include "failure.h"
#include "interrupt.h"
#include "number.h"
#include "outputs.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum decision { UNDECIDED, AT_MOST, ABOVE } decision;

static decision decide(double at_most, const lip_result *result) {
    if (result->upper <= at_most) return AT_MOST;
    return result->lower > at_most ? ABOVE : UNDECIDED;
}

/* ---- Reports ----------------------------------------------------------------------------- */

static void print_decision(double at_most, const char *typed, const lip_result *result) {
    char low[CLI_DECIMAL_SIZE], high[CLI_DECIMAL_SIZE];
    cli_decimal(result->lower, 17, CLI_DOWN, low);
    cli_decimal(result->upper, 17, CLI_UP, high);
    switch (decide(at_most, result)) {
    case AT_MOST: printf("L <= %s proved: upper bound %s\n", typed, high); return;
    case ABOVE: printf("L > %s proved: lower bound %s, with a witness\n", typed, low); return;
    case UNDECIDED: printf("L <= %s undecided: %s <= L <= %s\n", typed, low, high); return;
    }
}

static const char *decision_name(decision which) {
    return which == AT_MOST ? "at most" : which == ABOVE ? "above" : NULL;
}

/* Does the certificate prove what was decided?  Else say so. */
static int check_certified(const cli_arguments *arguments, double at_most,
                           const lip_result *result) {
    lip_error err = {0};
    bool wanted = arguments->given[CLI_CERTIFICATE] && decide(at_most, result) == AT_MOST;
    if (!wanted || result->certified <= at_most) return CLI_EXIT_SUCCESS;
    cli_record(&err, LIP_ARGUMENT, "option --certificate",
               "the format cannot hold the proof that L <= %.60s; the certificate states %.17g",
               arguments->value[CLI_AT_MOST][0], result->certified);
    (void)cli_complain(&err);
    return CLI_EXIT_NO_ANSWER;
}

/* Print the result and write the files asked for; an exit code. */
static int report(const cli_arguments *arguments, const cli_question *question, double at_most,
                  const lip_result *result) {
    const char *json = arguments->value[CLI_JSON][0];
    decision which = decide(at_most, result);
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) {
        if (!arguments->given[CLI_QUIET]) cli_print_run(arguments, question, result);
        print_decision(at_most, arguments->value[CLI_AT_MOST][0], result);
    }
    if (json) {
        json_t *document =
            cli_json_decide(arguments, question, result, at_most, decision_name(which));
        if (cli_json_emit(document, json, &err)) return cli_complain_output(&err);
    }
    int code = cli_write_outputs(arguments, question, result);
    if (!code) code = check_certified(arguments, at_most, result);
    if (code) return code;
    return which == AT_MOST ? CLI_EXIT_SUCCESS
           : which == ABOVE ? CLI_EXIT_ABOVE
                            : CLI_EXIT_NO_ANSWER;
}

/* ---- The run ----------------------------------------------------------------------------- */

/* Everything that can be refused before the network is read. */
static lip_status parse(const cli_arguments *arguments, lip_exact_options *options,
                        lip_error *err) {
    const char *text = arguments->value[CLI_AT_MOST][0], *place = "option --at-most";
    if (!text) return cli_fail(err, LIP_ARGUMENT, NULL, "missing option --at-most K, the claim");
    lip_status status = cli_parse_double(text, place, &options->at_most, err);
    if (!status && !(options->at_most > 0))
        status =
            cli_fail(err, LIP_ARGUMENT, place, "expected a positive number, found %.60s", text);
    if (!status && arguments->given[CLI_METHOD])
        status = cli_check_methods(arguments->value[CLI_METHOD][0], err);
    if (!status) status = cli_checkpoint_options(arguments, options, err);
    if (!status) status = cli_check_outputs(arguments, err);
    return status;
}

/* The methods asked for, and exact; the caller's to free. */
static char *methods_of(const cli_arguments *arguments) {
    const char *asked = arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto";
    size_t size = strlen(asked) + sizeof ",exact";
    char *list = cli_alloc(size, 1);
    if (list) snprintf(list, size, "%s,exact", asked);
    return list;
}

static int run(const cli_arguments *arguments, const cli_question *question,
               const lip_exact_options *parsed) {
    lip_error err = {0}, written = {0};
    lip_exact_options options = *parsed;
    lip_result *result = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted(),
                                   .history = question->history};
    char *methods = methods_of(arguments);
    lip_status status = methods ? LIP_OK : cli_fail_memory(&err);
    options.methods = methods;
    options.written = &written;
    cli_interrupt_install();
    if (!status)
        status = lip_exact(question->net, &question->query, &arguments->settings, &options,
                           cli_progress, &progress, &result, &err);
    cli_progress_end(&progress);
    free(methods);
    if (status) return cli_complain(&err);
    cli_history_add(question->history, result->seconds, result->lower, result->upper);
    int code = report(arguments, question, options.at_most, result);
    bool answered = code == CLI_EXIT_SUCCESS || code == CLI_EXIT_ABOVE;
    if (written.status && answered) code = cli_complain_output(&written);
    if (result->stop == LIP_INTERRUPTED && code == CLI_EXIT_NO_ANSWER)
        code = CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    lip_result_free(result);
    return code;
}

int cli_decide(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    cli_history history = {0};
    lip_exact_options options = {0};
    if (parse(arguments, &options, &err)) return cli_complain_output(&err);
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    question.history = &history;
    int code = run(arguments, &question, &options);
    cli_question_free(&question);
    return code;
}
