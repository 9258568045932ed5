/* Is an output monotone in an input?  Signs of partial derivatives over a region.
 *
 * On the region the derivative of a stable neuron is 1 or 0, that of an unstable one lies in [0, 1].  One
 * reverse pass in interval arithmetic (net/enclose.h) gives lower <= df/dx_i <= upper for all inputs at once,
 * rounding included, at every point where f is differentiable, and for Clarke's generalised derivatives at the
 * others.  By the mean value theorem (Lebourg) lower >= 0 then means that f does not fall anywhere on the region
 * (which is convex) when x_i grows.
 *
 * Weights of one sign along all paths give a derivative of one sign: that is followed apart from the numbers.
 *
 * Where the bounds leave the sign open, points of the region are drawn at random.  A derivative of a sign that
 * has not been seen yet is proved like any witness (search/witness.h): every phase is decided at the point, the
 * Jacobian there is enclosed.  Two points with different signs prove that f is not monotone. */
#include "base/error.h"
#include "base/floating.h"
#include "base/listener.h"
#include "base/memory.h"
#include "linalg/op.h"
#include "net/enclose.h"
#include "search/points.h"
#include "search/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct monotone_work {
    const lip_network *net;
    const lip_query *query;
    const lip_settings *settings;
    lip_monotone *result;
    lip_preactivation bounds;
    lip_witness witness;
    lip_chart chart;
    lip_watch watch;
    double *c, *r, *d, *scratch; /* the interval pass: units each (d: two of them) */
    double *xi, *h, *z, *g;      /* one sample */
    size_t *terms;
} monotone_work;

static void work_clear(monotone_work *w) {
    lip_preactivation_clear(&w->bounds);
    lip_witness_clear(&w->witness);
    lip_chart_clear(&w->chart);
    free(w->c);
    free(w->scratch);
    free(w->xi);
    free(w->terms);
}

static lip_status work_create(monotone_work *w, lip_error *err) {
    size_t units = w->net->units, n = lip_inputs(w->net), all;
    if (!lip_multiply_sizes(units, 7, &all)) return lip_fail_memory(err);
    w->c = LIP_NEW(double, all);
    w->scratch = LIP_NEW(double, lip_widest(w->net));
    w->xi = LIP_NEW(double, n);
    w->terms = LIP_NEW(size_t, w->net->layers + 1);
    if (!w->c || !w->scratch || !w->xi || !w->terms ||
        !lip_chart_create(w->net, w->query->region, &w->chart))
        return lip_fail_memory(err);
    w->r = w->c + units;
    w->d = w->r + units;
    w->h = w->d + 2 * units;
    w->z = w->h + units;
    w->g = w->z + units;
    lip_bounding how = lip_bounding_of(w->settings);
    lip_status status =
        lip_preactivation_find(w->net, w->query->region, &how, &w->watch, &w->bounds, err);
    return status != LIP_OK ? status
                            : lip_witness_create(w->net, w->query, &w->bounds, &w->witness, err);
}

/* lower <= df/dx_i <= upper for every input. */
static void bound_derivatives(monotone_work *w) {
    const lip_network *net = w->net;
    lip_preactivation_derivatives(net, &w->bounds, w->d, w->d + net->units);
    lip_output_block(net, &w->query->output, w->c + net->layer[net->layers].offset);
    lip_enclose_reverse(net, 1, w->d, w->d + net->units, w->c, w->r, w->terms, w->scratch);
    for (size_t i = 0; i < lip_inputs(net); ++i) {
        lip_partial *of = &w->result->of_input[i];
        bool zero = w->c[i] == 0 && w->r[i] == 0;
        of->lower = zero ? 0 : lip_enclosure_lo(w->c[i], w->r[i]);
        of->upper = zero ? 0 : lip_enclosure_hi(w->c[i], w->r[i]);
    }
}

/* ---- Signs ------------------------------------------------------------------------------- */

static double is_positive(double x) { return x > 0 ? 1 : 0; }
static double is_negative(double x) { return x < 0 ? 1 : 0; }

