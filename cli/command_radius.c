/* lipcert radius: how far a point is from every other class, proved.
 *
 * The report shows, for every other class, the three numbers that the radius follows from: the margin at
 * the point, a Lipschitz constant of the margin, and the region on which that constant holds.  Each can
 * be had again, with a certificate, by `lipcert bound --margin K,J` on that region. */
#include "commands.h"
#include "decimal.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "number.h"
#include "report.h"

#include <math.h>
#include <string.h>

/* ---- Text -------------------------------------------------------------------------------- */

static const char *number_text(double x, cli_rounding rounding, char text[CLI_DECIMAL_SIZE]) {
    cli_decimal(x, 6, rounding, text);
    return text;
}

static void print_classes(const lip_radius_result *result) {
    char margin[CLI_DECIMAL_SIZE], upper[CLI_DECIMAL_SIZE], region[CLI_DECIMAL_SIZE],
        radius[CLI_DECIMAL_SIZE];
    puts("\nclass  margin        constant      on radius     method    radius");
    for (size_t j = 0; j < result->outputs; j++) {
        const lip_radius_class *of = &result->of_class[j];
        if (j == result->label) continue;
        bool constant = of->method[0] && of->upper < INFINITY;
        printf("%5zu  %-12s  %-12s  %-12s  %-8s  %s\n", j,
               number_text(of->margin, CLI_DOWN, margin),
               constant ? number_text(of->upper, CLI_UP, upper) : "-",
               of->method[0] ? number_text(of->region, CLI_DOWN, region) : "-",
               of->method[0] ? of->method : "-", number_text(of->radius, CLI_DOWN, radius));
    }
}

