#include "net/builder.h"

#include "base/error.h"
#include "base/floating.h"
#include "base/memory.h"
#include "base/round.h"
#include "net/canonical.h"
#include "net/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lip_builder {
    lip_layer *layer; /* count of them in use; layer[0] is the input */
    size_t count, capacity;
    size_t folds;
    char format[32];
};

lip_builder *lip_builder_create(size_t inputs, const char *format) {
    lip_builder *b = LIP_NEW(lip_builder, 1);
    if (!b) return NULL;
    b->layer = LIP_NEW(lip_layer, 8);
    if (!b->layer) {
        free(b);
        return NULL;
    }
    b->capacity = 8;
    b->count = 1;
    b->layer[0].width = inputs;
    snprintf(b->format, sizeof b->format, "%s", format);
    return b;
}

static void clear_layer(lip_layer *layer) {
    for (size_t t = 0; t < layer->nterms; ++t) {
        lip_op_free(layer->term[t].op);
        lip_op_free(layer->term[t].magnitude);
    }
    free(layer->term);
    free(layer->bias);
    memset(layer, 0, sizeof *layer);
}

static void free_layers(lip_layer *layer, size_t count) {
    for (size_t l = 0; layer && l < count; ++l) clear_layer(&layer[l]);
    free(layer);
}

void lip_builder_free(lip_builder *b) {
    if (!b) return;
    free_layers(b->layer, b->count);
    free(b);
}

void lip_network_free(lip_network *net) {
    if (!net) return;
    free_layers(net->layer, net->layers + 1);
    free(net);
}

lip_status lip_builder_layer(lip_builder *b, size_t width, bool relu, size_t *index,
                             lip_error *err) {
    if (!lip_grow((void **)&b->layer, &b->capacity, b->count + 1, sizeof *b->layer))
        return lip_fail_memory(err);
    lip_layer *layer = &b->layer[b->count];
    memset(layer, 0, sizeof *layer);
    layer->width = width;
    layer->relu = relu;
    layer->bias = LIP_NEW(double, width);
    if (!layer->bias) return lip_fail_memory(err);
    *index = b->count++;
    return LIP_OK;
}

double *lip_builder_bias(lip_builder *b, size_t layer) { return b->layer[layer].bias; }

size_t lip_builder_width(const lip_builder *b, size_t layer) { return b->layer[layer].width; }

void lip_builder_note_fold(lip_builder *b) { ++b->folds; }

/* "layer 3" as a place; readers with a better place make their own checks first. */
#define fail_layer(err, status, layer, ...)                                                        \
    (lip_record_at((err), (status), "layer", (layer), __VA_ARGS__), (status))

lip_status lip_builder_term(lip_builder *b, size_t l, size_t source, lip_op *op, lip_error *err) {
    if (!op) return lip_fail_memory(err);
    lip_layer *layer = &b->layer[l];
    lip_status status = LIP_OK;
    if (source >= l) {
        status =
            fail_layer(err, LIP_FORMAT, l, "a layer can read earlier layers only, not %zu", source);
    } else if (op->rows != layer->width || op->cols != b->layer[source].width) {
        status = fail_layer(err, LIP_FORMAT, l,
                            "expected a matrix of %zu rows and %zu columns, found %zu x %zu",
                            layer->width, b->layer[source].width, op->rows, op->cols);
    }
    lip_term *grown = NULL;
    if (status == LIP_OK) {
        grown = realloc(layer->term, (layer->nterms + 1) * sizeof *grown);
        if (!grown) status = lip_fail_memory(err);
    }
    if (status != LIP_OK) {
        lip_op_free(op);
        return status;
    }
    layer->term = grown;
    layer->term[layer->nterms++] = (lip_term){source, op, NULL};
    return LIP_OK;
}

/* ---- Finishing --------------------------------------------------------------------------- */

/* Finite, and -0 turned into 0, so that equal networks have equal canonical files. */
static lip_status tidy_numbers(double *v, size_t n, size_t l, const char *what, lip_error *err) {
    for (size_t i = 0; i < n; ++i) {
        if (!isfinite(v[i]))
            return fail_layer(err, LIP_FORMAT, l, "expected finite numbers, but %s entry %zu is %s",
                              what, i, isnan(v[i]) ? "nan" : "infinite");
        if (v[i] == 0) v[i] = 0;
    }
    return LIP_OK;
}

