/* SPDX-License-Identifier: MIT */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

/*
 * What to do next for a cluster: wanted and observed are compared, and the difference is a list of
 * actions. plan_make is a pure function of its input; nothing is changed and nobody is asked.
 * plan-apply.c turns actions into intents.
 *
 * Rules it keeps
 * - Writes on a set, and on a VM, never overlap: an object with an open intent is left alone. Only
 *   a deletion follows at once when nobody wants the object any more and no request is on its way.
 * - Capacities are absolute, from the last listing; a set grows only after a listing that is newer
 *   than its last write.
 * - A set is never shrunk by capacity: members are deleted by their ids, and these come from a
 *   listing that is newer than the set's last write.
 * - A scale set is written at most three times a minute on average, six times in a row
 *   (THROTTLE section 5).
 */

#include "internal.h"

struct plan_input {
    const struct snapshot *snapshot;
    const struct cluster *cluster;
    const struct engine *engine; /* read only: what was learnt (subnets, markets, intents) */
    const struct work *work;
    usec_t now;
};

struct plan_action {
    enum intent_kind kind;
    uint64_t node_id, set_id, array_id, volume_id;
    const char *machine_type; /* borrowed from the input */
    const char *zone, *region;
    uint32_t capacity, limit;
    struct id_vec nodes; /* who is to become a member */
    struct buf instances;
};

/* A wanted node that has to wait, and why. */
struct plan_wait {
    uint64_t node_id;
    enum hold hold;
    usec_t not_before;
    char *message;
};

DEFINE_VEC(plan_action_vec, struct plan_action);
DEFINE_VEC(plan_wait_vec, struct plan_wait);

struct plan {
    struct plan_action_vec actions;
    struct plan_wait_vec waits;
    struct id_vec gone; /* sets' or nodes' records that nothing holds any more */
    struct buf text;    /* for people, a line each */
    usec_t again_at;    /* plan again by then, USEC_NEVER = when something changes */
    int error;          /* 0 or -ENOMEM: then it is not to be used */
};

void plan_make(const struct plan_input *in, struct plan *ret);
void plan_done(struct plan *p);

#endif
