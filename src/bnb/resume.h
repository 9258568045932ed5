/* Going on from a checkpoint (docs/exact.md, "Checkpoints"). */
#ifndef LIP_BNB_RESUME_H
#define LIP_BNB_RESUME_H

#include "bnb/branch.h"

/* A checkpoint in memory, up to its tree. */
typedef struct lip_resume lip_resume;

/* Read the file and compare its question with that of the branch.  LIP_ARGUMENT if it is another one. */
lip_status lip_resume_open(const lip_branch *branch, const char *path, lip_resume **resume,
                           lip_error *err);
void lip_resume_free(lip_resume *resume);

/* Put the trees of the checkpoint in the place of the roots, which have their bounds already.  Nothing is trusted:
 * every leaf is proved again, and one for which that fails is open, with the bound of its root.  The witness is
 * offered.  If the watch expires before that is done, the roots stay as they are and *whole is false. */
lip_status lip_resume_build(lip_resume *resume, lip_worker *worker, bool *whole, lip_error *err);

#endif
