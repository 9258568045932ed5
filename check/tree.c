/* Statement `tree` (certificate.md, section 14, theorem 11): branch and bound.
 *
 * For every point of the region there is a cell, an open set near it on which the network is affine; a
 * node says that some neurons are active or inactive on the cell, and that some part of it next to the
 * point lies in a box.  Both children together say no more than their parent, so what all leaves prove
 * is proved.  A tree is written depth first and may be much longer than what fits into memory: it is
 * read twice, once for its syntax and once to check it, and a node is what the nodes above it made of
 * one `struct problem`. */
#include "round.h"
#include <string.h>

enum { DEPTH = 4096 }; /* also of the recursion */

struct tree {
    struct text *t;
    struct problem p;        /* of the node */
    struct certificate cert; /* with the box of the node */
    const struct part *part;
    const double *two;  /* 2-norms of all terms; NULL while only the syntax is read */
    size_t relus, line; /* line: of the leaf */
    double worst;
};

static void node(struct tree *w, size_t depth);

/* A neuron by its number over all relu layers, which is at least `least`. */
static size_t read_relu(struct tree *w, const char *before, size_t least, size_t *number) {
    size_t layer = 1, passed = 0;
    if (least >= w->relus) malformed(w->t, "no neuron, as no relu layer has another one");
    *number = integer(w->t, before, least, w->relus - 1, "a neuron of a relu layer");
    return relu_neuron(w->p.net, *number, &layer, &passed);
}

static void split(struct tree *w, size_t depth) {
    size_t number, i = read_relu(w, "", 0, &number);
    enum state before = w->p.state[i];
    if (w->p.phase[i] != UNSTABLE) malformed(w->t, "a neuron that was not split above");
    expect(w->t, "\n");
    for (int phase = 0; phase < 2; phase++) {
        w->p.phase[i] = phase ? ACTIVE : INACTIVE;
        w->p.state[i] = (enum state)(before | w->p.phase[i]);
        node(w, depth);
    }
    w->p.phase[i] = UNSTABLE;
    w->p.state[i] = before;
}

static void cut(struct tree *w, size_t depth) {
    if (w->cert.region != BOX) malformed(w->t, "no cut, as the region is no box");
    size_t j = integer(w->t, "", 0, w->p.net->layer[0].width - 1, "an input");
    double c = real(w->t, " "), lo = w->cert.lo[j], hi = w->cert.hi[j];
    if (!(lo < c && c < hi)) malformed(w->t, "a number inside the box before this");
    expect(w->t, "\n");
    w->cert.hi[j] = w->p.z[j].hi = c;
    node(w, depth);
    w->cert.hi[j] = w->p.z[j].hi = hi;
    w->cert.lo[j] = w->p.z[j].lo = c;
    node(w, depth);
    w->cert.lo[j] = w->p.z[j].lo = lo;
}

static void tighten(struct tree *w, size_t depth) {
    const void *begin = mark();
    size_t n = w->two ? w->p.net->neurons : 0;
    struct range *z = take(n, sizeof *z);
    enum state *state = take(n, sizeof *state);
    if (w->cert.bounds == NONE) malformed(w->t, "other bounds for tighten");
    memcpy(z, w->p.z, n * sizeof *z);
    memcpy(state, w->p.state, n * sizeof *state);
    if (w->two) bounds_tighten(&w->p);
    node(w, depth);
    memcpy(w->p.z, z, n * sizeof *z);
    memcpy(w->p.state, state, n * sizeof *state);
    release(begin);
}

static void check_sdp(struct tree *w) {
    struct part leaf = *w->part;
    leaf.line = w->line;
    part_body(w->t, w->p.net, &w->cert, &leaf);
    if (w->two) w->worst = worse(sdp_part(&w->p, w->two, &leaf), w->worst);
}

/* A neuron has no value left. */
static void check_empty(const struct tree *w) {
    bool found = false;
    for (size_t i = 0; i < w->p.net->neurons; i++) {
        struct range z = w->p.z[i];
        found = found || z.lo > z.hi || (w->p.phase[i] == ACTIVE && z.hi < 0) ||
                (w->p.phase[i] == INACTIVE && z.lo > 0);
    }
    if (w->two && !found)
        stop(REJECTED, "the leaf on line %zu is not proved to be empty by ranges", w->line);
}

/* Neurons from number `first` on that were split above, or that were not; if there is room for it, each with a positive
 * number, which gets the sign of the neuron's phase. */
