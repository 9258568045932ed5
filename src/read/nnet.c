/* .nnet (Julian, Stanford 2016), the text format of the ACAS Xu networks:
 *
 *     // comments                              any number of lines
 *     layers, inputs, outputs, largest width
 *     width of the input and of each layer     layers + 1 entries; more are ignored
 *     a flag that is no longer used
 *     smallest inputs                          clipping for users: not part of the network
 *     largest inputs
 *     means of the inputs, then of the outputs          inputs + 1 entries
 *     ranges of the inputs, then of the outputs         inputs + 1 entries
 *     then per layer one line per row of weights, and one line per bias
 *
 * The numbers describe  g: u -> v  in normalised units,  u = (x - mean) / range  and
 * y = range_out v + mean_out.  Without nnet_normalise the network is g; with it, both maps are folded
 * into the first and the last layer:  W' = W / range, b' = b - W' mean, and the like behind. */
#include "base/error.h"
#include "base/memory.h"
#include "read/chain.h"
#include "read/file.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct nnet {
    lip_lines lines;
    const char *line; /* the current line */
    size_t length;
    lip_error *err;
    size_t layers;
    size_t *width;        /* layers + 1 */
    lip_matrix *weight;   /* layers */
    lip_matrix *bias;     /* layers */
    double *mean, *range; /* inputs + 1, only if normalising */
} nnet;

static void clear(nnet *f) {
    for (size_t l = 0; f->weight && l < f->layers; ++l) free(f->weight[l].value);
    for (size_t l = 0; f->bias && l < f->layers; ++l) free(f->bias[l].value);
    free(f->weight);
    free(f->bias);
    free(f->width);
    free(f->mean);
    free(f->range);
}

/* ---- Lines ------------------------------------------------------------------------------- */

static lip_status next_line(nnet *f, const char *what) {
    if (lip_next_line(&f->lines, &f->line, &f->length)) return LIP_OK;
    return lip_fail_line(f->err, LIP_FORMAT, f->lines.number + 1,
                         "expected %s, found the end of the file", what);
}

static bool is_blank_line(const char *line, size_t length) {
    for (size_t i = 0; i < length; ++i)
        if (line[i] != ' ' && line[i] != '\t') return false;
    return true;
}

static lip_status first_line(nnet *f) {
    for (;;) {
        lip_status status = next_line(f, "the line 'layers, inputs, outputs, ...'");
        if (status != LIP_OK) return status;
        bool comment = f->length >= 2 && memcmp(f->line, "//", 2) == 0;
        if (!comment && !is_blank_line(f->line, f->length)) return LIP_OK;
    }
}

static lip_status fail_token(nnet *f, const char *what, const char *token, size_t length) {
    char quoted[LIP_QUOTE_SIZE];
    return lip_fail_line(f->err, LIP_FORMAT, f->lines.number, "expected %s, found %s", what,
                         lip_quote(quoted, token, length));
}

/* The numbers of the current line: at most `room` go to value (which may be NULL); *count is how many
 * there are. */
static lip_status line_numbers(nnet *f, double *value, size_t room, size_t *count) {
    const char *token;
    size_t at = 0, length;
    double number;
    *count = 0;
    while (lip_next_field(f->line, f->length, ",", &at, &token, &length)) {
        if (!lip_parse_decimal(token, length, &number))
            return fail_token(f, "a finite number", token, length);
        if (*count < room) value[*count] = number;
        ++*count;
    }
    return LIP_OK;
}

static lip_status exact_numbers(nnet *f, const char *what, double *value, size_t count) {
    size_t found;
    lip_status status = next_line(f, what);
    if (status == LIP_OK) status = line_numbers(f, value, count, &found);
    if (status != LIP_OK || found == count) return status;
    return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                         "expected %s of %zu entries, found %zu", what, count, found);
}

/* ---- Header ------------------------------------------------------------------------------ */

