/* The reports for programs: one JSON object each, made of the parts of json.h. */
#include "report.h"

#include "decimal.h"
#include "failure.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "margins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Parts ------------------------------------------------------------------------------- */

/* lip_build_info: lines "name value". */
static json_t *build(void) {
    cli_builder b = cli_start();
    for (const char *line = lip_build_info(); *line;) {
        size_t length = strcspn(line, "\n"), name = strcspn(line, " \n");
        char key[64], value[256];
        snprintf(key, sizeof key, "%.*s", (int)name, line);
        snprintf(value, sizeof value, "%.*s", (int)(length > name ? length - name - 1 : 0),
                 line + name + (length > name));
        if (name > 0) cli_put(&b, key, cli_json_string(value));
        line += length + (line[length] == '\n');
    }
    return cli_finish(&b);
}

static json_t *program(void) {
    cli_builder b = cli_start();
    cli_put(&b, "name", json_string("lipcert"));
    cli_put(&b, "version", json_string(lip_version()));
    cli_put(&b, "build", build());
    return cli_finish(&b);
}

static json_t *network(const cli_question *question) {
    const lip_network_info *info = &question->info;
    cli_builder b = cli_start();
    cli_put(&b, "path", cli_json_string(question->path));
    cli_put(&b, "format", cli_json_string(info->format));
    cli_put(&b, "sha256", json_string(info->sha256));
    cli_put(&b, "inputs", cli_json_count(info->inputs));
    cli_put(&b, "outputs", cli_json_count(info->outputs));
    cli_put(&b, "layers", cli_json_count(info->layers));
    cli_put(&b, "relu_layers", cli_json_count(info->relu_layers));
    cli_put(&b, "neurons", cli_json_count(info->neurons));
    cli_put(&b, "parameters", cli_json_count(info->parameters));
    cli_put(&b, "chain", json_boolean(info->chain));
    cli_put(&b, "folds", cli_json_count(info->folds));
    return cli_finish(&b);
}

static json_t *output(const cli_question *question) {
    const lip_output *selection = &question->query.output;
    cli_builder b = cli_start();
    if (question->margins) {
        cli_put(&b, "kind", json_string("margins"));
        return cli_finish(&b);
    }
    bool all = selection->kind == LIP_OUTPUT_ALL, margin = selection->kind == LIP_OUTPUT_MARGIN;
    cli_put(&b, "kind", json_string(all ? "all" : margin ? "margin" : "row"));
    if (!all) cli_put(&b, "i", cli_json_count(selection->i));
    if (margin) cli_put(&b, "j", cli_json_count(selection->j));
    return cli_finish(&b);
}

/* The options as typed, so that a reader can repeat the run. */
static json_t *given(const cli_arguments *arguments) {
    cli_builder b = cli_start();
    for (int id = 0; id < CLI_OPTION_COUNT; id++) {
        const char *name = cli_options[id].name;
        if (!arguments->given[id]) continue;
        if (cli_options[id].values == 0) cli_put(&b, name, json_true());
        if (cli_options[id].values == 1)
            cli_put(&b, name, cli_json_string(arguments->value[id][0]));
        if (cli_options[id].values == 2) {
            json_t *pair = json_array();
            bool bad = json_array_append_new(pair, cli_json_string(arguments->value[id][0])) != 0;
            bad |= json_array_append_new(pair, cli_json_string(arguments->value[id][1])) != 0;
            cli_put(&b, name, pair);
            b.failed |= bad;
        }
    }
    return cli_finish(&b);
}

static void put_box(cli_builder *b, const lip_region *region, size_t n, double *room) {
    double *lo = room, *hi = room + n, *centre = room + 2 * n;
    lip_region_get_box(region, lo, hi, centre);
    if (lip_region_get_kind(region) == LIP_BOX) {
        cli_put(b, "lo", cli_json_array(lo, n));
        cli_put(b, "hi", cli_json_array(hi, n));
    } else {
        cli_put(b, "centre", cli_json_array(centre, n));
        cli_put(b, "radius", cli_json_number(lip_region_get_radius(region)));
    }
}