static size_t *read_list(struct tree *w, size_t first, bool open, size_t count, double *c) {
    size_t *neuron = take(count, sizeof *neuron), least = 0;
    for (size_t i = 0; i < count; i++) {
        neuron[i] = read_relu(w, " ", least, &least);
        least++;
        if (neuron[i] < first || (w->p.phase[neuron[i]] == UNSTABLE) != open)
            malformed(w->t, "a neuron that was %ssplit above%s before this", open ? "not " : "",
                      first ? ", not below the level," : "");
        if (c) c[i] = real(w->t, " ");
        if (c && !(c[i] > 0)) malformed(w->t, "a positive number before this");
        if (c && w->p.phase[neuron[i]] == INACTIVE) c[i] = -c[i];
    }
    return neuron;
}

static size_t read_count(struct tree *w, const char *before, size_t least, size_t bytes) {
    size_t count = integer(w->t, before, least, w->relus, "a number of neurons");
    need(w->t, count, bytes);
    return count;
}

static void check_sum(struct tree *w) {
    if (w->cert.region == EVERYWHERE) malformed(w->t, "no sum, as the region is everywhere");
    size_t count = read_count(w, "", 1, 9);
    double *c = take(count, sizeof *c);
    const size_t *neuron = read_list(w, 0, false, count, c);
    expect(w->t, "\n");
    if (w->two && !(bounds_combination(&w->p, count, neuron, c) < 0))
        stop(REJECTED, "the sum on line %zu is not proved to be negative", w->line);
}

static void check_span(struct tree *w, bool hull) {
    size_t level = integer(w->t, "", 0, w->p.net->layers - 1, "a layer before the last one");
    bool one = CHOICE(w->t, " none ", " one ");
    struct list lists[3] = {{0}};
    for (int k = 0; k < (hull ? 3 : 1); k++) {
        lists[k].count = read_count(w, k ? " " : "", !hull, 2);
        lists[k].neuron = read_list(w, w->p.net->first[level], k > 0, lists[k].count, NULL);
    }
    expect(w->t, "\n");
    if (w->two && !span_empty(&w->p, level, one, hull, lists))
        stop(REJECTED, "the %s on line %zu is not proved to be empty", hull ? "hull" : "span",
             w->line);
}

static void node(struct tree *w, size_t depth) {
    struct text *t = w->t;
    const void *begin = mark();
    if (depth > DEPTH) malformed(t, "at most %d nodes above a leaf", DEPTH);
    w->line = t->line;
    switch (CHOICE(t, "split ", "cut ", "tighten\n", "interval\n", "sdp\n", "empty\n", "empty sum ",
                   "empty span ", "empty hull ")) {
    case 0: split(w, depth + 1); break;
    case 1: cut(w, depth + 1); break;
    case 2: tighten(w, depth + 1); break;
    case 3:
        if (w->two) w->worst = worse(jacobian_leaf(&w->p, w->part), w->worst);
        break;
    case 4: check_sdp(w); break;
    case 5: check_empty(w); break;
    case 6: check_sum(w); break;
    case 7: check_span(w, false); break;
    default: check_span(w, true);
    }
    release(begin);
}

/* All parts, of a problem that has no ranges if only the syntax is read; the heads are left. */
static double walk(struct text *t, const struct problem *p, const double *two, struct part *heads) {
    struct tree w = {.t = t, .p = *p, .cert = *p->cert, .two = two};
    size_t n = p->net->layer[0].width, inputs = w.cert.region == BOX ? n : 0;
    w.p.cert = &w.cert;
    w.relus = relu_count(p->net, p->net->layers);
    w.cert.lo = take(inputs, sizeof *w.cert.lo);
    w.cert.hi = take(inputs, sizeof *w.cert.hi);
    if (inputs) memcpy(w.cert.lo, p->cert->lo, inputs * sizeof *w.cert.lo);
    if (inputs) memcpy(w.cert.hi, p->cert->hi, inputs * sizeof *w.cert.hi);
    for (size_t i = 0; i < p->cert->parts; i++) {
        part_head(t, p->net, p->cert, &heads[i]);
        w.part = &heads[i];
        node(&w, 0);
    }
    return w.worst;
}

void tree_read(struct text *t, const struct network *net, struct certificate *c) {
    const void *begin = mark();
    size_t n = net->neurons;
    struct problem p = {.net = net, .cert = c};
    p.z = take(n, sizeof *p.z);
    p.state = take(n, sizeof *p.state);
    p.phase = take(n, sizeof *p.phase);
    c->tree = *t;
    walk(t, &p, NULL, c->part);
    release(begin);
}

double tree_bound(const struct problem *p) {
    struct text t = p->cert->tree;
    cover_check(p->cert, p->net->layer[0].width);
    if (!p->interior) stop(REJECTED, "a tree needs a region that has an interior");
    const double *two = sdp_norms(p);
    return walk(&t, p, two, p->cert->part);
}
