/* From options to a query.
 *
 * Everything that can be refused without the network is refused before it is read, so that a
 * slip in the command line does not cost the time to load a large file.  A region is given in
 * exactly one way; without one the question is about all of R^n. */
#include "question.h"

#include "failure.h"
#include "number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *cli_norm_name(lip_norm norm) {
    return norm == LIP_NORM_1 ? "1" : norm == LIP_NORM_2 ? "2" : "inf";
}

void cli_question_free(cli_question *question) {
    lip_network_free(question->net);
    lip_region_free(question->region);
    free(question->point);
    question->point = NULL;
    question->net = NULL;
    question->region = NULL;
}

/* ---- Norms and outputs ------------------------------------------------------------------- */

static lip_status parse_norm(const cli_arguments *arguments, cli_option_id id, lip_norm *norm,
                             lip_error *err) {
    const lip_norm all[] = {LIP_NORM_1, LIP_NORM_2, LIP_NORM_INF};
    const char *text = arguments->value[id][0];
    if (!arguments->given[id]) return LIP_OK;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, cli_norm_name(all[i])) == 0) {
            *norm = all[i];
            return LIP_OK;
        }
    return cli_fail(err, LIP_ARGUMENT, CLI_PLACE(id), "unknown norm '%.60s'; expected 1, 2 or inf",
                    text);
}

static lip_status parse_norms(const cli_arguments *arguments, lip_query *query, lip_error *err) {
    query->norm_in = LIP_NORM_INF;
    lip_status status = parse_norm(arguments, CLI_NORM, &query->norm_in, err);
    if (status) return status;
    query->norm_out = query->norm_in;
    return parse_norm(arguments, CLI_OUT_NORM, &query->norm_out, err);
}

static lip_status parse_margin(const char *text, lip_output *output, lip_error *err) {
    const char *place = "option --margin";
    char i[CLI_HALF_SIZE], j[CLI_HALF_SIZE];
    lip_status status = cli_split_pair(text, place, "I,J", i, j, err);
    if (!status) status = cli_parse_index(i, place, &output->i, err);
    if (!status) status = cli_parse_index(j, place, &output->j, err);
    if (!status && output->i == output->j)
        status =
            cli_fail(err, LIP_ARGUMENT, place, "expected two different outputs, found %.60s", text);
    return status;
}

static lip_status parse_output(const cli_arguments *arguments, lip_output *output, lip_error *err) {
    const cli_option_id ways[] = {CLI_OUTPUT, CLI_MARGIN, CLI_ALL, CLI_ALL_MARGINS};
    lip_status status = cli_refuse_both(arguments, ways, 4, err);
    if (status) return status;
    *output = (lip_output){.kind = LIP_OUTPUT_ALL};
    if (arguments->given[CLI_OUTPUT]) {
        output->kind = LIP_OUTPUT_ROW;
        return cli_parse_index(arguments->value[CLI_OUTPUT][0], "option --output", &output->i, err);
    }
    if (arguments->given[CLI_MARGIN]) {
        output->kind = LIP_OUTPUT_MARGIN;
        return parse_margin(arguments->value[CLI_MARGIN][0], output, err);
    }
    return LIP_OK;
}

/* Now that the number of outputs is known: check indices, and call the only output by its
 * number. */
static lip_status settle_output(cli_question *question, lip_error *err) {
    size_t outputs = question->info.outputs;
    lip_output *output = &question->query.output;
    if (question->margins && outputs < 2)
        return cli_fail(err, LIP_ARGUMENT, "option --all-margins",
                        "needs a network with at least two outputs, this one has %zu", outputs);
    size_t largest =
        output->kind == LIP_OUTPUT_MARGIN && output->j > output->i ? output->j : output->i;
    if (output->kind == LIP_OUTPUT_ALL) {
        if (outputs == 1) output->kind = LIP_OUTPUT_ROW;
        return LIP_OK;
    }
    if (largest < outputs) return LIP_OK;
    return cli_fail(err, LIP_ARGUMENT,
                    output->kind == LIP_OUTPUT_ROW ? "option --output" : "option --margin",
                    "found output %zu, but the network has %zu output%s, counted from 0", largest,
                    outputs, outputs == 1 ? "" : "s");
}

/* ---- Points ------------------------------------------------------------------------------ */

