/* The tree of branch and bound, kept whole: its leaves are the proof, the work that is left, and what a
 * checkpoint holds. */
#ifndef LIP_BNB_TREE_H
#define LIP_BNB_TREE_H

#include "bnb/cone.h"
#include "bnb/gram.h"

typedef enum lip_node_kind {
    LIP_NODE_OPEN,  /* a leaf that may be split */
    LIP_NODE_STUCK, /* a leaf that cannot be improved: all phases known */
    LIP_NODE_EMPTY, /* a leaf without points */
    LIP_NODE_SPLIT, /* by the phase of neuron `relu`: child 0 inactive, 1 active */
    LIP_NODE_CUT    /* by input `relu` at `cut`: child 0 below, 1 above */
} lip_node_kind;

/* What a leaf needs for being split; gone afterwards. */
typedef struct lip_node_state {
    signed char *path; /* by relu number */
    lip_gram_point multipliers;
    lip_cone_basis basis, lifted; /* of the cell, and of the lifted cone */
    double *point;                /* interior point of the cell, homogeneous; NULL: none is known */
    double *lo, *hi;              /* by unit; NULL: those of the root */
    const lip_dense *dense;
    size_t groups;
    lip_region *region; /* NULL: the question's */
} lip_node_state;

typedef struct lip_node {
    struct lip_node *child[2];
    lip_node_kind kind;
    bool tighten; /* ranges are computed again here */
    unsigned relu;
    unsigned part; /* of the question */
    double cut;
    double
        bound; /* of L on this cell: what the text proves, or before there is one, the parent's */
    lip_text text; /* the lines of a leaf */
    lip_node_state *state;
} lip_node;

/* NULL if memory is short.  The state has room for a path and multipliers, all 0. */
lip_node *lip_node_create(const lip_dense *dense, size_t groups, unsigned part);
void lip_node_clear_state(lip_node *node);
void lip_node_free(lip_node *node); /* this one only */

/* A child of a node that takes over its path and multipliers.  NULL if memory is short. */
lip_node *lip_node_child(const lip_node *parent, const lip_dense *dense, size_t groups);

/* About how many bytes a node takes, a leaf with the text that it will have. */
size_t lip_node_size(const lip_node *node);

/* Free a whole tree. */
void lip_tree_free(lip_node *root);

/* Call visit for every leaf, from left to right, until it returns false.  False then, or if memory is short. */
typedef bool (*lip_leaf_visit)(lip_node *leaf, void *user);
bool lip_tree_leaves(lip_node *root, lip_leaf_visit visit, void *user);

/* Append the lines of a tree to text (docs/certificate.md).  False if some leaf has none, or memory is short
 * (then text->failed, too). */
bool lip_tree_write(lip_node *root, lip_text *text);

#endif
