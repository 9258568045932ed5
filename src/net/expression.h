/* Affine expressions: what a tensor is while a network is being read.
 *
 *     e = P ( sum over terms  op_t h_{source_t} )  +  constant
 *
 * with h_0 the input and h_l the output of layer l of a builder.  P is a permutation (usually absent).
 * An expression without terms is a constant, so folding constants needs no code of its own. */
#ifndef LIP_NET_EXPRESSION_H
#define LIP_NET_EXPRESSION_H

#include "linalg/op.h"
#include "lipcert.h"
#include "net/builder.h"

#include <stdint.h>

typedef struct lip_affine_term {
    size_t source; /* 0 = the input, else a layer of the builder */
    size_t width;  /* of the source */
    lip_op *op;    /* NULL: the identity */
} lip_affine_term;

typedef struct lip_expression {
    size_t size;
    size_t nterms;
    lip_affine_term *term;
    double *constant; /* size numbers; NULL: all zero */
    size_t *order; /* NULL, or P: element i is row order[i] of the sum; only beside convolutions */
} lip_expression;

/* What the operations below share.  `budget` counts the numbers (elements and stored weights) that may
 * still be made, which bounds time and memory on hostile input.  `inexact` and `overflow` are raised
 * by an operation that rounded, or that left the finite numbers; the caller lowers them. */
typedef struct lip_affine {
    lip_builder *builder;
    size_t budget;
    size_t last; /* newest layer of the builder */
    bool inexact, overflow;
    lip_error *err; /* not NULL */
} lip_affine;

/* An index without an element: a zero. */
#define LIP_NOTHING SIZE_MAX

/* Largest number of entries of a sparse operator made by composition (1/2 GiB). */
#define LIP_SPARSE_LIMIT ((size_t)1 << 25)

/* Take `numbers` from the budget, or refuse. */
lip_status lip_affine_spend(lip_affine *a, size_t numbers);

/* One product or quotient or sum; raises `inexact` if it was rounded. */
double lip_affine_times(lip_affine *a, double x, double y);
double lip_affine_over(lip_affine *a, double x, double y);
double lip_affine_plus(lip_affine *a, double x, double y);

/* Frees what e holds and empties it.  Every operation leaves e in a state that this can free. */
void lip_expression_clear(lip_expression *e);

/* e, empty before, becomes all of a source. */
lip_status lip_expression_source(lip_affine *a, lip_expression *e, size_t source, size_t width);

/* e, empty before, becomes a constant of `size` zeros with an array to fill in. */
lip_status lip_expression_zeros(lip_affine *a, lip_expression *e, size_t size);

/* to, empty before, becomes a copy. */
lip_status lip_expression_copy(lip_affine *a, const lip_expression *from, lip_expression *to);

static inline bool lip_expression_is_constant(const lip_expression *e) { return e->nterms == 0; }

/* Element i of a constant. */
static inline double lip_expression_value(const lip_expression *e, size_t i) {
    return e->constant ? e->constant[i] : 0;
}

/* More than (at most) one scaled element of one source per element: worth a layer of its own rather
 * than a second copy. */
bool lip_expression_is_heavy(const lip_expression *e);

/* Element i becomes the old element index[i], or 0 where that is LIP_NOTHING.  Exact. */
lip_status lip_expression_pick(lip_affine *a, lip_expression *e, size_t n, const size_t *index);

/* Element i is multiplied (divided) by s[i]. */
lip_status lip_expression_scale(lip_affine *a, lip_expression *e, const double *s, bool divide);

/* e += c. */
lip_status lip_expression_shift(lip_affine *a, lip_expression *e, const double *c);

/* e += f, sizes equal; f is emptied, also on failure. */
lip_status lip_expression_add(lip_affine *a, lip_expression *e, lip_expression *f);

/* e becomes op e; takes ownership of op, also on failure; a NULL op is out of memory. */
lip_status lip_expression_apply(lip_affine *a, lip_expression *e, lip_op *op);

/* e becomes a layer of the builder without (with) ReLU, and then an expression in that layer. */
lip_status lip_expression_materialise(lip_affine *a, lip_expression *e);
lip_status lip_expression_relu(lip_affine *a, lip_expression *e);

/* e becomes the last layer of the builder. */
lip_status lip_expression_finish(lip_affine *a, lip_expression *e);

/* Is a convolution among the terms? */
bool lip_expression_has_conv(const lip_expression *e);

/* Between the files of this module: op after a monomial operator (at most one entry per row), as one
 * operator.  `inner` NULL is the identity.  NULL on failure, with the error set. */
bool lip_is_monomial(const lip_op *op);
lip_op *lip_compose(lip_affine *a, const lip_op *op, const lip_op *inner);

/* The sum of two sparse operators of equal shape.  NULL on failure, with the error set. */
lip_op *lip_sparse_sum(lip_affine *a, const lip_op *x, const lip_op *y);

#endif
