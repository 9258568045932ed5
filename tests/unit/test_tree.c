/* Trees of branch and bound: deep and random ones written, walked and freed, with memory that runs out. */
#include "allocation.h"
#include "support.h"

#include "bnb/tree.h"

enum { DEEP = 100000 };

static lip_node *leaf(const char *line) {
    lip_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    lip_text_word(&node->text, line);
    return node;
}

/* Numbered, so that the order of leaves is seen. */
static lip_node *numbered_leaf(size_t number) {
    char line[40];
    snprintf(line, sizeof line, "leaf %zu\n", number);
    lip_node *node = leaf(line);
    node->bound = (double)number;
    return node;
}

static lip_node *split(unsigned relu, lip_node *first, lip_node *second) {
    lip_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    node->kind = LIP_NODE_SPLIT;
    node->relu = relu;
    node->child[0] = first;
    node->child[1] = second;
    return node;
}

/* Leaves must come with these numbers, one after the other. */
typedef struct visitor {
    size_t next, most; /* most: stop there */
} visitor;

static bool visit(lip_node *node, void *user) {
    visitor *v = user;
    assert_true(node->bound == (double)v->next);
    return ++v->next < v->most;
}

/* ---- Deep trees -------------------------------------------------------------------------- */

/* The longer side of every split: 0 left, 1 right, 2 in turn. */
static lip_node *deep_tree(size_t side) {
    size_t left = 0, right = DEEP; /* numbers of leaves on either side of the path */
    unsigned char *turn = calloc(DEEP, 1);
    size_t *number = calloc(DEEP, sizeof *number);
    assert_true(turn && number);
    for (size_t k = 0; k < DEEP; ++k) {
        turn[k] = (unsigned char)(side == 2 ? k % 2 : side);
        number[k] = turn[k] ? left++ : right--;
    }
    lip_node *node = numbered_leaf(left);
    for (size_t k = DEEP; k-- > 0;) {
        lip_node *other = numbered_leaf(number[k]);
        node = turn[k] ? split((unsigned)k, other, node) : split((unsigned)k, node, other);
    }
    free(number);
    free(turn);
    return node;
}

/* The text as recursion would write it: all splits with the leaf of the shorter side before or after. */
static void check_text(size_t side, const lip_text *text) {
    const char *at = text->bytes, *end = at + text->size;
    char line[60];
    size_t left = 0, leaves = 0, splits = 0;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(stop);
        bool is_split = *at == 's';
        if (is_split) snprintf(line, sizeof line, "split %zu\n", splits++);
        if (!is_split) snprintf(line, sizeof line, "leaf %zu\n", left++);
        leaves += !is_split;
        assert_int_equal((size_t)(stop + 1 - at), strlen(line));
        assert_memory_equal(at, line, strlen(line));
        if (side == 0) assert_true(is_split == (splits <= DEEP && leaves == 0));
        at = stop + 1;
    }
    assert_int_equal(splits, DEEP);
    assert_int_equal(leaves, DEEP + 1);
}

static void test_deep(void **state) {
    (void)state;
    for (size_t side = 0; side < 3; ++side) {
        allocation_begin(0);
        lip_node *root = deep_tree(side);
        lip_text text = {0};
        visitor v = {0, 2 * DEEP};
        assert_true(lip_tree_leaves(root, visit, &v));
        assert_int_equal(v.next, DEEP + 1);
        assert_true(lip_tree_write(root, &text));
        check_text(side, &text);
        lip_text_clear(&text);
        v = (visitor){0, 10};
        assert_false(lip_tree_leaves(root, visit, &v));
        assert_int_equal(v.next, 10);
        lip_tree_free(root);
        assert_int_equal(allocation_end().live, 0);
    }
    lip_tree_free(NULL);
}

/* ---- Random trees ------------------------------------------------------------------------ */

static lip_node *random_tree(lip_rng *rng, size_t depth, size_t *leaves) {
    lip_node *node;
    if (depth == 0 || pick(rng, 4) == 0) {
        node = numbered_leaf((*leaves)++);
        node->kind = pick(rng, 2) ? LIP_NODE_EMPTY : LIP_NODE_STUCK;
    } else {
        lip_node *first = random_tree(rng, depth - 1, leaves);
        node = split((unsigned)pick(rng, 1000), first, random_tree(rng, depth - 1, leaves));
        if (pick(rng, 3) == 0) {
            node->kind = LIP_NODE_CUT;
            node->cut = ldexp(lip_rng_gaussian(rng), (int)pick(rng, 20) - 10);
        }
    }
    node->tighten = pick(rng, 3) == 0;
    return node;
}

/* What lip_tree_write should write, by recursion. */
static void write_all(const lip_node *node, lip_text *text) {
    if (node->tighten) lip_text_word(text, "tighten\n");
    if (!node->child[0]) {
        lip_text_append(text, &node->text);
        return;
    }
    lip_text_word(text, node->kind == LIP_NODE_CUT ? "cut" : "split");
    lip_text_size(text, node->relu);
    if (node->kind == LIP_NODE_CUT) lip_text_real(text, node->cut);
    lip_text_word(text, "\n");
    write_all(node->child[0], text);
    write_all(node->child[1], text);
}

