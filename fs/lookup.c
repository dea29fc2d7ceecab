/* SPDX-License-Identifier: MIT */
/* Names and attributes. */
#include "internal.h"

#include "cache.h"
#include "notify.h"
#include "refuse.h"
#include "shares.h"
#include "vnode.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* What the notifier looks for: one of several node ids of a file, or a name that is still free. */
static void lookup_replay(fuse_req_t req, struct place *found, struct replay_step step) {
    if (step.kind == REPLAY_MAKE && found->ref.entry->dir && found->ref.object_id == step.inode) {
        (void)fuse_reply_err(req, ENOENT);
        return;
    }
    if (step.kind == REPLAY_TOUCH && step.node_id != step.inode &&
        view_inode(&found->ref) == step.inode)
        place_become(found, step.node_id);
    place_reply_entry(req, found);
}

/* ENOENT, which the kernel may remember: tools look for .git and the like again and again. */
static void reply_absent(fuse_req_t req, const char *name) {
    const struct fuse_entry_param e = {.entry_timeout = cache_absence(name)};
    if (e.entry_timeout > 0)
        (void)fuse_reply_entry(req, &e);
    else
        (void)fuse_reply_err(req, ENOENT);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, found = {0};
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0)
        r = place_lookup(&dir, name, caller, &found);
    struct replay_step step = notify_step(fs->notify, caller);
    if (r == -ENOENT)
        reply_absent(req, name);
    else if (r < 0)
        (void)fuse_reply_err(req, -r);
    else if (step.kind != REPLAY_NONE && !found.scratch)
        lookup_replay(req, &found, step);
    else
        place_reply_entry(req, &found);
}

void op_forget(fuse_req_t req, fuse_ino_t id, uint64_t n) {
    place_forget(fs_of(req), id, n);
    notify_forgotten(fs_of(req)->notify, 1);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets) {
    for (size_t i = 0; i < count; i++)
        place_forget(fs_of(req), forgets[i].ino, forgets[i].nlookup);
    notify_forgotten(fs_of(req)->notify, count);
    fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, const struct place *p) {
    struct stat st;
    int r = place_stat(p, &st);
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    struct cache_terms terms = place_note(p, &st);
    (void)fuse_reply_attr(req, &st, terms.attr);
    cache_settle(p);
}

void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    (void)fi;
    _cleanup_place_ struct place p = {0};
    int r = place_get(fs_of(req), id, fuse_req_ctx(req), &p);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        reply_attr(req, &p);
}

void op_readlink(fuse_req_t req, fuse_ino_t id) {
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf target = BUF_INIT(LIMIT_VALUE_BYTES);
    int r = place_get(fs_of(req), id, fuse_req_ctx(req), &p);
    if (r == 0)
        r = p.scratch ? scratch_read(p.fs->vnodes, p.vnode, 0, LIMIT_VALUE_BYTES, &target)
                      : view_show(&p.ctx, &p.ref, &target);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        (void)fuse_reply_readlink(req, target.data);
}

#define STATFS_BLOCK 4096u

static uint64_t left(uint64_t limit, uint64_t used) {
    return used < limit ? limit - used : 0;
}

/* What can be made yet: clusters and nodes as files; room for files beside documents as blocks. */
void op_statfs(fuse_req_t req, fuse_ino_t id) {
    (void)id;
    struct fs *fs = fs_of(req);
    const struct snapshot *s = model_acquire(fs->gateway->model);
    uint64_t used = s->clusters.len, free_files = left(LIMIT_CLUSTERS, s->clusters.len);
    for (size_t i = 0; i < s->clusters.len; i++) {
        uint64_t nodes = cluster_node_count(s->clusters.items[i]);
        used += nodes;
        free_files += left(LIMIT_NODES_PER_CLUSTER, nodes);
    }
    model_release(s);
    uint64_t free_blocks =
        left(FS_SCRATCH_BYTES, shares_used(fs->shares, SHARE_SCRATCH_BYTES)) / STATFS_BLOCK;
    struct statvfs st = {
        .f_bsize = STATFS_BLOCK,
        .f_frsize = STATFS_BLOCK,
        .f_blocks = FS_SCRATCH_BYTES / STATFS_BLOCK,
        .f_bfree = free_blocks,
        .f_bavail = free_blocks,
        .f_files = used + free_files,
        .f_ffree = free_files,
        .f_favail = free_files,
        .f_namemax = FS_NAME_MAX,
    };
    (void)fuse_reply_statfs(req, &st);
}

/* SETATTR of the size: of the buffer of an open file, or nothing at all. */
static int set_size(const struct place *p, const struct fuse_file_info *fi, off_t size) {
    struct handle *h = fi ? handle_of(fi) : NULL;
    if (size < 0)
        return -EINVAL;
    if (p->scratch)
        return scratch_resize(p->fs->vnodes, p->vnode, (size_t)size,
                              clock_wall(p->fs->gateway->clock));
    if (!p->ref.entry->store)
        return -EACCES;
    if (!h || h->kind != HANDLE_DOCUMENT)
        return 0;
    return write_resize(p, h, (size_t)size);
}

