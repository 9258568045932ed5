/* Witnesses (certificate.md, section 11, theorem 9): a point, a direction, and a lower bound.
 *
 * z(x) and the tangents are evaluated in fixed point: a number is an integer of 32-bit limbs (lowest
 * first) times 2^-F, F = 32 * below.  A sum is kept as a sum of positive and one of negative products
 * until its end.  A product with a double a = m 2^e, m < 2^53, is the integer times the three words of
 * m 2^(e mod 32), moved by whole limbs; each word loses less than two units 2^-F.  So, in units, the
 * error of a sum is at most the sum of |a| error(h) + 6. */
#include "round.h"
#include <string.h>

#define BEYOND 68 /* limbs above the point */

struct number {
    uint32_t *limb;
    bool negative;
    double error; /* in units */
};
struct walk {
    const struct problem *p;
    int limbs, below;
    struct number *h, *v, one; /* what neurons pass on: value and tangent; the number 1 */
    bool *varies;              /* does what a neuron passes on vary near x? */
    uint32_t *side[2];         /* a sum under way: its positive and its negative part */
    double error;
};

static struct number number_new(int limbs) {
    return (struct number){take((size_t)limbs, sizeof(uint32_t)), false, 0};
}

static struct walk walk_new(const struct problem *p, int below) {
    struct walk w = {
        .p = p, .limbs = below + BEYOND, .below = below, .one = number_new(below + BEYOND)};
    w.side[0] = number_new(w.limbs).limb;
    w.side[1] = number_new(w.limbs).limb;
    w.one.limb[below] = 1;
    return w;
}

static int length(const struct walk *w, const struct number *x) {
    int top = w->limbs;
    while (top > 0 && !x->limb[top - 1]) top--;
    return top;
}

static void add(struct walk *w, double a, const struct number *x) {
    int e, top = length(w, x);
    uint64_t m = (uint64_t)ldexp(fabs(frexp(a, &e)), 53);
    int move = e >= 53 ? (e - 53) / 32 : -((84 - e) / 32), shift = e - 53 - 32 * move; /* 0 .. 31 */
    uint64_t high = shift ? m >> (64 - shift) : 0;
    uint64_t word[3] = {m << shift & UINT32_MAX, m << shift >> 32, high};
    uint32_t *to = w->side[(a < 0) != x->negative];
    for (int k = 0; k < 3; k++, move++) {
        uint64_t carry = 0;
        if (move < 0 && -move <= top) carry = word[k] * x->limb[-move - 1] >> 32;
        for (int i = move < 0 ? -move : 0; (word[k] && i < top) || carry; i++, carry >>= 32) {
            if (i + move >= w->limbs) stop(REJECTED, "the values at the witness exceed 2^2176");
            carry += to[i + move] + (i < top ? word[k] * x->limb[i] : 0);
            to[i + move] = (uint32_t)carry;
        }
    }
    w->error = up(w->error + up(up(fabs(a) * x->error) + 6));
}

/* The sum becomes x; the next sum is 0. */
static void end_sum(struct walk *w, struct number *x) {
    int64_t borrow = 0;
    int top = w->limbs;
    while (top > 0 && w->side[0][top - 1] == w->side[1][top - 1]) top--;
    x->negative = top > 0 && w->side[0][top - 1] < w->side[1][top - 1];
    for (int i = 0; i < w->limbs; i++, borrow >>= 32) {
        borrow += (int64_t)w->side[x->negative][i] - w->side[!x->negative][i];
        x->limb[i] = (uint32_t)borrow;
        w->side[0][i] = w->side[1][i] = 0;
    }
    x->error = w->error;
    w->error = 0;
}

/* A lower bound of |x| is the result times 2^*e; 0 if x may be 0. */
static double magnitude(const struct walk *w, const struct number *x, int *e) {
    int top = length(w, x);
    double value = -up(ldexp(x->error, -32 * top));
    for (int i = top; i > 0 && i > top - 3; i--)
        value = down(value + ldexp(x->limb[i - 1], 32 * (i - 1 - top)));
    *e = 32 * (top - w->below);
    return larger(value, 0);
}

/* Exact: 70 limbs below the point hold a product of two doubles, 68 above it sums of 2^60 of them. */
static bool in_region(const struct problem *p, size_t n) {
    const struct certificate *c = p->cert;
    struct walk w = walk_new(p, 70), sum = walk_new(p, 70); /* sum: (x - c)^2 - radius^2 */
    struct number d = number_new(w.limbs);
    for (size_t j = 0; j < n && c->region == BOX; j++)
        if (!(c->lo[j] <= c->point[j] && c->point[j] <= c->hi[j])) return false;
    for (size_t j = 0; j <= n && c->region == BALL; j++) {
        double x = j < n ? c->point[j] : c->radius, centre = j < n ? c->centre[j] : 0;
        add(&w, x, &w.one);
        add(&w, -centre, &w.one);
        end_sum(&w, &d);
        add(&sum, j < n ? x : -x, &d);
        add(&sum, -centre, &d);
    }
    end_sum(&sum, &d);
    return d.negative || length(&w, &d) == 0;
}

