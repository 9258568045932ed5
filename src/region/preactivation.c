#include "region/preactivation.h"

#include "base/error.h"
#include "base/floating.h"
#include "base/memory.h"
#include "region/refine.h"

#include <stdlib.h>
#include <string.h>

void lip_preactivation_clear(lip_preactivation *bounds) {
    free(bounds->lo);
    lip_refinements_clear(&bounds->refined);
    memset(bounds, 0, sizeof *bounds);
}

/* ---- Layer by layer ---------------------------------------------------------------------- */

static bool bounded(const lip_region *region) { return region->kind != LIP_EVERYWHERE; }

/* Slopes of their own make sense for ReLU layers behind others. */
static bool refinable(const lip_network *net, size_t l) { return l > 1 && net->layer[l].relu; }

static lip_status open_budget(const lip_network *net, const lip_region *region,
                              const lip_bounding *how, lip_budget *budget,
                              lip_preactivation *bounds, lip_error *err) {
    *budget = (lip_budget){.work = how->work, .programs = how->programs};
    for (size_t l = 1; l <= net->layers; ++l) budget->layers += refinable(net, l);
    if (!how->linear || !bounded(region) || !budget->layers || !how->programs) return LIP_OK;
    lip_status status = lip_lp_library_open(&budget->library, err);
    if (status == LIP_OK && !budget->library)
        bounds->note = "no linear programs: HiGHS was not found";
    if (budget->library && region->kind != LIP_BOX)
        bounds->note = "no linear programs: they need a box";
    return status;
}

static lip_status bound_layer(const lip_network *net, const lip_region *region, size_t l,
                              const lip_bounding *how, lip_budget *budget, lip_watch *watch,
                              lip_preactivation *bounds, lip_error *err) {
    lip_status status = lip_interval_layer(net, region, l, bounds, err);
    if (status != LIP_OK || !bounds->linear || l == 1 || lip_watch_expired(watch)) return status;
    status = lip_linear_layer(net, region, l, bounds, watch, bounds, err);
    if (status != LIP_OK || !refinable(net, l)) return status;
    if ((how->steps || budget->library) && !lip_watch_expired(watch))
        status = lip_refine_layer(net, region, l, how, budget, watch, bounds, err);
    --budget->layers;
    return status;
}

lip_status lip_preactivation_find(const lip_network *net, const lip_region *region,
                                  const lip_bounding *how, lip_watch *watch, lip_preactivation *out,
                                  lip_error *err) {
    lip_preactivation bounds = {.lo = LIP_NEW(double, 2 * net->units)};
    lip_budget budget;
    if (!bounds.lo) return lip_fail_memory(err);
    bounds.hi = bounds.lo + net->units;
    bounds.interior = lip_region_has_interior(region);
    bounds.linear = how->linear && bounded(region);
    lip_region_get_box(region, bounds.lo, bounds.hi, NULL);
    lip_status status = open_budget(net, region, how, &budget, &bounds, err);
    for (size_t l = 1; status == LIP_OK && l <= net->layers; ++l)
        status = bound_layer(net, region, l, how, &budget, watch, &bounds, err);
    lip_lp_library_close(budget.library);
    if (status == LIP_OK)
        status = lip_refinements_mark(net, region, how->deadline, watch, &bounds, err);
    if (status == LIP_OK)
        *out = bounds;
    else
        lip_preactivation_clear(&bounds);
    return status;
}

lip_status lip_preactivation_create(const lip_network *net, const lip_region *region, bool linear,
                                    lip_watch *watch, lip_preactivation *out, lip_error *err) {
    lip_bounding how = {.linear = linear};
    return lip_preactivation_find(net, region, &how, watch, out, err);
}

/* A tenth of the time limit, at 2e9 multiplications a second, for slopes; a fifth for everything. */
lip_bounding lip_bounding_of(const lip_settings *settings) {
    return (lip_bounding){.linear = settings->linear_bounds != 0,
                          .steps = (size_t)settings->slope_steps,
                          .programs = (size_t)settings->bound_programs,
                          .work = 0.1 * settings->time_limit * 2e9,
                          .deadline = lip_clock_now() + 0.2 * settings->time_limit};
}

/* ---- What they say ----------------------------------------------------------------------- */

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
