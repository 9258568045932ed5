/* What the files of the methods hr2 and tight share; see tight.c. */
#ifndef LIP_RELAX_TIGHT_H
#define LIP_RELAX_TIGHT_H

#include "cert/parts.h"
#include "problem/family.h"
#include "problem/task.h"

/* One part of a question on its way through the stages. */
typedef struct lip_stages {
    lip_task *task;
    lip_parts *proofs;
    size_t part;
    lip_lifted *lifted;
    lip_multipliers m;
    double *primal; /* n x n: the last X; NULL for hr2 */
    double enough;  /* what another part has: less than this is of no use */
    double best;    /* least proved bound */
    double share;   /* of the time that is left, for this part */
    bool cut_short;
} lip_stages;

/* Prove a bound with multipliers of q->lifted as it is now, and keep it if it is the best.  They end as
 * those that it was proved with.  steps: of lip_improve, if what was proved is not near `proposed`. */
lip_status lip_tight_prove(lip_stages *q, lip_multipliers *m, double proposed, size_t steps,
                           lip_error *err);

/* No time, or no use. */
bool lip_tight_over(lip_stages *q);

/* The moment at which q's share of the time ends, `reserve` seconds earlier, but not before now. */
double lip_tight_deadline(const lip_stages *q, double reserve);

/* A solver's watch ended with `stop`. */
void lip_tight_stopped(lip_stages *q, lip_stop stop);

/* All stages by the interior-point method (tight_stages.c), and by the low-rank one (tight_large.c).  y and
 * lambda come in as zeros. */
lip_status lip_tight_small(lip_stages *q, bool tight, lip_error *err);
lip_status lip_tight_large(lip_stages *q, bool tight, lip_error *err);

#endif
