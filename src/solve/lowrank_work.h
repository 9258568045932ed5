/* The lifted problem as inner products of linear images of a factor V: what src/solve/lowrank.c
 * evaluates hundreds of times.
 *
 *     vectors   w_i = row i of V (i < n),  then b_k = y_k - v_k of the neurons,  then z_k of the lip_relus
 *     places    products <w_i, w_j>: entries of V V' if there are many of them (`dense`), or single ones
 *     terms     constraint k is the sum of factor * place over terms start[k] .. start[k + 1] - 1
 *
 * b and z are dense matrices times V ("runs"), so is the objective ("blocks"). */
#ifndef LIP_SOLVE_LOWRANK_WORK_H
#define LIP_SOLVE_LOWRANK_WORK_H

#include "problem/family.h"

typedef struct lip_lowrank_term {
    double factor;
    size_t place;
} lip_lowrank_term;

/* A product <w_i, w_j> outside of V V', i <= j. */
typedef struct lip_lowrank_pair {
    size_t i, j;
} lip_lowrank_pair;

/* Vectors first .. first + count - 1, counted from b_0, are constant * row 0 + matrix * rows low .. high - 1
 * of V, less row v of it for neurons. */
typedef struct lip_lowrank_rows {
    size_t first, count, low, high;
    double *constant, *matrix;
} lip_lowrank_rows;

/* sum of matrix_ij <v_(row + i), v_(column + j)>. */
typedef struct lip_lowrank_block {
    size_t row, rows, column, columns;
    double *matrix;
} lip_lowrank_block;

typedef struct lip_lowrank_tables {
    const lip_lifted *lifted;
    size_t n, vectors; /* rows of V; b and z */
    size_t relu_base;  /* z of relu k is vector n + relu_base + k */
    size_t count;      /* constraints, in the order of lip_family_place */
    bool *equality;
    double *weight; /* 1 / squared norm of the constraint: penalties are multiplied by it */
    size_t *start;
    size_t terms, term_room;
    lip_lowrank_term *term;
    bool dense;
    size_t places, pairs; /* places: n n if dense, then the pairs */
    lip_lowrank_pair *pair;
    size_t runs, blocks;
    lip_lowrank_rows *run;
    lip_lowrank_block *block;
    double *objective; /* dense: n x n, lower triangle of what the blocks say */
} lip_lowrank_tables;

enum { LIP_LOWRANK_SHARE = 100 };

/* Dense if more than one of `share` entries of V V' occurs; 0: never.  False: out of memory. */
bool lip_lowrank_tables_create(const lip_lifted *lifted, size_t share, lip_lowrank_tables *tables);
void lip_lowrank_tables_clear(lip_lowrank_tables *tables);

/* Room for one evaluation with k columns.  V V' may be computed in single precision, in half the time: good
 * enough on the way, not for the last digits. */
typedef struct lip_lowrank_point {
    const lip_lowrank_tables *tables;
    size_t k;
    double *v, *gv;         /* n x k: V, and the gradient with respect to it */
    double *image, *pull;   /* vectors x k: b and z, and the gradient with respect to them */
    double *value, *change; /* by pair: the products, and the derivative with respect to them */
    double *inner, *spread; /* dense, double: V V', lower triangle, and the same derivative */
    float *inner_single, *spread_single; /* dense, single: the same */
    float *v_single, *gv_single;
    double *g; /* by constraint: its value */
    double objective;
} lip_lowrank_point;

bool lip_lowrank_point_create(const lip_lowrank_tables *tables, size_t k, bool single,
                              lip_lowrank_point *p);
void lip_lowrank_point_clear(lip_lowrank_point *p);

/* g of all constraints for v. */
void lip_lowrank_values(lip_lowrank_point *p);

/* gv = gradient of  - scale objective - sum mu_k g_k,  and the objective; after lip_lowrank_values. */
void lip_lowrank_gradient(lip_lowrank_point *p, double scale, const double *mu);

#endif
