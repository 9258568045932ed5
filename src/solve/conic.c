/* Symmetric products: sums, picks and the Schur matrix.
 *
 * With A_k = c sym(a b') and A_l = d sym(e f'),
 *
 *     <A_k, Z A_l X> = c d / 4 (a'Ze b'Xf + a'Zf b'Xe + b'Ze a'Xf + b'Zf a'Xe),
 *
 * eight numbers out of two extended matrices. */
#include "solve/conic.h"

#include "base/memory.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 32 };

/* ---- Terms ------------------------------------------------------------------------------- */

static void add_term(lip_conic *conic, size_t *used, double factor, size_t i, size_t j) {
    conic->term[(*used)++] = (lip_conic_term){factor, i, j};
}

/* -G_k of problem/family.c, with y = b + v. */
static void family_terms(lip_conic *conic, lip_family family, size_t k, size_t *used) {
    const lip_neuron *neuron = &conic->lifted->neuron[k];
    size_t v = neuron->v, s = neuron->s, b = conic->n + k;
    switch (family) {
    case LIP_FAMILY_TANGENT: add_term(conic, used, -1, v, b); break;
    case LIP_FAMILY_GATE:
        add_term(conic, used, -1, s, v);
        add_term(conic, used, 1, 0, v);
        break;
    case LIP_FAMILY_SWITCH:
        add_term(conic, used, -0.5, s, b);
        add_term(conic, used, -0.5, s, v);
        add_term(conic, used, -0.5, 0, b);
        add_term(conic, used, 0.5, 0, v);
        break;
    case LIP_FAMILY_RANGE:
        add_term(conic, used, -neuron->range / 2, 0, 0);
        add_term(conic, used, -neuron->range / 2, 0, s);
        add_term(conic, used, 1, v, v);
        break;
    default: break;
    }
}

static void cut_terms(lip_conic *conic, const lip_cut *cut, size_t *used) {
    for (size_t t = cut->first; t < cut->last; ++t) {
        const lip_pair *pair = &conic->lifted->pair[t];
        add_term(conic, used, -pair->factor, pair->i, pair->j);
    }
}

static void fill_terms(lip_conic *conic) {
    const lip_lifted *lifted = conic->lifted;
    size_t k = 0, used = 0;
    for (size_t g = 0; g < lifted->groups; ++g, ++k) {
        const lip_group *group = &lifted->group[g];
        conic->b[k] = group->size;
        conic->equality[k] = group->equality;
        conic->start[k] = used;
        for (size_t i = group->first; i < group->first + group->count; ++i)
            add_term(conic, &used, 1, i, i);
    }
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(lifted, (lip_family)f); ++i, ++k) {
            conic->equality[k] = lip_family_equality((lip_family)f);
            conic->start[k] = used;
            if (f < LIP_FIRST_CUT)
                family_terms(conic, (lip_family)f, i, &used);
            else
                cut_terms(conic, lip_family_cut(lifted, (lip_family)f, i), &used);
        }
    conic->start[k] = used;
}

/* ---- Runs -------------------------------------------------------------------------------- */

/* The coefficients of vector n + k: T_k of a neuron, or a row. */
static const lip_coefficient *coefficients(const lip_conic *conic, size_t k, size_t *count) {
    const lip_lifted *lifted = conic->lifted;
    if (k < lifted->neurons) {
        *count = lifted->neuron[k].last - lifted->neuron[k].first;
        return lifted->coefficient + lifted->neuron[k].first;
    }
    const lip_row *row = &lifted->row[k - lifted->neurons];
    *count = row->last - row->first;
    return lifted->row_coefficient + row->first;
}

/* The v that is subtracted from vector n + k, or LIP_NONE. */
static size_t subtracted(const lip_conic *conic, size_t k) {
    return k < conic->lifted->neurons ? conic->lifted->neuron[k].v : LIP_NONE;
}

static bool fill_run(lip_conic *conic, lip_conic_run *run) {
    size_t last = run->first + run->count, count, length;
    run->low = conic->n;
    for (size_t k = run->first; k < last; ++k) {
        const lip_coefficient *a = coefficients(conic, k, &length);
        for (size_t c = 0; c < length; ++c) {
            if (a[c].column < run->low) run->low = a[c].column;
            if (a[c].column >= run->high) run->high = a[c].column + 1;
        }
    }
    if (run->high < run->low) run->high = run->low;
    size_t width = run->high - run->low;
    if (!lip_multiply_sizes(run->count, width, &count)) return false;
    run->matrix = LIP_NEW(double, count);
    if (!run->matrix) return false;
    for (size_t k = run->first; k < last; ++k) {
        const lip_coefficient *a = coefficients(conic, k, &length);
        for (size_t c = 0; c < length; ++c)
            run->matrix[(k - run->first) * width + a[c].column - run->low] = a[c].value;
    }
    return true;
}

