/* SPDX-License-Identifier: MIT */
#include "touch.h"

#include "base/log.h"
#include "cache.h"
#include "version.h"
#include "vnode.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define IDS_MAX 64u

void touch_forget_name(struct fs *fs, uint64_t parent, const char *name) {
    if (parent)
        (void)fuse_lowlevel_notify_inval_entry(fs->session, parent, name, strlen(name));
}

/* The root of the own mount, for writing, unless something else is mounted over it. A descriptor,
   -EROFS, -EXDEV or another -errno. */
static int open_root(const struct fs *fs) {
    struct statx st;
    int fd = fs->own_path ? open(fs->own_path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return fs->own_path ? -errno : -EROFS;
    int r = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 ? -errno : 0;
    if (r == 0 && makedev(st.stx_dev_major, st.stx_dev_minor) == fs->device)
        return fd;
    (void)close(fd);
    return r < 0 ? r : -EXDEV;
}

/* Opens a path below the root, "" for itself. A descriptor, or -errno: -EXDEV at another mount. */
static int open_below(const struct fs *fs, const char *path, unsigned flags) {
    int root = open_root(fs);
    if (root < 0 || !*path)
        return root;
    const struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
    };
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    int r = -errno;
    (void)close(root);
    return fd < 0 ? r : fd;
}

/* The directory that holds a cluster's nodes, or all clusters. A descriptor or -errno. */
static int open_parent(const struct fs *fs, const struct cluster *cl) {
    _cleanup_buf_ struct buf path = BUF_INIT(LIMIT_VALUE_BYTES);
    int r = cl ? buf_printf(&path, "%s/nodes", str_text(cl->name)) : buf_puts(&path, "");
    return r < 0 ? r : open_below(fs, path.data, O_PATH | O_DIRECTORY);
}

/* What the kernel has under a name, without asking the server; 0: nothing. */
static uint64_t cached_inode(int parent, const char *name) {
    struct statx st;
    const int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    return statx(parent, name, flags, STATX_INO, &st) < 0 ? 0 : st.stx_ino;
}

/* A directory that is made anew, or gets this name, before the notifier comes to the old one must
   not be the one that the kernel takes for removed: it would be empty as long as it is known. */
int touch_removed(struct fs *fs, const struct cluster *cl, const char *name, uint64_t inode) {
    int parent = open_parent(fs, cl);
    if (parent < 0)
        return parent;
    notify_set_step(fs->notify, (struct replay_step){.kind = REPLAY_DROP});
    bool there = cached_inode(parent, name) == inode;
    int r = !there ? -ESTALE : unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
    notify_set_step(fs->notify, (struct replay_step){0});
    (void)close(parent);
    return r;
}

/*
 * Opens and closes a file that `sync` waits on, as a writer does, and truncates it between to the
 * size that it has. The truncation takes the inode's lock, which the kernel holds while an FSYNC is
 * unanswered: there is none where somebody has the node id open and may wait. Who opens it from
 * now on knows of the step, and takes another node id (begin in handle.c).
 */
static void touch_waited_on(struct fs *fs, const char *path, uint64_t size, uint64_t node_id) {
    int fd = open_below(fs, path, O_WRONLY);
    if (fd >= 0 && !vnode_is_read(fs->vnodes, node_id) && ftruncate(fd, (off_t)size) < 0)
        log_debug("%s: no event: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

/* Truncates a file, which need not be writable, to the size that it has. */
static void touch_plain(struct fs *fs, const char *path, uint64_t size) {
    _cleanup_buf_ struct buf exact = BUF_INIT(64);
    int fd = open_below(fs, path, O_PATH);
    if (fd < 0)
        return;
    if (buf_printf(&exact, "/proc/self/fd/%d", fd) == 0 && truncate(exact.data, (off_t)size) < 0 &&
        errno == EACCES)
        (void)utimensat(AT_FDCWD, exact.data, NULL,
                        0); /* not root: an owner may at least do that */
    (void)close(fd);
}

/* Tells those who watch one node id of a file. What fails has nothing to tell: the file went
   meanwhile. */
static void touch(struct fs *fs, const char *path, uint64_t size, bool waited_on,
                  struct replay_step step) {
    notify_set_step(fs->notify, step);
    if (waited_on)
        touch_waited_on(fs, path, size, step.node_id);
    else
        touch_plain(fs, path, size);
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
    _cleanup_buf_ struct buf path = BUF_INIT(LIMIT_VALUE_BYTES);
    if (place_get(fs, inode, &self, &p) < 0)
        return;
    if (p.ctx.cluster)
        (void)buf_printf(&path, "%s/", str_text(p.ctx.cluster->name));
    if (place_name(&p, &path) < 0)
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

/* Makes a directory again; EEXIST: somebody looked it up just now, and has seen it. */
static void make(struct fs *fs, const struct cluster *cl, const struct str *name,
                 uint64_t object_id) {
    int parent = open_parent(fs, cl);
    if (parent < 0)
        return;
    notify_set_step(fs->notify, (struct replay_step){.kind = REPLAY_MAKE, .inode = object_id});
    (void)mkdirat(parent, str_text(name), 0755);
    notify_set_step(fs->notify, (struct replay_step){0});
    (void)close(parent);
}

void touch_made(struct fs *fs, uint64_t object_id, enum object_type type) {
    const struct cluster *cl = NULL;
    struct cache_name where;
    cache_where(fs->cache, object_id, &where);
    if (where.name)
        touch_forget_name(fs, where.parent, where.name);
    free(where.name);
    const struct snapshot *s = model_acquire(fs->gateway->model);
    const struct node *node = type == OBJECT_NODE ? snapshot_node(s, object_id, &cl) : NULL;
    const struct cluster *made = type == OBJECT_CLUSTER ? snapshot_cluster(s, object_id) : NULL;
    if (node)
        make(fs, cl, node->name, object_id);
    else if (made)
        make(fs, NULL, made->name, object_id);
    model_release(s);
}
