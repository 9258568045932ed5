/* The certificate of a lifted problem.
 *
 * lip_repair has shown that p'S p is at least -(rounding) on true points.  lipcheck demands more: that S
 * itself is positive semidefinite, by a factorisation after subtracting what rounding can do.  So y grows
 * by a shift for every variable i,
 *
 *     shift_i = 4 r_i (S_ii^.5 + r_i) + slack / d_i^2 + margin S_ii,      r_i = sum over j of e_ij / S_jj^.5,
 *
 * e_ij what assembling S may have rounded, slack the backward error of our factorisation of D S D, and margin what
 * lipcheck's takes off (cert/part.h).  lipcheck too scales the diagonal to 1 before it subtracts row sums of its e, which
 * are about ours: that costs row i S_ii^.5 r_i, and 2 (S_ii + shift)^.5 r_i is at most the shift.  A diagonal entry that is tiny
 * beside its e would make all other rows pay; so S_ii becomes at least k = (e^2 max S)^(1/3), e the row sum of e_ij, which
 * balances e (max S / k)^.5 with k.  All groups are sums
 * of squares, so this is a matter of larger multipliers: the bound is sum y d again.
 *
 * A lifted problem is scaled, p_i = true / 2^e_i, z = true / 2^e and value = true / 2^E.  Multiplied by 2^E and
 * written in true quantities, the multiplier of a constraint becomes 2^(E - f) as large, where 2^f is what the
 * constraint is in true quantities over what it is in scaled ones: k e if it is homogeneous of degree k in
 * quantities of exponent e.  Exact, unless it leaves the range of numbers. */
#include "cert/certify.h"

#include "base/memory.h"
#include "base/round.h"
#include "cert/cuts.h"
#include "cert/slack.h"
#include "linalg/cholesky.h"
#include "region/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct certify {
    const lip_lifted *lifted;
    const lip_certify_question *question;
    const lip_multipliers *m;
    double *y; /* enlarged */
    lip_part part;
    double value, magnitude; /* of the bound: sum of y size, and of |y| size */
    size_t states;           /* number of lip_relu with h placed so far */
    size_t points;           /* number of x' placed so far */
    bool unfit;              /* some number left the range */
} certify;

/* ---- Enlarging y ------------------------------------------------------------------------- */

/* d with d^2 x in [1/2, 2). */
static double scale_of(double x) {
    int e;
    frexp(x, &e);
    return ldexp(1, -(int)floor((e - 1) / 2.0));
}

/* The diagonal of S that the errors are measured by: where it is tiny beside what assembling may have
 * rounded, it is going to be larger. */
static void measure(const lip_slack *slack, double *diagonal) {
    size_t n = slack->lifted->n;
    double most = 0;
    for (size_t i = 0; i < n; ++i) most = fmax(most, slack->work[i * n + i]);
    for (size_t i = 0; i < n; ++i)
        diagonal[i] =
            fmax(slack->work[i * n + i], cbrt(slack->radius[i] * slack->radius[i] * most));
}

/* The shift of variable i, r the sum of radii e_ij / s_jj^.5 over its row. */
static double shift_of(double before, double diagonal, double r, double loss, double margin) {
    double d = scale_of(diagonal);
    return diagonal - fmax(before, 0) + 4 * r * (sqrt(diagonal) + r) + loss / (d * d) +
           margin * diagonal;
}

/* y of the largest shift of each group's variables.  `room` has 2 n numbers.  False: an overflow. */
static bool enlarge_with(certify *c, lip_slack *slack, double *room, double *shift) {
    const lip_lifted *lifted = c->lifted;
    size_t n = lifted->n;
    double trace = 0, margin = lip_checker_margin(n, n), *diagonal = room, *weight = room + n;
    lip_slack_matrix(slack, c->y);
    measure(slack, diagonal);
    for (size_t i = 0; i < n; ++i) {
        double d = diagonal[i] > 0 ? scale_of(diagonal[i]) : 0;
        weight[i] = diagonal[i] > 0 ? 1 / sqrt(diagonal[i]) : 0;
        trace = lip_add_up(trace, d * d * diagonal[i]);
    }
    double loss = 4 * lip_cholesky_slack(n, trace);
    slack->weight = weight;
    bool ok = lip_slack_assemble(slack, c->m->lambda);
    slack->weight = NULL;
    if (!ok) return false;
    lip_slack_matrix(slack, c->y);
    for (size_t i = 0; i < n; ++i) {
        if (diagonal[i] <= 0) continue;
        size_t g = lifted->variable[i].group;
        shift[g] = fmax(shift[g], shift_of(slack->work[i * n + i], diagonal[i], slack->radius[i],
                                           loss, margin));
    }
    for (size_t g = 0; g < lifted->groups; ++g) c->y[g] = lip_add_up(c->y[g], shift[g]);
    return true;
}

/* False if memory is short. */
static bool enlarge(certify *c, lip_slack *slack) {
    double *room = LIP_NEW(double, 2 * c->lifted->n), *shift = LIP_NEW(double, c->lifted->groups);
    bool ok = room && shift;
    if (ok && !enlarge_with(c, slack, room, shift)) c->unfit = true;
    free(room);
    free(shift);
    return ok;
}

/* ---- The network's units ----------------------------------------------------------------- */

