/* The figures of `lipcert plot`, drawn from the documents that the program writes.
 *
 *   time      the best bounds against time: the anytime curve
 *   methods   what each method found, a dot each, over the band between the final bounds
 *   margins   the matrix of L_ij: upper bounds above the diagonal, lower bounds below it
 *   classes   the certified radius against each class
 *   image     numbers of pixels, such as a gradient; sign by colour, size by opacity */
#include "decimal.h"
#include "svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 96, RIGHT = 620, ROW = 24 };

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is_lower(const json_t *step) { return strcmp(text_of(step, "side"), "lower") == 0; }

static const char *bound_text(double value, bool lower, int digits, char text[CLI_DECIMAL_SIZE]) {
    cli_decimal(value, digits, lower ? CLI_DOWN : CLI_UP, text);
    return text;
}

/* Nothing was proved: 0 from below, infinity from above. */
static bool says_nothing(double value) { return !(value > 0) || !isfinite(value); }

/* ---- Bounds against time ----------------------------------------------------------------- */

/* The points of one side: times and best values; a history if the document has one, else the steps. */
static size_t curve(const json_t *result, bool lower, double *seconds, double *value, size_t room) {
    const json_t *history = json_object_get(result, "history"),
                 *steps = json_object_get(result, "steps");
    double clock = 0, best = lower ? 0 : INFINITY;
    size_t count = 0, i;
    const json_t *item;
    json_array_foreach(history ? history : steps, i, item) {
        double now = cli_json_value(item, "seconds");
        double own = history                   ? cli_json_value(item, lower ? "lower" : "upper")
                     : is_lower(item) == lower ? cli_json_value(item, "value")
                     : lower                   ? 0
                                               : INFINITY;
        clock = history ? now : clock + now;
        double better = lower ? fmax(best, own) : fmin(best, own);
        if (better != best && count < room) {
            seconds[count] = clock;
            value[count++] = better;
        }
        best = better;
    }
    return count;
}

static void draw_curve(cli_page *page, const cli_axis *x, const cli_axis *y, bool lower,
                       const double *seconds, const double *value, size_t count, double end) {
    const char *side = lower ? "lower" : "upper";
    char text[CLI_DECIMAL_SIZE];
    if (count == 0) return;
    cli_page_add(page, "<path class=\"line-%s\" d=\"", side);
    for (size_t i = 0; i < count; ++i) {
        double at = cli_axis_at(x, seconds[i]), level = cli_axis_at(y, value[i]);
        cli_page_add(page, i ? "H%.2fV%.2f" : "M%.2f %.2f", at, level);
    }
    cli_page_add(page, "H%.2f\"/>\n", cli_axis_at(x, end));
    for (size_t i = 0; i < count; ++i)
        cli_page_add(
            page,
            "<circle class=\"%s\" cx=\"%.2f\" cy=\"%.2f\" r=\"3.5\"><title>%s bound %s after "
            "%.3f s</title></circle>\n",
            side, cli_axis_at(x, seconds[i]), cli_axis_at(y, value[i]), side,
            bound_text(value[i], lower, 7, text), seconds[i]);
    bound_text(value[count - 1], lower, 6, text);
    cli_page_add(page, "<text class=\"%s\" x=\"%d\" y=\"%.2f\">%s %s</text>\n", side, RIGHT + 8,
                 cli_axis_at(y, value[count - 1]) + (lower ? 14 : -6),
                 lower ? "\xE2\x89\xA5" : "\xE2\x89\xA4", text);
}

