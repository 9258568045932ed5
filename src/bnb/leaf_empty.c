/* Cells without points: the leaves `empty sum` and `empty span` (docs/certificate.md, "Empty leaves").
 *
 * A Farkas certificate is a sum of functions s_k z_k, at least 0 on the cell, with positive multipliers that is
 * negative everywhere.  `sum` bounds it from above over the node's box or ball by the backward rule
 * (region/backward.c), neurons with a phase being linear:
 *
 *     g h <= c z + max(-c lo, (g - c) hi)  for lo < 0 < hi and any 0 <= c <= g,        g h <= g a z  for g < 0, a = 0 or 1.
 *
 * `span` is linear algebra (leaf_span.c).  The lower slopes a are lipcheck's by its own ranges; where hi and -lo nearly
 * agree, both are tried, as in tighten.c. */
#include "base/memory.h"
#include "bnb/leaf_span.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    const lip_leaf *leaf;
    const lip_leaf_node *node;
    double *g, *size;           /* units: coefficients of h, sums of magnitudes of what made them */
    double value, total, slack; /* of the constant; magnitudes of its terms */
    double gamma;
    bool close; /* a slope is not certain; then it is `slope` */
    double slope;
} walk;

/* What row i of layer l, times c, leaves at its sources. */
static void spread(walk *w, size_t l, size_t i, double c) {
    const lip_dense *dense = w->leaf->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    double magnitude = lip_leaf_size(c);
    w->value += c * layer->bias[i];
    w->total += magnitude * lip_leaf_size(layer->bias[i]);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *restrict row = layer->term[t].row + i * source->width;
        double *restrict g = w->g + source->offset, *restrict size = w->size + source->offset;
        for (size_t j = 0; j < source->width; ++j) {
            g[j] += c * row[j];
            size[j] += magnitude * lip_leaf_size(row[j]);
        }
    }
}

/* The largest |h| of a unit. */
static double largest(const walk *w, size_t l, size_t unit) {
    double lo = w->node->lo[unit], hi = w->node->hi[unit];
    if (!w->leaf->dense->layer[l].relu) return fmax(fabs(lo), fabs(hi));
    return w->node->path[unit] == LIP_INACTIVE ? 0 : fmax(hi, 0);
}

/* A coefficient of h becomes one of z. */
static double relax(walk *w, size_t l, size_t unit) {
    double g = w->g[unit], lo = w->node->lo[unit], hi = w->node->hi[unit];
    signed char path = w->node->path[unit];
    if (!w->leaf->dense->layer[l].relu) return g;
    if (path != LIP_UNSTABLE) return path == LIP_ACTIVE ? g : 0;
    if (lo >= 0 || g == 0) return g;
    if (hi <= 0) return 0;
    if (g < 0) {
        bool close = hi != -lo && fabs(hi + lo) <= 0x1p-30 * hi;
        w->close = w->close || close;
        return close ? g * w->slope : hi > -lo ? g : 0;
    }
    double c = fmin(g * (hi / (hi - lo)), g);
    w->slack += fmax(lip_mul_up(c, -lo), lip_mul_up(lip_sub_up(g, c), hi));
    if (!(hi - lo < INFINITY)) w->slack = INFINITY;
    return c;
}

/* The largest value of the linear function of the inputs that is left. */
static void finish(walk *w) {
    const lip_region *region = w->node->region;
    double squares = 0;
    bool ball = region->kind == LIP_BALL;
    for (size_t j = 0; j < region->n; ++j) {
        double g = w->g[j], x = ball ? region->centre[j] : g > 0 ? region->hi[j] : region->lo[j];
        w->slack +=
            w->gamma * w->size[j] * lip_leaf_size(fmax(fabs(region->lo[j]), fabs(region->hi[j])));
        w->value += g * x;
        w->total += lip_leaf_size(g) * lip_leaf_size(x);
        squares += lip_leaf_size(g) * lip_leaf_size(g);
    }
    if (ball)
        w->slack += lip_mul_up(region->radius, lip_sqrt_up(lip_sum_up(squares, region->n + 8)));
}

/* An upper bound of the sum on the node's region. */
static double sum_bound(walk *w, size_t count, const size_t *unit, const double *multiplier) {
    const lip_dense *dense = w->leaf->dense;
    size_t terms = 2 * dense->units + 64;
    w->gamma = lip_gamma(terms);
    w->value = w->total = w->slack = 0;
    memset(w->g, 0, 2 * dense->units * sizeof *w->g);
    for (size_t k = 0; k < count; ++k) {
        size_t l = dense->layer_of[unit[k]];
        spread(w, l, unit[k] - dense->layer[l].offset,
               w->node->path[unit[k]] == LIP_INACTIVE ? -multiplier[k] : multiplier[k]);
    }
    for (size_t l = dense->layers; --l > 0;) {
        const lip_dense_layer *layer = &dense->layer[l];
        for (size_t i = 0; i < layer->width; ++i) {
            size_t u = layer->offset + i;
            if (w->size[u] == 0) continue;
            w->slack += w->gamma * w->size[u] * lip_leaf_size(largest(w, l, u));
            double c = relax(w, l, u);
            if (c != 0) spread(w, l, i, c);
        }
    }
    finish(w);
    double error = lip_sum_up(w->slack + w->gamma * w->total, 4 * terms);
    double bound = lip_add_up(w->value, error);
    return bound < INFINITY ? bound : INFINITY;
}

