/* .npz: a zip archive of .npy arrays, one per name.  The archive is read by libzip from memory; only
 * arrays whose names belong to a network (see chain.h) are decompressed.  What an archive may unpack
 * to is limited by its own size, so that a small file cannot claim gigabytes. */
#include "base/error.h"
#include "base/memory.h"
#include "read/chain.h"
#include "read/file.h"
#include "read/npy.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define MOST_ARRAYS 20000 /* names are compared pairwise */

typedef struct archive {
    zip_t *zip;
    size_t budget;    /* bytes that may still be unpacked */
    lip_named *array; /* one slot per entry of the archive, `count` in use */
    size_t count;
    char found[200]; /* names for a message */
    lip_error *err;
} archive;

static lip_status fail_zip(zip_error_t *error, const char *place, lip_error *err) {
    bool memory = zip_error_code_zip(error) == ZIP_ER_MEMORY;
    if (memory) return lip_fail_memory(err);
    return lip_fail(err, LIP_FORMAT, place, "cannot read the zip archive: %s",
                    zip_error_strerror(error));
}

/* Read entry `index` completely, its checksum included; *bytes is the caller's to free. */
static lip_status unpack(archive *a, const zip_stat_t *info, unsigned char **bytes, size_t *size) {
    if (!(info->valid & ZIP_STAT_SIZE) || info->size > a->budget)
        return lip_fail(a->err, LIP_UNSUPPORTED, info->name,
                        "expected at most %zu bytes after decompression, found more", a->budget);
    size_t wanted = (size_t)info->size, used = 0;
    unsigned char *buffer = LIP_NEW(unsigned char, wanted + 1);
    if (!buffer) return lip_fail_memory(a->err);
    zip_file_t *file = zip_fopen_index(a->zip, info->index, 0);
    if (!file) {
        free(buffer);
        return fail_zip(zip_get_error(a->zip), info->name, a->err);
    }
    zip_int64_t got = 1;
    while (got > 0 && used <= wanted) { /* one byte of room is left: the end must be seen */
        got = zip_fread(file, buffer + used, wanted + 1 - used);
        if (got > 0) used += (size_t)got;
    }
    lip_status status = LIP_OK;
    if (got < 0)
        status = fail_zip(zip_file_get_error(file), info->name, a->err);
    else if (used != wanted)
        status = lip_fail(a->err, LIP_FORMAT, info->name, "expected %zu bytes, found %s", wanted,
                          used < wanted ? "fewer" : "more");
    zip_fclose(file);
    if (status != LIP_OK) {
        free(buffer);
        return status;
    }
    a->budget -= wanted;
    *bytes = buffer;
    *size = wanted;
    return LIP_OK;
}

/* Only vectors and matrices; a number (no dimensions) is a vector of one entry. */
static lip_status take_array(archive *a, const lip_npy *npy, const char *name) {
    lip_named *slot = &a->array[a->count];
    if (npy->dimensions > 2)
        return lip_fail(a->err, LIP_UNSUPPORTED, name,
                        "expected a vector or a matrix, found an array of %zu dimensions",
                        npy->dimensions);
    slot->m.value = LIP_NEW(double, npy->count);
    if (!slot->m.value) return lip_fail_memory(a->err);
    ++a->count;
    lip_npy_values(npy, slot->m.value);
    snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->vector = npy->dimensions < 2;
    slot->m.rows = npy->dimensions > 0 ? npy->shape[0] : 1;
    slot->m.cols = npy->dimensions > 1 ? npy->shape[1] : 1;
    return LIP_OK;
}

/* Name the array in a message that says only "array header". */
static lip_status name_array(lip_error *err, const char *name, lip_status status) {
    if (status == LIP_OK || status == LIP_OUT_OF_MEMORY || !err) return status;
    char message[sizeof err->message];
    memcpy(message, err->message, sizeof message);
    return lip_fail(err, status, name, "%s", message);
}

