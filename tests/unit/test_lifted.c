/* The lifted problem on true points: every family holds, the objective is the true directional
 * derivative, composed coefficients enclose the exact ones, and refusals are clear. */
#include "support.h"

#include "linalg/norms.h"
#include "problem/family.h"
#include "problem/forms.h"
#include "problem/sdpa.h"
#include "region/region.h"

typedef struct case_data {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_preactivation bounds;
    lip_lifted_options options;
    lip_lifted *lifted;
    double *x, *z, *d, *t, *w, *h; /* a true point; h: tangents of all units, y in z's place */
    double *y, *p;
} case_data;

static void random_question(lip_rng *rng, case_data *c) {
    size_t n = lip_inputs(c->net), m = lip_outputs(c->net);
    lip_error err;
    double *centre = calloc(n, sizeof *centre), eps = pick(rng, 2) ? 0.3 : 2;
    for (size_t i = 0; i < n; ++i) centre[i] = lip_rng_gaussian(rng);
    lip_status status = LIP_OK;
    switch (pick(rng, 3)) {
    case 0: status = lip_region_everywhere(n, &c->region, &err); break;
    case 1:
        status = lip_region_box_around(n, centre, eps, -INFINITY, INFINITY, &c->region, &err);
        break;
    default: status = lip_region_ball(n, centre, eps, &c->region, &err);
    }
    assert_int_equal(status, LIP_OK);
    c->query = (lip_query){(lip_norm)(1 + pick(rng, 3)),
                           (lip_norm)(1 + pick(rng, 3)),
                           {LIP_OUTPUT_ALL, 0, 0},
                           c->region,
                           NULL};
    size_t kind = pick(rng, m > 1 ? 4 : 2);
    if (kind == 0) c->query.output = (lip_output){LIP_OUTPUT_ROW, pick(rng, m), 0};
    if (kind == 3) c->query.output = (lip_output){LIP_OUTPUT_MARGIN, 0, 1};
    free(centre);
}

/* Triangles and products of all kinds. */
static void add_cuts(lip_rng *rng, lip_lifted *lifted) {
    assert_true(lip_family_add_products(lifted));
    assert_true(lip_forms_create(lifted));
    for (int k = 0; k < 20 && lifted->n > 2; ++k) {
        size_t i = pick(rng, lifted->n - 2), j = i + 1 + pick(rng, lifted->n - i - 2);
        size_t l = j + 1 + pick(rng, lifted->n - j - 1);
        assert_true(
            lip_family_add_triangle(lifted, i, j, l, pick(rng, 2) ? 1 : -1, pick(rng, 2) ? 1 : -1));
    }
    for (size_t a = 0; a < lifted->forms; ++a)
        assert_true(lip_family_add_product(lifted, a, pick(rng, lifted->forms)));
}

static void prepare(lip_rng *rng, case_data *c) {
    lip_error err;
    assert_int_equal(lip_preactivation_create(c->net, c->region, true, NULL, &c->bounds, &err),
                     LIP_OK);
    c->options = (lip_lifted_options){.part = pick(rng, lip_lifted_parts(c->net, &c->query)),
                                      .phases = pick(rng, 2) == 0,
                                      .gram_limit = 100};
    c->options.region = c->options.phases && pick(rng, 4) > 0;
    assert_int_equal(
        lip_lifted_create(c->net, &c->bounds, &c->query, &c->options, &c->lifted, &err), LIP_OK);
    if (c->options.region) add_cuts(rng, c->lifted);
    size_t units = c->net->units;
    double **arrays[] = {&c->x, &c->z, &c->d, &c->t, &c->w, &c->h, &c->y};
    for (size_t i = 0; i < 7; ++i) *arrays[i] = calloc(units, sizeof(double));
    c->p = calloc(c->lifted->n, sizeof(double));
}

static void clear(case_data *c) {
    double *arrays[] = {c->x, c->z, c->d, c->t, c->w, c->h, c->y, c->p};
    for (size_t i = 0; i < 8; ++i) free(arrays[i]);
    lip_lifted_free(c->lifted);
    lip_preactivation_clear(&c->bounds);
    lip_region_free(c->region);
    lip_network_free(c->net);
}

