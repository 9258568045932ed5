/* Affine expressions.
 *
 * The aim is to keep every matrix in the form in which the file has it.  An operator that only moves
 * elements is applied to the rows of what is there; one that multiplies is attached to an identity
 * or to a selection.  When two real matrices meet (a convolution after a dense map, say) the inner
 * expression becomes a layer without ReLU and the outer one reads that layer: this is exact, where
 * multiplying out would cost both rounding and structure.
 *
 * Convolutions cannot have their rows permuted, but exporters of channels-last frameworks transpose
 * after every convolution and back before the next.  A permutation is therefore kept beside the terms
 * (`order`), and since max(P z, 0) = P max(z, 0) it passes through the ReLU and meets its inverse. */
#include "net/expression.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

lip_status lip_affine_spend(lip_affine *a, size_t numbers) {
    if (numbers > a->budget)
        return lip_fail(a->err, LIP_UNSUPPORTED, NULL,
                        "the network needs more numbers than the reader makes for a file of this "
                        "size (%zu asked for, %zu left)",
                        numbers, a->budget);
    a->budget -= numbers;
    return LIP_OK;
}

/* ---- Arithmetic that knows whether it rounded ----------------------------------------------- */

/* Below this the error of a product need not be representable. */
#define SMALLEST_EXACT 0x1p-960

double lip_affine_times(lip_affine *a, double x, double y) {
    double p = x * y;
    if (!isfinite(p)) a->overflow = true;
    if (fma(x, y, -p) != 0 || (fabs(p) < SMALLEST_EXACT && x != 0 && y != 0)) a->inexact = true;
    return p;
}

double lip_affine_over(lip_affine *a, double x, double y) {
    double q = x / y;
    if (!isfinite(q)) a->overflow = true;
    if (fma(q, y, -x) != 0 || (fabs(x) < SMALLEST_EXACT && x != 0)) a->inexact = true;
    return q;
}

/* Knuth's two-sum: s + rest = x + y exactly. */
double lip_affine_plus(lip_affine *a, double x, double y) {
    double s = x + y, part = s - x, rest = (x - (s - part)) + (y - part);
    if (!isfinite(s)) a->overflow = true;
    if (rest != 0) a->inexact = true;
    return s;
}

/* ---- Making and freeing ----------------------------------------------------------------------- */

static void clear_terms(lip_expression *e) {
    for (size_t t = 0; t < e->nterms; ++t) lip_op_free(e->term[t].op);
    free(e->term);
    free(e->order);
    e->term = NULL;
    e->order = NULL;
    e->nterms = 0;
}

void lip_expression_clear(lip_expression *e) {
    clear_terms(e);
    free(e->constant);
    memset(e, 0, sizeof *e);
}

lip_status lip_expression_source(lip_affine *a, lip_expression *e, size_t source, size_t width) {
    e->term = LIP_NEW(lip_affine_term, 1);
    if (!e->term) return lip_fail_memory(a->err);
    e->term[0] = (lip_affine_term){source, width, NULL};
    e->nterms = 1;
    e->size = width;
    return LIP_OK;
}

lip_status lip_expression_zeros(lip_affine *a, lip_expression *e, size_t size) {
    e->size = size;
    lip_status status = lip_affine_spend(a, size);
    if (status != LIP_OK) return status;
    e->constant = LIP_NEW(double, size);
    return e->constant ? LIP_OK : lip_fail_memory(a->err);
}

static lip_op *copy_op(const lip_op *op) {
    lip_op *copy = op->kind == LIP_OP_DENSE    ? lip_op_dense(op->rows, op->cols)
                   : op->kind == LIP_OP_SPARSE ? lip_op_sparse(op->rows, op->cols, op->nvalues)
                                               : lip_op_conv(&op->conv);
    if (!copy) return NULL;
    memcpy(copy->value, op->value, op->nvalues * sizeof *op->value);
    if (op->kind == LIP_OP_SPARSE) {
        memcpy(copy->start, op->start, (op->rows + 1) * sizeof *op->start);
        memcpy(copy->column, op->column, op->nvalues * sizeof *op->column);
    }
    return copy;
}

static lip_status copy_indices(lip_affine *a, const size_t *from, size_t n, size_t **to) {
    if (!from) return LIP_OK;
    *to = LIP_NEW(size_t, n);
    if (!*to) return lip_fail_memory(a->err);
    memcpy(*to, from, n * sizeof *from);
    return LIP_OK;
}

