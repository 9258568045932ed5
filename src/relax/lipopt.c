/* LipOpt-k by cutting planes.
 *
 *     maximise L(F)   over   0 <= y <= 1,   L(cut) >= 0  for the cuts found so far
 *
 * (poly/handelman.c has L, y and the cuts) is solved by the dual simplex method, the most violated cuts
 * are added and those that have become slack go, until no set has a cut that is violated.  Whatever the
 * cuts are, the multipliers of the rows and of the bounds of y are a proof: so every round ends with a
 * proved bound, and they fall towards the value of the published program.  What the simplex method left
 * over is completed (lip_handelman_complete), so no multiplier has to be exact.
 *
 * How near the end is: let no cut be violated by more than v.  In the moments of the uniform distribution
 * every product is at least 2^-k, so  (1 - a) y + a uniform,  a = 2^k v,  satisfies everything, and its
 * value is at most a (L(F) - uniform(F)) below. */
#include "relax/lipopt.h"

#include "base/error.h"
#include "base/memory.h"
#include "cert/identity_text.h"
#include "problem/lifted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = 1e-9; /* of the simplex method */
static const double ENOUGH = 1e-7;    /* gap, relative */
static const double SLICE = 3;        /* seconds between two looks at the watch */
static const double SLACK = 1e-6;     /* rows with more may go */
enum { FEWEST_CUTS = 300 };           /* a round adds so many, or half the columns */

typedef struct found {
    lip_handelman_cut cut;
    double violation;
} found;

/* Rows of the program, or a proof. */
typedef struct rows {
    size_t count, cut_room, multiplier_room;
    lip_handelman_cut *cut;
    double *multiplier;
} rows;

typedef struct plane {
    const lip_handelman *h;
    lip_watch *watch;
    lip_lipopt_report *report;
    lip_lp *lp;
    double scale; /* the solver's objective is scale times F */
    double *y;    /* by column; the solver's are y + 1 */
    double *rest; /* by column */
    found *cut;   /* violated ones */
    size_t cut_room, cuts;
    double worst; /* violation */
    rows row, best;
    bool solved;   /* to the end, the last time */
    double purged; /* the value when rows were removed last */
} plane;

static void plane_clear(plane *p) {
    lip_lp_free(p->lp);
    free(p->y);
    free(p->rest);
    free(p->cut);
    free(p->row.cut);
    free(p->row.multiplier);
    free(p->best.cut);
    free(p->best.multiplier);
}

static bool reserve(rows *r, size_t count) {
    return lip_grow((void **)&r->cut, &r->cut_room, count, sizeof *r->cut) &&
           lip_grow((void **)&r->multiplier, &r->multiplier_room, count, sizeof *r->multiplier);
}

/* The program without rows. */
static lip_status create(plane *p, const lip_lp_library *library, lip_error *err) {
    size_t n = p->h->column.count;
    double *cost = LIP_NEW(double, n), *lo = LIP_NEW(double, n), *hi = LIP_NEW(double, n);
    size_t start = 0;
    double most = 0;
    p->y = LIP_NEW(double, n);
    p->rest = LIP_NEW(double, n);
    lip_status status = LIP_OK;
    if (!cost || !lo || !hi || !p->y || !p->rest || !reserve(&p->row, 1)) {
        status = lip_fail_memory(err);
    } else {
        int exponent;
        for (size_t j = 0; j < n; ++j) most = fmax(most, fabs(p->h->objective[j]));
        frexp(most, &exponent);
        p->scale = ldexp(1, -exponent);
        for (size_t j = 0; j < n; ++j) {
            cost[j] = -p->scale * p->h->objective[j];
            hi[j] = 1;
            p->y[j] = j == 0 || cost[j] < 0;
        }
        lip_lp_problem program = {.cols = n - 1,
                                  .rows = 0,
                                  .cost = cost + 1,
                                  .col_lo = lo,
                                  .col_hi = hi,
                                  .start = &start};
        status = lip_lp_create(library, &program, &p->lp, err);
        if (status == LIP_OK && p->lp) lip_lp_set_tolerance(p->lp, TOLERANCE);
    }
    free(cost);
    free(lo);
    free(hi);
    return status;
}

/* ---- Cuts -------------------------------------------------------------------------------- */

static int by_violation(const void *a, const void *b) {
    const found *x = a, *y = b;
    if (x->violation != y->violation) return x->violation > y->violation ? -1 : 1;
    return x->cut.set < y->cut.set ? -1 : x->cut.set > y->cut.set;
}

