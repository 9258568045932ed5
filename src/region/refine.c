/* Which neurons get slopes of their own, and what becomes of them.
 *
 * Targets are the unstable neurons of a layer, both sides.  Slopes are optimised for blocks of them
 * (region/slopes.c); those that stay unstable, nearest to a decision first, get a linear program each
 * (region/triangle.c).  Either way the slopes are rounded to short numbers, proved by a backward pass,
 * and kept if the bound moves by a part of the interval that is worth a line in the certificate, or
 * decides the neuron; then the other side is dropped.
 *
 * A checker that adds in another order must find the same neurons stable: a bound that decides, but by less
 * than MARGIN of the interval's size, is not used. */
#include "region/refine.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "region/backward.h"
#include "region/slopes.h"
#include "region/triangle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 128, FEWEST_STEPS = 5 };

static const double MARGIN = 1e-10, LEAST_GAIN = 0.01;
static const double SLOPE_GRID = 64, PROGRAM_GRID = 4096; /* slopes are multiples of 1 / these */
static const size_t MOST_BYTES = (size_t)1 << 28;

typedef struct refiner {
    const lip_network *net;
    const lip_region *region;
    size_t l;
    lip_preactivation *bounds;
    lip_backward *backward;
    size_t columns;
    size_t targets;
    lip_target *target; /* upper and lower side of one neuron next to each other */
    double *slope;      /* units * columns */
    bool *used;         /* units * columns */
    double *bound;      /* by neuron and side: the best one proved; INFINITY: none; of sign * z */
    size_t *record;     /* by neuron and side: 1 + its place in refined.item; 0: none */
    size_t *relu;       /* by unit: the number of a ReLU neuron in the network */
    size_t begun;       /* where this layer's records begin */
} refiner;

void lip_refinements_clear(lip_refinements *refined) {
    free(refined->item);
    free(refined->relu);
    free(refined->slope);
    memset(refined, 0, sizeof *refined);
}

static bool stable(const lip_preactivation *bounds, double bound) {
    return bounds->interior ? bound <= 0 : bound < 0;
}

bool lip_refinement_unsure(const lip_preactivation *bounds, size_t unit, double bound) {
    double size = fmax(fabs(bounds->lo[unit]), fabs(bounds->hi[unit]));
    return stable(bounds, bound) && bound > -MARGIN * size;
}

static size_t side_of(const lip_target *target) {
    return 2 * target->neuron + (target->sign < 0 ? 1 : 0);
}

/* The bound of sign * z that is in force. */
static double present(const refiner *r, const lip_target *target) {
    size_t unit = r->net->layer[r->l].offset + target->neuron;
    return target->sign > 0 ? r->bounds->hi[unit] : -r->bounds->lo[unit];
}

static double width(const refiner *r, size_t neuron) {
    size_t unit = r->net->layer[r->l].offset + neuron;
    return r->bounds->hi[unit] - r->bounds->lo[unit];
}

/* Does sign * z <= bound make the neuron stable? */
static bool decides(const refiner *r, double bound) { return stable(r->bounds, bound); }

/* ---- One proof --------------------------------------------------------------------------- */

static void round_slopes(const refiner *r, size_t k, double grid) {
    size_t first = lip_inputs(r->net) * k, end = r->net->layer[r->l].offset * k;
    for (size_t e = first; e < end; ++e) r->slope[e] = round(r->slope[e] * grid) / grid;
}

/* Note the slopes of column j that mattered and are not the digit. */
static bool write_slopes(refiner *r, size_t k, size_t j, lip_refinement *item) {
    lip_refinements *f = &r->bounds->refined;
    item->first = f->used;
    for (size_t u = lip_inputs(r->net); u < r->net->layer[r->l].offset; ++u) {
        double a = r->slope[u * k + j];
        if (!r->used[u * k + j] || a == lip_slope_digit(r->bounds, u)) continue;
        if (!lip_grow((void **)&f->relu, &f->relu_room, f->used + 1, sizeof *f->relu) ||
            !lip_grow((void **)&f->slope, &f->slope_room, f->used + 1, sizeof *f->slope))
            return false;
        f->relu[f->used] = r->relu[u];
        f->slope[f->used++] = a;
    }
    item->count = f->used - item->first;
    return true;
}

/* Keep what column j proved if it is worth it.  False if memory is short. */
static bool offer(refiner *r, const lip_target *target, size_t k, size_t j, double bound) {
    lip_refinements *f = &r->bounds->refined;
    size_t unit = r->net->layer[r->l].offset + target->neuron, side = side_of(target);
    double best = fmin(present(r, target), r->bound[side]);
    if (lip_refinement_unsure(r->bounds, unit, bound)) return true;
    bool better = best - bound >= LEAST_GAIN * width(r, target->neuron);
    if (!better && !(decides(r, bound) && !decides(r, best))) return true;
    lip_refinement item = {r->l, target->neuron, target->sign > 0, decides(r, bound), true, 0, 0};
    if (!write_slopes(r, k, j, &item)) return false;
    if (!r->record[side]) {
        if (!lip_grow((void **)&f->item, &f->room, f->count + 1, sizeof *f->item)) return false;
        r->record[side] = ++f->count;
    }
    f->item[r->record[side] - 1] = item;
    r->bound[side] = bound;
    return true;
}

