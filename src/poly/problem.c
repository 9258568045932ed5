/* From a network to polynomials.
 *
 * Tangents.  y_l = sum over terms A (tangents of the sources); the tangent of h is y (no ReLU, or
 * active), 0 (inactive) or u y (unstable), so y is a polynomial in t and u, linear in t and
 * squarefree in u, and
 *
 *     F = sum over rows o of S of  w_o (S y_L)_o        (without w for a single row)
 *
 * has degree (unstable layers on a path) + 1 (+ 1).
 *
 * Points, on bounded regions: x_j = c_j + w_j x'_j (box: c the midpoint, w >= the half-width; ball:
 * w the radius), h = z (active), 0 (inactive), most h' (unstable and needed later), z = b + sum A
 * h.  Everything is substituted but h': z is linear in x' and h'.  Relaxations with blocks of
 * higher degree in z need z' = z / size as a variable of its own ("lifts"), else a power of z would
 * have far too many monomials.
 *
 * h' is in [0, 1] and z' has no offset, because then h^2 = h z reads h'^2 = (size / most) h' z', a
 * rule that maps a monomial to one monomial.  Inputs are centred: their boxes may lie far from 0.
 *
 * least and most are the proved bounds, widened as in problem/lifted_region.c so that a checker
 * that adds in another order finds them inside its own. */
#include "poly/problem.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "problem/lifted.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_TERMS = 2000000 };
static const double CLAIM_MARGIN = 0x1p-40;

typedef struct building {
    const lip_network *net;
    const lip_preactivation *bounds;
    const lip_query *query;
    const lip_poly_options *options;
    lip_poly_problem *q;
    lip_poly *image; /* by unit: tangent or value of h */
    double *total;   /* by unit: scale of rounding errors in bounds of z; see lifted_region.c */
    bool *relevant;  /* by layer: z is needed by some gate */
    bool *read;      /* by layer: h is needed by some gate */
    size_t most_terms;
} building;

static lip_phase phase_of(const building *b, size_t l, size_t i) {
    if (!b->net->layer[l].relu) return LIP_ACTIVE;
    return lip_preactivation_phase(b->bounds, b->net->layer[l].offset + i);
}

/* At least a c terms. */
static lip_status too_large(const building *b, size_t a, size_t c, lip_error *err) {
    size_t found;
    if (!lip_multiply_sizes(a, c, &found)) found = (size_t)-1;
    return lip_fail(err, LIP_UNSUPPORTED, NULL,
                    "expected polynomials with at most %zu terms, found at least %zu",
                    b->most_terms, found);
}

/* ---- Variables --------------------------------------------------------------------------- */

static void begin_kind(building *b, lip_ring_kind kind) { b->q->first[kind] = b->q->variables; }

static size_t new_variable(building *b, lip_ring_kind kind, size_t layer, size_t index) {
    lip_poly_problem *q = b->q;
    q->variable[q->variables] = (lip_ring_variable){kind, layer, index};
    q->binary[q->variables] = kind == LIP_RING_U;
    return q->variables++;
}

/* Which layers' z and h the gates need.  Without the point: none. */
static void find_needs(building *b) {
    const lip_network *net = b->net;
    if (!b->q->point) return;
    for (size_t l = net->layers; l > 0; --l) {
        for (size_t i = 0; i < net->layer[l].width; ++i)
            if (phase_of(b, l, i) == LIP_UNSTABLE) b->relevant[l] = true;
        if (b->read[l]) b->relevant[l] = true;
        for (size_t t = 0; b->relevant[l] && t < net->layer[l].nterms; ++t)
            b->read[net->layer[l].term[t].source] = true;
    }
}

/* The half-width w of an input, at least the true one; 0 if the input does not vary. */
static double half_width(const lip_region *region, size_t j) {
    if (region->kind == LIP_BALL) return region->radius;
    if (region->lo[j] == region->hi[j]) return 0;
    return fmax(lip_sub_up(region->hi[j], region->centre[j]),
                lip_sub_up(region->centre[j], region->lo[j]));
}

static void add_inputs(building *b) {
    lip_poly_problem *q = b->q;
    size_t n = lip_inputs(b->net);
    begin_kind(b, LIP_RING_T);
    for (size_t j = 0; j < n; ++j)
        if (q->input_part == LIP_ABSENT || q->input_part == j) new_variable(b, LIP_RING_T, 0, j);
}

