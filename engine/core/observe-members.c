/* SPDX-License-Identifier: MIT */
#include "observe.h"

#include <stdlib.h>
#include <string.h>

/* The members of a scale set: which instance is whose, who gets none, which belong to nobody. */

struct instance_key {
    const char *id;
    size_t index;
};

struct members {
    struct engine *engine;
    uint64_t cluster_id, set_id;
    const struct cyclecloud_result *result;
    struct id_vec bound, free; /* nodes of the set with and without a VM; wanted ones first */
    bool *used;                /* which instances belong to a node, or are listed twice */
    struct instance_key *keys; /* by id, each once */
    size_t n_keys, n_live;     /* n_live: those that are not being deleted */
    const struct id_vec *absent_before;
    struct id_vec absent; /* bound nodes that this listing leaves out for the first time */
    struct buf surplus;
};

static void members_done(struct members *m) {
    id_vec_done(&m->bound);
    id_vec_done(&m->free);
    id_vec_done(&m->absent);
    free(m->used);
    free(m->keys);
    buf_done(&m->surplus);
}

static const struct node *member(struct members *m, uint64_t id) {
    return cluster_node(observed_cluster(m->engine, m->cluster_id), id);
}

static bool is_wanted(const struct node *n) {
    return n->target != TARGET_TERMINATED;
}

/* Those with a VM; and those without, wanted ones first, in order of id. */
static int collect_members(struct members *m) {
    engine_count(m->engine);
    const struct cluster *c = observed_cluster(m->engine, m->cluster_id);
    _cleanup_(id_vec_done) struct id_vec unwanted = {0};
    uint64_t position = 0;
    int r = 0;
    const struct node *n;
    while (r == 0 && (n = cluster_next_listed(c, m->set_id, NODES_MEMBERS, &position)))
        r = id_vec_append(str_len(n->instance_id) ? &m->bound
                          : is_wanted(n)          ? &m->free
                                                  : &unwanted,
                          n->id);
    for (size_t i = 0; r == 0 && i < unwanted.len; i++)
        r = id_vec_append(&m->free, unwanted.items[i]);
    return r;
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(((const struct instance_key *)a)->id, ((const struct instance_key *)b)->id);
}

/* The instances by id. One that is listed twice is one: the second is taken for used. */
static int index_instances(struct members *m) {
    size_t n = m->result->n_instances;
    m->used = calloc(n + 1, sizeof(*m->used));
    m->keys = calloc(n + 1, sizeof(*m->keys));
    if (!m->used || !m->keys)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        m->keys[i] = (struct instance_key){m->result->instances[i].instance_id, i};
    qsort(m->keys, n, sizeof(*m->keys), compare_keys);
    for (size_t i = 0; i < n; i++) {
        struct instance_key key = m->keys[i];
        if (m->n_keys && compare_keys(&m->keys[m->n_keys - 1], &key) == 0) {
            m->used[key.index] = true;
            continue;
        }
        m->keys[m->n_keys++] = key;
        m->n_live += !instance_deleting(&m->result->instances[key.index]);
    }
    return 0;
}

static const struct instance_key *find_key(const struct members *m, const char *id) {
    struct instance_key wanted = {id, 0};
    return bsearch(&wanted, m->keys, m->n_keys, sizeof(*m->keys), compare_keys);
}

static void member_vanished(struct members *m, const struct node *n) {
    if (is_wanted(n))
        observe_lost(m->engine, n, observe_vanished(n), false);
    else
        edit_node_remove(m->engine, n);
}

/* Left out of this listing; gone when it was left out of the last one too, or nobody wants it. */
static int member_absent(struct members *m, const struct node *n) {
    if (is_wanted(n) && !ids_contain(m->absent_before, n->id))
        return id_vec_append(&m->absent, n->id);
    member_vanished(m, n);
    return 0;
}

/* The members with a VM: it is as it was, is news, or is gone. */
static int observe_bound(struct members *m) {
    int r = 0;
    for (size_t i = 0; i < m->bound.len && r == 0; i++) {
        const struct node *n = member(m, m->bound.items[i]);
        const struct instance_key *key = find_key(m, str_text(n->instance_id));
        if (!key) {
            r = member_absent(m, n);
            continue;
        }
        const struct cyclecloud_instance *in = &m->result->instances[key->index];
        m->used[key->index] = observe_node(m->engine, n, in); /* else it is surplus: deleted */
    }
    return r;
}

/* Hands the instances that belong to nobody to the nodes that wait, in order. */
static void bind_free(struct members *m) {
    size_t next = 0;
    for (size_t i = 0; i < m->result->n_instances; i++) {
        const struct cyclecloud_instance *in = &m->result->instances[i];
        if (m->used[i] || instance_deleting(in))
            continue;
        if (next < m->free.len && !instance_failed(in)) {
            m->used[i] = true;
            observe_refresh(m->engine, member(m, m->free.items[next++]), in);
            continue;
        }
        buf_printf(&m->surplus, "%s%s", m->surplus.len ? " " : "", in->instance_id);
    }
    /* what is left has no VM */
    for (size_t i = next; i < m->free.len; i++)
        m->free.items[i - next] = m->free.items[i];
    m->free.len -= next;
}

static const struct cyclecloud_instance *first_failure(const struct cyclecloud_result *result) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (instance_failed(&result->instances[i]))
            return &result->instances[i];
    return NULL;
}

