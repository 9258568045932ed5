/* The mixed-integer model for HiGHS, and the interior of a cell.
 *
 * Columns are shifted and scaled, x = shift + scale x', so that a region of any size and place is the
 * same problem: tolerances of a solver are absolute.  A column whose range does not contain 0 is shifted to its middle; the
 * scale is the power of two above its largest magnitude.  Rows and the objective are scaled by powers of two too.
 *
 * An optimal pattern d is known up to the solver's tolerance.  Whether its cell has an interior point in the box is
 * a linear program: with every phase fixed, z_k = g_k'x + o_k, and
 *
 *     maximise  m   subject to   s_k (g_k'x + o_k) >= m w_k,   x in the box,   m <= 1,
 *
 * s_k = +-1 by phase, w_k = |g_k|' (half width of the box).  m > 0: x is off every kink.  Rows with w_k = 0 (z_k is
 * constant in the cell) are left out: their phase has no influence on the gradient. */
#include "relax/miqcqp.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = 1e-9, GAP = 1e-9;
static const double NOISE = 1e-13; /* a row this much smaller than its terms is taken as 0 */

/* A power of two, at least x; 1 for 0. */
static double power_above(double x) {
    int exponent;
    if (!(x > 0) || !isfinite(x)) return 1;
    frexp(x, &exponent);
    return ldexp(1, exponent > 900 ? 900 : exponent < -900 ? -900 : exponent);
}

/* ---- A program in HiGHS's arrays --------------------------------------------------------- */

typedef struct arrays {
    double *cost, *col_lo, *col_hi, *shift, *scale; /* by column */
    double *row_lo, *row_hi;
    size_t *start, *column;
    double *value;
    bool *integer;
} arrays;

static bool arrays_create(arrays *a, size_t columns, size_t rows, size_t entries) {
    a->cost = LIP_NEW(double, 5 * columns);
    a->row_lo = LIP_NEW(double, 2 * rows);
    a->start = LIP_NEW(size_t, rows + 1);
    a->column = LIP_NEW(size_t, entries);
    a->value = LIP_NEW(double, entries);
    a->integer = LIP_NEW(bool, columns);
    if (!a->cost || !a->row_lo || !a->start || !a->column || !a->value || !a->integer) return false;
    a->col_lo = a->cost + columns;
    a->col_hi = a->col_lo + columns;
    a->shift = a->col_hi + columns;
    a->scale = a->shift + columns;
    a->row_hi = a->row_lo + rows;
    return true;
}

static void arrays_clear(arrays *a) {
    free(a->cost);
    free(a->row_lo);
    free(a->start);
    free(a->column);
    free(a->value);
    free(a->integer);
}

static void scale_column(arrays *a, size_t j, const lip_miqcqp_column *c) {
    bool zero = c->lo <= 0 && 0 <= c->hi;
    a->shift[j] = c->integer || zero ? 0 : c->lo / 2 + c->hi / 2;
    double most = fmax(fabs(c->lo - a->shift[j]), fabs(c->hi - a->shift[j]));
    a->scale[j] = c->integer ? 1 : power_above(most);
    a->col_lo[j] = (c->lo - a->shift[j]) / a->scale[j];
    a->col_hi[j] = (c->hi - a->shift[j]) / a->scale[j];
    a->integer[j] = c->integer;
}

static void scale_row(arrays *a, size_t i, double lo, double hi) {
    double most = 0, moved = 0;
    for (size_t e = a->start[i]; e < a->start[i + 1]; ++e) {
        moved += a->value[e] * a->shift[a->column[e]];
        a->value[e] *= a->scale[a->column[e]];
        most = fmax(most, fabs(a->value[e]));
    }
    double scale = power_above(most);
    for (size_t e = a->start[i]; e < a->start[i + 1]; ++e) a->value[e] /= scale;
    a->row_lo[i] = (lo - moved) / scale;
    a->row_hi[i] = (hi - moved) / scale;
}

