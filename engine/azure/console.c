/* SPDX-License-Identifier: MIT */
#include "console.h"

#include "job.h"
#include "net/retry.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define ATTEMPTS_MAX 3
#define BLOB_TIMEOUT (60 * USEC_SEC)
#define WORD_MAX 64
#define WORDS_MAX 256

void console_init(struct console *c) {
    *c = (struct console){.end = BUF_INIT(2 * CYCLECLOUD_CONSOLE_MAX)};
}

void console_done(struct console *c) {
    buf_done(&c->end);
}

/* Keeps the last `len` bytes. */
static void keep(struct console *c, size_t len) {
    if (c->end.len <= len)
        return;
    memmove(c->end.data, c->end.data + c->end.len - len, len);
    buf_truncate(&c->end, len);
    c->cut = true;
}

static int on_piece(void *arg, const void *data, size_t len) {
    struct console *c = &((struct job *)arg)->console;
    const char *from = data;
    if (len > CYCLECLOUD_CONSOLE_MAX) {
        from += len - CYCLECLOUD_CONSOLE_MAX;
        len = CYCLECLOUD_CONSOLE_MAX;
        c->cut = true;
    }
    if (c->end.len + len > 2 * CYCLECLOUD_CONSOLE_MAX)
        keep(c, CYCLECLOUD_CONSOLE_MAX);
    return buf_append(&c->end, from, len);
}

/* Where something is missing before it, it begins with a whole line, if there is one. */
static void finish(struct console *c) {
    keep(c, CYCLECLOUD_CONSOLE_MAX);
    const char *newline = c->cut ? memchr(c->end.data, '\n', c->end.len) : NULL;
    if (newline)
        keep(c, c->end.len - (size_t)(newline + 1 - c->end.data));
}

/* A header of the storage service that is a word; anything else is not repeated to anybody. */
static const char *word_of(const struct http_response *response, const char *name) {
    const char *value = http_response_header(response, name);
    size_t len = 0;
    while (value && (isalnum((unsigned char)value[len]) || value[len] == '-'))
        len++;
    return value && len <= WORD_MAX && !value[len] ? value : "";
}

/* How the storage service's answers end a job. */
static const struct {
    int status; /* 0 = any other */
    enum cyclecloud_class class;
    const char *message;
} ends[] = {
    {200, CYCLECLOUD_OK, ""},
    {403, CYCLECLOUD_INVALID, "the storage service refused the address that Azure had given"},
    {404, CYCLECLOUD_GONE, "the VM has not written anything to its console yet"},
    {429, CYCLECLOUD_THROTTLED, "the storage service limits the rate of requests"},
    {503, CYCLECLOUD_THROTTLED, "the storage service is busy"},
    {0, CYCLECLOUD_TRANSPORT, "the storage service did not answer with a console"},
};

/* Which it was is told of what nobody expects; where it was asked never is. */
static void put_words(struct buf *b, size_t i, const struct http_response *response) {
    (void)buf_puts(b, ends[i].message);
    if (response->status == 0)
        (void)buf_printf(b, ": %s", strerror(-response->code));
    else if (ends[i].status == 0)
        (void)buf_printf(b, ": HTTP status %d", response->status);
}

static void end(struct job *j, const struct http_response *response, usec_t retry_after) {
    _cleanup_buf_ struct buf words = BUF_INIT(WORDS_MAX);
    size_t i = 0;
    while (ends[i].status && ends[i].status != response->status)
        i++;
    put_words(&words, i, response);
    finish(&j->console);
    job_end(j, &(struct cyclecloud_result){.result = ends[i].class,
                                           .http_status = response->status,
                                           .code = word_of(response, "x-ms-error-code"),
                                           .message = words.data,
                                           .request_id = word_of(response, "x-ms-request-id"),
                                           .operation_url = "",
                                           .retry_after_us = retry_after,
                                           .quota.name = "",
                                           .console = j->console.end.data,
                                           .console_len = j->console.end.len});
}

static void send_blob(struct job *j);

static void on_timer(void *arg) {
    struct job *j = arg;
    j->timer_id = 0;
    send_blob(j);
}

static void on_blob(void *arg, const struct http_response *response) {
    static const struct retry_policy pauses = {.first = USEC_SEC / 2, .most = 8 * USEC_SEC};
    struct job *j = arg;
    const char *after = http_response_header(response, "Retry-After");
    usec_t retry_after = 0;
    j->http_id = 0;
    if (after)
        (void)retry_after_parse(after, clock_wall(j->azure->env.clock), &retry_after);
    bool again = retry_status(response->status) && j->attempt < ATTEMPTS_MAX && !retry_after &&
                 response->code != -ENOMEM;
    if (!again) {
        end(j, response, retry_after);
        return;
    }
    usec_t pause = retry_delay(&pauses, j->attempt++, j->azure->env.random);
    if (http_timer(j->azure->env.http, pause, on_timer, j, &j->timer_id) < 0)
        end(j, response, 0);
}

/* No header of ours goes along, the token least of all. */
static void send_blob(struct job *j) {
    struct http_request q = {
        .url = j->results.console_url, .timeout = BLOB_TIMEOUT, .sink = on_piece};
    console_done(&j->console);
    console_init(&j->console);
    int r = http_submit(j->azure->env.http, &q, on_blob, j, &j->http_id);
    if (r < 0)
        job_end_with(j, r == -ENOMEM ? CYCLECLOUD_TRANSPORT : CYCLECLOUD_INVALID, "NotSent",
                     r == -ENOMEM ? "no memory to fetch the console"
                                  : "the console is at an address that is not https");
}

bool console_fetch(struct job *j) {
    if (!j->results.console_url)
        return false;
    j->attempt = 0;
    send_blob(j);
    return true;
}
