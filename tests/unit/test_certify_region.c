/* Certificates of lifted problems that know the point, with triangles and products: lipcheck proves what is
 * claimed, whatever the multipliers are.  With a folder as argument the files stay there. */
#include "support.h"

#include "cert/parts.h"
#include "cert/slack.h"
#include "problem/forms.h"
#include "problem/triangles.h"
#include "region/region.h"
#include "solve/interior.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *folder = "."; /* of the files */
static bool keep_files;
static size_t cases = 120, kept, costly, refinements;

enum { MOST_INPUTS = 12 };

typedef struct question {
    lip_network *net;
    lip_region *region;
    lip_query query;
    lip_task task;
    lip_settings settings;
    lip_parts parts;
} question;

/* ---- Questions --------------------------------------------------------------------------- */

static void random_region(lip_rng *rng, size_t n, lip_region **region) {
    static const double sizes[] = {0.1, 0.5, 1, 0x1p-20};
    double centre[MOST_INPUTS], lo[MOST_INPUTS], hi[MOST_INPUTS], eps = sizes[pick(rng, 4)];
    lip_error err;
    for (size_t i = 0; i < n; ++i) {
        centre[i] = lip_rng_gaussian(rng);
        lo[i] = centre[i] - eps * lip_rng_uniform(rng);
        hi[i] = pick(rng, 4) ? centre[i] + eps * lip_rng_uniform(rng) : lo[i];
    }
    switch (pick(rng, 4)) {
    case 0: assert_int_equal(lip_region_ball(n, centre, eps, region, &err), LIP_OK); break;
    case 1: assert_int_equal(lip_region_everywhere(n, region, &err), LIP_OK); break;
    default: assert_int_equal(lip_region_box(n, lo, hi, region, &err), LIP_OK);
    }
}

static void create(lip_rng *rng, bool wide, question *q) {
    size_t n = wide ? MOST_INPUTS : 1 + pick(rng, 4), m = 1 + pick(rng, 3);
    lip_error err;
    memset(q, 0, sizeof *q);
    bool deep = !wide && pick(rng, 8) == 0; /* where bounds have slopes of their own */
    size_t layers = wide ? 1 : deep ? 4 : pick(rng, 10) ? 1 + pick(rng, 3) : 0;
    q->net = random_network(rng, n, layers, wide ? MOST_INPUTS : deep ? 8 : 4, m);
    random_region(rng, n, &q->region);
    q->query = (lip_query){(lip_norm)(1 + pick(rng, 3)),
                           (lip_norm)(1 + pick(rng, 3)),
                           {m > 1 && pick(rng, 2) ? LIP_OUTPUT_MARGIN : LIP_OUTPUT_ALL, 0, 1},
                           q->region,
                           NULL};
    lip_settings_default(&q->settings);
    q->task = (lip_task){.net = q->net, .query = &q->query, .settings = &q->settings};
    q->task.watch = (lip_watch){.started = lip_clock_now(), .deadline = INFINITY};
    lip_bounding how = lip_bounding_of(&q->settings);
    how.linear = pick(rng, 3) > 0;
    assert_int_equal(lip_preactivation_find(q->net, q->region, &how, NULL, &q->task.bounds, &err),
                     LIP_OK);
    refinements += q->task.bounds.refined.count;
    assert_true(lip_parts_create(&q->task, &q->parts));
}

static void clear(question *q) {
    lip_parts_clear(&q->parts);
    lip_statement_clear(&q->task.statement);
    lip_preactivation_clear(&q->task.bounds);
    lip_region_free(q->region);
    lip_network_free(q->net);
}

/* ---- Multipliers ------------------------------------------------------------------------- */

/* Some of every kind: triangles of any three variables and products of any two forms. */
static void add_random_cuts(lip_rng *rng, lip_lifted *lifted) {
    for (int k = 0; k < 12 && lifted->n > 3; ++k) {
        size_t i = pick(rng, lifted->n), j = pick(rng, lifted->n), l = pick(rng, lifted->n);
        if (i == j || i == l || j == l) continue;
        assert_true(
            lip_family_add_triangle(lifted, i, j, l, pick(rng, 2) ? 1 : -1, pick(rng, 2) ? 1 : -1));
    }
    for (int k = 0; k < 30 && lifted->forms > 0; ++k)
        assert_true(
            lip_family_add_product(lifted, pick(rng, lifted->forms), pick(rng, lifted->forms)));
}

