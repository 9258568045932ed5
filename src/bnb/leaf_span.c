/* The leaf `empty span` (docs/certificate.md): functions that are at least 0 on a cell with an interior, of
 * which a positive combination is 0, are all 0 there, and if they span all coordinates, one of which cannot be 0,
 * there is no such cell.
 *
 * Rows.  z of a listed neuron is written out, layer by layer, until the layer `level`: a sum over ways through
 * the network of products of weights, so GAMMA(K) times the same sum of magnitudes bounds its error (leaf_sdp.c).
 *
 * Multipliers.  With A the matrix of columns r_2, ..., r_(d+1), R an approximate inverse and l an approximate
 * solution of A x = -r_1,
 *
 *     q = |I - R A|_inf < 1,     |x - l| <= e + q/(1 - q) max e,     e = |R (r_1 + A l)|.
 *
 * lipcheck does the same; radii here are at least twice its own, and l has to be twice as large as its error. */
#include "bnb/leaf_span.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct span {
    const lip_leaf *leaf;
    const lip_leaf_node *node;
    size_t level, width; /* coordinate `width` is the constant 1 */
    const size_t *count; /* rows s z, h, h - z */
    size_t
        columns; /* all coordinates: width + 1, and then h of the undecided neurons, by relu number */
    size_t *h;   /* units: their coordinates h; NULL: there are none */
    size_t rows;
    double *g, *size;    /* units: coefficients and their magnitudes, under way */
    double *row, *error; /* rows x (width + 1) */
    size_t d, *kept;     /* coordinates that are used */
    double *a, *ra, *b, *rb, *inverse, *work; /* A and -r_1 with radii */
    double *l, *rest, *rrest, *e;
} span;

static void spread(span *w, size_t l, size_t i, double c, double size, double *row, double *error) {
    const lip_dense *dense = w->leaf->dense;
    const lip_dense_layer *layer = &dense->layer[l];
    row[w->width] += c * layer->bias[i];
    error[w->width] += size * lip_leaf_size(layer->bias[i]);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *from = layer->term[t].row + i * source->width;
        for (size_t j = 0; j < source->width; ++j) {
            w->g[source->offset + j] += c * from[j];
            w->size[source->offset + j] += size * lip_leaf_size(from[j]);
        }
    }
}

/* Unit u of the layer under way is met. */
static bool meet(span *w, size_t l, size_t u, double *row, double *error) {
    const lip_dense_layer *layer = &w->leaf->dense->layer[l];
    lip_phase phase = layer->relu ? lip_leaf_linear(w->node, u) : LIP_ACTIVE;
    size_t i = u - layer->offset;
    if (phase == LIP_INACTIVE) return true;
    if (l < w->level || (phase == LIP_UNSTABLE && !w->h)) return false;
    if (phase == LIP_UNSTABLE || l == w->level) {
        size_t column = phase == LIP_UNSTABLE ? w->h[u] : i;
        row[column] = w->g[u];
        error[column] = w->size[u];
    } else {
        spread(w, l, i, w->g[u], lip_leaf_size(w->size[u]), row, error);
    }
    return true;
}

/* z of a unit; false if it reads something that is not linear, or below the level. */
static bool make_row(span *w, size_t unit, double *row, double *error) {
    const lip_dense *dense = w->leaf->dense;
    size_t l = dense->layer_of[unit], bottom = dense->layer[w->level].offset;
    if (l == w->level) row[unit - bottom] = 1;
    if (l == w->level) return true;
    memset(w->g, 0, 2 * dense->units * sizeof *w->g);
    spread(w, l, unit - dense->layer[l].offset, 1, 1, row, error);
    while (l-- > 0) {
        const lip_dense_layer *layer = &dense->layer[l];
        for (size_t i = 0; i < layer->width; ++i) {
            size_t u = layer->offset + i;
            if (w->size[u] != 0 && !meet(w, l, u, row, error)) return false;
        }
    }
    double gamma = 2 * lip_gamma(w->leaf->roundings);
    for (size_t j = 0; j < w->columns; ++j)
        error[j] = gamma * lip_sum_up(error[j], w->leaf->roundings);
    return true;
}

/* Is z of coordinate i a function of the inputs that is not constant, whatever the phases are? */
static bool varies(const span *w, size_t i) {
    const lip_dense *dense = w->leaf->dense;
    const lip_dense_layer *layer = &dense->layer[w->level];
    size_t inputs = 0;
    bool any = false;
    for (size_t t = 0; t < layer->nterms; ++t) {
        size_t width = dense->layer[layer->term[t].source].width;
        const double *row = layer->term[t].row + i * width;
        inputs += layer->term[t].source == 0;
        for (size_t j = 0; j < width; ++j) {
            any = any || row[j] != 0;
            if (row[j] != 0 && layer->term[t].source > 0) return false;
        }
    }
    return any && inputs == 1; /* several terms that read the input might cancel */
}

