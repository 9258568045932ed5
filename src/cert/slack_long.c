/* Products of long vectors in the slack matrix.
 *
 * A row z of a wide first layer has as many coefficients as there are inputs, and some cuts of the neuron
 * are products with it.  Multiplied out one by one they cost (inputs)^2 each: 2.6 s for one each of 432 neurons
 * with 784 inputs, .08 s with all other cuts if it is done like this (measured, one thread):
 *
 *     sum over pairs  c_ij w_i(p) w_j(p)  =  sum over i  w_i(p) G_i(p),      G_i = sum over j  c_ij w_j,
 *
 * and with the rows w_i in W and G_i in G it is p'W'G p: one product of matrices, on the columns that occur.
 *
 * Rounding.  Let x +- e be the coefficients of w_i and A = sum over j |c| |w_j|, D = sum over j |c| e_j by column.
 * By fact 2 of base/round.h the computed G_i differs from the exact one by at most
 *
 *     R = GAMMA(terms) A + D        (c, a rounded product, is one term more),
 *
 * its magnitude is at most A (1 + GAMMA), and W'G, a sum of K products, has an error of at most
 *
 *     sum over i  |x_a| (GAMMA(K) A_b + R_b) + e_a (A_b + R_b)
 *
 * at (a, b); half of it and half of that at (b, a) count for either entry of the symmetric matrix.  Row sums of these
 * need only sums over the vectors.  The factor SLOP pays for the rounding of the errors themselves and for A (1 + GAMMA). */
#include "cert/slack_long.h"

#include "base/memory.h"
#include "base/round.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 8, BLOCK = 64 };
static const double SLOP = 1 + 0x1p-20;

bool lip_pair_is_long(const lip_lifted *lifted, const lip_pair *pair) {
    return lip_vector_length(lifted, pair->i) > SHORT && lip_vector_length(lifted, pair->j) > SHORT;
}

static void mark(const lip_lifted *lifted, size_t i, size_t *used) {
    for (size_t c = 0; c < lip_vector_length(lifted, i); ++c)
        used[lip_vector_entry(lifted, i, c).column] = 1;
}

bool lip_slack_long_create(lip_slack *slack) {
    const lip_lifted *lifted = slack->lifted;
    lip_slack_long *l = &slack->long_pairs;
    for (size_t t = 0; t < lifted->pairs; ++t)
        l->room += lip_pair_is_long(lifted, &lifted->pair[t]);
    if (l->room == 0) return true;
    l->pair = LIP_NEW(lip_long_pair, l->room);
    l->column = LIP_NEW(size_t, lifted->n);
    l->place = LIP_NEW(size_t, lifted->n);
    if (!l->pair || !l->column || !l->place) return false;
    for (size_t t = 0; t < lifted->pairs; ++t) {
        const lip_pair *pair = &lifted->pair[t];
        if (!lip_pair_is_long(lifted, pair)) continue;
        mark(lifted, pair->i, l->place);
        mark(lifted, pair->j, l->place);
    }
    for (size_t i = 0; i < lifted->n; ++i) {
        if (!l->place[i]) continue;
        l->place[i] = l->columns;
        l->column[l->columns++] = i;
    }
    l->left = LIP_NEW(double, BLOCK * l->columns);
    l->right = LIP_NEW(double, BLOCK * l->columns);
    l->work = LIP_NEW(double, 2 * l->columns);
    return l->left && l->right && l->work;
}

void lip_slack_long_clear(lip_slack *slack) {
    lip_slack_long *l = &slack->long_pairs;
    free(l->pair);
    free(l->column);
    free(l->place);
    free(l->left);
    free(l->right);
    free(l->work);
}

void lip_slack_long_add(lip_slack *slack, double factor, const lip_pair *pair) {
    size_t i = pair->i < pair->j ? pair->i : pair->j, j = pair->i < pair->j ? pair->j : pair->i;
    slack->long_pairs.pair[slack->long_pairs.pairs++] =
        (lip_long_pair){i, j, factor * pair->factor};
}

/* ---- Multiplying ------------------------------------------------------------------------- */

static int by_vectors(const void *x, const void *y) {
    const lip_long_pair *a = x, *b = y;
    if (a->i != b->i) return a->i < b->i ? -1 : 1;
    if (a->j != b->j) return a->j < b->j ? -1 : 1;
    return (a->factor > b->factor) - (a->factor < b->factor);
}

/* Magnitudes of a row G and of its errors, and their weighted sums. */
typedef struct row_errors {
    double *total, *error; /* A, R */
    double all, errors;    /* sums */
} row_errors;

