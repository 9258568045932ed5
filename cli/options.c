/* Parsing the command line from the tables in options.h and lipcert_settings.h.
 *
 * Rules: an option takes a fixed number of values and may be given once; a value may start with one
 * minus sign (a negative number) but not with two, so that a forgotten value is noticed; nothing is
 * abbreviated.  An unknown word is answered with the most similar known one. */
#include "options.h"

#include "failure.h"
#include "number.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define OPTION_ROW(id, name, values, metavar, help) {name, values, metavar, help},
const cli_option cli_options[CLI_OPTION_COUNT] = {CLI_OPTIONS(OPTION_ROW)};
_Static_assert(CLI_OPTION_COUNT <= 64, "cli_command.options has one bit per option");

#define SETTING_ROW(type, field, name, standard, smallest, largest, help)                          \
    {#field,   name,     help,   sizeof(#type) == sizeof("double"), offsetof(lip_settings, field), \
     standard, smallest, largest},
const cli_setting cli_settings[] = {LIP_SETTINGS(SETTING_ROW){0}};

double cli_setting_value(const lip_settings *settings, const cli_setting *setting) {
    const char *field = (const char *)settings + setting->offset;
    if (setting->is_double) {
        double value;
        memcpy(&value, field, sizeof value);
        return value;
    }
    int value;
    memcpy(&value, field, sizeof value);
    return value;
}

const char *cli_place(cli_option_id id, char *place, size_t size) {
    snprintf(place, size, "option --%s", cli_options[id].name);
    return place;
}

/* ---- Similar words ----------------------------------------------------------------------- */

enum { WORD_MAX = 32 };

/* Levenshtein distance of two short words; WORD_MAX if one is too long to matter. */
static size_t edit_distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), row[WORD_MAX + 1];
    if (na > WORD_MAX || nb > WORD_MAX) return WORD_MAX;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *cli_closest(const char *text, const char *const *names, size_t count) {
    const char *closest = NULL;
    size_t least = strlen(text) / 3 + 2; /* at least one more than the largest distance accepted */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(text, names[i]);
        if (distance < least && distance < strlen(names[i])) {
            least = distance;
            closest = names[i];
        }
    }
    return closest;
}

/* ---- Finding an option ------------------------------------------------------------------- */

/* An option found by name: one of the table, or a setting. */
typedef struct found_option {
    int id;                     /* -1 for a setting */
    const cli_setting *setting; /* NULL for an option of the table */
    int values;
} found_option;

static bool takes(const cli_command *command, int id) {
    return id == CLI_HELP || (command->options >> id & 1) != 0;
}

static bool find_option(const cli_command *command, const char *name, size_t length,
                        found_option *found) {
    for (int id = 0; id < CLI_OPTION_COUNT; id++)
        if (takes(command, id) && strlen(cli_options[id].name) == length &&
            memcmp(cli_options[id].name, name, length) == 0) {
            *found = (found_option){id, NULL, cli_options[id].values};
            return true;
        }
    for (const cli_setting *s = cli_settings; command->settings && s->name; s++)
        if (strlen(s->name) == length && memcmp(s->name, name, length) == 0) {
            *found = (found_option){-1, s, 1};
            return true;
        }
    return false;
}

enum { NAMES_MAX = CLI_OPTION_COUNT + 64 };

static lip_status fail_unknown(const cli_command *command, const char *word, size_t length,
                               lip_error *err) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (int id = 0; id < CLI_OPTION_COUNT; id++)
        if (takes(command, id)) names[count++] = cli_options[id].name;
    for (const cli_setting *s = cli_settings; command->settings && s->name; s++)
        if (count < NAMES_MAX) names[count++] = s->name;

    char name[WORD_MAX + 1];
    size_t dashes = strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)(length - dashes), word + dashes);
    const char *closest = cli_closest(name, names, count);
    char hint[64] = "";
    if (closest) snprintf(hint, sizeof hint, "did you mean --%s? ", closest);
    return cli_fail(err, LIP_ARGUMENT, NULL,
                    "unknown option '%.*s'; %s'lipcert %s --help' lists them",
                    length < 100 ? (int)length : 100, word, hint, command->name);
}

/* ---- Values ------------------------------------------------------------------------------ */

static lip_status store_setting(const cli_setting *setting, const char *text,
                                lip_settings *settings, lip_error *err) {
    char place[48];
    snprintf(place, sizeof place, "option --%s", setting->name);
    double value;
    long long integer = 0;
    lip_status status = setting->is_double ? cli_parse_double(text, place, &value, err)
                                           : cli_parse_integer(text, place, &integer, err);
    if (status) return status;
    if (!setting->is_double) value = (double)integer;
    if (!(value >= setting->smallest && value <= setting->largest))
        return cli_fail(err, LIP_ARGUMENT, place, "expected a number from %.10g to %.10g, found %s",
                        setting->smallest, setting->largest, text);
    char *field = (char *)settings + setting->offset;
    if (setting->is_double) {
        memcpy(field, &value, sizeof value);
    } else {
        int small = (int)integer;
        memcpy(field, &small, sizeof small);
    }
    return LIP_OK;
}

static const char *count_text(int values) {
    return values == 0 ? "no value" : values == 1 ? "one value" : "two values";
}

/* Collect the values of the option argv[*at], from "=value" or the words after it, and move *at to
 * the last word used. */
