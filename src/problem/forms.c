/* Forms as rows, and which of their products a moment matrix violates.
 *
 * With u = (1 + s) / 2 and h = hi (1 + h') / 2 in the scale of z,
 *
 *     h - z,      hi u - h = hi / 2 (s - h'),      z - h - lo (1 - u)         of neurons with h,
 *     hi u - z,      z - lo (1 - u)                                           of neurons without,
 *     r u +- v,      r (1 - u) +- (y - v),      r +- p_i.
 *
 * Only column 0 can be hit twice, by the constant of z: there the sum is rounded. */
#include "problem/forms.h"

#include "base/memory.h"
#include "problem/enclosed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double THRESHOLD = 1e-3;

/* ---- Forms ------------------------------------------------------------------------------- */

static bool begin(lip_lifted *lifted, lip_form_kind kind, size_t of, int sign) {
    size_t end = lifted->rows > 0 ? lifted->row[lifted->rows - 1].last : 0;
    if (!lip_grow((void **)&lifted->row, &lifted->row_room, lifted->rows + 1, sizeof *lifted->row))
        return false;
    lifted->form[lifted->forms++] = (lip_form){kind, of, sign, lifted->rows};
    lifted->row[lifted->rows++] = (lip_row){end, end};
    return true;
}

/* The last row += c p_column. */
static bool add(lip_lifted *lifted, size_t column, double value, double radius) {
    lip_row *row = &lifted->row[lifted->rows - 1];
    for (size_t c = row->first; c < row->last; ++c) {
        lip_coefficient *a = &lifted->row_coefficient[c];
        if (a->column != column) continue;
        lip_enclosed sum =
            lip_enclosed_add((lip_enclosed){a->value, a->radius}, (lip_enclosed){value, radius});
        a->value = sum.value;
        a->radius = sum.radius;
        return true;
    }
    if (!lip_grow((void **)&lifted->row_coefficient, &lifted->row_coefficient_room, row->last + 1,
                  sizeof *lifted->row_coefficient))
        return false;
    lifted->row_coefficient[row->last++] = (lip_coefficient){column, value, radius};
    return true;
}

static bool add_z(lip_lifted *lifted, const lip_relu *relu, double sign) {
    for (size_t c = lifted->row[relu->row].first; c < lifted->row[relu->row].last; ++c) {
        lip_coefficient a = lifted->row_coefficient[c];
        if (!add(lifted, a.column, sign * a.value, a.radius)) return false;
    }
    return true;
}

static bool variable_forms(lip_lifted *lifted) {
    bool ok = true;
    for (size_t i = 1; ok && i < lifted->n; ++i)
        for (int sign = -1; ok && sign <= 1; sign += 2)
            ok = begin(lifted, LIP_FORM_VARIABLE, i, sign) &&
                 add(lifted, 0, lip_variable_most(lifted, i), 0) && add(lifted, i, sign, 0);
    return ok;
}

static bool state_forms(lip_lifted *lifted, size_t k) {
    const lip_relu *relu = &lifted->relu[k];
    size_t s = relu->s, g = relu->state;
    double hi = relu->hi / 2, lo = relu->lo / 2;
    return begin(lifted, LIP_FORM_CLOSED, k, 1) && add_z(lifted, relu, -1) &&
           add(lifted, 0, hi, 0) && add(lifted, g, hi, 0) && begin(lifted, LIP_FORM_UPPER, k, 1) &&
           add(lifted, s, hi, 0) && add(lifted, g, -hi, 0) && begin(lifted, LIP_FORM_LOWER, k, 1) &&
           add_z(lifted, relu, 1) && add(lifted, 0, -hi, 0) && add(lifted, g, -hi, 0) &&
           add(lifted, 0, -lo, 0) && add(lifted, s, lo, 0);
}

static bool stateless_forms(lip_lifted *lifted, size_t k) {
    const lip_relu *relu = &lifted->relu[k];
    double hi = relu->hi / 2, lo = relu->lo / 2;
    return begin(lifted, LIP_FORM_TOP, k, 1) && add_z(lifted, relu, -1) && add(lifted, 0, hi, 0) &&
           add(lifted, relu->s, hi, 0) && begin(lifted, LIP_FORM_BOTTOM, k, 1) &&
           add_z(lifted, relu, 1) && add(lifted, 0, -lo, 0) && add(lifted, relu->s, lo, 0);
}

