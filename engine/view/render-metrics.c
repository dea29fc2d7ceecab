/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "show.h"

/*
 * Prometheus text exposition format, version 0.0.4: for each metric `# HELP`, `# TYPE`, then all
 * its samples together. One row of `metrics` is one metric; what it is counted of says how often.
 */

struct metric {
    const char *name, *type, *help;
    enum view_object of;
    /* Appends the samples of one object. */
    void (*put)(const struct metric *m, const struct view_ctx *ctx, struct buf *b);
    double (*value)(const struct view_ctx *ctx); /* for put_value */
};

static void put_number(struct buf *b, double value) {
    bool whole = value > -1e15 && value < 1e15 && value == (double)(int64_t)value;
    (void)buf_printf(b, whole ? "%.0f\n" : "%.6f\n", value);
}

static void put_label(struct buf *b, const char *key, const char *value) {
    bool first = b->data[b->len - 1] == '{';
    (void)buf_puts(b, first ? "" : ",");
    (void)buf_puts(b, key);
    (void)buf_puts(b, "=\"");
    (void)show_json(b, value);
    (void)buf_putc(b, '"');
}

/* The name, and the labels that say which object it is; the brace stays open. */
static void put_name(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    (void)buf_puts(b, m->name);
    (void)buf_putc(b, '{');
    if (ctx->cluster)
        put_label(b, "cluster", str_text(ctx->cluster->name));
    if (ctx->array)
        put_label(b, "array", str_text(ctx->array->name));
    if (ctx->node)
        put_label(b, "node", str_text(ctx->node->name));
}

static void put_value(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    if (ctx->cluster) {
        put_name(m, ctx, b);
        (void)buf_puts(b, "} ");
    } else {
        (void)buf_puts(b, m->name);
        (void)buf_putc(b, ' ');
    }
    put_number(b, m->value(ctx));
}

/* What the agent reported; nothing before it called for the first time. */
static void put_reported(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    if (ctx->node->last_seen)
        put_value(m, ctx, b);
}

static void put_info(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    const struct str *version = ctx->snapshot->server.version;
    put_name(m, ctx, b);
    put_label(b, "version", str_len(version) ? str_text(version) : CYCLECLOUDFS_VERSION);
    (void)buf_puts(b, "} 1\n");
}

static void put_states(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    for (int s = 0; s < CLUSTER_STATE_MAX; s++) {
        put_name(m, ctx, b);
        put_label(b, "state", cluster_state_file((enum cluster_state)s));
        (void)buf_puts(b, "} ");
        put_number(b, (int)ctx->cluster->state == s);
    }
}

static void put_statuses(const struct metric *m, const struct view_ctx *ctx, struct buf *b) {
    for (int s = 0; s < NODE_STATUS_MAX; s++) {
        put_name(m, ctx, b);
        put_label(b, "status", node_status_name((enum node_status)s));
        (void)buf_puts(b, "} ");
        put_number(b, ctx->cluster->counts.by_status[s] + ctx->cluster->head_counts.by_status[s]);
    }
}

static double server_healthy(const struct view_ctx *ctx) {
    return ctx->snapshot->server.health == HEALTH_OK;
}

static double server_start(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.started_at / USEC_SEC;
}

static double server_revision(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->revision;
}

static double server_clusters(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->clusters.len;
}

static double server_ticks(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.ticks;
}

static double server_commits(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.commits;
}

static double server_commands(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.commands;
}

static double server_cloud_requests(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.cloud_requests;
}

static double server_cloud_errors(const struct view_ctx *ctx) {
    return (double)ctx->snapshot->server.cloud_errors;
}

static double cluster_wanted(const struct view_ctx *ctx) {
    return ctx->cluster->counts.wanted + ctx->cluster->head_counts.wanted;
}

static double cluster_held(const struct view_ctx *ctx) {
    return ctx->cluster->counts.held + ctx->cluster->head_counts.held;
}

static double cluster_cores(const struct view_ctx *ctx) {
    return ctx->cluster->counts.cores + ctx->cluster->head_counts.cores;
}

static double cluster_behind(const struct view_ctx *ctx) {
    return (double)(ctx->cluster->generation - ctx->cluster->observed_generation);
}

static double array_wanted(const struct view_ctx *ctx) {
    return ctx->array->counts.wanted;
}

static double array_ready(const struct view_ctx *ctx) {
    return ctx->array->counts.by_status[NODE_READY];
}

static double array_cores(const struct view_ctx *ctx) {
    return ctx->array->counts.cores;
}

static double node_ready(const struct view_ctx *ctx) {
    return ctx->node->status == NODE_READY;
}

static double node_cores(const struct view_ctx *ctx) {
    return ctx->node->cores;
}

static double node_last_seen(const struct view_ctx *ctx) {
    return (double)ctx->node->last_seen / USEC_SEC;
}

static double node_cpu(const struct view_ctx *ctx) {
    return (double)ctx->node->metrics.cpu;
}

static double node_memory(const struct view_ctx *ctx) {
    return (double)ctx->node->metrics.memory;
}

static double node_load(const struct view_ctx *ctx) {
    return (double)ctx->node->metrics.load;
}

