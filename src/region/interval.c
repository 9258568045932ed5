/* Interval bounds of one layer.
 *
 * With A = P - N, P, N >= 0, the bounds lo <= h <= hi of the sources give
 *
 *     z <= b + P hi - N lo,      z >= b + P lo - N hi.
 *
 * On R^n ends are infinite: a side is infinite iff a nonzero coefficient meets an infinite end.  The sums
 * are evaluated with such ends replaced by 0, and the meetings counted apart.  Behind a ReLU h >= 0, so
 * that a neuron whose weights have one sign stays bounded on one side, even on R^n.
 *
 * A ball gives its first-layer pre-activations the smaller radius  eps ||a_i||_2  (net/enclose.h). */
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

static bool reads_input(const lip_network *net, size_t l) {
    for (size_t t = 0; t < net->layer[l].nterms; ++t)
        if (net->layer[l].term[t].source == 0) return true;
    return false;
}

/* ---- Balls ------------------------------------------------------------------------------- */

/* Midpoints and radii of everything that layer l reads; the ball itself gets radius 0 here. */
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
            if (s == 0) {
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
    if (region->radius == 0) return LIP_OK;
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

/* Cut the bounds of a layer that reads the input of a ball. */
static lip_status ball_layer(const lip_network *net, const lip_region *region, size_t l,
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
            size_t unit = layer->offset + i;
            b->lo[unit] = fmax(b->lo[unit], lip_enclosure_lo(z[i], zr[i]));
            b->hi[unit] = fmin(b->hi[unit], lip_enclosure_hi(z[i], zr[i]));
        }
    }
    free(c);
    free(z);
    free(work);
    return status;
}

/* ---- By the signs of the coefficients ---------------------------------------------------- */

/* Sums over one layer's terms: two columns, for the upper and the lower side of each neuron. */
typedef struct side_sums {
    double *value;    /* P f - N g, floating point */
    double *size;     /* P |f| + N |g|, for the error */
    double *infinite; /* how many infinite ends are met */
} side_sums;

static double finite_or_zero(double x) { return isfinite(x) ? x : 0; }

/* The ends of the sources that P (part 0) or N (part 1) meets, for both sides; N's with sign. */
static void side_ends(const lip_network *net, const lip_preactivation *b, size_t s, int part,
                      double *v, double *size, double *infinite) {
    for (size_t i = 0; i < net->layer[s].width; ++i) {
        double end[2];
        passed_on(net, s, b, net->layer[s].offset + i, &end[part], &end[1 - part]);
        for (size_t side = 0; side < 2;
             ++side) { /* end[1]: for the upper side of P, the lower of N */
            double e = end[1 - side];
            v[2 * i + side] = part == 0 ? finite_or_zero(e) : -finite_or_zero(e);
            size[2 * i + side] = lip_magnitude(v[2 * i + side]);
            infinite[2 * i + side] = isfinite(e) ? 0 : 1;
        }
    }
}

/* Add what P or N contributes to the sums of one term. */
static bool add_part(const lip_network *net, const lip_preactivation *b, const lip_term *term,
                     int part, const side_sums *sum) {
    size_t n = net->layer[term->source].width;
    lip_op *op = lip_op_map(term->op, part == 0 ? positive_part : negative_part);
    lip_op *mag = op ? lip_op_map(op, lip_magnitude) : NULL;
    lip_op *any = op ? lip_op_map(op, is_nonzero) : NULL;
    double *v = LIP_NEW(double, 6 * n);
    bool ok = mag && any && v;
    if (ok) {
        side_ends(net, b, term->source, part, v, v + 2 * n, v + 4 * n);
        lip_op_apply(op, 2, v, sum->value);
        lip_op_apply(mag, 2, v + 2 * n, sum->size);
        lip_op_apply(any, 2, v + 4 * n, sum->infinite);
    }
    lip_op_free(op);
    lip_op_free(mag);
    lip_op_free(any);
    free(v);
    return ok;
}

/* One side of one neuron from its sums; sign is 1 above and -1 below.  Without any rounded product the
 * bound is the bias exactly. */
static double finish_side(double sign, double bias, double value, double size, double infinite,
                          size_t terms) {
    double error =
        size == 0 ? 0 : lip_sum_up(lip_gamma(terms) * (size + lip_magnitude(bias)), terms);
    double bound = bias + value;
    if (infinite != 0 || !isfinite(bound) || !isfinite(error)) return sign * INFINITY;
    if (error == 0) return bound;
    return sign > 0 ? lip_add_up(bound, error) : lip_sub_down(bound, error);
}

static lip_status signed_layer(const lip_network *net, size_t l, lip_preactivation *b,
                               lip_error *err) {
    const lip_layer *layer = &net->layer[l];
    size_t terms = 8, w = layer->width;
    double *memory = LIP_NEW(double, 6 * w);
    side_sums sum = {memory, memory ? memory + 2 * w : NULL, memory ? memory + 4 * w : NULL};
    bool ok = memory != NULL;
    for (size_t t = 0; ok && t < layer->nterms; ++t) {
        terms += 2 * lip_op_row_terms(layer->term[t].op) + 2;
        ok = add_part(net, b, &layer->term[t], 0, &sum) &&
             add_part(net, b, &layer->term[t], 1, &sum);
    }
    for (size_t i = 0; ok && i < w; ++i)
        for (size_t side = 0; side < 2; ++side) {
            size_t e = 2 * i + side;
            double sign = side == 0 ? 1 : -1;
            double *bound = (side == 0 ? b->hi : b->lo) + layer->offset + i;
            *bound = finish_side(sign, layer->bias[i], sum.value[e], sum.size[e], sum.infinite[e],
                                 terms);
        }
    free(memory);
    return ok ? LIP_OK : lip_fail_memory(err);
}

lip_status lip_interval_layer(const lip_network *net, const lip_region *region, size_t l,
                              lip_preactivation *bounds, lip_error *err) {
    lip_status status = signed_layer(net, l, bounds, err);
    if (status == LIP_OK && region->kind == LIP_BALL && reads_input(net, l) &&
        sources_bounded(net, l, bounds))
        status = ball_layer(net, region, l, bounds, err);
    return status;
}
