/* A point x of the region is a witness for L >= ||J(x) t||_q / ||t||_p if interval evaluation decides
 * the phase of every neuron there: z > 0 or z < 0, or the neuron is stable on the whole region, or z is
 * constant near x (every source with a nonzero weight is inactive or constant itself), when its phase
 * does not matter.  Then the network is affine near x and its Jacobian is a product of known matrices,
 * which a reverse pass in midpoint-radius arithmetic encloses.  A point on a kink (0 in the enclosure of
 * a z that varies) proves nothing. */
#include "search/witness.h"

#include "base/error.h"
#include "base/floating.h"
#include "base/memory.h"
#include "base/round.h"
#include "linalg/norms.h"
#include "net/enclose.h"
#include "search/direction.h"
#include "search/zonotope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 8, DEEP = 4, MOST_FAILURES = 20 };

void lip_witness_clear(lip_witness *w) {
    free(w->c);
    free(w->gc);
    free(w->d);
    free(w->work);
    free(w->t);
    free(w->terms);
    memset(w, 0, sizeof *w);
}

lip_status lip_witness_create(const lip_network *net, const lip_query *query,
                              const lip_preactivation *bounds, lip_witness *w, lip_error *err) {
    size_t block, wide;
    memset(w, 0, sizeof *w);
    w->net = net;
    w->query = query;
    w->bounds = bounds;
    w->k = lip_output_rows(net, &query->output);
    bool ok = lip_multiply_sizes(net->units, 2 * w->k, &block) &&
              lip_multiply_sizes(lip_widest(net), 2 * w->k, &wide);
    if (ok) {
        w->c = LIP_NEW(double, 2 * net->units);
        w->gc = LIP_NEW(double, block);
        w->d = LIP_NEW(double, 2 * net->units);
        w->work = LIP_NEW(double, wide);
        w->t = LIP_NEW(double, 2 * lip_inputs(net));
        w->terms = LIP_NEW(size_t, net->layers + 1);
        ok = w->c && w->gc && w->d && w->work && w->t && w->terms;
    }
    if (!ok) {
        lip_witness_clear(w);
        return lip_fail_memory(err);
    }
    w->r = w->c + net->units;
    w->gr = w->gc + net->units * w->k;
    w->live = w->d + net->units;
    w->x = w->t + lip_inputs(net);
    return LIP_OK;
}

/* The phase of one neuron at the point, from the enclosure c +- r of z; false if undecided. */
static bool decide_neuron(const lip_witness *w, size_t unit, double c, double r) {
    lip_phase phase = w->use_region ? lip_preactivation_phase(w->bounds, unit) : LIP_UNSTABLE;
    double lo = lip_enclosure_lo(c, r), hi = lip_enclosure_hi(c, r);
    bool active = lo > 0 || phase == LIP_ACTIVE, inactive = hi < 0 || phase == LIP_INACTIVE;
    w->d[unit] = active && w->live[unit] != 0 ? 1 : 0;
    return active || inactive || w->live[unit] == 0;
}

/* Turn the enclosure of z into one of h = max(z, 0). */
static void rectify(double *c, double *r) {
    double lo = lip_enclosure_lo(*c, *r), hi = lip_enclosure_hi(*c, *r);
    if (lo >= 0 || (*c >= 0 && *r == 0)) return;
    *c = hi <= 0 || (*c <= 0 && *r == 0) ? 0 : hi / 2;
    *r = *c == 0 ? 0 : lip_up(*c);
}

/* The enclosure of h behind a live neuron is that of z (active) or exactly 0 (inactive). */
static bool decide_layer(lip_witness *w, size_t l) {
    const lip_layer *layer = &w->net->layer[l];
    double *c = w->c + layer->offset, *r = w->r + layer->offset;
    lip_enclose_layer(w->net, l, 1, w->c, w->r, c, r, w->work);
    lip_mark_live(w->net, l, w->live);
    for (size_t i = 0; i < layer->width; ++i) {
        size_t unit = layer->offset + i;
        w->d[unit] = 1;
        if (!isfinite(c[i]) || !isfinite(r[i])) return false;
        if (!layer->relu) continue;
        bool constant = w->live[unit] == 0;
        if (!decide_neuron(w, unit, c[i], r[i])) return false;
        if (constant)
            rectify(&c[i], &r[i]);
        else if (w->d[unit] == 0)
            c[i] = r[i] = w->live[unit] = 0;
    }
    return true;
}

bool lip_witness_decide(lip_witness *w, const double *x) {
    const lip_network *net = w->net;
    memcpy(w->c, x, lip_inputs(net) * sizeof *x);
    memset(w->r, 0, lip_inputs(net) * sizeof *x);
    for (size_t i = 0; i < lip_inputs(net); ++i) w->live[i] = 1;
    for (size_t l = 1; l <= net->layers; ++l)
        if (!decide_layer(w, l)) return false;
    memset(w->gc, 0, 2 * net->units * w->k * sizeof *w->gc);
    lip_output_block(net, &w->query->output, w->gc + net->layer[net->layers].offset * w->k);
    lip_enclose_reverse(net, w->k, w->d, w->d, w->gc, w->gr, w->terms, w->work);
    return true;
}

