/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>

int engine_submit(void *engine, struct command *command, uint64_t *ret_ticket) {
    struct engine *e = engine;
    {
        LOCK_SCOPE(&e->queue_mutex);
        if (e->stopping || e->queued >= LIMIT_COMMAND_QUEUE)
            return -EAGAIN;
        command->ticket = ++e->next_ticket;
        if (ret_ticket)
            *ret_ticket = command->ticket;
        list_init(&command->link);
        list_add_tail(&e->queue, &command->link);
        e->queued++;
    }
    e->options.wake(e->options.wait_arg);
    return 0;
}

void engine_cancel(void *engine, uint64_t ticket) {
    struct engine *e = engine;
    {
        LOCK_SCOPE(&e->queue_mutex);
        if (e->n_cancelled == e->cap_cancelled) {
            size_t cap = e->cap_cancelled ? e->cap_cancelled * 2 : 16;
            uint64_t *grown = reallocarray(e->cancelled, cap, sizeof(*grown));
            if (!grown)
                return; /* the wait goes on until its goal is reached */
            e->cancelled = grown;
            e->cap_cancelled = cap;
        }
        e->cancelled[e->n_cancelled++] = ticket;
    }
    e->options.wake(e->options.wait_arg);
}

void engine_stop(struct engine *e) {
    {
        LOCK_SCOPE(&e->queue_mutex);
        e->stopping = true;
    }
    e->options.wake(e->options.wait_arg);
}

struct command *queue_take(struct engine *e) {
    LOCK_SCOPE(&e->queue_mutex);
    if (list_empty(&e->queue))
        return NULL;
    struct command *c = list_entry(e->queue.next, struct command, link);
    list_del(&c->link);
    e->queued--;
    return c;
}

struct command *queue_take_ticket(struct engine *e, uint64_t ticket) {
    LOCK_SCOPE(&e->queue_mutex);
    list_for_each(link, &e->queue) {
        struct command *c = list_entry(link, struct command, link);
        if (c->ticket != ticket)
            continue;
        list_del(&c->link);
        e->queued--;
        return c;
    }
    return NULL;
}

bool queue_cancelled(struct engine *e, uint64_t *ret_ticket) {
    LOCK_SCOPE(&e->queue_mutex);
    if (!e->n_cancelled)
        return false;
    *ret_ticket = e->cancelled[--e->n_cancelled];
    return true;
}
