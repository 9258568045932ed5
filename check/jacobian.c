/* Statement `interval` (certificate.md, section 8, theorem 5): an interval matrix that contains S J(x)
 * for all x of the region, by going backwards through the layers. */
#include "round.h"

struct entry { /* of G_l: first the sums of all products for both ends, then the ends */
    struct sum lo, hi;
    struct range ends;
};

/* The ends of layer l, times the derivatives of its neurons; then they go to its sources. */
static void backward(const struct problem *p, struct entry **g, size_t l) {
    const struct layer *layer = &p->net->layer[l];
    bool last = l == p->net->layers;
    size_t rows = p->cert->rows, width = last ? rows : layer->width;
    const struct matrix *term = last ? p->last : layer->term;
    for (size_t i = 0; i < width * rows; i++) {
        enum state state = layer->relu ? p->state[p->net->first[l] + i / rows] : ACTIVE;
        struct range *e = &g[l][i].ends;
        *e = sum_range(&g[l][i].lo, &g[l][i].hi);
        if (state >= INACTIVE || (state == UNSTABLE && e->lo > 0)) e->lo = 0;
        if (state >= INACTIVE || (state == UNSTABLE && e->hi < 0)) e->hi = 0;
    }
    for (const struct matrix *a = term; a < term + layer->terms; a++)
        for (size_t k = 0; k < width; k++)
            for (size_t e = a->start[k]; e < a->start[k + 1]; e++)
                for (size_t o = 0; o < rows; o++) {
                    struct entry *to = &g[a->source][a->col[e] * rows + o];
                    struct range from = g[l][k * rows + o].ends;
                    sum_add(&to->lo, a->val[e], a->val[e] > 0 ? from.lo : from.hi);
                    sum_add(&to->hi, a->val[e], a->val[e] > 0 ? from.hi : from.lo);
                    to->lo.rounded |= a->rounded;
                    to->hi.rounded |= a->rounded;
                }
}

/* The p -> q norm of M, C or R (which = 0, 1, 2). */
static double matrix_bound(const struct problem *p, const struct entry *g, int which) {
    static const char *const name[] = {"the magnitudes", "the midpoints", "the radii"};
    size_t n = p->net->layer[0].width, m = p->cert->rows;
    struct matrix a = matrix_new(m, n, n * m);
    double norm[3][3], s = p->cert->of_matrix[which];
    for (size_t o = 0; o < m; o++) {
        a.start[o + 1] = a.start[o];
        for (size_t j = 0; j < n; j++) {
            struct range e = g[j * m + o].ends;
            double c = e.lo + (e.hi - e.lo) / 2;
            if (!(fabs(c) <= DBL_MAX)) c = 0;
            double radius = e.lo == c && e.hi == c ? 0 : larger(up(e.hi - c), up(c - e.lo));
            double magnitude = larger(fabs(e.lo), fabs(e.hi));
            matrix_put(&a, o, j, which == 0 ? magnitude : which == 1 ? c : radius);
        }
    }
    if (s < INFINITY) spectral_check(&a, s, name[which]);
    matrix_norms(&a, s, norm);
    return norm[p->cert->p][p->cert->q];
}

double jacobian_bound(const struct problem *p) {
    const struct network *net = p->net;
    size_t m = p->cert->rows;
    struct entry **g = take(net->layers + 1, sizeof(struct entry *));
    for (size_t l = 0; l <= net->layers; l++)
        g[l] = take(times(l < net->layers ? net->layer[l].width : m, m), sizeof **g);
    for (size_t o = 0; o < m; o++) {
        sum_add(&g[net->layers][o * m + o].lo, 1, 1);
        sum_add(&g[net->layers][o * m + o].hi, 1, 1);
    }
    for (size_t l = net->layers; l > 0; l--) backward(p, g, l);
    for (size_t i = 0; i < net->layer[0].width * m; i++)
        g[0][i].ends = sum_range(&g[0][i].lo, &g[0][i].hi);
    double bound = matrix_bound(p, g[0], 0);
    if (p->cert->p != TWO || p->cert->q != TWO) return bound;
    double middle = matrix_bound(p, g[0], 1);
    return fmin(bound, plus(middle, matrix_bound(p, g[0], 2)));
}
