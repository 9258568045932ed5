/* Buffers of the Schur recursion, shared by its forward and backward pass. */
#ifndef LIP_RELAX_CHAIN_WORK_H
#define LIP_RELAX_CHAIN_WORK_H

#include "relax/chain.h"

/* A hidden layer during the recursion; matrices are full and symmetric unless said otherwise. */
typedef struct lip_chain_stage {
    size_t n, unstable;
    double *f;          /* n x n: the covariance of y_l */
    double *chol;       /* unstable^2: Cholesky factor (lower) of 2 I - Lam^.5 F_uu Lam^.5 */
    double *z;          /* rows of the next layer x unstable: see push_forward */
    double *norm;       /* unstable: F_ii, from below bounded away from 0 */
    double *lam, *root; /* unstable: multipliers and their square roots */
    const double *next; /* next_rows x n: the next layer's matrix, perhaps compressed */
    size_t next_rows;
} lip_chain_stage;

struct lip_chain_work {
    const lip_chain *chain;
    lip_chain_stage *stage; /* hidden of them */
    size_t inputs, first_rows, outputs, wide;
    bool gram_known;
    bool out_of_memory;       /* some step could not allocate: the whole attempt has failed */
    double *gram;             /* first_rows^2: W_0 W_0', only if input_ball */
    double *scaled;           /* first_rows x inputs: W_0 Diag(tau)^-.5, and a product with it */
    double *scaled_product;   /* both only if not input_ball */
    double *tau, *share;      /* normalised to sum 1 */
    double *f_out;            /* outputs^2 */
    double *vectors, *values; /* eigenvectors and -values of the scaled f_out */
    double *compressed;       /* the last matrix when it has more rows than columns */
    double *buffer;           /* holds the four below */
    double *a, *b, *c, *d;    /* wide^2 each */
};

/* F_0 = W_0 Diag(tau)^-1 W_0' / (1 - margin), into stage 0 or f_out. */
void lip_chain_first(lip_chain_work *work, double margin);

/* Factorise stage l for its lam; false if 2 (1 - margin) I - Lam^.5 F Lam^.5 is not positive. */
bool lip_chain_factor(lip_chain_work *work, size_t l, double margin);

/* F of the next layer from the factorised stage l. */
void lip_chain_push(lip_chain_work *work, size_t l);

/* Eigenvalues (and vectors) of Diag(share)^-.5 f_out Diag(share)^-.5; the largest, or NAN. */
double lip_chain_output_eigen(lip_chain_work *work, bool vectors);

/* norm of stage l from its f; false if f is zero or not finite. */
bool lip_chain_norms(lip_chain_stage *stage);

/* v = exp(x) / sum exp(x). */
void lip_chain_softmax(size_t n, const double *x, double *v);

/* 1 / lambda_max of F_uu, or of Lam^.5 F_uu Lam^.5 if `scaled`, approximately; false if memory is
 * short. */
bool lip_chain_inverse_largest(lip_chain_work *work, size_t l, bool scaled, double *inverse);

#endif
