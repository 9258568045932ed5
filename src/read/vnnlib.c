/* The input box of a VNN-LIB 1.0 property (Demarchi et al.; SMT-LIB syntax):
 *
 *     (declare-const X_0 Real)                 inputs X_0 .. X_{n-1}, outputs Y_0 ..
 *     (assert (<= X_0 0.5))                    a bound; also >= < > =, either order
 *     (assert (and (>= X_0 -1) (<= X_0 1)))
 *     (assert (or (and ...) (and ...)))        inputs must have the same bounds in every branch
 *     (assert (<= Y_0 Y_1))                    anything without X: parsed, then ignored
 *
 * The text becomes a tree, an array of nodes in the order of their opening, so that the subtree of node
 * i is i .. node[i].end - 1.  Bounds are decimals: a lower bound is rounded down and an upper bound up,
 * so the box of doubles contains the property's.  < and > are taken as <= and >=.  What would be more
 * than a box (arithmetic on X, X against X or Y, several boxes) is refused, never approximated. */
#include "base/error.h"
#include "base/memory.h"
#include "read/file.h"
#include "read/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 64

typedef struct node {
    const char *text; /* an atom; NULL for a list */
    size_t length;
    size_t line;
    size_t end; /* index behind the subtree */
} node;

typedef struct property {
    node *node;
    size_t count, capacity;
    size_t n;
    bool *has_x; /* n: declared? */
    bool *has_y; /* outputs declared, grown on demand */
    size_t ys;
    lip_error *err;
} property;

typedef struct box {
    double *lo, *hi;
} box;

/* ---- Text to tree ------------------------------------------------------------------------ */

static lip_status add_node(property *p, const char *text, size_t length, size_t line) {
    if (!lip_grow((void **)&p->node, &p->capacity, p->count + 1, sizeof *p->node))
        return lip_fail_memory(p->err);
    p->node[p->count] = (node){text, length, line, p->count + 1};
    ++p->count;
    return LIP_OK;
}

