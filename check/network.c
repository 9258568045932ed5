/* The canonical network format (canonical-format.md), read into sparse matrices by rows.
 *
 * Zero weights are left out, convolutions are unfolded.  A matrix from the file has at most as many
 * entries as the file has bytes for; an unfolded convolution is paid for from the limit of `take`,
 * which bounds its time as well. */
#include "check.h"

#define LARGEST 1000000000u

struct matrix matrix_new(size_t rows, size_t cols, size_t room) {
    return (struct matrix){rows,
                           cols,
                           take(rows + 1, sizeof(size_t)),
                           0,
                           take(room, sizeof(uint32_t)),
                           take(room, sizeof(double)),
                           false};
}

void matrix_put(struct matrix *a, size_t row, size_t col, double value) {
    if (value == 0) return;
    a->col[a->start[row + 1]] = (uint32_t)col;
    a->val[a->start[row + 1]++] = value;
}

static struct matrix read_weights(struct text *t, bool sparse, size_t rows, size_t cols) {
    integer(t, "", rows, rows, "the width of the layer as number of rows");
    integer(t, " ", cols, cols, "the width of the source as number of columns");
    size_t left = times(rows, cols);
    if (sparse) left = integer(t, " ", 0, left, "the number of entries");
    expect(t, "\n");
    need(t, left, sparse ? 9 : 7);
    struct matrix a = matrix_new(rows, cols, left);
    for (size_t i = 0; i < rows; i++) {
        size_t most = left < cols ? left : cols;
        size_t count = sparse ? integer(t, "", 0, most, "the number of entries of a row") : cols;
        a.start[i + 1] = a.start[i];
        left -= count;
        for (size_t k = 0, j = 0; k < count; k++, j++) {
            if (sparse && j == cols) malformed(t, "no column behind the last one");
            if (sparse) j = integer(t, " ", j, cols - 1, "a column");
            matrix_put(&a, i, j, real(t, sparse || k ? " " : ""));
        }
        expect(t, "\n");
    }
    if (left) malformed(t, "%zu more entries in the lines above", left);
    return a;
}

/* Names of the sizes of a convolution, in the order of the file. */
enum { IC, IH, IW, OC, OH, OW, KH, KW, SH, SW, DH, DW, PT, PL, GROUPS, SIZES };

/* Row (o, y, x) of the matrix; w are the weights of o. */
static void unfold(struct matrix *a, const size_t *s, const double *w, size_t o, size_t y,
                   size_t x) {
    size_t depth = s[IC] / s[GROUPS], c = o / (s[OC] / s[GROUPS]) * depth;
    size_t row = (o * s[OH] + y) * s[OW] + x;
    a->start[row + 1] = a->start[row];
    for (size_t end = c + depth; c < end; c++)
        for (size_t dy = 0; dy < s[KH]; dy++)
            for (size_t dx = 0; dx < s[KW]; dx++, w++) {
                size_t v = y * s[SH] + dy * s[DH], u = x * s[SW] + dx * s[DW]; /* below 2^61 */
                if (v >= s[PT] && v - s[PT] < s[IH] && u >= s[PL] && u - s[PL] < s[IW])
                    matrix_put(a, row, (c * s[IH] + v - s[PT]) * s[IW] + u - s[PL], *w);
            }
}

static struct matrix read_convolution(struct text *t, size_t rows, size_t cols) {
    size_t s[SIZES];
    for (int i = 0; i < SIZES; i++)
        s[i] = integer(t, i ? " " : "", i != PT && i != PL, LARGEST, "a size of the convolution");
    expect(t, "\n");
    if (times(times(s[IC], s[IH]), s[IW]) != cols || times(times(s[OC], s[OH]), s[OW]) != rows)
        malformed(t, "a convolution from %zu to %zu neurons above", cols, rows);
    if (s[IC] % s[GROUPS] || s[OC] % s[GROUPS])
        malformed(t, "groups that divide in_c and out_c above");
    size_t line = times(times(s[IC] / s[GROUPS], s[KH]), s[KW]);
    need(t, times(line, s[OC]), 7);
    struct matrix a = matrix_new(rows, cols, times(line, rows));
    double *w = take(line, sizeof *w);
    for (size_t o = 0; o < s[OC]; o++) {
        for (size_t i = 0; i < line; i++) w[i] = real(t, i ? " " : "");
        expect(t, "\n");
        for (size_t i = 0; i < s[OH] * s[OW]; i++) unfold(&a, s, w, o, i / s[OW], i % s[OW]);
    }
    return a;
}

static void read_layer(struct text *t, struct network *net, size_t l) {
    struct layer *layer = &net->layer[l];
    integer(t, "layer ", l, l, "the number of the layer");
    layer->width = integer(t, " ", 1, LARGEST, "a width");
    layer->relu = CHOICE(t, " linear ", " relu ");
    if (layer->relu && l == net->layers) malformed(t, "the last layer to be linear");
    layer->terms = integer(t, "", 0, LARGEST, "the number of terms");
    layer->bias = reals(t, "\nbias", layer->width);
    need(t, layer->terms, 20);
    layer->term = take(layer->terms, sizeof *layer->term);
    for (size_t i = 0; i < layer->terms; i++) {
        size_t source = integer(t, "term ", 0, l - 1, "the source of a term");
        size_t cols = net->layer[source].width;
        int kind = CHOICE(t, " dense ", " sparse ", " conv ");
        layer->term[i] = kind < 2 ? read_weights(t, kind == 1, layer->width, cols)
                                  : read_convolution(t, layer->width, cols);
        layer->term[i].source = source;
        if (l < net->layers) net->layer[source].inner = true;
    }
}

void network_read(const char *name, struct network *net) {
    struct text t = text_open(name);
    sha256_hex(t.bytes, t.size, net->hash);
    size_t inputs = integer(&t, "lipcert-network 1\ninput ", 1, LARGEST, "the number of inputs");
    if (inputs > t.size && inputs > 1 << 24)
        stop(REJECTED, "the network has %zu inputs, more than 2^24 and than its file has bytes",
             inputs);
    net->layers = integer(&t, "\nlayers ", 1, LARGEST, "the number of layers");
    expect(&t, "\n");
    need(&t, net->layers, 30);
    net->layer = take(net->layers + 1, sizeof *net->layer);
    net->first = take(net->layers + 2, sizeof *net->first);
    net->layer[0].width = net->neurons = net->first[1] = inputs;
    for (size_t l = 1; l <= net->layers; l++) {
        read_layer(&t, net, l);
        net->first[l + 1] = net->neurons += net->layer[l].width;
    }
    expect(&t, "end\n");
    if (t.at != t.size) malformed(&t, "nothing behind 'end'");
    bool *used = take(net->layers + 1, sizeof *used);
    used[net->layers] = true;
    for (size_t l = net->layers; l > 0; l--) {
        if (!used[l]) malformed(&t, "a path from layer %zu to the output", l);
        for (size_t i = 0; i < net->layer[l].terms; i++) used[net->layer[l].term[i].source] = true;
    }
}
