#include "problem/proof.h"

#include "base/memory.h"
#include "base/round.h"

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
    lip_statement_clear(&proof->statement);
    free(proof);
}

/* The lower line h >= a z of every ReLU: the choice of region/linear.c. */
static void put_slopes(lip_text *text, const lip_network *net, const lip_preactivation *bounds) {
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        if (!layer->relu) continue;
        lip_text_word(text, "slopes");
        lip_text_size(text, l);
        lip_text_word(text, " ");
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            lip_text_word(text, bounds->hi[u] > -bounds->lo[u] ? "1" : "0");
        lip_text_word(text, "\n");
    }
}

bool lip_proof_bounds(lip_proof *proof, const lip_network *net, const lip_preactivation *bounds,
                      bool linear) {
    lip_text_clear(&proof->bounds);
    lip_text_word(&proof->bounds, linear ? "bounds linear\n" : "bounds interval\n");
    if (linear) put_slopes(&proof->bounds, net, bounds);
    return !proof->bounds.failed;
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
