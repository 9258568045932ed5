/* Points from .npy and text, and VNN-LIB boxes. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* ---- Points ------------------------------------------------------------------------------ */

static lip_status point(const void *data, size_t size, size_t row, size_t n, double *x,
                        lip_error *err) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size > 0) memcpy(copy, data, size);
    lip_status status = lip_read_point(copy, size, row, 2, n, x, err);
    free(copy);
    return status;
}

static void expect_point(const void *data, size_t size, size_t row, size_t n,
                         const double *wanted) {
    double x[8];
    lip_error err;
    if (point(data, size, row, n, x, &err) != LIP_OK) fail_msg("refused: %s", err.message);
    for (size_t i = 0; i < n; ++i)
        if (x[i] != 2 * wanted[i]) fail_msg("entry %zu is %g, not %g", i, x[i], 2 * wanted[i]);
}

static void expect_no_point(const void *data, size_t size, size_t row, size_t n, const char *place,
                            const char *words) {
    double x[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    lip_error err;
    if (point(data, size, row, n, x, &err) == LIP_OK)
        fail_msg("accepted, though expected: %s", words);
    assert_string_equal(err.place, place);
    if (!strstr(err.message, words)) fail_msg("'%s' lacks '%s'", err.message, words);
    for (size_t i = 0; i < 8; ++i) assert_true(x[i] == 7);
}

static void test_tables(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t row;
    } good[] = {{"1,2,3", 0},
                {"0,0,0\n1,2,3\n", 1},
                {"a,b,c\n1,2,3\n", 0},
                {"# comment\n\n \t\n1 2 3 # more\n", 0},
                {"9,1,2,3\n", 0},
                {"label;a;b;c\n5;0;0;0\n6;1;2;3", 1},
                {"1\t2\t3\r\n", 0},
                {" 1 , 2 , 3 \n", 0},
                {"1,2,3,\n", 0},
                {"1.\n2e0\n.3e1\n", 0},
                {"x\n1\n2\n3\n", 0},
                {"0 0\n1,2,3\n", 1},
                {"x1;nano;info\n1,2,3", 0},
                {"\"a\",-b,.c\n1,2,3\n", 0},
                {"\xef\xbb\xbf"
                 "1,2,3\n",
                 0},
                {"\xef\xbb\xbf"
                 "a,b,c\n1,2,3\n",
                 0}};
    const double wanted[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i)
        expect_point(good[i].text, strlen(good[i].text), good[i].row, 3, wanted);
    expect_point("4\n5\n6\n", 6, 2, 1, (double[]){6}); /* one input: each line is a point */
    expect_point("9,4\n9,5\n", 8, 1, 1, (double[]){5});
}

static void test_table_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t row;
        const char *place, *words;
    } bad[] = {{"", 0, "", "found no data"},
               {"\n# only\n", 0, "", "expected numbers, found none"},
               {"a,b,c\n", 0, "", "expected numbers, found none"},
               {"1,2,3\n", 1, "", "from 0 to 0, because there is 1 row, found 1"},
               {"1,2,3\n4,5,6\n", 2, "", "from 0 to 1, because there are 2 rows, found 2"},
               {"1,2\n", 0, "line 1", "expected 3 numbers (or 4, the first a label), found 2"},
               {"1,2,3\n1,2,3,4,5\n", 1, "line 2", "found 5"},
               {"1\n2\n", 0, "", "expected 3 numbers, found 2"},
               {"8\n1\n2\n3\n", 0, "", "expected 3 numbers, found 4"},
               {"1\n2\n3\n4\n5\n", 0, "", "found 5"},
               {"1,nan,3\n4,5,6\n", 0, "line 1", "found 'nan'"},
               {"NaN,-Inf,+infinity\n4,5,6\n", 0, "line 1", "a finite number, found 'NaN'"},
               {"a,b,-nan(ind)\n4,5,6\n", 0, "line 1", "this line holds '-nan(ind)'"},
               {"1,2,3O\n4,5,6\n", 0, "line 1", "a finite number, found '3O'"},
               {"1,2,x\n4,5,6\n", 0, "line 1",
                "found 'x'; and a header holds no number, but this line holds '1'"},
               {"1,,3\n4,5,6\n", 0, "line 1", "found ''"},
               {"x,1x1,1x2\n4,5,6\n", 0, "line 1", "this line holds '1x1'"},
               {"\"1\",\"2\",\"3\"\n4,5,6\n", 0, "line 1", "found '\"1\"'"},
               {"a,b,-.5\n4,5,6\n", 0, "line 1", "this line holds '-.5'"},
               {"\xef\xbb\xbf"
                "1,2,z\n",
                0, "line 1", "found 'z'"},
               {"1,2,3\n1,\xff\x1b[2J,3\n", 1, "line 2", "found '??[2J'"},
               {"1,2,3\n1,\xc3\xa4,3\n", 1, "line 2", "found '\xc3\xa4'"},
               {"1\n2\n3\n", 1, "", "from 0 to 0"},
               {"1,2,3\n1,x,3\n", 0, "line 2", "a finite number, found 'x'"},
               {"a\nb\n1,2,3\n", 0, "line 2", "found 'b'"},
               {"1,2,3\n1,,3\n", 1, "line 2", "found ''"},
               {"1,2,3\n1,nan,3\n", 1, "line 2", "found 'nan'"},
               {"1,2,3\n1,inf,3\n", 1, "line 2", "found 'inf'"},
               {"1,2,3\n1,1e309,3\n", 1, "line 2", "found '1e309'"},
               {"1,2,1.5e308\n", 0, "", "entry 2 of the point is infinite or too large"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        expect_no_point(bad[i].text, strlen(bad[i].text), bad[i].row, 3, bad[i].place,
                        bad[i].words);
    expect_no_point("1,2\0,3", 6, 0, 3, "", "found binary data");
}

#define HEADER(descr, order, shape)                                                                \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void expect_array(const char *header, const void *data, size_t size, size_t row) {
    const double wanted[] = {1, 2, 3};
    bytes b = npy_file(header, data, size);
    expect_point(b.data, b.size, row, 3, wanted);
    bytes_free(&b);
}