static bool neuron_forms(lip_lifted *lifted, size_t k, int sign) {
    const lip_neuron *neuron = &lifted->neuron[k];
    double r = lip_variable_most(lifted, neuron->v) / 2;
    bool ok = begin(lifted, LIP_FORM_ON, k, sign) && add(lifted, 0, r, 0) &&
              add(lifted, neuron->s, r, 0) && add(lifted, neuron->v, sign, 0) &&
              begin(lifted, LIP_FORM_OFF, k, sign) && add(lifted, 0, r, 0) &&
              add(lifted, neuron->s, -r, 0) && add(lifted, neuron->v, -sign, 0);
    for (size_t c = neuron->first; ok && c < neuron->last; ++c) {
        const lip_coefficient *a = &lifted->coefficient[c];
        ok = add(lifted, a->column, sign * a->value, a->radius);
    }
    return ok;
}

bool lip_forms_create(lip_lifted *lifted) {
    lifted->form = LIP_NEW(lip_form, 2 * lifted->n + 5 * lifted->relus + 4 * lifted->neurons);
    bool ok = lifted->form && variable_forms(lifted);
    for (size_t k = 0; ok && k < lifted->relus; ++k)
        ok =
            lifted->relu[k].state == LIP_NONE ? stateless_forms(lifted, k) : state_forms(lifted, k);
    for (size_t k = 0; ok && lifted->phases && k < lifted->neurons; ++k)
        ok = neuron_forms(lifted, k, 1) && neuron_forms(lifted, k, -1);
    return ok;
}

/* ---- Products ---------------------------------------------------------------------------- */

typedef struct candidate {
    double value; /* of the product: negative */
    size_t a, b;
} candidate;

static int by_value(const void *x, const void *y) {
    const candidate *a = x, *b = y;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    if (a->a != b->a) return a->a < b->a ? -1 : 1;
    return (a->b > b->b) - (a->b < b->b);
}

/* image = form_a X. */
static void form_image(const lip_lifted *lifted, size_t a, const double *x, double *image) {
    size_t n = lifted->n;
    const lip_row *row = &lifted->row[lifted->form[a].row];
    memset(image, 0, n * sizeof *image);
    for (size_t c = row->first; c < row->last; ++c) {
        const lip_coefficient *w = &lifted->row_coefficient[c];
        for (size_t j = 0; j < n; ++j) image[j] += w->value * x[w->column * n + j];
    }
}

static double form_value(const lip_lifted *lifted, size_t b, const double *image) {
    const lip_row *row = &lifted->row[lifted->form[b].row];
    double sum = 0;
    for (size_t c = row->first; c < row->last; ++c)
        sum += lifted->row_coefficient[c].value * image[lifted->row_coefficient[c].column];
    return sum;
}

static bool present(const lip_lifted *lifted, const candidate *c) {
    for (size_t k = 0; k < lip_family_count(lifted, LIP_FAMILY_PRODUCT); ++k) {
        const lip_cut *cut = lip_family_cut(lifted, LIP_FAMILY_PRODUCT, k);
        if (cut->of[0] == c->a && cut->of[1] == c->b) return true;
    }
    return false;
}

/* Violations are measured relative to the mean squares of the two forms.  False: out of memory. */
static bool collect(const lip_lifted *lifted, const double *x, candidate **list, size_t *count) {
    size_t capacity = 0;
    double *image = LIP_NEW(double, lifted->n), *size = LIP_NEW(double, lifted->forms);
    bool ok = image && size;
    for (size_t a = 0; ok && a < lifted->forms; ++a) {
        form_image(lifted, a, x, image);
        size[a] = sqrt(fmax(form_value(lifted, a, image), 1e-12));
        if (lifted->form[a].kind == LIP_FORM_VARIABLE) continue;
        for (size_t b = 0; ok && b < a; ++b) {
            double value = form_value(lifted, b, image) / (size[a] * size[b]);
            if (!(value < -THRESHOLD)) continue;
            ok = lip_grow((void **)list, &capacity, *count + 1, sizeof **list);
            if (ok) (*list)[(*count)++] = (candidate){value, b, a};
        }
    }
    free(image);
    free(size);
    return ok;
}

bool lip_forms_separate(lip_lifted *lifted, const double *x, size_t most, size_t *added) {
    candidate *list = NULL;
    size_t count = 0;
    bool ok = collect(lifted, x, &list, &count);
    *added = 0;
    if (ok && count > 0) qsort(list, count, sizeof *list, by_value);
    for (size_t k = 0; ok && k < count && *added < most; ++k) {
        if (present(lifted, &list[k])) continue;
        ok = lip_family_add_product(lifted, list[k].a, list[k].b);
        ++*added;
    }
    free(list);
    return ok;
}
