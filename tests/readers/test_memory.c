/* The k-th allocation of the library fails, for every k: each reader and the writer end in "out of
 * memory" and give everything back. */
#include "allocation.h"
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Something that can run out of memory. */
typedef lip_status (*action)(const bytes *input, lip_error *err);

static void expect_clean(const char *name, action run, const bytes *input) {
    lip_error err;
    long fail_at = 1;
    for (;; ++fail_at) {
        err = (lip_error){LIP_OK, "", "", ""};
        allocation_begin(fail_at);
        lip_status status = run(input, &err);
        allocation_count count = allocation_end();
        if (count.live != 0)
            fail_msg("%s: %ld blocks left after failure %ld", name, count.live, fail_at);
        if (count.calls < fail_at) {
            if (status != LIP_OK) fail_msg("%s: %s: %s", name, err.place, err.message);
            break;
        }
        if (status != LIP_OUT_OF_MEMORY)
            fail_msg("%s: status %d at %ld", name, (int)status, fail_at);
        assert_string_equal(err.message, "out of memory");
    }
    assert_true(fail_at > 1); /* the library does allocate through the functions above */
}

static lip_status load_network(const bytes *input, lip_error *err) {
    lip_network *net = NULL;
    lip_read_options options = {.nnet_normalise = true};
    lip_status status = lip_network_load_memory(input->data, input->size, "x", &options, &net, err);
    lip_network_free(net);
    return status;
}

static lip_status load_point(const bytes *input, lip_error *err) {
    double x[2];
    return lip_read_point(input->data, input->size, 0, 1, 2, x, err);
}

static lip_status load_box(const bytes *input, lip_error *err) {
    double lo[1], hi[1];
    return lip_read_vnnlib((const char *)input->data, input->size, 1, lo, hi, err);
}

static lip_status load_path(const bytes *input, lip_error *err) {
    lip_network *net = NULL;
    lip_status status = lip_network_load((const char *)input->data, NULL, &net, err);
    lip_network_free(net);
    return status;
}

static lip_network *saved;

static lip_status save(const bytes *input, lip_error *err) {
    lip_status status = lip_network_save(saved, (const char *)input->data, err);
    FILE *file = fopen((const char *)input->data, "r");
    assert_true((file != NULL) == (status == LIP_OK)); /* complete or not at all */
    if (file) fclose(file);
    remove((const char *)input->data);
    return status;
}

static const double matrix[] = {1, 2, 3, 4}, row[] = {5, 6};

static bytes text(const char *words) {
    bytes b = {NULL, 0};
    bytes_add_text(&b, words);
    bytes_add(&b, "", 1);
    --b.size;
    return b;
}

static const char canonical[] =
    "lipcert-network 1\ninput 4\nlayers 2\nlayer 1 2 relu 2\nbias 0x0p+0 0x0p+0\n"
    "term 0 sparse 2 4 1\n0\n1 3 0x1p+0\n"
    "term 0 conv 1 2 2 2 1 1 2 2 1 1 1 1 0 0 1\n"
    "0x1p+0 0x1p+0 0x1p+0 0x1p+0\n0x1p+0 0x1p+0 0x1p+0 0x1p+0\n"
    "layer 2 1 linear 1\nbias 0x0p+0\nterm 1 dense 1 2\n0x1p+0 0x1p+1\nend\n";

static void test_text_readers(void **state) {
    (void)state;
    const struct {
        const char *name;
        action run;
        const char *words;
    } cases[] = {
        {"canonical", load_network, canonical},
        {".nnet", load_network, "2,2,1,2\n2,2,1\n0\n0\n0\n1,2,3\n1,2,3\n1,2\n3,4\n5\n6\n7,8\n9\n"},
        {"table", load_point, "1,2\n3,4\n"},
        {"VNN-LIB", load_box,
         "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (and (<= X_0 1) (>= Y_0 0)))"
         "(assert (or (and (>= X_0 0) (<= Y_0 1)) (and (>= X_0 0))))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        bytes b = text(cases[i].words);
        expect_clean(cases[i].name, cases[i].run, &b);
        bytes_free(&b);
    }
}

static void test_npz(void **state) {
    (void)state;
    static const char *const names[][2] = {{"W0.npy", "W1.npy"}, {"A.npy", "c.npy"}};
    for (size_t i = 0; i < 2; ++i) {
        zip_writer zip = {{NULL, 0}, {NULL, 0}, 0};
        zip_entry(&zip, names[i][0], npy_doubles(matrix, 2, 2));
        zip_entry(&zip, names[i][1], npy_doubles(row, 2, i)); /* W1 is a column: transposed */
        bytes b = zip_close(&zip);
        expect_clean(".npz", load_network, &b);
        bytes_free(&b);
    }
    bytes point = npy_doubles(row, 2, 0);
    expect_clean(".npy", load_point, &point);
    bytes_free(&point);
}

static void test_mat(void **state) {
    (void)state;
    bytes b = mat_header(false), cell = {NULL, 0}, inner = mat_matrix("weights", 1, 1, 2, false);
    mat_add_doubles(&cell, "", matrix, 2, 2, false);
    mat_add_doubles(&cell, "", row, 2, 1, false); /* 2 x 1 after 2 x 2: transposed */
    bytes_add(&inner, cell.data, cell.size);
    mat_element(&b, 14, inner.data, inner.size, false);
    expect_clean(".mat", load_network, &b);
    unsigned char packed[1000];
    uLongf length = sizeof packed;
    assert_int_equal(compress(packed, &length, b.data + 128, (uLong)b.size - 128), Z_OK);
    b.size = 128;
    bytes_add_number(&b, 15, 4, false);
    bytes_add_number(&b, length, 4, false);
    bytes_add(&b, packed, length);
    expect_clean("compressed .mat", load_network, &b);
    b.size = 128;
    mat_add_doubles(&b, "A", matrix, 2, 2, false);
    mat_add_doubles(&b, "c", row, 2, 1, false);
    expect_clean(".mat A, c", load_network, &b);
    bytes_free(&b);
    bytes_free(&cell);
    bytes_free(&inner);
}

static void test_files(void **state) {
    (void)state;
    bytes b = text(canonical), path = text("memory.lip");
    saved = expect_network(b.data, b.size);
    expect_clean("save", save, &path);
    assert_int_equal(lip_network_save(saved, "memory.lip", NULL), LIP_OK);
    expect_clean("load a file", load_path, &path);
    remove("memory.lip");
    lip_network_free(saved);
    bytes_free(&b);
    bytes_free(&path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_readers),
        cmocka_unit_test(test_npz),
        cmocka_unit_test(test_mat),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