static void test_arrays(void **state) {
    (void)state;
    const double x[] = {1, 2, 3};
    const float f[] = {1, 2, 3};
    const int16_t s[] = {1, 2, 3};
    const double two[] = {0, 1, 0, 2, 0, 3}; /* Fortran order: rows (0 0 0) and (1 2 3) */
    expect_array(HEADER("<f8", "False", "(3,)"), x, 24, 0);
    expect_array(HEADER("<f8", "False", "(1, 3)"), x, 24, 0);
    expect_array(HEADER("<f8", "False", "(3, 1)"), x, 24, 0);
    expect_array(HEADER("<f8", "False", "(1, 1, 3)"), x, 24, 0);
    expect_array(HEADER("<f8", "True", "(2, 3)"), two, 48, 1);
    expect_array(HEADER("<f8", "True", "(2, 1, 3)"), two, 48, 1);
    expect_array(HEADER("<f4", "False", "(3,)"), f, 12, 0);
    expect_array(HEADER("<i2", "False", "(3,)"), s, 6, 0);
    expect_array(HEADER("=u2", "False", "(3,)"), s, 6, 0);
    expect_array(HEADER(">i2", "False", "(3,)"), "\0\1\0\2\0\3", 6, 0);
    expect_array(HEADER(">f8", "False", "(3,)"),
                 "\x3f\xf0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\x08\0\0\0\0\0\0", 24, 0);
    expect_array(HEADER(">f4", "False", "(3,)"), "\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0", 12, 0);
    expect_array(HEADER("<f2", "False", "(3,)"), "\x00\x3c\x00\x40\x00\x42", 6, 0);
    expect_array(HEADER("|u1", "False", "(3,)"), "\1\2\3", 3, 0);
    expect_array("{'shape':(3,),\"fortran_order\":False,'descr':'<u8'}",
                 "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
                 "\3\0\0\0\0\0\0\0",
                 24, 0);
    bytes b = npy_file(HEADER("<i8", "False", "(3,)"),
                       "\xff\xff\xff\xff\xff\xff\xff\xff"
                       "\0\0\0\0\0\0\0\x80\1\0\0\0\0\0\0\0",
                       24);
    expect_point(b.data, b.size, 0, 3, (double[]){-1, -0x1p63, 1});
    bytes_free(&b);
    b = npy_file(HEADER("|u1", "False", "(2, 1)"), "\7\5", 2); /* two points of one entry */
    expect_point(b.data, b.size, 0, 1, (double[]){7});
    expect_point(b.data, b.size, 1, 1, (double[]){5});
    expect_no_point(b.data, b.size, 2, 1, "", "from 0 to 1");
    bytes_free(&b);
    b = npy_file(HEADER("|b1", "False", "()"), "\1", 1);
    expect_point(b.data, b.size, 0, 1, (double[]){1});
    bytes_free(&b);
}

