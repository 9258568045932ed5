/* The rules `empty span` and `empty hull` of a tree (certificate.md, section 14): functions r_1, ..., r_(d+1) of d coordinates
 * that are at least 0 on all cells of a node cannot have a sum with positive multipliers that is 0, if r_2, ...,
 * r_(d+1) are independent and some coordinate is not 0 everywhere: all of them would have to be 0.
 *
 * The functions are z, or -z, of neurons, and 1; the coordinates what one layer passes on, and 1.  `empty hull` has
 * h = max(z, 0) of neurons without a phase as further coordinates, and h and h - z as further functions.  With
 * an approximate inverse R of the d x d matrix A with columns r_2, ..., r_(d+1) and an approximate
 * solution l of A x = -r_1, and norms of rows,
 *
 *     q = |I - R A| < 1   proves that A is regular and that   |x - l|_i <= |R (r_1 + A l)|_i + q / (1 - q) max_j |R (r_1 + A l)|_j,
 *
 * as R A (x - l) = - R (r_1 + A l).  Every coefficient is a ball. */
#include "round.h"

struct span {
    const struct problem *p;
    size_t level, width; /* of the layer; coordinate `width` is the constant 1 */
    size_t
        columns; /* all coordinates: behind these, for a hull, h of the neurons from the level on */
    struct cell *g; /* of all neurons: coefficients under way */
};

static bool zero(struct ball a) { return a.value == 0 && a.radius == 0; }

/* g += c times z of neuron k of layer l. */
static void spread(struct span *w, size_t l, size_t k, struct ball c, struct cell *constant) {
    const struct layer *layer = &w->p->net->layer[l];
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++)
        for (size_t e = a->start[k]; e < a->start[k + 1]; e++)
            cell_add(&w->g[w->p->net->first[a->source] + a->col[e]], c, (struct ball){a->val[e], 0},
                     false);
    if (layer->bias[k] != 0) cell_add(constant, c, (struct ball){layer->bias[k], 0}, false);
}

/* z of neuron k of layer l; false if something that it reads has no phase, or comes before the level. */
static bool make_row(struct span *w, size_t l, size_t k, struct ball *row) {
    const struct network *net = w->p->net;
    struct cell constant = {0};
    size_t top = net->first[l];
    if (l == w->level) row[k] = (struct ball){1, 0};
    if (l == w->level) return true;
    for (size_t i = 0; i < top; i++) w->g[i] = (struct cell){0};
    spread(w, l, k, (struct ball){1, 0}, &constant);
    while (l-- > 0)
        for (size_t i = net->first[l]; i < net->first[l + 1]; i++) {
            bool relu = net->layer[l].relu;
            if (w->g[i].count == 0 || (relu && w->p->state[i] >= INACTIVE)) continue;
            bool open = relu && w->p->state[i] == UNSTABLE;
            if (l < w->level || (open && w->columns == w->width + 1)) return false;
            struct ball c = cell_ball(&w->g[i]);
            if (open)
                row[w->width + 1 + i - net->first[w->level]] = c;
            else if (l == w->level)
                row[i - net->first[l]] = c;
            else
                spread(w, l, i - net->first[l], c, &constant);
        }
    row[w->width] = cell_ball(&constant);
    return true;
}

/* Is z of neuron k of layer l a function of the inputs that is not constant, whatever the phases are? */
static bool varies(struct span *w, size_t l, size_t k) {
    const struct layer *layer = &w->p->net->layer[l];
    struct cell constant = {0};
    for (const struct matrix *a = layer->term; a < layer->term + layer->terms; a++)
        if (a->source > 0 && a->start[k] < a->start[k + 1]) return false;
    for (size_t j = 0; j < w->p->net->first[1]; j++) w->g[j] = (struct cell){0};
    spread(w, l, k, (struct ball){1, 0}, &constant);
    bool found = false;
    for (size_t j = 0; j < w->p->net->first[1]; j++) {
        struct ball c = cell_ball(&w->g[j]);
        found = found || fabs(c.value) > c.radius;
    }
    return found;
}

/* r <- the approximate inverse of the values of a; false if a pivot is 0. */
static bool invert(const struct ball *a, size_t d, double *r) {
    double *m = take(d * d, sizeof *m);
    for (size_t i = 0; i < d * d; i++) m[i] = a[i].value;
    for (size_t i = 0; i < d; i++) r[i * d + i] = 1;
    for (size_t k = 0; k < d; k++) {
        size_t best = k;
        for (size_t i = k; i < d; i++)
            if (fabs(m[i * d + k]) > fabs(m[best * d + k])) best = i;
        double pivot = m[best * d + k];
        if (!(fabs(pivot) > 0)) return false;
        for (size_t j = 0; j < d; j++) {
            double x = m[best * d + j], y = r[best * d + j];
            m[best * d + j] = m[k * d + j];
            r[best * d + j] = r[k * d + j];
            m[k * d + j] = x / pivot;
            r[k * d + j] = y / pivot;
        }
        for (size_t i = 0; i < d; i++) {
            double factor = m[i * d + k];
            for (size_t j = 0; j < d && i != k && factor != 0; j++) {
                m[i * d + j] -= factor * m[k * d + j];
                r[i * d + j] -= factor * r[k * d + j];
            }
        }
    }
    return true;
}

