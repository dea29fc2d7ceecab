/* SPDX-License-Identifier: MIT */
#ifndef AZURE_ARENA_H
#define AZURE_ARENA_H

/*
 * Memory that is released all at once: the texts and small arrays of one result. Texts that repeat
 * (regions, sizes, tag names of 100,000 instances) are kept once where a small cache remembers
 * them. One thread.
 */

#include <stddef.h>

#define ARENA_RECENT 256
#define MESSAGE_MAX ((size_t)4096) /* of the cloud's words */

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t bytes; /* taken from the heap */
    const char *recent[ARENA_RECENT];
};

/* Zeroed memory aligned for any type, or NULL (no memory). A zeroed struct arena is empty. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of `text` (NULL: of ""), or NULL (no memory). */
const char *arena_text(struct arena *a, const char *text);
/* The same for `len` bytes. */
const char *arena_text_n(struct arena *a, const char *text, size_t len);
/* At most `max` bytes of what others wrote, fit for one line (base/plain.h). NULL: no memory. */
const char *arena_plain(struct arena *a, const char *text, size_t max);
/* Like arena_text, but gives an earlier copy if it is remembered. */
const char *arena_shared(struct arena *a, const char *text);
void arena_done(struct arena *a);

#endif
