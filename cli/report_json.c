/* The report for programs.
 *
 * JSON has neither infinities nor exact doubles that survive every reader, so a bound appears
 * three times: as a number with 17 digits (null if infinite), which any correctly rounding
 * parser turns back into the same double; in hexadecimal, exactly ("inf" if infinite); and as
 * decimal text rounded outwards, for readers that compute in decimal.
 *
 * Every jansson call that builds something may fail for lack of memory.  json_object_set_new and
 * json_array_append_new accept NULL (and fail) and consume their value in every case, so a
 * document can be built without a branch per call: each `put` below records failure in the
 * builder and the end of the construction looks at it once. */
#include "report.h"

#include "decimal.h"
#include "failure.h"
#include "files.h"
#include "margins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size) { return malloc(size); }

void cli_json_start(void) { json_set_alloc_funcs(allocate, free); }

/* ---- Building blocks --------------------------------------------------------------------- */

/* An object under construction. */
typedef struct builder {
    json_t *object;
    bool failed;
} builder;

static builder start(void) {
    builder b = {json_object(), false};
    b.failed = b.object == NULL;
    return b;
}

static void put(builder *b, const char *key, json_t *value) {
    if (json_object_set_new(b->object, key, value) != 0) b->failed = true;
}

/* The finished object, or NULL if any part failed. */
static json_t *finish(builder *b) {
    if (!b->failed) return b->object;
    json_decref(b->object);
    return NULL;
}

static json_t *count(size_t value) { return json_integer((json_int_t)value); }

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* Text that need not be UTF-8, such as a file's name: if it is not, its bytes above 127 become
 * U+FFFD. */
static json_t *string(const char *text) {
    json_t *value = json_string(text);
    if (value) return value;
    char *clean = cli_alloc(3 * strlen(text) + 1, 1);
    if (!clean) return NULL;
    char *to = clean;
    for (const char *from = text; *from; from++)
        if ((unsigned char)*from < 128)
            *to++ = *from;
        else
            to = (char *)memcpy(to, "\xEF\xBF\xBD", 3) + 3;
    *to = '\0';
    value = json_string(clean);
    free(clean);
    return value;
}

static json_t *hexadecimal(double value) {
    char text[64];
    snprintf(text, sizeof text, "%a", value);
    return json_string(text);
}

