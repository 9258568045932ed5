/* Operator norm bounds against brute force, and the proof of the spectral norm against exact cases. */
#include "support.h"

#include "base/round.h"
#include "linalg/cholesky.h"
#include "linalg/norms.h"
#include "linalg/spectral.h"

#include <lapacke.h>

static double plain_norm(size_t n, const double *v, lip_norm p) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; ++i) {
        most = fmax(most, fabs(v[i]));
        sum += p == LIP_NORM_2 ? v[i] * v[i] : fabs(v[i]);
    }
    return p == LIP_NORM_INF ? most : p == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* ||A t||_q / ||t||_p at many t: sign vectors, unit vectors, Gaussian ones.  A lower bound. */
static double sampled_norm(lip_rng *rng, const lip_op *op, lip_norm p, lip_norm q) {
    double t[8], y[8], most = 0;
    for (int trial = 0; trial < 600; ++trial) {
        for (size_t j = 0; j < op->cols; ++j) {
            if (trial < 256)
                t[j] = trial >> j & 1 ? 1 : -1;
            else if (trial < 264)
                t[j] = (int)j == trial - 256;
            else
                t[j] = lip_rng_gaussian(rng);
        }
        memset(y, 0, sizeof y);
        lip_op_apply(op, 1, t, y);
        double length = plain_norm(op->cols, t, p);
        if (length > 0) most = fmax(most, plain_norm(op->rows, y, q) / length);
    }
    return most;
}

static void test_all_nine_are_bounds(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 30);
    for (int i = 0; i < 80; ++i) {
        size_t rows = 1 + pick(&rng, 8), cols = 1 + pick(&rng, 8);
        lip_op *op = i % 2 ? random_dense(&rng, rows, cols) : random_sparse(&rng, rows, cols, 0.5);
        lip_norm_table table;
        assert_true(lip_norm_bounds(op, 100, &table));
        for (int p = 1; p <= 3; ++p)
            for (int q = 1; q <= 3; ++q) {
                double bound = table.value[p - 1][q - 1], one;
                double low = sampled_norm(&rng, op, (lip_norm)p, (lip_norm)q);
                assert_true(bound >= low * (1 - 1e-14));
                assert_true(lip_norm_bound(op, (lip_norm)p, (lip_norm)q, 100, &one));
                assert_true(one == bound);
                if (p == 1 || q == 3) assert_true(bound <= low * (1 + 1e-9) || (p != 1 && q == 3));
            }
        lip_op_free(op);
    }
}

/* inf -> inf and 1 -> 1 are attained at sign and unit vectors, 2 -> 2 at singular vectors. */
static void test_exact_ones_are_tight(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 31);
    for (int i = 0; i < 60; ++i) {
        lip_op *op = random_dense(&rng, 1 + pick(&rng, 8), 1 + pick(&rng, 8));
        lip_norm_table t;
        assert_true(lip_norm_bounds(op, 100, &t));
        assert_true(t.value[2][2] <=
                    sampled_norm(&rng, op, LIP_NORM_INF, LIP_NORM_INF) * (1 + 1e-12));
        assert_true(t.value[0][0] <= sampled_norm(&rng, op, LIP_NORM_1, LIP_NORM_1) * (1 + 1e-12));
        double a[64], s[8], superb[8];
        lip_op_to_dense(op, a);
        assert_int_equal(LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'N', 'N', (int)op->rows, (int)op->cols, a,
                                        (int)op->cols, s, NULL, 1, NULL, 1, superb),
                         0);
        assert_true(t.value[1][1] >= s[0] * (1 - 1e-15));
        assert_true(t.value[1][1] <= s[0] * (1 + 1e-10));
        lip_op_free(op);
    }
}