static lip_node *some_leaf(lip_node *node) {
    while (node->child[0]) node = node->child[0];
    return node;
}

static void test_random(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 91);
    for (int c = 0; c < 300; ++c) {
        size_t leaves = 0;
        lip_text text = {0}, expected = {0};
        allocation_begin(0);
        lip_node *root = random_tree(&rng, 10, &leaves);
        write_all(root, &expected);
        assert_true(lip_tree_write(root, &text));
        assert_int_equal(text.size, expected.size);
        assert_memory_equal(text.bytes, expected.bytes, text.size);
        visitor v = {0, leaves + 1};
        assert_true(lip_tree_leaves(root, visit, &v));
        assert_int_equal(v.next, leaves);
        lip_text_clear(&some_leaf(root)->text); /* a leaf without a proof is no tree */
        assert_false(lip_tree_write(root, &text));
        lip_text_clear(&text);
        lip_text_clear(&expected);
        lip_tree_free(root);
        assert_int_equal(allocation_end().live, 0);
    }
}

/* ---- Nodes ------------------------------------------------------------------------------- */

static lip_dense *small_network(lip_rng *rng, lip_network **net) {
    lip_output all = {LIP_OUTPUT_ALL, 0, 0};
    *net = random_network(rng, 3, 2, 4, 2);
    lip_dense *dense = lip_dense_create(*net, &all);
    assert_non_null(dense);
    return dense;
}

/* A node with everything that a state may have, and a child that inherits it. */
static bool parent_and_child(const lip_dense *dense, size_t groups) {
    double lo[3] = {-1, -2, -3}, hi[3] = {1, 2, 4};
    bool ok = false;
    lip_error err;
    lip_node *child = NULL, *parent = lip_node_create(dense, groups, 5);
    if (parent) {
        lip_node_state *s = parent->state;
        parent->bound = 7;
        s->multipliers.bound = 8;
        for (size_t k = 0; k < dense->relus; ++k) s->path[k] = LIP_ACTIVE;
        for (size_t k = 0; k < groups + dense->relus; ++k) s->multipliers.y[k] = (double)k;
        s->lo = calloc(2 * dense->units, sizeof(double));
        ok = s->lo && lip_region_box(3, lo, hi, &s->region, &err) == LIP_OK;
        if (s->lo) s->hi = s->lo + dense->units;
        for (size_t u = 0; s->lo && u < 2 * dense->units; ++u) s->lo[u] = -(double)u;
    }
    if (ok) child = lip_node_child(parent, dense, groups);
    ok = child != NULL;
    if (ok) {
        const lip_node_state *s = child->state, *from = parent->state;
        assert_true(child->part == 5 && child->bound == 7 && s->multipliers.bound == 8);
        assert_true(s->multipliers.tau == s->multipliers.y + groups);
        assert_memory_equal(s->path, from->path, dense->relus);
        assert_memory_equal(s->multipliers.y, from->multipliers.y,
                            (groups + dense->relus) * sizeof(double));
        assert_memory_equal(s->lo, from->lo, 2 * dense->units * sizeof(double));
        assert_true(s->hi == s->lo + dense->units && s->region != from->region);
        double low[3], high[3];
        lip_region_get_box(s->region, low, high, NULL);
        assert_memory_equal(low, lo, sizeof lo);
        assert_memory_equal(high, hi, sizeof hi);
        assert_true(!child->child[0] && child->kind == LIP_NODE_OPEN && child->text.size == 0);
        assert_true(lip_node_size(child) > sizeof *child);
        lip_node_clear_state(child);
        lip_node_clear_state(child);
    }
    lip_node_free(child);
    lip_node_free(parent);
    return ok;
}

static void test_nodes(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 92);
    for (int c = 0; c < 20; ++c) {
        lip_network *net;
        lip_dense *dense = small_network(&rng, &net);
        allocation_begin(0);
        assert_true(parent_and_child(dense, 4));
        allocation_count all = allocation_end();
        assert_int_equal(all.live, 0);
        for (long fail_at = 1; fail_at <= all.calls; ++fail_at) {
            allocation_begin(fail_at);
            assert_false(parent_and_child(dense, 4));
            assert_int_equal(allocation_end().live, 0);
        }
        lip_dense_free(dense);
        lip_network_free(net);
    }
}

/* Walks that run out of memory say so; freeing needs none. */
static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 93);
    size_t leaves = 0;
    lip_node *root = random_tree(&rng, 12, &leaves);
    while (leaves < 100) {
        lip_tree_free(root);
        leaves = 0;
        root = random_tree(&rng, 12, &leaves);
    }
    bool walked = false, written = false;
    for (long fail_at = 1; !walked || !written; ++fail_at) {
        visitor v = {0, leaves + 1};
        lip_text text = {0};
        allocation_begin(fail_at);
        walked = lip_tree_leaves(root, visit, &v);
        allocation_count count = allocation_end();
        assert_true(walked == (fail_at > count.calls) && count.live == 0);
        allocation_begin(fail_at);
        written = lip_tree_write(root, &text);
        lip_text_clear(&text);
        count = allocation_end();
        assert_true(written == (fail_at > count.calls) && count.live == 0);
    }
    allocation_begin(1);
    lip_tree_free(root);
    assert_int_equal(allocation_end().calls, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deep), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_nodes), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
