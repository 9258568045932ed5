/* The slack matrix of a part (certificate.md, theorem 6) from a sum of products of functions
 *
 *     4 p'S_p p = sum of m_fg f g = sum over f of  f G_f,    G_f = sum over g of  m_fg g
 *
 * with f <= g by number, so f is often a variable and G_f then a row.  Equal products are added up
 * first.  Every entry of the matrix is a value and a radius, in two profiles of the same shape.  To
 * avoid halves, 8 S_p is built: a term a x_i x_j of 4 p'S_p p adds 2 a to its diagonal, or a below it.
 *
 * Entries with value and radius 0 are nothing; the rows and columns in which there is anything else,
 * and the first column of a row, are found in a first pass over all products, before there is a
 * matrix.  So the room that is needed is that of the matrix and of the functions. */
#include "sdp.h"
#include <stdlib.h>

void append_item(struct work *w, size_t variable, double value, double radius) {
    w->item = grow(w->item, w->items, sizeof *w->item);
    w->item[w->items++] = (struct item){(uint32_t)variable, {value, radius}};
}

size_t end_function(struct work *w, size_t begin) {
    w->function = grow(w->function, w->functions, sizeof *w->function);
    w->function[w->functions] = (struct function){begin, w->items};
    return w->functions++;
}

void sum_function(struct work *w, struct ball a, size_t function, bool rounded) {
    struct function f = w->function[function];
    for (const struct item *x = w->item + f.begin; x < w->item + f.end; x++) {
        if (w->cell[x->variable].count == 0) w->touched[w->touches++] = x->variable;
        cell_add(&w->cell[x->variable], a, x->ball, rounded);
    }
}

static bool zero(struct ball a) { return a.value == 0 && a.radius == 0; }

/* The next variable of the sum under way, which is 0 afterwards. */
static struct item take_item(struct work *w) {
    size_t variable = w->touched[--w->touches];
    struct item x = {(uint32_t)variable, cell_ball(&w->cell[variable])};
    w->cell[variable] = (struct cell){0};
    return x;
}

size_t sum_end(struct work *w) {
    size_t begin = w->items;
    while (w->touches > 0) {
        struct item x = take_item(w);
        append_item(w, x.variable, x.ball.value, x.ball.radius);
    }
    return end_function(w, begin);
}

struct ball times_exact(struct ball a, double b) {
    struct cell c = {0};
    cell_add(&c, (struct ball){b, 0}, a, false);
    return cell_ball(&c);
}

void add_product(struct work *w, struct ball m, struct form f, struct form g) {
    for (int i = 0; i < 36 && !zero(m); i++) {
        size_t a = f.term[i / 6].function, b = g.term[i % 6].function;
        struct ball x = times_exact(times_exact(m, f.term[i / 6].c), g.term[i % 6].c);
        if (zero(x)) continue;
        w->pair = grow(w->pair, w->pairs, sizeof *w->pair);
        w->pair[w->pairs++] =
            (struct pair){(uint32_t)(a < b ? a : b), (uint32_t)(a < b ? b : a), x};
    }
}

static int compare(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    return x->right < y->right ? -1 : x->right > y->right;
}

/* Sort the pairs and add up the multipliers of equal ones. */
static void merge(struct work *w) {
    size_t used = 0;
    qsort(w->pair, w->pairs, sizeof *w->pair, compare);
    for (size_t i = 0, k = 0; i < w->pairs; i = k) {
        struct pair x = w->pair[i];
        struct cell c = {0};
        for (; k < w->pairs && compare(&x, &w->pair[k]) == 0; k++)
            cell_add(&c, (struct ball){1, 0}, w->pair[k].m, false);
        x.m = cell_ball(&c);
        if (!zero(x.m)) w->pair[used++] = x;
    }
    w->pairs = used;
}

/* The functions f and G_f of the pairs with one left function, without items that are 0. */
struct factors {
    size_t count[2];
    struct item *item[2];
};

static void keep(struct factors *x, int side, struct item item) {
    if (!zero(item.ball)) x->item[side][x->count[side]++] = item;
}

