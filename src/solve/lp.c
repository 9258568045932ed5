/* HiGHS behind one door (Huangfu, Hall 2018; highs.dev).
 *
 * The functions of its C interface are looked up when they are needed, with the prototypes of
 * highs_c_api.h for 32-bit HighsInt: no header is needed to build lipcert, the library may come and go,
 * and its own BLAS does not meet ours (RTLD_LOCAL).  It is never unloaded: a C++ library with threads
 * and destructors does not survive that reliably. */
#include "solve/lp.h"

#include "base/error.h"
#include "base/memory.h"

#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTIMAL = 7,
    INFEASIBLE = 8,
    UNBOUNDED_OR_INFEASIBLE = 9,
    UNBOUNDED = 10,
    TIME_LIMIT = 13,
    INTERRUPT = 17
};
enum { MIP_INTERRUPT = 6 }; /* a kind of callback */
enum { BY_ROWS = 2, MINIMISE = 1, FEASIBLE = 2, SUCCESS = 0, ERROR = -1 };

typedef int32_t highs_int;

/* A callback; what it may set begins with an int that says "stop" (HighsCallbackStruct.h promises it). */
typedef void (*highs_callback)(int, const char *, const void *, int *, void *);

/* The functions in the order of their names below. */
typedef struct highs_api {
    void *(*create)(void);
    void (*destroy)(void *);
    highs_int (*pass_lp)(void *, highs_int, highs_int, highs_int, highs_int, highs_int, double,
                         const double *, const double *, const double *, const double *,
                         const double *, const highs_int *, const highs_int *, const double *);
    highs_int (*pass_mip)(void *, highs_int, highs_int, highs_int, highs_int, highs_int, double,
                          const double *, const double *, const double *, const double *,
                          const double *, const highs_int *, const highs_int *, const double *,
                          const highs_int *);
    highs_int (*run)(void *);
    highs_int (*status)(const void *);
    highs_int (*solution)(const void *, double *, double *, double *, double *);
    double (*objective)(const void *);
    highs_int (*double_info)(const void *, const char *, double *);
    highs_int (*int_info)(const void *, const char *, highs_int *);
    highs_int (*set_bool)(void *, const char *, highs_int);
    highs_int (*set_int)(void *, const char *, highs_int);
    highs_int (*set_double)(void *, const char *, double);
    highs_int (*set_string)(void *, const char *, const char *);
    highs_int (*change_costs)(void *, highs_int, highs_int, const double *);
    highs_int (*add_rows)(void *, highs_int, const double *, const double *, highs_int,
                          const highs_int *, const highs_int *, const double *);
    highs_int (*delete_rows)(void *, highs_int *);
    highs_int (*zero_clocks)(const void *);
    highs_int (*set_callback)(void *, highs_callback, void *);
    highs_int (*start_callback)(void *, highs_int);
    highs_int (*sizeof_int)(const void *);
    highs_int (*version_major)(void);
    highs_int (*version_minor)(void);
    highs_int (*version_patch)(void);
} highs_api;

static const char *const function_names[] = {
    "Highs_create",
    "Highs_destroy",
    "Highs_passLp",
    "Highs_passMip",
    "Highs_run",
    "Highs_getModelStatus",
    "Highs_getSolution",
    "Highs_getObjectiveValue",
    "Highs_getDoubleInfoValue",
    "Highs_getIntInfoValue",
    "Highs_setBoolOptionValue",
    "Highs_setIntOptionValue",
    "Highs_setDoubleOptionValue",
    "Highs_setStringOptionValue",
    "Highs_changeColsCostByRange",
    "Highs_addRows",
    "Highs_deleteRowsByMask",
    "Highs_zeroAllClocks",
    "Highs_setCallback",
    "Highs_startCallback",
    "Highs_getSizeofHighsInt",
    "Highs_versionMajor",
    "Highs_versionMinor",
    "Highs_versionPatch",
};

enum { FUNCTIONS = sizeof function_names / sizeof *function_names };
_Static_assert(sizeof(highs_api) == FUNCTIONS * sizeof(void *), "one name for each function");

struct lip_lp_library {
    highs_api api;
    char version[40];
};

struct lip_lp {
    const highs_api *api;
    void *highs;
    size_t cols, rows;
    bool integers;
    double *row_value; /* room for what nobody asked for: rows, cols, cols, rows */
};

/* ---- The library ------------------------------------------------------------------------- */

/* Fill the table; false if a function is missing. */
static bool look_up(void *handle, highs_api *api) {
    for (size_t i = 0; i < FUNCTIONS; ++i) {
        void *function = dlsym(handle, function_names[i]);
        if (!function) return false;
        memcpy((char *)api + i * sizeof function, &function, sizeof function);
    }
    return true;
}

/* Load one file and see whether it is a HiGHS that fits. */
static bool load(const char *path, highs_api *api) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return false;
    bool fits = look_up(handle, api);
    if (fits) {
        void *highs = api->create();
        fits = highs && api->sizeof_int(highs) == (highs_int)sizeof(highs_int);
        if (highs) api->destroy(highs);
    }
    dlclose(handle); /* counts only: RTLD_NODELETE */
    return fits;
}

