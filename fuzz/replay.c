/* A main for a fuzz target without libFuzzer: run it on files and on the files of folders, so that the
 * seed corpora are part of the tests with any compiler.  Each input is copied to a block of exactly
 * its size, so that sanitizers and valgrind see reads past its end.
 *
 *     replay_NAME MINIMUM PATH...     fails if fewer than MINIMUM inputs were found */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fail(const char *what, const char *path) {
    fprintf(stderr, "replay: cannot %s %s\n", what, path);
    return -1;
}

static int run_file(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    if (!file) return fail("open", path);
    uint8_t *data = malloc(size ? size : 1);
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    if (data && got == size) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return got == size ? 1 : fail("read", path);
}

static int run_path(const char *path);

static int run_folder(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return fail("open", path);
    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        int here = run_path(name);
        count = here < 0 ? here : count + here;
    }
    closedir(folder);
    return count;
}

/* How many inputs were run; negative on failure. */
static int run_path(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) return fail("find", path);
    return S_ISDIR(info.st_mode) ? run_folder(path) : run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s MINIMUM PATH...\n", argv[0]);
        return 2;
    }
    int count = 0, minimum = atoi(argv[1]);
    for (int i = 2; i < argc; ++i) {
        int here = run_path(argv[i]);
        if (here < 0) return 1;
        count += here;
    }
    printf("%d inputs\n", count);
    if (count < minimum) fprintf(stderr, "replay: expected %d inputs or more\n", minimum);
    return count < minimum;
}
