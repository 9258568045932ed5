/* Proved multipliers of a chain as a part of an sdp statement.
 *
 * A chain is scaled: y of its layer l is 2^E_l times the network's, E_l the sum of the exponents up to l, and
 * its value 2^-exponent times the network's.  Multiplying Q of relax/chain_prove.c by 2^exponent and
 * writing it in the network's variables gives the multipliers
 *
 *     input  tau 2^exponent,   tangent  2 lam 2^(2 E_l + exponent),   dual  sigma 2^exponent,
 *
 * exact unless they leave the range of numbers.  The multipliers were proved with a margin that
 * covers what lipcheck's factorisation takes off (cert/part.h). */
#include "base/round.h"
#include "relax/chain.h"

#include <math.h>

typedef struct writing {
    const lip_chain *chain;
    const lip_chain_dual *dual;
    lip_part part;
    bool unfit;
} writing;

static double scaled(writing *w, double x, long e) {
    double result = ldexp(x, e > 5000 ? 5000 : e < -5000 ? -5000 : (int)e);
    if (!isfinite(result) || ldexp(result, (int)-e) != x) w->unfit = true;
    return result;
}

/* The sets of the part: a cut column or row is a unit, otherwise the norms decide. */
static bool create_part(writing *w, const lip_task *task) {
    const lip_chain *chain = w->chain;
    const lip_query *query = task->query;
    lip_part_set input = chain->column != LIP_CHAIN_EVERY ? LIP_SET_UNIT
                         : query->norm_in == LIP_NORM_INF ? LIP_SET_CUBE
                                                          : LIP_SET_BALL;
    lip_part_set output = chain->row != LIP_CHAIN_EVERY   ? LIP_SET_UNIT
                          : query->norm_out == LIP_NORM_1 ? LIP_SET_CUBE
                                                          : LIP_SET_BALL;
    return lip_part_create(task->net, lip_output_rows(task->net, &query->output), input,
                           chain->column < 0 ? 0 : (size_t)chain->column, output,
                           chain->row < 0 ? 0 : (size_t)chain->row, &w->part);
}

static void place_inputs(writing *w) {
    const lip_chain *chain = w->chain;
    if (w->part.input != LIP_SET_CUBE) {
        w->part.tau[0] = scaled(w, 1, chain->exponent);
        return;
    }
    for (size_t j = 0; j < lip_chain_inputs(chain); ++j)
        w->part.tau[chain->input[j]] =
            scaled(w, chain->input_ball ? 1 : w->dual->tau[j], chain->exponent);
}

static void place_outputs(writing *w, double eta) {
    const lip_chain *chain = w->chain;
    if (w->part.output != LIP_SET_CUBE) {
        w->part.sigma[0] = scaled(w, eta, chain->exponent);
        return;
    }
    const size_t *number = chain->layer[chain->hidden].neuron;
    for (size_t k = 0; k < lip_chain_outputs(chain); ++k)
        w->part.sigma[number[k]] =
            scaled(w, chain->output_ball ? eta : eta * w->dual->share[k], chain->exponent);
}

static void place_neurons(writing *w) {
    const lip_chain *chain = w->chain;
    const double *lam = w->dual->lam;
    long e = chain->exponent;
    for (size_t l = 0; l < chain->hidden; ++l) {
        const lip_chain_layer *layer = &chain->layer[l];
        e += 2 * layer->exponent;
        for (size_t i = 0; i < layer->unstable; ++i) {
            size_t unit = w->part.net->layer[layer->network_layer].offset + layer->neuron[i];
            w->part.role[unit] = 'v';
            w->part.tangent[unit] = scaled(w, 2 * *lam++, e);
        }
    }
}

/* 2 (sum tau * sum sigma)^.5, rounded up. */
static double part_value(const lip_part *part) {
    double tau = 0, sigma = 0;
    for (size_t j = 0; j < part->taus; ++j) tau = lip_add_up(tau, part->tau[j]);
    for (size_t k = 0; k < part->sigmas; ++k) sigma = lip_add_up(sigma, part->sigma[k]);
    int e_tau, e_sigma; /* apart, as the product may underflow; halved exactly */
    double product = lip_mul_up(frexp(tau, &e_tau), frexp(sigma, &e_sigma));
    int e = e_tau + e_sigma, odd = e & 1;
    return lip_up(ldexp(2 * lip_sqrt_up(odd ? 2 * product : product), (e - odd) / 2));
}

bool lip_chain_certify(const lip_chain *chain, const lip_task *task, const lip_chain_dual *dual,
                       double eta, lip_text *text, double *value, bool *uses_bounds) {
    writing w = {.chain = chain, .dual = dual};
    *value = INFINITY;
    if (!create_part(&w, task)) return false;
    if (!chain->zero) {
        place_inputs(&w);
        place_outputs(&w, eta);
        place_neurons(&w);
    }
    bool ok = lip_part_roles(&w.part, &task->bounds, uses_bounds);
    if (ok && !w.unfit) {
        lip_part_write(&w.part, text);
        *value = chain->zero ? 0 : lip_claim(part_value(&w.part));
    }
    lip_part_clear(&w.part);
    return ok;
}
