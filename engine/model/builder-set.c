/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

static struct change set_change(const struct set_box *s, enum durability d) {
    return (struct change){OBJECT_SET, d, false, false, s->set.cluster_id, s->set.id};
}

struct set_box *builder_own_set(struct builder *b, struct cluster_box *c, size_t at) {
    struct set_box *old = c->cluster.sets.items[at];
    if (old->set.edit == b->edit.number)
        return old;
    if (object_list_own(&c->cluster.sets, &c->sets_edit, &b->edit) < 0)
        return NULL;
    struct set_box *copy = model_edit_alloc(&b->edit, BOX_SET, sizeof(*copy));
    if (!copy)
        return NULL;
    set_box_copy(copy, old);
    copy->set.edit = b->edit.number;
    if (model_edit_drop(&b->edit, BOX_SET, old) < 0)
        return NULL;
    c->cluster.sets.items[at] = copy;
    return copy;
}

struct set *builder_set(struct builder *b, uint64_t cluster_id, uint64_t id, enum durability d) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    size_t at = c ? model_find_set(&c->cluster, id) : FIND_NONE;
    struct set_box *s = at == FIND_NONE ? NULL : builder_own_set(b, c, at);
    if (!s || builder_note(b, &s->change, set_change(s, d)) < 0)
        return NULL;
    return &s->set;
}

struct set *builder_add_set(struct builder *b, uint64_t cluster_id, uint64_t id, const char *name) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c || model_find_set(&c->cluster, id) != FIND_NONE)
        return NULL;
    struct set_box *s = model_edit_alloc(&b->edit, BOX_SET, sizeof(*s));
    if (!s)
        return NULL;
    s->set.id = id;
    s->set.edit = b->edit.number;
    s->set.cluster_id = cluster_id;
    s->set.name = str_new_c(name);
    if (!s->set.name || object_list_insert(&c->cluster.sets, &c->sets_edit, &b->edit,
                                           model_find_set_place(&c->cluster, id), s) < 0)
        return NULL;
    struct change change = set_change(s, DURABLE);
    change.added = true;
    return builder_note(b, &s->change, change) < 0 ? NULL : &s->set;
}

int builder_remove_set(struct builder *b, uint64_t cluster_id, uint64_t id) {
    struct cluster_box *c = builder_own_cluster(b, cluster_id);
    if (!c)
        return snapshot_cluster(b->root, cluster_id) ? -ENOMEM : -ENOENT;
    size_t at = model_find_set(&c->cluster, id);
    if (at == FIND_NONE)
        return -ENOENT;
    struct set_box *s = c->cluster.sets.items[at];
    uint32_t none = 0;
    struct change change = set_change(s, DURABLE);
    change.removed = true;
    bool own = s->set.edit == b->edit.number;
    if (builder_note(b, own ? &s->change : &none, change) < 0 ||
        model_edit_drop(&b->edit, BOX_SET, s) < 0)
        return -ENOMEM;
    return object_list_remove(&c->cluster.sets, &c->sets_edit, &b->edit, at);
}
