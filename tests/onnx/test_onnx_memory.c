/* The k-th allocation of the ONNX reader fails, for every k and every seed of the fuzzing corpus: it ends
 * in "out of memory" and gives everything back.  protobuf-c allocates through the reader.
 *
 *     test_onnx_memory FEWEST FOLDER      fails if the folder has fewer than FEWEST files */
#define _POSIX_C_SOURCE 200809L
#include "allocation.h"
#include "read/reader.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long failed;

static lip_status read_once(const lip_source *source, long fail_at, allocation_count *count) {
    lip_network *net = NULL;
    lip_error err;
    allocation_begin(fail_at);
    lip_status status = lip_read_onnx(source, &net, &err);
    lip_network_free(net);
    *count = allocation_end();
    return status;
}

/* Number of failures. */
static int test_source(const char *name, const lip_source *source) {
    allocation_count count;
    lip_status usual = read_once(source, 0, &count);
    int bad = count.live != 0;
    if (bad) printf("FAILED %s: %ld blocks left\n", name, count.live);
    long allocations = count.calls;
    for (long fail_at = 1; fail_at <= allocations; ++fail_at) {
        lip_status status = read_once(source, fail_at, &count);
        ++failed;
        if (status == LIP_OUT_OF_MEMORY && count.live == 0) continue;
        printf("FAILED %s: allocation %ld of %ld: status %d (usually %d), %ld blocks left\n", name,
               fail_at, allocations, (int)status, (int)usual, count.live);
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