/* A last layer with ReLU gets a linear identity layer behind it. */
static lip_status ensure_linear_output(lip_builder *b, lip_error *err) {
    size_t last = b->count - 1, index;
    if (!b->layer[last].relu && last > 0) return LIP_OK;
    lip_status status = lip_builder_layer(b, b->layer[last].width, false, &index, err);
    if (status != LIP_OK) return status;
    return lip_builder_term(b, index, last, lip_op_identity(b->layer[last].width), err);
}

/* Drop the layers that the output does not reach, keeping the order. */
static lip_status drop_unreachable(lip_builder *b, lip_error *err) {
    size_t *number = LIP_NEW(size_t, b->count); /* 0: not needed, else new number + 1 */
    if (!number) return lip_fail_memory(err);
    number[b->count - 1] = number[0] = 1;
    for (size_t l = b->count; l-- > 1;)
        for (size_t t = 0; number[l] && t < b->layer[l].nterms; ++t)
            number[b->layer[l].term[t].source] = 1;
    size_t kept = 0;
    for (size_t l = 0; l < b->count; ++l) {
        if (!number[l]) {
            clear_layer(&b->layer[l]);
            continue;
        }
        number[l] = kept;
        for (size_t t = 0; t < b->layer[l].nterms; ++t)
            b->layer[l].term[t].source = number[b->layer[l].term[t].source];
        if (kept != l) {
            b->layer[kept] = b->layer[l];
            memset(&b->layer[l], 0, sizeof b->layer[l]);
        }
        ++kept;
    }
    b->count = kept;
    free(number);
    return LIP_OK;
}

static lip_status finish_layer(lip_layer *layer, size_t l, lip_error *err) {
    lip_status status = tidy_numbers(layer->bias, layer->width, l, "bias", err);
    for (size_t t = 0; status == LIP_OK && t < layer->nterms; ++t) {
        lip_op *op = layer->term[t].op;
        status = tidy_numbers(op->value, op->nvalues, l, "weight", err);
        if (status != LIP_OK) break;
        layer->term[t].magnitude = lip_op_map(op, lip_magnitude);
        if (!layer->term[t].magnitude) status = lip_fail_memory(err);
    }
    return status;
}

static lip_status check_sizes(const lip_builder *b, lip_error *err) {
    for (size_t l = 0; l < b->count; ++l)
        if (b->layer[l].width == 0)
            return fail_layer(err, LIP_FORMAT, l, "expected at least one %s, found none",
                              l == 0 ? "input" : "neuron");
    return LIP_OK;
}

/* Sum of widths; each array over the network has this many entries per column. */
static lip_status place_layers(lip_network *net, lip_error *err) {
    net->units = 0;
    for (size_t l = 0; l <= net->layers; ++l) {
        net->layer[l].offset = net->units;
        net->units += net->layer[l].width;
        if (net->units > PTRDIFF_MAX / 64) return lip_fail_memory(err);
    }
    return LIP_OK;
}

static lip_status finish(lip_builder *b, lip_network **out, lip_error *err) {
    lip_status status = ensure_linear_output(b, err);
    if (status == LIP_OK) status = drop_unreachable(b, err);
    if (status == LIP_OK) status = check_sizes(b, err);
    for (size_t l = 1; status == LIP_OK && l < b->count; ++l)
        status = finish_layer(&b->layer[l], l, err);
    if (status != LIP_OK) return status;
    lip_network *net = LIP_NEW(lip_network, 1);
    if (!net) return lip_fail_memory(err);
    net->layers = b->count - 1;
    net->layer = b->layer;
    net->folds = b->folds;
    memcpy(net->format, b->format, sizeof net->format);
    b->layer = NULL;
    b->count = b->capacity = 0;
    status = place_layers(net, err);
    if (status == LIP_OK) status = lip_canonical_hash(net, net->sha256, err);
    if (status != LIP_OK) {
        lip_network_free(net);
        return status;
    }
    *out = net;
    return LIP_OK;
}

lip_status lip_builder_finish(lip_builder *b, lip_network **out, lip_error *err) {
    fenv_t saved; /* magnitudes of subnormal weights must not be flushed to 0 */
    lip_floating_enter(&saved);
    lip_status status = finish(b, out, err);
    lip_floating_leave(&saved);
    return status;
}
