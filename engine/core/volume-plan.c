/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include "plan-parts.h"

#include <stdio.h>
#include <string.h>

/* What volumes need next. Part of the plan: a pure function of its input. */

struct readiness {
    struct plan *plan;
    const struct plan_input *in;
    const struct array *array;
    const struct node *node;
    bool ready;
};

static void act(struct plan *p, enum intent_kind kind, const struct volume *v, uint64_t node_id) {
    struct plan_action *action = plan_act(p, kind);
    if (!action)
        return;
    action->volume_id = v->item.id;
    action->node_id = node_id;
    action->capacity = v->wanted_gb;
    plan_say(p, "%s: %s (%u GB)", intent_verb(kind), volume_name(v),
             v->size_gb > v->wanted_gb ? v->size_gb : v->wanted_gb);
}

/* A person must act: the node says why. */
static void refuse(struct readiness *r, const struct volume *v, const char *why) {
    char text[1024];
    (void)snprintf(text, sizeof(text), "volume %s: %s", volume_name(v), why);
    plan_wait_for(r->plan, r->node, &(struct plan_reason){HOLD_INVALID, 0, text});
    plan_say(r->plan, "wait: node %s: %s", str_text(r->node->name), text);
}

static void wait_for(struct readiness *r, const struct volume *v, const char *what) {
    plan_say(r->plan, "wait: node %s until volume %s %s", str_text(r->node->name), volume_name(v),
             what);
}

/* A disk cannot be moved. */
static bool elsewhere(struct readiness *r, const struct volume *v) {
    const struct array_spec *s = r->array->spec;
    char why[512];
    if (!str_len(v->group) ||
        (str_equal(v->account, str_text(s->account)) && str_equal(v->region, str_text(s->region))))
        return false;
    (void)snprintf(
        why, sizeof(why),
        "its disk is in region %s of account %s, and the node is wanted in %s of %s: set "
        "Region and Credentials back, or give the volume another name",
        str_text(v->region), str_text(v->account), str_text(s->region), str_text(s->account));
    refuse(r, v, why);
    return true;
}

/* Another VM has the disk. */
static bool taken(struct readiness *r, const struct volume *v) {
    if (!v->node_id || v->node_id == r->node->id)
        return false;
    const struct node *other = cluster_node(r->in->cluster, v->node_id);
    char what[256];
    (void)snprintf(what, sizeof(what), "is free: the VM of node %s has its disk",
                   other ? str_text(other->name) : "that is being forgotten");
    wait_for(r, v, what);
    return true;
}

static bool held(struct readiness *r, const struct volume *v) {
    if (v->hold == HOLD_NONE || v->not_before <= r->in->now)
        return false;
    if (v->not_before != USEC_NEVER)
        plan_again(r->plan, v->not_before);
    plan_wait_for(r->plan, r->node,
                  &(struct plan_reason){v->hold, v->not_before == USEC_NEVER ? 0 : v->not_before,
                                        str_text(v->message)});
    plan_say(r->plan, "wait: node %s: volume %s: %s", str_text(r->node->name), volume_name(v),
             str_text(v->message));
    return true;
}

/* What has to be done to a volume before a VM can be made with it; INTENT_KIND_MAX: nothing. */
static enum intent_kind missing_step(const struct volume *v) {
    if (v->state == VOLUME_PLANNED)
        return v->group_ready ? INTENT_CREATE_VOLUME : INTENT_ENSURE_VOLUME_GROUP;
    return v->wanted_gb > v->size_gb ? INTENT_GROW_VOLUME : INTENT_KIND_MAX;
}

static bool volume_ready(struct readiness *r, const struct volume *v) {
    if (v->state > VOLUME_READY) {
        wait_for(r, v, "is deleted, as somebody asked");
        return false;
    }
    if (elsewhere(r, v) || taken(r, v) || held(r, v))
        return false;
    enum intent_kind step = missing_step(v);
    if (step == INTENT_KIND_MAX && !v->intent_id)
        return true;
    if (v->intent_id)
        wait_for(r, v, v->state == VOLUME_PLANNED ? "has its disk" : "has grown");
    else
        act(r->plan, step, v, r->node->id);
    return false;
}

static void check_section(struct readiness *r, const struct volume_want *want) {
    const struct volume *v =
        volume_find(r->in->snapshot, r->in->cluster->id, str_text(r->array->name), want->section);
    if (!v || !volume_ready(r, v)) {
        r->ready = false;
        return;
    }
    if (!str_equal(v->storage_type, want->storage_type))
        plan_say(r->plan, "keep: volume %s stays on %s: a disk keeps the type it was made with",
                 volume_name(v), str_text(v->storage_type));
    plan_say(r->plan, "attach: volume %s to the VM of node %s", volume_name(v),
             str_text(r->node->name));
}

bool plan_volumes_ready(struct plan *p, const struct plan_input *in, const struct array *a,
                        uint64_t node_id) {
    struct readiness r = {p, in, a, cluster_node(in->cluster, node_id), true};
    json_t *volumes = NULL;
    if (volumes_read(a->spec, &volumes) < 0)
        p->error = -ENOMEM;
    const char *section;
    json_t *value;
    json_object_foreach(volumes, section, value) {
        struct volume_want want;
        if (volume_wanted(section, value, &want))
            check_section(&r, &want);
    }
    json_decref(volumes);
    return r.ready && p->error == 0;
}

/* The VM is stopped and keeps its disks: they may grow meanwhile. */
static bool may_grow(const struct plan_input *in, const struct volume *v) {
    const struct node *n = cluster_node(in->cluster, v->node_id);
    return n && n->status == NODE_DEALLOCATED && n->target == TARGET_DEALLOCATED;
}

static bool larger(const struct volume *v) {
    return v->wanted && v->wanted_gb > v->size_gb;
}

/* A disk that is there, apart from new VMs. */
static void plan_ready(struct plan *p, const struct plan_input *in, const struct volume *v) {
    if (v->node_id && larger(v) && may_grow(in, v) && v->not_before <= in->now)
        act(p, INTENT_GROW_VOLUME, v, 0);
    else if (v->node_id && larger(v))
        plan_say(p,
                 "wait: volume %s grows from %u to %u GB when its VM is stopped: deallocate or "
                 "terminate node %s",
                 volume_name(v), v->size_gb, v->wanted_gb, str_text(v->node));
    else if (!v->node_id && !v->wanted)
        plan_say(p, "keep: volume %s: %u GB, which no node of the template has", volume_name(v),
                 v->size_gb);
    else if (!v->node_id && in->cluster->target != TARGET_STARTED)
        plan_say(p, "keep: volume %s: %u GB", volume_name(v), v->size_gb);
}

static void plan_one(struct plan *p, const struct plan_input *in, const struct volume *v) {
    if (v->intent_id)
        return;
    if (v->state == VOLUME_READY)
        plan_ready(p, in, v);
    else if (v->state == VOLUME_DELETING)
        act(p, INTENT_DELETE_VOLUME, v, 0);
    else if (v->state == VOLUME_GONE)
        act(p, INTENT_DELETE_VOLUME_GROUP, v, 0);
}

void plan_volumes(struct plan *p, const struct plan_input *in) {
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(in->snapshot, in->cluster->id, &position));)
        plan_one(p, in, v);
}
