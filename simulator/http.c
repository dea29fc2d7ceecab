/* SPDX-License-Identifier: MIT */
#include "http.h"

#include "base/log.h"
#include "base/parse.h"
#include "route.h"
#include "state.h"
#include "traffic.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECTIONS_MAX = 4096, IDLE_S = 300, CONNECTION_MEMORY = 64 << 10 };

struct http {
    struct world *world;
    struct list waiting; /* suspended exchanges */
    struct MHD_Daemon *daemon;
    unsigned port;
};

/* libmicrohttpd calls this first, with the request line's URI as it came. */
static void *request_begins(void *arg, const char *uri, struct MHD_Connection *connection) {
    struct http *http = arg;
    struct exchange *ex = calloc(1, sizeof(*ex));
    if (!ex)
        return NULL;
    ex->world = http->world;
    ex->connection = connection;
    ex->fault_allocated = -1;
    list_init(&ex->waiting);
    buf_init(&ex->request, BODY_MAX);
    buf_init(&ex->reply, REPLY_MAX);
    ex->url = strdup(uri);
    return ex;
}

static void request_ends(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code) {
    (void)arg;
    (void)connection;
    (void)code;
    struct exchange *ex = *context;
    if (!ex)
        return;
    timer_cancel(&ex->world->timers, &ex->wait);
    reply_reset(ex);
    buf_done(&ex->request);
    buf_done(&ex->reply);
    json_decref(ex->body);
    free(ex->method);
    free(ex->url);
    free(ex->path);
    free(ex);
}

static void add_common_headers(struct exchange *ex) {
    char id[UUID_TEXT_SIZE];
    random_uuid(&random_system, id);
    reply_header(ex, "x-ms-request-id", "%s", id);
    random_uuid(&random_system, id);
    reply_header(ex, "x-ms-correlation-request-id", "%s", id);
    reply_header(ex, "x-ms-routing-request-id", "SIMULATED:%s", id);
    const char *client_id = exchange_header(ex, "x-ms-client-request-id");
    const char *wanted = exchange_header(ex, "x-ms-return-client-request-id");
    if (client_id && wanted && strcasecmp(wanted, "true") == 0)
        reply_header(ex, "x-ms-client-request-id", "%s", client_id);
    reply_header(ex, "Cache-Control", "no-cache");
    reply_header(ex, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

static struct MHD_Response *make_response(struct exchange *ex) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        ex->reply.len, ex->reply.len ? ex->reply.data : (void *)"", MHD_RESPMEM_MUST_COPY);
    if (!response)
        return NULL;
    if (ex->reply.len)
        (void)MHD_add_response_header(response, "Content-Type",
                                      ex->reply_type ? ex->reply_type
                                                     : "application/json; charset=utf-8");
    for (size_t i = 0; i < ex->n_headers; i++)
        (void)MHD_add_response_header(response, ex->headers[i].name, ex->headers[i].value);
    return response;
}

/* Nothing is answered that is not in the state file. */
static void commit(struct exchange *ex) {
    struct state *state = ex->world->state;
    if (!state || strcmp(ex->method, "GET") == 0 || strcmp(ex->method, "HEAD") == 0)
        return;
    int r = state_commit(state, true);
    if (r < 0) {
        (void)log_errno(r, "cannot write the state file");
        reply_reset(ex);
        reply_error(ex, 503, "ServiceUnavailable", "The simulator cannot write its state file: %s",
                    strerror(-r));
    }
}

static void resume(struct exchange *ex) {
    list_del(&ex->waiting);
    MHD_resume_connection(ex->connection);
}

static void wait_over(struct timer *timer, void *context) {
    (void)context;
    resume(list_entry(timer, struct exchange, wait));
}

