/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "base/random.h"
#include "net/rate.h"
#include "net/retry.h"
#include "web.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

/* HTTP */

struct got {
    unsigned calls;
    int status, code;
    char body[256], header[64];
};

static void on_done(void *arg, const struct http_response *r) {
    struct got *g = arg;
    g->calls++;
    g->status = r->status;
    g->code = r->code;
    (void)snprintf(g->body, sizeof(g->body), "%s", r->body);
    const char *header = http_response_header(r, "x-one");
    (void)snprintf(g->header, sizeof(g->header), "%s", header ? header : "(none)");
    assert_true(r->status || *r->error);
}

static void wait_for(struct http *h, const unsigned *calls, unsigned wanted) {
    usec_t end = clock_monotonic(&clock_real) + 20 * USEC_SEC;
    while (*calls < wanted && clock_monotonic(&clock_real) < end)
        assert_int_equal(http_wait(h, NULL, 0, 100 * USEC_MS), 0);
    assert_int_equal(*calls, wanted);
}

static void answer_http(void *arg, const struct web_request *q, struct web_reply *r) {
    (void)arg;
    static const struct {
        const char *url;
        int status;
        const char *body;
    } rows[] = {{"/teapot", 418, "short and stout"},
                {"/close", 0, ""},
                {"/redirect", 302, ""},
                {"/long", 200, "0123456789012345678901234567890123456789"}};
    r->body = q->body;
    web_reply_header(r, "X-One", "%s", q->method);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].url, q->url) == 0) {
            r->status = rows[i].status;
            r->body = rows[i].body;
        }
    if (r->status == 302)
        web_reply_header(r, "Location", "/teapot");
}

struct site {
    struct web *web;
    struct http *http;
};

static int site_start(void **state) {
    static struct site site;
    site.web = web_new(answer_http, NULL);
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &site.http), 0);
    *state = &site;
    return 0;
}

static int site_stop(void **state) {
    struct site *site = *state;
    http_free(site->http);
    web_free(site->web);
    return 0;
}

static int ask(struct site *site, const char *method, const char *path, struct got *g) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s%s", web_url(site->web), path);
    struct http_request q = {.method = method, .url = url};
    if (strcmp(method, "GET") != 0) {
        q.body = "said";
        q.body_len = 4;
    }
    return http_submit(site->http, &q, on_done, g, NULL);
}

static void a_request_has_one_answer(void **state) {
    struct site *site = *state;
    static const char *const methods[] = {"PUT", "POST", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        struct got g = {0};
        assert_int_equal(ask(site, methods[i], "/echo", &g), 0);
        assert_int_equal(g.calls, 0); /* never from inside submit */
        wait_for(site->http, &g.calls, 1);
        assert_int_equal(g.status, 200);
        assert_string_equal(g.body, "said");
        assert_string_equal(g.header, methods[i]);
    }
    struct got g = {0};
    assert_int_equal(ask(site, "GET", "/teapot#fragment", &g), 0);
    wait_for(site->http, &g.calls, 1);
    assert_int_equal(g.status, 418);
    assert_string_equal(g.body, "short and stout");
    assert_int_equal(http_active(site->http), 0);
}

static void a_redirect_is_not_followed(void **state) {
    struct site *site = *state;
    struct got g = {0};
    assert_int_equal(ask(site, "GET", "/redirect", &g), 0);
    wait_for(site->http, &g.calls, 1);
    assert_int_equal(g.status, 302);
    assert_int_equal(web_count(site->web), 1);
}

static void a_lost_connection_is_told(void **state) {
    struct site *site = *state;
    struct got g = {0};
    assert_int_equal(ask(site, "PUT", "/close", &g), 0);
    wait_for(site->http, &g.calls, 1);
    assert_int_equal(g.status, 0);
    assert_int_equal(g.code, -ECONNRESET);
    struct http_request q = {.url = "http://127.0.0.1:1/"};
    assert_int_equal(http_submit(site->http, &q, on_done, &g, NULL), 0);
    wait_for(site->http, &g.calls, 2);
    assert_int_equal(g.code, -ECONNREFUSED);
}

