/* SPDX-License-Identifier: MIT */
#include "cache-internal.h"

#include "notify.h"

#include "base/hash.h"

#include <string.h>

#define FOREVER 100000.0 /* seconds: until a notice comes */
#define BRIEFLY 1.0      /* for files of the server, whose changes are not all announced */

int cache_new(struct cache **ret) {
    struct cache *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    (void)pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

void cache_held_free(struct held *h) {
    for (size_t i = 0; i < h->rows.len; i++)
        cache_reading_done(&h->rows.items[i]);
    held_vec_done(&h->rows);
    free(h->where.name);
    free(h);
}

void cache_free(struct cache *c) {
    if (!c)
        return;
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
        while (c->buckets[i]) {
            struct held *h = c->buckets[i];
            c->buckets[i] = h->next;
            cache_held_free(h);
        }
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t cache_sequence(struct cache *c) {
    return atomic_load(&c->sequence);
}

void cache_announce(struct cache *c) {
    (void)atomic_fetch_add(&c->sequence, 1);
}

struct held **cache_slot(struct cache *c, uint64_t object_id) {
    struct held **slot = &c->buckets[hash_u64(object_id) >> 48];
    while (*slot && (*slot)->object_id != object_id)
        slot = &(*slot)->next;
    return slot;
}

uint64_t cache_access_of(const struct cluster *cl) {
    return ((uint64_t)cl->uid << 32 | cl->gid) * 8191 + cl->mode + 1;
}

struct held *cache_held(struct cache *c, const struct place *p) {
    struct held **slot = cache_slot(c, p->ref.object_id);
    if (*slot || c->n >= CACHE_OBJECTS_MAX)
        return *slot;
    struct held *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->object_id = p->ref.object_id;
    h->cluster_id = p->ctx.cluster ? p->ctx.cluster->id : 0;
    if (p->ctx.cluster && h->object_id == h->cluster_id)
        h->access = cache_access_of(p->ctx.cluster);
    *slot = h;
    c->n++;
    return h;
}

struct held_row *cache_row_find(struct held *h, const struct view_ref *ref) {
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].row == ref->entry->row && h->rows.items[i].link == ref->link)
            return &h->rows.items[i];
    return NULL;
}

struct held_row *cache_row(struct cache *c, uint64_t inode) {
    uint64_t link = inode & LINK_BIT;
    struct held *h = *cache_slot(c, (inode & ~LINK_BIT) >> 8);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].row == (inode & 0xff) && h->rows.items[i].link == (link != 0))
            return &h->rows.items[i];
    return NULL;
}

struct held_row *cache_row_get(struct held *h, const struct view_ref *ref) {
    struct held_row *row = cache_row_find(h, ref);
    if (row)
        return row;
    struct held_row fresh = {
        .row = ref->entry->row,
        .link = ref->link,
        .dir = !ref->link && ref->entry->dir,
        .watched = !ref->link && ref->entry->flags & VIEW_POLL,
        .size = CACHE_SIZE_UNKNOWN,
    };
    if (held_vec_append(&h->rows, fresh) < 0)
        return NULL;
    return &h->rows.items[h->rows.len - 1];
}

/* Remembers the name of an object's own directory or of a link to it. 0 or -ENOMEM. */
static int note_name(struct held *h, const struct place *p) {
    struct view_ref parent;
    if (view_parent(p->snapshot, &p->ref, &parent) < 0 ||
        (!p->ref.link && parent.object_id == p->ref.object_id))
        return 0; /* a file or directory inside the object */
    uint64_t *slot = p->ref.link ? &h->where.link_parent : &h->where.parent;
    *slot = view_inode(&parent);
    if (!h->where.name)
        h->where.name = strdup(view_object_name(&p->ctx));
    return h->where.name ? 0 : -ENOMEM;
}

/* What a version says does not change; its name goes to another one. Not every change of a
   rendering that an ordinary mount would make at each open is announced: some of them tell the
   time. */
static struct cache_terms terms_of_version(const struct place *p) {
    unsigned flags = p->ref.entry->flags;
    if (flags & (VIEW_HIDDEN | VIEW_PRIVATE))
        return (struct cache_terms){0, FOREVER};
    bool announced = p->ref.object_id != 0 && !(flags & VIEW_HELD);
    return (struct cache_terms){announced ? FOREVER : BRIEFLY, FOREVER};
}