/* Is A regular, and A x = -b positive? */
static bool positive(const struct ball *a, const struct ball *b, size_t d) {
    double *r = take(d * d, sizeof *r), *l = take(d, sizeof *l), *error = take(d, sizeof *error),
           q = 0, most = 0;
    struct ball *rest = take(d, sizeof *rest);
    if (!invert(a, d, r)) return false;
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < d; k++) l[i] -= r[i * d + k] * b[k].value;
    for (size_t i = 0; i < d; i++) {
        struct cell x = {0};
        cell_add(&x, (struct ball){1, 0}, b[i], false);
        for (size_t k = 0; k < d; k++) cell_add(&x, (struct ball){l[k], 0}, a[i * d + k], false);
        rest[i] = cell_ball(&x);
    }
    for (size_t i = 0; i < d; i++) {
        double row = 0;
        struct cell x = {0};
        for (size_t j = 0; j < d; j++) {
            struct cell y = {0};
            for (size_t k = 0; k < d; k++)
                cell_add(&y, (struct ball){r[i * d + k], 0}, a[k * d + j], false);
            if (i == j) cell_add(&y, (struct ball){-1, 0}, (struct ball){1, 0}, false);
            struct ball z = cell_ball(&y);
            row = plus(row, plus(fabs(z.value), z.radius));
        }
        q = worse(row, q);
        for (size_t k = 0; k < d; k++) cell_add(&x, (struct ball){r[i * d + k], 0}, rest[k], false);
        struct ball z = cell_ball(&x);
        error[i] = plus(fabs(z.value), z.radius);
        most = worse(error[i], most);
    }
    if (!(q < 1)) return false;
    double more = prod(up(q / down(1 - q)), most);
    for (size_t i = 0; i < d; i++)
        if (!(l[i] > plus(error[i], more))) return false;
    return true;
}

/* Rows z or -z of the first list's neurons, h of the second's, h - z of the third's. */
static bool make_rows(struct span *w, const struct list *lists, struct ball *row) {
    const struct network *net = w->p->net;
    for (int k = 0; k < 3; k++)
        for (size_t i = 0, l = 1; i < lists[k].count; i++, row += w->columns) {
            size_t neuron = lists[k].neuron[i];
            while (neuron >= net->first[l + 1]) l++;
            if (k != 1 && !make_row(w, l, neuron - net->first[l], row)) return false;
            for (size_t j = 0; j < w->columns && (k || w->p->phase[neuron] == INACTIVE); j++)
                row[j].value = -row[j].value;
            if (k) row[w->width + 1 + neuron - net->first[w->level]] = (struct ball){1, 0};
        }
    return true;
}

bool span_empty(const struct problem *p, size_t level, bool one, bool hull,
                const struct list lists[3]) {
    const struct network *net = p->net;
    struct span w = {p, level, net->layer[level].width, net->layer[level].width + 1,
                     take(net->neurons, sizeof(struct cell))};
    size_t count = lists[0].count + lists[1].count + lists[2].count, rows = count + one, d = 0,
           *kept;
    if (hull) w.columns += net->neurons - net->first[level];
    if (rows > w.columns + 1) return false;
    struct ball *row = take(times(rows, w.columns), sizeof *row), *a, *b;
    if (!make_rows(&w, lists, row)) return false;
    if (one) row[count * w.columns + w.width] = (struct ball){1, 0};
    kept = take(w.columns, sizeof *kept);
    bool not_zero = false;
    for (size_t j = 0; j < w.columns; j++) {
        bool used = false;
        for (size_t i = 0; i < rows; i++) used = used || !zero(row[i * w.columns + j]);
        if (!used) continue;
        kept[d++] = j;
        not_zero =
            not_zero || j == w.width || (j < w.width && (level == 0 || varies(&w, level, j)));
    }
    if (rows != d + 1 || !not_zero) return false;
    a = take(times(d, d), sizeof *a);
    b = take(d, sizeof *b);
    for (size_t i = 0; i < d; i++) {
        b[i] = row[kept[i]];
        for (size_t k = 0; k < d; k++) a[i * d + k] = row[(k + 1) * w.columns + kept[i]];
    }
    return positive(a, b, d);
}
