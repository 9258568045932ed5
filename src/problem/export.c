/* The public door to the lifted problem. */
#include "lipcert.h"

#include "base/error.h"
#include "problem/lifted.h"
#include "problem/sdpa.h"

#include <stdio.h>

lip_status lip_export_parts(const lip_network *net, const lip_query *query, size_t *parts,
                            lip_error *err) {
    lip_status status = lip_query_check(net, query, err);
    if (status == LIP_OK) *parts = lip_lifted_parts(net, query);
    return status;
}

static void write_title(const lip_network *net, const lip_query *query, size_t part, char *title,
                        size_t size) {
    static const char *const names[] = {"", "1", "2", "inf"};
    size_t input, output;
    lip_lifted_part(net, query, part, &input, &output);
    int used = snprintf(title, size, "lipcert %s, network %s, norms %s -> %s", lip_version(),
                        net->sha256, names[query->norm_in], names[query->norm_out]);
    if (input != LIP_NONE && used > 0 && (size_t)used < size)
        used += snprintf(title + used, size - (size_t)used, ", input %zu", input);
    if (output != LIP_NONE && used > 0 && (size_t)used < size)
        used += snprintf(title + used, size - (size_t)used, ", output %zu", output);
    const lip_output *o = &query->output;
    if (used <= 0 || (size_t)used >= size) return;
    if (o->kind == LIP_OUTPUT_ROW)
        snprintf(title + used, size - (size_t)used, ", output %zu", o->i);
    if (o->kind == LIP_OUTPUT_MARGIN)
        snprintf(title + used, size - (size_t)used, ", outputs %zu - %zu", o->i, o->j);
}

lip_status lip_export_sdpa(const lip_network *net, const lip_query *query,
                           const lip_settings *given, const lip_export_options *options,
                           char **text, size_t *size, lip_error *err) {
    lip_settings settings;
    lip_preactivation bounds;
    lip_lifted *lifted = NULL;
    char title[300];
    lip_settings_default(&settings);
    if (given) settings = *given;
    lip_status status = lip_settings_check(&settings, err);
    if (status == LIP_OK) status = lip_query_check(net, query, err);
    if (status != LIP_OK) return status;
    lip_bounding how = lip_bounding_of(&settings);
    status = lip_preactivation_find(net, query->region, &how, NULL, &bounds, err);
    if (status != LIP_OK) return status;
    lip_lifted_options lifting = {options ? options->part : 0, options && options->phases,
                                  options ? options->largest : 0, (size_t)settings.gram_limit,
                                  false};
    status = lip_lifted_create_unsorted(net, &bounds, query, &lifting, &lifted, err);
    if (status == LIP_OK) {
        write_title(net, query, lifting.part, title, sizeof title);
        status = lip_sdpa_text(lifted, title, text, size, err);
    }
    lip_lifted_free(lifted);
    lip_preactivation_clear(&bounds);
    return status;
}
