/* Points of a region in bulk, and the gradient norms there (floating point: candidates, no bounds). */
#ifndef LIP_SEARCH_POINTS_H
#define LIP_SEARCH_POINTS_H

#include "base/rng.h"
#include "net/network.h"
#include "region/region.h"

/* Search coordinates: x = centre + half * xi, |xi_i| <= 1 (box and R^n) or ||xi||_2 <= 1 (ball). */
typedef struct lip_chart {
    const lip_region *region;
    double *centre, *half; /* n each; owned */
    double spread;         /* R^n: points are drawn at random scales down to 1/spread of half */
} lip_chart;

/* For R^n the box is chosen to reach well beyond the kinks of the first layer around the origin. */
bool lip_chart_create(const lip_network *net, const lip_region *region, lip_chart *chart);
void lip_chart_clear(lip_chart *chart);

/* xi column j of a block of k: a uniform point of the region (R^n: uniform in a box of random size). */
void lip_chart_draw(const lip_chart *chart, lip_rng *rng, size_t k, size_t j, double *xi);

/* Bring xi back into the unit box or ball. */
void lip_chart_project(const lip_chart *chart, size_t k, double *xi);

/* x block from xi block, clipped into the region. */
void lip_chart_points(const lip_chart *chart, size_t k, const double *xi, double *x);

/* Jacobians at `points` points from their pre-activations z (units * points): with k selected outputs,
 * columns p * k + r of the input block of g (units * points * k, overwritten) hold row r at point p. */
void lip_jacobians(const lip_network *net, const lip_output *output, size_t points, const double *z,
                   double *g);

/* norm[p] = ||J(x_p)||_{p -> q} for those Jacobians.  False if memory is short. */
bool lip_jacobian_norms(const lip_network *net, const lip_query *query, size_t points,
                        const double *g, double *norm);

/* Reverse pass in which every column has its own factors d (units * k), possibly between 0 and 1. */
void lip_reverse_columns(const lip_network *net, size_t k, const double *d, double *g);

#endif
