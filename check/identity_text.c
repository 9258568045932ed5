/* Parts of the statement `identity` (certificate.md, section 10): gates and terms; syntax only.  The
 * letters (part.c) tell how many variables there are, which of them are u, and which neurons are gates;
 * then every number in a term can be looked up.  Degrees are limited here, so that all monomials fit. */
#include "identity.h"
#include <stdio.h>
#include <string.h>

#define LARGEST ((size_t)1000000000)

const struct kind kinds[LINK + 1] = {
    {"plus", "p", "+1+1p", 1},          {"minus", "p", "+1-1p", 1},
    {"square", "p", "+1-1pp", 2},       {"on", "u", "+1p", 1},
    {"off", "u", "+1-1p", 1},           {"tball", "t", "+1-1pp", 2},
    {"wball", "w", "+1-1pp", 2},        {"xball", "x", "+1-1pp", 2},
    {"above", "uh uz", "+1uz", 2},      {"below", "uh uz", "+1uz-1z", 2},
    {"half", "uh uz", "+1uz-Hz", 2},    {"excess", "uh ah", "+mh-1z", 1},
    {"state", "uh ah", "+1h", 1},       {"room", "uh ah", "+1-1h", 1},
    {"base", "ah", "+mh-l", 1},         {"top", "uh uz ah", "+m-1z", 1},
    {"bottom", "uh uz ah", "+1z-l", 1}, {"open", "uh", "+1uz-mh", 2},
    {"closed", "uh", "+mh-muh", 2},     {"relu", "uh ah", "+mhh-1hz", 2},
    {"link", "uh uz ah", "+1z-1v", 1}};

void gates_read(struct text *t, const struct network *net, size_t l, struct part *part) {
    size_t begin = part->gates;
    for (size_t i = net->first[l]; i < net->first[l + 1]; i++) {
        if (part->value[i] != 'h' && part->value[i] != 'z') continue;
        if (part->role[i] != 'u' && (part->role[i] != 'a' || part->value[i] != 'h'))
            malformed(t, "role u above for values h and z, or role a and value h");
        part->gate = grow(part->gate, part->gates, sizeof *part->gate);
        part->gate[part->gates++] = i;
    }
    for (int kind = LEAST; kind <= MOST && begin < part->gates; kind++) {
        char word[40];
        snprintf(word, sizeof word, "%s %zu", kind == LEAST ? "least" : "most", l);
        const double *value = reals(t, word, part->gates - begin);
        if (!part->m[kind]) part->m[kind] = take(net->neurons, sizeof *value);
        for (size_t i = begin; i < part->gates; i++)
            part->m[kind][part->gate[i]] = value[i - begin];
    }
}

/* The name of a factor (first: 0) or an equality, and its number. */
static void read_kind(struct text *t, const struct part *part, const struct certificate *c,
                      size_t first, struct term *x, size_t i) {
    const char *word[LINK + 2] = {NULL};
    for (size_t k = first; k < (first ? LINK + 1 : FIRST_EQUALITY); k++)
        word[k - first] = kinds[k].name;
    x->factor[i] = (uint8_t)(first + (size_t)choice(t, word));
    const struct kind *kind = &kinds[x->factor[i]];
    bool is_gate = kind->about[1] != 0, good = true, is_link = x->factor[i] == LINK;
    size_t count = is_gate                 ? (!is_link || part->lifts ? part->gates : 0)
                   : kind->about[0] == 't' ? part->in == SPHERE
                   : kind->about[0] == 'w' ? part->out == SPHERE
                   : kind->about[0] == 'x' ? part->knows && c->region == BALL
                                           : part->variables;
    if (!count) malformed(t, "no %s, as there is nothing that it is about", kind->name);
    size_t v = x->number[i] = integer(t, " ", 0, count - 1, "a number");
    if (is_gate) {
        char letters[3] = {part->role[part->gate[v]], part->value[part->gate[v]], 0};
        good = strstr(kind->about, letters) != NULL;
    } else if (kind->about[0] == 'p' || kind->about[0] == 'u') {
        good = (v >= part->first_u && v < part->end_u) == (kind->about[0] == 'u');
    }
    if (!good) malformed(t, "another number for %s before this", kind->name);
}

static struct monomial read_monomial(struct text *t, const struct part *part) {
    struct monomial m = {{0}};
    if (maybe(t, " one")) return m;
    for (size_t i = 0, least = 0; i == 0 || maybe(t, "*"); i++) {
        if (i == DEGREE) malformed(t, "a monomial of degree %d at most before this", DEGREE);
        size_t v = integer(t, i ? "" : " ", least, part->variables - 1, "a variable");
        m.variable[i] = (uint32_t)v + 1;
        least = v + (v >= part->first_u && v < part->end_u);
    }
    return m;
}

static void read_term(struct text *t, const struct part *part, const struct certificate *c,
                      struct term *x) {
    size_t degree = 0, most = 0, k = 0; /* most: of a product of two of the basis, or of one */
    x->type = (enum type)CHOICE(t, "scalar ", "gram ", "zero ");
    x->factors = x->type == ZERO ? 1 : integer(t, "", 0, DEGREE, "the number of factors");
    for (size_t i = 0; i < x->factors; i++) {
        if (x->type != ZERO) expect(t, " ");
        read_kind(t, part, c, x->type == ZERO ? FIRST_EQUALITY : 0, x, i);
        degree += kinds[x->factor[i]].degree;
    }
    if (x->type == SCALAR) {
        x->c = real(t, " ");
    } else {
        x->order = integer(t, " ", 1, LARGEST, "the number of monomials");
        need(t, x->order, 2);
        x->basis = take(x->order, sizeof *x->basis);
    }
    for (size_t i = 0; i < x->order; i++) x->basis[i] = read_monomial(t, part);
    expect(t, "\n");
    size_t rows = x->type == GRAM ? x->order : x->type == ZERO;
    size_t count = x->type == GRAM ? rows * (rows + 1) / 2 : x->order;
    need(t, count, 7);
    if (count) x->value = take(count, sizeof *x->value);
    for (size_t i = 0; i < rows; i++) {
        struct monomial product, other = {{0}};
        if (x->type == GRAM) other = x->basis[i];
        for (size_t j = 0; j < (x->type == GRAM ? i + 1 : x->order); j++) {
            x->value[k++] = real(t, j ? " " : "");
            size_t found = monomial_product(part, &x->basis[j], &other, &product);
            if (found > most) most = found;
        }
        expect(t, "\n");
    }
    if (degree + most > DEGREE) malformed(t, "a term of degree %d at most before this", DEGREE);
}

void identity_read(struct text *t, const struct certificate *c, struct part *part) {
    part->lifts = part->knows && maybe(t, "lifts\n");
    part->end_u = part->first_u;
    for (const char *role = part->role; *role; role++) part->end_u += *role == 'u';
    part->variables = part->end_u + (part->out == FIXED ? 0 : c->rows) + part->points;
    for (size_t i = 0; i < part->gates; i++)
        part->variables += (part->value[part->gate[i]] == 'h') + (size_t)part->lifts;
    part->terms = integer(t, "terms ", 0, LARGEST, "the number of terms");
    expect(t, "\n");
    need(t, part->terms, 16);
    part->term = take(part->terms, sizeof *part->term);
    for (size_t i = 0; i < part->terms; i++) read_term(t, part, c, &part->term[i]);
}
