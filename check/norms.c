/* Norms of matrices (certificate.md, section 6), spectral lines (theorem 3) and the statement
 * `product` (section 7, theorem 4). */
#include "round.h"
#include <stdio.h>

double total(const double *x, size_t k) {
    double sum = 0;
    for (size_t i = 0; i < k; i++) sum += fabs(x[i]);
    return above(sum, k);
}

/* Scaled by 2^-e so that squares do not overflow; what underflows is taken as 2^-480. */
double norm2(const double *x, size_t k) {
    double most = 0, sum = 0;
    int e;
    for (size_t i = 0; i < k; i++)
        most = fabs(x[i]) <= DBL_MAX ? larger(fabs(x[i]), most) : INFINITY;
    if (most == 0 || most == INFINITY) return most;
    frexp(most, &e);
    if (e < -1000) e = -1000;
    double scale = ldexp(1, -e);
    for (size_t i = 0; i < k; i++) {
        double m = larger(fabs(x[i]) * scale, 0x1p-480);
        sum += x[i] == 0 ? 0 : m * m;
    }
    return up(ldexp(root(above(sum, k)), e));
}

/* Upper bounds: the largest and the sum of 1- and 2-norms of rows, the 2-norm of all their 1-norms. */
struct rows {
    double one, one_sum, one_norm, two, two_sum;
};

static struct rows summarise(const struct matrix *a) {
    double *one = take(a->rows, sizeof *one), *two = take(a->rows, sizeof *two);
    struct rows r = {0};
    for (size_t i = 0; i < a->rows; i++) {
        one[i] = total(a->val + a->start[i], a->start[i + 1] - a->start[i]);
        two[i] = norm2(a->val + a->start[i], a->start[i + 1] - a->start[i]);
        r.one = larger(one[i], r.one);
        r.two = larger(two[i], r.two);
    }
    r.one_sum = total(one, a->rows);
    r.two_sum = total(two, a->rows);
    r.one_norm = norm2(one, a->rows);
    return r;
}

static struct matrix transpose(const struct matrix *a) {
    struct matrix t = matrix_new(a->cols + 1, a->rows, a->start[a->rows]);
    for (size_t e = 0; e < a->start[a->rows]; e++) t.start[a->col[e] + 2]++;
    for (size_t j = 0; j < a->cols; j++) t.start[j + 2] += t.start[j + 1];
    for (size_t i = 0; i < a->rows; i++) /* start[j + 1]: where the next entry of row j goes */
        for (size_t e = a->start[i]; e < a->start[i + 1]; e++)
            matrix_put(&t, a->col[e], i, a->val[e]);
    t.rows = a->cols;
    return t;
}

void matrix_norms(const struct matrix *a, double s, double norm[3][3]) {
    const void *begin = mark();
    struct matrix t = transpose(a);
    struct rows row = summarise(a), col = summarise(&t);
    double frobenius = norm2(a->val, a->start[a->rows]), most = 0;
    for (size_t e = 0; e < a->start[a->rows]; e++) most = larger(fabs(a->val[e]), most);
    norm[ONE][ONE] = col.one;
    norm[ONE][TWO] = col.two;
    norm[ONE][INF] = most;
    norm[TWO][INF] = row.two;
    norm[INF][INF] = row.one;
    norm[INF][ONE] = fmin(row.one_sum, col.one_sum);
    norm[INF][TWO] = fmin(row.one_norm, col.two_sum);
    norm[TWO][ONE] = fmin(col.one_norm, row.two_sum);
    norm[TWO][TWO] = fmin(s, fmin(frobenius, prod(root(row.one), root(col.one))));
    for (int i = 0; i < 9 && a->rounded; i++)
        norm[i / 3][i % 3] = prod(norm[i / 3][i % 3], 1 + 0x1p-52);
    release(begin);
}

