/* The subcommands that only tell or copy: info, convert, methods, version. */
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- info -------------------------------------------------------------------------------- */

/* One line of the table; the first term stands for all. */
static void print_layer(size_t l, const lip_layer_info *layer) {
    char source[32] = "input";
    if (layer->source > 0) snprintf(source, sizeof source, "layer %zu", layer->source);
    printf("%5zu  %8zu  %-4s  %5zu  %-12s  %-8s  %10zu\n", l, layer->width,
           layer->relu ? "relu" : "-", layer->terms, source, layer->op_kind, layer->nonzeros);
}

static lip_status print_info(const cli_question *question, lip_error *err) {
    const lip_network_info *info = &question->info;
    printf("network     ");
    cli_print_clean(question->path, stdout);
    printf(
        "\nformat      %s\nsha256      %s\ninputs      %zu\noutputs     %zu\n"
        "layers      %zu, %zu with ReLU%s\nneurons     %zu\nparameters  %zu\nfolds       %zu%s\n\n",
        info->format, info->sha256, info->inputs, info->outputs, info->layers, info->relu_layers,
        info->chain ? ", a chain" : "", info->neurons, info->parameters, info->folds,
        info->folds ? " (bounds are for the folded network)" : "");
    puts("layer     width  relu  terms  first source  operator    nonzeros");
    for (size_t l = 1; l <= info->layers; l++) {
        lip_layer_info layer;
        lip_status status = lip_network_get_layer(question->net, l, &layer, err);
        if (status) return status;
        print_layer(l, &layer);
    }
    return LIP_OK;
}

static int report(const cli_arguments *arguments, const cli_question *question) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    if ((!json || strcmp(json, "-") != 0) && print_info(question, &err)) return cli_complain(&err);
    if (json && cli_json_emit(cli_json_info(question), json, &err))
        return cli_complain_output(&err);
    return CLI_EXIT_SUCCESS;
}

int cli_info(const cli_arguments *arguments) {
    const char *json = arguments->value[CLI_JSON][0];
    lip_error err = {0};
    cli_question question;
    memset(&question, 0, sizeof question);
    if (json && strcmp(json, "-") != 0 && cli_check_output(json, arguments->operand[0], &err))
        return cli_complain_output(&err);
    if (cli_load_network(arguments, &question, &err)) return cli_complain(&err);
    int code = report(arguments, &question);
    cli_question_free(&question);
    return code;
}

/* ---- convert ----------------------------------------------------------------------------- */

/* Save the network; the library follows links to files that exist, here the others count too. */
static lip_status save(const cli_question *question, const char *path, lip_error *err) {
    char *target;
    lip_status status = cli_follow_links(path, &target, err);
    if (status) return status;
    status = lip_network_save(question->net, access(path, F_OK) == 0 ? path : target, err);
    free(target);
    return status;
}

int cli_convert(const cli_arguments *arguments) {
    const char *path = arguments->operand[1];
    lip_error err = {0};
    cli_question question;
    memset(&question, 0, sizeof question);
    if (cli_check_output(path, arguments->operand[0], &err)) return cli_complain_output(&err);
    if (cli_load_network(arguments, &question, &err)) return cli_complain(&err);
    lip_status status = save(&question, path, &err);
    cli_question_free(&question);
    return status ? cli_complain_output(&err) : CLI_EXIT_SUCCESS;
}

/* ---- methods and version ----------------------------------------------------------------- */

int cli_methods(const cli_arguments *arguments) {
    (void)arguments;
    printf("%-18s  %-5s  what it does (source)\n", "method", "side");
    for (const lip_method *m = lip_methods(); m->name; m++)
        printf("%-18s  %-5s  %s%s%s%s\n", m->name, m->side, m->help, m->source[0] ? " (" : "",
               m->source, m->source[0] ? ")" : "");
    return CLI_EXIT_SUCCESS;
}

int cli_version(const cli_arguments *arguments) {
    const char *build = lip_build_info();
    size_t length = strlen(build);
    (void)arguments;
    printf("lipcert %s\n%s%s", lip_version(), build,
           length > 0 && build[length - 1] != '\n' ? "\n" : "");
    return CLI_EXIT_SUCCESS;
}
