/* The canonical network format (canonical-format.md), read into sparse matrices by rows.
 *
 * Zero weights are left out, convolutions are unfolded.  A matrix from the file has at most as many
 * entries as the file has bytes for; an unfolded convolution is paid for from the limit of `take`,
 * which bounds its time as well. */
#include "check.h"

#define MOST 1000000000u

static struct matrix matrix_new(size_t rows, size_t cols, size_t room) {
    return (struct matrix){.rows = rows,
                           .cols = cols,
                           .start = take(rows + 1, sizeof(size_t)),
                           .col = take(room, sizeof(uint32_t)),
                           .val = take(room, sizeof(double))};
}

static void put(struct matrix *a, size_t row, size_t col, double value) {
    size_t e = a->start[row + 1];
    if (value == 0) return;
    a->col[e] = (uint32_t)col;
    a->val[e] = value;
    a->start[row + 1]++;
}

static void read_sizes(struct text *t, size_t rows, size_t cols) {
    expect(t, " ");
    integer(t, rows, rows, "the width of the layer as number of rows");
    expect(t, " ");
    integer(t, cols, cols, "the width of the source as number of columns");
}

static struct matrix read_dense(struct text *t, size_t rows, size_t cols) {
    read_sizes(t, rows, cols);
    expect(t, "\n");
    need(t, times(rows, cols), 7);
    struct matrix a = matrix_new(rows, cols, rows * cols);
    for (size_t i = 0; i < rows; i++) {
        a.start[i + 1] = a.start[i];
        for (size_t j = 0; j < cols; j++) {
            if (j) expect(t, " ");
            put(&a, i, j, real(t));
        }
        expect(t, "\n");
    }
    return a;
}

static struct matrix read_sparse(struct text *t, size_t rows, size_t cols) {
    read_sizes(t, rows, cols);
    expect(t, " ");
    size_t left = integer(t, 0, times(rows, cols), "the number of entries");
    expect(t, "\n");
    need(t, left, 9);
    struct matrix a = matrix_new(rows, cols, left);
    for (size_t i = 0; i < rows; i++) {
        size_t count = integer(t, 0, left < cols ? left : cols, "the number of entries of a row");
        size_t least = 0;
        a.start[i + 1] = a.start[i];
        for (left -= count; count > 0; count--) {
            expect(t, " ");
            if (least == cols) malformed(t, "no column behind the last one");
            size_t j = integer(t, least, cols - 1, "a column");
            expect(t, " ");
            put(&a, i, j, real(t));
            least = j + 1;
        }
        expect(t, "\n");
    }
    if (left) malformed(t, "%zu more entries in the lines above", left);
    return a;
}

/* Names of the sizes of a convolution, in the order of the file. */
enum { IC, IH, IW, OC, OH, OW, KH, KW, SH, SW, DH, DW, PT, PL, GROUPS, SIZES };

/* Row (o, y, x) of the matrix; w are the weights of o. */
static void unfold(struct matrix *a, const size_t s[SIZES], const double *w, size_t o, size_t y,
                   size_t x) {
    size_t depth = s[IC] / s[GROUPS], c = o / (s[OC] / s[GROUPS]) * depth;
    size_t row = (o * s[OH] + y) * s[OW] + x;
    a->start[row + 1] = a->start[row];
    for (size_t end = c + depth; c < end; c++)
        for (size_t dy = 0; dy < s[KH]; dy++)
            for (size_t dx = 0; dx < s[KW]; dx++, w++) {
                size_t v = y * s[SH] + dy * s[DH], u = x * s[SW] + dx * s[DW]; /* below 2^61 */
                if (v >= s[PT] && v - s[PT] < s[IH] && u >= s[PL] && u - s[PL] < s[IW])
                    put(a, row, (c * s[IH] + v - s[PT]) * s[IW] + u - s[PL], *w);
            }
}

