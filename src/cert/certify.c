/* The certificate of a lifted problem.
 *
 * lip_repair has shown that p'S p is at least -(rounding) on true points.  lipcheck demands more: that S
 * itself is positive semidefinite, by a factorisation after subtracting what rounding can do.  So y grows
 * by a shift for every variable i,
 *
 *     shift_i = radius_i + slack / d_i^2 + margin S_ii,
 *
 * radius_i the row sum of what assembling S may have rounded, slack the backward error of our
 * factorisation of D S D, and margin what lipcheck's takes off (cert/part.h).  All groups are sums
 * of squares, so this is a matter of larger multipliers: the bound is sum y d again.
 *
 * A lifted problem is scaled, p_i = true / 2^e_i and value = true / 2^E.  Multiplied by 2^E and written in
 * true variables, the multiplier of a constraint that is homogeneous in variables of exponent e, of degree
 * k, becomes 2^(E - k e) as large; exact, unless it leaves the range of numbers. */
#include "cert/certify.h"

#include "base/memory.h"
#include "base/round.h"
#include "cert/slack.h"
#include "linalg/cholesky.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct certify {
    const lip_lifted *lifted;
    const lip_certify_question *question;
    const lip_multipliers *m;
    double *y; /* enlarged */
    lip_part part;
    double value;
    bool unfit; /* some number left the range */
} certify;

/* ---- Enlarging y ------------------------------------------------------------------------- */

/* d with d^2 x in [1/2, 2). */
static double scale_of(double x) {
    int e;
    frexp(x, &e);
    return ldexp(1, -(int)floor((e - 1) / 2.0));
}

/* The certificate's r of a cap is larger than ours by a relative 2^-39 and a little: cap (r'^2 - r^2) (1 + s) / 2
 * has no entry above half of cap r^2 2^-37, on the rows of 1 and s. */
static void add_cap_errors(const certify *c, double *shift) {
    const lip_lifted *lifted = c->lifted;
    for (size_t k = 0; k < lifted->neurons; ++k) {
        const lip_neuron *neuron = &lifted->neuron[k];
        if (neuron->s == LIP_NONE) continue;
        double cap = c->m->lambda[lip_family_place(lifted, LIP_FAMILY_RANGE, k)];
        double error = fabs(cap) * neuron->range * 0x1p-37;
        shift[lifted->variable[0].group] += error;
        shift[lifted->variable[neuron->s].group] += error;
    }
}

/* y of the largest shift of each group's variables; y >= 0 for inequalities. */
static bool enlarge(certify *c, lip_slack *slack) {
    const lip_lifted *lifted = c->lifted;
    size_t n = lifted->n;
    double trace = 0, margin = lip_checker_margin(n, n);
    double *shift = LIP_NEW(double, lifted->groups);
    if (!shift) return false;
    lip_slack_matrix(slack, c->y);
    for (size_t i = 0; i < n; ++i) {
        double x = slack->work[i * n + i], d = x > 0 ? scale_of(x) : 1;
        trace = lip_add_up(trace, d * d * fmax(x, 0));
    }
    double loss = 4 * lip_cholesky_slack(n, trace);
    for (size_t i = 0; i < n; ++i) {
        double x = fmax(slack->work[i * n + i], 0), d = x > 0 ? scale_of(x) : 1;
        double own = 2 * slack->radius[i] + loss / (d * d) + margin * x;
        size_t g = lifted->variable[i].group;
        shift[g] = fmax(shift[g], own);
    }
    add_cap_errors(c, shift);
    for (size_t g = 0; g < lifted->groups; ++g) c->y[g] = lip_add_up(c->y[g], shift[g]);
    free(shift);
    return true;
}

/* ---- The network's units ----------------------------------------------------------------- */

/* x 2^e, exactly. */
static double scaled(certify *c, double x, int e) {
    double result = ldexp(x, e);
    if (!isfinite(result) || ldexp(result, -e) != x) c->unfit = true;
    return result;
}

static size_t unit_of(const certify *c, const lip_variable *v) {
    return c->question->net->layer[v->layer].offset + v->index;
}

