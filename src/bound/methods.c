/* The table of methods. */
#include "bound/methods.h"

#include "base/error.h"
#include "relax/miqcqp.h"

#include <string.h>

static const lip_method methods[] = {
    {"auto", "both", "every method below but those that say so, upper and lower bounds", ""},
    {"product", "upper", "product of operator norms, best chain of norms 1, 2, inf",
     "Szegedy et al. 2014"},
    {"interval", "upper", "interval Jacobian; stable neurons are fixed", "Weng et al. 2018"},
    {"point", "lower", "gradient norm at the point of --input; part of auto if there is one", ""},
    {"lbs", "lower", "largest gradient norm at random points", "Chen et al. 2020"},
    {"ascent", "lower",
     "annealed ascent of the gradient norm from many starting points; part of search",
     "lipcert, docs/theory.md"},
    {"search", "lower",
     "ascent, then patterns made attainable and local search over neighbouring cells",
     "lipcert, docs/theory.md"},
    {"shor", "upper", "Shor's semidefinite relaxation, one hidden layer; left out of auto",
     "Chen et al. 2020"},
    {"tangent", "upper", "semidefinite relaxation of the tangent, any depth",
     "Fazlyab et al. 2019 (LipSDP)"},
    {"hr2", "upper", "tangent with what a box or ball says of patterns; in auto if there is one",
     "Chen et al. 2020 (HR-2)"},
    {"tight", "upper",
     "hr2 and triangle inequalities in stages; auto ends with it where exact does not fit",
     "lipcert, docs/relaxations.md"},
    {"hr1", "upper",
     "first-order moments, a matrix for each neuron of layer 2 on, as published; not in auto",
     "Chen et al. 2020 (HR-1)"},
    {"hr2-blocks", "upper", "hr1 and moment blocks of order 2, as published; not in auto",
     "Chen et al. 2020 (HR-2)"},
    {"lasserre", "upper", "sparse moment hierarchy of --order; tiny networks, not in auto",
     "Lasserre 2001; Waki et al. 2006"},
    {"lipopt", "upper",
     "LipOpt-k: products of degree --degree, linear programs by HiGHS; any depth, not in auto",
     "Latorre et al. 2020"},
    {"exact", "upper",
     "branch and bound over activation patterns, both bounds; auto ends with it where it fits",
     "Sbihi et al. 2024; lipcert, docs/exact.md"},
    {"miqcqp", "upper",
     "both mixed-integer formulations on a box by HiGHS, computed only; norms inf, 1; not in auto",
     "Sbihi et al. 2024"},
    {NULL, NULL, NULL, NULL}};

static const lip_method_fn functions[] = {NULL,
                                          lip_product_method,
                                          lip_interval_method,
                                          lip_point_method,
                                          lip_sampling_method,
                                          lip_ascent_method,
                                          lip_search_method,
                                          lip_shor_method,
                                          lip_tangent_method,
                                          lip_hr2_method,
                                          lip_tight_method,
                                          lip_hr1_method,
                                          lip_hr2_blocks_method,
                                          lip_lasserre_method,
                                          lip_lipopt_method,
                                          lip_exact_method,
                                          lip_miqcqp_method};

const lip_method *lip_methods(void) { return methods; }

size_t lip_method_count(void) { return sizeof functions / sizeof functions[0]; }

lip_method_fn lip_method_function(size_t index) { return functions[index]; }

lip_side lip_method_side(size_t index) {
    return strcmp(methods[index].side, "upper") == 0 ? LIP_UPPER : LIP_LOWER;
}

bool lip_method_in_auto(size_t index, const lip_query *query) {
    if (functions[index] == lip_point_method) return query->point != NULL;
    if (functions[index] == lip_hr2_method) return query->region->kind != LIP_EVERYWHERE;
    static const lip_method_fn outside[] = {
        lip_ascent_method, lip_shor_method,       lip_tight_method,
        lip_hr1_method,    lip_hr2_blocks_method, lip_lasserre_method,
        lip_lipopt_method, lip_exact_method,      lip_miqcqp_method};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; ++i)
        if (functions[index] == outside[i]) return false;
    return true;
}

lip_status lip_method_check(size_t index, const lip_network *net, const lip_query *query,
                            lip_error *err) {
    lip_network_info info;
    lip_network_get_info(net, &info);
    if (functions[index] == lip_point_method && !query->point)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "method 'point' needs a point, expected option --input or lip_query.point");
    if (functions[index] == lip_miqcqp_method) return lip_miqcqp_check(net, query, err);
    if (functions[index] != lip_shor_method || info.relu_layers == 1) return LIP_OK;
    return lip_fail(err, LIP_ARGUMENT, NULL,
                    "method 'shor' fits networks with one hidden layer of ReLUs, this one has %zu: "
                    "use 'tangent'",
                    info.relu_layers);
}
