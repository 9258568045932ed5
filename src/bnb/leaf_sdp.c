/* A bound for a leaf from the multipliers of its semidefinite program (docs/certificate.md, section 9).
 *
 * Neurons whose phase is unknown have a variable v; with p = (t, v, w), or (t, v, 1) for a fixed row,
 *
 *     p'S p = sum input t^2 + sum tangent v^2 + sum dual w^2  -  sum tangent v y  -  sum w_o y_o,
 *
 * and if S is positive semidefinite, F = sum w_o y_o is at most T + W, T the sum of `input` and W that of `dual` or
 * `one`; T W can be had at any ratio, so without `one` the bound is 2 (T W)^.5, and with it the multipliers are
 * balanced first.  y of a neuron only has entries of inputs and of earlier neurons, so every entry of S off the
 * diagonal is one product,  -y/2  or  -tangent y/2.
 *
 * Rounding.  A way from a variable to y is a product of weights, and y the sum over all ways.  With K more than
 * the roundings of any way and of all sums that it is part of, computed y differ from true ones by GAMMA(K)
 * times the same with magnitudes, Y; so does lipcheck's, whose sums have other orders.  Only the row sums of errors,
 * scaled, are needed: with Y' s and Y s, products with vectors, each a pass through the network, they cost as much
 * as a gradient.
 *
 * Proved is what is written, so multipliers are rounded to few bits first.  With d_i^2 S_ii in [1/2, 2),
 * r_i = d_i S_ii^.5, N variables, c = GAMMA(N + 16) and P_i the variables that meet variable i inside lipcheck's
 * envelope, let
 *
 *     h_i = c r_i sum over P_i of r_j,      e_i = GAMMA(K) d_i (Y s)_i.
 *
 * h_i bounds the row sum of the backward error of our factorisation of D S D, and the sum that lipcheck takes off its
 * diagonal (theorem 8, where c is half as large and taken twice); what its own factorisation does is half of it
 * again.  e_i bounds the errors of our entries and of lipcheck's.  So if  D S D - Diag(4 h + 4 e)  is factorised,
 * S is positive definite with enough left for lipcheck: h + e for what we computed, h/2 + e for what it computes,
 * h + e for what it takes off.
 *
 * If it fails, all multipliers are multiplied by 1 + g.  With Q = S + F the part of S that they make up,
 * S grows by g Q, and Q is the mean of S and of S with the other sign of w: positive definite if S nearly is. */
#include "bnb/leaf_work.h"
#include "linalg/cholesky.h"
#include "problem/proof.h"

#include <cblas.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

/* ---- y as functions of the variables ----------------------------------------------------- */

/* y += a times the image of a unit. */
static void add_image(const lip_leaf *leaf, double a, size_t unit, double *restrict y) {
    if (leaf->role[unit] == 'v') {
        y[leaf->variable[unit]] += a;
        return;
    }
    const double *restrict image = lip_leaf_y(leaf, unit);
    size_t width = leaf->width[leaf->dense->layer_of[unit]];
    for (size_t x = 0; x < width; ++x) y[x] += a * image[x];
}

/* y += row times the inputs; true if it has entries. */
static bool add_inputs(const lip_leaf *leaf, const double *restrict row, double *restrict y) {
    bool any = false;
    if (leaf->part.input == LIP_SET_UNIT) {
        y[0] += row[leaf->part.input_index];
        return row[leaf->part.input_index] != 0;
    }
    for (size_t j = 0; j < leaf->inputs; ++j) y[j] += row[j];
    for (size_t j = 0; j < leaf->inputs && !any; ++j) any = row[j] != 0;
    return any;
}

