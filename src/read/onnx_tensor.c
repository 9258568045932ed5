/* Constants in an ONNX file.
 *
 * A TensorProto holds its numbers in one of three ways: in a field for their type (float_data, ...;
 * narrow types share int32_data), as little-endian bytes (raw_data), or as a range of another file
 * (external_data).  All are read into doubles; float32 and float64 weights arrive exactly. */
#include "read/onnx_tensor.h"

#include "base/error.h"
#include "base/memory.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one element in raw data; 0 for types that are not read. */
static size_t raw_size(int32_t type) {
    switch (type) {
    case LIP_UINT8:
    case LIP_INT8:
    case LIP_BOOL: return 1;
    case LIP_UINT16:
    case LIP_INT16:
    case LIP_FLOAT16:
    case LIP_BFLOAT16: return 2;
    case LIP_FLOAT:
    case LIP_INT32:
    case LIP_UINT32: return 4;
    case LIP_DOUBLE:
    case LIP_INT64:
    case LIP_UINT64: return 8;
    default: return 0;
    }
}

static double from_half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double value = exponent == 0    ? ldexp(fraction, -24)
                   : exponent == 31 ? (fraction ? NAN : INFINITY)
                                    : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 & 1 ? -value : value;
}

static double from_single(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* Two's complement of `width` bits. */
static double from_signed(uint64_t bits, unsigned width) {
    uint64_t top = (uint64_t)1 << (width - 1);
    if (!(bits & top)) return (double)bits;
    uint64_t magnitude = ~bits + 1;
    if (width < 64) magnitude &= ((uint64_t)1 << width) - 1;
    return -(double)magnitude;
}

/* The number that an element's bits mean. */
static double from_bits(int32_t type, uint64_t bits) {
    double value;
    switch (type) {
    case LIP_FLOAT: return from_single((uint32_t)bits);
    case LIP_DOUBLE: memcpy(&value, &bits, sizeof value); return value;
    case LIP_FLOAT16: return from_half(bits);
    case LIP_BFLOAT16: return from_single((uint32_t)bits << 16);
    case LIP_INT8: return from_signed(bits & 0xff, 8);
    case LIP_INT16: return from_signed(bits & 0xffff, 16);
    case LIP_INT32: return from_signed(bits & 0xffffffff, 32);
    case LIP_INT64: return from_signed(bits, 64);
    case LIP_BOOL: return bits != 0;
    default: return (double)bits;
    }
}

static void decode_raw(int32_t type, const unsigned char *bytes, size_t count, double *value) {
    size_t size = raw_size(type);
    for (size_t i = 0; i < count; ++i) {
        uint64_t bits = 0;
        for (size_t b = size; b-- > 0;) bits = bits << 8 | bytes[i * size + b];
        value[i] = from_bits(type, bits);
    }
}

/* The number of elements in the field for the type. */
static size_t typed_count(const LipOnnx__Tensor *t) {
    switch (t->data_type) {
    case LIP_FLOAT: return t->n_float_data;
    case LIP_DOUBLE: return t->n_double_data;
    case LIP_INT64: return t->n_int64_data;
    case LIP_UINT32:
    case LIP_UINT64: return t->n_uint64_data;
    default: return t->n_int32_data;
    }
}

static double typed_value(const LipOnnx__Tensor *t, size_t i) {
    switch (t->data_type) {
    case LIP_FLOAT: return (double)t->float_data[i];
    case LIP_DOUBLE: return t->double_data[i];
    case LIP_INT64: return (double)t->int64_data[i];
    case LIP_UINT32:
    case LIP_UINT64: return (double)t->uint64_data[i];
    case LIP_FLOAT16: return from_half((uint64_t)t->int32_data[i] & 0xffff);
    case LIP_BFLOAT16: return from_bits(LIP_BFLOAT16, (uint64_t)t->int32_data[i] & 0xffff);
    default: return (double)t->int32_data[i];
    }
}

static lip_status read_shape(const LipOnnx__Tensor *proto, lip_shape *shape, lip_error *err) {
    if (proto->n_dims > LIP_RANK)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "expected a tensor of at most %d dimensions, found %zu", LIP_RANK,
                        proto->n_dims);
    shape->rank = proto->n_dims;
    for (size_t k = 0; k < proto->n_dims; ++k) {
        if (proto->dims[k] < 0)
            return lip_fail(err, LIP_FORMAT, NULL, "the tensor has a negative dimension %lld",
                            (long long)proto->dims[k]);
        shape->dim[k] = (size_t)proto->dims[k];
    }
    return LIP_OK;
}

