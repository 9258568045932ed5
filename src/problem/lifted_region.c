/* What the region says: points, states and pre-activations as rows of the lifted problem.
 *
 *     x_j = c_j + w_j x'_j       box: c the midpoint, w >= the half-width;   ball: w the radius
 *     h_i = hi_i (1 + h'_i) / 2  an unstable neuron that a later neuron reads; hi >= z proved
 *     z_l = b + sum over terms  A (states of the source)     linear in (1, x', h')
 *
 * so |x'|, |h'| <= 1 on the region.  As for tangents (lifted_image.c), active neurons pass their z on,
 * inactive ones vanish, and coefficients are enclosed as value and radius.
 *
 * lo and hi go into certificates, and lipcheck, which sums in another order, must find them in its own bounds.  What
 * rounding does to a bound of z_k by section 5 of docs/certificate.md is a small multiple of UNIT times
 *
 *     T_k = |b_k| + sum over terms and j of  |A_kj| (most |h_j| + T_j),      T = 0 for the input:
 *
 * the backward linear bounds replace h_j by linear functions of earlier layers, with coefficients no larger than A, and every
 * step rounds in proportion to the magnitudes of the values there.  So both are moved by 2^-40 T_k. */
#include "problem/lifted_build.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "problem/enclosed.h"
#include "problem/family.h"
#include "region/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_EXPONENT = 400 };
static const double CLAIM_MARGIN = 0x1p-40;

typedef struct stating {
    lip_lifting *b;
    lip_lifting image; /* the images of z and h, columns 1, x', h' */
    size_t *variable;  /* by column */
    size_t *phase;     /* by unit: its s, or LIP_NONE */
    bool *read;        /* by layer: by another one than the output layer */
    double *total;     /* by unit: T */
    double *reach;     /* by unit: most |h| + T */
    size_t used, coefficients;
} stating;

/* ---- Room -------------------------------------------------------------------------------- */

static bool unstable(const lip_lifting *b, size_t l, size_t i) {
    return b->net->layer[l].relu &&
           lip_preactivation_phase(b->bounds, b->net->layer[l].offset + i) == LIP_UNSTABLE;
}

static bool allocate(stating *s, size_t neurons) {
    lip_lifting *b = s->b;
    s->image.columns = 1 + lip_inputs(b->net) + neurons;
    s->image.image = LIP_NEW(lip_image, b->net->layers + 1);
    s->variable = LIP_NEW(size_t, s->image.columns);
    s->phase = LIP_NEW(size_t, b->net->units);
    s->read = LIP_NEW(bool, b->net->layers + 1);
    s->total = LIP_NEW(double, b->net->units);
    s->reach = LIP_NEW(double, b->net->units);
    b->lifted->row = LIP_NEW(lip_row, neurons);
    b->lifted->row_room = neurons;
    b->lifted->relu = LIP_NEW(lip_relu, neurons);
    return s->image.image && s->variable && s->phase && s->read && s->total && s->reach &&
           b->lifted->row && b->lifted->relu;
}

static bool prepare(stating *s) {
    const lip_network *net = s->b->net;
    size_t neurons = 0;
    for (size_t l = 1; l < net->layers; ++l)
        for (size_t i = 0; i < net->layer[l].width; ++i) neurons += unstable(s->b, l, i);
    if (!allocate(s, neurons)) return false;
    for (size_t u = 0; u < net->units; ++u) s->phase[u] = LIP_NONE;
    for (size_t i = 0; i < s->b->lifted->n; ++i) {
        const lip_variable *v = &s->b->lifted->variable[i];
        if (v->kind == LIP_VARIABLE_PHASE) s->phase[net->layer[v->layer].offset + v->index] = i;
    }
    for (size_t l = 1; l < net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t)
            s->read[net->layer[l].term[t].source] = true;
    return true;
}

static void clear(stating *s) {
    for (size_t l = 0; s->image.image && l <= s->b->net->layers; ++l)
        lip_image_clear(&s->image.image[l]);
    free(s->image.image);
    free(s->variable);
    free(s->phase);
    free(s->read);
    free(s->total);
    free(s->reach);
}

