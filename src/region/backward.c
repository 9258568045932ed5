/* Backward linear bounds (CROWN: Zhang, Weng, Chen, Hsieh, Daniel 2018).
 *
 * To bound a target z_i (and -z_i) from above, write it as a linear function of the earlier h and walk
 * back: behind a ReLU with lo < 0 < hi, a positive coefficient g meets the upper line
 *
 *     h <= s z + t,   s ~ hi / (hi - lo),   t >= max(-s lo, hi - s hi)      (the chord, rounded up)
 *
 * and a negative one the lower line  h >= a z  with the slope a in [0, 1] that the caller gives for
 * this target, or 1 if hi > -lo else 0.  At the input the region maximises the linear function.
 * Targets are columns of a block.
 *
 * Rounding.  The coefficients G need not be exact, only the inequality must hold.  Replacing the true
 * A' g by its computed value changes the function by at most  gamma |g|' (|A| h_max), h_max the largest
 * |h| by the bounds already known; rounding g s or g a changes it by at most UNIT |g| z_max.  All such
 * terms and all rounding of the constant part are collected in `slack` and `size`:
 *
 *     target <= value + gamma size + slack. */
#include "region/backward.h"

#include "base/memory.h"
#include "base/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lip_backward {
    const lip_network *net;
    const lip_region *region;
    const lip_preactivation *bounds, *digits;
    size_t l;      /* the targets' layer */
    size_t terms;  /* bound on the number of terms of any sum here */
    double *reach; /* units: |A| h_max + |b| of each neuron, an upper bound */
    double *g;     /* units * k: coefficients of h */
    double *value, *size, *slack, *squares; /* columns each */
    size_t k;                               /* columns in use */
    const double *slope;
    bool *used;
};

static double largest_value(const lip_backward *w, size_t l, size_t unit) {
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
static bool compute_reach(lip_backward *w, size_t s) {
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

lip_backward *lip_backward_create(const lip_network *net, const lip_region *region,
                                  const lip_preactivation *bounds, const lip_preactivation *digits,
                                  size_t l, size_t columns) {
    size_t used = net->layer[l].offset + net->layer[l].width, room;
    lip_backward *w = LIP_NEW(lip_backward, 1);
    if (!w) return NULL;
    w->net = net;
    w->region = region;
    w->bounds = bounds;
    w->digits = digits;
    w->l = l;
    w->terms = count_terms(net);
    w->reach = LIP_NEW(double, used);
    w->g = lip_multiply_sizes(used, columns, &room) ? LIP_NEW(double, room) : NULL;
    w->value = LIP_NEW(double, 4 * columns);
    bool ok = w->reach && w->g && w->value;
    for (size_t s = 1; ok && s <= l; ++s) ok = compute_reach(w, s);
    if (!ok) {
        lip_backward_free(w);
        return NULL;
    }
    w->size = w->value + columns;
    w->slack = w->size + columns;
    w->squares = w->slack + columns;
    return w;
}

void lip_backward_free(lip_backward *w) {
    if (!w) return;
    free(w->reach);
    free(w->g);
    free(w->value);
    free(w);
}

lip_chord lip_chord_of(double lo, double hi) {
    lip_chord c = {fmin(hi / (hi - lo), 1), 0};
    c.t = fmax(lip_mul_up(-lo, c.s), lip_mul_up(hi, lip_sub_up(1, c.s)));
    return c;
}

/* g < 0: g h <= g a z, with fl(g a) instead of g a. */
static double lower_line(lip_backward *w, size_t unit, size_t column, double g, double z_max) {
    double a = lip_slope_digit(w->digits, unit);
    if (w->used) w->used[unit * w->k + column] = true;
    if (w->slope) a = w->slope[unit * w->k + column];
    if (a == 0) return 0;
    if (a == 1) return g;
    w->slack[column] += 2 * LIP_UNIT * lip_magnitude(g) * lip_magnitude(z_max);
    return g * a;
}

/* Coefficients of one unstable neuron's h become coefficients of its z. */
static void relax_neuron(lip_backward *w, size_t unit) {
    double lo = w->bounds->lo[unit], hi = w->bounds->hi[unit], z_max = fmax(-lo, hi);
    bool finite = isfinite(lo) && isfinite(hi);
    lip_chord chord = finite ? lip_chord_of(lo, hi) : (lip_chord){0, INFINITY};
    double *row = w->g + unit * w->k;
    for (size_t j = 0; j < w->k; ++j) {
        double g = row[j];
        if (g == 0) continue;
        if (g < 0) {
            row[j] = lower_line(w, unit, j, g, finite ? z_max : INFINITY);
        } else if (!finite) {
            w->slack[j] = INFINITY;
            row[j] = 0;
        } else {
            row[j] = g * chord.s;
            w->slack[j] += lip_mul_up(g, chord.t) * (1 + 4 * LIP_UNIT) +
                           2 * LIP_UNIT * lip_magnitude(g) * lip_magnitude(z_max);
        }
    }
}

/* Coefficients of h_s become coefficients of z_s. */
static void relax_layer(lip_backward *w, size_t s) {
    const lip_layer *layer = &w->net->layer[s];
    if (!layer->relu) return;
    for (size_t unit = layer->offset; unit < layer->offset + layer->width; ++unit) {
        if (w->bounds->lo[unit] >= 0) continue;
        if (w->bounds->hi[unit] <= 0)
            memset(w->g + unit * w->k, 0, w->k * sizeof *w->g);
        else
            relax_neuron(w, unit);
    }
}

/* Coefficients of z_s become coefficients of the sources of layer s and a constant. */
static void push_back(lip_backward *w, size_t s) {
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
static void concretise(lip_backward *w) {
    const lip_region *region = w->region;
    bool ball = region->kind == LIP_BALL;
    memset(w->squares, 0, w->k * sizeof *w->squares);
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
                w->squares[j] += a * a;
            else
                w->slack[j] += a * lip_magnitude(r);
        }
    }
    for (size_t j = 0; ball && j < w->k; ++j)
        w->slack[j] += lip_mul_up(region->radius, lip_sqrt_up(lip_sum_up(w->squares[j], w->terms)));
}

/* The proved upper bound of column j; INFINITY if anything overflowed. */
static double column_bound(const lip_backward *w, size_t j) {
    double error = lip_sum_up(w->slack[j] + lip_gamma(w->terms) * w->size[j], w->terms);
    double bound = error == 0 ? w->value[j] : lip_add_up(w->value[j], error);
    return isnan(bound) ? INFINITY : bound;
}

void lip_backward_bound(lip_backward *w, size_t k, const lip_target *target, const double *slope,
                        bool *used, double *bound) {
    const lip_layer *layer = &w->net->layer[w->l];
    w->k = k;
    w->slope = slope;
    w->used = used;
    memset(w->g, 0, (layer->offset + layer->width) * k * sizeof *w->g);
    memset(w->value, 0, k * sizeof *w->value);
    memset(w->size, 0, k * sizeof *w->size);
    memset(w->slack, 0, k * sizeof *w->slack);
    for (size_t j = 0; j < k; ++j)
        w->g[(layer->offset + target[j].neuron) * k + j] = target[j].sign;
    push_back(w, w->l);
    for (size_t s = w->l - 1; s > 0; --s) {
        relax_layer(w, s);
        push_back(w, s);
    }
    concretise(w);
    for (size_t j = 0; j < k; ++j) bound[j] = column_bound(w, j);
}
