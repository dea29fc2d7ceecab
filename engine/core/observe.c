/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * What the cloud has -> the model. A cluster's first listing (VMs, sets, the members of each set)
 * comes before anything is planned for it; later ones come when a write has ended, when a node
 * calls that is not known, and when the sweep disagrees with the model.
 */

#define LIST_RETRY (2 * USEC_SEC)
#define LIST_GROWING (2 * USEC_SEC) /* while members of a set have no VM yet */

static const struct cluster *cluster_of(struct engine *e, uint64_t id) {
    return snapshot_cluster(engine_state(e), id);
}

void observe_set_soon(struct engine *e, uint64_t cluster_id, uint64_t set_id, usec_t delay) {
    struct work *w = engine_work(e, cluster_id);
    struct set_work *sw = w ? work_set(w, set_id) : NULL;
    usec_t at = engine_now(e) + delay;
    if (sw && at < sw->list_at)
        sw->list_at = at;
}

/* The first listing is complete when every part of it is. */
static void check_listed(struct engine *e, struct work *w) {
    if (w->listed || !w->vms_listed || !w->sets_listed)
        return;
    const struct cluster *c = cluster_of(e, w->cluster_id);
    for (size_t i = 0; c && i < c->sets.len; i++) {
        const struct set_work *sw = work_set(w, cluster_set(c, i)->id);
        if (!sw || !sw->listed)
            return;
    }
    w->listed = true;
    intents_resume(e, w->cluster_id);
    engine_dirty(e, w->cluster_id);
}

static bool failed_state(const struct cyclecloud_instance *in) {
    return strcasecmp(in->provisioning_state, "Failed") == 0;
}

static bool deleting_state(const struct cyclecloud_instance *in) {
    return strcasecmp(in->provisioning_state, "Deleting") == 0;
}

static bool stopped_state(const struct cyclecloud_instance *in) {
    return strcasecmp(in->power_state, "deallocated") == 0;
}

/* A wanted node's VM is gone or useless: elastic ones and heads get another, named ones end. */
static void lose_vm(struct engine *e, const struct node *n, const char *why, bool capacity) {
    const struct cluster *c = cluster_of(e, n->cluster_id);
    journal_event(e, EVENT_NODE_CHANGED, c, n, "VM lost: %s", why);
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    if (!copy->elastic && !copy->fixed) {
        copy->target = TARGET_TERMINATED;
        edit_node_remove(e, copy);
        return;
    }
    const struct array *a = cluster_array_by_id(c, copy->array_id);
    if (capacity && a && a->spec)
        shortage_add(e, a, str_text(copy->machine_type));
    edit_node_unbind(e, copy);
    copy->retries += !capacity;
    bool used_up = copy->retries > NODE_RETRIES_MAX;
    if (used_up)
        edit_node_status(e, copy, NODE_FAILED, PHASE_NONE);
    edit_node_hold(e, copy, used_up ? HOLD_RETRIES : HOLD_NONE, 0, why);
}

static bool capacity_code(const char *code) {
    static const char *const codes[] = {"AllocationFailed", "ZonalAllocationFailed",
                                        "OverconstrainedAllocationRequest",
                                        "OverconstrainedZonalAllocationRequest", "SkuNotAvailable"};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strcasestr(code, codes[i]))
            return true;
    return false;
}

static uint32_t cores_of(struct engine *e, const struct node *n) {
    const struct cluster *c = cluster_of(e, n->cluster_id);
    const struct array *a = cluster_array_by_id(c, n->array_id);
    const struct machine_type *t =
        a && a->spec ? snapshot_machine_type(engine_state(e), str_text(a->spec->account),
                                             str_text(a->spec->region), str_text(n->machine_type))
                     : NULL;
    return t ? t->vcpus : 0;
}