static struct cache_terms terms_of(const struct place *p) {
    const struct view_entry *entry = p->ref.entry;
    if (p->ref.link || entry->dir)
        return (struct cache_terms){FOREVER, FOREVER};
    if (entry->flags & (VIEW_HIDDEN | VIEW_SYNC))
        return (struct cache_terms){0, 0};
    if (entry->flags & VIEW_PRIVATE || entry->kind == VIEW_STREAM)
        return (struct cache_terms){FOREVER, 0};
    if (p->ref.object_id == 0)
        return (struct cache_terms){FOREVER, BRIEFLY};
    return (struct cache_terms){FOREVER, FOREVER};
}

void cache_note_answer(struct held_row *row) {
    row->answers++;
    if (!row->waits)
        row->answered_at = monotonic();
}

/* The row that the kernel is about to hear of, made if it is new; NULL: it must not hold it. */
static struct held_row *row_to_note(struct cache *c, const struct place *p) {
    struct held *h = cache_held(c, p);
    struct held_row *row = h ? cache_row_get(h, &p->ref) : NULL;
    bool named = p->ref.link || p->ref.entry->dir;
    return row && named && note_name(h, p) < 0 ? NULL : row;
}

double cache_absence(const char *name) {
    return name[0] == '.' ? FOREVER : 0;
}

/* The size of a stream for the kernel. It never lies behind the pages that were given since the
   last drop, and becomes larger some time after that. */
static void note_stream_size(struct held_row *row, uint64_t *size) {
    bool early = row->dropped_at && usec_sub(monotonic(), row->dropped_at) < STREAM_US;
    row->stream = row->fresh = true;
    if (!early || row->size == CACHE_SIZE_UNKNOWN)
        row->size = row->page = row->page ? row->page : (uint32_t)*size;
    row->stale = row->stale || row->size != *size;
    *size = row->size;
}

struct cache_terms cache_note(const struct place *p, uint64_t *size) {
    struct cache_terms terms = {0, 0};
    if (p->version)
        return terms_of_version(p);
    if (p->scratch)
        return terms;
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_to_note(c, p);
    if (!row)
        return terms;
    terms = terms_of(p);
    uint32_t told = *size < CACHE_SIZE_UNKNOWN ? (uint32_t)*size : CACHE_SIZE_UNKNOWN;
    cache_note_answer(row);
    if (p->fs->versions && cache_pages_allowed(p) && *size < CACHE_SIZE_UNKNOWN) {
        note_stream_size(row, size);
        return terms;
    }
    if (row->frozen && row->size != told) { /* a new size beside an old page would pad it */
        *size = row->size;
        row->stale = row->fresh = true;
        return terms;
    }
    row->frozen = cache_pages_allowed(p);
    row->fresh = row->fresh || row->frozen || terms.attr > 0;
    row->size = told;
    cache_keep_rendering(row, p);
    return terms;
}

void cache_note_contents(const struct place *p) {
    if (p->scratch)
        return;
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = cache_held(c, p);
    struct held_row *row = h ? cache_row_get(h, &p->ref) : NULL;
    if (!row)
        return;
    row->fresh = true;
    cache_note_answer(row);
}

uint32_t cache_told(const struct place *p) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = cache_row_find(*cache_slot(c, p->ref.object_id), &p->ref);
    return row ? row->size : CACHE_SIZE_UNKNOWN;
}

void cache_settle(const struct place *p) {
    if (!p->scratch && cache_sequence(p->fs->cache) != p->sequence)
        notify_again(p->fs->notify, p->node_id);
}

bool cache_pages_allowed(const struct place *p) {
    if (p->fs->versions)
        return !p->scratch && p->ref.entry->kind == VIEW_STREAM;
    const unsigned never = VIEW_HELD | VIEW_PRIVATE | VIEW_SYNC | VIEW_HIDDEN;
    return !p->scratch && p->ref.object_id != 0 && !(p->ref.entry->flags & never) &&
           (p->ref.entry->kind == VIEW_ATTR || p->ref.entry->kind == VIEW_DOC);
}
