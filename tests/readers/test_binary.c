/* .npz and .mat files, written here byte by byte. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* y = W1 max(W0 x + b0, 0) + b1 with 2 inputs, 3 neurons, 1 output. */
static const double W0[] = {1, 2, -1.5, .5, 0, 1}, W0t[] = {1, -1.5, 0, 2, .5, 1};
static const double b0[] = {.25, -1, .125}, W1[] = {1, 2, 3}, b1[] = {7};

static double value_at(double x, double y, bool first_bias, bool last_bias) {
    double sum = last_bias ? b1[0] : 0;
    for (int i = 0; i < 3; ++i) {
        double z = W0[2 * i] * x + W0[2 * i + 1] * y + (first_bias ? b0[i] : 0);
        sum += z > 0 ? W1[i] * z : 0;
    }
    return sum;
}

static void expect_known(const void *data, size_t size, bool first_bias, bool last_bias) {
    lip_network *net = expect_network(data, size);
    double points[][2] = {{2, 1}, {-3, .5}, {0, 0}};
    for (int i = 0; i < 3; ++i) {
        double y = value_at(points[i][0], points[i][1], first_bias, last_bias);
        expect_outputs(net, points[i], &y, 1);
    }
    lip_network_free(net);
}

/* ---- .npz -------------------------------------------------------------------------------- */

/* An array in a table of archives; name NULL ends the list. */
typedef struct array {
    const char *name;
    const double *value;
    size_t rows, cols;
} array;

static bytes archive(const array *arrays) {
    zip_writer zip = {{NULL, 0}, {NULL, 0}, 0};
    for (; arrays->name; ++arrays) {
        char name[80];
        snprintf(name, sizeof name, "%s.npy", arrays->name);
        zip_entry(&zip, name, npy_doubles(arrays->value, arrays->rows, arrays->cols));
    }
    return zip_close(&zip);
}

static void test_npz_conventions(void **state) {
    (void)state;
    static const struct {
        array arrays[8];
        bool first_bias, last_bias;
    } good[] = {
        {{{"W0", W0, 3, 2}, {"b0", b0, 3, 0}, {"W1", W1, 1, 3}, {"b1", b1, 1, 0}}, true, true},
        {{{"b2", b1, 1, 1}, {"W2", W1, 1, 3}, {"b1", b0, 1, 3}, {"W1", W0, 3, 2}}, true, true},
        {{{"w1", W0, 3, 2}, {"w2", W1, 1, 3}}, false, false},
        {{{"w1", W0, 3, 2}, {"w2", W1, 3, 0}, {"b1", b0, 3, 1}}, true, false},
        {{{"A1", W0, 3, 2}, {"b1", b0, 3, 0}, {"c", W1, 3, 0}, {"x00", W0, 2, 0}}, true, false},
        {{{"A", W0, 3, 2}, {"b", b0, 3, 0}, {"c", W1, 3, 1}, {"depth", b1, 1, 0}}, true, false},
        {{{"A0", W0, 3, 2}, {"c", W1, 1, 3}}, false, false},
        {{{"W1", W0t, 2, 3}, {"b1", b0, 3, 0}, {"W2", W1, 3, 1}, {"b2", b1, 1, 0}}, true, true},
        {{{"W0", W0t, 2, 3}, {"W1", W1, 3, 1}}, false, false},
        {{{"W0", W0, 3, 2},
          {"W1", W1, 1, 3},
          {"extra", W0, 1, 0},
          {"Wx", W0, 1, 0},
          {"beta", b0, 1, 0},
          {"cost", b0, 1, 0}},
         false,
         false},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        bytes b = archive(good[i].arrays);
        expect_known(b.data, b.size, good[i].first_bias, good[i].last_bias);
        bytes_free(&b);
    }
}

/* Square matrices fit both ways: they are taken as outputs x inputs. */
static void test_npz_square(void **state) {
    (void)state;
    const double square[] = {1, 2, 3, 4}, row[] = {1, 1};
    bytes b = archive((array[]){{"W0", square, 2, 2}, {"W1", row, 1, 2}, {NULL, NULL, 0, 0}});
    lip_network *net = expect_network(b.data, b.size);
    double x[] = {1, 0}, y = 1 + 3;
    expect_outputs(net, x, &y, 1);
    lip_network_free(net);
    bytes_free(&b);
}

