/* One part of an sdp statement: the multipliers of one semidefinite program, in the units of the network
 * (docs/certificate.md, section 9). */
#ifndef LIP_CERT_PART_H
#define LIP_CERT_PART_H

#include "problem/proof.h"

/* The set of directions t, or of dual vectors w, that a part stands for. */
typedef enum lip_part_set { LIP_SET_CUBE, LIP_SET_BALL, LIP_SET_UNIT, LIP_SET_FIXED } lip_part_set;

typedef struct lip_part {
    const lip_network *net;
    lip_part_set input, output;
    size_t input_index, output_index; /* of unit and fixed sets */
    double one;                       /* only if output is fixed or some role is 'b' */
    size_t taus, sigmas;              /* cube: one for each; ball and unit: 1; fixed: 0 */
    double *tau, *sigma;
    /* by unit: 'v', 's', 'b' where the tangent, the phase or both are variables, 0 elsewhere, until
     * lip_part_roles fills the gaps */
    char *role;
    /* by unit; bound is what range and cap take for r */
    double *bound, *tangent, *range, *bin, *gate, *swap, *cap;
} lip_part;

/* A part without multipliers; rows: how many outputs are selected.  False if memory is short. */
bool lip_part_create(const lip_network *net, size_t rows, lip_part_set input, size_t input_index,
                     lip_part_set output, size_t output_index, lip_part *part);
void lip_part_clear(lip_part *part);

/* Roles of the neurons that have no variable: active or inactive on the region, inactive because no
 * direction reaches them, or a variable that nobody reads.  *uses_bounds becomes true if a phase on
 * the region was needed.  False if memory is short. */
bool lip_part_roles(lip_part *part, const lip_preactivation *bounds, bool *uses_bounds);

void lip_part_write(const lip_part *part, lip_text *text);

/* The line before the parts. */
void lip_statement_parts(lip_text *text, size_t parts);

/* The spectral norms that a checker needs for the ranges of multipliers `range`.  False if memory is
 * short. */
bool lip_statement_norms(const lip_network *net, size_t gram_limit, lip_text *text);

/* What lipcheck's factorisation takes off a diagonal entry x of the slack matrix, relative to x, at most:
 * `longest` is the length of the longest row inside the envelope, `neighbours` the largest number of
 * entries that a row and its column have there. */
double lip_checker_margin(size_t longest, size_t neighbours);

#endif
