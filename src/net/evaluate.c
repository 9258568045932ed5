/* Floating-point evaluation: forward values, phases, and the reverse pass that gives Jacobians. */
#include "base/error.h"
#include "base/memory.h"
#include "net/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_bias(const lip_layer *layer, size_t k, double *z) {
    for (size_t i = 0; i < layer->width; ++i)
        for (size_t j = 0; j < k; ++j) z[i * k + j] = layer->bias[i];
}

void lip_forward(const lip_network *net, size_t k, double *h, double *z) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        double *zl = z + layer->offset * k, *hl = h + layer->offset * k;
        add_bias(layer, k, zl);
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_apply(layer->term[t].op, k, h + net->layer[layer->term[t].source].offset * k,
                         zl);
        for (size_t i = 0; i < layer->width * k; ++i)
            hl[i] = layer->relu && !(zl[i] > 0) ? 0 : zl[i];
    }
}

void lip_reverse(const lip_network *net, size_t k, const double *d, double *g) {
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        double *gl = g + layer->offset * k;
        for (size_t i = 0; i < layer->width; ++i)
            for (size_t j = 0; j < k; ++j) gl[i * k + j] *= d[layer->offset + i];
        for (size_t t = 0; t < layer->nterms; ++t)
            lip_op_adjoint(layer->term[t].op, k, gl,
                           g + net->layer[layer->term[t].source].offset * k);
    }
}

void lip_pattern(const lip_network *net, const double *z, double *d) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = layer->offset; i < layer->offset + layer->width; ++i)
            d[i] = !layer->relu || z[i] > 0 ? 1 : 0;
    }
}

/* ---- The public calls -------------------------------------------------------------------- */

/* h, z and d for one point, in one allocation; NULL if memory is short. */
typedef struct point_state {
    double *h, *z, *d;
} point_state;

static bool point_create(const lip_network *net, const double *x, point_state *s) {
    s->h = LIP_NEW(double, 3 * net->units);
    if (!s->h) return false;
    s->z = s->h + net->units;
    s->d = s->z + net->units;
    memcpy(s->h, x, lip_inputs(net) * sizeof *x);
    lip_forward(net, 1, s->h, s->z);
    lip_pattern(net, s->z, s->d);
    return true;
}

static lip_status check_point(const lip_network *net, const double *x, lip_error *err) {
    for (size_t i = 0; i < lip_inputs(net); ++i)
        if (!isfinite(x[i]))
            return lip_fail(err, LIP_ARGUMENT, NULL, "expected a finite input, but entry %zu is %g",
                            i, x[i]);
    return LIP_OK;
}

lip_status lip_network_eval(const lip_network *net, const double *x, double *y, lip_error *err) {
    point_state s;
    lip_status status = check_point(net, x, err);
    if (status != LIP_OK) return status;
    if (!point_create(net, x, &s)) return lip_fail_memory(err);
    memcpy(y, s.z + net->layer[net->layers].offset, lip_outputs(net) * sizeof *y);
    free(s.h);
    return LIP_OK;
}

lip_status lip_network_preactivations(const lip_network *net, const double *x, double *z,
                                      lip_error *err) {
    point_state s;
    lip_status status = check_point(net, x, err);
    if (status != LIP_OK) return status;
    if (!point_create(net, x, &s)) return lip_fail_memory(err);
    memcpy(z, s.z + lip_inputs(net), (net->units - lip_inputs(net)) * sizeof *z);
    free(s.h);
    return LIP_OK;
}

/* product[n * k] = J' block[m * k]. */
static lip_status adjoint_block(const lip_network *net, const double *x, size_t k,
                                const double *block, double *product, lip_error *err) {
    point_state s;
    lip_status status = check_point(net, x, err);
    if (status != LIP_OK) return status;
    size_t size;
    double *g = lip_multiply_sizes(net->units, k, &size) ? LIP_NEW(double, size) : NULL;
    if (!g) return lip_fail_memory(err);
    if (!point_create(net, x, &s)) {
        free(g);
        return lip_fail_memory(err);
    }
    memcpy(g + net->layer[net->layers].offset * k, block, lip_outputs(net) * k * sizeof *g);
    lip_reverse(net, k, s.d, g);
    memcpy(product, g, lip_inputs(net) * k * sizeof *g);
    free(s.h);
    free(g);
    return LIP_OK;
}

lip_status lip_network_vjp(const lip_network *net, const double *x, const double *v,
                           double *gradient, lip_error *err) {
    return adjoint_block(net, x, 1, v, gradient, err);
}

lip_status lip_network_jacobian(const lip_network *net, const double *x, double *jacobian,
                                lip_error *err) {
    size_t n = lip_inputs(net), m = lip_outputs(net), square, size;
    double *unit = lip_multiply_sizes(m, m, &square) ? LIP_NEW(double, square) : NULL;
    double *columns = lip_multiply_sizes(m, n, &size) ? LIP_NEW(double, size) : NULL;
    lip_status status = unit && columns ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) {
        for (size_t i = 0; i < m; ++i) unit[i * m + i] = 1;
        status = adjoint_block(net, x, m, unit, columns, err);
    }
    for (size_t i = 0; status == LIP_OK && i < m; ++i)
        for (size_t j = 0; j < n; ++j) jacobian[i * n + j] = columns[j * m + i];
    free(unit);
    free(columns);
    return status;
}
