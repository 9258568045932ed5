/* Moment relaxations: identities against true points, hierarchies against each other, against
 * another engine and against enumeration; proofs that must not go through; DSDP on programs with
 * known answers. */
#include "allocation.h"
#include "support.h"

#include "base/memory.h"
#include "region/region.h"
#include "relax/lifted_bound.h"
#include "relax/moment_bound.h"

/* A chain with dense Gaussian weights, so that most neurons are unstable on a box around 0. */
static lip_network *chain(lip_rng *rng, size_t layers, const size_t *width) {
    double *weight[8] = {0}, *bias[8] = {0};
    lip_network *net;
    lip_error err;
    for (size_t l = 0; l < layers; ++l) {
        weight[l] = LIP_NEW(double, width[l] * width[l + 1]);
        bias[l] = LIP_NEW(double, width[l + 1]);
        for (size_t i = 0; i < width[l] * width[l + 1]; ++i)
            weight[l][i] = lip_rng_gaussian(rng) / sqrt((double)width[l]);
        for (size_t i = 0; i < width[l + 1]; ++i) bias[l][i] = 0.3 * lip_rng_gaussian(rng);
    }
    assert_int_equal(lip_network_create_dense(layers, width, (const double *const *)weight,
                                              (const double *const *)bias, &net, &err),
                     LIP_OK);
    for (size_t l = 0; l < layers; ++l) {
        free(weight[l]);
        free(bias[l]);
    }
    return net;
}

static lip_region *box(size_t n, double radius) {
    lip_region *region;
    lip_error err;
    double lo[16], hi[16];
    for (size_t i = 0; i < n; ++i) {
        lo[i] = 0.1 * (double)i - radius;
        hi[i] = 0.1 * (double)i + radius;
    }
    assert_int_equal(radius > 0 ? lip_region_box(n, lo, hi, &region, &err)
                                : lip_region_everywhere(n, &region, &err),
                     LIP_OK);
    return region;
}

typedef struct question {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_preactivation bounds;
} question;

static void ask(question *q, lip_network *net, double radius) {
    lip_error err;
    q->net = net;
    q->region = box(lip_inputs(net), radius);
    q->query = (lip_query){LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, q->region, NULL};
    assert_int_equal(lip_preactivation_create(net, q->region, true, NULL, &q->bounds, &err),
                     LIP_OK);
}

static void forget(question *q) {
    lip_preactivation_clear(&q->bounds);
    lip_region_free(q->region);
    lip_network_free(q->net);
}

static lip_poly_problem *problem_of(const question *q, lip_hierarchy hierarchy) {
    lip_poly_problem *problem;
    lip_error err = {0};
    lip_poly_options options = {.point = true,
                                .lifts = hierarchy == LIP_HIERARCHY_HR2,
                                .keep = hierarchy == LIP_HIERARCHY_HR1};
    assert_int_equal(
        lip_poly_problem_create(q->net, &q->bounds, &q->query, &options, &problem, &err), LIP_OK);
    return problem;
}

static double bound_of(const question *q, lip_hierarchy hierarchy, size_t order) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_moment_report report;
    lip_error err = {0};
    assert_int_equal(lip_moment_bound(problem, hierarchy, order, NULL, NULL, &report, &err),
                     LIP_OK);
    assert_true(report.bound < INFINITY);
    /* what is proved is what the solver believes, up to its tolerance */
    assert_true(fabs(report.bound - report.value) <= 1e-6 * (1 + report.bound));
    lip_poly_problem_free(problem);
    return report.bound;
}

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
        ask(&q, chain(&rng, 2, one), radius);
        check_identity(&rng, &q, LIP_HIERARCHY_SHOR, 1);
        check_identity(&rng, &q, LIP_HIERARCHY_HR2, 2);
        check_identity(&rng, &q, LIP_HIERARCHY_LASSERRE, 1);
        forget(&q);
        ask(&q, chain(&rng, 3, two), radius);
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
    ask(&q, chain(&rng, 3, tiny), 1);
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
        ask(&q, chain(&rng, 2, width), 0);
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
        ask(&q, chain(&rng, 2, width), round % 2 ? 0.7 : 0);
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
        ask(&q, chain(&rng, 3, width), round % 2 ? 0.5 : 0);
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
        ask(&q, chain(&rng, layers[k], width[k]), 0);
        double exact = formal_constant(&q), hr1 = bound_of(&q, LIP_HIERARCHY_HR1, 1);
        assert_true(exact > 0 && exact <= hr1);
        assert_true(fabs(hr1 - bound_of(&q, LIP_HIERARCHY_HR2, 2)) <= 1e-6 * hr1); /* no point */
        forget(&q);
        ask(&q, chain(&rng, layers[k], width[k]), 1.5);
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
        ask(&q, round % 2 ? chain(&rng, 3, two) : chain(&rng, 2, one), round < 2 ? 0 : 0.7);
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
    ask(&q, chain(&rng, 2, width), 0.8);
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
        lip_network *net = chain(&rng, 2, width);
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
        lip_network *net = chain(&rng, 2, width);
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

