/* Statement `sdp` (certificate.md, section 9): the slack matrix of every part is built from the
 * network and proved positive semidefinite; then the multipliers add up to an upper bound.
 *
 * A linear function of the variables is a list of items (variable, value, radius).  Every neuron has
 * one for y, and one for what it passes on.  To avoid multiples of 1/4, 4 S_p is built: a term
 * a x_i x_j of the quadratic form adds 4 a to its diagonal, or 2 a below it. */
#include "round.h"
#include <string.h>

#define NOTHING SIZE_MAX

struct item { /* of a function, or of the lower triangle of the slack matrix */
    uint32_t row, column;
    double value, radius;
};
struct list {
    struct item *item;
    size_t used;
};
struct cell { /* a sum of count products with factors value +- radius */
    struct sum sum;
    double radius;
    size_t count;
};
struct neuron {
    size_t v, s, begin, end, y, y_end; /* variables or NOTHING; items that are passed on; of y */
    struct cell g;                     /* of role s: the coefficient in c' sum A */
};
struct work {
    const struct problem *p;
    const struct part *part;
    struct neuron *neuron;
    size_t variables, touches;
    uint32_t *touched;           /* the variables of the sum under way; */
    struct cell *cell;           /* by variable */
    double *norm, *reach, bound; /* N of layers, B of variables, U */
    struct list function, slack;
};

static void append(struct list *l, size_t row, size_t column, double value, double radius) {
    l->item = grow(l->item, l->used, sizeof *l->item);
    l->item[l->used++] = (struct item){(uint32_t)row, (uint32_t)column, value, radius};
}

/* An entry of 4 S_p, or a part of one. */
static void entry(struct work *w, size_t row, size_t column, double value, double radius) {
    if (value != 0 || radius != 0) append(&w->slack, row, column, value, radius);
}

static void cell_add(struct cell *c, double a, double value, double radius, bool rounded) {
    sum_add(&c->sum, a, value);
    c->sum.rounded |= rounded;
    c->radius += big(a) * big(radius);
    c->count++;
}

static double cell_radius(const struct cell *c) {
    return plus(above(c->radius, c->count), sum_error(&c->sum));
}

/* Append the function: row k of the terms, applied to what their sources pass on. */
static void gather(struct work *w, const struct matrix *term, size_t terms, size_t k) {
    for (const struct matrix *a = term; a < term + terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
            struct neuron *n = &w->neuron[w->p->net->first[a->source] + a->col[e]];
            cell_add(&n->g, a->val[e], 1, 0, a->rounded);
            for (size_t i = n->begin; w->function.item && i < n->end; i++) {
                const struct item *x = &w->function.item[i];
                if (w->cell[x->row].count == 0) w->touched[w->touches++] = x->row;
                cell_add(&w->cell[x->row], a->val[e], x->value, x->radius, a->rounded);
            }
        }
    for (; w->touches > 0; w->touches--) {
        struct cell *c = &w->cell[w->touched[w->touches - 1]];
        append(&w->function, w->touched[w->touches - 1], 0, c->sum.value, cell_radius(c));
        *c = (struct cell){0};
    }
}

/* Subtract half of (h +- error) x_i y from the quadratic form, y = items begin .. end - 1. */
static void subtract(struct work *w, size_t i, double h, double error, size_t begin, size_t end) {
    for (size_t k = begin; k < end && (h != 0 || error != 0); k++) {
        const struct item *y = &w->function.item[k];
        double r = (big(h) + big(error)) * (big(y->radius) + 0x1p-52 * big(y->value)) +
                   big(error) * big(y->value); /* not 0 unless all is: the entry is there */
        bool below = i > y->row;
        entry(w, below ? i : y->row, below ? y->row : i, -h * y->value, r * (1 + 0x1p-50));
    }
}

static double inequality(double multiplier) {
    if (!(multiplier >= 0)) stop(REJECTED, "a multiplier of an inequality is negative");
    return multiplier;
}