static void random_multipliers(lip_rng *rng, const lip_lifted *lifted, lip_multipliers *m) {
    for (size_t g = 0; g < lifted->groups; ++g) m->y[g] = lip_rng_uniform(rng);
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k)
            m->lambda[lip_family_place(lifted, (lip_family)f, k)] =
                0.1 *
                (lip_family_equality((lip_family)f) ? lip_rng_gaussian(rng)
                                                    : lip_rng_uniform(rng)) *
                (double)pick(rng, 3);
}

static lip_multipliers multipliers(const lip_lifted *lifted) {
    return (lip_multipliers){calloc(lifted->groups, sizeof(double)),
                             calloc(lip_family_multipliers(lifted) + 1, sizeof(double))};
}

/* Prove a bound of the part from multipliers, and keep it. */
static void keep(question *q, size_t part, const lip_lifted *lifted, lip_multipliers *m) {
    lip_repair_options options = {20, 1e-9, NULL};
    double bound = 0, before = lip_parts_bound(&q->parts, part);
    lip_error err;
    if (lifted->products > 0)
        assert_int_equal(lip_repair(lifted, m, &options, &bound, &err), LIP_OK);
    assert_true(bound < INFINITY);
    assert_true(lip_parts_keep(&q->parts, part, lifted, m, bound));
    double claim = lip_parts_bound(&q->parts, part);
    assert_true(claim < INFINITY && claim <= before && q->parts.part[part].claim == claim);
    /* certifying costs little, measured by the multipliers, and never gains */
    double most = 0;
    for (size_t g = 0; g < lifted->groups; ++g) most = fmax(most, fabs(m->y[g]));
    if (claim < before) {
        assert_true(claim >= bound);
        assert_true(claim <= bound + 1e-5 * fmax(bound, ldexp(most, lifted->exponent)));
        if (claim > bound * (1 + 1e-7)) ++costly;
        ++kept;
    }
    free(m->y);
    free(m->lambda);
}

static void bound_part(lip_rng *rng, question *q, size_t part, bool random) {
    lip_lifted_options options = {part, true, 0, 100, pick(rng, 5) > 0};
    lip_lifted *lifted;
    lip_error err;
    assert_int_equal(lip_lifted_create(q->net, &q->task.bounds, &q->query, &options, &lifted, &err),
                     LIP_OK);
    double *x = calloc(lifted->n * lifted->n, sizeof *x);
    lip_watch watch = {.deadline = INFINITY};
    lip_interior_options solve = {0, 0, &watch, x, false};
    size_t added;
    assert_true(lip_family_add_products(lifted));
    lip_multipliers m = multipliers(lifted);
    if (lifted->products > 0 && !random)
        assert_int_equal(lip_interior_run(lifted, &solve, &m, &err), LIP_OK);
    keep(q, part, lifted, &m);
    assert_true(lip_forms_create(lifted));
    if (!random) {
        assert_true(lip_triangles_separate(lifted, x, true, 60, &added));
        assert_true(lip_forms_separate(lifted, x, 60, &added));
        m = multipliers(lifted);
        if (lifted->products > 0)
            assert_int_equal(lip_interior_run(lifted, &solve, &m, &err), LIP_OK);
    } else {
        add_random_cuts(rng, lifted);
        m = multipliers(lifted);
        if (lifted->products > 0) random_multipliers(rng, lifted, &m);
        q->parts.part[part].claim = INFINITY; /* these count, however bad they are */
    }
    keep(q, part, lifted, &m);
    free(x);
    lip_lifted_free(lifted);
}

/* ---- Files ------------------------------------------------------------------------------- */

