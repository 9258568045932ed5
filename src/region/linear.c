/* Backward linear bounds of one layer (CROWN: Zhang, Weng, Chen, Hsieh, Daniel 2018).
 *
 * To bound a target z_i (and -z_i) from above, write it as a linear function of the earlier h and walk
 * back: behind a ReLU with lo < 0 < hi, a positive coefficient g meets the upper line
 *
 *     h <= s z + t,   s ~ hi / (hi - lo),   t >= max(-s lo, hi - s hi)      (the chord, rounded up)
 *
 * and a negative one the lower line  h >= a z,  a = 1 if hi > -lo else 0.  At the input the region
 * maximises the linear function.  Targets are handled in blocks of columns, +z and -z side by side.
 *
 * Rounding.  The coefficients G need not be exact, only the inequality must hold.  Replacing the true
 * A' g by its computed value changes the function by at most  gamma |g|' (|A| h_max), h_max the largest
 * |h| by the bounds already known; rounding g s changes it by at most UNIT |g s| z_max.  All such terms
 * and all rounding of the constant part are collected in `slack` and `size`:
 *
 *     target <= value + gamma size + slack. */
#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "net/enclose.h"
#include "region/preactivation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 64, COLUMNS = 2 * TARGETS };

typedef struct linear_work {
    const lip_network *net;
    const lip_region *region;
    const lip_preactivation *bounds;
    double *reach; /* units: |A| h_max + |b| of each neuron, an upper bound */
    double *g;     /* units * k: coefficients of h */
    size_t k;      /* columns in use */
    size_t terms;  /* bound on the number of terms of any sum here */
    double value[COLUMNS], size[COLUMNS], slack[COLUMNS];
} linear_work;

static double largest_value(const linear_work *w, size_t l, size_t unit) {
    double lo = w->bounds->lo[unit], hi = w->bounds->hi[unit];
    if (w->net->layer[l].relu) return fmax(hi, 0);
    return fmax(fabs(lo), fabs(hi));
}

/* More than the number of terms of any sum here: of one coefficient (over all readers of a source, of
 * which there may be many), of one z, of one constant. */
static size_t count_terms(const lip_network *net) {
    size_t terms = 4 * net->units + 64;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t)
            terms += lip_op_row_terms(net->layer[l].term[t].op) +
                     lip_op_col_terms(net->layer[l].term[t].op) + 2;
    return terms;
}

/* reach of layer s from the bounds of its sources. */
static bool compute_reach(linear_work *w, size_t s) {
    const lip_layer *layer = &w->net->layer[s];
    double *to = w->reach + layer->offset;
    memset(to, 0, layer->width * sizeof *to);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_layer *source = &w->net->layer[layer->term[t].source];
        double *h = LIP_NEW(double, source->width);
        if (!h) return false;
        for (size_t j = 0; j < source->width; ++j)
            h[j] = lip_magnitude(largest_value(w, layer->term[t].source, source->offset + j));
        lip_op_apply(layer->term[t].magnitude, 1, h, to);
        free(h);
    }
    for (size_t i = 0; i < layer->width; ++i)
        to[i] = lip_sum_up(to[i] + fabs(layer->bias[i]), w->terms);
    return true;
}

/* Replace the coefficient of h by one of z for one unstable neuron and column. */
static void relax_neuron(linear_work *w, size_t unit, size_t column, double *g) {
    double lo = w->bounds->lo[unit], hi = w->bounds->hi[unit];
    if (*g == 0) return;
    if (*g < 0) {
        if (!(hi > -lo)) *g = 0;
        return;
    }
    if (!isfinite(lo) || !isfinite(hi)) {
        w->slack[column] = INFINITY;
        *g = 0;
        return;
    }
    double s = fmin(hi / (hi - lo), 1);
    double t = fmax(lip_mul_up(-lo, s), lip_mul_up(hi, lip_sub_up(1, s)));
    double before = *g, z_max = fmax(-lo, hi);
    *g = before * s;
    w->slack[column] += lip_mul_up(before, t) * (1 + 4 * LIP_UNIT) +
                        2 * LIP_UNIT * lip_magnitude(before) * lip_magnitude(z_max);
}

/* Coefficients of h_s become coefficients of z_s. */
static void relax_layer(linear_work *w, size_t s) {
    const lip_layer *layer = &w->net->layer[s];
    if (!layer->relu) return;
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        double *row = w->g + unit * w->k;
        if (w->bounds->lo[unit] >= 0) continue;
        for (size_t j = 0; j < w->k; ++j) {
            if (w->bounds->hi[unit] <= 0)
                row[j] = 0;
            else
                relax_neuron(w, unit, j, &row[j]);
        }
    }
}

