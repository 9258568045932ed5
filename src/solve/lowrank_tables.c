/* From a lifted problem to terms, runs and blocks.
 *
 * Terms are first written with the two vectors of their product; when all are there, products that occur
 * more than once get one place.  If the products of two rows of V are many, all of them are computed, as
 * the matrix V V' (LIP_LOWRANK_SHARE was chosen by counting operations, matrix products being some ten times
 * as fast as single ones). */
#include "base/memory.h"
#include "problem/forms.h"
#include "solve/lowrank_work.h"

#include <math.h>
#include <stdlib.h>

typedef struct raw {
    double factor;
    size_t i, j; /* vectors, i <= j */
} raw;

typedef struct writing {
    lip_lowrank_tables *t;
    size_t count, room;
    raw *term;
    bool failed; /* out of memory */
} writing;

/* ---- Terms ------------------------------------------------------------------------------- */

static void write(writing *w, double factor, size_t i, size_t j) {
    if (factor == 0 || w->failed) return;
    if (!lip_grow((void **)&w->term, &w->room, w->count + 1, sizeof *w->term)) {
        w->failed = true;
        return;
    }
    w->term[w->count++] = i <= j ? (raw){factor, i, j} : (raw){factor, j, i};
}

/* g_k of problem/family.c, with y = b + v. */
static void write_neuron(writing *w, lip_family family, size_t k) {
    const lip_neuron *neuron = &w->t->lifted->neuron[k];
    size_t v = neuron->v, s = neuron->s, b = w->t->n + k;
    switch (family) {
    case LIP_FAMILY_TANGENT: write(w, 1, v, b); break;
    case LIP_FAMILY_GATE:
        write(w, 1, s, v);
        write(w, -1, 0, v);
        break;
    case LIP_FAMILY_SWITCH:
        write(w, 0.5, s, b);
        write(w, 0.5, s, v);
        write(w, 0.5, 0, b);
        write(w, -0.5, 0, v);
        break;
    case LIP_FAMILY_RANGE:
        write(w, neuron->range / 2, 0, 0);
        write(w, neuron->range / 2, 0, s);
        write(w, -1, v, v);
        break;
    default: break;
    }
}

/* A form as a sum of vectors; see problem/forms.c. */
typedef struct combination {
    size_t count;
    struct {
        double factor;
        size_t vector;
    } part[4];
} combination;

static void combine(combination *c, double factor, size_t vector) {
    c->part[c->count].factor = factor;
    c->part[c->count++].vector = vector;
}

static combination relu_form(const lip_lowrank_tables *t, const lip_form *form) {
    combination c = {0};
    const lip_relu *relu = &t->lifted->relu[form->of];
    size_t z = t->n + t->relu_base + form->of, s = relu->s, g = relu->state;
    double hi = relu->hi / 2, lo = relu->lo / 2;
    switch (form->kind) {
    case LIP_FORM_CLOSED:
        combine(&c, hi, 0);
        combine(&c, hi, g);
        combine(&c, -1, z);
        break;
    case LIP_FORM_UPPER:
        combine(&c, hi, s);
        combine(&c, -hi, g);
        break;
    case LIP_FORM_LOWER:
        combine(&c, 1, z);
        combine(&c, -hi - lo, 0);
        combine(&c, -hi, g);
        combine(&c, lo, s);
        break;
    case LIP_FORM_TOP:
        combine(&c, hi, 0);
        combine(&c, hi, s);
        combine(&c, -1, z);
        break;
    default: /* LIP_FORM_BOTTOM */
        combine(&c, 1, z);
        combine(&c, -lo, 0);
        combine(&c, lo, s);
        break;
    }
    return c;
}

static combination form_vectors(const lip_lowrank_tables *t, const lip_form *form) {
    combination c = {0};
    const lip_lifted *lifted = t->lifted;
    if (form->kind == LIP_FORM_VARIABLE) {
        combine(&c, lip_variable_most(lifted, form->of), 0);
        combine(&c, form->sign, form->of);
    } else if (form->kind == LIP_FORM_ON || form->kind == LIP_FORM_OFF) {
        const lip_neuron *neuron = &lifted->neuron[form->of];
        double r = lip_variable_most(lifted, neuron->v) / 2;
        bool on = form->kind == LIP_FORM_ON;
        combine(&c, r, 0);
        combine(&c, on ? r : -r, neuron->s);
        combine(&c, form->sign, on ? neuron->v : t->n + form->of);
    } else {
        return relu_form(t, form);
    }
    return c;
}

