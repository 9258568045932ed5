/* The method of Helmberg, Rendl, Vanderbei and Wolkowicz (1996), Kojima, Shindoh and Hara (1997) and
 * Monteiro (1997) for the two programs of conic.h, with Mehrotra's correction.
 *
 * Newton's equations for X = mu S^-1, x_k = mu / z_k, with Z = S^-1, are
 *
 *     M dz = mu q - b - r,     M_kl = <A_k, Z A_l X> + [k = l] x_k / z_k,
 *                              q_k  = <A_k, Z> + 1 / z_k,
 *                              r_k  = <A_k, Z R> + c_k / z_k,
 *     dX = mu Z - X - sym(Z (dS X + R)),      dx_k = (mu - x_k dz_k - c_k) / z_k - x_k
 *
 * (x and z only where the constraint is an inequality).  The step for mu = 0 gives the second-order terms
 * R = dS dX and c_k = dx_k dz_k that the step with mu corrects; without them it took twice the steps.
 * What X violates of its constraints vanishes with a full step, so no residual appears; z is feasible
 * throughout.  Newton's method does not see the scales of multipliers, which differ by orders of magnitude
 * in deep networks: first-order methods did not get far there.
 *
 * Cost of an iteration with n variables and m constraints: m^3 / 3 for the factorisation of M, two dense
 * products of n x n matrices, a few with the matrices of the layers, about ten Cholesky factorisations
 * that find the lengths of the steps: .4 seconds for n = 1240 and m = 2000 on one core.
 *
 * The start (conic_start.c) is central, X = mu S^-1, and violates the constraints on X. */
#include "solve/interior.h"

#include "base/error.h"
#include "base/memory.h"
#include "solve/conic.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 100, REFINEMENTS = 3, TILE = 32 };

static const double TOLERANCE = 1e-9;    /* gap relative to the value */
static const double BOUNDARY = 0.95;     /* part of the way to the boundary of the cone */
static const double START_CENTRE = 1000; /* mu of the first X, relative to b'z */
static const double START_RATIO = 3;     /* time of an iteration relative to the start */
static const double WARM_GAP = 0.005;    /* relative to the value, where a warm start begins */
static const double WARM_CENTRE = 0.1;   /* its X is moved to its diagonal by this much */
static const double WARM_SLACK = 0.1;    /* least slack of its constraints */
static const double REGULARITY = 1e-13;  /* added to M, relative to its diagonal */
static const double MOST_REGULARITY = 1e-8;
static const double LARGEST_WEIGHT = 1e100;

typedef struct interior {
    lip_conic conic;
    int n, count;
    double order;                                     /* n + inequalities */
    double *z, *x, *dz, *dx;                          /* by constraint */
    double *second, *third;                           /* by constraint: r, c */
    double *primal, *inverse, *change, *trial, *more; /* n x n: X, Z, dX, any, R */
    double *big_z, *big_x;                            /* extended x extended */
    double *schur;                                    /* count x count, lower */
} interior;

static double *square(size_t n) {
    size_t count;
    return lip_multiply_sizes(n, n, &count) ? LIP_NEW(double, count) : NULL;
}

static bool create(const lip_lifted *lifted, interior *w) {
    *w = (interior){.n = (int)lifted->n};
    if (!lip_conic_create(lifted, &w->conic)) return false;
    size_t n = lifted->n, count = w->conic.count;
    w->count = (int)count;
    w->order = (double)n;
    for (size_t k = 0; k < count; ++k) w->order += w->conic.equality[k] ? 0 : 1;
    w->z = LIP_NEW(double, 6 * count);
    if (!w->z) return false;
    w->x = w->z + count;
    w->dz = w->x + count;
    w->dx = w->dz + count;
    w->second = w->dx + count;
    w->third = w->second + count;
    w->primal = square(n);
    w->inverse = square(n);
    w->change = square(n);
    w->trial = square(n);
    w->more = square(n);
    w->big_z = square(w->conic.extended);
    w->big_x = square(w->conic.extended);
    w->schur = square(count);
    return w->primal && w->inverse && w->change && w->trial && w->more && w->big_z && w->big_x &&
           w->schur;
}

static void clear(interior *w) {
    free(w->z);
    free(w->primal);
    free(w->inverse);
    free(w->change);
    free(w->trial);
    free(w->more);
    free(w->big_z);
    free(w->big_x);
    free(w->schur);
    lip_conic_clear(&w->conic);
}

/* ---- Dense matrices ---------------------------------------------------------------------- */

/* Cholesky factor of the lower triangle (row-major, so the upper one for LAPACK). */
static bool factorise(int n, double *a) {
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, a, n) == 0;
}

