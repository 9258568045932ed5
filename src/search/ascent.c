/* Annealed ascent of the gradient norm.
 *
 * The norm of the Jacobian is piecewise constant in x, so that its gradient says nothing.  Replace the
 * phase of each neuron by a sigmoid of width tau,
 *
 *     y_l = sum A v_source,   v_l = sigma(z_l / tau_l) y_l,   v_0 = t,    F(x, t, s) = s' C v_out,
 *
 * while z_l stays the true pre-activation.  For fixed t and s, F is differentiable in x; one reverse
 * pass through z and v together gives its gradient.  Adam (Kingma and Ba 2015) moves x; t and s are
 * replaced by the maximisers of F for the others fixed, which is alternating maximisation of the norm.
 * tau shrinks over a sweep, so that F approaches the true directional derivative.  Many starting points
 * move together as the columns of one block.
 *
 * Nothing here is a bound: points whose true gradient norm is a new record go to lip_witness_offer. */
#include "search/ascent.h"

#include "base/error.h"
#include "base/memory.h"
#include "linalg/norms.h"
#include "problem/task.h"
#include "search/cell.h"
#include "search/direction.h"
#include "search/points.h"
#include "search/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct lip_ascent ascent;

enum { LOOK = 10 }; /* steps between evaluations of the true norm */

/* Widths and rates of the sweeps, in turn: tau from first to last (relative to the spread of z). */
static const struct schedule {
    double first, last, rate;
} schedules[] = {{1.0, 0.02, 0.1}, {0.5, 0.01, 0.05}, {2.0, 0.05, 0.1}, {0.3, 0.003, 0.05}};

struct lip_ascent {
    lip_task *task;
    const lip_network *net;
    lip_chart chart;
    lip_witness witness;
    lip_rng rng;
    size_t k;             /* starting points */
    size_t m;             /* outputs of the network */
    double *xi, *m1, *m2; /* n * k: search coordinates and Adam's moments */
    double *h, *z;        /* units * k: values */
    double *v, *y;        /* units * k: smoothed tangents behind and before the mask */
    double *mask;         /* units * k: sigma */
    double *gh, *gv;      /* units * k: cotangents of h (then z) and of v (then y) */
    double *scale;        /* units: spread of z */
    double *out, *s;      /* m * k: C'-image of s; rows * k: dual vectors */
    double *x;            /* n: candidate */
    double *record;       /* k: best true value per column in this sweep */
};

void lip_ascent_free(lip_ascent *a) {
    if (!a) return;
    lip_chart_clear(&a->chart);
    lip_witness_clear(&a->witness);
    free(a->xi);
    free(a->h);
    free(a->scale);
    free(a->out);
    free(a->x);
    free(a->record);
    free(a);
}

/* As many columns as were asked for, fewer if the blocks would exceed about a gigabyte. */
static size_t columns(const lip_task *task, int starts) {
    size_t limit = ((size_t)1 << 27) / (8 * task->net->units + 1), wanted = (size_t)starts;
    return limit < 1 ? 1 : wanted < limit ? wanted : limit;
}

static lip_status create(lip_task *task, int starts, ascent *a, lip_error *err) {
    const lip_network *net = task->net;
    size_t n = lip_inputs(net), rows = lip_output_rows(net, &task->query->output), k, all;
    a->task = task;
    a->net = net;
    a->k = k = columns(task, starts);
    a->m = lip_outputs(net);
    lip_rng_seed(&a->rng, (uint64_t)task->settings->seed + 1);
    if (!lip_chart_create(net, task->query->region, &a->chart)) return lip_fail_memory(err);
    bool ok = lip_multiply_sizes(net->units, 8 * k, &all);
    if (ok) {
        a->xi = LIP_NEW(double, 3 * n * k);
        a->h = LIP_NEW(double, 7 * net->units * k);
        a->scale = LIP_NEW(double, net->units);
        a->out = LIP_NEW(double, (a->m + rows) * k);
        a->x = LIP_NEW(double, n);
        a->record = LIP_NEW(double, k);
        ok = a->xi && a->h && a->scale && a->out && a->x && a->record;
    }
    if (!ok) return lip_fail_memory(err);
    a->m1 = a->xi + n * k;
    a->m2 = a->m1 + n * k;
    double **blocks[] = {&a->z, &a->v, &a->y, &a->mask, &a->gh, &a->gv};
    for (size_t i = 0; i < 6; ++i) *blocks[i] = a->h + (i + 1) * net->units * k;
    a->s = a->out + a->m * k;
    return lip_witness_create(net, task->query, &task->bounds, &a->witness, err);
}

