/* Operators: apply and adjoint of every kind against the dense matrix, on blocks of several widths. */
#include "support.h"

static void check_products(lip_rng *rng, const lip_op *op) {
    double *a = malloc(op->rows * op->cols * sizeof *a);
    lip_op_to_dense(op, a);
    for (size_t k = 1; k <= 5; k += 2) {
        double *x = malloc(op->cols * k * sizeof *x), *y = malloc(op->rows * k * sizeof *y);
        double *u = malloc(op->cols * k * sizeof *u);
        for (size_t i = 0; i < op->cols * k; ++i) x[i] = lip_rng_gaussian(rng);
        for (size_t i = 0; i < op->rows * k; ++i)
            y[i] = 0.25; /* products are added to what is there */
        lip_op_apply(op, k, x, y);
        for (size_t i = 0; i < op->rows; ++i)
            for (size_t c = 0; c < k; ++c) {
                double sum = 0.25;
                for (size_t j = 0; j < op->cols; ++j) sum += a[i * op->cols + j] * x[j * k + c];
                assert_true(fabs(sum - y[i * k + c]) < 1e-10);
            }
        for (size_t i = 0; i < op->cols * k; ++i) u[i] = -1;
        lip_op_adjoint(op, k, y, u);
        for (size_t j = 0; j < op->cols; ++j)
            for (size_t c = 0; c < k; ++c) {
                double sum = -1;
                for (size_t i = 0; i < op->rows; ++i) sum += a[i * op->cols + j] * y[i * k + c];
                assert_true(fabs(sum - u[j * k + c]) < 1e-9);
            }
        free(x);
        free(y);
        free(u);
    }
    free(a);
}

/* Terms per row and column really bound the nonzeros of the matrix. */
static void check_terms(const lip_op *op) {
    double *a = malloc(op->rows * op->cols * sizeof *a);
    lip_op_to_dense(op, a);
    for (size_t i = 0; i < op->rows; ++i) {
        size_t count = 0;
        for (size_t j = 0; j < op->cols; ++j) count += a[i * op->cols + j] != 0;
        assert_true(count <= lip_op_row_terms(op));
    }
    for (size_t j = 0; j < op->cols; ++j) {
        size_t count = 0;
        for (size_t i = 0; i < op->rows; ++i) count += a[i * op->cols + j] != 0;
        assert_true(count <= lip_op_col_terms(op));
    }
    free(a);
}

static void check(lip_rng *rng, lip_op *op) {
    check_products(rng, op);
    check_terms(op);
    lip_op_free(op);
}

static void test_dense_and_sparse(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 1);
    for (int i = 0; i < 50; ++i) {
        size_t rows = 1 + pick(&rng, 12), cols = 1 + pick(&rng, 12);
        check(&rng, random_dense(&rng, rows, cols));
        check(&rng, random_sparse(&rng, rows, cols, lip_rng_uniform(&rng)));
    }
    check(&rng, lip_op_identity(7));
}

/* A naive convolution straight from the definition, entry by entry. */
static double conv_entry(const lip_op *op, size_t row, size_t col) {
    const lip_conv_shape *s = &op->conv;
    size_t o = row / (s->out_h * s->out_w), oy = row / s->out_w % s->out_h, ox = row % s->out_w;
    size_t c = col / (s->in_h * s->in_w), iy = col / s->in_w % s->in_h, ix = col % s->in_w;
    size_t per_in = s->in_c / s->groups, per_out = s->out_c / s->groups;
    if (o / per_out != c / per_in) return 0;
    for (size_t ky = 0; ky < s->k_h; ++ky)
        for (size_t kx = 0; kx < s->k_w; ++kx)
            if (oy * s->stride_h + ky * s->dilation_h == iy + s->pad_top &&
                ox * s->stride_w + kx * s->dilation_w == ix + s->pad_left)
                return op->value[((o * per_in + c % per_in) * s->k_h + ky) * s->k_w + kx];
    return 0;
}

static void test_convolutions(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 2);
    int built = 0;
    for (int i = 0; i < 300; ++i) {
        size_t groups = 1 + pick(&rng, 2);
        lip_conv_shape s = {.in_c = groups * (1 + pick(&rng, 2)),
                            .in_h = 1 + pick(&rng, 6),
                            .in_w = 1 + pick(&rng, 6),
                            .out_c = groups * (1 + pick(&rng, 2)),
                            .k_h = 1 + pick(&rng, 3),
                            .k_w = 1 + pick(&rng, 3),
                            .stride_h = 1 + pick(&rng, 3),
                            .stride_w = 1 + pick(&rng, 3),
                            .dilation_h = 1 + pick(&rng, 2),
                            .dilation_w = 1 + pick(&rng, 2),
                            .pad_top = pick(&rng, 4),
                            .pad_left = pick(&rng, 4),
                            .groups = groups};
        if (!lip_conv_output_size(&s, pick(&rng, 4), pick(&rng, 4))) continue;
        ++built;
        lip_op *op = random_conv(&rng, &s);
        double *a = malloc(op->rows * op->cols * sizeof *a);
        lip_op_to_dense(op, a);
        for (size_t r = 0; r < op->rows; ++r)
            for (size_t c = 0; c < op->cols; ++c)
                assert_true(a[r * op->cols + c] == conv_entry(op, r, c));
        free(a);
        check(&rng, op);
    }
    assert_true(built > 200);
}

static void test_output_size_refuses_nonsense(void **state) {
    (void)state;
    lip_conv_shape s = {.in_c = 1,
                        .in_h = 3,
                        .in_w = 3,
                        .out_c = 1,
                        .k_h = 5,
                        .k_w = 1,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .groups = 1};
    assert_false(lip_conv_output_size(&s, 0, 0)); /* kernel taller than the image */
    s.k_h = 3;
    assert_true(lip_conv_output_size(&s, 0, 0));
    assert_int_equal(s.out_h, 1);
    s.dilation_h = SIZE_MAX / 2;
    assert_false(lip_conv_output_size(&s, 0, 0));
    s.dilation_h = 1;
    s.stride_h = 0;
    assert_false(lip_conv_output_size(&s, 0, 0));
}

static double half(double x) { return x / 2; }

static void test_map_keeps_structure(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 3);
    lip_op *op = random_sparse(&rng, 5, 6, 0.5), *copy = lip_op_map(op, half);
    double a[30], b[30];
    lip_op_to_dense(op, a);
    lip_op_to_dense(copy, b);
    for (int i = 0; i < 30; ++i) assert_true(b[i] == a[i] / 2);
    lip_op_free(op);
    lip_op_free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dense_and_sparse),
                                       cmocka_unit_test(test_convolutions),
                                       cmocka_unit_test(test_output_size_refuses_nonsense),
                                       cmocka_unit_test(test_map_keeps_structure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
