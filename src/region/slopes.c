/* Optimised lower slopes (alpha-CROWN: Xu, Zhang, Wang, Wang, Jana, Lin, Hsieh 2021).
 *
 * The backward bound of one target is a function U(a) of the lower slopes a of the earlier unstable
 * neurons.  Every a in [0, 1] gives a bound; the best one has the value of the linear program over the
 * triangle relaxation (docs/relaxations.md, "Pre-activation bounds").  With c the coefficient of h_i
 * in the backward pass, U depends on a_i only through the replacement  c h_i -> c a_i z_i  where c < 0, so
 *
 *     dU / da_i = c z_i,     z the values of the point that attains U:
 *
 * x* maximises the linear function on the region; going forward, z = b + A h, and h is the line that the
 * backward pass took (z, 0, s z + t or a z).  So one step is a backward and a forward pass for a block of
 * targets at once: matrix products.  Steps are Adam's (Kingma, Ba 2015), clipped to [0, 1].
 *
 * Numbers that are 0 but for rounding are taken as 0, so that a network whose neurons are numbered in
 * another way takes the same steps. */
#include "region/slopes.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FIRST_STEP = 0.5, LAST_STEP = 0.03; /* of a slope, whose range is 1 */
static const double MEMORY = 0.5, SQUARE_MEMORY = 0.9;  /* Adam's averages */
static const double NOTHING = 1e-11;                    /* relative size of a rounding error */

struct lip_slopes {
    const lip_network *net;
    const lip_region *region;
    const lip_preactivation *bounds;
    size_t l, k;
    double *c;                    /* units * k: coefficients of h */
    double *h;                    /* units * k: values of the point that attains the bound */
    double *a;                    /* units * k: the present slopes */
    double *mean, *square;        /* units * k: averages of the gradient */
    double *z;                    /* widest layer * k */
    double *value, *best, *scale; /* columns each */
};

lip_slopes *lip_slopes_create(const lip_network *net, const lip_region *region,
                              const lip_preactivation *bounds, size_t l, size_t columns) {
    size_t used = net->layer[l].offset + net->layer[l].width, room, all, widest = 0;
    lip_slopes *s = LIP_NEW(lip_slopes, 1);
    if (!s) return NULL;
    *s = (lip_slopes){.net = net, .region = region, .bounds = bounds, .l = l};
    for (size_t i = 0; i <= l; ++i)
        if (net->layer[i].width > widest) widest = net->layer[i].width;
    if (lip_multiply_sizes(used, columns, &room) && lip_multiply_sizes(room, 5, &all)) {
        s->c = LIP_NEW(double, all);
        s->z = LIP_NEW(double, widest *columns);
        s->value = LIP_NEW(double, 3 * columns);
    }
    if (!s->c || !s->z || !s->value) {
        lip_slopes_free(s);
        return NULL;
    }
    s->h = s->c + room;
    s->a = s->h + room;
    s->mean = s->a + room;
    s->square = s->mean + room;
    s->best = s->value + columns;
    s->scale = s->best + columns;
    return s;
}

void lip_slopes_free(lip_slopes *s) {
    if (!s) return;
    free(s->c);
    free(s->z);
    free(s->value);
    free(s);
}

/* Is the unit a ReLU that may be on or off? */
static bool unstable(const lip_slopes *s, size_t unit) {
    return s->bounds->lo[unit] < 0 && s->bounds->hi[unit] > 0;
}

/* ---- Backwards --------------------------------------------------------------------------- */

/* One row of coefficients of h becomes one of z, in z; constants are added up. */
static void relax_row(lip_slopes *s, size_t unit, double *z) {
    const double *c = s->c + unit * s->k, *a = s->a + unit * s->k;
    lip_chord chord = lip_chord_of(s->bounds->lo[unit], s->bounds->hi[unit]);
    for (size_t j = 0; j < s->k; ++j) {
        z[j] = c[j] > 0 ? c[j] * chord.s : c[j] * a[j];
        s->value[j] += c[j] > 0 ? c[j] * chord.t : 0;
    }
}

/* Coefficients of z_m, in s->z. */
static void relax_layer(lip_slopes *s, size_t m) {
    const lip_layer *layer = &s->net->layer[m];
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        double *z = s->z + i * s->k;
        if (layer->relu && unstable(s, unit))
            relax_row(s, unit, z);
        else if (layer->relu && s->bounds->lo[unit] < 0)
            memset(z, 0, s->k * sizeof *z);
        else
            memcpy(z, s->c + unit * s->k, s->k * sizeof *z);
    }
}

static void push_back(lip_slopes *s, size_t m) {
    const lip_layer *layer = &s->net->layer[m];
    for (size_t i = 0; i < layer->width; ++i)
        for (size_t j = 0; j < s->k; ++j) s->value[j] += s->z[i * s->k + j] * layer->bias[i];
    for (size_t t = 0; t < layer->nterms; ++t)
        lip_op_adjoint(layer->term[t].op, s->k, s->z,
                       s->c + s->net->layer[layer->term[t].source].offset * s->k);
}

static void backwards(lip_slopes *s, const lip_target *target) {
    const lip_layer *layer = &s->net->layer[s->l];
    memset(s->c, 0, layer->offset * s->k * sizeof *s->c);
    memset(s->value, 0, s->k * sizeof *s->value);
    memset(s->z, 0, layer->width * s->k * sizeof *s->z);
    for (size_t j = 0; j < s->k; ++j) s->z[target[j].neuron * s->k + j] = target[j].sign;
    push_back(s, s->l);
    for (size_t m = s->l - 1; m > 0; --m) {
        relax_layer(s, m);
        push_back(s, m);
    }
}

/* ---- The point --------------------------------------------------------------------------- */

