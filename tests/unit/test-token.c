/* SPDX-License-Identifier: MIT */
#include "net/token.h"

#include "web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

struct issuer {
    const int *statuses; /* of the first answers; then 200 */
    size_t n_statuses;
    const char *lifetime;
    const char *error;
    int padding; /* the length of the token, 0 = a short one */
    char last_metadata[16];
};

static void answer_token(void *arg, const struct web_request *q, struct web_reply *r) {
    struct issuer *i = arg;
    static char body[128 << 10];
    const char *metadata = web_header(q, "Metadata");
    (void)snprintf(i->last_metadata, sizeof(i->last_metadata), "%s", metadata ? metadata : "");
    if (q->n < i->n_statuses && i->statuses[q->n] != 200) {
        r->status = i->statuses[q->n];
        r->body = i->error;
        return;
    }
    (void)snprintf(body, sizeof(body), "{\"access_token\":\"token-%zu\",\"expires_in\":%s}", q->n,
                   i->lifetime);
    if (i->padding)
        (void)snprintf(body, sizeof(body), "{\"access_token\":\"%0*d\",\"expires_in\":%s}",
                       i->padding, 1, i->lifetime);
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

/* As the moment between truncating it and writing it anew shows it. */
static void an_empty_federated_token_is_named(void **state) {
    (void)state;
    char path[] = "/tmp/test-net-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct issuer issuer = {.lifetime = "3600"};
    struct tokens t;
    struct wanted a;
    tokens_start(
        &t, &issuer,
        (struct token_config){.tenant = "t", .client_id = "app", .federated_token_file = path});
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_REFUSED);
    assert_non_null(strstr(a.message, "is empty"));
    assert_non_null(strstr(a.message, path));
    assert_int_equal(web_count(t.web), 0);
    assert_int_equal(write(fd, "later", 5), 5);
    (void)close(fd);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_FINE);
    assert_int_equal(unlink(path), 0);
    tokens_stop(&t);
}

/* It could not be sent, whatever its lifetime says: that is said at once, and asked again. */
static void a_huge_token_is_refused_in_words(void **state) {
    (void)state;
    struct issuer issuer = {.lifetime = "3600", .padding = 100000};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer, by_secret);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_UNREACHABLE);
    assert_non_null(strstr(a.message, "the access_token is longer than 32 KiB"));
    assert_null(token_peek(t.source));
    issuer.padding = 0;
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_int_equal(a.failure, TOKEN_FINE);
    tokens_stop(&t);
}

/* Entra's words have several lines. */
static void the_issuers_words_are_one_line(void **state) {
    (void)state;
    static const int refused[] = {400};
    struct issuer issuer = {.statuses = refused,
                            .n_statuses = 1,
                            .lifetime = "3600",
                            .error = "{\"error\":\"invalid_client\",\"error_description\":"
                                     "\"AADSTS1: no\\r\\n2026-11-30 error: forged\\u001b[2J\"}"};
    struct tokens t;
    struct wanted a;
    tokens_start(&t, &issuer, by_secret);
    want(t.source, &a);
    tokens_run(&t, &a.calls, 1);
    assert_non_null(strstr(a.message, "AADSTS1: no  2026-11-30"));
    assert_null(strpbrk(a.message, "\r\n\x1b"));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_serves_all_who_wait),
        cmocka_unit_test(a_token_is_renewed_before_its_end),
        cmocka_unit_test(a_wrong_secret_is_not_tried_again),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(a_managed_identity_asks_the_metadata_service),
        cmocka_unit_test(a_federated_token_is_read_each_time),
        cmocka_unit_test(an_empty_federated_token_is_named),
        cmocka_unit_test(a_huge_token_is_refused_in_words),
        cmocka_unit_test(the_issuers_words_are_one_line),
        cmocka_unit_test(exactly_one_way_to_sign_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