/* Takes over what is new about a VM; nothing is written when nothing is. */
static void refresh_node(struct engine *e, const struct node *n,
                         const struct cyclecloud_instance *in) {
    bool up = strcasecmp(in->provisioning_state, "Succeeded") == 0;
    bool stopped = stopped_state(in);
    bool rise = up && !stopped && n->status == NODE_ACQUIRING && n->target == TARGET_STARTED;
    bool first = n->status == NODE_ACQUIRING && n->phase != PHASE_CREATE_VM && !up;
    bool halt = stopped && (n->status == NODE_DEALLOCATING || n->status == NODE_READY);
    bool begin = up && !stopped && n->status == NODE_DEALLOCATED && n->target == TARGET_STARTED;
    if (!rise && !first && !halt && !begin && str_equal(n->resource_id, in->resource_id))
        return;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    edit_text(e, &copy->resource_id, in->resource_id);
    edit_text(e, &copy->instance_id, in->instance_id);
    edit_text(e, &copy->vm_id, in->vm_id);
    edit_text(e, &copy->zone, in->zone);
    edit_text(e, &copy->machine_type, in->machine_type);
    if (!copy->cores)
        copy->cores = cores_of(e, copy);
    const struct cluster *c = cluster_of(e, n->cluster_id);
    if (rise || begin) {
        edit_node_status(e, copy, NODE_PREPARING, PHASE_AWAIT_BOOT);
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        journal_event(e, EVENT_NODE_CREATED, c, copy, "VM created (%s)",
                      str_text(copy->machine_type));
    } else if (halt) {
        edit_node_status(e, copy, NODE_DEALLOCATED, PHASE_NONE);
        journal_event(e, EVENT_NODE_DEALLOCATED, c, copy, "deallocated");
    } else if (first) {
        edit_node_status(e, copy, NODE_ACQUIRING, PHASE_CREATE_VM);
    }
}

/* One VM that is known to be this node's. */
static void observe_node(struct engine *e, const struct node *n,
                         const struct cyclecloud_instance *in) {
    if (failed_state(in) && n->target == TARGET_STARTED && !n->intent_id) {
        _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_VALUE_BYTES);
        buf_printf(&why, "%s: %s", in->error_code, in->error_message);
        if (n->fixed) {
            struct node *copy = edit_node(e, n);
            if (copy && copy->status != NODE_FAILED) {
                edit_node_status(e, copy, NODE_FAILED, PHASE_NONE);
                edit_node_hold(e, copy, HOLD_RETRIES, 0, why.data);
            }
            return;
        }
        lose_vm(e, n, why.data, capacity_code(in->error_code));
        return;
    }
    refresh_node(e, n, in);
}

/* A VM is on its way: it is listed again until it is there. */
static bool still_creating(const struct cyclecloud_result *result) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (strcasecmp(result->instances[i].provisioning_state, "Creating") == 0)
            return true;
    return false;
}

/* --- VMs of their own ------------------------------------------------------------------------- */

static const struct cyclecloud_instance *find_vm(const struct cyclecloud_result *result,
                                                 const char *name) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (strcasecmp(result->instances[i].name, name) == 0)
            return &result->instances[i];
    return NULL;
}

/* An intent of before the restart is settled when the listing shows its result. */
static void settle_vm(struct engine *e, const struct node *n,
                      const struct cyclecloud_instance *in) {
    struct intent *i = n->intent_id ? intents_find(e, n->intent_id) : NULL;
    bool there = in && !failed_state(in) && !deleting_state(in);
    if (i && i->state == INTENT_UNKNOWN && i->kind == INTENT_CREATE_VM && there)
        intents_close(e, i);
}

static void observe_vm(struct engine *e, uint64_t node_id, uint64_t cluster_id,
                       const struct cyclecloud_instance *in, usec_t began) {
    const struct node *n = cluster_node(cluster_of(e, cluster_id), node_id);
    settle_vm(e, n, in);
    n = cluster_node(cluster_of(e, cluster_id), node_id);
    if (in) {
        observe_node(e, n, in);
        return;
    }
    bool had = str_len(n->resource_id) > 0;
    if (n->intent_id || (!had && n->status != NODE_TERMINATING) || n->status_at > began)
        return;
    if (n->target == TARGET_TERMINATED)
        edit_node_remove(e, n);
    else if (!str_equal(n->resource_id, NODE_VM_FAILED))
        lose_vm(e, n, "the VM disappeared", false);
}

