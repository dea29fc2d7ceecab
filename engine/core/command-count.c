/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Counts: what a write means for each array, and which nodes come and go. */

#define CHANGES_MAX LIMIT_ARRAYS_PER_CLUSTER

/* --- which nodes ------------------------------------------------------------------------------ */

/* The next free name of an array's nodes: ARRAY-NUMBER. 0 or -ENOMEM. */
static int next_name(const struct cluster *c, struct array *a, struct buf *name) {
    int r;
    do {
        buf_clear(name);
        r = buf_printf(name, "%s-%u", str_text(a->name), a->next_number++);
    } while (r == 0 && cluster_node_named(c, name->data));
    return r;
}

static int add_node(struct engine *e, uint64_t cluster_id, struct array *a) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    _cleanup_buf_ struct buf name = BUF_INIT(128);
    int r = next_name(c, a, &name);
    struct node *made = r == 0 ? edit_add_node(e, c, a, name.data) : NULL;
    if (!made)
        return -ENOMEM;
    made->target = TARGET_STARTED;
    made->elastic = true;
    made->keepalive = a->spec->keepalive;
    edit_node_status(e, made, NODE_ACQUIRING, PHASE_VALIDATE);
    return 0;
}

int count_add_nodes(struct engine *e, const struct cluster *c, const struct array *a, int64_t n) {
    uint64_t cluster_id = c->id, array_id = a->id;
    struct array *array = builder_array(e->builder, cluster_id, array_id, DURABLE);
    int r = array ? 0 : -ENOMEM;
    for (int64_t i = 0; i < n && r == 0 && !e->failed; i++)
        r = add_node(e, cluster_id, array);
    if (r < 0)
        return r;
    c = snapshot_cluster(engine_state(e), cluster_id);
    journal_event(e, EVENT_CLUSTER_SIZE_INCREASED, c, NULL, "%s: %" PRId64 " node%s added",
                  str_text(array->name), n, n == 1 ? "" : "s");
    engine_dirty(e, cluster_id);
    return e->failed;
}

/* The nodes that `n` fewer are to cost: failed, not acquired, not yet ready, ready; of each the
   newest first, and none that is to be kept. 0 or -ENOMEM. */
static int choose_dropped(const struct cluster *c, const struct array *a, int64_t n,
                          struct id_vec *ids) {
    int r = 0;
    for (enum node_list list = NODES_FAILED; list < NODES_LEAVING; list++) {
        uint64_t position = UINT64_MAX;
        const struct node *at;
        while (r == 0 && (int64_t)ids->len < n &&
               (at = cluster_previous_listed(c, a->id, list, &position)))
            if (!at->keepalive)
                r = id_vec_append(ids, at->id);
    }
    return r;
}

static int drop_nodes(struct engine *e, const struct cluster *c, const struct array *a, int64_t n) {
    uint64_t cluster_id = c->id;
    struct id_vec ids = {0};
    int r = choose_dropped(c, a, n, &ids);
    journal_event(e, EVENT_CLUSTER_CHANGED, c, NULL, "%s: %" PRId64 " node%s to be removed",
                  str_text(a->name), n, n == 1 ? "" : "s");
    for (size_t i = 0; r == 0 && i < ids.len; i++)
        edit_node_terminate(
            e, cluster_node(snapshot_cluster(engine_state(e), cluster_id), ids.items[i]));
    id_vec_done(&ids);
    engine_dirty(e, cluster_id);
    return r;
}

void node_retry(struct engine *e, const struct node *n) {
    if (n->target == TARGET_TERMINATED || (n->hold == HOLD_NONE && n->status != NODE_FAILED))
        return;
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    copy->retries = 0;
    edit_node_hold(e, copy, HOLD_NONE, 0, "");
    if (copy->status != NODE_FAILED)
        return;
    if (copy->set_id) {
        edit_node_unbind(e, copy); /* its VM becomes surplus and is deleted */
        struct work *w = engine_work(e, copy->cluster_id);
        for (size_t i = 0; w && i < w->sets.len; i++)
            w->sets.items[i].list_at = engine_now(e);
        return;
    }
    if (str_len(copy->resource_id))
        edit_text(e, &copy->resource_id, NODE_VM_FAILED);
    edit_node_status(e, copy, NODE_ACQUIRING, PHASE_VALIDATE);
}