static bool sum_images(const lip_leaf *leaf, size_t l, size_t i, double *y) {
    const lip_dense *dense = leaf->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    bool any = false;
    memset(y, 0, leaf->width[l] * sizeof *y);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *row = layer->term[t].row + i * source->width;
        if (layer->term[t].source == 0) {
            any |= add_inputs(leaf, row, y);
            continue;
        }
        for (size_t j = 0; j < source->width; ++j) {
            size_t unit = source->offset + j;
            if (row[j] == 0 || leaf->role[unit] == 'i') continue;
            any = true;
            add_image(leaf, row[j], unit, y);
        }
    }
    return any;
}

/* The role of a unit whose y is known. */
static char role_of(const lip_leaf *leaf, const lip_leaf_node *node, size_t l, size_t unit) {
    if (!leaf->reached[unit]) return 'i';
    if (!leaf->dense->layer[l].relu) return 'a';
    lip_phase phase = lip_leaf_phase(node, unit);
    return phase == LIP_ACTIVE ? 'a' : phase == LIP_INACTIVE ? 'i' : 'v';
}

/* Roles, variables and y of all units; true if F is not 0. */
static bool follow(lip_leaf *leaf, const lip_leaf_node *node) {
    const lip_dense *dense = leaf->dense;
    bool any = false;
    leaf->neurons = 0;
    for (size_t l = 1; l <= dense->layers; ++l) {
        size_t first, last;
        lip_leaf_units(leaf, l, &first, &last);
        leaf->width[l] = leaf->inputs + leaf->neurons;
        for (size_t i = first; i < last; ++i) {
            size_t unit = dense->layer[l].offset + i;
            leaf->reached[unit] = sum_images(leaf, l, i, lip_leaf_y(leaf, unit));
            leaf->role[unit] = role_of(leaf, node, l, unit);
            if (leaf->role[unit] == 'v') leaf->variable[unit] = leaf->inputs + leaf->neurons++;
            if (l == dense->layers) any |= leaf->reached[unit];
        }
    }
    return any;
}

/* ---- Magnitudes -------------------------------------------------------------------------- */

/* ahead[unit] = sum over the variables x of |y|_x scale_x. */
static double pass_ahead(const lip_leaf *leaf, size_t l, size_t i) {
    const lip_dense *dense = leaf->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    double sum = 0;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *row = layer->term[t].row + i * source->width;
        if (layer->term[t].source == 0 && leaf->part.input == LIP_SET_UNIT) {
            sum += lip_leaf_size(row[leaf->part.input_index]) * leaf->scale[0];
        } else if (layer->term[t].source == 0) {
            for (size_t j = 0; j < leaf->inputs; ++j) sum += lip_leaf_size(row[j]) * leaf->scale[j];
        } else {
            for (size_t j = 0; j < source->width; ++j)
                sum += lip_leaf_size(row[j]) * leaf->ahead[source->offset + j];
        }
    }
    return lip_leaf_size(sum);
}

/* What reaches a unit's y with weight g goes on to its sources. */
static void pass_back(const lip_leaf *leaf, size_t l, size_t i, double g) {
    const lip_dense *dense = leaf->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *restrict row = layer->term[t].row + i * source->width;
        if (layer->term[t].source == 0 && leaf->part.input == LIP_SET_UNIT) {
            leaf->sum[0] += g * lip_leaf_size(row[leaf->part.input_index]);
            continue;
        }
        double *restrict to = layer->term[t].source == 0 ? leaf->sum : leaf->back + source->offset;
        for (size_t j = 0; j < source->width; ++j) to[j] += g * lip_leaf_size(row[j]);
    }
}

