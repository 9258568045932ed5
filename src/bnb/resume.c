/* Reading a checkpoint: a certificate (docs/certificate.md) with the statement `tree`.
 *
 * The tree is rebuilt node by node, in the order of the file, with a stack of the nodes that are still to be
 * read.  Every node is a child of the root like one that the search made: it inherits the root's multipliers
 * and bound, which hold in all of the region; so whatever cannot be proved again is simply an open node.
 *
 *     split, cut    two children
 *     tighten       the ranges are computed again, as the search does
 *     interval      lip_leaf_interval
 *     sdp           lip_leaf_sdp_again with the multipliers of its lines: the same numbers give the same bound, bit
 *                   for bit; where ranges have changed, as a starting point for a few Newton steps
 *     empty ...     lip_leaf_empty or lip_leaf_hull with the neurons and multipliers that are listed
 *
 * Lines about the root's ranges are skipped: ranges are found anew.  Lines of a leaf that this search would not write
 * (phases, points, triangles) are skipped too, and the leaf is proved from its tangent multipliers alone. */
#include "bnb/resume.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/certificate.h"
#include "net/canonical.h"
#include "read/file.h"
#include "read/reader.h"
#include "region/region.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lip_resume {
    const char *path;
    unsigned char *bytes;
    lip_lines lines;
    const char *line; /* the present one */
    size_t length, at;
    lip_error *err;
    lip_status status; /* the first failure */
    lip_worker *worker;
    lip_leaf_node view; /* of the node in hand */
    char *role;         /* by unit: what a leaf says */
    double *x;          /* the witness */
    size_t used, room;
    struct pending *stack;
};

/* A node whose lines come next. */
struct pending {
    lip_node *node;
    size_t
        from; /* layers up to it have kept their ranges since they were found (lip_leaf_tighten) */
};

/* ---- Lines and words --------------------------------------------------------------------- */

static bool fail(lip_resume *r, const char *expected) {
    char quoted[LIP_QUOTE_SIZE];
    if (r->status != LIP_OK) return false;
    r->status =
        lip_fail_line(r->err, LIP_FORMAT, r->lines.number, "expected %s, found %s", expected,
                      r->line ? lip_quote(quoted, r->line, r->length) : "the end of the file");
    return false;
}

static bool fail_memory(lip_resume *r) {
    if (r->status == LIP_OK) r->status = lip_fail_memory(r->err);
    return false;
}

/* The next line; at the end of the file r->line is NULL. */
static void next_line(lip_resume *r) {
    r->at = 0;
    if (lip_next_line(&r->lines, &r->line, &r->length)) return;
    r->line = NULL;
    r->length = 0;
    ++r->lines.number;
}

static bool next_word(lip_resume *r, const char **word, size_t *length) {
    if (!r->line || r->at >= r->length) return false;
    *word = r->line + r->at;
    const char *blank = memchr(*word, ' ', r->length - r->at);
    *length = blank ? (size_t)(blank - *word) : r->length - r->at;
    r->at += *length + 1;
    return *length > 0;
}

/* Is this the first word of the line?  Then what follows it comes next. */
static bool begins(lip_resume *r, const char *word) {
    size_t length = strlen(word);
    if (!r->line || r->length < length || memcmp(r->line, word, length) != 0) return false;
    if (r->length > length && r->line[length] != ' ') return false;
    r->at = length + 1;
    return true;
}

static bool read_count(lip_resume *r, size_t most, size_t *value) {
    const char *word;
    size_t length;
    return next_word(r, &word, &length) && lip_parse_count(word, length, value) && *value <= most;
}

static bool read_real(lip_resume *r, double *x) {
    const char *word;
    size_t length;
    return next_word(r, &word, &length) && lip_canonical_number(word, length, x);
}

static bool read_reals(lip_resume *r, size_t count, double *x) {
    for (size_t i = 0; i < count; ++i)
        if (!read_real(r, &x[i])) return false;
    return r->at > r->length;
}

/* ---- The question ------------------------------------------------------------------------ */

/* The lines that are the same for every certificate of the question. */
static bool compare(lip_resume *r, const lip_text *question) {
    for (size_t i = 0; i < question->size;) {
        const char *expected = question->bytes + i;
        size_t length =
            (size_t)((const char *)memchr(expected, '\n', question->size - i) - expected);
        next_line(r);
        i += length + 1;
        if (r->line && r->length == length && memcmp(r->line, expected, length) == 0) continue;
        char want[LIP_QUOTE_SIZE], found[LIP_QUOTE_SIZE];
        lip_quote(want, expected, length);
        if (r->lines.number == 1 || !r->line) return fail(r, want);
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
        next_line(r);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i)
            skipped = skipped || begins(r, known[i]);
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
        return fail(r, expected);
    next_line(r);
    while (begins(r, "spectral")) next_line(r);
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

/* ---- Leaves ------------------------------------------------------------------------------ */

static lip_branch *branch_of(const lip_resume *r) { return r->worker->branch; }

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
    if (r->length != strlen("interval")) return fail(r, "'interval'");
    next_line(r);
    bool ok = lip_leaf_interval(r->worker->leaf[node->part], &r->view, &bound, &text);
    keep(node, ok ? bound : INFINITY, &text);
    return ok || fail_memory(r);
}

