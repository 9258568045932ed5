/* Containment: enclosures of forward values and Jacobians contain the exact ones (MPFR), and are tight. */
#include "support.h"

#include "net/enclose.h"

static lip_network *some_network(lip_rng *rng, int i) {
    return i % 10 == 9
               ? random_conv_network(rng)
               : random_network(rng, 1 + pick(rng, 6), 1 + pick(rng, 4), 8, 1 + pick(rng, 3));
}

/* One layer at a time from the exact h rounded to midpoint and radius. */
static void test_forward_contains_exact(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 10);
    for (int i = 0; i < 120; ++i) {
        lip_network *net = some_network(&rng, i);
        size_t n = net->units;
        double *c = calloc(n, sizeof *c), *r = calloc(n, sizeof *r),
               *work = calloc(n, sizeof *work);
        double scale = i % 3 == 0 ? 1e-3 : i % 3 == 1 ? 1 : 1e150;
        for (size_t j = 0; j < lip_inputs(net); ++j) c[j] = scale * lip_rng_gaussian(&rng);
        exact_values z = exact_forward(net, c);
        for (size_t l = 1; l <= net->layers; ++l) {
            const lip_layer *layer = &net->layer[l];
            double *lc = c + layer->offset, *lr = r + layer->offset;
            lip_enclose_layer(net, l, 1, c, r, lc, lr, work);
            for (size_t j = 0; j < layer->width; ++j) {
                double lo = lip_enclosure_lo(lc[j], lr[j]), hi = lip_enclosure_hi(lc[j], lr[j]);
                assert_true(exact_between(z.v[layer->offset + j], lo, hi));
                assert_true(lr[j] <= 1e-10 * scale * 1e4);
                if (layer->relu && hi <= 0)
                    lc[j] = lr[j] = 0;
                else if (layer->relu && lo < 0) { /* undecided: [0, hi] */
                    lc[j] = hi / 2;
                    lr[j] = nextafter(hi / 2, INFINITY);
                }
            }
        }
        exact_clear(&z);
        free(c);
        free(r);
        free(work);
        lip_network_free(net);
    }
}

/* For random phases the enclosed Jacobian contains the exact product; with unstable neurons it contains
 * the products for random choices of their derivatives in [0, 1]. */
static void test_reverse_contains_exact(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 11);
    for (int i = 0; i < 120; ++i) {
        lip_network *net = some_network(&rng, i);
        size_t n = net->units, k = lip_outputs(net), wide = lip_widest(net);
        double *d = calloc(3 * n, sizeof *d), *lo = d + n, *hi = lo + n;
        double *gc = calloc(n * k, sizeof *gc), *gr = calloc(n * k, sizeof *gr);
        double *work = calloc(wide * k, sizeof *work), *unit = calloc(k, sizeof *unit);
        size_t *terms = calloc(net->layers + 1, sizeof *terms);
        for (size_t u = 0; u < n; ++u) {
            size_t kind = pick(&rng, i % 2 ? 3 : 2); /* inactive, active, unstable */
            lo[u] = kind == 1;
            hi[u] = kind != 0;
            d[u] = kind == 2 ? lip_rng_uniform(&rng) : lo[u];
        }
        for (size_t j = 0; j < k; ++j) gc[net->layer[net->layers].offset * k + j * k + j] = 1;
        lip_enclose_reverse(net, k, lo, hi, gc, gr, terms, work);
        for (size_t j = 0; j < k; ++j) {
            memset(unit, 0, k * sizeof *unit);
            unit[j] = 1;
            exact_values g = exact_reverse(net, d, unit);
            for (size_t x = 0; x < lip_inputs(net); ++x) {
                double c = gc[x * k + j], r = gr[x * k + j];
                assert_true(exact_between(g.v[x], lip_enclosure_lo(c, r), lip_enclosure_hi(c, r)));
                if (i % 2 == 0) assert_true(r <= 1e-11 * (1 + fabs(c)) * 100);
            }
            exact_clear(&g);
        }
        free(d);
        free(gc);
        free(gr);
        free(work);
        free(unit);
        free(terms);
        lip_network_free(net);
    }
}

/* Products that underflow are paid for: 2^-600 * 2^-600 is not 0. */
static void test_underflow_is_covered(void **state) {
    (void)state;
    size_t width[] = {1, 1, 1};
    double w0 = 0x1p-600, w1 = 1, b0 = 0;
    const double *weight[] = {&w0, &w1}, *bias[] = {&b0, NULL};
    lip_network *net;
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, width, weight, bias, &net, &err), LIP_OK);
    double c[3] = {0x1p-600, 0, 0}, r[3] = {0}, work[1];
    lip_enclose_layer(net, 1, 1, c, r, c + 1, r + 1, work);
    assert_true(lip_enclosure_lo(c[1], r[1]) < 0); /* the sign cannot be decided in doubles */
    assert_true(lip_enclosure_hi(c[1], r[1]) > 0);
    c[0] = 0;
    lip_enclose_layer(net, 1, 1, c, r, c + 1, r + 1, work);
    assert_true(c[1] == 0 && r[1] == 0); /* a true zero stays exact */
    lip_network_free(net);
}

static void test_overflow_is_unbounded(void **state) {
    (void)state;
    assert_true(lip_enclosure_hi(INFINITY, 0) == INFINITY);
    assert_true(lip_enclosure_lo(NAN, 0) == -INFINITY);
    assert_true(lip_enclosure_lo(0, INFINITY) == -INFINITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward_contains_exact),
                                       cmocka_unit_test(test_reverse_contains_exact),
                                       cmocka_unit_test(test_underflow_is_covered),
                                       cmocka_unit_test(test_overflow_is_unbounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
