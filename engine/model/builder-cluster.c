/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

#include <string.h>

static struct change cluster_change(const struct cluster_box *c, enum durability d) {
    return (struct change){OBJECT_CLUSTER, d, false, false, c->cluster.id, c->cluster.id};
}

static struct cluster_box *copy_cluster(struct builder *b, size_t at) {
    struct cluster_box *old = b->root->clusters.items[at];
    if (object_list_own(&b->root->clusters, &b->clusters_edit, &b->edit) < 0)
        return NULL;
    struct cluster_box *copy = model_edit_alloc(&b->edit, BOX_CLUSTER, sizeof(*copy));
    if (!copy)
        return NULL;
    cluster_box_copy(copy, old);
    copy->cluster.edit = b->edit.number;
    if (model_edit_drop(&b->edit, BOX_CLUSTER, old) < 0)
        return NULL;
    b->root->clusters.items[at] = copy;
    return copy;
}

struct cluster_box *builder_own_cluster(struct builder *b, uint64_t id) {
    if (b->recent && b->recent->cluster.id == id)
        return b->recent;
    size_t at = model_find_cluster(b->root, id);
    if (at == FIND_NONE)
        return NULL;
    struct cluster_box *c = b->root->clusters.items[at];
    if (c->cluster.edit != b->edit.number)
        c = copy_cluster(b, at);
    if (c)
        b->recent = c;
    return c;
}

struct cluster *builder_cluster(struct builder *b, uint64_t id, enum durability d) {
    struct cluster_box *c = builder_own_cluster(b, id);
    if (!c || builder_note(b, &c->change, cluster_change(c, d)) < 0)
        return NULL;
    return &c->cluster;
}

static int insert_cluster(struct builder *b, struct cluster_box *c) {
    size_t at = model_find_cluster_place(b->root, str_text(c->cluster.name));
    b->root->clusters_at = b->now;
    return object_list_insert(&b->root->clusters, &b->clusters_edit, &b->edit, at, c);
}

struct cluster *builder_add_cluster(struct builder *b, uint64_t id, const char *name) {
    if (snapshot_cluster_named(b->root, name) || snapshot_cluster(b->root, id))
        return NULL;
    struct cluster_box *c = model_edit_alloc(&b->edit, BOX_CLUSTER, sizeof(*c));
    if (!c)
        return NULL;
    c->cluster.id = id;
    c->cluster.edit = b->edit.number;
    c->cluster.nodes_at = b->now;
    c->cluster.max_count = c->cluster.max_core_count = -1;
    c->cluster.name = str_new_c(name);
    c->cluster.nodes = node_table_new(&b->edit);
    if (!c->cluster.name || !c->cluster.nodes || insert_cluster(b, c) < 0)
        return NULL;
    struct change change = cluster_change(c, DURABLE);
    change.added = true;
    return builder_note(b, &c->change, change) < 0 ? NULL : &c->cluster;
}

int builder_rename_cluster(struct builder *b, uint64_t id, const char *name) {
    struct object_list *l = &b->root->clusters;
    size_t at = model_find_cluster(b->root, id);
    if (at == FIND_NONE)
        return -ENOENT;
    const struct cluster *other = snapshot_cluster_named(b->root, name);
    if (other)
        return other->id == id ? 0 : -EEXIST;
    struct cluster *c = builder_cluster(b, id, DURABLE);
    if (!c || str_set(&c->name, name) < 0)
        return -ENOMEM;
    int r = object_list_remove(l, &b->clusters_edit, &b->edit, at);
    return r < 0 ? r : insert_cluster(b, (struct cluster_box *)c);
}

/* Takes a cluster's arrays, sets and nodes out of use, each with its note. */
static int forget_members(struct builder *b, struct cluster *c) {
    uint64_t position = 0;
    const struct node *n;
    while ((n = cluster_next_node(c, &position))) {
        int r = builder_forget_node(b, (struct node_box *)n);
        if (r < 0)
            return r;
    }
    while (c->sets.len) {
        int r = builder_remove_set(b, c->id, cluster_set(c, c->sets.len - 1)->id);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < c->arrays.len; i++) {
        struct array_box *a = c->arrays.items[i];
        uint32_t none = 0;
        struct change change = {OBJECT_ARRAY, DURABLE, false, true, c->id, a->array.id};
        bool own = a->array.edit == b->edit.number;
        if (builder_note(b, own ? &a->change : &none, change) < 0 || builder_drop_array(b, a) < 0)
            return -ENOMEM;
    }
    return node_table_drop(c->nodes, &b->edit);
}

int builder_remove_cluster(struct builder *b, uint64_t id) {
    size_t at = model_find_cluster(b->root, id);
    if (at == FIND_NONE)
        return -ENOENT;
    struct cluster_box *c = builder_own_cluster(b, id);
    if (!c || forget_members(b, &c->cluster) < 0)
        return -ENOMEM;
    struct change change = cluster_change(c, DURABLE);
    change.removed = true;
    if (builder_note(b, &c->change, change) < 0 ||
        model_edit_drop(&b->edit, BOX_PLAIN, c->cluster.arrays.items) < 0 ||
        model_edit_drop(&b->edit, BOX_PLAIN, c->cluster.sets.items) < 0 ||
        model_edit_drop(&b->edit, BOX_CLUSTER, c) < 0)
        return -ENOMEM;
    b->recent = NULL;
    b->root->clusters_at = b->now;
    return object_list_remove(&b->root->clusters, &b->clusters_edit, &b->edit, at);
}
