/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_H
#define NET_HTTP_H

/*
 * HTTP, asynchronously, for one thread: the loop's. The only folder that sees libcurl. A `struct
 * http` keeps connections alive, speaks HTTP/2 where it is offered, obeys https_proxy, http_proxy
 * and no_proxy, and never follows a redirect.
 *
 * Invariants
 * - Everything is called on the loop's thread, http_wakeup alone from any thread.
 * - Callbacks (answers and timers) run inside http_wait or http_dispatch, never inside a function
 *   that starts something. A callback may start and cancel anything; it must not call http_wait,
 *   http_dispatch or http_free.
 * - An accepted request has exactly one callback, unless it is cancelled or the http is freed.
 */

#include "base/cleanup.h"
#include "base/clock.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

struct http_options {
    const struct clock *clock; /* borrowed until http_free; monotonic time runs the timers */
    const char *ca_bundle;     /* PEM file of trusted authorities; NULL: the system's */
    const char *user_agent;    /* NULL: cyclecloudfs/VERSION */
    unsigned max_connections;  /* in all; 0 = 64 */
};

/* Returns 0, -EIO (the library refused) or -ENOMEM. */
int http_new(const struct http_options *options, struct http **ret);
/* Drops what is under way without callbacks. */
void http_free(struct http *h);
DEFINE_CLEANUP(struct http, http_free);

#define HTTP_BODY_DEFAULT ((size_t)1 << 20)

/* Borrowed until http_submit returns. */
struct http_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* must pass http_url_allowed; a fragment is not sent */
    const char *const *headers; /* "Name: value" lines, NULL-terminated; NULL: none */
    const void *body;           /* copied; NULL: none */
    size_t body_len;
    usec_t timeout;        /* of the whole exchange; 0 = 60 s */
    size_t max_body;       /* of the answer; longer fails with -EFBIG; 0 = HTTP_BODY_DEFAULT */
    bool once;             /* a connection of its own: on a kept one that turns out to be dead
                              the library would send the request a second time */
    bool metadata_service; /* no proxy, and plain http to 169.254.169.254 is allowed */
    /* Given: receives the body of a 2xx answer in pieces as it arrives, and `body` of the response
       is empty. A negative errno from it ends the request with that error. It only takes the data:
       it must not call a function of this header. */
    int (*sink)(void *arg, const void *data, size_t len);
};

/* Borrowed until the callback returns. */
struct http_response {
    int status;        /* 0 = no whole answer: see error */
    int code;          /* 0 or the negative errno of what went wrong on the way */
    const char *error; /* what went wrong on the way, for people; "" when there is an answer */
    const char *body;  /* NUL-terminated, never NULL */
    size_t body_len;
    const struct http_header *headers;
    size_t n_headers;
};

struct http_header {
    const char *name, *value;
};

typedef void (*http_done)(void *arg, const struct http_response *response);

/*
 * Starts a request. *ret_id (may be NULL) names it for http_cancel; it is never 0.
 * Returns 0, -EINVAL (malformed url or header), -EPERM (http_url_allowed says no) or -ENOMEM.
 */
int http_submit(struct http *h, const struct http_request *request, http_done done, void *arg,
                uint64_t *ret_id);
/* Drops a request; its callback will not come. No effect for 0 or one that has ended. */
void http_cancel(struct http *h, uint64_t id);
/* Requests under way. */
size_t http_active(const struct http *h);

/* The value of a header (name in any case), NULL when it is not there. Borrowed. Of several the
 * first. */
const char *http_response_header(const struct http_response *response, const char *name);

/* Calls `fired` once after `delay`. Returns 0 or -ENOMEM; *ret_id is never 0. */
int http_timer(struct http *h, usec_t delay, void (*fired)(void *arg), void *arg, uint64_t *ret_id);
void http_timer_cancel(struct http *h, uint64_t id);

/* The most descriptors http_wait takes. */
#define HTTP_FDS_MAX 32

/*
 * Sleeps until there is something to do, one of `fds` is ready, http_wakeup was called, or
 * `timeout` has passed (USEC_NEVER: no limit), then runs the callbacks that are due. `fds` may be
 * NULL; their revents are set on return. The daemon's only sleep.
 * Returns 0, -EINVAL (too many descriptors), -EIO or -ENOMEM.
 */
int http_wait(struct http *h, struct pollfd *fds, unsigned n_fds, usec_t timeout);
/* http_wait without sleeping and without descriptors. */
int http_dispatch(struct http *h);
/* Ends an http_wait that goes on, or the next one. Any thread; not from a signal handler. */
void http_wakeup(struct http *h);

/* True for https to any host, and for plain http to a loopback address (127.0.0.0/8, ::1,
 * localhost). */
bool http_url_allowed(const char *url);
/* True when the url has the scheme and port of `base` and its host or one below it ("x.HOST"). */
bool http_url_within(const char *url, const char *base);
/* Appends `text` percent-encoded for a path segment or a query value. 0, -E2BIG or -ENOMEM. */
int http_url_escape(struct buf *b, const char *text);

#endif
