/* Cells as polytopes (search/polytope.h, the method of Goldfarb and Idnani), with a row for every neuron that the
 * path decides, of length 1.
 *
 * R^n is a cone: in homogeneous coordinates p = (c, w), w > 0, the input is c / w, z = a c + b w, and
 *
 *     min |p|^2   s.t.   r_i p >= 1
 *
 * has a solution if and only if the open cell is not empty, however thin or far away it is: no bounds on x, no special
 * cases.  Else multipliers with sum lambda_i r_i = 0 come out, for the leaf `empty span`.  In a box or ball, in coordinates in
 * which it is the unit one,
 *
 *     min |c|^2   s.t.   r_i c + b_i >= margin,    c in the box or ball;
 *
 * if there is none, the sum of the rows with their multipliers is negative throughout: the leaf `empty sum`.
 *
 * z of a neuron is affine on the cell if everything before it is decided.  If not, in a box or ball, it is
 * replaced by an upper bound (active: 0 <= z <= row) or lower one that is: backwards through the layers, with the
 * chord above and one of the two lines below each undecided neuron, as lipcheck's rule for sums does.
 *
 * In R^n there are no ranges, so no chord: a cone does not bound h = max(z, 0) from above.  But h >= 0 and h >= z are rows in
 * (p, h), and with the h of undecided neurons as further coordinates every decided neuron has a row.  That is the
 * `lifted` cone.  If it is empty, the multipliers of its rows are for the leaf `empty hull`. */
#include "bnb/cone.h"

#include "base/memory.h"
#include "bnb/entries.h"
#include "region/region.h"
#include "search/polytope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points of bounded cells keep this distance from the hyperplanes, in units of the box or ball. */
static const double margin = 1e-9;

struct lip_cone {
    const lip_dense *dense;
    const lip_leaf_node *node;
    lip_region_kind kind;
    bool lifted;           /* undecided neurons have coordinates h of their own */
    bool ready;            /* entries and polytope fit this kind of region */
    lip_entries entries;   /* R^n: in their span */
    size_t d, most;        /* d: coordinates with w, and then h; most: rows */
    size_t base, stride;   /* coordinates with w, without h; the most of all */
    size_t *h;             /* units: the coordinate h of an undecided neuron, or SIZE_MAX */
    double *row;           /* units x stride: z of units on the cell */
    bool *affine;          /* units */
    double *weight, *back; /* units; d */
    lip_polytope polytope;
    size_t *id;    /* by row: what it is: relu number, or relus + region row */
    double *scale; /* by row: its length before */
    size_t *at;    /* by id: its row, or SIZE_MAX */
    size_t *active;
    double *point; /* d */
    double
        beta; /* R^n: w is beta times the polytope's coordinate, so that biases weigh as much as weights */
    double *lambda, *half; /* by row; the box's half widths, the ball's radius */
};

size_t lip_cone_dimension(const lip_dense *dense, const lip_region *region) {
    return 1 + lip_entries_count(dense, region->kind == LIP_EVERYWHERE ? LIP_ENTRIES_SPAN
                                                                       : LIP_ENTRIES_ALL);
}

lip_cone *lip_cone_create(const lip_dense *dense) {
    lip_cone *cone = LIP_NEW(lip_cone, 1);
    if (cone) cone->dense = dense;
    return cone;
}

lip_cone *lip_cone_create_lifted(const lip_dense *dense) {
    lip_cone *cone = lip_cone_create(dense);
    if (cone) cone->lifted = true;
    return cone;
}

static void clear(lip_cone *cone) {
    lip_entries_clear(&cone->entries);
    lip_polytope_clear(&cone->polytope);
    free(cone->row);
    free(cone->h);
    free(cone->affine);
    free(cone->weight);
    free(cone->back);
    free(cone->id);
    free(cone->scale);
    free(cone->at);
    free(cone->active);
    free(cone->point);
    free(cone->lambda);
    free(cone->half);
}

void lip_cone_free(lip_cone *cone) {
    if (!cone) return;
    clear(cone);
    free(cone);
}

/* The size of the rows that read the input over that of their biases, a power of two. */
static double find_beta(const lip_cone *cone) {
    const lip_dense *dense = cone->dense;
    double weights = 0, biases = 0;
    for (size_t l = 1, k = 0; l < dense->layers; k += dense->layer[l++].nterms)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t) {
            size_t rows = dense->layer[l].width;
            if (dense->layer[l].term[t].source != 0) continue;
            for (size_t i = 0; i < rows * cone->entries.r; ++i)
                weights += fabs(cone->entries.term[k + t][i]);
            for (size_t i = 0; i < rows; ++i) biases += fabs(dense->layer[l].bias[i]);
        }
    double ratio = weights / (biases * sqrt((double)cone->entries.r));
    return ratio > 0x1p-300 && ratio < 0x1p300 ? exp2(rint(log2(ratio))) : 1;
}

