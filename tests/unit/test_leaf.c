/* Proofs of leaves of branch trees: bounds against all patterns, ranges against points, empty cells
 * against points, and memory. */
#include "allocation.h"
#include "leaves.h"

static size_t cases = 60;

/* ---- Bounds ------------------------------------------------------------------------------ */

static void test_sdp_patterns(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 1);
    size_t proved = 0, tight = 0;
    for (size_t c = 0; c < 10 * cases; ++c) {
        question q;
        double bound;
        lip_text text = {0};
        leaves_create(&rng, pick(&rng, 4), 4, &q);
        box_node node = leaves_root(&q);
        leaves_random_path(&rng, &q, &node);
        bool found = leaves_prove(&rng, &q, &node, &bound, &text);
        double exact =
            leaves_all_patterns(&q, &node, leaves_input_ball(&q), leaves_output_ball(&q));
        if (found) assert_true(bound >= exact * (1 - 1e-12));
        if (found) assert_true((bound == 0) == (exact == 0));
        proved += found;
        tight += bound < 2 * exact;
        lip_text_clear(&text);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu of %zu proved, %zu within a factor of 2\n", proved, 10 * cases, tight);
    assert_true(proved > 5 * cases && tight > cases / 4);
}

/* With all phases known S is positive definite if and only if 4 input dual > |J|_2^2; what is proved is twice the
 * root of the product of their sums.  (Rounding to 30 bits costs up to 2e-9.)  What is too small by 2e-7 is enlarged
 * until it is enough, what is too small by 3e-3 is not. */
