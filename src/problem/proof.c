#include "problem/proof.h"

#include "base/memory.h"
#include "base/round.h"
#include "region/backward.h"

#include <math.h>
#include <stdlib.h>

void lip_statement_clear(lip_statement *statement) {
    lip_text_clear(&statement->text);
    statement->uses_bounds = false;
}

void lip_statement_spectral(lip_text *text, size_t layer, size_t term, double norm) {
    lip_text_word(text, "spectral");
    lip_text_size(text, layer);
    lip_text_size(text, term);
    lip_text_real(text, norm);
    lip_text_word(text, "\n");
}

lip_proof *lip_proof_create(void) {
    lip_proof *proof = LIP_NEW(lip_proof, 1);
    if (proof) proof->upper = INFINITY;
    return proof;
}

void lip_proof_free(lip_proof *proof) {
    if (!proof) return;
    lip_text_clear(&proof->bounds);
    lip_text_clear(&proof->all_bounds);
    lip_statement_clear(&proof->statement);
    free(proof);
}

/* The lower line h >= a z of every ReLU. */
static void put_slopes(lip_text *text, const lip_network *net, const lip_preactivation *bounds) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (!layer->relu) continue;
        lip_text_word(text, "slopes");
        lip_text_size(text, l);
        lip_text_word(text, " ");
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            lip_text_word(text, lip_slope_digit(bounds, u) == 1 ? "1" : "0");
        lip_text_word(text, "\n");
    }
}

/* The bounds that have slopes of their own: all, or those that phases need. */
static void put_refinements(lip_text *text, const lip_refinements *refined, bool all) {
    for (size_t i = 0; i < refined->count; ++i) {
        const lip_refinement *item = &refined->item[i];
        if (!all && !item->needed) continue;
        lip_text_word(text, "refine");
        lip_text_size(text, item->layer);
        lip_text_size(text, item->neuron);
        lip_text_word(text, item->upper ? " upper" : " lower");
        lip_text_size(text, item->count);
        for (size_t e = item->first; e < item->first + item->count; ++e) {
            lip_text_size(text, refined->relu[e]);
            lip_text_real(text, refined->slope[e]);
        }
        lip_text_word(text, "\n");
    }
}

static void put_bounds(lip_text *text, const lip_network *net, const lip_preactivation *bounds,
                       bool all) {
    lip_text_clear(text);
    lip_text_word(text, bounds->linear ? "bounds linear\n" : "bounds interval\n");
    if (bounds->linear) put_slopes(text, net, bounds);
    put_refinements(text, &bounds->refined, all);
}

bool lip_proof_bounds(lip_proof *proof, const lip_network *net, const lip_preactivation *bounds) {
    bool more = false;
    for (size_t i = 0; i < bounds->refined.count; ++i)
        more = more || !bounds->refined.item[i].needed;
    put_bounds(&proof->bounds, net, bounds, false);
    lip_text_clear(&proof->all_bounds);
    if (more) put_bounds(&proof->all_bounds, net, bounds, true);
    return !proof->bounds.failed && !proof->all_bounds.failed;
}

bool lip_proof_share_bounds(lip_proof *proof, const lip_proof *from) {
    lip_text_clear(&proof->bounds);
    lip_text_clear(&proof->all_bounds);
    lip_text_append(&proof->bounds, &from->bounds);
    lip_text_append(&proof->all_bounds, &from->all_bounds);
    return !proof->bounds.failed && !proof->all_bounds.failed;
}

void lip_proof_offer(lip_proof *proof, double upper, lip_statement *statement) {
    bool usable = statement->text.size > 0 && !statement->text.overflown && upper < proof->upper;
    if (usable) {
        lip_statement_clear(&proof->statement);
        proof->statement = *statement;
        proof->upper = upper;
        *statement = (lip_statement){0};
    }
    lip_statement_clear(statement);
}

double lip_claim(double upper) { return upper > 0 ? lip_up(upper * LIP_CLAIM_FACTOR) : upper; }
