/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_KEY_INDEX_H
#define TEMPLATE_KEY_INDEX_H

/*
 * Finds keys of large records without looking at each: a hash table of positions, in any case of
 * the letters. It belongs to whoever fills the record, and is only read afterwards. A zeroed struct
 * is an empty one.
 */

#include <stddef.h>
#include <stdint.h>

struct key_index {
    uint32_t *slots; /* position + 1, 0 = free */
    size_t cap;      /* a power of two; 0 = no index: look at each key */
};

/* Takes in all of `keys` that are not yet: called with each new key at the end. 0 or -ENOMEM. */
int key_index_add(struct key_index *x, char *const *keys, size_t n);
/* The position of the key (`len` bytes) among the `n` keys; `n` if it is not there. */
size_t key_index_find(const struct key_index *x, char *const *keys, size_t n, const char *key,
                      size_t len);
/* Forgets everything: the next key_index_add builds it anew. */
void key_index_done(struct key_index *x);

/* Names in any case -> where the first of each stands in a list. Zeroed it is empty. */
struct name_map {
    char **names; /* borrowed from who adds them */
    size_t *places;
    size_t len, cap;
    struct key_index index;
};

/* A name that is there already keeps its place. 0 or -ENOMEM. */
int name_map_add(struct name_map *m, const char *name, size_t place);
/* The place of the name, SIZE_MAX if it is not there. */
size_t name_map_find(const struct name_map *m, const char *name);
void name_map_done(struct name_map *m);

#endif
