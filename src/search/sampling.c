/* LBS, lower bound by sampling (Chen, Lasserre, Magron, Pauwels 2020, section 4): draw points of the
 * region at random, take the largest gradient norm, and confirm it by interval evaluation. */
#include "base/error.h"
#include "base/memory.h"
#include "problem/task.h"
#include "search/points.h"
#include "search/witness.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS = 32 };

typedef struct sampler {
    lip_chart chart;
    lip_witness witness;
    lip_rng rng;
    size_t points; /* per batch */
    double *xi, *h, *z, *g;
    double norm[POINTS];
    double best; /* largest norm seen, floating point */
    double *x;   /* its point */
} sampler;

static void sampler_clear(sampler *s) {
    lip_chart_clear(&s->chart);
    lip_witness_clear(&s->witness);
    free(s->xi);
    free(s->h);
    free(s->g);
    free(s->x);
}

/* About 2^22 numbers of cotangents at a time, so that many outputs do not need much memory. */
static size_t batch_size(size_t units, size_t k) {
    size_t points = ((size_t)1 << 22) / (units * k + 1);
    return points < 1 ? 1 : points > POINTS ? POINTS : points;
}

static lip_status sampler_create(lip_task *task, sampler *s, lip_error *err) {
    const lip_network *net = task->net;
    size_t n = lip_inputs(net), k = lip_output_rows(net, &task->query->output), block;
    memset(s, 0, sizeof *s);
    lip_rng_seed(&s->rng, (uint64_t)task->settings->seed);
    s->points = batch_size(net->units, k);
    if (!lip_chart_create(net, task->query->region, &s->chart)) return lip_fail_memory(err);
    s->xi = LIP_NEW(double, n * s->points);
    s->h = LIP_NEW(double, 2 * net->units * s->points);
    s->g = lip_multiply_sizes(net->units * s->points, k, &block) ? LIP_NEW(double, block) : NULL;
    s->x = LIP_NEW(double, n);
    if (!s->xi || !s->h || !s->g || !s->x) return lip_fail_memory(err);
    s->z = s->h + net->units * s->points;
    return lip_witness_create(net, task->query, &task->bounds, &s->witness, err);
}

/* Draw and evaluate one batch; true in *improved if one point beats all earlier ones. */
static lip_status run_batch(lip_task *task, sampler *s, bool centre, bool *improved,
                            lip_error *err) {
    const lip_network *net = task->net;
    size_t n = lip_inputs(net), k = s->points;
    for (size_t j = 0; j < k; ++j) lip_chart_draw(&s->chart, &s->rng, k, j, s->xi);
    for (size_t i = 0; centre && i < n; ++i) s->xi[i * k] = 0;
    lip_chart_points(&s->chart, k, s->xi, s->h);
    lip_forward(net, k, s->h, s->z);
    lip_jacobians(net, &task->query->output, k, s->z, s->g);
    if (!lip_jacobian_norms(net, task->query, k, s->g, s->norm)) return lip_fail_memory(err);
    for (size_t j = 0; j < k; ++j) {
        if (!(s->norm[j] > s->best)) continue;
        s->best = s->norm[j];
        *improved = true;
        for (size_t i = 0; i < n; ++i) s->x[i] = s->h[i * k + j];
    }
    return LIP_OK;
}

lip_status lip_sampling_method(lip_task *task, lip_step *step, lip_error *err) {
    sampler s;
    lip_status status = sampler_create(task, &s, err);
    size_t wanted = (size_t)task->settings->samples, drawn = 0;
    s.best = 0;
    while (status == LIP_OK && drawn < wanted) {
        bool improved = false;
        status = run_batch(task, &s, drawn == 0, &improved, err);
        drawn += s.points;
        if (status == LIP_OK && improved) {
            status = lip_witness_offer(&s.witness, task, s.x, &s.rng, step, err);
            s.best = step->value; /* a norm that could not be confirmed must not hide others */
        }
        if (lip_watch_expired(&task->watch)) break;
    }
    step->complete = drawn >= wanted;
    lip_witness_explain(&s.witness, step);
    sampler_clear(&s);
    return status;
}
