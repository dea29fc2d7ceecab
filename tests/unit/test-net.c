/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "base/random.h"
#include "net/rate.h"
#include "net/retry.h"
#include "net/token.h"
#include "web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

/* Time that a test moves. */
struct test_time {
    usec_t wall, monotonic;
};

static usec_t test_wall(void *arg) {
    return ((struct test_time *)arg)->wall;
}

static usec_t test_monotonic(void *arg) {
    return ((struct test_time *)arg)->monotonic;
}

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
                {"99999999999999999999999", USEC_DAY},
                {"86401", USEC_DAY},
                {"Sun, 06 Nov 1994 08:49:47 GMT", 10 * USEC_SEC},
                {"Sunday, 06-Nov-94 08:49:47 GMT", 10 * USEC_SEC},
                {"Sun Nov  6 08:49:47 1994", 10 * USEC_SEC},
                {"Sun, 06 Nov 1994 08:49:00 GMT", 0},
                {"Sun, 06 Nov 2094 08:49:00 GMT", USEC_DAY}};
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
    rates_remaining(r, "a", 10, now);   /* the reserve begins */
    assert_in_range(rates_wait(r, "a", now), 100 * USEC_MS, 101 * USEC_MS);
    rates_refused(r, "a", 20 * USEC_SEC, now);
    assert_int_equal(rates_wait(r, "a", now), 20 * USEC_SEC);
    now += 20 * USEC_SEC; /* at half the rate: 1 + 20 * 5 */
    assert_int_equal(rates_wait(r, "a", now), 0);
    for (int i = 0; i < 95; i++)
        (void)rates_take(r, "a", &limit, now, &wait);
    assert_in_range(wait, 600 * USEC_MS, 1100 * USEC_MS);
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

/* Tokens */

struct issuer {
    const int *statuses; /* of the first answers; then 200 */
    size_t n_statuses;
    const char *lifetime;
    const char *error;
    char last_metadata[16];
};

static void answer_token(void *arg, const struct web_request *q, struct web_reply *r) {
    struct issuer *i = arg;
    static char body[256];
    const char *metadata = web_header(q, "Metadata");
    (void)snprintf(i->last_metadata, sizeof(i->last_metadata), "%s", metadata ? metadata : "");
    if (q->n < i->n_statuses && i->statuses[q->n] != 200) {
        r->status = i->statuses[q->n];
        r->body = i->error;
        return;
    }
    (void)snprintf(body, sizeof(body), "{\"access_token\":\"token-%zu\",\"expires_in\":%s}", q->n,
                   i->lifetime);
    r->body = body;
}

struct wanted {
    struct token_waiter waiter;
    unsigned calls;
    enum token_failure failure;
    char token[64], code[64], message[512];
};

static void on_token(struct token_waiter *w, const struct token_answer *a) {
    struct wanted *t = list_entry(w, struct wanted, waiter);
    t->calls++;
    t->failure = a->failure;
    (void)snprintf(t->token, sizeof(t->token), "%s", a->token ? a->token : "");
    (void)snprintf(t->code, sizeof(t->code), "%s", a->code);
    (void)snprintf(t->message, sizeof(t->message), "%s", a->message);
}

static void want(struct token_source *t, struct wanted *w) {
    *w = (struct wanted){.waiter.done = on_token};
    list_init(&w->waiter.link);
    assert_int_equal(token_wait(t, &w->waiter), 0);
}

struct tokens {
    struct web *web;
    struct http *http;
    struct test_time time;
    struct clock clock;
    uint64_t seed;
    struct random_source random;
    struct token_source *source;
};

static void tokens_start(struct tokens *t, struct issuer *issuer, struct token_config config) {
    *t = (struct tokens){.time = {.wall = 1700000000 * USEC_SEC, .monotonic = USEC_HOUR}};
    t->clock = (struct clock){test_wall, test_monotonic, &t->time};
    t->random = random_seeded(&t->seed);
    t->web = web_new(answer_token, issuer);
    struct http_options options = {.clock = &t->clock};
    assert_int_equal(http_new(&options, &t->http), 0);
    config.authority = config.imds = web_url(t->web);
    config.audience = "https://management.azure.com";
    assert_int_equal(token_source_new(t->http, &t->clock, &t->random, &config, &t->source), 0);
}

/* The clock stands; it is moved on a little for each step, so that pauses end. */
static void tokens_run(struct tokens *t, const unsigned *calls, unsigned wanted) {
    for (int i = 0; i < 4000 && *calls < wanted; i++) {
        assert_int_equal(http_wait(t->http, NULL, 0, USEC_MS), 0);
        t->time.monotonic += 100 * USEC_MS;
    }
    assert_int_equal(*calls, wanted);
}

static void tokens_stop(struct tokens *t) {
    token_source_unref(t->source);
    http_free(t->http);
    web_free(t->web);
}

static const struct token_config by_secret = {
    .tenant = "tenant/1", .client_id = "app", .client_secret = "a&b=c"};

static void one_request_serves_all_who_wait(void **state) {
    (void)state;
    struct issuer issuer = {.lifetime = "3600"};
    struct tokens t;
    struct wanted a, b, dropped;
    tokens_start(&t, &issuer, by_secret);
    assert_null(token_peek(t.source));
    want(t.source, &a);
    want(t.source, &dropped);
    want(t.source, &b);
    token_wait_cancel(&dropped.waiter);
    tokens_run(&t, &b.calls, 1);
    assert_int_equal(a.calls, 1);
    assert_int_equal(dropped.calls, 0);
    assert_int_equal(web_count(t.web), 1);
    assert_string_equal(a.token, "token-0");
    assert_string_equal(token_peek(t.source), "token-0");
    _cleanup_free_ char *line = web_line(t.web, 0), *body = web_body(t.web, 0);
    assert_string_equal(line, "POST /tenant%2F1/oauth2/v2.0/token");
    assert_string_equal(body, "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2F"
                              "management.azure.com%2F.default&client_secret=a%26b%3Dc");
    tokens_stop(&t);
}