static void print_radius(const cli_arguments *arguments, const cli_question *question,
                         const lip_radius_result *result) {
    char text[CLI_DECIMAL_SIZE];
    const char *norm = cli_norm_name(question->query.norm_in);
    if (!arguments->given[CLI_QUIET]) {
        cli_print_network(question);
        printf("quantity  distance r from the point, in the norm %s, to any other class\n", norm);
        cli_print_point(arguments);
        printf("class     output %zu of 0..%zu\n", result->label, result->outputs - 1);
        printf("method    %s\n",
               arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto");
        print_classes(result);
        putchar('\n');
        if (result->note[0])
            printf("note      %s\n", result->note);
        else
            printf("nearest   class %zu, as far as is proved\n", result->nearest);
        printf("trials    %zu regions\n", result->trials);
        printf("stop      %s after %.3f s\n", cli_stop_name(result->stop), result->seconds);
    }
    cli_decimal(result->radius, CLI_DIGITS, CLI_DOWN, text);
    printf("%s <= r\n", text);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *class_json(const lip_radius_result *result, size_t j) {
    const lip_radius_class *of = &result->of_class[j];
    cli_builder b = cli_start();
    cli_put(&b, "class", cli_json_count(j));
    cli_put_bound(&b, "radius", of->radius, CLI_DOWN);
    cli_put_bound(&b, "margin", of->margin, CLI_DOWN);
    cli_put_bound(&b, "upper", of->upper, CLI_UP);
    cli_put_bound(&b, "on_radius", of->region, CLI_DOWN);
    cli_put(&b, "method", of->method[0] ? cli_json_string(of->method) : json_null());
    return cli_finish(&b);
}

static json_t *classes_json(const lip_radius_result *result) {
    json_t *list = json_array();
    for (size_t j = 0; list && j < result->outputs; j++) {
        if (j == result->label) continue;
        if (json_array_append_new(list, class_json(result, j)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *radius_json(const cli_arguments *arguments, const cli_question *question,
                           const lip_radius_result *result) {
    cli_builder b = cli_start_document("lipcert radius", question);
    cli_put(&b, "quantity", json_string("distance to the nearest other class"));
    cli_put_question(&b, arguments, question);
    cli_put(&b, "x", cli_json_array(question->point, question->info.inputs));
    cli_put(&b, "label", cli_json_count(result->label));
    cli_put_bound(&b, "radius", result->radius, CLI_DOWN);
    cli_put(&b, "evidence", json_string("proved"));
    cli_put(&b, "nearest", cli_json_count(result->nearest));
    cli_put(&b, "classes", classes_json(result));
    cli_put(&b, "trials", cli_json_count(result->trials));
    cli_put(&b, "note", cli_json_string(result->note));
    cli_put(
        &b, "method",
        cli_json_string(arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto"));
    cli_put(&b, "settings", cli_json_settings(&arguments->settings));
    cli_put(&b, "stop", json_string(cli_stop_name(result->stop)));
    cli_put(&b, "seconds", cli_json_number(result->seconds));
    return cli_finish(&b);
}

/* ---- The run ----------------------------------------------------------------------------- */

static lip_status parse(const cli_arguments *arguments, lip_radius_query *query, lip_error *err) {
    lip_status status = LIP_OK;
    query->label = LIP_LARGEST_OUTPUT;
    if (!arguments->given[CLI_INPUT])
        return cli_fail(err, LIP_ARGUMENT, NULL, "missing option --input X, the point");
    if (arguments->given[CLI_METHOD])
        status = cli_check_methods(arguments->value[CLI_METHOD][0], err);
    if (!status && arguments->given[CLI_LABEL])
        status =
            cli_parse_index(arguments->value[CLI_LABEL][0], "option --label", &query->label, err);
    if (!status && arguments->given[CLI_PRECISION]) {
        const char *text = arguments->value[CLI_PRECISION][0];
        status = cli_parse_double(text, "option --precision", &query->precision, err);
        if (!status && !(query->precision > 0 && query->precision < 1))
            status = cli_fail(err, LIP_ARGUMENT, "option --precision",
                              "expected a number between 0 and 1, found %.60s", text);
    }
    return status;
}

/* What the library would refuse, with the name of the option. */
static lip_status check(const cli_arguments *arguments, const cli_question *question,
                        const lip_radius_query *query, lip_error *err) {
    if (question->info.outputs < 2)
        return cli_fail(err, LIP_ARGUMENT, NULL,
                        "a radius needs a network with at least two outputs, this one has %zu",
                        question->info.outputs);
    if (arguments->given[CLI_LABEL] && query->label >= question->info.outputs)
        return cli_fail(err, LIP_ARGUMENT, "option --label",
                        "found output %zu, but the network has %zu outputs, counted from 0",
                        query->label, question->info.outputs);
    if (arguments->given[CLI_CLIP] && query->norm != LIP_NORM_INF)
        return cli_fail(err, LIP_ARGUMENT, "option --clip",
                        "needs --norm inf: the regions of other norms are balls");
    if (!(query->clip_lo < query->clip_hi))
        return cli_fail(err, LIP_ARGUMENT, "option --clip", "expected LO < HI, found %.60s",
                        arguments->value[CLI_CLIP][0]);
    return LIP_OK;
}

/* A progress line of its own: there is only one proved side. */
static bool show_progress(const lip_progress *progress, void *user) {
    cli_progress_state *state = user;
    if (state->show && (!state->shown || progress->seconds >= state->last + 0.1)) {
        char text[CLI_DECIMAL_SIZE];
        cli_decimal(progress->lower, 6, CLI_DOWN, text);
        fprintf(stderr, "\r\033[K%.1f s  %s  %s <= r", progress->seconds, progress->method, text);
        fflush(stderr);
        state->shown = true;
        state->last = progress->seconds;
    }
    return cli_interrupt_signal() != 0;
}

static int report(const cli_arguments *arguments, const cli_question *question,
                  const lip_radius_result *result) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    if (!json || strcmp(json, "-") != 0) print_radius(arguments, question, result);
    if (json && cli_json_emit(radius_json(arguments, question, result), json, &err))
        return cli_complain_output(&err);
    return result->stop == LIP_INTERRUPTED ? CLI_EXIT_INTERRUPTED + cli_interrupt_signal()
                                           : CLI_EXIT_SUCCESS;
}

static int run(const cli_arguments *arguments, const cli_question *question,
               lip_radius_query *query) {
    lip_error err = {0};
    lip_radius_result *result = NULL;
    cli_progress_state progress = {.show = !arguments->given[CLI_QUIET] && cli_progress_wanted()};
    query->x = question->point;
    query->norm = question->query.norm_in;
    query->clip_lo = question->clip_lo;
    query->clip_hi = question->clip_hi;
    if (check(arguments, question, query, &err)) return cli_complain(&err);
    cli_interrupt_install();
    lip_status status = lip_radius(question->net, query, arguments->value[CLI_METHOD][0],
                                   &arguments->settings, show_progress, &progress, &result, &err);
    cli_progress_end(&progress);
    if (status) return cli_complain(&err);
    int code = report(arguments, question, result);
    lip_radius_free(result);
    return code;
}

int cli_radius(const cli_arguments *arguments) {
    lip_error err = {0};
    cli_question question;
    lip_radius_query query = {0};
    const char *json = arguments->value[CLI_JSON][0];
    if (json && strcmp(json, "-") != 0 && cli_check_output(json, arguments->operand[0], &err))
        return cli_complain_output(&err);
    if (parse(arguments, &query, &err)) return cli_complain(&err);
    if (cli_load_question(arguments, &question, &err)) return cli_complain(&err);
    int code = run(arguments, &question, &query);
    cli_question_free(&question);
    return code;
}
