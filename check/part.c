/* The parts of a statement (certificate.md, sections 9 and 10): syntax only, as in certificate.c; terms of
 * identities: identity_text.c.
 *
 * What the numbers of a line are about follows from the letters of the neurons, so these are read
 * first; then the variables are counted, which triangles and products name by number. */
#include "check.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The kinds of multipliers: which roles and which values of neurons have one. */
static const struct {
    const char *name, *roles, *values;
} kinds[KINDS] = {
    [BOUND] = {"bound", "vb", ""},  [TANGENT] = {"tangent", "vb", ""},
    [RANGE] = {"range", "vb", ""},  [BIN] = {"bin", "sb", "hz"},
    [GATE] = {"gate", "b", ""},     [SWITCH] = {"switch", "b", ""},
    [CAP] = {"cap", "b", ""},       [LEAST] = {"least", "", "hz"},
    [MOST] = {"most", "", "hz"},    [STATE] = {"state", "", "h"},
    [SQUARE] = {"square", "", "h"}, [CLOSED] = {"closed", "", "h"},
    [OPEN] = {"open", "", "h"},     [ABOVE] = {"above", "", "hz"},
    [BELOW] = {"below", "", "hz"},  [PHASES] = {"phases", "", "hz"},
    [ROOF] = {"roof", "", "hz"},    [FLOOR] = {"floor", "", "hz"},
};

static bool has(const struct part *part, int kind, size_t i) {
    return strchr(kinds[kind].roles, part->role[i]) || strchr(kinds[kind].values, part->value[i]);
}

static size_t count(const struct part *part, const struct network *net, int kind) {
    size_t found = 0;
    for (size_t i = 0; i < net->neurons; i++) found += has(part, kind, i);
    return found;
}

/* Mark the neurons without ReLU whose z is needed; what is read has to have a value image. */
static void mark_needed(const struct text *t, const struct network *net, char *value) {
    for (size_t l = net->layers - 1; l > 0; l--)
        for (const struct matrix *a = net->layer[l].term;
             a < net->layer[l].term + net->layer[l].terms; a++)
            for (size_t k = 0; k < a->rows; k++) {
                if (!strchr("ahz+", value[net->first[l] + k])) continue;
                for (size_t e = a->start[k]; e < a->start[k + 1]; e++) {
                    char *source = &value[net->first[a->source] + a->col[e]];
                    if (a->source > 0 && *source == '-') *source = '+';
                    if (strchr("zn", *source))
                        malformed(t,
                                  "neuron %u of layer %zu above to have a value, which neuron "
                                  "%zu of layer %zu reads",
                                  a->col[e], a->source, k, l);
                }
            }
}

/* The letters of all neurons, and how many variables there are. */
static void read_letters(struct text *t, const struct network *net, const struct certificate *c,
                         struct part *part) {
    size_t inputs = net->layer[0].width;
    bool identity = c->statement == IDENTITY, phases = part->out == FIXED && !identity;
    const char *roles = identity ? "aiu" : "aivb";
    part->role = letters_read(t, net, "roles ", roles, phases ? "aivbs" : roles);
    memset(part->value = take(net->neurons + 1, 1), '-', net->neurons);
    part->knows = strncmp(t->bytes + t->at, "values ", 7) == 0;
    if (part->knows && c->region == EVERYWHERE)
        malformed(t, "no values, as the region is everywhere");
    for (size_t l = 1; l < net->layers && part->knows; l++) {
        if (!net->layer[l].relu) continue;
        letters_line(t, net, l, "values ", "aihzn", part->value);
        if (identity) gates_read(t, net, l, part);
    }
    if (part->knows) mark_needed(t, net, part->value);
    for (size_t j = 0; j < inputs && part->knows; j++)
        part->points += c->region == BALL ? c->radius > 0 : c->lo[j] < c->hi[j];
    part->first_u = part->in == UNIT ? 1 : inputs;
    part->variables = part->first_u + count(part, net, TANGENT) + count(part, net, BIN) +
                      part->points + count(part, net, STATE);
    if (part->out != FIXED) part->variables += part->out == UNIT ? 1 : c->rows;
}

/* The line of a kind of multiplier in a layer, if it is there. */
static bool read_multipliers(struct text *t, const struct network *net, size_t l, struct part *part,
                             int kind) {
    char word[32];
    bool none = true;
    snprintf(word, sizeof word, "%s %zu ", kinds[kind].name, l);
    if (!maybe(t, word)) return false;
    if (!part->m[kind]) {
        part->m[kind] = take(net->neurons, sizeof(double));
        for (size_t i = 0; i < net->neurons && kind == BOUND; i++) part->m[kind][i] = INFINITY;
    }
    for (size_t i = net->first[l]; i < net->first[l + 1]; i++) {
        if (!has(part, kind, i)) continue;
        part->m[kind][i] = real(t, none ? "" : " ");
        none = false;
    }
    if (none) malformed(t, "no %s in a layer without neurons for it", kinds[kind].name);
    expect(t, "\n");
    return true;
}

