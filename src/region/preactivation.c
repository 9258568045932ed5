#include "region/preactivation.h"

#include "base/error.h"
#include "base/floating.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void lip_preactivation_clear(lip_preactivation *bounds) {
    free(bounds->lo);
    memset(bounds, 0, sizeof *bounds);
}

static bool bounded(const lip_region *region) { return region->kind != LIP_EVERYWHERE; }

lip_status lip_preactivation_create(const lip_network *net, const lip_region *region, bool linear,
                                    lip_watch *watch, lip_preactivation *out, lip_error *err) {
    lip_preactivation bounds = {LIP_NEW(double, 2 * net->units), NULL, false};
    if (!bounds.lo) return lip_fail_memory(err);
    bounds.hi = bounds.lo + net->units;
    bounds.interior = lip_region_has_interior(region);
    lip_region_get_box(region, bounds.lo, bounds.hi, NULL);
    lip_status status = LIP_OK;
    for (size_t l = 1; status == LIP_OK && l <= net->layers; ++l) {
        status = lip_interval_layer(net, region, l, &bounds, err);
        if (status == LIP_OK && linear && bounded(region) && l > 1 && !lip_watch_expired(watch))
            status = lip_linear_layer(net, region, l, watch, &bounds, err);
    }
    if (status == LIP_OK)
        *out = bounds;
    else
        lip_preactivation_clear(&bounds);
    return status;
}

lip_phase lip_preactivation_phase(const lip_preactivation *bounds, size_t unit) {
    double lo = bounds->lo[unit], hi = bounds->hi[unit];
    if (bounds->interior) return hi <= 0 ? LIP_INACTIVE : lo >= 0 ? LIP_ACTIVE : LIP_UNSTABLE;
    return hi < 0 ? LIP_INACTIVE : lo > 0 ? LIP_ACTIVE : LIP_UNSTABLE;
}

void lip_preactivation_derivatives(const lip_network *net, const lip_preactivation *bounds,
                                   double *dlo, double *dhi) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
            lip_phase phase = layer->relu ? lip_preactivation_phase(bounds, u) : LIP_ACTIVE;
            dlo[u] = phase == LIP_ACTIVE ? 1 : 0;
            dhi[u] = phase == LIP_INACTIVE ? 0 : 1;
        }
    }
}

lip_status lip_preactivation_bounds(const lip_network *net, const lip_region *region, bool linear,
                                    double *lo, double *hi, lip_error *err) {
    if (region->n != lip_inputs(net))
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "the network has %zu inputs, but the region has dimension %zu",
                        lip_inputs(net), region->n);
    lip_preactivation bounds;
    fenv_t saved;
    lip_floating_enter(&saved);
    lip_status status = lip_preactivation_create(net, region, linear, NULL, &bounds, err);
    lip_floating_leave(&saved);
    if (status != LIP_OK) return status;
    size_t n = lip_inputs(net), count = net->units - n;
    memcpy(lo, bounds.lo + n, count * sizeof *lo);
    memcpy(hi, bounds.hi + n, count * sizeof *hi);
    lip_preactivation_clear(&bounds);
    return LIP_OK;
}
