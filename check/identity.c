/* Statement `identity` (certificate.md, section 10, theorem 10): P = F + the sum of all terms.
 *
 * Through the layers every neuron gets its y as a polynomial in t and u, and passes it on, or u y; if the
 * part knows the point, also its z, linear in the x' and h'.  F is multiplied out with the y of layer L.
 * Then every term is: a product of factors (of a few monomials, or as many as a z has) with a constant,
 * with b'Q b, or with a sum of monomials.  What the coefficients of P add up to is the bound; rounding
 * errors are in their radii (polynomial.c). */
#include "identity.h"
#include <string.h>

#define NONE SIZE_MAX

struct neuron {                          /* u, h: variables, or NONE; h: x' or h' */
    struct polynomial y, z, lift, value; /* of gates: lift is size z', if there is one */
    const struct polynomial *image[2]; /* NULL, or what it passes on but for a u; the value image */
    size_t u, h;
};
struct work {
    const struct problem *p;
    const struct part *part;
    struct ring *ring;
    struct neuron *neuron;
    size_t point;                                  /* the first x' */
    struct polynomial whole, sum, factor, done[2]; /* P, and others under way */
};

static struct monomial power(size_t variable) {
    return (struct monomial){{variable == NONE ? 0 : (uint32_t)variable + 1}};
}

/* p += c times a variable, or NONE. */
static void put(struct work *w, struct polynomial *p, double c, size_t variable) {
    polynomial_add(w->ring, p, (struct ball){c, 0}, power(variable), NULL);
}

/* c + r times a variable, or NONE. */
static struct polynomial line(struct work *w, double c, double r, size_t variable) {
    polynomial_clear(&w->sum);
    if (c != 0) put(w, &w->sum, c, NONE);
    if (variable != NONE) put(w, &w->sum, r, variable);
    return polynomial_keep(&w->sum);
}

/* The sum is row k of the terms, applied to the images of their sources, or, with a bias, the value
 * images. */
static const struct polynomial *gather(struct work *w, const struct matrix *term, size_t terms,
                                       size_t k, const double *bias) {
    polynomial_clear(&w->sum);
    for (const struct matrix *a = term; a < term + terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
            const struct neuron *n = &w->neuron[w->p->net->first[a->source] + a->col[e]];
            const struct polynomial *f = n->image[bias != NULL];
            struct ball c = {a->val[e], a->rounded ? 0x1p-52 * big(a->val[e]) : 0};
            if (f) polynomial_add(w->ring, &w->sum, c, power(bias ? NONE : n->u), f);
        }
    if (bias && bias[k] != 0) put(w, &w->sum, bias[k], NONE);
    return &w->sum;
}

/* Number the variables t, u, w, x', h', z'. */
static void number_variables(struct work *w) {
    const struct part *part = w->part;
    size_t inputs = w->p->net->first[1], t = 0, u = part->first_u, x = w->point;
    for (size_t i = 0; i < w->p->net->neurons; i++) {
        struct neuron *n = &w->neuron[i];
        double centre = 0, width = 0;
        bool varies = i < inputs && (part->in != UNIT || i == part->in_index);
        bool is_h = part->value[i] == 'h', has_value = is_h || (i < inputs && part->knows);
        if (varies) n->y = line(w, 0, 1, t++);
        if (i < inputs && part->knows) width = input_width(w->p->cert, i, &centre);
        n->u = part->role[i] == 'u' ? u++ : NONE;
        n->h = width > 0 || is_h ? x++ : NONE;
        if (has_value) n->value = line(w, centre, is_h ? part->m[MOST][i] : width, n->h);
        n->image[0] = varies ? &n->y : NULL;
        n->image[1] = has_value ? &n->value : NULL;
    }
    for (size_t i = 0; i < part->gates && part->lifts; i++) {
        double least = part->m[LEAST][part->gate[i]], most = part->m[MOST][part->gate[i]];
        int e; /* the larger magnitude is in [2^(e-1), 2^e) */
        bool is_power = frexp(larger(fabs(least), fabs(most)), &e) == .5;
        double size = ldexp(1, is_power ? e - 1 : e);
        if (!(size <= DBL_MAX)) stop(REJECTED, "least and most of gate %zu are too large", i);
        w->neuron[part->gate[i]].lift = line(w, 0, size, x++);
    }
}

static void pass_neuron(struct work *w, size_t l, size_t k) {
    const struct layer *layer = &w->p->net->layer[l];
    size_t i = w->p->net->first[l] + k;
    struct neuron *n = &w->neuron[i];
    char role = w->part->role[i], value = w->part->value[i];
    n->y = polynomial_keep(gather(w, layer->term, layer->terms, k, NULL));
    letters_check(w->p, w->part, l, k, n->y.terms > 0);
    if (role != 'i') n->image[0] = &n->y;
    if (!strchr("ahz+", value)) return;
    n->z = polynomial_keep(gather(w, layer->term, layer->terms, k, layer->bias));
    if (value == 'a' || value == '+') n->image[1] = &n->z;
    if (value == 'a' || value == '+') return;
    double least = w->part->m[LEAST][i], most = w->part->m[MOST][i];
    struct range z = w->p->z[i];
    if (!(least <= z.lo && z.hi <= most && most > 0 && (least < 0 || role == 'a')))
        stop(REJECTED, "least %.17g and most %.17g are not bounds of %.17g .. %.17g as needed",
             least, most, z.lo, z.hi);
}

