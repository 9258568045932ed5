/* Reading the canonical form, strictly: exactly the files that lip_network_save writes are accepted,
 * so that the SHA-256 of an accepted file is the hash of its network.  One space between tokens, one
 * "\n" after each line, numbers in their one spelling, counts that agree, "end", and nothing more.
 *
 * A count never sizes an allocation on its own: a row of k numbers needs at least 7 k bytes of the
 * file, which is checked first.  The number of inputs has nothing behind it, and everything that is
 * done with a network allocates by it, so that it is limited as in ONNX. */
#include "net/canonical.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/builder.h"
#include "net/network.h"
#include "read/file.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_SIZE  ((size_t)1000000000)
#define LARGEST_INPUT ((size_t)1 << 24) /* or the file's size, if that is more */
#define NUMBER_BYTES  7 /* of the shortest number, "0x0p+0", and what separates it from the next */

typedef struct lexer {
    const char *at, *end;
    size_t line;
    bool fresh; /* at the start of a line */
    lip_error *err;
} lexer;

/* ---- Tokens ------------------------------------------------------------------------------ */

static lip_status unexpected(const lexer *lex, const char *expected, const char *at,
                             size_t length) {
    char quoted[LIP_QUOTE_SIZE];
    const char *found = quoted;
    if (at == lex->end)
        found = "the end of the file";
    else if (length == 0 && *at == '\n')
        found = "the end of the line";
    else if (length == 0 && *at == ' ')
        found = "a second space";
    else if (memchr(at, '\r', length ? length : 1))
        found = "a carriage return";
    else
        lip_quote(quoted, at, length ? length : 1);
    return lip_fail_line(lex->err, LIP_FORMAT, lex->line, "expected %s, found %s", expected, found);
}

/* The next token of this line. */
static lip_status next(lexer *lex, const char *expected, const char **token, size_t *length) {
    if (!lex->fresh) {
        if (lex->at == lex->end || *lex->at != ' ') return unexpected(lex, expected, lex->at, 0);
        ++lex->at;
    }
    const char *start = lex->at, *p = start;
    while (p < lex->end && *p != ' ' && *p != '\n') ++p;
    *token = start;
    *length = (size_t)(p - start);
    if (*length == 0) return unexpected(lex, expected, start, 0);
    lex->at = p;
    lex->fresh = false;
    return LIP_OK;
}

static lip_status end_line(lexer *lex) {
    if (lex->at == lex->end || *lex->at != '\n') {
        const char *p = lex->at;
        if (p < lex->end && *p == ' ') ++p;
        const char *stop = p;
        while (stop < lex->end && *stop != ' ' && *stop != '\n') ++stop;
        if (p > lex->at && stop == p)
            return lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                                 "expected the end of the line, found a space");
        return unexpected(lex, "the end of the line", p, (size_t)(stop - p));
    }
    ++lex->at;
    ++lex->line;
    lex->fresh = true;
    return LIP_OK;
}

static lip_status expect_word(lexer *lex, const char *word) {
    const char *token;
    size_t length;
    char expected[48];
    snprintf(expected, sizeof expected, "'%s'", word);
    lip_status status = next(lex, expected, &token, &length);
    if (status != LIP_OK) return status;
    if (length == strlen(word) && memcmp(token, word, length) == 0) return LIP_OK;
    return unexpected(lex, expected, token, length);
}

static lip_status read_size(lexer *lex, const char *what, size_t least, size_t most,
                            size_t *value) {
    const char *token;
    size_t length, v;
    char expected[120];
    if (least == most)
        snprintf(expected, sizeof expected, "%s %zu", what, least);
    else
        snprintf(expected, sizeof expected, "%s from %zu to %zu", what, least, most);
    lip_status status = next(lex, expected, &token, &length);
    if (status != LIP_OK) return status;
    bool padded = length > 1 && token[0] == '0';
    if (padded || !lip_parse_count(token, length, &v) || v < least || v > most)
        return unexpected(lex, expected, token, length);
    *value = v;
    return LIP_OK;
}

/* ---- Numbers ----------------------------------------------------------------------------- */

/* The digits of the fraction, 1 to 13 of them, the last not 0; *bits holds them left-aligned. */
static bool parse_fraction(const char **at, const char *end, uint64_t *bits) {
    const char *p = *at;
    int shift = 52;
    char c = '0';
    for (; p < end && *p != 'p'; ++p) {
        c = *p;
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0) return false;
        uint64_t digit = (uint64_t)value;
        shift -= 4;
        if (shift < 0) return false;
        *bits |= digit << shift;
    }
    *at = p;
    return c != '0';
}