/* A random vector of a unit ball, often on its boundary. */
static void random_unit(lip_rng *rng, size_t n, lip_norm norm, double *v) {
    for (size_t i = 0; i < n; ++i) v[i] = lip_rng_gaussian(rng);
    if (norm == LIP_NORM_INF && pick(rng, 2))
        for (size_t i = 0; i < n; ++i) v[i] = v[i] > 0 ? 1 : -1;
    double size = lip_vector_norm_up(n, v, NULL, 1, norm);
    double scale = (pick(rng, 3) ? 1 : lip_rng_uniform(rng)) / (size > 0 ? size : 1);
    for (size_t i = 0; i < n; ++i) v[i] *= scale;
}

/* A point of the region whose pre-activations are away from 0. */
static bool random_point(lip_rng *rng, case_data *c) {
    size_t n = lip_inputs(c->net);
    double *values = calloc(c->net->units, sizeof *values);
    for (size_t i = 0; i < n; ++i) {
        double lo = fmax(c->region->lo[i], -5), hi = fmin(c->region->hi[i], 5);
        c->x[i] = values[i] =
            c->region->kind == LIP_BALL
                ? c->region->centre[i] + uniform(rng, -1, 1) * c->region->radius / sqrt((double)n)
                : uniform(rng, lo, hi);
    }
    lip_forward(c->net, 1, values, c->z);
    lip_pattern(c->net, c->z, c->d);
    bool good = true;
    for (size_t l = 1; l <= c->net->layers; ++l)
        for (size_t i = 0; i < c->net->layer[l].width; ++i) {
            size_t unit = c->net->layer[l].offset + i;
            /* exactly 0 where the neuron is constant */
            if (fabs(c->z[unit]) < 1e-9 && c->z[unit] != 0) good = false;
        }
    free(values);
    return good;
}

/* t, w and all tangents; w is a unit vector for one output. */
static void random_tangent(lip_rng *rng, case_data *c) {
    size_t n = lip_inputs(c->net), m = lip_outputs(c->net), input, output;
    lip_lifted_part(c->net, &c->query, c->options.part, &input, &output);
    memset(c->t, 0, n * sizeof *c->t);
    memset(c->w, 0, m * sizeof *c->w);
    if (input != LIP_NONE)
        c->t[input] = pick(rng, 2) ? 1 : uniform(rng, -1, 1);
    else
        random_unit(rng, n, c->query.norm_in, c->t);
    const lip_output *o = &c->query.output;
    if (o->kind == LIP_OUTPUT_ROW) c->w[o->i] = 1;
    if (o->kind == LIP_OUTPUT_MARGIN) c->w[o->i] = 1, c->w[o->j] = -1;
    if (o->kind == LIP_OUTPUT_ALL && m == 1)
        c->w[0] = 1;
    else if (o->kind == LIP_OUTPUT_ALL && output != LIP_NONE)
        c->w[output] = 1;
    else if (o->kind == LIP_OUTPUT_ALL)
        random_unit(rng, m, lip_norm_dual(c->query.norm_out), c->w);
    memset(c->y, 0, c->net->units * sizeof *c->y);
    memcpy(c->h, c->t, n * sizeof *c->h);
    for (size_t l = 1; l <= c->net->layers; ++l) {
        const lip_layer *layer = &c->net->layer[l];
        for (size_t k = 0; k < layer->nterms; ++k)
            lip_op_apply(layer->term[k].op, 1, c->h + c->net->layer[layer->term[k].source].offset,
                         c->y + layer->offset);
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            c->h[u] = c->d[u] * c->y[u];
    }
}

