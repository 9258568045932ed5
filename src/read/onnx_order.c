/* The names and the order of an ONNX graph.
 *
 * Tensors are connected by names.  All definitions go into one array sorted by name; nodes are then
 * visited depth first along their inputs, which gives the file's own order if that is an order of
 * evaluation, a valid order if there is one, and finds a cycle if there is none. */
#include "read/onnx_graph.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const char *name) { return name ? name : ""; }

void lip_node_place(const LipOnnx__Graph *graph, size_t node, char *text, size_t size) {
    const LipOnnx__Node *proto = graph->node[node];
    char number[32];
    snprintf(number, sizeof number, "%zu", node + 1);
    bool named = proto->name && *proto->name;
    snprintf(text, size, "node %s%.60s%s (%.30s)%s%.40s%s", named ? "'" : "",
             named ? proto->name : number, named ? "'" : "", name_of(proto->op_type),
             proto->n_output ? ", output '" : "", proto->n_output ? proto->output[0] : "",
             proto->n_output ? "'" : "");
}

bool lip_node_reads_shape_only(const LipOnnx__Node *node) {
    return strcmp(name_of(node->op_type), "Shape") == 0;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* By name, then initialisers before inputs before nodes. */
static int compare_values(const void *x, const void *y) {
    const lip_value *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    if (order) return order;
    return (int)a->kind - (int)b->kind;
}

lip_value *lip_graph_find(const lip_graph *g, const char *name) {
    size_t low = 0, high = g->nvalues;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, g->value[middle].name);
        if (order == 0) return &g->value[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static size_t count_definitions(const LipOnnx__Graph *p) {
    size_t count = p->n_initializer + p->n_input;
    for (size_t i = 0; i < p->n_node; ++i) count += p->node[i]->n_output;
    return count;
}

static void define(lip_graph *g, const char *name, int kind, size_t index) {
    lip_value *v = &g->value[g->nvalues++];
    v->name = name_of(name);
    v->kind = kind == 0 ? LIP_VALUE_INITIALISER : kind == 1 ? LIP_VALUE_INPUT : LIP_VALUE_NODE;
    v->index = index;
}

lip_status lip_graph_collect(lip_graph *g) {
    const LipOnnx__Graph *p = g->proto;
    g->value = LIP_NEW(lip_value, count_definitions(p));
    if (!g->value) return lip_fail_memory(g->affine.err);
    for (size_t i = 0; i < p->n_initializer; ++i) define(g, p->initializer[i]->name, 0, i);
    for (size_t i = 0; i < p->n_input; ++i) define(g, p->input[i]->name, 1, i);
    for (size_t i = 0; i < p->n_node; ++i)
        for (size_t k = 0; k < p->node[i]->n_output; ++k)
            if (*p->node[i]->output[k]) define(g, p->node[i]->output[k], 2, i);
    qsort(g->value, g->nvalues, sizeof *g->value, compare_values);
    size_t kept = 0;
    for (size_t i = 0; i < g->nvalues; ++i) {
        lip_value *v = &g->value[i], *last = kept ? &g->value[kept - 1] : NULL;
        bool twice = last && strcmp(last->name, v->name) == 0;
        /* before IR 4, and still allowed: an initialiser is listed among the inputs as well */
        if (twice && last->kind == LIP_VALUE_INITIALISER && v->kind == LIP_VALUE_INPUT) continue;
        if (twice)
            return lip_fail(g->affine.err, LIP_FORMAT, "graph",
                            "the tensor '%.80s' is defined twice", v->name);
        g->value[kept++] = *v;
    }
    g->nvalues = kept;
    return LIP_OK;
}

/* ---- Input and output ------------------------------------------------------------------------ */

static lip_status find_input(lip_graph *g) {
    const LipOnnx__Graph *p = g->proto;
    const lip_value *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < p->n_input; ++i) {
        const lip_value *v = lip_graph_find(g, name_of(p->input[i]->name));
        if (v->kind != LIP_VALUE_INPUT) continue;
        if (count++ == 0) first = v;
        if (count == 2)
            return lip_fail(g->affine.err, LIP_UNSUPPORTED, "graph",
                            "networks with one input are supported, this one has at least two: "
                            "'%.80s' and '%.80s'",
                            first->name, v->name);
    }
    if (count == 0)
        return lip_fail(g->affine.err, LIP_FORMAT, "graph", "expected one input, found none");
    g->input = (size_t)(first - g->value);
    return LIP_OK;
}

static lip_status find_output(lip_graph *g) {
    const LipOnnx__Graph *p = g->proto;
    if (p->n_output == 0)
        return lip_fail(g->affine.err, LIP_FORMAT, "graph", "expected one output, found none");
    if (p->n_output > 1)
        return lip_fail(g->affine.err, LIP_UNSUPPORTED, "graph",
                        "networks with one output are supported, this one has %zu: '%.80s', "
                        "'%.80s'%s",
                        p->n_output, name_of(p->output[0]->name), name_of(p->output[1]->name),
                        p->n_output > 2 ? ", ..." : "");
    const lip_value *v = lip_graph_find(g, name_of(p->output[0]->name));
    if (!v)
        return lip_fail(g->affine.err, LIP_FORMAT, "graph", "nothing defines the output '%.80s'",
                        name_of(p->output[0]->name));
    g->output = (size_t)(v - g->value);
    return LIP_OK;
}

/* ---- Order ----------------------------------------------------------------------------------- */

typedef struct visit {
    size_t node, input; /* the next input to look at */
} visit;

enum { UNSEEN, OPEN, DONE };

/* What input k of a node reads: a node to visit first, or NULL. */
static lip_status look_behind(lip_graph *g, size_t node, size_t k, const lip_value **behind) {
    const char *name = g->proto->node[node]->input[k];
    *behind = NULL;
    if (!*name) return LIP_OK;
    const lip_value *v = lip_graph_find(g, name);
    if (!v) {
        char place[160];
        lip_node_place(g->proto, node, place, sizeof place);
        return lip_fail(g->affine.err, LIP_FORMAT, place, "nothing defines its input '%.80s'",
                        name);
    }
    if (v->kind == LIP_VALUE_NODE) *behind = v;
    return LIP_OK;
}

static lip_status fail_cycle(const lip_graph *g, size_t node, const char *name) {
    char place[160];
    lip_node_place(g->proto, node, place, sizeof place);
    return lip_fail(g->affine.err, LIP_FORMAT, place,
                    "the graph has a cycle through this node's input '%.80s'", name);
}

/* Depth first from one node; finished nodes are appended to the order. */
static lip_status visit_from(lip_graph *g, size_t root, unsigned char *state, visit *stack) {
    size_t depth = 1;
    stack[0] = (visit){root, 0};
    state[root] = OPEN;
    while (depth > 0) {
        visit *top = &stack[depth - 1];
        if (top->input == g->proto->node[top->node]->n_input) {
            state[top->node] = DONE;
            g->order[g->norder++] = top->node;
            --depth;
            continue;
        }
        const lip_value *v;
        LIP_TRY(look_behind(g, top->node, top->input++, &v));
        if (!v || state[v->index] == DONE) continue;
        if (state[v->index] == OPEN) return fail_cycle(g, top->node, v->name);
        state[v->index] = OPEN;
        stack[depth++] = (visit){v->index, 0};
    }
    return LIP_OK;
}

/* Keep the nodes that the output needs; count how often each value is read. */
static void keep_needed(lip_graph *g, unsigned char *needed) {
    memset(needed, 0, g->proto->n_node);
    if (g->value[g->output].kind == LIP_VALUE_NODE) needed[g->value[g->output].index] = 1;
    g->value[g->output].uses = 1;
    for (size_t i = g->norder; i-- > 0;) {
        const LipOnnx__Node *node = g->proto->node[g->order[i]];
        if (!needed[g->order[i]]) continue;
        for (size_t k = 0; k < node->n_input; ++k) {
            lip_value *v = *node->input[k] ? lip_graph_find(g, node->input[k]) : NULL;
            if (!v) continue;
            if (!lip_node_reads_shape_only(node)) ++v->uses;
            if (v->kind == LIP_VALUE_NODE) needed[v->index] = 1;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < g->norder; ++i)
        if (needed[g->order[i]]) g->order[kept++] = g->order[i];
    g->norder = kept;
}

lip_status lip_graph_order(lip_graph *g) {
    LIP_TRY(find_input(g));
    LIP_TRY(find_output(g));
    size_t count = g->proto->n_node;
    g->order = LIP_NEW(size_t, count);
    unsigned char *state = LIP_NEW(unsigned char, count);
    visit *stack = LIP_NEW(visit, count);
    lip_status status = g->order && state && stack ? LIP_OK : lip_fail_memory(g->affine.err);
    for (size_t i = 0; status == LIP_OK && i < count; ++i)
        if (state[i] == UNSEEN) status = visit_from(g, i, state, stack);
    if (status == LIP_OK) keep_needed(g, state);
    free(state);
    free(stack);
    return status;
}
