/* DSDP 5.8 (Benson, Ye, Zhang 2000; Benson and Ye 2008), and all that lipcert knows of it.
 *
 * DSDP's dual is   max b'y   subject to   C - sum y_k A_k >= 0,   y within bounds;   b = -cost
 * here. A_k is handed over as packed lower triangles; DSDP keeps pointers to the data until it is
 * destroyed. Cost of an iteration: the inverses of the blocks, and a dense system with one row for
 * each y. */
#include "solve/dsdp.h"

#include "base/error.h"
#include "base/memory.h"

#include <dsdp/dsdp5.h>
#include <math.h>
#include <stdlib.h>

/* DSDP prints what goes wrong inside it to standard output, through these two functions.  Defined
 * here, they take the place of its own, and say nothing: a failure is seen in the return value. */
__attribute__((visibility("default"))) void DSDPError(const char *function, int line,
                                                      const char *file) {
    (void)function;
    (void)line;
    (void)file;
}

__attribute__((visibility("default"))) int DSDPFError(void *object, const char *function, int line,
                                                      const char *file, const char message[], ...) {
    (void)object;
    (void)function;
    (void)line;
    (void)file;
    (void)message;
    return 0;
}

enum { MOST_ITERATIONS = 300 };

typedef struct model {
    lip_sdp *sdp;
    lip_watch *watch;
    DSDP dsdp;
    SDPCone cone;
    BCone bounds;
    int *index; /* packed place of every entry */
    double *value;
} model;

static int monitor(DSDP dsdp, void *context) {
    model *m = context;
    if (m->watch && lip_watch_expired(m->watch))
        return DSDPSetConvergenceFlag(dsdp, DSDP_USER_TERMINATION);
    return 0;
}

static int by_place(const void *a, const void *b) {
    const lip_sdp_entry *x = a, *y = b;
    if (x->variable != y->variable) return x->variable < y->variable ? -1 : 1;
    if (x->block != y->block) return x->block < y->block ? -1 : 1;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

void lip_sdp_gather(lip_sdp *sdp) {
    size_t kept = 0;
    if (sdp->entries > 1) qsort(sdp->entry, sdp->entries, sizeof *sdp->entry, by_place);
    for (size_t i = 0; i < sdp->entries; ++i) {
        lip_sdp_entry *e = &sdp->entry[i], *last = kept ? &sdp->entry[kept - 1] : NULL;
        if (last && last->variable == e->variable && last->block == e->block &&
            last->row == e->row && last->column == e->column)
            last->value += e->value;
        else
            sdp->entry[kept++] = *e;
    }
    sdp->entries = kept;
}

/* Hand over the matrices: runs of entries with the same variable and block. */
static int set_matrices(model *m) {
    const lip_sdp *sdp = m->sdp;
    int failed = 0;
    for (size_t i = 0, next; !failed && i < sdp->entries; i = next) {
        const lip_sdp_entry *e = &sdp->entry[i];
        for (next = i; next < sdp->entries && sdp->entry[next].variable == e->variable &&
                       sdp->entry[next].block == e->block;
             ++next) {
            size_t row = sdp->entry[next].row;
            m->index[next] = (int)(row * (row + 1) / 2 + sdp->entry[next].column);
            m->value[next] = sdp->entry[next].value;
        }
        failed = SDPConeSetASparseVecMat(m->cone, (int)e->block, (int)e->variable,
                                         (int)sdp->order[e->block], 1, 0, m->index + i,
                                         m->value + i, (int)(next - i));
    }
    return failed;
}

/* Numbers that DSDP can work with: finite, and not so large that its sums overflow. */
static bool moderate(const lip_sdp *sdp) {
    for (size_t i = 0; i < sdp->entries; ++i)
        if (!(fabs(sdp->entry[i].value) < 1e100)) return false;
    for (size_t k = 0; k < sdp->variables; ++k)
        if (!(fabs(sdp->cost[k]) < 1e100)) return false;
    return true;
}

static int set_variables(model *m) {
    int failed = BConeAllocateBounds(m->bounds, (int)m->sdp->variables);
    for (size_t k = 0; !failed && k < m->sdp->variables; ++k) {
        failed = DSDPSetDualObjective(m->dsdp, (int)k + 1, -m->sdp->cost[k]);
        if (!failed && m->sdp->nonnegative[k])
            failed = BConeSetLowerBound(m->bounds, (int)k + 1, 0);
    }
    return failed;
}

static int set_data(model *m, double tolerance) {
    const lip_sdp *sdp = m->sdp;
    int failed = DSDPCreate((int)sdp->variables, &m->dsdp);
    if (!failed) failed = DSDPCreateSDPCone(m->dsdp, (int)sdp->blocks, &m->cone);
    for (size_t b = 0; !failed && b < sdp->blocks; ++b)
        failed = SDPConeSetBlockSize(m->cone, (int)b, (int)sdp->order[b]);
    if (!failed) failed = DSDPCreateBCone(m->dsdp, &m->bounds);
    if (!failed) failed = set_variables(m);
    if (!failed) failed = set_matrices(m);
    if (!failed) failed = DSDPSetGapTolerance(m->dsdp, tolerance);
    if (!failed) failed = DSDPSetMaxIts(m->dsdp, MOST_ITERATIONS);
    if (!failed) failed = DSDPSetMonitor(m->dsdp, monitor, m);
    if (!failed) failed = DSDPSetup(m->dsdp);
    return failed;
}

/* The primal matrices; zero where DSDP has none. */
static void take_primal(model *m, lip_sdp_answer *answer) {
    if (!answer->x || DSDPComputeX(m->dsdp) != 0) return;
    for (size_t b = 0; b < m->sdp->blocks; ++b) {
        double *packed;
        int count;
        size_t n = m->sdp->order[b];
        if (SDPConeGetXArray(m->cone, (int)b, &packed, &count) != 0) continue;
        for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j <= i; ++j)
                answer->x[b][i * n + j] = answer->x[b][j * n + i] = packed[i * (i + 1) / 2 + j];
    }
}