static bool prepare(lip_cone *cone, const lip_region *region) {
    const lip_dense *dense = cone->dense;
    size_t rows, numbers;
    if (cone->ready) return true;
    cone->kind = region->kind;
    cone->d = cone->base = lip_cone_dimension(dense, region);
    cone->stride = cone->base + (cone->lifted ? dense->relus : 0);
    cone->most = (cone->lifted ? 3 : 1) * dense->relus + 1;
    size_t n = region->kind == LIP_EVERYWHERE ? cone->stride : cone->base - 1;
    lip_hull hull = region->kind == LIP_EVERYWHERE ? LIP_HULL_NONE
                    : region->kind == LIP_BOX      ? LIP_HULL_CUBE
                                                   : LIP_HULL_BALL;
    if (!lip_multiply_sizes(dense->units, cone->stride, &numbers) ||
        !lip_multiply_sizes(cone->most, cone->stride, &rows))
        return false;
    lip_entries_kind kind = region->kind == LIP_EVERYWHERE ? LIP_ENTRIES_SPAN : LIP_ENTRIES_ALL;
    cone->row = LIP_NEW(double, numbers);
    cone->affine = LIP_NEW(bool, dense->units);
    cone->weight = LIP_NEW(double, dense->units);
    cone->back = LIP_NEW(double, cone->stride);
    cone->h = LIP_NEW(size_t, dense->units);
    cone->id = LIP_NEW(size_t, cone->most);
    cone->scale = LIP_NEW(double, cone->most);
    cone->at = LIP_NEW(size_t, cone->most);
    cone->active = LIP_NEW(size_t, n + 1);
    cone->lambda = LIP_NEW(double, cone->most);
    cone->half = LIP_NEW(double, cone->stride);
    cone->point = LIP_NEW(double, cone->stride);
    cone->ready = cone->row && cone->h && cone->lambda && cone->half && cone->point &&
                  cone->affine && cone->weight && cone->back && cone->id && cone->scale &&
                  cone->at && cone->active && lip_entries_create(dense, kind, 0, &cone->entries) &&
                  lip_polytope_create(n, cone->most, hull, &cone->polytope);
    if (cone->ready) cone->beta = find_beta(cone);
    return cone->ready;
}

/* ---- Rows -------------------------------------------------------------------------------- */

/* Add a times h of an undecided neuron; false if it is no coordinate. */
static bool add_hidden(const lip_cone *cone, size_t unit, double a, double *row) {
    if (!cone->lifted || cone->h[unit] == SIZE_MAX) return false;
    row[cone->h[unit]] += a;
    return true;
}

/* Add a times what a unit passes on; false if that is not affine. */
static bool add_source(lip_cone *cone, const lip_dense_layer *source, size_t unit, double a,
                       double *row) {
    if (a == 0) return true;
    if (source->relu) {
        lip_phase phase = lip_leaf_phase(cone->node, unit);
        if (phase == LIP_INACTIVE) return true;
        if (phase == LIP_UNSTABLE) return add_hidden(cone, unit, a, row);
    }
    if (!cone->affine[unit]) return false;
    const double *from = cone->row + unit * cone->stride;
    for (size_t i = 0; i < cone->d; ++i) row[i] += a * from[i];
    return true;
}

/* z of unit i of layer l as a row; false if it is not affine on the cell. */
static bool affine_row(lip_cone *cone, size_t l, size_t term, size_t i, double *row) {
    const lip_dense_layer *layer = &cone->dense->layer[l];
    memset(row, 0, cone->d * sizeof *row);
    row[cone->base - 1] = layer->bias[i];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &cone->dense->layer[layer->term[t].source];
        if (layer->term[t].source == 0) {
            const double *from = cone->entries.term[term + t] + i * cone->entries.r;
            for (size_t j = 0; j < cone->entries.r; ++j) row[j] += from[j];
            continue;
        }
        const double *a = layer->term[t].row + i * source->width;
        for (size_t j = 0; j < source->width; ++j)
            if (!add_source(cone, source, source->offset + j, a[j], row)) return false;
    }
    return true;
}

