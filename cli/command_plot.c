/* lipcert plot: figures of a result, as one SVG file.
 *
 * The document says what can be drawn: bounds against time and by method (bound), the matrix (bound
 * --all-margins), the classes (radius); --figure chooses among them.  With --shape the gradient at the witness is
 * drawn as an image too; the document holds the point but not the gradient, so the network is read again, and must
 * be the same. */
#include "commands.h"
#include "files.h"
#include "json.h"
#include "number.h"
#include "question.h"
#include "svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The document ------------------------------------------------------------------------ */

static lip_status fail_document(const char *path, const char *what, lip_error *err) {
    cli_record(err, LIP_FORMAT, NULL, "%s", what);
    snprintf(err->file, sizeof err->file, "%s", path);
    return LIP_FORMAT;
}

static lip_status load_document(const char *path, json_t **document, lip_error *err) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (cli_json_short()) { /* then even what was read may be incomplete */
        json_decref(root);
        return cli_fail_memory(err);
    }
    if (root) {
        *document = root;
        return LIP_OK;
    }
    bool open = json_error_code(&error) == json_error_cannot_open_file;
    char place[48];
    snprintf(place, sizeof place, "line %d", error.line);
    cli_record(err, open ? LIP_IO : LIP_FORMAT, open ? NULL : place, "expected JSON: %.300s",
               error.text);
    snprintf(err->file, sizeof err->file, "%s", path);
    return err->status;
}

static bool is_document(const json_t *root, const char *kind) {
    const char *own = json_string_value(json_object_get(root, "document"));
    return own && strcmp(own, kind) == 0;
}

/* Square, with numbers or null. */
static bool is_matrix(const json_t *rows) {
    size_t m = json_array_size(rows);
    for (size_t i = 0; i < m; ++i)
        if (json_array_size(json_array_get(rows, i)) != m) return false;
    return m >= 2 && m <= 128;
}

static bool has_objects(const json_t *root, const char *key) {
    const json_t *list = json_object_get(root, key), *item;
    size_t i;
    json_array_foreach(list, i, item) if (!json_is_object(item)) return false;
    return json_array_size(list) > 0;
}

/* What the figures rely on. */
static lip_status check_document(const char *path, const json_t *root, lip_error *err) {
    if (is_document(root, "lipcert bound"))
        return has_objects(root, "steps")
                   ? LIP_OK
                   : fail_document(path, "expected steps in the document", err);
    if (is_document(root, "lipcert radius"))
        return has_objects(root, "classes")
                   ? LIP_OK
                   : fail_document(path, "expected classes in the document", err);
    if (!is_document(root, "lipcert margins"))
        return fail_document(
            path,
            "expected what 'bound --json' or 'radius --json' writes, found another "
            "document",
            err);
    const json_t *lower = json_object_get(root, "lower_matrix"),
                 *upper = json_object_get(root, "upper_matrix");
    if (is_matrix(lower) && is_matrix(upper) && json_array_size(lower) == json_array_size(upper))
        return LIP_OK;
    return fail_document(path, "expected two square matrices in the document", err);
}

/* ---- The gradient ------------------------------------------------------------------------ */

/* HxW or HxWxC; pixels of a channel follow each other in CxHxW. */
static lip_status parse_shape(const char *text, cli_shape *shape, lip_error *err) {
    size_t value[3] = {0}, count = 0;
    const char *from = text;
    for (bool more = true; more && count < 3;) {
        char word[24];
        size_t length = strcspn(from, "x");
        snprintf(word, sizeof word, "%.*s", length < 23 ? (int)length : 23, from);
        lip_status status = cli_parse_index(word, "option --shape", &value[count++], err);
        if (status) return status;
        more = from[length] == 'x';
        from += length + more;
        if (!more && count >= 2 && value[0] && value[1] && (count == 2 || value[2]) &&
            value[0] <= 4096 && value[1] <= 4096 && value[2] <= 4096) {
            *shape = (cli_shape){value[0], value[1], count == 3 ? value[2] : 1, true};
            if (count == 3 && value[0] <= 4 && value[2] > 4)
                *shape = (cli_shape){value[1], value[2], value[0], false};
            return LIP_OK;
        }
    }
    return cli_fail(err, LIP_ARGUMENT, "option --shape",
                    "expected HxW, HxWxC or CxHxW, found %.60s", text);
}

/* The witness of the document as n numbers, or a failure. */
static lip_status read_witness(const char *path, const json_t *root, size_t n, double *x,
                               lip_error *err) {
    const json_t *list = json_object_get(json_object_get(root, "witness"), "x");
    if (json_array_size(list) != n)
        return fail_document(
            path, "expected a witness with as many numbers as the network has inputs", err);
    for (size_t i = 0; i < n; ++i) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value))
            return fail_document(path, "expected numbers in the witness", err);
        x[i] = json_number_value(value);
    }
    return LIP_OK;
}

/* v' J(x) for the selected output; all outputs together: the direction of largest growth is not that of one
 * output, so this is refused. */
