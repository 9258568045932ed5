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

bool lip_part_know(lip_part *part, size_t points) {
    size_t units = part->net->units;
    double **of[] = {&part->of.least,  &part->of.most, &part->of.state, &part->of.square,
                     &part->of.closed, &part->of.open, &part->of.above, &part->of.below,
                     &part->of.phases, &part->of.roof, &part->of.floor};
    size_t arrays = sizeof of / sizeof of[0];
    part->points = points;
    part->point = LIP_NEW(double, points);
    part->value = LIP_NEW(char, units);
    double *room = lip_alloc(units, arrays * sizeof(double));
    for (size_t k = 0; room && k < arrays; ++k) *of[k] = room + k * units;
    return part->point && part->value && room;
}

void lip_part_clear(lip_part *part) {
    free(part->point);
    free(part->value);
    free(part->of.least);
    free(part->triangle);
    free(part->product);
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

/* Where only the output reads, no value is used; elsewhere every unstable neuron has one as a variable. */
bool lip_part_letters(lip_part *part, const lip_preactivation *bounds, bool *uses_bounds) {
    const lip_network *net = part->net;
    bool *read = LIP_NEW(bool, net->layers + 1);
    if (!read) return false;
    for (size_t l = 1; l < net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t) read[net->layer[l].term[t].source] = true;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t u = net->layer[l].offset;
             net->layer[l].relu && u < net->layer[l].offset + net->layer[l].width; ++u) {
            if (part->value[u]) continue;
            lip_phase phase = lip_preactivation_phase(bounds, u);
            part->value[u] = !read[l] || phase == LIP_UNSTABLE ? 'n'
                             : phase == LIP_ACTIVE             ? 'a'
                                                               : 'i';
        }
    *uses_bounds = true;
    free(read);
    return true;
}

/* ---- Text -------------------------------------------------------------------------------- */

static void put_set(lip_text *text, lip_part_set set, size_t index) {
    static const char *const names[] = {" cube", " ball", " unit", " fixed"};
    lip_text_word(text, names[set]);
    if (set == LIP_SET_UNIT || set == LIP_SET_FIXED) lip_text_size(text, index);
}

/* A letter for every relu neuron. */
static void put_letters(const lip_part *part, const char *name, const char *letter,
                        lip_text *text) {
    for (size_t l = 1; l <= part->net->layers; ++l) {
        const lip_layer *layer = &part->net->layer[l];
        if (!layer->relu) continue;
        lip_text_word(text, name);
        lip_text_size(text, l);
        lip_text_word(text, " ");
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u) {
            const char word[2] = {letter[u], '\0'};
            lip_text_word(text, word);
        }
        lip_text_word(text, "\n");
    }
}

/* The numbers of one kind, for the neurons of which `roles` has the role or `values` the value. */
typedef struct line {
    const char *name, *roles, *values;
    const double *number;
} line;

static bool belongs(const lip_part *part, const line *x, size_t u) {
    return strchr(x->roles, part->role[u]) || (part->value && strchr(x->values, part->value[u]));
}

static bool any(const lip_part *part, size_t l, const line *x) {
    const lip_layer *layer = &part->net->layer[l];
    for (size_t u = layer->offset; x->number && u < layer->offset + layer->width; ++u)
        if (belongs(part, x, u) && x->number[u] != 0) return true;
    return false;
}

/* The numbers of layer l. */
static void put_line(const lip_part *part, size_t l, const line *x, lip_text *text) {
    const lip_layer *layer = &part->net->layer[l];
    lip_text_word(text, x->name);
    lip_text_size(text, l);
    for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
        if (belongs(part, x, u)) lip_text_real(text, x->number[u]);
    lip_text_word(text, "\n");
}

/* Lines of zeros are left out.  `bound` also serves the cuts; where it is 0, no v of the layer is in one. */
static void put_multipliers(const lip_part *part, size_t l, lip_text *text) {
    const lip_part_values *of = &part->of;
    const line bound = {"bound", "vb", "", part->bound};
    const line lines[] = {{"tangent", "vb", "", part->tangent}, {"range", "vb", "", part->range},
                          {"bin", "sb", "hz", part->bin},       {"gate", "b", "", part->gate},
                          {"switch", "b", "", part->swap},      {"cap", "b", "", part->cap},
                          {"least", "", "hz", of->least},       {"most", "", "hz", of->most},
                          {"state", "", "h", of->state},        {"square", "", "h", of->square},
                          {"closed", "", "h", of->closed},      {"open", "", "h", of->open},
                          {"above", "", "hz", of->above},       {"below", "", "hz", of->below},
                          {"phases", "", "hz", of->phases},     {"roof", "", "hz", of->roof},
                          {"floor", "", "hz", of->floor}};
    const line *range = &lines[1], *cap = &lines[5];
    bool cuts = part->triangles + part->products > 0;
    if (any(part, l, range) || any(part, l, cap) || (cuts && any(part, l, &bound)))
        put_line(part, l, &bound, text);
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; ++k)
        if (any(part, l, &lines[k])) put_line(part, l, &lines[k], text);
}

static bool has_constant(const lip_part *part) {
    for (size_t u = 0; u < part->net->units; ++u)
        if (part->role[u] == 'b') return true;
    return part->output == LIP_SET_FIXED || part->value || part->triangles + part->products > 0;
}

static void put_triangle(const lip_part_triangle *t, lip_text *text) {
    lip_text_word(text, "triangle");
    lip_text_size(text, t->i);
    lip_text_size(text, t->j);
    lip_text_size(text, t->k);
    lip_text_word(text, t->a > 0 ? " +" : " -");
    lip_text_word(text, t->b > 0 ? "+" : "-");
    lip_text_real(text, t->multiplier);
    lip_text_word(text, "\n");
}

static void put_form(const lip_part_form *form, lip_text *text) {
    static const char *const names[] = {" plus", " minus", " closed", " upper", " lower",
                                        " on+",  " on-",   " off+",   " off-"};
    lip_text_word(text, names[form->kind]);
    lip_text_size(text, form->of);
}

static void put_cuts(const lip_part *part, lip_text *text) {
    for (size_t k = 0; k < part->triangles; ++k) put_triangle(&part->triangle[k], text);
    for (size_t k = 0; k < part->products; ++k) {
        lip_text_word(text, "product");
        put_form(&part->product[k].f, text);
        put_form(&part->product[k].g, text);
        lip_text_real(text, part->product[k].multiplier);
        lip_text_word(text, "\n");
    }
}

void lip_part_write(const lip_part *part, lip_text *text) {
    const lip_network *net = part->net;
    lip_text_word(text, "part");
    put_set(text, part->input, part->input_index);
    put_set(text, part->output, part->output_index);
    lip_text_word(text, "\n");
    put_letters(part, "roles", part->role, text);
    if (part->value) put_letters(part, "values", part->value, text);
    if (part->triangles + part->products > 0) {
        lip_text_word(text, "cuts");
        lip_text_size(text, part->triangles);
        lip_text_size(text, part->products);
        lip_text_word(text, "\n");
    }
    if (has_constant(part)) lip_text_reals(text, "one", 1, &part->one);
    lip_text_reals(text, "input", part->taus, part->tau);
    if (part->output != LIP_SET_FIXED) lip_text_reals(text, "dual", part->sigmas, part->sigma);
    if (part->points > 0) lip_text_reals(text, "point", part->points, part->point);
    for (size_t l = 1; l <= net->layers; ++l)
        if (net->layer[l].relu) put_multipliers(part, l, text);
    put_cuts(part, text);
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
