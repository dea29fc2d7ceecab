/* SPDX-License-Identifier: MIT */
/* Scratch files: what editors keep beside a document. See vnode.h. */
#include "vnode.h"

#include "vnode-internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* Names seen on the wire: vim, emacs, nano, sed -i, perl -i, rsync, git, NFS clients, GLib, mv. */
static const char *const patterns[] = {
    ".*.sw?",
    ".*.swpx",
    "*~",
    "4913",
    "5036",
    ".#*",
    "#*#",
    "sed??????",
    ".*.??????",
    "*.lock",
    ".*.un~",
    ".nfs*",
    ".goutputstream-*",
    "XX??????",
    "*.tmp",
    ".*.tmp",
    ".__*",
};

bool scratch_name_is(const char *name) {
    if (strlen(name) > FS_NAME_MAX)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return false;
}

static struct vnode *find_named(struct vnodes *vs, uint64_t dir, const char *name) {
    list_for_each(pos, &vs->scratch) {
        struct vnode *v = list_entry(pos, struct vnode, by_inode);
        if (v->dir == dir && strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

static void unlink_locked(struct vnodes *vs, struct vnode *v) {
    list_del(&v->by_inode);
    free(TAKE_PTR(v->name));
    vnode_reap(vs, v);
}

/* Counts `len` bytes in the share that a file is in: 0, -EFBIG, or as shares_take. */
static int charge(struct vnodes *vs, struct vnode *v, size_t len) {
    if (len > FS_SCRATCH_FILE_BYTES)
        return -EFBIG;
    int r = 0;
    if (len > v->charged)
        r = shares_take(vs->shares, v->payer, SHARE_SCRATCH_BYTES, len - v->charged);
    else
        shares_give(vs->shares, v->payer, SHARE_SCRATCH_BYTES, v->charged - len);
    if (r == 0)
        v->charged = len;
    return r;
}

/* A file with its contents and its share. 0 or -errno. */
static int make_charged(struct vnodes *vs, const struct scratch_new *what, struct vnode **ret) {
    int r = shares_take(vs->shares, what->uid, SHARE_SCRATCH_FILES, 1);
    if (r < 0)
        return r;
    struct vnode *v = vnode_make(vs, VNODE_SCRATCH);
    if (!v) {
        shares_give(vs->shares, what->uid, SHARE_SCRATCH_FILES, 1);
        return -ENOMEM;
    }
    v->payer = what->uid;
    r = charge(vs, v, what->len);
    if (r == 0)
        r = buf_append(&v->data, what->text ? what->text : "", what->len);
    if (r < 0) {
        v->refs = 0;
        vnode_reap(vs, v);
        return r;
    }
    *ret = v;
    return 0;
}

/* What an editor keeps beside a document may hold a secret that is masked in the document: nobody
   but its owner gets at it, whatever mode is asked for. Links have no mode. */
static mode_t own_mode(mode_t mode) {
    return S_ISREG(mode) ? mode & (S_IFMT | 0700) : mode;
}

static void describe(struct vnode *v, const struct scratch_new *what) {
    v->dir = what->dir;
    v->mode = own_mode(what->mode);
    v->uid = what->uid;
    v->gid = what->gid;
    v->accessed_at = v->modified_at = v->changed_at = what->now;
}

static int make_locked(struct vnodes *vs, const struct scratch_new *what, struct vnode **ret) {
    _cleanup_free_ char *name = strdup(what->name);
    struct vnode *v = NULL;
    int r = name ? make_charged(vs, what, &v) : -ENOMEM;
    if (r < 0)
        return r;
    struct vnode *old = find_named(vs, what->dir, what->name);
    if (old)
        unlink_locked(vs, old);
    describe(v, what);
    v->name = TAKE_PTR(name);
    list_add_tail(&vs->scratch, &v->by_inode);
    *ret = v;
    return 0;
}

int scratch_make(struct vnodes *vs, const struct scratch_new *what, struct vnode **ret) {
    LOCK_SCOPE(&vs->lock);
    return make_locked(vs, what, ret);
}

struct vnode *scratch_find(struct vnodes *vs, uint64_t dir, const char *name) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *v = find_named(vs, dir, name);
    if (v)
        v->refs++;
    return v;
}

static struct timespec time_of(usec_t at) {
    return (struct timespec){.tv_sec = (time_t)(at / USEC_SEC),
                             .tv_nsec = (long)(at % USEC_SEC) * 1000};
}

void scratch_stat(struct vnodes *vs, struct vnode *v, struct stat *ret) {
    LOCK_SCOPE(&vs->lock);
    *ret = (struct stat){
        .st_ino = v->id,
        .st_mode = v->mode,
        .st_nlink = v->name ? 1 : 0,
        .st_uid = v->uid,
        .st_gid = v->gid,
        .st_size = (off_t)v->data.len,
        .st_blocks = (blkcnt_t)((v->data.len + 511) / 512),
        .st_blksize = 4096,
        .st_atim = time_of(v->accessed_at),
        .st_mtim = time_of(v->modified_at),
        .st_ctim = time_of(v->changed_at),
    };
}

int scratch_read(struct vnodes *vs, struct vnode *v, size_t offset, size_t size, struct buf *b) {
    LOCK_SCOPE(&vs->lock);
    if (offset >= v->data.len)
        return 0;
    size_t left = v->data.len - offset;
    return buf_append(b, v->data.data + offset, size < left ? size : left);
}

int scratch_write(struct vnodes *vs, struct vnode *v, const struct piece *piece, usec_t now) {
    LOCK_SCOPE(&vs->lock);
    size_t offset = piece->offset == SIZE_MAX ? v->data.len : piece->offset, len = piece->len;
    if (offset > FS_SCRATCH_FILE_BYTES || len > FS_SCRATCH_FILE_BYTES)
        return -EFBIG;
    size_t end = offset + len;
    int r = charge(vs, v, end > v->data.len ? end : v->data.len);
    if (r < 0)
        return r;
    r = buf_write_at(&v->data, offset, piece->data, len);
    v->modified_at = v->changed_at = now;
    return r;
}

int scratch_resize(struct vnodes *vs, struct vnode *v, size_t len, usec_t now) {
    LOCK_SCOPE(&vs->lock);
    int r = charge(vs, v, len);
    if (r < 0)
        return r;
    if (len == 0)
        buf_done(&v->data);
    r = buf_resize(&v->data, len);
    v->modified_at = v->changed_at = now;
    return r;
}

static usec_t usec_of(struct timespec at) {
    return (usec_t)at.tv_sec * USEC_SEC + (usec_t)at.tv_nsec / 1000;
}

void scratch_set(struct vnodes *vs, struct vnode *v, const struct stat *attr, int to_set,
                 usec_t now) {
    LOCK_SCOPE(&vs->lock);
    if (to_set & FUSE_SET_ATTR_MODE)
        v->mode = own_mode((v->mode & S_IFMT) | (attr->st_mode & 07777));
    if (to_set & FUSE_SET_ATTR_UID)
        v->uid = attr->st_uid;
    if (to_set & FUSE_SET_ATTR_GID)
        v->gid = attr->st_gid;
    if (to_set & FUSE_SET_ATTR_ATIME)
        v->accessed_at = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : usec_of(attr->st_atim);
    if (to_set & FUSE_SET_ATTR_MTIME)
        v->modified_at = to_set & FUSE_SET_ATTR_MTIME_NOW ? now : usec_of(attr->st_mtim);
    v->changed_at = now;
}

void scratch_unlink(struct vnodes *vs, struct vnode *v) {
    LOCK_SCOPE(&vs->lock);
    if (v->kind == VNODE_SCRATCH && v->name)
        unlink_locked(vs, v);
}

int scratch_rename(struct vnodes *vs, struct vnode *v, uint64_t dir, const char *name) {
    LOCK_SCOPE(&vs->lock);
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    struct vnode *old = find_named(vs, dir, name);
    if (old && old != v)
        unlink_locked(vs, old);
    free(v->name);
    v->name = copy;
    v->dir = dir;
    return 0;
}

void scratch_become_alias(struct vnodes *vs, struct vnode *v, uint64_t inode) {
    LOCK_SCOPE(&vs->lock);
    if (v->kind != VNODE_SCRATCH)
        return;
    struct vnode *old = vnode_shared(vs, inode);
    if (old)
        old->shared = false;
    free(TAKE_PTR(v->name));
    vnode_give_share(vs, v);
    buf_done(&v->data);
    v->kind = VNODE_ALIAS;
    v->shared = true;
    vs->n_aliases++;
    vnode_link_inode(vs, v, inode);
}

int scratch_from_document(struct vnodes *vs, uint64_t inode, const struct scratch_new *what) {
    LOCK_SCOPE(&vs->lock);
    struct vnode *fresh = NULL;
    int r = make_locked(vs, what, &fresh);
    if (r < 0)
        return r;
    struct vnode *alias = vnode_shared(vs, inode);
    if (!alias) {
        fresh->refs--;
        return 0;
    }
    /* The kernel goes on with the alias under the new name: it takes the place of `fresh`. */
    describe(alias, what);
    alias->kind = VNODE_SCRATCH;
    alias->shared = false;
    alias->inode = 0;
    alias->name = TAKE_PTR(fresh->name);
    alias->data = fresh->data;
    alias->payer = fresh->payer;
    alias->charged = fresh->charged;
    fresh->data = BUF_INIT(FS_SCRATCH_FILE_BYTES);
    fresh->kind = VNODE_ALIAS; /* its share went with its contents; the numbers are the same */
    list_del(&fresh->by_inode);
    list_del(&alias->by_inode);
    list_add_tail(&vs->scratch, &alias->by_inode);
    fresh->refs--;
    vnode_reap(vs, fresh);
    return 0;
}

void scratch_list(struct vnodes *vs, uint64_t dir, uint64_t from,
                  int (*visit)(void *arg, const char *name, uint64_t id, mode_t mode,
                               uint64_t next),
                  void *arg) {
    LOCK_SCOPE(&vs->lock);
    uint64_t next = from;
    for (;;) {
        const struct vnode *best = NULL;
        list_for_each(pos, &vs->scratch) {
            const struct vnode *v = list_entry(pos, struct vnode, by_inode);
            uint64_t number = v->id & ~VNODE_BIT;
            if (v->dir == dir && number >= next && (!best || v->id < best->id))
                best = v;
        }
        if (!best)
            return;
        next = (best->id & ~VNODE_BIT) + 1;
        if (visit(arg, best->name, best->id, best->mode, next))
            return;
    }
}

void scratch_drop(struct vnodes *vs, bool (*gone)(void *arg, uint64_t dir), void *arg) {
    LOCK_SCOPE(&vs->lock);
    list_for_each_safe(pos, tmp, &vs->scratch) {
        struct vnode *v = list_entry(pos, struct vnode, by_inode);
        if (gone(arg, v->dir))
            unlink_locked(vs, v);
    }
}