lip_status lip_ascent_create(lip_task *task, int starts, lip_ascent **out, lip_error *err) {
    ascent *a = LIP_NEW(ascent, 1);
    if (!a) return lip_fail_memory(err);
    lip_status status = create(task, starts, a, err);
    if (status == LIP_OK)
        *out = a;
    else
        lip_ascent_free(a);
    return status;
}

void lip_ascent_explain(const lip_ascent *a, lip_step *step) {
    lip_witness_explain(&a->witness, step);
}

double lip_ascent_step_work(const lip_ascent *a) {
    return (4 * lip_network_work(a->net) + 20 * (double)a->net->units) * (double)a->k;
}

/* ---- One evaluation of F and its gradient ------------------------------------------------ */

static double sigmoid(double a) { return a > 40 ? 1 : a < -40 ? 0 : 1 / (1 + exp(-a)); }

/* Masks from z, and v, y forwards from v_0 = t (already in v). */
static void forward_tangents(ascent *a, double tau) {
    const lip_network *net = a->net;
    size_t k = a->k;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        size_t first = layer->offset * k;
        memset(a->y + first, 0, layer->width * k * sizeof *a->y);
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_apply(layer->term[t].op, k, a->v + net->layer[layer->term[t].source].offset * k,
                         a->y + first);
        for (size_t i = 0; i < layer->width; ++i) {
            double width = tau * a->scale[layer->offset + i];
            for (size_t j = first + i * k; j < first + (i + 1) * k; ++j) {
                a->mask[j] = layer->relu ? sigmoid(a->z[j] / width) : 1;
                a->v[j] = a->mask[j] * a->y[j];
            }
        }
    }
}

/* Rows r of the selected outputs of v, as a k-column block, into `rows`. */
static void select_outputs(const ascent *a, const double *out, double *rows) {
    const lip_output *o = &a->task->query->output;
    size_t k = a->k;
    if (o->kind == LIP_OUTPUT_ALL) {
        memcpy(rows, out, a->m * k * sizeof *rows);
        return;
    }
    for (size_t j = 0; j < k; ++j) {
        rows[j] = out[o->i * k + j];
        if (o->kind == LIP_OUTPUT_MARGIN) rows[j] -= out[o->j * k + j];
    }
}

/* out = C' s for every column. */
static void spread_outputs(const ascent *a, const double *s, double *out) {
    const lip_output *o = &a->task->query->output;
    size_t k = a->k;
    if (o->kind == LIP_OUTPUT_ALL) {
        memcpy(out, s, a->m * k * sizeof *out);
        return;
    }
    memset(out, 0, a->m * k * sizeof *out);
    for (size_t j = 0; j < k; ++j) {
        out[o->i * k + j] = s[j];
        if (o->kind == LIP_OUTPUT_MARGIN) out[o->j * k + j] = -s[j];
    }
}

/* s = the dual maximiser of the selected outputs' tangents; a single output keeps s = 1, whose sign
 * the maximiser t takes care of. */
static void choose_dual(ascent *a) {
    size_t rows = lip_output_rows(a->net, &a->task->query->output), k = a->k;
    lip_norm q = a->task->query->norm_out;
    if (rows == 1) {
        for (size_t j = 0; j < k; ++j) a->s[j] = 1;
        return;
    }
    select_outputs(a, a->v + a->net->layer[a->net->layers].offset * k, a->s);
    for (size_t j = 0; j < k; ++j)
        lip_dual_maximiser(rows, a->s + j, k, lip_norm_dual(q), a->s + j);
}

