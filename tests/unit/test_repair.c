/* lip_repair against the formal constant by enumeration: whatever the multipliers, the bound is never
 * below it; with good ones it is tight. */
#include "support.h"

#include "cert/repair.h"
#include "cert/slack.h"
#include "linalg/norms.h"
#include "region/region.h"

#include <lapacke.h>

/* ---- The formal constant ----------------------------------------------------------------- */

static double norm_of(size_t n, const double *v, lip_norm p) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; ++i) {
        sum += p == LIP_NORM_1 ? fabs(v[i]) : v[i] * v[i];
        most = fmax(most, fabs(v[i]));
    }
    return p == LIP_NORM_INF ? most : p == LIP_NORM_1 ? sum : sqrt(sum);
}

/* max |J t|_q over |t|_p <= 1 for a rows x cols matrix, by vertices where there are any. */
static double operator_norm(size_t rows, size_t cols, const double *j, lip_norm p, lip_norm q) {
    double best = 0, v[16] = {0}, work[256];
    if (p == LIP_NORM_1) {
        for (size_t c = 0; c < cols; ++c) {
            for (size_t r = 0; r < rows; ++r) v[r] = j[r * cols + c];
            best = fmax(best, norm_of(rows, v, q));
        }
    } else if (q == LIP_NORM_INF || rows == 1) {
        for (size_t r = 0; r < rows; ++r)
            best = fmax(best, norm_of(cols, j + r * cols, lip_norm_dual(p)));
    } else if (p == LIP_NORM_INF) {
        for (size_t s = 0; s < (size_t)1 << cols; ++s) {
            for (size_t r = 0; r < rows; ++r) {
                v[r] = 0;
                for (size_t c = 0; c < cols; ++c) v[r] += (s >> c & 1 ? 1 : -1) * j[r * cols + c];
            }
            best = fmax(best, norm_of(rows, v, q));
        }
    } else if (q == LIP_NORM_1) { /* 2 -> 1: signs of the outputs */
        for (size_t s = 0; s < (size_t)1 << rows; ++s) {
            for (size_t c = 0; c < cols; ++c) {
                v[c] = 0;
                for (size_t r = 0; r < rows; ++r) v[c] += (s >> r & 1 ? 1 : -1) * j[r * cols + c];
            }
            best = fmax(best, norm_of(cols, v, LIP_NORM_2));
        }
    } else {
        double values[16], super[16];
        memcpy(work, j, rows * cols * sizeof *work);
        assert_int_equal(LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'N', 'N', (int)rows, (int)cols, work,
                                        (int)cols, values, NULL, 1, NULL, 1, super),
                         0);
        best = values[0];
    }
    return best;
}

/* J of one pattern, selected rows. */
static size_t jacobian_of(const lip_network *net, const lip_output *output, const double *d,
                          double *j) {
    size_t n = lip_inputs(net), k = lip_output_rows(net, output);
    double *g = calloc(net->units * k, sizeof *g);
    lip_output_block(net, output, g + net->layer[net->layers].offset * k);
    lip_reverse(net, k, d, g);
    for (size_t r = 0; r < k; ++r)
        for (size_t i = 0; i < n; ++i) j[r * n + i] = g[i * k + r];
    free(g);
    return k;
}

enum { MOST_UNSTABLE = 9 };

/* -1 if there are too many unstable neurons. */
static double formal_constant(const lip_network *net, const lip_preactivation *bounds,
                              const lip_query *query) {
    size_t unstable[MOST_UNSTABLE], count = 0;
    double *dlo = calloc(2 * net->units, sizeof *dlo), *dhi = dlo + net->units, j[256], best = -1;
    lip_preactivation_derivatives(net, bounds, dlo, dhi);
    for (size_t u = lip_inputs(net); u < net->units && count <= MOST_UNSTABLE; ++u)
        if (dlo[u] != dhi[u]) {
            if (count < MOST_UNSTABLE) unstable[count] = u;
            ++count;
        }
    for (size_t pattern = 0; count <= MOST_UNSTABLE && pattern < (size_t)1 << count; ++pattern) {
        for (size_t k = 0; k < count; ++k) dlo[unstable[k]] = (double)(pattern >> k & 1);
        size_t rows = jacobian_of(net, &query->output, dlo, j);
        best = fmax(best, operator_norm(rows, lip_inputs(net), j, query->norm_in,
                                        rows > 1 ? query->norm_out : LIP_NORM_INF));
    }
    free(dlo);
    return best;
}