/* The full inverse of a positive definite matrix, in place. */
static bool invert(int n, double *a) {
    if (!factorise(n, a) || LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', n, a, n) != 0) return false;
    lip_conic_mirror((size_t)n, a);
    return true;
}

static void transpose(size_t n, const double *a, double *out) {
    for (size_t top = 0; top < n; top += TILE)
        for (size_t left = 0; left < n; left += TILE)
            for (size_t i = top; i < n && i < top + TILE; ++i)
                for (size_t j = left; j < n && j < left + TILE; ++j) out[j * n + i] = a[i * n + j];
}

/* The lower triangle of (a + a') / 2, on both sides. */
static void symmetrise(size_t n, double *a) {
    for (size_t top = 0; top < n; top += TILE)
        for (size_t left = 0; left <= top; left += TILE)
            for (size_t i = top; i < n && i < top + TILE; ++i)
                for (size_t j = left; j < i && j < left + TILE; ++j)
                    a[i * n + j] = a[j * n + i] = (a[i * n + j] + a[j * n + i]) / 2;
}

static bool inequality(const interior *w, size_t k) { return !w->conic.equality[k]; }

/* ---- The start --------------------------------------------------------------------------- */

static double value(const interior *w) { return cblas_ddot(w->count, w->conic.b, 1, w->z, 1); }

/* X = mu S^-1, x = mu / z. */
static bool centre(interior *w) {
    double mu = START_CENTRE * value(w) / w->order;
    lip_conic_matrix(&w->conic, w->z, true, w->primal);
    if (!invert(w->n, w->primal)) return false;
    cblas_dscal(w->n * w->n, mu, w->primal, 1);
    for (size_t k = 0; k < w->conic.count; ++k) w->x[k] = inequality(w, k) ? mu / w->z[k] : 0;
    return true;
}

/* Coefficients that sums and products cannot overflow with. */
static bool moderate(const lip_lifted *lifted) {
    size_t coefficients = lifted->neurons ? lifted->neuron[lifted->neurons - 1].last : 0;
    for (size_t i = 0; i < lifted->products; ++i)
        if (!(fabs(lifted->objective[i].value) < LARGEST_WEIGHT)) return false;
    for (size_t i = 0; i < coefficients; ++i)
        if (!(fabs(lifted->coefficient[i].value) < LARGEST_WEIGHT)) return false;
    for (size_t i = 0; lifted->rows > 0 && i < lifted->row[lifted->rows - 1].last; ++i)
        if (!(fabs(lifted->row_coefficient[i].value) < LARGEST_WEIGHT)) return false;
    return true;
}

/* False: out of memory. */
static bool cold_start(interior *w, bool *found) {
    *found = moderate(w->conic.lifted);
    double *room[] = {w->inverse, w->trial, w->more};
    if (*found && !lip_conic_start(&w->conic, w->z, room, found)) return false;
    *found = *found && centre(w);
    return true;
}

/* Near the optimum of a problem with fewer constraints: X and z move inside a little, new multipliers are
 * small.  False if that gives no feasible z. */
static bool warm_start(interior *w, const lip_multipliers *m, const double *primal) {
    const lip_lifted *lifted = w->conic.lifted;
    size_t n = w->conic.n;
    memcpy(w->z, m->y, lifted->groups * sizeof *w->z);
    memcpy(w->z + lifted->groups, m->lambda, lip_family_multipliers(lifted) * sizeof *w->z);
    double mu = WARM_GAP * value(w) / w->order;
    if (!(mu > 0) || !isfinite(mu)) return false;
    for (size_t k = 0; k < w->conic.count; ++k)
        if (inequality(w, k)) w->z[k] = fmax(w->z[k], mu);
    for (size_t i = 0; i < n * n; ++i)
        w->primal[i] = (i % (n + 1) == 0 ? 1 : 1 - WARM_CENTRE) * primal[i];
    memcpy(w->trial, w->primal, n * n * sizeof *w->trial);
    if (!factorise(w->n, w->trial)) return false;
    lip_conic_values(&w->conic, w->primal, w->x);
    for (size_t k = 0; k < w->conic.count; ++k)
        w->x[k] = inequality(w, k) ? fmax(w->conic.b[k] - w->x[k], WARM_SLACK) : 0;
    double shift = mu;
    for (int tries = 0; tries < 40; ++tries, shift *= 2) {
        for (size_t g = 0; g < lifted->groups; ++g) w->z[g] += shift;
        lip_conic_matrix(&w->conic, w->z, true, w->trial);
        if (factorise(w->n, w->trial)) return true;
    }
    return false;
}

/* ---- Newton's equations ------------------------------------------------------------------ */

/* schur = factor of M, with its diagonal enlarged by `regularity`. */
static bool factorise_schur(interior *w, double regularity) {
    size_t count = w->conic.count;
    lip_conic_schur(&w->conic, w->big_z, w->big_x, w->schur);
    for (size_t k = 0; k < count; ++k)
        w->schur[k * count + k] =
            (1 + regularity) * w->schur[k * count + k] + (inequality(w, k) ? w->x[k] / w->z[k] : 0);
    return factorise(w->count, w->schur);
}

/* inverse = S(z)^-1, schur = factor of M.  Cuts that depend on each other make M nearly singular. */
static bool prepare(interior *w) {
    lip_conic_matrix(&w->conic, w->z, true, w->inverse);
    if (!invert(w->n, w->inverse)) return false;
    lip_conic_extend(&w->conic, w->inverse, w->big_z);
    lip_conic_extend(&w->conic, w->primal, w->big_x);
    for (double r = REGULARITY; r <= MOST_REGULARITY; r *= 100)
        if (factorise_schur(w, r)) return true;
    return false;
}

/* dz. */
static bool solve_dual(interior *w, double mu) {
    lip_conic_values(&w->conic, w->inverse, w->dz);
    for (size_t k = 0; k < w->conic.count; ++k) {
        double barrier = inequality(w, k) ? (mu - w->third[k]) / w->z[k] : 0;
        w->dz[k] = mu * w->dz[k] + barrier - w->conic.b[k] - w->second[k];
    }
    return LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', w->count, 1, w->schur, w->count, w->dz,
                               w->count) == 0;
}

