/* lipcert monotone: signs of partial derivatives over a region. */
#include "commands.h"
#include "decimal.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "number.h"
#include "report.h"

#include <string.h>

static const char *const verdicts[] = {[LIP_UNDECIDED] = "undecided",
                                       [LIP_NONDECREASING] = "nondecreasing",
                                       [LIP_NONINCREASING] = "nonincreasing",
                                       [LIP_CONSTANT] = "constant",
                                       [LIP_NOT_MONOTONE] = "not monotone"};

/* The inputs first .. end - 1 are reported. */
typedef struct monotone_range {
    size_t first, end;
} monotone_range;

/* ---- Text -------------------------------------------------------------------------------- */

static void print_rows(const lip_monotone *result, monotone_range range) {
    puts("\ninput  lower         upper         verdict        derivatives found");
    for (size_t i = range.first; i < range.end; ++i) {
        const lip_partial *of = &result->of_input[i];
        char lower[CLI_DECIMAL_SIZE], upper[CLI_DECIMAL_SIZE], text[CLI_DECIMAL_SIZE];
        cli_decimal(of->lower, 6, CLI_DOWN, lower);
        cli_decimal(of->upper, 6, CLI_UP, upper);
        printf("%5zu  %-12s  %-12s  %-13s", i, lower, upper, verdicts[of->verdict]);
        cli_decimal(of->falling, 4, CLI_UP, text);
        if (of->falling_x) printf("  <= %s", text);
        cli_decimal(of->rising, 4, CLI_DOWN, text);
        if (of->rising_x) printf("  >= %s", text);
        putchar('\n');
    }
    putchar('\n');
}

static void print_answer(const lip_monotone *result, monotone_range range) {
    size_t count[sizeof verdicts / sizeof verdicts[0]] = {0};
    for (size_t i = range.first; i < range.end; ++i) ++count[result->of_input[i].verdict];
    if (range.end == range.first + 1)
        printf("input %zu: %s\n", range.first, verdicts[result->of_input[range.first].verdict]);
    else
        printf("nondecreasing in %zu inputs, nonincreasing in %zu, constant in %zu, not monotone "
               "in %zu, "
               "undecided %zu\n",
               count[LIP_NONDECREASING], count[LIP_NONINCREASING], count[LIP_CONSTANT],
               count[LIP_NOT_MONOTONE], count[LIP_UNDECIDED]);
}

static void print_monotone(const cli_arguments *arguments, const cli_question *question,
                           const lip_monotone *result, monotone_range range) {
    if (!arguments->given[CLI_QUIET]) {
        cli_print_network(question);
        puts("quantity  partial derivatives, proved bounds on the region");
        cli_print_outputs(question);
        cli_print_region(arguments, question);
        print_rows(result, range);
        printf("samples   %zu points\n", result->samples);
        printf("stop      %s after %.3f s\n", cli_stop_name(result->stop), result->seconds);
    }
    print_answer(result, range);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *witness_json(const double *x, size_t n, double value, cli_rounding rounding) {
    if (!x) return json_null();
    cli_builder b = cli_start();
    cli_put(&b, "x", cli_json_array(x, n));
    cli_put_bound(&b, "derivative", value, rounding);
    return cli_finish(&b);
}

static json_t *partial_json(const lip_monotone *result, size_t i) {
    const lip_partial *of = &result->of_input[i];
    cli_builder b = cli_start();
    cli_put(&b, "input", cli_json_count(i));
    cli_put(&b, "verdict", json_string(verdicts[of->verdict]));
    cli_put_bound(&b, "lower", of->lower, CLI_DOWN);
    cli_put_bound(&b, "upper", of->upper, CLI_UP);
    cli_put(&b, "rising", witness_json(of->rising_x, result->n, of->rising, CLI_DOWN));
    cli_put(&b, "falling", witness_json(of->falling_x, result->n, of->falling, CLI_UP));
    return cli_finish(&b);
}

static json_t *partials_json(const lip_monotone *result, monotone_range range) {
    json_t *list = json_array();
    for (size_t i = range.first; list && i < range.end; ++i)
        if (json_array_append_new(list, partial_json(result, i)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *monotone_json(const cli_arguments *arguments, const cli_question *question,
                             const lip_monotone *result, monotone_range range) {
    cli_builder b = cli_start_document("lipcert monotone", question);
    cli_put(&b, "quantity", json_string("partial derivatives"));
    cli_put_question(&b, arguments, question);
    cli_put(&b, "region", cli_json_region(question->region));
    cli_put(&b, "evidence", json_string("proved"));
    cli_put(&b, "partials", partials_json(result, range));
    cli_put(&b, "samples", cli_json_count(result->samples));
    cli_put(&b, "settings", cli_json_settings(&arguments->settings));
    cli_put(&b, "stop", json_string(cli_stop_name(result->stop)));
    cli_put(&b, "seconds", cli_json_number(result->seconds));
    return cli_finish(&b);
}

/* ---- The run ----------------------------------------------------------------------------- */

static lip_status check(const cli_question *question, const monotone_range *range, lip_error *err) {
    if (range->first >= question->info.inputs)
        return cli_fail(err, LIP_ARGUMENT, "option --input-index",
                        "found input %zu, but the network has %zu input%s, counted from 0",
                        range->first, question->info.inputs, question->info.inputs == 1 ? "" : "s");
    if (question->query.output.kind == LIP_OUTPUT_ALL)
        return cli_fail(err, LIP_ARGUMENT, NULL,
                        "missing option --output K or --margin I,J: the network has %zu outputs",
                        question->info.outputs);
    return LIP_OK;
}

static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_monotone *result, monotone_range range) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    bool open = false;
    if (!json || strcmp(json, "-") != 0) print_monotone(arguments, question, result, range);
    if (json && cli_json_emit(monotone_json(arguments, question, result, range), json, &err))
        return cli_complain_output(&err);
    if (result->stop == LIP_INTERRUPTED) return CLI_EXIT_INTERRUPTED + cli_interrupt_signal();
    for (size_t i = range.first; i < range.end; ++i)
        open = open || result->of_input[i].verdict == LIP_UNDECIDED;
    return open ? CLI_EXIT_NO_ANSWER : CLI_EXIT_SUCCESS;
}

/* A lip_progress_fn without a line: there are no two bounds to show. */
static bool interrupted(const lip_progress *progress, void *user) {
    (void)progress;
    (void)user;
    return cli_interrupt_signal() != 0;
}

static int run(const cli_arguments *arguments, const cli_question *question, monotone_range range) {
    lip_error err = {0};
    lip_monotone *result = NULL;
    if (!arguments->given[CLI_INPUT_INDEX]) range = (monotone_range){0, question->info.inputs};
    if (check(question, &range, &err)) return cli_complain(&err);
    cli_interrupt_install();
    if (lip_monotonicity_of(question->net, &question->query, &arguments->settings, interrupted,
                            NULL, &result, &err))
        return cli_complain(&err);
    int code = report(arguments, question, result, range);
    lip_monotone_free(result);
    return code;
}

int cli_monotone(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    monotone_range range = {0};
    const char *json = arguments->value[CLI_JSON][0], *index = arguments->value[CLI_INPUT_INDEX][0];
    if (json && strcmp(json, "-") != 0 && cli_check_output(json, arguments->operand[0], &err))
        return cli_complain_output(&err);
    if (index && cli_parse_index(index, "option --input-index", &range.first, &err))
        return cli_complain(&err);
    range.end = range.first + 1;
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    int code = run(arguments, &question, range);
    cli_question_free(&question);
    return code;
}
