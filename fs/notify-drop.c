/* SPDX-License-Identifier: MIT */
/* What is stale: the kernel is told, now or as soon as nobody is in the middle of it. */
#include "notify-internal.h"

#include "renew.h"
#include "version.h"
#include "vnode.h"

#define ALIASES_MAX 64u
#define LATE_STEP_US (5 * USEC_MS)

usec_t notify_drop(struct fs *fs, uint64_t inode, enum cache_patience patience) {
    uint64_t aliases[ALIASES_MAX];
    if (renew_file(fs, inode))
        return 0;
    usec_t until = cache_drop_begins(fs->cache, inode, patience);
    if (until)
        return until;
    (void)fuse_lowlevel_notify_inval_inode(fs->session, inode, 0, 0);
    size_t n = vnode_aliases(fs->vnodes, inode, aliases, ALIASES_MAX);
    for (size_t k = 0; k < n; k++)
        (void)fuse_lowlevel_notify_inval_inode(fs->session, aliases[k], 0, 0);
    if (!cache_drop_ends(fs->cache, inode))
        notify_again(fs->notify, inode);
    return 0;
}

static void collect_object(struct fs *fs, uint64_t id, bool waiting_too, struct id_vec *ret) {
    cache_collect(fs->cache, id, waiting_too, ret);
    if (fs->versions)
        versions_collect(fs->versions, id, ret);
}

static void collect_cluster(struct fs *fs, const struct snapshot *s, uint64_t id, bool waiting_too,
                            struct id_vec *ret) {
    const struct cluster *cl = snapshot_cluster(s, id);
    collect_object(fs, id, waiting_too, ret);
    for (size_t i = 0; cl && i < cl->arrays.len; i++)
        collect_object(fs, cluster_array(cl, i)->id, waiting_too, ret);
    if (!cl || !cache_access_changed(fs->cache, cl))
        return;
    cache_collect_cluster(fs->cache, id, ret);
    renew_access(fs);
}

usec_t notify_before_answer(struct fs *fs, uint64_t cluster_id, uint64_t about_id) {
    struct id_vec inodes = {0};
    usec_t due = 0;
    const struct snapshot *s = model_acquire(fs->gateway->model);
    LOCK_SCOPE(&fs->notify->dropping);
    cache_collect(fs->cache, 0, true, &inodes);
    if (cluster_id)
        collect_cluster(fs, s, cluster_id, true, &inodes);
    if (about_id)
        cache_collect(fs->cache, about_id, true, &inodes);
    model_release(s);
    for (size_t i = 0; i < inodes.len; i++) {
        usec_t until = notify_drop(fs, inodes.items[i], CACHE_AFTER_READERS);
        if (until)
            notify_again(fs->notify, inodes.items[i]); /* it wakes the sleepers, too */
        due = until > due ? until : due;
    }
    id_vec_done(&inodes);
    return due;
}

/* One round: what is stale */

static void add_once(struct id_vec *v, uint64_t id) {
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i] == id)
            return;
    (void)id_vec_append(v, id);
}

/* Drops an inode now, or as soon as nobody is in the middle of it. */
static void drop_or_wait(struct round *x, uint64_t inode) {
    struct notify *n = x->n;
    usec_t until = notify_drop(x->fs, inode, CACHE_AFTER_ANSWERS);
    if (until == 0)
        return;
    if (id_vec_append(&n->late, inode) < 0)
        (void)notify_drop(x->fs, inode, CACHE_AT_ONCE);
    else if (until < n->late_due)
        n->late_due = until;
}

void notify_drop_all(struct round *x, const struct id_vec *inodes) {
    for (size_t i = 0; i < inodes->len; i++)
        drop_or_wait(x, inodes->items[i]);
}

/* One object after the other, so that those who answer wait for one at most. */
static void drop_object(struct round *x, uint64_t id) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    collect_object(x->fs, id, false, &inodes);
    notify_drop_all(x, &inodes);
    id_vec_done(&inodes);
}

static void drop_cluster(struct round *x, uint64_t id) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    collect_cluster(x->fs, x->snapshot, id, false, &inodes);
    notify_drop_all(x, &inodes);
    id_vec_done(&inodes);
}

static void drop_everything(struct round *x) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    cache_collect_all(x->fs->cache, &inodes);
    if (x->fs->versions)
        versions_collect_all(x->fs->versions, &inodes);
    notify_drop_all(x, &inodes);
    id_vec_done(&inodes);
}

/* When the texts of large files have come to take much memory: those that nobody reads go. */
static void drop_large(struct round *x) {
    struct id_vec inodes = {0};
    if (!x->fs->versions || !versions_are_too_many(x->fs->versions))
        return;
    versions_collect_large(x->fs->versions, &inodes);
    notify_drop_all(x, &inodes);
    id_vec_done(&inodes);
}

/* Those that waited. Sleepers and watchers of what is dropped now have not been told either. */
static void drop_late(struct round *x) {
    struct notify *n = x->n;
    usec_t now = monotonic();
    if (now < n->late_due)
        return;
    struct id_vec late = n->late;
    n->late = (struct id_vec){0};
    n->late_due = USEC_NEVER;
    for (size_t i = 0; i < late.len; i++) {
        if (cache_waits(x->fs->cache, late.items[i]))
            drop_or_wait(x, late.items[i]);
        if (!cache_waits(x->fs->cache, late.items[i]))
            add_once(&x->clusters, cache_cluster_of(x->fs->cache, late.items[i]));
    }
    id_vec_done(&late);
    if (n->late_due < now + LATE_STEP_US)
        n->late_due = now + LATE_STEP_US;
}

void notify_drop_stale(struct round *x) {
    drop_object(x, 0);
    for (size_t i = 0; i < x->changes.len; i++) {
        const struct change *change = &x->changes.items[i];
        add_once(&x->clusters, change->cluster_id);
        if (!change->removed)
            drop_object(x, change->id);
    }
    for (size_t i = 0; x->all && i < x->snapshot->clusters.len; i++)
        add_once(&x->clusters, ((struct cluster *)x->snapshot->clusters.items[i])->id);
    for (size_t i = 0; i < x->clusters.len; i++)
        drop_cluster(x, x->clusters.items[i]);
    if (x->all)
        drop_everything(x);
    drop_large(x);
    notify_drop_all(x, &x->again);
    drop_late(x);
}