/* ---- Text -------------------------------------------------------------------------------- */

/* |z| = max(z, 0) + max(-z, 0) in one variable: the ring, written out.  The rest of the format is lipcheck's to read
 * (tests/oracle/test_published.py). */
static void test_text(void **state) {
    (void)state;
    static const double w0[] = {1, -1}, w1[] = {1, 1}, none[] = {0, 0};
    const double *weight[] = {w0, w1}, *bias[] = {none, none};
    static const size_t width[] = {1, 2, 1};
    static const char start[] = "statement identity 1\npart cube fixed 0\nroles 1 uu\n"
                                "values 1 zz\nleast 1 -0x1.";
    lip_network *net;
    lip_error err;
    question q;
    lip_settings settings;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    ask(&q, net, 1);
    lip_settings_default(&settings);
    lip_task task = {.net = q.net, .query = &q.query, .settings = &settings, .bounds = q.bounds};
    task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    lip_step step = {.side = LIP_UPPER, .value = INFINITY};
    assert_int_equal(lip_hr1_method(&task, &step, &err), LIP_OK);
    const lip_text *text = &task.statement.text;
    assert_true(task.statement.uses_bounds && text->size > sizeof start);
    assert_memory_equal(text->bytes, start, sizeof start - 1);
    assert_true(step.value >= 1 && step.value < 2.1);
    lip_statement_clear(&task.statement);
    forget(&q);
}

/* ---- Proofs that must fail --------------------------------------------------------------- */

static void test_wrong_identities(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 16);
    const size_t width[] = {2, 3, 1};
    question q;
    ask(&q, chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    lip_identity identity = {0};
    lip_moment_report report;
    lip_error err = {0};
    double bound;
    assert_int_equal(
        lip_moment_bound(problem, LIP_HIERARCHY_SHOR, 1, NULL, &identity, &report, &err), LIP_OK);
    assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
    assert_true(bound == report.bound && bound > 0);
    int grams = 0, scalars = 0;
    for (size_t k = 0; k < identity.count; ++k) {
        lip_identity_term *term = &identity.term[k];
        double kept = term->number[0];
        if (term->kind == LIP_IDENTITY_ZERO) continue;
        ++*(term->kind == LIP_IDENTITY_GRAM ? &grams : &scalars);
        /* one number made negative: no bound; one number made larger: a worse bound, not a better
         * one */
        term->number[0] = -1e-9;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_true(bound == INFINITY);
        term->number[0] = NAN;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_true(bound == INFINITY);
        term->number[0] = kept;
    }
    assert_true(grams > 0 && scalars > 0);
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* Factors that the problem lacks, and terms of too large a degree, prove nothing. */
static void test_malformed_identities(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 26);
    const size_t width[] = {2, 3, 1};
    question q;
    ask(&q, chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_HR1);
    size_t u = problem->first[LIP_RING_U], last = problem->variables;
    const lip_factor on = {LIP_FACTOR_ON, u}, square = {LIP_FACTOR_SQUARE, 0};
    const lip_factor wrong[][5] = {{{LIP_FACTOR_PLUS, u}},
                                   {{LIP_FACTOR_ON, 0}},
                                   {{LIP_FACTOR_OFF, last}},
                                   {{LIP_FACTOR_TBALL, 0}},
                                   {{LIP_FACTOR_WBALL, 0}},
                                   {{LIP_FACTOR_XBALL, 0}},
                                   {{LIP_FACTOR_ABOVE, problem->gates}},
                                   {{LIP_FACTOR_STATE, 0}}, /* nothing reads h */
                                   {{LIP_FACTOR_BASE, 0}},
                                   {{LIP_FACTORS, 0}},
                                   {square, square, square, square, on}};
    const size_t count = sizeof wrong / sizeof *wrong;
    for (size_t k = 0; k < count + 2; ++k) {
        lip_identity identity = {0};
        lip_error err = {0};
        double bound = 0, claim = 0;
        size_t factors = k < count - 1 ? 1 : 5;
        if (k == count) factors = 1; /* the right ones: a bound */
        if (k == count + 1) factors = 4;
        const lip_factor right[4] = {square, square, square, on};
        lip_identity_term *term = lip_identity_add(&identity, LIP_IDENTITY_SCALAR, factors,
                                                   k < count ? wrong[k] : right, 0);
        assert_non_null(term);
        term->number[0] = 1;
        assert_int_equal(lip_identity_claim(problem, &identity, &bound, &claim, &err), LIP_OK);
        assert_int_equal(bound < INFINITY, k >= count);
        assert_true(bound <= claim);
        lip_identity_clear(&identity);
    }
    lip_poly_problem_free(problem);
    forget(&q);
}