static lip_status check_finite(const lip_tensor *t, lip_error *err) {
    for (size_t i = 0; i < t->e.size; ++i)
        if (!isfinite(t->e.constant[i]))
            return lip_fail(err, LIP_FORMAT, NULL,
                            "expected finite numbers, but element %zu of the tensor is %s", i,
                            isnan(t->e.constant[i]) ? "nan" : "infinite");
    return LIP_OK;
}

/* External data or raw data, `need` bytes. */
static lip_status read_bytes(lip_affine *a, const lip_source *source, const LipOnnx__Tensor *proto,
                             size_t need, size_t *bytes_read, lip_tensor *out) {
    if (proto->data_location == 1) {
        unsigned char *bytes = NULL;
        LIP_TRY(lip_onnx_external(source, proto, need, &bytes, a->err));
        *bytes_read += need;
        a->budget += need;
        lip_status status = lip_expression_zeros(a, &out->e, out->e.size);
        if (status == LIP_OK) decode_raw(out->type, bytes, out->e.size, out->e.constant);
        free(bytes);
        return status;
    }
    if (proto->raw_data.len != need)
        return lip_fail(a->err, LIP_FORMAT, NULL,
                        "a tensor of shape %s and type %s needs %zu bytes, the file has %zu",
                        lip_shape_text(&out->shape).text, lip_type_name(out->type), need,
                        proto->raw_data.len);
    LIP_TRY(lip_expression_zeros(a, &out->e, out->e.size));
    decode_raw(out->type, proto->raw_data.data, out->e.size, out->e.constant);
    return LIP_OK;
}

static lip_status read_typed(lip_affine *a, const LipOnnx__Tensor *proto, lip_tensor *out) {
    if (typed_count(proto) != out->e.size)
        return lip_fail(a->err, LIP_FORMAT, NULL,
                        "a tensor of shape %s needs %zu numbers of type %s, the file has %zu",
                        lip_shape_text(&out->shape).text, out->e.size, lip_type_name(out->type),
                        typed_count(proto));
    LIP_TRY(lip_expression_zeros(a, &out->e, out->e.size));
    for (size_t i = 0; i < out->e.size; ++i) {
        out->e.constant[i] = typed_value(proto, i);
        double kept;
        if (!lip_type_is_float(out->type) &&
            (!lip_type_convert(out->type, out->e.constant[i], &kept) || kept != out->e.constant[i]))
            return lip_fail(a->err, LIP_FORMAT, NULL, "element %zu of the tensor, %g, is not of %s",
                            i, out->e.constant[i], lip_type_name(out->type));
    }
    return LIP_OK;
}

lip_status lip_onnx_constant(lip_affine *a, const lip_source *source, const LipOnnx__Tensor *proto,
                             size_t *bytes_read, lip_tensor *out) {
    out->type = proto->data_type;
    size_t size = raw_size(out->type), count, need;
    if (size == 0)
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL, "tensors of type %s are not read",
                        lip_type_name(out->type));
    if (proto->n_segment > 0)
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL, "tensors in segments are not read");
    LIP_TRY(read_shape(proto, &out->shape, a->err));
    if (!lip_shape_count(&out->shape, LIP_FILE_LIMIT / 8, &count) ||
        !lip_multiply_sizes(count, size, &need))
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL, "a tensor of shape %s is too large to read",
                        lip_shape_text(&out->shape).text);
    out->e.size = count;
    if (proto->data_location == 1 || proto->has_raw_data)
        LIP_TRY(read_bytes(a, source, proto, need, bytes_read, out));
    else
        LIP_TRY(read_typed(a, proto, out));
    return check_finite(out, a->err);
}
