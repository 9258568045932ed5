/* The search.  All leaves are kept, so a falling target needs no restarts: a round works depth first on the leaves
 * whose bound is above the target, until none is left, and with every round the target moves closer to the
 * best lower bound.  Depth first keeps children next to their parent (warm multipliers, few open nodes); the
 * falling target keeps it from drowning in a part of the tree that a better lower bound would have cut off.
 *
 * Workers share one stack.  With one worker the run is deterministic; bounds are valid for any number, as a
 * leaf's bound rests on its own proof alone. */
#include "bnb/branch.h"

#include "base/error.h"
#include "base/memory.h"
#include "bnb/checkpoint.h"
#include "bnb/resume.h"
#include "bnb/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The state of the whole tree --------------------------------------------------------- */

static bool raise_upper(lip_node *leaf, void *user) {
    double *upper = user;
    if (leaf->bound > *upper) *upper = leaf->bound;
    return true;
}

double lip_branch_upper(lip_branch *b) {
    double upper = 0;
    for (size_t k = 0; k < b->parts; ++k)
        if (!b->root[k] || !lip_tree_leaves(b->root[k], raise_upper, &upper)) {
            b->failed = true;
            return INFINITY;
        }
    return upper;
}

static bool push(lip_branch *b, lip_node *node) {
    if (!lip_grow((void **)&b->stack, &b->room, b->used + 1, sizeof(lip_node *))) return false;
    b->stack[b->used++] = node;
    return true;
}

static bool collect(lip_node *leaf, void *user) {
    lip_branch *b = user;
    return leaf->kind != LIP_NODE_OPEN || leaf->bound <= b->target || push(b, leaf);
}

/* ---- Workers ----------------------------------------------------------------------------- */

/* Multiplications, some tenths of a second of them, until the method search is called, and for every weight, as many as
 * that method may take.  Not the clock, which would make one thread's tree depend on how fast the machine is. */
static double most_quick(const lip_branch *b) { return 1e9 + 5e4 * b->weights; }

/* A tree of intervals may take so many times that, if the bound of its root is at most so many times the other one. */
static const double for_intervals = 8, intervals_pay = 2.5;

/* The next node, or NULL if there is no more work; called and left with the lock held. */
static lip_node *take(lip_branch *b) {
    while (b->used == 0 && b->busy > 0 && !b->halt && !b->pause && !b->over)
        pthread_cond_wait(&b->change, &b->lock);
    if (b->used == 0 || b->halt || b->pause || b->over) return NULL;
    ++b->busy;
    return b->stack[--b->used];
}

/* Both children of a node that was split; the first to be worked on goes on top. */
static bool hang(lip_branch *b, lip_node *node, lip_node *child[2], bool cut, int first) {
    node->kind = cut ? LIP_NODE_CUT : LIP_NODE_SPLIT;
    node->child[0] = child[0];
    node->child[1] = child[1];
    b->memory += lip_node_size(child[0]) + lip_node_size(child[1]);
    lip_text_clear(&node->text);
    lip_node_clear_state(node);
    for (int side = 0; side < 2; ++side) {
        lip_node *next = child[side ? first : !first];
        if (next->kind == LIP_NODE_OPEN && !push(b, next)) return false;
    }
    return true;
}