/* sum = (the matrix of magnitudes of S) times scale. */
static void sum_magnitudes(lip_leaf *leaf) {
    const lip_dense *dense = leaf->dense;
    size_t first, last, output = leaf->inputs + leaf->neurons;
    for (size_t x = 0; x < output + leaf->outputs; ++x)
        leaf->sum[x] = lip_leaf_size(leaf->diagonal[x]) * leaf->scale[x];
    memset(leaf->back, 0, dense->units * sizeof *leaf->back);
    for (size_t l = 1; l <= dense->layers; ++l) {
        lip_leaf_units(leaf, l, &first, &last);
        for (size_t i = first; i < last; ++i) {
            size_t unit = dense->layer[l].offset + i, x = leaf->variable[unit];
            char role = leaf->role[unit];
            leaf->ahead[unit] = role == 'i' && l < dense->layers ? 0 : pass_ahead(leaf, l, i);
            if (l == dense->layers) leaf->sum[output + i - first] += leaf->ahead[unit];
            if (role != 'v') continue;
            leaf->sum[x] += lip_leaf_size(leaf->tangent[unit]) * leaf->ahead[unit];
            leaf->ahead[unit] = leaf->scale[x];
        }
    }
    for (size_t l = dense->layers; l > 0; --l) {
        lip_leaf_units(leaf, l, &first, &last);
        for (size_t i = first; i < last; ++i) {
            size_t unit = dense->layer[l].offset + i, x = leaf->variable[unit];
            double g = leaf->back[unit];
            if (l == dense->layers) g = leaf->scale[output + i - first];
            if (leaf->role[unit] == 'i') continue;
            if (leaf->role[unit] == 'v') {
                leaf->sum[x] += g;
                g = lip_leaf_size(leaf->tangent[unit]) * leaf->scale[x];
            }
            pass_back(leaf, l, i, lip_leaf_size(g));
        }
    }
}

/* ---- The matrix -------------------------------------------------------------------------- */

/* d with d^2 x in [1/2, 2): as lipcheck has it, which factorises 8 S. */
static double scale_of(double x) {
    int e;
    frexp(8 * x, &e);
    return ldexp(1, -(e - (e & 1)) / 2);
}

static void put_diagonal(lip_leaf *leaf) {
    const lip_dense *dense = leaf->dense;
    size_t output = leaf->inputs + leaf->neurons;
    bool cube = leaf->part.input == LIP_SET_CUBE;
    for (size_t j = 0; j < leaf->inputs; ++j) leaf->diagonal[j] = leaf->input[cube ? j : 0];
    for (size_t k = 0; k < dense->relus; ++k)
        if (leaf->role[dense->relu[k]] == 'v')
            leaf->diagonal[leaf->variable[dense->relu[k]]] = leaf->tangent[dense->relu[k]];
    cube = leaf->part.output == LIP_SET_CUBE;
    for (size_t o = 0; o < leaf->outputs; ++o)
        leaf->diagonal[output + o] =
            leaf->part.output == LIP_SET_FIXED ? leaf->one : leaf->dual[cube ? o : 0];
}

/* Scale, and which rows are there: a row of zeros is left out, as a 1 on the diagonal.  False if the
 * diagonal is not positive. */
static bool choose_scale(lip_leaf *leaf, size_t n) {
    for (size_t x = 0; x < n; ++x)
        leaf->scale[x] = leaf->diagonal[x] > 0x1p-900 && leaf->diagonal[x] < 0x1p900
                             ? scale_of(leaf->diagonal[x])
                             : 1;
    sum_magnitudes(leaf);
    for (size_t x = 0; x < n; ++x) {
        if (leaf->diagonal[x] == 0 && leaf->sum[x] == 0) leaf->diagonal[x] = 1;
        if (!(leaf->diagonal[x] > 0x1p-900 && leaf->diagonal[x] < 0x1p900)) return false;
    }
    return true;
}

/* A column of S above the diagonal: -factor y/2, scaled. */
static void put_column(lip_leaf *leaf, size_t x, double factor, const double *y, size_t width,
                       size_t columns) {
    double by = -0.5 * factor, d = leaf->scale[x];
    size_t column = x - leaf->inputs;
    for (size_t j = 0; j < leaf->inputs; ++j)
        leaf->side[j * columns + column] = (by * y[j]) * (d * leaf->scale[j]);
    for (size_t j = leaf->inputs; j < width; ++j)
        leaf->corner[(j - leaf->inputs) * columns + column] = (by * y[j]) * (d * leaf->scale[j]);
}

