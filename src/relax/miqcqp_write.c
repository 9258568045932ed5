/* The mixed-integer model as a file.
 *
 * Names say what a column is: x0, d0 (x0 minus the ball's centre), t0 the direction; for neuron 4 of layer 1 z1_4 the
 * pre-activation, h1_4 its value, u1_4 the phase, y1_4 and v1_4 the tangents before and behind it; s0 and
 * a0 sign and size of the tangent of output 0.  A row begins with what it says of the column it is about
 * (src/relax/miqcqp_build.c): Z and Y define, Ha Hb Hc make h = u z, Za Zb the region of the phase, Va Vb Ya
 * Yb make v = u y.
 *
 * CPLEX LP format, one term on a line, products in brackets; or free MPS format, by columns. */
#include "relax/miqcqp.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64 };

static const char *column_name(const lip_miqcqp *m, size_t j, char name[NAME]) {
    const lip_miqcqp_column *c = &m->column[j];
    char letter = "xdtzhuyvsa"[c->kind];
    if (c->layer)
        snprintf(name, NAME, "%c%zu_%zu", letter, c->layer, c->index);
    else
        snprintf(name, NAME, "%c%zu", letter, c->index);
    return name;
}

/* "Va1_4": the purpose, and the name of the column without its letter. */
static const char *row_name(const lip_miqcqp *m, size_t i, char name[NAME]) {
    char column[NAME];
    snprintf(name, NAME, "%s%s", m->row[i].purpose, column_name(m, m->row[i].of, column) + 1);
    return name;
}

static void word(lip_text *out, const char *a, const char *b) {
    lip_text_word(out, a);
    lip_text_word(out, b);
}

/* A number that reads back as itself, whatever the locale. */
static void number(lip_text *out, double x) {
    char text[64];
    snprintf(text, sizeof text, " %.17g", x);
    for (char *c = text; *c; ++c)
        if (!strchr("0123456789+-e ", *c)) *c = '.';
    lip_text_word(out, text);
}

static lip_status finish(lip_text *out, char **text, size_t *size, lip_error *err) {
    if (out->failed) {
        lip_text_clear(out);
        return lip_fail_memory(err);
    }
    *text = out->bytes;
    *size = out->size;
    return LIP_OK;
}

/* ---- LP format --------------------------------------------------------------------------- */

static void lp_term(const lip_miqcqp *m, lip_text *out, size_t column, double value) {
    char name[NAME];
    lip_text_word(out, value < 0 ? "  -" : "  +");
    number(out, fabs(value));
    word(out, " ", column_name(m, column, name));
    lip_text_word(out, "\n");
}

static void lp_products(const lip_miqcqp *m, lip_text *out, size_t first, size_t last,
                        double factor, const char *behind) {
    char i[NAME], j[NAME], text[3 * NAME];
    if (first == last) return;
    lip_text_word(out, "  + [\n");
    for (size_t p = first; p < last; ++p) {
        const lip_miqcqp_product *product = &m->product[p];
        const char *plus = p == first ? "" : "+ "; /* SCIP reads no sign behind the bracket */
        column_name(m, product->i, i);
        column_name(m, product->j, j);
        if (product->i == product->j)
            snprintf(text, sizeof text, "    %s%.0f %s ^2\n", plus, factor, i);
        else
            snprintf(text, sizeof text, "    %s%.0f %s * %s\n", plus, factor, i, j);
        lip_text_word(out, text);
    }
    word(out, "  ]", behind);
    lip_text_word(out, "\n");
}

static void lp_objective(const lip_miqcqp *m, lip_text *out) {
    lip_text_word(out, "Maximize\n L:\n");
    for (size_t j = 0; j < m->columns; ++j)
        if (m->column[j].cost != 0) lp_term(m, out, j, m->column[j].cost);
    /* the format halves the products of an objective, and only those */
    lp_products(m, out, m->products - m->squares, m->products, 2, " / 2");
    if (!m->has_costs && m->columns) lp_term(m, out, 0, 0);
}

static void lp_row(const lip_miqcqp *m, lip_text *out, size_t i) {
    const lip_miqcqp_row *row = &m->row[i];
    char name[NAME];
    word(out, " ", row_name(m, i, name));
    lip_text_word(out, ":\n");
    for (size_t e = row->first; e < row->last; ++e)
        lp_term(m, out, m->entry[e].column, m->entry[e].value);
    lp_products(m, out, row->product, row->end, 1, "");
    bool above = row->lo > -INFINITY;
    lip_text_word(out, row->lo == row->hi ? "  =" : above ? "  >=" : "  <=");
    number(out, above ? row->lo : row->hi);
    lip_text_word(out, "\n");
}

static void lp_bounds(const lip_miqcqp *m, lip_text *out) {
    char name[NAME];
    lip_text_word(out, "Bounds\n");
    for (size_t j = 0; j < m->columns; ++j) {
        const lip_miqcqp_column *c = &m->column[j];
        column_name(m, j, name);
        if (c->integer) continue;
        if (c->lo == c->hi) {
            word(out, " ", name);
            lip_text_word(out, " =");
            number(out, c->lo);
        } else if (c->lo == -INFINITY && c->hi == INFINITY) {
            word(out, " ", name);
            lip_text_word(out, " free");
        } else {
            if (c->lo == -INFINITY)
                lip_text_word(out, " -inf");
            else
                number(out, c->lo);
            word(out, " <= ", name);
            lip_text_word(out, " <=");
            if (c->hi == INFINITY)
                lip_text_word(out, " +inf");
            else
                number(out, c->hi);
        }
        lip_text_word(out, "\n");
    }
}

