/* Chains of dense layers, and arrays that become one by their names.
 *
 * Files of weights do not say which way round a matrix is.  lipcert reads rows x columns as
 * outputs x inputs (f = W x + b).  Keras stores inputs x outputs; such a file is recognised by its
 * shapes: if W_l and W_{l+1} and the biases do not fit together as they are, but fit when every matrix
 * is transposed, they are transposed.  What fits both ways (square matrices throughout, but also
 * widths a, b, a without biases) is taken as it is: a convention, which no shape can confirm.
 *
 * A name that means a parameter in some other convention ("B0", "weights1") must not be passed over:
 * the network without it would be another one. */
#include "read/chain.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Chains ------------------------------------------------------------------------------ */

static lip_status add_layer(lip_builder *builder, const lip_matrix *weight, const lip_matrix *bias,
                            bool relu, lip_error *err) {
    size_t index;
    lip_status status = lip_builder_layer(builder, weight->rows, relu, &index, err);
    if (status != LIP_OK) return status;
    char place[40];
    snprintf(place, sizeof place, "layer %zu", index);
    size_t entries = bias && bias->value ? bias->rows * bias->cols : weight->rows;
    if (entries != weight->rows)
        return lip_fail(err, LIP_FORMAT, place, "expected a bias of %zu entries, found %zu",
                        weight->rows, entries);
    if (bias && bias->value)
        memcpy(lip_builder_bias(builder, index), bias->value, entries * sizeof(double));
    if (weight->cols != lip_builder_width(builder, index - 1))
        return lip_fail(err, LIP_FORMAT, place,
                        "expected a matrix with %zu columns, found %zu x %zu",
                        lip_builder_width(builder, index - 1), weight->rows, weight->cols);
    lip_op *op = lip_op_dense(weight->rows, weight->cols);
    if (op && op->nvalues > 0) memcpy(op->value, weight->value, op->nvalues * sizeof(double));
    return lip_builder_term(builder, index, index - 1, op, err);
}

lip_status lip_begin_chain(size_t layers, const lip_matrix *weight, const lip_matrix *bias,
                           bool last_relu, const char *format, lip_builder **out, lip_error *err) {
    if (layers == 0)
        return lip_fail(err, LIP_FORMAT, NULL, "expected at least one layer, found none");
    lip_builder *builder = lip_builder_create(weight[0].cols, format);
    if (!builder) return lip_fail_memory(err);
    lip_status status = LIP_OK;
    for (size_t l = 0; status == LIP_OK && l < layers; ++l)
        status = add_layer(builder, &weight[l], bias ? &bias[l] : NULL, l + 1 < layers || last_relu,
                           err);
    if (status != LIP_OK) {
        lip_builder_free(builder);
        return status;
    }
    *out = builder;
    return LIP_OK;
}

static lip_status build(size_t layers, const lip_matrix *weight, const lip_matrix *bias,
                        bool last_relu, const char *format, lip_network **net, lip_error *err) {
    lip_builder *builder;
    lip_status status = lip_begin_chain(layers, weight, bias, last_relu, format, &builder, err);
    if (status != LIP_OK) return status;
    status = lip_builder_finish(builder, net, err);
    lip_builder_free(builder);
    return status;
}

lip_status lip_build_chain(size_t layers, const lip_matrix *weight, const lip_matrix *bias,
                           const char *format, lip_network **net, lip_error *err) {
    return build(layers, weight, bias, false, format, net, err);
}

/* Views of the caller's arrays; the casts drop a const that `build` keeps in effect. */
static lip_status create_dense(size_t layers, const size_t *width, const double *const *weight,
                               const double *const *bias, lip_matrix *w, lip_matrix *b,
                               lip_network **net, lip_error *err) {
    for (size_t l = 0; l < layers; ++l) {
        if (!weight[l] || width[l] == 0 || width[l + 1] == 0)
            return lip_fail(err, LIP_ARGUMENT, NULL,
                            "expected weights of a %zu x %zu matrix for layer %zu, found none",
                            width[l + 1], width[l], l + 1);
        w[l] = (lip_matrix){width[l + 1], width[l], (double *)(uintptr_t)weight[l]};
        b[l] = (lip_matrix){width[l + 1], 1, bias ? (double *)(uintptr_t)bias[l] : NULL};
    }
    lip_status status = build(layers, w, b, false, "memory", net, err);
    if (status == LIP_FORMAT && err) err->status = LIP_ARGUMENT; /* there was no file */
    return status == LIP_FORMAT ? LIP_ARGUMENT : status;
}