double cli_figure_time(cli_page *page, const json_t *result, double top) {
    size_t room = json_array_size(json_object_get(result, "history")) +
                  json_array_size(json_object_get(result, "steps")) + 1;
    double *low = cli_alloc(room, 5 * sizeof *low);
    if (!low) {
        page->failed = true;
        return 0;
    }
    double *low_at = low + 2 * room, *value = low + 3 * room, *at = low + 4 * room;
    size_t lows = curve(result, true, low_at, low, room),
           ups = curve(result, false, at, value, room);
    double end = 0;
    for (size_t i = 0; i < lows; ++i) end = fmax(end, low_at[i]);
    for (size_t i = 0; i < ups; ++i) end = fmax(end, at[i]);
    end = fmax(end,
               isfinite(cli_json_value(result, "seconds")) ? cli_json_value(result, "seconds") : 0);
    memcpy(low + lows, value, ups * sizeof *value); /* all values in one row, for the axis */
    double bottom = top + 260;
    cli_axis x = cli_axis_for(&end, 1, true, LEFT, RIGHT);
    cli_axis y = cli_axis_for(low, lows + ups, false, bottom, top + 44);
    cli_figure_title(page, top + 22, "Bounds against time");
    cli_page_grid(page, &y, true, LEFT, RIGHT);
    cli_page_grid(page, &x, false, top + 44, bottom);
    cli_page_add(page, "<text class=\"muted end\" x=\"%d\" y=\"%.2f\">seconds</text>\n", RIGHT,
                 bottom + 32);
    draw_curve(page, &x, &y, false, at, low + lows, ups, end);
    draw_curve(page, &x, &y, true, low_at, low, lows, end);
    free(low);
    return 308;
}

/* ---- Bounds by method -------------------------------------------------------------------- */

static void draw_step(cli_page *page, const cli_axis *x, const json_t *step, double y) {
    bool lower = is_lower(step), complete = json_is_true(json_object_get(step, "complete"));
    double value = cli_json_value(step, "value");
    char text[CLI_DECIMAL_SIZE];
    cli_page_add(page, "<text class=\"end\" x=\"%d\" y=\"%.2f\">", LEFT - 8, y + 4);
    cli_page_escape(page, text_of(step, "method"));
    cli_page_add(page, "</text>\n");
    if (says_nothing(value)) {
        cli_page_add(page, "<text class=\"muted\" x=\"%d\" y=\"%.2f\">no bound</text>\n", RIGHT + 8,
                     y + 4);
        return;
    }
    const char *side = lower ? "lower" : "upper";
    double at = cli_axis_at(x, value);
    bound_text(value, lower, 6, text);
    cli_page_add(
        page,
        "<circle class=\"%s\" cx=\"%.2f\" cy=\"%.2f\" r=\"5\"><title>%s bound %s, %.3f s%s</title>"
        "</circle>\n",
        side, at, y, side, text, cli_json_value(step, "seconds"), complete ? "" : ", incomplete");
    if (!complete)
        cli_page_add(page, "<circle class=\"open\" cx=\"%.2f\" cy=\"%.2f\" r=\"2.5\"/>\n", at, y);
    cli_page_add(page, "<text class=\"%s\" x=\"%d\" y=\"%.2f\">%s %s</text>\n", side, RIGHT + 8,
                 y + 4, lower ? "\xE2\x89\xA5" : "\xE2\x89\xA4", text);
}

double cli_figure_methods(cli_page *page, const json_t *result, double top) {
    const json_t *steps = json_object_get(result, "steps"), *step;
    size_t count = json_array_size(steps), i;
    double *value = cli_alloc(count, sizeof *value);
    if (!value) {
        page->failed = true;
        return 0;
    }
    json_array_foreach(steps, i, step) value[i] = cli_json_value(step, "value");
    cli_axis x = cli_axis_for(value, count, false, LEFT, RIGHT);
    double first = top + 44, bottom = first + (double)(ROW * count);
    double lower = cli_json_value(result, "lower"), upper = cli_json_value(result, "upper");
    cli_figure_title(page, top + 22, "Bounds by method");
    if (!says_nothing(lower) && !says_nothing(upper)) {
        double a = cli_axis_at(&x, lower), b = cli_axis_at(&x, upper);
        cli_page_add(
            page, "<rect class=\"band\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
            a, first, fmax(b - a, 1), bottom - first);
    }
    cli_page_grid(page, &x, false, first, bottom);
    json_array_foreach(steps, i, step)
        draw_step(page, &x, step, first + ROW * (double)i + ROW / 2.0);
    cli_page_add(page,
                 "<circle class=\"upper\" cx=\"%d\" cy=\"%.2f\" r=\"5\"/><text x=\"%d\" "
                 "y=\"%.2f\">upper</text>"
                 "<circle class=\"lower\" cx=\"%d\" cy=\"%.2f\" r=\"5\"/><text x=\"%d\" "
                 "y=\"%.2f\">lower</text>"
                 "<text class=\"muted\" x=\"%d\" y=\"%.2f\">white middle: incomplete; band: "
                 "between the best "
                 "bounds</text>\n",
                 LEFT + 5, bottom + 36, LEFT + 15, bottom + 40, LEFT + 65, bottom + 36, LEFT + 75,
                 bottom + 40, LEFT + 130, bottom + 40);
    free(value);
    return bottom + 56 - top;
}

