/* Norms of matrices (certificate.md, section 6), spectral lines (theorem 3) and the statement
 * `product` (section 7, theorem 4). */
#include "round.h"
#include <stdio.h>

/* Sums of magnitudes are formed in blocks of 512: what counts is how many roundings follow each other. */
static size_t depth(size_t k) { return k < 512 ? k : 512 + k / 512 + 1; }

double total(const double *x, size_t k) {
    double sum = 0;
    for (size_t i = 0; i < k;) {
        double part = 0;
        for (size_t end = i + 512; i < k && i < end; i++) part += fabs(x[i]);
        sum += part;
    }
    return above(sum, depth(k));
}

/* Scaled by a power of two so that squares do not overflow; what underflows is taken as 2^-480. */
double norm2(const double *x, size_t k) {
    double most = 0, sum = 0;
    int e;
    for (size_t i = 0; i < k; i++) {
        if (!(fabs(x[i]) <= DBL_MAX)) return INFINITY;
        most = larger(fabs(x[i]), most);
    }
    frexp(most, &e);
    double scale = ldexp(1, e < -1000 ? 1000 : -e);
    for (size_t i = 0; i < k;) {
        double part = 0;
        for (size_t end = i + 512; i < k && i < end; i++) {
            double m = x[i] == 0 ? 0 : larger(fabs(x[i]) * scale, 0x1p-480);
            part += m * m;
        }
        sum += part;
    }
    return sum == 0 ? 0 : up(up(sqrt(above(sum, depth(k)))) / scale);
}

/* Upper bounds over all rows: the largest and the sum of 1-norms and 2-norms, the 2-norm of the 1-norms. */
struct rows {
    double one, one_sum, one_norm, two, two_sum, entry;
};

static struct rows summarise(const struct matrix *a) {
    double *one = take(a->rows, sizeof *one), *two = take(a->rows, sizeof *two);
    struct rows r = {0};
    for (size_t i = 0; i < a->rows; i++) {
        const double *x = a->val + a->start[i];
        size_t count = a->start[i + 1] - a->start[i];
        one[i] = total(x, count);
        two[i] = norm2(x, count);
        r.one = larger(one[i], r.one);
        r.two = larger(two[i], r.two);
        for (size_t k = 0; k < count; k++) r.entry = larger(fabs(x[k]), r.entry);
    }
    r.one_sum = total(one, a->rows);
    r.two_sum = total(two, a->rows);
    r.one_norm = norm2(one, a->rows);
    return r;
}

struct matrix matrix_transpose(const struct matrix *a) {
    size_t entries = a->start[a->rows];
    struct matrix t = {a->cols, a->rows, take(a->cols + 2, sizeof *t.start),
                       take(entries, sizeof *t.col), take(entries, sizeof *t.val), a->rounded};
    size_t *next = t.start + 1; /* next[j]: where the next entry of column j goes */
    for (size_t k = 0; k < entries; k++) t.start[a->col[k] + 2]++;
    for (size_t j = 0; j < a->cols; j++) next[j + 1] += next[j];
    for (size_t i = 0; i < a->rows; i++)
        for (size_t k = a->start[i]; k < a->start[i + 1]; k++) {
            size_t at = next[a->col[k]]++;
            t.col[at] = (uint32_t)i;
            t.val[at] = a->val[k];
        }
    return t;
}

void matrix_norms(const struct matrix *a, double s, double norm[3][3]) {
    const void *begin = mark();
    struct matrix t = matrix_transpose(a);
    struct rows row = summarise(a), col = summarise(&t);
    double frobenius = norm2(a->val, a->start[a->rows]);
    norm[ONE][ONE] = col.one;
    norm[ONE][TWO] = col.two;
    norm[ONE][INF] = row.entry;
    norm[TWO][INF] = row.two;
    norm[INF][INF] = row.one;
    norm[INF][ONE] = fmin(row.one_sum, col.one_sum);
    norm[INF][TWO] = fmin(row.one_norm, col.two_sum);
    norm[TWO][ONE] = fmin(col.one_norm, row.two_sum);
    norm[TWO][TWO] = fmin(s, fmin(frobenius, up(up(sqrt(row.one)) * up(sqrt(col.one)))));
    for (int i = 0; i < 9 && a->rounded; i++)
        norm[i / 3][i % 3] = prod(norm[i / 3][i % 3], 1 + 0x1p-52);
    release(begin);
}

