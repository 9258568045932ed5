/* With G = GAMMA(N), N the number of products and additions that make one entry,
 *
 *     |fl(A c + b) - (A x + b)|  <=  |A| (r + G |c|) + G |b|      for |x - c| <= r,
 *
 * since |A c - A x| <= |A| r and summation in any order errs by at most G (|A| |c| + |b|).  The right
 * side is computed from inflated magnitudes and then enlarged by lip_sum_up. */
#include "net/enclose.h"

#include "base/round.h"

#include <math.h>
#include <string.h>

size_t lip_widest(const lip_network *net) {
    size_t widest = 0;
    for (size_t l = 0; l <= net->layers; ++l)
        if (net->layer[l].width > widest) widest = net->layer[l].width;
    return widest;
}

double lip_enclosure_lo(double c, double r) {
    return isfinite(c) && isfinite(r) ? lip_sub_down(c, r) : -INFINITY;
}

double lip_enclosure_hi(double c, double r) {
    return isfinite(c) && isfinite(r) ? lip_add_up(c, r) : INFINITY;
}

/* w = an upper bound on r + gamma |c|, inflated, so that no product with a magnitude underflows. */
static void radius_with_error(size_t n, double gamma, const double *c, const double *r, double *w) {
    for (size_t i = 0; i < n; ++i)
        w[i] = lip_magnitude((r[i] + gamma * lip_magnitude(c[i])) * (1 + 4 * LIP_UNIT));
}

/* Products and additions that make one entry of z_l. */
static size_t layer_terms(const lip_layer *layer) {
    size_t terms = 2;
    for (size_t t = 0; t < layer->nterms; ++t) terms += lip_op_row_terms(layer->term[t].op) + 1;
    return terms;
}

void lip_enclose_layer(const lip_network *net, size_t l, size_t k, const double *c, const double *r,
                       double *zc, double *zr, double *work) {
    const lip_layer *layer = &net->layer[l];
    size_t terms = layer_terms(layer);
    double gamma = lip_gamma(terms);
    for (size_t i = 0; i < layer->width; ++i)
        for (size_t j = 0; j < k; ++j) {
            zc[i * k + j] = layer->bias[i];
            /* a neuron without incoming terms keeps its bias exactly */
            zr[i * k + j] = 0;
        }
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_term *term = &layer->term[t];
        size_t from = net->layer[term->source].offset * k, n = net->layer[term->source].width * k;
        radius_with_error(n, gamma, c + from, r + from, work);
        lip_op_apply(term->op, k, c + from, zc);
        lip_op_apply(term->magnitude, k, work, zr);
    }
    for (size_t i = 0; i < layer->width; ++i)
        for (size_t j = 0; j < k; ++j) {
            double acc = zr[i * k + j];
            /* acc == 0 means that every product was exactly 0: z = b without rounding */
            if (acc != 0) acc += gamma * lip_magnitude(layer->bias[i]);
            zr[i * k + j] = lip_sum_up(acc, terms + 2);
        }
}

void lip_mark_live(const lip_network *net, size_t l, double *live) {
    const lip_layer *layer = &net->layer[l];
    double *own = live + layer->offset;
    memset(own, 0, layer->width * sizeof *own);
    for (size_t t = 0; t < layer->nterms; ++t)
        lip_op_apply(layer->term[t].magnitude, 1, live + net->layer[layer->term[t].source].offset,
                     own);
    for (size_t i = 0; i < layer->width; ++i) own[i] = own[i] != 0 ? 1 : 0;
}

/* Terms in one entry of the cotangent of each source. */
static void count_reverse_terms(const lip_network *net, size_t *terms) {
    memset(terms, 0, (net->layers + 1) * sizeof *terms);
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t)
            terms[net->layer[l].term[t].source] += lip_op_col_terms(net->layer[l].term[t].op) + 1;
}

/* Multiply c +- r by a factor in [lo, hi], which is [0,0], [0,1] or [1,1] here. */
static void scale_interval(double lo, double hi, double *c, double *r) {
    if (lo == 1 && hi == 1) return;
    if (hi == 0) {
        *c = *r = 0;
        return;
    }
    double bottom = fmin(lip_enclosure_lo(*c, *r), 0), top = fmax(lip_enclosure_hi(*c, *r), 0);
    if (*c == 0 && *r == 0) return;
    *c = bottom / 2 + top / 2;
    *r = fmax(lip_sub_up(top, *c), lip_sub_up(*c, bottom));
}

void lip_enclose_reverse(const lip_network *net, size_t k, const double *dlo, const double *dhi,
                         double *gc, double *gr, size_t *terms, double *work) {
    count_reverse_terms(net, terms);
    for (size_t l = net->layers + 1; l-- > 0;) {
        const lip_layer *layer = &net->layer[l];
        double *c = gc + layer->offset * k, *r = gr + layer->offset * k;
        for (size_t i = 0; i < layer->width * k; ++i) {
            r[i] = lip_sum_up(r[i], terms[l] + 2);
            size_t unit = layer->offset + i / k;
            if (l > 0 && layer->relu) scale_interval(dlo[unit], dhi[unit], &c[i], &r[i]);
        }
        for (size_t t = 0; t < layer->nterms; ++t) {
            const lip_term *term = &layer->term[t];
            size_t to = net->layer[term->source].offset * k;
            radius_with_error(layer->width * k, lip_gamma(terms[term->source] + 2), c, r, work);
            lip_op_adjoint(term->op, k, c, gc + to);
            lip_op_adjoint(term->magnitude, k, work, gr + to);
        }
    }
}
