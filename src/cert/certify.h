/* From proved multipliers of a lifted problem to a part of an sdp statement. */
#ifndef LIP_CERT_CERTIFY_H
#define LIP_CERT_CERTIFY_H

#include "cert/part.h"
#include "cert/repair.h"

/* Which lifted problem: of which network and query, which of the query's parts. */
typedef struct lip_certify_question {
    const lip_network *net;
    const lip_preactivation *bounds;
    const lip_query *query;
    size_t part;
} lip_certify_question;

/* Enlarge y as much as lipcheck's own factorisation will need, and write the part.  *value is the bound
 * that it proves, a claim (lip_claim); INFINITY if the multipliers do not fit the format (numbers that
 * are out of range in the network's units).  *uses_bounds becomes true if stable neurons were used.
 * multipliers are those that lip_repair left.  False if memory is short. */
bool lip_certify(const lip_lifted *lifted, const lip_certify_question *question,
                 const lip_multipliers *multipliers, lip_text *text, double *value,
                 bool *uses_bounds);

#endif
