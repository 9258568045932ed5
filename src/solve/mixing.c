/* The mixing method (Wang, Chang and Kolter 2017) in two blocks.  The objective is
 *
 *     sum over j  t_j' (linear_j e + sum over i  h_ij s_i),        t_j, s_i unit vectors,
 *
 * linear in all t for fixed s and the other way round, so each half sweep has the closed form
 * "normalise the gradient row".  Both gradients are products of h with a thin block: 4 n inputs rank
 * operations per sweep. */
#include "solve/mixing.h"

#include "base/memory.h"
#include "base/rng.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

typedef struct state {
    size_t n, inputs, rank;
    double *s, *t; /* n x rank, inputs x rank */
} state;

/* Rows of v to unit length, their former lengths into y; a zero row becomes e.  The sum of y. */
static double normalise(size_t rows, size_t rank, double *v, double *y) {
    double sum = 0;
    for (size_t i = 0; i < rows; ++i) {
        double *row = v + i * rank;
        y[i] = cblas_dnrm2((int)rank, row, 1);
        sum += y[i];
        if (y[i] > 0)
            cblas_dscal((int)rank, 1 / y[i], row, 1);
        else
            row[0] = 1;
    }
    return sum;
}

static double sweep(const lip_mixing_problem *p, state *q, double *y_t, double *y_s) {
    int n = (int)p->n, m = (int)p->inputs, k = (int)q->rank;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, k, n, 1, p->h, m, q->s, k, 0, q->t, k);
    for (size_t j = 0; j < p->inputs; ++j) q->t[j * q->rank] += p->linear[j];
    double value = normalise(p->inputs, q->rank, q->t, y_t);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, k, m, 1, p->h, m, q->t, k, 0, q->s,
                k);
    normalise(p->n, q->rank, q->s, y_s);
    return value;
}

bool lip_mixing(const lip_mixing_problem *problem, size_t rank, double progress, size_t patience,
                lip_watch *watch, double *y_t, double *y_s, double *value) {
    size_t size;
    state q = {problem->n, problem->inputs, rank, NULL, NULL};
    if (!lip_multiply_sizes(problem->n + problem->inputs, rank, &size)) return false;
    q.s = LIP_NEW(double, size);
    if (!q.s) return false;
    q.t = q.s + problem->n * rank;
    lip_rng rng;
    lip_rng_seed(&rng, 1);
    for (size_t i = 0; i < problem->n * rank; ++i) q.s[i] = lip_rng_gaussian(&rng);
    normalise(problem->n, rank, q.s, y_s);
    double checkpoint = 0;
    for (size_t k = 1;; ++k) {
        *value = sweep(problem, &q, y_t, y_s);
        if (lip_watch_expired(watch)) break;
        if (k % patience != 0) continue;
        if (!(*value - checkpoint > progress * *value)) break;
        checkpoint = *value;
    }
    free(q.s);
    return true;
}
