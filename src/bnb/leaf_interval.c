/* The bound of a leaf from an interval matrix that contains its Jacobians (docs/certificate.md, theorem 5 and
 * "Leaf interval").
 *
 * Passed back from the outputs, the derivative of a neuron being 1, 0 or in [0, 1] by its phase at the leaf, with
 * midpoints C and radii R (net/enclose.h does that for whole regions).  Besides the norms of |C| + R, and for
 * p = q = 2 of C and R apart,
 *
 *     p = inf:  the largest | |C t| + R 1 |_q,       q = 1:  the largest | |C'w| + R'1 |_p*      over all signs t, w
 *
 * if there are few of them: with all phases known R is nearly 0, and that is the norm itself.  Radii are more
 * pessimistic than lipcheck's: GAMMA counts all units, and rounding is taken twice as large as it is. */
#include "base/memory.h"
#include "bnb/leaf_work.h"
#include "linalg/norms.h"
#include "problem/proof.h"

#include <stdlib.h>

enum { SIGNS = 12 };

typedef struct enclosure {
    size_t rows, cols;
    double *c, *r; /* by columns: entry (i, j) at j * rows + i; units * rows of them */
} enclosure;

/* c +- r times a number in [0, 1]. */
static void damp(double *c, double *r) {
    double lo = fmin(lip_sub_down(*c, *r), 0), hi = fmax(lip_add_up(*c, *r), 0);
    if (*c == 0 && *r == 0) return;
    *c = lo / 2 + hi / 2;
    *r = fmax(lip_sub_up(hi, *c), lip_sub_up(*c, lo));
}

static void pass_unit(const lip_leaf *leaf, size_t l, size_t i, const enclosure *m, double gamma) {
    const lip_dense_layer *layer = &leaf->dense->layer[l];
    const double *c = m->c + (layer->offset + i) * m->rows,
                 *r = m->r + (layer->offset + i) * m->rows;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &leaf->dense->layer[layer->term[t].source];
        const double *row = layer->term[t].row + i * source->width;
        for (size_t j = 0; j < source->width; ++j) {
            double *to = m->c + (source->offset + j) * m->rows,
                   *error = m->r + (source->offset + j) * m->rows, size = lip_leaf_size(row[j]);
            for (size_t o = 0; size > 0 && o < m->rows; ++o) {
                to[o] += row[j] * c[o];
                error[o] += size * lip_leaf_size(r[o] + gamma * lip_leaf_size(c[o]));
            }
        }
    }
}

static void pass_back(const lip_leaf *leaf, const lip_leaf_node *node, const enclosure *m) {
    const lip_dense *dense = leaf->dense;
    size_t first, last, terms = dense->units + dense->layers + 16;
    double gamma = 2 * lip_gamma(terms);
    lip_leaf_units(leaf, dense->layers, &first, &last);
    for (size_t i = first; i < last; ++i)
        m->c[(dense->layer[dense->layers].offset + i) * m->rows + i - first] = 1;
    for (size_t l = dense->layers; l > 0; --l) {
        const lip_dense_layer *layer = &dense->layer[l];
        lip_leaf_units(leaf, l, &first, &last);
        for (size_t i = first; i < last; ++i) {
            size_t unit = layer->offset + i;
            lip_phase phase = layer->relu ? lip_leaf_linear(node, unit) : LIP_ACTIVE;
            if (phase == LIP_INACTIVE) continue;
            for (size_t o = 0; o < m->rows; ++o) {
                double *c = &m->c[unit * m->rows + o], *r = &m->r[unit * m->rows + o];
                *r = lip_sum_up(*r, terms);
                if (phase == LIP_UNSTABLE) damp(c, r);
            }
            pass_unit(leaf, l, i, m, gamma);
        }
    }
    for (size_t e = 0; e < dense->inputs * m->rows; ++e) m->r[e] = lip_sum_up(m->r[e], terms);
}

typedef enum side { MAGNITUDES, MIDPOINTS, RADII } side;

