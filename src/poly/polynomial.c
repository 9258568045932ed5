/* Sparse polynomials.
 *
 * Radii.  Let a = A +- r, b = B +- s.  Then  |ab - fl(AB)| <= UNIT |fl(AB)| + 2^-1022 + |A| s + r
 * |B| + r s and        |a + b - fl(A + B)| <= UNIT |fl(A + B)| + r + s.
 * Every radius computed here is a sum of at most six nonnegative products and is enlarged by a
 * factor 1 + 16 UNIT, which covers its own roundings; magnitudes in products are inflated
 * (lip_magnitude), so that underflow is covered too.  A product in which one factor is a power of
 * two and nothing underflows is exact: that is what the test with fma sees. */
#include "poly/polynomial.h"

#include "base/memory.h"
#include "base/round.h"

#include <math.h>
#include <stdlib.h>

static const double ENLARGE = 1 + 16 * LIP_UNIT;

void lip_poly_clear(lip_poly *p) {
    free(p->term);
    *p = (lip_poly){0};
}

bool lip_poly_append(lip_poly *p, const lip_monomial *m, double value, double radius) {
    if (!lip_grow((void **)&p->term, &p->room, p->count + 1, sizeof *p->term)) return false;
    p->term[p->count++] = (lip_poly_term){*m, value, radius};
    return true;
}

/* Is fl(a b) the product itself?  Above 2^-900 the error of a product is a double, and fma finds
 * it. */
static bool exact_product(double a, double b, double product) {
    return product == 0 ? a == 0 || b == 0 : fabs(product) > 0x1p-900 && fma(a, b, -product) == 0;
}

/* (a +- r) (b +- s) */
static void multiply(double a, double r, double b, double s, double *value, double *radius) {
    *value = a * b;
    *radius = 0;
    if ((a == 0 && r == 0) || (b == 0 && s == 0)) return;
    if (r == 0 && s == 0 && exact_product(a, b, *value)) return;
    double error = LIP_UNIT * fabs(*value) + 0x1p-1020 + lip_magnitude(a) * lip_magnitude(s) +
                   lip_magnitude(r) * lip_magnitude(b) + lip_magnitude(r) * lip_magnitude(s);
    *radius = error * ENLARGE;
}

/* *value +- *radius += v +- r */
static void add(double *value, double *radius, double v, double r) {
    double sum = *value + v, back = sum - *value;
    /* Knuth's two-sum: the error of the addition, exactly (no overflow, or the sum is not finite)
     * */
    double error = (*value - (sum - back)) + (v - back);
    double total = *radius + r + (error == 0 ? 0 : LIP_UNIT * fabs(sum));
    *radius = total == 0 ? 0 : total * ENLARGE;
    *value = sum;
}

/* ---- What a checker pays ----------------------------------------------------------------- */

/* For a product of known numbers. */
static double product_cost(double a, double b) {
    bool exact = a == 0 || b == 0 || fabs(a) == 1 || fabs(b) == 1;
    return exact ? 0 : LIP_UNIT * lip_magnitude(a) * lip_magnitude(b);
}

/* For (value +- radius) q.  Sums of magnitudes bound every polynomial with coefficients in these radii:
 * |a b|_1 <= |a|_1 |b|_1. */
static double scaled_cost(double value, double radius, const lip_poly *q) {
    double cost = 0, size = 0;
    for (size_t i = 0; i < q->count; ++i) {
        cost += product_cost(value, q->term[i].value);
        size += lip_magnitude(q->term[i].value) + lip_magnitude(q->term[i].radius);
    }
    double loose = lip_magnitude(q->loose), r = lip_magnitude(radius);
    return cost + lip_magnitude(value) * loose + r * (size + loose);
}

/* n numbers of this size together, added up in any order. */
static double addition_cost(double addends, double size) {
    return addends > 1 ? (addends - 1) * LIP_UNIT * size : 0;
}

bool lip_poly_append_scaled(lip_poly *p, double value, double radius, const lip_poly *q) {
    if (value == 0 && radius == 0) return true;
    p->loose += scaled_cost(value, radius, q);
    for (size_t i = 0; i < q->count; ++i) {
        double v, r;
        multiply(value, radius, q->term[i].value, q->term[i].radius, &v, &r);
        if (!lip_poly_append(p, &q->term[i].monomial, v, r)) return false;
    }
    return true;
}

bool lip_poly_append_product(lip_poly *p, double factor, const lip_monomial *m, const lip_poly *q,
                             const bool *binary) {
    if (factor == 0) return true;
    p->loose += scaled_cost(factor, 0, q);
    for (size_t i = 0; i < q->count; ++i) {
        lip_monomial product = lip_monomial_multiply(m, &q->term[i].monomial, binary);
        double v, r;
        multiply(factor, 0, q->term[i].value, q->term[i].radius, &v, &r);
        if (!lip_poly_append(p, &product, v, r)) return false;
    }
    return true;
}

static int by_monomial(const void *a, const void *b) {
    const lip_poly_term *x = a, *y = b;
    int order = lip_monomial_compare(&x->monomial, &y->monomial);
    if (order) return order;
    /* a fixed order of addition: the same bits on every platform's qsort */
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->radius > y->radius) - (x->radius < y->radius);
}