/* to_p, to_q += the ways in which positive and negative numbers come through A'.  Counts are exact. */
static bool pass_signs(const lip_op *op, const double *p, const double *q, double *to_p,
                       double *to_q) {
    lip_op *positive = lip_op_map(op, is_positive), *negative = lip_op_map(op, is_negative);
    bool ok = positive && negative;
    if (ok) {
        lip_op_adjoint(positive, 1, p, to_p);
        lip_op_adjoint(negative, 1, q, to_p);
        lip_op_adjoint(positive, 1, q, to_q);
        lip_op_adjoint(negative, 1, p, to_q);
    }
    lip_op_free(positive);
    lip_op_free(negative);
    return ok;
}

/* Rounding makes an interval that ends at 0 cross it.  So the signs of all summands of a derivative are followed
 * apart, without numbers: p and q say whether some summand of a cotangent may be > 0, or < 0. */
static bool follow_signs(monotone_work *w) {
    const lip_network *net = w->net;
    double *p = w->h, *q = w->z, *output = w->g;
    bool ok = true;
    memset(p, 0, net->units * sizeof *p);
    memset(q, 0, net->units * sizeof *q);
    memset(output, 0, net->units * sizeof *output);
    lip_output_block(net, &w->query->output, output + net->layer[net->layers].offset);
    for (size_t l = net->layers + 1; ok && l-- > 0;) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = layer->offset; i < layer->offset + layer->width; ++i) {
            bool dead = l > 0 && layer->relu && w->d[net->units + i] == 0;
            p[i] = !dead && (p[i] > 0 || output[i] > 0) ? 1 : 0;
            q[i] = !dead && (q[i] > 0 || output[i] < 0) ? 1 : 0;
        }
        for (size_t t = 0; ok && t < layer->nterms; ++t) {
            size_t to = net->layer[layer->term[t].source].offset;
            ok =
                pass_signs(layer->term[t].op, p + layer->offset, q + layer->offset, p + to, q + to);
        }
    }
    for (size_t i = 0; ok && i < w->result->n; ++i) {
        lip_partial *of = &w->result->of_input[i];
        if (q[i] == 0) of->lower = fmax(of->lower, 0);
        if (p[i] == 0) of->upper = fmin(of->upper, 0);
    }
    return ok;
}

/* ---- Witnesses --------------------------------------------------------------------------- */

static bool wants_rising(const lip_partial *of) { return of->upper > 0 && !of->rising_x; }
static bool wants_falling(const lip_partial *of) { return of->lower < 0 && !of->falling_x; }

/* Does the gradient g, in floating point, show a sign that was not proved yet? */
static bool is_news(const monotone_work *w, const double *g) {
    for (size_t i = 0; i < w->result->n; ++i) {
        const lip_partial *of = &w->result->of_input[i];
        if ((g[i] > 0 && wants_rising(of)) || (g[i] < 0 && wants_falling(of))) return true;
    }
    return false;
}

static bool keep_point(const monotone_work *w, double **at) {
    *at = LIP_NEW(double, w->result->n);
    if (*at) memcpy(*at, w->h, w->result->n * sizeof **at);
    return *at != NULL;
}

/* The Jacobian at the point is enclosed in the witness: keep the signs that it proves. */
static bool keep_signs(monotone_work *w) {
    bool ok = true;
    for (size_t i = 0; ok && i < w->result->n; ++i) {
        lip_partial *of = &w->result->of_input[i];
        double lo = lip_enclosure_lo(w->witness.gc[i], w->witness.gr[i]);
        double hi = lip_enclosure_hi(w->witness.gc[i], w->witness.gr[i]);
        if (lo > 0 && wants_rising(of)) {
            ok = keep_point(w, &of->rising_x);
            of->rising = lo;
        } else if (hi < 0 && wants_falling(of)) {
            ok = keep_point(w, &of->falling_x);
            of->falling = hi;
        }
    }
    return ok;
}

static lip_status draw_point(monotone_work *w, lip_rng *rng, bool centre, lip_error *err) {
    lip_chart_draw(&w->chart, rng, 1, 0, w->xi);
    if (centre) memset(w->xi, 0, w->result->n * sizeof *w->xi);
    lip_chart_points(&w->chart, 1, w->xi, w->h);
    ++w->result->samples;
    if (!lip_region_contains(w->query->region, w->h)) return LIP_OK;
    lip_forward(w->net, 1, w->h, w->z);
    lip_jacobians(w->net, &w->query->output, 1, w->z, w->g);
    if (!is_news(w, w->g) || !lip_witness_decide(&w->witness, w->h)) return LIP_OK;
    return keep_signs(w) ? LIP_OK : lip_fail_memory(err);
}

