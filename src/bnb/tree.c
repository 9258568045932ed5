/* Nodes and walks over them.  A walk keeps its own stack: trees can be thousands of splits deep. */
#include "bnb/tree.h"

#include "base/memory.h"
#include "region/region.h"

#include <math.h>

#include <stdlib.h>
#include <string.h>

lip_node *lip_node_create(const lip_dense *dense, size_t groups, unsigned part) {
    lip_node *node = LIP_NEW(lip_node, 1);
    if (!node) return NULL;
    node->part = part;
    node->bound = INFINITY;
    node->state = LIP_NEW(lip_node_state, 1);
    if (node->state) {
        node->state->dense = dense;
        node->state->groups = groups;
        node->state->path = LIP_NEW(signed char, dense->relus);
        node->state->multipliers.y = LIP_NEW(double, groups + dense->relus);
        if (node->state->path && node->state->multipliers.y) {
            node->state->multipliers.tau = node->state->multipliers.y + groups;
            return node;
        }
    }
    lip_node_free(node);
    return NULL;
}

void lip_node_clear_state(lip_node *node) {
    lip_node_state *state = node->state;
    if (!state) return;
    free(state->path);
    free(state->multipliers.y);
    free(state->basis.id);
    free(state->lifted.id);
    free(state->point);
    free(state->lo);
    lip_region_free(state->region);
    free(state);
    node->state = NULL;
}

void lip_node_free(lip_node *node) {
    if (!node) return;
    lip_node_clear_state(node);
    lip_text_clear(&node->text);
    free(node);
}

/* Copies of what belongs to the cell: ranges and region, where it has its own. */
static bool copy_region(const lip_node_state *from, size_t units, lip_node_state *to) {
    if (from->lo) {
        to->lo = LIP_NEW(double, 2 * units);
        if (!to->lo) return false;
        to->hi = to->lo + units;
        memcpy(to->lo, from->lo, 2 * units * sizeof *to->lo);
    }
    if (!from->region) return true;
    const lip_region *region = from->region;
    return lip_region_box(region->n, region->lo, region->hi, &to->region, NULL) == LIP_OK;
}

lip_node *lip_node_child(const lip_node *parent, const lip_dense *dense, size_t groups) {
    lip_node *node = lip_node_create(dense, groups, parent->part);
    if (!node) return NULL;
    const lip_node_state *from = parent->state;
    node->bound = parent->bound;
    memcpy(node->state->path, from->path, dense->relus);
    memcpy(node->state->multipliers.y, from->multipliers.y,
           (groups + dense->relus) * sizeof(double));
    node->state->multipliers.bound = from->multipliers.bound;
    if (copy_region(from, dense->units, node->state)) return node;
    lip_node_free(node);
    return NULL;
}

size_t lip_node_size(const lip_node *node) {
    const lip_node_state *state = node->state;
    size_t size = sizeof *node + node->text.capacity + 64;
    if (!state) return size;
    const lip_dense *dense = state->dense;
    size_t numbers = state->groups + dense->relus;
    if (node->text.capacity == 0) size += 12 * numbers;
    size += sizeof *state + dense->relus + numbers * sizeof(double) + 64;
    if (state->point) size += (dense->inputs + 1) * (sizeof(double) + sizeof(unsigned));
    size += state->lifted.count * sizeof(unsigned);
    if (state->lo) size += 2 * dense->units * sizeof(double);
    if (state->region) size += 3 * dense->inputs * sizeof(double) + 64;
    return size;
}

/* ---- Walks ------------------------------------------------------------------------------- */

typedef struct stack {
    size_t used, room;
    lip_node **node;
} stack;

static bool push(stack *s, lip_node *node) {
    if (!lip_grow((void **)&s->node, &s->room, s->used + 1, sizeof(lip_node *))) return false;
    s->node[s->used++] = node;
    return true;
}

static bool inner(const lip_node *node) {
    return node->kind == LIP_NODE_SPLIT || node->kind == LIP_NODE_CUT;
}

/* Links are turned into a list of nodes to be freed, so that no memory is needed. */
void lip_tree_free(lip_node *root) {
    while (root) {
        lip_node *next = root->child[0];
        if (next) { /* rotate: the first child comes before its parent, whose place it takes */
            lip_node *right = next->child[1];
            root->child[0] = right;
            next->child[1] = root;
            root = next;
        } else {
            next = root->child[1];
            lip_node_free(root);
            root = next;
        }
    }
}

bool lip_tree_leaves(lip_node *root, lip_leaf_visit visit, void *user) {
    stack s = {0};
    bool ok = push(&s, root);
    while (ok && s.used > 0) {
        lip_node *node = s.node[--s.used];
        if (inner(node))
            ok = push(&s, node->child[1]) && push(&s, node->child[0]);
        else
            ok = visit(node, user);
    }
    free(s.node);
    return ok;
}

/* The line of a node, and "tighten" before it. */
static bool write_node(const lip_node *node, lip_text *text) {
    if (node->tighten) lip_text_word(text, "tighten\n");
    if (!inner(node)) {
        lip_text_append(text, &node->text);
        return node->text.size > 0;
    }
    lip_text_word(text, node->kind == LIP_NODE_SPLIT ? "split" : "cut");
    lip_text_size(text, node->relu);
    if (node->kind == LIP_NODE_CUT) lip_text_real(text, node->cut);
    lip_text_word(text, "\n");
    return true;
}

bool lip_tree_write(lip_node *root, lip_text *text) {
    stack s = {0};
    bool proved = true;
    text->failed = !push(&s, root) || text->failed;
    while (proved && !text->failed && s.used > 0) {
        lip_node *node = s.node[--s.used];
        proved = write_node(node, text);
        if (inner(node))
            text->failed = !push(&s, node->child[1]) || !push(&s, node->child[0]) || text->failed;
    }
    free(s.node);
    return proved && !text->failed;
}
