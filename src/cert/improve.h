/* The best y for fixed lambda. */
#ifndef LIP_CERT_IMPROVE_H
#define LIP_CERT_IMPROVE_H

#include "cert/slack.h"

/* Minimise sum y size over S(y) positive semidefinite, y >= 0 for inequalities, from a y for which S is
 * positive definite; y is then the last strictly feasible iterate, not proved.  False: out of memory.
 * Memory: four n x n matrices besides those of the slack; time: about 4 n^3 a step. */
bool lip_improve(const lip_slack *slack, const lip_repair_options *options, double *y);

#endif
