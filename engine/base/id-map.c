/* SPDX-License-Identifier: MIT */
#include "id-map.h"

#include "hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_CAP 16u

struct id_map_slot {
    uint64_t key, value;
    bool used;
};

/* Where the key is, or belongs. The map has room. */
static struct id_map_slot *slot_of(const struct id_map *m, uint64_t key) {
    size_t i = (size_t)(hash_u64(key) >> 32) & (m->cap - 1);
    while (m->slots[i].used && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

uint64_t *id_map_get(const struct id_map *m, uint64_t key) {
    struct id_map_slot *slot = m->cap ? slot_of(m, key) : NULL;
    return slot && slot->used ? &slot->value : NULL;
}

static int grow(struct id_map *m) {
    struct id_map bigger = {.len = m->len, .cap = m->cap ? 2 * m->cap : FIRST_CAP};
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].used)
            *slot_of(&bigger, m->slots[i].key) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return 0;
}

int id_map_set(struct id_map *m, uint64_t key, uint64_t value) {
    if (2 * (m->len + 1) > m->cap) {
        int r = grow(m);
        if (r < 0)
            return r;
    }
    struct id_map_slot *slot = slot_of(m, key);
    m->len += !slot->used;
    *slot = (struct id_map_slot){key, value, true};
    return 0;
}

void id_map_done(struct id_map *m) {
    free(m->slots);
    *m = (struct id_map){0};
}
