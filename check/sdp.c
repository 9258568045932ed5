/* Statement `sdp` (certificate.md, section 9): the variables of a part and what neurons pass on, as
 * functions of them, layer by layer; with these the quadratic form of theorem 6 is built (table.c) and
 * its matrix proved positive semidefinite (slack.c).  Then the multipliers add up to an upper bound.
 *
 * Every neuron has a function y, its pre-activation in the tangent network, and an image, what it
 * passes on there; if the part knows the point, also z, and a value image, of the network itself. */
#include "sdp.h"
#include <string.h>

/* Row k of the terms, applied to the images of their sources, as a new function. */
static size_t gather(struct work *w, const struct matrix *term, size_t terms, size_t k,
                     const double *bias) {
    for (const struct matrix *a = term; a < term + terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
            struct neuron *n = &w->neuron[w->p->net->first[a->source] + a->col[e]];
            sum_function(w, (struct ball){a->val[e], 0}, bias ? n->value : n->image, a->rounded);
        }
    if (bias && bias[k] != 0) sum_function(w, (struct ball){bias[k], 0}, 0, false);
    return sum_end(w);
}

double input_width(const struct certificate *c, size_t j, double *centre) {
    double width = c->radius;
    *centre = c->region == BALL ? c->centre[j] : c->lo[j];
    if (c->region == BOX && c->lo[j] < c->hi[j]) {
        *centre = c->lo[j] / 2 + c->hi[j] / 2;
        width = larger(up(c->hi[j] - *centre), up(*centre - c->lo[j]));
    }
    if (!(width <= DBL_MAX)) stop(REJECTED, "the region is too wide for input %zu", j);
    return width;
}

/* The value image of input j; variable x', if it has a range. */
static void place_input(struct work *w, size_t j, size_t *x) {
    size_t begin = w->items;
    double centre, width = input_width(w->p->cert, j, &centre);
    append_item(w, 0, centre, 0);
    if (width > 0) append_item(w, (*x)++, width, 0);
    w->neuron[j].value = end_function(w, begin);
}

/* The value image of neuron i, value h: most (1 + x) / 2. */
static void place_state(struct work *w, size_t i, size_t x) {
    double half = w->part->m[MOST][i] / 2, lost = 2 * half == w->part->m[MOST][i] ? 0 : 0x1p-1074;
    size_t begin = w->items;
    append_item(w, 0, half, lost);
    append_item(w, w->neuron[i].x = x, half, lost);
    w->neuron[i].value = end_function(w, begin);
}

/* Number the variables 1, t, v, s, w, x', h'; inputs and roles v, b pass on a variable, values h an
 * image; others nothing until pass_layer changes that (those with values z or n are never read). */
static void number_variables(struct work *w) {
    const struct network *net = w->p->net;
    const struct part *part = w->part;
    size_t inputs = net->layer[0].width, next = part->has_one;
    for (size_t i = 0; i < w->variables; i++) {
        append_item(w, i, 1, 0);
        end_function(w, i);
    }
    size_t nothing = end_function(w, w->items);
    for (size_t i = 0; i < net->neurons; i++) {
        bool used = part->in != UNIT || i == part->in_index;
        w->neuron[i] = (struct neuron){.v = NOTHING, .s = NOTHING, .image = nothing};
        if (i < inputs ? used : strchr("vb", part->role[i]) != NULL)
            w->neuron[i].image = w->neuron[i].v = next++;
    }
    for (size_t i = inputs; i < net->neurons; i++)
        if (strchr("sb", part->role[i]) || strchr("hz", part->value[i])) w->neuron[i].s = next++;
    w->dual = next;
    next += part->out == FIXED ? 0 : part->out == UNIT ? 1 : w->p->cert->rows;
    for (size_t i = 0; i < net->neurons; i++) {
        w->neuron[i].value = nothing;
        if (i < inputs && part->knows) place_input(w, i, &next);
        if (part->value[i] == 'h') place_state(w, i, next++);
    }
}

