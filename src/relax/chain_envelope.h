/* A symmetric matrix in blocks, each block row stored from its first nonzero block to the diagonal,
 * and the proof that it is positive semidefinite. */
#ifndef LIP_RELAX_CHAIN_ENVELOPE_H
#define LIP_RELAX_CHAIN_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lip_envelope {
    size_t blocks, n;
    size_t *offset; /* blocks + 1: where each block begins */
    size_t *first;  /* blocks: the first block stored in each block row */
    double **row;   /* blocks: size(b) x length(b) by rows, columns from offset[first[b]] */
    double *root;   /* blocks: square roots of the traces, for lip_envelope_shift */
} lip_envelope;

/* From block sizes and first[]; NULL if memory is short.  Entries start as zero. */
lip_envelope *lip_envelope_create(size_t blocks, const size_t *size, const size_t *first);
void lip_envelope_free(lip_envelope *m);

static inline size_t lip_envelope_size(const lip_envelope *m, size_t b) {
    return m->offset[b + 1] - m->offset[b];
}
static inline size_t lip_envelope_length(const lip_envelope *m, size_t b) {
    return m->offset[b + 1] - m->offset[m->first[b]];
}

/* Let A be the stored matrix and ||B - A||_2 <= radius.  True only if B is positive semidefinite.  A is
 * overwritten. */
bool lip_envelope_prove(lip_envelope *m, double radius);

/* The shift that lip_envelope_prove takes off the diagonal; INFINITY if A is not finite or has a
 * diagonal entry that is not positive. */
double lip_envelope_shift(lip_envelope *m, double radius);

#endif
