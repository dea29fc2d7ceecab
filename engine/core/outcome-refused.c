/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "outcome.h"

/* Requests that the cloud refused, and operations that failed. */

/* The VM goes on running, and its node says why. */
static void keep_running(struct engine *e, const struct node *n,
                         const struct cyclecloud_result *result) {
    _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    (void)buf_printf(&why, "it cannot be deallocated: %s", result->message);
    copy->target = TARGET_STARTED;
    edit_node_status(e, copy, copy->ready_at ? NODE_READY : NODE_PREPARING,
                     copy->ready_at ? PHASE_NONE : PHASE_AWAIT_BOOT);
    edit_node_hold(e, copy, HOLD_INVALID, USEC_NEVER, why.data);
}

static bool is_stopping(const struct node *n) {
    return n->target == TARGET_DEALLOCATED && n->status == NODE_DEALLOCATING;
}

/* All members of the set that were to be deallocated, or the one VM. */
static void keep_all_running(struct engine *e, const struct intent *i,
                             const struct cyclecloud_result *result) {
    engine_count(e);
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    const struct node *alone = c && i->node_id ? cluster_node(c, i->node_id) : NULL;
    uint64_t position = 0;
    if (alone && is_stopping(alone))
        keep_running(e, alone, result);
    for (const struct node *n;
         c && i->set_id && (n = cluster_next_listed(c, i->set_id, NODES_MEMBERS, &position));)
        if (is_stopping(n))
            keep_running(e, n, result);
}

static bool is_refused_for_good(const struct intent *i, const struct cyclecloud_result *result) {
    return result->result == CYCLECLOUD_INVALID &&
           (i->kind == INTENT_DEALLOCATE_VM || i->kind == INTENT_DEALLOCATE_INSTANCES);
}

struct failing {
    const struct cyclecloud_result *result;
    struct intent *intent;
    bool set_exists;
};

static enum hold hold_of(enum cyclecloud_class class) {
    static const enum hold holds[CYCLECLOUD_CLASS_MAX] = {
        [CYCLECLOUD_THROTTLED] = HOLD_THROTTLED, [CYCLECLOUD_QUOTA] = HOLD_QUOTA,
        [CYCLECLOUD_CAPACITY] = HOLD_CAPACITY,   [CYCLECLOUD_AUTH] = HOLD_CREDENTIALS,
        [CYCLECLOUD_INVALID] = HOLD_INVALID,     [CYCLECLOUD_TRANSPORT] = HOLD_UNREACHABLE,
    };
    return holds[class];
}

/* Trouble that passes without anybody doing something. */
static bool passes(enum hold hold) {
    return hold == HOLD_UNREACHABLE || hold == HOLD_THROTTLED;
}

/* The VM is there, stopped as it was. */
static void start_refused(struct engine *e, struct node *n, enum hold hold, const char *message) {
    usec_t until = hold_until(e, hold);
    edit_node_status(e, n, NODE_DEALLOCATED, PHASE_NONE);
    edit_node_hold(e, n, hold, until ? until : engine_now(e) + RETRY_CAPACITY_MIN, message);
}

/* A VM that is there, and of no use. It has a console unless it never ran. */
static void vm_failed(struct engine *e, struct node *n, enum hold hold) {
    edit_text(e, &n->resource_id, NODE_VM_FAILED);
    if (hold != HOLD_CAPACITY && hold != HOLD_QUOTA)
        (void)console_comes_first(e, n); /* the plan waits for it */
}

/* As CycleCloud has it: a node made by name ends for want of capacity. */
static void end_node(struct engine *e, struct node *n, const struct failing *f) {
    n->target = TARGET_TERMINATED;
    edit_node_status(e, n, NODE_TERMINATING, PHASE_NONE);
    edit_text(e, &n->message, f->result->message);
    if (!f->set_exists)
        edit_node_remove(e, n);
}

/* Back to waiting; a VM that is there is of no use. */
static void wait_again(struct engine *e, struct node *n, const struct failing *f, enum hold hold) {
    bool exists = f->intent->kind == INTENT_CREATE_VM && f->intent->state == INTENT_ACCEPTED;
    if (exists)
        vm_failed(e, n, hold);
    else
        edit_node_unbind(e, n);
    n->retries += passes(hold);
    hold = passes(hold) && n->retries > NODE_RETRIES_MAX ? HOLD_RETRIES : hold;
    edit_node_hold(e, n, hold, hold_until(e, hold), f->result->message);
}

