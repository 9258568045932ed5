/* The canonical format: round trips, and that nothing but canonical text is accepted. */
#include "common.h"

#include "linalg/op.h"
#include "net/builder.h"
#include "net/network.h"

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char tiny[] = "lipcert-network 1\n"
                           "input 2\n"
                           "layers 3\n"
                           "layer 1 2 relu 1\n"
                           "bias 0x1p+0 -0x1.8p-3\n"
                           "term 0 dense 2 2\n"
                           "0x1p-1 0x0p+0\n"
                           "-0x1.999999999999ap-4 0x1.4p+3\n"
                           "layer 2 2 relu 2\n"
                           "bias 0x0p+0 0x0p+0\n"
                           "term 1 sparse 2 2 2\n"
                           "1 1 0x1.cp+1\n"
                           "1 0 0x0.0000000000001p-1022\n"
                           "term 0 conv 1 1 2 1 1 2 1 1 1 1 1 1 0 0 1\n"
                           "0x1p+2\n"
                           "layer 3 1 linear 1\n"
                           "bias -0x1.8p+0\n"
                           "term 2 dense 1 2\n"
                           "0x1p+0 0x1p+0\n"
                           "end\n";

static void test_reads_what_it_says(void **state) {
    (void)state;
    lip_network *net = expect_network(tiny, strlen(tiny));
    /* x = (2, 1): z1 = (2, -.1875 - .2 + 10), h = z; z2 = (3.5 h_2 + 4 x_1, 4 x_2), y = sum - 1.5 */
    double x[] = {2, 1}, h2 = -.1875 - 2 * .1 + 10, y = 3.5 * h2 + 8 + 4 - 1.5;
    expect_outputs(net, x, &y, 1);
    lip_network_info info;
    char hex[SHA256_DIGEST_STRING_LENGTH];
    lip_network_get_info(net, &info);
    SHA256Data((const uint8_t *)tiny, strlen(tiny), hex);
    assert_string_equal(info.sha256, hex);
    assert_string_equal(info.format, "canonical");
    assert_int_equal(info.folds, 0);
    lip_network_free(net);
}

/* The largest input is 2^24, however small the file; a longer file may have one per byte. */
static void test_largest_input(void **state) {
    (void)state;
    static const char wide[] = "lipcert-network 1\ninput 1000000000\nlayers 1\nlayer 1 1 linear 0\n"
                               "bias 0x0p+0\nend\n";
    expect_refusal(wide, strlen(wide), "line 2", "from 1 to 16777216, found '1000000000'");
    char *fits = replaced(wide, "1000000000", "16777216");
    lip_network_free(expect_network(fits, strlen(fits)));
    free(fits);
}

