/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "buckets.h"
#include "show.h"
#include "store-value.h"

static int show_count(const struct view_ctx *ctx, struct buf *b) {
    return show_number(b, ctx->array->counts.wanted);
}

static int show_max_count(const struct view_ctx *ctx, struct buf *b) {
    int64_t max = array_max_count(ctx->array);
    return max < 0 ? show_line(b, "max") : show_number(b, max);
}

static int show_cores(const struct view_ctx *ctx, struct buf *b) {
    return show_number(b, ctx->array->counts.cores);
}

static int show_machine_type(const struct view_ctx *ctx, struct buf *b) {
    const struct array_spec *spec = ctx->array->spec;
    return show_list(b, spec ? spec->machine_types : NULL, ",");
}

static int show_attributes(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->array->attributes, "{}");
}

static const struct view_entry entries[] = {
    {.name = "count",
     .row = ROW_ARRAY_COUNT,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .flags = VIEW_SYNC | VIEW_POLL,
     .show = show_count,
     .store = store_count,
     .changed_at = view_changed_array_nodes,
     .unit = "nodes",
     .doc = "nodes wanted in this array; write N, +N or -N"},
    {.name = "max_count",
     .row = ROW_ARRAY_MAX_COUNT,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_max_count,
     .store = store_max_count,
     .unit = "nodes",
     .doc = "most nodes this array may have; write N, max (no limit) or default (the template's)"},
    {.name = "cores",
     .row = ROW_ARRAY_CORES,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_cores,
     .changed_at = view_changed_array_nodes,
     .unit = "cores",
     .doc = "cores of its machines that exist or are being made"},
    {.name = "machine_type",
     .row = ROW_ARRAY_MACHINE_TYPE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_machine_type,
     .doc = "the machine type, or several with commas, the preferred one first"},
    {.name = "buckets",
     .row = ROW_ARRAY_BUCKETS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_buckets,
     .changed_at = view_changed_snapshot,
     .doc = "JSON: for each machine type how many nodes there are and could be"},
    {.name = "attributes",
     .row = ROW_ARRAY_ATTRIBUTES,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_attributes,
     .doc = "JSON: what the template says of its nodes, evaluated"},
    {.name = "control",
     .row = ROW_ARRAY_CONTROL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_control,
     .store = store_control,
     .changed_at = view_changed_array_nodes,
     .doc = "comment lines, one for each verb allowed now; write one: terminate, retry"},
    {.name = "nodes",
     .row = ROW_ARRAY_NODES,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_nodes,
     .dir = &view_array_nodes_dir,
     .doc = "links to the nodes of this array"},
};

static const struct view_dir array_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_array_self = {
    .name = "ARRAY",
    .row = ROW_ARRAY,
    .kind = VIEW_DIR,
    .mode = 0555,
    .dir = &array_dir,
    .doc = "a nodearray, or a head node's definition",
};
