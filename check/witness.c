/* Witnesses (certificate.md, section 10, theorem 9): a point, a direction, and a lower bound.
 *
 * z(x) and the tangents are evaluated in fixed point: a number is an integer of 32-bit limbs (lowest
 * first) times 2^-F, F = 32 * below.  A sum is kept as a sum of positive and one of negative products
 * until its end.  A product with a double a = m 2^e, m < 2^53, is the integer times the three words of
 * m 2^(e mod 32), moved by whole limbs; each word loses less than two units 2^-F.  So, in units, the
 * error of a sum is at most the sum of |a| error(h) + 6. */
#include "round.h"
#include <string.h>

#define ABOVE 68 /* limbs above the point */

struct number {
    uint32_t *limb;
    bool negative;
    double error; /* in units */
};

struct fixed {
    int limbs, below;
    struct number one;
    uint32_t *side[2]; /* a sum under way: its positive and its negative part */
    double error;
};

static struct fixed fixed_new(int below) {
    size_t limbs = (size_t)(below + ABOVE);
    struct fixed f = {(int)limbs, below, {take(limbs, 4), 0, 0}, {take(limbs, 4), take(limbs, 4)}, 0};
    f.one.limb[below] = 1;
    return f;
}

static void sum_product(struct fixed *f, const struct number *x, double a) {
    int e, top = f->limbs;
    uint64_t m = (uint64_t)ldexp(fabs(frexp(a, &e)), 53);
    e -= 53;
    int move = e >= 0 ? e / 32 : -((31 - e) / 32), shift = e - 32 * move; /* floor(e / 32) */
    uint32_t word[3] = {(uint32_t)(m << shift), (uint32_t)(m >> (32 - shift)),
                        shift ? (uint32_t)(m >> (64 - shift)) : 0};
    uint32_t *to = f->side[(a < 0) != x->negative];
    while (top > 0 && !x->limb[top - 1]) top--;
    for (int w = 0; w < 3; w++, move++) {
        uint64_t carry = 0;
        if (!word[w]) continue;
        if (move < 0 && -move <= top) carry = (uint64_t)word[w] * x->limb[-move - 1] >> 32;
        for (int i = move < 0 ? -move : 0; i < top || carry; i++) {
            if (i + move >= f->limbs) reject("a number exceeds 2^%d at the point of the witness", 32 * ABOVE);
            carry += to[i + move] + (i < top ? (uint64_t)word[w] * x->limb[i] : 0);
            to[i + move] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    f->error = up(f->error + up(up(fabs(a) * x->error) + 6));
}

/* The sum becomes x; the next sum is 0. */
static void sum_end(struct fixed *f, struct number *x) {
    int i = f->limbs;
    while (i > 0 && f->side[0][i - 1] == f->side[1][i - 1]) i--;
    x->negative = i > 0 && f->side[0][i - 1] < f->side[1][i - 1];
    int64_t borrow = 0;
    for (i = 0; i < f->limbs; i++) {
        borrow += (int64_t)f->side[x->negative][i] - f->side[!x->negative][i];
        x->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
        f->side[0][i] = f->side[1][i] = 0;
    }
    x->error = f->error;
    f->error = 0;
}

/* A lower bound of |x| is the result times 2^*e; 0 if x may be 0. */
static double magnitude(const struct fixed *f, const struct number *x, int *e) {
    double value = 0;
    int top = f->limbs;
    while (top > 0 && !x->limb[top - 1]) top--;
    for (int i = top; i > 0 && i > top - 3; i--)
        value = down(value + ldexp(x->limb[i - 1], 32 * (i - 1 - top)));
    value = down(value - up(ldexp(x->error, -32 * top)));
    *e = 32 * (top - f->below);
    return value > 0 ? value : 0;
}

/* Exact: 70 limbs below the point hold a product of two doubles, and 68 above sums of 2^60 of them. */
static bool in_region(const struct certificate *c, size_t n) {
    if (c->region == EVERYWHERE) return true;
    struct fixed f = fixed_new(70), g = f; /* g: the sum of (x - c)(x - c), less the square of the radius */
    struct number d = {take((size_t)f.limbs, 4), false, 0};
    for (int i = 0; i < 2; i++) g.side[i] = take((size_t)f.limbs, 4);
    for (size_t j = 0; j < n; j++) {
        double x = c->point[j];
        if (c->region == BOX && !(c->lo[j] <= x && x <= c->hi[j])) return false;
        if (c->region == BOX) continue;
        sum_product(&f, &f.one, x);
        sum_product(&f, &f.one, -c->centre[j]);
        sum_end(&f, &d);
        sum_product(&g, &d, x);
        sum_product(&g, &d, -c->centre[j]);
    }
    sum_product(&f, &f.one, c->radius);
    sum_end(&f, &d);
    sum_product(&g, &d, -c->radius);
    sum_end(&g, &d);
    bool zero = true;
    for (int i = 0; i < f.limbs; i++) zero = zero && !d.limb[i];
    return d.negative || zero;
}

struct walk {
    const struct problem *p;
    struct fixed f;
    struct number *h, *v; /* what neurons pass on: value and tangent */
    bool *varies;         /* does what a neuron passes on vary near x? */
};

/* Add sign times row k of layer l, applied to values or tangents. */
static void add_row(struct walk *w, size_t l, size_t k, const struct number *from, double sign) {
    for (size_t t = 0; t < w->p->net->layer[l].terms; t++) {
        const struct term *term = &w->p->net->layer[l].term[t];
        size_t base = w->p->net->first[term->source];
        for (size_t e = term->a.start[k]; e < term->a.start[k + 1]; e++) {
            sum_product(&w->f, &from[base + term->a.col[e]], sign * term->a.val[e]);
            w->varies[w->p->net->first[l] + k] |= w->varies[base + term->a.col[e]];
        }
    }
}

/* Value and tangent of neuron k of layer l; false if its sign stays open. */
static bool pass(struct walk *w, size_t l, size_t k) {
    size_t i = w->p->net->first[l] + k;
    struct number *h = &w->h[i], *v = &w->v[i];
    int e;
    add_row(w, l, k, w->v, 1);
    sum_end(&w->f, v);
    add_row(w, l, k, w->h, 1);
    sum_product(&w->f, &w->f.one, w->p->net->layer[l].bias[k]);
    sum_end(&w->f, h);
    if (!w->p->net->layer[l].relu) return true;
    enum state state = w->p->interior ? w->p->state[i] : UNSTABLE;
    bool decided = state != UNSTABLE || magnitude(&w->f, h, &e) > 0;
    if (!decided && w->varies[i]) return false;
    if (state == ACTIVE || (state == UNSTABLE && decided && !h->negative)) return true;
    /* u = 0; if the sign is open, max(z, 0) differs from that of the computed z by its error at most */
    if (decided || h->negative) memset(h->limb, 0, 4 * (size_t)w->f.limbs);
    if (decided) h->error = 0;
    memset(v->limb, 0, 4 * (size_t)w->f.limbs);
    v->error = 0;
    w->varies[i] = false;
    return true;
}

/* A lower bound of |S J t|_q. */
static double output_norm(struct walk *w) {
    const struct certificate *c = w->p->cert;
    size_t l = w->p->net->layers;
    double *y = take(c->rows, sizeof *y), sum = 0, most = 0;
    for (size_t o = 0; o < c->rows; o++) {
        struct number *x = &w->v[w->p->net->first[l] + o];
        int e;
        add_row(w, l, c->output == ALL ? o : c->plus, w->v, 1);
        if (c->output == MARGIN) add_row(w, l, c->minus, w->v, -1);
        sum_end(&w->f, x);
        y[o] = magnitude(&w->f, x, &e);
        y[o] = y[o] > 0 ? down(ldexp(y[o], e)) : 0;
        sum = y[o] > 0 ? down(sum + y[o]) : sum;
        most = larger(y[o], most);
    }
    if (c->rows == 1 || c->q == INF) return most;
    if (c->q == ONE) return larger(most, sum); /* norm2 is too large by 2 gam or less, relatively */
    return larger(most, down(norm2(y, c->rows) * (1 - 2 * gam(c->rows + 8))));
}

/* The bound with `below` limbs below the point, or -1 if a sign stays open. */
static double evaluate(const struct problem *p, int below) {
    const struct network *net = p->net;
    size_t all = net->neurons;
    struct walk w = {p, fixed_new(below), take(all, sizeof *w.h), take(all, sizeof *w.v), take(all, 1)};
    for (size_t i = 0; i < all; i++) {
        w.h[i].limb = take((size_t)w.f.limbs, 4);
        w.v[i].limb = take((size_t)w.f.limbs, 4);
        if (i >= net->layer[0].width) continue;
        sum_product(&w.f, &w.f.one, p->cert->point[i]);
        sum_end(&w.f, &w.h[i]);
        sum_product(&w.f, &w.f.one, p->cert->direction[i]);
        sum_end(&w.f, &w.v[i]);
        w.varies[i] = true;
    }
    for (size_t l = 1; l < net->layers; l++)
        for (size_t k = 0; k < net->layer[l].width; k++)
            if (!pass(&w, l, k)) return -1;
    return output_norm(&w);
}

double witness_bound(const struct problem *p) {
    const double *t = p->cert->direction;
    size_t n = p->net->layer[0].width;
    double most = 0, best = -1;
    if (!in_region(p->cert, n)) reject("the point of the witness is not in the region");
    for (size_t j = 0; j < n; j++) most = larger(most, fabs(t[j]));
    if (most == 0) reject("the direction of the witness is 0");
    double length = p->cert->p == ONE ? total(t, n) : p->cert->p == TWO ? norm2(t, n) : most;
    for (int below = 4; below <= 256 && !(best >= p->cert->lower); below *= 2) {
        const void *begin = mark();
        double norm = evaluate(p, below);
        if (norm >= 0) best = larger(best, norm == 0 ? 0 : larger(0, down(norm / length)));
        release(begin);
    }
    if (best < 0) reject("a ReLU is at its kink at the point of the witness");
    return best;
}
