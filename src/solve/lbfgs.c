/* L-BFGS: Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5.
 *
 * The step along d = -H g starts at 1 and shrinks until f(x + a d) <= f + 1e-4 a g'd (Armijo).  Pairs
 * (s, y) with too small a curvature s'y are not kept, so that H stays positive definite without the
 * second Wolfe condition; in exchange most iterations cost one evaluation, which is what matters when
 * f is a chain of factorisations. */
#include "solve/lbfgs.h"

#include "base/memory.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct state {
    int n;
    size_t memory, count, next; /* pairs held; where the next one goes */
    double *s, *y, *rho, *alpha;
    double *g, *direction, *trial, *trial_g;
} state;

static void clear(state *q) {
    free(q->s);
    free(q->g);
}

static bool create(size_t n, size_t memory, state *q) {
    size_t pairs, size;
    *q = (state){.n = (int)n, .memory = memory};
    if (n > INT_MAX || !lip_multiply_sizes(n + 1, 2 * memory, &pairs)) return false;
    if (!lip_multiply_sizes(n, 4, &size)) return false;
    q->s = LIP_NEW(double, pairs);
    q->g = LIP_NEW(double, size);
    if (!q->s || !q->g) {
        clear(q);
        return false;
    }
    q->y = q->s + n * memory;
    q->rho = q->y + n * memory;
    q->alpha = q->rho + memory;
    q->direction = q->g + n;
    q->trial = q->direction + n;
    q->trial_g = q->trial + n;
    return true;
}

/* direction = -H g by the two-loop recursion. */
static void set_direction(state *q) {
    size_t n = (size_t)q->n;
    double *d = q->direction;
    memcpy(d, q->g, n * sizeof *d);
    for (size_t k = 0; k < q->count; ++k) {
        size_t i = (q->next + q->memory - 1 - k) % q->memory;
        q->alpha[i] = q->rho[i] * cblas_ddot(q->n, q->s + i * n, 1, d, 1);
        cblas_daxpy(q->n, -q->alpha[i], q->y + i * n, 1, d, 1);
    }
    double scale = 1 / fmax(cblas_dnrm2(q->n, q->g, 1), 1e-300);
    if (q->count) {
        size_t i = (q->next + q->memory - 1) % q->memory;
        double *y = q->y + i * n;
        scale = 1 / (q->rho[i] * cblas_ddot(q->n, y, 1, y, 1));
    }
    cblas_dscal(q->n, scale, d, 1);
    for (size_t k = q->count; k-- > 0;) {
        size_t i = (q->next + q->memory - 1 - k) % q->memory;
        double beta = q->rho[i] * cblas_ddot(q->n, q->y + i * n, 1, d, 1);
        cblas_daxpy(q->n, q->alpha[i] - beta, q->s + i * n, 1, d, 1);
    }
    cblas_dscal(q->n, -1, d, 1);
}

/* Take the trial point; keep the pair if its curvature is positive. */
static void accept(state *q, double *x) {
    size_t n = (size_t)q->n;
    double *s = q->s + q->next * n, *y = q->y + q->next * n;
    for (size_t i = 0; i < n; ++i) {
        s[i] = q->trial[i] - x[i];
        y[i] = q->trial_g[i] - q->g[i];
    }
    double sy = cblas_ddot(q->n, s, 1, y, 1);
    if (sy > 1e-12 * cblas_dnrm2(q->n, s, 1) * cblas_dnrm2(q->n, y, 1)) {
        q->rho[q->next] = 1 / sy;
        q->next = (q->next + 1) % q->memory;
        if (q->count < q->memory) ++q->count;
    }
    memcpy(x, q->trial, n * sizeof *x);
    memcpy(q->g, q->trial_g, n * sizeof *x);
}

/* Backtrack along the direction; false if no step lowers f. */
static bool search(state *q, const double *x, double *f, lip_lbfgs_fn fn, void *user) {
    double slope = cblas_ddot(q->n, q->g, 1, q->direction, 1);
    if (!(slope < 0)) return false;
    for (double a = 1; a > 1e-8; a *= 0.4) {
        for (int i = 0; i < q->n; ++i) q->trial[i] = x[i] + a * q->direction[i];
        double value = fn(q->trial, q->trial_g, user);
        if (value <= *f + 1e-4 * a * slope + 1e-14 * fabs(*f)) {
            *f = value;
            return true;
        }
    }
    return false;
}

static lip_lbfgs_end minimise(state *q, double *x, lip_lbfgs_fn fn, lip_lbfgs_look_fn look,
                              void *user, const lip_lbfgs_options *options, double *f) {
    double checkpoint = *f;
    for (size_t it = 1; it <= options->iterations; ++it) {
        if (cblas_dnrm2(q->n, q->g, 1) <= options->gradient) return LIP_LBFGS_SMALL_GRADIENT;
        set_direction(q);
        bool moved = search(q, x, f, fn, user);
        if (!moved && q->count > 0) { /* forget the past, try steepest descent */
            q->count = 0;
            set_direction(q);
            moved = search(q, x, f, fn, user);
        }
        if (!moved) return LIP_LBFGS_NO_PROGRESS;
        accept(q, x);
        if (look(x, *f, user)) return LIP_LBFGS_TOLD;
        if (it % options->patience == 0) {
            if (!(checkpoint - *f > options->progress)) return LIP_LBFGS_NO_PROGRESS;
            checkpoint = *f;
        }
    }
    return LIP_LBFGS_ITERATIONS;
}

lip_lbfgs_end lip_lbfgs(size_t n, double *x, lip_lbfgs_fn fn, lip_lbfgs_look_fn look, void *user,
                        const lip_lbfgs_options *options, double *f) {
    state q;
    if (!create(n, options->memory, &q)) return LIP_LBFGS_NO_MEMORY;
    *f = fn(x, q.g, user);
    lip_lbfgs_end end = LIP_LBFGS_OUTSIDE;
    if (isfinite(*f)) {
        end = look(x, *f, user) ? LIP_LBFGS_TOLD : minimise(&q, x, fn, look, user, options, f);
    }
    clear(&q);
    return end;
}