static void write_product(writing *w, const lip_cut *cut) {
    const lip_lifted *lifted = w->t->lifted;
    combination a = form_vectors(w->t, &lifted->form[cut->of[0]]);
    combination b = form_vectors(w->t, &lifted->form[cut->of[1]]);
    for (size_t i = 0; i < a.count; ++i)
        for (size_t j = 0; j < b.count; ++j)
            write(w, a.part[i].factor * b.part[j].factor, a.part[i].vector, b.part[j].vector);
}

/* The vector of number i in a pair: rows of the lifted problem are those of lip_relus here. */
static size_t pair_vector(const lip_lowrank_tables *t, size_t i) {
    const lip_lifted *lifted = t->lifted;
    size_t base = lifted->n + lifted->neurons;
    if (i < base) return i;
    for (size_t k = i - base; k < lifted->relus; ++k)
        if (lifted->relu[k].row == i - base) return t->n + t->relu_base + k;
    return LIP_NONE;
}

static void write_cut(writing *w, const lip_cut *cut) {
    if (cut->family == LIP_FAMILY_PRODUCT) {
        write_product(w, cut);
        return;
    }
    for (size_t c = cut->first; c < cut->last; ++c) {
        const lip_pair *pair = &w->t->lifted->pair[c];
        write(w, pair->factor, pair_vector(w->t, pair->i), pair_vector(w->t, pair->j));
    }
}

static bool write_all(writing *w) {
    lip_lowrank_tables *t = w->t;
    size_t k = 0;
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(t->lifted, (lip_family)f); ++i, ++k) {
            t->equality[k] = lip_family_equality((lip_family)f);
            t->start[k] = w->count;
            if (f < LIP_FIRST_CUT)
                write_neuron(w, (lip_family)f, i);
            else
                write_cut(w, lip_family_cut(t->lifted, (lip_family)f, i));
        }
    t->start[k] = w->count;
    return !w->failed;
}

/* ---- Places ------------------------------------------------------------------------------ */

static int by_product(const void *x, const void *y) {
    const lip_lowrank_pair *a = x, *b = y;
    if (a->i != b->i) return a->i < b->i ? -1 : 1;
    return (a->j > b->j) - (a->j < b->j);
}

