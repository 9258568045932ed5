/* The method `exact`: the parts of a question, a tree for each, one falling target for all. */
#include "base/error.h"
#include "base/memory.h"
#include "bnb/resume.h"
#include "region/region.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A slack matrix, its inverse and the Hessian of this order are still quick to work with. */
static const double most_order = 1200;
static const double most_room =
    2000; /* the same if no phase were known: memory is taken for that */
static const double most_weights = 3e7;

/* Boxes with so few inputs are halved while more neurons than that are undecided, and more than so many for every input: measured on
 * ACAS Xu (16: 2.5 times the nodes, 40: 1.5 times the time), 2-100-100-2 (8 to 40: within a factor of 3) and a random
 * 6-16-12-1 (halved from 24 on: 30 times the nodes). */
enum { most_cut_inputs = 8, most_free = 24, free_per_input = 6 };

/* Where boxes are not halved, few inputs have few cells: layer after layer, so that phases of all layers can be seen to be impossible.
 * Measured beside the lifted cone (cone.c): 2 inputs are 20 times faster, 5 and 6 inputs 1.6 times, 10 inputs 3 to more than 10 times slower. */
enum { most_layered_inputs = 8 };

/* Where the slack matrix of the root has more rows than that, and not more neurons are undecided, intervals may be tried first. */
enum { rough_order = 320, most_rough_free = 30 };

/* ---- Parts ------------------------------------------------------------------------------- */

/* p = 1 is a maximum over inputs, q = inf one over outputs (docs/certificate.md, theorem 7). */
static bool list_parts(lip_branch *b) {
    const lip_query *query = b->task->query;
    size_t inputs = query->norm_in == LIP_NORM_1 ? b->dense->inputs : 1;
    size_t rows = b->dense->rows, outputs = rows == 1 || query->norm_out == LIP_NORM_INF ? rows : 1;
    if (!lip_multiply_sizes(inputs, outputs, &b->parts)) return false;
    b->part = LIP_NEW(lip_leaf_part, b->parts);
    if (!b->part) return false;
    for (size_t k = 0; k < b->parts; ++k) {
        lip_leaf_part *part = &b->part[k];
        part->input = query->norm_in == LIP_NORM_1     ? LIP_SET_UNIT
                      : query->norm_in == LIP_NORM_INF ? LIP_SET_CUBE
                                                       : LIP_SET_BALL;
        part->input_index = query->norm_in == LIP_NORM_1 ? k / outputs : 0;
        part->output = rows == 1 || query->norm_out == LIP_NORM_INF ? LIP_SET_FIXED
                       : query->norm_out == LIP_NORM_1              ? LIP_SET_CUBE
                                                                    : LIP_SET_BALL;
        part->output_index = k % outputs;
    }
    return true;
}

static const char *part_name(const lip_leaf_part *part, bool input) {
    static const char *const name[] = {" cube", " ball", " unit", " fixed"};
    return name[input ? part->input : part->output];
}

void lip_branch_put_part(const lip_branch *b, size_t k, lip_text *text) {
    const lip_leaf_part *part = &b->part[k];
    lip_text_word(text, "part");
    lip_text_word(text, part_name(part, true));
    if (part->input == LIP_SET_UNIT) lip_text_size(text, part->input_index);
    lip_text_word(text, part_name(part, false));
    if (part->output == LIP_SET_FIXED) lip_text_size(text, part->output_index);
    lip_text_word(text, "\n");
}

bool lip_branch_write(lip_branch *b, lip_text *text) {
    lip_text_word(text, "statement tree");
    lip_text_size(text, b->parts);
    lip_text_word(text, "\n");
    for (size_t k = 0; k < b->parts; ++k) {
        lip_branch_put_part(b, k, text);
        if (!lip_tree_write(b->root[k], text)) return false;
    }
    return !text->failed && !text->overflown;
}

/* ---- The method -------------------------------------------------------------------------- */

/* Ranges change with the phases of earlier layers, where there are some and the region is bounded. */
static bool has_ranges(const lip_task *task) {
    lip_network_info info;
    lip_network_get_info(task->net, &info);
    return task->query->region->kind != LIP_EVERYWHERE && info.relu_layers > 1;
}

static double unstable(const lip_task *task) {
    const lip_result *result = task->result;
    return (double)(result->neurons - result->stable_active - result->stable_inactive);
}

static bool too_large(const lip_task *task) {
    double inputs = (double)lip_inputs(task->net);
    return lip_dense_size(task->net) > most_weights || inputs + unstable(task) > most_order ||
           inputs + (double)task->result->neurons > most_room;
}

bool lip_exact_possible(const lip_task *task) {
    return lip_region_has_interior(task->query->region) && !too_large(task);
}

static bool fits(lip_task *task, lip_step *step) {
    if (!lip_region_has_interior(task->query->region))
        snprintf(step->note, sizeof step->note, "the region has no interior");
    else if (too_large(task))
        snprintf(
            step->note, sizeof step->note,
            "%zu inputs and %zu neurons, %.0f of them unstable, are too many for branch and bound",
            lip_inputs(task->net), task->result->neurons, unstable(task));
    return !step->note[0];
}

