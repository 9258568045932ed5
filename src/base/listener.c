#include "base/listener.h"

static bool is_news(const lip_listener *listener, const lip_progress *now) {
    const lip_progress *last = &listener->last;
    return !listener->told || now->lower != last->lower || now->upper != last->upper ||
           now->method != last->method || now->seconds >= last->seconds + LIP_LISTENER_PAUSE;
}

bool lip_listen(const lip_progress *now, void *user) {
    lip_listener *listener = user;
    if (!listener->progress || listener->stopped || !is_news(listener, now))
        return listener->stopped;
    listener->told = true;
    listener->last = *now;
    listener->stopped = listener->progress(now, listener->user);
    return listener->stopped;
}
