/* Building a lifted problem: roles of neurons, variables, groups.  The order of the variables is
 *
 *     1,  t,  v by layer and neuron,  s in the same order (if kept),  s of the readouts,  w,
 *     x',  h' by layer and neuron, each behind its s if that had no place before (lifted_region.c). */
#include "problem/lifted_build.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Parts ------------------------------------------------------------------------------- */

static bool split_output(const lip_network *net, const lip_query *query) {
    return query->output.kind == LIP_OUTPUT_ALL && query->norm_out == LIP_NORM_INF &&
           lip_outputs(net) > 1;
}

size_t lip_lifted_parts(const lip_network *net, const lip_query *query) {
    size_t parts = split_output(net, query) ? lip_outputs(net) : 1;
    return query->norm_in == LIP_NORM_1 ? parts * lip_inputs(net) : parts;
}

void lip_lifted_part(const lip_network *net, const lip_query *query, size_t part, size_t *input,
                     size_t *output) {
    size_t directions = query->norm_in == LIP_NORM_1 ? lip_inputs(net) : 1;
    *input = query->norm_in == LIP_NORM_1 ? part % directions : LIP_NONE;
    *output = split_output(net, query) ? part / directions : LIP_NONE;
}

static void choose_part(lip_lifting *b) {
    const lip_query *query = b->query;
    lip_lifted_part(b->net, query, b->options->part, &b->input, &b->output);
    b->selection = query->output;
    b->scalar =
        query->output.kind != LIP_OUTPUT_ALL || b->output != LIP_NONE || lip_outputs(b->net) == 1;
    if (query->output.kind == LIP_OUTPUT_ALL && b->scalar)
        b->selection =
            (lip_output){.kind = LIP_OUTPUT_ROW, .i = b->output == LIP_NONE ? 0 : b->output};
    b->inputs = b->input == LIP_NONE ? lip_inputs(b->net) : 1;
}

/* ---- Roles ------------------------------------------------------------------------------- */

static void find_readers(lip_lifting *b) {
    const lip_network *net = b->net;
    for (size_t l = 1; l <= net->layers; ++l)
        for (size_t t = 0; t < net->layer[l].nterms; ++t) {
            size_t source = net->layer[l].term[t].source;
            b->last_reader[source] = l;
            if (l < net->layers || !b->scalar) b->inner[source] = true;
        }
}

static lip_role role_of(const lip_lifting *b, size_t l, size_t unit) {
    if (!b->net->layer[l].relu) return LIP_ROLE_PASS;
    switch (lip_preactivation_phase(b->bounds, unit)) {
    case LIP_ACTIVE: return LIP_ROLE_PASS;
    case LIP_INACTIVE: return LIP_ROLE_DEAD;
    case LIP_UNSTABLE: break;
    }
    return b->inner[l] ? LIP_ROLE_TANGENT : LIP_ROLE_READOUT;
}

/* Roles, and how many variables there can be. */
static size_t count_roles(lip_lifting *b) {
    size_t tangents = 0, readouts = 0;
    for (size_t l = 1; l < b->net->layers; ++l)
        for (size_t i = 0; i < b->net->layer[l].width; ++i) {
            size_t unit = b->net->layer[l].offset + i;
            lip_role role = role_of(b, l, unit);
            b->role[unit] = (unsigned char)role;
            if (role == LIP_ROLE_TANGENT) ++tangents;
            if (role == LIP_ROLE_READOUT) ++readouts;
        }
    b->columns = 1 + b->inputs + tangents;
    b->neuron_capacity = tangents;
    return b->columns + (b->options->phases ? tangents : 0) + readouts +
           (b->scalar ? 0 : lip_outputs(b->net)) +
           (b->options->region ? lip_inputs(b->net) + tangents : 0);
}

/* ---- Variables and groups ---------------------------------------------------------------- */