/* The norm of a matrix; false if memory is short. */
static bool norm_of(const lip_leaf *leaf, const enclosure *m, side of, double *norm) {
    lip_op *op = lip_op_dense(m->rows, m->cols);
    if (!op) return false;
    for (size_t i = 0; i < m->rows; ++i)
        for (size_t j = 0; j < m->cols; ++j) {
            double c = m->c[j * m->rows + i], r = m->r[j * m->rows + i];
            op->value[i * m->cols + j] = of == MIDPOINTS           ? c
                                         : of == RADII || (c == 0) ? r
                                                                   : lip_add_up(fabs(c), r);
        }
    bool ok = lip_norm_bound(op, leaf->norm_in, leaf->norm_out, 0, norm);
    lip_op_free(op);
    return ok;
}

/* The largest norm of |C s| + R 1 over all signs s, of C' and R' if `across`. */
static bool over_signs(const enclosure *m, bool across, lip_norm norm, double *worst) {
    size_t signs = across ? m->rows : m->cols, rows = across ? m->cols : m->rows;
    size_t step = across ? m->rows : 1, next = across ? 1 : m->rows;
    double *sum = LIP_NEW(double, 2 * rows);
    if (!sum) return false;
    double *error = sum + rows;
    for (size_t i = 0; i < rows; ++i) {
        for (size_t k = 0; k < signs; ++k) {
            double c = m->c[i * step + k * next], r = m->r[i * step + k * next];
            error[i] += r + 2 * lip_gamma(signs + 2) * lip_leaf_size(c);
        }
        error[i] = lip_sum_up(error[i], 4 * signs);
    }
    *worst = 0;
    size_t patterns = signs > 0 ? (size_t)1 << (signs - 1) : 0; /* the last sign is + */
    for (size_t mask = 0; mask < patterns; ++mask) {
        for (size_t i = 0; i < rows; ++i) {
            double x = 0;
            for (size_t k = 0; k < signs; ++k) {
                double c = m->c[i * step + k * next];
                x += mask >> k & 1 ? -c : c;
            }
            sum[i] = error[i] == 0 ? 0 : lip_add_up(fabs(x), error[i]);
        }
        double length = lip_vector_norm_up(rows, sum, NULL, 1, norm);
        *worst = length <= *worst ? *worst : length;
    }
    free(sum);
    return true;
}

static bool bound_of(const lip_leaf *leaf, const enclosure *m, double *bound) {
    lip_norm p = leaf->norm_in, q = leaf->norm_out;
    double middle, radius, signs;
    if (!norm_of(leaf, m, MAGNITUDES, bound)) return false;
    if (p == LIP_NORM_2 && q == LIP_NORM_2) {
        if (!norm_of(leaf, m, MIDPOINTS, &middle) || !norm_of(leaf, m, RADII, &radius))
            return false;
        *bound = fmin(*bound, radius == 0 ? middle : lip_add_up(middle, radius));
    }
    bool across = q == LIP_NORM_1 && (p == LIP_NORM_2 || m->rows < m->cols);
    if (p == LIP_NORM_1 || q == LIP_NORM_INF || (p != LIP_NORM_INF && !across) ||
        (across ? m->rows : m->cols) > SIGNS)
        return true;
    if (!over_signs(m, across, p == LIP_NORM_INF && q == LIP_NORM_1 ? LIP_NORM_1 : LIP_NORM_2,
                    &signs))
        return false;
    *bound = fmin(*bound, signs);
    return true;
}

static bool all_finite(const enclosure *m) {
    double check = 0;
    for (size_t e = 0; e < m->cols * m->rows; ++e) check += 0 * m->c[e] + 0 * m->r[e];
    return check == 0;
}

bool lip_leaf_interval(lip_leaf *leaf, const lip_leaf_node *node, double *bound, lip_text *text) {
    const lip_dense *dense = leaf->dense;
    enclosure m = {.rows = leaf->outputs, .cols = dense->inputs};
    size_t size;
    *bound = INFINITY;
    if (!lip_multiply_sizes(dense->units, m.rows, &size)) return false;
    double *room = lip_alloc(size, 2 * sizeof *room);
    if (!room) return false;
    m.c = room;
    m.r = room + size;
    pass_back(leaf, node, &m);
    if (leaf->part.input == LIP_SET_UNIT) {
        m.c += leaf->part.input_index * m.rows;
        m.r += leaf->part.input_index * m.rows;
        m.cols = 1;
    }
    bool ok = !all_finite(&m) || bound_of(leaf, &m, bound);
    free(room);
    *bound = lip_claim(*bound);
    if (!ok) return false;
    if (text && *bound < INFINITY) lip_text_word(text, "interval\n");
    return !text || !text->failed;
}