json_t *cli_json_region(const lip_region *where) {
    static const char *const name[] = {
        [LIP_EVERYWHERE] = "everywhere", [LIP_BOX] = "box", [LIP_BALL] = "ball"};
    size_t n = lip_region_dimension(where);
    lip_region_kind kind = lip_region_get_kind(where);
    cli_builder b = cli_start();
    cli_put(&b, "kind", json_string(name[kind]));
    cli_put(&b, "n", cli_json_count(n));
    if (kind != LIP_EVERYWHERE) {
        double *room = cli_alloc(n, 3 * sizeof *room);
        if (room)
            put_box(&b, where, n, room);
        else
            b.failed = true;
        free(room);
    }
    return cli_finish(&b);
}

json_t *cli_json_settings(const lip_settings *values) {
    cli_builder b = cli_start();
    for (const cli_setting *s = cli_settings; s->name; s++) {
        double value = cli_setting_value(values, s);
        cli_put(&b, s->field,
                s->is_double ? cli_json_number(value) : json_integer((json_int_t)value));
    }
    return cli_finish(&b);
}

static json_t *step(const lip_step *record) {
    cli_builder b = cli_start();
    bool lower = record->side == LIP_LOWER;
    cli_put(&b, "method", cli_json_string(record->method));
    cli_put(&b, "side", json_string(lower ? "lower" : "upper"));
    cli_put_bound(&b, "value", record->value, lower ? CLI_DOWN : CLI_UP);
    cli_put(&b, "evidence", json_string(record->evidence == LIP_PROVED ? "proved" : "computed"));
    cli_put(&b, "seconds", cli_json_number(record->seconds));
    cli_put(&b, "complete", json_boolean(record->complete));
    cli_put(&b, "note", cli_json_string(record->note));
    return cli_finish(&b);
}