lip_status lip_miqcqp_lp(const lip_miqcqp *m, const char *title, char **text, size_t *size,
                         lip_error *err) {
    lip_text out = {0};
    char name[NAME];
    bool binary = false;
    word(&out, "\\ ", title);
    lip_text_word(&out, m->squares ? "\n\\ the optimum is the square of the constant\n" : "\n");
    lp_objective(m, &out);
    lip_text_word(&out, "Subject To\n");
    for (size_t i = 0; i < m->rows && !out.failed; ++i) lp_row(m, &out, i);
    lp_bounds(m, &out);
    for (size_t j = 0; j < m->columns && !out.failed; ++j) {
        if (!m->column[j].integer) continue;
        if (!binary) lip_text_word(&out, "Binaries\n");
        binary = true;
        word(&out, " ", column_name(m, j, name));
        lip_text_word(&out, "\n");
    }
    lip_text_word(&out, "End\n");
    return finish(&out, text, size, err);
}

/* ---- MPS format -------------------------------------------------------------------------- */

static void mps_line(lip_text *out, const char *left, const char *right, double x) {
    word(out, " ", left);
    word(out, " ", right);
    number(out, x);
    lip_text_word(out, "\n");
}

static void mps_rows(const lip_miqcqp *m, lip_text *out) {
    char name[NAME];
    lip_text_word(out, "ROWS\n N L\n");
    for (size_t i = 0; i < m->rows; ++i) {
        const lip_miqcqp_row *row = &m->row[i];
        lip_text_word(out, row->lo == row->hi ? " E " : row->lo > -INFINITY ? " G " : " L ");
        lip_text_word(out, row_name(m, i, name));
        lip_text_word(out, "\n");
    }
}

/* Entries by column: those of column j are at[j] .. at[j + 1] - 1 of `order`, row numbers beside them. */
typedef struct transposed {
    size_t *at, *order, *row;
} transposed;

static bool transpose(const lip_miqcqp *m, transposed *t) {
    t->at = LIP_NEW(size_t, m->columns + 2);
    t->order = LIP_NEW(size_t, m->entries);
    t->row = LIP_NEW(size_t, m->entries);
    if (!t->at || !t->order || !t->row) return false;
    for (size_t e = 0; e < m->entries; ++e) ++t->at[m->entry[e].column + 2];
    for (size_t j = 2; j < m->columns + 2; ++j) t->at[j] += t->at[j - 1];
    for (size_t i = 0; i < m->rows; ++i)
        for (size_t e = m->row[i].first; e < m->row[i].last; ++e) {
            size_t place = t->at[m->entry[e].column + 1]++;
            t->order[place] = e;
            t->row[place] = i;
        }
    return true;
}

static void mps_columns(const lip_miqcqp *m, const transposed *t, lip_text *out) {
    char name[NAME], row[NAME];
    bool integer = false;
    lip_text_word(out, "COLUMNS\n");
    for (size_t j = 0; j < m->columns && !out->failed; ++j) {
        if (m->column[j].integer != integer) {
            integer = !integer;
            lip_text_word(out, integer ? " M 'MARKER' 'INTORG'\n" : " M 'MARKER' 'INTEND'\n");
        }
        column_name(m, j, name);
        /* every column is named, if only here */
        if (m->column[j].cost != 0 || t->at[j] == t->at[j + 1])
            mps_line(out, name, "L", m->column[j].cost);
        for (size_t e = t->at[j]; e < t->at[j + 1]; ++e)
            mps_line(out, name, row_name(m, t->row[e], row), m->entry[t->order[e]].value);
    }
    if (integer) lip_text_word(out, " M 'MARKER' 'INTEND'\n");
}

static void mps_bounds(const lip_miqcqp *m, lip_text *out) {
    char name[NAME];
    lip_text_word(out, "BOUNDS\n");
    for (size_t j = 0; j < m->columns; ++j) {
        const lip_miqcqp_column *c = &m->column[j];
        column_name(m, j, name);
        if (c->lo == c->hi) {
            mps_line(out, "FX b", name, c->lo);
            continue;
        }
        if (c->lo == -INFINITY) {
            word(out, " MI b ", name);
            lip_text_word(out, "\n");
        } else {
            mps_line(out, "LO b", name, c->lo);
        }
        if (c->hi < INFINITY) mps_line(out, "UP b", name, c->hi);
    }
}

lip_status lip_miqcqp_mps(const lip_miqcqp *m, const char *title, char **text, size_t *size,
                          lip_error *err) {
    lip_text out = {0};
    transposed t = {NULL, NULL, NULL};
    char name[NAME];
    if (!m->linear)
        return lip_fail(
            err, LIP_UNSUPPORTED, NULL,
            "the program has quadratic rows or a quadratic objective (norm 2, a ball or all "
            "of R^n), which MPS does not hold: expected the format lp");
    bool ok = transpose(m, &t);
    word(&out, "* ", title);
    lip_text_word(&out, "\nNAME miqcqp\nOBJSENSE\n MAX\n");
    mps_rows(m, &out);
    if (ok) mps_columns(m, &t, &out);
    lip_text_word(&out, "RHS\n");
    for (size_t i = 0; i < m->rows; ++i) {
        double right = m->row[i].lo > -INFINITY ? m->row[i].lo : m->row[i].hi;
        if (right != 0) mps_line(&out, "r", row_name(m, i, name), right);
    }
    mps_bounds(m, &out);
    lip_text_word(&out, "ENDATA\n");
    free(t.at);
    free(t.order);
    free(t.row);
    out.failed = out.failed || !ok;
    return finish(&out, text, size, err);
}
