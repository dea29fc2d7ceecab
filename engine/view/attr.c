/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "model/limits.h"
#include "store/history.h"

#include <errno.h>
#include <sys/stat.h>

static usec_t later(usec_t a, usec_t b) {
    return a > b ? a : b;
}

static usec_t or_created(const struct view_ctx *ctx, usec_t at) {
    return at ? at : ctx->cluster->created_at;
}

usec_t view_changed_template(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->template.changed_at);
}

usec_t view_changed_parameters(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->parameters.changed_at);
}

usec_t view_changed_rejected_template(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->rejected_template.changed_at);
}

usec_t view_changed_rejected_parameters(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->rejected_parameters.changed_at);
}

usec_t view_changed_state(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->state_at);
}

usec_t view_changed_nodes(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->nodes_at);
}

static usec_t object_cluster(const struct view_ctx *ctx) {
    return or_created(ctx, ctx->cluster->changed_at);
}

static usec_t object_array(const struct view_ctx *ctx) {
    return later(object_cluster(ctx), view_changed_nodes(ctx));
}

static usec_t object_node(const struct view_ctx *ctx) {
    return later(ctx->node->status_at, ctx->node->created_at);
}

static usec_t object_server(const struct view_ctx *ctx) {
    return ctx->snapshot->server.started_at;
}

static usec_t object_item(const struct view_ctx *ctx) {
    return ctx->item->changed_at;
}

usec_t view_changed_seen(const struct view_ctx *ctx) {
    return later(object_node(ctx), ctx->node->last_seen);
}

static usec_t cluster_floor(const struct view_ctx *ctx) {
    return later(view_changed_state(ctx), object_array(ctx));
}

usec_t view_changed_array_nodes(const struct view_ctx *ctx) {
    return later(object_array(ctx), ctx->array->node_times.status_at);
}

usec_t view_changed_any_node(const struct view_ctx *ctx) {
    return later(cluster_floor(ctx), ctx->cluster->node_times.status_at);
}

usec_t view_changed_heartbeats(const struct view_ctx *ctx) {
    return later(cluster_floor(ctx), ctx->cluster->node_times.seen_at);
}

/* When one of the kind came or went. */
static usec_t changed_items(const struct view_ctx *ctx, enum item_kind kind) {
    return later(ctx->snapshot->items_at[kind], object_server(ctx));
}

usec_t view_changed_users(const struct view_ctx *ctx) {
    return changed_items(ctx, ITEM_USER);
}

usec_t view_changed_accounts(const struct view_ctx *ctx) {
    return changed_items(ctx, ITEM_ACCOUNT);
}

usec_t view_changed_orphans(const struct view_ctx *ctx) {
    return changed_items(ctx, ITEM_ORPHAN);
}

usec_t view_changed_alerts(const struct view_ctx *ctx) {
    return changed_items(ctx, ITEM_ALERT);
}

usec_t view_changed_volumes(const struct view_ctx *ctx) {
    return later(ctx->snapshot->items_at[ITEM_VOLUME], ctx->cluster->created_at);
}

usec_t view_changed_config(const struct view_ctx *ctx) {
    return later(ctx->snapshot->server.config_at, object_server(ctx));
}

usec_t view_changed_clusters(const struct view_ctx *ctx) {
    return later(ctx->snapshot->clusters_at, object_server(ctx));
}

usec_t view_changed_snapshot(const struct view_ctx *ctx) {
    return later(ctx->snapshot->at, object_server(ctx));
}

usec_t view_changed_catalog(const struct view_ctx *ctx) {
    const struct catalog *c = ctx->snapshot->catalog;
    return later(c ? c->changed_at : 0, object_server(ctx));
}

usec_t view_changed_last_error(const struct view_ctx *ctx) {
    const struct snapshot *s = ctx->snapshot;
    for (size_t i = 0; i < s->n_last_errors; i++)
        if (s->last_errors[i].uid == ctx->uid)
            return s->last_errors[i].at;
    return object_server(ctx);
}

usec_t view_changed_object(const struct view_ctx *ctx, enum view_object object) {
    static usec_t (*const at[])(const struct view_ctx *) = {
        [VIEW_OF_SERVER] = object_server, [VIEW_OF_CLUSTER] = object_cluster,
        [VIEW_OF_ARRAY] = object_array,   [VIEW_OF_NODE] = object_node,
        [VIEW_OF_USER] = object_item,     [VIEW_OF_ACCOUNT] = object_item,
        [VIEW_OF_ORPHAN] = object_item,   [VIEW_OF_ALERT] = object_item,
        [VIEW_OF_VOLUME] = object_item,
    };
    return at[object](ctx);
}

