/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "cache.h"
#include "notify.h"
#include "version.h"
#include "vnode.h"
#include "workers.h"

#include <errno.h>
#include <string.h>

#define NODES_MANY 250u /* a text about so many takes some tenths of a millisecond */

void place_done(struct place *p) {
    if (p->snapshot)
        model_release(p->snapshot);
    if (p->vnode)
        vnode_unref(p->fs->vnodes, p->vnode);
    if (p->version)
        version_unref(p->fs->versions, p->version);
    *p = (struct place){0};
}

/* Takes a snapshot and fills the place for an inode of the table. 0 or -ESTALE. */
static int fill(struct place *p, uint64_t inode, const struct fuse_ctx *caller) {
    p->sequence = cache_sequence(p->fs->cache);
    p->snapshot = model_acquire(p->fs->gateway->model);
    int r = view_place(p->fs->gateway, p->snapshot, inode, &p->ref, &p->ctx);
    p->ctx.uid = caller->uid;
    p->ctx.gid = caller->gid;
    return r < 0 ? -ESTALE : 0;
}

/* Finds what a node id stands for: *ret_inode of the table, 0 for a scratch file. 0 or -ESTALE. */
static int resolve(struct place *p, uint64_t *ret_inode) {
    *ret_inode = p->node_id;
    if (p->fs->versions && version_id_is(p->node_id)) {
        p->version = version_find(p->fs->versions, p->node_id);
        if (!p->version)
            return -ESTALE;
        *ret_inode = p->version->inode;
    } else if (vnode_id_is(p->node_id)) {
        p->vnode = vnode_find(p->fs->vnodes, p->node_id);
        if (!p->vnode)
            return -ESTALE;
        *ret_inode = vnode_inode(p->fs->vnodes, p->vnode);
        p->scratch = *ret_inode == 0;
    }
    return 0;
}

int place_get(struct fs *fs, uint64_t node_id, const struct fuse_ctx *caller, struct place *ret) {
    _cleanup_place_ struct place p = {.fs = fs, .node_id = node_id};
    uint64_t inode;
    int r = resolve(&p, &inode);
    if (r == 0 && !p.scratch)
        r = fill(&p, inode, caller);
    if (r < 0)
        return r;
    *ret = p;
    p = (struct place){0};
    return 0;
}

void place_become(struct place *p, uint64_t node_id) {
    struct place other = {.fs = p->fs, .node_id = node_id};
    uint64_t inode;
    if (resolve(&other, &inode) < 0)
        return;
    p->vnode = other.vnode;
    p->version = other.version;
    p->passing = other.version;
    p->node_id = node_id;
}

bool place_is_versioned(const struct place *p) {
    const struct view_entry *entry = p->ref.entry;
    return p->fs->versions && !p->scratch && !p->ref.link && entry->show &&
           (entry->kind == VIEW_ATTR || entry->kind == VIEW_DOC);
}

bool place_is_document(const struct place *p) {
    return !p->scratch && !p->ref.link && p->ref.entry->kind == VIEW_DOC && p->ref.entry->store;
}

bool place_is_cluster(const struct place *p) {
    struct view_ref parent;
    return !p->scratch && p->ctx.cluster && !p->ctx.node && !p->ctx.array && p->ref.entry->dir &&
           view_parent(p->snapshot, &p->ref, &parent) == 0 && parent.object_id == 0;
}

static usec_t now(const struct fs *fs) {
    return clock_monotonic(fs->gateway->clock);
}

int place_lookup(const struct place *dir, const char *name, const struct fuse_ctx *caller,
                 struct place *ret) {
    struct fs *fs = dir->fs;
    if (strlen(name) > FS_NAME_MAX)
        return -ENAMETOOLONG;
    if (dir->scratch)
        return -ENOTDIR;
    struct view_ref ref;
    int r = view_lookup(fs->gateway, dir->snapshot, &dir->ref, name, &ref);
    if (r == 0) {
        if (ref.entry->kind == VIEW_DOC && vnode_hidden(fs->vnodes, view_inode(&ref), now(fs)))
            return -ENOENT;
        return place_get(fs, view_inode(&ref), caller, ret) < 0 ? -ENOENT : 0;
    }
    if (r != -ENOENT)
        return r;
    struct vnode *v = scratch_find(fs->vnodes, view_inode(&dir->ref), name);
    if (!v)
        return -ENOENT;
    *ret = (struct place){.fs = fs, .vnode = v, .scratch = true, .node_id = vnode_id(v)};
    return 0;
}

static struct timespec time_of(usec_t at) {
    return (struct timespec){.tv_sec = (time_t)(at / USEC_SEC),
                             .tv_nsec = (long)(at % USEC_SEC) * 1000};
}

/* The mount's own wishes for the root directory. */
static void adjust_root(const struct fs *fs, struct stat *st) {
    if (!fs->options.root_mode)
        return;
    st->st_mode = S_IFDIR | (fs->options.root_mode & 07777);
    st->st_gid = fs->options.root_gid;
}

/* How many nodes a text is about that tells of all of them. */
static uint64_t nodes_told(const struct place *p) {
    uint64_t n = 0;
    if (p->ctx.cluster)
        return cluster_node_count(p->ctx.cluster);
    for (size_t i = 0; i < p->snapshot->clusters.len; i++)
        n += cluster_node_count(p->snapshot->clusters.items[i]);
    return n;
}

/* When rendering will take a while, others are served meanwhile. */
static void expect_rendering(const struct place *p) {
    if (p->ref.entry->flags & VIEW_HELD && !p->ctx.node && nodes_told(p) >= NODES_MANY)
        workers_hand_over(p->fs->workers);
}

