/* The Lipschitz constant as a mixed-integer program (Sbihi, Jan, Couellan 2024).
 *
 * x is a point of the region, u_k in {0,1} the phase of neuron k, t a direction; behind every neuron there are
 * the value h = u z and the tangent v = u y, z and y affine and linear in what the layer reads:
 *
 *     maximise  c'v_out   subject to   (u - 1/2) z >= 0,   h = u z,   v = u y,   x in X,   |t|_p <= 1.
 *
 * The regions (u - 1/2) z >= 0 are closed: where z = 0 both phases are allowed, also together with phases
 * of other neurons that no neighbourhood of x has.  Every true gradient is a feasible point, so this is
 * the *upper* formulation.  The *lower* one asks for |z_k| >= tau_k > 0: then x is an interior point of its
 * cell, and every feasible point is a true gradient.  Hence  lower <= L <= upper.
 *
 * With lo <= z <= hi and a <= y <= b (proved), products with a binary factor are linear without loss:
 *
 *     h >= 0,  h >= z,  h <= hi u,  h <= z - lo (1 - u)            h = u z  and  (u - 1/2) z >= 0
 *     lo (1 - u) <= z <= hi u                                      the latter alone, where nothing reads h
 *     a u <= v <= b u,   a (1 - u) <= y - v <= b (1 - u)           v = u y          (here a <= 0 <= b)
 *     lo + (tau - lo) u <= z <= hi u - tau (1 - u)                 the lower formulation
 *
 * A neuron whose z is unbounded (X = R^n) keeps the quadratic rows  u z - z/2 >= tau/2,  h - u z = 0.
 * p = inf: -1 <= t <= 1.  p = 1: one program for each input, t = t_i e_i with -1 <= t_i <= 1, and t_i = 1 where the
 * objective does not see its sign.  p = 2: the quadratic row t't <= 1.
 * All outputs: q = inf, one program for each; q = 1, max sum |w_i| with a sign s_i for each output,
 *     a_i <= w_i + 2 r (1 - s_i),  a_i <= -w_i + 2 r s_i;      q = 2, max w'w, whose optimum is L^2.
 * Stable neurons have no u; what cannot influence the value has no column.
 *
 * a and b come from an enclosure of the Jacobian of every layer, column by column: J_l = A_l H_{l-1} in
 * midpoint-radius arithmetic (net/enclose.h), rows of unstable neurons joined with 0.  b = -a = the dual norm of
 * the row's largest magnitudes; where t_i = 1, [a, b] is the entry itself. */
#include "relax/miqcqp.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "linalg/norms.h"
#include "net/enclose.h"
#include "problem/lifted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ENTRIES = 4000000 };

typedef struct building {
    const lip_network *net;
    const lip_preactivation *bounds;
    const lip_query *query;
    double tau;
    lip_miqcqp *m;
    size_t input, output; /* of the part, or LIP_NONE */
    bool vector;          /* several outputs in the objective */
    bool *carries;        /* by layer: a later layer's pre-activation needs its values */
    bool *wanted;         /* by unit of the output layer: it is in the objective */
    double *a, *b;        /* by unit: range of y */
    size_t *h, *v;        /* by unit: columns of the value and the tangent behind the neuron */
    double *dense;        /* matrices of the layer that is being written */
    bool failed;          /* memory is short */
} building;

/* ---- Columns and rows -------------------------------------------------------------------- */

static size_t add_column(building *g, lip_miqcqp_kind kind, size_t layer, size_t index, double lo,
                         double hi) {
    lip_miqcqp *m = g->m;
    if (!lip_grow((void **)&m->column, &m->column_room, m->columns + 1, sizeof *m->column)) {
        g->failed = true;
        return 0;
    }
    bool integer = kind == LIP_MIQCQP_U || kind == LIP_MIQCQP_S;
    m->column[m->columns] = (lip_miqcqp_column){kind, layer, index, lo, hi, 0, integer};
    return m->columns++;
}

/* Entries and products that follow belong to the row that end_row will close. */
static void put(building *g, size_t column, double value) {
    lip_miqcqp *m = g->m;
    if (column == LIP_NO_COLUMN || value == 0) return;
    if (!lip_grow((void **)&m->entry, &m->entry_room, m->entries + 1, sizeof *m->entry))
        g->failed = true;
    else
        m->entry[m->entries++] = (lip_miqcqp_entry){column, value};
}

static void put_product(building *g, size_t i, size_t j) {
    lip_miqcqp *m = g->m;
    m->linear = false;
    if (!lip_grow((void **)&m->product, &m->product_room, m->products + 1, sizeof *m->product))
        g->failed = true;
    else
        m->product[m->products++] = (lip_miqcqp_product){i, j};
}

