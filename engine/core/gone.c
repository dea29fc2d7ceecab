/* SPDX-License-Identifier: MIT */
#include "kept.h"

/*
 * Arrays and standalone nodes that the template no longer has. Their nodes run until they are
 * terminated and are never made again; the record goes with the last of them, and what the template
 * has under the same name meanwhile comes then.
 */

static bool has_set(const struct cluster *c, uint64_t array_id) {
    for (size_t i = 0; i < c->sets.len; i++)
        if (cluster_set(c, i)->array_id == array_id)
            return true;
    return false;
}

static bool is_over(const struct node *n) {
    return n->fixed && n->status == NODE_OFF && !n->intent_id;
}

/* Forgets the records that are off; whether any are left. */
static bool drop_heads(struct engine *e, uint64_t cluster_id, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    uint64_t position = 0;
    bool left = false;
    for (const struct node *n; (n = cluster_next_node(c, &position));) {
        if (n->array_id != array_id)
            continue;
        if (is_over(n))
            edit_node_forget(e, n);
        else
            left = true;
    }
    return left;
}

bool gone_is_over(struct engine *e, uint64_t cluster_id, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    return !has_set(c, array_id) && !drop_heads(e, cluster_id, array_id);
}

static void settle_array(struct engine *e, struct work *w, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), w->cluster_id);
    const struct array *a = cluster_array_by_id(c, array_id);
    bool replaced = a->replaced;
    if ((a->is_array && !array_is_empty(a)) || !gone_is_over(e, w->cluster_id, array_id))
        return;
    w->late_due = w->late_due || replaced;
    if (builder_remove_array(e->builder, w->cluster_id, array_id) < 0)
        engine_fail(e, -ENOMEM);
    engine_dirty(e, w->cluster_id);
}

void gone_settle(struct engine *e, struct work *w) {
    const struct cluster *c = snapshot_cluster(engine_state(e), w->cluster_id);
    struct id_vec ids = {0};
    for (size_t i = 0; c && i < c->arrays.len; i++)
        if (cluster_array(c, i)->gone && id_vec_append(&ids, cluster_array(c, i)->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < ids.len; i++)
        settle_array(e, w, ids.items[i]);
    id_vec_done(&ids);
}
