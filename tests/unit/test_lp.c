/* Linear and mixed-integer programs with known answers, their duals, and life without HiGHS. */
#include "support.h"

#include "solve/lp.h"

static lip_lp_library *open_library(void) {
    lip_lp_library *library;
    lip_error err;
    assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
    if (!library) {
        print_message("HiGHS was not found: tools/deps.sh --highs\n");
        skip();
    }
    return library;
}

static lip_lp *create(const lip_lp_library *library, const lip_lp_problem *p) {
    lip_lp *lp;
    lip_error err;
    assert_int_equal(lip_lp_create(library, p, &lp, &err), LIP_OK);
    assert_non_null(lp);
    return lp;
}

/* maximise 3x + 2y, x + y <= 4, x + 3y <= 7, 0 <= x <= 3: (3, 1), 11, multipliers 2, 0 and 1 of x <= 3. */
static const double cost[] = {-3, -2}, col_lo[] = {0, 0}, col_hi[] = {3, INFINITY};
static const double row_lo[] = {-INFINITY, -INFINITY}, row_hi[] = {4, 7}, value[] = {1, 1, 1, 3};
static const size_t start[] = {0, 2, 4}, column[] = {0, 1, 0, 1};

static lip_lp_problem textbook(void) {
    return (lip_lp_problem){2, 2, cost, col_lo, col_hi, row_lo, row_hi, start, column, value, NULL};
}

static void test_known_program(void **state) {
    (void)state;
    lip_lp_library *library = open_library();
    lip_lp_problem p = textbook();
    lip_lp *lp = create(library, &p);
    double x[2], row_dual[2], col_dual[2];
    lip_lp_answer a = {.x = x, .row_dual = row_dual, .col_dual = col_dual};
    lip_lp_solve(lp, NULL, 10, &a);
    assert_int_equal(a.outcome, LIP_LP_OPTIMAL);
    assert_true(a.feasible && fabs(a.value + 11) < 1e-9 && a.bound == a.value);
    assert_true(fabs(x[0] - 3) < 1e-9 && fabs(x[1] - 1) < 1e-9);
    assert_true(fabs(row_dual[0] + 2) < 1e-9 && fabs(row_dual[1]) < 1e-9);
    assert_true(fabs(col_dual[0] + 1) < 1e-9 && fabs(col_dual[1]) < 1e-9);

    /* another objective, from the last basis: minimise x - y */
    double other[] = {1, -1};
    lip_lp_answer b = {.x = x};
    lip_lp_solve(lp, other, 10, &b);
    assert_int_equal(b.outcome, LIP_LP_OPTIMAL);
    assert_true(fabs(b.value + 7.0 / 3) < 1e-9 && fabs(x[0]) < 1e-9 && fabs(x[1] - 7.0 / 3) < 1e-9);
    lip_lp_free(lp);
    lip_lp_library_close(library);
}

static void test_infeasible_and_unbounded(void **state) {
    (void)state;
    lip_lp_library *library = open_library();
    lip_lp_answer a = {0};
    double low[] = {0, 7}, high[] = {1, INFINITY}, free_lo[] = {-INFINITY, 0};
    lip_lp_problem p = textbook();
    p.row_lo = low;
    p.row_hi = high;
    lip_lp *lp = create(library, &p);
    lip_lp_solve(lp, NULL, 10, &a); /* x + y <= 1 and x + 3y >= 7 */
    assert_int_equal(a.outcome, LIP_LP_INFEASIBLE);
    assert_false(a.feasible);
    assert_true(a.bound == -INFINITY);
    lip_lp_free(lp);
    p = textbook();
    p.col_lo = free_lo;
    lp = create(library, &p);
    lip_lp_solve(lp, (double[]){1, 0}, 10, &a);
    assert_int_equal(a.outcome, LIP_LP_UNBOUNDED);
    lip_lp_free(lp);
    lip_lp_library_close(library);
}

