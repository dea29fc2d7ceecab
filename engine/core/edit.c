/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* A build in which something failed is only good to be dropped. */
static void *made_or_fail(struct engine *e, void *made) {
    if (!made)
        engine_fail(e, -ENOMEM);
    return made;
}

struct cluster *edit_cluster(struct engine *e, uint64_t id) {
    struct cluster *c = made_or_fail(e, builder_cluster(e->builder, id, DURABLE));
    if (c)
        c->changed_at = engine_now(e);
    return c;
}

struct cluster *edit_cluster_quietly(struct engine *e, uint64_t id, enum durability durability) {
    return made_or_fail(e, builder_cluster(e->builder, id, durability));
}

void edit_group_gone(struct engine *e, uint64_t cluster_id) {
    struct cluster *c = edit_cluster(e, cluster_id);
    struct work *w = engine_work(e, cluster_id);
    if (c)
        c->group_ready = false;
    if (w)
        security_groups_forget(&w->security_groups);
}

struct set *edit_set(struct engine *e, uint64_t cluster_id, uint64_t id) {
    return made_or_fail(e, builder_set(e->builder, cluster_id, id, DURABLE));
}

struct node *edit_node(struct engine *e, const struct node *n) {
    return made_or_fail(e, builder_node(e->builder, n->cluster_id, n->id, DURABLE));
}

struct node *edit_node_volatile(struct engine *e, const struct node *n) {
    return made_or_fail(e, builder_node(e->builder, n->cluster_id, n->id, VOLATILE));
}

void edit_text(struct engine *e, struct str **slot, const char *text) {
    if (str_set(slot, text) < 0)
        engine_fail(e, -ENOMEM);
}

void edit_text_cut(struct engine *e, struct str **slot, const char *text, size_t max) {
    size_t len = strlen(text);
    struct str *made = str_new(text, len > max ? utf8_cut(text, max) : len);
    if (!made) {
        engine_fail(e, -ENOMEM);
        return;
    }
    str_unref(*slot);
    *slot = made;
}

void edit_node_status(struct engine *e, struct node *n, enum node_status status,
                      enum node_phase phase) {
    if (n->status != status) {
        n->status = status;
        n->status_at = engine_now(e);
        if (status == NODE_READY)
            n->ready_at = n->status_at;
        if (status == NODE_PREPARING)
            n->console_last = false; /* a start of its own */
    }
    if (status == NODE_PREPARING || status == NODE_READY)
        usage_begin(e, n);
    n->phase = phase;
}

void edit_node_hold(struct engine *e, struct node *n, enum hold hold, usec_t not_before,
                    const char *message) {
    n->hold = hold;
    n->not_before = not_before;
    edit_text_cut(e, &n->message, message, LIMIT_VALUE_BYTES);
}

void node_is_ready(struct engine *e, struct node *n) {
    edit_node_status(e, n, NODE_READY, PHASE_NONE);
    edit_node_hold(e, n, HOLD_NONE, 0, "");
    n->retries = 0;
    journal_event(e, EVENT_NODE_STARTED, snapshot_cluster(engine_state(e), n->cluster_id), n,
                  "ready");
}

usec_t hold_until(const struct engine *e, enum hold hold) {
    static const usec_t delays[HOLD_MAX] = {
        [HOLD_THROTTLED] = RETRY_PASSING, [HOLD_UNREACHABLE] = RETRY_PASSING,
        [HOLD_QUOTA] = RETRY_QUOTA,       [HOLD_CREDENTIALS] = RETRY_CREDENTIALS,
        [HOLD_INVALID] = USEC_NEVER,      [HOLD_RETRIES] = USEC_NEVER,
    };
    usec_t delay = delays[hold];
    return delay && delay != USEC_NEVER ? engine_now(e) + delay : delay;
}

static void forget_vm(struct engine *e, struct node *n) {
    usage_end(e, n);
    volumes_release(e, n->cluster_id, n->id);
    n->billed_at = 0;
    struct str **texts[] = {&n->resource_id,  &n->instance_id,    &n->vm_id,      &n->hostname,
                            &n->private_ip,   &n->public_ip,      &n->token_hash, &n->zone,
                            &n->machine_type, &n->placement_group};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        edit_text(e, texts[i], "");
    n->set_id = 0;
    n->intent_id = 0;
    n->edition = 0;
    n->cores = 0;
    n->ready_at = 0;
    n->last_seen = 0;
    n->console_wanted = n->console_last = false; /* what was read of it stays */
    n->console_asked_at = 0;
    n->metrics = (struct node_metrics){0};
}

void edit_node_rename_vm(struct engine *e, struct node *n) {
    n->vm_number = engine_take_id(e);
}

void edit_node_unbind(struct engine *e, struct node *n) {
    forget_vm(e, n);
    edit_node_status(e, n, NODE_ACQUIRING, PHASE_VALIDATE);
}

void edit_node_forget(struct engine *e, const struct node *n) {
    journal_forget(e, n->id);
    volumes_release(e, n->cluster_id, n->id);
    if (builder_remove_node(e->builder, n->cluster_id, n->id) < 0)
        engine_fail(e, -ENOMEM);
}

void edit_node_remove(struct engine *e, const struct node *n) {
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    journal_event(e, EVENT_NODE_TERMINATED, c, n, "terminated");
    if (n->fixed) {
        struct node *copy = edit_node(e, n);
        if (!copy)
            return;
        forget_vm(e, copy);
        edit_node_rename_vm(e, copy);
        edit_node_status(e, copy, NODE_OFF, PHASE_NONE);
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        return;
    }
    uint64_t cluster_id = n->cluster_id;
    usage_end(e, n);
    edit_node_forget(e, n);
    struct cluster *copy = edit_cluster_quietly(e, cluster_id, DURABLE);
    if (copy)
        copy->nodes_at = engine_now(e);
}

/* A record without a VM, and without a request that may bring one, goes at once. */
void edit_node_terminate(struct engine *e, const struct node *n) {
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    copy->target = TARGET_TERMINATED;
    edit_node_hold(e, copy, HOLD_NONE, 0, "");
    if (!copy->set_id && !copy->intent_id && !str_len(copy->resource_id)) {
        edit_node_remove(e, copy);
        return;
    }
    edit_node_status(e, copy, NODE_TERMINATING, PHASE_NONE);
}

struct node *edit_add_node(struct engine *e, const struct cluster *c, const struct array *a,
                           const char *name) {
    uint64_t array_id = a->id;
    struct node *n = builder_add_node(e->builder, c->id, engine_take_id(e), name);
    if (!n) {
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    n->array_id = array_id;
    n->created_at = n->status_at = engine_now(e);
    n->generation = c->generation;
    struct cluster *copy = edit_cluster_quietly(e, c->id, DURABLE);
    if (copy)
        copy->nodes_at = n->created_at;
    return n;
}