/* "p", a sign, an exponent without leading zeros, and nothing after it. */
static bool parse_exponent(const char *p, const char *end, int *exponent) {
    if (end - p < 3 || end - p > 6 || p[0] != 'p' || (p[1] != '+' && p[1] != '-')) return false;
    if (p[2] == '0' && (end - p > 3 || p[1] == '-')) return false;
    int e = 0;
    for (const char *q = p + 2; q < end; ++q) {
        if (*q < '0' || *q > '9') return false;
        e = 10 * e + (*q - '0');
    }
    *exponent = p[1] == '-' ? -e : e;
    return true;
}

bool lip_canonical_number(const char *p, size_t length, double *value) {
    const char *end = p + length;
    uint64_t bits = 0;
    int exponent;
    bool negative = length > 0 && *p == '-';
    if (negative) ++p;
    if (end - p < 6 || p[0] != '0' || p[1] != 'x' || (p[2] != '0' && p[2] != '1')) return false;
    bool normal = p[2] == '1', fraction = p[3] == '.';
    p += fraction ? 4 : 3;
    if (fraction && !parse_fraction(&p, end, &bits)) return false;
    if (!parse_exponent(p, end, &exponent)) return false;
    if (normal && (exponent < -1022 || exponent > 1023)) return false;
    if (!normal && fraction && exponent != -1022) return false;
    if (!normal && !fraction && (exponent != 0 || negative)) return false;
    if (normal) bits |= (uint64_t)(exponent + 1023) << 52;
    if (negative) bits |= UINT64_C(1) << 63;
    memcpy(value, &bits, sizeof bits);
    return true;
}

static lip_status read_number(lexer *lex, double *value) {
    static const char expected[] = "a number in canonical form, such as 0x1.8p-3";
    const char *token;
    size_t length;
    lip_status status = next(lex, expected, &token, &length);
    if (status == LIP_OK && !lip_canonical_number(token, length, value))
        status = unexpected(lex, expected, token, length);
    return status;
}

static lip_status read_numbers(lexer *lex, double *value, size_t count) {
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; ++i) status = read_number(lex, &value[i]);
    return status == LIP_OK ? end_line(lex) : status;
}

/* Refuse a count of numbers that the rest of the file cannot hold. */
static lip_status check_room(const lexer *lex, size_t rows, size_t cols) {
    size_t left = (size_t)(lex->end - lex->at) + 1, count;
    if (lip_multiply_sizes(rows, cols, &count) && count <= left / NUMBER_BYTES) return LIP_OK;
    return lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                         "expected %zu x %zu numbers, but only %zu bytes of the file are left",
                         rows, cols, left - 1);
}

/* ---- Terms ------------------------------------------------------------------------------- */

static lip_status read_dense(lexer *lex, size_t width, size_t source_width, lip_op **op) {
    size_t rows, cols;
    lip_status status = read_size(lex, "the number of rows", width, width, &rows);
    if (status == LIP_OK)
        status = read_size(lex, "the number of columns", source_width, source_width, &cols);
    if (status == LIP_OK) status = end_line(lex);
    if (status == LIP_OK) status = check_room(lex, rows, cols);
    if (status != LIP_OK) return status;
    *op = lip_op_dense(rows, cols);
    if (!*op) return lip_fail_memory(lex->err);
    for (size_t i = 0; status == LIP_OK && i < rows; ++i)
        status = read_numbers(lex, (*op)->value + i * cols, cols);
    return status;
}

static lip_status read_sparse_row(lexer *lex, lip_op *op, size_t row) {
    size_t count, from = op->start[row], left = op->nvalues - from;
    size_t least = row + 1 == op->rows ? left : 0, column = 0;
    lip_status status = read_size(lex, "the number of entries of this row", least, left, &count);
    for (size_t e = from; status == LIP_OK && e < from + count; ++e) {
        status = read_size(lex, "a column", column, op->cols - 1, &op->column[e]);
        if (status == LIP_OK) status = read_number(lex, &op->value[e]);
        column = op->column[e] + 1;
        if (status == LIP_OK && column == op->cols && e + 1 < from + count)
            return lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                                 "expected column %zu to be the last of its row", op->column[e]);
    }
    op->start[row + 1] = from + (status == LIP_OK ? count : 0);
    return status == LIP_OK ? end_line(lex) : status;
}

