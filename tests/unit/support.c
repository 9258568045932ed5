#include "support.h"

double uniform(lip_rng *rng, double lo, double hi) { return lo + (hi - lo) * lip_rng_uniform(rng); }

size_t pick(lip_rng *rng, size_t n) { return (size_t)(lip_rng_next(rng) % n); }

lip_op *random_dense(lip_rng *rng, size_t rows, size_t cols) {
    lip_op *op = lip_op_dense(rows, cols);
    assert_non_null(op);
    for (size_t i = 0; i < op->nvalues; ++i) op->value[i] = lip_rng_gaussian(rng);
    return op;
}

lip_op *random_sparse(lip_rng *rng, size_t rows, size_t cols, double density) {
    lip_op *op = lip_op_sparse(rows, cols, rows * cols);
    assert_non_null(op);
    size_t count = 0;
    for (size_t i = 0; i < rows; ++i) {
        for (size_t j = 0; j < cols; ++j) {
            if (lip_rng_uniform(rng) >= density) continue;
            op->column[count] = j;
            op->value[count++] = lip_rng_gaussian(rng);
        }
        op->start[i + 1] = count;
    }
    op->nvalues = count;
    return op;
}

lip_op *random_conv(lip_rng *rng, const lip_conv_shape *shape) {
    lip_op *op = lip_op_conv(shape);
    assert_non_null(op);
    for (size_t i = 0; i < op->nvalues; ++i) op->value[i] = lip_rng_gaussian(rng);
    return op;
}

static void add_term(lip_builder *b, size_t l, size_t source, lip_op *op) {
    lip_error err;
    assert_int_equal(lip_builder_term(b, l, source, op, &err), LIP_OK);
}

static void random_bias(lip_rng *rng, lip_builder *b, size_t l, size_t width) {
    if (pick(rng, 5) == 0) return;
    for (size_t i = 0; i < width; ++i)
        lip_builder_bias(b, l)[i] = pick(rng, 8) == 0 ? 0 : 0.5 * lip_rng_gaussian(rng);
}

static void zero_some_rows(lip_rng *rng, lip_op *op) {
    for (size_t i = 0; i < op->rows; ++i)
        if (pick(rng, 10) == 0) memset(op->value + i * op->cols, 0, op->cols * sizeof(double));
}

lip_network *random_network(lip_rng *rng, size_t inputs, size_t layers, size_t widest,
                            size_t outputs) {
    lip_builder *b = lip_builder_create(inputs, "test");
    lip_error err;
    lip_network *net = NULL;
    size_t last = 0;
    assert_non_null(b);
    for (size_t l = 1; l <= layers + 1; ++l) {
        size_t width = l > layers ? outputs : 1 + pick(rng, widest), index;
        bool relu = l <= layers && !(l == 2 && pick(rng, 3) == 0);
        assert_int_equal(lip_builder_layer(b, width, relu, &index, &err), LIP_OK);
        lip_op *op = random_dense(rng, width, lip_builder_width(b, last));
        zero_some_rows(rng, op);
        add_term(b, index, last, op);
        if (l > 1 && pick(rng, 3) == 0) {
            size_t source = pick(rng, last);
            add_term(b, index, source,
                     random_sparse(rng, width, lip_builder_width(b, source), 0.4));
        }
        random_bias(rng, b, index, width);
        last = index;
    }
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    return net;
}

lip_network *random_conv_network(lip_rng *rng) {
    lip_conv_shape first = {.in_c = 2,
                            .in_h = 5,
                            .in_w = 6,
                            .out_c = 4,
                            .k_h = 3,
                            .k_w = 2,
                            .stride_h = 1,
                            .stride_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 2,
                            .pad_top = 1,
                            .pad_left = 1,
                            .groups = 2};
    assert_true(lip_conv_output_size(&first, 0, 1));
    lip_conv_shape second = {.in_c = 4,
                             .in_h = first.out_h,
                             .in_w = first.out_w,
                             .out_c = 3,
                             .k_h = 2,
                             .k_w = 3,
                             .stride_h = 2,
                             .stride_w = 2,
                             .dilation_h = 1,
                             .dilation_w = 1,
                             .pad_top = 0,
                             .pad_left = 1,
                             .groups = 1};
    assert_true(lip_conv_output_size(&second, 1, 1));
    lip_op *a = random_conv(rng, &first), *c = random_conv(rng, &second);
    lip_builder *b = lip_builder_create(a->cols, "test");
    lip_error err;
    lip_network *net = NULL;
    size_t l1, l2, l3;
    assert_int_equal(lip_builder_layer(b, a->rows, true, &l1, &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, c->rows, true, &l2, &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 3, false, &l3, &err), LIP_OK);
    size_t width = c->rows;
    add_term(b, l1, 0, a);
    add_term(b, l2, l1, c);
    add_term(b, l3, l2, random_dense(rng, 3, width));
    random_bias(rng, b, l1, lip_builder_width(b, l1));
    random_bias(rng, b, l2, width);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    return net;
}

