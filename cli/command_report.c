/* lipcert report: one HTML page from the lines of a sweep.
 *
 * The page needs nothing but itself: style, figures (SVG) and the few lines of script that sort the table are in
 * it.  All text from outside is escaped.  Without a script the table is there, in the order of the list. */
#include "commands.h"
#include "decimal.h"
#include "files.h"
#include "json.h"
#include "svg.h"
#include "sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct line_record {
    json_t *root;
    char *key;
    double line;
} line_record;

typedef struct report {
    line_record *item;
    size_t count, room, damaged;
} report;

/* ---- Reading ----------------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b) {
    const line_record *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return strcmp(x->key, y->key);
}

static void report_free(report *r) {
    for (size_t i = 0; i < r->count; ++i) {
        json_decref(r->item[i].root);
        free(r->item[i].key);
    }
    free(r->item);
}

/* Keep a record; of several about one instance the last.  Takes root and key. */
static bool keep(report *r, json_t *root, char *key) {
    for (size_t i = r->count; i-- > 0;)
        if (strcmp(r->item[i].key, key) == 0) {
            json_decref(r->item[i].root);
            r->item[i].root = root;
            free(key);
            return true;
        }
    if (r->count == r->room) {
        size_t room = 2 * r->room + 64;
        line_record *more = realloc(r->item, room * sizeof *more);
        if (!more) {
            json_decref(root);
            free(key);
            return false;
        }
        r->item = more;
        r->room = room;
    }
    double line = cli_json_value(root, "line");
    r->item[r->count++] = (line_record){root, key, isfinite(line) ? line : 0};
    return true;
}

static bool take_line(report *r, const char *text, size_t length) {
    json_error_t error;
    json_t *root = json_loadb(text, length, 0, &error);
    if (cli_json_short()) { /* then even what was read may be incomplete */
        json_decref(root);
        return false;
    }
    const char *kind = json_string_value(json_object_get(root, "document"));
    char *key = NULL;
    bool ok = true;
    if (kind && strcmp(kind, "lipcert sweep") == 0)
        ok = cli_instance_key(json_object_get(root, "arguments"), &key);
    if (key) return keep(r, root, key);
    json_decref(root);
    r->damaged += ok;
    return ok;
}