/* The counts of the current line, at least `least`, into value[room]. */
static lip_status line_counts(nnet *f, const char *what, size_t *value, size_t least, size_t room) {
    const char *token;
    size_t at = 0, length, count = 0, number;
    char quoted[LIP_QUOTE_SIZE];
    while (lip_next_field(f->line, f->length, ",", &at, &token, &length)) {
        if (!lip_parse_count(token, length, &number) || number == 0)
            return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                                 "expected %s, all of them positive counts, found %s", what,
                                 lip_quote(quoted, token, length));
        if (count < room) value[count] = number;
        ++count;
    }
    if (count >= least) return LIP_OK;
    return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                         "expected %s (%zu entries), found %zu", what, least, count);
}

static lip_status read_widths(nnet *f, size_t inputs, size_t outputs) {
    lip_status status = next_line(f, "the widths of the layers");
    if (status != LIP_OK) return status;
    if (f->layers > f->length) /* a width takes at least one byte */
        return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                             "expected the widths of the input and %zu layers, found %zu bytes",
                             f->layers, f->length);
    f->width = LIP_NEW(size_t, f->layers + 1);
    f->weight = LIP_NEW(lip_matrix, f->layers);
    f->bias = LIP_NEW(lip_matrix, f->layers);
    if (!f->width || !f->weight || !f->bias) return lip_fail_memory(f->err);
    status = line_counts(f, "a list of widths", f->width, f->layers + 1, f->layers + 1);
    if (status != LIP_OK) return status;
    if (f->width[0] != inputs || f->width[f->layers] != outputs)
        return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                             "expected widths from %zu inputs to %zu outputs, found %zu to %zu",
                             inputs, outputs, f->width[0], f->width[f->layers]);
    return LIP_OK;
}

/* One of the lines that only people's programs use; its entries must be numbers. */
static lip_status skip_numbers(nnet *f, const char *what) {
    size_t count;
    lip_status status = next_line(f, what);
    return status == LIP_OK ? line_numbers(f, NULL, 0, &count) : status;
}

static lip_status read_scaling(nnet *f, const char *what, double **value) {
    size_t count = f->width[0] + 1;
    if (count > f->lines.size) /* each entry takes a byte */
        return lip_fail_line(f->err, LIP_FORMAT, f->lines.number + 1,
                             "expected %s of %zu entries, found a shorter file", what, count);
    *value = LIP_NEW(double, count);
    return *value ? exact_numbers(f, what, *value, count) : lip_fail_memory(f->err);
}

static lip_status check_ranges(nnet *f) {
    for (size_t i = 0; i <= f->width[0]; ++i)
        if (f->range[i] == 0)
            return lip_fail_line(f->err, LIP_FORMAT, f->lines.number,
                                 "expected ranges other than 0, found 0 as entry %zu", i + 1);
    return LIP_OK;
}

static lip_status read_header(nnet *f, bool normalise) {
    size_t sizes[3];
    lip_status status = first_line(f);
    if (status == LIP_OK) status = line_counts(f, "a list of layers, inputs, outputs", sizes, 3, 3);
    if (status != LIP_OK) return status;
    f->layers = sizes[0];
    status = read_widths(f, sizes[1], sizes[2]);
    if (status == LIP_OK) status = skip_numbers(f, "the line of the unused flag");
    if (status == LIP_OK) status = skip_numbers(f, "the smallest inputs");
    if (status == LIP_OK) status = skip_numbers(f, "the largest inputs");
    if (status != LIP_OK) return status;
    if (!normalise) {
        status = skip_numbers(f, "the means");
        return status == LIP_OK ? skip_numbers(f, "the ranges") : status;
    }
    status = read_scaling(f, "means", &f->mean);
    if (status == LIP_OK) status = read_scaling(f, "ranges", &f->range);
    return status == LIP_OK ? check_ranges(f) : status;
}

/* ---- Weights ----------------------------------------------------------------------------- */