static lip_status select_output(const char *path, const json_t *root, size_t m, double *v,
                                lip_error *err) {
    const json_t *output = json_object_get(root, "output"), *i = json_object_get(output, "i"),
                 *j = json_object_get(output, "j");
    if (!json_is_integer(i))
        return fail_document(
            path, "expected a single output or a margin for the gradient, found all outputs", err);
    size_t a = (size_t)json_integer_value(i), b = (size_t)json_integer_value(j);
    if (a >= m || (json_is_integer(j) && b >= m))
        return fail_document(path, "the output is not one of the network's", err);
    v[a] += 1;
    if (json_is_integer(j)) v[b] -= 1;
    return LIP_OK;
}

static lip_status find_gradient(const cli_arguments *arguments, const json_t *root,
                                const lip_network *net, double *gradient, lip_error *err) {
    const char *path = arguments->operand[0];
    lip_network_info info;
    lip_network_get_info(net, &info);
    double *x = cli_alloc(info.inputs, sizeof *x), *v = cli_alloc(info.outputs, sizeof *v);
    lip_status status = x && v ? LIP_OK : cli_fail_memory(err);
    if (!status) status = read_witness(path, root, info.inputs, x, err);
    if (!status) status = select_output(path, root, info.outputs, v, err);
    if (!status) status = lip_network_vjp(net, x, v, gradient, err);
    free(x);
    free(v);
    return status;
}

static lip_status draw_gradient(const cli_arguments *arguments, const json_t *root,
                                const cli_shape *shape, cli_page *page, double *height,
                                lip_error *err) {
    const json_t *network = json_object_get(root, "network");
    bool own = arguments->given[CLI_NETWORK];
    const char *name = own ? arguments->value[CLI_NETWORK][0]
                           : json_string_value(json_object_get(network, "path"));
    const char *sum = json_string_value(json_object_get(network, "sha256"));
    /* --network may be the canonical form, which has nothing to fold any more: the option is for .nnet only */
    lip_read_options options = {.nnet_normalise = json_is_true(json_object_get(
                                    json_object_get(root, "given"), "nnet-normalise"))};
    lip_network *net = NULL;
    lip_network_info info;
    if (!name || !sum)
        return fail_document(arguments->operand[0], "expected the network's path and sha256", err);
    lip_status status = lip_network_load(name, &options, &net, err);
    if (status) return status;
    lip_network_get_info(net, &info);
    double *gradient = cli_alloc(info.inputs, sizeof *gradient);
    if (!gradient) status = cli_fail_memory(err);
    if (!status && strcmp(sum, info.sha256) != 0) {
        status = cli_fail(err, LIP_FORMAT, NULL,
                          "expected the network of the document, found another one");
        snprintf(err->file, sizeof err->file, "%s", name);
    }
    if (!status && shape->height * shape->width * shape->channels != info.inputs)
        status = cli_fail(err, LIP_ARGUMENT, "option --shape", "expected %zu pixels, found %s",
                          info.inputs, arguments->value[CLI_SHAPE][0]);
    if (!status) status = find_gradient(arguments, root, net, gradient, err);
    if (!status) *height += cli_figure_image(page, gradient, shape, *height);
    free(gradient);
    lip_network_free(net);
    return status;
}

/* ---- The file ---------------------------------------------------------------------------- */

