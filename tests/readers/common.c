#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void bytes_add(bytes *b, const void *data, size_t size) {
    b->data = realloc(b->data, b->size + size + 1);
    assert_non_null(b->data);
    if (size > 0) memcpy(b->data + b->size, data, size);
    b->size += size;
}

void bytes_add_text(bytes *b, const char *text) { bytes_add(b, text, strlen(text)); }

void bytes_add_number(bytes *b, uint64_t value, size_t size, bool big_endian) {
    for (size_t i = 0; i < size; ++i) {
        unsigned char c = (unsigned char)(value >> 8 * (big_endian ? size - 1 - i : i));
        bytes_add(b, &c, 1);
    }
}

void bytes_free(bytes *b) {
    free(b->data);
    *b = (bytes){NULL, 0};
}

char *replaced(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (!at) fail_msg("the text has no '%s'", from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *copy = calloc(size, 1);
    assert_non_null(copy);
    snprintf(copy, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return copy;
}

lip_status load(const void *data, size_t size, const lip_read_options *options, lip_network **net,
                lip_error *err) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size > 0) memcpy(copy, data, size);
    lip_status status = lip_network_load_memory(copy, size, "file", options, net, err);
    free(copy);
    return status;
}

lip_network *expect_network(const void *data, size_t size) {
    lip_network *net = NULL;
    lip_error err;
    lip_status status = load(data, size, NULL, &net, &err);
    if (status != LIP_OK) fail_msg("refused: %s: %s", err.place, err.message);
    assert_non_null(net);
    return net;
}

void expect_refusal(const void *data, size_t size, const char *place, const char *words) {
    lip_network *net = NULL;
    lip_error err;
    lip_status status = load(data, size, NULL, &net, &err);
    if (status == LIP_OK) fail_msg("accepted, though expected: %s", words);
    assert_null(net);
    assert_int_equal(status, err.status);
    assert_string_equal(err.file, "file");
    if (place && strcmp(place, err.place) != 0)
        fail_msg("place '%s' instead of '%s': %s", err.place, place, err.message);
    if (!strstr(err.message, words)) fail_msg("'%s' lacks '%s'", err.message, words);
}

void expect_variants(const char *text, const variant *variants, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        char *changed = replaced(text, variants[i].from, variants[i].to);
        expect_refusal(changed, strlen(changed), variants[i].place, variants[i].words);
        free(changed);
    }
}

void expect_prefixes_fail(const void *data, size_t size, size_t most) {
    for (size_t n = 0; n < size && n <= most; ++n) {
        lip_network *net = NULL;
        lip_error err = {LIP_OK, "", "", ""};
        if (load(data, n, NULL, &net, &err) == LIP_OK) fail_msg("accepted the first %zu bytes", n);
        assert_true(err.message[0] != '\0');
        assert_null(net);
    }
}

void expect_outputs(const lip_network *net, const double *x, const double *wanted, size_t outputs) {
    lip_network_info info;
    double y[16];
    lip_network_get_info(net, &info);
    assert_int_equal(info.outputs, outputs);
    assert_int_equal(lip_network_eval(net, x, y, NULL), LIP_OK);
    for (size_t i = 0; i < outputs; ++i)
        if (fabs(y[i] - wanted[i]) > 1e-15 * fabs(wanted[i]))
            fail_msg("output %zu is %.17g instead of %.17g", i, y[i], wanted[i]);
}

void expect_same(lip_network *a, lip_network *b) {
    lip_network_info left, right;
    lip_network_get_info(a, &left);
    lip_network_get_info(b, &right);
    assert_string_equal(left.sha256, right.sha256);
    lip_network_free(a);
    lip_network_free(b);
}

/* ---- .npy and .npz ----------------------------------------------------------------------- */

bytes npy_file(const char *header, const void *data, size_t size) {
    bytes b = {NULL, 0};
    bytes_add(&b, "\x93NUMPY\x01\x00", 8);
    bytes_add_number(&b, strlen(header), 2, false);
    bytes_add_text(&b, header);
    bytes_add(&b, data, size);
    return b;
}

bytes npy_doubles(const double *value, size_t rows, size_t cols) {
    char header[120], shape[60];
    if (cols == 0)
        snprintf(shape, sizeof shape, "(%zu,)", rows);
    else
        snprintf(shape, sizeof shape, "(%zu, %zu)", rows, cols);
    snprintf(header, sizeof header, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n",
             shape);
    return npy_file(header, value, rows * (cols ? cols : 1) * sizeof(double));
}

