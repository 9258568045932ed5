/* Branch and bound for one question: shared state and the workers (docs/exact.md). */
#ifndef LIP_BNB_BRANCH_H
#define LIP_BNB_BRANCH_H

#include "bnb/tree.h"
#include "problem/task.h"
#include "search/witness.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct lip_branch_counts {
    size_t nodes, newton, programs, empty,
        free; /* free: children that the parent's point showed not empty */
} lip_branch_counts;

/* What all workers share.  `lock` guards everything that changes but `halt`. */
typedef struct lip_branch {
    lip_task *task;
    lip_step *step; /* of the lower bounds that are found on the way */
    lip_dense *dense;
    double weights; /* lip_dense_size */
    size_t parts;
    lip_leaf_part *part;
    lip_node **root;
    bool tightens; /* ranges are computed again below the root */
    bool linear;
    bool cuts;         /* boxes are halved while more than most_free neurons are undecided */
    bool layered;      /* neurons of earlier layers are split first */
    bool may_be_rough; /* intervals may be tried first, where Newton steps are dear */
    bool rough, over;  /* they are; and they were not enough */
    lip_node **spare;  /* while they are: the other roots */
    size_t most_free;
    double target;    /* nodes below it are left alone in this round */
    double tolerance; /* relative gap to reach */
    double at_most;   /* not 0: only whether L is at most this, or more, is asked for */
    size_t memory, most_memory;
    double most_work; /* of a worker, in multiplications; INFINITY: no limit */
    pthread_mutex_t lock;
    pthread_cond_t change;
    size_t used, room; /* nodes to be worked on, last first */
    lip_node **stack;
    size_t busy;               /* workers with a node in hand */
    atomic_bool halt;          /* out of time, interrupted, out of memory */
    bool pause;                /* the round is broken off for a checkpoint; the stack stays */
    double next_checkpoint;    /* lip_clock_now() value */
    lip_error written;         /* how the last checkpoint went */
    struct lip_resume *resume; /* a checkpoint to begin with; NULL: none */
    lip_status status;         /* a failure other than of memory, described in err */
    lip_error *err;
    bool failed, full, worn; /* out of memory: of the system, of the limit; out of work */
    lip_branch_counts counts;
    lip_witness witness;
    lip_rng rng;
} lip_branch;

/* One thread's tools. */
typedef struct lip_worker {
    lip_branch *branch;
    bool leader;     /* asks the watch */
    bool cuts;       /* the children made last are halves of a box */
    int first;       /* of the children made last: which to work on first */
    size_t part;     /* in hand */
    lip_gram **gram; /* by part, created when needed */
    lip_leaf **leaf;
    lip_cone *cone, *lifted;
    lip_cone_basis basis;      /* of the lifted cone, with room for any */
    signed char *path, *phase; /* by unit; by relu number, with what the ranges know */
    double *input, *dual, *tangent;
    size_t *unit;
    double *multiplier;
    double *h, *z, *g, *x;
    lip_branch_counts counts;
    double work;
} lip_worker;

bool lip_worker_create(lip_branch *branch, lip_worker *worker);
void lip_worker_clear(lip_worker *worker);

/* The root of a part: its ranges, multipliers and bound; by intervals if branch->rough.  False if memory is short. */
bool lip_worker_start(lip_worker *worker, size_t part);

/* Bound an open node; if that is not enough for the target, split it: the children come out (NULL: it is no
 * longer open, or it was bounded).  False if memory is short. */
bool lip_worker_expand(lip_worker *worker, lip_node *node, lip_node *child[2]);

/* Prove a leaf that has no text yet, from its multipliers or by intervals. */
bool lip_worker_prove(lip_worker *worker, lip_node *node);

/* A node's region, path and ranges, valid until the next one is viewed; the tools for its part are there then.  False if
 * memory is short. */
bool lip_worker_view(lip_worker *worker, const lip_node *node, lip_leaf_node *view);

/* The largest bound of all leaves.  INFINITY, and branch->failed, if memory is short. */
double lip_branch_upper(lip_branch *branch);

/* Append the statement `tree`, or the header line of one part.  False if some leaf has no text, or memory is short. */
bool lip_branch_write(lip_branch *branch, lip_text *text);
void lip_branch_put_part(const lip_branch *branch, size_t part, lip_text *text);

/* Is `at_most` decided, by bounds that are proved? */
bool lip_branch_decided(const lip_branch *branch, double upper);

/* Work until the gap is closed or the watch expires.  False: `status` says why, or memory is short. */
bool lip_branch_run(lip_branch *branch, size_t threads);

#endif