/* Cotangents of x (input block of gh) and t (input block of gv) of F = s' C v_out. */
static void reverse_tangents(ascent *a, double tau) {
    const lip_network *net = a->net;
    size_t k = a->k;
    memset(a->gh, 0, net->units * k * sizeof *a->gh);
    memset(a->gv, 0, net->units * k * sizeof *a->gv);
    spread_outputs(a, a->s, a->gv + net->layer[net->layers].offset * k);
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = 0; i < layer->width; ++i) {
            double width = tau * a->scale[layer->offset + i];
            size_t first = (layer->offset + i) * k;
            for (size_t j = first; layer->relu && j < first + k; ++j) {
                double slope = a->mask[j] * (1 - a->mask[j]) / width;
                a->gh[j] = (a->z[j] > 0 ? a->gh[j] : 0) + a->gv[j] * a->y[j] * slope;
                a->gv[j] *= a->mask[j];
            }
        }
        for (size_t t = 0; t < layer->nterms; ++t) {
            size_t to = net->layer[layer->term[t].source].offset * k;
            lip_op_adjoint(layer->term[t].op, k, a->gh + layer->offset * k, a->gh + to);
            lip_op_adjoint(layer->term[t].op, k, a->gv + layer->offset * k, a->gv + to);
        }
    }
}

/* ---- Steps and sweeps -------------------------------------------------------------------- */

static void evaluate_points(ascent *a) {
    lip_chart_points(&a->chart, a->k, a->xi, a->h);
    lip_forward(a->net, a->k, a->h, a->z);
}

static void adam_step(ascent *a, int step, double rate) {
    size_t n = lip_inputs(a->net), k = a->k;
    double c1 = 1 - pow(0.9, step + 1), c2 = 1 - pow(0.99, step + 1);
    for (size_t i = 0; i < n; ++i)
        for (size_t e = i * k; e < (i + 1) * k; ++e) {
            double g = a->gh[e] * a->chart.half[i];
            a->m1[e] = 0.9 * a->m1[e] + 0.1 * g;
            a->m2[e] = 0.99 * a->m2[e] + 0.01 * g * g;
            a->xi[e] += rate * (a->m1[e] / c1) / (sqrt(a->m2[e] / c2) + 1e-30);
        }
    lip_chart_project(&a->chart, k, a->xi);
}

/* t = the maximiser of F for the cotangent just computed. */
static void choose_directions(ascent *a) {
    for (size_t j = 0; j < a->k; ++j)
        lip_dual_maximiser(lip_inputs(a->net), a->gv + j, a->k, a->task->query->norm_in, a->v + j);
}

/* With the true phases as masks and s fixed, the dual norm of J' s is at most the true norm; columns
 * that set their own record are offered. */
static lip_status look(ascent *a, lip_step *step, lip_error *err) {
    size_t n = lip_inputs(a->net), k = a->k;
    lip_norm dual = lip_norm_dual(a->task->query->norm_in);
    for (size_t i = 0; i < a->net->units * k; ++i) a->mask[i] = a->z[i] > 0 ? 1 : 0;
    memset(a->gv, 0, a->net->units * k * sizeof *a->gv);
    spread_outputs(a, a->s, a->gv + a->net->layer[a->net->layers].offset * k);
    lip_reverse_columns(a->net, k, a->mask, a->gv);
    /* for several outputs the value is below the true norm: give points a little below a chance */
    bool several = lip_output_rows(a->net, &a->task->query->output) > 1;
    double threshold = several ? 0.8 * step->value : step->value;
    lip_status status = LIP_OK;
    for (size_t j = 0; status == LIP_OK && j < k; ++j) {
        for (size_t i = 0; i < n; ++i) a->x[i] = a->gv[i * k + j];
        double value = lip_plain_norm(n, a->x, dual);
        if (!(value > a->record[j])) continue;
        a->record[j] = value;
        if (!(value > threshold)) continue;
        for (size_t i = 0; i < n; ++i) a->x[i] = a->h[i * k + j];
        status = lip_witness_offer(&a->witness, a->task, a->x, &a->rng, step, err);
    }
    return status;
}

