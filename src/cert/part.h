/* One part of an sdp statement: the multipliers of one semidefinite program, in the units of the network
 * (docs/certificate.md, section 9). */
#ifndef LIP_CERT_PART_H
#define LIP_CERT_PART_H

#include "problem/proof.h"

/* The set of directions t, or of dual vectors w, that a part stands for. */
typedef enum lip_part_set { LIP_SET_CUBE, LIP_SET_BALL, LIP_SET_UNIT, LIP_SET_FIXED } lip_part_set;

/* R_i R_j R_k + a R_k p_i p_j + b R_j p_i p_k + ab R_i p_j p_k >= 0, i < j < k in the certificate's numbering. */
typedef struct lip_part_triangle {
    size_t i, j, k;
    int a, b;
    double multiplier;
} lip_part_triangle;

/* The linear forms of the document's table; `of` is a variable, a number `value` or a number `both`. */
typedef enum lip_part_form_kind {
    LIP_PART_PLUS,
    LIP_PART_MINUS,
    LIP_PART_CLOSED,
    LIP_PART_UPPER,
    LIP_PART_LOWER,
    LIP_PART_ON_PLUS,
    LIP_PART_ON_MINUS,
    LIP_PART_OFF_PLUS,
    LIP_PART_OFF_MINUS
} lip_part_form_kind;

typedef struct lip_part_form {
    lip_part_form_kind kind;
    size_t of;
} lip_part_form;

typedef struct lip_part_product {
    lip_part_form f, g;
    double multiplier;
} lip_part_product;

/* What a part that knows the point has besides, by unit. */
typedef struct lip_part_values {
    double *least, *most, *state, *square, *closed, *open, *above, *below, *phases, *roof, *floor;
} lip_part_values;

typedef struct lip_part {
    const lip_network *net;
    lip_part_set input, output;
    size_t input_index, output_index; /* of unit and fixed sets */
    double one; /* only if output is fixed, some role is 'b', or there are values or cuts */
    size_t taus, sigmas; /* cube: one for each; ball and unit: 1; fixed: 0 */
    double *tau, *sigma;
    /* by unit: 'v', 's', 'b' where the tangent, the phase or both are variables, 0 elsewhere, until
     * lip_part_roles fills the gaps */
    char *role;
    /* by unit; bound is what range and cap take for r */
    double *bound, *tangent, *range, *bin, *gate, *swap, *cap;
    /* NULL unless the part knows the point.  By unit: 'h', 'z' where the value or z is used, 0 elsewhere until
     * lip_part_letters fills the gaps */
    char *value;
    lip_part_values of;
    size_t points; /* box: one for each x'; ball: 1; none if there are no x' */
    double *point;
    size_t triangles, products; /* arrays of the part */
    lip_part_triangle *triangle;
    lip_part_product *product;
} lip_part;

/* A part without multipliers; rows: how many outputs are selected.  False if memory is short. */
bool lip_part_create(const lip_network *net, size_t rows, lip_part_set input, size_t input_index,
                     lip_part_set output, size_t output_index, lip_part *part);
void lip_part_clear(lip_part *part);

/* Let the part know the point.  False if memory is short. */
bool lip_part_know(lip_part *part, size_t points);

/* Roles of the neurons that have no variable: active or inactive on the region, inactive because no
 * direction reaches them, or a variable that nobody reads.  *uses_bounds becomes true if a phase on
 * the region was needed.  False if memory is short. */
bool lip_part_roles(lip_part *part, const lip_preactivation *bounds, bool *uses_bounds);

/* The letters of the values that have no variable, for a part that knows the point; *uses_bounds becomes true.
 * False if memory is short. */
bool lip_part_letters(lip_part *part, const lip_preactivation *bounds, bool *uses_bounds);

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