/* A knapsack: the best of all 2^12 fillings. */
static void test_integers(void **state) {
    (void)state;
    enum { N = 12 };
    lip_lp_library *library = open_library();
    lip_rng rng;
    lip_rng_seed(&rng, 710);
    for (int i = 0; i < 5; ++i) {
        double c[N], w[N], lo[N] = {0}, hi[N], room = 0, best = 0, x[N];
        bool integer[N];
        size_t index[N], starts[] = {0, N};
        for (size_t j = 0; j < N; ++j) {
            c[j] = -1 - (double)pick(&rng, 20);
            w[j] = 1 + (double)pick(&rng, 20);
            hi[j] = 1;
            index[j] = j;
            integer[j] = true;
            room += w[j] / 2;
        }
        for (unsigned set = 0; set < 1u << N; ++set) {
            double gain = 0, weight = 0;
            for (size_t j = 0; j < N; ++j)
                if (set >> j & 1) {
                    gain += c[j];
                    weight += w[j];
                }
            if (weight <= room && gain < best) best = gain;
        }
        double none = -INFINITY;
        lip_lp_problem p = {N, 1, c, lo, hi, &none, &room, starts, index, w, integer};
        lip_lp *lp = create(library, &p);
        lip_lp_answer a = {.x = x};
        lip_lp_solve(lp, NULL, 30, &a);
        assert_int_equal(a.outcome, LIP_LP_OPTIMAL);
        assert_true(fabs(a.value - best) < 1e-6 && a.bound <= best + 1e-6);
        for (size_t j = 0; j < N; ++j) assert_true(fabs(x[j] - round(x[j])) < 1e-6);
        lip_lp_free(lp);
    }
    lip_lp_library_close(library);
}

/* Random programs: the multipliers prove the value (weak duality), whatever the shape of the rows. */
static void test_multipliers_prove_the_value(void **state) {
    (void)state;
    enum { COLS = 7, ROWS = 5 };
    lip_lp_library *library = open_library();
    lip_rng rng;
    lip_rng_seed(&rng, 711);
    for (int turn = 0; turn < 40; ++turn) {
        double c[COLS], lo[COLS], hi[COLS], rlo[ROWS], rhi[ROWS], a[ROWS * COLS], x0[COLS];
        double row_dual[ROWS], col_dual[COLS];
        size_t starts[ROWS + 1], index[ROWS * COLS];
        for (size_t j = 0; j < COLS; ++j) {
            c[j] = lip_rng_gaussian(&rng);
            lo[j] = uniform(&rng, -2, 0);
            hi[j] = uniform(&rng, 0, 2);
            x0[j] = uniform(&rng, lo[j], hi[j]);
        }
        starts[0] = 0;
        for (size_t i = 0; i < ROWS; ++i) {
            double at = 0;
            for (size_t j = 0; j < COLS; ++j) {
                index[i * COLS + j] = j;
                a[i * COLS + j] = lip_rng_gaussian(&rng);
                at += a[i * COLS + j] * x0[j];
            }
            starts[i + 1] = (i + 1) * COLS;
            rlo[i] = pick(&rng, 3) == 0 ? -INFINITY : at - uniform(&rng, 0, 1);
            rhi[i] = pick(&rng, 3) == 0 ? INFINITY : at + uniform(&rng, 0, 1);
        }
        lip_lp_problem p = {COLS, ROWS, c, lo, hi, rlo, rhi, starts, index, a, NULL};
        lip_lp *lp = create(library, &p);
        lip_lp_answer answer = {.row_dual = row_dual, .col_dual = col_dual};
        lip_lp_solve(lp, NULL, 10, &answer);
        assert_int_equal(answer.outcome, LIP_LP_OPTIMAL);
        double bound = 0;
        for (size_t i = 0; i < ROWS; ++i)
            if (fabs(row_dual[i]) > 1e-12)
                bound += row_dual[i] * (row_dual[i] > 0 ? rlo[i] : rhi[i]);
        for (size_t j = 0; j < COLS; ++j) {
            double d = c[j];
            for (size_t i = 0; i < ROWS; ++i) d -= row_dual[i] * a[i * COLS + j];
            assert_true(fabs(d - col_dual[j]) < 1e-7);
            bound += d * (d > 0 ? lo[j] : hi[j]);
        }
        assert_true(fabs(bound - answer.value) < 1e-6);
        lip_lp_free(lp);
    }
    lip_lp_library_close(library);
}

