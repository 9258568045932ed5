/* What the network reads of the input, in as few coordinates as that needs. */
#ifndef LIP_BNB_ENTRIES_H
#define LIP_BNB_ENTRIES_H

#include "bnb/dense.h"

/* The terms that read the input, as matrices in r coordinates c = Q x, Q with orthonormal rows. */
typedef struct lip_entries {
    size_t terms, r, n;
    double **term; /* counted through all layers; rows x r, NULL for those with other sources */
    double *q;     /* r x n; NULL: the coordinates are inputs (all of them, or one) */
} lip_entries;

typedef enum lip_entries_kind {
    LIP_ENTRIES_ALL, /* the inputs themselves */
    LIP_ENTRIES_SPAN, /* the row space of the terms, if it has fewer dimensions than there are inputs */
    LIP_ENTRIES_ONE /* input `column` alone */
} lip_entries_kind;

/* The number of coordinates that this will take. */
size_t lip_entries_count(const lip_dense *dense, lip_entries_kind kind);

/* False if memory is short; lip_entries_clear is fine in any case. */
bool lip_entries_create(const lip_dense *dense, lip_entries_kind kind, size_t column,
                        lip_entries *entries);
void lip_entries_clear(lip_entries *entries);

#endif