lip_status cli_check_row_and_scale(const cli_arguments *arguments, const cli_option_id *ids,
                                   size_t count, lip_error *err) {
    for (size_t i = 0; i < count; i++)
        for (int which = 0; arguments->given[ids[i]] && which < 2; which++) {
            /* the second value of --box and --ball is EPS, a number */
            const char *text = arguments->value[ids[i]][which];
            bool point = which == 0 || ids[i] == CLI_BOX_FILE;
            if (text && point && !cli_is_number(text)) return LIP_OK;
        }
    const cli_option_id needy[] = {CLI_ROW, CLI_SCALE};
    for (size_t i = 0; i < 2; i++)
        if (arguments->given[needy[i]])
            return cli_fail(err, LIP_ARGUMENT, CLI_PLACE(needy[i]),
                            "needs a point that is read from a file");
    return LIP_OK;
}

static lip_status read_point(const cli_arguments *arguments, cli_option_id id, const char *text,
                             size_t n, double *point, lip_error *err) {
    lip_status status = LIP_OK;
    size_t row = 0;
    double scale = 1;
    if (cli_is_number(text)) {
        double value;
        status = cli_parse_double(text, CLI_PLACE(id), &value, err);
        for (size_t i = 0; !status && i < n; i++) point[i] = value;
        return status;
    }
    if (arguments->given[CLI_ROW])
        status = cli_parse_index(arguments->value[CLI_ROW][0], "option --row", &row, err);
    if (!status && arguments->given[CLI_SCALE])
        status = cli_parse_double(arguments->value[CLI_SCALE][0], "option --scale", &scale, err);
    if (!status) status = lip_point_load(text, row, scale, n, point, err);
    if (status) cli_fail_place(err, CLI_PLACE(id));
    return status;
}

lip_status cli_load_point(const cli_arguments *arguments, cli_option_id id, int which, size_t n,
                          double **point, lip_error *err) {
    double *x = cli_alloc(n, sizeof *x);
    if (!x) return cli_fail_memory(err);
    lip_status status = read_point(arguments, id, arguments->value[id][which], n, x, err);
    if (status)
        free(x);
    else
        *point = x;
    return status;
}

/* ---- Regions ----------------------------------------------------------------------------- */

static const cli_option_id region_options[] = {CLI_GLOBAL, CLI_BOX, CLI_BOX_FILE, CLI_BALL,
                                               CLI_VNNLIB};
enum { REGION_OPTIONS = sizeof region_options / sizeof region_options[0] };

static lip_status parse_eps(const cli_arguments *arguments, cli_option_id id, double *eps,
                            lip_error *err) {
    if (!arguments->given[id]) return LIP_OK;
    const char *text = arguments->value[id][1];
    lip_status status = cli_parse_double(text, CLI_PLACE(id), eps, err);
    if (!status && *eps < 0)
        status = cli_fail(err, LIP_ARGUMENT, CLI_PLACE(id), "expected EPS >= 0, found %.60s", text);
    return status;
}

/* One end of --clip; here "inf" is a number, and means no cut at this end. */
static lip_status parse_end(const char *text, double *end, lip_error *err) {
    if (cli_is_number(text) && isinf(strtod(text, NULL)) && strpbrk(text, "iI")) {
        *end = strtod(text, NULL);
        return LIP_OK;
    }
    return cli_parse_double(text, "option --clip", end, err);
}

static lip_status parse_clip(const cli_arguments *arguments, cli_question *question,
                             lip_error *err) {
    const char *place = "option --clip", *text = arguments->value[CLI_CLIP][0];
    char lo[CLI_HALF_SIZE], hi[CLI_HALF_SIZE];
    question->clip_lo = -INFINITY;
    question->clip_hi = INFINITY;
    if (!arguments->given[CLI_CLIP]) return LIP_OK;
    bool boxes = (arguments->command->options & CLI_BIT(BOX)) != 0;
    if (boxes && !arguments->given[CLI_BOX] && !arguments->given[CLI_BOX_FILE])
        return cli_fail(err, LIP_ARGUMENT, place, "needs --box or --box-file");
    lip_status status = cli_split_pair(text, place, "LO,HI", lo, hi, err);
    if (!status) status = parse_end(lo, &question->clip_lo, err);
    if (!status) status = parse_end(hi, &question->clip_hi, err);
    if (!status && !(question->clip_lo <= question->clip_hi))
        status = cli_fail(err, LIP_ARGUMENT, place, "expected LO <= HI, found %.60s", text);
    return status;
}

