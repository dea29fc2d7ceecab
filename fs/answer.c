/* SPDX-License-Identifier: MIT */
/* The answer thread: sends what the engine has decided, after the kernel dropped what it made
 * stale. */
#include "internal.h"

#include "base/cond.h"

#include <errno.h>

struct answers {
    struct fs *fs;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake, rest;
    struct list queue;
    struct list later; /* those that have to wait until their due time */
    bool stop;
    usec_t busy_since;
};

void answers_push(struct answers *a, struct request *r) {
    (void)pthread_mutex_lock(&a->lock);
    list_add_tail(&a->queue, &r->link);
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
}

void answers_push_later(struct answers *a, struct request *r, usec_t due) {
    LOCK_SCOPE(&a->lock);
    r->due = due;
    list_add_tail(&a->later, &r->link);
}

/* Queues those whose time has come. When the next one's comes; USEC_NEVER: there is none. */
static usec_t queue_due(struct answers *a, usec_t now) {
    usec_t next = USEC_NEVER;
    list_for_each_safe(pos, tmp, &a->later) {
        struct request *r = list_entry(pos, struct request, link);
        if (r->due > now) {
            next = r->due < next ? r->due : next;
            continue;
        }
        list_del(&r->link);
        list_add_tail(&a->queue, &r->link);
    }
    return next;
}

/* The next request, or NULL when the thread is to end. */
static struct request *take(struct answers *a) {
    LOCK_SCOPE(&a->lock);
    a->busy_since = 0;
    for (;;) {
        usec_t next = queue_due(a, clock_monotonic(&clock_real));
        if (!list_empty(&a->queue) || (a->stop && next == USEC_NEVER))
            break;
        if (next == USEC_NEVER)
            (void)pthread_cond_broadcast(&a->rest);
        cond_wait_until(&a->wake, &a->lock, next);
    }
    if (list_empty(&a->queue))
        return NULL;
    struct request *r = list_entry(a->queue.next, struct request, link);
    list_del(&r->link);
    a->busy_since = clock_monotonic(&clock_real);
    return r;
}

static void *run(void *arg) {
    struct answers *a = arg;
    for (struct request *r; (r = take(a));)
        request_done(r);
    return NULL;
}

usec_t answers_busy_since(struct answers *a) {
    LOCK_SCOPE(&a->lock);
    return a->busy_since;
}

bool answers_drain(struct answers *a, unsigned seconds) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    LOCK_SCOPE(&a->lock);
    int r = 0;
    while (r == 0 && (!list_empty(&a->queue) || !list_empty(&a->later) || a->busy_since))
        r = pthread_cond_timedwait(&a->rest, &a->lock, &until);
    return r == 0;
}

int answers_new(struct fs *fs, struct answers **ret) {
    struct answers *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->fs = fs;
    list_init(&a->queue);
    list_init(&a->later);
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->rest, NULL);
    int r = cond_init(&a->wake);
    if (r == 0)
        r = -pthread_create(&a->thread, NULL, run, a);
    if (r < 0) {
        free(a);
        return r;
    }
    *ret = a;
    return 0;
}

void answers_free(struct answers *a) {
    if (!a)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    (void)pthread_cond_destroy(&a->wake);
    (void)pthread_cond_destroy(&a->rest);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}
