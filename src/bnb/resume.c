/* Reading a checkpoint: a certificate (docs/certificate.md) with the statement `tree`.
 *
 * The tree is rebuilt node by node, in the order of the file, with a stack of the nodes that are still to be
 * read.  Every node is a child of the root like one that the search made: it inherits the root's multipliers
 * and bound, which hold in all of the region; so whatever cannot be proved again is simply an open node.
 *
 *     split, cut    two children
 *     tighten       the ranges are computed again, as the search does
 *     a leaf        resume_leaf.c
 *
 * Lines about the root's ranges are skipped: ranges are found anew. */
#include "bnb/resume_work.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/certificate.h"
#include "net/canonical.h"
#include "read/reader.h"
#include "region/region.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A node whose lines come next. */
struct pending {
    lip_node *node;
    size_t
        from; /* layers up to it have kept their ranges since they were found (lip_leaf_tighten) */
};

/* ---- The question ------------------------------------------------------------------------ */

/* The lines that are the same for every certificate of the question. */
static bool compare(lip_resume *r, const lip_text *question) {
    for (size_t i = 0; i < question->size;) {
        const char *expected = question->bytes + i;
        size_t length =
            (size_t)((const char *)memchr(expected, '\n', question->size - i) - expected);
        lip_resume_next_line(r);
        i += length + 1;
        if (r->line && r->length == length && memcmp(r->line, expected, length) == 0) continue;
        char want[LIP_QUOTE_SIZE], found[LIP_QUOTE_SIZE];
        lip_quote(want, expected, length);
        if (r->lines.number == 1 || !r->line) return lip_resume_fail(r, want);
        r->status = lip_fail_line(r->err, LIP_ARGUMENT, r->lines.number,
                                  "the checkpoint is of another question: expected %s, found %s",
                                  want, lip_quote(found, r->line, r->length));
        return false;
    }
    return true;
}

static bool skip_to_statement(lip_resume *r) {
    static const char *const known[] = {"bounds", "slopes", "refine", "upper", "lower"};
    for (;;) {
        bool skipped = false;
        lip_resume_next_line(r);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i)
            skipped = skipped || lip_resume_begins(r, known[i]);
        if (!skipped) return true;
    }
}

static bool read_head(lip_resume *r, const lip_branch *b) {
    lip_text question = {0};
    char expected[64];
    lip_status status = lip_certificate_question(b->task->net, b->task->query, &question, r->err);
    if (status != LIP_OK) r->status = status;
    bool ok = status == LIP_OK && compare(r, &question) && skip_to_statement(r);
    lip_text_clear(&question);
    if (!ok) return false;
    snprintf(expected, sizeof expected, "'statement tree %zu'", b->parts);
    size_t length = strlen(expected) - 2;
    if (!r->line || r->length != length || memcmp(r->line, expected + 1, length) != 0)
        return lip_resume_fail(r, expected);
    lip_resume_next_line(r);
    while (lip_resume_begins(r, "spectral")) lip_resume_next_line(r);
    return true;
}

lip_status lip_resume_open(const lip_branch *b, const char *path, lip_resume **resume,
                           lip_error *err) {
    lip_resume *r = LIP_NEW(lip_resume, 1);
    if (!r) return lip_fail_memory(err);
    size_t size = 0;
    r->path = path;
    r->err = err;
    r->role = LIP_NEW(char, b->dense->units);
    r->x = LIP_NEW(double, b->dense->inputs);
    lip_status status = r->role && r->x ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) status = lip_read_file(path, LIP_FILE_LIMIT, &r->bytes, &size, err);
    if (status == LIP_OK) {
        r->lines = (lip_lines){.text = (const char *)r->bytes, .size = size};
        read_head(r, b);
        status = r->status;
    }
    if (status == LIP_OK)
        *resume = r;
    else
        lip_resume_free(r);
    return lip_fail_in_file(err, path, status);
}

void lip_resume_free(lip_resume *r) {
    if (!r) return;
    free(r->bytes);
    free(r->role);
    free(r->x);
    free(r->stack);
    free(r);
}
/* ---- Nodes ------------------------------------------------------------------------------- */

static bool push(lip_resume *r, lip_node *node, size_t from) {
    if (!lip_grow((void **)&r->stack, &r->room, r->used + 1, sizeof *r->stack))
        return lip_resume_fail_memory(r);
    r->stack[r->used++] = (struct pending){node, from};
    return true;
}