static double scaled(certify *c, double x, int e) { return lip_scaled_exactly(x, e, &c->unfit); }

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
    bool neuron = v->kind == LIP_VARIABLE_TANGENT || v->kind == LIP_VARIABLE_PHASE ||
                  v->kind == LIP_VARIABLE_STATE;
    size_t unit = neuron ? unit_of(c, v) : 0;
    switch (v->kind) {
    case LIP_VARIABLE_ONE: part->one = y; break;
    case LIP_VARIABLE_INPUT: part->tau[part->input == LIP_SET_CUBE ? v->index : 0] = y; break;
    case LIP_VARIABLE_DUAL: part->sigma[part->output == LIP_SET_CUBE ? v->index : 0] = y; break;
    case LIP_VARIABLE_PHASE: part->bin[unit] = y; break;
    case LIP_VARIABLE_POINT: part->point[part->points > 1 ? c->points++ : 0] = y; break;
    case LIP_VARIABLE_STATE: part->of.state[unit] = y; break;
    case LIP_VARIABLE_TANGENT: {
        part->bound[unit] = ldexp(v->most, v->exponent); /* at least 2^-800 */
        part->range[unit] = y;
        size = lip_mul_up(part->bound[unit], part->bound[unit]);
        break;
    }
    }
    if (i != group->first || y == 0) return;
    c->value = lip_add_up(c->value, lip_mul_up(y, size));
    c->magnitude = lip_add_up(c->magnitude, lip_mul_up(fabs(y), size));
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

/* The multiplier of a cut of lip_relu k whose degree in z is `degree`; 0 if the neuron has no such cut. */
static double relu_multiplier(certify *c, lip_family family, size_t k, int degree) {
    const lip_lifted *lifted = c->lifted;
    /* one for every lip_relu in their order, or for every one that has h */
    size_t place =
        family == LIP_FAMILY_SQUARE || family == LIP_FAMILY_CLOSED || family == LIP_FAMILY_OPEN
            ? c->states
            : k;
    return scaled(c, c->m->lambda[lip_family_place(lifted, family, place)],
                  lifted->exponent - degree * lifted->relu[k].exponent);
}

static void place_relu(certify *c, size_t k) {
    const lip_relu *relu = &c->lifted->relu[k];
    lip_part *part = &c->part;
    lip_part_values *of = &part->of;
    size_t unit = c->question->net->layer[relu->layer].offset + relu->index;
    part->value[unit] = relu->state == LIP_NONE ? 'z' : 'h';
    of->least[unit] = ldexp(relu->lo, relu->exponent); /* at least 2^-900 */
    of->most[unit] = ldexp(relu->hi, relu->exponent);
    of->above[unit] = relu_multiplier(c, LIP_FAMILY_ABOVE, k, 1);
    of->below[unit] = relu_multiplier(c, LIP_FAMILY_BELOW, k, 1);
    of->phases[unit] = relu_multiplier(c, LIP_FAMILY_PHASES, k, 2);
    of->roof[unit] = relu_multiplier(c, LIP_FAMILY_UPPER, k, 1);
    of->floor[unit] = relu_multiplier(c, LIP_FAMILY_LOWER, k, 1);
    if (relu->state == LIP_NONE) return;
    of->square[unit] = relu_multiplier(c, LIP_FAMILY_SQUARE, k, 1);
    of->closed[unit] = relu_multiplier(c, LIP_FAMILY_CLOSED, k, 0);
    of->open[unit] = relu_multiplier(c, LIP_FAMILY_OPEN, k, 1);
    ++c->states;
}

/* How many reals the line `point` has. */
static size_t count_points(const certify *c) {
    size_t count = 0;
    for (size_t i = 0; i < c->lifted->n; ++i)
        count += c->lifted->variable[i].kind == LIP_VARIABLE_POINT;
    return c->question->query->region->kind == LIP_BALL && count > 0 ? 1 : count;
}

static bool has_kind(const lip_lifted *lifted, lip_variable_kind kind) {
    for (size_t i = 0; i < lifted->n; ++i)
        if (lifted->variable[i].kind == kind) return true;
    return false;
}

/* The sets that the lifted problem's t and w stand for. */
static bool create_part(certify *c) {
    const lip_certify_question *q = c->question;
    size_t input, output, rows = lip_output_rows(q->net, &q->query->output);
    lip_lifted_part(q->net, q->query, q->part, &input, &output);
    bool vector = has_kind(c->lifted, LIP_VARIABLE_DUAL);
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
    const lip_preactivation *bounds = c->question->bounds;
    lip_part *part = &c->part;
    if (!create_part(c)) return false;
    if (lifted->relus > 0 && !lip_part_know(part, count_points(c))) return false;
    for (size_t i = 0; i < lifted->n; ++i) {
        place_square(c, i);
        if (lifted->variable[i].kind == LIP_VARIABLE_PHASE)
            part->role[unit_of(c, &lifted->variable[i])] = 's';
    }
    for (size_t k = 0; k < lifted->relus; ++k) {
        const lip_relu *relu = &lifted->relu[k];
        if (relu->value_only)
            part->role[c->question->net->layer[relu->layer].offset + relu->index] = '\0';
        place_relu(c, k);
    }
    for (size_t k = 0; k < lifted->neurons; ++k) place_neuron(c, k);
    if (!lip_part_roles(part, bounds, uses_bounds)) return false;
    if (part->value && !lip_part_letters(part, bounds, uses_bounds)) return false;
    return lip_part_cuts(part, lifted, c->m->lambda, &c->unfit);
}

/* The bound, for sums in any order: the multipliers may be much larger than it. */
static double claim_of(const certify *c) {
    double terms = (double)c->lifted->groups + 8;
    if (c->magnitude == 0) return 0;
    return lip_claim(fmax(lip_add_up(c->value, 4 * LIP_UNIT * terms * c->magnitude), 0));
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
            *value = claim_of(&c);
        }
    }
    lip_part_clear(&c.part);
    lip_slack_clear(&slack);
    free(c.y);
    return ok;
}