/* dX and dx; trial = dS X + R. */
static void solve_primal(interior *w, double mu) {
    size_t n = w->conic.n;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, w->n, w->n, w->n, 1, w->inverse, w->n,
                w->trial, w->n, 0, w->change, w->n);
    symmetrise(n, w->change);
    for (size_t i = 0; i < n * n; ++i)
        w->change[i] = mu * w->inverse[i] - w->primal[i] - w->change[i];
    for (size_t k = 0; k < w->conic.count; ++k)
        w->dx[k] =
            inequality(w, k) ? (mu - w->x[k] * w->dz[k] - w->third[k]) / w->z[k] - w->x[k] : 0;
}

/* The step for mu = 0, and its second-order terms. */
static bool predict(interior *w) {
    memset(w->second, 0, w->conic.count * sizeof *w->second);
    memset(w->third, 0, w->conic.count * sizeof *w->third);
    if (!solve_dual(w, 0)) return false;
    lip_conic_multiply(&w->conic, w->dz, w->primal, w->trial);
    solve_primal(w, 0);
    lip_conic_multiply(&w->conic, w->dz, w->change, w->more);
    transpose(w->conic.n, w->more, w->trial);
    lip_conic_product_values(&w->conic, w->big_z, w->trial, w->second);
    for (size_t k = 0; k < w->conic.count; ++k) w->third[k] = w->dx[k] * w->dz[k];
    return true;
}

static bool newton_step(interior *w, double mu) {
    if (!prepare(w) || !predict(w) || !solve_dual(w, mu)) return false;
    lip_conic_multiply(&w->conic, w->dz, w->primal, w->trial);
    cblas_daxpy(w->n * w->n, 1, w->more, 1, w->trial, 1);
    solve_primal(w, mu);
    return true;
}

/* ---- Lengths of steps -------------------------------------------------------------------- */

/* The longest step, 1 at most, that keeps v + step dv positive. */
static double ratio(const interior *w, const double *v, const double *dv) {
    double length = 1;
    for (size_t k = 0; k < w->conic.count; ++k)
        if (inequality(w, k) && dv[k] < 0) length = fmin(length, -v[k] / dv[k]);
    return length < 1 ? BOUNDARY * length : 1;
}

/* Is matrix + length step positive definite? */
static bool inside(interior *w, const double *matrix, const double *step, double length) {
    for (size_t i = 0; i < w->conic.n; ++i)
        for (size_t e = i * w->conic.n; e <= i * w->conic.n + i; ++e)
            w->trial[e] = matrix[e] + length * step[e];
    return factorise(w->n, w->trial);
}

/* A step, `length` at most, that keeps matrix + step positive definite; near the longest. */
static double longest(interior *w, const double *matrix, const double *step, double length) {
    if (inside(w, matrix, step, length)) return length;
    double bad = length, good = 0.75 * bad;
    for (; !inside(w, matrix, step, good); good = 0.75 * bad) {
        bad = good;
        if (bad < 1e-8) return 0;
    }
    for (int k = 0; k < REFINEMENTS; ++k) {
        double middle = (good + bad) / 2;
        if (inside(w, matrix, step, middle))
            good = middle;
        else
            bad = middle;
    }
    return BOUNDARY * good;
}

