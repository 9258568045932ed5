/* The command line: one table of options and one of subcommands yield parsing, checks and help.
 *
 *   X(id, name, number of values, their names, help) */
#ifndef LIPCERT_CLI_OPTIONS_H
#define LIPCERT_CLI_OPTIONS_H

#include "lipcert.h"

#include <stdio.h>

#define CLI_OPTIONS(X)                                                                             \
    X(NORM, "norm", 1, "P", "norm of the input: 1, 2 or inf (default inf)")                        \
    X(OUT_NORM, "out-norm", 1, "Q", "norm of the output: 1, 2 or inf (default: that of --norm)")   \
    X(OUTPUT, "output", 1, "K", "the single output K, counted from 0")                             \
    X(MARGIN, "margin", 1, "I,J", "the difference of the outputs I and J")                         \
    X(ALL, "all", 0, "", "the vector of all outputs (default)")                                    \
    X(ALL_MARGINS, "all-margins", 0, "",                                                           \
      "every difference of two outputs: a matrix of bounds, with shared work")                     \
    X(GLOBAL, "global", 0, "", "region: all of R^n (default)")                                     \
    X(BOX, "box", 2, "C EPS",                                                                      \
      "region: C - EPS <= x <= C + EPS; C is a .npy or .csv file or a number")                     \
    X(BOX_FILE, "box-file", 2, "LO HI",                                                            \
      "region: LO <= x <= HI, each a .npy or .csv file or a number")                               \
    X(BALL, "ball", 2, "C EPS", "region: Euclidean distance from C at most EPS")                   \
    X(VNNLIB, "vnnlib", 1, "FILE", "region: the input box of a VNN-LIB 1.0 property")              \
    X(CLIP, "clip", 1, "LO,HI", "cut the box of --box or --box-file with LO <= x <= HI")           \
    X(INPUT, "input", 1, "X", "the point: a .npy or .csv file, or a number for all coordinates")   \
    X(ROW, "row", 1, "N", "row of the .npy or .csv file to take as the point (default 0)")         \
    X(SCALE, "scale", 1, "S", "multiply the numbers of the .npy or .csv file by S (default 1)")    \
    X(INPUT_INDEX, "input-index", 1, "I", "the input I, counted from 0 (default: all)")            \
    X(LABEL, "label", 1, "K", "the class of the point (default: the largest output there)")        \
    X(PRECISION, "precision", 1, "P",                                                              \
      "relative width at which the search for a radius ends (default 0.001)")                      \
    X(METHOD, "method", 1, "LIST",                                                                 \
      "methods to run, joined by commas (default auto); 'lipcert methods' lists them")             \
    X(JACOBIAN, "jacobian", 0, "", "print the Jacobian too, one row per line")                     \
    X(JSON, "json", 1, "FILE",                                                                     \
      "write everything as JSON; '-' is standard output, then nothing else")                       \
    X(WITNESS, "witness", 1, "FILE", "write the witness point of the lower bound as .npy")         \
    X(CERTIFICATE, "certificate", 1, "FILE",                                                       \
      "write a certificate of the bounds; 'lipcert check NET FILE' verifies it")                   \
    X(CHECKPOINT, "checkpoint", 1, "FILE",                                                         \
      "keep what the method exact has proved in FILE, a certificate: now and then, and at the "    \
      "end")                                                                                       \
    X(CHECKPOINT_EVERY, "checkpoint-every", 1, "S",                                                \
      "seconds from one checkpoint to the next (default 60)")                                      \
    X(RESUME, "resume", 1, "FILE", "go on from a checkpoint of the same question")                 \
    X(AT_MOST, "at-most", 1, "K", "the claim to decide: L <= K; a positive number")                \
    X(FORMAT, "format", 1, "F", "format of the file: sdpa (default), mps or lp")                   \
    X(PART, "part", 1, "N", "which of several programs (default 0 if there is one)")               \
    X(RELAXATION, "relaxation", 1, "R",                                                            \
      "tangent (default), hr1, hr2-blocks, lasserre; lipopt (mps); miqcqp, miqcqp-lower (lp, "     \
      "mps)")                                                                                      \
    X(PHASES, "phases", 0, "", "keep the phases of inner neurons: a larger, tighter program")      \
    X(OUT, "out", 1, "FILE", "the file to write; -o is the same")                                  \
    X(SHAPE, "shape", 1, "HxW[xC]",                                                                \
      "draw the gradient at the witness as an image of this shape; CxHxW for channels first")      \
    X(FIGURE, "figure", 1, "LIST",                                                                 \
      "figures to draw, joined by commas: time, methods, gradient, margins, classes (default: "    \
      "all)")                                                                                      \
    X(NETWORK, "network", 1, "FILE",                                                               \
      "read the network for --shape from FILE, not from the path in RESULT")                       \
    X(JOBS, "jobs", 1, "N",                                                                        \
      "instances that run at a time (default: one per core; one with several ranks)")              \
    X(RETRY, "retry", 0, "", "run instances again whose record says that they failed")             \
    X(NNET_NORMALISE, "nnet-normalise", 0, "",                                                     \
      "fold the normalisation that a .nnet file carries into the network")                         \
    X(QUIET, "quiet", 0, "", "print the final line only, and no progress")                         \
    X(MARKDOWN_SETTINGS, "markdown-settings", 0, "", "print the table of settings as Markdown")    \
    X(HELP, "help", 0, "", "print this help")

