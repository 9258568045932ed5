/* The tangent relaxation on chains: every bound is above what enumeration of all activation patterns,
 * or sampling, finds; bad multipliers, interruption and rounding modes change nothing about that. */
#include "chains.h"

#include "relax/chain.h"
#include "relax/chain_envelope.h"

#include <fenv.h>

/* ---- Norms of small matrices by enumeration ------------------------------------------------ */

static double vector_norm(size_t n, const double *v, lip_norm p) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; ++i) {
        sum += p == LIP_NORM_2 ? v[i] * v[i] : fabs(v[i]);
        most = fmax(most, fabs(v[i]));
    }
    return p == LIP_NORM_INF ? most : p == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* max over the corners x of the unit cube of ||J x||_q, or of ||J'x|| for the transpose. */
static double over_corners(size_t m, size_t n, const double *j, bool transpose, lip_norm q) {
    size_t in = transpose ? m : n, out = transpose ? n : m;
    double best = 0, y[64];
    for (size_t corner = 0; corner < (size_t)1 << in; ++corner) {
        for (size_t r = 0; r < out; ++r) {
            y[r] = 0;
            for (size_t c = 0; c < in; ++c)
                y[r] += (corner >> c & 1 ? 1 : -1) * (transpose ? j[c * n + r] : j[r * n + c]);
        }
        best = fmax(best, vector_norm(out, y, q));
    }
    return best;
}

static double spectral(size_t m, size_t n, const double *j) {
    double v[64], u[64], norm = 0;
    for (size_t c = 0; c < n; ++c) v[c] = 1 + 0.3 * sin(3.0 * (double)c);
    for (int step = 0; step < 300; ++step) {
        double length = vector_norm(n, v, LIP_NORM_2);
        if (length == 0) return norm;
        for (size_t r = 0; r < m; ++r) {
            u[r] = 0;
            for (size_t c = 0; c < n; ++c) u[r] += j[r * n + c] * v[c] / length;
        }
        norm = fmax(norm, vector_norm(m, u, LIP_NORM_2));
        for (size_t c = 0; c < n; ++c) {
            v[c] = 0;
            for (size_t r = 0; r < m; ++r) v[c] += j[r * n + c] * u[r];
        }
    }
    return norm;
}

static double matrix_norm(size_t m, size_t n, const double *j, lip_norm p, lip_norm q) {
    double best = 0, column[64];
    if (p == LIP_NORM_1) {
        for (size_t c = 0; c < n; ++c) {
            for (size_t r = 0; r < m; ++r) column[r] = j[r * n + c];
            best = fmax(best, vector_norm(m, column, q));
        }
        return best;
    }
    if (p == LIP_NORM_INF) return over_corners(m, n, j, false, q);
    if (q == LIP_NORM_1) return over_corners(m, n, j, true, LIP_NORM_2);
    for (size_t r = 0; q == LIP_NORM_INF && r < m; ++r)
        best = fmax(best, vector_norm(n, j + r * n, LIP_NORM_2));
    return q == LIP_NORM_2 ? spectral(m, n, j) : best;
}

enum { MOST_PATTERNS = 1 << 11 };

/* ---- The formal constant ----------------------------------------------------------------- */

static size_t find_unstable(const lip_task *task, size_t *unit) {
    size_t count = 0;
    for (size_t l = 1; l <= task->net->layers; ++l) {
        const lip_layer *layer = &task->net->layer[l];
        for (size_t i = 0; layer->relu && i < layer->width; ++i)
            if (lip_preactivation_phase(&task->bounds, layer->offset + i) == LIP_UNSTABLE)
                unit[count++] = layer->offset + i;
    }
    return count;
}

static double pattern_norm(const lip_task *task, const double *d, const lip_query *query) {
    size_t n = lip_inputs(task->net), k = lip_output_rows(task->net, &query->output);
    double *g = calloc(task->net->units * k, sizeof *g), j[64];
    lip_output_block(task->net, &query->output, g + task->net->layer[task->net->layers].offset * k);
    lip_reverse(task->net, k, d, g);
    for (size_t r = 0; r < k; ++r)
        for (size_t c = 0; c < n; ++c) j[r * n + c] = g[c * k + r];
    double norm = matrix_norm(k, n, j, query->norm_in, query->norm_out);
    free(g);
    return norm;
}

