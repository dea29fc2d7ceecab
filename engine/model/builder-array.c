/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

static struct change array_change(const struct array_box *a, enum durability d) {
    return (struct change){OBJECT_ARRAY, d, false, false, a->array.cluster_id, a->array.id};
}

struct array_box *builder_own_array(struct builder *b, struct cluster_box *c, size_t at) {
    struct array_box *old = c->cluster.arrays.items[at];
    if (old->array.edit == b->edit.number)
        return old;
    if (object_list_own(&c->cluster.arrays, &c->arrays_edit, &b->edit) < 0)
        return NULL;
    struct array_box *copy = model_edit_alloc(&b->edit, BOX_ARRAY, sizeof(*copy));
    if (!copy)
        return NULL;
    array_box_copy(copy, old);
    copy->array.edit = b->edit.number;
    if (model_edit_drop(&b->edit, BOX_ARRAY, old) < 0)
        return NULL;
    c->cluster.arrays.items[at] = copy;
    return copy;
}

struct array *builder_array(struct builder *b, uint64_t cluster_id, uint64_t id,
                            enum durability d) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    size_t at = c ? model_find_array(&c->cluster, id) : FIND_NONE;
    struct array_box *a = at == FIND_NONE ? NULL : builder_own_array(b, c, at);
    if (!a || builder_note(b, &a->change, array_change(a, d)) < 0)
        return NULL;
    return &a->array;
}

struct array *builder_add_array(struct builder *b, uint64_t cluster_id, uint64_t id,
                                const char *name) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c || model_find_array(&c->cluster, id) != FIND_NONE)
        return NULL;
    struct array_box *a = model_edit_alloc(&b->edit, BOX_ARRAY, sizeof(*a));
    if (!a)
        return NULL;
    a->array.id = id;
    a->array.edit = b->edit.number;
    a->array.cluster_id = cluster_id;
    a->array.max_count_set = -1;
    a->array.name = str_new_c(name);
    if (!a->array.name || object_list_insert(&c->cluster.arrays, &c->arrays_edit, &b->edit,
                                             c->cluster.arrays.len, a) < 0)
        return NULL;
    struct change change = array_change(a, DURABLE);
    change.added = true;
    return builder_note(b, &a->change, change) < 0 ? NULL : &a->array;
}

int builder_drop_array(struct builder *b, struct array_box *a) {
    int r = model_edit_drop(&b->edit, BOX_TYPES, a->array.types);
    return r < 0 ? r : model_edit_drop(&b->edit, BOX_ARRAY, a);
}

/* The number of records of an array, as counted last. */
static uint64_t array_records(const struct array *a) {
    uint64_t n = 0;
    for (size_t i = 0; i < NODE_STATUS_MAX; i++)
        n += a->counts.by_status[i];
    return n;
}

static int remove_sets_of(struct builder *b, struct cluster_box *c, uint64_t array_id) {
    for (size_t i = c->cluster.sets.len; i-- > 0;) {
        const struct set *s = cluster_set(&c->cluster, i);
        if (s->array_id != array_id)
            continue;
        int r = builder_remove_set(b, c->cluster.id, s->id);
        if (r < 0)
            return r;
    }
    return 0;
}

int builder_remove_array(struct builder *b, uint64_t cluster_id, uint64_t id) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c)
        return snapshot_cluster(b->root, cluster_id) ? -ENOMEM : -ENOENT;
    size_t at = model_find_array(&c->cluster, id);
    if (at == FIND_NONE)
        return -ENOENT;
    struct array_box *a = builder_own_array(b, c, at);
    if (!a || builder_count(b) < 0 ||
        (array_records(&a->array) && builder_remove_nodes_of(b, c, id) < 0) ||
        remove_sets_of(b, c, id) < 0)
        return -ENOMEM;
    struct change change = array_change(a, DURABLE);
    change.removed = true;
    if (builder_note(b, &a->change, change) < 0 || builder_drop_array(b, a) < 0)
        return -ENOMEM;
    return object_list_remove(&c->cluster.arrays, &c->arrays_edit, &b->edit, at);
}

int builder_order_arrays(struct builder *b, uint64_t cluster_id, const uint64_t *ids, size_t n) {
    struct cluster_box *c = (struct cluster_box *)builder_cluster(b, cluster_id, DURABLE);
    if (!c)
        return snapshot_cluster(b->root, cluster_id) ? -ENOMEM : -ENOENT;
    struct object_list *l = &c->cluster.arrays;
    if (n != l->len)
        return -ENOENT;
    if (object_list_own(l, &c->arrays_edit, &b->edit) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t at = model_find_array(&c->cluster, ids[i]);
        if (at == FIND_NONE || at < i)
            return -ENOENT;
        void *moved = l->items[at];
        l->items[at] = l->items[i];
        l->items[i] = moved;
    }
    return 0;
}
