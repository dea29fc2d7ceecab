/* SPDX-License-Identifier: MIT */
#ifndef NET_TOKEN_H
#define NET_TOKEN_H

/*
 * Access tokens of one identity for one audience: from Entra by client secret (RFC 6749 section
 * 4.4), by certificate or by a federated token (RFC 7523), or from the instance metadata service.
 *
 * A token is used until it expires; from five minutes before that a new one is fetched in the
 * background. There is one request in flight at most; whoever needs a token meanwhile waits for it.
 * Failures that may pass (429, 5xx, no answer; at the metadata service also 404 and 410) are
 * repeated with growing pauses before those who wait are told.
 *
 * One thread, that of http.h; callbacks run inside http_wait.
 */

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "http.h"

/* The longest access token that is taken; a request with a longer one could not be sent. */
#define TOKEN_MAX ((size_t)32 << 10)

struct token_source;

/* Everything is copied. Exactly one of the four ways is given. */
struct token_config {
    const char *authority; /* "https://login.microsoftonline.com" */
    const char *imds;      /* "http://169.254.169.254" */
    const char *audience;  /* "https://management.azure.com": without a final slash */
    const char *tenant, *client_id;
    const char *client_secret;
    const char *certificate_file;
    const char *federated_token_file;
    bool managed_identity;
};

enum token_failure {
    TOKEN_FINE,
    TOKEN_REFUSED,     /* a person must act: wrong or expired secret, unknown application ... */
    TOKEN_UNREACHABLE, /* no answer, or "later" again and again */
};

struct token_answer {
    enum token_failure failure;
    const char *token;   /* TOKEN_FINE; borrowed until the callback returns */
    int http_status;     /* 0 = none */
    const char *code;    /* the service's word, "invalid_client"; "" */
    const char *message; /* for people */
};

/* Someone who waits for a token; a member of his struct. In no list: link is list_init'ed. */
struct token_waiter {
    struct list link;
    void (*done)(struct token_waiter *w, const struct token_answer *answer);
};

/* `http`, `clock` and `random` are borrowed. 0, -EINVAL (not exactly one way) or -ENOMEM. */
int token_source_new(struct http *http, const struct clock *clock,
                     const struct random_source *random, const struct token_config *config,
                     struct token_source **ret);
struct token_source *token_source_ref(struct token_source *t);
/* With the last reference go the waiters, without callbacks. */
void token_source_unref(struct token_source *t);
DEFINE_CLEANUP(struct token_source, token_source_unref);

/* A token that is good now, borrowed until the next call; NULL: wait for one. May start a fetch in
   the background. */
const char *token_peek(struct token_source *t);
/* Waits for a token: w->done is called once, never from here. 0 or -ENOMEM. */
int token_wait(struct token_source *t, struct token_waiter *w);
/* Stops waiting. No effect for one that does not wait. */
void token_wait_cancel(struct token_waiter *w);
/* The server refused `token`: if it is still the current one, it is forgotten. */
void token_reject(struct token_source *t, const char *token);
/* True when `config` describes the same identity: its tokens may be kept. */
bool token_source_matches(const struct token_source *t, const struct token_config *config);

#endif
