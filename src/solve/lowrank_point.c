/* One evaluation: images, products, values, and all of it backwards. */
#include "base/memory.h"
#include "solve/lowrank_work.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

static size_t square_of(const lip_lowrank_tables *t) { return t->dense ? t->n * t->n : 0; }

static bool create_dense(lip_lowrank_point *p, bool single) {
    size_t square, rows;
    if (!p->tables->dense) return true;
    if (!lip_multiply_sizes(2 * p->tables->n, p->tables->n, &square) ||
        !lip_multiply_sizes(2 * p->tables->n, p->k, &rows))
        return false;
    if (!single) {
        p->inner = LIP_NEW(double, square);
        if (p->inner) p->spread = p->inner + square / 2;
        return p->inner != NULL;
    }
    p->inner_single = LIP_NEW(float, square);
    p->v_single = LIP_NEW(float, rows);
    if (!p->inner_single || !p->v_single) return false;
    p->spread_single = p->inner_single + square / 2;
    p->gv_single = p->v_single + rows / 2;
    return true;
}

bool lip_lowrank_point_create(const lip_lowrank_tables *t, size_t k, bool single,
                              lip_lowrank_point *p) {
    size_t rows, images;
    *p = (lip_lowrank_point){.tables = t, .k = k};
    if (!lip_multiply_sizes(2 * t->n, k, &rows) || !lip_multiply_sizes(2 * t->vectors, k, &images))
        return false;
    p->v = LIP_NEW(double, rows);
    p->image = LIP_NEW(double, images);
    p->value = LIP_NEW(double, 2 * t->pairs);
    p->g = LIP_NEW(double, t->count);
    if (!p->v || !p->image || !p->value || !p->g || !create_dense(p, single)) return false;
    p->gv = p->v + t->n * k;
    p->pull = p->image + t->vectors * k;
    p->change = p->value + t->pairs;
    return true;
}

void lip_lowrank_point_clear(lip_lowrank_point *p) {
    free(p->v);
    free(p->image);
    free(p->value);
    free(p->inner);
    free(p->inner_single);
    free(p->v_single);
    free(p->g);
    *p = (lip_lowrank_point){0};
}

/* ---- Images ------------------------------------------------------------------------------ */

static size_t subtracted(const lip_lowrank_tables *t, size_t k) {
    return k < t->lifted->neurons ? t->lifted->neuron[k].v : LIP_NONE;
}

static void run_image(lip_lowrank_point *p, const lip_lowrank_rows *run) {
    const lip_lowrank_tables *t = p->tables;
    size_t k = p->k, width = run->high - run->low;
    double *out = p->image + run->first * k;
    for (size_t i = 0; i < run->count; ++i) {
        size_t v = subtracted(t, run->first + i);
        for (size_t c = 0; c < k; ++c) out[i * k + c] = run->constant[i] * p->v[c];
        if (v != LIP_NONE) cblas_daxpy((int)k, -1, p->v + v * k, 1, out + i * k, 1);
    }
    if (width > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)run->count, (int)k, (int)width,
                    1, run->matrix, (int)width, p->v + run->low * k, (int)k, 1, out, (int)k);
}

static void run_pull_back(lip_lowrank_point *p, const lip_lowrank_rows *run) {
    const lip_lowrank_tables *t = p->tables;
    size_t k = p->k, width = run->high - run->low;
    const double *pull = p->pull + run->first * k;
    for (size_t i = 0; i < run->count; ++i) {
        size_t v = subtracted(t, run->first + i);
        cblas_daxpy((int)k, run->constant[i], pull + i * k, 1, p->gv, 1);
        if (v != LIP_NONE) cblas_daxpy((int)k, -1, pull + i * k, 1, p->gv + v * k, 1);
    }
    if (width > 0)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)width, (int)k, (int)run->count, 1,
                    run->matrix, (int)width, pull, (int)k, 1, p->gv + run->low * k, (int)k);
}

/* ---- Values ------------------------------------------------------------------------------ */

static double *vector(const lip_lowrank_point *p, double *rows, double *images, size_t i) {
    size_t n = p->tables->n;
    return i < n ? rows + i * p->k : images + (i - n) * p->k;
}

static void inner_products(lip_lowrank_point *p) {
    int n = (int)p->tables->n, k = (int)p->k;
    if (p->inner)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1, p->v, k, 0, p->inner, n);
    if (!p->inner_single) return;
    for (size_t e = 0; e < p->tables->n * p->k; ++e) p->v_single[e] = (float)p->v[e];
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1, p->v_single, k, 0,
                p->inner_single, n);
}

