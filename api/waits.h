/* SPDX-License-Identifier: MIT */
#ifndef API_WAITS_H
#define API_WAITS_H

/*
 * What is waited for, and until when: answers of the engine (calls), and clients that have to send
 * a request or take an answer (peers). One thread looks after both.
 *
 * Invariants
 * - `connection` of a call is set exactly while its connection is suspended; whoever clears it,
 * under the lock, has stored the answer and resumes the connection. So a connection is resumed
 * once, and none is touched after waits_stop.
 * - A call is shared by its HTTP request and by the engine's command: the last one frees it. It
 * keeps the struct waits alive, so the engine may reply after the server has gone.
 * - A peer is in the list while its client must do something; oldest first. When there are too
 * many connections, of all clients or of one address, the oldest in the list is closed.
 */

#include "base/clock.h"
#include "base/list.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct gateway;

/* What to send. `json` is owned; NULL: the words of the status (answer.c). */
struct answer {
    unsigned status; /* HTTP; 0 = none yet */
    unsigned retry_after_s;
    char *json;
};

struct waits;

/* A request that the engine answers. */
struct call {
    struct waits *waits;
    struct list link;
    struct MHD_Connection *connection; /* guarded by waits.lock, like all below */
    unsigned refs;
    usec_t deadline;
    uint64_t ticket;
    bool submitted;
    struct answer answer;
};

/* A client's connection. */
struct peer {
    struct list link;
    struct in6_addr address; /* of IPv4: mapped */
    int fd;                  /* MHD's; good until the closing of the connection is told */
    usec_t since;
    bool closing; /* told to end: it does not count as open any more */
};

/* Zeros mean the defaults. */
struct waits_options {
    unsigned idle_timeout_ms, deadline_ms;
    unsigned connections;             /* how many are kept; 0 = no limit */
    unsigned connections_per_address; /* ... of clients that must do something */
};

/* Makes it and starts its thread. `gateway` is used for cancelling until waits_stop. 0 or -errno.
 */
int waits_new(const struct gateway *gateway, const struct waits_options *options,
              struct waits **ret);
/* Answers all calls with 503, refuses new ones, and waits up to a second until the answers are
 * sent. */
void waits_stop(struct waits *w);
/* After waits_stop and the end of the HTTP server. Accepts NULL. */
void waits_unref(struct waits *w);

/* A call with two references, the request's and the command's. NULL: no memory. */
struct call *call_new(struct waits *w);
/* Suspends the connection. 0, or -ESHUTDOWN when the server is stopping. HTTP thread. */
int call_suspend(struct call *c, struct MHD_Connection *connection);
/* Notes that the engine took the command. HTTP thread. */
void call_submitted(struct call *c, uint64_t ticket);
/* Stores the answer (taken over) and resumes, unless it came too late. Any thread. */
void call_answer(struct call *c, struct answer *answer);
void call_unref(struct call *c);
/* The request of a suspended connection has ended. HTTP thread. */
void call_done(struct call *c);

/* A connection was opened or closed. Where there are too many now, one that has been idle the
   longest is closed. `address` may be NULL: not known. NULL: no memory. */
struct peer *peer_new(struct waits *w, int fd, const struct sockaddr *address);
void peer_free(struct waits *w, struct peer *p);
/* The client's time begins anew. NULL is accepted by this and the next. */
void peer_touch(struct waits *w, struct peer *p);
/* It is our turn: the client's time stands still. */
void peer_hold(struct waits *w, struct peer *p);

#endif