/* Prove what the slopes in r->slope are worth for a block of targets. */
static bool prove_block(refiner *r, size_t k, const lip_target *target, double grid) {
    double bound[COLUMNS];
    bool ok = true;
    round_slopes(r, k, grid);
    memset(r->used, 0, r->net->layer[r->l].offset * k * sizeof *r->used);
    lip_backward_bound(r->backward, k, target, r->slope, r->used, bound);
    for (size_t j = 0; ok && j < k; ++j) ok = offer(r, &target[j], k, j, bound[j]);
    return ok;
}

static void start_slopes(const refiner *r, size_t k) {
    for (size_t u = lip_inputs(r->net); u < r->net->layer[r->l].offset; ++u)
        for (size_t j = 0; j < k; ++j) r->slope[u * k + j] = lip_slope_digit(r->bounds, u);
}

/* ---- Slopes ------------------------------------------------------------------------------ */

/* Multiplications of one backward and one forward pass for one column. */
static double pass_work(const lip_network *net, size_t l) {
    double work = 0;
    for (size_t m = 1; m <= l; ++m)
        for (size_t t = 0; t < net->layer[m].nterms; ++t) {
            const lip_op *op = net->layer[m].term[t].op;
            double entries = op->kind == LIP_OP_CONV
                                 ? (double)op->rows * (double)lip_op_row_terms(op)
                                 : (double)op->nvalues;
            work += (m < l ? 2 : 1) * entries;
        }
    return work;
}

static bool improve_slopes(refiner *r, const lip_bounding *how, lip_budget *budget,
                           lip_watch *watch) {
    double each = pass_work(r->net, r->l) * (double)r->targets;
    double share = budget->work / (double)budget->layers;
    size_t steps = share < (double)how->steps * each ? (size_t)(share / each) : how->steps;
    if (steps < FEWEST_STEPS && steps < how->steps) return true;
    lip_slopes *s = lip_slopes_create(r->net, r->region, r->bounds, r->l, r->columns);
    bool ok = s != NULL;
    budget->work -= (double)steps * each;
    for (size_t first = 0; ok && first < r->targets; first += r->columns) {
        if (lip_watch_expired(watch) || lip_clock_now() > how->deadline) break;
        size_t k = r->targets - first < r->columns ? r->targets - first : r->columns;
        start_slopes(r, k);
        lip_slopes_improve(s, k, r->target + first, steps, watch, r->slope);
        ok = prove_block(r, k, r->target + first, SLOPE_GRID);
    }
    lip_slopes_free(s);
    return ok;
}

/* ---- Linear programs --------------------------------------------------------------------- */

typedef struct candidate {
    lip_target target;
    double distance; /* from a decision, as a part of the interval */
} candidate;

static int compare_candidates(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    if (x->target.neuron != y->target.neuron) return x->target.neuron < y->target.neuron ? -1 : 1;
    return x->target.sign > y->target.sign ? -1 : 1;
}

/* The sides that are still open, nearest to a decision first. */
static size_t choose_candidates(const refiner *r, candidate *chosen) {
    size_t count = 0;
    for (size_t i = 0; i < r->targets; ++i) {
        const lip_target *target = &r->target[i];
        size_t side = side_of(target);
        double bound = fmin(present(r, target), r->bound[side]);
        double other = r->bound[side ^ 1];
        if (decides(r, bound) || decides(r, other)) continue;
        chosen[count++] = (candidate){*target, bound / width(r, target->neuron)};
    }
    qsort(chosen, count, sizeof *chosen, compare_candidates);
    return count;
}

static bool solve_programs(refiner *r, lip_triangle *triangle, size_t count,
                           const candidate *chosen, const lip_bounding *how, lip_watch *watch) {
    double value;
    bool ok = true;
    for (size_t i = 0; ok && i < count; ++i) {
        double left = how->deadline - lip_clock_now();
        size_t side = side_of(&chosen[i].target);
        if (lip_watch_expired(watch) || left <= 0) break;
        if (decides(r, r->bound[side ^ 1])) continue; /* by a program before this one */
        start_slopes(r, 1);
        if (lip_triangle_solve(triangle, &chosen[i].target, left, r->slope, 1, &value))
            ok = prove_block(r, 1, &chosen[i].target, PROGRAM_GRID);
    }
    return ok;
}

static lip_status run_programs(refiner *r, const lip_bounding *how, lip_budget *budget,
                               lip_watch *watch, lip_error *err) {
    lip_triangle *triangle = NULL;
    candidate *chosen = LIP_NEW(candidate, r->targets);
    lip_status status = chosen ? LIP_OK : lip_fail_memory(err);
    size_t count = status == LIP_OK ? choose_candidates(r, chosen) : 0;
    size_t share = (budget->programs + budget->layers - 1) / budget->layers;
    if (count > share) count = share;
    if (count)
        status = lip_triangle_create(budget->library, r->net, r->region, r->bounds, r->l, &triangle,
                                     err);
    if (triangle) {
        budget->programs -= count;
        if (!solve_programs(r, triangle, count, chosen, how, watch)) status = lip_fail_memory(err);
    }
    lip_triangle_free(triangle);
    free(chosen);
    return status;
}

