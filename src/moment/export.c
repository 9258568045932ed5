/* A relaxation in SDPA sparse format (Fujisawa, Kojima, Nakata, Yamashita; SDPA manual, section 4).
 *
 *     minimise  c'x   subject to   sum x_k F_k - F_0 >= 0
 *
 * x_k are the free multipliers y of moment/assemble.c, the blocks its Gram matrices, in their
 * order, and a last, diagonal block has a row for every y that must not be negative.  c'x plus the
 * number named in the comment, times the power of two named there, bounds the largest w'S J t of
 * the part. */
#include "moment/relaxation.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double that reads back as itself, with a decimal point whatever the locale, after a space. */
static void write_number(lip_text *out, double x) {
    char number[64];
    snprintf(number, sizeof number, " %.17g", x);
    for (char *c = number; *c; ++c)
        if (!strchr("0123456789+-e ", *c)) *c = '.';
    lip_text_word(out, number);
}

static void write_entry(lip_text *out, size_t k, size_t block, size_t row, size_t column,
                        double value) {
    char head[120];
    if (value == 0) return;
    snprintf(head, sizeof head, "%zu %zu %zu %zu", k, block + 1, row + 1, column + 1);
    lip_text_word(out, head);
    write_number(out, value);
    lip_text_word(out, "\n");
}

static size_t count_signs(const lip_sdp *sdp) {
    size_t count = 0;
    for (size_t k = 0; k < sdp->variables; ++k) count += sdp->nonnegative[k];
    return count;
}

static void write_head(lip_text *out, const lip_sdp *sdp) {
    size_t signs = count_signs(sdp);
    char line[80];
    snprintf(line, sizeof line, "%zu\n%zu\n", sdp->variables, sdp->blocks + (signs > 0));
    lip_text_word(out, line);
    for (size_t b = 0; b < sdp->blocks; ++b) lip_text_size(out, sdp->order[b]);
    if (signs) {
        snprintf(line, sizeof line, " -%zu", signs);
        lip_text_word(out, line);
    }
    lip_text_word(out, "\n");
    for (size_t k = 0; k < sdp->variables; ++k) write_number(out, sdp->cost[k]);
    lip_text_word(out, "\n");
}

/* S = C - sum y A is sum x F - F_0 with F_k = -A_k, F_0 = -C. */
static void write_program(lip_text *out, const lip_sdp *sdp) {
    size_t sign = 0;
    write_head(out, sdp);
    for (size_t i = 0; i < sdp->entries; ++i) {
        const lip_sdp_entry *e = &sdp->entry[i];
        write_entry(out, e->variable, e->block, e->column, e->row, -e->value);
    }
    for (size_t k = 0; k < sdp->variables; ++k)
        if (sdp->nonnegative[k]) {
            write_entry(out, k + 1, sdp->blocks, sign, sign, 1);
            ++sign;
        }
}

lip_status lip_relaxation_sdpa(const lip_relaxation *r, const char *title, char **text,
                               size_t *size, lip_error *err) {
    lip_sdp sdp = {0};
    lip_text out = {0};
    double scale = lip_relaxation_scale(r), constant;
    int exponent;
    char line[120];
    lip_status status = lip_relaxation_assemble(r, scale, &sdp, &constant, err);
    if (status == LIP_OK) {
        frexp(scale, &exponent);
        snprintf(line, sizeof line,
                 "\n* bound = (value + constant) * 2^%d, constant =", 1 - exponent);
        lip_text_word(&out, "* ");
        lip_text_word(&out, title);
        lip_text_word(&out, line);
        write_number(&out, constant);
        lip_text_word(&out, "\n");
        lip_sdp_gather(&sdp);
        write_program(&out, &sdp);
        if (out.failed) status = lip_fail_memory(err);
    }
    lip_sdp_clear(&sdp);
    if (status == LIP_OK) {
        *text = out.bytes;
        *size = out.size;
    } else
        lip_text_clear(&out);
    return status;
}
