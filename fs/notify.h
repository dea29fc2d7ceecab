/* SPDX-License-Identifier: MIT */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

/*
 * The notifier: one thread that tells the kernel what the engine changed. First what became stale,
 * then the sleepers in poll(2), and last, as far as the budget goes, the watchers: a change is
 * replayed through the own mount, because only that makes an inotify event. The workers recognise
 * the notifier by its thread id and answer without changing anything.
 *
 * A worker never waits for the notifier, and the notifier holds no lock while it talks to the
 * kernel.
 */

#include "internal.h"

#include "cache.h"

int notify_new(struct fs *fs, struct notify **ret);
/* Starts the thread. 0 or -errno. */
int notify_run(struct notify *n);
/* Ends the thread; a wedged one by aborting the connection. Queuing afterwards does nothing. */
void notify_stop(struct notify *n);
void notify_free(struct notify *n);

/* Queues changes. Engine thread. */
void notify_changed(struct notify *n, const struct change *changes, size_t count);
/* Has a node id dropped that may have been answered with old contents. Any thread. */
void notify_again(struct notify *n, uint64_t node_id);
/* The kernel has forgotten so many node ids: when they have come to be many, the memory that they
   took goes back to the system. Any thread. */
void notify_forgotten(struct notify *n, size_t count);
/* Since when the thread talks to the kernel, monotonic; 0: it does not. */
usec_t notify_busy_since(struct notify *n);

/* Drops what the kernel holds of a cluster and one object in it, before the caller who changed them
   is answered. Not for workers: it may wait for a READ to be answered. 0; or, when somebody reads
   one of the files just now, when to ask again (monotonic). */
usec_t notify_before_answer(struct fs *fs, uint64_t cluster_id, uint64_t about_id);

/* What the notifier does now, for the worker that serves it. */
enum replay_kind {
    REPLAY_NONE,  /* this request is not the notifier's */
    REPLAY_TOUCH, /* SETATTR: answer with the attributes; LOOKUP of `inode`: with `node_id` */
    REPLAY_MAKE,  /* MKDIR: answer with what is there; LOOKUP of the name before: ENOENT */
    REPLAY_DROP,  /* RMDIR: answer 0, or ENOENT where another directory has the name */
};

struct replay_step {
    enum replay_kind kind;
    uint64_t inode, node_id;
};

/* True while the notifier tells the watchers of this node id, for which it needs the inode's lock.
 */
bool notify_touches(struct notify *n, uint64_t node_id);
/* Before and after each. Notifier thread. */
void notify_set_step(struct notify *n, struct replay_step step);
struct replay_step notify_step(struct notify *n, const struct fuse_ctx *caller);
/* A client made or removed this object through the mount: the kernel has told watchers itself. */
void notify_own_change(struct notify *n, uint64_t object_id);

#endif