static void add_phases(building *b) {
    lip_poly_problem *q = b->q;
    begin_kind(b, LIP_RING_U);
    for (size_t l = 1; l <= b->net->layers; ++l)
        for (size_t i = 0; i < b->net->layer[l].width; ++i) {
            size_t unit = b->net->layer[l].offset + i;
            lip_phase phase = phase_of(b, l, i);
            q->role[unit] = phase == LIP_UNSTABLE ? 'u' : phase == LIP_ACTIVE ? 'a' : 'i';
            q->phase[unit] = phase == LIP_UNSTABLE ? new_variable(b, LIP_RING_U, l, i) : LIP_ABSENT;
            q->value[unit] = !b->relevant[l]         ? 'n'
                             : phase != LIP_UNSTABLE ? q->role[unit]
                             : b->read[l]            ? 'h'
                                                     : 'z';
        }
    begin_kind(b, LIP_RING_W);
    size_t rows = lip_output_rows(b->net, &b->query->output);
    for (size_t o = 0; !q->fixed && o < rows; ++o) new_variable(b, LIP_RING_W, 0, o);
}

static void add_points(building *b) {
    lip_poly_problem *q = b->q;
    const lip_region *region = b->query->region;
    begin_kind(b, LIP_RING_X);
    for (size_t j = 0; q->point && j < lip_inputs(b->net); ++j) {
        q->width[j] = half_width(region, j);
        bool fixed = region->kind == LIP_BOX && q->width[j] == 0;
        q->centre[j] = fixed ? region->lo[j] : region->centre[j];
        if (q->width[j] != 0) new_variable(b, LIP_RING_X, 0, j);
    }
}

static void add_gate(building *b, size_t l, size_t i) {
    lip_poly_problem *q = b->q;
    size_t unit = b->net->layer[l].offset + i;
    bool open = q->phase[unit] != LIP_ABSENT, kept = q->role[unit] == 'a' && b->options->keep;
    if (!open && !(kept && b->read[l])) return;
    q->gate[q->gates] = (lip_gate){.layer = l, .neuron = i, .u = q->phase[unit]};
    q->gate[q->gates].h = q->gate[q->gates].z = LIP_ABSENT;
    ++q->gates;
    if (kept) q->value[unit] = 'h';
}

/* Gates, and h' and z' of each. */
static void add_gates(building *b) {
    lip_poly_problem *q = b->q;
    for (size_t l = 1; q->point && l <= b->net->layers; ++l)
        for (size_t i = 0; b->net->layer[l].relu && i < b->net->layer[l].width; ++i)
            add_gate(b, l, i);
    begin_kind(b, LIP_RING_H);
    for (size_t k = 0; k < q->gates; ++k)
        if (b->read[q->gate[k].layer])
            q->gate[k].h = new_variable(b, LIP_RING_H, q->gate[k].layer, q->gate[k].neuron);
    begin_kind(b, LIP_RING_Z);
    for (size_t k = 0; b->options->lifts && k < q->gates; ++k)
        q->gate[k].z = new_variable(b, LIP_RING_Z, q->gate[k].layer, q->gate[k].neuron);
    q->first[LIP_RING_Z + 1] = q->variables;
}

/* ---- Linear maps of polynomials ---------------------------------------------------------- */

/* How many terms row i of the layer would collect. */
static size_t row_terms(const building *b, size_t l, size_t i, double *const *dense) {
    const lip_layer *layer = &b->net->layer[l];
    size_t count = 1;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_layer *source = &b->net->layer[layer->term[t].source];
        for (size_t j = 0; j < source->width; ++j)
            if (dense[t][i * source->width + j] != 0) count += b->image[source->offset + j].count;
    }
    return count;
}

/* *y = sum over terms of row i times the images of the sources. */
static bool row_image(const building *b, size_t l, size_t i, double *const *dense, lip_poly *y) {
    const lip_layer *layer = &b->net->layer[l];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_layer *source = &b->net->layer[layer->term[t].source];
        for (size_t j = 0; j < source->width; ++j)
            if (!lip_poly_append_scaled(y, dense[t][i * source->width + j], 0,
                                        &b->image[source->offset + j]))
                return false;
    }
    lip_poly_gather(y);
    return true;
}

static void free_dense(double **dense, size_t count) {
    for (size_t t = 0; dense && t < count; ++t) free(dense[t]);
    free(dense);
}

/* The matrices of a layer's terms, dense. */
static double **dense_terms(const lip_layer *layer) {
    double **dense = LIP_NEW(double *, layer->nterms);
    for (size_t t = 0; dense && t < layer->nterms; ++t) {
        size_t count;
        const lip_op *op = layer->term[t].op;
        if (lip_multiply_sizes(op->rows, op->cols, &count)) dense[t] = LIP_NEW(double, count);
        if (!dense[t]) {
            free_dense(dense, t);
            return NULL;
        }
        lip_op_to_dense(op, dense[t]);
    }
    return dense;
}