static json_t *steps(const lip_result *result) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < result->steps; i++)
        if (json_array_append_new(list, step(&result->step[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *unfinished(const lip_result *result) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < result->unfinished_count; i++) {
        cli_builder b = cli_start();
        cli_put(&b, "method", cli_json_string(result->unfinished[i].method));
        cli_put(&b, "reason", cli_json_string(result->unfinished[i].reason));
        if (json_array_append_new(list, cli_finish(&b)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *witness(const lip_result *result) {
    if (!result->witness_x) return json_null();
    cli_builder b = cli_start();
    cli_put(&b, "x", cli_json_array(result->witness_x, result->n));
    cli_put(&b, "t",
            result->witness_t ? cli_json_array(result->witness_t, result->n) : json_null());
    return cli_finish(&b);
}

/* ---- Documents --------------------------------------------------------------------------- */

cli_builder cli_start_document(const char *kind, const cli_question *question) {
    cli_builder b = cli_start();
    cli_put(&b, "document", json_string(kind));
    cli_put(&b, "document_version", json_integer(1));
    cli_put(&b, "program", program());
    cli_put(&b, "network", network(question));
    return b;
}

void cli_put_question(cli_builder *b, const cli_arguments *arguments,
                      const cli_question *question) {
    cli_put(b, "norm_in", json_string(cli_norm_name(question->query.norm_in)));
    cli_put(b, "norm_out", json_string(cli_norm_name(question->query.norm_out)));
    cli_put(b, "output", output(question));
    cli_put(b, "given", given(arguments));
}

static void put_method(cli_builder *b, const char *key, const char *method) {
    cli_put(b, key, method[0] ? cli_json_string(method) : json_null());
}

/* How the run went: region, methods and settings, stable neurons. */
static void put_run(cli_builder *b, const cli_arguments *arguments, const cli_question *question,
                    const lip_result *result) {
    cli_put(b, "region", cli_json_region(question->region));
    cli_put(
        b, "method",
        cli_json_string(arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto"));
    cli_put(b, "seed", json_integer(arguments->settings.seed));
    cli_put(b, "settings", cli_json_settings(&arguments->settings));
    cli_put(b, "neurons", cli_json_count(result->neurons));
    cli_put(b, "stable_active", cli_json_count(result->stable_active));
    cli_put(b, "stable_inactive", cli_json_count(result->stable_inactive));
}

static void put_result(cli_builder *b, const lip_result *result) {
    cli_put_bound(b, "lower", result->lower, CLI_DOWN);
    cli_put_bound(b, "upper", result->upper, CLI_UP);
    cli_put_bound(b, "certified", result->certified, CLI_UP);
    put_method(b, "lower_method", result->lower_method);
    put_method(b, "upper_method", result->upper_method);
    cli_put(b, "gap", cli_json_number(cli_relative_gap(result->lower, result->upper)));
    cli_put(b, "steps", steps(result));
    cli_put(b, "unfinished", unfinished(result));
    cli_put(b, "witness", witness(result));
    cli_put(b, "stop", json_string(cli_stop_name(result->stop)));
    cli_put(b, "seconds", cli_json_number(result->seconds));
}

static json_t *history(const cli_history *past) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < past->count; i++) {
        const cli_moment *moment = &past->moment[i];
        cli_builder b = cli_start();
        cli_put(&b, "seconds", cli_json_number(moment->seconds));
        cli_put(&b, "lower", cli_json_number(moment->lower));
        cli_put(&b, "upper", cli_json_number(moment->upper));
        if (json_array_append_new(list, cli_finish(&b)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static cli_builder start_bound(const char *document, const cli_arguments *arguments,
                               const cli_question *question, const lip_result *result) {
    cli_builder b = cli_start_document(document, question);
    cli_put(&b, "quantity", json_string("lipschitz constant"));
    cli_put_question(&b, arguments, question);
    put_run(&b, arguments, question, result);
    put_result(&b, result);
    if (question->history) cli_put(&b, "history", history(question->history));
    cli_put(&b, "evidence", json_string("proved"));
    return b;
}

json_t *cli_json_bound(const cli_arguments *arguments, const cli_question *question,
                       const lip_result *result) {
    cli_builder b = start_bound("lipcert bound", arguments, question, result);
    return cli_finish(&b);
}

json_t *cli_json_decide(const cli_arguments *arguments, const cli_question *question,
                        const lip_result *result, double at_most, const char *decision) {
    cli_builder b = start_bound("lipcert decide", arguments, question, result);
    cli_put_bound(&b, "at_most", at_most, CLI_UP);
    cli_put(&b, "decision", decision ? json_string(decision) : json_null());
    return cli_finish(&b);
}

/* Entry (i, j) in each of the three forms; the diagonal is 0. */
static void put_matrix(cli_builder *b, const char *key, const double *value, size_t m,
                       cli_rounding rounding) {
    static const char *const suffix[] = {"", "_hex", "_decimal"};
    for (int form = 0; form < 3; form++) {
        char name[64], decimal[CLI_DECIMAL_SIZE];
        json_t *rows = json_array();
        for (size_t i = 0; i < m; i++) {
            json_t *row = json_array();
            for (size_t j = 0; j < m; j++) {
                double entry = value[i * m + j];
                cli_decimal(entry, 17, rounding, decimal);
                json_t *item = form == 0   ? cli_json_number(entry)
                               : form == 1 ? cli_json_hexadecimal(entry)
                                           : json_string(decimal);
                if (json_array_append_new(row, item) != 0) b->failed = true;
            }
            if (json_array_append_new(rows, row) != 0) b->failed = true;
        }
        snprintf(name, sizeof name, "%s%s", key, suffix[form]);
        cli_put(b, name, rows);
    }
}

static json_t *margin(const cli_arguments *arguments, const lip_margins *margins, size_t k) {
    const char *prefix = arguments->value[CLI_CERTIFICATE][0];
    const lip_result *result = margins->result[k];
    lip_output pair = cli_margin_output(margins->outputs, k);
    bool written = prefix && (result->witness_x || result->certified < INFINITY);
    char *file = written ? cli_margin_file(prefix, &pair) : NULL;
    cli_builder b = cli_start();
    cli_put(&b, "i", cli_json_count(pair.i));
    cli_put(&b, "j", cli_json_count(pair.j));
    put_result(&b, result);
    cli_put(&b, "certificate", file ? cli_json_string(file) : json_null());
    b.failed |= written && !file;
    free(file);
    return cli_finish(&b);
}

static json_t *margin_list(const cli_arguments *arguments, const lip_margins *margins) {
    json_t *list = json_array();
    for (size_t k = 0; list && k < margins->pairs; k++)
        if (json_array_append_new(list, margin(arguments, margins, k)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* The two outputs of pair number k. */
static json_t *pair_of(const lip_margins *margins, size_t k) {
    lip_output pair = cli_margin_output(margins->outputs, k);
    json_t *list = json_array();
    bool bad = json_array_append_new(list, cli_json_count(pair.i)) != 0;
    bad |= json_array_append_new(list, cli_json_count(pair.j)) != 0;
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

json_t *cli_json_margins(const cli_arguments *arguments, const cli_question *question,
                         const lip_margins *margins) {
    double lower = margins->largest_lower, upper = margins->largest_upper;
    cli_builder b = cli_start_document("lipcert margins", question);
    cli_put(&b, "quantity", json_string("largest lipschitz constant of a margin"));
    cli_put_question(&b, arguments, question);
    put_run(&b, arguments, question, margins->result[0]);
    cli_put_bound(&b, "lower", lower, CLI_DOWN);
    cli_put_bound(&b, "upper", upper, CLI_UP);
    cli_put(&b, "lower_margin", pair_of(margins, margins->lower_pair));
    cli_put(&b, "upper_margin", pair_of(margins, margins->upper_pair));
    cli_put(&b, "evidence", json_string("proved"));
    cli_put(&b, "gap", cli_json_number(cli_relative_gap(lower, upper)));
    put_matrix(&b, "lower_matrix", margins->lower, margins->outputs, CLI_DOWN);
    put_matrix(&b, "upper_matrix", margins->upper, margins->outputs, CLI_UP);
    cli_put(&b, "margins", margin_list(arguments, margins));
    cli_put(&b, "stop", json_string(cli_stop_name(margins->stop)));
    cli_put(&b, "seconds", cli_json_number(margins->seconds));
    return cli_finish(&b);
}

json_t *cli_json_gradient(const cli_arguments *arguments, const cli_question *question,
                          const cli_gradient_bounds *gradient) {
    cli_builder b = cli_start_document("lipcert gradient", question);
    cli_put(&b, "quantity", json_string("norm of the jacobian at x"));
    cli_put_question(&b, arguments, question);
    cli_put(&b, "x", cli_json_array(gradient->x, question->info.inputs));
    cli_put(&b, "decided", json_boolean(gradient->decided));
    cli_put_bound(&b, "lower", gradient->lower, CLI_DOWN);
    cli_put_bound(&b, "upper", gradient->upper, CLI_UP);
    cli_put(&b, "evidence", json_string("proved"));
    return cli_finish(&b);
}

/* Layer l, or NULL. */
static json_t *layer(const lip_network *net, size_t l) {
    lip_layer_info info;
    lip_error err;
    if (lip_network_get_layer(net, l, &info, &err)) return NULL;
    cli_builder b = cli_start();
    cli_put(&b, "layer", cli_json_count(l));
    cli_put(&b, "width", cli_json_count(info.width));
    cli_put(&b, "relu", json_boolean(info.relu));
    cli_put(&b, "terms", cli_json_count(info.terms));
    cli_put(&b, "source", cli_json_count(info.source));
    cli_put(&b, "operator", cli_json_string(info.op_kind));
    cli_put(&b, "nonzeros", cli_json_count(info.nonzeros));
    return cli_finish(&b);
}

json_t *cli_json_info(const cli_question *question) {
    cli_builder b = cli_start_document("lipcert info", question);
    json_t *list = json_array();
    for (size_t l = 1; l <= question->info.layers; l++)
        if (json_array_append_new(list, layer(question->net, l)) != 0) b.failed = true;
    cli_put(&b, "layers", list);
    return cli_finish(&b);
}