void lip_lowrank_values(lip_lowrank_point *p) {
    const lip_lowrank_tables *t = p->tables;
    size_t square = square_of(t);
    for (size_t r = 0; r < t->runs; ++r) run_image(p, &t->run[r]);
    inner_products(p);
    for (size_t c = 0; c < t->pairs; ++c)
        p->value[c] = cblas_ddot((int)p->k, vector(p, p->v, p->image, t->pair[c].i), 1,
                                 vector(p, p->v, p->image, t->pair[c].j), 1);
    for (size_t c = 0; c < t->count; ++c) {
        double sum = 0;
        for (size_t e = t->start[c]; e < t->start[c + 1]; ++e) {
            size_t place = t->term[e].place;
            double product = place >= square   ? p->value[place - square]
                             : p->inner_single ? (double)p->inner_single[place]
                                               : p->inner[place];
            sum += t->term[e].factor * product;
        }
        p->g[c] = sum;
    }
}

/* ---- Gradient ---------------------------------------------------------------------------- */

static void add_blocks(lip_lowrank_point *p, double scale) {
    const lip_lowrank_tables *t = p->tables;
    int k = (int)p->k;
    for (size_t b = 0; b < t->blocks; ++b) {
        const lip_lowrank_block *m = &t->block[b];
        int rows = (int)m->rows, columns = (int)m->columns;
        double *gr = p->gv + m->row * p->k, *gc = p->gv + m->column * p->k;
        const double *vr = p->v + m->row * p->k, *vc = p->v + m->column * p->k;
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, k, columns, -scale, m->matrix,
                    columns, vc, k, 1, gr, k);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, k, rows, -scale, m->matrix,
                    columns, vr, k, 1, gc, k);
    }
}

/* The derivative by place, the objective included where it is dense.  Row i of the gradient of <v_i, v_i> is
 * 2 v_i: entries of the diagonal count twice. */
static void set_changes(lip_lowrank_point *p, double scale, const double *mu) {
    const lip_lowrank_tables *t = p->tables;
    size_t square = square_of(t);
    memset(p->change, 0, t->pairs * sizeof *p->change);
    for (size_t e = 0; p->spread && e < square; ++e) p->spread[e] = -scale * t->objective[e];
    for (size_t e = 0; p->spread_single && e < square; ++e)
        p->spread_single[e] = (float)(-scale * t->objective[e]);
    for (size_t c = 0; c < t->count; ++c) {
        if (mu[c] == 0) continue;
        for (size_t e = t->start[c]; e < t->start[c + 1]; ++e) {
            size_t place = t->term[e].place;
            double weight = mu[c] * t->term[e].factor;
            if (place < square && place % (t->n + 1) == 0) weight *= 2;
            if (place >= square)
                p->change[place - square] -= weight;
            else if (p->spread)
                p->spread[place] -= weight;
            else if (p->spread_single)
                p->spread_single[place] -= (float)weight;
        }
    }
}

/* gv = spread V. */
static void multiply(lip_lowrank_point *p) {
    int n = (int)p->tables->n, k = (int)p->k;
    if (p->spread) {
        cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, n, k, 1, p->spread, n, p->v, k, 0, p->gv,
                    k);
    } else {
        cblas_ssymm(CblasRowMajor, CblasLeft, CblasLower, n, k, 1, p->spread_single, n, p->v_single,
                    k, 0, p->gv_single, k);
        for (size_t e = 0; e < p->tables->n * p->k; ++e) p->gv[e] = (double)p->gv_single[e];
    }
}

void lip_lowrank_gradient(lip_lowrank_point *p, double scale, const double *mu) {
    const lip_lowrank_tables *t = p->tables;
    int n = (int)t->n, k = (int)p->k;
    set_changes(p, scale, mu);
    memset(p->pull, 0, t->vectors * p->k * sizeof *p->pull);
    if (t->dense) {
        multiply(p);
    } else {
        memset(p->gv, 0, t->n * p->k * sizeof *p->gv);
        add_blocks(p, scale);
    }
    for (size_t c = 0; c < t->pairs; ++c) {
        size_t i = t->pair[c].i, j = t->pair[c].j;
        double change = p->change[c];
        if (change == 0) continue;
        cblas_daxpy(k, change, vector(p, p->v, p->image, i), 1, vector(p, p->gv, p->pull, j), 1);
        cblas_daxpy(k, change, vector(p, p->v, p->image, j), 1, vector(p, p->gv, p->pull, i), 1);
    }
    for (size_t r = 0; r < t->runs; ++r) run_pull_back(p, &t->run[r]);
    /* <gradient, V> is twice the value: of the objective and of what depends on V in the constraints */
    double both = cblas_ddot(n * k, p->gv, 1, p->v, 1) / 2;
    p->objective = -(both + cblas_ddot((int)t->count, mu, 1, p->g, 1)) / scale;
}
