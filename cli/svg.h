/* Pages of text under construction, and the parts of figures: SVG without a library. */
#ifndef LIPCERT_CLI_SVG_H
#define LIPCERT_CLI_SVG_H

#include "failure.h"

#include <jansson.h>

/* Text that grows; `failed` once memory was short, then nothing is added. */
typedef struct cli_page {
    char *text;
    size_t length, room;
    bool failed;
} cli_page;

void cli_page_add(cli_page *page, const char *format, ...) CLI_PRINTF(2, 3);

/* Text from outside, safe in elements and attributes of XML and HTML: & < > " ' are escaped, and '?' stands
 * for control characters and bytes that are no UTF-8. */
void cli_page_escape(cli_page *page, const char *text);
void cli_page_free(cli_page *page);

/* The style of all figures, for the inside of a <style> element: colours as custom properties, for light and
 * dark (prefers-color-scheme). */
extern const char cli_figure_style[];

/* An axis from value lo to hi at coordinates from .. to; logarithmic if that shows more. */
typedef struct cli_axis {
    double lo, hi, from, to;
    bool log;
} cli_axis;

/* An axis that shows all of value[0 .. count-1] that are finite; with `zero` from 0 and linear. */
cli_axis cli_axis_for(const double *value, size_t count, bool zero, double from, double to);
double cli_axis_at(const cli_axis *axis, double value);

/* At most `room` round values within the axis; how many. */
enum { CLI_TICKS = 12 };
size_t cli_axis_ticks(const cli_axis *axis, double tick[CLI_TICKS]);

/* Grid lines and their labels: `vertical` is the axis of y, lines run from a to b. */
void cli_page_grid(cli_page *page, const cli_axis *axis, bool vertical, double a, double b);

/* Figures, each as <g> of this width; the height they take is returned.  The documents have been checked. */
enum { CLI_FIGURE_WIDTH = 720 };
double cli_figure_time(cli_page *page, const json_t *result, double top);
double cli_figure_methods(cli_page *page, const json_t *result, double top);
double cli_figure_margins(cli_page *page, const json_t *result, double top);
double cli_figure_classes(cli_page *page, const json_t *result, double top);

/* value[height * width * channels]; layout: channels of height x width one after the other, or, if `last`,
 * channels of a pixel together. */
typedef struct cli_shape {
    size_t height, width, channels;
    bool last;
} cli_shape;
double cli_figure_image(cli_page *page, const double *value, const cli_shape *shape, double top);

/* A number of a document; INFINITY where it says null. */
double cli_json_value(const json_t *object, const char *key);

/* Heading of a figure at y. */
void cli_figure_title(cli_page *page, double y, const char *title);

#endif