/* Coefficients of z_s become coefficients of the sources of layer s and a constant. */
static void push_back(linear_work *w, size_t s) {
    const lip_layer *layer = &w->net->layer[s];
    const double *g = w->g + layer->offset * w->k;
    double gamma = lip_gamma(w->terms);
    for (size_t i = 0; i < layer->width; ++i)
        for (size_t j = 0; j < w->k; ++j) {
            double c = g[i * w->k + j];
            if (c == 0) continue;
            w->value[j] += c * layer->bias[i];
            w->size[j] += lip_magnitude(c) * lip_magnitude(layer->bias[i]);
            w->slack[j] += gamma * lip_magnitude(c) * lip_magnitude(w->reach[layer->offset + i]);
        }
    for (size_t t = 0; t < layer->nterms; ++t)
        lip_op_adjoint(layer->term[t].op, w->k, g,
                       w->g + w->net->layer[layer->term[t].source].offset * w->k);
}

/* The largest value of the linear function of the input on the region. */
static void concretise(linear_work *w) {
    const lip_region *region = w->region;
    bool ball = region->kind == LIP_BALL;
    double squares[COLUMNS] = {0};
    for (size_t i = 0; i < region->n; ++i) {
        double c = region->centre[i];
        double r = fmax(lip_sub_up(region->hi[i], c), lip_sub_up(c, region->lo[i]));
        if (region->lo[i] == region->hi[i]) r = 0;
        for (size_t j = 0; j < w->k; ++j) {
            double g = w->g[i * w->k + j], a = lip_magnitude(g);
            if (g == 0) continue;
            w->value[j] += g * c;
            w->size[j] += a * lip_magnitude(c);
            if (ball)
                squares[j] += a * a;
            else
                w->slack[j] += a * lip_magnitude(r);
        }
    }
    for (size_t j = 0; ball && j < w->k; ++j)
        w->slack[j] += lip_mul_up(region->radius, lip_sqrt_up(lip_sum_up(squares[j], w->terms)));
}

/* The proved upper bound of column j; INFINITY if anything overflowed. */
static double column_bound(const linear_work *w, size_t j) {
    double error = lip_sum_up(w->slack[j] + lip_gamma(w->terms) * w->size[j], w->terms);
    double bound = error == 0 ? w->value[j] : lip_add_up(w->value[j], error);
    return isnan(bound) ? INFINITY : bound;
}

/* Bound the neurons index[0..count-1] of layer l and cut their intervals. */
static void bound_block(linear_work *w, size_t l, size_t count, const size_t *index, double *lo,
                        double *hi) {
    const lip_network *net = w->net;
    size_t first = net->layer[l].offset;
    w->k = 2 * count;
    memset(w->g, 0, (first + net->layer[l].width) * w->k * sizeof *w->g);
    memset(w->value, 0, sizeof w->value);
    memset(w->size, 0, sizeof w->size);
    memset(w->slack, 0, sizeof w->slack);
    for (size_t j = 0; j < count; ++j) {
        w->g[(first + index[j]) * w->k + 2 * j] = 1;
        w->g[(first + index[j]) * w->k + 2 * j + 1] = -1;
    }
    push_back(w, l);
    for (size_t s = l - 1; s > 0; --s) {
        relax_layer(w, s);
        push_back(w, s);
    }
    concretise(w);
    for (size_t j = 0; j < count; ++j) {
        double top = column_bound(w, 2 * j), bottom = -column_bound(w, 2 * j + 1);
        if (top < hi[index[j]]) hi[index[j]] = top;
        if (bottom > lo[index[j]]) lo[index[j]] = bottom;
    }
}

/* Neurons worth the work: all of a layer without ReLU, the unstable ones of the others. */
static size_t choose_targets(const lip_network *net, size_t l, const lip_preactivation *bounds,
                             size_t *target) {
    const lip_layer *layer = &net->layer[l];
    size_t count = 0;
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        if (bounds->lo[unit] == bounds->hi[unit]) continue;
        if (!layer->relu || lip_preactivation_phase(bounds, unit) == LIP_UNSTABLE)
            target[count++] = i;
    }
    return count;
}

lip_status lip_linear_layer(const lip_network *net, const lip_region *region, size_t l,
                            lip_watch *watch, lip_preactivation *bounds, lip_error *err) {
    size_t *target = LIP_NEW(size_t, net->layer[l].width), g_size;
    linear_work *w = LIP_NEW(linear_work, 1);
    double *reach = LIP_NEW(double, net->units);
    size_t used = net->layer[l].offset + net->layer[l].width;
    double *g = lip_multiply_sizes(used, COLUMNS, &g_size) ? LIP_NEW(double, g_size) : NULL;
    bool ok = target && w && reach && g;
    if (ok) {
        *w = (linear_work){.net = net, .region = region, .bounds = bounds, .reach = reach, .g = g};
        w->terms = count_terms(net);
        for (size_t s = 1; ok && s <= l; ++s) ok = compute_reach(w, s);
        size_t count = choose_targets(net, l, bounds, target);
        for (size_t first = 0; ok && first < count && !lip_watch_expired(watch); first += TARGETS)
            bound_block(w, l, count - first < TARGETS ? count - first : TARGETS, target + first,
                        bounds->lo + net->layer[l].offset, bounds->hi + net->layer[l].offset);
    }
    free(target);
    free(w);
    free(reach);
    free(g);
    return ok ? LIP_OK : lip_fail_memory(err);
}
