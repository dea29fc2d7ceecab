/* SPDX-License-Identifier: MIT */
#include "send.h"
#include "volume.h"

#include <inttypes.h>
#include <stdlib.h>

struct intent *intents_find(struct engine *e, uint64_t id) {
    for (size_t i = 0; i < e->intents.len; i++)
        if (e->intents.items[i]->id == id)
            return e->intents.items[i];
    return NULL;
}

struct intent *intents_add(struct engine *e, enum intent_kind kind, uint64_t cluster_id) {
    struct intent *i = intent_new(kind, engine_take_id(e), cluster_id, engine_now(e));
    if (!i || intent_vec_append(&e->intents, i) < 0) {
        intent_free(i);
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    return i;
}

static void release_volume(struct engine *e, const struct intent *i) {
    const struct volume *v = i->volume_id ? volume_by_id(engine_state(e), i->volume_id) : NULL;
    struct volume *volume = v && v->intent_id == i->id ? edit_volume(e, i->volume_id) : NULL;
    if (volume)
        volume->intent_id = 0;
}

/* The object that an intent works on no longer waits for it. */
static void release_target(struct engine *e, const struct intent *i) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    const struct node *n = c && i->node_id ? cluster_node(c, i->node_id) : NULL;
    if (n && n->intent_id == i->id) {
        struct node *copy = edit_node(e, n);
        if (copy)
            copy->intent_id = 0;
    }
    const struct set *s = c && i->set_id ? cluster_set_by_id(c, i->set_id) : NULL;
    if (s && s->intent_id == i->id) {
        struct set *copy = edit_set(e, i->cluster_id, i->set_id);
        if (copy)
            copy->intent_id = 0;
    }
}

void intents_close(struct engine *e, struct intent *i) {
    release_target(e, i);
    release_volume(e, i);
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    struct work *w = c && cluster_set_by_id(c, i->set_id) ? engine_work(e, i->cluster_id) : NULL;
    struct set_work *sw = w ? work_set(w, i->set_id) : NULL;
    if (sw) {
        sw->written_at = engine_now(e);
        sw->stale = true;
        if (sw->list_at == USEC_NEVER)
            sw->list_at = sw->written_at;
    }
    engine_dirty(e, i->cluster_id);
    for (size_t at = 0; at < e->intents.len; at++)
        if (e->intents.items[at] == i)
            intent_vec_remove(&e->intents, at);
    if (i->saved && intent_vec_append(&e->closed, i) == 0)
        return;
    if (i->saved)
        engine_fail(e, -ENOMEM);
    intent_free(i);
}

struct intent *intents_of_cluster(struct engine *e, uint64_t cluster_id, enum intent_kind kind) {
    for (size_t i = 0; i < e->intents.len; i++)
        if (e->intents.items[i]->cluster_id == cluster_id && e->intents.items[i]->kind == kind)
            return e->intents.items[i];
    return NULL;
}

bool intents_any(struct engine *e, uint64_t cluster_id) {
    for (size_t i = 0; i < e->intents.len; i++)
        if (e->intents.items[i]->cluster_id == cluster_id)
            return true;
    return false;
}

void intents_free_all(struct engine *e) {
    for (size_t i = 0; i < e->intents.len; i++)
        intent_free(e->intents.items[i]);
    for (size_t i = 0; i < e->closed.len; i++)
        intent_free(e->closed.items[i]);
    intent_vec_done(&e->intents);
    intent_vec_done(&e->closed);
}

/* The size of a set is written only to the set that was seen. */
static bool begins_with_look(const struct intent *i) {
    return i->kind == INTENT_RESIZE_SET && i->state == INTENT_OPEN;
}

static void send_one(struct engine *e, struct intent *i) {
    _cleanup_error_ struct error err = ERROR_INIT;
    int r =
        begins_with_look(i) ? resize_look(e, i, &err) : request_send(e, i, outcome_of_intent, &err);
    if (r < 0) {
        unsent_intent(e, i, r, &err);
        return;
    }
    if (i->state == INTENT_OPEN) {
        i->state = INTENT_SENT;
        i->attempts++;
        log_debug("request sent intent=%" PRIu64 " what=\"%s\" attempt=%u", i->id,
                  intent_verb(i->kind), i->attempts);
    }
    i->next_at = USEC_NEVER;
}

void intents_send(struct engine *e) {
    usec_t now = engine_now(e);
    for (size_t at = 0; at < e->intents.len; at++) {
        struct intent *i = e->intents.items[at];
        bool sendable = i->state == INTENT_OPEN || i->state == INTENT_ACCEPTED;
        if (sendable && i->saved && i->next_at <= now)
            send_one(e, i);
    }
}

usec_t intents_next(const struct engine *e) {
    usec_t next = USEC_NEVER;
    for (size_t at = 0; at < e->intents.len; at++) {
        const struct intent *i = e->intents.items[at];
        if ((i->state == INTENT_OPEN || i->state == INTENT_ACCEPTED) && i->next_at < next)
            next = i->next_at;
    }
    return next;
}

void intents_resume(struct engine *e, uint64_t cluster_id) {
    for (size_t at = e->intents.len; at-- > 0;) {
        struct intent *i = e->intents.items[at];
        if (i->cluster_id != cluster_id || i->state != INTENT_UNKNOWN)
            continue;
        if (intent_names_instances(i->kind)) {
            intents_close(e, i); /* planned anew */
            continue;
        }
        i->state = INTENT_OPEN;
        i->next_at = 0;
    }
}

void intents_hurry(struct engine *e, uint64_t cluster_id) {
    const struct cyclecloud_provider *p = &e->options.provider;
    if (p->ops->hurry)
        p->ops->hurry(p->self);
    observe_hurry(e, cluster_id);
    for (size_t at = 0; at < e->intents.len; at++) {
        struct intent *i = e->intents.items[at];
        if ((!cluster_id || i->cluster_id == cluster_id) && i->state == INTENT_OPEN)
            i->next_at = 0;
    }
}