static void end_row(building *g, const char *purpose, size_t of, double lo, double hi) {
    lip_miqcqp *m = g->m;
    if (!lip_grow((void **)&m->row, &m->row_room, m->rows + 1, sizeof *m->row) || !m->row) {
        g->failed = true;
        return;
    }
    const lip_miqcqp_row *before = m->rows ? &m->row[m->rows - 1] : NULL;
    m->row[m->rows++] = (lip_miqcqp_row){of,
                                         purpose,
                                         lo,
                                         hi,
                                         before ? before->last : 0,
                                         m->entries,
                                         before ? before->end : 0,
                                         m->products};
}

/* p_i + x p_j + y p_k within [lo, hi]. */
static void row3(building *g, const char *purpose, size_t i, size_t j, double x, size_t k, double y,
                 double lo, double hi) {
    put(g, i, 1);
    put(g, j, x);
    put(g, k, y);
    end_row(g, purpose, i, lo, hi);
}

/* ---- Ranges of tangents ------------------------------------------------------------------ */

/* The norm of the tangent of all outputs does not see the sign of t = e_i. */
static bool fixed_direction(const building *g) { return g->input != LIP_NONE && g->vector; }

/* The range of y from the enclosure c +- r of its row of the Jacobian. */
static void row_range(const building *g, size_t k, const double *c, double *r, size_t unit) {
    if (fixed_direction(g)) {
        g->a[unit] = lip_enclosure_lo(c[0], r[0]);
        g->b[unit] = lip_enclosure_hi(c[0], r[0]);
        return;
    }
    lip_norm dual = lip_norm_dual(g->query->norm_in); /* for p = 1 there is one entry */
    g->b[unit] = lip_vector_norm_up(k, c, r, 1, dual);
    g->a[unit] = -g->b[unit];
}

/* Behind the neuron: joined with 0 where it may be inactive. */
static void pass_row(const building *g, const lip_layer *layer, size_t k, size_t unit, double *c,
                     double *r) {
    lip_phase phase = layer->relu ? lip_preactivation_phase(g->bounds, unit) : LIP_ACTIVE;
    for (size_t j = 0; phase != LIP_ACTIVE && j < k; ++j) {
        if (c[j] == 0 && r[j] == 0) continue;
        double lo = fmin(lip_enclosure_lo(c[j], r[j]), 0),
               hi = fmax(lip_enclosure_hi(c[j], r[j]), 0);
        if (phase == LIP_INACTIVE) lo = hi = 0;
        c[j] = lo / 2 + hi / 2;
        r[j] = lo == hi ? 0 : fmax(lip_sub_up(hi, c[j]), lip_sub_up(c[j], lo));
    }
}

/* The network without biases, whose enclosures are those of tangents. */
static bool without_biases(const lip_network *net, lip_network *linear, double **zero) {
    *linear = *net;
    linear->layer = LIP_NEW(lip_layer, net->layers + 1);
    *zero = LIP_NEW(double, lip_widest(net));
    for (size_t l = 0; linear->layer && l <= net->layers; ++l) {
        linear->layer[l] = net->layer[l];
        linear->layer[l].bias = *zero;
    }
    return linear->layer && *zero;
}

static void find_ranges_with(building *g, const lip_network *linear, size_t k, double *c, double *r,
                             double *work) {
    for (size_t i = 0; i < lip_inputs(linear); ++i)
        if (g->input == LIP_NONE)
            c[i * k + i] = 1;
        else
            c[i] = i == g->input;
    for (size_t l = 1; l <= linear->layers; ++l) {
        const lip_layer *layer = &linear->layer[l];
        size_t at = layer->offset * k;
        lip_enclose_layer(linear, l, k, c, r, c + at, r + at, work);
        for (size_t i = 0; i < layer->width; ++i, at += k) {
            row_range(g, k, c + at, r + at, layer->offset + i);
            pass_row(g, layer, k, layer->offset + i, c + at, r + at);
        }
    }
}

