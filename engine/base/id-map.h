/* SPDX-License-Identifier: MIT */
#ifndef BASE_ID_MAP_H
#define BASE_ID_MAP_H

/*
 * Numbers by number: where the object with an id stands in an array. Open addressing; a zeroed
 * struct is an empty map. Not for several threads at once.
 */

#include <stddef.h>
#include <stdint.h>

struct id_map_slot;

struct id_map {
    struct id_map_slot *slots;
    size_t len, cap; /* cap: 0 or a power of two, at least twice len */
};

/* The value of a key, good until the map is changed; NULL when there is none. */
uint64_t *id_map_get(const struct id_map *m, uint64_t key);
/* Sets or replaces it. 0 or -ENOMEM. */
int id_map_set(struct id_map *m, uint64_t key, uint64_t value);
/* Frees everything; the map is empty then. */
void id_map_done(struct id_map *m);

#endif