static bool find(highs_api *api) {
    static const char *const places[] = {
#ifdef LIPCERT_HIGHS
        LIPCERT_HIGHS,
#endif
        "libhighs.so.1", "libhighs.so"};
    const char *wanted = getenv("LIPCERT_HIGHS");
    if (wanted && *wanted) return strcmp(wanted, "none") != 0 && load(wanted, api);
    for (size_t i = 0; i < sizeof places / sizeof *places; ++i)
        if (load(places[i], api)) return true;
    return false;
}

lip_status lip_lp_library_open(lip_lp_library **out, lip_error *err) {
    lip_lp_library *library = LIP_NEW(lip_lp_library, 1);
    *out = NULL;
    if (!library) return lip_fail_memory(err);
    if (!find(&library->api)) {
        free(library);
        return LIP_OK;
    }
    const highs_api *api = &library->api;
    snprintf(library->version, sizeof library->version, "%d.%d.%d", (int)api->version_major(),
             (int)api->version_minor(), (int)api->version_patch());
    *out = library;
    return LIP_OK;
}

void lip_lp_library_close(lip_lp_library *library) { free(library); }

const char *lip_lp_library_version(const lip_lp_library *library) { return library->version; }

/* ---- One program ------------------------------------------------------------------------- */

/* The matrix with 32-bit indices. */
typedef struct small_matrix {
    highs_int *start, *column, *integer;
} small_matrix;

static bool copy_indices(const lip_lp_problem *p, small_matrix *m) {
    size_t entries = p->start[p->rows];
    m->start = LIP_NEW(highs_int, p->rows + 1);
    m->column = LIP_NEW(highs_int, entries);
    m->integer = LIP_NEW(highs_int, p->cols);
    if (!m->start || !m->column || !m->integer) return false;
    for (size_t i = 0; i <= p->rows; ++i) m->start[i] = (highs_int)p->start[i];
    for (size_t e = 0; e < entries; ++e) m->column[e] = (highs_int)p->column[e];
    for (size_t j = 0; p->integer && j < p->cols; ++j) m->integer[j] = p->integer[j];
    return true;
}

static void set_options(const lip_lp *lp) {
    lp->api->set_bool(lp->highs, "output_flag", 0);
    lp->api->set_int(lp->highs, "threads", 1);
    lp->api->set_string(lp->highs, "parallel", "off");
    if (!lp->integers) lp->api->set_string(lp->highs, "solver", "simplex");
}

static bool pass(const lip_lp *lp, const lip_lp_problem *p, const small_matrix *m) {
    highs_int cols = (highs_int)p->cols, rows = (highs_int)p->rows, count = m->start[p->rows];
    highs_int status = lp->integers
                           ? lp->api->pass_mip(lp->highs, cols, rows, count, BY_ROWS, MINIMISE, 0,
                                               p->cost, p->col_lo, p->col_hi, p->row_lo, p->row_hi,
                                               m->start, m->column, p->value, m->integer)
                           : lp->api->pass_lp(lp->highs, cols, rows, count, BY_ROWS, MINIMISE, 0,
                                              p->cost, p->col_lo, p->col_hi, p->row_lo, p->row_hi,
                                              m->start, m->column, p->value);
    return status != ERROR;
}

/* The rows are counted up to the last start, so that hundreds of millions of entries are refused. */
static bool fits_small(const lip_lp_problem *p) {
    return p->cols < INT_MAX && p->rows < INT_MAX && p->start[p->rows] < INT_MAX;
}

lip_status lip_lp_create(const lip_lp_library *library, const lip_lp_problem *problem, lip_lp **out,
                         lip_error *err) {
    small_matrix m = {NULL, NULL, NULL};
    *out = NULL;
    if (!fits_small(problem)) return LIP_OK;
    lip_lp *lp = LIP_NEW(lip_lp, 1);
    bool ok = lp && copy_indices(problem, &m);
    if (ok) {
        lp->api = &library->api;
        lp->cols = problem->cols;
        lp->rows = problem->rows;
        for (size_t j = 0; problem->integer && j < problem->cols; ++j)
            lp->integers = lp->integers || problem->integer[j];
        lp->row_value = LIP_NEW(double, 2 * (problem->rows + problem->cols));
        ok = lp->row_value && (lp->highs = lp->api->create()) != NULL;
    }
    if (ok) {
        set_options(lp);
        if (pass(lp, problem, &m)) *out = lp;
    }
    free(m.start);
    free(m.column);
    free(m.integer);
    if (!*out) lip_lp_free(lp);
    return ok ? LIP_OK : lip_fail_memory(err);
}

void lip_lp_free(lip_lp *lp) {
    if (!lp) return;
    if (lp->highs) lp->api->destroy(lp->highs);
    free(lp->row_value);
    free(lp);
}

/* ---- Rows that come and go --------------------------------------------------------------- */

