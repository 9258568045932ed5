/* Affine expressions: scaling, adding and applying a matrix.
 *
 * Factors go into the weights where each weight takes one factor: rows of dense and sparse matrices,
 * channels of convolutions.  Everything that rounds is counted (lip_affine.inexact). */
#include "net/expression.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double rescale(lip_affine *a, double value, double s, bool divide) {
    return divide ? lip_affine_over(a, value, s) : lip_affine_times(a, value, s);
}

/* The element that is row r of the terms, for all r: the inverse of order.  NULL if memory is short. */
static size_t *elements_of_rows(const lip_expression *e) {
    size_t *element = LIP_NEW(size_t, e->size);
    for (size_t i = 0; element && i < e->size; ++i) element[e->order ? e->order[i] : i] = i;
    return element;
}

/* Is the factor the same for all outputs of one channel of every convolution? */
static bool scales_channels(const lip_expression *e, const double *s, const size_t *element) {
    for (size_t t = 0; t < e->nterms; ++t) {
        const lip_op *op = e->term[t].op;
        if (!op || op->kind != LIP_OP_CONV) continue;
        size_t area = op->conv.out_h * op->conv.out_w;
        for (size_t r = 0; r < op->rows; ++r)
            if (s[element[r]] != s[element[r - r % area]]) return false;
    }
    return true;
}

static void scale_conv(lip_affine *a, lip_op *op, const double *s, const size_t *element,
                       bool divide) {
    size_t area = op->conv.out_h * op->conv.out_w, taps = op->nvalues / op->conv.out_c;
    for (size_t i = 0; i < op->nvalues; ++i)
        op->value[i] = rescale(a, op->value[i], s[element[i / taps * area]], divide);
}

static lip_status scale_term(lip_affine *a, lip_affine_term *term, const double *s,
                             const size_t *element, bool divide) {
    if (!term->op) {
        lip_status status = lip_affine_spend(a, term->width);
        if (status != LIP_OK) return status;
        term->op = lip_op_identity(term->width);
    }
    lip_op *op = term->op;
    if (!op) return lip_fail_memory(a->err);
    if (op->kind == LIP_OP_CONV) {
        scale_conv(a, op, s, element, divide);
        return LIP_OK;
    }
    for (size_t r = 0; r < op->rows; ++r) {
        size_t from = op->kind == LIP_OP_DENSE ? r * op->cols : op->start[r];
        size_t to = op->kind == LIP_OP_DENSE ? from + op->cols : op->start[r + 1];
        for (size_t i = from; i < to; ++i)
            op->value[i] = rescale(a, op->value[i], s[element[r]], divide);
    }
    return LIP_OK;
}

lip_status lip_expression_scale(lip_affine *a, lip_expression *e, const double *s, bool divide) {
    bool trivial = true;
    for (size_t i = 0; i < e->size; ++i) trivial = trivial && s[i] == 1;
    if (trivial) return LIP_OK;
    size_t *element = elements_of_rows(e);
    if (!element) return lip_fail_memory(a->err);
    lip_status status = LIP_OK;
    if (!scales_channels(e, s, element)) {
        status = lip_expression_materialise(a, e);
        for (size_t i = 0; i < e->size; ++i) element[i] = i; /* no order is left */
    }
    for (size_t i = 0; status == LIP_OK && e->constant && i < e->size; ++i)
        e->constant[i] = rescale(a, e->constant[i], s[i], divide);
    for (size_t t = 0; status == LIP_OK && t < e->nterms; ++t)
        status = scale_term(a, &e->term[t], s, element, divide);
    free(element);
    return status;
}

lip_status lip_expression_shift(lip_affine *a, lip_expression *e, const double *c) {
    lip_status status = e->constant ? LIP_OK : lip_expression_zeros(a, e, e->size);
    for (size_t i = 0; status == LIP_OK && i < e->size; ++i)
        e->constant[i] = lip_affine_plus(a, e->constant[i], c[i]);
    return status;
}

/* Add a term to those of the same source and kind, if there is one; takes ownership of its op. */
static lip_status merge_term(lip_affine *a, lip_expression *e, lip_affine_term *new, bool *merged) {
    *merged = false;
    bool sparse = !new->op || new->op->kind == LIP_OP_SPARSE;
    for (size_t t = 0; t < e->nterms && !*merged; ++t) {
        lip_affine_term *old = &e->term[t];
        if (old->source != new->source) continue;
        if (sparse && (!old->op || old->op->kind == LIP_OP_SPARSE)) {
            if (!old->op) old->op = lip_op_identity(old->width);
            if (!new->op) new->op = lip_op_identity(new->width);
            if (!old->op || !new->op) return lip_fail_memory(a->err);
            lip_op *sum = lip_sparse_sum(a, old->op, new->op);
            if (!sum) return a->err->status;
            lip_op_free(old->op);
            old->op = sum;
            *merged = true;
        } else if (!sparse && new->op->kind == LIP_OP_DENSE && old->op &&
                   old->op->kind == LIP_OP_DENSE) {
            for (size_t i = 0; i < old->op->nvalues; ++i)
                old->op->value[i] = lip_affine_plus(a, old->op->value[i], new->op->value[i]);
            *merged = true;
        }
    }
    if (*merged) {
        lip_op_free(new->op);
        new->op = NULL;
    }
    return LIP_OK;
}

static lip_status append_terms(lip_affine *a, lip_expression *e, lip_expression *f) {
    lip_affine_term *grown = realloc(e->term, (e->nterms + f->nterms + 1) * sizeof *grown);
    if (!grown) return lip_fail_memory(a->err);
    e->term = grown;
    for (size_t t = 0; t < f->nterms; ++t) {
        bool merged;
        lip_status status = merge_term(a, e, &f->term[t], &merged);
        if (status != LIP_OK) return status;
        if (merged) continue;
        e->term[e->nterms++] = f->term[t];
        f->term[t].op = NULL;
    }
    return LIP_OK;
}

