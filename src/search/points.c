#include "search/points.h"

#include "base/memory.h"
#include "search/direction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Beyond distance |b_i| / ||a_i||_2 from the origin neuron i can have either sign; ten times the
 * largest such distance over the first layer, at least 1, reaches most patterns at infinity too. */
static bool reach_of_kinks(const lip_network *net, double *reach) {
    *reach = 1;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (!layer->relu || layer->nterms != 1 || layer->term[0].source != 0) continue;
        double *one = LIP_NEW(double, lip_inputs(net)), *sum = LIP_NEW(double, layer->width);
        bool ok = one && sum;
        if (ok) {
            for (size_t i = 0; i < lip_inputs(net); ++i) one[i] = 1;
            lip_op_apply(layer->term[0].magnitude, 1, one, sum);
            for (size_t i = 0; i < layer->width; ++i)
                if (sum[i] > 0)
                    *reach =
                        fmax(*reach, fabs(layer->bias[i]) * sqrt((double)lip_inputs(net)) / sum[i]);
        }
        free(one);
        free(sum);
        if (!ok) return false;
    }
    *reach = fmin(10 * *reach, 1e6);
    return true;
}

bool lip_chart_create(const lip_network *net, const lip_region *region, lip_chart *chart) {
    double reach = 0;
    chart->region = region;
    chart->spread = 100;
    chart->centre = LIP_NEW(double, region->n);
    chart->half = LIP_NEW(double, region->n);
    bool ok = chart->centre && chart->half;
    if (ok && region->kind == LIP_EVERYWHERE) ok = reach_of_kinks(net, &reach);
    for (size_t i = 0; ok && i < region->n; ++i) {
        chart->centre[i] = region->centre[i];
        chart->half[i] = region->kind == LIP_EVERYWHERE ? reach
                         : region->kind == LIP_BALL     ? region->radius
                                                        : region->hi[i] / 2 - region->lo[i] / 2;
    }
    if (!ok) lip_chart_clear(chart);
    return ok;
}

void lip_chart_clear(lip_chart *chart) {
    free(chart->centre);
    free(chart->half);
    chart->centre = chart->half = NULL;
}

void lip_chart_draw(const lip_chart *chart, lip_rng *rng, size_t k, size_t j, double *xi) {
    size_t n = chart->region->n;
    if (chart->region->kind == LIP_BALL) {
        double square = 0;
        for (size_t i = 0; i < n; ++i) {
            double a = xi[i * k + j] = lip_rng_gaussian(rng);
            square += a * a;
        }
        double scale = pow(lip_rng_uniform(rng), 1 / (double)n) / sqrt(fmax(square, 1e-300));
        for (size_t i = 0; i < n; ++i) xi[i * k + j] *= scale;
        return;
    }
    double size = 1;
    if (chart->region->kind == LIP_EVERYWHERE) /* one in four from far away, for kinks out there */
        size = pow(lip_rng_next(rng) % 4 == 0 ? 1e-6 : chart->spread, -lip_rng_uniform(rng));
    for (size_t i = 0; i < n; ++i) xi[i * k + j] = size * (2 * lip_rng_uniform(rng) - 1);
}

void lip_chart_project(const lip_chart *chart, size_t k, double *xi) {
    size_t n = chart->region->n;
    if (chart->region->kind != LIP_BALL) {
        for (size_t i = 0; i < n * k; ++i) xi[i] = fmin(fmax(xi[i], -1), 1);
        return;
    }
    for (size_t j = 0; j < k; ++j) {
        double square = 0;
        for (size_t i = 0; i < n; ++i) square += xi[i * k + j] * xi[i * k + j];
        if (square <= 1) continue;
        for (size_t i = 0; i < n; ++i) xi[i * k + j] /= sqrt(square);
    }
}

void lip_chart_points(const lip_chart *chart, size_t k, const double *xi, double *x) {
    const lip_region *region = chart->region;
    for (size_t i = 0; i < region->n; ++i)
        for (size_t j = 0; j < k; ++j) {
            double v = chart->centre[i] + chart->half[i] * xi[i * k + j];
            x[i * k + j] = fmin(fmax(v, region->lo[i]), region->hi[i]);
        }
}

void lip_reverse_columns(const lip_network *net, size_t k, const double *d, double *g) {
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        double *gl = g + layer->offset * k;
        const double *dl = d + layer->offset * k;
        for (size_t i = 0; layer->relu && i < layer->width * k; ++i) gl[i] *= dl[i];
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_adjoint(layer->term[t].op, k, gl,
                           g + net->layer[layer->term[t].source].offset * k);
    }
}

/* The output block repeated for every point. */
static void fill_outputs(const lip_network *net, const lip_output *output, size_t points,
                         double *out) {
    size_t m = lip_outputs(net), k = lip_output_rows(net, output);
    memset(out, 0, m * k * points * sizeof *out);
    for (size_t p = 0; p < points; ++p) {
        if (output->kind == LIP_OUTPUT_ALL) {
            for (size_t i = 0; i < m; ++i) out[i * k * points + p * k + i] = 1;
        } else {
            out[output->i * points + p] = 1;
            if (output->kind == LIP_OUTPUT_MARGIN) out[output->j * points + p] = -1;
        }
    }
}

void lip_jacobians(const lip_network *net, const lip_output *output, size_t points, const double *z,
                   double *g) {
    size_t k = lip_output_rows(net, output), columns = points * k;
    memset(g, 0, net->units * columns * sizeof *g);
    fill_outputs(net, output, points, g + net->layer[net->layers].offset * columns);
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        double *gl = g + layer->offset * columns;
        const double *zl = z + layer->offset * points;
        for (size_t i = 0; layer->relu && i < layer->width * points; ++i)
            if (!(zl[i] > 0)) memset(gl + i * k, 0, k * sizeof *gl);
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_adjoint(layer->term[t].op, columns, gl,
                           g + net->layer[layer->term[t].source].offset * columns);
    }
}

bool lip_jacobian_norms(const lip_network *net, const lip_query *query, size_t points,
                        const double *g, double *norm) {
    size_t n = lip_inputs(net), k = lip_output_rows(net, &query->output), block;
    double *gt = lip_multiply_sizes(n, k + 1, &block) ? LIP_NEW(double, block) : NULL;
    if (!gt) return false;
    bool ok = true;
    for (size_t p = 0; ok && p < points; ++p) {
        for (size_t i = 0; i < n; ++i) memcpy(gt + i * k, g + (i * points + p) * k, k * sizeof *gt);
        ok = lip_estimate_norm(n, k, gt, query->norm_in, query->norm_out, gt + n * k, &norm[p]);
    }
    free(gt);
    return ok;
}
