/* SPDX-License-Identifier: MIT */
#ifndef NET_TIMERS_H
#define NET_TIMERS_H

/* One-shot timers in the order of their time: a binary heap. One thread. Seen by http.c alone. */

#include "base/clock.h"
#include "base/vec.h"

#include <stdbool.h>

struct timer {
    usec_t at;
    uint64_t id;
    void (*fired)(void *arg);
    void *arg;
};

DEFINE_VEC(timer_vec, struct timer);

struct timers {
    struct timer_vec heap;
    uint64_t last_id;
};

/* 0 or -ENOMEM. */
int timers_add(struct timers *t, struct timer timer, uint64_t *ret_id);
/* No effect for an id that is not there. */
void timers_remove(struct timers *t, uint64_t id);
/* The time of the first, USEC_NEVER when there is none. */
usec_t timers_next(const struct timers *t);
/* Moves the first out when its time has come and it was added no later than `up_to_id`. */
bool timers_take(struct timers *t, usec_t now, uint64_t up_to_id, struct timer *ret);
void timers_done(struct timers *t);

#endif
