/* Points and patterns.  A pattern that the formal constant asks for need not occur in the region.  For
 * a fixed pattern of earlier layers, "neuron u has phase s_u" is the linear constraint
 * s_u (slope_u' x + offset_u) >= margin, so phases can be imposed one by one: the most important first, and
 * a phase that does not fit with those imposed before is given up (the neuron then has the other one
 * everywhere in what is left).  After the last layer the nearest point of the polytope lies in a cell
 * that does occur. */
#include "search/hunt.h"

#include "base/error.h"
#include "base/memory.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void lip_hunt_clear(lip_hunt *hunt) {
    lip_chart_clear(&hunt->chart);
    lip_witness_clear(&hunt->witness);
    lip_cell_clear(&hunt->here);
    lip_cell_clear(&hunt->trial);
    lip_polytope_clear(&hunt->polytope);
    free(hunt->xi);
    free(hunt->h);
    free(hunt->order);
    free(hunt->crossings);
}

lip_status lip_hunt_create(lip_task *task, lip_step *step, lip_hunt *hunt, lip_error *err) {
    const lip_network *net = task->net;
    const lip_query *query = task->query;
    size_t n = lip_inputs(net), units = net->units;
    memset(hunt, 0, sizeof *hunt);
    hunt->task = task;
    hunt->step = step;
    hunt->net = net;
    hunt->n = n;
    lip_rng_seed(&hunt->rng, (uint64_t)task->settings->seed + 2);
    lip_hull hull = query->region->kind == LIP_EVERYWHERE ? LIP_HULL_NONE
                    : query->region->kind == LIP_BALL     ? LIP_HULL_BALL
                                                          : LIP_HULL_CUBE;
    bool ok = lip_chart_create(net, query->region, &hunt->chart) &&
              lip_cell_create(net, query, &task->bounds, &hunt->here) &&
              lip_cell_create(net, query, &task->bounds, &hunt->trial) &&
              lip_polytope_create(n, hunt->here.neurons + 1, hull, &hunt->polytope);
    if (ok) {
        hunt->xi = LIP_NEW(double, 4 * n);
        hunt->h = LIP_NEW(double, 11 * units);
        hunt->order = LIP_NEW(size_t, 3 * units);
        hunt->crossings = LIP_NEW(lip_crossing, units);
        ok = hunt->xi && hunt->h && hunt->order && hunt->crossings;
    }
    if (!ok) return lip_fail_memory(err);
    hunt->best_xi = hunt->xi + n;
    hunt->x = hunt->best_xi + n;
    hunt->direction = hunt->x + n;
    double **arrays[] = {&hunt->z,     &hunt->want,  &hunt->weight,
                         &hunt->score, &hunt->phase, &hunt->formal};
    for (size_t i = 0; i < 6; ++i) *arrays[i] = hunt->h + (i + 1) * units;
    hunt->scratch = hunt->h + 7 * units;
    hunt->tabu = hunt->order + units;
    hunt->row_of = hunt->tabu + units;
    return lip_witness_create(net, query, &task->bounds, &hunt->witness, err);
}

bool lip_hunt_expired(lip_hunt *hunt) {
    return lip_watch_expired(&hunt->task->watch) || lip_clock_now() >= hunt->deadline;
}

double lip_hunt_work(const lip_hunt *hunt) {
    return hunt->here.work + hunt->trial.work + hunt->polytope.work;
}

/* ---- Points ------------------------------------------------------------------------------ */

void lip_hunt_evaluate(lip_hunt *hunt) {
    lip_chart_points(&hunt->chart, 1, hunt->xi, hunt->x);
    memcpy(hunt->h, hunt->x, hunt->n * sizeof *hunt->x);
    lip_forward(hunt->net, 1, hunt->h, hunt->z);
    lip_pattern(hunt->net, hunt->z, hunt->phase);
}

/* Offer a record; what interval arithmetic did not confirm is not taken for the best. */
static lip_status consider(lip_hunt *hunt, lip_error *err) {
    double value = hunt->here.value;
    lip_status status = LIP_OK;
    if (!(value > hunt->best * (1 + 1e-13))) return LIP_OK;
    if (value > hunt->step->value * (1 + 1e-13))
        status =
            lip_witness_offer(&hunt->witness, hunt->task, hunt->x, &hunt->rng, hunt->step, err);
    if (hunt->step->value < value * (1 - 1e-9)) return status;
    hunt->best = value;
    memcpy(hunt->best_xi, hunt->xi, hunt->n * sizeof *hunt->xi);
    return status;
}