int place_show(const struct place *p, struct buf *b) {
    expect_rendering(p);
    return view_show(&p->ctx, &p->ref, b);
}

/* A version keeps its size and its time; who may read it is as it is now. */
static int attributes(const struct place *p, struct view_attr *ret) {
    if (!p->version) {
        expect_rendering(p);
        return view_attr(&p->ctx, &p->ref, ret);
    }
    view_attr_sized(&p->ctx, &p->ref, p->version->len, ret);
    ret->changed_at = p->version->changed_at;
    return 0;
}

int place_stat(const struct place *p, struct stat *ret) {
    if (p->scratch) {
        scratch_stat(p->fs->vnodes, p->vnode, ret);
        return 0;
    }
    struct view_attr attr;
    int r = attributes(p, &attr);
    if (r < 0)
        return r;
    struct timespec at = time_of(attr.changed_at);
    *ret = (struct stat){
        .st_ino = attr.inode,
        .st_mode = attr.mode,
        .st_nlink = attr.links,
        .st_uid = attr.uid,
        .st_gid = attr.gid,
        .st_size = (off_t)attr.size,
        .st_blocks = (blkcnt_t)((attr.size + 511) / 512),
        .st_blksize = 4096,
        .st_atim = at,
        .st_mtim = at,
        .st_ctim = at,
    };
    if (attr.inode == FUSE_ROOT_ID)
        adjust_root(p->fs, ret);
    return 0;
}

/* Replaces a plain place of the table by an alias where its kind wants one. */
static void choose_alias(struct place *p) {
    if (p->vnode || p->ref.link || p->ref.entry->dir)
        return;
    uint64_t inode = view_inode(&p->ref);
    if (p->ref.entry->flags & VIEW_SYNC)
        p->vnode = vnode_alias_new(p->fs->vnodes, inode);
    else if (place_is_document(p))
        p->vnode = vnode_alias_shared(p->fs->vnodes, inode);
    if (p->vnode)
        p->node_id = vnode_id(p->vnode);
}

/* The version that a file has in the snapshot of this place. 0 or -errno. */
static int choose_version(struct place *p) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    struct view_attr attr;
    if (!place_is_versioned(p) || p->version)
        return 0;
    int r = place_show(p, &text);
    if (r < 0)
        return r;
    view_attr_sized(&p->ctx, &p->ref, text.len, &attr);
    const struct version_news news = {
        .inode = attr.inode,
        .changed_at = attr.changed_at,
        .watched = p->ref.entry->flags & VIEW_POLL,
        .text = &text,
    };
    p->version = version_get(p->fs->versions, &news);
    if (!p->version)
        return -ENFILE;
    p->node_id = p->version->id;
    return 0;
}

/* Counts the lookup of an id that is not the table's. */
static void count_lookup(const struct place *p) {
    if (p->vnode)
        vnode_looked_up(p->fs->vnodes, p->vnode);
    if (p->version)
        version_looked_up(p->fs->versions, p->version);
}

struct cache_terms place_note(const struct place *p, struct stat *st) {
    uint64_t size = (uint64_t)st->st_size;
    struct cache_terms terms = cache_note(p, &size);
    /* There, streams grow without being announced: what the kernel holds goes when that is seen. */
    if (p->fs->versions && size != (uint64_t)st->st_size)
        notify_again(p->fs->notify, p->node_id);
    st->st_size = (off_t)size;
    return terms;
}

int place_entry(struct place *p, struct fuse_entry_param *ret) {
    struct fuse_entry_param e = {.generation = 1};
    int r = choose_version(p);
    if (r == 0)
        r = place_stat(p, &e.attr);
    if (r < 0)
        return r;
    if (!p->scratch && !p->fs->versions)
        choose_alias(p);
    count_lookup(p);
    e.ino = p->node_id;
    struct cache_terms terms = place_note(p, &e.attr);
    e.attr_timeout = terms.attr;
    e.entry_timeout = p->passing ? 0 : terms.entry;
    *ret = e;
    return 0;
}

void place_forget(struct fs *fs, uint64_t node_id, uint64_t n) {
    if (vnode_id_is(node_id))
        vnode_forget(fs->vnodes, node_id, n);
    else if (fs->versions && version_id_is(node_id))
        version_forget(fs->versions, node_id, n);
}

void place_entry_undo(struct fs *fs, const struct fuse_entry_param *e) {
    place_forget(fs, e->ino, 1);
}

void place_reply_entry(fuse_req_t req, struct place *p) {
    struct fuse_entry_param e;
    int r = place_entry(p, &e);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else if (fuse_reply_entry(req, &e) < 0)
        place_entry_undo(p->fs, &e);
    else
        cache_settle(p);
}

#define DEPTH_MAX 8

int place_name(const struct place *p, struct buf *b) {
    const char *names[DEPTH_MAX];
    size_t n = 0;
    struct view_ref ref = p->ref, parent;
    if (p->scratch)
        return buf_puts(b, "a scratch file");
    while (n < DEPTH_MAX && view_inode(&ref) != FUSE_ROOT_ID &&
           view_parent(p->snapshot, &ref, &parent) == 0) {
        bool object = ref.link || parent.object_id != ref.object_id;
        if (object && p->ctx.cluster && ref.object_id == p->ctx.cluster->id)
            break;
        names[n++] = object ? view_object_name(&p->ctx) : ref.entry->name;
        ref = parent;
    }
    while (n-- > 0)
        (void)buf_printf(b, "%s%s", names[n], n ? "/" : "");
    return buf_error(b);
}
