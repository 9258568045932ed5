/* The walk of the best witness down a tree, on trees made by hand, right and wrong; and what lip_exact refuses. */
#include "support.h"

#include "bnb/track.h"

/* f = relu(x0) - relu(x1) in a box; the gradient at (1, -1) is (1, 0). */
typedef struct fixture {
    lip_network *net;
    lip_region *region;
    lip_query query;
    double x[2];
    lip_result result;
    lip_task task;
    lip_node *root[1];
    lip_branch branch;
} fixture;

static void create(fixture *f) {
    static const size_t width[] = {2, 2, 1};
    static const double first[] = {1, 0, 0, 1}, last[] = {1, -1}, lo[] = {-2, -2}, hi[] = {2, 2};
    const double *const weight[] = {first, last};
    memset(f, 0, sizeof *f);
    assert_int_equal(lip_network_create_dense(2, width, weight, NULL, &f->net, NULL), LIP_OK);
    assert_int_equal(lip_region_box(2, lo, hi, &f->region, NULL), LIP_OK);
    f->query = (lip_query){LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ROW, 0, 0}, f->region, NULL};
    f->x[0] = 1;
    f->x[1] = -1;
    f->result.witness_x = f->x;
    f->result.lower = 1;
    f->task = (lip_task){.net = f->net, .query = &f->query, .result = &f->result};
    f->branch.task = &f->task;
    f->branch.dense = lip_dense_create(f->net, &f->query.output);
    f->branch.parts = 1;
    f->branch.root = f->root;
    assert_non_null(f->branch.dense);
}

static void clear(fixture *f) {
    lip_tree_free(f->root[0]);
    lip_dense_free(f->branch.dense);
    lip_region_free(f->region);
    lip_network_free(f->net);
}

static lip_node *leaf(const fixture *f, double bound) {
    lip_node *node = lip_node_create(f->branch.dense, 1, 0);
    assert_non_null(node);
    node->bound = bound;
    return node;
}

static void hang(lip_node *node, lip_node_kind kind, unsigned of, lip_node *a, lip_node *b) {
    node->kind = kind;
    node->relu = of;
    node->child[0] = a;
    node->child[1] = b;
}

static bool fine(fixture *f) {
    bool answer = false;
    assert_true(lip_branch_track(&f->branch, &answer));
    return answer;
}

static void test_splits(void **state) {
    (void)state;
    fixture f;
    create(&f);
    lip_node *there = leaf(&f, 1), *other = leaf(&f, 0), *inner = leaf(&f, 0);
    hang(inner, LIP_NODE_SPLIT, 1, there, other);
    f.root[0] = leaf(&f, 0);
    hang(f.root[0], LIP_NODE_SPLIT, 0, leaf(&f, 0), inner);
    assert_true(fine(&f));
    other->kind = LIP_NODE_EMPTY;
    assert_true(fine(&f));
    there->bound = 0.999;
    assert_false(fine(&f)); /* a bound below the lower bound */
    other->kind = LIP_NODE_OPEN;
    other->bound = 5;
    assert_false(fine(&f)); /* what other leaves say does not matter */
    there->bound = 1;
    there->kind = LIP_NODE_EMPTY;
    assert_false(fine(&f));
    f.x[1] = 0; /* on the kink: either leaf will do */
    assert_true(fine(&f));
    f.result.witness_x = NULL; /* nothing to follow */
    there->kind = other->kind = LIP_NODE_EMPTY;
    assert_true(fine(&f));
    f.result.witness_x = f.x;
    assert_false(fine(&f));
    clear(&f);
}

static void test_cuts(void **state) {
    (void)state;
    fixture f;
    create(&f);
    lip_node *below = leaf(&f, 0), *above = leaf(&f, 1);
    f.root[0] = leaf(&f, 0);
    hang(f.root[0], LIP_NODE_CUT, 0, below, above);
    f.root[0]->cut = 0.5;
    assert_true(fine(&f));
    above->kind = LIP_NODE_EMPTY;
    below->bound = 1;
    assert_false(fine(&f));
    f.root[0]->cut = 1; /* x is on the plane */
    assert_true(fine(&f));
    clear(&f);
}

/* Every part has a leaf for the witness, but one bound is enough. */
static void test_parts(void **state) {
    (void)state;
    fixture f;
    create(&f);
    lip_node *both[2] = {leaf(&f, 0.5), leaf(&f, 1)};
    f.branch.parts = 2;
    f.branch.root = both;
    assert_true(fine(&f));
    both[1]->bound = 0.9;
    assert_false(fine(&f));
    both[1]->bound = 1;
    both[0]->kind = LIP_NODE_EMPTY;
    assert_false(fine(&f));
    lip_tree_free(both[0]);
    lip_tree_free(both[1]);
    clear(&f);
}

static lip_status exact(const fixture *f, const lip_exact_options *options, lip_result **result) {
    lip_error err = {0};
    lip_status status = lip_exact(f->net, &f->query, NULL, options, NULL, NULL, result, &err);
    assert_true(err.status == status);
    return status;
}

static void test_options(void **state) {
    (void)state;
    fixture f;
    lip_result *result = NULL;
    create(&f);
    const lip_exact_options without = {.methods = "tangent"}, wrong = {.methods = "exact,magic"},
                            absent = {.resume = "no/such/file"};
    assert_int_equal(exact(&f, &without, &result), LIP_ARGUMENT);
    assert_int_equal(exact(&f, &wrong, &result), LIP_ARGUMENT);
    assert_int_equal(exact(&f, &absent, &result), LIP_IO);
    assert_null(result);
    /* sqrt(2) where both are active; no decision is asked for */
    const lip_exact_options none[] = {{.at_most = 0}, {.at_most = -1}, {.at_most = NAN}};
    for (size_t k = 0; k <= 3; ++k) {
        assert_int_equal(exact(&f, k < 3 ? &none[k] : NULL, &result), LIP_OK);
        assert_true(result->upper <= result->lower * (1 + 1e-6));
        assert_true(result->lower <= sqrt(2) * (1 + 1e-15) &&
                    result->upper >= sqrt(2) * (1 - 1e-15));
        lip_result_free(result);
    }
    const lip_exact_options above = {.at_most = 1.2}, below = {.at_most = 1.5};
    assert_int_equal(exact(&f, &above, &result), LIP_OK);
    assert_true(result->lower > 1.2 && result->stop == LIP_FINISHED);
    lip_result_free(result);
    assert_int_equal(exact(&f, &below, &result), LIP_OK);
    assert_true(result->upper <= 1.5 && result->stop == LIP_FINISHED);
    lip_result_free(result);
    clear(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