static void fill_point(case_data *c) {
    for (size_t i = 0; i < c->lifted->n; ++i) {
        const lip_variable *v = &c->lifted->variable[i];
        size_t unit = c->net->layer[v->layer].offset + v->index;
        double value = 1;
        if (v->kind == LIP_VARIABLE_INPUT) value = c->t[v->index];
        if (v->kind == LIP_VARIABLE_TANGENT) value = c->h[unit];
        if (v->kind == LIP_VARIABLE_PHASE) value = 2 * c->d[unit] - 1;
        if (v->kind == LIP_VARIABLE_DUAL) value = c->w[v->index];
        if (v->kind == LIP_VARIABLE_POINT) value = (c->x[v->index] - v->centre) / v->width;
        if (v->kind == LIP_VARIABLE_STATE) value = (fmax(c->z[unit], 0) - v->centre) / v->width;
        c->p[i] = ldexp(value, -v->exponent);
    }
}

static double worst_group(const case_data *c) {
    double worst = 0;
    for (size_t g = 0; g < c->lifted->groups; ++g) {
        const lip_group *group = &c->lifted->group[g];
        double sum = 0;
        for (size_t i = group->first; i < group->first + group->count; ++i)
            sum += c->p[i] * c->p[i];
        double excess = sum - group->size;
        worst = fmax(worst, group->equality ? fabs(excess) : excess);
    }
    return worst;
}

static double worst_family(const case_data *c) {
    lip_product *list = calloc(lip_family_most_products(c->lifted), sizeof *list);
    double worst = 0;
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(c->lifted, (lip_family)f); ++k) {
            size_t count = lip_family_products(c->lifted, (lip_family)f, k, list);
            assert_true(count <= lip_family_most_products(c->lifted));
            double g = lip_products_value(count, list, c->p);
            worst = fmax(worst, lip_family_equality((lip_family)f) ? fabs(g) : -g);
        }
    free(list);
    return worst;
}

static void check_objective(const case_data *c) {
    size_t n = lip_inputs(c->net), m = lip_outputs(c->net);
    double *jacobian = calloc(n * m, sizeof *jacobian), value = 0, size = 0;
    lip_error err;
    assert_int_equal(lip_network_jacobian(c->net, c->x, jacobian, &err), LIP_OK);
    for (size_t o = 0; o < m; ++o)
        for (size_t i = 0; i < n; ++i) {
            double part = c->w[o] * jacobian[o * n + i] * c->t[i];
            value += part;
            size += fabs(part);
        }
    double lifted = ldexp(lip_products_value(c->lifted->products, c->lifted->objective, c->p),
                          c->lifted->exponent);
    /* cancellation inside the network is measured by the scale of the objective */
    assert_true(fabs(lifted - value) <= 1e-12 * (size + ldexp(1, c->lifted->exponent)));
    free(jacobian);
}

/* Rows of pre-activations have their values, within the bounds; forms are not negative. */
static void check_region(const case_data *c) {
    for (size_t k = 0; k < c->lifted->relus; ++k) {
        const lip_relu *relu = &c->lifted->relu[k];
        const lip_row *row = &c->lifted->row[relu->row];
        double z = 0, true_z = c->z[c->net->layer[relu->layer].offset + relu->index];
        for (size_t a = row->first; a < row->last; ++a)
            z += c->lifted->row_coefficient[a].value * c->p[c->lifted->row_coefficient[a].column];
        assert_true(fabs(z - ldexp(true_z, -relu->exponent)) <= 1e-12);
        assert_true(z >= relu->lo - 1e-12 && z <= relu->hi + 1e-12);
    }
    for (size_t k = 0; k < c->lifted->forms; ++k) {
        const lip_row *row = &c->lifted->row[c->lifted->form[k].row];
        double value = 0;
        for (size_t a = row->first; a < row->last; ++a)
            value +=
                c->lifted->row_coefficient[a].value * c->p[c->lifted->row_coefficient[a].column];
        assert_true(value >= -1e-12);
    }
}

