/* SPDX-License-Identifier: MIT */
#include "version.h"

#include "base/hash.h"

#include <errno.h>
#include <string.h>

#define BUCKETS ((size_t)1 << 17)
#define BUCKET_SHIFT (64 - 17)
/* Of large texts: above the first, those that nobody reads are dropped; the second is the bound. */
#define LARGE_BYTES ((size_t)128 << 20)
#define LARGE_BYTES_MAX ((size_t)512 << 20)

struct versions {
    pthread_mutex_t lock; /* guards everything */
    uint64_t next_id;
    size_t large_bytes;
    bool told; /* that there are too many */
    struct version *by_id[BUCKETS];
    struct version *by_object[BUCKETS];
};

int versions_new(struct versions **ret) {
    struct versions *vs = calloc(1, sizeof(*vs));
    if (!vs)
        return -ENOMEM;
    (void)pthread_mutex_init(&vs->lock, NULL);
    *ret = vs;
    return 0;
}

void versions_free(struct versions *vs) {
    if (!vs)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (vs->by_id[i]) {
            struct version *v = vs->by_id[i];
            vs->by_id[i] = v->next_by_id;
            free(v);
        }
    (void)pthread_mutex_destroy(&vs->lock);
    free(vs);
}

static size_t hash(uint64_t key) {
    return (size_t)(hash_u64(key) >> BUCKET_SHIFT);
}

static struct version **id_bucket(struct versions *vs, uint64_t id) {
    return &vs->by_id[hash(id)];
}

static struct version **object_bucket(struct versions *vs, uint64_t inode) {
    return &vs->by_object[hash(inode >> 8)];
}

static bool is_large(const struct version *v) {
    return v->len > VERSION_COMPARED_BYTES;
}

static void enter(struct versions *vs, struct version *v) {
    struct version **by_id = id_bucket(vs, v->id), **by_object = object_bucket(vs, v->inode);
    v->next_by_id = *by_id;
    v->next_by_object = *by_object;
    *by_id = *by_object = v;
    vs->large_bytes += is_large(v) ? v->len : 0;
}

static void leave(struct versions *vs, struct version *v) {
    struct version **at = id_bucket(vs, v->id);
    while (*at != v)
        at = &(*at)->next_by_id;
    *at = v->next_by_id;
    at = object_bucket(vs, v->inode);
    while (*at != v)
        at = &(*at)->next_by_object;
    *at = v->next_by_object;
    vs->large_bytes -= is_large(v) ? v->len : 0;
    if (vs->large_bytes < LARGE_BYTES / 2)
        vs->told = false;
}

static void reap(struct versions *vs, struct version *v) {
    if (v->refs > 0 || v->lookups > 0)
        return;
    leave(vs, v);
    free(v);
}

static struct version *find(struct versions *vs, uint64_t id) {
    struct version *v = *id_bucket(vs, id);
    while (v && v->id != id)
        v = v->next_by_id;
    return v;
}

static struct version *find_text(struct versions *vs, const struct version_news *news) {
    const struct buf *text = news->text;
    for (struct version *v = *object_bucket(vs, news->inode); v; v = v->next_by_object)
        if (v->inode == news->inode && v->named && v->len == text->len &&
            memcmp(v->text, text->data, text->len) == 0)
            return v;
    return NULL;
}

static struct version *make(struct versions *vs, const struct version_news *news) {
    const struct buf *text = news->text;
    bool large = text->len > VERSION_COMPARED_BYTES;
    if (text->len >= UINT32_MAX || (large && vs->large_bytes + text->len > LARGE_BYTES_MAX))
        return NULL;
    struct version *v = malloc(sizeof(*v) + text->len);
    if (!v)
        return NULL;
    *v = (struct version){
        .id = VERSION_BIT | ++vs->next_id,
        .inode = news->inode,
        .changed_at = news->changed_at,
        .named = true,
        .watched = news->watched,
        .len = (uint32_t)text->len,
    };
    if (text->len)
        memcpy(v->text, text->data, text->len);
    enter(vs, v);
    return v;
}

