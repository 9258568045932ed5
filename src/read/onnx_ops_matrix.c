/* ONNX operators that multiply by a matrix: MatMul and Gemm.
 *
 * With one constant factor a matrix product is linear in the elements of the other.  For one vector
 * it is the matrix itself, dense; for a stack of vectors it is block-diagonal, stored sparse. */
#include "base/error.h"
#include "base/memory.h"
#include "read/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

/* A stack of products: X is batch x M x K, Y is batch x K x N, each possibly broadcast. */
typedef struct product {
    size_t m, k, n;
    lip_shape batch;
    size_t stack;                      /* products in all */
    const size_t *x_matrix, *y_matrix; /* which matrix of X and Y product b uses */
    bool drop_m, drop_n;               /* a vector took part: its dimension goes again */
} product;

static lip_status fail_shapes(lip_node *n, const lip_tensor *x, const lip_tensor *y) {
    return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                    "matrices of shapes %s and %s cannot be multiplied",
                    lip_shape_text(&x->shape).text, lip_shape_text(&y->shape).text);
}

static lip_status plan_product(lip_node *n, const lip_tensor *x, const lip_tensor *y, product *p) {
    lip_shape a = x->shape, b = y->shape;
    memset(p, 0, sizeof *p);
    if (a.rank == 0 || b.rank == 0) return fail_shapes(n, x, y);
    p->drop_m = a.rank == 1;
    p->drop_n = b.rank == 1;
    p->m = p->drop_m ? 1 : a.dim[a.rank - 2];
    p->k = a.dim[a.rank - 1];
    p->n = p->drop_n ? 1 : b.dim[b.rank - 1];
    if (p->k != (p->drop_n ? b.dim[0] : b.dim[b.rank - 2]) || p->k == 0)
        return fail_shapes(n, x, y);
    a.rank = a.rank < 2 ? 0 : a.rank - 2;
    b.rank = b.rank < 2 ? 0 : b.rank - 2;
    if (!lip_shape_broadcast(&a, &b, &p->batch)) return fail_shapes(n, x, y);
    LIP_TRY(lip_node_count(n, &p->batch, &p->stack));
    LIP_TRY(lip_node_broadcast(n, &a, &p->batch, &p->x_matrix));
    return lip_node_broadcast(n, &b, &p->batch, &p->y_matrix);
}

static lip_status product_shape(lip_node *n, const product *p, lip_shape *shape, size_t *count) {
    *shape = p->batch;
    if (shape->rank + 2 > LIP_RANK)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "too many dimensions");
    if (!p->drop_m) shape->dim[shape->rank++] = p->m;
    if (!p->drop_n) shape->dim[shape->rank++] = p->n;
    return lip_node_count(n, shape, count);
}

/* Where element (b, r, k) of X and (b, k, c) of Y are. */
static size_t x_at(const product *p, size_t b, size_t r, size_t k) {
    return (p->x_matrix[b] * p->m + r) * p->k + k;
}
static size_t y_at(const product *p, size_t b, size_t k, size_t c) {
    return (p->y_matrix[b] * p->k + k) * p->n + c;
}

/* Both constant.  The time is bounded through the budget. */
static lip_status multiply_constants(lip_node *n, const product *p, const lip_tensor *x,
                                     const lip_tensor *y, lip_tensor *out) {
    size_t work;
    if (!lip_multiply_sizes(out->e.size, p->k, &work)) work = SIZE_MAX;
    LIP_TRY(lip_affine_spend(n->affine, work / 16));
    for (size_t i = 0; i < out->e.size; ++i) {
        size_t b = i / (p->m * p->n), r = i / p->n % p->m, c = i % p->n;
        double sum = 0;
        for (size_t k = 0; k < p->k; ++k) {
            double term = lip_affine_times(n->affine, lip_expression_value(&x->e, x_at(p, b, r, k)),
                                           lip_expression_value(&y->e, y_at(p, b, k, c)));
            sum = lip_affine_plus(n->affine, sum, term);
        }
        out->e.constant[i] = sum;
    }
    return LIP_OK;
}