/* Add sign times row k of layer l, applied to values or tangents. */
static void add_row(struct walk *w, size_t l, size_t k, const struct number *from, double sign) {
    const struct layer *layer = &w->p->net->layer[l];
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
            size_t i = w->p->net->first[a->source] + a->col[e];
            add(w, sign * a->val[e], &from[i]);
            w->varies[w->p->net->first[l] + k] |= w->varies[i];
        }
}

/* Value and tangent of neuron k of layer l; false if its sign stays open. */
static bool pass(struct walk *w, size_t l, size_t k) {
    size_t i = w->p->net->first[l] + k, bytes = (size_t)w->limbs * sizeof(uint32_t);
    struct number *h = &w->h[i], *v = &w->v[i];
    enum state state = w->p->interior ? w->p->state[i] : UNSTABLE;
    int e;
    add_row(w, l, k, w->v, 1);
    end_sum(w, v);
    add_row(w, l, k, w->h, 1);
    add(w, w->p->net->layer[l].bias[k], &w->one);
    end_sum(w, h);
    if (!w->p->net->layer[l].relu) return true;
    bool decided = state != UNSTABLE || magnitude(w, h, &e) > 0;
    if (!decided && w->varies[i]) return false;
    if (state == ACTIVE || (state == UNSTABLE && decided && !h->negative)) return true;
    /* u = 0; if the sign is open, max(z, 0) differs from that of the computed z by the error at most */
    if (decided || h->negative) memset(h->limb, 0, bytes);
    if (decided) h->error = 0;
    memset(v->limb, 0, bytes);
    v->error = 0;
    w->varies[i] = false;
    return true;
}

/* A lower bound of |S J t|_q. */
static double output_norm(struct walk *w) {
    const struct certificate *c = w->p->cert;
    size_t l = w->p->net->layers;
    double *y = take(c->rows, sizeof *y), sum = 0, most = 0;
    struct number x = number_new(w->limbs);
    for (size_t o = 0; o < c->rows; o++) {
        int e;
        add_row(w, l, c->output == ALL ? o : c->plus, w->v, 1);
        if (c->output == MARGIN) add_row(w, l, c->minus, w->v, -1);
        end_sum(w, &x);
        y[o] = magnitude(w, &x, &e);
        y[o] = larger(0, down(ldexp(y[o], e)));
        sum = larger(0, down(sum + y[o]));
        most = larger(y[o], most);
    }
    if (c->rows > 1 && c->q == ONE) most = larger(most, sum);
    double two = norm2(y, c->rows); /* if normal, too large by a factor below 1 + 2 gam(rows + 8) */
    bool usable = c->rows > 1 && c->q == TWO && two >= 0x1p-960 && two <= DBL_MAX;
    return usable ? larger(most, down(two * (1 - 2 * gam(c->rows + 8)))) : most;
}

/* The bound with `below` limbs below the point, or -1 if a sign stays open. */
static double evaluate(const struct problem *p, int below, double size) {
    const struct network *net = p->net;
    struct walk w = walk_new(p, below);
    w.h = take(net->neurons, sizeof *w.h);
    w.v = take(net->neurons, sizeof *w.v);
    w.varies = take(net->neurons, sizeof *w.varies);
    for (size_t i = 0; i < net->neurons; i++) {
        w.h[i] = number_new(w.limbs);
        w.v[i] = number_new(w.limbs);
        w.varies[i] = i < net->layer[0].width;
        if (w.varies[i]) add(&w, p->cert->point[i], &w.one);
        end_sum(&w, &w.h[i]);
        if (w.varies[i]) add(&w, p->cert->direction[i], &w.one);
        end_sum(&w, &w.v[i]);
    }
    for (size_t l = 1; l < net->layers; l++)
        for (size_t k = 0; k < net->layer[l].width; k++)
            if (!pass(&w, l, k)) return -1;
    return larger(0, down(output_norm(&w) / size));
}

double witness_bound(const struct problem *p) {
    const double *t = p->cert->direction;
    size_t n = p->net->layer[0].width;
    double most = 0, best = -1;
    if (!in_region(p, n)) stop(REJECTED, "the point of the witness is not in the region");
    for (size_t j = 0; j < n; j++) most = larger(most, fabs(t[j]));
    if (most == 0) stop(REJECTED, "the direction of the witness is 0");
    double size = p->cert->p == ONE ? total(t, n) : p->cert->p == TWO ? norm2(t, n) : most;
    for (int below = 4; below <= 256 && !(best >= p->cert->lower); below *= 2) {
        const void *begin = mark();
        best = larger(best, evaluate(p, below, size));
        release(begin);
    }
    if (best < 0) stop(REJECTED, "a ReLU is at its kink at the point of the witness");
    return best;
}
