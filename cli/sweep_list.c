/* Lists of instances.
 *
 *   VNN-COMP      network.onnx,property.vnnlib,timeout
 *   with header   network,input,eps,norm,output,method,time        any order; all but network optional
 *                 net.onnx,0.5,0.1,inf,3,auto,10
 *
 * A column of the second kind is `network`; `input` and `eps`, with `shape` box (the default) or ball: the region;
 * `output`: K, I-J, all or all-margins; or an option of `bound` that takes one value.  An empty cell says
 * nothing: the option of the command line holds, or the default.  Whatever the list says becomes the
 * arguments of a `lipcert bound`, which explains what is wrong with them as it would to a person. */
#include "commands.h"
#include "failure.h"
#include "number.h"
#include "sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 64, ARGUMENTS = 128, NAME_SIZE = 48 };
static const size_t MOST_BYTES = (size_t)1 << 28;

/* What a column holds. */
typedef enum column_role { NETWORK, CENTRE, EPS, SHAPE, OUTPUT, OPTION } column_role;

typedef struct column {
    column_role role;
    char name[NAME_SIZE]; /* of the option */
} column;

typedef struct list_reader {
    const cli_arguments *arguments;
    cli_instances *list;
    size_t room;
    column column[CELLS];
    size_t columns;
    char *cell[CELLS]; /* of the present line */
    size_t cells, line;
    char *at;  /* what follows the present line */
    char *own; /* an argument list under construction */
    size_t used, own_room, count;
    double time;
    lip_error *err;
} list_reader;

static lip_status fail_line(list_reader *r, const char *format, const char *a, const char *b) {
    char place[48];
    snprintf(place, sizeof place, "line %zu", r->line);
    cli_record(r->err, LIP_FORMAT, place, format, a, b);
    snprintf(r->err->file, sizeof r->err->file, "%s", r->list->path);
    return LIP_FORMAT;
}

/* ---- Text -------------------------------------------------------------------------------- */

static lip_status read_all(const char *path, char **text, lip_error *err) {
    FILE *file = fopen(path, "rb");
    size_t length = 0, room = 0;
    char *bytes = NULL;
    lip_status status = LIP_OK;
    if (!file) status = cli_fail(err, LIP_IO, NULL, "cannot open the list of instances");
    while (!status) {
        if (room - length < 4096) {
            room = 2 * room + 8192;
            char *more = room <= MOST_BYTES ? realloc(bytes, room) : NULL;
            if (!more) {
                status = cli_fail_memory(err);
                break;
            }
            bytes = more;
        }
        size_t got = fread(bytes + length, 1, room - length - 1, file);
        length += got;
        if (got == 0) break;
    }
    if (!status && ferror(file)) status = cli_fail(err, LIP_IO, NULL, "cannot read the list");
    if (file) fclose(file);
    if (!status && memchr(bytes, '\0', length))
        status = cli_fail(err, LIP_FORMAT, NULL, "expected text, found a zero byte");
    if (status) {
        free(bytes);
        if (status != LIP_OUT_OF_MEMORY) snprintf(err->file, sizeof err->file, "%s", path);
        return status;
    }
    bytes[length] = '\0';
    *text = bytes;
    return LIP_OK;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* One cell from *at on, in place, without blanks around it; a quoted one may hold commas and "" for ". */
static bool take_cell(char **at, char **cell) {
    char *from = *at;
    while (blank(*from)) ++from;
    *cell = from;
    if (*from == '"') {
        char *to = *cell = ++from;
        for (; *from && *from != '\n' && (*from != '"' || from[1] == '"'); ++from) {
            if (*from == '"') ++from;
            *to++ = *from;
        }
        if (*from != '"') return false;
        ++from;
        while (blank(*from)) ++from;
        *at = from;
        *to = '\0';
        return *from == ',' || *from == '\n' || *from == '\0';
    }
    from += strcspn(from, ",\n");
    *at = from;
    return true;
}

/* Cut an unquoted cell at its end; the character there has been looked at. */
static void close_cell(char *cell, char *end) {
    if (end < cell || *cell == '\0') return;
    if (memchr(cell, '\0', (size_t)(end - cell))) return; /* a quoted one: closed */
    while (end > cell && blank(end[-1])) --end;
    *end = '\0';
}

/* The next line that says something; false at the end of the list. */
static lip_status next_line(list_reader *r, bool *more) {
    for (;;) {
        *more = *r->at != '\0';
        if (!*more) return LIP_OK;
        ++r->line;
        char *first = r->at;
        while (blank(*first)) ++first;
        bool nothing = *first == '\n' || *first == '\0' || *first == '#';
        if (!nothing) break;
        r->at += strcspn(r->at, "\n");
        if (*r->at) ++r->at;
    }
    for (r->cells = 0;;) {
        if (r->cells == CELLS) return fail_line(r, "expected at most 64 cells%s%s", "", "");
        char *cell;
        if (!take_cell(&r->at, &cell))
            return fail_line(r, "expected a closing quote and then a comma%s%s", "", "");
        char end = *r->at;
        close_cell(cell, r->at);
        r->cell[r->cells++] = cell;
        if (end) ++r->at;
        if (end != ',') return LIP_OK;
    }
}

/* ---- Columns ----------------------------------------------------------------------------- */

static const cli_command *bound_command(void) {
    const cli_command *command = NULL;
    lip_error err;
    (void)cli_find_command("bound", &command, &err);
    return command;
}

/* Options of `bound` that a list may not set: files that it writes, and what it prints. */
static bool excluded(size_t id) {
    static const cli_option_id ids[] = {CLI_JSON, CLI_WITNESS, CLI_CERTIFICATE, CLI_INPUT};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; ++i)
        if (id == (size_t)ids[i]) return true;
    return cli_options[id].values != 1;
}

