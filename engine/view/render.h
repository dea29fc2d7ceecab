/* SPDX-License-Identifier: MIT */
#ifndef VIEW_RENDER_H
#define VIEW_RENDER_H

/*
 * The larger renderings of the tree, for the rows that show them and for HTTP answers with the same
 * body. All append to `b` and return 0, -E2BIG or -ENOMEM. They read one snapshot, take one pass
 * over the nodes for each table or metric, and may be called from any thread.
 */

#include "view.h"

/* The root's `status`: one line for each cluster. */
int render_root_status(const struct view_ctx *ctx, struct buf *b);

/* A cluster's `status` for people. */
int render_status(const struct view_ctx *ctx, struct buf *b);

/* The body of GET /clusters/CLUSTER/status (REST), with `nodes` as if nodes=true, and a newline. */
int render_status_body(const struct view_ctx *ctx, bool nodes, struct buf *b);
/* `status.json`: the same with nodes. */
int render_status_json(const struct view_ctx *ctx, struct buf *b);

/* A node's record in CycleCloud's names, as REST shows it: a JSON object without a newline. `c` is
   the node's cluster. */
int render_node_record(const struct snapshot *s, const struct cluster *c, const struct node *n,
                       struct buf *b);

/* `usage`. */
int render_usage(const struct view_ctx *ctx, struct buf *b);

/* Prometheus text exposition (version 0.0.4): of the server with all its clusters, of one cluster,
   of one node. */
int render_root_metrics(const struct view_ctx *ctx, struct buf *b);
int render_cluster_metrics(const struct view_ctx *ctx, struct buf *b);
int render_node_metrics(const struct view_ctx *ctx, struct buf *b);

/* system/machine_types, system/prices, system/quotas, system/limits. */
int render_machine_types(const struct view_ctx *ctx, struct buf *b);
int render_prices(const struct view_ctx *ctx, struct buf *b);
int render_quotas(const struct view_ctx *ctx, struct buf *b);
int render_limits(const struct view_ctx *ctx, struct buf *b);

/* README. */
int render_readme(const struct view_ctx *ctx, struct buf *b);

#endif