/* The factors of the pairs from number `next` on, which moves on to another left function. */
static bool next_factors(struct work *w, size_t *next, struct factors *x) {
    if (*next == w->pairs) return false;
    uint32_t left = w->pair[*next].left;
    struct function f = w->function[left];
    x->count[0] = x->count[1] = 0;
    for (size_t i = f.begin; i < f.end; i++) keep(x, 0, w->item[i]);
    for (; *next < w->pairs && w->pair[*next].left == left; ++*next)
        sum_function(w, w->pair[*next].m, w->pair[*next].right, false);
    while (w->touches > 0) keep(x, 1, take_item(w));
    return true;
}

/* Mark the rows of the product (used), and lower their first columns. */
static void mark_rows(const struct factors *x, size_t *used, size_t *first) {
    for (int side = 0; side < 2; side++) {
        size_t least = NOTHING;
        for (size_t k = 0; k < x->count[!side]; k++)
            if (x->item[!side][k].variable < least) least = x->item[!side][k].variable;
        for (size_t k = 0; k < x->count[side] && least < NOTHING; k++) {
            size_t i = x->item[side][k].variable;
            used[i] = 1;
            if (least < first[i]) first[i] = least;
        }
    }
}

/* Add f G.  The error of an entry a b is at most  big(a) near(b) + big(radius of a) far(b),  rounding
 * and underflow of the product included; the new sum has one of at most 2^-53 of its magnitude. */
static void add_entries(const struct factors *x, const size_t *number, struct profile *value,
                        struct profile *radius) {
    for (size_t k = 0; k < x->count[0]; k++) {
        const struct item *f = &x->item[0][k];
        double exact = big(f->ball.value), loose = big(f->ball.radius);
        size_t i = number[f->variable];
        for (const struct item *g = x->item[1]; g < x->item[1] + x->count[1]; g++) {
            size_t j = number[g->variable];
            double b = big(g->ball.value), r = big(g->ball.radius), scale = i == j ? 2 : 1;
            double *v = profile_at(value, i > j ? i : j, i > j ? j : i);
            double *e = profile_at(radius, i > j ? i : j, i > j ? j : i);
            *v += scale * (f->ball.value * g->ball.value);
            *e += scale * (exact * (r + 0x1p-52 * b) + loose * (b + r)) + 0x1p-52 * fabs(*v);
        }
    }
}

/* The row sums of radii after scaling.  The factor pays for the rounding of the less than 2^32 sums of
 * every radius, and of the row sums: below 2^-19. */
static double *row_sums(const struct profile *m, const struct profile *radius) {
    double *sum = take(m->n, sizeof *sum);
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = m->first[i / 4]; j <= i; j++) {
            double r = *profile_at(radius, i, j) * (1 + 0x1p-18);
            if (r > 0) r = up(ldexp(r, m->shift[i] + m->shift[j]));
            sum[i] += r;
            if (i != j) sum[j] += r;
        }
    for (size_t i = 0; i < m->n; i++) sum[i] *= 1 + 0x1p-18;
    return sum;
}

void slack_check(struct work *w) {
    size_t n = 0, next, *number = take(w->variables, sizeof *number),
           *first = take(w->variables, sizeof *first);
    struct factors x = {
        .item = {take(w->variables, sizeof(struct item)), take(w->variables, sizeof(struct item))}};
    for (size_t i = 0; i < w->variables; i++) first[i] = i;
    merge(w);
    for (next = 0; next_factors(w, &next, &x);) mark_rows(&x, number, first);
    for (size_t i = 0; i < w->variables; i++) {
        number[i] = number[i] ? n++ : NOTHING;
        if (number[i] != NOTHING) first[number[i]] = number[first[i]];
    }
    struct profile value = profile_new(n, first), radius = profile_new(n, first);
    for (next = 0; next_factors(w, &next, &x);) add_entries(&x, number, &value, &radius);
    if (!profile_scale(&value) || !profile_positive(&value, row_sums(&value, &radius)))
        stop(REJECTED,
             "the slack matrix of the part on line %zu is not proved positive semidefinite",
             w->part->line);
}
