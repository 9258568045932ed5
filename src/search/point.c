/* The gradient norm at a point that the user names, confirmed like any other witness. */
#include "problem/task.h"
#include "search/witness.h"

lip_status lip_point_method(lip_task *task, lip_step *step, lip_error *err) {
    lip_witness witness;
    lip_rng rng;
    lip_status status = lip_witness_create(task->net, task->query, &task->bounds, &witness, err);
    if (status != LIP_OK) return status;
    lip_rng_seed(&rng, (uint64_t)task->settings->seed);
    status = lip_witness_offer(&witness, task, task->query->point, &rng, step, err);
    lip_witness_explain(&witness, step);
    step->complete = true;
    lip_witness_clear(&witness);
    return status;
}
