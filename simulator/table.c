/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* 64-bit FNV-1a over the folded key. */
static uint64_t hash_folded(const char *key) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *key; key++)
        hash = (hash ^ (uint64_t)tolower((unsigned char)*key)) * 0x100000001b3;
    return hash;
}

/* The slot of the key, or the free one where it belongs. */
static size_t find_slot(const struct table *table, const char *key, uint64_t hash) {
    size_t at = hash & (table->cap - 1);
    while (table->slots[at].key &&
           (table->slots[at].hash != hash || strcasecmp(table->slots[at].key, key) != 0))
        at = (at + 1) & (table->cap - 1);
    return at;
}

void *table_get(const struct table *table, const char *key) {
    return table->cap ? table->slots[find_slot(table, key, hash_folded(key))].value : NULL;
}

static int grow(struct table *table) {
    struct table bigger = {.cap = table->cap ? 2 * table->cap : 64, .len = table->len};
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < table->cap; i++) {
        const struct table_slot *slot = &table->slots[i];
        if (slot->key)
            bigger.slots[find_slot(&bigger, slot->key, slot->hash)] = *slot;
    }
    free(table->slots);
    *table = bigger;
    return 0;
}

int table_put(struct table *table, const char *key, void *value) {
    if (4 * (table->len + 1) > 3 * table->cap) {
        int r = grow(table);
        if (r < 0)
            return r;
    }
    uint64_t hash = hash_folded(key);
    struct table_slot *slot = &table->slots[find_slot(table, key, hash)];
    table->len += slot->key == NULL;
    *slot = (struct table_slot){.hash = hash, .key = key, .value = value};
    return 0;
}

void table_remove(struct table *table, const char *key) {
    if (!table->cap)
        return;
    size_t mask = table->cap - 1;
    size_t hole = find_slot(table, key, hash_folded(key));
    if (!table->slots[hole].key)
        return;
    table->len--;
    table->slots[hole] = (struct table_slot){0};
    /* Close the gap: whatever probed past the hole moves into it. */
    for (size_t at = (hole + 1) & mask; table->slots[at].key; at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table->slots[hole] = table->slots[at];
        table->slots[at] = (struct table_slot){0};
        hole = at;
    }
}

void table_done(struct table *table) {
    free(table->slots);
    *table = (struct table){0};
}
