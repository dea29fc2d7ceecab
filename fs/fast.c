/* SPDX-License-Identifier: MIT */
#include "fast.h"

#include "cache.h"
#include "notify.h"
#include "sleepers.h"
#include "store/history.h"

#include <errno.h>

#define LOOK_US (5 * USEC_SEC)

static void fast_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    (void)id;
    if (fs_of(req)->open_optional) {
        (void)fuse_reply_err(req, ENOSYS); /* never asked again */
        return;
    }
    fi->keep_cache = 1;
    fi->noflush = 1;
    (void)fuse_reply_open(req, fi);
}

static void read_version(fuse_req_t req, const struct version *v, size_t size, off_t off) {
    size_t from = (size_t)off < v->len ? (size_t)off : v->len;
    size_t left = v->len - from;
    (void)fuse_reply_buf(req, v->text + from, size < left ? size : left);
}

/* The pages of a stream reach as far as the size that the kernel has, or further. -ESTALE when it
   has begun anew, and the kernel still has the size of the old one. */
static int slice_of_stream(const struct place *p, size_t size, off_t off, struct buf *b) {
    struct view_attr attr;
    uint32_t told = cache_told(p);
    int r = view_attr(&p->ctx, &p->ref, &attr);
    if (r < 0 || !p->fs->gateway->store)
        return r;
    if (told != CACHE_SIZE_UNKNOWN && attr.size < told) {
        notify_again(p->fs->notify, p->node_id);
        return -ESTALE;
    }
    uint64_t limit = cache_note_stream(p, attr.size), from = (uint64_t)off;
    if (limit != attr.size)
        notify_again(p->fs->notify, p->node_id);
    if (from >= limit)
        return 0;
    size = size < limit - from ? size : (size_t)(limit - from);
    const struct history history = {(enum history_stream)p->ref.entry->stream,
                                    p->ref.entry->generation, p->ref.object_id};
    r = history_read(p->fs->gateway->store, &history, from, size, b);
    return r == 0 && b->len < size ? -ESTALE : r;
}

static void read_stream(fuse_req_t req, fuse_ino_t id, size_t size, off_t off) {
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf b = BUF_INIT(size);
    int r = place_get(fs_of(req), id, fuse_req_ctx(req), &p);
    if (r == 0)
        r = p.ref.entry->kind == VIEW_STREAM ? slice_of_stream(&p, size, off, &b) : -EACCES;
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    (void)fuse_reply_buf(req, b.data, b.len);
    cache_settle(&p);
}

static void fast_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
                      struct fuse_file_info *fi) {
    (void)fi;
    struct versions *vs = fs_of(req)->versions;
    struct version *v = version_id_is(id) ? version_find(vs, id) : NULL;
    if (v)
        read_version(req, v, size, off);
    else
        read_stream(req, id, size, off);
    version_unref(vs, v);
}

static void fast_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi) {
    (void)datasync;
    (void)fi;
    _cleanup_place_ struct place p = {0};
    int r = place_get(fs_of(req), id, fuse_req_ctx(req), &p);
    bool waits = r == 0 && p.ref.entry->flags & VIEW_SYNC;
    (void)fuse_reply_err(req, r < 0 ? -r : waits ? EROFS : 0);
}

void fast_look_after_mount(struct fs *fs, usec_t now) {
    dev_t device;
    if (fs->own_fd < 0 || usec_sub(now, fs->seen_mounted_at) < LOOK_US)
        return;
    fs->seen_mounted_at = now;
    if (mount_device(fs->mountpoint, &device) == 0 && device == fs->device)
        return;
    fs_leave_own_mount(fs);
}

/* What writes. The notifier's own calls are answered as on the ordinary mount. */

static void fast_setattr(fuse_req_t req, fuse_ino_t id, struct stat *attr, int to_set,
                         struct fuse_file_info *fi) {
    if (notify_step(fs_of(req)->notify, fuse_req_ctx(req)).kind == REPLAY_NONE)
        (void)fuse_reply_err(req, EROFS);
    else
        op_setattr(req, id, attr, to_set, fi);
}

static void fast_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode) {
    if (notify_step(fs_of(req)->notify, fuse_req_ctx(req)).kind == REPLAY_MAKE)
        op_mkdir(req, parent, name, mode);
    else
        (void)fuse_reply_err(req, EROFS);
}

static void fast_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name) {
    if (notify_step(fs_of(req)->notify, fuse_req_ctx(req)).kind == REPLAY_DROP)
        op_rmdir(req, parent, name);
    else
        (void)fuse_reply_err(req, EROFS);
}

static void fast_unlink(fuse_req_t req, fuse_ino_t parent, const char *name) {
    (void)parent;
    (void)name;
    (void)fuse_reply_err(req, EROFS);
}

/* NOLINTNEXTLINE(readability-function-size): libfuse dictates the parameters */
static void fast_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                        const char *new_name, unsigned flags) {
    (void)parent;
    (void)name;
    (void)new_parent;
    (void)new_name;
    (void)flags;
    (void)fuse_reply_err(req, EROFS);
}

static void fast_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name) {
    (void)target;
    (void)parent;
    (void)name;
    (void)fuse_reply_err(req, EROFS);
}

static void fast_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name) {
    (void)id;
    (void)new_parent;
    (void)new_name;
    (void)fuse_reply_err(req, EROFS);
}

/* CREATE is left out: the kernel asks for this instead. */
static void fast_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                       dev_t device) {
    (void)parent;
    (void)name;
    (void)mode;
    (void)device;
    (void)fuse_reply_err(req, EROFS);
}

/* NOLINTNEXTLINE(readability-function-size): libfuse dictates the parameters */
static void fast_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t size, off_t off,
                       struct fuse_file_info *fi) {
    (void)id;
    (void)data;
    (void)size;
    (void)off;
    (void)fi;
    (void)fuse_reply_err(req, EROFS);
}

/* FLUSH is left out, too: the kernel remembers that there is none. */
const struct fuse_lowlevel_ops *fast_operations(void) {
    static const struct fuse_lowlevel_ops operations = {
        .init = op_init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .setattr = fast_setattr,
        .readlink = op_readlink,
        .statfs = op_statfs,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .fsyncdir = op_fsyncdir,
        .open = fast_open,
        .read = fast_read,
        .fsync = fast_fsync,
        .poll = fast_poll,
        .write = fast_write,
        .mkdir = fast_mkdir,
        .rmdir = fast_rmdir,
        .unlink = fast_unlink,
        .rename = fast_rename,
        .symlink = fast_symlink,
        .link = fast_link,
        .mknod = fast_mknod,
    };
    return &operations;
}
