/* Checkpoints of branch and bound: certificates of what is proved so far (docs/exact.md, "Checkpoints"). */
#ifndef LIP_BNB_CHECKPOINT_H
#define LIP_BNB_CHECKPOINT_H

#include "bnb/branch.h"

/* Count the time from now on.  `wanted`: was one asked for, and is the tree whole? */
void lip_checkpoint_begin(lip_branch *branch);
bool lip_checkpoint_wanted(const lip_branch *branch);

/* Is it time for one?  False if none was asked for. */
bool lip_checkpoint_due(const lip_branch *branch);

/* Prove the leaves that have no proof yet, and write the file, while no worker is at work.  Nothing is written
 * while some leaf has no proof; what went wrong with the file is left in branch->written.  False if memory is
 * short. */
bool lip_checkpoint_write(lip_branch *branch, lip_worker *worker);

#endif
