/* What the files of lipcheck share.  Order of reading, with the sections of certificate.md:
 *
 *   lipcheck.c (12), text.c, sha256.c, network.c, certificate.c, part.c, identity_text.c (2)    malformed
 *   round.h (4)      rounding           bounds.c (3, 5)   stable neurons       norms.c (6, 7)
 *   jacobian.c (8)   interval matrix    witness.c (11)    lower bounds
 *   sdp.h, sdp.c, table.c, slack.c, positive.c (9)        parts, constraints, slack matrix
 *   identity.h, identity.c, polynomial.c (10)             polynomial identities
 *   tree.c, span.c (14)                                   branch and bound
 *
 * Nothing is shared with lipcert.  A function that returns a bound has proved it; if something is
 * wrong, it does not return.  Layer 0 is the input.  Neurons of all layers, inputs first, are
 * numbered through: neuron k of layer l is number net->first[l] + k. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VERIFIED, REJECTED, FAILED };
_Noreturn void stop(int status, const char *format, ...); /* say why and exit */

/* Zeroed memory, never NULL; at most 8 GiB in all.  release frees what was taken after the mark. */
void *take(size_t count, size_t size);
void *mark(void);
void release(const void *mark);
/* The array, or a copy with twice its room if its `used` objects fill it (used: 0, 1, 2, ...). */
void *grow(void *array, size_t used, size_t size);
size_t times(size_t a, size_t b); /* 2^64 - 1 if the product is larger */

struct text { /* a file in memory, a 0 byte behind it, and a position in it */
    const char *name;
    char *bytes;
    size_t size, at, line;
};
struct text text_open(const char *name);
_Noreturn void malformed(const struct text *t, const char *expected, ...);
void expect(struct text *t, const char *s); /* exactly these bytes come next */
bool maybe(struct text *t, const char *s);  /* skip them if they do */
/* The number of the one of these strings (the last is NULL) that comes next. */
int choice(struct text *t, const char *const *word);
#define CHOICE(t, ...) choice(t, (const char *const[]){__VA_ARGS__, NULL})
/* Both after the bytes `before`. */
size_t integer(struct text *t, const char *before, size_t least, size_t most, const char *what);
double real(struct text *t, const char *before);
double *reals(struct text *t, const char *name,
              size_t count); /* name, count times " real", a line feed */
void need(const struct text *t, size_t count,
          size_t bytes); /* malformed unless so much can follow */
void sha256_hex(const char *bytes, size_t size, char hex[65]);

struct matrix { /* row i: entries start[i] .. start[i + 1] - 1, none of them 0 */
    size_t rows, cols, *start, source; /* source: the layer that it is applied to */
    uint32_t *col;
    double *val;
    bool rounded; /* one row, whose entries have a relative error of up to 2^-53 */
};
struct matrix matrix_new(size_t rows, size_t cols, size_t room);
void matrix_put(struct matrix *a, size_t row, size_t col,
                double value); /* start[row + 1] moves on */

struct layer {
    size_t width, terms;
    bool relu, inner; /* inner: read by a layer other than L */
    double *bias;
    struct matrix *term;
};
struct network {
    size_t layers, *first, neurons; /* L; for layers 0 .. L + 1; with inputs */
    struct layer *layer;            /* [0] is the input */
    char hash[65];
};
void network_read(const char *name, struct network *net);

enum region { EVERYWHERE, BOX, BALL };
enum norm { ONE, TWO, INF };
enum output { ALL, ROW, MARGIN };
enum bounds { NONE, INTERVAL, LINEAR };
enum statement { PRODUCT, JACOBIAN, SDP, IDENTITY, TREE };
enum set { CUBE, SPHERE, UNIT, FIXED };
/* In the order of the lines of a layer. */
enum multiplier {
    BOUND,
    TANGENT,
    RANGE,
    BIN,
    GATE,
    SWITCH,
    CAP,
    LEAST,
    MOST,
    STATE,
    SQUARE,
    CLOSED,
    OPEN,
    ABOVE,
    BELOW,
    PHASES,
    ROOF,
    FLOOR,
    KINDS
};
enum factor { PLUS, MINUS, NOT_CLOSED, UPPER, LOWER, ON_PLUS, ON_MINUS, OFF_PLUS, OFF_MINUS };
enum state { UNSTABLE, ACTIVE, INACTIVE, BOTH };

struct spectral {
    size_t layer, term;
    double s;
};
struct refine { /* one side of a neuron, bounded with other slopes for `count` neurons */
    size_t layer, neuron, count, *relu; /* neurons are numbered through */
    bool upper;
    double *slope;
};
struct triangle {
    size_t i, j, k;
    double a, b, multiplier;
};
struct product { /* of two forms, each about a variable or a neuron */
    enum factor factor[2];
    size_t index[2];
    double multiplier;
};
struct part {
    enum set in, out;
    size_t in_index, out_index, line; /* line: of the file, where it begins */
    size_t variables, points;         /* points: how many x' there are */
    bool has_one, knows;              /* the variable 1; the point */
    char *role, *value; /* of all neurons, a 0 behind; '-' without ReLU, '+' if z is needed there */
    double *m[KINDS];   /* of all neurons; NULL if no line of this kind is there */
    double one, *input, *dual, *point;
    size_t triangles, products;
    struct triangle *triangle;
    struct product *product;
    /* Of `identity` only: variables that are u; neurons that are gates; z'; terms (identity.h). */
    size_t first_u, end_u, gates, *gate, terms;
    bool lifts;
    struct term *term;
};
struct certificate {
    char hash[65], *slope; /* slope: as role */
    enum region region;
    enum norm p, q;
    enum output output;
    enum bounds bounds;
    enum statement statement;
    bool has_upper, has_lower;
    size_t plus, minus, rows; /* outputs of a row or margin; rows of S */
    size_t refines, spectrals, parts;
    struct refine *refine;
    double *lo, *hi, *centre, radius, upper, lower, *point, *direction;
    double of_matrix[3]; /* magnitude, midpoint, radius; infinite if not there */
    struct spectral *spectral;
    struct part *part; /* of `tree`: heads only */
    struct text tree;  /* where the parts of `tree` begin */
};
void certificate_read(const char *name, const struct network *net, struct certificate *cert);
/* A part is its first line, the head, and a body. */
void part_head(struct text *t, const struct network *net, const struct certificate *c,
               struct part *part);