static const char *word(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Network, quantity and norms above the figures. */
static void draw_head(cli_page *page, const json_t *root) {
    cli_page_add(page, "<text class=\"title\" x=\"16\" y=\"24\">");
    cli_page_escape(page, word(json_object_get(root, "network"), "path"));
    cli_page_add(page, "</text>\n<text class=\"muted\" x=\"16\" y=\"42\">");
    cli_page_escape(page, word(root, "quantity"));
    cli_page_add(page, ", input norm ");
    cli_page_escape(page, word(root, "norm_in"));
    const json_t *output = json_object_get(root, "output"), *i = json_object_get(output, "i"),
                 *j = json_object_get(output, "j");
    if (json_is_integer(i))
        cli_page_add(page, ", output %" JSON_INTEGER_FORMAT, json_integer_value(i));
    if (json_is_integer(j))
        cli_page_add(page, " minus output %" JSON_INTEGER_FORMAT, json_integer_value(j));
    cli_page_add(page, "</text>\n");
}

/* ---- Which figures ----------------------------------------------------------------------- */

typedef enum figure { TIME, METHODS, GRADIENT, MARGINS, CLASSES, FIGURES } figure;

/* The figures by name, and the document that each is drawn from.  The gradient needs --shape besides. */
static const struct {
    const char *name, *document;
    double (*draw)(cli_page *page, const json_t *result, double top);
} figures[FIGURES] = {{"time", "lipcert bound", cli_figure_time},
                      {"methods", "lipcert bound", cli_figure_methods},
                      {"gradient", "lipcert bound", NULL},
                      {"margins", "lipcert margins", cli_figure_margins},
                      {"classes", "lipcert radius", cli_figure_classes}};

static lip_status parse_figures(const cli_arguments *arguments, bool *wanted, lip_error *err) {
    const char *from = arguments->value[CLI_FIGURE][0];
    bool shape = arguments->given[CLI_SHAPE];
    for (int f = 0; f < FIGURES; ++f) wanted[f] = !from && (f != GRADIENT || shape);
    for (bool more = from != NULL; more; ++from) {
        size_t length = strcspn(from, ",");
        int f = 0;
        while (f < FIGURES &&
               (strlen(figures[f].name) != length || memcmp(figures[f].name, from, length) != 0))
            ++f;
        if (f == FIGURES)
            return cli_fail(err, LIP_ARGUMENT, "option --figure",
                            "unknown figure '%.*s'; expected one of time, methods, gradient, "
                            "margins, classes",
                            length < 40 ? (int)length : 40, from);
        wanted[f] = true;
        from += length;
        more = *from == ',';
    }
    if (wanted[GRADIENT] == shape) return LIP_OK;
    return cli_fail(err, LIP_ARGUMENT, shape ? "option --shape" : "option --figure",
                    shape ? "is of no use without the figure gradient"
                          : "the figure gradient needs --shape");
}

/* Every figure that was asked for by name, or by --shape, is one of this document's. */
static lip_status check_figures(const cli_arguments *arguments, const json_t *root,
                                const bool *wanted, lip_error *err) {
    if (arguments->given[CLI_SHAPE] && !is_document(root, figures[GRADIENT].document))
        return cli_fail(err, LIP_ARGUMENT, "option --shape",
                        "needs a result of 'bound' for one output or margin");
    for (int f = 0; arguments->given[CLI_FIGURE] && f < FIGURES; ++f)
        if (wanted[f] && !is_document(root, figures[f].document))
            return cli_fail(err, LIP_ARGUMENT, "option --figure",
                            "the figure %s needs a document '%s', found '%.60s'", figures[f].name,
                            figures[f].document, word(root, "document"));
    return LIP_OK;
}

static lip_status draw(const cli_arguments *arguments, const json_t *root, const bool *wanted,
                       const cli_shape *shape, cli_page *body, double *height, lip_error *err) {
    lip_status status = check_figures(arguments, root, wanted, err);
    if (status) return status;
    draw_head(body, root);
    *height = 56;
    for (int f = 0; f < FIGURES; ++f)
        if (wanted[f] && figures[f].draw && is_document(root, figures[f].document))
            *height += figures[f].draw(body, root, *height);
    return wanted[GRADIENT] ? draw_gradient(arguments, root, shape, body, height, err) : LIP_OK;
}

static lip_status write_svg(const char *path, const cli_page *body, double height, lip_error *err) {
    cli_page page = {0};
    cli_page_add(&page,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
                 "height=\"%.0f\" "
                 "role=\"img\">\n<style>%s</style>\n<rect class=\"page\" width=\"100%%\" "
                 "height=\"100%%\"/>\n%s</svg>\n",
                 CLI_FIGURE_WIDTH, height, CLI_FIGURE_WIDTH, height, cli_figure_style, body->text);
    lip_status status = page.failed ? cli_fail_memory(err) : LIP_OK;
    if (!status && strcmp(path, "-") == 0)
        fwrite(page.text, 1, page.length, stdout); /* main checks stdout */
    else if (!status)
        status = cli_write_file(path, page.text, page.length, err);
    cli_page_free(&page);
    return status;
}

int cli_plot(const cli_arguments *arguments) {
    const char *path = arguments->operand[0], *out = arguments->value[CLI_OUT][0];
    lip_error err = {0};
    json_t *root = NULL;
    cli_shape shape;
    cli_page body = {0};
    double height = 0;
    bool image = arguments->given[CLI_SHAPE], same = false, wanted[FIGURES];
    if (!out) out = "-";
    lip_status status = image ? parse_shape(arguments->value[CLI_SHAPE][0], &shape, &err) : LIP_OK;
    if (!status) status = parse_figures(arguments, wanted, &err);
    if (!status && arguments->given[CLI_NETWORK] && !image)
        status = cli_fail(&err, LIP_ARGUMENT, "option --network", "needs --shape");
    if (status) return cli_complain(&err);
    if (strcmp(out, "-") != 0) status = cli_check_writable(out, &err);
    if (!status && strcmp(out, "-") != 0) status = cli_same_file(out, path, &same, &err);
    if (!status && same)
        status = cli_fail(&err, LIP_ARGUMENT, "option --out",
                          "the output would replace the document: %.200s", out);
    if (status) return cli_complain_output(&err);
    status = load_document(path, &root, &err);
    if (!status) status = check_document(path, root, &err);
    if (!status) status = draw(arguments, root, wanted, &shape, &body, &height, &err);
    if (!status && body.failed) status = cli_fail_memory(&err);
    int code = status ? cli_complain(&err) : CLI_EXIT_SUCCESS;
    if (!status && write_svg(out, &body, height, &err)) code = cli_complain_output(&err);
    cli_page_free(&body);
    json_decref(root);
    return code;
}
