/* SPDX-License-Identifier: MIT */
/* Listings. An offset is 0 ("."), 1 (".."), 2 + the view's cookie, or SCRATCH_BIT + a position. */
#include "internal.h"

#include "cache.h"
#include "notify.h"
#include "vnode.h"
#include "workers.h"

#include <errno.h>

#define SCRATCH_BIT (UINT64_C(1) << 61)
#define VIEW_FIRST 2
#define MANY 64u /* entries with attributes: others are served while so many are collected */

struct listing {
    fuse_req_t req;
    const struct fuse_ctx *caller;
    struct place *dir;
    bool plus;
    char *data;
    size_t size, used;
    bool full;
    struct id_vec given; /* READDIRPLUS: node ids with attributes that may be kept */
};

/* Adds an entry; returns non-zero when there is no room. */
static int add(struct listing *l, const char *name, struct fuse_entry_param *e, uint64_t next) {
    size_t left = l->size - l->used;
    size_t need =
        l->plus ? fuse_add_direntry_plus(l->req, l->data + l->used, left, name, e, (off_t)next)
                : fuse_add_direntry(l->req, l->data + l->used, left, name, &e->attr, (off_t)next);
    l->full = need > left;
    if (!l->full)
        l->used += need;
    return l->full;
}

static mode_t type_of(const struct view_ref *ref) {
    if (ref->link || ref->entry->kind == VIEW_LINK)
        return S_IFLNK;
    return ref->entry->dir ? S_IFDIR : S_IFREG;
}

/* Attributes and a node id for READDIRPLUS; what cannot be had stays 0: the kernel asks later. */
static void fill_plus(struct listing *l, const struct view_ref *ref, struct fuse_entry_param *e) {
    const unsigned never = l->dir->fs->versions ? VIEW_PRIVATE : VIEW_SYNC | VIEW_PRIVATE;
    if (!ref->link && ref->entry->flags & never)
        return;
    struct place p = {.fs = l->dir->fs, .snapshot = l->dir->snapshot, .ref = *ref};
    p.sequence = l->dir->sequence;
    p.node_id = view_inode(ref);
    if (view_context(p.fs->gateway, p.snapshot, ref, &p.ctx) < 0)
        return;
    p.ctx.uid = l->caller->uid;
    p.ctx.gid = l->caller->gid;
    struct fuse_entry_param full;
    if (id_vec_reserve(&l->given, 1) == 0 && place_entry(&p, &full) == 0) {
        *e = full;
        (void)id_vec_append(&l->given, full.ino); /* room was reserved */
        if (l->given.len == MANY)
            workers_hand_over(p.fs->workers);
    }
    p.snapshot = NULL; /* the directory's */
    place_done(&p);
}

static int add_place(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie) {
    struct listing *l = arg;
    struct vnodes *vs = l->dir->fs->vnodes;
    usec_t now = clock_monotonic(l->dir->fs->gateway->clock);
    struct fuse_entry_param e = {
        .attr = {.st_ino = view_inode(ref), .st_mode = type_of(ref)},
    };
    /* A document whose name an editor has just freed is back in a moment, and nobody would tell the
       kernel: the listing always has it. */
    bool hidden = ref->entry->kind == VIEW_DOC && vnode_hidden(vs, view_inode(ref), now);
    if (l->plus && !hidden)
        fill_plus(l, ref, &e);
    int full = add(l, name, &e, VIEW_FIRST + cookie);
    if (full && e.ino)
        place_entry_undo(l->dir->fs, &e);
    return full;
}

static int add_scratch(void *arg, const char *name, uint64_t id, mode_t mode, uint64_t next) {
    struct fuse_entry_param e = {.attr = {.st_ino = id, .st_mode = mode}};
    return add(arg, name, &e, SCRATCH_BIT | next);
}

/* "." and ".." carry inode numbers and never a lookup. */
static int add_dots(struct listing *l, uint64_t from) {
    const struct place *dir = l->dir;
    struct view_ref parent;
    if (view_parent(dir->snapshot, &dir->ref, &parent) < 0)
        parent = dir->ref;
    struct fuse_entry_param self = {
        .attr = {.st_ino = view_inode(&dir->ref), .st_mode = S_IFDIR},
    };
    struct fuse_entry_param above = {.attr = {.st_ino = view_inode(&parent), .st_mode = S_IFDIR}};
    if (from == 0 && add(l, ".", &self, 1))
        return 1;
    return add(l, "..", &above, VIEW_FIRST);
}

static int list(struct listing *l, uint64_t from) {
    const struct place *dir = l->dir;
    if (dir->scratch || !dir->ref.entry->dir)
        return -ENOTDIR;
    if (from < VIEW_FIRST && add_dots(l, from))
        return 0;
    uint64_t cookie = from < VIEW_FIRST ? 0 : from - VIEW_FIRST;
    if (!(from & SCRATCH_BIT)) {
        const struct view_listing listing = {cookie, add_place, l};
        int r = view_list(dir->fs->gateway, dir->snapshot, &dir->ref, &listing);
        if (r < 0)
            return r;
        from = SCRATCH_BIT;
    }
    if (!l->full)
        scratch_list(dir->fs->vnodes, view_inode(&dir->ref), from & ~SCRATCH_BIT, add_scratch, l);
    return 0;
}

/* As cache_settle, for the listing and all that came with it. */
static void settle(struct listing *l) {
    struct fs *fs = l->dir->fs;
    if (cache_sequence(fs->cache) == l->dir->sequence)
        return;
    notify_again(fs->notify, l->dir->node_id);
    for (size_t i = 0; i < l->given.len; i++)
        notify_again(fs->notify, l->given.items[i]);
}

static void read_dir(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, bool plus) {
    _cleanup_place_ struct place dir = {0};
    _cleanup_free_ char *data = malloc(size ? size : 1);
    struct listing l = {
        .req = req,
        .caller = fuse_req_ctx(req),
        .dir = &dir,
        .plus = plus,
        .data = data,
        .size = size,
    };
    int r = data ? place_get(fs_of(req), id, l.caller, &dir) : -ENOMEM;
    if (r == 0)
        cache_note_contents(&dir);
    if (r == 0)
        r = list(&l, (uint64_t)off);
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
    } else {
        (void)fuse_reply_buf(req, data, l.used);
        settle(&l);
    }
    id_vec_done(&l.given);
}

void op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi) {
    (void)fi;
    read_dir(req, id, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
                    struct fuse_file_info *fi) {
    (void)fi;
    read_dir(req, id, size, off, true);
}

void op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    (void)id;
    if (fs_of(req)->opendir_optional)
        (void)fuse_reply_err(req, ENOSYS); /* never asked again; listings are kept */
    else
        (void)fuse_reply_open(req, fi);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi) {
    (void)id;
    (void)datasync;
    (void)fi;
    (void)fuse_reply_err(req, 0);
}
