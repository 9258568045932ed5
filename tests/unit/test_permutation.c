/* Neurons of a layer may be numbered in any way: every upper bound stays the same up to 1e-9, relatively.
 * On chains more is true: the problem that is solved is the same bit for bit.
 *
 *     usage: test_permutation [NETWORKS]     more networks than usual */
#include "chains.h"

#include "relax/chain.h"
#include "relax/lifted_bound.h"

#define MOST_CHANGE 1e-9

static size_t networks = 2400;

/* Depth 1 .. 4; every sixth has weights -1, 0, 1 only. */
static lip_network *next_network(lip_rng *rng, size_t k) {
    lip_network *net = random_chain(rng, 1 + k % 4);
    if (pick(rng, 6) == 0) round_weights(net);
    return net;
}

/* ---- The problem of a chain -------------------------------------------------------------- */

static lip_task task_of(const lip_network *net, const lip_query *query,
                        const lip_settings *settings, lip_result *result) {
    lip_error err;
    lip_task task = {.net = net, .query = query, .settings = settings, .result = result};
    task.watch.deadline = INFINITY;
    assert_int_equal(lip_preactivation_create(net, query->region, true, NULL, &task.bounds, &err),
                     LIP_OK);
    return task;
}

static lip_chain *chain_of(const lip_network *net, const lip_query *query, long column, long row,
                           bool substitute) {
    lip_settings settings;
    char note[160];
    bool memory;
    lip_chain_base *base;
    lip_settings_default(&settings);
    lip_task task = task_of(net, query, &settings, NULL);
    assert_true(lip_chain_base_create(&task, &base, note, sizeof note, &memory));
    lip_chain *chain = lip_chain_part(base, column, row, true, true, substitute);
    assert_non_null(chain);
    lip_chain_base_free(base);
    lip_preactivation_clear(&task.bounds);
    return chain;
}

/* Entries of w are entries of the network: 2^-exponent w_ij = A[neuron of i][neuron of j]. */
static void check_map(const lip_network *net, const lip_query *query, const lip_chain *chain) {
    long sum = 0;
    for (size_t l = 0; l <= chain->hidden; ++l) {
        const lip_chain_layer *layer = &chain->layer[l];
        const lip_op *op = net->layer[layer->network_layer].term[0].op;
        const size_t *col = l ? chain->layer[l - 1].neuron : chain->input;
        assert_int_equal(layer->network_layer, l + 1);
        sum += layer->exponent;
        for (size_t i = 0; i < layer->rows; ++i)
            for (size_t j = 0; j < layer->cols; ++j) {
                size_t row = layer->neuron[i];
                double w;
                if (l < chain->hidden || query->output.kind == LIP_OUTPUT_ALL) {
                    w = op->value[row * op->cols + col[j]];
                } else {
                    assert_int_equal(row, 0);
                    w = op->value[query->output.i * op->cols + col[j]];
                    if (query->output.kind == LIP_OUTPUT_MARGIN)
                        w -= op->value[query->output.j * op->cols + col[j]];
                }
                assert_true(ldexp(layer->w[i * layer->cols + j], -layer->exponent) == w);
            }
    }
    assert_true(chain->exponent == -sum);
}

static void check_same(const lip_chain *a, const lip_chain *b) {
    assert_int_equal(a->hidden, b->hidden);
    assert_true(a->zero == b->zero && a->exponent == b->exponent && a->inexact == b->inexact);
    for (size_t l = 0; l <= a->hidden; ++l) {
        const lip_chain_layer *x = &a->layer[l], *y = &b->layer[l];
        assert_int_equal(x->rows, y->rows);
        assert_int_equal(x->cols, y->cols);
        assert_int_equal(x->unstable, y->unstable);
        assert_int_equal(x->exponent, y->exponent);
        for (size_t k = 0; k < x->rows * x->cols; ++k) assert_true(x->w[k] == y->w[k]);
    }
}

static void test_same_problem(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 901);
    for (size_t k = 0; k < networks; ++k) {
        lip_network *net = next_network(&rng, k);
        size_t **order;
        lip_network *copy = shuffled(&rng, net, &order);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        bool substitute = pick(&rng, 2) == 0;
        long column = pick(&rng, 2) ? (long)pick(&rng, lip_inputs(net)) : LIP_CHAIN_EVERY;
        long rows = (long)lip_output_rows(net, &query.output);
        long row = pick(&rng, 2) ? (long)pick(&rng, (size_t)rows) : LIP_CHAIN_EVERY;
        lip_chain *a = chain_of(net, &query, column, row, substitute);
        lip_chain *b = chain_of(copy, &query, column, row, substitute);
        assert_true(a->column == column && a->row == row && a->substituted == substitute);
        check_map(net, &query, a);
        check_map(copy, &query, b);
        check_same(a, b);
        lip_chain_free(a);
        lip_chain_free(b);
        free_orders(net, order);
        lip_network_free(copy);
        lip_network_free(net);
        lip_region_free(region);
    }
}