/* The largest norm over all (or, if there are too many, many random) patterns of unstable neurons. */
static double formal_constant(const lip_task *task, const lip_query *query, lip_rng *rng) {
    size_t units = task->net->units, unstable[64], count = find_unstable(task, unstable);
    double *d = calloc(units, sizeof *d), *hi = calloc(units, sizeof *hi), best = 0;
    size_t patterns = (size_t)1 << count;
    bool all = patterns <= MOST_PATTERNS;
    lip_preactivation_derivatives(task->net, &task->bounds, hi, d);
    for (size_t p = 0; p < (all ? patterns : 200); ++p) {
        size_t bits = all ? p : (size_t)lip_rng_next(rng);
        for (size_t i = 0; i < count; ++i) d[unstable[i]] = (double)(bits >> i & 1);
        best = fmax(best, pattern_norm(task, d, query));
    }
    free(d);
    free(hi);
    return best;
}

/* ---- Running the method ------------------------------------------------------------------ */

typedef struct scene {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_settings settings;
    lip_task task;
} scene;

static void scene_create(lip_rng *rng, lip_network *net, scene *s) {
    lip_error err;
    memset(s, 0, sizeof *s);
    s->net = net;
    s->region = random_region(rng, lip_inputs(net));
    lip_settings_default(&s->settings);
    s->query.region = s->region;
    s->task = (lip_task){.net = net, .query = &s->query, .settings = &s->settings};
    s->task.watch.deadline = INFINITY;
    assert_int_equal(lip_preactivation_create(net, s->region, true, NULL, &s->task.bounds, &err),
                     LIP_OK);
}

static void scene_clear(scene *s) {
    lip_preactivation_clear(&s->task.bounds);
    lip_region_free(s->region);
    lip_network_free(s->net);
}

static lip_step run(scene *s) {
    lip_step step = {.value = INFINITY};
    lip_error err;
    bool chain;
    assert_int_equal(lip_tangent_chain(&s->task, &step, &chain, &err), LIP_OK);
    if (!chain) assert_int_equal(lip_tangent_method(&s->task, &step, &err), LIP_OK);
    lip_statement_clear(&s->task.statement);
    return step;
}

/* The oracle is floating point: it may exceed the exact formal constant by a few roundings. */
static void assert_above(double bound, double found) { assert_true(bound >= found * (1 - 1e-12)); }

static void test_bound_is_above_enumeration(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 801);
    double ratio = 0;
    int count = 0;
    for (int i = 0; i < 2000; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        lip_step step = run(&s);
        double formal = formal_constant(&s.task, &s.query, &rng);
        assert_true(step.complete && isfinite(step.value));
        assert_above(step.value, formal);
        if (formal == 0) assert_true(step.value < 1e-9);
        if (formal > 1e-6) {
            ratio += step.value / formal;
            ++count;
        }
        scene_clear(&s);
    }
    if (!(ratio / count < 1.1)) fail_msg("mean ratio to the formal constant is %g", ratio / count);
}

static void test_every_rounding_mode(void **state) {
    (void)state;
    const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
    lip_rng rng;
    lip_rng_seed(&rng, 802);
    for (int i = 0; i < 120; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        fesetround(modes[i % 4]);
        lip_step step = run(&s);
        fesetround(FE_TONEAREST);
        assert_above(step.value, formal_constant(&s.task, &s.query, &rng));
        scene_clear(&s);
    }
}

/* Without neurons the relaxation is exact for 2 -> 2. */
static void test_single_matrix(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 803);
    for (int i = 0; i < 40; ++i) {
        lip_builder *b = lip_builder_create(3, "test");
        lip_network *net = NULL;
        lip_error err;
        size_t l;
        lip_op *op = random_dense(&rng, CHAIN_OUTPUTS, 3);
        double exact = spectral(CHAIN_OUTPUTS, 3, op->value);
        assert_int_equal(lip_builder_layer(b, CHAIN_OUTPUTS, false, &l, &err), LIP_OK);
        assert_int_equal(lip_builder_term(b, l, 0, op, &err), LIP_OK);
        assert_int_equal(lip_builder_finish(b, &net, &err), LIP_OK);
        lip_builder_free(b);
        scene s;
        scene_create(&rng, net, &s);
        s.query = (lip_query){LIP_NORM_2, LIP_NORM_2, {LIP_OUTPUT_ALL, 0, 0}, s.region, NULL};
        double value = run(&s).value;
        assert_above(value, exact);
        assert_true(value <= exact * (1 + 1e-6));
        scene_clear(&s);
    }
}

static void test_doubling_is_exact(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 804);
    for (int i = 0; i < 60; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        double once = run(&s).value, factor = i % 2 ? 2 : 0x1p-40;
        lip_op *last = s.net->layer[s.net->layers].term[0].op;
        for (size_t k = 0; k < last->nvalues; ++k) last->value[k] *= factor;
        assert_true(run(&s).value == factor * once);
        scene_clear(&s);
    }
}

