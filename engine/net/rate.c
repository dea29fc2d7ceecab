/* SPDX-License-Identifier: MIT */
#include "rate.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1 /* else it would end the process */
#include <uthash.h>

#define SLOW_FOR (10 * USEC_MIN)
#define RESERVE_PART 0.1 /* of the capacity, spent evenly */
#define SMALL 20         /* a smaller bucket is there to be used up */

struct bucket {
    UT_hash_handle hh;
    struct rate_limit limit;
    double level; /* may be negative: reservations that wait */
    usec_t at;    /* when `level` was true */
    usec_t closed_until, slow_until;
    usec_t spaced_until; /* below the reserve: when the next one may go */
    char key[];
};

struct rates {
    struct bucket *buckets;
};

struct rates *rates_new(void) {
    return calloc(1, sizeof(struct rates));
}

static void drop(struct rates *r, struct bucket *b) {
    HASH_DEL(r->buckets, b);
    free(b);
}

void rates_free(struct rates *r) {
    if (!r)
        return;
    struct bucket *b, *next;
    HASH_ITER(hh, r->buckets, b, next) {
        drop(r, b);
    }
    free(r);
}

// NOLINTNEXTLINE(readability-function-size): the macros of uthash
static struct bucket *find(struct rates *r, const char *key) {
    struct bucket *b = NULL;
    HASH_FIND_STR(r->buckets, key, b);
    return b;
}

static double refill_of(const struct bucket *b, usec_t now) {
    return now < b->slow_until ? b->limit.refill_per_s / 2 : b->limit.refill_per_s;
}

static void refresh(struct bucket *b, usec_t now) {
    double passed_s = (double)usec_sub(now, b->at) / (double)USEC_SEC;
    b->level += passed_s * refill_of(b, now);
    if (b->level > b->limit.capacity)
        b->level = b->limit.capacity;
    b->at = now;
}

/* The one nearest to full is the one whose loss matters least. */
static void make_room(struct rates *r, usec_t now) {
    struct bucket *b, *next, *fullest = NULL;
    if (HASH_COUNT(r->buckets) < RATES_MAX)
        return;
    HASH_ITER(hh, r->buckets, b, next) {
        refresh(b, now);
        if (b->level >= b->limit.capacity)
            drop(r, b);
        else if (!fullest ||
                 b->limit.capacity - b->level < fullest->limit.capacity - fullest->level)
            fullest = b;
    }
    if (HASH_COUNT(r->buckets) >= RATES_MAX)
        drop(r, fullest);
}

// NOLINTNEXTLINE(readability-function-size): the macros of uthash
static struct bucket *get(struct rates *r, const char *key, const struct rate_limit *limit,
                          usec_t now) {
    struct bucket *b = find(r, key);
    if (b)
        return b;
    make_room(r, now);
    size_t len = strlen(key);
    b = calloc(1, sizeof(*b) + len + 1);
    if (!b)
        return NULL;
    memcpy(b->key, key, len + 1);
    b->limit = *limit;
    b->level = limit->capacity;
    b->at = now;
    HASH_ADD_STR(r->buckets, key, b);
    if (b->hh.tbl)
        return b;
    free(b);
    return NULL;
}

static usec_t refill_time(const struct bucket *b, double tokens, usec_t now) {
    return (usec_t)(tokens / refill_of(b, now) * (double)USEC_SEC) + 1;
}

/* In the reserve. (An empty bucket spaces by itself.) */
static bool spaced(const struct bucket *b) {
    double reserve = b->limit.capacity < SMALL ? 0 : b->limit.capacity * RESERVE_PART;
    return b->level >= 1 && b->level < reserve + 1;
}

/* Until a token is there, and in the reserve until its turn. */
static usec_t wait_of(const struct bucket *b, usec_t now) {
    usec_t wait = usec_sub(b->closed_until, now);
    if (b->level < 1 && refill_time(b, 1 - b->level, now) > wait)
        wait = refill_time(b, 1 - b->level, now);
    if (spaced(b) && usec_sub(b->spaced_until, now) > wait)
        wait = usec_sub(b->spaced_until, now);
    return wait;
}

int rates_take(struct rates *r, const char *key, const struct rate_limit *limit, usec_t now,
               usec_t *ret_wait) {
    struct bucket *b = get(r, key, limit, now);
    if (!b)
        return -ENOMEM;
    refresh(b, now);
    usec_t wait = wait_of(b, now);
    if (spaced(b))
        b->spaced_until = now + wait + refill_time(b, 1, now);
    b->level -= 1;
    *ret_wait = wait;
    return 0;
}

void rates_give_back(struct rates *r, const char *key) {
    struct bucket *b = find(r, key);
    if (b && b->level + 1 <= b->limit.capacity)
        b->level += 1;
}

usec_t rates_wait(struct rates *r, const char *key, usec_t now) {
    struct bucket *b = find(r, key);
    if (!b)
        return 0;
    refresh(b, now);
    return wait_of(b, now);
}

void rates_remaining(struct rates *r, const char *key, double remaining, usec_t now) {
    struct bucket *b = find(r, key);
    if (!b)
        return;
    refresh(b, now);
    if (remaining < b->level)
        b->level = remaining;
}

void rates_refused(struct rates *r, const char *key, usec_t pause, usec_t now) {
    struct bucket *b = find(r, key);
    if (!b)
        return;
    refresh(b, now);
    if (b->level > 1)
        b->level = 1;
    if (usec_add(now, pause) > b->closed_until)
        b->closed_until = usec_add(now, pause);
    b->slow_until = usec_add(now, SLOW_FOR);
}

void rates_reopen(struct rates *r, usec_t now) {
    struct bucket *b, *next;
    HASH_ITER(hh, r->buckets, b, next) {
        refresh(b, now);
        b->closed_until = b->spaced_until = 0;
    }
}

size_t rates_count(const struct rates *r) {
    return HASH_COUNT(r->buckets);
}
