/* SPDX-License-Identifier: MIT */
#ifndef MODEL_USAGE_H
#define MODEL_USAGE_H

/*
 * What a cluster has used: the time of machines that are gone, summed up by array, machine type and
 * spot. A list is shared by the copies of its cluster (counted); engine thread only, but for
 * reading. The time of machines that are there now is added by whoever asks (node.billed_at).
 */

#include "base/clock.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct machine_type;

struct usage_amount {
    uint64_t node_us, core_us;
    uint64_t cost_micro;  /* millionths of the currency */
    uint64_t unpriced_us; /* of node_us, while no price was known */
};

struct usage_key {
    const char *array, *machine_type;
    bool spot;
};

struct usage_row {
    struct str *array, *machine_type, *currency;
    bool spot;
    struct usage_amount amount;
};

struct usage {
    unsigned refs;
    size_t n;
    struct usage_row rows[];
};

/* What a machine uses in this time. `t` may be NULL. */
struct usage_amount usage_of(const struct machine_type *t, bool spot, uint32_t cores,
                             usec_t duration);
void usage_amount_add(struct usage_amount *to, const struct usage_amount *more);

/*
 * Adds to the row of this key in *slot; a list that others see is copied first. When there are
 * LIMIT_USAGE_ROWS, what has no row goes to one without names. 0 or -ENOMEM.
 */
int usage_add(struct usage **slot, const struct usage_key *key, const char *currency,
              const struct usage_amount *amount);
struct usage *usage_ref(struct usage *u);
void usage_unref(struct usage *u);

#endif
