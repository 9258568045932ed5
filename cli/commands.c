/* The table of subcommands, and `help`. */
#include "commands.h"

#include "failure.h"

#include <string.h>

#define POINT (CLI_BIT(INPUT) | CLI_BIT(ROW) | CLI_BIT(SCALE))
#define QUESTION                                                                                   \
    (CLI_BIT(NORM) | CLI_BIT(OUT_NORM) | CLI_BIT(OUTPUT) | CLI_BIT(MARGIN) | CLI_BIT(ALL))
#define REGION                                                                                     \
    (CLI_BIT(GLOBAL) | CLI_BIT(BOX) | CLI_BIT(BOX_FILE) | CLI_BIT(BALL) | CLI_BIT(VNNLIB) |        \
     CLI_BIT(CLIP) | CLI_BIT(ROW) | CLI_BIT(SCALE))
#define NET         CLI_BIT(NNET_NORMALISE)
#define CHECKPOINTS (CLI_BIT(CHECKPOINT) | CLI_BIT(CHECKPOINT_EVERY) | CLI_BIT(RESUME))

static const char bound_details[] =
    "Proves  lower <= L <= upper  for L, the largest operator norm of the Jacobian over the "
    "region:\n"
    "the Lipschitz constant with respect to the chosen norms.  Both numbers include all rounding.\n"
    "Ctrl-C and the time limit end the run with the best bounds proved so far.\n"
    "A network with one output is treated as --output 0.\n"
    "With --all-margins, --certificate PREFIX writes PREFIX-I-J.cert for every margin I,J.\n";
static const char decide_details[] =
    "Ends as soon as L <= K or L > K is proved: cheap methods first (--method, default auto), in "
    "a\n"
    "quarter of the time, then branch and bound.  The exit code is 0 if L <= K, 7 if L > K, 5 if\n"
    "neither was proved.\n";
static const char check_details[] =
    "Runs lipcheck, a program that shares no code with lipcert: it recomputes everything from the\n"
    "network and the certificate CERT of 'lipcert bound --certificate', prints its own bounds and\n"
    "'s VERIFIED', 's REJECTED' (exit code 6) or 's MALFORMED' (2), with the reason.\n";
static const char gradient_details[] =
    "Encloses the norm of the Jacobian at the point X in interval arithmetic.  A point too close "
    "to\n"
    "a kink of a ReLU stays undecided; then the exit code is 5.\n";
static const char radius_details[] =
    "Proves that every point closer to X than the radius has the same largest output: from the\n"
    "margins at X and their Lipschitz constants near X.  The radius is 0 if X is not of class K.\n"
    "--clip cuts away impossible points; it needs the norm inf.  Methods are those for upper "
    "bounds;\n"
    "auto stands for product,interval,tangent.\n";
static const char monotone_details[] =
    "Proves bounds of the partial derivatives of an output or margin over the region, and from "
    "them\n"
    "that it does not fall (or grow) with an input.  Where they leave the sign open, points with\n"
    "derivatives of both signs are looked for (--samples): they prove that it is not monotone.\n";
static const char sweep_details[] =
    "LIST is a VNN-COMP list (network,property,timeout) or has a header: network, input, eps, "
    "shape,\n"
    "output, or any option of bound with one value.  Each instance is a process of its own; its "
    "report\n"
    "is a line of --out (default: LIST with the ending .jsonl).  What has a line there is not run "
    "again.\n"
    "Under mpirun or srun the ranks share the list.  The exit code is 5 if an instance failed.\n";
static const char plot_details[] = "RESULT is what 'bound --json', with or without --all-margins, "
                                   "or 'radius --json' wrote.  The SVG\n"
                                   "shows bounds against time and by method, the matrix of "
                                   "margins, or the radius for each class; it\n"
                                   "goes to standard output without --out.  --shape reads the "
                                   "network again, from the path in RESULT\n"
                                   "or from --network: it must be the same.\n";
static const char report_details[] =
    "RECORDS is the output of 'lipcert sweep'.  The page holds its figures, and a table that a "
    "click\n"
    "on a heading sorts; it goes to standard output without --out.\n";
static const char eval_details[] =
    "Prints one output per line with 17 digits and nothing else; with --jacobian the rows of the\n"
    "Jacobian follow.  A ReLU at exactly 0 counts as inactive.  Nothing here is a proved number.\n";