/* D S D without its diagonal. */
static void put_columns(lip_leaf *leaf) {
    const lip_dense *dense = leaf->dense;
    size_t columns = leaf->neurons + leaf->outputs, first, last;
    memset(leaf->corner, 0, columns * columns * sizeof *leaf->corner);
    for (size_t k = 0; k < dense->relus; ++k) {
        size_t unit = dense->relu[k];
        if (leaf->role[unit] == 'v')
            put_column(leaf, leaf->variable[unit], leaf->tangent[unit], lip_leaf_y(leaf, unit),
                       leaf->width[dense->layer_of[unit]], columns);
    }
    lip_leaf_units(leaf, dense->layers, &first, &last);
    for (size_t i = first; i < last; ++i)
        put_column(leaf, leaf->inputs + leaf->neurons + i - first, 1,
                   lip_leaf_y(leaf, dense->layer[dense->layers].offset + i),
                   leaf->width[dense->layers], columns);
}

/* diagonal = that of D S D - Diag(4 h + 4 e). */
static void take_off(lip_leaf *leaf, size_t n) {
    double all = 12, below = 12, c = lip_gamma(n + 16), gamma = lip_gamma(leaf->roundings);
    bool first = leaf->part.output == LIP_SET_FIXED; /* lipcheck's 1 comes first and meets all */
    for (size_t x = 0; x < n; ++x) {
        double d = leaf->scale[x];
        leaf->diagonal[x] *= d * d;
        all += sqrt(leaf->diagonal[x]);
        if (x >= leaf->inputs) below += sqrt(leaf->diagonal[x]);
    }
    for (size_t x = 0; x < n; ++x) {
        double r = sqrt(leaf->diagonal[x]);
        bool few = !first && x + 8 < leaf->inputs; /* t meets no t, but for lipcheck's blocks */
        double h = c * r * (few ? below + r : all);
        double e = gamma * leaf->scale[x] * leaf->sum[x];
        leaf->diagonal[x] -= 4.01 * (h + e) + (double)n * 0x1p-900;
    }
}

/* ---- The factorisation ------------------------------------------------------------------- */

enum { BLOCKED = 96 }; /* columns from which on products of blocks are faster */

/* Row k of the corner, as far as it is a factor's, off those below it. */
static void eliminate(size_t columns, size_t from, const double *restrict factor,
                      double *restrict corner) {
    for (size_t i = from; i < columns; ++i) {
        double f = factor[i];
        double *restrict row = corner + i * columns;
        if (f == 0) continue;
        for (size_t j = i; j < columns; ++j) row[j] -= f * factor[j];
    }
}

static bool positive(double x) { return x > 0 && x < INFINITY; }

/* t one by one: they only meet v and w. */
static bool eliminate_inputs(lip_leaf *leaf, size_t columns) {
    bool blocked = columns >= BLOCKED && columns <= INT_MAX && leaf->inputs <= INT_MAX;
    for (size_t j = 0; j < leaf->inputs; ++j) {
        double *row = leaf->side + j * columns;
        if (!positive(leaf->diagonal[j])) return false;
        double pivot = sqrt(leaf->diagonal[j]);
        for (size_t k = 0; k < columns; ++k) row[k] /= pivot;
        if (!blocked) eliminate(columns, 0, row, leaf->corner);
    }
    if (blocked)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)columns, (int)leaf->inputs, -1,
                    leaf->side, (int)columns, 1, leaf->corner, (int)columns);
    return true;
}