size_t lip_lifting_variable(lip_lifting *b, lip_variable_kind kind, size_t layer, size_t index,
                            int exponent) {
    lip_lifted *lifted = b->lifted;
    size_t i = lifted->n++;
    lifted->variable[i] = (lip_variable){kind, layer, index, exponent, 0, 0, 0, 1};
    /* one group for each variable but for the vectors that share a 2-norm */
    bool ball = kind == LIP_VARIABLE_INPUT && b->query->norm_in == LIP_NORM_2;
    bool dual = kind == LIP_VARIABLE_DUAL && b->query->norm_out == LIP_NORM_2;
    bool point = kind == LIP_VARIABLE_POINT && b->query->region->kind == LIP_BALL;
    if ((ball || dual || point) && index > 0) {
        ++lifted->group[lifted->groups - 1].count;
    } else {
        bool equality = kind == LIP_VARIABLE_ONE || kind == LIP_VARIABLE_PHASE;
        lifted->group[lifted->groups++] = (lip_group){i, 1, 1, equality, false};
    }
    lifted->variable[i].group = lifted->groups - 1;
    return i;
}

static void input_variables(lip_lifting *b) {
    lip_lifting_variable(b, LIP_VARIABLE_ONE, 0, 0, 0);
    for (size_t i = 0; i < b->inputs; ++i)
        lip_lifting_variable(b, LIP_VARIABLE_INPUT, 0, b->input == LIP_NONE ? i : b->input, 0);
    for (size_t j = 0; j < b->lifted->n; ++j) b->most[j] = 1;
    b->used = b->lifted->n;
}

/* v was numbered while the images were made; its scale is found again from the range. */
static void neuron_variables(lip_lifting *b) {
    lip_lifted *lifted = b->lifted;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        lip_neuron *neuron = &lifted->neuron[k];
        int exponent;
        double most = lip_lifted_claim(
            b->range[b->net->layer[neuron->layer].offset + neuron->index], &exponent);
        size_t v =
            lip_lifting_variable(b, LIP_VARIABLE_TANGENT, neuron->layer, neuron->index, exponent);
        lifted->variable[v].most = most;
        lip_group *group = &lifted->group[lifted->groups - 1];
        group->size = neuron->range;
        group->implied = lifted->phases;
    }
    for (size_t k = 0; lifted->phases && k < lifted->neurons; ++k) {
        lip_neuron *neuron = &lifted->neuron[k];
        neuron->s = lip_lifting_variable(b, LIP_VARIABLE_PHASE, neuron->layer, neuron->index, 0);
    }
}

/* ---- All of it --------------------------------------------------------------------------- */

static void free_images_read_last_by(lip_lifting *b, size_t l) {
    for (size_t s = 0; s < l; ++s)
        if (b->last_reader[s] == l) lip_image_clear(&b->image[s]);
}

static lip_status build(lip_lifting *b, lip_error *err) {
    const lip_network *net = b->net;
    b->norm[0] = b->query->norm_in == LIP_NORM_INF ? lip_sqrt_up((double)lip_inputs(net)) : 1;
    input_variables(b);
    if (!lip_lifting_input(b)) return lip_fail_memory(err);
    lip_status status = LIP_OK;
    for (size_t l = 1; status == LIP_OK && l < net->layers; ++l) {
        status = lip_lifting_layer(b, l, err);
        free_images_read_last_by(b, l);
    }
    if (status != LIP_OK) return status;
    neuron_variables(b);
    status = lip_lifting_objective(b, err);
    return status == LIP_OK ? lip_lifting_region(b, err) : status;
}

static bool allocate_lifting(lip_lifting *b) {
    size_t layers = b->net->layers + 1;
    b->role = LIP_NEW(unsigned char, b->net->units);
    b->range = LIP_NEW(double, b->net->units);
    b->norm = LIP_NEW(double, layers);
    b->inner = LIP_NEW(bool, layers);
    b->last_reader = LIP_NEW(size_t, layers);
    b->image = LIP_NEW(lip_image, layers);
    return b->role && b->range && b->norm && b->inner && b->last_reader && b->image;
}

