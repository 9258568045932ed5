#include "cert/part.h"

#include "base/memory.h"
#include "base/round.h"
#include "linalg/norms.h"
#include "net/enclose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life -------------------------------------------------------------------------------- */

static size_t set_size(lip_part_set set, size_t all) {
    return set == LIP_SET_CUBE ? all : set == LIP_SET_FIXED ? 0 : 1;
}

bool lip_part_create(const lip_network *net, size_t rows, lip_part_set input, size_t input_index,
                     lip_part_set output, size_t output_index, lip_part *part) {
    *part = (lip_part){.net = net,
                       .input = input,
                       .output = output,
                       .input_index = input_index,
                       .output_index = output_index,
                       .taus = set_size(input, lip_inputs(net)),
                       .sigmas = set_size(output, rows)};
    part->tau = LIP_NEW(double, part->taus);
    part->sigma = LIP_NEW(double, part->sigmas);
    part->role = LIP_NEW(char, net->units);
    part->bound = lip_alloc(net->units, 7 * sizeof(double));
    if (!part->tau || !part->sigma || !part->role || !part->bound) {
        lip_part_clear(part);
        return false;
    }
    part->tangent = part->bound + net->units;
    part->range = part->tangent + net->units;
    part->bin = part->range + net->units;
    part->gate = part->bin + net->units;
    part->swap = part->gate + net->units;
    part->cap = part->swap + net->units;
    return true;
}

void lip_part_clear(lip_part *part) {
    free(part->tau);
    free(part->sigma);
    free(part->role);
    free(part->bound);
    memset(part, 0, sizeof *part);
}

/* ---- Roles ------------------------------------------------------------------------------- */

/* The role of a neuron without a variable, and whether a tangent passes it. */
static char stable_role(const lip_preactivation *bounds, size_t unit, double *live,
                        bool *uses_bounds) {
    if (*live == 0) return 'i';
    lip_phase phase = lip_preactivation_phase(bounds, unit);
    if (phase == LIP_UNSTABLE) return 'v';
    *uses_bounds = true;
    if (phase == LIP_INACTIVE) *live = 0;
    return phase == LIP_INACTIVE ? 'i' : 'a';
}

bool lip_part_roles(lip_part *part, const lip_preactivation *bounds, bool *uses_bounds) {
    const lip_network *net = part->net;
    double *live = LIP_NEW(double, net->units);
    if (!live) return false;
    for (size_t j = 0; j < lip_inputs(net); ++j)
        live[j] = part->input != LIP_SET_UNIT || part->input_index == j ? 1 : 0;
    for (size_t l = 1; l <= net->layers; ++l) {
        const lip_layer *layer = &net->layer[l];
        lip_mark_live(net, l, live);
        for (size_t u = layer->offset; layer->relu && u < layer->offset + layer->width; ++u)
            if (!part->role[u]) part->role[u] = stable_role(bounds, u, &live[u], uses_bounds);
    }
    free(live);
    return true;
}

/* ---- Text -------------------------------------------------------------------------------- */

static void put_set(lip_text *text, lip_part_set set, size_t index) {
    static const char *const names[] = {" cube", " ball", " unit", " fixed"};
    lip_text_word(text, names[set]);
    if (set == LIP_SET_UNIT || set == LIP_SET_FIXED) lip_text_size(text, index);
}

static void put_roles(const lip_part *part, size_t l, lip_text *text) {
    const lip_layer *layer = &part->net->layer[l];
    lip_text_word(text, "roles");
    lip_text_size(text, l);
    lip_text_word(text, " ");
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
        const char role[2] = {part->role[u], '\0'};
        lip_text_word(text, role);
    }
    lip_text_word(text, "\n");
}

static bool any_multiplier(const lip_part *part, size_t l, const char *roles, const double *value) {
    const lip_layer *layer = &part->net->layer[l];
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
        if (strchr(roles, part->role[u]) && value[u] != 0) return true;
    return false;
}

/* A line of numbers for the neurons of layer l with one of the roles. */
static void put_line(const lip_part *part, size_t l, const char *name, const char *roles,
                     const double *value, lip_text *text) {
    const lip_layer *layer = &part->net->layer[l];
    lip_text_word(text, name);
    lip_text_size(text, l);
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
        if (strchr(roles, part->role[u])) lip_text_real(text, value[u]);
    lip_text_word(text, "\n");
}

static void put_multipliers(const lip_part *part, size_t l, lip_text *text) {
    const struct {
        const char *name, *roles;
        const double *value;
    } lines[] = {{"tangent", "vb", part->tangent}, {"range", "vb", part->range},
                 {"bin", "sb", part->bin},         {"gate", "b", part->gate},
                 {"switch", "b", part->swap},      {"cap", "b", part->cap}};
    if (any_multiplier(part, l, "vb", part->range) || any_multiplier(part, l, "b", part->cap))
        put_line(part, l, "bound", "vb", part->bound, text);
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; ++k)
        if (any_multiplier(part, l, lines[k].roles, lines[k].value))
            put_line(part, l, lines[k].name, lines[k].roles, lines[k].value, text);
}

static bool has_constant(const lip_part *part) {
    for (size_t u = 0; u < part->net->units; ++u)
        if (part->role[u] == 'b') return true;
    return part->output == LIP_SET_FIXED;
}

void lip_part_write(const lip_part *part, lip_text *text) {
    const lip_network *net = part->net;
    lip_text_word(text, "part");
    put_set(text, part->input, part->input_index);
    put_set(text, part->output, part->output_index);
    lip_text_word(text, "\n");
    for (size_t l = 1; l <= net->layers; ++l)
        if (net->layer[l].relu) put_roles(part, l, text);
    if (has_constant(part)) lip_text_reals(text, "one", 1, &part->one);
    lip_text_reals(text, "input", part->taus, part->tau);
    if (part->output != LIP_SET_FIXED) lip_text_reals(text, "dual", part->sigmas, part->sigma);
    for (size_t l = 1; l <= net->layers; ++l)
        if (net->layer[l].relu) put_multipliers(part, l, text);
}

void lip_statement_parts(lip_text *text, size_t parts) {
    lip_text_word(text, "statement sdp");
    lip_text_size(text, parts);
    lip_text_word(text, "\n");
}

bool lip_statement_norms(const lip_network *net, size_t gram_limit, lip_text *text) {
    for (size_t l = 1; l < net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t) {
            lip_norm_table norms;
            if (!lip_norm_bounds(net->layer[l].term[t].op, gram_limit, &norms)) return false;
            if (norms.spectral > 0) lip_statement_spectral(text, l, t, norms.spectral);
        }
    return true;
}

/* With entries a of a matrix whose diagonal is scaled into [1/2, 2), lipcheck takes
 * 2 c sum (a_ii a_jj)^.5 <= 4 c neighbours a_ii off row i, c = g(longest + 1) with u = 2^-53; with
 * UNIT = 2^-52 the same factor 4 also pays for its rounding and for the radii of products of weights.
 * It works in blocks of four, which adds up to 8 entries to a row. */
double lip_checker_margin(size_t longest, size_t neighbours) {
    return 4 * lip_gamma(longest + 16) * (double)(neighbours + 8);
}
