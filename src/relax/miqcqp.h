/* The mixed-integer formulations of the Lipschitz constant (Sbihi, Jan, Couellan 2024), as a model for
 * other programs and for HiGHS.  src/relax/miqcqp_build.c has the formulas. */
#ifndef LIP_RELAX_MIQCQP_H
#define LIP_RELAX_MIQCQP_H

#include "net/network.h"
#include "region/preactivation.h"
#include "solve/lp.h"

#define LIP_NO_COLUMN ((size_t)-1)

/* Columns: the point and its distance from a ball's centre, the direction, and by neuron the
 * pre-activation, its value behind the ReLU, the phase, and the tangents of both; for all outputs and
 * the output norm 1 the sign and the size of each output's tangent. */
typedef enum lip_miqcqp_kind {
    LIP_MIQCQP_X,
    LIP_MIQCQP_D,
    LIP_MIQCQP_T,
    LIP_MIQCQP_Z,
    LIP_MIQCQP_H,
    LIP_MIQCQP_U,
    LIP_MIQCQP_Y,
    LIP_MIQCQP_V,
    LIP_MIQCQP_S,
    LIP_MIQCQP_A
} lip_miqcqp_kind;

typedef struct lip_miqcqp_column {
    lip_miqcqp_kind kind;
    size_t layer, index; /* layer 0 and the input or output, or a neuron */
    double lo, hi;
    double cost; /* to be maximised */
    bool integer;
} lip_miqcqp_column;

/* lo <= sum of entries first .. last - 1  +  sum of products product .. end - 1  <= hi; one of lo and hi is
 * infinite, or both are equal. */
typedef struct lip_miqcqp_row {
    size_t of;           /* the column that it is about */
    const char *purpose; /* what its name begins with */
    double lo, hi;
    size_t first, last, product, end;
} lip_miqcqp_row;

typedef struct lip_miqcqp_entry {
    size_t column;
    double value;
} lip_miqcqp_entry;

typedef struct lip_miqcqp_product {
    size_t i, j; /* columns; the coefficient is 1 */
} lip_miqcqp_product;

/* One part of a question.  Column by unit, LIP_NO_COLUMN where there is none: a value that is 0 or not
 * needed. */
typedef struct lip_miqcqp {
    size_t columns, column_room, rows, row_room, entries, entry_room, products, product_room;
    lip_miqcqp_column *column;
    lip_miqcqp_row *row;
    lip_miqcqp_entry *entry;
    lip_miqcqp_product *product; /* those of rows, then `squares` of the objective */
    size_t squares;              /* the objective is a sum of so many squares: its optimum is L^2 */
    size_t *u;                   /* by unit: the phase's column */
    bool linear;                 /* no products at all: a mixed-integer linear program */
    bool has_costs;              /* else the value is 0 */
} lip_miqcqp;

/* For the lower formulation: far above the tolerance of the solver, 1e-9 here, 1e-6 where others keep what
 * they are used to. */
#define LIP_MIQCQP_TAU      1e-6
#define LIP_MIQCQP_FILE_TAU 1e-4

typedef struct lip_miqcqp_options {
    size_t part; /* 0 .. lip_lifted_parts - 1 (problem/lifted.h) */
    double tau;  /* 0: the upper formulation; else the lower one, |z| >= tau max |z| */
} lip_miqcqp_options;

/* LIP_UNSUPPORTED if the network is too large or numbers overflow. */
lip_status lip_miqcqp_create(const lip_network *net, const lip_preactivation *bounds,
                             const lip_query *query, const lip_miqcqp_options *options,
                             lip_miqcqp **model, lip_error *err);
void lip_miqcqp_free(lip_miqcqp *model);

/* Refuse what the method miqcqp does not solve: regions other than boxes, 2-norms. */
lip_status lip_miqcqp_check(const lip_network *net, const lip_query *query, lip_error *err);

/* The model as a file, *size bytes for the caller to free: CPLEX LP format, or free MPS format, which is
 * for linear models only (LIP_UNSUPPORTED). */
lip_status lip_miqcqp_lp(const lip_miqcqp *model, const char *title, char **text, size_t *size,
                         lip_error *err);
lip_status lip_miqcqp_mps(const lip_miqcqp *model, const char *title, char **text, size_t *size,
                          lip_error *err);

/* What HiGHS says of a linear model, floating point. */
typedef struct lip_miqcqp_answer {
    bool solved, found; /* to the end; some point was found */
    double value;       /* the largest objective found */
    double bound;       /* what it claims that none exceeds; INFINITY if it claims nothing */
} lip_miqcqp_answer;

/* Solve until the watch expires.  x has an entry for each column: the best point.  LIP_UNSUPPORTED if
 * HiGHS refuses the program. */
lip_status lip_miqcqp_solve(const lip_miqcqp *model, const lip_lp_library *library,
                            lip_watch *watch, double *x, lip_miqcqp_answer *answer, lip_error *err);

/* The point of the query's box with the largest margin in the pattern d (units; of neurons for which care[unit]
 * only).  *found is false if there is no point with a positive margin, floating point. */
lip_status lip_miqcqp_interior(const lip_network *net, const lip_region *region, const double *d,
                               const bool *care, const lip_lp_library *library, lip_watch *watch,
                               double *x, bool *found, lip_error *err);

#endif
