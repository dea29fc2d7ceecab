/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include "notify.h"

#include <string.h>

#define FOREVER 100000.0 /* seconds: until a notice comes */
#define BRIEFLY 1.0      /* for files of the server, whose changes are not all announced */
#define LINK_BIT (UINT64_C(1) << 63) /* in the inode of a link to an object */
#define QUIET_US (2 * USEC_SEC)
#define BUCKETS ((size_t)1 << 16)

/* One row of an object, in the kernel's hands. */
struct held_row {
    uint8_t row;
    bool link;
    bool fresh;     /* no notice has been sent since the kernel got it */
    bool watched;   /* announces changes */
    bool frozen;    /* the kernel was given `size`, or such a page, since the last drop */
    bool stale;     /* one of these answers was not the truth any more */
    uint16_t opens; /* files that read through the page cache */
    uint32_t answers, answers_before_drop; /* counted; and when a drop began */
    usec_t dropped_at;                     /* monotonic */
    uint32_t size;
    char *text; /* while it is open: the contents of that size, for filling a page */
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

static void held_free(struct held *h) {
    for (size_t i = 0; i < h->rows.len; i++)
        free(h->rows.items[i].text);
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
    struct held **slot = &c->buckets[(object_id * UINT64_C(0x9E3779B97F4A7C15)) >> 48];
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
    free(row->text);
    row->text = NULL;
    if (row->opens && len == row->size && len <= CACHE_PAGE_BYTES && (row->text = malloc(len + 1)))
        memcpy(row->text, text, len);
}

static void keep_rendering(struct held_row *row, const struct place *p) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    if (row->opens && view_show(&p->ctx, &p->ref, &text) == 0)
        keep_text(row, text.data, text.len);
}

/* The row that the kernel is about to hear of, made if it is new; NULL: it must not hold it. */
static struct held_row *row_to_note(struct cache *c, const struct place *p) {
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    bool named = p->ref.link || p->ref.entry->dir;
    return row && named && note_name(h, p) < 0 ? NULL : row;
}

struct cache_terms cache_note(const struct place *p, uint64_t *size) {
    struct cache_terms terms = {0, 0};
    if (p->scratch)
        return terms;
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_to_note(c, p);
    if (!row)
        return terms;
    terms = terms_of(p);
    uint32_t told = *size < CACHE_SIZE_UNKNOWN ? (uint32_t)*size : CACHE_SIZE_UNKNOWN;
    row->answers++;
    if (row->frozen && row->size != told) { /* a new size beside an old page would pad it */
        *size = row->size;
        row->stale = true;
        terms.attr = 0;
        return terms;
    }
    row->frozen = cache_pages_allowed(p);
    row->fresh = row->fresh || row->frozen || terms.attr > 0;
    if (row->size != told || !row->text) {
        row->size = told;
        keep_rendering(row, p);
    }
    return terms;
}

void cache_note_contents(const struct place *p) {
    if (p->scratch)
        return;
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    if (row)
        row->fresh = true;
}

bool cache_page_is_quiet(const struct place *p, size_t size) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    const struct held_row *row = row_find(*slot_of(c, p->ref.object_id), &p->ref);
    return row && row->size == size &&
           (row->dropped_at == 0 ||
            usec_sub(clock_monotonic(&clock_real), row->dropped_at) > QUIET_US);
}

void cache_page_opened(const struct place *p, const struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_find(*slot_of(c, p->ref.object_id), &p->ref);
    if (!row || row->opens == UINT16_MAX)
        return;
    row->opens++;
    if (!row->text)
        keep_text(row, text->data, text->len);
}

void cache_page_closed(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_of_inode(c, inode);
    if (!row || row->opens == 0 || --row->opens > 0)
        return;
    free(row->text);
    row->text = NULL;
}

bool cache_note_page(const struct place *p, struct buf *text) {
    struct cache *c = p->fs->cache;
    LOCK_SCOPE(&c->lock);
    struct held *h = held_get(c, p);
    struct held_row *row = h ? row_get(h, &p->ref) : NULL;
    if (!row)
        return true;
    bool frozen = row->frozen;
    row->frozen = row->fresh = true;
    row->answers++;
    if (frozen && row->text && row->size != text->len) {
        buf_clear(text);
        (void)buf_append(text, row->text, row->size);
        row->stale = true;
        return false;
    }
    row->size = (uint32_t)text->len;
    keep_text(row, text->data, text->len);
    return true;
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
    const unsigned never = VIEW_HELD | VIEW_PRIVATE | VIEW_SYNC | VIEW_HIDDEN;
    return !p->scratch && p->ref.object_id != 0 && !(p->ref.entry->flags & never) &&
           (p->ref.entry->kind == VIEW_ATTR || p->ref.entry->kind == VIEW_DOC);
}

void cache_drop_begins(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_of_inode(c, inode);
    if (!row)
        return;
    row->answers_before_drop = row->answers;
    row->stale = false;
    row->dropped_at = clock_monotonic(&clock_real);
}

bool cache_drop_ends(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    struct held_row *row = row_of_inode(c, inode);
    if (!row)
        return true;
    row->frozen = row->frozen && row->answers_before_drop != row->answers;
    return !row->stale;
}

static uint64_t inode_of(const struct held *h, const struct held_row *row) {
    uint64_t inode = h->object_id << 8 | row->row;
    return row->link ? inode | LINK_BIT : inode;
}

static void collect(struct held *h, struct id_vec *ret) {
    for (size_t i = 0; h && i < h->rows.len; i++) {
        struct held_row *row = &h->rows.items[i];
        if (row->fresh && id_vec_append(ret, inode_of(h, row)) == 0)
            row->fresh = false;
    }
}

void cache_collect(struct cache *c, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    collect(*slot_of(c, object_id), ret);
}

static void collect_where(struct cache *c, const uint64_t *cluster_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct held *h = c->buckets[i]; h; h = h->next)
            if (!cluster_id || h->cluster_id == *cluster_id)
                collect(h, ret);
}

void cache_collect_cluster(struct cache *c, uint64_t cluster_id, struct id_vec *ret) {
    collect_where(c, &cluster_id, ret);
}

void cache_collect_all(struct cache *c, struct id_vec *ret) {
    collect_where(c, NULL, ret);
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