/* All violated cuts, the worst first. */
static bool separate(plane *p) {
    p->cuts = 0;
    p->worst = 0;
    for (size_t s = 0; s < p->h->sets; ++s) {
        found f;
        f.violation = lip_handelman_violation(p->h, s, p->y, &f.cut);
        p->worst = fmax(p->worst, f.violation);
        if (f.violation <= 2 * TOLERANCE) continue;
        if (!lip_grow((void **)&p->cut, &p->cut_room, p->cuts + 1, sizeof *p->cut)) return false;
        p->cut[p->cuts++] = f;
    }
    if (p->cuts > 1) qsort(p->cut, p->cuts, sizeof *p->cut, by_violation);
    return true;
}

/* Rows for the first cuts found: their constants go to the right-hand side. */
static bool add_rows(plane *p, size_t count) {
    size_t width = (size_t)1 << p->h->degree, entries = 0;
    size_t *start = LIP_NEW(size_t, count + 1), *column = LIP_NEW(size_t, count * width);
    double *value = LIP_NEW(double, count *width);
    double *lo = LIP_NEW(double, count), *hi = LIP_NEW(double, count);
    bool ok = start && column && value && lo && hi && reserve(&p->row, p->row.count + count);
    for (size_t i = 0; ok && i < count; ++i) {
        size_t used = lip_handelman_row(p->h, p->cut[i].cut, column + entries, value + entries);
        size_t kept = entries;
        hi[i] = INFINITY;
        for (size_t e = entries; e < entries + used; ++e) {
            if (column[e] == 0) {
                lo[i] = -value[e];
                continue;
            }
            column[kept] = column[e] - 1;
            value[kept++] = value[e];
        }
        entries = start[i + 1] = kept;
        p->row.cut[p->row.count + i] = p->cut[i].cut;
    }
    ok = ok && lip_lp_add_rows(p->lp, count, lo, hi, start, column, value);
    if (ok) p->row.count += count;
    free(start);
    free(column);
    free(value);
    free(lo);
    free(hi);
    return ok;
}

/* Remove rows without multiplier that leave room, where the value has fallen since the last time (so
 * that no row goes and comes for ever). */
static bool purge(plane *p, double value) {
    if (!(value < p->purged - 1e-5 * fabs(p->purged))) return true;
    size_t column[1 << LIP_HANDELMAN_MOST], kept = 0;
    double coefficient[1 << LIP_HANDELMAN_MOST];
    bool *remove = LIP_NEW(bool, p->row.count);
    if (!remove) return false;
    for (size_t i = 0; i < p->row.count; ++i) {
        double slack = 0;
        size_t count = lip_handelman_row(p->h, p->row.cut[i], column, coefficient);
        for (size_t e = 0; e < count; ++e) slack += coefficient[e] * p->y[column[e]];
        remove[i] = !(p->row.multiplier[i] > 0) && slack > SLACK;
        if (remove[i]) continue;
        p->row.multiplier[kept] = p->row.multiplier[i];
        p->row.cut[kept++] = p->row.cut[i];
    }
    bool ok = kept == p->row.count || lip_lp_remove_rows(p->lp, remove);
    p->row.count = kept;
    p->purged = value;
    free(remove);
    return ok;
}

/* ---- Rounds ------------------------------------------------------------------------------ */

/* Solve in slices; p->solved says whether to the end. */
static void solve(plane *p) {
    lip_lp_answer answer = {.x = p->y + 1, .row_dual = p->row.multiplier};
    double left;
    /* a solve that fails writes nothing */
    for (size_t i = 0; i < p->row.count; ++i) p->row.multiplier[i] = 0;
    do {
        left = p->watch ? p->watch->deadline - lip_clock_now() : SLICE;
        lip_lp_solve(p->lp, NULL, fmax(fmin(left, SLICE), 0.01), &answer);
    } while (answer.outcome == LIP_LP_STOPPED && !lip_watch_expired(p->watch));
    p->solved = answer.outcome == LIP_LP_OPTIMAL;
    for (size_t i = 0; i < p->row.count; ++i) p->row.multiplier[i] /= p->scale;
}

/* Keep the multipliers if they prove less than the best so far. */
static bool keep(plane *p) {
    double value;
    if (!lip_handelman_complete(p->h, p->row.count, p->row.cut, p->row.multiplier, p->rest, NULL,
                                &value))
        return false;
    if (!(value < p->report->value)) return true;
    rows *best = &p->best;
    best->count = 0;
    if (!reserve(best, p->row.count)) return false;
    for (size_t i = 0; i < p->row.count; ++i)
        if (p->row.multiplier[i] > 0) {
            best->cut[best->count] = p->row.cut[i];
            best->multiplier[best->count++] = p->row.multiplier[i];
        }
    p->report->value = value;
    return true;
}

