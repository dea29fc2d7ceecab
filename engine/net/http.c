/* SPDX-License-Identifier: MIT */
#include "http.h"

#include "timers.h"
#include "url.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#define HASH_NONFATAL_OOM 1 /* else it would end the process */
#include <uthash.h>

#define TIMEOUT_DEFAULT (60 * USEC_SEC)
#define CONNECT_TIMEOUT_MS 15000L
#define HEADERS_MAX_BYTES ((size_t)64 << 10)
#define CONNECTIONS_DEFAULT 64U
#define WAIT_MAX_MS 3600000

DEFINE_VEC(header_vec, struct http_header);

struct request {
    uint64_t id;
    UT_hash_handle hh;
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body, head; /* of the answer; `head` holds its header lines, each with a NUL */
    int (*sink)(void *arg, const void *data, size_t len);
    http_done done;
    void *arg;
    int code; /* errno of a refusal of ours, 0 = none */
    char error[CURL_ERROR_SIZE];
};

struct http {
    CURLM *multi;
    const struct clock *clock;
    char *ca_bundle, *user_agent;
    struct request *requests; /* by id */
    uint64_t last_id;
    struct timers timers;
    bool dispatching;
};

static void request_free(struct request *q) {
    if (q->easy)
        curl_easy_cleanup(q->easy);
    curl_slist_free_all(q->headers);
    buf_done(&q->body);
    buf_done(&q->head);
    free(q);
}

DEFINE_CLEANUP(struct request, request_free);

int http_new(const struct http_options *options, struct http **ret) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -EIO;
    struct http *h = calloc(1, sizeof(*h));
    if (!h) {
        curl_global_cleanup();
        return -ENOMEM;
    }
    const char *agent = options->user_agent;
    h->clock = options->clock;
    h->multi = curl_multi_init();
    h->user_agent = strdup(agent ? agent : "cyclecloudfs/" CYCLECLOUDFS_VERSION);
    h->ca_bundle = options->ca_bundle ? strdup(options->ca_bundle) : NULL;
    unsigned most = options->max_connections ? options->max_connections : CONNECTIONS_DEFAULT;
    if (!h->multi || !h->user_agent || (options->ca_bundle && !h->ca_bundle) ||
        curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) != CURLM_OK) {
        http_free(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

static void request_drop(struct http *h, struct request *q) {
    HASH_DEL(h->requests, q);
    (void)curl_multi_remove_handle(h->multi, q->easy);
    request_free(q);
}

void http_free(struct http *h) {
    if (!h)
        return;
    assert(!h->dispatching);
    struct request *q, *next;
    HASH_ITER(hh, h->requests, q, next) {
        request_drop(h, q);
    }
    if (h->multi)
        (void)curl_multi_cleanup(h->multi);
    timers_done(&h->timers);
    free(h->ca_bundle);
    free(h->user_agent);
    free(h);
    curl_global_cleanup();
}

static int answer_status(const struct request *q) {
    long status = 0;
    (void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg) {
    struct request *q = arg;
    size_t len = size * n;
    int r;
    if (q->sink && answer_status(q) / 100 == 2)
        r = q->sink(q->arg, data, len);
    else
        r = buf_append(&q->body, data, len);
    if (r == 0)
        return len;
    q->code = r == -E2BIG ? -EFBIG : r;
    return len + 1; /* anything but len ends the transfer */
}

/* A status line begins a new answer: those before it (100 Continue, a proxy's CONNECT) are dropped.
 */
static size_t on_header(char *data, size_t size, size_t n, void *arg) {
    struct request *q = arg;
    size_t len = size * n, text = len;
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
        buf_clear(&q->head);
    while (text && (data[text - 1] == '\r' || data[text - 1] == '\n'))
        text--;
    (void)buf_append(&q->head, data, text);
    if (buf_putc(&q->head, '\0') == 0)
        return len;
    q->code = buf_error(&q->head) == -E2BIG ? -EFBIG : buf_error(&q->head);
    return len + 1;
}

static int add_header(struct request *q, const char *line) {
    if (strpbrk(line, "\r\n"))
        return -EINVAL;
    struct curl_slist *grown = curl_slist_append(q->headers, line);
    if (!grown)
        return -ENOMEM;
    q->headers = grown;
    return 0;
}

static int add_headers(struct request *q, const struct http_request *r) {
    /* "Name:" without a value keeps curl from adding that header on its own. */
    int e = add_header(q, "Expect:");
    bool has_type = false;
    for (const char *const *line = r->headers; e == 0 && line && *line; line++) {
        has_type = has_type || strncasecmp(*line, "Content-Type:", 13) == 0;
        e = add_header(q, *line);
    }
    if (e == 0 && !has_type)
        e = add_header(q, "Content-Type:");
    return e;
}

#define SET(option, value)                                        \
    do {                                                          \
        if (curl_easy_setopt(q->easy, option, value) != CURLE_OK) \
            return -ENOMEM;                                       \
    } while (0)

static int set_method(struct request *q, const struct http_request *r) {
    const char *method = r->method ? r->method : "GET";
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return 0;
    }
    bool changes = strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0;
    if (r->body || changes) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        SET(CURLOPT_COPYPOSTFIELDS, r->body_len ? r->body : "");
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return 0;
}

static int set_transport(struct request *q, const struct http_request *r, bool direct) {
    usec_t timeout = r->timeout ? r->timeout : TIMEOUT_DEFAULT;
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_MS));
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, q->http->user_agent);
    if (q->http->ca_bundle)
        SET(CURLOPT_CAINFO, q->http->ca_bundle);
    if (r->once) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
    if (direct)
        SET(CURLOPT_PROXY, ""); /* also overrides the environment */
    return 0;
}

