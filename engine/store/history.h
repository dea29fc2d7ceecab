/* SPDX-License-Identifier: MIT */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

/*
 * Append-only text streams in the store: logs and events, of the server (owner 0) and of each
 * cluster or node (owner = its object id). A stream is a sequence of bytes; its records are keyed
 * by
 * ("h", stream, owner, offset of the first byte), so any offset is found with one seek, and nothing
 * is held in memory. A reader sees only bytes that were committed.
 *
 * A stream is cut when it passes a limit (logrotate's way): the old bytes become generation 1
 * ("logs.1"), replacing an older one.
 */

#include "store.h"

enum history_stream {
    HISTORY_LOGS,   /* for people, one line each */
    HISTORY_EVENTS, /* JSON, one object a line */
    HISTORY_STREAM_MAX,
};

#define HISTORY_ROTATE_BYTES ((uint64_t)64 << 20)
#define HISTORY_RECORD_BYTES ((size_t)1 << 20) /* of one record; a longer text is several */
#define HISTORY_KEY_SIZE 19

/* Names one stream; generation 0 is the current one. */
struct history {
    enum history_stream stream;
    unsigned generation;
    uint64_t owner;
};

/* The key of the record that begins at `offset`. */
void history_key(const struct history *h, uint64_t offset, unsigned char key[HISTORY_KEY_SIZE]);

/* Moves a key to another generation of the same stream. */
void history_key_set_generation(unsigned char key[HISTORY_KEY_SIZE], unsigned generation);

/* The length of a stream in bytes. 0 or as store_scan. Any thread. */
int history_size(struct store *s, const struct history *h, uint64_t *ret_size);

/* Appends at most `len` bytes from `offset` to `b`. Reading at or past the end appends nothing.
   0 or as store_scan, -E2BIG. Any thread. */
int history_read(struct store *s, const struct history *h, uint64_t offset, size_t len,
                 struct buf *b);

#endif
