/* The k-th allocation of the ONNX reader fails, for every k and every seed of the fuzzing corpus: it ends
 * in "out of memory" and gives everything back.  The linker routes calloc, realloc and free through
 * here; protobuf-c allocates through the reader.
 *
 *     test_onnx_memory FEWEST FOLDER      fails if the folder has fewer than FEWEST files */
#define _POSIX_C_SOURCE 200809L
#include "read/reader.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static bool armed;
static long calls, fail_at, live, failed;

static bool fails(void) { return armed && ++calls == fail_at; }

void *__wrap_calloc(size_t count, size_t size) {
    void *block = fails() ? NULL : __real_calloc(count, size);
    if (armed && block) ++live;
    return block;
}

void *__wrap_realloc(void *block, size_t size) {
    void *grown = fails() ? NULL : __real_realloc(block, size);
    if (armed && grown && !block) ++live;
    return grown;
}

void __wrap_free(void *block) {
    if (armed && block) --live;
    __real_free(block);
}

static lip_status read_once(const lip_source *source, lip_error *err) {
    lip_network *net = NULL;
    calls = live = 0;
    armed = true;
    lip_status status = lip_read_onnx(source, &net, err);
    lip_network_free(net);
    armed = false;
    return status;
}

/* Number of failures. */
static int test_source(const char *name, const lip_source *source) {
    lip_error err;
    fail_at = 0;
    lip_status usual = read_once(source, &err);
    int bad = live != 0;
    if (bad) printf("FAILED %s: %ld blocks left\n", name, live);
    long allocations = calls;
    for (fail_at = 1; fail_at <= allocations; ++fail_at) {
        lip_status status = read_once(source, &err);
        ++failed;
        if (status == LIP_OUT_OF_MEMORY && live == 0) continue;
        printf("FAILED %s: allocation %ld of %ld: status %d (usually %d), %ld blocks left\n", name,
               fail_at, allocations, (int)status, (int)usual, live);
        ++bad;
    }
    return bad;
}

static int test_file(const char *folder, const char *name) {
    char path[4096];
    unsigned char *bytes;
    size_t size;
    lip_error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (lip_read_file(path, 1 << 20, &bytes, &size, &err) != LIP_OK) {
        printf("FAILED %s: %s\n", name, err.message);
        return 1;
    }
    lip_source source = {.bytes = bytes, .size = size};
    int bad = test_source(name, &source);
    free(bytes);
    return bad;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 3 ? opendir(argv[2]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: test_onnx_memory FEWEST FOLDER\n");
        return 2;
    }
    int bad = 0;
    long files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        bad += test_file(argv[2], entry->d_name);
        ++files;
    }
    closedir(folder);
    printf("%ld files, %ld allocations failed one by one, %d failures\n", files, failed, bad);
    return bad > 0 || files < strtol(argv[1], NULL, 10) || failed < files;
}
