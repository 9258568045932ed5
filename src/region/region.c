/* Regions: where the network is looked at. */
#include "region/region.h"

#include "base/error.h"
#include "base/floating.h"
#include "base/memory.h"
#include "base/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lip_region *create(lip_region_kind kind, size_t n) {
    size_t total;
    if (!lip_multiply_sizes(n, 3, &total)) return NULL;
    lip_region *region = LIP_NEW(lip_region, 1);
    if (!region) return NULL;
    region->kind = kind;
    region->n = n;
    region->lo = LIP_NEW(double, total);
    if (!region->lo) {
        free(region);
        return NULL;
    }
    region->hi = region->lo + n;
    region->centre = region->hi + n;
    return region;
}

void lip_region_free(lip_region *region) {
    if (!region) return;
    free(region->lo);
    free(region);
}

static lip_status check_dimension(size_t n, lip_error *err) {
    return n ? LIP_OK
             : lip_fail(err, LIP_ARGUMENT, NULL, "expected a region of dimension at least 1");
}

lip_status lip_region_everywhere(size_t n, lip_region **out, lip_error *err) {
    lip_status status = check_dimension(n, err);
    if (status != LIP_OK) return status;
    lip_region *region = create(LIP_EVERYWHERE, n);
    if (!region) return lip_fail_memory(err);
    for (size_t i = 0; i < n; ++i) {
        region->lo[i] = -INFINITY;
        region->hi[i] = INFINITY;
    }
    *out = region;
    return LIP_OK;
}

/* A double in [lo, hi] near the middle; halving first cannot overflow. */
static double middle(double lo, double hi) {
    double m = lo / 2 + hi / 2;
    return m < lo ? lo : m > hi ? hi : m;
}

lip_status lip_region_box(size_t n, const double *lo, const double *hi, lip_region **out,
                          lip_error *err) {
    lip_status status = check_dimension(n, err);
    for (size_t i = 0; status == LIP_OK && i < n; ++i) {
        if (!isfinite(lo[i]) || !isfinite(hi[i])) {
            status = lip_fail(err, LIP_ARGUMENT, NULL,
                              "expected finite bounds of the box, but input %zu has [%g, %g]", i,
                              lo[i], hi[i]);
        } else if (lo[i] > hi[i]) {
            status =
                lip_fail(err, LIP_ARGUMENT, NULL,
                         "expected lower <= upper in the box, but input %zu has [%.17g, %.17g]", i,
                         lo[i], hi[i]);
        }
    }
    if (status != LIP_OK) return status;
    lip_region *region = create(LIP_BOX, n);
    if (!region) return lip_fail_memory(err);
    for (size_t i = 0; i < n; ++i) {
        region->lo[i] = lo[i];
        region->hi[i] = hi[i];
        region->centre[i] = middle(lo[i], hi[i]);
    }
    *out = region;
    return LIP_OK;
}

static lip_status check_centre(size_t n, const double *centre, double size, const char *name,
                               lip_error *err) {
    lip_status status = check_dimension(n, err);
    if (status != LIP_OK) return status;
    if (!(size >= 0) || !isfinite(size))
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a finite %s >= 0, found %g", name, size);
    for (size_t i = 0; i < n; ++i)
        if (!isfinite(centre[i]))
            return lip_fail(err, LIP_ARGUMENT, NULL,
                            "expected a finite centre, but its entry %zu is %g", i, centre[i]);
    return LIP_OK;
}

/* c + eps and c - eps rounded outwards, but exactly c where eps = 0. */
static double above(double c, double eps) { return eps == 0 ? c : lip_add_up(c, eps); }
static double below(double c, double eps) { return eps == 0 ? c : lip_sub_down(c, eps); }

lip_status lip_region_box_around(size_t n, const double *centre, double eps, double clip_lo,
                                 double clip_hi, lip_region **out, lip_error *err) {
    lip_status status = check_centre(n, centre, eps, "half-width eps", err);
    if (status != LIP_OK) return status;
    if (!(clip_lo <= clip_hi))
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a clip range lo <= hi, found [%g, %g]",
                        clip_lo, clip_hi);
    double *lo = LIP_NEW(double, n), *hi = LIP_NEW(double, n);
    if (!lo || !hi) status = lip_fail_memory(err);
    fenv_t saved;
    lip_floating_enter(&saved);
    for (size_t i = 0; status == LIP_OK && i < n; ++i) {
        lo[i] = fmax(below(centre[i], eps), clip_lo);
        hi[i] = fmin(above(centre[i], eps), clip_hi);
        if (lo[i] > hi[i])
            status = lip_fail(err, LIP_ARGUMENT, NULL,
                              "the box around the centre lies outside the clip range [%g, %g] at "
                              "input %zu, where the centre is %.17g",
                              clip_lo, clip_hi, i, centre[i]);
    }
    lip_floating_leave(&saved);
    if (status == LIP_OK) status = lip_region_box(n, lo, hi, out, err);
    free(lo);
    free(hi);
    return status;
}

lip_status lip_region_ball(size_t n, const double *centre, double radius, lip_region **out,
                           lip_error *err) {
    lip_status status = check_centre(n, centre, radius, "radius", err);
    if (status != LIP_OK) return status;
    lip_region *region = create(LIP_BALL, n);
    if (!region) return lip_fail_memory(err);
    region->radius = radius;
    fenv_t saved;
    lip_floating_enter(&saved);
    for (size_t i = 0; i < n; ++i) {
        region->centre[i] = centre[i];
        region->lo[i] = below(centre[i], radius);
        region->hi[i] = above(centre[i], radius);
    }
    lip_floating_leave(&saved);
    *out = region;
    return LIP_OK;
}

lip_region_kind lip_region_get_kind(const lip_region *region) { return region->kind; }

size_t lip_region_dimension(const lip_region *region) { return region->n; }

double lip_region_get_radius(const lip_region *region) { return region->radius; }

void lip_region_get_box(const lip_region *region, double *lo, double *hi, double *centre) {
    size_t bytes = region->n * sizeof *lo;
    if (lo) memcpy(lo, region->lo, bytes);
    if (hi) memcpy(hi, region->hi, bytes);
    if (centre) memcpy(centre, region->centre, bytes);
}

bool lip_region_has_interior(const lip_region *region) {
    if (region->kind == LIP_EVERYWHERE) return true;
    if (region->kind == LIP_BALL) return region->radius > 0;
    for (size_t i = 0; i < region->n; ++i)
        if (!(region->lo[i] < region->hi[i])) return false;
    return true;
}

/* An upper bound on sum (x - c)^2; the squares are inflated so that none underflows. */
static double distance_squared_up(size_t n, const double *x, const double *c) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) {
        double d = lip_magnitude(x[i] - c[i]) * (1 + 4 * LIP_UNIT);
        sum += d * d;
    }
    return lip_sum_up(sum, 2 * n + 2);
}

bool lip_region_contains(const lip_region *region, const double *x) {
    for (size_t i = 0; i < region->n; ++i)
        if (!isfinite(x[i]) || x[i] < region->lo[i] || x[i] > region->hi[i]) return false;
    if (region->kind != LIP_BALL) return true;
    return distance_squared_up(region->n, x, region->centre) <=
           lip_mul_down(region->radius, region->radius);
}
