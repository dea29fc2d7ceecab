/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "model/edition.h"
#include "render.h"
#include "show.h"
#include "store-value.h"
#include "store/console.h"
#include "store/history.h"

#include <inttypes.h>

static int show_state(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, node_state_file(ctx->node->status));
}

static int show_status(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, node_status_name(ctx->node->status));
}

static int show_phase(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, node_phase_name(ctx->node->phase));
}

static int show_array(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, ctx->array ? str_text(ctx->array->name) : "");
}

static int show_machine_type(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->machine_type));
}

static int show_hostname(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->hostname));
}

static int show_private_ip(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->private_ip));
}

static int show_public_ip(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->public_ip));
}

static int show_instance_id(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->vm_id));
}

static int show_resource_id(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, node_has_vm(ctx->node) ? str_text(ctx->node->resource_id) : "");
}

static int show_placement_group(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->placement_group));
}

static int show_zone(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(ctx->node->zone));
}

/* Of the machine type that it has, or is to have. */
static int show_price(const struct view_ctx *ctx, struct buf *b) {
    const struct array_spec *spec = ctx->array ? ctx->array->spec : NULL;
    const struct machine_type *t =
        spec ? snapshot_machine_type(ctx->snapshot, str_text(spec->account), str_text(spec->region),
                                     str_text(ctx->node->machine_type))
             : NULL;
    uint64_t micro = machine_type_hour_micro(t, ctx->node->spot);
    return micro ? buf_printf(b, "%" PRIu64 " %s\n", micro, str_text(t->currency))
                 : show_line(b, "");
}

static int show_keepalive(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, ctx->node->keepalive ? "true" : "false");
}

/* What it was made from; NULL: the present definition of its array. */
static const struct edition *edition_of(const struct view_ctx *ctx) {
    return ctx->array ? edition_find(ctx->array->editions, ctx->node->edition) : NULL;
}

static int show_attributes(const struct view_ctx *ctx, struct buf *b) {
    const struct edition *ed = edition_of(ctx);
    if (ed)
        return show_lines(b, ed->attributes, "{}");
    return show_lines(b, ctx->array ? ctx->array->attributes : NULL, "{}");
}

static int show_configuration(const struct view_ctx *ctx, struct buf *b) {
    const struct edition *ed = edition_of(ctx);
    if (ed)
        return show_lines(b, ed->configuration, "{}");
    return show_lines(b, ctx->array ? ctx->array->configuration : NULL, "{}");
}

static int show_last_seen(const struct view_ctx *ctx, struct buf *b) {
    return show_time(b, ctx->node->last_seen);
}

/* As the VM wrote it; the snapshot knows how long it is, the store has it. */
static int show_console(const struct view_ctx *ctx, struct buf *b) {
    struct store *store = ctx->gateway->store;
    return store && ctx->node->console_bytes ? console_read(store, ctx->node->id, b) : 0;
}

static uint64_t size_console(const struct view_ctx *ctx) {
    return ctx->gateway->store ? ctx->node->console_bytes : 0;
}

static usec_t changed_console(const struct view_ctx *ctx) {
    return ctx->node->console_at ? ctx->node->console_at : ctx->node->created_at;
}

