/* The floating-point environment of proofs: round to nearest, gradual underflow, no traps.
 *
 * A caller may run in another one (directed rounding; flush to zero, which loading a library built with
 * -ffast-math sets behind everybody's back).  The error bounds of base/round.h survive that, but not
 * comparisons with zero or infinity.  Every public call that proves something, or turns numbers into
 * networks and regions, enters the default environment and restores the caller's when it leaves. */
#ifndef LIP_BASE_FLOATING_H
#define LIP_BASE_FLOATING_H

#include <fenv.h>

static inline void lip_floating_enter(fenv_t *saved) {
    fegetenv(saved);
    fesetenv(FE_DFL_ENV);
}

static inline void lip_floating_leave(const fenv_t *saved) { fesetenv(saved); }

#endif