/* ||J t||_q from below, t = w->t: each component is a sum of n products. */
static double image_norm_down(lip_witness *w, size_t n) {
    double *c = w->work, *r = w->work + w->k, gamma = lip_gamma(n + 2);
    for (size_t j = 0; j < w->k; ++j) {
        double sum = 0, error = 0;
        for (size_t i = 0; i < n; ++i) {
            double g = w->gc[i * w->k + j], t = w->t[i];
            if (t == 0) continue;
            sum += g * t;
            error +=
                lip_magnitude(w->gr[i * w->k + j] + gamma * lip_magnitude(g)) * lip_magnitude(t);
        }
        c[j] = sum;
        r[j] = lip_sum_up(error, n + 4);
    }
    return lip_vector_norm_down(w->k, c, r, 1, w->query->norm_out);
}

bool lip_witness_lower(lip_witness *w, double *lower) {
    size_t n = lip_inputs(w->net);
    lip_norm p = w->query->norm_in, q = w->query->norm_out;
    if (!lip_best_direction(n, w->k, w->gc, p, q, w->t)) return false;
    for (size_t i = 0; w->k == 1 && p == LIP_NORM_INF && i < n; ++i)
        if (!(fabs(w->gc[i]) > w->gr[i])) w->t[i] = 0; /* an entry of unknown sign may only harm */
    double length = lip_vector_norm_up(n, w->t, NULL, 1, p);
    *lower = length > 0 ? lip_div_down(image_norm_down(w, n), length) : 0;
    if (!(*lower > 0)) *lower = 0;
    return true;
}

bool lip_witness_upper(lip_witness *w, size_t gram_limit, double *upper) {
    size_t n = lip_inputs(w->net);
    if (w->k == 1) {
        *upper = lip_vector_norm_up(n, w->gc, w->gr, 1, lip_norm_dual(w->query->norm_in));
        return true;
    }
    lip_op *mid = lip_op_dense(w->k, n), *rad = lip_op_dense(w->k, n);
    double a = INFINITY, b = INFINITY;
    bool ok = mid && rad;
    for (size_t i = 0; ok && i < n; ++i)
        for (size_t j = 0; j < w->k; ++j) {
            double c = w->gc[i * w->k + j], r = w->gr[i * w->k + j];
            bool finite = isfinite(c) && isfinite(r);
            mid->value[j * n + i] = finite ? c : INFINITY;
            rad->value[j * n + i] = finite ? r : INFINITY;
        }
    ok = ok && lip_norm_bound(mid, w->query->norm_in, w->query->norm_out, gram_limit, &a) &&
         lip_norm_bound(rad, w->query->norm_in, w->query->norm_out, gram_limit, &b);
    *upper = lip_add_up(a, b);
    lip_op_free(mid);
    lip_op_free(rad);
    return ok;
}

/* ---- Deep networks ----------------------------------------------------------------------- */

/* w->t = a good direction at w->x, in floating point. */
static bool plain_direction(lip_witness *w) {
    const lip_network *net = w->net;
    size_t n = lip_inputs(net);
    memcpy(w->c, w->x, n * sizeof *w->x);
    lip_forward(net, 1, w->c, w->r);
    lip_pattern(net, w->r, w->d);
    memset(w->gc, 0, net->units * w->k * sizeof *w->gc);
    lip_output_block(net, &w->query->output, w->gc + net->layer[net->layers].offset * w->k);
    lip_reverse(net, w->k, w->d, w->gc);
    return lip_best_direction(n, w->k, w->gc, w->query->norm_in, w->query->norm_out, w->t);
}

/* The same proof with errors that do not grow with depth (search/zonotope.h), for one direction. */
static bool confirm_deep(lip_witness *w, double *lower, bool *decided) {
    double *c = w->work, *r = w->work + w->k;
    if (!plain_direction(w)) return false;
    if (!lip_zonotope_tangent(w->net, &w->query->output, w->use_region ? w->bounds : NULL, w->x,
                              w->t, c, r, decided))
        return false;
    double length = lip_vector_norm_up(lip_inputs(w->net), w->t, NULL, 1, w->query->norm_in);
    double image = lip_vector_norm_down(w->k, c, r, 1, w->query->norm_out);
    *lower = *decided && length > 0 ? fmax(lip_div_down(image, length), 0) : 0;
    return true;
}

/* Plain intervals first; where they decide nothing, or nothing useful, the expensive way now and then. */
static bool confirm(lip_witness *w, int attempt, double *lower, bool *decided) {
    *decided = lip_witness_decide(w, w->x);
    if (*decided && !lip_witness_lower(w, lower)) return false;
    if (*lower > 0 || w->net->layers < DEEP || attempt % 3 != 0) return true;
    return confirm_deep(w, lower, decided);
}

