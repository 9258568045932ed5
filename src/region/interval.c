/* Interval bounds of one layer.
 *
 * Bounded sources: midpoint-radius arithmetic (net/enclose.h).  A ball gives its first-layer
 * pre-activations the radius  eps ||a_i||_2  instead of  eps ||a_i||_1.
 *
 * Unbounded sources (R^n, and everything behind it): h of an unstable neuron lies in [0, inf), so that
 * a row whose weights all have one sign can still be bounded on one side.  With A = P - N, P, N >= 0,
 *
 *     hi = b + P h_hi - N h_lo,   infinite iff P meets an infinite h_hi or N an infinite h_lo,
 *
 * evaluated with infinite entries replaced by 0 and counted apart; lo likewise. */
#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "net/enclose.h"
#include "region/preactivation.h"

#include <math.h>
#include <stdlib.h>

static double square(double x) { return x * x; }
static double positive_part(double x) { return x > 0 ? x : 0; }
static double negative_part(double x) { return x < 0 ? -x : 0; }
static double is_nonzero(double x) { return x != 0 ? 1 : 0; }

/* [lo, hi] of the value that a unit passes on: x itself, or h = max(z, 0) behind a ReLU. */
static void passed_on(const lip_network *net, size_t l, const lip_preactivation *b, size_t unit,
                      double *lo, double *hi) {
    *lo = b->lo[unit];
    *hi = b->hi[unit];
    if (net->layer[l].relu) {
        *lo = fmax(*lo, 0);
        *hi = fmax(*hi, 0);
    }
}

static bool sources_bounded(const lip_network *net, size_t l, const lip_preactivation *b) {
    for (size_t t = 0; t < net->layer[l].nterms; ++t) {
        size_t s = net->layer[l].term[t].source;
        for (size_t i = 0; i < net->layer[s].width; ++i) {
            double lo, hi;
            passed_on(net, s, b, net->layer[s].offset + i, &lo, &hi);
            if (!isfinite(lo) || !isfinite(hi)) return false;
        }
    }
    return true;
}

/* ---- Bounded sources --------------------------------------------------------------------- */

/* Midpoints and radii of everything that layer l reads; a ball's input gets radius 0 here. */
static void gather(const lip_network *net, const lip_region *region, size_t l,
                   const lip_preactivation *b, double *c, double *r) {
    for (size_t t = 0; t < net->layer[l].nterms; ++t) {
        size_t s = net->layer[l].term[t].source, first = net->layer[s].offset;
        for (size_t i = 0; i < net->layer[s].width; ++i) {
            double lo, hi;
            passed_on(net, s, b, first + i, &lo, &hi);
            c[first + i] = lo / 2 + hi / 2;
            r[first + i] =
                lo == hi ? 0 : fmax(lip_sub_up(hi, c[first + i]), lip_sub_up(c[first + i], lo));
            if (lo == hi) c[first + i] = lo;
            if (s == 0 && region->kind == LIP_BALL) {
                c[first + i] = region->centre[i];
                r[first + i] = 0;
            }
        }
    }
}

/* zr += radius * ||a_i||_2 for the terms that read the input of a ball. */
static lip_status add_ball_radius(const lip_network *net, const lip_region *region, size_t l,
                                  double *zr, lip_error *err) {
    const lip_layer *layer = &net->layer[l];
    if (region->kind != LIP_BALL || region->radius == 0) return LIP_OK;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_term *term = &layer->term[t];
        if (term->source != 0) continue;
        lip_op *squares = lip_op_map(term->magnitude, square);
        double *one = LIP_NEW(double, squares ? squares->cols : 1);
        double *sum = LIP_NEW(double, layer->width);
        if (squares && one && sum) {
            for (size_t j = 0; j < squares->cols; ++j) one[j] = 1;
            lip_op_apply(squares, 1, one, sum);
            size_t terms = lip_op_row_terms(squares) + 2;
            for (size_t i = 0; i < layer->width; ++i) {
                double norm = lip_sqrt_up(lip_sum_up(sum[i], terms));
                if (norm > 0) zr[i] = lip_add_up(zr[i], lip_mul_up(region->radius, norm));
            }
        }
        bool failed = !squares || !one || !sum;
        lip_op_free(squares);
        free(one);
        free(sum);
        if (failed) return lip_fail_memory(err);
    }
    return LIP_OK;
}

