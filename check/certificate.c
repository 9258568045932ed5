/* The certificate format (certificate.md, sections 2, 7, 8, 9, 10): syntax only.  What is read here
 * fits the network in every count and index; whether it proves anything is for others. */
#include "check.h"
#include <math.h>
#include <string.h>

static double real_line(struct text *t, const char *name) {
    expect(t, name);
    double value = real(t);
    expect(t, "\n");
    return value;
}

static double *reals_line(struct text *t, const char *name, size_t count) {
    expect(t, name);
    return reals(t, count);
}

static void read_region(struct text *t, size_t n, struct certificate *c) {
    if (maybe(t, "region box\n")) {
        c->region = BOX;
        c->lo = reals_line(t, "lo", n);
        c->hi = reals_line(t, "hi", n);
        for (size_t j = 0; j < n; j++)
            if (c->lo[j] > c->hi[j]) malformed(t, "lo <= hi above, also for input %zu", j);
    } else if (maybe(t, "region ball ")) {
        c->region = BALL;
        c->radius = real_line(t, "");
        if (c->radius < 0) malformed(t, "a radius of at least 0 above");
        c->centre = reals_line(t, "centre", n);
    } else {
        expect(t, "region everywhere\n");
    }
}

static enum norm read_norm(struct text *t) {
    if (maybe(t, " 1")) return ONE;
    if (maybe(t, " 2")) return TWO;
    expect(t, " inf");
    return INF;
}

static void read_output(struct text *t, size_t m, struct certificate *c) {
    c->output = maybe(t, "output all") ? ALL : maybe(t, "output row ") ? ROW : MARGIN;
    c->rows = c->output == ALL ? m : 1;
    if (c->output == MARGIN) expect(t, "output margin ");
    if (c->output != ALL) c->plus = integer(t, 0, m - 1, "an output");
    if (c->output == MARGIN) {
        expect(t, " ");
        c->minus = integer(t, 0, m - 1, "an output");
        if (c->plus == c->minus) malformed(t, "another output than %zu", c->plus);
    }
    expect(t, "\n");
}

/* A letter for every neuron of relu layers, other ones being allowed if only layer L reads it. */
static char *read_letters(struct text *t, const struct network *net, const char *word,
                          const char *inner, const char *outer) {
    need(t, net->relus, 1);
    char *value = take(net->relus + 1, 1), *at = value;
    for (size_t i = 0; i < net->relu_layers; i++) {
        const struct layer *layer = &net->layer[net->relu[i]];
        expect(t, word);
        integer(t, net->relu[i], net->relu[i], "the next relu layer");
        expect(t, " ");
        for (size_t k = 0; k < layer->width; k++, t->at++) {
            char c = t->bytes[t->at];
            if (!c || !strchr(layer->inner ? inner : outer, c))
                malformed(t, "%zu of the letters %s", layer->width - k, layer->inner ? inner : outer);
            *at++ = c;
        }
        expect(t, "\n");
    }
    return value;
}

static void read_spectral(struct text *t, const struct network *net, struct certificate *c) {
    for (; maybe(t, "spectral "); c->spectrals++) {
        c->spectral = grow(c->spectral, c->spectrals, sizeof *c->spectral);
        struct spectral *s = &c->spectral[c->spectrals];
        s->layer = integer(t, 1, net->layers, "a layer");
        expect(t, " ");
        s->term = integer(t, 0, 1000000000, "a term");
        if (s->term >= net->layer[s->layer].terms)
            malformed(t, "a term before, of the %zu of the layer", net->layer[s->layer].terms);
        if (c->spectrals && (s->layer < s[-1].layer || (s->layer == s[-1].layer && s->term <= s[-1].term)))
            malformed(t, "spectral lines in ascending order");
        s->s = real_line(t, " ");
    }
}

static enum set read_set(struct text *t, size_t units, bool output, size_t *index) {
    if (maybe(t, " cube")) return CUBE;
    if (maybe(t, " ball")) return SPHERE;
    bool fixed = output && maybe(t, " fixed ");
    if (!fixed) expect(t, " unit ");
    *index = integer(t, 0, units - 1, "an index");
    return fixed ? FIXED : UNIT;
}

