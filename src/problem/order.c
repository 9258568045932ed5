/* Shuffling the neurons of a layer changes nothing about a network, but it changes the order of sums and
 * the path of an iterative solver, and with them the last digits of a bound (on degenerate optima the
 * fourth).  So neurons are put into an order first that does not depend on how they were numbered.
 *
 * The units of each level are kept as an ordered partition into cells, refined by what tells units apart
 * whatever their numbers:
 *
 *     1.  cells = kinds; inputs and outputs keep their places, each its own cell
 *     2.  split the cells of a level by the weights from (later also: to) each cell of its neighbours, in
 *         the order of those cells; the weights of several units in one cell are compared sorted
 *     3.  repeat, forwards and backwards, until no cell is split
 *
 * This is colour refinement (Weisfeiler and Leman 1968).  With weights in general position the first
 * weight of each row decides everything and one pass is enough: a sort of the rows.  What then shares a
 * cell are duplicates.  Twins, whose rows and columns are equal, may stand in any order.  For others one
 * unit is put first and step 3 repeated (individualisation, McKay 1981), which is right if some symmetry
 * of the network maps each unit of the cell to each other one.  Where none does, and after MOST_ROUNDS, the
 * order depends on the numbering: networks of integers can be made for which that happens.
 *
 * Nothing here bears on whether a bound is valid. */
#include "problem/order.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 100 };

typedef struct ordering {
    const lip_order_graph *graph;
    size_t **order; /* by level and place: the unit */
    size_t **first; /* by level and place: where the cell of that place begins */
    size_t *cells;  /* by level */
} ordering;

/* A unit of a cell that is to be split, with what it is compared by. */
typedef struct item {
    const double *key;
    size_t length, unit, place;
} item;

/* ---- Memory ------------------------------------------------------------------------------ */

void lip_order_free(size_t levels, size_t **order) {
    for (size_t l = 0; order && l < levels; ++l) free(order[l]);
    free(order);
}

static size_t **new_places(const lip_order_graph *graph) {
    size_t **places = LIP_NEW(size_t *, graph->levels);
    for (size_t l = 0; places && l < graph->levels; ++l) {
        places[l] = LIP_NEW(size_t, graph->width[l]);
        if (!places[l]) {
            lip_order_free(graph->levels, places);
            return NULL;
        }
    }
    return places;
}

/* ---- Splitting a cell -------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_keys(const item *x, const item *y) {
    int sign = 0;
    for (size_t k = 0; sign == 0 && k < x->length; ++k)
        sign = compare_numbers(&x->key[k], &y->key[k]);
    return sign;
}

static int compare_items(const void *a, const void *b) {
    const item *x = a, *y = b;
    int sign = compare_keys(x, y);
    return sign ? sign : (x->place > y->place) - (x->place < y->place);
}

/* The end of the cell that begins at a place. */
static size_t cell_end(const ordering *o, size_t l, size_t begin) {
    size_t end = begin;
    while (end < o->graph->width[l] && o->first[l][end] == begin) ++end;
    return end;
}

/* Put the items in order and begin new cells where they differ. */
static void split_cell(ordering *o, size_t l, size_t begin, size_t count, item *items) {
    bool same = true;
    for (size_t k = 1; same && k < count; ++k) same = compare_keys(&items[0], &items[k]) == 0;
    if (same) return;
    qsort(items, count, sizeof *items, compare_items);
    size_t first = begin;
    for (size_t k = 0; k < count; ++k) {
        if (k > 0 && compare_keys(&items[k - 1], &items[k]) != 0) {
            first = begin + k;
            ++o->cells[l];
        }
        o->order[l][begin + k] = items[k].unit;
        o->first[l][begin + k] = first;
    }
}

/* ---- Refinement -------------------------------------------------------------------------- */

/* One end of an edge: level l is refined by level other. */
typedef struct side {
    const double *w;
    size_t l, other;
    size_t step,
        other_step; /* the weight between a unit i of l and j of other: w[i step + j other_step] */
} side;

static side side_of(const lip_order_graph *graph, const lip_order_edge *edge, bool forward) {
    size_t row = graph->width[edge->from];
    return forward ? (side){edge->w, edge->to, edge->from, row, 1}
                   : (side){edge->w, edge->from, edge->to, 1, row};
}

/* Split the cell at `begin` of level l by the cell other_begin .. other_end - 1.  items and keys have
 * room for it. */
static void split_by(ordering *o, const side *s, size_t begin, size_t end, size_t other_begin,
                     size_t other_end, item *items, double *keys) {
    size_t length = other_end - other_begin;
    for (size_t k = begin; k < end; ++k) {
        double *key = keys + (k - begin) * length;
        const double *w = s->w + o->order[s->l][k] * s->step;
        for (size_t j = 0; j < length; ++j)
            key[j] = w[o->order[s->other][other_begin + j] * s->other_step];
        if (length > 1) qsort(key, length, sizeof *key, compare_numbers);
        items[k - begin] = (item){key, length, o->order[s->l][k], k};
    }
    split_cell(o, s->l, begin, end - begin, items);
}

static size_t largest_cell(const ordering *o, size_t l) {
    size_t most = 0;
    for (size_t begin = 0, end; begin < o->graph->width[l]; begin = end) {
        end = cell_end(o, l, begin);
        if (end - begin > most) most = end - begin;
    }
    return most;
}

