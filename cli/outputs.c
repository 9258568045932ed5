/* Output files: checked before the run, so that a slip costs no time; written after the bounds were printed, so
 * that a full disk costs no result. */
#include "outputs.h"

#include "failure.h"
#include "files.h"
#include "number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The files that may be written; NULL where none was asked for. */
static const cli_option_id outputs[] = {CLI_JSON, CLI_WITNESS, CLI_CERTIFICATE, CLI_CHECKPOINT};
enum { OUTPUTS = sizeof outputs / sizeof outputs[0] };

static const char *output_file(const cli_arguments *arguments, size_t i) {
    const char *path = arguments->value[outputs[i]][0];
    if (arguments->given[CLI_ALL_MARGINS] && outputs[i] == CLI_CERTIFICATE) return NULL;
    return outputs[i] == CLI_JSON && path && strcmp(path, "-") == 0 ? NULL : path;
}

/* Output i can be written, and is neither the network nor an earlier output. */
static lip_status check_output(const cli_arguments *arguments, size_t i, lip_error *err) {
    const char *path = output_file(arguments, i);
    if (!path) return LIP_OK;
    lip_status status = cli_check_output(path, arguments->operand[0], err);
    for (size_t j = 0; !status && j < i; j++) {
        const char *other = output_file(arguments, j);
        bool same = false;
        if (other) status = cli_same_file(other, path, &same, err);
        if (!status && same)
            status =
                cli_fail(err, LIP_ARGUMENT, CLI_PLACE(outputs[i]),
                         "the file is that of --%s: %.200s", cli_options[outputs[j]].name, path);
    }
    return status;
}

lip_status cli_check_outputs(const cli_arguments *arguments, lip_error *err) {
    lip_status status = LIP_OK;
    for (size_t i = 0; !status && i < OUTPUTS; i++) status = check_output(arguments, i, err);
    return status;
}

static int nothing_to_write(const char *place, const char *what) {
    lip_error err = {0};
    cli_record(&err, LIP_ARGUMENT, place, "%s, nothing is written", what);
    (void)cli_complain(&err);
    return CLI_EXIT_NO_ANSWER;
}

static int write_witness(const char *path, const lip_result *result) {
    lip_error err = {0};
    if (!result->witness_x) return nothing_to_write("option --witness", "no witness was found");
    if (cli_write_npy(path, result->witness_x, result->n, &err)) return cli_complain_output(&err);
    return CLI_EXIT_SUCCESS;
}

static int write_certificate(const char *path, const cli_question *question,
                             const lip_result *result) {
    lip_error err = {0};
    char *text = NULL;
    size_t size = 0;
    if (!result->witness_x && !(result->certified < INFINITY))
        return nothing_to_write("option --certificate", "there is no bound to certify");
    lip_status status =
        lip_certificate(question->net, &question->query, result, &text, &size, &err);
    if (status) return cli_complain(&err);
    status = cli_write_file(path, text, size, &err);
    free(text);
    return status ? cli_complain_output(&err) : CLI_EXIT_SUCCESS;
}

int cli_write_outputs(const cli_arguments *arguments, const cli_question *question,
                      const lip_result *result) {
    const char *witness = arguments->value[CLI_WITNESS][0];
    const char *certificate = arguments->value[CLI_CERTIFICATE][0];
    int code = CLI_EXIT_SUCCESS;
    if (certificate) code = write_certificate(certificate, question, result);
    if (witness && code == CLI_EXIT_SUCCESS) code = write_witness(witness, result);
    return code;
}

bool cli_uses_checkpoints(const cli_arguments *arguments) {
    return arguments->given[CLI_CHECKPOINT] || arguments->given[CLI_RESUME];
}

lip_status cli_checkpoint_options(const cli_arguments *arguments, lip_exact_options *options,
                                  lip_error *err) {
    const char *every = arguments->value[CLI_CHECKPOINT_EVERY][0];
    options->checkpoint = arguments->value[CLI_CHECKPOINT][0];
    options->resume = arguments->value[CLI_RESUME][0];
    if (!every) return LIP_OK;
    const char *place = "option --checkpoint-every";
    if (!options->checkpoint) return cli_fail(err, LIP_ARGUMENT, place, "needs --checkpoint");
    lip_status status = cli_parse_double(every, place, &options->checkpoint_seconds, err);
    if (!status && !(options->checkpoint_seconds > 0))
        status =
            cli_fail(err, LIP_ARGUMENT, place, "expected a positive number, found %.60s", every);
    return status;
}