/* ---- Exact evaluation -------------------------------------------------------------------- */

enum { BITS = 400 };

static exact_values exact_create(size_t n) {
    exact_values e = {n, malloc(n * sizeof(mpfr_t))};
    assert_non_null(e.v);
    for (size_t i = 0; i < n; ++i) {
        mpfr_init2(e.v[i], BITS);
        mpfr_set_zero(e.v[i], 1);
    }
    return e;
}

void exact_clear(exact_values *e) {
    for (size_t i = 0; i < e->n; ++i) mpfr_clear(e->v[i]);
    free(e->v);
    e->v = NULL;
}

static double *dense_of(const lip_op *op) {
    double *dense = malloc(op->rows * op->cols * sizeof(double));
    assert_non_null(dense);
    lip_op_to_dense(op, dense);
    return dense;
}

exact_values exact_forward(const lip_network *net, const double *x) {
    exact_values z = exact_create(net->units);
    mpfr_t product;
    mpfr_init2(product, BITS);
    for (size_t i = 0; i < lip_inputs(net); ++i) mpfr_set_d(z.v[i], x[i], MPFR_RNDN);
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = 0; i < layer->width; ++i)
            mpfr_set_d(z.v[layer->offset + i], layer->bias[i], MPFR_RNDN);
        for (size_t t = 0; t < layer->nterms; ++t) {
            const lip_layer *source = &net->layer[layer->term[t].source];
            double *a = dense_of(layer->term[t].op);
            for (size_t i = 0; i < layer->width; ++i)
                for (size_t j = 0; j < source->width; ++j) {
                    mpfr_t *h = &z.v[source->offset + j];
                    if (source->relu && mpfr_sgn(*h) <= 0) continue;
                    mpfr_mul_d(product, *h, a[i * source->width + j], MPFR_RNDN);
                    mpfr_add(z.v[layer->offset + i], z.v[layer->offset + i], product, MPFR_RNDN);
                }
            free(a);
        }
    }
    mpfr_clear(product);
    return z;
}

exact_values exact_reverse(const lip_network *net, const double *d, const double *c) {
    exact_values g = exact_create(net->units);
    mpfr_t product;
    mpfr_init2(product, BITS);
    for (size_t i = 0; i < lip_outputs(net); ++i)
        mpfr_set_d(g.v[net->layer[net->layers].offset + i], c[i], MPFR_RNDN);
    for (size_t l = net->layers; l >= 1; --l) {
        const lip_layer *layer = &net->layer[l];
        for (size_t i = 0; layer->relu && i < layer->width; ++i)
            mpfr_mul_d(g.v[layer->offset + i], g.v[layer->offset + i], d[layer->offset + i],
                       MPFR_RNDN);
        for (size_t t = 0; t < layer->nterms; ++t) {
            const lip_layer *source = &net->layer[layer->term[t].source];
            double *a = dense_of(layer->term[t].op);
            for (size_t i = 0; i < layer->width; ++i)
                for (size_t j = 0; j < source->width; ++j) {
                    mpfr_mul_d(product, g.v[layer->offset + i], a[i * source->width + j],
                               MPFR_RNDN);
                    mpfr_add(g.v[source->offset + j], g.v[source->offset + j], product, MPFR_RNDN);
                }
            free(a);
        }
    }
    mpfr_clear(product);
    return g;
}

bool exact_between(const mpfr_t v, double lo, double hi) {
    return mpfr_cmp_d(v, lo) >= 0 && mpfr_cmp_d(v, hi) <= 0;
}
