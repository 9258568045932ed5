/* An allocator that fails at the k-th call, for every k.
 *
 * The program is linked with --wrap, so that each malloc, calloc and realloc in the program and
 * the library comes here (calls inside shared libraries do not).  LIPCERT_FAIL_ALLOC=k makes
 * call number k return NULL, once.  LIPCERT_COUNT_ALLOC=FILE writes the number of calls to FILE
 * at the end. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static atomic_ulong calls;
static unsigned long failing; /* 0: none */

__attribute__((constructor)) static void prepare(void) {
    const char *text = getenv("LIPCERT_FAIL_ALLOC");
    failing = text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("LIPCERT_COUNT_ALLOC");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%lu\n", atomic_load(&calls));
    fclose(file);
}

static int fails(void) { return atomic_fetch_add(&calls, 1) + 1 == failing; }

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) { return fails() ? NULL : __real_realloc(old, size); }
