/* Better lower slopes for backward linear bounds, by projected gradient steps.  What comes out is a
 * proposal: lip_backward_bound proves what it is worth. */
#ifndef LIP_REGION_SLOPES_H
#define LIP_REGION_SLOPES_H

#include "region/backward.h"

typedef struct lip_slopes lip_slopes;

/* Room for up to `columns` targets of layer l; NULL if memory is short. */
lip_slopes *lip_slopes_create(const lip_network *net, const lip_region *region,
                              const lip_preactivation *bounds, size_t l, size_t columns);
void lip_slopes_free(lip_slopes *s);

/* slope[unit * k + j], all in [0, 1], comes in as a start and goes out as the best slopes of so many
 * steps, for every column by itself. */
void lip_slopes_improve(lip_slopes *s, size_t k, const lip_target *target, size_t steps,
                        lip_watch *watch, double *slope);

/* Bytes of work space for every column and unit. */
#define LIP_SLOPES_BYTES 40

#endif
