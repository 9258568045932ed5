/* Room for leaf proofs, and what a node knows of a neuron. */
#include "base/memory.h"
#include "bnb/leaf_work.h"

#include <stdlib.h>

lip_phase lip_leaf_phase(const lip_leaf_node *node, size_t unit) {
    if (node->path[unit] != LIP_UNSTABLE) return (lip_phase)node->path[unit];
    if (node->hi[unit] <= 0) return LIP_INACTIVE;
    return node->lo[unit] >= 0 ? LIP_ACTIVE : LIP_UNSTABLE;
}

/* A sum over the sources of a unit in any order, and a few operations more, for every layer. */
static size_t count_roundings(const lip_dense *dense) {
    size_t count = 16;
    for (size_t l = 1; l <= dense->layers; ++l) {
        count += 8;
        for (size_t t = 0; t < dense->layer[l].nterms; ++t)
            count += dense->layer[dense->layer[l].term[t].source].width + 1;
    }
    return count;
}

static bool allocate(lip_leaf *leaf) {
    const lip_dense *dense = leaf->dense;
    size_t most = leaf->inputs + leaf->room, y, side, corner;
    if (!lip_multiply_sizes(dense->units - dense->inputs, leaf->stride, &y) ||
        !lip_multiply_sizes(leaf->inputs, leaf->room, &side) ||
        !lip_multiply_sizes(leaf->room, leaf->room, &corner))
        return false;
    leaf->role = LIP_NEW(char, dense->units);
    leaf->reached = LIP_NEW(bool, dense->units);
    leaf->variable = LIP_NEW(size_t, dense->units);
    leaf->width = LIP_NEW(size_t, dense->layers + 1);
    leaf->y = LIP_NEW(double, y);
    leaf->ahead = lip_alloc(dense->units, 2 * sizeof(double));
    leaf->diagonal = lip_alloc(most, 3 * sizeof(double));
    leaf->side = LIP_NEW(double, side);
    leaf->corner = LIP_NEW(double, corner);
    leaf->input = LIP_NEW(double, leaf->inputs);
    leaf->dual = LIP_NEW(double, leaf->outputs);
    leaf->tangent = LIP_NEW(double, dense->units);
    if (!leaf->role || !leaf->reached || !leaf->variable || !leaf->width || !leaf->y ||
        !leaf->ahead || !leaf->diagonal || !leaf->side || !leaf->corner || !leaf->input ||
        !leaf->dual || !leaf->tangent)
        return false;
    leaf->back = leaf->ahead + dense->units;
    leaf->scale = leaf->diagonal + most;
    leaf->sum = leaf->scale + most;
    return true;
}

lip_leaf *lip_leaf_create(const lip_dense *dense, lip_norm norm_in, lip_norm norm_out,
                          const lip_leaf_part *part) {
    lip_leaf *leaf = LIP_NEW(lip_leaf, 1);
    if (!leaf) return NULL;
    leaf->dense = dense;
    leaf->norm_in = norm_in;
    leaf->norm_out = norm_out;
    leaf->part = *part;
    leaf->roundings = count_roundings(dense);
    leaf->inputs = part->input == LIP_SET_UNIT ? 1 : dense->inputs;
    leaf->outputs = part->output == LIP_SET_FIXED ? 1 : dense->rows;
    leaf->room = dense->relus + leaf->outputs;
    leaf->stride = leaf->inputs + dense->relus;
    if (allocate(leaf)) return leaf;
    lip_leaf_free(leaf);
    return NULL;
}

void lip_leaf_free(lip_leaf *leaf) {
    if (!leaf) return;
    free(leaf->role);
    free(leaf->reached);
    free(leaf->variable);
    free(leaf->width);
    free(leaf->y);
    free(leaf->ahead);
    free(leaf->diagonal);
    free(leaf->side);
    free(leaf->corner);
    free(leaf->input);
    free(leaf->dual);
    free(leaf->tangent);
    free(leaf);
}