static void check_rows(const case_data *c) {
    for (size_t k = 0; k < c->lifted->neurons; ++k) {
        const lip_neuron *neuron = &c->lifted->neuron[k];
        double y = 0, true_y = c->y[c->net->layer[neuron->layer].offset + neuron->index];
        for (size_t a = neuron->first; a < neuron->last; ++a)
            y += c->lifted->coefficient[a].value * c->p[c->lifted->coefficient[a].column];
        true_y = ldexp(true_y, -c->lifted->variable[neuron->v].exponent);
        assert_true(fabs(y - true_y) <= 1e-12);
        assert_true(true_y * true_y <= neuron->range * (1 + 1e-12));
        assert_true(neuron->range > 0 && neuron->range <= 1);
    }
}

static void test_families_hold_on_true_points(void **state) {
    (void)state;
    lip_rng rng;
    size_t points = 0, neurons = 0, vectors = 0, states = 0, products = 0;
    lip_rng_seed(&rng, 301);
    for (int i = 0; i < 2000; ++i) {
        case_data c = {0};
        c.net = i % 40 == 39
                    ? random_conv_network(&rng)
                    : random_network(&rng, 1 + pick(&rng, 4), pick(&rng, 4), 6, 1 + pick(&rng, 3));
        random_question(&rng, &c);
        prepare(&rng, &c);
        neurons += c.lifted->neurons;
        products += lip_family_count(c.lifted, LIP_FAMILY_PRODUCT);
        states += lip_family_count(c.lifted, LIP_FAMILY_OPEN);
        for (int k = 0; k < 4; ++k) {
            if (!random_point(&rng, &c)) continue;
            random_tangent(&rng, &c);
            fill_point(&c);
            for (size_t j = 0; j < c.lifted->n; ++j) assert_true(fabs(c.p[j]) <= 1 + 1e-12);
            assert_true(worst_group(&c) <= 1e-12);
            assert_true(worst_family(&c) <= 1e-12);
            check_rows(&c);
            check_region(&c);
            check_objective(&c);
            ++points;
        }
        if (c.lifted->variable[c.lifted->n - 1].kind == LIP_VARIABLE_DUAL) ++vectors;
        clear(&c);
    }
    assert_true(points > 6000 && neurons > 2000 && vectors > 100);
    assert_true(states > 300 && products > 10000);
}

/* A wrong state, or a point outside of the region, violates a cut or a group. */
static void test_wrong_points_are_noticed(void **state) {
    (void)state;
    lip_rng rng;
    size_t states = 0, points = 0;
    lip_rng_seed(&rng, 305);
    for (int i = 0; i < 400; ++i) {
        case_data c = {0};
        c.net = random_network(&rng, 3, 2, 5, 2);
        random_question(&rng, &c);
        prepare(&rng, &c);
        if (random_point(&rng, &c)) {
            random_tangent(&rng, &c);
            fill_point(&c);
            for (size_t k = 0; k < c.lifted->n; ++k) {
                double before = c.p[k];
                lip_variable_kind kind = c.lifted->variable[k].kind;
                if (kind != LIP_VARIABLE_STATE && kind != LIP_VARIABLE_POINT) continue;
                c.p[k] = kind == LIP_VARIABLE_STATE ? before + (before > 0 ? -0.1 : 0.1) : 1.1;
                assert_true(fmax(worst_family(&c), worst_group(&c)) > 1e-4);
                *(kind == LIP_VARIABLE_STATE ? &states : &points) += 1;
                c.p[k] = before;
            }
        }
        clear(&c);
    }
    assert_true(states > 20 && points > 100);
}

/* The check above can fail: a wrong phase violates a family. */
static void test_wrong_phase_is_noticed(void **state) {
    (void)state;
    lip_rng rng;
    size_t tried = 0;
    lip_rng_seed(&rng, 302);
    for (int i = 0; i < 200; ++i) {
        case_data c = {0};
        c.net = random_network(&rng, 3, 2, 5, 2);
        random_question(&rng, &c);
        prepare(&rng, &c);
        bool usable = c.lifted->phases && c.lifted->neurons > 0 && random_point(&rng, &c);
        if (usable) {
            random_tangent(&rng, &c);
            fill_point(&c);
            const lip_neuron *neuron = &c.lifted->neuron[pick(&rng, c.lifted->neurons)];
            double y = c.y[c.net->layer[neuron->layer].offset + neuron->index];
            y = ldexp(y, -c.lifted->variable[neuron->v].exponent);
            c.p[neuron->s] *= -1;
            if (fabs(y) > 1e-6) {
                assert_true(worst_family(&c) >= 1e-7);
                ++tried;
            }
        }
        clear(&c);
    }
    assert_true(tried > 20);
}

