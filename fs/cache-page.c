/* SPDX-License-Identifier: MIT */
/* Files that are read through the page cache: who has them open, and what pages the kernel got. */
#include "cache-internal.h"

#include "base/hash.h"

#include <string.h>

#define QUIET_US (2 * USEC_SEC) /* without a change; then a file is read through the page cache */

void cache_reading_done(struct held_row *row) {
    if (row->reading)
        free(row->reading->text);
    free(row->reading);
    row->reading = NULL;
}

/* Keeps the text that belongs to the size, for whoever fills a page of an open file. */
static void keep_text(struct held_row *row, const char *text, size_t len) {
    struct reading *reading = row->reading;
    if (!reading)
        return;
    free(reading->text);
    reading->text = len == row->size && len <= CACHE_PAGE_BYTES ? malloc(len + 1) : NULL;
    if (reading->text)
        memcpy(reading->text, text, len);
}

void cache_keep_rendering(struct held_row *row, const struct place *p) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    if (row->reading && row->size <= CACHE_PAGE_BYTES && view_show(&p->ctx, &p->ref, &text) == 0)
        keep_text(row, text.data, text.len);
}

static uint32_t page_hash(const struct buf *text) {
    uint64_t hash = hash_fnv1a(text->data, text->len);
    return (uint32_t)(hash ^ hash >> 32) | 1;
}

bool cache_row_gives(const struct held_row *row, const struct buf *text) {
    return !row->waits && (row->page == 0 || row->page == page_hash(text));
}

bool cache_page_open(const struct place *p, const struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held_row *row = cache_row_find(*cache_slot(c, p->ref.object_id), &p->ref);
    if (!row || text->len > CACHE_PAGE_BYTES || row->size != text->len ||
        !cache_row_gives(row, text) ||
        (row->dropped_at && usec_sub(monotonic(), row->dropped_at) <= QUIET_US))
        return false;
    if (!row->reading && !(row->reading = calloc(1, sizeof(*row->reading))))
        return false;
    row->reading->opens++;
    row->reading->opened_at = monotonic();
    if (!row->reading->text)
        keep_text(row, text->data, text->len);
    return true;
}

void cache_page_close(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = cache_row(c, inode);
    if (row && row->reading && --row->reading->opens == 0)
        cache_reading_done(row);
}

bool cache_note_page(const struct place *p, struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = cache_held(c, p);
    struct held_row *row = h ? cache_row_get(h, &p->ref) : NULL;
    if (!row)
        return true;
    const char *before = row->reading ? row->reading->text : NULL;
    bool outdated = before && row->size != text->len;
    cache_note_answer(row);
    row->frozen = row->fresh = true;
    if (outdated) {
        buf_clear(text);
        (void)buf_append(text, before, row->size);
        row->stale = true;
    } else {
        row->size = (uint32_t)text->len;
        keep_text(row, text->data, text->len);
    }
    row->page = page_hash(text);
    return !outdated;
}

uint64_t cache_note_stream(const struct place *p, uint64_t size) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = cache_held(c, p);
    struct held_row *row = h ? cache_row_get(h, &p->ref) : NULL;
    if (!row || size >= CACHE_SIZE_UNKNOWN)
        return size;
    uint32_t told = row->size == CACHE_SIZE_UNKNOWN ? 0 : row->size;
    if (!row->page)
        row->page = told > size ? told : (uint32_t)size;
    row->stream = row->fresh = true;
    row->stale = row->stale || row->page != size;
    cache_note_answer(row);
    return row->page;
}