static const variant variants[] = {
    /* the header */
    {"network 1", "network 2", "line 1", "expected version 1, found '2'"},
    {"network 1", "network 01", "line 1", "expected version 1, found '01'"},
    {"network 1", "network 1 ", "line 1", "found a space"},
    {"network 1\n", "network 1\r\n", "line 1", "carriage return"},
    {"network 1", "network  1", "line 1", "second space"},
    {"network 1\n", "network 1\n\n", "line 2", "expected 'input', found the end of the line"},
    {"input 2", "input 0", "line 2", "a width from 1 to"},
    {"input 2", "input -2", "line 2", "found '-2'"},
    {"input 2", "input 2.0", "line 2", "found '2.0'"},
    {"input 2", "input 16777217", "line 2", "a width from 1 to 16777216, found '16777217'"},
    {"input 2", "input 16777216", "line 6", "the number of columns 16777216, found '2'"},
    {"input 2", "input 3", "line 6", "expected the number of columns 3, found '2'"},
    {"input 2", "input 99999999999999999999", "line 2", "a width from 1 to"},
    {"input", "Input", "line 2", "expected 'input', found 'Input'"},
    {"layers 3", "layers 0", "line 3", "a number of layers"},
    {"layers 3", "layers 4", "line 20", "expected 'layer', found 'end'"},
    {"layers 3", "layers 2", "line 9", "expected 'linear' in the last layer, found 'relu'"},
    {"layers 3", "layers", "line 3", "found the end of the line"},
    /* layers */
    {"layer 1", "layer 2", "line 4", "expected the number of the layer 1, found '2'"},
    {"layer 2 2 relu 2", "layer 2 2 ReLU 2", "line 9", "expected 'relu' or 'linear', found 'ReLU'"},
    {"layer 2 2 relu 2", "layer 2 2 relu 3", "line 16", "expected 'term', found 'layer'"},
    {"layer 2 2 relu 2", "layer 2 2 relu 1", "line 14", "expected 'layer', found 'term'"},
    {"layer 2 2 relu 2", "layer 2 2 relu 2 2", "line 9", "expected the end of the line, found '2'"},
    {"layer 1 2", "layer 1 3", "line 5", "found the end of the line"},
    {"layer 1 2", "layer 1 1", "line 5", "expected the end of the line, found '-0x1.8p-3'"},
    {"layer 1 2", "layer 1 900000000", "line 5", "expected 1 x 900000000 numbers, but only"},
    {"layer 3 1 linear", "layer 3 1 relu", "line 16", "'linear' in the last layer"},
    {"bias 0x1p+0", "Bias 0x1p+0", "line 5", "expected 'bias'"},
    /* terms */
    {"term 1 sparse", "term 2 sparse", "line 11", "the number of an earlier layer from 0 to 1"},
    {"dense 2 2", "dense 3 2", "line 6", "expected the number of rows 2, found '3'"},
    {"dense 2 2", "dens 2 2", "line 6", "'dense', 'sparse' or 'conv', found 'dens'"},
    {"dense 2 2", "dense 2", "line 6", "expected the number of columns"},
    {"sparse 2 2 2", "sparse 2 2 3", "line 13", "entries of this row 2, found '1'"},
    {"sparse 2 2 2", "sparse 2 2 1", "line 13", "entries of this row 0, found '1'"},
    {"sparse 2 2 2", "sparse 2 2 5", "line 11", "the number of entries from 0 to 4, found '5'"},
    {"1 1 0x1.cp+1", "1 2 0x1.cp+1", "line 12", "a column from 0 to 1, found '2'"},
    {"1 1 0x1.cp+1", "2 0 0x1.cp+1 0 0x1p+0", "line 12", "a column 1, found '0'"},
    {"1 1 0x1.cp+1", "2 1 0x1.cp+1 1 0x1p+0", "line 12", "to be the last of its row"},
    {"1 1 0x1.cp+1", "1 1 0x1.cp+1 ", "line 12", "found a space"},
    {"conv 1 1 2 1 1 2 1 1 1 1 1 1 0 0 1", "conv 1 1 2 1 1 2 1 1 1 1 1 1 0 0", "line 14",
     "a size of the convolution"},
    {"conv 1 1 2", "conv 1 1 3", "line 14", "expected a convolution from 2 to 2 entries"},
    {"conv 1 1 2 1", "conv 1 1 2 0", "line 14", "a size of the convolution from 1"},
    {"conv 1 1 2 1 1 2 1 1 1 1 1 1 0 0 1", "conv 1 1 2 1 1 2 1 1 1 1 1 1 0 0 2", "line 14",
     "a number of groups that divides 1 and 1 channels, found 2"},
    {"conv 1 1 2 1 1 2 1 1", "conv 1 1 2 1 1 2 999999999 999999999", "line 15",
     "numbers, but only"},
    {"0x1p+2\n", "0x1p+2 0x1p+2\n", "line 15", "expected the end of the line, found '0x1p+2'"},
    /* what the output does not see */
    {"term 2 dense 1 2", "term 1 dense 1 2", "", "depend on all 3 layers, found 1"},
    /* the end */
    {"end\n", "", "line 20", "expected 'end', found the end of the file"},
    {"end\n", "end", "line 20", "expected the end of the line, found the end of the file"},
    {"end\n", "end\n\n", "line 21", "nothing after 'end', found 1 more"},
    {"end\n", "End\n", "line 20", "expected 'end', found 'End'"},
};

static void test_refuses_variants(void **state) {
    (void)state;
    expect_variants(tiny, variants, sizeof variants / sizeof *variants);
    expect_prefixes_fail(tiny, strlen(tiny), SIZE_MAX);
}