/* Back to waiting, with the reason that its last request left. */
static void wait_again(struct engine *e, const struct node *n) {
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    enum hold hold = copy->hold;
    usec_t until = copy->not_before ? copy->not_before : hold_until(e, hold);
    struct str *message = str_ref(copy->message);
    edit_node_unbind(e, copy);
    edit_node_hold(e, copy, hold, until, str_text(message));
    str_unref(message);
}

/* No write is open and the listing is fresh: who has no VM now will get none from this set. */
static void release_free(struct members *m) {
    struct engine *e = m->engine;
    const struct cyclecloud_instance *failure = first_failure(m->result);
    for (size_t i = 0; i < m->free.len; i++) {
        const struct node *n = member(m, m->free.items[i]);
        if (!is_wanted(n)) {
            edit_node_remove(e, n);
            continue;
        }
        if (!failure && n->hold != HOLD_CAPACITY) {
            wait_again(e, n);
            continue;
        }
        _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_DOCUMENT_BYTES);
        buf_puts(&why, failure ? failure->error_message : str_text(n->message));
        observe_lost(e, n, why.data, !failure || capacity_code(failure->error_code));
    }
}

/* An intent of before the restart is settled when the listing shows its result. */
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
    members_done(&m);
    work_forget_set(w, set_id);
    if (builder_remove_set(e->builder, cluster_id, set_id) < 0)
        engine_fail(e, -ENOMEM);
    journal_event(e, EVENT_CLUSTER_CHANGED, observed_cluster(e, cluster_id), NULL,
                  "a scale set disappeared from the cloud");
}

/* What only a listing can tell that is newer than the set's last write. Members that may have been
 * left out by mistake count: a capacity below what is there would take VMs away. */
static void take_fresh(struct members *m, struct set_work *sw) {
    struct engine *e = m->engine;
    release_free(m);
    const struct set *s = cluster_set_by_id(observed_cluster(e, m->cluster_id), m->set_id);
    size_t capacity = m->n_live + m->absent.len;
    struct set *copy = s->capacity != capacity ? edit_set(e, m->cluster_id, m->set_id) : NULL;
    if (copy)
        copy->capacity = (uint32_t)capacity;
    edit_text(e, &sw->surplus, m->surplus.data);
    sw->stale = false;
}

/* When to list the set again; `fresh`: what was just read is newer than the last write. */
static usec_t next_listing(const struct members *m, const struct set *s, bool fresh) {
    usec_t now = engine_now(m->engine);
    if (!fresh && !s->intent_id)
        return now;
    bool growing = fresh ? instances_creating(m->result) : m->free.len > 0;
    return growing || m->absent.len ? now + LIST_GROWING : USEC_NEVER;
}

static int match_members(struct members *m, struct set_work *sw, usec_t began) {
    settle_set(m->engine, cluster_set_by_id(observed_cluster(m->engine, m->cluster_id), m->set_id),
               m->n_live);
    const struct set *s = cluster_set_by_id(observed_cluster(m->engine, m->cluster_id), m->set_id);
    bool fresh = !s->intent_id && began >= sw->written_at;
    int r = collect_members(m);
    if (r == 0)
        r = observe_bound(m);
    if (r < 0)
        return r;
    bind_free(m);
    if (fresh)
        take_fresh(m, sw);
    else
        edit_text(m->engine, &sw->surplus, "");
    sw->list_at = next_listing(m, s, fresh);
    return 0;
}

static void observe_members(struct engine *e, struct set_work *sw, const struct set *s,
                            const struct cyclecloud_result *result, usec_t began) {
    struct members m = {.engine = e,
                        .cluster_id = s->cluster_id,
                        .set_id = s->id,
                        .result = result,
                        .absent_before = &sw->absent,
                        .surplus = BUF_INIT(LIMIT_DOCUMENT_BYTES)};
    sw->not_found = false;
    int r = index_instances(&m);
    if (r == 0)
        r = match_members(&m, sw, began);
    if (r < 0)
        engine_fail(e, r);
    id_vec_done(&sw->absent);
    sw->absent = m.absent;
    m.absent = (struct id_vec){0};
    members_done(&m);
}

/* The cloud says that there is no such set: it is gone when it says so twice, unless a write on it
 * is still open. */
static void set_not_found(struct engine *e, struct work *w, struct set_work *sw,
                          const struct set *s) {
    const struct intent *i = s->intent_id ? intents_find(e, s->intent_id) : NULL;
    bool confirmed = sw->not_found;
    sw->listed = sw->listed || confirmed || i;
    sw->not_found = true;
    sw->list_at = USEC_NEVER;
    if (!i && confirmed)
        set_vanished(e, w, s);
    else if (!i || !intent_deletes(i->kind) || i->state == INTENT_SENT)
        sw->list_at = engine_now(e) + LIST_RETRY;
}

void observe_members_listed(struct engine *e, const struct cyclecloud_result *result,
                            uint64_t cluster_id, uint64_t set_id, usec_t began) {
    struct work *w = engine_work(e, cluster_id);
    const struct cluster *c = observed_cluster(e, cluster_id);
    const struct set *s = c ? cluster_set_by_id(c, set_id) : NULL;
    struct set_work *sw = w && s ? work_set(w, set_id) : NULL;
    if (!sw)
        return;
    sw->listing = false;
    if (result->result == CYCLECLOUD_GONE) {
        set_not_found(e, w, sw, s);
    } else if (!listing_failed(e, result, &sw->list_at)) {
        sw->listed = true;
        observe_members(e, sw, s, result, began);
    }
    observe_check_listed(e, w);
    engine_dirty(e, cluster_id);
}
