/* SPDX-License-Identifier: MIT */
#include "token.h"

#include "base/plain.h"
#include "retry.h"
#include "token-request.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define RENEW_BEFORE (5 * USEC_MIN)
#define GOOD_FOR_AT_LEAST (30 * USEC_SEC)
#define RENEW_PAUSE (30 * USEC_SEC) /* after a renewal in the background failed */
#define REFUSAL_MAX ((size_t)4096)
#define WORDS_MAX ((size_t)1024) /* of the issuer's words */
#define EXPIRES_MAX_S 604800     /* a week */

struct token_source {
    unsigned refs;
    struct http *http;
    const struct clock *clock;
    const struct random_source *random;
    struct token_strings config;
    char *token;
    usec_t expires, renew_at; /* monotonic */
    struct list waiters;
    uint64_t request, timer; /* in flight, 0 = none */
    unsigned attempt;
};

static void fetch(void *arg);

int token_source_new(struct http *http, const struct clock *clock,
                     const struct random_source *random, const struct token_config *config,
                     struct token_source **ret) {
    if (!token_config_valid(config))
        return -EINVAL;
    _cleanup_(token_source_unrefp) struct token_source *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->refs = 1;
    t->http = http;
    t->clock = clock;
    t->random = random;
    list_init(&t->waiters);
    int r = token_strings_copy(&t->config, config);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(t);
    return 0;
}

static void forget(struct token_source *t) {
    if (t->token)
        crypto_wipe(t->token, strlen(t->token));
    free(t->token);
    t->token = NULL;
    t->expires = t->renew_at = 0;
}

struct token_source *token_source_ref(struct token_source *t) {
    t->refs++;
    return t;
}

void token_source_unref(struct token_source *t) {
    if (!t || --t->refs)
        return;
    while (!list_empty(&t->waiters))
        list_del(t->waiters.next);
    http_cancel(t->http, t->request);
    http_timer_cancel(t->http, t->timer);
    forget(t);
    token_strings_done(&t->config);
    free(t);
}

bool token_source_matches(const struct token_source *t, const struct token_config *config) {
    return token_strings_equal(&t->config, config);
}

/* Everyone who waits now is told; those who begin to wait in a callback wait for the next round. */
static void tell(struct token_source *t, const struct token_answer *answer) {
    struct list told = LIST_INIT(told);
    list_for_each_safe(at, next, &t->waiters) {
        list_del(at);
        list_add_tail(&told, at);
    }
    while (!list_empty(&told)) {
        struct token_waiter *w = list_entry(told.next, struct token_waiter, link);
        list_del(&w->link);
        w->done(w, answer);
    }
}

static void fail(struct token_source *t, const struct token_answer *answer) {
    t->attempt = 0;
    t->renew_at = usec_add(clock_monotonic(t->clock), RENEW_PAUSE);
    tell(t, answer);
}

/* Tries again after a pause, if this may help and has not been tried too often. */
static bool again(struct token_source *t, int status) {
    static const struct retry_policy pauses = {.first = USEC_SEC, .most = 16 * USEC_SEC};
    static const int entra_attempts = 3, imds_attempts = 6;
    bool imds = t->config.managed_identity;
    bool passes = retry_status(status) || (imds && (status == 404 || status == 410));
    if (!passes || t->attempt + 1 >= (unsigned)(imds ? imds_attempts : entra_attempts))
        return false;
    usec_t pause = retry_delay(&pauses, t->attempt, t->random);
    if (http_timer(t->http, pause, fetch, t, &t->timer) < 0)
        return false;
    t->attempt++;
    return true;
}

/* Entra sends numbers, the metadata service sends them as texts. */
static json_int_t integer_of(const json_t *v) {
    if (json_is_string(v))
        return strtoll(json_string_value(v), NULL, 10);
    return json_integer_value(v);
}

/* 0, -EPROTO (no token in it), -EMSGSIZE (it fits in no request) or -ENOMEM. */
static int accept_token(struct token_source *t, const json_t *root) {
    const char *token = json_string_value(json_object_get(root, "access_token"));
    json_int_t seconds = integer_of(json_object_get(root, "expires_in"));
    if (!token || !*token || strpbrk(token, "\r\n") || seconds <= 0)
        return -EPROTO;
    if (strlen(token) > TOKEN_MAX)
        return -EMSGSIZE;
    char *copy = strdup(token);
    if (!copy)
        return -ENOMEM;
    forget(t);
    if (seconds > EXPIRES_MAX_S)
        seconds = EXPIRES_MAX_S;
    usec_t lifetime = (usec_t)seconds * USEC_SEC, before = RENEW_BEFORE;
    if (before > lifetime / 2)
        before = lifetime / 2;
    t->token = copy;
    t->expires = clock_monotonic(t->clock) + lifetime;
    t->renew_at = t->expires - before;
    t->attempt = 0;
    return 0;
}