static bool allocate_lifted(lip_lifting *b, size_t variables) {
    b->most = LIP_NEW(double, b->columns);
    b->lifted = LIP_NEW(lip_lifted, 1);
    if (!b->most || !b->lifted) return false;
    b->lifted->phases = b->options->phases;
    b->lifted->variable = LIP_NEW(lip_variable, variables);
    b->lifted->group = LIP_NEW(lip_group, variables);
    b->lifted->neuron = LIP_NEW(lip_neuron, b->neuron_capacity);
    return b->lifted->variable && b->lifted->group && b->lifted->neuron;
}

static void clear_lifting(lip_lifting *b) {
    for (size_t l = 0; b->image && l <= b->net->layers; ++l) lip_image_clear(&b->image[l]);
    free(b->image);
    free(b->last_reader);
    free(b->inner);
    free(b->norm);
    free(b->most);
    free(b->range);
    free(b->role);
}

void lip_lifted_free(lip_lifted *lifted) {
    if (!lifted) return;
    free(lifted->form);
    free(lifted->row);
    free(lifted->row_coefficient);
    free(lifted->relu);
    free(lifted->cut);
    free(lifted->pair);
    free(lifted->objective);
    free(lifted->coefficient);
    free(lifted->neuron);
    free(lifted->group);
    free(lifted->variable);
    free(lifted);
}

static lip_status create(lip_lifting *b, lip_error *err) {
    if (!allocate_lifting(b)) return lip_fail_memory(err);
    choose_part(b);
    find_readers(b);
    size_t variables = count_roles(b);
    size_t largest = b->options->largest ? b->options->largest : LIP_LIFTED_LARGEST;
    if (variables > largest)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the lifted problem has %zu variables: expected at most %zu", variables,
                        largest);
    if (!allocate_lifted(b, variables)) return lip_fail_memory(err);
    return build(b, err);
}

/* From numbers in the sorted network to those in the given one. */
static void restore_numbers(lip_lifted *lifted, const lip_sorted *sorted) {
    for (size_t k = 0; k < lifted->neurons; ++k) {
        lip_neuron *neuron = &lifted->neuron[k];
        neuron->index = sorted->order[neuron->layer][neuron->index];
    }
    for (size_t i = 0; i < lifted->n; ++i) {
        lip_variable *v = &lifted->variable[i];
        if (v->kind == LIP_VARIABLE_TANGENT || v->kind == LIP_VARIABLE_PHASE ||
            v->kind == LIP_VARIABLE_STATE)
            v->index = sorted->order[v->layer][v->index];
    }
    for (size_t k = 0; k < lifted->relus; ++k) {
        lip_relu *relu = &lifted->relu[k];
        relu->index = sorted->order[relu->layer][relu->index];
    }
}

lip_status lip_lifted_create_unsorted(const lip_network *net, const lip_preactivation *bounds,
                                      const lip_query *query, const lip_lifted_options *options,
                                      lip_lifted **lifted, lip_error *err) {
    size_t parts = lip_lifted_parts(net, query);
    if (options->part >= parts)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a part from 0 to %zu, found %zu",
                        parts - 1, options->part);
    lip_lifting b = {
        .net = net, .bounds = bounds, .query = query, .options = options, .noun = "tangents"};
    lip_status status = create(&b, err);
    clear_lifting(&b);
    if (status == LIP_OK)
        *lifted = b.lifted;
    else
        lip_lifted_free(b.lifted);
    return status;
}

lip_status lip_lifted_create(const lip_network *net, const lip_preactivation *bounds,
                             const lip_query *query, const lip_lifted_options *options,
                             lip_lifted **lifted, lip_error *err) {
    lip_sorted sorted = {0};
    if (!lip_sorted_create(net, bounds, &sorted)) return lip_fail_memory(err);
    if (!sorted.net) return lip_lifted_create_unsorted(net, bounds, query, options, lifted, err);
    lip_status status =
        lip_lifted_create_unsorted(sorted.net, &sorted.bounds, query, options, lifted, err);
    if (status == LIP_OK) restore_numbers(*lifted, &sorted);
    lip_sorted_clear(&sorted);
    return status;
}