/* ---- Questions --------------------------------------------------------------------------- */

typedef struct case_data {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_preactivation bounds;
    double formal;
} case_data;

static void random_case(lip_rng *rng, case_data *c) {
    lip_error err;
    do {
        size_t n = 1 + pick(rng, 4), m = 1 + pick(rng, 3);
        double centre[4];
        for (size_t i = 0; i < n; ++i) centre[i] = lip_rng_gaussian(rng);
        c->net = random_network(rng, n, 1 + pick(rng, 3), 5, m);
        assert_int_equal(pick(rng, 2) ? lip_region_everywhere(n, &c->region, &err)
                                      : lip_region_box_around(n, centre, 0.5, -INFINITY, INFINITY,
                                                              &c->region, &err),
                         LIP_OK);
        c->query = (lip_query){(lip_norm)(1 + pick(rng, 3)),
                               (lip_norm)(1 + pick(rng, 3)),
                               {m > 1 && pick(rng, 2) ? LIP_OUTPUT_MARGIN : LIP_OUTPUT_ALL, 0, 1},
                               c->region,
                               NULL};
        assert_int_equal(lip_preactivation_create(c->net, c->region, true, NULL, &c->bounds, &err),
                         LIP_OK);
        c->formal = formal_constant(c->net, &c->bounds, &c->query);
        if (c->formal >= 0) return;
        lip_preactivation_clear(&c->bounds);
        lip_region_free(c->region);
        lip_network_free(c->net);
    } while (true);
}

static void clear(case_data *c) {
    lip_preactivation_clear(&c->bounds);
    lip_region_free(c->region);
    lip_network_free(c->net);
}

/* ---- Multipliers ------------------------------------------------------------------------- */

static double nonsense(lip_rng *rng) {
    static const double odd[] = {NAN,    INFINITY, -INFINITY, 1e300, -1e300,
                                 1e-300, -1,       0,         1e30,  5e-324};
    return pick(rng, 3) ? lip_rng_gaussian(rng) : odd[pick(rng, sizeof odd / sizeof *odd)];
}

typedef enum kind { ZERO, RANDOM, HUGE_ONES, NONSENSE, KINDS } kind;

static void fill(lip_rng *rng, kind k, size_t n, double *v) {
    for (size_t i = 0; i < n; ++i)
        v[i] = k == ZERO        ? 0
               : k == RANDOM    ? 0.3 * lip_rng_gaussian(rng)
               : k == HUGE_ONES ? ldexp(lip_rng_gaussian(rng), (int)pick(rng, 60))
                                : nonsense(rng);
}

static double repaired(const lip_lifted *lifted, const lip_repair_options *options,
                       lip_multipliers *m) {
    double bound = NAN;
    lip_error err;
    assert_int_equal(lip_repair(lifted, m, options, &bound, &err), LIP_OK);
    return bound;
}

/* The largest bound over the parts, from one kind of multipliers. */
static double bound_of(lip_rng *rng, const case_data *c, kind k, bool phases, size_t steps) {
    double most = 0;
    lip_error err;
    for (size_t part = 0; part < lip_lifted_parts(c->net, &c->query); ++part) {
        lip_lifted_options options = {part, phases, 0, 100, phases && pick(rng, 2)};
        lip_repair_options repair = {steps, 1e-9, NULL};
        lip_lifted *lifted;
        assert_int_equal(lip_lifted_create(c->net, &c->bounds, &c->query, &options, &lifted, &err),
                         LIP_OK);
        lip_multipliers m = {calloc(lifted->groups, sizeof(double)),
                             calloc(lip_family_multipliers(lifted) + 1, sizeof(double))};
        fill(rng, k, lifted->groups, m.y);
        fill(rng, k, lip_family_multipliers(lifted), m.lambda);
        double bound = repaired(lifted, &repair, &m);
        most = fmax(most, bound);
        /* what comes back proves the same bound again */
        lip_repair_options again = {0, 1e-9, NULL};
        assert_true(repaired(lifted, &again, &m) == bound);
        free(m.y);
        free(m.lambda);
        lip_lifted_free(lifted);
    }
    return most;
}

