/* Interval Jacobian: on the region the derivative of a stable neuron is 1 or 0, that of an unstable one
 * lies in [0, 1].  A reverse pass in interval arithmetic encloses every Jacobian, entry by entry; the
 * norm of the entrywise largest magnitudes bounds L.  For p = q = 2 the midpoint and radius matrices
 * are bounded apart as well, ||J|| <= ||C|| + ||R||, and the smaller value counts.
 * (As in Fast-Lip, Weng et al. 2018, with proved rounding.) */
#include "base/error.h"
#include "base/memory.h"
#include "linalg/norms.h"
#include "net/enclose.h"
#include "problem/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* J as intervals: block of n rows (inputs) and k columns (selected outputs), midpoints and radii. */
typedef struct jacobian_work {
    size_t k;
    double *c, *r, *d, *work;
    size_t *terms;
} jacobian_work;

static void work_clear(jacobian_work *w) {
    free(w->c);
    free(w->r);
    free(w->d);
    free(w->work);
    free(w->terms);
}

static bool work_create(const lip_network *net, size_t k, jacobian_work *w) {
    size_t block, wide;
    memset(w, 0, sizeof *w);
    w->k = k;
    if (!lip_multiply_sizes(net->units, k, &block) ||
        !lip_multiply_sizes(lip_widest(net), k, &wide))
        return false;
    w->c = LIP_NEW(double, block);
    w->r = LIP_NEW(double, block);
    w->d = LIP_NEW(double, 2 * net->units);
    w->work = LIP_NEW(double, wide);
    w->terms = LIP_NEW(size_t, net->layers + 1);
    return w->c && w->r && w->d && w->work && w->terms;
}

/* A dense operator of k rows from the input block, entry = pick(c, r); NULL if memory is short. */
static lip_op *matrix_from(const jacobian_work *w, size_t n, double (*pick)(double, double)) {
    lip_op *op = lip_op_dense(w->k, n);
    for (size_t i = 0; op && i < n; ++i)
        for (size_t j = 0; j < w->k; ++j)
            op->value[j * n + i] = pick(w->c[i * w->k + j], w->r[i * w->k + j]);
    return op;
}

static double pick_magnitude(double c, double r) {
    double a = fmax(-lip_enclosure_lo(c, r), lip_enclosure_hi(c, r));
    return c == 0 && r == 0 ? 0 : isnan(a) ? INFINITY : a;
}
static double pick_midpoint(double c, double r) {
    (void)r;
    return c;
}
static double pick_radius(double c, double r) {
    (void)c;
    return r;
}

/* The norm of a matrix; *spectral is the 2 -> 2 norm if a Gram matrix proved it, otherwise 0. */
static bool norm_of(const lip_task *task, const jacobian_work *w, double (*pick)(double, double),
                    double *bound, double *spectral) {
    lip_op *op = matrix_from(w, lip_inputs(task->net), pick);
    lip_norm p = task->query->norm_in, q = task->query->norm_out;
    size_t limit = p == LIP_NORM_2 && q == LIP_NORM_2 ? (size_t)task->settings->gram_limit : 0;
    lip_norm_table table;
    bool ok = op && lip_norm_bounds(op, limit, &table);
    if (ok) *bound = table.value[p - 1][q - 1];
    if (ok) *spectral = table.spectral;
    lip_op_free(op);
    return ok;
}

static void put_line(lip_text *text, const char *name, double spectral) {
    if (spectral > 0) lip_text_reals(text, name, 1, &spectral);
}

/* The smaller of the norm of the magnitudes and, for p = q = 2, the sum of the norms of midpoint and
 * radius.  The statement names the spectral norms that this needs. */
static bool bound_norm(lip_task *task, const jacobian_work *w, double *bound) {
    double mid, rad, spectral, spectral_mid, spectral_rad;
    lip_text *text = &task->statement.text;
    task->statement.uses_bounds = true;
    lip_text_word(text, "statement interval\n");
    if (!norm_of(task, w, pick_magnitude, bound, &spectral)) return false;
    if (task->query->norm_in == LIP_NORM_2 && task->query->norm_out == LIP_NORM_2) {
        if (!norm_of(task, w, pick_midpoint, &mid, &spectral_mid) ||
            !norm_of(task, w, pick_radius, &rad, &spectral_rad))
            return false;
        put_line(text, "magnitude", spectral);
        put_line(text, "midpoint", spectral_mid);
        put_line(text, "radius", spectral_rad);
        *bound = fmin(*bound, nextafter(mid + rad, INFINITY));
    }
    *bound = lip_claim(*bound);
    return true;
}

lip_status lip_interval_method(lip_task *task, lip_step *step, lip_error *err) {
    const lip_network *net = task->net;
    jacobian_work w;
    bool ok = work_create(net, lip_output_rows(net, &task->query->output), &w);
    if (ok && !lip_watch_expired(&task->watch)) {
        lip_preactivation_derivatives(net, &task->bounds, w.d, w.d + net->units);
        lip_output_block(net, &task->query->output, w.c + net->layer[net->layers].offset * w.k);
        lip_enclose_reverse(net, w.k, w.d, w.d + net->units, w.c, w.r, w.terms, w.work);
        ok = bound_norm(task, &w, &step->value);
        step->complete = ok;
    }
    work_clear(&w);
    return ok ? LIP_OK : lip_fail_memory(err);
}
