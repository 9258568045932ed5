#include "chains.h"

#include "base/memory.h"

static void special_rows(lip_rng *rng, size_t rows, size_t cols, double *w) {
    for (size_t i = 0; i < rows; ++i) {
        if (pick(rng, 9) == 0) memset(w + i * cols, 0, cols * sizeof *w); /* a zero row */
        if (i > 0 && pick(rng, 8) == 0) memcpy(w + i * cols, w + (i - 1) * cols, cols * sizeof *w);
        if (pick(rng, 15) == 0)
            for (size_t j = 0; j < cols; ++j) w[i * cols + j] *= 1e-7;
    }
}

lip_network *random_chain(lip_rng *rng, size_t hidden) {
    size_t last = 0, index;
    double level = pick(rng, 3) == 0 ? 4 : 0.5;
    bool bias = pick(rng, 4) != 0;
    lip_builder *b = lip_builder_create(1 + pick(rng, CHAIN_INPUTS), "test");
    lip_error err;
    lip_network *net = NULL;
    for (size_t l = 1; l <= hidden + 1; ++l) {
        size_t width = l > hidden          ? CHAIN_OUTPUTS
                       : pick(rng, 6) == 0 ? 1
                                           : 1 + pick(rng, CHAIN_WIDEST);
        bool relu = l <= hidden && pick(rng, 7) != 0, dead = pick(rng, 40) == 0;
        assert_int_equal(lip_builder_layer(b, width, relu, &index, &err), LIP_OK);
        lip_op *op = random_dense(rng, width, lip_builder_width(b, last));
        special_rows(rng, width, op->cols, op->value);
        assert_int_equal(lip_builder_term(b, index, last, op, &err), LIP_OK);
        for (size_t i = 0; bias && i < width; ++i)
            lip_builder_bias(b, index)[i] = dead ? -100 : level * lip_rng_gaussian(rng);
        last = index;
    }
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    return net;
}

void round_weights(lip_network *net) {
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t k = 0; k < net->layer[l].term[0].op->nvalues; ++k) {
            double *w = &net->layer[l].term[0].op->value[k];
            *w = *w > 0.5 ? 1 : *w < -0.5 ? -1 : 0;
            net->layer[l].term[0].magnitude->value[k] = fabs(*w);
        }
}

/* ---- Shuffling --------------------------------------------------------------------------- */

static size_t *random_order(lip_rng *rng, size_t n, bool fixed) {
    size_t *order = calloc(n, sizeof *order);
    for (size_t i = 0; i < n; ++i) order[i] = i;
    for (size_t i = n; !fixed && i-- > 1;) {
        size_t j = pick(rng, i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    return order;
}

void free_orders(const lip_network *net, size_t **order) {
    for (size_t l = 0; l <= net->layers; ++l) free(order[l]);
    free(order);
}

lip_network *shuffled(lip_rng *rng, const lip_network *net, size_t ***out) {
    size_t **order = calloc(net->layers + 1, sizeof *order), index;
    lip_builder *b = lip_builder_create(lip_inputs(net), "test");
    lip_network *copy = NULL;
    lip_error err;
    for (size_t l = 0; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        order[l] = random_order(rng, layer->width, l == 0 || l == net->layers);
        if (l == 0) continue;
        const lip_op *op = layer->term[0].op;
        lip_op *mixed = lip_op_dense(op->rows, op->cols);
        for (size_t i = 0; i < op->rows; ++i)
            for (size_t j = 0; j < op->cols; ++j)
                mixed->value[i * op->cols + j] =
                    op->value[order[l][i] * op->cols + order[l - 1][j]];
        assert_int_equal(lip_builder_layer(b, layer->width, layer->relu, &index, &err), LIP_OK);
        assert_int_equal(lip_builder_term(b, index, l - 1, mixed, &err), LIP_OK);
        for (size_t i = 0; i < layer->width; ++i)
            lip_builder_bias(b, index)[i] = layer->bias[order[l][i]];
    }
    assert_int_equal(lip_builder_finish(b, &copy, &err), LIP_OK);
    lip_builder_free(b);
    *out = order;
    return copy;
}

/* ---- Questions --------------------------------------------------------------------------- */

lip_query random_query(lip_rng *rng, const lip_region *region) {
    lip_output outputs[] = {{LIP_OUTPUT_ROW, pick(rng, CHAIN_OUTPUTS), 0},
                            {LIP_OUTPUT_MARGIN, 0, 1 + pick(rng, CHAIN_OUTPUTS - 1)},
                            {LIP_OUTPUT_ALL, 0, 0}};
    return (lip_query){(lip_norm)(1 + pick(rng, 3)), (lip_norm)(1 + pick(rng, 3)),
                       outputs[pick(rng, 3)], region, NULL};
}

lip_region *random_region(lip_rng *rng, size_t n) {
    lip_region *region = NULL;
    lip_error err;
    double centre[64] = {0};
    size_t kind = pick(rng, 3);
    if (kind == 0)
        assert_int_equal(lip_region_everywhere(n, &region, &err), LIP_OK);
    else
        assert_int_equal(lip_region_box_around(n, centre, kind == 1 ? 0.3 : 2, -INFINITY, INFINITY,
                                               &region, &err),
                         LIP_OK);
    return region;
}

lip_network *gaussian_chain(lip_rng *rng, size_t layers, const size_t *width) {
    double *weight[8] = {0}, *bias[8] = {0};
    lip_network *net;
    lip_error err;
    for (size_t l = 0; l < layers; ++l) {
        weight[l] = LIP_NEW(double, width[l] * width[l + 1]);
        bias[l] = LIP_NEW(double, width[l + 1]);
        for (size_t i = 0; i < width[l] * width[l + 1]; ++i)
            weight[l][i] = lip_rng_gaussian(rng) / sqrt((double)width[l]);
        for (size_t i = 0; i < width[l + 1]; ++i) bias[l][i] = 0.3 * lip_rng_gaussian(rng);
    }
    assert_int_equal(lip_network_create_dense(layers, width, (const double *const *)weight,
                                              (const double *const *)bias, &net, &err),
                     LIP_OK);
    for (size_t l = 0; l < layers; ++l) {
        free(weight[l]);
        free(bias[l]);
    }
    return net;
}