/* One run for every layer of neurons, one for all rows. */
static bool fill_runs(lip_conic *conic) {
    const lip_lifted *lifted = conic->lifted;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        if (k == 0 || lifted->neuron[k].layer != lifted->neuron[k - 1].layer)
            conic->run[conic->runs++].first = k;
        ++conic->run[conic->runs - 1].count;
    }
    conic->tangent_runs = conic->runs;
    if (lifted->rows > 0) {
        conic->run[conic->runs].first = lifted->neurons;
        conic->run[conic->runs++].count = lifted->rows;
    }
    for (size_t r = 0; r < conic->runs; ++r)
        if (!fill_run(conic, &conic->run[r])) return false;
    return true;
}

bool lip_conic_create(const lip_lifted *lifted, lip_conic *conic) {
    *conic = (lip_conic){.lifted = lifted, .n = lifted->n};
    conic->vectors = lifted->neurons + lifted->rows;
    conic->extended = lifted->n + conic->vectors;
    conic->count = lifted->groups + lip_family_multipliers(lifted);
    conic->b = LIP_NEW(double, conic->count);
    conic->equality = LIP_NEW(bool, conic->count);
    conic->start = LIP_NEW(size_t, conic->count + 1);
    conic->term = LIP_NEW(lip_conic_term, lifted->n + 10 * lifted->neurons + lifted->pairs);
    conic->run = LIP_NEW(lip_conic_run, lifted->neurons + 1);
    size_t room;
    if (!lip_multiply_sizes(conic->vectors, lifted->n, &room)) return false;
    conic->image = LIP_NEW(double, room);
    conic->gathered = LIP_NEW(double, room);
    if (!conic->b || !conic->equality || !conic->start || !conic->term || !conic->run ||
        !conic->image || !conic->gathered)
        return false;
    fill_terms(conic);
    return fill_runs(conic);
}

void lip_conic_clear(lip_conic *conic) {
    for (size_t r = 0; r < conic->runs; ++r) free(conic->run[r].matrix);
    free(conic->run);
    free(conic->image);
    free(conic->gathered);
    free(conic->term);
    free(conic->start);
    free(conic->equality);
    free(conic->b);
    *conic = (lip_conic){0};
}

/* ---- Sums and picks ---------------------------------------------------------------------- */

/* The lower triangle of matrix += value sym(e_i e_j'). */
static void add_entry(const lip_conic *conic, double value, size_t i, size_t j, double *matrix) {
    size_t row = i > j ? i : j, column = i > j ? j : i;
    matrix[row * conic->n + column] += i == j ? value : value / 2;
}

/* The lower triangle of matrix += value sym(e_i w_j'), j a vector. */
static void add_vector(const lip_conic *conic, double value, size_t i, size_t j, double *matrix) {
    size_t count, v = subtracted(conic, j - conic->n);
    const lip_coefficient *a = coefficients(conic, j - conic->n, &count);
    for (size_t c = 0; c < count; ++c) add_entry(conic, value * a[c].value, i, a[c].column, matrix);
    if (v != LIP_NONE) add_entry(conic, -value, i, v, matrix);
}

static void add_product(const lip_conic *conic, double value, const lip_conic_term *term,
                        double *matrix) {
    size_t i = term->i, j = term->j;
    if (i < conic->n && j < conic->n) {
        add_entry(conic, value, i, j, matrix);
    } else if (i < conic->n) {
        add_vector(conic, value, i, j, matrix);
    } else if (j < conic->n) {
        add_vector(conic, value, j, i, matrix);
    } else {
        size_t count, v = subtracted(conic, i - conic->n);
        const lip_coefficient *a = coefficients(conic, i - conic->n, &count);
        for (size_t c = 0; c < count; ++c)
            add_vector(conic, value * a[c].value, a[c].column, j, matrix);
        if (v != LIP_NONE) add_vector(conic, -value, v, j, matrix);
    }
}