/* ---- Points ------------------------------------------------------------------------------ */

static double half_width(const lip_region *region, size_t j) {
    if (region->kind == LIP_BALL) return region->radius;
    if (region->lo[j] == region->hi[j]) return 0;
    return fmax(lip_sub_up(region->hi[j], region->centre[j]),
                lip_sub_up(region->centre[j], region->lo[j]));
}

static size_t add_variable(stating *s, lip_variable_kind kind, size_t layer, size_t index,
                           double centre, double width) {
    size_t i = lip_lifting_variable(s->b, kind, layer, index, 0);
    s->b->lifted->variable[i].centre = centre;
    s->b->lifted->variable[i].width = width;
    return i;
}

/* A fixed coordinate has no variable. */
static bool input_image(stating *s) {
    const lip_network *net = s->b->net;
    const lip_region *region = s->b->query->region;
    size_t columns = s->image.columns, inputs = lip_inputs(net);
    lip_image *image = &s->image.image[0];
    size_t count;
    if (!lip_multiply_sizes(inputs, columns, &count)) return false;
    image->mid = LIP_NEW(double, count);
    image->rad = LIP_NEW(double, count);
    if (!image->mid || !image->rad) return false;
    for (size_t j = 0; j < inputs; ++j) {
        double width = half_width(region, j);
        bool fixed = region->kind == LIP_BOX && width == 0;
        image->mid[j * columns] = fixed ? region->lo[j] : region->centre[j];
        s->variable[1 + j] = LIP_NONE;
        if (width == 0) continue;
        image->mid[j * columns + 1 + j] = width;
        s->variable[1 + j] = add_variable(s, LIP_VARIABLE_POINT, 0, j, region->centre[j], width);
    }
    s->used = 1 + inputs;
    for (size_t j = 0; j < inputs; ++j)
        s->reach[j] = fmax(fabs(s->b->bounds->lo[j]), fabs(s->b->bounds->hi[j]));
    return true;
}

/* ---- Neurons ----------------------------------------------------------------------------- */

static bool store_row(stating *s, const double *mid, const double *rad, int exponent) {
    lip_lifted *lifted = s->b->lifted;
    lip_row *row = &lifted->row[lifted->rows++];
    *row = (lip_row){s->coefficients, s->coefficients};
    for (size_t j = 0; j < s->used; ++j) {
        if (mid[j] == 0 && rad[j] == 0) continue;
        if (!lip_grow((void **)&lifted->row_coefficient, &lifted->row_coefficient_room,
                      row->last + 1, sizeof *lifted->row_coefficient))
            return false;
        lip_coefficient c = lip_lifted_scale(mid[j], rad[j], -exponent);
        c.column = s->variable[j];
        lifted->row_coefficient[row->last++] = c;
    }
    s->coefficients = row->last;
    return true;
}

/* x 2^-exponent, or farther from 0 where that is tiny: a looser bound is still one, and halves of it, also
 * of hi 2^exponent (exponent >= -LARGEST_EXPONENT), cannot underflow. */
static double outwards(double x, int exponent) {
    double y = ldexp(x, -exponent);
    if (x == 0 || fabs(y) >= 0x1p-500) return y;
    return x > 0 ? 0x1p-500 : -0x1p-500;
}

/* T and the reach of the neurons of a layer. */
static void layer_totals(stating *s, size_t l) {
    const lip_network *net = s->b->net;
    const lip_layer *layer = &net->layer[l];
    for (size_t i = 0; layer->bias && i < layer->width; ++i)
        s->total[layer->offset + i] = fabs(layer->bias[i]);
    for (size_t t = 0; t < layer->nterms; ++t)
        lip_op_apply(layer->term[t].magnitude, 1,
                     s->reach + net->layer[layer->term[t].source].offset, s->total + layer->offset);
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        double least = layer->relu ? 0 : fabs(s->b->bounds->lo[u]);
        s->reach[u] = fmax(least, fabs(s->b->bounds->hi[u])) + s->total[u];
    }
}

