/* One activation pattern: the hyperplanes, values and gradient norm that go with it. */
#ifndef LIP_SEARCH_CELL_H
#define LIP_SEARCH_CELL_H

#include "problem/task.h"
#include "search/points.h"
#include "search/polytope.h"

/* For a pattern d every pre-activation is an affine function of the input,
 *     z_u = slope_u' x + offset_u,
 * and the selected outputs depend on neuron u with derivatives g_u (k numbers), so that flipping u
 * alone changes the Jacobian by +- g_u slope_u'.  Nothing says that the pattern occurs in the region. */
typedef struct lip_cell {
    const lip_network *net;
    const lip_query *query;
    const lip_preactivation *bounds;
    size_t n, k;         /* inputs, selected outputs */
    size_t neurons;      /* neurons that are not stable on the region */
    size_t *unit;        /* neurons: their units, in order */
    double *d;           /* units: the pattern; 1 without ReLU */
    double *slope;       /* units * n */
    double *masked;      /* units * n: d slope */
    double *offset;      /* units; value of h at 0 in the pattern: */
    double *base;        /* units: d offset */
    double *g;           /* units * k: derivatives of the selected outputs with respect to h */
    double *gz;          /* lip_widest * k */
    double *t, *s;       /* n, k: a good direction and its dual vector */
    double *row, *image; /* n, k: J' s and J t */
    double *y, *sum;     /* n, k: scratch */
    double value;        /* ||J||, floating point; a local maximum where the norm is hard */
    bool fixed_slopes;   /* one layer of ReLUs only: slopes do not depend on the pattern */
    bool fresh;          /* slopes have been computed once */
    double work;         /* multiplications so far, about */
} lip_cell;

/* Largest units * inputs for which cells are used (four blocks of that many doubles). */
enum { LIP_CELL_LARGEST = 1 << 23 };

/* False if memory is short; the pattern starts all inactive but for stable neurons. */
bool lip_cell_create(const lip_network *net, const lip_query *query,
                     const lip_preactivation *bounds, lip_cell *cell);
void lip_cell_clear(lip_cell *cell);

/* After d was changed: everything else, if `slopes` those and the offsets too.  False if memory is
 * short. */
bool lip_cell_update(lip_cell *cell, bool slopes);

/* Slopes and offsets of layer l alone, from those of earlier layers; then h of layer l from its pattern. */
void lip_cell_layer(lip_cell *cell, size_t l);
void lip_cell_mask(lip_cell *cell, size_t l);

/* Only slopes and offsets. */
void lip_cell_slopes(lip_cell *cell);

/* Copy the phases of neurons that are not stable. */
void lip_cell_take(lip_cell *cell, const double *d);

/* A lower estimate of the norm if unit alone were flipped: s or t is kept.  Exact for one output. */
double lip_cell_flipped(lip_cell *cell, size_t unit);

/* Wish for unit's phase in the direction (s, t): (s' g_u) (slope_u' t); the gain of activating it. */
double lip_cell_wish(const lip_cell *cell, size_t unit);

/* Multiplications in one pass through the network, about. */
double lip_network_work(const lip_network *net);

#endif