static void test_no_time(void **state) {
    (void)state;
    enum { N = 60 };
    lip_lp_library *library = open_library();
    lip_rng rng;
    lip_rng_seed(&rng, 712);
    double *a = calloc(N * N, sizeof *a), c[N], lo[N], hi[N], rlo[N], rhi[N];
    size_t starts[N + 1], *index = calloc(N * N, sizeof *index);
    bool integer[N];
    for (size_t j = 0; j < N; ++j) {
        c[j] = lip_rng_gaussian(&rng);
        lo[j] = 0;
        hi[j] = 9;
        rlo[j] = 0.3;
        rhi[j] = 40;
        integer[j] = true;
        starts[j] = j * N;
        for (size_t i = 0; i < N; ++i) {
            index[j * N + i] = i;
            a[j * N + i] = lip_rng_gaussian(&rng);
        }
    }
    starts[N] = N * N;
    lip_lp_problem p = {N, N, c, lo, hi, rlo, rhi, starts, index, a, integer};
    lip_lp *lp = create(library, &p);
    lip_lp_answer answer = {0};
    lip_lp_solve(lp, NULL, 0.2, &answer);
    assert_int_equal(answer.outcome, LIP_LP_STOPPED);
    assert_true(!answer.feasible || answer.bound <= answer.value + 1e-6);
    lip_lp_free(lp);
    lip_lp_library_close(library);
    free(a);
    free(index);
}

/* "none", a file that is not there, a library that is not HiGHS: no library, no error. */
static void test_absent(void **state) {
    (void)state;
    static const char *const places[] = {"none", "/nowhere/libhighs.so", "libm.so.6"};
    const char *before = getenv("LIPCERT_HIGHS");
    char *saved = before ? strdup(before) : NULL;
    for (size_t i = 0; i < 3; ++i) {
        lip_lp_library *library;
        lip_error err;
        setenv("LIPCERT_HIGHS", places[i], 1);
        assert_int_equal(lip_lp_library_open(&library, &err), LIP_OK);
        assert_null(library);
    }
    if (saved)
        setenv("LIPCERT_HIGHS", saved, 1);
    else
        unsetenv("LIPCERT_HIGHS");
    free(saved);
    lip_lp_library_close(NULL);
    lip_lp_free(NULL);
}

/* The textbook program row by row, with one row too many in between. */
static void test_rows(void **state) {
    (void)state;
    lip_lp_library *library = open_library();
    const size_t none[] = {0}, one[] = {0, 2};
    const double tight[] = {2, 9};
    const bool remove[] = {false, true, false};
    lip_lp_problem empty = {2, 0, cost, col_lo, col_hi, NULL, NULL, none, NULL, NULL, NULL};
    lip_lp *lp = create(library, &empty);
    double x[2], row_dual[3];
    lip_lp_answer a = {.x = x, .row_dual = row_dual};
    lip_lp_set_tolerance(lp, 1e-9);
    lip_lp_solve(lp, NULL, 10, &a);
    assert_true(a.outcome != LIP_LP_OPTIMAL); /* y has no bound */
    assert_true(lip_lp_add_rows(lp, 1, row_lo, row_hi, one, column, value));
    assert_true(lip_lp_add_rows(lp, 1, row_lo, tight, one, column, value)); /* x + y <= 2 */
    assert_true(lip_lp_add_rows(lp, 1, row_lo + 1, row_hi + 1, one, column, value + 2));
    lip_lp_solve(lp, NULL, 10, &a);
    assert_int_equal(a.outcome, LIP_LP_OPTIMAL);
    assert_true(fabs(a.value + 6) <= 1e-9 && fabs(row_dual[1] + 3) <= 1e-9);
    assert_true(lip_lp_remove_rows(lp, remove));
    lip_lp_solve(lp, NULL, 10, &a);
    assert_int_equal(a.outcome, LIP_LP_OPTIMAL);
    assert_true(fabs(a.value + 11) <= 1e-9 && fabs(x[0] - 3) <= 1e-9 && fabs(x[1] - 1) <= 1e-9);
    assert_true(fabs(row_dual[0] + 2) <= 1e-9 && fabs(row_dual[1]) <= 1e-9);
    lip_lp_free(lp);
    lip_lp_library_close(library);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_known_program),
                                       cmocka_unit_test(test_infeasible_and_unbounded),
                                       cmocka_unit_test(test_integers),
                                       cmocka_unit_test(test_multipliers_prove_the_value),
                                       cmocka_unit_test(test_no_time),
                                       cmocka_unit_test(test_absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