/* The matrix that maps the elements of the varying factor to those of the product. */
static lip_status build_matrix(lip_node *n, const product *p, const lip_tensor *constant,
                               bool constant_first, size_t rows, size_t cols, lip_op **op) {
    size_t entries;
    if (!lip_multiply_sizes(rows, p->k, &entries)) entries = SIZE_MAX;
    bool dense = cols == p->k;
    if (!dense && entries > LIP_SPARSE_LIMIT)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the product would need a matrix of %zu entries, the limit is %zu", entries,
                        LIP_SPARSE_LIMIT);
    LIP_TRY(lip_affine_spend(n->affine, entries));
    *op = dense ? lip_op_dense(rows, cols) : lip_op_sparse(rows, cols, entries);
    if (!*op) return lip_fail_memory(n->affine->err);
    size_t at = 0;
    for (size_t i = 0; i < rows; ++i) {
        size_t b = i / (p->m * p->n), r = i / p->n % p->m, c = i % p->n;
        for (size_t k = 0; k < p->k; ++k, ++at) {
            size_t x = x_at(p, b, r, k), y = y_at(p, b, k, c);
            (*op)->value[at] = lip_expression_value(&constant->e, constant_first ? x : y);
            if (!dense) (*op)->column[at] = constant_first ? y : x;
        }
        if (!dense) (*op)->start[i + 1] = at;
    }
    return LIP_OK;
}

/* The product of two held tensors, of which one is constant; *out is one of them or new. */
static lip_status matrix_product(lip_node *n, lip_tensor *x, lip_tensor *y, lip_tensor **out) {
    bool x_constant = lip_expression_is_constant(&x->e);
    bool y_constant = lip_expression_is_constant(&y->e);
    if (!lip_type_is_float(x->type) || !lip_type_is_float(y->type))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "expected floating-point matrices, found %s and %s", lip_type_name(x->type),
                        lip_type_name(y->type));
    if (!x_constant && !y_constant)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "both factors depend on the network's input, such a product is not "
                        "piecewise linear");
    product p;
    lip_shape shape;
    size_t count;
    LIP_TRY(plan_product(n, x, y, &p));
    LIP_TRY(product_shape(n, &p, &shape, &count));
    if (x_constant && y_constant) {
        LIP_TRY(lip_node_zeros(n, x->type, &shape, out));
        return multiply_constants(n, &p, x, y, *out);
    }
    lip_tensor *vary = x_constant ? y : x;
    lip_op *op = NULL;
    LIP_TRY(build_matrix(n, &p, x_constant ? x : y, x_constant, count, vary->e.size, &op));
    LIP_TRY(lip_expression_apply(n->affine, &vary->e, op));
    vary->shape = shape;
    *out = vary;
    return LIP_OK;
}

lip_status lip_onnx_matmul(lip_node *n) {
    lip_tensor *x, *y, *out;
    LIP_TRY(lip_node_take(n, 0, &x));
    LIP_TRY(lip_node_take(n, 1, &y));
    LIP_TRY(matrix_product(n, x, y, &out));
    return lip_node_give(n, 0, out);
}

static lip_status take_matrix(lip_node *n, size_t i, const char *transposed, lip_tensor **t) {
    static const size_t swap[] = {1, 0};
    int64_t flag;
    LIP_TRY(lip_node_int(n, transposed, 0, &flag));
    LIP_TRY(lip_node_take(n, i, t));
    if ((*t)->shape.rank != 2)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "input %zu must be a matrix, found the shape %s", i + 1,
                        lip_shape_text(&(*t)->shape).text);
    return flag ? lip_tensor_transpose(n, *t, swap) : LIP_OK;
}

/* alpha A B + beta C; C may only be stretched, not the product. */
lip_status lip_onnx_gemm(lip_node *n) {
    double alpha, beta;
    int64_t unused;
    lip_tensor *x, *y, *c, *out;
    lip_shape shape;
    LIP_TRY(lip_node_float(n, "alpha", 1, &alpha));
    LIP_TRY(lip_node_float(n, "beta", 1, &beta));
    if (n->opset < 7) LIP_TRY(lip_node_int(n, "broadcast", 0, &unused));
    LIP_TRY(take_matrix(n, 0, "transA", &x));
    LIP_TRY(take_matrix(n, 1, "transB", &y));
    LIP_TRY(matrix_product(n, x, y, &out));
    LIP_TRY(lip_tensor_scale(n, out, alpha));
    if (!lip_node_has(n, 2)) return lip_node_give(n, 0, out);
    LIP_TRY(lip_node_take(n, 2, &c));
    if (!lip_shape_broadcast(&out->shape, &c->shape, &shape) ||
        !lip_shape_equal(&out->shape, &shape))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "the third input of shape %s does not fit a product of shape %s",
                        lip_shape_text(&c->shape).text, lip_shape_text(&out->shape).text);
    LIP_TRY(lip_tensor_scale(n, c, beta));
    LIP_TRY(lip_tensor_add(n, out, c, false));
    return lip_node_give(n, 0, out);
}
