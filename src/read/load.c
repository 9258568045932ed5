/* Recognising a network file by its first bytes, and the two ways in: a path, and bytes in memory.
 *
 *   1f 8b                       gzip: decompressed, then recognised again, once
 *   "lipcert-network "          the canonical format
 *   "PK" 3 4  (or 5 6: empty)   .npz
 *   "MATLAB 5.0 MAT-file"       .mat level 5
 *   "//", or a count and ','    .nnet, after blanks and empty lines
 *   a field of ONNX ModelProto  ONNX: a protocol buffer has no magic, so the first tag must be one
 *                               of its fields and the beginning must not look like text
 *
 * Names of files play no part.  What is recognised but no network gets a sentence of its own. */
#include "base/error.h"
#include "base/memory.h"
#include "read/file.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const unsigned char *bytes, size_t size, const char *magic, size_t length) {
    return size >= length && memcmp(bytes, magic, length) == 0;
}

static bool looks_like_nnet(const unsigned char *bytes, size_t size) {
    size_t i = 0, digits = 0;
    while (i < size &&
           (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n'))
        ++i;
    if (starts(bytes + i, size - i, "//", 2)) return true;
    for (; i < size && bytes[i] >= '0' && bytes[i] <= '9'; ++i) ++digits;
    while (i < size && bytes[i] == ' ') ++i;
    return digits > 0 && i < size && bytes[i] == ',';
}

static bool looks_like_text(const unsigned char *bytes, size_t size) {
    size_t n = size < 256 ? size : 256;
    for (size_t i = 0; i < n; ++i) {
        bool blank = bytes[i] == '\t' || bytes[i] == '\n' || bytes[i] == '\r';
        if (!blank && (bytes[i] < 0x20 || bytes[i] >= 0x7f)) return false;
    }
    return true;
}

/* The first tag is a field of ModelProto with its wire type: (number << 3) | type, as a varint. */
static bool looks_like_onnx(const unsigned char *bytes, size_t size) {
    static const unsigned tags[] = {
        0x08,   0x12,  0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, /* fields 1 .. 8 and 14 */
        0x01a2, 0x01ca                                           /* 20 and 25, two bytes */
    };
    if (size < 2 || looks_like_text(bytes, size)) return false;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; ++i) {
        if (tags[i] < 0x100 && bytes[0] == tags[i]) return true;
        if (tags[i] >= 0x100 && bytes[0] == (tags[i] & 0xff) && bytes[1] == tags[i] >> 8)
            return true;
    }
    return false;
}

lip_reader lip_reader_for(const unsigned char *bytes, size_t size) {
    if (starts(bytes, size, "lipcert-network ", 16)) return lip_read_canonical;
    if (starts(bytes, size, "PK\3\4", 4) || starts(bytes, size, "PK\5\6", 4)) return lip_read_npz;
    if (starts(bytes, size, "MATLAB 5.0 MAT-file", 19)) return lip_read_mat;
    if (looks_like_nnet(bytes, size)) return lip_read_nnet;
    if (looks_like_onnx(bytes, size)) return lip_read_onnx;
    return NULL;
}

typedef struct stranger {
    const char *magic;
    size_t length;
    const char *sentence;
} stranger;

/* Known formats that hold no network that lipcert reads. */
static const stranger strangers[] = {
    {"\x93NUMPY", 6, "expected a network, found a .npy file, which holds a single array"},
    {"MATLAB 7.3 MAT-file", 19,
     "MATLAB 7.3 (HDF5) files are not supported: save the file with 'save -v7'"},
    {"\x89HDF\r\n\x1a\n", 8,
     "HDF5 files (MATLAB 7.3, Keras .h5) are not supported: save MATLAB files with 'save -v7', "
     "export Keras models to ONNX"},
    {"\x1f\x8b", 2, "expected a network after decompression, found another gzip file inside"},
    {"\x80\x02", 2, "expected a network, found a Python pickle: export the model to ONNX or .npz"},
    {"\x80\x03", 2, "expected a network, found a Python pickle: export the model to ONNX or .npz"},
    {"\x80\x04", 2, "expected a network, found a Python pickle: export the model to ONNX or .npz"},
    {"\x80\x05", 2, "expected a network, found a Python pickle: export the model to ONNX or .npz"},
};

static lip_status refuse_stranger(const unsigned char *bytes, size_t size, lip_error *err) {
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; ++i)
        if (starts(bytes, size, strangers[i].magic, strangers[i].length))
            return lip_fail(err, LIP_UNSUPPORTED, NULL, "%s", strangers[i].sentence);
    char hex[3 * 8 + 1] = "", text[LIP_QUOTE_SIZE];
    size_t n = size < 8 ? size : 8;
    for (size_t i = 0; i < n; ++i) snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
    lip_quote(text, (const char *)bytes, n);
    return lip_fail(err, LIP_FORMAT, NULL,
                    "expected an ONNX, .nnet, .npz, MATLAB level 5 or lipcert-network file, found "
                    "one that starts with the bytes%s (%s)",
                    hex, text);
}

