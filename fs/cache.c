/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include "notify.h"

#include "base/hash.h"

#include <string.h>

#define FOREVER 100000.0 /* seconds: until a notice comes */
#define BRIEFLY 1.0      /* for files of the server, whose changes are not all announced */
#define LINK_BIT (UINT64_C(1) << 63) /* in the inode of a link to an object */
#define QUIET_US (2 * USEC_SEC)
#define BUCKETS ((size_t)1 << 16)

/* How long a drop waits for a reader that opened the file (it closes it before, as a rule), and, as
   long as the file is open, for a client that was just answered to make use of the answer.
   Scheduling takes most of it. */
#define READER_US (100 * USEC_MS)
#define ANSWER_US (50 * USEC_MS)

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
    struct held *buckets[BUCKETS];
    size_t n;
};

int cache_new(struct cache **ret) {
    struct cache *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    (void)pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

static void reading_done(struct held_row *row) {
    if (row->reading)
        free(row->reading->text);
    free(row->reading);
    row->reading = NULL;
}

static void held_free(struct held *h) {
    for (size_t i = 0; i < h->rows.len; i++)
        reading_done(&h->rows.items[i]);
    held_vec_done(&h->rows);
    free(h->where.name);
    free(h);
}

void cache_free(struct cache *c) {
    if (!c)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (c->buckets[i]) {
            struct held *h = c->buckets[i];
            c->buckets[i] = h->next;
            held_free(h);
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

static struct held **slot_of(struct cache *c, uint64_t object_id) {
    struct held **slot = &c->buckets[hash_u64(object_id) >> 48];
    while (*slot && (*slot)->object_id != object_id)
        slot = &(*slot)->next;
    return slot;
}

static uint64_t access_of(const struct cluster *cl) {
    return ((uint64_t)cl->uid << 32 | cl->gid) * 8191 + cl->mode + 1;
}

static struct held *held_get(struct cache *c, const struct place *p) {
    struct held **slot = slot_of(c, p->ref.object_id);
    if (*slot || c->n >= CACHE_OBJECTS_MAX)
        return *slot;
    struct held *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->object_id = p->ref.object_id;
    h->cluster_id = p->ctx.cluster ? p->ctx.cluster->id : 0;
    if (p->ctx.cluster && h->object_id == h->cluster_id)
        h->access = access_of(p->ctx.cluster);
    *slot = h;
    c->n++;
    return h;
}

static struct held_row *row_find(struct held *h, const struct view_ref *ref) {
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].row == ref->entry->row && h->rows.items[i].link == ref->link)
            return &h->rows.items[i];
    return NULL;
}

static struct held_row *row_of_inode(struct cache *c, uint64_t inode) {
    uint64_t link = inode & LINK_BIT;
    struct held *h = *slot_of(c, (inode & ~LINK_BIT) >> 8);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].row == (inode & 0xff) && h->rows.items[i].link == (link != 0))
            return &h->rows.items[i];
    return NULL;
}

static struct held_row *row_get(struct held *h, const struct view_ref *ref) {
    struct held_row *row = row_find(h, ref);
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

static const char *name_of(const struct place *p) {
    const struct view_ctx *ctx = &p->ctx;
    return ctx->item      ? str_text(ctx->item->name)
           : ctx->node    ? str_text(ctx->node->name)
           : ctx->array   ? str_text(ctx->array->name)
           : ctx->cluster ? str_text(ctx->cluster->name)
                          : "/";
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
        h->where.name = strdup(name_of(p));
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

static void keep_rendering(struct held_row *row, const struct place *p) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    if (row->reading && row->size <= CACHE_PAGE_BYTES && view_show(&p->ctx, &p->ref, &text) == 0)
        keep_text(row, text.data, text.len);
}

static uint32_t page_hash(const struct buf *text) {
    uint64_t hash = hash_fnv1a(text->data, text->len);
    return (uint32_t)(hash ^ hash >> 32) | 1;
}

static usec_t monotonic(void) {
    return clock_monotonic(&clock_real);
}

/* An answer about the row is on its way. One that is known to be outdated prolongs nothing. */
static void note_answer(struct held_row *row) {
    row->answers++;
    if (!row->waits)
        row->answered_at = monotonic();
}

/* The row that the kernel is about to hear of, made if it is new; NULL: it must not hold it. */
static struct held_row *row_to_note(struct cache *c, const struct place *p) {
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
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
    note_answer(row);
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
    keep_rendering(row, p);
    return terms;
}

void cache_note_contents(const struct place *p) {
    if (p->scratch)
        return;
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    if (!row)
        return;
    row->fresh = true;
    note_answer(row);
}

/* True when a read through the page cache gives this text. */
static bool gives(const struct held_row *row, const struct buf *text) {
    return !row->waits && (row->page == 0 || row->page == page_hash(text));
}

bool cache_page_open(const struct place *p, const struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_find(*slot_of(c, p->ref.object_id), &p->ref);
    if (!row || text->len > CACHE_PAGE_BYTES || row->size != text->len || !gives(row, text) ||
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
    struct held_row *row = row_of_inode(c, inode);
    if (row && row->reading && --row->reading->opens == 0)
        reading_done(row);
}

bool cache_note_page(const struct place *p, struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    if (!row)
        return true;
    const char *before = row->reading ? row->reading->text : NULL;
    bool outdated = before && row->size != text->len;
    note_answer(row);
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
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    if (!row || size >= CACHE_SIZE_UNKNOWN)
        return size;
    uint32_t told = row->size == CACHE_SIZE_UNKNOWN ? 0 : row->size;
    if (!row->page)
        row->page = told > size ? told : (uint32_t)size;
    row->stream = row->fresh = true;
    row->stale = row->stale || row->page != size;
    note_answer(row);
    return row->page;
}

uint32_t cache_told(const struct place *p) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = row_find(*slot_of(c, p->ref.object_id), &p->ref);
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
    struct held_row *row = row_of_inode(c, inode);
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
    struct held_row *row = row_of_inode(c, inode);
    if (!row)
        return true;
    row->frozen = row->frozen && row->answers_before_drop != row->answers;
    return !row->stale;
}

void cache_outdated(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_of_inode(c, inode);
    if (row)
        row->waits = true;
}

bool cache_waits(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = row_of_inode(c, inode);
    return row && row->waits;
}

bool cache_gives(struct cache *c, uint64_t inode, const struct buf *text) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = row_of_inode(c, inode);
    return !row || gives(row, text);
}

