/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include "base/log.h"
#include "notify.h"

#include <errno.h>
#include <string.h>

#define LOOK_S 5
#define WEDGED_US (60 * USEC_SEC)

struct watchdog {
    struct fs *fs;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stop;
};

static bool wedged(usec_t busy_since, usec_t now) {
    return busy_since && usec_sub(now, busy_since) > WEDGED_US;
}

static void look(struct fs *fs) {
    usec_t now = clock_monotonic(&clock_real);
    if (!wedged(notify_busy_since(fs->notify), now) &&
        !wedged(answers_busy_since(fs->answers), now))
        return;
    int r = mount_abort(fs->device);
    log_error(
        "%s: a call to the kernel has not returned for a minute; the connection was aborted%s%s",
        fs->mountpoint, r < 0 ? ", which failed: " : "", r < 0 ? strerror(-r) : "");
}

/* Sleeps a while. False when the thread is to end. */
static bool rest(struct watchdog *w) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    LOCK_SCOPE(&w->lock);
    while (!w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
        ;
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
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    int r = -pthread_create(&w->thread, NULL, run, w);
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