/* Number the variables 1, t, v, s, w; inputs and roles v, b pass on a variable. */
static void number_variables(struct work *w) {
    const struct network *net = w->p->net;
    const struct part *part = w->part;
    size_t inputs = net->layer[0].width;
    w->variables = part->has_one;
    for (size_t i = 0; i < net->neurons; i++) {
        struct neuron *n = &w->neuron[i];
        bool unused = part->in == UNIT && i != part->in_index;
        n->v = n->s = NOTHING;
        if (i < inputs ? unused : !strchr("vb", part->role[i])) continue;
        n->begin = w->function.used;
        n->v = w->variables++;
        append(&w->function, n->v, 0, 1, 0);
        n->end = w->function.used;
    }
    for (size_t i = inputs; i < net->neurons; i++)
        if (strchr("sb", part->role[i])) w->neuron[i].s = w->variables++;
    w->variables += part->out == FIXED ? 0 : part->out == UNIT ? 1 : w->p->cert->rows;
    if (w->variables > UINT32_MAX) stop(REJECTED, "a part has more than 2^32 variables");
}

/* The range of neuron n, number k of its layer. */
static double range(const struct work *w, const struct neuron *n, const struct layer *layer,
                    size_t k) {
    size_t inputs = w->part->has_one + w->p->net->layer[0].width;
    double sum = 0, ball = 0, other = 0; /* ball: the sum of squares of entries of inputs */
    for (const struct item *i = w->function.item + n->y; i < w->function.item + n->y_end; i++) {
        double most = plus(fabs(i->value), i->radius);
        bool in_ball = w->part->in == SPHERE && i->row < inputs;
        *(in_ball ? &ball : &sum) =
            plus(in_ball ? ball : sum, prod(most, in_ball ? most : w->reach[i->row]));
    }
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++) {
        double norm = norm2(a->val + a->start[k], a->start[k + 1] - a->start[k]);
        other = plus(other, prod(norm, w->norm[a->source]));
    }
    return fmin(plus(sum, root(ball)), other);
}

/* The constraints of neuron number i. */
static void constrain(struct work *w, size_t i, double r) {
    const struct neuron *n = &w->neuron[i];
    double *const *m = w->part->m, gate = m[GATE][i], flip = m[SWITCH][i], bin = m[BIN][i];
    if (n->v != NOTHING) {
        double tangent = inequality(m[TANGENT][i]), bound = inequality(m[BOUND][i]);
        double square = inequality(m[RANGE][i]), cap = inequality(m[CAP][i]),
               d = prod(bound, bound);
        if (!(bound >= r)) stop(REJECTED, "a bound %.17g is below the range %.17g", bound, r);
        subtract(w, n->v, 2 * tangent, 0, n->y, n->y_end);
        entry(w, n->v, n->v, 4 * tangent, 0);
        entry(w, n->v, n->v, 4 * square, 0);
        entry(w, n->v, n->v, 4 * cap, 0);
        w->bound = plus(w->bound, prod(square, d));
        entry(w, 0, 0, -2 * prod(cap, d), 0); /* smaller than exact */
        if (cap > 0) entry(w, n->s, 0, -prod(cap, d), 0x1p-50 * big(cap) * big(d));
    }
    if (n->s != NOTHING) entry(w, n->s, n->s, 4 * bin, 0);
    w->bound = plus(w->bound, bin);
    entry(w, n->s, n->v, -2 * gate, 0);
    entry(w, n->v, 0, 2 * gate, 0);
    entry(w, n->v, 0, 2 * flip, 0);
    subtract(w, n->s, flip, 0, n->y, n->y_end);
    subtract(w, 0, flip, 0, n->y, n->y_end);
}