static const char convert_details[] = "Reads NET in any format and writes the canonical format: "
                                      "exact doubles, documented for others\n"
                                      "to read.  OUT appears only when it is complete.\n";
static const char export_details[] =
    "Writes the semidefinite program of a relaxation for csdp, dsdp5, sdpa and others.  Its "
    "second\n"
    "line says how the value becomes a bound on L: it is to be multiplied by a power of 2.  Input\n"
    "norm 1 gives one program for each input, output norm inf one for each output: choose with "
    "--part.\n"
    "lipopt is a linear program; miqcqp and miqcqp-lower are mixed-integer ones, whose optima "
    "enclose "
    "L.\n";
static const char help_details[] = "Topics: every subcommand, and 'settings' and 'exit'.\n";

const cli_command cli_commands[] = {
    {"bound", "NET", 1, 1,
     QUESTION | REGION | NET | CLI_BIT(INPUT) | CLI_BIT(METHOD) | CLI_BIT(JSON) | CLI_BIT(WITNESS) |
         CLI_BIT(CERTIFICATE) | CLI_BIT(QUIET) | CLI_BIT(ALL_MARGINS) | CHECKPOINTS,
     true, "bound the Lipschitz constant of a network from below and above", bound_details,
     cli_bound},
    {"decide", "NET", 1, 1,
     QUESTION | REGION | NET | CLI_BIT(INPUT) | CLI_BIT(AT_MOST) | CLI_BIT(METHOD) | CLI_BIT(JSON) |
         CLI_BIT(WITNESS) | CLI_BIT(CERTIFICATE) | CLI_BIT(QUIET) | CHECKPOINTS,
     true, "prove that the Lipschitz constant is at most K, or that it is not", decide_details,
     cli_decide},
    {"check", "NET CERT", 2, 2, NET, false, "verify a certificate with lipcheck", check_details,
     cli_check},
    {"gradient", "NET", 1, 1, QUESTION | POINT | NET | CLI_BIT(JSON) | CLI_BIT(QUIET), false,
     "enclose the norm of the Jacobian at one point", gradient_details, cli_gradient},
    {"radius", "NET", 1, 1,
     POINT | NET | CLI_BIT(NORM) | CLI_BIT(LABEL) | CLI_BIT(CLIP) | CLI_BIT(PRECISION) |
         CLI_BIT(METHOD) | CLI_BIT(JSON) | CLI_BIT(QUIET),
     true, "prove how far a point is from every other class", radius_details, cli_radius},
    {"monotone", "NET", 1, 1,
     REGION | NET | CLI_BIT(OUTPUT) | CLI_BIT(MARGIN) | CLI_BIT(INPUT_INDEX) | CLI_BIT(JSON) |
         CLI_BIT(QUIET),
     true, "prove the signs of partial derivatives over a region", monotone_details, cli_monotone},
    {"sweep", "LIST", 1, 1,
     QUESTION | NET | CLI_BIT(METHOD) | CLI_BIT(OUT) | CLI_BIT(JOBS) | CLI_BIT(RETRY) |
         CLI_BIT(QUIET),
     true, "bound every instance of a list, in parallel, resumable", sweep_details, cli_sweep},
    {"plot", "RESULT", 1, 1, CLI_BIT(OUT) | CLI_BIT(SHAPE) | CLI_BIT(FIGURE) | CLI_BIT(NETWORK),
     false, "draw a result as SVG", plot_details, cli_plot},
    {"report", "RECORDS", 1, 1, CLI_BIT(OUT), false, "make an HTML page of a sweep", report_details,
     cli_report},
    {"eval", "NET", 1, 1, POINT | NET | CLI_BIT(JACOBIAN), false, "evaluate a network at one point",
     eval_details, cli_eval},
    {"info", "NET", 1, 1, NET | CLI_BIT(JSON), false, "describe a network", "", cli_info},
    {"convert", "NET OUT", 2, 2, NET, false, "write a network in the canonical format",
     convert_details, cli_convert},
    {"export", "NET OUT", 2, 2,
     QUESTION | REGION | NET | CLI_BIT(FORMAT) | CLI_BIT(PART) | CLI_BIT(PHASES) |
         CLI_BIT(RELAXATION),
     true, "write a relaxation as a file for other solvers", export_details, cli_export},
    {"methods", "", 0, 0, 0, false, "list the methods of bound", "", cli_methods},
    {"version", "", 0, 0, 0, false, "print the version and what was compiled in", "", cli_version},
    {"help", "[TOPIC]", 0, 1, CLI_BIT(MARKDOWN_SETTINGS), false, "explain the program or a topic",
     help_details, cli_help},
    {0}};

