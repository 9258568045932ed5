/* Random questions, nodes and multipliers for the tests of leaf proofs, and what the answers are compared with. */
#ifndef LIP_TEST_LEAVES_H
#define LIP_TEST_LEAVES_H

#include "support.h"

#include "bnb/leaf.h"

enum { MOST_INPUTS = 4, MOST_ROWS = 3 };

typedef struct question {
    lip_network *net;
    lip_region *region;
    lip_norm p, q;
    lip_output output;
    lip_dense *dense;
    lip_leaf_part part;
    lip_leaf *leaf;
    bool linear;
} question;

typedef struct box_node {
    lip_region *region;
    signed char *path;
    double *lo, *hi;
    bool tightened; /* ranges were found again above, */
    size_t from;    /* and since then only neurons of layers from this one on got phases */
} box_node;

typedef struct multipliers {
    double one, input[MOST_INPUTS], dual[MOST_ROWS], *tangent;
} multipliers;

/* A question with a part that covers everything. */
void leaves_create(lip_rng *rng, size_t layers, size_t widest, question *q);
void leaves_clear(question *q);

/* A node that knows nothing, of the question's region. */
box_node leaves_root(const question *q);
void leaves_clear_node(box_node *node); /* but for the region */
lip_leaf_node leaves_view(const box_node *node);

/* Some neurons get a phase on the path. */
void leaves_random_path(lip_rng *rng, const question *q, box_node *node);

/* Random ones, and the more feasible the larger `strong` is: earlier layers weigh more. */
void leaves_random_multipliers(lip_rng *rng, const question *q, double strong, multipliers *m);

/* One try, `one` and `dual` times a scale; the text is replaced if it was proved. */
bool leaves_prove_with(const question *q, const box_node *node, const multipliers *m, double scale,
                       double *bound, lip_text *text);

/* A leaf at the edge of what is proved; false if no multipliers were found. */
bool leaves_prove(lip_rng *rng, const question *q, const box_node *node, double *bound,
                  lip_text *text);

/* The norms whose unit balls are the sets of the part. */
lip_norm leaves_input_ball(const question *q);
lip_norm leaves_output_ball(const question *q);
lip_norm leaves_dual(lip_norm q);

/* A lower bound, nearly always exact, on max w'J t over unit balls of two norms: of all patterns that agree with what the
 * node knows; for the norms of the question, of one Jacobian. */
double leaves_all_patterns(const question *q, const box_node *node, lip_norm of_t, lip_norm of_w);
double leaves_norm_at(const question *q, const double *z);

void leaves_random_point(lip_rng *rng, const lip_region *region, double *x);
double *leaves_values(const question *q, const double *x); /* z of all units; for free() */

/* Is a point inside the node's cell, by its path? */
bool leaves_in_cell(const question *q, const box_node *node, const double *z);

/* Subsets of the neurons on the path that prove the node empty are tried. */
bool leaves_find_empty(lip_rng *rng, const question *q, const box_node *node, lip_text *text);

#endif
