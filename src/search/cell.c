/* Cells of the input space, one at a time.  Slopes go forwards (the tangent of every unit vector at
 * once), derivatives of the outputs go backwards; both by the operators of the network. */
#include "search/cell.h"

#include "base/memory.h"
#include "linalg/norms.h"
#include "net/enclose.h"
#include "search/direction.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void lip_cell_clear(lip_cell *cell) {
    free(cell->unit);
    free(cell->d);
    free(cell->slope);
    free(cell->g);
    free(cell->t);
    memset(cell, 0, sizeof *cell);
}

/* Neurons that are not stable; the pattern of the others is filled in. */
static void list_neurons(lip_cell *cell) {
    const lip_network *net = cell->net;
    size_t relu_layers = 0;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        relu_layers += layer->relu;
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
            lip_phase phase = layer->relu ? lip_preactivation_phase(cell->bounds, u) : LIP_ACTIVE;
            cell->d[u] = phase == LIP_ACTIVE ? 1 : 0;
            if (phase == LIP_UNSTABLE) cell->unit[cell->neurons++] = u;
        }
    }
    cell->fixed_slopes = relu_layers == 1;
}

bool lip_cell_create(const lip_network *net, const lip_query *query,
                     const lip_preactivation *bounds, lip_cell *cell) {
    size_t n = lip_inputs(net), k = lip_output_rows(net, &query->output), slopes, block;
    memset(cell, 0, sizeof *cell);
    cell->net = net;
    cell->query = query;
    cell->bounds = bounds;
    cell->n = n;
    cell->k = k;
    if (!lip_multiply_sizes(net->units, 2 * n, &slopes) ||
        !lip_multiply_sizes(net->units + lip_widest(net), k, &block))
        return false;
    cell->unit = LIP_NEW(size_t, net->units);
    cell->d = LIP_NEW(double, 3 * net->units);
    cell->slope = LIP_NEW(double, slopes);
    cell->g = LIP_NEW(double, block);
    cell->t = LIP_NEW(double, 3 * n + 3 * k);
    if (!cell->unit || !cell->d || !cell->slope || !cell->g || !cell->t) {
        lip_cell_clear(cell);
        return false;
    }
    cell->offset = cell->d + net->units;
    cell->base = cell->offset + net->units;
    cell->masked = cell->slope + net->units * n;
    cell->gz = cell->g + net->units * k;
    cell->row = cell->t + n;
    cell->y = cell->row + n;
    cell->s = cell->y + n;
    cell->image = cell->s + k;
    cell->sum = cell->image + k;
    for (size_t i = 0; i < n; ++i) cell->slope[i * n + i] = cell->masked[i * n + i] = 1;
    list_neurons(cell);
    return true;
}

void lip_cell_take(lip_cell *cell, const double *d) {
    for (size_t i = 0; i < cell->neurons; ++i) cell->d[cell->unit[i]] = d[cell->unit[i]];
}

double lip_network_work(const lip_network *net) {
    double sum = (double)net->units;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t)
            sum += (double)lip_op_row_terms(net->layer[l].term[t].op) * (double)net->layer[l].width;
    return sum;
}

/* ---- Forwards ---------------------------------------------------------------------------- */

static bool slopes_wanted(const lip_cell *cell, size_t l) { return l < cell->net->layers; }

void lip_cell_layer(lip_cell *cell, size_t l) {
    const lip_layer *layer = &cell->net->layer[l];
    size_t n = cell->n, first = layer->offset;
    if (!slopes_wanted(cell, l) || (cell->fixed_slopes && cell->fresh)) return;
    memset(cell->slope + first * n, 0, layer->width * n * sizeof *cell->slope);
    memcpy(cell->offset + first, layer->bias, layer->width * sizeof *cell->offset);
    for (size_t t = 0; t < layer->nterms; ++t) {
        size_t from = cell->net->layer[layer->term[t].source].offset;
        lip_op_apply(layer->term[t].op, n, cell->masked + from * n, cell->slope + first * n);
        lip_op_apply(layer->term[t].op, 1, cell->base + from, cell->offset + first);
        cell->work += (double)lip_op_row_terms(layer->term[t].op) * (double)(layer->width * n);
    }
}

/* h = d z for the slopes and offsets of layer l. */
void lip_cell_mask(lip_cell *cell, size_t l) {
    const lip_layer *layer = &cell->net->layer[l];
    size_t n = cell->n;
    if (!slopes_wanted(cell, l) || (cell->fixed_slopes && cell->fresh)) return;
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        cell->base[u] = cell->d[u] * cell->offset[u];
        if (cell->d[u] != 0)
            memcpy(cell->masked + u * n, cell->slope + u * n, n * sizeof *cell->slope);
        else
            memset(cell->masked + u * n, 0, n * sizeof *cell->slope);
    }
    cell->work += (double)layer->width * (double)n / 2;
}

