/* Dense rows of all terms, taken apart once. */
#include "bnb/dense.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

double lip_dense_size(const lip_network *net) {
    double size = 0;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t)
            size += (double)net->layer[l].term[t].op->rows * (double)net->layer[l].term[t].op->cols;
    return size;
}

/* S times a matrix of m rows: all of it, one row, or the difference of two, rounded once. */
static double *select_rows(const lip_output *output, size_t m, size_t n, double *all) {
    if (output->kind == LIP_OUTPUT_ALL) return all;
    double *row = LIP_NEW(double, n);
    for (size_t j = 0; row && output->i < m && j < n; ++j) {
        row[j] = all[output->i * n + j];
        if (output->kind == LIP_OUTPUT_MARGIN) row[j] -= all[output->j * n + j];
    }
    free(all);
    return row;
}

static bool take_term(const lip_term *from, const lip_output *selection, lip_dense_term *to) {
    size_t rows = from->op->rows, cols = from->op->cols, size;
    if (!lip_multiply_sizes(rows, cols, &size)) return false;
    to->source = from->source;
    to->row = LIP_NEW(double, size);
    if (!to->row) return false;
    lip_op_to_dense(from->op, to->row);
    if (selection) to->row = select_rows(selection, rows, cols, to->row);
    return to->row != NULL;
}

static bool take_layer(const lip_layer *from, const lip_output *selection, size_t rows,
                       lip_dense_layer *to) {
    to->width = selection ? rows : from->width;
    to->offset = from->offset;
    to->relu = from->relu;
    to->bias = from->bias;
    to->term = LIP_NEW(lip_dense_term, from->nterms);
    if (!to->term) return false;
    for (size_t t = 0; t < from->nterms; ++t) {
        to->nterms = t + 1;
        if (!take_term(&from->term[t], selection, &to->term[t])) return false;
    }
    return true;
}

static bool list_neurons(lip_dense *dense) {
    const lip_network *net = dense->net;
    dense->relu = LIP_NEW(size_t, net->units);
    dense->layer_of = LIP_NEW(size_t, net->units);
    if (!dense->relu || !dense->layer_of) return false;
    for (size_t l = 0; l <= net->layers; ++l)
        for (size_t i = 0; i < net->layer[l].width; ++i) {
            dense->layer_of[net->layer[l].offset + i] = l;
            if (net->layer[l].relu) dense->relu[dense->relus++] = net->layer[l].offset + i;
        }
    return true;
}

lip_dense *lip_dense_create(const lip_network *net, const lip_output *output) {
    lip_dense *dense = LIP_NEW(lip_dense, 1);
    if (!dense) return NULL;
    dense->net = net;
    dense->layers = net->layers;
    dense->inputs = lip_inputs(net);
    dense->rows = lip_output_rows(net, output);
    dense->units = net->units;
    dense->rounded = output->kind == LIP_OUTPUT_MARGIN;
    dense->layer = LIP_NEW(lip_dense_layer, net->layers + 1);
    bool ok = dense->layer && list_neurons(dense);
    if (ok) dense->layer[0].width = dense->inputs;
    for (size_t l = 1; ok && l <= net->layers; ++l)
        ok = take_layer(&net->layer[l], l == net->layers ? output : NULL, dense->rows,
                        &dense->layer[l]);
    if (ok) return dense;
    lip_dense_free(dense);
    return NULL;
}

void lip_dense_free(lip_dense *dense) {
    if (!dense) return;
    for (size_t l = 1; dense->layer && l <= dense->layers; ++l) {
        for (size_t t = 0; dense->layer[l].term && t < dense->layer[l].nterms; ++t)
            free(dense->layer[l].term[t].row);
        free(dense->layer[l].term);
    }
    free(dense->layer);
    free(dense->relu);
    free(dense->layer_of);
    free(dense);
}
