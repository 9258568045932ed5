/* Lowering the bound of a chain: L-BFGS on the smoothed objective, smoothing reduced in stages.
 *
 * Few outputs: the optimum lies on the border of the domain, and the barrier weight mu goes down; its
 * stages end when mu times the number of unstable neurons, a bound on the relative gap that the
 * barrier leaves, is negligible.  Many outputs: the largest eigenvalue is multiple at the optimum, and
 * the power P goes up (by 8: going by 4, the bound at depth 64 is 4e-4 smaller and takes twice the
 * time).  The iterate with the smallest unsmoothed value is kept, whatever the stage. */
#include "base/memory.h"
#include "relax/chain_work.h"
#include "solve/lbfgs.h"
#include "solve/mixing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Measured on the 784-500-1 network: gap 3e-7 after .8 s of mixing; L-BFGS needs 5 s for as much. */
#define MIXING_PROGRESS 1e-9
#define ENOUGH_GAP      1e-6

typedef struct search {
    lip_chain_work *work;
    lip_watch *watch;
    double power, barrier, enough;
    double value; /* at the last evaluation */
    double best;
    double *best_x;
    size_t n;
} search;

static double evaluate(const double *x, double *g, void *user) {
    search *s = user;
    return lip_chain_objective(s->work, x, s->power, s->barrier, &s->value, g);
}

static bool look(const double *x, double f, void *user) {
    search *s = user;
    (void)f;
    if (s->value < s->best) {
        s->best = s->value;
        memcpy(s->best_x, x, s->n * sizeof *x);
    }
    return s->best < s->enough || lip_watch_expired(s->watch);
}

typedef struct stage {
    double power, barrier;
} stage;

/* WIDE: inputs and neurons from which the mixing method is worth it; below, L-BFGS is quick and ends
 * closer to the optimum. */
enum { STAGES = 40, WIDE = 256 };

static size_t schedule(const lip_chain *chain, stage *stages) {
    size_t count = 0, outputs = lip_chain_outputs(chain);
    double unstable = (double)lip_chain_unstable(chain) + 1;
    if (outputs == 1) {
        for (double mu = 0.1; count < STAGES && mu * unstable > 2e-9; mu *= 0.1)
            stages[count++] = (stage){1, mu};
    } else {
        for (double power = 8; count < STAGES && power <= 65536; power *= 8)
            stages[count++] = (stage){power, 0};
    }
    return count;
}

/* ---- One wide hidden layer --------------------------------------------------------------- */

/* h_ij = c_i w_ij / 2 over unstable neurons; linear = their sum, and c_i w_ij of active ones. */
static void mixing_matrix(const lip_chain *chain, double *h, double *linear) {
    const lip_chain_layer *layer = &chain->layer[0];
    const double *c = chain->layer[1].w;
    for (size_t i = 0; i < layer->rows; ++i) {
        bool unstable = i < layer->unstable;
        for (size_t j = 0; j < layer->cols; ++j) {
            double entry = c[i] * layer->w[i * layer->cols + j] * (unstable ? 0.5 : 1);
            if (unstable) h[i * layer->cols + j] = entry;
            linear[j] += entry;
        }
    }
}

/* The multipliers of |t_j|^2 <= 1 and |s_i|^2 <= 1 are half the gradient norms; the terms in s_i,
 * y_s/2 (1 - s_i^2) with s_i = 2 u_i - 1, and c_i v_i with v_i = u_i y_i combine to
 * 2 lam_i v_i (v_i - y_i) with lam_i = c_i^2 / (4 y_s); then tau is scaled to sum 1. */
static void mixing_dual(const lip_chain *chain, const double *y_t, const double *y_s,
                        lip_chain_dual *dual) {
    const double *c = chain->layer[1].w;
    double sum = 0;
    for (size_t j = 0; j < lip_chain_inputs(chain); ++j) sum += 0.5 * y_t[j];
    for (size_t j = 0; j < lip_chain_inputs(chain); ++j) dual->tau[j] = 0.5 * y_t[j] / sum;
    for (size_t i = 0; i < chain->layer[0].unstable; ++i)
        dual->lam[i] = c[i] * c[i] / (4 * y_s[i] * sum);
    dual->share[0] = 1;
}

/* The converted multipliers, optimal up to the solver's accuracy, lie on the border of the domain or
 * just outside: draw them in so that lambda_max(Lam^.5 F Lam^.5) = 2 (1 - room), for the best room. */