/* What cancels is paid for in the claim: .3 t u - .3 t u and its like are 0 here, but not to a checker
 * that pays for every operation.  What is exact to everybody stays as it is. */
static void test_claims(void **state) {
    (void)state;
    lip_poly f = {0};
    lip_monomial t = lip_monomial_variable(0), one = lip_monomial_one();
    lip_poly_sum sum = {0};
    assert_true(lip_poly_append(&f, &t, 0.3, 0) && lip_poly_sum_add(&sum, 1, &one, &f, NULL));
    double bound = lip_poly_sum_bound(&sum);
    assert_true(bound >= 0.3 && lip_poly_sum_claim(&sum) - bound <= 1e-15);
    assert_true(lip_poly_sum_add(&sum, -1, &one, &f, NULL));
    assert_true(lip_poly_sum_claim(&sum) >= 0x1p-52 * 0.3);
    assert_true(lip_poly_sum_claim(&sum) <= 1e-14);
    lip_poly_sum_clear(&sum);
    /* the same within one polynomial: the term goes, its cost stays, also in products */
    lip_poly g = {0};
    assert_true(lip_poly_append_scaled(&g, 2, 0, &f) && lip_poly_append_scaled(&g, -2, 0, &f));
    lip_poly_gather(&g);
    assert_true(g.count == 0 && g.loose >= 0x1p-52 * 1.2);
    assert_true(lip_poly_multiply(&g, &g, &f, NULL));
    assert_true(g.count == 0 && g.loose >= 0x1p-52 * 0.36);
    lip_poly_clear(&g);
    lip_poly_clear(&f);
}

/* An indefinite matrix just beyond the boundary is refused, a semidefinite one with some room is
 * not. */
static void test_semidefinite(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 17);
    const size_t width[] = {2, 1, 1};
    question q;
    ask(&q, chain(&rng, 2, width), 0);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    for (int sign = -1; sign <= 1; sign += 2) {
        lip_identity identity = {0};
        double bound;
        lip_error err;
        lip_identity_term *term = lip_identity_add(&identity, LIP_IDENTITY_GRAM, 0, NULL, 2);
        assert_non_null(term);
        term->basis[1] = lip_monomial_variable(0);
        term->number[0] = term->number[3] = 1 + sign * 1e-13;
        term->number[2] = 1;
        assert_int_equal(lip_identity_prove(problem, &identity, &bound, &err), LIP_OK);
        assert_int_equal(bound<INFINITY, sign> 0);
        lip_identity_clear(&identity);
    }
    lip_poly_problem_free(problem);
    forget(&q);
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static void refused(const question *q, lip_hierarchy hierarchy, size_t order, const char *why) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_relaxation *r = NULL;
    lip_error err = {0};
    assert_int_equal(lip_relaxation_create(problem, hierarchy, order, &r, &err), LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, why));
    lip_poly_problem_free(problem);
}

/* What is small enough to be listed, but not to be solved. */
static void refused_program(const question *q, lip_hierarchy hierarchy, const char *why) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_relaxation *r = NULL;
    lip_sdp sdp = {0};
    lip_error err = {0};
    double constant;
    assert_int_equal(lip_relaxation_create(problem, hierarchy, 1, &r, &err), LIP_OK);
    assert_int_equal(lip_relaxation_assemble(r, 1, &sdp, &constant, &err), LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, why));
    lip_sdp_clear(&sdp);
    lip_relaxation_free(r);
    lip_poly_problem_free(problem);
}