static json_t *array(const double *x, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, number(x[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A bound in its three forms: key, key_hex, key_decimal. */
static void put_bound(builder *b, const char *key, double value, cli_rounding rounding) {
    char name[64], decimal[CLI_DECIMAL_SIZE];
    put(b, key, number(value));
    snprintf(name, sizeof name, "%s_hex", key);
    put(b, name, hexadecimal(value));
    cli_decimal(value, 17, rounding, decimal);
    snprintf(name, sizeof name, "%s_decimal", key);
    put(b, name, json_string(decimal));
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* lip_build_info: lines "name value". */
static json_t *build(void) {
    builder b = start();
    for (const char *line = lip_build_info(); *line;) {
        size_t length = strcspn(line, "\n"), name = strcspn(line, " \n");
        char key[64], value[256];
        snprintf(key, sizeof key, "%.*s", (int)name, line);
        snprintf(value, sizeof value, "%.*s", (int)(length > name ? length - name - 1 : 0),
                 line + name + (length > name));
        if (name > 0) put(&b, key, string(value));
        line += length + (line[length] == '\n');
    }
    return finish(&b);
}

static json_t *program(void) {
    builder b = start();
    put(&b, "name", json_string("lipcert"));
    put(&b, "version", json_string(lip_version()));
    put(&b, "build", build());
    return finish(&b);
}

static json_t *network(const cli_question *question) {
    const lip_network_info *info = &question->info;
    builder b = start();
    put(&b, "path", string(question->path));
    put(&b, "format", string(info->format));
    put(&b, "sha256", json_string(info->sha256));
    put(&b, "inputs", count(info->inputs));
    put(&b, "outputs", count(info->outputs));
    put(&b, "layers", count(info->layers));
    put(&b, "relu_layers", count(info->relu_layers));
    put(&b, "neurons", count(info->neurons));
    put(&b, "parameters", count(info->parameters));
    put(&b, "chain", json_boolean(info->chain));
    put(&b, "folds", count(info->folds));
    return finish(&b);
}

static json_t *output(const cli_question *question) {
    const lip_output *selection = &question->query.output;
    builder b = start();
    if (question->margins) {
        put(&b, "kind", json_string("margins"));
        return finish(&b);
    }
    bool all = selection->kind == LIP_OUTPUT_ALL, margin = selection->kind == LIP_OUTPUT_MARGIN;
    put(&b, "kind", json_string(all ? "all" : margin ? "margin" : "row"));
    if (!all) put(&b, "i", count(selection->i));
    if (margin) put(&b, "j", count(selection->j));
    return finish(&b);
}

/* The options as typed, so that a reader can repeat the run. */
static json_t *given(const cli_arguments *arguments) {
    builder b = start();
    for (int id = 0; id < CLI_OPTION_COUNT; id++) {
        const char *name = cli_options[id].name;
        if (!arguments->given[id]) continue;
        if (cli_options[id].values == 0) put(&b, name, json_true());
        if (cli_options[id].values == 1) put(&b, name, string(arguments->value[id][0]));
        if (cli_options[id].values == 2) {
            json_t *pair = json_array();
            bool bad = json_array_append_new(pair, string(arguments->value[id][0])) != 0;
            bad |= json_array_append_new(pair, string(arguments->value[id][1])) != 0;
            put(&b, name, pair);
            b.failed |= bad;
        }
    }
    return finish(&b);
}

static void put_box(builder *b, const lip_region *region, size_t n, double *room) {
    double *lo = room, *hi = room + n, *centre = room + 2 * n;
    lip_region_get_box(region, lo, hi, centre);
    if (lip_region_get_kind(region) == LIP_BOX) {
        put(b, "lo", array(lo, n));
        put(b, "hi", array(hi, n));
    } else {
        put(b, "centre", array(centre, n));
        put(b, "radius", number(lip_region_get_radius(region)));
    }
}

static json_t *region(const lip_region *where) {
    static const char *const name[] = {
        [LIP_EVERYWHERE] = "everywhere", [LIP_BOX] = "box", [LIP_BALL] = "ball"};
    size_t n = lip_region_dimension(where);
    lip_region_kind kind = lip_region_get_kind(where);
    builder b = start();
    put(&b, "kind", json_string(name[kind]));
    put(&b, "n", count(n));
    if (kind != LIP_EVERYWHERE) {
        double *room = cli_alloc(n, 3 * sizeof *room);
        if (room)
            put_box(&b, where, n, room);
        else
            b.failed = true;
        free(room);
    }
    return finish(&b);
}

static json_t *settings(const lip_settings *values) {
    builder b = start();
    for (const cli_setting *s = cli_settings; s->name; s++) {
        double value = cli_setting_value(values, s);
        put(&b, s->field, s->is_double ? number(value) : json_integer((json_int_t)value));
    }
    return finish(&b);
}

static json_t *step(const lip_step *record) {
    builder b = start();
    bool lower = record->side == LIP_LOWER;
    put(&b, "method", string(record->method));
    put(&b, "side", json_string(lower ? "lower" : "upper"));
    put_bound(&b, "value", record->value, lower ? CLI_DOWN : CLI_UP);
    put(&b, "evidence", json_string(record->evidence == LIP_PROVED ? "proved" : "computed"));
    put(&b, "seconds", number(record->seconds));
    put(&b, "complete", json_boolean(record->complete));
    put(&b, "note", string(record->note));
    return finish(&b);
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

static json_t *witness(const lip_result *result) {
    if (!result->witness_x) return json_null();
    builder b = start();
    put(&b, "x", array(result->witness_x, result->n));
    put(&b, "t", result->witness_t ? array(result->witness_t, result->n) : json_null());
    return finish(&b);
}

/* ---- Documents --------------------------------------------------------------------------- */

static builder start_document(const char *kind, const cli_question *question) {
    builder b = start();
    put(&b, "document", json_string(kind));
    put(&b, "document_version", json_integer(1));
    put(&b, "program", program());
    put(&b, "network", network(question));
    return b;
}

static void put_question(builder *b, const cli_arguments *arguments, const cli_question *question) {
    put(b, "norm_in", json_string(cli_norm_name(question->query.norm_in)));
    put(b, "norm_out", json_string(cli_norm_name(question->query.norm_out)));
    put(b, "output", output(question));
    put(b, "given", given(arguments));
}

static void put_method(builder *b, const char *key, const char *method) {
    put(b, key, method[0] ? string(method) : json_null());
}

/* How the run went: region, methods and settings, stable neurons. */
static void put_run(builder *b, const cli_arguments *arguments, const cli_question *question,
                    const lip_result *result) {
    put(b, "region", region(question->region));
    put(b, "method",
        string(arguments->given[CLI_METHOD] ? arguments->value[CLI_METHOD][0] : "auto"));
    put(b, "seed", json_integer(arguments->settings.seed));
    put(b, "settings", settings(&arguments->settings));
    put(b, "neurons", count(result->neurons));
    put(b, "stable_active", count(result->stable_active));
    put(b, "stable_inactive", count(result->stable_inactive));
}

static void put_result(builder *b, const lip_result *result) {
    put_bound(b, "lower", result->lower, CLI_DOWN);
    put_bound(b, "upper", result->upper, CLI_UP);
    put_bound(b, "certified", result->certified, CLI_UP);
    put_method(b, "lower_method", result->lower_method);
    put_method(b, "upper_method", result->upper_method);
    put(b, "gap", number(cli_relative_gap(result->lower, result->upper)));
    put(b, "steps", steps(result));
    put(b, "witness", witness(result));
    put(b, "stop", json_string(cli_stop_name(result->stop)));
    put(b, "seconds", number(result->seconds));
}

json_t *cli_json_bound(const cli_arguments *arguments, const cli_question *question,
                       const lip_result *result) {
    builder b = start_document("lipcert bound", question);
    put(&b, "quantity", json_string("lipschitz constant"));
    put_question(&b, arguments, question);
    put_run(&b, arguments, question, result);
    put_result(&b, result);
    put(&b, "evidence", json_string("proved"));
    return finish(&b);
}

/* Entry (i, j) in each of the three forms; the diagonal is 0. */
static void put_matrix(builder *b, const char *key, const double *value, size_t m,
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
                json_t *item = form == 0   ? number(entry)
                               : form == 1 ? hexadecimal(entry)
                                           : json_string(decimal);
                if (json_array_append_new(row, item) != 0) b->failed = true;
            }
            if (json_array_append_new(rows, row) != 0) b->failed = true;
        }
        snprintf(name, sizeof name, "%s%s", key, suffix[form]);
        put(b, name, rows);
    }
}

static json_t *margin(const cli_arguments *arguments, const lip_margins *margins, size_t k) {
    const char *prefix = arguments->value[CLI_CERTIFICATE][0];
    const lip_result *result = margins->result[k];
    lip_output pair = cli_margin_output(margins->outputs, k);
    bool written = prefix && (result->witness_x || result->certified < INFINITY);
    char *file = written ? cli_margin_file(prefix, &pair) : NULL;
    builder b = start();
    put(&b, "i", count(pair.i));
    put(&b, "j", count(pair.j));
    put_result(&b, result);
    put(&b, "certificate", file ? string(file) : json_null());
    b.failed |= written && !file;
    free(file);
    return finish(&b);
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
    bool bad = json_array_append_new(list, count(pair.i)) != 0;
    bad |= json_array_append_new(list, count(pair.j)) != 0;
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

json_t *cli_json_margins(const cli_arguments *arguments, const cli_question *question,
                         const lip_margins *margins) {
    double lower = margins->largest_lower, upper = margins->largest_upper;
    builder b = start_document("lipcert margins", question);
    put(&b, "quantity", json_string("largest lipschitz constant of a margin"));
    put_question(&b, arguments, question);
    put_run(&b, arguments, question, margins->result[0]);
    put_bound(&b, "lower", lower, CLI_DOWN);
    put_bound(&b, "upper", upper, CLI_UP);
    put(&b, "lower_margin", pair_of(margins, margins->lower_pair));
    put(&b, "upper_margin", pair_of(margins, margins->upper_pair));
    put(&b, "evidence", json_string("proved"));
    put(&b, "gap", number(cli_relative_gap(lower, upper)));
    put_matrix(&b, "lower_matrix", margins->lower, margins->outputs, CLI_DOWN);
    put_matrix(&b, "upper_matrix", margins->upper, margins->outputs, CLI_UP);
    put(&b, "margins", margin_list(arguments, margins));
    put(&b, "stop", json_string(cli_stop_name(margins->stop)));
    put(&b, "seconds", number(margins->seconds));
    return finish(&b);
}

json_t *cli_json_gradient(const cli_arguments *arguments, const cli_question *question,
                          const cli_gradient_bounds *gradient) {
    builder b = start_document("lipcert gradient", question);
    put(&b, "quantity", json_string("norm of the jacobian at x"));
    put_question(&b, arguments, question);
    put(&b, "x", array(gradient->x, question->info.inputs));
    put(&b, "decided", json_boolean(gradient->decided));
    put_bound(&b, "lower", gradient->lower, CLI_DOWN);
    put_bound(&b, "upper", gradient->upper, CLI_UP);
    put(&b, "evidence", json_string("proved"));
    return finish(&b);
}

/* Layer l, or NULL. */
static json_t *layer(const lip_network *net, size_t l) {
    lip_layer_info info;
    lip_error err;
    if (lip_network_get_layer(net, l, &info, &err)) return NULL;
    builder b = start();
    put(&b, "layer", count(l));
    put(&b, "width", count(info.width));
    put(&b, "relu", json_boolean(info.relu));
    put(&b, "terms", count(info.terms));
    put(&b, "source", count(info.source));
    put(&b, "operator", string(info.op_kind));
    put(&b, "nonzeros", count(info.nonzeros));
    return finish(&b);
}

json_t *cli_json_info(const cli_question *question) {
    builder b = start_document("lipcert info", question);
    json_t *list = json_array();
    for (size_t l = 1; l <= question->info.layers; l++)
        if (json_array_append_new(list, layer(question->net, l)) != 0) b.failed = true;
    put(&b, "layers", list);
    return finish(&b);
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* The text of a document while it is being written. */
typedef struct sink {
    char *text;
    size_t length, capacity;
    bool
        failed; /* stays set: jansson 2.14 ignores a failure while it writes a key (its issue 655) */
} sink;

/* A json_dump_callback_t: append to the sink, which always has room for one byte more. */
static int append(const char *bytes, size_t size, void *user) {
    sink *to = user;
    if (to->failed) return -1;
    if (to->capacity - to->length <= size) {
        size_t capacity = 2 * to->capacity + size + 1024;
        char *text = capacity > to->capacity ? realloc(to->text, capacity) : NULL;
        to->failed = text == NULL;
        if (to->failed) return -1;
        to->text = text;
        to->capacity = capacity;
    }
    memcpy(to->text + to->length, bytes, size);
    to->length += size;
    return 0;
}

lip_status cli_json_emit(json_t *document, const char *path, lip_error *err) {
    sink to = {0};
    bool bad = !document || json_dump_callback(document, append, &to,
                                               JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0;
    json_decref(document);
    lip_status status = LIP_OK;
    if (bad || to.failed) {
        status = cli_fail_memory(err);
    } else {
        to.text[to.length++] = '\n';
        if (strcmp(path, "-") == 0)
            fwrite(to.text, 1, to.length, stdout); /* main checks stdout */
        else
            status = cli_write_file(path, to.text, to.length, err);
    }
    free(to.text);
    return status;
}
