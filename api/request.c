/* SPDX-License-Identifier: MIT */
#include "request.h"

#include "base/parse.h"

#include <string.h>
#include <strings.h>

#define DISCARD_MAX ((uint64_t)1 << 20) /* of a refused body, so that the connection can go on */

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The length that the client announces; UINT64_MAX when the body is in chunks or the length is no
   number, 0 without a body. */
static uint64_t announced_length(struct MHD_Connection *connection, bool *ret_given) {
    const char *text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t length = 0;
    *ret_given = text != NULL;
    if (header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        *ret_given = false;
        return UINT64_MAX;
    }
    return text && parse_u64(text, &length) < 0 ? UINT64_MAX : length;
}

struct counting {
    const char *name;
    unsigned n;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
    struct counting *c = arg;
    (void)kind;
    (void)value;
    c->n += strcasecmp(name, c->name) == 0;
    return MHD_YES;
}

/* Two of a header that may come once: a proxy on the way may have believed the other one. */
static bool ambiguous(struct MHD_Connection *connection) {
    static const char *const once[] = {MHD_HTTP_HEADER_HOST, MHD_HTTP_HEADER_CONTENT_LENGTH,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING,
                                       MHD_HTTP_HEADER_AUTHORIZATION};
    for (size_t i = 0; i < ARRAY_SIZE(once); i++) {
        struct counting c = {.name = once[i]};
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &c);
        if (c.n > 1)
            return true;
    }
    return false;
}

/* What is wrong with a request as its headers show it; 0 = nothing. */
static unsigned refuse(struct request *r, const char *url, const char *method, bool length_given,
                       uint64_t length) {
    if (ambiguous(r->connection))
        return MHD_HTTP_BAD_REQUEST;
    if (!hosts_know(&r->service->hosts, header(r->connection, MHD_HTTP_HEADER_HOST)))
        return MHD_HTTP_MISDIRECTED_REQUEST;
    r->route = route_find(url);
    if (!r->route)
        return MHD_HTTP_NOT_FOUND;
    if (!route_takes(r->route, method)) {
        r->allow = r->route->allow;
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    if (r->route->flags & ROUTE_TOKEN && !request_token(r->connection))
        return MHD_HTTP_UNAUTHORIZED;
    if (r->route->flags & ROUTE_BODY && !length_given)
        return MHD_HTTP_LENGTH_REQUIRED;
    return length > REQUEST_BODY_MAX ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

static struct peer *peer_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* After the headers. A refused body is read and dropped when it is short, so that the client can
   read the answer and use the connection again; else the answer goes out and the connection ends.
 */
static enum MHD_Result begin(const struct service *service, struct MHD_Connection *connection,
                             const char *url, const char *method, void **state) {
    struct request *r = calloc(1, sizeof(*r));
    if (!r)
        return MHD_NO;
    *state = r;
    r->service = service;
    r->connection = connection;
    r->peer = peer_of(connection);
    buf_init(&r->body, REQUEST_BODY_MAX);
    bool given;
    uint64_t length = announced_length(connection, &given);
    r->refusal = refuse(r, url, method, given, length);
    if (r->refusal && (length > DISCARD_MAX || header(connection, MHD_HTTP_HEADER_EXPECT)))
        return answer_status(connection, r->refusal, r->allow);
    return MHD_YES;
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t len) {
    if (r->refusal)
        return MHD_YES;
    return buf_append(&r->body, data, len) == 0 ? MHD_YES : MHD_NO;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd dictates the parameters */
enum MHD_Result request_handle(void *service, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **state) {
    (void)version;
    struct request *r = *state;
    if (!r)
        return begin(service, connection, url, method, state);
    if (*upload_len > 0) {
        size_t len = *upload_len;
        *upload_len = 0;
        return take_body(r, upload, len);
    }
    peer_touch(r->service->waits, r->peer);
    if (r->refusal)
        return answer_status(connection, r->refusal, r->allow);
    if (r->call)
        return answer_send(connection, &r->call->answer, NULL);
    return r->route->run(r);
}

size_t request_unescape(void *service, struct MHD_Connection *connection, char *text) {
    (void)service;
    (void)connection;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

void request_completed(void *service, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode reason) {
    (void)service;
    (void)connection;
    (void)reason;
    struct request *r = TAKE_PTR(*state);
    if (!r)
        return;
    peer_touch(r->service->waits, r->peer);
    if (r->call)
        call_done(r->call);
    buf_done(&r->body);
    free(r);
}

static const struct sockaddr *address_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

void request_connection(void *service, struct MHD_Connection *connection, void **peer,
                        enum MHD_ConnectionNotificationCode what) {
    const struct service *s = service;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*peer)
            peer_free(s->waits, TAKE_PTR(*peer));
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        *peer = peer_new(s->waits, info->connect_fd, address_of(connection));
}

/* RFC 6750 section 2.1, b64token. */
static bool token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~+/=", c));
}

const char *request_token(struct MHD_Connection *connection) {
    static const char scheme[] = "Bearer ";
    const char *text = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    if (!text || strncasecmp(text, scheme, strlen(scheme)) != 0)
        return NULL;
    text += strlen(scheme);
    size_t len = 0;
    while (token_char(text[len]))
        len++;
    return len > 0 && !text[len] ? text : NULL;
}
