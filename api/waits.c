/* SPDX-License-Identifier: MIT */
#include "waits.h"

#include "base/cond.h"
#include "view/gateway.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define IDLE_TIMEOUT (90 * USEC_SEC) /* longer than a heartbeat's interval */
#define DEADLINE (30 * USEC_SEC)
#define STOP_GRACE (1 * USEC_SEC)
#define RETRY_AFTER_S 5
#define PER_ADDRESS 1024u

struct waits {
    pthread_mutex_t lock; /* guards everything below and the calls' and peers' fields */
    pthread_cond_t changed;
    unsigned refs; /* the server and each call */
    bool stopping;
    bool threaded;
    pthread_t thread;
    const struct gateway *gateway; /* NULL after waits_stop */
    usec_t idle_timeout, deadline;
    struct list calls; /* suspended, nearest deadline first */
    struct list peers; /* least recently touched first */
    size_t unfinished; /* calls whose request has not ended */
    size_t open;       /* connections */
    size_t open_max, open_per_address_max;
};

static usec_t now(void) {
    return clock_monotonic(&clock_real);
}

/* Lock held. */
static void finish_call(struct call *c, struct answer *answer) {
    list_del(&c->link);
    c->answer = *answer;
    *answer = (struct answer){0};
    struct MHD_Connection *connection = TAKE_PTR(c->connection);
    MHD_resume_connection(connection);
}

/* Answers the calls whose time is over. Lock held, but not while the engine is told. Returns the
   next deadline. */
static usec_t expire_calls(struct waits *w, usec_t at) {
    while (!list_empty(&w->calls)) {
        struct call *c = list_entry(w->calls.next, struct call, link);
        if (c->deadline > at)
            return c->deadline;
        struct answer late = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                              .retry_after_s = RETRY_AFTER_S};
        bool submitted = c->submitted;
        uint64_t ticket = c->ticket;
        finish_call(c, &late);
        if (!submitted)
            continue;
        (void)pthread_mutex_unlock(&w->lock);
        w->gateway->cancel(w->gateway->engine, ticket);
        (void)pthread_mutex_lock(&w->lock);
    }
    return USEC_NEVER;
}

/* The HTTP thread sees the end and closes it. Until then its place is free already: else a flood
   from one address, faster than that thread, would close the connections of others. Lock held. */
static void close_peer(struct waits *w, struct peer *p) {
    list_del(&p->link);
    p->closing = true;
    w->open--;
    (void)shutdown(p->fd, SHUT_RDWR);
}

/* Ends the connections of clients that took too long. Lock held. Returns the next time to look. */
static usec_t expire_peers(struct waits *w, usec_t at) {
    while (!list_empty(&w->peers)) {
        struct peer *p = list_entry(w->peers.next, struct peer, link);
        if (p->since + w->idle_timeout > at)
            return p->since + w->idle_timeout;
        close_peer(w, p);
    }
    return USEC_NEVER;
}

static void *watch(void *arg) {
    struct waits *w = arg;
    LOCK_SCOPE(&w->lock);
    while (!w->stopping) {
        usec_t at = now(), calls = expire_calls(w, at), peers = expire_peers(w, at);
        cond_wait_until(&w->changed, &w->lock, calls < peers ? calls : peers);
    }
    return NULL;
}

static int init_sync(struct waits *w) {
    int r = cond_init(&w->changed);
    if (r < 0)
        return r;
    r = pthread_mutex_init(&w->lock, NULL);
    if (r)
        (void)pthread_cond_destroy(&w->changed);
    return -r;
}

int waits_new(const struct gateway *gateway, const struct waits_options *options,
              struct waits **ret) {
    struct waits *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    int r = init_sync(w);
    if (r < 0) {
        free(w);
        return r;
    }
    w->refs = 1;
    w->gateway = gateway;
    w->idle_timeout = options->idle_timeout_ms ? options->idle_timeout_ms * USEC_MS : IDLE_TIMEOUT;
    w->deadline = options->deadline_ms ? options->deadline_ms * USEC_MS : DEADLINE;
    w->open_max = options->connections ? options->connections : SIZE_MAX;
    w->open_per_address_max =
        options->connections_per_address ? options->connections_per_address : PER_ADDRESS;
    list_init(&w->calls);
    list_init(&w->peers);
    r = -pthread_create(&w->thread, NULL, watch, w);
    if (r < 0) {
        waits_unref(w);
        return r;
    }
    w->threaded = true;
    *ret = w;
    return 0;
}

static void answer_all(struct waits *w) {
    while (!list_empty(&w->calls)) {
        struct answer stopped = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                 .retry_after_s = RETRY_AFTER_S};
        finish_call(list_entry(w->calls.next, struct call, link), &stopped);
    }
}

