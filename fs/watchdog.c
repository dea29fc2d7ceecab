/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include "base/cond.h"
#include "base/log.h"
#include "notify.h"

#include <errno.h>
#include <string.h>

#define WEDGED_S 60u
#define LOOKS 12 /* while a call is not yet a wedge */

struct watchdog {
    struct fs *fs;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stop;
};

static usec_t limit(const struct fs *fs) {
    return (fs->options.wedged_s ? fs->options.wedged_s : WEDGED_S) * USEC_SEC;
}

static bool wedged(const struct fs *fs, usec_t busy_since) {
    return busy_since && usec_sub(clock_monotonic(&clock_real), busy_since) > limit(fs);
}

static void look(struct fs *fs) {
    if (!wedged(fs, notify_busy_since(fs->notify)) && !wedged(fs, answers_busy_since(fs->answers)))
        return;
    int r = mount_abort(fs->device);
    log_error("%s: a call to the kernel has not returned for %u s; the connection was aborted%s%s",
              fs->mountpoint, (unsigned)(limit(fs) / USEC_SEC), r < 0 ? ", which failed: " : "",
              r < 0 ? strerror(-r) : "");
}

/* Sleeps a while. False when the thread is to end. */
static bool rest(struct watchdog *w) {
    usec_t until = usec_add(clock_monotonic(&clock_real), limit(w->fs) / LOOKS);
    LOCK_SCOPE(&w->lock);
    while (!w->stop && clock_monotonic(&clock_real) < until)
        cond_wait_until(&w->wake, &w->lock, until);
    return !w->stop;
}

static void *run(void *arg) {
    struct watchdog *w = arg;
    while (rest(w))
        look(w->fs);
    return NULL;
}

int watchdog_new(struct fs *fs, struct watchdog **ret) {
    struct watchdog *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->fs = fs;
    (void)pthread_mutex_init(&w->lock, NULL);
    int r = cond_init(&w->wake);
    if (r == 0)
        r = -pthread_create(&w->thread, NULL, run, w);
    if (r < 0) {
        free(w);
        return r;
    }
    *ret = w;
    return 0;
}

void watchdog_free(struct watchdog *w) {
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
