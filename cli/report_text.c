/* The report for people.
 *
 * A number alone is worth little: the header says which quantity is bounded, for which network,
 * norms, outputs and region; the table says what each method found and whether it is proved; the
 * last line is the answer.  Lower bounds are printed rounded down and upper bounds rounded up
 * (decimal.h). */
#include "report.h"

#include "decimal.h"
#include "failure.h"

#include <math.h>
#include <string.h>

const char *cli_stop_name(lip_stop stop) {
    return stop == LIP_OUT_OF_TIME   ? "out of time"
           : stop == LIP_INTERRUPTED ? "interrupted"
                                     : "finished";
}

double cli_relative_gap(double lower, double upper) {
    if (!isfinite(upper)) return NAN;
    return upper > 0 ? (upper - lower) / upper : 0;
}

static void put(const char *text) { cli_print_clean(text, stdout); }

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

void cli_print_network(const cli_question *question) {
    const lip_network_info *info = &question->info;
    printf("network   ");
    put(question->path);
    printf(" (%s, sha256 %.16s...)\n", info->format, info->sha256);
    printf("          %zu input%s, %zu output%s, %zu layer%s, %zu neuron%s\n", info->inputs,
           plural(info->inputs), info->outputs, plural(info->outputs), info->layers,
           plural(info->layers), info->neurons, plural(info->neurons));
    if (info->folds)
        printf("          %zu operation%s folded into weights; the bounds are for the folded "
               "network\n",
               info->folds, plural(info->folds));
}

static void print_norms(const cli_question *question) {
    const lip_query *query = &question->query;
    if (query->output.kind == LIP_OUTPUT_ALL && !question->margins)
        printf("norms     input %s, output %s\n", cli_norm_name(query->norm_in),
               cli_norm_name(query->norm_out));
    else
        printf("norms     input %s, output |.| (a single number)\n", cli_norm_name(query->norm_in));
}

void cli_print_outputs(const cli_question *question) {
    const lip_output *output = &question->query.output;
    if (output->kind == LIP_OUTPUT_ROW)
        printf("output    number %zu of 0..%zu\n", output->i, question->info.outputs - 1);
    else if (output->kind == LIP_OUTPUT_MARGIN)
        printf("output    margin: number %zu minus number %zu of 0..%zu\n", output->i, output->j,
               question->info.outputs - 1);
    else if (question->margins)
        printf("output    L_ij is that of number i minus number j, for all i and j of 0..%zu\n",
               question->info.outputs - 1);
    else
        printf("output    all %zu together\n", question->info.outputs);
}

/* ", row 3, scale 0.5" as far as given. */
static void print_row_and_scale(const cli_arguments *arguments) {
    if (arguments->given[CLI_ROW]) printf(", row %s", arguments->value[CLI_ROW][0]);
    if (arguments->given[CLI_SCALE]) printf(", scale %s", arguments->value[CLI_SCALE][0]);
}

void cli_print_region(const cli_arguments *arguments, const cli_question *question) {
    /* the text before the first and the second value of an option */
    static const struct {
        cli_option_id id;
        const char *text[2];
    } forms[] = {{CLI_BOX, {"box ", " +- "}},
                 {CLI_BOX_FILE, {"box ", " <= x <= "}},
                 {CLI_BALL, {"Euclidean ball around ", ", radius "}},
                 {CLI_VNNLIB, {"box of ", ""}}};
    printf("region    ");
    bool whole = true;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const char *const *value = arguments->value[forms[i].id];
        if (!arguments->given[forms[i].id]) continue;
        whole = false;
        put(forms[i].text[0]);
        put(value[0]);
        put(forms[i].text[1]);
        if (value[1]) put(value[1]);
    }
    if (whole) printf("all of R^%zu", question->info.inputs);
    print_row_and_scale(arguments);
    if (arguments->given[CLI_CLIP]) printf(", cut with [%s]", arguments->value[CLI_CLIP][0]);
    putchar('\n');
}

static void print_step(const lip_step *step, int width) {
    char value[CLI_DECIMAL_SIZE];
    bool lower = step->side == LIP_LOWER, none = lower ? step->value <= 0 : isinf(step->value);
    cli_decimal(step->value, CLI_DIGITS, lower ? CLI_DOWN : CLI_UP, value);
    printf("%-*s  %-5s  %-17s  %-8s  %8.3f", width, step->method, lower ? "lower" : "upper", value,
           none                           ? "none"
           : step->evidence == LIP_PROVED ? "proved"
                                          : "computed",
           step->seconds);
    if (step->note[0]) printf("  ");
    put(step->note);
    if (!step->complete) printf("  (incomplete)");
    putchar('\n');
}