static int set_callbacks(struct request *q) {
    SET(CURLOPT_HTTPHEADER, q->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, q);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, q);
    SET(CURLOPT_ERRORBUFFER, q->error);
    SET(CURLOPT_PRIVATE, q);
    return 0;
}

static int check_place(const struct http_request *r, bool *ret_direct) {
    enum url_place place = url_place(r->url);
    if (place == URL_MALFORMED)
        return -EINVAL;
    if (place == URL_PLAIN_REMOTE || (place == URL_METADATA && !r->metadata_service))
        return -EPERM;
    *ret_direct = r->metadata_service || place == URL_LOOPBACK;
    return 0;
}

static int request_prepare(struct request *q, const struct http_request *r) {
    bool direct = false;
    int e = check_place(r, &direct);
    if (e < 0)
        return e;
    q->easy = curl_easy_init();
    if (!q->easy)
        return -ENOMEM;
    e = add_headers(q, r);
    if (e == 0)
        e = set_method(q, r);
    if (e == 0)
        e = set_transport(q, r, direct);
    if (e == 0)
        e = set_callbacks(q);
    return e;
}

// NOLINTNEXTLINE(readability-function-size): the macros of uthash
int http_submit(struct http *h, const struct http_request *r, http_done done, void *arg,
                uint64_t *ret_id) {
    _cleanup_(request_freep) struct request *q = calloc(1, sizeof(*q));
    if (!q)
        return -ENOMEM;
    q->http = h;
    q->done = done;
    q->arg = arg;
    q->sink = r->sink;
    q->body = BUF_INIT(r->max_body ? r->max_body : HTTP_BODY_DEFAULT);
    q->head = BUF_INIT(HEADERS_MAX_BYTES);
    int e = request_prepare(q, r);
    if (e < 0)
        return e;
    q->id = ++h->last_id;
    HASH_ADD(hh, h->requests, id, sizeof(q->id), q);
    if (!q->hh.tbl)
        return -ENOMEM;
    if (curl_multi_add_handle(h->multi, q->easy) != CURLM_OK) {
        HASH_DEL(h->requests, q);
        return -ENOMEM;
    }
    if (ret_id)
        *ret_id = q->id;
    TAKE_PTR(q);
    return 0;
}

// NOLINTNEXTLINE(readability-function-size): the macros of uthash
void http_cancel(struct http *h, uint64_t id) {
    struct request *q = NULL;
    HASH_FIND(hh, h->requests, &id, sizeof(id), q);
    if (q)
        request_drop(h, q);
}

size_t http_active(const struct http *h) {
    return HASH_COUNT(h->requests);
}

static int split_headers(struct request *q, struct header_vec *v) {
    char *end = q->head.data + q->head.len;
    for (char *line = q->head.data; line < end;) {
        char *next = line + strlen(line) + 1, *colon = strchr(line, ':');
        if (colon) {
            *colon = '\0';
            char *value = colon + 1 + strspn(colon + 1, " \t");
            int r = header_vec_append(v, (struct http_header){.name = line, .value = value});
            if (r < 0)
                return r;
        }
        line = next;
    }
    return 0;
}

static int errno_of(CURLcode result) {
    static const struct {
        CURLcode result;
        int code;
    } rows[] = {
        {CURLE_OK, 0},
        {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT},
        {CURLE_COULDNT_CONNECT, -ECONNREFUSED},
        {CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH},
        {CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH},
        {CURLE_GOT_NOTHING, -ECONNRESET},
        {CURLE_RECV_ERROR, -ECONNRESET},
        {CURLE_SEND_ERROR, -ECONNRESET},
        {CURLE_PEER_FAILED_VERIFICATION, -EPROTO},
        {CURLE_SSL_CACERT_BADFILE, -EPROTO},
        {CURLE_SSL_CONNECT_ERROR, -EPROTO},
        {CURLE_OUT_OF_MEMORY, -ENOMEM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].result == result)
            return rows[i].code;
    return -EIO;
}

