/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include "send.h"
#include "volume.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/*
 * What becomes of an intent when its request has ended. Success is recorded kind by kind
 * (successes), failure class by class (handlers); both tables are below.
 */

#define POLL_DEFAULT (5 * USEC_SEC)
#define BACKOFF_FIRST (1 * USEC_SEC)
#define CONFLICT_RETRY (5 * USEC_SEC)
#define CONFLICTS_MAX 3u

/* Exponential from one second to a minute, with up to a fifth of jitter. */
static usec_t backoff(struct engine *e, uint32_t attempts) {
    usec_t delay = BACKOFF_FIRST << (attempts > 6 ? 6 : attempts);
    if (delay > BACKOFF_LAST)
        delay = BACKOFF_LAST;
    return delay + (usec_t)((double)delay * 0.2 * random_unit(e->options.random));
}

static usec_t told_or(struct engine *e, const struct cyclecloud_result *result, usec_t otherwise) {
    usec_t delay = result->retry_after_us ? result->retry_after_us : otherwise;
    return engine_now(e) + delay + (usec_t)((double)delay * 0.1 * random_unit(e->options.random));
}

/* Who is called with nodes, one after the other. Nodes may be removed meanwhile. */
struct visitor {
    void (*visit)(struct engine *e, const struct node *n, void *arg);
    void *arg;
};

static void visit_list(struct engine *e, const struct cluster *c, uint64_t owner,
                       enum node_list list, const struct visitor *v) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, owner, list, &position));)
        if (list != NODES_MEMBERS || !str_len(n->resource_id))
            v->visit(e, n, v->arg);
}

/* All that are to come up, for what the whole cluster needs. */
static void visit_acquiring(struct engine *e, const struct cluster *c, const struct visitor *v) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        visit_list(e, c, cluster_array(c, i)->id, NODES_UNPLACED, v);
        visit_list(e, c, cluster_array(c, i)->id, NODES_PLACED, v);
    }
}

void outcome_each_node(struct engine *e, const struct intent *i,
                       void (*visit)(struct engine *, const struct node *, void *), void *arg) {
    const struct visitor v = {visit, arg};
    if (i->volume_id)
        return; /* its node waits for the volume, which says why */
    engine_count(e);
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    const struct node *alone = c && i->node_id ? cluster_node(c, i->node_id) : NULL;
    if (alone)
        visit(e, alone, arg);
    else if (c && i->set_id)
        visit_list(e, c, i->set_id, NODES_MEMBERS, &v);
    else if (c && !i->node_id)
        visit_acquiring(e, c, &v);
}

static void hold_node(struct engine *e, const struct node *n, void *arg) {
    const struct holding *h = arg;
    if (n->target != TARGET_STARTED)
        return;
    struct node *copy = edit_node_volatile(e, n);
    if (copy)
        edit_node_hold(e, copy, h->hold, h->not_before, h->message);
}

void outcome_hold_nodes(struct engine *e, const struct intent *i, const struct holding *h) {
    struct holding copy = *h;
    outcome_each_node(e, i, hold_node, &copy);
}

/* Waiting, and the same request later. */
static void try_later(struct engine *e, struct intent *i, enum hold hold, usec_t at,
                      const char *message) {
    if (i->state == INTENT_SENT)
        i->state = INTENT_OPEN;
    i->next_at = at;
    struct holding h = {hold, 0, message};
    if (!intent_deletes(i->kind))
        outcome_hold_nodes(e, i, &h);
}

/* --- success ---------------------------------------------------------------------------------- */

static void group_ensured(struct engine *e, struct intent *i) {
    struct cluster *c = edit_cluster(e, i->cluster_id);
    if (c)
        c->group_ready = true;
}

static void security_group_ensured(struct engine *e, struct intent *i) {
    struct work *w = engine_work(e, i->cluster_id);
    if (w && security_group_note(&w->security_groups, str_text(i->region), i->capacity) < 0)
        engine_fail(e, -ENOMEM);
}

static const struct node *intent_node(struct engine *e, const struct intent *i) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    return c ? cluster_node(c, i->node_id) : NULL;
}

struct made outcome_made_by(struct engine *e, const struct intent *i) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    const struct set *s = c && i->set_id ? cluster_set_by_id(c, i->set_id) : NULL;
    const struct node *n = c && i->node_id ? cluster_node(c, i->node_id) : NULL;
    if (!s && !n)
        return (struct made){NULL, ""};
    const struct array *a = cluster_array_by_id(c, s ? s->array_id : n->array_id);
    return (struct made){a && a->spec ? a : NULL, str_text(s ? s->machine_type : n->machine_type)};
}