/* All neurons stable: the objective is linear, and encloses the exact gradient. */
static void test_substitution_encloses_exact_gradient(void **state) {
    (void)state;
    lip_rng rng;
    size_t linear = 0;
    lip_rng_seed(&rng, 303);
    for (int i = 0; i < 400; ++i) {
        case_data c = {0};
        lip_error err;
        c.net = random_network(&rng, 3, 3, 6, 2);
        size_t n = lip_inputs(c.net);
        double centre[3] = {uniform(&rng, -2, 2), uniform(&rng, -2, 2), uniform(&rng, -2, 2)};
        assert_int_equal(
            lip_region_box_around(n, centre, 1e-4, -INFINITY, INFINITY, &c.region, &err), LIP_OK);
        c.query = (lip_query){LIP_NORM_INF,
                              LIP_NORM_INF,
                              {i % 2 ? LIP_OUTPUT_MARGIN : LIP_OUTPUT_ROW, 0, 1},
                              c.region,
                              NULL};
        prepare(&rng, &c);
        if (c.lifted->n == n + 1) {
            double select[2] = {1, i % 2 ? -1 : 0};
            memcpy(c.x, centre, sizeof centre);
            double *h = calloc(c.net->units, sizeof *h);
            memcpy(h, centre, sizeof centre);
            lip_forward(c.net, 1, h, c.z);
            lip_pattern(c.net, c.z, c.d);
            exact_values g = exact_reverse(c.net, c.d, select);
            double coefficient[3] = {0}, radius[3] = {0};
            for (size_t k = 0; k < c.lifted->products; ++k) {
                assert_int_equal(c.lifted->objective[k].i, 0);
                coefficient[c.lifted->objective[k].j - 1] = c.lifted->objective[k].value;
                radius[c.lifted->objective[k].j - 1] = c.lifted->objective[k].radius;
            }
            for (size_t j = 0; j < n; ++j) {
                mpfr_t error;
                mpfr_init2(error, 400);
                mpfr_mul_2si(error, g.v[j], -c.lifted->exponent, MPFR_RNDN);
                mpfr_sub_d(error, error, coefficient[j], MPFR_RNDN);
                assert_true(exact_between(error, -radius[j], radius[j]));
                assert_true(radius[j] <= 1e-12);
                mpfr_clear(error);
            }
            exact_clear(&g);
            free(h);
            ++linear;
        }
        clear(&c);
    }
    assert_true(linear > 200);
}

static void test_refusals(void **state) {
    (void)state;
    lip_rng rng;
    lip_error err;
    lip_rng_seed(&rng, 304);
    case_data c = {0};
    c.net = random_network(&rng, 3, 2, 5, 2);
    random_question(&rng, &c);
    prepare(&rng, &c);
    lip_lifted *lifted = NULL;
    lip_lifted_options options = c.options;
    options.largest = 1;
    assert_int_equal(lip_lifted_create(c.net, &c.bounds, &c.query, &options, &lifted, &err),
                     LIP_UNSUPPORTED);
    assert_non_null(strstr(err.message, "at most 1"));
    options = c.options;
    options.part = 1000;
    assert_int_equal(lip_lifted_create(c.net, &c.bounds, &c.query, &options, &lifted, &err),
                     LIP_ARGUMENT);
    assert_null(lifted);
    clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_families_hold_on_true_points),
                                       cmocka_unit_test(test_wrong_phase_is_noticed),
                                       cmocka_unit_test(test_wrong_points_are_noticed),
                                       cmocka_unit_test(test_substitution_encloses_exact_gradient),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
