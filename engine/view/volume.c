/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "show.h"
#include "store-value.h"

static const struct volume *volume(const struct view_ctx *ctx) {
    return view_volume(ctx);
}

static int show_resource_id(const struct view_ctx *ctx, struct buf *b) {
    bool there = volume(ctx)->state != VOLUME_PLANNED;
    return show_line(b, there ? str_text(volume(ctx)->resource_id) : "");
}

static int show_size(const struct view_ctx *ctx, struct buf *b) {
    return buf_printf(b, "%u\n", volume(ctx)->size_gb);
}

static int show_attached_to(const struct view_ctx *ctx, struct buf *b) {
    const struct node *n = cluster_node(ctx->cluster, volume(ctx)->node_id);
    return show_line(b, n ? str_text(n->name) : "");
}

static int show_state(const struct view_ctx *ctx, struct buf *b) {
    static const char *const words[VOLUME_STATE_MAX] = {
        [VOLUME_PLANNED] = "planned",
        [VOLUME_READY] = "ready",
        [VOLUME_DELETING] = "deleting",
        [VOLUME_GONE] = "deleting",
    };
    return show_line(b, words[volume(ctx)->state]);
}

static int show_message(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(volume(ctx)->message));
}

static const struct view_entry entries[] = {
    {.name = "resource_id",
     .row = ROW_VOLUME_RESOURCE_ID,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_resource_id,
     .doc = "the disk in the cloud; empty until it is made"},
    {.name = "size",
     .row = ROW_VOLUME_SIZE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_size,
     .unit = "GB",
     .doc = "of the disk; 0 until it is made"},
    {.name = "attached_to",
     .row = ROW_VOLUME_ATTACHED_TO,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_attached_to,
     .doc = "the node whose VM has the disk; empty for none"},
    {.name = "state",
     .row = ROW_VOLUME_STATE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_state,
     .doc = "planned, ready or deleting"},
    {.name = "message",
     .row = ROW_VOLUME_MESSAGE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_message,
     .doc = "why the cloud refused what was last asked for this disk; empty if it did not"},
    {.name = "control",
     .row = ROW_VOLUME_CONTROL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_control,
     .store = store_control,
     .doc = "the verbs allowed now; write delete to destroy the disk and all data on it"},
};

static const struct view_dir volume_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_volume_self = {
    .name = "VOLUME",
    .row = ROW_VOLUME,
    .kind = VIEW_DIR,
    .mode = 0555,
    .dir = &volume_dir,
    .doc = "a disk that stays when its node, its VM or the cluster ends",
};

const struct view_dir view_volumes_dir = {
    .lists = VIEW_OF_VOLUME,
};