/* The coordinates that are used; false unless there is one fewer than rows, and one of them is not 0. */
static bool keep_coordinates(span *w) {
    bool not_zero = false;
    w->d = 0;
    for (size_t j = 0; j < w->columns; ++j) {
        bool used = false;
        for (size_t k = 0; k < w->rows && !used; ++k)
            used = w->row[k * w->columns + j] != 0 || w->error[k * w->columns + j] != 0;
        if (!used) continue;
        if (w->d + 1 == w->rows) return false;
        w->kept[w->d++] = j;
        not_zero = not_zero || j == w->width || (j < w->width && (w->level == 0 || varies(w, j)));
    }
    return w->d + 1 == w->rows && not_zero;
}

/* ---- Linear algebra ---------------------------------------------------------------------- */

/* inverse <- the approximate inverse of A; false if a pivot is 0. */
static bool invert(span *w) {
    size_t d = w->d;
    double *m = w->work, *r = w->inverse;
    memcpy(m, w->a, d * d * sizeof *m);
    memset(r, 0, d * d * sizeof *r);
    for (size_t i = 0; i < d; ++i) r[i * d + i] = 1;
    for (size_t k = 0; k < d; ++k) {
        size_t best = k;
        for (size_t i = k; i < d; ++i)
            if (fabs(m[i * d + k]) > fabs(m[best * d + k])) best = i;
        double pivot = m[best * d + k];
        if (!(fabs(pivot) > 0)) return false;
        for (size_t j = 0; j < d; ++j) {
            double x = m[best * d + j], y = r[best * d + j];
            m[best * d + j] = m[k * d + j];
            r[best * d + j] = r[k * d + j];
            m[k * d + j] = x / pivot;
            r[k * d + j] = y / pivot;
        }
        for (size_t i = 0; i < d; ++i) {
            double factor = m[i * d + k];
            if (i == k || factor == 0) continue;
            for (size_t j = 0; j < d; ++j) {
                m[i * d + j] -= factor * m[k * d + j];
                r[i * d + j] -= factor * r[k * d + j];
            }
        }
    }
    return true;
}

/* rest = r_1 + A l with its radius. */
static void find_rest(span *w, double gamma) {
    size_t d = w->d;
    for (size_t i = 0; i < d; ++i) {
        double x = w->b[i], r = w->rb[i] + gamma * lip_leaf_size(w->b[i]);
        for (size_t k = 0; k < d; ++k) {
            double size = lip_leaf_size(w->l[k]);
            x += w->l[k] * w->a[i * d + k];
            r += size * lip_leaf_size(w->ra[i * d + k]) +
                 gamma * size * lip_leaf_size(w->a[i * d + k]);
        }
        w->rest[i] = x;
        w->rrest[i] = lip_sum_up(r, 4 * d + 8);
    }
}

/* At least |I - R A| of row i. */
static double row_defect(const span *w, size_t i, double gamma) {
    size_t d = w->d;
    double sum = 0;
    for (size_t j = 0; j < d; ++j) {
        double x = i == j ? -1 : 0, r = gamma;
        for (size_t k = 0; k < d; ++k) {
            double f = w->inverse[i * d + k], size = lip_leaf_size(f);
            x += f * w->a[k * d + j];
            r += size * lip_leaf_size(w->ra[k * d + j]) +
                 gamma * size * lip_leaf_size(w->a[k * d + j]);
        }
        sum += fabs(x) + r;
    }
    return lip_sum_up(sum, 8 * d + 8);
}

/* Is A regular, and A x = -r_1 positive? */
static bool positive(span *w) {
    size_t d = w->d;
    double gamma = 2 * lip_gamma(d + 8), q = 0, most = 0;
    if (!invert(w)) return false;
    for (size_t i = 0; i < d; ++i) {
        w->l[i] = 0;
        for (size_t k = 0; k < d; ++k) w->l[i] -= w->inverse[i * d + k] * w->b[k];
        if (!(w->l[i] > 0)) return false;
    }
    find_rest(w, gamma);
    for (size_t i = 0; i < d; ++i) {
        double e = 0, x = 0, defect = row_defect(w, i, gamma);
        for (size_t k = 0; k < d; ++k) {
            double size = lip_leaf_size(w->inverse[i * d + k]);
            x += w->inverse[i * d + k] * w->rest[k];
            e += size * (lip_leaf_size(w->rrest[k]) + gamma * lip_leaf_size(w->rest[k]));
        }
        w->e[i] = lip_sum_up(fabs(x) + e, 8 * d + 8);
        if (!(defect < 0.5) || !(w->e[i] < INFINITY)) return false;
        q = fmax(q, defect);
        most = fmax(most, w->e[i]);
    }
    for (size_t i = 0; i < d; ++i)
        if (!(w->l[i] > 2 * (w->e[i] + 2.01 * q * most))) return false;
    return true;
}

