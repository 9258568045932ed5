/* lipcert: certified Lipschitz constants of ReLU networks.
 *
 * A network f : R^n -> R^m is a graph of affine maps and ReLUs, a region X is all of R^n, a box or
 * a Euclidean ball.  lipcert computes numbers
 *
 *     lower <= L <= upper,      L = max { || J(x) ||_{p -> q} : x in X, f differentiable at x },
 *
 * J(x) the Jacobian of the selected outputs, ||.||_{p -> q} the operator norm from the input norm p
 * to the output norm q.  For one output (or one margin f_i - f_j) this is the largest dual norm of
 * the gradient.  If X is convex with an interior, L is the Lipschitz constant of f on X.
 *
 * Conventions of this header
 *   - A matrix is stored by rows.  Sizes are counts of doubles, never bytes.
 *   - A function that can fail returns a lip_status and, if `err` is not NULL, fills it; on failure
 *     it leaves *out arguments as they were.  The library never prints, exits or keeps global state.
 *   - Handles and pointers must not be NULL where the comment of a function does not allow it; they
 *     are not checked.  Every *_free accepts NULL.
 *   - A handle is read-only after creation and may be shared by threads.
 *   - "Proved" numbers include all rounding errors.  Calls run in the default floating-point
 *     environment, whatever the caller's is, and restore the caller's. */
#ifndef LIPCERT_H
#define LIPCERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lipcert_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LIP_API __attribute__((visibility("default")))
#else
#define LIP_API
#endif

/* ---- Status and errors ------------------------------------------------------------------- */

/* Did the call work?  (What is known about L is in the result, never here.) */
typedef enum lip_status {
    LIP_OK = 0,
    LIP_OUT_OF_MEMORY, /* an allocation failed or its size overflowed */
    LIP_IO,            /* a file could not be opened, read or written */
    LIP_FORMAT,        /* a file is not what its format demands */
    LIP_UNSUPPORTED,   /* well-formed, but outside what lipcert handles */
    LIP_ARGUMENT,      /* an argument or setting is out of range or does not fit the network */
    LIP_INTERNAL       /* a self-check failed: a defect of lipcert, please report it */
} lip_status;

/* One sentence for a person: print file, place, message in this order, leaving out empty ones. */
typedef struct lip_error {
    lip_status status;
    char file[256];    /* the file concerned, or "" */
    char place[160];   /* where in it: "line 12", "node 'conv1' (Conv)", "option --eps", or "" */
    char message[512]; /* what was expected and what was found */
} lip_error;

/* A constant name of `status`, such as "out of memory". */
LIP_API const char *lip_status_name(lip_status status);

/* Write "file: place: message" (empty parts left out) into text[size], always terminated. */
LIP_API void lip_error_text(const lip_error *err, char *text, size_t size);

/* ---- Networks ---------------------------------------------------------------------------- */

/* A network: layers 1..layers, layer l = sum over its terms of op * source + bias, followed by ReLU
 * or by nothing; sources are the input (index 0) or earlier layers.  The last layer is the output. */
typedef struct lip_network lip_network;

/* How to read a network file; zero-initialise for the defaults. */
typedef struct lip_read_options {
    bool
        nnet_normalise; /* .nnet: fold the file's input and output normalisation into the network */
} lip_read_options;

/* Read ONNX, .nnet, .npz, MATLAB level 5 .mat or the canonical format; also gzip-compressed.  The
 * format is recognised by content.  `options` may be NULL.  docs/formats.md says what is accepted. */
LIP_API lip_status lip_network_load(const char *path, const lip_read_options *options,
                                    lip_network **net, lip_error *err);

/* The same from size bytes in memory; `name` is used in messages.  ONNX external data is refused. */
LIP_API lip_status lip_network_load_memory(const void *bytes, size_t size, const char *name,
                                           const lip_read_options *options, lip_network **net,
                                           lip_error *err);

/* A chain of dense layers: weight[l] is width[l+1] x width[l], bias[l] has width[l+1] entries or is
 * NULL (zero), l = 0..layers-1; ReLU after every layer but the last.  Everything is copied. */
LIP_API lip_status lip_network_create_dense(size_t layers, const size_t *width,
                                            const double *const *weight, const double *const *bias,
                                            lip_network **net, lip_error *err);