static bool factorise(lip_leaf *leaf) {
    size_t columns = leaf->neurons + leaf->outputs;
    double *corner = leaf->corner;
    for (size_t k = 0; k < columns; ++k) corner[k * columns + k] = leaf->diagonal[leaf->inputs + k];
    if (!eliminate_inputs(leaf, columns)) return false;
    if (columns >= BLOCKED) {
        for (size_t i = 0; i < columns; ++i)
            for (size_t j = 0; j < i; ++j) corner[i * columns + j] = corner[j * columns + i];
        return lip_cholesky(columns, corner);
    }
    for (size_t k = 0; k < columns; ++k) {
        double *row = corner + k * columns;
        if (!positive(row[k])) return false;
        double pivot = sqrt(row[k]);
        for (size_t j = k + 1; j < columns; ++j) row[j] /= pivot;
        eliminate(columns, k + 1, row, corner);
    }
    return true;
}

static bool prove(lip_leaf *leaf) {
    size_t n = leaf->inputs + leaf->neurons + leaf->outputs;
    put_diagonal(leaf);
    if (!choose_scale(leaf, n)) return false;
    put_columns(leaf);
    take_off(leaf, n);
    return factorise(leaf);
}

/* ---- Multipliers ------------------------------------------------------------------------- */

/* x with few significant bits: away from 0 or to nearest. */
static double round_to(double x, int bits, bool up) {
    uint64_t b, mask = (UINT64_C(1) << (53 - bits)) - 1;
    if (bits >= 53) return x;
    memcpy(&b, &x, sizeof b);
    b = (b + (up ? mask : mask / 2 + 1)) & ~mask;
    memcpy(&x, &b, sizeof b);
    return x;
}

typedef struct proposal { /* the caller's multipliers */
    double one, balance;
    const double *input, *dual, *tangent;
} proposal;

static size_t input_reals(const lip_leaf *leaf) {
    return leaf->part.input == LIP_SET_CUBE ? leaf->inputs : 1;
}

static size_t dual_reals(const lip_leaf *leaf) {
    return leaf->part.output == LIP_SET_CUBE ? leaf->outputs : 1;
}

/* T and the number that balances it with one. */
static double balance_of(const lip_leaf *leaf, double one, const double *input) {
    double sum = 0;
    for (size_t j = 0; j < input_reals(leaf); ++j) sum += input[j];
    double k = sqrt(one / sum);
    return leaf->part.output == LIP_SET_FIXED && k > 0x1p-300 && k < 0x1p300 ? k : 1;
}

static void take_multipliers(lip_leaf *leaf, const proposal *from, double factor, int bits) {
    const lip_dense *dense = leaf->dense;
    double k = from->balance * factor;
    leaf->one = round_to(from->one / from->balance * factor, bits, true);
    for (size_t j = 0; j < input_reals(leaf); ++j)
        leaf->input[j] = round_to(from->input[j] * k, bits, true);
    for (size_t o = 0; from->dual && o < dual_reals(leaf); ++o)
        leaf->dual[o] = round_to(from->dual[o] * factor, bits, true);
    for (size_t u = 0; u < dense->relus; ++u) {
        size_t unit = dense->relu[u];
        if (leaf->role[unit] == 'v')
            leaf->tangent[unit] = round_to(from->tangent[unit] * k, bits, false);
    }
}

/* F = 0: nothing is needed. */
static void take_nothing(lip_leaf *leaf) {
    leaf->one = 0;
    memset(leaf->input, 0, leaf->inputs * sizeof *leaf->input);
    memset(leaf->dual, 0, leaf->outputs * sizeof *leaf->dual);
    memset(leaf->tangent, 0, leaf->dense->units * sizeof *leaf->tangent);
}

/* At least the sum, as other programs find it too. */
static double total(const double *x, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!(x[i] >= 0)) return INFINITY;
        sum += x[i];
    }
    return lip_sum_up(sum, 2 * count + 8);
}

static double value(const lip_leaf *leaf) {
    double input = total(leaf->input, input_reals(leaf));
    if (leaf->part.output == LIP_SET_FIXED)
        return input == 0 ? total(&leaf->one, 1) : lip_add_up(input, total(&leaf->one, 1));
    double dual = total(leaf->dual, dual_reals(leaf));
    return 2 * lip_mul_up(lip_sqrt_up(input), lip_sqrt_up(dual));
}