static void test_sdp_edge(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 7);
    for (size_t c = 0; c < 4 * cases; ++c) {
        question q;
        leaves_create(&rng, pick(&rng, 4), 6, &q);
        box_node node = leaves_root(&q);
        for (size_t k = 0; k < q.dense->relus; ++k)
            node.path[q.dense->relu[k]] = pick(&rng, 3) ? LIP_ACTIVE : LIP_INACTIVE;
        multipliers m = {.tangent = calloc(q.net->units, sizeof(double))};
        double norm = leaves_all_patterns(&q, &node, LIP_NORM_2, LIP_NORM_2), bound;
        double ratio = pow(2, (double)pick(&rng, 9) - 4), close = pick(&rng, 2) ? 1e-3 : 1e-8;
        bool unit = q.part.output != LIP_SET_CUBE, cube = q.part.input == LIP_SET_CUBE;
        double n = cube ? (double)q.dense->inputs : 1, k = unit ? 1 : (double)q.dense->rows;
        if (q.part.output == LIP_SET_FIXED) /* one row */
            norm = leaves_all_patterns(&q, &node, LIP_NORM_2, LIP_NORM_1);
        double off[] = {-3e-3, -2e-7, close};
        for (int above = 0; norm > 0 && above < 3; ++above) {
            double factor = 0.5 * (1 + off[above]), most = above == 2 ? 1 + 1.3 * close : 1 + 2e-6;
            m.one = norm * factor / ratio;
            for (size_t j = 0; j < MOST_INPUTS; ++j) m.input[j] = norm * factor * ratio;
            for (size_t o = 0; o < MOST_ROWS; ++o) m.dual[o] = norm * factor / ratio;
            lip_text text = {0};
            leaves_prove_with(&q, &node, &m, 1, &bound, &text);
            lip_text_clear(&text);
            if (above)
                assert_true(bound >= norm && bound <= norm * most * sqrt(n * k));
            else
                assert_true(bound == INFINITY);
        }
        free(m.tangent);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

static void test_bad_multipliers(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1, 1e308, 0, 1e-320};
    lip_rng rng;
    lip_rng_seed(&rng, 8);
    for (size_t c = 0; c < 4 * cases; ++c) {
        question q;
        leaves_create(&rng, 2, 4, &q);
        box_node node = leaves_root(&q);
        double exact =
                   leaves_all_patterns(&q, &node, leaves_input_ball(&q), leaves_output_ball(&q)),
               bound;
        for (size_t k = 0; k < 7 * 4; ++k) {
            multipliers m = {.tangent = calloc(q.net->units, sizeof(double))};
            leaves_random_multipliers(&rng, &q, 100, &m);
            double *places[] = {&m.one, &m.input[0], &m.dual[0],
                                &m.tangent[q.dense->relus ? q.dense->relu[0] : 0]};
            *places[k / 7] = bad[k % 7];
            lip_text text = {0};
            leaves_prove_with(&q, &node, &m, 1, &bound, &text);
            assert_true(!isnan(bound) && bound >= exact * (1 - 1e-12));
            assert_true(bound == INFINITY || (text.size > 0 && !text.overflown));
            lip_text_clear(&text);
            free(m.tangent);
        }
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

static void test_tighten_points(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 3);
    size_t inside = 0, cut = 0, empties = 0;
    for (size_t c = 0; c < 10 * cases; ++c) {
        question q;
        bool empty, none;
        double x[MOST_INPUTS];
        leaves_create(&rng, 1 + pick(&rng, 3), 5, &q);
        box_node root = leaves_root(&q), node = leaves_root(&q);
        assert_true(
            lip_leaf_tighten(q.net, q.region, root.path, q.linear, 0, root.lo, root.hi, &none));
        assert_false(none);
        memcpy(node.lo, root.lo, q.net->units * sizeof(double));
        memcpy(node.hi, root.hi, q.net->units * sizeof(double));
        leaves_random_path(&rng, &q, &node);
        assert_true(
            lip_leaf_tighten(q.net, q.region, node.path, q.linear, 0, node.lo, node.hi, &empty));
        empties += empty;
        for (size_t u = 0; u < q.net->units; ++u) {
            assert_true(node.lo[u] >= root.lo[u] - 0x1p-1074 && node.hi[u] <= root.hi[u]);
            cut += node.lo[u] > root.lo[u] || node.hi[u] < root.hi[u];
        }
        for (int k = 0; k < 300; ++k) {
            leaves_random_point(&rng, q.region, x);
            double *z = leaves_values(&q, x);
            if (leaves_in_cell(&q, &node, z)) {
                assert_false(empty);
                ++inside;
                for (size_t u = q.dense->inputs; u < q.net->layer[q.net->layers].offset; ++u)
                    assert_true(z[u] >= node.lo[u] - 1e-9 * (1 + fabs(z[u])) &&
                                z[u] <= node.hi[u] + 1e-9 * (1 + fabs(z[u])));
            }
            free(z);
        }
        leaves_clear_node(&root);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu points inside, %zu ranges cut, %zu empty\n", inside, cut, empties);
    assert_true(inside > 100 * cases && cut > cases && empties > 0);
}

static void test_interval_patterns(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 4);
    for (size_t c = 0; c < 10 * cases; ++c) {
        question q;
        double bound;
        lip_text text = {0};
        leaves_create(&rng, pick(&rng, 4), 4, &q);
        box_node node = leaves_root(&q);
        size_t known = pick(&rng, 2);
        leaves_random_path(&rng, &q, &node);
        for (size_t k = 0; known && k < q.dense->relus; ++k)
            node.path[q.dense->relu[k]] = pick(&rng, 2) ? LIP_ACTIVE : LIP_INACTIVE;
        lip_leaf_node seen = leaves_view(&node);
        assert_true(lip_leaf_interval(q.leaf, &seen, &bound, &text));
        assert_true(text.size == strlen("interval\n") && bound < INFINITY);
        double exact = leaves_all_patterns(&q, &node, q.p, leaves_dual(q.q));
        assert_true(bound >= exact * (1 - 1e-12));
        /* with all phases known it is the norm, but for 2 to 2 */
        bool is_norm = known && (q.p != LIP_NORM_2 || q.q != LIP_NORM_2);
        if (is_norm) assert_true(bound <= exact * (1 + 1e-9));
        lip_text_clear(&text);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

static void test_empty_points(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 5);
    size_t sums = 0, spans = 0, deep = 0, inside = 0;
    for (size_t c = 0; c < 20 * cases; ++c) {
        question q;
        bool none;
        double x[MOST_INPUTS];
        lip_text text = {0};
        leaves_create(&rng, 1 + pick(&rng, 3), 3, &q);
        box_node node = leaves_root(&q);
        if (pick(&rng, 2))
            assert_true(
                lip_leaf_tighten(q.net, q.region, node.path, q.linear, 0, node.lo, node.hi, &none));
        for (size_t k = 0; k < q.dense->relus; ++k)
            if (pick(&rng, 4))
                node.path[q.dense->relu[k]] = pick(&rng, 2) ? LIP_ACTIVE : LIP_INACTIVE;
        bool empty = leaves_find_empty(&rng, &q, &node, &text);
        if (empty && text.bytes[6] == 's' && text.bytes[7] == 'u') ++sums;
        if (empty && text.bytes[7] == 'p') ++spans;
        if (empty && text.bytes[7] == 'p' && text.bytes[11] != '0') ++deep;
        for (int k = 0; k < 200; ++k) {
            leaves_random_point(&rng, q.region, x);
            double *z = leaves_values(&q, x);
            bool there = leaves_in_cell(&q, &node, z);
            free(z);
            inside += there;
            assert_false(there && empty);
        }
        lip_text_clear(&text);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu sums, %zu spans, %zu of them behind the input; %zu points inside\n", sums,
                  spans, deep, inside);
    assert_true(sums > cases / 2 && spans > cases / 2 && deep > 0 && inside > cases);
}

/* ---- Slopes ------------------------------------------------------------------------------ */

/* h = max(x, 0); z = x - h + bias, behind a ReLU; f = max(z, 0). */
static lip_network *hinge(double bias) {
    lip_builder *b = lip_builder_create(1, "test");
    lip_network *net;
    lip_error err;
    size_t l1, l2, l3;
    assert_int_equal(lip_builder_layer(b, 1, true, &l1, &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 1, true, &l2, &err), LIP_OK);
    assert_int_equal(lip_builder_layer(b, 1, false, &l3, &err), LIP_OK);
    lip_op *minus = lip_op_identity(1);
    minus->value[0] = -1;
    assert_int_equal(lip_builder_term(b, l1, 0, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, l2, 0, lip_op_identity(1), &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, l2, l1, minus, &err), LIP_OK);
    assert_int_equal(lip_builder_term(b, l3, l2, lip_op_identity(1), &err), LIP_OK);
    lip_builder_bias(b, l2)[0] = bias;
    assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
    lip_builder_free(b);
    return net;
}

/* With slope 1 the upper bound of x - h is 0, with slope 0 it is that of x.  Where lipcheck's slope is not
 * certain, the worse one counts. */
static void test_close_slopes(void **state) {
    (void)state;
    static const struct {
        double hi, most;
    } boxes[] = {{1.5, 0}, {1 + 0x1p-20, 0}, {1 + 0x1p-40, 1},
                 {1, 1},   {1 - 0x1p-40, 1}, {0.5, 0.5}};
    for (size_t k = 0; k < sizeof boxes / sizeof boxes[0]; ++k) {
        double least = -1, lo[4], hi[4], multiplier = 1;
        signed char path[4] = {0, 0, LIP_ACTIVE, 0};
        bool none, empty;
        size_t unit = 2;
        lip_error err;
        lip_output output = {LIP_OUTPUT_ALL, 0, 0};
        lip_leaf_part part = {LIP_SET_BALL, 0, LIP_SET_BALL, 0};
        lip_network *net = hinge(-0.25);
        lip_region *region;
        assert_int_equal(lip_region_box(1, &least, &boxes[k].hi, &region, &err), LIP_OK);
        lip_dense *dense = lip_dense_create(net, &output);
        lip_leaf *leaf = lip_leaf_create(dense, LIP_NORM_2, LIP_NORM_2, &part);
        assert_non_null(leaf);
        const signed char nothing[4] = {0};
        for (size_t u = 0; u < 4; ++u) {
            lo[u] = -INFINITY;
            hi[u] = INFINITY;
        }
        assert_true(lip_leaf_tighten(net, region, nothing, true, 0, lo, hi, &none));
        assert_false(none);
        assert_true(fabs(hi[2] - (boxes[k].most - 0.25)) < 1e-6);
        lip_leaf_node node = {region, path, lo, hi};
        assert_true(lip_leaf_empty(leaf, &node, 1, &unit, &multiplier, &empty, NULL));
        assert_true(empty == (boxes[k].most == 0));
        lip_leaf_free(leaf);
        lip_dense_free(dense);
        lip_region_free(region);
        lip_network_free(net);
    }
}

/* ---- Memory ------------------------------------------------------------------------------ */

typedef struct results {
    double sdp, interval, *lo, *hi;
    bool empty, none;
    lip_text text;
} results;

/* Everything, once; false if memory was short. */
static bool everything(const question *q, const box_node *node, const multipliers *m, size_t count,
                       const size_t *unit, results *r) {
    size_t units = q->net->units;
    double ones[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    lip_leaf_node seen = leaves_view(node);
    lip_dense *dense = lip_dense_create(q->net, &q->output);
    lip_leaf *leaf = dense ? lip_leaf_create(dense, q->p, q->q, &q->part) : NULL;
    memcpy(r->lo, node->lo, units * sizeof(double));
    memcpy(r->hi, node->hi, units * sizeof(double));
    const double *w = q->part.output == LIP_SET_FIXED ? NULL : m->dual;
    bool ok = leaf &&
              lip_leaf_sdp(leaf, &seen, m->one, m->input, w, m->tangent, &r->sdp, &r->text) &&
              lip_leaf_interval(leaf, &seen, &r->interval, &r->text) &&
              lip_leaf_empty(leaf, &seen, count, unit, ones, &r->empty, &r->text) &&
              lip_leaf_tighten(q->net, q->region, node->path, q->linear, 0, r->lo, r->hi, &r->none);
    lip_leaf_free(leaf);
    lip_dense_free(dense);
    return ok;
}

static void fail_all(lip_rng *rng, const question *q, const box_node *node) {
    size_t count = 0, unit[10];
    multipliers m = {.tangent = calloc(q->net->units, sizeof(double))};
    results r = {.lo = calloc(q->net->units, 8), .hi = calloc(q->net->units, 8)};
    leaves_random_multipliers(rng, q, 30, &m);
    for (size_t k = 0; k < q->dense->relus && count < 4; ++k)
        if (node->path[q->dense->relu[k]] != LIP_UNSTABLE) unit[count++] = q->dense->relu[k];
    allocation_begin(0);
    assert_true(everything(q, node, &m, count, unit, &r));
    lip_text_clear(&r.text);
    allocation_count all = allocation_end();
    assert_int_equal(all.live, 0);
    for (long fail_at = 1; fail_at <= all.calls; ++fail_at) {
        results other = {.lo = r.lo, .hi = r.hi};
        allocation_begin(fail_at);
        assert_false(everything(q, node, &m, count, unit, &other));
        lip_text_clear(&other.text);
        assert_int_equal(allocation_end().live, 0);
    }
    free(m.tangent);
    free(r.lo);
    free(r.hi);
}

static void test_every_allocation(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 9);
    for (size_t c = 0; c < 6; ++c) {
        question q;
        leaves_create(&rng, 2, 4, &q);
        box_node node = leaves_root(&q);
        leaves_random_path(&rng, &q, &node);
        fail_all(&rng, &q, &node);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sdp_patterns),    cmocka_unit_test(test_sdp_edge),
        cmocka_unit_test(test_bad_multipliers), cmocka_unit_test(test_interval_patterns),
        cmocka_unit_test(test_tighten_points),  cmocka_unit_test(test_empty_points),
        cmocka_unit_test(test_close_slopes),    cmocka_unit_test(test_every_allocation)};
    if (argc > 1) cases = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