/* weight += c times row i of layer l; the input's part and the constant go into back. */
static void spread(lip_cone *cone, size_t l, size_t i, double c) {
    const lip_dense_layer *layer = &cone->dense->layer[l];
    cone->back[cone->d - 1] += c * layer->bias[i];
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &cone->dense->layer[layer->term[t].source];
        const double *a = layer->term[t].row + i * source->width;
        double *to = layer->term[t].source == 0 ? cone->back : cone->weight + source->offset;
        for (size_t j = 0; j < source->width; ++j) to[j] += c * a[j];
    }
}

/* c h <= (returned) z + constant for an undecided neuron with range lo < 0 < hi. */
static double relax(double c, double lo, double hi, double *constant) {
    if (c == 0 || hi <= 0) return 0;
    if (lo >= 0) return c;
    if (c < 0) return hi > -lo ? c : 0;
    double slope = c * hi / (hi - lo);
    *constant -= slope * lo;
    return slope;
}

/* An affine upper bound of sign * z on the cell, in cone->back. */
static void relaxed_row(lip_cone *cone, size_t l, size_t i, double sign) {
    const lip_dense *dense = cone->dense;
    memset(cone->weight, 0, dense->units * sizeof *cone->weight);
    memset(cone->back, 0, cone->d * sizeof *cone->back);
    spread(cone, l, i, sign);
    for (size_t k = l - 1; k > 0; --k)
        for (size_t j = 0; j < dense->layer[k].width; ++j) {
            size_t unit = dense->layer[k].offset + j;
            double c = cone->weight[unit];
            if (dense->layer[k].relu && c != 0) {
                lip_phase phase = lip_leaf_phase(cone->node, unit);
                if (phase == LIP_INACTIVE) continue;
                if (phase == LIP_UNSTABLE)
                    c = relax(c, cone->node->lo[unit], cone->node->hi[unit],
                              &cone->back[cone->d - 1]);
            }
            if (c != 0) spread(cone, k, j, c);
        }
}

/* sign * row >= 0, with a margin, in the polytope's coordinates. */
static void append(lip_cone *cone, size_t id, const double *row, double sign) {
    lip_polytope *p = &cone->polytope;
    size_t at = p->m, n = cone->base - 1;
    double length = 0, offset = row[n];
    if (cone->kind == LIP_EVERYWHERE) {
        cone->half[n] = cone->beta;
        for (size_t i = 0; i < cone->d; ++i)
            length += row[i] * cone->half[i] * row[i] * cone->half[i];
        if (!lip_polytope_append(p, row, cone->half, sign, 0, 1)) return;
    } else {
        const double *centre = cone->node->region->centre;
        for (size_t i = 0; i < n; ++i) {
            offset += row[i] * centre[i];
            length += row[i] * cone->half[i] * row[i] * cone->half[i];
        }
        if (!lip_polytope_append(p, row, cone->half, sign, offset, margin)) return;
    }
    cone->id[at] = id;
    cone->scale[at] = sqrt(length);
    cone->at[id] = at;
}

/* w > 0; or half widths of the box, the radius of the ball. */
static void append_region(lip_cone *cone) {
    const lip_region *region = cone->node->region;
    size_t n = cone->base - 1;
    for (size_t j = 0; j < cone->d && region->kind == LIP_EVERYWHERE; ++j) cone->half[j] = 1;
    if (region->kind == LIP_EVERYWHERE) {
        memset(cone->back, 0, cone->d * sizeof *cone->back);
        cone->back[n] = 1;
        append(cone, cone->dense->relus, cone->back, 1);
    }
    for (size_t j = 0; j < n && region->kind != LIP_EVERYWHERE; ++j)
        cone->half[j] =
            region->kind == LIP_BALL ? region->radius : (region->hi[j] - region->lo[j]) / 2;
}

/* Coordinates for the undecided neurons before the last layer that has a phase of the path, and the rows h >= 0. */
static void lift(lip_cone *cone) {
    const lip_dense *dense = cone->dense;
    size_t last = 0;
    for (size_t k = 0; k < dense->relus; ++k)
        if (cone->node->path[dense->relu[k]] != LIP_UNSTABLE)
            last = dense->layer_of[dense->relu[k]];
    cone->d = cone->base;
    for (size_t k = 0; k < dense->relus; ++k) {
        size_t unit = dense->relu[k];
        bool has = dense->layer_of[unit] < last && lip_leaf_phase(cone->node, unit) == LIP_UNSTABLE;
        cone->h[unit] = has ? cone->d++ : SIZE_MAX;
    }
    cone->polytope.n = cone->d;
}

