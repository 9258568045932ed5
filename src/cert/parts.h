/* The proofs of a question, part by part: the text of each, replaced whenever a better bound of the part is
 * certified, and at the end the statement.  So a method may be stopped at any time. */
#ifndef LIP_CERT_PARTS_H
#define LIP_CERT_PARTS_H

#include "cert/repair.h"
#include "problem/task.h"

typedef struct lip_part_proof {
    lip_text text;
    double claim; /* what the text proves; INFINITY: there is none */
    double plain; /* least bound that does not fit the format; INFINITY: there is none */
    bool uses_bounds;
} lip_part_proof;

typedef struct lip_parts {
    lip_task *task;
    size_t count; /* lip_lifted_parts */
    lip_part_proof *part;
} lip_parts;

/* False if memory is short; lip_parts_clear is fine in any case, and for zeroed parts. */
bool lip_parts_create(lip_task *task, lip_parts *parts);
void lip_parts_clear(lip_parts *parts);

/* The least bound of a part so far, already a claim (lip_claim); INFINITY before the first. */
double lip_parts_bound(const lip_parts *parts, size_t part);

/* The largest of them. */
double lip_parts_most(const lip_parts *parts);

/* lip_repair proved `bound` for this part with multipliers m: certify it, unless the part has no worse one.
 * A lifted problem without objective has bound 0, with zeros for m.  False if memory is short. */
bool lip_parts_keep(lip_parts *parts, size_t part, const lip_lifted *lifted,
                    const lip_multipliers *m, double bound);

/* *value: the largest bound; task->statement: its proof, empty if some part has none.  False if memory is
 * short. */
bool lip_parts_write(const lip_parts *parts, double *value);

#endif
