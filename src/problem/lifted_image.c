/* Tangents as linear functions of p, layer by layer.
 *
 * The image T of a layer satisfies  y = T p  on true points, in true (unscaled) units of y:
 *
 *     T_l = sum over terms  A_t H_source,     row i of H_l =  row i of T_l   stable active, or no ReLU
 *                                                             0              inactive, or row i of T_l = 0
 *                                                             2^e e_v        unstable: v = 2^e p_v, e new
 *
 * so substituting stable neurons is all done here.  e is the least exponent with 2^e > R, R what a
 * certificate claims for r (a little more, so that another order of summation proves it too), and r bounds |y|: by the row sum of |T| times the bounds of the variables, or by |row of A|_2 times the bound on
 * the 2-norm of the source's tangent, which is the smaller of the norm of its r and the product of
 * spectral norms.  r >= |y| also for the input norm 2, where the columns of t enter by their 2-norm.
 *
 * Rounding: a product with an image of unit rows picks single weights times powers of two and is exact;
 * otherwise midpoints and radii follow the rule of net/enclose.c,
 * |fl(A c) - A x| <= |A| (r + G |c|) for |x - c| <= r. */
#include "problem/lifted_build.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "linalg/norms.h"
#include "problem/proof.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_EXPONENT = 400 };
enum { DENSE_LIMIT = 1 << 25 }; /* entries of a matrix whose row norms are looked at */

lip_coefficient lip_lifted_scale(double value, double radius, int exponent) {
    lip_coefficient c = {0, ldexp(value, exponent), 0};
    if (radius != 0) c.radius = fmax(lip_up(ldexp(radius, exponent)), 0x1p-950);
    if (value != 0 && fabs(c.value) < 0x1p-900) {
        c.value = 0; /* the scaling may have underflowed */
        c.radius = lip_add_up(c.radius, 0x1p-899);
    }
    return c;
}

void lip_image_clear(lip_image *image) {
    free(image->mid);
    free(image->rad);
    memset(image, 0, sizeof *image);
}

static bool image_create(const lip_lifting *b, size_t l, lip_image *image) {
    size_t count;
    if (!lip_multiply_sizes(b->net->layer[l].width, b->columns, &count)) return false;
    image->mid = LIP_NEW(double, count);
    image->rad = LIP_NEW(double, count);
    return image->mid && image->rad;
}

bool lip_lifting_input(lip_lifting *b) {
    lip_image *image = &b->image[0];
    if (!image_create(b, 0, image)) return false;
    image->units = true;
    if (b->input != LIP_NONE) image->mid[b->input * b->columns + 1] = 1;
    for (size_t i = 0; b->input == LIP_NONE && i < b->inputs; ++i)
        image->mid[i * b->columns + 1 + i] = 1;
    return true;
}

/* ---- Images of z ------------------------------------------------------------------------- */

/* Is every entry of T_l one product of a weight and a power of two?  Weights below TINY might
 * underflow. */
static bool exact_layer(const lip_lifting *b, const lip_layer *layer) {
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_op *op = layer->term[t].op;
        if (!b->image[layer->term[t].source].units) return false;
        for (size_t o = 0; o < t; ++o)
            if (layer->term[o].source == layer->term[t].source) return false;
        for (size_t i = 0; i < op->nvalues; ++i)
            if (op->value[i] != 0 && fabs(op->value[i]) < LIP_TINY) return false;
    }
    return true;
}

static size_t layer_terms(const lip_layer *layer) {
    size_t terms = 2;
    for (size_t t = 0; t < layer->nterms; ++t) terms += lip_op_row_terms(layer->term[t].op) + 1;
    return terms;
}

/* rad += |A| (r + G |c|), to be enlarged by the caller. */
static bool add_radii(const lip_lifting *b, const lip_term *term, double gamma, double *rad) {
    const lip_image *from = &b->image[term->source];
    size_t count = b->net->layer[term->source].width * b->columns;
    double *work = LIP_NEW(double, count);
    if (!work) return false;
    for (size_t i = 0; i < count; ++i)
        work[i] = lip_magnitude((from->rad[i] + gamma * lip_magnitude(from->mid[i])) *
                                (1 + 4 * LIP_UNIT));
    lip_op_apply(term->magnitude, b->columns, work, rad);
    free(work);
    return true;
}

