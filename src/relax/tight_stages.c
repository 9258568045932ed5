/* The stages of hr2 and tight for lifted problems that the interior-point method can take.
 *
 *     stage 0   the tangent families, and those of the region; for one hidden layer HR-2 of Chen et al.
 *     stage 1   triangles with the constant 1, and products of forms, those that the last X violates most
 *     stage 2   triangles of any three variables, and products
 *
 * Cuts without a multiplier are dropped before the next ones come. */
#include "base/error.h"
#include "base/memory.h"
#include "problem/forms.h"
#include "problem/triangles.h"
#include "relax/tight.h"
#include "solve/interior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 60,
    MOST_STAGES = 60,
    MOST_CUTS = 6000,
    ROUND = 1000,
    ROUND_FIXED = 50,
    ROUND_PER_VARIABLE = 3
};

static const double PROOF_LOSS = 1e-4; /* more than a proof costs, even in deep networks */
static const double ROUGH = 3e-4;      /* relative gap of the first stages of tight */
static const double LITTLE = 0.01;     /* relative gain below which general triangles come */
static const double FINE = 1e-6;       /* and of the last ones */
static const double INACTIVE = 1e-3;   /* multiplier relative to the largest one */
static const double CLOSE = 0.01;      /* slack of a triangle that stays */

/* ---- One stage --------------------------------------------------------------------------- */

static double value_of(const lip_stages *q) {
    double sum = 0;
    for (size_t g = 0; g < q->lifted->groups; ++g) sum += q->m.y[g] * q->lifted->group[g].size;
    return ldexp(sum, q->lifted->exponent);
}

static lip_status solve_stage(lip_stages *q, double tolerance, bool warm, lip_error *err) {
    lip_watch share = q->task->watch;
    share.deadline = lip_tight_deadline(q, 0);
    lip_interior_options options = {ldexp(q->enough / (1 + PROOF_LOSS), -q->lifted->exponent),
                                    tolerance, &share, q->primal, warm};
    lip_status status = lip_interior_run(q->lifted, &options, &q->m, err);
    lip_tight_stopped(q, share.stop);
    return status == LIP_OK ? lip_tight_prove(q, &q->m, value_of(q), STEPS, err) : status;
}

/* ---- Cuts -------------------------------------------------------------------------------- */

/* Drop separated cuts without a multiplier that X does not meet closely.  False: out of memory. */
static bool drop_inactive(lip_stages *q) {
    lip_lifted *lifted = q->lifted;
    size_t count = lip_family_separated(lifted);
    size_t first = lip_family_place(lifted, LIP_FAMILY_TRIANGLE, 0);
    bool *keep = LIP_NEW(bool, count), ok = keep != NULL;
    lip_product *room = LIP_NEW(lip_product, lip_family_most_products(lifted));
    double most = 0;
    for (size_t k = 0; k < count; ++k) most = fmax(most, q->m.lambda[first + k]);
    for (size_t k = 0; ok && room && k < count; ++k) {
        size_t triangles = lip_family_count(lifted, LIP_FAMILY_TRIANGLE);
        bool triangle = k < triangles;
        size_t products =
            lip_family_products(lifted, triangle ? LIP_FAMILY_TRIANGLE : LIP_FAMILY_PRODUCT,
                                triangle ? k : k - triangles, room);
        double slack = 0;
        for (size_t c = 0; c < products; ++c)
            slack += room[c].value * q->primal[room[c].i * lifted->n + room[c].j];
        keep[k] = q->m.lambda[first + k] > INACTIVE * most || slack < CLOSE;
    }
    ok = ok && room && lip_family_keep(lifted, keep, q->m.lambda);
    free(room);
    free(keep);
    return ok;
}

/* Copy multipliers after `added` triangles and then products have come.  False: out of memory. */
static bool grow_multipliers(lip_stages *q, size_t added, size_t products) {
    lip_lifted *lifted = q->lifted;
    double *lambda = LIP_NEW(double, lip_family_multipliers(lifted));
    size_t end = lip_family_place(lifted, LIP_FAMILY_PRODUCT, 0);
    if (!lambda) return false;
    memcpy(lambda, q->m.lambda, (end - added) * sizeof *lambda);
    memcpy(lambda + end, q->m.lambda + end - added, products * sizeof *lambda);
    free(q->m.lambda);
    q->m.lambda = lambda;
    return true;
}

/* What X violates; *added: how many.  False: out of memory. */
static bool add_cuts(lip_stages *q, bool general, size_t *added) {
    lip_lifted *lifted = q->lifted;
    size_t present = lip_family_multipliers(lifted), products, more = 0;
    size_t most = present < MOST_CUTS ? MOST_CUTS - present : 0;
    size_t round = ROUND_FIXED + ROUND_PER_VARIABLE * lifted->n;
    if (most > round) most = round;
    if (most > ROUND) most = ROUND;
    products = lip_family_count(lifted, LIP_FAMILY_PRODUCT);
    if (!lip_triangles_separate(lifted, q->primal, general, most, added)) return false;
    if (lifted->forms > 0 && !lip_forms_separate(lifted, q->primal, most, &more)) return false;
    if (!grow_multipliers(q, *added, products)) return false;
    *added += more;
    return true;
}

/* Rounds of cuts: with the constant 1 until that gains little, then general ones, solved more and more
 * closely until nothing is gained. */
static lip_status cut_rounds(lip_stages *q, lip_error *err) {
    lip_status status = LIP_OK;
    double tolerance = ROUGH;
    bool general = false;
    for (int k = 0; status == LIP_OK && k < MOST_STAGES && !lip_tight_over(q); ++k) {
        double before = q->best, gain;
        size_t added;
        if (!drop_inactive(q) || !add_cuts(q, general, &added)) return lip_fail_memory(err);
        if (added > 0) status = solve_stage(q, tolerance, true, err);
        gain = (before - q->best) / before;
        if (gain > (general ? 3 * tolerance : LITTLE)) continue;
        if (general && (tolerance <= FINE || (added == 0 && tolerance < ROUGH))) break;
        if (general) tolerance = fmax(0.03 * tolerance, FINE);
        general = true;
    }
    return status;
}

lip_status lip_tight_small(lip_stages *q, bool tight, lip_error *err) {
    lip_status status = solve_stage(q, 0, false, err);
    if (!tight || status != LIP_OK) return status;
    return lip_forms_create(q->lifted) ? cut_rounds(q, err) : lip_fail_memory(err);
}
