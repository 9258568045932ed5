#include "allocation.h"

#include <stdbool.h>
#include <stddef.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static bool armed;
static long failing;
static allocation_count count;

void allocation_begin(long fail_at) {
    count = (allocation_count){0, 0};
    failing = fail_at;
    armed = true;
}

allocation_count allocation_end(void) {
    armed = false;
    return count;
}

static bool fails(void) { return armed && ++count.calls == failing; }

void *__wrap_calloc(size_t number, size_t size) {
    void *block = fails() ? NULL : __real_calloc(number, size);
    if (armed && block) ++count.live;
    return block;
}

void *__wrap_realloc(void *block, size_t size) {
    void *grown = fails() ? NULL : __real_realloc(block, size);
    if (armed && grown && !block) ++count.live;
    return grown;
}

void __wrap_free(void *block) {
    if (armed && block) --count.live;
    __real_free(block);
}