static bool all_finite(size_t n, const double *x) {
    for (size_t i = 0; i < n; ++i)
        if (!isfinite(x[i])) return false;
    return true;
}

lip_status lip_lifting_preimage(lip_lifting *b, size_t l, lip_error *err) {
    const lip_layer *layer = &b->net->layer[l];
    lip_image *image = &b->image[l];
    if (!image_create(b, l, image)) return lip_fail_memory(err);
    bool exact = exact_layer(b, layer);
    size_t terms = layer_terms(layer), count = layer->width * b->columns;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_term *term = &layer->term[t];
        lip_op_apply(term->op, b->columns, b->image[term->source].mid, image->mid);
        if (!exact && !add_radii(b, term, lip_gamma(terms), image->rad))
            return lip_fail_memory(err);
    }
    for (size_t i = 0; i < count; ++i) image->rad[i] = lip_sum_up(image->rad[i], terms + 2);
    if (!all_finite(count, image->mid) || !all_finite(count, image->rad))
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the %s of layer %zu overflow: expected weights of moderate size", b->noun,
                        l);
    return LIP_OK;
}

/* ---- Ranges ------------------------------------------------------------------------------ */

/* A bound on |row p| over true points. */
static double row_range(const lip_lifting *b, const double *mid, const double *rad) {
    bool ball = b->query->norm_in == LIP_NORM_2;
    double sum = 0, squares = 0;
    for (size_t j = 0; j < b->used; ++j) {
        if (mid[j] == 0 && rad[j] == 0) continue;
        double a = lip_magnitude(lip_add_up(fabs(mid[j]), rad[j]));
        if (ball && j >= 1 && j <= b->inputs)
            squares += a * a;
        else
            sum += a * lip_magnitude(b->most[j]); /* both at least 2^-480: no underflow */
    }
    return lip_add_up(lip_sum_up(sum, b->used), lip_sqrt_up(lip_sum_up(squares, b->used)));
}

/* least[i] = min(least[i], sum over terms |row i|_2 norm[source]). */
static bool tighten_by_norms(const lip_lifting *b, size_t l, double *least) {
    const lip_layer *layer = &b->net->layer[l];
    double *bound = LIP_NEW(double, layer->width);
    bool ok = bound != NULL;
    for (size_t t = 0; ok && t < layer->nterms; ++t) {
        const lip_op *op = layer->term[t].magnitude;
        size_t count;
        if (!lip_multiply_sizes(op->rows, op->cols, &count) || count > DENSE_LIMIT) {
            free(bound);
            return true;
        }
        double *dense = LIP_NEW(double, count);
        ok = dense != NULL;
        if (ok) lip_op_to_dense(op, dense);
        for (size_t i = 0; ok && i < layer->width; ++i) {
            double norm = lip_vector_norm_up(op->cols, dense + i * op->cols, NULL, 1, LIP_NORM_2);
            double part = lip_mul_up(norm, b->norm[layer->term[t].source]);
            if (part > 0) bound[i] = lip_add_up(bound[i], part);
        }
        free(dense);
    }
    for (size_t i = 0; ok && i < layer->width; ++i)
        if (bound[i] < least[i]) least[i] = bound[i];
    free(bound);
    return ok;
}

static bool layer_ranges(lip_lifting *b, size_t l) {
    const lip_layer *layer = &b->net->layer[l];
    const lip_image *image = &b->image[l];
    double *range = b->range + layer->offset;
    for (size_t i = 0; i < layer->width; ++i)
        range[i] = row_range(b, image->mid + i * b->columns, image->rad + i * b->columns);
    return tighten_by_norms(b, l, range);
}

/* norm[l] from the ranges of what is alive, and from spectral norms. */
static bool layer_norm(lip_lifting *b, size_t l) {
    const lip_layer *layer = &b->net->layer[l];
    double product = 0, squares = 0;
    for (size_t i = 0; i < layer->width; ++i)
        if (b->role[layer->offset + i] != LIP_ROLE_DEAD) {
            double r = b->range[layer->offset + i];
            squares = lip_add_up(squares, lip_mul_up(r, r));
        }
    for (size_t t = 0; t < layer->nterms; ++t) {
        double norm;
        if (!lip_norm_bound(layer->term[t].op, LIP_NORM_2, LIP_NORM_2, b->options->gram_limit,
                            &norm))
            return false;
        product = lip_add_up(product, lip_mul_up(norm, b->norm[layer->term[t].source]));
    }
    b->norm[l] = fmin(lip_sqrt_up(squares), product);
    return true;
}