/* Returns the factor of the objective; *constant is what the shifts add to it. */
static double fill(const lip_miqcqp *m, arrays *a, double *constant) {
    double most = 0;
    *constant = 0;
    for (size_t j = 0; j < m->columns; ++j) {
        const lip_miqcqp_column *c = &m->column[j];
        scale_column(a, j, c);
        *constant += c->cost * a->shift[j];
        a->cost[j] = -c->cost * a->scale[j];
        most = fmax(most, fabs(a->cost[j]));
    }
    double factor = 1 / power_above(most);
    for (size_t j = 0; j < m->columns; ++j) a->cost[j] *= factor;
    for (size_t e = 0; e < m->entries; ++e) {
        a->column[e] = m->entry[e].column;
        a->value[e] = m->entry[e].value;
    }
    for (size_t i = 0; i < m->rows; ++i) {
        a->start[i + 1] = m->row[i].last;
        scale_row(a, i, m->row[i].lo, m->row[i].hi);
    }
    return factor;
}

static double seconds_left(const lip_watch *watch) {
    return watch ? fmax(watch->deadline - lip_clock_now(), 0) : INFINITY;
}

lip_status lip_miqcqp_solve(const lip_miqcqp *m, const lip_lp_library *library, lip_watch *watch,
                            double *x, lip_miqcqp_answer *answer, lip_error *err) {
    arrays a = {0};
    lip_lp *lp = NULL;
    *answer = (lip_miqcqp_answer){.solved = !m->has_costs};
    if (!m->has_costs) return LIP_OK;
    if (!arrays_create(&a, m->columns, m->rows, m->entries)) {
        arrays_clear(&a);
        return lip_fail_memory(err);
    }
    double constant, factor = fill(m, &a, &constant);
    lip_lp_problem program = {m->columns, m->rows, a.cost,   a.col_lo, a.col_hi, a.row_lo,
                              a.row_hi,   a.start, a.column, a.value,  a.integer};
    lip_status status = lip_lp_create(library, &program, &lp, err);
    if (status == LIP_OK && !lp)
        status = lip_fail(err, LIP_UNSUPPORTED, NULL, "HiGHS refuses a program with %zu columns",
                          m->columns);
    if (status == LIP_OK) {
        lip_lp_answer found = {.x = x};
        lip_lp_set_tolerance(lp, TOLERANCE);
        lip_lp_set_gap(lp, GAP);
        lip_lp_set_watch(lp, watch);
        lip_lp_solve(lp, NULL, seconds_left(watch), &found);
        answer->solved = found.outcome == LIP_LP_OPTIMAL || found.outcome == LIP_LP_INFEASIBLE;
        answer->found = found.feasible;
        answer->value = found.feasible ? constant - found.value / factor : 0;
        answer->bound = found.outcome == LIP_LP_INFEASIBLE ? 0 : constant - found.bound / factor;
        if (!(answer->bound >= 0)) answer->bound = answer->solved ? 0 : INFINITY;
        for (size_t j = 0; found.feasible && j < m->columns; ++j)
            x[j] = a.shift[j] + a.scale[j] * x[j];
    }
    lip_lp_free(lp);
    arrays_clear(&a);
    return status;
}

/* ---- The interior of a cell -------------------------------------------------------------- */

/* z of layer l as affine functions of x, g_k'x + o_k: rows of n + 1 numbers, the offset last; `size` is the same
 * with magnitudes.  The rows of earlier layers are those behind the ReLU. */
static void cell_layer(const lip_network *net, size_t l, double *g, double *size) {
    const lip_layer *layer = &net->layer[l];
    size_t n = lip_inputs(net), k = n + 1;
    double *own = g + layer->offset * k, *own_size = size + layer->offset * k;
    for (size_t i = 0; i < layer->width; ++i) {
        own[i * k + n] = layer->bias[i];
        own_size[i * k + n] = fabs(layer->bias[i]);
    }
    for (size_t t = 0; t < layer->nterms; ++t) {
        size_t from = net->layer[layer->term[t].source].offset * k;
        lip_op_apply(layer->term[t].op, k, g + from, own);
        lip_op_apply(layer->term[t].magnitude, k, size + from, own_size);
    }
}

