/* Writing identities.
 *
 * Nothing is computed here: the ring's numbering is that of lip_poly_problem, which follows section
 * 10 of docs/certificate.md, and every number is the one that was proved with.  least and most are
 * claims already (poly/problem.c widens them), multipliers of Gram matrices were raised for theorem 8
 * by lip_identity_repair, and lip_poly_sum_bound counts radii generously. */
#include "cert/identity_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- The part and its ring --------------------------------------------------------------- */

static void put_sets(const lip_poly_problem *q, lip_text *text) {
    if (q->input_part != LIP_ABSENT) {
        lip_text_word(text, "part unit");
        lip_text_size(text, q->input_part);
    } else {
        lip_text_word(text, q->input_ball ? "part ball" : "part cube");
    }
    if (q->fixed) {
        lip_text_word(text, " fixed");
        lip_text_size(text, q->output_part == LIP_ABSENT ? 0 : q->output_part);
    } else {
        lip_text_word(text, q->output_ball ? " ball" : " cube");
    }
    lip_text_word(text, "\n");
}

static void put_letters(const lip_poly_problem *q, const char *name, size_t l, const char *letter,
                        lip_text *text) {
    const lip_layer *layer = &q->net->layer[l];
    lip_text_word(text, name);
    lip_text_size(text, l);
    lip_text_word(text, " ");
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        const char word[2] = {letter[u], '\0'};
        lip_text_word(text, word);
    }
    lip_text_word(text, "\n");
}

/* The numbers of a layer's gates, `least` or `most`. */
static void put_range(const lip_poly_problem *q, const char *name, size_t l, lip_text *text) {
    lip_text_word(text, name);
    lip_text_size(text, l);
    for (size_t k = 0; k < q->gates; ++k)
        if (q->gate[k].layer == l)
            lip_text_real(text, name[0] == 'l' ? q->gate[k].least : q->gate[k].most);
    lip_text_word(text, "\n");
}

static bool has_gate(const lip_poly_problem *q, size_t l) {
    for (size_t k = 0; k < q->gates; ++k)
        if (q->gate[k].layer == l) return true;
    return false;
}

/* Roles of all layers come first. */
static void put_ring(const lip_poly_problem *q, lip_text *text) {
    for (size_t l = 1; l <= q->net->layers; ++l)
        if (q->net->layer[l].relu) put_letters(q, "roles", l, q->role, text);
    for (size_t l = 1; q->point && l <= q->net->layers; ++l) {
        if (!q->net->layer[l].relu) continue;
        put_letters(q, "values", l, q->value, text);
        if (!has_gate(q, l)) continue;
        put_range(q, "least", l, text);
        put_range(q, "most", l, text);
    }
    if (lip_ring_count(q, LIP_RING_Z) > 0) lip_text_word(text, "lifts\n");
}

/* ---- Terms ------------------------------------------------------------------------------- */

/* A term that adds nothing, or only the constant 0. */
static bool idle(const lip_identity_term *term) {
    size_t n = term->size;
    if (term->kind == LIP_IDENTITY_SCALAR) return term->number[0] == 0;
    for (size_t i = 0; i < n; ++i) {
        if (term->kind == LIP_IDENTITY_ZERO && term->number[i] != 0) return false;
        for (size_t j = 0; term->kind == LIP_IDENTITY_GRAM && j <= i; ++j)
            if (term->number[i * n + j] != 0) return false;
    }
    return true;
}

static void put_basis(const lip_identity_term *term, lip_text *text) {
    lip_text_size(text, term->size);
    for (size_t i = 0; i < term->size; ++i) {
        const lip_monomial *m = &term->basis[i];
        if (m->degree == 0) lip_text_word(text, " one");
        for (size_t k = 0; k < m->degree; ++k) {
            char number[24];
            snprintf(number, sizeof number, "%c%" PRIu32, k ? '*' : ' ', m->variable[k]);
            lip_text_word(text, number);
        }
    }
    lip_text_word(text, "\n");
}

