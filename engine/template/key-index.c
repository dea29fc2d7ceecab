/* SPDX-License-Identifier: MIT */
#include "key-index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INDEXED_FROM ((size_t)16) /* fewer keys are found as fast one after the other */

/* FNV-1a of the key in lower case. */
static size_t hash(const char *key, size_t len) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)key[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 1099511628211u;
    }
    return (size_t)h;
}

static bool same(const char *stored, const char *key, size_t len) {
    return strncasecmp(stored, key, len) == 0 && stored[len] == '\0';
}

static void insert(struct key_index *x, char *const *keys, size_t position) {
    size_t at = hash(keys[position], strlen(keys[position])) & (x->cap - 1);
    while (x->slots[at])
        at = (at + 1) & (x->cap - 1);
    x->slots[at] = (uint32_t)(position + 1);
}

static int build(struct key_index *x, char *const *keys, size_t n) {
    size_t cap = 4 * INDEXED_FROM;
    while (cap < 4 * n)
        cap *= 2;
    uint32_t *slots = calloc(cap, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(x->slots);
    *x = (struct key_index){slots, cap};
    for (size_t i = 0; i < n; i++)
        insert(x, keys, i);
    return 0;
}

int key_index_add(struct key_index *x, char *const *keys, size_t n) {
    if (n < INDEXED_FROM)
        return 0;
    if (2 * n > x->cap)
        return build(x, keys, n);
    insert(x, keys, n - 1);
    return 0;
}

size_t key_index_find(const struct key_index *x, char *const *keys, size_t n, const char *key,
                      size_t len) {
    if (x->cap == 0) {
        size_t i = 0;
        while (i < n && !same(keys[i], key, len))
            i++;
        return i;
    }
    for (size_t at = hash(key, len) & (x->cap - 1); x->slots[at]; at = (at + 1) & (x->cap - 1))
        if (same(keys[x->slots[at] - 1], key, len))
            return x->slots[at] - 1;
    return n;
}

void key_index_done(struct key_index *x) {
    free(x->slots);
    *x = (struct key_index){0};
}

size_t name_map_find(const struct name_map *m, const char *name) {
    size_t at = key_index_find(&m->index, m->names, m->len, name, strlen(name));
    return at < m->len ? m->places[at] : SIZE_MAX;
}

static int name_map_grow(struct name_map *m) {
    if (m->len < m->cap)
        return 0;
    size_t cap = m->cap ? m->cap * 2 : 16;
    char **names = reallocarray(m->names, cap, sizeof(*names));
    if (!names)
        return -ENOMEM;
    m->names = names;
    size_t *places = reallocarray(m->places, cap, sizeof(*places));
    if (!places)
        return -ENOMEM;
    m->places = places;
    m->cap = cap;
    return 0;
}

int name_map_add(struct name_map *m, const char *name, size_t place) {
    if (name_map_find(m, name) != SIZE_MAX)
        return 0;
    if (name_map_grow(m) < 0)
        return -ENOMEM;
    m->names[m->len] = (char *)name;
    m->places[m->len++] = place;
    return key_index_add(&m->index, m->names, m->len);
}

void name_map_done(struct name_map *m) {
    free(m->names);
    free(m->places);
    key_index_done(&m->index);
    *m = (struct name_map){0};
}
