/* Separating triangles.  With Y_ij = X_ij / (r_i r_j) the four constraints on i < j < k are
 *
 *     1 + Y_ij - |Y_ik + Y_jk| >= 0,      1 - Y_ij - |Y_ik - Y_jk| >= 0,
 *
 * the least of the four in two lines.  All n^3 / 6 triples of 2,000 variables are looked at in about a
 * second; of all that fall below a threshold the worst are kept in a heap of bounded size. */
#include "problem/triangles.h"

#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const double THRESHOLD = 1e-3;

enum { STRIP = 64 };

typedef struct candidate {
    double value; /* of the constraint: negative */
    size_t i, j, k;
    int a, b;
} candidate;

typedef struct heap {
    size_t count, room;
    double limit;  /* only what is below is of interest */
    candidate *at; /* the least violated one first, once it is full */
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
    if (!(c.value < h->limit)) return;
    if (h->count < h->room) {
        h->at[h->count++] = c;
        if (h->count < h->room) return;
        for (size_t k = h->count; k-- > 0;) sift(h, k);
    } else {
        h->at[0] = c;
        sift(h, 0);
    }
    h->limit = h->at[0].value;
}

/* ---- What is there already --------------------------------------------------------------- */

static uint64_t key(size_t n, size_t i, size_t j, size_t k, int a, int b) {
    uint64_t place = ((uint64_t)i * n + j) * n + k; /* n <= 2^20 */
    return place * 4 + (a > 0 ? 2 : 0) + (b > 0 ? 1 : 0);
}

static int by_key(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* The keys of all triangles, sorted; NULL: out of memory. */
static uint64_t *present_keys(const lip_lifted *lifted, size_t *count) {
    *count = lip_family_count(lifted, LIP_FAMILY_TRIANGLE);
    uint64_t *keys = LIP_NEW(uint64_t, *count);
    for (size_t c = 0; keys && c < *count; ++c) {
        const lip_cut *cut = lip_family_cut(lifted, LIP_FAMILY_TRIANGLE, c);
        keys[c] = key(lifted->n, cut->of[0], cut->of[1], cut->of[2], cut->sign[0], cut->sign[1]);
    }
    if (keys && *count > 0) qsort(keys, *count, sizeof *keys, by_key);
    return keys;
}

typedef struct search {
    size_t n, present;
    uint64_t *keys;
    double *y; /* X scaled by the bounds of the variables */
    heap h;
} search;

static void try_triple(search *s, size_t i, size_t j, size_t k) {
    size_t n = s->n;
    double ij = s->y[i * n + j], ik = s->y[i * n + k], jk = s->y[j * n + k];
    for (int c = 0; c < 4; ++c) {
        int a = c & 1 ? 1 : -1, b = c & 2 ? 1 : -1;
        double value = 1 + a * ij + b * ik + a * b * jk;
        if (!(value < s->h.limit)) continue;
        uint64_t sought = key(n, i, j, k, a, b);
        if (s->present > 0 && bsearch(&sought, s->keys, s->present, sizeof sought, by_key))
            continue;
        offer(&s->h, (candidate){value, i, j, k, a, b});
    }
}

/* ---- The search -------------------------------------------------------------------------- */

/* The least of the constraints on i, j and k in first .. last - 1. */
static double least(double ij, const double *yi, const double *yj, size_t first, size_t last) {
    double most = -1;
    for (size_t k = first; k < last; ++k) {
        double x = fabs(yi[k] + yj[k]) - ij, y = fabs(yi[k] - yj[k]) + ij;
        x = x > y ? x : y;
        most = most > x ? most : x;
    }
    return 1 - most;
}

static void try_pair(search *s, size_t i, size_t j) {
    size_t n = s->n;
    const double *yi = s->y + i * n, *yj = s->y + j * n;
    for (size_t first = j + 1; first < n; first += STRIP) {
        size_t last = first + STRIP < n ? first + STRIP : n;
        if (!(least(yi[j], yi, yj, first, last) < s->h.limit)) continue;
        for (size_t k = first; k < last; ++k) try_triple(s, i, j, k);
    }
}

static void scale(const lip_lifted *lifted, const double *x, double *y) {
    size_t n = lifted->n;
    for (size_t i = 0; i < n; ++i) {
        double r = lip_variable_most(lifted, i);
        for (size_t j = 0; j < n; ++j) y[i * n + j] = x[i * n + j] / r;
    }
    for (size_t j = 0; j < n; ++j) {
        double r = lip_variable_most(lifted, j);
        for (size_t i = 0; r != 1 && i < n; ++i) y[i * n + j] /= r;
    }
}

bool lip_triangles_separate(lip_lifted *lifted, const double *x, bool general, size_t most,
                            size_t *added) {
    size_t n = lifted->n;
    search s = {.n = n, .h = {0, most, -THRESHOLD, LIP_NEW(candidate, most)}};
    s.y = LIP_NEW(double, n *n);
    s.keys = present_keys(lifted, &s.present);
    bool ok = s.h.at && s.y && s.keys;
    *added = 0;
    if (ok) scale(lifted, x, s.y);
    for (size_t i = 0; ok && most > 0 && i < (general ? n : 1); ++i)
        for (size_t j = i + 1; j < n; ++j) try_pair(&s, i, j);
    for (size_t c = 0; ok && c < s.h.count; ++c) {
        const candidate *t = &s.h.at[c];
        ok = lip_family_add_triangle(lifted, t->i, t->j, t->k, t->a, t->b);
        ++*added;
    }
    free(s.h.at);
    free(s.y);
    free(s.keys);
    return ok;
}