static bool view_node(lip_resume *r, lip_node *node) {
    return lip_worker_view(r->worker, node, &r->view) || lip_resume_fail_memory(r);
}

/* Ranges of a node; *empty if there is a neuron without any. */
static bool tighten(lip_resume *r, lip_node *node, size_t from, bool *empty) {
    lip_branch *b = lip_resume_branch(r);
    lip_node_state *state = node->state;
    const lip_preactivation *root = &b->task->bounds;
    size_t units = b->dense->units;
    if (!state->lo) {
        state->lo = LIP_NEW(double, 2 * units);
        if (!state->lo) return lip_resume_fail_memory(r);
        state->hi = state->lo + units;
        memcpy(state->lo, root->lo, units * sizeof *state->lo);
        memcpy(state->hi, root->hi, units * sizeof *state->hi);
    }
    node->tighten = true;
    return view_node(r, node) && (lip_leaf_tighten(b->task->net, r->view.region, r->view.path,
                                                   b->linear, from, state->lo, state->hi, empty) ||
                                  lip_resume_fail_memory(r));
}

/* Both children, equal to the node so far. */
static bool make_children(lip_resume *r, lip_node *node) {
    lip_branch *b = lip_resume_branch(r);
    size_t groups = lip_gram_groups(r->worker->gram[node->part]);
    lip_node *child[2];
    for (int side = 0; side < 2; ++side) {
        child[side] = lip_node_child(node, b->dense, groups);
        if (child[side]) continue;
        if (side) lip_node_free(child[0]);
        return lip_resume_fail_memory(r);
    }
    node->child[0] = child[0];
    node->child[1] = child[1];
    return true;
}

/* The node is an inner one from now on; its children are read next, the first one first. */
static bool descend(lip_resume *r, lip_node *node, lip_node_kind kind, size_t relu, size_t from) {
    node->kind = kind;
    node->relu = (unsigned)relu;
    lip_text_clear(&node->text);
    lip_node_clear_state(node);
    lip_resume_next_line(r);
    return push(r, node->child[1], from) && push(r, node->child[0], from);
}

static bool read_split(lip_resume *r, lip_node *node, size_t from) {
    const lip_dense *dense = lip_resume_branch(r)->dense;
    size_t relu;
    if (!lip_resume_read_count(r, dense->relus - 1, &relu) || r->at <= r->length ||
        node->state->path[relu] != LIP_UNSTABLE)
        return lip_resume_fail(r, "'split' and a neuron that was not split above");
    if (!make_children(r, node)) return false;
    node->child[0]->state->path[relu] = LIP_INACTIVE;
    node->child[1]->state->path[relu] = LIP_ACTIVE;
    size_t layer = dense->layer_of[dense->relu[relu]];
    return descend(r, node, LIP_NODE_SPLIT, relu, layer < from ? layer : from);
}

static bool read_cut(lip_resume *r, lip_node *node) {
    const lip_branch *b = lip_resume_branch(r);
    const lip_region *whole = b->task->query->region;
    const lip_region *region = node->state->region ? node->state->region : whole;
    size_t j;
    double at;
    if (whole->kind != LIP_BOX || !lip_resume_read_count(r, b->dense->inputs - 1, &j) ||
        !lip_resume_read_reals(r, 1, &at) || !(region->lo[j] < at && at < region->hi[j]))
        return lip_resume_fail(r, "'cut', an input, and a number inside its box");
    if (!make_children(r, node)) return false;
    for (int side = 0; side < 2; ++side) {
        lip_region **half = &node->child[side]->state->region;
        if (!*half && lip_region_box(region->n, region->lo, region->hi, half, NULL) != LIP_OK)
            return lip_resume_fail_memory(r);
        *(side ? &(*half)->lo[j] : &(*half)->hi[j]) = at;
        (*half)->centre[j] = (*half)->lo[j] / 2 + (*half)->hi[j] / 2;
    }
    node->cut = at;
    return descend(r, node, LIP_NODE_CUT, j, 0);
}

/* The lines of a node that turned out to be empty at its `tighten`. */
static bool skip_node(lip_resume *r) {
    double one;
    for (size_t left = 1; left > 0;) {
        bool more = true;
        if (lip_resume_begins(r, "split") || lip_resume_begins(r, "cut"))
            ++left;
        else if (lip_resume_begins(r, "sdp") || lip_resume_begins(r, "interval") ||
                 lip_resume_begins(r, "empty"))
            --left;
        else if (!lip_resume_begins(r, "tighten"))
            return lip_resume_fail(r, "a node of the tree");
        bool sdp = lip_resume_begins(r, "sdp");
        lip_resume_next_line(r);
        while (sdp && more) {
            if (!lip_resume_leaf_line(r, &lip_resume_branch(r)->part[0], &one, &more)) return false;
            if (more) lip_resume_next_line(r);
        }
    }
    return true;
}