void lip_conic_mirror(size_t n, double *matrix) {
    for (size_t top = 0; top < n; top += TILE)
        for (size_t left = 0; left <= top; left += TILE)
            for (size_t i = top; i < n && i < top + TILE; ++i)
                for (size_t j = left; j < i && j < left + TILE; ++j)
                    matrix[j * n + i] = matrix[i * n + j];
}

void lip_conic_matrix(const lip_conic *conic, const double *z, bool objective, double *matrix) {
    const lip_lifted *lifted = conic->lifted;
    memset(matrix, 0, conic->n * conic->n * sizeof *matrix);
    for (size_t k = 0; k < conic->count; ++k)
        for (size_t t = conic->start[k]; t < conic->start[k + 1]; ++t)
            add_product(conic, z[k] * conic->term[t].factor, &conic->term[t], matrix);
    for (size_t c = 0; objective && c < lifted->products; ++c)
        add_entry(conic, -lifted->objective[c].value, lifted->objective[c].i,
                  lifted->objective[c].j, matrix);
    lip_conic_mirror(conic->n, matrix);
}

/* w_j'x. */
static double vector_value(const lip_conic *conic, size_t j, const double *x) {
    if (j < conic->n) return x[j];
    size_t count, v = subtracted(conic, j - conic->n);
    const lip_coefficient *a = coefficients(conic, j - conic->n, &count);
    double sum = v == LIP_NONE ? 0 : -x[v];
    for (size_t c = 0; c < count; ++c) sum += a[c].value * x[a[c].column];
    return sum;
}

/* w_i'Y w_j. */
static double product_value(const lip_conic *conic, const lip_conic_term *term, const double *y) {
    size_t i = term->i, j = term->j, n = conic->n;
    if (i < n) return vector_value(conic, j, y + i * n);
    if (j < n) return vector_value(conic, i, y + j * n);
    size_t count, v = subtracted(conic, i - n);
    const lip_coefficient *a = coefficients(conic, i - n, &count);
    double sum = v == LIP_NONE ? 0 : -vector_value(conic, j, y + v * n);
    for (size_t c = 0; c < count; ++c)
        sum += a[c].value * vector_value(conic, j, y + a[c].column * n);
    return sum;
}

void lip_conic_values(const lip_conic *conic, const double *y, double *value) {
    for (size_t k = 0; k < conic->count; ++k) {
        value[k] = 0;
        for (size_t t = conic->start[k]; t < conic->start[k + 1]; ++t)
            value[k] += conic->term[t].factor * product_value(conic, &conic->term[t], y);
    }
}

/* ---- Products with matrices ------------------------------------------------------------------- */

/* out = (T - e_v') Y, a row for every vector of the run; both matrices have `stride` numbers a row. */
static void run_image(const lip_conic *conic, const lip_conic_run *run, size_t stride,
                      const double *y, double *out) {
    size_t n = conic->n, width = run->high - run->low;
    for (size_t k = 0; k < run->count; ++k) {
        size_t v = subtracted(conic, run->first + k);
        const double *row = y + (v == LIP_NONE ? 0 : v * stride);
        double sign = v == LIP_NONE ? 0 : -1;
        for (size_t j = 0; j < n; ++j) out[k * stride + j] = sign * row[j];
    }
    if (width > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)run->count, (int)n, (int)width,
                    1, run->matrix, (int)width, y + run->low * stride, (int)stride, 1, out,
                    (int)stride);
}

static void image(const lip_conic *conic, const double *y) {
    for (size_t r = 0; r < conic->runs; ++r)
        run_image(conic, &conic->run[r], conic->n, y,
                  conic->image + conic->run[r].first * conic->n);
}

/* out += (T - e_v')' gathered. */
static void run_pull_back(const lip_conic *conic, const lip_conic_run *run, double *out) {
    size_t n = conic->n, width = run->high - run->low;
    const double *gathered = conic->gathered + run->first * n;
    for (size_t k = 0; k < run->count; ++k) {
        size_t v = subtracted(conic, run->first + k);
        if (v != LIP_NONE) cblas_daxpy((int)n, -1, gathered + k * n, 1, out + v * n, 1);
    }
    if (width > 0)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)width, (int)n, (int)run->count, 1,
                    run->matrix, (int)width, gathered, (int)n, 1, out + run->low * n, (int)n);
}