typedef lip_status (*row_fn)(building *b, size_t l, size_t i, lip_poly *y, lip_error *err);

/* Compute y of every neuron of layer l and hand it to done(), which takes it over or clears it. */
static lip_status map_layer(building *b, size_t l, row_fn done, lip_error *err) {
    const lip_layer *layer = &b->net->layer[l];
    lip_status status = LIP_OK;
    for (size_t t = 0; t < layer->nterms; ++t)
        if (layer->term[t].op->cols > b->most_terms / (layer->width ? layer->width : 1))
            return too_large(b, layer->term[t].op->cols, layer->width, err);
    double **dense = dense_terms(layer);
    if (!dense) return lip_fail_memory(err);
    for (size_t i = 0; status == LIP_OK && i < layer->width; ++i) {
        lip_poly y = {0};
        size_t most = row_terms(b, l, i, dense);
        if (most > b->most_terms || b->q->terms > b->most_terms - most)
            status = too_large(b, b->q->terms + most, 1, err);
        else if (!row_image(b, l, i, dense, &y))
            status = lip_fail_memory(err);
        b->q->terms += y.count;
        if (status == LIP_OK) status = done(b, l, i, &y, err);
        lip_poly_clear(&y);
    }
    free_dense(dense, layer->nterms);
    return status;
}

static void clear_images(building *b) {
    for (size_t i = 0; b->image && i < b->net->units; ++i) lip_poly_clear(&b->image[i]);
}

static size_t degree_of(const lip_poly *p) {
    return p->count ? p->term[p->count - 1].monomial.degree : 0;
}

/* ---- Objective --------------------------------------------------------------------------- */

/* The tangent of h from that of z. */
static lip_status tangent_row(building *b, size_t l, size_t i, lip_poly *y, lip_error *err) {
    lip_poly *image = &b->image[b->net->layer[l].offset + i];
    size_t u = b->q->phase[b->net->layer[l].offset + i];
    lip_phase phase = phase_of(b, l, i);
    if (phase == LIP_INACTIVE) return LIP_OK;
    if (phase == LIP_ACTIVE) {
        *image = *y;
        *y = (lip_poly){0};
        return LIP_OK;
    }
    if (degree_of(y) + 2 > LIP_MOST_DEGREE)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected an objective of degree at most %d, found more ReLU layers",
                        LIP_MOST_DEGREE);
    lip_monomial m = lip_monomial_variable(u);
    if (!lip_poly_append_product(image, 1, &m, y, b->q->binary)) return lip_fail_memory(err);
    lip_poly_gather(image);
    return LIP_OK;
}

static double magnitude_of(const lip_poly *p) {
    double sum = 0;
    for (size_t i = 0; i < p->count; ++i) sum += fabs(p->term[i].value);
    return sum;
}

/* F from the tangents of the outputs. */
static bool select_rows(building *b) {
    const lip_output *output = &b->query->output;
    const lip_poly *y = b->image + b->net->layer[b->net->layers].offset;
    lip_poly *f = &b->q->objective;
    lip_monomial one = lip_monomial_one();
    bool ok = true;
    if (output->kind != LIP_OUTPUT_ALL || b->q->output_part != LIP_ABSENT || b->q->fixed) {
        size_t i = output->kind != LIP_OUTPUT_ALL    ? output->i
                   : b->q->output_part != LIP_ABSENT ? b->q->output_part
                                                     : 0;
        ok = lip_poly_append_product(f, 1, &one, &y[i], b->q->binary);
        if (ok && output->kind == LIP_OUTPUT_MARGIN)
            ok = lip_poly_append_product(f, -1, &one, &y[output->j], b->q->binary);
        /* a checker may form the difference of the rows first */
        if (output->kind == LIP_OUTPUT_MARGIN) f->loose += 2 * LIP_UNIT * magnitude_of(f);
    } else
        for (size_t o = 0; ok && o < lip_outputs(b->net); ++o) {
            lip_monomial w = lip_monomial_variable(b->q->first[LIP_RING_W] + o);
            ok = lip_poly_append_product(f, 1, &w, &y[o], b->q->binary);
        }
    lip_poly_gather(f);
    return ok;
}

