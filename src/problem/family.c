/* The families, written out: this file is the formula sheet.  Halving is exact (see lifted_image.c:
 * no coefficient is small enough to underflow), so radii halve with their values. */
#include "problem/family.h"

#include "base/memory.h"
#include "problem/enclosed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *lip_family_name(lip_family family) {
    static const char *const names[LIP_FAMILIES] = {
        "tangent", "gate",  "switch", "range", "square", "closed",   "open",
        "above",   "below", "phases", "upper", "lower",  "triangle", "product"};
    return names[family];
}

bool lip_family_equality(lip_family family) {
    return family == LIP_FAMILY_GATE || family == LIP_FAMILY_SWITCH ||
           family == LIP_FAMILY_SQUARE || family == LIP_FAMILY_CLOSED || family == LIP_FAMILY_OPEN;
}

size_t lip_family_count(const lip_lifted *lifted, lip_family family) {
    if (family >= LIP_FIRST_CUT) return lifted->cut_count[family];
    return family == LIP_FAMILY_TANGENT || lifted->phases ? lifted->neurons : 0;
}

/* Multipliers of families that are no cuts. */
static size_t plain(const lip_lifted *lifted) {
    return lifted->neurons * (lifted->phases ? LIP_FIRST_CUT : 1);
}

static size_t first_cut(const lip_lifted *lifted, lip_family family) {
    size_t first = 0;
    for (int f = LIP_FIRST_CUT; f < (int)family; ++f) first += lifted->cut_count[f];
    return first;
}

size_t lip_family_place(const lip_lifted *lifted, lip_family family, size_t k) {
    if (family >= LIP_FIRST_CUT) return plain(lifted) + first_cut(lifted, family) + k;
    return (size_t)family * lifted->neurons + k;
}

size_t lip_family_multipliers(const lip_lifted *lifted) { return plain(lifted) + lifted->cuts; }

const lip_cut *lip_family_cut(const lip_lifted *lifted, lip_family family, size_t k) {
    return &lifted->cut[first_cut(lifted, family) + k];
}

/* ---- Vectors of pairs -------------------------------------------------------------------- */

size_t lip_vector_length(const lip_lifted *lifted, size_t i) {
    if (i < lifted->n) return 1;
    if (i < lifted->n + lifted->neurons) {
        const lip_neuron *neuron = &lifted->neuron[i - lifted->n];
        return neuron->last - neuron->first + 1;
    }
    const lip_row *row = &lifted->row[i - lifted->n - lifted->neurons];
    return row->last - row->first;
}

lip_coefficient lip_vector_entry(const lip_lifted *lifted, size_t i, size_t c) {
    if (i < lifted->n) return (lip_coefficient){i, 1, 0};
    if (i < lifted->n + lifted->neurons) {
        const lip_neuron *neuron = &lifted->neuron[i - lifted->n];
        if (neuron->first + c == neuron->last) return (lip_coefficient){neuron->v, -1, 0};
        return lifted->coefficient[neuron->first + c];
    }
    return lifted->row_coefficient[lifted->row[i - lifted->n - lifted->neurons].first + c];
}

static size_t cut_products(const lip_lifted *lifted, const lip_cut *cut) {
    size_t count = 0;
    for (size_t t = cut->first; t < cut->last; ++t)
        count += lip_vector_length(lifted, lifted->pair[t].i) *
                 lip_vector_length(lifted, lifted->pair[t].j);
    return count;
}

size_t lip_family_most_products(const lip_lifted *lifted) {
    size_t longest = 0;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        size_t length = lifted->neuron[k].last - lifted->neuron[k].first;
        if (length > longest) longest = length;
    }
    size_t most = 2 * longest + 3;
    for (size_t k = 0; k < lifted->cuts; ++k) {
        size_t count = cut_products(lifted, &lifted->cut[k]);
        if (count > most) most = count;
    }
    return most;
}

static lip_product product(size_t i, size_t j, double value, double radius) {
    return i <= j ? (lip_product){i, j, value, radius} : (lip_product){j, i, value, radius};
}

size_t lip_pair_products(const lip_lifted *lifted, const lip_pair *pair, lip_product *out) {
    size_t rows = lip_vector_length(lifted, pair->i), columns = lip_vector_length(lifted, pair->j);
    for (size_t a = 0; a < rows; ++a) {
        lip_coefficient x = lip_vector_entry(lifted, pair->i, a);
        lip_enclosed left = {pair->factor * x.value, 0};
        if (fabs(x.value) != 1 || x.radius != 0)
            left = lip_enclosed_multiply((lip_enclosed){pair->factor, 0},
                                         (lip_enclosed){x.value, x.radius});
        for (size_t c = 0; c < columns; ++c) {
            lip_coefficient y = lip_vector_entry(lifted, pair->j, c);
            lip_enclosed both = {left.value * y.value, left.radius};
            if (fabs(y.value) != 1 || y.radius != 0)
                both = lip_enclosed_multiply(left, (lip_enclosed){y.value, y.radius});
            *out++ = product(x.column, y.column, both.value, both.radius);
        }
    }
    return rows * columns;
}

