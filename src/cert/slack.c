/* The slack matrix, with all rounding.
 *
 * For every true point p, with G_g the sum of squares of group g (size d_g) and any lambda of the right
 * signs,
 *
 *     sum_g y_g d_g - f(p) = p'S p + sum_g y_g (d_g - G_g(p)) + sum_k lambda_k g_k(p) >= p'S p,
 *
 * so f <= sum y d - min p'S p.  Computed is M, with |S - M| <= E entrywise.  Since |p_i| <= 1,
 * |p'(S - M) p| is at most the sum of E: only row sums of E are kept.  They grow by
 *
 *     one operation   UNIT |result|   for every product and every addition (base/round.h, fact 1),
 *     radii           |lambda| radius of the coefficient.
 *
 * Cuts are sums of pairs of vectors; those of two long vectors are left to slack_long.c.
 *
 * If the factorisation of D M D completes, D diagonal with powers of two, then (linalg/cholesky.h)
 *
 *     p'M p >= -slack(n, trace of D M D) |D^-1 p|^2,
 *
 * and D_i = (d_i / M_ii)^(1/4), about, nearly minimises the product of trace and |D^-1 p|^2 over true
 * p: the bound then loses about n u (sum of sqrt(d_i M_ii))^2, small however different the scales of
 * the variables are.  The completion itself does not depend on D. */
#include "cert/slack.h"

#include "base/memory.h"
#include "base/round.h"
#include "cert/slack_long.h"
#include "linalg/cholesky.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for every product list that is written at once. */
static size_t most_products(const lip_lifted *lifted) {
    size_t longest = 0, most;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        size_t length = lifted->neuron[k].last - lifted->neuron[k].first;
        if (length > longest) longest = length;
    }
    most = 2 * longest + 3;
    for (size_t t = 0; t < lifted->pairs; ++t) {
        const lip_pair *pair = &lifted->pair[t];
        size_t count = lip_vector_length(lifted, pair->i) * lip_vector_length(lifted, pair->j);
        if (!lip_pair_is_long(lifted, pair) && count > most) most = count;
    }
    return most;
}

bool lip_slack_create(const lip_lifted *lifted, lip_slack *slack) {
    size_t count;
    *slack = (lip_slack){.lifted = lifted};
    if (!lip_multiply_sizes(lifted->n, lifted->n, &count)) return false;
    slack->base = LIP_NEW(double, count);
    slack->work = LIP_NEW(double, count);
    slack->radius = LIP_NEW(double, 2 * lifted->n);
    slack->product = LIP_NEW(lip_product, most_products(lifted));
    return slack->base && slack->work && slack->radius && slack->product &&
           lip_slack_long_create(slack);
}

void lip_slack_clear(lip_slack *slack) {
    free(slack->base);
    free(slack->work);
    free(slack->radius);
    free(slack->product);
    lip_slack_long_clear(slack);
    *slack = (lip_slack){0};
}

/* ---- Assembling -------------------------------------------------------------------------- */

/* Count the products of every entry, in work. */
static void count_product(lip_slack *slack, double factor, const lip_product *product) {
    (void)factor;
    ++slack->work[product->j * slack->lifted->n + product->i];
}

/* base -= factor (value +- radius) p_i p_j; i != j: half of it on either side of the diagonal, so one
 * entry of the lower triangle and of each of two rows. */
static void subtract(lip_slack *slack, double factor, const lip_product *product) {
    size_t i = product->i, j = product->j;
    double half = i == j ? 1 : 0.5;
    double *entry = &slack->base[j * slack->lifted->n + i];
    double part = half * (factor * product->value);
    *entry -= part;
    /* two roundings of the part (halving may underflow) and one of the sum; the radius' own product
     * is rounded too */
    double error = 3 * LIP_UNIT * lip_magnitude(part) + LIP_UNIT * fabs(*entry) +
                   half * lip_magnitude(factor) * lip_magnitude(product->radius);
    if (factor == 0 || (product->value == 0 && product->radius == 0)) return;
    if (part == 0) error += 0x1p-1020; /* the whole product may have underflowed */
    if (slack->weight)
        error += (slack->work[j * slack->lifted->n + i] + 4) * LIP_UNIT * lip_magnitude(part);
    slack->radius[i] += error * lip_slack_weight(slack, j);
    if (i != j) slack->radius[j] += error * lip_slack_weight(slack, i);
}

typedef void visitor(lip_slack *slack, double factor, const lip_product *product);

static void visit_cut(lip_slack *slack, double factor, const lip_cut *cut, visitor *visit,
                      size_t *most) {
    for (size_t t = cut->first; t < cut->last; ++t) {
        const lip_pair *pair = &slack->lifted->pair[t];
        if (lip_pair_is_long(slack->lifted, pair)) {
            if (visit == subtract) lip_slack_long_add(slack, factor, pair);
            continue;
        }
        size_t count = lip_pair_products(slack->lifted, pair, slack->product);
        for (size_t c = 0; c < count; ++c) visit(slack, factor, &slack->product[c]);
        *most += count;
    }
}