lip_status lip_expression_copy(lip_affine *a, const lip_expression *from, lip_expression *to) {
    to->size = from->size;
    if (from->constant) {
        lip_status status = lip_expression_zeros(a, to, from->size);
        if (status != LIP_OK) return status;
        memcpy(to->constant, from->constant, from->size * sizeof *from->constant);
    }
    lip_status status = copy_indices(a, from->order, from->size, &to->order);
    if (status != LIP_OK) return status;
    to->term = LIP_NEW(lip_affine_term, from->nterms);
    if (!to->term) return lip_fail_memory(a->err);
    for (size_t t = 0; t < from->nterms; ++t) {
        to->term[t] = from->term[t];
        to->term[t].op = NULL;
        to->nterms = t + 1;
        if (!from->term[t].op) continue;
        status = lip_affine_spend(a, from->term[t].op->nvalues);
        if (status != LIP_OK) return status;
        to->term[t].op = copy_op(from->term[t].op);
        if (!to->term[t].op) return lip_fail_memory(a->err);
    }
    return LIP_OK;
}

bool lip_is_monomial(const lip_op *op) {
    if (!op) return true;
    if (op->kind != LIP_OP_SPARSE) return false;
    for (size_t i = 0; i < op->rows; ++i)
        if (op->start[i + 1] - op->start[i] > 1) return false;
    return true;
}

bool lip_expression_is_heavy(const lip_expression *e) {
    return e->nterms > 1 || (e->nterms == 1 && !lip_is_monomial(e->term[0].op));
}

bool lip_expression_has_conv(const lip_expression *e) {
    for (size_t t = 0; t < e->nterms; ++t)
        if (e->term[t].op && e->term[t].op->kind == LIP_OP_CONV) return true;
    return false;
}

/* ---- Layers --------------------------------------------------------------------------------- */

/* Hand all terms to a new layer of the builder; e keeps its order and loses the rest. */
static lip_status emit(lip_affine *a, lip_expression *e, bool relu, size_t *layer) {
    lip_status status = lip_affine_spend(a, e->size);
    if (status == LIP_OK) status = lip_builder_layer(a->builder, e->size, relu, layer, a->err);
    if (status != LIP_OK) return status;
    a->last = *layer;
    double *bias = lip_builder_bias(a->builder, *layer);
    for (size_t i = 0; e->constant && i < e->size; ++i)
        bias[e->order ? e->order[i] : i] = e->constant[i];
    for (size_t t = 0; t < e->nterms; ++t) {
        lip_op *op = e->term[t].op;
        e->term[t].op = NULL;
        if (!op) {
            status = lip_affine_spend(a, e->size);
            if (status != LIP_OK) return status;
            op = lip_op_identity(e->size);
        }
        status = lip_builder_term(a->builder, *layer, e->term[t].source, op, a->err);
        if (status != LIP_OK) return status;
    }
    return LIP_OK;
}

static lip_status make_layer(lip_affine *a, lip_expression *e, bool relu) {
    size_t layer, *order;
    lip_status status = emit(a, e, relu, &layer);
    if (status != LIP_OK) return status;
    order = e->order;
    e->order = NULL;
    size_t size = e->size;
    lip_expression_clear(e);
    status = lip_expression_source(a, e, layer, size);
    if (status == LIP_OK && order) status = lip_expression_pick(a, e, size, order);
    free(order);
    return status;
}

lip_status lip_expression_materialise(lip_affine *a, lip_expression *e) {
    return make_layer(a, e, false);
}

lip_status lip_expression_relu(lip_affine *a, lip_expression *e) {
    if (!lip_expression_is_constant(e)) return make_layer(a, e, true);
    for (size_t i = 0; e->constant && i < e->size; ++i)
        if (!(e->constant[i] > 0)) e->constant[i] = 0;
    return LIP_OK;
}

lip_status lip_expression_finish(lip_affine *a, lip_expression *e) {
    if (e->nterms == 1 && !e->term[0].op && !e->constant && a->last > 0 &&
        e->term[0].source == a->last)
        return LIP_OK;
    lip_status status = e->order ? lip_expression_materialise(a, e) : LIP_OK;
    size_t layer;
    if (status == LIP_OK) status = emit(a, e, false, &layer);
    return status;
}