static size_t expand_cut(const lip_lifted *lifted, const lip_cut *cut, lip_product *out) {
    size_t count = 0;
    for (size_t t = cut->first; t < cut->last; ++t)
        count += lip_pair_products(lifted, &lifted->pair[t], out + count);
    return count;
}

/* ---- Neurons ----------------------------------------------------------------------------- */

/* factor * p_i * y of the neuron, factor a power of two. */
static size_t times_y(const lip_lifted *lifted, const lip_neuron *neuron, size_t i, double factor,
                      lip_product *out) {
    for (size_t c = neuron->first; c < neuron->last; ++c) {
        const lip_coefficient *a = &lifted->coefficient[c];
        *out++ = product(i, a->column, factor * a->value, factor * a->radius);
    }
    return neuron->last - neuron->first;
}

size_t lip_family_products(const lip_lifted *lifted, lip_family family, size_t k,
                           lip_product *out) {
    if (family >= LIP_FIRST_CUT) return expand_cut(lifted, lip_family_cut(lifted, family, k), out);
    const lip_neuron *neuron = &lifted->neuron[k];
    size_t v = neuron->v, s = neuron->s, count = 0;
    switch (family) {
    case LIP_FAMILY_TANGENT:
        count = times_y(lifted, neuron, v, 1, out);
        out[count++] = product(v, v, -1, 0);
        break;
    case LIP_FAMILY_GATE:
        out[count++] = product(s, v, 1, 0);
        out[count++] = product(0, v, -1, 0);
        break;
    case LIP_FAMILY_SWITCH:
        count = times_y(lifted, neuron, s, 0.5, out);
        count += times_y(lifted, neuron, 0, 0.5, out + count);
        out[count++] = product(0, v, -1, 0);
        break;
    case LIP_FAMILY_RANGE:
        out[count++] = product(0, 0, neuron->range / 2, 0);
        out[count++] = product(0, s, neuron->range / 2, 0);
        out[count++] = product(v, v, -1, 0);
        break;
    default: break;
    }
    return count;
}

double lip_products_value(size_t count, const lip_product *list, const double *p) {
    double sum = 0;
    for (size_t k = 0; k < count; ++k) sum += list[k].value * p[list[k].i] * p[list[k].j];
    return sum;
}

/* ---- Cuts -------------------------------------------------------------------------------- */

/* A new cut behind those of its family, with the pairs that are not 0. */
static bool add_cut(lip_lifted *lifted, lip_cut cut, size_t count, const lip_pair *pair) {
    if (!lip_grow((void **)&lifted->cut, &lifted->cut_capacity, lifted->cuts + 1,
                  sizeof *lifted->cut) ||
        !lip_grow((void **)&lifted->pair, &lifted->pair_capacity, lifted->pairs + count,
                  sizeof *lifted->pair))
        return false;
    cut.first = lifted->pairs;
    for (size_t t = 0; t < count; ++t)
        if (pair[t].factor != 0) lifted->pair[lifted->pairs++] = pair[t];
    cut.last = lifted->pairs;
    size_t place = first_cut(lifted, cut.family) + lifted->cut_count[cut.family];
    memmove(lifted->cut + place + 1, lifted->cut + place,
            (lifted->cuts - place) * sizeof *lifted->cut);
    lifted->cut[place] = cut;
    ++lifted->cuts;
    ++lifted->cut_count[cut.family];
    return true;
}