/* g = the sum of the pairs first .. last - 1, which have one left vector. */
static row_errors fill_right(lip_slack *slack, size_t first, size_t last, double *g) {
    const lip_lifted *lifted = slack->lifted;
    const lip_slack_long *l = &slack->long_pairs;
    row_errors e = {l->work, l->work + l->columns, 0, 0};
    double gamma = lip_gamma(last - first + 4);
    memset(l->work, 0, 2 * l->columns * sizeof *l->work);
    for (size_t k = first; k < last; ++k) {
        const lip_long_pair *pair = &l->pair[k];
        /* the product that factor is may have underflowed */
        double factor = pair->factor, size = factor == 0 ? LIP_TINY : lip_magnitude(factor);
        for (size_t c = 0; c < lip_vector_length(lifted, pair->j); ++c) {
            lip_coefficient x = lip_vector_entry(lifted, pair->j, c);
            size_t at = l->place[x.column];
            g[at] += factor * x.value;
            e.total[at] += size * lip_magnitude(x.value);
            e.error[at] += size * lip_magnitude(x.radius);
        }
    }
    for (size_t b = 0; b < l->columns; ++b) {
        double weight = lip_slack_weight(slack, l->column[b]);
        e.total[b] = lip_magnitude(e.total[b]);
        e.error[b] = lip_magnitude((gamma * e.total[b] + e.error[b]) * SLOP);
        e.all += e.total[b] * weight;
        e.errors += e.error[b] * weight;
    }
    return e;
}

/* x = vector i, and the errors of its products with the row G. */
static void fill_left(lip_slack *slack, size_t i, double gamma, const row_errors *e, double *x) {
    const lip_lifted *lifted = slack->lifted;
    const lip_slack_long *l = &slack->long_pairs;
    double half = 0.5 * SLOP, all = 0, errors = 0;
    for (size_t c = 0; c < lip_vector_length(lifted, i); ++c) {
        lip_coefficient a = lip_vector_entry(lifted, i, c);
        double value = lip_magnitude(a.value), radius = lip_magnitude(a.radius);
        double weight = lip_slack_weight(slack, a.column);
        x[l->place[a.column]] = a.value;
        all += value * weight;
        errors += radius * weight;
        slack->radius[a.column] +=
            half * (value * (gamma * e->all + e->errors) + radius * (e->all + e->errors));
    }
    for (size_t b = 0; b < l->columns; ++b)
        slack->radius[l->column[b]] += half * ((gamma * e->total[b] + e->error[b]) * all +
                                               (e->total[b] + e->error[b]) * errors);
}

/* work = W'G; how many vectors W has. */
static size_t multiply(lip_slack *slack) {
    const lip_slack_long *l = &slack->long_pairs;
    size_t m = l->columns, vectors = 0, rows = 0;
    for (size_t k = 0; k < l->pairs; ++k) vectors += k == 0 || l->pair[k].i != l->pair[k - 1].i;
    double gamma = lip_gamma(2 * vectors + 4);
    memset(slack->work, 0, m * m * sizeof *slack->work);
    for (size_t first = 0, last = 0; first < l->pairs; first = last) {
        while (last < l->pairs && l->pair[last].i == l->pair[first].i) ++last;
        double *x = l->left + rows * m, *g = l->right + rows * m;
        memset(x, 0, m * sizeof *x);
        memset(g, 0, m * sizeof *g);
        row_errors e = fill_right(slack, first, last, g);
        fill_left(slack, l->pair[first].i, gamma, &e, x);
        if (++rows < BLOCK && last < l->pairs) continue;
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)m, (int)rows, 1, l->left,
                    (int)m, l->right, (int)m, 1, slack->work, (int)m);
        rows = 0;
    }
    return vectors;
}

size_t lip_slack_long_subtract(lip_slack *slack) {
    lip_slack_long *l = &slack->long_pairs;
    size_t m = l->columns, n = slack->lifted->n;
    if (l->pairs == 0) return 0;
    qsort(l->pair, l->pairs, sizeof *l->pair, by_vectors);
    size_t vectors = multiply(slack);
    for (size_t a = 0; a < m; ++a)
        for (size_t b = 0; b <= a; ++b) {
            double x = slack->work[a * m + b], y = slack->work[b * m + a], both = (x + y) / 2;
            if (x == 0 && y == 0) continue;
            size_t i = l->column[a], j = l->column[b];
            double *entry = &slack->base[i * n + j];
            *entry -= both;
            double error = 2 * LIP_UNIT * lip_magnitude(both) + LIP_UNIT * fabs(*entry) + 0x1p-1020;
            slack->radius[i] += error * lip_slack_weight(slack, j);
            if (i != j) slack->radius[j] += error * lip_slack_weight(slack, i);
        }
    return 4 * vectors + 2 * m + l->pairs;
}
