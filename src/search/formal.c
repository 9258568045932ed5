/* The formal constant: the largest norm over all patterns of neurons that are not stable, whether a
 * point has that pattern or not.  Written out along a direction t and its dual s,
 *
 *     Phi(d, s, t) = s' S D_m A_m ... D_1 A_1 t
 *
 * is affine in the pattern of any one layer, so that the best pattern of a layer for the rest fixed is
 * d_u = [g_u y_u > 0], g the derivative of s' f by h_u and y the tangent of z_u along t.  Layers in
 * turn, then s and t for the new pattern: Phi never falls.  Flips of one or two neurons go on from
 * where that stops. */
#include "base/error.h"
#include "base/memory.h"
#include "linalg/norms.h"
#include "search/direction.h"
#include "search/hunt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* y: tangents of z along t, masked on the way; in g: cotangents of h for s. */
static void tangent_pass(const lip_cell *cell, double *v, double *y) {
    const lip_network *net = cell->net;
    memcpy(v, cell->t, cell->n * sizeof *v);
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        memset(y + layer->offset, 0, layer->width * sizeof *y);
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_apply(layer->term[t].op, 1, v + net->layer[layer->term[t].source].offset,
                         y + layer->offset);
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            v[u] = cell->d[u] * y[u];
    }
}

/* The best pattern layer by layer from the last to the first: the tangents of a layer do not depend on
 * later layers, so that one pass forwards and one backwards suffice. */
static void choose_patterns(lip_cell *cell, double *v, double *y, double *g) {
    const lip_network *net = cell->net;
    cell->work += 2 * lip_network_work(net);
    size_t next = 0, k = cell->k, out = net->layer[net->layers].offset;
    tangent_pass(cell, v, y);
    memset(g, 0, net->units * sizeof *g);
    for (size_t i = 0; i < lip_outputs(net); ++i)
        for (size_t r = 0; r < k; ++r) g[out + i] += cell->g[(out + i) * k + r] * cell->s[r];
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        for (next = 0; next < cell->neurons; ++next) {
            size_t u = cell->unit[next];
            double gain = g[u] * y[u];
            if (u < layer->offset || u >= layer->offset + layer->width || gain == 0) continue;
            cell->d[u] = gain > 0 ? 1 : 0;
        }
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) g[u] *= cell->d[u];
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_adjoint(layer->term[t].op, 1, g + layer->offset,
                           g + net->layer[layer->term[t].source].offset);
    }
}

lip_status lip_formal_alternate(lip_cell *cell, lip_error *err) {
    size_t units = cell->net->units;
    double *memory = LIP_NEW(double, 4 * units), *kept = memory + 3 * units;
    if (!memory) return lip_fail_memory(err);
    bool ok = lip_cell_update(cell, false), better = true;
    for (int round = 0; ok && better && round < 100; ++round) {
        double before = cell->value;
        memcpy(kept, cell->d, units * sizeof *kept);
        choose_patterns(cell, memory, memory + units, memory + 2 * units);
        ok = lip_cell_update(cell, false);
        better = cell->value > before * (1 + 1e-12);
        if (ok && cell->value < before) {
            lip_cell_take(cell, kept);
            ok = lip_cell_update(cell, false);
        }
    }
    free(memory);
    return ok ? LIP_OK : lip_fail_memory(err);
}

/* ---- Many directions at once --------------------------------------------------------------- */

/* The same alternation for `count` columns, s and t replaced by the maximisers of Phi for the rest fixed
 * instead of by the best pair: as many matrix products, but of blocks. */
typedef struct batch {
    lip_cell *cell;
    size_t count;
    double *d, *v, *y, *g; /* units * count */
    double *s, *t;         /* k, n */
    double *phi;           /* count */
    double *open;          /* units: 1 where the phase is free */
} batch;

static void batch_forward(batch *b) {
    const lip_network *net = b->cell->net;
    size_t count = b->count;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        size_t first = layer->offset * count, size = layer->width * count;
        memset(b->y + first, 0, size * sizeof *b->y);
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_apply(layer->term[t].op, count,
                         b->v + net->layer[layer->term[t].source].offset * count, b->y + first);
        for (size_t i = first; i < first + size; ++i) b->v[i] = b->d[i] * b->y[i];
    }
}

/* The output block of g: S' s for the dual vector s of S y. */
static void batch_outputs(batch *b) {
    const lip_cell *cell = b->cell;
    const lip_network *net = cell->net;
    size_t count = b->count, k = cell->k, m = lip_outputs(net),
           out = net->layer[net->layers].offset;
    memset(b->g, 0, net->units * count * sizeof *b->g);
    for (size_t j = 0; j < count; ++j) {
        memset(b->s, 0, k * sizeof *b->s);
        for (size_t i = 0; i < m; ++i)
            for (size_t r = 0; r < k; ++r)
                b->s[r] += cell->g[(out + i) * k + r] * b->y[(out + i) * count + j];
        lip_dual_maximiser(k, b->s, 1, lip_norm_dual(cell->query->norm_out), b->s);
        if (k == 1) b->s[0] = 1;
        for (size_t i = 0; i < m; ++i)
            for (size_t r = 0; r < k; ++r)
                b->g[(out + i) * count + j] += cell->g[(out + i) * k + r] * b->s[r];
    }
}

static void batch_backward(batch *b) {
    const lip_network *net = b->cell->net;
    size_t count = b->count;
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            for (size_t i = u * count; i < (u + 1) * count; ++i) {
                double gain = b->g[i] * b->y[i];
                if (b->open[u] != 0 && gain != 0) b->d[i] = gain > 0 ? 1 : 0;
                b->g[i] *= b->d[i];
            }
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_adjoint(layer->term[t].op, count, b->g + layer->offset * count,
                           b->g + net->layer[layer->term[t].source].offset * count);
    }
}