/* ---- Bounds ------------------------------------------------------------------------------ */

/* |a - b| relative to the larger one; 0 if both are infinite. */
static double change(double a, double b) {
    return a == b ? 0 : fabs(a - b) / fmax(fabs(a), fabs(b));
}

typedef struct tally {
    size_t compared, changed, exceeded;
    double worst;
} tally;

static void compare(tally *t, double a, double b) {
    double c = change(a, b);
    ++t->compared;
    if (c > 0) ++t->changed;
    if (!(c <= MOST_CHANGE)) ++t->exceeded;
    if (!(c <= t->worst)) t->worst = c;
}

static void print_tally(const char *name, const tally *t) {
    printf("%-10s %zu compared, %zu changed, by %.1e at most; %zu by more than %g\n", name,
           t->compared, t->changed, t->worst, t->exceeded, MOST_CHANGE);
}

static double bound(const lip_network *net, const lip_query *query, const char *method) {
    lip_settings settings;
    lip_result *result;
    lip_error err;
    lip_settings_default(&settings);
    settings.time_limit = 1e6; /* progress ends a run, not the clock */
    assert_int_equal(lip_bound(net, query, method, &settings, NULL, NULL, &result, &err), LIP_OK);
    assert_true(result->step[0].complete);
    double value = result->upper;
    lip_result_free(result);
    return value;
}

static const char *const methods[] = {"product", "interval", "tangent", "shor"};

/* shor takes networks with one hidden layer of neurons only. */
static size_t applicable(const lip_network *net) {
    lip_network_info info;
    lip_network_get_info(net, &info);
    return info.relu_layers == 1 ? 4 : 3;
}

static void test_same_bounds(void **state) {
    (void)state;
    lip_rng rng;
    tally tallies[4] = {0};
    lip_rng_seed(&rng, 902);
    for (size_t k = 0; k < networks; ++k) {
        lip_network *net = next_network(&rng, k);
        size_t **order;
        lip_network *copy = shuffled(&rng, net, &order);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        for (size_t m = 0; m < applicable(net); ++m)
            compare(&tallies[m], bound(net, &query, methods[m]), bound(copy, &query, methods[m]));
        free_orders(net, order);
        lip_network_free(copy);
        lip_network_free(net);
        lip_region_free(region);
    }
    for (size_t m = 0; m < 4; ++m) print_tally(methods[m], &tallies[m]);
    for (size_t m = 0; m < 3; ++m) assert_int_equal(tallies[m].compared, networks);
    assert_true(tallies[3].compared > networks / 5);
    for (size_t m = 0; m < 4; ++m) assert_int_equal(tallies[m].exceeded, 0);
}

/* ---- The general engine ------------------------------------------------------------------ */

static double general_bound(const lip_network *net, const lip_query *query) {
    lip_settings settings;
    lip_result result = {0};
    lip_error err;
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    lip_settings_default(&settings);
    lip_task task = task_of(net, query, &settings, &result);
    assert_int_equal(lip_tangent_general(&task, &step, &err), LIP_OK);
    assert_true(step.complete && isfinite(step.value));
    lip_statement_clear(&task.statement);
    lip_preactivation_clear(&task.bounds);
    return step.value;
}

static void test_same_general_bounds(void **state) {
    (void)state;
    lip_rng rng;
    tally t = {0};
    lip_rng_seed(&rng, 903);
    for (size_t k = 0; k < networks / 8; ++k) {
        lip_network *net = next_network(&rng, k);
        size_t **order;
        lip_network *copy = shuffled(&rng, net, &order);
        lip_region *region = random_region(&rng, lip_inputs(net));
        lip_query query = random_query(&rng, region);
        compare(&t, general_bound(net, &query), general_bound(copy, &query));
        free_orders(net, order);
        lip_network_free(copy);
        lip_network_free(net);
        lip_region_free(region);
    }
    print_tally("general", &t);
    assert_int_equal(t.exceeded, 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_problem),
                                       cmocka_unit_test(test_same_bounds),
                                       cmocka_unit_test(test_same_general_bounds)};
    if (argc > 1) networks = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
