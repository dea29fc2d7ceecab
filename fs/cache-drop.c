/* SPDX-License-Identifier: MIT */
/* What a notice does: when it may be sent, and what is known afterwards. */
#include "cache-internal.h"

/* How long a drop waits for a reader that opened the file (it closes it before, as a rule), and, as
   long as the file is open, for a client that was just answered to make use of the answer.
   Scheduling takes most of it. */
#define READER_US (100 * USEC_MS)
#define ANSWER_US (50 * USEC_MS)

/* When the last reader who is in the middle of it, or of taking an answer, will be through. */
static usec_t busy_until(const struct held_row *row, enum cache_patience patience) {
    if (row->stream && patience != CACHE_AT_ONCE)
        return row->dropped_at + 2 * STREAM_US;
    if (patience == CACHE_AT_ONCE || !row->reading)
        return 0;
    usec_t reader = row->reading->opened_at + READER_US;
    usec_t client = row->answered_at + ANSWER_US;
    return patience == CACHE_AFTER_READERS || reader > client ? reader : client;
}

usec_t cache_drop_begins(struct cache *c, uint64_t inode, enum cache_patience patience) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = cache_row(c, inode);
    if (!row)
        return 0;
    usec_t now = monotonic(), until = busy_until(row, patience);
    row->waits = until > now;
    if (row->waits) {
        row->fresh = true;
        return until;
    }
    row->answers_before_drop = row->answers;
    row->stale = false;
    row->page = 0;
    row->dropped_at = now;
    return 0;
}

bool cache_drop_ends(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = cache_row(c, inode);
    if (!row)
        return true;
    row->frozen = row->frozen && row->answers_before_drop != row->answers;
    return !row->stale;
}

void cache_outdated(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = cache_row(c, inode);
    if (row)
        row->waits = true;
}

bool cache_waits(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = cache_row(c, inode);
    return row && row->waits;
}

bool cache_gives(struct cache *c, uint64_t inode, const struct buf *text) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = cache_row(c, inode);
    return !row || cache_row_gives(row, text);
}

bool cache_may_touch(struct cache *c, uint64_t inode, const struct buf *text) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = cache_row(c, inode);
    if (!row || !row->reading)
        return !row || cache_row_gives(row, text);
    usec_t last = row->answered_at > row->dropped_at ? row->answered_at : row->dropped_at;
    return cache_row_gives(row, text) && usec_sub(monotonic(), last) > ANSWER_US;
}
