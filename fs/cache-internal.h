/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_INTERNAL_H
#define FS_CACHE_INTERNAL_H

/*
 * What the files of the cache share: cache.c (the records, and what the kernel is told),
 * cache-page.c (files that are read through the page cache), cache-drop.c (what a notice does) and
 * cache-objects.c (what is known of an object). All functions here under the lock.
 */

#include "cache.h"

#include "base/clock.h"

#define LINK_BIT (UINT64_C(1) << 63) /* in the inode of a link to an object */
#define CACHE_BUCKETS ((size_t)1 << 16)

/* Streams on the mount for fast reading: a reader that has found a page, and not yet the size up to
   which it takes it, is given this long before a larger size is told; and this long it is told. */
#define STREAM_US (100 * USEC_MS)

/* A file while somebody reads it through the page cache. */
struct reading {
    unsigned opens;
    usec_t opened_at; /* the last one, monotonic */
    char *text;       /* the contents of the row's size, for filling a page; NULL: not at hand */
};

/* One row of an object, in the kernel's hands. */
struct held_row {
    struct reading *reading; /* NULL: nobody does */
    usec_t dropped_at;       /* monotonic */
    usec_t answered_at;      /* monotonic */
    uint32_t size;
    uint32_t page; /* hash of the page that the kernel was given since the last drop; 0: none */
    uint16_t answers, answers_before_drop; /* counted; and when a drop began */
    uint8_t row;
    bool link : 1;
    bool dir : 1;
    bool fresh : 1;   /* no notice has been sent since the kernel got it */
    bool watched : 1; /* announces changes */
    bool frozen : 1;  /* the kernel was given `size`, or such a page, since the last drop */
    bool stale : 1;   /* one of these answers was not the truth any more */
    bool stream : 1;  /* on the mount for fast reading; `page` is how far pages reach */
    bool waits : 1;   /* it is to be dropped as soon as nobody is in the middle of it */
};

DEFINE_VEC(held_vec, struct held_row);

struct held {
    struct held *next;
    uint64_t object_id, cluster_id;
    struct cache_name where;
    uint64_t access; /* clusters: owner, group and mode, mixed */
    struct held_vec rows;
};

struct cache {
    atomic_uint_fast64_t sequence;
    pthread_mutex_t lock; /* guards what follows */
    struct held *buckets[CACHE_BUCKETS];
    size_t n;
};

static inline usec_t monotonic(void) {
    return clock_monotonic(&clock_real);
}

/* Where the record of an object is, or will be. */
struct held **cache_slot(struct cache *c, uint64_t object_id);
/* The record of the object of a place, made if it is new; NULL: there is no room. */
struct held *cache_held(struct cache *c, const struct place *p);
void cache_held_free(struct held *h);
/* Owner, group and mode, mixed. */
uint64_t cache_access_of(const struct cluster *cl);

/* The row of a file or directory, or NULL; `h` may be NULL. */
struct held_row *cache_row_find(struct held *h, const struct view_ref *ref);
/* The same, made if it is new; NULL when memory ran out. */
struct held_row *cache_row_get(struct held *h, const struct view_ref *ref);
/* The row of an inode, or NULL. */
struct held_row *cache_row(struct cache *c, uint64_t inode);
/* An answer about the row is on its way. One that is known to be outdated prolongs nothing. */
void cache_note_answer(struct held_row *row);

/* Nobody reads the file through the page cache any more. */
void cache_reading_done(struct held_row *row);
/* Keeps the text that belongs to the size of a file that is open, for whoever fills a page. */
void cache_keep_rendering(struct held_row *row, const struct place *p);
/* True when a read through the page cache gives this text. */
bool cache_row_gives(const struct held_row *row, const struct buf *text);

#endif