static void an_answer_has_a_bound(void **state) {
    struct site *site = *state;
    struct got g = {0};
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/long", web_url(site->web));
    struct http_request q = {.url = url, .max_body = 39};
    assert_int_equal(http_submit(site->http, &q, on_done, &g, NULL), 0);
    wait_for(site->http, &g.calls, 1);
    assert_int_equal(g.status, 0);
    assert_int_equal(g.code, -EFBIG);
    q.max_body = 40;
    assert_int_equal(http_submit(site->http, &q, on_done, &g, NULL), 0);
    wait_for(site->http, &g.calls, 2);
    assert_int_equal(g.status, 200);
}

struct sunk {
    struct got got; /* first: on_done takes it */
    size_t bytes;
    int refuse;
};

static int on_sink(void *arg, const void *data, size_t len) {
    struct sunk *s = arg;
    (void)data;
    s->bytes += len;
    return s->refuse;
}

static void a_sink_takes_the_body(void **state) {
    struct site *site = *state;
    struct sunk s = {0};
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/long", web_url(site->web));
    struct http_request q = {.url = url, .sink = on_sink};
    assert_int_equal(http_submit(site->http, &q, on_done, &s, NULL), 0);
    wait_for(site->http, &s.got.calls, 1);
    assert_int_equal(s.bytes, 40);
    assert_string_equal(s.got.body, "");
    s.refuse = -EBADMSG;
    assert_int_equal(http_submit(site->http, &q, on_done, &s, NULL), 0);
    wait_for(site->http, &s.got.calls, 2);
    assert_int_equal(s.got.code, -EBADMSG);
    (void)snprintf(url, sizeof(url), "%s/teapot", web_url(site->web));
    assert_int_equal(http_submit(site->http, &q, on_done, &s, NULL), 0);
    wait_for(site->http, &s.got.calls, 3);
    assert_string_equal(s.got.body, "short and stout"); /* an error is no list */
}

static void a_cancelled_request_is_silent(void **state) {
    struct site *site = *state;
    struct got dropped = {0}, kept = {0};
    char url[256];
    uint64_t id = 0;
    (void)snprintf(url, sizeof(url), "%s/echo", web_url(site->web));
    struct http_request q = {.url = url};
    assert_int_equal(http_submit(site->http, &q, on_done, &dropped, &id), 0);
    assert_int_equal(http_submit(site->http, &q, on_done, &kept, NULL), 0);
    http_cancel(site->http, id);
    http_cancel(site->http, id);
    http_cancel(site->http, 0);
    wait_for(site->http, &kept.calls, 1);
    assert_int_equal(dropped.calls, 0);
    /* What is under way when the http is freed is silent, too (and nothing leaks). */
    assert_int_equal(http_submit(site->http, &q, on_done, &dropped, NULL), 0);
}