/* ---- Offering points --------------------------------------------------------------------- */

/* w->x = a point of the region near x, at distance about `size` times its extent there. */
static void nudge(lip_witness *w, const double *x, double size, lip_rng *rng) {
    const lip_region *region = w->query->region;
    for (size_t i = 0; i < region->n; ++i) {
        double half = region->hi[i] / 2 - region->lo[i] / 2;
        if (!isfinite(half)) half = 1 + fabs(x[i]);
        double step = size * half * (2 * lip_rng_uniform(rng) - 1);
        w->x[i] = fmin(fmax(x[i] + step, region->lo[i]), region->hi[i]);
    }
    if (region->kind != LIP_BALL || lip_region_contains(region, w->x)) return;
    double pull = 1 - 4 * size - 1e-14 * sqrt((double)region->n);
    for (size_t i = 0; i < region->n; ++i)
        w->x[i] = region->centre[i] + pull * (w->x[i] - region->centre[i]);
}

static lip_status store_witness(const lip_witness *w, lip_task *task, double lower,
                                const char *method, lip_error *err) {
    lip_result *result = task->result;
    size_t n = lip_inputs(w->net);
    if (!result->witness_x) {
        double *x = LIP_NEW(double, n), *t = LIP_NEW(double, n);
        if (!x || !t) {
            free(x);
            free(t);
            return lip_fail_memory(err);
        }
        result->witness_x = x;
        result->witness_t = t;
    }
    memcpy(result->witness_x, w->x, n * sizeof *w->x);
    memcpy(result->witness_t, w->t, n * sizeof *w->t);
    result->proof->witness_uses_bounds = w->use_region;
    result->lower = task->watch.bounds.lower = lower;
    result->lower_method = method;
    return LIP_OK;
}

lip_status lip_witness_offer(lip_witness *w, lip_task *task, const double *x, lip_rng *rng,
                             lip_step *step, lip_error *err) {
    for (int attempt = 0; attempt < ATTEMPTS && w->failures < MOST_FAILURES; ++attempt) {
        if (attempt > 0 && lip_watch_expired(&task->watch)) return LIP_OK;
        nudge(w, x, attempt == 0 ? 0 : 1e-12 * pow(10, attempt), rng);
        if (!lip_region_contains(w->query->region, w->x)) continue;
        double lower = 0;
        bool decided = false;
        w->use_region = attempt == ATTEMPTS - 1;
        if (!confirm(w, attempt, &lower, &decided)) return lip_fail_memory(err);
        if (!decided) continue;
        w->failures = 0;
        if (lower > step->value) step->value = lower;
        if (lower > task->result->lower) return store_witness(w, task, lower, step->method, err);
        return LIP_OK;
    }
    ++w->failures;
    return LIP_OK;
}

void lip_witness_explain(const lip_witness *w, lip_step *step) {
    if (step->value == 0 && w->failures > 0)
        snprintf(step->note, sizeof step->note,
                 "%zu points tried, interval arithmetic could not decide every phase at any",
                 w->failures);
}

static lip_status gradient_norm(const lip_network *net, const lip_query *query, const double *x,
                                double *lower, double *upper, bool *decided, lip_error *err) {
    lip_preactivation bounds;
    lip_witness w;
    lip_status status = lip_query_check(net, query, err);
    for (size_t i = 0; status == LIP_OK && i < lip_inputs(net); ++i)
        if (!isfinite(x[i]))
            status = lip_fail(err, LIP_ARGUMENT, NULL,
                              "expected a finite input, but entry %zu is %g", i, x[i]);
    if (status == LIP_OK && !lip_region_contains(query->region, x))
        status = lip_fail(err, LIP_ARGUMENT, NULL, "the point lies outside the region");
    if (status != LIP_OK) return status;
    status = lip_preactivation_create(net, query->region, false, NULL, &bounds, err);
    if (status != LIP_OK) return status;
    status = lip_witness_create(net, query, &bounds, &w, err);
    if (status == LIP_OK) {
        double lo = 0, hi = INFINITY;
        w.use_region = true;
        bool sure = lip_witness_decide(&w, x);
        size_t limit = 4096;
        if (sure && (!lip_witness_lower(&w, &lo) || !lip_witness_upper(&w, limit, &hi)))
            status = lip_fail_memory(err);
        if (status == LIP_OK) {
            *lower = lo;
            *upper = hi;
            *decided = sure;
        }
        lip_witness_clear(&w);
    }
    lip_preactivation_clear(&bounds);
    return status;
}

lip_status lip_gradient_norm(const lip_network *net, const lip_query *query, const double *x,
                             double *lower, double *upper, bool *decided, lip_error *err) {
    fenv_t saved;
    lip_floating_enter(&saved);
    lip_status status = gradient_norm(net, query, x, lower, upper, decided, err);
    lip_floating_leave(&saved);
    return status;
}
