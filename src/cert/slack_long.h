/* Between slack.c and slack_long.c. */
#ifndef LIP_CERT_SLACK_LONG_H
#define LIP_CERT_SLACK_LONG_H

#include "cert/slack.h"

/* Both vectors have so many coefficients that they are not multiplied out one by one. */
bool lip_pair_is_long(const lip_lifted *lifted, const lip_pair *pair);

static inline double lip_slack_weight(const lip_slack *slack, size_t i) {
    return slack->weight ? slack->weight[i] : 1;
}

/* Room for all long pairs of the lifted problem. */
bool lip_slack_long_create(lip_slack *slack);
void lip_slack_long_clear(lip_slack *slack);

/* Note factor times a long pair. */
void lip_slack_long_add(lip_slack *slack, double factor, const lip_pair *pair);

/* Subtract all of them from the base, and add to its radii; destroys work.  How many numbers a radius is now
 * the sum of, besides what it was. */
size_t lip_slack_long_subtract(lip_slack *slack);

#endif
