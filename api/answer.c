/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "compress.h"
#include "model/command.h"

#include <errno.h>
#include <string.h>

#define ERROR_MAX_BYTES ((size_t)64 << 10)
#define RETRY_AFTER_TEXT_MAX 16
#define PACK_FROM_BYTES ((size_t)1400) /* a shorter text goes in one packet as it is */

/* What we say of ourselves, without the engine. */
struct status_words {
    unsigned status;
    const char *json;
};

#define WORDS(kind, message) "{\"error\":{\"kind\":\"" kind "\",\"message\":\"" message "\"}}\n"

static const struct status_words words[] = {
    {MHD_HTTP_INTERNAL_SERVER_ERROR, WORDS("internal", "the server could not make an answer")},
    {MHD_HTTP_BAD_REQUEST, WORDS("invalid_value", "the request is malformed")},
    {MHD_HTTP_UNAUTHORIZED,
     WORDS("unauthorized", "this path needs the header Authorization: Bearer TOKEN")},
    {MHD_HTTP_NOT_FOUND, WORDS("not_found", "there is no such path: GET / lists them")},
    {MHD_HTTP_METHOD_NOT_ALLOWED,
     WORDS("method_not_allowed",
           "this path does not take that method: the header Allow says which")},
    {MHD_HTTP_LENGTH_REQUIRED,
     WORDS("length_required", "a body needs the header Content-Length; chunks are not taken")},
    {MHD_HTTP_MISDIRECTED_REQUEST,
     WORDS("invalid_value", "the name in the header Host is not this server's: use its address or "
                            "the name in `url` of [server]")},
    {MHD_HTTP_CONTENT_TOO_LARGE, WORDS("too_large", "the body is longer than 65536 bytes")},
    {MHD_HTTP_TOO_MANY_REQUESTS,
     WORDS("try_again", "too many requests are waiting: come again after the time in Retry-After")},
    {MHD_HTTP_SERVICE_UNAVAILABLE,
     WORDS("try_again", "no answer in time, or the server is stopping: come again later")},
};

static const char *find_words(unsigned status) {
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].status == status)
            return words[i].json;
    return words[0].json;
}

static unsigned reply_status(const struct reply *reply) {
    if (reply->http_status >= 200 && reply->http_status <= 599)
        return (unsigned)reply->http_status;
    if (reply->http_status != 0)
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    if (reply->code == 0)
        return MHD_HTTP_OK;
    /* the engine is stopping, or we asked it to give up: not the client's fault */
    if (reply->code == -ECANCELED || reply->code == -EINTR)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    return (unsigned)error_kind_find(reply->kind)->http;
}

static int put_error(struct buf *b, const struct reply *reply) {
    (void)buf_puts(b, "{\"error\":{\"kind\":\"");
    (void)buf_put_json(b, error_kind_find(reply->kind)->kind);
    (void)buf_puts(b, "\",\"message\":\"");
    (void)buf_put_json(b, reply->message);
    return buf_puts(b, "\"}}\n");
}

void answer_from_reply(const struct reply *reply, struct answer *ret) {
    *ret = (struct answer){.status = reply_status(reply), .retry_after_s = reply->retry_after_s};
    if (reply->text && *reply->text) {
        ret->json = strdup(reply->text);
    } else if (reply->message && *reply->message) {
        _cleanup_buf_ struct buf b = BUF_INIT(ERROR_MAX_BYTES);
        ret->json = put_error(&b, reply) == 0 ? buf_take(&b) : NULL;
    } else {
        ret->json = ret->status < MHD_HTTP_BAD_REQUEST ? strdup("{}\n") : NULL;
        return;
    }
    if (!ret->json)
        *ret = (struct answer){.status = MHD_HTTP_INTERNAL_SERVER_ERROR};
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Queues a response (released here) with the headers that every answer has. */
static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
                             struct MHD_Response *response, const char *content_type) {
    enum MHD_Result r = MHD_NO;
    if (add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) &&
        add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
        add_header(response, "X-Content-Type-Options", "nosniff"))
        r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

static bool add_retry_after(struct MHD_Response *response, unsigned seconds) {
    _cleanup_buf_ struct buf b = BUF_INIT(RETRY_AFTER_TEXT_MAX);
    return buf_printf(&b, "%u", seconds) == 0 &&
           add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, b.data);
}

enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer,
                            const char *allow) {
    const char *json = answer->json ? answer->json : find_words(answer->status);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(json), (void *)json, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    bool ok = !answer->retry_after_s || add_retry_after(response, answer->retry_after_s);
    if (answer->status == MHD_HTTP_UNAUTHORIZED)
        ok = ok && add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (allow)
        ok = ok && add_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    if (ok)
        return queue(connection, answer->status, response, CONTENT_JSON);
    MHD_destroy_response(response);
    return MHD_NO;
}

enum MHD_Result answer_status(struct MHD_Connection *connection, unsigned status,
                              const char *allow) {
    struct answer answer = {.status = status};
    return answer_send(connection, &answer, allow);
}

/* A text with its headers; NULL when memory ran out. The text is taken out of the buffer. */
static struct MHD_Response *text_response(struct buf *text, bool packed) {
    size_t len = text->len;
    char *data = buf_take(text);
    struct MHD_Response *response =
        data ? MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) {
        free(data);
        return NULL;
    }
    if (packed && !(add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip") &&
                    add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING))) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, struct buf *text,
                            const char *content_type) {
    const char *accepted =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    bool packed =
        text->len > PACK_FROM_BYTES && compress_accepted(accepted) && compress_text(text) == 0;
    struct MHD_Response *response = text_response(text, packed);
    if (!response)
        return answer_status(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    return queue(connection, status, response, content_type);
}
