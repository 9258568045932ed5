/* Leaves of a checkpoint: what a leaf's lines say is proved again, with the numbers that they hold.
 *
 *     interval      lip_leaf_interval
 *     sdp           lip_leaf_sdp_again with the multipliers of its lines: the same numbers give the same bound, bit
 *                   for bit; where ranges have changed, as a starting point for a few Newton steps
 *     empty ...     lip_leaf_empty or lip_leaf_hull with the neurons and multipliers that are listed
 *
 * Lines that this search would not write (phases, points, triangles) are skipped, and the leaf is proved from
 * its tangent multipliers alone. */
#include "bnb/resume_work.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

lip_branch *lip_resume_branch(const lip_resume *r) { return r->worker->branch; }

/* What was proved becomes the node's. */
static void keep(lip_node *node, double bound, lip_text *text) {
    if (!(bound < INFINITY)) {
        lip_text_clear(text);
        return;
    }
    lip_text_clear(&node->text);
    node->text = *text;
    node->bound = bound;
}

static bool read_interval(lip_resume *r, lip_node *node) {
    lip_text text = {0};
    double bound = INFINITY;
    if (r->length != strlen("interval")) return lip_resume_fail(r, "'interval'");
    lip_resume_next_line(r);
    bool ok = lip_leaf_interval(r->worker->leaf[node->part], &r->view, &bound, &text);
    keep(node, ok ? bound : INFINITY, &text);
    return ok || lip_resume_fail_memory(r);
}

static bool read_roles(lip_resume *r) {
    const lip_dense *dense = lip_resume_branch(r)->dense;
    const char *letters;
    size_t l, length;
    if (!lip_resume_read_count(r, dense->layers, &l) || !dense->layer[l].relu ||
        !lip_resume_next_word(r, &letters, &length) || length != dense->layer[l].width ||
        r->at <= r->length)
        return lip_resume_fail(r, "the roles of a layer, a letter for each neuron");
    for (size_t i = 0; i < length; ++i) {
        if (!strchr("aivsb", letters[i])) return lip_resume_fail(r, "roles a, i, v, s, b");
        r->role[dense->layer[l].offset + i] = letters[i];
    }
    return true;
}

static bool read_tangents(lip_resume *r) {
    const lip_dense *dense = lip_resume_branch(r)->dense;
    size_t l;
    bool ok = lip_resume_read_count(r, dense->layers, &l) && dense->layer[l].relu;
    for (size_t i = 0; ok && i < dense->layer[l].width; ++i) {
        size_t unit = dense->layer[l].offset + i;
        if (r->role[unit] == 'v' || r->role[unit] == 'b')
            ok = lip_resume_read_real(r, &r->worker->tangent[unit]);
    }
    if (!ok || r->at <= r->length)
        return lip_resume_fail(r,
                               "'tangent', a layer, and a number for each neuron with role v or b");
    return true;
}

/* One line of a leaf `sdp`; *more is false if it is none. */
bool lip_resume_leaf_line(lip_resume *r, const lip_leaf_part *part, double *one, bool *more) {
    static const char *const others[] = {
        "values", "cuts",   "point", "bound", "range",    "bin",    "gate", "switch",
        "cap",    "least",  "most",  "state", "square",   "closed", "open", "above",
        "below",  "phases", "roof",  "floor", "triangle", "product"};
    const lip_dense *dense = lip_resume_branch(r)->dense;
    *more = true;
    if (lip_resume_begins(r, "roles")) return read_roles(r);
    if (lip_resume_begins(r, "tangent")) return read_tangents(r);
    if (lip_resume_begins(r, "one"))
        return lip_resume_read_reals(r, 1, one) || lip_resume_fail(r, "'one' and a number");
    if (lip_resume_begins(r, "input"))
        return lip_resume_read_reals(r, part->input == LIP_SET_CUBE ? dense->inputs : 1,
                                     r->worker->input) ||
               lip_resume_fail(r, "'input' and a number for each multiplier");
    if (lip_resume_begins(r, "dual"))
        return lip_resume_read_reals(r, part->output == LIP_SET_CUBE ? dense->rows : 1,
                                     r->worker->dual) ||
               lip_resume_fail(r, "'dual' and a number for each multiplier");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; ++i)
        if (lip_resume_begins(r, others[i])) return true;
    *more = false;
    return true;
}

/* From the same multipliers; if they prove nothing here, after a few steps from them. */
static bool prove(lip_resume *r, lip_node *node, double one) {
    lip_worker *w = r->worker;
    const lip_branch *b = w->branch;
    lip_text text = {0};
    double bound = INFINITY;
    const double *dual = b->part[node->part].output == LIP_SET_FIXED ? NULL : w->dual;
    bool ok = lip_leaf_sdp_again(w->leaf[node->part], &r->view, one, w->input, dual, w->tangent,
                                 &bound, &text);
    lip_gram_point *point = &node->state->multipliers, before = *point;
    lip_gram_proof proof = {one, w->input, w->dual, w->tangent};
    lip_gram_adopt(w->gram[node->part], &proof, point);
    if (!ok) point->bound = before.bound;
    keep(node, ok ? bound : INFINITY, &text);
    if (!ok) return lip_resume_fail_memory(r);
    if (node->text.size > 0) return true;
    if (!lip_worker_prove(w, node)) return lip_resume_fail_memory(r);
    if (node->text.size == 0) point->bound = INFINITY; /* the search begins anew here */
    return true;
}

