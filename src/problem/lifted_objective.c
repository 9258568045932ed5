/* The objective of the lifted problem.
 *
 * One output, with cotangent c: with g = A'c over the sources of the output layer,
 *
 *     f = sum over stable neurons, inputs and neurons with v   g_i 1 h_i
 *       + sum over readouts                                    g_i (1 + s_i) / 2 y_i,
 *
 * h_i and y_i linear in p.  All outputs with the dual vector w:  f = sum_o w_o (T_output p)_o.
 * The whole is scaled by 2^-exponent so that the coefficients sum to at most 1.  Every coefficient
 * carries a radius: products and sums of weights are rounded. */
#include "problem/lifted_build.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "problem/enclosed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Scalar outputs ---------------------------------------------------------------------- */

/* g over all units: cotangents of the output layer's sources. */
static bool output_cotangents(const lip_lifting *b, lip_enclosed *g) {
    const lip_network *net = b->net;
    const lip_layer *layer = &net->layer[net->layers];
    bool margin = b->selection.kind == LIP_OUTPUT_MARGIN;
    double *c = LIP_NEW(double, layer->width), *row = NULL;
    bool ok = c != NULL;
    if (ok) lip_output_block(net, &b->selection, c);
    for (size_t t = 0; ok && t < layer->nterms; ++t) {
        const lip_layer *source = &net->layer[layer->term[t].source];
        row = LIP_NEW(double, source->width);
        ok = row != NULL;
        if (ok) lip_op_adjoint(layer->term[t].op, 1, c, row);
        for (size_t j = 0; ok && j < source->width; ++j) {
            /* the difference of two weights is rounded once */
            lip_enclosed part = {row[j], margin ? LIP_UNIT * fabs(row[j]) : 0};
            g[source->offset + j] = lip_enclosed_add(g[source->offset + j], part);
        }
        free(row);
    }
    free(c);
    return ok;
}

/* sum += factor * row */
static void add_row(const lip_lifting *b, lip_enclosed factor, size_t l, size_t i,
                    lip_enclosed *sum) {
    const double *mid = b->image[l].mid + i * b->columns, *rad = b->image[l].rad + i * b->columns;
    for (size_t j = 0; j < b->used; ++j)
        if (mid[j] != 0 || rad[j] != 0)
            sum[j] = lip_enclosed_add(
                sum[j], lip_enclosed_multiply(factor, (lip_enclosed){mid[j], rad[j]}));
}

static bool add_product(lip_lifted *lifted, size_t *capacity, size_t i, size_t j, lip_enclosed c) {
    if (c.value == 0 && c.radius == 0) return true;
    if (!lip_grow((void **)&lifted->objective, capacity, lifted->products + 1,
                  sizeof *lifted->objective))
        return false;
    lifted->objective[lifted->products++] =
        i <= j ? (lip_product){i, j, c.value, c.radius} : (lip_product){j, i, c.value, c.radius};
    return true;
}

/* half g s y, with a new variable s. */
static bool add_readout(lip_lifting *b, size_t *capacity, lip_enclosed half, size_t l, size_t i) {
    const double *mid = b->image[l].mid + i * b->columns, *rad = b->image[l].rad + i * b->columns;
    size_t s = lip_lifting_variable(b, LIP_VARIABLE_PHASE, l, i, 0);
    for (size_t j = 0; j < b->used; ++j)
        if (!add_product(b->lifted, capacity, j, s,
                         lip_enclosed_multiply(half, (lip_enclosed){mid[j], rad[j]})))
            return false;
    return true;
}

static bool source_objective(lip_lifting *b, size_t l, const lip_enclosed *g, lip_enclosed *sum,
                             size_t *capacity) {
    const lip_layer *layer = &b->net->layer[l];
    for (size_t i = 0; i < layer->width; ++i) {
        lip_enclosed factor = g[layer->offset + i];
        unsigned char role = b->role[layer->offset + i];
        if (role == LIP_ROLE_DEAD || (factor.value == 0 && factor.radius == 0)) continue;
        if (role == LIP_ROLE_READOUT) {
            /* halving may underflow by 2^-1075 */
            factor.radius = factor.radius / 2 + (fabs(factor.value) < 0x1p-1000 ? 0x1p-1070 : 0);
            factor.value /= 2;
            if (!add_readout(b, capacity, factor, l, i)) return false;
        }
        add_row(b, factor, l, i, sum);
    }
    return true;
}

static bool scalar_objective(lip_lifting *b, size_t *capacity) {
    const lip_layer *output = &b->net->layer[b->net->layers];
    lip_enclosed *g = LIP_NEW(lip_enclosed, b->net->units),
                 *sum = LIP_NEW(lip_enclosed, b->columns);
    bool ok = g && sum && output_cotangents(b, g);
    for (size_t l = 0; ok && l < b->net->layers; ++l)
        if (b->last_reader[l] == b->net->layers && output->nterms > 0)
            ok = source_objective(b, l, g, sum, capacity);
    for (size_t j = 0; ok && j < b->used; ++j) ok = add_product(b->lifted, capacity, 0, j, sum[j]);
    free(g);
    free(sum);
    return ok;
}

/* ---- Vector outputs ---------------------------------------------------------------------- */

static lip_status vector_objective(lip_lifting *b, size_t *capacity, lip_error *err) {
    size_t last = b->net->layers;
    lip_status status = lip_lifting_preimage(b, last, err);
    for (size_t o = 0; status == LIP_OK && o < b->net->layer[last].width; ++o) {
        size_t w = lip_lifting_variable(b, LIP_VARIABLE_DUAL, last, o, 0);
        const double *mid = b->image[last].mid + o * b->columns;
        const double *rad = b->image[last].rad + o * b->columns;
        for (size_t j = 0; status == LIP_OK && j < b->used; ++j)
            if (!add_product(b->lifted, capacity, j, w, (lip_enclosed){mid[j], rad[j]}))
                status = lip_fail_memory(err);
    }
    return status;
}

/* ---- Scale ------------------------------------------------------------------------------- */

static lip_status scale_objective(lip_lifted *lifted, lip_error *err) {
    double sum = 0;
    for (size_t k = 0; k < lifted->products; ++k)
        sum += fabs(lifted->objective[k].value) + lifted->objective[k].radius;
    if (!isfinite(sum))
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the objective overflows: expected weights of moderate size");
    if (sum > 0) frexp(sum, &lifted->exponent);
    for (size_t k = 0; k < lifted->products; ++k) {
        lip_product *product = &lifted->objective[k];
        lip_coefficient c = lip_lifted_scale(product->value, product->radius, -lifted->exponent);
        product->value = c.value;
        product->radius = c.radius;
    }
    return LIP_OK;
}

lip_status lip_lifting_objective(lip_lifting *b, lip_error *err) {
    size_t capacity = 0;
    lip_status status = LIP_OK;
    if (!b->scalar)
        status = vector_objective(b, &capacity, err);
    else if (!scalar_objective(b, &capacity))
        status = lip_fail_memory(err);
    return status == LIP_OK ? scale_objective(b->lifted, err) : status;
}