static bool is_option(const char *name) {
    const cli_command *bound = bound_command();
    for (size_t id = 0; id < CLI_OPTION_COUNT; ++id)
        if ((bound->options >> id & 1) != 0 && !excluded(id) && !strcmp(cli_options[id].name, name))
            return true;
    for (const cli_setting *s = cli_settings; s->name; ++s)
        if (strcmp(s->name, name) == 0) return true;
    return false;
}

static bool role_of(const char *cell, column *c) {
    static const struct {
        const char *name;
        column_role role;
        const char *option;
    } known[] = {{"network", NETWORK, ""}, {"onnx", NETWORK, ""},      {"input", CENTRE, ""},
                 {"eps", EPS, ""},         {"epsilon", EPS, ""},       {"shape", SHAPE, ""},
                 {"output", OUTPUT, ""},   {"timeout", OPTION, "time"}};
    char name[NAME_SIZE];
    size_t length = strlen(cell);
    if (length >= sizeof name) return false;
    for (size_t i = 0; i <= length; ++i) {
        name[i] = cell[i] >= 'A' && cell[i] <= 'Z' ? (char)(cell[i] - 'A' + 'a') : cell[i];
        if (name[i] == '_') name[i] = '-';
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i)
        if (strcmp(name, known[i].name) == 0) {
            c->role = known[i].role;
            snprintf(c->name, sizeof c->name, "%s", known[i].option);
            return true;
        }
    c->role = OPTION;
    snprintf(c->name, sizeof c->name, "%s", name);
    return is_option(name);
}

static lip_status read_header(list_reader *r) {
    bool network = false;
    for (size_t k = 0; k < r->cells; ++k) {
        if (!role_of(r->cell[k], &r->column[k]))
            return fail_line(r,
                             "expected network, input, eps, shape, output or an option of bound, "
                             "found the column '%.100s'%s",
                             r->cell[k], "");
        for (size_t j = 0; j < k; ++j)
            if (r->column[j].role == r->column[k].role &&
                !strcmp(r->column[j].name, r->column[k].name))
                return fail_line(r, "found the column '%.100s' twice%s", r->cell[k], "");
        network = network || r->column[k].role == NETWORK;
    }
    if (!network) return fail_line(r, "expected a column 'network'%s%s", "", "");
    r->columns = r->cells;
    return LIP_OK;
}