static void bad_requests_are_refused_at_once(void **state) {
    struct site *site = *state;
    struct got g = {0};
    const char *const split[] = {"X-One: 1\r\nX-Two: 2", NULL};
    const struct {
        struct http_request q;
        int expected;
    } rows[] = {
        {{.url = "http://example.com/"}, -EPERM},
        {{.url = "http://169.254.169.254/metadata"}, -EPERM},
        {{.url = "ftp://127.0.0.1/"}, -EINVAL},
        {{.url = "no url"}, -EINVAL},
        {{.url = ""}, -EINVAL},
        {{.url = "http://127.0.0.1:1/", .headers = split}, -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(http_submit(site->http, &rows[i].q, on_done, &g, NULL), rows[i].expected);
    assert_int_equal(http_active(site->http), 0);
    assert_int_equal(g.calls, 0);
}

static void count(void *arg) {
    (*(unsigned *)arg)++;
}

static void timers_fire_once_in_order(void **state) {
    struct site *site = *state;
    unsigned fired = 0, never = 0;
    uint64_t id = 0;
    usec_t start = clock_monotonic(&clock_real);
    assert_int_equal(http_timer(site->http, 60 * USEC_MS, count, &fired, NULL), 0);
    assert_int_equal(http_timer(site->http, 20 * USEC_MS, count, &fired, NULL), 0);
    assert_int_equal(http_timer(site->http, 10 * USEC_MS, count, &never, &id), 0);
    http_timer_cancel(site->http, id);
    wait_for(site->http, &fired, 1);
    assert_true(clock_monotonic(&clock_real) - start < 60 * USEC_MS);
    wait_for(site->http, &fired, 2);
    assert_true(clock_monotonic(&clock_real) - start >= 60 * USEC_MS);
    assert_int_equal(never, 0);
}

static void *wake_soon(void *arg) {
    struct timespec t = {.tv_nsec = 50 * 1000 * 1000};
    (void)nanosleep(&t, NULL);
    http_wakeup(arg);
    return NULL;
}

static void the_sleep_ends_for_wakes_and_descriptors(void **state) {
    struct site *site = *state;
    pthread_t thread;
    usec_t start = clock_monotonic(&clock_real);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, site->http), 0);
    assert_int_equal(http_wait(site->http, NULL, 0, USEC_NEVER), 0);
    (void)pthread_join(thread, NULL);
    assert_true(clock_monotonic(&clock_real) - start < 10 * USEC_SEC);
    _cleanup_close_ int event = eventfd(1, EFD_CLOEXEC);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[1]);
    struct pollfd fds[] = {{.fd = event, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};
    assert_int_equal(http_wait(site->http, fds, 2, USEC_NEVER), 0);
    assert_int_equal(fds[0].revents, POLLIN);
    assert_true(fds[1].revents & POLLHUP);
    (void)close(ends[0]);
    assert_int_equal(http_wait(site->http, fds, HTTP_FDS_MAX + 1, 0), -EINVAL);
}

/* TLS */

struct identity {
    char key[4096], certificate[4096], path[64];
};

static void copy_pem(BIO *bio, char text[4096]) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    assert_in_range(len, 1, 4095);
    memcpy(text, data, (size_t)len);
    text[len] = '\0';
    BIO_free(bio);
}

