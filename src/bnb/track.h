/* A self-check: the best witness must lie in a leaf that says so. */
#ifndef LIP_BNB_TRACK_H
#define LIP_BNB_TRACK_H

#include "bnb/branch.h"

/* Follow the best witness down the trees; false in *fine if it ends in empty leaves only, or in ones whose bounds
 * are below the lower bound that it proves.  False if memory is short. */
bool lip_branch_track(lip_branch *branch, bool *fine);

#endif