/* row = entries first .. i of row i of B B'; t = B'.  Full columns of B are contiguous in t. */
static void gram_row(const struct matrix *b, const struct matrix *t, size_t i, double *row) {
    for (size_t k = b->start[i]; k < b->start[i + 1]; k++) {
        const size_t *column = &t->start[b->col[k]];
        size_t first = t->col[column[0]], count = column[1] - column[0];
        const double *val = t->val + column[0], w = b->val[k];
        if (t->col[column[1] - 1] - first + 1 == count) {
            if (count > i + 1 - first) count = i + 1 - first;
            for (size_t e = 0; e < count; e++) row[first + e] += w * val[e];
        } else {
            const uint32_t *col = t->col + column[0];
            for (size_t e = 0; e < count && col[e] <= i; e++) row[col[e]] += w * val[e];
        }
    }
}

/* Theorem 3: s^2 I - B B' is positive semidefinite.  The error of entry (i, j) is at most gam(k) sum of
 * big(b_ic) big(b_jc), k the entries of row i; the row sums need only B times its column sums. */
void spectral_check(const struct matrix *a, double s, const char *what) {
    const void *begin = mark();
    struct matrix other = matrix_transpose(a);
    const struct matrix *b = a->rows <= a->cols ? a : &other, *t = b == a ? &other : a;
    size_t n = b->rows, *first = take(n, sizeof *first);
    double *row = take(n, sizeof *row), *radius = take(n, sizeof *row), *sum = take(b->cols, sizeof *sum);
    if (!(s > 0)) reject("the spectral line of %s is not positive", what);
    for (size_t i = 0; i < n; i++) {
        first[i] = i;
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            if (t->col[t->start[b->col[k]]] < first[i]) first[i] = t->col[t->start[b->col[k]]];
    }
    struct profile m = profile_new(n, first);
    for (size_t i = 0; i < n; i++) {
        gram_row(b, t, i, row);
        for (size_t j = first[i]; j < i; row[j++] = 0) *profile_at(&m, i, j) = -row[j];
        *profile_at(&m, i, i) = down(down(s * s) - row[i]);
        row[i] = 0;
    }
    if (!profile_scale(&m)) reject("the 2-norm of %s is not at most %.17g", what, s);
    for (size_t i = 0; i < n; i++)
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            sum[b->col[k]] += ldexp(big(b->val[k]), m.shift[i]);
    for (size_t i = 0; i < n; i++) { /* rounding of these sums: below 2^-19 */
        for (size_t k = b->start[i]; k < b->start[i + 1]; k++)
            radius[i] += big(b->val[k]) * sum[b->col[k]];
        radius[i] *= gam(b->start[i + 1] - b->start[i]) * (1 + 0x1p-18);
        radius[i] = up(ldexp(radius[i], m.shift[i]));
    }
    if (!profile_positive(&m, radius)) reject("a 2-norm of at most %.17g is not proved for %s", s, what);
    release(begin);
}

void term_norms(const struct problem *p, const struct term *term, size_t layer, size_t number,
                double norm[3][3]) {
    const struct spectral *line = p->cert->spectral;
    size_t low = 0, high = p->cert->spectrals;
    double s = INFINITY;
    char what[64];
    while (low < high) { /* the first spectral line that is not before this term */
        size_t i = (low + high) / 2;
        bool before = line[i].layer < layer || (line[i].layer == layer && line[i].term < number);
        *(before ? &low : &high) = i + before;
    }
    if (low < p->cert->spectrals && line[low].layer == layer && line[low].term == number) {
        s = line[low].s;
        snprintf(what, sizeof what, "term %zu of layer %zu", number, layer);
        spectral_check(&term->a, s, what);
    }
    matrix_norms(&term->a, s, norm);
}

double product_bound(const struct problem *p) {
    const struct network *net = p->net;
    double n = (double)net->layer[0].width, root = up(sqrt(n)), norm[3][3];
    double start[3][3] = {{1, 1, 1}, {root, 1, 1}, {n, root, 1}};
    double(*bound)[3] = take(net->layers + 1, sizeof *bound); /* N_l */
    for (int b = 0; b < 3; b++) bound[0][b] = start[p->cert->p][b];
    for (size_t l = 1; l <= net->layers; l++)
        for (size_t i = 0; i < net->layer[l].terms; i++) {
            const struct term *term = l < net->layers ? &net->layer[l].term[i] : &p->last[i];
            term_norms(p, term, l, i, norm);
            for (int to = 0; to < 3; to++) {
                const double *from = bound[term->source];
                double best = fmin(prod(from[ONE], norm[ONE][to]), prod(from[TWO], norm[TWO][to]));
                bound[l][to] = plus(bound[l][to], fmin(best, prod(from[INF], norm[INF][to])));
            }
        }
    const double *last = bound[net->layers];
    return p->cert->output == ALL ? last[p->cert->q] : fmin(last[ONE], fmin(last[TWO], last[INF]));
}
