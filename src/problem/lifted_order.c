/* A copy of a network with its neurons in canonical order (problem/order.h).
 *
 * Everything that is computed from the copy then has the same bits, however the neurons of the original
 * were numbered: sums over neurons, ranges, the order of the variables.  Dense matrices stay dense;
 * others become sparse, so that rows keep the number of their terms, on which rounding errors depend. */
#include "problem/lifted_build.h"

#include "base/memory.h"
#include "base/round.h"
#include "problem/order.h"

#include <stdlib.h>

/* All matrices of a network, dense, for the time of sorting. */
typedef struct matrices {
    size_t count;
    lip_order_edge *edge; /* of all layers in turn, term by term; w is ours */
    double **w;
    size_t *width;
    unsigned char **kind;
} matrices;

/* ---- The order --------------------------------------------------------------------------- */

/* The number of terms; false if the matrices have too many entries. */
static bool count_terms(const lip_network *net, size_t *count) {
    size_t entries = 0;
    *count = 0;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t) {
            const lip_op *op = net->layer[l].term[t].op;
            size_t size;
            if (!lip_multiply_sizes(op->rows, op->cols, &size)) return false;
            if (size > LIP_LIFTED_SORTABLE - entries) return false;
            entries += size;
            ++*count;
        }
    return true;
}

static void matrices_clear(const lip_network *net, matrices *m) {
    for (size_t k = 0; m->w && k < m->count; ++k) free(m->w[k]);
    for (size_t l = 0; m->kind && l <= net->layers; ++l) free(m->kind[l]);
    free(m->w);
    free(m->kind);
    free(m->edge);
    free(m->width);
}

static unsigned char *layer_kinds(const lip_network *net, const lip_preactivation *bounds,
                                  size_t l) {
    const lip_layer *layer = &net->layer[l];
    unsigned char *kind = LIP_NEW(unsigned char, layer->width);
    for (size_t i = 0; kind && layer->relu && i < layer->width; ++i)
        kind[i] = (unsigned char)lip_preactivation_phase(bounds, layer->offset + i);
    return kind;
}

static bool matrices_create(const lip_network *net, const lip_preactivation *bounds, matrices *m) {
    size_t k = 0;
    m->edge = LIP_NEW(lip_order_edge, m->count);
    m->w = LIP_NEW(double *, m->count);
    m->width = LIP_NEW(size_t, net->layers + 1);
    m->kind = LIP_NEW(unsigned char *, net->layers + 1);
    if (!m->edge || !m->w || !m->width || !m->kind) return false;
    for (size_t l = 0; l <= net->layers; ++l) {
        m->width[l] = net->layer[l].width;
        if (l > 0 && l < net->layers && !(m->kind[l] = layer_kinds(net, bounds, l))) return false;
        for (size_t t = 0; t < net->layer[l].nterms; ++t, ++k) {
            const lip_term *term = &net->layer[l].term[t];
            m->w[k] = LIP_NEW(double, term->op->rows * term->op->cols);
            if (!m->w[k]) return false;
            lip_op_to_dense(term->op, m->w[k]);
            m->edge[k] = (lip_order_edge){term->source, l, m->w[k]};
        }
    }
    return true;
}

/* ---- The copy ---------------------------------------------------------------------------- */

/* The entries w[row[i]][col[j]], without zeros. */
static lip_op *sparse_copy(const lip_op *op, const double *w, const size_t *row,
                           const size_t *col) {
    size_t nonzeros = 0, at = 0;
    for (size_t k = 0; k < op->rows * op->cols; ++k) nonzeros += w[k] != 0;
    lip_op *copy = lip_op_sparse(op->rows, op->cols, nonzeros);
    for (size_t i = 0; copy && i < op->rows; ++i) {
        for (size_t j = 0; j < op->cols; ++j) {
            double value = w[row[i] * op->cols + col[j]];
            if (value == 0) continue;
            copy->column[at] = j;
            copy->value[at++] = value;
        }
        copy->start[i + 1] = at;
    }
    return copy;
}

