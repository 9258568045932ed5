/* The lifted problem as a semidefinite program with low-rank constraints.
 *
 *     primal   max <F, X>     <A_k, X> + x_k = b_k,   X >= 0,   x_k >= 0 (x_k = 0 for equalities)
 *     dual     min b'z        S(z) = sum z_k A_k - F >= 0,      z_k >= 0 for inequalities
 *
 * z = (y of the groups, lambda of the families in the order of lip_family_place); A_k are the squares of
 * a group, or -G_k, with b_k = 0.  X is the moment matrix pp', S(z) the slack matrix of cert/slack.h.
 *
 * Every A_k is a sum of a few symmetric products  c sym(w_i w_j')  of the vectors
 *
 *     w_i = e_i   (i < n),        w_{n+k} = T_k - e_v   (y_k = T_k'p, v the tangent of neuron k),
 *                                 then the rows of the lifted problem (pre-activations),
 *
 * for example  -(v y - v^2) = - v (y - v)  for the tangent of a neuron.  So all that an interior-point
 * method asks about the A_k it can pick from the extended matrix W Y W', W = (w_1 ..)': matrix products
 * with the T_k, nothing of the size n x n for every constraint. */
#ifndef LIP_SOLVE_CONIC_H
#define LIP_SOLVE_CONIC_H

#include "problem/family.h"

/* c sym(w_i w_j'). */
typedef struct lip_conic_term {
    double factor;
    size_t i, j;
} lip_conic_term;

/* Vectors n + first .. n + first + count - 1 as a dense matrix: rows T_k (without e_v), columns
 * low .. high - 1, outside of which they are 0. */
typedef struct lip_conic_run {
    size_t first, count, low, high;
    double *matrix;
} lip_conic_run;

typedef struct lip_conic {
    const lip_lifted *lifted;
    size_t n, vectors, extended; /* neurons + rows; n + vectors */
    size_t count;                /* constraints: groups, then families */
    double *b;
    bool *equality;
    size_t *start; /* terms of constraint k: start[k] .. start[k + 1] - 1 */
    lip_conic_term *term;
    size_t runs, tangent_runs; /* the first of them are neurons, by layer */
    lip_conic_run *run;
    double *image, *gathered; /* vectors x n each: room for products */
} lip_conic;

/* False: out of memory. */
bool lip_conic_create(const lip_lifted *lifted, lip_conic *conic);
void lip_conic_clear(lip_conic *conic);

/* Full symmetric n x n matrix: sum z_k A_k, and minus F if asked for. */
void lip_conic_matrix(const lip_conic *conic, const double *z, bool objective, double *matrix);

/* out = (sum z_k A_k) Y for any n x n matrix Y. */
void lip_conic_multiply(const lip_conic *conic, const double *z, const double *y, double *out);

/* value_k = <A_k, Y>, Y full and symmetric. */
void lip_conic_values(const lip_conic *conic, const double *y, double *value);

/* big = W Y W', extended x extended, Y full and symmetric. */
void lip_conic_extend(const lip_conic *conic, const double *y, double *big);

/* value_k = <A_k, Z R> for z = W Z W' and the transpose of any n x n matrix R. */
void lip_conic_product_values(const lip_conic *conic, const double *z, const double *transpose,
                              double *value);

/* Lower triangle, count x count, of  <A_k, Z A_l X>  for z = W Z W' and x = W X W'. */
void lip_conic_schur(const lip_conic *conic, const double *z, const double *x, double *schur);

/* z such that S(z) is positive definite and b'z is not too far from the least; room: three n x n matrices
 * to work with.  *found is false if numbers overflow.  False: out of memory. */
bool lip_conic_start(const lip_conic *conic, double *z, double *const room[3], bool *found);

/* Copy the lower triangle of an n x n matrix to the upper one. */
void lip_conic_mirror(size_t n, double *matrix);

#endif