static lip_status find_ranges(building *g, lip_error *err) {
    const lip_network *net = g->net;
    size_t k = g->input == LIP_NONE ? lip_inputs(net) : 1;
    if (net->units > MOST_ENTRIES / k)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "%zu units times %zu inputs: expected at most %d for the ranges of "
                        "tangents",
                        net->units, k, (int)MOST_ENTRIES);
    lip_network linear;
    double *zero, *c = LIP_NEW(double, 2 * net->units * k);
    double *work = LIP_NEW(double, lip_widest(net) * k);
    bool ok = without_biases(net, &linear, &zero) && c && work;
    if (ok) find_ranges_with(g, &linear, k, c, c + net->units * k, work);
    free(linear.layer);
    free(zero);
    free(c);
    free(work);
    if (!ok) return lip_fail_memory(err);
    for (size_t u = lip_inputs(net); u < net->units; ++u)
        if (!isfinite(g->a[u]) || !isfinite(g->b[u]))
            return lip_fail(err, LIP_UNSUPPORTED, NULL,
                            "the tangents overflow: expected weights of moderate size");
    return LIP_OK;
}

/* ---- What is needed ---------------------------------------------------------------------- */

static bool unstable(const building *g, size_t l, size_t i) {
    const lip_layer *layer = &g->net->layer[l];
    return layer->relu && lip_preactivation_phase(g->bounds, layer->offset + i) == LIP_UNSTABLE;
}

static bool moves(const building *g, size_t unit) { return g->a[unit] != 0 || g->b[unit] != 0; }

/* Does the phase of an unstable neuron have a say in the objective or in later values? */
static bool has_phase(const building *g, size_t l, size_t i) {
    size_t unit = g->net->layer[l].offset + i;
    bool used = l < g->net->layers || g->wanted[i];
    return unstable(g, l, i) && (g->carries[l] || (used && moves(g, unit)));
}

/* From the last layer backwards: a layer whose pre-activations matter makes its sources carry values. */
static void find_carriers(building *g) {
    for (size_t l = g->net->layers; l > 0; --l) {
        const lip_layer *layer = &g->net->layer[l];
        bool needs = g->carries[l];
        for (size_t i = 0; !needs && i < layer->width; ++i) needs = has_phase(g, l, i);
        for (size_t t = 0; needs && t < layer->nterms; ++t)
            g->carries[layer->term[t].source] = true;
    }
}

static void find_outputs(building *g) {
    const lip_output *o = &g->query->output;
    for (size_t i = 0; i < lip_outputs(g->net); ++i)
        g->wanted[i] = o->kind == LIP_OUTPUT_ALL
                           ? g->output == LIP_NONE || i == g->output
                           : i == o->i || (o->kind == LIP_OUTPUT_MARGIN && i == o->j);
}

/* ---- Region and direction ---------------------------------------------------------------- */

static void add_point(building *g) {
    const lip_region *region = g->query->region;
    bool ball = region->kind == LIP_BALL;
    if (!g->carries[0]) return;
    for (size_t i = 0; i < region->n; ++i)
        g->h[i] = add_column(g, LIP_MIQCQP_X, 0, i, region->lo[i], region->hi[i]);
    if (!ball) return;
    for (size_t i = 0; i < region->n && !g->failed; ++i) {
        size_t d = add_column(g, LIP_MIQCQP_D, 0, i, -region->radius, region->radius);
        row3(g, "D", d, g->h[i], -1, LIP_NO_COLUMN, 0, -region->centre[i], -region->centre[i]);
    }
    size_t first = g->h[0] + region->n;
    for (size_t i = 0; i < region->n; ++i) put_product(g, first + i, first + i);
    end_row(g, "Ball", first, -INFINITY, region->radius * region->radius);
}

static void add_direction(building *g) {
    size_t n = lip_inputs(g->net);
    for (size_t i = 0; i < n; ++i)
        if (g->input == LIP_NONE)
            g->v[i] = add_column(g, LIP_MIQCQP_T, 0, i, -1, 1);
        else if (i == g->input)
            g->v[i] = add_column(g, LIP_MIQCQP_T, 0, i, fixed_direction(g) ? 1 : -1, 1);
    if (g->query->norm_in != LIP_NORM_2 || g->failed) return;
    for (size_t i = 0; i < n; ++i) put_product(g, g->v[i], g->v[i]);
    end_row(g, "Unit", g->v[0], -INFINITY, 1);
}

/* ---- Neurons ----------------------------------------------------------------------------- */

/* Minus row i of layer l, in terms of `source` columns. */
static void put_sources(building *g, size_t l, size_t i, const size_t *source) {
    const lip_layer *layer = &g->net->layer[l];
    const double *a = g->dense;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_op *op = layer->term[t].op;
        const size_t *column = source + g->net->layer[layer->term[t].source].offset;
        for (size_t j = 0; j < op->cols; ++j) put(g, column[j], -a[i * op->cols + j]);
        a += op->rows * op->cols;
    }
}

