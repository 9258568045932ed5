/* What the files of lipcheck share.  Read in this order:
 *
 *   lipcheck.c                                     the program
 *   text.c sha256.c network.c certificate.c        files: everything malformed is found here
 *   round.h                                        the rounding rules that every proof uses
 *   bounds.c     pre-activation bounds, stable neurons       (certificate.md, sections 3 to 5)
 *   norms.c      norms of matrices, statement `product`      (6, 7)
 *   jacobian.c   statement `interval`                        (8)
 *   sdp.c        statement `sdp`                             (9)
 *   positive.c   positive semidefinite matrices              (9, theorem 8)
 *   witness.c    lower bounds                                (10)
 *
 * Nothing is shared with lipcert.  A function that returns a bound has proved it; if something is wrong,
 * it does not return.  Layer 0 is the input.  Neurons of all layers, inputs first, are numbered
 * through: neuron k of layer l is number net->first[l] + k. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Say why and exit with status 1, or 2 if a file or the call is at fault. */
_Noreturn void reject(const char *format, ...);
_Noreturn void give_up(const char *format, ...);

/* Zeroed memory, never NULL; at most 8 GiB in all.  release frees what was taken after the mark. */
void *take(size_t count, size_t size);
void *mark(void);
void release(const void *mark);
/* The array, or a copy of twice its room if its `used` objects fill it (used: 0, 1, 2, 3, ...). */
void *grow(void *array, size_t used, size_t size);
size_t times(size_t a, size_t b); /* 2^64 - 1 if the product is larger */

/* A file in memory, followed by a 0 byte, and a position in it. */
struct text {
    const char *name;
    char *bytes;
    size_t size, at, line;
};

struct text text_open(const char *name);
_Noreturn void malformed(const struct text *t, const char *expected, ...);
void expect(struct text *t, const char *s); /* exactly these bytes come next */
bool maybe(struct text *t, const char *s);  /* skip them if they do */
size_t integer(struct text *t, size_t least, size_t most, const char *what);
double real(struct text *t);
double *reals(struct text *t, size_t count); /* a space and a real, count times, then a line feed */
/* Malformed unless `count` things of at least `bytes` bytes each can follow. */
void need(const struct text *t, size_t count, size_t bytes);

void sha256_hex(const char *bytes, size_t size, char hex[65]);

/* Row i has entries start[i] .. start[i + 1] - 1; none of them is 0.  In a `rounded` matrix, which
 * has one row, entries have a relative error of up to 2^-53. */
struct matrix {
    size_t rows, cols, *start;
    uint32_t *col;
    double *val;
    bool rounded;
};

struct term {
    size_t source;
    struct matrix a;
};

struct layer {
    size_t width, terms, letter; /* letter: if relu, how many neurons of relu layers come before */
    bool relu, inner;            /* inner: read by a layer other than L */
    double *bias;
    struct term *term;
};

struct network {
    size_t layers, *first, neurons;   /* L; 1 + L + 1 numbers; with inputs */
    struct layer *layer;              /* [0] is the input */
    size_t *relu, relu_layers, relus; /* the relu layers and the number of their neurons */
    char hash[65];
};

void network_read(const char *name, struct network *net);

enum region { EVERYWHERE, BOX, BALL };
enum norm { ONE, TWO, INF };
enum output { ALL, ROW, MARGIN };
enum bounds { NONE, INTERVAL, LINEAR };
enum statement { PRODUCT, JACOBIAN, SDP };
enum set { CUBE, SPHERE, UNIT, FIXED };
enum multiplier { BOUND, TANGENT, RANGE, BIN, GATE, SWITCH, CAP, KINDS };

struct spectral {
    size_t layer, term;
    double s;
};

struct multipliers {
    size_t kind, layer;
    double *value;
};

struct part {
    enum set in, out;
    size_t in_index, out_index, lines;
    char *role; /* of the neurons of relu layers, in order; 0 behind */
    bool has_one;
    double one, *input, *dual;
    struct multipliers *line;
};

struct certificate {
    char hash[65];
    enum region region;
    double *lo, *hi, *centre, radius;
    enum norm p, q;
    enum output output;
    size_t plus, minus, rows; /* the outputs of a row or margin; the rows of S */
    enum bounds bounds;
    char *slope; /* of the neurons of relu layers, in order */
    bool has_upper, has_lower;
    double upper, lower, of_matrix[3]; /* magnitude, midpoint, radius; infinite if not there */
    enum statement statement;
    struct spectral *spectral;
    size_t spectrals, parts;
    struct part *part;
    double *point, *direction;
};

void certificate_read(const char *name, const struct network *net, struct certificate *cert);

enum state { UNSTABLE, ACTIVE, INACTIVE };

struct range {
    double lo, hi;
};

/* A network and a certificate with what follows from both. */
struct problem {
    const struct network *net;
    const struct certificate *cert;
    struct term *last; /* the terms of layer L, their matrices replaced by S times them */
    bool interior;     /* the region has one */
    struct range *z;   /* of the inputs and all neurons but those of layer L; unused for bounds none */
    enum state *state;
};

void bounds_compute(struct problem *p); /* interior, z, state */
struct matrix matrix_transpose(const struct matrix *a);
/* Upper bounds of |A|_{from -> to} in norm[from][to]; s: one of the 2-norm, or infinite. */
void matrix_norms(const struct matrix *a, double s, double norm[3][3]);
/* The same for a term, which has a number within its layer, with its spectral line if there is one. */
void term_norms(const struct problem *p, const struct term *term, size_t layer, size_t number,
                double norm[3][3]);
void spectral_check(const struct matrix *a, double s, const char *what); /* proves |A|_2 <= s */
double product_bound(const struct problem *p);
double jacobian_bound(const struct problem *p);
double sdp_bound(const struct problem *p);
double witness_bound(const struct problem *p);

/* A symmetric matrix of order n of which the entries from some first column of a row to the diagonal
 * are stored, four rows together (positive.c).  Row and column i are multiplied by 2^shift[i]. */
struct profile {
    size_t n, groups, *first; /* first: of each group of four rows */
    double **block;
    int *shift;
};

struct profile profile_new(size_t n, const size_t *first); /* first[i] <= i */
double *profile_at(const struct profile *m, size_t i, size_t j); /* first[i] <= j <= i */
/* Scale the diagonal to [1/2, 2); false if an entry of it is not positive and finite. */
bool profile_scale(struct profile *m);
/* After profile_scale: is m + E positive semidefinite for every symmetric E whose rows have sums of
 * magnitudes of at most radius[i]?  true is a proof.  Destroys m. */
bool profile_positive(struct profile *m, const double *radius);

#endif
