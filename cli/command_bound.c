/* lipcert bound: prove  lower <= L <= upper.
 *
 * Order of events: check everything that can be checked, among it that the output files can be
 * written; run; print the bounds; then write the files.  So a failure to write costs no result,
 * and a signal or the time limit only shortens the run. */
#include "commands.h"
#include "failure.h"
#include "interrupt.h"
#include "margins.h"
#include "outputs.h"
#include "report.h"

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

/* Is `exact` in the list of methods? */
static bool lists_exact(const char *list) {
    for (const char *from = list;; ++from) {
        size_t length = strcspn(from, ",");
        if (length == 5 && memcmp(from, "exact", 5) == 0) return true;
        from += length;
        if (*from == '\0') return false;
    }
}

static lip_status check_checkpoint(const cli_arguments *arguments, lip_error *err) {
    cli_option_id only = arguments->given[CLI_CHECKPOINT] ? CLI_CHECKPOINT : CLI_RESUME;
    if (!cli_uses_checkpoints(arguments)) return LIP_OK;
    if (arguments->given[CLI_ALL_MARGINS]) {
        const cli_option_id both[] = {CLI_ALL_MARGINS, only};
        return cli_refuse_both(arguments, both, 2, err);
    }
    if (arguments->given[CLI_METHOD] && lists_exact(arguments->value[CLI_METHOD][0])) return LIP_OK;
    return cli_fail(err, LIP_ARGUMENT, CLI_PLACE(only), "needs --method exact");
}

/* What can be refused before the network is read. */
static lip_status check_arguments(const cli_arguments *arguments, lip_error *err) {
    lip_status status = LIP_OK;
    bool margins = arguments->given[CLI_ALL_MARGINS];
    if (arguments->given[CLI_METHOD])
        status = cli_check_methods(arguments->value[CLI_METHOD][0], err);
    if (!status && margins) status = cli_check_margins(arguments, NULL, err);
    if (!status) status = cli_check_outputs(arguments, err);
    if (!status) status = check_checkpoint(arguments, err);
    return status;
}

/* Print the result and write the files asked for; an exit code. */
static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_result *result) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) cli_print_bound(arguments, question, result);
    if (json && cli_json_emit(cli_json_bound(arguments, question, result), json, &err))
        return cli_complain_output(&err);
    return cli_write_outputs(arguments, question, result);
}

static lip_status bound(const cli_arguments *arguments, const cli_question *question,
                        cli_progress_state *progress, lip_error *written, lip_result **result,
                        lip_error *err) {
    const char *methods = arguments->value[CLI_METHOD][0];
    lip_exact_options options = {.methods = methods, .written = written};
    if (!cli_uses_checkpoints(arguments))
        return lip_bound(question->net, &question->query, methods, &arguments->settings,
                         cli_progress, progress, result, err);
    lip_status status = cli_checkpoint_options(arguments, &options, err);
    if (status) return status;
    return lip_exact(question->net, &question->query, &arguments->settings, &options, cli_progress,
                     progress, result, err);
}

static int run(const cli_arguments *arguments, const cli_question *question) {
    lip_error err = {0}, written = {0};
    lip_result *result = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted(),
                                   .history = question->history};
    cli_interrupt_install();
    lip_status status = bound(arguments, question, &progress, &written, &result, &err);
    cli_progress_end(&progress);
    if (status) return cli_complain(&err);

    cli_history_add(question->history, result->seconds, result->lower, result->upper);
    int code = report(arguments, question, result);
    if (written.status && code == CLI_EXIT_SUCCESS) code = cli_complain_output(&written);
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