/* The cloud had all that was asked for. */
static void end_shortage(struct engine *e, const struct intent *i) {
    struct made made = outcome_made_by(e, i);
    if (made.array)
        shortage_clear(e, made.array, made.machine_type);
}

/* The cloud says that the VM is there; the next listing knows its ids. */
static void vm_created(struct engine *e, struct intent *i) {
    const struct node *n = intent_node(e, i);
    struct work *w = engine_work(e, i->cluster_id);
    if (w)
        w->list_at = engine_now(e);
    if (!n)
        return;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    edit_node_hold(e, copy, HOLD_NONE, 0, "");
    if (copy->status == NODE_ACQUIRING || copy->status == NODE_DEALLOCATED)
        edit_node_status(e, copy, NODE_PREPARING, PHASE_AWAIT_BOOT);
    end_shortage(e, i);
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    journal_event(e, EVENT_NODE_CREATED, c, copy, "VM created (%s)", str_text(copy->machine_type));
}

static void vm_deleted(struct engine *e, struct intent *i) {
    const struct node *n = intent_node(e, i);
    if (!n)
        return;
    if (n->target != TARGET_STARTED) {
        edit_node_remove(e, n);
        return;
    }
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    usec_t not_before = copy->not_before;
    enum hold hold = copy->hold;
    edit_node_unbind(e, copy);
    edit_node_rename_vm(e, copy);
    copy->not_before = not_before;
    copy->hold = hold;
}

static void vm_deallocated(struct engine *e, struct intent *i) {
    const struct node *n = intent_node(e, i);
    struct node *copy = n ? edit_node(e, n) : NULL;
    if (!copy)
        return;
    edit_node_status(e, copy, NODE_DEALLOCATED, PHASE_NONE);
    journal_event(e, EVENT_NODE_DEALLOCATED, snapshot_cluster(engine_state(e), i->cluster_id), copy,
                  "deallocated");
}

void outcome_set_written(struct engine *e, const struct intent *i) {
    struct set *s = edit_set(e, i->cluster_id, i->set_id);
    if (!s)
        return;
    s->state = SET_ACTIVE;
    observe_set_soon(e, i->cluster_id, i->set_id, 0);
}

static void set_filled(struct engine *e, struct intent *i) {
    end_shortage(e, i);
    outcome_set_written(e, i);
}

void outcome_forget_set(struct engine *e, uint64_t cluster_id, uint64_t set_id) {
    struct work *w = engine_work(e, cluster_id);
    if (w)
        work_forget_set(w, set_id);
    if (builder_remove_set(e->builder, cluster_id, set_id) < 0)
        engine_fail(e, -ENOMEM);
}

static void set_deleted(struct engine *e, struct intent *i) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    if (!c)
        return;
    struct id_vec members = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->set_id == i->set_id && id_vec_append(&members, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t at = 0; at < members.len; at++) {
        c = snapshot_cluster(engine_state(e), i->cluster_id);
        const struct node *n = cluster_node(c, members.items[at]);
        struct node *copy = n->target == TARGET_STARTED ? edit_node(e, n) : NULL;
        if (n->target != TARGET_STARTED)
            edit_node_remove(e, n);
        else if (copy)
            edit_node_unbind(e, copy);
    }
    id_vec_done(&members);
    outcome_forget_set(e, i->cluster_id, i->set_id);
}

static void instances_changed(struct engine *e, struct intent *i) {
    observe_set_soon(e, i->cluster_id, i->set_id, 0);
}

static void group_deleted(struct engine *e, struct intent *i) {
    edit_group_gone(e, i->cluster_id);
}

static void (*const successes[INTENT_KIND_MAX])(struct engine *e, struct intent *i) = {
    [INTENT_ENSURE_GROUP] = group_ensured,
    [INTENT_ENSURE_SECURITY_GROUP] = security_group_ensured,
    [INTENT_CREATE_VM] = vm_created,
    [INTENT_DELETE_VM] = vm_deleted,
    [INTENT_START_VM] = vm_created,
    [INTENT_DEALLOCATE_VM] = vm_deallocated,
    [INTENT_CREATE_SET] = set_filled,
    [INTENT_RESIZE_SET] = set_filled,
    [INTENT_DELETE_SET] = set_deleted,
    [INTENT_DELETE_INSTANCES] = instances_changed,
    [INTENT_START_INSTANCES] = instances_changed,
    [INTENT_DEALLOCATE_INSTANCES] = instances_changed,
    [INTENT_DELETE_GROUP] = group_deleted,
    [INTENT_ENSURE_VOLUME_GROUP] = volume_group_ensured,
    [INTENT_CREATE_VOLUME] = volume_created,
    [INTENT_GROW_VOLUME] = volume_grown,
    [INTENT_DELETE_VOLUME] = volume_deleted,
    [INTENT_DELETE_VOLUME_GROUP] = volume_group_deleted,
};

