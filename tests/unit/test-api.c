/* SPDX-License-Identifier: MIT */
/* The HTTP server over real sockets, with the real tree. The engine behind it is a thread that
   answers as it is told. */
#include "api/api.h"

#include "base/clock.h"
#include "model/builder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#define REPLY_MAX ((size_t)64 << 10)
#define MANY 1100

/* ---- the engine ---- */

enum mode {
    ANSWER, /* with `reply` */
    HOLD,   /* until engine_release */
    FULL,   /* -EAGAIN */
};

struct fake_engine {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct list queue;
    enum mode mode;
    bool stop;
    struct reply reply;
    unsigned submitted, canceled;
    uint64_t ticket, canceled_ticket;
    enum command_type type; /* of the last command, as all below */
    char *name, *text;
    size_t len;
};

static void remember(struct fake_engine *e, const struct command *c) {
    free(e->name);
    free(e->text);
    e->type = c->type;
    e->name = strdup(c->name);
    e->text = strdup(c->text);
    e->len = c->len;
}

static void *engine_thread(void *arg) {
    struct fake_engine *e = arg;
    pthread_mutex_lock(&e->lock);
    while (!e->stop || !list_empty(&e->queue)) {
        if (list_empty(&e->queue) || (e->mode == HOLD && !e->stop)) {
            pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        struct command *c = list_entry(e->queue.next, struct command, link);
        list_del(&c->link);
        struct reply reply = e->reply;
        pthread_mutex_unlock(&e->lock);
        c->reply(c->arg, &reply);
        command_free(c);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static int submit(void *engine, struct command *c, uint64_t *ret_ticket) {
    struct fake_engine *e = engine;
    LOCK_SCOPE(&e->lock);
    if (e->mode == FULL)
        return -EAGAIN;
    remember(e, c);
    e->submitted++;
    list_add_tail(&e->queue, &c->link);
    *ret_ticket = c->ticket = ++e->ticket;
    pthread_cond_broadcast(&e->changed);
    return 0;
}

static void cancel(void *engine, uint64_t ticket) {
    struct fake_engine *e = engine;
    LOCK_SCOPE(&e->lock);
    e->canceled++;
    e->canceled_ticket = ticket;
    pthread_cond_broadcast(&e->changed);
}

static unsigned submitted(struct fake_engine *e) {
    LOCK_SCOPE(&e->lock);
    return e->submitted;
}

static void set_mode(struct fake_engine *e, enum mode mode) {
    LOCK_SCOPE(&e->lock);
    e->mode = mode;
    pthread_cond_broadcast(&e->changed);
}

static void wait_submitted(struct fake_engine *e, unsigned n) {
    LOCK_SCOPE(&e->lock);
    while (e->submitted < n)
        pthread_cond_wait(&e->changed, &e->lock);
}

struct fixture {
    struct fake_engine engine;
    struct model *model;
    struct gateway gateway;
    struct api *api;
};

static void stop_engine(struct fixture *f) {
    {
        LOCK_SCOPE(&f->engine.lock);
        f->engine.stop = true;
        pthread_cond_broadcast(&f->engine.changed);
    }
    pthread_join(f->engine.thread, NULL);
}

static int start(void **state, unsigned idle_ms, unsigned deadline_ms) {
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    *state = f;
    list_init(&f->engine.queue);
    pthread_mutex_init(&f->engine.lock, NULL);
    pthread_cond_init(&f->engine.changed, NULL);
    f->engine.reply = (struct reply){.kind = "", .message = "", .text = "{}"};
    if (model_new(&clock_real, &f->model) < 0)
        return -1;
    f->gateway = (struct gateway){.model = f->model,
                                  .clock = &clock_real,
                                  .submit = submit,
                                  .cancel = cancel,
                                  .engine = &f->engine};
    if (pthread_create(&f->engine.thread, NULL, engine_thread, &f->engine) != 0)
        return -1;
    struct api_options options = {
        .listen = "127.0.0.1:0", .idle_timeout_ms = idle_ms, .deadline_ms = deadline_ms};
    return api_new(&options, &f->gateway, NULL, &f->api);
}

static int setup(void **state) {
    return start(state, 0, 0);
}

static int setup_impatient(void **state) {
    return start(state, 400, 200);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    api_free(f->api);
    if (!f->engine.stop)
        stop_engine(f);
    pthread_mutex_destroy(&f->engine.lock);
    pthread_cond_destroy(&f->engine.changed);
    free(f->engine.name);
    free(f->engine.text);
    model_free(f->model);
    free(f);
    return 0;
}

/* ---- the client ---- */

static int dial(const struct fixture *f) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(api_port(f->api)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    struct timeval limit = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* False when the other side has closed. */
static bool put(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void put_text(int fd, const char *text) {
    assert_true(put(fd, text, strlen(text)));
}

/* Reads one answer, headers and body, into `b`. Returns the status; 0 = closed without one. */
static int take(int fd, struct buf *b) {
    size_t want = 0;
    buf_clear(b);
    while (!want || b->len < want) {
        char c;
        ssize_t n = recv(fd, &c, 1, 0);
        if (n <= 0)
            return 0;
        assert_int_equal(buf_putc(b, c), 0);
        if (!want && b->len >= 4 && memcmp(b->data + b->len - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strcasestr(b->data, "\r\nContent-Length: ");
            want = b->len + (length ? strtoul(length + 18, NULL, 10) : 0);
        }
    }
    return atoi(b->data + strlen("HTTP/1.1 "));
}

static bool has(const struct buf *b, const char *text) {
    return strcasestr(b->data, text) != NULL;
}

static void post(int fd, const char *path, const char *token, const char *body, size_t len) {
    char *head;
    assert_true(asprintf(&head,
                         "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         path, token, len) > 0);
    put_text(fd, head);
    free(head);
    (void)put(fd, body, len);
}

static void post_status(int fd) {
    post(fd, "/agent/v1/status", "T", "{}", 2);
}

/* A request with nothing but its first line; the status of its answer. */
static int ask(const struct fixture *f, const char *line, struct buf *b) {
    _cleanup_close_ int fd = dial(f);
    put_text(fd, line);
    put_text(fd, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return take(fd, b);
}

/* Publishes the server's health, as the engine does. */
static void set_health(struct fixture *f, enum health health, const char *text) {
    struct builder *b;
    assert_int_equal(builder_begin(f->model, &b), 0);
    struct snapshot *root = builder_root(b);
    assert_non_null(root);
    root->server.health = health;
    assert_int_equal(str_set(&root->server.health_text, text), 0);
    builder_publish(b);
}

/* ---- tests ---- */

static void test_reading(void **state) {
    struct fixture *f = *state;
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    assert_int_equal(ask(f, "GET /", &b), 200);
    assert_true(has(&b, "POST  /agent/v1/register"));
    assert_int_equal(ask(f, "GET /metrics", &b), 200);
    assert_true(has(&b, "\r\n\r\n# HELP "));
    assert_true(has(&b, "server_healthy 1\n"));
    assert_true(has(&b, "version=0.0.4"));
    assert_int_equal(ask(f, "GET /health?verbose=1", &b), 200);
    assert_true(has(&b, "\r\n\r\nok\n"));
    set_health(f, HEALTH_DEGRADED, "okay is not ok");
    assert_int_equal(ask(f, "GET /health", &b), 503);
    assert_true(has(&b, "\r\n\r\nokay is not ok\n"));
    assert_int_equal(ask(f, "GET /metrics", &b), 200);
    assert_true(has(&b, "server_healthy 0\n"));
}

static void test_head_has_no_body(void **state) {
    _cleanup_close_ int fd = dial(*state);
    put_text(fd, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    char c;
    while (recv(fd, &c, 1, 0) == 1)
        assert_int_equal(buf_putc(&b, c), 0);
    assert_true(has(&b, "HTTP/1.1 200"));
    assert_memory_equal(b.data + b.len - 4, "\r\n\r\n", 4);
    assert_true(has(&b, "Content-Length: "));
    assert_false(has(&b, "Content-Length: 0\r\n"));
}

static void test_wrong_paths_and_methods(void **state) {
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    assert_int_equal(ask(*state, "GET /nothing", &b), 404);
    assert_true(has(&b, "{\"error\":{\"kind\":\"not_found\",\"message\":\""));
    assert_true(has(&b, "Content-Type: application/json"));
    assert_int_equal(ask(*state, "GET /agent/v1/status/", &b), 404);
    assert_int_equal(ask(*state, "GET /agent/v1/status", &b), 405);
    assert_true(has(&b, "\r\nAllow: POST\r\n"));
    assert_int_equal(ask(*state, "DELETE /metrics", &b), 405);
    assert_true(has(&b, "\r\nAllow: GET, HEAD\r\n"));
    struct fixture *f = *state;
    assert_int_equal(submitted(&f->engine), 0);
}

/* What is no JSON is the engine's to refuse: it goes there byte for byte. */
static void test_body_reaches_the_engine_as_it_is(void **state) {
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    static const char body[] = "{\"vm_id\": nonsense \xff";
    f->engine.reply.text = "{\"node_id\":\"1\"}";
    post(fd, "/agent/v1/register", "7.99.abc-_=", body, strlen(body));
    assert_int_equal(take(fd, &b), 200);
    assert_true(has(&b, "\r\n\r\n{\"node_id\":\"1\"}"));
    assert_int_equal(f->engine.type, COMMAND_AGENT_REGISTER);
    assert_string_equal(f->engine.name, "7.99.abc-_=");
    assert_string_equal(f->engine.text, body);
    post(fd, "/agent/v1/status", "other", "", 0);
    assert_int_equal(take(fd, &b), 200);
    assert_int_equal(f->engine.type, COMMAND_AGENT_STATUS);
    assert_int_equal(f->engine.len, 0);
}

static void test_replies_become_answers(void **state) {
    static const struct {
        struct reply reply;
        int status;
        const char *expect;
    } cases[] = {
        {{.kind = "", .message = "", .text = "{}", .http_status = 202, .retry_after_s = 9},
         202,
         "\r\nRetry-After: 9\r\n"},
        {{.code = -EACCES,
          .kind = "permission",
          .message = "the token is \"old\"",
          .text = "",
          .http_status = 401},
         401,
         "{\"error\":{\"kind\":\"permission\",\"message\":\"the token is \\\"old\\\"\"}}"},
        {{.code = -EACCES, .kind = "permission", .message = "no", .text = "", .http_status = 401},
         401,
         "\r\nWWW-Authenticate: Bearer\r\n"},
        {{.code = -ENOENT, .kind = "not_found", .message = "no node", .text = ""},
         404,
         "\"message\":\"no node\""},
        {{.code = -ECANCELED, .kind = "canceled", .message = "stopping", .text = ""},
         503,
         "stopping"},
        {{.kind = "", .message = "", .text = ""}, 200, "\r\n\r\n{}\n"},
        {{.kind = "", .message = "", .text = "{}", .http_status = 77}, 500, ""},
    };
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        {
            LOCK_SCOPE(&f->engine.lock);
            f->engine.reply = cases[i].reply;
        }
        post_status(fd);
        assert_int_equal(take(fd, &b), cases[i].status);
        assert_true(has(&b, cases[i].expect));
    }
}

static void test_token_is_needed(void **state) {
    static const char *const headers[] = {
        "", "Authorization: Basic abc\r\n", "Authorization: Bearer \r\n",
        "Authorization: Bearer a b\r\n", "Authorization: Bearer a\"b\r\n"};
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        put_text(fd, "POST /agent/v1/status HTTP/1.1\r\nHost: x\r\n");
        put_text(fd, headers[i]);
        put_text(fd, "Content-Length: 2\r\n\r\n{}");
        assert_int_equal(take(fd, &b), 401);
        assert_true(has(&b, "\r\nWWW-Authenticate: Bearer\r\n"));
        assert_true(has(&b, "\"unauthorized\""));
    }
    assert_int_equal(submitted(&f->engine), 0);
}

static void test_length_is_needed(void **state) {
    static const char *const headers[] = {"", "Transfer-Encoding: chunked\r\n"};
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        _cleanup_close_ int fd = dial(*state);
        put_text(fd, "POST /agent/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer T\r\n");
        put_text(fd, headers[i]);
        put_text(fd, "\r\n");
        assert_int_equal(take(fd, &b), 411);
        assert_true(has(&b, "\"length_required\""));
    }
}

static void test_body_has_a_limit(void **state) {
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    const size_t limit = (size_t)64 << 10;
    _cleanup_free_ char *body = malloc(limit + 1);
    assert_non_null(body);
    memset(body, 'x', limit + 1);
    post(fd, "/agent/v1/status", "T", body, limit);
    assert_int_equal(take(fd, &b), 200);
    assert_int_equal(f->engine.len, limit);
    post(fd, "/agent/v1/status", "T", body, limit + 1);
    assert_int_equal(take(fd, &b), 413);
    assert_true(has(&b, "\"too_large\""));
    post_status(fd); /* the connection is still good */
    assert_int_equal(take(fd, &b), 200);
    assert_int_equal(submitted(&f->engine), 2);
    put_text(fd, "POST /agent/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer T\r\n"
                 "Content-Length: 99999999999\r\n\r\n");
    assert_int_equal(take(fd, &b), 413); /* at once, nothing of it was sent */
    assert_int_equal(take(fd, &b), 0);
}

static void test_queue_full(void **state) {
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    set_mode(&f->engine, FULL);
    post_status(fd);
    assert_int_equal(take(fd, &b), 429);
    assert_true(has(&b, "\r\nRetry-After: 5\r\n"));
    set_mode(&f->engine, ANSWER);
    post_status(fd);
    assert_int_equal(take(fd, &b), 200);
}

/* No answer within the time: 503, the engine is told, and its late reply does no harm. */
static void test_deadline(void **state) {
    struct fixture *f = *state;
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    set_mode(&f->engine, HOLD);
    post_status(fd);
    assert_int_equal(take(fd, &b), 503);
    assert_true(has(&b, "\r\nRetry-After: "));
    {
        LOCK_SCOPE(&f->engine.lock);
        while (f->engine.canceled == 0)
            pthread_cond_wait(&f->engine.changed, &f->engine.lock);
        assert_int_equal(f->engine.canceled_ticket, f->engine.ticket);
    }
    set_mode(&f->engine, ANSWER);
    post_status(fd);
    assert_int_equal(take(fd, &b), 200);
}

/* What is no HTTP, or too much of it, ends that connection and no other. */
static void test_nonsense(void **state) {
    static const char *const lines[] = {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                                        "GET / HTTP/1.1\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"};
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        _cleanup_close_ int fd = dial(*state);
        put_text(fd, lines[i]);
        (void)shutdown(fd, SHUT_WR);
        int status = take(fd, &b);
        assert_true(status == 0 || (status >= 400 && status <= 505));
    }
    _cleanup_close_ int fd = dial(*state);
    static char much[64 << 10];
    memset(much, 'x', sizeof(much));
    put_text(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    (void)put(fd, much, sizeof(much));
    int status = take(fd, &b);
    assert_true(status == 0 || status == 431 || status == 413);
    assert_int_equal(ask(*state, "GET /health", &b), 200);
}

/* A client that sends its headers a byte at a time is cut off, and holds up nobody meanwhile. */
static void test_slow_client(void **state) {
    _cleanup_close_ int slow = dial(*state);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    usec_t begin = clock_monotonic(&clock_real);
    put_text(slow, "GET / HTTP/1.1\r\nX: ");
    bool open = true;
    while (open && clock_monotonic(&clock_real) - begin < 10 * USEC_SEC) {
        struct pollfd p = {.fd = slow, .events = POLLIN};
        (void)poll(&p, 1, 20);
        open = !p.revents && put(slow, "x", 1);
        assert_int_equal(ask(*state, "GET /health", &b), 200);
    }
    assert_false(open);
    assert_true(clock_monotonic(&clock_real) - begin >= 300 * USEC_MS);
}

/* The wait for the engine is not the client's time: idle_timeout does not end it. */
static void test_client_may_wait_longer_than_it_may_idle(void **state) {
    struct fixture *f = *state;
    struct api_options options = {
        .listen = "127.0.0.1:0", .idle_timeout_ms = 100, .deadline_ms = 20000};
    api_free(f->api);
    f->api = NULL;
    assert_int_equal(api_new(&options, &f->gateway, NULL, &f->api), 0);
    _cleanup_close_ int fd = dial(f);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    set_mode(&f->engine, HOLD);
    post_status(fd);
    wait_submitted(&f->engine, 1);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 400), 0);
    set_mode(&f->engine, ANSWER);
    assert_int_equal(take(fd, &b), 200);
    assert_int_equal(take(fd, &b), 0); /* idle now */
}

static void test_client_leaves_while_suspended(void **state) {
    struct fixture *f = *state;
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    set_mode(&f->engine, HOLD);
    int fd = dial(f);
    post_status(fd);
    wait_submitted(&f->engine, 1);
    (void)close(fd);
    set_mode(&f->engine, ANSWER);
    fd = dial(f);
    post_status(fd);
    assert_int_equal(take(fd, &b), 200);
    (void)close(fd);
}

/* The server stops while requests wait: each client is told, nothing hangs, and the engine's
   replies afterwards go nowhere. */
static void test_stop_while_suspended(void **state) {
    struct fixture *f = *state;
    int fds[50];
    set_mode(&f->engine, HOLD);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial(f);
        post_status(fds[i]);
    }
    wait_submitted(&f->engine, ARRAY_SIZE(fds));
    usec_t begin = clock_monotonic(&clock_real);
    api_free(f->api);
    f->api = NULL;
    assert_true(clock_monotonic(&clock_real) - begin < 5 * USEC_SEC);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        assert_int_equal(take(fds[i], &b), 503);
        (void)close(fds[i]);
    }
    stop_engine(f);
}

/* A stop in the middle of traffic: every request is answered or its connection closed. */
static void test_stop_under_load(void **state) {
    struct fixture *f = *state;
    int fds[20];
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial(f);
        post_status(fds[i]);
    }
    api_free(f->api);
    f->api = NULL;
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        int status = take(fds[i], &b);
        assert_true(status == 200 || status == 503 || status == 0);
        (void)close(fds[i]);
    }
}

/* As many nodes with open connections as a cluster of some size has, all answered, twice. */
static void test_many_connections(void **state) {
    struct fixture *f = *state;
    static int fds[MANY];
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < MANY; i++)
        fds[i] = dial(f);
    for (unsigned round = 1; round <= 2; round++) {
        set_mode(&f->engine, HOLD);
        for (size_t i = 0; i < MANY; i++)
            post_status(fds[i]);
        wait_submitted(&f->engine, MANY * round); /* all wait at the same time */
        assert_int_equal(ask(f, "GET /health", &b), 200);
        set_mode(&f->engine, ANSWER);
        for (size_t i = 0; i < MANY; i++)
            assert_int_equal(take(fds[i], &b), 200);
    }
    for (size_t i = 0; i < MANY; i++)
        (void)close(fds[i]);
}

