#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *lip_alloc(size_t count, size_t size) {
    if (count > PTRDIFF_MAX / size) return NULL;
    return calloc(count ? count : 1, size);
}

bool lip_grow(void **array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity) return true;
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < need) {
        if (wanted > PTRDIFF_MAX / 2) return false;
        wanted *= 2;
    }
    if (wanted > PTRDIFF_MAX / size) return false;
    void *grown = realloc(*array, wanted * size);
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

char *lip_copy_string(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = lip_alloc(size, 1);
    if (copy) memcpy(copy, text, size);
    return copy;
}

bool lip_multiply_sizes(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > (size_t)PTRDIFF_MAX / 8 / b) return false;
    *product = a * b;
    return true;
}
