/* What the C compiler says of the public header, for comparison with the structures of the Python
 * package: one line per struct, field, enumerator and setting.  Lines are of the form
 *     struct NAME SIZE | field STRUCT NAME OFFSET SIZE | value NAME NUMBER
 *     setting TYPE NAME OPTION DEFAULT SMALLEST LARGEST HELP
 * with numbers of settings exact (%a) and fields of `setting` separated by tabs. */
#include "lipcert.h"

#include <stdio.h>

#define STRUCT(name) printf("struct %s %zu\n", #name, sizeof(name));
#define FIELD(name, field)                                                                         \
    printf("field %s %s %zu %zu\n", #name, #field, offsetof(name, field),                          \
           sizeof(((name *)0)->field));
#define VALUE(name) printf("value %s %d\n", #name, (int)name);
#define SETTING(type, field, option, standard, smallest, largest, help)                            \
    FIELD(lip_settings, field)                                                                     \
    printf("setting\t%s\t%s\t%s\t%a\t%a\t%a\t%s\n", #type, #field, option, (double)(standard),     \
           (double)(smallest), (double)(largest), help);

static void print_networks(void) {
    STRUCT(lip_error)
    FIELD(lip_error, status)
    FIELD(lip_error, file)
    FIELD(lip_error, place)
    FIELD(lip_error, message)
    STRUCT(lip_read_options)
    FIELD(lip_read_options, nnet_normalise)
    STRUCT(lip_network_info)
    FIELD(lip_network_info, inputs)
    FIELD(lip_network_info, outputs)
    FIELD(lip_network_info, layers)
    FIELD(lip_network_info, relu_layers)
    FIELD(lip_network_info, neurons)
    FIELD(lip_network_info, parameters)
    FIELD(lip_network_info, chain)
    FIELD(lip_network_info, folds)
    FIELD(lip_network_info, sha256)
    FIELD(lip_network_info, format)
    STRUCT(lip_layer_info)
    FIELD(lip_layer_info, width)
    FIELD(lip_layer_info, relu)
    FIELD(lip_layer_info, terms)
    FIELD(lip_layer_info, source)
    FIELD(lip_layer_info, op_kind)
    FIELD(lip_layer_info, nonzeros)
}

static void print_queries(void) {
    STRUCT(lip_output)
    FIELD(lip_output, kind)
    FIELD(lip_output, i)
    FIELD(lip_output, j)
    STRUCT(lip_query)
    FIELD(lip_query, norm_in)
    FIELD(lip_query, norm_out)
    FIELD(lip_query, output)
    FIELD(lip_query, region)
    FIELD(lip_query, point)
    STRUCT(lip_progress)
    FIELD(lip_progress, method)
    FIELD(lip_progress, lower)
    FIELD(lip_progress, upper)
    FIELD(lip_progress, seconds)
    STRUCT(lip_method)
    FIELD(lip_method, name)
    FIELD(lip_method, side)
    FIELD(lip_method, help)
    FIELD(lip_method, source)
}

static void print_radius(void) {
    STRUCT(lip_radius_query)
    FIELD(lip_radius_query, x)
    FIELD(lip_radius_query, norm)
    FIELD(lip_radius_query, label)
    FIELD(lip_radius_query, clip_lo)
    FIELD(lip_radius_query, clip_hi)
    FIELD(lip_radius_query, precision)
    STRUCT(lip_radius_class)
    FIELD(lip_radius_class, radius)
    FIELD(lip_radius_class, margin)
    FIELD(lip_radius_class, upper)
    FIELD(lip_radius_class, region)
    FIELD(lip_radius_class, method)
    STRUCT(lip_radius_result)
    FIELD(lip_radius_result, radius)
    FIELD(lip_radius_result, label)
    FIELD(lip_radius_result, nearest)
    FIELD(lip_radius_result, outputs)
    FIELD(lip_radius_result, of_class)
    FIELD(lip_radius_result, trials)
    FIELD(lip_radius_result, stop)
    FIELD(lip_radius_result, seconds)
    FIELD(lip_radius_result, note)
}

static void print_results(void) {
    STRUCT(lip_step)
    FIELD(lip_step, method)
    FIELD(lip_step, side)
    FIELD(lip_step, value)
    FIELD(lip_step, evidence)
    FIELD(lip_step, seconds)
    FIELD(lip_step, complete)
    FIELD(lip_step, note)
    STRUCT(lip_unfinished)
    FIELD(lip_unfinished, method)
    FIELD(lip_unfinished, reason)
    STRUCT(lip_result)
    FIELD(lip_result, lower)
    FIELD(lip_result, upper)
    FIELD(lip_result, lower_method)
    FIELD(lip_result, upper_method)
    FIELD(lip_result, n)
    FIELD(lip_result, witness_x)
    FIELD(lip_result, witness_t)
    FIELD(lip_result, neurons)
    FIELD(lip_result, stable_active)
    FIELD(lip_result, stable_inactive)
    FIELD(lip_result, steps)
    FIELD(lip_result, step)
    FIELD(lip_result, stop)
    FIELD(lip_result, seconds)
    FIELD(lip_result, certified)
    FIELD(lip_result, proof)
    FIELD(lip_result, unfinished_count)
    FIELD(lip_result, unfinished)
    STRUCT(lip_margins)
    FIELD(lip_margins, outputs)
    FIELD(lip_margins, pairs)
    FIELD(lip_margins, lower)
    FIELD(lip_margins, upper)
    FIELD(lip_margins, largest_lower)
    FIELD(lip_margins, largest_upper)
    FIELD(lip_margins, lower_pair)
    FIELD(lip_margins, upper_pair)
    FIELD(lip_margins, result)
    FIELD(lip_margins, stop)
    FIELD(lip_margins, seconds)
}

static void print_values(void) {
    VALUE(LIP_OK)
    VALUE(LIP_OUT_OF_MEMORY)
    VALUE(LIP_IO)
    VALUE(LIP_FORMAT)
    VALUE(LIP_UNSUPPORTED)
    VALUE(LIP_ARGUMENT)
    VALUE(LIP_INTERNAL)
    VALUE(LIP_EVERYWHERE)
    VALUE(LIP_BOX)
    VALUE(LIP_BALL)
    VALUE(LIP_NORM_1)
    VALUE(LIP_NORM_2)
    VALUE(LIP_NORM_INF)
    VALUE(LIP_OUTPUT_ROW)
    VALUE(LIP_OUTPUT_MARGIN)
    VALUE(LIP_OUTPUT_ALL)
    VALUE(LIP_LOWER)
    VALUE(LIP_UPPER)
    VALUE(LIP_PROVED)
    VALUE(LIP_COMPUTED)
    VALUE(LIP_FINISHED)
    VALUE(LIP_OUT_OF_TIME)
    VALUE(LIP_INTERRUPTED)
}

int main(void) {
    print_networks();
    print_queries();
    print_results();
    print_radius();
    print_values();
    STRUCT(lip_settings)
    LIP_SETTINGS(SETTING)
    return 0;
}
