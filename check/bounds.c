/* Pre-activation bounds lo <= z <= hi on the region and the stable neurons (certificate.md, sections
 * 3 and 5, theorems 1 and 2).
 *
 * interval   hi_k = b_k + sum over j of max(a_kj lo_j, a_kj hi_j)
 * linear     s z_k <= constant + sum g_j h_j, walked back to the input:
 *
 *     at a ReLU with lo < 0 < hi,  g > 0, any 0 <= c <= g:   g h <= c z + max(-c lo, (g - c) hi)
 *                                  g < 0, a in [0, 1]:       g h <= g a z
 *     at an affine layer           sum c_k z_k = sum c_k b_k + sum (sum c_k a_kj) h_j
 *
 * c = fl(g r) is as good as g r, r = hi / (hi - lo): the line c z + ... is above g h at lo, 0, hi.
 * fl(g a) is between g and 0, so it is g times another a in [0, 1].
 * The error of a computed sum g_j is added to it if h_j >= 0, as behind a ReLU; else that error, times
 * the largest |h_j|, is added to the constant.
 *
 * In a node of a tree (section 14) some neurons have a phase, h = z or h = 0, and the inputs may have
 * less room; then ranges are computed once more, for the cells of the node. */
#include "round.h"

/* What neuron j of layer l passes on. */
static struct range passed(const struct problem *p, size_t l, size_t j) {
    struct range h = p->z[p->net->first[l] + j];
    return p->net->layer[l].relu ? (struct range){larger(h.lo, 0), larger(h.hi, 0)} : h;
}

static struct range interval_rule(const struct problem *p, size_t l, size_t k) {
    const struct layer *layer = &p->net->layer[l];
    struct sum s[4] = {{0}}; /* lower and upper ends; the same with balls by their centres */
    double radius = 0;
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++) {
        size_t begin = a->start[k], count = a->start[k + 1] - begin;
        bool ball = p->cert->region == BALL && a->source == 0;
        for (size_t e = begin; e < begin + count; e++) {
            struct range h = passed(p, a->source, a->col[e]);
            double w = a->val[e], end[4] = {w > 0 ? h.lo : h.hi, w > 0 ? h.hi : h.lo};
            end[2] = ball ? p->cert->centre[a->col[e]] : end[0];
            end[3] = ball ? p->cert->centre[a->col[e]] : end[1];
            for (int i = 0; i < 4; i++) sum_add(&s[i], w, end[i]);
        }
        if (ball) radius = plus(radius, prod(p->cert->radius, norm2(a->val + begin, count)));
    }
    for (int i = 0; i < 4; i++) sum_add(&s[i], 1, layer->bias[k]);
    struct range z = sum_range(&s[0], &s[1]), b = sum_range(&s[2], &s[3]);
    return (struct range){larger(down(b.lo - radius), z.lo), -larger(-up(b.hi + radius), -z.hi)};
}

/* g += c times row k of layer l; returns at least c b_k. */
static double spread(const struct problem *p, struct sum *g, size_t l, size_t k, double c) {
    const struct layer *layer = &p->net->layer[l];
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++)
            sum_add(&g[p->net->first[a->source] + a->col[e]], c, a->val[e]);
    return prod(c, layer->bias[k]);
}

/* Replace g h by c z plus a constant: c is returned, the constant added. */
static double relax(double g, struct range z, enum state phase, double slope, double *constant) {
    if (phase != UNSTABLE) return phase == ACTIVE ? g : 0;
    if (z.lo >= 0 || g == 0) return g;
    if (z.hi <= 0) return 0;
    if (g < 0) return g * slope;
    double c = g * (z.hi / (z.hi - z.lo));
    if (!(c <= g)) c = g;
    *constant = up(*constant + larger(up(-c * z.lo), up(up(g - c) * z.hi)));
    if (!(z.hi - z.lo <= DBL_MAX)) *constant = INFINITY;
    return c;
}

/* At least constant + sum over the layers before layer l of g_i h_i; g is what spread left there. */
static double walk_back(const struct problem *p, size_t l, double constant) {
    const struct certificate *cert = p->cert;
    double bound = constant, *row = p->row;
    while (l-- > 0)
        for (size_t i = 0; i < p->net->layer[l].width; i++) {
            size_t k = p->net->first[l] + i;
            struct range h = passed(p, l, i);
            double c = p->g[k].value, error = sum_error(&p->g[k]);
            bool relu = p->net->layer[l].relu;
            if (relu && error > 0) c = up(c + error); /* h >= 0 */
            if (!relu) bound = plus(bound, prod(error, larger(fabs(h.lo), fabs(h.hi))));
            if (relu) c = relax(c, p->z[k], p->phase[k], p->slope[k], &bound);
            if (l == 0) row[i] = c;
            if (l > 0 && c != 0) bound = plus(bound, spread(p, p->g, l, i, c));
            if (!(bound <= DBL_MAX)) return INFINITY;
        }
    struct sum end = {0};
    for (size_t j = 0; j < p->net->layer[0].width; j++) {
        double x = row[j] > 0 ? p->z[j].hi : p->z[j].lo;
        sum_add(&end, row[j], cert->region == BALL ? cert->centre[j] : x);
    }
    bound = plus(bound, sum_range(&end, &end).hi);
    return plus(bound, prod(cert->radius, norm2(row, p->net->layer[0].width)));
}

