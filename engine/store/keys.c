/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <errno.h>
#include <string.h>

int key_compare(const void *a, size_t a_len, const void *b, size_t b_len) {
    size_t n = a_len < b_len ? a_len : b_len;
    int r = n ? memcmp(a, b, n) : 0;
    return r ? r : (a_len > b_len) - (a_len < b_len);
}

bool key_begins(const void *key, size_t key_len, const void *prefix, size_t prefix_len) {
    return key_len >= prefix_len && (prefix_len == 0 || memcmp(key, prefix, prefix_len) == 0);
}

static struct range_start reverse_start(const struct store_range *range) {
    struct range_start s = {range->from, range->from_len, false, false};
    if (!range->from || range->from_len == 0)
        s.at_end = true;
    else if (!key_begins(s.key, s.len, range->prefix, range->prefix_len))
        *(key_compare(s.key, s.len, range->prefix, range->prefix_len) < 0 ? &s.empty : &s.at_end) =
            true;
    return s;
}

struct range_start range_start(const struct store_range *range) {
    if (range->reverse)
        return reverse_start(range);
    if (range->from &&
        key_compare(range->from, range->from_len, range->prefix, range->prefix_len) > 0)
        return (struct range_start){range->from, range->from_len, false, false};
    return (struct range_start){range->prefix, range->prefix_len, false, false};
}

static int check_lengths(size_t key_len, size_t value_len, struct error *err) {
    if (key_len > STORE_KEY_MAX)
        return err_set(err, -EINVAL, "store", "a key of %zu bytes is too long, the most is %d",
                       key_len, STORE_KEY_MAX);
    if (value_len > STORE_VALUE_MAX)
        return err_set(err, -EINVAL, "store", "a value of %zu bytes is too long, the most is %u",
                       value_len, STORE_VALUE_MAX);
    return 0;
}

int store_check(const struct store_change *c, struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_compares; i++)
        r = check_lengths(c->compares[i].key_len,
                          c->compares[i].value ? c->compares[i].value_len : 0, err);
    for (size_t i = 0; r == 0 && i < c->n_ops; i++)
        r = check_lengths(c->ops[i].key_len, c->ops[i].value ? c->ops[i].value_len : 0, err);
    return r;
}

int store_changed(struct error *err) {
    return err_set(err, -EAGAIN, "try_again", "the stored state was changed meanwhile: try again");
}