static bool is_delimiter(char c) {
    return c == '(' || c == ')' || c == ';' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Parse everything.  open[] holds the lists that are not closed yet. */
static lip_status parse(property *p, const char *text, size_t size) {
    size_t open[DEEPEST], depth = 0, line = 1, i = 0;
    lip_status status = LIP_OK;
    while (status == LIP_OK && i < size) {
        char c = text[i];
        if (c == ';') {
            while (i < size && text[i] != '\n') ++i;
        } else if (c == '(') {
            if (depth == DEEPEST)
                return lip_fail_line(p->err, LIP_UNSUPPORTED, line,
                                     "expected at most %d nested parentheses, found more", DEEPEST);
            open[depth++] = p->count;
            status = add_node(p, NULL, 0, line);
            ++i;
        } else if (c == ')') {
            if (depth == 0)
                return lip_fail_line(p->err, LIP_FORMAT, line, "found ')' without its '('");
            p->node[open[--depth]].end = p->count;
            ++i;
        } else if (is_delimiter(c)) {
            if (c == '\n') ++line;
            ++i;
        } else {
            size_t start = i;
            while (i < size && !is_delimiter(text[i])) ++i;
            status = add_node(p, text + start, i - start, line);
        }
    }
    if (status == LIP_OK && depth > 0)
        return lip_fail_line(p->err, LIP_FORMAT, p->node[open[depth - 1]].line,
                             "expected ')' for this '(', found the end of the file");
    return status;
}

/* ---- Looking at the tree ----------------------------------------------------------------- */

static bool is_atom(const property *p, size_t i, const char *word) {
    const node *a = &p->node[i];
    return a->text && a->length == strlen(word) && memcmp(a->text, word, a->length) == 0;
}

static bool is_list(const property *p, size_t i) { return p->node[i].text == NULL; }

/* The first child of a list, or its end if it has none; then from child to child by node[].end. */
static bool has_child(const property *p, size_t list, size_t child) {
    return child < p->node[list].end;
}

static size_t children(const property *p, size_t list) {
    size_t count = 0;
    for (size_t c = list + 1; has_child(p, list, c); c = p->node[c].end) ++count;
    return count;
}

/* The operator of a list: its first child if that is an atom. */
static bool is_call(const property *p, size_t i, const char *op) {
    return is_list(p, i) && has_child(p, i, i + 1) && is_atom(p, i + 1, op);
}

/* True for X_3 or Y_3 with the given letter; *index becomes 3. */
static bool is_variable(const node *a, char letter, size_t *index) {
    if (!a->text || a->length < 3 || a->text[0] != letter || a->text[1] != '_') return false;
    if (a->text[2] == '0' && a->length > 3) return false;
    return lip_parse_count(a->text + 2, a->length - 2, index);
}

static bool mentions(const property *p, size_t i, char letter) {
    size_t index;
    for (size_t k = i; k < p->node[i].end; ++k)
        if (is_variable(&p->node[k], letter, &index)) return true;
    return false;
}

static lip_status refuse(const property *p, size_t i, lip_status status, const char *expected) {
    char quoted[LIP_QUOTE_SIZE];
    const node *a = &p->node[i];
    if (a->text)
        return lip_fail_line(p->err, status, a->line, "expected %s, found %s", expected,
                             lip_quote(quoted, a->text, a->length));
    if (!has_child(p, i, i + 1))
        return lip_fail_line(p->err, status, a->line, "expected %s, found ()", expected);
    const node *head = &p->node[i + 1];
    return lip_fail_line(p->err, status, a->line, "expected %s, found the expression (%.40s ...)",
                         expected, head->text ? lip_quote(quoted, head->text, head->length) : "(");
}

/* ---- Declarations ------------------------------------------------------------------------ */

static lip_status declare_output(property *p, size_t index, size_t line) {
    /* outputs are few: an index beyond the number of nodes skips some, which is an error anyway */
    if (index >= p->count)
        return lip_fail_line(p->err, LIP_FORMAT, line,
                             "expected outputs Y_0, Y_1, ..., found Y_%zu", index);
    if (index >= p->ys) {
        size_t capacity = p->ys;
        if (!lip_grow((void **)&p->has_y, &capacity, index + 1, sizeof *p->has_y))
            return lip_fail_memory(p->err);
        memset(p->has_y + p->ys, 0, (capacity - p->ys) * sizeof *p->has_y);
        p->ys = capacity;
    }
    p->has_y[index] = true;
    return LIP_OK;
}

static lip_status declare(property *p, size_t i) {
    size_t index, name = i + 2;
    bool function = is_call(p, i, "declare-fun");
    if (children(p, i) != (function ? 4U : 3U))
        return refuse(p, i, LIP_FORMAT, "a declaration (declare-const NAME Real)");
    const node *variable = &p->node[name];
    size_t type = variable->end;
    if (function) {
        if (!is_list(p, type) || children(p, type) != 0)
            return refuse(p, type, LIP_UNSUPPORTED, "() in a declaration");
        type = p->node[type].end;
    }
    if (!is_atom(p, type, "Real")) return refuse(p, type, LIP_UNSUPPORTED, "the type Real");
    if (is_variable(variable, 'Y', &index)) return declare_output(p, index, variable->line);
    if (!is_variable(variable, 'X', &index))
        return refuse(p, name, LIP_UNSUPPORTED, "an input X_i or an output Y_j");
    if (index >= p->n)
        return lip_fail_line(p->err, LIP_ARGUMENT, variable->line,
                             "expected inputs X_0 to X_%zu of the network, found X_%zu", p->n - 1,
                             index);
    if (p->has_x[index])
        return lip_fail_line(p->err, LIP_FORMAT, variable->line, "X_%zu is declared twice", index);
    p->has_x[index] = true;
    return LIP_OK;
}

/* Every atom below i that is not an operator must be a number or declared. */
static lip_status check_names(const property *p, size_t i) {
    for (size_t k = i; k < p->node[i].end; ++k) {
        size_t index;
        double number;
        const node *a = &p->node[k];
        bool first_child = k > 0 && is_list(p, k - 1); /* the first child of a list */
        if (!a->text || first_child || lip_parse_decimal(a->text, a->length, &number)) continue;
        if (is_variable(a, 'X', &index) && index < p->n && p->has_x[index]) continue;
        if (is_variable(a, 'Y', &index) && index < p->ys && p->has_y[index]) continue;
        return refuse(p, k, LIP_FORMAT, "a number or a declared variable");
    }
    return LIP_OK;
}

/* ---- Bounds ------------------------------------------------------------------------------ */

/* A number, or (- number); enclosed.  False if it is anything else. */
static bool constant(const property *p, size_t i, double *down, double *up) {
    if (!is_list(p, i)) return lip_enclose_decimal(p->node[i].text, p->node[i].length, down, up);
    double low, high;
    if (!is_call(p, i, "-") || children(p, i) != 2 || !constant(p, i + 2, &low, &high))
        return false;
    *down = high == 0 ? 0 : -high;
    *up = low == 0 ? 0 : -low;
    return true;
}

static lip_status bound(const property *p, size_t i, box *b) {
    static const char shape[] = "a bound such as (<= X_0 0.5), because regions are boxes";
    bool equal = is_call(p, i, "="), less = is_call(p, i, "<=") || is_call(p, i, "<");
    if (children(p, i) != 3) return refuse(p, i, LIP_FORMAT, "a comparison of two terms");
    size_t left = i + 2, right = p->node[left].end, x;
    if (!is_variable(&p->node[left], 'X', &x)) {
        size_t other = left;
        left = right;
        right = other;
        less = !less;
    }
    if (!is_variable(&p->node[left], 'X', &x))
        return refuse(p, is_list(p, left) ? left : right, LIP_UNSUPPORTED, shape);
    double down, up;
    if (!constant(p, right, &down, &up)) return refuse(p, right, LIP_UNSUPPORTED, shape);
    if ((less || equal) && up < b->hi[x]) b->hi[x] = up;
    if ((!less || equal) && down > b->lo[x]) b->lo[x] = down;
    return LIP_OK;
}

static lip_status formula(const property *p, size_t i, box *b);

static void unbounded(const property *p, box *b) {
    for (size_t i = 0; i < p->n; ++i) {
        b->lo[i] = -INFINITY;
        b->hi[i] = INFINITY;
    }
}

static bool same_box(const property *p, const box *a, const box *b) {
    for (size_t i = 0; i < p->n; ++i)
        if (a->lo[i] != b->lo[i] || a->hi[i] != b->hi[i]) return false;
    return true;
}

/* The bounds of all branches, if they are the same.  scratch: the first branch, the current one. */
static lip_status common_box(const property *p, size_t i, box *first, box *branch, box *b) {
    for (size_t c = p->node[i + 1].end; has_child(p, i, c); c = p->node[c].end) {
        box *target = c == p->node[i + 1].end ? first : branch;
        unbounded(p, target);
        lip_status status = formula(p, c, target);
        if (status != LIP_OK) return status;
        if (target == branch && !same_box(p, first, branch))
            return lip_fail_line(p->err, LIP_UNSUPPORTED, p->node[i].line,
                                 "expected one box, found an 'or' whose branches bound the inputs "
                                 "differently: split the property into one file per branch");
    }
    for (size_t k = 0; k < p->n; ++k) {
        if (first->lo[k] > b->lo[k]) b->lo[k] = first->lo[k];
        if (first->hi[k] < b->hi[k]) b->hi[k] = first->hi[k];
    }
    return LIP_OK;
}

static lip_status disjunction(const property *p, size_t i, box *b) {
    size_t branches = children(p, i) - 1;
    if (branches == 1) return formula(p, p->node[i + 1].end, b);
    double *scratch = LIP_NEW(double, 4 * p->n);
    if (!scratch) return lip_fail_memory(p->err);
    box first = {scratch, scratch + p->n}, branch = {scratch + 2 * p->n, scratch + 3 * p->n};
    lip_status status = common_box(p, i, &first, &branch, b);
    free(scratch);
    return status;
}

/* Cut the box with one asserted formula. */
static lip_status formula(const property *p, size_t i, box *b) {
    static const char *const comparisons[] = {"<=", ">=", "<", ">", "="};
    if (!mentions(p, i, 'X')) return LIP_OK;
    for (size_t k = 0; k < sizeof comparisons / sizeof *comparisons; ++k)
        if (is_call(p, i, comparisons[k])) return bound(p, i, b);
    if (is_call(p, i, "or")) return disjunction(p, i, b);
    if (!is_call(p, i, "and"))
        return refuse(p, i, LIP_UNSUPPORTED, "a bound on an input, 'and' or 'or'");
    lip_status status = LIP_OK;
    for (size_t c = p->node[i + 1].end; status == LIP_OK && has_child(p, i, c); c = p->node[c].end)
        status = formula(p, c, b);
    return status;
}

/* ---- Commands ---------------------------------------------------------------------------- */

static lip_status command(property *p, size_t i, box *b) {
    static const char *const harmless[] = {"set-logic", "set-info",  "set-option",
                                           "check-sat", "get-model", "exit"};
    if (is_call(p, i, "declare-const") || is_call(p, i, "declare-fun")) return declare(p, i);
    if (is_call(p, i, "assert")) {
        if (children(p, i) != 2) return refuse(p, i, LIP_FORMAT, "one formula in an assertion");
        lip_status status = check_names(p, i + 2);
        return status == LIP_OK ? formula(p, i + 2, b) : status;
    }
    if (is_call(p, i, "vnnlib-version") || is_call(p, i, "declare-network"))
        return lip_fail_line(p->err, LIP_UNSUPPORTED, p->node[i].line,
                             "expected VNN-LIB 1.0 (declare-const X_0 Real), found VNN-LIB 2.0");
    for (size_t k = 0; k < sizeof harmless / sizeof *harmless; ++k)
        if (is_call(p, i, harmless[k])) return LIP_OK;
    return refuse(p, i, LIP_UNSUPPORTED, "declare-const or assert");
}

static lip_status check_box(const property *p, const box *b) {
    for (size_t i = 0; i < p->n; ++i)
        if (!p->has_x[i])
            return lip_fail(p->err, LIP_ARGUMENT, NULL,
                            "expected declarations of X_0 to X_%zu, the inputs of the network, but "
                            "X_%zu is not declared",
                            p->n - 1, i);
    for (size_t i = 0; i < p->n; ++i) {
        if (b->lo[i] == -INFINITY || b->hi[i] == INFINITY)
            return lip_fail(p->err, LIP_UNSUPPORTED, NULL,
                            "expected a box, but X_%zu has no %s bound", i,
                            b->lo[i] == -INFINITY ? "lower" : "upper");
        if (b->lo[i] > b->hi[i])
            return lip_fail(p->err, LIP_FORMAT, NULL,
                            "expected a box, but X_%zu has the lower bound %.17g above its upper "
                            "bound %.17g",
                            i, b->lo[i], b->hi[i]);
    }
    return LIP_OK;
}

static lip_status read_box(property *p, const char *text, size_t size, box *b) {
    unbounded(p, b);
    lip_status status = parse(p, text, size);
    for (size_t i = 0; status == LIP_OK && i < p->count; i = p->node[i].end) {
        if (!is_list(p, i)) return refuse(p, i, LIP_FORMAT, "a command in parentheses");
        status = command(p, i, b);
    }
    if (status == LIP_OK && p->count == 0)
        status =
            lip_fail(p->err, LIP_FORMAT, NULL, "expected a VNN-LIB property, found no commands");
    return status == LIP_OK ? check_box(p, b) : status;
}

lip_status lip_read_vnnlib(const char *text, size_t size, size_t n, double *lo, double *hi,
                           lip_error *err) {
    property p = {.n = n, .err = err};
    box b;
    b.lo = lo;
    b.hi = hi;
    p.has_x = LIP_NEW(bool, n);
    lip_status status = p.has_x ? read_box(&p, text, size, &b) : lip_fail_memory(err);
    free(p.has_x);
    free(p.has_y);
    free(p.node);
    return status;
}

static lip_status load_region(const char *path, size_t n, lip_region **region, lip_error *err) {
    unsigned char *bytes;
    size_t size;
    lip_status status = lip_read_file(path, LIP_FILE_LIMIT, &bytes, &size, err);
    if (status != LIP_OK) return status;
    double *lo = LIP_NEW(double, n), *hi = LIP_NEW(double, n);
    if (!lo || !hi) status = lip_fail_memory(err);
    if (status == LIP_OK) status = lip_gunzip(&bytes, &size, LIP_FILE_LIMIT, err);
    if (status == LIP_OK) status = lip_read_vnnlib((const char *)bytes, size, n, lo, hi, err);
    if (status == LIP_OK) status = lip_region_box(n, lo, hi, region, err);
    free(lo);
    free(hi);
    free(bytes);
    return status;
}

lip_status lip_region_load_vnnlib(const char *path, size_t n, lip_region **region, lip_error *err) {
    return lip_fail_in_file(err, path, load_region(path, n, region, err));
}
