/* SPDX-License-Identifier: MIT */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

/* Private to the store: what all implementations have in common about keys, ranges and limits. */

#include "store.h"

/* As memcmp, a shorter key before a longer one that begins with it. */
int key_compare(const void *a, size_t a_len, const void *b, size_t b_len);
bool key_begins(const void *key, size_t key_len, const void *prefix, size_t prefix_len);

/* Where the walk of a range begins. */
struct range_start {
    const void *key; /* forward: the first key not less than this; reverse: the last not greater */
    size_t len;
    bool at_end; /* reverse: the last key of the prefix instead */
    bool empty;  /* there is nothing to walk */
};

struct range_start range_start(const struct store_range *range);

/* 0, or -EINVAL when a key or a value is too long. */
int store_check(const struct store_change *c, struct error *err);

/* The refusal of a commit whose compare does not hold. -EAGAIN. */
int store_changed(struct error *err);

#endif
