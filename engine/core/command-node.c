/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "volume.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Commands on nodes, and the verbs of `control`. */

static const struct node *target_node(struct engine *e, const struct command *c,
                                      struct error *err) {
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    const struct node *n = cluster ? cluster_node(cluster, c->node_id) : NULL;
    if (!n)
        err_kind(err, "not_found", "the node is gone");
    return n;
}

static int refuse_kept(const struct node *n, struct error *err) {
    return err_set(err, -EBUSY, "busy",
                   "node %s has keepalive: write 0 to its file `keepalive` first",
                   str_text(n->name));
}

static void next_generation(struct engine *e, uint64_t cluster_id) {
    struct cluster *c = edit_cluster(e, cluster_id);
    if (c)
        c->generation++;
    engine_dirty(e, cluster_id);
}

static int node_terminate(struct engine *e, const struct node *n, struct error *err) {
    if (n->keepalive)
        return refuse_kept(n, err);
    if (n->target != TARGET_TERMINATED)
        edit_node_terminate(e, n);
    return 0;
}

/* Azure deallocates no VM whose disk is in the host: it would be lost. */
static bool has_ephemeral_disk(struct engine *e, const struct node *n) {
    const struct array *a =
        cluster_array_by_id(snapshot_cluster(engine_state(e), n->cluster_id), n->array_id);
    return a && a->spec && a->spec->ephemeral_os_disk;
}

static int refuse_ephemeral(const struct node *n, struct error *err) {
    return err_set(
        err, -EBUSY, "busy",
        "node %s has an ephemeral OS disk (EphemeralOSDisk), and Azure cannot deallocate "
        "such a VM: terminate the node, or set EphemeralOSDisk = false",
        str_text(n->name));
}

static int node_deallocate(struct engine *e, const struct node *n, struct error *err) {
    if (n->keepalive)
        return refuse_kept(n, err);
    if (n->status == NODE_DEALLOCATED || n->target == TARGET_DEALLOCATED)
        return 0;
    if (n->status != NODE_READY && n->status != NODE_PREPARING && n->status != NODE_FAILED)
        return err_set(err, -EBUSY, "busy",
                       "node %s is %s: only a node with a running VM can be deallocated",
                       str_text(n->name), node_status_name(n->status));
    if (has_ephemeral_disk(e, n))
        return refuse_ephemeral(n, err);
    struct node *copy = edit_node(e, n);
    if (!copy)
        return -ENOMEM;
    copy->target = TARGET_DEALLOCATED;
    edit_node_status(e, copy, NODE_DEALLOCATING, PHASE_NONE);
    return 0;
}

static int node_start(struct engine *e, const struct node *n, struct error *err) {
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    uint64_t cluster_id = n->cluster_id, node_id = n->id;
    if (n->target == TARGET_STARTED) {
        node_retry(e, n);
        return 0;
    }
    if (n->status == NODE_TERMINATING || n->status == NODE_DEALLOCATING)
        return err_set(err, -EBUSY, "busy", "node %s is %s: wait until that has ended",
                       str_text(n->name), node_status_name(n->status));
    const struct array *a = cluster_array_by_id(c, n->array_id);
    int r = a ? limit_check_array(e, c, a, 0, err) : -ENOENT;
    if (r == 0 && c->target != TARGET_STARTED)
        r = cluster_start(e, c, err);
    n = cluster_node(snapshot_cluster(engine_state(e), cluster_id), node_id);
    struct node *copy = r == 0 ? edit_node(e, n) : NULL;
    if (!copy)
        return r < 0 ? r : -ENOMEM;
    copy->target = TARGET_STARTED;
    copy->retries = 0;
    edit_node_hold(e, copy, HOLD_NONE, 0, "");
    if (copy->status == NODE_OFF || copy->status == NODE_TERMINATED)
        edit_node_status(e, copy, NODE_ACQUIRING, PHASE_VALIDATE);
    return 0;
}

static int node_again(struct engine *e, const struct node *n, struct error *err) {
    (void)err;
    volumes_retry(e, n->cluster_id);
    struct node *copy = str_len(n->token_hash) ? edit_node(e, n) : NULL;
    if (copy)
        edit_text(e, &copy->token_hash, ""); /* a machine that lost its token may register again */
    node_retry(e, copy ? copy : n);
    return 0;
}

