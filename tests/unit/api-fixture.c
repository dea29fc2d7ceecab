/* SPDX-License-Identifier: MIT */
#include "api-fixture.h"

#include "model/builder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- the engine ---- */

static void remember(struct fake_engine *e, const struct command *c) {
    free(e->name);
    free(e->text);
    e->type = c->type;
    e->name = strdup(c->name);
    e->text = strdup(c->text);
    e->len = c->len;
}

static void *engine_thread(void *arg) {
    struct fake_engine *e = arg;
    pthread_mutex_lock(&e->lock);
    while (!e->stop || !list_empty(&e->queue)) {
        if (list_empty(&e->queue) || (e->mode == HOLD && !e->stop)) {
            pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        struct command *c = list_entry(e->queue.next, struct command, link);
        list_del(&c->link);
        struct reply reply = e->reply;
        pthread_mutex_unlock(&e->lock);
        c->reply(c->arg, &reply);
        command_free(c);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static int submit(void *engine, struct command *c, uint64_t *ret_ticket) {
    struct fake_engine *e = engine;
    LOCK_SCOPE(&e->lock);
    if (e->mode == FULL)
        return -EAGAIN;
    remember(e, c);
    e->submitted++;
    list_add_tail(&e->queue, &c->link);
    *ret_ticket = c->ticket = ++e->ticket;
    pthread_cond_broadcast(&e->changed);
    return 0;
}

static void cancel(void *engine, uint64_t ticket) {
    struct fake_engine *e = engine;
    LOCK_SCOPE(&e->lock);
    e->canceled++;
    e->canceled_ticket = ticket;
    pthread_cond_broadcast(&e->changed);
}

unsigned submitted(struct fake_engine *e) {
    LOCK_SCOPE(&e->lock);
    return e->submitted;
}

void set_mode(struct fake_engine *e, enum mode mode) {
    LOCK_SCOPE(&e->lock);
    e->mode = mode;
    pthread_cond_broadcast(&e->changed);
}

void wait_submitted(struct fake_engine *e, unsigned n) {
    LOCK_SCOPE(&e->lock);
    while (e->submitted < n)
        pthread_cond_wait(&e->changed, &e->lock);
}

void stop_engine(struct fixture *f) {
    {
        LOCK_SCOPE(&f->engine.lock);
        f->engine.stop = true;
        pthread_cond_broadcast(&f->engine.changed);
    }
    pthread_join(f->engine.thread, NULL);
}

static int start(void **state, unsigned idle_ms, unsigned deadline_ms) {
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    *state = f;
    list_init(&f->engine.queue);
    pthread_mutex_init(&f->engine.lock, NULL);
    pthread_cond_init(&f->engine.changed, NULL);
    f->engine.reply = (struct reply){.kind = "", .message = "", .text = "{}"};
    if (model_new(&clock_real, &f->model) < 0)
        return -1;
    f->gateway = (struct gateway){.model = f->model,
                                  .clock = &clock_real,
                                  .submit = submit,
                                  .cancel = cancel,
                                  .engine = &f->engine};
    if (pthread_create(&f->engine.thread, NULL, engine_thread, &f->engine) != 0)
        return -1;
    struct api_options options = {
        .listen = "127.0.0.1:0", .idle_timeout_ms = idle_ms, .deadline_ms = deadline_ms};
    return api_new(&options, &f->gateway, NULL, &f->api);
}

int setup(void **state) {
    return start(state, 0, 0);
}

int setup_impatient(void **state) {
    return start(state, 400, 200);
}

int teardown(void **state) {
    struct fixture *f = *state;
    api_free(f->api);
    if (!f->engine.stop)
        stop_engine(f);
    pthread_mutex_destroy(&f->engine.lock);
    pthread_cond_destroy(&f->engine.changed);
    free(f->engine.name);
    free(f->engine.text);
    model_free(f->model);
    free(f);
    return 0;
}

/* ---- the client ---- */

int dial_from(const struct fixture *f, unsigned number) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number)},
                       to = {.sin_family = AF_INET,
                             .sin_port = htons(api_port(f->api)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    struct timeval limit = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

int dial(const struct fixture *f) {
    return dial_from(f, 0);
}

bool put(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

void put_text(int fd, const char *text) {
    assert_true(put(fd, text, strlen(text)));
}

int take(int fd, struct buf *b) {
    size_t want = 0;
    buf_clear(b);
    while (!want || b->len < want) {
        char c;
        ssize_t n = recv(fd, &c, 1, 0);
        if (n <= 0)
            return 0;
        assert_int_equal(buf_putc(b, c), 0);
        if (!want && b->len >= 4 && memcmp(b->data + b->len - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strcasestr(b->data, "\r\nContent-Length: ");
            want = b->len + (length ? strtoul(length + 18, NULL, 10) : 0);
        }
    }
    return atoi(b->data + strlen("HTTP/1.1 "));
}

bool has(const struct buf *b, const char *text) {
    return strcasestr(b->data, text) != NULL;
}

void post(int fd, const char *path, const char *token, const char *body, size_t len) {
    char *head;
    assert_true(asprintf(&head,
                         "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         path, token, len) > 0);
    put_text(fd, head);
    free(head);
    (void)put(fd, body, len);
}

void post_status(int fd) {
    post(fd, "/agent/v1/status", "T", "{}", 2);
}

int ask(const struct fixture *f, const char *line, struct buf *b) {
    _cleanup_close_ int fd = dial(f);
    put_text(fd, line);
    put_text(fd, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return take(fd, b);
}