static lip_status read_sparse(lexer *lex, size_t width, size_t source_width, lip_op **op) {
    size_t rows, cols, nonzeros, most = 0;
    lip_status status = read_size(lex, "the number of rows", width, width, &rows);
    if (status == LIP_OK)
        status = read_size(lex, "the number of columns", source_width, source_width, &cols);
    if (status == LIP_OK && !lip_multiply_sizes(rows, cols, &most)) most = LARGEST_SIZE;
    if (status == LIP_OK) status = read_size(lex, "the number of entries", 0, most, &nonzeros);
    if (status == LIP_OK) status = end_line(lex);
    if (status == LIP_OK) status = check_room(lex, 1, nonzeros);
    if (status != LIP_OK) return status;
    *op = lip_op_sparse(rows, cols, nonzeros);
    if (!*op) return lip_fail_memory(lex->err);
    for (size_t i = 0; status == LIP_OK && i < rows; ++i) status = read_sparse_row(lex, *op, i);
    return status;
}

/* The widths of a convolution must be those of the layers that it joins. */
static lip_status check_conv(const lexer *lex, const lip_conv_shape *s, size_t width,
                             size_t source_width) {
    size_t in, out;
    bool fits = lip_multiply_sizes(s->in_c, s->in_h, &in) && lip_multiply_sizes(in, s->in_w, &in) &&
                lip_multiply_sizes(s->out_c, s->out_h, &out) &&
                lip_multiply_sizes(out, s->out_w, &out) && in == source_width && out == width;
    if (!fits)
        return lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                             "expected a convolution from %zu to %zu entries, found one from "
                             "%zu x %zu x %zu to %zu x %zu x %zu",
                             source_width, width, s->in_c, s->in_h, s->in_w, s->out_c, s->out_h,
                             s->out_w);
    if (s->in_c % s->groups != 0 || s->out_c % s->groups != 0)
        return lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                             "expected a number of groups that divides %zu and %zu channels, found "
                             "%zu",
                             s->in_c, s->out_c, s->groups);
    return LIP_OK;
}

static lip_status read_conv(lexer *lex, size_t width, size_t source_width, lip_op **op) {
    lip_conv_shape s = {0};
    size_t *field[] = {&s.in_c,       &s.in_h,       &s.in_w,    &s.out_c,    &s.out_h,
                       &s.out_w,      &s.k_h,        &s.k_w,     &s.stride_h, &s.stride_w,
                       &s.dilation_h, &s.dilation_w, &s.pad_top, &s.pad_left, &s.groups};
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < sizeof field / sizeof *field; ++i)
        status = read_size(lex, "a size of the convolution",
                           field[i] == &s.pad_top || field[i] == &s.pad_left ? 0 : 1, LARGEST_SIZE,
                           field[i]);
    if (status == LIP_OK) status = check_conv(lex, &s, width, source_width);
    if (status == LIP_OK) status = end_line(lex);
    size_t cols = 0;
    if (status == LIP_OK && (!lip_multiply_sizes(s.k_h, s.k_w, &cols) ||
                             !lip_multiply_sizes(cols, s.in_c / s.groups, &cols)))
        cols = SIZE_MAX; /* more than any file holds */
    if (status == LIP_OK) status = check_room(lex, s.out_c, cols);
    if (status != LIP_OK) return status;
    *op = lip_op_conv(&s);
    if (!*op) return lip_fail_memory(lex->err);
    for (size_t i = 0; status == LIP_OK && i < s.out_c; ++i)
        status = read_numbers(lex, (*op)->value + i * cols, cols);
    return status;
}

static lip_status read_operator(lexer *lex, size_t width, size_t source_width, lip_op **op) {
    const char *kind;
    size_t length;
    lip_status status = next(lex, "'dense', 'sparse' or 'conv'", &kind, &length);
    if (status != LIP_OK) return status;
    if (length == 5 && memcmp(kind, "dense", 5) == 0)
        return read_dense(lex, width, source_width, op);
    if (length == 6 && memcmp(kind, "sparse", 6) == 0)
        return read_sparse(lex, width, source_width, op);
    if (length == 4 && memcmp(kind, "conv", 4) == 0) return read_conv(lex, width, source_width, op);
    return unexpected(lex, "'dense', 'sparse' or 'conv'", kind, length);
}

static lip_status read_term(lexer *lex, lip_builder *builder, size_t layer, size_t width) {
    size_t source = 0;
    lip_op *op = NULL;
    lip_status status = expect_word(lex, "term");
    if (status == LIP_OK)
        status = read_size(lex, "the number of an earlier layer", 0, layer - 1, &source);
    if (status == LIP_OK)
        status = read_operator(lex, width, lip_builder_width(builder, source), &op);
    if (status != LIP_OK) {
        lip_op_free(op);
        return status;
    }
    return lip_builder_term(builder, layer, source, op, lex->err);
}

