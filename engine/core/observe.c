/* SPDX-License-Identifier: MIT */
#include "observe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * What the cloud has -> the model. A cluster's first listing (VMs, sets, the members of each set)
 * comes before anything is planned for it; later ones come when a write has ended, when a node
 * calls that is not known, and when the sweep disagrees with the model.
 */

const struct cluster *observed_cluster(struct engine *e, uint64_t id) {
    return snapshot_cluster(engine_state(e), id);
}

bool listing_failed(const struct engine *e, const struct cyclecloud_result *result,
                    usec_t *list_at) {
    if (result->result == CYCLECLOUD_OK || result->result == CYCLECLOUD_GONE)
        return false;
    *list_at = engine_now(e) + (result->retry_after_us ? result->retry_after_us : LIST_RETRY);
    return true;
}

void observe_set_soon(struct engine *e, uint64_t cluster_id, uint64_t set_id, usec_t delay) {
    struct work *w = engine_work(e, cluster_id);
    struct set_work *sw = w ? work_set(w, set_id) : NULL;
    usec_t at = engine_now(e) + delay;
    if (sw && at < sw->list_at)
        sw->list_at = at;
}

void observe_hurry(struct engine *e, uint64_t cluster_id) {
    usec_t now = engine_now(e);
    for (size_t i = 0; i < e->works.len; i++) {
        struct work *w = e->works.items[i];
        if (cluster_id && w->cluster_id != cluster_id)
            continue;
        if (w->list_at != USEC_NEVER && w->list_at > now)
            w->list_at = now;
        for (size_t k = 0; k < w->sets.len; k++) {
            struct set_work *sw = &w->sets.items[k];
            sw->quiet_until = 0;
            if (sw->list_at != USEC_NEVER && sw->list_at > now)
                sw->list_at = now;
        }
    }
}

void observe_check_listed(struct engine *e, struct work *w) {
    if (w->listed || !w->vms_listed || !w->sets_listed)
        return;
    const struct cluster *c = observed_cluster(e, w->cluster_id);
    for (size_t i = 0; c && i < c->sets.len; i++) {
        const struct set_work *sw = work_set(w, cluster_set(c, i)->id);
        if (!sw || !sw->listed)
            return;
    }
    w->listed = true;
    intents_resume(e, w->cluster_id);
    engine_dirty(e, w->cluster_id);
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
    bool there = in && !instance_failed(in) && !instance_deleting(in);
    if (i && i->state == INTENT_UNKNOWN && i->kind == INTENT_CREATE_VM && there)
        intents_close(e, i);
}

bool ids_contain(const struct id_vec *v, uint64_t id) {
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i] == id)
            return true;
    return false;
}

/* Left out of this listing; gone when it was left out of the last one too. */
static void head_absent(struct engine *e, const struct node *n) {
    struct work *w = engine_work(e, n->cluster_id);
    if (!w)
        return;
    if (ids_contain(&w->absent_before, n->id))
        observe_lost(e, n, observe_vanished(n), false);
    else if (id_vec_append(&w->absent, n->id) < 0)
        engine_fail(e, -ENOMEM);
}

static void observe_vm(struct engine *e, uint64_t node_id, uint64_t cluster_id,
                       const struct cyclecloud_instance *in, usec_t began) {
    const struct node *n = cluster_node(observed_cluster(e, cluster_id), node_id);
    settle_vm(e, n, in);
    n = cluster_node(observed_cluster(e, cluster_id), node_id);
    if (in) {
        (void)observe_node(e, n, in);
        return;
    }
    bool had = str_len(n->resource_id) > 0;
    if (n->intent_id || (!had && n->status != NODE_TERMINATING) || n->status_at > began)
        return;
    if (n->target == TARGET_TERMINATED)
        edit_node_remove(e, n);
    else if (!str_equal(n->resource_id, NODE_VM_FAILED))
        head_absent(e, n);
}

