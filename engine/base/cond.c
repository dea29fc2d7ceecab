/* SPDX-License-Identifier: MIT */
#include "cond.h"

int cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attr;
    int r = pthread_condattr_init(&attr);
    if (r)
        return -r;
    r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (r == 0)
        r = pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    return -r;
}

void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t until) {
    const struct timespec at = {.tv_sec = (time_t)(until / USEC_SEC),
                                .tv_nsec = (long)(until % USEC_SEC) * 1000};
    if (until == USEC_NEVER)
        (void)pthread_cond_wait(cond, lock);
    else
        (void)pthread_cond_timedwait(cond, lock, &at);
}