/* ---- The matrix of margins --------------------------------------------------------------- */

static double entry(const json_t *matrix, size_t i, size_t j) {
    const json_t *value = json_array_get(json_array_get(matrix, i), j);
    return json_is_number(value) ? json_number_value(value) : INFINITY;
}

static void draw_entry(cli_page *page, double x, double y, double side, double share, double value,
                       bool lower, size_t i, size_t j, bool numbers) {
    char text[CLI_DECIMAL_SIZE];
    share = fmin(fmax(share, 0), 1);
    bound_text(value, lower, 3, text);
    cli_page_add(page,
                 "<rect class=\"heat\" fill-opacity=\"%.3f\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                 "height=\"%.2f\"><title>%s bound of L for %zu,%zu: %s</title></rect>\n",
                 0.06 + 0.94 * share, x + 0.5, y + 0.5, side - 1, side - 1,
                 lower ? "lower" : "upper", i, j, text);
    if (numbers)
        cli_page_add(
            page,
            "<text class=\"mid%s\" style=\"font-size:%.0fpx\" x=\"%.2f\" y=\"%.2f\">%s</text>\n",
            share > 0.72 ? " on" : "", side > 46 ? 11.0 : 9.0, x + side / 2, y + side / 2 + 4,
            text);
}

double cli_figure_margins(cli_page *page, const json_t *result, double top) {
    const json_t *lower = json_object_get(result, "lower_matrix"),
                 *upper = json_object_get(result, "upper_matrix");
    size_t m = json_array_size(upper), stride = m > 40 ? 10 : m > 20 ? 5 : 1;
    double side = fmin(52, 560.0 / (double)m), x0 = 64, y0 = top + 62, most = 0, least = INFINITY;
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j) {
            double value = entry(i < j ? upper : lower, i, j);
            if (i == j || !isfinite(value)) continue;
            most = fmax(most, value);
            least = fmin(least, value);
        }
    cli_figure_title(page, top + 22, "Lipschitz constants of margins");
    cli_page_add(page,
                 "<text class=\"muted\" x=\"16\" y=\"%.2f\">output i minus output j, row i, column "
                 "j: upper bounds above the "
                 "diagonal, lower bounds below it</text>\n",
                 top + 40);
    for (size_t i = 0; i < m; ++i) {
        double at = (double)i * side;
        if (i % stride == 0)
            cli_page_add(page,
                         "<text class=\"muted end\" x=\"%.2f\" y=\"%.2f\">%zu</text>"
                         "<text class=\"muted mid\" x=\"%.2f\" y=\"%.2f\">%zu</text>\n",
                         x0 - 6, y0 + at + side / 2 + 4, i, x0 + at + side / 2, y0 - 5, i);
        for (size_t j = 0; j < m; ++j) {
            double value = entry(i < j ? upper : lower, i, j);
            double share = most > least && isfinite(value) ? (value - least) / (most - least) : 1;
            if (i != j)
                draw_entry(page, x0 + (double)j * side, y0 + at, side, share, value, i > j, i, j,
                           m <= 14);
        }
    }
    return 62 + (double)m * side + 24;
}

