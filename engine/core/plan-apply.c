/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "kept.h"
#include "volume.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SET_WRITE_SPACING (20 * USEC_SEC)

/* The name of a scale set: its array's, in what Azure allows, and its id. */
static int set_name(const struct array *a, uint64_t id, struct buf *b) {
    for (const char *p = str_text(a->name); *p && b->len < 40; p++)
        buf_putc(b, isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-');
    buf_printf(b, "-%" PRIu64, id);
    return buf_error(b);
}

static struct set *make_set(struct engine *e, const struct cluster *c,
                            const struct plan_action *action) {
    uint64_t cluster_id = c->id, edition = edition_take(e, c->id, action->array_id);
    c = snapshot_cluster(engine_state(e), cluster_id);
    const struct array *a = cluster_array_by_id(c, action->array_id);
    uint64_t id = engine_take_id(e);
    _cleanup_buf_ struct buf name = BUF_INIT(80);
    if (!a || set_name(a, id, &name) < 0)
        return NULL;
    struct set *s = builder_add_set(e->builder, c->id, id, name.data);
    if (!s) {
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    char hash[17];
    spec_hash(a->spec, hash);
    s->array_id = action->array_id;
    s->edition = edition;
    s->state = SET_PLANNED;
    s->limit = action->limit;
    s->spot = a->spec->spot;
    s->created_at = engine_now(e);
    edit_text(e, &s->machine_type, action->machine_type);
    edit_text(e, &s->spec_hash, hash);
    edit_text(e, &s->server, e->options.site.server_url);
    edit_text(e, &s->placement_group, str_text(a->spec->placement_group));
    struct work *w = engine_work(e, c->id);
    struct set_work *sw = w ? work_set(w, id) : NULL;
    if (sw) {
        sw->listed = true; /* it cannot be in the cloud yet */
        sw->list_at = USEC_NEVER;
    }
    return s;
}

static uint32_t cores_of_type(struct engine *e, const struct array *a, const char *type) {
    const struct machine_type *t = snapshot_machine_type(
        engine_state(e), str_text(a->spec->account), str_text(a->spec->region), type);
    return t ? t->vcpus : 0;
}

/* Addresses that a full subnet still had are taken. */
static void take_addresses(struct engine *e, const struct array *a, size_t n) {
    struct subnet *s =
        a->spec ? subnet_find(e, str_text(a->spec->account), str_text(a->spec->subnet)) : NULL;
    if (s)
        s->room -= n < s->room ? n : s->room;
}

static void join_set(struct engine *e, uint64_t cluster_id, const struct plan_action *action,
                     const struct set *s) {
    uint64_t edition = edition_take(e, cluster_id, s->array_id);
    for (size_t i = 0; i < action->nodes.len; i++) {
        const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
        const struct node *n = cluster_node(c, action->nodes.items[i]);
        struct node *copy = n ? edit_node(e, n) : NULL;
        if (!copy)
            return;
        const struct array *a = cluster_array_by_id(c, copy->array_id);
        copy->set_id = s->id;
        copy->edition = edition;
        copy->spot = s->spot;
        copy->cores = a && a->spec ? cores_of_type(e, a, str_text(s->machine_type)) : 0;
        str_assign(&copy->machine_type, s->machine_type);
        str_assign(&copy->placement_group, s->placement_group);
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        edit_node_status(e, copy, NODE_ACQUIRING, PHASE_ALLOCATE);
    }
}

/* The next write on this set may come this much later (GCRA). */
static void count_write(struct engine *e, struct set *s) {
    usec_t now = engine_now(e);
    s->write_at = (s->write_at > now ? s->write_at : now) + SET_WRITE_SPACING;
}

static void apply_set(struct engine *e, uint64_t cluster_id, const struct plan_action *action) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    struct set *s = action->kind == INTENT_CREATE_SET ? make_set(e, c, action)
                                                      : edit_set(e, cluster_id, action->set_id);
    if (!s)
        return;
    struct intent *old = s->intent_id ? intents_find(e, s->intent_id) : NULL;
    if (old)
        intents_close(e, old); /* superseded by a deletion */
    struct intent *i = intents_add(e, action->kind, cluster_id);
    if (!i)
        return;
    i->set_id = s->id;
    i->capacity = action->capacity;
    edit_text(e, &i->instances, action->instances.data);
    s->intent_id = i->id;
    count_write(e, s);
    if (action->kind == INTENT_DELETE_SET)
        s->state = SET_DELETING;
    if (action->nodes.len) {
        take_addresses(e, cluster_array_by_id(c, s->array_id), action->nodes.len);
        s->capacity = action->capacity;
        join_set(e, cluster_id, action, s);
    }
    struct work *w = engine_work(e, cluster_id);
    struct set_work *sw = w ? work_set(w, s->id) : NULL;
    if (sw)
        edit_text(e, &sw->surplus, "");
    c = snapshot_cluster(engine_state(e), cluster_id);
    const struct array *a = cluster_array_by_id(c, s->array_id);
    journal_event(e, EVENT_CLUSTER_CHANGED, c, NULL, "%s %s (%s): %u", intent_verb(action->kind),
                  str_text(s->name), a ? str_text(a->name) : "", action->capacity);
}

static void apply_vm(struct engine *e, uint64_t cluster_id, const struct plan_action *action) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    const struct node *n = cluster_node(c, action->node_id);
    bool creates = action->kind == INTENT_CREATE_VM;
    uint64_t edition = n && creates ? edition_take(e, cluster_id, n->array_id) : 0;
    c = snapshot_cluster(engine_state(e), cluster_id);
    n = cluster_node(c, action->node_id);
    struct node *copy = n ? edit_node(e, n) : NULL;
    struct intent *old = copy && copy->intent_id ? intents_find(e, copy->intent_id) : NULL;
    if (old)
        intents_close(e, old); /* superseded by a deletion */
    struct intent *i = copy ? intents_add(e, action->kind, cluster_id) : NULL;
    if (!i)
        return;
    i->node_id = copy->id;
    copy->intent_id = i->id;
    const struct array *a = cluster_array_by_id(c, copy->array_id);
    if (creates) {
        take_addresses(e, a, 1);
        copy->edition = edition;
        edit_text(e, &copy->machine_type, action->machine_type);
        copy->spot = a->spec->spot;
        copy->cores = cores_of_type(e, a, action->machine_type);
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        edit_node_status(e, copy, NODE_ACQUIRING, PHASE_CREATE_VM);
        volumes_attach(e, a, copy);
    }
    journal_event(e, EVENT_NODE_CHANGED, c, copy, "%s", intent_verb(action->kind));
}

