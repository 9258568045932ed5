/* lipcert with one defect, chosen by the environment variable LIPCERT_BREAK: what a wrong solver, repair or
 * writer would do.  Linked with --wrap around the functions that write certificates; without the variable
 * it is lipcert. */
#include "cert/part.h"
#include "lipcert.h"

#include <stdlib.h>
#include <string.h>

static bool broken(const char *defect) {
    const char *chosen = getenv("LIPCERT_BREAK");
    return chosen && strcmp(chosen, defect) == 0;
}

/* The first unit with one of the roles and a multiplier that matters; the number of units if none. */
static size_t pick(const lip_part *part, const char *roles) {
    for (size_t u = 0; u < part->net->units; ++u)
        if (part->role[u] && strchr(roles, part->role[u])) return u;
    return part->net->units;
}

/* ---- One part of an sdp statement -------------------------------------------------------- */

void __real_lip_part_write(const lip_part *part, lip_text *text);
void __wrap_lip_part_write(const lip_part *part, lip_text *text);

static void scale(const lip_part *part, double *value, double factor) {
    for (size_t u = 0; u < part->net->units; ++u) value[u] *= factor;
}

static void break_multipliers(lip_part *part) {
    size_t v = pick(part, "vb"), s = pick(part, "s");
    if (broken("sign of a multiplier") && v < part->net->units)
        part->tangent[v] = -part->tangent[v];
    if (broken("tangent multipliers too small")) scale(part, part->tangent, 0.98);
    if (broken("forgotten multiplier") && v < part->net->units) part->tangent[v] = 0;
    if (broken("phase multipliers too small") && s < part->net->units) scale(part, part->bin, 0.98);
    if (broken("range too small")) scale(part, part->bound, 0.5);
    if (broken("input multiplier too small")) part->tau[0] *= 0.98;
    if (broken("output multiplier too small") && part->sigmas) part->sigma[0] *= 0.98;
    if (broken("constant too small")) part->one *= 0.98;
}

static void break_values(lip_part *part) {
    if (part->value && broken("least too large")) scale(part, part->of.least, 0.5);
    if (part->value && broken("most too small")) scale(part, part->of.most, 0.5);
    if (part->value && broken("point multipliers too small"))
        for (size_t j = 0; j < part->points; ++j) part->point[j] *= 0.9;
    if (part->value && broken("state multipliers too small")) scale(part, part->of.state, 0.9);
    if (part->value && broken("forgotten squares")) scale(part, part->of.square, 0);
    if (part->value && broken("phase rows too large")) scale(part, part->of.phases, 1.1);
}

static void break_cuts(lip_part *part) {
    if (broken("sign of triangles"))
        for (size_t k = 0; k < part->triangles; ++k) part->triangle[k].a *= -1;
    if (broken("triangles too large"))
        for (size_t k = 0; k < part->triangles; ++k) part->triangle[k].multiplier *= 1.1;
    if (broken("triangle of another variable"))
        for (size_t k = 0; k < part->triangles; ++k)
            if (part->triangle[k].j + 1 < part->triangle[k].k) ++part->triangle[k].j;
}

static void break_structure(lip_part *part) {
    size_t v = pick(part, "vb");
    if (broken("forgotten neuron") && v < part->net->units) part->role[v] = 'i';
    if (broken("neuron taken as active") && v < part->net->units) part->role[v] = 'a';
    if (broken("ball instead of cube, input") && part->input == LIP_SET_CUBE) {
        part->input = LIP_SET_BALL;
        part->taus = 1;
    }
    if (broken("ball instead of cube, output") && part->output == LIP_SET_CUBE) {
        part->output = LIP_SET_BALL;
        part->sigmas = 1;
    }
    if (broken("another column") && part->input == LIP_SET_UNIT)
        part->input_index = part->input_index ? 0 : 1;
    if (broken("another row") && (part->output == LIP_SET_UNIT || part->output == LIP_SET_FIXED))
        part->output_index = part->output_index ? 0 : 1;
}

void __wrap_lip_part_write(const lip_part *part, lip_text *text) {
    lip_part *mine = (lip_part *)(size_t)part;
    break_multipliers(mine);
    break_values(mine);
    break_cuts(mine);
    break_structure(mine);
    __real_lip_part_write(part, text);
}

/* ---- Norms ------------------------------------------------------------------------------- */

void __real_lip_statement_spectral(lip_text *text, size_t layer, size_t term, double norm);
void __wrap_lip_statement_spectral(lip_text *text, size_t layer, size_t term, double norm);

void __wrap_lip_statement_spectral(lip_text *text, size_t layer, size_t term, double norm) {
    __real_lip_statement_spectral(text, layer, term,
                                  broken("spectral norm too small") ? 0.999 * norm : norm);
}

/* ---- Claims ------------------------------------------------------------------------------ */

lip_status __real_lip_certificate(const lip_network *net, const lip_query *query,
                                  const lip_result *result, char **text, size_t *size,
                                  lip_error *err);
lip_status __wrap_lip_certificate(const lip_network *net, const lip_query *query,
                                  const lip_result *result, char **text, size_t *size,
                                  lip_error *err);

lip_status __wrap_lip_certificate(const lip_network *net, const lip_query *query,
                                  const lip_result *result, char **text, size_t *size,
                                  lip_error *err) {
    lip_query other = *query;
    lip_result changed = *result;
    if (broken("another output")) other.output.i = other.output.i ? 0 : 1;
    if (broken("another input norm"))
        other.norm_in = query->norm_in == LIP_NORM_2 ? LIP_NORM_INF : LIP_NORM_2;
    if (broken("another output norm"))
        other.norm_out = query->norm_out == LIP_NORM_2 ? LIP_NORM_1 : LIP_NORM_2;
    if (broken("upper claim too small")) changed.proof->upper *= 1 - 1e-6;
    if (broken("lower claim too large")) changed.lower *= 1 + 1e-9;
    if (broken("witness elsewhere") && result->witness_x) result->witness_x[0] += 1000;
    if (broken("direction turned") && result->witness_t)
        result->witness_t[0] = -result->witness_t[0];
    return __real_lip_certificate(net, &other, &changed, text, size, err);
}