/* An upper bound of sign * z_k, k in layer l. */
static double side(const struct problem *p, size_t l, size_t k, double sign) {
    for (size_t i = 0; i < p->net->first[l]; i++) p->g[i] = (struct sum){0};
    return walk_back(p, l, spread(p, p->g, l, k, sign));
}

static void find_region(struct problem *p) {
    const struct certificate *c = p->cert;
    p->interior = c->region != BALL || c->radius > 0;
    for (size_t j = 0; j < p->net->layer[0].width; j++) {
        p->z[j] = (struct range){-INFINITY, INFINITY};
        if (c->region == BOX) p->z[j] = (struct range){c->lo[j], c->hi[j]};
        if (c->region == BALL)
            p->z[j] = (struct range){down(c->centre[j] - c->radius), up(c->centre[j] + c->radius)};
        p->interior = p->interior && p->z[j].lo < p->z[j].hi;
    }
}

/* The next refine lines, those of layer l, each with its own slopes for a while. */
static void refine(struct problem *p, size_t l, size_t *next) {
    for (; *next < p->cert->refines && p->cert->refine[*next].layer == l; ++*next) {
        const struct refine *r = &p->cert->refine[*next];
        struct range *z = &p->z[r->neuron];
        for (size_t i = 0; i < r->count; i++) p->slope[r->relu[i]] = r->slope[i];
        double most = side(p, l, r->neuron - p->net->first[l], r->upper ? 1 : -1);
        if (r->upper && most < z->hi) z->hi = most;
        if (!r->upper && -most > z->lo) z->lo = -most;
        for (size_t i = 0; i < r->count; i++)
            p->slope[r->relu[i]] = p->cert->slope[r->relu[i]] == '1';
    }
}

/* Of neuron i: which phases its range and its node prove. */
static enum state state(const struct problem *p, size_t i) {
    struct range z = p->z[i];
    bool inactive = p->interior ? z.hi <= 0 : z.hi < 0;
    bool active = p->interior ? z.lo >= 0 : z.lo > 0;
    return (enum state)(p->phase[i] | (active ? ACTIVE : 0) | (inactive ? INACTIVE : 0));
}

/* Both rules for the neurons of layer l; what was known of them before is kept. */
static void bound_layer(struct problem *p, size_t l) {
    struct range *z = p->z + p->net->first[l];
    for (size_t k = 0; k < p->net->layer[l].width; k++) {
        struct range new = interval_rule(p, l, k);
        z[k] = (struct range){larger(new.lo, z[k].lo), -larger(-new.hi, -z[k].hi)};
    }
    for (size_t k = 0; k < p->net->layer[l].width && p->cert->bounds == LINEAR && l > 1; k++) {
        double most = side(p, l, k, 1), least = -side(p, l, k, -1);
        if (most < z[k].hi) z[k].hi = most;
        if (least > z[k].lo) z[k].lo = least;
    }
}

void bounds_compute(struct problem *p) {
    const struct network *net = p->net;
    bool linear = p->cert->bounds == LINEAR, room = linear || p->cert->statement == TREE;
    size_t next = 0;
    p->z = take(net->neurons, sizeof *p->z);
    p->state = take(net->neurons, sizeof *p->state);
    p->phase = take(net->neurons, sizeof *p->phase);
    for (size_t i = 0; i < net->neurons; i++) p->z[i] = (struct range){-INFINITY, INFINITY};
    find_region(p);
    p->g = take(room ? net->neurons : 0, sizeof *p->g);
    p->row = take(room ? net->layer[0].width : 0, sizeof *p->row);
    p->slope = take(room ? net->neurons : 0, sizeof *p->slope);
    for (size_t i = 0; linear && i < net->neurons; i++) p->slope[i] = p->cert->slope[i] == '1';
    for (size_t l = 1; l < net->layers && p->cert->bounds != NONE; l++) {
        bound_layer(p, l);
        refine(p, l, &next);
        for (size_t i = net->first[l]; i < net->first[l + 1]; i++) p->state[i] = state(p, i);
    }
}

/* The lower slope of a neuron whose sign is open; any number from 0 to 1 would be sound. */
static double slope(struct range z) { return z.hi > -z.lo; }

void bounds_tighten(struct problem *p) {
    const struct network *net = p->net;
    for (size_t l = 1; l < net->layers; l++) {
        bound_layer(p, l);
        for (size_t i = net->first[l]; i < net->first[l + 1]; i++) {
            struct range *z = &p->z[i];
            if (p->phase[i] == ACTIVE) z->lo = larger(z->lo, 0);
            if (p->phase[i] == INACTIVE) z->hi = -larger(-z->hi, 0);
            p->state[i] = state(p, i);
            p->slope[i] = slope(*z);
        }
    }
}

double bounds_combination(struct problem *p, size_t count, const size_t *neuron, const double *c) {
    const struct network *net = p->net;
    double constant = 0;
    size_t l = 1;
    for (size_t i = 0; i < net->neurons; i++) {
        p->g[i] = (struct sum){0};
        p->slope[i] = slope(p->z[i]);
    }
    for (size_t i = 0; i < count; i++) {
        while (neuron[i] >= net->first[l + 1]) l++;
        constant = plus(constant, spread(p, p->g, l, neuron[i] - net->first[l], c[i]));
    }
    return walk_back(p, l, constant);
}
