/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/*
 * Time. One type: usec_t, microseconds. Wall time counts from 1970-01-01T00:00:00Z (as in
 * timespec), monotonic time from an arbitrary start. The engine is given a clock, so a test can
 * run it on virtual time; only programs and their edges call the real one.
 */

#include "buf.h"

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_MS ((usec_t)1000)
#define USEC_SEC ((usec_t)1000000)
#define USEC_MIN (60 * USEC_SEC)
#define USEC_HOUR (60 * USEC_MIN)
#define USEC_DAY (24 * USEC_HOUR)
#define USEC_NEVER UINT64_MAX

/* A source of time. Both functions may be called from any thread. */
struct clock {
    usec_t (*wall)(void *arg);
    usec_t (*monotonic)(void *arg);
    void *arg;
};

/* The machine's clock (CLOCK_REALTIME, CLOCK_MONOTONIC). */
extern const struct clock clock_real;

static inline usec_t clock_wall(const struct clock *c) {
    return c->wall(c->arg);
}

static inline usec_t clock_monotonic(const struct clock *c) {
    return c->monotonic(c->arg);
}

/* Saturating sum: USEC_NEVER stays USEC_NEVER. */
static inline usec_t usec_add(usec_t a, usec_t b) {
    return a > USEC_NEVER - b ? USEC_NEVER : a + b;
}

/* Difference that does not go below zero. */
static inline usec_t usec_sub(usec_t a, usec_t b) {
    return a > b ? a - b : 0;
}

#define TIME_TEXT_MAX 40

/* Appends wall time as RFC 3339 UTC with milliseconds, "2026-11-23T09:13:06.250Z". */
int time_format(struct buf *b, usec_t wall);

/* Reads RFC 3339 ("2024-08-26T09:40:16.0066584+00:00", "...Z"). Returns 0 or -EINVAL. */
int time_parse(const char *text, usec_t *ret_wall);

/* Appends a duration for people: "850ms", "12s", "3m20s", "2h05m", "3d4h". */
int duration_format(struct buf *b, usec_t duration);

#endif
