/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include "base/cond.h"
#include "base/log.h"
#include "fast.h"
#include "model/builder.h"
#include "polls.h"
#include "renew.h"
#include "replay.h"
#include "sleepers.h"
#include "touch.h"
#include "vnode.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define QUEUE_MAX ((size_t)1 << 17)
#define OWN_MAX 64u
#define ALIASES_MAX 64u
#define STOP_WAIT_S 5
#define LATE_STEP_US (5 * USEC_MS)
#define GONE_A_ROUND 64u      /* names of removed nodes: the kernel frees some twenty inodes each */
#define GIVE_BACK_AFTER 1024u /* removed objects */

DEFINE_VEC(change_queue, struct change);

struct notify {
    struct fs *fs;
    pthread_t thread;
    bool running;
    atomic_int thread_id;     /* 0: it does not run yet */
    struct replays *replays;  /* the thread's own */
    struct id_vec late;       /* the thread's own: inodes whose drop waits */
    usec_t late_due;          /* when to look at them again; USEC_NEVER: there are none */
    struct change_queue gone; /* the thread's own: nodes whose names the kernel still has */
    size_t next_gone;
    size_t removed; /* the thread's own: objects since memory was given back */
    /* Held from the collecting of inodes until the kernel was told, so that nobody answers in
       between; nothing that happens under it waits for an answer. */
    pthread_mutex_t dropping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct change_queue queue;
    struct id_vec again; /* inodes */
    bool all;            /* the queue overflowed: everything may have changed */
    bool stop;
    struct replay_step step;
    usec_t busy_since;
    uint64_t own[OWN_MAX];
    size_t next_own;
};

/* What one round of the thread works on. */
struct round {
    struct fs *fs;
    struct notify *n;
    const struct snapshot *snapshot;
    struct change_queue changes;
    struct id_vec again, clusters;
    bool all;
};

static usec_t monotonic(void) {
    return clock_monotonic(&clock_real);
}

int notify_new(struct fs *fs, struct notify **ret) {
    struct notify *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    int r = replays_new(fs, &n->replays);
    if (r < 0) {
        free(n);
        return r;
    }
    n->fs = fs;
    n->late_due = USEC_NEVER;
    (void)pthread_mutex_init(&n->dropping, NULL);
    (void)pthread_mutex_init(&n->lock, NULL);
    r = cond_init(&n->wake);
    if (r < 0) {
        notify_free(n);
        return r;
    }
    *ret = n;
    return 0;
}

void notify_free(struct notify *n) {
    if (!n)
        return;
    notify_stop(n);
    replays_free(n->replays);
    change_queue_done(&n->queue);
    id_vec_done(&n->again);
    id_vec_done(&n->late);
    change_queue_done(&n->gone);
    (void)pthread_cond_destroy(&n->wake);
    (void)pthread_mutex_destroy(&n->lock);
    (void)pthread_mutex_destroy(&n->dropping);
    free(n);
}

void notify_changed(struct notify *n, const struct change *changes, size_t count) {
    LOCK_SCOPE(&n->lock);
    if (n->queue.len + count > QUEUE_MAX || change_queue_reserve(&n->queue, count) < 0)
        n->all = true;
    else if (count > 0)
        memcpy(n->queue.items + n->queue.len, changes, count * sizeof(*changes));
    n->queue.len += n->all ? 0 : count;
    (void)pthread_cond_signal(&n->wake);
}

/* The inode of the table that a node id stands for. */
static uint64_t inode_of(const struct fs *fs, uint64_t node_id) {
    bool versioned = fs->versions && version_id_is(node_id);
    struct version *version = versioned ? version_find(fs->versions, node_id) : NULL;
    struct vnode *v = vnode_id_is(node_id) ? vnode_find(fs->vnodes, node_id) : NULL;
    uint64_t inode = v ? vnode_inode(fs->vnodes, v) : version ? version->inode : node_id;
    vnode_unref(fs->vnodes, v);
    version_unref(fs->versions, version);
    return inode;
}

void notify_again(struct notify *n, uint64_t node_id) {
    uint64_t inode = inode_of(n->fs, node_id);
    cache_outdated(n->fs->cache, inode);
    LOCK_SCOPE(&n->lock);
    if (n->again.len >= QUEUE_MAX || id_vec_append(&n->again, inode) < 0)
        n->all = true;
    (void)pthread_cond_signal(&n->wake);
}

