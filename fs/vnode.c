/* SPDX-License-Identifier: MIT */
#include "vnode.h"

#include "base/hash.h"
#include "vnode-internal.h"

#include <errno.h>

static struct list *bucket(struct list *table, uint64_t key) {
    return &table[hash_u64(key) >> 52 & (VNODE_BUCKETS - 1)];
}

int vnodes_new(struct shares *shares, struct vnodes **ret) {
    struct vnodes *vs = calloc(1, sizeof(*vs));
    if (!vs)
        return -ENOMEM;
    (void)pthread_mutex_init(&vs->lock, NULL);
    for (size_t i = 0; i < VNODE_BUCKETS; i++) {
        list_init(&vs->by_id[i]);
        list_init(&vs->by_inode[i]);
    }
    list_init(&vs->scratch);
    vs->next_id = 1;
    vs->shares = shares;
    *ret = vs;
    return 0;
}

void vnode_give_share(struct vnodes *vs, struct vnode *v) {
    shares_give(vs->shares, v->payer, SHARE_SCRATCH_FILES, 1);
    shares_give(vs->shares, v->payer, SHARE_SCRATCH_BYTES, v->charged);
    v->charged = 0;
}

static void release(struct vnodes *vs, struct vnode *v) {
    if (v->kind == VNODE_ALIAS)
        vs->n_aliases--;
    else
        vnode_give_share(vs, v);
    list_del(&v->by_id);
    list_del(&v->by_inode);
    buf_done(&v->data);
    free(v->name);
    free(v);
}

void vnodes_free(struct vnodes *vs) {
    if (!vs)
        return;
    for (size_t i = 0; i < VNODE_BUCKETS; i++)
        while (!list_empty(&vs->by_id[i]))
            release(vs, list_entry(vs->by_id[i].next, struct vnode, by_id));
    (void)pthread_mutex_destroy(&vs->lock);
    free(vs);
}

struct vnode *vnode_make(struct vnodes *vs, enum vnode_kind kind) {
    struct vnode *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->id = VNODE_BIT | vs->next_id++;
    v->kind = kind;
    v->refs = 1;
    v->data = BUF_INIT(FS_SCRATCH_FILE_BYTES);
    list_init(&v->by_inode);
    list_add_tail(bucket(vs->by_id, v->id), &v->by_id);
    if (kind == VNODE_ALIAS)
        vs->n_aliases++;
    return v;
}

void vnode_link_inode(struct vnodes *vs, struct vnode *v, uint64_t inode) {
    v->inode = inode;
    list_del(&v->by_inode);
    list_add_tail(bucket(vs->by_inode, inode), &v->by_inode);
}

void vnode_reap(struct vnodes *vs, struct vnode *v) {
    bool named = v->kind == VNODE_SCRATCH && v->name;
    if (v->refs == 0 && v->lookups == 0 && !named)
        release(vs, v);
}

static struct vnode *find(struct vnodes *vs, uint64_t id) {
    list_for_each(pos, bucket(vs->by_id, id)) {
        struct vnode *v = list_entry(pos, struct vnode, by_id);
        if (v->id == id)
            return v;
    }
    return NULL;
}

struct vnode *vnode_find(struct vnodes *vs, uint64_t id) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *v = find(vs, id);
    if (v)
        v->refs++;
    return v;
}

struct vnode *vnode_ref(struct vnodes *vs, struct vnode *v) {
    LOCK_SCOPE(&vs->lock);
    if (v)
        v->refs++;
    return v;
}

void vnode_unref(struct vnodes *vs, struct vnode *v) {
    if (!v)
        return;
    LOCK_SCOPE(&vs->lock);
    v->refs--;
    vnode_reap(vs, v);
}

void vnode_looked_up(struct vnodes *vs, struct vnode *v) {
    LOCK_SCOPE(&vs->lock);
    v->lookups++;
}

void vnode_forget(struct vnodes *vs, uint64_t id, uint64_t n) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *v = find(vs, id);
    if (!v)
        return;
    v->lookups -= n < v->lookups ? n : v->lookups;
    vnode_reap(vs, v);
}

uint64_t vnode_id(const struct vnode *v) {
    return v->id;
}

