/* Interval evaluation for deep networks: the tangent J(x) t with rounding errors that do not explode. */
#ifndef LIP_SEARCH_ZONOTOPE_H
#define LIP_SEARCH_ZONOTOPE_H

#include "region/preactivation.h"

/* Largest number of neurons (and outputs) for which it is used: memory grows with their square. */
enum { LIP_ZONOTOPE_LARGEST = 4300 };

/* Enclose the selected outputs of J(x) t as c +- r (lip_output_rows entries each).  *decided is false if
 * the phase of some neuron at x remains open or a number overflowed.  bounds decide neurons that are
 * stable on a region; NULL: every phase is decided at x.  False if memory is short. */
bool lip_zonotope_tangent(const lip_network *net, const lip_output *output,
                          const lip_preactivation *bounds, const double *x, const double *t,
                          double *c, double *r, bool *decided);

#endif