static void read_layer(struct text *t, const struct network *net, size_t l, struct part *part) {
    bool there[KINDS] = {false}, values = false;
    for (size_t i = net->first[l]; i < net->first[l + 1]; i++) values |= has(part, MOST, i);
    for (int kind = 0; kind < KINDS; kind++) there[kind] = read_multipliers(t, net, l, part, kind);
    if (!there[BOUND] && (there[RANGE] || there[CAP]))
        malformed(t, "bound with range or cap, or none of them in layer %zu", l);
    if (values && !(there[LEAST] && there[MOST]))
        malformed(t, "lines least and most above this for layer %zu", l);
}

static void read_triangle(struct text *t, size_t variables, struct triangle *x) {
    x->i = integer(t, "triangle ", 0, variables - 1, "a variable");
    x->j = integer(t, " ", x->i + 1, variables - 1, "a variable");
    x->k = integer(t, " ", x->j + 1, variables - 1, "a variable");
    int signs = CHOICE(t, " ++ ", " +- ", " -+ ", " -- ");
    x->a = signs < 2 ? 1 : -1;
    x->b = signs % 2 ? -1 : 1;
    x->multiplier = real(t, "");
    expect(t, "\n");
}

/* The neurons that the numbers of forms are about. */
static size_t *list(const struct part *part, const struct network *net, int kind, size_t *found) {
    size_t *neuron = take(count(part, net, kind), sizeof *neuron);
    *found = 0;
    for (size_t i = 0; i < net->neurons; i++)
        if (has(part, kind, i)) neuron[(*found)++] = i;
    return neuron;
}

static void read_products(struct text *t, const struct network *net, struct part *part) {
    size_t counts[2],
        *neurons[2] = {list(part, net, MOST, &counts[0]), list(part, net, CAP, &counts[1])};
    for (struct product *x = part->product; x < part->product + part->products; x++) {
        expect(t, "product");
        for (int i = 0; i < 2; i++) {
            x->factor[i] = (enum factor)CHOICE(t, " plus ", " minus ", " closed ", " upper ",
                                               " lower ", " on+ ", " on- ", " off+ ", " off- ");
            bool about_neuron = x->factor[i] > MINUS, both = x->factor[i] > LOWER;
            if (about_neuron && !counts[both]) malformed(t, "no form about a neuron of no layer");
            x->index[i] = integer(t, "", !about_neuron,
                                  (about_neuron ? counts[both] : part->variables) - 1, "a number");
            if (about_neuron) x->index[i] = neurons[both][x->index[i]];
            if (x->factor[i] == NOT_CLOSED && part->value[x->index[i]] != 'h')
                malformed(t, "the number of a neuron with value h before this");
        }
        x->multiplier = real(t, " ");
        expect(t, "\n");
    }
}

void part_head(struct text *t, const struct network *net, const struct certificate *c,
               struct part *part) {
    size_t inputs = net->layer[0].width;
    part->line = t->line;
    expect(t, "part");
    part->in = (enum set)CHOICE(t, " cube", " ball", " unit ");
    if (part->in == UNIT) part->in_index = integer(t, "", 0, inputs - 1, "an input");
    part->out = (enum set)CHOICE(t, " cube", " ball", " unit ", " fixed ");
    if (part->out >= UNIT) part->out_index = integer(t, "", 0, c->rows - 1, "a row");
    if (c->statement == IDENTITY && (part->out == UNIT || (part->out != FIXED && c->rows == 1)))
        malformed(t, "output fixed, or cube or ball with more than one row, before this");
    expect(t, "\n");
}

void part_body(struct text *t, const struct network *net, const struct certificate *c,
               struct part *part) {
    size_t inputs = net->layer[0].width;
    read_letters(t, net, c, part);
    if (c->statement == IDENTITY) {
        identity_read(t, c, part);
        return;
    }
    bool cuts = maybe(t, "cuts ");
    if (cuts) {
        part->triangles = integer(t, "", 0, 1000000000, "the number of triangles");
        part->products =
            integer(t, " ", part->triangles ? 0 : 1, 1000000000, "the number of products");
        expect(t, "\n");
        need(t, part->triangles + part->products, 25);
    }
    part->has_one = part->out == FIXED || part->knows || cuts || strchr(part->role, 'b');
    part->variables += part->has_one;
    if (part->has_one) part->one = real_line(t, "one ", -INFINITY);
    part->input = reals(t, "input", part->in == CUBE ? inputs : 1);
    if (part->out != FIXED) part->dual = reals(t, "dual", part->out == CUBE ? c->rows : 1);
    if (part->points) part->point = reals(t, "point", c->region == BOX ? part->points : 1);
    for (size_t l = 1; l < net->layers; l++)
        if (net->layer[l].relu) read_layer(t, net, l, part);
    part->triangle = take(part->triangles, sizeof *part->triangle);
    part->product = take(part->products, sizeof *part->product);
    for (size_t i = 0; i < part->triangles; i++)
        read_triangle(t, part->variables, &part->triangle[i]);
    if (part->products) read_products(t, net, part);
}