/* What auto tries: Newton steps of some milliseconds at most, and so many multiplications in all, whatever the clock
 * says. */
static const double auto_order = 320, auto_work = 3e11;

bool lip_exact_fits(const lip_task *task) {
    double inputs = fmin((double)lip_inputs(task->net), (double)task->net->layer[1].width);
    return lip_exact_possible(task) && inputs + unstable(task) <= auto_order;
}

static void explain(const lip_branch *b, lip_step *step) {
    const lip_branch_counts *c = &b->counts;
    if (b->full)
        snprintf(step->note, sizeof step->note, "the tree reached --tree-memory");
    else if (b->worn)
        snprintf(step->note, sizeof step->note,
                 "%zu nodes; ended by auto, --method exact goes on until --time", c->nodes);
    else
        snprintf(step->note, sizeof step->note, "%zu nodes, %zu Newton steps, %zu LPs, %zu empty",
                 c->nodes, c->newton, c->programs, c->empty);
}

static void clear(lip_branch *b) {
    for (size_t k = 0; b->root && k < b->parts; ++k) lip_tree_free(b->root[k]);
    for (size_t k = 0; b->spare && k < b->parts; ++k) lip_tree_free(b->spare[k]);
    free(b->root);
    free(b->spare);
    free(b->part);
    free(b->stack);
    lip_dense_free(b->dense);
    lip_witness_clear(&b->witness);
    lip_resume_free(b->resume);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->change);
}

static bool may_be_rough(const lip_branch *b) {
    const lip_task *task = b->task;
    double order = lip_gram_order(b->dense, &b->part[0]) - (double)b->dense->relus + unstable(task);
    return unstable(task) <= most_rough_free && order > rough_order &&
           !(task->exact && task->exact->resume);
}

static const char *left_because(const lip_branch *b) {
    if (b->full) return "the tree reached its memory limit";
    return b->worn ? "ended by auto; goes on if asked for by name" : NULL;
}

static lip_status run(lip_branch *b, lip_step *step, lip_error *err) {
    lip_task *task = b->task;
    b->dense = lip_dense_create(task->net, &task->query->output);
    if (!b->dense || !list_parts(b)) return lip_fail_memory(err);
    b->weights = lip_dense_size(task->net);
    b->may_be_rough = may_be_rough(b);
    lip_status status = lip_witness_create(task->net, task->query, &task->bounds, &b->witness, err);
    if (status == LIP_OK) status = lip_sampling_method(task, b->step, err);
    if (status != LIP_OK) return status;
    b->step->method = step->method;
    b->step->note[0] = '\0';
    if (task->exact && task->exact->resume)
        status = lip_resume_open(b, task->exact->resume, &b->resume, err);
    if (status != LIP_OK) return status;
    b->err = err;
    if (!lip_branch_run(b, (size_t)task->settings->threads))
        return b->status != LIP_OK ? b->status : lip_fail_memory(err);
    step->value = lip_branch_upper(b);
    step->complete = step->value <= task->result->lower * (1 + b->tolerance);
    if (b->at_most > 0) step->complete = lip_branch_decided(b, step->value);
    if (b->failed) return lip_fail_memory(err);
    if (!lip_branch_write(b, &task->statement.text) && !task->statement.text.failed)
        lip_text_clear(&task->statement.text); /* some leaf could not be proved */
    task->statement.uses_bounds = task->statement.uses_ranges = true;
    explain(b, step);
    task->early = left_because(b);
    if (task->exact && task->exact->written) *task->exact->written = b->written;
    return LIP_OK;
}

/* The matrices are far too small for OpenBLAS to share out among its threads, which it tries all the same.  The
 * number is the process's, so it is put back; others who use OpenBLAS meanwhile lose a little time. */
lip_status lip_exact_method(lip_task *task, lip_step *step, lip_error *err) {
    if (!fits(task, step)) return LIP_OK;
    int blas_threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    lip_step lower = {.method = step->method, .side = LIP_LOWER, .evidence = LIP_PROVED};
    lip_branch b = {.task = task, .step = &lower, .tolerance = task->settings->gap};
    b.tightens = has_ranges(task);
    b.cuts = task->query->region->kind == LIP_BOX && lip_inputs(task->net) <= most_cut_inputs;
    size_t by_inputs = free_per_input * lip_inputs(task->net);
    b.most_free = by_inputs > most_free ? by_inputs : most_free;
    b.tightens |= b.cuts;
    b.layered =
        task->query->region->kind != LIP_BOX && lip_inputs(task->net) <= most_layered_inputs;
    b.linear = task->settings->linear_bounds != 0;
    b.most_memory = (size_t)task->settings->tree_memory << 20;
    b.most_work = task->by_auto ? auto_work : INFINITY;
    if (task->exact && task->exact->at_most > 0) b.at_most = task->exact->at_most;
    if (b.at_most > 0) b.tolerance = 0;
    lip_rng_seed(&b.rng, (uint64_t)task->settings->seed);
    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.change, NULL);
    lip_status status = run(&b, step, err);
    clear(&b);
    openblas_set_num_threads(blas_threads);
    return status;
}