/* The fields that the local and the central header share. */
static void zip_fields(bytes *b, const bytes *content, const char *name) {
    uint32_t crc = (uint32_t)crc32(0, content->data, (uInt)content->size);
    bytes_add_number(b, 20, 2, false); /* version */
    bytes_add_number(b, 0, 8, false);  /* flags, stored, time and date */
    bytes_add_number(b, crc, 4, false);
    bytes_add_number(b, content->size, 4, false);
    bytes_add_number(b, content->size, 4, false);
    bytes_add_number(b, strlen(name), 2, false);
    bytes_add_number(b, 0, 2, false);
}

void zip_entry(zip_writer *zip, const char *name, bytes content) {
    size_t offset = zip->file.size;
    bytes_add(&zip->file, "PK\3\4", 4);
    zip_fields(&zip->file, &content, name);
    bytes_add_text(&zip->file, name);
    bytes_add(&zip->file, content.data, content.size);
    bytes_add(&zip->directory, "PK\1\2\x14\0", 6);
    zip_fields(&zip->directory, &content, name);
    bytes_add_number(&zip->directory, 0, 8, false); /* comment, disk, attributes */
    bytes_add_number(&zip->directory, 0, 2, false);
    bytes_add_number(&zip->directory, offset, 4, false);
    bytes_add_text(&zip->directory, name);
    ++zip->entries;
    bytes_free(&content);
}

bytes zip_close(zip_writer *zip) {
    bytes b = zip->file;
    size_t offset = b.size;
    bytes_add(&b, zip->directory.data, zip->directory.size);
    bytes_add(&b, "PK\5\6\0\0\0\0", 8);
    bytes_add_number(&b, zip->entries, 2, false);
    bytes_add_number(&b, zip->entries, 2, false);
    bytes_add_number(&b, zip->directory.size, 4, false);
    bytes_add_number(&b, offset, 4, false);
    bytes_add_number(&b, 0, 2, false);
    bytes_free(&zip->directory);
    *zip = (zip_writer){{NULL, 0}, {NULL, 0}, 0};
    return b;
}

/* ---- .mat -------------------------------------------------------------------------------- */

bytes mat_header(bool big_endian) {
    bytes b = {NULL, 0};
    bytes_add_text(&b, "MATLAB 5.0 MAT-file");
    while (b.size < 124) bytes_add(&b, " ", 1);
    bytes_add_number(&b, 0x100, 2, big_endian);
    bytes_add_text(&b, big_endian ? "MI" : "IM");
    return b;
}

void mat_element(bytes *b, unsigned type, const void *data, size_t size, bool big_endian) {
    bytes_add_number(b, type, 4, big_endian);
    bytes_add_number(b, size, 4, big_endian);
    bytes_add(b, data, size);
    if (size % 8) bytes_add_number(b, 0, 8 - size % 8, false);
}

bytes mat_matrix(const char *name, unsigned class, unsigned rows, unsigned cols, bool big_endian) {
    bytes b = {NULL, 0};
    bytes_add_number(&b, 6, 4, big_endian);
    bytes_add_number(&b, 8, 4, big_endian);
    bytes_add_number(&b, class, 4, big_endian);
    bytes_add_number(&b, 0, 4, big_endian);
    bytes_add_number(&b, 5, 4, big_endian);
    bytes_add_number(&b, 8, 4, big_endian);
    bytes_add_number(&b, rows, 4, big_endian);
    bytes_add_number(&b, cols, 4, big_endian);
    mat_element(&b, 1, name, strlen(name), big_endian);
    return b;
}

void mat_add_doubles(bytes *b, const char *name, const double *value, unsigned rows, unsigned cols,
                     bool big_endian) {
    bytes inner = mat_matrix(name, 6, rows, cols, big_endian), numbers = {NULL, 0};
    for (size_t i = 0; i < (size_t)rows * cols; ++i) {
        uint64_t bits;
        memcpy(&bits, &value[i], sizeof bits);
        bytes_add_number(&numbers, bits, 8, big_endian);
    }
    mat_element(&inner, 9, numbers.data, numbers.size, big_endian);
    mat_element(b, 14, inner.data, inner.size, big_endian);
    bytes_free(&inner);
    bytes_free(&numbers);
}