static void vnncomp_columns(list_reader *r) {
    r->column[0] = (column){NETWORK, ""};
    r->column[1] = (column){OPTION, "vnnlib"};
    r->column[2] = (column){OPTION, "time"};
    r->columns = 3;
}

/* Three cells of which the last is a number: VNN-COMP.  Else a header. */
static lip_status read_columns(list_reader *r, bool *header) {
    column c;
    *header = !(r->cells == 3 && cli_is_number(r->cell[2]) && !role_of(r->cell[2], &c));
    if (*header) return read_header(r);
    vnncomp_columns(r);
    return LIP_OK;
}

/* ---- Arguments --------------------------------------------------------------------------- */

/* Append one argument; `prefix` comes before it without a blank. */
static lip_status add(list_reader *r, const char *prefix, const char *text) {
    size_t length = strlen(prefix) + strlen(text) + 1;
    if (r->own_room - r->used < length) {
        size_t room = 2 * r->own_room + length + 256;
        char *more = realloc(r->own, room);
        if (!more) return cli_fail_memory(r->err);
        r->own = more;
        r->own_room = room;
    }
    snprintf(r->own + r->used, length, "%s%s", prefix, text);
    r->used += length;
    ++r->count;
    return LIP_OK;
}

static lip_status add_option(list_reader *r, const char *name, const char *value) {
    lip_status status = add(r, "--", name);
    return status ? status : add(r, "", value);
}

/* The cell of a role (and option), or "". */
static const char *cell_of(const list_reader *r, column_role role, const char *name) {
    for (size_t k = 0; k < r->columns && k < r->cells; ++k)
        if (r->column[k].role == role && strcmp(r->column[k].name, name) == 0) return r->cell[k];
    return "";
}

static lip_status add_region(list_reader *r) {
    const char *centre = cell_of(r, CENTRE, ""), *eps = cell_of(r, EPS, "");
    const char *shape = cell_of(r, SHAPE, "");
    bool box = *shape == '\0' || strcmp(shape, "box") == 0;
    if (!box && strcmp(shape, "ball") != 0)
        return fail_line(r, "expected the shape box or ball, found '%.100s'%s", shape, "");
    if (*centre == '\0' && *eps == '\0') return LIP_OK;
    if (*centre == '\0' || *eps == '\0')
        return fail_line(r, "expected input and eps together, found only %s%s",
                         *eps ? "eps" : "input", "");
    lip_status status = add(r, "--", box ? "box" : "ball");
    if (!status) status = add(r, "", centre);
    return status ? status : add(r, "", eps);
}

/* K, I-J, all, all-margins; without a cell what the command line says. */
static lip_status add_output(list_reader *r) {
    const char *cell = cell_of(r, OUTPUT, ""), *dash = strchr(cell, '-');
    char pair[64];
    if (*cell == '\0' && *cell_of(r, OPTION, "margin")) return LIP_OK;
    if (*cell == '\0') {
        static const cli_option_id ids[] = {CLI_OUTPUT, CLI_MARGIN, CLI_ALL};
        for (size_t i = 0; i < 3; ++i) {
            const char *value = r->arguments->value[ids[i]][0], *name = cli_options[ids[i]].name;
            if (r->arguments->given[ids[i]])
                return value ? add_option(r, name, value) : add(r, "--", name);
        }
        return LIP_OK;
    }
    if (strcmp(cell, "all") == 0 || strcmp(cell, "all-margins") == 0) return add(r, "--", cell);
    if (!dash || dash == cell) return add_option(r, "output", cell);
    snprintf(pair, sizeof pair, "%.*s,%s", (int)(dash - cell), cell, dash + 1);
    return add_option(r, "margin", pair);
}