/* h >= 0 and h >= z. */
static void append_hull(lip_cone *cone, size_t relu, double *row) {
    size_t unit = cone->dense->relu[relu], h = cone->h[unit], relus = cone->dense->relus;
    memset(cone->back, 0, cone->d * sizeof *cone->back);
    cone->back[h] = 1;
    append(cone, relus + 1 + relu, cone->back, 1);
    row[h] -= 1;
    append(cone, 2 * relus + 1 + relu, row, -1);
    row[h] += 1;
}

bool lip_cone_load(lip_cone *cone, const lip_leaf_node *node) {
    const lip_dense *dense = cone->dense;
    if (!prepare(cone, node->region)) return false;
    cone->node = node;
    if (cone->lifted) lift(cone);
    lip_polytope_start(&cone->polytope, NULL);
    for (size_t i = 0; i < cone->most; ++i) cone->at[i] = SIZE_MAX;
    append_region(cone);
    size_t relu = 0;
    for (size_t l = 1, term = 0; l < dense->layers; term += dense->layer[l++].nterms)
        for (size_t i = 0; i < dense->layer[l].width; ++i) {
            size_t unit = dense->layer[l].offset + i;
            double *row = cone->row + unit * cone->stride;
            cone->affine[unit] = affine_row(cone, l, term, i, row);
            if (!dense->layer[l].relu) continue;
            signed char phase = node->path[unit];
            double sign = phase == LIP_ACTIVE ? 1 : -1;
            size_t id = relu++;
            if (cone->lifted && cone->h[unit] != SIZE_MAX) append_hull(cone, id, row);
            if (phase == LIP_UNSTABLE) continue;
            if (cone->affine[unit]) {
                append(cone, id, row, sign);
            } else if (cone->kind != LIP_EVERYWHERE) {
                relaxed_row(cone, l, i, sign);
                append(cone, id, cone->back, 1);
            }
        }
    return true;
}

/* ---- Points ------------------------------------------------------------------------------ */

/* A cone may be entered with any multiple of the point, so all that counts is its angle to the rows. */
static bool holds_in_cone(const lip_cone *cone, const double *point) {
    const lip_polytope *p = &cone->polytope;
    double size = 0;
    for (size_t j = 0; j < p->n; ++j) size += pow(point[j] / cone->half[j], 2);
    size = sqrt(size);
    for (size_t i = 0; i < p->m; ++i) {
        double value = 0;
        for (size_t j = 0; j < p->n; ++j) value += p->row[i * p->n + j] * point[j] / cone->half[j];
        if (!(value >= 1e-6 * size)) return false;
    }
    return true;
}

bool lip_cone_holds(const lip_cone *cone, const double *point) {
    const lip_polytope *p = &cone->polytope;
    const lip_region *region = cone->node->region;
    if (cone->kind == LIP_EVERYWHERE) return holds_in_cone(cone, point);
    for (size_t j = 0; j < p->n; ++j)
        if (!(region->lo[j] < point[j] && point[j] < region->hi[j])) return false;
    for (size_t i = 0; i < p->m; ++i) {
        double value = -p->rhs[i];
        for (size_t j = 0; j < p->n; ++j)
            value += p->row[i * p->n + j] * ((point[j] - region->centre[j]) / cone->half[j]);
        if (!(value >= -1e-10)) return false;
    }
    return true;
}

/* Constraints by what they are: relu number, relus (w > 0), or relus + 1 + side of the box; in a lifted cone
 * relus + 1 + relu number for h >= 0, and relus more for h >= z. */
static size_t name_of(const lip_cone *cone, size_t active) {
    const lip_polytope *p = &cone->polytope;
    return active < p->m ? cone->id[active] : cone->dense->relus + 1 + (active - p->capacity);
}

static size_t place_of(const lip_cone *cone, size_t name) {
    size_t relus = cone->dense->relus;
    if (name <= relus) return cone->at[name];
    if (!cone->lifted) return name - relus - 1 + cone->polytope.capacity;
    if (cone->at[name] != SIZE_MAX) return cone->at[name];
    return cone->at[(name - relus - 1) % relus]; /* of a neuron that is decided now */
}

static void keep_point(lip_cone *cone) {
    const lip_polytope *p = &cone->polytope;
    const lip_region *region = cone->node->region;
    for (size_t j = 0; j < p->n; ++j)
        cone->point[j] =
            cone->kind == LIP_EVERYWHERE
                ? cone->half[j] * p->x[j]
                : fmin(fmax(region->centre[j] + cone->half[j] * p->x[j], region->lo[j]),
                       region->hi[j]);
}