static lip_status build_objective(building *b, lip_error *err) {
    lip_poly_problem *q = b->q;
    lip_status status = LIP_OK;
    for (size_t v = q->first[LIP_RING_T]; v < q->first[LIP_RING_U]; ++v) {
        lip_monomial m = lip_monomial_variable(v);
        if (!lip_poly_append(&b->image[q->variable[v].index], &m, 1, 0))
            return lip_fail_memory(err);
    }
    for (size_t l = 1; status == LIP_OK && l <= b->net->layers; ++l)
        status = map_layer(b, l, tangent_row, err);
    if (status == LIP_OK && !select_rows(b)) status = lip_fail_memory(err);
    q->depth = degree_of(&q->objective);
    clear_images(b);
    return status;
}

/* ---- Points ------------------------------------------------------------------------------ */

/* T of z: |b| + sum |A| (most |h| + T). */
static void find_total(building *b, size_t l, size_t i, double *const *dense) {
    const lip_layer *layer = &b->net->layer[l];
    double sum = fabs(layer->bias[i]);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_layer *source = &b->net->layer[layer->term[t].source];
        for (size_t j = 0; j < source->width; ++j) {
            size_t s = source->offset + j;
            double reach = fmax(fabs(b->bounds->lo[s]), fabs(b->bounds->hi[s]));
            double a = fabs(dense[t][i * source->width + j]);
            if (a != 0) sum += a * (reach + b->total[s]);
        }
    }
    b->total[layer->offset + i] = sum;
}

static lip_status find_totals(building *b, lip_error *err) {
    for (size_t l = 1; l <= b->net->layers; ++l) {
        double **dense = b->relevant[l] ? dense_terms(&b->net->layer[l]) : NULL;
        if (!b->relevant[l]) continue;
        if (!dense) return lip_fail_memory(err);
        for (size_t i = 0; i < b->net->layer[l].width; ++i) find_total(b, l, i, dense);
        free_dense(dense, b->net->layer[l].nterms);
    }
    return LIP_OK;
}

static double power_above(double x) {
    int exponent;
    double fraction = frexp(x, &exponent);
    return ldexp(1, fraction == 0.5 ? exponent - 1 : exponent);
}

/* least and most of a gate; false if they are out of range. */
static bool set_range(building *b, lip_gate *g) {
    size_t unit = b->net->layer[g->layer].offset + g->neuron;
    double margin = lip_up(CLAIM_MARGIN * b->total[unit]);
    g->least = lip_sub_down(b->bounds->lo[unit], margin);
    g->most = fmax(lip_add_up(b->bounds->hi[unit], margin), margin);
    if (g->u != LIP_ABSENT) g->least = fmin(g->least, -margin);
    g->size = power_above(fmax(fabs(g->least), g->most));
    return (g->u == LIP_ABSENT || g->least < -0x1p-400) && g->most > 0x1p-400 && g->size < 0x1p400;
}

static lip_gate *gate_of(lip_poly_problem *q, size_t l, size_t i) {
    for (size_t k = 0; k < q->gates; ++k)
        if (q->gate[k].layer == l && q->gate[k].neuron == i) return &q->gate[k];
    return NULL;
}

/* z is kept where there is a gate; the image is that of h. */
static lip_status value_row(building *b, size_t l, size_t i, lip_poly *z, lip_error *err) {
    const lip_layer *layer = &b->net->layer[l];
    lip_poly *image = &b->image[layer->offset + i];
    lip_gate *g = gate_of(b->q, l, i);
    lip_monomial one = lip_monomial_one();
    if (!lip_poly_append(z, &one, layer->bias[i], 0)) return lip_fail_memory(err);
    lip_poly_gather(z);
    if (!g && phase_of(b, l, i) == LIP_INACTIVE) return LIP_OK;
    lip_poly *keep = g ? &g->value : image;
    *keep = *z;
    *z = (lip_poly){0};
    if (!g) return LIP_OK;
    if (!set_range(b, g))
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected pre-activation bounds of moderate size, found [%g, %g]", g->least,
                        g->most);
    if (g->h == LIP_ABSENT) return LIP_OK;
    lip_monomial h = lip_monomial_variable(g->h);
    return lip_poly_append(image, &h, g->most, 0) ? LIP_OK : lip_fail_memory(err);
}