static size_t find_pair(const lip_lowrank_tables *t, size_t i, size_t j) {
    size_t low = 0, high = t->pairs;
    while (low < high) {
        size_t middle = (low + high) / 2;
        lip_lowrank_pair p = {i, j};
        if (by_product(&t->pair[middle], &p) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The products that get places of their own, none twice. */
static bool list_pairs(const writing *w) {
    lip_lowrank_tables *t = w->t;
    size_t count = 0;
    t->pair = LIP_NEW(lip_lowrank_pair, w->count);
    if (!t->pair) return false;
    for (size_t c = 0; c < w->count; ++c)
        if (!t->dense || w->term[c].j >= t->n)
            t->pair[count++] = (lip_lowrank_pair){w->term[c].i, w->term[c].j};
    if (count > 0) qsort(t->pair, count, sizeof *t->pair, by_product);
    for (size_t c = 0; c < count; ++c)
        if (t->pairs == 0 || by_product(&t->pair[t->pairs - 1], &t->pair[c]) != 0)
            t->pair[t->pairs++] = t->pair[c];
    return true;
}

static bool place_terms(const writing *w, size_t share) {
    lip_lowrank_tables *t = w->t;
    size_t inner = 0;
    for (size_t c = 0; c < w->count; ++c) inner += w->term[c].j < t->n;
    t->dense = share > 0 && inner > t->n * t->n / share;
    t->term = LIP_NEW(lip_lowrank_term, w->count);
    if (!t->term || !list_pairs(w)) return false;
    size_t base = t->dense ? t->n * t->n : 0;
    t->places = base + t->pairs;
    for (size_t c = 0; c < w->count; ++c) {
        const raw *r = &w->term[c];
        size_t place =
            t->dense && r->j < t->n ? r->j * t->n + r->i : base + find_pair(t, r->i, r->j);
        t->term[c] = (lip_lowrank_term){r->factor, place};
    }
    return true;
}

/* ---- Runs -------------------------------------------------------------------------------- */

static const lip_coefficient *coefficients(const lip_lowrank_tables *t, size_t k, size_t *count) {
    const lip_lifted *lifted = t->lifted;
    if (k < lifted->neurons) {
        *count = lifted->neuron[k].last - lifted->neuron[k].first;
        return lifted->coefficient + lifted->neuron[k].first;
    }
    const lip_row *row = &lifted->row[lifted->relu[k - lifted->neurons].row];
    *count = row->last - row->first;
    return lifted->row_coefficient + row->first;
}

static bool fill_run(const lip_lowrank_tables *t, lip_lowrank_rows *run) {
    size_t count, length;
    run->low = t->n;
    for (size_t k = 0; k < run->count; ++k) {
        const lip_coefficient *a = coefficients(t, run->first + k, &length);
        for (size_t c = 0; c < length; ++c) {
            if (a[c].column == 0) continue;
            if (a[c].column < run->low) run->low = a[c].column;
            if (a[c].column >= run->high) run->high = a[c].column + 1;
        }
    }
    if (run->high < run->low) run->high = run->low;
    size_t width = run->high - run->low;
    if (!lip_multiply_sizes(run->count, width, &count)) return false;
    run->matrix = LIP_NEW(double, count);
    run->constant = LIP_NEW(double, run->count);
    if (!run->matrix || !run->constant) return false;
    for (size_t k = 0; k < run->count; ++k) {
        const lip_coefficient *a = coefficients(t, run->first + k, &length);
        for (size_t c = 0; c < length; ++c)
            *(a[c].column == 0 ? &run->constant[k]
                               : &run->matrix[k * width + a[c].column - run->low]) += a[c].value;
    }
    return true;
}

static size_t layer_of(const lip_lifted *lifted, size_t k) {
    return k < lifted->neurons ? lifted->neuron[k].layer : lifted->relu[k - lifted->neurons].layer;
}

/* One run for every layer of neurons, and of relus. */
static bool fill_runs(lip_lowrank_tables *t) {
    const lip_lifted *lifted = t->lifted;
    t->run = LIP_NEW(lip_lowrank_rows, t->vectors);
    if (!t->run) return false;
    for (size_t k = 0; k < t->vectors; ++k) {
        if (k == 0 || k == lifted->neurons || layer_of(lifted, k) != layer_of(lifted, k - 1))
            t->run[t->runs++].first = k;
        ++t->run[t->runs - 1].count;
    }
    for (size_t r = 0; r < t->runs; ++r)
        if (!fill_run(t, &t->run[r])) return false;
    return true;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* Variables of one kind and layer that stand together: number of the segment, its first variable. */
static size_t segments(const lip_lifted *lifted, size_t *segment, size_t *first) {
    size_t count = 0;
    for (size_t i = 0; i < lifted->n; ++i) {
        const lip_variable *v = &lifted->variable[i];
        if (i == 0 || v->kind != v[-1].kind || v->layer != v[-1].layer) first[count++] = i;
        segment[i] = count - 1;
    }
    first[count] = lifted->n;
    return count;
}

static lip_lowrank_block *find_block(lip_lowrank_tables *t, size_t row, size_t column) {
    for (size_t b = 0; b < t->blocks; ++b)
        if (t->block[b].row == row && t->block[b].column == column) return &t->block[b];
    return NULL;
}

static bool add_block(lip_lowrank_tables *t, size_t *room, const size_t *first, size_t a,
                      size_t b) {
    if (!lip_grow((void **)&t->block, room, t->blocks + 1, sizeof *t->block)) return false;
    lip_lowrank_block *block = &t->block[t->blocks];
    *block = (lip_lowrank_block){first[a], first[a + 1] - first[a], first[b],
                                 first[b + 1] - first[b], NULL};
    block->matrix = LIP_NEW(double, block->rows * block->columns);
    if (!block->matrix) return false;
    ++t->blocks;
    return true;
}

static bool fill_blocks(lip_lowrank_tables *t) {
    const lip_lifted *lifted = t->lifted;
    size_t *segment = LIP_NEW(size_t, t->n), *first = LIP_NEW(size_t, t->n + 1), room = 0;
    bool ok = segment && first;
    if (ok) (void)segments(lifted, segment, first);
    for (size_t c = 0; ok && c < lifted->products; ++c) {
        const lip_product *p = &lifted->objective[c];
        size_t a = segment[p->i], b = segment[p->j];
        if (!find_block(t, first[a], first[b])) ok = add_block(t, &room, first, a, b);
        if (!ok) break;
        lip_lowrank_block *block = find_block(t, first[a], first[b]);
        block->matrix[(p->i - block->row) * block->columns + p->j - block->column] += p->value;
    }
    free(segment);
    free(first);
    return ok;
}

/* Twice the diagonal: the gradient of <v_i, v_i> is 2 v_i. */
static bool fill_objective(lip_lowrank_tables *t) {
    const lip_lifted *lifted = t->lifted;
    if (!t->dense) return true;
    t->objective = LIP_NEW(double, t->n * t->n);
    if (!t->objective) return false;
    for (size_t c = 0; c < lifted->products; ++c) {
        const lip_product *p = &lifted->objective[c];
        t->objective[p->j * t->n + p->i] += (p->i == p->j ? 2 : 1) * p->value;
    }
    return true;
}

/* ---- Norms ------------------------------------------------------------------------------- */

/* The squared length of a vector of coefficients. */
static double squared_length(const lip_lowrank_tables *t, size_t i) {
    if (i < t->n) return 1;
    size_t count;
    const lip_coefficient *a = coefficients(t, i - t->n, &count);
    double sum = i - t->n < t->lifted->neurons ? 1 : 0;
    for (size_t c = 0; c < count; ++c) sum += a[c].value * a[c].value;
    return sum;
}

/* About 1 / |A_k|_F^2; the product of row 0 with itself is constant. */
static bool fill_weights(const writing *w) {
    lip_lowrank_tables *t = w->t;
    double *square = LIP_NEW(double, t->n + t->vectors);
    if (!square) return false;
    for (size_t i = 0; i < t->n + t->vectors; ++i) square[i] = squared_length(t, i);
    for (size_t k = 0; k < t->count; ++k) {
        double sum = 0;
        for (size_t c = t->start[k]; c < t->start[k + 1]; ++c) {
            const raw *r = &w->term[c];
            if (r->j > 0) sum += r->factor * r->factor * square[r->i] * square[r->j];
        }
        t->weight[k] = sum > 0 && isfinite(1 / sum) ? 1 / sum : 0;
    }
    free(square);
    return true;
}

/* ---- All of it --------------------------------------------------------------------------- */

bool lip_lowrank_tables_create(const lip_lifted *lifted, size_t share, lip_lowrank_tables *t) {
    *t = (lip_lowrank_tables){.lifted = lifted, .n = lifted->n};
    t->relu_base = lifted->neurons;
    t->vectors = lifted->neurons + lifted->relus;
    t->count = lip_family_multipliers(lifted);
    t->equality = LIP_NEW(bool, t->count);
    t->weight = LIP_NEW(double, t->count);
    t->start = LIP_NEW(size_t, t->count + 1);
    writing w = {.t = t};
    bool ok = t->equality && t->weight && t->start && write_all(&w) && place_terms(&w, share) &&
              fill_weights(&w) && fill_runs(t) && fill_blocks(t) && fill_objective(t);
    free(w.term);
    return ok;
}

void lip_lowrank_tables_clear(lip_lowrank_tables *t) {
    for (size_t r = 0; r < t->runs; ++r) {
        free(t->run[r].matrix);
        free(t->run[r].constant);
    }
    for (size_t b = 0; b < t->blocks; ++b) free(t->block[b].matrix);
    free(t->run);
    free(t->block);
    free(t->objective);
    free(t->pair);
    free(t->term);
    free(t->start);
    free(t->weight);
    free(t->equality);
    *t = (lip_lowrank_tables){0};
}
