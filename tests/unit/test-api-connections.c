/* SPDX-License-Identifier: MIT */
/* The HTTP server's connections: those that wait, are slow, leave or are many, and its stop. */
#include "api-fixture.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MANY 1100

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
        fds[i] = dial_from(f, (unsigned)i % 100);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)

int main(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    const struct CMUnitTest tests[] = {
        TEST(test_queue_full),
        IMPATIENT(test_deadline),
        IMPATIENT(test_slow_client),
        TEST(test_client_may_wait_longer_than_it_may_idle),
        TEST(test_client_leaves_while_suspended),
        TEST(test_stop_while_suspended),
        TEST(test_stop_under_load),
        TEST(test_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