static bool read_roles(lip_resume *r) {
    const lip_dense *dense = branch_of(r)->dense;
    const char *letters;
    size_t l, length;
    if (!read_count(r, dense->layers, &l) || !dense->layer[l].relu ||
        !next_word(r, &letters, &length) || length != dense->layer[l].width || r->at <= r->length)
        return fail(r, "the roles of a layer, a letter for each neuron");
    for (size_t i = 0; i < length; ++i) {
        if (!strchr("aivsb", letters[i])) return fail(r, "roles a, i, v, s, b");
        r->role[dense->layer[l].offset + i] = letters[i];
    }
    return true;
}

static bool read_tangents(lip_resume *r) {
    const lip_dense *dense = branch_of(r)->dense;
    size_t l;
    bool ok = read_count(r, dense->layers, &l) && dense->layer[l].relu;
    for (size_t i = 0; ok && i < dense->layer[l].width; ++i) {
        size_t unit = dense->layer[l].offset + i;
        if (r->role[unit] == 'v' || r->role[unit] == 'b')
            ok = read_real(r, &r->worker->tangent[unit]);
    }
    if (!ok || r->at <= r->length)
        return fail(r, "'tangent', a layer, and a number for each neuron with role v or b");
    return true;
}

/* One line of a leaf `sdp`; *more is false if it is none. */
static bool read_leaf_line(lip_resume *r, const lip_leaf_part *part, double *one, bool *more) {
    static const char *const others[] = {
        "values", "cuts",   "point", "bound", "range",    "bin",    "gate", "switch",
        "cap",    "least",  "most",  "state", "square",   "closed", "open", "above",
        "below",  "phases", "roof",  "floor", "triangle", "product"};
    const lip_dense *dense = branch_of(r)->dense;
    *more = true;
    if (begins(r, "roles")) return read_roles(r);
    if (begins(r, "tangent")) return read_tangents(r);
    if (begins(r, "one")) return read_reals(r, 1, one) || fail(r, "'one' and a number");
    if (begins(r, "input"))
        return read_reals(r, part->input == LIP_SET_CUBE ? dense->inputs : 1, r->worker->input) ||
               fail(r, "'input' and a number for each multiplier");
    if (begins(r, "dual"))
        return read_reals(r, part->output == LIP_SET_CUBE ? dense->rows : 1, r->worker->dual) ||
               fail(r, "'dual' and a number for each multiplier");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; ++i)
        if (begins(r, others[i])) return true;
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
    if (!ok) return fail_memory(r);
    if (node->text.size > 0) return true;
    if (!lip_worker_prove(w, node)) return fail_memory(r);
    if (node->text.size == 0) point->bound = INFINITY; /* the search begins anew here */
    return true;
}

static bool read_sdp(lip_resume *r, lip_node *node) {
    lip_worker *w = r->worker;
    const lip_branch *b = w->branch;
    double one = 0;
    bool more = true;
    if (r->length != strlen("sdp")) return fail(r, "'sdp'");
    memset(r->role, 0, b->dense->units);
    memset(w->tangent, 0, b->dense->units * sizeof *w->tangent);
    memset(w->input, 0, b->dense->inputs * sizeof *w->input);
    memset(w->dual, 0, b->dense->rows * sizeof *w->dual);
    for (;;) {
        next_line(r);
        if (!read_leaf_line(r, &b->part[node->part], &one, &more)) return false;
        if (!more) return prove(r, node, one);
    }
}

static bool close_empty(lip_resume *r, lip_node *node, lip_text *text) {
    node->kind = LIP_NODE_EMPTY;
    node->bound = 0;
    lip_text_clear(&node->text);
    node->text = *text;
    lip_node_clear_state(node);
    return !node->text.failed || fail_memory(r);
}

