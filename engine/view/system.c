/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "render.h"
#include "show.h"
#include "store-value.h"

static int show_version(const struct view_ctx *ctx, struct buf *b) {
    return show_lines(b, ctx->snapshot->server.version, CYCLECLOUDFS_VERSION);
}

static int show_health(const struct view_ctx *ctx, struct buf *b) {
    const struct server *server = &ctx->snapshot->server;
    return show_lines(b, server->health_text, server->health == HEALTH_OK ? "ok" : "degraded");
}

static int show_config(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ctx->snapshot->server.config, "");
}

static int show_trace(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ctx->snapshot->server.trace, "");
}

static int show_account(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, ((const struct account *)ctx->item)->text, "");
}

/* The array and the cluster may be gone by now. */
static int show_alert(const struct view_ctx *ctx, struct buf *b) {
    const struct alert *a = (const struct alert *)ctx->item;
    const struct cluster *c = snapshot_cluster(ctx->snapshot, a->cluster_id);
    const struct array *array = c ? cluster_array_by_id(c, a->array_id) : NULL;
    (void)buf_puts(b, "since: ");
    (void)show_time(b, a->item.created_at);
    if (c)
        (void)buf_printf(b, "cluster: %s\n", str_text(c->name));
    if (array)
        (void)buf_printf(b, "array: %s\n", str_text(array->name));
    return buf_printf(b, "kind: %s\n%s\n", str_text(a->kind), str_text(a->text));
}

static const struct view_entry entries[] = {
    {.name = "version",
     .row = ROW_VERSION,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = show_version,
     .doc = "version of the server"},
    {.name = "health",
     .row = ROW_HEALTH,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_health,
     .changed_at = view_changed_snapshot,
     .doc = "ok, or what is wrong, one line each"},
    {.name = "config",
     .row = ROW_CONFIG,
     .kind = VIEW_DOC,
     .mode = 0644,
     .show = show_config,
     .store = store_config,
     .changed_at = view_changed_config,
     .doc = "the configuration file; checked, written and used when the writer closes"},
    {.name = "accounts",
     .row = ROW_ACCOUNTS,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_accounts,
     .dir = &view_accounts_dir,
     .doc = "the ways into the cloud; a section of config each"},
    {.name = "alerts",
     .row = ROW_ALERTS,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_alerts,
     .dir = &view_alerts_dir,
     .doc = "a file for each open alert of the server and of all clusters"},
    {.name = "orphans",
     .row = ROW_ORPHANS,
     .kind = VIEW_LIST,
     .mode = 0555,
     .changed_at = view_changed_orphans,
     .dir = &view_orphans_dir,
     .doc = "VMs with this server's tag that belong to no node"},
    {.name = "trace",
     .row = ROW_TRACE,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = show_trace,
     .changed_at = view_changed_snapshot,
     .unit = "ms of time",
     .doc = "the last requests to the cloud and how each ended, one a line"},
    {.name = "limits",
     .row = ROW_LIMITS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .show = render_limits,
     .doc = "the bounds of this server, one `name: number unit` a line"},
    {.name = "machine_types",
     .row = ROW_MACHINE_TYPES,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_machine_types,
     .changed_at = view_changed_catalog,
     .unit = "memory in MiB",
     .doc = "machine types of each account and region, a table"},
    {.name = "prices",
     .row = ROW_PRICES,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_prices,
     .changed_at = view_changed_catalog,
     .unit = "millionths an hour",
     .doc = "what an hour of each machine type costs with Linux, without discounts: a table"},
    {.name = "quotas",
     .row = ROW_QUOTAS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_quotas,
     .changed_at = view_changed_catalog,
     .unit = "cores",
     .doc = "quotas of each account and region: used and limit, a table"},
};

const struct view_entry view_account_self = {
    .name = "ACCOUNT",
    .row = ROW_ACCOUNT,
    .kind = VIEW_DOC,
    .mode = 0644,
    .show = show_account,
    .store = store_account,
    .doc = "keys of [account ACCOUNT]; secrets read ********, and writing that keeps them",
};

const struct view_entry view_alert_self = {
    .name = "ALERT",
    .row = ROW_ALERT,
    .kind = VIEW_ATTR,
    .mode = 0444,
    .show = show_alert,
    .doc = "since when, about what, and the words",
};

const struct view_dir view_alerts_dir = {
    .lists = VIEW_OF_ALERT,
};

const struct view_dir view_accounts_dir = {
    .lists = VIEW_OF_ACCOUNT,
};

const struct view_dir view_system_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};