static double step_primal(interior *w) {
    double length = longest(w, w->primal, w->change, ratio(w, w->x, w->dx));
    cblas_daxpy(w->n * w->n, length, w->change, 1, w->primal, 1);
    cblas_daxpy(w->count, length, w->dx, 1, w->x, 1);
    return length;
}

/* With S in more and dS in change. */
static double step_dual(interior *w) {
    lip_conic_matrix(&w->conic, w->z, true, w->more);
    lip_conic_matrix(&w->conic, w->dz, false, w->change);
    double length = longest(w, w->more, w->change, ratio(w, w->z, w->dz));
    cblas_daxpy(w->count, length, w->dz, 1, w->z, 1);
    return length;
}

/* ---- The loop ---------------------------------------------------------------------------- */

/* <X, S> + x'z. */
static double gap(interior *w) {
    lip_conic_matrix(&w->conic, w->z, true, w->trial);
    return cblas_ddot(w->n * w->n, w->trial, 1, w->primal, 1) +
           cblas_ddot(w->count, w->x, 1, w->z, 1);
}

/* How much of the gap the next step aims at: after a short step, back to the central path first. */
static double centring(double length) {
    return length < 0.3 ? 0.9 : length < 0.6 ? 0.5 : length < 0.9 ? 0.25 : 0.03;
}

/* The best multipliers so far. */
static void keep(const interior *w, double *best, lip_multipliers *m) {
    double now = value(w);
    if (!(now < *best)) return;
    *best = now;
    memcpy(m->y, w->z, w->conic.lifted->groups * sizeof *w->z);
    memcpy(m->lambda, w->z + w->conic.lifted->groups,
           lip_family_multipliers(w->conic.lifted) * sizeof *w->z);
}

/* Another iteration of `seconds` would end too late. */
static bool too_late(const lip_watch *watch, double seconds) {
    return watch && lip_clock_now() + seconds > watch->deadline;
}

/* Near enough, or as near as rounding lets it get: no gain for some iterations. */
static bool converged(double left, double violated, int idle, double tolerance, double best) {
    double allowed = fmax(tolerance, 1e-6);
    double limit = (idle > 1 ? 100 : 1) * tolerance * fabs(best);
    return violated < allowed && left <= limit;
}

/* `seconds` is about what an iteration takes.  False if it got stuck. */
static bool iterate(interior *w, const lip_interior_options *options, double seconds,
                    lip_multipliers *m) {
    lip_watch *watch = options->watch;
    double best = INFINITY, violated = 1, mu = 0.5 * gap(w) / w->order;
    double tolerance = options->tolerance > 0 ? options->tolerance : TOLERANCE;
    int idle = 0;
    keep(w, &best, m);
    for (int k = 0; k < MOST_STEPS && best > options->enough && !lip_watch_expired(watch); ++k) {
        double before = best, began = lip_clock_now();
        if (too_late(watch, seconds)) {
            watch->stop = LIP_OUT_OF_TIME;
            return true;
        }
        if (!newton_step(w, mu)) return false;
        double p = step_primal(w), d = step_dual(w), left = gap(w);
        keep(w, &best, m);
        violated *= 1 - p;
        idle = before - best <= 10 * TOLERANCE * fabs(best) ? idle + 1 : 0;
        if (converged(left, violated, idle, tolerance, best)) return true;
        if (p + d < 1e-6) return false;
        mu = left / w->order * centring(fmin(p, d));
        seconds = lip_clock_now() - began;
    }
    return true;
}

lip_status lip_interior_run(const lip_lifted *lifted, const lip_interior_options *options,
                            lip_multipliers *multipliers, lip_error *err) {
    interior w;
    double began = lip_clock_now();
    bool found = false, done = false, ok = create(lifted, &w);
    if (ok && options->warm && warm_start(&w, multipliers, options->primal))
        found = done = iterate(&w, options, 0, multipliers);
    if (ok && !done) {
        ok = cold_start(&w, &found);
        double seconds = START_RATIO * (lip_clock_now() - began);
        if (ok && found) (void)iterate(&w, options, seconds, multipliers);
    }
    if (ok && found && options->primal)
        memcpy(options->primal, w.primal, lifted->n * lifted->n * sizeof *w.primal);
    clear(&w);
    return ok ? LIP_OK : lip_fail_memory(err);
}

lip_status lip_interior_solve(const lip_lifted *lifted, double enough, lip_watch *watch,
                              lip_multipliers *multipliers, lip_error *err) {
    lip_interior_options options = {enough, 0, watch, NULL, false};
    return lip_interior_run(lifted, &options, multipliers, err);
}