void lip_cell_slopes(lip_cell *cell) {
    if (cell->fixed_slopes && cell->fresh) return;
    for (size_t l = 1; l <= cell->net->layers; ++l) {
        lip_cell_layer(cell, l);
        lip_cell_mask(cell, l);
    }
    cell->fresh = true;
}

/* ---- Backwards --------------------------------------------------------------------------- */

static void update_derivatives(lip_cell *cell) {
    const lip_network *net = cell->net;
    size_t k = cell->k;
    cell->work += (double)k * lip_network_work(net);
    memset(cell->g, 0, net->units * k * sizeof *cell->g);
    lip_output_block(net, &cell->query->output, cell->g + net->layer[net->layers].offset * k);
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        const double *g = cell->g + layer->offset * k, *d = cell->d + layer->offset;
        for (size_t i = 0; i < layer->width; ++i)
            for (size_t r = 0; r < k; ++r) cell->gz[i * k + r] = d[i] * g[i * k + r];
        for (size_t t = 0; t < layer->nterms; ++t) {
            const lip_term *term = &layer->term[t];
            lip_op_adjoint(term->op, k, cell->gz, cell->g + net->layer[term->source].offset * k);
        }
    }
}

/* image = J t and s its dual vector; row = J' s. */
static void update_vectors(lip_cell *cell) {
    size_t n = cell->n, k = cell->k;
    memset(cell->image, 0, k * sizeof *cell->image);
    memset(cell->row, 0, n * sizeof *cell->row);
    for (size_t i = 0; i < n; ++i)
        for (size_t r = 0; r < k; ++r) cell->image[r] += cell->g[i * k + r] * cell->t[i];
    lip_dual_maximiser(k, cell->image, 1, lip_norm_dual(cell->query->norm_out), cell->s);
    if (k == 1) cell->s[0] = 1;
    for (size_t i = 0; i < n; ++i)
        for (size_t r = 0; r < k; ++r) cell->row[i] += cell->g[i * k + r] * cell->s[r];
}

bool lip_cell_update(lip_cell *cell, bool slopes) {
    lip_norm p = cell->query->norm_in, q = cell->query->norm_out;
    if (slopes) lip_cell_slopes(cell);
    update_derivatives(cell);
    if (!lip_best_direction(cell->n, cell->k, cell->g, p, q, cell->t)) return false;
    update_vectors(cell);
    double length = lip_plain_norm(cell->n, cell->t, p);
    cell->value = cell->k == 1 ? lip_plain_norm(cell->n, cell->row, lip_norm_dual(p))
                  : length > 0 ? lip_plain_norm(cell->k, cell->image, q) / length
                               : 0;
    return true;
}

/* ---- Neighbours -------------------------------------------------------------------------- */

/* As lip_plain_norm, but fast and for numbers of ordinary size. */
static double quick_norm(size_t n, const double *v, lip_norm p) {
    if (p == LIP_NORM_1) return cblas_dasum((int)n, v, 1);
    if (p == LIP_NORM_2) return cblas_dnrm2((int)n, v, 1);
    return fabs(v[cblas_idamax((int)n, v, 1)]);
}

double lip_cell_wish(const lip_cell *cell, size_t unit) {
    double left = cblas_ddot((int)cell->k, cell->s, 1, cell->g + unit * cell->k, 1);
    return left * cblas_ddot((int)cell->n, cell->slope + unit * cell->n, 1, cell->t, 1);
}

double lip_cell_flipped(lip_cell *cell, size_t unit) {
    size_t n = cell->n, k = cell->k;
    const double *slope = cell->slope + unit * n, *g = cell->g + unit * k;
    double sign = cell->d[unit] != 0 ? -1 : 1;
    double left = sign * cblas_ddot((int)k, cell->s, 1, g, 1);
    for (size_t i = 0; i < n; ++i) cell->y[i] = cell->row[i] + left * slope[i];
    cell->work += 3 * (double)n;
    double value = quick_norm(n, cell->y, lip_norm_dual(cell->query->norm_in));
    if (k == 1) return value;
    double right = sign * cblas_ddot((int)n, slope, 1, cell->t, 1);
    for (size_t r = 0; r < k; ++r) cell->sum[r] = cell->image[r] + right * g[r];
    return fmax(value, quick_norm(k, cell->sum, cell->query->norm_out));
}
