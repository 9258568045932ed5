/* Building networks: what is refused, and what finishing does. */
#include "support.h"

static lip_builder *two_layers(size_t inputs, size_t hidden, size_t outputs) {
    lip_builder *b = lip_builder_create(inputs, "test");
    size_t index;
    lip_error err;
    assert_int_equal(lip_builder_layer(b, hidden, true, &index, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, 1, 0, lip_op_dense(hidden, inputs), &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, outputs, false, &index, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, 2, 1, lip_op_dense(outputs, hidden), &err), LIP_OK);
    return b;
}

static void test_wrong_shape_is_refused(void **state) {
    (void)state;
    lip_builder *b = two_layers(3, 4, 1);
    lip_error err;
    assert_int_equal(lip_builder_term(b, 2, 1, lip_op_dense(1, 5), &err), LIP_FORMAT);
    assert_string_equal(err.place, "layer 2");
    assert_string_equal(err.message, "expected a matrix of 1 rows and 4 columns, found 1 x 5");
    assert_int_equal(lip_builder_term(b, 1, 1, lip_op_dense(4, 4), &err), LIP_FORMAT);
    assert_int_equal(lip_builder_term(b, 1, 0, NULL, &err), LIP_OUT_OF_MEMORY);
    lip_builder_free(b);
}

static void test_numbers_must_be_finite(void **state) {
    (void)state;
    double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; ++i) {
        lip_builder *b = two_layers(3, 4, 1);
        lip_error err;
        lip_network *net = NULL;
        lip_builder_bias(b, 1)[2] = bad[i];
        assert_int_equal(lip_builder_finish(b, &net, &err), LIP_FORMAT);
        assert_null(net);
        assert_string_equal(err.place, "layer 1");
        assert_non_null(strstr(err.message, "bias entry 2"));
        lip_builder_free(b);
    }
}

static void test_output_is_made_linear(void **state) {
    (void)state;
    lip_builder *b = lip_builder_create(2, "test");
    size_t index;
    lip_error err;
    lip_network *net;
    assert_int_equal(lip_builder_layer(b, 2, true, &index, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, 1, 0, lip_op_identity(2), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    double x[2] = {-1, 2}, y[2];
    assert_int_equal(lip_network_eval(net, x, y, &err), LIP_OK);
    assert_true(y[0] == 0 && y[1] == 2);
    lip_network_info info;
    lip_network_get_info(net, &info);
    assert_int_equal(info.layers, 2);
    assert_int_equal(info.neurons, 2);
    lip_network_free(net);
}

static void test_unused_layers_are_dropped(void **state) {
    (void)state;
    lip_builder *b = lip_builder_create(1, "test");
    size_t used, unused, out;
    lip_error err;
    lip_network *net;
    assert_int_equal(lip_builder_layer(b, 3, true, &unused, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, unused, 0, lip_op_dense(3, 1), &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 1, true, &used, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, used, 0, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 1, false, &out, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, out, used, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    assert_int_equal(net->layers, 2);
    assert_int_equal(net->layer[2].term[0].source, 1);
    double x = 3, y;
    assert_int_equal(lip_network_eval(net, &x, &y, &err), LIP_OK);
    assert_true(y == 3);
    lip_network_free(net);
}

/* A skip connection is no chain; a plain multilayer perceptron is. */
static void test_chain_is_recognised(void **state) {
    (void)state;
    lip_builder *b = two_layers(3, 4, 1);
    lip_error err;
    lip_network *net;
    lip_network_info info;
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_network_get_info(net, &info);
    assert_true(info.chain);
    assert_int_equal(strlen(info.sha256), 64);
    lip_network_free(net);
    lip_builder_free(b);
    b = two_layers(3, 4, 1);
    assert_int_equal(lip_builder_term(b, 2, 0, lip_op_dense(1, 3), &err), LIP_OK);
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_network_get_info(net, &info);
    assert_false(info.chain);
    lip_network_free(net);
    lip_builder_free(b);
}

/* Jacobian, vector-Jacobian product and pre-activations against finite differences and each other. */
static void test_jacobian_agrees_with_differences(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 40);
    int checked = 0;
    for (int i = 0; i < 60; ++i) {
        lip_network *net =
            i % 10 == 9 ? random_conv_network(&rng) : random_network(&rng, 4, 3, 6, 3);
        size_t n = lip_inputs(net), m = lip_outputs(net);
        lip_error err;
        double *x = calloc(n, sizeof *x), *jac = calloc(m * n, sizeof *jac),
               *g = calloc(n, sizeof *g);
        double *zp = calloc(net->units, sizeof *zp), *zm = calloc(net->units, sizeof *zm);
        for (size_t j = 0; j < n; ++j) x[j] = lip_rng_gaussian(&rng);
        assert_int_equal(lip_network_jacobian(net, x, jac, &err), LIP_OK);
        double v[3] = {lip_rng_gaussian(&rng), lip_rng_gaussian(&rng), lip_rng_gaussian(&rng)};
        assert_int_equal(lip_network_vjp(net, x, v, g, &err), LIP_OK);
        for (size_t j = 0; j < n; ++j) {
            double sum = 0, h = 1e-6, centre = x[j];
            for (size_t r = 0; r < m; ++r) sum += v[r] * jac[r * n + j];
            assert_true(fabs(sum - g[j]) <= 1e-9 * (1 + fabs(sum)));
            x[j] = centre + h;
            lip_network_preactivations(net, x, zp, &err);
            x[j] = centre - h;
            lip_network_preactivations(net, x, zm, &err);
            x[j] = centre;
            size_t last = net->layer[net->layers].offset - n;
            bool crossed = false; /* a kink between the two points */
            for (size_t l = 1; l <= net->layers; ++l)
                for (size_t u = 0; net->layer[l].relu && u < net->layer[l].width; ++u) {
                    size_t at = net->layer[l].offset + u - n;
                    crossed |= (zp[at] > 0) != (zm[at] > 0);
                }
            if (crossed) continue;
            ++checked;
            for (size_t r = 0; r < m; ++r) {
                double slope = (zp[last + r] - zm[last + r]) / (2 * h);
                assert_true(fabs(slope - jac[r * n + j]) <= 1e-5 * (1 + fabs(slope)));
            }
        }
        free(x);
        free(jac);
        free(g);
        free(zp);
        free(zm);
        lip_network_free(net);
    }
    assert_true(checked > 200);
}

static void test_public_calls_refuse_nonsense(void **state) {
    (void)state;
    lip_builder *b = two_layers(1, 1, 1);
    lip_error err;
    lip_network *net;
    lip_layer_info info;
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    double x = NAN, y;
    assert_int_equal(lip_network_eval(net, &x, &y, &err), LIP_ARGUMENT);
    assert_int_equal(lip_network_get_layer(net, 3, &info, &err), LIP_ARGUMENT);
    assert_int_equal(lip_network_get_layer(net, 0, &info, NULL), LIP_ARGUMENT);
    lip_network_free(net);
    lip_network_free(NULL);
    lip_region_free(NULL);
    lip_result_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong_shape_is_refused),
                                       cmocka_unit_test(test_numbers_must_be_finite),
                                       cmocka_unit_test(test_output_is_made_linear),
                                       cmocka_unit_test(test_unused_layers_are_dropped),
                                       cmocka_unit_test(test_chain_is_recognised),
                                       cmocka_unit_test(test_jacobian_agrees_with_differences),
                                       cmocka_unit_test(test_public_calls_refuse_nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
