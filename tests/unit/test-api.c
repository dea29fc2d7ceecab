/* SPDX-License-Identifier: MIT */
/* The HTTP server over real sockets, with the real tree: what is asked and what is answered. */
#include "api-fixture.h"

#include "model/builder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Publishes the server's health, as the engine does. */
static void set_health(struct fixture *f, enum health health, const char *text) {
    struct builder *b;
    assert_int_equal(builder_begin(f->model, &b), 0);
    struct snapshot *root = builder_root(b);
    assert_non_null(root);
    root->server.health = health;
    assert_int_equal(str_set(&root->server.health_text, text), 0);
    assert_int_equal(builder_publish(b), 0);
}

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
    put_text(fd, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
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
        put_text(fd, "POST /agent/v1/status HTTP/1.1\r\nHost: localhost\r\n");
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
        put_text(
            fd, "POST /agent/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer T\r\n");
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
    put_text(fd, "POST /agent/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer T\r\n"
                 "Content-Length: 99999999999\r\n\r\n");
    assert_int_equal(take(fd, &b), 413); /* at once, nothing of it was sent */
    assert_int_equal(take(fd, &b), 0);
}

/* What is no HTTP, or too much of it, ends that connection and no other. */
static void test_nonsense(void **state) {
    static const char *const lines[] = {
        "nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"};
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
    put_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
    (void)put(fd, much, sizeof(much));
    int status = take(fd, &b);
    assert_true(status == 0 || status == 431 || status == 413);
    assert_int_equal(ask(*state, "GET /health", &b), 200);
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

int main(void) {
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
        TEST(test_listen_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
