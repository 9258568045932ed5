/* Moment relaxations: identities against true points, hierarchies against each other, against
 * another engine and against enumeration.  Their proofs, refusals and memory: test_moment_proofs.c. */
#include "moments.h"

#include "base/memory.h"
#include "region/region.h"
#include "relax/lifted_bound.h"
#include "relax/moment_bound.h"

/* ---- True points ------------------------------------------------------------------------- */

/* A true point of the problem, for one row and the cube. */
static void true_point(lip_rng *rng, const lip_poly_problem *q, const lip_region *region,
                       double *point) {
    const lip_network *net = q->net;
    double h[256], z[256], x[16];
    for (size_t j = 0; j < lip_inputs(net); ++j)
        x[j] = h[j] = q->point ? uniform(rng, region->lo[j], region->hi[j]) : uniform(rng, -3, 3);
    lip_forward(net, 1, h, z);
    for (size_t v = 0; v < q->variables; ++v) {
        const lip_ring_variable *r = &q->variable[v];
        if (r->kind == LIP_RING_T) point[v] = pick(rng, 2) ? 1 : -1;
        if (r->kind == LIP_RING_U) point[v] = z[net->layer[r->layer].offset + r->index] > 0;
        if (r->kind == LIP_RING_X)
            point[v] = (x[r->index] - q->centre[r->index]) / q->width[r->index];
    }
    for (size_t k = 0; k < q->gates; ++k) {
        const lip_gate *g = &q->gate[k];
        double value = z[net->layer[g->layer].offset + g->neuron];
        if (g->h != LIP_ABSENT) point[g->h] = fmax(value, 0) / g->most;
        if (g->z != LIP_ABSENT) point[g->z] = value / g->size;
    }
}

static double monomial_at(const lip_monomial *m, const double *point) {
    double product = 1;
    for (size_t k = 0; k < m->degree; ++k) product *= point[m->variable[k]];
    return product;
}

static double value_at(const lip_poly *p, const double *point) {
    double sum = 0;
    for (size_t i = 0; i < p->count; ++i)
        sum += p->term[i].value * monomial_at(&p->term[i].monomial, point);
    return sum;
}

/* A term as the format defines it, evaluated without any polynomial arithmetic. */
static double term_at(const lip_poly_problem *q, const lip_identity_term *term,
                      const double *point) {
    lip_poly p = {0};
    double carrier = 1, form = 0;
    for (size_t i = 0; i < term->factors; ++i) {
        assert_true(lip_poly_factor(q, term->factor[i], &p));
        carrier *= value_at(&p, point);
    }
    if (term->kind == LIP_IDENTITY_ZERO) {
        assert_true(lip_poly_equality(q, term->equality, &p));
        carrier = value_at(&p, point);
    }
    for (size_t i = 0; i < term->size; ++i) {
        double b = monomial_at(&term->basis[i], point);
        if (term->kind == LIP_IDENTITY_ZERO) form += term->number[i] * b;
        for (size_t j = 0; term->kind == LIP_IDENTITY_GRAM && j < term->size; ++j) {
            double q_ij = term->number[j <= i ? i * term->size + j : j * term->size + i];
            form += q_ij * b * monomial_at(&term->basis[j], point);
        }
    }
    lip_poly_clear(&p);
    return carrier * (term->kind == LIP_IDENTITY_SCALAR ? term->number[0] : form);
}

/* F + sum of terms is the same number, the bound, at every true point, and every term is what it
 * says. */
static void check_identity(lip_rng *rng, const question *q, lip_hierarchy hierarchy, size_t order) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_identity identity = {0};
    lip_moment_report report;
    lip_error err = {0};
    assert_int_equal(lip_moment_bound(problem, hierarchy, order, NULL, &identity, &report, &err),
                     LIP_OK);
    double *point = LIP_NEW(double, problem->variables);
    for (int i = 0; i < 20; ++i) {
        true_point(rng, problem, q->region, point);
        double sum = value_at(&problem->objective, point);
        assert_true(sum <= report.bound);
        for (size_t k = 0; k < identity.count; ++k) {
            double value = term_at(problem, &identity.term[k], point);
            if (identity.term[k].kind == LIP_IDENTITY_ZERO)
                assert_true(fabs(value) <= 1e-6 * (1 + report.bound));
            else
                assert_true(value >= -1e-8 * (1 + report.bound));
            sum += value;
        }
        /* not equal: what rounding left over is bounded by its magnitude */
        assert_true(sum <= report.bound * (1 + 1e-9) + 1e-9);
        assert_true(sum >= report.bound - 1e-4 * (1 + report.bound));
    }
    free(point);
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
}