/* row += entries 0 .. i of row i of B B'; t = B'.  Full columns of B are contiguous in t. */
static void gram_row(const struct matrix *b, const struct matrix *t, size_t i, double *row) {
    for (size_t k = b->start[i]; k < b->start[i + 1]; k++) {
        const uint32_t *col = t->col + t->start[b->col[k]];
        const double *val = t->val + t->start[b->col[k]], w = b->val[k];
        size_t count = t->start[b->col[k] + 1] - t->start[b->col[k]];
        if (count > i && col[i] == i) /* begins with entries 0 .. i */
            for (size_t e = 0; e <= i; e++) row[e] += w * val[e];
        else
            for (size_t e = 0; e < count && col[e] <= i; e++) row[col[e]] += w * val[e];
    }
}

/* Theorem 3: s^2 I - B B' is positive semidefinite.  The error of entry (i, j) is at most gam(k) sum
 * of big(b_ic) big(b_jc), k the entries of row i; the row sums need only B times its column sums. */
void spectral_check(const struct matrix *a, double s, const char *what) {
    const void *begin = mark();
    struct matrix other = transpose(a);
    const struct matrix *b = a->rows <= a->cols ? a : &other, *t = b == a ? &other : a;
    size_t n = b->rows, *first = take(n, sizeof *first);
    double *row = take(n, sizeof *row), *radius = take(n, sizeof *row),
           *sum = take(b->cols, sizeof *sum);
    for (size_t i = 0; i < n; i++) {
        first[i] = i;
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            if (t->col[t->start[b->col[k]]] < first[i]) first[i] = t->col[t->start[b->col[k]]];
    }
    struct profile m = profile_new(n, first);
    for (size_t i = 0; i < n; i++) {
        gram_row(b, t, i, row);
        for (size_t j = first[i]; j < i; j++) *profile_at(&m, i, j) = -row[j];
        *profile_at(&m, i, i) = down(down(s * s) - row[i]);
        for (size_t j = 0; j <= i; j++) row[j] = 0;
    }
    bool good = s > 0 && profile_scale(&m);
    for (size_t i = 0; i < n && good; i++)
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            sum[b->col[k]] += ldexp(big(b->val[k]), m.shift[i]);
    for (size_t i = 0; i < n && good; i++) { /* rounding of these sums: below 2^-19 */
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            radius[i] += big(b->val[k]) * sum[b->col[k]];
        radius[i] *= gam(b->start[i + 1] - b->start[i]) * (1 + 0x1p-18);
        radius[i] = up(ldexp(radius[i], m.shift[i]));
    }
    if (!good || !profile_positive(&m, radius))
        stop(REJECTED, "a 2-norm of at most %.17g is not proved for %s", s, what);
    release(begin);
}

void term_norms(const struct problem *p, const struct matrix *a, size_t l, size_t i, size_t *next,
                double norm[3][3]) {
    const struct spectral *line = p->cert->spectral;
    double s = INFINITY;
    if (*next < p->cert->spectrals && line[*next].layer == l && line[*next].term == i) {
        char what[64];
        s = line[(*next)++].s;
        snprintf(what, sizeof what, "term %zu of layer %zu", i, l);
        spectral_check(a, s, what);
    }
    matrix_norms(a, s, norm);
}

double product_bound(const struct problem *p) {
    const struct network *net = p->net;
    double n = (double)net->layer[0].width, norm[3][3];
    size_t next = 0;
    double start[3][3] = {{1, 1, 1}, {root(n), 1, 1}, {n, root(n), 1}};
    double(*bound)[3] = take(net->layers + 1, sizeof *bound); /* N_l */
    for (int b = 0; b < 3; b++) bound[0][b] = start[p->cert->p][b];
    for (size_t l = 1; l <= net->layers; l++)
        for (size_t i = 0; i < net->layer[l].terms; i++) {
            const struct matrix *a = l < net->layers ? &net->layer[l].term[i] : &p->last[i];
            const double *from = bound[a->source];
            term_norms(p, a, l, i, &next, norm);
            for (int to = 0; to < 3; to++) {
                double best = fmin(prod(from[ONE], norm[ONE][to]), prod(from[TWO], norm[TWO][to]));
                bound[l][to] = plus(bound[l][to], fmin(best, prod(from[INF], norm[INF][to])));
            }
        }
    const double *last = bound[net->layers];
    return p->cert->output == ALL ? last[p->cert->q] : fmin(last[ONE], fmin(last[TWO], last[INF]));
}
