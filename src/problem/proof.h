/* What proves the bounds of a result: the parts of its certificate (docs/certificate.md), as text. */
#ifndef LIP_PROBLEM_PROOF_H
#define LIP_PROBLEM_PROOF_H

#include "base/text.h"
#include "net/network.h"
#include "region/preactivation.h"

/* The statement behind one upper bound.  A method builds it while it proves. */
typedef struct lip_statement {
    lip_text text;
    bool uses_bounds; /* it relies on neurons that are stable on the region */
    bool uses_ranges; /* it relies on the ranges of others, too */
} lip_statement;

typedef struct lip_proof {
    lip_text bounds;     /* the line "bounds", its slopes and the refinements that phases need */
    lip_text all_bounds; /* the same with all refinements; empty if there are no others */
    double upper;        /* what the statement proves; INFINITY if there is none */
    lip_statement statement; /* of the best upper bound that has one */
    bool witness_uses_bounds;
} lip_proof;

void lip_statement_clear(lip_statement *statement);

/* The line that claims a spectral norm of a term's matrix. */
void lip_statement_spectral(lip_text *text, size_t layer, size_t term, double norm);

/* INFINITY is no claim; frees accept NULL. */
lip_proof *lip_proof_create(void);
void lip_proof_free(lip_proof *proof);

/* Write down how the pre-activation bounds were found.  False if memory is short. */
bool lip_proof_bounds(lip_proof *proof, const lip_network *net, const lip_preactivation *bounds);

/* Take what another proof says about the bounds, which are the same.  False if memory is short. */
bool lip_proof_share_bounds(lip_proof *proof, const lip_proof *from);

/* Keep a statement if it proves less than the present one; it is empty afterwards. */
void lip_proof_offer(lip_proof *proof, double upper, lip_statement *statement);

/* Every claim is enlarged by this factor beyond what was proved here, so that a checker which adds
 * in another order proves it as well. */
#define LIP_CLAIM_FACTOR (1 + 0x1p-40)
double lip_claim(double upper);

#endif