/* Spread of z over the starting points of this sweep: the unit of tau. */
static void measure_spread(ascent *a) {
    size_t k = a->k;
    for (size_t u = lip_inputs(a->net); u < a->net->units; ++u) {
        double sum = 0, square = 0;
        for (size_t j = 0; j < k; ++j) sum += a->z[u * k + j];
        double mean = sum / (double)k;
        for (size_t j = 0; j < k; ++j)
            square += (a->z[u * k + j] - mean) * (a->z[u * k + j] - mean);
        double spread = sqrt(square / (double)k) * 1.7; /* uniform: half-width of its range */
        a->scale[u] = fmax(spread, 1e-9 * fabs(mean) + 1e-200);
    }
}

/* Column j starts near the best witness so far, at a distance of about a quarter of its own size. */
static void start_near_witness(ascent *a, size_t j) {
    size_t n = lip_inputs(a->net), k = a->k;
    const double *x = a->task->result->witness_x;
    double size = 1e-3;
    for (size_t i = 0; i < n; ++i) {
        double half = a->chart.half[i];
        a->xi[i * k + j] = half > 0 ? (x[i] - a->chart.centre[i]) / half : 0;
        size = fmax(size, fabs(a->xi[i * k + j]));
    }
    for (size_t i = 0; i < n; ++i)
        a->xi[i * k + j] += 0.25 * size * (2 * lip_rng_uniform(&a->rng) - 1);
}

/* All columns start at random; from the second sweep on every other one near the best witness. */
static void start_sweep(ascent *a, bool first) {
    size_t n = lip_inputs(a->net), k = a->k;
    memset(a->m1, 0, n * k * sizeof *a->m1);
    memset(a->m2, 0, n * k * sizeof *a->m2);
    for (size_t j = 0; j < k; ++j) {
        if (!first && j % 2 == 1 && a->task->result->witness_x)
            start_near_witness(a, j);
        else
            lip_chart_draw(&a->chart, &a->rng, k, j, a->xi);
        a->record[j] = 0;
        for (size_t i = 0; i < n; ++i) a->v[i * k + j] = lip_rng_gaussian(&a->rng);
    }
    lip_chart_project(&a->chart, k, a->xi);
    evaluate_points(a);
    measure_spread(a);
}

lip_status lip_ascent_sweep(lip_ascent *a, int number, int steps, double deadline, lip_step *step,
                            lip_error *err) {
    const struct schedule *plan = &schedules[number % 4];
    lip_status status = LIP_OK;
    start_sweep(a, number == 0);
    for (int i = 0; status == LIP_OK && i < steps; ++i) {
        double f = steps > 1 ? (double)i / (steps - 1) : 1;
        double tau = plan->first * pow(plan->last / plan->first, f);
        forward_tangents(a, tau);
        choose_dual(a);
        reverse_tangents(a, tau);
        adam_step(a, i, plan->rate * (1 - f) + 0.002);
        choose_directions(a);
        evaluate_points(a);
        if (i % LOOK == LOOK - 1 || i == steps - 1) status = look(a, step, err);
        if (lip_watch_expired(&a->task->watch) || lip_clock_now() >= deadline) break;
    }
    return status;
}

lip_status lip_ascent_method(lip_task *task, lip_step *step, lip_error *err) {
    lip_ascent *a;
    lip_status status = lip_ascent_create(task, task->settings->starts, &a, err);
    if (status != LIP_OK) return status;
    int sweeps = task->settings->sweeps, done = 0;
    for (; status == LIP_OK && done < sweeps && !lip_watch_expired(&task->watch); ++done)
        status = lip_ascent_sweep(a, done, task->settings->steps, INFINITY, step, err);
    step->complete = status == LIP_OK && task->watch.stop == LIP_FINISHED;
    lip_ascent_explain(a, step);
    lip_ascent_free(a);
    return status;
}