/* ---- Certified radii --------------------------------------------------------------------- */

double cli_figure_classes(cli_page *page, const json_t *result, double top) {
    const json_t *classes = json_object_get(result, "classes"), *item;
    size_t count = json_array_size(classes), i;
    double *value = cli_alloc(count, sizeof *value), first = top + 44;
    char text[CLI_DECIMAL_SIZE];
    if (!value) {
        page->failed = true;
        return 0;
    }
    json_array_foreach(classes, i, item) value[i] = cli_json_value(item, "radius");
    cli_axis x = cli_axis_for(value, count, true, LEFT, RIGHT);
    double bottom = first + (double)(ROW * count);
    cli_figure_title(page, top + 22, "Certified radius against each class");
    cli_page_grid(page, &x, false, first, bottom);
    json_array_foreach(classes, i, item) {
        double y = first + ROW * (double)i,
               end = isfinite(value[i]) ? cli_axis_at(&x, value[i]) : RIGHT;
        bound_text(value[i], true, 6, text);
        cli_page_add(
            page,
            "<text class=\"end\" x=\"%d\" y=\"%.2f\">class %.0f</text>"
            "<rect class=\"lower\" x=\"%d\" y=\"%.2f\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>"
            "<text x=\"%d\" y=\"%.2f\">%s</text>\n",
            LEFT - 8, y + 16, cli_json_value(item, "class"), LEFT, y + 4, fmax(end - LEFT, 0.5),
            ROW - 8, RIGHT + 8, y + 16, text);
    }
    free(value);
    return bottom + 40 - top;
}

/* ---- Images ------------------------------------------------------------------------------ */

double cli_figure_image(cli_page *page, const double *value, const cli_shape *shape, double top) {
    size_t height = shape->height, width = shape->width, channels = shape->channels;
    double most = 0,
           room = (CLI_FIGURE_WIDTH - 32.0 - 16.0 * (double)(channels - 1)) / (double)channels;
    double side = fmin(fmin(room / (double)width, 360.0 / (double)height), 28);
    for (size_t i = 0; i < height * width * channels; ++i) most = fmax(most, fabs(value[i]));
    cli_figure_title(page, top + 22, "Gradient at the witness");
    for (size_t c = 0; c < channels; ++c) {
        double x0 = 16 + (double)c * (side * (double)width + 16), y0 = top + 40;
        cli_page_add(
            page, "<rect class=\"frame\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
            x0, y0, side * (double)width, side * (double)height);
        for (size_t i = 0; i < height; ++i)
            for (size_t j = 0; j < width; ++j) {
                double v = value[shape->last ? (i * width + j) * channels + c
                                             : (c * height + i) * width + j];
                if (v == 0 || !(most > 0)) continue;
                cli_page_add(
                    page,
                    "<rect class=\"%s\" fill-opacity=\"%.3f\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                    "height=\"%.2f\"><title>%zu,%zu: %.6g</title></rect>\n",
                    v > 0 ? "upper" : "lower", fabs(v) / most, x0 + (double)j * side,
                    y0 + (double)i * side, side, side, i, j, v);
            }
    }
    double bottom = top + 40 + side * (double)height;
    cli_page_add(
        page,
        "<rect class=\"upper\" x=\"16\" y=\"%.2f\" width=\"12\" height=\"12\"/><text x=\"34\" "
        "y=\"%.2f\">positive</text><rect class=\"lower\" x=\"96\" y=\"%.2f\" width=\"12\" "
        "height=\"12\"/><text x=\"114\" y=\"%.2f\">negative</text><text class=\"muted\" x=\"180\" "
        "y=\"%.2f\">full colour: %.6g</text>\n",
        bottom + 12, bottom + 22, bottom + 12, bottom + 22, bottom + 22, most);
    return bottom + 40 - top;
}