static const char *text_member(const json_t *root, const char *name) {
    const char *text = json_string_value(json_object_get(root, name));
    return text ? text : "";
}

static void refused(struct token_source *t, int status, const json_t *root) {
    const char *words = text_member(root, "error_description");
    _cleanup_buf_ struct buf message = BUF_INIT(REFUSAL_MAX);
    (void)buf_printf(&message, "%s answered %d to a request for a token%s",
                     t->config.managed_identity ? t->config.imds : t->config.authority, status,
                     *words ? ": " : "");
    (void)plain_put(&message, words, WORDS_MAX);
    bool passes =
        retry_status(status) || strcmp(text_member(root, "error"), "temporarily_unavailable") == 0;
    fail(t, &(struct token_answer){.failure = passes ? TOKEN_UNREACHABLE : TOKEN_REFUSED,
                                   .http_status = status,
                                   .code = text_member(root, "error"),
                                   .message = message.data});
}

static void unreachable(struct token_source *t, const char *why) {
    char message[1024];
    (void)snprintf(message, sizeof(message), "cannot get a token from %s: %s",
                   t->config.managed_identity ? t->config.imds : t->config.authority, why);
    fail(t, &(struct token_answer){.failure = TOKEN_UNREACHABLE, .code = "", .message = message});
}

static void granted(struct token_source *t, const json_t *root) {
    int r = accept_token(t, root);
    if (r < 0) {
        unreachable(t, r == -ENOMEM     ? "no memory"
                       : r == -EMSGSIZE ? "the access_token is longer than 32 KiB and fits in no "
                                          "request: check the groups and roles of the identity"
                                        : "the answer has no access_token");
        return;
    }
    /* A copy of its own: a callback may have the current token rejected. */
    _cleanup_free_ char *token = strdup(t->token);
    if (!token)
        unreachable(t, "no memory");
    else
        tell(t, &(struct token_answer){
                    .failure = TOKEN_FINE, .token = token, .code = "", .message = ""});
}

static void on_answer(void *arg, const struct http_response *response) {
    struct token_source *t = arg;
    t->request = 0;
    json_t *root = json_loadb(response->body, response->body_len, 0, NULL);
    bool transient = strcmp(text_member(root, "error"), "temporarily_unavailable") == 0;
    if (response->status == 200)
        granted(t, root);
    else if (again(t, transient ? 503 : response->status))
        ; /* the timer goes on */
    else if (response->status == 0)
        unreachable(t, response->error);
    else
        refused(t, response->status, root);
    json_decref(root);
}

/* Starts the request, from the loop: its failure can be told to those who wait. */
static void fetch(void *arg) {
    struct token_source *t = arg;
    _cleanup_error_ struct error err = ERROR_INIT;
    t->timer = 0;
    struct token_request request = {.http = t->http,
                                    .clock = t->clock,
                                    .random = t->random,
                                    .config = &t->config,
                                    .done = on_answer,
                                    .arg = t};
    int r = token_request_send(&request, &err, &t->request);
    if (r < 0)
        fail(t, &(struct token_answer){.failure = r == -ENOMEM ? TOKEN_UNREACHABLE : TOKEN_REFUSED,
                                       .code = "",
                                       .message = err_text(&err)});
}

static int start(struct token_source *t) {
    if (t->request || t->timer)
        return 0;
    return http_timer(t->http, 0, fetch, t, &t->timer);
}

const char *token_peek(struct token_source *t) {
    usec_t now = clock_monotonic(t->clock);
    if (!t->token || usec_sub(t->expires, now) <= GOOD_FOR_AT_LEAST)
        return NULL;
    if (now >= t->renew_at)
        (void)start(t); /* no memory: the next call tries again */
    return t->token;
}

int token_wait(struct token_source *t, struct token_waiter *w) {
    int r = start(t);
    if (r < 0)
        return r;
    list_add_tail(&t->waiters, &w->link);
    return 0;
}

void token_wait_cancel(struct token_waiter *w) {
    list_del(&w->link);
}

void token_reject(struct token_source *t, const char *token) {
    if (t->token && strcmp(t->token, token) == 0)
        forget(t);
}
