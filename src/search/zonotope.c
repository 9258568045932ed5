/* Affine arithmetic along one point (zonotopes; Stolfi and de Figueiredo 1997).
 *
 * In interval arithmetic the radius of layer l is multiplied by |A| at every layer, although the true
 * error is multiplied by A: sixty layers of width 64 turn 1e-16 into 1e+30.  Here the error of each layer
 * is kept as a linear function of all earlier rounding errors,
 *
 *     h_l - c_l = G_l eps,   |eps_j| <= 1,   one eps for every neuron of every layer,
 *
 * and goes through the same matrices as the values: G of z = sum A G_source, plus a diagonal block of the
 * rounding errors made in this layer,
 *
 *     e = gamma (|A| |c| + |b|)  +  gamma |A| (row sums of |G|),
 *
 * the second part for rounding G itself.  |h_l - c_l| <= row sums of |G_l|.  The tangent v_l of a fixed
 * direction t obeys the same recursion without bias, behind the phases found for h. */
#include "search/zonotope.h"

#include "base/memory.h"
#include "base/round.h"
#include "net/enclose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct zonotope {
    const lip_network *net;
    const lip_preactivation *bounds;
    size_t k;     /* eps in all: units without the inputs */
    double *c;    /* units: midpoints of h (or v) */
    double *g;    /* units * k */
    double *sum;  /* units: bounds on the row sums of |g| */
    double *d;    /* units: phases */
    double *live; /* units: 0 where h does not change near x; see search/witness.c */
    double *work; /* widest */
} zonotope;

static void clear(zonotope *z) {
    free(z->c);
    free(z->g);
    free(z->work);
}

static bool create(const lip_network *net, const lip_preactivation *bounds, zonotope *z) {
    size_t size, k = net->units - lip_inputs(net);
    *z = (zonotope){.net = net, .bounds = bounds, .k = k};
    if (!lip_multiply_sizes(net->units, k, &size)) return false;
    z->c = LIP_NEW(double, 4 * net->units);
    z->g = LIP_NEW(double, size);
    z->work = LIP_NEW(double, lip_widest(net));
    if (!z->c || !z->g || !z->work) {
        clear(z);
        return false;
    }
    z->sum = z->c + net->units;
    z->d = z->sum + net->units;
    z->live = z->d + net->units;
    return true;
}

/* c, g and sum of layer l before its ReLU; the tangent has no bias. */
static void affine_layer(zonotope *z, size_t l, bool tangent) {
    const lip_layer *layer = &z->net->layer[l];
    size_t k = z->k, first = layer->offset, terms = 4;
    double *error = z->sum + first; /* collects |A| (gamma |c| + gamma sum |g|) */
    memset(z->g + first * k, 0, layer->width * k * sizeof *z->g);
    memset(error, 0, layer->width * sizeof *error);
    for (size_t t = 0; t < layer->nterms; ++t) terms += lip_op_row_terms(layer->term[t].op) + 1;
    double gamma = lip_gamma(terms);
    for (size_t i = 0; i < layer->width; ++i) z->c[first + i] = tangent ? 0 : layer->bias[i];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_term *term = &layer->term[t];
        size_t from = z->net->layer[term->source].offset, width = z->net->layer[term->source].width;
        for (size_t j = 0; j < width; ++j) {
            double size = lip_magnitude(z->c[from + j]) + lip_magnitude(z->sum[from + j]);
            z->work[j] = lip_magnitude(gamma * size * (1 + 4 * LIP_UNIT));
        }
        lip_op_apply(term->op, 1, z->c + from, z->c + first);
        lip_op_apply(term->op, k, z->g + from * k, z->g + first * k);
        lip_op_apply(term->magnitude, 1, z->work, error);
    }
    for (size_t i = 0; i < layer->width; ++i) {
        double own = error[i], rows = 0, *row = z->g + (first + i) * k;
        if (own != 0 && !tangent) own += gamma * lip_magnitude(layer->bias[i]);
        /* this layer's own eps: its column was 0 so far */
        row[first + i - lip_inputs(z->net)] = lip_sum_up(own, terms + 4);
        for (size_t j = 0; j < k; ++j) rows += lip_magnitude(row[j]);
        z->sum[first + i] = lip_sum_up(rows, k + 2);
    }
}