LIP_API void lip_network_free(lip_network *net);

/* Write the canonical exact-double format (docs/canonical-format.md).  The file appears only when it
 * is complete; an existing file is replaced. */
LIP_API lip_status lip_network_save(const lip_network *net, const char *path, lip_error *err);

/* What a network is made of. */
typedef struct lip_network_info {
    size_t inputs;      /* n */
    size_t outputs;     /* m */
    size_t layers;      /* affine layers, the output layer included */
    size_t relu_layers; /* layers followed by a ReLU */
    size_t neurons;     /* ReLUs in all */
    size_t parameters;  /* stored weights and biases */
    bool chain;         /* every layer reads its predecessor only, all but the last have a ReLU */
    size_t folds;       /* operations folded into weights in floating point while reading; if not 0,
                           bounds are for the folded (canonical) network */
    char sha256[65];    /* of the canonical form, in hexadecimal */
    char format[32];    /* what the network was read from: "onnx", "nnet", ... */
} lip_network_info;
LIP_API void lip_network_get_info(const lip_network *net, lip_network_info *info);

/* One layer, l = 1..layers. */
typedef struct lip_layer_info {
    size_t width;
    bool relu;
    size_t terms;
    size_t source;       /* of the first term: 0 = the input, else a layer */
    const char *op_kind; /* of the first term: "dense", "sparse", "conv" */
    size_t nonzeros;     /* stored weights over all terms */
} lip_layer_info;
LIP_API lip_status lip_network_get_layer(const lip_network *net, size_t l, lip_layer_info *info,
                                         lip_error *err);

/* y[m] = f(x[n]), in floating point. */
LIP_API lip_status lip_network_eval(const lip_network *net, const double *x, double *y,
                                    lip_error *err);

/* The pre-activations z of all layers at x, in layer order (sum of widths entries). */
LIP_API lip_status lip_network_preactivations(const lip_network *net, const double *x, double *z,
                                              lip_error *err);

/* jacobian[m * n], in floating point; a neuron at exactly 0 counts as inactive. */
LIP_API lip_status lip_network_jacobian(const lip_network *net, const double *x, double *jacobian,
                                        lip_error *err);

/* gradient[n] = J(x)' v[m], in floating point, same convention. */
LIP_API lip_status lip_network_vjp(const lip_network *net, const double *x, const double *v,
                                   double *gradient, lip_error *err);

/* ---- Regions ----------------------------------------------------------------------------- */

typedef struct lip_region lip_region;

/* All of R^n. */
LIP_API lip_status lip_region_everywhere(size_t n, lip_region **region, lip_error *err);

/* lo <= x <= hi, finite, lo <= hi. */
LIP_API lip_status lip_region_box(size_t n, const double *lo, const double *hi, lip_region **region,
                                  lip_error *err);

/* centre +- eps, cut with [clip_lo, clip_hi] (-INFINITY and INFINITY: no cut).  centre +- eps is
 * rounded outwards; the resulting doubles are the region. */
LIP_API lip_status lip_region_box_around(size_t n, const double *centre, double eps, double clip_lo,
                                         double clip_hi, lip_region **region, lip_error *err);

/* Euclidean ball, radius >= 0. */
LIP_API lip_status lip_region_ball(size_t n, const double *centre, double radius,
                                   lip_region **region, lip_error *err);

/* The input box of a VNN-LIB 1.0 property over X_0 .. X_{n-1}; output assertions are ignored. */
LIP_API lip_status lip_region_load_vnnlib(const char *path, size_t n, lip_region **region,
                                          lip_error *err);

LIP_API void lip_region_free(lip_region *region);

typedef enum lip_region_kind { LIP_EVERYWHERE, LIP_BOX, LIP_BALL } lip_region_kind;
LIP_API lip_region_kind lip_region_get_kind(const lip_region *region);
LIP_API size_t lip_region_dimension(const lip_region *region);

/* Box: lo[n], hi[n] are the region.  Ball: the smallest box around it, rounded outwards.  R^n: +-inf.
 * centre[n] is the ball's centre or the box's midpoint (0 for R^n); any pointer may be NULL. */
LIP_API void lip_region_get_box(const lip_region *region, double *lo, double *hi, double *centre);

/* The radius of a ball; 0 otherwise. */
LIP_API double lip_region_get_radius(const lip_region *region);

