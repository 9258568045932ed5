/* The certificate format (certificate.md, sections 2, 7, 8, 11; parts: part.c): syntax only.  What is read here
 * fits the network in every count and index; whether it proves anything is for others. */
#include "check.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

double real_line(struct text *t, const char *name, double least) {
    double value = real(t, name);
    if (value < least) malformed(t, "a number of at least 0 before this");
    expect(t, "\n");
    return value;
}

static void read_region(struct text *t, size_t n, struct certificate *c) {
    c->region = (enum region)CHOICE(t, "region everywhere\n", "region box\n", "region ball ");
    if (c->region == BALL) c->radius = real_line(t, "", 0);
    if (c->region == BALL) c->centre = reals(t, "centre", n);
    if (c->region == BOX) c->lo = reals(t, "lo", n);
    if (c->region == BOX) c->hi = reals(t, "hi", n);
    for (size_t j = 0; c->region == BOX && j < n; j++)
        if (c->lo[j] > c->hi[j]) malformed(t, "lo <= hi above, also for input %zu", j);
}

static void read_output(struct text *t, size_t m, struct certificate *c) {
    c->output = (enum output)CHOICE(t, "output all", "output row ", "output margin ");
    c->rows = c->output == ALL ? m : 1;
    if (c->output != ALL) c->plus = integer(t, "", 0, m - 1, "an output");
    if (c->output == MARGIN) c->minus = integer(t, " ", 0, m - 1, "an output");
    if (c->output == MARGIN && c->plus == c->minus)
        malformed(t, "another output than %zu", c->plus);
    expect(t, "\n");
}

void letters_line(struct text *t, const struct network *net, size_t l, const char *word,
                  const char *letters, char *value) {
    size_t width = net->layer[l].width;
    integer(t, word, l, l, "the next relu layer");
    expect(t, " ");
    if (strspn(t->bytes + t->at, letters) < width)
        malformed(t, "%zu of the letters %s", width, letters);
    memcpy(value + net->first[l], t->bytes + t->at, width);
    t->at += width;
    expect(t, "\n");
}

char *letters_read(struct text *t, const struct network *net, const char *word, const char *inner,
                   const char *outer) {
    char *value = take(net->neurons + 1, 1);
    memset(value, '-', net->neurons);
    for (size_t l = 1; l < net->layers; l++)
        if (net->layer[l].relu)
            letters_line(t, net, l, word, net->layer[l].inner ? inner : outer, value);
    return value;
}

size_t relu_count(const struct network *net, size_t end) {
    size_t count = 0;
    for (size_t l = 1; l < end; l++) count += net->layer[l].relu ? net->layer[l].width : 0;
    return count;
}

size_t relu_neuron(const struct network *net, size_t number, size_t *at, size_t *before) {
    for (;; ++*at) {
        size_t width = net->layer[*at].relu ? net->layer[*at].width : 0;
        if (number - *before < width) return net->first[*at] + number - *before;
        *before += width;
    }
}

static void read_refine(struct text *t, const struct network *net, struct certificate *c) {
    for (; maybe(t, "refine "); c->refines++) {
        c->refine = grow(c->refine, c->refines, sizeof *c->refine);
        struct refine *r = &c->refine[c->refines];
        size_t at = 1, before = 0;
        r->layer = integer(t, "", 1, net->layers, "a layer");
        if (!net->layer[r->layer].relu) malformed(t, "a relu layer before this");
        size_t relus = relu_count(net, r->layer);
        r->neuron =
            net->first[r->layer] + integer(t, " ", 0, net->layer[r->layer].width - 1, "a neuron");
        r->upper = CHOICE(t, " lower ", " upper ");
        if (c->refines && r->neuron <= r[-1].neuron &&
            !(r->neuron == r[-1].neuron && r[-1].upper && !r->upper))
            malformed(t, "refine lines in ascending order, upper before lower");
        r->count = integer(t, "", 1, relus, "the number of slopes");
        need(t, r->count, 9);
        r->relu = take(r->count, sizeof *r->relu);
        r->slope = take(r->count, sizeof *r->slope);
        for (size_t i = 0, least = 0; i < r->count; i++) {
            size_t number = integer(t, " ", least, relus - 1, "a neuron of an earlier relu layer");
            r->relu[i] = relu_neuron(net, number, &at, &before);
            r->slope[i] = real(t, " ");
            if (!(r->slope[i] >= 0 && r->slope[i] <= 1))
                malformed(t, "a slope from 0 to 1 before this");
            least = number + 1;
        }
        expect(t, "\n");
    }
}

