/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_API_FIXTURE_H
#define TESTS_UNIT_API_FIXTURE_H

/* The HTTP server on a port of its own, an engine behind it that is a thread and answers as it is
 * told, and a client. All assert by themselves. */

#include "api/api.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REPLY_MAX ((size_t)64 << 10)

enum mode {
    ANSWER, /* with `reply` */
    HOLD,   /* until the mode changes */
    FULL,   /* -EAGAIN */
};

struct fake_engine {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct list queue;
    enum mode mode;
    bool stop;
    struct reply reply;
    unsigned submitted, canceled;
    uint64_t ticket, canceled_ticket;
    enum command_type type; /* of the last command, as all below */
    char *name, *text;
    size_t len;
};

struct fixture {
    struct fake_engine engine;
    struct model *model;
    struct gateway gateway;
    struct api *api;
};

/* cmocka's setup and teardown; the impatient server waits 0.4 s for a client and 0.2 s for the
 * engine. */
int setup(void **state);
int setup_impatient(void **state);
int teardown(void **state);
void stop_engine(struct fixture *f);

/* How many commands came. */
unsigned submitted(struct fake_engine *e);
void wait_submitted(struct fake_engine *e, unsigned n);
void set_mode(struct fake_engine *e, enum mode mode);

/* A connection to the server. */
int dial(const struct fixture *f);
/* The same as the client 127.0.0.(1 + number). */
int dial_from(const struct fixture *f, unsigned number);
/* False when the other side has closed. */
bool put(int fd, const char *data, size_t len);
void put_text(int fd, const char *text);
/* Reads one answer, headers and body, into `b`. Returns the status; 0 = closed without one. */
int take(int fd, struct buf *b);
bool has(const struct buf *b, const char *text);
void post(int fd, const char *path, const char *token, const char *body, size_t len);
void post_status(int fd);
/* A request with nothing but its first line; the status of its answer. */
int ask(const struct fixture *f, const char *line, struct buf *b);

#endif
