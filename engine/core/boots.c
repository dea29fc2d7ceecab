/* SPDX-License-Identifier: MIT */
/* VMs that never call home. */
#include "console.h"

/* The time by which a node's VM must have called home, or USEC_NEVER. What was before the start of
   this process counts for nothing: the record's time is of another clock, and nobody was there to
   be called. */
static usec_t boot_deadline(const struct engine *e, const struct array *a, const struct node *n) {
    bool booting = n->status == NODE_PREPARING && n->target == TARGET_STARTED;
    usec_t since = n->status_at > e->clock_began ? n->status_at : e->clock_began;
    return booting ? since + a->spec->boot_timeout_s * USEC_SEC : USEC_NEVER;
}

/* An elastic node gets another VM a few times (the old one becomes surplus); others have failed. */
static void boot_timed_out(struct engine *e, const struct cluster *c, const struct node *n) {
    static const char why[] = "Timeout awaiting system boot-up";
    static const char shown[] =
        "Timeout awaiting system boot-up: the node's file `console` shows how far it came";
    uint64_t cluster_id = n->cluster_id, set_id = n->set_id;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    bool again = copy->elastic && copy->retries < NODE_RETRIES_MAX;
    copy->retries++;
    journal_event(e, EVENT_NODE_CHANGED, c, copy, "%s", why);
    if (again) {
        edit_node_unbind(e, copy);
        observe_set_soon(e, cluster_id, set_id, 0);
        return;
    }
    edit_node_status(e, copy, NODE_FAILED, copy->phase);
    edit_node_hold(e, copy, HOLD_RETRIES, 0, copy->console_bytes ? shown : why);
}

/* The shortest time that a VM of the cluster may take to boot, or USEC_NEVER. */
static usec_t boot_limit(const struct cluster *c) {
    usec_t least = USEC_NEVER;
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        usec_t limit = a->spec ? a->spec->boot_timeout_s * USEC_SEC : 0;
        least = limit && limit < least ? limit : least;
    }
    return least;
}

/* Returns when to look again: at the first deadline to come, or with every plan (`now`) while the
   console of a VM that is to be given up is being read. */
static usec_t look_at(struct engine *e, const struct cluster *c, const struct array *a,
                      usec_t now) {
    usec_t next = USEC_NEVER;
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, a->id, NODES_UNREADY, &position));) {
        usec_t deadline = boot_deadline(e, a, n);
        bool late = deadline <= now;
        if (late && !console_comes_first(e, n))
            boot_timed_out(e, c, n);
        else if (deadline < next)
            next = late ? now : deadline;
    }
    return next;
}

static usec_t look_at_all(struct engine *e, const struct cluster *c, usec_t now) {
    usec_t next = USEC_NEVER;
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        bool limited = a->spec && a->spec->boot_timeout_s;
        usec_t at = limited ? look_at(e, c, a, now) : USEC_NEVER;
        next = at < next ? at : next;
    }
    return next;
}

/* Those that begin to boot after a look have time until `boots_within` after it at least, so nobody
   has to look again before that or the first deadline; but for a clock that is set back, or limits
   that change. */
void boots_check(struct engine *e, struct work *w) {
    const struct cluster *c = snapshot_cluster(engine_state(e), w->cluster_id);
    usec_t now = engine_now(e), within = c ? boot_limit(c) : USEC_NEVER;
    if (within == USEC_NEVER)
        return;
    if (w->boots_at <= now || w->boots_at > now + within || w->boots_within != within) {
        usec_t next = look_at_all(e, c, now);
        w->boots_within = within;
        w->boots_at = next < now + within ? next : now + within;
    }
    if (w->boots_at > now && w->boots_at < w->plan_at)
        w->plan_at = w->boots_at;
}
