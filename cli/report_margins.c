/* The report on all margins, for people.
 *
 * L_ij = L_ji, so one square holds two matrices: upper bounds above the diagonal, lower bounds below it.
 * Wide squares are cut into blocks of columns.  The entries have few digits, rounded outwards: they are
 * bounds; all digits are in the JSON document. */
#include "decimal.h"
#include "failure.h"
#include "margins.h"
#include "report.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 10, DIGITS = 5 };

/* ---- The square -------------------------------------------------------------------------- */

static void entry_text(const lip_margins *margins, size_t i, size_t j,
                       char text[CLI_DECIMAL_SIZE]) {
    size_t m = margins->outputs;
    if (i == j)
        snprintf(text, CLI_DECIMAL_SIZE, "-");
    else if (i < j)
        cli_decimal(margins->upper[i * m + j], DIGITS, CLI_UP, text);
    else
        cli_decimal(margins->lower[i * m + j], DIGITS, CLI_DOWN, text);
}

static int widest_entry(const lip_margins *margins) {
    size_t widest = 4;
    char text[CLI_DECIMAL_SIZE];
    for (size_t i = 0; i < margins->outputs; i++)
        for (size_t j = 0; j < margins->outputs; j++) {
            entry_text(margins, i, j, text);
            if (strlen(text) > widest) widest = strlen(text);
        }
    return (int)widest;
}

static void print_block(const lip_margins *margins, size_t first, size_t end, int width) {
    char text[CLI_DECIMAL_SIZE];
    printf("\n%3s", "");
    for (size_t j = first; j < end; j++) printf("  %*zu", width, j);
    putchar('\n');
    for (size_t i = 0; i < margins->outputs; i++) {
        printf("%3zu", i);
        for (size_t j = first; j < end; j++) {
            entry_text(margins, i, j, text);
            printf("  %*s", width, text);
        }
        putchar('\n');
    }
}

static void print_square(const lip_margins *margins) {
    size_t m = margins->outputs;
    int width = widest_entry(margins);
    printf("\nL_ij, row i, column j: upper bounds above the diagonal, lower bounds below it, to %d "
           "digits\n",
           DIGITS);
    for (size_t first = 0; first < m; first += COLUMNS)
        print_block(margins, first, first + COLUMNS < m ? first + COLUMNS : m, width);
}

/* ---- What the methods did ---------------------------------------------------------------- */

typedef struct tally {
    size_t runs, best, incomplete;
    double seconds;
    bool lower;
} tally;

static tally tally_of(const lip_margins *margins, const char *method) {
    tally sum = {0};
    for (size_t k = 0; k < margins->pairs; k++) {
        const lip_result *result = margins->result[k];
        for (size_t s = 0; s < result->steps; s++) {
            const lip_step *step = &result->step[s];
            if (strcmp(step->method, method) != 0) continue;
            sum.lower = step->side == LIP_LOWER;
            sum.seconds += step->seconds;
            sum.runs++;
            if (!step->complete) sum.incomplete++;
        }
        const char *best = sum.lower ? result->lower_method : result->upper_method;
        if (sum.runs > 0 && strcmp(best, method) == 0) sum.best++;
    }
    return sum;
}

static void print_methods(const lip_margins *margins) {
    puts("\nmethod    side   best for   seconds  incomplete");
    for (const lip_method *method = lip_methods(); method->name; method++) {
        tally sum = tally_of(margins, method->name);
        if (sum.runs > 0)
            printf("%-8s  %-5s  %8zu  %8.3f  %10zu\n", method->name, sum.lower ? "lower" : "upper",
                   sum.best, sum.seconds, sum.incomplete);
    }
}

/* ---- The summary ------------------------------------------------------------------------- */

static void print_source(const char *side, const lip_margins *margins, size_t k,
                         const char *method) {
    lip_output margin = cli_margin_output(margins->outputs, k);
    if (method[0])
        printf("%-8s  largest for margin %zu,%zu, proved by %s\n", side, margin.i, margin.j,
               method);
    else
        printf("%-8s  nothing was proved for margin %zu,%zu\n", side, margin.i, margin.j);
}

static void print_largest_gap(const lip_margins *margins) {
    char text[CLI_DECIMAL_SIZE];
    double most = -1;
    size_t where = 0;
    for (size_t k = 0; k < margins->pairs; k++) {
        double gap = cli_relative_gap(margins->result[k]->lower, margins->result[k]->upper);
        if (!(gap > most)) continue;
        most = gap;
        where = k;
    }
    if (most < 0) return;
    lip_output margin = cli_margin_output(margins->outputs, where);
    cli_decimal(100 * most, 4, CLI_UP, text);
    printf("gap       at most %s %% of the upper bound (margin %zu,%zu)\n", text, margin.i,
           margin.j);
}

static void print_written(const char *prefix, const lip_margins *margins) {
    size_t files = 0, weaker = 0;
    for (size_t k = 0; k < margins->pairs; k++) {
        const lip_result *result = margins->result[k];
        if (result->witness_x || result->certified < INFINITY) files++;
        if (result->certified > result->upper) weaker++;
    }
    printf("written   ");
    cli_print_clean(prefix, stdout);
    printf("%sI-J.cert for %zu of %zu margins, verify each with: lipcert check\n",
           *prefix && prefix[strlen(prefix) - 1] == '/' ? "" : "-", files, margins->pairs);
    if (weaker)
        printf("          %zu of them state a weaker upper bound: the proof of the better one does "
               "not fit the format\n",
               weaker);
}

static void print_summary(const cli_arguments *arguments, const lip_margins *margins) {
    size_t cut = 0;
    for (size_t k = 0; k < margins->pairs; k++) cut += margins->result[k]->stop != LIP_FINISHED;
    print_source("lower", margins, margins->lower_pair,
                 margins->result[margins->lower_pair]->lower_method);
    print_source("upper", margins, margins->upper_pair,
                 margins->result[margins->upper_pair]->upper_method);
    print_largest_gap(margins);
    if (arguments->given[CLI_CERTIFICATE])
        print_written(arguments->value[CLI_CERTIFICATE][0], margins);
    printf("stop      %s after %.3f s", cli_stop_name(margins->stop), margins->seconds);
    if (cut) printf(", %zu of %zu margins cut short", cut, margins->pairs);
    putchar('\n');
}

void cli_print_margins(const cli_arguments *arguments, const cli_question *question,
                       const lip_margins *margins) {
    if (!arguments->given[CLI_QUIET]) {
        cli_print_question(arguments, question, margins->result[0]);
        print_methods(margins);
        print_square(margins);
        putchar('\n');
        print_summary(arguments, margins);
    }
    cli_print_answer(margins->largest_lower, margins->largest_upper, "largest L_ij");
}
