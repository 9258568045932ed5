/* Output selections: which rows of the Jacobian a query is about. */
#include "base/error.h"
#include "net/network.h"
#include "region/region.h"

#include <math.h>
#include <string.h>

size_t lip_output_rows(const lip_network *net, const lip_output *output) {
    return output->kind == LIP_OUTPUT_ALL ? lip_outputs(net) : 1;
}

void lip_output_block(const lip_network *net, const lip_output *output, double *block) {
    size_t m = lip_outputs(net), k = lip_output_rows(net, output);
    memset(block, 0, m * k * sizeof *block);
    switch (output->kind) {
    case LIP_OUTPUT_ROW: block[output->i] = 1; break;
    case LIP_OUTPUT_MARGIN:
        block[output->i] = 1;
        block[output->j] = -1;
        break;
    case LIP_OUTPUT_ALL:
        for (size_t i = 0; i < m; ++i) block[i * k + i] = 1;
        break;
    }
}

static bool known_norm(lip_norm norm) {
    return norm == LIP_NORM_1 || norm == LIP_NORM_2 || norm == LIP_NORM_INF;
}

static lip_status check_output(const lip_network *net, const lip_output *output, lip_error *err) {
    size_t m = lip_outputs(net);
    size_t largest = output->i;
    if (output->kind == LIP_OUTPUT_ALL) return LIP_OK;
    if (output->kind != LIP_OUTPUT_ROW && output->kind != LIP_OUTPUT_MARGIN)
        return lip_fail(err, LIP_ARGUMENT, NULL, "unknown kind of output selection %d",
                        (int)output->kind);
    if (output->kind == LIP_OUTPUT_MARGIN && output->j > largest) largest = output->j;
    if (largest >= m)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected an output from 0 to %zu, found %zu",
                        m - 1, largest);
    if (output->kind == LIP_OUTPUT_MARGIN && output->i == output->j)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "expected a margin between two different outputs, found %zu twice",
                        output->i);
    return LIP_OK;
}

static lip_status check_point(const lip_network *net, const lip_query *query, lip_error *err) {
    for (size_t i = 0; i < lip_inputs(net); ++i)
        if (!isfinite(query->point[i]))
            return lip_fail(err, LIP_ARGUMENT, NULL, "expected a finite point, but entry %zu is %g",
                            i, query->point[i]);
    if (!lip_region_contains(query->region, query->point))
        return lip_fail(err, LIP_ARGUMENT, NULL, "the point lies outside the region");
    return LIP_OK;
}

lip_status lip_query_check(const lip_network *net, const lip_query *query, lip_error *err) {
    if (!known_norm(query->norm_in) || !known_norm(query->norm_out))
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected norm 1, 2 or inf, found code %d",
                        known_norm(query->norm_in) ? (int)query->norm_out : (int)query->norm_in);
    if (!query->region) return lip_fail(err, LIP_ARGUMENT, NULL, "expected a region, found none");
    if (lip_region_dimension(query->region) != lip_inputs(net))
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "the network has %zu inputs, but the region has dimension %zu",
                        lip_inputs(net), lip_region_dimension(query->region));
    lip_status status = check_output(net, &query->output, err);
    return status == LIP_OK && query->point ? check_point(net, query, err) : status;
}