static void test_listen_errors(void **state) {
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",       "8080",    ":8080",         "127.0.0.1:", "127.0.0.1:65536",
        "::1:80", "[::1:80", "1.2.3.4.5.6:80"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_error_ struct error err = ERROR_INIT;
        struct api_options options = {.listen = bad[i]};
        struct api *api = NULL;
        assert_int_equal(api_new(&options, &f->gateway, &err, &api), -EINVAL);
        assert_null(api);
        assert_non_null(strstr(err_text(&err), "listen: "));
    }
    _cleanup_free_ char *taken = NULL;
    assert_true(asprintf(&taken, "127.0.0.1:%u", api_port(f->api)) > 0);
    _cleanup_error_ struct error err = ERROR_INIT;
    struct api_options options = {.listen = taken};
    struct api *api = NULL;
    assert_int_equal(api_new(&options, &f->gateway, &err, &api), -EADDRINUSE);
    assert_non_null(strstr(err_text(&err), taken));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)

int main(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    const struct CMUnitTest tests[] = {
        TEST(test_reading),
        TEST(test_head_has_no_body),
        TEST(test_wrong_paths_and_methods),
        TEST(test_body_reaches_the_engine_as_it_is),
        TEST(test_replies_become_answers),
        TEST(test_token_is_needed),
        TEST(test_length_is_needed),
        TEST(test_body_has_a_limit),
        TEST(test_nonsense),
        TEST(test_queue_full),
        IMPATIENT(test_deadline),
        IMPATIENT(test_slow_client),
        TEST(test_client_may_wait_longer_than_it_may_idle),
        TEST(test_client_leaves_while_suspended),
        TEST(test_stop_while_suspended),
        TEST(test_stop_under_load),
        TEST(test_many_connections),
        TEST(test_listen_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