usec_t notify_busy_since(struct notify *n) {
    LOCK_SCOPE(&n->lock);
    return n->busy_since;
}

void notify_own_change(struct notify *n, uint64_t object_id) {
    LOCK_SCOPE(&n->lock);
    n->own[n->next_own] = object_id;
    n->next_own = (n->next_own + 1) % OWN_MAX;
}

static bool take_own(struct notify *n, uint64_t object_id) {
    LOCK_SCOPE(&n->lock);
    for (size_t i = 0; i < OWN_MAX; i++)
        if (n->own[i] == object_id) {
            n->own[i] = 0;
            return true;
        }
    return false;
}

struct replay_step notify_step(struct notify *n, const struct fuse_ctx *caller) {
    if (!caller->pid || caller->pid != atomic_load(&n->thread_id))
        return (struct replay_step){0};
    LOCK_SCOPE(&n->lock);
    return n->step;
}

bool notify_touches(struct notify *n, uint64_t node_id) {
    LOCK_SCOPE(&n->lock);
    return n->step.kind == REPLAY_TOUCH && n->step.node_id == node_id;
}

void notify_set_step(struct notify *n, struct replay_step step) {
    LOCK_SCOPE(&n->lock);
    n->step = step;
}

/* Telling the kernel what is stale */

/* Drops one inode. 0; or until when that has to wait. */
static usec_t drop(struct fs *fs, uint64_t inode, enum cache_patience patience) {
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
        usec_t until = drop(fs, inodes.items[i], CACHE_AFTER_READERS);
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
    usec_t until = drop(x->fs, inode, CACHE_AFTER_ANSWERS);
    if (until == 0)
        return;
    if (id_vec_append(&n->late, inode) < 0)
        (void)drop(x->fs, inode, CACHE_AT_ONCE);
    else if (until < n->late_due)
        n->late_due = until;
}

static void drop_all(struct round *x, const struct id_vec *inodes) {
    for (size_t i = 0; i < inodes->len; i++)
        drop_or_wait(x, inodes->items[i]);
}

/* One object after the other, so that those who answer wait for one at most. */
static void drop_object(struct round *x, uint64_t id) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    collect_object(x->fs, id, false, &inodes);
    drop_all(x, &inodes);
    id_vec_done(&inodes);
}

static void drop_cluster(struct round *x, uint64_t id) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    collect_cluster(x->fs, x->snapshot, id, false, &inodes);
    drop_all(x, &inodes);
    id_vec_done(&inodes);
}

static void drop_everything(struct round *x) {
    struct id_vec inodes = {0};
    LOCK_SCOPE(&x->n->dropping);
    cache_collect_all(x->fs->cache, &inodes);
    if (x->fs->versions)
        versions_collect_all(x->fs->versions, &inodes);
    drop_all(x, &inodes);
    id_vec_done(&inodes);
}

