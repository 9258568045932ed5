/* The tangent relaxation on chains: problem, multipliers, solver, proof.  docs/tangent.md has the
 * formulas; relax/chain_dual.c explains the recursion, relax/chain_prove.c the proof. */
#ifndef LIP_RELAX_CHAIN_H
#define LIP_RELAX_CHAIN_H

#include "cert/part.h"
#include "problem/task.h"

/* ---- The problem ------------------------------------------------------------------------- */

enum { LIP_CHAIN_EVERY = -1 };

/* One affine map.  Rows that belong to unstable neurons come first, then those of active ones; each in
 * the canonical order of problem/order.h.  Columns are the rows of the layer before, or the inputs. */
typedef struct lip_chain_layer {
    size_t rows, cols;
    size_t unstable; /* 0 for the last layer, which is the output */
    double *w;       /* rows x cols by rows: 2^exponent times entries of the network's matrix */
    int exponent;
    size_t network_layer; /* its number in the network */
    size_t *neuron; /* rows: their numbers in that layer; for the last layer: which of the selected
                       outputs (a single row or margin is number 0) */
} lip_chain_layer;

/*     max  s' y_m  over  t in a ball, s in a ball,   y_l = w_l v_{l-1},  v_{-1} = t,
 *     v_i = y_i for active, v_i (y_i - v_i) >= 0 for unstable neurons,   l = 0 .. hidden
 *
 * The wanted number is at most 2^exponent times the maximum.  On true points the tangent of a neuron
 * in layer l of the network is 2^-(layer[0].exponent + .. + layer[l].exponent) y_l. */
typedef struct lip_chain {
    size_t hidden;          /* layers with neurons; layer[hidden] is the output */
    lip_chain_layer *layer; /* hidden + 1 of them */
    size_t *input;          /* columns of layer[0]: their numbers in the network */
    long column, row;       /* the input and output it was cut for, or LIP_CHAIN_EVERY */
    bool substituted;       /* false: active neurons are treated as unstable ones */
    bool input_ball;        /* sum t_i^2 <= 1; otherwise every t_i^2 <= 1 */
    bool output_ball;       /* the same for s */
    bool rounded_output; /* entries of the last matrix are known up to a relative LIP_UNIT only */
    long exponent;       /* minus the sum of the layers' exponents */
    bool zero;           /* no path from input to output: the value is 0 */
    bool inexact;        /* scaling lost bits (weights near the ends of the exponent range) */
} lip_chain;

/* A network that is a chain, its matrices dense and dead neurons marked; what parts are cut from. */
typedef struct lip_chain_base {
    size_t layers;     /* as in the network, the output layer included */
    size_t *width;     /* layers + 1 */
    double **w;        /* layers of them: w[l] is width[l + 1] x width[l] */
    lip_phase **phase; /* layers of them; the last is NULL */
    size_t **order;    /* layers + 1 of them: the units of each level in canonical order */
    bool rounded_output;
} lip_chain_base;

/* False with a note (size bytes) if the network is no chain or too large; *memory says whether it was
 * memory that was short.  The output selection's rows are taken; phases from task->bounds. */
bool lip_chain_base_create(const lip_task *task, lip_chain_base **base, char *note, size_t size,
                           bool *memory);
void lip_chain_base_free(lip_chain_base *base);

/* The problem for one input column and one output row (LIP_CHAIN_EVERY: all of them).  Neurons without
 * influence are dropped, layers scaled by powers of two.  Without `substitute` active neurons are
 * treated as unstable ones.  Networks that differ in the order of their neurons give the same problem,
 * bit for bit, but for `neuron`.  NULL if memory is short. */
lip_chain *lip_chain_part(const lip_chain_base *base, long column, long row, bool input_ball,
                          bool output_ball, bool substitute);
void lip_chain_free(lip_chain *chain);