void part_body(struct text *t, const struct network *net, const struct certificate *c,
               struct part *part);
void tree_read(struct text *t, const struct network *net, struct certificate *c);
size_t relu_count(const struct network *net,
                  size_t end); /* neurons of relu layers before layer end */
/* Which neuron a number over all relu layers is; at and before: a layer to begin with (1), and the
 * number of its first neuron (0), which move on. */
size_t relu_neuron(const struct network *net, size_t number, size_t *at, size_t *before);
/* What follows the letters of a part of `identity`; before that the gates of layer l, and their ends. */
void identity_read(struct text *t, const struct certificate *c, struct part *part);
void gates_read(struct text *t, const struct network *net, size_t l, struct part *part);
double real_line(struct text *t, const char *name, double least);
/* A line with a letter for every neuron of each relu layer, other ones being allowed if only layer L
 * reads it; '-' for other neurons.  letters_line: of one layer. */
char *letters_read(struct text *t, const struct network *net, const char *word, const char *inner,
                   const char *outer);
void letters_line(struct text *t, const struct network *net, size_t l, const char *word,
                  const char *letters, char *value);
struct range {
    double lo, hi;
};
struct problem { /* a network and a certificate with what follows from both */
    const struct network *net;
    const struct certificate *cert;
    struct matrix *last; /* the terms of layer L, S times them */
    bool interior;       /* the region has one */
    struct range *z;     /* of the inputs and all neurons but those of layer L */
    enum state *state;   /* of all neurons; as z and phase say */
    enum state *phase;   /* of a node of `tree`: what it assumes of neurons */
    /* Room for bounds.c: functions of all neurons, rows of inputs, lower slopes of all neurons. */
    struct sum *g;
    double *row, *slope;
};
void bounds_compute(struct problem *p); /* interior, state, z, phase */
/* Of a node of `tree` (section 14): z and state once more, for its phases and inputs; an upper bound of
 * the sum of c_i z of neuron i. */
void bounds_tighten(struct problem *p);
double bounds_combination(struct problem *p, size_t count, const size_t *neuron, const double *c);
double product_bound(const struct problem *p);
double jacobian_bound(const struct problem *p);
double jacobian_leaf(const struct problem *p, const struct part *part);
double sdp_bound(const struct problem *p);
double *sdp_norms(const struct problem *p); /* 2-norms of the terms of all layers */
double sdp_part(const struct problem *p, const double *two, const struct part *part);
double identity_bound(const struct problem *p);
double tree_bound(const struct problem *p);
/* The rules `empty span` and `empty hull` (span.c): do the rows z or -z, h, and h - z of the neurons of three lists, and 1,
 * leave nothing of the node's cells? */
struct list {
    size_t count;
    const size_t *neuron;
};
bool span_empty(const struct problem *p, size_t level, bool one, bool hull,
                const struct list lists[3]);
double witness_bound(const struct problem *p);
/* Of the parts of both statements (sdp.c): w_j, at least, and c_j; rejected unless neuron k of layer l,
 * whose y has entries or not, is as stable as its letters say; theorem 7: are all pairs covered? */
double input_width(const struct certificate *c, size_t j, double *centre);
void letters_check(const struct problem *p, const struct part *part, size_t l, size_t k,
                   bool entries);
void cover_check(const struct certificate *c, size_t n);

/* Upper bounds of |A|_{from -> to} in norm[from][to]; s: one of the 2-norm, or infinite. */
void matrix_norms(const struct matrix *a, double s, double norm[3][3]);
void spectral_check(const struct matrix *a, double s, const char *what); /* proves |A|_2 <= s */
/* matrix_norms of term i of layer l with its spectral line, if that is the next, which is counted. */
void term_norms(const struct problem *p, const struct matrix *a, size_t l, size_t i, size_t *next,
                double norm[3][3]);

/* A symmetric matrix of order n of which the entries from some first column of a row to the diagonal
 * are stored, four rows together (positive.c). */
struct profile {
    size_t n, groups, *first; /* first: of each group of four rows */
    double **block;
    int *shift; /* row and column i were multiplied by 2^shift[i] */
};
struct profile profile_new(size_t n, const size_t *first); /* first[i] <= i */
/* Entry (i, j), first[i] <= j <= i. */
static inline double *profile_at(const struct profile *m, size_t i, size_t j) {
    return &m->block[i / 4][4 * (j - m->first[i / 4]) + i % 4];
}
bool profile_scale(struct profile *m); /* diagonal to [1/2, 2); false unless positive and finite */
/* After profile_scale: is m + E positive semidefinite for every symmetric E whose rows have sums of
 * magnitudes of at most radius[i]?  true is a proof.  Destroys m. */
bool profile_positive(struct profile *m, const double *radius);

#endif