/* A wanted node whose request was refused. */
static void fail_node(struct engine *e, const struct node *n, void *arg) {
    const struct failing *f = arg;
    enum hold hold = hold_of(f->result->result);
    struct node *copy = n->target == TARGET_STARTED ? edit_node(e, n) : NULL;
    if (!copy)
        return;
    if (f->intent->kind == INTENT_START_VM)
        start_refused(e, copy, hold, f->result->message);
    else if (!copy->elastic && !copy->fixed && hold == HOLD_CAPACITY)
        end_node(e, copy, f);
    else
        wait_again(e, copy, f, hold);
}

static void count_node(struct engine *e, const struct node *n, void *arg) {
    (void)e;
    *(size_t *)arg += n->target == TARGET_STARTED;
}

/* What is known of the cloud's room changes before the nodes are looked at: they are planned by
   it. */
static void remember_quota(struct engine *e, const struct intent *i,
                           const struct cyclecloud_result *result) {
    struct made made = outcome_made_by(e, i);
    struct quota_refusal refusal = {made.array, made.machine_type, result, 0};
    outcome_each_node(e, i, count_node, &refusal.nodes);
    if (made.array)
        quota_refused(e, &refusal);
}

static void remember_shortage(struct engine *e, const struct intent *i) {
    struct made made = outcome_made_by(e, i);
    if (made.array)
        shortage_add(e, made.array, made.machine_type);
}

/* A body is refused, too, when what it names was deleted behind our back: the next attempt makes
   sure that our own security group is there. */
static void doubt_security_group(struct engine *e, const struct intent *i) {
    struct work *w = engine_work(e, i->cluster_id);
    if (w)
        security_groups_forget(&w->security_groups);
}

static void reopen(struct intent *i, usec_t at) {
    i->state = INTENT_OPEN;
    i->dirty = true;
    i->next_at = at;
}

/* What takes away is wanted as before; but a deallocation may be for ever refused. True when that
   was it. */
static bool ending_refused(struct engine *e, struct intent *i,
                           const struct cyclecloud_result *result) {
    bool for_good = is_refused_for_good(i, result);
    bool alone = i->kind == INTENT_DEALLOCATE_VM;
    if (for_good)
        keep_all_running(e, i, result);
    if (intent_names_instances(i->kind))
        outcome_plan_anew(e, i, BACKOFF_LAST);
    else if (alone && for_good)
        intents_close(e, i);
    else if (alone || intent_deletes(i->kind))
        reopen(i, engine_now(e) + BACKOFF_LAST);
    else
        return false;
    return true;
}

/* What this says about the cloud's room, before the nodes are planned again by it. */
static void learn(struct engine *e, const struct intent *i,
                  const struct cyclecloud_result *result) {
    if (result->result == CYCLECLOUD_CAPACITY)
        remember_shortage(e, i);
    if (result->result == CYCLECLOUD_QUOTA)
        remember_quota(e, i, result);
    if (result->result == CYCLECLOUD_INVALID)
        doubt_security_group(e, i);
}

/* Part of it may have come: the listing decides about each node. */
static void part_refused(struct engine *e, struct intent *i,
                         const struct cyclecloud_result *result) {
    enum hold hold = hold_of(result->result);
    struct holding h = {hold, passes(hold) ? hold_until(e, hold) : 0, result->message};
    outcome_set_written(e, i);
    outcome_hold_nodes(e, i, &h);
    intents_close(e, i);
}

void outcome_refused(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    outcome_announce_failure(e, i, result);
    if (ending_refused(e, i, result))
        return;
    learn(e, i, result);
    bool accepted = i->state == INTENT_ACCEPTED;
    struct failing f = {result, i, i->kind == INTENT_RESIZE_SET || accepted};
    if (f.set_exists && i->set_id) {
        part_refused(e, i, result);
        return;
    }
    outcome_each_node(e, i, fail_node, &f);
    uint64_t cluster_id = i->cluster_id, set_id = i->set_id;
    bool creates = i->kind == INTENT_CREATE_SET;
    intents_close(e, i);
    if (creates)
        outcome_forget_set(e, cluster_id, set_id);
}

void outcome_operation_failed(struct engine *e, struct intent *i,
                              const struct cyclecloud_result *result) {
    static const bool makes[INTENT_KIND_MAX] = {
        [INTENT_CREATE_VM] = true, [INTENT_CREATE_SET] = true, [INTENT_RESIZE_SET] = true};
    if (makes[i->kind] || intent_deletes(i->kind) || intent_names_instances(i->kind)) {
        outcome_refused(e, i, result);
        return;
    }
    enum hold hold = hold_of(result->result);
    struct holding h = {hold, hold_until(e, hold), result->message};
    outcome_announce_failure(e, i, result);
    outcome_hold_nodes(e, i, &h);
    reopen(i, h.not_before);
}