static void retry_array(struct engine *e, uint64_t cluster_id, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    struct id_vec ids = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, array_id, NODES_TROUBLED, &position));)
        if (id_vec_append(&ids, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < ids.len; i++)
        node_retry(e, cluster_node(snapshot_cluster(engine_state(e), cluster_id), ids.items[i]));
    id_vec_done(&ids);
}

/* --- the command ------------------------------------------------------------------------------ */

struct goal {
    uint64_t array_id;
    int64_t now, wanted;
};

struct goals {
    struct goal items[CHANGES_MAX];
    size_t len;
};

static int refuse_unnamed(const struct cluster *c, struct error *err) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    size_t n = 0;
    const char *example = "";
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->is_array || a->gone)
            continue;
        buf_printf(&b, "%s%s", n++ ? ", " : "", str_text(a->name));
        example = n == 1 ? str_text(a->name) : example;
    }
    if (!n)
        return err_set(
            err, -EINVAL, "invalid_value",
            "the cluster has no nodearray: write a template with one to its file `template` first");
    return err_set(err, -EINVAL, "ambiguous",
                   "the cluster has %zu nodearrays (%s): name one, for example %s=10", n, b.data,
                   example);
}

static const struct array *only_array(const struct cluster *c) {
    const struct array *only = NULL;
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->is_array || a->gone)
            continue;
        if (only)
            return NULL;
        only = a;
    }
    return only;
}

static int refuse_unknown(const struct cluster *c, const char *name, struct error *err) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    for (size_t i = 0; i < c->arrays.len; i++)
        if (cluster_array(c, i)->is_array && !cluster_array(c, i)->gone)
            buf_printf(&b, "%s%s", b.len ? ", " : "", str_text(cluster_array(c, i)->name));
    return err_set(err, -EINVAL, "invalid_value", "the cluster has no nodearray %s; it has %s",
                   name, b.len ? b.data : "none");
}

static int find_array(const struct cluster *c, const struct command *command,
                      const struct count_change *change, struct error *err,
                      const struct array **ret) {
    const struct array *a = NULL;
    if (change->array) {
        a = cluster_array_named(c, change->array);
        if (!a || !a->is_array || a->gone)
            return refuse_unknown(c, change->array, err);
    } else if (command->array_id) {
        a = cluster_array_by_id(c, command->array_id);
        if (!a || !a->is_array)
            return err_set(err, -EINVAL, "invalid_value",
                           "it is a single node: write `started` to its state instead");
    } else {
        a = only_array(c);
        if (!a)
            return refuse_unnamed(c, err);
    }
    *ret = a;
    return 0;
}

static struct goal *goal_of(struct goals *g, const struct array *a) {
    for (size_t i = 0; i < g->len; i++)
        if (g->items[i].array_id == a->id)
            return &g->items[i];
    if (g->len == CHANGES_MAX)
        return NULL;
    g->items[g->len] = (struct goal){a->id, a->counts.wanted, a->counts.wanted};
    return &g->items[g->len++];
}

static int read_goals(const struct cluster *c, const struct command *command, struct goals *g,
                      struct error *err) {
    for (size_t i = 0; i < command->n_counts; i++) {
        const struct count_change *change = &command->counts[i];
        const struct array *a = NULL;
        int r = find_array(c, command, change, err, &a);
        if (r < 0)
            return r;
        struct goal *goal = goal_of(g, a);
        if (!goal)
            return err_set(err, -EINVAL, "invalid_value", "too many nodearrays in one write");
        int64_t value = change->value;
        goal->wanted = change->sign == COUNT_ADD        ? goal->wanted + value
                       : change->sign == COUNT_SUBTRACT ? goal->wanted - value
                                                        : value;
        if (goal->wanted < 0)
            return err_set(err, -ERANGE, "out_of_range",
                           "%s would have %" PRId64 " nodes; it has %" PRId64 ": write 0 or more",
                           str_text(a->name), goal->wanted, goal->now);
    }
    return 0;
}