/* Read a point of n numbers, multiplied by `scale`: row `row` along the first axis of a .npy array, or
 * of a table such as .csv.  A .npy with one dimension or n entries in all, and a table with one number
 * on each of n > 1 lines, are one point: row 0.  If a line of a table has n + 1 numbers, the first, a
 * label, is dropped; a .npy has no labels. */
LIP_API lip_status lip_point_load(const char *path, size_t row, double scale, size_t n, double *x,
                                  lip_error *err);

/* ---- Pre-activation bounds --------------------------------------------------------------- */

/* Proved lo <= z <= hi for every pre-activation on the region, in layer order (sum of widths entries
 * each): interval arithmetic and, if `linear` and the region is bounded, backward linear bounds
 * (CROWN, Zhang et al. 2018) cut with them.  Unbounded directions give +-INFINITY. */
LIP_API lip_status lip_preactivation_bounds(const lip_network *net, const lip_region *region,
                                            bool linear, double *lo, double *hi, lip_error *err);

/* ---- The question ------------------------------------------------------------------------ */

typedef enum lip_norm { LIP_NORM_1 = 1, LIP_NORM_2 = 2, LIP_NORM_INF = 3 } lip_norm;

typedef enum lip_output_kind { LIP_OUTPUT_ROW, LIP_OUTPUT_MARGIN, LIP_OUTPUT_ALL } lip_output_kind;

/* Which function of the outputs: f_i; f_i - f_j; or the whole vector. */
typedef struct lip_output {
    lip_output_kind kind;
    size_t i, j;
} lip_output;

typedef struct lip_query {
    lip_norm norm_in;  /* p */
    lip_norm norm_out; /* q; of no effect for a single row or margin */
    lip_output output;
    const lip_region *region; /* of the network's input dimension; outlives the call only */
    const double *point;      /* n numbers in the region, for the method "point"; NULL: none */
} lip_query;

/* ---- Bounds ------------------------------------------------------------------------------ */

typedef enum lip_side { LIP_LOWER, LIP_UPPER } lip_side;

/* Proved: true with all rounding errors accounted for.  Computed: floating point only. */
typedef enum lip_evidence { LIP_PROVED, LIP_COMPUTED } lip_evidence;

/* Why the run ended. */
typedef enum lip_stop { LIP_FINISHED, LIP_OUT_OF_TIME, LIP_INTERRUPTED } lip_stop;

/* What one method contributed.  A method that was cut short keeps what it had proved. */
typedef struct lip_step {
    const char *method; /* its name in lip_methods() */
    lip_side side;
    double value; /* a lower or upper bound on L; 0 or INFINITY if it found none */
    lip_evidence evidence;
    double seconds;
    bool complete; /* false: stopped early, or failed as `note` says */
    char note[160];
} lip_step;

/* What more time would go to. */
typedef struct lip_unfinished {
    const char *method; /* its name in lip_methods() */
    const char *reason; /* constant text, such as "stopped by the time limit" or "not begun" */
} lip_unfinished;

typedef struct lip_result {
    double lower; /* proved lower bound on L; 0 if no witness was found */
    double upper; /* proved upper bound on L; INFINITY if none was found */
    const char *lower_method, *upper_method; /* "" if none */
    size_t n;                                /* input dimension */
    double
        *witness_x; /* n numbers in the region where the gradient has norm >= lower, off every kink
                          (but a kink on the region's boundary may be met from inside the region
                          only); NULL if there is none */
    double *witness_t; /* n numbers: the direction with ||J t||_q >= lower ||t||_p */
    size_t neurons, stable_active,
        stable_inactive; /* ReLUs, and how many are stable on the region */
    size_t steps;
    lip_step *step;
    lip_stop stop;
    double seconds;   /* wall clock */
    double certified; /* the upper bound that lip_certificate states: upper, or a weaker one if
                                the format cannot hold the proof of that; INFINITY if none */
    struct lip_proof *proof; /* what lip_certificate writes down */
    size_t unfinished_count;
    lip_unfinished
        *unfinished; /* methods that were asked for, or that "auto" would have run, and that were
                           cut short or not begun; none if the bounds meet, or decide what was asked */
} lip_result;

/* A running bound, for a progress line. */
typedef struct lip_progress {
    const char *method;
    double lower, upper, seconds;
} lip_progress;

