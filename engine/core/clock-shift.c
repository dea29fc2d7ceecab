/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>

/*
 * The engine's time runs with the monotonic clock and begins as wall time, so nothing is ordered,
 * repeated or given up by a wall clock that is set. When the wall clock has left it behind, or run
 * away from it, the engine's time follows, and with it all times that are compared with it: what
 * was to happen in a minute still happens in a minute, and a VM is paid for as long as it ran.
 */

#define CLOCK_JUMP ((int64_t)(2 * USEC_SEC)) /* less is nobody's business */

usec_t engine_now(const struct engine *e) {
    return (usec_t)((int64_t)clock_monotonic(e->options.clock) + e->clock_offset);
}

static int64_t offset_now(const struct engine *e) {
    return (int64_t)clock_wall(e->options.clock) - (int64_t)clock_monotonic(e->options.clock);
}

void clock_begin(struct engine *e) {
    e->clock_offset = e->clock_kept = offset_now(e);
    e->clock_began = engine_now(e);
}

static void move(usec_t *at, int64_t by) {
    if (*at && *at != USEC_NEVER)
        *at = by < 0 && *at <= (usec_t)-by ? 1 : *at + (usec_t)by;
}

/* --- what was learnt -------------------------------------------------------------------------- */

static void move_set(struct set_work *sw, int64_t by) {
    usec_t *times[] = {&sw->listing_began, &sw->list_at, &sw->written_at, &sw->quiet_until};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        move(times[i], by);
}

static void move_works(struct engine *e, int64_t by) {
    for (size_t i = 0; i < e->works.len; i++) {
        struct work *w = e->works.items[i];
        move(&w->list_at, by);
        move(&w->plan_at, by);
        move(&w->boots_at, by);
        for (size_t k = 0; k < w->sets.len; k++)
            move_set(&w->sets.items[k], by);
    }
}

static void move_facts(struct engine *e, int64_t by) {
    for (size_t i = 0; i < e->markets.len; i++) {
        move(&e->markets.items[i]->sizes_at, by);
        move(&e->markets.items[i]->quotas_at, by);
        move(&e->markets.items[i]->prices_at, by);
    }
    for (size_t i = 0; i < e->subnets.len; i++) {
        move(&e->subnets.items[i].at, by);
        move(&e->subnets.items[i].full_until, by);
    }
    for (size_t i = 0; i < e->sweeps.len; i++)
        move(&e->sweeps.items[i]->at, by);
}

static void move_requests(struct engine *e, int64_t by) {
    for (size_t i = 0; i < e->intents.len; i++)
        move(&e->intents.items[i]->next_at, by);
    for (size_t i = 0; i < e->deletions.len; i++)
        move(&e->deletions.items[i].next_at, by);
    for (size_t i = 0; i < e->consoles.len; i++)
        move(&e->consoles.items[i].at, by);
    calls_shift(e, by);
    move(&e->unreachable_since, by);
    move(&e->reachable_at, by);
    move(&e->clock_began, by);
}

/* --- what readers see ------------------------------------------------------------------------- */

static void move_node(struct engine *e, const struct node *n, int64_t by) {
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    usec_t *times[] = {&copy->created_at,      &copy->status_at, &copy->ready_at,
                       &copy->last_seen,       &copy->billed_at, &copy->not_before,
                       &copy->console_asked_at};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        move(times[i], by);
}

static void move_cluster(struct engine *e, const struct cluster *c, int64_t by) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        move_node(e, n, by);
    for (size_t i = 0; i < c->sets.len; i++) {
        struct set *copy = edit_set(e, c->id, cluster_set(c, i)->id);
        if (copy)
            move(&copy->write_at, by);
    }
}

static void move_quota(struct quota *q, const void *by) {
    move(&q->read_at, *(const int64_t *)by);
    move(&q->refused_until, *(const int64_t *)by);
}

static void move_snapshot(struct engine *e, int64_t by) {
    struct id_vec ids = {0};
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++)
        if (id_vec_append(&ids, ((const struct cluster *)s->clusters.items[i])->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < ids.len && !e->failed; i++)
        move_cluster(e, snapshot_cluster(engine_state(e), ids.items[i]), by);
    id_vec_done(&ids);
    catalog_change_quotas(e, move_quota, &by);
    shortage_shift(e, by);
}

/* --- when ------------------------------------------------------------------------------------- */

static void tell(struct engine *e, int64_t by) {
    _cleanup_buf_ struct buf long_ago = BUF_INIT(64);
    (void)duration_format(&long_ago, (usec_t)(by < 0 ? -by : by));
    const char *way = by < 0 ? "back" : "forward";
    log_warning("the clock of this machine was set %s by=%s", way, long_ago.data);
    journal_event(e, EVENT_SERVER, NULL, NULL,
                  "the clock of this machine was set %s by %s: what was to happen happens "
                  "as if it had not been",
                  way, long_ago.data);
}

void clock_check(struct engine *e) {
    int64_t by = offset_now(e) - e->clock_offset;
    if (by > -CLOCK_JUMP && by < CLOCK_JUMP)
        return;
    move_works(e, by);
    move_facts(e, by);
    move_requests(e, by);
    move_snapshot(e, by);
    e->clock_offset += by;
    tell(e, by);
}

/* --- a start ---------------------------------------------------------------------------------- */

/* The record of a time that is still to come was written by a clock that was wrong, then or now. */
static bool is_later(usec_t at, usec_t now) {
    return at > now && at != USEC_NEVER;
}

static void doubt_node(struct engine *e, const struct node *n, usec_t now) {
    bool late = is_later(n->status_at, now) || is_later(n->billed_at, now) ||
                is_later(n->console_asked_at, now) || is_later(n->created_at, now) ||
                is_later(n->not_before, now + RETRY_CAPACITY_MAX);
    struct node *copy = late ? edit_node(e, n) : NULL;
    if (!copy)
        return;
    usec_t *times[] = {&copy->created_at, &copy->status_at, &copy->ready_at, &copy->billed_at,
                       &copy->console_asked_at};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        *times[i] = is_later(*times[i], now) ? now : *times[i];
    if (is_later(copy->not_before, now + RETRY_CAPACITY_MAX))
        copy->not_before = now;
}

void clock_doubt_records(struct engine *e) {
    const struct snapshot *s = engine_state(e);
    usec_t now = engine_now(e);
    for (size_t i = 0; s && i < s->clusters.len && !e->failed; i++) {
        const struct cluster *c = s->clusters.items[i];
        uint64_t position = 0;
        for (const struct node *n; (n = cluster_next_node(c, &position));)
            doubt_node(e, n, now);
        for (size_t k = 0; k < c->sets.len; k++) {
            const struct set *set = cluster_set(c, k);
            struct set *copy =
                is_later(set->write_at, now + RETRY_QUOTA) ? edit_set(e, c->id, set->id) : NULL;
            if (copy)
                copy->write_at = now;
        }
    }
}