static void apply_group(struct engine *e, uint64_t cluster_id, const struct plan_action *action) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    struct intent *i = intents_add(e, action->kind, cluster_id);
    if (!i)
        return;
    i->capacity = action->capacity;
    if (action->region)
        edit_text(e, &i->region, action->region);
    journal_event(e, EVENT_CLUSTER_CHANGED, c, NULL, "%s %s", intent_verb(action->kind),
                  str_text(c->group));
}

static void apply_wait(struct engine *e, uint64_t cluster_id, const struct plan_wait *wait) {
    struct node *n = builder_node(e->builder, cluster_id, wait->node_id, VOLATILE);
    if (n)
        edit_node_hold(e, n, wait->hold, wait->not_before, wait->message);
    else
        engine_fail(e, -ENOMEM);
}

void plan_cluster(struct engine *e, struct work *w) {
    const struct plan_input in = {
        .snapshot = engine_state(e),
        .cluster = snapshot_cluster(engine_state(e), w->cluster_id),
        .engine = e,
        .work = w,
        .now = engine_now(e),
    };
    if (!in.cluster)
        return;
    uint64_t cluster_id = w->cluster_id;
    struct plan p;
    plan_make(&in, &p);
    if (p.error < 0)
        engine_fail(e, p.error);
    for (size_t i = 0; i < p.actions.len && !e->failed; i++) {
        const struct plan_action *a = &p.actions.items[i];
        if (a->volume_id)
            volume_act(e, cluster_id, a);
        else if (a->set_id || a->array_id)
            apply_set(e, cluster_id, a);
        else if (a->node_id)
            apply_vm(e, cluster_id, a);
        else
            apply_group(e, cluster_id, a);
    }
    for (size_t i = 0; i < p.waits.len && !e->failed; i++)
        apply_wait(e, cluster_id, &p.waits.items[i]);
    struct cluster *c = edit_cluster_quietly(e, cluster_id, VOLATILE);
    if (c)
        edit_text(e, &c->plan, p.text.data);
    w->plan_at = p.again_at;
    plan_done(&p);
}
