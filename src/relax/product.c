/* Product of operator norms, over a graph and over norms.
 *
 * A ReLU's derivative is diagonal with entries in [0, 1], and such a factor does not increase a vector's
 * 1-, 2- or inf-norm.  So if N_s[b] bounds ||d h_s / d x||_{p -> b} for every source s, then
 *
 *     N_l[a] = sum over terms  min_b  N_s[b] ||A||_{b -> a}
 *
 * bounds ||d h_l / d x||_{p -> a}, starting from N_0[b] = ||I||_{p -> b}.  The norm between two layers
 * is free: the minimum picks the best chain of the nine norms of each matrix.  On a chain with one norm
 * throughout this is the classical product of Szegedy et al. 2014. */
#include "base/error.h"
#include "base/memory.h"
#include "base/round.h"
#include "linalg/norms.h"
#include "problem/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows of the output layer's operator that the query selects, as an operator; margins subtract two
 * rows and round once, which is covered by enlarging every entry (a single row's norms are monotone in
 * the magnitudes of its entries).  NULL if memory is short. */
static lip_op *select_rows(const lip_network *net, const lip_output *output, const lip_op *op) {
    double *unit = LIP_NEW(double, op->rows);
    lip_op *row = lip_op_dense(1, op->cols);
    if (unit && row) {
        lip_output_block(net, output, unit);
        lip_op_adjoint(op, 1, unit, row->value);
        for (size_t j = 0; output->kind == LIP_OUTPUT_MARGIN && j < op->cols; ++j)
            if (row->value[j] != 0) row->value[j] = lip_up(fabs(row->value[j]));
    } else {
        lip_op_free(row);
        row = NULL;
    }
    free(unit);
    return row;
}

/* The nine norms of one term, of the selected rows only where it belongs to the output layer. */
static bool term_norms(const lip_task *task, size_t l, const lip_op *op, size_t limit,
                       lip_norm_table *norms) {
    const lip_output *output = &task->query->output;
    if (l < task->net->layers || output->kind == LIP_OUTPUT_ALL)
        return lip_norm_bounds(op, limit, norms);
    lip_op *row = select_rows(task->net, output, op);
    bool ok = row && lip_norm_bounds(row, limit, norms);
    lip_op_free(row);
    return ok;
}

/* N_l from those of its sources; bound is indexed [layer][norm - 1].  Spectral norms go into lines. */
static bool layer_bounds(const lip_task *task, size_t l, size_t limit, double (*bound)[3],
                         lip_text *lines) {
    const lip_layer *layer = &task->net->layer[l];
    memset(bound[l], 0, sizeof bound[l]);
    for (size_t t = 0; t < layer->nterms; ++t) {
        lip_norm_table norms;
        if (!term_norms(task, l, layer->term[t].op, limit, &norms)) return false;
        if (norms.spectral > 0) lip_statement_spectral(lines, l, t, norms.spectral);
        for (int a = 0; a < 3; ++a) {
            double best = INFINITY;
            for (int b = 0; b < 3; ++b) {
                double product = lip_mul_up(bound[layer->term[t].source][b], norms.value[b][a]);
                if (product < best) best = product;
            }
            bound[l][a] = best == 0 ? bound[l][a] : lip_add_up(bound[l][a], best);
        }
    }
    return true;
}

/* The bound of the last layer; of a single row all norms are the same. */
static double last_bound(const lip_task *task, double (*bound)[3]) {
    const double *last = bound[task->net->layers];
    double own = last[task->query->norm_out - 1];
    return task->query->output.kind == LIP_OUTPUT_ALL ? own : fmin(own, last[LIP_NORM_INF - 1]);
}

/* One pass; *value is lowered only if every layer was reached. */
static bool run_pass(lip_task *task, size_t limit, bool stoppable, double (*bound)[3],
                     double *value, bool *complete) {
    const lip_network *net = task->net;
    lip_text lines = {0};
    bool ok = true;
    size_t l = 1;
    *complete = false;
    for (; ok && l <= net->layers; ++l) {
        if (stoppable && lip_watch_expired(&task->watch)) break;
        ok = layer_bounds(task, l, limit, bound, &lines);
    }
    *complete = ok && l > net->layers;
    if (*complete && lip_claim(last_bound(task, bound)) < *value) {
        *value = lip_claim(last_bound(task, bound));
        lip_statement_clear(&task->statement);
        lip_text_word(&task->statement.text, "statement product\n");
        lip_text_append(&task->statement.text, &lines);
    }
    lip_text_clear(&lines);
    return ok;
}

/* First without Gram matrices, which is quick and never left out, so that even a run that is stopped at
 * once has an upper bound; then with them. */
lip_status lip_product_method(lip_task *task, lip_step *step, lip_error *err) {
    const lip_network *net = task->net;
    double(*bound)[3] = lip_alloc(net->layers + 1, sizeof *bound);
    if (!bound) return lip_fail_memory(err);
    for (int b = 0; b < 3; ++b)
        bound[0][b] = lip_norm_identity(lip_inputs(net), task->query->norm_in, (lip_norm)(b + 1));
    bool ok = run_pass(task, 0, false, bound, &step->value, &step->complete) &&
              run_pass(task, (size_t)task->settings->gram_limit, true, bound, &step->value,
                       &step->complete);
    free(bound);
    return ok ? LIP_OK : lip_fail_memory(err);
}