static void test_never_below_the_formal_constant(void **state) {
    (void)state;
    lip_rng rng;
    size_t finite[KINDS] = {0}, cases = 400;
    lip_rng_seed(&rng, 311);
    for (size_t i = 0; i < cases; ++i) {
        case_data c;
        random_case(&rng, &c);
        for (int k = 0; k < KINDS; ++k) {
            double bound = bound_of(&rng, &c, (kind)k, pick(&rng, 2), pick(&rng, 2) ? 20 : 0);
            assert_true(bound >= c.formal * (1 - 1e-13));
            if (isfinite(bound)) ++finite[k];
        }
        clear(&c);
    }
    for (int k = 0; k < KINDS; ++k) assert_true(finite[k] == cases);
}

/* ---- The slack matrix -------------------------------------------------------------------- */

/* For any p, true or not:  p'S p = sum y G_g(p) - f(p) - sum lambda_k g_k(p). */
static void check_identity(lip_rng *rng, const lip_lifted *lifted) {
    size_t n = lifted->n, count = lip_family_multipliers(lifted);
    double *y = calloc(lifted->groups, sizeof *y), *lambda = calloc(count + 1, sizeof *lambda);
    double *p = calloc(n, sizeof *p), form = 0, size = 0;
    lip_product *list = calloc(lip_family_most_products(lifted), sizeof *list);
    lip_slack slack;
    fill(rng, RANDOM, lifted->groups, y);
    for (size_t k = 0; k < count; ++k) lambda[k] = lip_rng_uniform(rng);
    for (size_t i = 0; i < n; ++i) p[i] = uniform(rng, -1, 1);
    assert_true(lip_slack_create(lifted, &slack) && lip_slack_assemble(&slack, lambda));
    lip_slack_matrix(&slack, y);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j)
            form += (i == j ? 1 : 2) * slack.work[i * n + j] * p[i] * p[j];
    double expected = -lip_products_value(lifted->products, lifted->objective, p);
    for (size_t i = 0; i < n; ++i) {
        expected += y[lifted->variable[i].group] * p[i] * p[i];
        size += fabs(y[lifted->variable[i].group]) + slack.radius[i];
        assert_true(slack.radius[i] < 1e-12);
    }
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k) {
            size_t terms = lip_family_products(lifted, (lip_family)f, k, list);
            expected -= lambda[lip_family_place(lifted, (lip_family)f, k)] *
                        lip_products_value(terms, list, p);
            size += 4;
        }
    assert_true(fabs(form - expected) <= 1e-13 * (1 + size));
    /* multipliers of the wrong sign are refused below lip_repair too */
    if (lifted->neurons > 0) {
        lambda[pick(rng, lifted->neurons)] = -0.1;
        assert_false(lip_slack_assemble(&slack, lambda));
    }
    memset(lambda, 0, count * sizeof *lambda);
    for (size_t g = 0; g < lifted->groups; ++g) y[g] = 100;
    if (lifted->neurons > 0) {
        double *of_v = &y[lifted->variable[lifted->neuron[0].v].group];
        lambda[0] = 1; /* S_vv is positive although y is not */
        *of_v = -0.5;
        assert_true(lip_slack_assemble(&slack, lambda));
        assert_true(lip_slack_prove(&slack, y) == INFINITY);
        *of_v = 0;
        assert_true(lip_slack_prove(&slack, y) < INFINITY);
    }
    lip_slack_clear(&slack);
    free(list);
    free(p);
    free(y);
    free(lambda);
}

static void test_slack_matrix_is_the_identity(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 313);
    for (int i = 0; i < 300; ++i) {
        case_data c;
        lip_lifted *lifted;
        random_case(&rng, &c);
        lip_lifted_options options = {0, pick(&rng, 2), 0, 100, false};
        options.region = options.phases && pick(&rng, 2);
        assert_int_equal(lip_lifted_create(c.net, &c.bounds, &c.query, &options, &lifted, &err),
                         LIP_OK);
        check_identity(&rng, lifted);
        lip_lifted_free(lifted);
        clear(&c);
    }
}