static void observe_head(struct engine *e, uint64_t cluster_id, uint64_t node_id,
                         const struct cyclecloud_result *result, usec_t began) {
    char *name = request_vm_name(cluster_node(observed_cluster(e, cluster_id), node_id));
    bool gone = result->result == CYCLECLOUD_GONE;
    if (name)
        observe_vm(e, node_id, cluster_id, gone ? NULL : find_vm(result, name), began);
    else
        engine_fail(e, -ENOMEM);
    free(name);
}

static void observe_heads(struct engine *e, struct work *w, const struct cyclecloud_result *result,
                          usec_t began) {
    uint64_t cluster_id = w->cluster_id;
    engine_count(e);
    const struct cluster *c = observed_cluster(e, cluster_id);
    id_vec_done(&w->absent_before);
    w->absent_before = w->absent;
    w->absent = (struct id_vec){0};
    struct id_vec heads = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, c->id, NODES_HEADS, &position));)
        if (id_vec_append(&heads, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < heads.len; i++)
        observe_head(e, cluster_id, heads.items[i], result, began);
    id_vec_done(&heads);
}

static void vms_listed(struct engine *e, const struct cyclecloud_result *result,
                       uint64_t cluster_id, uint64_t unused, usec_t began) {
    (void)unused;
    struct work *w = engine_work(e, cluster_id);
    if (!w || !observed_cluster(e, cluster_id))
        return;
    w->listings--;
    if (listing_failed(e, result, &w->list_at))
        return;
    observe_heads(e, w, result, began);
    if ((instances_creating(result) || w->absent.len) && w->list_at == USEC_NEVER)
        w->list_at = engine_now(e) + LIST_GROWING;
    w->vms_listed = true;
    observe_check_listed(e, w);
    engine_dirty(e, cluster_id);
}

/* --- sets ------------------------------------------------------------------------------------- */

static bool set_is_listed(const struct cyclecloud_result *result, const struct set *s) {
    for (size_t i = 0; i < result->n_sets; i++)
        if (strcasecmp(result->sets[i].name, str_text(s->name)) == 0)
            return true;
    return false;
}

/* Each set is listed next, but one whose create has not reached the cloud: that is sent again. */
static void observe_set(struct set_work *sw, const struct set *s, bool there, usec_t began) {
    if (there || s->state != SET_PLANNED || !s->intent_id)
        sw->list_at = began;
    else
        sw->listed = true;
}

void observe_group_lost(struct engine *e, uint64_t cluster_id) {
    const struct cluster *c = observed_cluster(e, cluster_id);
    if (c && c->group_ready && c->target == TARGET_STARTED)
        edit_group_gone(e, cluster_id);
}

static void sets_listed(struct engine *e, const struct cyclecloud_result *result,
                        uint64_t cluster_id, uint64_t unused, usec_t began) {
    (void)unused;
    struct work *w = engine_work(e, cluster_id);
    const struct cluster *c = observed_cluster(e, cluster_id);
    if (!w || !c)
        return;
    w->listings--;
    if (listing_failed(e, result, &w->list_at))
        return;
    bool gone = result->result == CYCLECLOUD_GONE;
    if (gone)
        observe_group_lost(e, cluster_id);
    c = observed_cluster(e, cluster_id);
    for (size_t i = 0; i < c->sets.len; i++) {
        const struct set *s = cluster_set(c, i);
        struct set_work *sw = work_set(w, s->id);
        if (!sw) {
            engine_fail(e, -ENOMEM);
            return;
        }
        observe_set(sw, s, !gone && set_is_listed(result, s), began);
    }
    w->sets_listed = true;
    observe_check_listed(e, w);
}

/* --- when ------------------------------------------------------------------------------------- */

