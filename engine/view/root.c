/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "render.h"
#include "show.h"
#include "store/history.h"

/* Every write is refused or accepted for one user, so each sees his own last refusal. */
static int show_last_error(const struct view_ctx *ctx, struct buf *b) {
    const struct snapshot *s = ctx->snapshot;
    for (size_t i = 0; i < s->n_last_errors; i++)
        if (s->last_errors[i].uid == ctx->uid)
            return show_lines(b, s->last_errors[i].text, "ok");
    return show_line(b, "ok");
}

static int show_templates(const struct view_ctx *ctx, struct buf *b) {
    const char *path = ctx->gateway->template_library;
    return buf_puts(b, path ? path : "");
}

static int show_projects(const struct view_ctx *ctx, struct buf *b) {
    const char *path = ctx->gateway->projects;
    return buf_puts(b, path ? path : "");
}

static const struct view_entry entries[] = {
    {.name = "README",
     .row = ROW_README,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_readme,
     .doc = "what every file is for"},
    {.name = "status",
     .row = ROW_ROOT_STATUS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD | VIEW_POLL,
     .show = render_root_status,
     .changed_at = view_changed_snapshot,
     .doc = "one line for each cluster: name, state, nodes ready/wanted, cores, alerts"},
    {.name = "events",
     .row = ROW_ROOT_EVENTS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .changed_at = view_changed_snapshot,
     .stream = HISTORY_EVENTS,
     .doc = "every event of every cluster, one JSON object a line, append-only"},
    {.name = "logs",
     .row = ROW_ROOT_LOGS,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_POLL,
     .changed_at = view_changed_snapshot,
     .stream = HISTORY_LOGS,
     .doc = "the same for people, one line each, and the server's own activity"},
    {.name = "logs.1",
     .row = ROW_ROOT_LOGS_OLD,
     .kind = VIEW_STREAM,
     .mode = 0444,
     .flags = VIEW_HIDDEN,
     .stream = HISTORY_LOGS,
     .generation = 1,
     .doc = "older lines of logs, once it has been cut"},
    {.name = "metrics",
     .row = ROW_ROOT_METRICS,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD,
     .show = render_root_metrics,
     .changed_at = view_changed_snapshot,
     .doc = "Prometheus text: the server, every cluster, every node"},
    {.name = "last_error",
     .row = ROW_LAST_ERROR,
     .kind = VIEW_ATTR,
     .mode = 0444,
     .flags = VIEW_HELD | VIEW_PRIVATE,
     .show = show_last_error,
     .changed_at = view_changed_last_error,
     .doc = "why the reader's last refused write or change was refused"},
    {.name = "templates",
     .row = ROW_TEMPLATES,
     .kind = VIEW_LINK,
     .mode = 0777,
     .flags = VIEW_HIDDEN,
     .show = show_templates,
     .doc = "the template library, a real directory that the server watches"},
    {.name = "projects",
     .row = ROW_PROJECTS,
     .kind = VIEW_LINK,
     .mode = 0777,
     .flags = VIEW_HIDDEN,
     .show = show_projects,
     .doc = "the node-configuration projects, likewise"},
    {.name = "users",
     .row = ROW_USERS,
     .kind = VIEW_LIST,
     .mode = 0755,
     .changed_at = view_changed_users,
     .dir = &view_users_dir,
     .doc = "who may use the clusters; mkdir adds a user, rmdir removes one"},
    {.name = "system",
     .row = ROW_SYSTEM,
     .kind = VIEW_DIR,
     .mode = 0555,
     .dir = &view_system_dir,
     .doc = "the server itself"},
};

static const struct view_dir root_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
    .lists = VIEW_OF_CLUSTER,
};

const struct view_entry view_root_self = {
    .name = "/",
    .row = ROW_ROOT,
    .kind = VIEW_LIST,
    .mode = 0755,
    .changed_at = view_changed_clusters,
    .dir = &root_dir,
    .doc = "all clusters; mkdir makes one, rmdir forgets it",
};