static void a_token_is_renewed_before_its_end(void **state) {
    (void)state;
    struct issuer issuer = {.lifetime = "3600"};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer, by_secret);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    t.time.monotonic += 56 * USEC_MIN;
    assert_string_equal(token_peek(t.source), "token-0"); /* still good; a fetch begins */
    for (int i = 0; i < 500 && strcmp(token_peek(t.source), "token-0") == 0; i++)
        assert_int_equal(http_wait(t.http, NULL, 0, 10 * USEC_MS), 0);
    assert_string_equal(token_peek(t.source), "token-1");
    assert_int_equal(web_count(t.web), 2);
    token_reject(t.source, "token-0"); /* an old one: nothing happens */
    assert_string_equal(token_peek(t.source), "token-1");
    token_reject(t.source, "token-1");
    assert_null(token_peek(t.source));
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    t.time.monotonic += 2 * USEC_HOUR;
    assert_null(token_peek(t.source));
    tokens_stop(&t);
}

static void a_wrong_secret_is_not_tried_again(void **state) {
    (void)state;
    static const int statuses[] = {401};
    struct issuer issuer = {
        .statuses = statuses,
        .n_statuses = 1,
        .lifetime = "60",
        .error = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: wrong\"}"};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer, by_secret);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_REFUSED);
    assert_string_equal(a.code, "invalid_client");
    assert_non_null(strstr(a.message, "AADSTS7000215"));
    assert_int_equal(web_count(t.web), 1);
    tokens_stop(&t);
}

static void what_may_pass_is_tried_again(void **state) {
    (void)state;
    static const int statuses[] = {503, 429, 200, 500, 500, 500};
    struct issuer issuer = {
        .statuses = statuses, .n_statuses = 6, .lifetime = "3600", .error = "later"};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer, by_secret);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_FINE);
    assert_string_equal(a.token, "token-2");
    token_reject(t.source, "token-2");
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_UNREACHABLE);
    assert_int_equal(web_count(t.web), 6);
    tokens_stop(&t);
}

static void a_managed_identity_asks_the_metadata_service(void **state) {
    (void)state;
    static const int statuses[] = {410, 404};
    struct issuer issuer = {.statuses = statuses,
                            .n_statuses = 2,
                            .lifetime = "\"86399\"", /* a text there */
                            .error = "{}"};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer,
                 (struct token_config){.managed_identity = true, .client_id = "user-assigned"});
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_string_equal(a.token, "token-2");
    assert_string_equal(issuer.last_metadata, "true");
    _cleanup_free_ char *line = web_line(t.web, 0);
    assert_string_equal(line, "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource="
                              "https%3A%2F%2Fmanagement.azure.com%2F&client_id=user-assigned");
    t.time.monotonic += 23 * USEC_HOUR;
    assert_string_equal(token_peek(t.source), "token-2");
    tokens_stop(&t);
}

static void a_federated_token_is_read_each_time(void **state) {
    (void)state;
    char path[] = "/tmp/test-net-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, " first.token\n", 13), 13);
    struct issuer issuer = {.lifetime = "3600"};
    struct tokens t;
    struct wanted a;
    tokens_start(
        &t, &issuer,
        (struct token_config){.tenant = "t", .client_id = "app", .federated_token_file = path});
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    _cleanup_free_ char *body = web_body(t.web, 0);
    assert_non_null(strstr(body, "&client_assertion=first.token"));
    assert_non_null(strstr(body, "jwt-bearer"));
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
    token_reject(t.source, a.token);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_REFUSED);
    assert_non_null(strstr(a.message, path));
    assert_int_equal(web_count(t.web), 1);
    tokens_stop(&t);
}

static void exactly_one_way_to_sign_in(void **state) {
    (void)state;
    struct token_source *t = NULL;
    struct http *h = NULL;
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &h), 0);
    struct token_config c = by_secret;
    c.authority = "https://login.example";
    c.audience = "https://x";
    c.managed_identity = true;
    c.imds = "http://127.0.0.1";
    assert_int_equal(token_source_new(h, &clock_real, &random_system, &c, &t), -EINVAL);
    c.managed_identity = false;
    c.client_secret = NULL;
    assert_int_equal(token_source_new(h, &clock_real, &random_system, &c, &t), -EINVAL);
    c.client_secret = "s";
    assert_int_equal(token_source_new(h, &clock_real, &random_system, &c, &t), 0);
    assert_true(token_source_matches(t, &c));
    c.client_secret = "other";
    assert_false(token_source_matches(t, &c));
    token_source_unref(t);
    http_free(h);
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
        cmocka_unit_test(urls_are_told_apart),
        cmocka_unit_test(delays_grow_and_have_an_end),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(a_bucket_gives_a_burst_and_then_its_refill),
        cmocka_unit_test(a_bucket_believes_the_server),
        cmocka_unit_test(buckets_are_bounded),
        cmocka_unit_test(one_request_serves_all_who_wait),
        cmocka_unit_test(a_token_is_renewed_before_its_end),
        cmocka_unit_test(a_wrong_secret_is_not_tried_again),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(a_managed_identity_asks_the_metadata_service),
        cmocka_unit_test(a_federated_token_is_read_each_time),
        cmocka_unit_test(exactly_one_way_to_sign_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