/* ---- Text -------------------------------------------------------------------------------- */

static void write_layer(const lip_leaf *leaf, size_t l, lip_text *text) {
    const lip_dense_layer *layer = &leaf->dense->layer[l];
    char letters[64];
    size_t used = 0;
    lip_text_word(text, "roles");
    lip_text_size(text, l);
    lip_text_word(text, " ");
    for (size_t i = 0; i < layer->width; ++i) {
        letters[used++] = leaf->role[layer->offset + i];
        letters[used] = '\0';
        if (used + 1 < sizeof letters && i + 1 < layer->width) continue;
        lip_text_word(text, letters);
        used = 0;
    }
    lip_text_word(text, "\n");
}

static void write_tangents(const lip_leaf *leaf, size_t l, lip_text *text) {
    const lip_dense_layer *layer = &leaf->dense->layer[l];
    bool any = false;
    for (size_t unit = layer->offset; unit < layer->offset + layer->width; ++unit) {
        if (leaf->role[unit] != 'v') continue;
        if (!any) {
            lip_text_word(text, "tangent");
            lip_text_size(text, l);
        }
        any = true;
        lip_text_real(text, leaf->tangent[unit]);
    }
    if (any) lip_text_word(text, "\n");
}

static void write(const lip_leaf *leaf, lip_text *text) {
    const lip_dense *dense = leaf->dense;
    lip_text_word(text, "sdp\n");
    for (size_t l = 1; l <= dense->layers; ++l)
        if (dense->layer[l].relu) write_layer(leaf, l, text);
    if (leaf->part.output == LIP_SET_FIXED) lip_text_reals(text, "one", 1, &leaf->one);
    lip_text_reals(text, "input", input_reals(leaf), leaf->input);
    if (leaf->part.output != LIP_SET_FIXED)
        lip_text_reals(text, "dual", dual_reals(leaf), leaf->dual);
    for (size_t l = 1; l <= dense->layers; ++l)
        if (dense->layer[l].relu) write_tangents(leaf, l, text);
}

/* How the multipliers are rounded and enlarged, one try after the other. */
static const struct {
    int bits;
    double gain;
} tries[] = {{30, 0},    {48, 0},    {48, 1e-12}, {48, 1e-11}, {48, 1e-10}, {40, 1e-9},
             {36, 1e-8}, {34, 1e-7}, {32, 1e-6},  {30, 1e-5},  {28, 1e-4},  {24, 1e-3}};

/* The bound and the lines of what was proved. */
static bool state(const lip_leaf *leaf, bool proved, double *bound, lip_text *text) {
    *bound = INFINITY;
    if (!proved || !(value(leaf) < INFINITY)) return true;
    *bound = lip_claim(value(leaf));
    if (text) write(leaf, text);
    return !text || !text->failed;
}

bool lip_leaf_sdp(lip_leaf *leaf, const lip_leaf_node *node, double one, const double *input,
                  const double *dual, const double *tangent, double *bound, lip_text *text) {
    proposal from = {one, balance_of(leaf, one, input), input, dual, tangent};
    bool proved = !follow(leaf, node);
    if (proved) take_nothing(leaf);
    for (size_t k = 0; !proved && k < sizeof tries / sizeof tries[0]; ++k) {
        take_multipliers(leaf, &from, 1 + tries[k].gain, tries[k].bits);
        proved = prove(leaf);
    }
    return state(leaf, proved, bound, text);
}

bool lip_leaf_sdp_again(lip_leaf *leaf, const lip_leaf_node *node, double one, const double *input,
                        const double *dual, const double *tangent, double *bound, lip_text *text) {
    proposal from = {one, 1, input, dual, tangent};
    bool proved = !follow(leaf, node);
    if (proved) {
        take_nothing(leaf);
    } else {
        take_multipliers(leaf, &from, 1, 53);
        proved = prove(leaf);
    }
    return state(leaf, proved, bound, text);
}