/* Options of the command line for which the list has no cell. */
static lip_status add_defaults(list_reader *r) {
    static const cli_option_id ids[] = {CLI_NORM, CLI_OUT_NORM, CLI_METHOD};
    const cli_arguments *given = r->arguments;
    lip_status status = LIP_OK;
    for (size_t i = 0; !status && i < sizeof ids / sizeof ids[0]; ++i) {
        const char *name = cli_options[ids[i]].name;
        if (given->given[ids[i]] && !*cell_of(r, OPTION, name))
            status = add_option(r, name, given->value[ids[i]][0]);
    }
    if (!status && given->given[CLI_NNET_NORMALISE]) status = add(r, "--", "nnet-normalise");
    for (const cli_setting *s = cli_settings; !status && s->name; ++s) {
        char value[64];
        double own = cli_setting_value(&given->settings, s);
        if (own == s->standard || *cell_of(r, OPTION, s->name)) continue;
        snprintf(value, sizeof value, "%.17g", own);
        if (strcmp(s->name, "time") != 0) status = add_option(r, s->name, value);
    }
    return status;
}

/* The limit of the list, but not more than that of the command line, if it has one. */
static lip_status add_time(list_reader *r) {
    const char *cell = cell_of(r, OPTION, "time");
    double own = r->arguments->settings.time_limit;
    char value[64];
    r->time = own;
    if (*cell) {
        char place[48];
        snprintf(place, sizeof place, "line %zu", r->line);
        if (cli_parse_double(cell, place, &r->time, r->err) || r->time < 0 || r->time > 1e9)
            return fail_line(r, "expected a time in seconds, found '%.100s'%s", cell, "");
        if (r->arguments->time_given) r->time = fmin(r->time, own);
    }
    if (!*cell && !r->arguments->time_given) return LIP_OK;
    snprintf(value, sizeof value, "%.17g", r->time);
    return add_option(r, "time", value);
}

static lip_status add_arguments(list_reader *r) {
    const char *network = cell_of(r, NETWORK, "");
    r->used = r->count = 0;
    if (*network == '\0') return fail_line(r, "expected the name of a network%s%s", "", "");
    if (r->cells > r->columns)
        return fail_line(r, "expected no more cells than columns, found '%.100s'%s",
                         r->cell[r->columns], "");
    lip_status status = add(r, "", network);
    if (!status) status = add_region(r);
    for (size_t k = 0; !status && k < r->cells; ++k)
        if (r->column[k].role == OPTION && *r->cell[k] && strcmp(r->column[k].name, "time") != 0)
            status = add_option(r, r->column[k].name, r->cell[k]);
    if (!status) status = add_output(r);
    if (!status) status = add_defaults(r);
    return status ? status : add_time(r);
}

/* ---- Instances --------------------------------------------------------------------------- */

static lip_status keep_instance(list_reader *r) {
    cli_instances *list = r->list;
    if (list->count == r->room) {
        size_t room = 2 * r->room + 64;
        cli_instance *more =
            room <= SIZE_MAX / sizeof *more ? realloc(list->item, room * sizeof *more) : NULL;
        if (!more) return cli_fail_memory(r->err);
        list->item = more;
        r->room = room;
    }
    cli_instance *item = &list->item[list->count];
    *item = (cli_instance){.line = r->line, .count = r->count, .time = r->time};
    item->text = cli_alloc(r->used, 1);
    item->key = cli_alloc(r->used, 1);
    item->argument = cli_alloc(r->count, sizeof *item->argument);
    ++list->count; /* from here on cli_instances_free frees it */
    if (!item->text || !item->key || !item->argument) return cli_fail_memory(r->err);
    memcpy(item->text, r->own, r->used);
    char *from = item->text;
    for (size_t i = 0; i < r->count; ++i, from += strlen(from) + 1) item->argument[i] = from;
    memcpy(item->key, r->own, r->used);
    for (size_t i = 0; i + 1 < r->used; ++i)
        if (item->key[i] == '\0') item->key[i] = '\n';
    return LIP_OK;
}

static void clear_instance(cli_instance *item) {
    free(item->text);
    free(item->key);
    free(item->argument);
}

