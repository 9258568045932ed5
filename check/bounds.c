/* Pre-activation bounds lo <= z <= hi on the region and the stable neurons (certificate.md, sections 3
 * and 5, theorems 1 and 2).
 *
 * interval   hi_k = b_k + sum over j of max(a_kj lo_j, a_kj hi_j)
 * linear     s z_k <= constant + sum g_j h_j, walked back to the input:
 *
 *     at a ReLU with lo < 0 < hi,  g > 0, any 0 <= c <= g:   g h <= c z + max(-c lo, (g - c) hi)
 *                                  g < 0, a in {0, 1}:       g h <= g a z
 *     at an affine layer           sum c_k z_k = sum c_k b_k + sum (sum c_k a_kj) h_j
 *
 * c = fl(g r) is as good as g r, r = hi / (hi - lo): the line c z + ... is above g h at lo, 0 and hi.  The
 * error of a computed sum g_j, times the largest |h_j|, is added to the constant. */
#include "round.h"

/* What neuron j of layer l passes on. */
static struct range passed(const struct problem *p, size_t l, size_t j) {
    struct range h = p->z[p->net->first[l] + j];
    return p->net->layer[l].relu ? (struct range){larger(h.lo, 0), larger(h.hi, 0)} : h;
}

static void interval_rule(struct problem *p, size_t l, size_t k) {
    const struct layer *layer = &p->net->layer[l];
    struct sum lo = {0}, hi = {0}, ball_lo = {0}, ball_hi = {0};
    double radius = 0;
    for (size_t i = 0; i < layer->terms; i++) {
        const struct matrix *a = &layer->term[i].a;
        size_t begin = a->start[k], count = a->start[k + 1] - begin;
        bool ball = p->cert->region == BALL && layer->term[i].source == 0;
        for (size_t e = begin; e < begin + count; e++) {
            struct range h = passed(p, layer->term[i].source, a->col[e]);
            double w = a->val[e], least = w > 0 ? h.lo : h.hi, most = w > 0 ? h.hi : h.lo;
            sum_add(&lo, w, least);
            sum_add(&hi, w, most);
            sum_add(&ball_lo, w, ball ? p->cert->centre[a->col[e]] : least);
            sum_add(&ball_hi, w, ball ? p->cert->centre[a->col[e]] : most);
        }
        if (ball) radius = plus(radius, prod(p->cert->radius, norm2(a->val + begin, count)));
    }
    sum_add(&lo, 1, layer->bias[k]);
    sum_add(&hi, 1, layer->bias[k]);
    sum_add(&ball_lo, 1, layer->bias[k]);
    sum_add(&ball_hi, 1, layer->bias[k]);
    struct range z = sum_range(&lo, &hi), b = sum_range(&ball_lo, &ball_hi);
    if (down(b.lo - radius) > z.lo) z.lo = down(b.lo - radius);
    if (up(b.hi + radius) < z.hi) z.hi = up(b.hi + radius);
    p->z[p->net->first[l] + k] = z;
}

/* g += c times row k of layer l; returns c b_k. */
static double spread(const struct problem *p, struct sum *g, size_t l, size_t k, double c) {
    const struct layer *layer = &p->net->layer[l];
    for (size_t i = 0; i < layer->terms; i++) {
        const struct matrix *a = &layer->term[i].a;
        struct sum *to = g + p->net->first[layer->term[i].source];
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++) sum_add(&to[a->col[e]], c, a->val[e]);
    }
    return layer->bias[k] == 0 ? 0 : up(c * layer->bias[k]);
}

/* Replace g h by c z plus a constant: c is returned, the constant added. */
static double relax(double g, struct range z, char slope, double *constant) {
    if (z.lo >= 0 || g == 0) return g;
    if (z.hi <= 0) return 0;
    if (g < 0) return slope == '1' ? g : 0;
    double c = g * (z.hi / (z.hi - z.lo));
    if (!(c <= g)) c = g;
    *constant = up(*constant + larger(up(-c * z.lo), up(up(g - c) * z.hi)));
    if (!(z.hi - z.lo <= DBL_MAX)) *constant = INFINITY;
    return c;
}

