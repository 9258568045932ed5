/* Wall clock and the question "go on?". */
#ifndef LIP_BASE_CLOCK_H
#define LIP_BASE_CLOCK_H

#include "lipcert.h"

/* Seconds since some fixed moment, monotone. */
double lip_clock_now(void);

/* What a long computation asks now and then.  `bounds` holds the best bounds so far. */
typedef struct lip_watch {
    double started, deadline; /* lip_clock_now() values */
    lip_progress_fn progress; /* may be NULL */
    void *user;
    lip_progress bounds;
    lip_stop stop; /* LIP_FINISHED until a reason to stop was seen */
} lip_watch;

/* True when the computation must end now: out of time, or the caller said so.  Stays true. */
bool lip_watch_expired(lip_watch *watch);

#endif