/* ---- Bad multipliers --------------------------------------------------------------------- */

static double garbage(lip_rng *rng, double x) {
    const double bad[] = {0, -1, NAN, INFINITY, 1e300, 1e-300, -INFINITY};
    switch (pick(rng, 4)) {
    case 0: return bad[pick(rng, 7)];
    case 1: return exp(20 * lip_rng_gaussian(rng));
    case 2: return x * (1 + 0.1 * lip_rng_gaussian(rng));
    default: return x;
    }
}

static void test_any_multipliers_give_a_bound(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 805);
    size_t finite = 0, tried = 0;
    for (int i = 0; i < 300; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        s.query.norm_in = pick(&rng, 2) ? LIP_NORM_2 : LIP_NORM_INF;
        if (s.query.norm_out == LIP_NORM_INF) s.query.norm_out = LIP_NORM_1;
        lip_chain_base *base;
        char note[160];
        bool memory;
        assert_true(lip_chain_base_create(&s.task, &base, note, sizeof note, &memory));
        lip_chain *chain =
            lip_chain_part(base, LIP_CHAIN_EVERY, LIP_CHAIN_EVERY, s.query.norm_in == LIP_NORM_2,
                           s.query.norm_out == LIP_NORM_2, pick(&rng, 2) == 0);
        if (!chain->zero) {
            lip_chain_work *work = lip_chain_work_create(chain);
            lip_chain_dual dual;
            double bound, eta, *x = calloc(lip_chain_coordinates(chain) + 1, sizeof *x);
            assert_true(lip_chain_dual_create(chain, &dual));
            if (lip_chain_start(work, x)) lip_chain_multipliers(work, x, &dual);
            size_t all =
                lip_chain_inputs(chain) + lip_chain_unstable(chain) + lip_chain_outputs(chain);
            for (size_t k = 0; k < all; ++k) dual.tau[k] = garbage(&rng, dual.tau[k]);
            assert_true(lip_chain_prove(work, &dual, &eta, &bound));
            assert_above(bound, formal_constant(&s.task, &s.query, &rng));
            finite += isfinite(bound) ? 1 : 0;
            ++tried;
            lip_chain_dual_clear(&dual);
            lip_chain_work_free(work);
            free(x);
        }
        lip_chain_free(chain);
        lip_chain_base_free(base);
        scene_clear(&s);
    }
    assert_true(finite * 10 >= tried * 9); /* repair is not an excuse for giving up */
}

/* ---- The objective ----------------------------------------------------------------------- */

static void check_gradient(lip_rng *rng, const lip_chain *chain, double power, double barrier) {
    size_t n = lip_chain_coordinates(chain);
    lip_chain_work *work = lip_chain_work_create(chain);
    double *x = calloc(n + 1, sizeof *x), *g = calloc(n + 1, sizeof *g), value;
    assert_true(lip_chain_start(work, x));
    for (size_t i = 0; i < n; ++i) x[i] -= 0.1 * lip_rng_uniform(rng);
    double f = lip_chain_objective(work, x, power, barrier, &value, g), largest = 1e-3;
    assert_true(isfinite(f) && value > 0);
    for (size_t i = 0; i < n; ++i) largest = fmax(largest, fabs(g[i]));
    for (size_t i = 0; i < n; ++i) {
        double h = 1e-5, old = x[i];
        x[i] = old + h;
        double up = lip_chain_objective(work, x, power, barrier, &value, NULL);
        x[i] = old - h;
        double down = lip_chain_objective(work, x, power, barrier, &value, NULL);
        x[i] = old;
        assert_true(fabs((up - down) / (2 * h) - g[i]) <= 1e-5 * largest);
    }
    free(x);
    free(g);
    lip_chain_work_free(work);
}

static void test_gradient_by_differences(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 806);
    int checked = 0;
    for (int i = 0; i < 150; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        lip_chain_base *base;
        char note[160];
        bool memory;
        assert_true(lip_chain_base_create(&s.task, &base, note, sizeof note, &memory));
        lip_chain *chain = lip_chain_part(base, LIP_CHAIN_EVERY, LIP_CHAIN_EVERY, i % 2 == 0,
                                          i % 4 < 2, i % 3 != 0);
        if (!chain->zero) {
            check_gradient(&rng, chain, i % 5 == 0 ? 1 : 6, i % 3 == 1 ? 0 : 0.03);
            ++checked;
        }
        lip_chain_free(chain);
        lip_chain_base_free(base);
        scene_clear(&s);
    }
    assert_true(checked > 75);
}

/* ---- Interruption ------------------------------------------------------------------------ */