static void test_refusals(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 18);
    const size_t two[] = {2, 3, 3, 1}, deep[] = {4, 9, 9, 9, 1}, wide[] = {10, 60, 1};
    question q;
    ask(&q, chain(&rng, 3, two), 0);
    refused(&q, LIP_HIERARCHY_SHOR, 1, "at most 1 layers of unstable ReLUs on a path, found 2");
    refused(&q, LIP_HIERARCHY_LASSERRE, 1, "expected an order from 2");
    refused(&q, LIP_HIERARCHY_LASSERRE, 5, "to 4, found 5");
    forget(&q);
    ask(&q, chain(&rng, 4, deep), 0);
    refused_program(&q, LIP_HIERARCHY_HR1, "at most 8000 free multipliers");
    forget(&q);
    ask(&q, chain(&rng, 2, wide), 0);
    refused(&q, LIP_HIERARCHY_LASSERRE, 3, "entries of Gram matrices");
    forget(&q);
}

/* ---- DSDP -------------------------------------------------------------------------------- */

/* minimise y1 + y2  subject to  [y1 1; 1 y2] >= 0,  y1 >= 0: the value is 2. */
static void small_program(lip_sdp *sdp) {
    const lip_sdp_entry entry[] = {{0, 0, 1, 0, 1}, {1, 0, 0, 0, -1}, {2, 0, 1, 1, -1}};
    *sdp = (lip_sdp){.variables = 2, .blocks = 1, .entries = 3};
    sdp->cost = LIP_NEW(double, 2);
    sdp->nonnegative = LIP_NEW(bool, 2);
    sdp->order = LIP_NEW(size_t, 1);
    sdp->entry = LIP_NEW(lip_sdp_entry, 3);
    sdp->cost[0] = sdp->cost[1] = 1;
    sdp->nonnegative[0] = true;
    sdp->order[0] = 2;
    memcpy(sdp->entry, entry, sizeof entry);
}

static void test_dsdp(void **state) {
    (void)state;
    lip_sdp sdp;
    lip_error err;
    double y[2], x0[4] = {0};
    double *x[1] = {x0};
    small_program(&sdp);
    lip_sdp_answer answer = {.y = y, .x = x};
    assert_int_equal(lip_dsdp_solve(&sdp, 1e-9, NULL, &answer, &err), LIP_OK);
    assert_true(answer.optimal && fabs(answer.value - 2) < 1e-6);
    assert_true(fabs(y[0] - 1) < 1e-3 && fabs(y[1] - 1) < 1e-3);
    assert_true(fabs(x0[0] - 1) < 1e-3 && fabs(x0[1] + 1) < 1e-3 && x0[1] == x0[2]);
    lip_sdp_clear(&sdp);
}

/* The exported program is the one that is solved: its numbers, read back, give the same value. */
static void test_export(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 21);
    const size_t width[] = {2, 3, 1};
    question q;
    lip_relaxation *r;
    lip_error err = {0};
    char *text;
    size_t size, variables, blocks;
    ask(&q, chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_SHOR);
    assert_int_equal(lip_relaxation_create(problem, LIP_HIERARCHY_SHOR, 1, &r, &err), LIP_OK);
    assert_int_equal(lip_relaxation_sdpa(r, "a title", &text, &size, &err), LIP_OK);
    char *copy = LIP_NEW(char, size + 1);
    memcpy(copy, text, size);
    assert_true(strncmp(copy, "* a title\n* bound", 17) == 0);
    int exponent, used;
    double constant;
    assert_int_equal(sscanf(copy,
                            "* a title\n* bound = (value + constant) * 2^%d, constant = %lf%n",
                            &exponent, &constant, &used),
                     2);
    const char *at = copy + used;
    assert_int_equal(sscanf(at, "%zu %zu%n", &variables, &blocks, &used), 2);
    assert_int_equal(blocks, 2); /* the moment matrix and the signs */
    at += used;
    long order, signs;
    assert_int_equal(sscanf(at, "%ld %ld%n", &order, &signs, &used), 2);
    at += used;
    assert_true(signs < 0);
    lip_sdp sdp = {.variables = variables, .blocks = 1};
    sdp.cost = LIP_NEW(double, variables);
    sdp.nonnegative = LIP_NEW(bool, variables);
    sdp.order = LIP_NEW(size_t, 1);
    sdp.order[0] = (size_t)order;
    sdp.entry = LIP_NEW(lip_sdp_entry, size);
    for (size_t k = 0; k < variables; ++k, at += used)
        assert_int_equal(sscanf(at, "%lf%n", &sdp.cost[k], &used), 1);
    unsigned k, block, i, j;
    double value;
    for (; sscanf(at, "%u %u %u %u %lf%n", &k, &block, &i, &j, &value, &used) == 5; at += used)
        if (block == 1)
            sdp.entry[sdp.entries++] = (lip_sdp_entry){k, 0, j - 1, i - 1, -value};
        else
            sdp.nonnegative[k - 1] = true;
    double *y = LIP_NEW(double, variables), bound = bound_of(&q, LIP_HIERARCHY_SHOR, 1);
    lip_sdp_answer answer = {.y = y};
    assert_int_equal(lip_dsdp_solve(&sdp, 1e-9, NULL, &answer, &err), LIP_OK);
    assert_true(fabs(ldexp(answer.value + constant, exponent) - bound) <= 1e-6 * bound);
    free(y);
    free(copy);
    free(text);
    lip_sdp_clear(&sdp);
    lip_relaxation_free(r);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* A watch that has expired: no answer, but an orderly end. */