static void vms_listed(struct engine *e, const struct cyclecloud_result *result,
                       uint64_t cluster_id, uint64_t unused, usec_t began) {
    (void)unused;
    struct work *w = engine_work(e, cluster_id);
    const struct cluster *c = cluster_of(e, cluster_id);
    if (!w || !c)
        return;
    w->listings--;
    bool gone = result->result == CYCLECLOUD_GONE;
    if (result->result != CYCLECLOUD_OK && !gone) {
        w->list_at = engine_now(e) + (result->retry_after_us ? result->retry_after_us : LIST_RETRY);
        return;
    }
    struct id_vec heads = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->fixed && id_vec_append(&heads, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < heads.len; i++) {
        char *name = request_vm_name(cluster_node(cluster_of(e, cluster_id), heads.items[i]));
        if (name)
            observe_vm(e, heads.items[i], cluster_id, gone ? NULL : find_vm(result, name), began);
        else
            engine_fail(e, -ENOMEM);
        free(name);
    }
    id_vec_done(&heads);
    if (still_creating(result) && w->list_at == USEC_NEVER)
        w->list_at = engine_now(e) + LIST_GROWING;
    w->vms_listed = true;
    check_listed(e, w);
    engine_dirty(e, cluster_id);
}

/* --- sets ------------------------------------------------------------------------------------- */

static bool set_is_listed(const struct cyclecloud_result *result, const struct set *s) {
    for (size_t i = 0; i < result->n_sets; i++)
        if (strcasecmp(result->sets[i].name, str_text(s->name)) == 0)
            return true;
    return false;
}

static void sets_listed(struct engine *e, const struct cyclecloud_result *result,
                        uint64_t cluster_id, uint64_t unused, usec_t began) {
    (void)unused;
    struct work *w = engine_work(e, cluster_id);
    const struct cluster *c = cluster_of(e, cluster_id);
    if (!w || !c)
        return;
    w->listings--;
    bool gone = result->result == CYCLECLOUD_GONE;
    if (result->result != CYCLECLOUD_OK && !gone) {
        w->list_at = engine_now(e) + (result->retry_after_us ? result->retry_after_us : LIST_RETRY);
        return;
    }
    if (gone && c->group_ready) {
        struct cluster *copy = edit_cluster(e, cluster_id);
        if (copy)
            copy->group_ready = false;
    }
    for (size_t i = 0; i < c->sets.len; i++) {
        const struct set *s = cluster_set(c, i);
        struct set_work *sw = work_set(w, s->id);
        if (!sw)
            return;
        bool there = !gone && set_is_listed(result, s);
        if (there || s->state != SET_PLANNED || !s->intent_id)
            sw->list_at = began;
        else
            sw->listed = true; /* its create has not reached the cloud: it is sent again */
    }
    w->sets_listed = true;
    check_listed(e, w);
}

struct members {
    struct engine *engine;
    uint64_t cluster_id, set_id;
    const struct cyclecloud_result *result;
    struct id_vec bound, free; /* nodes of the set with and without a VM; wanted ones first */
    bool *used;                /* which instances belong to a node */
    struct buf surplus;
    size_t n_surplus;
};

static int collect_members(struct members *m) {
    const struct cluster *c = cluster_of(m->engine, m->cluster_id);
    uint64_t position = 0;
    int r = 0;
    for (const struct node *n; r == 0 && (n = cluster_next_node(c, &position));)
        if (n->set_id == m->set_id)
            r = id_vec_append(str_len(n->instance_id) ? &m->bound : &m->free, n->id);
    /* wanted ones first, each kind in order of id */
    struct id_vec sorted = {0};
    for (int wanted = 1; wanted >= 0 && r == 0; wanted--)
        for (size_t i = 0; i < m->free.len && r == 0; i++)
            if ((cluster_node(c, m->free.items[i])->target != TARGET_TERMINATED) == wanted)
                r = id_vec_append(&sorted, m->free.items[i]);
    id_vec_done(&m->free);
    m->free = sorted;
    m->used = calloc(m->result->n_instances + 1, sizeof(*m->used));
    return m->used ? r : -ENOMEM;
}

