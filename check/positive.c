/* Is a symmetric matrix positive semidefinite?  Proved by a floating-point Cholesky factorisation
 * (certificate.md, theorem 8).
 *
 * Rows 4g .. 4g+3 share their first column f, a multiple of 4 (the theorem allows any f that is small
 * enough).  Their entries are stored column by column, four numbers each, to the end of the diagonal
 * block.  So the 4 x 4 block (I, J) is 16 numbers in a row, and
 *
 *     L_IJ = (A_IJ - sum over columns k < 4J of  L_I[k] L_J[k]') L_JJ^-T
 *
 * is a sum of outer products of stored columns: 16 independent sums, which compilers turn into vector
 * instructions.  Blocks are computed for 16 groups I at a time, so that a group J is fetched once for
 * them.  Every entry is still a sum of at most i - f_i products, a subtraction and a division, in some
 * order: what Higham's theorem asks for. */
#include "round.h"

struct profile profile_new(size_t n, const size_t *first) {
    struct profile m = {.n = n, .groups = (n + 3) / 4};
    m.first = take(m.groups, sizeof *m.first);
    m.block = take(m.groups, sizeof *m.block);
    m.shift = take(4 * m.groups, sizeof *m.shift);
    for (size_t g = 0; g < m.groups; g++) {
        m.first[g] = 4 * g;
        for (size_t i = 4 * g; i < n && i < 4 * g + 4; i++)
            if (first[i] < m.first[g]) m.first[g] = first[i] / 4 * 4;
        m.block[g] = take(4 * (4 * g + 4 - m.first[g]), sizeof(double));
    }
    for (size_t i = n; i < 4 * m.groups; i++) *profile_at(&m, i, i) = 1;
    return m;
}

bool profile_scale(struct profile *m) {
    for (size_t i = 0; i < 4 * m->groups; i++) {
        double d = *profile_at(m, i, i);
        int e;
        if (!(d > 0 && d <= DBL_MAX)) return false;
        frexp(d, &e); /* d is in [2^(e-1), 2^e) */
        m->shift[i] = -((e - (e & 1)) / 2);
        for (size_t j = m->first[i / 4]; j <= i; j++) {
            double *x = profile_at(m, i, j);
            if (*x != 0) *x = ldexp(*x, m->shift[i] + m->shift[j]);
        }
    }
    return true;
}

/* Theorem 8's e_i, and off the diagonal with it. */
static void subtract_errors(struct profile *m, const double *radius) {
    size_t longest = 0, n = 4 * m->groups;
    double *sum = take(n, sizeof *sum), *root = take(n, sizeof *root);
    for (size_t i = 0; i < n; i++) {
        size_t k = i - m->first[i / 4] + 2;
        if (k > longest) longest = k;
        root[i] = up(sqrt(*profile_at(m, i, i)));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = m->first[i / 4]; j < i; j++) {
            sum[i] += root[j];
            sum[j] += root[i];
        }
        sum[i] += root[i];
    }
    double gamma = gam(longest + 1), c = gamma * (1 + 2 * gamma);
    for (size_t i = 0; i < n; i++) {
        double *a = profile_at(m, i, i), e = (i < m->n ? radius[i] : 0) + 2 * c * root[i] * sum[i];
        e = (e + 4 * (double)n * 0x1p-1022) * (1 + 0x1p-18); /* rounding of sums: below 2^-19 */
        *a -= up(e + 0x1p-52 * *a);
    }
}

/* t -= sum over columns k of a_k b_k'. */
static void subtract_products(double *t, const double *a, const double *b, size_t columns) {
    double s[16] = {0};
    for (size_t k = 0; k < columns; k++, a += 4, b += 4)
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++) s[4 * c + r] += a[r] * b[c];
    for (int i = 0; i < 16; i++) t[i] -= s[i];
}

/* t L_JJ^-T with the factor d = L_JJ of a diagonal block, or L_JJ itself if t = d. */
static bool solve(double *t, const double *d) {
    for (int j = 0; j < 4; j++)
        for (int i = t == d ? j : 0; i < 4; i++) {
            double x = t[4 * j + i];
            for (int k = 0; k < j; k++) x -= t[4 * k + i] * d[4 * k + j];
            if (t == d && i == j && !(x > 0 && x <= DBL_MAX)) return false;
            t[4 * j + i] = t == d && i == j ? sqrt(x) : x / d[4 * j + j];
        }
    return true;
}

/* Block (g, h) of the factor, once all blocks to its left and above are done. */
static bool compute(struct profile *m, size_t g, size_t h) {
    size_t f = m->first[g], e = m->first[h], begin = f > e ? f : e;
    if (f > 4 * h) return true;
    double *t = m->block[g] + 4 * (4 * h - f), *d = m->block[h] + 4 * (4 * h - e);
    if (4 * h > begin)
        subtract_products(t, m->block[g] + 4 * (begin - f), m->block[h] + 4 * (begin - e),
                          4 * h - begin);
    return solve(t, d);
}

bool profile_positive(struct profile *m, const double *radius) {
    subtract_errors(m, radius);
    for (size_t panel = 0; panel < m->groups; panel += 16) {
        size_t end = panel + 16 < m->groups ? panel + 16 : m->groups, least = panel;
        for (size_t g = panel; g < end; g++)
            if (m->first[g] / 4 < least) least = m->first[g] / 4;
        for (size_t h = least; h < end; h++)
            for (size_t g = h > panel ? h : panel; g < end; g++)
                if (!compute(m, g, h)) return false;
    }
    return true;
}
