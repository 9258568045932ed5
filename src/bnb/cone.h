/* Is a cell of the input space empty?  Floating point: what it proposes is proved by bnb/leaf.h. */
#ifndef LIP_BNB_CONE_H
#define LIP_BNB_CONE_H

#include "bnb/leaf.h"

typedef struct lip_cone lip_cone;

/* The constraints that held the last point of a cell: neurons by relu number, then the region's. */
typedef struct lip_cone_basis {
    size_t count;
    unsigned *id;
} lip_cone_basis;

/* For one thread.  NULL if memory is short. */
lip_cone *lip_cone_create(const lip_dense *dense);

/* The same, for R^n, with a coordinate h for every undecided neuron that is read by decided ones, and the rows h >= 0 and
 * h >= z instead of h = max(z, 0): a relaxation in which decided neurons behind undecided ones have rows, too. */
lip_cone *lip_cone_create_lifted(const lip_dense *dense);
void lip_cone_free(lip_cone *cone);

/* Dimension of the cone, and so the most constraints in a basis. */
size_t lip_cone_dimension(const lip_dense *dense, const lip_region *region);

/* Load a cell: the node's region, what the path says of units, ranges of units (only read in boxes and
 * balls).  False if memory is short. */
bool lip_cone_load(lip_cone *cone, const lip_leaf_node *node);

/* Does this point of an earlier cell satisfy all rows of this one, with room to spare? */
bool lip_cone_holds(const lip_cone *cone, const double *point);

typedef enum lip_cone_outcome { LIP_CONE_POINT, LIP_CONE_EMPTY, LIP_CONE_UNKNOWN } lip_cone_outcome;

/* Find an interior point, starting from a basis (NULL: none), which is replaced by that of the point. */
lip_cone_outcome lip_cone_solve(lip_cone *cone, lip_cone_basis *basis);

/* After LIP_CONE_POINT: it, lip_cone_dimension numbers (homogeneous for R^n, else the input itself), and as an input
 * x[inputs]; false if it does not lie in the region. */
const double *lip_cone_point(const lip_cone *cone);
bool lip_cone_input(const lip_cone *cone, const double *point, double *x);

/* After LIP_CONE_EMPTY: neurons of a Farkas certificate, units ascending, and their multipliers (of z). */
size_t lip_cone_farkas(lip_cone *cone, size_t *unit, double *multiplier);

/* Has the cell that is loaded coordinates h? */
bool lip_cone_is_lifted(const lip_cone *cone);

/* The same for a lifted cone: three lists, one after the other, of neurons with rows s z >= 0, h >= 0 and
 * h - z >= 0, each ascending; count[] says how long they are. */
void lip_cone_farkas_lifted(lip_cone *cone, size_t count[3], size_t *unit);

/* About how many multiplications it took so far. */
double lip_cone_work(const lip_cone *cone);

#endif