/* Spellings of a number that printf("%a") would not give. */
static void test_refuses_spellings(void **state) {
    (void)state;
    static const char *const spellings[] = {"1",
                                            "1.0",
                                            "0x1",
                                            "0x1p0",
                                            "0x1p+00",
                                            "0x1p-0",
                                            "0X1p+0",
                                            "0x1P+0",
                                            "0x1.0p+0",
                                            "0x1.80p+0",
                                            "0x1.p+0",
                                            "0x2p+0",
                                            "0x.8p+0",
                                            "0x01p+0",
                                            "+0x1p+0",
                                            "-0x0p+0",
                                            "0x0p-1",
                                            "0x0p+1",
                                            "0x0.0p+0",
                                            "0x0.8p+0",
                                            "0x0.8p-1021",
                                            "0x0.0p-1022",
                                            "0x1p+1024",
                                            "0x1p-1023",
                                            "0x1.8p-1023",
                                            "0x1.Cp+0",
                                            "0x1.gp+0",
                                            "0x1,8p+0",
                                            "inf",
                                            "nan",
                                            "-inf",
                                            "0x1p",
                                            "0x1p+",
                                            "0x1p+0x",
                                            "0x1p+1e1",
                                            "x1p+0000",
                                            "--0x1p+0",
                                            "0x1p++1",
                                            "0x1.00000000000001p+0",
                                            "0x1p+99999999999999999999"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; ++i) {
        char *text = replaced(tiny, "0x1p-1 ", " "), *whole;
        char number[64];
        snprintf(number, sizeof number, "%s ", spellings[i]);
        free(text);
        whole = replaced(tiny, "0x1p-1 ", number);
        expect_refusal(whole, strlen(whole), "line 7", "a number in canonical form");
        free(whole);
    }
}

static bytes read_bytes(const char *path) {
    bytes b = {NULL, 0};
    lip_error err;
    assert_int_equal(lip_read_file(path, 1 << 20, &b.data, &b.size, &err), LIP_OK);
    return b;
}

/* Doubles of every kind survive, and the text of each is what printf("%a") prints. */
static void test_numbers_survive(void **state) {
    (void)state;
    enum { N = 400 };
    double w[N], bias = 0, x[N] = {0},
                 special[] = {0, -0.0, DBL_MIN,     DBL_MAX, -DBL_MAX, 5e-324,
                              1, -1,   DBL_EPSILON, 0.1,     1e-310,   nextafter(1, 2)};
    uint64_t bits = 88172645463325252u;
    for (size_t i = 0; i < N; ++i) {
        do {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            memcpy(&w[i], &bits, sizeof bits);
        } while (!isfinite(w[i]));
        if (i < sizeof special / sizeof *special) w[i] = special[i];
    }
    size_t width[] = {N, 1};
    const double *weights[] = {w}, *biases[] = {&bias};
    lip_network *net = NULL;
    assert_int_equal(lip_network_create_dense(1, width, weights, biases, &net, NULL), LIP_OK);
    const char *path = "canonical-numbers.lip";
    assert_int_equal(lip_network_save(net, path, NULL), LIP_OK);
    bytes text = read_bytes(path);
    const char *at = strstr((const char *)text.data, "dense 1 400\n");
    assert_non_null(at);
    at += strlen("dense 1 400\n");
    for (size_t i = 0; i < N; ++i) {
        char wanted[40];
        int n =
            snprintf(wanted, sizeof wanted, "%a%c", w[i] == 0 ? 0 : w[i], i + 1 < N ? ' ' : '\n');
        assert_memory_equal(at, wanted, (size_t)n);
        at += n;
    }
    lip_network *again = expect_network(text.data, text.size);
    for (size_t i = 0; i < N; ++i) {
        double y;
        x[i] = 1;
        if (fabs(w[i]) < 1e300) {
            assert_int_equal(lip_network_eval(again, x, &y, NULL), LIP_OK);
            assert_true(y == w[i]);
        }
        x[i] = 0;
    }
    expect_same(net, again);
    bytes_free(&text);
    remove(path);
}