static int node_remove(struct engine *e, const struct node *n, struct error *err) {
    return node_terminate(e, n, err);
}

static int node_shutdown(struct engine *e, const struct node *n, struct error *err) {
    const struct array *a =
        cluster_array_by_id(snapshot_cluster(engine_state(e), n->cluster_id), n->array_id);
    bool keep = a && a->spec && a->spec->deallocate_on_shutdown;
    return keep ? node_deallocate(e, n, err) : node_terminate(e, n, err);
}

static const struct {
    const char *verb;
    int (*act)(struct engine *e, const struct node *n, struct error *err);
    bool wish; /* it changes what is wanted: sync waits for that */
} node_verbs[] = {
    {"start", node_start, true},         {"deallocate", node_deallocate, true},
    {"terminate", node_terminate, true}, {"shutdown", node_shutdown, true},
    {"remove", node_remove, true},       {"retry", node_again, true},
    {"console", console_ask, false},
};

static int cluster_again(struct engine *e, uint64_t cluster_id, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    struct id_vec ids = {0};
    uint64_t position = 0;
    int r = 0;
    for (const struct node *n; r == 0 && (n = cluster_next_node(c, &position));)
        if (!array_id || n->array_id == array_id)
            r = id_vec_append(&ids, n->id);
    for (size_t i = 0; i < ids.len && r == 0; i++)
        node_retry(e, cluster_node(snapshot_cluster(engine_state(e), cluster_id), ids.items[i]));
    id_vec_done(&ids);
    shortage_lift(e);
    quota_lift(e);
    volumes_retry(e, cluster_id);
    market_refresh(e);
    intents_hurry(e, cluster_id);
    return r;
}

static int cluster_verb(struct engine *e, const struct cluster *c, const char *verb,
                        struct error *err) {
    if (strcasecmp(verb, "start") == 0)
        return cluster_start(e, c, err);
    if (strcasecmp(verb, "retry") == 0)
        return cluster_again(e, c->id, 0);
    if (strcasecmp(verb, "terminate") == 0) {
        cluster_terminate(e, c);
        return 0;
    }
    return err_set(err, -EINVAL, "invalid_value",
                   "%s is no verb of a cluster: use start, terminate or retry", verb);
}

static int array_verb(struct engine *e, const struct command *c, struct error *err) {
    if (strcasecmp(c->name, "retry") == 0)
        return cluster_again(e, c->cluster_id, c->array_id);
    if (strcasecmp(c->name, "terminate") != 0)
        return err_set(err, -EINVAL, "invalid_value",
                       "%s is no verb of a nodearray: use terminate or retry", c->name);
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    struct id_vec ids = {0};
    uint64_t position = 0;
    int r = 0;
    for (const struct node *n; r == 0 && (n = cluster_next_node(cluster, &position));)
        if (n->array_id == c->array_id && n->target != TARGET_TERMINATED && !n->keepalive)
            r = id_vec_append(&ids, n->id);
    for (size_t i = 0; i < ids.len && r == 0; i++)
        edit_node_terminate(
            e, cluster_node(snapshot_cluster(engine_state(e), c->cluster_id), ids.items[i]));
    id_vec_done(&ids);
    return r;
}

static int node_verb(struct engine *e, const struct command *c, struct error *err) {
    const struct node *n = target_node(e, c, err);
    if (!n)
        return -ENOENT;
    for (size_t i = 0; i < ARRAY_SIZE(node_verbs); i++) {
        if (strcasecmp(node_verbs[i].verb, c->name) != 0)
            continue;
        int r = node_verbs[i].act(e, n, err);
        if (r == 0 && node_verbs[i].wish)
            next_generation(e, c->cluster_id);
        return r;
    }
    return err_set(err, -EINVAL, "invalid_value",
                   "%s is no verb of a node: use start, deallocate, terminate, shutdown, remove, "
                   "retry or console",
                   c->name);
}