uint64_t vnode_inode(struct vnodes *vs, struct vnode *v) {
    LOCK_SCOPE(&vs->lock);
    return v->kind == VNODE_ALIAS ? v->inode : 0;
}

static struct vnode *alias_make(struct vnodes *vs, uint64_t inode) {
    if (vs->n_aliases >= FS_ALIASES_MAX)
        return NULL;
    struct vnode *v = vnode_make(vs, VNODE_ALIAS);
    if (v)
        vnode_link_inode(vs, v, inode);
    return v;
}

struct vnode *vnode_alias_new(struct vnodes *vs, uint64_t inode) {
    LOCK_SCOPE(&vs->lock);
    return alias_make(vs, inode);
}

struct vnode *vnode_shared(struct vnodes *vs, uint64_t inode) {
    list_for_each(pos, bucket(vs->by_inode, inode)) {
        struct vnode *v = list_entry(pos, struct vnode, by_inode);
        if (v->inode == inode && v->shared)
            return v;
    }
    return NULL;
}

struct vnode *vnode_alias_shared(struct vnodes *vs, uint64_t inode) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *v = vnode_shared(vs, inode);
    if (v) {
        v->refs++;
        return v;
    }
    v = alias_make(vs, inode);
    if (v)
        v->shared = true;
    return v;
}

void vnode_alias_retire(struct vnodes *vs, uint64_t inode) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *v = vnode_shared(vs, inode);
    if (v)
        v->shared = false;
}

void vnode_park(struct vnodes *vs, struct vnode *v, int by) {
    LOCK_SCOPE(&vs->lock);
    v->parked += by;
}

void vnode_read(struct vnodes *vs, struct vnode *v, int by) {
    LOCK_SCOPE(&vs->lock);
    v->readers += by;
}

bool vnode_is_read(struct vnodes *vs, uint64_t id) {
    struct vnode *v = vnode_find(vs, id);
    if (!v)
        return false;
    (void)pthread_mutex_lock(&vs->lock);
    bool is_read = v->readers > 0;
    (void)pthread_mutex_unlock(&vs->lock);
    vnode_unref(vs, v);
    return is_read;
}

size_t vnode_aliases(struct vnodes *vs, uint64_t inode, uint64_t *ids, size_t max) {
    LOCK_SCOPE(&vs->lock);
    size_t n = 0;
    list_for_each(pos, bucket(vs->by_inode, inode)) {
        const struct vnode *v = list_entry(pos, struct vnode, by_inode);
        if (n < max && v->inode == inode && v->parked == 0 && v->lookups > 0)
            ids[n++] = v->id;
    }
    return n;
}

void vnode_each_alias(struct vnodes *vs, void (*visit)(void *arg, uint64_t inode), void *arg) {
    LOCK_SCOPE(&vs->lock);
    for (size_t i = 0; i < VNODE_BUCKETS; i++)
        list_for_each(pos, &vs->by_inode[i]) {
            const struct vnode *v = list_entry(pos, struct vnode, by_inode);
            if (v->parked == 0 && v->lookups > 0)
                visit(arg, v->inode);
        }
}

void vnode_hide(struct vnodes *vs, uint64_t inode, usec_t now) {
    LOCK_SCOPE(&vs->lock);
    vs->hidden[vs->next_hidden] = (struct hidden){inode, now + VNODE_HIDE_US};
    vs->next_hidden = (vs->next_hidden + 1) % VNODE_HIDDEN_MAX;
}

void vnode_unhide(struct vnodes *vs, uint64_t inode) {
    LOCK_SCOPE(&vs->lock);
    for (size_t i = 0; i < VNODE_HIDDEN_MAX; i++)
        if (vs->hidden[i].inode == inode)
            vs->hidden[i] = (struct hidden){0};
}

bool vnode_hidden(struct vnodes *vs, uint64_t inode, usec_t now) {
    LOCK_SCOPE(&vs->lock);
    for (size_t i = 0; i < VNODE_HIDDEN_MAX; i++)
        if (vs->hidden[i].inode == inode && vs->hidden[i].until > now)
            return true;
    return false;
}