lip_status lip_hunt_locate(lip_hunt *hunt, lip_error *err) {
    lip_hunt_evaluate(hunt);
    lip_cell_take(&hunt->here, hunt->phase);
    if (!lip_cell_update(&hunt->here, true)) return lip_fail_memory(err);
    return consider(hunt, err);
}

/* ---- Wanted patterns --------------------------------------------------------------------- */

bool lip_hunt_impose(lip_hunt *hunt, const lip_cell *cell, size_t unit) {
    const double *slope = cell->slope + unit * hunt->n;
    double offset = cell->offset[unit] + cblas_ddot((int)hunt->n, slope, 1, hunt->chart.centre, 1);
    return lip_polytope_append(&hunt->polytope, slope, hunt->chart.half,
                               cell->d[unit] != 0 ? 1 : -1, offset, lip_hunt_margin);
}

/* A neuron that does not depend on the input has the phase of its constant value. */
static void impose_or_flip(lip_hunt *hunt, lip_cell *cell, size_t unit) {
    if (!lip_hunt_impose(hunt, cell, unit)) {
        cell->d[unit] = cell->offset[unit] > 0 ? 1 : 0;
        return;
    }
    if (lip_polytope_extend(&hunt->polytope, LIP_HUNT_STEPS / 3)) return;
    cell->d[unit] = 1 - cell->d[unit];
    if (cell->fixed_slopes) return;
    /* deeper layers rely on the phase: impose the other one, which x has already, unless it is on the kink */
    lip_hunt_impose(hunt, cell, unit);
    lip_polytope_extend(&hunt->polytope, LIP_HUNT_STEPS);
}

typedef struct ranked {
    double weight;
    size_t unit;
} ranked;

static int by_weight(const void *a, const void *b) {
    const ranked *p = a, *q = b;
    if (p->weight != q->weight) return p->weight > q->weight ? -1 : 1;
    return p->unit < q->unit ? -1 : p->unit > q->unit;
}

/* The open neurons of layer l by falling weight, in ranks; their number. */
static size_t rank_layer(const lip_hunt *hunt, size_t l, const double *weight, ranked *ranks) {
    const lip_layer *layer = &hunt->net->layer[l];
    size_t count = 0;
    for (size_t i = 0; i < hunt->here.neurons; ++i) {
        size_t u = hunt->here.unit[i];
        if (u >= layer->offset && u < layer->offset + layer->width)
            ranks[count++] = (ranked){weight[u], u};
    }
    qsort(ranks, count, sizeof *ranks, by_weight);
    return count;
}

lip_status lip_hunt_attain(lip_hunt *hunt, const double *want, const double *weight, bool *all,
                           lip_error *err) {
    lip_cell *cell = &hunt->trial;
    ranked *ranks = LIP_NEW(ranked, cell->neurons);
    if (!ranks) return lip_fail_memory(err);
    lip_cell_take(cell, want);
    lip_polytope_start(&hunt->polytope, NULL);
    *all = true;
    for (size_t l = 1; l <= hunt->net->layers; ++l) {
        lip_cell_layer(cell, l);
        size_t count = rank_layer(hunt, l, weight, ranks);
        for (size_t i = 0; i < count && !lip_hunt_expired(hunt); ++i) {
            impose_or_flip(hunt, cell, ranks[i].unit);
            if (cell->d[ranks[i].unit] != want[ranks[i].unit]) *all = false;
        }
        lip_cell_mask(cell, l);
    }
    cell->fresh = true;
    free(ranks);
    memcpy(hunt->xi, hunt->polytope.x, hunt->n * sizeof *hunt->xi);
    return lip_hunt_locate(hunt, err);
}

void lip_hunt_wishes(lip_hunt *hunt, const lip_cell *cell) {
    for (size_t i = 0; i < cell->neurons; ++i) {
        size_t u = cell->unit[i];
        double wish = lip_cell_wish(cell, u);
        hunt->want[u] = wish > 0 ? 1 : wish < 0 ? 0 : cell->d[u];
        hunt->weight[u] = fabs(wish);
    }
}

lip_status lip_hunt_alternate(lip_hunt *hunt, lip_error *err) {
    double before;
    lip_status status = LIP_OK;
    do {
        bool all;
        before = hunt->here.value;
        lip_hunt_wishes(hunt, &hunt->here);
        status = lip_hunt_attain(hunt, hunt->want, hunt->weight, &all, err);
    } while (status == LIP_OK && hunt->here.value > before * (1 + 1e-9) && !lip_hunt_expired(hunt));
    return status;
}
