/* Midpoint-radius arithmetic on networks: a block of intervals is kept as midpoints c and radii r, the
 * true values x satisfying |x - c| <= r.  An affine map then costs one product with A for the
 * midpoints and one with |A| for the radii (Rump 1999, "Fast and parallel interval arithmetic");
 * rounding is paid for inside the radii, by the rules of base/round.h. */
#ifndef LIP_NET_ENCLOSE_H
#define LIP_NET_ENCLOSE_H

#include "net/network.h"

/* Enclose z_l from enclosures c, r (units * k each) of the input and the earlier h.  zc, zr have
 * width * k entries.  work has lip_widest(net) * k.  r may hold a mixture; all must be finite. */
void lip_enclose_layer(const lip_network *net, size_t l, size_t k, const double *c, const double *r,
                       double *zc, double *zr, double *work);

/* Enclose the reverse pass.  The derivative of every neuron lies in [dlo, dhi] within [0, 1] (units
 * entries each, shared by the columns).  gc has units * k entries, zero but for the exact output
 * block; gr has as many, all zero.  On return the input block encloses J' times the output block for
 * every choice of derivatives.  terms has layers + 1 entries, work lip_widest(net) * k.  Overflow
 * gives infinite or NaN entries, which callers take as "unbounded". */
void lip_enclose_reverse(const lip_network *net, size_t k, const double *dlo, const double *dhi,
                         double *gc, double *gr, size_t *terms, double *work);

/* live[units]: 1 where a value changes near a point.  Set it for z of layer l from that of its sources: some
 * source that changes has a nonzero weight. */
void lip_mark_live(const lip_network *net, size_t l, double *live);

/* The largest width, the input included. */
size_t lip_widest(const lip_network *net);

/* Lower and upper end of c +- r, outwards; -INFINITY and INFINITY if c or r is not finite. */
double lip_enclosure_lo(double c, double r);
double lip_enclosure_hi(double c, double r);

#endif