static double uniform_value(const lip_handelman *h) {
    double value = 0;
    for (size_t j = 0; j < h->column.count; ++j)
        value += ldexp(h->objective[j], -(int)h->column.item[j].degree);
    return value;
}

/* Whether no more rounds are needed. */
static bool finished(plane *p) {
    double range = fmax(p->report->value - uniform_value(p->h), 0);
    p->report->gap = ldexp(p->worst, (int)p->h->degree) * range;
    return p->cuts == 0 || p->report->gap <= ENOUGH * fabs(p->report->value);
}

/* Until no cut is violated any more, or time is up: then p->solved is false. */
static bool rounds(plane *p) {
    size_t most = p->h->column.count / 2;
    if (most < FEWEST_CUTS) most = FEWEST_CUTS;
    p->purged = INFINITY;
    while (!lip_watch_expired(p->watch)) {
        if (!add_rows(p, p->cuts < most ? p->cuts : most)) return false;
        solve(p);
        ++p->report->rounds;
        if (!keep(p)) return false;
        if (!p->solved) return true;
        if (!purge(p, p->report->value) || !separate(p)) return false;
        if (finished(p)) return true;
    }
    p->solved = false;
    return true;
}

/* The first rows: those that the degree before ended with, or what the largest y violates. */
static bool begin(plane *p, const plane *before) {
    if (!before->h || before->row.count == 0) return separate(p);
    lip_handelman_cut *cut = LIP_NEW(lip_handelman_cut, before->row.count);
    bool ok = cut && lip_handelman_translate(before->h, p->h, before->row.count, before->row.cut,
                                             &p->cuts, cut);
    ok = ok && lip_grow((void **)&p->cut, &p->cut_room, p->cuts, sizeof *p->cut);
    for (size_t i = 0; ok && i < p->cuts; ++i) p->cut[i] = (found){cut[i], 0};
    free(cut);
    ok = ok && add_rows(p, p->cuts);
    p->cuts = 0; /* rounds() adds none, and solves */
    return ok;
}

/* ---- One part ---------------------------------------------------------------------------- */

/* Turn the best multipliers into a proof; *identity and the bound change if it is better. */
static lip_status prove(plane *p, lip_identity *identity, lip_error *err) {
    double began = lip_clock_now(), value, proved = INFINITY, claim = INFINITY;
    lip_identity terms = {0};
    lip_status status = LIP_OK;
    if (!lip_handelman_complete(p->h, p->best.count, p->best.cut, p->best.multiplier, p->rest,
                                &terms, &value))
        status = lip_fail_memory(err);
    if (status == LIP_OK) status = lip_identity_claim(p->h->problem, &terms, &proved, &claim, err);
    if (status == LIP_OK && proved < p->report->bound) {
        lip_identity swap = *identity;
        *identity = terms;
        terms = swap;
        p->report->bound = proved;
        p->report->claim = claim;
        p->report->terms = identity->count;
    }
    lip_identity_clear(&terms);
    p->report->prove_seconds += lip_clock_now() - began;
    return status;
}

static lip_status solve_degree(plane *p, const plane *before, const lip_lp_library *library,
                               lip_error *err) {
    double began = lip_clock_now();
    p->report->products = p->h->products;
    p->report->monomials = p->h->monomials;
    p->report->columns = p->h->column.count - 1;
    p->report->value = INFINITY;
    lip_status status = create(p, library, err);
    if (status == LIP_OK && !p->lp)
        status = lip_fail(err, LIP_UNSUPPORTED, NULL, "HiGHS refuses a program with %zu monomials",
                          p->report->columns);
    else if (status == LIP_OK && (!keep(p) || !begin(p, before) || !rounds(p)))
        status = lip_fail_memory(err);
    p->report->optimal = p->solved;
    p->report->solve_seconds += lip_clock_now() - began;
    return status;
}

/* Degree after degree, from the least that fits: each begins with the rows of the one before, and where
 * time runs out the best proof is at hand. */
