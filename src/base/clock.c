#include "base/clock.h"

#include <time.h>

double lip_clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool lip_watch_expired(lip_watch *watch) {
    if (!watch || watch->stop != LIP_FINISHED) return watch && watch->stop != LIP_FINISHED;
    double now = lip_clock_now();
    watch->bounds.seconds = now - watch->started;
    if (watch->progress && watch->progress(&watch->bounds, watch->user)) {
        watch->stop = LIP_INTERRUPTED;
    } else if (now >= watch->deadline) {
        watch->stop = LIP_OUT_OF_TIME;
    }
    return watch->stop != LIP_FINISHED;
}
