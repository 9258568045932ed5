/* The published program of LipOpt-k as a file:
 *
 *     minimise g   subject to, for every monomial m,    g [m = 1] - sum over P  c_P P_m = F_m,   c >= 0,
 *
 * P_m and F_m the coefficients of m in P and F, in the variables x of poly/handelman.h.  Nothing is
 * eliminated here.  Free MPS format; a row has the name of its monomial, a column that of its product:
 * t3 is (1 + t_3) / 2, u1.4 the phase of neuron 4 of layer 1, ~ stands for 1 - x. */
#include "poly/handelman.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = LIP_MOST_DEGREE * 44 + 2 };

/* The name of the product over the variables of m in `present`; those not in `on` as 1 - x. */
static void write_name(const lip_handelman *h, const lip_monomial *m, size_t present, size_t on,
                       char name[NAME]) {
    size_t used = 0;
    name[0] = 0;
    for (size_t i = 0; i < m->degree; ++i) {
        const lip_ring_variable *v = &h->problem->variable[m->variable[i]];
        const char *star = used ? "*" : "", *off = on >> i & 1 ? "" : "~";
        if (!(present >> i & 1)) continue;
        if (v->kind == LIP_RING_T)
            used += (size_t)snprintf(name + used, NAME - used, "%s%st%zu", star, off, v->index);
        else
            used += (size_t)snprintf(name + used, NAME - used, "%s%su%zu.%zu", star, off, v->layer,
                                     v->index);
    }
    if (used == 0) snprintf(name, NAME, "1");
}

/* A line of two names and a number that reads back as itself, whatever the locale. */
static void write_line(lip_text *out, const char *left, const char *right, double x) {
    char number[64];
    snprintf(number, sizeof number, " %.17g\n", x);
    for (char *c = number; *c; ++c)
        if (!strchr("0123456789+-e \n", *c)) *c = '.';
    lip_text_word(out, " ");
    lip_text_word(out, left);
    lip_text_word(out, " ");
    lip_text_word(out, right);
    lip_text_word(out, number);
}

static void write_row(const lip_handelman *h, const lip_monomial *m, lip_text *out) {
    char name[NAME];
    write_name(h, m, ~(size_t)0, ~(size_t)0, name);
    lip_text_word(out, " E ");
    lip_text_word(out, name);
    lip_text_word(out, "\n");
}

static bool is_column(const lip_handelman *h, const lip_monomial *m) {
    return lip_monomial_find(&h->column, m) != LIP_NO_MONOMIAL;
}

static void write_rows(const lip_handelman *h, lip_text *out) {
    lip_text_word(out, "ROWS\n N bound\n");
    for (size_t j = 0; j < h->column.count; ++j) write_row(h, &h->column.item[j], out);
    for (size_t i = 0; i < h->whole.count; ++i)
        if (!is_column(h, &h->whole.item[i])) write_row(h, &h->whole.item[i], out);
}

/* The column of P_A: the coefficient of the product over T, A <= T <= S, is (-1)^|T \ A|. */
static void write_product(const lip_handelman *h, const lip_monomial *m, size_t a, lip_text *out) {
    char name[NAME], row[NAME];
    size_t all = ((size_t)1 << m->degree) - 1;
    write_name(h, m, all, a, name);
    for (size_t t = 0; t <= all; ++t) {
        if ((t & a) != a) continue;
        double sign = -1;
        for (size_t bits = t ^ a; bits; bits &= bits - 1) sign = -sign;
        write_name(h, m, t, t, row);
        write_line(out, name, row, sign);
    }
}

lip_status lip_handelman_mps(const lip_handelman *h, const char *title, char **text, size_t *size,
                             lip_error *err) {
    lip_text out = {0};
    char name[NAME];
    lip_text_word(&out, "* ");
    lip_text_word(&out, title);
    lip_text_word(&out, "\nNAME lipopt\n");
    write_rows(h, &out);
    lip_text_word(&out, "COLUMNS\n");
    write_line(&out, "g", "bound", 1);
    write_line(&out, "g", "1", 1);
    for (size_t i = 0; i < h->whole.count && !out.failed; ++i)
        for (size_t a = 0; a < (size_t)1 << h->whole.item[i].degree; ++a)
            write_product(h, &h->whole.item[i], a, &out);
    lip_text_word(&out, "RHS\n");
    for (size_t j = 0; j < h->column.count; ++j) {
        write_name(h, &h->column.item[j], ~(size_t)0, ~(size_t)0, name);
        if (h->objective[j] != 0) write_line(&out, "F", name, h->objective[j]);
    }
    lip_text_word(&out, "BOUNDS\n FR b g\nENDATA\n");
    if (out.failed) {
        lip_text_clear(&out);
        return lip_fail_memory(err);
    }
    *text = out.bytes;
    *size = out.size;
    return LIP_OK;
}