/* The multiplier of the square of variable i, and its share of the bound. */
static void place_square(certify *c, size_t i) {
    const lip_lifted *lifted = c->lifted;
    const lip_variable *v = &lifted->variable[i];
    const lip_group *group = &lifted->group[v->group];
    lip_part *part = &c->part;
    double y = scaled(c, c->y[v->group], lifted->exponent - 2 * v->exponent), size = 1;
    size_t unit =
        v->kind == LIP_VARIABLE_TANGENT || v->kind == LIP_VARIABLE_PHASE ? unit_of(c, v) : 0;
    switch (v->kind) {
    case LIP_VARIABLE_ONE: part->one = y; break;
    case LIP_VARIABLE_INPUT: part->tau[part->input == LIP_SET_CUBE ? v->index : 0] = y; break;
    case LIP_VARIABLE_DUAL: part->sigma[part->output == LIP_SET_CUBE ? v->index : 0] = y; break;
    case LIP_VARIABLE_PHASE: part->bin[unit] = y; break;
    case LIP_VARIABLE_POINT:
    case LIP_VARIABLE_STATE: c->unfit = true; break; /* the format has no word for them yet */
    case LIP_VARIABLE_TANGENT: {
        double r = lip_claim(lip_sqrt_up(group->size));
        part->bound[unit] = lip_up(ldexp(r, v->exponent));
        part->range[unit] = y;
        size = lip_mul_up(part->bound[unit], part->bound[unit]);
        break;
    }
    }
    if (i == group->first && y != 0) c->value = lip_add_up(c->value, lip_mul_up(y, size));
}

static void place_neuron(certify *c, size_t k) {
    const lip_lifted *lifted = c->lifted;
    const lip_neuron *neuron = &lifted->neuron[k];
    lip_part *part = &c->part;
    int E = lifted->exponent, e = lifted->variable[neuron->v].exponent;
    size_t unit = c->question->net->layer[neuron->layer].offset + neuron->index;
    const double *lambda = c->m->lambda;
    part->role[unit] = neuron->s == LIP_NONE ? 'v' : 'b';
    part->tangent[unit] =
        scaled(c, lambda[lip_family_place(lifted, LIP_FAMILY_TANGENT, k)], E - 2 * e);
    if (neuron->s == LIP_NONE) return;
    part->gate[unit] = scaled(c, lambda[lip_family_place(lifted, LIP_FAMILY_GATE, k)], E - e);
    part->swap[unit] = scaled(c, lambda[lip_family_place(lifted, LIP_FAMILY_SWITCH, k)], E - e);
    part->cap[unit] = scaled(c, lambda[lip_family_place(lifted, LIP_FAMILY_RANGE, k)], E - 2 * e);
}

/* The sets that the lifted problem's t and w stand for. */
static bool create_part(certify *c) {
    const lip_certify_question *q = c->question;
    size_t input, output, rows = lip_output_rows(q->net, &q->query->output);
    lip_lifted_part(q->net, q->query, q->part, &input, &output);
    bool vector = c->lifted->variable[c->lifted->n - 1].kind == LIP_VARIABLE_DUAL;
    lip_part_set in = input != LIP_NONE                   ? LIP_SET_UNIT
                      : q->query->norm_in == LIP_NORM_INF ? LIP_SET_CUBE
                                                          : LIP_SET_BALL;
    lip_part_set out = !vector                            ? LIP_SET_FIXED
                       : q->query->norm_out == LIP_NORM_1 ? LIP_SET_CUBE
                                                          : LIP_SET_BALL;
    return lip_part_create(q->net, rows, in, input == LIP_NONE ? 0 : input, out,
                           output == LIP_NONE ? 0 : output, &c->part);
}

static bool fill_part(certify *c, bool *uses_bounds) {
    const lip_lifted *lifted = c->lifted;
    if (!create_part(c)) return false;
    for (size_t i = 0; i < lifted->n; ++i) {
        place_square(c, i);
        if (lifted->variable[i].kind == LIP_VARIABLE_PHASE)
            c->part.role[unit_of(c, &lifted->variable[i])] = 's';
    }
    for (size_t k = 0; k < lifted->neurons; ++k) place_neuron(c, k);
    return lip_part_roles(&c->part, c->question->bounds, uses_bounds);
}

bool lip_certify(const lip_lifted *lifted, const lip_certify_question *question,
                 const lip_multipliers *multipliers, lip_text *text, double *value,
                 bool *uses_bounds) {
    certify c = {.lifted = lifted, .question = question, .m = multipliers};
    lip_slack slack = {0};
    *value = INFINITY;
    c.y = LIP_NEW(double, lifted->groups);
    bool ok = c.y && lip_slack_create(lifted, &slack);
    if (ok) memcpy(c.y, multipliers->y, lifted->groups * sizeof *c.y);
    if (ok && lip_slack_assemble(&slack, multipliers->lambda)) {
        ok = (lifted->products == 0 || enlarge(&c, &slack)) && fill_part(&c, uses_bounds);
        if (ok && !c.unfit && isfinite(c.value)) {
            lip_part_write(&c.part, text);
            *value = lip_claim(fmax(c.value, 0));
        }
    }
    lip_part_clear(&c.part);
    lip_slack_clear(&slack);
    free(c.y);
    return ok;
}