/* The range of a neuron with this y, number k of its layer. */
static double range(const struct work *w, struct function y, const struct layer *layer, size_t k) {
    size_t inputs = w->part->has_one + w->p->net->layer[0].width;
    double sum = 0, ball = 0, other = 0; /* ball: the sum of squares of entries of inputs */
    for (const struct item *i = w->item + y.begin; i < w->item + y.end; i++) {
        double most = plus(fabs(i->ball.value), i->ball.radius);
        bool in_ball = w->part->in == SPHERE && i->variable < inputs;
        *(in_ball ? &ball : &sum) =
            plus(in_ball ? ball : sum, prod(most, in_ball ? most : w->reach[i->variable]));
    }
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++) {
        double norm = norm2(a->val + a->start[k], a->start[k + 1] - a->start[k]);
        other = plus(other, prod(norm, w->norm[a->source]));
    }
    return fmin(plus(sum, root(ball)), other);
}

void letters_check(const struct problem *p, const struct part *part, size_t l, size_t k,
                   bool entries) {
    size_t i = p->net->first[l] + k;
    char role = part->role[i], value = part->value[i];
    bool active = value == 'a' || (role == 'a' && entries);
    bool inactive = value == 'i' || (role == 'i' && entries), is_active = p->state[i] & ACTIVE;
    if ((active && !is_active) || (inactive && !(p->state[i] & INACTIVE)))
        stop(REJECTED, "neuron %zu of layer %zu is not proved to be %s", k, l,
             active && !is_active ? "active" : "inactive");
}

/* y, z and images of neuron k of layer l. */
static void pass_neuron(struct work *w, size_t l, size_t k) {
    const struct layer *layer = &w->p->net->layer[l];
    size_t i = w->p->net->first[l] + k;
    struct neuron *n = &w->neuron[i];
    char role = w->part->role[i], value = w->part->value[i];
    n->y = gather(w, layer->term, layer->terms, k, NULL);
    letters_check(w->p, w->part, l, k, w->function[n->y].begin < w->function[n->y].end);
    if (role == '-' || role == 'a') n->image = n->y;
    if (strchr("ahz+", value)) n->z = gather(w, layer->term, layer->terms, k, layer->bias);
    if (value == '+' || value == 'a') n->value = n->z;
}

/* Functions, ranges, N and constraints of layer l; `two` are the 2-norms of its terms. */
static void pass_layer(struct work *w, size_t l, const double *two) {
    const struct layer *layer = &w->p->net->layer[l];
    bool needed =
        w->part->m[BOUND] != NULL; /* else there is nothing that a range is compared with */
    double *kept = take(layer->width, sizeof *kept);
    for (size_t k = 0; k < layer->width; k++) {
        size_t i = w->p->net->first[l] + k;
        pass_neuron(w, l, k);
        kept[k] = needed ? range(w, w->function[w->neuron[i].y], layer, k) : INFINITY;
        if (w->neuron[i].v != NOTHING) w->reach[w->neuron[i].v] = kept[k];
        constrain_tangent(w, i, kept[k]);
        if (strchr("hz", w->part->value[i])) constrain_point(w, i);
        if (w->part->role[i] == 'i') kept[k] = 0;
    }
    for (size_t t = 0; t < layer->terms && needed; t++)
        w->norm[l] = plus(w->norm[l], prod(two[t], w->norm[layer->term[t].source]));
    if (needed) w->norm[l] = fmin(w->norm[l], norm2(kept, layer->width));
}

/* Add the square of a variable with a multiplier that must not be negative. */
static void add_square(struct work *w, size_t variable, double m) {
    add_product(w, (struct ball){inequality(m), 0}, FORM({variable, 2}), FORM({variable, 2}));
}

/* - c'y_L of row o, times w_o or 1; neurons with role s pass on g (1 + s) / 2 y. */
static void subtract_output(struct work *w, size_t o, size_t variable) {
    const struct network *net = w->p->net;
    size_t terms = net->layer[net->layers].terms, y = gather(w, w->p->last, terms, o, NULL);
    add_product(w, (struct ball){-1, 0}, FORM({variable, 2}), FORM({y, 2}));
    for (const struct matrix *a = w->p->last; a < w->p->last + terms; a++)
        for (size_t e = a->start[o]; e < a->start[o + 1]; e++) {
            size_t i = net->first[a->source] + a->col[e];
            const struct neuron *n = &w->neuron[i];
            struct cell g = {0}; /* the entry, with the error of a margin's */
            cell_add(&g, (struct ball){-a->val[e], 0}, (struct ball){1, 0}, a->rounded);
            if (w->part->role[i] == 's')
                add_product(w, cell_ball(&g), FORM({0, 1}, {n->s, 1}), FORM({n->y, 2}));
        }
}

