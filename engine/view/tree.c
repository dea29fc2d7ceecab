/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "model/limits.h"
#include "store/history.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LINK_BIT (UINT64_C(1) << 63)

/* Cookies below this are numbers of fixed rows; above, an object's id and one, in the higher bits.
 */
#define COOKIE_OBJECTS UINT64_C(256)
#define COOKIE_SHIFT 8

struct type {
    const struct view_entry *self;
    unsigned row_end; /* the first row that is not of this type */
};

static const struct type types[] = {
    [VIEW_OF_SERVER] = {&view_root_self, ROW_SERVER_END},
    [VIEW_OF_CLUSTER] = {&view_cluster_self, ROW_CLUSTER_END},
    [VIEW_OF_ARRAY] = {&view_array_self, ROW_ARRAY_END},
    [VIEW_OF_NODE] = {&view_node_self, ROW_NODE_END},
    [VIEW_OF_USER] = {&view_user_self, ROW_USER_END},
    [VIEW_OF_ACCOUNT] = {&view_account_self, ROW_ACCOUNT_END},
    [VIEW_OF_ORPHAN] = {&view_orphan_self, ROW_ORPHAN_END},
    [VIEW_OF_ALERT] = {&view_alert_self, ROW_ALERT_END},
    [VIEW_OF_VOLUME] = {&view_volume_self, ROW_VOLUME_END},
};

static enum view_object object_of_row(unsigned row) {
    enum view_object o = VIEW_OF_SERVER;
    while (row >= types[o].row_end)
        o++;
    return o;
}

const struct view_entry *view_self(enum view_object object) {
    return types[object].self;
}

enum view_object view_object_of(const struct view_entry *entry) {
    return object_of_row(entry->row);
}

struct view_ref view_root(void) {
    return (struct view_ref){.entry = &view_root_self};
}

uint64_t view_inode(const struct view_ref *ref) {
    uint64_t inode = ref->object_id << 8 | ref->entry->row;
    return ref->link ? inode | LINK_BIT : inode;
}

/* The row with this number at or below `entry`; NULL when there is none. */
static const struct view_entry *find_row(const struct view_entry *entry, unsigned row) {
    if (entry->row == row)
        return entry;
    for (size_t i = 0; entry->dir && i < entry->dir->n_entries; i++) {
        const struct view_entry *found = find_row(&entry->dir->entries[i], row);
        if (found)
            return found;
    }
    return NULL;
}

/* The directory at or below `top` that holds `entry`; NULL when none does. */
static const struct view_entry *find_holder(const struct view_entry *top,
                                            const struct view_entry *entry) {
    for (size_t i = 0; top->dir && i < top->dir->n_entries; i++) {
        if (&top->dir->entries[i] == entry)
            return top;
        const struct view_entry *found = find_holder(&top->dir->entries[i], entry);
        if (found)
            return found;
    }
    return NULL;
}

/* Puts the object and those above it into the context. 0 or -ENOENT. */
static int resolve(const struct snapshot *s, enum view_object object, uint64_t id,
                   struct view_ctx *ctx) {
    switch (object) {
    case VIEW_OF_SERVER:
        return id == 0 ? 0 : -ENOENT;
    case VIEW_OF_CLUSTER:
        ctx->cluster = snapshot_cluster(s, id);
        return ctx->cluster ? 0 : -ENOENT;
    case VIEW_OF_ARRAY:
        ctx->array = snapshot_array(s, id, &ctx->cluster);
        return ctx->array ? 0 : -ENOENT;
    case VIEW_OF_NODE:
        ctx->node = snapshot_node(s, id, &ctx->cluster);
        if (!ctx->node)
            return -ENOENT;
        ctx->array = cluster_array_by_id(ctx->cluster, ctx->node->array_id);
        return 0;
    case VIEW_OF_USER:
    case VIEW_OF_ACCOUNT:
    case VIEW_OF_ORPHAN:
    case VIEW_OF_ALERT:
        ctx->item = snapshot_item(s, view_item_kind(object), id);
        return ctx->item ? 0 : -ENOENT;
    case VIEW_OF_VOLUME:
        ctx->item = snapshot_item(s, ITEM_VOLUME, id);
        ctx->cluster = ctx->item ? snapshot_cluster(s, view_volume(ctx)->cluster_id) : NULL;
        return ctx->cluster ? 0 : -ENOENT;
    }
    return -ENOENT;
}

