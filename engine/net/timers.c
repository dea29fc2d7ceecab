/* SPDX-License-Identifier: MIT */
#include "timers.h"

static bool before(const struct timer *a, const struct timer *b) {
    return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static void swap(struct timer *a, struct timer *b) {
    struct timer t = *a;
    *a = *b;
    *b = t;
}

static void sift_up(struct timer_vec *h, size_t i) {
    while (i > 0 && before(&h->items[i], &h->items[(i - 1) / 2])) {
        swap(&h->items[i], &h->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct timer_vec *h, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < h->len && before(&h->items[child], &h->items[least]))
                least = child;
        if (least == i)
            return;
        swap(&h->items[i], &h->items[least]);
        i = least;
    }
}

int timers_add(struct timers *t, struct timer timer, uint64_t *ret_id) {
    timer.id = t->last_id + 1;
    int r = timer_vec_append(&t->heap, timer);
    if (r < 0)
        return r;
    t->last_id = timer.id;
    sift_up(&t->heap, t->heap.len - 1);
    *ret_id = timer.id;
    return 0;
}

static void remove_at(struct timer_vec *h, size_t i) {
    h->len--;
    if (i == h->len)
        return;
    h->items[i] = h->items[h->len];
    sift_down(h, i);
    sift_up(h, i);
}

void timers_remove(struct timers *t, uint64_t id) {
    for (size_t i = 0; id && i < t->heap.len; i++)
        if (t->heap.items[i].id == id) {
            remove_at(&t->heap, i);
            return;
        }
}

usec_t timers_next(const struct timers *t) {
    return t->heap.len ? t->heap.items[0].at : USEC_NEVER;
}

bool timers_take(struct timers *t, usec_t now, uint64_t up_to_id, struct timer *ret) {
    if (t->heap.len == 0 || t->heap.items[0].at > now || t->heap.items[0].id > up_to_id)
        return false;
    *ret = t->heap.items[0];
    remove_at(&t->heap, 0);
    return true;
}

void timers_done(struct timers *t) {
    timer_vec_done(&t->heap);
}
