/* Recognition by content, gzip, files that are none, and chains from memory. */
#include "common.h"

#include "read/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char canonical[] = "lipcert-network 1\ninput 1\nlayers 1\nlayer 1 1 linear 1\n"
                                "bias 0x1p+0\nterm 0 dense 1 1\n0x1p+1\nend\n";

/* gzip of `size` bytes. */
static bytes gzip(const void *data, size_t size) {
    bytes b = {malloc(size + 200), 0};
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = b.data;
    z.avail_out = (uInt)size + 200;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.size = z.total_out;
    deflateEnd(&z);
    return b;
}

static void test_recognition(void **state) {
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        lip_reader reader;
    } known[] = {
        {"lipcert-network 1\n", 18, lip_read_canonical},
        {"lipcert-network 2\n", 18, lip_read_canonical},
        {"PK\3\4", 4, lip_read_npz},
        {"PK\5\6", 4, lip_read_npz},
        {"MATLAB 5.0 MAT-file, Platform", 29, lip_read_mat},
        {"// .nnet", 8, lip_read_nnet},
        {"\r\n  // .nnet", 12, lip_read_nnet},
        {"7,5,5,50,\n", 10, lip_read_nnet},
        {"3 , 2 , 1\n", 10, lip_read_nnet},
        {"\x08\x07\x12\x04", 4, lip_read_onnx},
        {"\x08\x03\x12\x07pytorch", 11, lip_read_onnx},
        {"\x12\x07pytorch\x1a\x01", 11, lip_read_onnx},
        {"\x3a\x80\x01\x0a\x02", 5, lip_read_onnx},
        {"\xca\x01\x02\x08", 4, lip_read_onnx},
        {"lipcert-networks", 16, NULL},
        {"PK\1\2", 4, NULL},
        {"MATLAB 4.0", 10, NULL},
        {"7.5,3\n", 6, NULL},
        {"3 2 1\n", 6, NULL},
        {"(declare-const X_0 Real)", 24, NULL},
        {":x", 2, NULL},
        {"\x93NUMPY\1\0", 8, NULL},
        {"\x80\x02", 2, NULL},
        {"\x08", 1, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
        unsigned char *copy = malloc(known[i].size + 1);
        assert_non_null(copy);
        memcpy(copy, known[i].data, known[i].size);
        if (lip_reader_for(copy, known[i].size) != known[i].reader) fail_msg("case %zu", i);
        free(copy);
    }
}

static void test_strangers(void **state) {
    (void)state;
    expect_refusal("", 0, "", "expected a network, found no data");
    expect_refusal("\x93NUMPY\1\0", 8, "", "a .npy file, which holds a single array");
    expect_refusal("MATLAB 7.3 MAT-file", 19, "", "'save -v7'");
    expect_refusal("\x89HDF\r\n\x1a\n", 8, "", "HDF5");
    expect_refusal("\x80\x04\x95", 3, "", "a Python pickle");
    expect_refusal("(declare", 8, "", "starts with the bytes 28 64 65 63 6c 61 72 65 ('(declare')");
    expect_refusal("x", 1, "",
                   "expected an ONNX, .nnet, .npz, MATLAB level 5 or lipcert-network file");
    expect_refusal("\xff\xfe\x00", 3, "", "starts with the bytes ff fe 00");
}

static void test_gzip(void **state) {
    (void)state;
    size_t size = strlen(canonical);
    bytes b = gzip(canonical, size), twice = gzip(b.data, b.size);
    expect_same(expect_network(b.data, b.size), expect_network(canonical, size));
    expect_prefixes_fail(b.data, b.size, SIZE_MAX);
    expect_refusal(twice.data, twice.size, "", "another gzip file inside");
    bytes_add(&b, "x", 1);
    expect_refusal(b.data, b.size, "", "the end of the compressed data, found 1 more");
    --b.size;
    b.data[b.size - 5] ^= 1; /* the checksum */
    expect_refusal(b.data, b.size, "", "the compressed data is damaged (incorrect data check)");
    bytes_free(&b);
    bytes_free(&twice);
    b = gzip("", 0);
    expect_refusal(b.data, b.size, "", "found no data");
    bytes_free(&b);
    b = gzip(canonical, size - 10); /* two members are one file */
    twice = gzip(canonical + size - 10, 10);
    bytes_add(&b, twice.data, twice.size);
    expect_same(expect_network(b.data, b.size), expect_network(canonical, size));
    bytes_free(&b);
    bytes_free(&twice);
}

/* What a small file may unpack to is limited. */
static void test_inflate_limit(void **state) {
    (void)state;
    assert_int_equal(lip_inflate_limit(1), (size_t)1 << 28);
    assert_int_equal(lip_inflate_limit((size_t)1 << 23), (size_t)1 << 29);
    assert_int_equal(lip_inflate_limit(SIZE_MAX), LIP_FILE_LIMIT);
    enum { SIZE = 1 << 20 };
    void *zeros = calloc(SIZE, 1);
    assert_non_null(zeros);
    bytes b = gzip(zeros, SIZE);
    unsigned char *out = NULL;
    size_t size;
    lip_error err;
    assert_int_equal(lip_inflate(b.data, b.size, LIP_GZIP, SIZE, &out, &size, &err), LIP_OK);
    assert_int_equal(size, SIZE);
    free(out);
    out = NULL;
    assert_int_equal(lip_inflate(b.data, b.size, LIP_GZIP, SIZE - 1, &out, &size, &err),
                     LIP_UNSUPPORTED);
    assert_null(out);
    assert_non_null(strstr(err.message, "at most 1048575 bytes after decompression"));
    bytes_free(&b);
    free(zeros);
}

