/* Choices by magnitude.  The Newton iteration that bounds a node also says which neuron matters most, but it
 * costs the cube of inputs and undecided neurons.  Where inputs are many and undecided neurons few, or where boxes are
 * halved, nodes are bounded by intervals, and the choice is made from weights alone. */
#include "bnb/influence.h"

#include <math.h>
#include <string.h>

static double influence(const lip_dense *dense, const lip_leaf_node *view, size_t j) {
    double width = view->region->hi[j] - view->region->lo[j], total = 0;
    for (size_t l = 1; l <= dense->layers; ++l)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t) {
            if (dense->layer[l].term[t].source != 0 || !dense->layer[l].relu) continue;
            const double *row = dense->layer[l].term[t].row;
            for (size_t i = 0; i < dense->layer[l].width; ++i) {
                size_t unit = dense->layer[l].offset + i;
                if (lip_leaf_phase(view, unit) == LIP_UNSTABLE)
                    total += fabs(row[i * dense->inputs + j]) / (view->hi[unit] - view->lo[unit]);
            }
        }
    return width * (total + 1e-3);
}

size_t lip_influence_input(const lip_dense *dense, const lip_leaf_node *view) {
    size_t best = 0;
    double most = -1;
    for (size_t j = 0; j < dense->inputs; ++j) {
        double score = influence(dense, view, j);
        if (!(score > most)) continue;
        most = score;
        best = j;
    }
    return best;
}

/* One term of one unit: its ways lengthened by those of the source (ahead), or the other way round. */
static void pass(const lip_dense *dense, size_t l, size_t i, double *ahead, double *behind) {
    const lip_dense_layer *layer = &dense->layer[l];
    size_t unit = layer->offset + i;
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &dense->layer[layer->term[t].source];
        const double *row = layer->term[t].row + i * source->width;
        for (size_t j = 0; ahead && j < source->width; ++j)
            ahead[unit] += fabs(row[j]) * ahead[source->offset + j];
        for (size_t j = 0; behind && j < source->width; ++j)
            behind[source->offset + j] += fabs(row[j]) * behind[unit];
    }
}

/* Relu numbers ascend with units, so k counts along; inactive neurons pass nothing on. */
size_t lip_influence_neuron(const lip_dense *dense, const signed char *phase, double *ahead,
                            double *behind) {
    size_t best = SIZE_MAX, k = 0, last = dense->layer[dense->layers].offset;
    double most = -1;
    memset(ahead, 0, dense->units * sizeof *ahead);
    memset(behind, 0, dense->units * sizeof *behind);
    for (size_t j = 0; j < dense->inputs; ++j) ahead[j] = 1;
    for (size_t i = 0; i < dense->rows; ++i) behind[last + i] = 1;
    for (size_t l = 1; l <= dense->layers; ++l)
        for (size_t i = 0; i < dense->layer[l].width; ++i)
            if (!dense->layer[l].relu || phase[k++] != LIP_INACTIVE) pass(dense, l, i, ahead, NULL);
    for (size_t l = dense->layers; l > 0; --l)
        for (size_t i = dense->layer[l].width; i-- > 0;)
            if (!dense->layer[l].relu || phase[--k] != LIP_INACTIVE)
                pass(dense, l, i, NULL, behind);
    for (k = 0; k < dense->relus; ++k) {
        double score = ahead[dense->relu[k]] * behind[dense->relu[k]];
        if (phase[k] != LIP_UNSTABLE || !(score > most)) continue;
        most = score;
        best = k;
    }
    return best;
}
