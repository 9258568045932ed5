/* What a network is made of, for the caller. */
#include "net/network.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static size_t stored(const lip_layer *layer) {
    size_t count = 0;
    for (size_t t = 0; t < layer->nterms; ++t) count += layer->term[t].op->nvalues;
    return count;
}

static bool is_chain(const lip_network *net) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (layer->nterms != 1 || layer->term[0].source != l - 1) return false;
        if (l < net->layers && !layer->relu) return false;
    }
    return true;
}

void lip_network_get_info(const lip_network *net, lip_network_info *info) {
    memset(info, 0, sizeof *info);
    info->inputs = lip_inputs(net);
    info->outputs = lip_outputs(net);
    info->layers = net->layers;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (layer->relu) ++info->relu_layers;
        if (layer->relu) info->neurons += layer->width;
        info->parameters += stored(layer) + layer->width;
    }
    info->chain = is_chain(net);
    info->folds = net->folds;
    snprintf(info->sha256, sizeof info->sha256, "%s", net->sha256);
    snprintf(info->format, sizeof info->format, "%s", net->format);
}

lip_status lip_network_get_layer(const lip_network *net, size_t l, lip_layer_info *info,
                                 lip_error *err) {
    if (l < 1 || l > net->layers)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a layer from 1 to %zu, found %zu",
                        net->layers, l);
    const lip_layer *layer = &net->layer[l];
    memset(info, 0, sizeof *info);
    info->width = layer->width;
    info->relu = layer->relu;
    info->terms = layer->nterms;
    info->source = layer->nterms ? layer->term[0].source : 0;
    info->op_kind = layer->nterms ? lip_op_name(layer->term[0].op) : "none";
    info->nonzeros = stored(layer);
    return LIP_OK;
}
