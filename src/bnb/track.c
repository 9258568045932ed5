/* Following a witness through the tree.
 *
 * The best witness x is a point of the region with a proved gradient norm: the lower bound.  Theorem 11
 * (docs/certificate.md) says that a walk down from each root reaches a leaf that is not empty and whose bound
 * holds for x; so the largest of these bounds, one for each part, is at least the lower bound.  Here the
 * walk is made, after every round of the search: a defect anywhere in splitting, ranges, Farkas proofs or leaf
 * bounds that cuts off the best point that is known ends the run instead of giving a wrong answer.
 *
 * Which child x is in is known where |z| is clearly more than its rounding error; elsewhere (x on a kink, or
 * on the plane of a cut) both are followed, and one leaf that fits is enough. */
#include "bnb/track.h"

#include "base/memory.h"
#include "base/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct track {
    const lip_branch *branch;
    double *h, *size;   /* by unit: value behind the neuron, and magnitudes of what made it */
    signed char *phase; /* by relu number; LIP_UNSTABLE: not clear */
    size_t used, room;
    lip_node **stack;
} track;

/* ---- Phases at the witness --------------------------------------------------------------- */

/* z of a neuron, and magnitudes. */
static double evaluate(const track *w, size_t l, size_t i, double *magnitude) {
    const lip_dense *dense = w->branch->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    double z = layer->bias[i];
    *magnitude = fabs(z);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *row = layer->term[t].row + i * source->width;
        for (size_t j = 0; j < source->width; ++j) {
            z += row[j] * w->h[source->offset + j];
            *magnitude += fabs(row[j]) * w->size[source->offset + j];
        }
    }
    return z;
}

static void find_phases(track *w) {
    const lip_dense *dense = w->branch->dense;
    const double *x = w->branch->task->result->witness_x;
    double error = lip_gamma(4 * dense->units + 16);
    size_t relu = 0;
    for (size_t j = 0; j < dense->inputs; ++j) {
        w->h[j] = x[j];
        w->size[j] = fabs(x[j]);
    }
    for (size_t l = 1; l < dense->layers; ++l) {
        const lip_dense_layer *layer = &dense->layer[l];
        for (size_t i = 0; i < layer->width; ++i) {
            size_t unit = layer->offset + i;
            double z = evaluate(w, l, i, &w->size[unit]);
            w->h[unit] = layer->relu ? fmax(z, 0) : z;
            if (!layer->relu) continue;
            /* numbers near the ends of the range of doubles decide nothing: what underflowed may have been scaled up */
            bool sane = w->size[unit] > 1e-200 && w->size[unit] < 1e200;
            bool clear = sane && fabs(z) > error * w->size[unit] + 1e-280;
            w->phase[relu++] = clear ? z > 0 ? LIP_ACTIVE : LIP_INACTIVE : LIP_UNSTABLE;
        }
    }
}

/* ---- The walk ---------------------------------------------------------------------------- */

static bool push(track *w, lip_node *node) {
    if (!lip_grow((void **)&w->stack, &w->room, w->used + 1, sizeof(lip_node *))) return false;
    w->stack[w->used++] = node;
    return true;
}

/* May x be in this child? */
static bool fits(const track *w, const lip_node *node, int side) {
    if (node->kind == LIP_NODE_SPLIT)
        return w->phase[node->relu] != (side ? LIP_INACTIVE : LIP_ACTIVE);
    double x = w->branch->task->result->witness_x[node->relu];
    return side ? x >= node->cut : x <= node->cut;
}

/* The largest bound of a leaf that x may be in; -1 if all are empty. */
static bool walk(track *w, lip_node *root, double *bound) {
    *bound = -1;
    w->used = 0;
    if (!push(w, root)) return false;
    while (w->used > 0) {
        lip_node *node = w->stack[--w->used];
        if (node->kind != LIP_NODE_SPLIT && node->kind != LIP_NODE_CUT) {
            if (node->kind != LIP_NODE_EMPTY) *bound = fmax(*bound, node->bound);
            continue;
        }
        for (int side = 0; side < 2; ++side)
            if (fits(w, node, side) && !push(w, node->child[side])) return false;
    }
    return true;
}

bool lip_branch_track(lip_branch *b, bool *fine) {
    const lip_result *result = b->task->result;
    *fine = true;
    if (!result->witness_x) return true;
    track w = {.branch = b};
    w.h = lip_alloc(b->dense->units, 2 * sizeof *w.h);
    w.phase = LIP_NEW(signed char, b->dense->relus);
    bool ok = w.h && w.phase;
    double largest = 0;
    if (ok) {
        w.size = w.h + b->dense->units;
        find_phases(&w);
    }
    for (size_t k = 0; ok && k < b->parts; ++k) {
        double bound;
        ok = walk(&w, b->root[k], &bound);
        if (ok && bound < 0) *fine = false;
        if (ok) largest = fmax(largest, bound);
    }
    if (ok && largest < result->lower * (1 - 1e-12)) *fine = false;
    free(w.h);
    free(w.phase);
    free(w.stack);
    return ok;
}