/* - F and the squares of 1, t, w and x'; returns the bound of theorem 6. */
static double objective(struct work *w) {
    const struct part *part = w->part;
    bool fixed = part->out == FIXED, one_row = fixed || part->out == UNIT, in_box;
    size_t rows = one_row ? 1 : w->p->cert->rows, inputs = w->p->net->layer[0].width;
    for (size_t o = 0; o < rows; o++) {
        subtract_output(w, one_row ? part->out_index : o, fixed ? 0 : w->dual + o);
        if (!fixed) add_square(w, w->dual + o, part->dual[part->out == CUBE ? o : 0]);
    }
    for (size_t i = 0; i < inputs; i++)
        if (w->neuron[i].v != NOTHING)
            add_square(w, w->neuron[i].v, part->input[part->in == CUBE ? i : 0]);
    in_box = w->p->cert->region == BOX;
    for (size_t i = 0; i < part->points; i++)
        add_square(w, w->dual + (fixed ? 0 : rows) + i, part->point[in_box ? i : 0]);
    if (part->has_one) add_product(w, (struct ball){part->one, 0}, FORM({0, 2}), FORM({0, 2}));
    double input = total(part->input, part->in == CUBE ? inputs : 1);
    double dual = total(part->dual, fixed ? 0 : part->out == CUBE ? rows : 1);
    double point = total(part->point, in_box ? part->points : part->points > 0);
    w->bound = plus(plus(plus(w->bound, part->one), plus(input, dual)), point);
    if (part->has_one || (part->m[RANGE] && total(part->m[RANGE], w->p->net->neurons) > 0))
        return w->bound;
    return fmin(w->bound, 2 * root(prod(input, dual)));
}

double sdp_part(const struct problem *p, const double *two, const struct part *part) {
    const void *begin = mark();
    const struct network *net = p->net;
    struct work w = {.p = p, .part = part};
    w.variables = w.part->variables;
    if (w.variables > UINT32_MAX) stop(REJECTED, "a part has more than 2^32 variables");
    w.pair = grow(NULL, 0, sizeof *w.pair);
    w.norm = take(net->layers + 1, sizeof *w.norm);
    w.norm[0] = w.part->in == CUBE ? root((double)net->layer[0].width) : 1;
    w.neuron = take(net->neurons, sizeof *w.neuron);
    w.reach = take(w.variables, sizeof *w.reach);
    w.cell = take(w.variables, sizeof *w.cell);
    w.touched = take(w.variables, sizeof *w.touched);
    for (size_t i = 0; i < w.variables; i++) w.reach[i] = 1; /* until a neuron has its own */
    number_variables(&w);
    for (size_t l = 1; l < net->layers; two += net->layer[l++].terms) pass_layer(&w, l, two);
    double bound = objective(&w);
    constrain_cuts(&w);
    slack_check(&w);
    release(begin);
    return bound;
}

void cover_check(const struct certificate *c, size_t n) {
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

double *sdp_norms(const struct problem *p) {
    const struct network *net = p->net;
    size_t used = 0, next = 0;
    double norm[3][3], *two = grow(NULL, 0, sizeof *two);
    for (size_t l = 1; l <= net->layers; l++)
        for (size_t i = 0; i < net->layer[l].terms; i++) {
            term_norms(p, &net->layer[l].term[i], l, i, &next, norm);
            two = grow(two, used, sizeof *two);
            two[used++] = norm[TWO][TWO];
        }
    return two;
}

double sdp_bound(const struct problem *p) {
    double worst = 0;
    cover_check(p->cert, p->net->layer[0].width);
    const double *two = sdp_norms(p);
    for (size_t i = 0; i < p->cert->parts; i++)
        worst = worse(sdp_part(p, two, &p->cert->part[i]), worst);
    return worst;
}