static void read_multipliers(struct text *t, const struct network *net, struct part *part) {
    static const char *const name[] = {"bound ", "tangent ", "range ", "bin ", "gate ", "switch ", "cap "};
    static const char *const roles[] = {"vb", "vb", "vb", "sb", "b", "b", "b"};
    struct multipliers last = {0}, next = {0};
    bool bound = false, used = false; /* in the layer of the last line */
    for (;; last = next) {
        for (next.kind = 0; next.kind < KINDS && !maybe(t, name[next.kind]);) next.kind++;
        next.layer = next.kind < KINDS ? integer(t, 1, net->layers, "a layer") : 0;
        if (next.layer != last.layer) {
            if (bound != used) malformed(t, "bound if and only if there is range or cap");
            bound = used = false;
        }
        if (next.kind == KINDS) return;
        const struct layer *layer = &net->layer[next.layer];
        if (!layer->relu) malformed(t, "a layer with relu, not layer %zu,", next.layer);
        if (next.layer < last.layer || (next.layer == last.layer && next.kind <= last.kind))
            malformed(t, "multipliers in ascending order");
        size_t count = 0;
        for (size_t k = 0; k < layer->width; k++)
            count += strchr(roles[next.kind], part->role[layer->letter + k]) != NULL;
        if (!count) malformed(t, "multipliers of layers that have such neurons");
        bound = bound || next.kind == BOUND;
        used = used || next.kind == RANGE || next.kind == CAP;
        next.value = reals(t, count);
        part->line = grow(part->line, part->lines, sizeof *part->line);
        part->line[part->lines++] = next;
    }
}

static void read_part(struct text *t, const struct network *net, const struct certificate *c,
                      struct part *part) {
    expect(t, "part");
    part->in = read_set(t, net->layer[0].width, false, &part->in_index);
    part->out = read_set(t, c->rows, true, &part->out_index);
    expect(t, "\n");
    part->role = read_letters(t, net, "roles ", "aivb", part->out == FIXED ? "aivbs" : "aivb");
    part->has_one = part->out == FIXED || strchr(part->role, 'b');
    if (part->has_one) part->one = real_line(t, "one ");
    part->input = reals_line(t, "input", part->in == CUBE ? net->layer[0].width : 1);
    if (part->out != FIXED) part->dual = reals_line(t, "dual", part->out == CUBE ? c->rows : 1);
    read_multipliers(t, net, part);
}

static void read_statement(struct text *t, const struct network *net, struct certificate *c) {
    static const char *const matrix[] = {"magnitude ", "midpoint ", "radius "};
    if (maybe(t, "statement product\n")) {
        read_spectral(t, net, c);
    } else if (maybe(t, "statement interval\n")) {
        c->statement = JACOBIAN;
        for (int i = 0; i < 3; i++) {
            c->of_matrix[i] = INFINITY;
            if (c->p == TWO && c->q == TWO && maybe(t, matrix[i])) c->of_matrix[i] = real_line(t, "");
        }
    } else {
        c->statement = SDP;
        expect(t, "statement sdp ");
        c->parts = integer(t, 1, 1000000000, "the number of parts");
        expect(t, "\n");
        read_spectral(t, net, c);
        need(t, c->parts, 24);
        c->part = take(c->parts, sizeof *c->part);
        for (size_t i = 0; i < c->parts; i++) read_part(t, net, c, &c->part[i]);
    }
}

static bool read_claim(struct text *t, const char *name, double *claim) {
    expect(t, name);
    if (maybe(t, "none\n")) return false;
    *claim = real_line(t, "");
    if (*claim < 0) malformed(t, "a claim of at least 0 above");
    return true;
}

void certificate_read(const char *name, const struct network *net, struct certificate *c) {
    struct text t = text_open(name);
    size_t n = net->layer[0].width;
    expect(&t, "lipcert-certificate 1\nnetwork ");
    if (strspn(t.bytes + t.at, "0123456789abcdef") != 64) malformed(&t, "64 hexadecimal digits");
    memcpy(c->hash, t.bytes + t.at, 64);
    t.at += 64;
    expect(&t, "\n");
    read_region(&t, n, c);
    expect(&t, "norms");
    c->p = read_norm(&t);
    c->q = read_norm(&t);
    expect(&t, "\n");
    read_output(&t, net->layer[net->layers].width, c);
    if (maybe(&t, "bounds linear\n")) {
        if (c->region == EVERYWHERE) malformed(&t, "a box or a ball for linear bounds");
        c->bounds = LINEAR;
        c->slope = read_letters(&t, net, "slopes ", "01", "01");
    } else if (maybe(&t, "bounds interval\n")) {
        c->bounds = INTERVAL;
    } else {
        expect(&t, "bounds none\n");
    }
    c->has_upper = read_claim(&t, "upper ", &c->upper);
    c->has_lower = read_claim(&t, "lower ", &c->lower);
    if (!c->has_upper && !c->has_lower) malformed(&t, "a claim above this line");
    if (c->has_upper) read_statement(&t, net, c);
    if (c->has_lower) {
        c->point = reals_line(&t, "witness\npoint", n);
        c->direction = reals_line(&t, "direction", n);
    }
    expect(&t, "end\n");
    if (t.at != t.size) malformed(&t, "nothing behind 'end'");
}