/* A matrix that the rest of the file can hold: each number takes a byte and a separator. */
static lip_status new_matrix(nnet *f, size_t rows, size_t cols, lip_matrix *m) {
    size_t count, left = f->lines.size - f->lines.at;
    if (!lip_multiply_sizes(rows, cols, &count) || count > (left + 1) / 2)
        return lip_fail_line(f->err, LIP_FORMAT, f->lines.number + 1,
                             "expected %zu x %zu numbers, but only %zu bytes of the file are left",
                             rows, cols, left);
    *m = (lip_matrix){rows, cols, LIP_NEW(double, count)};
    return m->value ? LIP_OK : lip_fail_memory(f->err);
}

static lip_status read_matrix(nnet *f, const char *kind, size_t layer, size_t rows, size_t cols,
                              lip_matrix *m) {
    char what[80];
    lip_status status = new_matrix(f, rows, cols, m);
    for (size_t i = 0; status == LIP_OK && i < rows; ++i) {
        snprintf(what, sizeof what, "%s %zu of layer %zu", kind, i + 1, layer);
        status = exact_numbers(f, what, m->value + i * cols, cols);
    }
    return status;
}

static lip_status read_layers(nnet *f) {
    lip_status status = LIP_OK;
    for (size_t l = 0; status == LIP_OK && l < f->layers; ++l) {
        size_t rows = f->width[l + 1];
        status = read_matrix(f, "weight row", l + 1, rows, f->width[l], &f->weight[l]);
        if (status == LIP_OK) status = read_matrix(f, "bias", l + 1, rows, 1, &f->bias[l]);
    }
    while (status == LIP_OK && lip_next_line(&f->lines, &f->line, &f->length))
        if (!is_blank_line(f->line, f->length))
            status = fail_token(f, "the end of the file", f->line, f->length);
    return status;
}

/* ---- Normalisation ----------------------------------------------------------------------- */

static bool is_identity(const double *mean, const double *range, size_t count) {
    for (size_t i = 0; i < count; ++i)
        if (mean[i] != 0 || range[i] != 1) return false;
    return true;
}

static void fold_inputs(nnet *f) {
    lip_matrix *w = &f->weight[0];
    for (size_t i = 0; i < w->rows; ++i)
        for (size_t j = 0; j < w->cols; ++j) {
            w->value[i * w->cols + j] /= f->range[j];
            f->bias[0].value[i] -= w->value[i * w->cols + j] * f->mean[j];
        }
}

static void fold_outputs(nnet *f) {
    lip_matrix *w = &f->weight[f->layers - 1], *b = &f->bias[f->layers - 1];
    double mean = f->mean[f->width[0]], range = f->range[f->width[0]];
    for (size_t i = 0; i < w->rows * w->cols; ++i) w->value[i] *= range;
    for (size_t i = 0; i < b->rows; ++i) b->value[i] = b->value[i] * range + mean;
}

/* Fold what is not the identity; returns how many maps were folded. */
static int normalise(nnet *f) {
    size_t n = f->width[0];
    bool before = !is_identity(f->mean, f->range, n);
    bool behind = !is_identity(f->mean + n, f->range + n, 1);
    if (before) fold_inputs(f);
    if (behind) fold_outputs(f);
    return before + behind;
}

static lip_status build(nnet *f, int folds, lip_network **net) {
    lip_builder *builder;
    lip_status status =
        lip_begin_chain(f->layers, f->weight, f->bias, false, "nnet", &builder, f->err);
    if (status != LIP_OK) return status;
    for (int i = 0; i < folds; ++i) lip_builder_note_fold(builder);
    status = lip_builder_finish(builder, net, f->err);
    lip_builder_free(builder);
    return status;
}

lip_status lip_read_nnet(const lip_source *source, lip_network **net, lip_error *err) {
    nnet f = {.lines = {.text = (const char *)source->bytes, .size = source->size}, .err = err};
    bool wanted = source->options.nnet_normalise;
    lip_status status = read_header(&f, wanted);
    if (status == LIP_OK) status = read_layers(&f);
    if (status == LIP_OK) status = build(&f, wanted ? normalise(&f) : 0, net);
    clear(&f);
    return status;
}