static lip_status add_relu(stating *s, size_t l, size_t i, lip_error *err) {
    lip_lifting *b = s->b;
    lip_lifted *lifted = b->lifted;
    size_t unit = b->net->layer[l].offset + i;
    double margin = CLAIM_MARGIN * s->total[unit];
    double lo = lip_sub_down(b->bounds->lo[unit], margin);
    double hi = lip_add_up(b->bounds->hi[unit], margin), most = fmax(-lo, hi);
    double *mid = s->image.image[l].mid + i * s->image.columns;
    double *rad = s->image.image[l].rad + i * s->image.columns;
    int exponent;
    frexp(most, &exponent);
    if (!(most < INFINITY) || exponent > LARGEST_EXPONENT)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the pre-activations of layer %zu reach %g: expected less than 2^%d", l,
                        most, (int)LARGEST_EXPONENT);
    if (exponent < -LARGEST_EXPONENT) exponent = -LARGEST_EXPONENT;
    bool value_only = s->phase[unit] == LIP_NONE;
    if (value_only) s->phase[unit] = lip_lifting_variable(b, LIP_VARIABLE_PHASE, l, i, 0);
    lip_relu relu = {l,
                     i,
                     s->phase[unit],
                     LIP_NONE,
                     lifted->rows,
                     outwards(lo, exponent),
                     outwards(hi, exponent),
                     exponent,
                     value_only};
    if (!store_row(s, mid, rad, exponent)) return lip_fail_memory(err);
    if (s->read[l]) {
        hi = ldexp(relu.hi, exponent);
        relu.state = add_variable(s, LIP_VARIABLE_STATE, l, i, hi / 2, hi / 2);
        memset(mid, 0, s->image.columns * sizeof *mid);
        memset(rad, 0, s->image.columns * sizeof *rad);
        s->variable[s->used] = relu.state;
        mid[0] = mid[s->used++] = hi / 2;
    }
    lifted->relu[lifted->relus++] = relu;
    return LIP_OK;
}

/* An unstable neuron matters if its phase is in the problem or another neuron reads it. */
static lip_status add_layer(stating *s, size_t l, lip_error *err) {
    const lip_layer *layer = &s->b->net->layer[l];
    size_t columns = s->image.columns;
    lip_status status = lip_lifting_preimage(&s->image, l, err);
    layer_totals(s, l);
    for (size_t i = 0; status == LIP_OK && i < layer->width; ++i) {
        double *mid = s->image.image[l].mid + i * columns,
               *rad = s->image.image[l].rad + i * columns;
        size_t unit = layer->offset + i;
        lip_enclosed constant = {mid[0], rad[0]}, bias = {layer->bias ? layer->bias[i] : 0, 0};
        constant = lip_enclosed_add(constant, bias);
        mid[0] = constant.value;
        rad[0] = constant.radius;
        if (unstable(s->b, l, i)) {
            if (s->phase[unit] != LIP_NONE || s->read[l]) status = add_relu(s, l, i, err);
        } else if (layer->relu && lip_preactivation_phase(s->b->bounds, unit) == LIP_INACTIVE) {
            memset(mid, 0, columns * sizeof *mid);
            memset(rad, 0, columns * sizeof *rad);
        }
    }
    return status;
}

lip_status lip_lifting_region(lip_lifting *b, lip_error *err) {
    if (!b->options->region || b->query->region->kind == LIP_EVERYWHERE) return LIP_OK;
    stating s = {.b = b};
    size_t variables = b->lifted->n, groups = b->lifted->groups;
    s.image = (lip_lifting){.net = b->net, .noun = "pre-activations"};
    lip_status status = prepare(&s) && input_image(&s) ? LIP_OK : lip_fail_memory(err);
    for (size_t l = 1; status == LIP_OK && l < b->net->layers; ++l) status = add_layer(&s, l, err);
    clear(&s);
    if (b->lifted->relus == 0) { /* x' would be in no constraint but its own */
        b->lifted->n = variables;
        b->lifted->groups = groups;
    }
    if (status == LIP_OK && !lip_family_add_relus(b->lifted)) status = lip_fail_memory(err);
    return status;
}
