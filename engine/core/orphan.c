/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * VMs with this server's tag that no record stands for: left by a state directory that was restored
 * from an older backup, or by an error. They are shown, and deleted only when somebody says so.
 *
 * The sweep may be a minute old and so shows machines that are gone or not yet known; only what
 * several sweeps in a row show, outside of what a cluster is busy with, is called an orphan. The
 * wish to delete one is part of its record: it is committed before the request is sent, the request
 * is absolute, and it is sent again until the sweep shows the VM no more.
 */

#define SWEEPS_TO_BELIEVE 3u
#define SWEEPS_TO_FORGET 2u
#define DELETE_RETRY (60 * USEC_SEC)

static const struct orphan *orphan_at(struct engine *e, size_t i) {
    return engine_state(e)->items[ITEM_ORPHAN].items[i];
}

static const struct orphan *find_orphan(struct engine *e, const char *resource_id) {
    for (size_t i = 0; i < engine_state(e)->items[ITEM_ORPHAN].len; i++)
        if (strcasecmp(str_text(orphan_at(e, i)->resource_id), resource_id) == 0)
            return orphan_at(e, i);
    return NULL;
}

/* --- who is known --------------------------------------------------------------------------------
 */

struct sweep_view {
    struct engine *engine;
    const char *account;
    const struct cluster *last; /* instances of a group stand together */
};

static bool is_in(const struct cluster *c, const struct sweep_view *v, const char *group) {
    return str_len(c->group) && strcasecmp(str_text(c->group), group) == 0 &&
           str_equal(c->account, v->account);
}

static const struct cluster *cluster_of_group(struct sweep_view *v, const char *group) {
    const struct snapshot *s = engine_state(v->engine);
    if (v->last && is_in(v->last, v, group))
        return v->last;
    for (size_t i = 0; i < s->clusters.len; i++)
        if (is_in(s->clusters.items[i], v, group))
            return v->last = s->clusters.items[i];
    return NULL;
}

static bool has_set(const struct cluster *c, const char *name) {
    for (size_t i = 0; i < c->sets.len; i++)
        if (strcasecmp(str_text(cluster_set(c, i)->name), name) == 0)
            return true;
    return false;
}

static bool has_head(const struct cluster *c, const char *name) {
    bool found = false;
    uint64_t position = 0;
    const struct node *n;
    while (!found && (n = cluster_next_listed(c, c->id, NODES_HEADS, &position))) {
        char *own = request_vm_name(n);
        found = own && strcasecmp(own, name) == 0;
        free(own);
    }
    return found;
}

/* A cluster that ends takes its whole group along; members of its sets are the cluster's business
   (observe.c), wanted or not. */
static bool is_known(struct sweep_view *v, const struct cyclecloud_instance *in) {
    const struct cluster *c = cluster_of_group(v, in->group);
    if (!c)
        return false;
    if (c->target == TARGET_TERMINATED)
        return true;
    return *in->set_name ? has_set(c, in->set_name) : has_head(c, in->name);
}

/* --- suspects ------------------------------------------------------------------------------------
 */

static void suspect_done(struct suspect *s) {
    free(s->resource_id);
    free(s->account);
}

void orphans_free(struct engine *e) {
    for (size_t i = 0; i < e->suspects.len; i++)
        suspect_done(&e->suspects.items[i]);
    suspect_vec_done(&e->suspects);
}

/* How many sweeps in a row have shown it; 0: no memory. */
static unsigned suspect(struct engine *e, const char *account, const char *resource_id) {
    for (size_t i = 0; i < e->suspects.len; i++) {
        struct suspect *s = &e->suspects.items[i];
        if (strcasecmp(s->resource_id, resource_id) != 0)
            continue;
        s->seen = true;
        return ++s->sweeps;
    }
    if (e->suspects.len >= LIMIT_ORPHANS)
        return 1;
    struct suspect s = {strdup(account), strdup(resource_id), 1, true};
    if (!s.account || !s.resource_id || suspect_vec_append(&e->suspects, s) < 0) {
        suspect_done(&s);
        return 0;
    }
    return 1;
}