/* x* on a box; a coefficient that is nothing but rounding leaves it in the middle. */
static void corner(lip_slopes *s) {
    const lip_region *region = s->region;
    for (size_t i = 0; i < region->n; ++i) {
        double centre = region->centre[i], r = (region->hi[i] - region->lo[i]) / 2;
        for (size_t j = 0; j < s->k; ++j) {
            double c = s->c[i * s->k + j];
            bool none = fabs(c) * r <= NOTHING * s->scale[j];
            s->h[i * s->k + j] = none ? centre : c > 0 ? region->hi[i] : region->lo[i];
            s->value[j] += c * s->h[i * s->k + j];
        }
    }
}

/* x* on a ball. */
static void pole(lip_slopes *s) {
    const lip_region *region = s->region;
    for (size_t j = 0; j < s->k; ++j) {
        double sum = 0;
        for (size_t i = 0; i < region->n; ++i) sum += s->c[i * s->k + j] * s->c[i * s->k + j];
        double norm = sqrt(sum), step = region->radius / norm;
        if (norm * region->radius <= NOTHING * s->scale[j]) step = 0;
        for (size_t i = 0; i < region->n; ++i) {
            double c = s->c[i * s->k + j];
            s->h[i * s->k + j] = region->centre[i] + step * c;
            s->value[j] += c * s->h[i * s->k + j];
        }
    }
}

/* Keep the slopes of the columns that are better than before. */
static void keep_best(lip_slopes *s, double *slope) {
    size_t end = s->net->layer[s->l].offset * s->k;
    for (size_t j = 0; j < s->k; ++j) {
        if (!(s->value[j] < s->best[j])) continue;
        s->best[j] = s->value[j];
        for (size_t e = lip_inputs(s->net) * s->k + j; e < end; e += s->k) slope[e] = s->a[e];
    }
}

/* ---- Forwards ---------------------------------------------------------------------------- */

typedef struct pace {
    double length, mean_weight,
        square_weight; /* step length; corrections of the averages' starts */
} pace;

/* h from z at one unstable neuron, and the step of its slopes. */
static void step_row(lip_slopes *s, size_t unit, const double *z, const pace *p) {
    const double *c = s->c + unit * s->k;
    double *h = s->h + unit * s->k, *a = s->a + unit * s->k;
    double *mean = s->mean + unit * s->k, *square = s->square + unit * s->k;
    lip_chord chord = lip_chord_of(s->bounds->lo[unit], s->bounds->hi[unit]);
    for (size_t j = 0; j < s->k; ++j) {
        double slope = c[j] < 0 ? c[j] * z[j] : 0;
        if (fabs(slope) <= NOTHING * s->scale[j]) slope = 0;
        h[j] = c[j] > 0 ? chord.s * z[j] + chord.t : a[j] * z[j];
        mean[j] = MEMORY * mean[j] + (1 - MEMORY) * slope;
        square[j] = SQUARE_MEMORY * square[j] + (1 - SQUARE_MEMORY) * slope * slope;
        double size = sqrt(square[j] * p->square_weight) + 1e-8 * s->scale[j];
        double next = a[j] - p->length * mean[j] * p->mean_weight / size;
        a[j] = next >= 1 ? 1 : next > 0 ? next : 0; /* NaN gives 0 */
    }
}

static void forwards(lip_slopes *s, const pace *p) {
    for (size_t m = 1; m < s->l; ++m) {
        const lip_layer *layer = &s->net->layer[m];
        for (size_t i = 0; i < layer->width; ++i)
            for (size_t j = 0; j < s->k; ++j) s->z[i * s->k + j] = layer->bias[i];
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_apply(layer->term[t].op, s->k,
                         s->h + s->net->layer[layer->term[t].source].offset * s->k, s->z);
        for (size_t i = 0; i < layer->width; ++i) {
            size_t unit = layer->offset + i;
            double *h = s->h + unit * s->k;
            const double *z = s->z + i * s->k;
            if (layer->relu && unstable(s, unit))
                step_row(s, unit, z, p);
            else if (layer->relu && s->bounds->lo[unit] < 0)
                memset(h, 0, s->k * sizeof *h);
            else
                memcpy(h, z, s->k * sizeof *h);
        }
    }
}

/* ---- All together ------------------------------------------------------------------------ */

static void begin(lip_slopes *s, size_t k, const lip_target *target, const double *slope) {
    const lip_layer *layer = &s->net->layer[s->l];
    size_t entries = layer->offset * k;
    s->k = k;
    memcpy(s->a, slope, entries * sizeof *slope);
    memset(s->mean, 0, entries * sizeof *s->mean);
    memset(s->square, 0, entries * sizeof *s->square);
    for (size_t j = 0; j < k; ++j) {
        size_t unit = layer->offset + target[j].neuron;
        s->scale[j] = s->bounds->hi[unit] - s->bounds->lo[unit];
        s->best[j] = INFINITY;
    }
}

void lip_slopes_improve(lip_slopes *s, size_t k, const lip_target *target, size_t steps,
                        lip_watch *watch, double *slope) {
    double mean_left = 1, square_left = 1;
    begin(s, k, target, slope);
    for (size_t i = 0; i <= steps && !lip_watch_expired(watch); ++i) {
        backwards(s, target);
        if (s->region->kind == LIP_BALL)
            pole(s);
        else
            corner(s);
        keep_best(s, slope);
        if (i == steps) break;
        mean_left *= MEMORY;
        square_left *= SQUARE_MEMORY;
        double part = steps > 1 ? (double)i / (double)(steps - 1) : 0;
        pace p = {FIRST_STEP * pow(LAST_STEP / FIRST_STEP, part), 1 / (1 - mean_left),
                  1 / (1 - square_left)};
        forwards(s, &p);
    }
}
