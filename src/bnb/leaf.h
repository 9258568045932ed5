/* Proofs of the leaves of a branch tree (docs/certificate.md, "Statement tree"): what is proved here, with all
 * rounding, is what the node's text claims, and lipcheck, which computes in another order, accepts it. */
#ifndef LIP_BNB_LEAF_H
#define LIP_BNB_LEAF_H

#include "base/text.h"
#include "bnb/dense.h"
#include "cert/part.h"
#include "region/preactivation.h"

/* Which directions and outputs the tree is about. */
typedef struct lip_leaf_part {
    lip_part_set input; /* cube, ball, unit */
    size_t input_index;
    lip_part_set output; /* cube, ball, fixed */
    size_t output_index;
} lip_leaf_part;

/* A node: its own box (or ball, or R^n), what the path says of neurons, and ranges that hold in it. */
typedef struct lip_leaf_node {
    const lip_region *region;
    const signed char *path; /* units: LIP_UNSTABLE (nothing), LIP_ACTIVE or LIP_INACTIVE */
    const double *lo,
        *hi; /* units: proved, as the checker finds them at the node's last `tighten` */
} lip_leaf_node;

/* What a node knows of a neuron: the path first, then the ranges. */
lip_phase lip_leaf_phase(const lip_leaf_node *node, size_t unit);

typedef struct lip_leaf lip_leaf; /* room for proofs, for one thread */

lip_leaf *lip_leaf_create(const lip_dense *dense, lip_norm norm_in, lip_norm norm_out,
                          const lip_leaf_part *part);
void lip_leaf_free(lip_leaf *leaf);

/* Prove a bound from multipliers: every neuron whose phase is unknown has a variable v.
 *   input[]: cube: one for each input, ball and unit: one;  dual[]: cube: one for each row, ball: one,
 *   fixed: NULL (then `one` counts);  tangent[unit]: the multiplier of v (y - v), without sign, of unknown neurons.
 * The slack matrix should be positive definite already; multipliers are rounded to 30 bits, and where that proves
 * nothing to more, times up to 1 + 1e-3.  *bound: proved, already lip_claim'ed, INFINITY if it could not be
 * proved.  The leaf's lines are appended to text (NULL: not wanted).  False if memory is short. */
bool lip_leaf_sdp(lip_leaf *leaf, const lip_leaf_node *node, double one, const double *input,
                  const double *dual, const double *tangent, double *bound, lip_text *text);

/* The same from multipliers as a leaf's lines have them, neither rounded nor enlarged: what such a leaf proved once, it
 * proves again. */
bool lip_leaf_sdp_again(lip_leaf *leaf, const lip_leaf_node *node, double one, const double *input,
                        const double *dual, const double *tangent, double *bound, lip_text *text);

/* The interval Jacobian with the node's phases. */
bool lip_leaf_interval(lip_leaf *leaf, const lip_leaf_node *node, double *bound, lip_text *text);

/* Prove that a cell is empty, from the rows of a Farkas certificate found in floating point: units that the
 * path fixes, with positive multipliers (units ascending).  Tries `sum` in boxes and balls, in R^n `span` at the levels that fit
 * (with the constant 1 among the rows, and without), and appends the lines of the one that works.  *empty: proved. */
bool lip_leaf_empty(lip_leaf *leaf, const lip_leaf_node *node, size_t count, const size_t *unit,
                    const double *multiplier, bool *empty, lip_text *text);

/* The same in R^n from the rows of a lifted cone (`empty hull`: docs/certificate.md, section 14).  unit[]: three lists, one after
 * the other, count[0] units that the path fixes, count[1] undecided ones with rows h >= 0, count[2] with rows h - z >= 0;
 * units ascend in each.  Multipliers are found anew.  *empty: proved; if so, its line is appended to text (NULL: not wanted).
 * False if memory is short. */
bool lip_leaf_hull(lip_leaf *leaf, const lip_leaf_node *node, const size_t count[3],
                   const size_t *unit, bool *empty, lip_text *text);

/* Ranges for the node's region and path, as the node `tighten` has them; lo and hi (units) hold the parent's and are
 * cut.  `linear`: the certificate says `bounds linear`.  *empty: some neuron has none left (the leaf `empty` without
 * more).  `from`: layers before it are as they were when the parent's ranges were found in this way, and of its own only
 * phases are new, so nothing changes up to there (0: everything is found again).  False if memory is short. */
bool lip_leaf_tighten(const lip_network *net, const lip_region *region, const signed char *path,
                      bool linear, size_t from, double *lo, double *hi, bool *empty);

#endif