lip_status lip_network_create_dense(size_t layers, const size_t *width, const double *const *weight,
                                    const double *const *bias, lip_network **net, lip_error *err) {
    if (layers == 0 || !width || !weight)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "expected at least one layer with widths and weights, found none");
    lip_matrix *w = LIP_NEW(lip_matrix, layers), *b = LIP_NEW(lip_matrix, layers);
    lip_status status =
        w && b ? create_dense(layers, width, weight, bias, w, b, net, err) : lip_fail_memory(err);
    free(w);
    free(b);
    return status;
}

/* ---- Orientation ------------------------------------------------------------------------- */

static size_t outputs_of(const lip_matrix *m, bool transposed) {
    return transposed ? m->cols : m->rows;
}

static size_t inputs_of(const lip_matrix *m, bool transposed) {
    return transposed ? m->rows : m->cols;
}

static bool is_column(const lip_named *a) { return a->m.rows == 1 || a->m.cols == 1; }

/* The first place where shapes do not fit, as a sentence; true if there is none. */
static bool shapes_fit(size_t layers, const lip_named *weight, const lip_named *bias,
                       bool transposed, lip_error *err) {
    for (size_t l = 0; l < layers; ++l) {
        const lip_matrix *m = &weight[l].m, *b = &bias[l].m;
        size_t rows = outputs_of(m, transposed), before = inputs_of(m, transposed);
        if (l > 0) before = outputs_of(&weight[l - 1].m, transposed);
        if (inputs_of(m, transposed) != before) {
            lip_record(
                err, LIP_FORMAT, weight[l].name,
                "expected a matrix with %zu columns, as many as %s has rows, found %zu x %zu",
                before, weight[l - 1].name, m->rows, m->cols);
            return false;
        }
        if (b->value && (!is_column(&bias[l]) || b->rows * b->cols != rows)) {
            lip_record(err, LIP_FORMAT, bias[l].name,
                       "expected %zu entries, as many as %s has rows, found %zu x %zu", rows,
                       weight[l].name, b->rows, b->cols);
            return false;
        }
    }
    return true;
}

static bool transpose(lip_matrix *m) {
    double *value = LIP_NEW(double, m->rows * m->cols);
    if (!value) return false;
    for (size_t i = 0; i < m->rows; ++i)
        for (size_t j = 0; j < m->cols; ++j) value[j * m->rows + i] = m->value[i * m->cols + j];
    free(m->value);
    *m = (lip_matrix){m->cols, m->rows, value};
    return true;
}

static void make_row(lip_named *a) {
    if (!a->vector) return;
    a->m = (lip_matrix){1, a->m.rows, a->m.value};
    a->vector = false;
}

lip_status lip_build_oriented(size_t layers, lip_named *weight, lip_named *bias, bool last_relu,
                              const char *format, lip_network **net, lip_error *err) {
    char transposed[32];
    snprintf(transposed, sizeof transposed, "%s, transposed", format);
    for (size_t l = 0; l < layers; ++l) {
        make_row(&weight[l]);
        if (weight[l].m.rows == 0 || weight[l].m.cols == 0)
            return lip_fail(err, LIP_FORMAT, weight[l].name, "expected a matrix, found it empty");
    }
    if (!shapes_fit(layers, weight, bias, false, err)) {
        if (!shapes_fit(layers, weight, bias, true, NULL)) return LIP_FORMAT;
        for (size_t l = 0; l < layers; ++l)
            if (!transpose(&weight[l].m)) return lip_fail_memory(err);
        format = transposed;
    }
    lip_matrix *w = LIP_NEW(lip_matrix, layers), *b = LIP_NEW(lip_matrix, layers);
    for (size_t l = 0; w && b && l < layers; ++l) {
        w[l] = weight[l].m;
        b[l] = bias[l].m;
    }
    lip_status status =
        w && b ? build(layers, w, b, last_relu, format, net, err) : lip_fail_memory(err);
    free(w);
    free(b);
    return status;
}