static void test_array_refusals(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t size, row;
        const char *place, *words;
    } bad[] = {
        {HEADER("<f8", "False", "(4,)"), 24, 0, "byte 68", "4 entries of 8 bytes, found 24 bytes"},
        {HEADER("<f8", "False", "(2,)"), 24, 0, "byte 68", "2 entries of 8 bytes, found 24 bytes"},
        {HEADER("<f8", "False", "(2,)"), 16, 0, "", "expected 3 numbers, found 2"},
        {HEADER("<f8", "False", "(4,)"), 32, 0, "", "expected 3 numbers, found 4"},
        {HEADER("<f8", "False", "(1, 4)"), 32, 0, "", "expected 3 numbers, found 4"},
        {HEADER("<f8", "False", "(2, 4)"), 64, 0, "", "expected 3 numbers, found 4"},
        {HEADER("<f8", "False", "(2, 2)"), 32, 0, "", "expected 3 numbers, found 2"},
        {HEADER("<f8", "False", "(2, 5)"), 80, 0, "", "found 5"},
        {HEADER("<f8", "False", "(2, 3)"), 48, 2, "",
         "from 0 to 1, because there are 2 rows, found 2"},
        {HEADER("<f8", "False", "(3,)"), 24, 1, "", "from 0 to 0, because there is 1 row, found 1"},
        {HEADER("<f8", "False", "(0,)"), 0, 0, "", "expected numbers, found none"},
        {HEADER("<f8", "False", "(0, 3)"), 0, 0, "", "expected numbers, found none"},
        {HEADER("|O", "False", "(3,)"), 24, 0, "array header", "pickled Python objects"},
        {HEADER("<c8", "False", "(3,)"), 24, 0, "array header", "found '<c8'"},
        {HEADER("<U3", "False", "(3,)"), 36, 0, "array header", "found '<U3'"},
        {HEADER("<f16", "False", "(3,)"), 48, 0, "array header", "found '<f16'"},
        {HEADER("<f", "False", "(3,)"), 48, 0, "array header", "found '<f'"},
        {HEADER("", "False", "(3,)"), 48, 0, "array header", "found ''"},
        {HEADER("<f8", "Maybe", "(3,)"), 24, 0, "array header",
         "expected True or False, found 'Maybe"},
        {HEADER("<f8", "False", "(3"), 24, 0, "array header", "an extent of the shape"},
        {HEADER("<f8", "False", "3"), 24, 0, "array header", "expected a shape such as (3, 4)"},
        {HEADER("<f8", "False", "(-3,)"), 24, 0, "array header",
         "an extent of the shape, found '-3"},
        {HEADER("<f8", "False", "(3.0,)"), 24, 0, "array header", "',' or ')' in the shape"},
        {HEADER("<f8", "False", "(999999999999999, 999999999999999)"), 24, 0, "array header",
         "2^60"},
        {"{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (3,)}", 24, 0, "array header",
         "a structured array"},
        {"{'descr': '<f8', 'fortran_order': False}", 24, 0, "array header", "only some of them"},
        {"{'descr': '<f8', 'descr': '<f8'}", 24, 0, "array header", "once each, found 'descr'"},
        {"{'dtype': '<f8'}", 24, 0, "array header", "found 'dtype'"},
        {"{'descr': '<f8}", 24, 0, "array header", "a closed string"},
        {"('descr': '<f8')", 24, 0, "array header", "expected '{', found '('descr"},
        {"", 24, 0, "array header", "expected '{', found its end"},
        {HEADER("<f8", "False", "(3,)") "x", 24, 0, "array header",
         "the end of the header, found 'x'"},
    };
    static const double zeros[16];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        bytes b = npy_file(bad[i].header, zeros, bad[i].size);
        expect_no_point(b.data, b.size, bad[i].row, 3, bad[i].place, bad[i].words);
        bytes_free(&b);
    }
    bytes b = npy_file(HEADER("<f8", "False", "(3,)"), (double[]){1, NAN, 3}, 24);
    expect_no_point(b.data, b.size, 0, 3, "", "entry 1 of the point is nan");
    for (size_t n = 0; n < b.size; ++n) {
        double x[8];
        assert_int_not_equal(point(b.data, n, 0, 3, x, NULL), LIP_OK);
    }
    b.data[6] = 4;
    expect_no_point(b.data, b.size, 0, 3, "byte 6", "version 1 to 3, found 4");
    b.data[6] = 2; /* a header of 2^16 bytes or more */
    expect_no_point(b.data, b.size, 0, 3, "byte 8", "found the end of the data");
    bytes_free(&b);
}