/* ---- Levels ------------------------------------------------------------------------------ */

/* Rows and coordinates of a level; w has room for them. */
static bool try_level(span *w, const size_t *unit, bool one) {
    size_t width = w->columns, count = w->count[0] + w->count[1] + w->count[2];
    w->rows = count + one;
    memset(w->row, 0, w->rows * width * sizeof *w->row);
    memset(w->error, 0, w->rows * width * sizeof *w->error);
    for (size_t k = 0; k < count; ++k) {
        double *row = w->row + k * width;
        bool decided = k < w->count[0], hull = !decided && k < w->count[0] + w->count[1];
        if (!hull && !make_row(w, unit[k], row, w->error + k * width)) return false;
        for (size_t j = 0; j < width && !(decided && w->node->path[unit[k]] == LIP_ACTIVE); ++j)
            row[j] = -row[j];
        if (!decided) row[w->h[unit[k]]] = 1;
    }
    if (one) w->row[count * width + w->width] = 1;
    if (!keep_coordinates(w)) return false;
    for (size_t i = 0; i < w->d; ++i) {
        w->b[i] = w->row[w->kept[i]];
        w->rb[i] = w->error[w->kept[i]];
        for (size_t k = 0; k < w->d; ++k) {
            w->a[i * w->d + k] = w->row[(k + 1) * width + w->kept[i]];
            w->ra[i * w->d + k] = w->error[(k + 1) * width + w->kept[i]];
        }
    }
    return positive(w);
}

/* Room for a level; false if memory is short. */
static bool take_room(span *w, size_t count) {
    size_t rows = count + 1, width = w->columns, table, square;
    w->row = w->a = NULL;
    w->kept = NULL;
    if (!lip_multiply_sizes(rows, width, &table) || !lip_multiply_sizes(rows, rows, &square))
        return false;
    w->row = lip_alloc(table, 2 * sizeof *w->row);
    w->kept = LIP_NEW(size_t, rows);
    w->a = lip_alloc(square, 4 * sizeof *w->a);
    w->b = lip_alloc(rows, 6 * sizeof *w->b);
    if (!w->row || !w->kept || !w->a || !w->b) return false;
    w->error = w->row + table;
    w->ra = w->a + square;
    w->inverse = w->ra + square;
    w->work = w->inverse + square;
    w->rb = w->b + rows;
    w->l = w->rb + rows;
    w->rest = w->l + rows;
    w->rrest = w->rest + rows;
    w->e = w->rrest + rows;
    return true;
}

static void drop_room(span *w) {
    free(w->row);
    free(w->kept);
    free(w->a);
    free(w->b);
    w->row = w->a = w->b = NULL;
    w->kept = NULL;
}

/* Coordinates h of all undecided neurons; false if memory is short. */
static bool lift(span *w) {
    const lip_dense *dense = w->leaf->dense;
    if (!w->h) w->h = LIP_NEW(size_t, dense->units);
    for (size_t k = 0; w->h && k < dense->relus; ++k) w->h[dense->relu[k]] = w->width + 1 + k;
    w->columns += dense->relus;
    return w->h != NULL;
}

bool lip_leaf_span(const lip_leaf *leaf, const lip_leaf_node *node, bool lifted,
                   const size_t count[3], const size_t *unit, size_t *level, bool *one,
                   bool *empty) {
    const lip_dense *dense = leaf->dense;
    span w = {.leaf = leaf, .node = node, .count = count};
    size_t all = count[0] + count[1] + count[2], first = dense->layers - 1;
    bool ok = (w.g = lip_alloc(dense->units, 2 * sizeof *w.g)) != NULL;
    w.size = ok ? w.g + dense->units : NULL;
    *empty = false;
    for (size_t k = 0; k < all; ++k)
        if (dense->layer_of[unit[k]] < first) first = dense->layer_of[unit[k]];
    for (size_t l = first + 1; ok && !*empty && l-- > 0;) {
        w.level = l;
        w.width = dense->layer[l].width;
        w.columns = w.width + 1;
        if (lifted) ok = lift(&w);
        if (all > w.columns + 1) continue;
        ok = ok && take_room(&w, all);
        for (int k = 0; ok && !*empty && k < 2; ++k) {
            *one = k == 0;
            *level = l;
            *empty = try_level(&w, unit, *one);
        }
        drop_room(&w);
    }
    free(w.g);
    free(w.h);
    return ok;
}