/* ---- A layer ----------------------------------------------------------------------------- */

static int compare_records(const void *a, const void *b) {
    const lip_refinement *x = a, *y = b;
    if (x->neuron != y->neuron) return x->neuron < y->neuron ? -1 : 1;
    return (x->upper ? 0 : 1) - (y->upper ? 0 : 1);
}

/* Put the bounds in force; where one side decides, the other one is not needed.  Without slopes of its own
 * a bound is that of the linear rule (which was cut short here): no record is needed. */
static void conclude(refiner *r) {
    lip_refinements *f = &r->bounds->refined;
    size_t kept = r->begun, offset = r->net->layer[r->l].offset;
    for (size_t i = r->begun; i < f->count; ++i) {
        lip_refinement *item = &f->item[i];
        size_t side = 2 * item->neuron + (item->upper ? 0 : 1);
        if (!item->decides && decides(r, r->bound[side ^ 1])) continue;
        if (item->upper)
            r->bounds->hi[offset + item->neuron] = r->bound[side];
        else
            r->bounds->lo[offset + item->neuron] = -r->bound[side];
        if (item->count) f->item[kept++] = *item;
    }
    f->count = kept;
    if (kept > r->begun)
        qsort(f->item + r->begun, kept - r->begun, sizeof *f->item, compare_records);
}

/* Both sides of every unstable neuron; false if there is nothing to choose slopes for. */
static bool choose_targets(refiner *r) {
    const lip_layer *layer = &r->net->layer[r->l];
    size_t open = 0, number = 0;
    for (size_t m = 1; m < r->l; ++m) {
        const lip_layer *source = &r->net->layer[m];
        for (size_t u = source->offset; source->relu && u < source->offset + source->width; ++u) {
            r->relu[u] = number++;
            open += r->bounds->lo[u] < 0 && r->bounds->hi[u] > 0;
        }
    }
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        double lo = r->bounds->lo[unit], hi = r->bounds->hi[unit];
        r->bound[2 * i] = r->bound[2 * i + 1] = INFINITY;
        if (!(lo < 0 && hi > 0) || !isfinite(hi - lo)) continue;
        r->target[r->targets++] = (lip_target){i, 1};
        r->target[r->targets++] = (lip_target){i, -1};
    }
    return open > 0 && r->targets > 0;
}

/* As many columns as memory allows, at least one neuron's two. */
static size_t choose_columns(size_t units) {
    size_t most = MOST_BYTES / (units * (LIP_SLOPES_BYTES + 2 * sizeof(double) + 1));
    return most >= COLUMNS ? COLUMNS : most < 2 ? 2 : most;
}

/* The arrays that every layer needs first; those for the blocks come when there are targets. */
static bool prepare_targets(refiner *r) {
    size_t sides = 2 * r->net->layer[r->l].width;
    r->target = LIP_NEW(lip_target, sides);
    r->bound = LIP_NEW(double, sides);
    r->record = LIP_NEW(size_t, sides);
    r->relu = LIP_NEW(size_t, r->net->layer[r->l].offset);
    return r->target && r->bound && r->record && r->relu;
}

static bool prepare_blocks(refiner *r) {
    size_t units = r->net->layer[r->l].offset, entries;
    r->columns = choose_columns(units + r->net->layer[r->l].width);
    if (!lip_multiply_sizes(units, r->columns, &entries)) return false;
    r->slope = LIP_NEW(double, entries);
    r->used = LIP_NEW(bool, entries);
    r->backward = lip_backward_create(r->net, r->region, r->bounds, r->bounds, r->l, r->columns);
    return r->slope && r->used && r->backward;
}

lip_status lip_refine_layer(const lip_network *net, const lip_region *region, size_t l,
                            const lip_bounding *how, lip_budget *budget, lip_watch *watch,
                            lip_preactivation *bounds, lip_error *err) {
    refiner r = {.net = net, .region = region, .l = l, .bounds = bounds};
    r.begun = bounds->refined.count;
    bool ok = prepare_targets(&r), any = ok && choose_targets(&r);
    lip_status status = LIP_OK;
    if (any) ok = prepare_blocks(&r);
    if (ok && any && how->steps) ok = improve_slopes(&r, how, budget, watch);
    if (ok && any && budget->library && budget->programs)
        status = run_programs(&r, how, budget, watch, err);
    if (!ok) status = lip_fail_memory(err);
    if (status == LIP_OK && any) conclude(&r);
    lip_backward_free(r.backward);
    free(r.target);
    free(r.slope);
    free(r.used);
    free(r.bound);
    free(r.record);
    free(r.relu);
    return status;
}