typedef struct stopper {
    int calls, stop_at;
} stopper;
static bool stop_soon(const lip_progress *progress, void *user) {
    (void)progress;
    stopper *s = user;
    return ++s->calls >= s->stop_at;
}

static void test_interruption_keeps_a_bound(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 807);
    for (int i = 0; i < 40; ++i) {
        scene s;
        scene_create(&rng, random_chain(&rng, pick(&rng, 5)), &s);
        s.query = random_query(&rng, s.region);
        double formal = formal_constant(&s.task, &s.query, &rng);
        for (int k = 1; k < 60; k += 1 + k / 3) {
            stopper user = {0, k};
            s.task.watch = (lip_watch){.deadline = INFINITY, .progress = stop_soon, .user = &user};
            assert_above(run(&s).value, formal);
        }
        scene_clear(&s);
    }
}

/* What is no chain goes to the dense lifted problem. */
static void test_other_graphs_are_bounded_too(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 808);
    int graphs = 0;
    for (int i = 0; i < 20; ++i) {
        scene s;
        scene_create(&rng, random_network(&rng, 3, 3, 5, CHAIN_OUTPUTS), &s);
        lip_network_info info;
        lip_network_get_info(s.task.net, &info);
        if (!info.chain) ++graphs;
        s.query = random_query(&rng, s.region);
        lip_step step = run(&s);
        assert_true(step.complete && isfinite(step.value));
        assert_above(step.value, formal_constant(&s.task, &s.query, &rng));
        scene_clear(&s);
    }
    assert_true(graphs > 3);
}

/* ---- The envelope ------------------------------------------------------------------------ */

/* A block tridiagonal Gram matrix of small integers: G_b couples block b with the one before, and the
 * last column of the last block repeats another one, so that it is singular.  Plus `shift` I: exact. */
static lip_envelope *integer_gram(lip_rng *rng, double shift) {
    size_t size[4], first[4];
    for (size_t b = 0; b < 4; ++b) {
        size[b] = 2 + pick(rng, 40);
        first[b] = b ? b - 1 : 0;
    }
    lip_envelope *m = lip_envelope_create(4, size, first);
    assert_non_null(m);
    for (size_t b = 0; b < 4; ++b) { /* add H'H, H random over blocks b - 1 and b */
        size_t from = m->offset[first[b]], length = lip_envelope_length(m, b), rows = length + 3;
        double *h = calloc(rows * length, sizeof *h);
        for (size_t k = 0; k < rows * length; ++k) h[k] = (double)pick(rng, 5) - 2;
        for (size_t r = 0; b == 3 && r < rows; ++r)
            h[r * length + length - 1] = h[r * length + length - 2];
        for (size_t c = b ? b - 1 : 0; c <= b; ++c)
            for (size_t i = 0; i < size[c]; ++i)
                for (size_t j = 0; j < lip_envelope_length(m, c); ++j) {
                    size_t column = m->offset[first[c]] + j, row = m->offset[c] + i;
                    if (column < from) continue;
                    for (size_t r = 0; r < rows; ++r)
                        m->row[c][i * lip_envelope_length(m, c) + j] +=
                            h[r * length + row - from] * h[r * length + column - from];
                }
        free(h);
    }
    for (size_t b = 0; b < 4; ++b)
        for (size_t i = 0; i < size[b]; ++i) {
            size_t length = lip_envelope_length(m, b);
            m->row[b][i * length + length - size[b] + i] += shift;
        }
    return m;
}

static void test_envelope_proves_only_what_holds(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 809);
    for (int i = 0; i < 60; ++i) {
        const double shift[] = {-0x1p-30, -0x1p-42, 0x1p-18};
        lip_envelope *m = integer_gram(&rng, shift[i % 3]);
        assert_true(lip_envelope_prove(m, 0) == (i % 3 == 2));
        lip_envelope_free(m);
        m = integer_gram(&rng, 0x1p-18); /* a radius beyond the smallest eigenvalue */
        assert_false(lip_envelope_prove(m, 0x1p-17));
        lip_envelope_free(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bound_is_above_enumeration),
                                       cmocka_unit_test(test_every_rounding_mode),
                                       cmocka_unit_test(test_single_matrix),
                                       cmocka_unit_test(test_doubling_is_exact),
                                       cmocka_unit_test(test_any_multipliers_give_a_bound),
                                       cmocka_unit_test(test_gradient_by_differences),
                                       cmocka_unit_test(test_interruption_keeps_a_bound),
                                       cmocka_unit_test(test_other_graphs_are_bounded_too),
                                       cmocka_unit_test(test_envelope_proves_only_what_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