/* What a row's mode lets through of its cluster's: where the owner may write, group and others may
   too if the cluster's mode says so. */
static mode_t row_mask(const struct view_entry *entry) {
    mode_t mode = entry->mode;
    return mode & 0200 ? mode | ((mode & 0044) >> 1) : mode;
}

static mode_t permissions(const struct view_ctx *ctx, const struct view_entry *entry) {
    mode_t root = ctx->gateway->root_mode ? ctx->gateway->root_mode : VIEW_ROOT_MODE;
    if (entry == &view_root_self)
        return root;
    return ctx->cluster ? ctx->cluster->mode & 0777 & row_mask(entry) : entry->mode;
}

static size_t count_volumes(const struct view_ctx *ctx) {
    const struct object_list *all = &ctx->snapshot->items[ITEM_VOLUME];
    size_t n = 0;
    for (size_t i = 0; i < all->len; i++)
        n += ((const struct volume *)all->items[i])->cluster_id == ctx->cluster->id;
    return n;
}

/* Directories below this one, which is what a directory's link count tells. */
static size_t count_subdirs(const struct view_ctx *ctx, const struct view_entry *entry) {
    size_t n = 0;
    for (size_t i = 0; i < entry->dir->n_entries; i++)
        n += entry->dir->entries[i].dir != NULL;
    if (entry->dir->lists == VIEW_OF_CLUSTER)
        n += ctx->snapshot->clusters.len;
    if (entry->dir->lists == VIEW_OF_ARRAY)
        n += ctx->cluster->arrays.len;
    if (entry->dir->lists == VIEW_OF_VOLUME)
        n += count_volumes(ctx);
    else if (entry->dir->lists >= VIEW_OF_USER && view_self(entry->dir->lists)->dir)
        n += ctx->snapshot->items[view_item_kind(entry->dir->lists)].len;
    if (entry->dir->lists == VIEW_OF_NODE && view_object_of(entry) == VIEW_OF_CLUSTER)
        n += cluster_node_count(ctx->cluster);
    return n;
}

static int rendered_size(const struct view_ctx *ctx, const struct view_ref *ref, uint64_t *ret) {
    if (ref->entry->kind == VIEW_STREAM && !ctx->gateway->store) {
        *ret = 0;
        return 0;
    }
    if (ref->entry->kind == VIEW_STREAM)
        return history_size(ctx->gateway->store,
                            &(struct history){(enum history_stream)ref->entry->stream,
                                              ref->entry->generation, ref->object_id},
                            ret);
    if (ref->entry->size && !ref->link) {
        *ret = ref->entry->size(ctx);
        return 0;
    }
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    bool readable = ref->link || ref->entry->show;
    int r = readable ? view_show(ctx, ref, &b) : 0;
    if (r < 0)
        return r;
    *ret = b.len;
    return 0;
}

static mode_t type_bits(const struct view_ref *ref) {
    if (ref->link || ref->entry->kind == VIEW_LINK)
        return S_IFLNK;
    return ref->entry->dir ? S_IFDIR : S_IFREG;
}

void view_attr_sized(const struct view_ctx *ctx, const struct view_ref *ref, uint64_t size,
                     struct view_attr *ret) {
    const struct view_entry *entry = ref->entry;
    mode_t type = type_bits(ref);
    *ret = (struct view_attr){
        .mode = type | (type == S_IFLNK ? 0777 : permissions(ctx, entry)),
        .uid = ctx->cluster ? ctx->cluster->uid : ctx->gateway->root_uid,
        .gid = ctx->cluster ? ctx->cluster->gid : ctx->gateway->root_gid,
        .size = size,
        .changed_at = entry->changed_at ? entry->changed_at(ctx)
                                        : view_changed_object(ctx, view_object_of(entry)),
        .inode = view_inode(ref),
        .links = type == S_IFDIR ? (nlink_t)(2 + count_subdirs(ctx, entry)) : 1,
    };
}

int view_attr(const struct view_ctx *ctx, const struct view_ref *ref, struct view_attr *ret) {
    uint64_t size = 0;
    int r = type_bits(ref) == S_IFDIR ? 0 : rendered_size(ctx, ref, &size);
    if (r == 0)
        view_attr_sized(ctx, ref, size, ret);
    return r;
}

int view_show(const struct view_ctx *ctx, const struct view_ref *ref, struct buf *b) {
    if (ref->link)
        return buf_printf(b, "../../../nodes/%s", str_text(ctx->node->name));
    if (!ref->entry->show)
        return ref->entry->dir ? -EISDIR : -EINVAL;
    int r = ref->entry->show(ctx, b);
    return r < 0 ? r : buf_error(b);
}
