/* SPDX-License-Identifier: MIT */
#include "traffic.h"

#include "route.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)256 << 20)

struct traffic {
    int log_fd; /* -1 = no log */
    json_t *by_method, *by_kind, *by_status;
    json_int_t requests, writes;
};

int traffic_new(const char *log_path, struct traffic **ret, struct error *err) {
    struct traffic *traffic = calloc(1, sizeof(*traffic));
    if (!traffic)
        return -ENOMEM;
    *traffic = (struct traffic){.log_fd = -1,
                                .by_method = json_object(),
                                .by_kind = json_object(),
                                .by_status = json_object()};
    int r = traffic->by_method && traffic->by_kind && traffic->by_status ? 0 : -ENOMEM;
    if (r == 0 && log_path) {
        traffic->log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (traffic->log_fd < 0)
            r = err_set(err, -errno, "internal", "cannot open the log %s: %s", log_path,
                        strerror(errno));
    }
    if (r < 0) {
        traffic_free(traffic);
        return r;
    }
    *ret = traffic;
    return 0;
}

void traffic_free(struct traffic *traffic) {
    if (!traffic)
        return;
    if (traffic->log_fd >= 0)
        (void)close(traffic->log_fd);
    json_decref(traffic->by_method);
    json_decref(traffic->by_kind);
    json_decref(traffic->by_status);
    free(traffic);
}

static void count(json_t *counts, const char *name) {
    json_t *value = json_object_get(counts, name);
    (void)json_object_set_new(counts, name, json_integer(json_integer_value(value) + 1));
}

struct header_sink {
    struct buf *out;
    bool any;
};

static void put_pair(struct header_sink *sink, const char *name, const char *value) {
    (void)buf_puts(sink->out, sink->any ? ",\"" : "\"");
    (void)buf_put_json(sink->out, name);
    (void)buf_puts(sink->out, "\":\"");
    (void)buf_put_json(sink->out, value ? value : "");
    (void)buf_putc(sink->out, '"');
    sink->any = true;
}

static enum MHD_Result put_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    put_pair(arg, name, strcasecmp(name, "Authorization") == 0 ? "Bearer ***" : value);
    return MHD_YES;
}

/* Signatures of addresses are as good as a password. */
static void mask_signatures(char *text) {
    static const char name[] = "&sig=";
    for (char *at = text; (at = strstr(at, name));)
        for (at += sizeof(name) - 1; *at && *at != '&' && *at != '"'; at++)
            *at = '*';
}

/* A body as it is if it is JSON, as text otherwise. */
static void put_body(struct buf *out, const char *name, const struct buf *body) {
    if (!body->len)
        return;
    (void)buf_printf(out, ",\"%s\":", name);
    if (*body->data == '{' || *body->data == '[') {
        _cleanup_json_ json_t *value = json_loadb(body->data, body->len, 0, NULL);
        _cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
        if (text) {
            mask_signatures(text);
            (void)buf_puts(out, text);
            return;
        }
    }
    (void)buf_putc(out, '"');
    (void)buf_put_json(out, body->data);
    (void)buf_putc(out, '"');
}

static void write_line(int fd, const struct exchange *ex) {
    _cleanup_buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    (void)buf_printf(&line, "{\"method\":\"%s\",\"url\":\"", ex->method);
    (void)buf_put_json(&line, ex->world->base_url);
    (void)buf_put_json(&line, ex->url);
    (void)buf_puts(&line, "\",\"requestHeaders\":{");
    struct header_sink sink = {.out = &line};
    (void)MHD_get_connection_values(ex->connection, MHD_HEADER_KIND, put_header, &sink);
    (void)buf_putc(&line, '}');
    put_body(&line, "requestBody", &ex->request);
    (void)buf_printf(&line, ",\"status\":%d%s,\"responseHeaders\":{", ex->status,
                     ex->dropped ? ",\"lost\":true" : "");
    sink.any = false;
    if (ex->reply.len)
        put_pair(&sink, "content-type", "application/json; charset=utf-8");
    for (size_t i = 0; i < ex->n_headers; i++)
        put_pair(&sink, ex->headers[i].name, ex->headers[i].value);
    (void)buf_putc(&line, '}');
    put_body(&line, "responseBody", &ex->reply);
    (void)buf_puts(&line, "}\n");
    if (!buf_error(&line))
        (void)!write(fd, line.data, line.len); /* a full disk must not stop the simulation */
}

void traffic_record(struct traffic *traffic, const struct exchange *ex) {
    if (!route_counted(ex))
        return;
    char status[16];
    (void)snprintf(status, sizeof(status), "%d", ex->status);
    traffic->requests++;
    count(traffic->by_method, ex->method);
    count(traffic->by_kind, ex->route ? ex->route->name : "unknown");
    count(traffic->by_status, status);
    bool read = strcmp(ex->method, "GET") == 0 || strcmp(ex->method, "HEAD") == 0;
    if (!read && strncasecmp(ex->path, "/subscriptions", 14) == 0)
        traffic->writes++;
    if (traffic->log_fd >= 0 && route_logged(ex))
        write_line(traffic->log_fd, ex);
}

json_t *traffic_json(const struct traffic *traffic) {
    return json_pack("{s:I,s:O,s:O,s:O,s:I}", "requests", traffic->requests, "by_method",
                     traffic->by_method, "by_kind", traffic->by_kind, "by_status",
                     traffic->by_status, "writes", traffic->writes);
}
