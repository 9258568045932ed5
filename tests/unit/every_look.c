/* In place of src/base/listener.c: the caller hears of every look, so that a test can interrupt at any of
 * them.  (The linker takes this definition before it opens the library.) */
#include "base/listener.h"

bool lip_listen(const lip_progress *now, void *user) {
    lip_listener *listener = user;
    if (listener->progress && !listener->stopped)
        listener->stopped = listener->progress(now, listener->user);
    return listener->stopped;
}
