/* Exact line search.  Along x + alpha d the network changes its Jacobian only where some z passes 0, at
 * finitely many breakpoints, so the maximum over the line is found by walking through all of them.
 *
 * One layer of ReLUs: z is affine in alpha, the breakpoints are sorted, and passing one of them adds a
 * matrix of rank 1 to the Jacobian.  Deeper: in every cell the affine z gives the next breakpoint. */
#include "base/error.h"
#include "linalg/norms.h"
#include "search/direction.h"
#include "search/hunt.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* lo <= alpha <= hi keep xi + alpha direction in the region. */
static void range(const lip_hunt *hunt, double *lo, double *hi) {
    size_t n = hunt->n;
    const double *xi = hunt->xi, *d = hunt->direction;
    *lo = -INFINITY;
    *hi = INFINITY;
    if (hunt->polytope.hull == LIP_HULL_BALL) {
        double dd = cblas_ddot((int)n, d, 1, d, 1), dx = cblas_ddot((int)n, d, 1, xi, 1);
        double rest = 1 - 1e-9 - cblas_ddot((int)n, xi, 1, xi, 1);
        double root = sqrt(fmax(dx * dx + dd * rest, 0));
        *lo = (-dx - root) / dd;
        *hi = (-dx + root) / dd;
    }
    for (size_t i = 0; hunt->polytope.hull == LIP_HULL_CUBE && i < n; ++i) {
        if (d[i] == 0) continue;
        double a = (-1 - xi[i]) / d[i], b = (1 - xi[i]) / d[i];
        *lo = fmax(*lo, fmin(a, b));
        *hi = fmin(*hi, fmax(a, b));
    }
}

/* A point inside the segment between two breakpoints, either of which may be infinite. */
static double inside(double a, double b) {
    if (isinf(a) && isinf(b)) return 0;
    if (isinf(a)) return b - 1 - fabs(b);
    if (isinf(b)) return a + 1 + fabs(a);
    return a / 2 + b / 2;
}

typedef struct walk {
    double lo, hi;      /* range of alpha */
    double value, best; /* now, and the largest so far */
    double at;          /* alpha of that */
    double *zd;         /* units: dz / dalpha */
    double *z0;         /* units: z at alpha = 0, continued from this cell */
} walk;

static void keep(walk *w, double from, double to) {
    bool narrow = isfinite(from) && to - from <= 1e-9 * (1 + fabs(from));
    if (narrow || !(w->value > w->best * (1 + 1e-12))) return;
    w->best = w->value;
    w->at = inside(from, to);
}

/* z0 and zd of all units for the pattern d, by one pass each. */
static void affine_pass(lip_hunt *hunt, const double *d, walk *w, double *hd, double *h0) {
    const lip_network *net = hunt->net;
    for (size_t i = 0; i < hunt->n; ++i) {
        hd[i] = hunt->chart.half[i] * hunt->direction[i];
        h0[i] = hunt->x[i];
    }
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        size_t first = layer->offset;
        memset(w->zd + first, 0, layer->width * sizeof *w->zd);
        memcpy(w->z0 + first, layer->bias, layer->width * sizeof *w->z0);
        for (size_t t = 0; t < layer->nterms; ++t) {
            size_t from = net->layer[layer->term[t].source].offset;
            lip_op_apply(layer->term[t].op, 1, hd + from, w->zd + first);
            lip_op_apply(layer->term[t].op, 1, h0 + from, w->z0 + first);
        }
        for (size_t u = first; u < first + layer->width; ++u) {
            hd[u] = d[u] * w->zd[u];
            h0[u] = d[u] * w->z0[u];
        }
    }
    hunt->trial.work += 4 * (double)net->units;
}

/* ---- One layer of ReLUs ------------------------------------------------------------------ */

static int by_alpha(const void *a, const void *b) {
    const lip_crossing *p = a, *q = b;
    if (p->alpha != q->alpha) return p->alpha < q->alpha ? -1 : 1;
    return p->unit < q->unit ? -1 : p->unit > q->unit;
}

/* The breakpoints in the range, sorted; and the pattern at its lower end in cell->d. */
static size_t crossings(lip_hunt *hunt, const walk *w, lip_crossing *list) {
    lip_cell *cell = &hunt->trial;
    size_t count = 0;
    for (size_t i = 0; i < cell->neurons; ++i) {
        size_t u = cell->unit[i];
        double alpha = -w->z0[u] / w->zd[u];
        bool moves = w->zd[u] != 0 && isfinite(alpha);
        cell->d[u] = w->z0[u] > 0 ? 1 : 0;
        if (!moves) continue;
        if (alpha > w->lo) cell->d[u] = w->zd[u] < 0 ? 1 : 0;
        if (alpha <= w->lo) cell->d[u] = w->zd[u] > 0 ? 1 : 0;
        if (alpha > w->lo && alpha < w->hi) list[count++] = (lip_crossing){alpha, u};
    }
    qsort(list, count, sizeof *list, by_alpha);
    return count;
}