struct version *version_get(struct versions *vs, const struct version_news *news) {
    LOCK_SCOPE(&vs->lock);
    struct version *v = find_text(vs, news);
    if (!v)
        v = make(vs, news);
    if (v)
        v->refs++;
    return v;
}

struct version *version_find(struct versions *vs, uint64_t id) {
    LOCK_SCOPE(&vs->lock);
    struct version *v = find(vs, id);
    if (v)
        v->refs++;
    return v;
}

struct version *version_ref(struct versions *vs, struct version *v) {
    LOCK_SCOPE(&vs->lock);
    v->refs++;
    return v;
}

void version_unref(struct versions *vs, struct version *v) {
    if (!v)
        return;
    LOCK_SCOPE(&vs->lock);
    v->refs--;
    reap(vs, v);
}

void version_looked_up(struct versions *vs, struct version *v) {
    LOCK_SCOPE(&vs->lock);
    v->lookups++;
}

void version_forget(struct versions *vs, uint64_t id, uint64_t n) {
    LOCK_SCOPE(&vs->lock);
    struct version *v = find(vs, id);
    if (!v)
        return;
    v->lookups = n < v->lookups ? v->lookups - (uint32_t)n : 0;
    reap(vs, v);
}

struct version *version_only(struct versions *vs, uint64_t inode) {
    struct version *only = NULL;
    LOCK_SCOPE(&vs->lock);
    for (struct version *v = *object_bucket(vs, inode); v; v = v->next_by_object) {
        if (v->inode != inode || !v->named)
            continue;
        if (only)
            return NULL;
        only = v;
    }
    if (only)
        only->refs++;
    return only;
}

bool version_unname(struct versions *vs, uint64_t inode) {
    bool any = false;
    LOCK_SCOPE(&vs->lock);
    for (struct version *v = *object_bucket(vs, inode); v; v = v->next_by_object)
        if (v->inode == inode) {
            any = any || v->named;
            v->named = false;
        }
    return any;
}

size_t version_ids(struct versions *vs, uint64_t inode, uint64_t *ids, size_t max) {
    size_t n = 0;
    LOCK_SCOPE(&vs->lock);
    for (struct version *v = *object_bucket(vs, inode); v && n < max; v = v->next_by_object)
        if (v->inode == inode)
            ids[n++] = v->id;
    return n;
}

void versions_collect(struct versions *vs, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&vs->lock);
    for (const struct version *v = vs->by_object[hash(object_id)]; v; v = v->next_by_object)
        if (v->inode >> 8 == object_id && v->named)
            (void)id_vec_append(ret, v->inode);
}

void versions_collect_watched(struct versions *vs, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&vs->lock);
    for (const struct version *v = vs->by_object[hash(object_id)]; v; v = v->next_by_object)
        if (v->inode >> 8 == object_id && v->watched)
            (void)id_vec_append(ret, v->inode);
}

/* Calls visit for every version. */
static void each(struct versions *vs, void (*visit)(const struct version *v, struct id_vec *ret),
                 struct id_vec *ret) {
    LOCK_SCOPE(&vs->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct version *v = vs->by_id[i]; v; v = v->next_by_id)
            visit(v, ret);
}

static void add_named(const struct version *v, struct id_vec *ret) {
    if (v->named)
        (void)id_vec_append(ret, v->inode);
}

static void add_large(const struct version *v, struct id_vec *ret) {
    if (v->named && is_large(v))
        (void)id_vec_append(ret, v->inode);
}

static void add_id(const struct version *v, struct id_vec *ret) {
    (void)id_vec_append(ret, v->id);
}

void versions_collect_all(struct versions *vs, struct id_vec *ret) {
    each(vs, add_named, ret);
}

void versions_collect_large(struct versions *vs, struct id_vec *ret) {
    each(vs, add_large, ret);
}

void versions_collect_ids(struct versions *vs, struct id_vec *ret) {
    each(vs, add_id, ret);
}

bool versions_are_too_many(struct versions *vs) {
    LOCK_SCOPE(&vs->lock);
    bool news = !vs->told && vs->large_bytes > LARGE_BYTES;
    vs->told = vs->told || news;
    return news;
}