static bool same_order(const lip_expression *e, const lip_expression *f) {
    if (!e->order && !f->order) return true;
    return e->order && f->order && memcmp(e->order, f->order, e->size * sizeof *e->order) == 0;
}

lip_status lip_expression_add(lip_affine *a, lip_expression *e, lip_expression *f) {
    lip_status status = LIP_OK;
    if (e->nterms > 0 && f->nterms > 0 && !same_order(e, f)) {
        if (e->order) status = lip_expression_materialise(a, e);
        if (status == LIP_OK && f->order) status = lip_expression_materialise(a, f);
    }
    if (status == LIP_OK && f->constant) status = lip_expression_shift(a, e, f->constant);
    if (status == LIP_OK && e->nterms == 0) { /* the order of f goes with its terms */
        free(e->order);
        e->order = f->order;
        f->order = NULL;
    }
    if (status == LIP_OK) status = append_terms(a, e, f);
    lip_expression_clear(f);
    return status;
}

/* ---- Applying an operator --------------------------------------------------------------------- */

/* A diagonal operator with one factor per channel of the convolution's input? */
static bool scales_input_channels(const lip_op *conv, const lip_op *diagonal) {
    size_t area = conv->conv.in_h * conv->conv.in_w;
    if (diagonal->kind != LIP_OP_SPARSE || diagonal->rows != diagonal->cols ||
        diagonal->nvalues != diagonal->rows)
        return false;
    for (size_t i = 0; i < diagonal->rows; ++i)
        if (diagonal->start[i] != i || diagonal->column[i] != i ||
            diagonal->value[i] != diagonal->value[i - i % area])
            return false;
    return true;
}

/* Can op be attached to the terms of e, cheaply and without multiplying matrices? */
static bool can_attach(const lip_expression *e, const lip_op *op) {
    if (e->order) return false;
    if (op->kind == LIP_OP_CONV)
        return e->nterms == 1 && (!e->term[0].op || scales_input_channels(op, e->term[0].op));
    size_t entries = 0;
    for (size_t t = 0; t < e->nterms; ++t) {
        if (!lip_is_monomial(e->term[t].op)) return false;
        entries += e->term[t].op ? e->term[t].op->nvalues : e->term[t].width;
    }
    /* h1 + h2 would repeat the matrix; pieces of one vector side by side share it */
    return e->nterms == 1 || entries <= op->cols;
}

static void scale_inputs(lip_affine *a, lip_op *conv, const lip_op *diagonal) {
    const lip_conv_shape *s = &conv->conv;
    size_t taps = s->k_h * s->k_w, per_group = s->in_c / s->groups;
    size_t outs = s->out_c / s->groups, area = s->in_h * s->in_w;
    for (size_t i = 0; i < conv->nvalues; ++i) {
        size_t c = i / taps % per_group, o = i / taps / per_group;
        size_t channel = o / outs * per_group + c;
        conv->value[i] = lip_affine_times(a, conv->value[i], diagonal->value[channel * area]);
    }
}

/* Replace every term by op after it; op itself goes into the last. */
static lip_status attach(lip_affine *a, lip_expression *e, lip_op **op) {
    for (size_t t = 0; *op && t < e->nterms; ++t) { /* the last term takes op itself */
        lip_affine_term *term = &e->term[t];
        lip_op *made = *op;
        if ((*op)->kind == LIP_OP_CONV) {
            if (term->op) scale_inputs(a, *op, term->op);
            *op = NULL;
        } else if (!term->op && t + 1 == e->nterms) {
            *op = NULL;
        } else {
            made = lip_compose(a, *op, term->op);
            if (!made) return a->err->status;
        }
        lip_op_free(term->op);
        term->op = made;
    }
    return LIP_OK;
}

/* The constant part: op c, or zeros if there is no c. */
static lip_status apply_to_constant(lip_affine *a, lip_expression *e, const lip_op *op) {
    if (!e->constant) return LIP_OK;
    size_t work; /* a product takes about a sixteenth of the time of making a number */
    if (!lip_multiply_sizes(op->rows, lip_op_row_terms(op), &work)) work = SIZE_MAX / 2;
    lip_status status = lip_affine_spend(a, op->rows + work / 16);
    if (status != LIP_OK) return status;
    double *y = LIP_NEW(double, op->rows);
    if (!y) return lip_fail_memory(a->err);
    lip_op_apply(op, 1, e->constant, y);
    for (size_t i = 0; i < e->size; ++i) a->inexact = a->inexact || e->constant[i] != 0;
    for (size_t i = 0; i < op->rows; ++i) a->overflow = a->overflow || !isfinite(y[i]);
    free(e->constant);
    e->constant = y;
    return LIP_OK;
}

lip_status lip_expression_apply(lip_affine *a, lip_expression *e, lip_op *op) {
    if (!op) return lip_fail_memory(a->err);
    lip_status status = LIP_OK;
    while (status == LIP_OK && e->nterms > 0 && !can_attach(e, op)) {
        bool permuted = e->order != NULL; /* its layer still needs that permutation */
        status = lip_expression_materialise(a, e);
        if (!permuted) break;
    }
    if (status == LIP_OK) status = apply_to_constant(a, e, op);
    if (status == LIP_OK) {
        e->size = op->rows;
        status = attach(a, e, &op);
    }
    lip_op_free(op);
    return status;
}