/* ---- Names ------------------------------------------------------------------------------- */

/* True for `letter` and digits without leading zeros; *number becomes their value. */
static bool is_numbered(const char *name, char letter, size_t *number) {
    if (name[0] != letter || name[1] < '0' || name[1] > '9' || strlen(name) > 9) return false;
    if (name[1] == '0' && name[2] != '\0') return false;
    *number = 0;
    for (const char *p = name + 1; *p; ++p) {
        if (*p < '0' || *p > '9') return false;
        *number = 10 * *number + (size_t)(*p - '0');
    }
    return true;
}

bool lip_is_network_name(const char *name) {
    size_t number;
    if (name[0] == '\0') return false;
    if (strchr("AWwb", name[0]) && is_numbered(name, name[0], &number)) return true;
    return name[1] == '\0' && strchr("Abc", name[0]) != NULL;
}

/* Text behind a prefix in lower case, which `name` may have in any case; NULL if it has another. */
static const char *behind(const char *name, const char *prefix) {
    for (; *prefix; ++name, ++prefix)
        if ((*name | 0x20) != *prefix) return NULL;
    return name;
}

bool lip_looks_like_parameter(const char *name) {
    if (behind(name, "weight") || behind(name, "bias")) return true;
    if (name[0] == '\0' || !strchr("AWwBbc", name[0])) return false;
    const char *digits = name + 1 + (name[1] == '_');
    return digits[strspn(digits, "0123456789")] == '\0';
}

static lip_named *find(lip_named *array, size_t count, const char *name) {
    for (size_t i = 0; i < count; ++i)
        if (strcmp(array[i].name, name) == 0) return &array[i];
    return NULL;
}

/* How many arrays have this letter, and the smallest and largest of their numbers. */
static size_t count_numbered(const lip_named *array, size_t count, char letter, size_t *first,
                             size_t *last) {
    size_t found = 0, number;
    for (size_t i = 0; i < count; ++i) {
        if (!is_numbered(array[i].name, letter, &number)) continue;
        if (found == 0 || number < *first) *first = number;
        if (found == 0 || number > *last) *last = number;
        ++found;
    }
    return found;
}

/* Which arrays are the weights: letter, first number, how many; `output` is the vector c or NULL. */
typedef struct convention {
    char letter;
    size_t first, layers;
    bool numbered;
    lip_named *output;
} convention;

static lip_status choose(lip_named *array, size_t count, const char *found, convention *c,
                         lip_error *err) {
    static const char letters[] = "WwA";
    size_t first = 0, last = 0;
    *c = (convention){.numbered = true};
    for (const char *letter = letters; *letter; ++letter) {
        size_t here = count_numbered(array, count, *letter, &first, &last);
        if (here == 0) continue;
        if (c->layers > 0)
            return lip_fail(err, LIP_FORMAT, NULL,
                            "expected one series of weights, found both %c%zu and %c%zu", c->letter,
                            c->first, *letter, first);
        *c = (convention){.letter = *letter, .first = first, .layers = here, .numbered = true};
        if (first > 1)
            return lip_fail(err, LIP_FORMAT, NULL, "expected %c0 or %c1, found %c%zu first",
                            *letter, *letter, *letter, first);
        if (last - first + 1 != here)
            return lip_fail(err, LIP_FORMAT, NULL,
                            "expected %c%zu to %c%zu without a gap, found %zu of these %zu arrays",
                            *letter, first, *letter, last, here, last - first + 1);
    }
    if (c->layers == 0 && find(array, count, "A"))
        *c = (convention){.letter = 'A', .layers = 1, .numbered = false};
    if (c->layers == 0)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "expected arrays named W0 b0 W1 b1 ..., W1 b1 ..., w1 ..., A b c or "
                        "A1 b1 ... c, found %s",
                        found[0] ? found : "none");
    if (c->letter == 'A') c->output = find(array, count, "c");
    if (c->letter == 'A' && !c->output)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "expected the output weights c beside the matrices A, found %s", found);
    return LIP_OK;
}