/* An upper bound of sign * z_k, k in layer l; g has room for all neurons before. */
static double walk_back(const struct problem *p, struct sum *g, size_t l, size_t k, double sign) {
    const struct certificate *cert = p->cert;
    size_t n = p->net->layer[0].width;
    for (size_t i = 0; i < p->net->first[l]; i++) g[i] = (struct sum){0};
    double bound = spread(p, g, l, k, sign);
    while (l-- > 1)
        for (size_t i = 0; i < p->net->layer[l].width; i++) {
            const struct layer *layer = &p->net->layer[l];
            struct range z = p->z[p->net->first[l] + i], h = passed(p, l, i);
            const struct sum *s = &g[p->net->first[l] + i];
            double c = s->value, error = sum_error(s);
            if (s->count == 0) continue;
            bound = plus(bound, prod(error, larger(fabs(h.lo), fabs(h.hi))));
            if (layer->relu) c = relax(c, z, cert->slope[layer->letter + i], &bound);
            if (c != 0) bound = plus(bound, spread(p, g, l, i, c));
            if (!(bound <= DBL_MAX)) return INFINITY;
        }
    struct sum end = {0};
    const void *begin = mark();
    double *row = take(n, sizeof *row);
    for (size_t j = 0; j < n; j++) {
        row[j] = g[j].value;
        bool ball = cert->region == BALL;
        sum_add(&end, row[j], ball ? cert->centre[j] : row[j] > 0 ? p->z[j].hi : p->z[j].lo);
        bound = plus(bound, prod(sum_error(&g[j]), larger(fabs(p->z[j].lo), fabs(p->z[j].hi))));
    }
    bound = plus(bound, sum_range(&end, &end).hi);
    if (cert->region == BALL) bound = plus(bound, prod(cert->radius, norm2(row, n)));
    release(begin);
    return bound <= DBL_MAX ? bound : INFINITY;
}

static void linear_rule(struct problem *p, struct sum *g, size_t l, size_t k) {
    struct range *z = &p->z[p->net->first[l] + k];
    double most = walk_back(p, g, l, k, 1), least = -walk_back(p, g, l, k, -1);
    if (most < z->hi) z->hi = most;
    if (least > z->lo) z->lo = least;
}

static void find_region(struct problem *p) {
    const struct certificate *c = p->cert;
    p->interior = c->region != BALL || c->radius > 0;
    for (size_t j = 0; j < p->net->layer[0].width; j++) {
        if (c->region == EVERYWHERE) p->z[j] = (struct range){-INFINITY, INFINITY};
        if (c->region == BOX) p->z[j] = (struct range){c->lo[j], c->hi[j]};
        if (c->region == BOX && !(c->lo[j] < c->hi[j])) p->interior = false;
        if (c->region == BALL)
            p->z[j] = (struct range){down(c->centre[j] - c->radius), up(c->centre[j] + c->radius)};
    }
}

void bounds_compute(struct problem *p) {
    const struct network *net = p->net;
    p->z = take(net->neurons, sizeof *p->z);
    p->state = take(net->neurons, sizeof *p->state);
    find_region(p);
    if (p->cert->bounds == NONE) return;
    const void *begin = mark();
    struct sum *g = p->cert->bounds == LINEAR ? take(net->neurons, sizeof *g) : NULL;
    for (size_t l = 1; l < net->layers; l++) {
        for (size_t k = 0; k < net->layer[l].width; k++) interval_rule(p, l, k);
        for (size_t k = 0; g && l > 1 && k < net->layer[l].width; k++) linear_rule(p, g, l, k);
        for (size_t i = net->first[l]; i < net->first[l + 1]; i++) {
            struct range z = p->z[i];
            bool inactive = p->interior ? z.hi <= 0 : z.hi < 0, active = p->interior ? z.lo >= 0 : z.lo > 0;
            p->state[i] = inactive ? INACTIVE : active ? ACTIVE : UNSTABLE;
        }
    }
    release(begin);
}