/* When the texts of large files have come to take much memory: those that nobody reads go. */
static void drop_large(struct round *x) {
    struct id_vec inodes = {0};
    if (!x->fs->versions || !versions_are_too_many(x->fs->versions))
        return;
    versions_collect_large(x->fs->versions, &inodes);
    drop_all(x, &inodes);
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

static void drop_stale(struct round *x) {
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
    drop_all(x, &x->again);
    drop_late(x);
}

/* Names that went */

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
        (void)drop(x->fs, inodes.items[i], CACHE_AT_ONCE);
    id_vec_done(&inodes);
    cache_forget(x->fs->cache, change->id, &where);
    bool own = take_own(x->n, change->id);
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
    drop_all(x, &inodes);
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

static void drop_names(struct round *x) {
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

/* Watchers */

static void queue_watched(struct round *x, uint64_t object_id) {
    struct id_vec inodes = {0};
    cache_watched(x->fs->cache, object_id, &inodes);
    if (x->fs->versions)
        versions_collect_watched(x->fs->versions, object_id, &inodes);
    for (size_t i = 0; i < inodes.len; i++)
        replays_add(x->n->replays, inodes.items[i]);
    id_vec_done(&inodes);
}

static void queue_replays(struct round *x) {
    queue_watched(x, 0);
    for (size_t i = 0; i < x->clusters.len; i++) {
        const struct cluster *cl = snapshot_cluster(x->snapshot, x->clusters.items[i]);
        queue_watched(x, x->clusters.items[i]);
        for (size_t k = 0; cl && k < cl->arrays.len; k++)
            queue_watched(x, cluster_array(cl, k)->id);
    }
    for (size_t i = 0; i < x->changes.len; i++) {
        const struct change *change = &x->changes.items[i];
        if (change->removed)
            continue;
        if (change->type == OBJECT_NODE)
            queue_watched(x, change->id);
        bool directory = change->type == OBJECT_NODE || change->type == OBJECT_CLUSTER;
        if (change->added && directory && !take_own(x->n, change->id))
            replays_add_made(x->n->replays, change->id, change->type);
    }
}

/* The thread */

static bool idle(const struct notify *n) {
    return n->queue.len == 0 && n->again.len == 0 && !n->all && !n->stop;
}

/* When there is something to do that nobody announces. */
static usec_t next_due(const struct notify *n) {
    usec_t due = replays_due(n->replays, monotonic());
    if (n->gone.len)
        return 0;
    return n->late_due < due ? n->late_due : due;
}

/* Waits for work. False when the thread is to end. */
static bool take(struct notify *n, struct round *ret) {
    usec_t due = next_due(n);
    LOCK_SCOPE(&n->lock);
    n->busy_since = 0;
    if (idle(n))
        cond_wait_until(&n->wake, &n->lock, due);
    n->busy_since = monotonic();
    *ret = (struct round){.fs = n->fs, .n = n, .all = n->all};
    ret->changes = n->queue;
    ret->again = n->again;
    n->queue = (struct change_queue){0};
    n->again = (struct id_vec){0};
    n->all = false;
    return !n->stop;
}

/* When many objects went, what they took goes back to the system: the allocator would keep it, for
   here and there something lives on between. */
static void give_back(struct notify *n) {
    if (n->removed < GIVE_BACK_AFTER || n->gone.len)
        return;
    n->removed = 0;
    (void)malloc_trim(0);
}

static bool has_work(const struct round *x) {
    return x->changes.len || x->again.len || x->all || x->n->gone.len ||
           x->n->late_due <= monotonic();
}

static void tell(struct round *x) {
    if (has_work(x)) {
        x->snapshot = model_acquire(x->fs->gateway->model);
        drop_stale(x);
        drop_names(x);
        polls_wake(x->fs, &x->clusters);
        if (x->fs->sleepers)
            sleepers_wake(x->fs);
        queue_replays(x);
        model_release(x->snapshot);
    }
    change_queue_done(&x->changes);
    id_vec_done(&x->again);
    id_vec_done(&x->clusters);
    give_back(x->n);
}

/* One event at a time: what is stale comes first. */
static void replay_one(struct notify *n) {
    uint64_t id = 0, size = 0;
    enum object_type type = OBJECT_NODE;
    fast_look_after_mount(n->fs, monotonic());
    if (replays_next_made(n->replays, monotonic(), &id, &type))
        touch_made(n->fs, id, type);
    else if (replays_next(n->replays, monotonic(), &id, &size))
        touch_file(n->fs, id, size);
}

static void *run(void *arg) {
    struct notify *n = arg;
    struct round round;
    atomic_store(&n->thread_id, gettid());
    for (bool more = true; more;) {
        more = take(n, &round);
        tell(&round);
        if (more)
            replay_one(n);
    }
    return NULL;
}

int notify_run(struct notify *n) {
    int r = -pthread_create(&n->thread, NULL, run, n);
    n->running = r == 0;
    return r;
}

void notify_stop(struct notify *n) {
    if (!n || !n->running)
        return;
    (void)pthread_mutex_lock(&n->lock);
    n->stop = true;
    (void)pthread_cond_signal(&n->wake);
    (void)pthread_mutex_unlock(&n->lock);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WAIT_S;
    if (pthread_timedjoin_np(n->thread, NULL, &until) != 0) {
        log_warning("the notifier hangs in the kernel; aborting the connection");
        (void)mount_abort(n->fs->device);
        (void)pthread_join(n->thread, NULL);
    }
    n->running = false;
}
