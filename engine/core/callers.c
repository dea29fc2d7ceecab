/* SPDX-License-Identifier: MIT */
#include "internal.h"

#define PERIOD USEC_HOUR
#define REGISTER_PAUSE (5 * USEC_SEC)
#define EVENTS_MAX 60u /* of a node in a period */

void callers_done(struct callers *c) {
    id_map_done(&c->registered);
    id_map_done(&c->events_told);
}

static void begin_anew(struct engine *e) {
    usec_t now = engine_now(e);
    if (now >= e->callers.since && now - e->callers.since < PERIOD)
        return;
    callers_done(&e->callers);
    e->callers.since = now;
}

usec_t callers_register(struct engine *e, uint64_t node_id) {
    begin_anew(e);
    usec_t now = engine_now(e);
    const uint64_t *last = id_map_get(&e->callers.registered, node_id);
    if (last && now >= *last && now - *last < REGISTER_PAUSE)
        return REGISTER_PAUSE - (now - *last);
    /* without memory it is not counted */
    (void)id_map_set(&e->callers.registered, node_id, now);
    return 0;
}

bool callers_may_tell(struct engine *e, const struct node *n) {
    begin_anew(e);
    const uint64_t *told = id_map_get(&e->callers.events_told, n->id);
    uint64_t count = told ? *told : 0;
    if (count <= EVENTS_MAX)
        (void)id_map_set(&e->callers.events_told, n->id, count + 1);
    if (count == EVENTS_MAX)
        journal_event(e, EVENT_NODE_CHANGED, snapshot_cluster(engine_state(e), n->cluster_id), n,
                      "%u events of this node were recorded within an hour: the rest is left out",
                      EVENTS_MAX);
    return count < EVENTS_MAX;
}
