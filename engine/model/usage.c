/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include "limits.h"
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>

struct usage_amount usage_of(const struct machine_type *t, bool spot, uint32_t cores,
                             usec_t duration) {
    uint64_t hour = machine_type_hour_micro(t, spot);
    return (struct usage_amount){
        .node_us = duration,
        .core_us = duration * cores,
        .cost_micro = (uint64_t)((double)hour * ((double)duration / (double)USEC_HOUR) + 0.5),
        .unpriced_us = hour ? 0 : duration,
    };
}

void usage_amount_add(struct usage_amount *to, const struct usage_amount *more) {
    to->node_us += more->node_us;
    to->core_us += more->core_us;
    to->cost_micro += more->cost_micro;
    to->unpriced_us += more->unpriced_us;
}

struct usage *usage_ref(struct usage *u) {
    if (u)
        u->refs++;
    return u;
}

void usage_unref(struct usage *u) {
    if (!u || --u->refs)
        return;
    for (size_t i = 0; i < u->n; i++) {
        str_unref(u->rows[i].array);
        str_unref(u->rows[i].machine_type);
        str_unref(u->rows[i].currency);
    }
    free(u);
}

/* A copy with one zeroed row more, which is not counted. */
static struct usage *copy_with_room(const struct usage *u) {
    size_t n = u ? u->n : 0;
    struct usage *copy = calloc(1, sizeof(*copy) + (n + 1) * sizeof(struct usage_row));
    if (!copy)
        return NULL;
    copy->refs = 1;
    copy->n = n;
    for (size_t i = 0; i < n; i++) {
        copy->rows[i] = u->rows[i];
        (void)str_ref(copy->rows[i].array);
        (void)str_ref(copy->rows[i].machine_type);
        (void)str_ref(copy->rows[i].currency);
    }
    return copy;
}

static struct usage_row *find(struct usage *u, const struct usage_key *key) {
    for (size_t i = 0; u && i < u->n; i++) {
        struct usage_row *row = &u->rows[i];
        if (row->spot == key->spot && str_equal(row->array, key->array) &&
            str_equal(row->machine_type, key->machine_type))
            return row;
    }
    return NULL;
}

/* A new row at the end of a list that has room for it. NULL: no memory. */
static struct usage_row *append(struct usage *u, const struct usage_key *key) {
    struct usage_row *row = &u->rows[u->n];
    row->spot = key->spot;
    row->array = str_new_c(key->array);
    row->machine_type = str_new_c(key->machine_type);
    u->n++; /* released with the list */
    return row->array && row->machine_type ? row : NULL;
}

/* The row to write to, in a list that nobody else sees. NULL: no memory. */
static struct usage_row *own_row(struct usage **slot, const struct usage_key *key) {
    static const struct usage_key rest = {"", "", false};
    struct usage_row *row = find(*slot, key);
    if (!row && *slot && (*slot)->n + 1 >= LIMIT_USAGE_ROWS) {
        key = &rest;
        row = find(*slot, key);
    }
    if (row && (*slot)->refs == 1)
        return row;
    struct usage *copy = copy_with_room(*slot);
    if (!copy)
        return NULL;
    usage_unref(*slot);
    *slot = copy;
    row = find(copy, key);
    return row ? row : append(copy, key);
}

int usage_add(struct usage **slot, const struct usage_key *key, const char *currency,
              const struct usage_amount *amount) {
    struct usage_row *row = own_row(slot, key);
    if (!row || (*currency && str_set(&row->currency, currency) < 0))
        return -ENOMEM;
    usage_amount_add(&row->amount, amount);
    return 0;
}