static void on_ok(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    (void)result;
    log_info("done intent=%" PRIu64 " what=\"%s\"", i->id, intent_verb(i->kind));
    struct work *w = engine_work(e, i->cluster_id);
    struct set_work *sw = w && i->set_id ? work_set(w, i->set_id) : NULL;
    if (sw)
        sw->refusals = 0;
    if (intent_deletes(i->kind))
        quota_lift(e); /* there is room again */
    successes[i->kind](e, i);
    intents_close(e, i);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void on_pending(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    bool news = i->state != INTENT_ACCEPTED;
    if (*result->operation_url && !str_equal(i->poll_url, result->operation_url)) {
        edit_text(e, &i->poll_url, result->operation_url);
        news = true;
    }
    i->state = INTENT_ACCEPTED;
    i->dirty = i->dirty || news;
    i->attempts = 0;
    i->next_at = told_or(e, result, POLL_DEFAULT);
    struct holding h = {HOLD_NONE, 0, ""};
    if (!news)
        return;
    if (!intent_deletes(i->kind))
        outcome_hold_nodes(e, i, &h);
    if (i->kind == INTENT_CREATE_SET || i->kind == INTENT_RESIZE_SET)
        observe_set_soon(e, i->cluster_id, i->set_id, USEC_SEC / 2);
    if (i->kind == INTENT_CREATE_VM) {
        struct work *w = engine_work(e, i->cluster_id);
        if (w)
            w->list_at = engine_now(e) + USEC_SEC / 2;
    }
}

void outcome_plan_anew(struct engine *e, struct intent *i, usec_t least) {
    struct work *w = engine_work(e, i->cluster_id);
    struct set_work *sw = w ? work_set(w, i->set_id) : NULL;
    if (!sw)
        return;
    usec_t delay = backoff(e, sw->refusals++);
    sw->quiet_until = engine_now(e) + (delay > least ? delay : least);
    if (sw->list_at > sw->quiet_until)
        sw->list_at = sw->quiet_until;
    intents_close(e, i);
}

static void on_throttled(struct engine *e, struct intent *i,
                         const struct cyclecloud_result *result) {
    usec_t at = told_or(e, result, 10 * USEC_SEC);
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    buf_puts(&words, "the cloud limits the rate of requests until ");
    time_format(&words, at);
    buf_puts(&words, ": then it is asked again, `retry` in `control` asks now");
    if (buf_error(&words) < 0)
        engine_fail(e, -ENOMEM);
    try_later(e, i, HOLD_THROTTLED, at, words.data);
}

static void on_transport(struct engine *e, struct intent *i,
                         const struct cyclecloud_result *result) {
    if (intent_names_instances(i->kind)) { /* it may have had its effect */
        outcome_plan_anew(e, i, result->retry_after_us);
        return;
    }
    usec_t at =
        result->retry_after_us ? told_or(e, result, 0) : engine_now(e) + backoff(e, i->attempts);
    try_later(e, i, HOLD_UNREACHABLE, at, result->message);
}

static void on_auth(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    try_later(e, i, HOLD_CREDENTIALS, engine_now(e) + RETRY_CREDENTIALS, result->message);
}

/* Azure says OperationNotAllowed for what passes, and for what it never does: when it says so again
   and again it is the latter. */
static bool is_final(struct engine *e, const struct intent *i,
                     const struct cyclecloud_result *result) {
    struct work *w = engine_work(e, i->cluster_id);
    const struct set_work *sw =
        w && intent_names_instances(i->kind) ? work_set(w, i->set_id) : NULL;
    uint32_t times = sw ? sw->refusals + 1 : i->attempts;
    return times >= CONFLICTS_MAX && strcasecmp(result->code, "OperationNotAllowed") == 0;
}

/* Another operation runs there: what is wanted is worked out again from a fresh listing. */
static void on_conflict(struct engine *e, struct intent *i,
                        const struct cyclecloud_result *result) {
    if (is_final(e, i, result)) {
        struct cyclecloud_result refused = *result;
        refused.result = CYCLECLOUD_INVALID;
        outcome_refused(e, i, &refused);
        return;
    }
    if (i->kind == INTENT_RESIZE_SET || intent_names_instances(i->kind)) {
        outcome_plan_anew(e, i, CONFLICT_RETRY);
        return;
    }
    i->state = INTENT_OPEN;
    i->dirty = true;
    i->next_at = told_or(e, result, CONFLICT_RETRY + backoff(e, i->attempts));
    if (i->kind == INTENT_CREATE_VM) /* another VM may have one of its disks */
        outcome_hold_nodes(e, i, &(struct holding){HOLD_NONE, 0, result->message});
}

void outcome_announce_failure(struct engine *e, const struct intent *i,
                              const struct cyclecloud_result *result) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    const struct node *n = c && i->node_id ? cluster_node(c, i->node_id) : NULL;
    journal_event(e, EVENT_CLUSTER_CHANGED, c, n, "%s failed: %s: %s (request %s)",
                  intent_verb(i->kind), result->code, result->message, result->request_id);
    log_warning("failed intent=%" PRIu64 " what=\"%s\" code=%s message=\"%s\"", i->id,
                intent_verb(i->kind), result->code, result->message);
}

