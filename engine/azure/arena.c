/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include "base/hash.h"
#include "base/plain.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64 * 1024 - 64)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *a, size_t size) {
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    struct arena_chunk *c = a->chunks;
    if (!c || c->size - c->used < size) {
        size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = calloc(1, sizeof(*c) + want);
        if (!c)
            return NULL;
        c->size = want;
        a->bytes += want;
        c->next = a->chunks;
        a->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += size;
    return p;
}

const char *arena_text_n(struct arena *a, const char *text, size_t len) {
    if (len == 0)
        return "";
    char *copy = arena_alloc(a, len + 1);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

const char *arena_text(struct arena *a, const char *text) {
    return text ? arena_text_n(a, text, strlen(text)) : "";
}

const char *arena_plain(struct arena *a, const char *text, size_t max) {
    _cleanup_buf_ struct buf b = BUF_INIT(max);
    return plain_put(&b, text, max) < 0 ? NULL : arena_text_n(a, b.data, b.len);
}

const char *arena_shared(struct arena *a, const char *text) {
    if (!text || !*text)
        return "";
    const char **slot = &a->recent[hash_text(text) % ARENA_RECENT];
    if (*slot && strcmp(*slot, text) == 0)
        return *slot;
    const char *copy = arena_text(a, text);
    if (copy)
        *slot = copy;
    return copy;
}

void arena_done(struct arena *a) {
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){0};
}
