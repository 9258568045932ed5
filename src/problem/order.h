/* A canonical order of the hidden neurons: the same for a network whose neurons were shuffled. */
#ifndef LIP_PROBLEM_ORDER_H
#define LIP_PROBLEM_ORDER_H

#include <stdbool.h>
#include <stddef.h>

/* A matrix between two levels of units: width[to] x width[from], by rows. */
typedef struct lip_order_edge {
    size_t from, to;
    const double *w;
} lip_order_edge;

typedef struct lip_order_graph {
    size_t levels;
    const size_t *width;
    size_t edges;
    const lip_order_edge *edge;
    unsigned char *
        *kind; /* by level: one for each unit, smaller kinds come first; NULL: a level whose
                             units stay where they are (inputs, outputs) */
} lip_order_graph;

/* order[l][k] is the unit of level l at place k, of every level.  If units of levels with kinds are
 * renumbered, kinds and matrices alike, the renumbered order lists the same units (or units that can be
 * exchanged for them without changing any matrix).  problem/order.c names the exception.  NULL if memory
 * is short; otherwise for the caller to free with lip_order_free. */
size_t **lip_order_find(const lip_order_graph *graph);

void lip_order_free(size_t levels, size_t **order);

#endif