static void test_identities(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 11);
    const size_t one[] = {2, 4, 1}, two[] = {2, 3, 3, 1};
    for (int round = 0; round < 6; ++round) {
        double radius = round % 3 == 0 ? 0 : round % 3 == 1 ? 0.4 : 5;
        question q;
        ask(&q, gaussian_chain(&rng, 2, one), radius);
        check_identity(&rng, &q, LIP_HIERARCHY_SHOR, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR2, 2);
        check_identity(&rng, &q, LIP_HIERARCHY_LASSERRE, 1);
        forget(&q);
        ask(&q, gaussian_chain(&rng, 3, two), radius);
        check_identity(&rng, &q, LIP_HIERARCHY_HR1, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR1_TIGHT, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR2, 2);
        forget(&q);
    }
    question q;
    for (int round = 0; round < 4; ++round) { /* branches, layers without ReLU, stable neurons */
        ask(&q, random_network(&rng, 2, 1 + (size_t)round % 2, 3, 1), round % 3 ? 0.3 : 0);
        check_identity(&rng, &q, LIP_HIERARCHY_HR1, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR2, 2);
        forget(&q);
    }
    const size_t tiny[] = {2, 2, 2, 1};
    ask(&q, gaussian_chain(&rng, 3, tiny), 1);
    check_identity(&rng, &q, LIP_HIERARCHY_LASSERRE, 2);
    forget(&q);
}

/* ---- Orders ------------------------------------------------------------------------------ */

/* The largest |c'Diag(u) A|_1 over all patterns: what holds on R^n, one hidden layer, full row
 * rank. */
static double all_patterns(const lip_network *net) {
    size_t n = lip_inputs(net), width = net->layer[1].width;
    double a[64], c[16], most = 0;
    lip_op_to_dense(net->layer[1].term[0].op, a);
    lip_op_to_dense(net->layer[2].term[0].op, c);
    for (size_t u = 0; u < (size_t)1 << width; ++u) {
        double norm = 0;
        for (size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (size_t k = 0; k < width; ++k)
                if (u >> k & 1) sum += c[k] * a[k * n + j];
            norm += fabs(sum);
        }
        most = fmax(most, norm);
    }
    return most;
}

static void test_one_layer(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 12);
    const size_t width[] = {3, 3, 1};
    for (int round = 0; round < 4; ++round) {
        question q;
        ask(&q, gaussian_chain(&rng, 2, width), 0);
        double exact = all_patterns(q.net), shor = bound_of(&q, LIP_HIERARCHY_SHOR, 1);
        double second = bound_of(&q, LIP_HIERARCHY_LASSERRE, 2);
        assert_true(exact <= second);
        assert_true(second <= shor * (1 + 1e-6));
        assert_true(second <= exact * (1 + 1e-5)); /* three phases: exact at order 2 */
        assert_true(fabs(bound_of(&q, LIP_HIERARCHY_LASSERRE, 1) - shor) <= 1e-6 * shor);
        assert_true(fabs(bound_of(&q, LIP_HIERARCHY_HR2, 2) - shor) <= 1e-6 * shor);
        forget(&q);
    }
}

/* The same relaxation in two forms, by two engines. */
static double method_value(const question *q, lip_method_fn method) {
    lip_settings settings;
    lip_result result = {0};
    lip_error err = {0};
    lip_settings_default(&settings);
    lip_task task = {.net = q->net, .query = &q->query, .settings = &settings, .result = &result};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    task.bounds = q->bounds;
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    assert_int_equal(method(&task, &step, &err), LIP_OK);
    lip_statement_clear(&task.statement);
    return step.value;
}

static void test_engines(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 13);
    const size_t width[] = {3, 5, 1};
    for (int round = 0; round < 5; ++round) {
        question q;
        ask(&q, gaussian_chain(&rng, 2, width), round % 2 ? 0.7 : 0);
        if (round % 2 == 0) {
            double shor = method_value(&q, lip_shor_method);
            assert_true(fabs(shor - bound_of(&q, LIP_HIERARCHY_SHOR, 1)) <= 1e-6 * shor);
        }
        double cuts = method_value(&q, lip_hr2_method),
               blocks = method_value(&q, lip_hr2_blocks_method);
        assert_true(fabs(cuts - blocks) <= 1e-5 * blocks);
        forget(&q);
    }
}