/* Does some neuron have no range left, or a phase that contradicts it? */
static bool contradicts(const lip_resume *r) {
    const lip_dense *dense = branch_of(r)->dense;
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
    const lip_dense *dense = branch_of(r)->dense;
    size_t relu, before = 0;
    if (!read_count(r, dense->relus, count)) return false;
    for (size_t i = 0; i < *count; ++i) {
        if (!read_count(r, dense->relus - 1, &relu) || (i > 0 && relu <= before)) return false;
        unit[i] = dense->relu[relu];
        r->worker->multiplier[i] = 1;
        before = relu;
        if (numbers && !read_real(r, &r->worker->multiplier[i])) return false;
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
    if (!next_word(r, &word, &length)) return r->at >= r->length;
    bool sum = length == 3 && memcmp(word, "sum", 3) == 0;
    bool hull = length == 4 && memcmp(word, "hull", 4) == 0;
    if (!sum && !hull && (length != 4 || memcmp(word, "span", 4) != 0)) return false;
    if (!sum &&
        (!read_count(r, branch_of(r)->dense->layers, &level) || !next_word(r, &word, &length)))
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
        return fail(
            r,
            "'empty', 'empty sum', 'empty span' or 'empty hull' with neurons in ascending order");
    next_line(r);
    if (kind == EMPTY_HULL) {
        ok = lip_leaf_hull(leaf, &r->view, count, w->unit, &empty, &text);
    } else if (kind == EMPTY_LISTED) {
        ok = lip_leaf_empty(leaf, &r->view, count[0], w->unit, w->multiplier, &empty, &text);
    } else if (contradicts(r)) {
        empty = true;
        lip_text_word(&text, "empty\n");
    }
    if (ok && empty) return close_empty(r, node, &text);
    lip_text_clear(&text);
    return ok || fail_memory(r);
}

static bool read_leaf(lip_resume *r, lip_node *node) {
    if (begins(r, "sdp")) return read_sdp(r, node);
    if (begins(r, "interval")) return read_interval(r, node);
    if (begins(r, "empty")) return read_empty(r, node);
    return fail(r, "a node of the tree");
}

/* ---- Nodes ------------------------------------------------------------------------------- */

static bool push(lip_resume *r, lip_node *node, size_t from) {
    if (!lip_grow((void **)&r->stack, &r->room, r->used + 1, sizeof *r->stack))
        return fail_memory(r);
    r->stack[r->used++] = (struct pending){node, from};
    return true;
}

static bool view_node(lip_resume *r, lip_node *node) {
    return lip_worker_view(r->worker, node, &r->view) || fail_memory(r);
}

/* Ranges of a node; *empty if there is a neuron without any. */
static bool tighten(lip_resume *r, lip_node *node, size_t from, bool *empty) {
    lip_branch *b = branch_of(r);
    lip_node_state *state = node->state;
    const lip_preactivation *root = &b->task->bounds;
    size_t units = b->dense->units;
    if (!state->lo) {
        state->lo = LIP_NEW(double, 2 * units);
        if (!state->lo) return fail_memory(r);
        state->hi = state->lo + units;
        memcpy(state->lo, root->lo, units * sizeof *state->lo);
        memcpy(state->hi, root->hi, units * sizeof *state->hi);
    }
    node->tighten = true;
    return view_node(r, node) && (lip_leaf_tighten(b->task->net, r->view.region, r->view.path,
                                                   b->linear, from, state->lo, state->hi, empty) ||
                                  fail_memory(r));
}

/* Both children, equal to the node so far. */
static bool make_children(lip_resume *r, lip_node *node) {
    lip_branch *b = branch_of(r);
    size_t groups = lip_gram_groups(r->worker->gram[node->part]);
    lip_node *child[2];
    for (int side = 0; side < 2; ++side) {
        child[side] = lip_node_child(node, b->dense, groups);
        if (child[side]) continue;
        if (side) lip_node_free(child[0]);
        return fail_memory(r);
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
    next_line(r);
    return push(r, node->child[1], from) && push(r, node->child[0], from);
}

static bool read_split(lip_resume *r, lip_node *node, size_t from) {
    const lip_dense *dense = branch_of(r)->dense;
    size_t relu;
    if (!read_count(r, dense->relus - 1, &relu) || r->at <= r->length ||
        node->state->path[relu] != LIP_UNSTABLE)
        return fail(r, "'split' and a neuron that was not split above");
    if (!make_children(r, node)) return false;
    node->child[0]->state->path[relu] = LIP_INACTIVE;
    node->child[1]->state->path[relu] = LIP_ACTIVE;
    size_t layer = dense->layer_of[dense->relu[relu]];
    return descend(r, node, LIP_NODE_SPLIT, relu, layer < from ? layer : from);
}

static bool read_cut(lip_resume *r, lip_node *node) {
    const lip_branch *b = branch_of(r);
    const lip_region *whole = b->task->query->region;
    const lip_region *region = node->state->region ? node->state->region : whole;
    size_t j;
    double at;
    if (whole->kind != LIP_BOX || !read_count(r, b->dense->inputs - 1, &j) ||
        !read_reals(r, 1, &at) || !(region->lo[j] < at && at < region->hi[j]))
        return fail(r, "'cut', an input, and a number inside its box");
    if (!make_children(r, node)) return false;
    for (int side = 0; side < 2; ++side) {
        lip_region **half = &node->child[side]->state->region;
        if (!*half && lip_region_box(region->n, region->lo, region->hi, half, NULL) != LIP_OK)
            return fail_memory(r);
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
        if (begins(r, "split") || begins(r, "cut"))
            ++left;
        else if (begins(r, "sdp") || begins(r, "interval") || begins(r, "empty"))
            --left;
        else if (!begins(r, "tighten"))
            return fail(r, "a node of the tree");
        bool sdp = begins(r, "sdp");
        next_line(r);
        while (sdp && more) {
            if (!read_leaf_line(r, &branch_of(r)->part[0], &one, &more)) return false;
            if (more) next_line(r);
        }
    }
    return true;
}

/* A neuron's layer from which on ranges change, once they have been found: SIZE_MAX until the next split. */
static bool read_node(lip_resume *r, struct pending next) {
    lip_node *node = next.node;
    bool empty = false;
    if (begins(r, "tighten")) {
        if (!tighten(r, node, node->state->lo ? next.from : 0, &empty)) return false;
        next.from = SIZE_MAX;
        while (begins(r, "tighten")) next_line(r); /* again would change nothing */
    }
    if (empty) {
        lip_text text = {0};
        lip_text_word(&text, "empty\n");
        return skip_node(r) && close_empty(r, node, &text);
    }
    if (begins(r, "split")) return read_split(r, node, next.from);
    if (begins(r, "cut")) return read_cut(r, node);
    if (!view_node(r, node) || !read_leaf(r, node)) return false;
    branch_of(r)->memory += lip_node_size(node);
    return true;
}

/* ---- Trees ------------------------------------------------------------------------------- */

/* The tree of one part; *whole is false if the watch expired. */
static bool read_tree(lip_resume *r, lip_node *root, bool *whole) {
    r->used = 0;
    bool ok = push(r, root, 0);
    while (ok && r->used > 0 && *whole) {
        ok = read_node(r, r->stack[--r->used]);
        *whole = !lip_watch_expired(&branch_of(r)->task->watch);
    }
    return ok;
}

static bool read_part(lip_resume *r, size_t part, bool *whole) {
    lip_branch *b = branch_of(r);
    lip_text header = {0};
    lip_branch_put_part(b, part, &header);
    if (header.failed) {
        lip_text_clear(&header);
        return fail_memory(r);
    }
    char expected[LIP_QUOTE_SIZE];
    lip_quote(expected, header.bytes, header.size - 1);
    bool same =
        r->line && r->length + 1 == header.size && memcmp(r->line, header.bytes, r->length) == 0;
    lip_text_clear(&header);
    if (!same) return fail(r, expected);
    next_line(r);
    size_t groups = lip_gram_groups(r->worker->gram[part]);
    lip_node *root = lip_node_child(b->root[part], b->dense, groups);
    if (!root) return fail_memory(r);
    bool ok = read_tree(r, root, whole);
    lip_node *old = ok && *whole ? b->root[part] : root;
    if (ok && *whole) b->root[part] = root;
    lip_tree_free(old);
    return ok;
}

/* ---- The end ----------------------------------------------------------------------------- */

static bool read_witness(lip_resume *r) {
    lip_branch *b = branch_of(r);
    if (!begins(r, "witness")) return true;
    next_line(r);
    if (!begins(r, "point") || !read_reals(r, b->dense->inputs, r->x))
        return fail(r, "'point' and a number for each input");
    next_line(r);
    if (!begins(r, "direction")) return fail(r, "'direction'");
    next_line(r);
    if (!lip_region_contains(b->task->query->region, r->x)) return true;
    return lip_witness_offer(&b->witness, b->task, r->x, &b->rng, b->step, NULL) == LIP_OK ||
           fail_memory(r);
}

lip_status lip_resume_build(lip_resume *r, lip_worker *worker, bool *whole, lip_error *err) {
    r->worker = worker;
    r->err = err;
    *whole = true;
    bool ok = true;
    for (size_t k = 0; ok && *whole && k < branch_of(r)->parts; ++k) ok = read_part(r, k, whole);
    if (ok && *whole) {
        ok = read_witness(r);
        if (ok && (!begins(r, "end") || r->length != 3)) ok = fail(r, "'end'");
        if (ok) next_line(r);
        if (ok && r->line) fail(r, "the end of the file");
    }
    return lip_fail_in_file(err, r->path, r->status);
}