/* y, ranges, N and constraints of layer l; `two` are the 2-norms of its terms. */
static void pass_layer(struct work *w, size_t l, const double *two) {
    const struct layer *layer = &w->p->net->layer[l];
    double *kept = take(layer->width, sizeof *kept);
    for (size_t k = 0; k < layer->width; k++) {
        size_t i = w->p->net->first[l] + k;
        struct neuron *n = &w->neuron[i];
        char role = w->part->role[i];
        n->y = w->function.used;
        gather(w, layer->term, layer->terms, k);
        n->y_end = w->function.used;
        kept[k] = range(w, n, layer, k);
        enum state needed = role == 'a' ? ACTIVE : role == 'i' ? INACTIVE : UNSTABLE;
        if (n->y < n->y_end && (w->p->state[i] & needed) != needed)
            stop(REJECTED, "neuron %zu of layer %zu is not proved to be %s", k, l,
                 role == 'a' ? "active" : "inactive");
        if (strchr("-a", role)) n->begin = n->y, n->end = n->y_end;
        if (n->v != NOTHING) w->reach[n->v] = kept[k];
        constrain(w, i, kept[k]);
        if (role == 'i') kept[k] = 0;
    }
    for (size_t t = 0; t < layer->terms; t++)
        w->norm[l] = plus(w->norm[l], prod(two[t], w->norm[layer->term[t].source]));
    w->norm[l] = fmin(w->norm[l], norm2(kept, layer->width));
}

/* - F and the squares of 1, t and w; returns the bound of theorem 6. */
static double objective(struct work *w) {
    const struct network *net = w->p->net;
    const struct part *part = w->part;
    bool fixed = part->out == FIXED, one_row = fixed || part->out == UNIT;
    size_t rows = one_row ? 1 : w->p->cert->rows, inputs = net->layer[0].width;
    for (size_t i = 0; i < net->neurons; i++) w->neuron[i].g = (struct cell){{0}, 0, 0};
    for (size_t o = 0; o < rows; o++) {
        size_t var = fixed ? 0 : w->variables - rows + o, begin = w->function.used;
        gather(w, w->p->last, net->layer[net->layers].terms, one_row ? part->out_index : o);
        subtract(w, var, 2, 0, begin, w->function.used);
        if (!fixed) entry(w, var, var, 4 * inequality(part->dual[part->out == CUBE ? o : 0]), 0);
    }
    for (size_t i = 0; i < net->neurons; i++) {
        const struct neuron *n = &w->neuron[i];
        if (i < inputs && n->v != NOTHING)
            entry(w, n->v, n->v, 4 * inequality(part->input[part->in == CUBE ? i : 0]), 0);
        for (int k = 0; k < 2 && part->role[i] == 's'; k++) /* g (1 + s) / 2 y */
            subtract(w, k ? n->s : 0, n->g.sum.value, cell_radius(&n->g), n->y, n->y_end);
    }
    entry(w, 0, 0, 4 * part->one, 0);
    double input = total(part->input, part->in == CUBE ? inputs : 1);
    double dual = total(part->dual, fixed ? 0 : part->out == CUBE ? rows : 1);
    w->bound = plus(plus(w->bound, part->one), plus(input, dual));
    if (part->has_one || total(part->m[RANGE], net->neurons) > 0) return w->bound;
    return fmin(w->bound, 2 * root(prod(input, dual)));
}

