/* External data of ONNX tensors.
 *
 * Exporters put large weights beside the model: external_data names a file relative to the model's
 * folder, an offset and a length.  The name comes from the file and is not trusted: it may not be
 * absolute, may not step out of the folder by "..", and must be a regular file. */
#include "read/onnx_tensor.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct place_in_file {
    const char *location;
    size_t offset, length;
    bool has_length;
} place_in_file;

/* Decimal digits only, below 2^60. */
static bool parse_size(const char *text, size_t *value) {
    size_t v = 0;
    if (!text || !*text) return false;
    for (; *text; ++text) {
        if (*text < '0' || *text > '9' || v > (size_t)1 << 56) return false;
        v = v * 10 + (size_t)(*text - '0');
    }
    *value = v;
    return true;
}

static lip_status parse_place(const LipOnnx__Tensor *proto, place_in_file *at, lip_error *err) {
    memset(at, 0, sizeof *at);
    for (size_t i = 0; i < proto->n_external_data; ++i) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        if (!key) continue;
        bool fine = true;
        if (strcmp(key, "location") == 0) at->location = value;
        if (strcmp(key, "offset") == 0) fine = parse_size(value, &at->offset);
        if (strcmp(key, "length") == 0) fine = at->has_length = parse_size(value, &at->length);
        if (!fine)
            return lip_fail(err, LIP_FORMAT, NULL,
                            "external data: expected a number of bytes as %s, found '%.40s'", key,
                            value ? value : "");
    }
    return LIP_OK;
}

/* A relative path without "." games: no empty name, no leading '/', no component "..". */
static bool stays_inside(const char *path) {
    if (!path || !*path || *path == '/') return false;
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || p[2] == '\0')) return false;
    return true;
}

static lip_status open_inside(const char *folder, const char *location, FILE **file, size_t *size,
                              lip_error *err) {
    size_t room = strlen(folder) + strlen(location) + 2;
    char *path = LIP_NEW(char, room);
    if (!path) return lip_fail_memory(err);
    snprintf(path, room, "%s/%s", *folder ? folder : ".", location);
    struct stat about;
    bool fine = stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size >= 0;
    *file = fine ? fopen(path, "rb") : NULL;
    *size = fine ? (size_t)about.st_size : 0;
    free(path);
    if (!*file)
        return lip_fail(err, LIP_IO, NULL,
                        "the file '%.120s' with external data is not there or cannot be read",
                        location);
    return LIP_OK;
}

static lip_status read_range(FILE *file, const place_in_file *at, size_t size,
                             unsigned char **bytes, lip_error *err) {
    *bytes = LIP_NEW(unsigned char, size);
    if (!*bytes) return lip_fail_memory(err);
    if (fseeko(file, (off_t)at->offset, SEEK_SET) == 0 && fread(*bytes, 1, size, file) == size)
        return LIP_OK;
    free(*bytes);
    *bytes = NULL;
    return lip_fail(err, LIP_IO, NULL, "the file '%.120s' with external data cannot be read",
                    at->location);
}

lip_status lip_onnx_external(const lip_source *source, const LipOnnx__Tensor *proto, size_t size,
                             unsigned char **bytes, lip_error *err) {
    place_in_file at;
    LIP_TRY(parse_place(proto, &at, err));
    if (!source->folder)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the tensor lies in the external file '%.120s', and a model in memory has "
                        "no folder to look in",
                        at.location ? at.location : "");
    if (!stays_inside(at.location))
        return lip_fail(err, LIP_FORMAT, NULL,
                        "external data must lie in the model's folder, found location '%.120s'",
                        at.location ? at.location : "");
    if (at.has_length && at.length != size)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "external data: the tensor needs %zu bytes, its length is %zu", size,
                        at.length);
    FILE *file;
    size_t there;
    LIP_TRY(open_inside(source->folder, at.location, &file, &there, err));
    lip_status status;
    if (at.offset > there || size > there - at.offset)
        status = lip_fail(err, LIP_FORMAT, NULL,
                          "external data: bytes %zu to %zu of '%.120s' are needed, it has %zu",
                          at.offset, at.offset + size, at.location, there);
    else
        status = read_range(file, &at, size, bytes, err);
    fclose(file);
    return status;
}
