/* SPDX-License-Identifier: MIT */
/* HTTP requests that mean ill: names of others, doubled headers, more connections than a share. */
#include "api-fixture.h"

#include "api/compress.h"
#include "api/hosts.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#define KEPT 40u
#define SHARE 10u
#define CLIENTS 200u
#define HOME "Host: localhost\r\n"

static int ask_text(const struct fixture *f, const char *text, struct buf *b) {
    _cleanup_close_ int fd = dial(f);
    put_text(fd, text);
    return take(fd, b);
}

static void headers_come_once(void **state) {
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET /health HTTP/1.1\r\n" HOME "\r\n", 200},
        {"GET /health HTTP/1.1\r\n" HOME HOME "\r\n", 400},
        {"GET /health HTTP/1.1\r\n" HOME "host: evil.example\r\n\r\n", 400},
        {"POST /agent/v1/status HTTP/1.1\r\n" HOME "Authorization: Bearer T\r\n"
         "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
         400},
        {"POST /agent/v1/status HTTP/1.1\r\n" HOME "Authorization: Bearer T\r\n"
         "Authorization: Bearer U\r\nContent-Length: 2\r\n\r\n{}",
         400},
    };
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(ask_text(*state, rows[i].text, &b), rows[i].status);
}

static void a_path_has_no_nul(void **state) {
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    assert_int_equal(ask(*state, "GET /metrics%00", &b), 404);
    assert_int_equal(ask(*state, "GET /health%00/x", &b), 404);
    assert_int_equal(ask(*state, "GET /%68ealth", &b), 200);
}

/* A page whose name was given our address (DNS rebinding) is refused; addresses are right. */
static void the_host_is_ours(void **state) {
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"localhost", 200},    {"127.0.0.1:8080", 200},         {"[::1]:8080", 200},
        {"evil.example", 421}, {"127.0.0.1.evil.example", 421}, {"", 421},
    };
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n",
                       rows[i].host);
        assert_int_equal(ask_text(*state, text, &b), rows[i].status);
    }
    assert_int_equal(ask_text(*state, "GET /health HTTP/1.0\r\n\r\n", &b), 200);
    struct hosts h;
    assert_int_equal(hosts_init(&h, "here.example:80", "https://cc.example:8443/x"), 0);
    assert_true(hosts_know(&h, "CC.example"));
    assert_true(hosts_know(&h, "cc.example.:8443"));
    assert_true(hosts_know(&h, "here.example:80"));
    assert_false(hosts_know(&h, "example"));
    hosts_done(&h);
}

static void get_health(int fd, int status) {
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    put_text(fd, "GET /health HTTP/1.1\r\n" HOME "\r\n");
    assert_int_equal(take(fd, &b), status);
}

static void limit_to(struct fixture *f, unsigned kept, unsigned share) {
    struct api_options options = {
        .listen = "127.0.0.1:0", .connections = kept, .connections_per_address = share};
    api_free(f->api);
    f->api = NULL;
    assert_int_equal(api_new(&options, &f->gateway, NULL, &f->api), 0);
}

/* Far more clients that keep their connection than are kept: each one is served, the longest idle
   one is closed. */
static void the_longest_idle_goes_when_all_are_too_many(void **state) {
    struct fixture *f = *state;
    limit_to(f, KEPT, CLIENTS);
    int fds[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = dial_from(f, i % 20);
        get_health(fds[i], 200);
    }
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    assert_int_equal(take(fds[0], &b), 0); /* the end of the connection */
    assert_int_equal(take(fds[CLIENTS - KEPT - 2], &b), 0);
    get_health(fds[CLIENTS - 1], 200);
    get_health(fds[CLIENTS - KEPT / 2], 200);
    for (unsigned i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

/* Half-sent requests of one address hold up that address alone. */
static void an_address_has_its_share(void **state) {
    struct fixture *f = *state;
    limit_to(f, KEPT, SHARE);
    int slow[CLIENTS], other = dial_from(f, 1);
    get_health(other, 200);
    for (unsigned i = 0; i < CLIENTS; i++) {
        slow[i] = dial_from(f, 2);
        put_text(slow[i], "POST /agent/v1/status HTTP/1.1\r\nX: ");
    }
    get_health(other, 200); /* it was there before, and is there still */
    int fresh = dial_from(f, 3);
    get_health(fresh, 200);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX);
    assert_int_equal(take(slow[0], &b), 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        (void)close(slow[i]);
    (void)close(other);
    (void)close(fresh);
}

static void gzip_is_given_to_who_takes_it(void **state) {
    static const struct {
        const char *header;
        bool taken;
    } rows[] = {
        {NULL, false},     {"gzip", true},   {"deflate, GZIP;q=0.5", true}, {"gzip;q=0", false},
        {"*", true},       {"*;q=0", false}, {"identity", false},           {"gzip;q=0, *", false},
        {"x-gzip", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(compress_accepted(rows[i].header), rows[i].taken);
    _cleanup_buf_ struct buf b = BUF_INIT(REPLY_MAX), plain = BUF_INIT(REPLY_MAX);
    assert_int_equal(
        ask_text(*state, "GET /metrics HTTP/1.1\r\n" HOME "Accept-Encoding: gzip\r\n\r\n", &b),
        200);
    assert_true(has(&b, "\r\nContent-Encoding: gzip\r\n"));
    assert_true(has(&b, "\r\nVary: Accept-Encoding\r\n"));
    const char *body = (const char *)memmem(b.data, b.len, "\r\n\r\n", 4) + 4;
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)body,
                  .avail_in = (unsigned)(b.data + b.len - body)};
    assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
    assert_int_equal(buf_reserve(&plain, REPLY_MAX - 1), 0);
    z.next_out = (unsigned char *)plain.data;
    z.avail_out = REPLY_MAX - 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_true(z.total_out > z.total_in * 2);
    assert_memory_equal(plain.data, "# HELP ", 7);
    (void)inflateEnd(&z);
    assert_int_equal(ask(*state, "GET /metrics", &b), 200);
    assert_false(has(&b, "Content-Encoding"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    const struct CMUnitTest tests[] = {
        TEST(headers_come_once),        TEST(a_path_has_no_nul),
        TEST(the_host_is_ours),         TEST(the_longest_idle_goes_when_all_are_too_many),
        TEST(an_address_has_its_share), TEST(gzip_is_given_to_who_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