/* Known spectral norms: all-ones m x n has sqrt(mn); 2^k times an orthogonal Hadamard matrix. */
static void test_spectral_of_known_matrices(void **state) {
    (void)state;
    size_t sizes[][2] = {{1, 1}, {3, 12}, {64, 64}, {65, 130}, {200, 50}, {300, 400}};
    for (size_t i = 0; i < 6; ++i) {
        lip_op *op = lip_op_dense(sizes[i][0], sizes[i][1]);
        for (size_t j = 0; j < op->nvalues; ++j) op->value[j] = 1;
        double bound, exact = sqrt((double)op->nvalues);
        assert_true(lip_spectral_bound(op, 1000, &bound));
        assert_true(bound * bound >= (double)op->nvalues);
        assert_true(bound <= exact * (1 + 1e-9));
        lip_op_free(op);
    }
    lip_op *h = lip_op_dense(128, 128);
    for (size_t i = 0; i < 128; ++i)
        for (size_t j = 0; j < 128; ++j)
            h->value[i * 128 + j] = __builtin_parityll(i & j) ? -0x1p-300 : 0x1p-300;
    double bound;
    assert_true(lip_spectral_bound(h, 1000, &bound));
    assert_true(bound >= sqrt(128) * 0x1p-300 && bound <= sqrt(128) * 0x1p-300 * (1 + 1e-9));
    assert_true(lip_spectral_bound(h, 100, &bound)); /* above the limit: no bound, no work */
    assert_true(bound == INFINITY);
    lip_op_free(h);
}

static void test_spectral_of_convolution(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 32);
    lip_conv_shape s = {.in_c = 3,
                        .in_h = 8,
                        .in_w = 7,
                        .out_c = 4,
                        .k_h = 3,
                        .k_w = 3,
                        .stride_h = 2,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .pad_top = 1,
                        .pad_left = 1,
                        .groups = 1};
    assert_true(lip_conv_output_size(&s, 1, 1));
    lip_op *conv = random_conv(&rng, &s), *dense = lip_op_dense(conv->rows, conv->cols);
    lip_op_to_dense(conv, dense->value);
    double a, b;
    assert_true(lip_spectral_bound(conv, 1000, &a));
    assert_true(lip_spectral_bound(dense, 1000, &b));
    assert_true(fabs(a - b) <= 1e-9 * b);
    lip_op_free(conv);
    lip_op_free(dense);
}

/* The factorisation must fail on an indefinite matrix and succeed on a definite one, across blocks. */
static void test_cholesky_decides(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 33);
    for (size_t n = 1; n < 200; n += 33) {
        double *a = calloc(n * n, sizeof *a), *b = calloc(n * n, sizeof *b);
        for (size_t i = 0; i < n; ++i) /* I - 2 v v' / n for v = ones: eigenvalues 1 and -1 */
            for (size_t j = 0; j < n; ++j) a[i * n + j] = (i == j) - 2.0 / (double)n;
        assert_false(lip_cholesky(n, a));
        for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j < n; ++j) b[i * n + j] = (i == j) - 0.999 / (double)n;
        assert_true(lip_cholesky(n, b));
        free(a);
        free(b);
    }
    double nan = NAN;
    assert_false(lip_cholesky(1, &nan));
    assert_true(lip_cholesky_slack(100, 100) > 100 * 100 * 0x1p-53);
}

static void test_vector_norms_enclose(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 34);
    for (int i = 0; i < 500; ++i) {
        double c[6], r[6], v[6];
        size_t n = 1 + pick(&rng, 6);
        for (size_t j = 0; j < n; ++j) {
            c[j] = pick(&rng, 4) ? lip_rng_gaussian(&rng) * pow(10, uniform(&rng, -160, 150)) : 0;
            r[j] = pick(&rng, 2) ? fabs(c[j]) * lip_rng_uniform(&rng) * 2 : 0;
            v[j] = c[j] + uniform(&rng, -1, 1) * r[j] * 0.999999;
        }
        for (int p = 1; p <= 3; ++p) {
            double up = lip_vector_norm_up(n, c, r, 1, (lip_norm)p);
            double down = lip_vector_norm_down(n, c, r, 1, (lip_norm)p);
            double mid = 0; /* hypot does not underflow */
            for (size_t j = 0; j < n; ++j)
                mid = p == 2 ? hypot(mid, v[j]) : p == 1 ? mid + fabs(v[j]) : fmax(mid, fabs(v[j]));
            assert_true(down <= up);
            assert_true(up >= mid * (1 - 1e-15) && down <= mid * (1 + 1e-15));
        }
    }
    double ones[2] = {3, 4};
    assert_true(fabs(lip_vector_norm_up(2, ones, NULL, 1, LIP_NORM_2) - 5) < 1e-14);
    double bad[2] = {NAN, 1};
    assert_true(lip_vector_norm_up(2, bad, NULL, 1, LIP_NORM_1) == INFINITY);
    assert_true(lip_vector_norm_down(2, bad, NULL, 1, LIP_NORM_1) <= 1);
}