static void drop_unseen(struct engine *e, const char *account) {
    for (size_t i = e->suspects.len; i-- > 0;) {
        struct suspect *s = &e->suspects.items[i];
        if (strcmp(s->account, account) != 0)
            continue;
        if (s->seen) {
            s->seen = false;
            continue;
        }
        suspect_done(s);
        suspect_vec_remove(&e->suspects, i);
    }
}

/* --- orphans -------------------------------------------------------------------------------------
 */

static const char *tag_of(const struct cyclecloud_instance *in, const char *name) {
    for (size_t i = 0; i < in->n_tags; i++)
        if (strcasecmp(in->tags[i].name, name) == 0)
            return in->tags[i].value;
    return "";
}

/* The VM's name, or SET_INSTANCE; with the orphan's number where that is taken. */
static int put_name(struct engine *e, const struct cyclecloud_instance *in, uint64_t id,
                    struct buf *b) {
    if (*in->set_name)
        (void)buf_printf(b, "%s_%s", in->set_name, in->instance_id);
    else
        (void)buf_puts(b, in->name);
    if (snapshot_item_named(engine_state(e), ITEM_ORPHAN, b->data))
        (void)buf_printf(b, "-%" PRIu64, id);
    return buf_error(b);
}

static void fill_orphan(struct engine *e, struct orphan *o, const char *account,
                        const struct cyclecloud_instance *in) {
    const struct {
        struct str **slot;
        const char *text;
    } texts[] = {
        {&o->resource_id, in->resource_id},
        {&o->account, account},
        {&o->region, in->region},
        {&o->group, in->group},
        {&o->vm_name, in->name},
        {&o->set_name, in->set_name},
        {&o->instance_id, in->instance_id},
        {&o->machine_type, in->machine_type},
        {&o->zone, in->zone},
        {&o->cluster_id, tag_of(in, "ClusterId")},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        edit_text(e, texts[i].slot, texts[i].text);
}

static void add_orphan(struct engine *e, const char *account,
                       const struct cyclecloud_instance *in) {
    _cleanup_buf_ struct buf name = BUF_INIT(LIMIT_VALUE_BYTES);
    if (engine_state(e)->items[ITEM_ORPHAN].len >= LIMIT_ORPHANS)
        return;
    uint64_t id = engine_take_id(e);
    struct orphan *o = put_name(e, in, id, &name) < 0
                           ? NULL
                           : builder_add_item(e->builder, ITEM_ORPHAN, id, name.data);
    if (!o) {
        engine_fail(e, -ENOMEM);
        return;
    }
    fill_orphan(e, o, account, in);
    journal_event(e, EVENT_SERVER, NULL, NULL, "orphan found: VM %s in group %s belongs to no node",
                  name.data, in->group);
}

static void miss_orphan(struct engine *e, const struct orphan *o) {
    if (o->misses + 1 >= SWEEPS_TO_FORGET) {
        journal_event(e, EVENT_SERVER, NULL, NULL, "orphan gone: VM %s", str_text(o->item.name));
        if (builder_remove_item(e->builder, ITEM_ORPHAN, o->item.id) < 0)
            engine_fail(e, -ENOMEM);
        return;
    }
    struct orphan *copy = builder_item(e->builder, ITEM_ORPHAN, o->item.id, VOLATILE);
    if (copy)
        copy->misses++;
    else
        engine_fail(e, -ENOMEM);
}

static bool swept_shows(const struct cyclecloud_result *result, const struct orphan *o) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (strcasecmp(result->instances[i].resource_id, str_text(o->resource_id)) == 0)
            return true;
    return false;
}

static void forget_gone(struct engine *e, const struct cyclecloud_result *result,
                        const char *account) {
    for (size_t i = engine_state(e)->items[ITEM_ORPHAN].len; i-- > 0;) {
        const struct orphan *o = orphan_at(e, i);
        if (str_equal(o->account, account) && !swept_shows(result, o))
            miss_orphan(e, o);
    }
}

void orphans_swept(struct engine *e, const struct cyclecloud_result *result, const char *account) {
    struct sweep_view view = {.engine = e, .account = account};
    engine_count(e);
    for (size_t i = 0; i < result->n_instances; i++) {
        const struct cyclecloud_instance *in = &result->instances[i];
        bool ends = strcasecmp(in->provisioning_state, "Deleting") == 0;
        if (ends || is_known(&view, in) || find_orphan(e, in->resource_id))
            continue;
        if (suspect(e, account, in->resource_id) >= SWEEPS_TO_BELIEVE)
            add_orphan(e, account, in);
    }
    drop_unseen(e, account);
    forget_gone(e, result, account);
}