/* The Jacobian, in the input block of cell->g, behind the hyperplane of unit. */
static bool pass(lip_cell *cell, size_t unit, lip_query const *query, double *value) {
    size_t n = cell->n, k = cell->k;
    const double *slope = cell->slope + unit * n, *g = cell->g + unit * k;
    double sign = cell->d[unit] != 0 ? -1 : 1;
    cell->d[unit] = 1 - cell->d[unit];
    cell->work += 2 * (double)(n * k);
    if (k > 1) {
        cblas_dger(CblasRowMajor, (int)n, (int)k, sign, slope, 1, g, 1, cell->g, (int)k);
        return lip_estimate_norm(n, k, cell->g, query->norm_in, query->norm_out, cell->y, value);
    }
    cblas_daxpy((int)n, sign * g[0], slope, 1, cell->g, 1);
    lip_norm dual = lip_norm_dual(query->norm_in);
    *value = dual == LIP_NORM_1   ? cblas_dasum((int)n, cell->g, 1)
             : dual == LIP_NORM_2 ? cblas_dnrm2((int)n, cell->g, 1)
                                  : fabs(cell->g[cblas_idamax((int)n, cell->g, 1)]);
    return true;
}

static bool walk_shallow(lip_hunt *hunt, walk *w, lip_crossing *list) {
    lip_cell *cell = &hunt->trial;
    size_t count = crossings(hunt, w, list);
    if (!lip_cell_update(cell, true)) return false;
    w->value = cell->value;
    double from = w->lo;
    for (size_t i = 0; i <= count; ++i) {
        double to = i < count ? list[i].alpha : w->hi;
        keep(w, from, to);
        from = to;
        if (i < count && !pass(cell, list[i].unit, hunt->task->query, &w->value)) return false;
    }
    return true;
}

/* ---- Deeper networks --------------------------------------------------------------------- */

/* The first hyperplane behind alpha; SIZE_MAX: none before w->hi. */
static size_t next_crossing(const lip_cell *cell, const walk *w, double alpha, double *to) {
    size_t next = SIZE_MAX;
    *to = w->hi;
    for (size_t i = 0; i < cell->neurons; ++i) {
        size_t u = cell->unit[i];
        if (cell->d[u] != 0 ? !(w->zd[u] < 0) : !(w->zd[u] > 0)) continue;
        double cross = fmax(-w->z0[u] / w->zd[u], alpha);
        if (!(cross < *to)) continue;
        *to = cross;
        next = u;
    }
    return next;
}

/* From alpha = 0 towards hi; scratch has 2 * units entries. */
static bool walk_deep(lip_hunt *hunt, walk *w, double *scratch) {
    lip_cell *cell = &hunt->trial;
    double from = 0;
    lip_cell_take(cell, hunt->here.d);
    for (size_t i = 0; i < 2 * cell->neurons + 4 && !lip_hunt_expired(hunt); ++i) {
        double to;
        affine_pass(hunt, cell->d, w, scratch, scratch + hunt->net->units);
        if (!lip_cell_update(cell, false)) return false;
        size_t next = next_crossing(cell, w, from, &to);
        w->value = cell->value;
        keep(w, from, to);
        if (next == SIZE_MAX) break;
        cell->d[next] = 1 - cell->d[next];
        from = to;
    }
    return true;
}

/* Both ways, the second by turning the direction round. */
static bool walk_both(lip_hunt *hunt, walk *w, double *scratch) {
    if (!walk_deep(hunt, w, scratch)) return false;
    walk back = *w;
    back.hi = -w->lo;
    cblas_dscal((int)hunt->n, -1, hunt->direction, 1);
    bool ok = walk_deep(hunt, &back, scratch);
    cblas_dscal((int)hunt->n, -1, hunt->direction, 1);
    if (back.best > w->best) w->at = -back.at;
    w->best = back.best;
    return ok;
}

lip_status lip_hunt_line(lip_hunt *hunt, bool *improved, lip_error *err) {
    double *memory = hunt->scratch;
    size_t units = hunt->net->units;
    lip_crossing *list = hunt->crossings;
    walk w = {.best = hunt->here.value, .zd = memory, .z0 = memory + units};
    bool ok = true;
    *improved = false;
    lip_hunt_evaluate(hunt);
    range(hunt, &w.lo, &w.hi);
    if (w.lo < w.hi && hunt->here.fixed_slopes) {
        affine_pass(hunt, hunt->phase, &w, memory + 2 * units, memory + 3 * units);
        ok = walk_shallow(hunt, &w, list);
    } else if (w.lo < w.hi) {
        ok = walk_both(hunt, &w, memory + 2 * units);
    }
    *improved = ok && w.best > hunt->here.value * (1 + 1e-12);
    if (!ok) return lip_fail_memory(err);
    if (!*improved) return LIP_OK;
    for (size_t i = 0; i < hunt->n; ++i) hunt->xi[i] += w.at * hunt->direction[i];
    if (hunt->polytope.hull != LIP_HULL_NONE) lip_chart_project(&hunt->chart, 1, hunt->xi);
    return lip_hunt_locate(hunt, err);
}
