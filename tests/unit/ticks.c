/* In place of src/base/clock.c: every look at the clock takes a millisecond, and nothing else any time, so that what
 * runs out of time does so at the same place in every run.  (The linker takes these definitions before it opens
 * the library.) */
#include "base/clock.h"

double lip_clock_now(void) {
    static double now;
    return now += 1e-3;
}

bool lip_watch_expired(lip_watch *watch) {
    if (!watch || watch->stop != LIP_FINISHED) return watch && watch->stop != LIP_FINISHED;
    double now = lip_clock_now();
    watch->bounds.seconds = now - watch->started;
    if (watch->progress && watch->progress(&watch->bounds, watch->user))
        watch->stop = LIP_INTERRUPTED;
    else if (now >= watch->deadline)
        watch->stop = LIP_OUT_OF_TIME;
    return watch->stop != LIP_FINISHED;
}