static void test_watch(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 19);
    const size_t width[] = {4, 6, 1};
    question q;
    lip_error err = {0};
    lip_moment_report report;
    lip_watch watch = {.started = 0, .deadline = 0};
    ask(&q, chain(&rng, 2, width), 1);
    lip_poly_problem *problem = problem_of(&q, LIP_HIERARCHY_HR2);
    assert_int_equal(lip_moment_bound(problem, LIP_HIERARCHY_HR2, 2, &watch, NULL, &report, &err),
                     LIP_OK);
    assert_true(!report.optimal && report.iterations < 5);
    lip_poly_problem_free(problem);
    forget(&q);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Every allocation up to some number, which covers building and assembling; then every 13th. */
static void every_failure(const question *q, lip_hierarchy hierarchy) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_status status = LIP_OUT_OF_MEMORY;
    for (long k = 1; status != LIP_OK && k < 20000; k += k < 200 ? 1 : 13) {
        lip_moment_report report;
        lip_error err = {0};
        allocation_begin(k);
        status = lip_moment_bound(problem, hierarchy, 2, NULL, NULL, &report, &err);
        allocation_count count = allocation_end();
        assert_int_equal(count.live, 0);
        if (status != LIP_OK) assert_int_equal(err.status, LIP_OUT_OF_MEMORY);
        if (status == LIP_OK) assert_true(count.calls < k);
    }
    assert_int_equal(status, LIP_OK);
    lip_poly_problem_free(problem);
}

/* The same for a method, which writes its proof. */
static void every_failed_method(const question *q, lip_method_fn method) {
    lip_settings settings;
    lip_status status = LIP_OUT_OF_MEMORY;
    lip_settings_default(&settings);
    for (long k = 1; status != LIP_OK && k < 20000; k += k < 50 ? 1 : 13) {
        lip_result result = {0};
        lip_error err = {0};
        lip_task task = {.net = q->net,
                         .query = &q->query,
                         .settings = &settings,
                         .result = &result,
                         .bounds = q->bounds};
        task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
        lip_step step = {.side = LIP_UPPER, .value = INFINITY};
        allocation_begin(k);
        status = method(&task, &step, &err);
        if (status == LIP_OK && task.statement.text.failed) status = LIP_OUT_OF_MEMORY;
        if (status == LIP_OK) assert_true(step.value < INFINITY && task.statement.text.size > 0);
        lip_statement_clear(&task.statement);
        assert_int_equal(allocation_end().live, 0);
    }
    assert_int_equal(status, LIP_OK);
}

static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 20);
    const size_t two[] = {1, 1, 2, 1}, one[] = {1, 2, 1};
    question q;
    ask(&q, chain(&rng, 3, two), 2);
    every_failure(&q, LIP_HIERARCHY_HR1);
    every_failure(&q, LIP_HIERARCHY_HR2);
    every_failed_method(&q, lip_hr2_blocks_method);
    every_failed_method(&q, lip_lasserre_method);
    forget(&q);
    ask(&q, chain(&rng, 2, one), 0);
    every_failure(&q, LIP_HIERARCHY_LASSERRE);
    forget(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities),   cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_engines),      cmocka_unit_test(test_two_layers),
        cmocka_unit_test(test_norms),        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_outputs),      cmocka_unit_test(test_malformed_identities),
        cmocka_unit_test(test_claims),       cmocka_unit_test(test_wrong_identities),
        cmocka_unit_test(test_semidefinite), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_scales),       cmocka_unit_test(test_export),
        cmocka_unit_test(test_text),         cmocka_unit_test(test_dsdp),
        cmocka_unit_test(test_watch),        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