/* ---- Tightness --------------------------------------------------------------------------- */

/* Maximise sum F_ij <v_i, v_j> over unit vectors, row by row; groups of one variable only.  A feasible
 * value of the relaxation without families, so a lower bound on what can be proved. */
static double mixing(const lip_lifted *lifted) {
    enum { RANK = 30 };
    size_t n = lifted->n;
    double *v = calloc(n * RANK, sizeof *v), *f = calloc(n * n, sizeof *f), g[RANK], value = 0;
    lip_rng rng;
    lip_rng_seed(&rng, 7);
    for (size_t i = 0; i < n * RANK; ++i) v[i] = lip_rng_gaussian(&rng);
    for (size_t k = 0; k < lifted->products; ++k) {
        const lip_product *p = &lifted->objective[k];
        f[p->i * n + p->j] += p->value / 2;
        f[p->j * n + p->i] += p->value / 2;
    }
    for (int sweep = 0; sweep < 20000; ++sweep) {
        value = 0;
        for (size_t i = 0; i < n; ++i) {
            double norm = 0;
            memset(g, 0, sizeof g);
            for (size_t j = 0; j < n; ++j)
                for (size_t k = 0; j != i && f[i * n + j] != 0 && k < RANK; ++k)
                    g[k] += f[i * n + j] * v[j * RANK + k];
            for (size_t k = 0; k < RANK; ++k) norm += g[k] * g[k];
            norm = sqrt(norm);
            value += norm;
            for (size_t k = 0; norm > 0 && k < RANK; ++k) v[i * RANK + k] = g[k] / norm;
        }
    }
    free(v);
    free(f);
    return ldexp(value, lifted->exponent);
}

/* One hidden layer, p = inf: no families, so y alone is the dual, and from y = 0 the optimum is found. */
static void test_newton_finds_the_optimum(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 312);
    for (int i = 0; i < 8; ++i) {
        size_t n = 5, width[] = {n, 10, 1};
        double a[50], c[10], bias[10];
        for (size_t k = 0; k < 50; ++k) a[k] = lip_rng_gaussian(&rng);
        for (size_t k = 0; k < 10; ++k) c[k] = lip_rng_gaussian(&rng), bias[k] = 0;
        const double *weights[] = {a, c}, *biases[] = {bias, NULL};
        case_data d;
        assert_int_equal(lip_network_create_dense(2, width, weights, biases, &d.net, &err), LIP_OK);
        assert_int_equal(lip_region_everywhere(n, &d.region, &err), LIP_OK);
        d.query = (lip_query){LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, d.region, NULL};
        assert_int_equal(lip_preactivation_create(d.net, d.region, true, NULL, &d.bounds, &err),
                         LIP_OK);
        lip_lifted_options options = {0, false, 0, 100, false};
        lip_repair_options repair = {60, 1e-10, NULL};
        lip_lifted *lifted;
        assert_int_equal(lip_lifted_create(d.net, &d.bounds, &d.query, &options, &lifted, &err),
                         LIP_OK);
        assert_int_equal(lifted->n, 1 + n + 10);
        lip_multipliers m = {calloc(lifted->groups, sizeof(double)), calloc(1, sizeof(double))};
        double bound = repaired(lifted, &repair, &m), primal = mixing(lifted);
        assert_true(bound >= primal * (1 - 1e-13));
        assert_true(bound <= primal * (1 + 1e-8));
        /* perturbed: worse, never wrong; repaired by Newton: as good again */
        for (size_t g = 0; g < lifted->groups; ++g) m.y[g] *= 1 + 0.3 * lip_rng_gaussian(&rng);
        lip_repair_options none = {0, 1e-10, NULL};
        double loose = repaired(lifted, &none, &m), tight = repaired(lifted, &repair, &m);
        assert_true(loose >= primal && tight >= primal * (1 - 1e-13) &&
                    tight <= primal * (1 + 1e-8));
        free(m.y);
        free(m.lambda);
        lip_lifted_free(lifted);
        clear(&d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_never_below_the_formal_constant),
                                       cmocka_unit_test(test_slack_matrix_is_the_identity),
                                       cmocka_unit_test(test_newton_finds_the_optimum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