static lip_status take_values(int argc, char **argv, int *at, int values, const char *place,
                              const char **value, lip_error *err) {
    const char *equals = strchr(argv[*at], '=');
    if (equals) {
        if (values != 1)
            return cli_fail(err, LIP_ARGUMENT, place, "takes %s%s, found '%.60s'",
                            count_text(values), values ? " separated by blanks" : "", argv[*at]);
        value[0] = equals + 1;
        return LIP_OK;
    }
    for (int i = 0; i < values; i++) {
        const char *word = *at + 1 < argc ? argv[*at + 1] : NULL;
        if (!word || strncmp(word, "--", 2) == 0)
            return cli_fail(err, LIP_ARGUMENT, place, "needs %s, found %s%.60s%s",
                            count_text(values), word ? "'" : "the end of the command line",
                            word ? word : "", word ? "'" : "");
        value[i] = word;
        ++*at;
    }
    return LIP_OK;
}

/* Store the option at argv[*at]. */
static lip_status parse_option(int argc, char **argv, int *at, bool *setting_given,
                               cli_arguments *arguments, lip_error *err) {
    const char *word = argv[*at];
    size_t length = strcspn(word, "=");
    found_option found;
    bool dashes = strncmp(word, "--", 2) == 0;
    if (!dashes || !find_option(arguments->command, word + 2, length - 2, &found))
        return fail_unknown(arguments->command, word, length, err);

    char place[48];
    snprintf(place, sizeof place, "option --%.*s", (int)(length - 2), word + 2);
    bool *given =
        found.setting ? &setting_given[found.setting - cli_settings] : &arguments->given[found.id];
    if (*given) return cli_fail(err, LIP_ARGUMENT, place, "given twice");
    *given = true;
    if (found.setting && strcmp(found.setting->name, "time") == 0) arguments->time_given = true;

    const char *value[2] = {NULL, NULL};
    lip_status status = take_values(argc, argv, at, found.values, place, value, err);
    if (status) return status;
    if (found.setting) return store_setting(found.setting, value[0], &arguments->settings, err);
    memcpy(arguments->value[found.id], value, sizeof value);
    return LIP_OK;
}

/* "-o FILE" is "--out FILE" in subcommands with one output. */
static lip_status parse_out(int argc, char **argv, int *at, bool *setting_given,
                            cli_arguments *arguments, lip_error *err) {
    char name[] = "--out", **word = &argv[*at], *typed = *word;
    *word = name;
    lip_status status = parse_option(argc, argv, at, setting_given, arguments, err);
    *word = typed;
    return status;
}

static lip_status add_operand(const char *word, cli_arguments *arguments, lip_error *err) {
    const cli_command *command = arguments->command;
    if (arguments->noperands == command->most)
        return cli_fail(err, LIP_ARGUMENT, NULL,
                        "unexpected argument '%.100s'; the form is 'lipcert %s%s%s'", word,
                        command->name, command->most ? " " : "", command->operands);
    arguments->operand[arguments->noperands++] = word;
    return LIP_OK;
}

lip_status cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *arguments,
                     lip_error *err) {
    bool setting_given[sizeof cli_settings / sizeof cli_settings[0]] = {false};
    memset(arguments, 0, sizeof *arguments);
    arguments->command = command;
    lip_settings_default(&arguments->settings);

    bool options = true;
    for (int at = 0; at < argc; at++) {
        const char *word = argv[at];
        lip_status status;
        if (options && strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if (options && strcmp(word, "-h") == 0) {
            arguments->given[CLI_HELP] = true;
            return LIP_OK;
        }
        if (options && strcmp(word, "-o") == 0 && takes(command, CLI_OUT))
            status = parse_out(argc, argv, &at, setting_given, arguments, err);
        else if (options && word[0] == '-' && word[1] != '\0')
            status = parse_option(argc, argv, &at, setting_given, arguments, err);
        else
            status = add_operand(word, arguments, err);
        if (status) return status;
        if (arguments->given[CLI_HELP]) return LIP_OK;
    }
    if (arguments->noperands < command->fewest)
        return cli_fail(err, LIP_ARGUMENT, NULL, "missing argument; the form is 'lipcert %s %s'",
                        command->name, command->operands);
    return LIP_OK;
}

lip_status cli_refuse_both(const cli_arguments *arguments, const cli_option_id *ids, size_t count,
                           lip_error *err) {
    const cli_option *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!arguments->given[ids[i]]) continue;
        if (first)
            return cli_fail(err, LIP_ARGUMENT, CLI_PLACE(ids[i]), "cannot be combined with --%s",
                            first->name);
        first = &cli_options[ids[i]];
    }
    return LIP_OK;
}

/* ---- Help -------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 26 };

static void print_option(FILE *file, const char *name, const char *metavar, const char *help) {
    int used = fprintf(file, "  --%s%s%s", name, *metavar ? " " : "", metavar);
    if (used + 1 >= HELP_COLUMN)
        fprintf(file, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(file, "%*s", HELP_COLUMN - used, "");
    fprintf(file, "%s\n", help);
}

static void print_setting(FILE *file, const cli_setting *setting) {
    char help[400];
    snprintf(help, sizeof help, "%s (default %.10g)", setting->help, setting->standard);
    print_option(file, setting->name, setting->is_double ? "S" : "N", help);
}

void cli_print_help(const cli_command *command, FILE *file) {
    fprintf(file, "usage: lipcert %s%s%s [OPTIONS]\n\n%c%s.\n", command->name,
            *command->operands ? " " : "", command->operands, toupper(command->summary[0]),
            command->summary + 1);
    if (*command->details) fprintf(file, "\n%s", command->details);
    fputs("\noptions\n", file);
    for (int id = 0; id < CLI_OPTION_COUNT; id++)
        if (takes(command, id))
            print_option(file, cli_options[id].name, cli_options[id].metavar, cli_options[id].help);
    if (!command->settings) return;
    fputs("\nsettings\n", file);
    for (const cli_setting *s = cli_settings; s->name; s++) print_setting(file, s);
}