/* Append s (g'x + o) >= m w, in x = centre + half x'; nothing if z is constant in the cell. */
static void add_margin(arrays *a, size_t *row, const lip_region *region, double sign,
                       const double *g, const double *size) {
    size_t n = region->n, e = a->start[*row];
    double w = 0, slope = 0, most = 0, centre = g[n];
    for (size_t i = 0; i < n; ++i) {
        double half = a->scale[i];
        centre += g[i] * region->centre[i];
        a->column[e] = i;
        a->value[e++] = sign * g[i] * half;
        w += fabs(g[i]) * half;
        slope += fabs(g[i]);
        most += size[i];
    }
    if (!(slope > NOISE * most)) return;
    if (w == 0) w = slope; /* it changes in directions only in which the box is flat */
    for (size_t k = a->start[*row]; k < e; ++k) a->value[k] /= w;
    a->column[e] = n;
    a->value[e++] = -1;
    a->row_lo[*row] = -sign * centre / w;
    a->row_hi[*row] = INFINITY;
    a->start[++*row] = e;
}

/* Rows of all neurons with `care`; how many. */
static size_t fill_margins(const lip_network *net, const lip_region *region, const double *d,
                           const bool *care, double *g, double *size, arrays *a) {
    size_t n = region->n, k = n + 1, rows = 0;
    for (size_t i = 0; i < n; ++i) g[i * k + i] = size[i * k + i] = 1;
    for (size_t l = 1; l <= net->layers; ++l) {
        size_t first = net->layer[l].offset, last = first + net->layer[l].width;
        cell_layer(net, l, g, size);
        for (size_t u = first; u < last; ++u) {
            if (care[u]) add_margin(a, &rows, region, d[u] != 0 ? 1 : -1, g + u * k, size + u * k);
            if (d[u] != 0) continue;
            memset(g + u * k, 0, k * sizeof *g);
            memset(size + u * k, 0, k * sizeof *size);
        }
    }
    return rows;
}

/* x' in [-1, 1]^n and the margin m <= 1, to be maximised. */
static void fill_box(const lip_region *region, arrays *a) {
    for (size_t i = 0; i <= region->n; ++i) {
        a->col_lo[i] = -1;
        a->col_hi[i] = 1;
    }
    for (size_t i = 0; i < region->n; ++i) a->scale[i] = region->hi[i] / 2 - region->lo[i] / 2;
    a->cost[region->n] = -1;
}

lip_status lip_miqcqp_interior(const lip_network *net, const lip_region *region, const double *d,
                               const bool *care, const lip_lp_library *library, lip_watch *watch,
                               double *x, bool *found, lip_error *err) {
    size_t n = region->n, count = 0, block;
    arrays a = {0};
    lip_lp *lp = NULL;
    *found = false;
    for (size_t u = 0; u < net->units; ++u) count += care[u];
    if (!lip_multiply_sizes(net->units, n + 1, &block)) return lip_fail_memory(err);
    double *g = LIP_NEW(double, block), *size = LIP_NEW(double, block);
    double *answer_x = LIP_NEW(double, n + 1);
    lip_status status = LIP_OK;
    if (g && size && answer_x && arrays_create(&a, n + 1, count, count * (n + 1))) {
        fill_box(region, &a);
        size_t rows = fill_margins(net, region, d, care, g, size, &a);
        lip_lp_problem program = {n + 1,    rows,    a.cost,   a.col_lo, a.col_hi, a.row_lo,
                                  a.row_hi, a.start, a.column, a.value,  NULL};
        status = lip_lp_create(library, &program, &lp, err);
    } else {
        status = lip_fail_memory(err);
    }
    if (status == LIP_OK && lp) {
        lip_lp_answer answer = {.x = answer_x};
        lip_lp_set_tolerance(lp, TOLERANCE);
        lip_lp_solve(lp, NULL, fmax(seconds_left(watch), 0.1), &answer);
        *found = answer.outcome == LIP_LP_OPTIMAL && answer.value < 0;
        for (size_t i = 0; *found && i < n; ++i)
            x[i] = fmin(fmax(region->centre[i] + a.scale[i] * answer_x[i], region->lo[i]),
                        region->hi[i]);
    }
    lip_lp_free(lp);
    arrays_clear(&a);
    free(g);
    free(size);
    free(answer_x);
    return status;
}
