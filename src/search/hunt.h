/* The moves of the method `search`: from patterns to points and from cells to neighbouring cells. */
#ifndef LIP_SEARCH_HUNT_H
#define LIP_SEARCH_HUNT_H

#include "search/cell.h"
#include "search/witness.h"

/* Distance from imposed hyperplanes, in search coordinates. */
static const double lip_hunt_margin = 1e-7;

/* Steps of the active-set method after which a phase is given up: on SDP-NN, 784 inputs, phases that can be
 * had took 10 to 70 steps, and seeing that one cannot be had 400. */
enum { LIP_HUNT_STEPS = 120 };

typedef struct lip_crossing { /* a breakpoint of a line */
    double alpha;
    size_t unit;
} lip_crossing;

typedef struct lip_hunt {
    lip_task *task;
    lip_step *step;
    const lip_network *net;
    lip_chart chart;
    lip_witness witness;
    lip_rng rng;
    lip_cell here, trial;  /* the cell of xi; one to try patterns in */
    lip_polytope polytope; /* the region and the rows of one cell, in search coordinates */
    size_t n;
    double *xi, *best_xi;  /* n: where we are, the best point so far (search coordinates) */
    double *x, *direction; /* n */
    double *h, *z;         /* units: values at x */
    double *want, *weight; /* units: a wanted pattern and how much each phase matters */
    double *score;         /* units: values of flips */
    double *phase;         /* units: the phases at x */
    size_t *order, *tabu;  /* units */
    size_t *row_of;  /* units: a neuron's row of the polytope while climbing; SIZE_MAX: none */
    double *formal;  /* units: the pattern of the largest formal norm met */
    double *scratch; /* 4 * units */
    lip_crossing *crossings; /* units */
    double formal_value;     /* its norm; 0: none yet */
    double best;             /* largest norm met, floating point */
    double deadline;         /* lip_clock_now() */
} lip_hunt;

lip_status lip_hunt_create(lip_task *task, lip_step *step, lip_hunt *hunt, lip_error *err);
void lip_hunt_clear(lip_hunt *hunt);

/* Out of time, of this method's share of it, or interrupted. */
bool lip_hunt_expired(lip_hunt *hunt);
double lip_hunt_work(const lip_hunt *hunt);

/* x, h, z and phase from xi. */
void lip_hunt_evaluate(lip_hunt *hunt);

/* Append to the polytope that unit has the phase that cell->d gives it.  False if it is constant. */
bool lip_hunt_impose(lip_hunt *hunt, const lip_cell *cell, size_t unit);

/* want and weight as the direction of the cell's norm asks. */
void lip_hunt_wishes(lip_hunt *hunt, const lip_cell *cell);

/* here = the cell of hunt->xi; offered as a witness if it is a record. */
lip_status lip_hunt_locate(lip_hunt *hunt, lip_error *err);

/* xi = a point of the region with as many wanted phases as could be imposed, layer by layer and within
 * a layer by falling weight; then here = its cell.   The
 * point is the nearest to the middle of the region.  *all: every wanted phase was imposed. */
lip_status lip_hunt_attain(lip_hunt *hunt, const double *want, const double *weight, bool *all,
                           lip_error *err);

/* Attain what the direction of the present cell asks for, until that brings nothing. */
lip_status lip_hunt_alternate(lip_hunt *hunt, lip_error *err);

/* Before crossings: the polytope becomes that of the present cell. */
bool lip_hunt_settle(lip_hunt *hunt);

/* Move to the cell behind the hyperplane of one neuron.  *moved is false if the two cells have no
 * facet in common inside the region. */
lip_status lip_hunt_cross(lip_hunt *hunt, size_t unit, bool *moved, lip_error *err);

/* Tabu search over neighbouring cells: always the best neighbour that was not left lately. */
lip_status lip_hunt_climb(lip_hunt *hunt, size_t idle, lip_error *err);

/* Best point of the line through xi along hunt->direction, over all its breakpoints; moves there if
 * that is better than xi. */
lip_status lip_hunt_line(lip_hunt *hunt, bool *improved, lip_error *err);

/* A pattern of locally maximal formal norm in cell->d, whether attainable or not, from the pattern that
 * cell holds: alternating maximisation, then single flips and pairs of flips. */
/* The same for count directions at once, disturbed copies of the cell's own or (fresh) random ones; d is the
 * best pattern found, better than the one before or not. */
lip_status lip_formal_batch(lip_cell *cell, size_t count, bool fresh, lip_rng *rng, lip_error *err);
lip_status lip_formal_alternate(lip_cell *cell, lip_error *err);
lip_status lip_formal_flips(lip_cell *cell, lip_watch *watch, lip_error *err);

#endif