/* Called from the calling thread when a bound or the method has changed, and else now and then, about every
 * 50 ms at most.  Return true to stop with the best bounds so far; it is not called again then. */
typedef bool (*lip_progress_fn)(const lip_progress *progress, void *user);

/* Set every setting to its default (lipcert_settings.h lists them). */
LIP_API void lip_settings_default(lip_settings *settings);

/* Refuse a setting outside its range, naming it. */
LIP_API lip_status lip_settings_check(const lip_settings *settings, lip_error *err);

/* The methods, ended by one whose name is NULL. */
typedef struct lip_method {
    const char *name;
    const char *side;   /* "lower", "upper" or "both" */
    const char *help;   /* one line */
    const char *source; /* where the method was published */
} lip_method;
LIP_API const lip_method *lip_methods(void);

/* Bound L.  `methods`: one name of lip_methods(), or several joined by commas; NULL means "auto".
 * `settings` NULL means the defaults; `progress` may be NULL.  Being interrupted or out of time is
 * no failure: the result says so and holds what was proved. */
LIP_API lip_status lip_bound(const lip_network *net, const lip_query *query, const char *methods,
                             const lip_settings *settings, lip_progress_fn progress, void *user,
                             lip_result **result, lip_error *err);

/* What the method exact takes besides its settings; zero-initialise for none of it (docs/exact.md). */
typedef struct lip_exact_options {
    const char *methods;       /* as for lip_bound, with "exact" among them; NULL: "exact" alone */
    const char *checkpoint;    /* a file for what is proved so far: a certificate; NULL: none */
    double checkpoint_seconds; /* how often it is written, besides at the end; 0: every 60 */
    const char *resume;        /* a checkpoint of the same question to go on from; NULL: none */
    double at_most; /* > 0: end as soon as L <= at_most or L > at_most is proved; the methods
                           before exact share a quarter of the time.  0, negative or NAN: none */
    lip_error *
        written; /* how the last checkpoint was written: LIP_OK, or why it is not there (a failed one is
                           tried again, and costs no result); NULL: not wanted */
} lip_exact_options;

/* lip_bound with these options, which may be NULL.  Of what `resume` holds nothing is trusted: everything is
 * proved again.  It may be the file `checkpoint`.  LIP_ARGUMENT if it is about another question. */
LIP_API lip_status lip_exact(const lip_network *net, const lip_query *query,
                             const lip_settings *settings, const lip_exact_options *options,
                             lip_progress_fn progress, void *user, lip_result **result,
                             lip_error *err);

/* Enclose the operator norm of J(x) at one point: *lower <= ||J(x)||_{p -> q} <= *upper, proved.
 * x[n] must lie in the query's region (else LIP_ARGUMENT), whose stable neurons count as decided.
 * *decided is false, and the bounds are 0 and INFINITY, if x is too close to a kink for interval
 * arithmetic to decide every phase. */
LIP_API lip_status lip_gradient_norm(const lip_network *net, const lip_query *query,
                                     const double *x, double *lower, double *upper, bool *decided,
                                     lip_error *err);

LIP_API void lip_result_free(lip_result *result);

/* ---- All margins ------------------------------------------------------------------------- */

/* What is known about L_ij, the Lipschitz constant of f_i - f_j, for all i and j: L_ij = L_ji, L_ii = 0. */
typedef struct lip_margins {
    size_t outputs;        /* m */
    size_t pairs;          /* m (m - 1) / 2 */
    double *lower, *upper; /* m x m: lower[i * m + j] <= L_ij <= upper[i * m + j], proved */
    double largest_lower,
        largest_upper;             /* largest_lower <= largest L_ij <= largest_upper, proved */
    size_t lower_pair, upper_pair; /* numbers of the pairs that have these two bounds */
    lip_result **result; /* by number of the pair: all about f_i - f_j, as lip_bound would say it */
    lip_stop stop;       /* LIP_FINISHED if every pair did */
    double seconds;      /* wall clock */
} lip_margins;

/* The number of the pair i < j of m outputs, 0 .. m (m - 1) / 2 - 1: (0, 1), (0, 2), ..., (m - 2, m - 1). */
LIP_API size_t lip_margin_number(size_t m, size_t i, size_t j);