int apply_control(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    if (c->item_id)
        return volume_by_id(engine_state(e), c->item_id) ? volume_control(e, c, err)
                                                         : orphan_control(e, c, err);
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    if (!cluster)
        return err_kind(err, "not_found", "the cluster is gone");
    int r = c->node_id    ? node_verb(e, c, err)
            : c->array_id ? array_verb(e, c, err)
                          : cluster_verb(e, cluster, c->name, err);
    if (r == 0 && !c->node_id && c->array_id)
        next_generation(e, c->cluster_id);
    engine_dirty(e, c->cluster_id);
    return r;
}

int apply_set_target(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    static int (*const acts[TARGET_MAX])(struct engine *, const struct node *, struct error *) = {
        [TARGET_TERMINATED] = node_terminate,
        [TARGET_STARTED] = node_start,
        [TARGET_DEALLOCATED] = node_deallocate,
    };
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    if (!cluster)
        return err_kind(err, "not_found", "the cluster is gone");
    if (c->node_id) {
        const struct node *n = target_node(e, c, err);
        int r = n ? acts[c->target](e, n, err) : -ENOENT;
        if (r == 0)
            next_generation(e, c->cluster_id);
        return r;
    }
    if (c->target == TARGET_STARTED)
        return cluster_start(e, cluster, err);
    if (c->target == TARGET_DEALLOCATED)
        return err_set(err, -EINVAL, "invalid_value",
                       "a cluster is started or terminated; deallocated is for nodes: write it to "
                       "nodes/NODE/state");
    cluster_terminate(e, cluster);
    return 0;
}

int apply_set_keepalive(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct node *n = target_node(e, c, err);
    if (!n)
        return -ENOENT;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return -ENOMEM;
    copy->keepalive = c->flag;
    return 0;
}

/* The array whose names look like this one: NAME or NAME-..., the longest that fits. */
static const struct array *array_for_name(const struct cluster *c, const char *name) {
    const struct array *best = NULL;
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        size_t len = str_len(a->name);
        bool fits = a->is_array && !a->gone && strncmp(name, str_text(a->name), len) == 0 &&
                    (name[len] == '-' || name[len] == '\0');
        if (fits && (!best || len > str_len(best->name)))
            best = a;
    }
    return best;
}

/* tar, rsync and cp make directories, too: what was copied must not start a cluster. */
static int refuse_in_stopped(const struct cluster *c, struct error *err) {
    return err_set(err, -EBUSY, "busy",
                   "the cluster is %s: write `started` to its file `state`, or a number to "
                   "nodes/count, before you make a node by name",
                   cluster_state_file(c->state));
}

int apply_create_node(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    engine_count(e);
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    if (!cluster)
        return err_kind(err, "not_found", "the cluster is gone");
    if (cluster_node_named(cluster, c->name))
        return err_set(err, -EEXIST, "exists", "a node named %s exists", c->name);
    const struct array *a = array_for_name(cluster, c->name);
    if (!a)
        return err_set(
            err, -EINVAL, "invalid_value",
            "no nodearray fits the name %s: name it ARRAY-SOMETHING, for example after `ls arrays`",
            c->name);
    int r = limit_check_array(e, cluster, a, 1, err);
    if (r == 0 && cluster->target != TARGET_STARTED)
        return refuse_in_stopped(cluster, err);
    if (r < 0)
        return r;
    bool keepalive = a->spec->keepalive;
    struct node *n = edit_add_node(e, cluster, a, c->name);
    if (!n)
        return -ENOMEM;
    n->target = TARGET_STARTED;
    n->keepalive = keepalive;
    edit_node_status(e, n, NODE_ACQUIRING, PHASE_VALIDATE);
    *ret_id = n->id;
    journal_event(e, EVENT_NODE_ADDED, snapshot_cluster(engine_state(e), c->cluster_id), n,
                  "added");
    next_generation(e, c->cluster_id);
    return 0;
}

int apply_remove_node(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct node *n = target_node(e, c, err);
    int r = n ? node_terminate(e, n, err) : -ENOENT;
    if (r == 0)
        next_generation(e, c->cluster_id);
    return r;
}

int apply_library_changed(struct engine *e, struct command *c, struct error *err,
                          uint64_t *ret_id) {
    (void)err;
    (void)ret_id;
    journal_event(e, EVENT_SERVER, NULL, NULL, "changed: %s", c->name);
    return 0;
}