int view_context(const struct gateway *g, const struct snapshot *s, const struct view_ref *ref,
                 struct view_ctx *ret) {
    struct view_ctx ctx = {.gateway = g, .snapshot = s};
    int r = resolve(s, view_object_of(ref->entry), ref->object_id, &ctx);
    if (r < 0)
        return r;
    *ret = ctx;
    return 0;
}

const char *view_object_name(const struct view_ctx *ctx) {
    if (ctx->item && ctx->cluster)
        return volume_name(view_volume(ctx));
    return ctx->item      ? str_text(ctx->item->name)
           : ctx->node    ? str_text(ctx->node->name)
           : ctx->array   ? str_text(ctx->array->name)
           : ctx->cluster ? str_text(ctx->cluster->name)
                          : "/";
}

int view_place(const struct gateway *g, const struct snapshot *s, uint64_t inode,
               struct view_ref *ret_ref, struct view_ctx *ret_ctx) {
    bool link = inode & LINK_BIT;
    unsigned row = inode & 0xff;
    struct view_ref ref = {.object_id = (inode & ~LINK_BIT) >> 8, .link = link};
    enum view_object object = object_of_row(row);
    ref.entry = find_row(types[object].self, row);
    if (!ref.entry || (link && ref.entry != &view_node_self))
        return -ENOENT;
    struct view_ctx ctx = {.gateway = g, .snapshot = s};
    int r = resolve(s, object, ref.object_id, &ctx);
    if (r < 0)
        return r;
    if (link)
        ref.via_id = ctx.node->array_id;
    *ret_ref = ref;
    *ret_ctx = ctx;
    return 0;
}

int view_from_inode(const struct snapshot *s, uint64_t inode, struct view_ref *ret) {
    struct view_ctx ctx;
    return view_place(NULL, s, inode, ret, &ctx);
}

static bool shows_something(const struct view_ctx *ctx, const struct view_entry *entry) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    return entry->show(ctx, &b) == 0 && b.len > 0;
}

bool view_present(const struct view_ctx *ctx, const struct view_entry *entry) {
    if (!(entry->flags & VIEW_HIDDEN))
        return true;
    if (entry->kind == VIEW_STREAM && !ctx->gateway->store)
        return false;
    if (entry->kind != VIEW_STREAM)
        return shows_something(ctx, entry);
    uint64_t size = 0, owner = ctx->node      ? ctx->node->id
                               : ctx->array   ? ctx->array->id
                               : ctx->cluster ? ctx->cluster->id
                                              : 0;
    const struct history h = {(enum history_stream)entry->stream, entry->generation, owner};
    return history_size(ctx->gateway->store, &h, &size) == 0 && size > 0;
}

/* A node seen in an array's directory is a link. */
static struct view_ref node_ref(const struct view_ref *dir, const struct node *node) {
    bool link = view_object_of(dir->entry) == VIEW_OF_ARRAY;
    return (struct view_ref){.object_id = node->id,
                             .entry = &view_node_self,
                             .link = link,
                             .via_id = link ? dir->object_id : 0};
}

static int lookup_cluster(const struct view_ctx *ctx, const char *name, struct view_ref *ret) {
    const struct cluster *c = snapshot_cluster_named(ctx->snapshot, name);
    if (!c)
        return -ENOENT;
    *ret = (struct view_ref){.object_id = c->id, .entry = &view_cluster_self};
    return 0;
}

static int lookup_array(const struct view_ctx *ctx, const char *name, struct view_ref *ret) {
    const struct array *a = cluster_array_named(ctx->cluster, name);
    if (!a)
        return -ENOENT;
    *ret = (struct view_ref){.object_id = a->id, .entry = &view_array_self};
    return 0;
}

static int lookup_node(const struct view_ctx *ctx, const struct view_ref *dir, const char *name,
                       struct view_ref *ret) {
    const struct node *n = cluster_node_named(ctx->cluster, name);
    struct view_ref ref = n ? node_ref(dir, n) : (struct view_ref){0};
    if (!n || (ref.link && n->array_id != ref.via_id))
        return -ENOENT;
    *ret = ref;
    return 0;
}

static int lookup_item(const struct view_ctx *ctx, enum view_object object, const char *name,
                       struct view_ref *ret) {
    const struct item *i = snapshot_item_named(ctx->snapshot, view_item_kind(object), name);
    if (!i)
        return -ENOENT;
    *ret = (struct view_ref){.object_id = i->id, .entry = types[object].self};
    return 0;
}