static bool add_relu(lip_lifted *lifted, lip_family family, size_t k) {
    const lip_relu *relu = &lifted->relu[k];
    size_t s = relu->s, g = relu->state, z = lifted->n + lifted->neurons + relu->row;
    double hi = relu->hi, lo = relu->lo;
    lip_cut cut = {.family = family, .of = {k, LIP_NONE, LIP_NONE}};
    switch (family) {
    case LIP_FAMILY_SQUARE: {
        lip_pair list[] = {{1, 0, z}, {1, g, z}, {-hi / 2, 0, 0}, {-hi, 0, g}, {-hi / 2, g, g}};
        return g == LIP_NONE || add_cut(lifted, cut, 5, list);
    }
    case LIP_FAMILY_CLOSED: {
        lip_pair list[] = {{1, 0, 0}, {1, 0, g}, {-1, 0, s}, {-1, s, g}};
        return g == LIP_NONE || add_cut(lifted, cut, 4, list);
    }
    case LIP_FAMILY_OPEN: {
        lip_pair list[] = {{0.5, 0, z}, {0.5, s, z}, {-hi / 2, 0, 0}, {-hi / 2, 0, g}};
        return g == LIP_NONE || add_cut(lifted, cut, 4, list);
    }
    case LIP_FAMILY_ABOVE: {
        lip_pair list[] = {{0.5, 0, z}, {0.5, s, z}};
        return add_cut(lifted, cut, 2, list);
    }
    case LIP_FAMILY_BELOW: {
        lip_pair list[] = {{-0.5, 0, z}, {0.5, s, z}};
        return add_cut(lifted, cut, 2, list);
    }
    case LIP_FAMILY_PHASES: {
        lip_pair list[] = {
            {-1, z, z}, {hi / 2, 0, z}, {hi / 2, s, z}, {lo / 2, 0, z}, {-lo / 2, s, z}};
        return add_cut(lifted, cut, 5, list);
    }
    case LIP_FAMILY_UPPER: {
        lip_pair list[] = {{hi / 2, 0, 0}, {hi / 2, 0, s}, {-0.5, 0, z}, {-0.5, s, z}};
        return add_cut(lifted, cut, 4, list);
    }
    case LIP_FAMILY_LOWER: {
        lip_pair list[] = {{0.5, 0, z}, {-0.5, s, z}, {-lo / 2, 0, 0}, {lo / 2, 0, s}};
        return add_cut(lifted, cut, 4, list);
    }
    default: return true;
    }
}

bool lip_family_add_relus(lip_lifted *lifted) {
    for (int f = LIP_FIRST_CUT; f < LIP_FAMILY_TRIANGLE; ++f)
        for (size_t k = 0; k < lifted->relus; ++k)
            if (!add_relu(lifted, (lip_family)f, k)) return false;
    return true;
}

double lip_variable_most(const lip_lifted *lifted, size_t i) { return lifted->variable[i].most; }

bool lip_family_add_triangle(lip_lifted *lifted, size_t i, size_t j, size_t k, int a, int b) {
    double x = lip_variable_most(lifted, i), y = lip_variable_most(lifted, j);
    double z = lip_variable_most(lifted, k), all = 1;
    if (x < 1 || y < 1 || z < 1) all = lip_mul_up(lip_mul_up(x, y), z);
    lip_cut cut = {LIP_FAMILY_TRIANGLE, {i, j, k}, {(signed char)a, (signed char)b}, 0, 0};
    lip_pair list[] = {{all, 0, 0}, {a * z, i, j}, {b * y, i, k}, {a * b * x, j, k}};
    return add_cut(lifted, cut, 4, list);
}

bool lip_family_add_products(lip_lifted *lifted) {
    for (size_t i = 0; i < lifted->n; ++i)
        for (size_t j = 0; lifted->variable[i].kind == LIP_VARIABLE_INPUT && j < lifted->n; ++j) {
            if (lifted->variable[j].kind != LIP_VARIABLE_POINT ||
                lifted->variable[j].index != lifted->variable[i].index)
                continue;
            for (int c = 0; c < 4; ++c)
                if (!lip_family_add_triangle(lifted, 0, i, j, c & 1 ? 1 : -1, c & 2 ? 1 : -1))
                    return false;
        }
    return true;
}

bool lip_family_add_product(lip_lifted *lifted, size_t a, size_t b) {
    size_t base = lifted->n + lifted->neurons;
    lip_cut cut = {.family = LIP_FAMILY_PRODUCT, .of = {a, b, LIP_NONE}};
    lip_pair pair = {1, base + lifted->form[a].row, base + lifted->form[b].row};
    return add_cut(lifted, cut, 1, &pair);
}

bool lip_family_keep(lip_lifted *lifted, const bool *keep, double *lambda) {
    size_t first = first_cut(lifted, LIP_FAMILY_TRIANGLE), to = 0, used = 0;
    lip_pair *pair = LIP_NEW(lip_pair, lifted->pairs);
    if (!pair) return false;
    lambda += plain(lifted);
    for (size_t from = 0; from < lifted->cuts; ++from) {
        lip_cut cut = lifted->cut[from];
        if (from >= first && !keep[from - first]) {
            --lifted->cut_count[cut.family];
            continue;
        }
        size_t length = cut.last - cut.first;
        memcpy(pair + used, lifted->pair + cut.first, length * sizeof *pair);
        cut.first = used;
        cut.last = used += length;
        lambda[to] = lambda[from];
        lifted->cut[to++] = cut;
    }
    free(lifted->pair);
    lifted->pair_capacity = lifted->pairs;
    lifted->pair = pair;
    lifted->cuts = to;
    lifted->pairs = used;
    return true;
}
