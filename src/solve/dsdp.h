/* Multipliers of a small lifted problem from DSDP, a dense interior-point solver. */
#ifndef LIP_SOLVE_DSDP_H
#define LIP_SOLVE_DSDP_H

#include "cert/repair.h"

/* Fill y and lambda with a near-optimal dual solution, about 8 digits.  Nothing here is proved: lip_repair
 * does that.  A solver that gives up leaves what it had.  The watch is asked once an iteration. */
lip_status lip_dsdp_solve(const lip_lifted *lifted, lip_watch *watch, lip_multipliers *multipliers,
                          lip_error *err);

#endif
