/* Choices by magnitude, against sums over all ways through the network, one by one. */
#include "leaves.h"

#include "bnb/influence.h"

static const signed char *phases; /* by unit */

static size_t layer_of(const lip_dense *dense, size_t unit) {
    size_t l = 0;
    while (l < dense->layers && unit >= dense->layer[l + 1].offset) ++l;
    return l;
}

/* |weight| from a unit of an earlier layer to one of a later one; 0 to outputs that were not asked for. */
static double weight(const lip_dense *dense, size_t from, size_t to) {
    size_t l = layer_of(dense, to), k = layer_of(dense, from);
    const lip_dense_layer *layer = &dense->layer[l];
    double total = 0;
    for (size_t t = 0; t < layer->nterms && to - layer->offset < layer->width; ++t)
        if (layer->term[t].source == k)
            total += fabs(layer->term[t].row[(to - layer->offset) * dense->layer[k].width + from -
                                             dense->layer[k].offset]);
    return total;
}

/* From inputs to a unit, through neurons that are not inactive. */
static double ways_to(const lip_dense *dense, size_t unit) {
    double total = 0;
    if (unit < dense->inputs) return 1;
    for (size_t from = 0; from < dense->layer[layer_of(dense, unit)].offset; ++from)
        if (phases[from] != LIP_INACTIVE && weight(dense, from, unit) > 0)
            total += weight(dense, from, unit) * ways_to(dense, from);
    return total;
}

static double ways_from(const lip_dense *dense, size_t unit) {
    size_t l = layer_of(dense, unit), last = dense->layer[dense->layers].offset;
    double total = 0;
    if (l == dense->layers) return unit - last < dense->rows ? 1 : 0;
    for (size_t to = dense->layer[l + 1].offset; to < dense->units; ++to)
        if (phases[to] != LIP_INACTIVE && weight(dense, unit, to) > 0)
            total += weight(dense, unit, to) * ways_from(dense, to);
    return total;
}

static double score(const lip_dense *dense, size_t relu) {
    size_t unit = dense->relu[relu];
    return phases[unit] == LIP_UNSTABLE ? ways_to(dense, unit) * ways_from(dense, unit) : -1;
}

static void check(const question *q, const signed char *by_unit) {
    const lip_dense *dense = q->dense;
    signed char *phase = calloc(dense->relus + 1, 1);
    double *ahead = calloc(dense->units, 8), *behind = calloc(dense->units, 8), most = -1;
    phases = by_unit;
    for (size_t k = 0; k < dense->relus; ++k) {
        phase[k] = by_unit[dense->relu[k]];
        most = fmax(most, score(dense, k));
    }
    size_t best = lip_influence_neuron(dense, phase, ahead, behind);
    if (most < 0) assert_true(best == SIZE_MAX);
    if (most >= 0) assert_true(best < dense->relus && score(dense, best) >= most * (1 - 1e-12));
    free(phase);
    free(ahead);
    free(behind);
}

static void test_neuron(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 3);
    for (size_t c = 0; c < 200; ++c) {
        question q;
        leaves_create(&rng, 1 + pick(&rng, 3), 5, &q);
        signed char *phase = malloc(q.dense->units);
        memset(phase, LIP_ACTIVE, q.dense->units);
        for (size_t k = 0; k < q.dense->relus; ++k) {
            size_t kind = pick(&rng, c % 10 == 0 ? 2 : 4);
            phase[q.dense->relu[k]] = kind == 0   ? LIP_ACTIVE
                                      : kind == 1 ? LIP_INACTIVE
                                                  : LIP_UNSTABLE;
        }
        check(&q, phase);
        free(phase);
        leaves_clear(&q);
    }
}

/* Wide inputs before narrow ones, and those that undecided neurons see before those that they do not. */
static void test_input(void **state) {
    (void)state;
    double row[] = {1, 1, 0}, lo[] = {-1, -3, -9}, hi[] = {1, 3, 9};
    double out = 1;
    lip_dense_term first = {0, row}, second = {1, &out};
    lip_dense_layer layer[3] = {
        {.width = 3}, {1, 3, true, 1, &first, NULL}, {1, 4, false, 1, &second, NULL}};
    lip_dense dense = {.layers = 2, .inputs = 3, .rows = 1, .units = 5, .layer = layer};
    signed char path[5] = {0};
    double ranges[2][5] = {{0, 0, 0, -4, 0}, {0, 0, 0, 4, 0}};
    lip_region *region = NULL;
    assert_int_equal(lip_region_box(3, lo, hi, &region, NULL), LIP_OK);
    for (size_t u = 0; u < 5; ++u) path[u] = LIP_UNSTABLE;
    lip_leaf_node view = {region, path, ranges[0], ranges[1]};
    assert_int_equal(lip_influence_input(&dense, &view), 1);
    ranges[0][3] = 1; /* now it is decided, and only widths count */
    assert_int_equal(lip_influence_input(&dense, &view), 2);
    lip_region_free(region);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_neuron), cmocka_unit_test(test_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