/* --- deleting ------------------------------------------------------------------------------------
 */

int orphan_control(struct engine *e, const struct command *c, struct error *err) {
    const struct item *item = snapshot_item(engine_state(e), ITEM_ORPHAN, c->item_id);
    if (!item)
        return err_kind(err, "not_found", "the orphan is gone");
    if (strcasecmp(c->name, "terminate") != 0)
        return err_kind(err, "invalid_value", "%s is no verb of an orphan: use terminate", c->name);
    if (((const struct orphan *)item)->wish == ORPHAN_TERMINATED)
        return 0;
    struct orphan *o = builder_item(e->builder, ITEM_ORPHAN, c->item_id, DURABLE);
    if (!o)
        return -ENOMEM;
    o->wish = ORPHAN_TERMINATED;
    journal_event(e, EVENT_SERVER, NULL, NULL, "orphan %s: to be terminated, says uid %u",
                  str_text(o->item.name), (unsigned)c->caller_uid);
    return 0;
}

static void deleted(struct engine *e, const struct cyclecloud_result *result, uint64_t unused,
                    uint64_t id, usec_t began) {
    (void)unused;
    (void)began;
    const struct item *item = snapshot_item(engine_state(e), ITEM_ORPHAN, id);
    bool fine = result->result == CYCLECLOUD_OK || result->result == CYCLECLOUD_PENDING ||
                result->result == CYCLECLOUD_GONE;
    const char *message = fine ? "" : result->message;
    if (!item || str_equal(((const struct orphan *)item)->message, message))
        return;
    struct orphan *o = builder_item(e->builder, ITEM_ORPHAN, id, VOLATILE);
    if (o)
        edit_text(e, &o->message, message);
    else
        engine_fail(e, -ENOMEM);
}

static int send_delete(struct engine *e, const struct orphan *o) {
    const char *ids[] = {str_text(o->instance_id), NULL};
    bool member = str_len(o->set_name) > 0;
    struct cyclecloud_request q = {
        .call = member ? CYCLECLOUD_CALL_DELETE_INSTANCES : CYCLECLOUD_CALL_DELETE_VM,
        .account = str_text(o->account),
        .region = str_text(o->region),
        .group = str_text(o->group),
        .name = str_text(member ? o->set_name : o->vm_name),
        .instance_ids = member ? ids : NULL,
    };
    return call_submit(e, &q, deleted, 0, o->item.id);
}

static struct deletion *deletion_of(struct engine *e, uint64_t id) {
    for (size_t i = 0; i < e->deletions.len; i++)
        if (e->deletions.items[i].orphan_id == id)
            return &e->deletions.items[i];
    if (deletion_vec_append(&e->deletions, (struct deletion){id, 0}) < 0)
        return NULL;
    return &e->deletions.items[e->deletions.len - 1];
}

void orphans_send(struct engine *e) {
    usec_t now = engine_now(e);
    for (size_t i = 0; i < engine_state(e)->items[ITEM_ORPHAN].len; i++) {
        const struct orphan *o = orphan_at(e, i);
        struct deletion *d = o->wish == ORPHAN_TERMINATED ? deletion_of(e, o->item.id) : NULL;
        if (!d || d->next_at > now)
            continue;
        d->next_at = now + DELETE_RETRY;
        if (send_delete(e, o) < 0)
            log_warning("the deletion of an orphan cannot be sent name=\"%s\", trying again",
                        str_text(o->item.name));
    }
    for (size_t i = e->deletions.len; i-- > 0;)
        if (!snapshot_item(engine_state(e), ITEM_ORPHAN, e->deletions.items[i].orphan_id))
            deletion_vec_remove(&e->deletions, i);
}

usec_t orphans_next(const struct engine *e) {
    usec_t next = USEC_NEVER;
    for (size_t i = 0; i < e->deletions.len; i++)
        if (e->deletions.items[i].next_at < next)
            next = e->deletions.items[i].next_at;
    return next;
}