static void *work(void *user) {
    lip_worker *w = user;
    lip_branch *b = w->branch;
    bool leader = w->leader;
    pthread_mutex_lock(&b->lock);
    for (lip_node *node; (node = take(b)) != NULL;) {
        lip_node *child[2];
        size_t before = lip_node_size(node);
        pthread_mutex_unlock(&b->lock);
        bool ok = lip_worker_expand(w, node, child);
        pthread_mutex_lock(&b->lock);
        if (ok && child[0]) ok = hang(b, node, child, w->cuts, w->first);
        if (!ok) b->failed = true;
        b->memory += lip_node_size(node) - before; /* may be less than 0: modulo */
        if (b->memory > b->most_memory) b->full = true;
        --b->busy;
        if (leader && lip_watch_expired(&b->task->watch)) b->halt = true;
        if (w->work > b->most_work) b->worn = true;
        if (b->rough && w->work > for_intervals * most_quick(b)) b->over = true;
        if (b->failed || b->full || b->worn || lip_branch_decided(b, INFINITY)) b->halt = true;
        if (leader && lip_checkpoint_due(b)) b->pause = true;
        pthread_cond_broadcast(&b->change);
    }
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Work on the stack with all threads, this one among them. */
static void run_threads(lip_worker *worker, size_t threads) {
    pthread_t *thread = LIP_NEW(pthread_t, threads);
    size_t started = 0;
    for (size_t i = 1; thread && i < threads; ++i, ++started)
        if (pthread_create(&thread[i], NULL, work, &worker[i]) != 0) break;
    work(&worker[0]);
    for (size_t i = 1; i <= started; ++i) pthread_join(thread[i], NULL);
    free(thread);
}

/* ---- Rounds ------------------------------------------------------------------------------ */

bool lip_branch_decided(const lip_branch *b, double upper) {
    return b->at_most > 0 && (upper <= b->at_most || b->task->result->lower > b->at_most);
}

/* Until the stack is empty, with breaks for checkpoints; then the best witness is followed. */
static bool run_round(lip_branch *b, lip_worker *worker, size_t threads) {
    do {
        b->pause = false;
        run_threads(worker, threads);
        if (b->pause && !b->failed && !lip_checkpoint_write(b, &worker[0])) return false;
    } while (b->used > 0 && !b->halt && !b->over);
    bool fine = true;
    if (!b->failed && !lip_branch_track(b, &fine)) return false;
    if (!fine)
        b->status = lip_fail(
            b->err, LIP_INTERNAL, NULL,
            "the witness of the lower bound is in no leaf of the tree: this is a defect of "
            "lipcert, please report it with the network");
    return fine;
}

/* Is there a gap left to close, or a question to decide? */
static bool goes_on(const lip_branch *b, double upper) {
    if (b->at_most > 0) return !lip_branch_decided(b, upper);
    return upper > b->task->result->lower * (1 + b->tolerance);
}

/* How far the target falls in a round: further while rounds are cheap, less far once they get dear. */
typedef struct schedule {
    double step;
    size_t before; /* nodes of the round before */
} schedule;

static double next_target(const schedule *s, double lower, double upper, double tolerance) {
    return fmax(lower * (1 + tolerance / 2), upper * (1 - s->step));
}

static void learn(schedule *s, size_t nodes) {
    if (nodes < 2 * s->before + 20 && s->step < 0.3)
        s->step *= 1.5;
    else if (nodes > 8 * s->before && nodes > 1000)
        s->step *= 0.6;
    s->before = nodes;
}

static size_t nodes_of(const lip_worker *worker, size_t threads) {
    size_t nodes = 0;
    for (size_t i = 0; i < threads; ++i) nodes += worker[i].counts.nodes;
    return nodes;
}

static double work_of(const lip_worker *worker, size_t threads) {
    double work = 0;
    for (size_t i = 0; i < threads; ++i) work += worker[i].work;
    return work;
}

/* ---- Intervals --------------------------------------------------------------------------- */

static void free_roots(lip_branch *b, lip_node **root) {
    for (size_t k = 0; root && k < b->parts; ++k) lip_tree_free(root[k]);
    free(root);
}

/* b->root, which is NULL.  False if memory is short. */
static bool make_roots(lip_branch *b, lip_worker *w, bool rough) {
    b->rough = rough;
    b->root = LIP_NEW(lip_node *, b->parts);
    bool ok = b->root != NULL;
    for (size_t k = 0; ok && k < b->parts; ++k) {
        ok = lip_worker_start(w, k);
        if (ok) b->memory += lip_node_size(b->root[k]);
    }
    return ok;
}

/* Intervals were not enough, or will not be: on with the roots of Newton's method, unless what intervals have reached is
 * better. */
static bool leave_intervals(lip_branch *b, lip_worker *w) {
    lip_node **reached = b->root;
    double upper = lip_branch_upper(b);
    b->rough = b->over = false;
    b->used = 0;
    b->root = b->spare;
    b->spare = NULL;
    bool ok = (b->root || make_roots(b, w, false)) && !b->failed;
    bool better = ok && lip_branch_upper(b) < upper;
    free_roots(b, better ? reached : b->root);
    if (!better) b->root = reached;
    if (better) b->memory = 0;
    for (size_t k = 0; better && k < b->parts; ++k) b->memory += lip_node_size(b->root[k]);
    return ok && !b->failed;
}

/* The roots, by intervals if their bounds are not much worse than others: what auto has found before, or those of Newton's
 * method, which are kept. */
static bool begin(lip_branch *b, lip_worker *w) {
    if (!b->may_be_rough) return make_roots(b, w, false);
    double upper = b->task->result->upper;
    if (!b->task->by_auto) {
        if (!make_roots(b, w, false)) return false;
        upper = lip_branch_upper(b);
        b->spare = b->root;
        b->root = NULL;
    }
    if (!make_roots(b, w, true)) return false;
    return lip_branch_upper(b) <= intervals_pay * upper || leave_intervals(b, w);
}

static bool run_rounds(lip_branch *b, lip_worker *worker, size_t threads) {
    lip_result *result = b->task->result;
    bool searched = b->task->by_auto; /* then it was one of the methods before */
    schedule plan = {.step = 0.03, .before = 50};
    double upper = lip_branch_upper(b);
    while (!b->halt && goes_on(b, upper)) {
        if (!searched && !b->rough &&
            (b->at_most > 0 || work_of(worker, threads) > most_quick(b))) {
            searched = true; /* what is not closed at once is worth a better lower bound */
            if (lip_search_method(b->task, b->step, NULL) != LIP_OK) return false;
            if (!goes_on(b, upper)) break;
        }
        b->target = next_target(&plan, result->lower, upper, b->tolerance);
        if (b->at_most > 0) b->target = b->at_most;
        size_t before = nodes_of(worker, threads);
        b->used = 0;
        for (size_t k = b->parts; k-- > 0;)
            if (!lip_tree_leaves(b->root[k], collect, b)) return false;
        if (b->used == 0) break; /* what is left cannot be split */
        if (!run_round(b, worker, threads)) return false;
        learn(&plan, nodes_of(worker, threads) - before);
        upper = lip_branch_upper(b);
        if (b->over && goes_on(b, upper)) {
            if (!leave_intervals(b, &worker[0])) return false;
            upper = lip_branch_upper(b);
        }
        if (upper < b->task->watch.bounds.upper) b->task->watch.bounds.upper = upper;
    }
    return !b->failed;
}

/* Leaves that are left open at the end have been bounded by their parent's proof so far. */
static bool finish(lip_node *leaf, void *user) {
    lip_worker *worker = user;
    if (leaf->text.size > 0 || !leaf->state) return true;
    return lip_worker_prove(worker, leaf);
}

/* Go on from a checkpoint.  If there is no time for that, it is not replaced by the little that is known here. */
static bool resume(lip_branch *b, lip_worker *worker) {
    bool whole = true;
    if (b->resume) b->status = lip_resume_build(b->resume, worker, &whole, b->err);
    lip_checkpoint_begin(b);
    if (!whole) {
        b->halt = true;
        b->next_checkpoint = INFINITY;
    }
    return b->status == LIP_OK;
}

bool lip_branch_run(lip_branch *b, size_t threads) {
    lip_worker *worker = LIP_NEW(lip_worker, threads);
    size_t made = 0;
    bool ok = worker != NULL;
    while (ok && made < threads) ok = lip_worker_create(b, &worker[made++]);
    for (size_t i = 0; i < made; ++i) worker[i].leader = i == 0;
    ok = ok && begin(b, &worker[0]);
    if (ok) ok = resume(b, &worker[0]) && run_rounds(b, worker, threads);
    for (size_t k = 0; ok && k < b->parts; ++k)
        ok = lip_tree_leaves(b->root[k], finish, &worker[0]);
    if (ok && lip_checkpoint_wanted(b)) ok = lip_checkpoint_write(b, &worker[0]);
    for (size_t i = 0; i < made && worker[i].branch; ++i) {
        b->counts.nodes += worker[i].counts.nodes;
        b->counts.newton += worker[i].counts.newton;
        b->counts.programs += worker[i].counts.programs;
        b->counts.empty += worker[i].counts.empty;
        b->counts.free += worker[i].counts.free;
        for (size_t k = 0; k < b->parts; ++k)
            if (worker[i].gram[k]) b->counts.newton += lip_gram_steps(worker[i].gram[k]);
        lip_worker_clear(&worker[i]);
    }
    free(worker);
    return ok;
}