enum { COMMANDS_MAX = 32 };

lip_status cli_find_command(const char *name, const cli_command **command, lip_error *err) {
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (const cli_command *c = cli_commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            *command = c;
            return LIP_OK;
        }
        if (count < COMMANDS_MAX) names[count++] = c->name;
    }
    const char *closest = cli_closest(name, names, count);
    char hint[64] = "";
    if (closest) snprintf(hint, sizeof hint, "did you mean '%s'? ", closest);
    return cli_fail(err, LIP_ARGUMENT, NULL,
                    "unknown %s '%.100s'; %s'lipcert help' lists the subcommands",
                    name[0] == '-' ? "option" : "subcommand", name, hint);
}

static const char exit_help[] =
    "exit codes\n"
    "  0    success, also when the time limit ended the run\n"
    "  1    the command line is wrong or asks for something that the network does not have\n"
    "  2    an input file cannot be read, is malformed, or is outside what lipcert handles\n"
    "  3    out of memory, or an internal check failed (a defect of lipcert)\n"
    "  4    output cannot be written\n"
    "  5    there is no answer: 'gradient', 'monotone' or 'decide' undecided, a failure in "
    "'sweep', or "
    "nothing to write "
    "for --witness or "
    "--certificate\n"
    "  6    'check' rejected a certificate\n"
    "  7    'decide' proved that L is more than K\n"
    "  130  interrupted by Ctrl-C (SIGINT) after printing the best bounds so far\n"
    "  143  the same for SIGTERM\n";

static void print_overview(void) {
    puts("usage: lipcert SUBCOMMAND [ARGUMENTS]\n\n"
         "Certified bounds on Lipschitz constants of ReLU networks.\n\nsubcommands");
    for (const cli_command *c = cli_commands; c->name; c++) {
        int used = printf("  %s %s", c->name, c->operands);
        printf("%*s%s\n", 22 - used, "", c->summary);
    }
    puts("\nexample\n  lipcert bound net.onnx --norm inf --box 0 0.1 --output 3\n\n"
         "'lipcert SUBCOMMAND --help' lists the options of a subcommand;\n"
         "'lipcert help settings' the settings, 'lipcert help exit' the exit codes.");
}

static void print_settings(void) {
    puts("settings of 'lipcert bound', each with its default and range");
    for (const cli_setting *s = cli_settings; s->name; s++)
        printf("  --%s %s\n      %s\n      default %.10g, from %.10g to %.10g\n", s->name,
               s->is_double ? "S" : "N", s->help, s->standard, s->smallest, s->largest);
}

/* docs/settings.md is this text. */
static void print_markdown_settings(void) {
    puts("# Settings\n\n"
         "Written by `lipcert help --markdown-settings` from `include/lipcert_settings.h`.\n"
         "Option of `lipcert bound`, field of `lip_settings`, default and range:\n\n"
         "| option | field | type | default | smallest | largest | meaning |\n"
         "|---|---|---|---|---|---|---|");
    for (const cli_setting *s = cli_settings; s->name; s++)
        printf("| `--%s` | `%s` | %s | %.10g | %.10g | %.10g | %s |\n", s->name, s->field,
               s->is_double ? "double" : "int", s->standard, s->smallest, s->largest, s->help);
}

int cli_help(const cli_arguments *arguments) {
    const char *topic = arguments->noperands ? arguments->operand[0] : NULL;
    const cli_command *command;
    lip_error err = {0};
    if (arguments->given[CLI_MARKDOWN_SETTINGS]) {
        print_markdown_settings();
    } else if (!topic) {
        print_overview();
    } else if (strcmp(topic, "settings") == 0) {
        print_settings();
    } else if (strcmp(topic, "exit") == 0) {
        fputs(exit_help, stdout);
    } else if (cli_find_command(topic, &command, &err)) {
        cli_record(&err, LIP_ARGUMENT, NULL,
                   "unknown topic '%.100s'; topics are the subcommands, 'settings' and 'exit'",
                   topic);
        return cli_complain(&err);
    } else {
        cli_print_help(command, stdout);
    }
    return CLI_EXIT_SUCCESS;
}