/* A certificate for 127.0.0.1 that signs itself, also in a file. */
static void make_identity(struct identity *id) {
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = X509_new();
    assert_int_equal(X509_set_version(cert, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1,
                                     -1, 0);
    (void)X509_set_issuer_name(cert, name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    assert_int_equal(X509_add_ext(cert, names, -1), 1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_X509(cert_pem, cert), 1);
    copy_pem(key_pem, id->key);
    copy_pem(cert_pem, id->certificate);
    X509_free(cert);
    EVP_PKEY_free(key);
    (void)snprintf(id->path, sizeof(id->path), "/tmp/test-net-XXXXXX");
    int fd = mkstemp(id->path);
    assert_true(fd >= 0);
    assert_true(write(fd, id->certificate, strlen(id->certificate)) > 0);
    (void)close(fd);
}

static void ask_tls(const char *url, const char *ca_bundle, struct got *g) {
    struct http *h = NULL;
    struct http_options options = {.clock = &clock_real, .ca_bundle = ca_bundle};
    assert_int_equal(http_new(&options, &h), 0);
    struct http_request q = {.method = "PUT", .url = url, .body = "said", .body_len = 4};
    *g = (struct got){0};
    assert_int_equal(http_submit(h, &q, on_done, g, NULL), 0);
    wait_for(h, &g->calls, 1);
    http_free(h);
}

static void a_server_must_be_known(void **state) {
    (void)state;
    struct identity id;
    struct got g;
    make_identity(&id);
    struct web *web = web_new_tls(answer_http, NULL, id.key, id.certificate);
    ask_tls(web_url(web), NULL, &g);
    assert_int_equal(g.status, 0);
    assert_int_equal(g.code, -EPROTO);
    assert_int_equal(web_count(web), 0);
    ask_tls(web_url(web), id.path, &g);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, "said");
    ask_tls(web_url(web), "/nonexistent/ca.pem", &g);
    assert_int_equal(g.code, -EPROTO);
    web_free(web);
    assert_int_equal(unlink(id.path), 0);
}

static void urls_are_told_apart(void **state) {
    (void)state;
    static const char *const allowed[] = {
        "https://management.azure.com/x", "http://127.0.0.1:80/", "http://127.9.9.9",
        "http://localhost:8080/a",        "http://[::1]:99/",     "HTTPS://example.com"};
    static const char *const refused[] = {"http://example.com",
                                          "http://169.254.169.254/",
                                          "http://127.0.0.1@example.com/",
                                          "http://localhost.example.com",
                                          "http://128.0.0.1",
                                          "file:///etc/passwd",
                                          "//127.0.0.1",
                                          ""};
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
        assert_true(http_url_allowed(allowed[i]));
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_false(http_url_allowed(refused[i]));
    const char *base = "https://management.azure.com";
    assert_true(http_url_within("https://management.azure.com/a?b", base));
    assert_true(http_url_within("https://management.azure.com:443/a", base));
    assert_true(http_url_within("https://eastus.Management.azure.com/a", base));
    assert_false(http_url_within("https://evilmanagement.azure.com/a", base));
    assert_false(http_url_within("https://management.azure.com.evil.com/a", base));
    assert_false(http_url_within("https://management.azure.com@evil.com/a", base));
    assert_false(http_url_within("http://management.azure.com/a", base));
    assert_false(http_url_within("https://management.azure.com:444/a", base));
    _cleanup_buf_ struct buf b = BUF_INIT(64);
    assert_int_equal(http_url_escape(&b, "a b/c'\xc3\xa9~"), 0);
    assert_string_equal(b.data, "a%20b%2Fc%27%C3%A9~");
}

/* Retries and rates */

static void delays_grow_and_have_an_end(void **state) {
    (void)state;
    uint64_t seed = 1;
    struct random_source random = random_seeded(&seed);
    const struct retry_policy p = {.first = USEC_SEC, .most = 8 * USEC_SEC};
    static const usec_t most[] = {1, 2, 4, 8, 8, 8};
    for (unsigned i = 0; i < ARRAY_SIZE(most); i++)
        for (int k = 0; k < 50; k++) {
            usec_t d = retry_delay(&p, i, &random);
            assert_in_range(d, most[i] * USEC_SEC / 2, most[i] * USEC_SEC);
        }
    assert_in_range(retry_jitter(10 * USEC_SEC, &random), 10 * USEC_SEC, 12 * USEC_SEC);
    assert_true(retry_delay(&p, 4000000000U, &random) <= 8 * USEC_SEC);
}

static void retry_after_is_seconds_or_a_date(void **state) {
    (void)state;
    usec_t now = 784111777 * USEC_SEC; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *text;
        usec_t expected;
    } good[] = {{"0", 0},
                {"17", 17 * USEC_SEC},
                {"99999999999999999999999", RETRY_AFTER_MAX},
                {"3601", RETRY_AFTER_MAX},
                {"Sun, 06 Nov 1994 08:49:47 GMT", 10 * USEC_SEC},
                {"Sunday, 06-Nov-94 08:49:47 GMT", 10 * USEC_SEC},
                {"Sun Nov  6 08:49:47 1994", 10 * USEC_SEC},
                {"Sun, 06 Nov 1994 08:49:00 GMT", 0},
                {"Sun, 06 Nov 2094 08:49:00 GMT", RETRY_AFTER_MAX}};
    usec_t d;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        d = 1;
        assert_int_equal(retry_after_parse(good[i].text, now, &d), 0);
        assert_int_equal(d, good[i].expected);
    }
    static const char *const bad[] = {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:47 CET"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(retry_after_parse(bad[i], now, &d), -EINVAL);
    assert_true(retry_status(0) && retry_status(429) && retry_status(503));
    assert_false(retry_status(200) || retry_status(404) || retry_status(409));
}