static lip_op *dense_copy(const lip_op *op, const double *w, const size_t *row, const size_t *col) {
    lip_op *copy = lip_op_dense(op->rows, op->cols);
    for (size_t i = 0; copy && i < op->rows; ++i)
        for (size_t j = 0; j < op->cols; ++j)
            copy->value[i * op->cols + j] = w[row[i] * op->cols + col[j]];
    return copy;
}

static bool copy_layer(const lip_network *net, size_t l, const lip_order_edge *edge, size_t **order,
                       lip_layer *layer) {
    *layer = net->layer[l];
    layer->bias = NULL;
    layer->nterms = 0;
    layer->term = LIP_NEW(lip_term, net->layer[l].nterms);
    if (net->layer[l].bias) layer->bias = LIP_NEW(double, layer->width);
    if (!layer->term || (net->layer[l].bias && !layer->bias)) return false;
    for (size_t i = 0; layer->bias && i < layer->width; ++i)
        layer->bias[i] = net->layer[l].bias[order[l][i]];
    for (size_t t = 0; t < net->layer[l].nterms; ++t) {
        const lip_op *op = net->layer[l].term[t].op;
        lip_term *term = &layer->term[layer->nterms++];
        const size_t *row = order[l], *col = order[edge[t].from];
        term->source = edge[t].from;
        term->op = op->kind == LIP_OP_DENSE ? dense_copy(op, edge[t].w, row, col)
                                            : sparse_copy(op, edge[t].w, row, col);
        if (term->op) term->magnitude = lip_op_map(term->op, lip_magnitude);
        if (!term->magnitude) return false;
    }
    return true;
}

static lip_network *copy_network(const lip_network *net, const lip_order_edge *edge,
                                 size_t **order) {
    lip_network *copy = LIP_NEW(lip_network, 1);
    if (!copy) return NULL;
    copy->layers = net->layers;
    copy->units = net->units;
    copy->layer = LIP_NEW(lip_layer, net->layers + 1);
    bool ok = copy->layer != NULL;
    for (size_t l = 0; ok && l <= net->layers; ++l) {
        ok = copy_layer(net, l, edge, order, &copy->layer[l]);
        edge += net->layer[l].nterms;
    }
    if (ok) return copy;
    lip_network_free(copy);
    return NULL;
}

static bool copy_bounds(const lip_network *net, const lip_preactivation *bounds, size_t **order,
                        lip_preactivation *copy) {
    copy->interior = bounds->interior;
    copy->lo = LIP_NEW(double, 2 * net->units);
    if (!copy->lo) return false;
    copy->hi = copy->lo + net->units;
    for (size_t l = 0; l <= net->layers; ++l)
        for (size_t i = 0; i < net->layer[l].width; ++i) {
            size_t to = net->layer[l].offset + i, from = net->layer[l].offset + order[l][i];
            copy->lo[to] = bounds->lo[from];
            copy->hi[to] = bounds->hi[from];
        }
    return true;
}

void lip_sorted_clear(lip_sorted *sorted) {
    if (sorted->net && sorted->order) lip_order_free(sorted->net->layers + 1, sorted->order);
    lip_preactivation_clear(&sorted->bounds);
    lip_network_free(sorted->net);
    sorted->net = NULL;
}

bool lip_sorted_create(const lip_network *net, const lip_preactivation *bounds,
                       lip_sorted *sorted) {
    matrices m = {0};
    if (!count_terms(net, &m.count)) return true;
    bool ok = matrices_create(net, bounds, &m);
    size_t **order = NULL;
    if (ok) {
        lip_order_graph graph = {net->layers + 1, m.width, m.count, m.edge, m.kind};
        order = lip_order_find(&graph);
        if (order) sorted->net = copy_network(net, m.edge, order);
        ok = order && sorted->net && copy_bounds(net, bounds, order, &sorted->bounds);
    }
    matrices_clear(net, &m);
    sorted->order = order;
    if (ok) return true;
    lip_order_free(net->layers + 1, order);
    sorted->order = NULL;
    lip_sorted_clear(sorted);
    return false;
}