/* Among all volumes a name has its cluster's id before it. */
static int lookup_volume(const struct view_ctx *ctx, const char *name, struct view_ref *ret) {
    _cleanup_buf_ struct buf full = BUF_INIT(LIMIT_VALUE_BYTES);
    int r = buf_printf(&full, "%" PRIu64 "/%s", ctx->cluster->id, name);
    return r < 0 ? -ENOENT : lookup_item(ctx, VIEW_OF_VOLUME, full.data, ret);
}

static int lookup_object(const struct view_ctx *ctx, const struct view_ref *dir, const char *name,
                         struct view_ref *ret) {
    switch (dir->entry->dir->lists) {
    case VIEW_OF_SERVER:
        return -ENOENT;
    case VIEW_OF_CLUSTER:
        return lookup_cluster(ctx, name, ret);
    case VIEW_OF_ARRAY:
        return lookup_array(ctx, name, ret);
    case VIEW_OF_NODE:
        return lookup_node(ctx, dir, name, ret);
    case VIEW_OF_USER:
    case VIEW_OF_ACCOUNT:
    case VIEW_OF_ORPHAN:
    case VIEW_OF_ALERT:
        return lookup_item(ctx, dir->entry->dir->lists, name, ret);
    case VIEW_OF_VOLUME:
        return lookup_volume(ctx, name, ret);
    }
    return -ENOENT;
}

int view_lookup(const struct gateway *g, const struct snapshot *s, const struct view_ref *dir,
                const char *name, struct view_ref *ret) {
    if (!dir->entry->dir || dir->link)
        return -ENOTDIR;
    struct view_ctx ctx;
    int r = view_context(g, s, dir, &ctx);
    if (r < 0)
        return r;
    const struct view_dir *d = dir->entry->dir;
    for (size_t i = 0; i < d->n_entries; i++) {
        const struct view_entry *entry = &d->entries[i];
        if (strcmp(entry->name, name) != 0)
            continue;
        if (!view_present(&ctx, entry))
            return -ENOENT;
        *ret = (struct view_ref){.object_id = dir->object_id, .entry = entry};
        return 0;
    }
    return lookup_object(&ctx, dir, name, ret);
}

int view_parent(const struct snapshot *s, const struct view_ref *ref, struct view_ref *ret) {
    enum view_object object = view_object_of(ref->entry);
    struct view_ctx ctx = {.snapshot = s};
    int r = resolve(s, object, ref->object_id, &ctx);
    if (r < 0)
        return r;
    const struct view_entry *self = types[object].self;
    if (ref->entry != self) {
        *ret =
            (struct view_ref){.object_id = ref->object_id, .entry = find_holder(self, ref->entry)};
        return 0;
    }
    if (ref->link) {
        *ret = (struct view_ref){.object_id = ref->via_id,
                                 .entry = find_row(&view_array_self, ROW_ARRAY_NODES)};
        return 0;
    }
    static const unsigned rows[] = {
        [VIEW_OF_SERVER] = ROW_ROOT,    [VIEW_OF_CLUSTER] = ROW_ROOT,
        [VIEW_OF_ARRAY] = ROW_ARRAYS,   [VIEW_OF_NODE] = ROW_NODES,
        [VIEW_OF_USER] = ROW_USERS,     [VIEW_OF_ACCOUNT] = ROW_ACCOUNTS,
        [VIEW_OF_ORPHAN] = ROW_ORPHANS, [VIEW_OF_ALERT] = ROW_ALERTS,
        [VIEW_OF_VOLUME] = ROW_VOLUMES,
    };
    unsigned row = rows[object];
    enum view_object above = object_of_row(row);
    *ret = (struct view_ref){.object_id = above == VIEW_OF_SERVER ? 0 : ctx.cluster->id,
                             .entry = find_row(types[above].self, row)};
    return 0;
}

struct listing {
    const struct view_ctx *ctx;
    const struct view_ref *dir;
    uint64_t position; /* the lowest id not yet given */
    view_visit visit;
    void *arg;
};

static uint64_t cookie_after(uint64_t id) {
    return (id + 1) << COOKIE_SHIFT;
}

static int list_nodes(struct listing *l) {
    uint64_t position = l->position;
    for (const struct node *n; (n = cluster_next_node(l->ctx->cluster, &position));) {
        struct view_ref ref = node_ref(l->dir, n);
        if (ref.link && n->array_id != ref.via_id)
            continue;
        if (l->visit(l->arg, str_text(n->name), &ref, cookie_after(n->id)))
            return 0;
    }
    return 0;
}

