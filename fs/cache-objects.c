/* SPDX-License-Identifier: MIT */
/* What the kernel has of an object: inodes to be dropped, names, and whom it belongs to. */
#include "cache-internal.h"

#include <string.h>

uint64_t cache_cluster_of(struct cache *c, uint64_t inode) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *cache_slot(c, (inode & ~LINK_BIT) >> 8);
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
    collect(*cache_slot(c, object_id), waiting_too, ret);
}

void cache_collect_pinned(struct cache *c, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *cache_slot(c, object_id);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].reading || h->rows.items[i].dir)
            (void)id_vec_append(ret, inode_of(h, &h->rows.items[i]));
}

static void collect_where(struct cache *c, const uint64_t *cluster_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
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
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
        for (const struct held *h = c->buckets[i]; h; h = h->next)
            if (h->object_id && h->rows.len)
                (void)id_vec_append(ret, h->object_id << 8 | h->rows.items[0].row);
}

void cache_watched(struct cache *c, uint64_t object_id, struct id_vec *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *cache_slot(c, object_id);
    for (size_t i = 0; h && i < h->rows.len; i++)
        if (h->rows.items[i].watched)
            (void)id_vec_append(ret, inode_of(h, &h->rows.items[i]));
}

void cache_forget(struct cache *c, uint64_t object_id, struct cache_name *ret) {
    LOCK_SCOPE(&c->lock);
    struct held **slot = cache_slot(c, object_id);
    struct held *h = *slot;
    *ret = (struct cache_name){0};
    if (!h)
        return;
    *ret = h->where;
    h->where.name = NULL;
    *slot = h->next;
    c->n--;
    cache_held_free(h);
}

void cache_where(struct cache *c, uint64_t object_id, struct cache_name *ret) {
    LOCK_SCOPE(&c->lock);
    const struct held *h = *cache_slot(c, object_id);
    *ret = h ? h->where : (struct cache_name){0};
    if (ret->name)
        ret->name = strdup(ret->name);
}

void cache_forget_cluster(struct cache *c, uint64_t cluster_id) {
    LOCK_SCOPE(&c->lock);
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
        for (struct held **slot = &c->buckets[i]; *slot;) {
            struct held *h = *slot;
            if (h->cluster_id != cluster_id) {
                slot = &h->next;
                continue;
            }
            *slot = h->next;
            c->n--;
            cache_held_free(h);
        }
}

void cache_rename(struct cache *c, const struct cluster *cl, struct cache_name *ret) {
    *ret = (struct cache_name){0};
    LOCK_SCOPE(&c->lock);
    struct held *h = *cache_slot(c, cl->id);
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
    struct held *h = *cache_slot(c, cl->id);
    uint64_t access = cache_access_of(cl);
    if (!h || h->access == access)
        return false;
    h->access = access;
    return true;
}