static void a_bucket_gives_a_burst_and_then_its_refill(void **state) {
    (void)state;
    _cleanup_(rates_freep) struct rates *r = rates_new();
    const struct rate_limit limit = {.capacity = 12, .refill_per_s = 4};
    usec_t now = USEC_HOUR, wait;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
        assert_int_equal(wait, 0);
    }
    assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
    assert_in_range(wait, 250 * USEC_MS, 251 * USEC_MS);
    assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
    assert_in_range(wait, 500 * USEC_MS, 501 * USEC_MS);
    rates_give_back(r, "a");
    assert_in_range(rates_wait(r, "a", now), 500 * USEC_MS, 501 * USEC_MS);
    assert_int_equal(rates_wait(r, "b", now), 0);
    assert_int_equal(rates_wait(r, "a", now + USEC_MIN), 0);
}

static void a_bucket_believes_the_server(void **state) {
    (void)state;
    _cleanup_(rates_freep) struct rates *r = rates_new();
    const struct rate_limit limit = {.capacity = 100, .refill_per_s = 10};
    usec_t now = USEC_HOUR, wait;
    assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
    rates_remaining(r, "a", 1000, now); /* never raised */
    assert_int_equal(rates_wait(r, "a", now), 0);
    rates_remaining(r, "a", 5, now); /* in the reserve: one a tenth of a second */
    static const usec_t waits_ms[] = {0, 100, 200};
    for (size_t i = 0; i < ARRAY_SIZE(waits_ms); i++) {
        assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
        assert_in_range(wait, waits_ms[i] * USEC_MS, waits_ms[i] * USEC_MS + 10);
    }
    now += USEC_MIN;
    assert_int_equal(rates_wait(r, "a", now), 0);
    rates_refused(r, "a", 20 * USEC_SEC, now);
    assert_int_equal(rates_wait(r, "a", now), 20 * USEC_SEC);
    now += 20 * USEC_SEC; /* at half the rate: 1 + 20 * 5 */
    for (size_t i = 0; i < 91; i++) {
        assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
        assert_int_equal(wait, 0);
    }
    assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
    assert_int_equal(rates_take(r, "a", &limit, now, &wait), 0);
    assert_in_range(wait, 200 * USEC_MS, 401 * USEC_MS);
}

static void buckets_are_bounded(void **state) {
    (void)state;
    _cleanup_(rates_freep) struct rates *r = rates_new();
    const struct rate_limit limit = {.capacity = 5, .refill_per_s = 0.001};
    usec_t wait;
    for (int i = 0; i < RATES_MAX + 100; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(rates_take(r, key, &limit, USEC_SEC, &wait), 0);
    }
    assert_int_equal(rates_count(r), RATES_MAX);
}

#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, site_start, site_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SITE(a_request_has_one_answer),
        WITH_SITE(a_redirect_is_not_followed),
        WITH_SITE(a_lost_connection_is_told),
        WITH_SITE(an_answer_has_a_bound),
        WITH_SITE(a_sink_takes_the_body),
        WITH_SITE(a_cancelled_request_is_silent),
        WITH_SITE(bad_requests_are_refused_at_once),
        WITH_SITE(timers_fire_once_in_order),
        WITH_SITE(the_sleep_ends_for_wakes_and_descriptors),
        cmocka_unit_test(a_server_must_be_known),
        cmocka_unit_test(urls_are_told_apart),
        cmocka_unit_test(delays_grow_and_have_an_end),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(a_bucket_gives_a_burst_and_then_its_refill),
        cmocka_unit_test(a_bucket_believes_the_server),
        cmocka_unit_test(buckets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
