/* Parts of figures.
 *
 * Colours are custom properties that follow the reader's scheme, light or dark, so that a figure fits the page
 * that shows it; areas are shaded by opacity over the background, which works for both.  Coordinates have
 * two digits and nothing depends on the clock or the locale: the same document gives the same bytes. */
#include "svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text -------------------------------------------------------------------------------- */

static bool make_room(cli_page *page, size_t more) {
    if (page->failed) return false;
    if (page->room - page->length > more) return true;
    size_t room = 2 * page->room + more + 4096;
    char *text = realloc(page->text, room);
    page->failed = text == NULL;
    if (!text) return false;
    page->text = text;
    page->room = room;
    return true;
}

void cli_page_add(cli_page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments), written = -1;
    va_end(arguments);
    if (length < 0) page->failed = true; /* printf allocates too */
    if (length < 0 || !make_room(page, (size_t)length)) return;
    va_start(arguments, format);
    written = vsnprintf(page->text + page->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    if (written != length) page->failed = true;
    page->length += (size_t)length;
}

void cli_page_escape(cli_page *page, const char *text) {
    static const struct {
        char c;
        const char *name;
    } names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (*text) {
        size_t length = cli_printable(text);
        const char *name = length ? NULL : "?";
        for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
            if (*text == names[i].c) name = names[i].name;
        if (name)
            cli_page_add(page, "%s", name);
        else
            cli_page_add(page, "%.*s", (int)length, text);
        text += length ? length : 1;
    }
}

void cli_page_free(cli_page *page) {
    free(page->text);
    *page = (cli_page){0};
}

/* ---- Style ------------------------------------------------------------------------------- */

/* Every colour twice: programs that know no variables of CSS skip the second. */
const char cli_figure_style[] =
    ":root,svg{--surface:#ffffff;--text:#1f2328;--muted:#59636e;--grid:#d8dee4;--lower:#1f6fc5;"
    "--upper:#c2500a;--heat:#c2500a;--on:#ffffff}\n"
    "@media (prefers-color-scheme:dark){:root,svg{--surface:#0d1117;--text:#e6edf3;"
    "--muted:#9198a1;--grid:#30363d;--lower:#58a6ff;--upper:#f0883e;--heat:#f0883e;--on:#0d1117}}\n"
    ".page{fill:#ffffff;fill:var(--surface)}text{font:12px "
    "system-ui,sans-serif;fill:#1f2328;fill:var(--text)}"
    ".title{font-size:14px;font-weight:600}.muted{fill:#59636e;fill:var(--muted)}"
    ".grid{stroke:#d8dee4;stroke:var(--grid);stroke-width:1}.end{text-anchor:end}.mid{text-anchor:"
    "middle}"
    ".lower{fill:#1f6fc5;fill:var(--lower)}.upper{fill:#c2500a;fill:var(--upper)}"
    ".line-lower{fill:none;stroke:#1f6fc5;stroke:var(--lower);stroke-width:2}"
    ".line-upper{fill:none;stroke:#c2500a;stroke:var(--upper);stroke-width:2}"
    ".open{fill:#ffffff;fill:var(--surface)}.band{fill:#59636e;fill:var(--muted);fill-opacity:.18}"
    ".heat{fill:#c2500a;fill:var(--heat)}.on{fill:#ffffff;fill:var(--on)}.frame{fill:none;stroke:#"
    "d8dee4;stroke:var(--grid)}\n";

/* ---- Axes -------------------------------------------------------------------------------- */

static const double WIDE = 8; /* ratio of largest to smallest from which on logarithms show more */

cli_axis cli_axis_for(const double *value, size_t count, bool zero, double from, double to) {
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < count; ++i) {
        if (!isfinite(value[i]) || (!zero && value[i] <= 0)) continue;
        lo = fmin(lo, value[i]);
        hi = fmax(hi, value[i]);
    }
    if (!(lo <= hi)) lo = hi = 1;
    cli_axis axis = {.from = from, .to = to};
    axis.log = !zero && hi / lo > WIDE;
    if (zero) {
        axis.hi = hi > 0 ? 1.04 * hi : 1;
    } else if (axis.log) {
        double pad = pow(hi / lo, 0.05);
        axis.lo = lo / pad;
        axis.hi = hi * pad;
    } else {
        double pad = hi > lo ? 0.08 * (hi - lo) : 0.1 * hi;
        axis.lo = lo - pad;
        axis.hi = hi + pad;
    }
    return axis;
}

double cli_axis_at(const cli_axis *axis, double value) {
    double share;
    if (axis->log)
        share = value > 0 ? log(value / axis->lo) / log(axis->hi / axis->lo) : 0;
    else
        share = (value - axis->lo) / (axis->hi - axis->lo);
    return axis->from + (axis->to - axis->from) * fmin(fmax(share, 0), 1);
}

/* A step of 1, 2 or 5 times a power of ten that needs at most six of them. */
static double round_step(double range) {
    double power = pow(10, floor(log10(range / 6)));
    static const double factors[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; ++i)
        if (range / (factors[i] * power) <= 6) return factors[i] * power;
    return 10 * power;
}

size_t cli_axis_ticks(const cli_axis *axis, double tick[CLI_TICKS]) {
    size_t count = 0;
    if (axis->log) {
        int first = (int)ceil(log10(axis->lo)), last = (int)floor(log10(axis->hi));
        int stride = (last - first) / (CLI_TICKS - 2) + 1;
        bool few = last - first < 2;
        for (int e = few ? first - 1 : first; e <= last && count < CLI_TICKS; e += stride)
            for (int f = 1; f <= (few ? 5 : 1) && count < CLI_TICKS; f += f == 2 ? 3 : 1) {
                double t = f * pow(10, e);
                if (t >= axis->lo && t <= axis->hi) tick[count++] = t;
            }
        return count;
    }
    double step = round_step(axis->hi - axis->lo);
    for (double k = ceil(axis->lo / step); k * step <= axis->hi && count < CLI_TICKS; k += 1)
        tick[count++] = k * step;
    return count;
}

void cli_page_grid(cli_page *page, const cli_axis *axis, bool vertical, double a, double b) {
    double tick[CLI_TICKS];
    size_t count = cli_axis_ticks(axis, tick);
    for (size_t i = 0; i < count; ++i) {
        double at = cli_axis_at(axis, tick[i]);
        if (vertical)
            cli_page_add(page,
                         "<line class=\"grid\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%.2f\" y2=\"%.2f\"/>"
                         "<text class=\"muted end\" x=\"%.2f\" y=\"%.2f\">%.4g</text>\n",
                         a, b, at, at, a - 6, at + 4, tick[i]);
        else
            cli_page_add(page,
                         "<line class=\"grid\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%.2f\" y2=\"%.2f\"/>"
                         "<text class=\"muted mid\" x=\"%.2f\" y=\"%.2f\">%.4g</text>\n",
                         at, at, a, b, at, b + 16, tick[i]);
    }
}

void cli_figure_title(cli_page *page, double y, const char *title) {
    cli_page_add(page, "<text class=\"title\" x=\"16\" y=\"%.2f\">", y);
    cli_page_escape(page, title);
    cli_page_add(page, "</text>\n");
}

double cli_json_value(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : INFINITY;
}
