/* Bounds from dense lifted problems, for small networks of any shape. */
#ifndef LIP_RELAX_LIFTED_BOUND_H
#define LIP_RELAX_LIFTED_BOUND_H

#include "problem/task.h"

/* {ball, bin, tangent} on any graph. */
lip_status lip_tangent_general(lip_task *task, lip_step *step, lip_error *err);

#endif