static void put_factors(const lip_identity_term *term, lip_text *text) {
    static const char *const names[LIP_FACTORS] = {
        [LIP_FACTOR_PLUS] = " plus",     [LIP_FACTOR_MINUS] = " minus",
        [LIP_FACTOR_ON] = " on",         [LIP_FACTOR_OFF] = " off",
        [LIP_FACTOR_SQUARE] = " square", [LIP_FACTOR_TBALL] = " tball",
        [LIP_FACTOR_WBALL] = " wball",   [LIP_FACTOR_XBALL] = " xball",
        [LIP_FACTOR_ABOVE] = " above",   [LIP_FACTOR_BELOW] = " below",
        [LIP_FACTOR_HALF] = " half",     [LIP_FACTOR_EXCESS] = " excess",
        [LIP_FACTOR_STATE] = " state",   [LIP_FACTOR_ROOM] = " room",
        [LIP_FACTOR_BASE] = " base",     [LIP_FACTOR_TOP] = " top",
        [LIP_FACTOR_BOTTOM] = " bottom"};
    lip_text_size(text, term->factors);
    for (size_t i = 0; i < term->factors; ++i) {
        lip_text_word(text, names[term->factor[i].kind]);
        lip_text_size(text, term->factor[i].number);
    }
}

/* A line of numbers without a word before them. */
static void put_numbers(size_t count, const double *x, lip_text *text) {
    char first[LIP_SPELLING + 1] = "";
    if (isfinite(x[0]))
        first[lip_spell_real(x[0], first)] = '\0';
    else
        text->overflown = true;
    lip_text_reals(text, first, count - 1, x + 1);
}

static void put_term(const lip_identity_term *term, lip_text *text) {
    static const char *const equalities[LIP_EQUALITIES] = {[LIP_EQUALITY_OPEN] = "zero open",
                                                           [LIP_EQUALITY_CLOSED] = "zero closed",
                                                           [LIP_EQUALITY_RELU] = "zero relu",
                                                           [LIP_EQUALITY_LINK] = "zero link"};
    switch (term->kind) {
    case LIP_IDENTITY_SCALAR:
        lip_text_word(text, "scalar");
        put_factors(term, text);
        lip_text_reals(text, "", 1, term->number);
        return;
    case LIP_IDENTITY_GRAM:
        lip_text_word(text, "gram");
        put_factors(term, text);
        put_basis(term, text);
        for (size_t i = 0; i < term->size; ++i)
            put_numbers(i + 1, term->number + i * term->size, text);
        return;
    case LIP_IDENTITY_ZERO:
        lip_text_word(text, equalities[term->equality.kind]);
        lip_text_size(text, term->equality.number);
        put_basis(term, text);
        put_numbers(term->size, term->number, text);
        return;
    }
}

static void put_terms(const lip_identity *identity, lip_text *text) {
    size_t count = 0;
    for (size_t i = 0; i < identity->count; ++i) count += !idle(&identity->term[i]);
    lip_text_word(text, "terms");
    lip_text_size(text, count);
    lip_text_word(text, "\n");
    for (size_t i = 0; i < identity->count; ++i)
        if (!idle(&identity->term[i])) put_term(&identity->term[i], text);
}

/* ---- The statement ----------------------------------------------------------------------- */

void lip_identity_statement(lip_task *task, size_t parts) {
    lip_statement_clear(&task->statement);
    lip_text_word(&task->statement.text, "statement identity");
    lip_text_size(&task->statement.text, parts);
    lip_text_word(&task->statement.text, "\n");
}

/* Points need the bounds, and so does every phase that is known. */
static bool needs_bounds(const lip_poly_problem *q) {
    for (size_t l = 1; l <= q->net->layers; ++l) {
        const lip_layer *layer = &q->net->layer[l];
        for (size_t u = layer->offset; layer->relu && u < layer->offset + layer->width; ++u)
            if (q->point || q->role[u] != 'u') return true;
    }
    return false;
}

void lip_identity_part(lip_task *task, const lip_poly_problem *problem,
                       const lip_identity *identity) {
    lip_text *text = &task->statement.text;
    put_sets(problem, text);
    put_ring(problem, text);
    put_terms(identity, text);
    if (needs_bounds(problem)) task->statement.uses_bounds = true;
}