static void take_answer(model *m, lip_sdp_answer *answer) {
    DSDPTerminationReason reason = DSDP_NUMERICAL_ERROR;
    int iterations = 0;
    if (DSDPGetY(m->dsdp, answer->y, (int)m->sdp->variables) != 0) return;
    answer->value = 0;
    for (size_t k = 0; k < m->sdp->variables; ++k) {
        if (!isfinite(answer->y[k])) answer->y[k] = 0;
        answer->value += m->sdp->cost[k] * answer->y[k];
    }
    (void)DSDPStopReason(m->dsdp, &reason);
    (void)DSDPGetIts(m->dsdp, &iterations);
    answer->optimal = reason == DSDP_CONVERGED;
    answer->iterations = iterations > 0 ? (size_t)iterations : 0;
    take_primal(m, answer);
}

lip_status lip_dsdp_solve(lip_sdp *sdp, double tolerance, lip_watch *watch, lip_sdp_answer *answer,
                          lip_error *err) {
    model m = {.sdp = sdp, .watch = watch};
    lip_sdp_gather(sdp);
    m.index = LIP_NEW(int, sdp->entries);
    m.value = LIP_NEW(double, sdp->entries);
    bool ok = m.index && m.value;
    for (size_t k = 0; k < sdp->variables; ++k) answer->y[k] = 0;
    answer->optimal = false;
    if (ok && sdp->variables > 0 && moderate(sdp) && set_data(&m, tolerance) == 0) {
        (void)DSDPSolve(m.dsdp);
        take_answer(&m, answer);
    }
    if (m.dsdp) DSDPDestroy(m.dsdp);
    free(m.index);
    free(m.value);
    return ok ? LIP_OK : lip_fail_memory(err);
}

void lip_sdp_clear(lip_sdp *sdp) {
    free(sdp->cost);
    free(sdp->nonnegative);
    free(sdp->order);
    free(sdp->entry);
    *sdp = (lip_sdp){0};
}