static lip_status build_values(building *b, lip_error *err) {
    lip_poly_problem *q = b->q;
    lip_monomial one = lip_monomial_one();
    lip_status status = find_totals(b, err);
    bool ok = true;
    for (size_t j = 0; j < lip_inputs(b->net); ++j)
        ok = ok && lip_poly_append(&b->image[j], &one, q->centre[j], 0);
    for (size_t v = q->first[LIP_RING_X]; v < q->first[LIP_RING_H]; ++v) {
        size_t j = q->variable[v].index;
        lip_monomial m = lip_monomial_variable(v);
        ok = ok && lip_poly_append(&b->image[j], &m, q->width[j], 0);
    }
    if (status == LIP_OK && !ok) status = lip_fail_memory(err);
    for (size_t l = 1; status == LIP_OK && l <= b->net->layers; ++l)
        if (b->relevant[l]) status = map_layer(b, l, value_row, err);
    clear_images(b);
    return status;
}

/* ---- Creating ---------------------------------------------------------------------------- */

static bool allocate(building *b) {
    lip_poly_problem *q = b->q;
    size_t units = b->net->units, n = lip_inputs(b->net), rows = lip_outputs(b->net);
    size_t most = 2 * n + 3 * units + rows;
    q->variable = LIP_NEW(lip_ring_variable, most);
    q->binary = LIP_NEW(bool, most);
    q->phase = LIP_NEW(size_t, units);
    q->gate = LIP_NEW(lip_gate, units);
    q->role = LIP_NEW(char, units);
    q->value = LIP_NEW(char, units);
    q->centre = LIP_NEW(double, n);
    q->width = LIP_NEW(double, n);
    b->image = LIP_NEW(lip_poly, units);
    b->total = LIP_NEW(double, units);
    b->relevant = LIP_NEW(bool, b->net->layers + 1);
    b->read = LIP_NEW(bool, b->net->layers + 1);
    for (size_t i = 0; q->phase && i < n; ++i) q->phase[i] = LIP_ABSENT;
    return q->variable && q->binary && q->phase && q->role && q->value && q->gate && q->centre &&
           q->width && b->image && b->total && b->relevant && b->read;
}

/* Without an unstable neuron x would be in no constraint but its own. */
static bool any_unstable(const building *b) {
    for (size_t l = 1; l <= b->net->layers; ++l)
        for (size_t i = 0; i < b->net->layer[l].width; ++i)
            if (phase_of(b, l, i) == LIP_UNSTABLE) return true;
    return false;
}

static void choose_sets(building *b) {
    lip_poly_problem *q = b->q;
    const lip_query *query = b->query;
    lip_lifted_part(b->net, query, b->options->part, &q->input_part, &q->output_part);
    q->input_ball = query->norm_in == LIP_NORM_2 && lip_inputs(b->net) > 1;
    q->fixed = query->output.kind != LIP_OUTPUT_ALL || q->output_part != LIP_ABSENT ||
               lip_outputs(b->net) == 1;
    q->output_ball = !q->fixed && query->norm_out == LIP_NORM_2;
    q->output = query->output;
    q->point = b->options->point && query->region->kind != LIP_EVERYWHERE && any_unstable(b);
    q->point_ball = q->point && query->region->kind == LIP_BALL;
}

static lip_status build(building *b, lip_error *err) {
    if (!allocate(b)) return lip_fail_memory(err);
    choose_sets(b);
    find_needs(b);
    add_inputs(b);
    add_phases(b);
    add_points(b);
    add_gates(b);
    lip_status status = build_objective(b, err);
    if (status == LIP_OK && b->q->point) status = build_values(b, err);
    return status;
}

lip_status lip_poly_problem_create(const lip_network *net, const lip_preactivation *bounds,
                                   const lip_query *query, const lip_poly_options *options,
                                   lip_poly_problem **problem, lip_error *err) {
    building b = {.net = net, .bounds = bounds, .query = query, .options = options};
    b.most_terms = options->most_terms ? options->most_terms : MOST_TERMS;
    b.q = LIP_NEW(lip_poly_problem, 1);
    if (b.q) b.q->net = net;
    lip_status status = b.q ? build(&b, err) : lip_fail_memory(err);
    clear_images(&b);
    free(b.image);
    free(b.total);
    free(b.relevant);
    free(b.read);
    if (status == LIP_OK)
        *problem = b.q;
    else
        lip_poly_problem_free(b.q);
    return status;
}

void lip_poly_problem_free(lip_poly_problem *q) {
    if (!q) return;
    for (size_t k = 0; q->gate && k < q->gates; ++k) lip_poly_clear(&q->gate[k].value);
    lip_poly_clear(&q->objective);
    free(q->variable);
    free(q->binary);
    free(q->phase);
    free(q->role);
    free(q->value);
    free(q->gate);
    free(q->centre);
    free(q->width);
    free(q);
}