static struct matrix read_convolution(struct text *t, size_t rows, size_t cols) {
    size_t s[SIZES];
    for (int i = 0; i < SIZES; i++) {
        expect(t, " ");
        s[i] = integer(t, i != PT && i != PL, MOST, "a size of the convolution");
    }
    if (times(times(s[IC], s[IH]), s[IW]) != cols || times(times(s[OC], s[OH]), s[OW]) != rows)
        malformed(t, "a convolution from %zu to %zu neurons", cols, rows);
    if (s[IC] % s[GROUPS] || s[OC] % s[GROUPS]) malformed(t, "groups that divide in_c and out_c");
    size_t line = times(times(s[IC] / s[GROUPS], s[KH]), s[KW]), count = times(line, s[OC]);
    expect(t, "\n");
    need(t, count, 7);
    struct matrix a = matrix_new(rows, cols, times(count, s[OH] * s[OW]));
    double *w = take(line, sizeof *w);
    for (size_t o = 0; o < s[OC]; o++) {
        for (size_t i = 0; i < line; i++) {
            if (i) expect(t, " ");
            w[i] = real(t);
        }
        expect(t, "\n");
        for (size_t i = 0; i < s[OH] * s[OW]; i++) unfold(&a, s, w, o, i / s[OW], i % s[OW]);
    }
    return a;
}

static void read_layer(struct text *t, struct network *net, size_t l) {
    struct layer *layer = &net->layer[l];
    expect(t, "layer ");
    integer(t, l, l, "the number of the layer");
    expect(t, " ");
    layer->width = integer(t, 1, MOST, "a width");
    layer->relu = l < net->layers && maybe(t, " relu ");
    if (!layer->relu) expect(t, " linear ");
    layer->terms = integer(t, 0, MOST, "the number of terms");
    expect(t, "\nbias");
    layer->bias = reals(t, layer->width);
    need(t, layer->terms, 20);
    layer->term = take(layer->terms, sizeof *layer->term);
    for (struct term *term = layer->term; term < layer->term + layer->terms; term++) {
        expect(t, "term ");
        term->source = integer(t, 0, l - 1, "the source of a term");
        size_t rows = layer->width, cols = net->layer[term->source].width;
        if (l < net->layers) net->layer[term->source].inner = true;
        if (maybe(t, " dense")) term->a = read_dense(t, rows, cols);
        else if (maybe(t, " sparse")) term->a = read_sparse(t, rows, cols);
        else expect(t, " conv"), term->a = read_convolution(t, rows, cols);
    }
}

static void check_used(const struct text *t, const struct network *net) {
    bool *used = take(net->layers + 1, sizeof *used);
    used[net->layers] = true;
    for (size_t l = net->layers; l > 0; l--) {
        if (!used[l]) malformed(t, "a path from layer %zu to the output", l);
        for (size_t i = 0; i < net->layer[l].terms; i++) used[net->layer[l].term[i].source] = true;
    }
}

void network_read(const char *name, struct network *net) {
    struct text t = text_open(name);
    sha256_hex(t.bytes, t.size, net->hash);
    expect(&t, "lipcert-network 1\ninput ");
    size_t inputs = integer(&t, 1, MOST, "the number of inputs");
    expect(&t, "\nlayers ");
    net->layers = integer(&t, 1, MOST, "the number of layers");
    expect(&t, "\n");
    need(&t, net->layers, 30);
    net->layer = take(net->layers + 1, sizeof *net->layer);
    net->first = take(net->layers + 2, sizeof *net->first);
    net->relu = take(net->layers, sizeof *net->relu);
    net->layer[0].width = net->neurons = net->first[1] = inputs;
    for (size_t l = 1; l <= net->layers; l++) {
        read_layer(&t, net, l);
        net->first[l + 1] = net->neurons += net->layer[l].width;
        if (!net->layer[l].relu) continue;
        net->layer[l].letter = net->relus;
        net->relus += net->layer[l].width;
        net->relu[net->relu_layers++] = l;
    }
    expect(&t, "end\n");
    if (t.at != t.size) malformed(&t, "nothing behind 'end'");
    check_used(&t, net);
}