static lip_status bound(const lip_poly_problem *problem, size_t degree,
                        const lip_lp_library *library, lip_watch *watch, lip_identity *identity,
                        lip_lipopt_report *report, lip_error *err) {
    plane before = {.h = NULL};
    lip_handelman *h = NULL, *older = NULL;
    lip_status status = lip_handelman_create(problem, degree, 0, &h, err); /* says what is wrong */
    lip_handelman_free(h);
    size_t k = problem->depth > 3 ? problem->depth : 3;
    for (k = k < degree ? k : degree; status == LIP_OK && k <= degree; ++k) {
        status = lip_handelman_create(problem, k, 0, &h, err);
        if (status != LIP_OK) break;
        plane p = {.h = h, .watch = watch, .report = report};
        status = solve_degree(&p, &before, library, err);
        if (status == LIP_OK) status = prove(&p, identity, err);
        plane_clear(&before);
        lip_handelman_free(older);
        before = p;
        older = h;
        if (lip_watch_expired(watch) && k < degree) {
            report->optimal = false;
            break;
        }
    }
    plane_clear(&before);
    lip_handelman_free(older);
    return status;
}

lip_status lip_lipopt_bound(const lip_poly_problem *problem, size_t degree,
                            const lip_lp_library *library, lip_watch *watch, lip_identity *identity,
                            lip_lipopt_report *report, lip_error *err) {
    lip_identity own = {0};
    *report = (lip_lipopt_report){.value = INFINITY, .bound = INFINITY, .claim = INFINITY};
    if (problem->objective.count == 0) {
        report->value = 0;
        report->optimal = true;
        return lip_identity_claim(problem, identity ? identity : &own, &report->bound,
                                  &report->claim, err);
    }
    lip_status status =
        bound(problem, degree, library, watch, identity ? identity : &own, report, err);
    lip_identity_clear(&own);
    return status;
}

/* ---- The method -------------------------------------------------------------------------- */

static void note_end(const lip_lipopt_report *report, lip_step *step) {
    if (!report->optimal)
        snprintf(
            step->note, sizeof step->note,
            "%zu products, %zu monomials: stopped after %zu rounds of cuts, the program may have a "
            "smaller value",
            report->products, report->monomials, report->rounds);
    else if (!step->note[0])
        snprintf(step->note, sizeof step->note, "%zu products, %zu monomials; %zu terms prove it",
                 report->products, report->monomials, report->terms);
}

static lip_status bound_part(lip_task *task, const lip_lp_library *library, lip_step *step,
                             size_t part, lip_lipopt_report *report, lip_error *err) {
    lip_poly_problem *problem = NULL;
    lip_identity identity = {0};
    lip_error why = {0};
    lip_poly_options options = {.part = part};
    lip_status status =
        lip_poly_problem_create(task->net, &task->bounds, task->query, &options, &problem, &why);
    if (status == LIP_OK)
        status = lip_lipopt_bound(problem, (size_t)task->settings->degree, library, &task->watch,
                                  &identity, report, &why);
    if (status == LIP_OK && report->bound < INFINITY) lip_identity_part(task, problem, &identity);
    lip_identity_clear(&identity);
    lip_poly_problem_free(problem);
    if (status == LIP_UNSUPPORTED) {
        snprintf(step->note, sizeof step->note, "%.150s", why.message);
        report->bound = report->claim = INFINITY;
        return LIP_OK;
    }
    if (status == LIP_OK) note_end(report, step);
    return status == LIP_OK ? LIP_OK : lip_fail(err, status, NULL, "%s", why.message);
}

/* The largest of the parts: none may be missing. */
static lip_status bound_parts(lip_task *task, const lip_lp_library *library, lip_step *step,
                              lip_error *err) {
    size_t parts = lip_lifted_parts(task->net, task->query);
    double most = 0;
    step->complete = true;
    lip_identity_statement(task, parts);
    for (size_t part = 0; part < parts && most < INFINITY; ++part) {
        lip_lipopt_report report = {.bound = INFINITY, .claim = INFINITY};
        lip_status status = bound_part(task, library, step, part, &report, err);
        if (status != LIP_OK) return status;
        most = fmax(most, report.claim);
        step->complete = step->complete && report.optimal;
        if (part + 1 < parts && lip_watch_expired(&task->watch)) most = INFINITY;
    }
    if (most < INFINITY) {
        step->value = lip_claim(most);
    } else {
        step->complete = false;
        lip_statement_clear(&task->statement);
    }
    return LIP_OK;
}

lip_status lip_lipopt_method(lip_task *task, lip_step *step, lip_error *err) {
    lip_lp_library *library;
    lip_status status = lip_lp_library_open(&library, err);
    if (status != LIP_OK) return status;
    if (!library) {
        snprintf(step->note, sizeof step->note,
                 "needs HiGHS for its linear programs, which was not found: tools/deps.sh --highs, "
                 "or LIPCERT_HIGHS");
        step->complete = false;
        return LIP_OK;
    }
    status = bound_parts(task, library, step, err);
    lip_lp_library_close(library);
    return status;
}
