/* SPDX-License-Identifier: MIT */
#ifndef NET_RETRY_H
#define NET_RETRY_H

/* When to come again. Pure functions: clock and random numbers are given. */

#include "base/clock.h"
#include "base/random.h"

#include <stdbool.h>

struct retry_policy {
    usec_t first, most; /* bounds of the delay */
};

#define RETRY_AFTER_MAX USEC_HOUR

/* Exponential backoff with full jitter on its upper half: `first` doubled `attempt` times (0 = the
   first repetition), at most `most`, of which between a half and the whole. */
usec_t retry_delay(const struct retry_policy *policy, unsigned attempt,
                   const struct random_source *random);

/*
 * Reads Retry-After (RFC 9110 section 10.2.3): seconds, or an HTTP date in any of its three forms
 * relative to `now_wall`. A date in the past gives 0. Values over RETRY_AFTER_MAX are cut
 * to it: a mistyped number must not stop an account for days.
 * Returns 0 or -EINVAL.
 */
int retry_after_parse(const char *text, usec_t now_wall, usec_t *ret_delay);

/* `delay` and up to a fifth more, so that many who were told the same do not come together. */
usec_t retry_jitter(usec_t delay, const struct random_source *random);

/* True for statuses that say "later": 408, 429, 500, 502, 503, 504; and 0 (no answer). */
bool retry_status(int status);

#endif
