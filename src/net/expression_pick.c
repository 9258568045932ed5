/* Affine expressions: moving elements.  Everything here is exact. */
#include "net/expression.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static size_t count_there(size_t n, const size_t *index) {
    size_t there = 0;
    for (size_t i = 0; i < n; ++i) there += index[i] != LIP_NOTHING;
    return there;
}

static bool is_identity_map(size_t size, size_t n, const size_t *index) {
    if (n != size) return false;
    for (size_t i = 0; i < n; ++i)
        if (index[i] != i) return false;
    return true;
}

static lip_status is_permutation(lip_affine *a, size_t size, size_t n, const size_t *index,
                                 bool *answer) {
    *answer = n == size;
    if (n != size) return LIP_OK;
    unsigned char *seen = LIP_NEW(unsigned char, n);
    if (!seen) return lip_fail_memory(a->err);
    for (size_t i = 0; *answer && i < n; ++i) {
        *answer = index[i] != LIP_NOTHING && !seen[index[i]];
        if (*answer) seen[index[i]] = 1;
    }
    free(seen);
    return LIP_OK;
}

/* Rows of a sparse operator; NULL stands for the identity. */
static lip_op *pick_sparse(const lip_op *op, size_t cols, size_t n, const size_t *index) {
    size_t nonzeros = 0;
    for (size_t i = 0; i < n; ++i)
        if (index[i] != LIP_NOTHING)
            nonzeros += op ? op->start[index[i] + 1] - op->start[index[i]] : 1;
    lip_op *out = lip_op_sparse(n, cols, nonzeros);
    if (!out) return NULL;
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
        out->start[i] = at;
        if (index[i] == LIP_NOTHING) continue;
        if (!op) {
            out->column[at] = index[i];
            out->value[at++] = 1;
            continue;
        }
        for (size_t e = op->start[index[i]]; e < op->start[index[i] + 1]; ++e, ++at) {
            out->column[at] = op->column[e];
            out->value[at] = op->value[e];
        }
    }
    out->start[n] = at;
    return out;
}

/* Rows of a dense operator: dense again if at least half of the rows are there, else sparse. */
static lip_op *pick_dense(const lip_op *op, size_t n, const size_t *index, size_t there) {
    size_t cols = op->cols;
    bool dense = there >= n - there;
    lip_op *out = dense ? lip_op_dense(n, cols) : lip_op_sparse(n, cols, there * cols);
    if (!out) return NULL;
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
        if (!dense) out->start[i] = at;
        if (index[i] == LIP_NOTHING) continue;
        double *row = out->value + (dense ? i * cols : at);
        memcpy(row, op->value + index[i] * cols, cols * sizeof *row);
        if (dense) continue;
        for (size_t j = 0; j < cols; ++j) out->column[at + j] = j;
        at += cols;
    }
    if (!dense) out->start[n] = at;
    return out;
}

/* Numbers in the picked term. */
static size_t picked_size(const lip_op *op, size_t n, const size_t *index, size_t there) {
    size_t total = 0;
    if (!op) return there;
    if (op->kind == LIP_OP_DENSE)
        return lip_multiply_sizes(there > n - there ? n : there, op->cols, &total) ? total
                                                                                   : SIZE_MAX;
    for (size_t i = 0; i < n; ++i)
        if (index[i] != LIP_NOTHING) total += op->start[index[i] + 1] - op->start[index[i]];
    return total;
}

static lip_status pick_term(lip_affine *a, lip_affine_term *term, size_t n, const size_t *index) {
    size_t there = count_there(n, index);
    size_t numbers = picked_size(term->op, n, index, there);
    if (numbers > LIP_SPARSE_LIMIT && !(term->op && numbers <= term->op->nvalues))
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL,
                        "moving elements would need a matrix of %zu entries, the limit is %zu",
                        numbers, LIP_SPARSE_LIMIT);
    lip_status status = lip_affine_spend(a, numbers);
    if (status != LIP_OK) return status;
    lip_op *picked = term->op && term->op->kind == LIP_OP_DENSE
                         ? pick_dense(term->op, n, index, there)
                         : pick_sparse(term->op, term->width, n, index);
    if (!picked) return lip_fail_memory(a->err);
    lip_op_free(term->op);
    term->op = picked;
    return LIP_OK;
}

static lip_status pick_constant(lip_affine *a, lip_expression *e, size_t n, const size_t *index) {
    if (!e->constant) return LIP_OK;
    lip_status status = lip_affine_spend(a, n);
    if (status != LIP_OK) return status;
    double *picked = LIP_NEW(double, n);
    if (!picked) return lip_fail_memory(a->err);
    for (size_t i = 0; i < n; ++i) picked[i] = index[i] == LIP_NOTHING ? 0 : e->constant[index[i]];
    free(e->constant);
    e->constant = picked;
    return LIP_OK;
}

/* Permute an expression with convolutions by permuting its order. */
static lip_status pick_order(lip_affine *a, lip_expression *e, const size_t *index) {
    size_t *order = LIP_NEW(size_t, e->size);
    if (!order) return lip_fail_memory(a->err);
    for (size_t i = 0; i < e->size; ++i) order[i] = e->order ? e->order[index[i]] : index[i];
    free(e->order);
    e->order = order;
    if (is_identity_map(e->size, e->size, order)) {
        free(order);
        e->order = NULL;
    }
    return LIP_OK;
}

lip_status lip_expression_pick(lip_affine *a, lip_expression *e, size_t n, const size_t *index) {
    if (is_identity_map(e->size, n, index)) return LIP_OK;
    lip_status status = LIP_OK;
    if (lip_expression_has_conv(e)) {
        bool permutation;
        status = is_permutation(a, e->size, n, index, &permutation);
        if (status == LIP_OK && permutation) {
            status = pick_constant(a, e, n, index);
            return status == LIP_OK ? pick_order(a, e, index) : status;
        }
        if (status == LIP_OK) status = lip_expression_materialise(a, e);
    } else if (count_there(n, index) / 2 > e->size && lip_expression_is_heavy(e)) {
        status = lip_expression_materialise(a, e); /* do not repeat the rows of a matrix */
    }
    if (status == LIP_OK) status = pick_constant(a, e, n, index);
    if (status != LIP_OK) return status;
    e->size = n;
    for (size_t t = 0; status == LIP_OK && t < e->nterms; ++t)
        status = pick_term(a, &e->term[t], n, index);
    return status;
}