/* Is there an input whose sign is open and for which some sign was not seen? */
static bool undecided(const monotone_work *w) {
    for (size_t i = 0; i < w->result->n; ++i) {
        const lip_partial *of = &w->result->of_input[i];
        if (of->lower < 0 && of->upper > 0 && (wants_rising(of) || wants_falling(of))) return true;
    }
    return false;
}

static lip_status sample(monotone_work *w, lip_error *err) {
    lip_rng rng;
    lip_status status = LIP_OK;
    lip_rng_seed(&rng, (uint64_t)w->settings->seed);
    for (int k = 0; status == LIP_OK && k < w->settings->samples; ++k) {
        if (!undecided(w) || lip_watch_expired(&w->watch)) break;
        status = draw_point(w, &rng, k == 0, err);
    }
    return status;
}

/* ---- The call ---------------------------------------------------------------------------- */

static lip_monotonicity judge(const lip_partial *of) {
    if (of->lower >= 0 && of->upper <= 0) return LIP_CONSTANT;
    if (of->lower >= 0) return LIP_NONDECREASING;
    if (of->upper <= 0) return LIP_NONINCREASING;
    return of->rising_x && of->falling_x ? LIP_NOT_MONOTONE : LIP_UNDECIDED;
}

void lip_monotone_free(lip_monotone *result) {
    if (!result) return;
    for (size_t i = 0; result->of_input && i < result->n; ++i) {
        free(result->of_input[i].rising_x);
        free(result->of_input[i].falling_x);
    }
    free(result->of_input);
    free(result);
}

static lip_status check(const lip_network *net, const lip_query *query,
                        const lip_settings *settings, lip_error *err) {
    lip_status status = lip_settings_check(settings, err);
    if (status == LIP_OK) status = lip_query_check(net, query, err);
    if (status == LIP_OK && lip_output_rows(net, &query->output) != 1)
        status = lip_fail(err, LIP_ARGUMENT, NULL,
                          "expected a single output or a margin, found all outputs");
    return status;
}

static lip_status run(monotone_work *w, lip_error *err) {
    w->result = LIP_NEW(lip_monotone, 1);
    if (!w->result) return lip_fail_memory(err);
    w->result->n = lip_inputs(w->net);
    w->result->of_input = LIP_NEW(lip_partial, w->result->n);
    if (!w->result->of_input) return lip_fail_memory(err);
    lip_status status = work_create(w, err);
    if (status == LIP_OK) bound_derivatives(w);
    if (status == LIP_OK && !follow_signs(w)) status = lip_fail_memory(err);
    if (status == LIP_OK) status = sample(w, err);
    for (size_t i = 0; i < w->result->n; ++i)
        w->result->of_input[i].verdict = judge(&w->result->of_input[i]);
    w->result->stop = w->watch.stop;
    w->result->seconds = lip_clock_now() - w->watch.started;
    return status;
}

lip_status lip_monotonicity_of(const lip_network *net, const lip_query *query,
                               const lip_settings *given, lip_progress_fn progress, void *user,
                               lip_monotone **out, lip_error *err) {
    lip_settings settings;
    lip_settings_default(&settings);
    if (given) settings = *given;
    monotone_work w = {.net = net, .query = query, .settings = &settings};
    lip_listener caller = {.progress = progress, .user = user};
    w.watch = (lip_watch){.started = lip_clock_now(), .progress = lip_listen, .user = &caller};
    w.watch.deadline = w.watch.started + settings.time_limit;
    w.watch.bounds = (lip_progress){"interval", 0, INFINITY, 0};
    fenv_t saved;
    lip_floating_enter(&saved);
    lip_status status = check(net, query, &settings, err);
    if (status == LIP_OK) status = run(&w, err);
    lip_floating_leave(&saved);
    work_clear(&w);
    if (status == LIP_OK)
        *out = w.result;
    else
        lip_monotone_free(w.result);
    return status;
}
