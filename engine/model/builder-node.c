/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

static struct change node_change(const struct node_box *n, enum durability d) {
    return (struct change){OBJECT_NODE, d, false, false, n->node.cluster_id, n->node.id};
}

/* Room for a node in the lists of those to be counted. */
static int reserve_lists(struct builder *b) {
    size_t missing = b->nodes.len + 1 - b->recounts.len;
    if (node_box_vec_reserve(&b->nodes, 1) < 0 || node_box_vec_reserve(&b->recounts, missing) < 0)
        return -ENOMEM;
    return 0;
}

/* A new writable box; counts of the cluster can be written from now on. NULL: no memory. */
static struct node_box *node_box_new(struct builder *b, struct cluster_box *c) {
    if (builder_prepare_counts(b, c) < 0 || reserve_lists(b) < 0 ||
        node_table_own(&c->cluster.nodes, &b->edit) < 0)
        return NULL;
    return model_edit_alloc(&b->edit, BOX_NODE, sizeof(struct node_box));
}

static void adopt(struct builder *b, struct cluster_box *c, struct node_box *n) {
    n->node.edit = b->edit.number;
    n->owner = c;
    (void)node_box_vec_append(&b->nodes, n); /* room was reserved */
}

static void ask_recount(struct builder *b, struct node_box *n) {
    if (n->recount)
        return;
    n->recount = true;
    (void)node_box_vec_append(&b->recounts, n); /* room was reserved */
}

static struct node_box *copy_node(struct builder *b, struct cluster_box *c, struct node_box *old) {
    struct node_box *copy = node_box_new(b, c);
    if (!copy)
        return NULL;
    node_box_copy(copy, old);
    adopt(b, c, copy);
    if (node_table_replace(c->cluster.nodes, &b->edit, copy) < 0 ||
        model_edit_drop(&b->edit, BOX_NODE, old) < 0)
        return NULL;
    return copy;
}

struct node *builder_node(struct builder *b, uint64_t cluster_id, uint64_t id, enum durability d) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    struct node_box *n = c ? node_table_get(c->cluster.nodes, id) : NULL;
    if (n && n->node.edit != b->edit.number)
        n = copy_node(b, c, n);
    if (!n || builder_note(b, &n->change, node_change(n, d)) < 0)
        return NULL;
    ask_recount(b, n);
    return &n->node;
}

struct node *builder_add_node(struct builder *b, uint64_t cluster_id, uint64_t id,
                              const char *name) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c || node_table_get(c->cluster.nodes, id))
        return NULL;
    struct node_box *n = node_box_new(b, c);
    if (!n)
        return NULL;
    n->node.id = id;
    n->node.cluster_id = cluster_id;
    n->node.name = str_new_c(name);
    if (!n->node.name)
        return NULL;
    adopt(b, c, n);
    struct change change = node_change(n, DURABLE);
    change.added = true;
    if (node_table_add(c->cluster.nodes, &b->edit, n) < 0 ||
        builder_note(b, &n->change, change) < 0)
        return NULL;
    c->cluster.nodes_at = b->now;
    ask_recount(b, n);
    return &n->node;
}

int builder_forget_node(struct builder *b, struct node_box *n) {
    uint32_t none = 0;
    struct change change = node_change(n, DURABLE);
    change.removed = true;
    bool own = n->node.edit == b->edit.number;
    if (builder_note(b, own ? &n->change : &none, change) < 0)
        return -ENOMEM;
    if (own)
        n->removed = true;
    return model_edit_drop(&b->edit, BOX_NODE, n);
}

static int remove_node(struct builder *b, struct cluster_box *c, struct node_box *n) {
    if (builder_prepare_counts(b, c) < 0 || node_table_own(&c->cluster.nodes, &b->edit) < 0)
        return -ENOMEM;
    int r = builder_uncount_node(b, c, n);
    if (r == 0)
        r = node_table_remove(c->cluster.nodes, &b->edit, n);
    if (r < 0)
        return r;
    c->cluster.nodes_at = b->now;
    return builder_forget_node(b, n);
}

int builder_remove_node(struct builder *b, uint64_t cluster_id, uint64_t id) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c)
        return snapshot_cluster(b->root, cluster_id) ? -ENOMEM : -ENOENT;
    struct node_box *n = node_table_get(c->cluster.nodes, id);
    return n ? remove_node(b, c, n) : -ENOENT;
}

int builder_remove_nodes_of(struct builder *b, struct cluster_box *c, uint64_t array_id) {
    struct node_box *n;
    for (uint64_t id = 0; (n = node_table_at_or_after(c->cluster.nodes, id)); id++) {
        id = n->node.id;
        if (n->node.array_id != array_id)
            continue;
        int r = remove_node(b, c, n);
        if (r < 0)
            return r;
    }
    return 0;
}