/* ---- Layers ------------------------------------------------------------------------------ */

static lip_status read_phase(lexer *lex, bool last, bool *relu) {
    const char *token, *expected = last ? "'linear' in the last layer" : "'relu' or 'linear'";
    size_t length;
    lip_status status = next(lex, expected, &token, &length);
    if (status != LIP_OK) return status;
    *relu = length == 4 && memcmp(token, "relu", 4) == 0;
    if (*relu ? !last : length == 6 && memcmp(token, "linear", 6) == 0) return LIP_OK;
    return unexpected(lex, expected, token, length);
}

static lip_status read_layer(lexer *lex, lip_builder *builder, size_t l, bool last) {
    size_t number, width = 0, terms = 0, index = 0;
    bool relu = false;
    lip_status status = expect_word(lex, "layer");
    if (status == LIP_OK) status = read_size(lex, "the number of the layer", l, l, &number);
    if (status == LIP_OK) status = read_size(lex, "a width", 1, LARGEST_SIZE, &width);
    if (status == LIP_OK) status = read_phase(lex, last, &relu);
    if (status == LIP_OK) status = read_size(lex, "a number of terms", 0, LARGEST_SIZE, &terms);
    if (status == LIP_OK) status = end_line(lex);
    if (status == LIP_OK) status = expect_word(lex, "bias");
    if (status == LIP_OK) status = check_room(lex, 1, width);
    if (status == LIP_OK) status = lip_builder_layer(builder, width, relu, &index, lex->err);
    if (status == LIP_OK) status = read_numbers(lex, lip_builder_bias(builder, index), width);
    for (size_t t = 0; status == LIP_OK && t < terms; ++t)
        status = read_term(lex, builder, l, width);
    return status;
}

static lip_status read_layers(lexer *lex, lip_builder *builder, size_t layers) {
    lip_status status = LIP_OK;
    for (size_t l = 1; status == LIP_OK && l <= layers; ++l)
        status = read_layer(lex, builder, l, l == layers);
    if (status == LIP_OK) status = expect_word(lex, "end");
    if (status == LIP_OK) status = end_line(lex);
    if (status == LIP_OK && lex->at != lex->end)
        status = lip_fail_line(lex->err, LIP_FORMAT, lex->line,
                               "expected nothing after 'end', found %zu more bytes",
                               (size_t)(lex->end - lex->at));
    return status;
}

static lip_status finish(lip_builder *builder, size_t layers, lip_network **net, lip_error *err) {
    lip_network *built;
    lip_status status = lip_builder_finish(builder, &built, err);
    if (status != LIP_OK) return status;
    if (built->layers != layers) {
        status = lip_fail(err, LIP_FORMAT, NULL,
                          "expected the output to depend on all %zu layers, found %zu it does not "
                          "depend on",
                          layers, layers - built->layers);
        lip_network_free(built);
        return status;
    }
    *net = built;
    return LIP_OK;
}

lip_status lip_read_canonical(const lip_source *source, lip_network **net, lip_error *err) {
    const char *text = (const char *)source->bytes;
    lexer lex = {text, text + source->size, 1, true, err};
    size_t inputs = 0, layers = 0,
           most = source->size > LARGEST_INPUT ? source->size : LARGEST_INPUT;
    if (most > LARGEST_SIZE) most = LARGEST_SIZE;
    lip_status status = expect_word(&lex, "lipcert-network");
    if (status == LIP_OK) status = read_size(&lex, "version", 1, 1, &inputs);
    if (status == LIP_OK) status = end_line(&lex);
    if (status == LIP_OK) status = expect_word(&lex, "input");
    if (status == LIP_OK) status = read_size(&lex, "a width", 1, most, &inputs);
    if (status == LIP_OK) status = end_line(&lex);
    if (status == LIP_OK) status = expect_word(&lex, "layers");
    if (status == LIP_OK) status = read_size(&lex, "a number of layers", 1, LARGEST_SIZE, &layers);
    if (status == LIP_OK) status = end_line(&lex);
    if (status != LIP_OK) return status;
    lip_builder *builder = lip_builder_create(inputs, "canonical");
    if (!builder) return lip_fail_memory(err);
    status = read_layers(&lex, builder, layers);
    if (status == LIP_OK) status = finish(builder, layers, net, err);
    lip_builder_free(builder);
    return status;
}
