/* The SDPA sparse format (Fujisawa, Kojima, Nakata, Yamashita; SDPA manual, section 4).
 *
 * The format's dual is the relaxation:   maximise F_0 . Y  subject to  F_k . Y = c_k,  Y >= 0, with
 *
 *     block 1   the moment matrix of p (n x n)
 *     block 2   one nonnegative slack for each inequality (diagonal; absent if there is none)
 *     F_0       the objective, in block 1
 *     F_k, c_k  groups first (those that are not implied), then the families tangent, gate, switch, range,
 *               neuron by neuron.  A group is  sum of Y_ii + slack = size; a family  -g_k(Y) + slack = 0.
 *
 * So the k-th multiplier of a solver is y of a group or lambda of a family, >= 0 for inequalities, and
 * sum x_k F_k - F_0 is the slack matrix of src/cert/slack.h.  The format's bound times 2^exponent bounds
 * the part's largest w' J t. */
#include "problem/sdpa.h"

#include "base/error.h"
#include "base/memory.h"
#include "problem/family.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that grows; `failed` remembers that memory was short. */
typedef struct lip_text {
    char *text;
    size_t size, capacity;
    bool failed;
} lip_text;

static void append(lip_text *out, const char *format, ...) LIP_PRINTF(2, 3);
static void append(lip_text *out, const char *format, ...) {
    char line[512];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    size_t add = length < 0 ? 0 : (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    if (out->failed || !lip_grow((void **)&out->text, &out->capacity, out->size + add + 1, 1)) {
        out->failed = true;
        return;
    }
    memcpy(out->text + out->size, line, add + 1);
    out->size += add;
}

/* A double that reads back as itself, with a decimal point whatever the locale. */
static void append_number(lip_text *out, double x) {
    char number[64];
    snprintf(number, sizeof number, "%.17g", x);
    size_t head = strspn(number, "-0123456789"), point = strcspn(number + head, "e0123456789+-");
    append(out, "%.*s%s%s", (int)head, number, point ? "." : "", number + head + point);
}

/* ---- Counting ---------------------------------------------------------------------------- */

typedef struct counts {
    size_t constraints, slacks;
} counts;

static counts count_constraints(const lip_lifted *lifted) {
    counts c = {0, 0};
    for (size_t g = 0; g < lifted->groups; ++g) {
        if (lifted->group[g].implied) continue;
        ++c.constraints;
        if (!lifted->group[g].equality) ++c.slacks;
    }
    for (int f = 0; f < LIP_FAMILIES; ++f) {
        size_t count = lip_family_count(lifted, (lip_family)f);
        c.constraints += count;
        if (!lip_family_equality((lip_family)f)) c.slacks += count;
    }
    return c;
}

/* ---- Comments ---------------------------------------------------------------------------- */

static const char *variable_name(lip_variable_kind kind) {
    static const char *const names[] = {"the constant 1", "t, direction of the input",
                                        "v, tangents of unstable neurons",
                                        "s = 2u - 1, phases of neurons", "w, dual vector"};
    return names[kind];
}

/* Runs of variables of one kind and layer; for v with the powers of two of the first. */
static void describe_variables(lip_text *out, const lip_lifted *lifted) {
    for (size_t i = 0, end; i < lifted->n; i = end) {
        const lip_variable *first = &lifted->variable[i];
        for (end = i + 1; end < lifted->n; ++end)
            if (lifted->variable[end].kind != first->kind ||
                lifted->variable[end].layer != first->layer)
                break;
        append(out, "* rows %zu to %zu: %s", i + 1, end, variable_name(first->kind));
        if (first->kind == LIP_VARIABLE_TANGENT || first->kind == LIP_VARIABLE_PHASE)
            append(out, ", layer %zu", first->layer);
        append(out, "\n");
    }
}

static const char *group_text(lip_variable_kind kind) {
    static const char *const texts[] = {"1^2 = 1", "ball, t^2 <= 1", "range, v^2 <= r^2",
                                        "bin, s^2 = 1", "dual ball, w^2 <= 1"};
    return texts[kind];
}

static void describe_constraints(lip_text *out, const lip_lifted *lifted) {
    size_t number = 1;
    for (size_t g = 0, end; g < lifted->groups; g = end) {
        lip_variable_kind kind = lifted->variable[lifted->group[g].first].kind;
        for (end = g; end < lifted->groups; ++end)
            if (lifted->variable[lifted->group[end].first].kind != kind) break;
        if (lifted->group[g].implied) continue;
        append(out, "* constraints %zu to %zu: %s\n", number, number + end - g - 1,
               group_text(kind));
        number += end - g;
    }
    static const char *const formulas[LIP_FAMILIES] = {"v^2 <= v y", "s v = v", "(s + 1) y / 2 = v",
                                                       "v^2 <= r^2 (1 + s) / 2"};
    for (int f = 0; f < LIP_FAMILIES; ++f) {
        size_t count = lip_family_count(lifted, (lip_family)f);
        if (count == 0) continue;
        append(out, "* constraints %zu to %zu: %s, %s\n", number, number + count - 1,
               lip_family_name((lip_family)f), formulas[f]);
        number += count;
    }
}

/* ---- Entries ----------------------------------------------------------------------------- */

static void entry(lip_text *out, size_t k, size_t block, size_t i, size_t j, double value) {
    append(out, "%zu %zu %zu %zu ", k, block, i, j);
    append_number(out, value);
    append(out, "\n");
}

/* sign * products as entries of the upper triangle: p_i p_j, i < j, stands for Y_ij + Y_ji. */
static void entries(lip_text *out, size_t k, double sign, size_t count, const lip_product *list) {
    for (size_t c = 0; c < count; ++c)
        if (list[c].value != 0)
            entry(out, k, 1, list[c].i + 1, list[c].j + 1,
                  sign * list[c].value * (list[c].i == list[c].j ? 1 : 0.5));
}

static void write_sizes(lip_text *out, const lip_lifted *lifted) {
    counts c = count_constraints(lifted);
    append(out, "%zu\n%d\n%zu", c.constraints, c.slacks ? 2 : 1, lifted->n);
    if (c.slacks) append(out, " -%zu", c.slacks);
    append(out, "\n");
    for (size_t g = 0; g < lifted->groups; ++g) {
        if (lifted->group[g].implied) continue;
        append_number(out, lifted->group[g].size);
        append(out, " ");
    }
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t k = 0; k < lip_family_count(lifted, (lip_family)f); ++k) append(out, "0 ");
    append(out, "\n");
}