static void read_spectral(struct text *t, const struct network *net, struct certificate *c) {
    for (; maybe(t, "spectral "); c->spectrals++) {
        c->spectral = grow(c->spectral, c->spectrals, sizeof *c->spectral);
        struct spectral *s = &c->spectral[c->spectrals];
        s->layer = integer(t, "", 1, net->layers, "a layer");
        if (!net->layer[s->layer].terms) malformed(t, "a layer that has terms before this");
        s->term = integer(t, " ", 0, net->layer[s->layer].terms - 1, "a term");
        if (c->spectrals &&
            (s->layer < s[-1].layer || (s->layer == s[-1].layer && s->term <= s[-1].term)))
            malformed(t, "spectral lines in ascending order");
        s->s = real_line(t, " ", -INFINITY);
    }
}

static void read_statement(struct text *t, const struct network *net, struct certificate *c) {
    static const char *const matrix[] = {"magnitude ", "midpoint ", "radius "};
    c->statement =
        (enum statement)CHOICE(t, "statement product\n", "statement interval\n", "statement sdp ",
                               "statement identity ", "statement tree ");
    for (int i = 0; i < 3; i++) {
        bool there = c->statement == JACOBIAN && c->p == TWO && c->q == TWO && maybe(t, matrix[i]);
        c->of_matrix[i] = there ? real_line(t, "", -INFINITY) : INFINITY;
    }
    if (c->statement >= SDP) c->parts = integer(t, "", 1, 1000000000, "the number of parts");
    if (c->statement >= SDP) expect(t, "\n");
    if (c->statement != JACOBIAN && c->statement != IDENTITY) read_spectral(t, net, c);
    need(t, c->parts, 21);
    c->part = take(c->parts, sizeof *c->part);
    if (c->statement == TREE) tree_read(t, net, c);
    for (size_t i = 0; i < c->parts && c->statement != TREE; i++) {
        part_head(t, net, c, &c->part[i]);
        part_body(t, net, c, &c->part[i]);
    }
}

static bool read_claim(struct text *t, const char *name, double *claim) {
    expect(t, name);
    if (maybe(t, "none\n")) return false;
    *claim = real_line(t, "", 0);
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
    c->p = (enum norm)CHOICE(&t, " 1", " 2", " inf");
    c->q = (enum norm)CHOICE(&t, " 1", " 2", " inf");
    expect(&t, "\n");
    read_output(&t, net->layer[net->layers].width, c);
    c->bounds = (enum bounds)CHOICE(&t, "bounds none\n", "bounds interval\n", "bounds linear\n");
    if (c->bounds == LINEAR && c->region == EVERYWHERE)
        malformed(&t, "other bounds for this region");
    if (c->bounds == LINEAR) c->slope = letters_read(&t, net, "slopes ", "01", "01");
    if (c->bounds == LINEAR) read_refine(&t, net, c);
    c->has_upper = read_claim(&t, "upper ", &c->upper);
    c->has_lower = read_claim(&t, "lower ", &c->lower);
    if (!c->has_upper && !c->has_lower) malformed(&t, "a claim above this line");
    if (c->has_upper) read_statement(&t, net, c);
    if (c->has_lower) c->point = reals(&t, "witness\npoint", n);
    if (c->has_lower) c->direction = reals(&t, "direction", n);
    expect(&t, "end\n");
    if (t.at != t.size) malformed(&t, "nothing behind 'end'");
}