lip_cone_outcome lip_cone_solve(lip_cone *cone, lip_cone_basis *basis) {
    lip_polytope *p = &cone->polytope;
    size_t count = 0;
    for (size_t j = 0; basis && j < basis->count; ++j) {
        size_t place = place_of(cone, basis->id[j]);
        if (place != SIZE_MAX) cone->active[count++] = place;
    }
    if (count > 0) lip_polytope_resume(p, count, cone->active);
    double size = 0;
    bool found = lip_polytope_solve(p, 0);
    for (size_t i = 0; i < p->n; ++i) size += p->x[i] * p->x[i];
    /* The active rows alone may have led out of the ball; then the rest does not matter. */
    bool outside = cone->kind == LIP_BALL && size > 1;
    if (outside) p->blocked = SIZE_MAX;
    if (outside || (!found && p->blocked != SIZE_MAX)) return LIP_CONE_EMPTY;
    if (!found || !(size < 1e20)) return LIP_CONE_UNKNOWN;
    for (size_t j = 0; basis && j < p->q; ++j) basis->id[j] = (unsigned)name_of(cone, p->active[j]);
    if (basis) basis->count = p->q;
    keep_point(cone);
    return LIP_CONE_POINT;
}

const double *lip_cone_point(const lip_cone *cone) { return cone->point; }

bool lip_cone_input(const lip_cone *cone, const double *point, double *x) {
    const lip_entries *e = &cone->entries;
    double w = cone->kind == LIP_EVERYWHERE ? point[cone->base - 1] : 1;
    if (!(w > 0)) return false;
    for (size_t i = 0; i < e->n; ++i) {
        double value = e->q ? 0 : point[i];
        for (size_t j = 0; e->q && j < e->r; ++j) value += e->q[j * e->n + i] * point[j];
        x[i] = value / w;
        if (!isfinite(x[i])) return false;
    }
    return lip_region_contains(cone->node->region, x);
}

/* ---- Farkas ------------------------------------------------------------------------------ */

/* Constraint `blocked` minus part_j times the active ones is 0, part_j <= 0.  Where the nearest point has left the
 * ball, it is the sum of the active rows times u: for all c of the ball the sum is at most |c*| - |c*|^2 < 0. */
size_t lip_cone_farkas(lip_cone *cone, size_t *unit, double *multiplier) {
    const lip_polytope *p = &cone->polytope;
    double *lambda = cone->lambda;
    size_t count = 0, relus = cone->dense->relus;
    double most = 0;
    bool outside = p->blocked == SIZE_MAX;
    memset(lambda, 0, cone->most * sizeof *lambda);
    for (size_t j = 0; j < p->q + !outside; ++j) {
        size_t row = j < p->q ? p->active[j] : p->blocked;
        double value = j == p->q ? 1 : outside ? p->u[j] : -p->part[j];
        most = fmax(most, value);
        if (row < p->m && cone->id[row] < relus) lambda[row] = value;
    }
    for (size_t i = 0; i < p->m; ++i) /* what rounding left of multipliers that are 0 */
        if (!(lambda[i] > 1e-9 * most)) lambda[i] = 0;
    for (size_t k = 0; k < relus; ++k) {
        size_t row = cone->at[k];
        if (row == SIZE_MAX || !(lambda[row] > 0)) continue;
        unit[count] = cone->dense->relu[k];
        multiplier[count++] = lambda[row] / cone->scale[row];
    }
    return count;
}

bool lip_cone_is_lifted(const lip_cone *cone) { return cone->d > cone->base; }

void lip_cone_farkas_lifted(lip_cone *cone, size_t count[3], size_t *unit) {
    const lip_polytope *p = &cone->polytope;
    double *lambda = cone->lambda, most = 0;
    size_t relus = cone->dense->relus, all = 0;
    memset(lambda, 0, cone->most * sizeof *lambda);
    for (size_t j = 0; j <= p->q; ++j) {
        size_t row = j < p->q ? p->active[j] : p->blocked;
        lambda[row] = j < p->q ? -p->part[j] : 1;
        most = fmax(most, lambda[row]);
    }
    for (int list = 0; list < 3; ++list) {
        size_t name = list == 0 ? 0 : list == 1 ? relus + 1 : 2 * relus + 1, before = all;
        for (size_t k = 0; k < relus; ++k) {
            size_t row = cone->at[name + k];
            if (row != SIZE_MAX && lambda[row] > 1e-9 * most) unit[all++] = cone->dense->relu[k];
        }
        count[list] = all - before;
    }
}

double lip_cone_work(const lip_cone *cone) { return cone->polytope.work; }
