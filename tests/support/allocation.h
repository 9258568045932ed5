/* Allocations that fail on demand.  The linker routes calloc, realloc and free of the library, which
 * allocates with nothing else, through here (see CMakeLists.txt). */
#ifndef LIP_TEST_ALLOCATION_H
#define LIP_TEST_ALLOCATION_H

typedef struct allocation_count {
    long calls; /* of calloc and realloc */
    long live;  /* blocks allocated and not given back */
} allocation_count;

/* From now on count, and let call number fail_at (from 1; 0: none) return NULL. */
void allocation_begin(long fail_at);

/* Stop that; what has happened since. */
allocation_count allocation_end(void);

#endif