static void write_groups(lip_text *out, const lip_lifted *lifted, size_t *k, size_t *slack) {
    for (size_t g = 0; g < lifted->groups; ++g) {
        const lip_group *group = &lifted->group[g];
        if (group->implied) continue;
        ++*k;
        for (size_t i = group->first; i < group->first + group->count; ++i)
            entry(out, *k, 1, i + 1, i + 1, 1);
        if (group->equality) continue;
        ++*slack;
        entry(out, *k, 2, *slack, *slack, 1);
    }
}

static void write_families(lip_text *out, const lip_lifted *lifted, lip_product *room, size_t *k,
                           size_t *slack) {
    for (int f = 0; f < LIP_FAMILIES; ++f)
        for (size_t i = 0; i < lip_family_count(lifted, (lip_family)f); ++i) {
            ++*k;
            entries(out, *k, -1, lip_family_products(lifted, (lip_family)f, i, room), room);
            if (lip_family_equality((lip_family)f)) continue;
            ++*slack;
            entry(out, *k, 2, *slack, *slack, 1);
        }
}

lip_status lip_sdpa_text(const lip_lifted *lifted, const char *title, char **text, size_t *size,
                         lip_error *err) {
    lip_text out = {0};
    size_t k = 0, slack = 0;
    lip_product *room = LIP_NEW(lip_product, lip_family_most_products(lifted));
    if (!room) return lip_fail_memory(err);
    append(&out, "* %.400s\n", title);
    append(&out, "* maximise F_0 . Y; 2^%d times the value bounds the question's norm\n",
           lifted->exponent);
    describe_variables(&out, lifted);
    describe_constraints(&out, lifted);
    write_sizes(&out, lifted);
    entries(&out, 0, 1, lifted->products, lifted->objective);
    write_groups(&out, lifted, &k, &slack);
    write_families(&out, lifted, room, &k, &slack);
    free(room);
    if (out.failed) {
        free(out.text);
        return lip_fail_memory(err);
    }
    *text = out.text;
    *size = out.size;
    return LIP_OK;
}