#define CLI_OPTION_ID(id, name, values, metavar, help) CLI_##id,
typedef enum cli_option_id { CLI_OPTIONS(CLI_OPTION_ID) CLI_OPTION_COUNT } cli_option_id;

/* One option of the table. */
typedef struct cli_option {
    const char *name;
    int values;
    const char *metavar;
    const char *help;
} cli_option;
extern const cli_option cli_options[CLI_OPTION_COUNT];

/* One row of LIP_SETTINGS; an option with one value. */
typedef struct cli_setting {
    const char *field, *name, *help;
    bool is_double;
    size_t offset; /* in lip_settings */
    double standard, smallest, largest;
} cli_setting;
extern const cli_setting cli_settings[]; /* ends with a NULL name */

/* The value of a setting as a double (exact: settings are double or int). */
double cli_setting_value(const lip_settings *settings, const cli_setting *setting);

/* What the user typed. */
typedef struct cli_arguments {
    const struct cli_command *command;
    size_t noperands;
    const char *operand[2];
    bool given[CLI_OPTION_COUNT];
    const char *value[CLI_OPTION_COUNT][2];
    lip_settings settings;
    bool time_given; /* --time, whatever its value */
} cli_arguments;

#define CLI_BIT(id) ((uint64_t)1 << CLI_##id)

/* A subcommand.  `run` prints its own errors and returns the exit code. */
typedef struct cli_command {
    const char *name;
    const char *operands; /* "NET OUT" */
    size_t fewest, most;  /* operands */
    uint64_t options;     /* CLI_BIT sums; --help is always there */
    bool settings;        /* takes the options of LIP_SETTINGS too */
    const char *summary;
    const char *details; /* shown by --help below the synopsis; "" or whole lines */
    int (*run)(const cli_arguments *arguments);
} cli_command;

/* Read argv[0 .. argc-1], what follows the subcommand.  An option may be given once, as --name
 * value or, with one value, --name=value; "--" ends the options.  --help stops reading. */
lip_status cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *arguments,
                     lip_error *err);

/* Write "option --name" into place[size] and return it. */
const char *cli_place(cli_option_id id, char *place, size_t size);
#define CLI_PLACE(id) cli_place((id), (char[48]){0}, 48)

/* Refuse the second of two options that exclude each other. */
lip_status cli_refuse_both(const cli_arguments *arguments, const cli_option_id *ids, size_t count,
                           lip_error *err);

/* The entry of names[0 .. count-1] most like `text`, or NULL if none is similar. */
const char *cli_closest(const char *text, const char *const *names, size_t count);

/* --help of one subcommand, generated from the tables. */
void cli_print_help(const cli_command *command, FILE *file);

#endif