static void write_certificate(question *q, const char *path) {
    lip_result result = {.n = lip_inputs(q->net)};
    double value = INFINITY;
    char *text;
    size_t size;
    lip_error err;
    result.proof = lip_proof_create();
    assert_non_null(result.proof);
    assert_true(lip_parts_write(&q->parts, &value));
    assert_true(value < INFINITY && q->task.statement.text.size > 0);
    assert_true(lip_proof_bounds(result.proof, q->net, &q->task.bounds));
    lip_proof_offer(result.proof, value, &q->task.statement);
    assert_true(result.proof->upper == value);
    assert_int_equal(lip_certificate(q->net, &q->query, &result, &text, &size, &err), LIP_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(text);
    lip_proof_free(result.proof);
}

/* The exit status of lipcheck. */
static int run_checker(const char *network, const char *certificate) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(3);
        execl(LIPCHECK, "lipcheck", network, certificate, (char *)NULL);
        _exit(3);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_question(question *q, size_t number) {
    char network[200], certificate[200];
    lip_error err;
    snprintf(network, sizeof network, "%.150s/region-%d-%zu.net", folder, (int)getpid(), number);
    snprintf(certificate, sizeof certificate, "%.150s/region-%d-%zu.cert", folder, (int)getpid(),
             number);
    assert_int_equal(lip_network_save(q->net, network, &err), LIP_OK);
    write_certificate(q, certificate);
    int status = run_checker(network, certificate);
    if (status != 0) print_message("case %zu: lipcheck exits with %d\n", number, status);
    if (!keep_files) {
        remove(network);
        remove(certificate);
        assert_int_equal(status, 0);
    }
}

/* ---- The test ---------------------------------------------------------------------------- */

static void test_lipcheck_proves_what_is_claimed(void **state) {
    (void)state;
    lip_rng rng;
    size_t points = 0;
    lip_rng_seed(&rng, 351);
    for (size_t i = 0; i < cases; ++i) {
        question q;
        create(&rng, i % 20 == 19, &q);
        for (size_t part = 0; part < q.parts.count; ++part) bound_part(&rng, &q, part, i % 2 == 0);
        check_question(&q, i);
        points += q.region->kind != LIP_EVERYWHERE;
        clear(&q);
    }
    assert_true(points > cases / 2);
    assert_true(refinements > cases / 20);
    assert_true(kept > cases && costly < kept / 20);
}

/* Products of long vectors:  p'S p = - f(p) - sum lambda_k g_k(p)  for any p, within the radii, which are small. */
static void test_long_products(void **state) {
    (void)state;
    lip_rng rng;
    size_t pairs = 0;
    lip_error err;
    lip_rng_seed(&rng, 352);
    for (int i = 0; i < 60; ++i) {
        question q;
        lip_lifted *lifted;
        lip_slack slack;
        create(&rng, true, &q);
        lip_lifted_options options = {0, true, 0, 100, true};
        assert_int_equal(
            lip_lifted_create(q.net, &q.task.bounds, &q.query, &options, &lifted, &err), LIP_OK);
        assert_true(lip_forms_create(lifted));
        add_random_cuts(&rng, lifted);
        lip_multipliers m = multipliers(lifted);
        random_multipliers(&rng, lifted, &m);
        double *p = calloc(lifted->n, sizeof *p), form = 0, radius = 0;
        lip_product *list = calloc(lip_family_most_products(lifted), sizeof *list);
        for (size_t k = 0; k < lifted->n; ++k) p[k] = uniform(&rng, -1, 1);
        assert_true(lip_slack_create(lifted, &slack) && lip_slack_assemble(&slack, m.lambda));
        pairs += slack.long_pairs.pairs;
        double expected = -lip_products_value(lifted->products, lifted->objective, p);
        for (size_t a = 0; a < lifted->n; ++a) {
            for (size_t b = 0; b <= a; ++b)
                form += (a == b ? 1 : 2) * slack.base[a * lifted->n + b] * p[a] * p[b];
            radius += slack.radius[a];
        }
        for (int f = 0; f < LIP_FAMILIES; ++f)
            for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k)
                expected -= m.lambda[lip_family_place(lifted, (lip_family)f, k)] *
                            lip_products_value(lip_family_products(lifted, (lip_family)f, k, list),
                                               list, p);
        assert_true(fabs(form - expected) <= radius && radius < 1e-11);
        lip_slack_clear(&slack);
        free(list);
        free(p);
        free(m.y);
        free(m.lambda);
        lip_lifted_free(lifted);
        clear(&q);
    }
    assert_true(pairs > 50);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_products),
                                       cmocka_unit_test(test_lipcheck_proves_what_is_claimed)};
    keep_files = argc > 1;
    if (keep_files) folder = argv[1];
    if (argc > 2) cases = (size_t)strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
