/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct timer_heap *heap, size_t at, struct timer *timer) {
    heap->items[at] = timer;
    timer->slot = at + 1;
}

static void sift_up(struct timer_heap *heap, size_t at) {
    struct timer *timer = heap->items[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (heap->items[parent]->at <= timer->at)
            break;
        place(heap, at, heap->items[parent]);
        at = parent;
    }
    place(heap, at, timer);
}

static void sift_down(struct timer_heap *heap, size_t at) {
    struct timer *timer = heap->items[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->len)
            break;
        if (child + 1 < heap->len && heap->items[child + 1]->at < heap->items[child]->at)
            child++;
        if (timer->at <= heap->items[child]->at)
            break;
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, timer);
}

int timer_set(struct timer_heap *heap, struct timer *timer, usec_t at) {
    timer->at = at;
    if (timer->slot) {
        sift_up(heap, timer->slot - 1);
        sift_down(heap, timer->slot - 1);
        return 0;
    }
    if (heap->len == heap->cap) {
        size_t cap = heap->cap ? 2 * heap->cap : 64;
        struct timer **items = reallocarray(heap->items, cap, sizeof(*items));
        if (!items)
            return -ENOMEM;
        heap->items = items;
        heap->cap = cap;
    }
    place(heap, heap->len++, timer);
    sift_up(heap, heap->len - 1);
    return 0;
}

void timer_cancel(struct timer_heap *heap, struct timer *timer) {
    if (!timer->slot)
        return;
    size_t at = timer->slot - 1;
    struct timer *last = heap->items[--heap->len];
    timer->slot = 0;
    if (last == timer)
        return;
    place(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, last->slot - 1);
}

usec_t timer_next(const struct timer_heap *heap) {
    return heap->len ? heap->items[0]->at : USEC_NEVER;
}

void timer_run(struct timer_heap *heap, usec_t now) {
    while (heap->len && heap->items[0]->at <= now) {
        struct timer *timer = heap->items[0];
        timer_cancel(heap, timer);
        timer->fire(timer, heap->context);
    }
}

void timer_heap_done(struct timer_heap *heap) {
    free(heap->items);
    *heap = (struct timer_heap){0};
}