/* The array's name: the entry's without ".npy"; false if the entry is no such array. */
static bool array_name(const char *entry, char name[LIP_NAME_SIZE]) {
    size_t length = strlen(entry);
    if (length < 5 || length - 4 >= LIP_NAME_SIZE || strcmp(entry + length - 4, ".npy") != 0)
        return false;
    memcpy(name, entry, length - 4);
    name[length - 4] = '\0';
    return true;
}

static void note_found(archive *a, const char *name) {
    size_t used = strlen(a->found), room = sizeof a->found - used;
    if (room > strlen(name) + 8)
        snprintf(a->found + used, room, "%s%s", used ? ", " : "", name);
    else if (room > 5 && strcmp(a->found + used - 3, "...") != 0)
        snprintf(a->found + used, room, " ...");
}

static lip_status read_entry(archive *a, zip_uint64_t index) {
    zip_stat_t info;
    char name[LIP_NAME_SIZE];
    if (zip_stat_index(a->zip, index, 0, &info) != 0)
        return fail_zip(zip_get_error(a->zip), NULL, a->err);
    if (!(info.valid & ZIP_STAT_NAME) || !info.name || !array_name(info.name, name)) return LIP_OK;
    note_found(a, name);
    if (!lip_looks_like_parameter(name)) return LIP_OK;
    if (a->count == MOST_ARRAYS)
        return lip_fail(a->err, LIP_UNSUPPORTED, name, "expected at most %d arrays, found more",
                        MOST_ARRAYS);
    for (size_t i = 0; i < a->count; ++i)
        if (strcmp(a->array[i].name, name) == 0)
            return lip_fail(a->err, LIP_FORMAT, name, "expected this array once, found it twice");
    if (!lip_is_network_name(name)) { /* only the name matters: it will be refused */
        snprintf(a->array[a->count++].name, LIP_NAME_SIZE, "%s", name);
        return LIP_OK;
    }
    unsigned char *bytes = NULL;
    size_t size = 0;
    lip_npy npy;
    lip_status status = unpack(a, &info, &bytes, &size);
    if (status != LIP_OK) return status;
    status = name_array(a->err, name, lip_npy_parse(bytes, size, &npy, a->err));
    if (status == LIP_OK) status = take_array(a, &npy, name);
    free(bytes);
    return status;
}

static lip_status read_archive(archive *a, size_t size, lip_network **net) {
    zip_int64_t entries = zip_get_num_entries(a->zip, 0);
    if (entries < 0 || (zip_uint64_t)entries > size) entries = (zip_int64_t)size;
    a->budget = lip_inflate_limit(size);
    a->array = LIP_NEW(lip_named, (size_t)entries);
    if (!a->array) return lip_fail_memory(a->err);
    lip_status status = LIP_OK;
    for (zip_int64_t i = 0; status == LIP_OK && i < entries; ++i)
        status = read_entry(a, (zip_uint64_t)i);
    if (status == LIP_OK)
        status = lip_build_named(a->array, a->count, a->found, "npz", net, a->err);
    for (size_t i = 0; i < a->count; ++i) free(a->array[i].m.value);
    free(a->array);
    return status;
}

lip_status lip_read_npz(const lip_source *source, lip_network **net, lip_error *err) {
    zip_error_t error;
    zip_error_init(&error);
    archive a = {.err = err};
    zip_source_t *bytes = zip_source_buffer_create(source->bytes, source->size, 0, &error);
    if (bytes) a.zip = zip_open_from_source(bytes, ZIP_RDONLY, &error);
    lip_status status = LIP_OK;
    if (!a.zip) {
        status = fail_zip(&error, NULL, err);
        zip_source_free(bytes); /* still ours when opening failed; NULL is fine */
    }
    zip_error_fini(&error);
    if (status != LIP_OK) return status;
    status = read_archive(&a, source->size, net);
    zip_discard(a.zip);
    return status;
}