/* Is 4 S_p, without rows that have no item, positive semidefinite? */
static void check_slack(struct work *w, size_t part) {
    struct item *begin = w->slack.item, *end = begin + w->slack.used;
    size_t n = 0, *number = take(w->variables, sizeof *number), *first;
    for (struct item *x = begin; x < end; x++) number[x->row] = number[x->column] = 1;
    for (size_t i = 0; i < w->variables; i++) number[i] = number[i] ? n++ : NOTHING;
    first = take(n, sizeof *first);
    double *radius = take(n, sizeof *radius);
    for (size_t i = 0; i < n; i++) first[i] = i;
    for (struct item *x = begin; x < end; x++) {
        x->row = (uint32_t)number[x->row];
        x->column = (uint32_t)number[x->column];
        if (x->column < first[x->row]) first[x->row] = x->column;
    }
    struct profile m = profile_new(n, first);
    for (struct item *x = begin; x < end; x++) {
        double *a = profile_at(&m, x->row, x->column), before = *a;
        *a += x->value;
        if (before != 0) x->radius += 0x1p-52 * big(*a);
    }
    bool good = profile_scale(&m);
    for (struct item *x = begin; x < end && good; x++) {
        double r = prod(x->radius, 1 + 0x1p-50);
        if (r > 0) r = up(ldexp(r, m.shift[x->row] + m.shift[x->column]));
        radius[x->row] += r;
        if (x->row != x->column) radius[x->column] += r;
    }
    if (!good || !profile_positive(&m, radius))
        stop(REJECTED, "the slack matrix of part %zu is not proved positive semidefinite", part);
}

static double part_bound(const struct problem *p, const double *two, size_t number) {
    const void *begin = mark();
    const struct network *net = p->net;
    struct work w = {.p = p, .part = &p->cert->part[number]};
    w.slack.item = grow(NULL, 0, sizeof *w.slack.item);
    w.norm = take(net->layers + 1, sizeof *w.norm);
    w.norm[0] = w.part->in == CUBE ? root((double)net->layer[0].width) : 1;
    w.neuron = take(net->neurons, sizeof *w.neuron);
    number_variables(&w);
    w.reach = take(w.variables, sizeof *w.reach);
    w.cell = take(w.variables, sizeof *w.cell);
    w.touched = take(w.variables, sizeof *w.touched);
    for (size_t i = 0; i < w.variables; i++) w.reach[i] = 1; /* until a neuron has its own */
    for (size_t l = 1; l < net->layers; two += net->layer[l++].terms) pass_layer(&w, l, two);
    double bound = objective(&w);
    check_slack(&w, number);
    release(begin);
    return bound;
}

/* Theorem 7: are all pairs (input j, row k) in a part? */
static void check_cover(const struct certificate *c, size_t n) {
    size_t rows = c->rows;
    bool *covered = take(times(n, rows), 1);
    for (const struct part *p = c->part; p < c->part + c->parts; p++) {
        bool unit = p->in == UNIT, one_row = p->out >= UNIT;
        if ((unit && c->p != ONE && n > 1) || (one_row && c->q != INF && rows > 1))
            stop(REJECTED, "an input unit needs p = 1, an output unit or fixed needs q = inf");
        bool all = !unit && (p->in == CUBE || c->p != INF);
        bool all_rows = !one_row && (p->out == CUBE || c->q != ONE || rows == 1);
        for (size_t j = unit ? p->in_index : 0; j < (unit ? p->in_index + 1 : all ? n : 0); j++)
            memset(covered + j * rows + (one_row ? p->out_index : 0), 1,
                   one_row    ? 1
                   : all_rows ? rows
                              : 0);
    }
    for (size_t i = 0; i < n * rows; i++)
        if (!covered[i])
            stop(REJECTED, "input %zu and output row %zu are in no part", i / rows, i % rows);
}

double sdp_bound(const struct problem *p) {
    const struct network *net = p->net;
    size_t used = 0, next = 0;
    double worst = 0, norm[3][3], *two = grow(NULL, 0, sizeof *two);
    check_cover(p->cert, net->layer[0].width);
    for (size_t l = 1; l <= net->layers; l++)
        for (size_t i = 0; i < net->layer[l].terms; i++) {
            term_norms(p, &net->layer[l].term[i], l, i, &next, norm);
            two = grow(two, used, sizeof *two);
            two[used++] = norm[TWO][TWO];
        }
    for (size_t i = 0; i < p->cert->parts; i++) worst = larger(part_bound(p, two, i), worst);
    return worst;
}
