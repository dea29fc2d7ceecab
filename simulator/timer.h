/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_TIMER_H
#define SIMULATOR_TIMER_H

/*
 * Timers on wall time, in a heap: what falls due next is found at once among many thousands. Wall
 * time, because everything the simulator has promised must fall due after a restart as well.
 *
 * A timer is a member of what it belongs to and is found again by list_entry; it must be cancelled
 * before its owner is released. One thread.
 */

#include "base/clock.h"

#include <stddef.h>

struct timer {
    usec_t at;
    size_t slot; /* place in the heap + 1; 0 = not set */
    void (*fire)(struct timer *timer, void *context);
};

struct timer_heap {
    struct timer **items;
    size_t len, cap;
    void *context; /* passed to `fire` */
};

/* Sets or moves a timer. 0 or -ENOMEM; moving a timer that is set never fails. */
int timer_set(struct timer_heap *heap, struct timer *timer, usec_t at);
/* No effect on a timer that is not set. */
void timer_cancel(struct timer_heap *heap, struct timer *timer);
/* When the next timer falls due; USEC_NEVER if none is set. */
usec_t timer_next(const struct timer_heap *heap);
/* Fires everything due at `now`, earliest first; a timer is unset before its function is called. */
void timer_run(struct timer_heap *heap, usec_t now);
/* Releases the heap, not the timers. */
void timer_heap_done(struct timer_heap *heap);

#endif
