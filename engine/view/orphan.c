/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "show.h"
#include "store-value.h"

static const struct orphan *orphan(const struct view_ctx *ctx) {
    return (const struct orphan *)ctx->item;
}

static int show_resource_id(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->resource_id));
}

static int show_account(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->account));
}

static int show_region(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->region));
}

static int show_group(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->group));
}

static int show_machine_type(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->machine_type));
}

static int show_zone(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->zone));
}

static int show_cluster_id(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->cluster_id));
}

static int show_found(const struct view_ctx *ctx, struct buf *b) {
    return show_time(b, orphan(ctx)->item.created_at);
}

static int show_state(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, orphan(ctx)->wish == ORPHAN_TERMINATED ? "terminating" : "left");
}

static int show_message(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(orphan(ctx)->message));
}

static const struct view_entry entries[] = {
    {.name = "resource_id",
     .row = ROW_ORPHAN_RESOURCE_ID,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_resource_id,
     .doc = "the VM in the cloud"},
    {.name = "account",
     .row = ROW_ORPHAN_ACCOUNT,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_account,
     .doc = "the account that sees it"},
    {.name = "region",
     .row = ROW_ORPHAN_REGION,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_region,
     .doc = "where it runs"},
    {.name = "group",
     .row = ROW_ORPHAN_GROUP,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_group,
     .doc = "its resource group"},
    {.name = "machine_type",
     .row = ROW_ORPHAN_MACHINE_TYPE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_machine_type,
     .doc = "its machine type"},
    {.name = "zone",
     .row = ROW_ORPHAN_ZONE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_zone,
     .doc = "its zone"},
    {.name = "cluster_id",
     .row = ROW_ORPHAN_CLUSTER_ID,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_cluster_id,
     .doc = "the number of the cluster that made it, from its tag"},
    {.name = "found_at",
     .row = ROW_ORPHAN_FOUND,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_found,
     .doc = "when it was first shown here"},
    {.name = "state",
     .row = ROW_ORPHAN_STATE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_state,
     .doc = "left, or terminating"},
    {.name = "message",
     .row = ROW_ORPHAN_MESSAGE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_message,
     .doc = "why it could not be terminated, when last tried"},
    {.name = "control",
     .row = ROW_ORPHAN_CONTROL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_control,
     .store = store_control,
     .doc = "comment lines, one for each verb allowed now; write terminate to delete the VM"},
};

static const struct view_dir orphan_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_orphan_self = {
    .name = "ORPHAN",
    .row = ROW_ORPHAN,
    .kind = VIEW_DIR,
    .mode = 0555,
    .dir = &orphan_dir,
    .doc = "a VM with this server's tag that belongs to no node",
};

const struct view_dir view_orphans_dir = {
    .lists = VIEW_OF_ORPHAN,
};