bool cache_may_touch(struct cache *c, uint64_t inode, const struct buf *text) {
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = row_of_inode(c, inode);
    if (!row || !row->reading)
        return !row || gives(row, text);
    usec_t last = row->answered_at > row->dropped_at ? row->answered_at : row->dropped_at;
    return gives(row, text) && usec_sub(monotonic(), last) > ANSWER_US;
}

uint64_t cache_cluster_of(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *slot_of(c, (inode & ~LINK_BIT) >> 8);
    return h ? h->cluster_id : 0;
}

static uint64_t inode_of(const struct held *h, const struct held_row *row) {
    uint64_t inode = h->object_id << 8 | row->row;
    return row->link ? inode | LINK_BIT : inode;
}

static void collect(struct held *h, bool waiting_too, struct id_vec *ret) {
    for (size_t i = 0; h && i < h->rows.len; i++) {
        struct held_row *row = &h->rows.items[i];
        if (row->fresh && (waiting_too || !row->waits) && id_vec_append(ret, inode_of(h, row)) == 0)
            row->fresh = false;
    }
}

void cache_collect(struct cache *c, uint64_t object_id, bool waiting_too, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    collect(*slot_of(c, object_id), waiting_too, ret);
}

void cache_collect_pinned(struct cache *c, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *slot_of(c, object_id);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].reading || h->rows.items[i].dir)
            (void)id_vec_append(ret, inode_of(h, &h->rows.items[i]));
}

static void collect_where(struct cache *c, const uint64_t *cluster_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct held *h = c->buckets[i]; h; h = h->next)
            if (!cluster_id || h->cluster_id == *cluster_id)
                collect(h, true, ret);
}

void cache_collect_cluster(struct cache *c, uint64_t cluster_id, struct id_vec *ret) {
    collect_where(c, &cluster_id, ret);
}

void cache_collect_all(struct cache *c, struct id_vec *ret) {
    collect_where(c, NULL, ret);
}

void cache_collect_objects(struct cache *c, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct held *h = c->buckets[i]; h; h = h->next)
            if (h->object_id && h->rows.len)
                (void)id_vec_append(ret, h->object_id << 8 | h->rows.items[0].row);
}

void cache_watched(struct cache *c, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *slot_of(c, object_id);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].watched)
            (void)id_vec_append(ret, inode_of(h, &h->rows.items[i]));
}

void cache_forget(struct cache *c, uint64_t object_id, struct cache_name *ret) {
    LOCK_SCOPE(&c->lock);
    struct held **slot = slot_of(c, object_id);
    struct held *h = *slot;
    *ret = (struct cache_name){0};
    if (!h)
        return;
    *ret = h->where;
    h->where.name = NULL;
    *slot = h->next;
    c->n--;
    held_free(h);
}

void cache_where(struct cache *c, uint64_t object_id, struct cache_name *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *slot_of(c, object_id);
    *ret = h ? h->where : (struct cache_name){0};
    if (ret->name)
        ret->name = strdup(ret->name);
}

void cache_forget_cluster(struct cache *c, uint64_t cluster_id) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct held **slot = &c->buckets[i]; *slot;) {
            struct held *h = *slot;
            if (h->cluster_id != cluster_id) {
                slot = &h->next;
                continue;
            }
            *slot = h->next;
            c->n--;
            held_free(h);
        }
}

void cache_rename(struct cache *c, const struct cluster *cl, struct cache_name *ret) {
    *ret = (struct cache_name){0};
    LOCK_SCOPE(&c->lock);
    struct held *h = *slot_of(c, cl->id);
    if (!h || !h->where.name || strcmp(h->where.name, str_text(cl->name)) == 0)
        return;
    char *name = strdup(str_text(cl->name));
    if (!name)
        return;
    *ret = h->where;
    h->where.name = name;
}

bool cache_access_changed(struct cache *c, const struct cluster *cl) {
    LOCK_SCOPE(&c->lock);
    struct held *h = *slot_of(c, cl->id);
    uint64_t access = access_of(cl);
    if (!h || h->access == access)
        return false;
    h->access = access;
    return true;
}