/* Names of nodes and arrays stand in messages as the file has them. */
static lip_status clean_message(lip_status status, lip_error *err) {
    if (status == LIP_OK || !err) return status;
    lip_make_printable(err->place, strlen(err->place));
    lip_make_printable(err->message, strlen(err->message));
    return status;
}

static lip_status load_plain(const lip_source *source, lip_network **net, lip_error *err) {
    if (source->size == 0)
        return lip_fail(err, LIP_FORMAT, NULL, "expected a network, found no data");
    lip_reader reader = lip_reader_for(source->bytes, source->size);
    if (!reader) return refuse_stranger(source->bytes, source->size, err);
    return clean_message(reader(source, net, err), err);
}

static lip_status load_source(const lip_source *source, lip_network **net, lip_error *err) {
    if (!lip_is_gzip(source->bytes, source->size)) return load_plain(source, net, err);
    unsigned char *plain;
    lip_source inner = *source;
    lip_status status = lip_inflate(source->bytes, source->size, LIP_GZIP,
                                    lip_inflate_limit(source->size), &plain, &inner.size, err);
    if (status != LIP_OK) return status;
    inner.bytes = plain;
    status = load_plain(&inner, net, err);
    free(plain);
    return status;
}

lip_status lip_network_load_memory(const void *bytes, size_t size, const char *name,
                                   const lip_read_options *options, lip_network **net,
                                   lip_error *err) {
    lip_source source = {.bytes = bytes, .size = size};
    if (options) source.options = *options;
    if (!bytes && size > 0)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected %zu bytes, found a null pointer", size);
    return lip_fail_in_file(err, name ? name : "", load_source(&source, net, err));
}

/* The folder part of a path, "." if it has none. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return lip_copy_string(".");
    char *folder = lip_copy_string(path);
    if (folder) folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

static lip_status load_path(const char *path, const lip_read_options *options, lip_network **net,
                            lip_error *err) {
    unsigned char *bytes;
    lip_source source = {0};
    lip_status status = lip_read_file(path, LIP_FILE_LIMIT, &bytes, &source.size, err);
    if (status != LIP_OK) return status;
    char *folder = folder_of(path);
    source.bytes = bytes;
    source.folder = folder;
    if (options) source.options = *options;
    if (!folder)
        status = lip_fail_memory(err);
    else if (source.size == 0)
        status = lip_fail(err, LIP_FORMAT, NULL, "the file is empty");
    else
        status = load_source(&source, net, err);
    free(folder);
    free(bytes);
    return status;
}

lip_status lip_network_load(const char *path, const lip_read_options *options, lip_network **net,
                            lip_error *err) {
    return lip_fail_in_file(err, path, load_path(path, options, net, err));
}