static void print_steps(const lip_result *result) {
    int width = 8;
    for (size_t i = 0; i < result->steps; i++) {
        int length = (int)strlen(result->step[i].method);
        if (length > width) width = length;
    }
    printf("\n%-*s  side   value              evidence   seconds  note\n", width, "method");
    for (size_t i = 0; i < result->steps; i++) print_step(&result->step[i], width);
    putchar('\n');
}

void cli_print_answer(double lower, double upper, const char *quantity) {
    char low[CLI_DECIMAL_SIZE], high[CLI_DECIMAL_SIZE];
    cli_decimal(lower, CLI_DIGITS, CLI_DOWN, low);
    cli_decimal(upper, CLI_DIGITS, CLI_UP, high);
    printf("%s <= %s <= %s\n", low, quantity, high);
}

/* What the methods that are left would go on with. */
static void print_unfinished(const lip_result *result) {
    if (result->unfinished_count == 0) return;
    printf("next      with more time: ");
    for (size_t i = 0; i < result->unfinished_count; i++)
        printf("%s%s (%s)", i ? ", " : "", result->unfinished[i].method,
               result->unfinished[i].reason);
    putchar('\n');
}

/* Where the two numbers come from, in front of the answer so that the answer is the last line. */
static void print_summary(const cli_arguments *arguments, const lip_result *result) {
    double gap = cli_relative_gap(result->lower, result->upper);
    if (result->lower_method[0])
        printf("lower     proved by %s\n", result->lower_method);
    else
        printf("lower     no witness was found; 0 is a bound for every network\n");
    if (result->upper_method[0])
        printf("upper     proved by %s\n", result->upper_method);
    else
        printf("upper     no bound was proved\n");
    if (!isnan(gap)) {
        char text[CLI_DECIMAL_SIZE];
        cli_decimal(100 * gap, 4, CLI_UP, text);
        printf("gap       %s %% of the upper bound\n", text);
    }
    print_unfinished(result);
    if (arguments->given[CLI_CERTIFICATE]) {
        char text[CLI_DECIMAL_SIZE];
        printf("written   ");
        put(arguments->value[CLI_CERTIFICATE][0]);
        printf(", verify with: lipcert check\n");
        cli_decimal(result->certified, CLI_DIGITS, CLI_UP, text);
        if (result->certified > result->upper)
            printf(
                "          it states the upper bound %s only: the proof of the better one does not "
                "fit the format\n",
                text);
    }
    printf("stop      %s after %.3f s\n", cli_stop_name(result->stop), result->seconds);
}

void cli_print_question(const cli_arguments *arguments, const cli_question *question,
                        const lip_result *result) {
    cli_print_network(question);
    puts("quantity  Lipschitz constant L: the largest norm of the Jacobian on the region");
    print_norms(question);
    cli_print_outputs(question);
    cli_print_region(arguments, question);
    printf("neurons   %zu of %zu stable on the region (%zu active, %zu inactive)\n",
           result->stable_active + result->stable_inactive, result->neurons, result->stable_active,
           result->stable_inactive);
    printf("method    %s, seed %d\n",
           arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto",
           arguments->settings.seed);
}

void cli_print_run(const cli_arguments *arguments, const cli_question *question,
                   const lip_result *result) {
    cli_print_question(arguments, question, result);
    print_steps(result);
    print_summary(arguments, result);
}

void cli_print_bound(const cli_arguments *arguments, const cli_question *question,
                     const lip_result *result) {
    if (!arguments->given[CLI_QUIET]) cli_print_run(arguments, question, result);
    cli_print_answer(result->lower, result->upper, "L");
}

void cli_print_point(const cli_arguments *arguments) {
    printf("point     ");
    put(arguments->value[CLI_INPUT][0]);
    print_row_and_scale(arguments);
    putchar('\n');
}

void cli_print_gradient(const cli_arguments *arguments, const cli_question *question,
                        const cli_gradient_bounds *gradient) {
    if (!arguments->given[CLI_QUIET]) {
        cli_print_network(question);
        puts("quantity  norm of the Jacobian at one point");
        print_norms(question);
        cli_print_outputs(question);
        cli_print_point(arguments);
        if (gradient->decided)
            puts("evidence  proved by interval arithmetic: every ReLU has a certain phase there");
        else
            puts("evidence  none: the point is too close to a kink to decide the phase of every "
                 "ReLU");
    }
    cli_print_answer(gradient->lower, gradient->upper, "|J(x)|");
}