/* `q` is out of the multi and the table already, so its callback may do as it likes. */
static void request_finish(struct request *q, CURLcode result) {
    struct header_vec headers = {0};
    struct http_response response = {.error = "", .body = q->body.data, .body_len = q->body.len};
    if (result == CURLE_OK && split_headers(q, &headers) < 0)
        result = CURLE_OUT_OF_MEMORY;
    if (result == CURLE_OK) {
        response.status = answer_status(q);
        response.headers = headers.items;
        response.n_headers = headers.len;
    } else if (q->code) {
        response.code = q->code;
        response.error =
            q->code == -EFBIG ? "the answer is larger than expected" : strerror(-q->code);
    } else {
        response.code = errno_of(result);
        response.error = *q->error ? q->error : curl_easy_strerror(result);
    }
    q->done(q->arg, &response);
    header_vec_done(&headers);
}

static bool finish_one(struct http *h) {
    int left;
    CURLMsg *m = curl_multi_info_read(h->multi, &left);
    if (!m)
        return false;
    if (m->msg != CURLMSG_DONE)
        return true;
    CURLcode result = m->data.result;
    _cleanup_(request_freep) struct request *q = NULL;
    (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&q);
    HASH_DEL(h->requests, q);
    (void)curl_multi_remove_handle(h->multi, q->easy);
    request_finish(q, result);
    return true;
}

const char *http_response_header(const struct http_response *response, const char *name) {
    for (size_t i = 0; i < response->n_headers; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

int http_timer(struct http *h, usec_t delay, void (*fired)(void *arg), void *arg,
               uint64_t *ret_id) {
    struct timer t = {.at = usec_add(clock_monotonic(h->clock), delay), .fired = fired, .arg = arg};
    uint64_t id;
    int r = timers_add(&h->timers, t, ret_id ? ret_id : &id);
    return r;
}

void http_timer_cancel(struct http *h, uint64_t id) {
    timers_remove(&h->timers, id);
}

/* Moves transfers on and runs what is due. Returns the number of callbacks, or -errno. */
static int step(struct http *h) {
    int running, called = 0;
    CURLMcode m = curl_multi_perform(h->multi, &running);
    if (m != CURLM_OK)
        return m == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
    h->dispatching = true;
    while (finish_one(h))
        called++;
    struct timer t;
    uint64_t newest = h->timers.last_id;
    usec_t now = clock_monotonic(h->clock);
    while (timers_take(&h->timers, now, newest, &t)) {
        t.fired(t.arg);
        called++;
    }
    h->dispatching = false;
    return called;
}

/* How long to sleep at most, rounded up to whole milliseconds. */
static int sleep_ms(const struct http *h, usec_t timeout) {
    usec_t next = timers_next(&h->timers), until = timeout;
    if (next != USEC_NEVER && usec_sub(next, clock_monotonic(h->clock)) < until)
        until = usec_sub(next, clock_monotonic(h->clock));
    if (until >= WAIT_MAX_MS * USEC_MS)
        return WAIT_MAX_MS;
    return (int)((until + USEC_MS - 1) / USEC_MS);
}

static int sleep_on(struct http *h, const struct pollfd *fds, unsigned n, int timeout_ms) {
    struct curl_waitfd extra[HTTP_FDS_MAX] = {0};
    for (unsigned i = 0; i < n; i++) {
        extra[i].fd = fds[i].fd;
        extra[i].events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                  (fds[i].events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
                                  (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
    }
    CURLMcode m = curl_multi_poll(h->multi, extra, n, timeout_ms, NULL);
    if (m != CURLM_OK)
        return m == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
    return 0;
}

int http_wait(struct http *h, struct pollfd *fds, unsigned n_fds, usec_t timeout) {
    assert(!h->dispatching);
    if (n_fds > HTTP_FDS_MAX)
        return -EINVAL;
    int called = step(h);
    if (called < 0)
        return called;
    int r = sleep_on(h, fds, n_fds, called ? 0 : sleep_ms(h, timeout));
    if (r == 0)
        r = step(h);
    /* curl tells neither POLLHUP nor POLLERR: ask again, without waiting. */
    if (n_fds && poll(fds, n_fds, 0) < 0)
        for (unsigned i = 0; i < n_fds; i++)
            fds[i].revents = 0;
    return r < 0 ? r : 0;
}

int http_dispatch(struct http *h) {
    assert(!h->dispatching);
    int called = step(h);
    return called < 0 ? called : 0;
}

void http_wakeup(struct http *h) {
    (void)curl_multi_wakeup(h->multi);
}
