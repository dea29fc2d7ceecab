/* SPDX-License-Identifier: MIT */
#include "touch.h"

#include "base/log.h"
#include "cache.h"
#include "version.h"
#include "vnode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define IDS_MAX 64u

void touch_forget_name(struct fs *fs, uint64_t parent, const char *name) {
    if (parent)
        (void)fuse_lowlevel_notify_inval_entry(fs->session, parent, name, strlen(name));
}

/* A path below the mount, for writing. 0, -EROFS or -ENOMEM. */
static int path_of(const struct fs *fs, const struct cluster *cl, const char *between,
                   const char *name, struct buf *b) {
    if (!fs->own_path)
        return -EROFS;
    return buf_printf(b, "%s/%s%s%s", fs->own_path, cl ? str_text(cl->name) : "", between, name);
}

int touch_removed(struct fs *fs, const struct cluster *cl, const char *name) {
    _cleanup_buf_ struct buf path = BUF_INIT(LIMIT_VALUE_BYTES);
    int r = path_of(fs, cl, cl ? "/nodes/" : "", name, &path);
    if (r < 0)
        return r;
    notify_set_step(fs->notify, (struct replay_step){.kind = REPLAY_DROP});
    r = rmdir(path.data) < 0 ? -errno : 0;
    notify_set_step(fs->notify, (struct replay_step){0});
    return r;
}

/*
 * Opens and closes a file that `sync` waits on, as a writer does, and truncates it between to the
 * size that it has. The truncation takes the inode's lock, which the kernel holds while an FSYNC is
 * unanswered: there is none where somebody has the node id open and may wait. Who opens it from
 * now on knows of the step, and takes another node id (begin in handle.c).
 */
static void touch_waited_on(struct fs *fs, const char *path, uint64_t size, uint64_t node_id) {
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && !vnode_is_read(fs->vnodes, node_id) && ftruncate(fd, (off_t)size) < 0)
        log_debug("%s: no event: %s", path, strerror(errno));
}

/* Tells those who watch one node id of a file. What fails has nothing to tell: the file went
   meanwhile. */
static void touch(struct fs *fs, const char *path, uint64_t size, bool waited_on,
                  struct replay_step step) {
    notify_set_step(fs->notify, step);
    if (waited_on)
        touch_waited_on(fs, path, size, step.node_id);
    else if (truncate(path, (off_t)size) < 0 && errno == EACCES)
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* not root: an owner may at least do that */
    notify_set_step(fs->notify, (struct replay_step){0});
}

/* The node ids under which the kernel may have a file, for watchers of each. Returns how many. */
static size_t ids_of(struct fs *fs, uint64_t inode, uint64_t *ids, size_t max) {
    return fs->versions ? version_ids(fs->versions, inode, ids, max)
                        : vnode_aliases(fs->vnodes, inode, ids, max);
}

/* Versions: the name leads to one of them for good, and the notifier means them all. */
static void free_name(struct fs *fs, const struct place *p) {
    struct view_ref parent;
    if (fs->versions && view_parent(p->snapshot, &p->ref, &parent) == 0)
        touch_forget_name(fs, view_inode(&parent), p->ref.entry->name);
}

void touch_file(struct fs *fs, uint64_t inode, uint64_t size) {
    struct fuse_ctx self = {0};
    uint64_t ids[IDS_MAX];
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf name = BUF_INIT(LIMIT_VALUE_BYTES), path = BUF_INIT(LIMIT_VALUE_BYTES);
    if (place_get(fs, inode, &self, &p) < 0 || place_name(&p, &name) < 0 ||
        path_of(fs, p.ctx.cluster, p.ctx.cluster ? "/" : "", name.data, &path) < 0)
        return;
    struct replay_step step = {.kind = REPLAY_TOUCH, .inode = inode, .node_id = inode};
    bool waited_on = !fs->versions && p.ref.entry->flags & VIEW_SYNC;
    size_t count = ids_of(fs, inode, ids, IDS_MAX);
    for (size_t i = 0; i < count; i++) {
        step.node_id = ids[i];
        free_name(fs, &p);
        touch(fs, path.data, size, waited_on, step);
    }
    if (count == 0 && !waited_on)
        touch(fs, path.data, size, waited_on, step);
}

void touch_made(struct fs *fs, uint64_t object_id, enum object_type type) {
    const struct cluster *cl = NULL;
    const struct snapshot *s = model_acquire(fs->gateway->model);
    _cleanup_buf_ struct buf path = BUF_INIT(LIMIT_VALUE_BYTES);
    const struct node *node = type == OBJECT_NODE ? snapshot_node(s, object_id, &cl) : NULL;
    const struct cluster *made = type == OBJECT_CLUSTER ? snapshot_cluster(s, object_id) : NULL;
    int r = -ENOENT;
    if (node)
        r = path_of(fs, cl, "/nodes/", str_text(node->name), &path);
    else if (made)
        r = path_of(fs, made, "", "", &path);
    model_release(s);
    struct cache_name where;
    cache_where(fs->cache, object_id, &where);
    if (where.name)
        touch_forget_name(fs, where.parent, where.name);
    free(where.name);
    if (r < 0)
        return;
    notify_set_step(fs->notify, (struct replay_step){.kind = REPLAY_MAKE, .inode = object_id});
    (void)mkdir(path.data, 0755); /* EEXIST: somebody looked it up just now, and has seen it */
    notify_set_step(fs->notify, (struct replay_step){0});
}
