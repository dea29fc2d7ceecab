/* SPDX-License-Identifier: MIT */
#include "notify-internal.h"

#include "base/cond.h"
#include "base/log.h"
#include "fast.h"
#include "polls.h"
#include "replay.h"
#include "sleepers.h"
#include "touch.h"
#include "version.h"
#include "vnode.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define QUEUE_MAX ((size_t)1 << 17)
#define STOP_WAIT_S 5
#define GIVE_BACK_AFTER 1024u /* removed objects */
#define FORGOTTEN_MANY 32768u /* node ids */

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
    if (!changes || n->queue.len + count > QUEUE_MAX || change_queue_reserve(&n->queue, count) < 0)
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

void notify_forgotten(struct notify *n, size_t count) {
    size_t before = atomic_fetch_add(&n->forgotten, count);
    if (before >= FORGOTTEN_MANY || before + count < FORGOTTEN_MANY)
        return;
    LOCK_SCOPE(&n->lock);
    (void)pthread_cond_signal(&n->wake);
}

usec_t notify_busy_since(struct notify *n) {
    LOCK_SCOPE(&n->lock);
    return n->busy_since;
}

void notify_own_change(struct notify *n, uint64_t object_id) {
    LOCK_SCOPE(&n->lock);
    n->own[n->next_own] = object_id;
    n->next_own = (n->next_own + 1) % NOTIFY_OWN_MAX;
}

bool notify_take_own(struct notify *n, uint64_t object_id) {
    LOCK_SCOPE(&n->lock);
    for (size_t i = 0; i < NOTIFY_OWN_MAX; i++)
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
        if (change->added && directory && !notify_take_own(x->n, change->id))
            replays_add_made(x->n->replays, change->id, change->type);
    }
}

/* The thread */

static bool idle(const struct notify *n) {
    return n->queue.len == 0 && n->again.len == 0 && !n->all && !n->stop &&
           atomic_load(&n->forgotten) < FORGOTTEN_MANY;
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

/* When many objects went, or the kernel forgot many node ids, what they took goes back to the
   system: the allocator would keep it, for here and there something lives on between. */
static void give_back(struct notify *n) {
    bool gone = n->removed >= GIVE_BACK_AFTER && !n->gone.len;
    if (!gone && atomic_load(&n->forgotten) < FORGOTTEN_MANY)
        return;
    n->removed = 0;
    atomic_store(&n->forgotten, 0);
    (void)malloc_trim(0);
}

static bool has_work(const struct round *x) {
    return x->changes.len || x->again.len || x->all || x->n->gone.len ||
           x->n->late_due <= monotonic();
}

static void tell(struct round *x) {
    if (has_work(x)) {
        x->snapshot = model_acquire(x->fs->gateway->model);
        notify_drop_stale(x);
        notify_drop_names(x);
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