static lip_status read_records(const char *path, report *r, lip_error *err) {
    FILE *file = fopen(path, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    bool ok = true;
    lip_status status = LIP_OK;
    if (!file) {
        status = cli_fail(err, LIP_IO, NULL, "cannot open the output of a sweep");
    } else {
        while (ok && (length = getline(&line, &room, file)) >= 0)
            if (length > 1) ok = take_line(r, line, (size_t)length);
        /* getline also ends without memory */
        if (ok && !feof(file) && !ferror(file)) ok = false;
        if (ferror(file)) status = cli_fail(err, LIP_IO, NULL, "cannot read the file");
        fclose(file);
    }
    free(line);
    if (!ok) return cli_fail_memory(err);
    if (!status && r->count == 0)
        status = cli_fail(err, LIP_FORMAT, NULL,
                          "expected lines that 'lipcert sweep' writes, found none");
    if (status) snprintf(err->file, sizeof err->file, "%s", path);
    if (!status) qsort(r->item, r->count, sizeof *r->item, compare_lines);
    return status;
}

/* ---- Numbers of a record ----------------------------------------------------------------- */

static const json_t *result_of(const line_record *item) {
    return json_object_get(item->root, "result");
}

static bool failed(const line_record *item) {
    const char *status = json_string_value(json_object_get(item->root, "status"));
    return !status || strcmp(status, "done") != 0 || !json_is_object(result_of(item));
}

static const char *word(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- Figures ----------------------------------------------------------------------------- */

enum { LEFT = 72, RIGHT = 700, TOP = 44, BOTTOM = 270 };

static void open_figure(cli_page *page, const char *title) {
    cli_page_add(page, "<svg viewBox=\"0 0 %d 320\" role=\"img\"><title>", CLI_FIGURE_WIDTH);
    cli_page_escape(page, title);
    cli_page_add(page, "</title>\n");
    cli_figure_title(page, 22, title);
}

/* From lower to upper bound for each instance, in the order of upper bounds. */
typedef struct span {
    double lower, upper, line;
} span;

static int compare_spans(const void *a, const void *b) {
    const span *x = a, *y = b;
    return x->upper != y->upper ? (x->upper < y->upper ? -1 : 1)
           : x->line < y->line  ? -1
                                : x->line > y->line;
}

static size_t find_spans(const report *r, span *spans) {
    size_t count = 0;
    for (size_t i = 0; i < r->count; ++i) {
        if (failed(&r->item[i])) continue;
        double lower = cli_json_value(result_of(&r->item[i]), "lower");
        double upper = cli_json_value(result_of(&r->item[i]), "upper");
        if (isfinite(upper) && upper > 0) spans[count++] = (span){lower, upper, r->item[i].line};
    }
    qsort(spans, count, sizeof *spans, compare_spans);
    return count;
}

static void draw_span(cli_page *page, const cli_axis *y, const span *s, double x, double width) {
    double top = cli_axis_at(y, s->upper),
           bottom = s->lower > 0 ? cli_axis_at(y, s->lower) : BOTTOM;
    cli_page_add(
        page,
        "<g><title>line %.0f: %.6g to %.6g</title><rect class=\"band\" x=\"%.2f\" y=\"%.2f\" "
        "width=\"%.2f\" height=\"%.2f\"/><rect class=\"upper\" x=\"%.2f\" y=\"%.2f\" "
        "width=\"%.2f\" "
        "height=\"2.5\"/>",
        s->line, s->lower, s->upper, x, top, width, fmax(bottom - top, 0), x, top - 1.25, width);
    if (s->lower > 0)
        cli_page_add(page,
                     "<rect class=\"lower\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"2.5\"/>",
                     x, bottom - 1.25, width);
    cli_page_add(page, "</g>\n");
}

static void figure_bounds(cli_page *page, const report *r) {
    span *spans = cli_alloc(r->count, sizeof *spans);
    double *values = cli_alloc(r->count, 2 * sizeof *values);
    if (!spans || !values) {
        page->failed = true;
    } else {
        size_t count = find_spans(r, spans);
        for (size_t i = 0; i < count; ++i) {
            values[2 * i] = spans[i].lower;
            values[2 * i + 1] = spans[i].upper;
        }
        cli_axis y = cli_axis_for(values, 2 * count, false, BOTTOM, TOP);
        double step = (RIGHT - LEFT) / (double)(count ? count : 1);
        open_figure(page, "Lower and upper bound of every instance, by upper bound");
        cli_page_grid(page, &y, true, LEFT, RIGHT);
        for (size_t i = 0; i < count; ++i)
            draw_span(page, &y, &spans[i], LEFT + step * ((double)i + 0.1), fmin(0.8 * step, 40));
        cli_page_add(page, "<rect class=\"upper\" x=\"72\" y=\"290\" width=\"14\" "
                           "height=\"3\"/><text x=\"92\" y=\"296\">"
                           "upper bound</text><rect class=\"lower\" x=\"180\" y=\"290\" "
                           "width=\"14\" height=\"3\"/><text "
                           "x=\"200\" y=\"296\">lower bound</text></svg>\n");
    }
    free(spans);
    free(values);
}

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* How many instances took at most how long. */
static void figure_times(cli_page *page, const report *r) {
    double *wall = cli_alloc(r->count, sizeof *wall), total[1];
    size_t count = 0;
    if (!wall) {
        page->failed = true;
        return;
    }
    for (size_t i = 0; i < r->count; ++i)
        if (!failed(&r->item[i]) && isfinite(cli_json_value(r->item[i].root, "wall")))
            wall[count++] = cli_json_value(r->item[i].root, "wall");
    qsort(wall, count, sizeof *wall, compare_numbers);
    total[0] = (double)count;
    cli_axis x = cli_axis_for(wall, count, false, LEFT, RIGHT),
             y = cli_axis_for(total, 1, true, BOTTOM, TOP);
    open_figure(page, "Instances done within so many seconds");
    cli_page_grid(page, &y, true, LEFT, RIGHT);
    cli_page_grid(page, &x, false, TOP, BOTTOM);
    cli_page_add(page, "<path class=\"line-lower\" d=\"M%d %d", LEFT, BOTTOM);
    for (size_t i = 0; i < count; ++i)
        cli_page_add(page, "H%.2fV%.2f", cli_axis_at(&x, wall[i]), cli_axis_at(&y, (double)i + 1));
    cli_page_add(page,
                 "H%d\"/>\n<text class=\"muted end\" x=\"%d\" y=\"310\">seconds</text></svg>\n",
                 RIGHT, RIGHT);
    free(wall);
}

/* ---- The table --------------------------------------------------------------------------- */

/* A number with the value that it is sorted by. */
static void cell(cli_page *page, double value, const char *text) {
    cli_page_add(page, "<td class=\"n\" data-v=\"%.17g\">%s</td>", isfinite(value) ? value : 1e308,
                 text);
}

static void bound_cell(cli_page *page, const json_t *result, const char *key,
                       cli_rounding rounding) {
    char text[CLI_DECIMAL_SIZE];
    double value = cli_json_value(result, key);
    cli_decimal(value, 7, rounding, text);
    cell(page, value, text);
}

static void arguments_cell(cli_page *page, const json_t *arguments) {
    cli_page_add(page, "<td>");
    for (size_t i = 0; i < json_array_size(arguments); ++i) {
        const char *text = json_string_value(json_array_get(arguments, i));
        if (i) cli_page_add(page, " ");
        cli_page_escape(page, text ? text : "");
    }
    cli_page_add(page, "</td>");
}

static void row(cli_page *page, const line_record *item) {
    const json_t *result = result_of(item);
    char text[64];
    snprintf(text, sizeof text, "%.0f", item->line);
    cli_page_add(page, failed(item) ? "<tr class=\"failed\">" : "<tr>");
    cell(page, item->line, text);
    arguments_cell(page, json_object_get(item->root, "arguments"));
    if (failed(item)) {
        cli_page_add(page, "<td colspan=\"4\">failed: ");
        cli_page_escape(page, word(item->root, "error"));
        cli_page_add(page, "</td>");
    } else {
        double gap = cli_json_value(result, "gap");
        bound_cell(page, result, "lower", CLI_DOWN);
        bound_cell(page, result, "upper", CLI_UP);
        snprintf(text, sizeof text, isfinite(gap) ? "%.3g %%" : "-", 100 * gap);
        cell(page, gap, text);
        cli_page_add(page, "<td>");
        cli_page_escape(page, word(result, "upper_method"));
        cli_page_add(page, "</td>");
    }
    snprintf(text, sizeof text, "%.3f", cli_json_value(item->root, "wall"));
    cell(page, cli_json_value(item->root, "wall"), text);
    cli_page_add(page, "</tr>\n");
}

static void table(cli_page *page, const report *r) {
    static const char *const heads[] = {"line", "instance", "lower",  "upper",
                                        "gap",  "upper by", "seconds"};
    cli_page_add(page, "<div class=\"wide\"><table id=\"t\"><thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; ++i)
        cli_page_add(page, "<th><button type=\"button\">%s</button></th>", heads[i]);
    cli_page_add(page, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->count; ++i) row(page, &r->item[i]);
    cli_page_add(page, "</tbody></table></div>\n");
}

/* ---- The page ---------------------------------------------------------------------------- */

static const char page_style[] =
    "body{background:var(--surface);color:var(--text);font:15px/1.5 "
    "system-ui,sans-serif;max-width:1100px;"
    "margin:2em auto;padding:0 "
    "1em}h1{font-size:1.4em}svg{max-width:720px;width:100%;display:block;margin:1em 0}"
    ".tiles{display:flex;flex-wrap:wrap;gap:1em}.tiles div{border:1px solid "
    "var(--grid);border-radius:6px;"
    "padding:.5em 1em;min-width:7em}.tiles b{display:block;font-size:1.4em}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:13px}td,th{border-bottom:1px solid "
    "var(--grid);"
    "padding:.3em "
    ".6em;text-align:left;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums}"
    "th "
    "button{font:inherit;font-weight:600;color:inherit;background:none;border:0;padding:0;cursor:"
    "pointer}"
    "th[aria-sort=ascending] button::after{content:' \\2191'}th[aria-sort=descending] button::after"
    "{content:' \\2193'}.failed td{color:var(--upper)}.note{color:var(--muted)}\n";

static const char page_script[] =
    "document.querySelectorAll('#t th').forEach(function(th,k){th.firstChild.onclick=function(){"
    "var down=th.getAttribute('aria-sort')==='ascending',body=document.querySelector('#t tbody'),"
    "value=function(r){var c=r.cells[r.cells.length<7&&k>1?(k===6?3:2):k];"
    "return c.dataset.v!==undefined?parseFloat(c.dataset.v):c.textContent};"
    "var rows=Array.prototype.slice.call(body.rows);rows.sort(function(a,b){var "
    "x=value(a),y=value(b);"
    "if(typeof x!==typeof y)return typeof x==='number'?-1:1;var o=x<y?-1:x>y?1:0;return "
    "down?-o:o});"
    "rows.forEach(function(r){body.appendChild(r)});"
    "document.querySelectorAll('#t th').forEach(function(o){o.removeAttribute('aria-sort')});"
    "th.setAttribute('aria-sort',down?'descending':'ascending')}});";

static void tile(cli_page *page, const char *name, const char *value) {
    cli_page_add(page, "<div><b>%s</b>%s</div>", value, name);
}

static void tiles(cli_page *page, const report *r) {
    size_t bad = 0, gaps = 0;
    double seconds = 0, *gap = cli_alloc(r->count, sizeof *gap);
    char text[64];
    if (!gap) {
        page->failed = true;
        return;
    }
    for (size_t i = 0; i < r->count; ++i) {
        bad += failed(&r->item[i]);
        double own = failed(&r->item[i]) ? INFINITY : cli_json_value(result_of(&r->item[i]), "gap");
        if (isfinite(own)) gap[gaps++] = own;
        if (isfinite(cli_json_value(r->item[i].root, "wall")))
            seconds += cli_json_value(r->item[i].root, "wall");
    }
    qsort(gap, gaps, sizeof *gap, compare_numbers);
    cli_page_add(page, "<div class=\"tiles\">");
    snprintf(text, sizeof text, "%zu", r->count);
    tile(page, "instances", text);
    snprintf(text, sizeof text, "%zu", bad);
    tile(page, "failed", text);
    snprintf(text, sizeof text, gaps ? "%.3g %%" : "-", gaps ? 100 * gap[gaps / 2] : 0.0);
    tile(page, "median gap", text);
    snprintf(text, sizeof text, "%.4g s", seconds);
    tile(page, "time of all instances", text);
    cli_page_add(page, "</div>\n");
    free(gap);
}

static void write_page(cli_page *page, const char *path, const report *r) {
    cli_page_add(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                       "<meta name=\"color-scheme\" content=\"light dark\"><title>lipcert sweep: ");
    cli_page_escape(page, path);
    cli_page_add(page, "</title>\n<style>%s%s</style></head>\n<body><h1>Lipschitz bounds: ",
                 cli_figure_style, page_style);
    cli_page_escape(page, path);
    cli_page_add(page, "</h1>\n");
    tiles(page, r);
    if (r->damaged)
        cli_page_add(page, "<p class=\"note\">%zu line%s skipped that %s no record.</p>\n",
                     r->damaged, r->damaged == 1 ? "" : "s", r->damaged == 1 ? "is" : "are");
    figure_bounds(page, r);
    figure_times(page, r);
    cli_page_add(page, "<p class=\"note\">lower &le; L &le; upper, both proved, rounding included. "
                       "A click on a heading "
                       "sorts.</p>\n");
    table(page, r);
    cli_page_add(
        page, "<p class=\"note\">Written by lipcert %s.</p>\n<script>%s</script>\n</body></html>\n",
        lip_version(), page_script);
}

int cli_report(const cli_arguments *arguments) {
    const char *path = arguments->operand[0], *out = arguments->value[CLI_OUT][0];
    lip_error err = {0};
    report r = {0};
    cli_page page = {0};
    bool same = false;
    lip_status status = LIP_OK;
    if (!out) out = "-";
    bool file = strcmp(out, "-") != 0;
    if (file) status = cli_check_writable(out, &err);
    if (!status && file) status = cli_same_file(out, path, &same, &err);
    if (!status && same)
        status = cli_fail(&err, LIP_ARGUMENT, "option --out",
                          "the output would replace the records: %.200s", out);
    if (status) return cli_complain_output(&err);
    status = read_records(path, &r, &err);
    if (!status) write_page(&page, path, &r);
    if (!status && page.failed) status = cli_fail_memory(&err);
    int code = status ? cli_complain(&err) : CLI_EXIT_SUCCESS;
    if (!status && !file) fwrite(page.text, 1, page.length, stdout); /* main checks stdout */
    if (!status && file && cli_write_file(out, page.text, page.length, &err))
        code = cli_complain_output(&err);
    cli_page_free(&page);
    report_free(&r);
    return code;
}
