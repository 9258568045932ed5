/* The families, written out: this file is the formula sheet.  Halving is exact (see lifted_image.c:
 * no coefficient is small enough to underflow), so radii halve with their values. */
#include "problem/family.h"

const char *lip_family_name(lip_family family) {
    static const char *const names[LIP_FAMILIES] = {"tangent", "gate", "switch", "range"};
    return names[family];
}

bool lip_family_equality(lip_family family) {
    return family == LIP_FAMILY_GATE || family == LIP_FAMILY_SWITCH;
}

size_t lip_family_count(const lip_lifted *lifted, lip_family family) {
    return family == LIP_FAMILY_TANGENT || lifted->phases ? lifted->neurons : 0;
}

size_t lip_family_multipliers(const lip_lifted *lifted) {
    return lifted->neurons * (lifted->phases ? LIP_FAMILIES : 1);
}

size_t lip_family_most_products(const lip_lifted *lifted) {
    size_t longest = 0;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        size_t length = lifted->neuron[k].last - lifted->neuron[k].first;
        if (length > longest) longest = length;
    }
    return 2 * longest + 3;
}

static lip_product product(size_t i, size_t j, double value, double radius) {
    return i <= j ? (lip_product){i, j, value, radius} : (lip_product){j, i, value, radius};
}

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
    case LIP_FAMILIES: break;
    }
    return count;
}

double lip_products_value(size_t count, const lip_product *list, const double *p) {
    double sum = 0;
    for (size_t k = 0; k < count; ++k) sum += list[k].value * p[list[k].i] * p[list[k].j];
    return sum;
}
