/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_WEB_H
#define TESTS_UNIT_WEB_H

/*
 * A real HTTP server on a loopback port of its own thread, for tests: a callback answers, and what
 * came is remembered.
 */

#include <stdbool.h>
#include <stddef.h>

#define WEB_HEADERS_MAX 8

struct web_request {
    const char *method;
    const char *url; /* path and query as they came, undecoded */
    const char *body;
    size_t n; /* how many came before it */
    void *headers;
};

struct web_reply {
    int status; /* 0: the connection is closed without an answer */
    const char *body;
    size_t body_len; /* 0: strlen(body) */
    struct {
        const char *name;
        char value[512];
    } headers[WEB_HEADERS_MAX];
};

typedef void (*web_answer)(void *arg, const struct web_request *request, struct web_reply *reply);

struct web;

/* Asserts by itself. */
struct web *web_new(web_answer answer, void *arg);
/* The same over TLS, with a key and its certificate in PEM form; both outlive it. */
struct web *web_new_tls(web_answer answer, void *arg, const char *key, const char *certificate);
void web_free(struct web *w);
/* "http://127.0.0.1:PORT", or https */
const char *web_url(const struct web *w);
size_t web_count(struct web *w);
/* "METHOD URL" of the n-th request, its body, and one of its headers; malloc'ed. */
char *web_line(struct web *w, size_t n);
char *web_body(struct web *w, size_t n);
/* Header of the request being answered; NULL when it is not there. */
const char *web_header(const struct web_request *request, const char *name);
/* Adds a header to a reply, formatted. */
void web_reply_header(struct web_reply *reply, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
