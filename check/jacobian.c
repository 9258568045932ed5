/* Statement `interval` (certificate.md, section 8, theorem 5): an interval matrix that contains S J(x)
 * for all x of the region, by going backwards through the layers. */
#include "round.h"

/* An entry of G_l: first the sums of all products for both ends, then the ends. */
struct entry {
    struct sum lo, hi;
    struct range ends;
};

/* All products of row k of G_l are in: its ends, times the derivative of the neuron. */
static void finish(struct entry *g, size_t count, enum state state) {
    for (size_t i = 0; i < count; i++) {
        struct range e = sum_range(&g[i].lo, &g[i].hi);
        if (state == INACTIVE || (state == UNSTABLE && e.lo > 0)) e.lo = 0;
        if (state == INACTIVE || (state == UNSTABLE && e.hi < 0)) e.hi = 0;
        g[i].ends = e;
    }
}

static void backward(const struct problem *p, struct entry **g, size_t l) {
    const struct layer *layer = &p->net->layer[l];
    bool last = l == p->net->layers;
    size_t rows = p->cert->rows, width = last ? rows : layer->width;
    for (size_t k = 0; k < width; k++)
        finish(g[l] + k * rows, rows, layer->relu ? p->state[p->net->first[l] + k] : ACTIVE);
    for (size_t i = 0; i < layer->terms; i++) {
        const struct term *term = last ? &p->last[i] : &layer->term[i];
        const struct matrix *a = &term->a;
        for (size_t k = 0; k < width; k++)
            for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
                struct entry *to = g[term->source] + a->col[e] * rows, *from = g[l] + k * rows;
                for (size_t o = 0; o < rows; o++) {
                    double w = a->val[e], lo = from[o].ends.lo, hi = from[o].ends.hi;
                    sum_add(&to[o].lo, w, w > 0 ? lo : hi);
                    sum_add(&to[o].hi, w, w > 0 ? hi : lo);
                    to[o].lo.rounded |= a->rounded;
                    to[o].hi.rounded |= a->rounded;
                }
            }
    }
}

/* The p -> q norm of matrix number `which` (M, C, R), x[j * m + o] being the entry in row o, column j. */
static double matrix_bound(const struct problem *p, const double *x, int which) {
    static const char *const name[] = {"the magnitudes", "the midpoints", "the radii"};
    size_t n = p->net->layer[0].width, m = p->cert->rows;
    double norm[3][3], s = p->cert->of_matrix[which];
    struct matrix t = {n, m, take(n + 1, sizeof *t.start), take(n * m, sizeof *t.col),
                       take(n * m, sizeof *t.val), false};
    for (size_t i = 0, e = 0; i < n * m; i++) {
        t.col[e] = (uint32_t)(i % m);
        t.val[e] = x[i];
        t.start[i / m + 1] = e += x[i] != 0;
    }
    struct matrix a = matrix_transpose(&t);
    if (s < INFINITY) spectral_check(&a, s, name[which]);
    matrix_norms(&a, s, norm);
    return norm[p->cert->p][p->cert->q];
}

double jacobian_bound(const struct problem *p) {
    const struct network *net = p->net;
    size_t n = net->layer[0].width, m = p->cert->rows, count = times(n, m);
    struct entry **g = take(net->layers + 1, sizeof *g);
    for (size_t l = 0; l <= net->layers; l++)
        g[l] = take(times(l < net->layers ? net->layer[l].width : m, m), sizeof **g);
    for (size_t o = 0; o < m; o++) {
        sum_add(&g[net->layers][o * m + o].lo, 1, 1);
        sum_add(&g[net->layers][o * m + o].hi, 1, 1);
    }
    for (size_t l = net->layers; l > 0; l--) backward(p, g, l);
    finish(g[0], count, ACTIVE);
    double *x[3] = {take(count, sizeof(double)), take(count, sizeof(double)), take(count, sizeof(double))};
    for (size_t i = 0; i < count; i++) {
        double lo = g[0][i].ends.lo, hi = g[0][i].ends.hi, c = lo + (hi - lo) / 2;
        if (!(fabs(c) <= DBL_MAX)) c = 0;
        x[0][i] = larger(fabs(lo), fabs(hi));
        x[1][i] = c;
        x[2][i] = lo == c && hi == c ? 0 : larger(up(hi - c), up(c - lo));
    }
    double bound = matrix_bound(p, x[0], 0);
    if (p->cert->p != TWO || p->cert->q != TWO) return bound;
    double middle = matrix_bound(p, x[1], 1);
    return fmin(bound, plus(middle, matrix_bound(p, x[2], 2)));
}