/* Bytes of a file in a message: printable ASCII and well-formed UTF-8 stay, all else becomes '?'. */
static void test_quotes(void **state) {
    (void)state;
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"", "''"},
        {"plain ~", "'plain ~'"},
        {"\x1b[31m\n\r\t\x7f", "'?[31m???\?'"},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82", "'\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82'"},
        {"\xff\xfe \x80 \xc3", "'?? ? ?'"},
        {"\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "'?? ??? ???\?'"},
        {"\xed\xa0\x80 \xf4\x90\x80\x80 \xf5\x80\x80\x80", "'??? ???? ???\?'"},
        {"\xc2\x9b"
         "31m \xc2\xa0",
         "'??31m \xc2\xa0'"},
        {"\xe2\x82", "'?\?'"},
        {"123456789012345678901234567890123456789012",
         "'1234567890123456789012345678901234567890...'"},
        {"123456789012345678901234567890123456789\xc3\xa4",
         "'123456789012345678901234567890123456789...'"},
        {"12345678901234567890123456789012345678\xc3\xa4x",
         "'12345678901234567890123456789012345678\xc3\xa4...'"},
        {"1234567890123456789012345678901234567\x80\x80\x80\x80\x80\x80",
         "'1234567890123456789012345678901234567???...'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char buffer[LIP_QUOTE_SIZE];
        lip_quote(buffer, cases[i].text, strlen(cases[i].text));
        if (strcmp(buffer, cases[i].quoted) != 0) fail_msg("case %zu: %s", i, buffer);
    }
}

static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *path, *words;
        lip_status status;
    } bad[] = {
        {"no-such-file", "cannot open: No such file or directory", LIP_IO},
        {".", "expected a file, found a directory", LIP_IO},
        {"/dev/null", "the file is empty", LIP_FORMAT},
        {"/dev/zero", "at most 67108864 bytes from a pipe or device, found more", LIP_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        lip_network *net = NULL;
        lip_error err;
        assert_int_equal(lip_network_load(bad[i].path, NULL, &net, &err), bad[i].status);
        assert_string_equal(err.file, bad[i].path);
        if (!strstr(err.message, bad[i].words)) fail_msg("%s", err.message);
        assert_null(net);
    }
    FILE *file = fopen("wrong-name.onnx", "wb"); /* names play no part */
    assert_non_null(file);
    fputs(canonical, file);
    fclose(file);
    lip_network *net = NULL;
    assert_int_equal(lip_network_load("wrong-name.onnx", NULL, &net, NULL), LIP_OK);
    expect_same(net, expect_network(canonical, strlen(canonical)));
    unsigned char *data = NULL;
    size_t size;
    lip_error err;
    assert_int_equal(lip_read_file("wrong-name.onnx", 10, &data, &size, &err), LIP_UNSUPPORTED);
    assert_string_equal(err.message, "expected at most 10 bytes, found more");
    remove("wrong-name.onnx");
}

static void test_dense(void **state) {
    (void)state;
    const size_t width[] = {2, 3, 1}, none[] = {2, 0, 1};
    const double w0[] = {1, 2, -1.5, .5, 0, 1}, w1[] = {1, 2, 3}, b0[] = {.25, -1, .125},
                 bad[] = {1, 2, NAN};
    const double *weight[] = {w0, w1}, *bias[] = {b0, NULL}, *missing[] = {w0, NULL},
                 *nan[] = {w0, bad};
    lip_network *net = NULL;
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    double x[] = {2, 1}, y = 4.25 + 3 * 1.125;
    expect_outputs(net, x, &y, 1);
    lip_network_free(net);
    net = NULL;
    assert_int_equal(lip_network_create_dense(2, width, weight, NULL, &net, &err), LIP_OK);
    double z = 4 + 3;
    expect_outputs(net, x, &z, 1);
    lip_network_free(net);
    net = NULL;
    assert_int_equal(lip_network_create_dense(0, width, weight, bias, &net, &err), LIP_ARGUMENT);
    assert_int_equal(lip_network_create_dense(2, none, weight, bias, &net, &err), LIP_ARGUMENT);
    assert_int_equal(lip_network_create_dense(2, width, missing, bias, &net, &err), LIP_ARGUMENT);
    assert_non_null(strstr(err.message, "a 1 x 3 matrix for layer 2, found none"));
    assert_int_equal(lip_network_create_dense(2, width, nan, bias, &net, &err), LIP_ARGUMENT);
    assert_int_equal(err.status, LIP_ARGUMENT);
    assert_non_null(strstr(err.message, "weight entry 2 is nan"));
    assert_null(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognition), cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_gzip),        cmocka_unit_test(test_inflate_limit),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_dense),
        cmocka_unit_test(test_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