struct instance_key {
    const char *id;
    size_t index;
};

static int compare_keys(const void *a, const void *b) {
    return strcmp(((const struct instance_key *)a)->id, ((const struct instance_key *)b)->id);
}

static const struct node *member(struct members *m, uint64_t id) {
    return cluster_node(cluster_of(m->engine, m->cluster_id), id);
}

static void member_vanished(struct members *m, const struct node *n) {
    if (n->target == TARGET_TERMINATED)
        edit_node_remove(m->engine, n);
    else
        lose_vm(m->engine, n, "the VM disappeared", false);
}

static int observe_bound(struct members *m) {
    size_t n_instances = m->result->n_instances;
    struct instance_key *keys = calloc(n_instances + 1, sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    for (size_t i = 0; i < n_instances; i++)
        keys[i] = (struct instance_key){m->result->instances[i].instance_id, i};
    qsort(keys, n_instances, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < m->bound.len; i++) {
        const struct node *n = member(m, m->bound.items[i]);
        struct instance_key wanted = {str_text(n->instance_id), 0};
        const struct instance_key *key =
            bsearch(&wanted, keys, n_instances, sizeof(*keys), compare_keys);
        if (!key) {
            member_vanished(m, n);
            continue;
        }
        m->used[key->index] = true;
        bool lost = failed_state(&m->result->instances[key->index]) && n->target == TARGET_STARTED;
        if (lost)
            m->used[key->index] = false; /* surplus now: it is deleted */
        observe_node(m->engine, n, &m->result->instances[key->index]);
    }
    free(keys);
    return 0;
}

/* Hands the instances that belong to nobody to the nodes that wait, in order. */
static void bind_free(struct members *m) {
    size_t next = 0;
    for (size_t i = 0; i < m->result->n_instances; i++) {
        const struct cyclecloud_instance *in = &m->result->instances[i];
        if (m->used[i] || deleting_state(in))
            continue;
        if (next < m->free.len && !failed_state(in)) {
            m->used[i] = true;
            const struct node *n = member(m, m->free.items[next++]);
            refresh_node(m->engine, n, in);
            continue;
        }
        buf_printf(&m->surplus, "%s%s", m->surplus.len ? " " : "", in->instance_id);
        m->n_surplus++;
    }
    /* what is left has no VM */
    for (size_t i = next; i < m->free.len; i++)
        m->free.items[i - next] = m->free.items[i];
    m->free.len -= next;
}

static const struct cyclecloud_instance *first_failure(const struct cyclecloud_result *result) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (failed_state(&result->instances[i]))
            return &result->instances[i];
    return NULL;
}

/* No write is open and the listing is fresh: who has no VM now will get none from this set. */
static void release_free(struct members *m) {
    struct engine *e = m->engine;
    const struct cyclecloud_instance *failure = first_failure(m->result);
    for (size_t i = 0; i < m->free.len; i++) {
        const struct node *n = member(m, m->free.items[i]);
        if (n->target == TARGET_TERMINATED) {
            edit_node_remove(e, n);
            continue;
        }
        if (failure || n->hold == HOLD_CAPACITY) {
            _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_VALUE_BYTES);
            buf_printf(&why, "%s", failure ? failure->error_message : str_text(n->message));
            lose_vm(e, n, why.data, !failure || capacity_code(failure->error_code));
            continue;
        }
        struct node *copy = edit_node(e, n);
        if (!copy)
            return;
        enum hold hold = copy->hold;
        usec_t again = hold == HOLD_QUOTA ? engine_now(e) + RETRY_QUOTA : 0;
        struct str *message = str_ref(copy->message);
        edit_node_unbind(e, copy);
        edit_node_hold(e, copy, hold, again, str_text(message));
        str_unref(message);
    }
}

