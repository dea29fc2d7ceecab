/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

struct kind_row {
    enum box_kind box;
    enum object_type type;
    size_t size;
};

static const struct kind_row kinds[ITEM_KIND_MAX] = {
    [ITEM_USER] = {BOX_USER, OBJECT_USER, sizeof(struct user)},
    [ITEM_ACCOUNT] = {BOX_ACCOUNT, OBJECT_ACCOUNT, sizeof(struct account)},
    [ITEM_ORPHAN] = {BOX_ORPHAN, OBJECT_ORPHAN, sizeof(struct orphan)},
    [ITEM_ALERT] = {BOX_ALERT, OBJECT_ALERT, sizeof(struct alert)},
    [ITEM_VOLUME] = {BOX_VOLUME, OBJECT_VOLUME, sizeof(struct volume)},
};

static struct change item_change(enum item_kind kind, const struct item *i, enum durability d) {
    uint64_t cluster_id = kind == ITEM_VOLUME ? ((const struct volume *)i)->cluster_id : 0;
    return (struct change){kinds[kind].type, d, false, false, cluster_id, i->id};
}

static struct item *own_item(struct builder *b, enum item_kind kind, size_t at) {
    struct object_list *l = &b->root->items[kind];
    struct item *old = l->items[at];
    if (old->edit == b->edit.number)
        return old;
    if (object_list_own(l, &b->items_edit[kind], &b->edit) < 0)
        return NULL;
    struct item *copy = model_edit_alloc(&b->edit, kinds[kind].box, kinds[kind].size);
    if (!copy)
        return NULL;
    item_box_copy(kinds[kind].box, copy, old, kinds[kind].size);
    copy->edit = b->edit.number;
    copy->change = 0;
    if (model_edit_drop(&b->edit, kinds[kind].box, old) < 0)
        return NULL;
    l->items[at] = copy;
    return copy;
}

void *builder_item(struct builder *b, enum item_kind kind, uint64_t id, enum durability d) {
    size_t at = model_find_item(b->root, kind, id);
    struct item *i = at == FIND_NONE ? NULL : own_item(b, kind, at);
    if (!i || builder_note(b, &i->change, item_change(kind, i, d)) < 0)
        return NULL;
    i->changed_at = b->now;
    return i;
}

void *builder_add_item(struct builder *b, enum item_kind kind, uint64_t id, const char *name) {
    if (snapshot_item_named(b->root, kind, name) || snapshot_item(b->root, kind, id))
        return NULL;
    struct item *i = model_edit_alloc(&b->edit, kinds[kind].box, kinds[kind].size);
    if (!i)
        return NULL;
    i->id = id;
    i->edit = b->edit.number;
    i->created_at = i->changed_at = b->now;
    i->name = str_new_c(name);
    if (!i->name || object_list_insert(&b->root->items[kind], &b->items_edit[kind], &b->edit,
                                       model_find_item_place(b->root, kind, name), i) < 0)
        return NULL;
    b->root->items_at[kind] = b->now;
    struct change change = item_change(kind, i, DURABLE);
    change.added = true;
    return builder_note(b, &i->change, change) < 0 ? NULL : i;
}

int builder_remove_item(struct builder *b, enum item_kind kind, uint64_t id) {
    size_t at = model_find_item(b->root, kind, id);
    if (at == FIND_NONE)
        return -ENOENT;
    struct item *i = b->root->items[kind].items[at];
    uint32_t none = 0;
    struct change change = item_change(kind, i, DURABLE);
    change.removed = true;
    bool own = i->edit == b->edit.number;
    if (builder_note(b, own ? &i->change : &none, change) < 0 ||
        model_edit_drop(&b->edit, kinds[kind].box, i) < 0)
        return -ENOMEM;
    b->root->items_at[kind] = b->now;
    return object_list_remove(&b->root->items[kind], &b->items_edit[kind], &b->edit, at);
}