static void list_set(struct engine *e, const struct cluster *c, struct set_work *sw, usec_t now) {
    const struct set *s = cluster_set_by_id(c, sw->set_id);
    if (!s)
        sw->list_at = USEC_NEVER;
    if (!s || sw->listing || sw->list_at > now)
        return;
    struct cyclecloud_request q = {.call = CYCLECLOUD_CALL_LIST_INSTANCES,
                                   .account = str_text(c->account),
                                   .region = str_text(c->region),
                                   .group = str_text(c->group),
                                   .name = str_text(s->name)};
    if (call_submit(e, &q, observe_members_listed, c->id, sw->set_id) < 0) {
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
    const struct cluster *c = observed_cluster(e, w->cluster_id);
    usec_t now = engine_now(e);
    if (!c)
        return;
    if (!str_len(c->group)) { /* nothing of it was ever in the cloud */
        w->list_at = USEC_NEVER;
        if (w->listed)
            return;
        w->listed = true;
        intents_resume(e, w->cluster_id); /* of volumes: they are in other groups */
        engine_dirty(e, w->cluster_id);
        return;
    }
    if (w->list_at <= now && !w->listings)
        list_cluster(e, w, c, now);
    observe_check_listed(e, w); /* what was waited for may have gone by itself */
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

static int compare_ids(const void *a, const void *b) {
    const struct cyclecloud_instance *const *x = a, *const *y = b;
    return strcasecmp((*x)->resource_id, (*y)->resource_id);
}

struct swept {
    const struct cyclecloud_instance **by_id;
    size_t n;
};

static const struct cyclecloud_instance *find_swept(const struct swept *s, const char *id) {
    const struct cyclecloud_instance key = {.resource_id = id}, *at = &key;
    const struct cyclecloud_instance **found =
        bsearch(&at, s->by_id, s->n, sizeof(*s->by_id), compare_ids);
    return found ? *found : NULL;
}

/* The VM is there, and runs if it should. */
static bool agrees(const struct swept *s, const struct node *n, usec_t now) {
    if (!str_len(n->resource_id))
        return true;
    const struct cyclecloud_instance *in = find_swept(s, str_text(n->resource_id));
    return in && !(observe_is_down(in) && observe_should_run(n, now));
}

/* Ready, and not heard of for five of its intervals; one that has not called since the start says
   nothing, nor does one that never does. */
static bool fell_silent(const struct node *n, usec_t now) {
    return n->status == NODE_READY && n->target == TARGET_STARTED && n->last_seen &&
           usec_sub(now, n->last_seen) > AGENT_SILENCE && !str_len(n->message);
}

static void note_silence(struct engine *e, const struct cluster *c, const struct node *n) {
    struct node *copy = edit_node_volatile(e, n);
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    (void)buf_puts(&words, "no sign of life since ");
    (void)time_format(&words, n->last_seen);
    if (!copy)
        return;
    edit_text(e, &copy->message, words.data);
    journal_event(e, EVENT_NODE_CHANGED, c, copy, "%s", words.data);
}

/* Where a sweep disagrees, the truth is listed. */
static void compare_cluster(struct engine *e, const struct cluster *c, const struct swept *s) {
    struct work *w = engine_work(e, c->id);
    usec_t now = engine_now(e);
    uint64_t position = 0;
    for (const struct node *n; w && (n = cluster_next_node(c, &position));) {
        if (fell_silent(n, now))
            note_silence(e, c, n);
        else if (agrees(s, n, now))
            continue;
        if (n->set_id)
            observe_set_soon(e, c->id, n->set_id, 0);
        else
            w->list_at = now;
    }
}

/* The sweep is cheap and may be a minute old. */
void observe_sweep(struct engine *e, const struct cyclecloud_result *result, const char *account) {
    struct swept swept = {calloc(result->n_instances + 1, sizeof(*swept.by_id)),
                          result->n_instances};
    if (!swept.by_id) {
        engine_fail(e, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < swept.n; i++)
        swept.by_id[i] = &result->instances[i];
    qsort(swept.by_id, swept.n, sizeof(*swept.by_id), compare_ids);
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        if (str_equal(c->account, account))
            compare_cluster(e, c, &swept);
    }
    free(swept.by_id);
}