void cli_instances_free(cli_instances *list) {
    for (size_t i = 0; i < list->count; ++i) clear_instance(&list->item[i]);
    free(list->item);
    free(list->by_key);
    free(list->path);
    free(list->folder);
    memset(list, 0, sizeof *list);
}

static int compare(const void *a, const void *b) {
    const cli_keyed *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static cli_keyed *sort_keys(const cli_instances *list) {
    cli_keyed *sorted = cli_alloc(list->count, sizeof *sorted);
    for (size_t i = 0; sorted && i < list->count; ++i)
        sorted[i] = (cli_keyed){list->item[i].key, i};
    if (sorted) qsort(sorted, list->count, sizeof *sorted, compare);
    return sorted;
}

/* Sort by key, and drop instances that repeat an earlier one. */
static lip_status index_keys(cli_instances *list, lip_error *err) {
    cli_keyed *sorted = sort_keys(list);
    if (!sorted) return cli_fail_memory(err);
    for (size_t i = 1, first = 0; i < list->count; ++i) {
        if (strcmp(sorted[first].key, sorted[i].key) != 0)
            first = i;
        else
            list->item[sorted[i].index].count = 0;
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; ++i) {
        if (list->item[i].count)
            list->item[kept++] = list->item[i];
        else
            clear_instance(&list->item[i]);
    }
    list->repeated = list->count - kept;
    list->count = kept;
    list->by_key = sort_keys(list);
    return list->by_key ? LIP_OK : cli_fail_memory(err);
}

cli_instance *cli_find_instance(const cli_instances *list, const char *key) {
    size_t lo = 0, hi = list->count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        int order = strcmp(key, list->by_key[middle].key);
        if (order == 0) return &list->item[list->by_key[middle].index];
        if (order < 0)
            hi = middle;
        else
            lo = middle + 1;
    }
    return NULL;
}

bool cli_instance_key(const json_t *arguments, char **key) {
    size_t count = json_array_size(arguments), length = 1;
    *key = NULL;
    for (size_t i = 0; i < count; ++i) {
        const char *text = json_string_value(json_array_get(arguments, i));
        if (!text) return true;
        length += strlen(text) + 1;
    }
    if (count == 0) return true;
    *key = cli_alloc(length, 1);
    for (size_t i = 0, used = 0; *key && i < count; ++i)
        used += (size_t)snprintf(*key + used, length - used, "%s%s", i ? "\n" : "",
                                 json_string_value(json_array_get(arguments, i)));
    return *key != NULL;
}

/* ---- The list ---------------------------------------------------------------------------- */

static lip_status set_names(const char *path, cli_instances *list, lip_error *err) {
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 2;
    list->path = cli_alloc(strlen(path) + 1, 1);
    list->folder = cli_alloc(length + 1, 1);
    if (!list->path || !list->folder) return cli_fail_memory(err);
    memcpy(list->path, path, strlen(path));
    memcpy(list->folder, slash ? path : "./", length);
    return LIP_OK;
}

static lip_status read_lines(list_reader *r) {
    bool more, header = false;
    lip_status status = next_line(r, &more);
    if (!status && !more)
        return fail_line(r, "expected instances, found an empty list%s%s", "", "");
    if (!status) status = read_columns(r, &header);
    if (!status && header) status = next_line(r, &more);
    while (!status && more) {
        status = add_arguments(r);
        if (!status) status = keep_instance(r);
        if (!status) status = next_line(r, &more);
    }
    if (!status && r->list->count == 0)
        status = fail_line(r, "expected instances below the header%s%s", "", "");
    return status;
}

lip_status cli_load_instances(const cli_arguments *arguments, cli_instances *list, lip_error *err) {
    list_reader r = {.arguments = arguments, .list = list, .err = err};
    char *text = NULL;
    memset(list, 0, sizeof *list);
    lip_status status = set_names(arguments->operand[0], list, err);
    if (!status) status = read_all(list->path, &text, err);
    r.at = text;
    if (!status) status = read_lines(&r);
    if (!status) status = index_keys(list, err);
    free(text);
    free(r.own);
    if (status) cli_instances_free(list);
    return status;
}
