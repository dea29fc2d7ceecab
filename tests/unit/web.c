/* SPDX-License-Identifier: MIT */
#include "web.h"

#include "base/buf.h"
#include "base/vec.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>

/* What the test cannot go on without; in release builds, too. */
static void must(bool holds) {
    if (!holds)
        abort();
}

#define BODY_MAX (1024 * 1024)

struct record {
    char *line, *body;
};

DEFINE_VEC(record_vec, struct record);

struct web {
    struct MHD_Daemon *daemon;
    web_answer answer;
    void *arg;
    char url[64];
    pthread_mutex_t lock; /* guards records */
    struct record_vec records;
};

struct exchange {
    bool begun;
    char *url;
    struct buf body;
};

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection) {
    (void)arg;
    (void)connection;
    struct exchange *ex = calloc(1, sizeof(*ex));
    must(ex);
    ex->url = strdup(uri);
    ex->body = BUF_INIT(BODY_MAX);
    must(ex->url);
    return ex;
}

static void on_end(void *arg, struct MHD_Connection *connection, void **slot,
                   enum MHD_RequestTerminationCode why) {
    (void)arg;
    (void)connection;
    (void)why;
    struct exchange *ex = *slot;
    if (!ex)
        return;
    free(ex->url);
    buf_done(&ex->body);
    free(ex);
    *slot = NULL;
}

static size_t remember(struct web *w, const char *method, const struct exchange *ex) {
    LOCK_SCOPE(&w->lock);
    struct record r = {.body = strdup(ex->body.data)};
    int n = asprintf(&r.line, "%s %s", method, ex->url);
    must(n > 0 && r.body);
    n = record_vec_append(&w->records, r);
    must(n == 0);
    return w->records.len - 1;
}

static enum MHD_Result reply(struct MHD_Connection *connection, const struct web_reply *r) {
    if (r->status == 0)
        return MHD_NO;
    const char *body = r->body ? r->body : "";
    size_t len = r->body_len ? r->body_len : strlen(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    must(response);
    for (size_t i = 0; i < WEB_HEADERS_MAX && r->headers[i].name; i++)
        (void)MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **slot) {
    (void)url;
    (void)version;
    struct web *w = arg;
    struct exchange *ex = *slot;
    if (!ex->begun) {
        /* The first call comes with the headers alone. */
        ex->begun = true;
        return MHD_YES;
    }
    if (*len) {
        int e = buf_append(&ex->body, data, *len);
        must(e == 0);
        *len = 0;
        return MHD_YES;
    }
    struct web_request q = {.method = method, .url = ex->url, .body = ex->body.data};
    q.headers = connection;
    q.n = remember(w, method, ex);
    struct web_reply r = {.status = 200};
    w->answer(w->arg, &q, &r);
    return reply(connection, &r);
}

static struct web *start(web_answer answer, void *arg, unsigned flags,
                         struct MHD_OptionItem *more) {
    struct web *w = calloc(1, sizeof(*w));
    must(w);
    w->answer = answer;
    w->arg = arg;
    (void)pthread_mutex_init(&w->lock, NULL);
    w->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | flags, 0, NULL, NULL, on_request, w,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, w, MHD_OPTION_NOTIFY_COMPLETED, on_end, w,
        MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    must(w->daemon);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_BIND_PORT);
    must(info);
    (void)snprintf(w->url, sizeof(w->url), "%s://127.0.0.1:%u",
                   flags & MHD_USE_TLS ? "https" : "http", info->port);
    return w;
}

struct web *web_new(web_answer answer, void *arg) {
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return start(answer, arg, 0, none);
}

struct web *web_new_tls(web_answer answer, void *arg, const char *key, const char *certificate) {
    struct MHD_OptionItem items[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                     {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
                                     {MHD_OPTION_END, 0, NULL}};
    return start(answer, arg, MHD_USE_TLS, items);
}

void web_free(struct web *w) {
    MHD_stop_daemon(w->daemon);
    for (size_t i = 0; i < w->records.len; i++) {
        free(w->records.items[i].line);
        free(w->records.items[i].body);
    }
    record_vec_done(&w->records);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

const char *web_url(const struct web *w) {
    return w->url;
}

size_t web_count(struct web *w) {
    LOCK_SCOPE(&w->lock);
    return w->records.len;
}

char *web_line(struct web *w, size_t n) {
    LOCK_SCOPE(&w->lock);
    return strdup(n < w->records.len ? w->records.items[n].line : "");
}

char *web_body(struct web *w, size_t n) {
    LOCK_SCOPE(&w->lock);
    return strdup(n < w->records.len ? w->records.items[n].body : "");
}

const char *web_header(const struct web_request *request, const char *name) {
    return MHD_lookup_connection_value(request->headers, MHD_HEADER_KIND, name);
}

void web_reply_header(struct web_reply *r, const char *name, const char *fmt, ...) {
    size_t i = 0;
    while (r->headers[i].name)
        i++;
    r->headers[i].name = name;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->headers[i].value, sizeof(r->headers[i].value), fmt, ap);
    va_end(ap);
}