/* A network of every kind of term, through a file and back. */
static lip_network *random_network(unsigned seed) {
    srand(seed);
    lip_builder *b = lip_builder_create(12, "test");
    size_t index;
    lip_conv_shape shape = {.in_c = 3,
                            .in_h = 2,
                            .in_w = 2,
                            .out_c = 3,
                            .k_h = 2,
                            .k_w = 1,
                            .stride_h = 1,
                            .stride_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .pad_top = 1,
                            .groups = 3};
    assert_true(lip_conv_output_size(&shape, 0, 0));
    lip_op *op[] = {lip_op_conv(&shape), lip_op_dense(12, 12), lip_op_identity(12),
                    lip_op_dense(4, 12), lip_op_sparse(4, 12, 0)};
    for (size_t k = 0; k < 5; ++k) {
        assert_non_null(op[k]);
        for (size_t i = 0; i < op[k]->nvalues; ++i)
            op[k]->value[i] = rand() / (double)RAND_MAX - .5;
    }
    assert_int_equal(lip_builder_layer(b, 12, true, &index, NULL), LIP_OK);
    lip_builder_bias(b, 1)[3] = 0.25;
    assert_int_equal(lip_builder_term(b, 1, 0, op[0], NULL), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 12, rand() % 2, &index, NULL), LIP_OK);
    assert_int_equal(lip_builder_term(b, 2, 1, op[1], NULL), LIP_OK);
    assert_int_equal(lip_builder_term(b, 2, 0, op[2], NULL), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 4, false, &index, NULL), LIP_OK);
    assert_int_equal(lip_builder_term(b, 3, 2, op[3], NULL), LIP_OK);
    assert_int_equal(lip_builder_term(b, 3, 1, op[4], NULL), LIP_OK);
    lip_network *net = NULL;
    assert_int_equal(lip_builder_finish(b, &net, NULL), LIP_OK);
    lip_builder_free(b);
    return net;
}

static void test_round_trips(void **state) {
    (void)state;
    for (unsigned seed = 0; seed < 20; ++seed) {
        lip_network *net = random_network(seed), *again;
        const char *path = "canonical-round.lip";
        char hex[SHA256_DIGEST_STRING_LENGTH];
        assert_int_equal(lip_network_save(net, path, NULL),
                         LIP_OK); /* also replaces the last one */
        bytes text = read_bytes(path);
        SHA256Data(text.data, text.size, hex);
        assert_string_equal(hex, net->sha256);
        again = expect_network(text.data, text.size);
        double x[12], y[4], z[4];
        for (size_t i = 0; i < 12; ++i) x[i] = rand() / (double)RAND_MAX - .5;
        assert_int_equal(lip_network_eval(net, x, y, NULL), LIP_OK);
        assert_int_equal(lip_network_eval(again, x, z, NULL), LIP_OK);
        assert_memory_equal(y, z, sizeof y);
        expect_same(net, again);
        bytes_free(&text);
        remove(path);
    }
}

static size_t files_here(void) {
    DIR *folder = opendir(".");
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder)) ++count;
    closedir(folder);
    return count;
}

/* A failed save leaves nothing behind, and leaves what was there. */
static void test_save_failures(void **state) {
    (void)state;
    lip_network *net = expect_network(tiny, strlen(tiny));
    lip_error err;
    size_t before = files_here();
    assert_int_equal(lip_network_save(net, "no-such-folder/x.lip", &err), LIP_IO);
    assert_string_equal(err.file, "no-such-folder/x.lip");
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(lip_network_save(net, ".", &err), LIP_IO);
    assert_non_null(strstr(err.message, "found a directory"));
    assert_int_equal(lip_network_save(net, "", &err), LIP_IO);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(lip_network_save(net, "/dev/full", &err), LIP_IO);
        assert_non_null(strstr(err.message, "cannot write"));
    }
    assert_int_equal(lip_network_save(net, "/dev/null", &err), LIP_OK);
    assert_int_equal(files_here(), before);
    lip_network_free(net);
}

/* Saving over a link replaces what it points to and keeps the link. */
static void test_save_through_link(void **state) {
    (void)state;
    lip_network *net = expect_network(tiny, strlen(tiny));
    remove("canonical-link");
    assert_int_equal(lip_network_save(net, "canonical-target", NULL), LIP_OK);
    assert_int_equal(symlink("canonical-target", "canonical-link"), 0);
    assert_int_equal(lip_network_save(net, "canonical-link", NULL), LIP_OK);
    char target[40] = "";
    assert_int_equal(readlink("canonical-link", target, sizeof target - 1), 16);
    bytes text = read_bytes("canonical-target");
    assert_int_equal(text.size, strlen(tiny));
    assert_memory_equal(text.data, tiny, text.size);
    bytes_free(&text);
    remove("canonical-link");
    remove("canonical-target");
    lip_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_it_says), cmocka_unit_test(test_refuses_variants),
        cmocka_unit_test(test_refuses_spellings),  cmocka_unit_test(test_numbers_survive),
        cmocka_unit_test(test_largest_input),      cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_save_failures),      cmocka_unit_test(test_save_through_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
