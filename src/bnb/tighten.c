/* Pre-activation ranges of a node: its region and the phases on its path, layer by layer.
 *
 * The rules are those of the root (region/interval.c, region/backward.c).  Between layers the phases are
 * imposed: where the path says active, z >= 0 and h = z; inactive, z <= 0 and h = 0.  Both are what the rules
 * do with a range that does not reach beyond 0, so it is cut there.
 *
 * lipcheck does the same in another order of operations, and finds ranges that are at least as narrow; but the
 * lower slope of an unstable neuron, 1 if hi > -lo else 0, is by its own range.  Where hi and -lo nearly agree it may
 * choose differently; so if there are such neurons, ranges are found with the one slope and with the other, and the wider
 * one counts.  (If hi = -lo exactly, symmetry made them so, in both programs.)  Slopes depend on all ranges, so
 * those of stable neurons are found too. */
#include "base/memory.h"
#include "bnb/leaf.h"
#include "region/backward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 64, COLUMNS = 2 * TARGETS };

typedef struct tightening {
    const lip_network *net;
    const lip_region *region;
    lip_preactivation bounds;
    lip_preactivation digits[2]; /* ranges with the slopes that lipcheck may choose */
    bool close;                  /* these differ */
    double *wide;                /* 2 units: what the linear rule found for a layer */
} tightening;

/* The linear rule for all neurons of a layer, with one choice of slopes: ranges become wider, if need be. */
static bool apply_linear(tightening *w, size_t l, const lip_preactivation *digits) {
    const lip_layer *layer = &w->net->layer[l];
    lip_backward *pass = lip_backward_create(w->net, w->region, &w->bounds, digits, l, COLUMNS);
    if (!pass) return false;
    for (size_t first = 0; first < layer->width; first += TARGETS) {
        size_t count = layer->width - first < TARGETS ? layer->width - first : TARGETS;
        lip_target target[COLUMNS] = {{0, 0}};
        double bound[COLUMNS];
        for (size_t j = 0; j < 2 * count; ++j)
            target[j] = (lip_target){first + j / 2, j % 2 ? -1 : 1};
        lip_backward_bound(pass, 2 * count, target, NULL, NULL, bound);
        for (size_t j = 0; j < 2 * count; ++j) {
            double *wide = &w->wide[2 * first + j];
            *wide = fmax(*wide, bound[j]);
        }
    }
    lip_backward_free(pass);
    return true;
}

static bool cut_linear(tightening *w, size_t l) {
    const lip_layer *layer = &w->net->layer[l];
    for (size_t j = 0; j < 2 * layer->width; ++j) w->wide[j] = -INFINITY;
    if (!apply_linear(w, l, &w->digits[0])) return false;
    if (w->close && !apply_linear(w, l, &w->digits[1])) return false;
    for (size_t i = 0; i < layer->width; ++i) {
        double *lo = &w->bounds.lo[layer->offset + i], *hi = &w->bounds.hi[layer->offset + i];
        *hi = fmin(*hi, w->wide[2 * i]);
        *lo = fmax(*lo, -w->wide[2 * i + 1]);
    }
    return true;
}

/* Cut with what was known before and with the path; false if a neuron has no range left. */
static bool impose(tightening *w, size_t l, const signed char *path, const double *lo,
                   const double *hi) {
    const lip_layer *layer = &w->net->layer[l];
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        double *least = &w->bounds.lo[u], *most = &w->bounds.hi[u];
        *least = fmax(*least, lo[u]);
        *most = fmin(*most, hi[u]);
        if (*least > *most) return false;
        if (!layer->relu) continue;
        if (path[u] == LIP_ACTIVE) *least = fmax(*least, 0);
        if (path[u] == LIP_INACTIVE) *most = fmin(*most, 0);
        if (*least > *most) return false;
        /* lipcheck takes h = 0, by the path; so that the rules do, too, where lo = hi = 0: */
        if (path[u] == LIP_INACTIVE && *least >= 0) *least = -0x1p-1074;
    }
    return true;
}

/* Slopes of a layer's neurons, by its ranges. */
static void choose_digits(tightening *w, size_t l) {
    const lip_layer *layer = &w->net->layer[l];
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        double lo = w->bounds.lo[u], hi = w->bounds.hi[u];
        bool close = lo < 0 && hi > 0 && hi != -lo && fabs(hi + lo) <= 0x1p-30 * hi;
        w->close = w->close || close;
        for (int k = 0; k < 2; ++k) {
            w->digits[k].lo[u] = close ? -1 : lo;
            w->digits[k].hi[u] = close ? 2 * k : hi;
        }
    }
}

static bool create(tightening *w, size_t units, size_t widest) {
    double *room = lip_alloc(units, 6 * sizeof *room);
    w->wide = lip_alloc(widest, 2 * sizeof *w->wide);
    w->bounds.lo = room;
    if (!room || !w->wide) return false;
    w->bounds.hi = room + units;
    for (size_t k = 0; k < 2; ++k) {
        w->digits[k].lo = room + (2 + 2 * k) * units;
        w->digits[k].hi = w->digits[k].lo + units;
    }
    w->bounds.interior = true;
    return true;
}

static lip_status tighten_layer(tightening *w, size_t l, const signed char *path, bool linear,
                                const double *lo, const double *hi, bool *empty) {
    lip_status status = lip_interval_layer(w->net, w->region, l, &w->bounds, NULL);
    if (status != LIP_OK) return status;
    *empty = !impose(w, l, path, lo, hi);
    if (*empty || !linear || l == 1) return LIP_OK;
    if (!cut_linear(w, l)) return LIP_OUT_OF_MEMORY;
    *empty = !impose(w, l, path, lo, hi);
    return LIP_OK;
}

/* Layers up to `from` keep their ranges, but for what the path says of neurons of layer `from`. */
static void keep_layers(tightening *w, size_t from, const signed char *path, const double *lo,
                        const double *hi, bool *empty) {
    for (size_t l = 1; l <= from; ++l) {
        size_t first = w->net->layer[l].offset, size = w->net->layer[l].width * sizeof *lo;
        memcpy(w->bounds.lo + first, lo + first, size);
        memcpy(w->bounds.hi + first, hi + first, size);
        *empty = *empty || !impose(w, l, path, lo, hi);
        choose_digits(w, l);
    }
}

bool lip_leaf_tighten(const lip_network *net, const lip_region *region, const signed char *path,
                      bool linear, size_t from, double *lo, double *hi, bool *empty) {
    tightening w = {.net = net, .region = region};
    size_t widest = 0;
    for (size_t l = 1; l <= net->layers; ++l)
        if (net->layer[l].width > widest) widest = net->layer[l].width;
    bool ok = create(&w, net->units, widest);
    *empty = false;
    if (ok) lip_region_get_box(region, w.bounds.lo, w.bounds.hi, NULL);
    linear = linear && region->kind != LIP_EVERYWHERE;
    if (ok) keep_layers(&w, from, path, lo, hi, empty);
    for (size_t l = from + 1; ok && !*empty && l < net->layers; ++l) {
        ok = tighten_layer(&w, l, path, linear, lo, hi, empty) == LIP_OK;
        if (ok) choose_digits(&w, l);
    }
    size_t last = net->layer[net->layers].offset;
    if (ok && !*empty) {
        memcpy(lo, w.bounds.lo, last * sizeof *lo);
        memcpy(hi, w.bounds.hi, last * sizeof *hi);
    }
    free(w.bounds.lo);
    free(w.wide);
    return ok;
}
