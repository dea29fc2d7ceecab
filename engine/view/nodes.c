/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "show.h"
#include "store-value.h"

static int show_count(const struct view_ctx *ctx, struct buf *b) {
    return show_number(b, ctx->cluster->counts.wanted);
}

static const struct view_entry entries[] = {
    {.name = "count",
     .row = ROW_NODES_COUNT,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .flags = VIEW_SYNC | VIEW_POLL,
     .show = show_count,
     .store = store_count,
     .changed_at = view_changed_any_node,
     .unit = "nodes",
     .doc = "nodes wanted in all arrays; write N, +N, -N or ARRAY=N ..."},
};

const struct view_dir view_nodes_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
    .lists = VIEW_OF_NODE,
};

const struct view_dir view_arrays_dir = {
    .lists = VIEW_OF_ARRAY,
};

/* In an array's directory the nodes are links to their places in the cluster's nodes/. */
const struct view_dir view_array_nodes_dir = {
    .lists = VIEW_OF_NODE,
};
