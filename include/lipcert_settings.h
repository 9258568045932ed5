/* Every setting of lipcert, once.  The table below is the source of the struct, of the range check,
 * of `lipcert help settings` and of docs/settings.md.
 *
 *   X(type, field, option, default, smallest, largest, help)      type: double or int */
#ifndef LIPCERT_SETTINGS_H
#define LIPCERT_SETTINGS_H

#define LIP_SETTINGS(X)                                                                            \
    X(double, time_limit, "time", 60.0, 0.0, 1e9,                                                  \
      "wall-clock limit in seconds; the best bounds proved by then are reported")                  \
    X(int, seed, "seed", 1, 0, 2147483647,                                                         \
      "seed of every random choice; same seed, input and thread count give the same bounds")       \
    X(int, samples, "samples", 2000, 1, 100000000, "points drawn by the method lbs")               \
    X(int, starts, "starts", 32, 1, 4096, "starting points that the method ascent moves together") \
    X(int, steps, "steps", 400, 1, 1000000, "steps of one sweep of the method ascent")             \
    X(int, sweeps, "sweeps", 4, 1, 1000,                                                           \
      "sweeps of the method ascent, each with its own smoothing schedule")                         \
    X(int, rounds, "rounds", 30, 1, 1000000000,                                                    \
      "rounds of the method search without a better witness after which it ends")                  \
    X(int, linear_bounds, "linear-bounds", 1, 0, 1,                                                \
      "1: tighten pre-activation bounds by backward linear bounds; 0: intervals only")             \
    X(int, slope_steps, "slope-steps", 40, 0, 10000,                                               \
      "steps that optimise the slopes of linear bounds, for every unstable neuron; 0: none")       \
    X(int, bound_programs, "bound-programs", 0, 0, 1000000,                                        \
      "linear programs at most that tighten pre-activation bounds (in a box, with HiGHS)")         \
    X(int, threads, "threads", 1, 1, 256,                                                          \
      "threads of the method exact; with one, the same input gives the same tree")                 \
    X(double, gap, "gap", 1e-6, 1e-9, 1.0,                                                         \
      "relative gap between its bounds at which the method exact ends")                            \
    X(int, tree_memory, "tree-memory", 4096, 1, 1048576,                                           \
      "MiB that the tree of the method exact may take; then it ends with its best bounds")         \
    X(int, order, "order", 2, 1, 4,                                                                \
      "order of the method lasserre: half the degree of its moments")                              \
    X(int, degree, "degree", 3, 2, 8, "degree of the method lipopt: most factors in a product")    \
    X(int, gram_limit, "gram-limit", 4096, 1, 20000,                                               \
      "largest Gram matrix factorised to prove a spectral norm; above it cheaper bounds are used")

#define LIP_SETTINGS_FIELD(type, field, option, standard, smallest, largest, help) type field;
typedef struct lip_settings {
    LIP_SETTINGS(LIP_SETTINGS_FIELD)
} lip_settings;

#endif
