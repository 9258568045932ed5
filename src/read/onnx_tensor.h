/* Tensors of an ONNX graph: a type, a shape, and an affine expression for the elements. */
#ifndef LIP_READ_ONNX_TENSOR_H
#define LIP_READ_ONNX_TENSOR_H

#include "net/expression.h"
#include "onnx.pb-c.h"
#include "read/reader.h"

#define LIP_TRY(call)                                                                              \
    do {                                                                                           \
        lip_status lip_try_ = (call);                                                              \
        if (lip_try_ != LIP_OK) return lip_try_;                                                   \
    } while (0)

/* Most dimensions that a tensor may have. */
#define LIP_RANK 16

typedef struct lip_shape {
    size_t rank;
    size_t dim[LIP_RANK];
} lip_shape;

/* Element types, as numbered by ONNX. */
enum {
    LIP_FLOAT = 1,
    LIP_UINT8 = 2,
    LIP_INT8 = 3,
    LIP_UINT16 = 4,
    LIP_INT16 = 5,
    LIP_INT32 = 6,
    LIP_INT64 = 7,
    LIP_BOOL = 9,
    LIP_FLOAT16 = 10,
    LIP_DOUBLE = 11,
    LIP_UINT32 = 12,
    LIP_UINT64 = 13,
    LIP_BFLOAT16 = 16
};

/* Elements in row-major order.  All numbers are held as doubles, also integers: shapes, axes and
 * indices lie far below 2^53, and larger integers only ever mean "as far as possible". */
typedef struct lip_tensor {
    int32_t type;
    lip_shape shape;
    lip_expression e; /* e.size is the number of elements */
} lip_tensor;

/* "FLOAT", ..., for messages; "type 99" is not distinguished from "an unknown type". */
const char *lip_type_name(int32_t type);
bool lip_type_is_float(int32_t type);
bool lip_type_is_integer(int32_t type); /* BOOL included */

/* Value as an element of the type: rounded for narrow floats, cut towards 0 for integers, != 0 for
 * BOOL.  False if it does not fit. */
bool lip_type_convert(int32_t type, double value, double *converted);

/* Number of elements; false if it overflows or exceeds `limit`. */
bool lip_shape_count(const lip_shape *shape, size_t limit, size_t *count);
bool lip_shape_equal(const lip_shape *a, const lip_shape *b);

/* "3x32x32" or "scalar". */
typedef struct lip_shape_name {
    char text[96];
} lip_shape_name;
lip_shape_name lip_shape_text(const lip_shape *shape);

/* The common shape by numpy's rules; false if there is none. */
bool lip_shape_broadcast(const lip_shape *a, const lip_shape *b, lip_shape *out);

/* strides[k] = elements between neighbours along dimension k. */
void lip_shape_strides(const lip_shape *shape, size_t *strides);

/* index[i] = base + sum over k of stride[k] * coordinate k of element i of `shape`. */
void lip_shape_walk(const lip_shape *shape, size_t base, const ptrdiff_t *stride, size_t *index);

/* Decode a constant.  *bytes_read grows by the external bytes read.  `out`, empty before, is the
 * caller's to clear.  Errors have no place. */
lip_status lip_onnx_constant(lip_affine *a, const lip_source *source, const LipOnnx__Tensor *proto,
                             size_t *bytes_read, lip_tensor *out);

/* For the file beside this one: the bytes of external data, exactly `size` of them, the caller's to
 * free. */
lip_status lip_onnx_external(const lip_source *source, const LipOnnx__Tensor *proto, size_t size,
                             unsigned char **bytes, lip_error *err);

#endif
