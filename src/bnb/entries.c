/* All rows that read the input, A = L Q with L lower triangular and Q orthonormal: |x| and A x depend on Q x
 * alone as far as a ball or all of R^n is concerned, so 784 inputs of 50 neurons are 50 coordinates. */
#include "bnb/entries.h"

#include "base/memory.h"

#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

static size_t input_rows(const lip_dense *dense) {
    size_t rows = 0;
    for (size_t l = 1; l <= dense->layers; ++l)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t)
            if (dense->layer[l].term[t].source == 0) rows += dense->layer[l].width;
    return rows;
}

size_t lip_entries_count(const lip_dense *dense, lip_entries_kind kind) {
    if (kind == LIP_ENTRIES_ONE) return 1;
    size_t rows = input_rows(dense);
    return kind == LIP_ENTRIES_SPAN && rows < dense->inputs ? rows : dense->inputs;
}

/* Copy all rows into one matrix, or (back) rows of L out of it. */
static void exchange(const lip_dense *dense, lip_entries *e, double *all, bool back) {
    size_t n = e->n, r = e->r, at = 0, k = 0;
    for (size_t l = 1; l <= dense->layers; ++l)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t, ++k) {
            if (!e->term[k]) continue;
            const double *row = dense->layer[l].term[t].row;
            for (size_t i = 0; i < dense->layer[l].width; ++i, ++at)
                if (back)
                    memcpy(e->term[k] + i * r, all + at * n,
                           (at + 1 < r ? at + 1 : r) * sizeof *all);
                else
                    memcpy(all + at * n, row + i * n, n * sizeof *all);
        }
}

static bool orthogonalise(const lip_dense *dense, lip_entries *e) {
    lapack_int n = (lapack_int)e->n, r = (lapack_int)e->r;
    double *scale = LIP_NEW(double, e->r);
    e->q = LIP_NEW(double, e->r * e->n);
    bool ok = scale && e->q;
    if (ok) exchange(dense, e, e->q, false);
    if (ok) ok = LAPACKE_dgelqf(LAPACK_ROW_MAJOR, r, n, e->q, n, scale) == 0;
    if (ok) exchange(dense, e, e->q, true);
    if (ok) ok = LAPACKE_dorglq(LAPACK_ROW_MAJOR, r, n, r, e->q, n, scale) == 0;
    free(scale);
    return ok;
}

/* A term as it is, or one column of it. */
static void copy_term(const lip_dense *dense, lip_entries_kind kind, size_t column, size_t rows,
                      const double *from, double *to) {
    size_t n = dense->inputs;
    if (kind == LIP_ENTRIES_ALL || kind == LIP_ENTRIES_SPAN)
        memcpy(to, from, rows * n * sizeof *to);
    for (size_t i = 0; kind == LIP_ENTRIES_ONE && i < rows; ++i) to[i] = from[i * n + column];
}

bool lip_entries_create(const lip_dense *dense, lip_entries_kind kind, size_t column,
                        lip_entries *e) {
    memset(e, 0, sizeof *e);
    e->n = dense->inputs;
    e->r = lip_entries_count(dense, kind);
    bool span = kind == LIP_ENTRIES_SPAN && e->r < e->n;
    for (size_t l = 1; l <= dense->layers; ++l) e->terms += dense->layer[l].nterms;
    e->term = LIP_NEW(double *, e->terms);
    if (!e->term) return false;
    size_t k = 0;
    for (size_t l = 1; l <= dense->layers; ++l)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t, ++k) {
            const lip_dense_term *term = &dense->layer[l].term[t];
            if (term->source != 0) continue;
            e->term[k] = LIP_NEW(double, dense->layer[l].width * e->r);
            if (!e->term[k]) return false;
            if (!span) copy_term(dense, kind, column, dense->layer[l].width, term->row, e->term[k]);
        }
    return !span || orthogonalise(dense, e);
}

void lip_entries_clear(lip_entries *e) {
    for (size_t k = 0; e->term && k < e->terms; ++k) free(e->term[k]);
    free(e->term);
    free(e->q);
    memset(e, 0, sizeof *e);
}