/* Entries too small to change a floating-point sum still count. */
static void test_absorbed_entries_count(void **state) {
    (void)state;
    enum { N = 1000 };
    lip_op *op = lip_op_dense(N, 1);
    lip_norm_table t;
    double one = 1 + 0x1p-52 * 249; /* below 1 + 999 * 2^-54 */
    op->value[0] = 1;
    for (size_t i = 1; i < N; ++i) op->value[i] = 0x1p-54;
    assert_true(lip_norm_bounds(op, 100, &t));
    for (int p = 0; p < 3; ++p) assert_true(t.value[p][0] >= one);
    assert_true(lip_vector_norm_up(N, op->value, NULL, 1, LIP_NORM_1) >= one);
    assert_true(lip_vector_norm_down(N, op->value, NULL, 1, LIP_NORM_1) <= one);
    for (size_t i = 1; i < N; ++i) op->value[i] = 0x1p-27;
    assert_true(lip_norm_bounds(op, 100, &t));
    one = 1 + 0x1p-52 * 124; /* below sqrt(1 + 999 * 2^-54) */
    for (int p = 0; p < 3; ++p) assert_true(t.value[p][1] >= one);
    lip_op_free(op);
}

/* Scaling by a power of two scales 2-norms, near both ends of the exponent range. */
static void test_two_norm_at_any_scale(void **state) {
    (void)state;
    int exponents[] = {-1000, -600, 0, 600, 1000};
    for (int i = 0; i < 5; ++i) {
        double v[2] = {ldexp(3, exponents[i]), ldexp(4, exponents[i])},
               want = ldexp(5, exponents[i]);
        double up = lip_vector_norm_up(2, v, NULL, 1, LIP_NORM_2);
        double down = lip_vector_norm_down(2, v, NULL, 1, LIP_NORM_2);
        assert_true(down <= want && want <= up && up - down <= 1e-14 * want);
    }
}

static void test_nan_is_no_small_norm(void **state) {
    (void)state;
    lip_op *op = lip_op_dense(2, 1);
    lip_norm_table t;
    op->value[0] = NAN;
    op->value[1] = 1;
    assert_true(lip_norm_bounds(op, 10, &t));
    for (int p = 0; p < 3; ++p)
        for (int q = 0; q < 3; ++q) assert_true(t.value[p][q] == INFINITY);
    lip_op_free(op);
}

static void test_overflow_gives_infinity(void **state) {
    (void)state;
    lip_op *op = lip_op_dense(2, 2);
    for (int i = 0; i < 4; ++i) op->value[i] = 1e308;
    lip_norm_table t;
    assert_true(lip_norm_bounds(op, 10, &t));
    assert_true(t.value[1][1] == INFINITY && t.value[2][2] == INFINITY);
    assert_true(t.value[0][2] == 1e308);
    lip_op_free(op);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_nine_are_bounds),
                                       cmocka_unit_test(test_exact_ones_are_tight),
                                       cmocka_unit_test(test_spectral_of_known_matrices),
                                       cmocka_unit_test(test_spectral_of_convolution),
                                       cmocka_unit_test(test_cholesky_decides),
                                       cmocka_unit_test(test_vector_norms_enclose),
                                       cmocka_unit_test(test_absorbed_entries_count),
                                       cmocka_unit_test(test_two_norm_at_any_scale),
                                       cmocka_unit_test(test_nan_is_no_small_norm),
                                       cmocka_unit_test(test_overflow_gives_infinity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