static bool resize_rows(lip_lp *lp, size_t rows) {
    double *spare = LIP_NEW(double, 2 * (rows + lp->cols));
    if (!spare) return false;
    free(lp->row_value);
    lp->row_value = spare;
    lp->rows = rows;
    return true;
}

bool lip_lp_add_rows(lip_lp *lp, size_t rows, const double *row_lo, const double *row_hi,
                     const size_t *start, const size_t *column, const double *value) {
    small_matrix m = {NULL, NULL, NULL};
    const lip_lp_problem added = {.cols = 0, .rows = rows, .start = start, .column = column};
    if (lp->rows >= INT_MAX - rows || !fits_small(&added)) return false;
    bool ok = copy_indices(&added, &m) && resize_rows(lp, lp->rows + rows);
    if (ok)
        ok = lp->api->add_rows(lp->highs, (highs_int)rows, row_lo, row_hi, m.start[rows], m.start,
                               m.column, value) != ERROR;
    free(m.start);
    free(m.column);
    free(m.integer);
    return ok;
}

bool lip_lp_remove_rows(lip_lp *lp, const bool *remove) {
    highs_int *mask = LIP_NEW(highs_int, lp->rows);
    size_t kept = 0;
    for (size_t i = 0; mask && i < lp->rows; ++i) {
        mask[i] = remove[i];
        kept += !remove[i];
    }
    bool ok = mask && lp->api->delete_rows(lp->highs, mask) != ERROR && resize_rows(lp, kept);
    free(mask);
    return ok;
}

void lip_lp_set_tolerance(lip_lp *lp, double tolerance) {
    lp->api->set_double(lp->highs, "primal_feasibility_tolerance", tolerance);
    lp->api->set_double(lp->highs, "dual_feasibility_tolerance", tolerance);
    if (lp->integers) lp->api->set_double(lp->highs, "mip_feasibility_tolerance", tolerance);
}

void lip_lp_set_gap(lip_lp *lp, double gap) {
    lp->api->set_double(lp->highs, "mip_rel_gap", gap);
    lp->api->set_double(lp->highs, "mip_abs_gap", gap);
}

static void ask_watch(int kind, const char *message, const void *out, int *stop, void *user) {
    (void)message;
    (void)out;
    if (kind == MIP_INTERRUPT && lip_watch_expired(user)) *stop = 1;
}

void lip_lp_set_watch(lip_lp *lp, lip_watch *watch) {
    lp->api->set_callback(lp->highs, ask_watch, watch);
    lp->api->start_callback(lp->highs, MIP_INTERRUPT);
}

/* ---- Solving ----------------------------------------------------------------------------- */

static lip_lp_outcome outcome_of(highs_int status) {
    switch (status) {
    case OPTIMAL: return LIP_LP_OPTIMAL;
    case INFEASIBLE: return LIP_LP_INFEASIBLE;
    case UNBOUNDED_OR_INFEASIBLE:
    case UNBOUNDED: return LIP_LP_UNBOUNDED;
    case TIME_LIMIT:
    case INTERRUPT: return LIP_LP_STOPPED;
    default: return LIP_LP_FAILED;
    }
}

/* A solution has arrays of every kind: those that nobody wants go to spare room. */
static void read_solution(const lip_lp *lp, lip_lp_answer *answer) {
    double *spare = lp->row_value;
    double *x = answer->x ? answer->x : spare + lp->rows;
    double *col_dual = answer->col_dual ? answer->col_dual : spare + lp->rows + lp->cols;
    double *row_dual = answer->row_dual ? answer->row_dual : spare + lp->rows + 2 * lp->cols;
    memset(col_dual, 0, lp->cols * sizeof *col_dual);
    memset(row_dual, 0, lp->rows * sizeof *row_dual);
    lp->api->solution(lp->highs, x, col_dual, spare, row_dual);
}

void lip_lp_solve(lip_lp *lp, const double *cost, double seconds, lip_lp_answer *answer) {
    const highs_api *api = lp->api;
    highs_int found = 0;
    answer->outcome = LIP_LP_FAILED;
    answer->feasible = false;
    answer->value = INFINITY;
    answer->bound = -INFINITY;
    if (cost && lp->cols && api->change_costs(lp->highs, 0, (highs_int)lp->cols - 1, cost) == ERROR)
        return;
    api->zero_clocks(lp->highs); /* its time limit counts all runs together */
    api->set_double(lp->highs, "time_limit", fmax(seconds, 0));
    if (api->run(lp->highs) == ERROR) return;
    answer->outcome = outcome_of(api->status(lp->highs));
    api->int_info(lp->highs, "primal_solution_status", &found);
    answer->feasible = found == FEASIBLE;
    if (answer->feasible) answer->value = api->objective(lp->highs);
    if (answer->outcome == LIP_LP_OPTIMAL) answer->bound = answer->value;
    if (lp->integers) api->double_info(lp->highs, "mip_dual_bound", &answer->bound);
    read_solution(lp, answer);
}
