/* SPDX-License-Identifier: MIT */
#ifndef NET_RATE_H
#define NET_RATE_H

/*
 * Token buckets on the client's side, so that a server's limits are met before it has to say so.
 * A bucket is named by an opaque key, begins full with the limits its first user gives, and is
 * corrected downwards by what the server reports. One thread; the caller gives the time.
 *
 * The last tenth of a bucket of 20 or more is spent evenly, one a refill, instead of in a burst:
 * others who use the same limit find something left.
 */

#include "base/cleanup.h"
#include "base/clock.h"

struct rates;

struct rate_limit {
    double capacity;
    double refill_per_s;
};

/* At most this many buckets; the fullest makes room for a new one. */
#define RATES_MAX 8192

struct rates *rates_new(void);
void rates_free(struct rates *r);
DEFINE_CLEANUP(struct rates, rates_free);

/*
 * Reserves `cost` from the bucket; the reservation stands whatever the wait, so the caller must
 * send after it (or give it back). Returns 0 and *ret_wait: how long to wait before sending;
 * -ENOMEM (send at once: the limit is unknown).
 */
int rates_take(struct rates *r, const char *key, const struct rate_limit *limit, usec_t now,
               usec_t *ret_wait);
/* Gives one reservation back: it was not sent. */
void rates_give_back(struct rates *r, const char *key);
/* How long a rates_take would have to wait now; reserves nothing. 0 for an unknown key. */
usec_t rates_wait(struct rates *r, const char *key, usec_t now);
/* The server says that `remaining` are left: the bucket is lowered to it, never raised. */
void rates_remaining(struct rates *r, const char *key, double remaining, usec_t now);
/* The server refused: nothing before `now + pause`, and half the refill for ten minutes. */
void rates_refused(struct rates *r, const char *key, usec_t pause, usec_t now);
/* A person asks to try again at once: no refusal is waited out any longer. */
void rates_reopen(struct rates *r, usec_t now);
/* Buckets there are, for tests and status. */
size_t rates_count(const struct rates *r);

#endif