static void test_two_layers(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 14);
    const size_t width[] = {2, 3, 3, 1};
    for (int round = 0; round < 4; ++round) {
        question q;
        ask(&q, gaussian_chain(&rng, 3, width), round % 2 ? 0.5 : 0);
        double hr1 = bound_of(&q, LIP_HIERARCHY_HR1, 1),
               tight = bound_of(&q, LIP_HIERARCHY_HR1_TIGHT, 1),
               hr2 = bound_of(&q, LIP_HIERARCHY_HR2, 2), lower = 0;
        assert_true(tight <= hr1 * (1 + 1e-6) && hr2 <= hr1 * (1 + 1e-6));
        for (int i = 0; i < 200; ++i) { /* gradients at random points */
            double x[2], g[2], norm = 0, one = 1;
            lip_error err;
            for (int j = 0; j < 2; ++j)
                x[j] = round % 2 ? uniform(&rng, q.region->lo[j], q.region->hi[j])
                                 : 4 * lip_rng_gaussian(&rng);
            assert_int_equal(lip_network_vjp(q.net, x, &one, g, &err), LIP_OK);
            for (int j = 0; j < 2; ++j) norm += fabs(g[j]);
            lower = fmax(lower, norm);
        }
        assert_true(lower <= tight && lower <= hr2);
        assert_true(lower > 0);
        forget(&q);
    }
}

/* The largest |c'Diag(u_m) A_m .. Diag(u_1) A_1|_1 over all patterns of unstable neurons, which is
 * what all of them bound. */
static double formal_constant(const question *q) {
    const lip_network *net = q->net;
    size_t units = net->layer[net->layers].offset - net->layer[1].offset;
    double most = 0;
    for (size_t pattern = 0; pattern < (size_t)1 << units; ++pattern) {
        double row[16] = {1}, next[16], a[256], norm = 0;
        for (size_t l = net->layers; l > 0; --l) {
            const lip_op *op = net->layer[l].term[0].op;
            lip_op_to_dense(op, a);
            for (size_t j = 0; j < op->cols; ++j) {
                next[j] = 0;
                for (size_t i = 0; i < op->rows; ++i) next[j] += row[i] * a[i * op->cols + j];
                size_t unit = net->layer[l - 1].offset + j - net->layer[1].offset;
                bool on = l == 1 || pattern >> unit & 1;
                lip_phase phase =
                    l == 1 ? LIP_UNSTABLE
                           : lip_preactivation_phase(&q->bounds, net->layer[l - 1].offset + j);
                if (phase != LIP_UNSTABLE) on = phase == LIP_ACTIVE;
                if (!on) next[j] = 0;
            }
            memcpy(row, next, sizeof row);
        }
        for (size_t j = 0; j < lip_inputs(net); ++j) norm += fabs(row[j]);
        most = fmax(most, norm);
    }
    return most;
}

/* Three and more layers: products of three and more phases. */
static void test_deep(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 24);
    const size_t three[] = {3, 3, 3, 3, 1}, four[] = {2, 2, 3, 2, 2, 1},
                 six[] = {1, 1, 2, 2, 2, 2, 2, 1};
    const size_t *const width[] = {three, four, six}, layers[] = {4, 5, 7};
    int positive = 0; /* one of them is constant on its box */
    for (int k = 0; k < 3; ++k) {
        question q;
        ask(&q, gaussian_chain(&rng, layers[k], width[k]), 0);
        double exact = formal_constant(&q), hr1 = bound_of(&q, LIP_HIERARCHY_HR1, 1);
        assert_true(exact > 0 && exact <= hr1);
        assert_true(fabs(hr1 - bound_of(&q, LIP_HIERARCHY_HR2, 2)) <= 1e-6 * hr1); /* no point */
        forget(&q);
        ask(&q, gaussian_chain(&rng, layers[k], width[k]), 1.5);
        check_identity(&rng, &q, LIP_HIERARCHY_HR1, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR2, 2);
        double first = bound_of(&q, LIP_HIERARCHY_HR1, 1), second;
        second = bound_of(&q, LIP_HIERARCHY_HR2, 2);
        assert_true(second <= first * (1 + 1e-6));
        positive += second > 0;
        forget(&q);
    }
    assert_true(positive >= 2);
}

/* Several outputs: w_o is the last factor.  Bounds are above gradients, and in the order of the norms. */
static void test_outputs(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 25);
    const size_t one[] = {2, 3, 3}, two[] = {2, 2, 3, 2};
    for (int round = 0; round < 4; ++round) {
        question q;
        ask(&q, round % 2 ? gaussian_chain(&rng, 3, two) : gaussian_chain(&rng, 2, one),
            round < 2 ? 0 : 0.7);
        q.query.output = (lip_output){LIP_OUTPUT_ALL, 0, 0};
        lip_method_fn methods[] = {lip_hr1_method, lip_hr2_blocks_method};
        for (int k = 0; k < 2; ++k) {
            q.query.norm_out = LIP_NORM_2;
            double l2 = method_value(&q, methods[k]);
            q.query.norm_out = LIP_NORM_1;
            double l1 = method_value(&q, methods[k]);
            assert_true(l2 <= l1 * (1 + 1e-6) && l1 < INFINITY);
            double largest = 0;
            for (int i = 0; i < 200; ++i) { /* |J t|_1 at random points, t a corner */
                double x[2], sum = 0, sign[2] = {1, pick(&rng, 2) ? 1 : -1};
                for (int j = 0; j < 2; ++j)
                    x[j] = round < 2 ? 4 * lip_rng_gaussian(&rng)
                                     : uniform(&rng, q.region->lo[j], q.region->hi[j]);
                for (size_t o = 0; o < lip_outputs(q.net); ++o) {
                    double e[3] = {0}, g[2];
                    lip_error err;
                    e[o] = 1;
                    assert_int_equal(lip_network_vjp(q.net, x, e, g, &err), LIP_OK);
                    sum += fabs(sign[0] * g[0] + sign[1] * g[1]);
                }
                largest = fmax(largest, sum);
            }
            assert_true(largest > 0 && largest <= l1 * (1 + 1e-9));
        }
        forget(&q);
    }
}