static inline size_t lip_chain_inputs(const lip_chain *chain) { return chain->layer[0].cols; }
static inline size_t lip_chain_outputs(const lip_chain *chain) {
    return chain->layer[chain->hidden].rows;
}
/* Unstable neurons in all. */
size_t lip_chain_unstable(const lip_chain *chain);

/* Doubles that evaluation and proof need, as an estimate; SIZE_MAX if it overflows or a layer is too
 * wide. */
size_t lip_chain_footprint(const lip_chain *chain);

/* ---- Multipliers ------------------------------------------------------------------------- */

/* Multipliers propose; only lip_chain_prove decides. */
typedef struct lip_chain_dual {
    double *tau;   /* one per input; not read if input_ball */
    double *lam;   /* one per unstable neuron, layer by layer */
    double *share; /* one per output: how the output multipliers relate; not read if output_ball */
} lip_chain_dual;

bool lip_chain_dual_create(const lip_chain *chain, lip_chain_dual *dual);
void lip_chain_dual_clear(lip_chain_dual *dual);

/* ---- The dual function ------------------------------------------------------------------- */

typedef struct lip_chain_work lip_chain_work;

lip_chain_work *lip_chain_work_create(const lip_chain *chain);
void lip_chain_work_free(lip_chain_work *work);

/* Coordinates: log tau (inputs, absent for a ball), log(lam_i F_ii), log share (outputs, absent for a
 * ball). */
size_t lip_chain_coordinates(const lip_chain *chain);

/* The closed-form point: lam_l = 1 / lambda_max(F_l). */
bool lip_chain_start(lip_chain_work *work, double *x);

/* The smoothed objective and its gradient (g may be NULL); INFINITY outside the domain.  *value is
 * the bound itself, not smoothed, a floating-point number. */
double lip_chain_objective(lip_chain_work *work, const double *x, double power, double barrier,
                           double *value, double *g);

/* The multipliers at x; false outside the domain. */
bool lip_chain_multipliers(lip_chain_work *work, const double *x, lip_chain_dual *dual);

/* The coordinates of given positive multipliers; false outside the domain. */
bool lip_chain_coordinates_of(lip_chain_work *work, const lip_chain_dual *dual, double *x);

/* The largest factor that keeps the first layer's lam in the domain is 2 * *inverse, roughly.  False if
 * memory is short. */
bool lip_chain_border(lip_chain_work *work, const lip_chain_dual *dual, double *inverse);

/* Make multipliers feasible with room: S - margin Diag(S) >= 0 up to rounding.  Repairs anything that
 * is not a positive number.  *eta is the factor of the output multipliers, eta * share. */
bool lip_chain_repair(lip_chain_work *work, lip_chain_dual *dual, double margin, double *eta);

/* ---- Solving and proving ----------------------------------------------------------------- */

/* Lower the bound from the closed-form point until the watch expires, progress ends, or the value
 * falls below `enough`.  dual holds the best multipliers found.  False if memory is short. */
bool lip_chain_solve(lip_chain_work *work, lip_watch *watch, double enough, lip_chain_dual *dual);

/* A proved upper bound on the problem's value (2^exponent included) from any multipliers; INFINITY if
 * none can be proved.  On return dual and eta (the factor of the output multipliers) are those that it
 * was proved with, where it is finite.  False if memory is short. */
bool lip_chain_prove(lip_chain_work *work, lip_chain_dual *dual, double *eta, double *bound);

/* Write the part of an sdp statement that these proved multipliers are.  *value is what it claims, a
 * little above the bound; INFINITY if they do not fit the format: numbers out of range in the network's
 * units.  A chain that is zero needs no multipliers.  *uses_bounds becomes true if stable neurons were
 * used.  False if memory is short. */
bool lip_chain_certify(const lip_chain *chain, const lip_task *task, const lip_chain_dual *dual,
                       double eta, lip_text *text, double *value, bool *uses_bounds);

/* The method on chains; *chain is false, and nothing was done, for networks that are none. */
lip_status lip_tangent_chain(lip_task *task, lip_step *step, bool *chain, lip_error *err);

#endif