static void settle_set(struct engine *e, const struct set *s, size_t n_instances) {
    struct intent *i = s->intent_id ? intents_find(e, s->intent_id) : NULL;
    bool grows = i && (i->kind == INTENT_CREATE_SET || i->kind == INTENT_RESIZE_SET);
    if (grows && i->state == INTENT_UNKNOWN && n_instances >= i->capacity)
        intents_close(e, i);
}

static void set_vanished(struct engine *e, struct work *w, const struct set *s) {
    uint64_t set_id = s->id, cluster_id = s->cluster_id;
    struct cyclecloud_result none = {0};
    struct members m = {.engine = e,
                        .cluster_id = cluster_id,
                        .set_id = set_id,
                        .result = &none,
                        .surplus = BUF_INIT(64)};
    if (collect_members(&m) < 0)
        engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < m.bound.len; i++)
        member_vanished(&m, member(&m, m.bound.items[i]));
    release_free(&m);
    id_vec_done(&m.bound);
    id_vec_done(&m.free);
    free(m.used);
    work_forget_set(w, set_id);
    (void)builder_remove_set(e->builder, cluster_id, set_id);
    journal_event(e, EVENT_CLUSTER_CHANGED, cluster_of(e, cluster_id), NULL,
                  "a scale set disappeared from the cloud");
}

static void observe_members(struct engine *e, struct set_work *sw, const struct set *s,
                            const struct cyclecloud_result *result, usec_t began) {
    struct members m = {.engine = e,
                        .cluster_id = s->cluster_id,
                        .set_id = s->id,
                        .result = result,
                        .surplus = BUF_INIT(LIMIT_DOCUMENT_BYTES)};
    settle_set(e, s, result->n_instances);
    s = cluster_set_by_id(cluster_of(e, m.cluster_id), m.set_id);
    bool fresh = !s->intent_id && began >= sw->written_at;
    int r = collect_members(&m);
    if (r == 0)
        r = observe_bound(&m);
    if (r == 0) {
        bind_free(&m);
        if (fresh)
            release_free(&m);
        struct set *copy = fresh && s->capacity != result->n_instances
                               ? edit_set(e, m.cluster_id, m.set_id)
                               : NULL;
        if (copy)
            copy->capacity = (uint32_t)result->n_instances;
        edit_text(e, &sw->surplus, fresh ? m.surplus.data : "");
    }
    if (r < 0)
        engine_fail(e, r);
    bool growing = (m.free.len > 0 && !fresh) || (fresh && still_creating(result));
    sw->list_at = growing ? engine_now(e) + LIST_GROWING : USEC_NEVER;
    if (!fresh && !s->intent_id)
        sw->list_at = engine_now(e);
    id_vec_done(&m.bound);
    id_vec_done(&m.free);
    free(m.used);
    buf_done(&m.surplus);
}

static void members_listed(struct engine *e, const struct cyclecloud_result *result,
                           uint64_t cluster_id, uint64_t set_id, usec_t began) {
    struct work *w = engine_work(e, cluster_id);
    const struct cluster *c = cluster_of(e, cluster_id);
    const struct set *s = c ? cluster_set_by_id(c, set_id) : NULL;
    struct set_work *sw = w && s ? work_set(w, set_id) : NULL;
    if (!sw)
        return;
    sw->listing = false;
    if (result->result == CYCLECLOUD_GONE) {
        struct intent *i = s->intent_id ? intents_find(e, s->intent_id) : NULL;
        sw->listed = true;
        sw->list_at = USEC_NEVER;
        if (i && intent_deletes(i->kind) && i->state != INTENT_SENT)
            ; /* its deletion ends by itself */
        else if (i)
            sw->list_at = engine_now(e) + LIST_RETRY;
        else
            set_vanished(e, w, s);
    } else if (result->result != CYCLECLOUD_OK) {
        sw->list_at =
            engine_now(e) + (result->retry_after_us ? result->retry_after_us : LIST_RETRY);
    } else {
        sw->listed = true;
        observe_members(e, sw, s, result, began);
    }
    check_listed(e, w);
    engine_dirty(e, cluster_id);
}

