/* The constraints of a part (certificate.md, section 9, the tables before theorem 6).
 *
 * Every line of the tables is a sum of products of two linear functions, and every function has, when
 * doubled, coefficients that are doubles: 2 u = 1 + s, 2 h = most (1 + h'), 2 p_i.  So a line is a few
 * products of forms, which are exact; what is not, is left to slack.c. */
#include "sdp.h"

double inequality(double multiplier) {
    if (!(multiplier >= 0)) stop(REJECTED, "a multiplier of an inequality is negative");
    return multiplier;
}

static double multiplier(const struct work *w, enum multiplier kind, size_t i) {
    double none = kind == BOUND ? INFINITY : 0;
    return w->part->m[kind] ? w->part->m[kind][i] : none;
}

static double nonnegative(const struct work *w, enum multiplier kind, size_t i) {
    return inequality(multiplier(w, kind, i));
}

static void add(struct work *w, double m, struct form f, struct form g) {
    add_product(w, (struct ball){m, 0}, f, g);
}

void constrain_tangent(struct work *w, size_t i, double range) {
    const struct neuron *n = &w->neuron[i];
    double tangent = multiplier(w, TANGENT, i), square = nonnegative(w, RANGE, i),
           cap = nonnegative(w, CAP, i), r = nonnegative(w, BOUND, i), bin = multiplier(w, BIN, i),
           gate = multiplier(w, GATE, i), flip = multiplier(w, SWITCH, i);
    struct form one = FORM({0, 2}), s = FORM({n->s, 2}), v = FORM({n->v, 2}), y = FORM({n->y, 2}),
                on = FORM({0, 1}, {n->s, 1}), on_r = FORM({0, r}, {n->s, r});
    if (n->v != NOTHING && !(r >= range))
        stop(REJECTED, "a bound %.17g is below the range %.17g", r, range);
    add(w, -tangent, v, FORM({n->y, 2}, {n->v, -2}));
    add(w, square, v, v);
    add(w, bin, s, s);
    add(w, -gate, FORM({n->s, 2}, {0, -2}), v);
    add(w, -flip, on, y);
    add(w, flip, one, v);
    add(w, -cap, on_r, FORM({0, 2 * r}));
    add(w, cap, v, v);
    w->bound = plus(plus(w->bound, bin), prod(square, prod(r, r)));
}

void constrain_point(struct work *w, size_t i) {
    const struct neuron *n = &w->neuron[i];
    double least = multiplier(w, LEAST, i), most = multiplier(w, MOST, i);
    double state = nonnegative(w, STATE, i), square = multiplier(w, SQUARE, i),
           closed = multiplier(w, CLOSED, i), open = multiplier(w, OPEN, i);
    struct form one = FORM({0, 2}), x = FORM({n->x, 2}), z = FORM({n->z, 2}),
                on = FORM({0, 1}, {n->s, 1}), off = FORM({0, 1}, {n->s, -1}),
                h = FORM({0, most}, {n->x, most}), plus_1 = FORM({0, 2}, {n->x, 2});
    if (!(least <= w->p->z[i].lo && w->p->z[i].hi <= most && least < 0 && most > 0))
        stop(REJECTED, "least %.17g and most %.17g are not bounds of %.17g .. %.17g and around 0",
             least, most, w->p->z[i].lo, w->p->z[i].hi);
    add(w, state, x, x);
    add(w, -square, plus_1, FORM({n->z, 2}, {0, -most}, {n->x, -most}));
    add(w, -closed, FORM({0, 2}, {n->s, -2}), plus_1);
    add(w, -open, on, z);
    add(w, open, one, h);
    add(w, -nonnegative(w, ABOVE, i), on, z);
    add(w, nonnegative(w, BELOW, i), off, z);
    add(w, -nonnegative(w, PHASES, i), z,
        FORM({n->z, -2}, {0, most}, {n->s, most}, {0, least}, {n->s, -least}));
    add(w, -nonnegative(w, ROOF, i), on, FORM({0, 2 * most}, {n->z, -2}));
    add(w, -nonnegative(w, FLOOR, i), off, FORM({n->z, 2}, {0, -2 * least}));
    w->bound = plus(w->bound, state);
}

/* R of the variable. */
static double limit(const double *r, size_t variable) {
    if (!(r[variable] <= DBL_MAX))
        stop(REJECTED, "a cut is about variable %zu, of a neuron without a bound", variable);
    return r[variable];
}

static void constrain_triangle(struct work *w, const double *r, const struct triangle *x) {
    double ri = limit(r, x->i), rj = limit(r, x->j), rk = limit(r, x->k);
    struct form i = FORM({x->i, 2}), j = FORM({x->j, 2}), k = FORM({x->k, 2}), one = FORM({0, 2});
    struct ball m = {-inequality(x->multiplier), 0};
    add_product(w, times_exact(times_exact(times_exact(m, ri), rj), rk), one, one);
    add_product(w, times_exact(m, x->a * rk), i, j);
    add_product(w, times_exact(m, x->b * rj), i, k);
    add_product(w, times_exact(m, x->a * x->b * ri), j, k);
}

/* The form of a product about a variable or a neuron. */
static struct form factor(const struct work *w, const double *r, enum factor kind, size_t index) {
    const struct neuron *n = &w->neuron[kind > MINUS ? index : 0];
    double least = multiplier(w, LEAST, kind > MINUS ? index : 0);
    double most = multiplier(w, MOST, kind > MINUS ? index : 0), both = 0;
    bool is_h = kind > MINUS && w->part->value[index] == 'h';
    if (kind > LOWER) both = limit(r, n->v);
    switch (kind) {
    case PLUS: return FORM({0, 2 * limit(r, index)}, {index, 2});
    case MINUS: return FORM({0, 2 * limit(r, index)}, {index, -2});
    case NOT_CLOSED: return FORM({0, most}, {n->x, most}, {n->z, -2});
    case UPPER:
        return is_h ? FORM({n->s, most}, {n->x, -most}) : FORM({0, most}, {n->s, most}, {n->z, -2});
    case LOWER:
        return is_h ? FORM({n->z, 2}, {0, -most}, {n->x, -most}, {0, -least}, {n->s, least})
                    : FORM({n->z, 2}, {0, -least}, {n->s, least});
    case ON_PLUS: return FORM({0, both}, {n->s, both}, {n->v, 2});
    case ON_MINUS: return FORM({0, both}, {n->s, both}, {n->v, -2});
    case OFF_PLUS: return FORM({0, both}, {n->s, -both}, {n->y, 2}, {n->v, -2});
    default: return FORM({0, both}, {n->s, -both}, {n->y, -2}, {n->v, 2});
    }
}

void constrain_cuts(struct work *w) {
    double *r = take(w->variables, sizeof *r); /* R; infinite for a v that has none */
    for (size_t i = 0; i < w->variables; i++) r[i] = 1;
    for (size_t i = 0; i < w->p->net->neurons; i++)
        if (w->neuron[i].v != NOTHING && i >= w->p->net->first[1])
            r[w->neuron[i].v] = nonnegative(w, BOUND, i);
    for (size_t i = 0; i < w->part->triangles; i++) constrain_triangle(w, r, &w->part->triangle[i]);
    for (size_t i = 0; i < w->part->products; i++) {
        const struct product *x = &w->part->product[i];
        add(w, -inequality(x->multiplier), factor(w, r, x->factor[0], x->index[0]),
            factor(w, r, x->factor[1], x->index[1]));
    }
}
