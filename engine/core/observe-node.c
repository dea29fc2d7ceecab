/* SPDX-License-Identifier: MIT */
#include "observe.h"

#include "console.h"

#include <string.h>
#include <strings.h>

/* One instance of a listing -> its node. */

bool instance_failed(const struct cyclecloud_instance *in) {
    return strcasecmp(in->provisioning_state, "Failed") == 0;
}

bool instance_deleting(const struct cyclecloud_instance *in) {
    return strcasecmp(in->provisioning_state, "Deleting") == 0;
}

bool instances_creating(const struct cyclecloud_result *result) {
    for (size_t i = 0; i < result->n_instances; i++)
        if (strcasecmp(result->instances[i].provisioning_state, "Creating") == 0)
            return true;
    return false;
}

bool capacity_code(const char *code) {
    static const char *const codes[] = {"AllocationFailed", "ZonalAllocationFailed",
                                        "OverconstrainedAllocationRequest",
                                        "OverconstrainedZonalAllocationRequest", "SkuNotAvailable"};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strcasestr(code, codes[i]))
            return true;
    return false;
}

void observe_lost(struct engine *e, const struct node *n, const char *why, bool capacity) {
    const struct cluster *c = observed_cluster(e, n->cluster_id);
    journal_event(e, EVENT_NODE_CHANGED, c, n, "VM lost: %s", why);
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    bool ends = copy->target == TARGET_DEALLOCATED || (!copy->elastic && !copy->fixed);
    if (ends) {
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

const char *observe_vanished(const struct node *n) {
    return n->spot ? "SpotEvicted: the cloud has taken the spot VM back"
                   : "VMDisappeared: the VM was deleted, and not by this server";
}

static uint32_t cores_of(struct engine *e, const struct node *n) {
    const struct cluster *c = observed_cluster(e, n->cluster_id);
    const struct array *a = cluster_array_by_id(c, n->array_id);
    const struct machine_type *t =
        a && a->spec ? snapshot_machine_type(engine_state(e), str_text(a->spec->account),
                                             str_text(a->spec->region), str_text(n->machine_type))
                     : NULL;
    return t ? t->vcpus : 0;
}

/* What a listing tells that the node's record does not say yet. */
enum news {
    NEWS_NONE,
    NEWS_CREATING,
    NEWS_RUNNING,
    NEWS_DEALLOCATED,
    NEWS_STOPPED, /* by somebody else: stopped or deallocated, while it is wanted */
};

/* A listing may be older than a start that has just ended. */
#define POWER_SETTLES (2 * USEC_MIN)

bool observe_is_down(const struct cyclecloud_instance *in) {
    return strcasecmp(in->power_state, "stopped") == 0 ||
           strcasecmp(in->power_state, "deallocated") == 0;
}

bool observe_should_run(const struct node *n, usec_t now) {
    return n->target == TARGET_STARTED &&
           (n->status == NODE_READY ||
            (n->status == NODE_PREPARING && usec_sub(now, n->status_at) > POWER_SETTLES));
}

/* It was on its way up, and is there. */
static bool came_up(const struct node *n, const struct cyclecloud_instance *in) {
    return n->target == TARGET_STARTED && !observe_is_down(in) &&
           (n->status == NODE_ACQUIRING || n->status == NODE_DEALLOCATED);
}

static enum news news_of(const struct node *n, const struct cyclecloud_instance *in, usec_t now) {
    bool up = strcasecmp(in->provisioning_state, "Succeeded") == 0;
    bool deallocated = strcasecmp(in->power_state, "deallocated") == 0;
    if (observe_is_down(in) && observe_should_run(n, now))
        return NEWS_STOPPED;
    if (deallocated && n->status == NODE_DEALLOCATING)
        return NEWS_DEALLOCATED;
    if (up)
        return came_up(n, in) ? NEWS_RUNNING : NEWS_NONE;
    return n->status == NODE_ACQUIRING && n->phase != PHASE_CREATE_VM ? NEWS_CREATING : NEWS_NONE;
}

static void copy_identity(struct engine *e, struct node *n, const struct cyclecloud_instance *in) {
    edit_text(e, &n->resource_id, in->resource_id);
    edit_text(e, &n->instance_id, in->instance_id);
    edit_text(e, &n->vm_id, in->vm_id);
    edit_text(e, &n->zone, in->zone);
    edit_text(e, &n->machine_type, in->machine_type);
    if (!n->cores)
        n->cores = cores_of(e, n);
}

/* It is started again; a VM that is stopped but not deallocated is paid for all the while. */
static void stopped_by_others(struct engine *e, const struct cluster *c, struct node *n,
                              const struct cyclecloud_instance *in) {
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    (void)buf_printf(&words, "the VM is %s, and not by this server: it is started again",
                     in->power_state);
    if (strcasecmp(in->power_state, "deallocated") == 0) {
        usage_end(e, n);
        n->billed_at = 0;
    }
    edit_node_status(e, n, NODE_DEALLOCATED, PHASE_NONE);
    edit_node_hold(e, n, HOLD_NONE, 0, words.data);
    journal_event(e, EVENT_NODE_DEALLOCATED, c, n, "%s", words.data);
}

/* False for nodes whose template says that nothing is installed, or that nobody waits for it. */
static bool awaits_installation(const struct cluster *c, const struct node *n) {
    const struct array *a = cluster_array_by_id(c, n->array_id);
    return !a || !a->spec || (a->spec->await_installation && a->spec->install_agent);
}

void observe_refresh(struct engine *e, const struct node *n, const struct cyclecloud_instance *in) {
    enum news news = news_of(n, in, engine_now(e));
    if (news == NEWS_NONE && str_equal(n->resource_id, in->resource_id))
        return;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    copy_identity(e, copy, in);
    const struct cluster *c = observed_cluster(e, n->cluster_id);
    switch (news) {
    case NEWS_NONE:
        break;
    case NEWS_CREATING:
        edit_node_status(e, copy, NODE_ACQUIRING, PHASE_CREATE_VM);
        break;
    case NEWS_RUNNING:
        edit_node_status(e, copy, NODE_PREPARING, PHASE_AWAIT_BOOT);
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        journal_event(e, EVENT_NODE_CREATED, c, copy, "VM created (%s)",
                      str_text(copy->machine_type));
        if (!awaits_installation(c, copy))
            node_is_ready(e, copy);
        break;
    case NEWS_DEALLOCATED:
        usage_end(e, copy);
        copy->billed_at = 0;
        edit_node_status(e, copy, NODE_DEALLOCATED, PHASE_NONE);
        journal_event(e, EVENT_NODE_DEALLOCATED, c, copy, "deallocated");
        break;
    case NEWS_STOPPED:
        stopped_by_others(e, c, copy, in);
        break;
    }
}

/* A head is shown as failed and left to a person; the VM may hold what no other has. */
static void head_failed(struct engine *e, const struct node *n, const char *why) {
    if (n->status == NODE_FAILED)
        return;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    edit_node_status(e, copy, NODE_FAILED, PHASE_NONE);
    edit_node_hold(e, copy, HOLD_RETRIES, 0, why);
}

/* A node whose record goes with its VM has no place to keep a console; a VM that could not be had
 * has written none. */
static bool is_kept_for_console(struct engine *e, const struct node *n,
                                const struct cyclecloud_instance *in) {
    bool may_tell = (n->elastic || n->fixed) && !capacity_code(in->error_code);
    return may_tell && n->status != NODE_FAILED && console_comes_first(e, n);
}

bool observe_node(struct engine *e, const struct node *n, const struct cyclecloud_instance *in) {
    uint64_t cluster_id = n->cluster_id, node_id = n->id;
    bool given_up = instance_failed(in) && n->target == TARGET_STARTED && !n->intent_id;
    if (!given_up || is_kept_for_console(e, n, in)) {
        observe_refresh(e, cluster_node(observed_cluster(e, cluster_id), node_id), in);
        return true;
    }
    _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    buf_printf(&why, "%s: %s", in->error_code, in->error_message);
    if (n->fixed)
        head_failed(e, n, why.data);
    else
        observe_lost(e, n, why.data, capacity_code(in->error_code));
    return false;
}