/* The operation's own record has expired: what it came to is seen in a listing. */
void outcome_forget_operation(struct engine *e, struct intent *i) {
    const struct work *w = engine_work(e, i->cluster_id);
    bool known = w && w->listed;
    i->state = known ? INTENT_OPEN : INTENT_UNKNOWN;
    i->dirty = true;
    i->next_at = engine_now(e);
}

static void on_gone(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    if (intent_deletes(i->kind) && !intent_names_instances(i->kind)) {
        on_ok(e, i, result);
        return;
    }
    if (i->kind == INTENT_RESIZE_SET || intent_names_instances(i->kind)) {
        outcome_announce_failure(e, i, result);
        outcome_plan_anew(e, i, 0); /* two listings decide whether the set is gone */
        return;
    }
    if (i->state == INTENT_ACCEPTED) {
        outcome_forget_operation(e, i);
        return;
    }
    if (volume_is_missing(i, result)) {
        struct cyclecloud_result refusal = *result;
        refusal.result = CYCLECLOUD_INVALID;
        outcome_refused(e, i, &refusal);
        return;
    }
    outcome_announce_failure(e, i, result);
    if (strcasecmp(result->code, "ResourceGroupNotFound") == 0)
        observe_group_lost(e, i->cluster_id);
    struct work *w = engine_work(e, i->cluster_id);
    if (w)
        w->list_at = engine_now(e);
    i->next_at = engine_now(e) + backoff(e, i->attempts);
    i->state = INTENT_OPEN;
    if (i->kind == INTENT_ENSURE_SECURITY_GROUP)
        intents_close(e, i); /* it is asked for again where it is still wanted */
}

static void (*const handlers[CYCLECLOUD_CLASS_MAX])(struct engine *e, struct intent *i,
                                                    const struct cyclecloud_result *result) = {
    [CYCLECLOUD_OK] = on_ok,
    [CYCLECLOUD_PENDING] = on_pending,
    [CYCLECLOUD_THROTTLED] = on_throttled,
    [CYCLECLOUD_QUOTA] = outcome_refused,
    [CYCLECLOUD_CAPACITY] = outcome_refused,
    [CYCLECLOUD_AUTH] = on_auth,
    [CYCLECLOUD_INVALID] = outcome_refused,
    [CYCLECLOUD_CONFLICT] = on_conflict,
    [CYCLECLOUD_GONE] = on_gone,
    [CYCLECLOUD_TRANSPORT] = on_transport,
};

/* The operation goes on, whatever became of the question. */
static void question_failed(struct engine *e, struct intent *i,
                            const struct cyclecloud_result *result) {
    i->attempts++;
    i->next_at = told_or(e, result, backoff(e, i->attempts));
}

void outcome_of_intent(struct engine *e, const struct cyclecloud_result *result,
                       uint64_t cluster_id, uint64_t intent_id, usec_t began) {
    (void)cluster_id;
    (void)began;
    struct intent *i = intents_find(e, intent_id);
    if (!i || (i->volume_id && volume_outcome(e, i, result)))
        return;
    bool asked = i->state == INTENT_ACCEPTED &&
                 (result->result == CYCLECLOUD_TRANSPORT ||
                  result->result == CYCLECLOUD_THROTTLED || result->result == CYCLECLOUD_AUTH);
    if (asked && result->operation_ended)
        outcome_operation_failed(e, i, result);
    else if (asked)
        question_failed(e, i, result);
    else
        handlers[result->result](e, i, result);
}