/* lip_bound for every margin f_i - f_j, i < j, with shared work: pre-activation bounds are found once, points
 * found for one margin are tried for all, and a margin whose bounds meet (to 1e-9) is done.
 * query->output is of no effect.  Every method runs for all margins before the next one, upper bounds
 * before searches for lower ones.  settings->time_limit holds for the whole call and is shared out
 * evenly; time that one margin does not need goes to those that ran out of theirs.  Progress shows
 * bounds on the largest L_ij.  Cut short at any moment, every margin has the upper bound of "product", if
 * that was asked for, and all that was proved by then.  LIP_ARGUMENT if the network has fewer than 2
 * outputs or more than 128.  lip_certificate takes result[k] with the query of that margin. */
LIP_API lip_status lip_bound_margins(const lip_network *net, const lip_query *query,
                                     const char *methods, const lip_settings *settings,
                                     lip_progress_fn progress, void *user, lip_margins **margins,
                                     lip_error *err);

LIP_API void lip_margins_free(lip_margins *margins);

/* ---- Certified radius -------------------------------------------------------------------- */

/* For lip_radius_query.label: the class is the largest output at x. */
#define LIP_LARGEST_OUTPUT ((size_t)-1)

typedef struct lip_radius_query {
    const double *x; /* n numbers, finite */
    lip_norm norm;   /* of the distance */
    size_t label;    /* k, the class; or LIP_LARGEST_OUTPUT */
    double clip_lo,
        clip_hi; /* only points of [clip_lo, clip_hi]^n count, x is one; -INFINITY, INFINITY: all */
    double precision; /* relative width at which the search ends, in (0, 1); 0 means 1e-3 */
} lip_radius_query;

/* How far x is at least from every point where output j is not smaller than output k. */
typedef struct lip_radius_class {
    double radius; /* ||x' - x|| < radius implies f_k(x') > f_j(x'); INFINITY for j = k, and if
                           there is no such point; 0 if nothing was proved */
    double margin; /* f_k(x) - f_j(x) >= margin */
    double upper;  /* a Lipschitz constant of f_k - f_j on the region below */
    double region; /* the radius of that region; INFINITY: all points */
    const char
        *method; /* what proved it: a name of lip_methods(); "outputs": f_k > f_j by the bounds of
                           all outputs on the region, then upper is INFINITY; "" if radius is 0 */
} lip_radius_class;

typedef struct lip_radius_result {
    double radius;  /* proved: ||x' - x|| < radius implies f_k(x') > f_j(x') for every j != k */
    size_t label;   /* k */
    size_t nearest; /* a class with that radius */
    size_t outputs;
    lip_radius_class *of_class; /* for every output */
    size_t trials;              /* regions looked at */
    lip_stop stop;
    double seconds; /* wall clock */
    char note[160]; /* why the radius is 0, or "" */
} lip_radius_result;

/* The certified radius at a point: the largest found r such that no point closer to x than r has another
 * largest output than k.  From  f_k(x) - f_j(x) >= margin  and a proved Lipschitz constant U(eps) of
 * f_k - f_j on the points within eps of x follows the radius min(eps, margin / U(eps)) against class j;
 * the search looks for the eps where the two meet.  `methods`: upper methods as for lip_bound; NULL or
 * "auto": product, interval and tangent.  Everything else as lip_bound, but progress shows the radius
 * proved so far as `lower`, and as `upper` where the search ends (which is not proved). */
LIP_API lip_status lip_radius(const lip_network *net, const lip_radius_query *query,
                              const char *methods, const lip_settings *settings,
                              lip_progress_fn progress, void *user, lip_radius_result **result,
                              lip_error *err);

LIP_API void lip_radius_free(lip_radius_result *result);

/* ---- Monotonicity ------------------------------------------------------------------------ */

typedef enum lip_monotonicity {
    LIP_UNDECIDED,
    LIP_NONDECREASING, /* when the input grows and the others stay, the output does not fall */
    LIP_NONINCREASING, /* it does not grow */
    LIP_CONSTANT,
    LIP_NOT_MONOTONE /* it grows at one point of the region, and falls at another one */
} lip_monotonicity;

