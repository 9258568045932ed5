/* DSDP 5.8 (Benson, Ye, Zhang 2000; Benson and Ye 2008), and all that lipcert knows of it.
 *
 * DSDP's dual is   max b'z   subject to   C - sum z_k A_k >= 0,   z within bounds.  With z = -(y, lambda),
 * C = -F and the A_k of problem/sdpa.c (groups: squares; families: -G_k) that matrix is the slack matrix,
 * and an inequality's multiplier is bounded by z <= 0.  DSDP keeps pointers to the data until it is
 * destroyed. */
#include "solve/dsdp.h"

#include "base/error.h"
#include "base/memory.h"

#include <dsdp/dsdp5.h>
#include <math.h>
#include <stdlib.h>

/* DSDP prints what goes wrong inside it to standard output, through these two functions.  Defined here,
 * they take the place of its own, and say nothing: a failure is seen in the return value. */
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

typedef struct model {
    const lip_lifted *lifted;
    lip_watch *watch;
    DSDP dsdp;
    SDPCone cone;
    BCone bounds;
    int constraints, used; /* entries in use */
    int *index;            /* packed lower triangle */
    double *value;
    double *z;
} model;

static int monitor(DSDP dsdp, void *context) {
    model *m = context;
    if (lip_watch_expired(m->watch)) return DSDPSetConvergenceFlag(dsdp, DSDP_USER_TERMINATION);
    return 0;
}

/* How many constraints and entries there will be. */
static void count(const lip_lifted *lifted, lip_product *room, size_t *constraints,
                  size_t *entries) {
    *constraints = 0;
    *entries = lifted->products + lifted->n;
    for (size_t g = 0; g < lifted->groups; ++g)
        if (!lifted->group[g].implied) ++*constraints;
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k) {
            ++*constraints;
            *entries += lip_family_products(lifted, (lip_family)f, k, room);
        }
}

static void entry(model *m, size_t i, size_t j, double value) {
    m->index[m->used] = (int)(j * (j + 1) / 2 + i);
    m->value[m->used++] = value;
}

/* Hand matrix k over: the entries from `first` on. */
static int matrix(model *m, int k, int first) {
    return SDPConeSetASparseVecMat(m->cone, 0, k, (int)m->lifted->n, 1, 0, m->index + first,
                                   m->value + first, m->used - first);
}

/* Minus the products, as a symmetric matrix. */
static int products(model *m, int k, size_t number, const lip_product *list) {
    int first = m->used;
    for (size_t c = 0; c < number; ++c)
        entry(m, list[c].i, list[c].j, list[c].value * (list[c].i == list[c].j ? -1 : -0.5));
    return matrix(m, k, first);
}

static int set_groups(model *m, int *k) {
    const lip_lifted *lifted = m->lifted;
    int failed = 0;
    for (size_t g = 0; !failed && g < lifted->groups; ++g) {
        const lip_group *group = &lifted->group[g];
        int first = m->used;
        if (group->implied) continue;
        ++*k;
        for (size_t i = group->first; i < group->first + group->count; ++i) entry(m, i, i, 1);
        failed = matrix(m, *k, first);
        if (!failed) failed = DSDPSetDualObjective(m->dsdp, *k, group->size);
        if (!failed && !group->equality) failed = BConeSetUpperBound(m->bounds, *k, 0);
    }
    return failed;
}

static int set_families(model *m, lip_product *room, int *k) {
    const lip_lifted *lifted = m->lifted;
    int failed = 0;
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; !failed && i < lip_family_count(lifted, (lip_family)f); ++i) {
            size_t number = lip_family_products(lifted, (lip_family)f, i, room);
            failed = products(m, ++*k, number, room);
            if (!failed) failed = DSDPSetDualObjective(m->dsdp, *k, 0);
            if (!failed && !lip_family_equality((lip_family)f))
                failed = BConeSetUpperBound(m->bounds, *k, 0);
        }
    return failed;
}

static int set_data(model *m, lip_product *room) {
    int k = 0, failed = DSDPCreate(m->constraints, &m->dsdp);
    if (!failed) failed = DSDPCreateSDPCone(m->dsdp, 1, &m->cone);
    if (!failed) failed = SDPConeSetBlockSize(m->cone, 0, (int)m->lifted->n);
    if (!failed) failed = DSDPCreateBCone(m->dsdp, &m->bounds);
    if (!failed) failed = BConeAllocateBounds(m->bounds, m->constraints);
    if (!failed) failed = products(m, 0, m->lifted->products, m->lifted->objective);
    if (!failed) failed = set_groups(m, &k);
    if (!failed) failed = set_families(m, room, &k);
    if (!failed) failed = DSDPSetGapTolerance(m->dsdp, 1e-9);
    if (!failed) failed = DSDPSetMaxIts(m->dsdp, 200);
    if (!failed) failed = DSDPSetMonitor(m->dsdp, monitor, m);
    if (!failed) failed = DSDPSetup(m->dsdp);
    return failed;
}

static void take_multipliers(const model *m, lip_multipliers *out) {
    const lip_lifted *lifted = m->lifted;
    size_t k = 0;
    for (size_t g = 0; g < lifted->groups; ++g)
        out->y[g] = lifted->group[g].implied ? 0 : -m->z[k++];
    for (size_t i = 0; i < lip_family_multipliers(lifted); ++i) out->lambda[i] = -m->z[k++];
}

/* Coefficients that DSDP can work with: finite, and not so large that its sums overflow. */
static bool moderate(const lip_lifted *lifted) {
    size_t coefficients = lifted->neurons ? lifted->neuron[lifted->neurons - 1].last : 0;
    for (size_t i = 0; i < lifted->products; ++i)
        if (!(fabs(lifted->objective[i].value) < 1e100)) return false;
    for (size_t i = 0; i < coefficients; ++i)
        if (!(fabs(lifted->coefficient[i].value) < 1e100)) return false;
    return true;
}

lip_status lip_dsdp_solve(const lip_lifted *lifted, lip_watch *watch, lip_multipliers *multipliers,
                          lip_error *err) {
    model m = {.lifted = lifted, .watch = watch};
    size_t constraints = 0, entries = 0;
    lip_product *room = LIP_NEW(lip_product, lip_family_most_products(lifted));
    bool ok = room != NULL;
    if (ok) count(lifted, room, &constraints, &entries);
    m.constraints = (int)constraints;
    m.index = LIP_NEW(int, entries);
    m.value = LIP_NEW(double, entries);
    m.z = LIP_NEW(double, constraints);
    ok = ok && m.index && m.value && m.z;
    /* a solve that fails half-way still has multipliers; without any they stay 0, which is no error */
    if (ok && moderate(lifted) && set_data(&m, room) == 0) {
        (void)DSDPSolve(m.dsdp);
        if (DSDPGetY(m.dsdp, m.z, m.constraints) == 0) take_multipliers(&m, multipliers);
    }
    if (m.dsdp) DSDPDestroy(m.dsdp);
    free(room);
    free(m.index);
    free(m.value);
    free(m.z);
    return ok ? LIP_OK : lip_fail_memory(err);
}