static void test_npz_refusals(void **state) {
    (void)state;
    static const double nan_weights[] = {1, 2, NAN, 4, 5, 6}, inf_bias[] = {1, INFINITY, 3};
    static const struct {
        array arrays[8];
        const char *place, *words;
    } bad[] = {
        {{{NULL, NULL, 0, 0}},
         "",
         "W0 b0 W1 b1 ..., W1 b1 ..., w1 ..., A b c or A1 b1 ... c, found none"},
        {{{"x", W0, 3, 2}, {"y", W0, 1, 2}}, "", "found x, y"},
        {{{"b0", b0, 3, 0}}, "", "found b0"},
        {{{"W0", W0, 3, 2}, {"W2", W1, 1, 3}}, "", "W0 to W2 without a gap, found 2 of these 3"},
        {{{"W2", W0, 3, 2}, {"W3", W1, 1, 3}}, "", "W0 or W1, found W2 first"},
        {{{"W0", W0, 3, 2}, {"w0", W1, 1, 3}}, "", "one series of weights, found both W0 and w0"},
        {{{"W0", W0, 3, 2}, {"A1", W1, 1, 3}, {"c", b1, 1, 0}}, "", "found both W0 and A1"},
        {{{"W0", W0, 3, 2}, {"W0", W0, 3, 2}}, "W0", "expected this array once, found it twice"},
        {{{"W0", W0, 3, 2}, {"b1", b0, 3, 0}}, "b1", "biases for W0 to W0 only"},
        {{{"W1", W0, 3, 2}, {"b0", b0, 3, 0}}, "b0", "biases for W1 to W1 only"},
        {{{"W0", W0, 3, 2}, {"W1", W1, 1, 2}},
         "W1",
         "a matrix with 3 columns, as many as W0 has rows, found 1 x 2"},
        {{{"W0", W0, 3, 2}, {"b0", W0, 4, 0}},
         "b0",
         "3 entries, as many as W0 has rows, found 4 x 1"},
        {{{"W0", W0, 3, 2}, {"b0", W0, 3, 2}},
         "b0",
         "3 entries, as many as W0 has rows, found 3 x 2"},
        {{{"W0", W0, 0, 2}}, "W0", "expected a matrix, found it empty"},
        {{{"A1", W0, 3, 2}, {"b1", b0, 3, 0}},
         "",
         "the output weights c beside the matrices A, found A1, b1"},
        {{{"A", W0, 3, 2}}, "", "the output weights c"},
        {{{"A", W0, 3, 2}, {"c", W0, 3, 2}}, "c", "expected a vector, found 3 x 2"},
        {{{"A", W0, 3, 2}, {"c", W1, 2, 0}}, "c", "a matrix with 3 columns, as many as A has rows"},
        {{{"W0", W0, 3, 2}, {"B0", b0, 3, 0}, {"W1", W1, 1, 3}},
         "B0",
         "no array of this name beside W0, because it looks like a parameter"},
        {{{"W1", W0, 3, 2}, {"b1", b0, 3, 0}, {"c", W1, 3, 0}}, "c", "beside W1, because"},
        {{{"W1", W0, 3, 2}, {"W", W1, 1, 3}}, "W", "beside W1, because"},
        {{{"w0", W0, 3, 2}, {"b", b0, 3, 0}}, "b", "beside w0, because"},
        {{{"W0", W0, 3, 2}, {"A", W1, 1, 3}}, "A", "beside W0, because"},
        {{{"W0", W0, 3, 2}, {"b_0", b0, 3, 0}}, "b_0", "beside W0, because"},
        {{{"W0", W0, 3, 2}, {"b00", b0, 3, 0}}, "b00", "beside W0, because"},
        {{{"W0", W0, 3, 2}, {"Bias0", b0, 3, 0}}, "Bias0", "beside W0, because"},
        {{{"W0", W0, 3, 2}, {"weights", b0, 3, 0}}, "weights", "beside W0, because"},
        {{{"A", W0, 3, 2}, {"c", W1, 3, 0}, {"b1", b0, 3, 0}}, "b1", "beside A, because"},
        {{{"A1", W0, 3, 2}, {"c", W1, 3, 0}, {"c1", b1, 1, 0}}, "c1", "beside A1, because"},
        {{{"W0", nan_weights, 3, 2}}, "layer 1", "finite numbers, but weight entry 2 is nan"},
        {{{"W0", W0, 3, 2}, {"b0", inf_bias, 3, 0}}, "layer 1", "bias entry 1 is infinite"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        bytes b = archive(bad[i].arrays);
        expect_refusal(b.data, b.size, bad[i].place, bad[i].words);
        bytes_free(&b);
    }
}

/* Keras' orientation is told from the shapes, and info says so; what fits both ways stays as it is. */
static void test_npz_orientation(void **state) {
    (void)state;
    static const struct {
        array arrays[8];
        const char *format;
        size_t inputs;
    } cases[] = {
        {{{"W0", W0, 3, 2}, {"W1", W1, 1, 3}}, "npz", 2},
        {{{"W0", W0t, 2, 3}, {"W1", W1, 3, 1}}, "npz, transposed", 2},
        {{{"W0", W0, 3, 2}, {"W1", W0t, 2, 3}}, "npz", 2},
        {{{"W0", W0t, 2, 3}, {"W1", W0, 3, 2}}, "npz", 3},
        {{{"W0", W0t, 2, 3}, {"b0", b0, 3, 0}, {"W1", W0, 3, 2}}, "npz, transposed", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        lip_network_info info;
        bytes b = archive(cases[i].arrays);
        lip_network *net = expect_network(b.data, b.size);
        lip_network_get_info(net, &info);
        assert_string_equal(info.format, cases[i].format);
        assert_int_equal(info.inputs, cases[i].inputs);
        lip_network_free(net);
        bytes_free(&b);
    }
}

static void refuse_entry(const char *header, const void *data, size_t size, const char *words) {
    zip_writer zip = {{NULL, 0}, {NULL, 0}, 0};
    zip_entry(&zip, "W0.npy", npy_file(header, data, size));
    bytes b = zip_close(&zip);
    expect_refusal(b.data, b.size, "W0", words);
    bytes_free(&b);
}

static void test_npz_damage(void **state) {
    (void)state;
    refuse_entry("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "", 0,
                 "pickled Python objects");
    refuse_entry("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1)}", b1, 8,
                 "3 dimensions");
    refuse_entry("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1)}", b1, 8,
                 "2 entries of 8 bytes");
    bytes b = archive((array[]){{"W0", W0, 3, 2}, {"W1", W1, 1, 3}, {NULL, NULL, 0, 0}});
    expect_prefixes_fail(b.data, b.size, SIZE_MAX);
    unsigned char *number =
        b.data + 30 + 6 + 10 + 70; /* inside the data of W0: the checksum tells */
    number[0] ^= 1;
    expect_refusal(b.data, b.size, NULL, "");
    number[0] ^= 1;
    lip_network_free(expect_network(b.data, b.size));
    for (size_t i = 0; i < b.size;
         ++i) { /* any byte flipped: no crash, and a sentence if refused */
        lip_network *net = NULL;
        lip_error err = {LIP_OK, "", "", ""};
        b.data[i] ^= 0xff;
        if (load(b.data, b.size, NULL, &net, &err) != LIP_OK) assert_true(err.message[0] != '\0');
        lip_network_free(net);
        b.data[i] ^= 0xff;
    }
    bytes_free(&b);
}

/* ---- .mat -------------------------------------------------------------------------------- */

static bytes abc_file(bool big_endian) {
    bytes b = mat_header(big_endian);
    mat_add_doubles(&b, "A", W0t, 3, 2, big_endian); /* by columns */
    mat_add_doubles(&b, "b", b0, 3, 1, big_endian);
    mat_add_doubles(&b, "c", W1, 3, 1, big_endian);
    return b;
}

static void add_cells(bytes *b, const char *name, const bytes *cells, size_t count) {
    bytes inner = mat_matrix(name, 1, 1, (unsigned)count, false);
    for (size_t i = 0; i < count; ++i) bytes_add(&inner, cells[i].data, cells[i].size);
    mat_element(b, 14, inner.data, inner.size, false);
    bytes_free(&inner);
}

static void add_cell_series(bytes *b, const char *name, const double *first, unsigned rows,
                            unsigned cols, const double *second, unsigned rows2, unsigned cols2) {
    bytes cell[2] = {{NULL, 0}, {NULL, 0}};
    mat_add_doubles(&cell[0], "", first, rows, cols, false);
    mat_add_doubles(&cell[1], "", second, rows2, cols2, false);
    add_cells(b, name, cell, 2);
    bytes_free(&cell[0]);
    bytes_free(&cell[1]);
}

static void add_text(bytes *b, const char *name, const char *columns, unsigned rows) {
    bytes inner = mat_matrix(name, 4, rows, (unsigned)strlen(columns) / rows, false);
    mat_element(&inner, 16, columns, strlen(columns), false);
    mat_element(b, 14, inner.data, inner.size, false);
    bytes_free(&inner);
}

static void test_mat_matrices(void **state) {
    (void)state;
    for (int big = 0; big < 2; ++big) {
        bytes b = abc_file(big);
        expect_known(b.data, b.size, true, false);
        expect_prefixes_fail(b.data, b.size, SIZE_MAX);
        mat_add_doubles(&b, "B1", b0, 3, 1, big);
        expect_refusal(b.data, b.size, "B1", "no array of this name beside A, because");
        bytes_free(&b);
    }
}

/* Values stored in narrower types, in small elements, and names in small elements. */
static void test_mat_types(void **state) {
    (void)state;
    bytes b = mat_header(false);
    static const int8_t bytes1[] = {1, -2, 3, -4};
    static const int16_t bytes2[] = {1, -2, 3, -4};
    static const int32_t bytes4[] = {1, -2, 3, -4};
    static const int64_t bytes8[] = {1, -2, 3, -4};
    static const float floats[] = {1, -2, 3, -4};
    static const struct {
        unsigned type;
        size_t size;
        const void *data;
    } same[] = {{1, 4, bytes1}, {3, 8, bytes2}, {5, 16, bytes4}, {7, 16, floats}, {12, 32, bytes8}};
    for (size_t i = 0; i < sizeof same / sizeof *same; ++i) {
        bytes inner = mat_matrix("W1", 6, 2, 2, false);
        if (same[i].size == 4) {
            bytes_add_number(&inner, same[i].type | 4u << 16, 4, false);
            bytes_add(&inner, same[i].data, 4);
        } else {
            mat_element(&inner, same[i].type, same[i].data, same[i].size, false);
        }
        b.size = 128;
        mat_element(&b, 14, inner.data, inner.size, false);
        lip_network *net = expect_network(b.data, b.size);
        double x[] = {1, 10}, y[] = {1 + 30, -2 - 40};
        expect_outputs(net, x, y, 2);
        lip_network_free(net);
        bytes_free(&inner);
    }
    bytes_free(&b);
}

static void test_mat_cells(void **state) {
    (void)state;
    bytes b = mat_header(false);
    add_cell_series(&b, "weights", W0t, 3, 2, W1, 1, 3);
    expect_known(b.data, b.size, false, false);
    add_cell_series(&b, "biases", b0, 1, 3, b1, 1, 1);
    expect_known(b.data, b.size, true, true);
    add_text(&b, "act_fcns", "rleilnue a r", 2); /* "relu  " and "linear" by columns */
    expect_known(b.data, b.size, true, true);
    bytes_free(&b);
    b = mat_header(false);
    add_cell_series(&b, "W", W0t, 3, 2, W1, 1, 3);
    add_cell_series(&b, "b", b0, 3, 1, b1, 1, 1);
    add_text(&b, "activation", "ReLU", 1);
    expect_known(b.data, b.size, true, true);
    bytes_free(&b);
}

/* A file that says so has a ReLU behind the last layer too. */
static void test_mat_last_relu(void **state) {
    (void)state;
    bytes b = mat_header(false);
    const double negative[] = {-1, -2, -3};
    add_cell_series(&b, "weights", W0t, 3, 2, negative, 1, 3);
    add_text(&b, "act_fcns", "rreelluu", 2);
    lip_network *net = expect_network(b.data, b.size);
    double x[] = {2, 1}, zero = 0;
    expect_outputs(net, x, &zero, 1);
    lip_network_free(net);
    bytes_free(&b);
}

static void test_mat_compressed(void **state) {
    (void)state;
    bytes plain = abc_file(false), b = mat_header(false);
    for (size_t at = 128; at < plain.size;) { /* each variable into its own stream */
        size_t size = 8 + (plain.data[at + 4] | (size_t)plain.data[at + 5] << 8);
        unsigned char packed[1000];
        uLongf length = sizeof packed;
        assert_int_equal(compress(packed, &length, plain.data + at, (uLong)size), Z_OK);
        bytes_add_number(&b, 15, 4, false);
        bytes_add_number(&b, length, 4, false);
        bytes_add(&b, packed, length);
        at += size;
    }
    expect_known(b.data, b.size, true, false);
    expect_prefixes_fail(b.data, b.size, SIZE_MAX);
    b.data[145] ^= 0x55;
    expect_refusal(b.data, b.size, "byte 128", "the compressed data");
    bytes_free(&plain);
    bytes_free(&b);
}

static bytes with_variable(const char *name, unsigned class, unsigned rows, unsigned cols,
                           unsigned type, size_t size) {
    static const unsigned char zeros[64];
    bytes b = mat_header(false), inner = mat_matrix(name, class, rows, cols, false);
    mat_element(&inner, type, zeros, size, false);
    mat_element(&b, 14, inner.data, inner.size, false);
    bytes_free(&inner);
    return b;
}

static void test_mat_refusals(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned class, rows, cols, type;
        size_t size;
        const char *place, *words;
    } bad[] = {
        {"A", 6, 2, 2, 9, 24, "byte 184", "2 x 2 values of 'A', found type 9 and 24 bytes"},
        {"A", 6, 2, 2, 9, 40, "byte 184", "2 x 2 values of 'A', found type 9 and 40 bytes"},
        {"A", 6, 2, 2, 11, 32, "byte 184", "found type 11 and 32 bytes"},
        {"A", 6, 0x7fffffff, 0x7fffffff, 9, 32, "byte 184", "2147483647 x 2147483647 values"},
        {"A", 6, 0xffffffff, 1, 9, 8, "byte 152", "dimensions of at least 0"},
        {"A", 6, 2, 2, 9, 32, "", "the output weights c beside the matrices A, found A (a matrix)"},
        {"A", 5, 2, 2, 5, 32, "A", "a sparse matrix (save full(A) instead)"},
        {"A", 6 + 0x800, 2, 2, 9, 32, "A", "expected a matrix, found a complex matrix"},
        {"A", 2, 1, 1, 5, 4, "A", "expected a matrix, found a struct"},
        {"A", 4, 1, 2, 4, 4, "A", "expected a matrix, found a text"},
        {"A", 16, 1, 1, 4, 4, "A", "expected a matrix, found a function"},
        {"net", 3, 1, 1, 4, 4, "", "found net (an object)"},
        {"x", 6, 2, 2, 9, 32, "", "found x (a matrix)"},
        {"weights", 1, 1, 1, 9, 32, "byte 184", "expected an array as cell 1, found type 9"},
        {"weights", 1, 1, 999, 9, 32, "byte 184", "1 x 999 cells of 'weights', found 40 bytes"},
        {"weights", 1, 1, 1, 14, 0, "weights{1}", "expected a matrix, found an empty array"},
        {"weights", 1, 0, 0, 14, 0, "", "at least one layer, found none"},
        {"W1", 6, 0, 3, 9, 0, "W1", "expected a matrix, found it empty"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        bytes b = with_variable(bad[i].name, bad[i].class, bad[i].rows, bad[i].cols, bad[i].type,
                                bad[i].size);
        expect_refusal(b.data, b.size, bad[i].place, bad[i].words);
        bytes_free(&b);
    }
}

static void test_mat_cell_refusals(void **state) {
    (void)state;
    bytes b = mat_header(false);
    expect_refusal(b.data, b.size, "", "found none");
    add_cell_series(&b, "biases", b0, 1, 3, b1, 1, 1);
    expect_refusal(b.data, b.size, "biases", "this file holds biases only");
    add_cell_series(&b, "weights", W0t, 3, 2, W1, 1, 2);
    expect_refusal(b.data, b.size, "weights{2}",
                   "3 columns, as many as weights{1} has rows, found 1 x 2");
    bytes_free(&b);
    b = mat_header(false);
    add_cell_series(&b, "weights", W0t, 3, 2, W1, 1, 3);
    size_t size = b.size;
    mat_add_doubles(&b, "B", b0, 3, 1, false);
    expect_refusal(b.data, b.size, "B", "no variable of this name beside weights, because");
    b.size = size;
    mat_add_doubles(&b, "bias\x1b\xff\xc3\xa4", b0, 3, 1, false);
    expect_refusal(b.data, b.size, "bias??\xc3\xa4", "beside weights, because");
    b.size = size;
    add_cell_series(&b, "Biases", b0, 1, 3, b1, 1, 1);
    expect_refusal(b.data, b.size, "Biases", "beside weights, because");
    b.size = size;
    add_text(&b, "act_fcns", "tlainnhe a r", 2);
    expect_refusal(b.data, b.size, "act_fcns", "expected relu behind layer 1, found 'tanh'");
    b.size = size;
    add_text(&b, "act_fcns", "llliiinnneeeaaarrr", 3);
    expect_refusal(b.data, b.size, "act_fcns", "the names of 2 activations, found a text");
    b.size = size;
    bytes cell = {NULL, 0};
    mat_add_doubles(&cell, "", b0, 3, 1, false);
    add_cells(&b, "biases", &cell, 1);
    expect_refusal(b.data, b.size, "biases", "2 cells, as many as weights has, found 1");
    bytes_free(&cell);
    bytes_free(&b);
}

static void test_mat_headers(void **state) {
    (void)state;
    bytes b = abc_file(false);
    b.data[126] = 'X';
    expect_refusal(b.data, b.size, "byte 126", "the byte order 'IM' or 'MI', found 58 4d");
    b.data[126] = 'I', b.data[125] = 2;
    expect_refusal(b.data, b.size, "byte 124", "version 1.0, found 2.0");
    b.data[125] = 1, b.data[128] = 9;
    expect_refusal(b.data, b.size, "byte 128", "an array or compressed data, found type 9");
    b.data[128] = 14, b.data[136] = 5;
    expect_refusal(b.data, b.size, "byte 136", "array flags of 8 bytes, found type 5");
    b.data[136] = 6, b.data[152] = 6;
    expect_refusal(b.data, b.size, "byte 152", "two or more dimensions, found type 6");
    b.data[152] = 5, b.data[168] = 2;
    lip_network_free(expect_network(b.data, b.size));
    b.data[168] = 9;
    expect_refusal(b.data, b.size, "byte 168", "a name of at most 63 bytes, found type 9");
    b.data[168] = 1, b.data[134] = 1;
    expect_refusal(b.data, b.size, "byte 128", "a variable of");
    b.data[134] = 0;
    for (size_t i = 128; i < b.size; ++i) {
        lip_network *net = NULL;
        lip_error err = {LIP_OK, "", "", ""};
        b.data[i] ^= 0xff;
        if (load(b.data, b.size, NULL, &net, &err) != LIP_OK) assert_true(err.message[0] != '\0');
        lip_network_free(net);
        b.data[i] ^= 0xff;
    }
    bytes_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npz_conventions), cmocka_unit_test(test_npz_square),
        cmocka_unit_test(test_npz_orientation), cmocka_unit_test(test_npz_refusals),
        cmocka_unit_test(test_npz_damage),      cmocka_unit_test(test_mat_matrices),
        cmocka_unit_test(test_mat_types),       cmocka_unit_test(test_mat_cells),
        cmocka_unit_test(test_mat_last_relu),   cmocka_unit_test(test_mat_compressed),
        cmocka_unit_test(test_mat_refusals),    cmocka_unit_test(test_mat_cell_refusals),
        cmocka_unit_test(test_mat_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