static void finish_attr(struct request *r) {
    _cleanup_place_ struct place p = {0};
    int code = r->code ? r->code : place_get(r->fs, r->node_id, &r->caller, &p);
    if (code < 0)
        (void)fuse_reply_err(r->req, -code);
    else
        reply_attr(r->req, &p);
}

#define ACCESS_BITS (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)

/* chmod, chown, chgrp of a cluster. The kernel has checked that the caller may. */
static void set_access(fuse_req_t req, const struct place *p, const struct stat *attr, int to_set) {
    struct request *r = request_new(p->fs, req, finish_attr);
    struct command *c = command_new(COMMAND_SET_ACCESS);
    if (!r || !c) {
        command_free(c);
        request_unref(r);
        (void)fuse_reply_err(req, ENOMEM);
        return;
    }
    r->node_id = p->node_id;
    c->cluster_id = p->ctx.cluster->id;
    c->set_mode = to_set & FUSE_SET_ATTR_MODE;
    c->set_uid = to_set & FUSE_SET_ATTR_UID;
    c->set_gid = to_set & FUSE_SET_ATTR_GID;
    c->mode = attr->st_mode & 07777;
    c->uid = attr->st_uid;
    c->gid = attr->st_gid;
    request_submit(r, p, c);
}

/* 0 when the wanted owner, group and mode are what the file has already (editors set them again).
   While somebody writes a document, the mode may be any and is ignored: install(1) sets 0600 first,
   and the final one at the end. */
static int check_unchanged(const struct place *p, const struct stat *attr, int to_set,
                           const struct fuse_ctx *caller) {
    struct stat st;
    if (place_is_document(p) && handle_writes(p->fs, view_inode(&p->ref), caller->uid))
        to_set &= ~FUSE_SET_ATTR_MODE;
    int r = place_stat(p, &st);
    if (r < 0)
        return r;
    bool same =
        (!(to_set & FUSE_SET_ATTR_MODE) || (st.st_mode & 07777) == (attr->st_mode & 07777)) &&
        (!(to_set & FUSE_SET_ATTR_UID) || st.st_uid == attr->st_uid) &&
        (!(to_set & FUSE_SET_ATTR_GID) || st.st_gid == attr->st_gid);
    return same ? 0 : -EPERM;
}

static void reply_set(fuse_req_t req, const struct place *p, int r) {
    if (r == -EPERM || r == -EACCES)
        refuse(req, p, NULL, r == -EPERM ? REFUSE_ACCESS : REFUSE_WRITE, r);
    else if (r == -EFBIG && place_is_document(p))
        refuse(req, p, NULL, REFUSE_DOCUMENT, r);
    else if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        reply_attr(req, p);
}

/* truncate(2) of a document by its path. False: it is something else. */
static bool truncates_document(fuse_req_t req, const struct place *p, const struct stat *attr,
                               int to_set) {
    if (!(to_set & FUSE_SET_ATTR_SIZE) || attr->st_size < 0 || !place_is_document(p))
        return false;
    struct request *r = request_new(p->fs, req, finish_attr);
    if (r)
        r->node_id = p->node_id;
    tree_truncate(req, p, r, (size_t)attr->st_size);
    return true;
}

/* What is to be set beside the size. False: the answer comes later. */
static bool set_others(fuse_req_t req, const struct place *p, const struct stat *attr, int to_set,
                       int *ret_code) {
    if (p->scratch) {
        scratch_set(p->fs->vnodes, p->vnode, attr, to_set, clock_wall(p->fs->gateway->clock));
    } else if (to_set & ACCESS_BITS) {
        if (place_is_cluster(p)) {
            set_access(req, p, attr, to_set);
            return false;
        }
        *ret_code = check_unchanged(p, attr, to_set, fuse_req_ctx(req));
    }
    return true;
}

void op_setattr(fuse_req_t req, fuse_ino_t id, struct stat *attr, int to_set,
                struct fuse_file_info *fi) {
    struct fs *fs = fs_of(req);
    _cleanup_place_ struct place p = {0};
    int r = place_get(fs, id, fuse_req_ctx(req), &p);
    if (r == 0 && notify_step(fs->notify, fuse_req_ctx(req)).kind != REPLAY_NONE)
        to_set = 0;
    if (r == 0 && !fi && truncates_document(req, &p, attr, to_set))
        return;
    if (r == 0 && to_set & FUSE_SET_ATTR_SIZE)
        r = set_size(&p, fi, attr->st_size);
    if (r == 0 && !set_others(req, &p, attr, to_set, &r))
        return;
    reply_set(req, &p, r);
}
