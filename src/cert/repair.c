/* From multipliers to a proved bound, and better y for the same lambda.
 *
 * Where S(y) is not positive definite, y is enlarged by an absolute shift: -lambda_min(S), estimated by
 * Lanczos iterations and enlarged until the factorisation proves it.  (A shift relative to y was much
 * worse.)  Then improve.c looks for the best y, and lip_slack_prove has the last word on it.  What was
 * proved before the improvement is kept, so stopping at any time is safe. */
#include "cert/repair.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/improve.h"
#include "linalg/spectral.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct repair {
    const lip_lifted *lifted;
    lip_slack slack;
    double *y, *best; /* by group: the iterate, and what the bound was proved with */
    double *shifted;
    double bound;
} repair;

static bool repair_create(const lip_lifted *lifted, repair *r) {
    size_t groups = lifted->groups;
    *r = (repair){.lifted = lifted, .bound = INFINITY};
    r->y = LIP_NEW(double, 3 * groups);
    if (!lip_slack_create(lifted, &r->slack) || !r->y) return false;
    r->best = r->y + groups;
    r->shifted = r->best + groups;
    return true;
}

static void repair_clear(repair *r) {
    lip_slack_clear(&r->slack);
    free(r->y);
}

/* ---- What was given ---------------------------------------------------------------------- */

/* Beyond this a multiplier is as good as nonsense; squares stay far from overflow. */
#define LARGEST 0x1p200

static double cleaned(double x, bool equality) {
    if (!(fabs(x) <= LARGEST)) return 0; /* NaN too */
    return x < 0 && !equality ? 0 : x;
}

static void clean(const lip_lifted *lifted, lip_multipliers *m) {
    for (size_t g = 0; g < lifted->groups; ++g)
        m->y[g] = cleaned(m->y[g], lifted->group[g].equality);
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k) {
            double *lambda = &m->lambda[lip_family_place(lifted, (lip_family)f, k)];
            *lambda = cleaned(*lambda, lip_family_equality((lip_family)f));
        }
}

/* ---- The first bound --------------------------------------------------------------------- */

/* Prove the bound of y; keep the better one. */
static bool try_prove(repair *r, const double *y) {
    double bound = lip_slack_prove(&r->slack, y);
    if (bound < r->bound) {
        r->bound = bound;
        memcpy(r->best, y, r->lifted->groups * sizeof *y);
    }
    return bound < INFINITY;
}

static double largest_entry(const repair *r) {
    size_t n = r->lifted->n;
    double most = 0;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) most = fmax(most, fabs(r->slack.work[i * n + j]));
    return most;
}

/* The shift that makes S(y) positive definite, about; 0 if it is already.  False: out of memory. */
static bool estimate_shift(repair *r, double *shift) {
    size_t n = r->lifted->n;
    double largest, scale;
    lip_slack_matrix(&r->slack, r->y);
    scale = largest_entry(r);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) r->slack.work[i * n + j] *= -1;
    if (!lip_lanczos_largest(n, r->slack.work, &largest)) return false;
    *shift = fmax(fmax(isfinite(largest) ? largest : 0, 0) + 1e-13 * scale, 0x1p-300);
    return true;
}

/* Shift y until something is proved.  False: out of memory. */
static bool first_bound(repair *r) {
    double shift, step;
    size_t groups = r->lifted->groups;
    if (try_prove(r, r->y)) return true;
    if (!estimate_shift(r, &shift)) return false;
    step = shift;
    for (int tries = 0; tries < 200 && step < LARGEST; ++tries) {
        for (size_t g = 0; g < groups; ++g) r->shifted[g] = r->y[g] + step;
        if (try_prove(r, r->shifted)) break;
        step *= tries < 3 ? 1.05 : 2;
    }
    if (r->bound < INFINITY) memcpy(r->y, r->best, groups * sizeof *r->y);
    return true;
}

/* ---- All of it --------------------------------------------------------------------------- */

/* False: out of memory. */
static bool bound_from(repair *r, lip_multipliers *m, const lip_repair_options *options) {
    memcpy(r->y, m->y, r->lifted->groups * sizeof *r->y);
    if (!lip_slack_assemble(&r->slack, m->lambda)) return true;
    if (!first_bound(r)) return false;
    if (options->steps == 0 || !(r->bound < INFINITY)) return true;
    if (!lip_improve(&r->slack, options, r->y)) return false;
    try_prove(r, r->y);
    return true;
}

lip_status lip_repair(const lip_lifted *lifted, lip_multipliers *m,
                      const lip_repair_options *options, double *bound, lip_error *err) {
    repair r;
    bool ok = repair_create(lifted, &r);
    clean(lifted, m);
    ok = ok && bound_from(&r, m, options);
    if (ok && !(r.bound < INFINITY)) { /* nothing from these: the trivial ones */
        memset(m->y, 0, lifted->groups * sizeof *m->y);
        memset(m->lambda, 0, lip_family_multipliers(lifted) * sizeof *m->lambda);
        ok = bound_from(&r, m, options);
    }
    if (ok && r.bound < INFINITY) memcpy(m->y, r.best, lifted->groups * sizeof *m->y);
    if (ok) *bound = r.bound;
    repair_clear(&r);
    return ok ? LIP_OK : lip_fail_memory(err);
}