/* Clusters and arrays are few and kept in another order; ids alone make good cookies. */
static const struct cluster *next_cluster(const struct snapshot *s, uint64_t from) {
    const struct cluster *next = NULL;
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        if (c->id >= from && (!next || c->id < next->id))
            next = c;
    }
    return next;
}

static int list_clusters(struct listing *l) {
    for (const struct cluster *c; (c = next_cluster(l->ctx->snapshot, l->position));) {
        struct view_ref ref = {.object_id = c->id, .entry = &view_cluster_self};
        l->position = c->id + 1;
        if (l->visit(l->arg, str_text(c->name), &ref, cookie_after(c->id)))
            return 0;
    }
    return 0;
}

static const struct array *next_array(const struct cluster *c, uint64_t from) {
    const struct array *next = NULL;
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (a->id >= from && (!next || a->id < next->id))
            next = a;
    }
    return next;
}

static int list_arrays(struct listing *l) {
    for (const struct array *a; (a = next_array(l->ctx->cluster, l->position));) {
        struct view_ref ref = {.object_id = a->id, .entry = &view_array_self};
        l->position = a->id + 1;
        if (l->visit(l->arg, str_text(a->name), &ref, cookie_after(a->id)))
            return 0;
    }
    return 0;
}

static const struct item *next_item(const struct object_list *l, uint64_t from) {
    const struct item *next = NULL;
    for (size_t i = 0; i < l->len; i++) {
        const struct item *item = l->items[i];
        if (item->id >= from && (!next || item->id < next->id))
            next = item;
    }
    return next;
}

static int list_items(struct listing *l) {
    enum view_object object = l->dir->entry->dir->lists;
    const struct object_list *items = &l->ctx->snapshot->items[view_item_kind(object)];
    for (const struct item *i; (i = next_item(items, l->position));) {
        struct view_ref ref = {.object_id = i->id, .entry = types[object].self};
        l->position = i->id + 1;
        if (l->visit(l->arg, str_text(i->name), &ref, cookie_after(i->id)))
            return 0;
    }
    return 0;
}

static int list_volumes(struct listing *l) {
    const struct object_list *items = &l->ctx->snapshot->items[ITEM_VOLUME];
    for (const struct item *i; (i = next_item(items, l->position));) {
        const struct volume *v = (const struct volume *)i;
        struct view_ref ref = {.object_id = i->id, .entry = &view_volume_self};
        l->position = i->id + 1;
        if (v->cluster_id == l->ctx->cluster->id &&
            l->visit(l->arg, volume_name(v), &ref, cookie_after(i->id)))
            return 0;
    }
    return 0;
}

static int list_nothing(struct listing *l) {
    (void)l;
    return 0;
}

int view_list(const struct gateway *g, const struct snapshot *s, const struct view_ref *dir,
              const struct view_listing *from) {
    static int (*const list_objects[])(struct listing *) = {
        [VIEW_OF_SERVER] = list_nothing, [VIEW_OF_CLUSTER] = list_clusters,
        [VIEW_OF_ARRAY] = list_arrays,   [VIEW_OF_NODE] = list_nodes,
        [VIEW_OF_USER] = list_items,     [VIEW_OF_ACCOUNT] = list_items,
        [VIEW_OF_ORPHAN] = list_items,   [VIEW_OF_ALERT] = list_items,
        [VIEW_OF_VOLUME] = list_volumes,
    };
    if (!dir->entry->dir || dir->link)
        return -ENOTDIR;
    struct view_ctx ctx;
    int r = view_context(g, s, dir, &ctx);
    if (r < 0)
        return r;
    const struct view_dir *d = dir->entry->dir;
    for (uint64_t i = from->cookie; i < d->n_entries; i++) {
        struct view_ref ref = {.object_id = dir->object_id, .entry = &d->entries[i]};
        if (view_present(&ctx, ref.entry) && from->visit(from->arg, ref.entry->name, &ref, i + 1))
            return 0;
    }
    struct listing l = {.ctx = &ctx, .dir = dir, .visit = from->visit, .arg = from->arg};
    l.position = from->cookie < COOKIE_OBJECTS ? 0 : from->cookie >> COOKIE_SHIFT;
    return list_objects[d->lists](&l);
}