/* The closed region of the phase, and h if it is carried. */
static void add_region(building *g, size_t unit, size_t z, size_t h, size_t u) {
    double lo = g->bounds->lo[unit], hi = g->bounds->hi[unit];
    if (!isfinite(lo) || !isfinite(hi)) {
        put(g, z, -0.5);
        put_product(g, u, z);
        end_row(g, "Half", z, g->tau / 2, INFINITY);
        if (h == LIP_NO_COLUMN) return;
        put(g, h, -1);
        put_product(g, u, z);
        end_row(g, "H", h, 0, 0);
        return;
    }
    double tau = g->tau * fmax(-lo, hi);
    if (h != LIP_NO_COLUMN) {
        row3(g, "Ha", h, z, -1, LIP_NO_COLUMN, 0, 0, INFINITY);
        row3(g, "Hb", h, z, -1, u, -lo, -INFINITY, -lo);
        row3(g, "Hc", h, u, -hi, LIP_NO_COLUMN, 0, -INFINITY, 0);
    }
    if (h != LIP_NO_COLUMN && tau == 0) return;
    row3(g, "Za", z, u, lo - tau, LIP_NO_COLUMN, 0, lo, INFINITY);
    row3(g, "Zb", z, u, -hi - tau, LIP_NO_COLUMN, 0, -INFINITY, -tau);
}

/* v = u y. */
static void add_gate(building *g, size_t unit, size_t y, size_t v, size_t u) {
    double a = fmin(g->a[unit], 0), b = fmax(g->b[unit], 0);
    row3(g, "Va", v, u, -b, LIP_NO_COLUMN, 0, -INFINITY, 0);
    row3(g, "Vb", v, u, -a, LIP_NO_COLUMN, 0, 0, INFINITY);
    row3(g, "Ya", y, v, -1, u, b, -INFINITY, b);
    row3(g, "Yb", y, v, -1, u, a, a, INFINITY);
}

static void add_neuron(building *g, size_t l, size_t i) {
    const lip_layer *layer = &g->net->layer[l];
    size_t unit = layer->offset + i, z = LIP_NO_COLUMN;
    bool phase = has_phase(g, l, i), used = l < g->net->layers || g->wanted[i];
    bool dead = layer->relu && lip_preactivation_phase(g->bounds, unit) == LIP_INACTIVE;
    if (dead) return;
    if (phase) g->m->u[unit] = add_column(g, LIP_MIQCQP_U, l, i, 0, 1);
    if (phase || g->carries[l]) {
        z = add_column(g, LIP_MIQCQP_Z, l, i, g->bounds->lo[unit], g->bounds->hi[unit]);
        put(g, z, 1);
        put_sources(g, l, i, g->h);
        end_row(g, "Z", z, layer->bias[i], layer->bias[i]);
        g->h[unit] = z;
    }
    if (phase) {
        g->h[unit] = LIP_NO_COLUMN;
        if (g->carries[l])
            g->h[unit] = add_column(g, LIP_MIQCQP_H, l, i, 0, fmax(g->bounds->hi[unit], 0));
        add_region(g, unit, z, g->h[unit], g->m->u[unit]);
    }
    if (!used || !moves(g, unit)) return;
    size_t y = add_column(g, LIP_MIQCQP_Y, l, i, g->a[unit], g->b[unit]);
    put(g, y, 1);
    put_sources(g, l, i, g->v);
    end_row(g, "Y", y, 0, 0);
    g->v[unit] = y;
    if (!phase) return;
    g->v[unit] = add_column(g, LIP_MIQCQP_V, l, i, fmin(g->a[unit], 0), fmax(g->b[unit], 0));
    add_gate(g, unit, y, g->v[unit], g->m->u[unit]);
}

static lip_status add_layer(building *g, size_t l, lip_error *err) {
    const lip_layer *layer = &g->net->layer[l];
    double *a = g->dense;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_op *op = layer->term[t].op;
        lip_op_to_dense(op, a);
        a += op->rows * op->cols;
    }
    for (size_t i = 0; i < layer->width && !g->failed; ++i) {
        add_neuron(g, l, i);
        if (g->m->entries > MOST_ENTRIES)
            return lip_fail(err, LIP_UNSUPPORTED, NULL,
                            "the mixed-integer program has more than %d entries",
                            (int)MOST_ENTRIES);
    }
    return g->failed ? lip_fail_memory(err) : LIP_OK;
}

/* ---- The objective ----------------------------------------------------------------------- */

