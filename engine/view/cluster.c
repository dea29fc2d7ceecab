/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "render.h"
#include "show.h"
#include "store-value.h"
#include "store/history.h"

static int show_template(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ctx->cluster->template.text, "");
}

static int show_template_rejected(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ctx->cluster->rejected_template.text, "");
}

static int show_parameters(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->cluster->parameters_public, "{}");
}

static int show_parameters_rejected(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ctx->cluster->rejected_parameters.text, "");
}

static int show_schema(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->cluster->schema, "{}");
}

static int show_definition(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->cluster->definition, "{}");
}

static int show_origins(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->cluster->origins, "{}");
}

static int show_plan(const struct view_ctx *ctx, struct buf *b) {
    (void)show_lines(b, ctx->cluster->plan, "nothing to do");
    if (str_len(ctx->cluster->changes))
        (void)buf_puts(b,
                       "\nnodes that run keep their definition; nodes started from now on get\n");
    return show_lines(b, ctx->cluster->changes, "");
}

static int show_state(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, cluster_state_file(ctx->cluster->state));
}

static int show_alerts(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->cluster->alerts, "");
}

static int show_error(const struct view_ctx *ctx, struct buf *b) {
    (void)show_lines(b, ctx->cluster->outcome, "ok");
    return show_lines(b, ctx->cluster->notes, "");
}

static const struct view_entry entries[] = {
    {.name = "template.rejected",
     .row = ROW_TEMPLATE_REJECTED,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HIDDEN,
     .show = show_template_rejected,
     .changed_at = view_changed_rejected_template,
     .doc = "the last template that was refused, until the next good one"},
    {.name = "parameters.rejected",
     .row = ROW_PARAMETERS_REJECTED,
     .kind = VIEW_ATTR,
     .mode = 0400, /* a broken text may hold a password under another name */
     .flags = VIEW_HIDDEN,
     .show = show_parameters_rejected,
     .changed_at = view_changed_rejected_parameters,
     .doc = "the last parameters that were refused, secrets masked, until the next good ones"},
    {.name = "parameters.schema",
     .row = ROW_SCHEMA,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_schema,
     .changed_at = view_changed_template,
     .doc = "JSON Schema of the parameters that the template declares"},
    {.name = "definition",
     .row = ROW_DEFINITION,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_definition,
     .doc = "the evaluated cluster as JSON: what inheritance and expressions gave"},
    {.name = "definition.origin",
     .row = ROW_DEFINITION_ORIGIN,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_origins,
     .doc = "where each value of the definition comes from: line, node, parameters; JSON, a row a "
            "line"},
    {.name = "plan",
     .row = ROW_PLAN,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_plan,
     .changed_at = view_changed_snapshot,
     .doc = "what the server would do next and why, which limit stops it, and what an edited "
            "template changes for new nodes"},
    {.name = "state",
     .row = ROW_STATE,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .flags = VIEW_SYNC | VIEW_POLL,
     .show = show_state,
     .store = store_cluster_state,
     .changed_at = view_changed_state,
     .doc = "off, starting, started, terminating or failed; write started or terminated"},
    {.name = "control",
     .row = ROW_CONTROL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_control,
     .store = store_control,
     .changed_at = view_changed_any_node,
     .doc = "comment lines, one for each verb allowed now; write one: start, terminate, retry"},
    {.name = "status",
     .row = ROW_STATUS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD | VIEW_POLL,
     .show = render_status,
     .changed_at = view_changed_any_node,
     .doc = "for people: key: value lines, then a table with one line for each node"},
    {.name = "status.json",
     .row = ROW_STATUS_JSON,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_status_json,
     .changed_at = view_changed_any_node,
     .doc = "the body of REST GET /clusters/CLUSTER/status?nodes=true"},
    {.name = "metrics",
     .row = ROW_METRICS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_cluster_metrics,
     .changed_at = view_changed_heartbeats,
     .doc = "Prometheus text: this cluster and its nodes"},
    {.name = "logs",
     .row = ROW_LOGS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .changed_at = view_changed_any_node,
     .stream = HISTORY_LOGS,
     .doc = "activity for people, append-only"},
    {.name = "logs.1",
     .row = ROW_LOGS_OLD,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_HIDDEN,
     .stream = HISTORY_LOGS,
     .generation = 1,
     .doc = "older lines of logs, once it has been cut"},
    {.name = "events",
     .row = ROW_EVENTS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .changed_at = view_changed_any_node,
     .stream = HISTORY_EVENTS,
     .doc = "events, one JSON object a line, append-only"},
    {.name = "usage",
     .row = ROW_USAGE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_usage,
     .changed_at = view_changed_snapshot,
     .unit = "hours, millionths of the currency",
     .doc = "JSON: node-hours, core-hours and cost by array and machine type, up to now"},
    {.name = "alerts",
     .row = ROW_CLUSTER_ALERTS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_alerts,
     .changed_at = view_changed_snapshot,
     .doc = "open alerts, one a line: since when, which array, what kind, the words"},
    {.name = "error",
     .row = ROW_ERROR,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_error,
     .changed_at = view_changed_snapshot,
     .doc = "ok, or why the last write in this cluster was refused; then what is missing"},
    {.name = "arrays",
     .row = ROW_ARRAYS,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_template,
     .dir = &view_arrays_dir,
     .doc = "the nodearrays of the template"},
    {.name = "nodes",
     .row = ROW_NODES,
     .kind = VIEW_LIST,
     .mode = 0755,
     .changed_at = view_changed_nodes,
     .dir = &view_nodes_dir,
     .doc =
         "the nodes; mkdir makes one once the cluster is started, rmdir terminates and forgets it"},
    {.name = "volumes",
     .row = ROW_VOLUMES,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_volumes,
     .dir = &view_volumes_dir,
     .doc = "persistent volumes of its standalone nodes: disks that outlive the VMs"},
    {.name = "template",
     .row = ROW_TEMPLATE,
     .kind = VIEW_DOC,
     .mode = 0644,
     .show = show_template,
     .store = store_template,
     .check = check_template,
     .changed_at = view_changed_template,
     .doc = "the cluster template, verbatim; checked when the writer closes"},
    {.name = "parameters",
     .row = ROW_PARAMETERS,
     .kind = VIEW_DOC,
     .mode = 0644,
     .show = show_parameters,
     .store = store_parameters,
     .check = check_parameters,
     .changed_at = view_changed_parameters,
     .doc = "values for the template's parameters: a JSON object, or Name = value lines"},
};

static const struct view_dir cluster_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_cluster_self = {
    .name = "CLUSTER",
    .row = ROW_CLUSTER,
    .kind = VIEW_DIR,
    .mode = 0755,
    .dir = &cluster_dir,
    .doc = "any other directory name is a cluster",
};