/* The factor is the polynomial of a kind, about a variable (or those of a ball) or a gate. */
static void make_factor(struct work *w, const struct kind *kind, size_t number) {
    const struct part *part = w->part;
    size_t i = kind->about[1] ? part->gate[number] : 0, begin = number, end = number + 1;
    if (kind->about[0] == 't') end = part->first_u;
    if (kind->about[0] == 'w') begin = part->end_u, end = w->point;
    if (kind->about[0] == 'x') begin = w->point, end = w->point + part->points;
    const struct neuron *n = &w->neuron[i];
    double least = part->gates ? part->m[LEAST][i] : 0, most = part->gates ? part->m[MOST][i] : 0;
    polynomial_clear(&w->factor);
    for (const char *s = kind->polynomial; *s; s += strcspn(s, "+-")) {
        struct ball c = {*s++ == '-' ? -1 : 1, 0};
        c.value *= *s == 'm' ? most : *s == 'l' ? least : *s == 'H' ? .5 : 1; /* exact */
        for (size_t v = begin; v < (s[1] == 'p' ? end : begin + 1); v++) {
            const struct polynomial *f = NULL;
            struct monomial m = {{0}};
            for (const char *x = s + 1; *x && *x != '+' && *x != '-'; x++) {
                struct monomial y = m, p = power(*x == 'p' ? v : *x == 'u' ? n->u : n->h);
                if (*x == 'z') f = part->lifts ? &n->lift : &n->z;
                if (*x == 'v') f = &n->z;
                if (*x != 'z' && *x != 'v') monomial_product(part, &y, &p, &m);
            }
            polynomial_add(w->ring, &w->factor, c, m, f);
        }
    }
}

/* Theorem 8, or the sign. */
static bool semidefinite(const double *q, size_t n) {
    if (n == 1) return q[0] >= 0;
    const void *begin = mark();
    struct profile m = profile_new(n, take(n, sizeof(size_t))); /* all columns */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) *profile_at(&m, i, j) = *q++;
    bool good = profile_scale(&m) && profile_positive(&m, take(n, sizeof(double)));
    release(begin);
    return good;
}

/* P += the factors times c, b'Q b or c'b. */
static void add_term(struct work *w, const struct term *x) {
    struct monomial m = {{0}};
    polynomial_clear(&w->done[0]);
    put(w, &w->done[0], 1, NONE);
    for (size_t i = 0; i < x->factors; i++) {
        make_factor(w, &kinds[x->factor[i]], x->number[i]);
        polynomial_clear(&w->done[1]);
        polynomial_multiply(w->ring, &w->done[1], &w->done[0], &w->factor);
        struct polynomial done = w->done[1];
        w->done[1] = w->done[0];
        w->done[0] = done;
    }
    polynomial_clear(&w->sum);
    if (x->type == SCALAR) put(w, &w->sum, x->c, NONE);
    for (size_t i = 0, k = 0; i < x->order; i++)
        for (size_t j = x->type == GRAM ? 0 : i; j <= i; j++, k++) {
            struct ball c = {x->value[k] * (i == j ? 1 : 2), 0}; /* exact, or infinite */
            if (x->type == GRAM) monomial_product(w->part, &x->basis[i], &x->basis[j], &m);
            polynomial_add(w->ring, &w->sum, c, x->type == GRAM ? m : x->basis[i], NULL);
        }
    polynomial_multiply(w->ring, &w->whole, &w->done[0], &w->sum);
}

static double part_bound(const struct problem *p, struct ring *ring, size_t number) {
    const void *begin = mark();
    const struct part *part = &p->cert->part[number];
    size_t rows = part->out == FIXED ? 0 : p->cert->rows, last = p->net->layers;
    struct work w = {.p = p, .part = part, .ring = ring, .point = part->end_u + rows};
    if (part->variables >= UINT32_MAX) stop(REJECTED, "a part has 2^32 - 1 variables or more");
    ring->part = part;
    w.neuron = take(p->net->neurons, sizeof *w.neuron);
    number_variables(&w);
    for (size_t l = 1; l < last; l++)
        for (size_t k = 0; k < p->net->layer[l].width; k++) pass_neuron(&w, l, k);
    for (size_t o = 0; o < (rows ? rows : 1); o++) { /* F */
        size_t k = rows ? o : part->out_index;
        const struct polynomial *y = gather(&w, p->last, p->net->layer[last].terms, k, NULL);
        polynomial_add(ring, &w.whole, (struct ball){1, 0}, power(rows ? part->end_u + o : NONE),
                       y);
    }
    for (size_t i = 0; i < part->terms; i++) {
        const struct term *x = &part->term[i];
        if (x->type == SCALAR && !(x->c >= 0))
            stop(REJECTED, "the number of term %zu of part %zu is negative", i, number);
        if (x->type == GRAM && !semidefinite(x->value, x->order))
            stop(REJECTED, "the matrix of term %zu of part %zu is not proved positive semidefinite",
                 i, number);
        add_term(&w, x);
    }
    double bound = polynomial_bound(&w.whole);
    release(begin);
    return bound;
}

double identity_bound(const struct problem *p) {
    struct ring ring = {NULL, 0};
    double worst = 0;
    cover_check(p->cert, p->net->first[1]);
    for (size_t i = 0; i < p->cert->parts; i++) worst = worse(part_bound(p, &ring, i), worst);
    return worst;
}