static void test_point_files(void **state) {
    (void)state;
    double x[3];
    lip_error err;
    assert_int_equal(lip_point_load("no-such-file", 0, 1, 3, x, &err), LIP_IO);
    assert_string_equal(err.file, "no-such-file");
    assert_int_equal(lip_point_load(".", 0, 1, 3, x, &err), LIP_IO);
    assert_non_null(strstr(err.message, "found a directory"));
    FILE *file = fopen("point.csv", "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(lip_point_load("point.csv", 0, 1, 3, x, &err), LIP_FORMAT);
    assert_string_equal(err.message, "the file is empty");
    file = fopen("point.csv", "w");
    assert_non_null(file);
    fputs("1,2,3\n4,5,6\n", file);
    fclose(file);
    assert_int_equal(lip_point_load("point.csv", 1, .5, 3, x, &err), LIP_OK);
    assert_true(x[0] == 2 && x[1] == 2.5 && x[2] == 3);
    gzFile packed = gzopen("point.csv", "wb"); /* the name does not matter, the content does */
    assert_non_null(packed);
    assert_int_equal(gzputs(packed, "7,8,9\n"), 6);
    gzclose(packed);
    assert_int_equal(lip_point_load("point.csv", 0, 1, 3, x, &err), LIP_OK);
    assert_true(x[0] == 7 && x[1] == 8 && x[2] == 9);
    assert_int_equal(truncate("point.csv", 20), 0);
    assert_int_equal(lip_point_load("point.csv", 0, 1, 3, x, &err), LIP_FORMAT);
    assert_string_equal(err.message, "the compressed data ends too early");
    remove("point.csv");
}

/* ---- VNN-LIB ----------------------------------------------------------------------------- */

static const char box[] = "; comment ( with parentheses\n"
                          "(set-logic QF_LRA)\n"
                          "(declare-const X_0 Real)\n"
                          "(declare-fun X_1 () Real)\n"
                          "(declare-const Y_0 Real) (declare-const Y_1 Real)\n"
                          "(assert (<= X_0 0.1))\n"
                          "(assert (>= X_0 -0.5))\n"
                          "(assert (and (<= -2 X_1) (>= 3e-1 X_1)))\n"
                          "(assert (or (and (>= Y_0 Y_1)) (<= (+ Y_0 (* 2.0 Y_1)) 0.5)))\n";

static lip_status region(const char *text, size_t size, size_t n, double *lo, double *hi,
                         lip_error *err) {
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size > 0) memcpy(copy, text, size);
    lip_status status = lip_read_vnnlib(copy, size, n, lo, hi, err);
    free(copy);
    return status;
}

static void expect_box(const char *text, const double *lo, const double *hi) {
    double low[2], high[2];
    lip_error err;
    if (region(text, strlen(text), 2, low, high, &err) != LIP_OK)
        fail_msg("refused: %s: %s", err.place, err.message);
    for (size_t i = 0; i < 2; ++i)
        if (low[i] != lo[i] || high[i] != hi[i])
            fail_msg("X_%zu in [%.17g, %.17g], not [%.17g, %.17g]", i, low[i], high[i], lo[i],
                     hi[i]);
}

/* .1 and .3 are no doubles: the nearest to .1 is above it, the nearest to .3 below. */
#define TENTH    0x1.999999999999ap-4
#define THIRD_UP 0x1.3333333333334p-2