/* False if memory is short. */
static bool refine_level(ordering *o, const side *s) {
    size_t width = o->graph->width[s->l], other = o->graph->width[s->other], size;
    if (o->cells[s->l] == width) return true;
    size_t most = largest_cell(o, s->l);
    if (!lip_multiply_sizes(most, largest_cell(o, s->other), &size)) return false;
    item *items = LIP_NEW(item, most);
    double *keys = LIP_NEW(double, size);
    bool ok = items && keys;
    for (size_t at = 0, next; ok && at < other && o->cells[s->l] < width; at = next) {
        next = cell_end(o, s->other, at);
        for (size_t begin = 0, end; begin < width; begin = end) {
            end = cell_end(o, s->l, begin);
            if (end - begin > 1) split_by(o, s, begin, end, at, next, items, keys);
        }
    }
    free(items);
    free(keys);
    return ok;
}

static size_t count_cells(const ordering *o) {
    size_t count = 0;
    for (size_t l = 0; l < o->graph->levels; ++l) count += o->cells[l];
    return count;
}

static size_t count_units(const lip_order_graph *graph) {
    size_t count = 0;
    for (size_t l = 0; l < graph->levels; ++l) count += graph->width[l];
    return count;
}

/* Every edge in its order (backwards: in reverse order). */
static bool sweep(ordering *o, bool forward) {
    const lip_order_graph *graph = o->graph;
    bool ok = true;
    for (size_t k = 0; ok && k < graph->edges; ++k) {
        const lip_order_edge *edge = &graph->edge[forward ? k : graph->edges - 1 - k];
        side s = side_of(graph, edge, forward);
        ok = refine_level(o, &s);
    }
    return ok;
}

static bool refine(ordering *o) {
    size_t units = count_units(o->graph), before, now = count_cells(o);
    bool ok = true;
    do {
        before = now;
        ok = sweep(o, true);
        if (ok && count_cells(o) < units) ok = sweep(o, false);
        now = count_cells(o);
    } while (ok && now > before && now < units);
    return ok;
}

/* ---- Breaking ties ----------------------------------------------------------------------- */

static bool equal_weights(const side *s, size_t count, size_t a, size_t b) {
    bool same = true;
    for (size_t j = 0; same && j < count; ++j)
        same = s->w[a * s->step + j * s->other_step] == s->w[b * s->step + j * s->other_step];
    return same;
}

/* Units with the same weights to and from every other unit. */
static bool are_twins(const ordering *o, size_t l, size_t a, size_t b) {
    const lip_order_graph *graph = o->graph;
    bool same = true;
    for (size_t k = 0; same && k < 2 * graph->edges; ++k) {
        side s = side_of(graph, &graph->edge[k / 2], k % 2 == 0);
        if (s.l == l) same = equal_weights(&s, graph->width[s.other], a, b);
    }
    return same;
}

/* Make a cell of its own of every unit in a cell of twins only. */
static void separate_twins(ordering *o, size_t l) {
    for (size_t begin = 0, end; begin < o->graph->width[l]; begin = end) {
        bool twins = true;
        end = cell_end(o, l, begin);
        for (size_t k = begin + 1; twins && k < end; ++k)
            twins = are_twins(o, l, o->order[l][begin], o->order[l][k]);
        for (size_t k = begin + 1; twins && k < end; ++k) {
            o->first[l][k] = k;
            ++o->cells[l];
        }
    }
}

/* Give the first unit of the first cell with several ones a cell of its own. */
static void individualise(ordering *o) {
    const lip_order_graph *graph = o->graph;
    for (size_t l = 0; l < graph->levels; ++l)
        for (size_t begin = 0, end; begin < graph->width[l]; begin = end) {
            end = cell_end(o, l, begin);
            if (end - begin == 1) continue;
            for (size_t k = begin + 1; k < end; ++k) o->first[l][k] = begin + 1;
            ++o->cells[l];
            return;
        }
}

static bool break_ties(ordering *o) {
    size_t units = count_units(o->graph);
    bool ok = true;
    for (int round = 0; ok && round < MOST_ROUNDS && count_cells(o) < units; ++round) {
        for (size_t l = 0; l < o->graph->levels; ++l) separate_twins(o, l);
        if (count_cells(o) == units) break;
        individualise(o);
        ok = refine(o);
    }
    return ok;
}

/* ---- All of it --------------------------------------------------------------------------- */

static void start_level(ordering *o, size_t l) {
    const unsigned char *kind = o->graph->kind[l];
    size_t width = o->graph->width[l], place = 0;
    for (size_t i = 0; !kind && i < width; ++i) o->order[l][i] = o->first[l][i] = i;
    if (!kind) o->cells[l] = width;
    for (int k = 0; kind && k <= (unsigned char)-1; ++k) {
        size_t begin = place;
        for (size_t i = 0; i < width; ++i) {
            if (kind[i] != k) continue;
            o->first[l][place] = begin;
            o->order[l][place++] = i;
        }
        if (place > begin) ++o->cells[l];
    }
}

size_t **lip_order_find(const lip_order_graph *graph) {
    ordering o = {graph, new_places(graph), new_places(graph), LIP_NEW(size_t, graph->levels)};
    bool ok = o.order && o.first && o.cells;
    for (size_t l = 0; ok && l < graph->levels; ++l) start_level(&o, l);
    ok = ok && refine(&o) && break_ties(&o);
    lip_order_free(graph->levels, o.first);
    free(o.cells);
    if (ok) return o.order;
    lip_order_free(graph->levels, o.order);
    return NULL;
}
