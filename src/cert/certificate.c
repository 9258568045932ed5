/* The certificate of a result: what its methods left behind, put together (docs/certificate.md). */
#include "cert/certificate.h"

#include "base/error.h"
#include "net/canonical.h"
#include "net/network.h"
#include "problem/proof.h"
#include "region/region.h"

#include <math.h>
#include <string.h>

static const char *norm_name(lip_norm norm) {
    return norm == LIP_NORM_1 ? "1" : norm == LIP_NORM_2 ? "2" : "inf";
}

static void put_region(lip_text *text, const lip_region *region) {
    switch (region->kind) {
    case LIP_EVERYWHERE: lip_text_word(text, "region everywhere\n"); return;
    case LIP_BOX:
        lip_text_word(text, "region box\n");
        lip_text_reals(text, "lo", region->n, region->lo);
        lip_text_reals(text, "hi", region->n, region->hi);
        return;
    case LIP_BALL:
        lip_text_word(text, "region ball");
        lip_text_real(text, region->radius);
        lip_text_word(text, "\n");
        lip_text_reals(text, "centre", region->n, region->centre);
        return;
    }
}

static void put_output(lip_text *text, const lip_output *output) {
    if (output->kind == LIP_OUTPUT_ALL) {
        lip_text_word(text, "output all\n");
        return;
    }
    lip_text_word(text, output->kind == LIP_OUTPUT_ROW ? "output row" : "output margin");
    lip_text_size(text, output->i);
    if (output->kind == LIP_OUTPUT_MARGIN) lip_text_size(text, output->j);
    lip_text_word(text, "\n");
}

static void put_question(lip_text *text, const char *hash, const lip_query *query) {
    lip_text_word(text, "lipcert-certificate 1\nnetwork ");
    lip_text_word(text, hash);
    lip_text_word(text, "\n");
    put_region(text, query->region);
    lip_text_word(text, "norms ");
    lip_text_word(text, norm_name(query->norm_in));
    lip_text_word(text, " ");
    lip_text_word(text, norm_name(query->norm_out));
    lip_text_word(text, "\n");
    put_output(text, &query->output);
}

static void put_claim(lip_text *text, const char *side, bool known, double value) {
    lip_text_word(text, side);
    if (known)
        lip_text_real(text, value);
    else
        lip_text_word(text, " none");
    lip_text_word(text, "\n");
}

/* Does a statement state bounds of pre-activations, in lines "least"?  Others rest on phases only. */
static bool states_bounds(const lip_text *statement) {
    static const char line[] = "\nleast ";
    size_t length = sizeof line - 1;
    for (size_t i = 0; i + length <= statement->size; ++i)
        if (memcmp(statement->bytes + i, line, length) == 0) return true;
    return false;
}

static void put_bounds(lip_text *text, const lip_proof *proof, bool upper, bool lower) {
    bool ranges = proof->statement.uses_ranges || states_bounds(&proof->statement.text);
    bool all = upper && proof->all_bounds.size > 0 && ranges;
    if ((upper && proof->statement.uses_bounds) || (lower && proof->witness_uses_bounds))
        lip_text_append(text, all ? &proof->all_bounds : &proof->bounds);
    else
        lip_text_word(text, "bounds none\n");
}

static void put_claims(lip_text *text, const lip_result *result) {
    const lip_proof *proof = result->proof;
    bool upper = proof->upper < INFINITY, lower = result->witness_x != NULL;
    put_bounds(text, proof, upper, lower);
    put_claim(text, "upper", upper, proof->upper);
    put_claim(text, "lower", lower, result->lower);
    if (upper) lip_text_append(text, &proof->statement.text);
    if (lower) {
        lip_text_word(text, "witness\n");
        lip_text_reals(text, "point", result->n, result->witness_x);
        lip_text_reals(text, "direction", result->n, result->witness_t);
    }
    lip_text_word(text, "end\n");
}

lip_status lip_certificate_question(const lip_network *net, const lip_query *query, lip_text *text,
                                    lip_error *err) {
    char hash[65];
    lip_status status = lip_canonical_hash(net, hash, err);
    if (status != LIP_OK) return status;
    put_question(text, hash, query);
    return text->failed ? lip_fail_memory(err) : LIP_OK;
}

static lip_status check_result(const lip_network *net, const lip_query *query,
                               const lip_result *result, lip_error *err) {
    if (lip_inputs(net) != result->n || query->region->n != result->n)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "the result is for %zu inputs, but the network has %zu", result->n,
                        lip_inputs(net));
    if (!(result->proof->upper < INFINITY) && !result->witness_x)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "there is no bound that a certificate could state");
    return LIP_OK;
}

lip_status lip_certificate(const lip_network *net, const lip_query *query, const lip_result *result,
                           char **text, size_t *size, lip_error *err) {
    lip_text out = {0};
    char hash[65];
    lip_status status = check_result(net, query, result, err);
    if (status == LIP_OK) status = lip_canonical_hash(net, hash, err);
    if (status != LIP_OK) return status;
    put_question(&out, hash, query);
    put_claims(&out, result);
    if (out.failed || out.overflown) {
        if (out.failed)
            status = lip_fail_memory(err);
        else
            status = lip_fail(err, LIP_INTERNAL, NULL, "a number is not finite");
        lip_text_clear(&out);
        return status;
    }
    *text = out.bytes;
    *size = out.size;
    return LIP_OK;
}
