/* The caller's progress function, called when there is something to tell.
 *
 * Inner loops look at their watch some ten thousand times a second, and a caller's function may be slow: one in
 * Python has to wait for an interpreter.  So it is called when a bound or the method has changed since its
 * last call, and else at most every LIP_LISTENER_PAUSE seconds.  What the library itself wants to know at
 * every look (is it too late, do the bounds meet?) does not pass through here. */
#ifndef LIP_BASE_LISTENER_H
#define LIP_BASE_LISTENER_H

#include "lipcert.h"

#define LIP_LISTENER_PAUSE 0.05

/* Zero-initialise but for the first two. */
typedef struct lip_listener {
    lip_progress_fn progress; /* may be NULL: nobody listens */
    void *user;
    bool stopped; /* it asked to stop, and is not called any more */
    bool told;
    lip_progress last; /* what it was told */
} lip_listener;

/* A lip_progress_fn: `listener` is a lip_listener.  True from the moment on when the caller asked to stop. */
bool lip_listen(const lip_progress *now, void *listener);

#endif