/* --- when ------------------------------------------------------------------------------------- */

static void list_set(struct engine *e, const struct cluster *c, struct set_work *sw, usec_t now) {
    const struct set *s = cluster_set_by_id(c, sw->set_id);
    if (!s || sw->listing || sw->list_at > now)
        return;
    struct cyclecloud_request q = {.call = CYCLECLOUD_CALL_LIST_INSTANCES,
                                   .account = str_text(c->account),
                                   .region = str_text(c->region),
                                   .group = str_text(c->group),
                                   .name = str_text(s->name)};
    if (call_submit(e, &q, members_listed, c->id, sw->set_id) < 0) {
        sw->list_at = now + LIST_RETRY;
        return;
    }
    sw->listing = true;
    sw->listing_began = now;
    sw->list_at = USEC_NEVER;
}

static void list_cluster(struct engine *e, struct work *w, const struct cluster *c, usec_t now) {
    static const struct {
        enum cyclecloud_call call;
        call_done done;
    } parts[] = {{CYCLECLOUD_CALL_LIST_VMS, vms_listed}, {CYCLECLOUD_CALL_LIST_SETS, sets_listed}};
    w->list_at = USEC_NEVER;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        struct cyclecloud_request q = {.call = parts[i].call,
                                       .account = str_text(c->account),
                                       .region = str_text(c->region),
                                       .group = str_text(c->group)};
        if (call_submit(e, &q, parts[i].done, c->id, 0) < 0)
            w->list_at = now + LIST_RETRY;
        else
            w->listings++;
    }
}

void observe_due(struct engine *e, struct work *w) {
    const struct cluster *c = cluster_of(e, w->cluster_id);
    usec_t now = engine_now(e);
    if (!c)
        return;
    if (!str_len(c->group)) { /* nothing of it was ever in the cloud */
        w->listed = true;
        w->list_at = USEC_NEVER;
        return;
    }
    if (w->list_at <= now && !w->listings)
        list_cluster(e, w, c, now);
    check_listed(e, w); /* what was waited for may have gone by itself */
    for (size_t i = 0; i < w->sets.len; i++)
        list_set(e, c, &w->sets.items[i], now);
}

usec_t observe_next(const struct engine *e, const struct work *w) {
    (void)e;
    usec_t next = w->listings ? USEC_NEVER : w->list_at;
    for (size_t i = 0; i < w->sets.len; i++)
        if (!w->sets.items[i].listing && w->sets.items[i].list_at < next)
            next = w->sets.items[i].list_at;
    return next;
}

/* --- the sweep -------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* The sweep is cheap and may be a minute old: where it disagrees, the truth is listed. */
void observe_sweep(struct engine *e, const struct cyclecloud_result *result, const char *account) {
    const char **ids = calloc(result->n_instances + 1, sizeof(*ids));
    if (!ids) {
        engine_fail(e, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < result->n_instances; i++)
        ids[i] = result->instances[i].resource_id;
    qsort(ids, result->n_instances, sizeof(*ids), compare_texts);
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        if (!str_equal(c->account, account))
            continue;
        struct work *w = engine_work(e, c->id);
        uint64_t position = 0;
        for (const struct node *n; w && (n = cluster_next_node(c, &position));) {
            const char *id = str_text(n->resource_id);
            if (!*id || bsearch(&id, ids, result->n_instances, sizeof(*ids), compare_texts))
                continue;
            if (n->set_id)
                observe_set_soon(e, c->id, n->set_id, 0);
            else
                w->list_at = engine_now(e);
        }
    }
    free(ids);
}
