/* The public door to the relaxations as files. */
#include "lipcert.h"

#include "base/error.h"
#include "poly/handelman.h"
#include "problem/lifted.h"
#include "problem/sdpa.h"
#include "relax/miqcqp.h"
#include "relax/moment_bound.h"

#include <stdio.h>
#include <string.h>

lip_status lip_export_parts(const lip_network *net, const lip_query *query, size_t *parts,
                            lip_error *err) {
    lip_status status = lip_query_check(net, query, err);
    if (status == LIP_OK) *parts = lip_lifted_parts(net, query);
    return status;
}

static void write_title(const lip_network *net, const lip_query *query,
                        const lip_export_options *options, char *title, size_t size) {
    static const char *const names[] = {"", "1", "2", "inf"};
    size_t input, output;
    lip_lifted_part(net, query, options->part, &input, &output);
    int used = snprintf(title, size, "lipcert %s, relaxation %.20s, network %s, norms %s -> %s",
                        lip_version(), options->relaxation, net->sha256, names[query->norm_in],
                        names[query->norm_out]);
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

/* ---- Relaxations ------------------------------------------------------------------------- */

typedef struct exporting {
    const lip_network *net;
    const lip_query *query;
    const lip_settings *settings;
    const lip_export_options *options;
    lip_preactivation bounds;
    char title[300];
} exporting;

static lip_status tangent_text(const exporting *x, char **text, size_t *size, lip_error *err) {
    lip_lifted *lifted = NULL;
    lip_lifted_options lifting = {x->options->part, x->options->phases, x->options->largest,
                                  (size_t)x->settings->gram_limit, false};
    lip_status status =
        lip_lifted_create_unsorted(x->net, &x->bounds, x->query, &lifting, &lifted, err);
    if (status == LIP_OK) status = lip_sdpa_text(lifted, x->title, text, size, err);
    lip_lifted_free(lifted);
    return status;
}

static lip_status moment_text(const exporting *x, lip_hierarchy hierarchy, char **text,
                              size_t *size, lip_error *err) {
    lip_poly_problem *problem = NULL;
    lip_relaxation *relaxation = NULL;
    lip_poly_options options = lip_moment_options(hierarchy, x->options->part);
    lip_status status =
        lip_poly_problem_create(x->net, &x->bounds, x->query, &options, &problem, err);
    if (status == LIP_OK)
        status =
            lip_relaxation_create(problem, hierarchy, (size_t)x->settings->order, &relaxation, err);
    if (status == LIP_OK) status = lip_relaxation_sdpa(relaxation, x->title, text, size, err);
    lip_relaxation_free(relaxation);
    lip_poly_problem_free(problem);
    return status;
}

/* The names of relaxations are those of methods. */
static lip_status relaxation_text(const exporting *x, char **text, size_t *size, lip_error *err) {
    const char *name = x->options->relaxation;
    if (strcmp(name, "tangent") == 0) return tangent_text(x, text, size, err);
    if (strcmp(name, "hr1") == 0) return moment_text(x, LIP_HIERARCHY_HR1, text, size, err);
    if (strcmp(name, "hr2-blocks") == 0) return moment_text(x, LIP_HIERARCHY_HR2, text, size, err);
    if (strcmp(name, "lasserre") == 0)
        return moment_text(x, LIP_HIERARCHY_LASSERRE, text, size, err);
    return lip_fail(err, LIP_ARGUMENT, NULL,
                    "unknown relaxation '%.60s': expected tangent, hr1, hr2-blocks or lasserre",
                    name);
}

/* Is it one of the mixed-integer formulations?  *tau tells them apart. */
static bool is_miqcqp(const char *name, double *tau) {
    bool lower = name && strcmp(name, "miqcqp-lower") == 0;
    *tau = lower ? LIP_MIQCQP_FILE_TAU : 0;
    return lower || (name && strcmp(name, "miqcqp") == 0);
}

static lip_status miqcqp_text(const exporting *x, double tau, bool mps, char **text, size_t *size,
                              lip_error *err) {
    lip_miqcqp *model = NULL;
    lip_miqcqp_options options = {x->options->part, tau};
    lip_status status = lip_miqcqp_create(x->net, &x->bounds, x->query, &options, &model, err);
    if (status == LIP_OK)
        status = (mps ? lip_miqcqp_mps : lip_miqcqp_lp)(model, x->title, text, size, err);
    lip_miqcqp_free(model);
    return status;
}

static lip_status lp_text(const exporting *x, char **text, size_t *size, lip_error *err) {
    double tau;
    if (is_miqcqp(x->options->relaxation, &tau)) return miqcqp_text(x, tau, false, text, size, err);
    return lip_fail(err, LIP_ARGUMENT, NULL,
                    "unknown formulation '%.60s': expected miqcqp or miqcqp-lower",
                    x->options->relaxation);
}

enum { MOST_PRODUCTS = 1 << 20 };

static lip_status mps_text(const exporting *x, char **text, size_t *size, lip_error *err) {
    lip_poly_problem *problem = NULL;
    lip_handelman *h = NULL;
    lip_poly_options options = {.part = x->options->part};
    const char *name = x->options->relaxation;
    double tau;
    if (is_miqcqp(name, &tau)) return miqcqp_text(x, tau, true, text, size, err);
    if (strcmp(name, "lipopt") != 0)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "unknown linear relaxation '%.60s': expected lipopt, miqcqp or "
                        "miqcqp-lower",
                        name);
    lip_status status =
        lip_poly_problem_create(x->net, &x->bounds, x->query, &options, &problem, err);
    if (status == LIP_OK)
        status = lip_handelman_create(problem, (size_t)x->settings->degree, MOST_PRODUCTS, &h, err);
    if (status == LIP_OK) status = lip_handelman_mps(h, x->title, text, size, err);
    lip_handelman_free(h);
    lip_poly_problem_free(problem);
    return status;
}