/* False if memory is short. */
static bool try_sum(const lip_leaf *leaf, const lip_leaf_node *node, size_t count,
                    const size_t *unit, const double *multiplier, bool *empty) {
    walk w = {.leaf = leaf, .node = node};
    *empty = false;
    if (node->region->kind == LIP_EVERYWHERE) return true;
    w.g = lip_alloc(leaf->dense->units, 2 * sizeof *w.g);
    if (!w.g) return false;
    w.size = w.g + leaf->dense->units;
    *empty = sum_bound(&w, count, unit, multiplier) < 0;
    w.slope = 1;
    if (*empty && w.close) *empty = sum_bound(&w, count, unit, multiplier) < 0;
    free(w.g);
    return true;
}

/* ---- Text -------------------------------------------------------------------------------- */

/* The neurons' numbers, with multipliers or without. */
static void write_neurons(const lip_leaf *leaf, size_t count, const size_t *unit,
                          const double *multiplier, lip_text *text) {
    size_t relu = 0;
    lip_text_size(text, count);
    for (size_t k = 0; k < count; ++k) {
        while (leaf->dense->relu[relu] < unit[k]) ++relu;
        lip_text_size(text, relu);
        if (multiplier) lip_text_real(text, multiplier[k]);
    }
}

/* Ascending neurons, all with a phase on the path, or all without. */
static bool listed(const lip_leaf *leaf, const lip_leaf_node *node, bool open, size_t count,
                   const size_t *unit) {
    const lip_dense *dense = leaf->dense;
    for (size_t k = 0; k < count; ++k) {
        if (unit[k] >= dense->units || (k > 0 && unit[k] <= unit[k - 1])) return false;
        if (!dense->layer[dense->layer_of[unit[k]]].relu) return false;
        if ((node->path[unit[k]] == LIP_UNSTABLE) != open) return false;
    }
    return true;
}

/* Are these neurons with a phase on the path, ascending, with positive finite multipliers? */
static bool well_formed(const lip_leaf *leaf, const lip_leaf_node *node, size_t count,
                        const size_t *unit, const double *multiplier) {
    for (size_t k = 0; k < count; ++k)
        if (!(multiplier[k] > 0 && multiplier[k] < INFINITY)) return false;
    return count > 0 && listed(leaf, node, false, count, unit);
}

bool lip_leaf_empty(lip_leaf *leaf, const lip_leaf_node *node, size_t count, const size_t *unit,
                    const double *multiplier, bool *empty, lip_text *text) {
    size_t level = 0;
    bool one = false;
    *empty = false;
    if (!well_formed(leaf, node, count, unit, multiplier)) return true;
    if (!try_sum(leaf, node, count, unit, multiplier, empty)) return false;
    bool sum = *empty;
    /* In a box or ball a neuron that the path made active may have range 0 by lipcheck's reckoning, but not by this one:
     * then it has no row there. */
    bool span = !sum && node->region->kind == LIP_EVERYWHERE;
    const size_t rows[3] = {count, 0, 0};
    if (span && !lip_leaf_span(leaf, node, false, rows, unit, &level, &one, empty)) return false;
    if (!*empty || !text) return true;
    if (sum) {
        lip_text_word(text, "empty sum");
    } else {
        lip_text_word(text, "empty span");
        lip_text_size(text, level);
        lip_text_word(text, one ? " one" : " none");
    }
    write_neurons(leaf, count, unit, sum ? multiplier : NULL, text);
    lip_text_word(text, "\n");
    return !text->failed;
}

bool lip_leaf_hull(lip_leaf *leaf, const lip_leaf_node *node, const size_t count[3],
                   const size_t *unit, bool *empty, lip_text *text) {
    size_t level = 0;
    bool one = false, fine = node->region->kind == LIP_EVERYWHERE;
    const size_t *from = unit;
    *empty = false;
    for (int list = 0; list < 3; from += count[list++])
        fine = fine && listed(leaf, node, list > 0, count[list], from);
    if (!fine || count[0] + count[1] + count[2] == 0) return true;
    if (!lip_leaf_span(leaf, node, true, count, unit, &level, &one, empty)) return false;
    if (!*empty || !text) return true;
    lip_text_word(text, "empty hull");
    lip_text_size(text, level);
    lip_text_word(text, one ? " one" : " none");
    for (int list = 0; list < 3; unit += count[list++])
        write_neurons(leaf, count[list], unit, NULL, text);
    lip_text_word(text, "\n");
    return !text->failed;
}
