/* Separating triangles: for every apex i and pair j < k the least of
 *
 *     1 + a Y_ij + b Y_ik + ab Y_jk,    Y_ij = X_ij / (r_i r_j),   a, b = +-1.
 *
 * Of all that fall below a threshold the worst are kept in a heap of bounded size. */
#include "problem/triangles.h"

#include "base/memory.h"

#include <stdlib.h>

static const double THRESHOLD = 1e-3;

typedef struct candidate {
    double value; /* of the constraint: negative */
    size_t i, j, k;
    int a, b;
} candidate;

typedef struct heap {
    size_t count, room;
    candidate *at; /* the least violated one first */
} heap;

static void sift(heap *h, size_t at) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count) return;
        if (child + 1 < h->count && h->at[child + 1].value > h->at[child].value) ++child;
        if (h->at[at].value >= h->at[child].value) return;
        candidate swap = h->at[at];
        h->at[at] = h->at[child];
        h->at[child] = swap;
        at = child;
    }
}

static void offer(heap *h, candidate c) {
    if (h->count < h->room) {
        h->at[h->count++] = c;
        if (h->count == h->room)
            for (size_t k = h->count; k-- > 0;) sift(h, k);
    } else if (c.value < h->at[0].value) {
        h->at[0] = c;
        sift(h, 0);
    }
}

static bool same(const lip_cut *cut, const candidate *c) {
    return cut->of[0] == c->i && cut->of[1] == c->j && cut->of[2] == c->k && cut->sign[0] == c->a &&
           cut->sign[1] == c->b;
}

static bool present(const lip_lifted *lifted, const candidate *c) {
    for (size_t k = 0; k < lip_family_count(lifted, LIP_FAMILY_TRIANGLE); ++k)
        if (same(lip_family_cut(lifted, LIP_FAMILY_TRIANGLE, k), c)) return true;
    return false;
}

static void try_triple(heap *h, size_t i, size_t j, size_t k, double ij, double ik, double jk) {
    for (int c = 0; c < 4; ++c) {
        int a = c & 1 ? 1 : -1, b = c & 2 ? 1 : -1;
        double value = 1 + a * ij + b * ik + a * b * jk;
        if (value < -THRESHOLD) offer(h, (candidate){value, i, j, k, a, b});
    }
}

/* y = X scaled by the bounds of the variables. */
static void scale(const lip_lifted *lifted, const double *x, double *y) {
    size_t n = lifted->n;
    for (size_t i = 0; i < n; ++i) {
        double r = lip_variable_most(lifted, i);
        for (size_t j = 0; j < n; ++j) y[i * n + j] = x[i * n + j] / r;
    }
    for (size_t j = 0; j < n; ++j) {
        double r = lip_variable_most(lifted, j);
        for (size_t i = 0; i < n; ++i) y[i * n + j] /= r;
    }
}

bool lip_triangles_separate(lip_lifted *lifted, const double *x, bool general, size_t most,
                            size_t *added) {
    size_t n = lifted->n;
    heap h = {0, most, LIP_NEW(candidate, most)};
    double *y = LIP_NEW(double, n *n);
    bool ok = h.at && y;
    *added = 0;
    if (ok) scale(lifted, x, y);
    for (size_t i = 0; ok && most > 0 && i < (general ? n : 1); ++i)
        for (size_t j = i + 1; j < n; ++j)
            for (size_t k = j + 1; k < n; ++k)
                try_triple(&h, i, j, k, y[i * n + j], y[i * n + k], y[j * n + k]);
    for (size_t c = 0; ok && c < h.count; ++c) {
        const candidate *t = &h.at[c];
        if (present(lifted, t)) continue;
        ok = lip_family_add_triangle(lifted, t->i, t->j, t->k, t->a, t->b);
        ++*added;
    }
    free(h.at);
    free(y);
    return ok;
}