/* A bias without a matrix means that the file is not what it seems. */
static lip_status check_biases(lip_named *array, size_t count, const convention *c,
                               lip_error *err) {
    size_t number;
    for (size_t i = 0; c->numbered && i < count; ++i)
        if (is_numbered(array[i].name, 'b', &number) &&
            (number < c->first || number >= c->first + c->layers))
            return lip_fail(err, LIP_FORMAT, array[i].name,
                            "expected biases for %c%zu to %c%zu only, found one more", c->letter,
                            c->first, c->letter, c->first + c->layers - 1);
    return LIP_OK;
}

static bool is_used(const char *name, const convention *c) {
    size_t number;
    if (c->output && strcmp(name, "c") == 0) return true;
    if (!c->numbered) return strcmp(name, "A") == 0 || strcmp(name, "b") == 0;
    return (is_numbered(name, c->letter, &number) || is_numbered(name, 'b', &number)) &&
           number >= c->first && number - c->first < c->layers;
}

static lip_status check_unused(const lip_named *array, size_t count, const convention *c,
                               lip_error *err) {
    for (size_t i = 0; i < count; ++i)
        if (lip_looks_like_parameter(array[i].name) && !is_used(array[i].name, c))
            return lip_fail(err, LIP_FORMAT, array[i].name,
                            "expected no array of this name beside %c%s, because it looks like a "
                            "parameter but would not be used",
                            c->letter,
                            !c->numbered ? ""
                            : c->first   ? "1"
                                         : "0");
    return LIP_OK;
}

/* Copies of the arrays' descriptions in order; the values stay where they are. */
static void collect(lip_named *array, size_t count, const convention *c, lip_named *weight,
                    lip_named *bias) {
    for (size_t l = 0; l < c->layers; ++l) {
        char name[LIP_NAME_SIZE] = "A";
        if (c->numbered) snprintf(name, sizeof name, "%c%zu", c->letter, c->first + l);
        weight[l] = *find(array, count, name);
        name[0] = 'b';
        const lip_named *b = find(array, count, name);
        if (b) bias[l] = *b;
    }
}

/* Transposing replaces the values of a copy; hand them back to their owner. */
static void give_back(lip_named *array, size_t count, const lip_named *weight, size_t layers) {
    for (size_t l = 0; l < layers; ++l) find(array, count, weight[l].name)->m = weight[l].m;
}

static lip_status build_convention(lip_named *array, size_t count, const convention *c,
                                   lip_named *weight, lip_named *bias, const char *format,
                                   lip_network **net, lip_error *err) {
    size_t layers = c->layers;
    collect(array, count, c, weight, bias);
    if (c->output) {
        if (!is_column(c->output))
            return lip_fail(err, LIP_FORMAT, "c", "expected a vector, found %zu x %zu",
                            c->output->m.rows, c->output->m.cols);
        weight[layers] = *c->output;
        lip_matrix *m = &weight[layers].m;
        *m = (lip_matrix){1, m->rows * m->cols, m->value};
        weight[layers++].vector = false;
    }
    lip_status status = lip_build_oriented(layers, weight, bias, false, format, net, err);
    give_back(array, count, weight, layers);
    return status;
}

lip_status lip_build_named(lip_named *array, size_t count, const char *found, const char *format,
                           lip_network **net, lip_error *err) {
    convention c;
    lip_status status = choose(array, count, found, &c, err);
    if (status == LIP_OK) status = check_biases(array, count, &c, err);
    if (status == LIP_OK) status = check_unused(array, count, &c, err);
    if (status != LIP_OK) return status;
    lip_named *weight = LIP_NEW(lip_named, c.layers + 1), *bias = LIP_NEW(lip_named, c.layers + 1);
    status = weight && bias ? build_convention(array, count, &c, weight, bias, format, net, err)
                            : lip_fail_memory(err);
    free(weight);
    free(bias);
    return status;
}
