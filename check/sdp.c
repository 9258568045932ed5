/* Statement `sdp` (certificate.md, section 9): the slack matrix of every part is built from the network
 * and proved positive semidefinite; then the multipliers add up to an upper bound.
 *
 * A linear function of the variables is a list of entries (variable, value, radius).  Every neuron has
 * one for y; what it passes on is a variable, its y, or nothing.  To avoid multiples of 1/4, 4 S_p is
 * built: a term a x_i x_j of the quadratic form adds 4 a to its diagonal, or 2 a below it. */
#include "round.h"
#include <string.h>

#define NOTHING SIZE_MAX

struct item { /* of a function (column 0, row: the variable), or of the slack matrix */
    uint32_t row, column;
    double value, radius;
};

struct list {
    struct item *item;
    size_t used;
};

/* A sum of count products with factors value +- radius; `rounded` if the other factors are. */
struct cell {
    struct sum sum;
    double radius;
    size_t count;
};

struct neuron {
    size_t v, s;        /* its variables (of an input: t), or NOTHING */
    char role;          /* '-' without ReLU */
    double m[KINDS];    /* its multipliers */
    size_t begin, end;  /* its y: the functions' items begin .. end - 1 */
    struct cell g;      /* of role s: the coefficient in c' sum A */
};

struct work {
    const struct problem *p;
    const struct part *part;
    struct neuron *neuron;
    size_t variables, touches;
    struct cell *cell;   /* of variables, for the sum under way */
    uint32_t *touched;   /* its variables */
    double *norm, *list, *reach; /* N_l; room for a number per neuron; B of variables */
    struct list function, slack;
    double bound;
};