/* Everything about the region that can be checked without the network. */
static lip_status parse_region(const cli_arguments *arguments, cli_question *question,
                               lip_error *err) {
    static const cli_option_id points[] = {CLI_BOX, CLI_BOX_FILE, CLI_BALL, CLI_INPUT};
    lip_status status = cli_refuse_both(arguments, region_options, REGION_OPTIONS, err);
    if (!status) status = cli_check_row_and_scale(arguments, points, 4, err);
    if (!status) status = parse_eps(arguments, CLI_BOX, &question->eps, err);
    if (!status) status = parse_eps(arguments, CLI_BALL, &question->eps, err);
    if (!status) status = parse_clip(arguments, question, err);
    return status;
}

static lip_status box_between(const cli_question *question, double *lo, double *hi,
                              lip_region **region, lip_error *err) {
    size_t n = question->info.inputs;
    for (size_t i = 0; i < n; i++) {
        if (!(lo[i] <= hi[i]))
            return cli_fail(err, LIP_ARGUMENT, "option --box-file",
                            "expected LO <= HI, found LO = %.17g and HI = %.17g in coordinate %zu",
                            lo[i], hi[i], i);
        lo[i] = fmax(lo[i], question->clip_lo);
        hi[i] = fmin(hi[i], question->clip_hi);
        if (!(lo[i] <= hi[i]))
            return cli_fail(err, LIP_ARGUMENT, "option --clip",
                            "nothing is left of the box in coordinate %zu", i);
    }
    return lip_region_box(n, lo, hi, region, err);
}

static lip_status load_box_file(const cli_arguments *arguments, cli_question *question,
                                lip_error *err) {
    double *lo = NULL, *hi = NULL;
    size_t n = question->info.inputs;
    lip_status status = cli_load_point(arguments, CLI_BOX_FILE, 0, n, &lo, err);
    if (!status) status = cli_load_point(arguments, CLI_BOX_FILE, 1, n, &hi, err);
    if (!status) status = box_between(question, lo, hi, &question->region, err);
    if (status) cli_fail_place(err, "option --box-file");
    free(lo);
    free(hi);
    return status;
}

static lip_status load_around(const cli_arguments *arguments, cli_option_id id,
                              cli_question *question, lip_error *err) {
    double *centre = NULL;
    size_t n = question->info.inputs;
    lip_status status = cli_load_point(arguments, id, 0, n, &centre, err);
    if (!status && id == CLI_BALL)
        status = lip_region_ball(n, centre, question->eps, &question->region, err);
    else if (!status)
        status = lip_region_box_around(n, centre, question->eps, question->clip_lo,
                                       question->clip_hi, &question->region, err);
    if (status) cli_fail_place(err, CLI_PLACE(id));
    free(centre);
    return status;
}

static lip_status load_region(const cli_arguments *arguments, cli_question *question,
                              lip_error *err) {
    size_t n = question->info.inputs;
    if (arguments->given[CLI_BOX]) return load_around(arguments, CLI_BOX, question, err);
    if (arguments->given[CLI_BALL]) return load_around(arguments, CLI_BALL, question, err);
    if (arguments->given[CLI_BOX_FILE]) return load_box_file(arguments, question, err);
    if (arguments->given[CLI_VNNLIB]) {
        const char *path = arguments->value[CLI_VNNLIB][0];
        return lip_region_load_vnnlib(path, n, &question->region, err);
    }
    return lip_region_everywhere(n, &question->region, err);
}

/* ---- All of it --------------------------------------------------------------------------- */

lip_status cli_load_network(const cli_arguments *arguments, cli_question *question,
                            lip_error *err) {
    lip_read_options options = {.nnet_normalise = arguments->given[CLI_NNET_NORMALISE]};
    question->path = arguments->operand[0];
    if (question->path[0] == '\0')
        return cli_fail(err, LIP_IO, NULL, "the name of the network file is empty");
    lip_status status = lip_network_load(question->path, &options, &question->net, err);
    if (!status) lip_network_get_info(question->net, &question->info);
    return status;
}

lip_status cli_load_question(const cli_arguments *arguments, cli_question *question,
                             lip_error *err) {
    memset(question, 0, sizeof *question);
    question->margins = arguments->given[CLI_ALL_MARGINS];
    lip_status status = parse_norms(arguments, &question->query, err);
    if (!status) status = parse_output(arguments, &question->query.output, err);
    if (!status) status = parse_region(arguments, question, err);
    if (!status) status = cli_load_network(arguments, question, err);
    if (!status) status = settle_output(question, err);
    if (!status) status = load_region(arguments, question, err);
    if (!status && arguments->given[CLI_INPUT])
        status =
            cli_load_point(arguments, CLI_INPUT, 0, question->info.inputs, &question->point, err);
    question->query.region = question->region;
    question->query.point = question->point;
    if (status) cli_question_free(question);
    return status;
}