/* ---- The doors --------------------------------------------------------------------------- */

typedef lip_status (*text_fn)(const exporting *x, char **text, size_t *size, lip_error *err);

/* `usual` is the relaxation if none is named. */
static lip_status export_with(text_fn write, const char *usual, const lip_network *net,
                              const lip_query *query, const lip_settings *given,
                              const lip_export_options *options, char **text, size_t *size,
                              lip_error *err) {
    lip_export_options own = {0};
    lip_settings settings;
    exporting x = {.net = net, .query = query, .settings = &settings, .options = &own};
    if (options) own = *options;
    if (!own.relaxation) own.relaxation = usual;
    lip_settings_default(&settings);
    if (given) settings = *given;
    lip_status status = lip_settings_check(&settings, err);
    if (status == LIP_OK) status = lip_query_check(net, query, err);
    if (status != LIP_OK) return status;
    lip_bounding how = lip_bounding_of(&settings);
    status = lip_preactivation_find(net, query->region, &how, NULL, &x.bounds, err);
    if (status != LIP_OK) return status;
    write_title(net, query, x.options, x.title, sizeof x.title);
    status = write(&x, text, size, err);
    lip_preactivation_clear(&x.bounds);
    return status;
}

lip_status lip_export_sdpa(const lip_network *net, const lip_query *query,
                           const lip_settings *settings, const lip_export_options *options,
                           char **text, size_t *size, lip_error *err) {
    return export_with(relaxation_text, "tangent", net, query, settings, options, text, size, err);
}

lip_status lip_export_mps(const lip_network *net, const lip_query *query,
                          const lip_settings *settings, const lip_export_options *options,
                          char **text, size_t *size, lip_error *err) {
    return export_with(mps_text, "lipopt", net, query, settings, options, text, size, err);
}

lip_status lip_export_lp(const lip_network *net, const lip_query *query,
                         const lip_settings *settings, const lip_export_options *options,
                         char **text, size_t *size, lip_error *err) {
    return export_with(lp_text, "miqcqp", net, query, settings, options, text, size, err);
}