static void test_boxes(void **state) {
    (void)state;
    const double lo[] = {-.5, -2}, hi[] = {TENTH, THIRD_UP};
    static const char *const same[][2] = {
        {"0.1", "0.1"},
        {"<= X_0", "< X_0"},
        {"(<= X_0 0.1)", "(>= 0.1 X_0)"},
        {"-0.5", "(- 0.5)"},
        {"(>= X_0 -0.5)", "(>= (- 0.5) X_0))\n(assert (>= X_0 (- (- (- .5))))"},
        {"(>= X_0 -0.5)", "(and (>= X_0 -0.5) (>= X_0 -7) (and))"},
        {"(>= X_0 -0.5)", "(or (and (>= X_0 -0.5) (<= Y_0 3)))"},
        {"(>= X_0 -0.5)", "(or (and (>= X_0 -0.5) (<= Y_0 3)) (and (>= Y_0 4) (>= X_0 -.5)))"},
        {"(set-logic QF_LRA)", "(check-sat)(exit)\r\n\t"},
        {"(assert (or", "(assert (xor"},
        {"; comment", "(set-info :status unsat) ;"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; ++i) {
        char *text = replaced(box, same[i][0], same[i][1]);
        double up[] = {hi[0], hi[1]}, down[] = {lo[0], lo[1]};
        if (strstr(same[i][1], "(>= (- 0.5) X_0)")) up[0] = -.5;
        expect_box(text, down, up);
        free(text);
    }
    char *text = replaced(box, "(<= X_0 0.1)", "(= X_0 0.1)");
    expect_box(text, (double[]){nextafter(.1, 0), -2}, hi);
    free(text);
}

static const variant refusals[] = {
    {"(assert (<= X_0 0.1))\n", "", "", "X_0 has no upper bound"},
    {"(>= X_0 -0.5)", "(<= X_0 -0.5)", "", "X_0 has no lower bound"},
    {"-0.5", "0.2", "", "X_0 has the lower bound 0.19999999999999998 above"},
    {"(declare-fun X_1 () Real)\n", "", "line 7", "a declared variable, found 'X_1'"},
    {"(declare-fun X_1 () Real)", "(declare-const X_0 Real)", "line 4", "X_0 is declared twice"},
    {"(declare-fun X_1 () Real)", "(declare-const X_2 Real)", "line 4",
     "inputs X_0 to X_1 of the network, found X_2"},
    {"X_0 Real", "X_0 Int", "line 3", "the type Real, found 'Int'"},
    {"X_0 Real", "X_0", "line 3", "a declaration (declare-const NAME Real)"},
    {"X_0 Real", "x Real", "line 3", "an input X_i or an output Y_j, found 'x'"},
    {"X_0 Real", "X_00 Real", "line 3", "found 'X_00'"},
    {"X_1 () Real", "X_1 (Real) Real", "line 4", "() in a declaration"},
    {"Y_1 Real", "Y_77777 Real", "line 5", "found Y_77777"},
    {"Y_1 Real", "Y_2 Real", "line 9", "a declared variable, found 'Y_1'"},
    {"(set-logic", "(declare-sort", "line 2",
     "declare-const or assert, found the expression ('declare-sort'"},
    {"(set-logic QF_LRA)", "(vnnlib-version <2.0>)", "line 2", "found VNN-LIB 2.0"},
    {"(set-logic QF_LRA)", "(declare-network N)", "line 2", "found VNN-LIB 2.0"},
    {"(set-logic QF_LRA)", "set-logic", "line 2", "a command in parentheses, found 'set-logic'"},
    {"(set-logic QF_LRA)", "()", "line 2", "declare-const or assert, found ()"},
    {"(set-logic QF_LRA)", "((assert))", "line 2", "declare-const or assert"},
    {"(set-logic QF_LRA)", ")", "line 2", "found ')' without its '('"},
    {"(set-logic QF_LRA)", "(set-logic", "line 2", "expected ')' for this '(', found the end"},
    {"(assert (<= X_0 0.1))", "(assert (<= X_0 0.1)", "line 6", "expected ')' for this '('"},
    {"(assert (<= X_0 0.1))", "(assert)", "line 6", "one formula in an assertion"},
    {"(assert (<= X_0 0.1))", "(assert true)", "line 6", "a declared variable, found 'true'"},
    {"(assert (<= X_0 0.1))", "(assert X_0)", "line 6",
     "a bound on an input, 'and' or 'or', found 'X_0'"},
    {"(<= X_0 0.1)", "(<= X_0 0.1 0.2)", "line 6", "a comparison of two terms"},
    {"(<= X_0 0.1)", "(<= X_0 X_1)", "line 6",
     "a bound such as (<= X_0 0.5), because regions are boxes"},
    {"(<= X_0 0.1)", "(<= X_0 Y_0)", "line 6", "regions are boxes, found 'Y_0'"},
    {"(<= X_0 0.1)", "(<= Y_0 X_0)", "line 6", "regions are boxes, found 'Y_0'"},
    {"(<= X_0 0.1)", "(<= (+ X_0 1) 1.1)", "line 6", "found the expression ('+' ...)"},
    {"(<= X_0 0.1)", "(<= (* 2 X_0) 0.2)", "line 6", "found the expression ('*' ...)"},
    {"(<= X_0 0.1)", "(<= X_0 (/ 1 10))", "line 6", "found the expression ('/' ...)"},
    {"(<= X_0 0.1)", "(<= X_0 (- 1 0.9))", "line 6", "found the expression ('-' ...)"},
    {"(<= X_0 0.1)", "(<= X_0 0,1)", "line 6", "a number or a declared variable, found '0,1'"},
    {"(<= X_0 0.1)", "(<= X_0 inf)", "line 6", "found 'inf'"},
    {"(<= X_0 0.1)", "(<= X_0 1e999)", "line 6", "found '1e999'"},
    {"(<= X_0 0.1)", "(not (> X_0 0.1))", "line 6",
     "'and' or 'or', found the expression ('not' ...)"},
    {"(<= X_0 0.1)", "(xor (<= X_0 0.1))", "line 6", "found the expression ('xor' ...)"},
    {"(<= X_0 0.1)", "(=> (<= Y_0 1) (<= X_0 0.1))", "line 6", "found the expression ('=>' ...)"},
    {"(<= X_0 0.1)", "(or (<= X_0 0.1) (<= X_0 0.2))", "line 6", "expected one box, found an 'or'"},
    {"(<= X_0 0.1)", "(or (<= X_0 0.1) (<= Y_0 0.2))", "line 6", "one file per branch"},
    {"(<= X_0 0.1)", "((<= X_0 0.1))", "line 6", "a bound on an input"},
    {"(<= X_0 0.1)", "(X_0 <= 0.1)", "line 6", "a declared variable, found '<='"},
    {"(>= Y_0 Y_1)", "(>= Y_0 Z_1)", "line 9", "found 'Z_1'"},
    {"(>= Y_0 Y_1)", "(>= Y_0 y)", "line 9", "found 'y'"},
};

static void expect_no_box(const char *text, size_t size, size_t n, const char *place,
                          const char *words) {
    double lo[4], hi[4];
    lip_error err;
    if (region(text, size, n, lo, hi, &err) == LIP_OK)
        fail_msg("accepted, though expected: %s", words);
    if (strcmp(err.place, place) != 0)
        fail_msg("place '%s', not '%s': %s", err.place, place, err.message);
    if (!strstr(err.message, words)) fail_msg("'%s' lacks '%s'", err.message, words);
}

static void test_box_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; ++i) {
        char *text = replaced(box, refusals[i].from, refusals[i].to);
        expect_no_box(text, strlen(text), 2, refusals[i].place, refusals[i].words);
        free(text);
    }
    expect_no_box(box, strlen(box), 3, "",
                  "X_0 to X_2, the inputs of the network, but X_2 is not declared");
    expect_no_box(box, strlen(box), 1, "line 4", "found X_1");
    expect_no_box("", 0, 2, "", "found no commands");
    expect_no_box("; nothing", 9, 2, "", "found no commands");
    char deep[200];
    memset(deep, '(', sizeof deep);
    expect_no_box(deep, sizeof deep, 2, "line 1", "at most 64 nested parentheses");
    size_t last = (size_t)(strstr(box, "(assert (or") - box); /* behind this, only outputs */
    for (size_t n = 0; n + 1 < strlen(box); ++n) {
        double lo[2], hi[2];
        lip_status status = region(box, n, 2, lo, hi, NULL);
        if (n + 1 < last || n > last) assert_int_not_equal(status, LIP_OK);
    }
}

static void test_region_files(void **state) {
    (void)state;
    lip_region *r = NULL;
    lip_error err;
    double lo[2], hi[2];
    assert_int_equal(lip_region_load_vnnlib("no-such-file", 2, &r, &err), LIP_IO);
    assert_string_equal(err.file, "no-such-file");
    FILE *file = fopen("box.vnnlib", "w");
    assert_non_null(file);
    fputs(box, file);
    fclose(file);
    assert_int_equal(lip_region_load_vnnlib("box.vnnlib", 3, &r, &err), LIP_ARGUMENT);
    assert_string_equal(err.file, "box.vnnlib");
    assert_null(r);
    assert_int_equal(lip_region_load_vnnlib("box.vnnlib", 2, &r, &err), LIP_OK);
    lip_region_get_box(r, lo, hi, NULL);
    assert_true(lo[0] == -.5 && hi[0] == TENTH && lo[1] == -2 && hi[1] == THIRD_UP);
    lip_region_free(r);
    remove("box.vnnlib");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),       cmocka_unit_test(test_table_refusals),
        cmocka_unit_test(test_arrays),       cmocka_unit_test(test_array_refusals),
        cmocka_unit_test(test_point_files),  cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_box_refusals), cmocka_unit_test(test_region_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