/* The partial derivative of the output by one input, over the region. */
typedef struct lip_partial {
    lip_monotonicity verdict; /* proved, except LIP_UNDECIDED */
    double lower, upper;      /* proved bounds; +-INFINITY if there is none */
    double rising, falling; /* derivatives > 0 and < 0, proved: it is >= rising at rising_x, ... */
    double *rising_x;       /* n numbers, a point of the region; NULL: none was found or needed */
    double *falling_x;      /* ... and <= falling at falling_x */
} lip_partial;

typedef struct lip_monotone {
    size_t n;
    lip_partial *of_input; /* n of them */
    size_t samples;        /* points looked at for witnesses */
    lip_stop stop;
    double seconds; /* wall clock */
} lip_monotone;

/* Signs of the partial derivatives of one output or margin over the region: bounds by the interval Jacobian,
 * and, where they leave the sign open, witnesses for both signs among settings->samples random points.  The
 * norms of the query are of no effect.  LIP_ARGUMENT if all outputs are selected and there are several. */
LIP_API lip_status lip_monotonicity_of(const lip_network *net, const lip_query *query,
                                       const lip_settings *settings, lip_progress_fn progress,
                                       void *user, lip_monotone **result, lip_error *err);

LIP_API void lip_monotone_free(lip_monotone *result);

/* ---- Certificates ------------------------------------------------------------------------ */

/* The certificate of a result for the network and query that it was computed for: *size bytes for the
 * caller to free.  lipcheck verifies it; docs/certificate.md is the format.  It states result->lower and
 * result->upper; if the best upper bound came without a proof that the format can hold, the best one
 * that has one.  LIP_ARGUMENT if there is neither a witness nor an upper bound. */
LIP_API lip_status lip_certificate(const lip_network *net, const lip_query *query,
                                   const lip_result *result, char **text, size_t *size,
                                   lip_error *err);

/* ---- Export ------------------------------------------------------------------------------ */

/* Which semidefinite program of a query; zero-initialise for the defaults. */
typedef struct lip_export_options {
    size_t part;    /* 0 .. lip_export_parts - 1 */
    bool phases;    /* keep the phases of inner neurons: the tighter relaxation */
    size_t largest; /* refuse more variables than this; 0: 5000 */
    const char
        *relaxation; /* NULL: the first one that the function names; `phases` and `largest` are for
                             * tangent */
} lip_export_options;

/* How many programs a query has: one for each input if the input norm is 1, times one for each output
 * if the output norm is inf and several outputs are selected.  L is at most the largest value. */
LIP_API lip_status lip_export_parts(const lip_network *net, const lip_query *query, size_t *parts,
                                    lip_error *err);

/* A relaxation of one part, "tangent" {ball, bin, tangent}, "hr1", "hr2-blocks" or "lasserre", in
 * SDPA sparse format: *size bytes for the caller to free.  docs/relaxations.md says what the rows and constraints are.  settings may be NULL.
 * Floating point: coefficients are rounded where layers were multiplied out. */
LIP_API lip_status lip_export_sdpa(const lip_network *net, const lip_query *query,
                                   const lip_settings *settings, const lip_export_options *options,
                                   char **text, size_t *size, lip_error *err);

/* "lipopt": LipOpt-k (Latorre et al. 2020), k = settings->degree, of one part as a linear program in free
 * MPS format.  "miqcqp" and "miqcqp-lower": the two mixed-integer formulations (Sbihi et al. 2024), where they are
 * linear: boxes, norms 1 and inf; else LIP_UNSUPPORTED.  Everything else as above. */
LIP_API lip_status lip_export_mps(const lip_network *net, const lip_query *query,
                                  const lip_settings *settings, const lip_export_options *options,
                                  char **text, size_t *size, lip_error *err);

/* "miqcqp" and "miqcqp-lower" in CPLEX LP format, for every region and norm: with quadratic rows for balls, all of
 * R^n and the input norm 2, and a quadratic objective for the output norm 2 (its optimum is L^2). */
LIP_API lip_status lip_export_lp(const lip_network *net, const lip_query *query,
                                 const lip_settings *settings, const lip_export_options *options,
                                 char **text, size_t *size, lip_error *err);

/* ---- Version ----------------------------------------------------------------------------- */

LIP_API const char *lip_version(void); /* "0.1.0" */

/* What was compiled in, one "name value" line each. */
LIP_API const char *lip_build_info(void);

#ifdef __cplusplus
}
#endif
#endif