static void zero_row(zonotope *z, size_t unit) {
    z->c[unit] = z->sum[unit] = 0;
    memset(z->g + unit * z->k, 0, z->k * sizeof *z->g);
}

/* Decide the phase of one neuron; a constant one keeps its value if that is sure, else nothing is. */
static bool rectify(zonotope *z, size_t unit) {
    double lo = lip_enclosure_lo(z->c[unit], z->sum[unit]);
    double hi = lip_enclosure_hi(z->c[unit], z->sum[unit]);
    lip_phase phase = z->bounds ? lip_preactivation_phase(z->bounds, unit) : LIP_UNSTABLE;
    bool zero = z->c[unit] <= 0 && z->sum[unit] == 0;
    bool active = lo > 0 || phase == LIP_ACTIVE;
    bool inactive = hi < 0 || phase == LIP_INACTIVE || (z->live[unit] == 0 && zero);
    if (!isfinite(lo) || !isfinite(hi) || (!active && !inactive)) return false;
    z->d[unit] = active && z->live[unit] != 0 ? 1 : 0;
    if (!active) {
        zero_row(z, unit);
        z->live[unit] = 0;
    }
    return true;
}

/* h at x: phases into d.  False if one is open. */
static bool forward_values(zonotope *z, const double *x) {
    memcpy(z->c, x, lip_inputs(z->net) * sizeof *x);
    for (size_t i = 0; i < lip_inputs(z->net); ++i) z->live[i] = 1;
    for (size_t l = 1; l < z->net->layers; ++l) { /* the output's values do not matter */
        const lip_layer *layer = &z->net->layer[l];
        affine_layer(z, l, false);
        lip_mark_live(z->net, l, z->live);
        for (size_t i = 0; i < layer->width; ++i) {
            z->d[layer->offset + i] = 1;
            if (layer->relu && !rectify(z, layer->offset + i)) return false;
        }
    }
    return true;
}

/* v = J t behind the phases in d. */
static void forward_tangent(zonotope *z, const double *t) {
    size_t n = lip_inputs(z->net);
    memcpy(z->c, t, n * sizeof *t);
    memset(z->g, 0, n * z->k * sizeof *z->g);
    memset(z->sum, 0, n * sizeof *z->sum);
    for (size_t l = 1; l <= z->net->layers; ++l) {
        const lip_layer *layer = &z->net->layer[l];
        affine_layer(z, l, true);
        for (size_t i = 0; layer->relu && i < layer->width; ++i)
            if (z->d[layer->offset + i] == 0) zero_row(z, layer->offset + i);
    }
}

/* The selected outputs, their errors taken as intervals. */
static void select_outputs(const zonotope *z, const lip_output *output, double *c, double *r) {
    size_t first = z->net->layer[z->net->layers].offset, i = first + output->i,
           j = first + output->j;
    if (output->kind == LIP_OUTPUT_ALL) {
        memcpy(c, z->c + first, lip_outputs(z->net) * sizeof *c);
        memcpy(r, z->sum + first, lip_outputs(z->net) * sizeof *r);
    } else if (output->kind == LIP_OUTPUT_ROW) {
        *c = z->c[i];
        *r = z->sum[i];
    } else {
        *c = z->c[i] - z->c[j];
        double rounding = 2 * LIP_UNIT * (lip_magnitude(z->c[i]) + lip_magnitude(z->c[j]));
        *r = lip_sum_up(z->sum[i] + z->sum[j] + rounding, 4);
    }
}

bool lip_zonotope_tangent(const lip_network *net, const lip_output *output,
                          const lip_preactivation *bounds, const double *x, const double *t,
                          double *c, double *r, bool *decided) {
    zonotope z;
    *decided = false;
    if (net->units - lip_inputs(net) > LIP_ZONOTOPE_LARGEST) return true;
    if (!create(net, bounds, &z)) return false;
    if (forward_values(&z, x)) {
        forward_tangent(&z, t);
        select_outputs(&z, output, c, r);
        *decided = true;
    }
    clear(&z);
    return true;
}