/* One round; true if some column gained. */
static bool batch_round(batch *b) {
    const lip_cell *cell = b->cell;
    bool gained = false;
    batch_forward(b);
    batch_outputs(b);
    batch_backward(b);
    for (size_t j = 0; j < b->count; ++j) {
        for (size_t i = 0; i < cell->n; ++i) b->t[i] = b->g[i * b->count + j];
        double phi = lip_plain_norm(cell->n, b->t, lip_norm_dual(cell->query->norm_in));
        lip_dual_maximiser(cell->n, b->t, 1, cell->query->norm_in, b->t);
        for (size_t i = 0; i < cell->n; ++i) b->v[i * b->count + j] = b->t[i];
        gained = gained || phi > b->phi[j] * (1 + 1e-9);
        b->phi[j] = phi;
    }
    b->cell->work += 2 * (double)b->count * lip_network_work(cell->net) / 4; /* blocks are faster */
    return gained;
}

/* Columns start at cell->t and cell->d, disturbed more and more, or (fresh) at random. */
static void batch_start(batch *b, bool fresh, lip_rng *rng) {
    const lip_cell *cell = b->cell;
    static const double kicks[4] = {0.02, 0.05, 0.1, 0.2};
    size_t count = b->count, units = cell->net->units;
    for (size_t u = 0; u < units; ++u)
        for (size_t j = 0; j < count; ++j) b->d[u * count + j] = cell->d[u];
    for (size_t i = 0; fresh && i < cell->neurons; ++i) {
        b->open[cell->unit[i]] = 1;
        for (size_t j = 0; j < count; ++j)
            b->d[cell->unit[i] * count + j] = lip_rng_next(rng) >> 63 ? 1 : 0;
    }
    for (size_t i = 0; i < cell->neurons; ++i) b->open[cell->unit[i]] = 1;
    bool keep = !fresh && cell->query->norm_in != LIP_NORM_1;
    for (size_t j = 0; j < count; ++j) {
        for (size_t i = 0; i < cell->n; ++i) {
            double random = lip_rng_uniform(rng);
            b->t[i] = !keep ? random - 0.5 : random < kicks[j % 4] ? -cell->t[i] : cell->t[i];
        }
        if (!keep) lip_dual_maximiser(cell->n, b->t, 1, cell->query->norm_in, b->t);
        for (size_t i = 0; i < cell->n; ++i) b->v[i * count + j] = b->t[i];
    }
}

lip_status lip_formal_batch(lip_cell *cell, size_t count, bool fresh, lip_rng *rng,
                            lip_error *err) {
    size_t units = cell->net->units, size, best = 0;
    batch b = {.cell = cell, .count = count};
    if (!lip_cell_update(cell, false) || !lip_multiply_sizes(units, 4 * count, &size))
        return lip_fail_memory(err);
    b.d = LIP_NEW(double, size);
    b.s = LIP_NEW(double, cell->k + cell->n + count + units);
    bool ok = b.d && b.s, gained = true;
    if (ok) {
        b.v = b.d + units * count;
        b.y = b.v + units * count;
        b.g = b.y + units * count;
        b.t = b.s + cell->k;
        b.phi = b.t + cell->n;
        b.open = b.phi + count;
        batch_start(&b, fresh, rng);
        for (int round = 0; gained && round < 60; ++round) gained = batch_round(&b);
        for (size_t j = 1; j < count; ++j)
            if (b.phi[j] > b.phi[best]) best = j;
        for (size_t i = 0; i < cell->neurons; ++i)
            cell->d[cell->unit[i]] = b.d[cell->unit[i] * count + best];
    }
    free(b.d);
    free(b.s);
    return ok ? LIP_OK : lip_fail_memory(err);
}

/* ---- Flips --------------------------------------------------------------------------------- */

/* The neuron whose flip is worth most; its estimate. */
static size_t best_flip(lip_cell *cell, size_t except, double *value) {
    size_t best = SIZE_MAX;
    *value = -1;
    for (size_t i = 0; i < cell->neurons; ++i) {
        if (cell->unit[i] == except) continue;
        double v = lip_cell_flipped(cell, cell->unit[i]);
        if (v <= *value) continue;
        *value = v;
        best = cell->unit[i];
    }
    return best;
}

static bool flip(lip_cell *cell, size_t unit) {
    cell->d[unit] = 1 - cell->d[unit];
    return lip_cell_update(cell, true);
}

/* One flip, or two of which the first alone need not help.  *better says whether something changed. */
static bool improve(lip_cell *cell, bool *better) {
    double value, before = cell->value, enough = before * (1 + 1e-12);
    size_t first = best_flip(cell, SIZE_MAX, &value), second;
    *better = false;
    if (first == SIZE_MAX) return true;
    if (!flip(cell, first)) return false;
    *better = cell->value > enough;
    if (*better) return true;
    second = best_flip(cell, first, &value);
    if (second != SIZE_MAX && value > enough) {
        if (!flip(cell, second)) return false;
        *better = cell->value > enough;
        if (*better) return true;
        if (!flip(cell, second)) return false;
    }
    return flip(cell, first);
}

lip_status lip_formal_flips(lip_cell *cell, lip_watch *watch, lip_error *err) {
    bool ok = lip_cell_update(cell, true), better = true;
    for (size_t i = 0; ok && better && i < 4 * cell->neurons; ++i) {
        ok = improve(cell, &better);
        if (lip_watch_expired(watch)) break;
    }
    return ok ? LIP_OK : lip_fail_memory(err);
}
