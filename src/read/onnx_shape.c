/* Shapes and element types of ONNX tensors. */
#include "read/onnx_tensor.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const struct {
    int32_t type;
    const char *name;
    double lowest, highest; /* of the integer types */
} TYPES[] = {
    {LIP_FLOAT, "FLOAT", 0, 0},
    {LIP_UINT8, "UINT8", 0, 255},
    {LIP_INT8, "INT8", -128, 127},
    {LIP_UINT16, "UINT16", 0, 65535},
    {LIP_INT16, "INT16", -32768, 32767},
    {LIP_INT32, "INT32", -0x1p31, 0x1p31 - 1},
    {LIP_INT64, "INT64", -0x1p63, 0x1p63},
    {8, "STRING", 0, 0},
    {LIP_BOOL, "BOOL", 0, 1},
    {LIP_FLOAT16, "FLOAT16", 0, 0},
    {LIP_DOUBLE, "DOUBLE", 0, 0},
    {LIP_UINT32, "UINT32", 0, 0x1p32 - 1},
    {LIP_UINT64, "UINT64", 0, 0x1p64},
    {14, "COMPLEX64", 0, 0},
    {15, "COMPLEX128", 0, 0},
    {LIP_BFLOAT16, "BFLOAT16", 0, 0},
};
enum { NTYPES = sizeof TYPES / sizeof *TYPES };

const char *lip_type_name(int32_t type) {
    for (int i = 0; i < NTYPES; ++i)
        if (TYPES[i].type == type) return TYPES[i].name;
    return "an unknown type";
}

bool lip_type_is_float(int32_t type) {
    return type == LIP_FLOAT || type == LIP_DOUBLE || type == LIP_FLOAT16 || type == LIP_BFLOAT16;
}

bool lip_type_is_integer(int32_t type) {
    for (int i = 0; i < NTYPES; ++i)
        if (TYPES[i].type == type) return TYPES[i].highest > 0;
    return false;
}

/* The nearest number with `bits` significant bits, at least `lowest` apart; false above `highest`. */
static bool round_to(double value, int bits, double spacing, double highest, double *rounded) {
    int exponent;
    frexp(value, &exponent);
    double unit = ldexp(1, exponent - bits);
    if (unit < spacing) unit = spacing;
    *rounded = rint(value / unit) * unit;
    return fabs(*rounded) <= highest;
}

bool lip_type_convert(int32_t type, double value, double *converted) {
    *converted = value;
    if (!isfinite(value)) return false;
    switch (type) {
    case LIP_DOUBLE: return true;
    case LIP_FLOAT:
        if (fabs(value) > (double)FLT_MAX) return false;
        *converted = (double)(float)value;
        return true;
    case LIP_FLOAT16: return round_to(value, 11, 0x1p-24, 65504, converted);
    case LIP_BFLOAT16: return round_to(value, 8, 0x1p-133, 0x1.fep127, converted);
    case LIP_BOOL: *converted = value != 0; return true;
    default: break;
    }
    *converted = trunc(value);
    for (int i = 0; i < NTYPES; ++i)
        if (TYPES[i].type == type && TYPES[i].highest > 0)
            return *converted >= TYPES[i].lowest && *converted <= TYPES[i].highest;
    return false;
}

/* Dimensions of a tensor without elements are not backed by anything. */
#define LARGEST_EMPTY ((size_t)1 << 20)

bool lip_shape_count(const lip_shape *shape, size_t limit, size_t *count) {
    size_t product = 1;
    bool empty = false;
    for (size_t k = 0; k < shape->rank; ++k) empty = empty || shape->dim[k] == 0;
    if (empty && limit > LARGEST_EMPTY) limit = LARGEST_EMPTY;
    for (size_t k = 0; k < shape->rank; ++k) {
        if (shape->dim[k] == 0) continue;
        if (shape->dim[k] > limit / product) return false;
        product *= shape->dim[k];
    }
    *count = empty ? 0 : product;
    return true;
}

bool lip_shape_equal(const lip_shape *a, const lip_shape *b) {
    if (a->rank != b->rank) return false;
    for (size_t k = 0; k < a->rank; ++k)
        if (a->dim[k] != b->dim[k]) return false;
    return true;
}

lip_shape_name lip_shape_text(const lip_shape *shape) {
    lip_shape_name name;
    size_t at = 0;
    snprintf(name.text, sizeof name.text, "scalar");
    for (size_t k = 0; k < shape->rank && at < sizeof name.text; ++k)
        at += (size_t)snprintf(name.text + at, sizeof name.text - at, "%s%zu", k ? "x" : "",
                               shape->dim[k]);
    return name;
}

bool lip_shape_broadcast(const lip_shape *a, const lip_shape *b, lip_shape *out) {
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (size_t k = 0; k < out->rank; ++k) {
        size_t x = k + a->rank < out->rank ? 1 : a->dim[k + a->rank - out->rank];
        size_t y = k + b->rank < out->rank ? 1 : b->dim[k + b->rank - out->rank];
        if (x != y && x != 1 && y != 1) return false;
        out->dim[k] = x == 1 ? y : x;
    }
    return true;
}

void lip_shape_strides(const lip_shape *shape, size_t *strides) {
    size_t step = 1;
    for (size_t k = shape->rank; k-- > 0;) {
        strides[k] = step;
        step *= shape->dim[k];
    }
}

void lip_shape_walk(const lip_shape *shape, size_t base, const ptrdiff_t *stride, size_t *index) {
    size_t coordinate[LIP_RANK] = {0}, count = 1, at = base;
    for (size_t k = 0; k < shape->rank; ++k) count *= shape->dim[k];
    for (size_t i = 0; i < count; ++i) {
        index[i] = at;
        for (size_t k = shape->rank; k-- > 0;) { /* odometer; unsigned arithmetic wraps as wanted */
            at += (size_t)stride[k];
            if (++coordinate[k] < shape->dim[k]) break;
            at -= (size_t)stride[k] * shape->dim[k];
            coordinate[k] = 0;
        }
    }
}