static int check_kept(const struct array *a, int64_t dropped, struct error *err) {
    int64_t kept = a->counts.kept;
    if ((int64_t)a->counts.wanted - dropped >= kept)
        return 0;
    return err_set(err, -EBUSY, "busy",
                   "%" PRId64
                   " nodes of %s have keepalive: write 0 to their file `keepalive` first",
                   kept, str_text(a->name));
}

static int refuse_gone(const struct array *a, struct error *err) {
    return err_set(err, -EINVAL, "invalid_value",
                   "nodearray %s is no longer in the template: it can only shrink",
                   str_text(a->name));
}

static int check_goals(struct engine *e, const struct cluster *c, const struct goals *g,
                       struct error *err) {
    _cleanup_(limits_close) struct limits l = {0};
    int r = limits_open(e, c, &l, err);
    for (size_t i = 0; r == 0 && i < g->len; i++) {
        const struct goal *goal = &g->items[i];
        const struct array *a = cluster_array_by_id(c, goal->array_id);
        int64_t added = goal->wanted - goal->now;
        if (added > 0 && a->gone)
            r = refuse_gone(a, err);
        else
            r = added >= 0 ? limits_check(&l, a, added, err) : check_kept(a, -added, err);
    }
    return r;
}

static bool wants_nodes(const struct goals *g) {
    for (size_t i = 0; i < g->len; i++)
        if (g->items[i].wanted > 0)
            return true;
    return false;
}

static int reach_goals(struct engine *e, uint64_t cluster_id, const struct goals *g) {
    int r = 0;
    for (size_t i = 0; i < g->len && r == 0; i++) {
        const struct goal *goal = &g->items[i];
        const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
        const struct array *a = cluster_array_by_id(c, goal->array_id);
        int64_t added =
            goal->wanted - (int64_t)a->counts.wanted; /* the start may have added some */
        retry_array(e, cluster_id, a->id);
        c = snapshot_cluster(engine_state(e), cluster_id);
        a = cluster_array_by_id(c, goal->array_id);
        if (added > 0)
            r = count_add_nodes(e, c, a, added);
        else if (added < 0)
            r = drop_nodes(e, c, a, -added);
    }
    return r;
}

int apply_set_count(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    engine_count(e);
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    if (!cluster)
        return err_kind(err, "not_found", "the cluster is gone");
    struct goals g = {.len = 0};
    int r = read_goals(cluster, c, &g, err);
    if (r < 0)
        return r;
    bool start = cluster->target != TARGET_STARTED && wants_nodes(&g);
    if (start && cluster->missing)
        return cluster_start(e, cluster, err); /* says what is missing */
    r = check_goals(e, cluster, &g, err);
    if (r == 0 && start)
        r = cluster_start(e, cluster, err);
    if (r < 0)
        return r;
    engine_count(e);
    if (!start) {
        struct cluster *copy = edit_cluster(e, c->cluster_id);
        if (!copy)
            return -ENOMEM;
        copy->generation++;
    }
    return reach_goals(e, c->cluster_id, &g);
}

int apply_set_max_count(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    const struct array *a = cluster ? cluster_array_by_id(cluster, c->array_id) : NULL;
    if (!a)
        return err_kind(err, "not_found", "the nodearray is gone");
    if (c->number < -1)
        return err_set(err, -ERANGE, "out_of_range",
                       "max_count is 0 or more, or -1 for what the template says");
    struct array *copy = builder_array(e->builder, c->cluster_id, c->array_id, DURABLE);
    if (!copy)
        return -ENOMEM;
    copy->max_count_set = c->number;
    return 0;
}