static void append(struct list *l, size_t row, size_t column, double value, double radius) {
    if (value == 0 && radius == 0) return;
    l->item = grow(l->item, l->used, sizeof *l->item);
    l->item[l->used++] = (struct item){(uint32_t)row, (uint32_t)column, value, radius};
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

/* Add row k of the term, applied to what its source passes on. */
static void gather(struct work *w, const struct term *term, size_t k) {
    for (size_t e = term->a.start[k]; e < term->a.start[k + 1]; e++) {
        struct neuron *n = &w->neuron[w->p->net->first[term->source] + term->a.col[e]];
        struct item variable = {(uint32_t)n->v, 0, 1, 0};
        bool is_variable = n->v != NOTHING, none = n->role == 'i' || n->role == 's';
        const struct item *i = is_variable ? &variable : w->function.item + n->begin;
        size_t count = is_variable ? 1 : none ? 0 : n->end - n->begin;
        if (n->role == 's') cell_add(&n->g, term->a.val[e], 1, 0, term->a.rounded);
        for (const struct item *end = i + count; i < end; i++) {
            struct cell *c = &w->cell[i->row];
            if (c->count == 0) w->touched[w->touches++] = i->row;
            cell_add(c, term->a.val[e], i->value, i->radius, term->a.rounded);
        }
    }
}

/* The sum becomes a function, items .. function.used - 1; returns where it begins. */
static size_t collect(struct work *w) {
    size_t begin = w->function.used;
    for (; w->touches > 0; w->touches--) {
        struct cell *c = &w->cell[w->touched[w->touches - 1]];
        append(&w->function, w->touched[w->touches - 1], 0, c->sum.value, cell_radius(c));
        *c = (struct cell){0};
    }
    return begin;
}

/* Subtract half of (h +- error) x_i f from the quadratic form. */
static void subtract(struct work *w, size_t i, double h, double error, size_t begin, size_t end) {
    for (size_t k = begin; k < end && (h != 0 || error != 0); k++) {
        const struct item *f = &w->function.item[k];
        double r = (big(h) + error) * (f->radius + 0x1p-52 * big(f->value)) + error * big(f->value);
        size_t row = i > f->row ? i : f->row, column = i > f->row ? f->row : i;
        append(&w->slack, row, column, -h * f->value, r * (1 + 0x1p-50));
    }
}

/* A multiplier m of x_i^2 <= d, or of an equality if `free`. */
static void square(struct work *w, size_t i, double m, double d, bool free) {
    if (!free && !(m >= 0)) reject("a multiplier of an inequality is negative");
    append(&w->slack, i, i, 4 * m, 0);
    w->bound = plus(w->bound, m > 0 ? prod(m, d) : m);
}

/* Roles and multipliers of all neurons, and the numbers of the variables 1, t, v, s, w. */
static void number_variables(struct work *w) {
    const struct network *net = w->p->net;
    const struct part *part = w->part;
    size_t inputs = net->layer[0].width;
    for (size_t i = 0; i < net->neurons; i++)
        w->neuron[i] = (struct neuron){.v = NOTHING, .s = NOTHING, .role = '-', .m[BOUND] = INFINITY};
    for (size_t i = 0; i < net->relu_layers; i++)
        for (size_t l = net->relu[i], k = 0; k < net->layer[l].width; k++)
            w->neuron[net->first[l] + k].role = part->role[net->layer[l].letter + k];
    w->variables = part->has_one;
    for (size_t j = 0; j < inputs; j++)
        if (part->in != UNIT || j == part->in_index) w->neuron[j].v = w->variables++;
    for (size_t i = inputs; i < net->neurons; i++)
        if (strchr("vb", w->neuron[i].role)) w->neuron[i].v = w->variables++;
    for (size_t i = inputs; i < net->neurons; i++)
        if (strchr("sb", w->neuron[i].role)) w->neuron[i].s = w->variables++;
    w->variables += part->out == FIXED ? 0 : part->out == UNIT ? 1 : w->p->cert->rows;
    if (w->variables > UINT32_MAX) reject("a part has more than 2^32 variables");
    for (const struct multipliers *m = part->line; m < part->line + part->lines; m++) {
        const double *value = m->value;
        for (size_t i = net->first[m->layer]; i < net->first[m->layer + 1]; i++) {
            struct neuron *n = &w->neuron[i];
            if (m->kind < BIN ? n->v != NOTHING : m->kind == BIN ? n->s != NOTHING : n->role == 'b')
                n->m[m->kind] = *value++;
        }
    }
}

/* The range of neuron k of layer l. */
static double range(struct work *w, const struct neuron *n, size_t l, size_t k) {
    const struct layer *layer = &w->p->net->layer[l];
    size_t inputs = 0, end = w->part->has_one + w->p->net->layer[0].width;
    double sum = 0, other = 0;
    for (const struct item *f = w->function.item + n->begin; f < w->function.item + n->end; f++) {
        double most = plus(fabs(f->value), f->radius);
        if (w->part->in == SPHERE && f->row < end) w->list[inputs++] = most;
        else sum = plus(sum, prod(most, w->reach[f->row]));
    }
    sum = plus(sum, norm2(w->list, inputs));
    for (const struct term *t = layer->term; t < layer->term + layer->terms; t++) {
        size_t start = t->a.start[k], count = t->a.start[k + 1] - start;
        other = plus(other, prod(norm2(t->a.val + start, count), w->norm[t->source]));
    }
    return fmin(sum, other);
}

/* The constraints of a neuron with range r. */
static void constrain(struct work *w, const struct neuron *n, double r) {
    const double *m = n->m, d = prod(m[BOUND], m[BOUND]);
    if (n->v != NOTHING) {
        if (!(m[BOUND] >= 0 && m[TANGENT] >= 0 && m[CAP] >= 0))
            reject("a multiplier of an inequality is negative");
        if (!(m[BOUND] >= r)) reject("a bound %.17g is below the range %.17g", m[BOUND], r);
        append(&w->slack, n->v, n->v, 4 * m[TANGENT], 0);
        subtract(w, n->v, 2 * m[TANGENT], 0, n->begin, n->end);
        square(w, n->v, m[RANGE], d, false);
    }
    if (n->s != NOTHING) square(w, n->s, m[BIN], 1, true);
    if (n->role != 'b') return;
    append(&w->slack, n->s, n->v, -2 * m[GATE], 0);
    append(&w->slack, n->v, 0, 2 * m[GATE], 0);
    append(&w->slack, n->v, 0, 2 * m[SWITCH], 0);
    subtract(w, n->s, m[SWITCH], 0, n->begin, n->end);
    subtract(w, 0, m[SWITCH], 0, n->begin, n->end);
    if (m[CAP] == 0) return;
    append(&w->slack, n->v, n->v, 4 * m[CAP], 0);
    append(&w->slack, 0, 0, -2 * prod(m[CAP], d), 0); /* rounded down */
    append(&w->slack, n->s, 0, -prod(m[CAP], d), 0x1p-50 * big(m[CAP]) * big(d));
}

/* y, ranges, N and constraints of layer l; `two` are the 2-norms of its terms. */
static void pass_layer(struct work *w, size_t l, const double *two) {
    const struct layer *layer = &w->p->net->layer[l];
    double *kept = take(layer->width, sizeof *kept);
    for (size_t k = 0; k < layer->width; k++) {
        struct neuron *n = &w->neuron[w->p->net->first[l] + k];
        enum state state = w->p->state[w->p->net->first[l] + k];
        for (size_t t = 0; t < layer->terms; t++) gather(w, &layer->term[t], k);
        n->begin = collect(w);
        n->end = w->function.used;
        kept[k] = range(w, n, l, k);
        if (n->begin < n->end && (n->role == 'a' ? state != ACTIVE : n->role == 'i' && state != INACTIVE))
            reject("neuron %zu of layer %zu is not proved to be %s", k, l,
                   n->role == 'a' ? "active" : "inactive");
        if (n->v != NOTHING) w->reach[n->v] = kept[k];
        constrain(w, n, kept[k]);
        if (n->role == 'i') kept[k] = 0;
    }
    for (size_t t = 0; t < layer->terms; t++)
        w->norm[l] = plus(w->norm[l], prod(two[t], w->norm[layer->term[t].source]));
    w->norm[l] = fmin(w->norm[l], norm2(kept, layer->width));
}

/* - F and the squares of 1, t and w; returns the bound of theorem 6. */
static double objective(struct work *w) {
    const struct network *net = w->p->net;
    const struct part *part = w->part;
    bool fixed = part->out == FIXED, ranges = false;
    size_t rows = fixed || part->out == UNIT ? 1 : w->p->cert->rows, inputs = net->layer[0].width;
    size_t first = rows == 1 && part->out >= UNIT ? part->out_index : 0;
    for (size_t o = 0; o < rows; o++) {
        size_t var = fixed ? 0 : w->variables - rows + o;
        for (size_t t = 0; t < net->layer[net->layers].terms; t++)
            gather(w, &w->p->last[t], first + o);
        size_t begin = collect(w);
        subtract(w, var, 2, 0, begin, w->function.used);
        if (!fixed) append(&w->slack, var, var, 4 * part->dual[part->out == CUBE ? o : 0], 0);
    }
    for (size_t i = inputs; i < net->neurons; i++) {
        const struct neuron *n = &w->neuron[i];
        ranges |= n->m[RANGE] != 0;
        if (n->role != 's') continue;
        subtract(w, n->s, n->g.sum.value, cell_radius(&n->g), n->begin, n->end);
        subtract(w, 0, n->g.sum.value, cell_radius(&n->g), n->begin, n->end);
    }
    for (size_t j = 0; j < inputs; j++)
        if (w->neuron[j].v != NOTHING)
            append(&w->slack, w->neuron[j].v, w->neuron[j].v,
                   4 * part->input[part->in == CUBE ? j : 0], 0);
    size_t duals = fixed ? 0 : part->out == CUBE ? rows : 1, in = part->in == CUBE ? inputs : 1;
    for (size_t j = 0; j < in + duals; j++)
        if (!((j < in ? part->input[j] : part->dual[j - in]) >= 0))
            reject("a multiplier of an inequality is negative");
    double input = total(part->input, in), dual = total(part->dual, duals);
    if (part->has_one) square(w, 0, part->one, 1, true);
    w->bound = plus(w->bound, plus(input, dual));
    if (part->has_one || ranges) return w->bound;
    return fmin(w->bound, 2 * (input == 0 || dual == 0 ? 0 : up(sqrt(prod(input, dual)))));
}

/* Is 4 S_p, without rows that have no item, positive semidefinite? */
static void check_slack(struct work *w, size_t part) {
    struct item *begin = w->slack.item, *end = begin + w->slack.used;
    size_t n = 0, *row = take(w->variables, sizeof *row), *first;
    for (struct item *x = begin; x < end; x++) row[x->row] = row[x->column] = 1;
    for (size_t i = 0; i < w->variables; i++) row[i] = row[i] ? n++ : NOTHING;
    first = take(n, sizeof *first);
    double *radius = take(n, sizeof *radius);
    for (size_t i = 0; i < n; i++) first[i] = i;
    for (struct item *x = begin; x < end; x++)
        if (row[x->column] < first[row[x->row]]) first[row[x->row]] = row[x->column];
    struct profile m = profile_new(n, first);
    for (struct item *x = begin; x < end; x++) {
        double *a = profile_at(&m, row[x->row], row[x->column]), before = *a;
        *a += x->value;
        if (before != 0) x->radius += 0x1p-52 * big(*a);
    }
    if (!profile_scale(&m)) reject("the slack matrix of part %zu has a diagonal entry that is not positive", part);
    for (struct item *x = begin; x < end; x++) {
        size_t i = row[x->row], j = row[x->column];
        double r = x->radius == 0 ? 0 : up(ldexp(x->radius * (1 + 0x1p-50), m.shift[i] + m.shift[j]));
        radius[i] += r;
        if (i != j) radius[j] += r;
    }
    if (!profile_positive(&m, radius))
        reject("the slack matrix of part %zu, of order %zu, is not proved positive semidefinite", part, n);
}

static double part_bound(const struct problem *p, const double *two, size_t number) {
    const void *begin = mark();
    const struct network *net = p->net;
    size_t inputs = net->layer[0].width;
    struct work w = {.p = p, .part = &p->cert->part[number]};
    w.function.item = grow(NULL, 0, sizeof *w.function.item);
    w.list = take(inputs, sizeof *w.list);
    w.norm = take(net->layers + 1, sizeof *w.norm);
    w.neuron = take(net->neurons, sizeof *w.neuron);
    number_variables(&w);
    w.reach = take(w.variables, sizeof *w.reach);
    w.cell = take(w.variables, sizeof *w.cell);
    w.touched = take(w.variables, sizeof *w.touched);
    for (size_t j = 0; j < inputs; j++)
        if (w.neuron[j].v != NOTHING) w.reach[w.neuron[j].v] = 1;
    w.norm[0] = w.part->in == CUBE ? up(sqrt((double)inputs)) : 1;
    for (size_t l = 1; l < net->layers; two += net->layer[l++].terms) pass_layer(&w, l, two);
    double bound = objective(&w);
    check_slack(&w, number);
    release(begin);
    return bound;
}

/* Theorem 7: are all pairs (input j, row k) in a part? */
static void check_cover(const struct certificate *c, size_t n) {
    bool *column = take(n, 1), *row = take(c->rows, 1), *pair = NULL;
    for (size_t i = 0; i < c->parts; i++) {
        const struct part *p = &c->part[i];
        bool unit = p->in == UNIT, one_row = p->out >= UNIT;
        if (unit && c->p != ONE && n > 1) reject("part %zu: input unit needs p = 1", i);
        if (one_row && c->q != INF && c->rows > 1) reject("part %zu: output unit or fixed needs q = inf", i);
        bool in = p->in == CUBE || (p->in == SPHERE && c->p != INF) || (unit && n == 1);
        bool out = p->out == CUBE || (p->out == SPHERE && c->q != ONE) || c->rows == 1;
        if (in && out) return;
        if (in && one_row) row[p->out_index] = true;
        if (unit && out) column[p->in_index] = true;
        if (unit && one_row && !pair) pair = take(times(n, c->rows), 1);
        if (unit && one_row) pair[p->in_index * c->rows + p->out_index] = true;
    }
    size_t *open = take(c->rows, sizeof *open), count = 0; /* the rows that are not covered */
    for (size_t k = 0; k < c->rows; k++)
        if (!row[k]) open[count++] = k;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < count && !column[j]; i++)
            if (!pair || !pair[j * c->rows + open[i]])
                reject("the pair of input %zu and output row %zu is in no part", j, open[i]);
}

double sdp_bound(const struct problem *p) {
    const struct network *net = p->net;
    size_t terms = 0;
    double worst = 0, norm[3][3];
    for (size_t l = 1; l <= net->layers; l++) terms += net->layer[l].terms;
    double *two = take(terms, sizeof *two);
    check_cover(p->cert, net->layer[0].width);
    for (size_t l = 1, t = 0; l <= net->layers; l++)
        for (size_t i = 0; i < net->layer[l].terms; i++) {
            term_norms(p, &net->layer[l].term[i], l, i, norm);
            two[t++] = norm[TWO][TWO];
        }
    for (size_t i = 0; i < p->cert->parts; i++) worst = larger(part_bound(p, two, i), worst);
    return worst;
}