#define P "cyclecloud_"
static const struct metric metrics[] = {
    {P "server_info", "gauge", "The server's version.", VIEW_OF_SERVER, put_info, NULL},
    {P "server_healthy", "gauge", "1 when system/health is ok.", VIEW_OF_SERVER, put_value,
     server_healthy},
    {P "server_start_time_seconds", "gauge", "When the server started, seconds since 1970.",
     VIEW_OF_SERVER, put_value, server_start},
    {P "server_revision", "gauge", "Revision of the state that is shown.", VIEW_OF_SERVER,
     put_value, server_revision},
    {P "server_clusters", "gauge", "Clusters, whatever their state.", VIEW_OF_SERVER, put_value,
     server_clusters},
    {P "server_ticks_total", "counter", "Rounds of the engine.", VIEW_OF_SERVER, put_value,
     server_ticks},
    {P "server_commits_total", "counter", "Commits to the store.", VIEW_OF_SERVER, put_value,
     server_commits},
    {P "server_commands_total", "counter", "Commands taken.", VIEW_OF_SERVER, put_value,
     server_commands},
    {P "server_cloud_requests_total", "counter", "Requests sent to the cloud.", VIEW_OF_SERVER,
     put_value, server_cloud_requests},
    {P "server_cloud_errors_total", "counter", "Requests that the cloud did not carry out.",
     VIEW_OF_SERVER, put_value, server_cloud_errors},
    {P "cluster_state", "gauge", "1 for the state that the cluster is in.", VIEW_OF_CLUSTER,
     put_states, NULL},
    {P "cluster_nodes", "gauge", "Nodes by status, head nodes too.", VIEW_OF_CLUSTER, put_statuses,
     NULL},
    {P "cluster_nodes_wanted", "gauge", "Nodes wanted, head nodes too.", VIEW_OF_CLUSTER, put_value,
     cluster_wanted},
    {P "cluster_nodes_held", "gauge", "Nodes that wait for a person.", VIEW_OF_CLUSTER, put_value,
     cluster_held},
    {P "cluster_cores", "gauge", "Cores of machines that exist or are being made.", VIEW_OF_CLUSTER,
     put_value, cluster_cores},
    {P "cluster_wishes_behind", "gauge", "Wishes that the cloud has not yet reached.",
     VIEW_OF_CLUSTER, put_value, cluster_behind},
    {P "array_nodes_wanted", "gauge", "Nodes wanted in the array.", VIEW_OF_ARRAY, put_value,
     array_wanted},
    {P "array_nodes_ready", "gauge", "Nodes of the array that are Ready.", VIEW_OF_ARRAY, put_value,
     array_ready},
    {P "array_cores", "gauge", "Cores of the array's machines.", VIEW_OF_ARRAY, put_value,
     array_cores},
    {P "node_ready", "gauge", "1 when the node is Ready.", VIEW_OF_NODE, put_value, node_ready},
    {P "node_cores", "gauge", "Cores of the node.", VIEW_OF_NODE, put_value, node_cores},
    {P "node_last_seen_seconds", "gauge", "When the agent last called, seconds since 1970.",
     VIEW_OF_NODE, put_reported, node_last_seen},
    {P "node_cpu_ratio", "gauge", "Share of all cores that is busy, 0 to 1.", VIEW_OF_NODE,
     put_reported, node_cpu},
    {P "node_memory_ratio", "gauge", "Share of the memory that is used, 0 to 1.", VIEW_OF_NODE,
     put_reported, node_memory},
    {P "node_load1", "gauge", "Load average over one minute.", VIEW_OF_NODE, put_reported,
     node_load},
};

static void put_nodes(const struct metric *m, struct view_ctx *ctx, struct buf *b) {
    uint64_t position = 0;
    while ((ctx->node = cluster_next_node(ctx->cluster, &position)) && !buf_error(b)) {
        if (!ctx->array || ctx->array->id != ctx->node->array_id)
            ctx->array = cluster_array_by_id(ctx->cluster, ctx->node->array_id);
        m->put(m, ctx, b);
    }
    ctx->array = NULL;
}

static void put_arrays(const struct metric *m, struct view_ctx *ctx, struct buf *b) {
    for (size_t i = 0; i < ctx->cluster->arrays.len; i++) {
        ctx->array = cluster_array(ctx->cluster, i);
        if (ctx->array->is_array)
            m->put(m, ctx, b);
    }
    ctx->array = NULL;
}

static void put_cluster(const struct metric *m, struct view_ctx *ctx, struct buf *b) {
    if (m->of == VIEW_OF_NODE)
        put_nodes(m, ctx, b);
    else if (m->of == VIEW_OF_ARRAY)
        put_arrays(m, ctx, b);
    else
        m->put(m, ctx, b);
}

static void put_header(const struct metric *m, struct buf *b) {
    (void)buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

int render_root_metrics(const struct view_ctx *ctx, struct buf *b) {
    const struct object_list *clusters = &ctx->snapshot->clusters;
    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        struct view_ctx c = {.gateway = ctx->gateway, .snapshot = ctx->snapshot};
        put_header(&metrics[i], b);
        if (metrics[i].of == VIEW_OF_SERVER)
            metrics[i].put(&metrics[i], &c, b);
        for (size_t k = 0; metrics[i].of != VIEW_OF_SERVER && k < clusters->len; k++) {
            c.cluster = clusters->items[k];
            put_cluster(&metrics[i], &c, b);
        }
    }
    return buf_error(b);
}

int render_cluster_metrics(const struct view_ctx *ctx, struct buf *b) {
    struct view_ctx c = *ctx;
    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        if (metrics[i].of == VIEW_OF_SERVER)
            continue;
        put_header(&metrics[i], b);
        put_cluster(&metrics[i], &c, b);
    }
    return buf_error(b);
}

int render_node_metrics(const struct view_ctx *ctx, struct buf *b) {
    for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
        if (metrics[i].of != VIEW_OF_NODE)
            continue;
        put_header(&metrics[i], b);
        metrics[i].put(&metrics[i], ctx, b);
    }
    return buf_error(b);
}
