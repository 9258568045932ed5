/* The triangle relaxation (Ehlers 2017) of the layers before l, as a linear program:
 *
 *     x in the box;      z = b + A h  for every neuron that is not inactive;
 *     h = z (active or no ReLU),  h = 0 (inactive),
 *     h >= 0,  h - z >= 0,  h - s z <= t  (unstable; the chord of region/backward.c),
 *     maximise +-z of the target.
 *
 * Let m0, m1 >= 0 be the multipliers of h >= 0 and h - z >= 0.  Together they say
 * (m0 + m1) h >= m1 z: the lower line with slope a = m1 / (m0 + m1).  At z = lo and z = hi the chord meets
 * one of these lines, both may have multipliers, and those do not tell a; so the chord is raised by
 * LIFT of the interval's length, and meets neither.  (Without, 4 of 120 random targets got slopes that
 * missed the optimum, by up to 6 %.)
 *
 * Only the objective differs between the targets of a layer, so that the simplex method goes on from the
 * last basis. */
#include "region/triangle.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ENTRIES = 4000000 };

static const double LIFT = 1e-6;

static const size_t NO_COLUMN = (size_t)-1;

struct lip_triangle {
    const lip_network *net;
    const lip_preactivation *bounds;
    size_t l;
    lip_lp *lp;
    size_t cols, rows, entries;
    size_t *h_col; /* by unit: the column of what it passes on; NO_COLUMN: 0 */
    size_t *z_col; /* by unit: the column of z */
    size_t *above; /* by unit: the row h - z >= 0 of an unstable neuron */
    double *dense; /* room for the largest matrix */
    double *row;   /* cols: costs, or one row */
    double *col_dual, *row_dual;
};

/* Sizes, and which unit is which column. */
static bool count(lip_triangle *t) {
    t->cols = lip_inputs(t->net);
    for (size_t i = 0; i < t->cols; ++i) t->h_col[i] = i;
    for (size_t m = 1; m < t->l; ++m) {
        const lip_layer *layer = &t->net->layer[m];
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
            double lo = t->bounds->lo[u], hi = t->bounds->hi[u];
            t->h_col[u] = t->z_col[u] = t->above[u] = NO_COLUMN;
            if (layer->relu && hi <= 0) continue;
            t->h_col[u] = t->z_col[u] = t->cols++;
            ++t->rows;
            if (!layer->relu || lo >= 0) continue;
            if (!isfinite(lo) || !isfinite(hi)) return false;
            t->h_col[u] = t->cols++;
            t->above[u] = t->rows++;
            ++t->rows;
            t->entries += 4;
        }
        size_t reads = 1;
        for (size_t k = 0; k < layer->nterms; ++k) reads += layer->term[k].op->cols;
        if (layer->width > MOST_ENTRIES / reads) return false;
        t->entries += layer->width * reads;
        if (t->entries > MOST_ENTRIES) return false;
    }
    return true;
}

/* row += sign * (row i of layer m) in terms of columns; returns the constant. */
static void add_sources(const lip_triangle *t, size_t m, size_t i, double sign) {
    const lip_layer *layer = &t->net->layer[m];
    const double *a = t->dense;
    for (size_t k = 0; k < layer->nterms; ++k) {
        const lip_op *op = layer->term[k].op;
        const lip_layer *source = &t->net->layer[layer->term[k].source];
        for (size_t j = 0; j < op->cols; ++j) {
            size_t col = t->h_col[source->offset + j];
            if (col != NO_COLUMN) t->row[col] += sign * a[i * op->cols + j];
        }
        a += op->rows * op->cols;
    }
}

static void unpack(const lip_triangle *t, size_t m) {
    const lip_layer *layer = &t->net->layer[m];
    double *a = t->dense;
    for (size_t k = 0; k < layer->nterms; ++k) {
        const lip_op *op = layer->term[k].op;
        lip_op_to_dense(op, a);
        a += op->rows * op->cols;
    }
}

/* The program while it is being written. */
typedef struct program {
    lip_lp_problem p;
    double *col_lo, *col_hi, *row_lo, *row_hi, *value;
    size_t *start, *column;
    size_t row, entry;
} program;

static void put(program *g, size_t column, double value) {
    g->column[g->entry] = column;
    g->value[g->entry++] = value;
}

static void end_row(program *g, double lo, double hi) {
    g->row_lo[g->row] = lo;
    g->row_hi[g->row] = hi;
    g->start[++g->row] = g->entry;
}

/* z - A h = b, and the triangle. */
static void write_neuron(const lip_triangle *t, program *g, size_t m, size_t i) {
    size_t unit = t->net->layer[m].offset + i, z = t->z_col[unit], h = t->h_col[unit];
    if (z == NO_COLUMN) return;
    memset(t->row, 0, t->cols * sizeof *t->row);
    add_sources(t, m, i, -1);
    t->row[z] = 1;
    for (size_t j = 0; j < t->cols; ++j)
        if (t->row[j] != 0) put(g, j, t->row[j]);
    end_row(g, t->net->layer[m].bias[i], t->net->layer[m].bias[i]);
    g->col_lo[z] = -INFINITY;
    g->col_hi[z] = g->col_hi[h] = INFINITY;
    if (h == z) return;
    lip_chord chord = lip_chord_of(t->bounds->lo[unit], t->bounds->hi[unit]);
    put(g, z, -1);
    put(g, h, 1);
    end_row(g, 0, INFINITY);
    put(g, z, -chord.s);
    put(g, h, 1);
    end_row(g, -INFINITY, chord.t + LIFT * (t->bounds->hi[unit] - t->bounds->lo[unit]));
}