static const struct view_entry entries[] = {
    {.name = "state",
     .row = ROW_NODE_STATE,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .flags = VIEW_SYNC | VIEW_POLL,
     .show = show_state,
     .store = store_node_state,
     .doc = "off allocation configuration started deallocated terminating failed; "
            "write started, terminated or deallocated"},
    {.name = "status",
     .row = ROW_NODE_STATUS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_POLL,
     .show = show_status,
     .doc = "CycleCloud's Status: Off Acquiring Preparing Ready Failed ..."},
    {.name = "phase",
     .row = ROW_NODE_PHASE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_phase,
     .doc = "the step of coming up that it is in"},
    {.name = "array",
     .row = ROW_NODE_ARRAY,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_array,
     .doc = "its array"},
    {.name = "machine_type",
     .row = ROW_NODE_MACHINE_TYPE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_machine_type,
     .doc = "its machine type, empty until one was chosen"},
    {.name = "hostname",
     .row = ROW_NODE_HOSTNAME,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_hostname,
     .doc = "host name, empty until known"},
    {.name = "private_ip",
     .row = ROW_NODE_PRIVATE_IP,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_private_ip,
     .doc = "address in the virtual network, empty until known"},
    {.name = "public_ip",
     .row = ROW_NODE_PUBLIC_IP,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_public_ip,
     .doc = "public address, empty when it has none"},
    {.name = "instance_id",
     .row = ROW_NODE_INSTANCE_ID,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_instance_id,
     .doc = "Azure's vmId, which the VM itself reads as compute.vmId; empty until known"},
    {.name = "resource_id",
     .row = ROW_NODE_RESOURCE_ID,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_resource_id,
     .doc = "the VM's resource id in Azure, for the portal and az; empty while it has none"},
    {.name = "placement_group",
     .row = ROW_NODE_PLACEMENT_GROUP,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_placement_group,
     .doc = "its placement group, empty when it has none"},
    {.name = "zone",
     .row = ROW_NODE_ZONE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_zone,
     .doc = "its availability zone, empty when it has none"},
    {.name = "price",
     .row = ROW_NODE_PRICE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_price,
     .changed_at = view_changed_snapshot,
     .unit = "millionths of the currency an hour",
     .doc = "what an hour of its machine costs, and the currency; empty while that is not known"},
    {.name = "keepalive",
     .row = ROW_NODE_KEEPALIVE,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_keepalive,
     .store = store_keepalive,
     .doc = "true: neither a count nor a person ends this node; write true or false"},
    {.name = "attributes",
     .row = ROW_NODE_ATTRIBUTES,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_attributes,
     .doc = "JSON: what the template said of it when it was made, evaluated"},
    {.name = "configuration",
     .row = ROW_NODE_CONFIGURATION,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_configuration,
     .doc = "JSON: the software configuration that it was made with, secrets masked"},
    {.name = "metrics",
     .row = ROW_NODE_METRICS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = render_node_metrics,
     .changed_at = view_changed_seen,
     .doc = "Prometheus text: this node"},
    {.name = "logs",
     .row = ROW_NODE_LOGS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .stream = HISTORY_LOGS,
     .doc = "activity for people, append-only"},
    {.name = "logs.1",
     .row = ROW_NODE_LOGS_OLD,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_HIDDEN,
     .stream = HISTORY_LOGS,
     .generation = 1,
     .doc = "older lines of logs, once it has been cut"},
    {.name = "events",
     .row = ROW_NODE_EVENTS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .stream = HISTORY_EVENTS,
     .doc = "events, one JSON object a line, append-only"},
    {.name = "console",
     .row = ROW_NODE_CONSOLE,
     .kind = VIEW_ATTR,
     .mode = 0440,
     .flags = VIEW_HELD | VIEW_POLL,
     .show = show_console,
     .size = size_console,
     .changed_at = changed_console,
     .unit = "bytes as the VM wrote them",
     .doc =
         "the end of what its VM wrote to the serial console, as it was last read: on request "
         "(console in control), when its start fails, and before it is given up; empty until then"},
    {.name = "control",
     .row = ROW_NODE_CONTROL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_control,
     .store = store_control,
     .doc = "comment lines, one for each verb allowed now; write one: start, deallocate, shutdown, "
            "terminate, remove, retry, console"},
    {.name = "last_seen",
     .row = ROW_NODE_LAST_SEEN,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_last_seen,
     .changed_at = view_changed_seen,
     .unit = "RFC 3339 UTC",
     .doc = "when its agent last called, empty when never"},
};

static const struct view_dir node_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_node_self = {
    .name = "NODE",
    .row = ROW_NODE,
    .kind = VIEW_DIR,
    .mode = 0555,
    .dir = &node_dir,
    .doc = "a node",
};
