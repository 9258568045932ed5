/* Statement `interval` (certificate.md, section 8, theorem 5): an interval matrix that contains S J(x)
 * for all x of the region, by going backwards through the layers.  The same for a leaf `interval` of a
 * tree (section 14), with fewer rows and columns, and with better norms: |B s| <= |C s| + R 1 for all
 * signs s, and the largest |B s|_q is |B|_{inf->q}; they are tried out if there are few of them. */
#include "round.h"

enum { SIGNS = 12 };

struct entry { /* of G_l: first the sums of all products for both ends, then the ends */
    struct sum lo, hi;
    struct range ends;
};
struct enclosure {
    size_t rows, cols;
    struct range *entry; /* by columns */
    double *middle, *radius;
};

/* The ends of layer l, times the derivatives of its neurons; then they go to its sources. */
static void backward(const struct problem *p, struct entry **g, size_t l, size_t rows) {
    const struct layer *layer = &p->net->layer[l];
    bool last = l == p->net->layers;
    size_t width = last ? p->cert->rows : layer->width;
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

/* Rows first, first + 1, ... of the matrix. */
static struct enclosure enclose(const struct problem *p, size_t first, size_t rows) {
    const struct network *net = p->net;
    size_t last = net->layers, n = net->layer[0].width, count = times(n, rows);
    struct enclosure m = {rows, n, take(count, sizeof *m.entry), take(count, sizeof(double)),
                          take(count, sizeof(double))};
    const void *begin = mark();
    struct entry **g = take(last + 1, sizeof(struct entry *));
    for (size_t l = 0; l <= last; l++)
        g[l] = take(times(l < last ? net->layer[l].width : p->cert->rows, rows), sizeof **g);
    for (size_t o = 0; o < rows; o++) {
        sum_add(&g[last][(first + o) * rows + o].lo, 1, 1);
        sum_add(&g[last][(first + o) * rows + o].hi, 1, 1);
    }
    for (size_t l = last; l > 0; l--) backward(p, g, l, rows);
    for (size_t i = 0; i < count; i++) {
        struct range e = m.entry[i] = sum_range(&g[0][i].lo, &g[0][i].hi);
        double c = e.lo + (e.hi - e.lo) / 2;
        m.middle[i] = fabs(c) <= DBL_MAX ? c : 0;
        if (e.lo != m.middle[i] || e.hi != m.middle[i])
            m.radius[i] = larger(up(e.hi - m.middle[i]), up(m.middle[i] - e.lo));
    }
    release(begin);
    return m;
}

/* The p -> q norm of M, C or R (which = 0, 1, 2), s bounding the 2-norm. */
static double matrix_bound(const struct problem *p, const struct enclosure *m, int which,
                           double s) {
    static const char *const name[] = {"the magnitudes", "the midpoints", "the radii"};
    const void *begin = mark();
    struct matrix a = matrix_new(m->rows, m->cols, m->rows * m->cols);
    double norm[3][3];
    for (size_t o = 0; o < m->rows; o++) {
        a.start[o + 1] = a.start[o];
        for (size_t j = 0; j < m->cols; j++) {
            size_t i = j * m->rows + o;
            double magnitude = larger(fabs(m->entry[i].lo), fabs(m->entry[i].hi));
            matrix_put(&a, o, j, which == 0 ? magnitude : which == 1 ? m->middle[i] : m->radius[i]);
        }
    }
    if (s < INFINITY) spectral_check(&a, s, name[which]);
    matrix_norms(&a, s, norm);
    release(begin);
    return norm[p->cert->p][p->cert->q];
}

static double norms_bound(const struct problem *p, const struct enclosure *m, const double *s) {
    double bound = matrix_bound(p, m, 0, s[0]);
    if (p->cert->p != TWO || p->cert->q != TWO) return bound;
    double middle = matrix_bound(p, m, 1, s[1]);
    return fmin(bound, plus(middle, matrix_bound(p, m, 2, s[2])));
}

double jacobian_bound(const struct problem *p) {
    struct enclosure m = enclose(p, 0, p->cert->rows);
    return norms_bound(p, &m, p->cert->of_matrix);
}

/* The largest 1-norm, or 2-norm, of B s over all signs s; if `across`, of B' s. */
static double over_signs(const struct enclosure *m, bool across, bool one) {
    size_t signs = across ? m->rows : m->cols, rows = across ? m->cols : m->rows;
    size_t step = across ? m->rows : 1, next = across ? 1 : m->rows; /* to the next row, sign */
    double worst = 0, *sum = take(rows, sizeof *sum), *error = take(rows, sizeof *error);
    for (size_t i = 0; i < rows; i++) {
        double radius = 0, size = 0; /* the error of a sum of +-C is at most gam(signs) size, R2 */
        for (size_t k = 0; k < signs; k++) {
            radius += m->radius[i * step + k * next];
            size += fabs(m->middle[i * step + k * next]);
        }
        error[i] = plus(above(radius, signs), prod(gam(signs), size));
    }
    for (size_t mask = 0; mask < ((size_t)1 << signs) / 2; mask++) { /* the last sign is + */
        for (size_t i = 0; i < rows; i++) {
            double x = 0;
            for (size_t k = 0; k < signs; k++) {
                double c = m->middle[i * step + k * next];
                x += mask >> k & 1 ? -c : c;
            }
            sum[i] = plus(fabs(x), error[i]);
        }
        worst = worse(one ? total(sum, rows) : norm2(sum, rows), worst);
    }
    return worst;
}

double jacobian_leaf(const struct problem *p, const struct part *part) {
    static const double nothing[3] = {INFINITY, INFINITY, INFINITY};
    const void *begin = mark();
    enum norm from = p->cert->p, to = p->cert->q;
    bool one_row = part->out >= UNIT;
    struct enclosure m = enclose(p, one_row ? part->out_index : 0, one_row ? 1 : p->cert->rows);
    if (part->in == UNIT) {
        m.entry += part->in_index * m.rows;
        m.middle += part->in_index * m.rows;
        m.radius += part->in_index * m.rows;
        m.cols = 1;
    }
    double bound = norms_bound(p, &m, nothing);
    bool across = to == ONE && (from == TWO || m.rows < m.cols); /* |B|_{p->1} = |B'|_{inf->p*} */
    if (from != ONE && to != INF && (from == INF || across) && (across ? m.rows : m.cols) <= SIGNS)
        bound = fmin(bound, over_signs(&m, across, from == INF && to == ONE));
    release(begin);
    return bound;
}