static void write_program(const lip_triangle *t, const lip_region *region, program *g) {
    lip_region_get_box(region, g->col_lo, g->col_hi, NULL);
    for (size_t m = 1; m < t->l; ++m) {
        unpack(t, m);
        for (size_t i = 0; i < t->net->layer[m].width; ++i) write_neuron(t, g, m, i);
    }
}

/* Write the program and hand it to the solver. */
static lip_status build(lip_triangle *t, const lip_lp_library *library, const lip_region *region,
                        lip_error *err) {
    program g = {.col_lo = LIP_NEW(double, 2 * t->cols), .row_lo = LIP_NEW(double, 2 * t->rows)};
    g.value = LIP_NEW(double, t->entries);
    g.start = LIP_NEW(size_t, t->rows + 1);
    g.column = LIP_NEW(size_t, t->entries);
    lip_status status = LIP_OK;
    if (g.col_lo && g.row_lo && g.value && g.start && g.column) {
        g.col_hi = g.col_lo + t->cols;
        g.row_hi = g.row_lo + t->rows;
        write_program(t, region, &g);
        memset(t->row, 0, t->cols * sizeof *t->row);
        g.p = (lip_lp_problem){t->cols,  t->rows, t->row,   g.col_lo, g.col_hi, g.row_lo,
                               g.row_hi, g.start, g.column, g.value,  NULL};
        status = lip_lp_create(library, &g.p, &t->lp, err);
    } else {
        status = lip_fail_memory(err);
    }
    free(g.col_lo);
    free(g.row_lo);
    free(g.value);
    free(g.start);
    free(g.column);
    return status;
}

/* Entries of all matrices of a layer together; those of earlier layers were found small enough. */
static bool dense_room(const lip_network *net, size_t l, size_t *most) {
    *most = 1;
    for (size_t m = 1; m <= l; ++m) {
        size_t reads = 0;
        for (size_t k = 0; k < net->layer[m].nterms; ++k) reads += net->layer[m].term[k].op->cols;
        if (reads && net->layer[m].width > MOST_ENTRIES / reads) return false;
        if (net->layer[m].width * reads > *most) *most = net->layer[m].width * reads;
    }
    return true;
}

lip_status lip_triangle_create(const lip_lp_library *library, const lip_network *net,
                               const lip_region *region, const lip_preactivation *bounds, size_t l,
                               lip_triangle **out, lip_error *err) {
    size_t units = net->layer[l].offset, room;
    *out = NULL;
    if (region->kind != LIP_BOX || !dense_room(net, l, &room)) return LIP_OK;
    lip_triangle *t = LIP_NEW(lip_triangle, 1);
    if (!t) return lip_fail_memory(err);
    t->net = net;
    t->bounds = bounds;
    t->l = l;
    t->h_col = LIP_NEW(size_t, 3 * units);
    lip_status status = t->h_col ? LIP_OK : lip_fail_memory(err);
    bool applies = false;
    if (status == LIP_OK) {
        t->z_col = t->h_col + units;
        t->above = t->z_col + units;
        applies = count(t);
    }
    if (applies) {
        t->dense = LIP_NEW(double, room);
        t->row = LIP_NEW(double, 2 * t->cols + t->rows);
        status = t->dense && t->row ? LIP_OK : lip_fail_memory(err);
    }
    if (applies && status == LIP_OK) {
        t->col_dual = t->row + t->cols;
        t->row_dual = t->col_dual + t->cols;
        status = build(t, library, region, err);
        if (t->lp) unpack(t, l);
    }
    if (t->lp)
        *out = t;
    else
        lip_triangle_free(t);
    return status;
}

void lip_triangle_free(lip_triangle *t) {
    if (!t) return;
    lip_lp_free(t->lp);
    free(t->h_col);
    free(t->dense);
    free(t->row);
    free(t);
}

bool lip_triangle_solve(lip_triangle *t, const lip_target *target, double seconds, double *slope,
                        size_t stride, double *value) {
    lip_lp_answer answer = {.col_dual = t->col_dual, .row_dual = t->row_dual};
    memset(t->row, 0, t->cols * sizeof *t->row);
    add_sources(t, t->l, target->neuron, -target->sign);
    lip_lp_solve(t->lp, t->row, seconds, &answer);
    if (answer.outcome != LIP_LP_OPTIMAL) return false;
    *value = target->sign * t->net->layer[t->l].bias[target->neuron] - answer.value;
    for (size_t u = lip_inputs(t->net); u < t->net->layer[t->l].offset; ++u) {
        if (t->above[u] == NO_COLUMN) continue;
        double m0 = fmax(t->col_dual[t->h_col[u]], 0), m1 = fmax(t->row_dual[t->above[u]], 0);
        if (m0 + m1 > 0 && isfinite(m0 + m1)) slope[u * stride] = m1 / (m0 + m1);
    }
    return true;
}