/* ---- Images of h ------------------------------------------------------------------------- */

static bool zero_row(const lip_lifting *b, const double *mid, const double *rad) {
    for (size_t j = 0; j < b->used; ++j)
        if (mid[j] != 0 || rad[j] != 0) return false;
    return true;
}

/* The row of y, in the scale of v. */
static bool store_row(lip_lifting *b, const double *mid, const double *rad, int exponent,
                      size_t *last) {
    lip_lifted *lifted = b->lifted;
    for (size_t j = 0; j < b->used; ++j) {
        if (mid[j] == 0 && rad[j] == 0) continue;
        if (!lip_grow((void **)&lifted->coefficient, &b->coefficient_capacity, *last + 1,
                      sizeof *lifted->coefficient))
            return false;
        lip_coefficient c = lip_lifted_scale(mid[j], rad[j], -exponent);
        c.column = j;
        lifted->coefficient[(*last)++] = c;
    }
    return true;
}

double lip_lifted_claim(double r, int *exponent) {
    double claim = lip_claim(r);
    frexp(claim, exponent);
    if (*exponent < -LARGEST_EXPONENT) *exponent = -LARGEST_EXPONENT;
    return fmax(ldexp(claim, -*exponent), 0x1p-400);
}

/* A new variable v for neuron i of layer l, whose row of the image becomes a unit row. */
static lip_status add_tangent(lip_lifting *b, size_t l, size_t i, lip_error *err) {
    lip_lifted *lifted = b->lifted;
    double *mid = b->image[l].mid + i * b->columns, *rad = b->image[l].rad + i * b->columns;
    double r = b->range[b->net->layer[l].offset + i];
    int exponent;
    double claim = lip_lifted_claim(r, &exponent);
    if (!(r < INFINITY) || exponent > LARGEST_EXPONENT)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the tangents of layer %zu reach %g: expected less than 2^%d", l, r,
                        (int)LARGEST_EXPONENT);
    lip_neuron *neuron = &lifted->neuron[lifted->neurons];
    *neuron = (lip_neuron){l, i, b->used, LIP_NONE, 0, 0, 0};
    if (lifted->neurons > 0) neuron->first = neuron[-1].last;
    neuron->last = neuron->first;
    if (!store_row(b, mid, rad, exponent, &neuron->last)) return lip_fail_memory(err);
    double scaled = lip_up(ldexp(r, -exponent)); /* lip_up: the scaling may underflow */
    neuron->range = lip_mul_up(claim, claim);
    b->most[b->used] = fmin(fmax(scaled, 0x1p-400), 1);
    memset(mid, 0, b->columns * sizeof *mid);
    memset(rad, 0, b->columns * sizeof *rad);
    mid[b->used++] = ldexp(1, exponent);
    ++lifted->neurons;
    return LIP_OK;
}

lip_status lip_lifting_layer(lip_lifting *b, size_t l, lip_error *err) {
    const lip_layer *layer = &b->net->layer[l];
    lip_status status = lip_lifting_preimage(b, l, err);
    if (status != LIP_OK) return status;
    lip_image *image = &b->image[l];
    if (b->inner[l] && !layer_ranges(b, l)) return lip_fail_memory(err);
    size_t before = b->used;
    image->units = true;
    for (size_t i = 0; status == LIP_OK && i < layer->width; ++i) {
        unsigned char *role = &b->role[layer->offset + i];
        double *mid = image->mid + i * b->columns, *rad = image->rad + i * b->columns;
        if (zero_row(b, mid, rad)) *role = LIP_ROLE_DEAD;
        if (*role == LIP_ROLE_DEAD) {
            memset(mid, 0, before * sizeof *mid);
            memset(rad, 0, before * sizeof *rad);
        } else if (*role == LIP_ROLE_TANGENT) {
            status = add_tangent(b, l, i, err);
        } else {
            image->units = false;
        }
    }
    if (status == LIP_OK && b->inner[l] && !layer_norm(b, l)) status = lip_fail_memory(err);
    return status;
}