static lip_status bounded_layer(const lip_network *net, const lip_region *region, size_t l,
                                lip_preactivation *b, lip_error *err) {
    const lip_layer *layer = &net->layer[l];
    double *c = LIP_NEW(double, 2 * net->units);
    double *z = LIP_NEW(double, 2 * layer->width), *work = LIP_NEW(double, lip_widest(net));
    lip_status status = c && z && work ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) {
        double *zr = z + layer->width;
        gather(net, region, l, b, c, c + net->units);
        lip_enclose_layer(net, l, 1, c, c + net->units, z, zr, work);
        status = add_ball_radius(net, region, l, zr, err);
        for (size_t i = 0; status == LIP_OK && i < layer->width; ++i) {
            /* radius 0 means exact: keep a constant neuron's bounds equal to its bias */
            b->lo[layer->offset + i] = zr[i] == 0 ? z[i] : lip_enclosure_lo(z[i], zr[i]);
            b->hi[layer->offset + i] = zr[i] == 0 ? z[i] : lip_enclosure_hi(z[i], zr[i]);
        }
    }
    free(c);
    free(z);
    free(work);
    return status;
}

/* ---- Unbounded sources ------------------------------------------------------------------- */

/* Sums over one layer's terms, one entry per neuron. */
typedef struct one_sided {
    double *value;    /* P f - N g, floating point */
    double *size;     /* P |f| + N |g|, for the error */
    double *infinite; /* how many infinite entries are met */
} one_sided;

static double finite_or_zero(double x) { return isfinite(x) ? x : 0; }

/* Add one term's part to the upper (sign = 1) or lower (sign = -1) side. */
static lip_status add_side(const lip_network *net, const lip_preactivation *b, const lip_term *term,
                           double sign, const one_sided *sum, lip_error *err) {
    size_t s = term->source, n = net->layer[s].width, first = net->layer[s].offset;
    for (int part = 0; part < 2; ++part) { /* 0: P meets the same side, 1: N meets the other one */
        lip_op *op = lip_op_map(term->op, part == 0 ? positive_part : negative_part);
        lip_op *mag = op ? lip_op_map(op, lip_magnitude) : NULL;
        lip_op *any = op ? lip_op_map(op, is_nonzero) : NULL;
        double *v = LIP_NEW(double, 3 * n), *a = v ? v + n : NULL, *inf = v ? v + 2 * n : NULL;
        bool ok = mag && any && v;
        for (size_t i = 0; ok && i < n; ++i) {
            double lo, hi;
            passed_on(net, s, b, first + i, &lo, &hi);
            double end = (part == 0) == (sign > 0) ? hi : lo;
            v[i] = part == 0 ? finite_or_zero(end) : -finite_or_zero(end);
            a[i] = lip_magnitude(v[i]);
            inf[i] = isfinite(end) ? 0 : 1;
        }
        if (ok) {
            lip_op_apply(op, 1, v, sum->value);
            lip_op_apply(mag, 1, a, sum->size);
            lip_op_apply(any, 1, inf, sum->infinite);
        }
        lip_op_free(op);
        lip_op_free(mag);
        lip_op_free(any);
        free(v);
        if (!ok) return lip_fail_memory(err);
    }
    return LIP_OK;
}

static void finish_side(const lip_layer *layer, double sign, size_t terms, const one_sided *sum,
                        double *bound) {
    double gamma = lip_gamma(terms);
    for (size_t i = 0; i < layer->width; ++i) {
        double bias = layer->bias[i], size = sum->size[i], error = 0;
        if (size != 0) error = lip_sum_up(gamma * (size + lip_magnitude(bias)), terms + 4);
        double value = bias + sum->value[i];
        if (sum->infinite[i] != 0 || !isfinite(value) || !isfinite(error))
            bound[i] = sign * INFINITY;
        else if (error == 0)
            bound[i] = value;
        else
            bound[i] = sign > 0 ? lip_add_up(value, error) : lip_sub_down(value, error);
    }
}

static lip_status unbounded_layer(const lip_network *net, size_t l, lip_preactivation *b,
                                  lip_error *err) {
    const lip_layer *layer = &net->layer[l];
    size_t terms = 4, w = layer->width;
    for (size_t t = 0; t < layer->nterms; ++t) terms += 2 * lip_op_row_terms(layer->term[t].op) + 2;
    lip_status status = LIP_OK;
    for (int side = 0; status == LIP_OK && side < 2; ++side) {
        double sign = side == 0 ? 1 : -1, *memory = LIP_NEW(double, 3 * w);
        if (!memory) return lip_fail_memory(err);
        one_sided sum = {memory, memory + w, memory + 2 * w};
        for (size_t t = 0; status == LIP_OK && t < layer->nterms; ++t)
            status = add_side(net, b, &layer->term[t], sign, &sum, err);
        if (status == LIP_OK)
            finish_side(layer, sign, terms, &sum, (side == 0 ? b->hi : b->lo) + layer->offset);
        free(memory);
    }
    return status;
}

lip_status lip_interval_layer(const lip_network *net, const lip_region *region, size_t l,
                              lip_preactivation *bounds, lip_error *err) {
    return sources_bounded(net, l, bounds) ? bounded_layer(net, region, l, bounds, err)
                                           : unbounded_layer(net, l, bounds, err);
}