static bool mixing_coordinates(search *s, const lip_chain_dual *dual, double *x) {
    size_t count = s->work->chain->layer[0].unstable, tried = 0;
    double inverse;
    for (double room = 1e-9; room < 1e-2; room *= 10) {
        double value = s->best;
        if (!lip_chain_border(s->work, dual, &inverse)) return false;
        for (size_t i = 0; i < count; ++i) dual->lam[i] *= fmin(1, 2 * (1 - room) * inverse);
        if (!lip_chain_coordinates_of(s->work, dual, x)) continue;
        lip_chain_objective(s->work, x, 1, 0, &s->value, NULL);
        look(x, 0, s);
        if (tried++ && !(s->best < value)) break;
    }
    return true;
}

static bool has_mixing_form(const lip_chain *chain) {
    return chain->hidden == 1 && !chain->input_ball && lip_chain_outputs(chain) == 1 &&
           chain->layer[0].unstable > 0 &&
           chain->layer[0].unstable + lip_chain_inputs(chain) >= WIDE;
}

/* Replace x by the coordinates of the mixing method's multipliers if they are better.  *relative_gap is
 * how far they can be from optimal.  False if memory is short. */
static bool start_mixing(search *s, lip_chain_dual *dual, double *x, double *relative_gap) {
    const lip_chain *chain = s->work->chain;
    const lip_chain_layer *layer = &chain->layer[0];
    size_t n = layer->unstable, inputs = layer->cols, size;
    if (!lip_multiply_sizes(n + 2, inputs, &size)) return false;
    double *h = LIP_NEW(double, size + n);
    if (!h) return false;
    double *linear = h + n * inputs, *y_t = linear + inputs, *y_s = y_t + inputs, value;
    lip_mixing_problem problem = {n, inputs, h, linear};
    size_t rank = (size_t)ceil(sqrt(2 * ((double)n + (double)inputs + 1)));
    mixing_matrix(chain, h, linear);
    bool ok = lip_mixing(&problem, rank, MIXING_PROGRESS, 20, s->watch, y_t, y_s, &value);
    if (ok) {
        mixing_dual(chain, y_t, y_s, dual);
        ok = mixing_coordinates(s, dual, x);
        *relative_gap = s->best / value - 1;
    }
    free(h);
    return ok;
}

/* ---- The search -------------------------------------------------------------------------- */

static bool run_stages(search *s, double first_barrier, double *x) {
    stage stages[STAGES];
    size_t count = schedule(s->work->chain, stages);
    for (size_t k = 0; k < count; ++k) {
        double f;
        if (stages[k].barrier > first_barrier) continue;
        s->power = stages[k].power;
        s->barrier = stages[k].barrier;
        double progress = s->work->outputs == 1 ? 1e-10 : 1e-9;
        lip_lbfgs_options options = {80, 300, 1e-9, progress, 10};
        lip_lbfgs_end end = lip_lbfgs(s->n, x, evaluate, look, s, &options, &f);
        if (end == LIP_LBFGS_NO_MEMORY) return false;
        if (end == LIP_LBFGS_TOLD || end == LIP_LBFGS_OUTSIDE) break;
    }
    return true;
}

/* From the closed form, or from the mixing method where that applies and time is no object. */
static bool run_search(search *s, lip_chain_dual *dual, double *x) {
    double gap = INFINITY;
    if (s->n == 0) return true;
    if (lip_chain_objective(s->work, x, 1, 0, &s->value, NULL) < INFINITY && look(x, 0, s))
        return true;
    if (has_mixing_form(s->work->chain) && !start_mixing(s, dual, x, &gap)) return false;
    if (!(s->best < INFINITY) || lip_watch_expired(s->watch) || gap < ENOUGH_GAP) return true;
    memcpy(x, s->best_x, s->n * sizeof *x);
    return run_stages(s, gap / ((double)lip_chain_unstable(s->work->chain) + 1), x);
}

bool lip_chain_solve(lip_chain_work *work, lip_watch *watch, double enough, lip_chain_dual *dual) {
    size_t n = lip_chain_coordinates(work->chain);
    double *x = LIP_NEW(double, 2 * n + 1);
    if (!x) return false;
    search s = {.work = work, .watch = watch, .enough = enough, .best = INFINITY, .n = n};
    s.best_x = x + n;
    bool ok = true;
    if (lip_chain_start(work, x)) {
        memcpy(s.best_x, x, n * sizeof *x);
        ok = run_search(&s, dual, x);
        if (ok) lip_chain_multipliers(work, s.best_x, dual);
    }
    free(x);
    return ok && !work->out_of_memory;
}
