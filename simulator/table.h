/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_TABLE_H
#define SIMULATOR_TABLE_H

/*
 * A hash table from text to pointer. Keys compare with ASCII case folded, as Azure's resource ids
 * do; they are borrowed and must stay as they are while they are in the table. One thread.
 */

#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t hash;
    const char *key; /* NULL = free */
    void *value;
};

struct table {
    struct table_slot *slots;
    size_t len, cap;
};

/* The value of a key, or NULL. Borrowed. */
void *table_get(const struct table *table, const char *key);
/* Adds a key or replaces its value (and its key). 0 or -ENOMEM. */
int table_put(struct table *table, const char *key, void *value);
/* No effect if the key is not there. */
void table_remove(struct table *table, const char *key);
/* Releases the table, not what it points to. */
void table_done(struct table *table);

#endif