/* A neuron's layer from which on ranges change, once they have been found: SIZE_MAX until the next split. */
static bool read_node(lip_resume *r, struct pending next) {
    lip_node *node = next.node;
    bool empty = false;
    if (lip_resume_begins(r, "tighten")) {
        if (!tighten(r, node, node->state->lo ? next.from : 0, &empty)) return false;
        next.from = SIZE_MAX;
        while (lip_resume_begins(r, "tighten"))
            lip_resume_next_line(r); /* again would change nothing */
    }
    if (empty) {
        lip_text text = {0};
        lip_text_word(&text, "empty\n");
        return skip_node(r) && lip_resume_close_empty(r, node, &text);
    }
    if (lip_resume_begins(r, "split")) return read_split(r, node, next.from);
    if (lip_resume_begins(r, "cut")) return read_cut(r, node);
    if (!view_node(r, node) || !lip_resume_leaf(r, node)) return false;
    lip_resume_branch(r)->memory += lip_node_size(node);
    return true;
}

/* ---- Trees ------------------------------------------------------------------------------- */

/* The tree of one part; *whole is false if the watch expired. */
static bool read_tree(lip_resume *r, lip_node *root, bool *whole) {
    r->used = 0;
    bool ok = push(r, root, 0);
    while (ok && r->used > 0 && *whole) {
        ok = read_node(r, r->stack[--r->used]);
        *whole = !lip_watch_expired(&lip_resume_branch(r)->task->watch);
    }
    return ok;
}

static bool read_part(lip_resume *r, size_t part, bool *whole) {
    lip_branch *b = lip_resume_branch(r);
    lip_text header = {0};
    lip_branch_put_part(b, part, &header);
    if (header.failed) {
        lip_text_clear(&header);
        return lip_resume_fail_memory(r);
    }
    char expected[LIP_QUOTE_SIZE];
    lip_quote(expected, header.bytes, header.size - 1);
    bool same =
        r->line && r->length + 1 == header.size && memcmp(r->line, header.bytes, r->length) == 0;
    lip_text_clear(&header);
    if (!same) return lip_resume_fail(r, expected);
    lip_resume_next_line(r);
    size_t groups = lip_gram_groups(r->worker->gram[part]);
    lip_node *root = lip_node_child(b->root[part], b->dense, groups);
    if (!root) return lip_resume_fail_memory(r);
    bool ok = read_tree(r, root, whole);
    lip_node *old = ok && *whole ? b->root[part] : root;
    if (ok && *whole) b->root[part] = root;
    lip_tree_free(old);
    return ok;
}

/* ---- The end ----------------------------------------------------------------------------- */

static bool read_witness(lip_resume *r) {
    lip_branch *b = lip_resume_branch(r);
    if (!lip_resume_begins(r, "witness")) return true;
    lip_resume_next_line(r);
    if (!lip_resume_begins(r, "point") || !lip_resume_read_reals(r, b->dense->inputs, r->x))
        return lip_resume_fail(r, "'point' and a number for each input");
    lip_resume_next_line(r);
    if (!lip_resume_begins(r, "direction")) return lip_resume_fail(r, "'direction'");
    lip_resume_next_line(r);
    if (!lip_region_contains(b->task->query->region, r->x)) return true;
    return lip_witness_offer(&b->witness, b->task, r->x, &b->rng, b->step, NULL) == LIP_OK ||
           lip_resume_fail_memory(r);
}

lip_status lip_resume_build(lip_resume *r, lip_worker *worker, bool *whole, lip_error *err) {
    r->worker = worker;
    r->err = err;
    *whole = true;
    bool ok = true;
    for (size_t k = 0; ok && *whole && k < lip_resume_branch(r)->parts; ++k)
        ok = read_part(r, k, whole);
    if (ok && *whole) {
        ok = read_witness(r);
        if (ok && (!lip_resume_begins(r, "end") || r->length != 3))
            ok = lip_resume_fail(r, "'end'");
        if (ok) lip_resume_next_line(r);
        if (ok && r->line) lip_resume_fail(r, "the end of the file");
    }
    return lip_fail_in_file(err, r->path, r->status);
}
