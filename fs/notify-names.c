/* SPDX-License-Identifier: MIT */
/* Names that went: the kernel forgets them, and watchers see them go. */
#include "notify-internal.h"

#include "replay.h"
#include "touch.h"
#include "version.h"
#include "vnode.h"

#include <errno.h>

#define GONE_A_ROUND 64u /* names of removed nodes: the kernel frees some twenty inodes each */

/* As touch_removed, as far as the budget goes. 0 or -errno. */
static int replay_rmdir(struct round *x, const struct change *change, const char *name) {
    const struct cluster *cl =
        change->type == OBJECT_NODE ? snapshot_cluster(x->snapshot, change->cluster_id) : NULL;
    if ((change->type == OBJECT_NODE && !cl) || !replays_afford(x->n->replays, monotonic()))
        return -EAGAIN;
    const struct view_entry *self = view_self(cl ? VIEW_OF_NODE : VIEW_OF_CLUSTER);
    return touch_removed(x->fs, cl, name, change->id << 8 | self->row);
}

static void removed(struct round *x, const struct change *change) {
    x->n->removed++;
    struct cache_name where;
    struct id_vec inodes = {0};
    cache_collect_pinned(x->fs->cache, change->id, &inodes);
    for (size_t i = 0; i < inodes.len; i++) /* open descriptors get ESTALE from now on */
        (void)notify_drop(x->fs, inodes.items[i], CACHE_AT_ONCE);
    id_vec_done(&inodes);
    cache_forget(x->fs->cache, change->id, &where);
    bool own = notify_take_own(x->n, change->id);
    bool replay = where.name && where.parent && !own &&
                  (change->type == OBJECT_NODE || change->type == OBJECT_CLUSTER);
    if (replay && replay_rmdir(x, change, where.name) == 0)
        where.parent = 0;
    if (where.name) {
        touch_forget_name(x->fs, where.parent, where.name);
        touch_forget_name(x->fs, where.link_parent, where.name);
    }
    if (change->type == OBJECT_CLUSTER)
        cache_forget_cluster(x->fs->cache, change->id);
    free(where.name);
}

/* Asks the newest snapshot, not the round's: the directory may have been made since, with a scratch
   file in it. */
static bool directory_is_gone(void *arg, uint64_t inode) {
    const struct fs *fs = arg;
    struct view_ref ref;
    const struct snapshot *s = model_acquire(fs->gateway->model);
    bool gone = view_from_inode(s, inode, &ref) < 0;
    model_release(s);
    return gone;
}

/* Some of the removed nodes. A hundred thousand take the kernel many seconds, in which other
   changes are to be told, too. */
static void drop_gone(struct round *x) {
    struct notify *n = x->n;
    for (unsigned i = 0; i < GONE_A_ROUND && n->next_gone < n->gone.len; i++)
        removed(x, &n->gone.items[n->next_gone++]);
    if (n->next_gone == n->gone.len) {
        change_queue_done(&n->gone);
        n->next_gone = 0;
    }
}

/* A cluster has another name, which files of its nodes tell as well. */
static void drop_members(struct round *x, uint64_t cluster_id) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    cache_collect_cluster(x->fs->cache, cluster_id, &inodes);
    if (x->fs->versions)
        versions_collect_all(x->fs->versions, &inodes);
    notify_drop_all(x, &inodes);
    id_vec_done(&inodes);
}

/* After an overflow nobody has said what went: all that the kernel knows is looked at. */
static void queue_absent(struct round *x) {
    struct id_vec inodes = {0};
    cache_collect_objects(x->fs->cache, &inodes);
    for (size_t i = 0; i < inodes.len; i++) {
        struct change gone = {.type = OBJECT_ARRAY, .id = inodes.items[i] >> 8, .removed = true};
        if (directory_is_gone(x->fs, inodes.items[i]) && change_queue_append(&x->n->gone, gone) < 0)
            removed(x, &gone);
    }
    id_vec_done(&inodes);
}

void notify_drop_names(struct round *x) {
    bool cluster = x->all;
    if (x->all)
        queue_absent(x);
    for (size_t i = 0; i < x->changes.len; i++) {
        const struct change *change = &x->changes.items[i];
        if (!change->removed)
            continue;
        cluster = cluster || change->type == OBJECT_CLUSTER;
        if (change->type != OBJECT_NODE || change_queue_append(&x->n->gone, *change) < 0)
            removed(x, change);
    }
    drop_gone(x);
    if (cluster)
        scratch_drop(x->fs->vnodes, directory_is_gone, x->fs);
    for (size_t i = 0; i < x->clusters.len; i++) {
        const struct cluster *cl = snapshot_cluster(x->snapshot, x->clusters.items[i]);
        struct cache_name before = {0};
        if (cl)
            cache_rename(x->fs->cache, cl, &before);
        if (before.name) {
            touch_forget_name(x->fs, before.parent, before.name);
            drop_members(x, cl->id);
        }
        free(before.name);
    }
}