void lip_poly_gather(lip_poly *p) {
    size_t kept = 0;
    if (p->count > 1) qsort(p->term, p->count, sizeof *p->term, by_monomial);
    for (size_t i = 0; i < p->count;) {
        lip_poly_term sum = p->term[i++];
        double size = fabs(sum.value), addends = 1;
        for (; i < p->count && !lip_monomial_compare(&p->term[i].monomial, &sum.monomial); ++i) {
            add(&sum.value, &sum.radius, p->term[i].value, p->term[i].radius);
            size += fabs(p->term[i].value);
            ++addends;
        }
        p->loose += addition_cost(addends, size);
        if (sum.value != 0 || sum.radius != 0) p->term[kept++] = sum;
    }
    p->count = kept;
}

bool lip_poly_multiply(lip_poly *p, const lip_poly *a, const lip_poly *b, const bool *binary) {
    lip_poly product = {0};
    bool ok = true;
    for (size_t i = 0; i < a->count; ++i) product.loose += scaled_cost(a->term[i].value, 0, b);
    for (size_t j = 0; j < b->count; ++j)
        product.loose += lip_magnitude(b->term[j].value) * lip_magnitude(a->loose);
    product.loose += lip_magnitude(a->loose) * lip_magnitude(b->loose);
    for (size_t i = 0; ok && i < a->count; ++i)
        for (size_t j = 0; ok && j < b->count; ++j) {
            const lip_poly_term *x = &a->term[i], *y = &b->term[j];
            lip_monomial m = lip_monomial_multiply(&x->monomial, &y->monomial, binary);
            double v, r;
            multiply(x->value, x->radius, y->value, y->radius, &v, &r);
            ok = lip_poly_append(&product, &m, v, r);
        }
    lip_poly_gather(&product);
    lip_poly_clear(p);
    *p = product;
    return ok;
}

/* ---- Sums of many pieces ----------------------------------------------------------------- */

bool lip_poly_sum_add_term(lip_poly_sum *sum, const lip_monomial *m, double value, double radius) {
    size_t before = sum->table.count, number;
    if (!lip_monomial_enter(&sum->table, m, &number)) return false;
    if (sum->table.count > before) {
        if (!lip_grow((void **)&sum->value, &sum->value_room, number + 1, sizeof(double)) ||
            !lip_grow((void **)&sum->radius, &sum->radius_room, number + 1, sizeof(double)) ||
            !lip_grow((void **)&sum->size, &sum->size_room, number + 1, sizeof(double)) ||
            !lip_grow((void **)&sum->addends, &sum->addend_room, number + 1, sizeof(double))) {
            /* the entry without a coefficient: nothing may read it */
            lip_poly_sum_clear(sum);
            return false;
        }
        sum->value[number] = sum->radius[number] = sum->size[number] = sum->addends[number] = 0;
    }
    sum->size[number] += fabs(value);
    ++sum->addends[number];
    add(&sum->value[number], &sum->radius[number], value, radius);
    return true;
}

bool lip_poly_sum_add(lip_poly_sum *sum, double factor, const lip_monomial *m, const lip_poly *q,
                      const bool *binary) {
    if (factor == 0) return true;
    sum->loose += scaled_cost(factor, 0, q);
    for (size_t i = 0; i < q->count; ++i) {
        lip_monomial product = lip_monomial_multiply(m, &q->term[i].monomial, binary);
        double v, r;
        multiply(factor, 0, q->term[i].value, q->term[i].radius, &v, &r);
        if (!lip_poly_sum_add_term(sum, &product, v, r)) return false;
    }
    return true;
}

void lip_poly_sum_clear(lip_poly_sum *sum) {
    lip_monomial_table_clear(&sum->table);
    free(sum->value);
    free(sum->radius);
    free(sum->size);
    free(sum->addends);
    *sum = (lip_poly_sum){0};
}

double lip_poly_sum_bound(const lip_poly_sum *sum) {
    double bound = 0, check = 0;
    for (size_t i = 0; i < sum->table.count; ++i) {
        double value = sum->value[i], size = sum->table.item[i].degree ? fabs(value) : value;
        bound = lip_add_up(bound, lip_add_up(size, 4 * sum->radius[i]));
        check += 0 * value + 0 * sum->radius[i];
    }
    return check == 0 && bound < INFINITY ? bound : INFINITY;
}

/* Costs count four times, for other orders of multiplication, sums of radii that are rounded and
 * checkers with coarser constants.  The magnitudes of P are added up with each sum rounded up. */
double lip_poly_sum_claim(const lip_poly_sum *sum) {
    double bound = lip_poly_sum_bound(sum), loose = sum->loose;
    size_t n = sum->table.count;
    if (!(bound < INFINITY)) return INFINITY;
    for (size_t i = 0; i < n; ++i) loose += addition_cost(sum->addends[i], sum->size[i]);
    double magnitude = n > 1 ? fabs(bound) + 4 * loose : 0;
    for (size_t i = 0; i < n; ++i)
        if (n > 1 && sum->table.item[i].degree == 0) magnitude += fabs(sum->value[i]);
    double extra = 4 * loose + 2 * LIP_UNIT * (double)n * magnitude;
    if (extra > 0) bound = lip_add_up(bound, lip_up(extra));
    return bound < INFINITY ? bound : INFINITY;
}
