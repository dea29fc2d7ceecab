/* SPDX-License-Identifier: MIT */
#include "request.h"

#include "model/limits.h"
#include "view/view.h"

#include <errno.h>
#include <string.h>

#define ROOT_TEXT_MAX ((size_t)4096)
#define PATH_DEPTH 2
#define NOBODY ((uid_t)65534) /* monitoring has no account here: it sees what everybody may */

/* A file of the tree that has a path here. NULL ends a path. */
static const char *const metrics_path[PATH_DEPTH + 1] = {"metrics"};
static const char *const health_path[PATH_DEPTH + 1] = {"system", "health"};

/* Renders a file of the tree. 0 or -errno. */
static int render(const struct gateway *g, const char *const *path, struct buf *b) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(g->model);
    struct view_ref ref = view_root();
    for (; *path; path++) {
        struct view_ref next;
        int r = view_lookup(g, s, &ref, *path, &next);
        if (r < 0)
            return r;
        ref = next;
    }
    struct view_ctx ctx = {0};
    int r = view_context(g, s, &ref, &ctx);
    if (r < 0)
        return r;
    ctx.uid = NOBODY;
    ctx.gid = (gid_t)NOBODY;
    return view_show(&ctx, &ref, b);
}

static enum MHD_Result run_metrics(struct request *r) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    if (render(r->service->gateway, metrics_path, &b) < 0)
        return answer_status(r->connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    /* the Prometheus text exposition format */
    return answer_text(r->connection, MHD_HTTP_OK, &b, "text/plain; version=0.0.4; charset=utf-8");
}

/* 200 when the first line of system/health is "ok", else 503; the text in both cases. */
static enum MHD_Result run_health(struct request *r) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    if (render(r->service->gateway, health_path, &b) < 0)
        return answer_status(r->connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    bool ok = strncmp(b.data, "ok", 2) == 0 && (b.data[2] == '\n' || !b.data[2]);
    return answer_text(r->connection, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &b,
                       CONTENT_TEXT);
}

static enum MHD_Result run_root(struct request *r);

static const struct route routes[] = {
    {.path = "/", .method = "GET", .allow = "GET, HEAD", .run = run_root},
    {.path = "/health", .method = "GET", .allow = "GET, HEAD", .run = run_health},
    {.path = "/metrics", .method = "GET", .allow = "GET, HEAD", .run = run_metrics},
    {.path = "/agent/v1/register",
     .method = "POST",
     .allow = "POST",
     .flags = ROUTE_BODY | ROUTE_TOKEN,
     .run = agent_run,
     .value = COMMAND_AGENT_REGISTER},
    {.path = "/agent/v1/status",
     .method = "POST",
     .allow = "POST",
     .flags = ROUTE_BODY | ROUTE_TOKEN,
     .run = agent_run,
     .value = COMMAND_AGENT_STATUS},
};

static enum MHD_Result run_root(struct request *r) {
    _cleanup_buf_ struct buf b = BUF_INIT(ROOT_TEXT_MAX);
    (void)buf_puts(&b, "cyclecloudfs " CYCLECLOUDFS_VERSION "\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        (void)buf_printf(&b, "%-5s %s\n", routes[i].method, routes[i].path);
    return answer_text(r->connection, MHD_HTTP_OK, &b, CONTENT_TEXT);
}

const struct route *route_find(const char *path) {
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

bool route_takes(const struct route *route, const char *method) {
    return strcmp(route->method, method) == 0 || (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 &&
                                                  strcmp(route->method, MHD_HTTP_METHOD_GET) == 0);
}
