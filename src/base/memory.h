/* Allocation with overflow checks.  Everything is zeroed; free with free(). */
#ifndef LIP_BASE_MEMORY_H
#define LIP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* count zeroed objects of the given size; NULL if memory is short or the product overflows.  A count
 * of 0 gives a valid pointer. */
void *lip_alloc(size_t count, size_t size);

/* Grow an array to hold at least `need` objects, doubling; new objects are not zeroed.  False (and
 * the array as it was) if memory is short. */
bool lip_grow(void **array, size_t *capacity, size_t need, size_t size);

/* A copy of a string; NULL if memory is short. */
char *lip_copy_string(const char *text);

/* *product = a * b; false if it overflows or exceeds PTRDIFF_MAX / 8. */
bool lip_multiply_sizes(size_t a, size_t b, size_t *product);

#define LIP_NEW(type, count) ((type *)lip_alloc((count), sizeof(type)))

#endif