static enum MHD_Result answer(struct http *http, struct exchange *ex) {
    usec_t wait = 0;
    if (!route_answer(ex, &wait)) {
        ex->wait.fire = wait_over;
        usec_t at = clock_wall(&clock_real) + wait;
        if (timer_set(&ex->world->timers, &ex->wait, at) == 0) {
            list_add_tail(&http->waiting, &ex->waiting);
            MHD_suspend_connection(ex->connection);
            return MHD_YES;
        }
        reply_exhausted(ex);
    }
    commit(ex);
    add_common_headers(ex);
    traffic_record(ex->world->traffic, ex);
    if (ex->dropped)
        return MHD_NO;
    struct MHD_Response *response = make_response(ex);
    if (!response)
        return MHD_NO;
    enum MHD_Result r = MHD_queue_response(ex->connection, (unsigned)ex->status, response);
    MHD_destroy_response(response);
    return r;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd dictates the parameters */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **context) {
    (void)connection;
    (void)version;
    struct exchange *ex = *context;
    if (!ex || !ex->url)
        return MHD_NO;
    if (!ex->path) {
        ex->path = strdup(url);
        ex->method = strdup(method);
        return ex->path && ex->method ? MHD_YES : MHD_NO;
    }
    if (*size) {
        /* A body over the maximum closes the connection: nobody sends one to Azure either. */
        int r = buf_append(&ex->request, data, *size);
        *size = 0;
        return r < 0 ? MHD_NO : MHD_YES;
    }
    return answer(arg, ex);
}

/* Splits "ADDRESS:PORT"; brackets around the address are taken off, in place. */
static int split_address(char *text, char **ret_host, char **ret_port) {
    char *colon = strrchr(text, ':');
    if (!colon)
        return -EINVAL;
    *colon = '\0';
    size_t len = strlen(text);
    if (*text == '[' && len > 1 && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    }
    *ret_host = text;
    *ret_port = colon + 1;
    return 0;
}

static int resolve(const char *listen, struct addrinfo **ret, struct error *err) {
    _cleanup_free_ char *copy = strdup(listen);
    if (!copy)
        return -ENOMEM;
    char *host, *port;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    if (split_address(copy, &host, &port) < 0 || getaddrinfo(host, port, &hints, ret) != 0)
        return err_set(err, -EINVAL, "invalid_config",
                       "--listen %s: write ADDRESS:PORT in numbers, for instance 127.0.0.1:8090",
                       listen);
    return 0;
}

static struct MHD_Daemon *start(struct http *http, const struct addrinfo *address) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_URI_LOG_CALLBACK, request_begins, http, MHD_OPTION_NOTIFY_COMPLETED,
        request_ends, http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

int http_new(struct world *world, const char *listen, struct http **ret, struct error *err) {
    struct addrinfo *address = NULL;
    int r = resolve(listen, &address, err);
    if (r < 0)
        return r;
    struct http *http = calloc(1, sizeof(*http));
    if (!http) {
        freeaddrinfo(address);
        return -ENOMEM;
    }
    http->world = world;
    list_init(&http->waiting);
    http->daemon = start(http, address);
    bool v6 = address->ai_family == AF_INET6;
    freeaddrinfo(address);
    if (!http->daemon) {
        free(http);
        return err_set(err, -EADDRINUSE, "busy", "cannot listen on %s: %s", listen,
                       strerror(errno));
    }
    http->port = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    size_t host_len = (size_t)(strrchr(listen, ':') - listen);
    world->base_url =
        strncmp(listen, "0.0.0.0", host_len) == 0
            ? text_format("http://127.0.0.1:%u", http->port)
            : text_format(v6 && *listen != '[' ? "http://[%.*s]:%u" : "http://%.*s:%u",
                          (int)host_len, listen, http->port);
    if (!world->base_url) {
        http_free(http);
        return -ENOMEM;
    }
    *ret = http;
    return 0;
}

void http_free(struct http *http) {
    if (!http)
        return;
    /* libmicrohttpd does not stop with suspended connections. */
    list_for_each_safe(link, next, &http->waiting)
        resume(list_entry(link, struct exchange, waiting));
    MHD_stop_daemon(http->daemon);
    free(http);
}

int http_fd(const struct http *http) {
    return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *http) {
    (void)MHD_run(http->daemon);
}

usec_t http_timeout(const struct http *http) {
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(http->daemon, &ms) == MHD_YES ? ms * USEC_MS : USEC_NEVER;
}

unsigned http_port(const struct http *http) {
    return http->port;
}