/* |w| of one output: s is its sign. */
static void add_size(building *g, size_t i, size_t w) {
    double r = fmax(fabs(g->m->column[w].lo), fabs(g->m->column[w].hi));
    size_t s = add_column(g, LIP_MIQCQP_S, 0, i, 0, 1);
    size_t a = add_column(g, LIP_MIQCQP_A, 0, i, 0, r);
    row3(g, "Aa", a, w, -1, s, 2 * r, -INFINITY, 2 * r);
    row3(g, "Ab", a, w, 1, s, -2 * r, -INFINITY, 0);
    if (!g->failed) g->m->column[a].cost = 1;
}

static void add_objective(building *g) {
    const lip_output *o = &g->query->output;
    const size_t *w = g->v + g->net->layer[g->net->layers].offset;
    for (size_t i = 0; i < lip_outputs(g->net) && !g->failed; ++i) {
        if (!g->wanted[i] || w[i] == LIP_NO_COLUMN) continue;
        g->m->has_costs = true;
        if (!g->vector) {
            g->m->column[w[i]].cost = o->kind == LIP_OUTPUT_MARGIN && i == o->j ? -1 : 1;
        } else if (g->query->norm_out == LIP_NORM_1) {
            add_size(g, i, w[i]);
        } else {
            put_product(g, w[i], w[i]);
            ++g->m->squares;
        }
    }
}

/* ---- All of it --------------------------------------------------------------------------- */

/* Room for the matrices of the largest layer; 0 if that is too much. */
static size_t dense_room(const lip_network *net) {
    size_t most = 1;
    for (size_t l = 1; l <= net->layers; ++l) {
        size_t reads = 0;
        for (size_t t = 0; t < net->layer[l].nterms; ++t) reads += net->layer[l].term[t].op->cols;
        if (reads && net->layer[l].width > MOST_ENTRIES / reads) return 0;
        if (net->layer[l].width * reads > most) most = net->layer[l].width * reads;
    }
    return most;
}

static bool allocate(building *g, size_t room) {
    size_t units = g->net->units;
    g->m = LIP_NEW(lip_miqcqp, 1);
    g->carries = LIP_NEW(bool, g->net->layers + 1);
    g->wanted = LIP_NEW(bool, lip_outputs(g->net));
    g->a = LIP_NEW(double, 2 * units);
    g->h = LIP_NEW(size_t, 2 * units);
    g->dense = LIP_NEW(double, room);
    if (!g->m || !g->carries || !g->wanted || !g->a || !g->h || !g->dense) return false;
    g->m->u = LIP_NEW(size_t, units);
    if (!g->m->u) return false;
    g->m->linear = true;
    g->b = g->a + units;
    g->v = g->h + units;
    for (size_t i = 0; i < units; ++i) g->m->u[i] = g->h[i] = g->v[i] = LIP_NO_COLUMN;
    return true;
}

static lip_status build(building *g, lip_error *err) {
    lip_status status = find_ranges(g, err);
    if (status != LIP_OK) return status;
    find_outputs(g);
    find_carriers(g);
    add_point(g);
    add_direction(g);
    for (size_t l = 1; status == LIP_OK && l <= g->net->layers; ++l) status = add_layer(g, l, err);
    if (status == LIP_OK) add_objective(g);
    return status == LIP_OK && g->failed ? lip_fail_memory(err) : status;
}

lip_status lip_miqcqp_create(const lip_network *net, const lip_preactivation *bounds,
                             const lip_query *query, const lip_miqcqp_options *options,
                             lip_miqcqp **model, lip_error *err) {
    size_t parts = lip_lifted_parts(net, query), room = dense_room(net);
    if (options->part >= parts)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a part from 0 to %zu, found %zu",
                        parts - 1, options->part);
    if (!room)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "a layer has more than %d weights: too many for a mixed-integer program",
                        (int)MOST_ENTRIES);
    building g = {.net = net, .bounds = bounds, .query = query, .tau = options->tau};
    lip_lifted_part(net, query, options->part, &g.input, &g.output);
    g.vector = query->output.kind == LIP_OUTPUT_ALL && g.output == LIP_NONE && lip_outputs(net) > 1;
    lip_status status = allocate(&g, room) ? build(&g, err) : lip_fail_memory(err);
    free(g.carries);
    free(g.wanted);
    free(g.a);
    free(g.h);
    free(g.dense);
    if (status == LIP_OK)
        *model = g.m;
    else
        lip_miqcqp_free(g.m);
    return status;
}

void lip_miqcqp_free(lip_miqcqp *model) {
    if (!model) return;
    free(model->column);
    free(model->row);
    free(model->entry);
    free(model->product);
    free(model->u);
    free(model);
}