/* Other norms: the 2-norm is at most the dual norm for inf and at least that for 1; balls as
 * regions. */
static void test_norms(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 15);
    const size_t width[] = {3, 4, 1};
    question q;
    ask(&q, gaussian_chain(&rng, 2, width), 0.8);
    double linf = method_value(&q, lip_hr2_blocks_method);
    q.query.norm_in = LIP_NORM_2;
    double l2 = method_value(&q, lip_hr2_blocks_method);
    double shor2 = method_value(&q, lip_shor_method);
    q.query.norm_in = LIP_NORM_1;
    double l1 = method_value(&q, lip_hr2_blocks_method);
    assert_true(l1 <= l2 * (1 + 1e-6) && l2 <= linf * (1 + 1e-6) && l2 <= shor2 * (1 + 1e-6));
    assert_true(linf <= l2 * sqrt(3) * (1 + 1e-2) + 1);
    lip_region *ball;
    lip_error err;
    double centre[3] = {0, 0.1, 0.2};
    assert_int_equal(lip_region_ball(3, centre, 0.8, &ball, &err), LIP_OK);
    lip_preactivation_clear(&q.bounds);
    lip_region_free(q.region);
    q.region = ball;
    q.query.region = ball;
    assert_int_equal(lip_preactivation_create(q.net, ball, true, NULL, &q.bounds, &err), LIP_OK);
    double inside = method_value(&q, lip_hr2_blocks_method);
    assert_true(inside <= l1 * (1 + 1e-6)); /* the ball lies in the box */
    forget(&q);
}

/* Scaling the input box and the first layer against each other changes nothing; absurd sizes give
 * no bound, or a sound one, but never a crash. */
static void test_scales(void **state) {
    (void)state;
    const size_t width[] = {2, 4, 1};
    double first = 0;
    for (int exponent = -30; exponent <= 30; exponent += 15) {
        lip_rng rng;
        question q;
        lip_rng_seed(&rng, 22);
        lip_network *net = gaussian_chain(&rng, 2, width);
        double *bias = net->layer[1].bias;
        for (size_t i = 0; i < 4; ++i) bias[i] = ldexp(bias[i], exponent);
        ask(&q, net, 1);
        lip_region_free(q.region);
        lip_error err;
        double s = ldexp(1, exponent), lo[2] = {-s, -s}, hi[2] = {s, s};
        assert_int_equal(lip_region_box(2, lo, hi, &q.region, &err), LIP_OK);
        q.query.region = q.region;
        lip_preactivation_clear(&q.bounds);
        assert_int_equal(lip_preactivation_create(net, q.region, true, NULL, &q.bounds, &err),
                         LIP_OK);
        double bound = bound_of(&q, LIP_HIERARCHY_HR2, 2);
        if (exponent == -30) first = bound;
        assert_true(fabs(bound - first) <= 1e-5 * first);
        forget(&q);
    }
    for (int exponent = -600; exponent <= 600; exponent += 400) {
        lip_rng rng;
        question q;
        lip_rng_seed(&rng, 23);
        lip_network *net = gaussian_chain(&rng, 2, width);
        lip_op *op[] = {net->layer[1].term[0].op, net->layer[1].term[0].magnitude};
        for (size_t k = 0; k < 2; ++k)
            for (size_t i = 0; i < op[k]->nvalues; ++i)
                op[k]->value[i] = ldexp(op[k]->value[i], exponent);
        ask(&q, net, 1);
        double bound = method_value(&q, lip_hr2_blocks_method);
        assert_true(bound >= ldexp(0.01, exponent));
        forget(&q);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities), cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_engines),    cmocka_unit_test(test_two_layers),
        cmocka_unit_test(test_norms),      cmocka_unit_test(test_deep),
        cmocka_unit_test(test_outputs),    cmocka_unit_test(test_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
