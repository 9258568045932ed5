/* Which refinements the phases need.
 *
 * A refined bound counts in three ways: it decides its own neuron, it makes bounds of later layers
 * better, or somebody uses its value.  Most certificates speak about phases only, and then lines that
 * only move a bound a little are dead weight.  To find out, the bounds are computed again as a checker
 * would, with the refinements that decide and those of the first layers, and the phases are compared; the
 * fewest first layers that suffice are found by bisection.  A pass costs about as much as the linear
 * rule. */
#include "base/error.h"
#include "base/memory.h"
#include "region/backward.h"
#include "region/refine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 64 };

typedef struct replay {
    const lip_network *net;
    const lip_region *region;
    const lip_preactivation *full; /* all refinements, and the digits */
    double deadline;
    size_t layers; /* keep all refinements of layers up to this one */
    lip_preactivation mine;
    size_t *unit;  /* by number of a ReLU neuron */
    double *slope; /* units * COLUMNS */
} replay;

static bool kept(const replay *r, const lip_refinement *item) {
    return item->decides || item->layer <= r->layers;
}

static void fill_slopes(const replay *r, size_t units, size_t k,
                        const lip_refinement *const *item) {
    const lip_refinements *f = &r->full->refined;
    for (size_t u = lip_inputs(r->net); u < units; ++u)
        for (size_t j = 0; j < k; ++j) r->slope[u * k + j] = lip_slope_digit(r->full, u);
    for (size_t j = 0; j < k; ++j)
        for (size_t e = item[j]->first; e < item[j]->first + item[j]->count; ++e)
            r->slope[r->unit[f->relu[e]] * k + j] = f->slope[e];
}

/* Prove the bounds of a few refinements again. */
static void prove_again(replay *r, lip_backward *w, size_t l, size_t k,
                        const lip_refinement *const *item) {
    lip_target target[COLUMNS];
    double bound[COLUMNS];
    size_t offset = r->net->layer[l].offset;
    for (size_t j = 0; j < k; ++j)
        target[j] = (lip_target){item[j]->neuron, item[j]->upper ? 1 : -1};
    fill_slopes(r, offset, k, item);
    lip_backward_bound(w, k, target, r->slope, NULL, bound);
    for (size_t j = 0; j < k; ++j) {
        double *lo = &r->mine.lo[offset + item[j]->neuron];
        double *hi = &r->mine.hi[offset + item[j]->neuron];
        if (lip_refinement_unsure(&r->mine, offset + item[j]->neuron, bound[j])) continue;
        if (item[j]->upper && bound[j] < *hi) *hi = bound[j];
        if (!item[j]->upper && -bound[j] > *lo) *lo = -bound[j];
    }
}

static bool refine_again(replay *r, size_t l) {
    const lip_refinements *f = &r->full->refined;
    const lip_refinement *item[COLUMNS];
    size_t k = 0;
    lip_backward *w = lip_backward_create(r->net, r->region, &r->mine, r->full, l, COLUMNS);
    if (!w) return false;
    for (size_t i = 0; i < f->count; ++i) {
        if (f->item[i].layer == l && kept(r, &f->item[i])) item[k++] = &f->item[i];
        if (k == COLUMNS || (i + 1 == f->count && k > 0)) {
            prove_again(r, w, l, k, item);
            k = 0;
        }
    }
    lip_backward_free(w);
    return true;
}

static bool same_phases(const replay *r, size_t l) {
    const lip_layer *layer = &r->net->layer[l];
    for (size_t u = layer->offset; layer->relu && u < layer->offset + layer->width; ++u) {
        lip_phase phase = lip_preactivation_phase(r->full, u);
        if (phase != LIP_UNSTABLE && phase != lip_preactivation_phase(&r->mine, u)) return false;
    }
    return true;
}

/* Are the phases what they were?  No, if time ran out before that was known. */
static lip_status try_again(replay *r, lip_watch *watch, bool *same, lip_error *err) {
    lip_status status = LIP_OK;
    *same = true;
    lip_region_get_box(r->region, r->mine.lo, r->mine.hi, NULL);
    for (size_t l = 1; status == LIP_OK && *same && l <= r->net->layers; ++l) {
        status = lip_interval_layer(r->net, r->region, l, &r->mine, err);
        if (status == LIP_OK && l > 1)
            status = lip_linear_layer(r->net, r->region, l, r->full, watch, &r->mine, err);
        if (status == LIP_OK && r->net->layer[l].relu && l > 1 && !refine_again(r, l))
            status = lip_fail_memory(err);
        if (lip_watch_expired(watch) || lip_clock_now() > r->deadline) *same = false;
        if (status == LIP_OK) *same = *same && same_phases(r, l);
    }
    return status;
}

/* The fewest first layers; all of them need no proof. */
static lip_status bisect(replay *r, lip_watch *watch, size_t *layers, lip_error *err) {
    size_t least = 0, most = r->net->layers;
    bool same;
    lip_status status = LIP_OK;
    while (status == LIP_OK && least < most) {
        r->layers = least == 0 ? 0 : least + (most - least) / 2;
        status = try_again(r, watch, &same, err);
        if (status != LIP_OK) break;
        if (same)
            most = r->layers;
        else
            least = r->layers + 1;
    }
    *layers = most;
    return status;
}

static void number_units(const lip_network *net, size_t *unit) {
    size_t number = 0;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t i = 0; net->layer[l].relu && i < net->layer[l].width; ++i)
            unit[number++] = net->layer[l].offset + i;
}

lip_status lip_refinements_mark(const lip_network *net, const lip_region *region, double deadline,
                                lip_watch *watch, lip_preactivation *bounds, lip_error *err) {
    replay r = {.net = net, .region = region, .full = bounds, .deadline = deadline};
    lip_refinements *f = &bounds->refined;
    size_t room, layers = net->layers;
    lip_status status = LIP_OK;
    if (f->count == 0 || lip_watch_expired(watch) || lip_clock_now() > deadline) return LIP_OK;
    r.mine = (lip_preactivation){.lo = LIP_NEW(double, 2 * net->units)};
    r.mine.hi = r.mine.lo ? r.mine.lo + net->units : NULL;
    r.mine.interior = bounds->interior;
    r.unit = LIP_NEW(size_t, net->units);
    r.slope = lip_multiply_sizes(net->units, COLUMNS, &room) ? LIP_NEW(double, room) : NULL;
    if (r.mine.lo && r.unit && r.slope) {
        number_units(net, r.unit);
        status = bisect(&r, watch, &layers, err);
    } else {
        status = lip_fail_memory(err);
    }
    for (size_t i = 0; i < f->count; ++i)
        f->item[i].needed = f->item[i].decides || f->item[i].layer <= layers;
    free(r.mine.lo);
    free(r.unit);
    free(r.slope);
    return status;
}
