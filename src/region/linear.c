/* Backward linear bounds of one layer, with one lower slope, 0 or 1, for every neuron: +z and -z of its
 * neurons in blocks (region/backward.c). */
#include "base/error.h"
#include "base/memory.h"
#include "region/backward.h"

#include <stdlib.h>

enum { TARGETS = 64, COLUMNS = 2 * TARGETS };

/* Bound the neurons index[0..count-1] of a layer and cut their intervals. */
static void bound_block(lip_backward *w, size_t count, const size_t *index, double *lo,
                        double *hi) {
    lip_target target[COLUMNS] = {{0, 0}};
    double bound[COLUMNS];
    for (size_t j = 0; j < count; ++j) {
        target[2 * j] = (lip_target){index[j], 1};
        target[2 * j + 1] = (lip_target){index[j], -1};
    }
    lip_backward_bound(w, 2 * count, target, NULL, NULL, bound);
    for (size_t j = 0; j < count; ++j) {
        double top = bound[2 * j], bottom = -bound[2 * j + 1];
        if (top < hi[index[j]]) hi[index[j]] = top;
        if (bottom > lo[index[j]]) lo[index[j]] = bottom;
    }
}

/* Neurons worth the work: all of a layer without ReLU, the unstable ones of the others. */
static size_t choose_targets(const lip_network *net, size_t l, const lip_preactivation *bounds,
                             size_t *target) {
    const lip_layer *layer = &net->layer[l];
    size_t count = 0;
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        if (bounds->lo[unit] == bounds->hi[unit]) continue;
        if (!layer->relu || lip_preactivation_phase(bounds, unit) == LIP_UNSTABLE)
            target[count++] = i;
    }
    return count;
}

lip_status lip_linear_layer(const lip_network *net, const lip_region *region, size_t l,
                            const lip_preactivation *digits, lip_watch *watch,
                            lip_preactivation *bounds, lip_error *err) {
    const lip_layer *layer = &net->layer[l];
    size_t *target = LIP_NEW(size_t, layer->width);
    lip_backward *w = lip_backward_create(net, region, bounds, digits, l, COLUMNS);
    bool ok = target && w;
    size_t count = ok ? choose_targets(net, l, bounds, target) : 0;
    for (size_t first = 0; first < count && !lip_watch_expired(watch); first += TARGETS)
        bound_block(w, count - first < TARGETS ? count - first : TARGETS, target + first,
                    bounds->lo + layer->offset, bounds->hi + layer->offset);
    free(target);
    lip_backward_free(w);
    return ok ? LIP_OK : lip_fail_memory(err);
}