void waits_stop(struct waits *w) {
    if (!w->threaded)
        return;
    {
        LOCK_SCOPE(&w->lock);
        w->stopping = true;
        (void)pthread_cond_broadcast(&w->changed);
    }
    (void)pthread_join(w->thread, NULL);
    LOCK_SCOPE(&w->lock);
    w->threaded = false;
    w->gateway = NULL;
    answer_all(w);
    usec_t until = now() + STOP_GRACE;
    while (w->unfinished > 0 && now() < until)
        cond_wait_until(&w->changed, &w->lock, until);
}

void waits_unref(struct waits *w) {
    if (!w)
        return;
    bool last;
    {
        LOCK_SCOPE(&w->lock);
        last = --w->refs == 0;
    }
    if (!last)
        return;
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    free(w);
}

struct call *call_new(struct waits *w) {
    struct call *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->waits = w;
    c->refs = 2;
    list_init(&c->link);
    LOCK_SCOPE(&w->lock);
    w->refs++;
    w->unfinished++;
    return c;
}

int call_suspend(struct call *c, struct MHD_Connection *connection) {
    struct waits *w = c->waits;
    LOCK_SCOPE(&w->lock);
    if (w->stopping)
        return -ESHUTDOWN;
    MHD_suspend_connection(connection);
    c->connection = connection;
    c->deadline = now() + w->deadline;
    if (list_empty(&w->calls))
        (void)pthread_cond_broadcast(&w->changed);
    list_add_tail(&w->calls, &c->link);
    return 0;
}

void call_submitted(struct call *c, uint64_t ticket) {
    LOCK_SCOPE(&c->waits->lock);
    c->ticket = ticket;
    c->submitted = true;
}

void call_answer(struct call *c, struct answer *answer) {
    {
        LOCK_SCOPE(&c->waits->lock);
        if (c->connection)
            finish_call(c, answer);
    }
    free(TAKE_PTR(answer->json));
}

void call_unref(struct call *c) {
    struct waits *w = c->waits;
    bool last;
    {
        LOCK_SCOPE(&w->lock);
        last = --c->refs == 0;
    }
    if (!last)
        return;
    free(c->answer.json);
    free(c);
    waits_unref(w);
}

void call_done(struct call *c) {
    {
        LOCK_SCOPE(&c->waits->lock);
        c->waits->unfinished--;
        (void)pthread_cond_broadcast(&c->waits->changed);
    }
    call_unref(c);
}

static void set_address(struct peer *p, const struct sockaddr *address) {
    if (address && address->sa_family == AF_INET6) {
        p->address = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    } else if (address && address->sa_family == AF_INET) {
        p->address.s6_addr[10] = p->address.s6_addr[11] = 0xff;
        memcpy(p->address.s6_addr + 12,
               &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
}

/* The connection that has to go for a new one: the longest idle of its address when that has its
   share already, else the longest idle of all when all are too many. NULL: none. Lock held. */
static struct peer *find_surplus(struct waits *w, const struct peer *fresh) {
    struct peer *oldest = NULL;
    size_t n = 0;
    list_for_each(link, &w->peers) {
        struct peer *p = list_entry(link, struct peer, link);
        if (memcmp(&p->address, &fresh->address, sizeof(p->address)) != 0)
            continue;
        oldest = oldest ? oldest : p;
        n++;
    }
    if (n >= w->open_per_address_max)
        return oldest;
    bool full = w->open >= w->open_max && !list_empty(&w->peers);
    return full ? list_entry(w->peers.next, struct peer, link) : NULL;
}

struct peer *peer_new(struct waits *w, int fd, const struct sockaddr *address) {
    struct peer *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->fd = fd;
    list_init(&p->link);
    set_address(p, address);
    {
        LOCK_SCOPE(&w->lock);
        struct peer *surplus = find_surplus(w, p);
        if (surplus)
            close_peer(w, surplus);
        w->open++;
    }
    peer_touch(w, p);
    return p;
}

void peer_free(struct waits *w, struct peer *p) {
    {
        LOCK_SCOPE(&w->lock);
        w->open -= !p->closing;
    }
    peer_hold(w, p);
    free(p);
}

void peer_touch(struct waits *w, struct peer *p) {
    if (!p)
        return;
    LOCK_SCOPE(&w->lock);
    list_del(&p->link);
    if (p->closing)
        return;
    p->since = now();
    if (list_empty(&w->peers))
        (void)pthread_cond_broadcast(&w->changed);
    list_add_tail(&w->peers, &p->link);
}

void peer_hold(struct waits *w, struct peer *p) {
    if (!p)
        return;
    LOCK_SCOPE(&w->lock);
    list_del(&p->link);
}
