/* Composing matrices with selections.
 *
 * A monomial operator S has at most one entry per row: (S h)_i = v_i h_{c_i}.  With S inside, a matrix
 * keeps its shape: (A S)_{r,j} = sum over i with c_i = j of A_{r,i} v_i, a relabelling of columns.
 * A dense A stays dense unless S reads a few elements of a wide source, and then becomes sparse. */
#include "net/expression.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    size_t column;
    double value;
} entry;

static int by_column(const void *x, const void *y) {
    const entry *a = x, *b = y;
    return a->column < b->column ? -1 : a->column > b->column;
}

/* Sort a row, add up equal columns; the number of entries left. */
static size_t tidy_row(lip_affine *a, entry *row, size_t n) {
    bool sorted = true;
    for (size_t i = 1; i < n; ++i) sorted = sorted && row[i - 1].column < row[i].column;
    if (sorted) return n;
    qsort(row, n, sizeof *row, by_column);
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
        if (kept > 0 && row[kept - 1].column == row[i].column)
            row[kept - 1].value = lip_affine_plus(a, row[kept - 1].value, row[i].value);
        else
            row[kept++] = row[i];
    }
    return kept;
}

static void store_row(lip_op *op, size_t r, size_t *at, const entry *row, size_t n) {
    for (size_t i = 0; i < n; ++i, ++*at) {
        op->column[*at] = row[i].column;
        op->value[*at] = row[i].value;
    }
    op->start[r + 1] = *at;
}

/* A sparse operator for at most `room` entries, spent from the budget. */
static lip_op *new_sparse(lip_affine *a, size_t rows, size_t cols, size_t room) {
    if (room > LIP_SPARSE_LIMIT) {
        lip_record(a->err, LIP_UNSUPPORTED, NULL,
                   "a matrix of %zu entries would arise, the limit is %zu", room, LIP_SPARSE_LIMIT);
        return NULL;
    }
    if (lip_affine_spend(a, room) != LIP_OK) return NULL;
    lip_op *op = lip_op_sparse(rows, cols, room);
    if (!op) lip_fail_memory(a->err);
    return op;
}

/* The entry of column i of the outer matrix, seen through S; false if S has none in that row. */
static bool through(lip_affine *a, const lip_op *inner, size_t i, double value, entry *out) {
    *out = (entry){i, value};
    if (!inner) return true;
    size_t e = inner->start[i];
    if (e == inner->start[i + 1]) return false;
    out->column = inner->column[e];
    out->value = lip_affine_times(a, value, inner->value[e]);
    return true;
}

/* Row by row, for a dense or a sparse outer matrix. */
static lip_op *compose_sparse(lip_affine *a, const lip_op *op, const lip_op *inner, size_t cols) {
    lip_op *out = new_sparse(a, op->rows, cols, op->nvalues);
    if (!out) return NULL;
    size_t widest = lip_op_row_terms(op), at = 0;
    entry *row = LIP_NEW(entry, widest);
    if (!row) {
        lip_op_free(out);
        lip_fail_memory(a->err);
        return NULL;
    }
    for (size_t r = 0; r < op->rows; ++r) {
        bool dense = op->kind == LIP_OP_DENSE;
        size_t from = dense ? r * op->cols : op->start[r], n = 0;
        size_t to = dense ? from + op->cols : op->start[r + 1];
        for (size_t e = from; e < to; ++e) {
            size_t i = dense ? e - from : op->column[e];
            n += through(a, inner, i, op->value[e], &row[n]);
        }
        store_row(out, r, &at, row, tidy_row(a, row, n));
    }
    free(row);
    out->nvalues = at;
    return out;
}

static lip_op *compose_dense(lip_affine *a, const lip_op *op, const lip_op *inner) {
    size_t numbers;
    if (!lip_multiply_sizes(op->rows, inner->cols, &numbers)) numbers = SIZE_MAX;
    if (lip_affine_spend(a, numbers) != LIP_OK) return NULL;
    lip_op *out = lip_op_dense(op->rows, inner->cols);
    if (!out) {
        lip_fail_memory(a->err);
        return NULL;
    }
    for (size_t r = 0; r < op->rows; ++r) {
        double *to = out->value + r * out->cols;
        for (size_t i = 0; i < op->cols; ++i) {
            entry e;
            if (through(a, inner, i, op->value[r * op->cols + i], &e))
                to[e.column] =
                    to[e.column] == 0 ? e.value : lip_affine_plus(a, to[e.column], e.value);
        }
    }
    return out;
}

lip_op *lip_compose(lip_affine *a, const lip_op *op, const lip_op *inner) {
    size_t cols = inner ? inner->cols : op->cols;
    if (op->kind == LIP_OP_DENSE && inner && cols / 2 <= op->cols)
        return compose_dense(a, op, inner);
    if (op->kind == LIP_OP_DENSE && !inner) { /* a copy */
        if (lip_affine_spend(a, op->nvalues) != LIP_OK) return NULL;
        lip_op *out = lip_op_dense(op->rows, op->cols);
        if (out) memcpy(out->value, op->value, op->nvalues * sizeof *op->value);
        if (!out) lip_fail_memory(a->err);
        return out;
    }
    return compose_sparse(a, op, inner, cols);
}

lip_op *lip_sparse_sum(lip_affine *a, const lip_op *x, const lip_op *y) {
    lip_op *out = new_sparse(a, x->rows, x->cols, x->nvalues + y->nvalues);
    if (!out) return NULL;
    size_t at = 0;
    for (size_t r = 0; r < x->rows; ++r) {
        size_t i = x->start[r], j = y->start[r];
        while (i < x->start[r + 1] || j < y->start[r + 1]) {
            bool left = i < x->start[r + 1], right = j < y->start[r + 1];
            if (left && right && x->column[i] == y->column[j]) {
                out->column[at] = x->column[i];
                out->value[at++] = lip_affine_plus(a, x->value[i++], y->value[j++]);
            } else if (left && (!right || x->column[i] < y->column[j])) {
                out->column[at] = x->column[i];
                out->value[at++] = x->value[i++];
            } else {
                out->column[at] = y->column[j];
                out->value[at++] = y->value[j++];
            }
        }
        out->start[r + 1] = at;
    }
    out->nvalues = at;
    return out;
}