/* All products but those of long vectors; *most: their number.  False if a multiplier has the wrong sign. */
static bool visit_families(lip_slack *slack, const double *lambda, visitor *visit, size_t *most) {
    const lip_lifted *lifted = slack->lifted;
    lip_product *product = slack->product;
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k) {
            double factor = lambda[lip_family_place(lifted, (lip_family)f, k)];
            if (factor == 0) continue;
            if (!(factor > 0) && !lip_family_equality((lip_family)f)) return false;
            if (f >= LIP_FIRST_CUT) {
                visit_cut(slack, factor, lip_family_cut(lifted, (lip_family)f, k), visit, most);
                continue;
            }
            size_t count = lip_family_products(lifted, (lip_family)f, k, product);
            for (size_t c = 0; c < count; ++c) visit(slack, factor, &product[c]);
            *most += count;
        }
    return true;
}

static bool visit_all(lip_slack *slack, const double *lambda, visitor *visit, size_t *most) {
    const lip_lifted *lifted = slack->lifted;
    *most = lifted->products;
    for (size_t c = 0; c < lifted->products; ++c) visit(slack, 1, &lifted->objective[c]);
    return visit_families(slack, lambda, visit, most);
}

bool lip_slack_assemble(lip_slack *slack, const double *lambda) {
    const lip_lifted *lifted = slack->lifted;
    size_t n = lifted->n, most;
    memset(slack->base, 0, n * n * sizeof *slack->base);
    memset(slack->work, 0, n * n * sizeof *slack->work);
    memset(slack->radius, 0, n * sizeof *slack->radius);
    slack->long_pairs.pairs = 0;
    if (slack->weight && !visit_all(slack, lambda, count_product, &most)) return false;
    if (!visit_all(slack, lambda, subtract, &most)) return false;
    most += lip_slack_long_subtract(slack);
    double check = 0;
    for (size_t i = 0; i < n; ++i) {
        slack->radius[i] = lip_sum_up(slack->radius[i], 2 * most + 8);
        for (size_t j = 0; j <= i; ++j) check += 0 * slack->base[i * n + j];
        check += 0 * slack->radius[i];
    }
    return check == 0;
}

/* ---- Proving ----------------------------------------------------------------------------- */

void lip_slack_matrix(const lip_slack *slack, const double *y) {
    const lip_lifted *lifted = slack->lifted;
    size_t n = lifted->n;
    for (size_t i = 0; i < n; ++i)
        memcpy(slack->work + i * n, slack->base + i * n, (i + 1) * sizeof *slack->work);
    for (size_t i = 0; i < n; ++i) slack->work[i * n + i] += y[lifted->variable[i].group];
}

/* The size of a variable's group bounds p_i^2; shared by count variables it is spread evenly when the
 * scaling is chosen. */
static int scaling_exponent(const lip_lifted *lifted, size_t i, double diagonal) {
    const lip_group *group = &lifted->group[lifted->variable[i].group];
    int exponent;
    frexp(group->size / (double)group->count / diagonal, &exponent);
    return exponent / 4;
}

/* work = D work D with the largest trace and |D^-1 p|^2 that are possible; false unless the diagonal
 * is positive. */
static bool scale(const lip_slack *slack, double *trace, double *squares) {
    const lip_lifted *lifted = slack->lifted;
    size_t n = lifted->n;
    double *d = slack->radius + n;
    *trace = *squares = 0;
    for (size_t i = 0; i < n; ++i) {
        double diagonal = slack->work[i * n + i];
        if (!(diagonal > 0x1p-400) || !(diagonal < 0x1p400)) return false;
        d[i] = ldexp(1, scaling_exponent(lifted, i, diagonal));
        *trace = lip_add_up(*trace, lip_up(d[i] * d[i] * diagonal));
    }
    for (size_t g = 0; g < lifted->groups; ++g) {
        double most = 0; /* of 1 / d^2 over the group */
        for (size_t i = lifted->group[g].first; i < lifted->group[g].first + lifted->group[g].count;
             ++i)
            most = fmax(most, 1 / (d[i] * d[i]));
        *squares = lip_add_up(*squares, lip_mul_up(most, lifted->group[g].size));
    }
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j <= i; ++j) slack->work[i * n + j] *= d[i] * d[j];
    return true;
}

double lip_slack_prove(const lip_slack *slack, const double *y) {
    const lip_lifted *lifted = slack->lifted;
    size_t n = lifted->n;
    double bound = 0, rounding = 0, trace, squares;
    lip_slack_matrix(slack, y);
    for (size_t g = 0; g < lifted->groups; ++g) {
        if (y[g] < 0 && !lifted->group[g].equality) return INFINITY;
        bound = lip_add_up(bound, lip_mul_up(y[g], lifted->group[g].size));
    }
    for (size_t i = 0; i < n; ++i) /* adding y to the diagonal was one operation more */
        rounding = lip_add_up(
            rounding, lip_add_up(slack->radius[i], LIP_UNIT * 2 * fabs(slack->work[i * n + i])));
    if (!scale(slack, &trace, &squares) || !lip_cholesky(n, slack->work)) return INFINITY;
    /* scaling an entry is exact unless it underflows, by at most 2^-1022: n 2^-1022 in the norm */
    double slack_norm = lip_add_up(lip_cholesky_slack(n, trace), (double)n * 0x1p-1000);
    double loss = lip_mul_up(slack_norm, squares);
    bound = lip_add_up(lip_add_up(bound, rounding), loss);
    if (!(bound < INFINITY)) return INFINITY;
    /* the zero direction is a true point, so no bound lies below 0 */
    return bound <= 0 ? 0 : lip_up(ldexp(bound, lifted->exponent));
}
