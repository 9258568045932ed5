/* Local search over cells.  Two cells that differ in one neuron and both meet the region are neighbours:
 * the segment between a point of one and a point of the other crosses that hyperplane alone.  Whether
 * the cell behind a hyperplane exists is asked of the polytope with all other phases kept, starting from
 * the solution for the present cell, which satisfies all constraints but one.
 *
 * Among the neighbours that exist the best is taken even if it is worse (tabu search, Glover 1989): a
 * neuron that was just flipped stays as it is for some moves, unless flipping it gives a new record. */
#include "base/error.h"
#include "base/memory.h"
#include "search/hunt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TRIES = 24 };

/* Rows of all open neurons of cell; false if a neuron that is constant there has the wrong phase. */
static bool impose_all(lip_hunt *hunt, const lip_cell *cell) {
    bool right = true;
    for (size_t i = 0; i < cell->neurons; ++i) {
        size_t u = cell->unit[i], row = hunt->polytope.m;
        hunt->row_of[u] = lip_hunt_impose(hunt, cell, u) ? row : SIZE_MAX;
        if (hunt->row_of[u] == SIZE_MAX) right = right && cell->d[u] == (cell->offset[u] > 0);
    }
    return right;
}

/* One layer of ReLUs: the point nearest to the middle of the region, whose active constraints are a good
 * start for every neighbour. */
bool lip_hunt_settle(lip_hunt *hunt) {
    lip_polytope_start(&hunt->polytope, hunt->here.fixed_slopes ? NULL : hunt->xi);
    return impose_all(hunt, &hunt->here) && lip_polytope_solve(&hunt->polytope, 0);
}

/* Deeper networks: the slopes of later layers change too, so that the polytope is a new one. */
static bool cross_deep(lip_hunt *hunt, size_t unit) {
    lip_cell *trial = &hunt->trial;
    lip_cell_take(trial, hunt->here.d);
    trial->d[unit] = 1 - trial->d[unit];
    lip_cell_slopes(trial);
    lip_polytope_start(&hunt->polytope, hunt->xi);
    if (!impose_all(hunt, trial)) return false;
    return hunt->row_of[unit] != SIZE_MAX && lip_polytope_solve(&hunt->polytope, LIP_HUNT_STEPS);
}

lip_status lip_hunt_cross(lip_hunt *hunt, size_t unit, bool *moved, lip_error *err) {
    size_t row = hunt->row_of[unit];
    *moved = false;
    if (row == SIZE_MAX) return LIP_OK;
    *moved = hunt->here.fixed_slopes
                 ? lip_polytope_turn(&hunt->polytope, row, lip_hunt_margin, LIP_HUNT_STEPS)
                 : cross_deep(hunt, unit);
    if (!*moved) return LIP_OK;
    memcpy(hunt->xi, hunt->polytope.x, hunt->n * sizeof *hunt->xi);
    return lip_hunt_locate(hunt, err);
}

static size_t position(lip_hunt *hunt, size_t count) { /* largest score of the first count */
    size_t best = 0;
    for (size_t i = 1; i < count; ++i)
        if (hunt->score[hunt->order[i]] > hunt->score[hunt->order[best]]) best = i;
    return best;
}

/* Try the flips by falling estimate.  *unit is the neuron that was crossed; moved false: none could be. */
static lip_status best_neighbour(lip_hunt *hunt, size_t now, bool *moved, size_t *unit,
                                 lip_error *err) {
    lip_cell *cell = &hunt->here;
    size_t count = 0;
    lip_status status = LIP_OK;
    *moved = false;
    for (size_t i = 0; i < cell->neurons; ++i) {
        size_t u = cell->unit[i];
        hunt->score[u] = lip_cell_flipped(cell, u);
        bool record = hunt->score[u] > hunt->best * (1 + 1e-12);
        if (hunt->tabu[u] <= now || record) hunt->order[count++] = u;
    }
    for (size_t tries = 0; count > 0 && tries < MOST_TRIES && !*moved; ++tries) {
        size_t at = position(hunt, count);
        *unit = hunt->order[at];
        hunt->order[at] = hunt->order[--count];
        status = lip_hunt_cross(hunt, *unit, moved, err);
        if (status != LIP_OK || lip_hunt_expired(hunt)) break;
    }
    return status;
}

lip_status lip_hunt_climb(lip_hunt *hunt, size_t idle, lip_error *err) {
    size_t neurons = hunt->here.neurons, since = 0;
    double best = hunt->here.value;
    memset(hunt->tabu, 0, hunt->net->units * sizeof *hunt->tabu);
    if (!lip_hunt_settle(hunt)) return LIP_OK;
    for (size_t now = 1; since <= idle && !lip_hunt_expired(hunt); ++now) {
        size_t unit = 0;
        bool moved;
        lip_status status = best_neighbour(hunt, now, &moved, &unit, err);
        if (status != LIP_OK) return status;
        if (!moved) break;
        size_t tenure = 2 + neurons / 8;
        hunt->tabu[unit] = now + 1 + tenure + (size_t)(lip_rng_next(&hunt->rng) % (tenure + 1));
        if (hunt->here.value > best * (1 + 1e-12)) {
            best = hunt->here.value;
            since = 0;
        } else {
            ++since;
        }
    }
    return LIP_OK;
}