void lip_conic_multiply(const lip_conic *conic, const double *z, const double *y, double *out) {
    size_t n = conic->n;
    int length = (int)n;
    memset(out, 0, n * n * sizeof *out);
    memset(conic->gathered, 0, conic->vectors * n * sizeof *conic->gathered);
    image(conic, y);
    for (size_t k = 0; k < conic->count; ++k)
        for (size_t t = conic->start[k]; t < conic->start[k + 1]; ++t) {
            const lip_conic_term *term = &conic->term[t];
            double half = z[k] * term->factor / 2;
            bool first = term->i < n, second = term->j < n;
            size_t i = (first ? term->i : term->i - n) * n;
            size_t j = (second ? term->j : term->j - n) * n;
            cblas_daxpy(length, half, (second ? y : conic->image) + j, 1,
                        (first ? out : conic->gathered) + i, 1);
            cblas_daxpy(length, half, (first ? y : conic->image) + i, 1,
                        (second ? out : conic->gathered) + j, 1);
        }
    for (size_t r = 0; r < conic->runs; ++r) run_pull_back(conic, &conic->run[r], out);
}

void lip_conic_product_values(const lip_conic *conic, const double *z, const double *transpose,
                              double *value) {
    size_t n = conic->n, m = conic->extended;
    image(conic, transpose);
    for (size_t k = 0; k < conic->count; ++k) {
        value[k] = 0;
        for (size_t t = conic->start[k]; t < conic->start[k + 1]; ++t) {
            size_t i = conic->term[t].i, j = conic->term[t].j;
            const double *left = i < n ? transpose + i * n : conic->image + (i - n) * n;
            const double *right = j < n ? transpose + j * n : conic->image + (j - n) * n;
            value[k] += conic->term[t].factor / 2 *
                        (cblas_ddot((int)n, z + i * m, 1, right, 1) +
                         cblas_ddot((int)n, z + j * m, 1, left, 1));
        }
    }
}

/* Columns of vectors, in the rows of vectors from the run's first on. */
static void extend_columns(const lip_conic *conic, const lip_conic_run *run, double *big) {
    size_t m = conic->extended, n = conic->n, width = run->high - run->low;
    size_t first = n + run->first, rows = m - first;
    double *out = big + first * m + first;
    for (size_t i = 0; i < rows; ++i)
        for (size_t k = 0; k < run->count; ++k) {
            size_t v = subtracted(conic, run->first + k);
            out[i * m + k] = v == LIP_NONE ? 0 : -big[(first + i) * m + v];
        }
    if (width > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)run->count, (int)width,
                    1, big + first * m + run->low, (int)m, run->matrix, (int)width, 1, out, (int)m);
}

void lip_conic_extend(const lip_conic *conic, const double *y, double *big) {
    size_t n = conic->n, m = conic->extended;
    for (size_t i = 0; i < n; ++i) memcpy(big + i * m, y + i * n, n * sizeof *y);
    for (size_t r = 0; r < conic->runs; ++r)
        run_image(conic, &conic->run[r], m, big, big + (n + conic->run[r].first) * m);
    for (size_t r = 0; r < conic->runs; ++r) extend_columns(conic, &conic->run[r], big);
    lip_conic_mirror(m, big);
}

/* ---- The Schur matrix -------------------------------------------------------------------- */

/* Rows of the two extended matrices that belong to a term. */
typedef struct picked {
    const double *zi, *zj, *xi, *xj;
} picked;

static double pair(const picked *row, const lip_conic_term *other) {
    size_t i = other->i, j = other->j;
    return 0.25 * (row->zi[i] * row->xj[j] + row->zi[j] * row->xj[i] + row->zj[i] * row->xi[j] +
                   row->zj[j] * row->xi[i]);
}

/* Row k of the Schur matrix += the part of one of its terms. */
static void add_row(const lip_conic *conic, size_t k, double factor, const picked *row,
                    double *out) {
    for (size_t l = 0; l <= k; ++l) {
        double sum = 0;
        for (size_t t = conic->start[l]; t < conic->start[l + 1]; ++t)
            sum += conic->term[t].factor * pair(row, &conic->term[t]);
        out[l] += factor * sum;
    }
}

void lip_conic_schur(const lip_conic *conic, const double *z, const double *x, double *schur) {
    size_t m = conic->extended;
    memset(schur, 0, conic->count * conic->count * sizeof *schur);
    for (size_t k = 0; k < conic->count; ++k)
        for (size_t t = conic->start[k]; t < conic->start[k + 1]; ++t) {
            const lip_conic_term *term = &conic->term[t];
            picked row = {z + term->i * m, z + term->j * m, x + term->i * m, x + term->j * m};
            add_row(conic, k, term->factor, &row, schur + k * conic->count);
        }
}