static bool read_sdp(lip_resume *r, lip_node *node) {
    lip_worker *w = r->worker;
    const lip_branch *b = w->branch;
    double one = 0;
    bool more = true;
    if (r->length != strlen("sdp")) return lip_resume_fail(r, "'sdp'");
    memset(r->role, 0, b->dense->units);
    memset(w->tangent, 0, b->dense->units * sizeof *w->tangent);
    memset(w->input, 0, b->dense->inputs * sizeof *w->input);
    memset(w->dual, 0, b->dense->rows * sizeof *w->dual);
    for (;;) {
        lip_resume_next_line(r);
        if (!lip_resume_leaf_line(r, &b->part[node->part], &one, &more)) return false;
        if (!more) return prove(r, node, one);
    }
}

bool lip_resume_close_empty(lip_resume *r, lip_node *node, lip_text *text) {
    node->kind = LIP_NODE_EMPTY;
    node->bound = 0;
    lip_text_clear(&node->text);
    node->text = *text;
    lip_node_clear_state(node);
    return !node->text.failed || lip_resume_fail_memory(r);
}

/* Does some neuron have no range left, or a phase that contradicts it? */
static bool contradicts(const lip_resume *r) {
    const lip_dense *dense = lip_resume_branch(r)->dense;
    const lip_leaf_node *view = &r->view;
    for (size_t k = 0; k < dense->relus; ++k) {
        size_t unit = dense->relu[k];
        if (view->lo[unit] > view->hi[unit]) return true;
        if (view->path[unit] == LIP_ACTIVE && view->hi[unit] < 0) return true;
        if (view->path[unit] == LIP_INACTIVE && view->lo[unit] > 0) return true;
    }
    return false;
}

/* A list of neurons, ascending, with multipliers or without. */
static bool read_neurons(lip_resume *r, bool numbers, size_t *unit, size_t *count) {
    const lip_dense *dense = lip_resume_branch(r)->dense;
    size_t relu, before = 0;
    if (!lip_resume_read_count(r, dense->relus, count)) return false;
    for (size_t i = 0; i < *count; ++i) {
        if (!lip_resume_read_count(r, dense->relus - 1, &relu) || (i > 0 && relu <= before))
            return false;
        unit[i] = dense->relu[relu];
        r->worker->multiplier[i] = 1;
        before = relu;
        if (numbers && !lip_resume_read_real(r, &r->worker->multiplier[i])) return false;
    }
    return true;
}

typedef enum empty_kind { EMPTY_RANGES, EMPTY_LISTED, EMPTY_HULL } empty_kind;

/* What is behind "empty": nothing, the neurons of a sum or span, or the three lists of a hull. */
static bool read_farkas(lip_resume *r, size_t count[3], empty_kind *kind) {
    const char *word;
    size_t length, level, *unit = r->worker->unit;
    *kind = EMPTY_RANGES;
    count[0] = count[1] = count[2] = 0;
    if (!lip_resume_next_word(r, &word, &length)) return r->at >= r->length;
    bool sum = length == 3 && memcmp(word, "sum", 3) == 0;
    bool hull = length == 4 && memcmp(word, "hull", 4) == 0;
    if (!sum && !hull && (length != 4 || memcmp(word, "span", 4) != 0)) return false;
    if (!sum && (!lip_resume_read_count(r, lip_resume_branch(r)->dense->layers, &level) ||
                 !lip_resume_next_word(r, &word, &length)))
        return false;
    for (int list = 0; list < (hull ? 3 : 1); unit += count[list++])
        if (!read_neurons(r, sum, unit, &count[list])) return false;
    *kind = hull ? EMPTY_HULL : EMPTY_LISTED;
    return r->at > r->length && count[0] + count[1] + count[2] > 0;
}

static bool read_empty(lip_resume *r, lip_node *node) {
    lip_worker *w = r->worker;
    lip_leaf *leaf = w->leaf[node->part];
    size_t count[3];
    empty_kind kind;
    bool empty = false, ok = true;
    lip_text text = {0};
    if (!read_farkas(r, count, &kind))
        return lip_resume_fail(
            r,
            "'empty', 'empty sum', 'empty span' or 'empty hull' with neurons in ascending order");
    lip_resume_next_line(r);
    if (kind == EMPTY_HULL) {
        ok = lip_leaf_hull(leaf, &r->view, count, w->unit, &empty, &text);
    } else if (kind == EMPTY_LISTED) {
        ok = lip_leaf_empty(leaf, &r->view, count[0], w->unit, w->multiplier, &empty, &text);
    } else if (contradicts(r)) {
        empty = true;
        lip_text_word(&text, "empty\n");
    }
    if (ok && empty) return lip_resume_close_empty(r, node, &text);
    lip_text_clear(&text);
    return ok || lip_resume_fail_memory(r);
}

bool lip_resume_leaf(lip_resume *r, lip_node *node) {
    if (lip_resume_begins(r, "sdp")) return read_sdp(r, node);
    if (lip_resume_begins(r, "interval")) return read_interval(r, node);
    if (lip_resume_begins(r, "empty")) return read_empty(r, node);
    return lip_resume_fail(r, "a node of the tree");
}
